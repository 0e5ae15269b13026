//! What became of a prediction, once the days it covered are closed and their conversions have arrived.

use chrono::{NaiveDate, TimeDelta};

use crate::clock::ProductTime;
use crate::domain::curve::CampaignCurve;
use crate::domain::metrics::Metrics;
use crate::domain::outcome::{OutcomeState, PredictedMetric, Prediction, VoidReason};

use super::yardstick::expected;

/// Days after the horizon until its conversions have arrived.
pub const LAG_DAYS: u32 = 7;
/// Fewest days on which a prediction is judged.
const LEAST_DAYS: usize = 3;
/// Days after a change of a budget until the next may follow without spoiling what the first one teaches: the day of a change is not a full one.
pub const WATCH_DAYS: i64 = 4;
/// How far spend may stray from the plan, as a share of it.
const PLAN_TOLERANCE: f64 = 0.10;
/// Least maturity at which a day is judged at all.
const LEAST_MATURITY: f64 = 0.8;

/// One day a prediction covers, as measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredDay {
    /// The account day.
    pub day: NaiveDate,
    /// Figures of all the budget's members.
    pub figures: Metrics,
    /// Share of its final conversions that has arrived, 0 to 1.
    pub maturity: f64,
}

/// What ended the days a prediction is judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing: the horizon ran its length.
    Horizon,
    /// Our own next change of the same budget, on this day.
    OurChange(NaiveDate),
    /// Something nobody predicted: the prediction is void.
    Disturbed(VoidReason),
}

/// When a change applied at `applied` can be scored: its first full day, the horizon, and the time conversions take to arrive.
#[must_use]
pub fn due(applied: ProductTime, horizon_days: u32) -> ProductTime {
    // A day more than the sum: the first full day begins up to a day after the change, and no day of any zone is longer than 25 h.
    applied + TimeDelta::days(i64::from(horizon_days + LAG_DAYS) + 1) + TimeDelta::hours(super::CLOSED_AFTER_H + 1)
}

/// Judges a prediction on `days`, the first of which is the first full day after the change. The counterfactual is what `curve`, learned with these
/// days, says `from` would have brought; without a curve, what was believed when deciding.
#[must_use]
pub fn score(prediction: &Prediction, days: &[ScoredDay], ending: Ending, curve: Option<&CampaignCurve>, from: f64) -> OutcomeState {
    let void = |reason| OutcomeState::Void { reason };
    let horizon = usize::try_from(prediction.horizon_days).unwrap_or(usize::MAX);
    let days: Vec<&ScoredDay> = match ending {
        Ending::Disturbed(reason) => return void(reason),
        Ending::Horizon if days.len() < horizon => return void(VoidReason::NoData),
        Ending::Horizon => days.iter().take(horizon).collect(),
        Ending::OurChange(on) => days.iter().take(horizon).filter(|day| day.day < on).collect(),
    };
    if days.len() < LEAST_DAYS {
        return void(VoidReason::TooShort);
    }
    if days.iter().any(|day| day.maturity < LEAST_MATURITY) {
        return void(VoidReason::NoData);
    }
    let count = days.len() as f64;
    let spent = days.iter().map(|day| day.figures.spend.estimate()).sum::<f64>() / count;
    let before = curve.map_or(prediction.planned_daily, |curve| curve.amounts.last().copied().unwrap_or(0.0));
    if (spent - prediction.planned_daily).abs() > PLAN_TOLERANCE * prediction.planned_daily.max(PLAN_TOLERANCE * before) {
        return void(VoidReason::PlanNotKept);
    }
    let actual: f64 = days
        .iter()
        .map(|day| match prediction.metric {
            PredictedMetric::Conversions => day.figures.conversions() / day.maturity,
            PredictedMetric::Revenue => day.figures.revenue.estimate() / day.maturity,
            PredictedMetric::Spend => day.figures.spend.estimate(),
        })
        .sum();
    let share = count / f64::from(prediction.horizon_days).max(1.0);
    let (mean, believed) = (prediction.mean * share, prediction.without * share);
    // Between what chance does to a sum (a square root of the days) and what a wrong level does (the days themselves).
    let width = share.powf(0.75);
    let (down, up) = ((prediction.mean - prediction.low) * width, (prediction.high - prediction.mean) * width);
    let counterfactual = curve.map_or(believed, |curve| count * expected(curve, prediction.metric, from).mean);
    let effect = actual - counterfactual;
    let inside = actual >= mean - down && actual <= mean + up;
    let meant = mean - believed;
    let right = if meant.abs() < 1e-9 { inside } else { effect * meant > 0.0 };
    OutcomeState::Scored { actual, counterfactual, effect, effect_low: effect - up, effect_high: effect + down, inside, right }
}

