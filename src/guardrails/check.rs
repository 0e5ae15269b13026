//! The guard stage over a whole settlement: reductions first, then people's increases, then agents'; caps hold over all of them together.

use super::Situation;
use super::caps::committed_with_tally;
use super::facts::{Facts, Target, committed};
use super::judged::{Judged, Ruled};
use super::registry::RULES;
use super::rule::{Kind, Unknown, unevaluable};
use super::ruling::{Fate, ask_rule, judge_one};
use super::tally::Tally;
use crate::arbiter::Settlement;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, Platform, RunStatus};
use crate::domain::money::Money;
use crate::domain::proposal::{Conflict, LeftAlone, Settled, Wave};
use crate::domain::verdict::{Ruling, Verdict};

/// Judges a settlement. What comes out as cleared may be recorded; nothing else may.
#[must_use]
pub fn check_all(settlement: Settlement, situation: &Situation<'_>) -> Judged {
    let (settled, conflicts, left_alone) = settlement.into_parts();
    judge(settled, conflicts, left_alone, situation)
}

/// Judges increases of an earlier settlement that waited for their funding ([`Judged::waiting`]), now that it is confirmed: in full, as if new.
#[must_use]
pub fn check_waiting(waiting: Vec<Settled>, situation: &Situation<'_>) -> Judged {
    let due = waiting.into_iter().map(|settled| Settled { wave: Wave::First, ..settled }).collect();
    judge(due, Vec::new(), Vec::new(), situation)
}

/// Judges a decision that is authorised once more, by every hard rule, on the state it is about to be executed on. What asks and what shapes had its say
/// when the decision was recorded: the value expected on the platform is the same since, or the rule `EXPECTATION` speaks.
///
/// # Errors
/// The first verdict that stands in its way; an [`Ruling::Ask`] there means that the sums have moved since.
pub fn recheck(settled: &Settled, situation: &Situation<'_>) -> Result<(), Verdict> {
    let tally = Tally::default();
    let case = super::case::Case::open(settled, situation, &tally).map_err(|unknown| unevaluable("change", &unknown))?;
    let hard = RULES.iter().filter(|rule| rule.kind == Kind::Hard).filter_map(|rule| ask_rule(rule, &case));
    hard.filter(|verdict| verdict.ruling != Ruling::Pass).map(Err).next().unwrap_or(Ok(()))
}

fn order(settled: &Settled) -> (Direction, bool) {
    (settled.wish.change.direction(), !settled.actor.is_person())
}

pub(super) fn judge(mut settled: Vec<Settled>, conflicts: Vec<Conflict>, left_alone: Vec<LeftAlone>, situation: &Situation<'_>) -> Judged {
    settled.sort_by_key(order);
    let (mut tally, mut judged) = (Tally::default(), Judged { conflicts, left_alone, ..Judged::default() });
    let mut funded = Vec::new();
    for settled in settled {
        match settled.wave {
            Wave::First => match judge_one(settled, situation, &mut tally) {
                Fate::Cleared(ruled) => judged.cleared.push(ruled),
                Fate::Escalated(ruled) => judged.escalated.push(ruled),
                Fate::Denied(ruled) => judged.denied.push(ruled),
                Fate::Later(left) => judged.left_alone.push(left),
            },
            Wave::Funded => funded.push(settled),
        }
    }
    fund(funded, situation, tally, &mut judged);
    judged
}

/// Keeps the increases that the cleared reductions can pay for once they are confirmed; an increase that lost its funding is denied.
fn fund(funded: Vec<Settled>, situation: &Situation<'_>, mut tally: Tally, judged: &mut Judged) {
    let freed = judged.cleared.iter().map(|ruled| frees(ruled.settled(), situation)).collect::<Result<Vec<_>, _>>();
    for settled in funded {
        let outcome = freed.clone().and_then(|freed| affordable(&settled, situation, &tally, &freed));
        match outcome {
            Ok((targets, true, _)) => {
                tally.lift(targets);
                judged.waiting.push(settled);
            }
            Ok((_, false, why)) => {
                let verdict = Verdict { rule: "FUNDS".into(), ruling: Ruling::Deny, why };
                judged.denied.push(Ruled { settled, verdicts: vec![verdict], ticket: None });
            }
            Err(unknown) => judged.denied.push(Ruled { settled, verdicts: vec![unevaluable("FUNDS", &unknown)], ticket: None }),
        }
    }
}

fn affordable(settled: &Settled, situation: &Situation<'_>, tally: &Tally, freed: &[Option<Money>]) -> Result<(Vec<Target>, bool, String), Unknown> {
    let facts = facts(settled, situation, tally)?;
    let pool = facts.pool()?;
    let cap = facts.policy.pools.get(pool).ok_or_else(|| Unknown::missing("pool_policy", pool))?.daily_cap;
    let freed = Money::sum(cap.currency(), freed.iter().flatten().copied())?;
    let (committed, asked) = (committed_with_tally(&facts)?, facts.lift()?);
    let fits = committed.checked_add(asked)?.checked_sub(freed)?.compare(cap)?.is_le();
    Ok((facts.targets()?, fits, format!("FUNDS: committed={committed} asked={asked} to_be_freed={freed} cap={cap}")))
}

/// What a cleared reduction will free once the platform shows it.
fn frees(settled: &Settled, situation: &Situation<'_>) -> Result<Option<Money>, Unknown> {
    let tally = Tally::default();
    let facts = facts(settled, situation, &tally)?;
    match &settled.wish.change {
        Change::Budget { budget, .. } if platform_of(&budget.key, situation)?.holds_from_midnight(budget.key.level) => Ok(None),
        Change::Budget { to, .. } if settled.wish.change.direction() == Direction::Protective => {
            let before = committed(facts.book()?)?;
            Ok(if facts.book()?.live.is_zero() { None } else { Some(before.checked_sub(*to)?.larger(Money::zero(before.currency()))?) })
        }
        Change::Status { entity, to: RunStatus::Paused, .. } => match facts.budgets.as_slice() {
            // A budget that others still spend from keeps its whole amount committed.
            [(_, book)] if book.members.as_slice() == std::slice::from_ref(entity) => Ok(Some(book.live)),
            _ => Ok(None),
        },
        Change::Budget { .. }
        | Change::Status { .. }
        | Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. }
        | Change::CreateCampaign(_)
        | Change::CreateAdGroup(_)
        | Change::CreateCreative(_)
        | Change::CreateAd(_)
        | Change::UploadMedia(_) => Ok(None),
    }
}

fn platform_of(key: &EntityKey, situation: &Situation<'_>) -> Result<Platform, Unknown> {
    situation.policy.accounts.get(&key.account).map(|account| account.platform).ok_or_else(|| Unknown::missing("account_policy", &key.account))
}

fn facts<'a>(settled: &'a Settled, situation: &'a Situation<'_>, tally: &'a Tally) -> Result<Facts<'a>, Unknown> {
    Facts::of((&settled.wish.change, &settled.actor), situation.policy, situation.books, Some(&situation.view.pool), situation.now, tally)
}
