//! Holds: automation of one entity stops after a foreign edit, until somebody answers or time runs out. One open hold an entity.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, HoldId, TicketId};

/// A stored hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub id: HoldId,
    /// The entity.
    pub entity: EntityKey,
    /// Its account.
    pub account: AccountId,
    /// Why.
    pub reason: String,
    /// The ticket that asks about it.
    pub ticket: Option<TicketId>,
    /// Since when.
    pub opened: ProductTime,
    /// When it ends without an answer.
    pub expires: ProductTime,
    /// When and how it ended.
    pub closed: Option<(ProductTime, String)>,
    /// What was found, as JSON.
    pub payload: String,
}

macro_rules! hold_sql {
    ($tail:literal) => {
        concat!("SELECT id, entity, account, reason, ticket, opened_at_ms, expires_ms, closed_at_ms, closed_by, payload FROM hold ", $tail)
    };
}

impl Tx {
    /// Opens a hold.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when one is open on the entity.
    pub async fn insert_hold(&mut self, new: &HoldRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO hold (id, entity, account, reason, ticket, opened_at_ms, expires_ms, payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = args![&new.id, &new.entity, &new.account, &new.reason, new.ticket.as_ref(), new.opened, new.expires, &new.payload];
        self.run(sql, values).await.map(|_| ())
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn close_hold(&mut self, id: &HoldId, at: ProductTime, by: &str) -> Result<(), StoreError> {
        let sql = "UPDATE hold SET closed_at_ms = $2, closed_by = $3 WHERE id = $1 AND closed_at_ms IS NULL";
        self.run_expecting(sql, args![id, at, by], "hold", id, "open").await
    }

    /// Moves the end of an open hold and what was found, after another foreign edit of the same entity.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn extend_hold(&mut self, id: &HoldId, expires: ProductTime, payload: &str) -> Result<(), StoreError> {
        let sql = "UPDATE hold SET expires_ms = $2, payload = $3 WHERE id = $1 AND closed_at_ms IS NULL";
        self.run_expecting(sql, args![id, expires, payload], "hold", id, "open").await
    }

    /// Says the reason of an open hold in other words.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn reword_hold(&mut self, id: &HoldId, reason: &str) -> Result<(), StoreError> {
        self.run_expecting("UPDATE hold SET reason = $2 WHERE id = $1 AND closed_at_ms IS NULL", args![id, reason], "hold", id, "open").await
    }

    /// The open hold on an entity.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn open_hold(&mut self, entity: &EntityKey) -> Result<Option<HoldRow>, StoreError> {
        self.row("hold", hold_sql!("WHERE entity = $1 AND closed_at_ms IS NULL"), args![entity]).await?.as_ref().map(hold).transpose()
    }

    /// The open holds of an account, or of all, by entity.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn open_holds(&mut self, account: Option<&AccountId>) -> Result<Vec<HoldRow>, StoreError> {
        let sql = hold_sql!("WHERE ($1 IS NULL OR account = $1) AND closed_at_ms IS NULL ORDER BY entity");
        self.rows("hold", sql, args![account]).await?.iter().map(hold).collect()
    }

    /// The newest hold of each entity of an account that has none open, by entity: the values people have put in place of ours.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn newest_ended_holds(&mut self, account: &AccountId) -> Result<Vec<HoldRow>, StoreError> {
        let sql = hold_sql!(
            "WHERE account = $1 AND NOT EXISTS (SELECT 1 FROM hold n WHERE n.entity = hold.entity AND (n.closed_at_ms IS NULL \
             OR n.closed_at_ms > hold.closed_at_ms OR (n.closed_at_ms = hold.closed_at_ms AND n.id > hold.id))) ORDER BY entity"
        );
        self.rows("hold", sql, args![account]).await?.iter().map(hold).collect()
    }

    /// The holds on an entity that were open at any time from `from` on, oldest first: what voids a prediction.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn holds_since(&mut self, entity: &EntityKey, from: ProductTime) -> Result<Vec<HoldRow>, StoreError> {
        let sql = hold_sql!("WHERE entity = $1 AND (closed_at_ms IS NULL OR closed_at_ms >= $2) ORDER BY opened_at_ms, id");
        self.rows("hold", sql, args![entity, from]).await?.iter().map(hold).collect()
    }
}

fn hold(row: &Row) -> Result<HoldRow, StoreError> {
    let closed = match (row.maybe_product("closed_at_ms")?, row.maybe_text("closed_by")?) {
        (Some(at), Some(by)) => Some((at, by)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.lies("only half closed")),
    };
    Ok(HoldRow {
        id: row.parse("id")?,
        entity: row.parse("entity")?,
        account: row.parse("account")?,
        reason: row.text("reason")?,
        ticket: row.maybe_parse("ticket")?,
        opened: row.product("opened_at_ms")?,
        expires: row.product("expires_ms")?,
        closed,
        payload: row.text("payload")?,
    })
}
