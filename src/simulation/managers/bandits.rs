//! Bandits on average ROAS: every day the half of the pool with the highest draw (or upper bound) is raised by
//! 10 %, the rest cut by as much.

use super::{History, Manager, steps};
use crate::advise::protocol::{Advice, DayResult, Meta};
use crate::sandbox::market::noise::Place;

/// The most a budget is moved a day, as a share.
const MOVE: f64 = 0.1;

/// What a campaign is given for being little known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Optimism {
    /// A draw from what is believed.
    Draw { seed: i64 },
    /// An upper bound of it.
    Bound,
}

pub(super) struct Bandit {
    history: History,
    optimism: Optimism,
}

impl Bandit {
    pub(super) fn new(meta: &Meta, optimism: Optimism) -> Self {
        Self { history: History::new(meta), optimism }
    }

    fn index(&self, campaign: usize, day: usize) -> f64 {
        let sums = self.history.sums(campaign, 14);
        let mean = sums.roas().unwrap_or(0.0);
        let sd = mean / sums.conversions.max(1.0).sqrt();
        let place = |seed: i64| Place::of(&[seed, i64::try_from(campaign).unwrap_or(0), i64::try_from(day).unwrap_or(0), 901]);
        match self.optimism {
            Optimism::Draw { seed } => mean + sd * place(seed).normal(),
            Optimism::Bound => mean + 1.5 * sd,
        }
    }
}

impl Manager for Bandit {
    fn observe(&mut self, result: &DayResult) {
        self.history.observe(result);
    }

    fn decide(&mut self, day: usize) -> Advice {
        let mut plan = self.history.as_is();
        let meta = &self.history.meta;
        let mut order: Vec<(usize, f64)> = (0..meta.n).map(|at| (at, self.index(at, day))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut taken = 0.0;
        for (at, _) in order {
            let budget = plan.budgets[at];
            plan.budgets[at] = budget * if taken < meta.pool / 2.0 { 1.0 + MOVE } else { 1.0 - MOVE };
            taken += budget;
        }
        plan.budgets = steps::within(meta, &self.history.budgets, &plan.budgets);
        plan
    }
}
