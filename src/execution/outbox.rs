//! The outbox of one account: what is authorised goes out in order, one request a decision, while a fresh read says that it may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::sync::Mutex;

use super::baseline::{self, Intent};
use super::dispatch::{Went, lane, scopes};
use super::findings::Memory;
use super::gate::{Gate, GateError, SEND_DEADLINE};
use super::looks::Ready;
use super::queue::{Queued, in_order};
use super::reconcile::Reconciled;
use super::settle::{self, Answer, Before, Value};
use super::{ExecutionError, Held, Read};
use crate::clock::Clock;
use crate::domain::change::{Change, Direction};
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::ids::{AccountId, DecisionId, IdGen};
use crate::domain::ticket::TicketKind;
use crate::platforms::{BreakerState, Gateway, Lane, WireRequest, in_lane};
use crate::store::{Store, StoreError};

/// Oldest read a write may rest on, on the monotonic clock.
pub const FRESH: Duration = Duration::from_secs(30);

/// A decision that could not be sent for so long rests on figures that have passed.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// The same on the wall, where product time runs fast.
const LONGEST_WALL: Duration = Duration::from_secs(120);

/// One account's outbox. Sends and reconciliations of an account take turns here.
pub struct Outbox {
    pub(super) account: AccountId,
    pub(super) gateway: Arc<Gateway>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) ids: IdGen,
    pub(super) gate: Gate,
    acting: AtomicBool,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    memory: Memory,
    not_before: BTreeMap<DecisionId, Instant>,
    /// Unreadable rows people were told of.
    told: BTreeSet<String>,
}

/// Why a decision stays in the outbox for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Its scope is paused.
    Paused(String),
    /// The platform asked us to wait, or another attempt is due later.
    Rest,
    /// Another write to the same entity is not settled yet.
    Behind,
    /// The read is too old or shows an older value of ours.
    Stale,
    /// The lease ends too soon.
    Lease,
    /// A last check in the recording transaction refused it; why.
    Refused(String),
}

/// What one run of the outbox did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxReport {
    /// What the read settled before anything was sent.
    pub reconciled: Reconciled,
    /// Decisions for which a request left; what the answers prove.
    pub sent: Vec<(DecisionId, Answer)>,
    /// Decisions that were taken out unsent; why.
    pub called_off: Vec<(DecisionId, String)>,
    /// Decisions that stay; why.
    pub waiting: Vec<(DecisionId, Waits)>,
    /// How long until something that waits may go, in wall time, where that is known.
    pub again_in: Option<Duration>,
}

impl OutboxReport {
    /// Whether another read soon can settle something.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.sent.iter().any(|(_, answer)| match answer {
            Answer::Accepted | Answer::Unknown(_) => true,
            Answer::NotExecuted { .. } | Answer::Refused(_) | Answer::Credentials(_) | Answer::Policy(_) => false,
        })
    }
}

impl Queued for Intent {
    fn entity(&self) -> Option<&EntityKey> {
        self.row.entity.as_ref()
    }
    fn direction(&self) -> Direction {
        self.row.direction
    }
}

/// An error and what caused it, in one line.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", words(source)))
}

/// What the rows say before a batch.
struct Batch {
    ready: Vec<Intent>,
    busy: BTreeSet<EntityKey>,
    held: BTreeSet<EntityKey>,
    ours: BTreeMap<super::findings::Place, Vec<Value>>,
    /// A person has not yet answered for refused credentials.
    refused: bool,
}

impl Outbox {
    /// The outbox of the gateway's account. It acts only after its first reconciliation.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, store: Store, clock: Clock, ids: IdGen, gate: Gate) -> Self {
        let account = gateway.account().clone();
        Self { account, gateway, store, clock, ids, gate, acting: AtomicBool::new(false), turn: Mutex::default() }
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// Whether its first reconciliation is done: before that nothing is written.
    #[must_use]
    pub fn acting(&self) -> bool {
        self.acting.load(Ordering::Acquire)
    }

