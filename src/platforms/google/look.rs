//! What stands where a change acts: before, done, or something else.

use super::compose::bid_of;
use super::parts::{self, number, standing, status};
use super::{Google, ads, reach};
use crate::domain::change::{Change, Part};
use crate::domain::draft::Mark;
use crate::domain::entity::{EntityKey, Level, RunStatus};
use crate::platforms::{PlatformError, Sight};

pub(super) async fn look(google: &Google, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
    match change {
        Change::Budget { .. } => Err(PlatformError::Unsupported("the whole read of the account shows a budget".to_owned())),
        Change::Status { entity, from, to } => {
            Ok(standing(google, entity).await?.map_or(Sight::Gone, |standing| compare("status", &standing.status(), from, to)))
        }
        Change::PartStatus { part, from, to } => part_status(google, part, *from, *to).await,
        Change::Bid { part, from, to } => {
            let Some(standing) = standing(google, &part.key).await? else { return Ok(Sight::Gone) };
            Ok(elsewhere(part, standing.campaign_id()).unwrap_or(compare("bid", &bid_of(google, &standing)?, from, &Some(*to))))
        }
        Change::BidStrategy { part, from, to } => {
            let Some(standing) = standing(google, &part.key).await? else { return Ok(Sight::Gone) };
            Ok(elsewhere(part, standing.campaign_id()).unwrap_or(compare("bidding", &standing.bids.bidding(), from, &Some(*to))))
        }
        Change::Targeting { part, from, to } => {
            let Some(standing) = standing(google, &part.key).await? else { return Ok(Sight::Gone) };
            let found = parts::reach(google, &part.key).await?.targeting;
            let ours = if part.key.level == Level::Campaign { reach::campaign_part } else { reach::group_part };
            Ok(elsewhere(part, standing.campaign_id()).unwrap_or(compare("targeting", &found, &ours(from), &ours(to))))
        }
        Change::CreateCampaign(_) => {
            let query = "SELECT campaign.id, campaign.name, campaign.status FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED', 'REMOVED')";
            let rows = google.search(query).await?.into_iter().filter_map(|row| row.campaign);
            let found = rows.filter(|row| row.name.as_deref().is_some_and(|name| mark.is_on(name)));
            Ok(made(found.filter_map(|row| Some((google.spec.key(Level::Campaign, &row.id?.0), status(row.status.as_deref()))))))
        }
        Change::CreateAdGroup(draft) => {
            let query = format!(
                "SELECT campaign.id, ad_group.id, ad_group.name, ad_group.status FROM ad_group WHERE campaign.id = {} \
                 AND ad_group.status IN ('ENABLED', 'PAUSED', 'REMOVED')",
                number(&draft.campaign, Level::Campaign)?
            );
            let rows = google.search(&query).await?.into_iter().filter_map(|row| row.ad_group);
            let found = rows.filter(|row| row.name.as_deref().is_some_and(|name| mark.is_on(name)));
            Ok(made(found.filter_map(|row| Some((google.spec.key(Level::AdGroup, &row.id?.0), status(row.status.as_deref()))))))
        }
        Change::CreateAd(draft) => {
            let group = number(&draft.ad_group, Level::AdGroup)?;
            let query = format!(
                "SELECT ad_group.id, ad_group_ad.ad.id, ad_group_ad.ad.url_custom_parameters, ad_group_ad.status FROM ad_group_ad \
                 WHERE ad_group.id = {group} AND ad_group_ad.status IN ('ENABLED', 'PAUSED', 'REMOVED')"
            );
            let rows = google.search(&query).await?.into_iter().filter_map(|row| row.ad_group_ad);
            let found = rows.filter(|row| row.ad.as_ref().is_some_and(|ad| ads::carries(ad, mark)));
            let key = |id: &str| google.spec.key(Level::Ad, &format!("{group}~{id}"));
            Ok(made(found.filter_map(|row| Some((key(&row.ad?.id?.0), status(row.status.as_deref()))))))
        }
        Change::UploadMedia(_) => {
            let rows: Vec<_> = google.search("SELECT asset.id, asset.name FROM asset").await?.into_iter().filter_map(|row| row.asset).collect();
            let marked = rows.iter().filter(|row| row.name.as_deref().is_some_and(|name| mark.is_on(name))).filter_map(|row| row.id.as_ref());
            let marked: Vec<&str> = marked.map(|id| id.0.as_str()).collect();
            // The same content is the same asset, under the name it first came by.
            let known = rows.iter().filter_map(|row| row.id.as_ref()).map(|id| id.0.as_str()).find(|id| answered == Some(*id));
            let ids = if marked.is_empty() { known.into_iter().collect() } else { marked };
            Ok(made(ids.into_iter().map(|id| (google.spec.key(Level::Media, id), RunStatus::Active))))
        }
        Change::CreateCreative(_) => Err(PlatformError::Unsupported("creative: Google has none that stand alone".to_owned())),
    }
}

async fn part_status(google: &Google, part: &Part, from: RunStatus, to: RunStatus) -> Result<Sight, PlatformError> {
    let found = if part.key.level == Level::Ad {
        parts::ad(google, &part.key).await?
    } else {
        standing(google, &part.key).await?.map(|standing| (standing.campaign_id().to_owned(), standing.status()))
    };
    let Some((campaign, found)) = found else { return Ok(Sight::Gone) };
    Ok(elsewhere(part, &campaign).unwrap_or(compare("status", &found, &from, &to)))
}

fn elsewhere(part: &Part, campaign: &str) -> Option<Sight> {
    parts::belongs(&part.key, &part.campaign, campaign).err().map(|error| Sight::Other(error.to_string()))
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, from: &T, to: &T) -> Sight {
    if found == to {
        Sight::Done { created: None }
    } else if found == from {
        Sight::Before
    } else {
        Sight::Other(format!("the {what} is {found:?}, neither {from:?} nor {to:?}"))
    }
}

/// What carries the mark: nothing yet, the one that was made, or more than ever should.
fn made(found: impl Iterator<Item = (EntityKey, RunStatus)>) -> Sight {
    let mut found: Vec<_> = found.collect();
    found.sort();
    match found.as_slice() {
        [] => Sight::Before,
        [(_, RunStatus::Ended)] => Sight::Gone,
        [(key, RunStatus::Active | RunStatus::Paused)] => Sight::Done { created: Some(key.clone()) },
        several => {
            let keys: Vec<String> = several.iter().map(|(key, _)| key.to_string()).collect();
            Sight::Other(format!("made more than once: {}", keys.join(", ")))
        }
    }
}
