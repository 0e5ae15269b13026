//! The requests that make what the whole read of an account does not show: each one after a look at what it changes.

use serde_json::{Value, json};

use super::parts::{self, Standing, number, owned};
use super::{Google, JSON, bids, create, reach};
use crate::domain::change::{Bid, Bidding, Change, Part};
use crate::domain::draft::Mark;
use crate::domain::entity::{Level, RunStatus};
use crate::domain::targeting::Targeting;
use crate::platforms::write::request;
use crate::platforms::{AdPlatform, PlatformError, WireRequest};

pub(super) async fn compose(google: &Google, change: &Change, mark: &Mark) -> Result<WireRequest, PlatformError> {
    if *change.account() != google.spec.account {
        return Err(PlatformError::Validation(format!("the change is about account `{}`, this is `{}`", change.account(), google.spec.account)));
    }
    match change {
        Change::Budget { .. } => Err(PlatformError::Unsupported("a budget is prepared from its last read, not composed".to_owned())),
        Change::Status { .. } => google.prepare(change, None),
        Change::PartStatus { part, from, to } => part_status(google, part, *from, *to).await,
        Change::Bid { part, from, to } => bid(google, part, *from, *to).await,
        Change::BidStrategy { part, from, to } => strategy(google, part, *from, *to).await,
        Change::Targeting { part, from, to } => targeting(google, part, from, to).await,
        Change::CreateCampaign(draft) => create::campaign(google, draft, mark).await,
        Change::CreateAdGroup(draft) => create::ad_group(google, draft, mark).await,
        Change::CreateAd(draft) => create::ad(google, draft, mark).await,
        Change::UploadMedia(draft) => create::media(google, draft, mark).await,
        Change::CreateCreative(_) => Err(PlatformError::Unsupported("creative: Google has none that stand alone: give the content to the ad".to_owned())),
    }
}

/// A mutate of one collection.
pub(super) fn mutate(google: &Google, collection: &str, operations: &[Value]) -> WireRequest {
    request(format!("{}/{collection}:mutate", google.base), JSON, json!({ "operations": operations }).to_string())
}

/// A mutate of several collections: all of it or nothing.
pub(super) fn mutate_all(google: &Google, operations: &[Value]) -> WireRequest {
    request(format!("{}/googleAds:mutate", google.base), JSON, json!({ "mutateOperations": operations }).to_string())
}

fn update(mask: &str, resource: String, members: Value) -> Value {
    let mut update = json!({ "resourceName": resource });
    for (name, value) in members.as_object().into_iter().flatten() {
        update[name] = value.clone();
    }
    json!({ "updateMask": mask, "update": update })
}

/// Refuses a value that is not the one the change expects.
fn expect<T: PartialEq + std::fmt::Debug>(part: &Part, what: &str, found: &T, from: &T) -> Result<(), PlatformError> {
    if found == from {
        return Ok(());
    }
    Err(PlatformError::Conflict(format!("the {what} of `{}` is {found:?}, not {from:?}", part.key)))
}

fn unchanged<T>(part: &Part, what: &str) -> Result<T, PlatformError> {
    Err(PlatformError::Validation(format!("the {what} of `{}` is already as wanted: nothing to write", part.key)))
}

async fn part_status(google: &Google, part: &Part, from: RunStatus, to: RunStatus) -> Result<WireRequest, PlatformError> {
    let word = match to {
        RunStatus::Active => "ENABLED",
        RunStatus::Paused => "PAUSED",
        RunStatus::Ended => return Err(PlatformError::Unsupported("ending an entity cannot be undone and is never done".to_owned())),
    };
    let (collection, found) = match part.key.level {
        Level::AdGroup => ("adGroups", owned(google, part).await?.status()),
        Level::Ad => {
            let (campaign, status) = parts::ad(google, &part.key).await?.ok_or_else(|| PlatformError::NotFound(format!("`{}` is not there", part.key)))?;
            parts::belongs(&part.key, &part.campaign, &campaign)?;
            ("adGroupAds", status)
        }
        Level::Account | Level::Campaign | Level::Creative | Level::Media | Level::Shared => {
            return Err(PlatformError::Unsupported(format!("the status of {} `{}` is not set here", part.key.level.name(), part.key.id)));
        }
    };
    expect(part, "status", &found, &from)?;
    Ok(mutate(google, collection, &[update("status", google.resource(collection, &part.key.id), json!({ "status": word }))]))
}

