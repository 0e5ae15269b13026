//! What stands in a TikTok account: campaigns, and budgets at the campaign or at its ad groups.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use rust_decimal::Decimal;

use super::Tiktok;
use super::wire::{AdGroup, Advertiser, Campaign as Row, List};
use crate::clock::ProductTime;
use crate::domain::entity::{AccountState, Budget, BudgetRef, Campaign, Learning, Level, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::{Currency, MICROS, Money, Rounding};
use crate::platforms::loose::{Loose, units};
use crate::platforms::spec::{AccountSpec, is_number};
use crate::platforms::{Inventory, PlatformError};

pub(super) const ADVERTISER: &str = r#"["advertiser_id","name","currency","timezone","status"]"#;
const CAMPAIGN: &str = r#"["campaign_id","campaign_name","objective_type","budget","budget_mode","budget_optimize_on","operation_status","secondary_status","create_time","special_industries","is_smart_performance_campaign","campaign_automation_type"]"#;
const AD_GROUP: &str = r#"["adgroup_id","campaign_id","budget","budget_mode","scheduled_budget","operation_status","secondary_status"]"#;
/// Least daily budget of a campaign and of an ad group, in US dollars. Source: TikTok's budget floors.
pub(super) const CAMPAIGN_FLOOR: i64 = 50;
pub(super) const AD_GROUP_FLOOR: i64 = 20;

pub(super) async fn read(tiktok: &Tiktok) -> Result<Inventory, PlatformError> {
    let ids = format!(r#"["{}"]"#, tiktok.spec.platform_id);
    let account: List<Advertiser> = tiktok.get("advertiser/info/", &[("advertiser_ids", &ids), ("fields", ADVERTISER)]).await?;
    let missing = || PlatformError::NotFound(format!("the token does not reach advertiser {}", tiktok.spec.platform_id));
    let account = account.list.and_then(|list| list.into_iter().next()).ok_or_else(missing)?;
    let campaigns = tiktok.rows("campaign/get/", &[("fields", CAMPAIGN)]).await?;
    let ad_groups = tiktok.rows("adgroup/get/", &[("fields", AD_GROUP)]).await?;
    assemble(&tiktok.spec, &account, campaigns, ad_groups)
}

/// The smallest step of a budget: TikTok's amounts have two decimals at most, none where the currency has none.
pub(super) fn unit(currency: Currency) -> Money {
    Money::from_micros(MICROS / 10_i64.pow(currency.decimals().min(2)), currency)
}

/// A floor in `currency`. Only the ratio for yen is documented; where ours is too low the platform refuses with its own text.
pub(super) fn floor(dollars: i64, currency: Currency) -> Money {
    let ratio = if currency == Currency::JPY { 100 } else { 1 };
    Money::from_micros(dollars * ratio * MICROS, currency)
}

/// The account as it describes itself.
///
/// # Errors
/// [`PlatformError::Validation`] without a currency or a zone we know.
pub(super) fn account(spec: &AccountSpec, account: &Advertiser) -> Result<AccountState, PlatformError> {
    let missing = |what: &str| PlatformError::Validation(format!("advertiser {} names no {what}", spec.platform_id));
    let currency: Currency = account.currency.as_deref().and_then(|code| code.parse().ok()).ok_or_else(|| missing("currency we know"))?;
    Ok(AccountState {
        account: spec.account.clone(),
        platform: Platform::Tiktok,
        platform_id: spec.platform_id.clone(),
        name: account.name.clone().unwrap_or_default(),
        currency,
        time_zone: account.timezone.as_deref().and_then(|zone| zone.parse().ok()).ok_or_else(|| missing("time zone we know"))?,
        in_good_standing: account.status.as_deref() == Some("STATUS_ENABLE"),
    })
}

/// Puts an account's rows together; pure, so that it can be tested on rows alone.
pub(super) fn assemble(spec: &AccountSpec, advertiser: &Advertiser, campaigns: Vec<Row>, ad_groups: Vec<AdGroup>) -> Result<Inventory, PlatformError> {
    let account = account(spec, advertiser)?;
    let currency = account.currency;
    let mut groups: BTreeMap<String, Vec<AdGroup>> = BTreeMap::new();
    for group in ad_groups {
        if let Some(campaign) = group.campaign_id.clone().filter(|_| is_number(&group.adgroup_id.0)) {
            groups.entry(campaign.0).or_default().push(group);
        }
    }
    let shape = Shape { spec, currency, in_good_standing: account.in_good_standing };
    let mut inventory = Inventory { account, campaigns: Vec::new(), budgets: Vec::new() };
    for row in campaigns {
        let ended = run_status(row.operation_status.as_deref(), row.secondary_status.as_deref()) == RunStatus::Ended;
        if ended || !is_number(&row.campaign_id.0) {
            continue;
        }
        let groups = groups.remove(&row.campaign_id.0).unwrap_or_default();
        let (campaign, budgets) = shape.campaign(row, &groups)?;
        inventory.campaigns.push(campaign);
        inventory.budgets.extend(budgets);
    }
    inventory.campaigns.sort_by(|a, b| a.key.cmp(&b.key));
    inventory.budgets.sort_by(|a, b| a.budget.cmp(&b.budget));
    Ok(inventory)
}

struct Shape<'a> {
    spec: &'a AccountSpec,
    currency: Currency,
    in_good_standing: bool,
}

/// One object's budget as the platform wrote it.
struct Found<'a> {
    level: Level,
    id: &'a str,
    mode: Option<&'a str>,
    amount: Option<&'a Loose>,
}

