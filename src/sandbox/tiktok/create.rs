//! `campaign/create`, `adgroup/create`, `ad/create`: what the body must say, TikTok's rules of business, and the numbers that stop a request from making
//! the same thing twice.

use serde_json::{Map, Value, json};

use super::models::{AD_GROUP_CREATE, CAMPAIGN_CREATE, CREATIVE, known, required, texts, word};
use super::writes::{MOST, alive, find, floor, given, money};
use super::{Refusal, lists, models, tools};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::Currency;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::{New, NewPurse};

/// Longest name, in characters.
const NAME: usize = 512;
/// Objectives of new campaigns.
const OBJECTIVES: [&str; 9] =
    ["REACH", "TRAFFIC", "VIDEO_VIEWS", "ENGAGEMENT", "LEAD_GENERATION", "APP_PROMOTION", "WEB_CONVERSIONS", "PRODUCT_SALES", "RF_REACH"];
/// Goals and what is billed for them.
const GOALS: [(&str, &str); 9] = [
    ("CLICK", "CPC"),
    ("CONVERT", "OCPM"),
    ("VALUE", "OCPM"),
    ("INSTALL", "OCPM"),
    ("IN_APP_EVENT", "OCPM"),
    ("LEAD_GENERATION", "OCPM"),
    ("REACH", "CPM"),
    ("ENGAGED_VIEW", "CPV"),
    ("TRAFFIC_LANDING_PAGE_VIEW", "OCPM"),
];
const EVENTS: [&str; 14] = [
    "SHOPPING",
    "ON_WEB_ORDER",
    "INITIATE_ORDER",
    "ON_WEB_CART",
    "ON_WEB_REGISTER",
    "FORM",
    "CONSULT",
    "BUTTON",
    "ON_WEB_DETAIL",
    "ON_WEB_SUBSCRIBE",
    "DOWNLOAD_START",
    "ADD_BILLING",
    "ON_WEB_ADD_TO_WISHLIST",
    "ON_WEB_SEARCH",
];
const BUTTONS: [&str; 14] = [
    "SHOP_NOW",
    "LEARN_MORE",
    "SIGN_UP",
    "DOWNLOAD_NOW",
    "CONTACT_US",
    "APPLY_NOW",
    "BOOK_NOW",
    "ORDER_NOW",
    "SUBSCRIBE",
    "GET_QUOTE",
    "READ_MORE",
    "VIEW_NOW",
    "VISIT_STORE",
    "WATCH_NOW",
];

/// `campaign/create/`.
pub(super) fn campaign(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let checked = checked_campaign(world, account, body);
    make(world, account, Level::Campaign, checked, moment)
}

fn checked_campaign(world: &World, account: usize, body: &Value) -> Result<New, Refusal> {
    known(body, &CAMPAIGN_CREATE)?;
    required(body, &["campaign_name", "objective_type", "budget_mode"])?;
    let name = named(body, "campaign_name")?;
    word(body, "objective_type", &OBJECTIVES)?;
    texts(body, "special_industries", &["HOUSING", "EMPLOYMENT", "CREDIT"])?;
    strategy(body)?;
    let holds = body["budget_optimize_on"] == true;
    let modes: &[&str] =
        if holds { &["BUDGET_MODE_TOTAL", "BUDGET_MODE_DYNAMIC_DAILY_BUDGET"] } else { &["BUDGET_MODE_INFINITE", "BUDGET_MODE_TOTAL", "BUDGET_MODE_DAY"] };
    let infinite = word(body, "budget_mode", modes)? == Some("BUDGET_MODE_INFINITE");
    unrepeated(world, account, body)?;
    let id = world.fresh_id(Platform::Tiktok, 0);
    let micros = if infinite { 0 } else { floor(&body["budget"], Level::Campaign, world.accounts[account].currency)? };
    let level = if infinite { Level::AdGroup } else { Level::Campaign };
    let purse = NewPurse { level, id: if infinite { String::new() } else { id.clone() }, resource: String::new(), micros };
    let facts = rest(body, &["advertiser_id", "campaign_name", "budget", "operation_status"]);
    Ok(New { level: Level::Campaign, id, parent: String::new(), name, status: status(body)?, purse: Some(purse), facts })
}

/// `adgroup/create/`.
pub(super) fn ad_group(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let checked = checked_group(world, account, body, moment);
    make(world, account, Level::AdGroup, checked, moment)
}

