//! One account's way to its platform: breaker, limits, retries of reads, and what the gateway shows of them. A write is sent once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::breaker::{Breaker, BreakerState};
pub(super) use super::fault::{Fault, Reach, Remedy, Spent};
use super::http::{Http, Outgoing, Reply, Route};
use super::limits::{self, Bucket, Lane, Limiters, PATIENCE, Pot, Rate, wall};
use super::spec::AccountSpec;
use super::{PlatformError, WireRequest};
use crate::clock::{Clock, WallTime};

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

/// How one platform's answers are judged.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// The body of a success, or what went wrong.
    pub judge: fn(&Reply) -> Result<Value, Fault>,
    /// What a call counts as, and where.
    pub cost: fn(&Asking<'_>) -> Cost,
    /// What its usage headers tell.
    pub told: fn(&HeaderMap) -> Vec<Told>,
    /// What an answer warns of beside its content.
    pub warned: fn(&HeaderMap) -> Option<String>,
}

/// A call as far as the platform counts it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    /// How it is made.
    pub verb: Verb,
    /// Where it goes, without the query.
    pub path: &'a str,
    /// What it carries.
    pub body: &'a [u8],
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// What a call counts as, the widest count first.
pub(super) type Cost = Vec<(Pot, u32)>;

/// What an answer tells of one count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    /// Which.
    pub pot: Pot,
    /// The share that is used: 1 is all.
    pub share: Option<f64>,
    /// How long to go easy.
    pub rest: Option<Duration>,
    /// What this access level gets in a span.
    pub most: Option<u32>,
}

/// One call of the app's and one of the account's.
pub(super) fn one_each(_: &Asking<'_>) -> Cost {
    vec![(Pot::App, 1), (Pot::Account, 1)]
}

tokio::task_local! {
    /// Which share of the limits the reads of this task may use.
    static LANE: Lane;
}

/// Runs `reads` in `lane`: what a pause rests on may be read from the reserve. Reads that nobody puts into one are ordinary.
pub async fn in_lane<T>(lane: Lane, reads: impl Future<Output = T>) -> T {
    LANE.scope(lane, reads).await
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
    /// How long ordinary writes still wait, in milliseconds of wall time: because the platform asked for it, or because little is left.
    pub waiting_ms: u64,
    /// How long even a pause or an undo still waits, because the platform would refuse it before, in milliseconds of wall time.
    pub urgent_waiting_ms: u64,
    /// What is left of each limit that is counted: its name and a share from 0 to 1.
    pub left: Vec<(String, f64)>,
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
    warning: Option<String>,
}

/// One account's way to its platform.
pub(super) struct Caller {
    http: Arc<Http>,
    pots: BTreeMap<Pot, Arc<Bucket>>,
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

