//! What a round left for its replay: enough to run the pure stages again and compare.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::LedgerError;
use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::ids::{AccountId, PoolId, RoundId};
use crate::domain::policy::Policy;
use crate::domain::proposal::{Conflict, LeftAlone, Pin};
use crate::store::decision::{DecisionFilter, DecisionRow};
use crate::store::{StoreError, Tx};

/// One round as it was: what went into its pure stages, and what came out.
#[derive(Clone, Debug)]
pub struct StoredRound {
    /// Its id.
    pub id: RoundId,
    /// The pool.
    pub pool: PoolId,
    /// The one `now`.
    pub now: ProductTime,
    /// What set it off.
    pub reason: String,
    /// The policy in force then.
    pub policy: Policy,
    /// Its hash.
    pub policy_hash: String,
    /// The number of the read of each account it saw.
    pub polls: BTreeMap<AccountId, i64>,
    /// The books it was given.
    pub books: Books,
    /// The pins it was given.
    pub pins: Vec<Pin>,
    /// What the learner believed.
    pub beliefs: Value,
    /// Hash over the view: compared first.
    pub view_hash: String,
    /// The seed of everything random in it.
    pub seed: u64,
    /// The engine build; a replay by another build is reported as such.
    pub engine: String,
    /// Its decisions, in the order in which they were recorded.
    pub decisions: Vec<DecisionRow>,
    /// Its conflicts.
    pub conflicts: Vec<Conflict>,
    /// What it left alone.
    pub left_alone: Vec<LeftAlone>,
    /// How many increases it left waiting.
    pub waiting: usize,
}

#[derive(Deserialize)]
struct Inputs {
    books: Books,
    pins: Vec<Pin>,
    judged: Outputs,
}

#[derive(Deserialize)]
struct Outputs {
    left_alone: Vec<LeftAlone>,
    waiting: usize,
    conflicts: Vec<Conflict>,
}

/// Reads a stored round.
///
/// # Errors
/// [`LedgerError::Missing`] without such a round or its policy, [`StoreError::Corrupt`] when a row lies.
pub async fn load_round(tx: &mut Tx, id: &RoundId) -> Result<StoredRound, LedgerError> {
    let row = tx.round(id).await?.ok_or_else(|| LedgerError::Missing { what: "round", id: id.to_string() })?;
    let lies = |error: serde_json::Error| StoreError::Corrupt { table: "round", id: id.to_string(), what: error.to_string() };
    let policy = tx.policy(&row.policy_hash).await?.ok_or_else(|| LedgerError::Missing { what: "policy", id: row.policy_hash.clone() })?;
    let inputs: Inputs = serde_json::from_str(&row.open_intents).map_err(lies)?;
    let filter = DecisionFilter { round: Some(*id), ..DecisionFilter::default() };
    let mut decisions = tx.decisions(&filter, None, u32::MAX).await?;
    decisions.reverse();
    Ok(StoredRound {
        id: row.id,
        pool: row.pool,
        now: row.now,
        reason: row.reason,
        policy: serde_json::from_str(&policy.payload).map_err(lies)?,
        policy_hash: row.policy_hash,
        polls: tx.polls_of_round(id).await?,
        books: inputs.books,
        pins: inputs.pins,
        beliefs: serde_json::from_str(&row.beliefs).map_err(lies)?,
        view_hash: row.view_hash,
        seed: row.seed.parse().map_err(|error| StoreError::Corrupt { table: "round", id: id.to_string(), what: format!("seed: {error}") })?,
        engine: row.engine,
        decisions,
        conflicts: inputs.judged.conflicts,
        left_alone: inputs.judged.left_alone,
        waiting: inputs.judged.waiting,
    })
}
