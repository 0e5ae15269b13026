//! The daemon's tasks: actors that are started, watched and restarted, the schedule that wakes them, and the orders that stop them. May touch
//! every room below it; decides nothing about money itself.

pub mod actor;
pub mod control;
pub mod lifecycle;
pub mod schedule;
