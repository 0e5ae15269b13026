//! Ad sets, ads and creatives of the campaigns that have not ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::create::text;
use super::inventory::{run_status, unit};
use super::part::holds_budget;
use super::{Meta, bidding, targeting};
use crate::domain::entity::{EntityKey, Level, RunStatus};
use crate::domain::structure::{Ad, AdGroup, CampaignTerms, Creative, Review, Structure};
use crate::domain::targeting::Targeting;
use crate::platforms::PlatformError;
use crate::platforms::loose::{Loose, times};
use crate::platforms::spec::is_number;

const CAMPAIGN: &str = "id,status,bid_strategy,daily_budget,lifetime_budget";
const AD_SET: &str =
    "id,campaign_id,name,status,effective_status,bid_strategy,bid_amount,bid_constraints,optimization_goal,daily_budget,targeting,adset_schedule,pacing_type";
const AD: &str = "id,adset_id,campaign_id,name,status,effective_status,creative{id},ad_review_feedback,issues_info";
const CREATIVE: &str = "id,name,object_story_spec,url_tags";

pub(super) async fn read(meta: &Meta) -> Result<Structure, PlatformError> {
    let campaigns: Vec<Value> = meta.rows(&meta.edge("campaigns"), &[("fields", CAMPAIGN)]).await?;
    let sets: Vec<Value> = meta.rows(&meta.edge("adsets"), &[("fields", AD_SET)]).await?;
    let ads: Vec<Value> = meta.rows(&meta.edge("ads"), &[("fields", AD)]).await?;
    let creatives: Vec<Value> = meta.rows(&meta.edge("adcreatives"), &[("fields", CREATIVE)]).await?;
    let named = sets.iter().any(|set| set["targeting"]["locales"].as_array().is_some_and(|locales| !locales.is_empty()));
    let locales = if named { meta.all_locales().await? } else { targeting::Locales::new() };
    assemble(meta, &campaigns, &sets, &ads, &creatives, &locales)
}

/// Puts the rows together; pure, so that it can be tested on rows alone.
pub(super) fn assemble(
    meta: &Meta,
    campaigns: &[Value],
    sets: &[Value],
    ads: &[Value],
    creatives: &[Value],
    locales: &targeting::Locales,
) -> Result<Structure, PlatformError> {
    let key = |level: Level, id: &Value| text(id).filter(|id| is_number(id)).map(|id| meta.spec.key(level, &id));
    let alive: BTreeMap<EntityKey, &Value> = campaigns
        .iter()
        .filter(|row| run_status(row["status"].as_str()) != RunStatus::Ended)
        .filter_map(|row| Some((key(Level::Campaign, &row["id"])?, row)))
        .collect();
    let mut structure = Structure::default();
    for (campaign, row) in &alive {
        let below = |set: &&Value| text(&set["campaign_id"]).as_deref() == Some(campaign.id.as_str()) && run_status(set["status"].as_str()) != RunStatus::Ended;
        let below: Vec<Value> = sets.iter().filter(below).cloned().collect();
        // Where its ad sets have the money, they have the bids as well.
        let bidding = if holds_budget(row) { meta.bidding(Level::Campaign, row, &below)? } else { None };
        structure.campaigns.push(CampaignTerms { campaign: campaign.clone(), bidding, targeting: Targeting::default(), beyond: Vec::new(), dayparted: false });
    }
    for row in sets {
        let (Some(own), Some(campaign)) = (key(Level::AdGroup, &row["id"]), key(Level::Campaign, &row["campaign_id"])) else { continue };
        if let (Some(above), true) = (alive.get(&campaign), run_status(row["status"].as_str()) != RunStatus::Ended) {
            structure.ad_groups.push(ad_set(meta, own, campaign, row, above, locales)?);
        }
    }
    let shown: Vec<Creative> = creatives.iter().filter_map(|row| creative(key(Level::Creative, &row["id"])?, row)).collect();
    for row in ads {
        let (Some(own), Some(ad_group)) = (key(Level::Ad, &row["id"]), key(Level::AdGroup, &row["adset_id"])) else { continue };
        let Some(campaign) = key(Level::Campaign, &row["campaign_id"]).filter(|campaign| alive.contains_key(campaign)) else { continue };
        let creative = key(Level::Creative, &row["creative"]["id"]);
        let landing_url = shown.iter().find(|known| Some(&known.key) == creative.as_ref()).and_then(|known| known.landing_url.clone());
        structure.ads.push(Ad {
            key: own,
            ad_group,
            campaign,
            name: text(&row["name"]).unwrap_or_default(),
            status: run_status(row["status"].as_str()),
            review: review(row["effective_status"].as_str()),
            findings: findings(row),
            landing_url,
            tracking: None,
            creative,
        });
    }
    structure.creatives = shown;
    structure.ad_groups.sort_by(|a, b| a.key.cmp(&b.key));
    structure.ads.sort_by(|a, b| a.key.cmp(&b.key));
    structure.creatives.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(structure)
}

