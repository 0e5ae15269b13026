//! One change before all rules: shaped first, then judged as shaped.

use super::Situation;
use super::case::Case;
use super::judged::{Ruled, TicketNeed};
use super::registry::{RULES, rule};
use super::rule::{Finding, Judge, Rule, Unknown, unevaluable};
use super::tally::{Sums, Tally};
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, Level};
use crate::domain::money::Money;
use crate::domain::proposal::{Actor, LeftAlone, Settled};
use crate::domain::ticket::{Eyes, Severity, TicketKind};
use crate::domain::verdict::{Ruling, Verdict};

/// Difference of two targets, in percent of where the budget stands, below which they are the same question: the arbiter's dead-band.
const SAME_QUESTION_PCT: i64 = 4;

/// What becomes of one change.
#[derive(Debug)]
pub(super) enum Fate {
    Cleared(Ruled),
    Escalated(Ruled),
    Denied(Ruled),
    Later(LeftAlone),
}

/// What one rule says of a case; `None` where it does not apply. An approval passes exactly the soft rules named on its ticket.
pub(super) fn ask_rule(rule: &Rule, case: &Case<'_>) -> Option<Verdict> {
    if !rule.applies.covers(case.actor, case.change) {
        return None;
    }
    let found = match rule.judge {
        Judge::Ledger(judge) => judge(&case.facts),
        Judge::View(judge) => judge(case),
        Judge::Whole => return None,
    };
    Some(rule.verdict(waived(rule, case.actor, found)))
}

pub(super) fn waived(rule: &Rule, actor: &Actor, found: Result<Finding, Unknown>) -> Result<Finding, Unknown> {
    match (found, actor) {
        (Ok(Finding::Ask(text)), Actor::Approval { waives, by, .. }) if waives.iter().any(|code| code == rule.id) => {
            Ok(Finding::Pass(format!("{text} waived_by={by}")))
        }
        (found, Actor::Agent { .. } | Actor::Wave { .. } | Actor::Person { .. } | Actor::Approval { .. } | Actor::Undo { .. }) => found,
    }
}

/// Every applicable rule's verdict on a case.
pub(super) fn ask_all(case: &Case<'_>) -> Vec<Verdict> {
    RULES.iter().filter_map(|rule| ask_rule(rule, case)).collect()
}

/// The change brought back to what the clamping rules allow, with their verdicts.
fn shaped(settled: &Settled, situation: &Situation<'_>, tally: &Tally) -> Result<(Settled, Vec<Verdict>), Unknown> {
    let Change::Budget { to, .. } = settled.wish.change else { return Ok((settled.clone(), Vec::new())) };
    let mut tightest: Option<Money> = None;
    let mut clamps = Vec::new();
    let case = Case::open(settled, situation, tally)?;
    for rule in RULES.iter().filter(|rule| matches!(rule.id, "STEP" | "SPENT_TODAY" | "RAMP" | "UNIT")) {
        let Some(verdict) = ask_rule(rule, &case) else { continue };
        let Ruling::Clamp { to: bound } = verdict.ruling else { continue };
        tightest = Some(match tightest {
            None => bound,
            // All lie on one side of what was asked: the one nearer to what is set now is the stricter.
            Some(other) if bound.compare(to)?.is_lt() => other.smaller(bound)?,
            Some(other) => other.larger(bound)?,
        });
        clamps.push(verdict);
    }
    let mut settled = settled.clone();
    if let (Some(bound), Change::Budget { to, .. }) = (tightest, &mut settled.wish.change) {
        *to = bound;
    }
    Ok((settled, clamps))
}

fn denied(settled: Settled, verdicts: Vec<Verdict>) -> Fate {
    let policy = verdicts.iter().any(|verdict| verdict.ruling == Ruling::Deny && verdict.rule.starts_with("POLICY_"));
    let ticket = policy.then(|| TicketNeed { kind: TicketKind::PolicyViolation, severity: Severity::Warning, eyes: Eyes::Two, waivable: Vec::new() });
    Fate::Denied(Ruled { settled, verdicts, ticket })
}

