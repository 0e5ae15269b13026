//! Google's errors: by error code where there is one, by HTTP status only when there is none.

use serde_json::Value;

use super::structure::finding;
use super::wire::{AdsError, QuotaDetails, Status};
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;
use crate::platforms::limits::{Pot, Wait};

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

/// What an error code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Calls came too fast: wait as announced, else this many seconds at first.
    Wait(u64),
    /// The quota of a day is used: wait as announced, else this many seconds at first.
    Spent(u64),
    /// Try a read again; of a write nothing is proven.
    Again,
    /// Somebody else writes the same object.
    Serialise,
    /// A fresh access token may help.
    Token,
    /// The sign-in does not hold any more: a person is needed.
    SignIn,
    /// A right is missing: a person is needed.
    Right,
    /// The advertising policy, or a declaration the account owes: a person is needed.
    Policy,
    /// The object is not there any more.
    Gone,
    /// Start the search over.
    PageToken,
    /// Wrong, and will stay wrong.
    Permanent,
}

/// Error codes by category; `*` is every other one of the category. Categories that are not here are [`Class::Permanent`].
pub(super) const TABLE: &[(&str, &str, Class)] = &[
    ("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", Class::Wait(10)),
    ("quotaError", "RESOURCE_EXHAUSTED", Class::Spent(3_600)),
    ("quotaError", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", Class::Wait(60)),
    ("quotaError", "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION", Class::Wait(3_600)),
    ("quotaError", "ACCESS_PROHIBITED", Class::Right),
    ("quotaError", "*", Class::Wait(60)),
    ("internalError", "*", Class::Again),
    ("databaseError", "CONCURRENT_MODIFICATION", Class::Serialise),
    ("databaseError", "*", Class::Again),
    ("authenticationError", "OAUTH_TOKEN_EXPIRED", Class::Token),
    ("authenticationError", "OAUTH_TOKEN_INVALID", Class::Token),
    ("authenticationError", "AUTHENTICATION_ERROR", Class::Token),
    ("authenticationError", "*", Class::SignIn),
    ("authorizationError", "*", Class::Right),
    ("headerError", "*", Class::Right),
    ("policyFindingError", "*", Class::Policy),
    ("policyViolationError", "*", Class::Policy),
    ("mutateError", "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", Class::Policy),
    ("criterionError", "MISSING_EU_POLITICAL_ADVERTISING_SELF_DECLARATION", Class::Policy),
    ("mutateError", "RESOURCE_NOT_FOUND", Class::Gone),
    ("requestError", "RESOURCE_NOT_FOUND", Class::Gone),
    ("campaignBudgetError", "CAMPAIGN_BUDGET_REMOVED", Class::Gone),
    ("operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", Class::Gone),
    ("adGroupAdError", "CANNOT_OPERATE_ON_REMOVED_ADGROUPAD", Class::Gone),
    ("requestError", "EXPIRED_PAGE_TOKEN", Class::PageToken),
    ("requestError", "INVALID_PAGE_TOKEN", Class::PageToken),
    ("mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES", Class::Serialise),
];

/// What a code of a category asks of us.
pub(super) fn class(category: &str, code: &str) -> Class {
    let found = TABLE.iter().find(|(known, name, _)| *known == category && (*name == code || *name == "*"));
    found.map_or(Class::Permanent, |(_, _, class)| *class)
}

/// The first failure of operations that failed by themselves, as `partialFailureError` tells it.
pub(super) fn partial(failure: &Value) -> Option<Fault> {
    let status: Status = serde_json::from_value(failure.clone()).ok()?;
    let details = status.details.unwrap_or_default();
    let id = details.iter().find_map(|detail| detail.request_id.clone()).unwrap_or_else(|| "none".to_owned());
    details.iter().flat_map(|detail| detail.errors.iter().flatten()).next().map(|error| by_code(error, &id))
}

fn by_code(error: &AdsError, id: &str) -> Fault {
    let code = error.error_code.iter().flatten().next();
    let (category, mut name) = code.map_or(("", ""), |(category, name)| (category.as_str(), name.as_str().unwrap_or_default()));
    // An error newer than this version tells its real name beside.
    if let ("ERROR_CODE_NOT_PUBLISHED", Some(real)) = (name, error.details.as_ref().and_then(|details| details.unpublished_error_code.as_deref())) {
        name = real;
    }
    let what = format!("{category}.{name}: {}{}{} (request-id {id})", clip(error.message.as_deref()), place(error), findings(error));
    let quota = error.details.as_ref().and_then(|details| details.quota_error_details.as_ref());
    match class(category, name) {
        Class::Wait(default) => quota_fault(quota, default, what),
        Class::Spent(default) => quota_fault(quota, default, what).all_spent(),
        Class::Again => PlatformError::Transient(what).into(),
        Class::Serialise => PlatformError::Conflict(what).into(),
        Class::Token => Fault::from(PlatformError::Auth(what)).with(Remedy::FreshToken),
        Class::SignIn => PlatformError::Auth(what).into(),
        Class::Right => PlatformError::Permission(what).into(),
        Class::Policy => PlatformError::Policy(what).into(),
        Class::Gone => PlatformError::NotFound(what).into(),
        Class::PageToken => Fault::from(PlatformError::Validation(what)).with(Remedy::StartOver),
        Class::Permanent => PlatformError::Validation(what).into(),
    }
}

/// Where in the request the error lies: ` at operations[1].update.amount_micros`.
fn place(error: &AdsError) -> String {
    let elements = error.location.as_ref().and_then(|location| location.field_path_elements.as_deref()).unwrap_or_default();
    let names: Vec<String> = elements
        .iter()
        .filter_map(|element| {
            let name = element.field_name.as_deref()?;
            Some(element.index.as_ref().map_or_else(|| name.to_owned(), |index| format!("{name}[{}]", index.0)))
        })
        .collect();
    if names.is_empty() { String::new() } else { format!(" at {}", names.join(".")) }
}

/// What the advertising policy found, in the platform's own words.
fn findings(error: &AdsError) -> String {
    let Some(details) = &error.details else { return String::new() };
    let topics = details.policy_finding_details.as_ref().and_then(|finding| finding.policy_topic_entries.as_deref()).unwrap_or_default();
    let mut all: Vec<String> = topics.iter().map(finding).collect();
    all.extend(details.policy_violation_details.as_ref().map(|violation| {
        let text = violation.key.as_ref().and_then(|key| key.violating_text.as_deref()).unwrap_or_default();
        let (name, words) = (violation.external_policy_name.as_deref(), violation.external_policy_description.as_deref());
        format!("{}: {} \"{}\"", name.unwrap_or("a policy"), clip(words), clip(Some(text)))
    }));
    if all.is_empty() { String::new() } else { format!("; {}", all.join("; ")) }
}

fn quota_fault(details: Option<&QuotaDetails>, default: u64, what: String) -> Fault {
    let announced = details.and_then(|quota| Wait::of_retry_delay(quota.retry_delay.as_deref()?));
    // Without a scope the wider one is meant: waiting too broadly costs time alone.
    let account = details.and_then(|quota| quota.rate_scope.as_deref()) == Some("ACCOUNT");
    let pot = if account { Pot::Account } else { Pot::App };
    Fault::quota(announced.unwrap_or(Wait::unsaid(default)), Reach::Pot(pot), what)
}

fn by_status(status: u16, text: String, reply: &Reply) -> Fault {
    let what = format!("HTTP {status} {text}");
    match status {
        401 => Fault::from(PlatformError::Auth(what)).with(Remedy::FreshToken),
        403 => PlatformError::Permission(what).into(),
        404 => PlatformError::NotFound(what).into(),
        409 => PlatformError::Conflict(what).into(),
        429 => {
            let wait = reply.header("retry-after").and_then(Wait::of_retry_after).unwrap_or(Wait::unsaid(10));
            Fault::quota(wait, Reach::Pot(Pot::Account), what)
        }
        400 | 402 | 405..=428 | 430..=499 | 501 => PlatformError::Validation(what).into(),
        _ => PlatformError::Transient(what).into(),
    }
}
