//! What is believed of one budget's response: a mixture of shapes, each with a gamma-distributed level.

use serde::{Deserialize, Serialize};

use super::shape::{EXPONENTS, HALVES, PerShape, RATIO, Shapes};
use crate::learning::chance::Uncertain;

/// Conversions' worth of trust in the platform's level that never fades.
const TRUST: f64 = 0.4;
/// Conversions a memory holds …
const MEMORY_CONVERSIONS: f64 = 150.0;
/// … within these many days.
const MEMORY_DAYS: (f64, f64) = (8.0, 35.0);
/// How much of what is believed of a shape comes anew from its platform each day: pooling and forgetting in one.
const POOLED: f64 = 0.015;
/// Memory of what a conversion brings, a day.
const VALUE_MEMORY: f64 = 0.98;
/// Of the weight of the last shape, what a shape beyond the grid starts with when the reference moves.
const BEYOND: f64 = 0.3;
/// Memory of how wild the days are.
const DISPERSION_MEMORY: f64 = 0.985;
/// Squared expected conversions' worth of trust in the platform's over-dispersion.
const DISPERSION_TRUST: f64 = 200.0;
/// How far a level's certainty falls when its level seems to have jumped.
const SHAKEN: f64 = 0.3;
/// Memory of the daily amount the reference follows.
const REFERENCE_MEMORY: f64 = 0.8;

/// One budget's closed day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// What was spent, in units.
    pub spend: f64,
    /// Conversions reported so far.
    pub conversions: f64,
    /// Their value, in units.
    pub revenue: f64,
    /// Share of the final conversions expected to have been reported, above 0.
    pub share: f64,
}

/// The state of one budget: less than a kibibyte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Amount a day at which all shapes bring the same.
    pub reference: f64,
    /// Daily amount of late, which the reference follows.
    spend: f64,
    /// Probability of each shape.
    pub weights: PerShape,
    /// Shape of the level's gamma, common to all.
    pub alpha: f64,
    /// Rate of the level's gamma: the level's mean is `alpha / beta`.
    pub beta: PerShape,
    /// Conversions a day of late.
    pub rate: f64,
    /// Squared surprise beyond chance, and squared expectation: their ratio is the over-dispersion.
    surprise: (f64, f64),
    /// Revenue and the conversions that brought it, older ones discounted.
    value: (f64, f64),
    /// Conversions and expectation of the newest days, newest last.
    newest: [(f64, f64); NEWEST],
    /// Matured conversions behind it all, not discounted.
    pub seen: f64,
}

/// Days a jump is looked for in.
const NEWEST: usize = 7;

impl Belief {
    /// Before any figures: `level` conversions a day at `reference`, as its platform has it.
    #[must_use]
    pub fn new(reference: f64, level: f64, weights: PerShape) -> Self {
        Self {
            reference,
            spend: reference,
            weights,
            alpha: 1.0,
            beta: [[1.0 / level.max(1e-9); EXPONENTS]; HALVES],
            rate: level,
            surprise: (0.0, 0.0),
            value: (0.0, 0.0),
            newest: [(0.0, 0.0); NEWEST],
            seen: 0.0,
        }
    }

    /// Expected conversions of a day with all factors at one, at relative responses `relative`.
    #[must_use]
    pub fn mean(&self, relative: &PerShape) -> f64 {
        self.alpha * sum(&self.weights, |at, shape| relative[at][shape] / self.beta[at][shape])
    }

    /// Expected conversions of a day at relative responses `relative`, and how far the level's own uncertainty reaches.
    #[must_use]
    pub fn level(&self, relative: &PerShape) -> Uncertain {
        let (mut first, mut second) = (0.0, 0.0);
        for (at, row) in self.weights.iter().enumerate() {
            for (shape, weight) in row.iter().enumerate() {
                let here = relative[at][shape] / self.beta[at][shape];
                first += weight * here;
                second += weight * here * here;
            }
        }
        let mean = self.alpha * first;
        let variance = self.alpha * (self.alpha + 1.0) * second - mean * mean;
        Uncertain { mean, cv: if mean > 0.0 { variance.max(0.0).sqrt() / mean } else { 0.0 } }
    }

