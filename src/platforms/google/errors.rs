//! Google's errors: by error code where there is one, by HTTP status only when there is none.

use std::time::Duration;

use serde_json::Value;

use super::wire::{AdsError, QuotaDetails, Status};
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;

/// The body of a success, or what went wrong. The streamed form wraps an error in a list.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let Some(body) = reply.json() else {
        return Err(by_status(reply.status, format!("without JSON: {}", reply.excerpt()), reply));
    };
    let error = body.get("error").or_else(|| body.get(0)?.get("error"));
    let status: Option<Status> = error.and_then(|error| serde_json::from_value(error.clone()).ok());
    match (error, status) {
        (None, _) if (200..300).contains(&reply.status) => Ok(body),
        (_, Some(status)) => Err(classify(&status, reply)),
        (_, None) => Err(by_status(reply.status, format!("in an unknown form: {}", reply.excerpt()), reply)),
    }
}

fn classify(status: &Status, reply: &Reply) -> Fault {
    let details = status.details.as_deref().unwrap_or_default();
    let id = details.iter().find_map(|detail| detail.request_id.as_deref()).or_else(|| reply.header("request-id")).unwrap_or("none");
    if let Some(error) = details.iter().flat_map(|detail| detail.errors.iter().flatten()).next() {
        return by_code(error, id);
    }
    let code = status.code.as_ref().and_then(|code| u16::try_from(code.integer()?).ok()).unwrap_or(reply.status);
    by_status(code, format!("{} (request-id {id})", clip(status.message.as_deref())), reply)
}

fn clip(text: Option<&str>) -> String {
    text.unwrap_or("no text").chars().take(300).collect()
}

fn by_code(error: &AdsError, id: &str) -> Fault {
    let code = error.error_code.iter().flatten().next();
    let (category, name) = code.map_or(("", ""), |(category, name)| (category.as_str(), name.as_str().unwrap_or_default()));
    let what = format!("{category}.{name}: {} (request-id {id})", clip(error.message.as_deref()));
    let quota = error.details.as_ref().and_then(|details| details.quota_error_details.as_ref());
    match (category, name) {
        ("quotaError", "ACCESS_PROHIBITED") => PlatformError::Permission(what).into(),
        ("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED") => quota_fault(quota, 10, what),
        ("quotaError", "RESOURCE_EXHAUSTED") => quota_fault(quota, 3_600, what),
        ("quotaError", _) => quota_fault(quota, 60, what),
        ("internalError", _) => PlatformError::Transient(what).into(),
        ("databaseError", "CONCURRENT_MODIFICATION") => PlatformError::Conflict(what).into(),
        ("databaseError", _) => PlatformError::Transient(what).into(),
        ("authenticationError", "OAUTH_TOKEN_EXPIRED" | "OAUTH_TOKEN_INVALID" | "AUTHENTICATION_ERROR") => {
            Fault::from(PlatformError::Auth(what)).with(Remedy::FreshToken)
        }
        ("authenticationError", _) => PlatformError::Auth(what).into(),
        ("authorizationError" | "headerError", _) => PlatformError::Permission(what).into(),
        ("policyFindingError" | "policyViolationError", _) | ("mutateError", "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED") => {
            PlatformError::Policy(what).into()
        }
        ("mutateError" | "requestError", "RESOURCE_NOT_FOUND")
        | ("campaignBudgetError", "CAMPAIGN_BUDGET_REMOVED")
        | ("operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE")
        | ("adGroupAdError", "CANNOT_OPERATE_ON_REMOVED_ADGROUPAD") => PlatformError::NotFound(what).into(),
        ("requestError", "EXPIRED_PAGE_TOKEN" | "INVALID_PAGE_TOKEN") => Fault::from(PlatformError::Validation(what)).with(Remedy::StartOver),
        ("mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES") => PlatformError::Conflict(what).into(),
        _ => PlatformError::Validation(what).into(),
    }
}

fn quota_fault(details: Option<&QuotaDetails>, default: u64, what: String) -> Fault {
    let announced = details.and_then(|quota| quota.retry_delay.as_deref()?.strip_suffix('s')?.parse().ok()).and_then(|s| Duration::try_from_secs_f64(s).ok());
    // Without a scope the wider one is meant: waiting too broadly costs time alone.
    let account = details.and_then(|quota| quota.rate_scope.as_deref()) == Some("ACCOUNT");
    let reach = if account { Reach::Account } else { Reach::App };
    Fault { error: PlatformError::Quota { wait: announced.unwrap_or(Duration::from_secs(default)), what }, reach, remedy: Remedy::None }
}

fn by_status(status: u16, text: String, reply: &Reply) -> Fault {
    let what = format!("HTTP {status} {text}");
    match status {
        401 => Fault::from(PlatformError::Auth(what)).with(Remedy::FreshToken),
        403 => PlatformError::Permission(what).into(),
        404 => PlatformError::NotFound(what).into(),
        409 => PlatformError::Conflict(what).into(),
        429 => {
            let wait = reply.header("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
            Fault { error: PlatformError::Quota { wait: Duration::from_secs(wait), what }, reach: Reach::Account, remedy: Remedy::None }
        }
        400 | 402 | 405..=428 | 430..=499 | 501 => PlatformError::Validation(what).into(),
        _ => PlatformError::Transient(what).into(),
    }
}
