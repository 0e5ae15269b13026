//! How good forecasts were: of every campaign once a week, and of every change. A forecast counts only where its plan was kept.

use super::run::{Run, WEEK};
use crate::learning::chance::{Z90, normal_below};
use crate::sandbox::market::noise::Place;

/// A plan is kept while the budget stays within this of it.
const KEPT: f64 = 0.10;
/// Hits near nothing say nothing: forecasts below this mean are left out of the hit rate.
const LEAST: f64 = 5.0;
/// Classes of the reliability plot.
pub(crate) const BINS: usize = 10;

/// A share as its count: how many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) hits: f64,
    pub(crate) of: f64,
}

impl Rate {
    pub(crate) fn count(&mut self, hit: bool) {
        self.hits += f64::from(u8::from(hit));
        self.of += 1.0;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.of += other.of;
    }

    /// `None` when nothing was counted.
    pub(crate) fn share(self) -> Option<f64> {
        (self.of > 0.0).then(|| self.hits / self.of)
    }
}

/// What became of a run's forecasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forecasts {
    /// Weekly forecasts whose plan was kept.
    pub(crate) kept: Rate,
    /// Actuals inside the 80 % interval.
    pub(crate) inside: Rate,
    /// Actuals within max(20 %, 1.28 sd of the market's own noise), for changes.
    pub(crate) actions: Rate,
    /// The same for weekly forecasts of every campaign.
    pub(crate) weekly: Rate,
    /// Actuals within 20 %, for weekly forecasts.
    pub(crate) within_20: Rate,
    /// What `within_20` would be for someone who knows the true mean.
    pub(crate) ceiling: Rate,
    /// Actuals within 20 %, for sums over an agent's campaigns.
    pub(crate) agents: Rate,
    /// Half-widths over the noise floor.
    pub(crate) widths: Vec<f64>,
    /// Sum of the continuous ranked probability scores, and of those of plain continuation.
    pub(crate) crps: f64,
    pub(crate) crps_persistence: f64,
    /// How many actuals fell into each tenth of their predicted distribution.
    pub(crate) tenths: [f64; BINS],
}

struct Case {
    mean: f64,
    lo: f64,
    hi: f64,
    actual: f64,
    true_mean: f64,
    true_sd: f64,
}

/// Scores the forecasts of `run`.
pub(crate) fn score(run: &Run) -> Forecasts {
    let mut out = Forecasts::default();
    for said in run.said.iter().filter(|said| said.day + WEEK <= run.days.len() && said.manager.mean.len() == run.account.meta.n) {
        let mut sums = vec![(0.0, 0.0, 0, 0); run.account.meta.agents.len()];
        for campaign in 0..run.account.meta.n {
            let weekly = said.persistence.is_some();
            let action = run.days[said.day].changed[campaign];
            if !weekly && !action {
                continue;
            }
            let kept = is_kept(run, said.day, campaign);
            let sum = &mut sums[run.account.meta.agent[campaign]];
            if weekly {
                out.kept.count(kept);
                sum.3 += 1;
            }
            if !kept {
                continue;
            }
            let case = case(run, said.day, campaign, [said.manager.mean[campaign], said.manager.lo[campaign], said.manager.hi[campaign]]);
            if action && case.mean >= 1.0 {
                out.actions.count(case.is_hit());
            }
            if let Some(persistence) = &said.persistence {
                let jitter = Place::of(&[run.account.seed, i64::try_from(campaign).unwrap_or(0), i64::try_from(said.day).unwrap_or(0), 1_001]).uniform();
                out.week(&case, jitter);
                out.crps_persistence += crps(case.actual, persistence.mean[campaign], persistence.lo[campaign], persistence.hi[campaign]);
                *sum = (sum.0 + case.mean, sum.1 + case.actual, sum.2 + 1, sum.3);
            }
        }
        for (mean, actual, counted, all) in sums {
            if counted > 0 && 2 * counted >= all {
                out.agents.count((actual - mean).abs() <= 0.2 * mean);
            }
        }
    }
    out
}

fn is_kept(run: &Run, day: usize, campaign: usize) -> bool {
    let planned = run.days[day].budget[campaign];
    planned > 0.0 && run.days[day..day + WEEK].iter().all(|truth| (truth.budget[campaign] / planned - 1.0).abs() <= KEPT)
}

fn case(run: &Run, day: usize, campaign: usize, [mean, lo, hi]: [f64; 3]) -> Case {
    let days = &run.days[day..day + WEEK];
    let own = run.account.scatter[campaign].conversions;
    let sum = |of: &dyn Fn(usize) -> f64| (0..WEEK).map(of).sum::<f64>();
    Case {
        mean,
        lo,
        hi,
        actual: sum(&|at| days[at].conversions[campaign]),
        true_mean: sum(&|at| days[at].expected[campaign]),
        true_sd: sum(&|at| days[at].expected[campaign] + own * days[at].expected[campaign].powi(2)).sqrt(),
    }
}

impl Case {
    fn is_hit(&self) -> bool {
        (self.actual - self.mean).abs() <= (0.2 * self.mean).max(Z90 * self.true_sd)
    }
}

impl Forecasts {
    fn week(&mut self, case: &Case, jitter: f64) {
        self.inside.count((case.lo..=case.hi).contains(&case.actual));
        self.weekly.count(case.is_hit());
        if case.mean >= LEAST {
            self.within_20.count((case.actual - case.mean).abs() <= 0.2 * case.mean);
        }
        if case.true_mean >= LEAST {
            self.ceiling.count((case.actual - case.true_mean).abs() <= 0.2 * case.true_mean);
        }
        if case.true_sd > 0.0 {
            self.widths.push((case.hi - case.lo) / 2.0 / (Z90 * case.true_sd));
        }
        self.crps += crps(case.actual, case.mean, case.lo, case.hi);
        // A count is spread over its own width, so that a true distribution fills every tenth alike.
        let off = case.actual - 0.5 + jitter - case.mean;
        let side = if off < 0.0 { case.mean - case.lo } else { case.hi - case.mean };
        let place = normal_below(off / (side / Z90).max(1e-6)).clamp(0.0, 1.0 - 1e-9);
        let tenth = (0..BINS).rev().find(|tenth| place >= *tenth as f64 / BINS as f64).unwrap_or(0);
        self.tenths[tenth] += 1.0;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.kept, other.kept),
            (&mut self.inside, other.inside),
            (&mut self.actions, other.actions),
            (&mut self.weekly, other.weekly),
            (&mut self.within_20, other.within_20),
            (&mut self.ceiling, other.ceiling),
            (&mut self.agents, other.agents),
        ] {
            own.add(others);
        }
        self.widths.extend(&other.widths);
        self.crps += other.crps;
        self.crps_persistence += other.crps_persistence;
        for (own, others) in self.tenths.iter_mut().zip(other.tenths) {
            *own += others;
        }
    }
}

/// The continuous ranked probability score of a normal distribution with this mean and 80 % interval.
fn crps(actual: f64, mean: f64, lo: f64, hi: f64) -> f64 {
    let sd = (hi - lo) / (2.0 * Z90);
    if sd <= 1e-9 {
        return (actual - mean).abs();
    }
    let z = (actual - mean) / sd;
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    sd * (z * (2.0 * normal_below(z) - 1.0) + 2.0 * density - std::f64::consts::PI.sqrt().recip())
}
