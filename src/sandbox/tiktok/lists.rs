//! `advertiser/info`, `campaign/get`, `adgroup/get`, `ad/get`: what stands there, with its fields, filters and pages.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Refusal, major, models};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::Verdict;

/// Most ids of one filter.
const MOST_IDS: usize = 100;
/// Longest page of most lists.
pub(super) const PAGE: usize = 1_000;

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

/// `campaign/get/`, `adgroup/get/` and `ad/get/`.
pub(super) fn things(world: &World, account: usize, level: Level, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let kept = filtered(world, account, level, asked, moment)?;
    let rows = kept.into_iter().map(|thing| pick(row(world, thing, moment.seen), asked)).collect::<Result<Vec<_>, _>>()?;
    page(rows, "list", PAGE, asked)
}

/// A thing as it is listed; a field that is null exists and has no value.
pub(super) fn row(world: &World, thing: usize, at: ProductTime) -> Value {
    let mut row = match world.things[thing].level {
        Level::Campaign => campaign(world, thing, at),
        Level::AdGroup => ad_group(world, thing, at),
        Level::Ad | Level::Account | Level::Creative | Level::Media | Level::Shared => ad(world, thing, at),
    };
    let stamps = (world.things[thing].created.max(world.since), world.things[thing].created.max(world.start));
    row["create_time"] = stamp(stamps.0).into();
    row["modify_time"] = stamp(stamps.1).into();
    row["operation_status"] = word(world.thing_status(thing, at)).into();
    row
}

/// Lays the facts a thing was made with, or given since, over what it has by default.
fn with_facts(mut row: Value, world: &World, thing: usize, name: &str, at: ProductTime) -> Value {
    let thing = &world.things[thing];
    for fact in thing.facts.keys().filter(|fact| *fact != "request_id") {
        match (fact.as_str(), thing.fact(fact, at)) {
            ("name", value) => row[name] = value,
            (group, Value::Object(fields)) if models::GROUPS.contains(&group) => fields.into_iter().for_each(|(field, value)| row[field.as_str()] = value),
            (group, Value::Null) if models::GROUPS.contains(&group) => {}
            (field, value) => row[field] = value,
        }
    }
    row
}

fn campaign(world: &World, thing: usize, at: ProductTime) -> Value {
    let index = world.things[thing].campaign.unwrap_or_default();
    let (campaign, purse) = (&world.campaigns[index], world.purse_of(index));
    let own = purse.level == Level::Campaign;
    let secondary = match campaign.status.at(at) {
        RunStatus::Active => "CAMPAIGN_STATUS_ENABLE",
        RunStatus::Paused => "CAMPAIGN_STATUS_DISABLE",
        RunStatus::Ended => "CAMPAIGN_STATUS_DELETE",
    };
    let row = json!({
        "advertiser_id": world.owner(index).id, "campaign_id": campaign.id, "campaign_name": campaign.name, "campaign_type": "REGULAR_CAMPAIGN",
        "objective_type": "WEB_CONVERSIONS", "objective": "LANDING_PAGE", "campaign_automation_type": "MANUAL", "is_smart_performance_campaign": false,
        "budget_mode": if own { "BUDGET_MODE_DYNAMIC_DAILY_BUDGET" } else { "BUDGET_MODE_INFINITE" }, "budget_optimize_on": own.then_some(true),
        "secondary_status": secondary, "is_new_structure": true, "special_industries": [], "rta_id": null, "app_id": null, "split_test_variable": null,
        "optimization_goal": null, "bid_type": null, "deep_bid_type": null, "roas_bid": null,
    });
    let mut row = with_facts(row, world, thing, "campaign_name", at);
    row["budget"] = if own { major(purse.amount.at(at)) } else { json!(0.0) };
    row
}