    /// Compares a whole read with the rows: settles what was sent, finds what died on its way, holds what somebody else has changed. Call it with
    /// every whole read. Done twice it changes nothing the second time.
    ///
    /// # Errors
    /// [`ExecutionError`]; nothing was written then, and the next read tries again.
    pub async fn reconcile(&self, read: &Read<'_>, held: Held<'_>) -> Result<Reconciled, ExecutionError> {
        let mut turn = self.turn.lock().await;
        self.reconcile_in(&mut turn, read, held).await
    }

    async fn reconcile_in(&self, turn: &mut Turn, read: &Read<'_>, held: Held<'_>) -> Result<Reconciled, ExecutionError> {
        let sights = self.look_at_open().await?;
        let reconciled = self.settle(&mut turn.memory, read, sights, held).await?;
        for row in reconciled.quarantined.iter().filter(|row| !turn.told.contains(*row)) {
            self.quarantine(row, held).await?;
        }
        turn.told = reconciled.quarantined.iter().cloned().collect();
        self.acting.store(true, Ordering::Release);
        Ok(reconciled)
    }

    /// Reconciles with `read` and then sends what is authorised: reductions first, in order within an entity, each decision one request. What cannot
    /// go now stays, with its reason.
    ///
    /// # Errors
    /// [`ExecutionError`]; what was sent before it stands in the rows.
    pub async fn run_once(&self, read: &Read<'_>, held: Held<'_>) -> Result<OutboxReport, ExecutionError> {
        let turn = &mut *self.turn.lock().await;
        let mut report = OutboxReport { reconciled: self.reconcile_in(turn, read, held).await?, ..OutboxReport::default() };
        let batch = self.batch().await?;
        if batch.ready.is_empty() {
            return Ok(report);
        }
        let mut busy = batch.busy.clone();
        for intent in &batch.ready {
            let id = intent.row.id;
            if let Some(waits) = self.must_wait(turn, intent, &batch, &busy, read, held, &mut report) {
                report.waiting.push((id, waits));
                busy.extend(intent.row.entity.clone());
                continue;
            }
            match self.go(turn, intent, &batch, read, held, &mut report).await {
                Ok(()) => {}
                // A row that lies stays where it is, and blocks nobody else.
                Err(error) if error.is_about_one_row() => report.waiting.push((id, Waits::Refused(words(&error)))),
                Err(error) => return Err(error),
            }
            busy.extend(intent.row.entity.clone());
            if let Some((_, Answer::Credentials(_))) = report.sent.last() {
                break;
            }
        }
        Ok(report)
    }

    /// What the reads before the next run are for: a pause or an undo that waits may rest on reads from the reserve.
    ///
    /// # Errors
    /// [`ExecutionError`] from the database.
    pub async fn lane(&self) -> Result<Lane, ExecutionError> {
        let account = &self.account;
        let open = self.store.read(|mut tx| async move { tx.open_of_account(account).await }).await?;
        let ready = open.into_iter().filter(|row| matches!(row.state, DecisionState::Authorised { .. })).collect();
        let urgent = baseline::intents(ready, &mut Vec::new()).iter().any(|intent| lane(intent) == Lane::Urgent);
        Ok(if urgent { Lane::Urgent } else { Lane::Ordinary })
    }

    async fn batch(&self) -> Result<Batch, ExecutionError> {
        let (account, now) = (&self.account, self.clock.now());
        self.store
            .read(|mut tx| async move {
                let open = tx.open_of_account(account).await?;
                let mut unreadable = Vec::new();
                let (ready, sent): (Vec<_>, Vec<_>) = open.into_iter().partition(|row| matches!(row.state, DecisionState::Authorised { .. }));
                let busy = sent.into_iter().filter_map(|row| row.entity).collect();
                let ready = in_order(baseline::intents(ready, &mut unreadable));
                let held = tx.open_holds(Some(account)).await?.into_iter().map(|hold| hold.entity).collect();
                let mut ours: BTreeMap<_, Vec<Value>> = BTreeMap::new();
                for intent in baseline::intents(tx.dispatched_since(account, now - super::findings::OURS).await?, &mut unreadable) {
                    if let Some(aim) = settle::aim(intent.change()) {
                        ours.entry((aim.entity.clone(), aim.field)).or_default().extend([aim.from, aim.to]);
                    }
                }
                let refused = tx.open_ticket_for(account.as_str(), TicketKind::CredentialTrouble, "").await?.is_some();
                Ok::<_, StoreError>(Batch { ready, busy, held, ours, refused })
            })
            .await
            .map_err(ExecutionError::from)
    }

