//! Decisions, commitments, the hash chain and outcomes: what is written before anything is sent, and what became of it.

pub mod chain;
