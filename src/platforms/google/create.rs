//! What is made: always paused, with every declaration the platform demands, and with the mark by which it is found again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bids::Bids;
use super::compose::{mutate, mutate_all};
use super::parts::{self, belongs, number};
use super::{Google, ads, bids, images, media, reach};
use crate::domain::change::{Bid, Bidding};
use crate::domain::draft::{AdDraft, AdGroupDraft, Branch, CampaignDraft, Flight, Mark, MediaDraft, Shows};
use crate::domain::entity::{EntityKey, Level, Objective};
use crate::domain::targeting::Targeting;
use crate::platforms::loose::count_of;
use crate::platforms::{PlatformError, WireRequest};

/// Most characters of a campaign's, ad group's, budget's or asset's name.
const NAME: usize = 255;

/// What becomes of a campaign for each objective: made as a search campaign, or why it is not.
///
/// # Errors
/// [`PlatformError::Unsupported`] with the reason.
pub(super) fn objective(objective: Objective) -> Result<(), PlatformError> {
    let reason = match objective {
        Objective::Awareness | Objective::Traffic | Objective::Conversions => return Ok(()),
        Objective::Engagement => "Google sells interaction with an ad in Demand Gen and Video campaigns, whose endpoints this program does not use",
        Objective::CatalogSales => "a Shopping campaign needs a Merchant Center account, which a draft does not name",
        Objective::Other => "it is read, never made",
    };
    Err(PlatformError::Unsupported(format!("objective {objective:?}: {reason}")))
}

