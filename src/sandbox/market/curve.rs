//! Who the campaigns are: each one's response to money, drawn from a profile and the seed.

use super::noise::Place;
use crate::domain::entity::Platform;

/// One campaign's nature. Amounts are units of its currency a day.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Seed of the market.
    pub(crate) seed: i64,
    /// The campaign's number in the market.
    pub(crate) campaign: i64,
    /// The daily budget it starts with.
    pub(crate) base: f64,
    /// Mean value of one conversion.
    pub(crate) value: f64,
    /// Hill exponent: below 1 concave, above 1 S-shaped.
    pub(crate) hill: f64,
    /// Spend at which half of the top is reached.
    pub(crate) half: f64,
    /// Conversions a day that no spend exceeds.
    pub(crate) top: f64,
    /// Most the audience can absorb a day.
    pub(crate) reach: f64,
    /// How much stronger (weaker below 0) weekends are.
    pub(crate) weekend: f64,
    /// Price of a thousand impressions.
    pub(crate) cpm: f64,
    /// Clicks per impression.
    pub(crate) ctr: f64,
    /// How widely single days swing around the budget; the platform's overshoot is never passed.
    pub(crate) swing: f64,
}

/// What a kind of campaign looks like before the seed varies it.
pub(crate) struct Profile {
    /// Start of its name.
    pub(crate) name: &'static str,
    base: f64,
    roas: f64,
    value: f64,
    hill: f64,
    half: f64,
    reach: f64,
    weekend: f64,
}

const fn profile(name: &'static str, [base, roas, value, hill, half, reach, weekend]: [f64; 7]) -> Profile {
    Profile { name, base, roas, value, hill, half, reach, weekend }
}

/// The eight kinds every account has: `half` and `reach` are multiples of the starting budget.
pub(crate) const PROFILES: [Profile; 8] = [
    profile("Prospecting broad", [320.0, 1.8, 62.0, 0.90, 2.0, 4.0, 0.10]),
    profile("Retargeting 30 days", [150.0, 4.6, 70.0, 0.80, 0.8, 1.6, -0.08]),
    profile("Bestsellers", [240.0, 3.3, 64.0, 0.85, 2.5, 5.0, 0.05]),
    profile("Lookalike <b>1 %</b> & \"friends\"", [260.0, 2.2, 58.0, 0.90, 1.5, 4.0, 0.0]),
    profile("New market", [120.0, 1.4, 66.0, 1.80, 1.8, 6.0, 0.12]),
    profile("Clearance", [200.0, 0.95, 50.0, 0.80, 1.2, 3.0, -0.05]),
    profile("Seasonal gifts", [180.0, 3.1, 75.0, 0.90, 2.0, 4.0, 0.15]),
    profile("Video views", [130.0, 1.7, 55.0, 0.95, 3.0, 0.85, 0.0]),
];

impl Curve {
    /// The nature of campaign number `campaign`, of kind `slot`, on `platform`; `scale` is what a US dollar is worth in its currency.
    pub(crate) fn draw(seed: i64, campaign: i64, slot: usize, platform: Platform, scale: f64) -> Self {
        let kind = &PROFILES[slot % PROFILES.len()];
        let vary = |what: i64, by: f64| 1.0 + by * (2.0 * Place::of(&[seed, campaign, 100 + what]).uniform() - 1.0);
        let (strength, cpm, ctr, swing) = match platform {
            Platform::Google => (1.06, 14.0, 0.020, 0.34),
            Platform::Meta => (1.0, 9.0, 0.014, 0.28),
            Platform::Tiktok => (0.93, 6.0, 0.011, 0.12),
        };
        let base = (kind.base * vary(0, 0.08) / 5.0).round() * 5.0 * scale;
        let (value, hill, half) = (kind.value * vary(1, 0.1) * scale, kind.hill * vary(2, 0.04), kind.half * vary(3, 0.1) * base);
        let at_base = base * kind.roas * strength * vary(4, 0.08) / value;
        let top = at_base * (half.powf(hill) + base.powf(hill)) / base.powf(hill);
        Self {
            seed,
            campaign,
            base,
            value,
            hill,
            half,
            top,
            reach: kind.reach * base,
            weekend: kind.weekend,
            cpm: cpm * vary(5, 0.15) * scale,
            ctr: ctr * vary(6, 0.2),
            swing,
        }
    }

    /// Expected conversions a day at `spend` units a day, before season, fatigue and learning.
    pub(crate) fn conversions(&self, spend: f64) -> f64 {
        if spend <= 0.0 {
            return 0.0;
        }
        let bought = spend.powf(self.hill);
        self.top * bought / (self.half.powf(self.hill) + bought)
    }
}
