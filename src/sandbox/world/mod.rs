//! What stands in the sandbox: accounts, campaigns, the purses that pay for them, and every edit ever made, in memory.
//! The state file holds the log; the world is rebuilt from configuration and log alone, so both always agree.

pub(crate) mod build;
pub(crate) mod days;
pub(crate) mod edits;
pub(crate) mod figures;
pub(crate) mod people;
pub(crate) mod shares;
pub(crate) mod things;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::market::curve::Curve;
use super::market::day::Delivery;
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::Currency;

/// Values with the instants they took effect, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct History<T>(Vec<(ProductTime, T)>);

impl<T: Clone> History<T> {
    /// `value` since `from`, and before it for want of another.
    pub(crate) fn since(from: ProductTime, value: T) -> Self {
        Self(vec![(from, value)])
    }

    /// The value in force at `at`.
    pub(crate) fn at(&self, at: ProductTime) -> T {
        let later = self.0.partition_point(|(from, _)| *from <= at);
        self.0[later.saturating_sub(1)].1.clone()
    }

    /// Sets `value` from `from` on; what was to take effect at that instant or later is forgotten.
    pub(crate) fn set(&mut self, from: ProductTime, value: T) {
        let kept = self.0.partition_point(|(earlier, _)| *earlier < from).max(1);
        self.0.truncate(kept);
        self.0.push((from, value));
    }

    /// What takes effect only after `at`.
    pub(crate) fn pending(&self, at: ProductTime) -> Option<(ProductTime, T)> {
        self.0.last().cloned().filter(|(from, _)| *from > at)
    }

    /// Neighbouring values: when the later one took effect, the earlier, the later.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (ProductTime, T, T)> + '_ {
        self.0.windows(2).map(|pair| (pair[1].0, pair[0].1.clone(), pair[1].1.clone()))
    }
}

/// One ad account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Its platform.
    pub(crate) platform: Platform,
    /// The platform's id of it (Meta: with `act_`).
    pub(crate) id: String,
    /// Billing currency.
    pub(crate) currency: Currency,
    /// Zone of its days.
    pub(crate) zone: Tz,
}

/// One campaign with its first ad group.
#[derive(Clone, Debug)]
pub(crate) struct Campaign {
    /// Its account, as an index.
    pub(crate) account: usize,
    /// The platform's id.
    pub(crate) id: String,
    /// The platform's id of its first ad group; empty while it has none.
    pub(crate) group: String,
    /// Its name.
    pub(crate) name: String,
    /// What its owner set.
    pub(crate) status: History<RunStatus>,
    /// What the owner set on the ad group.
    pub(crate) group_status: History<RunStatus>,
    /// What pays for it, as an index.
    pub(crate) purse: usize,
    /// Whether review lets it deliver.
    pub(crate) review: Review,
    /// Its nature.
    pub(crate) curve: Curve,
    /// Its ads, as indices of things.
    pub(crate) ads: Vec<usize>,
}

/// What the platform's review says of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    /// Nothing in the way.
    Passed,
    /// An ad was refused: it never delivers.
    Disapproved,
    /// A special-category declaration is demanded and missing: it never delivers.
    Undeclared,
}

/// One daily budget.
#[derive(Clone, Debug)]
pub(crate) struct Purse {
    /// Its account, as an index.
    pub(crate) account: usize,
    /// Where it hangs: campaign, ad group or shared.
    pub(crate) level: Level,
    /// The platform's id of what holds it: the campaign, the ad group, or the shared budget itself.
    pub(crate) id: String,
    /// Google's id of the budget resource; empty elsewhere.
    pub(crate) resource: String,
    /// The campaigns it pays for, as indices.
    pub(crate) members: Vec<usize>,
    /// Micros of the account's currency a day.
    pub(crate) amount: History<i64>,
    /// When its amount was edited, for limits per hour.
    pub(crate) edited: Vec<ProductTime>,
}

/// A report that a platform makes in its own time.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The account it is about, as an index.
    pub(crate) account: usize,
    /// What was asked.
    pub(crate) asked: BTreeMap<String, String>,
    /// How often it was asked after.
    pub(crate) polls: u32,
}

/// Everything that stands and stood.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: i64,
    pub(crate) start: ProductTime,
    /// When the history that precedes the start begins.
    pub(crate) since: ProductTime,
    pub(crate) accounts: Vec<Account>,
    pub(crate) campaigns: Vec<Campaign>,
    pub(crate) purses: Vec<Purse>,
    pub(crate) people: Vec<people::Plan>,
    /// Campaigns and what stands below them, as their platforms keep them.
    pub(crate) things: Vec<things::Thing>,
    /// Every applied row that is in the state file, oldest first: what a platform's own history of changes shows.
    pub(crate) told: Vec<edits::Row>,
    /// Reports asked for to be fetched later, in the order they were asked; not in the state file.
    pub(crate) jobs: Vec<Job>,
    /// Most ids that one of TikTok's reports covers.
    pub(crate) report_ids: usize,
    /// GA4 properties.
    pub(crate) properties: Vec<crate::sandbox::ga4::Property>,
    /// Log rows not yet in the state file.
    pub(crate) pending: Vec<edits::Row>,
    closed: BTreeMap<(usize, NaiveDate), Delivery>,
    settled: BTreeMap<(usize, NaiveDate), figures::Figures>,
}

impl World {
    /// The index of the account with this platform id.
    pub(crate) fn account(&self, platform: Platform, id: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.platform == platform && account.id == id)
    }

    /// Indices of an account's campaigns.
    pub(crate) fn campaigns_of(&self, account: usize) -> Vec<usize> {
        (0..self.campaigns.len()).filter(|campaign| self.campaigns[*campaign].account == account).collect()
    }

    /// The campaign with this platform id.
    pub(crate) fn campaign(&self, platform: Platform, id: &str) -> Option<usize> {
        self.campaigns.iter().position(|campaign| campaign.id == id && self.accounts[campaign.account].platform == platform)
    }

    /// The campaign whose ad group has this platform id.
    pub(crate) fn group(&self, platform: Platform, id: &str) -> Option<usize> {
        self.campaigns.iter().position(|campaign| campaign.group == id && self.accounts[campaign.account].platform == platform)
    }

    /// The account of a campaign.
    pub(crate) fn owner(&self, campaign: usize) -> &Account {
        &self.accounts[self.campaigns[campaign].account]
    }

    /// The purse of a campaign.
    pub(crate) fn purse_of(&self, campaign: usize) -> &Purse {
        &self.purses[self.campaigns[campaign].purse]
    }

    /// Whether a campaign may deliver at `at`: its owner lets it, and one of its ad groups has an ad that review lets run.
    pub(crate) fn delivers(&self, campaign: usize, at: ProductTime) -> bool {
        let campaign = &self.campaigns[campaign];
        campaign.review == Review::Passed && campaign.status.at(at) == RunStatus::Active && campaign.ads.iter().any(|ad| self.ad_runs(*ad, at))
    }
}