/// Whether an outcome counts against the breaker: its whole effect interval lies on the wrong side. A raise that chance hid is not bad.
#[must_use]
pub fn is_bad(prediction: &Prediction, outcome: &OutcomeState) -> bool {
    match outcome {
        OutcomeState::Scored { effect_low, effect_high, .. } => {
            if prediction.mean >= prediction.without {
                *effect_high < 0.0
            } else {
                *effect_low > 0.0
            }
        }
        OutcomeState::Open { .. } | OutcomeState::Void { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::prediction::predict;
    use crate::learning::testing::{curve, date, day};

    fn raised() -> (CampaignCurve, Prediction) {
        let curve = curve("1", 100.0, 5.0, 50.0, 60.0);
        let prediction = predict(&curve, PredictedMetric::Revenue, 100.0, 120.0, 1.0);
        (curve, prediction)
    }

    fn week(spend: f64, conversions: f64, maturity: f64) -> Vec<ScoredDay> {
        (0..7).map(|at| ScoredDay { day: date(at), figures: day(spend, conversions * maturity, 50.0), maturity }).collect()
    }

    #[test]
    fn a_week_as_predicted_is_inside_and_right_and_its_effect_is_counted_against_the_curve() {
        let (curve, prediction) = raised();
        let OutcomeState::Scored { actual, counterfactual, effect, effect_low, effect_high, inside, right } =
            score(&prediction, &week(120.0, 5.0 * 1.2_f64.powf(0.7), 0.95), Ending::Horizon, Some(&curve), 100.0)
        else {
            panic!("it is mature")
        };
        assert!(inside && right);
        assert!((actual - prediction.mean).abs() < 1.0 && (counterfactual - prediction.without).abs() < 1e-6);
        assert!(effect > 0.0 && effect_low < effect && effect < effect_high);
    }

    #[test]
    fn a_raise_after_which_results_collapse_is_bad_and_one_that_chance_hid_is_not() {
        let (_, prediction) = raised();
        let collapsed = score(&prediction, &week(120.0, 1.0, 1.0), Ending::Horizon, None, 100.0);
        assert!(is_bad(&prediction, &collapsed));
        let hidden = score(&prediction, &week(120.0, 4.9, 1.0), Ending::Horizon, None, 100.0);
        assert!(matches!(hidden, OutcomeState::Scored { right: false, inside: true, .. }) && !is_bad(&prediction, &hidden));
    }

    #[test]
    fn our_next_change_closes_a_prediction_at_its_day_and_voids_it_under_three_days() {
        let (_, prediction) = raised();
        let closed = |on| score(&prediction, &week(120.0, 5.6, 1.0), Ending::OurChange(date(on)), None, 100.0);
        assert_eq!(closed(2), OutcomeState::Void { reason: VoidReason::TooShort });
        let OutcomeState::Scored { actual, counterfactual, .. } = closed(3) else { panic!("three days are enough") };
        assert!((actual - 3.0 * 5.6 * 50.0).abs() < 1e-6 && (counterfactual - 3.0 / 7.0 * prediction.without).abs() < 1e-6);
    }

    #[test]
    fn what_nobody_predicted_voids() {
        let (_, prediction) = raised();
        let disturbed = score(&prediction, &week(120.0, 5.6, 1.0), Ending::Disturbed(VoidReason::ForeignEdit), None, 100.0);
        assert_eq!(disturbed, OutcomeState::Void { reason: VoidReason::ForeignEdit });
        assert_eq!(score(&prediction, &week(100.0, 5.6, 1.0), Ending::Horizon, None, 100.0), OutcomeState::Void { reason: VoidReason::PlanNotKept });
        assert_eq!(score(&prediction, &week(120.0, 5.6, 0.5), Ending::Horizon, None, 100.0), OutcomeState::Void { reason: VoidReason::NoData });
        assert_eq!(score(&prediction, &[], Ending::Horizon, None, 100.0), OutcomeState::Void { reason: VoidReason::NoData });
    }

    #[test]
    fn a_prediction_is_due_only_when_its_last_day_has_had_its_time() {
        let applied: ProductTime = "2026-03-07T23:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time").into();
        let zone = chrono_tz::America::New_York;
        let last = applied.date_in(zone) + chrono::Days::new(u64::from(7_u32 + LAG_DAYS));
        assert!(due(applied, 7).date_in(zone) > last);
    }
}
