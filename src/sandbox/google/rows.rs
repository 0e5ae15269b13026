//! What a query can see: rows of flat fields. A field listed as known without a value is null, and left out of answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::below::{AD_GROUP_ASSET, AD_GROUP_CRITERION, CAMPAIGN_ASSET, CAMPAIGN_CRITERION};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::market::day::LEARNING_DAYS;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::things::Verdict;
use crate::sandbox::world::{Purse, World};

/// Fields by their query names; values as they are sent.
pub(super) type Flat = BTreeMap<&'static str, Value>;

/// Fields that exist and have no value here, or one that is sent as nothing: a `false` without presence.
const NULLS: &str = "campaign.missing_eu_political_advertising_declaration campaign.end_date_time campaign.bidding_strategy campaign.target_cpa.target_cpa_micros campaign.maximize_conversions.target_cpa_micros \
    campaign.target_roas.target_roas campaign.target_spend.cpc_bid_ceiling_micros campaign.manual_cpc.enhanced_cpc_enabled campaign_budget.total_amount_micros \
    campaign_budget.recommended_budget_amount_micros campaign.advertising_channel_sub_type campaign.labels \
    campaign.maximize_conversion_value.target_roas campaign.target_impression_share.cpc_bid_ceiling_micros ad_group_ad.ad.name ad_group_ad.ad.final_urls \
    ad_group_ad.ad.final_url_suffix ad_group_ad.ad.url_custom_parameters ad_group_ad.ad.responsive_search_ad.headlines \
    ad_group_ad.ad.responsive_search_ad.descriptions ad_group_ad.ad.responsive_search_ad.path1 ad_group_ad.ad.responsive_search_ad.path2 \
    ad_group_ad.policy_summary.approval_status ad_group_ad.policy_summary.policy_topic_entries asset.text_asset.text \
    asset.youtube_video_asset.youtube_video_id asset.image_asset.full_size.url asset.image_asset.full_size.width_pixels change_event.campaign \
    change_event.ad_group change_event.old_resource change_event.new_resource change_event.changed_fields ad_group.cpc_bid_micros ad_group.target_cpa_micros ad_group.target_roas";

/// Metrics the sandbox reports.
const METRICS: [&str; 14] = [
    "metrics.interactions",
    "metrics.cost_micros",
    "metrics.impressions",
    "metrics.clicks",
    "metrics.ctr",
    "metrics.average_cpc",
    "metrics.conversions",
    "metrics.conversions_value",
    "metrics.conversions_by_conversion_date",
    "metrics.conversions_value_by_conversion_date",
    "metrics.all_conversions",
    "metrics.all_conversions_value",
    "metrics.search_budget_lost_impression_share",
    "metrics.cost_per_conversion",
];

/// Whether a field exists although a row may not carry it.
pub(super) fn is_known(field: &str) -> bool {
    let criteria = CAMPAIGN_CRITERION.iter().chain(AD_GROUP_CRITERION).any(|(known, _)| *known == field);
    let segments = ["segments.date", "segments.hour", "segments.device"].contains(&field);
    let links = CAMPAIGN_ASSET.contains(&field) || AD_GROUP_ASSET.contains(&field);
    links || NULLS.split_whitespace().any(|null| null == field) || METRICS.contains(&field) || segments || criteria
}

/// Google's word for a status.
pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Active => "ENABLED",
        RunStatus::Paused => "PAUSED",
        RunStatus::Ended => "REMOVED",
    }
}

/// The smallest amount billed: what every budget is a multiple of.
pub(super) fn billable_unit(decimals: u32) -> i64 {
    if decimals == 0 { MICROS } else { MICROS / 100 }
}

/// The one row of `customer`.
pub(super) fn customer(world: &World, account: usize) -> Flat {
    let account = &world.accounts[account];
    Flat::from([
        ("customer.resource_name", json!(format!("customers/{}", account.id))),
        ("customer.id", json!(account.id)),
        ("customer.descriptive_name", json!(format!("Sandbox shop {}", account.id))),
        ("customer.currency_code", json!(account.currency)),
        ("customer.time_zone", json!(account.zone.name())),
        ("customer.manager", json!(false)),
        ("customer.test_account", json!(false)),
        ("customer.status", json!("ENABLED")),
        ("customer.auto_tagging_enabled", json!(true)),
    ])
}

