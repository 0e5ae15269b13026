//! GA4 beside the platform: its rows are joined to our campaigns, how much of the traffic is found there is measured, and where enough is, what it
//! counted comes first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate, Offset as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::view::{Observed, Table};
use crate::clock::ProductTime;
use crate::domain::entity::{Campaign, EntityKey, Platform};
use crate::domain::measurement::{Measurement, Second, Standing};
use crate::domain::money::Money;
use crate::domain::view::VIEW_DAYS;
use crate::platforms::PlatformError;
use crate::platforms::ga4::{Ask, Property, Report};
use crate::store::measured::MeasuredFact;

/// Days at the end of the view that GA4 is not asked about: its attribution of a day moves for 24 to 48 hours.
const UNSETTLED: u64 = 2;
/// How long the last answer serves when no new one comes: as old as conversions may be by default before they deny agents.
const SERVES: TimeDelta = TimeDelta::hours(6);
/// Least share of the clicks, in thousandths, that must be found there: below half, what is missing would decide more than what is counted.
const LEAST_JOINED: u32 = 500;
/// A gap of more per cent between the sources is told. Consent, blockers and attribution by the last click leave GA4 10 to 30 % below what platforms
/// claim; beyond 40 % one of the two misses what the other sees, as the tracking rule has it, which takes less than 60 % for broken.
const GAP_PCT: i64 = 40;
/// Days the gap is measured over, all of them settled: a week holds every weekday once.
const GAP_DAYS: u64 = 7;
/// Conversions, in thousandths, that one of the sources must have counted before a gap between them says anything.
const GAP_LEAST: i64 = 20_000;

/// Whether campaigns may be found by their names where their ids are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The account is the only one of its platform there.
    Join,
    /// Another account may have a campaign of the same name.
    Ignore,
}

/// What counts conversions beside an account's platform.
#[derive(Clone)]
pub struct Measuring {
    /// The property, shared by all accounts it counts for.
    pub property: Arc<Property>,
    /// Whether names join.
    pub names: Names,
    /// What a conversion is worth, where that is fixed.
    pub value: Option<Money>,
}

impl Measuring {
    fn source(&self) -> String {
        format!("ga4:{}", self.property.id())
    }
}

/// What a source counted, by campaign and day.
pub(super) type Measured = BTreeMap<EntityKey, BTreeMap<NaiveDate, (i64, Money)>>;

/// The measurement of one account, as far as it is known.
pub(super) struct Beside {
    measuring: Option<Measuring>,
    pub(super) state: Option<Measurement>,
    known: Measured,
    answered: Option<ProductTime>,
}

/// What a read changed.
pub(super) struct Judged {
    pub(super) facts: Vec<MeasuredFact>,
    pub(super) state: Option<Measurement>,
    pub(super) trouble: Option<Arc<PlatformError>>,
}

impl Beside {
    /// As stored: the state of the last read, and what was counted.
    pub(super) fn restored(measuring: Option<Measuring>, state: Option<Measurement>, facts: Vec<MeasuredFact>) -> Self {
        Self { measuring, state, known: measured(facts), answered: None }
    }

    /// What the property counted over the settled days of the view; `None` when there is none to ask.
    pub(super) async fn told(&self, observed: &Observed, at: ProductTime) -> Option<Result<Arc<Report>, PlatformError>> {
        let today = at.date_in(observed.time_zone);
        let ask = Ask { from: today - Days::new(VIEW_DAYS as u64 - 1), to: today - Days::new(UNSETTLED), currency: observed.currency };
        Some(self.measuring.as_ref()?.property.report(ask).await)
    }