/// Budget, campaign, places, ad groups and ads in one request, which makes all of it or nothing.
pub(super) async fn campaign(google: &Google, draft: &CampaignDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
    objective(draft.objective)?;
    if !draft.special_categories.is_empty() {
        return Err(PlatformError::Unsupported(format!("special categories {}: Google keeps none at campaigns", draft.special_categories.join(", "))));
    }
    let (currency, name) = (google.spec.currency, named(&draft.name, mark)?);
    if count_of(google.unit(currency).await?, draft.daily_budget)? <= 0 {
        return Err(PlatformError::Validation(format!("a daily budget of {} is not above zero", draft.daily_budget)));
    }
    let (budget, resource) = (google.resource("campaignBudgets", "-1"), google.resource("campaigns", "-2"));
    let mut campaign = json!({
        "resourceName": resource,
        "name": name,
        "status": "PAUSED",
        "advertisingChannelType": "SEARCH",
        "campaignBudget": budget,
        "networkSettings": { "targetGoogleSearch": true, "targetSearchNetwork": false, "targetContentNetwork": false, "targetPartnerSearchNetwork": false },
        "geoTargetTypeSetting": { "positiveGeoTargetType": "PRESENCE", "negativeGeoTargetType": "PRESENCE" },
        "containsEuPoliticalAdvertising": if draft.eu_political { "CONTAINS_EU_POLITICAL_ADVERTISING" } else { "DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING" },
    });
    merge(&mut campaign, &bids::create(draft.objective, draft.bidding, currency)?);
    if let Some(flight) = draft.flight {
        merge(&mut campaign, &days(flight)?);
    }
    let mut operations = vec![
        json!({ "campaignBudgetOperation": { "create": {
            "resourceName": budget, "name": name, "amountMicros": draft.daily_budget.micros().to_string(), "deliveryMethod": "STANDARD", "explicitlyShared": false,
        } } }),
        json!({ "campaignOperation": { "create": campaign } }),
    ];
    let criteria = reach::of_new_campaign(google, &resource, &draft.countries, &draft.languages).await?;
    operations.extend(criteria.into_iter().map(|step| json!({ "campaignCriterionOperation": step })));
    let bids = Bids::made(draft.objective, draft.bidding);
    let (mut groups, mut criteria, mut contents, mut links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (branch, temporary) in draft.ad_groups.iter().zip(3_u32..) {
        let group = google.resource("adGroups", &format!("-{temporary}"));
        groups.push(json!({ "adGroupOperation": { "create": branch_of(google, branch, mark, &group, &resource, bids)? } }));
        criteria.extend(reach_of(&group, &branch.targeting)?.into_iter().map(|step| json!({ "adGroupCriterionOperation": step })));
        for content in &branch.ads {
            contents.push(json!({ "adGroupAdOperation": { "create": ads::create(&group, content, mark)? } }));
        }
        let media: Vec<EntityKey> = branch.ads.iter().flat_map(|content| content.media.iter().cloned()).collect();
        links.extend(images::named(google, &media).await?.iter().map(|image| images::link(&group, image)));
    }
    // Every change of type costs the platform a round trip: operations of one type stand together.
    operations.extend(groups.into_iter().chain(criteria).chain(contents).chain(links));
    Ok(mutate_all(google, &operations))
}

fn branch_of(google: &Google, branch: &Branch, mark: &Mark, resource: &str, campaign: &str, bids: Bids) -> Result<Value, PlatformError> {
    group_of(google, &branch.name, mark, resource, campaign, branch.bid, bids)
}

fn group_of(google: &Google, name: &str, mark: &Mark, resource: &str, campaign: &str, bid: Option<Bid>, bids: Bids) -> Result<Value, PlatformError> {
    let mut group = json!({ "resourceName": resource, "name": named(name, mark)?, "campaign": campaign, "type": "SEARCH_STANDARD", "status": "PAUSED" });
    if let Some(bid) = bid {
        merge(&mut group, &bids::set_group(bids.known()?, bid, google.spec.currency)?.1);
    }
    Ok(group)
}

/// The criteria of an ad group to be made.
fn reach_of(group: &str, targeting: &Targeting) -> Result<Vec<Value>, PlatformError> {
    let cannot = reach::not_at_a_group(targeting);
    if !cannot.is_empty() {
        return Err(PlatformError::Unsupported(format!(
            "targeting {}: Google keeps places and languages at the campaign, and takes no interests in search",
            cannot.join(", ")
        )));
    }
    reach::Reach::default().group_steps(group, &reach::group_part(targeting))
}

/// An ad group with its criteria in one request.
pub(super) async fn ad_group(google: &Google, draft: &AdGroupDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
    let named = [
        ("daily budget", draft.daily_budget.is_some()),
        ("flight", draft.flight.is_some()),
        ("optimisation", draft.optimisation.is_some()),
        ("disclosure", draft.disclosure.is_some()),
    ];
    if let Some((what, _)) = named.iter().find(|(_, there)| *there) {
        return Err(PlatformError::Unsupported(format!("{what}: Google keeps it at the campaign or the account, not at ad groups")));
    }
    let id = number(&draft.campaign, Level::Campaign)?;
    let standing = parts::standing(google, &draft.campaign).await?.ok_or_else(|| PlatformError::NotFound(format!("`{}` is not there", draft.campaign)))?;
    let channel = standing.campaign.advertising_channel_type.as_deref().unwrap_or("of an unknown type");
    if channel != "SEARCH" {
        return Err(PlatformError::Unsupported(format!("an ad group in a campaign that is {channel}: this program makes them in SEARCH campaigns")));
    }
    let bid = own_bid(draft.bidding, standing.bids)?;
    let (group, campaign) = (google.resource("adGroups", "-1"), google.resource("campaigns", id));
    let mut operations = vec![json!({ "adGroupOperation": { "create": group_of(google, &draft.name, mark, &group, &campaign, bid, standing.bids)? } })];
    operations.extend(reach_of(&group, &draft.targeting)?.into_iter().map(|step| json!({ "adGroupCriterionOperation": step })));
    Ok(mutate_all(google, &operations))
}

/// An ad group's own bid; its strategy is the campaign's.
fn own_bid(bidding: Option<Bidding>, bids: Bids) -> Result<Option<Bid>, PlatformError> {
    let Some(bidding) = bidding else { return Ok(None) };
    if bids.bidding().is_some_and(|campaign| campaign.strategy != bidding.strategy) {
        return Err(PlatformError::Unsupported(format!("strategy {:?}: Google keeps it at the campaign, which bids otherwise", bidding.strategy)));
    }
    Ok(bidding.bid)
}

/// An ad in an ad group that stands.
pub(super) async fn ad(google: &Google, draft: &AdDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
    let content = match &draft.shows {
        Shows::Content { content } => content,
        Shows::Creative { key } => {
            return Err(PlatformError::Unsupported(format!("creative `{key}`: Google has none that stand alone: give the content to the ad")));
        }
    };
    let id = number(&draft.ad_group, Level::AdGroup)?;
    in_its_campaign(google, &draft.ad_group, &draft.campaign).await?;
    let group = google.resource("adGroups", id);
    let ad = json!({ "create": ads::create(&group, content, mark)? });
    let mut images = images::named(google, &content.media).await?;
    let linked = if images.is_empty() { BTreeSet::new() } else { images::linked(google, id).await? };
    images.retain(|image| !linked.contains(image));
    if images.is_empty() {
        return Ok(mutate(google, "adGroupAds", &[ad]));
    }
    let links = images.iter().map(|image| images::link(&group, image));
    Ok(mutate_all(google, &[json!({ "adGroupAdOperation": ad })].into_iter().chain(links).collect::<Vec<_>>()))
}

async fn in_its_campaign(google: &Google, group: &EntityKey, campaign: &EntityKey) -> Result<(), PlatformError> {
    let standing = parts::standing(google, group).await?.ok_or_else(|| PlatformError::NotFound(format!("`{group}` is not there")))?;
    belongs(group, campaign, standing.campaign_id())
}

/// An image or a YouTube video for the account's library.
pub(super) async fn media(google: &Google, draft: &MediaDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
    let mut asset = media::asset(google, &draft.medium).await?;
    asset["name"] = named(&draft.name, mark)?.into();
    Ok(mutate(google, "assets", &[json!({ "create": asset })]))
}

/// A name that Google takes, with the mark behind it.
fn named(name: &str, mark: &Mark) -> Result<String, PlatformError> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(PlatformError::Validation("a name is empty or has line breaks in it".to_owned()));
    }
    Ok(mark.on(name.trim(), NAME))
}

fn days(flight: Flight) -> Result<Value, PlatformError> {
    if flight.to.is_some_and(|to| to < flight.from) {
        return Err(PlatformError::Validation("the flight ends before it begins".to_owned()));
    }
    let mut days = json!({ "startDateTime": format!("{} 00:00:00", flight.from) });
    if let Some(to) = flight.to {
        days["endDateTime"] = format!("{to} 23:59:59").into();
    }
    Ok(days)
}

fn merge(into: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}
