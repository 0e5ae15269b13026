//! One account's way to its platform: breaker, limits, retries of reads, and what the gateway shows of them. A write is sent once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::PlatformError;
use super::breaker::{Breaker, BreakerState};
use super::http::{Http, Outgoing, Reply, Route};
use super::limits::{Bucket, Lane, Limiters, PATIENCE, Rate};
use super::spec::AccountSpec;
use crate::clock::{Clock, ClockMode, WallTime};

/// How reads are repeated: after at least this pause, at most so many times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// Before the first repetition; the following ones are longer.
    pub first: Duration,
    /// Repetitions at most.
    pub times: usize,
}

impl Pauses {
    /// As the ad platforms bear them.
    const ADS: Self = Self { first: Duration::from_millis(100), times: 3 };
}

/// What one call pays into the retry budget, one retry takes [`RETRY_COST`]: retries stay at or below a fifth of the calls.
const RETRY_COST: u32 = 5;
const RETRY_START: u32 = 3 * RETRY_COST;
const RETRY_MOST: u32 = 10 * RETRY_COST;

/// A failure, and what only the platform's own module knows of it.
#[derive(Debug)]
pub(super) struct Fault {
    /// What callers see.
    pub error: PlatformError,
    /// Whom an announced wait stops.
    pub reach: Reach,
    /// What the platform's module may do about it.
    pub remedy: Remedy,
}

/// Whom an announced wait stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This object alone.
    Object,
    /// Every call for this account.
    Account,
    /// Every call of the app or project.
    App,
}

/// What may help against a failure, beyond repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing here.
    None,
    /// Asking for less at once.
    SmallerPage,
    /// A fresh access token.
    FreshToken,
    /// Starting over from the first page.
    StartOver,
    /// Waiting, which the platform's module sees to itself: the read is not repeated here.
    Later,
}

impl From<PlatformError> for Fault {
    fn from(error: PlatformError) -> Self {
        Self { error, reach: Reach::Account, remedy: Remedy::None }
    }
}

impl From<Fault> for PlatformError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl Fault {
    /// With a remedy.
    pub(super) fn with(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    /// Whether the same read may be sent again now.
    fn repeats(&self) -> bool {
        self.remedy == Remedy::None
            && match &self.error {
                PlatformError::Transient(_) => true,
                PlatformError::Quota { wait, .. } => *wait <= PATIENCE,
                PlatformError::Auth(_)
                | PlatformError::Permission(_)
                | PlatformError::Policy(_)
                | PlatformError::Validation(_)
                | PlatformError::NotFound(_)
                | PlatformError::Conflict(_)
                | PlatformError::NotSent(_)
                | PlatformError::Unknown(_)
                | PlatformError::Unsupported(_) => false,
            }
    }
}

/// How one platform's answers are judged.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// The body of a success, or what went wrong.
    pub judge: fn(&Reply) -> Result<Value, Fault>,
    /// How long its usage headers advise to go easy, if they do.
    pub pressure: fn(&HeaderMap) -> Option<Duration>,
}

/// What a gateway shows of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayHealth {
    /// Whether calls go through.
    pub breaker: BreakerState,
    /// When the platform last answered as it should, if it ever did.
    pub last_ok: Option<WallTime>,
    /// The last failure and when it happened; it stays after a success.
    pub last_error: Option<(WallTime, String)>,
    /// Whether that failure is newer than the last success.
    pub failing: bool,
    /// How long the platform asked this account to wait, as far as that lies ahead, in milliseconds of wall time.
    pub waiting_ms: u64,
    /// Calls sent.
    pub calls: u32,
    /// How many of them were repeated reads.
    pub retries: u32,
}

#[derive(Default)]
struct Notes {
    last_ok: Option<WallTime>,
    last_error: Option<(WallTime, String)>,
    failing: bool,
}

/// One account's way to its platform.
pub(super) struct Caller {
    http: Arc<Http>,
    /// The app's bucket, then the account's.
    buckets: [Arc<Bucket>; 2],
    breaker: Breaker,
    budget: AtomicU32,
    calls: AtomicU32,
    retries: AtomicU32,
    notes: Mutex<Notes>,
    pauses: Pauses,
    dialect: Dialect,
    clock: Clock,
}

impl Caller {
    pub(super) fn new(spec: &AccountSpec, dialect: Dialect, clock: Clock, limiters: &Limiters) -> Result<Self, PlatformError> {
        Self::of(spec.route(), spec.counted_by(), Pauses::ADS, dialect, clock, limiters)
    }

    /// A way whose calls count by `counted`: the widest count first.
    pub(super) fn of(
        route: Route,
        counted: [(String, Rate); 2],
        pauses: Pauses,
        dialect: Dialect,
        clock: Clock,
        limiters: &Limiters,
    ) -> Result<Self, PlatformError> {
        Ok(Self {
            http: limiters.http(route)?,
            buckets: counted.map(|(key, rate)| limiters.bucket(&key, rate)),
            pauses,
            breaker: Breaker::default(),
            budget: AtomicU32::new(RETRY_START),
            calls: AtomicU32::new(0),
            retries: AtomicU32::new(0),
            notes: Mutex::default(),
            dialect,
            clock,
        })
    }

    /// The clients, for a token exchange, which counts against no limit.
    pub(super) fn http(&self) -> Arc<Http> {
        Arc::clone(&self.http)
    }

