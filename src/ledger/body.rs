//! What a decision says of itself: the erasable content that its first step hashes.

use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::domain::change::Change;
use crate::domain::ids::{NodeId, RoundId};
use crate::domain::proposal::{Conflict, Settled};
use crate::domain::verdict::{Ruling, Verdict};
use crate::store::StoreError;
use crate::store::decision::DecisionRow;

/// Why, on what numbers, with what else considered, how sure, with what expectation, by whose verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionBody {
    /// The settled change: who is behind it, reasoning, evidence, prediction, confidence, alternatives, dissent.
    pub settled: Settled,
    /// Every rule's verdict when it was judged.
    pub verdicts: Vec<Verdict>,
    /// The disagreements about the same entity in its round.
    pub conflicts: Vec<Conflict>,
    /// The round.
    pub round: RoundId,
    /// The policy it was judged under.
    pub policy_hash: String,
    /// The engine build.
    pub engine: String,
    /// The node.
    pub node: NodeId,
}

impl DecisionBody {
    /// The body of a stored decision.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when it was erased, [`StoreError::Corrupt`] when it does not read back.
    pub fn of(row: &DecisionRow) -> Result<Self, LedgerError> {
        let text = row.body.as_deref().ok_or_else(|| LedgerError::Missing { what: "content of decision", id: row.id.to_string() })?;
        Ok(serde_json::from_str(text).map_err(|error| StoreError::Corrupt { table: "body", id: row.id.to_string(), what: error.to_string() })?)
    }

    /// What is changed.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.settled.wish.change
    }

    /// The rules that ask a person; an approval waives exactly these.
    #[must_use]
    pub fn asking(&self) -> Vec<String> {
        asking(&self.verdicts)
    }
}

/// The codes of the rules that ask.
pub(crate) fn asking(verdicts: &[Verdict]) -> Vec<String> {
    verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Ask).map(|verdict| verdict.rule.to_string()).collect()
}

/// The code a decision is listed with: of the first rule that refuses, else of the first that asks.
pub(crate) fn leading_code(verdicts: &[Verdict]) -> Option<String> {
    let of = |ruling: Ruling| verdicts.iter().find(|verdict| verdict.ruling == ruling);
    of(Ruling::Deny)
        .or_else(|| verdicts.iter().find(|verdict| matches!(verdict.ruling, Ruling::Delay { .. })))
        .or_else(|| of(Ruling::Ask))
        .map(|verdict| verdict.rule.to_string())
}
