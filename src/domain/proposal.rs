//! What agents and people ask for, and what the arbiter makes of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::{Change, Direction};
use super::entity::{BudgetRef, EntityKey, RunStatus};
use super::ids::{AgentId, ChangeSetId, DecisionId, TicketId};
use super::money::Money;
use super::outcome::Prediction;

/// The kinds of agents there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// Grows spend toward its target while the marginal return meets the limit.
    Scale,
    /// Holds a ROAS floor or a CPA cap.
    Efficiency,
}

impl AgentKind {
    /// All kinds: the registry.
    pub const ALL: [Self; 2] = [Self::Scale, Self::Efficiency];

    /// The name in configuration, API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::Efficiency => "efficiency",
        }
    }
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// Cuts, pauses and restores: no budget grows.
    Protective,
    /// Everything: the pool's money is allocated anew.
    Allocation,
}

/// How much an agent may do without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Autonomy {
    /// The full path, nothing sent: a scoreboard of would-have-done.
    Observe,
    /// Every change is a ticket.
    Suggest,
    /// Acts inside the guardrails.
    Autonomous,
}

/// Who is behind a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// An agent, within a round.
    Agent {
        /// Which.
        agent: AgentId,
    },
    /// A person, by the name of the token or session.
    Person {
        /// Who.
        name: String,
    },
    /// An approved ticket carried out.
    Approval {
        /// Which ticket.
        ticket: TicketId,
        /// Who approved.
        by: String,
        /// The soft rules named on the ticket, which this one change need not pass again.
        waives: Vec<String>,
        /// The escalated decision this carries out.
        decision: DecisionId,
    },
    /// The undo of an earlier decision.
    Undo {
        /// Which decision.
        of: DecisionId,
        /// Who asked.
        by: String,
    },
    /// The rest of a settlement whose funding has been confirmed.
    Wave {
        /// The agent the change speaks for.
        agent: AgentId,
        /// The decision of the first wave.
        of: DecisionId,
    },
}

impl Actor {
    /// The agent it speaks for, if any.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent { agent } | Self::Wave { agent, .. } => Some(agent),
            Self::Person { .. } | Self::Approval { .. } | Self::Undo { .. } => None,
        }
    }

    /// Whether a person is behind it: evidence and timing rules then do not hold back a reduction.
    #[must_use]
    pub const fn is_person(&self) -> bool {
        match self {
            Self::Person { .. } | Self::Approval { .. } | Self::Undo { .. } => true,
            Self::Agent { .. } | Self::Wave { .. } => false,
        }
    }

    /// The kind's name in API and store.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Person { .. } => "person",
            Self::Approval { .. } => "approval",
            Self::Undo { .. } => "undo",
            Self::Wave { .. } => "wave",
        }
    }

    /// Who, in one word for lists.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Agent { agent } | Self::Wave { agent, .. } => agent.to_string(),
            Self::Person { name } => name.clone(),
            Self::Approval { by, .. } | Self::Undo { by, .. } => by.clone(),
        }
    }
}

/// The numbers a proposal rests on. All come from the view; none from an agent's imagination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Closed days looked at.
    pub closed_days: u32,
    /// Matured conversions within them.
    pub matured_conversions: f64,
    /// Spend within them, in units of the pool's currency.
    pub spend: f64,
    /// Other figures by their field name (`roas`, `cpa`, `marginal_roas`, …).
    pub figures: BTreeMap<String, f64>,
}

/// What the last unit of a budget's money brings an agent, and what it has to bring, in revenue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// Expected revenue of the unit.
    pub brings: f64,
    /// Its relative standard deviation.
    pub cv: f64,
    /// What the agent's own goal asks of a unit.
    pub needed: f64,
    /// What the unit was taken to bring elsewhere in the pool.
    pub elsewhere: f64,
    /// Revenue that stands for one unit of spend at exactly the goal's limit; above 0.
    pub unit: f64,
}

/// What an agent wants of one budget: not a point, a value for every amount of the curve's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The budget.
    pub budget: BudgetRef,
    /// Value a day at each amount of the curve's grid, in units of the pool's currency; [`super::curve::GRID`] values. 0 is what no delivery is worth.
    pub value: Vec<f64>,
    /// The amount this agent would choose alone, before bounds.
    pub ideal: Money,
    /// What its last unit brings and has to bring.
    pub margin: Margin,
    /// Why, in words a person understands.
    pub reason: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// Probability that moving toward `ideal` is right, 0 to 1.
    pub confidence: f64,
}

/// A change an agent or a person asks for outright.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// The change.
    pub change: Change,
    /// Why, in words.
    pub reason: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// What it is expected to bring; `None` where nothing can be predicted.
    pub prediction: Option<Prediction>,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
    /// What it costs over its horizon if it is wrong; never negative.
    pub cost_if_wrong: Money,
}

/// Everything one agent asks for in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who asks.
    pub agent: AgentId,
    /// Its kind.
    pub kind: AgentKind,
    /// What it is looking at, for people.
    pub focus: String,
    /// Its goal's state, for people: met, missed, by how much.
    pub progress: String,
    /// What it wants of each budget it speaks for.
    pub objectives: Vec<Objective>,
    /// Other changes: pauses, restores.
    pub wishes: Vec<Wish>,
}

/// A change that arbitration may not alter: a person's, an undo's, an approved ticket's, a wave's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// Who is behind it.
    pub actor: Actor,
    /// What they ask for.
    pub wish: Wish,
    /// The change set it belongs to, if any.
    pub change_set: Option<ChangeSetId>,
}

impl Pin {
    /// Whether a person stops delivery with it: that is admitted whatever the figures say.
    #[must_use]
    pub const fn stops_delivery(&self) -> bool {
        self.actor.is_person() && matches!(self.wish.change, Change::Status { to: RunStatus::Paused, .. })
    }
}

/// An agent that wanted otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dissent {
    /// Who.
    pub agent: AgentId,
    /// What it wanted.
    pub wanted: String,
    /// Which way that lies from what was settled.
    pub direction: Direction,
    /// Its value there minus its value here, a day, in units of the pool's currency; never negative.
    pub price: f64,
    /// Why, in its words.
    pub reason: String,
}

/// A disagreement that was settled, kept for a person's review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// What it was about: a budget or an entity.
    pub entity: EntityKey,
    /// What was settled.
    pub settled: String,
    /// Who prevailed; `None` where the settlement lies between.
    pub winner: Option<AgentId>,
    /// How: weights, hierarchy, protective before growth.
    pub method: String,
    /// Who lost, and what it costs them.
    pub dissent: Vec<Dissent>,
}

/// When a settled change may be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wave {
    /// Now: it lowers spend or fits into what is free.
    First,
    /// Once reductions of the same settlement are confirmed.
    Funded,
}

/// One change of a settlement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Who is behind it: the agent with the most weight among those that wanted this direction, or the pin's actor.
    pub actor: Actor,
    /// The change with its reason, evidence, prediction and confidence.
    pub wish: Wish,
    /// What else was considered and why it was not chosen.
    pub alternatives: Vec<String>,
    /// Who wanted otherwise.
    pub dissent: Vec<Dissent>,
    /// When it may be recorded.
    pub wave: Wave,
    /// The change set it belongs to, if any.
    pub change_set: Option<ChangeSetId>,
}

/// A budget that was looked at and left alone, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftAlone {
    /// The budget or entity.
    pub entity: EntityKey,
    /// Why nothing changed, opening with a stable code.
    pub why: String,
}
