//! How many calls a platform takes, and whether a client that was told to wait has waited.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::Platform;

/// What was on its way already when a refusal went out is not early.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// Calls of one platform in the window that runs.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: ProductTime,
    calls: u32,
}

/// The refusal a client must wait for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    from: WallTime,
    until: WallTime,
}

/// Counts calls on product time, and remembers announced waits.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// Share of the documented quota that is given; none when missing.
    share: Option<f64>,
    windows: BTreeMap<Platform, Window>,
    waits: BTreeMap<Platform, Wait>,
    announced: BTreeMap<Platform, u64>,
    early: Vec<Value>,
}

/// What a platform takes in how long. Sources: Google Ads API, operations a day of Basic access; Meta Marketing API, calls an hour of one ad
/// account; TikTok API for Business, requests a day of Basic access.
fn quota(platform: Platform) -> (TimeDelta, u32) {
    match platform {
        Platform::Google => (TimeDelta::days(1), 15_000),
        Platform::Meta => (TimeDelta::hours(1), 100_000),
        Platform::Tiktok => (TimeDelta::days(1), 864_000),
    }
}

impl Throttle {
    pub(crate) fn new(share: Option<f64>) -> Self {
        Self { share, ..Self::default() }
    }

    /// Notes a call; whether the quota is used up.
    pub(crate) fn is_over(&mut self, platform: Platform, now: ProductTime) -> bool {
        let Some(share) = self.share else { return false };
        let (span, most) = quota(platform);
        let window = self.windows.entry(platform).or_insert(Window { since: now, calls: 0 });
        if now - window.since >= span {
            *window = Window { since: now, calls: 0 };
        }
        window.calls = window.calls.saturating_add(1);
        f64::from(window.calls) > f64::from(most) * share
    }

    /// Notes a call that came at `wall`, against the wait that was announced last.
    pub(crate) fn arrived(&mut self, platform: Platform, what: &str, wall: WallTime) {
        if let Some(wait) = self.waits.get(&platform)
            && wall > wait.from.after(ON_ITS_WAY)
            && wall < wait.until
        {
            self.early.push(json!({ "platform": platform, "what": what, "asked_until_ms": wait.until.ms(), "came_ms": wall.ms() }));
        }
    }

    /// Notes that a client was told to wait.
    pub(crate) fn announced(&mut self, platform: Platform, wall: WallTime, wait: Duration) {
        self.waits.insert(platform, Wait { from: wall, until: wall.after(wait) });
        *self.announced.entry(platform).or_default() += 1;
    }

    /// What was announced, and who came early.
    pub(crate) fn told(&self) -> Value {
        json!({ "announced": self.announced, "early": self.early })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_comes_before_the_announced_time_is_noticed_and_one_that_was_on_its_way_is_not() {
        let mut throttle = Throttle::new(None);
        let at = WallTime::from_ms;
        throttle.announced(Platform::Meta, at(1_000), Duration::from_secs(2));
        for (ms, early) in [(1_100, 0), (1_800, 1), (2_999, 2), (3_000, 2)] {
            throttle.arrived(Platform::Meta, "GET /x", at(ms));
            throttle.arrived(Platform::Google, "GET /x", at(ms));
            assert_eq!(throttle.early.len(), early, "{ms}");
        }
    }

    #[test]
    fn a_quota_is_a_share_of_what_is_documented_and_comes_back_with_the_next_window() {
        let mut throttle = Throttle::new(Some(0.001));
        let now = ProductTime::from_ms(0);
        let taken = (0..40).filter(|_| !throttle.is_over(Platform::Google, now)).count();
        assert_eq!(taken, 15);
        assert!(!throttle.is_over(Platform::Google, now + TimeDelta::days(1)));
    }
}