    /// What `told` means for the account whose platform reports `table`.
    pub(super) fn judge(
        &mut self,
        told: Option<Result<Arc<Report>, PlatformError>>,
        observed: &Observed,
        campaigns: &[Campaign],
        table: &Table,
        at: ProductTime,
    ) -> Judged {
        let Some(measuring) = &self.measuring else { return Judged { facts: Vec::new(), state: None, trouble: None } };
        let source = measuring.source();
        if self.state.as_ref().is_some_and(|state| state.source != source) {
            (self.state, self.known) = (None, Measured::new());
        }
        let report = match told {
            Some(Ok(report)) => report,
            Some(Err(error)) => return self.unanswered(source, Some(Arc::new(error)), at),
            None => return self.unanswered(source, None, at),
        };
        self.answered = Some(at);
        let joined = join(observed.platform, campaigns, &report, measuring);
        let window = (at.date_in(observed.time_zone) - Days::new(VIEW_DAYS as u64 - 1), at.date_in(observed.time_zone) - Days::new(UNSETTLED));
        let joined_permille = share(&joined, table, window);
        let unfit = window.0.iter_days().take_while(|day| *day <= window.1).all(|day| report.unfit.contains(&day));
        let why = if report.zone.is_some_and(|zone| !same_days(zone, observed.time_zone, at)) {
            Some(Second::OtherZone)
        } else if report.currency.is_some_and(|currency| currency != observed.currency) {
            Some(Second::OtherCurrency)
        } else if !report.withheld.is_empty() {
            Some(Second::Withheld)
        } else if unfit {
            Some(Second::Unfit)
        } else {
            joined_permille.is_some_and(|share| share < LEAST_JOINED).then_some(Second::Unjoined)
        };
        // Figures in another currency or of other days are of no use even as history.
        let usable = !matches!(why, Some(Second::OtherZone | Second::OtherCurrency | Second::Withheld));
        let facts = if usable { news(&joined, &report.unfit, &self.known, window) } else { Vec::new() };
        let standing = why.map_or(Standing::First, Standing::Second);
        let gap_pct = if usable { gap(&joined, table, window.1) } else { None };
        Judged { facts, state: Some(Measurement { source, standing, joined_permille, gap_pct }), trouble: None }
    }

    /// Nothing new: what was counted serves for a while.
    fn unanswered(&self, source: String, trouble: Option<Arc<PlatformError>>, at: ProductTime) -> Judged {
        let serves = self.answered.is_some_and(|answered| at - answered < SERVES);
        if self.state.is_none() && trouble.is_none() {
            return Judged { facts: Vec::new(), state: None, trouble: None };
        }
        let silent = || Measurement { source, standing: Standing::Second(Second::Silent), joined_permille: None, gap_pct: None };
        let state = match &self.state {
            Some(state) if serves || (trouble.is_none() && self.answered.is_none()) => state.clone(),
            Some(state) => Measurement { standing: Standing::Second(Second::Silent), ..state.clone() },
            None => silent(),
        };
        Judged { facts: Vec::new(), state: Some(state), trouble }
    }

    /// Takes over what was stored.
    pub(super) fn keep(&mut self, facts: Vec<MeasuredFact>, state: Option<Measurement>) {
        for MeasuredFact { entity, day, conversions_milli, revenue } in facts {
            self.known.entry(entity).or_default().insert(day, (conversions_milli, revenue));
        }
        self.state = state;
    }

    /// The platform's figures with what comes first in its place.
    pub(super) fn over<'a>(&self, table: &'a Table) -> Cow<'a, Table> {
        first(table, self.state.as_ref(), &self.known)
    }

    /// Forgets days before `oldest`.
    pub(super) fn forget(&mut self, oldest: NaiveDate) {
        for series in self.known.values_mut() {
            *series = series.split_off(&oldest);
        }
        self.known.retain(|_, series| !series.is_empty());
    }
}

/// Facts by campaign and day.
pub(super) fn measured(facts: Vec<MeasuredFact>) -> Measured {
    let mut known = Measured::new();
    for MeasuredFact { entity, day, conversions_milli, revenue } in facts {
        known.entry(entity).or_default().insert(day, (conversions_milli, revenue));
    }
    known
}

/// `table` with the conversions and revenue of a source that comes first, where it has counted.
pub(super) fn first<'a>(table: &'a Table, state: Option<&Measurement>, known: &Measured) -> Cow<'a, Table> {
    if state.is_none_or(|state| state.standing != Standing::First) {
        return Cow::Borrowed(table);
    }
    let mut table = table.clone();
    for (entity, series) in &mut table {
        let Some(counted) = known.get(entity) else { continue };
        for (day, metrics) in series {
            if let Some((conversions_milli, revenue)) = counted.get(day) {
                (metrics.conversions_milli, metrics.revenue) = (*conversions_milli, *revenue);
            }
        }
    }
    Cow::Owned(table)
}

