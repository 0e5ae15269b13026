//! `advertiser/info`, `campaign/get`, `adgroup/get`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Refusal, major};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

/// `advertiser/info/`.
pub(super) fn advertisers(world: &World, asked: &Asked) -> Result<Value, Refusal> {
    let ids: Vec<String> = list(asked, "advertiser_ids")?.ok_or_else(|| Refusal::invalid("advertiser_ids: Missing data for required field."))?;
    let mut rows = Vec::new();
    for id in ids {
        let account = world.account(Platform::Tiktok, &id).ok_or_else(|| Refusal::new(40_001, format!("No permission to operate advertiser {id}.")))?;
        let account = &world.accounts[account];
        rows.push(json!({
            "advertiser_id": account.id, "name": format!("Sandbox shop {}", account.id), "currency": account.currency, "timezone": account.zone.name(), "balance": 100_000.0,
            "status": "STATUS_ENABLE", "can_use_custom_identity": true, "create_time": world.since.ms() / 1_000,
        }));
    }
    let rows = rows.into_iter().map(|row| pick(row, asked)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "list": rows }))
}

/// `oauth2/advertiser/get/`.
pub(super) fn reachable(world: &World) -> Value {
    let rows = world.accounts.iter().filter(|account| account.platform == Platform::Tiktok);
    json!({ "list": rows.map(|account| json!({ "advertiser_id": account.id, "advertiser_name": format!("Sandbox shop {}", account.id) })).collect::<Vec<_>>() })
}

/// `campaign/get/`.
pub(super) fn campaigns(world: &World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let kept = filtered(world, account, asked, moment, "campaign_ids")?;
    let rows = kept.into_iter().map(|index| pick(campaign(world, index, moment.seen), asked)).collect::<Result<Vec<_>, _>>()?;
    page(rows, asked)
}

/// `adgroup/get/`.
pub(super) fn ad_groups(world: &World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let kept = filtered(world, account, asked, moment, "adgroup_ids")?;
    let rows = kept.into_iter().map(|index| pick(ad_group(world, index, moment.seen), asked)).collect::<Result<Vec<_>, _>>()?;
    page(rows, asked)
}

/// A campaign as it is listed; a field that is null exists and has no value.
pub(super) fn campaign(world: &World, index: usize, at: ProductTime) -> Value {
    let (campaign, purse) = (&world.campaigns[index], world.purse_of(index));
    let own = purse.level == Level::Campaign;
    let status = campaign.status.at(at);
    let secondary = match status {
        RunStatus::Active => "CAMPAIGN_STATUS_ENABLE",
        RunStatus::Paused => "CAMPAIGN_STATUS_DISABLE",
        RunStatus::Ended => "CAMPAIGN_STATUS_DELETE",
    };
    json!({
        "advertiser_id": world.owner(index).id, "campaign_id": campaign.id, "campaign_name": campaign.name, "campaign_type": "REGULAR_CAMPAIGN",
        "objective_type": "WEB_CONVERSIONS", "objective": "LANDING_PAGE", "campaign_automation_type": "MANUAL", "is_smart_performance_campaign": false,
        "budget": if own { major(purse.amount.at(at)) } else { json!(0.0) },
        "budget_mode": if own { "BUDGET_MODE_DYNAMIC_DAILY_BUDGET" } else { "BUDGET_MODE_INFINITE" },
        "budget_optimize_on": own.then_some(true), "operation_status": word(status), "secondary_status": secondary, "is_new_structure": true, "special_industries": [],
        "create_time": stamp(world.since), "modify_time": stamp(world.start), "rta_id": null, "app_id": null, "split_test_variable": null,
    })
}

