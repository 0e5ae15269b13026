//! Guardrails: what may be done at all, what a person must agree to, how far and how soon. Pure, and the last word before the ledger.
//!
//! Every rule is one function and one entry of [`RULES`]. Four callers, the same rules: [`bounds`] tells the arbiter beforehand, [`check_all`]
//! judges what it settled, [`counters`] judges sums and flags inside the transaction that records, [`recheck`] judges a decision inside the one
//! that dispatches, on the state it is executed on. [`breaker`] says when only reductions may go on.
//!
//! Promises: computed from platform state and the ledger, never from what an agent claims of itself; what cannot be evaluated is denied; hard rules
//! bind approved tickets too; a batch never gets more than its changes would one by one; nothing but money that is confirmed to be free is free.
//! May use the vocabulary of `domain` and the arbiter's settlement; no clock, no store, no randomness.

mod ask;
mod bounds;
mod breaker;
mod caps;
mod case;
mod check;
mod control;
mod counters;
mod evidence;
mod facts;
mod fresh;
mod judged;
mod limits;
mod registry;
mod rise;
mod rule;
mod ruling;
mod shape;
mod tally;
mod target;
mod timing;

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::TimeDelta;

pub use bounds::bounds;
pub use breaker::{Trip, breaker};
pub use check::{check_all, check_waiting, recheck};
pub use counters::{counters, counters_all};
pub use judged::{Judged, JudgedParts, Ruled, TicketNeed};
pub use registry::{RULES, rule};
pub use rule::{Applies, Kind, Rule};

use crate::clock::{Clock, ProductTime};
use crate::domain::books::Books;
use crate::domain::policy::Policy;
use crate::domain::view::PoolView;

/// Least limit on the age of figures in wall time; under time-lapse hours of product time pass within milliseconds.
const AGE_FLOOR: Duration = Duration::from_secs(2);

/// [`Situation::age_floor`] on this clock.
#[must_use]
pub fn age_floor(clock: &Clock) -> TimeDelta {
    clock.at_least(TimeDelta::zero(), AGE_FLOOR)
}

/// Everything a ruling depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The pool as it is known.
    pub view: &'a PoolView,
    /// What the ledger knows.
    pub books: &'a Books,
    /// The round's time.
    pub now: ProductTime,
    /// Wall time since campaigns and budgets were read.
    pub config_age: Duration,
    /// Least limit on the age of figures, on the product clock: what two seconds of wall time are under time-lapse, zero in real time.
    pub age_floor: TimeDelta,
}
