//! Meta's Marketing API, v26.0: the account, its campaigns and all below them, its library, reports, history. Its own wire types; nothing is shared
//! with the client.

mod activities;
mod below;
mod creates;
mod insights;
mod objects;
mod rules;
mod writes;

#[cfg(test)]
mod tests;

use axum::http::Method;
use serde_json::{Value, json};

use super::faults::Kind;
use super::throttle::Place;
use super::wire::{Asked, Reply, token_is_ours};
use super::world::World;
use super::world::edits::Moment;
use crate::domain::entity::{Level, Platform};
use crate::domain::money::{Currency, MICROS};

const VERSIONS: [&str; 2] = ["v26.0", "v25.0"];

/// A refusal in Meta's envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    code: i64,
    subcode: Option<i64>,
    transient: bool,
    message: String,
}

impl Refusal {
    fn new(code: i64, subcode: Option<i64>, message: impl Into<String>) -> Self {
        let status = match code {
            1 | 2 => 500,
            102 | 104 | 190 => 401,
            _ => 400,
        };
        Self { status, code, subcode, transient: matches!(code, 1 | 2 | 4 | 17), message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(100, None, message)
    }

    fn missing(id: &str) -> Self {
        Self::new(
            100,
            Some(33),
            format!(
                "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation."
            ),
        )
    }

    fn text(&self) -> String {
        self.subcode.map_or_else(|| self.code.to_string(), |subcode| format!("{}/{subcode}", self.code))
    }

    fn reply(&self, moment: &Moment) -> Reply {
        let mut error = json!({
            "message": self.message, "type": "OAuthException", "code": self.code, "is_transient": self.transient,
            "fbtrace_id": format!("A{:x}{}", moment.now.ms(), moment.body_sha256.get(..6).unwrap_or_default()),
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        Reply::json(self.status, &json!({ "error": error }))
            .with("www-authenticate", format!("OAuth \"Facebook Platform\" \"invalid_request\" \"{}\"", self.code))
    }
}

/// A use case whose calls Meta counts by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    /// Everything but reports.
    Management,
    /// Reports.
    Insights,
}

impl Case {
    fn of(asked: &Asked) -> Self {
        if asked.path.trim_end_matches('/').ends_with("/insights") { Self::Insights } else { Self::Management }
    }

    /// The name in headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Management => "ads_management",
            Self::Insights => "ads_insights",
        }
    }
}

/// Where a call counts: by use case and the account of what it is about.
pub(crate) fn case(world: &World, asked: &Asked) -> Place {
    let node = asked.path.trim_matches('/').split('/').nth(1).unwrap_or_default();
    let of_thing = || find(world, node).map(|thing| world.accounts[world.things[thing].account].id.as_str());
    let account = Some(node).filter(|node| node.starts_with("act_")).or_else(of_thing).unwrap_or_default();
    Place::Case(account.trim_start_matches("act_").to_owned(), Case::of(asked))
}

fn usage(account: &str, case: Case, percent: f64, minutes: u32) -> String {
    json!({ account: [{ "type": case.name(), "call_count": percent, "total_cputime": 2, "total_time": 3, "estimated_time_to_regain_access": minutes, "ads_api_access_tier": "standard_access" }] })
        .to_string()
}

/// An answer that tells how much of the use case is used.
pub(crate) fn with_usage(mut reply: Reply, account: &str, case: Case, percent: f64) -> Reply {
    for (_, value) in reply.headers.iter_mut().filter(|(name, _)| *name == "x-business-use-case-usage") {
        *value = usage(account, case, percent, 0);
    }
    reply
}

/// Answers a request to the Graph host.
pub(crate) fn answer(world: &mut World, asked: &Asked, moment: &Moment) -> Reply {
    match route(world, asked, moment) {
        Ok((body, account)) => {
            let reply = Reply::json(200, &body).with("x-app-usage", json!({ "call_count": 3, "total_cputime": 2, "total_time": 2 }).to_string());
            let Some(account) = account else { return reply };
            let digits = world.accounts[account].id.trim_start_matches("act_").to_owned();
            reply
                .with("x-business-use-case-usage", usage(&digits, Case::of(asked), 4.0, 0))
                .with("x-ad-account-usage", json!({ "acc_id_util_pct": 2.5, "reset_time_duration": 0, "ads_api_access_tier": "standard_access" }).to_string())
        }
        Err(refusal) => refusal.reply(moment),
    }
}