fn ad_set(meta: &Meta, key: EntityKey, campaign: EntityKey, row: &Value, above: &Value, locales: &targeting::Locales) -> Result<AdGroup, PlatformError> {
    let (targeting, beyond) = targeting::read(&row["targeting"], locales);
    let daily = text(&row["daily_budget"]).and_then(|amount| Loose(amount).integer()).filter(|amount| *amount > 0);
    let own = !super::part::holds_budget(above);
    let paced = row["pacing_type"].as_array().is_some_and(|paces| paces.iter().any(|pace| pace == "day_parting"));
    Ok(AdGroup {
        key,
        campaign,
        name: text(&row["name"]).unwrap_or_default(),
        status: run_status(row["status"].as_str()),
        serving: row["effective_status"] == "ACTIVE",
        strategy: bidding::strategy(row["bid_strategy"].as_str(), row["optimization_goal"].as_str()).filter(|_| own),
        bid: bidding::bid(text(&row["bid_amount"]).map(Loose).as_ref(), Some(&row["bid_constraints"]), meta.spec.currency)?,
        daily_budget: daily.filter(|_| own).map(|amount| times(unit(meta.spec.currency), amount)).transpose()?,
        targeting,
        beyond,
        dayparted: paced || row["adset_schedule"].as_array().is_some_and(|hours| !hours.is_empty()),
    })
}

fn creative(key: EntityKey, row: &Value) -> Option<Creative> {
    let story = &row["object_story_spec"];
    let (link, video) = (&story["link_data"], &story["video_data"]);
    let landing = text(&link["link"]).or_else(|| text(&video["call_to_action"]["value"]["link"]));
    (row["status"] != "DELETED").then(|| Creative { key, name: text(&row["name"]).unwrap_or_default(), landing_url: landing, tracking: text(&row["url_tags"]) })
}

/// What the status that counts review says of it.
fn review(effective: Option<&str>) -> Review {
    match effective {
        Some("ACTIVE" | "PAUSED" | "CAMPAIGN_PAUSED" | "ADSET_PAUSED" | "PREAPPROVED" | "ARCHIVED" | "DELETED" | "PENDING_BILLING_INFO") => Review::Approved,
        Some("PENDING_REVIEW" | "IN_PROCESS") => Review::Pending,
        Some("DISAPPROVED") => Review::Disapproved,
        Some("WITH_ISSUES") => Review::Limited,
        Some(_) | None => Review::Unknown,
    }
}

/// Reasons of the review and issues, in Meta's own words.
fn findings(row: &Value) -> Vec<String> {
    let global = row["ad_review_feedback"]["global"].as_object().into_iter().flatten();
    let placed =
        row["ad_review_feedback"]["placement_specific"].as_object().into_iter().flatten().filter_map(|(place, reasons)| Some((place, reasons.as_object()?)));
    let said = |reason: &String, text: &Value| format!("{reason}: {}", text.as_str().unwrap_or_default());
    let issues =
        row["issues_info"].as_array().into_iter().flatten().filter_map(|issue| text(&issue["error_message"]).or_else(|| text(&issue["error_summary"])));
    global
        .map(|(reason, text)| said(reason, text))
        .chain(placed.flat_map(|(place, reasons)| reasons.iter().map(move |(reason, text)| format!("{place}: {}", said(reason, text)))))
        .chain(issues)
        .collect()
}
