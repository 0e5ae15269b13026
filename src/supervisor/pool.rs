//! One actor a pool: runs its rounds one after another, whoever asks for them, and watches its breaker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::actor::ActorError;
use super::agents::{AgentMsg, PATIENCE};
use super::control::{AgentState, Event, Topic};
use super::schedule::{self, Beat, Due, Job, NEVER, Progress, Trigger, Underway};
use super::seats::{Seats, Stops};
use super::shards::HeldLease;
use crate::clock::ProductTime;
use crate::config::Schedules;
use crate::cycle::{self, Answers, CycleError, Desk, Question, RoundInput, RoundKind};
use crate::domain::alert::AlertKind;
use crate::domain::ids::{AccountId, AgentId, PoolId, RoundId, ShardId};
use crate::domain::proposal::{Pin, Round};
use crate::domain::ticket::Severity;
use crate::domain::view::AccountView;
use crate::ledger::control::{By, control};
use crate::ledger::{LedgerError, Receipt};
use crate::observe::Depth;
use crate::store::scope::Verb;
use crate::{learning, ledger, tickets};

/// Longest a round waits for the read of an account; one that takes longer is left out, and its money stays where it is.
const READ_PATIENCE: Duration = Duration::from_secs(20);
/// The same where a person stops delivery and nothing was ever seen of the account.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// What a round's reads have left once a person waits for it to end, so that delivery can stop.
const GRACE: Duration = Duration::from_millis(500);
/// How often matured predictions are looked for, in product time.
const JUDGE_EVERY: TimeDelta = TimeDelta::hours(6);
/// Least wall time between two such looks.
const JUDGE_PAUSE: Duration = Duration::from_millis(400);
/// How often a breaker is looked at.
const BREAKER_PAUSE: Duration = Duration::from_millis(400);

/// The answer to pins: what was recorded of them, or why nothing was.
pub type PinsReply = oneshot::Sender<Result<Receipt, String>>;

/// What a pool's actor understands.
#[derive(Debug)]
pub enum PoolMsg {
    /// Carry out what people asked for, at once.
    Pins {
        /// What they asked for.
        pins: Vec<Pin>,
        /// What set it off, in one word.
        reason: &'static str,
        /// Where the receipt goes.
        reply: PinsReply,
    },
    /// A reduction was confirmed: increases that wait may be funded now.
    Funded,
    /// Run an allocation round now.
    Trigger,
}

/// What people see of a pool.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PoolHealth {
    /// Its last round.
    pub last_round: Option<RoundId>,
    /// When that was.
    pub last_round_at: Option<ProductTime>,
    /// When the next one is due.
    pub next_round: Option<ProductTime>,
    /// Why the last one failed; none after a good one.
    pub last_error: Option<String>,
}

/// What a pool's actor needs.
pub struct PoolSetup {
    /// The pool.
    pub pool: PoolId,
    /// Its shard.
    pub shard: ShardId,
    /// The accounts it draws on.
    pub accounts: Vec<AccountId>,
    /// The agents that speak in it.
    pub agents: Vec<AgentId>,
    /// When its rounds are due.
    pub schedules: Schedules,
    /// How its rounds go.
    pub health: watch::Sender<PoolHealth>,
    /// Who waits for it to stop delivery.
    pub stops: Stops,
}

/// How long a round may wait for platforms.
#[derive(Clone, Copy)]
enum Look {
    /// Until they have answered, or a person wants delivery stopped.
    Patient,
    /// Not at all where anything is known: delivery is to stop, whatever the figures say.
    Hasty,
}

struct Scheduled {
    round: Round,
    ordinary: Beat,
    volatile: Beat,
    last: ProductTime,
}

/// Whether the calendar makes today unlike other days.
#[derive(Clone, Copy)]
enum Day {
    Ordinary,
    Volatile,
}

impl Scheduled {
    const fn beat(&self, day: Day) -> &Beat {
        match day {
            Day::Ordinary => &self.ordinary,
            Day::Volatile => &self.volatile,
        }
    }
}

