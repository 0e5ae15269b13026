//! Negotiation and allocation: what many agents want of one pool becomes one coherent settlement. Pure.
//!
//! Decides how much each budget gets, whose change stands where two contradict each other, and what goes first. Promises: within the bounds
//! of every budget, never more than the pool's cap, a pin untouched, the same answer for the same input in any order. Called by the cycle,
//! between the agents and the guardrails; may use `learning` and the vocabulary of `domain`, nothing else.

mod settlement;

use std::collections::BTreeMap;

pub use settlement::Settlement;

use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::proposal::{Pin, Proposal, Round};
use crate::domain::verdict::Bounds;

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

/// One coherent settlement of everything asked for. Carries the pins; nothing else is settled without objectives.
#[must_use]
pub fn arbitrate(input: &ArbiterInput<'_>) -> Settlement {
    Settlement::new(input.pins.iter().map(settlement::pinned).collect(), Vec::new(), Vec::new(), 0.0)
}
