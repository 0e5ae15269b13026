//! From what is told at the start to what the stages know: accounts, campaigns, a pool, agents and the policy in force.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::protocol::{GoalKind, Meta, ProtocolError};
use crate::domain::entity::{EntityKey, Platform};
use crate::domain::goal::{Goal, Limit};
use crate::domain::ids::{AccountId, AgentId, PoolId};
use crate::domain::money::{Currency, Money};
use crate::domain::policy::{AccountPolicy, AgentPolicy, ApprovalPolicy, Guardrails, Members, Policy, PoolPolicy};
use crate::domain::proposal::{AgentKind, Autonomy};

/// A Monday: protocols count days and know weekdays, but no dates.
const SOME_MONDAY: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
/// The monthly cap in daily caps: far beyond what a month may cost with every platform's overshoot, for only a daily cap is told.
const DAYS_OF_CAP: i64 = 100;

/// One agent that speaks for some of the campaigns.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaigner {
    /// Its name.
    pub id: AgentId,
    /// Its kind.
    pub kind: AgentKind,
    /// Its goal.
    pub goal: Goal,
    /// Its weight, above 0 and at most 1.
    pub priority: Decimal,
    /// A pattern over the names of the campaigns it speaks for.
    pub names: String,
}

impl Campaigner {
    /// The kind of agent that a goal asks for: what has a target grows toward it, what has a limit alone holds it.
    #[must_use]
    pub const fn kind_for(goal: &Goal) -> AgentKind {
        match goal {
            Goal::Spend { .. } | Goal::Conversions { .. } => AgentKind::Scale,
            Goal::Hold(_) | Goal::Profit { .. } => AgentKind::Efficiency,
        }
    }
}

/// One campaign with a budget of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub platform: Platform,
    /// Least budget.
    pub minimum: Money,
    /// Most budget; `None` without one.
    pub maximum: Option<Money>,
    /// The budget at the start.
    pub budget: Money,
}

/// Everything that stays the same from day to day.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The one currency.
    pub currency: Currency,
    /// Most that may be budgeted a day.
    pub pool: Money,
    /// The agents.
    pub agents: Vec<Campaigner>,
    /// The campaigns, in the order in which days tell of them.
    pub lines: Vec<Line>,
    /// The date of day 0.
    pub first: NaiveDate,
    /// Creatives a campaign; 0 is none.
    pub creatives: usize,
}

/// The account on a platform.
pub(super) fn account(platform: Platform) -> AccountId {
    platform.name().parse().expect("a platform's name is a plain name")
}

/// The key of the campaign at `at`; keys sort as campaigns do.
pub(super) fn key(platform: Platform, at: usize) -> EntityKey {
    EntityKey::campaign(account(platform), format!("{at:08}"))
}

/// The one pool.
pub(super) fn pool() -> PoolId {
    "pool".parse().expect("a plain name")
}

/// An amount that was told, rounded down to micros, so that amounts never add up to more than was told.
pub(super) fn money(units: f64, currency: Currency, field: &str) -> Result<Money, ProtocolError> {
    let money = Money::from_estimate(units, currency).map_err(|error| ProtocolError::new(field, error.to_string()))?;
    Ok(if money.estimate() > units { Money::from_micros(money.micros() - 1, currency) } else { money })
}

