//! What a change of a budget should bring over the coming week, how sure that is, and what it costs if it is wrong.

use crate::domain::curve::CampaignCurve;
use crate::domain::outcome::{PredictedMetric, Prediction};

use super::chance::{Uncertain, Z90, normal_below};
use super::curves::ORDER_VALUE_CV;
use super::yardstick::{Yardstick, expected};

/// Account days a prediction covers.
pub const HORIZON_DAYS: u32 = 7;
/// How much less is known on days unlike others.
pub const VOLATILE_WIDENING: f64 = 1.5;
/// Relative spread of a week's market that no campaign's own history explains.
const MARKET_CV: f64 = 0.09;
/// Least share of the money moved that is at stake: curves can be wrong beyond what they know of themselves.
const LEAST_STAKE: f64 = 0.03;

/// What setting the daily amount to `to` instead of `from` should bring of `metric` over [`HORIZON_DAYS`]; 0 stands for no delivery. `widen`
/// multiplies the width: 1 on days like others, [`VOLATILE_WIDENING`] on others.
#[must_use]
pub fn predict(curve: &CampaignCurve, metric: PredictedMetric, from: f64, to: f64, widen: f64) -> Prediction {
    let days = f64::from(HORIZON_DAYS);
    let (daily, without) = (expected(curve, metric, to), days * expected(curve, metric, from).mean);
    let count = days * expected(curve, PredictedMetric::Conversions, to).mean;
    let single = match metric {
        PredictedMetric::Conversions => curve.noise,
        PredictedMetric::Revenue => curve.noise + ORDER_VALUE_CV * ORDER_VALUE_CV,
        PredictedMetric::Spend => 0.0,
    };
    let chance = if count > 0.0 { (single / count).sqrt() } else { 0.0 };
    let week = Uncertain { mean: days * daily.mean, ..daily }.and(chance).and(MARKET_CV).wider(widen);
    // A stopped budget brings nothing but stragglers.
    let (low, high) = if week.mean > 0.0 { (week.quantile(-Z90), week.quantile(Z90)) } else { (0.0, 0.05 * without) };
    let spread = (week.cv * week.mean).max(0.05 * without).max(f64::MIN_POSITIVE);
    Prediction {
        metric,
        horizon_days: HORIZON_DAYS,
        mean: week.mean,
        low,
        high,
        without,
        direction: normal_below((week.mean - without).abs() / spread),
        planned_daily: expected(curve, PredictedMetric::Spend, to).mean,
    }
}

/// What moving a budget from `from` to `to` costs over [`HORIZON_DAYS`] if the truth lies at the bad 10 % of what is believed, in units of the
/// currency as `yardstick` values results: money spent for too little, or results given up that were worth more than the money saved. `needed` is
/// what a unit of that money has to bring: 1 is exactly what the limit asks on average.
#[must_use]
pub fn stake(curve: &CampaignCurve, yardstick: Yardstick, (from, to): (f64, f64), needed: f64, widen: f64) -> f64 {
    let (here, there) = (yardstick.worth(curve, from), yardstick.worth(curve, to));
    let cv = if here.cv > 0.0 { here.cv } else { there.cv };
    let (moved, asked) = ((to - from).abs(), needed.max(0.0) * (to - from).abs());
    let gained = Uncertain { mean: (there.mean - here.mean).abs(), cv }.wider(widen);
    let lost = if to >= from { asked - gained.quantile(-Z90) } else { gained.quantile(Z90) - asked };
    f64::from(HORIZON_DAYS) * lost.max(LEAST_STAKE * moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::testing::curve;

    #[test]
    fn a_prediction_stands_on_the_curve_and_lies_inside_its_own_interval() {
        let curve = curve("1", 100.0, 5.0, 50.0, 60.0);
        let raised = predict(&curve, PredictedMetric::Conversions, 100.0, 115.0, 1.0);
        assert!((raised.without - 35.0).abs() < 0.1, "{raised:?}");
        assert!((raised.mean - 35.0 * 1.15_f64.powf(0.7)).abs() < 0.1);
        assert!(raised.low < raised.mean && raised.mean < raised.high);
        assert!(raised.direction > 0.5 && raised.direction < 0.9, "a small raise is not sure to show: {}", raised.direction);
        assert_eq!(raised.planned_daily, 115.0);
    }

    #[test]
    fn volatile_days_widen_the_interval() {
        let curve = curve("1", 100.0, 5.0, 50.0, 60.0);
        let width = |widen| {
            let predicted = predict(&curve, PredictedMetric::Revenue, 100.0, 115.0, widen);
            predicted.high - predicted.low
        };
        assert!(width(VOLATILE_WIDENING) > 1.4 * width(1.0));
    }

    #[test]
    fn a_stopped_budget_is_predicted_to_bring_nothing() {
        let stopped = predict(&curve("1", 100.0, 5.0, 50.0, 60.0), PredictedMetric::Revenue, 100.0, 0.0, 1.0);
        assert_eq!((stopped.mean, stopped.low, stopped.planned_daily), (0.0, 0.0, 0.0));
        assert!(stopped.direction > 0.99 && stopped.without > 0.0);
    }

    #[test]
    fn a_typical_step_stakes_tens_and_a_bad_idea_more() {
        let (good, bad) = (curve("1", 200.0, 10.0, 50.0, 200.0), curve("2", 200.0, 3.0, 50.0, 60.0));
        let floor = Yardstick::Revenue { floor: 1.5 };
        let (on_good, on_bad) = (stake(&good, floor, (200.0, 240.0), 1.0, 1.0), stake(&bad, floor, (200.0, 240.0), 1.0, 1.0));
        assert!(on_good > 5.0 && on_good < 100.0, "{on_good}");
        assert!(on_bad > on_good, "{on_bad} against {on_good}");
        assert!(stake(&good, floor, (200.0, 160.0), 1.0, 1.0) > stake(&bad, floor, (200.0, 160.0), 1.0, 1.0), "cutting the good one costs more");
    }
}