    /// The clock the account runs on.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Reads, repeating what may be repeated as far as the retry budget goes.
    pub(super) async fn read(&self, request: &Outgoing) -> Result<Value, Fault> {
        self.breaker.admit(self.clock.instant()).map_err(|left| PlatformError::Transient(format!("too many failures in a row: next try in {left:?}")))?;
        let Pauses { first, times } = self.pauses;
        let pauses =
            ExponentialBuilder::default().with_min_delay(first).with_max_delay(Duration::from_secs(5).max(first * 4)).with_max_times(times).with_jitter();
        (|| self.read_once(request))
            .retry(pauses)
            .when(|fault| fault.repeats() && self.breaker.state() == BreakerState::Closed && self.afford_retry())
            .adjust(|fault, pause| match &fault.error {
                PlatformError::Quota { wait, .. } => pause.map(|pause| pause.max(*wait)),
                _ => pause,
            })
            .await
    }

    async fn read_once(&self, request: &Outgoing) -> Result<Value, Fault> {
        self.admit(Lane::Ordinary, PATIENCE).await.map_err(|(wait, what)| PlatformError::Quota { wait, what })?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.http.read(request).await {
            Ok(reply) => self.judge(&reply),
            Err(error) => Err(error.into()),
        };
        self.note(outcome)
    }

    /// Waits at most `within` for leave to send one write.
    ///
    /// # Errors
    /// [`PlatformError::NotSent`].
    pub(super) async fn admit_write(&self, lane: Lane, within: Duration) -> Result<(), PlatformError> {
        if lane == Lane::Ordinary && self.breaker.state() != BreakerState::Closed {
            return Err(PlatformError::NotSent("too many failures in a row: waiting until a read succeeds".to_owned()));
        }
        self.admit(lane, within).await.map_err(|(wait, what)| PlatformError::NotSent(format!("{what}: next call in {wait:?}")))
    }

    /// Sends one write, once. A failure that proves nothing is `Unknown`.
    pub(super) async fn write(&self, request: Outgoing, within: Duration) -> Result<Value, Fault> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.http.write(request, within).await {
            Ok(reply) => self.judge(&reply),
            Err(error) => Err(error.into()),
        };
        self.note(outcome).map_err(|fault| match fault.error {
            PlatformError::Transient(what) => Fault { error: PlatformError::Unknown(what), ..fault },
            error => Fault { error, ..fault },
        })
    }

    /// Takes a call from the app's bucket and the account's.
    async fn admit(&self, lane: Lane, patience: Duration) -> Result<(), (Duration, String)> {
        let began = self.clock.instant();
        for (bucket, what) in self.buckets.iter().zip(["the calls of the app are used up", "the calls of the account are used up"]) {
            bucket.admit(lane, patience.saturating_sub(began.elapsed())).await.map_err(|wait| (wait, what.to_owned()))?;
        }
        Ok(())
    }

    fn judge(&self, reply: &Reply) -> Result<Value, Fault> {
        let [_, account] = &self.buckets;
        if let Some(wait) = (self.dialect.pressure)(&reply.headers) {
            account.hold(self.wall_wait(wait));
        }
        (self.dialect.judge)(reply).map_err(|fault| match fault.error {
            PlatformError::Quota { wait, what } => Fault { error: PlatformError::Quota { wait: self.wall_wait(wait), what }, ..fault },
            error => Fault { error, ..fault },
        })
    }

    /// A wait as it passes on the wall. The hours and minutes of a platform run on product time, and a clock that is not real has nobody but
    /// the sandbox behind it, which announces a second at most.
    fn wall_wait(&self, wait: Duration) -> Duration {
        let second = Duration::from_secs(1);
        match self.clock.mode() {
            ClockMode::Real => wait,
            ClockMode::TimeLapse => wait.min(self.clock.wall_span(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)).max(second)),
            ClockMode::Manual => wait.min(second),
        }
    }

    fn afford_retry(&self) -> bool {
        let afford = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(RETRY_COST)).is_ok();
        if afford {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        afford
    }

    /// Books an outcome with the breaker, the buckets and the notes.
    fn note(&self, outcome: Result<Value, Fault>) -> Result<Value, Fault> {
        let _ = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some((left + 1).min(RETRY_MOST)));
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = match &outcome {
            Ok(_) => {
                (notes.last_ok, notes.failing) = (Some(self.clock.wall()), false);
                self.breaker.answered();
                return outcome;
            }
            Err(fault) => fault,
        };
        (notes.last_error, notes.failing) = (Some((self.clock.wall(), fault.error.to_string())), true);
        match &fault.error {
            PlatformError::Transient(_) | PlatformError::NotSent(_) | PlatformError::Unknown(_) => self.breaker.failed(self.clock.instant()),
            PlatformError::Quota { wait, .. } => {
                self.breaker.answered();
                let [app, account] = &self.buckets;
                match fault.reach {
                    Reach::App => app.hold(*wait),
                    Reach::Account => account.hold(*wait),
                    Reach::Object => {}
                }
            }
            PlatformError::Auth(_)
            | PlatformError::Permission(_)
            | PlatformError::Policy(_)
            | PlatformError::Validation(_)
            | PlatformError::NotFound(_)
            | PlatformError::Conflict(_)
            | PlatformError::Unsupported(_) => self.breaker.answered(),
        }
        drop(notes);
        outcome
    }

    /// What stands now.
    pub(super) fn health(&self) -> GatewayHealth {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.buckets.iter().filter_map(|bucket| bucket.held_for()).max().unwrap_or_default();
        GatewayHealth {
            breaker: self.breaker.state(),
            last_ok: notes.last_ok,
            last_error: notes.last_error.clone(),
            failing: notes.failing,
            waiting_ms: u64::try_from(waiting.as_millis()).unwrap_or(u64::MAX),
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}
