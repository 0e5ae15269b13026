//! What an agent sees when it looks at one budget.

use std::collections::BTreeMap;

use crate::domain::curve::CampaignCurve;
use crate::domain::entity::{Budget, Campaign, Learning, RunStatus};
use crate::domain::proposal::Evidence;
use crate::domain::view::{AccountView, PoolView, Tracking};
use crate::learning::{Uncertain, WATCH_DAYS, Yardstick};

use super::AgentInput;
use super::reading::{self, Reading};

/// Uncertainty of a level beyond what its own conversions show: shape, season, attribution.
pub(super) const MODEL_CV: f64 = 0.10;

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
    /// What one unit more of spend brings over what it brings on average.
    pub elasticity: f64,
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
        let below = yardstick.worth(curve, 0.95 * taken);
        let average = Uncertain { mean: here.mean / taken, ..here }.and(MODEL_CV).wider(input.widen());
        let elasticity = if here.mean > 0.0 { (here.mean - below.mean) / (0.05 * here.mean) } else { 1.0 };
        let recent = reading::recent(account, members.iter().copied(), input.now);
        let matured = reading::matured(account, members.iter().copied(), input.now, None);
        Some(Self { account, budget, members, curve, yardstick, now, taken, recent, matured, average, elasticity })
    }

    /// Whether its last change is so young that another would only blur what it brings: only an emergency goes first then.
    pub(super) fn watched(&self, input: &AgentInput<'_>) -> bool {
        let book = input.books.budgets.get(&self.budget.budget.key);
        let last = book.and_then(|book| book.grown_at.max(book.cut_at));
        last.is_some_and(|last| input.now - last < chrono::TimeDelta::days(WATCH_DAYS)) && self.average.below(HOPELESS) < EMERGENCY
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
            ("elasticity", Some(self.elasticity)),
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

/// The yardstick of the agent's goal and every budget of the pool it can judge, running or not.
pub(super) fn appraise<'a>(input: &AgentInput<'a>) -> Option<(Yardstick, Vec<Appraisal<'a>>)> {
    let running = input.view.budgets().filter(|(account, _)| can_be_judged(account)).filter_map(|(_, budget)| input.curves.get(&budget.budget.key));
    let yardstick = Yardstick::of(&input.policy.goal, running)?;
    let view: &'a PoolView = input.view;
    let members: BTreeMap<_, _> = view.accounts.iter().map(|account| (&account.account, account.members())).collect();
    let of = |account: &AccountView, budget: &Budget| members.get(&account.account)?.get(&budget.budget.key);
    let all = view.budgets().filter(|(account, budget)| can_be_judged(account) && budget.read_only.is_none());
    Some((yardstick, all.filter_map(|(account, budget)| Appraisal::new(input, account, budget, of(account, budget)?, yardstick)).collect()))
}
