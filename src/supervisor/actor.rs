//! One supervised task: rebuilt from its factory when it fails, its mailbox kept, its end explained.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span, warn};

use crate::clock::Clock;

/// First pause before a failed actor is started again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between two starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A run at least this long forgives the failures before it.
const STABLE_RUN: Duration = Duration::from_secs(120);

/// Why an actor ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ActorError {
    /// What happened, with the whole chain of causes.
    pub what: String,
}

impl ActorError {
    /// From any error, its chain of causes spelled out once.
    pub fn from_chain(error: &dyn std::error::Error) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            what.push_str(": ");
            what.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { what }
    }
}

/// Exponential pauses that a stable run resets.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Backoff {
    /// The pause after a run that lasted `ran`.
    pub fn after_run_of(&mut self, ran: Duration) -> Duration {
        if ran >= STABLE_RUN {
            self.next = FIRST_PAUSE;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Runs `actor` until `stop`: an error or a panic is reported through `crashed` and the actor is built again after a growing pause.
/// A return of `Ok` means that its mailbox is closed and it has nothing left to do.
pub async fn supervise<Run, Reported>(
    name: String,
    clock: Clock,
    stop: CancellationToken,
    mut run: impl FnMut(CancellationToken) -> Run,
    crashed: impl Fn(ActorError) -> Reported,
) where
    Run: Future<Output = Result<(), ActorError>>,
    Reported: Future<Output = ()>,
{
    let mut backoff = Backoff::default();
    loop {
        let began = clock.instant();
        let attempt = AssertUnwindSafe(run(stop.clone())).catch_unwind().instrument(info_span!("actor", actor.name = %name));
        let error = match attempt.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                warn!(actor.name = %name, error = %error, "actor `{name}` failed");
                error
            }
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
                let error = ActorError { what: format!("panicked: {}", text.unwrap_or_else(|| "no message".to_owned())) };
                error!(actor.name = %name, error = %error, "actor `{name}` panicked");
                error
            }
        };
        if stop.is_cancelled() {
            return;
        }
        crashed(error).await;
        let pause = backoff.after_run_of(began.elapsed());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn pauses_double_to_a_limit_and_a_stable_run_forgives() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after_run_of(Duration::ZERO), FIRST_PAUSE);
        assert_eq!(backoff.after_run_of(Duration::ZERO), FIRST_PAUSE * 2);
        for _ in 0..20 {
            backoff.after_run_of(Duration::ZERO);
        }
        assert_eq!(backoff.after_run_of(Duration::ZERO), LONGEST_PAUSE);
        assert_eq!(backoff.after_run_of(STABLE_RUN), FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_actor_that_panics_is_reported_and_started_again() {
        let (runs, reports) = (Cell::new(0), Cell::new(0));
        let run = |_stop| {
            runs.set(runs.get() + 1);
            let nth = runs.get();
            async move {
                match nth {
                    1 => panic!("first"),
                    2 => Err(ActorError { what: "second".into() }),
                    _ => Ok(()),
                }
            }
        };
        supervise("test".into(), Clock::real(), CancellationToken::new(), run, |_| async { reports.set(reports.get() + 1) }).await;
        assert_eq!((runs.get(), reports.get()), (3, 2));
    }
}
