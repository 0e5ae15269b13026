//! The integration suite: one binary, the real router, real databases, and the sandbox as the platforms.

mod acceptance;
mod admin;
mod advise;
mod arrows;
mod browser;
mod commands;
mod config;
mod conformance;
mod connecting;
mod daemon;
mod docs;
mod engines;
mod execution;
mod ga4;
mod killing;
mod ledger;
mod making;
mod pausing;
mod platforms;
mod quotas;
mod running;
mod sixty_days;
mod store;
mod supervision;