fn checked_group(world: &World, account: usize, body: &Value, moment: &Moment) -> Result<New, Refusal> {
    known(body, &AD_GROUP_CREATE)?;
    let needed = ["adgroup_name", "budget_mode", "budget", "schedule_type", "schedule_start_time", "optimization_goal", "billing_event", "pacing"];
    required(body, &needed)?;
    let campaign = find(world, account, body["campaign_id"].as_str(), Level::Campaign)?;
    alive(world, campaign, moment)?;
    let above = lists::row(world, campaign, moment.now);
    let (name, currency) = (named(body, "adgroup_name")?, world.accounts[account].currency);
    let goals: Vec<&str> = GOALS.iter().map(|(goal, _)| *goal).collect();
    let goal = word(body, "optimization_goal", &goals)?;
    let billed = GOALS.iter().find(|(known, _)| Some(*known) == goal).map(|(_, billing)| *billing);
    if body["billing_event"].as_str() != billed {
        return Err(Refusal::invalid("billing_event: does not go with the optimization goal."));
    }
    let objective = above["objective_type"].as_str().unwrap_or_default();
    if !matches!(objective, "REACH" | "VIDEO_VIEWS" | "ENGAGEMENT") {
        required(body, &["promotion_type"])?;
    }
    if objective == "WEB_CONVERSIONS" {
        required(body, &["pixel_id", "optimization_event"])?;
        word(body, "optimization_event", &EVENTS)?;
        if body["pixel_id"] != tools::PIXEL {
            return Err(Refusal::invalid("pixel_id: The pixel does not exist in this account."));
        }
    }
    if objective == "REACH" {
        required(body, &["frequency", "frequency_schedule"])?;
    }
    if word(body, "placement_type", &["PLACEMENT_TYPE_NORMAL", "PLACEMENT_TYPE_AUTOMATIC"])? != Some("PLACEMENT_TYPE_AUTOMATIC") {
        required(body, &["placements"])?;
        texts(body, "placements", &["PLACEMENT_TIKTOK", "PLACEMENT_PANGLE", "PLACEMENT_GLOBAL_APP_BUNDLE"])?;
    }
    targeting(body)?;
    schedule(body)?;
    let held = world.things[campaign].campaign.map(|index| world.purse_of(index));
    let own = held.is_none_or(|purse| purse.level == Level::AdGroup);
    let modes = if own { vec!["BUDGET_MODE_DAY"] } else { vec!["BUDGET_MODE_DAY", "BUDGET_MODE_DYNAMIC_DAILY_BUDGET", "BUDGET_MODE_INFINITE"] };
    word(body, "budget_mode", &modes)?;
    let micros = if own { floor(&body["budget"], Level::AdGroup, currency)? } else { money(&body["budget"], "budget", currency)? };
    bids(body, billed.unwrap_or_default(), micros, currency)?;
    if !own && given(body, "bid_type").is_none() {
        return Err(Refusal::invalid("bid_type: Missing data for required field."));
    }
    unrepeated(world, account, body)?;
    let id = world.fresh_id(Platform::Tiktok, 0);
    let mut facts = grouped(&rest(body, &["advertiser_id", "campaign_id", "adgroup_name", "budget", "budget_mode", "operation_status", "request_id"]));
    // What an ad group of the start has by default, a new one has only where it is said.
    for field in ["optimization_event", "pixel_id", "promotion_type", "click_attribution_window", "view_attribution_window"] {
        if let Some(settings) = facts.entry("settings").or_insert_with(|| json!({})).as_object_mut() {
            settings.entry(field).or_insert(Value::Null);
        }
    }
    facts.insert("request_id".to_owned(), body["request_id"].clone());
    let purse = own.then(|| NewPurse { level: Level::AdGroup, id: id.clone(), resource: String::new(), micros });
    let parent = world.things[campaign].id.clone();
    Ok(New { level: Level::AdGroup, id, parent, name, status: status(body)?, purse, facts })
}

/// `ad/create/`.
pub(super) fn ads(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let checked = checked_ads(world, account, body, moment);
    let news = checked.inspect_err(|refusal| world.refuse_creation(account, Level::Ad, &refusal.code.to_string(), moment))?;
    let (mut ids, mut rows) = (Vec::new(), Vec::new());
    for new in news {
        if let Some(made) = world.create(account, &new, moment) {
            ids.push(new.id);
            rows.push(lists::row(world, made, moment.now));
        }
    }
    Ok(json!({ "ad_ids": ids, "creatives": rows }))
}

