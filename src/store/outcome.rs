//! Outcomes: what was predicted when a decision was made, and what came of it.

use super::decision::{Cursor, action};
use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::change::ActionKind;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, DecisionId, OutcomeId, PoolId};

/// Where an outcome stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not mature yet.
    Pending,
    /// Scored.
    Scored,
    /// Not to be scored.
    Void,
}

impl Standing {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scored => "scored",
            Self::Void => "void",
        }
    }
}

/// A stored outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// Its id.
    pub id: OutcomeId,
    /// The decision, one outcome each.
    pub decision: DecisionId,
    /// The entity.
    pub entity: EntityKey,
    /// The account.
    pub account: AccountId,
    /// The pool.
    pub pool: Option<PoolId>,
    /// Who decided.
    pub actor: String,
    /// What kind of action it was.
    pub action: ActionKind,
    /// Where it stands.
    pub standing: Standing,
    /// From when the prediction counts.
    pub from: ProductTime,
    /// Until when it counts; moved forward when our next change closes it.
    pub until: ProductTime,
    /// When it can be scored.
    pub due: ProductTime,
    /// When it was scored or voided.
    pub settled: Option<ProductTime>,
    /// Whether the direction was right; none unless scored.
    pub good: Option<bool>,
    /// The confidence shown when it was decided, 0 to 1.
    pub confidence: f64,
    /// The prediction, as JSON.
    pub prediction: String,
    /// The result, as JSON.
    pub result: Option<String>,
}

macro_rules! outcome_sql {
    ($tail:literal) => {
        concat!(
            "SELECT id, decision, entity, account, pool, actor, action, state, from_at_ms, until_ms, due_ms, settled_at_ms, good, confidence, prediction, result \
             FROM outcome ",
            $tail
        )
    };
}

pub(super) use outcome_sql;

impl Tx {
    /// Stores a prediction.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the decision has one.
    pub async fn insert_outcome(&mut self, new: &OutcomeRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO outcome (id, decision, entity, account, pool, actor, action, state, from_at_ms, until_ms, due_ms, settled_at_ms, good, confidence, \
                   prediction, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let values = args![
            &new.id,
            &new.decision,
            &new.entity,
            &new.account,
            new.pool.as_ref(),
            &new.actor,
            new.action.name(),
            new.standing.name(),
            new.from,
            new.until,
            new.due,
            new.settled,
            new.good,
            new.confidence,
            &new.prediction,
            new.result.as_deref(),
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Closes the horizon of a pending outcome earlier, because our next change of the same budget came.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is no longer pending.
    pub async fn close_outcome_horizon(&mut self, id: &OutcomeId, until: ProductTime, due: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE outcome SET until_ms = $2, due_ms = $3 WHERE id = $1 AND state = 'pending'";
        self.run_expecting(sql, args![id, until, due], "outcome", id, "pending").await
    }

    /// Settles a pending outcome: scored with `good`, or void.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is no longer pending.
    pub async fn settle_outcome(&mut self, id: &OutcomeId, standing: Standing, at: ProductTime, good: Option<bool>, result: &str) -> Result<(), StoreError> {
        let sql = "UPDATE outcome SET state = $2, settled_at_ms = $3, good = $4, result = $5 WHERE id = $1 AND state = 'pending'";
        self.run_expecting(sql, args![id, standing.name(), at, good, result], "outcome", id, "pending").await
    }

    /// The outcome of a decision.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn outcome_of(&mut self, decision: &DecisionId) -> Result<Option<OutcomeRow>, StoreError> {
        self.row("outcome", outcome_sql!("WHERE decision = $1"), args![decision]).await?.as_ref().map(outcome).transpose()
    }

    /// One outcome.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn outcome(&mut self, id: &OutcomeId) -> Result<Option<OutcomeRow>, StoreError> {
        self.row("outcome", outcome_sql!("WHERE id = $1"), args![id]).await?.as_ref().map(outcome).transpose()
    }

    /// The outcomes that can be scored by `now`, those due first, after the first `skip` of them; a row that lies is one fault among them.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn due_outcomes(&mut self, now: ProductTime, skip: u32, limit: u32) -> Result<Vec<Result<OutcomeRow, StoreError>>, StoreError> {
        let sql = outcome_sql!("WHERE state = 'pending' AND due_ms <= $1 ORDER BY due_ms, id LIMIT $2 OFFSET $3");
        Ok(self.rows("outcome", sql, args![now, limit, skip]).await?.iter().map(outcome).collect())
    }

    /// The pending outcomes of an entity, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn pending_outcomes_of(&mut self, entity: &EntityKey) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = outcome_sql!("WHERE entity = $1 AND state = 'pending' ORDER BY from_at_ms, id");
        self.rows("outcome", sql, args![entity]).await?.iter().map(outcome).collect()
    }

    /// Outcomes that are scored or void, newest first, after `after` (whose `seq` does not count); of one actor, or of all.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn settled_outcomes(&mut self, actor: Option<&str>, after: Option<&Cursor>, limit: u32) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = outcome_sql!(
            "WHERE state <> 'pending' AND ($1 IS NULL OR actor = $1) AND ($2 IS NULL OR (settled_at_ms, id) < ($2, $3)) \
             ORDER BY settled_at_ms DESC, id DESC LIMIT $4"
        );
        let values = args![actor, after.map(|cursor| cursor.at), after.map(|cursor| cursor.id.as_str()), limit];
        self.rows("outcome", sql, values).await?.iter().map(outcome).collect()
    }

    /// Every scored outcome, oldest first: what track records and calibration are computed from.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn scored_outcomes(&mut self, since: ProductTime) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = outcome_sql!("WHERE state = 'scored' AND settled_at_ms >= $1 ORDER BY settled_at_ms, id");
        self.rows("outcome", sql, args![since]).await?.iter().map(outcome).collect()
    }
}

pub(super) fn outcome(row: &Row) -> Result<OutcomeRow, StoreError> {
    let standing = match row.text("state")?.as_str() {
        "pending" => Standing::Pending,
        "scored" => Standing::Scored,
        "void" => Standing::Void,
        other => return Err(row.lies(format!("`{other}` is no standing"))),
    };
    Ok(OutcomeRow {
        id: row.parse("id")?,
        decision: row.parse("decision")?,
        entity: row.parse("entity")?,
        account: row.parse("account")?,
        pool: row.maybe_parse("pool")?,
        actor: row.text("actor")?,
        action: action(row)?,
        standing,
        from: row.product("from_at_ms")?,
        until: row.product("until_ms")?,
        due: row.product("due_ms")?,
        settled: row.maybe_product("settled_at_ms")?,
        good: row.maybe_flag("good")?,
        confidence: row.real("confidence")?,
        prediction: row.text("prediction")?,
        result: row.maybe_text("result")?,
    })
}
