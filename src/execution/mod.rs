//! The only room that writes to platforms: outbox, dispatch, read-back, reconciliation, holds, undo.
//! May touch: domain, clock, store, ledger, tickets, platforms. Decides nothing about money: it carries out what is recorded and authorised.
//!
//! One [`Outbox`] an account. Every whole read of the account goes through [`Outbox::reconcile`]; [`Outbox::run_once`] does that and then sends what
//! is authorised, one request a decision, while the read is fresh.

mod asking;
mod baseline;
mod dispatch;
pub mod findings;
#[cfg(test)]
mod fixture;
pub mod gate;
mod holds;
mod looks;
mod outbox;
pub mod pausing;
pub mod queue;
mod reconcile;
pub mod settle;
pub mod undo;

use std::sync::Arc;
use std::time::Instant;

pub use gate::{Gate, GateError, SEND_DEADLINE};
pub use outbox::{Outbox, OutboxReport, Waits};
pub use pausing::{PauseError, Pausing};
pub use reconcile::Reconciled;

use crate::domain::policy::Policy;
use crate::domain::view::AccountView;
use crate::ledger::LedgerError;
use crate::platforms::Inventory;
use crate::store::StoreError;
use crate::store::lease::Lease;
use crate::store::poll_fact::PollRow;

/// One whole read of an account, as stored.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The stored read; `at` is when it began.
    pub poll: &'a PollRow,
    /// What it brought.
    pub inventory: &'a Inventory,
    /// What is known of the account with it: figures, tracking, whether it is frozen.
    pub view: &'a Arc<AccountView>,
    /// When it began, on the monotonic clock: its age counts from here.
    pub began: Instant,
}

/// The right to write for a shard, how long its holder may trust it, and the policy in force.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The lease.
    pub lease: &'a Lease,
    /// Until when it is held at least: taken on the monotonic clock before the lease was asked for, plus its length.
    pub until: Instant,
}

/// Why the outbox could not go on. What was committed stands; the next activation finds it.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The database did not do what was asked.
    #[error("the outbox could not read or write its rows")]
    Store(#[from] StoreError),
    /// The ledger did not move a decision.
    #[error("the ledger did not record what became of a decision")]
    Ledger(#[from] LedgerError),
}

impl ExecutionError {
    /// Whether it is about one row alone, so that others may go on: a row that lies, or that somebody else has moved. Whatever may be about the database
    /// or the lease is not.
    pub(crate) const fn is_about_one_row(&self) -> bool {
        let store = match self {
            Self::Store(error) | Self::Ledger(LedgerError::Store(error)) => error,
            Self::Ledger(
                LedgerError::Money(_)
                | LedgerError::Transition(_)
                | LedgerError::Ticket(_)
                | LedgerError::Missing { .. }
                | LedgerError::Changed { .. }
                | LedgerError::Scope(_)
                | LedgerError::Json(_),
            ) => return true,
        };
        matches!(store, StoreError::Corrupt { .. } | StoreError::Stale { .. } | StoreError::Duplicate { .. })
    }
}
