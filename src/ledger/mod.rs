//! Decisions, commitments, the hash chain and outcomes: what is written before anything is sent, and what became of it.
//!
//! Decides nothing about money itself; it re-judges with the guardrails' own code, inside the transaction that commits, what was judged outside.
//! Promises: no [`Claimed`] without a decision committed before it; a decision moves only along its state machine, one chained step a move; sums are
//! computed from rows, in transactions that take turns. May touch: domain, clock, guardrails, learning, tickets, store. The cycle records, execution
//! claims and settles, the admin room controls.

pub mod audit;
pub mod body;
pub mod chain;
pub mod control;
pub mod outcomes;

mod advance;
mod binding;
mod books;
mod claim;
mod record;
mod replay;

pub use advance::{advance, applied, failed, not_executed, unknown};
pub use body::DecisionBody;
pub use books::books;
pub use claim::{Claim, ClaimRequest, Claimed, Refusal, claim};
pub use record::{Receipt, Recorded, RoundHeader, WaitingPolicy, record, waves};
pub use replay::{StoredRound, load_round};

pub(crate) use binding::binding;

use crate::domain::decision::InvalidTransition;
use crate::domain::money::MoneyError;
use crate::domain::ticket::TicketError;
use crate::store::StoreError;

/// Why the ledger did not write or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Amounts do not add up: currencies mixed, or beyond the range.
    #[error("MONEY: {0}")]
    Money(#[from] MoneyError),
    /// The state machine has no such step.
    #[error("TRANSITION: {0}")]
    Transition(#[from] InvalidTransition),
    /// An answer to a ticket that does not count.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// There is no such row.
    #[error("MISSING: there is no {what} `{id}`")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Under which id.
        id: String,
    },
    /// What was shown is not what stands there now: look again.
    #[error("CHANGED: {what} has changed since it was read; read it again")]
    Changed {
        /// What.
        what: String,
    },
    /// A verb that this kind of scope does not have.
    #[error("SCOPE: {0}")]
    Scope(String),
    /// A value that cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The shard whose chain carries what people do to the workspace.
#[must_use]
pub fn workspace_shard() -> crate::domain::ids::ShardId {
    "workspace".parse().expect("a plain name")
}
