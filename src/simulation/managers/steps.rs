//! Budgets that a person's rule wants, brought within steps, minimums and pool.

use super::super::market::STEP;
use crate::advise::protocol::Meta;

/// `wanted` within a step of `held` and within minimum and maximum, scaled until the pool holds it.
pub(super) fn within(meta: &Meta, held: &[f64], wanted: &[f64]) -> Vec<f64> {
    let most = |at: usize| (held[at] * (1.0 + STEP)).min(meta.max_budget[at]);
    let least = |at: usize| (held[at] * (1.0 - STEP)).max(meta.min_budget[at]);
    let at_scale = |scale: f64| -> Vec<f64> { wanted.iter().enumerate().map(|(at, want)| (want * scale).min(most(at)).max(least(at))).collect() };
    let (mut low, mut high) = (0.0, 1.0);
    if at_scale(1.0).iter().sum::<f64>() <= meta.pool {
        return floored(at_scale(1.0));
    }
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if at_scale(middle).iter().sum::<f64>() > meta.pool { high = middle } else { low = middle }
    }
    floored(at_scale(low))
}

/// The same as [`within`], scaled up too where the pool has room.
pub(super) fn filling(meta: &Meta, held: &[f64], wanted: &[f64]) -> Vec<f64> {
    let sum: f64 = wanted.iter().sum();
    let scale = if sum > 0.0 { 1.5 * (meta.pool / sum).max(1.0) } else { 1.0 };
    within(meta, held, &wanted.iter().map(|want| want * scale).collect::<Vec<f64>>())
}

fn floored(budgets: Vec<f64>) -> Vec<f64> {
    budgets.into_iter().map(|budget| (budget * 100.0 + 1e-6).floor() / 100.0).collect()
}
