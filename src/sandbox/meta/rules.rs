//! What Meta wants of bids, targeting, goals and creatives; the same for creations and updates.

use serde_json::Value;

use super::Refusal;
use super::below::is_video;
use crate::domain::entity::{Level, Platform};
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

pub(super) const STRATEGIES: &str = "LOWEST_COST_WITHOUT_CAP LOWEST_COST_WITH_BID_CAP COST_CAP LOWEST_COST_WITH_MIN_ROAS";
const TARGETING: &str = "geo_locations excluded_geo_locations age_min age_max age_range genders locales interests behaviors flexible_spec exclusions custom_audiences \
    excluded_custom_audiences publisher_platforms facebook_positions instagram_positions messenger_positions audience_network_positions threads_positions device_platforms \
    user_os user_device targeting_automation targeting_relaxation_types brand_safety_content_filter_levels";
const GOALS: &str = "OFFSITE_CONVERSIONS VALUE LINK_CLICKS LANDING_PAGE_VIEWS REACH IMPRESSIONS LEAD_GENERATION QUALITY_LEAD CONVERSATIONS THRUPLAY POST_ENGAGEMENT APP_INSTALLS \
    AD_RECALL_LIFT PAGE_LIKES";
const LINK: &str = "link message name description caption picture image_hash child_attachments call_to_action";
const VIDEO: &str = "video_id image_hash image_url message title link_description call_to_action";
const BUTTONS: &str = "SHOP_NOW LEARN_MORE SIGN_UP SUBSCRIBE CONTACT_US APPLY_NOW GET_QUOTE ORDER_NOW BUY_NOW DOWNLOAD BOOK_NOW NO_BUTTON";

fn unknown(value: &Value, known: &str) -> Option<String> {
    value.as_object()?.keys().find(|name| !known.split_whitespace().any(|word| word == name.as_str())).cloned()
}

/// Whether a strategy comes with the amount it needs and no other.
pub(super) fn bidding(strategy: &str, bid: Option<i64>, constraints: Option<&Value>) -> Result<(), Refusal> {
    let floor = constraints.and_then(|constraints| constraints["roas_average_floor"].as_i64());
    match strategy {
        "COST_CAP" | "LOWEST_COST_WITH_BID_CAP" if bid.is_none_or(|bid| bid < 1) => {
            Err(Refusal::new(100, Some(2_490_487), "(#100) Bid amount required: the bid strategy needs a bid cap"))
        }
        "LOWEST_COST_WITHOUT_CAP" if bid.is_some() => Err(Refusal::new(100, Some(1_885_204), "(#100) The bid must be automatic for this bid strategy")),
        "LOWEST_COST_WITH_MIN_ROAS" if floor.is_none_or(|floor| !(100..=10_000_000).contains(&floor)) => {
            Err(Refusal::new(100, Some(2_490_487), "(#100) Bid constraints with a ROAS floor required"))
        }
        _ => Ok(()),
    }
}

/// The name that an account in a currency of the EU's has among its settings, of who benefits and who pays.
pub(super) fn default_name(world: &World, account: usize) -> Option<String> {
    let known = &world.accounts[account];
    ["EUR", "HUF", "SEK", "PLN", "CZK", "DKK", "RON"].contains(&known.currency.code()).then(|| format!("Sandbox shop {}", known.id.trim_start_matches("act_")))
}