    #[expect(clippy::too_many_arguments, reason = "one question that all of these answer together")]
    fn must_wait(
        &self,
        turn: &Turn,
        intent: &Intent,
        batch: &Batch,
        busy: &BTreeSet<EntityKey>,
        read: &Read<'_>,
        held: Held<'_>,
        report: &mut OutboxReport,
    ) -> Option<Waits> {
        let now = self.clock.instant();
        if batch.refused {
            return Some(Waits::Refused("CREDENTIALS: the platform refused our credentials; a person must answer that ticket first".to_owned()));
        }
        if intent.row.entity.as_ref().is_some_and(|entity| busy.contains(entity)) {
            return Some(Waits::Behind);
        }
        let own = turn.not_before.get(&intent.row.id).map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let health = self.gateway.health();
        let left = match (lane(intent), health.breaker) {
            // A write that the gateway would refuse unsent would only use up an attempt.
            (_, BreakerState::Open) => own.max(Duration::from_secs(1)),
            (Lane::Ordinary, BreakerState::Closed | BreakerState::HalfOpen) => own.max(Duration::from_millis(health.waiting_ms)),
            (Lane::Urgent, BreakerState::Closed | BreakerState::HalfOpen) => own.max(Duration::from_millis(health.urgent_waiting_ms)),
        };
        if left > Duration::ZERO {
            report.again_in = Some(report.again_in.map_or(left, |soonest| soonest.min(left)));
            return Some(Waits::Rest);
        }
        if now.duration_since(read.began) > FRESH {
            return Some(Waits::Stale);
        }
        (held.until.saturating_duration_since(now) < SEND_DEADLINE).then_some(Waits::Lease)
    }

    async fn go(
        &self,
        turn: &mut Turn,
        intent: &Intent,
        batch: &Batch,
        read: &Read<'_>,
        held: Held<'_>,
        report: &mut OutboxReport,
    ) -> Result<(), ExecutionError> {
        let id = intent.row.id;
        if let Some((event, why)) = self.obstacle(intent, batch, read) {
            match event {
                Some(event) => {
                    self.call_off(intent, event, &why).await?;
                    report.called_off.push((id, why));
                }
                None => report.waiting.push((id, Waits::Stale)),
            }
            return Ok(());
        }
        let request = match self.request(turn, intent, read, held, report).await? {
            Some(request) => request,
            None => return Ok(()),
        };
        let permit = match self.gate.permit(&scopes(intent)) {
            Ok(permit) => permit,
            Err(error @ (GateError::Closed(_) | GateError::Latched { .. } | GateError::StillOut { .. } | GateError::File { .. })) => {
                report.waiting.push((id, Waits::Paused(error.to_string())));
                return Ok(());
            }
        };
        match self.dispatch(intent, request, permit, read, held).await? {
            Went::Refused(refusal) if matches!(refusal.state, DecisionState::Authorised { .. }) => report.waiting.push((id, Waits::Refused(refusal.why))),
            Went::Refused(refusal) => report.called_off.push((id, refusal.why)),
            Went::Out(answer) => {
                if let Answer::NotExecuted { wait, .. } = &answer {
                    let until = self.clock.instant() + *wait;
                    turn.not_before.insert(id, until);
                    report.again_in = Some(report.again_in.map_or(*wait, |soonest| soonest.min(*wait)));
                } else {
                    turn.not_before.remove(&id);
                }
                report.sent.push((id, answer));
            }
        }
        Ok(())
    }

