//! Meta's error codes, decided by code and subcode, never by text or HTTP status.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::wire::{AccountUsage, Failure, UseCase};
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// The body of a success, or what went wrong.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let Some(body) = reply.json() else {
        return Err(match reply.status {
            429 => PlatformError::Quota { wait: Duration::from_secs(MINUTE), what: "HTTP 429 without a reason".to_owned() },
            status => PlatformError::Transient(format!("HTTP {status} without JSON: {}", reply.excerpt())),
        }
        .into());
    };
    if let Some(error) = body.get("error") {
        let failure: Option<Failure> = serde_json::from_value(error.clone()).ok();
        return Err(failure.map_or_else(
            || PlatformError::Transient(format!("HTTP {}: an error in an unknown form: {}", reply.status, reply.excerpt())).into(),
            |failure| classify(&failure, &reply.headers),
        ));
    }
    match reply.status {
        200..=299 => Ok(body),
        status => Err(PlatformError::Transient(format!("HTTP {status} without an error: {}", reply.excerpt())).into()),
    }
}

/// What a code asks for.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// Ask for less at once.
    Shrink,
    /// Repeat a read; settle a write by reading.
    Repeat,
    /// Wait this many seconds; whom that stops.
    Throttle(u64, Reach),
    /// The account's score is used up: wait until it has decayed.
    Score,
    /// A business use case is used up: the headers say when it is free again.
    Regain,
    /// Ask a person for another token.
    SignIn,
    /// Ask a person for a right.
    Ask,
    /// Advertising is blocked: a person must look.
    Stop,
    /// Advertising policy refuses it.
    Reject,
    /// The object is not there, or not to be seen.
    Missing,
    /// The object is archived or deleted.
    Ended,
    /// The request is wrong and stays wrong.
    GiveUp,
}

