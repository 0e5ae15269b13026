//! What a rule is: an id, whom it binds, a number from the policy, and a pure ruling.

use std::fmt;

use serde::Serialize;

use super::case::Case;
use super::facts::Facts;
use crate::clock::ProductTime;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::RunStatus;
use crate::domain::money::{Money, MoneyError};
use crate::domain::policy::Guardrails;
use crate::domain::proposal::Actor;
use crate::domain::verdict::{Ruling, Verdict};

/// What a rule may do to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Denies, also approved tickets.
    Hard,
    /// Asks a person.
    Soft,
    /// Clamps or delays.
    Shaping,
}

impl Kind {
    /// The name on pages and in `check`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Shaping => "shaping",
        }
    }
}

/// Which changes a rule judges. A *stop* is a person's change of a status to paused: almost nothing may stand in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// Every change.
    Anything,
    /// Every change but a person's stop.
    AllButStop,
    /// Every change but a pause, whoever wants it.
    AllButPause,
    /// Every change that does not lower spend.
    AllButReductions,
    /// Whatever can raise spend, whoever wants it.
    Growth,
    /// Every change of a person, a plan, an undo or an approval.
    Person,
    /// Every change of an agent.
    Agent,
    /// What an agent changes on a budget's amount.
    AgentBudget,
    /// What rests on figures: every change of an agent, and growth by an approved ticket.
    Judgement,
    /// The same without pauses.
    JudgementButPause,
}

impl Applies {
    /// In words, for pages and `check`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anything => "every change",
            Self::AllButStop => "every change but a person's stop of delivery",
            Self::AllButPause => "every change but a pause",
            Self::AllButReductions => "every change that does not lower spend",
            Self::Growth => "every increase",
            Self::Person => "people's and plans' changes",
            Self::Agent => "agents' changes",
            Self::AgentBudget => "agents' budget changes",
            Self::Judgement => "agents' changes and approved increases",
            Self::JudgementButPause => "agents' changes but pauses, and approved increases",
        }
    }

    pub(super) fn covers(self, actor: &Actor, change: &Change) -> bool {
        let growth = change.direction() == Direction::Growth;
        let judgement = match actor {
            Actor::Agent { .. } | Actor::Wave { .. } => true,
            Actor::Approval { .. } => growth,
            Actor::Person { .. } | Actor::Undo { .. } => false,
        };
        match self {
            Self::Anything => true,
            Self::AllButStop => !(actor.is_person() && is_pause(change)),
            Self::AllButPause => !is_pause(change),
            Self::AllButReductions => change.direction() != Direction::Protective,
            Self::Growth => growth,
            Self::Person => actor.is_person(),
            Self::Agent => !actor.is_person(),
            Self::AgentBudget => !actor.is_person() && matches!(change, Change::Budget { .. }),
            Self::Judgement => judgement,
            Self::JudgementButPause => judgement && !is_pause(change),
        }
    }
}

/// Whether the change stops delivery of an entity.
pub(super) fn is_pause(change: &Change) -> bool {
    matches!(change, Change::Status { to: RunStatus::Paused, .. } | Change::PartStatus { to: RunStatus::Paused, .. })
}

/// What one rule finds; the text is its numbers, `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Pass(String),
    Clamp(Money, String),
    Delay(ProductTime, String),
    Ask(String),
    Deny(String),
}

/// Something a rule needs is missing or makes no sense: the change is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown(pub String);

impl Unknown {
    pub fn missing(what: &str, of: impl fmt::Display) -> Self {
        Self(format!("missing={what} of={of}"))
    }
}

impl From<MoneyError> for Unknown {
    fn from(error: MoneyError) -> Self {
        Self(format!("money={error}"))
    }
}

pub(super) type Found = Result<Finding, Unknown>;

/// Where a rule's ruling is made.
#[derive(Clone, Copy)]
pub(super) enum Judge {
    /// From the ledger alone: judged again inside the transactions that record and dispatch.
    Ledger(fn(&Facts<'_>) -> Found),
    /// From the view too.
    View(fn(&Case<'_>) -> Found),
    /// Over the settlement as a whole.
    Whole,
}

/// One guardrail.
pub struct Rule {
    /// The stable code that opens its reasons.
    pub id: &'static str,
    /// What it may do.
    pub kind: Kind,
    /// What it judges.
    pub applies: Applies,
    /// The unit of its number; empty where it has none.
    pub unit: &'static str,
    /// What it holds, in one sentence.
    pub says: &'static str,
    pub(super) value: fn(&Guardrails) -> String,
    pub(super) judge: Judge,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl Rule {
    /// Its number under these guardrails; `on` where it has none.
    #[must_use]
    pub fn value(&self, guardrails: &Guardrails) -> String {
        (self.value)(guardrails)
    }

    /// Its number by default.
    #[must_use]
    pub fn default_value(&self) -> String {
        self.value(&Guardrails::default())
    }

    pub(super) fn verdict(&self, found: Found) -> Verdict {
        let (ruling, text) = match found {
            Ok(Finding::Pass(text)) => (Ruling::Pass, text),
            Ok(Finding::Clamp(to, text)) => (Ruling::Clamp { to }, text),
            Ok(Finding::Delay(until, text)) => (Ruling::Delay { until }, text),
            Ok(Finding::Ask(text)) => (Ruling::Ask, text),
            Ok(Finding::Deny(text)) => (Ruling::Deny, text),
            Err(unknown) => return unevaluable(self.id, &unknown),
        };
        Verdict { rule: self.id.into(), ruling, why: format!("{}: {text}", self.id) }
    }
}

/// The verdict where something needed is missing.
pub(super) fn unevaluable(rule: &str, unknown: &Unknown) -> Verdict {
    Verdict { rule: "UNEVALUABLE".into(), ruling: Ruling::Deny, why: format!("UNEVALUABLE: rule={rule} {}", unknown.0) }
}
