//! `change_event`: who changed what, with old and new values, from the rows of every write.

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

use super::gaql::{Operator, Query};
use super::rows::{Flat, customer, word};
use super::{Fault, Refusal};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::world::World;
use crate::sandbox::world::edits::{Moment, Outcome, Row, Source};

/// Most rows the platform gives at once, and days it remembers.
const MOST: usize = 10_000;
const DAYS: i64 = 30;
/// How much later than a change its event appears. Source: Google Ads API, change event: within three minutes.
const LAG: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

fn wrong(code: &'static str, message: &str) -> Refusal {
    Fault::new("changeEventError", code, message).into()
}

/// The rows of `change_event` that a query may see.
pub(super) fn rows(world: &World, account: usize, query: &Query, moment: &Moment) -> Result<Vec<Flat>, Refusal> {
    let field = "change_event.change_date_time";
    let bounds = |lower: bool| {
        query.conditions.iter().find(|condition| {
            let operators = if lower { [Operator::Greater, Operator::GreaterEqual] } else { [Operator::Less, Operator::LessEqual] };
            condition.field == field && (operators.contains(&condition.operator) || condition.operator == Operator::Between)
        })
    };
    let (Some(from), Some(_)) = (bounds(true), bounds(false)) else {
        return Err(wrong("CHANGE_DATE_RANGE_INFINITE", "The change date range needs both ends."));
    };
    match query.limit {
        None => return Err(wrong("LIMIT_NOT_SPECIFIED", "A LIMIT is required.")),
        Some(limit) if limit > MOST => return Err(wrong("INVALID_LIMIT_CLAUSE", "The LIMIT must be at most 10000.")),
        Some(_) => {}
    }
    let zone = world.accounts[account].zone;
    let oldest = (moment.now - chrono::TimeDelta::days(DAYS)).utc().with_timezone(&zone).naive_local();
    let start = from.values.first().and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok());
    if start.is_none_or(|start| start < oldest) {
        return Err(wrong("START_DATE_TOO_OLD", "The start date is more than 30 days ago."));
    }
    let told = world.told.iter().chain(&world.pending).filter(|row| row.outcome == Outcome::Applied);
    let own = told.filter(|row| row.platform == Platform::Google.name() && row.account == world.accounts[account].id && row.at_ms <= (moment.seen - LAG).ms());
    Ok(own.enumerate().filter_map(|(number, row)| event(world, account, row, number)).collect())
}

fn event(world: &World, account: usize, row: &Row, number: usize) -> Option<Flat> {
    let customer_name = format!("customers/{}", world.accounts[account].id);
    let level = Level::ALL.into_iter().find(|level| level.name() == row.level)?;
    let (kind, resource, member) = match (row.field.as_str(), level) {
        ("budget", _) => {
            let purse = world.purses.iter().find(|purse| purse.account == account && purse.level == level && purse.id == row.id)?;
            ("CAMPAIGN_BUDGET", format!("campaignBudgets/{}", purse.resource), "campaignBudget")
        }
        ("targeting", Level::Campaign) => ("CAMPAIGN_CRITERION", format!("campaignCriteria/{}", row.id), "campaignCriterion"),
        ("targeting", _) => ("AD_GROUP_CRITERION", format!("adGroupCriteria/{}", row.id), "adGroupCriterion"),
        (_, Level::Campaign) => ("CAMPAIGN", format!("campaigns/{}", row.id), "campaign"),
        (_, Level::AdGroup) => ("AD_GROUP", format!("adGroups/{}", row.id), "adGroup"),
        (_, Level::Ad) => ("AD_GROUP_AD", format!("adGroupAds/{}", row.id), "adGroupAd"),
        (_, Level::Media) => ("ASSET", format!("assets/{}", row.id), "asset"),
        (_, Level::Account | Level::Creative | Level::Shared) => return None,
    };
    let zone = world.accounts[account].zone;
    let at = ProductTime::from_ms(row.at_ms).utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let mut flat = customer(world, account);
    flat.extend([
        ("change_event.resource_name", json!(format!("{customer_name}/changeEvents/{}~{number}~0", row.at_ms * 1_000))),
        ("change_event.change_date_time", json!(at)),
        ("change_event.change_resource_type", json!(kind)),
        ("change_event.change_resource_name", json!(format!("{customer_name}/{resource}"))),
        ("change_event.client_type", json!(if row.source == Source::Api { "GOOGLE_ADS_API" } else { "GOOGLE_ADS_WEB_CLIENT" })),
        ("change_event.user_email", json!(if row.source == Source::Api { "api@shop.example" } else { "person@shop.example" })),
        ("change_event.resource_change_operation", json!(if row.field == "create" { "CREATE" } else { "UPDATE" })),
    ]);
    let name = match row.field.as_str() {
        "budget" => Some("amountMicros"),
        "status" => Some("status"),
        "bid" if level == Level::AdGroup => Some("cpcBidMicros"),
        _ => None,
    };
    if let Some(name) = name {
        flat.insert("change_event.changed_fields", json!(name));
        for (field, value) in [("change_event.old_resource", &row.old), ("change_event.new_resource", &row.new)] {
            if let Some(value) = value.as_deref().and_then(|text| told(name, text)) {
                flat.insert(field, json!({ member: Map::from_iter([(name.to_owned(), value)]) }));
            }
        }
    }
    let parent = world.things.iter().find(|thing| thing.account == account && thing.level == level && thing.id == row.id);
    let campaign = parent.and_then(|thing| thing.campaign).map(|campaign| &world.campaigns[campaign].id);
    flat.extend(campaign.map(|id| ("change_event.campaign", json!(format!("{customer_name}/campaigns/{id}")))));
    let group = match level {
        Level::AdGroup => Some(row.id.clone()),
        Level::Ad => parent.map(|thing| thing.parent.clone()),
        Level::Account | Level::Campaign | Level::Creative | Level::Media | Level::Shared => None,
    };
    flat.extend(group.map(|id| ("change_event.ad_group", json!(format!("{customer_name}/adGroups/{id}")))));
    Some(flat)
}

/// A logged value as the platform writes it.
fn told(name: &str, text: &str) -> Option<Value> {
    match name {
        "amountMicros" => Some(json!(text)),
        "status" => [RunStatus::Active, RunStatus::Paused, RunStatus::Ended].into_iter().find(|status| status.name() == text).map(|status| json!(word(status))),
        _ => serde_json::from_str::<Value>(text).ok()?.get(name).cloned(),
    }
}
