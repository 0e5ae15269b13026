//! What stands in a Meta account: campaigns, and budgets at the campaign or at its ad sets.

use std::collections::BTreeMap;

use chrono::DateTime;

use super::wire::{Account, AdSet, Campaign as Row, LearningStage};
use super::{Meta, decode, errors};
use crate::clock::ProductTime;
use crate::domain::entity::{AccountState, Budget, BudgetRef, Campaign, EntityKey, Learning, Level, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::{Currency, MICROS, Money};
use crate::platforms::loose::{Loose, integer, times};
use crate::platforms::spec::{AccountSpec, is_number};
use crate::platforms::{Inventory, PlatformError};

const ACCOUNT: &str = "id,account_id,name,account_status,currency,timezone_name,min_daily_budget";
/// The same with what the token may do.
pub(super) const ACCOUNT_WITH_RIGHTS: &str = "id,account_id,name,account_status,currency,timezone_name,min_daily_budget,user_tasks";
const CAMPAIGN: &str = "id,name,objective,status,effective_status,daily_budget,lifetime_budget,special_ad_categories,created_time,issues_info";
const AD_SET: &str = "id,campaign_id,status,effective_status,daily_budget,lifetime_budget,learning_stage_info,issues_info";

pub(super) async fn read(meta: &Meta) -> Result<Inventory, PlatformError> {
    let node = format!("act_{}", meta.spec.platform_id);
    let account: Account = decode(meta.get(&node, &[("fields", ACCOUNT)]).await?, &node)?;
    let campaigns = meta.rows(&format!("{node}/campaigns"), &[("fields", CAMPAIGN)]).await?;
    let ad_sets = meta.rows(&format!("{node}/adsets"), &[("fields", AD_SET)]).await?;
    assemble(&meta.spec, &account, campaigns, ad_sets)
}

/// The smallest step of a budget. Source: Meta's currency table; HUF, TWD, COP, IDR and CRC have cents in daily life, but not here.
pub(super) fn unit(currency: Currency) -> Money {
    let whole = matches!(currency.code(), "CLP" | "COP" | "CRC" | "HUF" | "ISK" | "IDR" | "JPY" | "KRW" | "PYG" | "TWD" | "VND");
    Money::from_micros(if whole { MICROS } else { MICROS / 100 }, currency)
}

/// Puts an account's rows together; pure, so that it can be tested on rows alone.
pub(super) fn assemble(spec: &AccountSpec, account: &Account, campaigns: Vec<Row>, ad_sets: Vec<AdSet>) -> Result<Inventory, PlatformError> {
    let missing = |what: &str| PlatformError::Validation(format!("account act_{} names no {what}", spec.platform_id));
    let currency: Currency = account.currency.as_deref().and_then(|code| code.parse().ok()).ok_or_else(|| missing("currency we know"))?;
    let time_zone = account.timezone_name.as_deref().and_then(|zone| zone.parse().ok()).ok_or_else(|| missing("time zone we know"))?;
    // 1 is active, 9 is in its grace period: both may be written.
    let in_good_standing = matches!(account.account_status.as_ref().and_then(Loose::integer), Some(1 | 9));
    let unit = unit(currency);
    let minimum = times(unit, integer(account.min_daily_budget.as_ref(), "min_daily_budget")?.unwrap_or(1).max(1))?;
    let shape = Shape { spec, unit, minimum, in_good_standing };
    let mut sets: BTreeMap<String, Vec<AdSet>> = BTreeMap::new();
    for set in ad_sets {
        if let Some(campaign) = set.campaign_id.clone().filter(|_| is_number(&set.id.0)) {
            sets.entry(campaign.0).or_default().push(set);
        }
    }
    let mut inventory = Inventory {
        account: AccountState {
            account: spec.account.clone(),
            platform: Platform::Meta,
            platform_id: format!("act_{}", spec.platform_id),
            name: account.name.clone().unwrap_or_default(),
            currency,
            time_zone,
            in_good_standing,
        },
        campaigns: Vec::new(),
        budgets: Vec::new(),
    };
    for row in campaigns.into_iter().filter(|row| is_number(&row.id.0) && run_status(row.status.as_deref()) != RunStatus::Ended) {
        let sets = sets.remove(&row.id.0).unwrap_or_default();
        let (campaign, budgets) = shape.campaign(row, &sets)?;
        inventory.campaigns.push(campaign);
        inventory.budgets.extend(budgets);
    }
    inventory.campaigns.sort_by(|a, b| a.key.cmp(&b.key));
    inventory.budgets.sort_by(|a, b| a.budget.cmp(&b.budget));
    Ok(inventory)
}

struct Shape<'a> {
    spec: &'a AccountSpec,
    unit: Money,
    minimum: Money,
    in_good_standing: bool,
}

