//! Images beside responsive search ads: assets that are linked to the ad group, where every ad of it may show them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Google;
use super::parts::number;
use crate::domain::entity::{EntityKey, Level};
use crate::platforms::PlatformError;

/// What such a link is for.
const FIELD: &str = "AD_IMAGE";

/// The assets of these media, each once, in order.
///
/// # Errors
/// [`PlatformError::NotFound`] for one the account has not, [`PlatformError::Unsupported`] for one that is no image, else as a search.
pub(super) async fn named(google: &Google, media: &[EntityKey]) -> Result<Vec<String>, PlatformError> {
    let ids: BTreeSet<&str> = media.iter().map(|key| number(key, Level::Media)).collect::<Result<_, _>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let listed = ids.iter().copied().collect::<Vec<_>>().join(", ");
    let rows = google.search(&format!("SELECT asset.id, asset.type FROM asset WHERE asset.id IN ({listed})")).await?;
    let kinds: Vec<(String, String)> =
        rows.into_iter().filter_map(|row| row.asset).filter_map(|asset| Some((asset.id?.0, asset.kind.unwrap_or_default()))).collect();
    let mut names = Vec::new();
    for id in ids {
        match kinds.iter().find(|(known, _)| known == id) {
            Some((_, kind)) if kind == "IMAGE" => names.push(google.resource("assets", id)),
            Some((_, kind)) => {
                return Err(PlatformError::Unsupported(format!("medium {id} of type {kind}: beside a responsive search ad Google shows images alone")));
            }
            None => return Err(PlatformError::NotFound(format!("medium {id} is not in the account's library"))),
        }
    }
    Ok(names)
}

/// The images that an ad group has already.
///
/// # Errors
/// As a search.
pub(super) async fn linked(google: &Google, group: &str) -> Result<BTreeSet<String>, PlatformError> {
    let query = format!(
        "SELECT ad_group.id, ad_group_asset.asset, ad_group_asset.field_type, ad_group_asset.status FROM ad_group_asset \
         WHERE ad_group.id = {group} AND ad_group_asset.field_type = '{FIELD}' AND ad_group_asset.status != 'REMOVED'"
    );
    Ok(google.search(&query).await?.into_iter().filter_map(|row| row.ad_group_asset?.asset).collect())
}

/// The operation that links an image to an ad group.
pub(super) fn link(group: &str, image: &str) -> Value {
    json!({ "adGroupAssetOperation": { "create": { "adGroup": group, "asset": image, "fieldType": FIELD } } })
}
