//! The result of arbitration. Only this room can build one, so nothing reaches the guardrails that was not settled.

use serde::Serialize;

use crate::domain::proposal::{Conflict, LeftAlone, Pin, Settled, Wave};

/// One coherent answer to everything asked for in a round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settlement {
    settled: Vec<Settled>,
    conflicts: Vec<Conflict>,
    left_alone: Vec<LeftAlone>,
    price: f64,
}

impl Settlement {
    pub(super) fn new(settled: Vec<Settled>, conflicts: Vec<Conflict>, left_alone: Vec<LeftAlone>, price: f64) -> Self {
        Self { settled, conflicts, left_alone, price }
    }

    /// The changes, reductions and pins first, in the order in which they should be judged.
    #[must_use]
    pub fn settled(&self) -> &[Settled] {
        &self.settled
    }

    /// The price of money: what the last unit spent in the pool brings, weighted over the agents; 0 while money is not short.
    #[must_use]
    pub const fn price(&self) -> f64 {
        self.price
    }

    /// Changes, conflicts and what was left alone.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Settled>, Vec<Conflict>, Vec<LeftAlone>) {
        (self.settled, self.conflicts, self.left_alone)
    }
}

/// A pin as it was asked for.
pub(super) fn pinned(pin: &Pin) -> Settled {
    Settled { actor: pin.actor.clone(), wish: pin.wish.clone(), alternatives: Vec::new(), dissent: Vec::new(), wave: Wave::First, change_set: pin.change_set }
}
