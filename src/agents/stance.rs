//! From an appraisal and the prices an agent puts on money to its objective: value at every amount, the amount it would choose, and how sure it is.

use std::fmt::Write;

use crate::domain::money::{Money, Rounding};
use crate::domain::proposal::{Margin, Objective, Round};
use crate::learning::Uncertain;

use super::AgentInput;
use super::appraisal::{Appraisal, MODEL_CV};
use super::prices::{Prices, Target};
use super::words;

/// How far a first step would go: confidence is about the step, not about the ideal.
const STEP: f64 = 0.2;
/// Part of a slope's uncertainty that is its own: how curves bend is learned from all of a platform, and errors in that move nobody's money.
const OWN: f64 = 0.5;
/// Confidence that money the audience did not take for days is not missed.
const UNTAKEN_CONFIDENCE: f64 = 0.9;

/// The amount of highest value after the pool's price, between `lo` and `hi`; what is set now among equals.
fn best(seen: &Appraisal<'_>, prices: &Prices, target: Target, lo: f64, hi: f64) -> f64 {
    let worth = |amount: f64| seen.point(amount, target).value(prices, target) - prices.pool * amount;
    let ends = [lo, hi, seen.now.clamp(lo, hi), seen.taken.clamp(lo, hi)];
    let mut best = seen.now.clamp(lo, hi);
    let mut most = worth(best);
    for amount in seen.curve.amounts.iter().copied().filter(|amount| *amount > lo && *amount < hi).chain(ends) {
        let value = worth(amount);
        if value > most + 1e-9 * most.abs().max(1.0) {
            (best, most) = (amount, value);
        }
    }
    best
}

/// What a unit more or less brings, and what it has to bring for the goal alone and with what it would bring elsewhere, in revenue.
struct Step {
    brings: Uncertain,
    goal: f64,
    needs: f64,
}

fn margin(input: &AgentInput<'_>, seen: &Appraisal<'_>, prices: &Prices, target: Target, from: f64, to: f64) -> Step {
    let (before, after) = (seen.point(from, target), seen.point(to, target));
    let per_unit = |gain: f64| gain / (to - from).max(1e-9);
    let spent = (after.spend - before.spend) / (to - from).max(1e-9);
    let for_target = match target {
        Target::Conversions(_) => prices.target,
        Target::Spend(_) | Target::Unlimited => 0.0,
    };
    let results = per_unit(after.revenue - before.revenue) + prices.unit * (prices.limit * prices.caution + for_target) * per_unit(after.worth - before.worth);
    let for_spend = match target {
        Target::Spend(_) => prices.target,
        Target::Conversions(_) | Target::Unlimited => 0.0,
    };
    // While the pool has money to spare nobody has to give way for more of it.
    let spare = to > seen.now && prices.spare >= to - seen.now;
    let goal = prices.unit * (prices.limit + prices.knee - for_spend) * spent;
    let needs = goal + if spare { 0.0 } else { prices.pool };
    // What counts of results is priced above what they bring; the words speak of what they bring.
    let scale = if results > 0.0 { per_unit(after.revenue - before.revenue) / results } else { 1.0 };
    let brings = Uncertain { mean: results.max(0.0) * scale, cv: OWN * seen.curve.gain_cv }.and(seen.average.cv).and(MODEL_CV).wider(input.widen());
    Step { brings, goal: goal * scale, needs: needs * scale }
}

/// The objective these prices make of an appraised budget. `aim` says what the agent is after, after the figures.
pub(super) fn objective(input: &AgentInput<'_>, seen: &Appraisal<'_>, prices: &Prices, target: Target, aim: &str) -> Objective {
    let (lo, hi) = (seen.curve.amounts.first().copied().unwrap_or(seen.now), seen.curve.amounts.last().copied().unwrap_or(seen.now));
    let hi = match input.round {
        Round::Protective => seen.now,
        Round::Allocation => hi,
    };
    let best = best(seen, prices, target, lo.min(hi), hi);
    let currency = seen.account.currency;
    let ideal = if (best - seen.now).abs() < 1e-6 {
        seen.budget.amount
    } else {
        Money::from_estimate(best, currency).and_then(|best| best.round_to(seen.budget.unit, Rounding::Down)).unwrap_or(seen.budget.amount)
    };
    let next = margin(input, seen, prices, target, seen.now, (1.0 + STEP) * seen.now);
    let mut reason = words::standing(seen.yardstick, &seen.recent, currency);
    let last = margin(input, seen, prices, target, (1.0 - STEP) * seen.now, seen.now);
    let (more, needed) = (next.brings.mean, next.needs);
    let confidence = if best > seen.now {
        let _ = write!(reason, "; the next unit spent still brings {more:.2} of revenue where {needed:.2} is needed: raise {aim}");
        1.0 - next.brings.below(next.needs)
    } else if best < seen.now && seen.taken < seen.now && best >= 0.98 * seen.taken {
        let _ = write!(reason, "; the audience took at most {:.2} of {:.2} a day lately: free the rest {aim}", seen.taken, seen.now);
        UNTAKEN_CONFIDENCE
    } else if best < seen.now {
        let _ = write!(reason, "; the last unit spent brings {:.2} of revenue where {:.2} is needed: cut {aim}", last.brings.mean, last.needs);
        last.brings.below(last.needs)
    } else {
        let why = if more < needed { "past the knee" } else { "nothing to gain" };
        let _ = write!(reason, "; the next unit spent would bring {more:.2} of revenue where {needed:.2} is needed, {why}: hold {aim}");
        next.brings.below(next.needs)
    };
    let mut evidence = seen.evidence();
    evidence.figures.extend([("marginal_roas".to_owned(), more), ("needed_roas".to_owned(), needed)]);
    let value = seen.curve.amounts.iter().map(|amount| seen.point(*amount, target).value(prices, target)).collect();
    let margin = Margin { brings: last.brings.mean, cv: last.brings.cv, needed: last.goal, elsewhere: prices.pool, unit: prices.unit };
    Objective { budget: seen.budget.budget.clone(), value, ideal, margin, reason, evidence, confidence: confidence.clamp(0.0, 1.0) }
}
