//! What all budgets of a platform share: weekdays, the market of the day, levels, values and shapes to shrink to.

use serde::{Deserialize, Serialize};

use super::shape::{PerShape, prior};

/// Conversions' worth of trust in weekdays being alike.
const WEEKDAY_TRUST: f64 = 40.0;
/// What a weekday's figures count a week later.
const WEEKDAY_MEMORY: f64 = 0.93;
/// How far the market may move in a day, in log.
const MARKET_STEP: f64 = 0.04;
/// What of a market's deviation is left a day later: shocks pass.
const MARKET_KEPT: f64 = 0.7;
/// Most that one day may move the market, in log: what is wilder is noise or an outage.
const MARKET_MOST: f64 = 0.3;
/// Memory of the platform's level and value.
const LEVEL_MEMORY: f64 = 0.97;
/// Conversions' worth of a guess of the platform's level.
const LEVEL_TRUST: f64 = 0.5;
/// Over-dispersion before anything was seen.
const DISPERSION: f64 = 0.03;
/// Squared expected conversions' worth of trust in it.
const DISPERSION_TRUST: f64 = 500.0;

/// The state of one platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// Conversions and expectations without weekday, Monday first.
    weekdays: [(f64, f64); 7],
    /// Deviation of the market's day, in log, and its variance.
    deviation: (f64, f64),
    /// Conversions as if all had been reported, spend and revenue.
    totals: (f64, f64, f64),
    /// Squared surprise beyond chance, and squared expectation.
    surprise: (f64, f64),
    /// Mean probability of each shape over the platform's budgets.
    pub shapes: PerShape,
}

impl Default for Market {
    fn default() -> Self {
        Self { weekdays: [(0.0, 0.0); 7], deviation: (0.0, MARKET_STEP * MARKET_STEP), totals: (0.0, 0.0, 0.0), surprise: (0.0, 0.0), shapes: prior() }
    }
}

impl Market {
    /// How a weekday does against the others, Monday 0; the week's mean is 1.
    #[must_use]
    pub fn weekday(&self, day: usize) -> f64 {
        let ratio = |(seen, expected): (f64, f64)| (seen + WEEKDAY_TRUST) / (expected + WEEKDAY_TRUST);
        let mean = self.weekdays.iter().map(|day| ratio(*day)).sum::<f64>() / 7.0;
        self.weekdays.get(day).map_or(1.0, |day| ratio(*day) / mean)
    }

    /// The market's factor on the last day learned.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.deviation.0.exp()
    }

    /// The market's mean factor over the next `days`, while its deviation fades.
    #[must_use]
    pub fn ahead(&self, days: usize) -> f64 {
        let mut left = self.deviation.0;
        let sum: f64 = (0..days.max(1))
            .map(|_| {
                left *= MARKET_KEPT;
                left.exp()
            })
            .sum();
        sum / days.max(1) as f64
    }

    /// Conversions a unit of spend.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let (conversions, spend, _) = self.totals;
        if spend > 0.0 { (conversions + LEVEL_TRUST * 0.5) / (spend + LEVEL_TRUST * spend / conversions.max(LEVEL_TRUST)) } else { 0.0 }
    }

    /// What a conversion brings, in units; `None` before the first.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.totals.0 > 0.0).then(|| self.totals.2 / self.totals.0)
    }

    /// Variance of a day's conversions beyond Poisson, over the square of their mean.
    #[must_use]
    pub fn dispersion(&self) -> f64 {
        let (squares, means) = self.surprise;
        ((squares + DISPERSION_TRUST * DISPERSION) / (means + DISPERSION_TRUST)).clamp(0.003, 0.5)
    }

    /// The day's totals as if all conversions had been reported.
    pub(super) fn count(&mut self, conversions: f64, spend: f64, revenue: f64) {
        let (had, spent, brought) = self.totals;
        self.totals = (LEVEL_MEMORY * had + conversions, LEVEL_MEMORY * spent + spend, LEVEL_MEMORY * brought + revenue);
    }

    /// Moves the market's factor by the day's `conversions` against what was `expected` with the factor at one. `variance` is that of the sum.
    pub(super) fn observe(&mut self, conversions: f64, expected: f64, variance: f64) {
        let (mean, spread) = (MARKET_KEPT * self.deviation.0, MARKET_KEPT * MARKET_KEPT * self.deviation.1 + MARKET_STEP * MARKET_STEP);
        if expected <= 0.0 {
            self.deviation = (mean, spread);
            return;
        }
        let seen = ((conversions + 0.5) / (expected + 0.5)).ln();
        let gain = spread / (spread + variance / (expected * expected));
        let moved = (gain * (seen - mean)).clamp(-MARKET_MOST, MARKET_MOST);
        self.deviation = (mean + moved, (1.0 - gain) * spread);
    }

    /// A weekday's conversions against what was expected of it with its factor at one.
    pub(super) fn weekday_seen(&mut self, day: usize, conversions: f64, expected: f64) {
        if let Some((seen, mean)) = self.weekdays.get_mut(day) {
            (*seen, *mean) = (WEEKDAY_MEMORY * *seen + conversions, WEEKDAY_MEMORY * *mean + expected);
        }
    }

    /// How wild the day was over all budgets.
    pub(super) fn surprised(&mut self, squares: f64, means: f64) {
        self.surprise = (LEVEL_MEMORY * self.surprise.0 + squares, LEVEL_MEMORY * self.surprise.1 + means);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_learned_against_each_other() {
        let mut market = Market::default();
        for week in 0..8 {
            for day in 0..7 {
                let _ = week;
                market.weekday_seen(day, if day == 6 { 200.0 } else { 100.0 }, 114.0);
            }
        }
        assert!((market.weekday(6) / market.weekday(0) - 2.0).abs() < 0.2, "{}", market.weekday(6) / market.weekday(0));
        assert!(((0..7).map(|day| market.weekday(day)).sum::<f64>() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_shock_moves_the_market_by_little_a_day_and_fades() {
        let mut market = Market::default();
        market.observe(300.0, 100.0, 110.0);
        let after = market.factor();
        assert!(after > 1.05 && after < 1.36, "{after}");
        (0..10).for_each(|_| market.observe(0.0, 0.0, 0.0));
        assert!((market.factor() - 1.0).abs() < 0.02);
        assert!(market.ahead(7) < 1.01);
    }

    #[test]
    fn level_and_value_come_from_the_totals() {
        let mut market = Market::default();
        (0..20).for_each(|_| market.count(50.0, 1_000.0, 4_000.0));
        assert!((market.rate() - 0.05).abs() < 0.001 && (market.value().expect("conversions") - 80.0).abs() < 1e-9);
    }
}
