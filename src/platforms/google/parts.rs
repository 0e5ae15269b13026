//! One campaign, ad group or ad as it stands now: what a change must know of it before it is written, and what a look at it shows.

use super::bids::Bids;
use super::reach::{CAMPAIGN_FIELDS, GROUP_FIELDS, Names, Reach};
use super::{Google, wire};
use crate::domain::change::Part;
use crate::domain::entity::{EntityKey, Level, RunStatus};
use crate::platforms::PlatformError;
use crate::platforms::spec::is_number;

/// The fields that say how a campaign bids and what it is.
pub(super) const BIDDING_FIELDS: &str = "campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type, campaign.bidding_strategy, \
     campaign.bidding_strategy_type, campaign.target_cpa.target_cpa_micros, campaign.maximize_conversions.target_cpa_micros, \
     campaign.target_roas.target_roas, campaign.maximize_conversion_value.target_roas, campaign.target_spend.cpc_bid_ceiling_micros, \
     campaign.target_impression_share.cpc_bid_ceiling_micros";
/// The fields of an ad group that are its own.
pub(super) const GROUP: &str = "ad_group.id, ad_group.name, ad_group.status, ad_group.primary_status, ad_group.cpc_bid_micros, \
     ad_group.target_cpa_micros, ad_group.target_roas";

/// A campaign or ad group as it stands.
pub(super) struct Standing {
    /// The campaign, with how it bids.
    pub(super) campaign: wire::Campaign,
    /// The ad group, where it is one.
    pub(super) group: Option<wire::AdGroup>,
    /// How the campaign bids.
    pub(super) bids: Bids,
}

impl Standing {
    /// What its owner set.
    pub(super) fn status(&self) -> RunStatus {
        status(self.group.as_ref().map_or(self.campaign.status.as_deref(), |group| group.status.as_deref()))
    }

    /// The id of the campaign it is or belongs to.
    pub(super) fn campaign_id(&self) -> &str {
        self.campaign.id.as_ref().map_or("", |id| &id.0)
    }
}

/// What Google's word for a status says; one we do not know may be delivering.
pub(super) fn status(word: Option<&str>) -> RunStatus {
    match word {
        Some("PAUSED") => RunStatus::Paused,
        Some("REMOVED") => RunStatus::Ended,
        Some(_) | None => RunStatus::Active,
    }
}

/// The number of a campaign or ad group.
///
/// # Errors
/// [`PlatformError::Validation`] for an id of another form or another level.
pub(super) fn number(key: &EntityKey, level: Level) -> Result<&str, PlatformError> {
    if key.level == level && is_number(&key.id) {
        return Ok(&key.id);
    }
    Err(PlatformError::Validation(format!("`{key}` names no Google {}", level.name().replace('_', " "))))
}

/// The numbers of an ad's ad group and of the ad.
///
/// # Errors
/// As [`number`].
pub(super) fn ad_numbers(key: &EntityKey) -> Result<(&str, &str), PlatformError> {
    let pair = key.id.split_once('~').filter(|(group, ad)| key.level == Level::Ad && is_number(group) && is_number(ad));
    pair.ok_or_else(|| PlatformError::Validation(format!("`{key}` names no Google ad: expected `ad_group~ad`")))
}

/// A campaign or ad group as it stands; `None` when there is none, or no more.
///
/// # Errors
/// As a search; [`PlatformError::Unsupported`] for another level.
pub(super) async fn standing(google: &Google, key: &EntityKey) -> Result<Option<Standing>, PlatformError> {
    let query = match key.level {
        Level::Campaign => format!("SELECT {BIDDING_FIELDS} FROM campaign WHERE campaign.id = {} AND campaign.status != 'REMOVED'", number(key, key.level)?),
        Level::AdGroup => {
            format!("SELECT {BIDDING_FIELDS}, {GROUP} FROM ad_group WHERE ad_group.id = {} AND ad_group.status != 'REMOVED'", number(key, key.level)?)
        }
        Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => {
            return Err(PlatformError::Unsupported(format!("{} `{}`: Google bids and targets at campaigns and ad groups", key.level.name(), key.id)));
        }
    };
    let Some(row) = google.search(&query).await?.into_iter().next() else { return Ok(None) };
    let campaign = row.campaign.ok_or_else(|| PlatformError::Transient(format!("the row of `{key}` names no campaign")))?;
    let bids = Bids::of(&campaign, google.spec.currency)?;
    Ok(Some(Standing { campaign, group: row.ad_group.filter(|_| key.level == Level::AdGroup), bids }))
}

/// The same of a part, which must belong to the campaign that it names.
///
/// # Errors
/// [`PlatformError::NotFound`], [`PlatformError::Conflict`], or as a search.
pub(super) async fn owned(google: &Google, part: &Part) -> Result<Standing, PlatformError> {
    let standing = standing(google, &part.key).await?.ok_or_else(|| PlatformError::NotFound(format!("`{}` is not there", part.key)))?;
    belongs(&part.key, &part.campaign, standing.campaign_id())?;
    Ok(standing)
}

/// Refuses what stands in another campaign than it was said to.
///
/// # Errors
/// [`PlatformError::Conflict`].
pub(super) fn belongs(key: &EntityKey, campaign: &EntityKey, found: &str) -> Result<(), PlatformError> {
    if campaign.id == found && campaign.level == Level::Campaign && campaign.account == key.account {
        return Ok(());
    }
    Err(PlatformError::Conflict(format!("`{key}` belongs to campaign {found}, not to `{campaign}`")))
}

/// An ad's campaign and what its owner set; `None` when there is none, or no more.
///
/// # Errors
/// As a search.
pub(super) async fn ad(google: &Google, key: &EntityKey) -> Result<Option<(String, RunStatus)>, PlatformError> {
    let (group, ad) = ad_numbers(key)?;
    let query = format!(
        "SELECT campaign.id, ad_group.id, ad_group_ad.ad.id, ad_group_ad.status FROM ad_group_ad \
         WHERE ad_group.id = {group} AND ad_group_ad.ad.id = {ad} AND ad_group_ad.status != 'REMOVED'"
    );
    let row = google.search(&query).await?.into_iter().next();
    Ok(row.and_then(|row| Some((row.campaign?.id?.0, status(row.ad_group_ad?.status.as_deref())))))
}

/// Whom a campaign or ad group reaches by its own criteria.
///
/// # Errors
/// As a search.
pub(super) async fn reach(google: &Google, key: &EntityKey) -> Result<Reach, PlatformError> {
    let query = if key.level == Level::Campaign {
        format!("SELECT {CAMPAIGN_FIELDS} FROM campaign_criterion WHERE campaign.id = {}", number(key, Level::Campaign)?)
    } else {
        format!("SELECT {GROUP_FIELDS} FROM ad_group_criterion WHERE ad_group.id = {}", number(key, Level::AdGroup)?)
    };
    let rows: Vec<wire::Criterion> = google.search(&query).await?.into_iter().filter_map(|row| row.campaign_criterion.or(row.ad_group_criterion)).collect();
    let names = Names::read(google, &rows).await?;
    Ok(Reach::of(rows.iter(), &names))
}
