//! The rule engine of many tools: every third day campaigns below 0.7 of the account's first ROAS are paused for good, those above 1.2 of it get 20 % more
//! as far as the pool goes, the rest stay.

use super::{History, Manager};
use crate::advise::protocol::{Advice, DayResult, Meta};

const PAUSE_BELOW: f64 = 0.7;
const RAISE_ABOVE: f64 = 1.2;

pub(super) struct Rules {
    history: History,
    target: Option<f64>,
}

impl Rules {
    pub(super) fn new(meta: &Meta) -> Self {
        Self { history: History::new(meta), target: None }
    }
}

impl Manager for Rules {
    fn observe(&mut self, result: &DayResult) {
        self.history.observe(result);
    }

    fn decide(&mut self, day: usize) -> Advice {
        let (history, mut plan) = (&self.history, self.history.as_is());
        let meta = &history.meta;
        let account = || {
            let all: Vec<_> = (0..meta.n).map(|at| history.sums(at, 28)).collect();
            all.iter().map(|sums| sums.revenue).sum::<f64>() / all.iter().map(|sums| sums.spend).sum::<f64>().max(1.0)
        };
        let target = *self.target.get_or_insert_with(account);
        if !day.is_multiple_of(3) {
            return plan;
        }
        let mut left = meta.pool - (0..meta.n).filter(|at| plan.statuses[*at] == 1).map(|at| plan.budgets[at]).sum::<f64>();
        for at in 0..meta.n {
            let Some(roas) = history.sums(at, 7).roas().filter(|_| plan.statuses[at] == 1) else { continue };
            if roas < PAUSE_BELOW * target {
                plan.statuses[at] = 0;
                left += plan.budgets[at];
            } else if roas > RAISE_ABOVE * target {
                let more = (plan.budgets[at] * 0.2).min(left.max(0.0)).min(meta.max_budget[at] - plan.budgets[at]);
                let raised = ((plan.budgets[at] + more) * 100.0).floor() / 100.0;
                left -= raised - plan.budgets[at];
                plan.budgets[at] = raised;
            }
        }
        plan
    }
}
