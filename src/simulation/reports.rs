//! When conversions are reported: each day's final figures arrive over two weeks, a part of what is left every day.

use super::weather::index;
use crate::sandbox::market::day::reported_share;
use crate::sandbox::market::noise::Place;

/// Days after which a day's figures change no more.
pub(crate) const REPORT_DAYS: usize = 14;

/// What is reported `haste` times as fast as usual `age` days after the day itself, as a share of the final figure.
pub(crate) fn share(age: usize, haste: f64) -> f64 {
    if age >= REPORT_DAYS { 1.0 } else { reported_share((age as f64 + 0.3) * haste) }
}

/// One campaign's day on its way into the reports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cohort {
    /// Conversions in the end.
    pub(crate) last: f64,
    /// Their value in the end.
    pub(crate) worth: f64,
    /// Conversions reported so far.
    pub(crate) conversions: f64,
    /// Value reported so far.
    pub(crate) revenue: f64,
}

impl Cohort {
    /// Reports what comes in at `age` days.
    pub(crate) fn report(&mut self, place: [i64; 3], age: usize, haste: f64) {
        let left = self.last - self.conversions;
        if left <= 0.0 {
            self.revenue = self.worth;
            return;
        }
        let before = if age == 0 { 0.0 } else { share(age - 1, haste) };
        let part = if before >= 1.0 { 1.0 } else { ((share(age, haste) - before) / (1.0 - before)).clamp(0.0, 1.0) };
        let [seed, campaign, day] = place;
        let came = binomial(&[seed, campaign, day, index(age), 501], left, part);
        // The value left is spread evenly over the conversions left.
        self.revenue += (self.worth - self.revenue) * came / left;
        self.conversions += came;
    }
}

/// How many of `n` things with probability `part` each happen at a place.
pub(crate) fn binomial(place: &[i64], n: f64, part: f64) -> f64 {
    if part >= 1.0 || n <= 0.0 {
        return n.max(0.0);
    }
    if n > 40.0 {
        let drawn = n * part + (n * part * (1.0 - part)).sqrt() * Place::of(place).normal();
        return drawn.round().clamp(0.0, n);
    }
    let mut parts = place.to_vec();
    let mut happened = 0.0;
    let mut at = 0;
    while (at as f64) < n {
        parts.push(at);
        happened += f64::from(u8::from(Place::of(&parts).uniform() < part));
        parts.pop();
        at += 1;
    }
    happened
}
