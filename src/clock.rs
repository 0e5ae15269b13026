//! The product clock, and the types that keep the four clocks apart.
//!
//! | type | clock | what runs on it |
//! |---|---|---|
//! | [`ProductTime`] | product: real, time-lapse or manual | account days, schedules, cooldowns, deadlines, maturity |
//! | [`Instant`] | monotonic | timeouts, backoff, breakers, leases as the holder sees them |
//! | [`WallTime`] | UTC | token expiry, signatures, sessions, log lines |
//! | the database's own | `store::lease` alone | lease expiry |
//!
//! This file is the one place that may read an ambient clock; `clippy.toml` bans it elsewhere.
#![expect(clippy::disallowed_methods, reason = "this file owns the ambient clocks")]

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// An instant of the product clock, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductTime(i64);

impl ProductTime {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch; the form the store keeps (`at_ms`).
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The same instant as a UTC date-time.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC })
    }

    /// The calendar day this instant falls on in `zone`.
    #[must_use]
    pub fn date_in(self, zone: chrono_tz::Tz) -> NaiveDate {
        self.utc().with_timezone(&zone).date_naive()
    }
}

/// The instant a wall clock of `zone` first shows `naive`, or the first instant after it where it is skipped.
pub(crate) fn at_or_after(zone: Tz, naive: NaiveDateTime) -> ProductTime {
    if let Some(first) = zone.from_local_datetime(&naive).earliest() {
        return ProductTime::from(first.to_utc());
    }
    let shows = |second: i64| DateTime::<Utc>::from_timestamp(second, 0).is_some_and(|at| at.with_timezone(&zone).naive_local() >= naive);
    // Offsets from UTC stay within 26 hours, and a gap is one step up: halving finds its end.
    let middle = naive.and_utc().timestamp();
    let (mut before, mut after) = (middle - 26 * 3_600, middle + 26 * 3_600);
    while after - before > 1 {
        let half = before + (after - before) / 2;
        if shows(half) { after = half } else { before = half }
    }
    ProductTime::from_ms(after.saturating_mul(1_000))
}

/// When `date` begins in `zone`: at midnight, or where clocks skip it at the first instant after; of a repeated midnight the first. A date that
/// the zone never had begins with the next one.
#[must_use]
pub fn day_start(zone: Tz, date: NaiveDate) -> ProductTime {
    at_or_after(zone, date.and_time(NaiveTime::MIN))
}

impl From<DateTime<Utc>> for ProductTime {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl Add<TimeDelta> for ProductTime {
    type Output = Self;
    fn add(self, by: TimeDelta) -> Self {
        Self(self.0.saturating_add(by.num_milliseconds()))
    }
}

impl Sub<TimeDelta> for ProductTime {
    type Output = Self;
    fn sub(self, by: TimeDelta) -> Self {
        Self(self.0.saturating_sub(by.num_milliseconds()))
    }
}

impl Sub for ProductTime {
    type Output = TimeDelta;
    fn sub(self, earlier: Self) -> TimeDelta {
        TimeDelta::milliseconds(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for ProductTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.utc().format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// An instant of the host's UTC clock, in milliseconds since the Unix epoch. Never used to order or to expire anything that spends money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch; the form the store keeps (`wall_ms`).
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// This instant and `by` later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Which product clock a database was written under; the store remembers it and refuses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// Product time is real time.
    Real,
    /// Product time runs at a configured rate from a configured start.
    TimeLapse,
    /// Tests alone move it.
    Manual,
}

/// The product clock. Cheap to clone; every clone shows the same time.
#[derive(Clone)]
pub struct Clock(Arc<Mode>);

enum Mode {
    Real,
    Lapse { base: ProductTime, since: Instant, rate: u32 },
    Manual { now: watch::Sender<ProductTime> },
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({:?} at {})", self.mode(), self.now())
    }
}

impl Clock {
    /// Real time.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::new(Mode::Real))
    }

    /// Time-lapse: `product = start + (wall - origin) x rate`. The host's clock is read here once; from then on time advances on
    /// the monotonic clock and never goes back. A `rate` of 17280 shows a day every 5 s; zero counts as 1.
    #[must_use]
    pub fn time_lapse(start: ProductTime, rate: u32, origin: WallTime) -> Self {
        let rate = rate.max(1);
        let gone = Self::wall_now().ms().saturating_sub(origin.ms()).saturating_mul(i64::from(rate));
        Self(Arc::new(Mode::Lapse { base: ProductTime(start.0.saturating_add(gone)), since: Instant::now(), rate }))
    }

    /// A clock that stands still until [`Clock::advance`] or [`Clock::set`] moves it; daemon and sandbox of a test share one.
    #[must_use]
    pub fn manual(start: ProductTime) -> Self {
        Self(Arc::new(Mode::Manual { now: watch::Sender::new(start) }))
    }

