//! Shards: what runs on one node under one lease and one chain. The shard named `workspace` carries the admin entries.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::ids::ShardId;

/// A stored shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRow {
    /// Its id.
    pub id: ShardId,
    /// When its chain began.
    pub opened: ProductTime,
    /// When its chain was closed, if it was.
    pub closed: Option<ProductTime>,
    /// Its pools and accounts, as JSON of the supervisor.
    pub members: String,
    /// The number of the chain's last entry; 0 before the first.
    pub seq: i64,
    /// The hash of the chain's last entry; empty before the first.
    pub head: String,
}

impl Tx {
    /// Opens a shard, or leaves it as it is when it exists. True when it was opened now.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn open_shard(&mut self, id: &ShardId, members: &str, at: ProductTime) -> Result<bool, StoreError> {
        let sql = "INSERT INTO shard (id, opened_at_ms, members) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
        Ok(self.run(sql, args![id, at, members]).await? == 1)
    }

    /// Closes a shard: nothing can be appended to its chain any more.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn close_shard(&mut self, id: &ShardId, at: ProductTime) -> Result<(), StoreError> {
        self.run_expecting("UPDATE shard SET closed_at_ms = $2 WHERE id = $1 AND closed_at_ms IS NULL", args![id, at], "shard", id, "open").await
    }

    /// One shard.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn shard(&mut self, id: &ShardId) -> Result<Option<ShardRow>, StoreError> {
        let row = self.row("shard", "SELECT id, opened_at_ms, closed_at_ms, members, seq, head FROM shard WHERE id = $1", args![id]).await?;
        row.as_ref().map(shard).transpose()
    }

    /// Every shard, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn shards(&mut self) -> Result<Vec<ShardRow>, StoreError> {
        let rows = self.rows("shard", "SELECT id, opened_at_ms, closed_at_ms, members, seq, head FROM shard ORDER BY id", args![]).await?;
        rows.iter().map(shard).collect()
    }
}

fn shard(row: &Row) -> Result<ShardRow, StoreError> {
    Ok(ShardRow {
        id: row.parse("id")?,
        opened: row.product("opened_at_ms")?,
        closed: row.maybe_product("closed_at_ms")?,
        members: row.text("members")?,
        seq: row.int("seq")?,
        head: row.text("head")?,
    })
}
