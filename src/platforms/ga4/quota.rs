//! The property's token buckets: when one is filled again, and when what is left of it asks for rest.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::wire::{Left, Quota};
use crate::clock::{ProductTime, day_start};

/// The zone in whose midnight the daily bucket is filled again.
const PACIFIC: Tz = Tz::America__Los_Angeles;
/// How long between two reads while less than a fifth is left of a bucket.
const SLOW: TimeDelta = TimeDelta::hours(4);

/// When a bucket is filled again.
type Filled = fn(ProductTime) -> ProductTime;

/// What an empty bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    /// Requests at the same time.
    Concurrent,
    /// Anything of an hour.
    Hour,
    /// Tokens of a day.
    Day,
}

/// Which bucket a refusal means: nothing but its text says so. What is not understood waits an hour.
pub(super) fn bucket(said: &str) -> Bucket {
    let said = said.to_ascii_lowercase();
    match (said.contains("concurrent"), said.contains("per day")) {
        (true, _) => Bucket::Concurrent,
        (false, true) => Bucket::Day,
        (false, false) => Bucket::Hour,
    }
}

/// Until when a property that refused in these words is not asked; `None` where a moment's wait is enough.
pub(super) fn refused(said: &str, now: ProductTime) -> Option<ProductTime> {
    match bucket(said) {
        Bucket::Concurrent => None,
        Bucket::Hour => Some(next_hour(now)),
        Bucket::Day => Some(next_day(now)),
    }
}

/// Its buckets, what a standard property gets of each, and when each is filled again. A larger property is spared a little early.
fn buckets(quota: &Quota) -> [(&'static str, Option<&Left>, i64, Filled); 5] {
    [
        ("tokens a day", quota.tokens_per_day.as_ref(), 200_000, next_day),
        ("tokens an hour", quota.tokens_per_hour.as_ref(), 40_000, next_hour),
        ("tokens an hour of the project", quota.tokens_per_project_per_hour.as_ref(), 14_000, next_hour),
        ("server errors an hour", quota.server_errors_per_project_per_hour.as_ref(), 10, next_hour),
        ("thresholded requests an hour", quota.potentially_thresholded_requests_per_hour.as_ref(), 120, next_hour),
    ]
}

/// Until when a property with so little left is not asked: at 5 % until the bucket is filled again, below 20 % for some hours.
pub(super) fn spare(quota: &Quota, now: ProductTime) -> Option<ProductTime> {
    let rest = |(_, left, of, filled): (&str, Option<&Left>, i64, Filled)| {
        let remaining = left?.remaining;
        if remaining * 20 <= of { Some(filled(now)) } else { (remaining * 5 < of).then(|| filled(now).min(now + SLOW)) }
    };
    buckets(quota).into_iter().filter_map(rest).max()
}

/// What is left of each bucket that was told.
pub(super) fn left(quota: &Quota, property: &str) -> Vec<(String, f64)> {
    let share = |(name, left, of, _): (&str, Option<&Left>, i64, Filled)| {
        Some((format!("GA4 {property}: {name}"), (left?.remaining as f64 / of as f64).clamp(0.0, 1.0)))
    };
    buckets(quota).into_iter().filter_map(share).collect()
}

fn next_hour(now: ProductTime) -> ProductTime {
    let hour = TimeDelta::hours(1).num_milliseconds();
    ProductTime::from_ms((now.ms().div_euclid(hour) + 1) * hour)
}

fn next_day(now: ProductTime) -> ProductTime {
    let today = now.date_in(PACIFIC);
    today.succ_opt().map_or(now + TimeDelta::days(1), |tomorrow| day_start(PACIFIC, tomorrow))
}
