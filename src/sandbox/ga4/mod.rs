//! GA4's Data API v1beta: reports, alone or in a batch, over what the site behind every campaign saw; what the property has, and what of it goes together.

mod ask;
mod rows;

#[cfg(test)]
mod tests;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::SandboxProperty;
use super::faults::Kind;
use super::wire::{Asked, Reply, token_is_ours};
use super::world::World;
use super::world::edits::Moment;
use crate::clock::ProductTime;

/// Tokens a day, and an hour for one project.
const PER_DAY: u32 = 200_000;
const PER_PROJECT: u32 = 14_000;

/// A property and what its reports have cost.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    set: SandboxProperty,
    /// The hour and the day that were counted last, with the tokens spent in them.
    hour: (i64, u32),
    day: (i64, u32),
}

impl Property {
    pub(crate) fn new(set: SandboxProperty) -> Self {
        Self { set, hour: (0, 0), day: (0, 0) }
    }

    /// Takes tokens, or names the bucket that is empty.
    fn spend(&mut self, tokens: u32, now: ProductTime) -> Result<Value, Refusal> {
        let hour = now.ms().div_euclid(TimeDelta::hours(1).num_milliseconds());
        let day = i64::from(chrono::Datelike::num_days_from_ce(&now.date_in(Tz::America__Los_Angeles)));
        if self.hour.0 != hour {
            self.hour = (hour, 0);
        }
        if self.day.0 != day {
            self.day = (day, 0);
        }
        let per_project = PER_PROJECT.min(self.set.tokens_per_hour);
        if self.day.1 >= PER_DAY {
            return Err(Refusal::Quota("Exhausted property tokens per day. These quota tokens will return in under 24 hours."));
        }
        if self.hour.1 >= per_project {
            return Err(Refusal::Quota("Exhausted property tokens for a project per hour."));
        }
        (self.hour.1, self.day.1) = (self.hour.1 + tokens, self.day.1 + tokens);
        let left = |of: u32, spent: u32| match of.saturating_sub(spent) {
            0 => json!({ "consumed": tokens }),
            remaining => json!({ "consumed": tokens, "remaining": remaining }),
        };
        Ok(json!({
            "tokensPerDay": left(PER_DAY, self.day.1), "tokensPerHour": left(self.set.tokens_per_hour, self.hour.1), "concurrentRequests": { "remaining": 10 },
            "serverErrorsPerProjectPerHour": { "remaining": 10 }, "potentiallyThresholdedRequestsPerHour": { "remaining": 120 },
            "tokensPerProjectPerHour": left(per_project, self.hour.1),
        }))
    }
}

