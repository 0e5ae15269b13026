//! What an ad shows, in Meta's words: a page's post with a link and a picture, or with a video and its cover.

use serde_json::{Map, Value, json};

use super::Meta;
use super::media::{Kind, kind_of};
use crate::domain::draft::{CallToAction, Content};
use crate::domain::entity::{EntityKey, Level};
use crate::platforms::PlatformError;
use crate::platforms::found::button;
use crate::platforms::spec::is_number;

/// What Meta appends to every click's address; it fills in what stands in double braces.
pub(super) const TAGS: &str =
    "utm_source=meta&utm_medium=paid_social&utm_campaign={{campaign.name}}&utm_id={{campaign.id}}&utm_content={{ad.id}}&utm_term={{adset.id}}";

/// What keeps Meta from changing texts and pictures by itself: what was approved is what is shown.
pub(super) fn as_made() -> Value {
    let out = json!({ "enroll_status": "OPT_OUT" });
    json!({ "creative_features_spec": { "text_optimizations": out, "image_animation": out } })
}

/// The one of `texts`, if there is one.
fn only<'a>(texts: &'a [String], what: &str) -> Result<Option<&'a str>, PlatformError> {
    match texts {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        more => Err(PlatformError::Unsupported(format!("{} {what}: a Meta creative shows one, so make a creative of each", more.len()))),
    }
}

/// The `object_story_spec` of `content`.
///
/// # Errors
/// [`PlatformError::Validation`] or [`PlatformError::Unsupported`] for what makes no creative, or why a video could not be read.
pub(super) async fn spec(meta: &Meta, content: &Content) -> Result<Value, PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("a Meta creative {what}"));
    let page = content.identity.as_deref().filter(|page| is_number(page)).ok_or_else(|| wrong("names its page by its number"))?;
    if !url::Url::parse(&content.landing_url).is_ok_and(|url| url.scheme() == "https") {
        return Err(wrong("leads to an https address"));
    }
    let (headline, text) = (only(&content.headlines, "headlines")?, only(&content.texts, "texts")?);
    let of = |kind: Kind| -> Result<Option<&EntityKey>, PlatformError> {
        let mut found = content.media.iter().filter(|key| kind_of(key) == Some(kind));
        match (found.next(), found.next()) {
            (one, None) => Ok(one),
            (_, Some(_)) => Err(PlatformError::Unsupported("several media of one kind: a Meta creative shows one".to_owned())),
        }
    };
    if let Some(stranger) = content.media.iter().find(|key| kind_of(key).is_none() || key.account != meta.spec.account || key.level != Level::Media) {
        return Err(wrong(&format!("shows media of its own account's library, not `{stranger}`")));
    }
    let (image, video) = (of(Kind::Image)?, of(Kind::Video)?);
    let call = |call: CallToAction| json!({ "type": button(call), "value": { "link": content.landing_url } });
    let mut data = Map::new();
    let mut say = |name: &str, value: Option<Value>| drop(value.map(|value| data.insert(name.to_owned(), value)));
    let text = text.map(Value::from);
    let headline = headline.map(Value::from);
    let picture = image.map(|image| Value::from(image.id.as_str()));
    let member = match video {
        None => {
            say("link", Some(content.landing_url.as_str().into()));
            say("message", text);
            say("name", headline);
            say("image_hash", picture);
            say("call_to_action", content.call_to_action.map(call));
            "link_data"
        }
        Some(video) => {
            // A video without a cover is refused; Meta makes one of its own while it transcodes.
            let cover = if picture.is_some() { None } else { Some(cover(meta, &video.id).await?.into()) };
            say("video_id", Some(video.id.as_str().into()));
            say("message", text);
            say("title", headline);
            say("image_hash", picture);
            say("image_url", cover);
            // A video has no link of its own: the button carries it.
            say("call_to_action", Some(call(content.call_to_action.unwrap_or(CallToAction::LearnMore))));
            "video_data"
        }
    };
    Ok(json!({ "page_id": page, member: data }))
}

async fn cover(meta: &Meta, video: &str) -> Result<String, PlatformError> {
    let found = meta.get(video, &[("fields", "id,status,picture")]).await?;
    let missing = || PlatformError::Validation(format!("video `{video}` has no picture of its own yet: wait until it is ready, or name an image beside it"));
    found["picture"].as_str().map(str::to_owned).ok_or_else(missing)
}
