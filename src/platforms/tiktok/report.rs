//! TikTok's daily figures by campaign. All metrics are text, and `-` means that there is none.

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use super::Tiktok;
use super::wire::ReportRow;
use crate::domain::entity::Level;
use crate::domain::metrics::Metrics;
use crate::domain::money::{Money, Rounding};
use crate::platforms::loose::{Loose, thousandths, units};
use crate::platforms::spec::{AccountSpec, ConversionValue, is_number};
use crate::platforms::{DayRow, PlatformError};

/// Longest range of a report with days. Source: the report's own rule.
const DAYS: u64 = 30;
/// Deleted campaigns belong in it: their spend happened. The value is the text of a list.
const FILTER: &str = r#"[{"field_name":"campaign_status","filter_type":"IN","filter_value":"[\"STATUS_ALL\"]"}]"#;
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

pub(super) async fn read(tiktok: &Tiktok, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
    let mut metrics = vec!["spend", "impressions", "clicks"];
    for (count, value) in chosen(&tiktok.spec) {
        metrics.extend([Some(count), value].into_iter().flatten().filter(|metric| !metrics.contains(metric)).collect::<Vec<_>>());
    }
    let metrics = serde_json::json!(metrics).to_string();
    let (mut days, mut start) = (Vec::new(), from);
    while start <= to {
        let end = start.checked_add_days(Days::new(DAYS - 1)).unwrap_or(to).min(to);
        let (first, last) = (start.to_string(), end.to_string());
        let parameters = [
            ("report_type", "BASIC"),
            ("data_level", "AUCTION_CAMPAIGN"),
            ("dimensions", r#"["campaign_id","stat_time_day"]"#),
            ("metrics", metrics.as_str()),
            ("start_date", first.as_str()),
            ("end_date", last.as_str()),
            ("filtering", FILTER),
        ];
        let rows: Vec<ReportRow> = tiktok.rows("report/integrated/get/", &parameters).await?;
        for row in &rows {
            days.extend(day(&tiktok.spec, row)?);
        }
        let Some(next) = end.succ_opt() else { break };
        start = next;
    }
    days.sort_by(|a, b| (&a.entity, a.day).cmp(&(&b.entity, b.day)));
    Ok(days)
}

/// One row in our vocabulary; `None` for a row whose spend is not available.
///
/// # Errors
/// [`PlatformError::Validation`] for a row that cannot be what it says: no campaign, no day, a number that is none.
pub(super) fn day(spec: &AccountSpec, row: &ReportRow) -> Result<Option<DayRow>, PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("a report row of advertiser {} has {what}", spec.platform_id));
    let dimension = |name: &str| row.dimensions.as_ref().and_then(|dimensions| dimensions.get(name)).map(|value| value.0.as_str());
    let id = dimension("campaign_id").filter(|id| is_number(id)).ok_or_else(|| wrong("no campaign id"))?;
    let date = dimension("stat_time_day").and_then(|day| day.get(..10)?.parse().ok()).ok_or_else(|| wrong("no day"))?;
    let available = |name: &str| row.metrics.as_ref().and_then(|metrics| metrics.get(name)).filter(|value| !matches!(value.0.as_str(), "-" | ""));
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
    let metrics = Metrics { spend, impressions: count("impressions")?, clicks: count("clicks")?, conversions_milli: conversions, revenue };
    Ok(Some(DayRow { entity: spec.key(Level::Campaign, id), day: date, metrics }))
}
