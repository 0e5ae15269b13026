//! One actor an account: observes on schedule, reconciles every read with the rows, and empties the outbox. Everything about an account happens in
//! this one task, so that a read and the writes that rest on it take turns.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::actor::{ActorError, Backoff};
use super::control::{Event, InForce, Topic};
use super::expiry::Expiry;
use super::measured::Told;
use super::polling::{Polling, ROW_POLL};
use super::pool::PoolMsg;
use super::schedule::{self, Beat, Due, Job, NEVER, Progress, Underway};
use super::seats::Seats;
use super::shards::{HeldLease, Leases};
use super::warning::Warnings;
use crate::clock::ProductTime;
use crate::config::Schedules;
use crate::domain::alert::AlertKind;
use crate::domain::ids::{AccountId, DecisionId, PoolId, ShardId};
use crate::domain::ticket::Severity;
use crate::domain::view::{AccountView, Frozen};
use crate::execution::{ExecutionError, Held, Outbox, Read};
use crate::observe::{Depth, Measuring, Observation, ObserveError, Observed, Observer};
use crate::platforms::{Gateway, Lane, in_lane};

/// How soon a write is read back.
const READ_BACK: Duration = Duration::from_millis(120);
/// Under time-lapse an account is not called silent before this much wall time.
const SILENCE_FLOOR: Duration = Duration::from_secs(5);

/// What an account's actor understands.
#[derive(Debug)]
pub enum AccountMsg {
    /// Read the account now; a round waits for it.
    Observe {
        /// How much.
        depth: Depth,
        /// From which share of the platform's limits.
        lane: Lane,
        /// Where the view goes; the asker may have left.
        reply: oneshot::Sender<Result<Arc<AccountView>, String>>,
    },
    /// Something may wait in the outbox.
    Execute,
}

/// What people see of an account's actor.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccountHealth {
    /// Whether its first reconciliation is done.
    pub acting: bool,
    /// When it was last read whole.
    pub last_ok: Option<ProductTime>,
    /// Why the last read or run failed; none after a good one.
    pub last_error: Option<String>,
}

/// What an account's actor needs.
pub struct AccountSetup {
    /// The account.
    pub account: AccountId,
    /// As configured.
    pub observed: Observed,
    /// The way to its platform.
    pub gateway: Arc<Gateway>,
    /// What counts its conversions beside its platform.
    pub measuring: Option<Measuring>,
    /// Its shard.
    pub shard: ShardId,
    /// The pools that draw on it.
    pub pools: Vec<PoolId>,
    /// When it is read.
    pub schedules: Schedules,
    /// Where its view is published.
    pub view: watch::Sender<Option<Arc<AccountView>>>,
    /// Where its health is shown.
    pub health: watch::Sender<AccountHealth>,
}

/// One kind of read, with its rhythm on ordinary and on volatile days.
struct Watch {
    depth: Depth,
    ordinary: Option<Beat>,
    volatile: Option<Beat>,
    last: ProductTime,
}

/// Whether people have been told that an account cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// They need not be, or not yet.
    Untold,
    /// They have been, and nothing has been read since.
    Told,
}

struct Actor<'a> {
    setup: &'a AccountSetup,
    seats: &'a Seats,
    observer: Observer,
    outbox: Outbox,
    due: Vec<Watch>,
    silent: Silence,
    frozen: Option<Frozen>,
    told: Told,
    expiry: Expiry,
    warnings: Warnings,
    polling: Polling,
    again: Option<Instant>,
    rows_at: Instant,
    /// Pauses between reads that fail, and until when the current one lasts.
    failing: (Backoff, Option<Instant>),
}

/// Runs the account until `stop`.
///
/// # Errors
/// [`ActorError`] when the store cannot restore what is known of it, or a schedule cannot be kept.
pub async fn run(setup: &AccountSetup, seats: &Seats, mailbox: &mut mpsc::Receiver<AccountMsg>, stop: &CancellationToken) -> Result<(), ActorError> {
    let (observed, gateway, measuring) = (setup.observed.clone(), Arc::clone(&setup.gateway), setup.measuring.clone());
    let restored = Observer::restore(observed, gateway, measuring, seats.store.clone(), seats.clock.clone(), seats.ids.clone(), setup.view.clone());
    let observer = restored.await.map_err(|error| ActorError::from_chain(&error))?;
    let outbox = Outbox::new(Arc::clone(&setup.gateway), seats.store.clone(), seats.clock.clone(), seats.ids.clone(), seats.gate.clone());
    let mut due = Vec::new();
    for (job, depth) in [(Job::Observation, Depth::Full), (Job::SpendPulse, Depth::Pulse)] {
        let beat =
            |schedules: &Schedules| job.beat(schedules, setup.observed.time_zone, setup.account.as_str(), 0, &seats.clock).map_err(|what| ActorError { what });
        due.push(Watch { depth, ordinary: beat(&setup.schedules)?, volatile: beat(&schedule::watchful(&setup.schedules))?, last: NEVER });
    }
    let mut actor = Actor {
        setup,
        seats,
        observer,
        outbox,
        due,
        silent: Silence::Untold,
        frozen: None,
        told: Told::default(),
        expiry: Expiry::default(),
        warnings: Warnings::default(),
        polling: Polling::default(),
        again: None,
        rows_at: seats.clock.instant(),
        failing: (Backoff::default(), None),
    };
    let (mut ticks, mut leases) = (seats.ticks.subscribe(), seats.leases.clone());
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            message = mailbox.recv() => match message {
                None => return Ok(()),
                Some(message) => actor.hear(message, &mut leases).await,
            },
            ticked = ticks.changed() => match ticked {
                Ok(()) => actor.tick(&mut leases).await,
                Err(_closed) => return Ok(()),
            },
        }
    }
}

