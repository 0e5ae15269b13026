//! Images and videos. A video is fetched by Meta; an image goes there as a file, whose name carries the mark.

use serde_json::Value;

use super::Meta;
use super::create::text;
use super::form::Form;
use crate::domain::draft::{Mark, MediaDraft, Medium};
use crate::domain::entity::{EntityKey, Level};
use crate::platforms::spec::{is_number, sha256_hex};
use crate::platforms::{PlatformError, Sight, WireRequest};

/// What separates the file from the rest of a body: no image holds it by chance.
const BOUNDARY: &str = "adjutant-8c1f6b0e7d2a4f95b3c0";
/// The content type of a body with a file in it.
pub(super) const MULTIPART: &str = "multipart/form-data; boundary=adjutant-8c1f6b0e7d2a4f95b3c0";
/// What Meta's image hashes look like.
const HASH: usize = 32;

/// Whether a medium is an image or a video: the two have ids of another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By its hash.
    Image,
    /// By its number.
    Video,
}

/// What a key of the library names; `None` when it can be neither.
pub(super) fn kind_of(key: &EntityKey) -> Option<Kind> {
    match key.id.as_str() {
        id if id.len() == HASH && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => Some(Kind::Image),
        id if is_number(id) => Some(Kind::Video),
        _ => None,
    }
}

/// The name of an image's file: letters that need no escaping, and the mark before the ending.
fn file_name(name: &str, mark: &Mark) -> String {
    let plain: String = name.chars().map(|sign| if sign.is_ascii_alphanumeric() || " .-_".contains(sign) { sign } else { '_' }).collect();
    format!("{}.img", Meta::library_name(&plain, mark))
}

/// The request that uploads a medium.
pub(super) async fn compose(meta: &Meta, draft: &MediaDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
    match &draft.medium {
        Medium::Youtube { .. } => Err(PlatformError::Unsupported("a video that stands on YouTube: Meta takes the file, by its address".to_owned())),
        Medium::Video { url } => {
            if !url::Url::parse(url).is_ok_and(|url| url.scheme() == "https") {
                return Err(PlatformError::Validation("a video is fetched from an https address".to_owned()));
            }
            let name = Meta::library_name(&draft.name, mark);
            Ok(Form::default().with("file_url", url.as_str()).with("title", name.as_str()).with("name", name.as_str()).to(meta, &meta.edge("advideos")))
        }
        Medium::Image { url } => {
            let bytes = meta.image_at(url).await?;
            if bytes.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes()) {
                return Err(PlatformError::Validation("the image holds what separates it from the rest of the request".to_owned()));
            }
            let name = file_name(&draft.name, mark);
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            let body = [head.as_bytes(), &bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
            let url = format!("{}/{}", meta.base, meta.edge("adimages"));
            Ok(WireRequest { method: "POST", url, body_sha256: sha256_hex(&body), body, content_type: MULTIPART })
        }
    }
}

/// What stands in the library by that name; an image also by the hash that the answer named, for the same picture keeps the name it first came by.
pub(super) async fn look(meta: &Meta, draft: &MediaDraft, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
    let made = |id: String| Sight::Done { created: Some(meta.spec.key(Level::Media, &id)) };
    if let Medium::Image { .. } = draft.medium {
        let name = file_name(&draft.name, mark);
        let rows: Vec<Value> = meta.rows(&meta.edge("adimages"), &[("fields", "id,hash,name"), ("name", &name)]).await?;
        let named = rows.iter().find(|row| row["name"].as_str() == Some(name.as_str()));
        if let Some(hash) = named.and_then(|row| text(&row["hash"])) {
            return Ok(made(hash));
        }
        let Some(hash) = answered else { return Ok(Sight::Before) };
        let hashes = serde_json::json!([hash]).to_string();
        let rows: Vec<Value> = meta.rows(&meta.edge("adimages"), &[("fields", "id,hash,name"), ("hashes", &hashes)]).await?;
        return Ok(rows.iter().find(|row| row["hash"].as_str() == Some(hash)).map_or(Sight::Before, |_| made(hash.to_owned())));
    }
    let name = Meta::library_name(&draft.name, mark);
    let rows: Vec<Value> = meta.rows(&meta.edge("advideos"), &[("fields", "id,title,status"), ("title", &name)]).await?;
    let found: Vec<&Value> = rows.iter().filter(|row| row["title"].as_str().is_some_and(|title| mark.is_on(title))).collect();
    let Some(row) = found.first() else { return Ok(Sight::Before) };
    if found.len() > 1 {
        return Ok(Sight::Other(format!("{} videos carry the mark {}", found.len(), mark.as_str())));
    }
    let status = &row["status"];
    match (status["video_status"].as_str(), text(&row["id"])) {
        (Some("ready"), Some(id)) => Ok(made(id)),
        (Some("error" | "expired" | "upload_failed"), _) => {
            let said = status["processing_phase"]["errors"].as_array().into_iter().flatten().filter_map(|error| error["message"].as_str());
            let said = said.collect::<Vec<_>>().join("; ");
            Ok(Sight::Failed(if said.is_empty() { "the video could not be processed".to_owned() } else { said }))
        }
        _ => Ok(Sight::Working),
    }
}
