//! A small market for the tests of the pure rooms: one Meta account whose campaigns repeat the same day.
#![allow(dead_code, reason = "shared by the tests of several rooms, each of which uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};

use crate::clock::ProductTime;
use crate::domain::books::{Books, BudgetBook};
use crate::domain::curve::{CampaignCurve, GRID, Response};
use crate::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use crate::domain::ids::{AccountId, PollId};
use crate::domain::metrics::Metrics;
use crate::domain::money::{Currency, Money};
use crate::domain::view::{AccountView, PoolView, Tracking, VIEW_DAYS};

use super::Maturity;

/// US dollars.
pub(crate) fn usd(units: f64) -> Money {
    Money::from_estimate(units, Currency::USD).expect("a small amount")
}

/// The `at`-th day after the first of March.
pub(crate) fn date(at: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 1).expect("a date") + Days::new(at)
}

/// A day's figures.
pub(crate) fn day(spend: f64, conversions: f64, value: f64) -> Metrics {
    Metrics {
        spend: usd(spend),
        impressions: (spend * 100.0) as i64,
        clicks: spend as i64,
        conversions_milli: (conversions * 1_000.0).round() as i64,
        revenue: usd(conversions * value),
    }
}

/// The key of campaign `id`.
pub(crate) fn key(id: &str) -> EntityKey {
    EntityKey::campaign("meta-main".parse().expect("a name"), id)
}

/// The own budget of campaign `id`.
pub(crate) fn budget_ref(id: &str) -> BudgetRef {
    BudgetRef { key: key(id), members: vec![key(id)] }
}

/// A power-law curve around `amount` that brings `conversions` there, known as well as `evidence` conversions make it.
pub(crate) fn curve(id: &str, amount: f64, conversions: f64, value: f64, evidence: f64) -> CampaignCurve {
    let amounts: Vec<f64> = (0..GRID).map(|at| amount * 2.0_f64.powf(at as f64 / 20.0 - 1.0)).collect();
    let response = |level: f64, cv: f64| {
        let mean: Vec<f64> = amounts.iter().map(|at| level * (at / amount).powf(0.7)).collect();
        Response { q25: mean.iter().map(|mean| super::Uncertain { mean: *mean, cv }.q25()).collect(), mean }
    };
    let cv = evidence.max(1.0).sqrt().recip();
    CampaignCurve {
        budget: budget_ref(id),
        conversions: response(conversions, cv),
        revenue: response(conversions * value, cv.hypot(0.8 / evidence.max(1.0).sqrt())),
        amounts,
        evidence,
        noise: 1.0,
        gain_cv: 0.1,
        audience_cap: None,
    }
}

struct Line {
    id: String,
    budget: f64,
    spend: f64,
    conversions: f64,
    value: f64,
    status: RunStatus,
    learning: Learning,
}

/// The market under construction.
pub(crate) struct Market {
    lines: Vec<Line>,
    cap: f64,
    tracking: Tracking,
}

