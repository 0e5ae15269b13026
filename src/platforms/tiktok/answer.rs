//! What an accepted write says: which objects it was done to, and the id of what was made.

use serde_json::Value;

use super::raw::Raw;
use crate::platforms::PlatformError;

/// Ids that an update of status answers with.
const DONE: [&str; 3] = ["campaign_ids", "adgroup_ids", "ad_ids"];

/// The id of what was made by a request to `path` with `body`; `None` where nothing was to be made.
///
/// # Errors
/// [`PlatformError::Validation`] where the platform says that it failed after all, [`PlatformError::Unknown`] where it names something else than what it
/// was asked for: only reading shows then what stands.
pub(super) fn created(path: &str, body: &[u8], answer: &Value) -> Result<Option<String>, PlatformError> {
    let data = answer.get("data").unwrap_or(&Value::Null);
    if let Some(failed) = data.get("error_list").and_then(Value::as_array).and_then(|list| list.first()) {
        let said = failed.get("error_message").and_then(Value::as_str).unwrap_or("no text");
        return Err(PlatformError::Validation(said.chars().take(300).collect()));
    }
    let sent: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let nameless = || PlatformError::Unknown(format!("`{path}` was accepted and does not name what was made"));
    let text = |value: &Value, name: &str| Raw(value.as_object().cloned().unwrap_or_default()).text(name).ok_or_else(nameless);
    if path.ends_with("/status/update/") {
        let ids = |value: &Value| DONE.iter().find_map(|name| value.get(name).and_then(Value::as_array).cloned());
        let done = ids(data).unwrap_or_default();
        return match ids(&sent).unwrap_or_default().iter().find(|id| !done.contains(id)) {
            Some(missed) => Err(PlatformError::Unknown(format!("`{path}` was accepted and does not name {missed}"))),
            None => Ok(None),
        };
    }
    let made = |path_of: &str| path.ends_with(path_of);
    Ok(Some(if made("/campaign/create/") {
        text(data, "campaign_id")?
    } else if made("/adgroup/create/") {
        text(data, "adgroup_id")?
    } else if made("/ad/create/") {
        let name = sent.pointer("/creatives/0/ad_name").and_then(Value::as_str);
        let ads = data.get("creatives").and_then(Value::as_array);
        let ad = ads.and_then(|ads| ads.iter().find(|ad| name.is_some() && ad.get("ad_name").and_then(Value::as_str) == name));
        text(ad.unwrap_or(&Value::Null), "ad_id")?
    } else if made("/file/video/ad/upload/") {
        text(data.get(0).unwrap_or(&Value::Null), "video_id")?
    } else if made("/file/image/ad/upload/") {
        text(data, "image_id")?
    } else {
        return Ok(None);
    }))
}
