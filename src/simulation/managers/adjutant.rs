//! Adjutant itself: the decision core that `adjutant advise` asks and the daemon runs, in the same process.

use super::super::review::Asked;
use super::Manager;
use crate::advise::Advisor;
use crate::advise::protocol::{Advice, DayResult, Meta};

/// Whether shares of impressions are left to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ads {
    /// The platform rotates evenly.
    Even,
    /// Adjutant weighs them.
    Weighed,
}

pub(super) struct Adjutant {
    core: Advisor,
    ads: Ads,
}

impl Adjutant {
    pub(super) fn new(meta: &Meta, ads: Ads) -> Self {
        Self { core: Advisor::new(meta).expect("a drawn account makes sense"), ads }
    }
}

impl Manager for Adjutant {
    fn observe(&mut self, result: &DayResult) {
        self.core.observe(result).expect("the market tells of every day once and in order");
    }

    fn decide(&mut self, day: usize) -> Advice {
        let advice = self.core.decide(day).expect("the day is the next one");
        match self.ads {
            Ads::Even => Advice { creative_weights: None, ..advice },
            Ads::Weighed => advice,
        }
    }

    fn asked(&self) -> Asked {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let round = self.core.last_round();
        Asked { approvals: count(round.tickets()), conflicts: count(round.conflicts.len()), anomalies: 0 }
    }
}
