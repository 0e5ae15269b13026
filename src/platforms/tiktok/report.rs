//! TikTok's figures. All metrics are text, and `-` means that there is none.

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use super::Tiktok;
use super::volume::{self, Asked};
use super::wire::ReportRow;
use crate::domain::entity::Level;
use crate::domain::metrics::Metrics;
use crate::domain::money::{Money, Rounding};
use crate::domain::structure::{Breakdown, ReportAsk, ReportLevel, ReportRow as Divided};
use crate::platforms::loose::{Loose, thousandths, units};
use crate::platforms::spec::{AccountSpec, ConversionValue, is_number};
use crate::platforms::{DayRow, PlatformError};

/// Longest range of a report with days. Source: the report's own rule.
const DAYS: u64 = 30;
/// More days than this, below campaigns or divided further, are asked for as a task.
const AT_ONCE_DAYS: i64 = 7;
/// What is counted in people, and what they did beside clicking.
const PEOPLE: [&str; 3] = ["reach", "frequency", "engagements"];
/// Names of an action, its count, and its value where the platform reports one.
const ACTIONS: [(&str, &str, Option<&str>); 8] = [
    ("purchase", "complete_payment", Some("total_complete_payment_rate")),
    ("complete_payment", "complete_payment", Some("total_complete_payment_rate")),
    ("lead", "form", None),
    ("form", "form", None),
    ("registration", "user_registration", None),
    ("add_to_cart", "web_event_add_to_cart", Some("total_web_event_add_to_cart_value")),
    ("shop_purchase", "onsite_shopping", Some("total_onsite_shopping_value")),
    ("conversion", "conversion", None),
];

/// The metrics of a configured action: its count, and its value where there is one.
pub(in crate::platforms) fn action_metrics(action: &str) -> Option<(&'static str, Option<&'static str>)> {
    ACTIONS.iter().find(|(name, ..)| *name == action).map(|&(_, count, value)| (count, value))
}

/// The actions that can be configured.
pub(in crate::platforms) fn actions() -> Vec<&'static str> {
    ACTIONS.iter().map(|(name, ..)| *name).collect()
}

fn chosen(spec: &AccountSpec) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    spec.conversions.actions.iter().filter_map(|action| action_metrics(action))
}

