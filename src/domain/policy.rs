//! The policy: every guardrail, limit and goal in force, hashed as a whole and stored by version.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entity::{Campaign, Platform};
use super::goal::Goal;
use super::ids::{AccountId, AgentId, PoolId};
use super::money::{Currency, Money};
use super::proposal::{AgentKind, Autonomy};
use super::ticket::Role;

/// Every number the guardrails judge by. Amounts are in units of the currency of the pool they apply to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrails {
    /// Largest step of an agent's change, in percent of the last accepted value; beyond it the change is clamped.
    pub step_pct: Decimal,
    /// A person's or plan's change above this percentage asks.
    pub ask_step_pct: Decimal,
    /// A person's or plan's change above this amount a day asks.
    pub ask_amount: Decimal,
    /// Net increase of one budget within rolling 24 h, in percent.
    pub budget_rise_pct: Decimal,
    /// Net increase of one account within rolling 24 h, in percent.
    pub account_rise_pct: Decimal,
    /// Net increase of the workspace within rolling 24 h, in percent.
    pub workspace_rise_pct: Decimal,
    /// Hours between a change and the next growth of the same budget.
    pub cooldown_growth_h: u32,
    /// Hours between a change and the next cut of the same budget.
    pub cooldown_cut_h: u32,
    /// Closed days an agent's growth needs.
    pub evidence_days: u32,
    /// Matured conversions an agent's growth needs …
    pub evidence_conversions: Decimal,
    /// … or so many target CPAs spent; a cut needs this one.
    pub evidence_cpa_multiple: Decimal,
    /// Confidence below which growth asks.
    pub confidence_growth: Decimal,
    /// Confidence below which a cut asks.
    pub confidence_cut: Decimal,
    /// The same for growth while the scope is volatile.
    pub confidence_growth_volatile: Decimal,
    /// The same for cuts while the scope is volatile.
    pub confidence_cut_volatile: Decimal,
    /// Percent of the allowed growth on the first day after a resume.
    pub ramp_first_pct: Decimal,
    /// Percent of the allowed growth on the second day after a resume.
    pub ramp_second_pct: Decimal,
    /// Cost-if-wrong an agent may stake alone per rolling 7 days.
    pub earned_amount: Decimal,
    /// Age in product hours above which spend is stale.
    pub max_spend_age_h: u32,
    /// Age in product hours above which conversions are stale.
    pub max_conversions_age_h: u32,
    /// Age in wall seconds above which configuration read before a write is stale.
    pub max_config_age_s: u32,
    /// Percent of (budgets x platform overshoot) a pool may spend in a day before the breaker trips.
    pub breaker_spend_pct: Decimal,
    /// Bad matured outcomes in a row before the breaker trips.
    pub breaker_bad_outcomes: u32,
    /// Conversions that end a learning phase.
    pub learning_conversions: u32,
    /// Days that end a learning phase.
    pub learning_days: u32,
    /// Net increase a day above which two people must agree.
    pub four_eyes_above: Decimal,
    /// Percent of the expected conversions below which tracking counts as broken.
    pub tracking_min_pct: Decimal,
    /// Campaigns that agents may pause as long as others stay active: the least number left active in a pool.
    pub min_active_campaigns: u32,
    /// Entities automation may touch, as glob patterns over `account:level:id`; anything else is denied. `*` allows all members of the pool.
    pub allow: Vec<String>,
    /// Most edits of one budget within an hour by ordinary work. Source: Meta Marketing API, ad set budgets change at most four times an hour;
    /// the fourth is kept for an undo.
    pub edits_per_hour: u32,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            step_pct: Decimal::from(20),
            ask_step_pct: Decimal::from(30),
            ask_amount: Decimal::from(1_000),
            budget_rise_pct: Decimal::from(20),
            account_rise_pct: Decimal::from(30),
            workspace_rise_pct: Decimal::from(30),
            cooldown_growth_h: 72,
            cooldown_cut_h: 24,
            evidence_days: 3,
            evidence_conversions: Decimal::from(10),
            evidence_cpa_multiple: Decimal::from(3),
            confidence_growth: Decimal::new(60, 2),
            confidence_cut: Decimal::new(50, 2),
            confidence_growth_volatile: Decimal::new(50, 2),
            confidence_cut_volatile: Decimal::new(40, 2),
            ramp_first_pct: Decimal::from(70),
            ramp_second_pct: Decimal::from(85),
            earned_amount: Decimal::from(250),
            max_spend_age_h: 3,
            max_conversions_age_h: 6,
            max_config_age_s: 30,
            breaker_spend_pct: Decimal::from(120),
            breaker_bad_outcomes: 5,
            learning_conversions: 50,
            learning_days: 7,
            four_eyes_above: Decimal::from(5_000),
            tracking_min_pct: Decimal::from(60),
            min_active_campaigns: 1,
            allow: vec!["*".to_owned()],
            edits_per_hour: 3,
        }
    }
}

/// One agent as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPolicy {
    /// Its kind.
    pub kind: AgentKind,
    /// The pool it speaks in.
    pub pool: PoolId,
    /// The part of the pool it speaks for; `None` is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
    /// Its goal.
    pub goal: Goal,
    /// Its weight against other agents, above 0 and at most 1.
    pub priority: Decimal,
    /// What it may do alone.
    pub autonomy: Autonomy,
    /// The guardrails that hold for it: the workspace's with its own overrides.
    pub guardrails: Guardrails,
}

