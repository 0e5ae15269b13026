//! A careful person: every seventh day ranks the campaigns by the ROAS of the last fourteen days, corrected for what is not reported yet, and moves up to
//! 17 % from the worst to the best. Campaigns that cannot spend what they have are not raised. Steps, minimums and the pool are respected.

use super::super::account::WARMUP_DAYS;
use super::{History, Manager, steps};
use crate::advise::protocol::{Advice, DayResult, Meta};

/// The most a budget is moved a week, as a share.
const MOVE: f64 = 0.17;

pub(super) struct Weekly(History);

impl Weekly {
    pub(super) fn new(meta: &Meta) -> Self {
        Self(History::new(meta))
    }
}

impl Manager for Weekly {
    fn observe(&mut self, result: &DayResult) {
        self.0.observe(result);
    }

    fn decide(&mut self, day: usize) -> Advice {
        let mut plan = self.0.as_is();
        let meta = &self.0.meta;
        if !day.abs_diff(WARMUP_DAYS).is_multiple_of(7) {
            // A cut that a platform refused would leave more than the pool in force.
            if plan.budgets.iter().sum::<f64>() > meta.pool {
                plan.budgets = steps::within(meta, &self.0.budgets, &self.0.budgets);
            }
            return plan;
        }
        let roas: Vec<f64> = (0..meta.n).map(|at| self.0.sums(at, 14).roas().unwrap_or(0.0)).collect();
        let mut order: Vec<usize> = (0..meta.n).collect();
        order.sort_by(|a, b| roas[*a].total_cmp(&roas[*b]));
        let last = (meta.n - 1).max(1) as f64;
        for (rank, at) in order.into_iter().enumerate() {
            let factor = 1.0 + MOVE * (2.0 * rank as f64 / last - 1.0);
            plan.budgets[at] *= if self.0.is_capped(at) { factor.min(1.0) } else { factor };
        }
        plan.budgets = steps::filling(meta, &self.0.budgets, &plan.budgets);
        plan
    }
}
