//! Holds a ROAS floor or a CPA cap: cuts what is below it, pauses what cannot recover, re-opens its pauses with a probe.

use rust_decimal::prelude::ToPrimitive;

use crate::domain::change::Change;
use crate::domain::entity::{Campaign, RunStatus};
use crate::domain::money::Money;
use crate::domain::outcome::PredictedMetric;
use crate::domain::proposal::{AgentKind, Proposal, Wish};
use crate::learning::{Uncertain, Yardstick, expected, predict, stake};

use super::AgentInput;
use super::appraisal::{Appraisal, HOPELESS, MODEL_CV, appraise, is_learning};
use super::prices::{Target, Temper, prices};
use super::reading::{self, Reading};
use super::stance::objective;
use super::words;

/// It spends what its pool has as long as the floor holds over all, but nothing on units that bring far less than that.
const TEMPER: Temper = Temper { knee: 0.15, curiosity: 0.0 };
/// How sure of that one must be.
const SURE: f64 = 0.95;
/// Days after which a paused campaign is looked at again.
const REOPEN_DAYS: i64 = 10;
/// Relative uncertainty that days without delivery add to what was known: seasons, creatives and rivals move on.
const SILENCE_CV: f64 = 0.6;
/// Chance of being worth its probe below which a paused campaign is not even asked about.
const WORTH_ASKING: f64 = 0.3;
/// Conversions' worth of trust in its budget's mean when one campaign of a shared budget is judged.
const PSEUDO_CONVERSIONS: f64 = 4.0;

pub(super) fn propose(input: &AgentInput<'_>) -> Proposal {
    let goal = &input.policy.goal;
    let mut proposal = Proposal {
        agent: input.id.clone(),
        kind: AgentKind::Efficiency,
        focus: "waiting for figures".to_owned(),
        progress: "nothing is known yet of what this pool's budgets bring".to_owned(),
        objectives: Vec::new(),
        wishes: Vec::new(),
    };
    let Some((yardstick, seen)) = appraise(input) else { return proposal };
    let (seen, idle): (Vec<_>, Vec<_>) = seen.into_iter().partition(Appraisal::runs);
    let target = Target::of(goal);
    let (prices, reach) = prices(input, &seen, yardstick, TEMPER);
    let mut total = Reading::default();
    let mut below = 0_usize;
    for seen in &seen {
        total.add(seen.recent);
        let objective = objective(input, seen, &prices, target, &format!("for `{goal}`"));
        below += usize::from(objective.ideal.estimate() < seen.now);
        if !seen.watched(input) {
            proposal.objectives.push(objective);
        }
    }
    for seen in seen.iter().chain(&idle) {
        for campaign in &seen.members {
            proposal.wishes.extend(match campaign.status {
                RunStatus::Active => stop(input, seen, campaign),
                RunStatus::Paused => reopen(input, seen, campaign),
                RunStatus::Ended => None,
            });
        }
    }
    proposal.progress = format!("{}{}", words::standing(yardstick, &total, input.view.currency), words::reach(yardstick, goal, &reach));
    proposal.focus = format!("{below} of {} budgets to cut for `{goal}`", seen.len());
    if !proposal.wishes.is_empty() {
        proposal.focus = format!("{}; {} to pause or re-open", proposal.focus, proposal.wishes.len());
    }
    proposal
}

/// A pause of what cannot recover.
fn stop(input: &AgentInput<'_>, seen: &Appraisal<'_>, campaign: &Campaign) -> Option<Wish> {
    let since = input.books.budgets.get(&campaign.budget.key).and_then(|book| book.significant_at).map(|at| at.date_in(seen.account.time_zone));
    let reading = reading::matured(seen.account, std::iter::once(campaign), input.now, since);
    let multiple = input.policy.guardrails.evidence_cpa_multiple.to_f64()?;
    let enough = multiple * target_cpa(seen)?;
    if is_learning(input, campaign, &reading) || reading.spend < enough {
        return None;
    }
    let average = if seen.members.len() > 1 { own_average(seen, &reading).and(MODEL_CV).wider(input.widen()) } else { seen.average };
    let hopeless = average.below(HOPELESS);
    if hopeless <= SURE {
        return None;
    }
    let currency = seen.account.currency;
    let recent = reading::recent(seen.account, std::iter::once(campaign), input.now);
    let reason = format!(
        "{}; {:.2} {currency} spent on matured days, more than {multiple} target CPAs ({enough:.2}), and with {:.0} % probability it brings less than half of what `{}` asks: pause, smaller budgets cannot repair it",
        words::standing(seen.yardstick, &recent, currency),
        reading.spend,
        100.0 * hopeless,
        input.policy.goal
    );
    let change = Change::Status { entity: campaign.key.clone(), from: RunStatus::Active, to: RunStatus::Paused };
    // One member of a shared budget leaves its money to the others, so nothing can be said of the budget as a whole.
    let alone = seen.members.len() == 1;
    Some(Wish {
        change,
        reason,
        evidence: seen.evidence(),
        prediction: alone.then(|| predict(seen.curve, seen.yardstick.metric(), seen.now, 0.0, input.widen())),
        confidence: hopeless,
        cost_if_wrong: money(
            seen,
            stake(seen.curve, seen.yardstick, (if alone { seen.now } else { seen.now / seen.members.len() as f64 }, 0.0), HOPELESS, input.widen()),
        ),
    })
}