/// The bid that stands at a campaign, or the ad group's own.
pub(super) fn bid_of(google: &Google, standing: &Standing) -> Result<Option<Bid>, PlatformError> {
    match &standing.group {
        Some(group) => standing.bids.of_group(group, google.spec.currency),
        None => Ok(standing.bids.bid),
    }
}

async fn bid(google: &Google, part: &Part, from: Option<Bid>, to: Bid) -> Result<WireRequest, PlatformError> {
    let standing = owned(google, part).await?;
    let scheme = standing.bids.known()?;
    expect(part, "bid", &bid_of(google, &standing)?, &from)?;
    if from == Some(to) {
        return unchanged(part, "bid");
    }
    let currency = google.spec.currency;
    Ok(if standing.group.is_some() {
        let (mask, members) = bids::set_group(scheme, to, currency)?;
        mutate(google, "adGroups", &[update(mask, google.resource("adGroups", &part.key.id), members)])
    } else {
        // Setting a bid where there was none would make another strategy of it, which other rules judge.
        if from.is_none() {
            return Err(PlatformError::Unsupported(format!("bid: `{}` bids without a target or cap; giving it one is a change of its strategy", part.key)));
        }
        let (mask, members) = bids::set(scheme, Some(to), currency)?;
        mutate(google, "campaigns", &[update(&mask, google.resource("campaigns", &part.key.id), members)])
    })
}

async fn strategy(google: &Google, part: &Part, from: Option<Bidding>, to: Bidding) -> Result<WireRequest, PlatformError> {
    if part.key.level != Level::Campaign {
        return Err(PlatformError::Unsupported("bid strategy: Google keeps it at the campaign, not at the ad group".to_owned()));
    }
    let standing = owned(google, part).await?;
    let scheme = standing.bids.known()?;
    expect(part, "bidding", &standing.bids.bidding(), &from)?;
    if from == Some(to) {
        return unchanged(part, "bidding");
    }
    let (mask, members) = bids::change(scheme, to, google.spec.currency)?;
    Ok(mutate(google, "campaigns", &[update(&mask, google.resource("campaigns", &part.key.id), members)]))
}

async fn targeting(google: &Google, part: &Part, from: &Targeting, to: &Targeting) -> Result<WireRequest, PlatformError> {
    let cannot = |names: Vec<&str>, where_: &str| Err(PlatformError::Unsupported(format!("targeting {}: {where_}", names.join(", "))));
    match part.key.level {
        Level::Campaign => {
            let (extra, other) = (reach::not_at_a_campaign(to), reach::not_at_a_campaign(from));
            if !extra.is_empty() || !other.is_empty() {
                return cannot(if extra.is_empty() { other } else { extra }, "Google keeps these at ad groups, and takes no interests in search");
            }
        }
        Level::AdGroup => {
            // An ad group is shown with the places and languages of its campaign: they may be named as they stand, or left out.
            let wanted = reach::campaign_part(to);
            let same = (wanted == Targeting::default() || wanted == reach::campaign_part(from)) && to.interests.is_empty();
            if !same {
                return cannot(reach::not_at_a_group(to), "Google keeps places and languages at the campaign, and takes no interests in search");
            }
        }
        Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => {
            return cannot(vec![part.key.level.name()], "Google targets at campaigns and ad groups");
        }
    }
    owned(google, part).await?;
    let found = parts::reach(google, &part.key).await?;
    let id = number(&part.key, part.key.level)?;
    let (collection, steps) = if part.key.level == Level::Campaign {
        expect(part, "targeting", &found.targeting, from)?;
        ("campaignCriteria", found.campaign_steps(google, &google.resource("campaigns", id), to).await?)
    } else {
        expect(part, "targeting", &found.targeting, &reach::group_part(from))?;
        ("adGroupCriteria", found.group_steps(&google.resource("adGroups", id), &reach::group_part(to))?)
    };
    if steps.is_empty() {
        return unchanged(part, "targeting");
    }
    Ok(mutate(google, collection, &steps))
}
