//! One measure for unlike goals: what a budget brings, in money, as its goal's limit prices it. At the limit exactly, a unit spent is worth one.

use rust_decimal::prelude::ToPrimitive;

use crate::domain::curve::CampaignCurve;
use crate::domain::goal::{Goal, Limit};
use crate::domain::outcome::PredictedMetric;

use super::chance::Uncertain;

/// What a goal counts, and what one of it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Yardstick {
    /// Revenue, worth one unit of spend per this much of it.
    Revenue {
        /// ROAS at which a unit spent is worth exactly one; above 0.
        floor: f64,
    },
    /// Conversions, each worth this much spend.
    Conversions {
        /// Spend per conversion at which a unit spent is worth exactly one; above 0.
        cap: f64,
    },
}

impl Yardstick {
    /// The yardstick of a goal's limit. A goal without one is measured by what the pool's curves bring on average, so that "no limit" means
    /// "as good as the rest"; `None` when nothing is known of them.
    pub fn of<'a>(goal: &Goal, curves: impl Iterator<Item = &'a CampaignCurve>) -> Option<Self> {
        let limit = match goal {
            Goal::Hold(limit) => Some(*limit),
            Goal::Spend { while_, .. } | Goal::Conversions { while_, .. } => *while_,
            Goal::Profit { break_even } => Some(Limit::RoasFloor(*break_even)),
        };
        match limit {
            Some(Limit::RoasFloor(floor)) => floor.to_f64().filter(|floor| *floor > 0.0).map(|floor| Self::Revenue { floor }),
            Some(Limit::CpaCap(cap)) => Some(cap.estimate()).filter(|cap| *cap > 0.0).map(|cap| Self::Conversions { cap }),
            None => {
                let (spend, conversions, revenue) = curves.fold((0.0, 0.0, 0.0), |(spend, conversions, revenue), curve| {
                    let now = curve.amounts.get(curve.amounts.len() / 2).copied().unwrap_or(0.0);
                    (spend + now, conversions + curve.at(&curve.conversions.mean, now), revenue + curve.at(&curve.revenue.mean, now))
                });
                if spend <= 0.0 || conversions <= 0.0 {
                    None
                } else if revenue > 0.0 && !matches!(goal, Goal::Conversions { .. }) {
                    Some(Self::Revenue { floor: revenue / spend })
                } else {
                    Some(Self::Conversions { cap: spend / conversions })
                }
            }
        }
    }

    /// What predictions for this goal are about.
    #[must_use]
    pub const fn metric(self) -> PredictedMetric {
        match self {
            Self::Revenue { .. } => PredictedMetric::Revenue,
            Self::Conversions { .. } => PredictedMetric::Conversions,
        }
    }

    /// What so much of the metric is worth, in units of the currency.
    #[must_use]
    pub fn money(self, of_metric: f64) -> f64 {
        match self {
            Self::Revenue { floor } => of_metric / floor,
            Self::Conversions { cap } => of_metric * cap,
        }
    }

    /// What a budget is worth a day at `amount`, in units of the currency.
    #[must_use]
    pub fn worth(self, curve: &CampaignCurve, amount: f64) -> Uncertain {
        let metric = expected(curve, self.metric(), amount);
        Uncertain { mean: self.money(metric.mean), ..metric }
    }
}

/// What a budget is expected to bring of `metric` a day at `amount`: nothing at nothing, proportional below the curve's grid.
#[must_use]
pub fn expected(curve: &CampaignCurve, metric: PredictedMetric, amount: f64) -> Uncertain {
    let response = match metric {
        PredictedMetric::Conversions => &curve.conversions,
        PredictedMetric::Revenue => &curve.revenue,
        PredictedMetric::Spend => return Uncertain { mean: curve.audience_cap.map_or(amount, |cap| amount.min(cap)).max(0.0), cv: 0.05 },
    };
    let first = curve.amounts.first().copied().unwrap_or(0.0);
    let share = if amount >= first || first <= 0.0 { 1.0 } else { (amount / first).max(0.0) };
    Uncertain::from_quartile(share * curve.at(&response.mean, amount), share * curve.at(&response.q25, amount))
}
