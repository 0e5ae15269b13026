//! Reading what stands below campaigns and in the account's library: ad sets, ads, creatives, images, videos.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::objects::{self, budget, issue, learning, page, pick, stamp, word};
use super::{Refusal, sees};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, RunStatus};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::Verdict;
use crate::sandbox::world::{Review, World};

const AD_SET_FIELDS: &str = "id account_id campaign_id name status configured_status effective_status daily_budget lifetime_budget budget_remaining bid_strategy bid_amount \
    bid_constraints optimization_goal billing_event start_time end_time promoted_object learning_stage_info issues_info attribution_spec destination_type targeting \
    created_time updated_time daily_min_spend_target daily_spend_cap adlabels adset_schedule pacing_type campaign dsa_beneficiary dsa_payor";
const AD_FIELDS: &str = "id account_id adset_id campaign_id name status configured_status effective_status creative ad_review_feedback issues_info created_time updated_time \
    tracking_specs adlabels bid_amount conversion_domain";
const CREATIVE_FIELDS: &str =
    "id account_id name status object_story_spec url_tags degrees_of_freedom_spec image_hash video_id object_type adlabels thumbnail_url";
const IMAGE_FIELDS: &str = "id account_id hash name status url url_128 width height created_time updated_time permalink_url";
const VIDEO_FIELDS: &str = "id title length status picture created_time updated_time source";
/// What an ad set shows of its campaign.
const ABOVE: &str = "id,name,status,objective,bid_strategy,daily_budget,lifetime_budget";
/// How long a video is transcoded, in minutes of product time.
const TRANSCODING: TimeDelta = TimeDelta::minutes(10);
/// A video whose address holds this cannot be transcoded.
const BROKEN: &str = "broken";

/// Facts of an ad set that are shown as they were set, by Meta's names, and what one of the first day says.
pub(super) fn plain_facts() -> [(&'static str, Value); 10] {
    [
        ("targeting", json!({ "geo_locations": { "countries": ["US"] }, "age_min": 18, "age_max": 65, "targeting_automation": { "advantage_audience": 0 } })),
        ("optimization_goal", json!("OFFSITE_CONVERSIONS")),
        ("billing_event", json!("IMPRESSIONS")),
        ("promoted_object", json!({ "pixel_id": "900100", "custom_event_type": "PURCHASE" })),
        ("attribution_spec", json!([{ "event_type": "CLICK_THROUGH", "window_days": 7 }, { "event_type": "VIEW_THROUGH", "window_days": 1 }])),
        ("destination_type", Value::Null),
        ("adset_schedule", Value::Null),
        ("pacing_type", Value::Null),
        ("start_time", Value::Null),
        ("end_time", Value::Null),
    ]
}

/// A list of one level below `parent`, or of the whole account.
pub(super) fn list(world: &mut World, account: usize, level: Level, parent: Option<&str>, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let statuses: Option<BTreeSet<String>> = asked
        .param("effective_status")
        .map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid("(#100) Param effective_status must be an array")))
        .transpose()?;
    let wanted = objects::wanted_ids(asked)?;
    let mut rows = Vec::new();
    for thing in world.things_of(account, level) {
        let campaign = world.things[thing].campaign.map(|campaign| world.campaigns[campaign].id.clone()).unwrap_or_default();
        let (id, above) = (world.things[thing].id.clone(), world.things[thing].parent.clone());
        let status = effective(world, thing, moment.seen);
        let by_status = statuses.as_ref().map_or(!matches!(status, "ARCHIVED" | "DELETED"), |statuses| statuses.contains(status));
        let below = parent.is_none_or(|parent| parent == above || parent == campaign);
        let by_id = wanted.as_ref().is_none_or(|ids| [&id, &above, &campaign].into_iter().any(|id| ids.contains(id)));
        if by_status && below && by_id && sees(world, thing, moment) && kept(world, thing, asked) {
            rows.push(node(world, thing, asked, moment)?);
        }
    }
    page(rows, asked, moment)
}

/// The filters of the library's edges.
fn kept(world: &World, thing: usize, asked: &Asked) -> bool {
    let thing = &world.things[thing];
    let name = thing.fact("name", ProductTime::from_ms(i64::MAX / 4));
    let hashes: Option<Vec<String>> = asked.param("hashes").and_then(|text| serde_json::from_str(text).ok());
    let by = |parameter: &str| asked.param(parameter).is_none_or(|wanted| name.as_str() == Some(wanted));
    thing.level != Level::Media || hashes.is_none_or(|hashes| hashes.contains(&thing.id)) && by("name") && by("title")
}

