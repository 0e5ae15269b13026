//! Ad groups and ads of every campaign that has not ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::raw::Raw;
use super::targeting::{self, Countries};
use super::{Tiktok, bidding};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::structure::{Ad, AdGroup, Review, Structure};
use crate::platforms::PlatformError;
use crate::platforms::loose::units;
use crate::platforms::spec::{AccountSpec, is_number};

const CAMPAIGN: &str = r#"["campaign_id","operation_status","secondary_status"]"#;
const AD: &str = r#"["ad_id","adgroup_id","campaign_id","ad_name","operation_status","secondary_status","landing_page_url","utm_params"]"#;
/// Most ads one call about their review names.
const REVIEWS: usize = 20;

/// What the review said of one ad.
#[derive(Debug, Default)]
pub(super) struct Finding {
    approved: Option<bool>,
    words: Vec<String>,
}

pub(super) async fn read(tiktok: &Tiktok) -> Result<Structure, PlatformError> {
    let campaigns: Vec<Raw> = tiktok.rows("campaign/get/", &[("fields", CAMPAIGN)]).await?;
    let alive: BTreeSet<String> = campaigns.iter().filter(|row| row.run_status() != RunStatus::Ended).filter_map(|row| row.text("campaign_id")).collect();
    let groups: Vec<Raw> = tiktok.rows("adgroup/get/", &[]).await?;
    let ads: Vec<Raw> = tiktok.rows("ad/get/", &[("fields", AD)]).await?;
    let countries = tiktok.countries("WEB_CONVERSIONS").await?;
    let hidden: Vec<String> = ads.iter().filter(|ad| hides(ad)).filter_map(|ad| ad.text("ad_id")).collect();
    let mut findings = BTreeMap::new();
    for some in hidden.chunks(REVIEWS) {
        findings.extend(tiktok.reviews(some).await?);
    }
    Ok(assemble(&tiktok.spec, &alive, &groups, &ads, &countries, &findings))
}

/// Puts the rows together; pure, so that it can be tested on rows alone.
pub(super) fn assemble(
    spec: &AccountSpec,
    alive: &BTreeSet<String>,
    groups: &[Raw],
    ads: &[Raw],
    countries: &Countries,
    findings: &BTreeMap<String, Finding>,
) -> Structure {
    let stands = |row: &&Raw, id: &str| {
        row.run_status() != RunStatus::Ended
            && row.text("campaign_id").is_some_and(|campaign| alive.contains(&campaign))
            && row.text(id).is_some_and(|id| is_number(&id))
    };
    let mut structure = Structure {
        campaigns: Vec::new(),
        ad_groups: groups.iter().filter(|row| stands(row, "adgroup_id")).map(|row| group(spec, row, countries)).collect(),
        ads: ads.iter().filter(|row| stands(row, "ad_id")).map(|row| ad(spec, row, findings)).collect(),
        creatives: Vec::new(),
    };
    structure.ad_groups.sort_by(|a, b| a.key.cmp(&b.key));
    structure.ads.sort_by(|a, b| a.key.cmp(&b.key));
    structure
}

fn group(spec: &AccountSpec, row: &Raw, countries: &Countries) -> AdGroup {
    let (strategy, bid) = bidding::read(row, spec.currency);
    let (targeting, beyond) = targeting::read(row, countries);
    let amount = |name: &str| row.loose(name).and_then(|amount| units(&amount, spec.currency)).filter(|amount| !amount.is_zero());
    let hours = row.text("dayparting").unwrap_or_default();
    let status = row.run_status();
    AdGroup {
        key: spec.key(Level::AdGroup, &row.text("adgroup_id").unwrap_or_default()),
        campaign: spec.key(Level::Campaign, &row.text("campaign_id").unwrap_or_default()),
        name: row.text("adgroup_name").unwrap_or_default(),
        status,
        serving: status == RunStatus::Active && row.text("secondary_status").is_none_or(|secondary| secondary == "ADGROUP_STATUS_DELIVERY_OK"),
        strategy,
        bid,
        daily_budget: (row.text("budget_mode").as_deref() == Some("BUDGET_MODE_DAY"))
            .then(|| amount("scheduled_budget").or_else(|| amount("budget")))
            .flatten(),
        targeting,
        beyond,
        dayparted: hours.contains('0') && hours.contains('1'),
    }
}

