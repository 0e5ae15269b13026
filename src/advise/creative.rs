//! Which creative gets how many impressions, campaign by campaign: what each brought of late, and what the campaign's creatives usually bring.

use std::collections::BTreeMap;

use super::protocol::CreativeResult;
use super::setup::Setup;
use crate::domain::entity::Platform;
use crate::learning::creatives::{Rates, Shown, shares};

/// What a day counts compared with the next: creatives wear out.
const MEMORY: f64 = 0.93;
/// What earlier sets of a campaign count for what its creatives usually bring.
const INHERITED: f64 = 0.5;

/// What the creatives of all campaigns brought.
pub(super) struct Creatives {
    sets: Vec<Set>,
    arms: usize,
}

struct Set {
    platform: Platform,
    generation: u64,
    /// Life-to-date as last told.
    told: Vec<Shown>,
    /// Days since, younger ones counting more.
    recent: Vec<Shown>,
    /// What earlier sets brought.
    inherited: Shown,
}

impl Set {
    fn usual(&self) -> Shown {
        self.recent.iter().fold(self.inherited, |sum, arm| sum.and(*arm))
    }

    fn observe(&mut self, generation: u64, told: Vec<Shown>) {
        let shrinks = told.iter().zip(&self.told).any(|(now, before)| now.impressions < before.impressions);
        if generation != self.generation || shrinks {
            self.inherited = self.usual().times(INHERITED);
            self.generation = generation;
            self.told.fill(Shown::default());
            self.recent.fill(Shown::default());
        }
        for ((recent, now), before) in self.recent.iter_mut().zip(&told).zip(&self.told) {
            let conversions = (now.conversions - before.conversions).max(0.0);
            let day = Shown { impressions: now.impressions - before.impressions, clicks: (now.clicks - before.clicks).max(0.0), conversions };
            *recent = recent.times(MEMORY).and(day);
        }
        self.told = told;
    }
}

impl Creatives {
    pub fn new(setup: &Setup) -> Self {
        let none = vec![Shown::default(); setup.creatives];
        let set = |platform| Set { platform, generation: 0, told: none.clone(), recent: none.clone(), inherited: Shown::default() };
        Self { sets: setup.lines.iter().map(|line| set(line.platform)).collect(), arms: setup.creatives }
    }

    /// Takes in what was reported of the current sets.
    pub fn observe(&mut self, result: &CreativeResult) {
        for (at, set) in self.sets.iter_mut().enumerate() {
            let arm = |arm: usize| Shown { impressions: result.impressions[at][arm], clicks: result.clicks[at][arm], conversions: result.conversions[at][arm] };
            set.observe(result.generation[at], (0..self.arms).map(arm).collect());
        }
    }

    /// Shares of impressions, those of each campaign adding up to 1.
    pub fn weights(&self) -> Vec<Vec<f64>> {
        let mut platforms: BTreeMap<Platform, Shown> = BTreeMap::new();
        for set in &self.sets {
            let sum = platforms.entry(set.platform).or_default();
            *sum = sum.and(set.usual());
        }
        let of = |set: &Set| shares(&set.recent, Rates::of(set.usual(), platforms.get(&set.platform).copied().unwrap_or_default()));
        self.sets.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Set {
        Set { platform: Platform::Meta, generation: 0, told: vec![Shown::default(); 2], recent: vec![Shown::default(); 2], inherited: Shown::default() }
    }

    fn told(days: f64, clicks: [f64; 2]) -> Vec<Shown> {
        clicks.iter().map(|clicks| Shown { impressions: 10_000.0 * days, clicks: days * clicks, conversions: 0.05 * days * clicks }).collect()
    }

    #[test]
    fn a_new_set_starts_even_and_keeps_what_is_usual_of_its_campaign() {
        let mut set = set();
        (1..15).for_each(|day| set.observe(0, told(f64::from(day), [300.0, 200.0])));
        let weights = |set: &Set| shares(&set.recent, Rates::of(set.usual(), set.usual()));
        assert!(weights(&set)[0] > 0.8, "{:?}", weights(&set));
        set.observe(1, vec![Shown::default(); 2]);
        assert!((weights(&set)[0] - 0.5).abs() < 1e-6);
        let rates = Rates::of(set.usual(), Shown { impressions: 1e6, clicks: 10_000.0, conversions: 100.0 });
        assert!((rates.click - 0.025).abs() < 0.002, "{rates:?}");
    }

    #[test]
    fn one_that_wears_out_loses_its_lead() {
        let mut set = set();
        (1..15).for_each(|day| set.observe(0, told(f64::from(day), [300.0, 200.0])));
        let base = set.told.clone();
        for day in 1..25 {
            let since = told(f64::from(day), [120.0, 200.0]);
            set.observe(0, base.iter().zip(&since).map(|(base, since)| base.and(*since)).collect());
        }
        let weights = shares(&set.recent, Rates::of(set.usual(), set.usual()));
        assert!(weights[1] > 0.8, "{weights:?}");
    }
}
