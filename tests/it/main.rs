//! The integration suite: one binary, the real router, real databases, and the sandbox as the platforms.

mod admin;
mod arrows;
mod config;
mod daemon;
mod docs;
mod engines;
mod execution;
mod killing;
mod ledger;
mod platforms;
mod store;