fn ad(spec: &AccountSpec, row: &Raw, findings: &BTreeMap<String, Finding>) -> Ad {
    let id = row.text("ad_id").unwrap_or_default();
    let secondary = row.text("secondary_status").unwrap_or_default();
    let finding = findings.get(&id);
    let review = match (secondary.as_str(), finding.and_then(|finding| finding.approved)) {
        ("AD_STATUS_AUDIT_DENY", _) | (_, Some(false)) => Review::Disapproved,
        ("AD_STATUS_AUDIT" | "AD_STATUS_REAUDIT", _) => Review::Pending,
        ("AD_STATUS_DELIVERY_OK" | "AD_STATUS_NOT_START" | "AD_STATUS_DONE" | "AD_STATUS_BUDGET_EXCEED" | "AD_STATUS_BALANCE_EXCEED", _) | (_, Some(true)) => {
            Review::Approved
        }
        (_, None) => Review::Unknown,
    };
    let mut words = finding.map(|finding| finding.words.clone()).unwrap_or_default();
    if review == Review::Disapproved && words.is_empty() {
        words.push(secondary);
    }
    Ad {
        key: spec.key(Level::Ad, &id),
        ad_group: spec.key(Level::AdGroup, &row.text("adgroup_id").unwrap_or_default()),
        campaign: spec.key(Level::Campaign, &row.text("campaign_id").unwrap_or_default()),
        name: row.text("ad_name").unwrap_or_default(),
        status: row.run_status(),
        review,
        findings: words,
        landing_url: row.text("landing_page_url"),
        tracking: tracking(row),
        creative: None,
    }
}

/// The tracking parameters of an ad as `key=value&…`.
fn tracking(row: &Raw) -> Option<String> {
    let pairs = row.0.get("utm_params").and_then(Value::as_array)?;
    let pair = |pair: &Value| Some(format!("{}={}", pair.get("key")?.as_str()?, pair.get("value")?.as_str()?));
    Some(pairs.iter().filter_map(pair).collect::<Vec<_>>().join("&")).filter(|text| !text.is_empty())
}

/// Whether the status of an ad says nothing of its review, or that it was refused without saying why.
fn hides(ad: &Raw) -> bool {
    matches!(
        ad.text("secondary_status").as_deref(),
        Some("AD_STATUS_DISABLE" | "AD_STATUS_ADGROUP_DISABLE" | "AD_STATUS_CAMPAIGN_DISABLE" | "AD_STATUS_AUDIT_DENY")
    )
}

impl Tiktok {
    /// What the review said of these ads; nothing where the account cannot ask.
    async fn reviews(&self, ads: &[String]) -> Result<BTreeMap<String, Finding>, PlatformError> {
        let ids = json!(ads).to_string();
        let answer: Result<Value, _> = self.get("ad/review_info/", &[("advertiser_id", &self.spec.platform_id), ("ad_ids", &ids)]).await;
        let answer = match answer {
            Ok(answer) => answer,
            // Then the status alone speaks, and what it hides stays unknown.
            Err(PlatformError::Validation(_) | PlatformError::Permission(_) | PlatformError::NotFound(_)) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let found = answer.get("ad_review_map").and_then(Value::as_object).into_iter().flatten();
        Ok(found.map(|(id, said)| (id.clone(), finding(said))).collect())
    }
}

/// One ad's review: whether it may be shown, and each reason in the platform's own words.
pub(super) fn finding(said: &Value) -> Finding {
    let reasons = said.get("reject_info").and_then(Value::as_array).into_iter().flatten();
    let words = reasons.flat_map(|info| {
        let mut words: Vec<String> = info.get("reasons").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        words.extend(["reason", "suggestion"].iter().filter_map(|name| info.get(name)?.as_str()).map(str::to_owned));
        words
    });
    Finding { approved: said.get("is_approved").and_then(Value::as_bool), words: words.filter(|text| !text.is_empty()).collect() }
}
