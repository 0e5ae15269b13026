//! The one path, in order: the only place where the order of the stages is written.
//!
//! [`decide`] goes from the observed views to committed decisions, [`execute`] from the outbox to the read-back, [`judge`] from matured figures to
//! scores. Each stage takes what only the stage before it can make: nothing reaches a platform that was not judged and recorded.

mod judge;
mod replay;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use sha2::{Digest, Sha256};

pub use judge::{JudgeReport, judge};
pub use replay::{ReplayReport, replay, tracking_minimum, under as replay_under};
pub use stage::{Answers, Circumstances, Prepared, Question, RoundKind, Stage};

use crate::clock::{Clock, ProductTime};
use crate::domain::books::Books;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{IdGen, NodeId, PoolId, RoundId};
use crate::domain::money::MoneyError;
use crate::domain::policy::Policy;
use crate::domain::proposal::{Pin, Round, Settled};
use crate::domain::view::{AccountView, PoolView};
use crate::execution::{ExecutionError, Held, Outbox, OutboxReport, Read};
use crate::ledger::{self, LedgerError, Receipt, RoundHeader, WaitingPolicy};
use crate::observe::{Depth, ObserveError, Observer};
use crate::store::Store;
use crate::store::lease::Lease;
use crate::{guardrails, learning};

/// The build that decides, as rounds and decisions name it.
pub const ENGINE: &str = concat!("adjutant ", env!("CARGO_PKG_VERSION"));