impl Shape<'_> {
    fn campaign(&self, row: Row, groups: &[AdGroup]) -> Result<(Campaign, Vec<Budget>), PlatformError> {
        let key = self.spec.key(Level::Campaign, &row.campaign_id.0);
        // Automated campaigns are written through other endpoints: read, never steered.
        let automated = row.is_smart_performance_campaign.as_ref().is_some_and(Loose::yes)
            || row.campaign_automation_type.as_deref().is_some_and(|kind| !matches!(kind, "MANUAL" | ""));
        let live: Vec<&AdGroup> =
            groups.iter().filter(|group| run_status(group.operation_status.as_deref(), group.secondary_status.as_deref()) != RunStatus::Ended).collect();
        let mode = |mode| if is_known(row.operation_status.as_deref()) { mode } else { None };
        let own = Found { level: Level::Campaign, id: &row.campaign_id.0, mode: mode(row.budget_mode.as_deref()), amount: row.budget.as_ref() };
        let mut budgets = Vec::new();
        if row.budget_mode.as_deref() == Some("BUDGET_MODE_INFINITE") {
            for group in &live {
                // What was set for the next day is what now stands set; it holds from midnight on.
                let pending = group.scheduled_budget.as_ref().filter(|amount| amount.decimal().is_some_and(|amount| amount > Decimal::ZERO));
                let amount = pending.or(group.budget.as_ref());
                let mode = group.budget_mode.as_deref().filter(|_| is_known(group.operation_status.as_deref()) && is_known(row.operation_status.as_deref()));
                let found = Found { level: Level::AdGroup, id: &group.adgroup_id.0, mode, amount };
                budgets.push(self.budget(&found, &row.campaign_id.0, automated)?);
            }
        } else {
            budgets.push(self.budget(&own, &row.campaign_id.0, automated)?);
        }
        let status = run_status(row.operation_status.as_deref(), row.secondary_status.as_deref());
        let denied = |group: &&AdGroup| group.secondary_status.as_deref() == Some("ADGROUP_STATUS_AUDIT_DENY");
        let campaign = Campaign {
            name: row.campaign_name.unwrap_or_default(),
            status,
            // Accounts without delivery leave the secondary status out.
            serving: self.in_good_standing
                && status == RunStatus::Active
                && row.secondary_status.as_deref().is_none_or(|secondary| secondary == "CAMPAIGN_STATUS_ENABLE"),
            disapproved: !live.is_empty() && live.iter().all(denied),
            objective: objective(row.objective_type.as_deref()),
            special_categories: Some(row.special_industries.unwrap_or_default()),
            learning: Learning::Unknown,
            budget: budgets.iter().map(|budget| &budget.budget).min().cloned().unwrap_or(BudgetRef { key: key.clone(), members: vec![key.clone()] }),
            created: row.create_time.as_deref().and_then(time),
            key,
        };
        Ok((campaign, budgets))
    }

    /// A budget; a lifetime one counts in full: the most it could spend in a day.
    fn budget(&self, found: &Found<'_>, campaign: &str, automated: bool) -> Result<Budget, PlatformError> {
        let wrong = || PlatformError::Validation(format!("{} {} has no budget that is a number", found.level.name(), found.id));
        let unit = unit(self.currency);
        let amount = found.amount.and_then(|amount| units(amount, self.currency)).ok_or_else(wrong)?;
        let amount = amount.round_to(unit, Rounding::HalfEven).map_err(|_| wrong())?;
        let read_only = match found.mode {
            _ if automated => Some(ReadOnly::Automated),
            _ if !self.in_good_standing => Some(ReadOnly::Ended),
            Some("BUDGET_MODE_DAY" | "BUDGET_MODE_DYNAMIC_DAILY_BUDGET") => None,
            Some("BUDGET_MODE_TOTAL") => Some(ReadOnly::Lifetime),
            Some(_) | None => Some(ReadOnly::UnknownType),
        };
        let least = if found.level == Level::AdGroup { AD_GROUP_FLOOR } else { CAMPAIGN_FLOOR };
        Ok(Budget {
            budget: BudgetRef { key: self.spec.key(found.level, found.id), members: vec![self.spec.key(Level::Campaign, campaign)] },
            resource: found.id.to_owned(),
            amount,
            unit,
            minimum: floor(least, self.currency),
            read_only,
        })
    }
}

pub(super) fn run_status(operation: Option<&str>, secondary: Option<&str>) -> RunStatus {
    match (operation, secondary) {
        (_, Some(secondary)) if secondary.ends_with("_STATUS_DELETE") => RunStatus::Ended,
        (Some("DISABLE"), _) => RunStatus::Paused,
        (Some("DELETE"), _) => RunStatus::Ended,
        // What says nothing we know may be spending: its money counts, and nobody steers it.
        (Some(_) | None, _) => RunStatus::Active,
    }
}

fn is_known(operation: Option<&str>) -> bool {
    matches!(operation, Some("ENABLE" | "DISABLE" | "DELETE"))
}

pub(super) fn objective(objective: Option<&str>) -> Objective {
    match objective.unwrap_or_default() {
        "REACH" | "RF_REACH" | "BRAND_CONSIDERATION" => Objective::Awareness,
        "TRAFFIC" => Objective::Traffic,
        "VIDEO_VIEWS" | "ENGAGEMENT" => Objective::Engagement,
        "WEB_CONVERSIONS" | "CONVERSIONS" | "LEAD_GENERATION" | "APP_PROMOTION" => Objective::Conversions,
        "PRODUCT_SALES" | "CATALOG_SALES" | "SHOP_PURCHASES" => Objective::CatalogSales,
        _ => Objective::Other,
    }
}

/// `2026-11-20 08:00:00`, in UTC.
fn time(text: &str) -> Option<ProductTime> {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(ProductTime::from_ms(at.and_utc().timestamp_millis()))
}
