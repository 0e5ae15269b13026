//! The market of one account, day by day: takes a plan, says what the platforms report and, apart from that, what truly happened. What a day draws is a
//! function of account, campaign and day alone: managers of the same account meet the same luck.

use std::collections::VecDeque;

use super::account::Account;
use super::creatives::Creatives;
use super::reports::{Cohort, REPORT_DAYS};
use super::weather::{Weather, index};
use crate::advise::protocol::{Advice, CreativeResult, DayResult, Restated};
use crate::sandbox::market::day::{LEARNING_DAYS, learning, pace};
use crate::sandbox::market::noise::Place;

/// A budget moved by more than this share restarts a campaign's learning, and breaks the limit of a step.
pub(crate) const STEP: f64 = 0.20;
/// Days within which several edits count as one.
pub(crate) const ONE_EDIT_DAYS: usize = 3;
/// Share of edits that a platform refuses for reasons of its own.
const REFUSED: f64 = 0.004;
/// Rounding of budgets is no offence.
const SLACK: f64 = 0.005;

/// What truly happened on a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// Budgets in force, 0 for paused campaigns.
    pub(crate) budget: Vec<f64>,
    pub(crate) spend: Vec<f64>,
    /// Conversions once all are reported.
    pub(crate) conversions: Vec<f64>,
    /// Their value.
    pub(crate) revenue: Vec<f64>,
    /// Conversions to be expected of the day, had it no luck of its own.
    pub(crate) expected: Vec<f64>,
    /// Campaigns whose budget or status changed.
    pub(crate) changed: Vec<bool>,
    /// Changes beyond the step.
    pub(crate) oversteps: usize,
    /// Budgets asked for below the minimum.
    pub(crate) below_minimum: usize,
    /// Whether the active budgets asked for exceeded the pool.
    pub(crate) over_pool: bool,
}

/// The market while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) account: Account,
    pub(crate) weather: Weather,
    /// Budgets in force: the last ones the platforms accepted.
    pub(crate) accepted: Vec<f64>,
    active: Vec<bool>,
    /// The budgets of the last days, newest last.
    pub(crate) before: VecDeque<Vec<f64>>,
    /// The day of the last significant edit.
    significant: Vec<Option<usize>>,
    pub(crate) creatives: Vec<Creatives>,
    reports: VecDeque<Vec<Cohort>>,
    pub(crate) day: usize,
}

impl Market {
    /// The market of `account` before day 0.
    pub(crate) fn open(account: Account) -> Self {
        let meta = &account.meta;
        let set =
            |(at, curve): (usize, &crate::sandbox::market::curve::Curve)| Creatives::first(account.seed, at, meta.creatives, curve.base / curve.cpm * 1_000.0);
        Self {
            weather: Weather::over(&account),
            accepted: meta.init_budgets.clone(),
            active: vec![true; meta.n],
            before: VecDeque::from([meta.init_budgets.clone()]),
            significant: vec![None; meta.n],
            creatives: account.curves.iter().enumerate().map(set).collect(),
            reports: VecDeque::new(),
            day: 0,
            account,
        }
    }

    /// Days since the last significant edit of a campaign.
    pub(crate) fn settled(&self, campaign: usize) -> f64 {
        self.significant[campaign].map_or(f64::INFINITY, |since| (self.day - since) as f64)
    }

    /// What a campaign would spend today under `budget`.
    pub(crate) fn spend(&self, campaign: usize, day: usize, budget: f64) -> f64 {
        let curve = &self.account.curves[campaign];
        (budget * pace(curve, self.account.date(day))).min(curve.reach * self.weather.demand[day][campaign])
    }

    /// Conversions to be expected of `spend` on `day` for a settled campaign with its creatives as they are.
    pub(crate) fn expected(&self, campaign: usize, day: usize, spend: f64, strength: f64) -> f64 {
        let demand = self.weather.demand[day][campaign] * self.weather.works[day][campaign];
        self.account.curves[campaign].conversions(spend) * demand * strength
    }

