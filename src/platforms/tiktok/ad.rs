//! New ads, and the images and videos they show.

use serde_json::{Map, Value, json};

use super::Tiktok;
use super::create::{NAME, has_emoji, named};
use super::part::Standing;
use super::raw::Raw;
use super::wire::List;
use crate::domain::change::Part;
use crate::domain::draft::{AdDraft, Content, Mark, MediaDraft, Medium, Shows};
use crate::platforms::found::button;
use crate::platforms::{PlatformError, WireRequest};

/// Longest name of a file, in characters.
const FILE_NAME: usize = 100;
/// Longest text of an ad; a Chinese or Japanese character counts twice.
const TEXT: usize = 100;
/// Most identities or media a page of theirs holds.
const SMALL_PAGE: usize = 100;
/// What every ad adds to its page, by which a visit is joined to campaign, ad group and ad.
pub(super) const UTM: [(&str, &str); 6] = [
    ("utm_source", "tiktok"),
    ("utm_medium", "paid_social"),
    ("utm_id", "__CAMPAIGN_ID__"),
    ("utm_campaign", "__CAMPAIGN_NAME__"),
    ("utm_term", "__AID__"),
    ("utm_content", "__CID__"),
];

fn invalid<T>(what: impl Into<String>) -> Result<T, PlatformError> {
    Err(PlatformError::Validation(what.into()))
}

fn unsupported<T>(what: &str) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what.to_owned()))
}

impl Tiktok {
    pub(super) async fn create_ad(&self, draft: &AdDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let content = match &draft.shows {
            Shows::Content { content } => content,
            Shows::Creative { .. } => return unsupported("creative: on TikTok the content goes out with the ad; give it as content"),
        };
        let name = named(&draft.name, mark, NAME)?;
        let part = Part { key: draft.ad_group.clone(), campaign: draft.campaign.clone() };
        match self.standing(&part).await? {
            Standing::Here(_) => {}
            Standing::Elsewhere(what) => return Err(PlatformError::Conflict(what)),
            Standing::Gone => return Err(PlatformError::NotFound(format!("ad group `{}` does not exist any more", draft.ad_group.id))),
        }
        let text = text(content)?;
        let shown = self.shown(content).await?;
        let identity = content.identity.as_deref().ok_or_else(|| PlatformError::Validation("identity: a TikTok ad speaks in somebody's name".to_owned()))?;
        let identities: Vec<Raw> = self.listed("identity/get/", "identity_list", &[("identity_type", "CUSTOMIZED_USER")]).await?;
        if !identities.iter().any(|row| row.text("identity_id").as_deref() == Some(identity)) {
            return unsupported("identity: not among the account's own identities (CUSTOMIZED_USER); ads in the name of a TikTok account are not made here");
        }
        let creative = creative(&name, content, text, identity, shown)?;
        Ok(self.post("ad/create/", &json!({ "advertiser_id": self.spec.platform_id, "adgroup_id": draft.ad_group.id, "creatives": [creative] })))
    }

    pub(super) fn upload(&self, draft: &MediaDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let (path, field, url) = match &draft.medium {
            Medium::Image { url } => ("file/image/ad/upload/", "image_url", url),
            Medium::Video { url } => ("file/video/ad/upload/", "video_url", url),
            Medium::Youtube { .. } => return unsupported("media: TikTok does not show videos that stand on YouTube; give its file's address"),
        };
        let name = named(&draft.name, mark, FILE_NAME)?;
        let body = json!({ "advertiser_id": self.spec.platform_id, "upload_type": "UPLOAD_BY_URL", field: self.source(url)?, "file_name": name });
        Ok(self.post(path, &body))
    }

