//! The circuit breaker of one gateway: after several failures in a row nothing is asked for a while, then one probe decides.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open at first; doubled by every failed probe.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest it stays open before the next probe.
const LONGEST: Duration = Duration::from_secs(120);
/// After this long a probe counts as lost and another may go.
const PROBE: Duration = Duration::from_secs(35);

/// Whether a gateway lets calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Calls are refused here, without being sent.
    Open,
    /// One probe is on its way; its answer decides.
    HalfOpen,
}

#[derive(Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    HalfOpen { since: Instant, pause: Duration },
}

/// A closed breaker at first.
pub(super) struct Breaker(Mutex<State>);

impl Default for Breaker {
    fn default() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }
}

impl Breaker {
    /// Whether a call may go now; `Err` says how long not. The first call after the pause is the probe.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < until => Err(until - now),
            State::HalfOpen { since, .. } if now < since + PROBE => Err(since + PROBE - now),
            State::Open { pause, .. } | State::HalfOpen { pause, .. } => {
                *state = State::HalfOpen { since: now, pause };
                Ok(())
            }
        }
    }

    /// The platform answered, be it with a refusal.
    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Closed { failures: 0 };
    }

    /// The platform or the way to it failed.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open { until: now + PAUSE, pause: PAUSE },
            State::HalfOpen { pause, .. } => {
                let pause = (pause * 2).min(LONGEST);
                State::Open { until: now + pause, pause }
            }
            open @ State::Open { .. } => open,
        };
    }

    /// What stands now.
    pub(super) fn state(&self) -> BreakerState {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_probe_decides() {
        let (breaker, now) = (Breaker::default(), Clock::real().instant());
        for _ in 0..4 {
            breaker.failed(now);
        }
        breaker.answered();
        for _ in 0..5 {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.failed(now);
        }
        assert_eq!((breaker.state(), breaker.admit(now)), (BreakerState::Open, Err(PAUSE)));
        assert_eq!(breaker.admit(now + PAUSE), Ok(()), "the probe");
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(breaker.admit(now + PAUSE).is_err(), "only one probe at a time");
        breaker.failed(now + PAUSE);
        assert_eq!(breaker.admit(now + PAUSE), Err(PAUSE * 2), "a failed probe doubles the pause");
        assert_eq!(breaker.admit(now + PAUSE * 3), Ok(()));
        breaker.answered();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_lost_probe_does_not_keep_it_half_open_for_ever() {
        let (breaker, now) = (Breaker::default(), Clock::real().instant());
        for _ in 0..5 {
            breaker.failed(now);
        }
        assert_eq!(breaker.admit(now + PAUSE), Ok(()));
        assert_eq!(breaker.admit(now + PAUSE + PROBE), Ok(()));
    }
}
