//! The vocabulary every other room speaks: no I/O, no async, no clock that is not passed in.

pub mod alert;
pub mod books;
pub mod change;
pub mod curve;
pub mod decision;
pub mod draft;
pub mod entity;
pub mod goal;
pub mod ids;
pub mod measurement;
pub mod metrics;
pub mod money;
pub mod outcome;
pub mod policy;
pub mod proposal;
pub mod scope;
pub mod structure;
pub mod targeting;
pub mod ticket;
pub mod verdict;
pub mod view;