    /// Variance of a day's conversions beyond Poisson, over the square of their mean.
    #[must_use]
    pub fn dispersion(&self, platform: f64) -> f64 {
        let (squares, means) = self.surprise;
        ((squares + DISPERSION_TRUST * platform) / (means + DISPERSION_TRUST)).clamp(0.003, 0.5)
    }

    /// What a conversion brings, in units, given what it brings on the platform, worth `trust` conversions.
    #[must_use]
    pub fn value(&self, platform: f64, trust: f64) -> f64 {
        (self.value.0 + trust * platform) / (self.value.1 + trust)
    }

    /// Conversions behind [`Self::value`], older ones discounted.
    #[must_use]
    pub const fn valued(&self) -> f64 {
        self.value.1
    }

    /// One more closed day. `exposure` is the part of a full day at level one that it was, before its spend: maturity, weekday, market.
    pub fn learn(&mut self, day: &Observed, relative: &PerShape, exposure: f64, platform: &Pooled<'_>) {
        let expected = exposure * self.mean(relative);
        let dispersion = self.dispersion(platform.dispersion);
        self.surprise.0 = DISPERSION_MEMORY * self.surprise.0 + (day.conversions - expected).powi(2) - expected * (1.0 + self.alpha.recip() * expected);
        self.surprise.1 = DISPERSION_MEMORY * self.surprise.1 + expected * expected;
        let trust = (1.0 + dispersion * expected).recip();
        let days = (MEMORY_CONVERSIONS / self.rate.max(1e-6)).clamp(MEMORY_DAYS.0, MEMORY_DAYS.1);
        let kept = 1.0 - days.recip();
        let level = platform.rate * self.reference;
        let counted = trust * day.conversions;
        let prior = (1.0 - kept) * TRUST;
        self.alpha = kept * self.alpha + prior;
        let mut total = 0.0;
        for (at, row) in self.weights.iter_mut().enumerate() {
            for (shape, weight) in row.iter_mut().enumerate() {
                let beta = kept * self.beta[at][shape] + prior / level.max(1e-9);
                let seen = trust * exposure * relative[at][shape];
                // The negative binomial's odds; what is common to all shapes drops out.
                *weight *= (self.alpha * (beta / (beta + seen)).ln() + counted * (seen / (beta + seen)).max(1e-12).ln()).exp();
                self.beta[at][shape] = beta + seen;
                total += *weight;
            }
        }
        self.alpha += counted;
        for (row, pooled) in self.weights.iter_mut().zip(platform.weights) {
            for (weight, pooled) in row.iter_mut().zip(pooled) {
                let own = if total > 0.0 { (*weight / total).max(1e-12) } else { *pooled };
                *weight = ((1.0 - POOLED) * own.ln() + POOLED * pooled.max(1e-12).ln()).exp();
            }
        }
        let sum = sum(&self.weights, |_, _| 1.0);
        self.weights.iter_mut().flatten().for_each(|weight| *weight /= sum);
        self.rate += (day.conversions / day.share - self.rate) / days;
        self.value = (VALUE_MEMORY * self.value.0 + day.revenue, VALUE_MEMORY * self.value.1 + day.conversions);
        self.seen += day.conversions;
        self.newest.rotate_left(1);
        self.newest[NEWEST - 1] = (counted, trust * expected);
        self.shake();
        self.spend += (1.0 - REFERENCE_MEMORY) * (day.spend - self.spend);
    }

    /// Widens the level when the newest days say that it has jumped: what was learned before is of another time.
    fn shake(&mut self) {
        if self.jump() > JUMP_SURE {
            self.alpha *= SHAKEN;
            self.beta.iter_mut().flatten().for_each(|beta| *beta *= SHAKEN);
            self.newest = [(0.0, 0.0); NEWEST];
        }
    }

