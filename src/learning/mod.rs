//! What the past teaches: how complete recent figures are, what each budget brings at each amount, what a change should bring, and what became
//! of earlier predictions. Pure; uses the vocabulary of `domain` alone. Its seam is [`CampaignCurve`]: a better learner changes no caller.

pub mod chance;
pub mod creatives;
mod curves;
mod maturity;
mod prediction;
pub mod response;
mod scoring;
#[cfg(test)]
pub(crate) mod testing;
mod yardstick;

pub use chance::Uncertain;
pub(crate) use curves::CLOSED_AFTER_H;
pub use curves::curves;
pub use maturity::{Maturity, Restatement};
pub use prediction::{HORIZON_DAYS, VOLATILE_WIDENING, predict, stake};
pub use scoring::{Ending, LAG_DAYS, ScoredDay, WATCH_DAYS, due, is_bad, score};
pub use yardstick::{Yardstick, expected};

/// The learner's name and version, as rounds keep it: a mixture of Hill shapes with gamma-distributed levels.
pub const NAME: &str = "hill-mixture-1";

#[cfg(doc)]
use crate::domain::curve::CampaignCurve;