impl Shape<'_> {
    fn campaign(&self, row: Row, sets: &[AdSet]) -> Result<(Campaign, Vec<Budget>), PlatformError> {
        let key = self.spec.key(Level::Campaign, &row.id.0);
        let own = BudgetRef { key: key.clone(), members: vec![key.clone()] };
        let live: Vec<&AdSet> = sets.iter().filter(|set| run_status(set.status.as_deref()) != RunStatus::Ended).collect();
        let mut budgets = Vec::from_iter(self.budget(own.clone(), &row.id.0, row.daily_budget.as_ref(), row.lifetime_budget.as_ref())?);
        if budgets.is_empty() {
            for set in &live {
                let budget = BudgetRef { key: self.spec.key(Level::AdGroup, &set.id.0), members: vec![key.clone()] };
                budgets.extend(self.budget(budget, &set.id.0, set.daily_budget.as_ref(), set.lifetime_budget.as_ref())?);
            }
        }
        if !is_known(row.status.as_deref()) || live.iter().any(|set| !is_known(set.status.as_deref())) {
            budgets.iter_mut().for_each(|budget| budget.read_only = Some(budget.read_only.unwrap_or(ReadOnly::UnknownType)));
        }
        let issues = row.issues_info.iter().flatten().chain(live.iter().flat_map(|set| set.issues_info.iter().flatten()));
        let campaign = Campaign {
            name: row.name.unwrap_or_default(),
            status: run_status(row.status.as_deref()),
            serving: self.in_good_standing
                && row.effective_status.as_deref() == Some("ACTIVE")
                && (live.is_empty() || live.iter().any(|set| set.effective_status.as_deref() == Some("ACTIVE"))),
            disapproved: row.effective_status.as_deref() == Some("DISAPPROVED")
                || issues.filter_map(|issue| issue.error_code.as_ref()?.integer()).any(errors::is_policy),
            objective: objective(row.objective.as_deref()),
            // `NONE` declares that there is none; without the field nothing was declared.
            special_categories: row.special_ad_categories.map(|list| list.into_iter().filter(|category| category != "NONE").collect()),
            learning: learning(live.iter().filter_map(|set| set.learning_stage_info.as_ref())),
            budget: budgets.iter().map(|budget| &budget.budget).min().cloned().unwrap_or(own),
            created: row.created_time.as_deref().and_then(time),
            key,
        };
        Ok((campaign, budgets))
    }

    /// The budget of one object; `None` when neither amount is set. A lifetime budget counts in full: the most it could spend in a day.
    fn budget(&self, budget: BudgetRef, id: &str, daily: Option<&Loose>, lifetime: Option<&Loose>) -> Result<Option<Budget>, PlatformError> {
        let amount = |field, name| integer(field, name).map(|amount| amount.filter(|amount| *amount > 0));
        let (amount, read_only) = match (amount(daily, "daily_budget")?, amount(lifetime, "lifetime_budget")?) {
            (Some(daily), _) => (daily, (!self.in_good_standing).then_some(ReadOnly::Ended)),
            (None, Some(lifetime)) => (lifetime, Some(ReadOnly::Lifetime)),
            (None, None) => return Ok(None),
        };
        let amount = times(self.unit, amount)?;
        Ok(Some(Budget { budget, resource: id.to_owned(), amount, unit: self.unit, minimum: self.minimum, read_only }))
    }
}

/// What its owner set.
pub(super) fn run_status(status: Option<&str>) -> RunStatus {
    match status {
        Some("PAUSED") => RunStatus::Paused,
        Some("DELETED" | "ARCHIVED") => RunStatus::Ended,
        // What says nothing we know may be spending: its money counts, and nobody steers it.
        Some(_) | None => RunStatus::Active,
    }
}

fn is_known(status: Option<&str>) -> bool {
    matches!(status, Some("ACTIVE" | "PAUSED" | "DELETED" | "ARCHIVED"))
}

fn objective(objective: Option<&str>) -> Objective {
    match objective.unwrap_or_default() {
        "OUTCOME_AWARENESS" | "BRAND_AWARENESS" | "REACH" => Objective::Awareness,
        "OUTCOME_TRAFFIC" | "LINK_CLICKS" => Objective::Traffic,
        "OUTCOME_ENGAGEMENT" | "POST_ENGAGEMENT" | "PAGE_LIKES" | "VIDEO_VIEWS" => Objective::Engagement,
        "OUTCOME_SALES" | "OUTCOME_LEADS" | "CONVERSIONS" | "LEAD_GENERATION" => Objective::Conversions,
        "PRODUCT_CATALOG_SALES" => Objective::CatalogSales,
        _ => Objective::Other,
    }
}

/// A campaign learns while any of its ad sets does; the most recently edited one speaks for it.
fn learning<'a>(stages: impl Iterator<Item = &'a LearningStage>) -> Learning {
    let since = |stage: &LearningStage| stage.last_sig_edit_ts.as_ref()?.integer()?.checked_mul(1_000).filter(|ms| *ms > 0);
    let (active, settled): (Vec<_>, Vec<_>) = stages.partition(|stage| stage.status.as_deref() == Some("LEARNING"));
    if let Some(newest) = active.into_iter().max_by_key(|stage| since(stage)) {
        // A count of conversions is a statistic: a number as the learning code keeps it.
        let conversions = newest.conversions.as_ref().and_then(|count| count.0.parse().ok());
        return Learning::Active { conversions, since: since(newest).map(ProductTime::from_ms) };
    }
    if settled.iter().any(|stage| matches!(stage.status.as_deref(), Some("SUCCESS" | "FAIL"))) { Learning::Done } else { Learning::Unknown }
}

/// `2026-11-20T10:15:30-0800`, the offset without a colon; an instant of 1970 or before means that it was never set.
fn time(text: &str) -> Option<ProductTime> {
    let at = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").or_else(|_| DateTime::parse_from_rfc3339(text)).ok()?;
    Some(ProductTime::from_ms(at.timestamp_millis())).filter(|at| at.ms() > 86_400_000)
}

/// A campaign's key as reports name it.
pub(super) fn campaign_key(spec: &AccountSpec, id: &Loose) -> Option<EntityKey> {
    is_number(&id.0).then(|| spec.key(Level::Campaign, &id.0))
}
