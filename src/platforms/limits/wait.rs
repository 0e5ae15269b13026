//! How long a platform wants to be left alone. Every header and field counts in a unit of its own, so each has its own way in here and a bare
//! number has none.

use std::time::Duration;

/// Least that a told wait is: none at all still means "not now".
const LEAST: Duration = Duration::from_secs(1);
/// Longest that a wait nobody told grows to.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Longest that a wait nobody told keeps back a pause.
const LONGEST_FOR_PAUSES: Duration = Duration::from_secs(10);

/// Who says how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The platform: in its answer, or in its documentation.
    Platform,
    /// Nobody.
    Nobody,
}

/// A wait after a refusal for too many calls, in the platform's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platforms) struct Wait {
    span: Duration,
    said: Said,
}

impl Wait {
    const fn told(span: Duration) -> Self {
        Self { span, said: Said::Platform }
    }

    /// `estimated_time_to_regain_access` in Meta's `x-business-use-case-usage`: minutes.
    pub(in crate::platforms) fn of_regain_minutes(minutes: f64) -> Option<Self> {
        Duration::try_from_secs_f64(minutes * 60.0).ok().map(|span| Self::told(span.max(LEAST)))
    }

    /// `reset_time_duration` in Meta's `x-ad-account-usage`: seconds.
    pub(in crate::platforms) fn of_reset_seconds(seconds: f64) -> Option<Self> {
        Duration::try_from_secs_f64(seconds).ok().map(|span| Self::told(span.max(LEAST)))
    }

    /// `retryDelay` in Google's `quotaErrorDetails`: seconds as text with an `s` behind, with a fraction or without.
    pub(in crate::platforms) fn of_retry_delay(text: &str) -> Option<Self> {
        Self::of_reset_seconds(text.strip_suffix('s')?.parse().ok()?)
    }

    /// The HTTP header `retry-after`: whole seconds.
    pub(in crate::platforms) fn of_retry_after(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(|seconds| Self::told(Duration::from_secs(seconds).max(LEAST)))
    }

    /// What the platform documents as the length of such a block, in seconds.
    pub(in crate::platforms) const fn documented(seconds: u64) -> Self {
        Self::told(Duration::from_secs(seconds))
    }

    /// Where neither answer nor documentation says how long: this many seconds at first, and longer the more refusals follow each other.
    pub(in crate::platforms) const fn unsaid(seconds: u64) -> Self {
        Self { span: Duration::from_secs(seconds), said: Said::Nobody }
    }

    /// The longer of two.
    pub(in crate::platforms) fn or_longer(self, other: Self) -> Self {
        if other.span > self.span { other } else { self }
    }

    /// How long ordinary calls wait after `before` refusals in a row.
    pub(in crate::platforms) fn after(self, before: u32) -> Duration {
        match self.said {
            Said::Platform => self.span,
            Said::Nobody => self.span.saturating_mul(2_u32.saturating_pow(before.min(16))).min(LONGEST.max(self.span)),
        }
    }

    /// How long a pause or an undo waits: a told wait to its end, as it would be refused before; an unsaid one for a moment.
    pub(in crate::platforms) fn for_pauses(self) -> Duration {
        match self.said {
            Said::Platform => self.span,
            Said::Nobody => self.span.min(LONGEST_FOR_PAUSES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platforms_number_is_read_in_its_own_unit() {
        let seconds = |wait: Option<Wait>| wait.map(|wait| wait.after(0).as_secs());
        assert_eq!(seconds(Wait::of_regain_minutes(7.0)), Some(420));
        assert_eq!(seconds(Wait::of_regain_minutes(0.0)), Some(1), "a refusal without a time is still a refusal");
        assert_eq!(seconds(Wait::of_reset_seconds(100.0)), Some(100));
        assert_eq!(seconds(Wait::of_retry_delay("30s")), Some(30));
        assert_eq!(seconds(Wait::of_retry_delay("3600.5s")), Some(3_600));
        assert_eq!(seconds(Wait::of_retry_after("17")), Some(17));
        for wrong in ["30", "s", "-3s", "NaNs", "1e400s"] {
            assert_eq!(seconds(Wait::of_retry_delay(wrong)), None, "{wrong}");
        }
        assert_eq!(seconds(Wait::of_regain_minutes(-1.0)), None);
        assert_eq!(seconds(Wait::of_retry_after("Wed, 21 Oct 2026 07:28:00 GMT")), None);
    }

    #[test]
    fn a_wait_that_nobody_told_doubles_and_holds_a_pause_for_a_moment() {
        let unsaid = Wait::unsaid(10);
        assert_eq!([0, 1, 2].map(|before| unsaid.after(before).as_secs()), [10, 20, 40]);
        assert_eq!((unsaid.after(30), unsaid.for_pauses().as_secs()), (LONGEST, 10));
        assert_eq!(Wait::unsaid(3_600).for_pauses(), LONGEST_FOR_PAUSES);
        let told = Wait::documented(300);
        assert_eq!((told.after(5).as_secs(), told.for_pauses().as_secs()), (300, 300), "what is told is waited for, no more and no less");
    }
}
