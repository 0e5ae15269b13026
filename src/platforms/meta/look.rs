//! A look at the one thing a change is about. What was created is found by the mark in its name.

use serde_json::Value;

use super::create::text;
use super::part::Standing;
use super::{Meta, media};
use crate::domain::change::{Change, Part};
use crate::domain::draft::Mark;
use crate::domain::entity::Level;
use crate::platforms::{PlatformError, Sight};

pub(super) async fn look(meta: &Meta, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
    match change {
        Change::CreateCampaign(_) => marked(meta, &meta.edge("campaigns"), Level::Campaign, mark).await,
        Change::CreateAdGroup(draft) => marked(meta, &format!("{}/adsets", meta.id(&draft.campaign, Level::Campaign)?), Level::AdGroup, mark).await,
        Change::CreateAd(draft) => marked(meta, &format!("{}/ads", meta.id(&draft.ad_group, Level::AdGroup)?), Level::Ad, mark).await,
        Change::CreateCreative(_) => marked(meta, &meta.edge("adcreatives"), Level::Creative, mark).await,
        Change::UploadMedia(draft) => media::look(meta, draft, mark, answered).await,
        Change::PartStatus { part, .. } | Change::Bid { part, .. } | Change::BidStrategy { part, .. } | Change::Targeting { part, .. } => {
            standing(meta, change, part).await
        }
        Change::Status { entity, .. } if entity.level == Level::AdGroup => {
            // The change names no campaign: whichever the ad set belongs to is its own.
            let node = meta.get(meta.id(entity, Level::AdGroup)?, &[("fields", "id,campaign_id")]).await.map_err(PlatformError::from);
            let campaign = match node {
                Ok(node) => text(&node["campaign_id"]).unwrap_or_default(),
                Err(PlatformError::NotFound(_)) => return Ok(Sight::Gone),
                Err(error) => return Err(error),
            };
            standing(meta, change, &Part { key: entity.clone(), campaign: meta.spec.key(Level::Campaign, &campaign) }).await
        }
        Change::Budget { .. } | Change::Status { .. } => {
            Err(PlatformError::Unsupported("what the whole read of an account shows is not looked at by itself".to_owned()))
        }
    }
}

async fn standing(meta: &Meta, change: &Change, part: &Part) -> Result<Sight, PlatformError> {
    Ok(match meta.standing(part).await? {
        Standing::Gone => Sight::Gone,
        Standing::Elsewhere(what) => Sight::Other(what),
        Standing::Here(node, below) => meta.found(change, &node, &below).await?.into(),
    })
}

/// The one object of an edge whose name carries the mark.
async fn marked(meta: &Meta, edge: &str, level: Level, mark: &Mark) -> Result<Sight, PlatformError> {
    let rows: Vec<Value> = match meta.rows(edge, &[("fields", "id,name")]).await {
        Ok(rows) => rows,
        Err(PlatformError::NotFound(_)) => return Ok(Sight::Gone),
        Err(error) => return Err(error),
    };
    let mut found = rows.iter().filter(|row| row["name"].as_str().is_some_and(|name| mark.is_on(name))).filter_map(|row| text(&row["id"]));
    Ok(match (found.next(), found.next()) {
        (None, _) => Sight::Before,
        (Some(id), None) => Sight::Done { created: Some(meta.spec.key(level, &id)) },
        (Some(_), Some(_)) => Sight::Other(format!("several {}s carry the mark {}", level.name(), mark.as_str())),
    })
}