/// The row of the account's currency.
pub(super) fn currency(world: &World, account: usize) -> Flat {
    let currency = world.accounts[account].currency;
    Flat::from([
        ("currency_constant.resource_name", json!(format!("currencyConstants/{currency}"))),
        ("currency_constant.code", json!(currency)),
        ("currency_constant.billable_unit_micros", json!(billable_unit(currency.decimals()).to_string())),
    ])
}

/// A campaign with its budget and its customer.
pub(super) fn campaign(world: &World, index: usize, moment: &Moment) -> Flat {
    let (campaign, owner) = (&world.campaigns[index], world.owner(index));
    let purse = world.purse_of(index);
    let name = |kind: &str, id: &str| json!(format!("customers/{}/{kind}/{id}", owner.id));
    let status = campaign.status.at(moment.seen);
    let learning = (moment.seen - world.last_significant_edit(index, moment.seen)).num_minutes() as f64 / 1_440.0 < LEARNING_DAYS;
    let runs = world.delivers(index, moment.seen);
    let constrained = campaign.curve.reach * MICROS as f64 > purse.amount.at(moment.seen) as f64;
    let (primary, reasons) = match (runs, constrained) {
        (true, true) => ("LIMITED", vec!["BUDGET_CONSTRAINED"]),
        (true, false) => ("ELIGIBLE", Vec::new()),
        (false, _) if status == RunStatus::Ended => ("REMOVED", vec!["CAMPAIGN_REMOVED"]),
        (false, _) if status == RunStatus::Paused => ("PAUSED", vec!["CAMPAIGN_PAUSED"]),
        (false, _) => ("NOT_ELIGIBLE", vec![blocked(world, index, moment)]),
    };
    let thing = world.thing(owner.platform, Level::Campaign, &campaign.id).map(|thing| &world.things[thing]);
    let fact = |name: &str| thing.map_or(Value::Null, |thing| thing.fact(name, moment.seen));
    let told = |name: &str, otherwise: Value| Some(fact(name)).filter(|value| !value.is_null()).unwrap_or(otherwise);
    let mut flat = customer(world, campaign.account);
    flat.extend([
        ("campaign.resource_name", name("campaigns", &campaign.id)),
        ("campaign.id", json!(campaign.id)),
        ("campaign.name", told("name", json!(campaign.name))),
        ("campaign.status", json!(word(status))),
        ("campaign.serving_status", json!(if status == RunStatus::Ended { "ENDED" } else { "SERVING" })),
        ("campaign.primary_status", json!(primary)),
        ("campaign.primary_status_reasons", json!(reasons)),
        ("campaign.advertising_channel_type", json!("SEARCH")),
        ("campaign.experiment_type", json!("BASE")),
        ("campaign.base_campaign", name("campaigns", &campaign.id)),
        ("campaign.start_date_time", told("startDateTime", json!(format!("{} 00:00:00", world.since.date_in(owner.zone))))),
        ("campaign.contains_eu_political_advertising", told("containsEuPoliticalAdvertising", json!("DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING"))),
        ("campaign.bidding_strategy_system_status", json!(if learning { "LEARNING_BUDGET_CHANGE" } else { "ENABLED" })),
        ("campaign.campaign_budget", name("campaignBudgets", &purse.resource)),
    ]);
    let (strategy, bid) = bidding(&fact("strategy"), &fact("bid"));
    if let Some((field, name)) = target_field(&strategy)
        && let Some(value) = bid.get(name)
    {
        flat.insert(field, value.clone());
    }
    flat.insert("campaign.bidding_strategy_type", strategy.into());
    let end = fact("endDateTime");
    if !end.is_null() {
        flat.insert("campaign.end_date_time", end);
    }
    flat.extend(budget(world, purse, moment));
    flat
}

/// How a campaign bids: as it was set, or as those of the start do.
pub(super) fn bidding(strategy: &Value, bid: &Value) -> (String, Value) {
    match strategy.as_str() {
        Some(strategy) => (strategy.to_owned(), bid.clone()),
        None if bid.is_null() => ("MAXIMIZE_CONVERSION_VALUE".to_owned(), json!({ "targetRoas": 2.5 })),
        None => ("MAXIMIZE_CONVERSION_VALUE".to_owned(), bid.clone()),
    }
}

