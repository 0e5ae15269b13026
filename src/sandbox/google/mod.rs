//! The Google Ads API over REST, v26, as far as a daemon that builds and steers search campaigns needs it, and the OAuth token endpoint beside it.

mod below;
mod constants;
mod criterion;
mod delivery;
mod events;
mod fields;
mod gaql;
mod mutate;
mod object;
mod plan;
mod policy;
mod rows;
mod search;

#[cfg(test)]
mod tests;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::faults::Kind;
use super::wire::{Asked, Reply, token_is_ours};
use super::world::World;
use super::world::edits::Moment;
use crate::domain::entity::Platform;

const VERSION: &str = "v26";
/// Where people consent.
const CONSENT: &str = "/o/oauth2/v2/auth";
/// What every code begins with.
const CODE: &str = "4/sandbox-";

/// One entry of a GoogleAdsFailure.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    category: &'static str,
    code: &'static str,
    message: String,
    /// Where in the request: proto names, the first with its index.
    path: Vec<(&'static str, Option<usize>)>,
    details: Option<Box<Value>>,
}

impl Fault {
    fn new(category: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { category, code, message: message.into(), path: Vec::new(), details: None }
    }

    fn at(mut self, path: &[(&'static str, Option<usize>)]) -> Self {
        self.path = path.to_vec();
        self
    }

    fn query(code: &'static str, message: impl Into<String>) -> Self {
        Self::new("queryError", code, message)
    }

    fn text(&self) -> String {
        format!("{}.{}", self.category, self.code)
    }

    fn json(&self) -> Value {
        let mut error = json!({ "errorCode": { self.category: self.code }, "message": self.message });
        if !self.path.is_empty() {
            let elements: Vec<Value> = self
                .path
                .iter()
                .map(|(name, index)| index.map_or_else(|| json!({ "fieldName": name }), |index| json!({ "fieldName": name, "index": index })))
                .collect();
            error["location"] = json!({ "fieldPathElements": elements });
        }
        if let Some(details) = &self.details {
            error["details"] = Value::clone(details);
        }
        error
    }
}

/// A request that fails as a whole.
#[derive(Clone, Debug)]
enum Refusal {
    /// With a GoogleAdsFailure.
    Failure { status: u16, faults: Vec<Fault> },
    /// The body does not fit the message: no GoogleAdsFailure.
    Body(String),
    /// The token is missing or bad: no GoogleAdsFailure.
    Token,
    /// A path or version that does not exist: an HTML page.
    Path,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Failure { status: 400, faults: vec![fault] }
    }
}

/// A number above `base` that stands for these words: the same for the same.
fn wire_number(words: &[&str], base: u32) -> String {
    let sum = words.iter().flat_map(|word| word.bytes().chain([0])).fold(17_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (base + sum % 9_000_000).to_string()
}

fn request_id(moment: &Moment) -> String {
    format!("AA{:x}{}", moment.now.ms(), moment.body_sha256.get(..8).unwrap_or("00000000"))
}

fn failure(faults: &[Fault], moment: &Moment) -> Value {
    let errors: Vec<Value> = faults.iter().map(Fault::json).collect();
    json!({ "@type": format!("type.googleapis.com/google.ads.googleads.{VERSION}.errors.GoogleAdsFailure"), "errors": errors, "requestId": request_id(moment) })
}

impl Refusal {
    fn reply(&self, moment: &Moment, stream: bool) -> Reply {
        let (code, name, message, details) = match self {
            Self::Failure { status, faults } => {
                let name = match status {
                    401 => "UNAUTHENTICATED",
                    403 => "PERMISSION_DENIED",
                    429 => "RESOURCE_EXHAUSTED",
                    500 => "INTERNAL",
                    _ => "INVALID_ARGUMENT",
                };
                (*status, name, "Request contains an invalid argument.".to_owned(), failure(faults, moment))
            }
            Self::Body(why) => {
                let text = format!("Invalid JSON payload received. {why}");
                let details = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{ "description": text }] });
                (400, "INVALID_ARGUMENT", text, details)
            }
            Self::Token => {
                let details = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_EXPIRED", "domain": "googleapis.com", "metadata": { "service": "googleads.googleapis.com" } });
                (
                    401,
                    "UNAUTHENTICATED",
                    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
                        .to_owned(),
                    details,
                )
            }
            Self::Path => {
                return Reply {
                    status: 404,
                    headers: vec![("content-type", "text/html; charset=UTF-8".to_owned())],
                    body: "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>".to_owned(),
                };
            }
        };
        let error = json!({ "error": { "code": code, "message": message, "status": name, "details": [details] } });
        Reply::json(code, &if stream { json!([error]) } else { error }).with("request-id", request_id(moment))
    }
}

