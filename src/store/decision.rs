//! Decisions: what was wanted (never changed), and where each one stands now (a projection of its steps).

use super::row::{Row, args};
use super::step::Moment;
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::change::{ActionKind, Direction};
use crate::domain::decision::DecisionState;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, AgentId, ChangeSetId, DecisionId, PoolId, RoundId, ShardId};
use crate::domain::money::Money;

/// A decision about to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDecision {
    /// Its id.
    pub id: DecisionId,
    /// The chain it is written to.
    pub shard: ShardId,
    /// The pool whose money it moves.
    pub pool: Option<PoolId>,
    /// The round it came from.
    pub round: Option<RoundId>,
    /// The change set it belongs to, and its place in it.
    pub change_set: Option<(ChangeSetId, i64)>,
    /// The account.
    pub account: AccountId,
    /// The entity whose order of changes it belongs to.
    pub entity: Option<EntityKey>,
    /// The kind of actor, by its domain name.
    pub actor_kind: String,
    /// Who.
    pub actor: String,
    /// What kind of action.
    pub action: ActionKind,
    /// Which way it moves spend.
    pub direction: Direction,
    /// The decision it undoes.
    pub undoes: Option<DecisionId>,
    /// What it does to committed money, where it does: (what the budget costs now, what it will cost). `entity` is then the budget.
    pub moves: Option<(Money, Money)>,
    /// Cost if it turns out wrong.
    pub stake: Option<Money>,
    /// The policy it was judged under.
    pub policy_hash: String,
    /// When.
    pub when: Moment,
    /// Everything else, as JSON of the ledger: reasoning, evidence, verdicts, prediction.
    pub body: String,
}

/// A stored decision with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// Its chain.
    pub shard: ShardId,
    /// The number of its first step in the chain.
    pub seq: i64,
    /// The pool whose money it moves.
    pub pool: Option<PoolId>,
    /// The round it came from.
    pub round: Option<RoundId>,
    /// The change set it belongs to.
    pub change_set: Option<ChangeSetId>,
    /// Its place in the change set.
    pub change_order: i64,
    /// The account.
    pub account: AccountId,
    /// The entity whose order of changes it belongs to.
    pub entity: Option<EntityKey>,
    /// The kind of actor, by its domain name.
    pub actor_kind: String,
    /// Who.
    pub actor: String,
    /// What kind of action.
    pub action: ActionKind,
    /// Which way it moves spend.
    pub direction: Direction,
    /// The decision it undoes.
    pub undoes: Option<DecisionId>,
    /// The policy it was judged under.
    pub policy_hash: String,
    /// The hash of its body.
    pub body_hash: String,
    /// Its body; none once erased.
    pub body: Option<String>,
    /// When it was recorded, in product time.
    pub at: ProductTime,
    /// When it was recorded, in UTC.
    pub wall: WallTime,
    /// Where it stands.
    pub state: DecisionState,
    /// Since when.
    pub since: ProductTime,
    /// What it does to committed money: (from, to).
    pub moves: Option<(Money, Money)>,
    /// Cost if it turns out wrong.
    pub stake: Option<Money>,
    /// When a request for it was last dispatched.
    pub changed: Option<ProductTime>,
    /// When somebody must look at it again.
    pub due: Option<ProductTime>,
}

impl DecisionRow {
    /// Where a page that ends with this row goes on.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.at, seq: self.seq, id: self.id.to_string() }
    }
}

/// A place in a list ordered newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Product time of the last row seen.
    pub at: ProductTime,
    /// Its number; 0 in lists that have none.
    pub seq: i64,
    /// Its id.
    pub id: String,
}

/// Which decisions a list shows; everything by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this pool.
    pub pool: Option<PoolId>,
    /// Of this entity.
    pub entity: Option<EntityKey>,
    /// By this actor.
    pub actor: Option<String>,
    /// In the state of this name.
    pub state: Option<String>,
    /// From this round.
    pub round: Option<RoundId>,
}

