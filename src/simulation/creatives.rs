//! The ads of a campaign: arms of unequal quality that wear out the more often they are shown, until people upload a new set.

use super::reports::binomial;
use super::weather::index;
use crate::sandbox::market::noise::Place;

/// Standard deviation of the log of an ad's click rate, as measured between headlines.
const CLICK_SPREAD: f64 = 0.19;
/// Standard deviation of the log of what else makes an ad convert.
const CONVERSION_SPREAD: f64 = 0.06;
/// How much of a better click rate ends up in conversions of the same money.
const CARRIED: f64 = 0.3;
/// Least an ad keeps of its quality, however often it was shown.
const WORN: f64 = 0.65;

/// An ad when it is new, against the average ad.
#[derive(Clone, Copy, Debug)]
struct Arm {
    clicking: f64,
    converting: f64,
}

/// One campaign's current set.
#[derive(Clone, Debug)]
pub(crate) struct Creatives {
    seed: i64,
    campaign: i64,
    /// Shares of impressions asked for; they hold until others are.
    pub(crate) weights: Vec<f64>,
    pub(crate) generation: u64,
    born: usize,
    life: usize,
    arms: Vec<Arm>,
    wear: f64,
    /// Impressions of one ad that cost it the share `wear` of its quality.
    shelf: f64,
    pub(crate) impressions: Vec<f64>,
    pub(crate) clicks: Vec<f64>,
    pub(crate) conversions: Vec<f64>,
}

impl Creatives {
    /// The first set of a campaign that shows `daily` impressions a day.
    pub(crate) fn first(seed: i64, campaign: usize, arms: usize, daily: f64) -> Self {
        let campaign = index(campaign);
        let age = Place::of(&[seed, campaign, 601]).below(20);
        let shelf = (daily * 45.0 / arms.max(1) as f64).max(1.0);
        let blank = vec![0.0; arms];
        let weights = vec![1.0 / arms.max(1) as f64; arms];
        let (impressions, clicks, conversions) = (blank.clone(), blank.clone(), blank);
        let mut set = Self { seed, campaign, weights, generation: 0, born: 0, life: 0, arms: Vec::new(), wear: 0.0, shelf, impressions, clicks, conversions };
        set.draw();
        set.life -= age;
        set
    }

    fn place(&self, what: i64) -> Place {
        Place::of(&[self.seed, self.campaign, i64::try_from(self.generation).unwrap_or(0), what])
    }

    /// Draws what this generation is like.
    fn draw(&mut self) {
        let log_normal = |what: i64, spread: f64| (spread * self.place(what).normal() - spread * spread / 2.0).exp();
        let arm = |arm: usize| Arm { clicking: log_normal(610 + index(arm), CLICK_SPREAD), converting: log_normal(650 + index(arm), CONVERSION_SPREAD) };
        let arms = (0..self.weights.len()).map(arm).collect();
        (self.life, self.wear, self.arms) = (30 + self.place(602).below(31), 0.08 + 0.14 * self.place(603).uniform(), arms);
    }

    /// Replaces a set whose days are over; says whether it did.
    pub(crate) fn renew(&mut self, day: usize) -> bool {
        let over = day >= self.born + self.life;
        if over {
            (self.generation, self.born) = (self.generation + 1, day);
            self.draw();
            let arms = self.weights.len();
            self.weights = vec![1.0 / arms.max(1) as f64; arms];
            for row in [&mut self.impressions, &mut self.clicks, &mut self.conversions] {
                row.fill(0.0);
            }
        }
        over
    }

    /// Click rate of an ad against the average ad.
    fn click_rate(&self, arm: usize) -> f64 {
        self.arms[arm].clicking * (1.0 - self.wear).powf(self.impressions[arm] / self.shelf).max(WORN)
    }

    /// What an ad's impressions bring against the average ad's.
    pub(crate) fn quality(&self, arm: usize) -> f64 {
        self.click_rate(arm).powf(CARRIED) * self.arms[arm].converting
    }

    /// What the set brings under its weights against an average fresh set, in conversions and in clicks.
    pub(crate) fn strength(&self) -> (f64, f64) {
        let mean = |of: &dyn Fn(usize) -> f64| self.weights.iter().enumerate().map(|(arm, weight)| weight * of(arm)).sum::<f64>();
        if self.weights.is_empty() { (1.0, 1.0) } else { (mean(&|arm| self.quality(arm)), mean(&|arm| self.click_rate(arm))) }
    }

    /// Books a day's figures on the ads that brought them.
    pub(crate) fn book(&mut self, day: usize, [impressions, clicks, conversions]: [f64; 3]) {
        let arms = self.weights.len();
        let quality: Vec<f64> = (0..arms).map(|arm| self.weights[arm] * self.quality(arm)).collect();
        let click: Vec<f64> = (0..arms).map(|arm| self.weights[arm] * self.click_rate(arm)).collect();
        for (what, (total, shares)) in [(clicks, click), (conversions, quality)].into_iter().enumerate() {
            let (mut left, mut rest) = (total, shares.iter().sum::<f64>());
            for (arm, share) in shares.into_iter().enumerate() {
                let place = [self.seed, self.campaign, index(day), 700 + index(what), index(arm)];
                let got = if rest > share { binomial(&place, left, share / rest) } else { left };
                (left, rest) = (left - got, rest - share);
                let row = if what == 0 { &mut self.clicks } else { &mut self.conversions };
                row[arm] += got;
            }
        }
        for (arm, weight) in self.weights.iter().enumerate() {
            self.impressions[arm] += impressions * weight;
        }
    }
}
