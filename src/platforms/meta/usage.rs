//! What Meta's usage headers tell of its four counts: the app's, the account's score, and the account's two use cases that are called here.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::wire::{AccountUsage, UseCase};
use crate::platforms::call::{Asking, Cost, Reach, Told, Verb};
use crate::platforms::limits::{Pot, Wait};

const MINUTE: u64 = 60;
/// From which share on calls go easy, and for how long.
const FULL: (f64, Duration) = (0.85, Duration::from_secs(2 * MINUTE));
/// From which share on they rest, and for how long at least.
const BRIM: (f64, Duration) = (0.95, Duration::from_secs(10 * MINUTE));

/// One call of its use case; a point of the account's score for a read, three for a write.
pub(super) fn cost(asking: &Asking<'_>) -> Cost {
    let case = if asking.path.trim_end_matches('/').ends_with("/insights") { Pot::Reports } else { Pot::Management };
    let points = match asking.verb {
        Verb::Get => 1,
        Verb::Post => 3,
    };
    vec![(Pot::App, 1), (Pot::Account, points), (case, 1)]
}

/// What an account of an access level gets. Source: Meta's rate limits for the Marketing API; calls that active ads add come on top.
fn most(pot: Pot, tier: Option<&str>) -> Option<u32> {
    match (pot, tier?) {
        (Pot::Account, "development_access") => Some(60),
        (Pot::Account, "standard_access") => Some(9_000),
        (Pot::Management, "development_access") => Some(300),
        (Pot::Management, "standard_access") => Some(100_000),
        (Pot::Reports, "development_access") => Some(600),
        (Pot::Reports, "standard_access") => Some(190_000),
        _ => None,
    }
}

fn json<T: serde::de::DeserializeOwned>(headers: &HeaderMap, name: &str) -> Option<T> {
    serde_json::from_str(headers.get(name)?.to_str().ok()?).ok()
}

/// Use cases under whatever key they stand: it is documented as the business and seen to be the account.
fn use_cases(headers: &HeaderMap) -> impl Iterator<Item = UseCase> {
    let cases: Option<BTreeMap<String, Vec<UseCase>>> = json(headers, "x-business-use-case-usage");
    cases.into_iter().flatten().flat_map(|(_, entries)| entries)
}

fn pot(case: &UseCase) -> Option<Pot> {
    match case.kind.as_deref() {
        Some("ads_management") => Some(Pot::Management),
        Some("ads_insights") => Some(Pot::Reports),
        Some(_) | None => None,
    }
}

/// The wait announced for a use case: the longest, where several stand there or none is the one that refused.
pub(super) fn regain(headers: &HeaderMap, reach: Reach) -> Option<Wait> {
    let waits = |only: Option<Pot>| {
        let cases = use_cases(headers).filter(|case| only.is_none() || pot(case) == only);
        cases.filter_map(|case| Wait::of_regain_minutes(case.estimated_time_to_regain_access?)).reduce(Wait::or_longer)
    };
    match reach {
        Reach::Pot(pot) => waits(Some(pot)).or_else(|| waits(None)),
        Reach::Object => waits(None),
    }
}

/// How long the account's score needs: what the header says, else a minute, and five on the low tier.
pub(super) fn decay(headers: &HeaderMap) -> Wait {
    let account: Option<AccountUsage> = json(headers, "x-ad-account-usage");
    let low = account.as_ref().is_some_and(|usage| usage.ads_api_access_tier.as_deref() == Some("development_access"));
    let least = Wait::documented(if low { 5 * MINUTE } else { MINUTE });
    account.and_then(|usage| Wait::of_reset_seconds(usage.reset_time_duration?)).map_or(least, |wait| wait.or_longer(least))
}

fn tell(pot: Pot, percents: &[Option<f64>], free_in: Option<Wait>, tier: Option<&str>) -> Told {
    let share = percents.iter().flatten().copied().reduce(f64::max).map(|percent| percent / 100.0);
    let rest = match share {
        Some(at) if at >= BRIM.0 => Some(free_in.map_or(BRIM.1, |wait| wait.after(0).max(BRIM.1))),
        Some(at) if at >= FULL.0 => Some(FULL.1),
        Some(_) | None => None,
    };
    Told { pot, share, rest, most: most(pot, tier) }
}

/// Everything the headers of an answer tell.
pub(super) fn told(headers: &HeaderMap) -> Vec<Told> {
    let mut all: Vec<Told> = use_cases(headers)
        .filter_map(|case| {
            let free_in = case.estimated_time_to_regain_access.and_then(Wait::of_regain_minutes);
            Some(tell(pot(&case)?, &[case.call_count, case.total_cputime, case.total_time], free_in, case.ads_api_access_tier.as_deref()))
        })
        .collect();
    if let Some(usage) = json::<AccountUsage>(headers, "x-ad-account-usage") {
        let free_in = usage.reset_time_duration.and_then(Wait::of_reset_seconds);
        all.push(tell(Pot::Account, &[usage.acc_id_util_pct], free_in, usage.ads_api_access_tier.as_deref()));
    }
    if let Some(usage) = json::<AccountUsage>(headers, "x-fb-ads-insights-throttle") {
        all.push(tell(Pot::Reports, &[usage.acc_id_util_pct, usage.app_id_util_pct], None, usage.ads_api_access_tier.as_deref()));
    }
    if let Some(usage) = json::<UseCase>(headers, "x-app-usage") {
        all.push(tell(Pot::App, &[usage.call_count, usage.total_cputime, usage.total_time], None, None));
    }
    all
}
/// What Meta says of the version that was asked for: it answers by a later one where an endpoint has not changed.
pub(super) fn warned(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-ad-api-version-warning")?.to_str().ok()?;
    Some(text.chars().filter(|sign| !sign.is_control()).take(300).collect())
}
