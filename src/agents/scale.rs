//! Grows spend toward its target while the next unit still meets the limit; raises what stands well over it step by step and stops at the knee.

use std::collections::BTreeMap;

use crate::domain::goal::Goal;
use crate::domain::outcome::PredictedMetric;
use crate::domain::proposal::{AgentKind, Proposal, Round};
use crate::learning::expected;

use super::AgentInput;
use super::appraisal::{Appraisal, appraise};
use super::reading::Reading;
use super::stance::{Prices, objective};
use super::words;

/// What the next unit must bring of what the limit asks on average: below it a raise no longer pays for itself.
const KNEE: f64 = 0.8;

/// How much of what is not known counts in favour of trying: a little, where a step is small.
const CURIOSITY: f64 = 0.5;

/// What the goal counts, and how much of it a day is wanted.
enum Target {
    Spend(f64),
    Conversions(f64),
    Unlimited,
}

impl Target {
    fn of(goal: &Goal) -> Self {
        match goal {
            Goal::Spend { target, .. } => Self::Spend(target.estimate()),
            Goal::Conversions { per_week, .. } => Self::Conversions(f64::from(*per_week) / 7.0),
            Goal::Hold(_) | Goal::Profit { .. } => Self::Unlimited,
        }
    }

    fn reached(&self, seen: &Appraisal<'_>, amount: f64) -> f64 {
        match self {
            Self::Spend(_) => amount,
            Self::Conversions(_) => expected(seen.curve, PredictedMetric::Conversions, amount).mean,
            Self::Unlimited => 0.0,
        }
    }

    const fn wanted(&self) -> f64 {
        match self {
            Self::Spend(wanted) | Self::Conversions(wanted) => *wanted,
            Self::Unlimited => f64::INFINITY,
        }
    }
}

pub(super) fn propose(input: &AgentInput<'_>) -> Proposal {
    let currency = input.view.currency;
    let nothing = |progress: &str| Proposal {
        agent: input.id.clone(),
        kind: AgentKind::Scale,
        focus: "waiting for figures".to_owned(),
        progress: progress.to_owned(),
        objectives: Vec::new(),
        wishes: Vec::new(),
    };
    let Some((yardstick, mut seen)) = appraise(input) else { return nothing("nothing is known yet of what this pool's budgets bring") };
    seen.retain(Appraisal::runs);
    if seen.is_empty() {
        return nothing("no running budget can be judged");
    }
    let target = Target::of(&input.policy.goal);
    let prices = prices(input, &seen, &target);
    let objectives: Vec<_> = seen.iter().map(|seen| objective(input, seen, prices, &format!("for `{}`", input.policy.goal))).collect();
    let mut total = Reading::default();
    seen.iter().for_each(|seen| total.add(seen.recent));
    let standing = words::standing(yardstick, &total, currency);
    let now: f64 = seen.iter().map(|seen| target.reached(seen, seen.now)).sum();
    let progress = match target {
        Target::Spend(wanted) => format!("budgets of {now:.2} {currency}/day of {wanted:.2} wanted ({:.0} %); {standing}", 100.0 * now / wanted),
        Target::Conversions(wanted) => {
            format!("{:.0} conversions a week expected of {:.0} wanted ({:.0} %); {standing}", 7.0 * now, 7.0 * wanted, 100.0 * now / wanted)
        }
        Target::Unlimited => standing,
    };
    let raised = seen.iter().zip(&objectives).filter(|(seen, objective)| objective.ideal.estimate() > seen.now).count();
    let focus = match input.round {
        Round::Allocation => format!("{raised} of {} budgets could grow", seen.len()),
        Round::Protective => format!("watching {} budgets, no growth in this round", seen.len()),
    };
    let objectives = seen.iter().zip(objectives).filter(|(seen, _)| !seen.watched(input)).map(|(_, objective)| objective).collect();
    Proposal { agent: input.id.clone(), kind: AgentKind::Scale, focus, progress, objectives, wishes: Vec::new() }
}

/// The goal's prices: the knee, and the price at which what it would choose within bounds adds up to its target.
fn prices(input: &AgentInput<'_>, seen: &[Appraisal<'_>], target: &Target) -> Prices {
    let base = match input.policy.goal {
        Goal::Profit { .. } => Prices { knee: 1.0, average: None, target: 0.0, curiosity: CURIOSITY },
        Goal::Hold(_) | Goal::Spend { .. } | Goal::Conversions { .. } => Prices { knee: KNEE, average: Some(1.0), target: 0.0, curiosity: CURIOSITY },
    };
    let bounds: BTreeMap<_, _> = input.bounds.iter().map(|bounds| (&bounds.budget, (bounds.lo.estimate(), bounds.hi.estimate()))).collect();
    let total = |price: f64| -> f64 {
        let prices = Prices { target: price, ..base };
        seen.iter()
            .map(|seen| {
                let bounds = bounds.get(&seen.budget.budget.key).copied();
                let (lo, hi) = bounds.filter(|(lo, hi)| lo <= hi && !seen.watched(input)).unwrap_or((seen.now, seen.now));
                target.reached(seen, prices.best(seen, lo, hi))
            })
            .sum()
    };
    let wanted = target.wanted();
    if !wanted.is_finite() || total(0.0) <= wanted {
        return base;
    }
    let (mut low, mut high) = (0.0, 16.0);
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        if total(middle) > wanted { low = middle } else { high = middle }
    }
    Prices { target: high, ..base }
}
