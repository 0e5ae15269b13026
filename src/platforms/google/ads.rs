//! Responsive search ads: what they show, where they lead, and the parameter by which one is found again, since they have no name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::wire;
use crate::domain::draft::{Content, Mark};
use crate::platforms::PlatformError;

/// The parameters by which a visit is joined to its campaign; the platform fills in what stands in braces.
pub(super) const TRACKING: &str = "utm_source=google&utm_medium=cpc&utm_id={campaignid}&utm_campaign={campaignid}&utm_content={creative}&utm_term={adgroupid}";
/// The custom parameter that carries the mark.
const MARK: &str = "adj";

/// An ad to be made in `group`, paused.
///
/// # Errors
/// [`PlatformError::Unsupported`] naming what such an ad cannot show, [`PlatformError::Validation`] for texts it does not take.
pub(super) fn create(group: &str, content: &Content, mark: &Mark) -> Result<Value, PlatformError> {
    let named = [("call to action", content.call_to_action.is_some()), ("identity", content.identity.is_some())];
    let cannot: Vec<&str> = named.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    if !cannot.is_empty() {
        return Err(PlatformError::Unsupported(format!("{}: a responsive search ad shows headlines, texts and images alone", cannot.join(", "))));
    }
    let url = Url::parse(&content.landing_url).map_err(|error| PlatformError::Validation(format!("landing page `{}`: {error}", content.landing_url)))?;
    if !matches!(url.scheme(), "http" | "https") || content.landing_url.len() > 2_048 {
        return Err(PlatformError::Validation(format!("landing page `{}`: expected http or https, at most 2048 bytes", content.landing_url)));
    }
    Ok(json!({
        "adGroup": group,
        "status": "PAUSED",
        "ad": {
            "finalUrls": [content.landing_url],
            "finalUrlSuffix": TRACKING,
            "urlCustomParameters": [{ "key": MARK, "value": value(mark) }],
            "responsiveSearchAd": {
                "headlines": texts("headlines", &content.headlines, 3, 15, 30)?,
                "descriptions": texts("texts", &content.texts, 2, 4, 90)?,
            },
        },
    }))
}

/// Whether an ad carries the mark.
pub(super) fn carries(ad: &wire::Ad, mark: &Mark) -> bool {
    let parameters = ad.url_custom_parameters.as_deref().unwrap_or_default();
    parameters.iter().any(|parameter| parameter.key.as_deref() == Some(MARK) && parameter.value.as_deref() == Some(value(mark)))
}

/// The mark without its brackets.
fn value(mark: &Mark) -> &str {
    mark.as_str().trim_matches(['[', ']'])
}

fn texts(what: &str, all: &[String], least: usize, most: usize, longest: usize) -> Result<Value, PlatformError> {
    let wrong = |why: String| Err(PlatformError::Validation(format!("{what}: {why}")));
    if !(least..=most).contains(&all.len()) {
        return wrong(format!("{} of them: a responsive search ad takes {least} to {most}", all.len()));
    }
    let different: BTreeSet<&str> = all.iter().map(|text| text.trim()).collect();
    if different.len() < all.len() {
        return wrong("two are the same".to_owned());
    }
    match all.iter().find(|text| text.trim().is_empty() || width(text) > longest) {
        Some(text) => wrong(format!("`{text}` has not 1 to {longest} characters, wide ones counted twice")),
        None => Ok(all.iter().map(|text| json!({ "text": text })).collect()),
    }
}

/// Characters, East Asian wide ones twice.
fn width(text: &str) -> usize {
    let wide = |c: char| matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x2_0000..=0x3_fffd);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}
