//! What to expect of every campaign at the budgets that were decided.

use std::collections::BTreeMap;

use super::protocol::Expected;
use super::standing::Stand;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::outcome::PredictedMetric;
use crate::learning::predict;

/// Mature conversions of each campaign over the coming week; nothing for one that stands still or of which nothing is known.
pub(super) fn forecast(stands: &[Stand], curves: &BTreeMap<EntityKey, CampaignCurve>) -> Expected {
    let mut expected = Expected::default();
    for stand in stands {
        let amount = stand.accepted.estimate();
        let curve = curves.get(&stand.key).filter(|_| stand.active);
        let week = curve.map(|curve| predict(curve, PredictedMetric::Conversions, amount, amount, 1.0));
        let (mean, lo, hi) = week.map_or((0.0, 0.0, 0.0), |week| (week.mean, week.low, week.high));
        expected.mean.push(mean);
        expected.lo.push(lo);
        expected.hi.push(hi);
    }
    expected
}