/// Answers a request to the Google Ads or token host.
pub(crate) fn answer(world: &mut World, asked: &Asked, moment: &Moment) -> Reply {
    if asked.path == "/token" {
        return token(asked);
    }
    if asked.path == CONSENT {
        return consent(asked);
    }
    match route(world, asked, moment) {
        Ok(body) => Reply::json(200, &body).with("request-id", request_id(moment)),
        Err(refusal) => refusal.reply(moment, asked.path.ends_with(":searchStream")),
    }
}

fn route(world: &mut World, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let rest = asked.path.strip_prefix('/').and_then(|path| path.strip_prefix(VERSION)).and_then(|path| path.strip_prefix('/')).ok_or(Refusal::Path)?;
    if !asked.bearer().is_some_and(token_is_ours) {
        return Err(Refusal::Token);
    }
    if rest == "customers:listAccessibleCustomers" && asked.method == Method::GET {
        let names: Vec<String> =
            world.accounts.iter().filter(|account| account.platform == Platform::Google).map(|account| format!("customers/{}", account.id)).collect();
        return Ok(json!({ "resourceNames": names }));
    }
    let (customer, call) = rest.strip_prefix("customers/").and_then(|rest| rest.split_once('/')).ok_or(Refusal::Path)?;
    if asked.method != Method::POST {
        return Err(Refusal::Path);
    }
    let account = world.account(Platform::Google, customer).ok_or_else(|| Refusal::Failure {
        status: 403,
        faults: vec![Fault::new("authorizationError", "USER_PERMISSION_DENIED", "User doesn't have permission to access customer.")],
    })?;
    let body = asked.json().ok_or_else(|| Refusal::Body("Unexpected end of string or not an object.".to_owned()))?;
    match call {
        "googleAds:search" => search::search(world, account, &body, moment),
        "googleAds:searchStream" => search::stream(world, account, &body, moment),
        "googleAds:mutate" => mutate::mutate(world, account, mutate::Form::Many, &body, moment),
        call => match mutate::Collection::of_call(call) {
            Some(collection) => mutate::mutate(world, account, mutate::Form::One(collection), &body, moment),
            None => Err(Refusal::Path),
        },
    }
}

/// The page on which a person consents. Here everybody does, at once.
fn consent(asked: &Asked) -> Reply {
    let (Some(redirect), Some(state), Some(challenge)) = (asked.param("redirect_uri"), asked.param("state"), asked.param("code_challenge")) else {
        return Reply::json(400, &json!({ "error": "invalid_request", "error_description": "redirect_uri, state and code_challenge are needed" }));
    };
    // The code holds what the exchange must fit: nothing is kept.
    let answer = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).append_pair("code", &format!("{CODE}{challenge}")).finish();
    Reply { status: 302, headers: vec![("location", format!("{redirect}/?{answer}"))], body: String::new() }
}

/// Whether the one who brings the code is the one who asked for it.
fn code_fits(code: &str, verifier: &str) -> bool {
    code.strip_prefix(CODE) == Some(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())).as_str())
}

