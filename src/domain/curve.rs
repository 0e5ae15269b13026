//! The seam between learning and allocation: what a budget is expected to bring at each level of spend.

use serde::{Deserialize, Serialize};

use super::entity::BudgetRef;

/// Points of a curve, log-spaced from half to twice the current budget.
pub const GRID: usize = 41;

/// Expected response at each point of a curve's grid, per day, of matured results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Posterior mean; [`GRID`] values.
    pub mean: Vec<f64>,
    /// 25 % posterior quantile, for constraints; [`GRID`] values.
    pub q25: Vec<f64>,
}

/// What one budget is expected to bring at each daily amount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignCurve {
    /// The budget.
    pub budget: BudgetRef,
    /// Daily amounts in units of the pool's currency, rising; [`GRID`] values.
    pub amounts: Vec<f64>,
    /// Conversions a day.
    pub conversions: Response,
    /// Revenue a day in units of the pool's currency.
    pub revenue: Response,
    /// How sure the level is: matured conversions behind it.
    pub evidence: f64,
    /// Variance of a day's conversions over their mean; 1 is Poisson, real accounts are wilder.
    pub noise: f64,
    /// How sure the slope is: relative standard deviation of what a fifth more of spend brings on top.
    pub gain_cv: f64,
    /// Most the audience seems able to take a day, in units; `None` while spend follows the budget.
    pub audience_cap: Option<f64>,
}

impl CampaignCurve {
    /// Linear interpolation of `values` at a daily `amount`; constant beyond the ends.
    #[must_use]
    pub fn at(&self, values: &[f64], amount: f64) -> f64 {
        let Some((first, last)) = values.first().zip(values.last()) else { return 0.0 };
        let right = self.amounts.partition_point(|point| *point < amount);
        if right == 0 {
            return *first;
        }
        let (Some(x1), Some(y1)) = (self.amounts.get(right), values.get(right)) else { return *last };
        let (x0, y0) = (self.amounts[right - 1], values[right - 1]);
        if x1 > &x0 { y0 + (y1 - y0) * (amount - x0) / (x1 - x0) } else { *y1 }
    }
}
