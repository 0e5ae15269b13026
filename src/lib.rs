//! Adjutant runs paid advertising on Google Ads, Meta and TikTok around the clock: it observes, proposes, arbitrates, guards, records,
//! acts, verifies and scores, in that order and by that one path. `ARCHITECTURE.md` is the map.

pub mod admin;
pub mod advise;
pub mod agents;
pub mod arbiter;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cycle;
pub mod domain;
pub mod execution;
pub mod guardrails;
pub mod learning;
pub mod ledger;
pub mod notify;
pub mod observe;
pub mod platforms;
pub mod sandbox;
pub mod simulation;
pub mod store;
pub mod supervisor;
pub mod tickets;