struct Actor<'a> {
    setup: &'a PoolSetup,
    seats: &'a Seats,
    desk: Desk,
    due: Vec<Scheduled>,
    judged_at: ProductTime,
    judge_after: Instant,
    breaker_after: Instant,
}

/// Runs the pool until `stop`.
///
/// # Errors
/// [`ActorError`] when a schedule cannot be kept or the rows cannot be read at the start.
pub async fn run(setup: &PoolSetup, seats: &Seats, mailbox: &mut mpsc::Receiver<PoolMsg>, stop: &CancellationToken) -> Result<(), ActorError> {
    let desk = Desk { store: seats.store.clone(), clock: seats.clock.clone(), ids: seats.ids.clone(), node: seats.node.clone() };
    let in_force = seats.policy();
    let zone = in_force.policy.pools.get(&setup.pool).map_or(chrono_tz::UTC, |pool| pool.time_zone);
    let mut due = Vec::new();
    for (job, round, reason) in [(Job::Allocation, Round::Allocation, "allocation"), (Job::Protective, Round::Protective, "protective")] {
        let beat = |schedules: &Schedules| job.beat(schedules, zone, setup.pool.as_str(), 0, &seats.clock).map_err(|what| ActorError { what });
        if let (Some(ordinary), Some(volatile)) = (beat(&setup.schedules)?, beat(&schedule::watchful(&setup.schedules))?) {
            let pool = &setup.pool;
            let newest = seats.store.read(|mut tx| async move { tx.newest_round(pool, Some(reason)).await }).await;
            let newest = newest.map_err(|error: crate::store::StoreError| ActorError::from_chain(&error))?;
            // A pool that never ran allocates as soon as its accounts have been read, instead of waiting for the night.
            let last = newest.map_or(NEVER, |round| round.now);
            due.push(Scheduled { round, ordinary, volatile, last });
        }
    }
    let now = seats.clock.instant();
    let mut actor = Actor { setup, seats, desk, due, judged_at: NEVER, judge_after: now, breaker_after: now };
    let mut ticks = seats.ticks.subscribe();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            message = mailbox.recv() => match message {
                None => return Ok(()),
                Some(message) => actor.hear(message).await,
            },
            ticked = ticks.changed() => match ticked {
                Ok(()) => actor.tick().await,
                Err(_closed) => return Ok(()),
            },
        }
    }
}

