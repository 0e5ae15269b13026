//! The world at its start: who stands in it and what happened before.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{Account, Campaign, History, Purse, Review, World, people};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::Currency;
use crate::sandbox::SandboxConfig;
use crate::sandbox::market::curve::{Curve, PROFILES};
use crate::sandbox::market::noise::Place;
use crate::sandbox::meta::smallest_unit;
use crate::sandbox::world::figures::minor_units;

impl World {
    /// The world of `config`, started at `start`.
    pub(crate) fn build(config: &SandboxConfig, start: ProductTime) -> Self {
        let since = start - TimeDelta::days(i64::from(config.history_days.clamp(1, 90)));
        let accounts: Vec<Account> = config
            .accounts
            .iter()
            .map(|account| Account { platform: account.platform, id: bare(account.platform, &account.id), currency: account.currency, zone: account.time_zone })
            .collect();
        let seed = config.seed.cast_signed();
        let mut world = Self {
            seed,
            start,
            since,
            accounts,
            campaigns: Vec::new(),
            purses: Vec::new(),
            people: Vec::new(),
            things: Vec::new(),
            told: Vec::new(),
            jobs: Vec::new(),
            report_ids: config.report_ids,
            properties: config.properties.iter().cloned().map(crate::sandbox::ga4::Property::new).collect(),
            pending: Vec::new(),
            closed: BTreeMap::new(),
            settled: BTreeMap::new(),
        };
        let count = if world.accounts.is_empty() { 0 } else { config.campaigns };
        for number in 0..count {
            let (account, place) = (number % world.accounts.len(), number / world.accounts.len());
            world.settle(number, account, place);
        }
        world.furnish();
        if config.edits_by_people {
            world.people = people::plans(&world);
        }
        world
    }

    fn settle(&mut self, number: usize, account: usize, place: usize) {
        let owner = &self.accounts[account];
        let (platform, currency) = (owner.platform, owner.currency);
        let (scale, unit) = (worth(currency), budget_unit(platform, currency));
        let slot = place % PROFILES.len();
        let curve = Curve::draw(self.seed, number_of(number), slot, platform, scale);
        let review = match (platform, place) {
            (Platform::Meta, 7) => Review::Disapproved,
            (Platform::Meta, 6) => Review::Undeclared,
            _ => Review::Passed,
        };
        // What review stops was stopped by its owner, too: some days before the start, so that its past looks inviting.
        let mut status = History::since(self.since - TimeDelta::days(30), RunStatus::Active);
        if review != Review::Passed {
            status.set((self.start - TimeDelta::days(9)).max(self.since), RunStatus::Paused);
        }
        let rank = number_of(account * 1_000 + place);
        let (id, group, budget) = ids(platform, rank);
        let shared = (platform == Platform::Google && place == 7).then(|| self.campaigns.iter().rposition(|other| other.account == account)).flatten();
        let purse = match shared {
            Some(partner) => self.join(partner, self.campaigns.len(), &curve, currency),
            None => {
                let (level, id) = match (platform, slot) {
                    (Platform::Google, _) => (Level::Campaign, id.clone()),
                    (Platform::Meta, 1 | 3 | 5) | (Platform::Tiktok, 3 | 5) => (Level::AdGroup, group.clone()),
                    (Platform::Meta | Platform::Tiktok, _) => (Level::Campaign, id.clone()),
                };
                let amount = self.past_budgets(number, minor_units(curve.base, currency), unit);
                self.purses.push(Purse { account, level, id, resource: budget, members: vec![self.campaigns.len()], amount, edited: Vec::new() });
                self.purses.len() - 1
            }
        };
        let group_status = History::since(self.since - TimeDelta::days(30), RunStatus::Active);
        let name = format!(
            "{} | US | {}",
            PROFILES[slot].name,
            if place < PROFILES.len() { "always on".to_owned() } else { format!("set {}", place / PROFILES.len() + 1) }
        );
        self.campaigns.push(Campaign { account, id, group, name, status, group_status, purse, review, curve, ads: Vec::new() });
    }

    /// The eighth Google campaign shares the budget of the one before it.
    fn join(&mut self, partner: usize, joining: usize, curve: &Curve, currency: Currency) -> usize {
        let purse = self.campaigns[partner].purse;
        let sum = minor_units(self.campaigns[partner].curve.base + curve.base, currency);
        let amount = self.past_budgets(partner, sum, currency.minor_unit().micros());
        let shared = &mut self.purses[purse];
        shared.level = Level::Shared;
        shared.id.clone_from(&shared.resource);
        shared.members.push(joining);
        shared.amount = amount;
        purse
    }

    /// Budgets were changed a little in the past, so that the history says something about the response to money.
    fn past_budgets(&self, number: usize, today: i64, unit: i64) -> History<i64> {
        let part = |percent: i64| today / 100 * percent / unit * unit;
        let shift = |what: i64| TimeDelta::hours(Place::of(&[self.seed, number_of(number), 20 + what]).below(72).try_into().unwrap_or(0));
        let mut amount = History::since(self.since - TimeDelta::days(30), part(85));
        let span = self.start - self.since;
        for (tenths, percent, what) in [(3, 100, 0), (6, 115, 1)] {
            amount.set(self.since + span * tenths / 10 + shift(what), part(percent));
        }
        amount.set((self.since + span * 8 / 10 + shift(2)).min(self.start), today);
        amount
    }
}

/// Roughly what a US dollar is worth in a currency, where campaigns of the same size are to be of the same worth.
fn worth(currency: Currency) -> f64 {
    match currency.code() {
        "HUF" => 350.0,
        _ if currency.decimals() == 0 => 150.0,
        _ => 1.0,
    }
}

/// Micros in the smallest step of a budget: Meta's own unit, else the currency's.
pub(crate) fn budget_unit(platform: Platform, currency: Currency) -> i64 {
    match platform {
        Platform::Meta => smallest_unit(currency),
        Platform::Google | Platform::Tiktok => currency.minor_unit().micros(),
    }
}

/// An account's id as its platform writes it: Google without dashes, Meta with its prefix.
fn bare(platform: Platform, id: &str) -> String {
    match platform {
        Platform::Google => id.replace('-', ""),
        Platform::Meta => format!("act_{}", id.trim_start_matches("act_")),
        Platform::Tiktok => id.to_owned(),
    }
}

fn ids(platform: Platform, rank: i64) -> (String, String, String) {
    match platform {
        Platform::Google => ((7_770_000 + rank).to_string(), (8_880_000 + rank).to_string(), (5_550_000 + rank).to_string()),
        Platform::Meta => ((23_850_000_000_000_001 + rank * 10).to_string(), (23_850_000_000_000_002 + rank * 10).to_string(), String::new()),
        Platform::Tiktok => ((1_790_000_000_000_001 + rank * 10).to_string(), (1_790_000_000_000_002 + rank * 10).to_string(), String::new()),
    }
}

fn number_of(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
