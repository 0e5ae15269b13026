//! TikTok's Business API, v1.3, as far as a daemon that makes, steers and reads ads needs it. Errors come with HTTP 200; the envelope's code decides.

mod create;
mod group;
mod lists;
mod media;
mod models;
mod report;
mod task;
mod tools;
mod writes;

#[cfg(test)]
mod tests;

use axum::http::Method;
use serde_json::{Value, json};

use super::faults::Kind;
use super::wire::{Asked, Reply, token_is_ours};
use super::world::World;
use super::world::edits::Moment;
use crate::domain::entity::{Level, Platform};
use crate::domain::money::MICROS;

/// A refusal: TikTok's code and a text nobody should decide by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(40_002, message)
    }

    fn reply(&self, status: u16, moment: &Moment) -> Reply {
        envelope(status, self.code, &self.message, json!({}), moment)
    }
}

fn envelope(status: u16, code: i64, message: &str, data: Value, moment: &Moment) -> Reply {
    let stamp = moment.now.utc().format("%Y%m%d%H%M%S");
    let id = format!("{stamp}{}", moment.body_sha256.get(..20).unwrap_or("00000000000000000000").to_uppercase());
    Reply::json(status, &json!({ "code": code, "message": message, "request_id": id, "data": data }))
}

/// The header of a report that does not cover every id.
const CUT_SHORT: &str = "x-tt-ads-throttle";

/// What an answer says.
enum Said {
    /// What stands in an envelope.
    Data(Value),
    /// The same, of the newest ids alone.
    CutShort(Value),
    /// A report's table, without an envelope.
    Table(String),
    /// The same, of the newest ids alone.
    CutTable(String),
}

/// Answers a request to the business API's host.
pub(crate) fn answer(world: &mut World, asked: &Asked, moment: &Moment) -> Reply {
    match route(world, asked, moment) {
        Ok(Said::Data(data)) => envelope(200, 0, "OK", data, moment),
        Ok(Said::CutShort(data)) => envelope(200, 0, "OK", data, moment).with(CUT_SHORT, "1".to_owned()),
        Ok(Said::Table(table)) => Reply { status: 200, headers: vec![("content-type", "text/csv".to_owned())], body: table },
        Ok(Said::CutTable(table)) => Reply { status: 200, headers: vec![("content-type", "text/csv".to_owned()), (CUT_SHORT, "1".to_owned())], body: table },
        Err(refusal) => refusal.reply(200, moment),
    }
}

fn route(world: &mut World, asked: &Asked, moment: &Moment) -> Result<Said, Refusal> {
    let path = asked.path.strip_prefix("/open_api/v1.3/").and_then(|path| path.strip_suffix('/')).ok_or_else(gone)?;
    match asked.header("access-token") {
        None | Some("") => return Err(Refusal::new(40_104, "Access token is null.")),
        Some(token) if token_is_ours(token) => {}
        Some(_) => return Err(Refusal::new(40_105, "Access token is incorrect or has been revoked.")),
    }
    if asked.method == Method::GET {
        return read(world, asked, path, moment);
    }
    let kind = asked.header("content-type").unwrap_or_default();
    let body = if kind.starts_with("application/json") {
        asked.json().filter(Value::is_object).ok_or_else(|| Refusal::new(40_000, "The body is not a JSON object."))?
    } else if path.starts_with("file/")
        && let Some(mark) = kind.strip_prefix("multipart/form-data; boundary=")
    {
        form(&asked.body, mark)
    } else {
        return Err(Refusal::new(40_000, "Content-Type must be application/json."));
    };
    let account = advertiser(world, body["advertiser_id"].as_str())?;
    let said = match path {
        "report/task/create" => task::create(world, account, asked, &body, moment),
        "campaign/create" => create::campaign(world, account, &body, moment),
        "campaign/update" => writes::campaign(world, account, &body, moment),
        "campaign/status/update" => writes::status(world, account, Level::Campaign, &body, moment),
        "adgroup/create" => create::ad_group(world, account, &body, moment),
        "adgroup/update" => group::update(world, account, &body, moment),
        "adgroup/budget/update" => writes::ad_group_budget(world, account, &body, moment),
        "adgroup/status/update" => writes::status(world, account, Level::AdGroup, &body, moment),
        "ad/create" => create::ads(world, account, &body, moment),
        "ad/status/update" => writes::status(world, account, Level::Ad, &body, moment),
        "file/image/ad/upload" => media::upload(world, account, media::Kind::Image, &body, moment),
        "file/video/ad/upload" => media::upload(world, account, media::Kind::Video, &body, moment),
        _ => Err(gone()),
    };
    said.map(Said::Data)
}

fn gone() -> Refusal {
    Refusal::new(40_400, "The requested API does not exist: check version, path and its trailing slash.")
}

