//! What a manager without a model remembers: the figures as last reported, how complete young days are, and the forecast that continues them.

use super::super::reports::REPORT_DAYS;
use crate::advise::protocol::{Advice, DayResult, Expected, Meta};
use crate::learning::chance::Z90;

/// Days that averages look back.
const WINDOW: usize = 14;

/// The days so far.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) meta: Meta,
    /// Budgets in force on the last day.
    pub(crate) budgets: Vec<f64>,
    pub(crate) statuses: Vec<u8>,
    pub(crate) spend: Vec<Vec<f64>>,
    conversions: Vec<Vec<f64>>,
    revenue: Vec<Vec<f64>>,
    /// By age: conversions of closed days as they were reported at that age.
    young: [f64; REPORT_DAYS],
    /// By age: what became of them.
    grown: [f64; REPORT_DAYS],
    /// Account totals of each day at each age, until the day is closed.
    at_age: Vec<Vec<f64>>,
}

/// Sums over days of one campaign, corrected for what is not reported yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) spend: f64,
    pub(crate) conversions: f64,
    pub(crate) revenue: f64,
}

impl Sums {
    /// Revenue per unit spent; `None` where nothing was.
    pub(crate) fn roas(self) -> Option<f64> {
        (self.spend > 0.0).then(|| self.revenue / self.spend)
    }
}

impl History {
    pub(crate) fn new(meta: &Meta) -> Self {
        Self {
            budgets: meta.init_budgets.clone(),
            statuses: vec![1; meta.n],
            meta: meta.clone(),
            spend: Vec::new(),
            conversions: Vec::new(),
            revenue: Vec::new(),
            young: [0.0; REPORT_DAYS],
            grown: [0.0; REPORT_DAYS],
            at_age: Vec::new(),
        }
    }

    pub(crate) fn observe(&mut self, result: &DayResult) {
        self.budgets.clone_from(&result.budget);
        self.statuses = result.status.iter().map(|active| u8::from(*active)).collect();
        self.spend.push(result.spend.clone());
        self.conversions.push(result.conversions.clone());
        self.revenue.push(result.revenue.clone());
        self.at_age.push(Vec::new());
        let Some(newer) = &result.restated else { return };
        for (row, (conversions, revenue)) in newer.conversions.iter().zip(&newer.revenue).enumerate() {
            let day = newer.from_day + row;
            self.conversions[day].clone_from(conversions);
            self.revenue[day].clone_from(revenue);
            self.at_age[day].push(conversions.iter().sum());
            if self.at_age[day].len() == REPORT_DAYS + 1 {
                let last = self.at_age[day][REPORT_DAYS];
                for age in 0..REPORT_DAYS {
                    self.young[age] += self.at_age[day][age];
                    self.grown[age] += last;
                }
            }
        }
    }

    /// Share of the final conversions that is reported `age` days after the day itself, as measured so far.
    pub(crate) fn complete(&self, age: usize) -> f64 {
        if age >= REPORT_DAYS || self.grown[age] <= 0.0 { 1.0 } else { (self.young[age] / self.grown[age]).clamp(0.2, 1.0) }
    }

    /// Sums of one campaign over the newest `days` days.
    pub(crate) fn sums(&self, campaign: usize, days: usize) -> Sums {
        let last = self.spend.len();
        let mut sums = Sums::default();
        for day in last.saturating_sub(days)..last {
            let complete = self.complete(last - 1 - day);
            sums.spend += self.spend[day][campaign];
            sums.conversions += self.conversions[day][campaign] / complete;
            sums.revenue += self.revenue[day][campaign] / complete;
        }
        sums
    }

    /// Whether a campaign cannot spend its budget.
    pub(crate) fn is_capped(&self, campaign: usize) -> bool {
        let last = self.spend.len().saturating_sub(3);
        let spent: f64 = self.spend[last..].iter().map(|row| row[campaign]).sum();
        spent < 0.9 * self.budgets[campaign] * (self.spend.len() - last) as f64
    }

    /// The plan that changes nothing.
    pub(crate) fn as_is(&self) -> Advice {
        Advice { budgets: self.budgets.clone(), statuses: self.statuses.clone(), predict: self.persistence(), ..Advice::default() }
    }

    /// Another week like the mean of the last fourteen days, with the scatter of those days.
    pub(crate) fn persistence(&self) -> Expected {
        let last = self.spend.len();
        let from = last.saturating_sub(WINDOW);
        let mut predicted = Expected::default();
        for campaign in 0..self.meta.n {
            let days: Vec<f64> = (from..last).map(|day| self.conversions[day][campaign] / self.complete(last - 1 - day)).collect();
            let count = days.len().max(1) as f64;
            let mean = days.iter().sum::<f64>() / count;
            let scatter = days.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
            // Seven days to come, and the mean itself known from `count` days.
            let sd = (scatter.max(mean).max(0.05) * (7.0 + 49.0 / count)).sqrt();
            predicted.mean.push(7.0 * mean);
            predicted.lo.push((7.0 * mean - Z90 * sd).max(0.0));
            predicted.hi.push(7.0 * mean + Z90 * sd);
        }
        predicted
    }
}