/// Judges one change against everything, `tally` included, and counts it when it is cleared.
pub(super) fn judge_one(settled: Settled, situation: &Situation<'_>, tally: &mut Tally) -> Fate {
    let (settled, clamps) = match shaped(&settled, situation, tally) {
        Ok(shaped) => shaped,
        Err(unknown) => return denied(settled, vec![unevaluable("change", &unknown)]),
    };
    let (mut verdicts, sums) = match Case::open(&settled, situation, tally) {
        Ok(case) => (ask_all(&case), Sums::of(&case)),
        Err(unknown) => return denied(settled, vec![unevaluable("change", &unknown)]),
    };
    for clamp in &clamps {
        // The rule that clamped passes on the clamped amount; what it did is what people want to read.
        if let Some(verdict) = verdicts.iter_mut().find(|verdict| verdict.rule == clamp.rule && verdict.ruling == Ruling::Pass) {
            *verdict = clamp.clone();
        }
    }
    if matches!(settled.wish.change, Change::Budget { from, to, .. } if from == to) {
        let why = clamps.first().map_or_else(|| "NO_CHANGE: the budget is what it should be".to_owned(), |clamp| clamp.why.clone());
        return later(settled, verdicts, why, "NO_CHANGE");
    }
    if verdicts.iter().any(|verdict| verdict.ruling == Ruling::Deny) {
        return denied(settled, verdicts);
    }
    let sums = match sums {
        Ok(sums) => sums,
        Err(unknown) => {
            verdicts.push(unevaluable("sums", &unknown));
            return denied(settled, verdicts);
        }
    };
    if let Some(delay) = verdicts.iter().find(|verdict| matches!(verdict.ruling, Ruling::Delay { .. })) {
        let (why, code) = (delay.why.clone(), delay.rule.to_string());
        return later(settled, verdicts, why, &code);
    }
    let asks: Vec<String> = verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Ask).map(|verdict| verdict.rule.to_string()).collect();
    if asks.is_empty() {
        tally.count(&settled, sums);
        return Fate::Cleared(Ruled { settled, verdicts, ticket: None });
    }
    if asked_already(&settled, situation) {
        let why = format!("ASKED: an open ticket asks for about the same; {}", asks.join(", "));
        return later(settled, verdicts, why, "ASKED");
    }
    tally.increases.extend(sums.increase);
    let ticket = Some(ticket(&settled, asks));
    Fate::Escalated(Ruled { settled, verdicts, ticket })
}

/// Whether an open ticket asks for what an agent wants again, or for something so near that another question would tell nobody anything new.
fn asked_already(settled: &Settled, situation: &Situation<'_>) -> bool {
    let change = &settled.wish.change;
    let standing = change.entity().and_then(|entity| situation.books.asked.get(entity)).into_iter().flatten();
    let near = |asked: &Change| match (asked, change) {
        (Change::Budget { from, to, .. }, Change::Budget { from: from_now, to: to_now, .. }) => {
            let moved = (to.micros() - to_now.micros()).abs();
            from == from_now && asked.direction() == change.direction() && moved.saturating_mul(100) < from.micros().saturating_mul(SAME_QUESTION_PCT)
        }
        (asked, change) => asked == change,
    };
    settled.actor.agent().is_some() && standing.into_iter().any(near)
}

/// An agent asks again in a later round; a person is told no and why.
fn later(settled: Settled, mut verdicts: Vec<Verdict>, why: String, code: &str) -> Fate {
    if settled.actor.is_person() {
        if !verdicts.iter().any(|verdict| verdict.rule == code) {
            verdicts.push(Verdict { rule: code.to_owned().into(), ruling: Ruling::Deny, why });
        }
        return denied(settled, verdicts);
    }
    let entity = settled.wish.change.entity().cloned().unwrap_or_else(|| EntityKey {
        account: settled.wish.change.account().clone(),
        level: Level::Account,
        id: settled.wish.change.account().to_string(),
    });
    Fate::Later(LeftAlone { entity, why })
}

fn ticket(settled: &Settled, mut asks: Vec<String>) -> TicketNeed {
    let four = asks.iter().any(|code| code == "FOUR_EYES");
    let kind = if asks == ["CONFIDENCE"] { TicketKind::LowConfidence } else { TicketKind::SpendApproval };
    let severity = match settled.wish.change.direction() {
        _ if four => Severity::Critical,
        Direction::Growth => Severity::Warning,
        Direction::Neutral | Direction::Protective => Severity::Info,
    };
    // A second question about one change must not forget the answer to the first.
    if let Actor::Approval { waives, .. } = &settled.actor {
        asks.extend(waives.iter().filter(|code| rule(code).is_some()).cloned());
        asks.sort();
        asks.dedup();
    }
    TicketNeed { kind, severity, eyes: if four { Eyes::Four } else { Eyes::Two }, waivable: asks }
}
