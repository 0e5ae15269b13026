//! The only room that writes to platforms: outbox, dispatch, read-back, reconciliation, holds, undo.
//! May touch: domain, clock, store, ledger, tickets, platforms. Decides nothing about money: it carries out what is recorded and authorised.

pub mod findings;
pub mod gate;
pub mod queue;
pub mod settle;
pub mod undo;

#[cfg(test)]
mod fixture;