fn route(world: &mut World, asked: &Asked, moment: &Moment) -> Result<(Value, Option<usize>), Refusal> {
    let mut parts = asked.path.trim_matches('/').split('/');
    let version = parts.next().unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Err(Refusal::new(
            2635,
            None,
            format!("(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: {version}."),
        ));
    }
    authorise(asked, moment)?;
    if asked.query.contains_key("date_format") || asked.query.contains_key("ids") {
        return Err(Refusal::invalid("(#100) The parameters `date_format` and `ids` are no longer supported"));
    }
    let (node, edge) = (parts.next().unwrap_or_default(), parts.next());
    if asked.method == Method::POST {
        return match edge {
            None => writes::update(world, node, asked, moment).map(|account| (json!({ "success": true }), Some(account))),
            Some(edge) => {
                let account = world.account(Platform::Meta, node).ok_or_else(|| Refusal::missing(node))?;
                let body = match edge {
                    "campaigns" | "adsets" | "ads" | "adcreatives" | "adimages" | "advideos" => creates::create(world, account, edge, asked, moment)?,
                    "insights" => insights::submit(world, account, asked),
                    _ => return Err(Refusal::missing(node)),
                };
                Ok((body, Some(account)))
            }
        };
    }
    if asked.method != Method::GET {
        return Err(Refusal::new(100, Some(33), "Unsupported request: this edge takes no such method"));
    }
    match (node, edge) {
        ("search", None) => return search(asked).map(|body| (body, None)),
        ("debug_token", None) => return Ok((debugged(asked, moment), None)),
        ("me", Some("adaccounts")) => {
            let rows = world.accounts.iter().filter(|account| account.platform == Platform::Meta).map(|account| json!({ "id": account.id })).collect();
            return objects::page(rows, asked, moment).map(|body| (body, None));
        }
        _ => {}
    }
    if node.starts_with("act_") {
        let account = world.account(Platform::Meta, node).ok_or_else(|| Refusal::missing(node))?;
        let body = match edge {
            None => objects::account(world, account, asked)?,
            Some("campaigns") => objects::campaigns(world, &world.campaigns_of(account), asked, moment)?,
            Some("adsets") => below::list(world, account, Level::AdGroup, None, asked, moment)?,
            Some("ads") => below::list(world, account, Level::Ad, None, asked, moment)?,
            Some("adcreatives") => below::list(world, account, Level::Creative, None, asked, moment)?,
            Some("adimages") => below::library(world, account, false, asked, moment)?,
            Some("advideos") => below::library(world, account, true, asked, moment)?,
            Some("activities") => activities::list(world, account, asked, moment)?,
            Some("minimum_budgets") => objects::minimum_budgets(world, account),
            Some("insights") => insights::report(world, insights::Scope::Account(account), asked, moment)?,
            Some(_) => return Err(Refusal::missing(node)),
        };
        return Ok((body, Some(account)));
    }
    if let Some(answered) = insights::job(world, node, edge, asked, moment) {
        return answered;
    }
    let thing = find(world, node).filter(|thing| sees(world, *thing, moment)).ok_or_else(|| Refusal::missing(node))?;
    let (account, level) = (world.things[thing].account, world.things[thing].level);
    let body = match (edge, level, world.things[thing].campaign) {
        (None, Level::Campaign, Some(campaign)) => objects::campaign_node(world, campaign, asked, moment)?,
        (None, ..) => below::node(world, thing, asked, moment)?,
        (Some("adsets"), Level::Campaign, _) => below::list(world, account, Level::AdGroup, Some(node), asked, moment)?,
        (Some("ads"), Level::Campaign | Level::AdGroup, _) => below::list(world, account, Level::Ad, Some(node), asked, moment)?,
        (Some("insights"), Level::Campaign | Level::AdGroup | Level::Ad, _) => insights::report(world, insights::Scope::Thing(thing), asked, moment)?,
        (Some(_), ..) => return Err(Refusal::missing(node)),
    };
    Ok((body, Some(account)))
}

