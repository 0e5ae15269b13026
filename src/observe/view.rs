//! From what was read to the immutable view: pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::tracking;
use crate::clock::ProductTime;
use crate::domain::entity::{EntityKey, Platform};
use crate::domain::ids::{AccountId, PollId};
use crate::domain::measurement::Measurement;
use crate::domain::metrics::Metrics;
use crate::domain::money::Currency;
use crate::domain::view::{AccountView, Frozen, Tracking, VIEW_DAYS};
use crate::platforms::Inventory;

/// What the configuration says of the account that is observed.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The account.
    pub account: AccountId,
    /// Its platform.
    pub platform: Platform,
    /// Its configured currency.
    pub currency: Currency,
    /// Its configured zone.
    pub time_zone: Tz,
    /// Whether it is a sandbox.
    pub sandbox: bool,
    /// Share of the expected conversions below which tracking is broken, 0 to 1.
    pub tracking_minimum: f64,
}

/// Figures by campaign and day, as last reported.
pub(crate) type Table = BTreeMap<EntityKey, BTreeMap<NaiveDate, Metrics>>;

/// The figures a view shows, and what is measured beside the platform.
pub(crate) struct Figures<'a> {
    /// By campaign and day, those of the source that comes first.
    pub table: Cow<'a, Table>,
    /// What is measured beside the platform.
    pub measurement: Option<Measurement>,
}

/// When the parts of a view were read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    /// Campaigns and budgets.
    pub inventory: ProductTime,
    /// Spend, if ever.
    pub spend: Option<ProductTime>,
    /// Conversions, if ever.
    pub conversions: Option<ProductTime>,
}

/// Assembles a view. `covered` tells for which days a report has been read; `maturity` is the share of final conversions expected after so
/// many whole days.
pub(crate) fn assemble(
    observed: &Observed,
    poll: PollId,
    ages: Ages,
    inventory: &Inventory,
    figures: &Figures<'_>,
    covered: impl Fn(NaiveDate) -> bool,
    maturity: impl Fn(usize) -> f64,
) -> AccountView {
    let Figures { table, measurement } = figures;
    let today = ages.inventory.date_in(observed.time_zone);
    let days: Vec<NaiveDate> = (0..VIEW_DAYS as u64).rev().filter_map(|back| today.checked_sub_days(Days::new(back))).collect();
    let none = BTreeMap::new();
    let mut campaigns = inventory.campaigns.clone();
    campaigns.sort_by(|a, b| a.key.cmp(&b.key));
    let mut budgets = inventory.budgets.clone();
    budgets.sort_by(|a, b| a.budget.cmp(&b.budget));
    let mut figures = Vec::with_capacity(campaigns.len() * days.len());
    for campaign in &campaigns {
        let series = table.get(&campaign.key).unwrap_or(&none);
        figures.extend(days.iter().map(|day| series.get(day).cloned().unwrap_or_else(|| Metrics::zero(observed.currency))));
    }
    let maturity: Vec<f64> = days.iter().map(|day| usize::try_from(today.signed_duration_since(*day).num_days()).map_or(0.0, &maturity)).collect();
    let closed = days.len().saturating_sub(1);
    let tracking = if days[..closed].iter().rev().take(3).all(|day| covered(*day)) {
        let sums = tracking::account_days(&figures, &maturity);
        tracking::judge(&sums[..closed], observed.tracking_minimum)
    } else {
        Tracking::Unknown
    };
    AccountView {
        account: observed.account.clone(),
        platform: observed.platform,
        currency: observed.currency,
        time_zone: observed.time_zone,
        sandbox: observed.sandbox,
        poll,
        at: ages.inventory,
        spend_at: ages.spend,
        conversions_at: ages.conversions,
        gaps: days.iter().copied().filter(|day| !covered(*day)).collect(),
        campaigns,
        budgets,
        figures,
        maturity,
        tracking,
        frozen: frozen(observed, inventory),
        measurement: measurement.clone(),
        days,
    }
}

/// Why the account's money must not move, judged from what the platform says of it.
fn frozen(observed: &Observed, inventory: &Inventory) -> Option<Frozen> {
    let account = &inventory.account;
    if account.currency != observed.currency {
        return Some(Frozen::Currency { configured: observed.currency, reported: account.currency });
    }
    if account.time_zone != observed.time_zone {
        return Some(Frozen::TimeZone { configured: observed.time_zone, reported: account.time_zone });
    }
    (!account.in_good_standing).then_some(Frozen::NotInGoodStanding)
}