    /// The request for a change, or why there is none now: that is written down or reported here.
    async fn request(
        &self,
        turn: &mut Turn,
        intent: &Intent,
        read: &Read<'_>,
        held: Held<'_>,
        report: &mut OutboxReport,
    ) -> Result<Option<WireRequest>, ExecutionError> {
        let id = intent.row.id;
        let ready = if intent.change().is_in_inventory() {
            let budget = match intent.change() {
                Change::Budget { budget, .. } => read.inventory.budgets.iter().find(|row| row.budget == *budget),
                _ => None,
            };
            self.gateway.prepare(intent.change(), budget).map_or_else(|error| Ready::Off(Event::Cancel, error.to_string()), Ready::Send)
        } else {
            in_lane(lane(intent), self.ready(intent)).await
        };
        let (event, why) = match ready {
            Ready::Send(request) => return Ok(Some(request)),
            Ready::Wait(wait) => {
                turn.not_before.insert(id, self.clock.instant() + wait);
                report.again_in = Some(report.again_in.map_or(wait, |soonest| soonest.min(wait)));
                report.waiting.push((id, Waits::Rest));
                return Ok(None);
            }
            Ready::Policy(words) => {
                self.tell_of_policy(intent, words.clone(), held.policy).await?;
                (Event::Cancel, format!("POLICY: {words}"))
            }
            Ready::Off(event, why) => (event, why),
        };
        self.call_off(intent, event, &why).await?;
        report.called_off.push((id, why));
        Ok(None)
    }

    /// What the read says against sending: an event takes the decision out, none lets it wait for a better read.
    fn obstacle(&self, intent: &Intent, batch: &Batch, read: &Read<'_>) -> Option<(Option<Event>, String)> {
        if self.clock.now() - intent.row.since > self.clock.at_least(LONGEST, LONGEST_WALL) {
            return Some((Some(Event::Expire), format!("TOO_OLD: authorised at {} and not sent within a day; what it rests on has passed", intent.row.since)));
        }
        let stops = matches!(intent.change(), Change::Status { to: RunStatus::Paused, .. } | Change::PartStatus { to: RunStatus::Paused, .. });
        if !stops && intent.row.entity.as_ref().is_some_and(|entity| batch.held.contains(entity)) {
            return Some((Some(Event::Cancel), "HELD: somebody changed this entity on the platform; nothing is written until that is answered".to_owned()));
        }
        let aim = settle::aim(intent.change())?;
        let ours = batch.ours.get(&(aim.entity.clone(), aim.field)).map_or(&[][..], Vec::as_slice);
        match settle::before(&aim, ours, settle::shown(read.inventory, aim.entity, aim.field)) {
            Before::AsExpected => None,
            Before::AlreadyThere => Some((Some(Event::Supersede), format!("ALREADY_THERE: {} shows {} already", aim.entity, aim.to.words()))),
            Before::Outdated(value) if ours.contains(&aim.from) => {
                // What the change expects was ours, too: the read may be behind. A later one decides, as long as the decision is young.
                let young = self.clock.now() < baseline::visible_by(intent.row.since, &self.clock);
                let why = format!("OUTDATED: expected {}, but {} shows {}", aim.from.words(), aim.entity, value.words());
                Some((if young { None } else { Some(Event::Supersede) }, why))
            }
            Before::Outdated(value) => {
                Some((Some(Event::Supersede), format!("OUTDATED: expected {}, but {} shows {}", aim.from.words(), aim.entity, value.words())))
            }
            Before::Foreign(value) => Some((
                Some(Event::Cancel),
                format!("FOREIGN: expected {}, but {} shows {}, which nobody here has set", aim.from.words(), aim.entity, value.words()),
            )),
            Before::Gone => Some((Some(Event::Cancel), format!("GONE: {} is not there any more", aim.entity))),
        }
    }
}