impl Actor<'_> {
    fn held(&self) -> Option<HeldLease> {
        self.seats.leases.borrow().get(&self.setup.shard).filter(|held| held.until > self.seats.clock.instant()).cloned()
    }

    fn volatile(&self, now: ProductTime) -> Day {
        let policy = &self.seats.in_force.policy;
        let zone = policy.pools.get(&self.setup.pool).map_or(chrono_tz::UTC, |pool| pool.time_zone);
        if policy.is_volatile(now.date_in(zone)) { Day::Volatile } else { Day::Ordinary }
    }

    async fn hear(&mut self, message: PoolMsg) {
        match message {
            PoolMsg::Pins { pins, reason, reply } => {
                let done = self.round(RoundKind::Pins, reason, pins).await.map_err(|error| ActorError::from_chain(&error).what);
                // Whoever asked may have left; what was recorded stands.
                let _ = reply.send(done);
            }
            PoolMsg::Funded => self.wave().await,
            PoolMsg::Trigger => self.reported(RoundKind::Agents(Round::Allocation), "manual").await,
        }
    }

    async fn tick(&mut self) {
        let ready = self.setup.accounts.iter().any(|account| self.seats.accounts.get(account).is_some_and(|seat| seat.health.borrow().acting));
        if !ready || self.held().is_none() {
            return;
        }
        let now = self.seats.clock.now();
        let mut run = None;
        let volatile = self.volatile(now);
        for scheduled in &mut self.due {
            match scheduled.beat(volatile).due(Progress { last: scheduled.last, underway: Underway::No, asked: None }, now) {
                Due::Run { occurrence, trigger } => {
                    scheduled.last = occurrence;
                    run = run.or(Some((scheduled.round, trigger)));
                }
                Due::Skip { occurrence, .. } if scheduled.last == NEVER => {
                    scheduled.last = occurrence;
                    run = run.or(Some((scheduled.round, Trigger::CatchUp)));
                }
                Due::Skip { occurrence, .. } => scheduled.last = occurrence,
                Due::NotYet(_) => {}
            }
        }
        if let Some((round, _trigger)) = run {
            let reason = match round {
                Round::Allocation => "allocation",
                Round::Protective => "protective",
            };
            self.reported(RoundKind::Agents(round), reason).await;
        }
        let instant = self.seats.clock.instant();
        if instant >= self.breaker_after {
            self.breaker_after = instant + BREAKER_PAUSE;
            self.watch_breaker().await;
        }
        if now - self.judged_at >= JUDGE_EVERY && instant >= self.judge_after {
            (self.judged_at, self.judge_after) = (now, instant + JUDGE_PAUSE);
            self.judge().await;
        }
        let beats = self.due.iter().map(|scheduled| scheduled.beat(volatile));
        let next = beats.filter_map(|beat| beat.schedule.next_after(now - beat.jitter).map(|at| at + beat.jitter)).min();
        self.setup.health.send_if_modified(|health| std::mem::replace(&mut health.next_round, next) != next);
    }

    async fn reported(&mut self, kind: RoundKind, reason: &'static str) {
        // Approved tickets whose round died with the process are carried out with the next one.
        let pool = &self.setup.pool;
        let pins = match self.seats.store.read(|mut tx| async move { tickets::pins(&mut tx, pool).await }).await {
            Ok(pins) => pins,
            Err(error) => {
                let error: LedgerError = error;
                warn!(pool = %self.setup.pool, error = %error, "approved tickets could not be read");
                Vec::new()
            }
        };
        if let Err(error) = self.round(kind, reason, pins).await {
            let error = ActorError::from_chain(&error);
            warn!(pool = %self.setup.pool, error = %error, "the {reason} round of pool `{}` failed", self.setup.pool);
            self.setup.health.send_modify(|health| health.last_error = Some(error.what));
        }
    }

    async fn wave(&mut self) {
        let pool = &self.setup.pool;
        let waiting = self.seats.store.read(|mut tx| async move { ledger::waves(&mut tx, pool).await }).await;
        match waiting {
            Ok(waiting) if waiting.is_empty() => {}
            Ok(_) => self.reported(RoundKind::Wave, "wave").await,
            Err(error) => warn!(pool = %self.setup.pool, error = %error, "increases that wait could not be read"),
        }
    }

    /// Newest views of the pool's accounts, each read anew; what cannot be read keeps its old view, whose age the guardrails judge.
    async fn look(&self, look: Look) -> (Vec<Arc<AccountView>>, Vec<String>) {
        let asked = self.setup.accounts.iter().filter_map(|account| self.seats.accounts.get(account).map(|seat| (account, seat)));
        let (now, full) = (self.seats.clock.now(), self.setup.schedules.observation);
        let reads = asked.map(|(account, seat)| async move {
            let known = seat.view.borrow().clone();
            let patience = match look {
                Look::Patient => READ_PATIENCE,
                Look::Hasty if known.is_some() => return (known, None),
                Look::Hasty => STOP_PATIENCE,
            };
            // After a standstill the round's hour and the account's come together: then the round itself asks for the figures it rests on.
            let fresh = known.and_then(|view| view.conversions_at).is_some_and(|at| now - at <= full * 2);
            let read = seat.read(if fresh { Depth::Pulse } else { Depth::Full });
            let why = tokio::select! {
                read = tokio::time::timeout(patience, read) => match read {
                    Ok(Ok(view)) => return (Some(view), None),
                    Ok(Err(why)) => why,
                    Err(_elapsed) => format!("no answer within {patience:?}"),
                },
                () = self.hurried(look) => "no answer before somebody stopped delivery".to_owned(),
            };
            (seat.view.borrow().clone(), Some(format!("{account}: {why}")))
        });
        let (views, unread): (Vec<_>, Vec<_>) = futures::future::join_all(reads).await.into_iter().unzip();
        (views.into_iter().flatten().collect(), unread.into_iter().flatten().collect())
    }

    /// Returns when a round has waited long enough, because behind it somebody waits to stop delivery.
    async fn hurried(&self, look: Look) {
        match look {
            Look::Patient => {
                self.setup.stops.asked().await;
                tokio::time::sleep(GRACE).await;
            }
            Look::Hasty => std::future::pending().await,
        }
    }

    async fn round(&mut self, kind: RoundKind, reason: &str, pins: Vec<Pin>) -> Result<Receipt, CycleError> {
        let held = self.held().ok_or_else(|| CycleError::NoView(format!("pool {}: another node acts for it", self.setup.pool)))?;
        let began = self.seats.clock.instant();
        let stops = kind == RoundKind::Pins && pins.iter().all(Pin::stops_delivery);
        let (views, unread) = self.look(if stops { Look::Hasty } else { Look::Patient }).await;
        if views.is_empty() {
            return Err(CycleError::NoView(unread.join("; ")));
        }
        // An account that could not be read again is as old as its view, which the guardrails see; the batch is as old as this look.
        let in_force = self.seats.policy();
        let (setup, seats) = (self.setup, self.seats);
        let input = RoundInput { pool: &setup.pool, kind, reason, policy: &in_force.policy, views, began, pins, lease: &held.lease, unread };
        let receipt = cycle::decide(&self.desk, input, async |question| ask(setup, seats, question).await).await?;
        match receipt.decisions.len() {
            0 => debug!(pool = %setup.pool, round.id = %receipt.round, reason, "{reason} round: nothing to decide"),
            decisions => info!(pool = %setup.pool, round.id = %receipt.round, reason, decisions, "{reason} round: {decisions} decision(s)"),
        }
        self.setup.health.send_modify(|health| {
            health.last_round = Some(receipt.round);
            health.last_round_at = Some(self.seats.clock.now());
            health.last_error = None;
        });
        for account in &self.setup.accounts {
            self.seats.wake(account);
        }
        self.seats.tell(Event { topic: Topic::Rounds, cursor: 0 });
        if !receipt.decisions.is_empty() {
            self.seats.tell(Event { topic: Topic::Decisions, cursor: 0 });
        }
        if receipt.decisions.iter().any(|decision| decision.ticket().is_some()) {
            self.seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
        }
        Ok(receipt)
    }

    fn views(&self) -> Vec<Arc<AccountView>> {
        self.setup.accounts.iter().filter_map(|account| self.seats.accounts.get(account)).filter_map(|seat| seat.view.borrow().clone()).collect()
    }

    async fn watch_breaker(&self) {
        let in_force = self.seats.policy();
        match cycle::breaker(&self.desk, &in_force.policy, &self.setup.pool, self.views()).await {
            Ok(None) => {}
            Ok(Some(trip)) => {
                let when = self.seats.moment();
                let (scope, why) = (&trip.scope, &trip.why);
                let tripped =
                    self.seats.store.write(|mut tx| async move { control(&mut tx, scope, Verb::Reduce, &By::Daemon("breaker"), why, when).await }).await;
                if let Err(error) = tripped {
                    let error: LedgerError = error;
                    warn!(scope = %trip.scope, error = %error, "a breaker could not be tripped");
                }
                let title = format!("Breaker of {}: only reductions go out until a person re-arms it. {}", trip.scope, trip.why);
                self.seats.alert(AlertKind::Breaker, &trip.scope.to_string(), Severity::Critical, title).await;
                self.seats.tell(Event { topic: Topic::Scopes, cursor: 0 });
            }
            Err(error) => warn!(pool = %self.setup.pool, error = %ActorError::from_chain(&error), "the breaker could not be judged"),
        }
    }

    async fn judge(&self) {
        let in_force = self.seats.policy();
        let curves = self.curves().await;
        match cycle::judge(&self.desk, &in_force.policy, &curves).await {
            Ok(report) => {
                for row in &report.unreadable {
                    let title = format!("The outcome {} cannot be scored; the others are: {}", row.id, row.why);
                    self.seats.alert(AlertKind::Audit, &format!("outcome {}", row.id), Severity::Critical, title).await;
                }
                if report.scored + report.void > 0 {
                    self.seats.tell(Event { topic: Topic::Decisions, cursor: 0 });
                }
            }
            Err(error) => warn!(pool = %self.setup.pool, error = %ActorError::from_chain(&error), "predictions could not be scored"),
        }
    }

    async fn curves(&self) -> BTreeMap<crate::domain::entity::EntityKey, crate::domain::curve::CampaignCurve> {
        let (in_force, now, pool) = (self.seats.policy(), self.seats.clock.now(), &self.setup.pool);
        let policy = &in_force.policy;
        let rows = self
            .seats
            .store
            .read(|mut tx| async move {
                let books = ledger::books(&mut tx, policy, now).await?;
                let members = tx.budgets_of_pool(pool).await?.into_iter().filter(|row| !row.gone).map(|row| row.budget.budget.key).collect();
                Ok::<_, LedgerError>((books, members))
            })
            .await;
        match rows.map_err(CycleError::Ledger).and_then(|(books, members)| Ok((cycle::pool_view(policy, pool, self.views(), members)?, books))) {
            Ok((view, books)) => learning::curves(&view, &books, |day| policy.demand(day), now),
            Err(error) => {
                warn!(pool = %self.setup.pool, error = %ActorError::from_chain(&error), "no curves to judge with: what was believed when deciding is the counterfactual");
                BTreeMap::new()
            }
        }
    }
}