    /// Runs one day under `plan`.
    pub(crate) fn run(&mut self, plan: &Advice) -> (DayResult, Truth) {
        let (day, n) = (self.day, self.account.meta.n);
        let mut truth = Truth { changed: vec![false; n], ..Truth::default() };
        let mut seen = DayResult { day, ..DayResult::default() };
        let (mut cohorts, mut rejected) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for campaign in 0..n {
            // Shares asked for an old set say nothing about the new one.
            let renewed = self.creatives[campaign].renew(day);
            if let Some(weights) = plan.creative_weights.as_ref().and_then(|rows| rows.get(campaign)).filter(|_| !renewed) {
                self.creatives[campaign].weights = normalised(weights, self.account.meta.creatives);
            }
            rejected.push(self.edit(campaign, plan.budgets[campaign], plan.statuses[campaign] == 1, &mut truth));
            let budget = if self.active[campaign] { self.accepted[campaign] } else { 0.0 };
            truth.budget.push(budget);
            let cohort = self.deliver(campaign, budget, &mut seen, &mut truth);
            cohorts.push(cohort);
        }
        // A cut that a platform refused is nobody's offence: what was asked for counts.
        let asked = plan.budgets.iter().zip(&plan.statuses).filter(|(_, status)| **status == 1).map(|(budget, _)| budget);
        truth.over_pool = asked.sum::<f64>() > self.account.meta.pool * (1.0 + SLACK / 5.0);
        self.before.push_back(self.accepted.clone());
        while self.before.len() > ONE_EDIT_DAYS {
            self.before.pop_front();
        }
        self.reports.push_back(cohorts);
        self.restate(&mut seen);
        seen.creative = Some(self.seen_creatives());
        seen.rejected = Some(rejected);
        seen.learning = Some((0..n).map(|campaign| self.settled(campaign) < LEARNING_DAYS).collect());
        self.day += 1;
        (seen, truth)
    }

    /// Puts a budget and a status in force; says whether the platform refused the budget.
    fn edit(&mut self, campaign: usize, asked: f64, active: bool, truth: &mut Truth) -> bool {
        let held = self.accepted[campaign];
        let woken = active && !self.active[campaign];
        truth.changed[campaign] = active != self.active[campaign];
        self.active[campaign] = active;
        if woken {
            self.significant[campaign] = Some(self.day);
        }
        let asked = (asked * 100.0).round() / 100.0;
        if (asked - held).abs() < 0.005 {
            return false;
        }
        if !active {
            return false;
        }
        let too_low = !asked.is_finite() || asked < self.account.meta.min_budget[campaign] - 0.01;
        truth.below_minimum += usize::from(too_low);
        truth.oversteps += usize::from((asked / held - 1.0).abs() > STEP + SLACK);
        let luck = Place::of(&[self.account.seed, index(campaign), index(self.day), 801]).uniform();
        if too_low || luck < REFUSED || asked > self.account.meta.max_budget[campaign] * (1.0 + SLACK) {
            return true;
        }
        truth.changed[campaign] = true;
        self.accepted[campaign] = asked;
        if self.before.iter().any(|row| (asked / row[campaign] - 1.0).abs() > STEP + SLACK) {
            self.significant[campaign] = Some(self.day);
        }
        false
    }

