//! What stands in a Google Ads account: campaigns, and budgets that are a campaign's own or shared by several.

use std::collections::{BTreeMap, BTreeSet};

use super::Google;
use super::wire::{Campaign as Row, CampaignBudget, Customer, Row as Answer};
use crate::domain::entity::{AccountState, Budget, BudgetRef, Campaign, EntityKey, Learning, Level, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::{Currency, Money};
use crate::platforms::loose::{Loose, integer};
use crate::platforms::spec::{AccountSpec, is_number};
use crate::platforms::{Inventory, PlatformError};

const CUSTOMER: &str = "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, customer.manager, customer.test_account, \
     customer.status FROM customer LIMIT 1";
const CAMPAIGNS: &str = "SELECT campaign.id, campaign.name, campaign.status, campaign.serving_status, campaign.primary_status, \
     campaign.primary_status_reasons, campaign.advertising_channel_type, campaign.contains_eu_political_advertising, \
     campaign.missing_eu_political_advertising_declaration, campaign.bidding_strategy_type, campaign.bidding_strategy_system_status, \
     campaign.campaign_budget, campaign_budget.id, campaign_budget.name, campaign_budget.amount_micros, campaign_budget.total_amount_micros, \
     campaign_budget.period, campaign_budget.type, campaign_budget.status, campaign_budget.explicitly_shared, campaign_budget.reference_count \
     FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED') ORDER BY campaign.id";

pub(super) async fn read(google: &Google) -> Result<Inventory, PlatformError> {
    let (customer, unit) = facts(google).await?;
    assemble(&google.spec, &customer, unit, google.search(CAMPAIGNS).await?)
}

/// The account by itself.
pub(super) async fn account(google: &Google) -> Result<AccountState, PlatformError> {
    let (customer, unit) = facts(google).await?;
    state(&google.spec, &customer, unit)
}

async fn facts(google: &Google) -> Result<(Customer, Money), PlatformError> {
    let missing = |what: &str| PlatformError::Validation(format!("customer {} names no {what}", google.spec.platform_id));
    let customer = google.search(CUSTOMER).await?.into_iter().find_map(|row| row.customer).ok_or_else(|| missing("facts of itself"))?;
    let currency: Currency = customer.currency_code.as_deref().and_then(|code| code.parse().ok()).ok_or_else(|| missing("currency we know"))?;
    Ok((customer, google.unit(currency).await?))
}

fn state(spec: &AccountSpec, customer: &Customer, unit: Money) -> Result<AccountState, PlatformError> {
    let time_zone = customer.time_zone.as_deref().and_then(|zone| zone.parse().ok());
    Ok(AccountState {
        account: spec.account.clone(),
        platform: Platform::Google,
        platform_id: spec.platform_id.clone(),
        name: customer.descriptive_name.clone().unwrap_or_default(),
        currency: unit.currency(),
        time_zone: time_zone.ok_or_else(|| PlatformError::Validation(format!("customer {} names no time zone we know", spec.platform_id)))?,
        in_good_standing: customer.status.as_deref() == Some("ENABLED") && customer.manager != Some(true),
    })
}

/// Puts an account's rows together; pure, so that it can be tested on rows alone.
pub(super) fn assemble(spec: &AccountSpec, customer: &Customer, unit: Money, rows: Vec<Answer>) -> Result<Inventory, PlatformError> {
    let account = state(spec, customer, unit)?;
    let mut members: BTreeMap<EntityKey, (CampaignBudget, Vec<EntityKey>)> = BTreeMap::new();
    let (mut campaigns, mut unclear) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let (Some(campaign), Some(budget)) = (row.campaign, row.campaign_budget) else {
            return Err(PlatformError::Validation(format!("customer {} has a campaign without a budget", spec.platform_id)));
        };
        let Some(id) = campaign.id.as_ref().map(|id| id.0.clone()).filter(|id| is_number(id)) else { continue };
        let key = spec.key(Level::Campaign, &id);
        let budget_key = match shared_id(&budget) {
            Some(id) => spec.key(Level::Shared, id),
            None => key.clone(),
        };
        if !matches!(campaign.status.as_deref(), Some("ENABLED" | "PAUSED" | "REMOVED")) {
            unclear.insert(budget_key.clone());
        }
        members.entry(budget_key.clone()).or_insert((budget, Vec::new())).1.push(key.clone());
        campaigns.push((campaign, key, budget_key));
    }
    for (_, keys) in members.values_mut() {
        keys.sort();
    }
    let reference = |key: &EntityKey| BudgetRef { key: key.clone(), members: members.get(key).map(|(_, keys)| keys.clone()).unwrap_or_default() };
    let mut campaigns: Vec<_> = campaigns.into_iter().map(|(row, key, budget)| campaign_of(row, key, reference(&budget), account.in_good_standing)).collect();
    campaigns.sort_by(|a, b| a.key.cmp(&b.key));
    let mut budgets = members
        .iter()
        .map(|(key, (budget, keys))| budget_of(budget, reference(key), keys.len(), unit, account.in_good_standing))
        .collect::<Result<Vec<_>, _>>()?;
    for budget in budgets.iter_mut().filter(|budget| unclear.contains(&budget.budget.key)) {
        budget.read_only = Some(budget.read_only.unwrap_or(ReadOnly::UnknownType));
    }
    Ok(Inventory { account, campaigns, budgets })
}