impl Actor<'_> {
    fn held(&self, leases: &mut watch::Receiver<Leases>) -> Option<HeldLease> {
        leases.borrow_and_update().get(&self.setup.shard).filter(|held| held.until > self.seats.clock.instant()).cloned()
    }

    async fn hear(&mut self, message: AccountMsg, leases: &mut watch::Receiver<Leases>) {
        let Some(held) = self.held(leases) else {
            if let AccountMsg::Observe { reply, .. } = message {
                // The asker may have left.
                let _ = reply.send(Err("another node acts for this account".to_owned()));
            }
            return;
        };
        match message {
            AccountMsg::Observe { depth, lane, reply } => {
                let seen = in_lane(lane, self.observe(depth, &held)).await.map(|observation| observation.view).map_err(|error| error.what);
                // The round may have stopped waiting.
                let _ = reply.send(seen);
            }
            AccountMsg::Execute => self.execute(&held).await,
        }
    }

    async fn tick(&mut self, leases: &mut watch::Receiver<Leases>) {
        let Some(held) = self.held(leases) else { return };
        let (now, instant) = (self.seats.clock.now(), self.seats.clock.instant());
        let mut deepest = None;
        let volatile = self.seats.in_force.policy.is_volatile(now.date_in(self.setup.observed.time_zone));
        for watch in &mut self.due {
            let Some(beat) = (if volatile { &watch.volatile } else { &watch.ordinary }) else { continue };
            match beat.due(Progress { last: watch.last, underway: Underway::No, asked: None }, now) {
                Due::Run { occurrence, .. } => {
                    watch.last = occurrence;
                    deepest = deepest.or(Some(watch.depth));
                }
                Due::Skip { occurrence, .. } => watch.last = occurrence,
                Due::NotYet(_) => {}
            }
        }
        let may_retry = self.failing.1.is_none_or(|at| at <= instant);
        if let Some(depth) = deepest.or_else(|| (!self.outbox.acting() && may_retry).then_some(Depth::Full)) {
            // What failed is in the health and in the poll's row; the next beat tries again.
            let _ = self.observe(depth, &held).await;
        }
        let again = self.again.is_some_and(|at| at <= instant);
        if may_retry && (again || instant.duration_since(self.rows_at) >= ROW_POLL) {
            self.rows_at = instant;
            match self.open().await {
                Ok(open) if open.is_empty() => self.again = None,
                Ok(open) => {
                    if self.polling.is_due(open, instant, self.seats.clock.mode()) || again {
                        self.execute(&held).await;
                    }
                }
                Err(error) => self.trouble(error),
            }
        }
    }

    async fn open(&self) -> Result<BTreeSet<DecisionId>, ActorError> {
        let account = &self.setup.account;
        let open = self.seats.store.read(|mut tx| async move { tx.open_of_account(account).await }).await;
        open.map(|open| open.into_iter().map(|row| row.id).collect()).map_err(|error| ActorError::from_chain(&error))
    }

    async fn observe(&mut self, depth: Depth, held: &HeldLease) -> Result<Observation, ActorError> {
        let in_force = self.seats.policy();
        let observation = self.watched(depth, &in_force).await?;
        let read = Read { poll: &observation.poll, inventory: &observation.inventory, view: &observation.view, began: observation.began };
        match self.outbox.reconcile(&read, Held { lease: &held.lease, until: held.until, policy: &in_force.policy }).await {
            Ok(reconciled) => self.settled(&reconciled).await,
            Err(error) => {
                let error = ActorError::from_chain(&error);
                self.trouble(ActorError { what: error.what.clone() });
                return Err(error);
            }
        }
        self.setup.health.send_modify(|health| {
            health.acting = self.outbox.acting();
            health.last_ok = Some(observation.poll.at);
            health.last_error = None;
        });
        if self.frozen != observation.view.frozen {
            self.frozen.clone_from(&observation.view.frozen);
            if let Some(frozen) = &self.frozen {
                self.seats.frozen(&self.setup.account, frozen).await;
            }
        }
        self.seats.tell(Event { topic: Topic::Views, cursor: observation.poll.seq });
        Ok(observation)
    }

    async fn watched(&mut self, depth: Depth, in_force: &InForce) -> Result<Observation, ActorError> {
        let observed: Result<Observation, ObserveError> = self.observer.observe(depth, &in_force.policy).await;
        match observed {
            Ok(observation) => {
                (self.silent, self.failing) = (Silence::Untold, (Backoff::default(), None));
                if depth == Depth::Full {
                    self.expiry.look(self.seats, &self.setup.account, &self.setup.gateway).await;
                    self.warnings.look(self.seats, &self.setup.account, &self.setup.gateway).await;
                }
                if let Some(measuring) = &self.setup.measuring {
                    self.told.tell(self.seats, &self.setup.account, measuring, &observation).await;
                }
                Ok(observation)
            }
            Err(error) => {
                if let ObserveError::Platform(platform) = &error {
                    self.seats.platform_trouble(&self.setup.account, platform).await;
                }
                let error = ActorError::from_chain(&error);
                self.failing.1 = Some(self.seats.clock.instant() + self.failing.0.after_run_of(Duration::ZERO));
                self.silent(&error).await;
                self.trouble(ActorError { what: error.what.clone() });
                Err(error)
            }
        }
    }

    /// An account that was never read, or not for long, is a gap people should know of; its money stands still meanwhile.
    async fn silent(&mut self, error: &ActorError) {
        let clock = &self.seats.clock;
        let last_ok = self.setup.health.borrow().last_ok;
        let patience = clock.at_least(silent_after(&self.setup.schedules), SILENCE_FLOOR);
        if self.silent == Silence::Told || last_ok.is_some_and(|at| clock.now() - at < patience) {
            return;
        }
        self.silent = Silence::Told;
        let since = last_ok.map_or_else(|| "never".to_owned(), |at| format!("last at {at}"));
        let title = format!("Account {} cannot be read ({since}), so its money is left where it is: {error}", self.setup.account);
        self.seats.alert(AlertKind::Gap, self.setup.account.as_str(), Severity::Warning, title).await;
    }

    async fn execute(&mut self, held: &HeldLease) {
        self.again = None;
        let in_force = self.seats.policy();
        // A row that cannot be read is reported by the run itself.
        let lane = self.outbox.lane().await.unwrap_or(Lane::Ordinary);
        let Ok(observation) = in_lane(lane, self.watched(Depth::Inventory, &in_force)).await else {
            return;
        };
        let read = Read { poll: &observation.poll, inventory: &observation.inventory, view: &observation.view, began: observation.began };
        let done: Result<_, ExecutionError> = self.outbox.run_once(&read, Held { lease: &held.lease, until: held.until, policy: &in_force.policy }).await;
        match done {
            Ok(report) => {
                debug!(account = %self.setup.account, sent = report.sent.len(), waiting = report.waiting.len(), "the outbox ran");
                let wait = if report.wants_read() { Some(READ_BACK) } else { report.again_in };
                self.again = wait.map(|wait| self.seats.clock.instant() + wait);
                self.settled(&report.reconciled).await;
                if !report.sent.is_empty() || !report.called_off.is_empty() {
                    self.seats.tell(Event { topic: Topic::Decisions, cursor: observation.poll.seq });
                }
            }
            Err(error) => {
                self.again = Some(self.seats.clock.instant() + ROW_POLL);
                self.trouble(ActorError::from_chain(&error));
            }
        }
    }

    /// Confirmed reductions fund the next wave of their pools.
    async fn settled(&mut self, reconciled: &crate::execution::Reconciled) {
        if !reconciled.confirmed.is_empty() {
            for pool in &self.setup.pools {
                self.seats.to_pool(pool, PoolMsg::Funded).await;
            }
        }
        let moved = reconciled.applied.len() + reconciled.failed.len() + reconciled.unknown.len() + reconciled.escalated.len();
        if moved > 0 {
            self.seats.tell(Event { topic: Topic::Decisions, cursor: 0 });
        }
        if !reconciled.foreign.is_empty() || !reconciled.escalated.is_empty() {
            self.seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
        }
    }

    fn trouble(&self, error: ActorError) {
        warn!(account = %self.setup.account, error = %error, "account `{}` is in trouble", self.setup.account);
        self.setup.health.send_modify(|health| health.last_error = Some(error.what));
    }
}

/// A span of product time at which an account counts as silent.
#[must_use]
pub fn silent_after(schedules: &Schedules) -> TimeDelta {
    schedules.observation * 3
}