    fn deliver(&self, campaign: usize, budget: f64, seen: &mut DayResult, truth: &mut Truth) -> Cohort {
        let (day, account) = (self.day, &self.account);
        let (curve, scatter) = (&account.curves[campaign], &account.scatter[campaign]);
        let draw = |what: i64| Place::of(&[account.seed, index(campaign), index(day), 810 + what]);
        let spend = (self.spend(campaign, day, budget) * 100.0).round() / 100.0;
        let (strength, clicking) = self.creatives[campaign].strength();
        let settled = self.settled(campaign);
        let mean = self.expected(campaign, day, spend, strength) * learning(settled);
        let last = draw(0).poisson(mean * draw(1).gamma(1.0 / scatter.conversions));
        let price = curve.cpm * self.weather.demand[day][campaign].max(0.1).powf(0.4);
        let impressions = (spend / price * 1_000.0 * draw(2).gamma(80.0)).round();
        let clicks = draw(3).poisson(impressions * curve.ctr * clicking * draw(4).gamma(1.0 / scatter.clicks)).max(last).min(impressions.max(last));
        truth.spend.push(spend);
        truth.expected.push(mean);
        truth.conversions.push(last);
        let worth = orders(&[account.seed, index(campaign), index(day), 820], last, curve.value, scatter.order);
        truth.revenue.push(worth);
        seen.budget.push(self.accepted[campaign]);
        seen.status.push(self.active[campaign]);
        seen.spend.push(spend);
        seen.impressions.push(impressions);
        seen.clicks.push(clicks);
        Cohort { last, worth, ..Cohort::default() }
    }

    fn restate(&mut self, seen: &mut DayResult) {
        while self.reports.len() > REPORT_DAYS + 1 {
            self.reports.pop_front();
        }
        let from = self.day + 1 - self.reports.len();
        for (row, cohorts) in self.reports.iter_mut().enumerate() {
            let (day, age) = (from + row, self.day - from - row);
            for (campaign, cohort) in cohorts.iter_mut().enumerate() {
                let before = cohort.conversions;
                cohort.report([self.account.seed, index(campaign), index(day)], age, self.account.scatter[campaign].haste);
                let set = &mut self.creatives[campaign];
                let impressions = if age == 0 { seen.impressions[campaign] } else { 0.0 };
                let clicks = if age == 0 { seen.clicks[campaign] } else { 0.0 };
                if cohort.conversions > before || age == 0 {
                    set.book(self.day * (REPORT_DAYS + 1) + age, [impressions, clicks, cohort.conversions - before]);
                }
            }
        }
        let rows = |of: fn(&Cohort) -> f64| self.reports.iter().map(|row| row.iter().map(of).collect()).collect::<Vec<Vec<f64>>>();
        let (conversions, revenue) = (rows(|cohort| cohort.conversions), rows(|cohort| (cohort.revenue * 100.0).round() / 100.0));
        seen.conversions = conversions.last().cloned().unwrap_or_default();
        seen.revenue = revenue.last().cloned().unwrap_or_default();
        seen.restated = Some(Restated { from_day: from, conversions, revenue });
    }

    fn seen_creatives(&self) -> CreativeResult {
        let rows = |of: fn(&Creatives) -> &Vec<f64>| self.creatives.iter().map(|set| of(set).clone()).collect();
        CreativeResult {
            impressions: rows(|set| &set.impressions),
            clicks: rows(|set| &set.clicks),
            conversions: rows(|set| &set.conversions),
            generation: self.creatives.iter().map(|set| set.generation).collect(),
        }
    }
}

fn normalised(weights: &[f64], arms: usize) -> Vec<f64> {
    let kept: Vec<f64> = (0..arms).map(|arm| weights.get(arm).copied().filter(|weight| weight.is_finite()).unwrap_or(0.0).max(0.0)).collect();
    let sum: f64 = kept.iter().sum();
    if sum > 0.0 { kept.into_iter().map(|weight| weight / sum).collect() } else { vec![1.0 / arms.max(1) as f64; arms] }
}

/// The value of `count` orders around `value` each.
fn orders(place: &[i64; 4], count: f64, value: f64, sd: f64) -> f64 {
    let [seed, campaign, day, what] = *place;
    let one = |at: i64| Place::of(&[seed, campaign, day, what, at]).normal();
    if count > 30.0 {
        let spread = ((sd * sd).exp() - 1.0).sqrt() / count.sqrt();
        return count * value * (1.0 + spread * one(0)).max(0.2);
    }
    let (mut sum, mut at) = (0.0, 0);
    while (at as f64) < count {
        sum += value * (sd * one(at) - sd * sd / 2.0).exp();
        at += 1;
    }
    sum
}
