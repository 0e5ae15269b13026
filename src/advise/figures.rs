//! The days the campaigns have behind them, as account views: thirty-five columns that move on by one a day.

use std::ops::Range;
use std::sync::Arc;

use chrono::{Days, NaiveDate};

use super::protocol::{DayResult, ProtocolError, Restated};
use super::setup::{Setup, account, key, money};
use crate::clock::ProductTime;
use crate::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use crate::domain::ids::PollId;
use crate::domain::metrics::Metrics;
use crate::domain::money::Currency;
use crate::domain::view::{AccountView, Tracking, VIEW_DAYS};
use crate::learning::{Maturity, Restatement, ScoredDay};
use crate::observe::tracking;

/// Closed days that must all be known before tracking is judged.
const TRACKED_DAYS: usize = 3;
/// What a day's restatements count compared with the next day's: reporting habits change over months.
const MEMORY: f64 = 0.98;

/// The figures of all campaigns.
pub(super) struct Figures {
    /// One account a platform, by name.
    pub views: Vec<Arc<AccountView>>,
    /// Where each campaign stands: the account, and the place in it.
    pub places: Vec<(usize, usize)>,
    currency: Currency,
    first: NaiveDate,
    /// The day that runs: the last column.
    today: usize,
    covered: Vec<bool>,
    /// What days brought at one reading and at the next, by account and age.
    restated: Vec<Vec<(f64, f64)>>,
    /// Share of the expected conversions below which tracking is broken.
    least_tracked: f64,
}

/// The instant of a day at which the daemon allocates by default: days before it have been closed for three hours.
pub(super) fn instant(date: NaiveDate) -> ProductTime {
    ProductTime::from(date.and_hms_opt(3, 0, 0).expect("three o'clock exists in UTC").and_utc())
}

impl Figures {
    pub fn new(setup: &Setup, least_tracked: f64) -> Self {
        let mut figures = Self {
            views: Vec::new(),
            places: vec![(0, 0); setup.lines.len()],
            currency: setup.currency,
            first: setup.first,
            today: 0,
            covered: vec![false; VIEW_DAYS],
            restated: Vec::new(),
            least_tracked,
        };
        for platform in Platform::ALL {
            let members: Vec<usize> = (0..setup.lines.len()).filter(|at| setup.lines[*at].platform == platform).collect();
            if members.is_empty() {
                continue;
            }
            for (place, at) in members.iter().enumerate() {
                figures.places[*at] = (figures.views.len(), place);
            }
            figures.views.push(Arc::new(view(setup, platform, &members)));
            figures.restated.push(vec![(0.0, 0.0); VIEW_DAYS]);
        }
        figures.advance(0);
        figures
    }

    /// The day that runs.
    pub const fn today(&self) -> usize {
        self.today
    }

    /// The date of a day.
    pub fn date(&self, day: usize) -> NaiveDate {
        self.first + Days::new(day as u64)
    }

    /// Moves on to `today`; days nobody told of are gaps.
    pub fn advance(&mut self, today: usize) {
        self.shift(today);
        self.judge();
    }

    /// Moves the columns so that `today` is the last.
    fn shift(&mut self, today: usize) {
        let by = today.saturating_sub(self.today);
        let shift = by.min(VIEW_DAYS);
        self.today = today;
        self.covered.rotate_left(shift);
        self.covered[VIEW_DAYS - shift..].fill(false);
        if shift == 0 {
            return;
        }
        for view in &mut self.views {
            for row in Arc::make_mut(view).figures.chunks_exact_mut(VIEW_DAYS) {
                row.rotate_left(shift);
                row[VIEW_DAYS - shift..].fill(Metrics::zero(self.currency));
            }
        }
    }

    /// Says of the columns what they are: which days, how complete, and whether conversions can be believed.
    fn judge(&mut self) {
        let date = self.date(self.today);
        let days: Vec<NaiveDate> = (0..VIEW_DAYS as u64).rev().map(|back| date - Days::new(back)).collect();
        // The running day has no figures and is none anybody judges.
        let closed = VIEW_DAYS - 1;
        let gaps: Vec<NaiveDate> = days.iter().zip(&self.covered).take(closed).filter(|(_, covered)| !**covered).map(|(day, _)| *day).collect();
        let at = instant(date);
        for (view, restated) in self.views.iter_mut().zip(&self.restated) {
            let view = Arc::make_mut(view);
            let maturity = Maturity::learn(&restatements(view.platform, restated));
            view.maturity = (0..VIEW_DAYS).rev().map(|age| maturity.share(view.platform, age)).collect();
            (view.days, view.gaps) = (days.clone(), gaps.clone());
            (view.at, view.spend_at, view.conversions_at) = (at, Some(at), Some(at));
            view.tracking = if self.covered[closed - TRACKED_DAYS..closed].iter().all(|covered| *covered) {
                tracking::judge(&tracking::account_days(&view.figures, &view.maturity)[..closed], self.least_tracked)
            } else {
                Tracking::Unknown
            };
        }
    }

