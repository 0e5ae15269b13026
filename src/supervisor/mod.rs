//! The daemon's tasks: actors that are started, watched and restarted, the schedule that wakes them, and the orders that stop them. May touch
//! every room below it; decides nothing about money itself.

pub mod account;
pub mod actor;
pub mod agents;
pub mod control;
mod counts;
pub mod crew;
pub mod daemon;
mod desk;
mod expiry;
mod inquire;
mod keeper;
pub mod lifecycle;
mod measured;
mod polling;
pub mod pool;
mod replies;
pub mod schedule;
pub mod seats;
pub mod shards;
pub mod ticker;
mod warning;
pub mod wiring;
