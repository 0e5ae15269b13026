//! The response model: each budget's response is a mixture of Hill shapes with gamma-distributed levels, updated by Poisson counts that are
//! tempered by what their platform's and their own days show of over-dispersion. Weekdays, the market's day and shapes are pooled over a platform.
//!
//! Pure numbers in, pure numbers out; exact in closed form, so that the same history always gives the same belief.

mod belief;
mod market;
mod shape;

use serde::{Deserialize, Serialize};

use belief::Pooled;
pub use belief::{Belief, Observed};
pub use market::Market;
pub use shape::Shapes;

/// Share of a day's conversions below which it is too young to learn from.
const LEAST_SHARE: f64 = 0.05;

/// All budgets of one platform, in an order the caller keeps, and what they share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlatformBelief {
    /// What they share.
    pub market: Market,
    /// One a budget; `None` until it first spent.
    pub budgets: Vec<Option<Belief>>,
}

impl PlatformBelief {
    /// Learns one closed day: `seen` has one entry a budget, `None` where no report was read. `weekday` is 0 on Mondays; `demand` is what the
    /// calendar says of the day, 1 on days like others.
    pub fn learn(&mut self, shapes: &Shapes, weekday: usize, demand: f64, seen: &[Option<Observed>]) {
        self.budgets.resize(seen.len().max(self.budgets.len()), None);
        let days: Vec<(usize, Observed)> =
            seen.iter().enumerate().filter_map(|(at, day)| Some((at, (*day)?))).filter(|(_, day)| day.spend > 0.0 && day.share > LEAST_SHARE).collect();
        if days.is_empty() {
            self.market.observe(0.0, 0.0, 0.0);
            return;
        }
        let (conversions, spend, revenue) = days.iter().fold((0.0, 0.0, 0.0), |(conversions, spend, revenue), (_, day)| {
            (conversions + day.conversions / day.share, spend + day.spend, revenue + day.revenue / day.share)
        });
        self.market.count(conversions, spend, revenue);
        let rate = self.market.rate();
        for (at, day) in &days {
            let fresh = || Belief::new(day.spend, rate * day.spend, self.market.shapes);
            self.budgets[*at].get_or_insert_with(fresh);
        }
        let weekday_factor = self.market.weekday(weekday);
        let (mut plain, mut reported, mut variance) = (0.0, 0.0, 0.0);
        let dispersion = self.market.dispersion();
        let relative: Vec<_> = days
            .iter()
            .map(|(at, day)| {
                let Some(belief) = &self.budgets[*at] else { return shapes.relative(1.0) };
                let relative = shapes.relative(day.spend / belief.reference);
                let mean = day.share * demand * belief.mean(&relative);
                plain += mean;
                reported += day.conversions;
                variance += mean + weekday_factor * mean * mean * (belief.dispersion(dispersion) + belief.alpha.recip());
                relative
            })
            .collect();
        self.market.observe(reported, plain * weekday_factor, variance * weekday_factor);
        let factor = self.market.factor();
        let pooled_shapes = self.market.shapes;
        let pooled = Pooled { weights: &pooled_shapes, rate, dispersion };
        let (mut squares, mut means) = (0.0, 0.0);
        for ((at, day), relative) in days.iter().zip(&relative) {
            let Some(belief) = &mut self.budgets[*at] else { continue };
            let exposure = day.share * demand * weekday_factor * factor;
            let mean = exposure * belief.mean(relative);
            squares += (day.conversions - mean).powi(2) - mean * (1.0 + mean / belief.alpha);
            means += mean * mean;
            belief.learn(day, relative, exposure, &pooled);
            belief.follow(shapes);
        }
        self.market.surprised(squares, means);
        self.market.weekday_seen(weekday, reported, plain * factor);
        self.pool();
    }

    /// The mean probability of each shape over all budgets.
    fn pool(&mut self) {
        let mut mean = shape::prior();
        let mut count = 1.0;
        for belief in self.budgets.iter().flatten() {
            count += 1.0;
            for (row, own) in mean.iter_mut().zip(&belief.weights) {
                row.iter_mut().zip(own).for_each(|(mean, own)| *mean += own);
            }
        }
        mean.iter_mut().flatten().for_each(|weight| *weight /= count);
        self.market.shapes = mean;
    }
}

#[cfg(test)]
mod tests;