/// Which subcodes a rule is about.
#[derive(Clone, Copy, Debug)]
enum Sub {
    /// Whatever it is, or none.
    Any,
    /// None at all.
    None,
    /// One of these.
    Of(&'static [i64]),
    /// One of these, as subcode or as the code itself.
    Either(&'static [i64]),
}

const WHATEVER: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// Every code the contract lists; the first rule that fits decides, and what none fits stays wrong.
const RULES: [(RangeInclusive<i64>, Sub, Behaviour); 36] = [
    (2..=2, Sub::Of(&[1_504_038]), Behaviour::Shrink),
    (100..=100, Sub::Of(&[1_504_018, 1_487_534]), Behaviour::Shrink),
    (1..=1, Sub::Of(&[99]), Behaviour::GiveUp),
    (2..=2, Sub::Of(&[1_504_041, 1_504_042]), Behaviour::GiveUp),
    (1..=2, Sub::Any, Behaviour::Repeat),
    (960..=960, Sub::Any, Behaviour::Repeat),
    // Reports alone are throttled, by app and account.
    (4..=4, Sub::Of(&[1_504_022, 1_504_039]), Behaviour::Throttle(5 * MINUTE, Reach::Account)),
    (4..=4, Sub::Any, Behaviour::Throttle(MINUTE, Reach::App)),
    // The spending limit was changed ten times today.
    (17..=17, Sub::Of(&[1_885_172]), Behaviour::Throttle(24 * HOUR, Reach::Object)),
    (17..=17, Sub::Any, Behaviour::Score),
    (32..=32, Sub::Any, Behaviour::Throttle(MINUTE, Reach::App)),
    (341..=341, Sub::Any, Behaviour::Throttle(MINUTE, Reach::App)),
    // One ad set's budget was changed four times within the hour.
    (613..=613, Sub::Of(&[1_487_632]), Behaviour::Throttle(HOUR, Reach::Object)),
    // Too many ads for what the account spends: nothing else waits for it.
    (613..=613, Sub::Of(&[1_487_225]), Behaviour::Throttle(HOUR, Reach::Object)),
    (613..=613, Sub::Of(&[5_044_001]), Behaviour::Throttle(SECOND, Reach::Account)),
    // Without a subcode it is a block for abuse.
    (613..=613, Sub::None, Behaviour::Stop),
    (613..=613, Sub::Any, Behaviour::Score),
    (80_000..=80_014, Sub::Any, Behaviour::Regain),
    (102..=102, Sub::Any, Behaviour::SignIn),
    (104..=104, Sub::Any, Behaviour::SignIn),
    // 458 app removed, 459 checkpoint, 460 password changed, 463 expired, 464 unconfirmed, 467 invalid, 492 page role.
    (190..=190, Sub::Any, Behaviour::SignIn),
    (3..=3, Sub::Any, Behaviour::Ask),
    (10..=10, Sub::Any, Behaviour::Ask),
    (200..=299, Sub::Any, Behaviour::Ask),
    (368..=368, Sub::Any, Behaviour::Stop),
    (WHATEVER, Sub::Either(&[1_404_078, 1_404_163, 2_859_015]), Behaviour::Stop),
    (WHATEVER, Sub::Either(&POLICY), Behaviour::Reject),
    (100..=100, Sub::Of(&[33]), Behaviour::Missing),
    (WHATEVER, Sub::Either(&[1_487_056, 1_487_566, 1_885_088]), Behaviour::Ended),
    // Budgets, bids, budget sharing, schedules, audiences, declarations, creatives: what is wrong says the text.
    (WHATEVER, Sub::Either(&WRONG), Behaviour::GiveUp),
    (100..=100, Sub::Any, Behaviour::GiveUp),
    (389..=389, Sub::Any, Behaviour::GiveUp),
    (2_500..=2_500, Sub::Any, Behaviour::GiveUp),
    // The version is retired: this program is to be renewed.
    (2_635..=2_635, Sub::Any, Behaviour::GiveUp),
    (3_018..=3_018, Sub::Any, Behaviour::GiveUp),
    // Internal, without anything of the above.
    (i64::MIN..=-1, Sub::Any, Behaviour::Repeat),
];

/// Codes and subcodes by which advertising policy refuses something.
const POLICY: [i64; 3] = [1_885_183, 2_490_427, 2_490_468];
/// Subcodes of 100 that also come as codes of their own.
const WRONG: [i64; 27] = [
    1_885_272, 1_885_650, 1_885_621, 2_238_055, 1_885_204, 2_490_487, 4_834_011, 4_834_002, 4_834_005, 4_834_006, 4_834_009, 3_858_418, 1_487_033, 1_487_007,
    1_870_227, 1_870_188, 1_870_189, 1_870_199, 3_858_081, 3_858_152, 2_446_509, 2_446_383, 1_815_199, 3_858_258, 1_487_929, 1_885_557, 1_815_629,
];

impl Sub {
    fn fits(self, code: i64, subcode: i64) -> bool {
        match self {
            Self::Any => true,
            Self::None => subcode == 0,
            Self::Of(subcodes) => subcodes.contains(&subcode),
            Self::Either(codes) => codes.contains(&subcode) || codes.contains(&code),
        }
    }
}

fn classify(failure: &Failure, headers: &HeaderMap) -> Fault {
    let number = |loose: &Option<_>| loose.as_ref().and_then(crate::platforms::loose::Loose::integer);
    let (code, subcode) = (number(&failure.code).unwrap_or(0), number(&failure.error_subcode).unwrap_or(0));
    let text = |field: &Option<String>| field.as_deref().map(|text| text.chars().take(300).collect::<String>()).filter(|text| !text.is_empty());
    let said = text(&failure.error_user_msg).or_else(|| text(&failure.message)).unwrap_or_else(|| "no text".to_owned());
    let what = format!("{code}/{subcode}: {said} (fbtrace_id {})", failure.fbtrace_id.as_deref().unwrap_or("none"));
    let message = failure.message.as_deref().unwrap_or_default();
    let rule = RULES.iter().find(|(codes, sub, _)| codes.contains(&code) && sub.fits(code, subcode)).map(|(.., behaviour)| *behaviour);
    // Three things stand in texts alone.
    let behaviour = match rule {
        _ if message.contains("reduce the amount of data") => Behaviour::Shrink,
        _ if code == 100 && message.contains("appsecret_proof") => return PlatformError::Auth(format!("{what}: check the app secret")).into(),
        _ if code == 2_500 && message.to_ascii_lowercase().contains("token") => Behaviour::SignIn,
        Some(behaviour) => behaviour,
        None if failure.is_transient == Some(true) => Behaviour::Repeat,
        None => Behaviour::GiveUp,
    };
    let quota = |wait: Duration, reach| Fault { error: PlatformError::Quota { wait, what: what.clone() }, reach, remedy: Remedy::None };
    match behaviour {
        Behaviour::Shrink => Fault::from(PlatformError::Transient(what)).with(Remedy::SmallerPage),
        Behaviour::Repeat => PlatformError::Transient(what).into(),
        Behaviour::Throttle(seconds, reach) => quota(Duration::from_secs(seconds), reach),
        Behaviour::Score => quota(decay(headers), Reach::Account),
        Behaviour::Regain => quota(regain(headers).unwrap_or(Duration::from_secs(5 * MINUTE)), Reach::Account),
        Behaviour::SignIn => PlatformError::Auth(what).into(),
        Behaviour::Ask => PlatformError::Permission(what).into(),
        Behaviour::Stop => PlatformError::Permission(format!("{what}: advertising is blocked; a person must look")).into(),
        Behaviour::Reject => PlatformError::Policy(what).into(),
        Behaviour::Missing => PlatformError::NotFound(what).into(),
        Behaviour::Ended => PlatformError::NotFound(format!("{what}: archived or deleted")).into(),
        Behaviour::GiveUp => PlatformError::Validation(what).into(),
    }
}

/// Whether a code or subcode says that advertising policy refused something.
pub(super) fn is_policy(code: i64) -> bool {
    POLICY.contains(&code)
}

fn json<T: serde::de::DeserializeOwned>(headers: &HeaderMap, name: &str) -> Option<T> {
    serde_json::from_str(headers.get(name)?.to_str().ok()?).ok()
}

fn use_cases(headers: &HeaderMap) -> impl Iterator<Item = UseCase> {
    let cases: Option<BTreeMap<String, Vec<UseCase>>> = json(headers, "x-business-use-case-usage");
    cases.into_iter().flatten().flat_map(|(_, entries)| entries)
}

fn seconds(amount: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(amount).ok()
}

/// The wait the headers announce, where they announce one; none at all still is a second.
fn regain(headers: &HeaderMap) -> Option<Duration> {
    let announced = use_cases(headers).filter_map(|case| seconds(case.estimated_time_to_regain_access? * 60.0)).max();
    announced.map(|wait| wait.max(Duration::from_secs(SECOND)))
}

/// How long the account's score needs: what the header says in seconds, else a minute, and five on the low tier.
fn decay(headers: &HeaderMap) -> Duration {
    let account: Option<AccountUsage> = json(headers, "x-ad-account-usage");
    let low = account.as_ref().is_some_and(|usage| usage.ads_api_access_tier.as_deref() == Some("development_access"));
    let least = Duration::from_secs(if low { 5 * MINUTE } else { MINUTE });
    account.and_then(|usage| seconds(usage.reset_time_duration?)).unwrap_or(least).max(least)
}

/// How long to go easy: from 85 % of any limit two minutes, from 95 % ten, or until the limit is announced to be free again.
pub(super) fn pressure(headers: &HeaderMap) -> Option<Duration> {
    let cases = use_cases(headers).flat_map(|case| [case.call_count, case.total_cputime, case.total_time]);
    let account: Option<AccountUsage> = json(headers, "x-ad-account-usage");
    let reset = account.as_ref().and_then(|usage| seconds(usage.reset_time_duration?));
    let throttle: Option<AccountUsage> = json(headers, "x-fb-ads-insights-throttle");
    let app: Option<UseCase> = json(headers, "x-app-usage");
    let app = app.into_iter().flat_map(|usage| [usage.call_count, usage.total_cputime, usage.total_time]);
    let highest = cases
        .chain(app)
        .chain([account, throttle].into_iter().flatten().flat_map(|usage| [usage.acc_id_util_pct, usage.app_id_util_pct]))
        .flatten()
        .fold(0.0, f64::max);
    match highest {
        at if at >= 95.0 => Some(regain(headers).or(reset).unwrap_or(Duration::ZERO).max(Duration::from_secs(10 * MINUTE))),
        at if at >= 85.0 => Some(Duration::from_secs(2 * MINUTE)),
        _ => None,
    }
}
