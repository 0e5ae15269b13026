//! What was known about an account and a pool at one moment: immutable, shared, never cloned.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::entity::{Budget, Campaign, EntityKey, Platform};
use super::ids::{AccountId, PollId, PoolId};
use super::measurement::Measurement;
use super::metrics::Metrics;
use super::money::{Currency, Money};
use super::policy::Policy;
use crate::clock::ProductTime;

/// Account days a view holds, today included.
pub const VIEW_DAYS: usize = 35;

/// Whether reported conversions can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Tracking {
    /// Reported conversions are in line with what was expected.
    Healthy,
    /// Too little history to expect anything.
    Unknown,
    /// Fewer conversions were reported than the share of the expected ones that the policy demands.
    Broken {
        /// Conversions reported over the days looked at.
        reported: f64,
        /// Conversions expected over the same days.
        expected: f64,
    },
}

/// Why an account's money must not move although nobody paused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Frozen {
    /// The platform bills in another currency than configured.
    Currency {
        /// In `agents.toml`.
        configured: Currency,
        /// On the platform.
        reported: Currency,
    },
    /// The platform's days run in another zone than configured.
    TimeZone {
        /// In `agents.toml`.
        configured: Tz,
        /// On the platform.
        reported: Tz,
    },
    /// The platform does not let the account be changed.
    NotInGoodStanding,
}

/// One account as it was known at `at`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountId,
    /// Its platform.
    pub platform: Platform,
    /// Its currency.
    pub currency: Currency,
    /// Its zone.
    pub time_zone: Tz,
    /// Whether it is a sandbox; every page says so.
    pub sandbox: bool,
    /// The read that brought the newest part of this view.
    pub poll: PollId,
    /// When campaigns and budgets were read.
    pub at: ProductTime,
    /// When spend was last read; `None` before the first report.
    pub spend_at: Option<ProductTime>,
    /// When conversions were last read; `None` before the first report.
    pub conversions_at: Option<ProductTime>,
    /// Campaigns that have not ended, by key.
    pub campaigns: Vec<Campaign>,
    /// Their budgets, by key: sorted, so that one is found by bisection.
    pub budgets: Vec<Budget>,
    /// The account days this view covers, oldest first; the last is the running day.
    pub days: Vec<NaiveDate>,
    /// Figures, campaign after campaign in the order of `campaigns`, each with one entry a day of `days`.
    pub figures: Vec<Metrics>,
    /// For each of `days`, the share of its final conversions expected to have arrived, 0 to 1.
    pub maturity: Vec<f64>,
    /// Days of `days` for which no report has been read at all.
    pub gaps: Vec<NaiveDate>,
    /// Whether conversions can be believed.
    pub tracking: Tracking,
    /// Why its money must not move; `None` when it may.
    pub frozen: Option<Frozen>,
    /// What is measured beside the platform; `None` where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
}

impl AccountView {
    /// Where `key` stands in `campaigns`.
    #[must_use]
    pub fn position(&self, key: &EntityKey) -> Option<usize> {
        self.campaigns.binary_search_by(|campaign| campaign.key.cmp(key)).ok()
    }

    /// One campaign's figures, a day each, in the order of `days`.
    #[must_use]
    pub fn series(&self, campaign: usize) -> &[Metrics] {
        let width = self.days.len();
        self.figures.get(campaign * width..(campaign + 1) * width).unwrap_or(&[])
    }

    /// Number of days at the front of `days` that were closed at least `hours` ago in the account's zone: the days one may judge.
    #[must_use]
    pub fn closed_days(&self, now: ProductTime, hours: i64) -> usize {
        let today = (now - chrono::TimeDelta::hours(hours)).date_in(self.time_zone);
        self.days.iter().take_while(|day| **day < today).count()
    }

    /// The budget with `key`.
    #[must_use]
    pub fn budget(&self, key: &EntityKey) -> Option<&Budget> {
        self.budgets.binary_search_by(|budget| budget.budget.key.cmp(key)).ok().map(|at| &self.budgets[at])
    }

    /// Where each budget's campaigns stand in `campaigns`, by the budget's key.
    #[must_use]
    pub fn members(&self) -> BTreeMap<&EntityKey, Vec<usize>> {
        let mut members: BTreeMap<&EntityKey, Vec<usize>> = BTreeMap::new();
        for (at, campaign) in self.campaigns.iter().enumerate() {
            members.entry(&campaign.budget.key).or_default().push(at);
        }
        members
    }

    /// The campaign with `key`.
    #[must_use]
    pub fn campaign(&self, key: &EntityKey) -> Option<&Campaign> {
        self.position(key).map(|at| &self.campaigns[at])
    }
}

/// One pool as it was known when its round started.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolView {
    /// The pool.
    pub pool: PoolId,
    /// Its one currency.
    pub currency: Currency,
    /// Its zone.
    pub time_zone: Tz,
    /// Most that may be committed a day.
    pub daily_cap: Money,
    /// The accounts it draws on, by name.
    pub accounts: Vec<Arc<AccountView>>,
    /// Keys of the budgets that belong to it, sorted, so that one is found by bisection.
    pub members: Vec<EntityKey>,
}

impl PoolView {
    /// A pool as the policy defines it and as its accounts are known; none of a pool the policy does not have.
    #[must_use]
    pub fn of(policy: &Policy, pool: &PoolId, accounts: Vec<Arc<AccountView>>, mut members: Vec<EntityKey>) -> Option<Self> {
        let settings = policy.pools.get(pool)?;
        // A database sorts text by rules of its own.
        members.sort_unstable();
        let (currency, time_zone, daily_cap) = (settings.daily_cap.currency(), settings.time_zone, settings.daily_cap);
        Some(Self { pool: pool.clone(), currency, time_zone, daily_cap, accounts, members })
    }

    /// Whether the budget with `key` belongs to the pool.
    #[must_use]
    pub fn has(&self, key: &EntityKey) -> bool {
        self.members.binary_search(key).is_ok()
    }

    /// The account view that holds `key`.
    #[must_use]
    pub fn account_of(&self, key: &EntityKey) -> Option<&AccountView> {
        self.accounts.iter().map(Arc::as_ref).find(|view| view.account == key.account)
    }

    /// The pool's budgets, each with its account.
    pub fn budgets(&self) -> impl Iterator<Item = (&AccountView, &Budget)> {
        self.members.iter().filter_map(|key| {
            let view = self.account_of(key)?;
            Some((view, view.budget(key)?))
        })
    }
}
