//! Google's daily figures by campaign. Conversions are those of the account's own Conversions column, booked on the day of the click.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::Google;
use super::wire::Row;
use crate::domain::entity::Level;
use crate::domain::metrics::Metrics;
use crate::domain::money::{Money, Rounding};
use crate::platforms::loose::{integer, thousandths, units};
use crate::platforms::spec::{AccountSpec, ConversionValue, is_number};
use crate::platforms::{DayRow, PlatformError};

/// Removed campaigns belong in it: their spend happened.
fn query(from: NaiveDate, to: NaiveDate) -> String {
    format!(
        "SELECT segments.date, campaign.id, campaign.status, metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.conversions, \
         metrics.conversions_value FROM campaign WHERE segments.date BETWEEN '{from}' AND '{to}' ORDER BY segments.date, campaign.id"
    )
}

pub(super) async fn read(google: &Google, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
    let rows = google.search(&query(from, to)).await?;
    let mut days = rows.iter().map(|row| day(&google.spec, row)).collect::<Result<Vec<_>, _>>()?;
    days.sort_by(|a, b| (&a.entity, a.day).cmp(&(&b.entity, b.day)));
    Ok(days)
}

/// One row in our vocabulary.
///
/// # Errors
/// [`PlatformError::Validation`] for a row that cannot be what it says: no campaign, no day, a number that is none.
pub(super) fn day(spec: &AccountSpec, row: &Row) -> Result<DayRow, PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("a report row of customer {} has {what}", spec.platform_id));
    let id = row.campaign.as_ref().and_then(|campaign| campaign.id.as_ref()).filter(|id| is_number(&id.0)).ok_or_else(|| wrong("no campaign id"))?;
    let (day, metrics) = figures(spec, row)?;
    Ok(DayRow { entity: spec.key(Level::Campaign, &id.0), day, metrics })
}

/// The day of a row and its figures.
///
/// # Errors
/// [`PlatformError::Validation`] for a row without a day or figures, or with a number that is none.
pub(super) fn figures(spec: &AccountSpec, row: &Row) -> Result<(NaiveDate, Metrics), PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("a report row of customer {} has {what}", spec.platform_id));
    let date = row.segments.as_ref().and_then(|segments| segments.date.as_deref()?.parse().ok()).ok_or_else(|| wrong("no day"))?;
    let metrics = row.metrics.as_ref().ok_or_else(|| wrong("no metrics"))?;
    let conversions = metrics.conversions.as_ref().map_or(Some(0), thousandths).ok_or_else(|| wrong("a conversion count that is no number"))?;
    let revenue = match spec.conversions.value {
        ConversionValue::Reported => metrics.conversions_value.as_ref().map_or(Some(Money::zero(spec.currency)), |value| units(value, spec.currency)),
        ConversionValue::Fixed(each) => each.scale(Decimal::new(conversions, 3), Rounding::HalfEven).ok(),
    };
    let metrics = Metrics {
        spend: Money::from_micros(integer(metrics.cost_micros.as_ref(), "costMicros")?.unwrap_or(0), spec.currency),
        impressions: integer(metrics.impressions.as_ref(), "impressions")?.unwrap_or(0),
        clicks: integer(metrics.clicks.as_ref(), "clicks")?.unwrap_or(0),
        conversions_milli: conversions,
        revenue: revenue.ok_or_else(|| wrong("a conversion value that is no number"))?,
    };
    Ok((date, metrics))
}
