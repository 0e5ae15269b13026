//! What gateways share: HTTP clients, and the counts of calls a platform makes of an app, a project or an account. Calls per second run on
//! the wall clock; hourly and daily quotas run on product time. A fifth of every rate is kept for pausing and undoing.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::PlatformError;
use super::http::{Http, Route};
use crate::clock::{Clock, ProductTime};

/// Longest an ordinary call waits here before it is refused instead.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Which share of the limits a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Observation and ordinary changes.
    Ordinary,
    /// Pauses and undos: they may also use the reserve, and do not wait behind a quota's pause.
    Urgent,
}

/// How often something may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Calls a second of wall time; at least 5.
    pub per_second: u32,
    /// Calls in a span of product time.
    pub quota: Option<(TimeDelta, u32)>,
}

/// HTTP clients and call counts, shared by every gateway of the daemon.
pub struct Limiters {
    clock: Clock,
    buckets: Mutex<BTreeMap<String, Arc<Bucket>>>,
    clients: Mutex<BTreeMap<Route, Arc<Http>>>,
}

impl Limiters {
    /// No call counted yet; quotas of hours and days run on `clock`'s product time.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, buckets: Mutex::default(), clients: Mutex::default() }
    }

    /// The bucket every gateway that names `key` shares.
    pub(super) fn bucket(&self, key: &str, rate: Rate) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry(key.to_owned()).or_insert_with(|| Arc::new(Bucket::new(rate, self.clock.clone()))))
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

/// Counts the calls of one app, project or account.
pub(super) struct Bucket {
    ordinary: DefaultDirectRateLimiter,
    reserve: DefaultDirectRateLimiter,
    quota: Option<(TimeDelta, u32)>,
    counted: Mutex<Counted>,
    held: Mutex<Option<Instant>>,
    clock: Clock,
}

/// Calls of the span that runs and of the one before it: an upper estimate of a sliding count.
struct Counted {
    since: ProductTime,
    now: u32,
    before: u32,
}

impl Bucket {
    fn new(rate: Rate, clock: Clock) -> Self {
        let reserve = NonZeroU32::new(rate.per_second / 5).unwrap_or(NonZeroU32::MIN);
        let ordinary = NonZeroU32::new(rate.per_second.saturating_sub(reserve.get())).unwrap_or(NonZeroU32::MIN);
        Self {
            ordinary: RateLimiter::direct(Quota::per_second(ordinary)),
            reserve: RateLimiter::direct(Quota::per_second(reserve)),
            quota: rate.quota,
            counted: Mutex::new(Counted { since: clock.now(), now: 0, before: 0 }),
            held: Mutex::new(None),
            clock,
        }
    }

    /// Takes one call, or says how long to wait for it.
    fn take(&self, lane: Lane) -> Result<(), Duration> {
        if let (Lane::Ordinary, Some(left)) = (lane, self.held_for()) {
            return Err(left);
        }
        let spare = lane == Lane::Urgent && self.reserve.check().is_ok();
        if !spare {
            self.ordinary.check().map_err(|not| not.wait_time_from(DefaultClock::default().now()).max(Duration::from_millis(1)))?;
        }
        self.spend_quota(lane)
    }

    fn spend_quota(&self, lane: Lane) -> Result<(), Duration> {
        let Some((span, most)) = self.quota else { return Ok(()) };
        let most = if lane == Lane::Ordinary { most - most / 10 } else { most };
        let (now, mut counted) = (self.clock.now(), self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        let gone = now - counted.since;
        if gone >= span + span {
            *counted = Counted { since: now, now: 0, before: 0 };
        } else if gone >= span {
            *counted = Counted { since: counted.since + span, now: 0, before: counted.now };
        }
        let left = span - (now - counted.since);
        let weighted = i64::from(counted.before) * left.num_milliseconds() / span.num_milliseconds().max(1);
        if i64::from(counted.now) + weighted >= i64::from(most) {
            return Err(self.clock.wall_span(left));
        }
        counted.now += 1;
        Ok(())
    }

    /// The time left of an announced wait.
    pub(super) fn held_for(&self) -> Option<Duration> {
        let until = (*self.held.lock().unwrap_or_else(PoisonError::into_inner))?;
        until.checked_duration_since(self.clock.instant()).filter(|left| !left.is_zero())
    }

    /// Keeps ordinary calls back for `wait`; never shortens a wait that runs.
    pub(super) fn hold(&self, wait: Duration) {
        let until = self.clock.instant() + wait;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(held.map_or(until, |old| old.max(until)));
    }

    /// Takes one call, waiting for it no longer than `patience`; `Err` is the wait that was too long.
    pub(super) async fn admit(&self, lane: Lane, patience: Duration) -> Result<(), Duration> {
        let began = self.clock.instant();
        loop {
            let Err(wait) = self.take(lane) else { return Ok(()) };
            if began.elapsed() + wait > patience {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(clock: &Clock, per_second: u32, quota: Option<(TimeDelta, u32)>) -> Arc<Bucket> {
        Limiters::new(clock.clone()).bucket("app", Rate { per_second, quota })
    }

    #[test]
    fn ordinary_work_cannot_use_up_what_is_kept_for_pauses() {
        let bucket = bucket(&Clock::real(), 10, None);
        let ordinary = (0..20).filter(|_| bucket.take(Lane::Ordinary).is_ok()).count();
        assert_eq!(ordinary, 8);
        assert_eq!((bucket.take(Lane::Urgent), bucket.take(Lane::Urgent)), (Ok(()), Ok(())));
        assert!(bucket.take(Lane::Urgent).is_err());
    }

    #[test]
    fn a_quota_of_an_hour_runs_on_product_time() {
        let clock = Clock::manual(ProductTime::from_ms(0));
        let bucket = bucket(&clock, 1_000, Some((TimeDelta::hours(1), 10)));
        assert_eq!((0..20).filter(|_| bucket.take(Lane::Ordinary).is_ok()).count(), 9, "a tenth is kept back");
        assert!(bucket.take(Lane::Urgent).is_ok());
        clock.advance(TimeDelta::hours(2));
        assert!(bucket.take(Lane::Ordinary).is_ok());
    }

    #[test]
    fn an_announced_wait_stops_everything_but_a_pause() {
        let bucket = bucket(&Clock::real(), 10, None);
        bucket.hold(Duration::from_secs(60));
        bucket.hold(Duration::from_secs(1));
        assert!(bucket.take(Lane::Ordinary).expect_err("held") > Duration::from_secs(50));
        assert_eq!(bucket.take(Lane::Urgent), Ok(()));
    }

    #[test]
    fn gateways_of_one_app_share_its_bucket() {
        let limiters = Limiters::new(Clock::real());
        let rate = Rate { per_second: 8, quota: None };
        assert!(Arc::ptr_eq(&limiters.bucket("tiktok:app:1", rate), &limiters.bucket("tiktok:app:1", rate)));
    }
}
