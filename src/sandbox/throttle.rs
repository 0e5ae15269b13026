//! How many calls each thing that a platform counts by takes, and whether a client that was told to wait has waited.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::wire::Asked;
use super::world::World;
use super::{google, meta};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::Platform;

/// What was on its way already when a refusal went out is not early.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// What a platform counts calls by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Google's project, in operations.
    Project,
    /// One of Google's customers.
    Customer(String),
    /// A use case of one of Meta's accounts.
    Case(String, meta::Case),
    /// TikTok's app.
    App,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("google project"),
            Self::Customer(id) => write!(f, "google customer {id}"),
            Self::Case(id, case) => write!(f, "meta act_{id} {}", case.name()),
            Self::App => f.write_str("tiktok app"),
        }
    }
}

/// What one call counts as, and where; the first place is the one with a quota.
pub(crate) fn toll(world: &World, platform: Platform, asked: &Asked) -> Vec<(Place, u32)> {
    match platform {
        // GA4 has buckets of its own, and signing in counts nowhere.
        Platform::Google if asked.is_ga4() => Vec::new(),
        Platform::Google => google::operations(asked).map_or_else(Vec::new, |(customer, operations)| {
            let customer = customer.map(|customer| (Place::Customer(customer), 1));
            std::iter::once((Place::Project, operations)).chain(customer).collect()
        }),
        Platform::Meta => vec![(meta::case(world, asked), 1)],
        Platform::Tiktok => vec![(Place::App, 1)],
    }
}

/// Use of the window that runs.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: ProductTime,
    used: u32,
}

/// The refusal a client must wait for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    from: WallTime,
    until: WallTime,
}

/// Counts use on product time, and remembers announced waits.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// Share of the documented quota that is given; none when missing.
    share: Option<f64>,
    windows: BTreeMap<Place, Window>,
    waits: BTreeMap<Place, Wait>,
    announced: BTreeMap<Platform, u64>,
    calls: BTreeMap<Platform, u64>,
    early: Vec<Value>,
}

/// What is taken in how long. Sources: Google Ads API, operations a day of Basic access; Meta Marketing API, calls an hour, account and use case;
/// TikTok API for Business, requests a day of Basic access.
fn quota(place: &Place) -> Option<(TimeDelta, u32)> {
    match place {
        Place::Project => Some((TimeDelta::days(1), 15_000)),
        Place::Customer(_) => None,
        Place::Case(_, meta::Case::Management) => Some((TimeDelta::hours(1), 100_000)),
        Place::Case(_, meta::Case::Insights) => Some((TimeDelta::hours(1), 190_000)),
        Place::App => Some((TimeDelta::days(1), 864_000)),
    }
}

impl Throttle {
    pub(crate) fn new(share: Option<f64>) -> Self {
        Self { share, ..Self::default() }
    }

    /// Books a call; the place whose quota it goes beyond. What is refused uses nothing up.
    pub(crate) fn over(&mut self, toll: &[(Place, u32)], now: ProductTime) -> Option<Place> {
        let share = self.share?;
        for (place, units) in toll {
            let Some((span, most)) = quota(place) else { continue };
            let window = self.windows.entry(place.clone()).or_insert(Window { since: now, used: 0 });
            if now - window.since >= span {
                *window = Window { since: now, used: 0 };
            }
            let used = window.used.saturating_add(*units);
            if f64::from(used) > f64::from(most) * share {
                return Some(place.clone());
            }
            window.used = used;
        }
        None
    }

    /// How much of a place's quota is used, in percent; none where there is no quota.
    pub(crate) fn percent(&self, place: &Place) -> Option<f64> {
        let (window, (_, most)) = (self.windows.get(place)?, quota(place)?);
        Some((f64::from(window.used) / (f64::from(most) * self.share?) * 100.0).floor())
    }

    /// Notes a call that came at `wall`, against the waits that were announced last.
    pub(crate) fn arrived(&mut self, platform: Platform, toll: &[(Place, u32)], what: &str, wall: WallTime) {
        *self.calls.entry(platform).or_default() += 1;
        for (place, _) in toll {
            if let Some(wait) = self.waits.get(place)
                && wall > wait.from.after(ON_ITS_WAY)
                && wall < wait.until
            {
                self.early.push(json!({ "place": place.to_string(), "what": what, "asked_until_ms": wait.until.ms(), "came_ms": wall.ms() }));
            }
        }
    }

    /// Notes that a client was told to leave a place alone.
    pub(crate) fn announced(&mut self, platform: Platform, place: Place, wall: WallTime, wait: Duration) {
        self.waits.insert(place, Wait { from: wall, until: wall.after(wait) });
        *self.announced.entry(platform).or_default() += 1;
    }

    /// What was announced, who came early, how many came at all, and what is used of each quota.
    pub(crate) fn told(&self) -> Value {
        let used: BTreeMap<_, _> = self.windows.iter().map(|(place, window)| (place.to_string(), window.used)).collect();
        json!({ "announced": self.announced, "early": self.early, "calls": self.calls, "used": used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn management() -> Place {
        Place::Case("1".to_owned(), meta::Case::Management)
    }

    #[test]
    fn a_client_that_comes_before_the_announced_time_is_noticed_and_one_that_was_on_its_way_is_not() {
        let mut throttle = Throttle::new(None);
        let at = WallTime::from_ms;
        throttle.announced(Platform::Meta, management(), at(1_000), Duration::from_secs(2));
        let insights = Place::Case("1".to_owned(), meta::Case::Insights);
        for (ms, early) in [(1_100, 0), (1_800, 1), (2_999, 2), (3_000, 2)] {
            throttle.arrived(Platform::Meta, &[(management(), 1)], "GET /x", at(ms));
            throttle.arrived(Platform::Meta, &[(insights.clone(), 1)], "GET /x", at(ms));
            throttle.arrived(Platform::Google, &[(Place::Project, 1)], "GET /x", at(ms));
            assert_eq!(throttle.early.len(), early, "{ms}: other use cases go on");
        }
    }

    #[test]
    fn a_quota_is_a_share_of_what_is_documented_and_comes_back_with_the_next_window() {
        let mut throttle = Throttle::new(Some(0.001));
        let now = ProductTime::from_ms(0);
        let taken = (0..40).filter(|_| throttle.over(&[(Place::Project, 1)], now).is_none()).count();
        assert_eq!((taken, throttle.percent(&Place::Project)), (15, Some(100.0)));
        let tomorrow = now + TimeDelta::days(1);
        assert_eq!(throttle.over(&[(Place::Project, 16)], tomorrow), Some(Place::Project), "operations are counted, not requests");
        assert_eq!(throttle.over(&[(Place::Project, 15)], tomorrow), None);
    }
}
