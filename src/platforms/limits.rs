//! What gateways share: HTTP clients, and the counts of calls a platform makes of an app, a project, an account or a use case. Calls per second
//! run on the wall clock; hourly and daily quotas run on product time. A part of everything is kept for pausing and undoing.

mod allowance;
mod bucket;
mod wait;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::PlatformError;
use super::http::{Http, Route};
use crate::clock::Clock;

pub(super) use allowance::{Allowance, Pace};
use bucket::Kept;
pub(super) use bucket::{Bucket, admit, wall};
pub(super) use wait::Wait;

/// Longest an ordinary call waits here before it is refused instead.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Which share of the limits a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Observation and ordinary changes.
    Ordinary,
    /// Pauses and undos, and the reads they rest on: they may also use the reserve, and wait for nothing but what the platform itself asks for.
    Urgent,
}

/// How often something may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Calls a second of wall time; at least 5.
    pub per_second: u32,
    /// What may be used in a span of product time.
    pub allowance: Option<Allowance>,
}

impl Rate {
    /// So many a second, and no quota.
    pub(super) const fn per_second(per_second: u32) -> Self {
        Self { per_second, allowance: None }
    }
}

/// What a platform counts calls by. One call may count against several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pot {
    /// The app, or the project: everything of all its accounts.
    App,
    /// One account.
    Account,
    /// Meta's use case `ads_management` of one account.
    Management,
    /// Meta's use case `ads_insights` of one account.
    Reports,
}

/// HTTP clients and call counts, shared by every gateway of the daemon.
pub struct Limiters {
    clock: Clock,
    buckets: Mutex<BTreeMap<String, Arc<Bucket>>>,
    kept: BTreeMap<String, Kept>,
    clients: Mutex<BTreeMap<Route, Arc<Http>>>,
}

impl Limiters {
    /// No call counted yet; quotas of hours and days run on `clock`'s product time.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, buckets: Mutex::default(), kept: BTreeMap::new(), clients: Mutex::default() }
    }

    /// Goes on counting where [`Limiters::keep`] wrote `kept`; a text that cannot be read says nothing.
    #[must_use]
    pub fn recalling(self, kept: &str) -> Self {
        Self { kept: serde_json::from_str(kept).unwrap_or_default(), ..self }
    }

    /// What was counted, and what is waited for, so that a restart need not forget it. Names no account's secrets: apps stand in it by their hash.
    #[must_use]
    pub fn keep(&self) -> String {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        // Of what is not in use now, what was known stays.
        let mut kept = self.kept.clone();
        for (key, bucket) in buckets.iter() {
            kept.remove(key);
            kept.extend(bucket.keep().map(|found| (key.clone(), found)));
        }
        serde_json::to_string(&kept).expect("plain names and numbers")
    }

    /// The bucket every gateway that names `key` shares.
    pub(super) fn bucket(&self, key: &str, rate: Rate) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key.to_owned()).or_insert_with(|| {
            let bucket = Bucket::new(rate, self.clock.clone());
            self.kept.get(key).inspect(|kept| bucket.recall(kept));
            Arc::new(bucket)
        });
        // What is configured may have changed since; what was counted stays.
        if let Some(allowance) = rate.allowance {
            bucket.configure(allowance.most);
        }
        Arc::clone(bucket)
    }

    /// The clients every gateway of `route` shares.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub(super) fn http(&self, route: Route) -> Result<Arc<Http>, PlatformError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(http) = clients.get(&route) {
            return Ok(Arc::clone(http));
        }
        let http = Arc::new(Http::new(route)?);
        clients.insert(route, Arc::clone(&http));
        Ok(http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_of_one_app_share_its_bucket() {
        let limiters = Limiters::new(Clock::real());
        let rate = Rate::per_second(8);
        assert!(Arc::ptr_eq(&limiters.bucket("tiktok:app:1", rate), &limiters.bucket("tiktok:app:1", rate)));
    }
}
