//! The upper reference: knows every true curve, cap and coming day, and fills the pool by marginal revenue on the concave envelope, within the same steps as
//! everybody. A budget is never taken out of the band in which an edit leaves the learning phase alone.

use super::super::market::{Market, STEP};
use crate::advise::protocol::Advice;

/// Days ahead whose mean a budget is set for: it cannot be moved freely before.
const AHEAD: usize = 3;
/// Points of a curve.
const POINTS: usize = 72;
/// A step is cut short of the limit by this, for the cents.
const MARGIN: f64 = 0.001;

/// Which ads it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ads {
    /// All of a set alike.
    #[default]
    Even,
    /// The best of a set.
    Best,
}

/// The clairvoyant manager.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Oracle {
    pub(super) ads: Ads,
}

/// A piece of an envelope: `width` of money at `slope` revenue each, within the box of a campaign.
struct Piece {
    campaign: usize,
    slope: f64,
    width: f64,
}

impl Oracle {
    pub(super) fn decide(self, market: &Market) -> Advice {
        let meta = &market.account.meta;
        let mut budgets = Vec::with_capacity(meta.n);
        let mut pieces = Vec::new();
        for campaign in 0..meta.n {
            let (low, high) = bounds(market, campaign);
            budgets.push(low);
            pieces.extend(envelope(market, campaign).into_iter().filter_map(|(from, to, slope)| {
                let width = to.min(high) - from.max(low);
                (width > 0.0 && slope > 0.0).then_some(Piece { campaign, slope, width })
            }));
        }
        pieces.sort_by(|a, b| b.slope.total_cmp(&a.slope).then(a.campaign.cmp(&b.campaign)));
        let mut left = meta.pool - budgets.iter().sum::<f64>();
        for piece in pieces {
            let more = piece.width.min(left).max(0.0);
            budgets[piece.campaign] += more;
            left -= more;
        }
        let budgets = budgets.into_iter().map(|budget| (budget * 100.0 + 1e-6).floor() / 100.0).collect();
        let creative_weights = match self.ads {
            Ads::Even => None,
            Ads::Best => Some((0..meta.n).map(|campaign| best(market, campaign)).collect()),
        };
        Advice { budgets, statuses: vec![1; meta.n], creative_weights, ..Advice::default() }
    }
}

fn bounds(market: &Market, campaign: usize) -> (f64, f64) {
    let meta = &market.account.meta;
    let rows = || market.before.iter().map(|row| row[campaign]).chain([market.accepted[campaign]]);
    let (most, least) = rows().fold((f64::MIN, f64::MAX), |(most, least), budget| (most.max(budget), least.min(budget)));
    let low = (most * (1.0 - STEP + MARGIN) + 0.01).max(meta.min_budget[campaign]);
    let high = (least * (1.0 + STEP - MARGIN)).min(meta.max_budget[campaign]);
    // Cents may leave no room between the two: then the budget stays.
    if low <= high { (low, high) } else { (market.accepted[campaign], market.accepted[campaign]) }
}

/// The concave envelope of a campaign's revenue over the coming days: from, to, slope, by falling slope.
fn envelope(market: &Market, campaign: usize) -> Vec<(f64, f64, f64)> {
    let meta = &market.account.meta;
    let curve = &market.account.curves[campaign];
    let (low, high) = (meta.min_budget[campaign], meta.max_budget[campaign]);
    let days = market.day..(market.day + AHEAD).min(market.weather.demand.len());
    let revenue = |budget: f64| {
        let of_day = |day: usize| market.expected(campaign, day, market.spend(campaign, day, budget), 1.0);
        days.clone().map(of_day).sum::<f64>() / days.len() as f64 * curve.value * market.creatives[campaign].strength().0
    };
    let mut hull: Vec<(f64, f64)> = Vec::with_capacity(POINTS);
    for at in 0..POINTS {
        let budget = low * (high / low).powf(at as f64 / (POINTS - 1) as f64);
        let point = (budget, revenue(budget));
        while let [.., a, b] = hull[..] {
            if (b.1 - a.1) * (point.0 - b.0) > (point.1 - b.1) * (b.0 - a.0) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull.windows(2).map(|pair| (pair[0].0, pair[1].0, (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0))).collect()
}

fn best(market: &Market, campaign: usize) -> Vec<f64> {
    let set = &market.creatives[campaign];
    let arms = market.account.meta.creatives;
    let best = (0..arms).max_by(|a, b| set.quality(*a).total_cmp(&set.quality(*b)));
    (0..arms).map(|arm| if Some(arm) == best { 1.0 } else { 0.0 }).collect()
}
