//! What ads and assets must look like, and what the advertising policy refuses.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Fault;
use super::plan::required;
use crate::sandbox::wire::hex;
use crate::sandbox::world::things::FORBIDDEN;

/// The topic under which the agreed words are refused.
const TOPIC: &str = "MISLEADING_CONTENT";

/// Whether an ad is one a responsive search ad may be.
pub(super) fn shape(ad: &Value) -> Result<(), Fault> {
    let path = |inner: &[(&'static str, Option<usize>)]| [&[("create", None), ("ad", None)], inner].concat();
    if ad.get("name").is_some() {
        return Err(Fault::new("contextError", "OPERATION_NOT_PERMITTED_FOR_CONTEXT", "A responsive search ad has no name.").at(&path(&[("name", None)])));
    }
    let urls = ad["finalUrls"].as_array().filter(|urls| !urls.is_empty()).ok_or_else(|| required(&path(&[("final_urls", None)])))?;
    if !urls.iter().all(|url| url.as_str().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))) {
        return Err(Fault::new("urlFieldError", "INVALID_FINAL_URL", "The final URL is invalid.").at(&path(&[("final_urls", Some(0))])));
    }
    for parameter in ad["urlCustomParameters"].as_array().into_iter().flatten() {
        let (key, value) = (parameter["key"].as_str().unwrap_or_default(), parameter["value"].as_str().unwrap_or_default());
        if key.is_empty() || key.len() > 16 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Fault::new("urlFieldError", "INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_KEY", "The key is invalid."));
        }
        if value.len() > 200 || value.contains(['{', '}', '[', ']']) {
            return Err(Fault::new("urlFieldError", "INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_VALUE", "The value is invalid."));
        }
    }
    let content = ad.get("responsiveSearchAd").ok_or_else(|| required(&path(&[("ad_data", None)])))?;
    for (member, proto, least, most, longest) in [("headlines", "headlines", 3, 15, 30), ("descriptions", "descriptions", 2, 4, 90)] {
        let texts: Vec<&str> = content[member].as_array().into_iter().flatten().filter_map(|text| text["text"].as_str()).collect();
        let at = path(&[("responsive_search_ad", None), (proto, None)]);
        if texts.len() < least {
            return Err(Fault::new("collectionSizeError", "TOO_FEW", "Too few texts.").at(&at));
        }
        if texts.len() > most {
            return Err(Fault::new("collectionSizeError", "TOO_MANY", "Too many texts.").at(&at));
        }
        if texts.iter().any(|text| text.chars().count() > longest) {
            return Err(Fault::new("stringLengthError", "TOO_LONG", "A text is too long.").at(&at));
        }
        if texts.iter().collect::<BTreeSet<_>>().len() < texts.len() {
            return Err(Fault::new("assetError", "DUPLICATE_ASSET", "A text appears twice.").at(&at));
        }
    }
    if content.get("path2").is_some() && content.get("path1").is_none() {
        return Err(required(&path(&[("responsive_search_ad", None), ("path1", None)])));
    }
    Ok(())
}

/// Whether the policy lets an ad stand; `excused` are the topics that a person asked to be let through.
pub(super) fn review(ad: &Value, excused: &Value) -> Result<(), Fault> {
    if excused.as_array().is_some_and(|topics| topics.iter().any(|topic| topic == TOPIC)) {
        return Ok(());
    }
    let content = &ad["responsiveSearchAd"];
    let texts = ["headlines", "descriptions"].into_iter().flat_map(|member| content[member].as_array().into_iter().flatten());
    let found: Vec<&str> = texts.filter_map(|text| text["text"].as_str()).filter(|text| text.contains(FORBIDDEN)).collect();
    if found.is_empty() {
        return Ok(());
    }
    let mut fault = Fault::new(
        "policyFindingError",
        "POLICY_FINDING",
        "The resource has been disapproved since the policy summary includes policy topics of type PROHIBITED.",
    )
    .at(&[("create", None), ("ad", None)]);
    let topics = json!([{ "topic": TOPIC, "type": "PROHIBITED", "evidences": [{ "textList": { "texts": found } }] }]);
    fault.details = Some(Box::new(json!({ "policyFindingDetails": { "policyTopicEntries": topics } })));
    Err(fault)
}

/// The type of an asset, the fact that keeps its content, and that content.
pub(super) fn asset(object: &Value) -> Result<(&'static str, &'static str, Value), Fault> {
    if let Some(data) = object.pointer("/imageAsset/data").and_then(Value::as_str) {
        let at: &[(&'static str, Option<usize>)] = &[("create", None), ("image_asset", None), ("data", None)];
        if data.len() / 4 * 3 > 5_120 * 1_024 {
            return Err(Fault::new("imageError", "FILE_TOO_LARGE", "The image is too large.").at(at));
        }
        if !["iVBOR", "/9j/", "R0lG"].iter().any(|start| data.starts_with(start)) {
            return Err(Fault::new("imageError", "INVALID_IMAGE", "The image is invalid.").at(at));
        }
        return Ok(("IMAGE", "image", json!(hex(&Sha256::digest(data.as_bytes())))));
    }
    if let Some(id) = object.pointer("/youtubeVideoAsset/youtubeVideoId").and_then(Value::as_str) {
        if id.len() != 11 {
            return Err(Fault::new("youtubeVideoRegistrationError", "VIDEO_NOT_FOUND", "The video is not found.").at(&[("create", None)]));
        }
        return Ok(("YOUTUBE_VIDEO", "youtube", json!(id)));
    }
    if let Some(text) = object.pointer("/textAsset/text").and_then(Value::as_str) {
        return Ok(("TEXT", "text", json!(text)));
    }
    Err(Fault::new("assetError", "ASSET_DATA_IS_MISSING", "The asset has no content.").at(&[("create", None)]))
}