fn token(asked: &Asked) -> Reply {
    let fields = asked.fields();
    let refused = |status: u16, error: &str, why: &str| Reply::json(status, &json!({ "error": error, "error_description": why }));
    let known = match fields.get("grant_type").map(String::as_str) {
        Some("refresh_token") => fields.get("refresh_token").is_some_and(|token| token_is_ours(token)),
        Some("authorization_code") => {
            let named = |name: &str| fields.get(name).map_or("", String::as_str);
            if !code_fits(named("code"), named("code_verifier")) {
                return refused(400, "invalid_grant", "Malformed auth code.");
            }
            return Reply::json(
                200,
                &json!({
                    "access_token": "sandbox-google-access", "expires_in": 3_599, "refresh_token": "sandbox-refresh", "scope": "https://www.googleapis.com/auth/adwords",
                    "token_type": "Bearer"
                }),
            );
        }
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => fields.get("assertion").is_some_and(|assertion| super::ga4::assertion_holds(assertion)),
        _ => return refused(400, "unsupported_grant_type", "Invalid grant_type"),
    };
    if !known {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    }
    Reply::json(
        200,
        &json!({ "access_token": "sandbox-google-access", "expires_in": 3_599, "scope": "https://www.googleapis.com/auth/adwords", "token_type": "Bearer" }),
    )
}

/// Whose operations a call uses, and how many; nothing for signing in.
pub(crate) fn operations(asked: &Asked) -> Option<(Option<String>, u32)> {
    let rest = asked.path.strip_prefix('/')?.strip_prefix(VERSION)?.strip_prefix('/')?;
    let (customer, call) = match rest.strip_prefix("customers/") {
        Some(rest) => rest.split_once('/').map(|(customer, call)| (Some(customer.to_owned()), call))?,
        None => (None, rest),
    };
    let body = asked.json().unwrap_or_default();
    let listed = ["operations", "mutateOperations"].iter().find_map(|name| body[*name].as_array()).map_or(1, Vec::len);
    let follows = body["pageToken"].as_str().is_some_and(|token| !token.is_empty());
    let count = if call.ends_with(":mutate") { u32::try_from(listed).unwrap_or(u32::MAX) } else { u32::from(!follows) };
    Some((customer, count))
}

/// The refusal of a project that has used up its day.
pub(crate) fn spent(asked: &Asked, moment: &Moment) -> Reply {
    let mut fault = Fault::new("quotaError", "RESOURCE_EXHAUSTED", "Too many requests. Operations of the day are used up.");
    fault.details = Some(Box::new(
        json!({ "quotaErrorDetails": { "rateScope": "DEVELOPER", "rateName": "Operations per day", "retryDelay": format!("{}s", moment.wait_s) } }),
    ));
    Refusal::Failure { status: 429, faults: vec![fault] }.reply(moment, asked.path.ends_with(":searchStream"))
}

/// The answer a fault puts in place of the platform's.
pub(crate) fn fault(kind: Kind, asked: &Asked, moment: &Moment) -> Reply {
    let stream = asked.path.ends_with(":searchStream");
    match kind {
        Kind::Http429 => {
            let mut fault = Fault::new("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", format!("Too many requests. Retry in {} seconds.", moment.wait_s));
            fault.details = Some(Box::new(
                json!({ "quotaErrorDetails": { "rateScope": "ACCOUNT", "rateName": "Requests per account", "retryDelay": format!("{}s", moment.wait_s) } }),
            ));
            Refusal::Failure { status: 429, faults: vec![fault] }.reply(moment, stream)
        }
        Kind::RevokedToken if asked.path == "/token" => {
            Reply::json(400, &json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." }))
        }
        Kind::RevokedToken => {
            Refusal::Failure { status: 401, faults: vec![Fault::new("authenticationError", "OAUTH_TOKEN_REVOKED", "The OAuth token has been revoked.")] }
                .reply(moment, stream)
        }
        Kind::Http500 | Kind::Timeout | Kind::ResetBefore | Kind::ResetAfter | Kind::Duplicate | Kind::StaleRead | Kind::Slow | Kind::Clip => {
            Refusal::Failure { status: 500, faults: vec![Fault::new("internalError", "INTERNAL_ERROR", "An internal error has occurred.")] }
                .reply(moment, stream)
        }
    }
}
