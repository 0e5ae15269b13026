//! Predictions made at decision time and what became of them.

use serde::{Deserialize, Serialize};

use crate::clock::ProductTime;

/// What a prediction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictedMetric {
    /// Matured conversions over the horizon.
    Conversions,
    /// Matured revenue over the horizon, in units of the currency.
    Revenue,
    /// Spend over the horizon, in units of the currency.
    Spend,
}

/// What a change is expected to bring, with an 80 % interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Of what.
    pub metric: PredictedMetric,
    /// Account days it covers, starting with the first full day after the change.
    pub horizon_days: u32,
    /// Expected value with the change.
    pub mean: f64,
    /// 10 % quantile.
    pub low: f64,
    /// 90 % quantile.
    pub high: f64,
    /// Expected value over the same days had nothing changed: the counterfactual at decision time.
    pub without: f64,
    /// Probability that the change moves the metric in the direction meant, 0 to 1.
    pub direction: f64,
    /// The daily amount planned, in units of the currency; scored only if it was kept within 10 %.
    pub planned_daily: f64,
}

/// Why a prediction cannot be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// Somebody else edited the entity.
    ForeignEdit,
    /// A hold stood on the entity.
    Hold,
    /// A person paused the scope.
    PersonPause,
    /// Our own next change came before three days had passed.
    TooShort,
    /// The plan was not kept: spend left the tolerance.
    PlanNotKept,
    /// Figures for the days are missing.
    NoData,
}

/// How a prediction turned out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OutcomeState {
    /// Not mature yet.
    Open {
        /// When it can be scored.
        due: ProductTime,
    },
    /// Scored.
    Scored {
        /// What was measured.
        actual: f64,
        /// What the response model says would have been without the change.
        counterfactual: f64,
        /// Effect: actual minus counterfactual.
        effect: f64,
        /// 80 % interval of the effect, low end.
        effect_low: f64,
        /// 80 % interval of the effect, high end.
        effect_high: f64,
        /// Whether the actual value lay inside the predicted interval.
        inside: bool,
        /// Whether the direction was right.
        right: bool,
    },
    /// Not to be scored.
    Void {
        /// Why.
        reason: VoidReason,
    },
}
