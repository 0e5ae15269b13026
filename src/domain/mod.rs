//! The vocabulary every other room speaks: no I/O, no async, no clock that is not passed in.

pub mod change;
pub mod entity;
pub mod goal;
pub mod ids;
pub mod metrics;
pub mod money;
