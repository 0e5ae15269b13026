//! Counts the calls of one thing that a platform counts by, and keeps them back while they must wait.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};

use super::allowance::{Allowance, Kept as KeptLedger, Ledger};
use super::wait::Wait;
use super::{Lane, Rate};
use crate::clock::{Clock, ClockMode, WallTime};

/// Calls of one app, project, account or use case.
pub(in crate::platforms) struct Bucket {
    ordinary: DefaultDirectRateLimiter,
    reserve: DefaultDirectRateLimiter,
    ledger: Option<Mutex<Ledger>>,
    held: Mutex<Held>,
    clock: Clock,
}

/// What a restart must not forget of a bucket; waits in milliseconds of UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    ledger: Option<KeptLedger>,
    ordinary_until_ms: Option<i64>,
    urgent_until_ms: Option<i64>,
}

/// The longest wait that is believed of what was kept: a platform's day, and an hour in which its clock may change.
const LONGEST_KEPT: Duration = Duration::from_secs(25 * 3_600);

/// Until when calls are kept back.
#[derive(Clone, Copy, Default)]
struct Held {
    ordinary: Option<Instant>,
    urgent: Option<Instant>,
    /// Refusals since the last answer that was none.
    refusals: u32,
}

impl Bucket {
    pub(super) fn new(rate: Rate, clock: Clock) -> Self {
        let reserve = NonZeroU32::new(rate.per_second / 5).unwrap_or(NonZeroU32::MIN);
        let ordinary = NonZeroU32::new(rate.per_second.saturating_sub(reserve.get())).unwrap_or(NonZeroU32::MIN);
        Self {
            ordinary: RateLimiter::direct(Quota::per_second(ordinary)),
            reserve: RateLimiter::direct(Quota::per_second(reserve)),
            ledger: rate.allowance.map(|of| Mutex::new(Ledger::new(of, clock.now()))),
            held: Mutex::default(),
            clock,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> Option<T> {
        self.ledger.as_ref().map(|ledger| act(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// What a restart must not forget; none where there is nothing of the kind.
    pub(super) fn keep(&self) -> Option<Kept> {
        let until = |lane| Some(self.clock.wall().after(self.held_for(lane)?).ms());
        let kept = Kept { ledger: self.ledger(|ledger| ledger.keep()), ordinary_until_ms: until(Lane::Ordinary), urgent_until_ms: until(Lane::Urgent) };
        (kept.ledger.is_some() || kept.ordinary_until_ms.is_some()).then_some(kept)
    }

    /// Goes on where `kept` ended.
    pub(super) fn recall(&self, kept: &Kept) {
        if let Some(ledger) = &kept.ledger {
            self.ledger(|own| own.recall(ledger, self.clock.now()));
        }
        let (now, wall) = (self.clock.instant(), self.clock.wall());
        let until = |ms: Option<i64>| {
            let left = u64::try_from(WallTime::from_ms(ms?).ms() - wall.ms()).ok().map(Duration::from_millis)?;
            Some(now + left.min(LONGEST_KEPT))
        };
        let mut held = self.held();
        held.ordinary = held.ordinary.max(until(kept.ordinary_until_ms));
        held.urgent = held.urgent.max(until(kept.urgent_until_ms));
    }

    /// How long a call that counts as `units` must not go; nothing is taken by asking.
    fn blocked(&self, lane: Lane, units: u32) -> Option<Duration> {
        let ledger = || self.ledger(|ledger| ledger.ask(lane, units, self.clock.now()))?.err();
        self.held_for(lane).max(ledger().map(|wait| self.clock.wall_span(wait)))
    }

    /// Takes one of the calls of this second, or says how long to wait for it.
    fn pace(&self, lane: Lane) -> Result<(), Duration> {
        if lane == Lane::Urgent && self.reserve.check().is_ok() {
            return Ok(());
        }
        self.ordinary.check().map_err(|not| not.wait_time_from(DefaultClock::default().now()).max(Duration::from_millis(1)))
    }

    fn book(&self, lane: Lane, units: u32) {
        self.ledger(|ledger| ledger.book(lane, units, self.clock.now()));
    }

    /// How long calls of a lane are still kept back.
    pub(in crate::platforms) fn held_for(&self, lane: Lane) -> Option<Duration> {
        let held = *self.held();
        let until = match lane {
            Lane::Ordinary => held.ordinary.max(held.urgent),
            Lane::Urgent => held.urgent,
        };
        until?.checked_duration_since(self.clock.instant()).filter(|left| !left.is_zero())
    }

    /// Keeps ordinary calls back for a while before the platform has to; never shortens what runs.
    pub(in crate::platforms) fn rest(&self, span: Duration) {
        let until = self.clock.instant() + wall(&self.clock, span);
        let mut held = self.held();
        held.ordinary = held.ordinary.max(Some(until));
    }

    /// The platform refused for too many calls: nothing goes before the wait is over. Returns the wait as it passes on the wall.
    pub(in crate::platforms) fn refused(&self, wait: Wait) -> Duration {
        let (mut held, now) = (self.held(), self.clock.instant());
        let (ordinary, urgent) = (wall(&self.clock, wait.after(held.refusals)), wall(&self.clock, wait.for_pauses()));
        held.refusals = held.refusals.saturating_add(1);
        self.ledger(Ledger::refused);
        held.ordinary = held.ordinary.max(Some(now + ordinary));
        held.urgent = held.urgent.max(Some(now + urgent));
        ordinary
    }

    /// The platform took a call.
    pub(in crate::platforms) fn answered(&self) {
        self.held().refusals = 0;
    }

    /// The platform says that all of the span is used.
    pub(in crate::platforms) fn spent(&self) {
        self.ledger(|ledger| ledger.spent(self.clock.now()));
    }

    /// The platform says which share is used: 1 is all.
    pub(in crate::platforms) fn tell(&self, share: f64) {
        self.ledger(|ledger| ledger.tell(share, self.clock.now()));
    }

    /// The platform says what this access level gets.
    pub(in crate::platforms) fn resize(&self, most: u32) {
        self.ledger(|ledger| ledger.resize(most, self.clock.now()));
    }

    /// What is configured of the platform's access level; what the platform itself told since goes before it.
    pub(super) fn configure(&self, most: u32) {
        self.ledger(|ledger| ledger.configure(most, self.clock.now()));
    }

    /// What is counted, and which share of it is left.
    pub(in crate::platforms) fn left(&self) -> Option<(Allowance, f64)> {
        self.ledger(|ledger| (ledger.of(), ledger.left(self.clock.now())))
    }
}

/// Takes one call that counts in all of `counts`, waiting for it no longer than `patience`. `Err` names the count that keeps it back and the wait
/// that was too long; nothing was used up then.
pub(in crate::platforms) async fn admit(counts: &[(&Bucket, u32)], lane: Lane, patience: Duration) -> Result<(), (usize, Duration)> {
    let Some((first, _)) = counts.first() else { return Ok(()) };
    let began = first.clock.instant();
    loop {
        let blocked = counts.iter().enumerate().filter_map(|(place, (bucket, units))| bucket.blocked(lane, *units).map(|wait| (place, wait)));
        let late = match blocked.max_by_key(|(_, wait)| *wait) {
            Some(late) => late,
            None => match counts.iter().enumerate().find_map(|(place, (bucket, _))| bucket.pace(lane).err().map(|wait| (place, wait))) {
                Some(late) => late,
                None => {
                    counts.iter().for_each(|(bucket, units)| bucket.book(lane, *units));
                    return Ok(());
                }
            },
        };
        if began.elapsed() + late.1 > patience {
            return Err(late);
        }
        tokio::time::sleep(late.1).await;
    }
}

/// A wait as it passes on the wall. The hours and minutes of a platform run on product time, and a clock that is not real has nobody but the
/// sandbox behind it, which announces a second at most.
pub(in crate::platforms) fn wall(clock: &Clock, wait: Duration) -> Duration {
    let second = Duration::from_secs(1);
    match clock.mode() {
        ClockMode::Real => wait,
        ClockMode::TimeLapse => wait.min(clock.wall_span(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)).max(second)),
        ClockMode::Manual => wait.min(second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ProductTime;
    use crate::platforms::limits::allowance::Pace;

    impl Bucket {
        fn take(&self, lane: Lane, units: u32) -> Result<(), Duration> {
            self.blocked(lane, units).map_or(Ok(()), Err)?;
            self.pace(lane)?;
            self.book(lane, units);
            Ok(())
        }
    }

    fn bucket(clock: &Clock, per_second: u32, most: Option<u32>) -> Bucket {
        let allowance = most.map(|most| Allowance { counts: "calls an hour", span: TimeDelta::hours(1), most, pace: Pace::Free });
        Bucket::new(Rate { per_second, allowance }, clock.clone())
    }

    #[test]
    fn ordinary_work_cannot_use_up_what_is_kept_for_pauses() {
        let bucket = bucket(&Clock::real(), 10, None);
        let ordinary = (0..20).filter(|_| bucket.take(Lane::Ordinary, 1).is_ok()).count();
        assert_eq!(ordinary, 8);
        assert_eq!((bucket.take(Lane::Urgent, 1), bucket.take(Lane::Urgent, 1)), (Ok(()), Ok(())));
        assert!(bucket.take(Lane::Urgent, 1).is_err());
    }

    #[test]
    fn a_quota_of_an_hour_runs_on_product_time() {
        let clock = Clock::manual(ProductTime::from_ms(0));
        let bucket = bucket(&clock, 1_000, Some(20));
        assert_eq!((0..30).filter(|_| bucket.take(Lane::Ordinary, 1).is_ok()).count(), 18, "a tenth is kept back");
        assert!(bucket.take(Lane::Urgent, 1).is_ok());
        clock.advance(TimeDelta::hours(2));
        assert!(bucket.take(Lane::Ordinary, 1).is_ok());
    }

    #[test]
    fn a_rest_we_take_by_ourselves_stops_everything_but_a_pause() {
        let bucket = bucket(&Clock::real(), 10, None);
        bucket.rest(Duration::from_secs(60));
        bucket.rest(Duration::from_secs(1));
        assert!(bucket.take(Lane::Ordinary, 1).expect_err("held") > Duration::from_secs(50));
        assert_eq!(bucket.take(Lane::Urgent, 1), Ok(()));
    }

    #[test]
    fn a_wait_the_platform_told_is_waited_for_by_pauses_too() {
        let bucket = bucket(&Clock::real(), 10, None);
        assert_eq!(bucket.refused(Wait::documented(300)).as_secs(), 300);
        for lane in [Lane::Ordinary, Lane::Urgent] {
            assert!(bucket.take(lane, 1).expect_err("held") > Duration::from_secs(290));
        }
    }

    #[test]
    fn refusals_that_tell_no_wait_double_it_until_something_is_taken() {
        let bucket = bucket(&Clock::real(), 10, None);
        assert_eq!([(); 3].map(|()| bucket.refused(Wait::unsaid(10)).as_secs()), [10, 20, 40]);
        bucket.answered();
        assert_eq!(bucket.refused(Wait::unsaid(10)).as_secs(), 10);
        assert!(bucket.held_for(Lane::Urgent).expect("held") <= Duration::from_secs(10));
        assert!(bucket.held_for(Lane::Ordinary).expect("held") > Duration::from_secs(30), "a wait is never shortened");
    }

    #[test]
    fn what_was_used_and_what_is_waited_for_outlasts_a_restart() {
        let clock = Clock::manual(ProductTime::from_ms(0));
        let before = bucket(&clock, 1_000, Some(20));
        assert_eq!((0..30).filter(|_| before.take(Lane::Ordinary, 1).is_ok()).count(), 18);
        let text = serde_json::to_string(&before.keep()).expect("plain numbers");
        let kept: Kept = serde_json::from_str(&text).expect("as written");
        let after = bucket(&clock, 1_000, Some(20));
        after.recall(&kept);
        assert!(after.take(Lane::Ordinary, 1).is_err() && after.take(Lane::Urgent, 1).is_ok());
        clock.advance(TimeDelta::hours(2));
        assert!(after.take(Lane::Ordinary, 1).is_ok(), "the platform has forgotten it, too");

        let real = bucket(&Clock::real(), 10, None);
        real.refused(Wait::documented(300));
        let again = bucket(&Clock::real(), 10, None);
        again.recall(&real.keep().expect("a wait"));
        assert!(again.held_for(Lane::Urgent).expect("held") > Duration::from_secs(290));
        assert!(bucket(&Clock::real(), 10, None).keep().is_none(), "nothing to remember");
    }

    #[tokio::test]
    async fn a_call_that_one_count_keeps_back_uses_up_none_of_the_others() {
        let clock = Clock::manual(ProductTime::from_ms(0));
        let (app, account) = (bucket(&clock, 1_000, Some(20)), bucket(&clock, 1_000, None));
        account.rest(Duration::from_secs(60));
        for _ in 0..30 {
            let (place, _) = admit(&[(&app, 1), (&account, 1)], Lane::Ordinary, Duration::ZERO).await.expect_err("it rests");
            assert_eq!(place, 1);
        }
        assert_eq!(app.left().map(|(_, left)| left), Some(1.0));
        admit(&[(&app, 1), (&account, 1)], Lane::Urgent, Duration::ZERO).await.expect("a pause");
        assert_eq!(app.left().map(|(_, left)| left), Some(0.95));
    }
}