impl Market {
    /// An empty market with a daily cap of 10,000.
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), cap: 10_000.0, tracking: Tracking::Healthy }
    }

    /// One more campaign that spends its budget and brings so many conversions a day.
    pub(crate) fn campaign(mut self, id: &str, budget: &str, conversions: f64, value: f64) -> Self {
        let budget: f64 = budget.parse().expect("an amount");
        self.lines.push(Line { id: id.to_owned(), budget, spend: budget, conversions, value, status: RunStatus::Active, learning: Learning::Done });
        self
    }

    fn change(mut self, id: &str, change: impl FnOnce(&mut Line)) -> Self {
        change(self.lines.iter_mut().find(|line| line.id == id).expect("a campaign of this market"));
        self
    }

    /// Campaign `id` spends this instead.
    pub(crate) fn spends(self, id: &str, spend: f64) -> Self {
        self.change(id, |line| line.spend = spend)
    }

    /// Campaign `id` stands still.
    pub(crate) fn paused(self, id: &str) -> Self {
        self.change(id, |line| line.status = RunStatus::Paused)
    }

    /// Campaign `id` is still learning.
    pub(crate) fn learning(self, id: &str) -> Self {
        self.change(id, |line| line.learning = Learning::Active { conversions: Some(3.0), since: None })
    }

    /// Another cap.
    pub(crate) fn cap(mut self, cap: f64) -> Self {
        self.cap = cap;
        self
    }

    /// The account's conversions cannot be believed.
    pub(crate) fn broken_tracking(mut self) -> Self {
        self.tracking = Tracking::Broken { reported: 1.0, expected: 50.0 };
        self
    }

    /// The round's time: ten in the morning of the view's last day.
    pub(crate) fn now(&self) -> ProductTime {
        let midnight = date(VIEW_DAYS as u64 - 1).and_hms_opt(10, 0, 0).expect("a time").and_utc();
        ProductTime::from(midnight)
    }

    /// The key of campaign `id`.
    pub(crate) fn key(&self, id: &str) -> EntityKey {
        key(id)
    }

    /// The pool as seen, and books in which every budget stands at its amount.
    pub(crate) fn build(&self) -> (PoolView, Books) {
        let account: AccountId = "meta-main".parse().expect("a name");
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        let shares = Maturity::default();
        let campaign = |line: &&Line| Campaign {
            key: key(&line.id),
            name: format!("campaign {}", line.id),
            status: line.status,
            serving: line.status == RunStatus::Active,
            disapproved: false,
            objective: Objective::Conversions,
            special_categories: Some(Vec::new()),
            learning: line.learning.clone(),
            budget: budget_ref(&line.id),
            created: None,
        };
        let budget = |line: &&Line| Budget {
            budget: budget_ref(&line.id),
            resource: line.id.clone(),
            amount: usd(line.budget),
            unit: Currency::USD.minor_unit(),
            minimum: usd(1.0),
            read_only: None,
        };
        let maturity = (0..VIEW_DAYS).map(|at| shares.share(Platform::Meta, VIEW_DAYS - 1 - at)).collect::<Vec<f64>>();
        let figures = lines.iter().flat_map(|line| maturity.iter().map(|share| day(line.spend, line.conversions * share, line.value))).collect();
        let view = AccountView {
            account: account.clone(),
            platform: Platform::Meta,
            currency: Currency::USD,
            time_zone: chrono_tz::UTC,
            sandbox: true,
            poll: PollId::from(ulid::Ulid::from_parts(1, 1)),
            at: self.now(),
            spend_at: Some(self.now()),
            conversions_at: Some(self.now()),
            campaigns: lines.iter().map(campaign).collect(),
            budgets: lines.iter().map(budget).collect(),
            days: (0..VIEW_DAYS as u64).map(date).collect(),
            figures,
            maturity,
            gaps: Vec::new(),
            tracking: self.tracking,
            frozen: None,
            measurement: None,
        };
        let mut books = Books::blank(self.now());
        books.budgets = lines
            .iter()
            .map(|line| {
                let live = if line.status == RunStatus::Active { usd(line.budget) } else { Money::zero(Currency::USD) };
                let book = BudgetBook {
                    pool: "core".parse().expect("a name"),
                    members: vec![key(&line.id)],
                    accepted: usd(line.budget),
                    live,
                    open_target: None,
                    day_ago: usd(line.budget),
                    grown_at: None,
                    cut_at: None,
                    significant_at: None,
                    edits_1h: 0,
                };
                (key(&line.id), book)
            })
            .collect::<BTreeMap<_, _>>();
        let pool = PoolView {
            pool: "core".parse().expect("a name"),
            currency: Currency::USD,
            time_zone: chrono_tz::UTC,
            daily_cap: usd(self.cap),
            accounts: vec![Arc::new(view)],
            members: lines.iter().map(|line| key(&line.id)).collect(),
        };
        (pool, books)
    }

    /// The round's time moved by days.
    pub(crate) fn days_ago(&self, days: i64) -> ProductTime {
        self.now() - TimeDelta::days(days)
    }
}