macro_rules! decision_sql {
    ($tail:literal) => {
        concat!(
            "SELECT d.id, d.shard, d.seq, d.pool, d.round, d.change_set, d.change_order, d.account, d.entity, d.actor_kind, d.actor, d.action, d.direction, \
             d.undoes, d.policy_hash, d.body_hash, b.content, d.at_ms, d.wall_ms, s.state, s.attempt, s.since_ms, s.from_micros, s.to_micros, \
             s.stake_micros, s.currency, s.changed_ms, s.due_ms \
             FROM decision d JOIN decision_state s ON s.decision = d.id JOIN body b ON b.hash = d.body_hash ",
            $tail
        )
    };
}

impl Tx {
    /// Records a decision: its body, its first step (`proposed`) in the chain, the row itself and its projection.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the shard is closed, [`StoreError::Duplicate`] when the id is taken.
    pub async fn insert_decision(&mut self, new: &NewDecision) -> Result<super::step::StepRef, StoreError> {
        let id = new.id.to_string();
        let step = self.append_step(&new.shard, DecisionState::Proposed.name(), Some(&id), new.when, &new.body).await?;
        let (change_set, change_order) = new.change_set.as_ref().map_or((None, 0), |(set, order)| (Some(set), *order));
        let sql = "INSERT INTO decision (id, shard, seq, pool, round, change_set, change_order, account, entity, actor_kind, actor, action, direction, undoes, \
                   body_hash, policy_hash, at_ms, wall_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        let values = args![
            &id,
            &new.shard,
            step.seq,
            new.pool.as_ref(),
            new.round.as_ref(),
            change_set,
            change_order,
            &new.account,
            new.entity.as_ref(),
            &new.actor_kind,
            &new.actor,
            new.action.name(),
            direction_name(new.direction),
            new.undoes.as_ref(),
            &step.body_hash,
            &new.policy_hash,
            new.when.at,
            new.when.wall,
        ];
        self.run(sql, values).await?;
        let currency = new.moves.map(|(_, to)| to.currency()).or_else(|| new.stake.map(Money::currency));
        let sql = "INSERT INTO decision_state (decision, state, account, entity, pool, actor_kind, actor, action, direction, from_micros, to_micros, \
                   stake_micros, currency, seq, at_ms, since_ms) VALUES ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)";
        let values = args![
            &id,
            &new.account,
            new.entity.as_ref(),
            new.pool.as_ref(),
            &new.actor_kind,
            &new.actor,
            new.action.name(),
            direction_name(new.direction),
            new.moves.map(|(from, _)| from.micros()),
            new.moves.map(|(_, to)| to.micros()),
            new.stake.map(Money::micros),
            currency.as_ref(),
            step.seq,
            new.when.at,
        ];
        self.run(sql, values).await?;
        Ok(step)
    }

    /// Moves a decision from the state it was read in to the next: one step in the chain, one update that names the state it expects. `kind` and
    /// `body` are the step's; `due` is when somebody must look again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the decision is no longer in `from`.
    pub async fn move_decision(
        &mut self,
        id: &DecisionId,
        from: DecisionState,
        to: DecisionState,
        when: Moment,
        due: Option<ProductTime>,
        body: &str,
    ) -> Result<super::step::StepRef, StoreError> {
        // The chain first, in every transaction: two that take the same rows in another order would block each other.
        let stale = || StoreError::Stale { table: "decision_state", id: id.to_string(), expected: from.name().to_owned() };
        let shard = self.row("decision", "SELECT id, shard FROM decision WHERE id = $1", args![id]).await?.ok_or_else(stale)?.parse("shard")?;
        let step = self.append_step(&shard, to.name(), Some(&id.to_string()), when, body).await?;
        let sql = "UPDATE decision_state SET state = $2, attempt = $3, since_ms = $4, due_ms = $5, \
                   changed_ms = CASE WHEN $2 = 'dispatched' THEN $4 ELSE changed_ms END WHERE decision = $1 AND state = $6 AND attempt = $7";
        let values = args![id, to.name(), to.attempt(), when.at, due, from.name(), from.attempt()];
        self.run_expecting(sql, values, "decision_state", id, from.name()).await?;
        Ok(step)
    }

    /// Sets when somebody must look at a decision again.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn set_due(&mut self, id: &DecisionId, due: Option<ProductTime>) -> Result<(), StoreError> {
        self.run("UPDATE decision_state SET due_ms = $2 WHERE decision = $1", args![id, due]).await.map(|_| ())
    }

    /// One decision.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn decision(&mut self, id: &DecisionId) -> Result<Option<DecisionRow>, StoreError> {
        self.row("decision", decision_sql!("WHERE d.id = $1"), args![id]).await?.as_ref().map(decision).transpose()
    }

    /// The decisions that match `filter`, newest first, after `after`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn decisions(&mut self, filter: &DecisionFilter, after: Option<&Cursor>, limit: u32) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!(
            "WHERE ($1 IS NULL OR d.account = $1) AND ($2 IS NULL OR d.pool = $2) AND ($3 IS NULL OR d.entity = $3) AND ($4 IS NULL OR d.actor = $4) \
             AND ($5 IS NULL OR s.state = $5) AND ($6 IS NULL OR d.round = $6) AND ($7 IS NULL OR (d.at_ms, d.seq, d.id) < ($7, $8, $9)) \
             ORDER BY d.at_ms DESC, d.seq DESC, d.id DESC LIMIT $10"
        );
        let values = args![
            filter.account.as_ref(),
            filter.pool.as_ref(),
            filter.entity.as_ref(),
            filter.actor.as_deref(),
            filter.state.as_deref(),
            filter.round.as_ref(),
            after.map(|cursor| cursor.at),
            after.map(|cursor| cursor.seq),
            after.map(|cursor| cursor.id.as_str()),
            limit,
        ];
        self.rows("decision", sql, values).await?.iter().map(decision).collect()
    }

    /// The decisions of an account in the state of this name, in the order in which they were recorded: its outbox when that is `authorised`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn decisions_in_state(&mut self, account: &AccountId, state: &str) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE s.account = $1 AND s.state = $2 ORDER BY s.at_ms, s.seq");
        self.rows("decision", sql, args![account, state]).await?.iter().map(decision).collect()
    }

    /// The open intents of an account: authorised, dispatched or unknown, in the order in which they were recorded.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn open_of_account(&mut self, account: &AccountId) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE s.account = $1 AND s.state IN ('authorised', 'dispatched', 'unknown') ORDER BY s.at_ms, s.seq");
        self.rows("decision", sql, args![account]).await?.iter().map(decision).collect()
    }

    /// The open intents of a pool.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn open_of_pool(&mut self, pool: &PoolId) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE s.pool = $1 AND s.state IN ('authorised', 'dispatched', 'unknown') ORDER BY s.at_ms, s.seq");
        self.rows("decision", sql, args![pool]).await?.iter().map(decision).collect()
    }

    /// Every decision whose request was dispatched at `since` or later or that is still open, in the order in which they were recorded: what cooldowns, rolling
    /// sums and learning phases are computed from.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn moves_since(&mut self, account: &AccountId, since: ProductTime) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!(
            "WHERE s.account = $1 AND (s.state IN ('authorised', 'dispatched', 'unknown') OR (s.changed_ms >= $2 AND s.state IN ('applied', 'scored', 'void'))) \
             ORDER BY s.at_ms, s.seq"
        );
        self.rows("decision", sql, args![account, since]).await?.iter().map(decision).collect()
    }

    /// Every decision of an account whose request was dispatched at `since` or later, whatever became of it, in the order in which they were
    /// recorded: whose values are ours.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn dispatched_since(&mut self, account: &AccountId, since: ProductTime) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE s.account = $1 AND s.changed_ms >= $2 ORDER BY s.at_ms, s.seq");
        self.rows("decision", sql, args![account, since]).await?.iter().map(decision).collect()
    }

    /// The decisions an agent staked money on since `since` that were or may be carried out, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn stakes_since(&mut self, agent: &AgentId, since: ProductTime) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!(
            "WHERE s.actor = $1 AND s.at_ms >= $2 AND s.actor_kind IN ('agent', 'wave') AND s.stake_micros IS NOT NULL \
             AND s.state IN ('authorised', 'dispatched', 'unknown', 'applied', 'scored', 'void') ORDER BY s.at_ms, s.seq"
        );
        self.rows("decision", sql, args![agent, since]).await?.iter().map(decision).collect()
    }

    /// The decisions of a change set, in its order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn decisions_of_change_set(&mut self, set: &ChangeSetId) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE d.change_set = $1 ORDER BY d.change_order, d.seq");
        self.rows("decision", sql, args![set]).await?.iter().map(decision).collect()
    }

    /// The undos of a decision, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn undos_of(&mut self, id: &DecisionId) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = decision_sql!("WHERE d.undoes = $1 ORDER BY d.at_ms, d.seq");
        self.rows("decision", sql, args![id]).await?.iter().map(decision).collect()
    }

    /// Records a change set.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken.
    pub async fn insert_change_set(&mut self, id: &ChangeSetId, kind: &str, title: &str, by: &str, when: Moment, payload: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO change_set (id, kind, title, made_by, at_ms, wall_ms, payload) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        self.run(sql, args![id, kind, title, by, when.at, when.wall, payload]).await.map(|_| ())
    }
}

