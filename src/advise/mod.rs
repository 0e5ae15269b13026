//! The decision core outside the daemon: it is told day by day what a set of campaigns brought and answers with budgets for the next day, over JSON
//! lines, from a person's own export, or driven by the simulator in one process.
//!
//! There is no second implementation of any decision: [`Advisor`] holds in memory what the daemon has in rows, and runs the daemon's own pure stages
//! ([`crate::cycle::Stage`]) on it. Nothing here reads a clock, a file or a network; the command line does that.

mod advisor;
mod approving;
mod creative;
mod fields;
mod figures;
mod forecast;
pub mod history;
mod outcomes;
pub mod protocol;
mod round;
mod setup;
mod sheet;
mod standing;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use advisor::Advisor;
pub use outcomes::Outcome;
pub use protocol::{Advice, DayResult, Meta, ProtocolError};
pub use round::{Action, RoundReport};
pub use setup::{Campaigner, Line, Setup};

use crate::cycle::CycleError;

/// Why no advice can be given.
#[derive(Debug, thiserror::Error)]
pub enum AdviseError {
    /// What was told makes no sense.
    #[error(transparent)]
    Told(#[from] ProtocolError),
    /// The stages could not settle.
    #[error("nothing could be settled")]
    Stage(#[from] CycleError),
}