/// The parameters of each read; another one is refused, so that a wrong client is caught.
const PARAMETERS: [(&str, &[&str]); 16] = [
    ("report/task/check", &["advertiser_id", "task_id"]),
    ("report/task/download", &["advertiser_id", "task_id"]),
    ("advertiser/info", &["advertiser_ids", "fields"]),
    ("oauth2/advertiser/get", &["app_id", "secret"]),
    ("campaign/get", &LISTED),
    ("adgroup/get", &LISTED),
    ("ad/get", &LISTED),
    (
        "report/integrated/get",
        &[
            "advertiser_id",
            "advertiser_ids",
            "bc_id",
            "service_type",
            "report_type",
            "data_level",
            "dimensions",
            "metrics",
            "start_date",
            "end_date",
            "query_lifetime",
            "enable_total_metrics",
            "multi_adv_report_in_utc_time",
            "order_field",
            "order_type",
            "filtering",
            "query_mode",
            "page",
            "page_size",
        ],
    ),
    ("file/image/ad/search", &LIBRARY),
    ("file/video/ad/search", &LIBRARY),
    ("file/image/ad/info", &["advertiser_id", "image_ids"]),
    ("file/video/ad/info", &["advertiser_id", "video_ids"]),
    ("identity/get", &["advertiser_id", "identity_type", "identity_authorized_bc_id", "page", "page_size"]),
    ("pixel/list", &["advertiser_id", "pixel_id", "code", "name", "order_by", "filtering", "page", "page_size"]),
    (
        "tool/region",
        &[
            "advertiser_id",
            "placements",
            "objective_type",
            "promotion_target_type",
            "operating_system",
            "brand_safety_type",
            "brand_safety_partner",
            "level_range",
            "rf_campaign_type",
        ],
    ),
    ("ad/review_info", &["advertiser_id", "ad_ids", "lang"]),
];
const LISTED: [&str; 6] = ["advertiser_id", "fields", "exclude_field_types_in_response", "filtering", "page", "page_size"];
const LIBRARY: [&str; 4] = ["advertiser_id", "filtering", "page", "page_size"];

fn read(world: &mut World, asked: &Asked, path: &str, moment: &Moment) -> Result<Said, Refusal> {
    use media::Kind;
    let known = PARAMETERS.iter().find(|(known, _)| *known == path).map_or(&["advertiser_id"][..], |(_, names)| names);
    if let Some(unknown) = asked.query.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::invalid(format!("{unknown}: Unknown parameter.")));
    }
    match path {
        "advertiser/info" => return lists::advertisers(world, asked).map(Said::Data),
        "oauth2/advertiser/get" => return Ok(Said::Data(lists::reachable(world))),
        _ => {}
    }
    let account = advertiser(world, asked.param("advertiser_id"));
    let said = match path {
        "report/integrated/get" => {
            let (data, cut) = report::integrated(world, account?, asked, moment)?;
            return Ok(if cut { Said::CutShort(data) } else { Said::Data(data) });
        }
        "report/task/download" => {
            let (table, cut) = task::download(world, account?, asked, moment)?;
            return Ok(if cut { Said::CutTable(table) } else { Said::Table(table) });
        }
        "report/task/check" => task::check(world, account?, asked),
        "campaign/get" => lists::things(world, account?, Level::Campaign, asked, moment),
        "adgroup/get" => lists::things(world, account?, Level::AdGroup, asked, moment),
        "ad/get" => lists::things(world, account?, Level::Ad, asked, moment),
        "file/image/ad/search" => media::search(world, account?, Kind::Image, asked, moment),
        "file/video/ad/search" => media::search(world, account?, Kind::Video, asked, moment),
        "file/image/ad/info" => media::info(world, account?, Kind::Image, asked, moment),
        "file/video/ad/info" => media::info(world, account?, Kind::Video, asked, moment),
        "identity/get" => account.and_then(|_| tools::identities(asked)),
        "pixel/list" => account.and_then(|_| tools::pixels(asked)),
        "tool/region" => account.and_then(|_| tools::regions(asked)),
        "adgroup/quota" => Ok(tools::quota(world, account?)),
        "ad/review_info" => tools::reviews(world, account?, asked, moment),
        _ => Err(gone()),
    };
    said.map(Said::Data)
}

/// The texts of a multipart form, which uploads may be sent as, also those by address.
fn form(body: &[u8], mark: &str) -> Value {
    let text = String::from_utf8_lossy(body);
    let part = |part: &str| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let name = head.split("name=\"").nth(1)?.split('"').next()?;
        Some((name.to_owned(), Value::from(value.strip_suffix("\r\n").unwrap_or(value))))
    };
    Value::Object(text.split(&format!("--{}", mark.trim_matches('"'))).filter_map(part).collect())
}

fn advertiser(world: &World, id: Option<&str>) -> Result<usize, Refusal> {
    let id = id.ok_or_else(|| Refusal::invalid("advertiser_id: Missing data for required field."))?;
    world.account(Platform::Tiktok, id).ok_or_else(|| Refusal::new(40_001, format!("No permission to operate advertiser {id}.")))
}

/// The answer a fault puts in place of the platform's.
pub(crate) fn fault(kind: Kind, moment: &Moment) -> Reply {
    match kind {
        Kind::Http429 => Refusal::new(40_100, "Too many requests. Please retry later.").reply(200, moment),
        Kind::RevokedToken => Refusal::new(40_105, "Access token is incorrect or has been revoked.").reply(200, moment),
        Kind::Http500 | Kind::Timeout | Kind::ResetBefore | Kind::ResetAfter | Kind::Duplicate | Kind::StaleRead | Kind::Slow | Kind::Clip => {
            Refusal::new(50_000, "System error.").reply(500, moment)
        }
    }
}

/// Micros as a JSON number in major units.
fn major(micros: i64) -> Value {
    json!(micros as f64 / MICROS as f64)
}
