//! From an appraisal and the prices an agent puts on money to its objective: value at every amount, the amount it would choose, and how sure it is.

use std::fmt::Write;

use crate::domain::money::{Money, Rounding};
use crate::domain::proposal::{Objective, Round};
use crate::learning::Uncertain;

use super::AgentInput;
use super::appraisal::Appraisal;
use super::words;

/// Share of its limit by which a goal may be missed before anything is cut for it.
const TOLERANCE: f64 = 0.05;
/// How far a first step would go: confidence is about the step, not about the ideal.
const STEP: f64 = 0.2;
/// Confidence that money the audience did not take for days is not missed.
const UNTAKEN_CONFIDENCE: f64 = 0.9;

/// What a unit of money must bring, in money as the yardstick prices it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prices {
    /// The next unit must bring this, else the budget does not grow: the knee.
    pub knee: f64,
    /// Every unit must bring this on average, else the budget is cut; `None` where the margin alone counts.
    pub average: Option<f64>,
    /// The price of the goal's own target: units must bring this while there would be more than enough. 0 while there is not.
    pub target: f64,
    /// Share of a curve's own uncertainty that counts in favour of trying more, so that what is little known is looked into.
    pub curiosity: f64,
}

impl Prices {
    fn grow(self, seen: &Appraisal<'_>) -> f64 {
        self.knee.max(self.target).max(self.cut(seen))
    }

    /// The marginal return below which the average falls short.
    fn cut(self, seen: &Appraisal<'_>) -> f64 {
        match self.average {
            Some(average) => (average * (1.0 - TOLERANCE) * seen.elasticity).min(self.knee).max(self.target),
            None => self.knee.max(self.target),
        }
    }

    /// Value a day at `amount`; 0 is no delivery.
    fn value(self, seen: &Appraisal<'_>, amount: f64) -> f64 {
        let worth = |amount: f64| seen.yardstick.worth(seen.curve, amount);
        let (grow, cut) = (self.grow(seen), self.cut(seen));
        let mut value = worth(amount).mean - cut * amount.min(seen.taken) - grow * (amount - seen.taken).max(0.0);
        if amount > seen.now {
            let now = worth(seen.now);
            value += self.curiosity * now.cv.min(1.0) * (worth(amount).mean - now.mean);
        }
        value
    }

    /// The value at each amount of the curve's grid.
    pub(super) fn values(self, seen: &Appraisal<'_>) -> Vec<f64> {
        seen.curve.amounts.iter().map(|amount| self.value(seen, *amount)).collect()
    }

    /// The amount of highest value between `lo` and `hi`; the one nearest to what is set now among equals.
    pub(super) fn best(self, seen: &Appraisal<'_>, lo: f64, hi: f64) -> f64 {
        let ends = [lo, hi, seen.now.clamp(lo, hi), seen.taken.clamp(lo, hi)];
        let mut best = seen.now.clamp(lo, hi);
        let mut most = self.value(seen, best);
        for amount in seen.curve.amounts.iter().copied().filter(|amount| *amount > lo && *amount < hi).chain(ends) {
            let value = self.value(seen, amount);
            if value > most + 1e-9 * most.abs().max(1.0) {
                (best, most) = (amount, value);
            }
        }
        best
    }
}

/// The objective these prices make of an appraised budget. `aim` says what the agent is after, after the figures.
pub(super) fn objective(input: &AgentInput<'_>, seen: &Appraisal<'_>, prices: Prices, aim: &str) -> Objective {
    let (lo, hi) = (seen.curve.amounts.first().copied().unwrap_or(seen.now), seen.curve.amounts.last().copied().unwrap_or(seen.now));
    let hi = match input.round {
        Round::Protective => seen.now,
        Round::Allocation => hi,
    };
    let best = prices.best(seen, lo.min(hi), hi);
    let currency = seen.account.currency;
    let ideal = if (best - seen.now).abs() < 1e-6 {
        seen.budget.amount
    } else {
        Money::from_estimate(best, currency).and_then(|best| best.round_to(seen.budget.unit, Rounding::Down)).unwrap_or(seen.budget.amount)
    };
    let (grow, cut) = (prices.grow(seen), prices.cut(seen));
    let next = marginal(seen, seen.now, (1.0 + STEP) * seen.now);
    let mut reason = words::standing(seen.yardstick, &seen.recent, currency);
    let confidence = if best > seen.now {
        let _ = write!(reason, "; the next unit spent still brings {:.2} where {grow:.2} is needed: raise {aim}", next.mean);
        1.0 - next.below(grow)
    } else if best < seen.now && seen.taken < seen.now && best >= 0.98 * seen.taken {
        let _ = write!(reason, "; the audience took at most {:.2} of {:.2} a day lately: free the rest {aim}", seen.taken, seen.now);
        UNTAKEN_CONFIDENCE
    } else if best < seen.now {
        let last = marginal(seen, (1.0 - STEP) * seen.now, seen.now);
        let _ = write!(reason, "; the last unit spent brings {:.2} where {cut:.2} is needed: cut {aim}", last.mean);
        if prices.target >= cut { last.below(cut) } else { seen.average.below(prices.average.unwrap_or(cut)) }
    } else {
        let why = if next.mean < grow { "past the knee" } else { "nothing to gain" };
        let _ = write!(reason, "; the next unit spent would bring {:.2} where {grow:.2} is needed, {why}: hold {aim}", next.mean);
        next.below(grow)
    };
    let mut evidence = seen.evidence();
    evidence.figures.extend([("marginal".to_owned(), next.mean), ("needed".to_owned(), grow)]);
    Objective { budget: seen.budget.budget.clone(), value: prices.values(seen), ideal, reason, evidence, confidence: confidence.clamp(0.0, 1.0) }
}

/// What a unit between two amounts brings.
fn marginal(seen: &Appraisal<'_>, from: f64, to: f64) -> Uncertain {
    let gain = seen.yardstick.worth(seen.curve, to).mean - seen.yardstick.worth(seen.curve, from).mean;
    Uncertain { mean: gain.max(0.0) / (to - from).max(1e-9), ..seen.average }
}
