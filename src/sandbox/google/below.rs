//! Rows of what stands below campaigns: ad groups, ads, criteria, assets.

use serde_json::{Map, Value, json};

use super::rows::{Flat, campaign, customer, word};
use crate::domain::entity::{Level, RunStatus};
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::Verdict;

/// Bids that an ad group may have of its own, by query name and by the name they are written under.
const GROUP_BIDS: [(&str, &str); 3] =
    [("ad_group.cpc_bid_micros", "cpcBidMicros"), ("ad_group.target_cpa_micros", "targetCpaMicros"), ("ad_group.target_roas", "targetRoas")];

/// An ad group with its campaign.
pub(super) fn ad_group(world: &World, thing: usize, moment: &Moment) -> Flat {
    let group = &world.things[thing];
    let Some(index) = group.campaign else { return Flat::new() };
    let mut flat = campaign(world, index, moment);
    let status = world.thing_status(thing, moment.seen);
    let runs = world.children(thing).into_iter().any(|ad| world.ad_runs(ad, moment.seen));
    let primary = match (status, runs) {
        (RunStatus::Ended, _) => "REMOVED",
        (RunStatus::Paused, _) => "PAUSED",
        (RunStatus::Active, true) => "ELIGIBLE",
        (RunStatus::Active, false) => "NOT_ELIGIBLE",
    };
    flat.extend([
        ("ad_group.resource_name", json!(format!("customers/{}/adGroups/{}", world.accounts[group.account].id, group.id))),
        ("ad_group.id", json!(group.id)),
        ("ad_group.name", group.fact("name", moment.seen)),
        ("ad_group.status", json!(word(status))),
        ("ad_group.primary_status", json!(primary)),
        ("ad_group.campaign", flat["campaign.resource_name"].clone()),
        ("ad_group.type", json!("SEARCH_STANDARD")),
    ]);
    let bids = group.fact("bid", moment.seen);
    flat.extend(GROUP_BIDS.iter().filter_map(|(field, name)| Some((*field, bids.get(name)?.clone()))));
    flat
}

/// An ad with its ad group and campaign.
pub(super) fn ad(world: &World, thing: usize, moment: &Moment) -> Flat {
    let shown = &world.things[thing];
    let owner = &world.accounts[shown.account];
    let Some(group) = world.thing(owner.platform, Level::AdGroup, &shown.parent) else { return Flat::new() };
    let mut flat = ad_group(world, group, moment);
    let status = world.thing_status(thing, moment.seen);
    let (review, approval) = match shown.verdict(moment.seen) {
        Verdict::Pending => ("REVIEW_IN_PROGRESS", None),
        Verdict::Approved => ("REVIEWED", Some("APPROVED")),
        Verdict::Refused => ("REVIEWED", Some("DISAPPROVED")),
    };
    let primary = match (status, approval) {
        (RunStatus::Ended, _) => "REMOVED",
        (RunStatus::Paused, _) => "PAUSED",
        (RunStatus::Active, None) => "PENDING",
        (RunStatus::Active, Some("APPROVED")) => "ELIGIBLE",
        (RunStatus::Active, Some(_)) => "NOT_ELIGIBLE",
    };
    let id = shown.id.split('~').next_back().unwrap_or_default();
    flat.extend([
        ("ad_group_ad.resource_name", json!(format!("customers/{}/adGroupAds/{}", owner.id, shown.id))),
        ("ad_group_ad.status", json!(word(status))),
        ("ad_group_ad.primary_status", json!(primary)),
        ("ad_group_ad.ad_strength", json!("AVERAGE")),
        ("ad_group_ad.ad_group", flat["ad_group.resource_name"].clone()),
        ("ad_group_ad.ad.resource_name", json!(format!("customers/{}/ads/{id}", owner.id))),
        ("ad_group_ad.ad.id", json!(id)),
        ("ad_group_ad.ad.type", json!("RESPONSIVE_SEARCH_AD")),
        ("ad_group_ad.policy_summary.review_status", json!(review)),
    ]);
    if let Some(approval) = approval {
        flat.insert("ad_group_ad.policy_summary.approval_status", json!(approval));
    }
    if approval == Some("DISAPPROVED") {
        flat.insert("ad_group_ad.policy_summary.policy_topic_entries", json!([{ "topic": "MISLEADING_CONTENT", "type": "PROHIBITED" }]));
    }
    let content = content(world, thing, moment);
    for (field, path) in [
        ("ad_group_ad.ad.final_urls", "/finalUrls"),
        ("ad_group_ad.ad.final_url_suffix", "/finalUrlSuffix"),
        ("ad_group_ad.ad.url_custom_parameters", "/urlCustomParameters"),
        ("ad_group_ad.ad.responsive_search_ad.headlines", "/responsiveSearchAd/headlines"),
        ("ad_group_ad.ad.responsive_search_ad.descriptions", "/responsiveSearchAd/descriptions"),
        ("ad_group_ad.ad.responsive_search_ad.path1", "/responsiveSearchAd/path1"),
        ("ad_group_ad.ad.responsive_search_ad.path2", "/responsiveSearchAd/path2"),
    ] {
        if let Some(value) = content.pointer(path) {
            flat.insert(field, value.clone());
        }
    }
    flat
}