/// `GET search`: the numbers of languages by name.
fn search(asked: &Asked) -> Result<Value, Refusal> {
    const LOCALES: [(i64, &str); 9] = [
        (1_001, "English (All)"),
        (6, "English (US)"),
        (24, "English (UK)"),
        (1_002, "Spanish (All)"),
        (23, "Spanish"),
        (5, "German"),
        (1_003, "French (All)"),
        (10, "Italian"),
        (11, "Japanese"),
    ];
    if asked.param("type") != Some("adlocale") {
        return Err(Refusal::invalid("(#100) Param type: the sandbox searches for adlocale"));
    }
    let wanted = asked.param("q").unwrap_or_default().to_lowercase();
    let found = LOCALES.iter().filter(|(_, name)| name.to_lowercase().contains(&wanted));
    Ok(json!({ "data": found.map(|(key, name)| json!({ "key": key, "name": name })).collect::<Vec<_>>() }))
}

/// When a token ends, in seconds since the epoch: 0 is never. Those that begin so end when they say.
fn end_of(token: &str) -> i64 {
    token.strip_prefix("sandbox-ends-").and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

fn has_ended(token: &str, moment: &Moment) -> bool {
    let end = end_of(token);
    end > 0 && moment.now.ms() >= end.saturating_mul(1_000)
}

/// `GET debug_token`: a system user's token.
fn debugged(asked: &Asked, moment: &Moment) -> Value {
    let token = asked.param("input_token").unwrap_or_default();
    let valid = token_is_ours(token) && !has_ended(token, moment);
    json!({ "data": {
        "app_id": "100200300", "type": "SYSTEM_USER", "is_valid": valid, "expires_at": end_of(token), "data_access_expires_at": 0,
        "scopes": ["ads_management", "ads_read", "business_management"],
    } })
}

/// What of Meta's has this id.
fn find(world: &World, id: &str) -> Option<usize> {
    world.things.iter().position(|thing| thing.id == id && world.accounts[thing.account].platform == Platform::Meta)
}

/// Whether a read shows a thing: a stale one shows none that is newer than it.
fn sees(world: &World, thing: usize, moment: &Moment) -> bool {
    world.things[thing].created <= moment.seen
}

fn authorise(asked: &Asked, moment: &Moment) -> Result<(), Refusal> {
    let fields = asked.fields();
    let token = asked.bearer().or_else(|| asked.param("access_token")).or_else(|| fields.get("access_token").map(String::as_str));
    match token {
        None => Err(Refusal::new(104, None, "An access token is required to request this resource.")),
        Some(token) if has_ended(token, moment) => Err(Refusal::new(190, Some(463), "Error validating access token: Session has expired.")),
        Some(token) if token_is_ours(token) => Ok(()),
        Some(_) => Err(Refusal::new(190, Some(467), "Error validating access token: the token is invalid.")),
    }
}

/// The answer a fault puts in place of the platform's.
pub(crate) fn fault(kind: Kind, asked: &Asked, moment: &Moment) -> Reply {
    match kind {
        Kind::Http429 => {
            let minutes = u32::from(moment.wait_s > 1);
            let code = match Case::of(asked) {
                Case::Management => 80_004,
                Case::Insights => 80_000,
            };
            Refusal::new(code, None, format!("(#{code}) There have been too many calls to this ad-account. Wait a bit and try again."))
                .reply(moment)
                .with("x-business-use-case-usage", usage("1001", Case::of(asked), 101.0, minutes))
        }
        Kind::RevokedToken => Refusal::new(190, Some(460), "Error validating access token: the session has been invalidated.").reply(moment),
        Kind::Http500 | Kind::Timeout | Kind::ResetBefore | Kind::ResetAfter | Kind::Duplicate | Kind::StaleRead | Kind::Slow | Kind::Clip => {
            Refusal::new(2, None, "Service temporarily unavailable").reply(moment)
        }
    }
}

/// Micros in one of Meta's smallest units: a list of currencies counts whole units, the others hundredths.
pub(super) fn smallest_unit(currency: Currency) -> i64 {
    match currency.code() {
        "CLP" | "COP" | "CRC" | "HUF" | "ISK" | "IDR" | "JPY" | "KRW" | "PYG" | "TWD" | "VND" => MICROS,
        _ => MICROS / 100,
    }
}

/// The least daily budget in smallest units: about one US dollar.
fn least_budget(currency: Currency) -> i64 {
    100 * if smallest_unit(currency) == MICROS { 2 } else { 1 }
}
