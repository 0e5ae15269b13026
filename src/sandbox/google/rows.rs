//! What a query can see: rows of flat fields. A field listed as known without a value is null, and left out of answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::market::day::LEARNING_DAYS;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{Purse, World};

/// Fields by their query names; values as they are sent.
pub(super) type Flat = BTreeMap<&'static str, Value>;

/// Fields that exist and have no value here, or one that is sent as nothing: a `false` without presence.
const NULLS: &str = "campaign.missing_eu_political_advertising_declaration campaign.end_date_time campaign.bidding_strategy campaign.target_cpa.target_cpa_micros campaign.maximize_conversions.target_cpa_micros \
    campaign.target_roas.target_roas campaign.target_spend.cpc_bid_ceiling_micros campaign.manual_cpc.enhanced_cpc_enabled campaign_budget.total_amount_micros \
    campaign_budget.recommended_budget_amount_micros campaign.advertising_channel_sub_type campaign.labels ad_group.cpc_bid_micros ad_group.target_cpa_micros ad_group.target_roas";

/// Metrics the sandbox reports.
const METRICS: [&str; 13] = [
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
    NULLS.split_whitespace().any(|null| null == field) || METRICS.contains(&field) || field == "segments.date"
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

/// A campaign with its ad group, its budget and its customer.
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
        (false, _) => ("PAUSED", vec!["CAMPAIGN_PAUSED"]),
    };
    let mut flat = customer(world, campaign.account);
    flat.extend([
        ("campaign.resource_name", name("campaigns", &campaign.id)),
        ("campaign.id", json!(campaign.id)),
        ("campaign.name", json!(campaign.name)),
        ("campaign.status", json!(word(status))),
        ("campaign.serving_status", json!(if status == RunStatus::Ended { "ENDED" } else { "SERVING" })),
        ("campaign.primary_status", json!(primary)),
        ("campaign.primary_status_reasons", json!(reasons)),
        ("campaign.advertising_channel_type", json!("SEARCH")),
        ("campaign.experiment_type", json!("BASE")),
        ("campaign.base_campaign", name("campaigns", &campaign.id)),
        ("campaign.start_date_time", json!(format!("{} 00:00:00", world.since.date_in(owner.zone)))),
        ("campaign.contains_eu_political_advertising", json!("DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING")),
        ("campaign.bidding_strategy_type", json!("MAXIMIZE_CONVERSION_VALUE")),
        ("campaign.bidding_strategy_system_status", json!(if learning { "LEARNING_BUDGET_CHANGE" } else { "ENABLED" })),
        ("campaign.maximize_conversion_value.target_roas", json!(2.5)),
        ("campaign.campaign_budget", name("campaignBudgets", &purse.resource)),
        ("ad_group.resource_name", name("adGroups", &campaign.group)),
        ("ad_group.id", json!(campaign.group)),
        ("ad_group.name", json!(format!("{} | all", campaign.name))),
        ("ad_group.status", json!(word(campaign.group_status.at(moment.seen)))),
        ("ad_group.type", json!("SEARCH_STANDARD")),
    ]);
    flat.extend(budget(world, purse, moment));
    flat
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
