//! Every campaign that has not ended, with its ad groups and ads: how they bid and whom they reach.

use std::collections::BTreeMap;

use super::bids::Bids;
use super::parts::{BIDDING_FIELDS, GROUP, status};
use super::reach::{CAMPAIGN_FIELDS, GROUP_FIELDS, Names, Reach, campaign_part};
use super::{Google, wire};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::structure::{Ad, AdGroup, CampaignTerms, Review, Structure};
use crate::domain::targeting::Targeting;
use crate::platforms::PlatformError;
use crate::platforms::spec::is_number;

const ADS: &str = "SELECT campaign.id, ad_group.id, ad_group_ad.ad.id, ad_group_ad.status, ad_group_ad.ad.type, ad_group_ad.ad.name, \
     ad_group_ad.ad.final_urls, ad_group_ad.ad.final_url_suffix, ad_group_ad.ad.responsive_search_ad.headlines, \
     ad_group_ad.policy_summary.approval_status, ad_group_ad.policy_summary.review_status, ad_group_ad.policy_summary.policy_topic_entries \
     FROM ad_group_ad WHERE ad_group_ad.status IN ('ENABLED', 'PAUSED') AND ad_group.status != 'REMOVED' AND campaign.status != 'REMOVED'";

pub(super) async fn read(google: &Google) -> Result<Structure, PlatformError> {
    let groups = format!("SELECT {BIDDING_FIELDS}, {GROUP} FROM ad_group WHERE ad_group.status IN ('ENABLED', 'PAUSED') AND campaign.status != 'REMOVED'");
    let of_campaigns = format!("SELECT {CAMPAIGN_FIELDS} FROM campaign_criterion WHERE campaign.status != 'REMOVED'");
    let of_groups = format!("SELECT {GROUP_FIELDS} FROM ad_group_criterion WHERE ad_group.status != 'REMOVED' AND campaign.status != 'REMOVED'");
    let terms = format!("SELECT {BIDDING_FIELDS} FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED')");
    let (terms, groups, ads) = (google.search(&terms).await?, google.search(&groups).await?, google.search(ADS).await?);
    let campaigns = by_id(google.search(&of_campaigns).await?, |row| (row.campaign, row.campaign_criterion), |campaign| campaign.id);
    let below = by_id(google.search(&of_groups).await?, |row| (row.ad_group, row.ad_group_criterion), |group| group.id);
    let all: Vec<wire::Criterion> = campaigns.values().flatten().map(constants_of).collect();
    let names = Names::read(google, &all).await?;
    let reach = |rows: Option<&Vec<wire::Criterion>>| Reach::of(rows.into_iter().flatten(), &names);
    let mut structure = Structure::default();
    for campaign in terms.into_iter().filter_map(|row| row.campaign) {
        let Some(id) = campaign.id.as_ref().map(|id| id.0.clone()).filter(|id| is_number(id)) else { continue };
        let (reach, bids) = (reach(campaigns.get(&id)), Bids::of(&campaign, google.spec.currency)?);
        let campaign = google.spec.key(Level::Campaign, &id);
        let targeting = campaign_part(&reach.targeting);
        structure.campaigns.push(CampaignTerms {
            campaign,
            bidding: bids.bidding(),
            targeting,
            beyond: reach.beyond.into_iter().collect(),
            dayparted: reach.dayparted,
        });
    }
    structure.campaigns.sort_by(|a, b| a.campaign.cmp(&b.campaign));
    for row in groups {
        let (Some(campaign), Some(group)) = (row.campaign, row.ad_group) else { continue };
        let (Some(campaign_id), Some(id)) = (campaign.id.as_ref().map(|id| id.0.clone()), group.id.as_ref().map(|id| id.0.clone())) else { continue };
        if !is_number(&campaign_id) || !is_number(&id) {
            continue;
        }
        let (outer, inner) = (reach(campaigns.get(&campaign_id)), reach(below.get(&id)));
        structure.ad_groups.push(group_of(google, &campaign, &group, (&campaign_id, &id), outer, inner)?);
    }
    structure.ad_groups.sort_by(|a, b| a.key.cmp(&b.key));
    structure.ads = ads.into_iter().filter_map(|row| ad_of(google, row)).collect();
    structure.ads.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(structure)
}

