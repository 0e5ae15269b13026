//! What an agent sees when it looks at one budget.

use std::collections::BTreeMap;

use crate::domain::curve::CampaignCurve;
use crate::domain::entity::{Budget, Campaign, Learning, RunStatus};
use crate::domain::outcome::PredictedMetric;
use crate::domain::proposal::Evidence;
use crate::domain::view::{AccountView, PoolView, Tracking};
use crate::learning::{Uncertain, WATCH_DAYS, Yardstick, expected};

use super::AgentInput;
use super::prices::{Point, Target};
use super::reading::{self, Reading};

/// Uncertainty of a level beyond what its own conversions show: shape, season, attribution.
pub(super) const MODEL_CV: f64 = 0.10;

/// Revenue a day that a budget brings at `amount`; where the pool reports none, what its results are worth at the limit.
pub(super) fn brings(curve: &CampaignCurve, yardstick: Yardstick, amount: f64) -> f64 {
    if curve.revenue.mean.last().is_some_and(|most| *most > 0.0) {
        expected(curve, PredictedMetric::Revenue, amount).mean
    } else {
        yardstick.worth(curve, amount).mean
    }
}

/// Share of the limit below which smaller budgets repair nothing.
pub(super) const HOPELESS: f64 = 0.5;
/// Probability of that at which nobody waits to see what the last change brings.
const EMERGENCY: f64 = 0.8;

/// One budget that may be spoken for.
pub(super) struct Appraisal<'a> {
    pub account: &'a AccountView,
    pub budget: &'a Budget,
    pub members: Vec<&'a Campaign>,
    pub curve: &'a CampaignCurve,
    pub yardstick: Yardstick,
    /// The amount now set, in units.
    pub now: f64,
    /// The part of it that the audience takes.
    pub taken: f64,
    /// Closed days of late.
    pub recent: Reading,
    /// All matured days.
    pub matured: Reading,
    /// What a unit spent brings on average, in money as the yardstick prices it: 1 is exactly the limit.
    pub average: Uncertain,
}

impl<'a> Appraisal<'a> {
    fn new(input: &AgentInput<'a>, account: &'a AccountView, budget: &'a Budget, members: &[usize], yardstick: Yardstick) -> Option<Self> {
        let members: Vec<&Campaign> = members.iter().map(|at| &account.campaigns[*at]).collect();
        let curve = input.curves.get(&budget.budget.key)?;
        let now = budget.amount.estimate();
        let taken = curve.audience_cap.map_or(now, |cap| cap.min(now));
        if now <= 0.0 || taken <= 0.0 {
            return None;
        }
        let here = yardstick.worth(curve, taken);
        let average = Uncertain { mean: here.mean / taken, ..here }.and(MODEL_CV).wider(input.widen());
        let recent = reading::recent(account, members.iter().copied(), input.now);
        let matured = reading::matured(account, members.iter().copied(), input.now, None);
        Some(Self { account, budget, members, curve, yardstick, now, taken, recent, matured, average })
    }

    /// Whether its last change is so young that another would only blur what it brings: only an emergency goes first then.
    pub(super) fn watched(&self, input: &AgentInput<'_>) -> bool {
        let book = input.books.budgets.get(&self.budget.budget.key);
        let last = book.and_then(|book| book.grown_at.max(book.cut_at));
        last.is_some_and(|last| input.now - last < chrono::TimeDelta::days(WATCH_DAYS)) && self.average.below(HOPELESS) < EMERGENCY
    }

    /// What it brings at `amount` a day.
    pub(super) fn point(&self, amount: f64, target: Target) -> Point {
        let spend = self.curve.audience_cap.map_or(amount, |cap| cap.min(amount));
        let reached = match target {
            Target::Spend(_) => amount,
            Target::Conversions(_) => expected(self.curve, PredictedMetric::Conversions, amount).mean,
            Target::Unlimited => 0.0,
        };
        let revenue = brings(self.curve, self.yardstick, amount);
        let promise = self.curve.gain_cv.min(1.0) * if amount > self.now { revenue - brings(self.curve, self.yardstick, self.now) } else { 0.0 };
        Point { amount, spend, revenue, worth: self.yardstick.worth(self.curve, amount).mean, reached, promise }
    }

    /// Whether anything spends from it.
    pub(super) fn runs(&self) -> bool {
        self.members.iter().any(|campaign| campaign.status == RunStatus::Active)
    }

    /// What the numbers behind an opinion are.
    pub(super) fn evidence(&self) -> Evidence {
        let figures = [
            ("roas", self.recent.roas()),
            ("cpa", self.recent.cpa()),
            ("worth_per_unit", Some(self.average.mean)),
            ("worth_per_unit_sd", Some(self.average.mean * self.average.cv)),
            ("audience_cap", self.curve.audience_cap),
        ];
        Evidence {
            closed_days: self.matured.days,
            matured_conversions: self.matured.conversions,
            spend: self.matured.spend,
            figures: figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        }
    }
}

/// Whether an account's figures may be acted on at all; the guardrails pin what may not, and agents have no opinion of it.
pub(super) fn can_be_judged(account: &AccountView) -> bool {
    account.frozen.is_none() && !matches!(account.tracking, Tracking::Broken { .. })
}

/// Whether a campaign is learning: as the platform says, or from our own last significant edit where it does not.
pub(super) fn is_learning(input: &AgentInput<'_>, campaign: &Campaign, since: &Reading) -> bool {
    match &campaign.learning {
        Learning::Active { .. } => true,
        Learning::Done => false,
        Learning::Unknown => {
            let edited = input.books.budgets.get(&campaign.budget.key).and_then(|book| book.significant_at);
            let limits = &input.policy.guardrails;
            edited.is_some_and(|edited| {
                input.now - edited < chrono::TimeDelta::days(i64::from(limits.learning_days)) && since.conversions < f64::from(limits.learning_conversions)
            })
        }
    }
}

/// The yardstick of the agent's goal and every budget it speaks for and can judge, running or not.
pub(super) fn appraise<'a>(input: &AgentInput<'a>) -> Option<(Yardstick, Vec<Appraisal<'a>>)> {
    let running = input.view.budgets().filter(|(account, _)| can_be_judged(account)).filter_map(|(_, budget)| input.curves.get(&budget.budget.key));
    let yardstick = Yardstick::of(&input.policy.goal, running)?;
    let view: &'a PoolView = input.view;
    let members: BTreeMap<_, _> = view.accounts.iter().map(|account| (&account.account, account.members())).collect();
    let of = |account: &AccountView, budget: &Budget| members.get(&account.account)?.get(&budget.budget.key);
    let all = view.budgets().filter(|(account, budget)| can_be_judged(account) && budget.read_only.is_none());
    let own = all.filter_map(|(account, budget)| {
        let members = of(account, budget)?;
        let ours = input.policy.speaks_for(members.iter().map(|at| &account.campaigns[*at]));
        if ours { Appraisal::new(input, account, budget, members, yardstick) } else { None }
    });
    Some((yardstick, own.collect()))
}
