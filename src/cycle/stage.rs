//! The pure stages of a round, as one value: what the daemon runs is what a replay runs again.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::CycleError;
use crate::agents::{self, AgentInput};
use crate::arbiter::{ArbiterInput, Settlement, arbitrate};
use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, AgentId};
use crate::domain::money::{Money, Rounding};
use crate::domain::policy::Policy;
use crate::domain::proposal::{Pin, Proposal, Round, Settled};
use crate::domain::verdict::Bounds;
use crate::domain::view::PoolView;
use crate::guardrails::{Judged, Situation, bounds, check_all, check_waiting};
use crate::learning;

/// What a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundKind {
    /// Agents are asked and the pool is settled anew.
    Agents(Round),
    /// Pins alone: a person's change, an undo, an approved ticket.
    Pins,
    /// Increases of the last settlement whose funding has been confirmed.
    Wave,
}

/// What every agent of a round is asked with.
#[derive(Debug)]
pub struct Question {
    /// The pool as the round sees it.
    pub view: PoolView,
    /// Expected responses by budget.
    pub curves: BTreeMap<EntityKey, CampaignCurve>,
    /// What the ledger knows.
    pub books: Books,
    /// What may be set.
    pub bounds: Vec<Bounds>,
    /// The round's one instant.
    pub now: ProductTime,
    /// What the round is for.
    pub round: Round,
    /// Whether the pool is volatile today.
    pub volatile: bool,
}

/// The answers of a round's agents.
#[derive(Debug, Default)]
pub struct Answers {
    /// Proposals.
    pub proposals: Vec<Proposal>,
    /// Agents that abstained, and why.
    pub abstained: BTreeMap<AgentId, String>,
}

/// What else a round's answer depends on; stored with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Circumstances {
    /// What the round does.
    pub kind: RoundKind,
    /// Wall time since the oldest of its reads began, in milliseconds.
    pub config_age_ms: u64,
    /// Least limit on the age of figures, in milliseconds of product time.
    pub age_floor_ms: i64,
    /// Agents that abstained, and why.
    pub abstained: BTreeMap<AgentId, String>,
    /// Budgets of the pool.
    pub members: Vec<EntityKey>,
    /// When each account's figures were read.
    pub figures_at: BTreeMap<AccountId, Option<ProductTime>>,
    /// Increases that waited for their funding.
    pub waiting: Vec<Settled>,
}

/// Everything the pure stages of one round depend on.
pub struct Stage<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The pool as it is known.
    pub view: PoolView,
    /// What the ledger knows.
    pub books: Books,
    /// Changes that arbitration may not alter.
    pub pins: Vec<Pin>,
    /// The round's one instant.
    pub now: ProductTime,
    /// The rest.
    pub circumstances: Circumstances,
}

/// What learning expects and what the guardrails allow, before anybody is asked.
#[derive(Debug)]
pub struct Prepared {
    curves: BTreeMap<EntityKey, CampaignCurve>,
    bounds: Vec<Bounds>,
}

impl Prepared {
    /// What learning expects of each budget.
    #[must_use]
    pub const fn curves(&self) -> &BTreeMap<EntityKey, CampaignCurve> {
        &self.curves
    }

    /// Between what each budget may move.
    #[must_use]
    pub fn bounds(&self) -> &[Bounds] {
        &self.bounds
    }

    /// Lowers the upper ends to what the owner of each budget wants to give it at most; what stands above that may stay and only fall.
    pub fn at_most(&mut self, most: impl Fn(&EntityKey) -> Option<Money>) {
        for bounds in &mut self.bounds {
            let Some(most) = most(&bounds.budget).filter(|most| most.micros() < bounds.hi.micros()) else { continue };
            bounds.hi = if most.micros() > bounds.now.micros() { most } else { bounds.now };
            bounds.set_by = vec!["OWNERS_MAXIMUM".to_owned()];
        }
    }
}

impl<'a> Stage<'a> {
    /// A round that decides on figures read this very instant, in one thread and without a ledger.
    #[must_use]
    pub fn at_once(policy: &'a Policy, view: PoolView, books: Books, now: ProductTime, kind: RoundKind) -> Self {
        let circumstances = Circumstances {
            kind,
            config_age_ms: 0,
            age_floor_ms: 0,
            abstained: BTreeMap::new(),
            members: Vec::new(),
            figures_at: BTreeMap::new(),
            waiting: Vec::new(),
        };
        Self { policy, view, books, pins: Vec::new(), now, circumstances }
    }
}

