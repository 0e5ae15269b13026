//! The library: uploads by address, and videos that take a while until they can be shown.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::models::{known, required, word};
use super::writes::given;
use super::{Refusal, lists};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::New;

/// How long a video is transcoded, in seconds of product time.
const TRANSCODED_S: i64 = 120;
/// Longest page of the library.
const PAGE: usize = 100;

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An image.
    Image,
    /// A video.
    Video,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}

/// `file/image/ad/upload/` and `file/video/ad/upload/`: an object for an image, a list for a video.
pub(super) fn upload(world: &mut World, account: usize, kind: Kind, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let new = checked(world, account, kind, body).inspect_err(|refusal| world.refuse_creation(account, Level::Media, &refusal.code.to_string(), moment))?;
    let Some(made) = world.create(account, &new, moment) else { return Ok(json!({})) };
    let row = row(world, made, kind, moment.now);
    Ok(if kind == Kind::Video { json!([row]) } else { row })
}

fn checked(world: &World, account: usize, kind: Kind, body: &Value) -> Result<New, Refusal> {
    let address = format!("{}_url", kind.name());
    let switches = ["flaw_detect", "auto_fix_enabled", "auto_bind_enabled", "is_third_party"];
    let mut fields = vec!["advertiser_id", "upload_type", "file_name", address.as_str()];
    fields.extend(switches.iter().filter(|_| kind == Kind::Video));
    known(body, &fields)?;
    if word(body, "upload_type", &["UPLOAD_BY_FILE", "UPLOAD_BY_URL", "UPLOAD_BY_FILE_ID", "UPLOAD_BY_VIDEO_ID"])? != Some("UPLOAD_BY_URL") {
        return Err(Refusal::invalid("upload_type: the sandbox takes UPLOAD_BY_URL."));
    }
    required(body, &[&address])?;
    let url = body[address.as_str()].as_str().filter(|url| url.starts_with("https://") || url.starts_with("http://127.0.0.1"));
    let url = url.ok_or_else(|| Refusal::invalid(format!("{address}: Invalid URL.")))?;
    match url {
        url if url.contains("unreachable") => return Err(Refusal::new(40_902, "Downloading the file from the URL timed out.")),
        url if url.contains("too-large") => return Err(Refusal::new(40_907, "The file is too large.")),
        url if url.contains("missing") => return Err(Refusal::new(40_903, "The file is unavailable.")),
        _ => {}
    }
    let number = world.fresh_id(Platform::Tiktok, 0);
    let name = given(body, "file_name").map_or(Some(number.as_str()), Value::as_str).filter(|name| (1..=100).contains(&name.chars().count()));
    let name = name.ok_or_else(|| Refusal::invalid("file_name: 1 to 100 characters."))?.to_owned();
    let taken = world
        .things_of(account, Level::Media)
        .into_iter()
        .any(|medium| world.things[medium].facts.get("name").is_some_and(|known| known.at(world.things[medium].created) == name.as_str()));
    if taken {
        return Err(Refusal::new(40_911, "The file name is already used."));
    }
    let id = match kind {
        Kind::Image => format!("ad-site-i18n-sg/{number}"),
        Kind::Video => format!("v10033g50000{number}"),
    };
    let facts = Map::from_iter([("kind".to_owned(), kind.name().into()), ("url".to_owned(), url.into())]);
    Ok(New { level: Level::Media, id, parent: String::new(), name, status: RunStatus::Active, purse: None, facts })
}

/// Whether a video cannot be shown yet.
pub(super) fn is_working(world: &World, medium: usize, at: ProductTime) -> bool {
    let medium = &world.things[medium];
    medium.fact("kind", at) == Kind::Video.name() && at < medium.created + TimeDelta::seconds(TRANSCODED_S)
}

fn row(world: &World, medium: usize, kind: Kind, at: ProductTime) -> Value {
    let thing = &world.things[medium];
    let mut row = json!({
        "material_id": format!("73{:0>17}", medium), "file_name": thing.fact("name", at), "width": 720, "height": 1_280, "size": 98_765,
        "signature": "9e107d9d372bb6826bd81d3542a419d6", "displayable": !is_working(world, medium, at), "create_time": lists::stamp(thing.created),
        "modify_time": lists::stamp(thing.created),
    });
    match kind {
        Kind::Image => {
            row["image_id"] = thing.id.clone().into();
            row["format"] = "jpeg".into();
            row["image_url"] = thing.fact("url", at);
        }
        Kind::Video => {
            row["video_id"] = thing.id.clone().into();
            row["format"] = "mp4".into();
            row["duration"] = json!(12.5);
            row["preview_url"] = thing.fact("url", at);
            row["video_cover_url"] = "https://p16.example/cover.jpg".into();
        }
    }
    row
}

fn rows(world: &World, account: usize, kind: Kind, at: ProductTime) -> Vec<Value> {
    let of_kind = |medium: &usize| world.things[*medium].fact("kind", at) == kind.name() && world.things[*medium].created <= at;
    world.things_of(account, Level::Media).into_iter().filter(of_kind).map(|medium| row(world, medium, kind, at)).collect()
}

/// `file/image/ad/search/` and `file/video/ad/search/`.
pub(super) fn search(world: &World, account: usize, kind: Kind, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    lists::page(rows(world, account, kind, moment.seen), "list", PAGE, asked)
}

/// `file/image/ad/info/` and `file/video/ad/info/`.
pub(super) fn info(world: &World, account: usize, kind: Kind, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let (name, own, most) = if kind == Kind::Video { ("video_ids", "video_id", 60) } else { ("image_ids", "image_id", PAGE) };
    let ids = lists::list(asked, name)?.filter(|ids| (1..=most).contains(&ids.len())).ok_or_else(|| Refusal::invalid(format!("{name}: 1 to {most} ids.")))?;
    let mut rows = rows(world, account, kind, moment.seen);
    rows.retain(|row| row[own].as_str().is_some_and(|id| ids.iter().any(|wanted| wanted == id)));
    Ok(json!({ "list": rows }))
}
