//! Reading nodes and edges: the account and its campaigns; what both have in common with all that stands below.

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::{Refusal, least_budget, sees, smallest_unit};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::market::day::LEARNING_DAYS;
use crate::sandbox::wire::Asked;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::{Review, World};

const ACCOUNT_FIELDS: &str = "id account_id name account_status disable_reason currency timezone_name timezone_offset_hours_utc min_daily_budget spend_cap amount_spent \
    balance default_dsa_beneficiary default_dsa_payor user_tasks business created_time age owner";
const CAMPAIGN_FIELDS: &str = "id account_id name status configured_status effective_status objective buying_type special_ad_categories special_ad_category \
    special_ad_category_country daily_budget lifetime_budget budget_remaining bid_strategy spend_cap start_time stop_time created_time updated_time issues_info \
    is_adset_budget_sharing_enabled smart_promotion_type promoted_object adlabels recommendations";

/// `GET act_X`.
pub(super) fn account(world: &World, account: usize, asked: &Asked) -> Result<Value, Refusal> {
    let known = &world.accounts[account];
    let digits = known.id.trim_start_matches("act_");
    let mut all = json!({
        "id": known.id, "account_id": digits, "name": format!("Sandbox shop {digits}"), "account_status": 1, "disable_reason": 0, "currency": known.currency,
        "timezone_name": known.zone.name(), "min_daily_budget": least_budget(known.currency), "spend_cap": "0", "amount_spent": "0", "balance": "0",
        "user_tasks": ["ADVERTISE", "ANALYZE"],
    });
    if let Some(name) = super::rules::default_name(world, account) {
        (all["default_dsa_beneficiary"], all["default_dsa_payor"]) = (name.clone().into(), name.into());
    }
    pick(all, asked, ACCOUNT_FIELDS)
}

/// `GET act_X/minimum_budgets`.
pub(super) fn minimum_budgets(world: &World, account: usize) -> Value {
    let currency = world.accounts[account].currency;
    let least = least_budget(currency);
    json!({ "data": [{ "currency": currency, "min_daily_budget_imp": least, "min_daily_budget_high_freq": least * 5, "min_daily_budget_low_freq": least * 40, "min_daily_budget_video_views": least }] })
}

/// `GET act_X/campaigns`.
pub(super) fn campaigns(world: &mut World, campaigns: &[usize], asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let kept = filtered(world, campaigns, asked, moment)?;
    let mut rows = Vec::new();
    for index in kept {
        rows.push(campaign_node(world, index, asked, moment)?);
    }
    page(rows, asked, moment)
}

/// `GET {campaign}`.
pub(super) fn campaign_node(world: &mut World, index: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let campaign = world.campaigns[index].clone();
    let (status, zone) = (word(campaign.status.at(moment.seen)), world.owner(index).zone);
    let strategy = world.thing(Platform::Meta, Level::Campaign, &campaign.id).map_or(Value::Null, |thing| world.things[thing].fact("strategy", moment.seen));
    let mut all = json!({
        "id": campaign.id, "account_id": world.accounts[campaign.account].id.trim_start_matches("act_"), "name": campaign.name, "status": status, "configured_status": status,
        "effective_status": effective(world, index, moment.seen), "objective": "OUTCOME_SALES", "buying_type": "AUCTION",
        "start_time": stamp(zone, world.since), "created_time": stamp(zone, world.since), "updated_time": stamp(zone, world.start), "special_ad_categories": [],
    });
    let thing = world.thing(Platform::Meta, Level::Campaign, &campaign.id).map(|thing| world.things[thing].clone());
    if let Some(thing) = thing.filter(|thing| thing.created >= world.start) {
        (all["created_time"], all["start_time"], all["updated_time"]) =
            (stamp(zone, thing.created).into(), stamp(zone, thing.created).into(), stamp(zone, thing.created).into());
        for name in ["name", "objective", "special_ad_categories", "special_ad_category_country", "start_time", "stop_time", "buying_type"] {
            if let value @ (Value::String(_) | Value::Array(_)) = thing.fact(name, moment.seen) {
                all[name] = value;
            }
        }
    }
    match campaign.review {
        Review::Passed => {}
        Review::Disapproved => {
            all["issues_info"] = issue("AD", 2_490_427, "Ad rejected", "An ad of this campaign does not comply with the advertising policies.")
        }
        Review::Undeclared => {
            // The category is demanded and nobody declared one: the key is not there at all.
            if let Some(members) = all.as_object_mut() {
                members.remove("special_ad_categories");
            }
            all["issues_info"] =
                issue("CAMPAIGN", 2_909_035, "Special ad category missing", "This campaign advertises credit and declares no special ad category.");
        }
    }
    if world.purse_of(index).level == Level::Campaign {
        budget(world, campaign.purse, &mut all, moment);
        all["bid_strategy"] = if strategy.is_null() { "LOWEST_COST_WITHOUT_CAP".into() } else { strategy };
    } else {
        all["is_adset_budget_sharing_enabled"] = false.into();
    }
    pick(all, asked, CAMPAIGN_FIELDS)
}

