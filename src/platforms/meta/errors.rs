//! Meta's error codes, decided by code and subcode, never by text or HTTP status.

use std::collections::BTreeMap;
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
            |failure| classify(&failure, regain(&reply.headers)),
        ));
    }
    match reply.status {
        200..=299 => Ok(body),
        status => Err(PlatformError::Transient(format!("HTTP {status} without an error: {}", reply.excerpt())).into()),
    }
}

fn classify(failure: &Failure, regain: Option<Duration>) -> Fault {
    let number = |loose: &Option<_>| loose.as_ref().and_then(crate::platforms::loose::Loose::integer);
    let (code, subcode) = (number(&failure.code).unwrap_or(0), number(&failure.error_subcode).unwrap_or(0));
    let text = |field: &Option<String>| field.as_deref().map(|text| text.chars().take(300).collect::<String>()).filter(|text| !text.is_empty());
    let said = text(&failure.error_user_msg).or_else(|| text(&failure.message)).unwrap_or_else(|| "no text".to_owned());
    let what = format!("{code}/{subcode}: {said} (fbtrace_id {})", failure.fbtrace_id.as_deref().unwrap_or("none"));
    let quota =
        |seconds: u64, reach| Fault { error: PlatformError::Quota { wait: Duration::from_secs(seconds), what: what.clone() }, reach, remedy: Remedy::None };
    let message = failure.message.as_deref().unwrap_or_default();
    let too_heavy = matches!((code, subcode), (2, 1_504_038) | (100, 1_504_018 | 1_487_534)) || message.contains("reduce the amount of data");
    match (code, subcode) {
        _ if too_heavy => Fault::from(PlatformError::Transient(what)).with(Remedy::SmallerPage),
        (1, 99) | (2, 1_504_041 | 1_504_042) => PlatformError::Validation(what).into(),
        (1 | 2 | 960, _) => PlatformError::Transient(what).into(),
        (4, 1_504_022 | 1_504_039) => quota(5 * MINUTE, Reach::Account),
        (4, _) => quota(MINUTE, Reach::App),
        (17, 1_885_172) => quota(24 * HOUR, Reach::Object),
        (613, 1_487_632) => quota(HOUR, Reach::Object),
        (613, 1_487_225) => quota(HOUR, Reach::Object),
        (613, 5_044_001) => quota(SECOND, Reach::Account),
        (17, _) | (613, 1_487_742) => quota(MINUTE, Reach::Account),
        (613, 0) => PlatformError::Permission(format!("{what}: calls are blocked as abuse; a person must look")).into(),
        (613, _) => quota(MINUTE, Reach::Account),
        (32 | 341, _) => quota(MINUTE, Reach::App),
        // Counted by business use case: the headers say when it is free again.
        (80_000..=80_014, _) => match regain {
            Some(wait) => Fault { error: PlatformError::Quota { wait, what }, reach: Reach::Account, remedy: Remedy::None },
            None => quota(5 * MINUTE, Reach::Account),
        },
        (102 | 104 | 190, _) => PlatformError::Auth(what).into(),
        (2_500, _) if message.to_ascii_lowercase().contains("token") => PlatformError::Auth(what).into(),
        (100, _) if message.contains("appsecret_proof") => PlatformError::Auth(format!("{what}: check the app secret")).into(),
        (3 | 10 | 200..=299, _) => PlatformError::Permission(what).into(),
        (368 | 1_404_078 | 1_404_163 | 2_859_015, _) | (_, 1_404_078 | 1_404_163 | 2_859_015) => {
            PlatformError::Permission(format!("{what}: advertising is blocked; a person must look")).into()
        }
        _ if is_policy(code) || is_policy(subcode) => PlatformError::Policy(what).into(),
        (100, 33) => PlatformError::NotFound(what).into(),
        (100, 1_487_056 | 1_487_566 | 1_885_088) | (1_487_056 | 1_487_566 | 1_885_088, _) => {
            PlatformError::NotFound(format!("{what}: archived or deleted")).into()
        }
        (100 | 2_500 | 2_635 | 3_018 | 389, _) => PlatformError::Validation(what).into(),
        _ if failure.is_transient == Some(true) => PlatformError::Transient(what).into(),
        (code, _) if code < 0 => PlatformError::Transient(what).into(),
        _ => PlatformError::Validation(what).into(),
    }
}

/// Whether a code or subcode says that advertising policy refused something.
pub(super) fn is_policy(code: i64) -> bool {
    matches!(code, 1_885_183 | 2_490_427 | 2_490_468)
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

/// How long to go easy: from 85 % of any limit two minutes, from 95 % ten, or until the limit is announced to be free again.
pub(super) fn pressure(headers: &HeaderMap) -> Option<Duration> {
    let cases = use_cases(headers).flat_map(|case| [case.call_count, case.total_cputime, case.total_time]);
    let account: Option<AccountUsage> = json(headers, "x-ad-account-usage");
    let reset = account.as_ref().and_then(|usage| seconds(usage.reset_time_duration?));
    let throttle: Option<AccountUsage> = json(headers, "x-fb-ads-insights-throttle");
    let app: Option<UseCase> = json(headers, "x-app-usage");
    let app = app.into_iter().flat_map(|usage| [usage.call_count, usage.total_cputime, usage.total_time]);
    let highest = cases.chain(app).chain([account, throttle].map(|usage| usage?.acc_id_util_pct)).flatten().fold(0.0, f64::max);
    match highest {
        at if at >= 95.0 => Some(regain(headers).or(reset).unwrap_or(Duration::ZERO).max(Duration::from_secs(10 * MINUTE))),
        at if at >= 85.0 => Some(Duration::from_secs(2 * MINUTE)),
        _ => None,
    }
}