/// The metrics a configured account asks for.
fn metrics(spec: &AccountSpec, more: &[&'static str]) -> Vec<&'static str> {
    let mut metrics = vec!["spend", "impressions", "clicks"];
    for (count, value) in chosen(spec) {
        metrics.extend([Some(count), value].into_iter().flatten().filter(|metric| !metrics.contains(metric)).collect::<Vec<_>>());
    }
    metrics.extend(more);
    metrics
}

/// The days from `from` to `to` in spans of at most `most` days.
fn spans(from: NaiveDate, to: NaiveDate, most: u64) -> Vec<(String, String)> {
    let (mut spans, mut start) = (Vec::new(), from);
    while start <= to {
        let end = start.checked_add_days(Days::new(most - 1)).unwrap_or(to).min(to);
        spans.push((start.to_string(), end.to_string()));
        let Some(next) = end.succ_opt() else { break };
        start = next;
    }
    spans
}

pub(super) async fn read(tiktok: &Tiktok, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
    let asked = Asked {
        kind: "BASIC",
        level: "AUCTION_CAMPAIGN",
        status: "campaign_status",
        dimensions: vec!["campaign_id", "stat_time_day"],
        metrics: metrics(&tiktok.spec, &[]),
        long: false,
    };
    let mut days = Vec::new();
    for span in spans(from, to, DAYS) {
        for row in &volume::rows(tiktok, &asked, &span).await? {
            days.extend(day(&tiktok.spec, row)?);
        }
    }
    days.sort_by(|a, b| (&a.entity, a.day).cmp(&(&b.entity, b.day)));
    Ok(days)
}

/// Figures at any level and breakdown.
pub(super) async fn divided(tiktok: &Tiktok, ask: &ReportAsk) -> Result<Vec<Divided>, PlatformError> {
    let spec = &tiktok.spec;
    let (level, id, data_level, status) = match ask.level {
        ReportLevel::Campaign => (Level::Campaign, "campaign_id", "AUCTION_CAMPAIGN", "campaign_status"),
        ReportLevel::AdGroup => (Level::AdGroup, "adgroup_id", "AUCTION_ADGROUP", "adgroup_status"),
        ReportLevel::Ad | ReportLevel::Creative => (Level::Ad, "ad_id", "AUCTION_AD", "ad_status"),
    };
    let (kind, time, part, most) = match ask.breakdown {
        None => ("BASIC", "stat_time_day", None, DAYS),
        Some(Breakdown::Hour) => ("BASIC", "stat_time_hour", None, 1),
        Some(Breakdown::Age) => ("AUDIENCE", "stat_time_day", Some("age"), DAYS),
        Some(Breakdown::Gender) => ("AUDIENCE", "stat_time_day", Some("gender"), DAYS),
        Some(Breakdown::Country) => ("AUDIENCE", "stat_time_day", Some("country_code"), DAYS),
        Some(Breakdown::Device) => ("AUDIENCE", "stat_time_day", Some("platform"), DAYS),
    };
    let divided = ask.level != ReportLevel::Campaign || part.is_some();
    let asked = Asked {
        kind,
        level: data_level,
        status,
        dimensions: [Some(id), Some(time), part].into_iter().flatten().collect(),
        // People are counted once a day, not once an hour or group.
        metrics: metrics(spec, if ask.breakdown.is_none() { &PEOPLE } else { &[] }),
        long: divided && most > 1 && (ask.to - ask.from).num_days() >= AT_ONCE_DAYS,
    };
    let mut found = Vec::new();
    for span in spans(ask.from, ask.to, most) {
        for row in &volume::rows(tiktok, &asked, &span).await? {
            let Some(metrics) = figures(spec, row)? else { continue };
            let hour = row.dimension("stat_time_hour").and_then(|at| at.get(11..13)?.parse::<u8>().ok()).map(|hour| hour.to_string());
            found.push(Divided {
                entity: spec.key(level, row.entity(spec, id)?),
                day: row.day(spec, time)?,
                part: part.and_then(|part| row.dimension(part)).map(str::to_owned).or(hour),
                metrics,
                reach: row.available("reach").and_then(Loose::integer),
                frequency: row.available("frequency").and_then(|often| often.0.parse().ok()),
                engagements: row.available("engagements").and_then(Loose::integer),
            });
        }
    }
    found.sort_by(|a, b| (&a.entity, a.day, &a.part).cmp(&(&b.entity, b.day, &b.part)));
    Ok(found)
}

fn wrong(spec: &AccountSpec, what: &str) -> PlatformError {
    PlatformError::Validation(format!("a report row of advertiser {} has {what}", spec.platform_id))
}

impl ReportRow {
    fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions.as_ref().and_then(|dimensions| dimensions.get(name)).map(|value| value.0.as_str())
    }

    /// A metric, where there is one.
    fn available(&self, name: &str) -> Option<&Loose> {
        self.metrics.as_ref().and_then(|metrics| metrics.get(name)).filter(|value| !matches!(value.0.as_str(), "-" | ""))
    }

    fn entity(&self, spec: &AccountSpec, id: &str) -> Result<&str, PlatformError> {
        self.dimension(id).filter(|id| is_number(id)).ok_or_else(|| wrong(spec, &format!("no {}", id.replace('_', " "))))
    }

    fn day(&self, spec: &AccountSpec, time: &str) -> Result<NaiveDate, PlatformError> {
        self.dimension(time).and_then(|day| day.get(..10)?.parse().ok()).ok_or_else(|| wrong(spec, "no day"))
    }
}

/// One row in our vocabulary; `None` for a row whose spend is not available.
///
/// # Errors
/// [`PlatformError::Validation`] for a row that cannot be what it says: no campaign, no day, a number that is none.
pub(super) fn day(spec: &AccountSpec, row: &ReportRow) -> Result<Option<DayRow>, PlatformError> {
    let (entity, day) = (spec.key(Level::Campaign, row.entity(spec, "campaign_id")?), row.day(spec, "stat_time_day")?);
    Ok(figures(spec, row)?.map(|metrics| DayRow { entity, day, metrics }))
}

/// The figures of one row; `None` where its spend is not available.
fn figures(spec: &AccountSpec, row: &ReportRow) -> Result<Option<Metrics>, PlatformError> {
    let wrong = |what: &str| wrong(spec, what);
    let available = |name: &str| row.available(name);
    let Some(spend) = available("spend") else { return Ok(None) };
    let count = |name: &str| available(name).map_or(Some(0), Loose::integer).ok_or_else(|| wrong("a count that is no whole number"));
    let (mut conversions, mut revenue) = (0_i64, Money::zero(spec.currency));
    for (metric, value) in chosen(spec) {
        let counted = available(metric).map_or(Some(0), thousandths).and_then(|counted| conversions.checked_add(counted));
        conversions = counted.ok_or_else(|| wrong("a conversion count that is no number"))?;
        let value = value.and_then(available).map_or(Some(Money::zero(spec.currency)), |value| units(value, spec.currency));
        revenue = value.and_then(|value| revenue.checked_add(value).ok()).ok_or_else(|| wrong("a conversion value that is no number"))?;
    }
    if let ConversionValue::Fixed(each) = spec.conversions.value {
        revenue = each.scale(Decimal::new(conversions, 3), Rounding::HalfEven).map_err(|error| wrong(&error.to_string()))?;
    }
    let spend = units(spend, spec.currency).ok_or_else(|| wrong("a spend that is no number"))?;
    Ok(Some(Metrics { spend, impressions: count("impressions")?, clicks: count("clicks")?, conversions_milli: conversions, revenue }))
}
