//! Rounds: everything a replay needs, the run record, and the increases that wait for their funding.

use std::collections::BTreeMap;

use super::decision::Cursor;
use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, NodeId, PoolId, RoundId, ShardId};
use crate::domain::money::Money;

/// A stored round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundRow {
    /// Its id.
    pub id: RoundId,
    /// The pool.
    pub pool: PoolId,
    /// The shard it ran in.
    pub shard: ShardId,
    /// The one `now` of the round.
    pub now: ProductTime,
    /// When it began, in UTC.
    pub started_wall: WallTime,
    /// When it ended; none while it runs, or when the process died in it.
    pub finished_wall: Option<WallTime>,
    /// Why it was run, in one word of the cycle.
    pub reason: String,
    /// The policy it ran under.
    pub policy_hash: String,
    /// The goals, as JSON.
    pub goals: String,
    /// The books it saw, open intents included, as JSON.
    pub open_intents: String,
    /// The learner's checkpoint, as JSON.
    pub beliefs: String,
    /// The hash of the view.
    pub view_hash: String,
    /// The seed of everything random in it.
    pub seed: String,
    /// The build that ran it.
    pub engine: String,
    /// The node that ran it.
    pub node: NodeId,
    /// The run record, as JSON; none while it runs.
    pub record: Option<String>,
}

/// An increase of a settlement that waits until the reductions that fund it are confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingIncrease {
    /// The round that settled it.
    pub round: RoundId,
    /// Its place among those that wait.
    pub rank: i64,
    /// The pool.
    pub pool: PoolId,
    /// The budget.
    pub entity: EntityKey,
    /// What it is to become.
    pub to: Money,
    /// The settled change, as JSON.
    pub payload: String,
}

macro_rules! round_sql {
    ($tail:literal) => {
        concat!(
            "SELECT id, pool, shard, now_ms, started_wall_ms, finished_wall_ms, reason, policy_hash, goals, open_intents, beliefs, view_hash, seed, engine, \
             node, record FROM round ",
            $tail
        )
    };
}

