//! The log: steps chained per shard, and the bodies they hash.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::ids::ShardId;
use crate::ledger::chain::{self, Link};

/// Where a step landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRef {
    /// The chain.
    pub shard: ShardId,
    /// Its number in the chain.
    pub seq: i64,
    /// The new head of the chain.
    pub hash: String,
    /// The hash of its body.
    pub body_hash: String,
}

/// A stored step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// The chain.
    pub shard: ShardId,
    /// Its number in the chain.
    pub seq: i64,
    /// What it happened to: a decision's id, a ticket's, a scope.
    pub subject: Option<String>,
    /// What happened.
    pub kind: String,
    /// When, in product time.
    pub at: ProductTime,
    /// When, in UTC.
    pub wall: WallTime,
    /// The hash of its body.
    pub body_hash: String,
    /// The hash of the entry before it.
    pub prev: String,
    /// Its own hash.
    pub hash: String,
    /// Its body; none once erased.
    pub body: Option<String>,
}

impl StepRow {
    /// The step as its chain sees it.
    #[must_use]
    pub fn link(&self) -> Link<'_> {
        Link {
            shard: self.shard.as_str(),
            seq: self.seq,
            prev: &self.prev,
            at_ms: self.at.ms(),
            wall_ms: self.wall.ms(),
            kind: &self.kind,
            subject: self.subject.as_deref(),
            body_hash: &self.body_hash,
        }
    }
}

/// When something happened, on the two clocks a ledger row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Product time.
    pub at: ProductTime,
    /// UTC.
    pub wall: WallTime,
}

macro_rules! step_sql {
    ($tail:literal) => {
        concat!(
            "SELECT s.hash, s.shard, s.seq, s.subject, s.kind, s.at_ms, s.wall_ms, s.body_hash, s.prev_hash, b.content \
             FROM step s JOIN body b ON b.hash = s.body_hash ",
            $tail
        )
    };
}

impl Tx {
    /// Keeps `content` under its hash and returns the hash. Content that was erased stays erased.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn put_body(&mut self, content: &str) -> Result<String, StoreError> {
        let hash = chain::body_hash(content.as_bytes());
        self.run("INSERT INTO body (hash, content) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING", args![&hash, content]).await?;
        Ok(hash)
    }

    /// The content kept under `hash`; none when it was erased or never kept.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn body(&mut self, hash: &str) -> Result<Option<String>, StoreError> {
        let row = self.row("body", "SELECT hash, content FROM body WHERE hash = $1", args![hash]).await?;
        Ok(row.map(|row| row.maybe_text("content")).transpose()?.flatten())
    }

    /// Erases the content kept under `hash`; its hash stays and every chain still verifies.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn erase_body(&mut self, hash: &str) -> Result<(), StoreError> {
        self.run("UPDATE body SET content = NULL WHERE hash = $1", args![hash]).await.map(|_| ())
    }

    /// Appends one step to `shard`'s chain. Writers of one chain wait for each other here, so that order is commit order and there is no gap.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the shard does not exist or is closed.
    pub async fn append_step(&mut self, shard: &ShardId, kind: &str, subject: Option<&str>, when: Moment, body: &str) -> Result<StepRef, StoreError> {
        let body_hash = self.put_body(body).await?;
        let sql = "UPDATE shard SET seq = seq + 1 WHERE id = $1 AND closed_at_ms IS NULL RETURNING id, seq, head";
        let stale = || StoreError::Stale { table: "shard", id: shard.to_string(), expected: "open".into() };
        let row = self.row("shard", sql, args![shard]).await?.ok_or_else(stale)?;
        let (seq, prev) = (row.int("seq")?, row.text("head")?);
        let (at_ms, wall_ms) = (when.at.ms(), when.wall.ms());
        let link = Link { shard: shard.as_str(), seq, prev: &prev, at_ms, wall_ms, kind, subject, body_hash: &body_hash };
        let hash = chain::link_hash(&link);
        let sql = "INSERT INTO step (shard, seq, subject, kind, at_ms, wall_ms, body_hash, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.run(sql, args![shard, seq, subject, kind, at_ms, wall_ms, &body_hash, &prev, &hash]).await?;
        self.run("UPDATE shard SET head = $2 WHERE id = $1", args![shard, &hash]).await?;
        Ok(StepRef { shard: shard.clone(), seq, hash, body_hash })
    }

    /// Up to `limit` steps of a chain after number `after`, in order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn chain_page(&mut self, shard: &ShardId, after: i64, limit: u32) -> Result<Vec<StepRow>, StoreError> {
        let sql = step_sql!("WHERE s.shard = $1 AND s.seq > $2 ORDER BY s.seq LIMIT $3");
        self.rows("step", sql, args![shard, after, limit]).await?.iter().map(step).collect()
    }

    /// Every step of one subject, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn steps_of(&mut self, subject: &str) -> Result<Vec<StepRow>, StoreError> {
        let sql = step_sql!("WHERE s.subject = $1 ORDER BY s.at_ms, s.seq");
        self.rows("step", sql, args![subject]).await?.iter().map(step).collect()
    }
}

fn step(row: &Row) -> Result<StepRow, StoreError> {
    Ok(StepRow {
        shard: row.parse("shard")?,
        seq: row.int("seq")?,
        subject: row.maybe_text("subject")?,
        kind: row.text("kind")?,
        at: row.product("at_ms")?,
        wall: row.wall("wall_ms")?,
        body_hash: row.text("body_hash")?,
        prev: row.text("prev_hash")?,
        hash: row.text("hash")?,
        body: row.maybe_text("content")?,
    })
}
