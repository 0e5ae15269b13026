//! Requests that left, or were about to. A row is committed before the first byte; only what became of it is written afterwards.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, DecisionId, DispatchId, NodeId, PollId, ShardId};

/// What a request counts as against the platform's edit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Ordinary work.
    Ordinary,
    /// An undo, for which a reserve is kept.
    Undo,
}

impl Purpose {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Undo => "undo",
        }
    }
}

/// A request: as it is about to leave, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchRow {
    /// Its id.
    pub id: DispatchId,
    /// The chain of its decisions.
    pub shard: ShardId,
    /// The account it goes to.
    pub account: AccountId,
    /// The entity it changes.
    pub entity: Option<EntityKey>,
    /// What it counts as.
    pub purpose: Purpose,
    /// HTTP method.
    pub method: String,
    /// Absolute URL without secrets.
    pub url: String,
    /// Lower-case hex of SHA-256 over the bytes of the body as sent.
    pub body_hash: String,
    /// Which attempt of its decisions this is, from 1.
    pub attempt: u32,
    /// The read on which it was judged.
    pub poll: Option<PollId>,
    /// The node that sends it.
    pub node: NodeId,
    /// The fencing token it is sent under.
    pub lease_token: i64,
    /// When, in product time.
    pub at: ProductTime,
    /// When, in UTC.
    pub sent_wall: WallTime,
    /// When it is aborted, in UTC.
    pub deadline_wall: WallTime,
    /// When it was answered or given up.
    pub answered_wall: Option<WallTime>,
    /// What became of it, in one word of the execution room; none while nobody knows.
    pub result: Option<String>,
    /// The answer, redacted, as JSON.
    pub answer: Option<String>,
}

macro_rules! dispatch_sql {
    ($tail:literal) => {
        concat!(
            "SELECT x.id, x.shard, x.account, x.entity, x.purpose, x.method, x.url, x.body_hash, x.attempt, x.poll, x.node, x.lease_token, x.at_ms, \
             x.sent_wall_ms, x.deadline_wall_ms, x.answered_wall_ms, x.result, x.answer FROM dispatch x ",
            $tail
        )
    };
}

impl Tx {
    /// Records a request that is about to leave, for the decisions it carries out; its result columns are not written. `body` is kept when given,
    /// and must then hash to `body_hash`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the body is not the one that is hashed.
    pub async fn insert_dispatch(&mut self, new: &DispatchRow, decisions: &[DecisionId], body: Option<&str>) -> Result<(), StoreError> {
        if let Some(body) = body
            && self.put_body(body).await? != new.body_hash
        {
            return Err(StoreError::Corrupt { table: "dispatch", id: new.id.to_string(), what: "the body does not match its hash".into() });
        }
        let sql = "INSERT INTO dispatch (id, shard, account, entity, purpose, method, url, body_hash, attempt, poll, node, lease_token, at_ms, sent_wall_ms, \
                   deadline_wall_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let values = args![
            &new.id,
            &new.shard,
            &new.account,
            new.entity.as_ref(),
            new.purpose.name(),
            &new.method,
            &new.url,
            &new.body_hash,
            new.attempt,
            new.poll.as_ref(),
            &new.node,
            new.lease_token,
            new.at,
            new.sent_wall,
            new.deadline_wall,
        ];
        self.run(sql, values).await?;
        for decision in decisions {
            self.run("INSERT INTO dispatch_decision (dispatch, decision) VALUES ($1, $2)", args![&new.id, decision]).await?;
        }
        Ok(())
    }

    /// Writes what became of a request. A result other than `unknown` is final.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has a final result already.
    pub async fn finish_dispatch(&mut self, id: &DispatchId, at: WallTime, result: &str, answer: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE dispatch SET answered_wall_ms = $2, result = $3, answer = $4 WHERE id = $1 AND (result IS NULL OR result = 'unknown')";
        self.run_expecting(sql, args![id, at, result, answer], "dispatch", id, "without a final result").await
    }

    /// One request.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn dispatch(&mut self, id: &DispatchId) -> Result<Option<DispatchRow>, StoreError> {
        self.row("dispatch", dispatch_sql!("WHERE x.id = $1"), args![id]).await?.as_ref().map(dispatch).transpose()
    }

    /// The requests made for a decision, in order of attempt.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn dispatches_of(&mut self, decision: &DecisionId) -> Result<Vec<DispatchRow>, StoreError> {
        let sql = dispatch_sql!("JOIN dispatch_decision l ON l.dispatch = x.id WHERE l.decision = $1 ORDER BY x.attempt, x.at_ms, x.id");
        self.rows("dispatch", sql, args![decision]).await?.iter().map(dispatch).collect()
    }

    /// The decisions a request carries out.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn decisions_of_dispatch(&mut self, id: &DispatchId) -> Result<Vec<DecisionId>, StoreError> {
        let sql = "SELECT decision FROM dispatch_decision WHERE dispatch = $1 ORDER BY decision";
        self.rows("dispatch_decision", sql, args![id]).await?.iter().map(|row| row.parse("decision")).collect()
    }

    /// The requests of an account that nobody has an answer for, oldest first: what the orphan sweep looks at.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn unanswered_dispatches(&mut self, account: &AccountId) -> Result<Vec<DispatchRow>, StoreError> {
        let sql = dispatch_sql!("WHERE x.account = $1 AND x.result IS NULL ORDER BY x.sent_wall_ms, x.id");
        self.rows("dispatch", sql, args![account]).await?.iter().map(dispatch).collect()
    }

    /// The requests that changed an entity at `since` or later, oldest first: sliding-window edit limits and values of our own.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn dispatches_since(&mut self, entity: &EntityKey, since: ProductTime) -> Result<Vec<DispatchRow>, StoreError> {
        let sql = dispatch_sql!("WHERE x.entity = $1 AND x.at_ms >= $2 ORDER BY x.at_ms, x.id");
        self.rows("dispatch", sql, args![entity, since]).await?.iter().map(dispatch).collect()
    }

    /// The requests to an account at `since` or later, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn account_dispatches_since(&mut self, account: &AccountId, since: ProductTime) -> Result<Vec<DispatchRow>, StoreError> {
        let sql = dispatch_sql!("WHERE x.account = $1 AND x.at_ms >= $2 ORDER BY x.at_ms, x.id");
        self.rows("dispatch", sql, args![account, since]).await?.iter().map(dispatch).collect()
    }
}

fn dispatch(row: &Row) -> Result<DispatchRow, StoreError> {
    let purpose = match row.text("purpose")?.as_str() {
        "ordinary" => Purpose::Ordinary,
        "undo" => Purpose::Undo,
        other => return Err(row.lies(format!("`{other}` is no purpose"))),
    };
    Ok(DispatchRow {
        id: row.parse("id")?,
        shard: row.parse("shard")?,
        account: row.parse("account")?,
        entity: row.maybe_parse("entity")?,
        purpose,
        method: row.text("method")?,
        url: row.text("url")?,
        body_hash: row.text("body_hash")?,
        attempt: u32::try_from(row.int("attempt")?).map_err(|error| row.lies(error))?,
        poll: row.maybe_parse("poll")?,
        node: row.parse("node")?,
        lease_token: row.int("lease_token")?,
        at: row.product("at_ms")?,
        sent_wall: row.wall("sent_wall_ms")?,
        deadline_wall: row.wall("deadline_wall_ms")?,
        answered_wall: row.maybe_wall("answered_wall_ms")?,
        result: row.maybe_text("result")?,
        answer: row.maybe_text("answer")?,
    })
}
