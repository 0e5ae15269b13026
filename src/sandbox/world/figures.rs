//! What a platform would report: closed days are computed once and kept, restated ones too once nothing is missing, the running day grows with its hours.

use chrono::{NaiveDate, TimeDelta};

use super::{World, days};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::{Currency, MICROS, Money};
use crate::sandbox::market::day::{Delivery, Offer, hours, reported_share};
use crate::sandbox::market::noise::Place;

/// Reported figures of one campaign and day, or a sum of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Spend in micros, a whole number of minor units.
    pub(crate) spend: i64,
    /// Times shown.
    pub(crate) impressions: i64,
    /// Clicks.
    pub(crate) clicks: i64,
    /// Conversions reported so far, whole.
    pub(crate) conversions: i64,
    /// The same under a model that shares one conversion out over several clicks: thousandths, not whole.
    pub(crate) conversions_milli: i64,
    /// Value of the whole conversions, micros.
    pub(crate) value: i64,
    /// Value of the shared-out conversions, micros.
    pub(crate) value_shared: i64,
}

impl Figures {
    /// Adds another day or campaign.
    pub(crate) fn add(&mut self, other: &Self) {
        self.spend += other.spend;
        self.impressions += other.impressions;
        self.clicks += other.clicks;
        self.conversions += other.conversions;
        self.conversions_milli += other.conversions_milli;
        self.value += other.value;
        self.value_shared += other.value_shared;
    }

    /// Whether nothing was delivered.
    pub(crate) fn is_idle(&self) -> bool {
        self.impressions == 0 && self.spend == 0
    }
}

impl World {
    /// The figures of `campaign` for `date` as they are reported at `now`; nothing before the history begins or after today. `now` never goes back
    /// by more than a stale read's hour.
    pub(crate) fn figures(&mut self, campaign: usize, date: NaiveDate, now: ProductTime) -> Figures {
        if let Some(settled) = self.settled.get(&(campaign, date)) {
            return *settled;
        }
        let (zone, currency) = (self.owner(campaign).zone, self.owner(campaign).currency);
        let (start, end) = days::span(zone, date);
        if start >= now || date < self.since.date_in(zone) {
            return Figures::default();
        }
        let delivered = if end <= now {
            if let Some(closed) = self.closed.get(&(campaign, date)) {
                *closed
            } else {
                let closed = self.delivered(campaign, date, now);
                self.closed.insert((campaign, date), closed);
                closed
            }
        } else {
            self.delivered(campaign, date, now)
        };
        let until = now.min(end);
        let middle = start + (until - start) / 2;
        let share = reported_share((now - middle).num_seconds() as f64 / 86_400.0);
        let dither = Place::of(&[self.seed, campaign_number(campaign), i64::from(chrono::Datelike::num_days_from_ce(&date)), 10]).uniform();
        let whole = (delivered.conversions * share + dither * f64::from(u8::from(share < 1.0))).floor().min(delivered.conversions);
        let each = if delivered.conversions > 0.0 { delivered.value / delivered.conversions } else { 0.0 };
        let shared = (delivered.conversions * share * 1_000.0).round();
        let figures = Figures {
            spend: minor_units(delivered.spend, currency),
            impressions: count(delivered.impressions),
            clicks: count(delivered.clicks),
            conversions: count(whole),
            conversions_milli: count(shared),
            value: minor_units(each * whole, currency),
            value_shared: minor_units(each * shared / 1_000.0, currency),
        };
        if share >= 1.0 {
            self.settled.insert((campaign, date), figures);
        }
        figures
    }

    /// What a purse has spent on the account's current day, micros.
    pub(crate) fn spent_today(&mut self, purse: usize, now: ProductTime) -> i64 {
        let today = now.date_in(self.accounts[self.purses[purse].account].zone);
        self.purses[purse].members.clone().into_iter().map(|member| self.figures(member, today, now).spend).sum()
    }

    /// Sum over days of one campaign, both ends included.
    pub(crate) fn figures_between(&mut self, campaign: usize, from: NaiveDate, to: NaiveDate, now: ProductTime) -> Figures {
        let mut sum = Figures::default();
        for date in days::between(from, to) {
            sum.add(&self.figures(campaign, date, now));
        }
        sum
    }

    fn delivered(&self, campaign: usize, date: NaiveDate, now: ProductTime) -> Delivery {
        let (start, end) = days::span(self.owner(campaign).zone, date);
        let count = (end - start).num_hours().clamp(1, 26);
        let offers: Vec<Offer> = (0..count).map(|hour| self.offer(campaign, start + TimeDelta::hours(hour))).collect();
        let mut sum = Delivery::default();
        for (hour, delivery) in (0..count).zip(hours(&self.campaigns[campaign].curve, date, &offers)) {
            let gone = (now - (start + TimeDelta::hours(hour))).num_seconds() as f64 / 3_600.0;
            sum.add(&delivery, gone.clamp(0.0, 1.0));
        }
        sum
    }

    fn offer(&self, campaign: usize, at: ProductTime) -> Offer {
        if at < self.since || !self.delivers(campaign, at) {
            return Offer { budget: 0.0, settled_days: 0.0 };
        }
        let purse = self.purse_of(campaign);
        let currency = self.accounts[purse.account].currency;
        let running: f64 = purse.members.iter().filter(|member| self.delivers(**member, at)).map(|member| self.campaigns[*member].curve.base).sum();
        let part = self.campaigns[campaign].curve.base / running.max(f64::MIN_POSITIVE);
        let mut amount = purse.amount.at(at);
        if purse.level == Level::AdGroup {
            // Ad groups that came later bring money of their own.
            let others = self.purses.iter().filter(|other| other.level == Level::AdGroup && other.members == [campaign] && other.id != purse.id);
            amount += others.map(|other| other.amount.at(at)).sum::<i64>();
        }
        let budget = Money::from_micros(amount, currency).estimate() * part;
        Offer { budget, settled_days: (at - self.last_significant_edit(campaign, at)).num_minutes() as f64 / 1_440.0 }
    }

    /// When, at or before `at`, the campaign's delivery was last upset: a budget step of more than 20 %, or a start after a pause.
    pub(crate) fn last_significant_edit(&self, campaign: usize, at: ProductTime) -> ProductTime {
        let steps = self.purse_of(campaign).amount.steps().filter(|(_, old, new)| (new - old).abs().saturating_mul(5) > *old).map(|(when, ..)| when);
        let campaign = &self.campaigns[campaign];
        let starts = campaign
            .status
            .steps()
            .chain(campaign.group_status.steps())
            .filter(|(_, old, new)| *old != *new && *new == RunStatus::Active)
            .map(|(when, ..)| when);
        steps.chain(starts).filter(|when| *when <= at).max().unwrap_or(self.since - TimeDelta::days(30))
    }
}

fn campaign_number(campaign: usize) -> i64 {
    i64::try_from(campaign).unwrap_or(i64::MAX)
}

fn count(number: f64) -> i64 {
    number.round() as i64
}

/// An estimate in units as micros, rounded to whole minor units.
pub(crate) fn minor_units(units: f64, currency: Currency) -> i64 {
    let step = currency.minor_unit().micros();
    let micros = (units * MICROS as f64).round();
    if micros.abs() >= i64::MAX as f64 / 4.0 { 0 } else { (micros as i64 + step / 2).div_euclid(step) * step }
}
