//! What one day's decision consisted of, for those who count: the simulator, and a person who asks why.

use super::outcomes::Outcome;
use crate::domain::change::Change;
use crate::domain::ids::AgentId;
use crate::domain::outcome::Prediction;
use crate::domain::proposal::{Conflict, LeftAlone};
use crate::domain::verdict::Verdict;

/// One change of one campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Where the campaign stands in the order told.
    pub campaign: usize,
    /// The agent that wanted it.
    pub agent: AgentId,
    /// The change, as clamped.
    pub change: Change,
    /// Why, in words.
    pub reason: String,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
    /// What it should bring.
    pub prediction: Option<Prediction>,
    /// What every rule said of it under the policy in force.
    pub verdicts: Vec<Verdict>,
    /// The soft rules for which the daemon would have opened a ticket; empty where it would have acted alone.
    pub asked: Vec<String>,
    /// Whether it became part of the advice. What asks and did not lost its money to others meanwhile.
    pub carried_out: bool,
}

/// Everything one decision came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoundReport {
    /// The day it is for.
    pub day: usize,
    /// Changes, cuts before raises.
    pub actions: Vec<Action>,
    /// Changes refused by a hard rule.
    pub denied: usize,
    /// Predictions of earlier days that are mature by now.
    pub outcomes: Vec<Outcome>,
    /// Disagreements between agents.
    pub conflicts: Vec<Conflict>,
    /// What was looked at and left alone, and why.
    pub left_alone: Vec<LeftAlone>,
}

impl RoundReport {
    /// Questions the daemon would have put before a person.
    #[must_use]
    pub fn tickets(&self) -> usize {
        self.actions.iter().filter(|action| !action.asked.is_empty()).count()
    }

    /// Changes it would have made without a person.
    #[must_use]
    pub fn alone(&self) -> usize {
        self.actions.iter().filter(|action| action.asked.is_empty() && action.carried_out).count()
    }
}