impl Tx {
    /// Stores a round that is under way, with the number of the read it saw of each account.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken.
    pub async fn insert_round(&mut self, new: &RoundRow, polls: &BTreeMap<AccountId, i64>) -> Result<(), StoreError> {
        let sql = "INSERT INTO round (id, pool, shard, now_ms, started_wall_ms, finished_wall_ms, reason, policy_hash, goals, open_intents, beliefs, view_hash, \
                   seed, engine, node, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let values = args![
            &new.id,
            &new.pool,
            &new.shard,
            new.now,
            new.started_wall,
            new.finished_wall,
            &new.reason,
            &new.policy_hash,
            &new.goals,
            &new.open_intents,
            &new.beliefs,
            &new.view_hash,
            &new.seed,
            &new.engine,
            &new.node,
            new.record.as_deref(),
        ];
        self.run(sql, values).await?;
        for (account, seq) in polls {
            self.run("INSERT INTO round_poll (round, account, poll_seq) VALUES ($1, $2, $3)", args![&new.id, account, *seq]).await?;
        }
        Ok(())
    }

    /// Ends a round with its run record.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has ended already.
    pub async fn finish_round(&mut self, id: &RoundId, at: WallTime, record: &str) -> Result<(), StoreError> {
        let sql = "UPDATE round SET finished_wall_ms = $2, record = $3 WHERE id = $1 AND finished_wall_ms IS NULL";
        self.run_expecting(sql, args![id, at, record], "round", id, "under way").await
    }

    /// One round.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn round(&mut self, id: &RoundId) -> Result<Option<RoundRow>, StoreError> {
        self.row("round", round_sql!("WHERE id = $1"), args![id]).await?.as_ref().map(round).transpose()
    }

    /// The rounds of a pool, or of all pools, newest first, after `after` (whose `seq` does not count).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn rounds(&mut self, pool: Option<&PoolId>, after: Option<&Cursor>, limit: u32) -> Result<Vec<RoundRow>, StoreError> {
        let sql = round_sql!("WHERE ($1 IS NULL OR pool = $1) AND ($2 IS NULL OR (now_ms, id) < ($2, $3)) ORDER BY now_ms DESC, id DESC LIMIT $4");
        let values = args![pool, after.map(|cursor| cursor.at), after.map(|cursor| cursor.id.as_str()), limit];
        self.rows("round", sql, values).await?.iter().map(round).collect()
    }

    /// The newest round of a pool that was run for `reason`, or for any.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn newest_round(&mut self, pool: &PoolId, reason: Option<&str>) -> Result<Option<RoundRow>, StoreError> {
        let sql = round_sql!("WHERE pool = $1 AND ($2 IS NULL OR reason = $2) ORDER BY now_ms DESC, id DESC LIMIT 1");
        self.row("round", sql, args![pool, reason]).await?.as_ref().map(round).transpose()
    }

    /// The number of the read of each account that a round saw.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn polls_of_round(&mut self, id: &RoundId) -> Result<BTreeMap<AccountId, i64>, StoreError> {
        let rows = self.rows("round_poll", "SELECT account, poll_seq FROM round_poll WHERE round = $1 ORDER BY account", args![id]).await?;
        rows.iter().map(|row| Ok((row.parse("account")?, row.int("poll_seq")?))).collect()
    }

    /// Replaces what waits in a pool by the rest of a newer settlement; what waited until now is dropped.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a rank stands twice.
    pub async fn replace_waiting(&mut self, pool: &PoolId, waiting: &[WaitingIncrease]) -> Result<(), StoreError> {
        self.run("UPDATE waiting_increase SET state = 'dropped' WHERE pool = $1 AND state = 'waiting'", args![pool]).await?;
        for next in waiting {
            let sql =
                "INSERT INTO waiting_increase (round, rank, pool, entity, to_micros, currency, payload, state) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting')";
            self.run(sql, args![&next.round, next.rank, pool, &next.entity, next.to.micros(), &next.to.currency(), &next.payload]).await?;
        }
        Ok(())
    }

    /// What waits in a pool, in its order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn waiting(&mut self, pool: &PoolId) -> Result<Vec<WaitingIncrease>, StoreError> {
        let sql = "SELECT round, rank, pool, entity, to_micros, currency, payload FROM waiting_increase \
                   WHERE pool = $1 AND state = 'waiting' ORDER BY round, rank";
        let rows = self.rows("waiting_increase", sql, args![pool]).await?;
        rows.iter()
            .map(|row| {
                Ok(WaitingIncrease {
                    round: row.parse("round")?,
                    rank: row.int("rank")?,
                    pool: row.parse("pool")?,
                    entity: row.parse("entity")?,
                    to: row.money("to_micros")?,
                    payload: row.text("payload")?,
                })
            })
            .collect()
    }

    /// One that waited is recorded as a decision.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it waits no more.
    pub async fn waiting_recorded(&mut self, round: &RoundId, rank: i64) -> Result<(), StoreError> {
        let sql = "UPDATE waiting_increase SET state = 'recorded' WHERE round = $1 AND rank = $2 AND state = 'waiting'";
        self.run_expecting(sql, args![round, rank], "waiting_increase", format!("{round}/{rank}"), "waiting").await
    }
}

fn round(row: &Row) -> Result<RoundRow, StoreError> {
    Ok(RoundRow {
        id: row.parse("id")?,
        pool: row.parse("pool")?,
        shard: row.parse("shard")?,
        now: row.product("now_ms")?,
        started_wall: row.wall("started_wall_ms")?,
        finished_wall: row.maybe_wall("finished_wall_ms")?,
        reason: row.text("reason")?,
        policy_hash: row.text("policy_hash")?,
        goals: row.text("goals")?,
        open_intents: row.text("open_intents")?,
        beliefs: row.text("beliefs")?,
        view_hash: row.text("view_hash")?,
        seed: row.text("seed")?,
        engine: row.text("engine")?,
        node: row.parse("node")?,
        record: row.maybe_text("record")?,
    })
}