    /// A way whose calls count by `counted`.
    pub(super) fn of(
        route: Route,
        counted: Vec<(Pot, String, Rate)>,
        pauses: Pauses,
        dialect: Dialect,
        clock: Clock,
        limiters: &Limiters,
    ) -> Result<Self, PlatformError> {
        Ok(Self {
            http: limiters.http(route)?,
            pots: counted.into_iter().map(|(pot, key, rate)| (pot, limiters.bucket(&key, rate))).collect(),
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
        let lane = LANE.try_with(|lane| *lane).unwrap_or(Lane::Ordinary);
        let cost = (self.dialect.cost)(&request.asking());
        self.admit(lane, &cost, PATIENCE).await.map_err(|(wait, what)| Fault::from(PlatformError::Quota { wait, what }).with(Remedy::Later))?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.http.read(request).await {
            Ok(reply) => self.judge(&reply),
            Err(error) => Err(error.into()),
        };
        self.note(&cost, outcome)
    }

    /// Waits at most `within` for leave to send one write.
    ///
    /// # Errors
    /// [`PlatformError::NotSent`].
    pub(super) async fn admit_write(&self, request: &WireRequest, lane: Lane, within: Duration) -> Result<(), PlatformError> {
        if lane == Lane::Ordinary && self.breaker.state() != BreakerState::Closed {
            return Err(PlatformError::NotSent("too many failures in a row: waiting until a read succeeds".to_owned()));
        }
        let path = request.url.split('?').next().unwrap_or_default();
        let cost = (self.dialect.cost)(&Asking { verb: Verb::Post, path, body: &request.body });
        self.admit(lane, &cost, within).await.map_err(|(wait, what)| PlatformError::NotSent(format!("{what}: next call in {wait:?}")))
    }

    /// Sends one write, once. A failure that proves nothing is `Unknown`.
    pub(super) async fn write(&self, request: Outgoing, within: Duration) -> Result<Value, Fault> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let cost = (self.dialect.cost)(&request.asking());
        let outcome = match self.http.write(request, within).await {
            Ok(reply) => self.judge(&reply),
            Err(error) => Err(error.into()),
        };
        self.note(&cost, outcome).map_err(|fault| match fault.error {
            PlatformError::Transient(what) => Fault { error: PlatformError::Unknown(what), ..fault },
            error => Fault { error, ..fault },
        })
    }

    /// Takes a call from every pot it counts in.
    async fn admit(&self, lane: Lane, cost: &Cost, patience: Duration) -> Result<(), (Duration, String)> {
        let counts: Vec<_> = cost.iter().filter_map(|(pot, units)| Some((*pot, &**self.pots.get(pot)?, *units))).collect();
        let asked: Vec<_> = counts.iter().map(|(_, bucket, units)| (*bucket, *units)).collect();
        limits::admit(&asked, lane, patience).await.map_err(|(place, wait)| {
            let which = counts.get(place).map(|(pot, bucket, _)| named(*pot, bucket)).unwrap_or_default();
            (wait, format!("the calls of the {which} are used up, or it is to be left alone"))
        })
    }

    fn judge(&self, reply: &Reply) -> Result<Value, Fault> {
        for told in (self.dialect.told)(&reply.headers) {
            let Some(bucket) = self.pots.get(&told.pot) else { continue };
            if let Some(most) = told.most {
                bucket.resize(most);
            }
            if let Some(share) = told.share {
                bucket.tell(share);
            }
            if let Some(rest) = told.rest {
                bucket.rest(rest);
            }
        }
        if let Some(warning) = (self.dialect.warned)(&reply.headers) {
            self.notes.lock().unwrap_or_else(PoisonError::into_inner).warning = Some(warning);
        }
        (self.dialect.judge)(reply)
    }

    /// What answers have warned of since this was asked last.
    pub(super) fn warning(&self) -> Option<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).warning.take()
    }

    fn afford_retry(&self) -> bool {
        let afford = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(RETRY_COST)).is_ok();
        if afford {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        afford
    }

    /// Books an outcome with the breaker, the buckets and the notes.
    fn note(&self, cost: &Cost, outcome: Result<Value, Fault>) -> Result<Value, Fault> {
        let _ = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some((left + 1).min(RETRY_MOST)));
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = match outcome {
            Ok(value) => {
                (notes.last_ok, notes.failing) = (Some(self.clock.wall()), false);
                self.breaker.answered();
                cost.iter().filter_map(|(pot, _)| self.pots.get(pot)).for_each(|bucket| bucket.answered());
                return Ok(value);
            }
            Err(fault) => self.wait_for(fault),
        };
        (notes.last_error, notes.failing) = (Some((self.clock.wall(), fault.error.to_string())), true);
        match &fault.error {
            PlatformError::Transient(_) | PlatformError::NotSent(_) | PlatformError::Unknown(_) => self.breaker.failed(self.clock.instant()),
            PlatformError::Quota { .. }
            | PlatformError::Auth(_)
            | PlatformError::Permission(_)
            | PlatformError::Policy(_)
            | PlatformError::Validation(_)
            | PlatformError::NotFound(_)
            | PlatformError::Conflict(_)
            | PlatformError::Unsupported(_) => self.breaker.answered(),
        }
        Err(fault)
    }

    /// Keeps back whom a refusal for too many calls stops; the fault then says how long that is on the wall.
    fn wait_for(&self, fault: Fault) -> Fault {
        let (Some(wait), PlatformError::Quota { what, .. }) = (fault.wait, &fault.error) else { return fault };
        let wait = match fault.reach {
            Reach::Object => wall(&self.clock, wait.after(0)),
            Reach::Pot(pot) => {
                let bucket = self.pots.get(&pot).or_else(|| self.pots.get(&Pot::App));
                bucket.map_or(wait.after(0), |bucket| {
                    match fault.spent {
                        Spent::All => bucket.spent(),
                        Spent::Unsaid => {}
                    }
                    bucket.refused(wait)
                })
            }
        };
        Fault { error: PlatformError::Quota { wait, what: what.clone() }, ..fault }
    }

    /// What is left of each limit that is counted.
    pub(super) fn left(&self) -> Vec<(String, f64)> {
        self.pots.iter().filter_map(|(pot, bucket)| bucket.left().map(|(_, share)| (named(*pot, bucket), share))).collect()
    }

    /// What stands now.
    pub(super) fn health(&self) -> GatewayHealth {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        // Reports wait by themselves: no write does with them.
        let writes = || self.pots.iter().filter(|(pot, _)| **pot != Pot::Reports);
        let waiting = |lane| writes().filter_map(|(_, bucket)| bucket.held_for(lane)).max().unwrap_or_default();
        let millis = |lane| u64::try_from(waiting(lane).as_millis()).unwrap_or(u64::MAX);
        GatewayHealth {
            breaker: self.breaker.state(),
            last_ok: notes.last_ok,
            last_error: notes.last_error.clone(),
            failing: notes.failing,
            waiting_ms: millis(Lane::Ordinary),
            urgent_waiting_ms: millis(Lane::Urgent),
            left: self.left(),
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}

/// A count as people are told of it.
fn named(pot: Pot, bucket: &Bucket) -> String {
    let whose = match pot {
        Pot::App => "app",
        Pot::Account => "account",
        Pot::Management => "account's ads_management",
        Pot::Reports => "account's ads_insights",
    };
    bucket.left().map_or_else(|| whose.to_owned(), |(of, _)| format!("{whose}: {} {}", of.most, of.counts))
}