/// Why a stage did not reach its end; nothing was sent by it.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The pool is not in the policy.
    #[error("POOL: there is no pool `{0}`")]
    NoPool(PoolId),
    /// Its accounts have not been read yet.
    #[error("VIEW: {0} has not been read yet")]
    NoView(String),
    /// Amounts that do not add up.
    #[error("MONEY: {0}")]
    Money(#[from] MoneyError),
    /// The ledger.
    #[error("the ledger refused")]
    Ledger(#[from] LedgerError),
    /// The outbox.
    #[error("the outbox stopped")]
    Execution(#[from] ExecutionError),
    /// The platform or the store, while observing.
    #[error("the account could not be observed")]
    Observe(#[from] ObserveError),
    /// The database.
    #[error("the database refused")]
    Store(#[from] crate::store::StoreError),
}

/// What a round is run with.
pub struct RoundInput<'a> {
    /// The pool.
    pub pool: &'a PoolId,
    /// What the round is for.
    pub kind: RoundKind,
    /// What set it off, in one word.
    pub reason: &'a str,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The pool's accounts as just read, by name; those that could not be read at all are missing.
    pub views: Vec<Arc<AccountView>>,
    /// When the oldest of these reads began, on the monotonic clock.
    pub began: Instant,
    /// Changes that arbitration may not alter.
    pub pins: Vec<Pin>,
    /// The right to decide for the pool's shard.
    pub lease: &'a Lease,
    /// Accounts that could not be read, and why; for the run record.
    pub unread: Vec<String>,
}

/// Where decisions are made: the store, the clocks, and who this is.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The database.
    pub store: Store,
    /// The clocks.
    pub clock: Clock,
    /// The generator of ids.
    pub ids: IdGen,
    /// This node.
    pub node: NodeId,
}

/// A pool's view out of the views of its accounts.
///
/// # Errors
/// [`CycleError::NoPool`].
pub fn pool_view(policy: &Policy, pool: &PoolId, views: Vec<Arc<AccountView>>, members: Vec<EntityKey>) -> Result<PoolView, CycleError> {
    PoolView::of(policy, pool, views, members).ok_or_else(|| CycleError::NoPool(pool.clone()))
}

/// Lower-case hex over the views of a round: replay compares it before anything else.
#[must_use]
pub fn view_hash(views: &[Arc<AccountView>]) -> String {
    let plain: Vec<&AccountView> = views.iter().map(Arc::as_ref).collect();
    let json = serde_json::to_vec(&plain).expect("views have only string keys and finite numbers");
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// From views to committed decisions. `ask` puts the question to the pool's agents and waits for their answers.
///
/// # Errors
/// [`CycleError`]; nothing is recorded then.
pub async fn decide(desk: &Desk, input: RoundInput<'_>, ask: impl AsyncFnOnce(Arc<Question>) -> Answers) -> Result<Receipt, CycleError> {
    let (now, started_wall) = (desk.clock.now(), desk.clock.wall());
    let (policy, pool) = (input.policy, input.pool);
    let (books, members, waiting) = read_rows(desk, policy, pool, now).await?;
    let view = pool_view(policy, pool, input.views, members)?;
    let circumstances = Circumstances {
        kind: input.kind,
        config_age_ms: u64::try_from(desk.clock.instant().duration_since(input.began).as_millis()).unwrap_or(u64::MAX),
        age_floor_ms: guardrails::age_floor(&desk.clock).num_milliseconds(),
        abstained: BTreeMap::new(),
        members: view.members.clone(),
        figures_at: view.accounts.iter().map(|account| (account.account.clone(), account.spend_at)).collect(),
        waiting,
    };
    let mut stage = Stage { policy, view, books, pins: input.pins, now, circumstances };
    let prepared = stage.prepare();
    let answers = match input.kind {
        RoundKind::Agents(round) => ask(Arc::new(stage.question(&prepared, round))).await,
        RoundKind::Pins | RoundKind::Wave => Answers::default(),
    };
    stage.circumstances.abstained = answers.abstained;
    let judged = stage.judge(&prepared, answers.proposals)?;
    let header = RoundHeader {
        id: desk.ids.next::<RoundId>(now),
        pool: pool.clone(),
        shard: input.lease.shard.clone(),
        now,
        started_wall,
        reason: input.reason.to_owned(),
        policy: policy.clone(),
        polls: stage.view.accounts.iter().map(|account| (account.account.clone(), account.poll)).collect(),
        view_hash: view_hash(&stage.view.accounts),
        beliefs: json!({ "learner": learning::NAME, "circumstances": stage.circumstances }),
        seed: 0,
        engine: ENGINE.to_owned(),
        node: desk.node.clone(),
        waiting: match input.kind {
            RoundKind::Agents(Round::Allocation) => WaitingPolicy::Replace,
            RoundKind::Agents(Round::Protective) | RoundKind::Pins | RoundKind::Wave => WaitingPolicy::Keep,
        },
        notes: json!({ "volatile": stage.volatile(), "abstained": stage.circumstances.abstained, "unread": input.unread }),
        pins: stage.pins,
        books: stage.books,
    };
    Ok(ledger::record(&desk.store, &desk.ids, &desk.clock, input.lease, &header, judged).await?)
}

async fn read_rows(desk: &Desk, policy: &Policy, pool: &PoolId, now: ProductTime) -> Result<(Books, Vec<EntityKey>, Vec<Settled>), CycleError> {
    desk.store
        .read(|mut tx| async move {
            let books = ledger::books(&mut tx, policy, now).await?;
            let members = tx.budgets_of_pool(pool).await?.into_iter().filter(|row| !row.gone).map(|row| row.budget.budget.key).collect();
            let waiting = ledger::waves(&mut tx, pool).await?;
            Ok((books, members, waiting))
        })
        .await
        .map_err(|error: LedgerError| CycleError::Ledger(error))
}

/// From the outbox to the read-back: one fresh read of the account, reconciled with the rows, and then what is authorised, one request a decision.
///
/// # Errors
/// [`CycleError::Observe`] when the account cannot be read: nothing is sent then; [`CycleError::Execution`] from the outbox.
pub async fn execute(observer: &mut Observer, outbox: &Outbox, policy: &Policy, held: Held<'_>) -> Result<(OutboxReport, i64), CycleError> {
    let seen = observer.observe(Depth::Inventory, policy).await?;
    let read = Read { poll: &seen.poll, inventory: &seen.inventory, view: &seen.view, began: seen.began };
    Ok((outbox.run_once(&read, held).await?, seen.poll.seq))
}

/// Whether a breaker of the pool has to trip now, judged from the newest views.
///
/// # Errors
/// [`CycleError`] when the rows cannot be read.
pub async fn breaker(desk: &Desk, policy: &Policy, pool: &PoolId, views: Vec<Arc<AccountView>>) -> Result<Option<guardrails::Trip>, CycleError> {
    let now = desk.clock.now();
    let (books, members, _) = read_rows(desk, policy, pool, now).await?;
    Ok(guardrails::breaker(&pool_view(policy, pool, views, members)?, &books, policy))
}
