//! Meta's daily figures by campaign. One action counts once: the same purchase stands under several types, so one type is taken by priority.

use chrono::NaiveDate;

use super::Meta;
use super::inventory::campaign_key;
use super::wire::{ActionStat, InsightsRow};
use crate::domain::metrics::Metrics;
use crate::domain::money::Money;
use crate::platforms::loose::{Loose, integer, thousandths, units};
use crate::platforms::spec::{AccountSpec, ConversionRule, ConversionValue};
use crate::platforms::{DayRow, PlatformError};

const FIELDS: &str = "campaign_id,spend,impressions,clicks,actions,action_values,account_currency";
/// Action types that stand for one event, the one that counts all channels first.
const PURCHASE: [&str; 4] = ["omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase"];
const LEAD: [&str; 3] = ["lead", "onsite_conversion.lead_grouped", "offsite_conversion.fb_pixel_lead"];

pub(super) async fn read(meta: &Meta, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
    let range = format!(r#"{{"since":"{from}","until":"{to}"}}"#);
    let window = format!(r#"["{}d_click"]"#, meta.spec.conversions.window_days().unwrap_or(7));
    let parameters = [("level", "campaign"), ("fields", FIELDS), ("time_range", &range), ("time_increment", "1"), ("action_attribution_windows", &window)];
    let rows: Vec<InsightsRow> = meta.rows(&format!("act_{}/insights", meta.spec.platform_id), &parameters).await?;
    let mut days = rows.iter().map(|row| day(&meta.spec, row)).collect::<Result<Vec<_>, _>>()?;
    days.sort_by(|a, b| (&a.entity, a.day).cmp(&(&b.entity, b.day)));
    Ok(days)
}

/// One row in our vocabulary.
///
/// # Errors
/// [`PlatformError::Validation`] for a row that cannot be what it says: no campaign, no day, another currency, a number that is none.
pub(super) fn day(spec: &AccountSpec, row: &InsightsRow) -> Result<DayRow, PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("a row of act_{}/insights has {what}", spec.platform_id));
    let entity = row.campaign_id.as_ref().and_then(|id| campaign_key(spec, id)).ok_or_else(|| wrong("no campaign id"))?;
    let day = row.date_start.as_deref().and_then(|day| day.parse().ok()).ok_or_else(|| wrong("no day"))?;
    if row.account_currency.as_deref().is_some_and(|code| code != spec.currency.code()) {
        return Err(wrong(&format!("a currency other than {}", spec.currency)));
    }
    let money = |field: Option<&Loose>| field.map_or(Some(Money::zero(spec.currency)), |amount| units(amount, spec.currency));
    let conversions =
        counted(&spec.conversions, row.actions.as_deref(), thousandths, 0, i64::checked_add).ok_or_else(|| wrong("a conversion count that is no number"))?;
    let revenue = match spec.conversions.value {
        ConversionValue::Reported => {
            let zero = Money::zero(spec.currency);
            counted(&spec.conversions, row.action_values.as_deref(), |value| units(value, spec.currency), zero, |a, b| a.checked_add(b).ok())
        }
        ConversionValue::Fixed(each) => each.scale(rust_decimal::Decimal::new(conversions, 3), crate::domain::money::Rounding::HalfEven).ok(),
    };
    let metrics = Metrics {
        spend: money(row.spend.as_ref()).ok_or_else(|| wrong("a spend that is no number"))?,
        impressions: integer(row.impressions.as_ref(), "impressions")?.unwrap_or(0),
        clicks: integer(row.clicks.as_ref(), "clicks")?.unwrap_or(0),
        conversions_milli: conversions,
        revenue: revenue.ok_or_else(|| wrong("a conversion value that is no number"))?,
    };
    Ok(DayRow { entity, day, metrics })
}

/// Sum over the configured actions, each read from the first of its types that stands in the row; `None` when a number is none.
fn counted<T: Copy>(
    rule: &ConversionRule,
    stats: Option<&[ActionStat]>,
    read: impl Fn(&Loose) -> Option<T>,
    zero: T,
    add: impl Fn(T, T) -> Option<T>,
) -> Option<T> {
    let stats = stats.unwrap_or_default();
    rule.actions.iter().try_fold(zero, |sum, action| {
        let types: &[&str] = match action.as_str() {
            "purchase" => &PURCHASE,
            "lead" => &LEAD,
            other => &[other],
        };
        let found = types.iter().find_map(|wanted| stats.iter().find(|stat| stat.action_type.as_deref() == Some(wanted)));
        match found.and_then(|stat| windowed(stat, rule.window_days())) {
            Some(value) => add(sum, read(value)?),
            None => Some(sum),
        }
    })
}

/// The value for the configured window; a window without conversions is left out of the row.
fn windowed(stat: &ActionStat, days: Option<u8>) -> Option<&Loose> {
    match days {
        Some(1) => stat.click_1d.as_ref(),
        Some(28) => stat.click_28d.as_ref(),
        Some(_) | None => stat.click_7d.as_ref(),
    }
}