/// What an ad shows: as it was made, or what the ads of the start show.
pub(super) fn content(world: &World, thing: usize, moment: &Moment) -> Value {
    let stored = world.things[thing].fact("ad", moment.seen);
    if !stored.is_null() {
        return stored;
    }
    json!({
        "finalUrls": ["https://shop.example/sale"],
        "finalUrlSuffix": "utm_source=google&utm_medium=cpc&utm_id={campaignid}",
        "responsiveSearchAd": {
            "headlines": [{ "text": "Everyday prices" }, { "text": "Free returns" }, { "text": format!("Offer {}", thing % 7) }],
            "descriptions": [{ "text": "Comfortable for every day." }, { "text": "Order before noon." }],
        },
    })
}

/// The criteria of a campaign or ad group by their ids; those of the start where nobody changed them.
pub(super) fn criteria(world: &World, thing: usize, moment: &Moment) -> Map<String, Value> {
    let kept = &world.things[thing];
    if let Value::Object(stored) = kept.fact("targeting", moment.seen) {
        return stored;
    }
    let campaign = kept.campaign.unwrap_or(0);
    let default = match kept.level {
        _ if kept.created >= world.since => json!({}),
        Level::Campaign => {
            let mut all = json!({
                "2840": { "type": "LOCATION", "status": "ENABLED", "location": { "geoTargetConstant": "geoTargetConstants/2840" } },
                "1000": { "type": "LANGUAGE", "status": "ENABLED", "language": { "languageConstant": "languageConstants/1000" } },
            });
            // Every other campaign keeps office hours, and leaves out who looks for free things.
            if campaign % 2 == 1 {
                all["310090"] = json!({ "type": "AD_SCHEDULE", "status": "ENABLED", "adSchedule": { "dayOfWeek": "MONDAY", "startHour": 8, "startMinute": "ZERO", "endHour": 20, "endMinute": "ZERO" } });
                all["10016841"] = json!({ "type": "KEYWORD", "status": "ENABLED", "negative": true, "keyword": { "text": "free", "matchType": "BROAD" } });
            }
            all
        }
        Level::AdGroup => json!({
            "301": { "type": "KEYWORD", "status": "ENABLED", "keyword": { "text": "shop sale", "matchType": "PHRASE" }, "cpcBidMicros": "900000" },
            "302": { "type": "KEYWORD", "status": "PAUSED", "keyword": { "text": "shop offers", "matchType": "BROAD" } },
        }),
        Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => json!({}),
    };
    default.as_object().cloned().unwrap_or_default()
}

/// The rows of `campaign_criterion` or `ad_group_criterion`.
pub(super) fn criterion_rows(world: &World, account: usize, level: Level, moment: &Moment) -> Vec<Flat> {
    let mut rows = Vec::new();
    for thing in world.things_of(account, level) {
        let Some(index) = world.things[thing].campaign else { continue };
        let base = if level == Level::Campaign { campaign(world, index, moment) } else { ad_group(world, thing, moment) };
        for (id, criterion) in criteria(world, thing, moment) {
            let mut flat = base.clone();
            let at = |field: &str| criterion.pointer(field).cloned();
            let name = |kind: &str| json!(format!("customers/{}/{kind}/{}~{id}", world.accounts[account].id, world.things[thing].id));
            if level == Level::Campaign {
                flat.insert("campaign_criterion.resource_name", name("campaignCriteria"));
                flat.insert("campaign_criterion.criterion_id", json!(id));
                flat.insert("campaign_criterion.negative", json!(criterion["negative"] == true));
                insert(&mut flat, CAMPAIGN_CRITERION, at);
            } else {
                flat.insert("ad_group_criterion.resource_name", name("adGroupCriteria"));
                flat.insert("ad_group_criterion.criterion_id", json!(id));
                flat.insert("ad_group_criterion.negative", json!(criterion["negative"] == true));
                insert(&mut flat, AD_GROUP_CRITERION, at);
            }
            rows.push(flat);
        }
    }
    rows
}

