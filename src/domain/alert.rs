//! Things people should know. An alert asks nothing: whoever must decide gets a ticket.

use serde::{Deserialize, Serialize};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A decision above what an agent may take alone.
    HighRiskDecision,
    /// A platform policy stands in the way of a change.
    PolicyViolation,
    /// An agent is not sure enough.
    LowConfidence,
    /// An agent crashed and was started again, or could not be.
    AgentCrash,
    /// A breaker tripped: only lower spend is admitted.
    Breaker,
    /// A credential is refused or about to expire.
    Credentials,
    /// Figures are stale, missing or contradict each other.
    Gap,
    /// A configuration was refused, or part of it is held.
    Config,
    /// The log does not verify, or a row lies.
    Audit,
    /// Somebody changed an entity on the platform.
    ChangedElsewhere,
    /// Nobody can tell what became of a write.
    UnknownOutcome,
}

impl AlertKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::HighRiskDecision,
        Self::PolicyViolation,
        Self::LowConfidence,
        Self::AgentCrash,
        Self::Breaker,
        Self::Credentials,
        Self::Gap,
        Self::Config,
        Self::Audit,
        Self::ChangedElsewhere,
        Self::UnknownOutcome,
    ];

    /// The name in API, pages and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HighRiskDecision => "high_risk_decision",
            Self::PolicyViolation => "policy_violation",
            Self::LowConfidence => "low_confidence",
            Self::AgentCrash => "agent_crash",
            Self::Breaker => "breaker",
            Self::Credentials => "credentials",
            Self::Gap => "gap",
            Self::Config => "config",
            Self::Audit => "audit",
            Self::ChangedElsewhere => "changed_elsewhere",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }

    /// Reads back a stored name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
