//! What one run comes to: money, limits broken, goals missed, work made.

use super::account::Account;
use super::forecasts::{Forecasts, Rate, score};
use super::managers::Kind;
use super::run::{Run, WEEK, run};
use crate::advise::protocol::{AgentMeta, GoalKind};

/// Days of the first month, in which autonomy is judged.
const FIRST_DAYS: usize = 30;

/// One account under one manager.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) campaigns: usize,
    pub(crate) days: usize,
    /// Money the pool had for the managed days.
    pub(crate) pool: f64,
    pub(crate) spend: f64,
    pub(crate) revenue: f64,
    /// Budget or status changes that took effect.
    pub(crate) edits: usize,
    pub(crate) oversteps: usize,
    pub(crate) over_pool_days: usize,
    pub(crate) below_minimum: usize,
    pub(crate) goals_missed: Rate,
    /// Of the first month's adjustments: those made without a person.
    pub(crate) autonomous: Rate,
    pub(crate) tickets: u32,
    pub(crate) minutes: f64,
    pub(crate) forecasts: Forecasts,
    /// Budgets by day and campaign, where they were asked for.
    pub(crate) budgets: Vec<Vec<f64>>,
}

/// Whether a run's daily budgets are kept for a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Sums,
    Budgets,
}

impl Tally {
    /// Runs an account and counts.
    pub(crate) fn of(account: Account, kind: Kind, detail: Detail) -> Self {
        let run = run(account, kind);
        let meta = &run.account.meta;
        let total = |of: fn(&super::market::Truth) -> &Vec<f64>| run.days.iter().map(|day| of(day).iter().sum::<f64>()).sum::<f64>();
        let changes = |day: &super::market::Truth| day.changed.iter().filter(|changed| **changed).count();
        let mut tally = Self {
            campaigns: meta.n,
            days: run.days.len(),
            pool: meta.pool * run.days.len() as f64,
            spend: total(|day| &day.spend),
            revenue: total(|day| &day.revenue),
            edits: run.days.iter().map(changes).sum(),
            oversteps: run.days.iter().map(|day| day.oversteps).sum(),
            over_pool_days: run.days.iter().filter(|day| day.over_pool).count(),
            below_minimum: run.days.iter().map(|day| day.below_minimum).sum(),
            goals_missed: goals_missed(&run),
            forecasts: score(&run),
            ..Self::default()
        };
        for (at, (day, asked)) in run.days.iter().zip(&run.asked).enumerate() {
            let edits = changes(day);
            tally.tickets += asked.tickets();
            tally.minutes += asked.minutes(edits);
            if at < FIRST_DAYS {
                let all = edits.max(asked.approvals as usize) as f64;
                tally.autonomous.add(Rate { hits: all - f64::from(asked.approvals), of: all });
            }
        }
        if detail == Detail::Budgets {
            tally.budgets = run.days.iter().map(|day| day.budget.clone()).collect();
        }
        tally
    }

    /// Revenue per unit spent.
    pub(crate) fn roas(&self) -> f64 {
        if self.spend > 0.0 { self.revenue / self.spend } else { 0.0 }
    }
}

fn goals_missed(run: &Run) -> Rate {
    let mut missed = Rate::default();
    for week in run.days.chunks(WEEK).filter(|week| week.len() == WEEK) {
        for (at, agent) in run.account.meta.agents.iter().enumerate() {
            let sum = |of: fn(&super::market::Truth) -> &Vec<f64>| {
                let own = |day| of(day).iter().zip(&run.account.meta.agent).filter(|(_, agent)| **agent == at).map(|(figure, _)| figure).sum::<f64>();
                week.iter().map(own).sum::<f64>()
            };
            let (spend, conversions, revenue) = (sum(|day| &day.spend), sum(|day| &day.conversions), sum(|day| &day.revenue));
            if run.account.meta.agent.contains(&at) {
                missed.count(!meets(agent, spend, conversions, revenue));
            }
        }
    }
    missed
}

fn meets(agent: &AgentMeta, spend: f64, conversions: f64, revenue: f64) -> bool {
    match agent.goal {
        GoalKind::RoasFloor => revenue >= agent.value * spend,
        GoalKind::CpaCap => spend <= agent.value * conversions,
        GoalKind::SpendTarget => spend >= agent.value * WEEK as f64,
    }
}