    /// Which kind of clock this is.
    #[must_use]
    pub fn mode(&self) -> ClockMode {
        match *self.0 {
            Mode::Real => ClockMode::Real,
            Mode::Lapse { .. } => ClockMode::TimeLapse,
            Mode::Manual { .. } => ClockMode::Manual,
        }
    }

    /// Product milliseconds per wall millisecond; 1 unless time-lapse.
    #[must_use]
    pub fn rate(&self) -> u32 {
        match *self.0 {
            Mode::Lapse { rate, .. } => rate,
            Mode::Real | Mode::Manual { .. } => 1,
        }
    }

    /// Product time now.
    #[must_use]
    pub fn now(&self) -> ProductTime {
        match &*self.0 {
            Mode::Real => ProductTime::from(Utc::now()),
            Mode::Lapse { base, since, rate } => {
                let gone = i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX).saturating_mul(i64::from(*rate)) / 1_000;
                ProductTime(base.0.saturating_add(gone))
            }
            Mode::Manual { now } => *now.borrow(),
        }
    }

    /// A product span as the wall time it takes; at least 1 ms. On a manual clock the span itself.
    #[must_use]
    pub fn wall_span(&self, span: TimeDelta) -> Duration {
        let micros = span.num_microseconds().unwrap_or(i64::MAX).max(0) / i64::from(self.rate());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0)).max(Duration::from_millis(1))
    }

    /// The product span that passes while `wall` passes on the host.
    #[must_use]
    pub fn product_span(&self, wall: Duration) -> TimeDelta {
        TimeDelta::milliseconds(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX / 2).saturating_mul(i64::from(self.rate())))
    }

    /// The longer of a product limit and of the product span of `floor`: an age limit stays meaningful when a day passes in seconds.
    #[must_use]
    pub fn at_least(&self, limit: TimeDelta, floor: Duration) -> TimeDelta {
        match self.mode() {
            ClockMode::TimeLapse => limit.max(self.product_span(floor)),
            ClockMode::Real | ClockMode::Manual => limit,
        }
    }

    /// Sleeps until product time reaches `until`, re-checking on waking.
    pub async fn sleep_until(&self, until: ProductTime) {
        if let Mode::Manual { now } = &*self.0 {
            let mut seen = now.subscribe();
            // The sender lives in this clock, so waiting cannot fail while `self` is borrowed.
            let _ = seen.wait_for(|now| *now >= until).await;
            return;
        }
        loop {
            let left = until - self.now();
            if left <= TimeDelta::zero() {
                return;
            }
            tokio::time::sleep(self.wall_span(left)).await;
        }
    }

    /// Moves a manual clock forward; other clocks are not moved by hand.
    pub fn advance(&self, by: TimeDelta) {
        if let Mode::Manual { now } = &*self.0 {
            now.send_modify(|now| *now = *now + by);
        }
    }

    /// Sets a manual clock to `at` unless that lies in its past.
    pub fn set(&self, at: ProductTime) {
        if let Mode::Manual { now } = &*self.0 {
            now.send_modify(|now| *now = (*now).max(at));
        }
    }

    /// The monotonic clock.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// The host's UTC clock.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        Self::wall_now()
    }

    fn wall_now() -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_lapse_shows_a_day_every_five_seconds_at_the_default_rate() {
        let start = ProductTime::from_ms(1_767_571_200_000);
        let clock = Clock::time_lapse(start, 17_280, Clock::wall_now());
        assert_eq!(clock.wall_span(TimeDelta::days(1)), Duration::from_secs(5));
        assert_eq!(clock.product_span(Duration::from_secs(5)), TimeDelta::days(1));
        assert!(clock.now() >= start);
    }

    #[test]
    fn an_origin_in_the_past_counts_the_time_since_then() {
        let start = ProductTime::from_ms(0);
        let clock = Clock::time_lapse(start, 1_000, WallTime::from_ms(Clock::wall_now().ms() - 2_000));
        assert!(clock.now() - start >= TimeDelta::seconds(2_000));
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers_only_when_it_is_moved_far_enough() {
        let clock = Clock::manual(ProductTime::from_ms(0));
        let sleeper = clock.clone();
        let woke = tokio::spawn(async move { sleeper.sleep_until(ProductTime::from_ms(1_000)).await });
        clock.advance(TimeDelta::milliseconds(999));
        tokio::task::yield_now().await;
        assert!(!woke.is_finished());
        clock.advance(TimeDelta::milliseconds(1));
        woke.await.expect("the sleeper does not panic");
    }

    #[test]
    fn a_manual_clock_never_goes_back() {
        let clock = Clock::manual(ProductTime::from_ms(5));
        clock.set(ProductTime::from_ms(1));
        assert_eq!(clock.now(), ProductTime::from_ms(5));
    }
}
