//! The lease on a shard: one statement on the database's own clock, and a token that rises with every change of holder.

use std::time::Duration;

use super::row::args;
use super::{Engine, StoreError, Tx};
use crate::domain::ids::{NodeId, ShardId};

/// The right to write for a shard, as long as the row agrees. Whatever spends demands one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which shard.
    pub shard: ShardId,
    /// Who holds it.
    pub node: NodeId,
    /// Rises with every change of holder; a write under a lower one fails.
    pub token: i64,
}

macro_rules! acquire {
    ($now:literal) => {
        concat!(
            "INSERT INTO lease (shard, holder, token, expires_ms) VALUES ($1, $2, 1, ",
            $now,
            " + $3) ON CONFLICT (shard) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms, \
             token = lease.token + CASE WHEN lease.holder = excluded.holder AND lease.expires_ms > ",
            $now,
            " THEN 0 ELSE 1 END WHERE lease.holder = excluded.holder OR lease.expires_ms <= ",
            $now,
            " RETURNING shard, token"
        )
    };
}
macro_rules! hold {
    ($now:literal) => {
        concat!("UPDATE lease SET expires_ms = expires_ms WHERE shard = $1 AND holder = $2 AND token = $3 AND expires_ms > ", $now)
    };
}

impl Tx {
    /// Takes or renews the lease on `shard` for `ttl`. `None` while another node holds it. The holder fences itself on its own monotonic clock,
    /// read before this call.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn acquire_lease(&mut self, shard: &ShardId, node: &NodeId, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let sql = match self.engine() {
            Engine::Sqlite => acquire!("CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
            Engine::Postgres => acquire!("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"),
        };
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 4);
        let row = self.row("lease", sql, args![shard, node, ttl_ms]).await?;
        row.map(|row| Ok(Lease { shard: shard.clone(), node: node.clone(), token: row.int("token")? })).transpose()
    }

    /// Makes sure, inside this transaction, that `lease` is still held; nobody can take it before the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it is not.
    pub async fn hold_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let sql = match self.engine() {
            Engine::Sqlite => hold!("CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
            Engine::Postgres => hold!("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"),
        };
        match self.run(sql, args![&lease.shard, &lease.node, lease.token]).await? {
            1 => Ok(()),
            _ => Err(StoreError::LeaseLost { shard: lease.shard.to_string(), token: lease.token }),
        }
    }

    /// Ends every lease an earlier process left behind and says how many. Only for SQLite, where the lock on the database file proves that no other process lives that
    /// could still write; the next holder's token rises as after any other change of holder.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn end_stale_leases(&mut self) -> Result<u64, StoreError> {
        match self.engine() {
            Engine::Sqlite => self.run("UPDATE lease SET expires_ms = 0 WHERE expires_ms > 0", args![]).await,
            // Other nodes may live: their leases run out by themselves.
            Engine::Postgres => Ok(0),
        }
    }

    /// Gives the lease up, so that another node need not wait for it to expire.
    ///
    /// # Errors
    /// [`StoreError`] from the database; a lease already lost is no error.
    pub async fn resign_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let sql = "UPDATE lease SET expires_ms = 0 WHERE shard = $1 AND holder = $2 AND token = $3";
        self.run(sql, args![&lease.shard, &lease.node, lease.token]).await.map(|_| ())
    }
}
