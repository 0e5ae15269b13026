//! What every platform checks before it builds a request: that the change is about this account, that the amount is one the platform can
//! take, and, before it goes out, that it goes where this account's requests go.

use std::cmp::Ordering;

use url::Url;

use super::loose::count_of;
use super::spec::{AccountSpec, is_number, sha256_hex};
use super::{PlatformError, WireRequest};
use crate::domain::change::Change;
use crate::domain::entity::{Budget, BudgetRef, EntityKey, Level, RunStatus};
use crate::domain::money::Money;

fn invalid<T>(what: String) -> Result<T, PlatformError> {
    Err(PlatformError::Validation(what))
}

/// What a request of this version changes, checked.
pub(super) enum Task<'a> {
    /// Set `budget`'s daily amount to `steps` of its unit.
    Budget { budget: &'a Budget, to: Money, steps: i64 },
    /// Let a campaign or ad group run, or stop it.
    Status { entity: &'a EntityKey, level: Owner, run: Run },
}

/// What has a status this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A campaign.
    Campaign,
    /// An ad group.
    AdGroup,
}

/// The two statuses that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Deliver.
    Start,
    /// Stop delivering.
    Stop,
}

/// Checks `change` against the account and the budget as last read.
///
/// # Errors
/// [`PlatformError::Unsupported`] or [`PlatformError::Validation`].
pub(super) fn task<'a>(spec: &AccountSpec, change: &'a Change, budget: Option<&'a Budget>) -> Result<Task<'a>, PlatformError> {
    if *change.account() != spec.account {
        return invalid(format!("the change is about account `{}`, this is `{}`", change.account(), spec.account));
    }
    match change {
        Change::Budget { budget: which, to, .. } => budget_task(which, *to, budget),
        Change::Status { entity, to, .. } => {
            let run = match to {
                RunStatus::Active => Run::Start,
                RunStatus::Paused => Run::Stop,
                RunStatus::Ended => return Err(PlatformError::Unsupported("ending an entity cannot be undone and is never done".to_owned())),
            };
            let level = match entity.level {
                Level::Campaign => Owner::Campaign,
                Level::AdGroup => Owner::AdGroup,
                Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => {
                    return Err(PlatformError::Unsupported(format!("the status of {} `{}` cannot be set", entity.level.name(), entity.id)));
                }
            };
            if !is_number(&entity.id) {
                return invalid(format!("`{}` is no id of this platform", entity.id));
            }
            Ok(Task::Status { entity, level, run })
        }
        Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. }
        | Change::CreateCampaign(_)
        | Change::CreateAdGroup(_)
        | Change::CreateCreative(_)
        | Change::CreateAd(_)
        | Change::UploadMedia(_) => Err(PlatformError::Unsupported(format!("{} is not written by this version", change.action().name()))),
    }
}

fn budget_task<'a>(which: &BudgetRef, to: Money, budget: Option<&'a Budget>) -> Result<Task<'a>, PlatformError> {
    let Some(budget) = budget.filter(|budget| budget.budget == *which) else {
        return invalid(format!("budget `{}` has not been read: its unit and resource are unknown", which.key));
    };
    if let Some(why) = budget.read_only {
        return invalid(format!("budget `{}` is read-only: {why:?}", which.key));
    }
    let steps = count_of(budget.unit, to)?;
    if steps <= 0 || to.compare(budget.minimum) != Ok(Ordering::Greater) && to != budget.minimum {
        return invalid(format!("{to} is below {}, the least this platform accepts for `{}`", budget.minimum, which.key));
    }
    Ok(Task::Budget { budget, to, steps })
}

/// A POST with its hash.
pub(super) fn request(url: String, content_type: &'static str, body: String) -> WireRequest {
    let body = body.into_bytes();
    WireRequest { method: "POST", url, body_sha256: sha256_hex(&body), body, content_type }
}

/// The address of a prepared request, if it is one of this account's: a stored request never reaches another host, nor in another form.
///
/// # Errors
/// [`PlatformError::Validation`].
pub(super) fn address(request: &WireRequest, base: &str) -> Result<Url, PlatformError> {
    if request.method != "POST" || !request.url.strip_prefix(base).is_some_and(|path| path.starts_with('/')) {
        return invalid(format!("the prepared request does not go to {base}: prepare it again"));
    }
    if request.body_sha256 != sha256_hex(&request.body) {
        return invalid("the prepared request is not the one whose hash was recorded: prepare it again".to_owned());
    }
    parse(&request.url)
}

/// A URL built by this room.
///
/// # Errors
/// [`PlatformError::Validation`].
pub(super) fn parse(url: &str) -> Result<Url, PlatformError> {
    Url::parse(url).map_err(|error| PlatformError::Validation(format!("`{url}` is no address: {error}")))
}

/// A URL with decoded parameters.
///
/// # Errors
/// [`PlatformError::Validation`].
pub(super) fn with_query(url: &str, parameters: &[(&str, &str)]) -> Result<Url, PlatformError> {
    Url::parse_with_params(url, parameters).map_err(|error| PlatformError::Validation(format!("`{url}` is no address: {error}")))
}
