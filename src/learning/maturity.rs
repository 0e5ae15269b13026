//! What share of a day's final conversions has been reported by the time the day is so many days old.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::entity::Platform;

/// Conversions of one platform's days that were re-read a day older: how much came in between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restatement {
    /// The platform.
    pub platform: Platform,
    /// Age of the days in whole days at the first reading; 0 is the running day.
    pub age: usize,
    /// Conversions reported at that age, summed over days and campaigns.
    pub before: f64,
    /// Conversions reported of the same days at one day more.
    pub after: f64,
}

/// Conversions' worth of trust in the default: so many conversions re-read at an age weigh as much.
const PSEUDO_CONVERSIONS: f64 = 50.0;

/// Shares reported by age in days before anything was learned; beyond the end all is in. The same-day half is what displays of delayed
/// conversions report. Source: Chapelle 2014 (50 % within 24 h), stretched to the platforms' seven-day windows.
const fn default_shares(platform: Platform) -> [f64; 9] {
    match platform {
        Platform::Google => [0.52, 0.70, 0.80, 0.86, 0.905, 0.935, 0.96, 0.98, 0.99],
        Platform::Meta => [0.50, 0.68, 0.79, 0.86, 0.905, 0.94, 0.965, 0.985, 0.995],
        Platform::Tiktok => [0.48, 0.66, 0.77, 0.84, 0.89, 0.925, 0.955, 0.98, 0.99],
    }
}

/// Share of final conversions reported by age in days, per platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maturity(BTreeMap<Platform, Vec<f64>>);

impl Default for Maturity {
    fn default() -> Self {
        Self(Platform::ALL.into_iter().map(|platform| (platform, default_shares(platform).to_vec())).collect())
    }
}

impl Maturity {
    /// Learned from restatements: the growth from each age to the next, shrunk to the default, chained back from the age at which all is in.
    #[must_use]
    pub fn learn(restatements: &[Restatement]) -> Self {
        let learned = |platform| {
            let default = default_shares(platform);
            let mut shares = default.to_vec();
            let mut next = 1.0;
            for age in (0..default.len()).rev() {
                let usual = default.get(age + 1).copied().unwrap_or(1.0) / default[age];
                let (before, after) = restatements
                    .iter()
                    .filter(|seen| seen.platform == platform && seen.age == age && seen.before >= 0.0 && seen.after >= 0.0)
                    .fold((0.0, 0.0), |(before, after), seen| (before + seen.before, after + seen.after));
                let growth = (after + PSEUDO_CONVERSIONS * usual) / (before + PSEUDO_CONVERSIONS);
                next = (next / growth.max(1.0)).clamp(0.01, 1.0);
                shares[age] = next;
            }
            (platform, shares)
        };
        Self(Platform::ALL.into_iter().map(learned).collect())
    }

    /// Share expected to be in when a day is `age` days old (0: the running day), above 0 and at most 1.
    #[must_use]
    pub fn share(&self, platform: Platform, age: usize) -> f64 {
        self.0.get(&platform).and_then(|shares| shares.get(age)).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_restatements_the_default_stands_and_rises_to_one() {
        let (learned, default) = (Maturity::learn(&[]), Maturity::default());
        for platform in Platform::ALL {
            for age in 0..12 {
                assert!((learned.share(platform, age) - default.share(platform, age)).abs() < 1e-9);
                assert!(default.share(platform, age) <= default.share(platform, age + 1));
            }
            assert_eq!(default.share(platform, 30), 1.0);
        }
    }

    #[test]
    fn a_platform_that_reports_at_once_is_learned_to_be_mature() {
        let prompt: Vec<_> = (0..9).map(|age| Restatement { platform: Platform::Meta, age, before: 5_000.0, after: 5_000.0 }).collect();
        let learned = Maturity::learn(&prompt);
        assert!(learned.share(Platform::Meta, 0) > 0.98);
        assert!(learned.share(Platform::Google, 0) < 0.6, "another platform is not taught by it");
    }
}
