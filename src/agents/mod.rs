//! The agents' judgement: from one shared view to objectives over curves and outright changes, each with reason, evidence, prediction, confidence and
//! cost if wrong. Pure; may use `learning` and the vocabulary of `domain`. A new kind is one file and one line in [`propose`].
//!
//! No agent acts on the running day: closed days alone count, and young ones as much as they are mature.

mod appraisal;
mod efficiency;
mod prices;
mod reading;
mod scale;
mod stance;
mod words;

use std::collections::BTreeMap;

use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::{Budget, EntityKey, RunStatus};
use crate::domain::ids::AgentId;
use crate::domain::policy::AgentPolicy;
use crate::domain::proposal::{AgentKind, Proposal, Round};
use crate::domain::verdict::Bounds;
use crate::domain::view::{AccountView, PoolView};
use crate::learning::VOLATILE_WIDENING;

/// Everything one agent's proposal depends on; every agent of a round is asked with the same view.
#[derive(Clone, Copy, Debug)]
pub struct AgentInput<'a> {
    /// What the round is for.
    pub round: Round,
    /// Who is asked.
    pub id: &'a AgentId,
    /// Its kind, goal and guardrails.
    pub policy: &'a AgentPolicy,
    /// The pool as it was known when the round started.
    pub view: &'a PoolView,
    /// What learning expects of each budget.
    pub curves: &'a BTreeMap<EntityKey, CampaignCurve>,
    /// What the ledger knows.
    pub books: &'a Books,
    /// Between what each budget may move.
    pub bounds: &'a [Bounds],
    /// Whether the calendar or the figures make these days unlike others.
    pub volatile: bool,
    /// The round's time.
    pub now: ProductTime,
}

impl AgentInput<'_> {
    fn widen(&self) -> f64 {
        if self.volatile { VOLATILE_WIDENING } else { 1.0 }
    }

    /// Whether any campaign spends from a budget.
    fn runs(&self, account: &AccountView, budget: &Budget) -> bool {
        budget.budget.members.iter().any(|member| account.campaign(member).is_some_and(|campaign| campaign.status == RunStatus::Active))
    }

    fn bounds_of(&self, budget: &EntityKey) -> Option<&Bounds> {
        // In the order of their keys, as the guardrails make them; whoever made them otherwise is served more slowly.
        match self.bounds.binary_search_by(|bounds| bounds.budget.cmp(budget)) {
            Ok(at) => self.bounds.get(at),
            Err(_) => self.bounds.iter().find(|bounds| bounds.budget == *budget),
        }
    }
}

/// What the agent asks for in this round: the registry of kinds.
#[must_use]
pub fn propose(input: &AgentInput<'_>) -> Proposal {
    match input.policy.kind {
        AgentKind::Scale => scale::propose(input),
        AgentKind::Efficiency => efficiency::propose(input),
    }
}

#[cfg(test)]
mod tests;