/// What a purse holds, as the node that holds it says it.
pub(super) fn budget(world: &mut World, purse: usize, all: &mut Value, moment: &Moment) {
    let unit = smallest_unit(world.accounts[world.purses[purse].account].currency);
    let amount = world.purses[purse].amount.at(moment.seen);
    let left = (amount - world.spent_today(purse, moment.seen)).max(0);
    all["daily_budget"] = (amount / unit).to_string().into();
    all["lifetime_budget"] = "0".into();
    all["budget_remaining"] = (left / unit).to_string().into();
}

/// The learning stage of a campaign's ad sets.
pub(super) fn learning(world: &mut World, index: usize, moment: &Moment) -> Value {
    let since = world.last_significant_edit(index, moment.seen);
    let zone = world.owner(index).zone;
    let conversions = world.figures_between(index, since.max(world.since).date_in(zone), moment.seen.date_in(zone), moment.seen).conversions;
    let fresh = (moment.seen - since).num_minutes() as f64 / 1_440.0 < LEARNING_DAYS && conversions < 50;
    json!({
        "status": if fresh { "LEARNING" } else { "SUCCESS" }, "conversions": if fresh { conversions } else { 0 }, "last_sig_edit_ts": since.ms() / 1_000,
        "attribution_windows": ["7d_click", "1d_view"],
    })
}

/// Meta's word for a status.
pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Active => "ACTIVE",
        RunStatus::Paused => "PAUSED",
        RunStatus::Ended => "ARCHIVED",
    }
}

fn effective(world: &World, index: usize, at: ProductTime) -> &'static str {
    let campaign = &world.campaigns[index];
    match campaign.status.at(at) {
        RunStatus::Active if campaign.review != Review::Passed => "WITH_ISSUES",
        status => word(status),
    }
}

fn filtered(world: &World, campaigns: &[usize], asked: &Asked, moment: &Moment) -> Result<Vec<usize>, Refusal> {
    let statuses: Option<BTreeSet<String>> = asked
        .param("effective_status")
        .map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid("(#100) Param effective_status must be an array")))
        .transpose()?;
    let wanted = wanted_ids(asked)?;
    let kept = campaigns.iter().copied().filter(|index| {
        let campaign = &world.campaigns[*index];
        let status = effective(world, *index, moment.seen);
        let by_status = statuses.as_ref().map_or(!matches!(status, "ARCHIVED" | "DELETED"), |statuses| statuses.contains(status));
        let there = world.thing(Platform::Meta, Level::Campaign, &campaign.id).is_none_or(|thing| sees(world, thing, moment));
        by_status && there && wanted.as_ref().is_none_or(|ids| ids.contains(&campaign.id) || ids.contains(&campaign.group))
    });
    Ok(kept.collect())
}

/// Ids a `filtering` parameter names; the sandbox filters by id alone and refuses other fields, so that nothing is silently unfiltered.
pub(super) fn wanted_ids(asked: &Asked) -> Result<Option<BTreeSet<String>>, Refusal> {
    let Some(text) = asked.param("filtering") else { return Ok(None) };
    let wrong =
        || Refusal::invalid("(#100) Param filtering must be a list of {field, operator, value}; the sandbox filters by campaign.id, adset.id and ad.id");
    let filters: Vec<Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let mut ids = BTreeSet::new();
    for filter in &filters {
        let known = matches!(filter["field"].as_str(), Some("campaign.id" | "adset.id" | "ad.id"));
        match (known, filter["operator"].as_str(), &filter["value"]) {
            (true, Some("IN"), Value::Array(values)) => ids.extend(values.iter().filter_map(Value::as_str).map(str::to_owned)),
            (true, Some("EQUAL"), Value::String(value)) => drop(ids.insert(value.clone())),
            _ => return Err(wrong()),
        }
    }
    Ok((!filters.is_empty()).then_some(ids))
}

