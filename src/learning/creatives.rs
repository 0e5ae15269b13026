//! Which creative of a set is worth showing: value per impression as click rate times conversion rate, each shrunk to what is usual, and the
//! probability of being the best as the share of impressions.

use super::chance::normal_below;

/// Pseudo-clicks of trust in the usual click rate: one over the squared spread between headlines of one campaign, 19 % in log click rate.
/// Source: Upworthy archive, 19 % between headlines of one test.
const TRUST_CLICKS: f64 = 27.7;
/// Pseudo-conversions of trust in the usual conversion rate: creatives of one campaign differ in it by about 15 %.
const TRUST_CONVERSIONS: f64 = 44.0;
/// Variance of clicks over their mean; days of real campaigns are wilder than dice.
const CLICK_NOISE: f64 = 2.0;
/// Pseudo-clicks and pseudo-conversions of trust in the platform when a campaign's own usual rates are worked out.
const TRUST_PLATFORM: f64 = 10.0;
/// Least share of impressions of each creative: without it nobody would notice that a loser has become a winner.
const FLOOR: f64 = 0.05;
/// Points at which the densities are summed, and how many standard deviations they reach out.
const POINTS: usize = 48;
const REACH: f64 = 4.5;

/// What something was shown and what came of it; discounted sums need not be whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// Times shown.
    pub impressions: f64,
    /// Clicks.
    pub clicks: f64,
    /// Conversions.
    pub conversions: f64,
}

impl Shown {
    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { impressions: self.impressions + other.impressions, clicks: self.clicks + other.clicks, conversions: self.conversions + other.conversions }
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { impressions: self.impressions * factor, clicks: self.clicks * factor, conversions: self.conversions * factor }
    }
}

/// Usual rates of a campaign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Clicks per impression.
    pub click: f64,
    /// Conversions per click.
    pub conversion: f64,
}

impl Rates {
    /// A campaign's usual rates, shrunk to those of its platform.
    #[must_use]
    pub fn of(campaign: Shown, platform: Shown) -> Self {
        let rate = |over: f64, under: f64| if over > 0.0 && under > 0.0 { (over / under).min(1.0) } else { 0.01 };
        let shrunk = |over: f64, under: f64, usual: f64| ((over + TRUST_PLATFORM) / (under + TRUST_PLATFORM / usual)).clamp(1e-9, 1.0);
        Self {
            click: shrunk(campaign.clicks, campaign.impressions, rate(platform.clicks, platform.impressions)),
            conversion: shrunk(campaign.conversions, campaign.clicks, rate(platform.conversions, platform.clicks)),
        }
    }
}