/// Whether what reaches the EU tells in whose name, by itself or by its account.
pub(super) fn disclosed(world: &World, account: usize, targeting: &Value, named: bool) -> Result<(), Refusal> {
    const EU: &str = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE";
    let countries = targeting["geo_locations"]["countries"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let reaches = countries.into_iter().any(|country| EU.split(' ').any(|member| member == country));
    if reaches && !named && default_name(world, account).is_none() {
        return Err(Refusal::new(100, Some(3_858_081), "(#100) No beneficiary or payor: an ad set that reaches the EU must name both"));
    }
    Ok(())
}

/// Whether a targeting is one Meta takes.
pub(super) fn targeting(targeting: &Value) -> Result<(), Refusal> {
    if let Some(name) = unknown(targeting, TARGETING) {
        return Err(Refusal::invalid(format!("(#100) Invalid parameter: targeting has no member {name}")));
    }
    let places = &targeting["geo_locations"];
    let somewhere = places.as_object().is_some_and(|places| places.values().any(|list| list.as_array().is_some_and(|list| !list.is_empty())));
    if !somewhere {
        return Err(Refusal::new(100, Some(1_885_364), "(#100) Your audience is missing a location: choose at least one"));
    }
    if places.get("location_types").is_some() {
        return Err(Refusal::new(100, Some(1_870_199), "(#100) location_types is no longer supported"));
    }
    let (youngest, oldest) = (targeting["age_min"].as_i64().unwrap_or(18), targeting["age_max"].as_i64().unwrap_or(65));
    if !(13..=65).contains(&youngest) || !(youngest..=65).contains(&oldest) {
        return Err(Refusal::invalid("(#100) Param targeting: ages are 13 to 65"));
    }
    let listed = targeting["genders"].as_array().is_none_or(|genders| genders.iter().all(|gender| matches!(gender.as_i64(), Some(1 | 2))));
    let numbers = targeting["locales"].as_array().is_none_or(|locales| locales.iter().all(Value::is_number));
    if !listed || !numbers {
        return Err(Refusal::invalid("(#100) Param targeting: genders are 1 and 2, locales are numbers"));
    }
    match targeting["targeting_automation"]["advantage_audience"].as_i64() {
        None => Err(Refusal::new(100, Some(1_870_227), "(#100) Advantage audience flag required: set advantage_audience to 1 or 0")),
        Some(1) if oldest != 65 => Err(Refusal::new(100, Some(1_870_189), "(#100) With Advantage audience the oldest age is 65")),
        Some(1) if youngest > 25 => Err(Refusal::new(100, Some(1_870_188), "(#100) With Advantage audience the youngest age is at most 25")),
        Some(_) => Ok(()),
    }
}

/// Whether a goal comes with what it counts.
pub(super) fn goal(goal: &str, promoted: Option<&Value>) -> Result<(), Refusal> {
    if !GOALS.split_whitespace().any(|known| known == goal) {
        return Err(Refusal::invalid("(#100) Param optimization_goal must be one of the goals"));
    }
    let has = |name: &str| promoted.is_some_and(|object| object[name].as_str().is_some_and(|text| !text.is_empty()));
    match goal {
        "OFFSITE_CONVERSIONS" | "VALUE" if !(has("pixel_id") && has("custom_event_type") || has("product_set_id")) => {
            Err(Refusal::invalid("(#100) promoted_object must name a pixel and an event, or a product set"))
        }
        "REACH" | "AD_RECALL_LIFT" if promoted.is_some() && !has("page_id") => Err(Refusal::invalid("(#100) promoted_object must name a page")),
        _ => Ok(()),
    }
}

/// Whether an `object_story_spec` is one Meta takes.
pub(super) fn story(world: &World, account: usize, story: &Value, moment: &Moment) -> Result<(), Refusal> {
    if let Some(name) = unknown(story, "page_id instagram_user_id link_data video_data") {
        return Err(Refusal::invalid(format!("(#100) object_story_spec has no member {name}")));
    }
    if story["page_id"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::invalid("(#100) object_story_spec must name a page_id"));
    }
    let (link, video) = (&story["link_data"], &story["video_data"]);
    let data = match (link.is_object(), video.is_object()) {
        (true, false) => link,
        (false, true) => video,
        _ => return Err(Refusal::invalid("(#100) object_story_spec must have one of link_data and video_data")),
    };
    if let Some(name) = unknown(data, if link.is_object() { LINK } else { VIDEO }) {
        return Err(Refusal::invalid(format!("(#100) the story's data has no member {name}")));
    }
    let page = if link.is_object() { &link["link"] } else { &data["call_to_action"]["value"]["link"] };
    if page.as_str().is_none_or(|page| !page.starts_with("https://")) {
        return Err(Refusal::new(100, Some(2_446_383), "(#100) Website URL is missing"));
    }
    let button = &data["call_to_action"]["type"];
    if !button.is_null() && !button.as_str().is_some_and(|button| BUTTONS.split_whitespace().any(|known| known == button)) {
        return Err(Refusal::invalid("(#100) Param call_to_action must be one of the known types"));
    }
    let medium =
        |id: &Value| id.as_str().and_then(|id| world.thing(Platform::Meta, Level::Media, id)).filter(|medium| world.things[*medium].account == account);
    if let Some(hash) = data["image_hash"].as_str()
        && medium(&data["image_hash"]).is_none_or(|medium| is_video(world, medium))
    {
        return Err(Refusal::invalid(format!("(#100) The image {hash} is not in the account's library")));
    }
    if video.is_object() {
        if data["image_hash"].is_null() && data["image_url"].is_null() {
            return Err(Refusal::new(100, Some(1_443_226), "(#100) Please specify one of image_hash or image_url in the video_data field"));
        }
        let found = medium(&data["video_id"]).filter(|medium| is_video(world, *medium));
        let found = found.ok_or_else(|| Refusal::invalid("(#100) The video is not in the account's library"))?;
        if !super::below::is_ready(world, found, moment.now) {
            return Err(Refusal::new(100, Some(1_885_252), "(#100) The video is not ready yet: it is being processed"));
        }
    }
    Ok(())
}

/// The creative an ad names, and what it shows; one that comes whole with the ad has no id yet.
pub(super) fn shown(world: &World, account: usize, creative: Option<Value>, moment: &Moment) -> Result<(Value, Value), Refusal> {
    let creative = creative.ok_or_else(|| Refusal::invalid("(#100) The parameter creative is required"))?;
    if let whole @ Value::Object(_) = &creative["object_story_spec"] {
        if let Some(name) = unknown(&creative, "name object_story_spec url_tags degrees_of_freedom_spec") {
            return Err(Refusal::invalid(format!("(#100) The creative has no member {name}")));
        }
        story(world, account, whole, moment)?;
        return Ok((Value::Null, whole.clone()));
    }
    let id = creative["creative_id"].as_str().ok_or_else(|| Refusal::invalid("(#100) An ad names its creative by creative_id, or brings it"))?;
    let found = world.thing(Platform::Meta, Level::Creative, id).filter(|found| world.things[*found].account == account);
    let found = found.ok_or_else(|| Refusal::new(100, Some(33), format!("(#100) The creative {id} does not exist")))?;
    Ok((id.into(), world.things[found].fact("object_story_spec", moment.now)))
}
