//! TikTok's Business API, v1.3, as far as a daemon that steers budgets and status needs it. Errors come with HTTP 200; the envelope's code decides.

mod lists;
mod report;
mod writes;

#[cfg(test)]
mod tests;

use axum::http::Method;
use serde_json::{Value, json};

use super::faults::Kind;
use super::wire::{Asked, Reply, token_is_ours};
use super::world::World;
use super::world::edits::Moment;
use crate::domain::entity::Platform;
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

/// Answers a request to the business API's host.
pub(crate) fn answer(world: &mut World, asked: &Asked, moment: &Moment) -> Reply {
    match route(world, asked, moment) {
        Ok(data) => envelope(200, 0, "OK", data, moment),
        Err(refusal) => refusal.reply(200, moment),
    }
}

fn route(world: &mut World, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let gone = || Refusal::new(40_400, "The requested API does not exist: check version, path and its trailing slash.");
    let path = asked.path.strip_prefix("/open_api/v1.3/").and_then(|path| path.strip_suffix('/')).ok_or_else(gone)?;
    match asked.header("access-token") {
        None | Some("") => return Err(Refusal::new(40_104, "Access token is null.")),
        Some(token) if token_is_ours(token) => {}
        Some(_) => return Err(Refusal::new(40_105, "Access token is incorrect or has been revoked.")),
    }
    if asked.method == Method::GET {
        return match path {
            "advertiser/info" => lists::advertisers(world, asked),
            "oauth2/advertiser/get" => Ok(lists::reachable(world)),
            "campaign/get" => lists::campaigns(world, advertiser(world, asked.param("advertiser_id"))?, asked, moment),
            "adgroup/get" => lists::ad_groups(world, advertiser(world, asked.param("advertiser_id"))?, asked, moment),
            "report/integrated/get" => report::integrated(world, advertiser(world, asked.param("advertiser_id"))?, asked, moment),
            _ => Err(gone()),
        };
    }
    if !asked.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Refusal::new(40_000, "Content-Type must be application/json."));
    }
    let body = asked.json().filter(Value::is_object).ok_or_else(|| Refusal::new(40_000, "The body is not a JSON object."))?;
    let account = advertiser(world, body["advertiser_id"].as_str())?;
    match path {
        "campaign/update" => writes::campaign(world, account, &body, moment),
        "campaign/status/update" => writes::campaign_status(world, account, &body, moment),
        "adgroup/update" => writes::ad_group(world, account, &body, moment),
        "adgroup/budget/update" => writes::ad_group_budget(world, account, &body, moment),
        "adgroup/status/update" => writes::ad_group_status(world, account, &body, moment),
        _ => Err(gone()),
    }
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
