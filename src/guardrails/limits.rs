//! The guardrails that hold for an agent: the strictest of all agents that speak in its pool, so that who speaks for a change never loosens it.

use crate::domain::books::Books;
use crate::domain::ids::{AgentId, PoolId};
use crate::domain::policy::{AgentPolicy, Guardrails, Policy};
use crate::domain::proposal::Actor;
use crate::domain::scope::Scope;

use super::rule::Unknown;

/// Every number at its strictest. Allow-lists do not merge into one list and are judged one by one.
pub(super) fn strictest(first: &Guardrails, rest: &[&Guardrails]) -> Guardrails {
    rest.iter().fold(first.clone(), |a, b| Guardrails {
        step_pct: a.step_pct.min(b.step_pct),
        ask_step_pct: a.ask_step_pct.min(b.ask_step_pct),
        ask_amount: a.ask_amount.min(b.ask_amount),
        budget_rise_pct: a.budget_rise_pct.min(b.budget_rise_pct),
        account_rise_pct: a.account_rise_pct.min(b.account_rise_pct),
        workspace_rise_pct: a.workspace_rise_pct.min(b.workspace_rise_pct),
        cooldown_growth_h: a.cooldown_growth_h.max(b.cooldown_growth_h),
        cooldown_cut_h: a.cooldown_cut_h.max(b.cooldown_cut_h),
        evidence_days: a.evidence_days.max(b.evidence_days),
        evidence_conversions: a.evidence_conversions.max(b.evidence_conversions),
        evidence_cpa_multiple: a.evidence_cpa_multiple.max(b.evidence_cpa_multiple),
        confidence_growth: a.confidence_growth.max(b.confidence_growth),
        confidence_cut: a.confidence_cut.max(b.confidence_cut),
        confidence_growth_volatile: a.confidence_growth_volatile.max(b.confidence_growth_volatile),
        confidence_cut_volatile: a.confidence_cut_volatile.max(b.confidence_cut_volatile),
        ramp_first_pct: a.ramp_first_pct.min(b.ramp_first_pct),
        ramp_second_pct: a.ramp_second_pct.min(b.ramp_second_pct),
        earned_amount: a.earned_amount.min(b.earned_amount),
        max_spend_age_h: a.max_spend_age_h.min(b.max_spend_age_h),
        max_conversions_age_h: a.max_conversions_age_h.min(b.max_conversions_age_h),
        max_config_age_s: a.max_config_age_s.min(b.max_config_age_s),
        breaker_spend_pct: a.breaker_spend_pct.min(b.breaker_spend_pct),
        breaker_bad_outcomes: a.breaker_bad_outcomes.min(b.breaker_bad_outcomes),
        learning_conversions: a.learning_conversions.max(b.learning_conversions),
        learning_days: a.learning_days.max(b.learning_days),
        four_eyes_above: a.four_eyes_above.min(b.four_eyes_above),
        tracking_min_pct: a.tracking_min_pct.max(b.tracking_min_pct),
        min_active_campaigns: a.min_active_campaigns.max(b.min_active_campaigns),
        allow: a.allow,
        edits_per_hour: a.edits_per_hour.min(b.edits_per_hour),
    })
}

/// The agents of `pool` that are neither terminated nor paused by their own flag.
pub(super) fn active<'a>(policy: &'a Policy, books: &Books, pool: &PoolId) -> Vec<(&'a AgentId, &'a AgentPolicy)> {
    policy
        .agents
        .iter()
        .filter(|(id, agent)| agent.pool == *pool && !books.terminated.contains(*id) && !books.paused.contains(&Scope::Agent((*id).clone())))
        .collect()
}

/// Who has a say in the limits of a change by `actor`: its own agent first, then the pool's other active agents; nobody for a person.
pub(super) fn speakers<'a>(policy: &'a Policy, books: &Books, pool: Option<&PoolId>, actor: &Actor) -> Result<Vec<&'a AgentPolicy>, Unknown> {
    let Some(agent) = actor.agent() else { return Ok(Vec::new()) };
    let own = policy.agents.get(agent).ok_or_else(|| Unknown::missing("agent_policy", agent))?;
    let pool = pool.ok_or_else(|| Unknown::missing("pool", agent))?;
    if own.pool != *pool {
        return Err(Unknown(format!("agent={agent} speaks_in={} change_in={pool}", own.pool)));
    }
    let others = active(policy, books, pool).into_iter().filter(|(id, _)| *id != agent).map(|(_, agent)| agent);
    Ok(std::iter::once(own).chain(others).collect())
}
