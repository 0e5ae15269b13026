//! Recording: what was judged becomes decisions, commitments, conflicts and tickets in one transaction, re-judged on fresh books in it.

mod approval;
mod ask;
mod round;
mod scribe;

use std::collections::BTreeMap;

use serde_json::Value;

use super::LedgerError;
use crate::clock::{Clock, ProductTime, WallTime};
use crate::domain::books::Books;
use crate::domain::decision::DecisionState;
use crate::domain::ids::{AccountId, DecisionId, IdGen, NodeId, PollId, PoolId, RoundId, ShardId, TicketId};
use crate::domain::policy::Policy;
use crate::domain::proposal::{LeftAlone, Pin, Settled};
use crate::guardrails::Judged;
use crate::store::lease::Lease;
use crate::store::round::WaitingIncrease;
use crate::store::{Store, StoreError, Tx};
use scribe::Scribe;

/// What becomes of the increases of earlier settlements that still wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingPolicy {
    /// This round settles the pool anew: what waited is dropped.
    Replace,
    /// This round is about single changes: what waits goes on waiting.
    Keep,
}

/// Everything about a round that its replay needs, and what the run record says of it.
#[derive(Clone, Debug)]
pub struct RoundHeader {
    /// Its id.
    pub id: RoundId,
    /// The pool.
    pub pool: PoolId,
    /// The chain its decisions are written to.
    pub shard: ShardId,
    /// The one `now` of the round.
    pub now: ProductTime,
    /// When it began, in UTC.
    pub started_wall: WallTime,
    /// What set it off, in one word of the cycle.
    pub reason: String,
    /// The policy in force; its hash is what decisions name.
    pub policy: Policy,
    /// The read of each account it saw.
    pub polls: BTreeMap<AccountId, PollId>,
    /// The books the pure stages were given.
    pub books: Books,
    /// The pins they were given.
    pub pins: Vec<Pin>,
    /// What the learner believed, as JSON of the learner.
    pub beliefs: Value,
    /// Hash over the view.
    pub view_hash: String,
    /// The seed of everything random in it.
    pub seed: u64,
    /// The engine build.
    pub engine: String,
    /// The node.
    pub node: NodeId,
    /// What becomes of increases that still wait.
    pub waiting: WaitingPolicy,
    /// What the cycle adds to the run record: trigger, who abstained, durations, errors.
    pub notes: Value,
}

/// One recorded decision. Only the ledger makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    id: DecisionId,
    state: DecisionState,
    code: Option<String>,
    ticket: Option<TicketId>,
}

impl Recorded {
    /// The decision.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// Where it stands after recording.
    #[must_use]
    pub const fn state(&self) -> DecisionState {
        self.state
    }

    /// The code of the rule that refuses or asks; `None` when nothing does.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The ticket that asks about it.
    #[must_use]
    pub const fn ticket(&self) -> Option<TicketId> {
        self.ticket
    }
}

/// What a round left in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The round.
    pub round: RoundId,
    /// Its decisions, in the order in which they were judged.
    pub decisions: Vec<Recorded>,
    /// Older decisions that newer ones took the place of.
    pub superseded: Vec<DecisionId>,
    /// What was looked at and left alone.
    pub left_alone: Vec<LeftAlone>,
    /// How many increases wait for their funding.
    pub waiting: usize,
}

/// Records a round under `lease`: one transaction, alone among those that decide. What was cleared is judged again, in order, on books in which what
/// was admitted before it already counts; what does not pass there becomes a denied decision.
///
/// # Errors
/// [`StoreError::LeaseLost`] when this node no longer holds the shard, [`LedgerError::Changed`] when another policy is in force by now: decide again.
/// Nothing is written then.
pub async fn record(store: &Store, ids: &IdGen, clock: &Clock, lease: &Lease, header: &RoundHeader, judged: Judged) -> Result<Receipt, LedgerError> {
    let parts = judged.into_parts();
    let parts = &parts;
    store
        .write(|mut tx| async move {
            let scribe = Scribe::begin(&mut tx, ids, clock, lease, header).await?;
            scribe.write(parts).await
        })
        .await
}

/// The increases of a pool that wait for their funding, first those that were settled first; to be judged with `guardrails::check_waiting`.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn waves(tx: &mut Tx, pool: &PoolId) -> Result<Vec<Settled>, LedgerError> {
    let rows = tx.waiting(pool).await?;
    let read = |row: &WaitingIncrease| serde_json::from_str(&row.payload);
    Ok(rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| StoreError::Corrupt {
        table: "waiting_increase",
        id: pool.to_string(),
        what: error.to_string(),
    })?)
}