/// The query field and the member that hold the target of a strategy.
fn target_field(strategy: &str) -> Option<(&'static str, &'static str)> {
    Some(match strategy {
        "MAXIMIZE_CONVERSIONS" => ("campaign.maximize_conversions.target_cpa_micros", "targetCpaMicros"),
        "MAXIMIZE_CONVERSION_VALUE" => ("campaign.maximize_conversion_value.target_roas", "targetRoas"),
        "TARGET_CPA" => ("campaign.target_cpa.target_cpa_micros", "targetCpaMicros"),
        "TARGET_ROAS" => ("campaign.target_roas.target_roas", "targetRoas"),
        "TARGET_SPEND" => ("campaign.target_spend.cpc_bid_ceiling_micros", "cpcBidCeilingMicros"),
        "TARGET_IMPRESSION_SHARE" => ("campaign.target_impression_share.cpc_bid_ceiling_micros", "cpcBidCeilingMicros"),
        _ => return None,
    })
}

/// Why a campaign that may run does not.
fn blocked(world: &World, campaign: usize, moment: &Moment) -> &'static str {
    let campaign = &world.campaigns[campaign];
    let verdicts: Vec<Verdict> = campaign.ads.iter().map(|ad| world.things[*ad].verdict(moment.seen)).collect();
    match verdicts.as_slice() {
        _ if campaign.group.is_empty() => "NO_AD_GROUPS",
        [] => "NO_AD_GROUP_ADS",
        all if all.iter().all(|verdict| *verdict == Verdict::Refused) => "HAS_ADS_DISAPPROVED",
        all if all.contains(&Verdict::Pending) => "MOST_ADS_UNDER_REVIEW",
        _ => "AD_GROUP_ADS_PAUSED",
    }
}

/// A budget by itself.
pub(super) fn budget(world: &World, purse: &Purse, moment: &Moment) -> Flat {
    let (owner, shared) = (&world.accounts[purse.account], purse.level == Level::Shared);
    let name =
        if shared { "Seasonal and video".to_owned() } else { purse.members.first().map(|member| world.campaigns[*member].name.clone()).unwrap_or_default() };
    let alive = purse.members.iter().any(|member| world.campaigns[*member].status.at(moment.seen) != RunStatus::Ended);
    Flat::from([
        ("campaign_budget.resource_name", json!(format!("customers/{}/campaignBudgets/{}", owner.id, purse.resource))),
        ("campaign_budget.id", json!(purse.resource)),
        ("campaign_budget.name", json!(name)),
        ("campaign_budget.amount_micros", json!(purse.amount.at(moment.seen).to_string())),
        ("campaign_budget.period", json!("DAILY")),
        ("campaign_budget.type", json!("STANDARD")),
        ("campaign_budget.status", json!(if alive { "ENABLED" } else { "REMOVED" })),
        ("campaign_budget.delivery_method", json!("STANDARD")),
        ("campaign_budget.explicitly_shared", json!(shared)),
        ("campaign_budget.reference_count", json!(purse.members.len().to_string())),
    ])
}

/// Figures as metrics.
pub(super) fn metrics(flat: &mut Flat, sum: &Figures) {
    let conversions = sum.conversions_milli as f64 / 1_000.0;
    let value = sum.value_shared as f64 / MICROS as f64;
    let per = |part: i64, of: i64| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    flat.extend([
        ("metrics.cost_micros", json!(sum.spend.to_string())),
        ("metrics.impressions", json!(sum.impressions.to_string())),
        ("metrics.clicks", json!(sum.clicks.to_string())),
        ("metrics.interactions", json!(sum.clicks.to_string())),
        ("metrics.ctr", json!(per(sum.clicks, sum.impressions))),
        ("metrics.average_cpc", json!(per(sum.spend, sum.clicks))),
        ("metrics.conversions", json!(conversions)),
        ("metrics.conversions_value", json!(value)),
        ("metrics.conversions_by_conversion_date", json!(conversions)),
        ("metrics.conversions_value_by_conversion_date", json!(value)),
        ("metrics.all_conversions", json!(conversions)),
        ("metrics.all_conversions_value", json!(value)),
        ("metrics.search_budget_lost_impression_share", json!(0.1)),
        ("metrics.cost_per_conversion", json!(if conversions > 0.0 { sum.spend as f64 / conversions } else { 0.0 })),
    ]);
}