/// Why a request is refused, in Google's form.
#[derive(Debug)]
enum Refusal {
    Argument(String),
    Token,
    Permission,
    Path,
    Quota(&'static str),
    Internal,
}

impl Refusal {
    fn reply(&self) -> Reply {
        let (code, status, message) = match self {
            Self::Argument(what) => (400, "INVALID_ARGUMENT", what.as_str()),
            Self::Token => (
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
            ),
            Self::Permission => (403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property."),
            Self::Quota(what) => (429, "RESOURCE_EXHAUSTED", *what),
            Self::Internal => (500, "INTERNAL", "Internal error encountered."),
            Self::Path => {
                let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
                return Reply { status: 404, headers, body: "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>".to_owned() };
            }
        };
        Reply::json(code, &json!({ "error": { "code": code, "message": message, "status": status } }))
    }
}

/// Answers a request to GA4's host.
pub(crate) fn answer(world: &mut World, asked: &Asked, moment: &Moment) -> Reply {
    route(world, asked, moment).map_or_else(|refusal| refusal.reply(), |body| Reply::json(200, &body))
}

fn route(world: &mut World, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let rest = asked.path.strip_prefix("/v1beta/properties/").ok_or(Refusal::Path)?;
    if !asked.bearer().is_some_and(token_is_ours) {
        return Err(Refusal::Token);
    }
    let (id, call) = rest.split_once([':', '/']).ok_or(Refusal::Path)?;
    let property = world.properties.iter().position(|property| property.set.id == id).ok_or(Refusal::Permission)?;
    let body = || asked.json().ok_or_else(|| Refusal::Argument("Invalid JSON payload received. Unexpected end of string.".to_owned()));
    match (asked.method == Method::POST, call) {
        (true, "runReport") => run(world, property, &body()?, moment),
        (true, "batchRunReports") => {
            let reports = ask::batch(&body()?, &world.properties[property].set).map_err(Refusal::Argument)?;
            let reports: Result<Vec<Value>, Refusal> = reports.iter().map(|one| run(world, property, one, moment)).collect();
            Ok(json!({ "reports": reports?, "kind": "analyticsData#batchRunReports" }))
        }
        (true, "checkCompatibility") => ask::compatibility(&body()?, &world.properties[property].set).map_err(Refusal::Argument),
        (false, "metadata") => Ok(ask::metadata(&world.properties[property].set)),
        (true | false, _) => Err(Refusal::Path),
    }
}

fn run(world: &mut World, property: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let set = world.properties[property].set.clone();
    let ask = ask::read(body, &set, moment.now).map_err(Refusal::Argument)?;
    let found = rows::of(world, &set, &ask, moment.seen);
    let days = u32::try_from((ask.to - ask.from).num_days()).unwrap_or(0);
    let quota = world.properties[property].spend(2 + days / 10 + u32::try_from(found.rows.len() / 1_000).unwrap_or(0), moment.now)?;
    let header = |name: &String| json!({ "name": name });
    let typed = |name: &String| json!({ "name": name, "type": rows::kind(name) });
    let mut answer = json!({
        "dimensionHeaders": ask.dimensions.iter().map(header).collect::<Vec<_>>(), "metricHeaders": ask.metrics.iter().map(typed).collect::<Vec<_>>(),
        "metadata": { "currencyCode": ask.currency.code(), "timeZone": set.time_zone.name() }, "kind": "analyticsData#runReport",
    });
    if found.thresholded {
        answer["metadata"]["subjectToThresholding"] = true.into();
    }
    if !found.rows.is_empty() {
        let cells = |cells: &[String]| cells.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>();
        let page = found.rows.iter().skip(ask.offset).take(ask.limit);
        answer["rows"] = page.map(|row| json!({ "dimensionValues": cells(&row.dimensions), "metricValues": cells(&row.metrics) })).collect();
        answer["rowCount"] = found.rows.len().into();
    }
    if ask.quota {
        answer["propertyQuota"] = quota;
    }
    Ok(answer)
}

/// The answer a fault puts in place of GA4's.
pub(crate) fn fault(kind: Kind) -> Reply {
    match kind {
        Kind::Http429 => Refusal::Quota("Exhausted property tokens for a project per hour."),
        Kind::RevokedToken => Refusal::Token,
        Kind::Http500 | Kind::Timeout | Kind::ResetBefore | Kind::ResetAfter | Kind::Duplicate | Kind::StaleRead | Kind::Slow | Kind::Clip => Refusal::Internal,
    }
    .reply()
}

/// Whether a service account's assertion is complete: three parts, RS256, and the documented claims with an hour of life at most. Whose key signed it
/// the sandbox cannot know.
pub(crate) fn assertion_holds(assertion: &str) -> bool {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return false };
    let json = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()).unwrap_or_default();
    let (header, claims) = (json(header), json(claims));
    let text = |name: &str| claims[name].as_str().is_some_and(|text| !text.is_empty());
    let lives = claims["exp"].as_i64().zip(claims["iat"].as_i64()).is_some_and(|(exp, iat)| (1..=3_600).contains(&(exp - iat)));
    header["alg"] == "RS256"
        && claims["aud"] == "https://oauth2.googleapis.com/token"
        && text("iss")
        && text("scope")
        && lives
        && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| signature.len() >= 256)
}
