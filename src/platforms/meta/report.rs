//! Meta's daily figures by campaign, ad set and ad, at once or, where there are many, as a job. One action counts once: the same purchase stands under several types, so one type is taken by priority.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::Value;

use super::form::Form;
use super::inventory::campaign_key;
use super::wire::{ActionStat, InsightsRow};
use super::{Meta, create};
use crate::domain::entity::Level;
use crate::domain::metrics::Metrics;
use crate::domain::money::Money;
use crate::domain::structure::{Breakdown, ReportAsk, ReportLevel, ReportRow};
use crate::platforms::loose::{Loose, integer, thousandths, units};
use crate::platforms::spec::{AccountSpec, ConversionRule, ConversionValue, is_number};
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

/// More days than this, below campaigns or divided further, are asked for as a job.
const AT_ONCE_DAYS: i64 = 7;
/// How long a job is waited for, and the first pause between two looks at it.
const JOB: Duration = Duration::from_secs(170);
const JOB_PAUSE: Duration = Duration::from_millis(250);
const MORE: &str = "reach,frequency,inline_post_engagement";

/// Figures at any level and breakdown.
pub(super) async fn rows(meta: &Meta, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
    let (level, ids) = match ask.level {
        ReportLevel::Campaign => ("campaign", "campaign_id"),
        ReportLevel::AdGroup => ("adset", "campaign_id,adset_id"),
        ReportLevel::Ad | ReportLevel::Creative => ("ad", "campaign_id,adset_id,ad_id"),
    };
    let breakdown = ask.breakdown.map(column);
    let range = format!(r#"{{"since":"{}","until":"{}"}}"#, ask.from, ask.to);
    let window = format!(r#"["{}d_click"]"#, meta.spec.conversions.window_days().unwrap_or(7));
    // Who was reached is not counted by the hour.
    let more = if ask.breakdown == Some(Breakdown::Hour) { "inline_post_engagement" } else { MORE };
    let fields = format!("{ids},spend,impressions,clicks,actions,action_values,account_currency,{more}");
    let divided = breakdown.map(|column| format!(r#"["{column}"]"#));
    let mut parameters =
        vec![("level", level), ("fields", fields.as_str()), ("time_range", &range), ("time_increment", "1"), ("action_attribution_windows", &window)];
    parameters.extend(divided.as_deref().map(|list| ("breakdowns", list)));
    let many = (ask.to - ask.from).num_days() >= AT_ONCE_DAYS && (ask.level != ReportLevel::Campaign || divided.is_some());
    let edge = meta.edge("insights");
    let found: Vec<Value> = if many { job(meta, &edge, &parameters).await? } else { meta.rows(&edge, &parameters).await? };
    let mut rows = found.iter().map(|row| part(&meta.spec, ask.level, breakdown, row)).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| (&a.entity, a.day, &a.part).cmp(&(&b.entity, b.day, &b.part)));
    Ok(rows)
}

/// Meta's column of a breakdown.
fn column(breakdown: Breakdown) -> &'static str {
    match breakdown {
        Breakdown::Age => "age",
        Breakdown::Gender => "gender",
        Breakdown::Country => "country",
        Breakdown::Device => "impression_device",
        Breakdown::Hour => "hourly_stats_aggregated_by_advertiser_time_zone",
    }
}

/// Submits a report, waits until it is made, and reads it to its end.
async fn job(meta: &Meta, edge: &str, parameters: &[(&'static str, &str)]) -> Result<Vec<Value>, PlatformError> {
    let mut form = Form::default();
    for (name, value) in parameters {
        form = match *name {
            // Here, and only here, fields travel as a list.
            "fields" => form.json("fields", &value.split(',').collect()),
            name => form.with(name, *value),
        };
    }
    let run = create::text(&meta.ask(form.to(meta, edge)).await?["report_run_id"]);
    let run = run.filter(|run| is_number(run)).ok_or_else(|| PlatformError::Transient("a report was taken on without an id".to_owned()))?;
    let (began, mut pause) = (meta.caller.clock().instant(), JOB_PAUSE);
    loop {
        let node = meta.get(&run, &[]).await?;
        match (node["async_status"].as_str().unwrap_or_default(), node["async_percent_completion"].as_i64()) {
            ("Job Completed", Some(100)) => return meta.rows(&format!("{run}/insights"), &[]).await,
            ("Job Failed", _) => {
                let said = ["error_user_msg", "error_message"].into_iter().find_map(|name| create::text(&node[name]));
                return Err(PlatformError::Transient(format!("the report failed: {}", said.unwrap_or_else(|| "no text".to_owned()))));
            }
            ("Job Skipped", _) => return Err(PlatformError::Transient("the report expired before it was made".to_owned())),
            _ if began.elapsed() > JOB => return Err(PlatformError::Transient(format!("the report is not made within {JOB:?}"))),
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn part(spec: &AccountSpec, level: ReportLevel, breakdown: Option<&str>, row: &Value) -> Result<ReportRow, PlatformError> {
    let read: InsightsRow = super::decode(row.clone(), "insights")?;
    let (level, id) = match level {
        ReportLevel::Campaign => (Level::Campaign, &row["campaign_id"]),
        ReportLevel::AdGroup => (Level::AdGroup, &row["adset_id"]),
        ReportLevel::Ad | ReportLevel::Creative => (Level::Ad, &row["ad_id"]),
    };
    let wrong = |what: &str| PlatformError::Validation(format!("a row of act_{}/insights has no {what}", spec.platform_id));
    let id = create::text(id).filter(|id| is_number(id)).ok_or_else(|| wrong("id of its level"))?;
    let named = breakdown.map(|column| create::text(&row[column]).ok_or_else(|| wrong(column))).transpose()?;
    // `13:00:00 - 13:59:59` is the hour 13.
    let named = named.map(|part| if part.contains(":00:00 - ") { part[..2].trim_start_matches('0').to_owned() } else { part });
    let named = named.map(|part| if part.is_empty() { "0".to_owned() } else { part });
    let count = |name: &str| create::text(&row[name]).map(Loose).and_then(|count| count.integer());
    let DayRow { day, metrics, .. } = day(spec, &read)?;
    Ok(ReportRow {
        entity: spec.key(level, &id),
        day,
        part: named,
        metrics,
        reach: count("reach"),
        // A mean is a statistic.
        frequency: create::text(&row["frequency"]).and_then(|mean| mean.parse().ok()),
        engagements: count("inline_post_engagement"),
    })
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