/// Images and videos are both media: whether this one is a video.
pub(super) fn is_video(world: &World, thing: usize) -> bool {
    world.things[thing].fact("kind", world.things[thing].created) == "video"
}

/// Whether a video can be shown.
pub(super) fn is_ready(world: &World, thing: usize, at: ProductTime) -> bool {
    at >= world.things[thing].created + TRANSCODING && !is_broken(world, thing)
}

fn is_broken(world: &World, thing: usize) -> bool {
    world.things[thing].fact("file_url", world.things[thing].created).as_str().is_some_and(|url| url.contains(BROKEN))
}

/// `GET act_X/adimages`, `GET act_X/advideos`.
pub(super) fn library(world: &mut World, account: usize, videos: bool, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let mut rows = Vec::new();
    for thing in world.things_of(account, Level::Media) {
        if is_video(world, thing) == videos && sees(world, thing, moment) && kept(world, thing, asked) {
            rows.push(node(world, thing, asked, moment)?);
        }
    }
    page(rows, asked, moment)
}

/// One ad set, ad, creative, image or video.
pub(super) fn node(world: &mut World, thing: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    match world.things[thing].level {
        Level::AdGroup => ad_set(world, thing, asked, moment),
        Level::Ad => pick(ad(world, thing, moment), asked, AD_FIELDS),
        Level::Creative => pick(creative(world, thing, moment), asked, CREATIVE_FIELDS),
        Level::Media if is_video(world, thing) => pick(video(world, thing, moment), asked, VIDEO_FIELDS),
        Level::Media => pick(image(world, thing, moment), asked, IMAGE_FIELDS),
        Level::Account | Level::Campaign | Level::Shared => Err(Refusal::missing(&world.things[thing].id)),
    }
}

fn common(world: &World, thing: usize, moment: &Moment) -> Value {
    let known = &world.things[thing];
    let changed = known.facts.values().flat_map(|history| history.steps().map(|(at, ..)| at)).filter(|at| *at <= moment.seen).max();
    let owner = &world.accounts[known.account];
    json!({
        "id": known.id, "account_id": owner.id.trim_start_matches("act_"), "name": known.fact("name", moment.seen),
        "created_time": stamp(owner.zone, known.created), "updated_time": stamp(owner.zone, changed.unwrap_or(known.created)),
    })
}

fn ad_set(world: &mut World, thing: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let known = world.things[thing].clone();
    let status = word(world.thing_status(thing, moment.seen));
    let mut all = common(world, thing, moment);
    (all["status"], all["configured_status"], all["effective_status"]) = (status.into(), status.into(), effective(world, thing, moment.seen).into());
    all["campaign_id"] = known.parent.clone().into();
    all["start_time"] = stamp(world.accounts[known.account].zone, known.created).into();
    // What an ad set was made with says what it is; one of the first day was made by nobody.
    let first_day = known.fact("billing_event", moment.seen).is_null();
    for (name, otherwise) in plain_facts() {
        let value = known.fact(name, moment.seen);
        if !value.is_null() {
            all[name] = value;
        } else if first_day && !otherwise.is_null() {
            all[name] = otherwise;
        }
    }
    for (name, fact) in [("bid_amount", "bid"), ("bid_constraints", "bid_constraints")] {
        if let value @ (Value::Number(_) | Value::Object(_)) = known.fact(fact, moment.seen) {
            all[name] = value;
        }
    }
    if let Some(campaign) = known.campaign {
        let above = Asked { query: std::collections::BTreeMap::from([("fields".to_owned(), ABOVE.to_owned())]), ..asked.same() };
        all["campaign"] = objects::campaign_node(world, campaign, &above, moment)?;
    }
    if let Some(purse) = world.own_purse(thing) {
        let strategy = known.fact("strategy", moment.seen);
        all["bid_strategy"] = if strategy.is_null() { "LOWEST_COST_WITHOUT_CAP".into() } else { strategy };
        budget(world, purse, &mut all, moment);
    }
    if let (Some(campaign), true) = (known.campaign, asked.param("fields").is_some_and(|fields| fields.contains("learning_stage_info"))) {
        all["learning_stage_info"] = learning(world, campaign, moment);
    }
    pick(all, asked, AD_SET_FIELDS)
}