/// The id of a budget several campaigns may spend from; `None` for a campaign's own.
pub(super) fn shared_id(budget: &CampaignBudget) -> Option<&str> {
    let counted = budget.reference_count.as_ref().and_then(Loose::integer).unwrap_or(1);
    let shared = budget.explicitly_shared.unwrap_or(counted > 1);
    budget.id.as_ref().map(|id| id.0.as_str()).filter(|id| shared && is_number(id))
}

/// A budget; one over a span instead of a day counts in full: the most it could spend in a day.
fn budget_of(row: &CampaignBudget, budget: BudgetRef, seen: usize, unit: Money, in_good_standing: bool) -> Result<Budget, PlatformError> {
    let daily = integer(row.amount_micros.as_ref(), "amountMicros")?.filter(|micros| *micros > 0);
    let total = integer(row.total_amount_micros.as_ref(), "totalAmountMicros")?;
    let counted = row.reference_count.as_ref().and_then(Loose::integer).unwrap_or(0);
    let read_only = if daily.is_none() || row.period.as_deref() == Some("CUSTOM_PERIOD") {
        Some(ReadOnly::Lifetime)
    } else if row.kind.as_deref().is_some_and(|kind| kind != "STANDARD") {
        Some(ReadOnly::Automated)
    } else if usize::try_from(counted).is_ok_and(|counted| counted > seen) {
        Some(ReadOnly::MemberOutsidePool)
    } else if !in_good_standing || row.status.as_deref() == Some("REMOVED") {
        Some(ReadOnly::Ended)
    } else {
        None
    };
    let amount = Money::from_micros(daily.or(total).unwrap_or(0), unit.currency());
    Ok(Budget { budget, resource: row.resource_name.clone().unwrap_or_default(), amount, unit, minimum: unit, read_only })
}

fn campaign_of(row: Row, key: EntityKey, budget: BudgetRef, in_good_standing: bool) -> Campaign {
    let primary = row.primary_status.as_deref();
    let reasons = row.primary_status_reasons.unwrap_or_default();
    let delivers = match primary {
        Some("ELIGIBLE" | "LIMITED" | "LEARNING") => true,
        Some("UNSPECIFIED" | "UNKNOWN") | None => row.serving_status.as_deref() == Some("SERVING"),
        Some(_) => false,
    };
    let status = match row.status.as_deref() {
        Some("PAUSED") => RunStatus::Paused,
        Some("REMOVED") => RunStatus::Ended,
        // What says nothing we know may be spending: its money counts, and nobody steers it.
        Some(_) | None => RunStatus::Active,
    };
    let political = row.contains_eu_political_advertising.as_deref() == Some("CONTAINS_EU_POLITICAL_ADVERTISING");
    Campaign {
        key,
        name: row.name.unwrap_or_default(),
        status,
        serving: in_good_standing && delivers && status == RunStatus::Active,
        // Some disapproved ads limit a campaign; all of them leave nothing that could run.
        disapproved: reasons.iter().any(|reason| reason == "HAS_ADS_DISAPPROVED") && !matches!(primary, Some("ELIGIBLE" | "LIMITED" | "LEARNING")),
        objective: objective(row.advertising_channel_type.as_deref(), row.bidding_strategy_type.as_deref()),
        special_categories: (row.missing_eu_political_advertising_declaration != Some(true))
            .then(|| Vec::from_iter(political.then(|| "EU_POLITICAL_ADVERTISING".to_owned()))),
        learning: match row.bidding_strategy_system_status.as_deref() {
            Some(state) if state.starts_with("LEARNING") => Learning::Active { conversions: None, since: None },
            Some("UNSPECIFIED" | "UNKNOWN") | None => Learning::Unknown,
            Some(_) => Learning::Done,
        },
        budget,
        created: None,
    }
}

/// Google names no objective: its channel and what it bids for tell.
fn objective(channel: Option<&str>, bidding: Option<&str>) -> Objective {
    match (channel.unwrap_or_default(), bidding.unwrap_or_default()) {
        ("SHOPPING", _) => Objective::CatalogSales,
        (_, "MAXIMIZE_CONVERSIONS" | "MAXIMIZE_CONVERSION_VALUE" | "TARGET_CPA" | "TARGET_ROAS") => Objective::Conversions,
        (_, "TARGET_SPEND" | "MANUAL_CPC") => Objective::Traffic,
        (_, "TARGET_IMPRESSION_SHARE" | "MANUAL_CPM" | "TARGET_CPM") => Objective::Awareness,
        _ => Objective::Other,
    }
}
