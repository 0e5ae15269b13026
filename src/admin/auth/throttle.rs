//! Guesses at tokens and sign-in links, counted. Who has the right secret is never locked out by who has not: a flood of guesses must not keep a person
//! from pausing.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong guesses within [`WINDOW`] after which every further wrong one is told to wait.
pub const GUESSES: usize = 10;
/// How long a wrong guess counts.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The recent wrong guesses of everybody: behind a proxy or on loopback all askers share one address.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<VecDeque<Instant>>);

/// What is to be done about a wrong guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// Refused.
    Wrong,
    /// Refused, and told to wait.
    TooMany,
}

impl Throttle {
    /// Counts a wrong guess.
    pub fn wrong(&self, now: Instant) -> Guess {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.front().is_some_and(|first| now.saturating_duration_since(*first) >= WINDOW) {
            seen.pop_front();
        }
        if seen.len() >= GUESSES {
            return Guess::TooMany;
        }
        seen.push_back(now);
        Guess::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_eleventh_wrong_guess_within_five_minutes_is_told_to_wait() {
        let (throttle, start) = (Throttle::default(), Clock::real().instant());
        for _ in 0..GUESSES {
            assert_eq!(throttle.wrong(start), Guess::Wrong);
        }
        assert_eq!(throttle.wrong(start), Guess::TooMany);
        assert_eq!(throttle.wrong(start + WINDOW), Guess::Wrong);
    }
}
