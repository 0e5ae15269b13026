//! Conflicts: agents that wanted something else than was settled, and what losing cost them.

use super::decision::Cursor;
use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AgentId, ConflictId, PoolId, RoundId};

/// A stored conflict: one agent that lost on one entity in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictRow {
    /// Its id.
    pub id: ConflictId,
    /// The round.
    pub round: RoundId,
    /// The pool.
    pub pool: PoolId,
    /// The entity.
    pub entity: EntityKey,
    /// The agent that lost.
    pub agent: AgentId,
    /// What losing cost it, in its own value.
    pub price: f64,
    /// When.
    pub at: ProductTime,
    /// When and by whom it was looked at in the daily review.
    pub reviewed: Option<(ProductTime, String)>,
    /// The dissent, as JSON.
    pub payload: String,
}

macro_rules! conflict_sql {
    ($tail:literal) => {
        concat!("SELECT id, round, pool, entity, agent, price, at_ms, reviewed_at_ms, reviewed_by, payload FROM conflict ", $tail)
    };
}

impl Tx {
    /// Stores a conflict.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken.
    pub async fn insert_conflict(&mut self, new: &ConflictRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict (id, round, pool, entity, agent, price, at_ms, payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = args![&new.id, &new.round, &new.pool, &new.entity, &new.agent, new.price, new.at, &new.payload];
        self.run(sql, values).await.map(|_| ())
    }

    /// One conflict.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn conflict(&mut self, id: &ConflictId) -> Result<Option<ConflictRow>, StoreError> {
        self.row("conflict", conflict_sql!("WHERE id = $1"), args![id]).await?.as_ref().map(conflict).transpose()
    }

    /// Conflicts, newest first, after `after` (whose `seq` does not count).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn conflicts(&mut self, after: Option<&Cursor>, limit: u32) -> Result<Vec<ConflictRow>, StoreError> {
        let sql = conflict_sql!("WHERE ($1 IS NULL OR (at_ms, id) < ($1, $2)) ORDER BY at_ms DESC, id DESC LIMIT $3");
        let values = args![after.map(|cursor| cursor.at), after.map(|cursor| cursor.id.as_str()), limit];
        self.rows("conflict", sql, values).await?.iter().map(conflict).collect()
    }

    /// The conflicts of a round, by entity and agent.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn conflicts_of_round(&mut self, round: &RoundId) -> Result<Vec<ConflictRow>, StoreError> {
        self.rows("conflict", conflict_sql!("WHERE round = $1 ORDER BY entity, agent, id"), args![round]).await?.iter().map(conflict).collect()
    }

    /// The conflicts since `from` that nobody has looked at, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn unreviewed_conflicts(&mut self, pool: &PoolId, from: ProductTime) -> Result<Vec<ConflictRow>, StoreError> {
        let sql = conflict_sql!("WHERE pool = $1 AND at_ms >= $2 AND reviewed_at_ms IS NULL ORDER BY at_ms, id");
        self.rows("conflict", sql, args![pool, from]).await?.iter().map(conflict).collect()
    }

    /// Somebody has looked at a conflict.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody had before.
    pub async fn review_conflict(&mut self, id: &ConflictId, by: &str, at: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE conflict SET reviewed_at_ms = $2, reviewed_by = $3 WHERE id = $1 AND reviewed_at_ms IS NULL";
        self.run_expecting(sql, args![id, at, by], "conflict", id, "not reviewed").await
    }
}

fn conflict(row: &Row) -> Result<ConflictRow, StoreError> {
    let reviewed = match (row.maybe_product("reviewed_at_ms")?, row.maybe_text("reviewed_by")?) {
        (Some(at), Some(by)) => Some((at, by)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.lies("only half reviewed")),
    };
    Ok(ConflictRow {
        id: row.parse("id")?,
        round: row.parse("round")?,
        pool: row.parse("pool")?,
        entity: row.parse("entity")?,
        agent: row.parse("agent")?,
        price: row.real("price")?,
        at: row.product("at_ms")?,
        reviewed,
        payload: row.text("payload")?,
    })
}