    /// Probability that the level jumped within the newest days: for each possible day, the odds of a level of its own against the old one.
    fn jump(&self) -> f64 {
        let (mut conversions, mut expected, mut odds) = (0.0, 0.0, 0.0);
        for (counted, mean) in self.newest.iter().rev() {
            conversions += counted;
            expected += mean;
            if expected > 0.0 {
                odds += HAZARD * another_level(conversions, expected);
            }
        }
        odds / (odds + 1.0)
    }

    /// Moves the reference after the daily amount when that has left it behind by more than a step of the grid, exactly but for the grid's ends.
    pub fn follow(&mut self, shapes: &Shapes) {
        while self.spend > 1.3 * self.reference {
            self.rebase(shapes, RATIO);
        }
        while self.spend > 0.0 && self.spend < self.reference / 1.3 {
            self.rebase(shapes, RATIO.recip());
            if self.reference < 1e-6 {
                break;
            }
        }
    }

    fn rebase(&mut self, shapes: &Shapes, factor: f64) {
        let relative = shapes.relative(factor);
        for (row, relative) in self.beta.iter_mut().zip(relative) {
            for (beta, relative) in row.iter_mut().zip(relative) {
                *beta /= relative;
            }
        }
        let last = HALVES - 1;
        for shape in 0..EXPONENTS {
            let column = |rows: &PerShape| -> [f64; HALVES] { std::array::from_fn(|at| rows[at][shape]) };
            let (weights, beta) = (column(&self.weights), column(&self.beta));
            for at in 0..HALVES {
                // Seen from an amount `RATIO` times as large, every half-saturation is one step nearer.
                let from = if factor > 1.0 { at + 1 } else { at.wrapping_sub(1) };
                let edge = if factor > 1.0 { 0 } else { last };
                let (weight, rate) = match (weights.get(from), beta.get(from)) {
                    (Some(weight), Some(rate)) if at == edge => {
                        let merged = weight + weights[edge];
                        (merged, merged / (weight / rate + weights[edge] / beta[edge]).max(f64::MIN_POSITIVE))
                    }
                    (Some(weight), Some(rate)) => (*weight, *rate),
                    _ => (BEYOND * weights[last - edge], beta[last - edge]),
                };
                self.weights[at][shape] = weight.max(1e-12);
                self.beta[at][shape] = rate;
            }
        }
        let sum = sum(&self.weights, |_, _| 1.0);
        self.weights.iter_mut().flatten().for_each(|weight| *weight /= sum);
        self.reference *= factor;
    }
}

/// What a budget takes from its platform while it learns.
pub struct Pooled<'a> {
    /// Mean probability of each shape.
    pub weights: &'a PerShape,
    /// Conversions a unit of spend.
    pub rate: f64,
    /// Over-dispersion.
    pub dispersion: f64,
}

/// Chance a day that a level jumps. Source: one change in two months of a campaign's life.
const HAZARD: f64 = 1.0 / 60.0;
/// How sure of a jump one must be.
const JUMP_SURE: f64 = 0.9;
/// A new level is of the order of the old one: gamma of this shape around one.
const NEW_LEVEL: f64 = 4.0;

/// Marginal likelihood of a level of its own, gamma around one, over that of the old level.
fn another_level(conversions: f64, expected: f64) -> f64 {
    let (a, y) = (NEW_LEVEL, conversions);
    let log = a * a.ln() - ln_gamma(a) + ln_gamma(a + y) - (a + y) * (a + expected).ln() + expected;
    log.clamp(-50.0, 50.0).exp()
}

/// Natural logarithm of the gamma function for positive `x`. Stirling's series after a shift; error below 1e-8.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x.max(1e-9), 0.0);
    while x < 7.0 {
        shift += x.ln();
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_8 + (1.0 / 12.0 - z * (1.0 / 360.0 - z / 1260.0)) / x - shift
}