    /// An address TikTok fetches from: https, or this machine where the account is the sandbox's.
    fn source<'a>(&self, url: &'a str) -> Result<&'a str, PlatformError> {
        let parsed = super::super::write::parse(url)?;
        let local = matches!(self.spec.credentials, crate::platforms::Credentials::Sandbox) && crate::platforms::spec::is_loopback(&parsed);
        if parsed.scheme() == "https" || (local && parsed.scheme() == "http") { Ok(url) } else { invalid(format!("media: `{url}` is no https address")) }
    }

    /// Format and media of an ad. A video has one image beside it, its cover, and must have been transcoded.
    async fn shown(&self, content: &Content) -> Result<(&'static str, Map<String, Value>), PlatformError> {
        // Ids of images are paths, those of videos are single words.
        let (images, videos): (Vec<&str>, Vec<&str>) = content.media.iter().map(|key| key.id.as_str()).partition(|id| id.contains('/'));
        let mut fields = Map::new();
        let format = match (videos.as_slice(), images.as_slice()) {
            ([video], [_]) => {
                let ids = json!([video]).to_string();
                let found: List<Raw> = self.get("file/video/ad/info/", &[("advertiser_id", &self.spec.platform_id), ("video_ids", &ids)]).await?;
                let Some(found) = found.list.and_then(|rows| rows.into_iter().next()) else {
                    return Err(PlatformError::NotFound(format!("video `{video}` is not in the account's library")));
                };
                if !found.loose("displayable").is_some_and(|ready| ready.yes()) {
                    return Err(PlatformError::Transient(format!("video `{video}` is still being transcoded")));
                }
                fields.insert("video_id".to_owned(), (*video).into());
                "SINGLE_VIDEO"
            }
            ([], [_]) => "SINGLE_IMAGE",
            ([_], []) => return invalid("media: a video on TikTok needs one image beside it as its cover, in the same shape"),
            ([], []) => return invalid("media: a TikTok ad shows one image, or one video with its cover"),
            ([], _) => return unsupported("media: several images need a piece of music on TikTok, which is not given here"),
            _ => return unsupported("media: a TikTok ad shows one video with one image as its cover"),
        };
        fields.insert("image_ids".to_owned(), json!(images));
        Ok((format, fields))
    }

    /// Every row of a list whose pages hold a hundred rows at most.
    pub(super) async fn listed(&self, path: &str, rows: &str, parameters: &[(&str, &str)]) -> Result<Vec<Raw>, PlatformError> {
        self.paged(path, rows, SMALL_PAGE, parameters).await
    }
}

/// An ad as TikTok takes it.
pub(super) fn creative(
    name: &str,
    content: &Content,
    text: &str,
    identity: &str,
    (format, shown): (&'static str, Map<String, Value>),
) -> Result<Value, PlatformError> {
    let mut creative = Map::from_iter([
        ("ad_name".to_owned(), name.into()),
        ("ad_format".to_owned(), format.into()),
        ("identity_type".to_owned(), "CUSTOMIZED_USER".into()),
        ("identity_id".to_owned(), identity.into()),
    ]);
    creative.extend(shown);
    creative.insert("ad_text".to_owned(), text.into());
    creative.extend(content.call_to_action.map(|call| ("call_to_action".to_owned(), button(call).into())));
    creative.insert("landing_page_url".to_owned(), page(&content.landing_url)?.into());
    creative.insert("utm_params".to_owned(), UTM.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect());
    creative.insert("operation_status".to_owned(), "DISABLE".into());
    Ok(Value::Object(creative))
}

pub(super) fn text(content: &Content) -> Result<&str, PlatformError> {
    if !content.headlines.is_empty() {
        return unsupported("headlines: a TikTok ad has one text and no headline");
    }
    let [text] = content.texts.as_slice() else {
        return if content.texts.is_empty() { invalid("texts: a TikTok ad needs one") } else { unsupported("texts: a TikTok ad has one; make an ad of each") };
    };
    let long: usize = text.chars().map(|c| if matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}') { 2 } else { 1 }).sum();
    if long == 0 || long > TEXT || has_emoji(text) {
        return invalid(format!("texts: 1 to {TEXT} characters without emoji, Chinese and Japanese ones count twice; this one counts {long}"));
    }
    Ok(text)
}

fn page(url: &str) -> Result<&str, PlatformError> {
    let parsed = super::super::write::parse(url)?;
    if matches!(parsed.scheme(), "https" | "http") { Ok(url) } else { invalid(format!("landing page: `{url}` is no web address")) }
}