/// An ad group as it is listed.
pub(super) fn ad_group(world: &World, index: usize, at: ProductTime) -> Value {
    let (campaign, purse) = (&world.campaigns[index], world.purse_of(index));
    let own = purse.level == Level::AdGroup;
    let status = campaign.group_status.at(at);
    let secondary = match (status, campaign.status.at(at)) {
        (RunStatus::Ended, _) | (_, RunStatus::Ended) => "ADGROUP_STATUS_DELETE",
        (RunStatus::Paused, _) => "ADGROUP_STATUS_DISABLE",
        (RunStatus::Active, RunStatus::Paused) => "ADGROUP_STATUS_CAMPAIGN_DISABLE",
        (RunStatus::Active, RunStatus::Active) => "ADGROUP_STATUS_DELIVERY_OK",
    };
    json!({
        "advertiser_id": world.owner(index).id, "adgroup_id": campaign.group, "campaign_id": campaign.id, "campaign_name": campaign.name,
        "adgroup_name": format!("{} | all", campaign.name), "budget": if own { major(purse.amount.at(at)) } else { json!(0.0) },
        "budget_mode": if own { "BUDGET_MODE_DAY" } else { "BUDGET_MODE_INFINITE" },
        "scheduled_budget": purse.amount.pending(at).filter(|_| own).map(|(_, micros)| major(micros)),
        "schedule_type": "SCHEDULE_FROM_NOW", "schedule_start_time": stamp(world.since), "schedule_end_time": "2036-01-01 00:00:00", "dayparting": null,
        "optimization_goal": "CONVERT", "optimization_event": "SHOPPING", "pixel_id": "7100000000000000009", "billing_event": "OCPM", "bid_type": "BID_TYPE_NO_BID",
        "bid_price": 0.0, "conversion_bid_price": 0.0, "deep_bid_type": null, "roas_bid": 0.0, "pacing": "PACING_MODE_SMOOTH", "promotion_type": "WEBSITE",
        "placement_type": "PLACEMENT_TYPE_NORMAL", "placements": ["PLACEMENT_TIKTOK"], "location_ids": ["6252001"], "age_groups": null, "gender": "GENDER_UNLIMITED",
        "languages": [], "operating_systems": [], "interest_category_ids": [], "audience_ids": [], "excluded_audience_ids": [],
        "click_attribution_window": "SEVEN_DAYS", "view_attribution_window": "ONE_DAY", "operation_status": word(status), "secondary_status": secondary,
        "skip_learning_phase": false, "is_smart_performance_campaign": false, "create_time": stamp(world.since), "modify_time": stamp(world.start),
    })
}

/// TikTok's word for a status.
pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Active => "ENABLE",
        RunStatus::Paused => "DISABLE",
        RunStatus::Ended => "DELETE",
    }
}

fn stamp(at: ProductTime) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A query parameter that holds a JSON list of texts.
pub(super) fn list(asked: &Asked, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let text = asked.param(name);
    text.map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid(format!("{name}: Not a valid list.")))).transpose()
}

fn filtered(world: &World, account: usize, asked: &Asked, moment: &Moment, own_ids: &str) -> Result<Vec<usize>, Refusal> {
    let filter: Value = asked.param("filtering").map_or(Ok(json!({})), serde_json::from_str).map_err(|_| Refusal::invalid("filtering: Invalid input type."))?;
    let filter = filter.as_object().ok_or_else(|| Refusal::invalid("filtering: Invalid input type."))?;
    let mut ids = None::<BTreeSet<&str>>;
    let mut deleted = false;
    for (name, value) in filter {
        match name.as_str() {
            "campaign_ids" | "adgroup_ids" if name == own_ids || name == "campaign_ids" => {
                let wanted = value.as_array().filter(|ids| ids.len() <= 100).ok_or_else(|| Refusal::invalid(format!("filtering.{name}: at most 100 ids.")))?;
                ids = Some(wanted.iter().filter_map(Value::as_str).collect());
            }
            "primary_status" => deleted = value == "STATUS_ALL",
            other => return Err(Refusal::invalid(format!("filtering.{other}: the sandbox filters by ids and primary_status."))),
        }
    }
    let shown = |index: &usize| {
        let campaign = &world.campaigns[*index];
        let ended =
            campaign.status.at(moment.seen) == RunStatus::Ended || (own_ids == "adgroup_ids" && campaign.group_status.at(moment.seen) == RunStatus::Ended);
        (deleted || !ended) && ids.as_ref().is_none_or(|ids| ids.contains(campaign.id.as_str()) || ids.contains(campaign.group.as_str()))
    };
    Ok(world.campaigns_of(account).into_iter().filter(shown).collect())
}

/// Cuts the page asked for out of `rows`.
pub(super) fn page(rows: Vec<Value>, asked: &Asked) -> Result<Value, Refusal> {
    let number = |name: &str, otherwise: usize, most: usize| {
        let value = asked.param(name).map_or(Ok(otherwise), str::parse).ok().filter(|value| (1..=most).contains(value));
        value.ok_or_else(|| Refusal::invalid(format!("{name}: must be between 1 and {most}.")))
    };
    let (page, size) = (number("page", 1, usize::MAX / 2_000)?, number("page_size", 10, 1_000)?);
    let total = rows.len();
    let rows: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    Ok(json!({ "list": rows, "page_info": { "page": page, "page_size": size, "total_number": total, "total_page": total.div_ceil(size) } }))
}

/// The fields asked for, or all that have a value.
fn pick(row: Value, asked: &Asked) -> Result<Value, Refusal> {
    let Value::Object(mut row) = row else { return Ok(row) };
    if let Some(fields) = list(asked, "fields")? {
        let mut out = Map::new();
        for field in fields {
            let value = row.remove(&field).ok_or_else(|| Refusal::invalid(format!("fields: {field} is not a field of this object.")))?;
            out.insert(field, value);
        }
        row = out;
    }
    row.retain(|_, value| !value.is_null());
    Ok(Value::Object(row))
}