impl Stage<'_> {
    fn situation(&self) -> Situation<'_> {
        self.situation_under(self.policy)
    }

    fn situation_under<'s>(&'s self, policy: &'s Policy) -> Situation<'s> {
        Situation {
            policy,
            view: &self.view,
            books: &self.books,
            now: self.now,
            config_age: Duration::from_millis(self.circumstances.config_age_ms),
            age_floor: TimeDelta::milliseconds(self.circumstances.age_floor_ms),
        }
    }

    /// Whether the calendar makes the pool's day unlike others.
    #[must_use]
    pub fn volatile(&self) -> bool {
        self.policy.is_volatile(self.now.date_in(self.view.time_zone))
    }

    /// Learns the curves and works out the bounds.
    #[must_use]
    pub fn prepare(&self) -> Prepared {
        Prepared { curves: learning::curves(&self.view, &self.books, |day| self.policy.demand(day), self.now), bounds: bounds(&self.situation()) }
    }

    /// What the agents are asked with.
    #[must_use]
    pub fn question(&self, prepared: &Prepared, round: Round) -> Question {
        Question {
            view: self.view.clone(),
            curves: prepared.curves.clone(),
            books: self.books.clone(),
            bounds: prepared.bounds.clone(),
            now: self.now,
            round,
            volatile: self.volatile(),
        }
    }

    /// What each agent of the pool asks for, asked one after the other in this thread; actors are asked with a [`Question`] instead.
    #[must_use]
    pub fn proposals(&self, prepared: &Prepared, round: Round) -> Vec<Proposal> {
        let ours = self.policy.agents.iter().filter(|(_, agent)| agent.pool == self.view.pool);
        ours.map(|(id, policy)| {
            agents::propose(&AgentInput {
                round,
                id,
                policy,
                view: &self.view,
                curves: &prepared.curves,
                books: &self.books,
                bounds: &prepared.bounds,
                volatile: self.volatile(),
                now: self.now,
            })
        })
        .collect()
    }

    /// Settles what was asked for and judges the settlement.
    ///
    /// # Errors
    /// [`CycleError::Money`] when amounts do not add up.
    pub fn judge(&self, prepared: &Prepared, proposals: Vec<Proposal>) -> Result<Judged, CycleError> {
        let round = match self.circumstances.kind {
            RoundKind::Wave => return Ok(self.rule_waiting(self.policy, self.circumstances.waiting.clone())),
            RoundKind::Agents(round) => round,
            RoundKind::Pins => Round::Protective,
        };
        Ok(self.rule(self.policy, self.settle(prepared, round, proposals)?))
    }

    /// Settles what was asked for.
    ///
    /// # Errors
    /// [`CycleError::Money`] when amounts do not add up.
    pub fn settle(&self, prepared: &Prepared, round: Round, proposals: Vec<Proposal>) -> Result<Settlement, CycleError> {
        Ok(arbitrate(&ArbiterInput {
            round,
            proposals,
            pins: self.pins.clone(),
            curves: &prepared.curves,
            bounds: &prepared.bounds,
            books: &self.books,
            policy: self.policy,
            daily_cap: self.view.daily_cap,
            pace: self.pace()?,
            committed: self.books.committed.get(&self.view.pool).copied().unwrap_or(Money::zero(self.view.currency)),
            volatile: self.volatile(),
            now: self.now,
        }))
    }

    /// Judges a settlement under a policy: the one in force, or one in which a person has agreed to everything that asks.
    #[must_use]
    pub fn rule(&self, policy: &Policy, settlement: Settlement) -> Judged {
        check_all(settlement, &self.situation_under(policy))
    }

    /// Judges, under a policy, increases whose funding has been confirmed.
    #[must_use]
    pub fn rule_waiting(&self, policy: &Policy, waiting: Vec<Settled>) -> Judged {
        check_waiting(waiting, &self.situation_under(policy))
    }

    /// What a day may cost so that the month's cap holds, where that is less than the daily cap.
    fn pace(&self) -> Result<Option<Money>, CycleError> {
        let Some(settings) = self.policy.pools.get(&self.view.pool) else { return Ok(None) };
        let spent = self.books.month_spent.get(&self.view.pool).copied().unwrap_or(Money::zero(self.view.currency));
        let left = settings.monthly_cap.checked_sub(spent)?.larger(Money::zero(self.view.currency))?;
        let days = rust_decimal::Decimal::from(days_left(self.now.date_in(self.view.time_zone)));
        let daily = left.scale(rust_decimal::Decimal::ONE / days, Rounding::Down)?;
        Ok((daily.compare(self.view.daily_cap)? == std::cmp::Ordering::Less).then_some(daily))
    }
}

/// Days of the month from `today` on, today included.
fn days_left(today: NaiveDate) -> u32 {
    let (year, month) = if today.month() == 12 { (today.year() + 1, 1) } else { (today.year(), today.month() + 1) };
    let next = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_else(|| today + Days::new(1));
    u32::try_from(next.signed_duration_since(today).num_days()).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_paced_over_its_remaining_days_with_today() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        assert_eq!(days_left(day("2026-02-28")), 1);
        assert_eq!(days_left(day("2026-02-01")), 28);
        assert_eq!(days_left(day("2026-12-31")), 1);
    }
}