/// The stored name of a direction.
#[must_use]
pub const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Protective => "protective",
        Direction::Neutral => "neutral",
        Direction::Growth => "growth",
    }
}

fn direction(row: &Row) -> Result<Direction, StoreError> {
    let name = row.text("direction")?;
    let all = [Direction::Protective, Direction::Neutral, Direction::Growth];
    all.into_iter().find(|direction| direction_name(*direction) == name).ok_or_else(|| row.lies(format!("`{name}` is no direction")))
}

pub(super) fn action(row: &Row) -> Result<ActionKind, StoreError> {
    let name = row.text("action")?;
    let all =
        [ActionKind::RaiseBudget, ActionKind::CutBudget, ActionKind::Activate, ActionKind::Pause, ActionKind::Bid, ActionKind::Targeting, ActionKind::Create];
    all.into_iter().find(|action| action.name() == name).ok_or_else(|| row.lies(format!("`{name}` is no kind of action")))
}

fn decision(row: &Row) -> Result<DecisionRow, StoreError> {
    let (name, attempt) = (row.text("state")?, row.int("attempt")?);
    let attempt = u32::try_from(attempt).map_err(|error| row.lies(error))?;
    let moves = match (row.maybe_money("from_micros")?, row.maybe_money("to_micros")?) {
        (Some(from), Some(to)) => Some((from, to)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.lies("only one end of a move")),
    };
    Ok(DecisionRow {
        id: row.parse("id")?,
        shard: row.parse("shard")?,
        seq: row.int("seq")?,
        pool: row.maybe_parse("pool")?,
        round: row.maybe_parse("round")?,
        change_set: row.maybe_parse("change_set")?,
        change_order: row.int("change_order")?,
        account: row.parse("account")?,
        entity: row.maybe_parse("entity")?,
        actor_kind: row.text("actor_kind")?,
        actor: row.text("actor")?,
        action: action(row)?,
        direction: direction(row)?,
        undoes: row.maybe_parse("undoes")?,
        policy_hash: row.text("policy_hash")?,
        body_hash: row.text("body_hash")?,
        body: row.maybe_text("content")?,
        at: row.product("at_ms")?,
        wall: row.wall("wall_ms")?,
        state: DecisionState::from_parts(&name, attempt).ok_or_else(|| row.lies(format!("`{name}` is no state")))?,
        since: row.product("since_ms")?,
        moves,
        stake: row.maybe_money("stake_micros")?,
        changed: row.maybe_product("changed_ms")?,
        due: row.maybe_product("due_ms")?,
    })
}