/// Share of impressions of each creative, adding up to 1: the probability that it brings most per impression, and never less than 5 % while there is
/// room for that.
#[must_use]
pub fn shares(arms: &[Shown], usual: Rates) -> Vec<f64> {
    let count = arms.len() as f64;
    let floor = FLOOR.min(1.0 / count.max(1.0));
    let free = (1.0 - floor * count).max(0.0);
    let shares: Vec<f64> = best(&arms.iter().map(|arm| log_value(*arm, usual)).collect::<Vec<_>>()).iter().map(|chance| floor + free * chance).collect();
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

/// Mean and standard deviation of the logarithm of value per impression.
fn log_value(arm: Shown, usual: Rates) -> (f64, f64) {
    let (clicks, shown) = (arm.clicks.max(0.0) / CLICK_NOISE, arm.impressions.max(arm.clicks) / CLICK_NOISE);
    let (a, all) = (TRUST_CLICKS + clicks, TRUST_CLICKS / usual.click + shown);
    let (c, of) = (TRUST_CONVERSIONS + arm.conversions.max(0.0), TRUST_CONVERSIONS / usual.conversion + arm.clicks.max(0.0));
    let mean = log_mean(a) - log_mean(all) + log_mean(c) - of.ln();
    let variance = (log_variance(a) - log_variance(all)).max(0.0) + log_variance(c);
    (mean, variance.sqrt().max(1e-6))
}

/// Expected logarithm of a gamma of shape `a` and rate 1; for shapes of 20 and more exact to seven digits.
fn log_mean(a: f64) -> f64 {
    a.ln() - 1.0 / (2.0 * a) - 1.0 / (12.0 * a * a)
}

/// Variance of the same.
fn log_variance(a: f64) -> f64 {
    1.0 / a + 1.0 / (2.0 * a * a) + 1.0 / (6.0 * a * a * a)
}

/// Probability of each normal to be the largest, adding up to 1: the sum over a grid of its density times the others' distribution functions.
fn best(values: &[(f64, f64)]) -> Vec<f64> {
    if values.len() < 2 {
        return vec![1.0; values.len()];
    }
    // Below every value's upper reach nothing can be the best.
    let lo = values.iter().map(|(mean, sd)| mean - REACH * sd).fold(f64::NEG_INFINITY, f64::max);
    let hi = values.iter().map(|(mean, sd)| mean + REACH * sd).fold(f64::NEG_INFINITY, f64::max);
    let step = (hi - lo) / POINTS as f64;
    let mut chances = vec![0.0; values.len()];
    let mut below = vec![0.0; values.len()];
    let mut before: Vec<f64> = values.iter().map(|(mean, sd)| normal_below((lo - mean) / sd)).collect();
    for point in 0..POINTS {
        let x = lo + (point as f64 + 0.5) * step;
        for (below, (mean, sd)) in below.iter_mut().zip(values) {
            *below = normal_below((x - mean) / sd).max(1e-12);
        }
        let all: f64 = below.iter().product();
        for (at, (mean, sd)) in values.iter().enumerate() {
            let upto = normal_below((x + 0.5 * step - mean) / sd);
            chances[at] += (upto - before[at]) * all / below[at];
            before[at] = upto;
        }
    }
    let sum: f64 = chances.iter().sum();
    if sum > 0.0 { chances.iter().map(|chance| chance.max(0.0) / sum).collect() } else { vec![1.0 / values.len() as f64; values.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Rates = Rates { click: 0.02, conversion: 0.05 };

    fn arm(impressions: f64, click: f64, conversion: f64) -> Shown {
        Shown { impressions, clicks: impressions * click, conversions: impressions * click * conversion }
    }

    #[test]
    fn nothing_known_is_an_even_split() {
        for share in shares(&[Shown::default(); 4], USUAL) {
            assert!((share - 0.25).abs() < 1e-6, "{share}");
        }
        assert_eq!(shares(&[Shown::default()], USUAL), [1.0]);
        assert!(shares(&[], USUAL).is_empty());
    }

    #[test]
    fn the_better_one_gets_more_as_evidence_grows_and_the_worst_keeps_its_floor() {
        let at = |impressions: f64| shares(&[arm(impressions, 0.024, 0.05), arm(impressions, 0.02, 0.05), arm(impressions, 0.015, 0.05)], USUAL);
        let (few, many) = (at(1_000.0), at(200_000.0));
        assert!(few[0] > few[1] && few[1] > few[2], "{few:?}");
        assert!(few[0] < 0.6 && many[0] > 0.85, "{few:?} {many:?}");
        assert!(many.iter().all(|share| *share >= 0.05 - 1e-9), "{many:?}");
        assert!((many.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn clicks_that_do_not_convert_do_not_win_once_that_is_known() {
        let shares = shares(&[arm(400_000.0, 0.025, 0.02), arm(400_000.0, 0.02, 0.05)], USUAL);
        assert!(shares[1] > 0.9, "{shares:?}");
        let few = super::shares(&[arm(4_000.0, 0.025, 0.0), arm(4_000.0, 0.02, 0.05)], USUAL);
        assert!(few[0] > 0.3, "three missing conversions are chance: {few:?}");
    }

    #[test]
    fn the_chance_to_be_the_best_agrees_with_the_closed_form_of_two() {
        for (gap, sd) in [(0.1, 0.2), (0.5, 0.3), (-0.4, 0.05), (3.0, 0.1)] {
            let chances = best(&[(gap, sd), (0.0, 0.2)]);
            let exact = normal_below(gap / sd.hypot(0.2));
            assert!((chances[0] - exact).abs() < 2e-3, "{gap} {sd}: {} against {exact}", chances[0]);
        }
    }

    #[test]
    fn a_campaign_without_history_takes_its_platforms_rates() {
        let platform = arm(1e6, 0.03, 0.04);
        let rates = Rates::of(Shown::default(), platform);
        assert!((rates.click - 0.03).abs() < 1e-9 && (rates.conversion - 0.04).abs() < 1e-9);
        let own = Rates::of(arm(1e6, 0.01, 0.1), platform);
        assert!((own.click - 0.01).abs() < 1e-4 && (own.conversion - 0.1).abs() < 2e-3);
        assert!(Rates::of(Shown::default(), Shown::default()).click > 0.0);
    }
}