/// Cuts one page out of `rows`, with cursors and, where more follow, the address of the next one.
pub(super) fn page(rows: Vec<Value>, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let limit: usize = asked.param("limit").map_or(Ok(25), str::parse).map_err(|_| Refusal::invalid("(#100) Param limit must be a positive integer"))?;
    if limit == 0 || limit > 5_000 {
        return Err(Refusal::new(1, None, "Please reduce the amount of data you're asking for, then retry your request"));
    }
    let from =
        asked.param("after").map_or(Some(0), |cursor| cursor.strip_prefix("QVFI").and_then(|rest| usize::from_str_radix(rest.trim_end_matches("ZD"), 16).ok()));
    let from = from.ok_or_else(|| Refusal::invalid("(#100) Invalid cursor"))?;
    let (total, cursor) = (rows.len(), |position: usize| format!("QVFI{position:08x}ZD"));
    let data: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    let end = from + data.len();
    if data.is_empty() {
        return Ok(json!({ "data": [] }));
    }
    let mut paging = json!({ "cursors": { "before": cursor(from), "after": cursor(end) } });
    if end < total {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(asked.query.iter().filter(|(name, _)| *name != "after"));
        query.append_pair("after", &cursor(end));
        paging["next"] = format!("http://{}{}?{}", moment.host, asked.path, query.finish()).into();
    }
    Ok(json!({ "data": data, "paging": paging }))
}

/// The fields asked for, of an object that has them; a field no such object knows is an error, one without a value is left out.
pub(super) fn pick(all: Value, asked: &Asked, known: &str) -> Result<Value, Refusal> {
    let Value::Object(mut all) = all else { return Ok(all) };
    let mut out = Map::new();
    if let Some(id) = all.get("id").cloned() {
        out.insert("id".to_owned(), id);
    }
    for (field, inner) in nested(asked.param("fields").unwrap_or_default()) {
        if !known.split_whitespace().any(|name| name == field) {
            return Err(Refusal::invalid(format!("(#100) Tried accessing nonexisting field ({field})")));
        }
        match (all.remove(field), inner) {
            (Some(Value::Object(members)), Some(inner)) => {
                let wanted: Vec<&str> = nested(inner).into_iter().map(|(name, _)| name).collect();
                out.insert(field.to_owned(), members.into_iter().filter(|(name, _)| name == "id" || wanted.contains(&name.as_str())).collect());
            }
            // Without a list of its fields, an object that stands by itself shows its id alone.
            (Some(Value::Object(members)), None) if matches!(field, "creative" | "campaign") => {
                out.insert(field.to_owned(), members.into_iter().filter(|(name, _)| name == "id").collect());
            }
            (Some(value), _) => drop(out.insert(field.to_owned(), value)),
            (None, _) => {}
        }
    }
    Ok(Value::Object(out))
}

/// `a,b{c,d}` as names, each with what stands in its braces.
fn nested(text: &str) -> Vec<(&str, Option<&str>)> {
    let (mut out, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, sign) in text.char_indices().chain([(text.len(), ',')]) {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        if sign == ',' && depth == 0 {
            let part = text[start..at].trim();
            start = (at + 1).min(text.len());
            let (name, inner) = part.split_once('{').map_or((part, None), |(name, rest)| (name, Some(rest.trim_end_matches('}'))));
            out.extend((!name.is_empty()).then_some((name, inner)));
        }
    }
    out
}

/// One entry of `issues_info`.
pub(super) fn issue(level: &str, code: i64, summary: &str, message: &str) -> Value {
    json!([{ "level": level, "error_code": code, "error_summary": summary, "error_message": message, "error_type": "HARD_ERROR" }])
}

/// An instant as Meta writes it.
pub(super) fn stamp(zone: chrono_tz::Tz, at: ProductTime) -> String {
    let at: chrono::DateTime<Utc> = at.utc();
    at.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%z").to_string()
}