fn ad(world: &World, thing: usize, moment: &Moment) -> Value {
    let known = &world.things[thing];
    let status = word(world.thing_status(thing, moment.seen));
    let mut all = common(world, thing, moment);
    (all["status"], all["configured_status"], all["effective_status"]) = (status.into(), status.into(), effective(world, thing, moment.seen).into());
    all["adset_id"] = known.parent.clone().into();
    all["campaign_id"] = known.campaign.map(|campaign| world.campaigns[campaign].id.clone()).into();
    let shown = known.fact("creative", moment.seen);
    let found = world.things.iter().position(|other| other.level == Level::Creative && other.account == known.account && shown == other.id.as_str());
    all["creative"] = found.map_or_else(|| json!({ "id": shown }), |found| creative(world, found, moment));
    if known.verdict(moment.seen) == Verdict::Refused {
        all["ad_review_feedback"] = json!({ "global": { "Misleading claims": "The ad makes a claim that our advertising policies do not allow." } });
        all["issues_info"] = issue("AD", 2_490_427, "Ad rejected", "This ad does not comply with the advertising policies: misleading claims.");
    }
    all
}

fn creative(world: &World, thing: usize, moment: &Moment) -> Value {
    let known = &world.things[thing];
    let mut all = common(world, thing, moment);
    all["status"] = "ACTIVE".into();
    for name in ["object_story_spec", "url_tags", "degrees_of_freedom_spec"] {
        let value = known.fact(name, moment.seen);
        if !value.is_null() {
            all[name] = value;
        }
    }
    if known.fact("object_story_spec", moment.seen).is_null() {
        let page = "https://shop.example.com/";
        all["object_story_spec"] = json!({ "page_id": "500600", "link_data": {
            "link": page, "message": "All that is new", "name": "Our shop", "image_hash": "8cf726a44ab7008c5cc6b4ebd2491234",
            "call_to_action": { "type": "SHOP_NOW", "value": { "link": page } } } });
        all["url_tags"] = "utm_source=meta&utm_medium=paid_social&utm_id={{campaign.id}}".into();
    }
    all
}

fn image(world: &World, thing: usize, moment: &Moment) -> Value {
    let hash = world.things[thing].id.clone();
    let mut all = common(world, thing, moment);
    all["id"] = format!("{}:{hash}", all["account_id"].as_str().unwrap_or_default()).into();
    all["url"] = format!("https://scontent.example/{hash}.png").into();
    (all["hash"], all["status"], all["width"], all["height"]) = (hash.into(), "ACTIVE".into(), 1_080.into(), 1_080.into());
    all
}

fn video(world: &World, thing: usize, moment: &Moment) -> Value {
    let known = &world.things[thing];
    let ready = moment.seen >= known.created + TRANSCODING;
    let broken = is_broken(world, thing);
    let mut all = common(world, thing, moment);
    all["title"] = all["name"].clone();
    all["status"] = match (ready, broken) {
        (false, _) => json!({ "video_status": "processing", "processing_progress": 40 }),
        (true, true) => json!({ "video_status": "error", "processing_progress": 100,
            "processing_phase": { "status": "error", "errors": [{ "code": 1_363_019, "message": "The video file has an unsupported format." }] } }),
        (true, false) => json!({ "video_status": "ready", "processing_progress": 100 }),
    };
    (all["length"], all["picture"]) = (json!(14.9), "https://scontent.example/t.jpg".into());
    all
}

/// The status that counts parents and review, too.
pub(super) fn effective(world: &World, thing: usize, at: ProductTime) -> &'static str {
    let known = &world.things[thing];
    let own = world.thing_status(thing, at);
    if matches!(known.level, Level::Creative | Level::Media) || own == RunStatus::Ended {
        return word(own);
    }
    if known.level == Level::Ad {
        match known.verdict(at) {
            Verdict::Pending => return "PENDING_REVIEW",
            Verdict::Refused => return "DISAPPROVED",
            Verdict::Approved => {}
        }
    }
    let Some(campaign) = known.campaign.map(|campaign| &world.campaigns[campaign]) else { return word(own) };
    if own != RunStatus::Active {
        return word(own);
    }
    if campaign.status.at(at) != RunStatus::Active {
        return "CAMPAIGN_PAUSED";
    }
    let group = (known.level == Level::Ad).then(|| world.things.iter().position(|other| other.level == Level::AdGroup && other.id == known.parent)).flatten();
    match group {
        Some(group) if world.thing_status(group, at) != RunStatus::Active => "ADSET_PAUSED",
        _ if campaign.review == Review::Passed => "ACTIVE",
        _ => "WITH_ISSUES",
    }
}