fn insert(flat: &mut Flat, fields: &[(&'static str, &str)], at: impl Fn(&str) -> Option<Value>) {
    flat.extend(fields.iter().filter_map(|(field, path)| Some((*field, at(path)?))));
}

/// Fields of campaign criteria that not every one has, with their place in what is kept.
pub(super) const CAMPAIGN_CRITERION: &[(&str, &str)] = &[
    ("campaign_criterion.type", "/type"),
    ("campaign_criterion.status", "/status"),
    ("campaign_criterion.bid_modifier", "/bidModifier"),
    ("campaign_criterion.location.geo_target_constant", "/location/geoTargetConstant"),
    ("campaign_criterion.language.language_constant", "/language/languageConstant"),
    ("campaign_criterion.keyword.text", "/keyword/text"),
    ("campaign_criterion.keyword.match_type", "/keyword/matchType"),
    ("campaign_criterion.device.type", "/device/type"),
    ("campaign_criterion.ad_schedule.day_of_week", "/adSchedule/dayOfWeek"),
];
/// The same of ad group criteria.
pub(super) const AD_GROUP_CRITERION: &[(&str, &str)] = &[
    ("ad_group_criterion.type", "/type"),
    ("ad_group_criterion.status", "/status"),
    ("ad_group_criterion.cpc_bid_micros", "/cpcBidMicros"),
    ("ad_group_criterion.keyword.text", "/keyword/text"),
    ("ad_group_criterion.keyword.match_type", "/keyword/matchType"),
    ("ad_group_criterion.age_range.type", "/ageRange/type"),
    ("ad_group_criterion.gender.type", "/gender/type"),
];

/// The rows of `campaign_asset` or `ad_group_asset`.
pub(super) fn links(world: &World, account: usize, level: Level, moment: &Moment) -> Vec<Flat> {
    let customer_id = &world.accounts[account].id;
    let (collection, row): (_, fn(&World, usize, &Moment) -> Flat) =
        if level == Level::Campaign { ("campaignAssets", |world, thing, moment| campaign_of(world, thing, moment)) } else { ("adGroupAssets", ad_group) };
    let mut rows = Vec::new();
    for thing in world.things_of(account, level).into_iter().filter(|thing| world.things[*thing].created <= moment.seen) {
        for (id, link) in world.things[thing].fact("assets", moment.seen).as_object().into_iter().flatten() {
            let (asset, field) = id.split_once('~').unwrap_or((id, ""));
            let mut flat = row(world, thing, moment);
            let values = [
                json!(format!("customers/{customer_id}/{collection}/{}~{id}", world.things[thing].id)),
                json!(format!("customers/{customer_id}/assets/{asset}")),
                json!(field),
                link["status"].clone(),
            ];
            let names = if level == Level::Campaign { CAMPAIGN_ASSET } else { AD_GROUP_ASSET };
            flat.extend(names.into_iter().zip(values));
            rows.push(flat);
        }
    }
    rows
}

fn campaign_of(world: &World, thing: usize, moment: &Moment) -> Flat {
    world.things[thing].campaign.map(|index| campaign(world, index, moment)).unwrap_or_default()
}

/// Fields of links to assets.
pub(super) const CAMPAIGN_ASSET: [&str; 4] = ["campaign_asset.resource_name", "campaign_asset.asset", "campaign_asset.field_type", "campaign_asset.status"];
/// The same of ad groups.
pub(super) const AD_GROUP_ASSET: [&str; 4] = ["ad_group_asset.resource_name", "ad_group_asset.asset", "ad_group_asset.field_type", "ad_group_asset.status"];

/// The rows of `asset`.
pub(super) fn assets(world: &World, account: usize, moment: &Moment) -> Vec<Flat> {
    let row = |thing: usize| {
        let asset = &world.things[thing];
        let mut flat = customer(world, account);
        flat.extend([
            ("asset.resource_name", json!(format!("customers/{}/assets/{}", world.accounts[account].id, asset.id))),
            ("asset.id", json!(asset.id)),
            ("asset.name", asset.fact("name", moment.seen)),
            ("asset.type", asset.fact("type", moment.seen)),
        ]);
        for (field, fact) in [("asset.youtube_video_asset.youtube_video_id", "youtube"), ("asset.text_asset.text", "text")] {
            let value = asset.fact(fact, moment.seen);
            if !value.is_null() {
                flat.insert(field, value);
            }
        }
        flat
    };
    world.things_of(account, Level::Media).into_iter().filter(|thing| world.things[*thing].created <= moment.seen).map(row).collect()
}