fn checked_ads(world: &World, account: usize, body: &Value, moment: &Moment) -> Result<Vec<New>, Refusal> {
    known(body, &["advertiser_id", "adgroup_id", "creatives"])?;
    let group = find(world, account, body["adgroup_id"].as_str(), Level::AdGroup)?;
    alive(world, group, moment)?;
    let creatives = body["creatives"].as_array().filter(|creatives| (1..=MOST).contains(&creatives.len()));
    let creatives = creatives.ok_or_else(|| Refusal::invalid("creatives: 1 to 20 objects."))?;
    let mut news = Vec::new();
    for (place, creative) in creatives.iter().enumerate() {
        known(creative, &CREATIVE)?;
        required(creative, &["ad_name", "ad_format", "identity_type", "identity_id"])?;
        shown(world, account, creative, moment)?;
        if creative["identity_type"] == "CUSTOMIZED_USER" && creative["identity_id"] != tools::IDENTITY {
            return Err(Refusal::invalid("identity_id: The identity does not exist."));
        }
        word(creative, "identity_type", &["CUSTOMIZED_USER", "AUTH_CODE", "TT_USER", "BC_AUTH_TT"])?;
        word(creative, "call_to_action", &BUTTONS)?;
        if creative["identity_type"] == "CUSTOMIZED_USER" && !creative["ad_text"].as_str().is_some_and(|text| (1..=100).contains(&text.chars().count())) {
            return Err(Refusal::invalid("ad_text: 1 to 100 characters."));
        }
        let wrong = |pair: &Value| pair.as_object().is_none_or(|pair| pair.len() != 2 || !pair["key"].is_string() || !pair["value"].is_string());
        if given(creative, "utm_params").is_some_and(|pairs| pairs.as_array().is_none_or(|pairs| pairs.iter().any(wrong))) {
            return Err(Refusal::invalid("utm_params: a list of key and value."));
        }
        let name = if creative["ad_name"] == "" { "Ad".to_owned() } else { named(creative, "ad_name")? };
        let facts = rest(creative, &["ad_name", "operation_status"]);
        let (id, parent) = (world.fresh_id(Platform::Tiktok, place), world.things[group].id.clone());
        news.push(New { level: Level::Ad, id, parent, name, status: status(creative)?, purse: None, facts });
    }
    Ok(news)
}

/// A video has exactly one cover and has been transcoded; an image stands alone; all of it is in the library.
fn shown(world: &World, account: usize, creative: &Value, moment: &Moment) -> Result<(), Refusal> {
    let images = texts(creative, "image_ids", &[])?;
    let (format, video) =
        (word(creative, "ad_format", &["SINGLE_VIDEO", "SINGLE_IMAGE", "CAROUSEL_ADS", "CATALOG_CAROUSEL", "LIVE_CONTENT"])?, creative["video_id"].as_str());
    for id in images.iter().copied().chain(video) {
        let medium = world.thing(Platform::Tiktok, Level::Media, id).filter(|medium| world.things[*medium].account == account);
        let medium = medium.ok_or_else(|| Refusal::invalid(format!("{id}: The material does not exist in this account.")))?;
        if super::media::is_working(world, medium, moment.now) {
            return Err(Refusal::new(40_901, "The video is still being transcoded."));
        }
    }
    match (format, video, images.len()) {
        (Some("SINGLE_VIDEO"), Some(_), 1) | (Some("SINGLE_IMAGE"), None, 1) | (Some("CAROUSEL_ADS"), None, 1..=35) => Ok(()),
        _ => Err(Refusal::invalid("ad_format: SINGLE_VIDEO takes one video and one cover, SINGLE_IMAGE one image, CAROUSEL_ADS 1 to 35 images.")),
    }
}

fn make(world: &mut World, account: usize, level: Level, checked: Result<New, Refusal>, moment: &Moment) -> Result<Value, Refusal> {
    let new = checked.inspect_err(|refusal| world.refuse_creation(account, level, &refusal.code.to_string(), moment))?;
    let Some(made) = world.create(account, &new, moment) else { return Ok(json!({})) };
    let Value::Object(mut row) = lists::row(world, made, moment.now) else { return Ok(json!({})) };
    row.retain(|_, value| !value.is_null());
    Ok(Value::Object(row))
}

fn named(body: &Value, field: &str) -> Result<String, Refusal> {
    let emoji = |c: char| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}');
    let name = body[field].as_str().filter(|name| (1..=NAME).contains(&name.chars().count()) && !name.chars().any(emoji));
    name.map(str::to_owned).ok_or_else(|| Refusal::invalid(format!("{field}: 1 to {NAME} characters without emoji.")))
}

fn status(body: &Value) -> Result<RunStatus, Refusal> {
    Ok(if word(body, "operation_status", &["ENABLE", "DISABLE"])? == Some("DISABLE") { RunStatus::Paused } else { RunStatus::Active })
}

/// A number that was used before: the thing it made stands.
fn unrepeated(world: &World, account: usize, body: &Value) -> Result<(), Refusal> {
    let Some(number) = given(body, "request_id") else { return Ok(()) };
    if number.as_str().is_none_or(|number| number.parse::<i64>().is_err()) {
        return Err(Refusal::invalid("request_id: must be the text of a 64-bit number."));
    }
    let used =
        world.things.iter().any(|thing| thing.account == account && thing.facts.get("request_id").is_some_and(|known| known.at(thing.created) == *number));
    if used { Err(Refusal::new(40_050, "Duplicate request_id.")) } else { Ok(()) }
}