/// The next step of re-opening what an agent paused: first a smaller budget, then delivery.
fn reopen(input: &AgentInput<'_>, seen: &Appraisal<'_>, campaign: &Campaign) -> Option<Wish> {
    let stopped = *input.books.stopped.get(&campaign.key)?;
    let days = (input.now - stopped).num_days();
    if days < REOPEN_DAYS || campaign.disapproved || input.books.held.contains(&campaign.key) {
        return None;
    }
    // What no day in view speaks of any more is a person's to re-open.
    if reading::matured(seen.account, std::iter::once(campaign), input.now, None).days < input.policy.guardrails.evidence_days {
        return None;
    }
    let worth = 1.0 - seen.average.and(SILENCE_CV).below(HOPELESS);
    if worth < WORTH_ASKING {
        return None;
    }
    let book = input.books.budgets.get(&campaign.budget.key);
    let probed = seen.members.len() > 1 || book.and_then(|book| book.cut_at).is_some_and(|cut| cut > stopped);
    let probe = input.bounds_of(&campaign.budget.key).map(|bounds| bounds.lo).filter(|lo| lo.estimate() < 0.96 * seen.now);
    let about =
        format!("paused {days} days ago; after that silence it is worth more than half of `{}` with {:.0} % probability", input.policy.goal, 100.0 * worth);
    let (change, reason, confidence) = match probe {
        Some(to) if !probed => {
            let change = Change::Budget { budget: seen.budget.budget.clone(), from: seen.budget.amount, to };
            (change, format!("{about}: first lower its budget to {to}, then re-open it as a probe"), UNHARMED)
        }
        Some(_) | None => {
            let change = Change::Status { entity: campaign.key.clone(), from: RunStatus::Paused, to: RunStatus::Active };
            (change, format!("{about}: re-open it at {} a day as a probe", seen.budget.amount), worth)
        }
    };
    let opens = matches!(change, Change::Status { .. });
    Some(Wish {
        change,
        reason,
        evidence: seen.evidence(),
        prediction: opens.then(|| predict(seen.curve, seen.yardstick.metric(), 0.0, seen.now, input.widen())),
        confidence,
        cost_if_wrong: money(seen, if opens { stake(seen.curve, seen.yardstick, (0.0, seen.now), HOPELESS, input.widen()) } else { 0.0 }),
    })
}

/// Confidence in lowering the budget of what does not run: it can harm nothing.
const UNHARMED: f64 = 0.99;

/// What one conversion may cost at the limit, given what it is worth here.
fn target_cpa(seen: &Appraisal<'_>) -> Option<f64> {
    match seen.yardstick {
        Yardstick::Conversions { cap } => Some(cap),
        Yardstick::Revenue { floor } => {
            let conversions = expected(seen.curve, PredictedMetric::Conversions, seen.taken).mean;
            let revenue = expected(seen.curve, PredictedMetric::Revenue, seen.taken).mean;
            (conversions > 0.0).then(|| revenue / conversions / floor)
        }
    }
}

/// What one campaign of a shared budget brings per unit spent, shrunk to the budget as a whole.
fn own_average(seen: &Appraisal<'_>, reading: &Reading) -> Uncertain {
    let own = match seen.yardstick {
        Yardstick::Conversions { .. } => seen.yardstick.money(reading.conversions),
        Yardstick::Revenue { .. } => seen.yardstick.money(reading.revenue),
    };
    let (count, trust) = (reading.conversions / seen.curve.noise, PSEUDO_CONVERSIONS);
    // So many units of spend would have brought the trusted conversions at the budget's own mean.
    let per_conversion = expected(seen.curve, PredictedMetric::Conversions, seen.taken).mean / seen.taken;
    let trusted = trust * seen.curve.noise / per_conversion.max(1e-9);
    let mean = (own + trusted * seen.average.mean) / (reading.matured_spend + trusted);
    Uncertain { mean, cv: (trust + count).sqrt().recip() }
}

fn money(seen: &Appraisal<'_>, units: f64) -> Money {
    Money::from_estimate(units.max(0.0), seen.account.currency).unwrap_or(seen.budget.amount)
}
