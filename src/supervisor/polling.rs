//! How often what waits in an outbox is worth reading the account for: at once when something is new, ever more rarely while nothing moves. Each such
//! read costs a platform's quota, which a row that waits for a person or for midnight would otherwise use up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::clock::ClockMode;
use crate::domain::ids::DecisionId;

/// How often rows written by other nodes and by people are looked for.
pub(super) const ROW_POLL: Duration = Duration::from_secs(1);
/// Longest between two reads for what waits.
const LONGEST: Duration = Duration::from_secs(30);

/// What waited at the last read, and since when nothing moved.
#[derive(Default)]
pub(super) struct Polling {
    waiting: BTreeSet<DecisionId>,
    read: Option<Instant>,
    pause: Duration,
}

impl Polling {
    /// Whether what waits now is worth a read. Where days pass in seconds, it is every time: hours of quota pass between two looks.
    pub(super) fn is_due(&mut self, open: BTreeSet<DecisionId>, now: Instant, mode: ClockMode) -> bool {
        let due = match (mode, self.read) {
            (ClockMode::TimeLapse | ClockMode::Manual, _) | (ClockMode::Real, None) => true,
            (ClockMode::Real, Some(read)) => open != self.waiting || now.duration_since(read) >= self.pause,
        };
        if due {
            self.pause = if open == self.waiting { (self.pause * 2).clamp(ROW_POLL, LONGEST) } else { ROW_POLL };
            (self.waiting, self.read) = (open, Some(now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ProductTime};
    use crate::domain::ids::IdGen;

    #[test]
    fn what_does_not_move_is_read_for_ever_more_rarely_and_what_is_new_at_once() {
        let (ids, start, mut polling) = (IdGen::seeded(1), Clock::real().instant(), Polling::default());
        let id = || ids.next(ProductTime::from_ms(0));
        let one = BTreeSet::from([id()]);
        let seconds = |polling: &mut Polling, mode| {
            let due = (0..120).filter(|second| polling.is_due(one.clone(), start + Duration::from_secs(*second), mode));
            due.collect::<Vec<_>>()
        };
        assert_eq!(seconds(&mut polling, ClockMode::Real), [0, 1, 3, 7, 15, 31, 61, 91]);
        let two = one.iter().copied().chain([id()]).collect();
        assert!(polling.is_due(two, start + Duration::from_secs(92), ClockMode::Real));
        assert_eq!(seconds(&mut Polling::default(), ClockMode::TimeLapse).len(), 120);
    }
}