fn sum(weights: &PerShape, value: impl Fn(usize, usize) -> f64) -> f64 {
    let mut total = 0.0;
    for (at, row) in weights.iter().enumerate() {
        for (shape, weight) in row.iter().enumerate() {
            total += weight * value(at, shape);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::response::shape::prior;

    const PLATFORM: f64 = 0.02;

    fn pooled(weights: &PerShape) -> Pooled<'_> {
        Pooled { weights, rate: 0.05, dispersion: PLATFORM }
    }

    fn taught(days: impl Iterator<Item = (f64, f64)>) -> (Belief, Shapes) {
        let (shapes, weights) = (Shapes::default(), prior());
        let mut belief = Belief::new(100.0, 5.0, weights);
        for (spend, conversions) in days {
            let day = Observed { spend, conversions, revenue: 50.0 * conversions, share: 1.0 };
            let relative = shapes.relative(spend / belief.reference);
            belief.learn(&day, &relative, 1.0, &pooled(&weights));
            belief.follow(&shapes);
        }
        (belief, shapes)
    }

    fn at(belief: &Belief, shapes: &Shapes, spend: f64) -> f64 {
        belief.mean(&shapes.relative(spend / belief.reference))
    }

    #[test]
    fn a_steady_budget_is_believed_to_go_on_as_it_was_and_to_grow_by_less_than_its_money() {
        let (belief, shapes) = taught((0..30).map(|_| (100.0, 8.0)));
        assert!((at(&belief, &shapes, 100.0) - 8.0).abs() < 0.3, "{}", at(&belief, &shapes, 100.0));
        let twice = at(&belief, &shapes, 200.0) / at(&belief, &shapes, 100.0);
        assert!(twice > 1.2 && twice < 1.9, "{twice}");
    }

    #[test]
    fn what_spend_did_teaches_the_shape() {
        let saturated = taught((0..40).map(|day| if day % 2 == 0 { (80.0, 20.0) } else { (120.0, 20.4) }));
        let linear = taught((0..40).map(|day| if day % 2 == 0 { (80.0, 16.0) } else { (120.0, 24.0) }));
        let more = |(belief, shapes): &(Belief, Shapes)| at(belief, shapes, 150.0) / at(belief, shapes, 100.0);
        assert!(more(&saturated) < 1.2, "{}", more(&saturated));
        assert!(more(&linear) > 1.32, "{}", more(&linear));
    }

    #[test]
    fn the_reference_follows_the_money_and_what_is_believed_stays() {
        let (mut belief, shapes) = taught((0..30).map(|_| (100.0, 8.0)));
        let before = [60.0, 100.0, 150.0].map(|spend| at(&belief, &shapes, spend));
        belief.spend = 140.0;
        belief.follow(&shapes);
        assert!(belief.reference > 140.0);
        let after = [60.0, 100.0, 150.0].map(|spend| at(&belief, &shapes, spend));
        assert!(before.iter().zip(after).all(|(before, after)| (after / before - 1.0).abs() < 0.05), "{before:?} {after:?}");
    }

    #[test]
    fn a_level_that_jumps_is_learned_anew_within_a_week() {
        let (belief, shapes) = taught((0..40).map(|day| (100.0, if day < 33 { 20.0 } else { 8.0 })));
        let now = at(&belief, &shapes, 100.0);
        assert!(now < 11.0, "{now}");
    }

    #[test]
    fn wild_days_are_learned_to_be_wild_and_calm_ones_calm() {
        let (wild, _) = taught((0..60).map(|day| (100.0, if day % 2 == 0 { 5.0 } else { 35.0 })));
        let (calm, _) = taught((0..60).map(|day| (100.0, if day % 2 == 0 { 18.0 } else { 22.0 })));
        assert!(wild.dispersion(PLATFORM) > 0.2, "{}", wild.dispersion(PLATFORM));
        assert!(calm.dispersion(PLATFORM) < PLATFORM, "{}", calm.dispersion(PLATFORM));
    }

    #[test]
    fn the_logarithm_of_gamma_is_that_of_factorials() {
        assert!((ln_gamma(6.0) - 120.0_f64.ln()).abs() < 1e-8 && (ln_gamma(0.5) - 0.572_364_942_9).abs() < 1e-7);
    }

    #[test]
    fn a_belief_is_less_than_a_kibibyte() {
        assert!(size_of::<Belief>() <= 1_024, "{}", size_of::<Belief>());
    }
}