/// What an ad group has where nobody said otherwise.
pub(super) fn defaults() -> Value {
    json!({
        "schedule_type": "SCHEDULE_FROM_NOW", "schedule_end_time": "2036-01-01 00:00:00", "dayparting": null, "optimization_goal": "CONVERT",
        "optimization_event": "SHOPPING", "pixel_id": "7100000000000000009", "billing_event": "OCPM", "bid_type": "BID_TYPE_NO_BID", "bid_price": 0.0,
        "conversion_bid_price": 0.0, "deep_bid_type": null, "deep_cpa_bid": 0.0, "roas_bid": 0.0, "pacing": "PACING_MODE_SMOOTH", "promotion_type": "WEBSITE",
        "placement_type": "PLACEMENT_TYPE_NORMAL", "placements": ["PLACEMENT_TIKTOK"], "location_ids": ["6252001"], "zipcode_ids": [], "age_groups": null,
        "gender": "GENDER_UNLIMITED", "languages": [], "operating_systems": [], "network_types": [], "interest_category_ids": [], "interest_keyword_ids": [],
        "audience_ids": [], "excluded_audience_ids": [], "household_income": [], "spending_power": null, "frequency": null, "frequency_schedule": null,
        "click_attribution_window": "SEVEN_DAYS", "view_attribution_window": "ONE_DAY", "comment_disabled": false, "share_disabled": false,
        "skip_learning_phase": false, "is_smart_performance_campaign": false, "objective_type": null,
    })
}

fn ad_group(world: &World, thing: usize, at: ProductTime) -> Value {
    let (group, index) = (&world.things[thing], world.things[thing].campaign.unwrap_or_default());
    let campaign = &world.campaigns[index];
    let own = world.own_purse(thing).map(|purse| &world.purses[purse].amount);
    let mut row = defaults();
    row["schedule_start_time"] = stamp(group.created.max(world.since)).into();
    let mut row = with_facts(row, world, thing, "adgroup_name", at);
    let secondary = match (world.thing_status(thing, at), campaign.status.at(at)) {
        (RunStatus::Ended, _) | (_, RunStatus::Ended) => "ADGROUP_STATUS_DELETE",
        (RunStatus::Paused, _) => "ADGROUP_STATUS_DISABLE",
        (RunStatus::Active, RunStatus::Paused) => "ADGROUP_STATUS_CAMPAIGN_DISABLE",
        (RunStatus::Active, RunStatus::Active) => "ADGROUP_STATUS_DELIVERY_OK",
    };
    for (field, value) in [
        ("advertiser_id", json!(world.owner(index).id)),
        ("adgroup_id", json!(group.id)),
        ("campaign_id", json!(campaign.id)),
        ("campaign_name", json!(campaign.name)),
        ("secondary_status", json!(secondary)),
        ("scheduled_budget", json!(own.and_then(|amount| amount.pending(at)).map(|(_, micros)| major(micros)))),
    ] {
        row[field] = value;
    }
    row["budget"] = own.map_or_else(|| json!(0.0), |amount| major(amount.at(at)));
    row["budget_mode"] = if own.is_some() { "BUDGET_MODE_DAY" } else { "BUDGET_MODE_INFINITE" }.into();
    row
}

fn ad(world: &World, thing: usize, at: ProductTime) -> Value {
    let (ad, index) = (&world.things[thing], world.things[thing].campaign.unwrap_or_default());
    let campaign = &world.campaigns[index];
    let group = world.thing(Platform::Tiktok, Level::AdGroup, &ad.parent);
    let grouped = group.map_or(RunStatus::Ended, |group| world.thing_status(group, at));
    let secondary = match (world.thing_status(thing, at), grouped, campaign.status.at(at), ad.verdict(at)) {
        (RunStatus::Ended, ..) | (_, RunStatus::Ended, ..) | (_, _, RunStatus::Ended, _) => "AD_STATUS_DELETE",
        (_, _, _, Verdict::Refused) => "AD_STATUS_AUDIT_DENY",
        (RunStatus::Paused, ..) => "AD_STATUS_DISABLE",
        (_, _, RunStatus::Paused, _) => "AD_STATUS_CAMPAIGN_DISABLE",
        (_, RunStatus::Paused, ..) => "AD_STATUS_ADGROUP_DISABLE",
        (_, _, _, Verdict::Pending) => "AD_STATUS_AUDIT",
        (_, _, _, Verdict::Approved) => "AD_STATUS_DELIVERY_OK",
    };
    let utm: Vec<Value> = [("utm_source", "tiktok"), ("utm_medium", "paid_social"), ("utm_id", "__CAMPAIGN_ID__")]
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let row = json!({
        "ad_format": "SINGLE_VIDEO", "ad_text": "Made for you", "video_id": "v10033g50000c000001", "image_ids": ["ad-site-i18n-sg/202601010001"],
        "identity_type": "CUSTOMIZED_USER", "identity_id": super::tools::IDENTITY, "tiktok_item_id": null, "call_to_action": "SHOP_NOW", "call_to_action_id": null,
        "landing_page_url": "https://shop.example/", "utm_params": utm, "is_aco": false, "is_new_structure": true,
    });
    let mut row = with_facts(row, world, thing, "ad_name", at);
    for (field, value) in [
        ("advertiser_id", json!(world.accounts[ad.account].id)),
        ("ad_id", json!(ad.id)),
        ("adgroup_id", json!(ad.parent)),
        ("campaign_id", json!(campaign.id)),
        ("campaign_name", json!(campaign.name)),
        ("secondary_status", json!(secondary)),
    ] {
        row[field] = value;
    }
    row
}