impl Setup {
    /// The policy: every guardrail at its default, all accounts accepted, agents that act alone.
    pub(super) fn policy(&self) -> Policy {
        let accounts: BTreeMap<AccountId, AccountPolicy> = self
            .lines
            .iter()
            .map(|line| {
                let known = AccountPolicy {
                    platform: line.platform,
                    id: line.platform.name().to_owned(),
                    currency: self.currency,
                    time_zone: chrono_tz::UTC,
                    accepted: true,
                    sandbox: true,
                };
                (account(line.platform), known)
            })
            .collect();
        let names: Vec<AccountId> = accounts.keys().cloned().collect();
        let agent = |agent: &Campaigner| AgentPolicy {
            kind: agent.kind,
            pool: pool(),
            members: Some(Members { accounts: names.clone(), name: agent.names.clone() }),
            goal: agent.goal,
            priority: agent.priority,
            autonomy: Autonomy::Autonomous,
            guardrails: Guardrails::default(),
        };
        let monthly = Money::from_micros(self.pool.micros().saturating_mul(DAYS_OF_CAP), self.currency);
        let pooled = PoolPolicy {
            members: Members { accounts: names.clone(), name: "*".to_owned() },
            time_zone: chrono_tz::UTC,
            daily_cap: self.pool,
            monthly_cap: monthly,
        };
        Policy {
            workspace: Guardrails::default(),
            agents: self.agents.iter().map(|one| (one.id.clone(), agent(one))).collect(),
            accounts,
            pools: BTreeMap::from([(pool(), pooled)]),
            calendar: Vec::new(),
            approvals: ApprovalPolicy { critical_h: 4, other_h: 24, time_zone: chrono_tz::UTC },
            tokens: BTreeMap::new(),
        }
    }
}

impl TryFrom<&Meta> for Setup {
    type Error = ProtocolError;
    fn try_from(meta: &Meta) -> Result<Self, ProtocolError> {
        let currency = Currency::USD;
        let all = |units: &[f64], name: &str| -> Result<Vec<Money>, ProtocolError> {
            if units.len() != meta.n {
                return Err(ProtocolError::new(&format!("meta.{name}"), format!("{} values are expected, not {}", meta.n, units.len())));
            }
            units.iter().enumerate().map(|(at, units)| money(*units, currency, &format!("meta.{name}[{at}]"))).collect()
        };
        let (least, most, budgets) = (all(&meta.min_budget, "min_budget")?, all(&meta.max_budget, "max_budget")?, all(&meta.init_budgets, "init_budgets")?);
        if meta.platform.len() != meta.n || meta.agent.len() != meta.n || meta.agent.iter().any(|agent| *agent >= meta.agents.len()) {
            return Err(ProtocolError::new("meta.agent", "a platform and an agent are expected for each campaign"));
        }
        let highest = meta.agents.iter().map(|agent| agent.priority).fold(1.0, f64::max);
        let mut agents: Vec<Campaigner> = Vec::with_capacity(meta.agents.len());
        for (at, agent) in meta.agents.iter().enumerate() {
            let field = |name: &str| format!("meta.agents[{at}].{name}");
            let id: AgentId = agent.id.parse().map_err(|error| ProtocolError::new(&field("id"), format!("{error}")))?;
            if agents.iter().any(|other| other.id == id) {
                return Err(ProtocolError::new(&field("id"), "another agent has this name"));
            }
            let ratio = || Decimal::from_f64(agent.value).filter(|ratio| *ratio > Decimal::ZERO);
            let limit = || money(agent.value, currency, &field("value"));
            let goal = match agent.goal {
                GoalKind::RoasFloor => {
                    let floor = ratio().ok_or_else(|| ProtocolError::new(&field("value"), "a ratio above 0 is expected"))?;
                    Goal::Hold(Limit::RoasFloor(floor))
                }
                GoalKind::CpaCap => Goal::Hold(Limit::CpaCap(limit()?)),
                GoalKind::SpendTarget => Goal::Spend { target: limit()?, while_: None },
            };
            let priority = Decimal::from_f64(agent.priority / highest).map_or(Decimal::ONE, |share| share.round_dp(6).max(Decimal::new(1, 6)));
            agents.push(Campaigner { id, kind: Campaigner::kind_for(&goal), goal, priority, names: format!("a{at}-*") });
        }
        let line = |at: usize| Line {
            name: format!("a{}-c{at}", meta.agent[at]),
            platform: meta.platform[at],
            minimum: least[at],
            maximum: Some(most[at]),
            budget: budgets[at],
        };
        let pool = money(meta.pool, currency, "meta.pool")?;
        let first = SOME_MONDAY + Days::new(u64::from(meta.weekday0));
        Ok(Self { currency, pool, agents, lines: (0..meta.n).map(line).collect(), first, creatives: meta.creatives })
    }
}
