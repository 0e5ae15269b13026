//! What stands where a change acts that the whole read of an account does not show. Creations are found by the mark in their name.

use serde_json::json;

use super::Tiktok;
use super::part::Standing;
use super::raw::Raw;
use crate::domain::change::{Change, Part};
use crate::domain::draft::{Mark, Medium};
use crate::domain::entity::{EntityKey, Level};
use crate::platforms::{PlatformError, Sight};

impl Tiktok {
    pub(super) async fn sight(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
        match change {
            Change::PartStatus { part, .. } | Change::Bid { part, .. } | Change::BidStrategy { part, .. } | Change::Targeting { part, .. } => {
                self.part_sight(change, part).await
            }
            Change::Status { entity, .. } if entity.level == Level::AdGroup => {
                let Some(row) = self.one("adgroup/get/", "adgroup_ids", &entity.id).await? else { return Ok(Sight::Gone) };
                let campaign = EntityKey::campaign(entity.account.clone(), row.text("campaign_id").unwrap_or_default());
                self.part_sight(change, &Part { key: entity.clone(), campaign }).await
            }
            Change::CreateCampaign(_) => {
                let all = json!({ "primary_status": "STATUS_ALL" }).to_string();
                let rows = self.rows("campaign/get/", &[("filtering", &all)]).await?;
                Ok(self.made(&rows, "campaign_name", "campaign_id", Level::Campaign, mark))
            }
            Change::CreateAdGroup(draft) => {
                let within = json!({ "campaign_ids": [draft.campaign.id], "primary_status": "STATUS_ALL" }).to_string();
                let rows = self.rows("adgroup/get/", &[("filtering", &within)]).await?;
                Ok(self.made(&rows, "adgroup_name", "adgroup_id", Level::AdGroup, mark))
            }
            Change::CreateAd(draft) => {
                let within = json!({ "adgroup_ids": [draft.ad_group.id], "primary_status": "STATUS_ALL" }).to_string();
                let rows = self.rows("ad/get/", &[("filtering", &within)]).await?;
                Ok(self.made(&rows, "ad_name", "ad_id", Level::Ad, mark))
            }
            Change::UploadMedia(draft) => match draft.medium {
                Medium::Image { .. } => {
                    let rows = self.listed("file/image/ad/search/", "list", &[]).await?;
                    let known = rows.iter().filter_map(|row| row.text("image_id")).find(|id| answered == Some(id.as_str()));
                    Ok(match (self.made(&rows, "file_name", "image_id", Level::Media, mark), known) {
                        (Sight::Before, Some(id)) => Sight::Done { created: Some(self.spec.key(Level::Media, &id)) },
                        (sight, _) => sight,
                    })
                }
                Medium::Video { .. } => {
                    let rows = self.listed("file/video/ad/search/", "list", &[]).await?;
                    let ready = |row: &Raw| row.loose("displayable").is_some_and(|ready| ready.yes());
                    let working = rows.iter().any(|row| is_marked(row, "file_name", mark) && !ready(row));
                    Ok(if working { Sight::Working } else { self.made(&rows, "file_name", "video_id", Level::Media, mark) })
                }
                Medium::Youtube { .. } => Err(PlatformError::Unsupported("TikTok does not show videos that stand on YouTube".to_owned())),
            },
            Change::CreateCreative(_) => Err(no_creatives()),
            Change::Budget { .. } | Change::Status { .. } => Err(PlatformError::Unsupported("the whole read of the account shows this change".to_owned())),
        }
    }

    async fn part_sight(&self, change: &Change, part: &Part) -> Result<Sight, PlatformError> {
        let row = match self.standing(part).await? {
            Standing::Gone => return Ok(Sight::Gone),
            Standing::Elsewhere(what) => return Ok(Sight::Other(what)),
            Standing::Here(row) => row,
        };
        Ok(self.found(change, &row).await?.into())
    }

    /// What carries the mark. What was made and then deleted was made.
    fn made(&self, rows: &[Raw], name: &str, id: &str, level: Level, mark: &Mark) -> Sight {
        let ids: Vec<String> = rows.iter().filter(|row| is_marked(row, name, mark)).filter_map(|row| row.text(id)).collect();
        match ids.as_slice() {
            [] => Sight::Before,
            [only] => Sight::Done { created: Some(self.spec.key(level, only)) },
            several => Sight::Other(format!("{} of {} carry the mark {}: {}", several.len(), level.name(), mark.as_str(), several.join(", "))),
        }
    }
}

/// Why there is no creative of its own.
pub(super) fn no_creatives() -> PlatformError {
    PlatformError::Unsupported("TikTok has no creatives that stand alone: the content goes out with the ad".to_owned())
}

/// Behind a file's name the platform may have put what kind of file it is.
fn is_marked(row: &Raw, name: &str, mark: &Mark) -> bool {
    row.text(name).is_some_and(|text| if name == "file_name" { text.contains(mark.as_str()) } else { mark.is_on(&text) })
}