    /// Takes in a finished day: its own figures, and newer ones of the days before it.
    pub fn observe(&mut self, result: &DayResult) -> Result<(), ProtocolError> {
        self.shift(self.today.max(result.day + 1));
        if let Some(restated) = &result.restated {
            self.restate(result.day, restated)?;
        }
        let column = VIEW_DAYS - 2;
        self.covered[column] = true;
        let last = result.restated.as_ref().and_then(|restated| Some((restated.conversions.last()?, restated.revenue.last()?)));
        let (conversions, revenue) = last.unwrap_or((&result.conversions, &result.revenue));
        for (at, (account, place)) in self.places.iter().copied().enumerate() {
            let metrics = Metrics {
                spend: money(result.spend[at], self.currency, "result.spend")?,
                impressions: whole(result.impressions[at]),
                clicks: whole(result.clicks[at]),
                conversions_milli: whole(1_000.0 * conversions[at]),
                revenue: money(revenue[at], self.currency, "result.revenue")?,
            };
            let view = Arc::make_mut(&mut self.views[account]);
            view.figures[place * VIEW_DAYS + column] = metrics;
            if let Some(learning) = &result.learning {
                view.campaigns[place].learning = if learning[at] { Learning::Active { conversions: None, since: None } } else { Learning::Done };
            }
        }
        self.judge();
        Ok(())
    }

    /// Replaces what earlier days were reported to have brought, and remembers how much came in between.
    fn restate(&mut self, day: usize, restated: &Restated) -> Result<(), ProtocolError> {
        self.restated.iter_mut().flatten().for_each(|(before, after)| (*before, *after) = (MEMORY * *before, MEMORY * *after));
        // After days without a report nobody knows at which age what came in.
        let in_time = self.covered[VIEW_DAYS - 3];
        for (row, earlier) in (restated.from_day..day).enumerate() {
            let age = self.today - earlier;
            if age >= VIEW_DAYS || !self.covered[VIEW_DAYS - 1 - age] {
                continue;
            }
            let column = VIEW_DAYS - 1 - age;
            for (at, (account, place)) in self.places.iter().copied().enumerate() {
                let view = Arc::make_mut(&mut self.views[account]);
                let metrics = &mut view.figures[place * VIEW_DAYS + column];
                let (before, after) = (metrics.conversions(), restated.conversions[row][at]);
                metrics.conversions_milli = whole(1_000.0 * after);
                metrics.revenue = money(restated.revenue[row][at], self.currency, "result.restated.revenue")?;
                if in_time {
                    let sums = &mut self.restated[account][age - 1];
                    *sums = (sums.0 + before, sums.1 + after);
                }
            }
        }
        Ok(())
    }

    /// The days of a campaign that are known, as they stand now.
    pub fn days(&self, at: usize, days: Range<usize>) -> Vec<ScoredDay> {
        let (account, place) = self.places[at];
        let view = &self.views[account];
        let column = |day: usize| (VIEW_DAYS - 1).checked_sub(self.today.checked_sub(day)?).filter(|column| self.covered[*column]);
        days.filter_map(|day| {
            let column = column(day)?;
            Some(ScoredDay { day: self.date(day), figures: view.series(place).get(column)?.clone(), maturity: *view.maturity.get(column)? })
        })
        .collect()
    }

    /// Sets what the platform shows of a campaign.
    pub fn set(&mut self, at: usize, change: impl FnOnce(&mut Campaign, &mut Budget)) {
        let (account, place) = self.places[at];
        let view = Arc::make_mut(&mut self.views[account]);
        change(&mut view.campaigns[place], &mut view.budgets[place]);
    }
}

fn restatements(platform: Platform, sums: &[(f64, f64)]) -> Vec<Restatement> {
    let seen = sums.iter().enumerate().filter(|(_, (before, after))| before + after > 0.0);
    seen.map(|(age, (before, after))| Restatement { platform, age, before: *before, after: *after }).collect()
}

/// A count that was told as a number; amounts are checked to be far from the range's end.
fn whole(number: f64) -> i64 {
    number.round() as i64
}

fn view(setup: &Setup, platform: Platform, members: &[usize]) -> AccountView {
    let reference = |at: usize| -> (EntityKey, BudgetRef) {
        let key = key(platform, at);
        (key.clone(), BudgetRef { key: key.clone(), members: vec![key] })
    };
    let campaign = |at: &usize| {
        let (key, budget) = reference(*at);
        Campaign {
            key,
            name: setup.lines[*at].name.clone(),
            status: RunStatus::Active,
            serving: true,
            disapproved: false,
            objective: Objective::Conversions,
            special_categories: Some(Vec::new()),
            learning: Learning::Unknown,
            budget,
            created: None,
        }
    };
    let budget = |at: &usize| {
        let (key, budget) = reference(*at);
        let line = &setup.lines[*at];
        let unit = setup.currency.minor_unit();
        Budget { budget, resource: key.id, amount: line.budget, unit, minimum: line.minimum, read_only: None }
    };
    let start = instant(setup.first);
    AccountView {
        account: account(platform),
        platform,
        currency: setup.currency,
        time_zone: chrono_tz::UTC,
        sandbox: true,
        poll: PollId::from(ulid::Ulid::nil()),
        at: start,
        spend_at: None,
        conversions_at: None,
        campaigns: members.iter().map(campaign).collect(),
        budgets: members.iter().map(budget).collect(),
        days: Vec::new(),
        figures: vec![Metrics::zero(setup.currency); members.len() * VIEW_DAYS],
        maturity: Vec::new(),
        gaps: Vec::new(),
        tracking: Tracking::Unknown,
        frozen: None,
        measurement: None,
    }
}
