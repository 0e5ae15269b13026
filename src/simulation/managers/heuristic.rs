//! The popular weight: every day the pool is split by ROAS times conversions of the last seven reported days, however far that is from yesterday.

use super::{History, Manager};
use crate::advise::protocol::{Advice, DayResult, Meta};

pub(super) struct Heuristic(History);

impl Heuristic {
    pub(super) fn new(meta: &Meta) -> Self {
        Self(History::new(meta))
    }
}

impl Manager for Heuristic {
    fn observe(&mut self, result: &DayResult) {
        self.0.observe(result);
    }

    fn decide(&mut self, _: usize) -> Advice {
        let mut plan = self.0.as_is();
        let meta = &self.0.meta;
        let weight = |at: usize| {
            let sums = self.0.sums(at, 7);
            sums.roas().unwrap_or(0.0) * sums.conversions
        };
        let weights: Vec<f64> = (0..meta.n).map(weight).collect();
        let sum: f64 = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for (at, weight) in weights.into_iter().enumerate() {
            plan.budgets[at] = (meta.pool * weight / sum).clamp(meta.min_budget[at], meta.max_budget[at]);
        }
        plan
    }
}
