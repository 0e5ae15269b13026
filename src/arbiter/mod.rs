//! Negotiation and allocation: what many agents want of one pool becomes one coherent settlement. Pure.
//!
//! Decides how much each budget gets, whose change stands where two contradict each other, and what goes first. Promises: within the bounds
//! of every budget, never more than the pool's cap, a pin untouched, the same answer for the same input in any order. Called by the cycle,
//! between the agents and the guardrails; may use `learning` and the vocabulary of `domain`, nothing else.

mod envelope;
mod hierarchy;
mod lots;
mod purse;
mod review;
mod settlement;
mod voices;

use std::collections::BTreeMap;

pub use purse::pace;
pub use settlement::Settlement;

use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::change::Direction;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::proposal::{LeftAlone, Pin, Proposal, Round, Settled, Wave};
use crate::domain::verdict::Bounds;
use envelope::Filled;
use hierarchy::in_words;
use lots::Lot;
use purse::Purse;
use review::{Changed, Review};

/// Change below which a budget is left alone, as a share of its amount: tiny edits cost learning and bring nothing.
pub const DEAD_BAND: f64 = 0.04;

/// Everything one settlement depends on.
#[derive(Clone, Debug)]
pub struct ArbiterInput<'a> {
    /// What the round is for.
    pub round: Round,
    /// What the agents ask for; agents the policy does not know are not heard.
    pub proposals: Vec<Proposal>,
    /// What may not be altered, in the order of their change sets.
    pub pins: Vec<Pin>,
    /// Expected response of each budget.
    pub curves: &'a BTreeMap<EntityKey, CampaignCurve>,
    /// Between what each budget may move.
    pub bounds: &'a [Bounds],
    /// What the ledger knows.
    pub books: &'a Books,
    /// Priorities and goals in force.
    pub policy: &'a Policy,
    /// Most that may be committed a day in the pool.
    pub daily_cap: Money,
    /// What a day may cost so that the month's cap holds; `None` while the daily cap is the stricter one anyway.
    pub pace: Option<Money>,
    /// What is committed in the pool now: the sum over its budgets of the larger of live and open targets.
    pub committed: Money,
    /// Whether the calendar or the figures make these days unlike others: intervals are wider.
    pub volatile: bool,
    /// The round's time.
    pub now: ProductTime,
}

/// One coherent settlement of everything asked for.
#[must_use]
pub fn arbitrate(input: &ArbiterInput<'_>) -> Settlement {
    let voices = voices::voices(input);
    let mut outright = hierarchy::settle(input, &voices);
    let mut purse = Purse::new(input);
    let mut settled: Vec<Settled> = Vec::new();
    for pin in &input.pins {
        purse.pin(input, &pin.wish.change);
        settled.push(settlement::pinned(pin));
    }
    let mut bounds: Vec<&Bounds> = input.bounds.iter().filter(|bounds| !outright.claimed.contains(&bounds.budget)).collect();
    bounds.sort_by(|a, b| a.budget.cmp(&b.budget));
    bounds.dedup_by(|a, b| a.budget == b.budget);
    let mut lots: Vec<Lot<'_>> = Vec::with_capacity(bounds.len());
    for bounds in bounds {
        match Lot::new(input, &voices, bounds) {
            Ok(lot) => lots.push(lot),
            Err(alone) => outright.left_alone.push(alone),
        }
    }
    let least: i64 = lots.iter().fold(0, |sum, lot| sum.saturating_add(lot.lo));
    lots.iter().for_each(|lot| purse.release(lot.committed));
    let (opening, closing): (Vec<Settled>, Vec<Settled>) = outright.settled.into_iter().partition(|one| one.wish.change.direction() == Direction::Growth);
    for one in &closing {
        purse.promise(input, &one.wish.change);
    }
    let mut opened = Vec::new();
    for one in opening {
        let cost = purse.cost(input, &one.wish.change);
        if cost <= purse.left().saturating_sub(least).max(0) {
            purse.promise(input, &one.wish.change);
            opened.push((cost, one));
        } else if let Some(entity) = one.wish.change.entity() {
            let why = format!("FUNDS: {} asks for {} and the pool has not got it", one.actor.name(), in_words(&one.wish.change));
            outright.left_alone.push(LeftAlone { entity: entity.clone(), why });
        }
    }
    let money = purse.left();
    let own: Vec<Filled> = (0..voices.len()).map(|voice| lots::alone(&lots, voice, money)).collect();
    let amounts = lots::settle(&lots, money, vec![None; lots.len()]);
    let unsure = Review { input, voices: &voices, lots: &lots, amounts: &amounts, own: &own }.unsure();
    let amounts = if unsure.iter().any(Option::is_some) { lots::settle(&lots, money, unsure) } else { amounts };
    let review = Review { input, voices: &voices, lots: &lots, amounts: &amounts, own: &own };
    let mut changes: Vec<Changed> = Vec::new();
    for at in 0..lots.len() {
        let dissent = review.dissent(at);
        outright.conflicts.extend(review.conflict(at, &dissent));
        match review.change(at, dissent) {
            Ok(change) => changes.push(change),
            Err(alone) => outright.left_alone.push(alone),
        }
    }
    let (cuts, mut raises): (Vec<Changed>, Vec<Changed>) = changes.into_iter().partition(|change| change.rise <= 0);
    raises.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    settled.extend(closing);
    settled.extend(cuts.into_iter().map(|cut| cut.settled));
    for (cost, one) in opened {
        settled.push(Settled { wave: purse.wave(cost), ..one });
    }
    let mut waiting = Vec::new();
    for raise in raises {
        match purse.wave(raise.rise) {
            Wave::First => settled.push(raise.settled),
            Wave::Funded => waiting.push(Settled { wave: Wave::Funded, ..raise.settled }),
        }
    }
    settled.extend(waiting);
    outright.left_alone.sort_by(|a, b| a.entity.cmp(&b.entity).then_with(|| a.why.cmp(&b.why)));
    Settlement::new(settled, outright.conflicts, outright.left_alone, amounts.price)
}

/// What a budget counts as committed, in micros: the larger of live and open targets as the ledger has it, else what it stands at.
fn committed(input: &ArbiterInput<'_>, budget: &EntityKey, otherwise: Money) -> i64 {
    let known = input.books.budgets.get(budget);
    known.map_or(otherwise.micros(), |book| book.live.micros().max(book.open_target.map_or(0, Money::micros)))
}

#[cfg(test)]
mod tests;