/// Criteria by what they belong to.
fn by_id<P>(
    rows: Vec<wire::Row>,
    parts: fn(wire::Row) -> (Option<P>, Option<wire::Criterion>),
    id: fn(P) -> Option<crate::platforms::loose::Loose>,
) -> BTreeMap<String, Vec<wire::Criterion>> {
    let mut found: BTreeMap<String, Vec<wire::Criterion>> = BTreeMap::new();
    for (parent, criterion) in rows.into_iter().map(parts) {
        if let (Some(id), Some(criterion)) = (parent.and_then(id), criterion) {
            found.entry(id.0).or_default().push(criterion);
        }
    }
    found
}

/// A criterion's constants alone: what has to be looked up.
fn constants_of(row: &wire::Criterion) -> wire::Criterion {
    wire::Criterion {
        location: row.location.as_ref().map(|place| wire::Location { geo_target_constant: place.geo_target_constant.clone() }),
        language: row.language.as_ref().map(|tongue| wire::Language { language_constant: tongue.language_constant.clone() }),
        ..wire::Criterion::default()
    }
}

fn group_of(
    google: &Google,
    campaign: &wire::Campaign,
    group: &wire::AdGroup,
    (campaign_id, id): (&str, &str),
    outer: Reach,
    inner: Reach,
) -> Result<AdGroup, PlatformError> {
    let bids = Bids::of(campaign, google.spec.currency)?;
    let own = status(group.status.as_deref());
    let delivers = matches!(group.primary_status.as_deref(), Some("ELIGIBLE" | "LIMITED"));
    Ok(AdGroup {
        key: google.spec.key(Level::AdGroup, id),
        campaign: google.spec.key(Level::Campaign, campaign_id),
        name: group.name.clone().unwrap_or_default(),
        status: own,
        serving: delivers && own == RunStatus::Active && status(campaign.status.as_deref()) == RunStatus::Active,
        strategy: bids.bidding().map(|bidding| bidding.strategy),
        bid: bids.of_group(group, google.spec.currency)?,
        daily_budget: None,
        targeting: Targeting { countries: outer.targeting.countries, places: outer.targeting.places, languages: outer.targeting.languages, ..inner.targeting },
        beyond: outer.beyond.into_iter().chain(inner.beyond).collect(),
        dayparted: outer.dayparted || inner.dayparted,
    })
}

fn ad_of(google: &Google, row: wire::Row) -> Option<Ad> {
    let (campaign, group, shown) = (row.campaign?.id?.0, row.ad_group?.id?.0, row.ad_group_ad?);
    let ad = shown.ad?;
    let id = ad.id?.0;
    if [&campaign, &group, &id].into_iter().any(|id| !is_number(id)) {
        return None;
    }
    let headline = ad.responsive_search_ad.and_then(|shown| shown.headlines?.into_iter().next()?.text);
    let (review, findings) = shown.policy_summary.map_or((Review::Unknown, Vec::new()), review);
    Some(Ad {
        key: google.spec.key(Level::Ad, &format!("{group}~{id}")),
        ad_group: google.spec.key(Level::AdGroup, &group),
        campaign: google.spec.key(Level::Campaign, &campaign),
        name: ad.name.filter(|name| !name.is_empty()).or(headline).unwrap_or_default(),
        status: status(shown.status.as_deref()),
        review,
        findings,
        landing_url: ad.final_urls.and_then(|urls| urls.into_iter().next()),
        tracking: ad.final_url_suffix,
        creative: None,
    })
}

/// What the review says, with its topics.
pub(super) fn review(summary: wire::PolicySummary) -> (Review, Vec<String>) {
    let findings = summary.policy_topic_entries.unwrap_or_default().iter().map(finding).collect();
    let review = match (summary.approval_status.as_deref(), summary.review_status.as_deref()) {
        (Some("DISAPPROVED" | "AREA_OF_INTEREST_ONLY"), _) => Review::Disapproved,
        (Some("APPROVED_LIMITED"), _) => Review::Limited,
        (_, Some("REVIEW_IN_PROGRESS" | "UNDER_APPEAL")) => Review::Pending,
        (Some("APPROVED"), _) => Review::Approved,
        (Some(_) | None, _) => Review::Unknown,
    };
    (review, findings)
}

/// A finding in the platform's own words, with the text that gave rise to it.
pub(super) fn finding(topic: &wire::Topic) -> String {
    let texts = topic.evidences.iter().flatten().filter_map(|evidence| evidence.text_list.as_ref()?.texts.as_ref()).flatten();
    let shown: Vec<String> = texts.map(|text| format!("\"{}\"", text.chars().take(120).collect::<String>())).collect();
    let evidence = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    format!("{} ({}){evidence}", topic.topic.as_deref().unwrap_or("a topic without a name"), topic.kind.as_deref().unwrap_or("no type"))
}
