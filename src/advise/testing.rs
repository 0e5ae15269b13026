//! A small market that keeps to what is advised: every campaign brings conversions by a power law, reported over days.

use super::protocol::{Advice, AgentMeta, DayResult, GoalKind, Meta, Restated};
use crate::domain::entity::Platform;

/// Share of a day's conversions reported when it is so many days over.
const REPORTED: [f64; 8] = [0.5, 0.68, 0.79, 0.86, 0.91, 0.95, 0.98, 1.0];

pub(super) struct Market {
    pub meta: Meta,
    /// Conversions a day at a spend of 100, by campaign.
    pub levels: Vec<f64>,
    pub budgets: Vec<f64>,
    pub statuses: Vec<bool>,
    pub rejected: Vec<bool>,
    pub learning: Option<Vec<bool>>,
    spent: Vec<Vec<f64>>,
}

impl Market {
    /// One agent that holds a ROAS of 1 over campaigns of three platforms with budgets of 100, in a pool that gives as much.
    pub fn new(levels: &[f64]) -> Self {
        let n = levels.len();
        let meta = Meta {
            n,
            platform: (0..n).map(|at| Platform::ALL[at % 3]).collect(),
            agent: vec![0; n],
            agents: vec![AgentMeta { id: "only".to_owned(), priority: 1.0, goal: GoalKind::RoasFloor, value: 1.0 }],
            pool: 100.0 * n as f64,
            min_budget: vec![10.0; n],
            max_budget: vec![1_000.0; n],
            init_budgets: vec![100.0; n],
            creatives: 0,
            weekday0: 2,
        };
        Self {
            levels: levels.to_vec(),
            budgets: meta.init_budgets.clone(),
            statuses: vec![true; n],
            rejected: vec![false; n],
            learning: None,
            spent: Vec::new(),
            meta,
        }
    }

    fn conversions(&self, day: usize, seen: usize) -> Vec<f64> {
        let share = REPORTED[(seen - day).min(7)];
        self.spent[day].iter().zip(&self.levels).map(|(spent, level)| share * level * (spent / 100.0).powf(0.7)).collect()
    }

    /// The next day, at what is set.
    pub fn day(&mut self) -> DayResult {
        let day = self.spent.len();
        let spend: Vec<f64> = self.budgets.iter().zip(&self.statuses).map(|(budget, active)| if *active { *budget } else { 0.0 }).collect();
        self.spent.push(spend.clone());
        let from_day = day.saturating_sub(7);
        let conversions: Vec<Vec<f64>> = (from_day..=day).map(|earlier| self.conversions(earlier, day)).collect();
        let worth = |row: &Vec<f64>| row.iter().map(|conversions| 50.0 * conversions).collect::<Vec<f64>>();
        DayResult {
            day,
            budget: self.budgets.clone(),
            status: self.statuses.clone(),
            impressions: spend.iter().map(|spend| 100.0 * spend).collect(),
            clicks: spend.clone(),
            conversions: conversions[day - from_day].clone(),
            revenue: worth(&conversions[day - from_day]),
            spend,
            rejected: Some(self.rejected.clone()),
            learning: self.learning.clone(),
            restated: Some(Restated { from_day, revenue: conversions.iter().map(worth).collect(), conversions }),
            creative: None,
        }
    }

    /// Does what is advised.
    pub fn follow(&mut self, advice: &Advice) {
        self.budgets.clone_from(&advice.budgets);
        self.statuses = advice.statuses.iter().map(|status| *status == 1).collect();
    }
}