/// Rows that belong to one of `campaigns`: by its id, else by its name, where that is plain and no other has it.
fn join(platform: Platform, campaigns: &[Campaign], report: &Report, measuring: &Measuring) -> Measured {
    let ids: BTreeMap<&str, &EntityKey> = campaigns.iter().map(|campaign| (campaign.key.id.as_str(), &campaign.key)).collect();
    let mut names: BTreeMap<String, Option<&EntityKey>> = BTreeMap::new();
    if measuring.names == Names::Join {
        for campaign in campaigns {
            names.entry(campaign.name.trim().to_lowercase()).and_modify(|twice| *twice = None).or_insert(Some(&campaign.key));
        }
    }
    let mut joined = Measured::new();
    for row in &report.rows {
        let by_name = || {
            let name = row.name.as_deref().filter(|_| row.id.is_none() && comes_from(platform, &row.source))?;
            names.get(&name.trim().to_lowercase()).copied().flatten()
        };
        let Some(key) = row.id.as_deref().and_then(|id| ids.get(id).copied()).or_else(by_name) else { continue };
        let revenue = measuring.value.map_or(row.revenue, |value| worth(value, row.conversions_milli));
        let (conversions, sum) = joined.entry(key.clone()).or_default().entry(row.day).or_insert((0, Money::zero(revenue.currency())));
        *conversions = conversions.saturating_add(row.conversions_milli);
        *sum = sum.checked_add(revenue).unwrap_or(*sum);
    }
    joined
}

fn worth(value: Money, conversions_milli: i64) -> Money {
    let micros = i128::from(value.micros()) * i128::from(conversions_milli) / 1_000;
    Money::from_micros(i64::try_from(micros).unwrap_or(i64::MAX), value.currency())
}

/// Whether a session's source is one of the platform's names.
fn comes_from(platform: Platform, source: &str) -> bool {
    let source = source.to_lowercase();
    let names: &[&str] = match platform {
        Platform::Google => &["google", "youtube"],
        Platform::Meta => &["facebook", "instagram", "meta"],
        Platform::Tiktok => &["tiktok"],
    };
    names.iter().any(|name| source.contains(name)) || (platform == Platform::Meta && matches!(source.as_str(), "fb" | "ig"))
}

/// What is not known yet; days unfit for decisions are left as they were known.
fn news(joined: &Measured, unfit: &BTreeSet<NaiveDate>, known: &Measured, (from, to): (NaiveDate, NaiveDate)) -> Vec<MeasuredFact> {
    let mut facts = Vec::new();
    for (entity, series) in joined {
        for (day, (conversions_milli, revenue)) in series.range(from..=to).filter(|(day, _)| !unfit.contains(day)) {
            if known.get(entity).and_then(|known| known.get(day)) != Some(&(*conversions_milli, *revenue)) {
                facts.push(MeasuredFact { entity: entity.clone(), day: *day, conversions_milli: *conversions_milli, revenue: *revenue });
            }
        }
    }
    facts
}

/// The share of the clicks, in thousandths, that fall on days on which their campaign was found.
fn share(joined: &Measured, table: &Table, (from, to): (NaiveDate, NaiveDate)) -> Option<u32> {
    let (mut found, mut all) = (0_i128, 0_i128);
    for (entity, series) in table {
        for (day, metrics) in series.range(from..=to) {
            all += i128::from(metrics.clicks);
            if joined.get(entity).is_some_and(|counted| counted.contains_key(day)) {
                found += i128::from(metrics.clicks);
            }
        }
    }
    (all > 0).then(|| u32::try_from(found * 1_000 / all).unwrap_or(1_000))
}

/// By how many per cent the source counts more or fewer conversions than the platform, over the same campaigns and days; `None` while that is borne.
fn gap(joined: &Measured, table: &Table, last: NaiveDate) -> Option<i64> {
    let (mut theirs, mut platforms) = (0_i64, 0_i64);
    for (entity, series) in joined {
        let Some(reported) = table.get(entity) else { continue };
        for (day, (conversions_milli, _)) in series.range(last - Days::new(GAP_DAYS - 1)..=last) {
            let Some(metrics) = reported.get(day) else { continue };
            theirs = theirs.saturating_add(*conversions_milli);
            platforms = platforms.saturating_add(metrics.conversions_milli);
        }
    }
    if theirs.max(platforms) < GAP_LEAST {
        return None;
    }
    let apart = theirs.saturating_sub(platforms).saturating_mul(100).checked_div(platforms).unwrap_or(100);
    (apart.abs() > GAP_PCT).then_some(apart)
}

/// Whether days begin at the same time in both zones, as things stand at `at`.
fn same_days(one: Tz, other: Tz, at: ProductTime) -> bool {
    let offset = |zone: Tz| zone.offset_from_utc_datetime(&at.utc().naive_utc()).fix().local_minus_utc();
    one == other || offset(one) == offset(other)
}

#[cfg(test)]
mod tests;