impl AgentPolicy {
    /// Whether it speaks for a budget that these campaigns spend from: only where it speaks for all of them.
    pub fn speaks_for<'c>(&self, mut campaigns: impl Iterator<Item = &'c Campaign>) -> bool {
        self.members.as_ref().is_none_or(|members| campaigns.all(|campaign| members.take_in(&campaign.key.account, &campaign.name)))
    }
}

/// One account as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPolicy {
    /// Its platform.
    pub platform: Platform,
    /// The platform's id of it: whose money it is. Empty in policies stored before it was part of them.
    #[serde(default)]
    pub id: String,
    /// Its currency, checked against the platform's.
    pub currency: Currency,
    /// Its zone, checked against the platform's.
    pub time_zone: Tz,
    /// Whether a person has accepted that changes are made there; until then every change asks.
    pub accepted: bool,
    /// Whether it is a sandbox.
    pub sandbox: bool,
}

/// Which budgets belong to a pool, or which of a pool's an agent speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The accounts looked at.
    pub accounts: Vec<AccountId>,
    /// A glob pattern over campaign names; `*` is all.
    pub name: String,
}

impl Members {
    /// Whether a campaign of this account and name is among them.
    #[must_use]
    pub fn take_in(&self, account: &AccountId, name: &str) -> bool {
        self.accounts.contains(account) && glob(&self.name, name)
    }
}

/// One pool as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolPolicy {
    /// Which budgets belong to it.
    pub members: Members,
    /// Its zone.
    pub time_zone: Tz,
    /// Most that may be committed a day.
    pub daily_cap: Money,
    /// Most that may be spent a calendar month of its zone.
    pub monthly_cap: Money,
}

/// What a calendar event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarEffect {
    /// Poll more often, ask less confidence of protective moves, shorter cooldowns, wider intervals.
    Volatile,
    /// Nothing but reductions.
    Freeze,
    /// Expected demand as a factor of the usual.
    Season {
        /// The factor, above 0.
        demand: Decimal,
    },
}

/// Days that are not like others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEvent {
    /// Its name.
    pub name: String,
    /// First day, in each account's own zone.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// What it does.
    pub effect: CalendarEffect,
}

/// How tickets are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPolicy {
    /// Business hours until a critical ticket expires.
    pub critical_h: u32,
    /// Business hours until any other ticket expires.
    pub other_h: u32,
    /// The workspace's zone for business hours.
    pub time_zone: Tz,
}

/// Everything in force at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Guardrails where no agent's own apply: people, plans, undo.
    pub workspace: Guardrails,
    /// Agents by name.
    pub agents: BTreeMap<AgentId, AgentPolicy>,
    /// Accounts by name.
    pub accounts: BTreeMap<AccountId, AccountPolicy>,
    /// Pools by name.
    pub pools: BTreeMap<PoolId, PoolPolicy>,
    /// Calendar.
    pub calendar: Vec<CalendarEvent>,
    /// Approvals.
    pub approvals: ApprovalPolicy,
    /// Configured tokens and what each may do: who may approve is part of what is in force.
    #[serde(default)]
    pub tokens: BTreeMap<String, Role>,
}

impl Policy {
    /// Lower-case hex of SHA-256 over the policy's JSON, whose maps are ordered: equal policies have equal hashes on every node.
    #[must_use]
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a policy has only string keys and finite numbers");
        Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The guardrails that hold for `agent`, or the workspace's for anybody else.
    #[must_use]
    pub fn guardrails(&self, agent: Option<&AgentId>) -> &Guardrails {
        agent.and_then(|agent| self.agents.get(agent)).map_or(&self.workspace, |agent| &agent.guardrails)
    }

    /// The calendar's effects on one account day.
    pub fn effects_on(&self, day: NaiveDate) -> impl Iterator<Item = (&str, CalendarEffect)> {
        self.calendar.iter().filter(move |event| event.from <= day && day <= event.to).map(|event| (event.name.as_str(), event.effect))
    }

    /// Demand on `day` as a factor of the usual, as the calendar's seasons have it; 1 without one.
    #[must_use]
    pub fn demand(&self, day: NaiveDate) -> f64 {
        let season = |effect| match effect {
            CalendarEffect::Season { demand } => demand.to_f64().unwrap_or(1.0),
            CalendarEffect::Volatile | CalendarEffect::Freeze => 1.0,
        };
        self.effects_on(day).map(|(_, effect)| season(effect)).product()
    }

    /// Whether the calendar makes `day` volatile.
    #[must_use]
    pub fn is_volatile(&self, day: NaiveDate) -> bool {
        self.effects_on(day).any(|(_, effect)| effect == CalendarEffect::Volatile)
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters and everything else for itself, without regard to ASCII case.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(tail) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_runs_of_anything_and_nothing_else() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("*", "x", true),
            ("", "x", false),
            ("brand*", "Brand search", true),
            ("*search", "Brand search", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("ab*ba", "aba", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} on {text}");
        }
    }
}