/// TikTok's word for a status.
pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Active => "ENABLE",
        RunStatus::Paused => "DISABLE",
        RunStatus::Ended => "DELETE",
    }
}

/// An instant as TikTok writes it, in UTC.
pub(super) fn stamp(at: ProductTime) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A query parameter that holds a JSON list of texts.
pub(super) fn list(asked: &Asked, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let text = asked.param(name);
    text.map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid(format!("{name}: Not a valid list.")))).transpose()
}

fn filtered(world: &World, account: usize, level: Level, asked: &Asked, moment: &Moment) -> Result<Vec<usize>, Refusal> {
    let filter: Value = asked.param("filtering").map_or(Ok(json!({})), serde_json::from_str).map_err(|_| Refusal::invalid("filtering: Invalid input type."))?;
    let filter = filter.as_object().ok_or_else(|| Refusal::invalid("filtering: Invalid input type."))?;
    let mut kept = world.things_of(account, level);
    let mut deleted = "STATUS_NOT_DELETE";
    let group_of = |thing: usize| (level == Level::Ad).then(|| world.things[thing].parent.clone());
    let campaign_of = |thing: usize| world.things[thing].campaign.map(|campaign| world.campaigns[campaign].id.clone());
    for (name, value) in filter {
        match (name.as_str(), level) {
            ("campaign_ids", _) => keep(&mut kept, name, value, campaign_of)?,
            ("adgroup_ids", Level::AdGroup) | ("ad_ids", Level::Ad) => keep(&mut kept, name, value, |thing| Some(world.things[thing].id.clone()))?,
            ("adgroup_ids", Level::Ad) => keep(&mut kept, name, value, group_of)?,
            ("primary_status", _) => deleted = value.as_str().unwrap_or_default(),
            (other, _) => return Err(Refusal::invalid(format!("filtering.{other}: the sandbox filters by ids and primary_status."))),
        }
    }
    let is_deleted = |thing: usize| row(world, thing, moment.seen)["secondary_status"].as_str().is_some_and(|status| status.ends_with("_STATUS_DELETE"));
    match deleted {
        "STATUS_ALL" => {}
        "STATUS_NOT_DELETE" => kept.retain(|thing| !is_deleted(*thing)),
        "STATUS_DELETE" => kept.retain(|thing| is_deleted(*thing)),
        _ => return Err(Refusal::invalid("filtering.primary_status: must be STATUS_ALL, STATUS_NOT_DELETE or STATUS_DELETE here.")),
    }
    Ok(kept)
}

fn keep(kept: &mut Vec<usize>, name: &str, ids: &Value, id_of: impl Fn(usize) -> Option<String>) -> Result<(), Refusal> {
    let wanted = ids.as_array().filter(|ids| ids.len() <= MOST_IDS).ok_or_else(|| Refusal::invalid(format!("filtering.{name}: at most 100 ids.")))?;
    let wanted: BTreeSet<&str> = wanted.iter().filter_map(Value::as_str).collect();
    kept.retain(|thing| id_of(*thing).is_some_and(|id| wanted.contains(id.as_str())));
    Ok(())
}

/// Cuts the page asked for out of `rows`; `most` rows at most.
pub(super) fn page(rows: Vec<Value>, name: &str, most: usize, asked: &Asked) -> Result<Value, Refusal> {
    let number = |name: &str, otherwise: usize, most: usize| {
        let value = asked.param(name).map_or(Ok(otherwise), str::parse).ok().filter(|value| (1..=most).contains(value));
        value.ok_or_else(|| Refusal::invalid(format!("{name}: must be between 1 and {most}.")))
    };
    let (page, size) = (number("page", 1, usize::MAX / 2_000)?, number("page_size", 10, most)?);
    let total = rows.len();
    let rows: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    Ok(json!({ name: rows, "page_info": { "page": page, "page_size": size, "total_number": total, "total_page": total.div_ceil(size) } }))
}

/// The fields asked for, or all that have a value.
pub(super) fn pick(row: Value, asked: &Asked) -> Result<Value, Refusal> {
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
