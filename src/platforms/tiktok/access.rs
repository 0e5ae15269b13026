//! What the token allows: the account as it describes itself, and one small read of everything this program needs.

use serde_json::Value;

use super::Tiktok;
use super::inventory::{ADVERTISER, account};
use super::raw::Raw;
use super::wire::{Advertiser, List, Quota};
use crate::platforms::{Access, PlatformError};

/// What is read to see whether it may be, and the right in TikTok's words.
const READS: [(&str, &str); 5] = [
    ("campaign/get/", "Ads Management: campaigns"),
    ("adgroup/get/", "Ads Management: ad groups"),
    ("ad/get/", "Ads Management: ads"),
    ("file/video/ad/search/", "Creative Management: videos and images"),
    ("pixel/list/", "Measurement: pixels"),
];

pub(super) async fn read(tiktok: &Tiktok) -> Result<Access, PlatformError> {
    let ids = format!(r#"["{}"]"#, tiktok.spec.platform_id);
    let fields = ADVERTISER.replace(']', r#","can_use_custom_identity"]"#);
    let answer: List<Raw> = tiktok.get("advertiser/info/", &[("advertiser_ids", &ids), ("fields", &fields)]).await?;
    let missing = || PlatformError::NotFound(format!("the token does not reach advertiser {}", tiktok.spec.platform_id));
    let row = answer.list.and_then(|list| list.into_iter().next()).ok_or_else(missing)?;
    let custom = row.loose("can_use_custom_identity");
    let advertiser: Advertiser = serde_json::from_value(Value::Object(row.0)).map_err(|error| PlatformError::Transient(error.to_string()))?;
    let account = account(&tiktok.spec, &advertiser)?;
    let (mut rights, mut absent) = (Vec::new(), Vec::new());
    for (path, right) in READS {
        let asked = [("advertiser_id", tiktok.spec.platform_id.as_str()), ("page", "1"), ("page_size", "1")];
        match tiktok.get::<Value>(path, &asked).await {
            Ok(_) => rights.push(right.to_owned()),
            Err(PlatformError::Permission(what)) => absent.push(format!("{right}: {what}")),
            Err(error) => return Err(error),
        }
    }
    if !account.in_good_standing {
        absent.push(format!("the account's status is {}: only STATUS_ENABLE may spend", advertiser.status.unwrap_or_default()));
    }
    if custom.is_some_and(|custom| !custom.yes()) {
        absent.push("the account may not speak in a name of its own (can_use_custom_identity): ads cannot be created".to_owned());
    }
    let quota: Quota = tiktok.get("adgroup/quota/", &[("advertiser_id", &tiktok.spec.platform_id)]).await?;
    let mut left = Vec::new();
    match (quota.total_adgroup_quota.and_then(|total| total.integer()), quota.used_adgroup_quota.and_then(|used| used.integer())) {
        (Some(0), Some(0)) => absent.push("the account may make no ad groups at all: TikTok has restricted it".to_owned()),
        (Some(total), Some(used)) if total > 0 => left.push(("ad groups".to_owned(), (1.0 - used as f64 / total as f64).clamp(0.0, 1.0))),
        (Some(_) | None, _) => {}
    }
    Ok(Access { account, rights, missing: absent, token_ends: None, left })
}