/// Puts the question to the pool's agents that may act; one that is silent abstains.
async fn ask(setup: &PoolSetup, seats: &Seats, question: Arc<Question>) -> Answers {
    let in_force = seats.policy();
    let mut answers = Answers::default();
    let mut waiting = Vec::new();
    for agent in &setup.agents {
        let (Some(seat), Some(policy)) = (seats.agents.get(agent), in_force.policy.agents.get(agent)) else { continue };
        let scope = crate::domain::scope::Scope::Agent(agent.clone());
        if question.books.terminated.contains(agent) || question.books.paused.contains(&scope) {
            answers.abstained.insert(agent.clone(), "it is paused or terminated".to_owned());
            continue;
        }
        if *seat.state.borrow() == AgentState::BackingOff {
            answers.abstained.insert(agent.clone(), "it failed and is being started again".to_owned());
            continue;
        }
        let (reply, answer) = oneshot::channel();
        let message = AgentMsg::Ask { question: Arc::clone(&question), policy: Box::new(policy.clone()), reply };
        match seat.mailbox.try_send(message) {
            Ok(()) => waiting.push(async move { (agent, tokio::time::timeout(PATIENCE, answer).await) }),
            Err(_full) => {
                answers.abstained.insert(agent.clone(), "it is still busy with an earlier question".to_owned());
            }
        }
    }
    for (agent, answer) in futures::future::join_all(waiting).await {
        match answer {
            Ok(Ok(proposal)) => answers.proposals.push(proposal),
            Ok(Err(_gone)) => {
                answers.abstained.insert(agent.clone(), "it failed while answering".to_owned());
            }
            Err(_elapsed) => {
                answers.abstained.insert(agent.clone(), format!("it was silent for {PATIENCE:?}"));
            }
        }
    }
    answers
}