fn rest(body: &Value, known: &[&str]) -> Map<String, Value> {
    let fields = body.as_object().into_iter().flatten();
    fields.filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Fields of an ad group under the names they are kept by.
pub(super) fn grouped(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut groups = Map::new();
    for (field, value) in fields {
        if let Some(group) = groups.entry(models::group(field)).or_insert_with(|| json!({})).as_object_mut() {
            group.insert(field.clone(), value.clone());
        }
    }
    groups
}

fn strategy(body: &Value) -> Result<(), Refusal> {
    word(body, "bid_type", &["BID_TYPE_NO_BID", "BID_TYPE_CUSTOM"])?;
    word(body, "deep_bid_type", &["VO_MIN_ROAS", "VO_HIGHEST_VALUE", "DEFAULT", "MIN", "PACING"])?;
    let roas = given(body, "roas_bid").and_then(Value::as_f64);
    if roas.is_some_and(|roas| roas != 0.0 && !(0.01..=1_000.0).contains(&roas)) || (body["deep_bid_type"] == "VO_MIN_ROAS" && roas.is_none()) {
        return Err(Refusal::invalid("roas_bid: must be between 0.01 and 1000."));
    }
    Ok(())
}

/// Type and amount of a bid belong together, and a bid stays below the budget.
pub(super) fn bids(body: &Value, billing: &str, budget: i64, currency: Currency) -> Result<(), Refusal> {
    strategy(body)?;
    let price = if billing == "OCPM" { "conversion_bid_price" } else { "bid_price" };
    let bid = given(body, price).map_or(Ok(0), |bid| money(bid, price, currency))?;
    let by_value = body["deep_bid_type"] == "VO_MIN_ROAS";
    match body["bid_type"].as_str() {
        Some("BID_TYPE_CUSTOM") if bid <= 0 && !by_value => Err(Refusal::invalid(format!("{price}: Missing data for required field."))),
        Some("BID_TYPE_CUSTOM") if budget > 0 && bid >= budget => Err(Refusal::invalid(format!("{price}: must be below the budget."))),
        Some("BID_TYPE_CUSTOM") => Ok(()),
        _ if bid > 0 => Err(Refusal::invalid(format!("{price}: goes with BID_TYPE_CUSTOM only."))),
        _ => Ok(()),
    }
}

/// Whom an ad group may reach.
pub(super) fn targeting(body: &Value) -> Result<(), Refusal> {
    let places = texts(body, "location_ids", &[])?;
    if places.is_empty() && texts(body, "zipcode_ids", &[])?.is_empty() {
        return Err(Refusal::invalid("location_ids: at least one location or zip code."));
    }
    if places.len() > 3_000 || places.iter().any(|place| place.parse::<u64>().is_err()) {
        return Err(Refusal::invalid("location_ids: at most 3000 ids of locations."));
    }
    texts(body, "age_groups", &["AGE_13_17", "AGE_18_24", "AGE_25_34", "AGE_35_44", "AGE_45_54", "AGE_55_100"])?;
    texts(body, "operating_systems", &["ANDROID", "IOS"])?;
    texts(body, "network_types", &["WIFI", "2G", "3G", "4G", "5G"])?;
    texts(body, "languages", &[])?;
    texts(body, "interest_category_ids", &[])?;
    word(body, "gender", &["GENDER_UNLIMITED", "GENDER_MALE", "GENDER_FEMALE"])?;
    Ok(())
}

/// When an ad group may run.
pub(super) fn schedule(body: &Value) -> Result<(), Refusal> {
    let at = |name: &str| {
        let text = body[name].as_str().unwrap_or_default();
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map_err(|_| Refusal::invalid(format!("{name}: must be YYYY-MM-DD HH:MM:SS in UTC.")))
    };
    let from = at("schedule_start_time")?;
    if word(body, "schedule_type", &["SCHEDULE_FROM_NOW", "SCHEDULE_START_END"])? == Some("SCHEDULE_START_END") && at("schedule_end_time")? <= from {
        return Err(Refusal::invalid("schedule_end_time: must lie after the start."));
    }
    word(body, "pacing", &["PACING_MODE_SMOOTH", "PACING_MODE_FAST"])?;
    match given(body, "dayparting").map(|hours| hours.as_str().unwrap_or_default()) {
        Some(hours) if hours.len() != 336 || hours.chars().any(|half| !matches!(half, '0' | '1')) => Err(Refusal::invalid("dayparting: 336 times 0 or 1.")),
        _ => Ok(()),
    }
}
