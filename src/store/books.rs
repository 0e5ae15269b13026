//! The rows the ledger's books are computed from: a fixed number of queries, however many budgets there are.

use std::collections::BTreeMap;

use super::outcome::{OutcomeRow, outcome, outcome_sql};
use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::change::ActionKind;
use crate::domain::decision::DecisionState;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, AgentId, DecisionId, DispatchId, PoolId};
use crate::domain::money::Money;
use crate::domain::outcome::{OutcomeState, Prediction};

/// A budget as far as money is concerned; budgets that are gone are among them, for what they have spent.
#[derive(Clone, Debug, PartialEq)]
pub struct MoneyRow {
    /// Its key.
    pub key: EntityKey,
    /// The pool it belongs to, if any.
    pub pool: Option<PoolId>,
    /// The campaigns it pays for.
    pub members: Vec<EntityKey>,
    /// The amount last seen.
    pub live: Money,
    /// The amount last accepted.
    pub accepted: Money,
    /// Since when.
    pub accepted_at: ProductTime,
    /// Whether any member may deliver.
    pub delivering: bool,
    /// Whether the last full read no longer had it.
    pub gone: bool,
    /// Its amount at the instant asked about, or when it was first seen if that was later.
    pub was: Money,
    /// Whether it delivered then.
    pub was_delivering: bool,
}

/// A decision that may change the platform, or may already have done so.
#[derive(Clone, Debug, PartialEq)]
pub struct IntentRow {
    /// Its id.
    pub id: DecisionId,
    /// Where it stands.
    pub state: DecisionState,
    /// The account.
    pub account: AccountId,
    /// The pool.
    pub pool: Option<PoolId>,
    /// The entity whose order of changes it belongs to.
    pub entity: Option<EntityKey>,
    /// The kind of actor.
    pub actor_kind: String,
    /// Who.
    pub actor: String,
    /// What kind of action.
    pub action: ActionKind,
    /// What it does to committed money: (from, to).
    pub moves: Option<(Money, Money)>,
    /// Cost if it turns out wrong.
    pub stake: Option<Money>,
}

/// When an entity was last changed by requests that were not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMoves {
    /// The budget or entity.
    pub entity: EntityKey,
    /// Growth.
    pub grown: Option<ProductTime>,
    /// A cut or a pause.
    pub cut: Option<ProductTime>,
    /// A change of more than 20 %, or a start of delivery.
    pub significant: Option<ProductTime>,
    /// A start of delivery.
    pub started: Option<ProductTime>,
}

/// One scored outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// Who decided.
    pub actor: String,
    /// What kind of action.
    pub action: ActionKind,
    /// The account.
    pub account: AccountId,
    /// When it was scored.
    pub settled: ProductTime,
    /// What was predicted.
    pub prediction: Prediction,
    /// What came of it.
    pub state: OutcomeState,
}

impl Tx {
    /// Every decision that is authorised, dispatched or unknown, and those a person was asked about because nobody can tell what became of their
    /// request; read before [`Tx::money_rows`], so that a change that is confirmed in between is counted twice rather than not at all.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn intents(&mut self) -> Result<Vec<IntentRow>, StoreError> {
        let sql = "SELECT s.decision, s.state, s.attempt, s.account, s.pool, s.entity, s.actor_kind, s.actor, s.action, s.from_micros, s.to_micros, \
                   s.stake_micros, s.currency FROM decision_state s WHERE s.state IN ('authorised', 'dispatched', 'unknown') \
                   OR (s.state IN ('escalated', 'approved') AND s.changed_ms IS NOT NULL AND EXISTS (SELECT 1 FROM dispatch_decision l \
                   JOIN dispatch x ON x.id = l.dispatch WHERE l.decision = s.decision AND (x.result IS NULL OR x.result = 'unknown'))) \
                   ORDER BY s.at_ms, s.seq";
        self.rows("decision_state", sql, args![]).await?.iter().map(intent).collect()
    }

    /// Every budget, with what it was at `then`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn money_rows(&mut self, then: ProductTime) -> Result<Vec<MoneyRow>, StoreError> {
        let sql = "SELECT b.key, b.pool, b.members, b.currency, b.live_micros, b.accepted_micros, b.accepted_at_ms, b.delivering, b.gone, \
                   a.live_micros AS was_micros, a.delivering AS was_delivering FROM budget b JOIN budget_amount a ON a.key = b.key \
                   AND a.seq = COALESCE((SELECT MAX(h.seq) FROM budget_amount h WHERE h.key = b.key AND h.at_ms <= $1), 1) ORDER BY b.key";
        self.rows("budget", sql, args![then]).await?.iter().map(money).collect()
    }

    /// The most each budget of an account has stood at since `since`, the amount of that instant included.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn most_since(&mut self, account: &AccountId, since: ProductTime) -> Result<BTreeMap<EntityKey, Money>, StoreError> {
        let sql = "SELECT b.key, b.currency, MAX(a.live_micros) AS n FROM budget b JOIN budget_amount a ON a.key = b.key WHERE b.account = $1 \
                   AND a.seq >= COALESCE((SELECT MAX(h.seq) FROM budget_amount h WHERE h.key = b.key AND h.at_ms <= $2), 1) \
                   GROUP BY b.key, b.currency ORDER BY b.key";
        self.rows("budget_amount", sql, args![account, since]).await?.iter().map(|row| Ok((row.parse("key")?, row.money("n")?))).collect()
    }

    /// When each entity was last changed, by requests at `since` or later.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn last_moves(&mut self, since: ProductTime) -> Result<Vec<LastMoves>, StoreError> {
        let sql = "SELECT entity, MAX(CASE WHEN direction = 'growth' THEN changed_ms END) AS grown, \
                   MAX(CASE WHEN direction = 'protective' THEN changed_ms END) AS cut, \
                   MAX(CASE WHEN action = 'activate' OR ABS(to_micros - from_micros) * 5 > from_micros THEN changed_ms END) AS significant, \
                   MAX(CASE WHEN action = 'activate' AND state IN ('applied', 'scored', 'void') THEN changed_ms END) AS started \
                   FROM decision_state WHERE changed_ms >= $1 AND entity IS NOT NULL AND state IN ('dispatched', 'unknown', 'applied', 'scored', 'void') \
                   GROUP BY entity ORDER BY entity";
        let rows = self.rows("decision_state", sql, args![since]).await?;
        rows.iter()
            .map(|row| {
                Ok(LastMoves {
                    entity: row.parse("entity")?,
                    grown: row.maybe_product("grown")?,
                    cut: row.maybe_product("cut")?,
                    significant: row.maybe_product("significant")?,
                    started: row.maybe_product("started")?,
                })
            })
            .collect()
    }

    /// How often each entity was written since `since`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn edits_since(&mut self, since: ProductTime) -> Result<BTreeMap<EntityKey, u32>, StoreError> {
        let sql = "SELECT entity, COUNT(*) AS n FROM dispatch WHERE at_ms > $1 AND entity IS NOT NULL GROUP BY entity ORDER BY entity";
        let rows = self.rows("dispatch", sql, args![since]).await?;
        rows.iter().map(|row| Ok((row.parse("entity")?, u32::try_from(row.int("n")?).map_err(|error| row.lies(error))?))).collect()
    }

    /// Entities whose last applied change of status is a pause, with who made it and when.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn last_pauses(&mut self) -> Result<Vec<(EntityKey, String, ProductTime)>, StoreError> {
        let sql = "SELECT s.entity, s.actor_kind, s.changed_ms FROM decision_state s WHERE s.action = 'pause' AND s.state IN ('applied', 'scored', 'void') \
                   AND s.entity IS NOT NULL AND s.changed_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM decision_state l WHERE l.entity = s.entity \
                   AND l.action IN ('pause', 'activate') AND l.state IN ('applied', 'scored', 'void') AND (l.changed_ms, l.seq) > (s.changed_ms, s.seq)) \
                   ORDER BY s.entity";
        let rows = self.rows("decision_state", sql, args![]).await?;
        rows.iter().map(|row| Ok((row.parse("entity")?, row.text("actor_kind")?, row.product("changed_ms")?))).collect()
    }

    /// Entities with an open hold.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn held_entities(&mut self) -> Result<Vec<EntityKey>, StoreError> {
        let rows = self.rows("hold", "SELECT entity FROM hold WHERE closed_at_ms IS NULL ORDER BY entity", args![]).await?;
        rows.iter().map(|row| row.parse("entity")).collect()
    }

    /// The scored outcomes settled at `since` or later, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn scores_since(&mut self, since: ProductTime) -> Result<Vec<ScoreRow>, StoreError> {
        let sql = "SELECT id, actor, action, account, settled_at_ms, prediction, result FROM outcome WHERE state = 'scored' AND settled_at_ms >= $1 \
                   ORDER BY settled_at_ms, id";
        let rows = self.rows("outcome", sql, args![since]).await?;
        rows.iter()
            .map(|row| {
                Ok(ScoreRow {
                    actor: row.text("actor")?,
                    action: super::decision::action(row)?,
                    account: row.parse("account")?,
                    settled: row.product("settled_at_ms")?,
                    prediction: serde_json::from_str(&row.text("prediction")?).map_err(|error| row.lies(error))?,
                    state: serde_json::from_str(&row.text("result")?).map_err(|error| row.lies(error))?,
                })
            })
            .collect()
    }

    /// When each scope's breaker was last re-armed, by the scope in words.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn rearmed(&mut self) -> Result<BTreeMap<String, ProductTime>, StoreError> {
        let sql =
            "SELECT subject, MAX(at_ms) AS n FROM step WHERE shard = 'workspace' AND kind = 'rearm' AND subject IS NOT NULL GROUP BY subject ORDER BY subject";
        self.rows("step", sql, args![]).await?.iter().map(|row| Ok((row.text("subject")?, row.product("n")?))).collect()
    }

    /// What agents staked on decisions recorded at `since` or later that were or may be carried out and have not turned out right, by agent and currency.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn stakes(&mut self, since: ProductTime) -> Result<Vec<(AgentId, Money)>, StoreError> {
        let sql = "SELECT s.actor, s.currency, CAST(SUM(s.stake_micros) AS BIGINT) AS n FROM decision_state s LEFT JOIN outcome o ON o.decision = s.decision \
                   WHERE s.at_ms >= $1 AND s.actor_kind IN ('agent', 'wave') AND s.stake_micros IS NOT NULL \
                   AND s.state IN ('authorised', 'dispatched', 'unknown', 'applied', 'scored', 'void') AND (o.good IS NULL OR NOT o.good) \
                   GROUP BY s.actor, s.currency ORDER BY s.actor, s.currency";
        self.rows("decision_state", sql, args![since]).await?.iter().map(|row| Ok((row.parse("actor")?, row.money("n")?))).collect()
    }

    /// What each entity spent from day `from` to day `to`, both included, as known now.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn spent(&mut self, from: chrono::NaiveDate, to: chrono::NaiveDate) -> Result<Vec<(EntityKey, Money)>, StoreError> {
        let sql = "SELECT f.entity, f.currency, CAST(SUM(f.spend_micros) AS BIGINT) AS n FROM (SELECT entity, day, MAX(poll_seq) AS poll_seq FROM fact \
                   WHERE day >= $1 AND day <= $2 GROUP BY entity, day) m JOIN fact f ON f.entity = m.entity AND f.day = m.day AND f.poll_seq = m.poll_seq \
                   GROUP BY f.entity, f.currency ORDER BY f.entity";
        self.rows("fact", sql, args![from.to_string(), to.to_string()]).await?.iter().map(|row| Ok((row.parse("entity")?, row.money("n")?))).collect()
    }

    /// Where every decision stands: what an audit compares with the log.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn decision_states(&mut self) -> Result<Vec<(DecisionId, DecisionState)>, StoreError> {
        let sql = "SELECT d.id, COALESCE(s.state, '') AS state, COALESCE(s.attempt, 0) AS attempt FROM decision d \
                   LEFT JOIN decision_state s ON s.decision = d.id ORDER BY d.id";
        self.rows("decision_state", sql, args![]).await?.iter().map(|row| Ok((row.parse("id")?, state(row)?))).collect()
    }

    /// Every request with the decision it carries out; a request may stand for several.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn dispatch_links(&mut self) -> Result<Vec<(DispatchId, Option<DecisionId>)>, StoreError> {
        let sql = "SELECT x.id, l.decision FROM dispatch x LEFT JOIN dispatch_decision l ON l.dispatch = x.id ORDER BY x.id, l.decision";
        self.rows("dispatch", sql, args![]).await?.iter().map(|row| Ok((row.parse("id")?, row.maybe_parse("decision")?))).collect()
    }

    /// Every pending outcome that can be read, by entity and age; the others are reported by whoever scores them.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn readable_pending_outcomes(&mut self) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = outcome_sql!("WHERE state = 'pending' ORDER BY entity, from_at_ms, id");
        Ok(self.rows("outcome", sql, args![]).await?.iter().filter_map(|row| outcome(row).ok()).collect())
    }

    /// What the platform shows of a budget since our change of it was applied: its amount, accepted and in the history.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is no such budget in that currency.
    pub async fn apply_budget(&mut self, key: &EntityKey, amount: Money, at: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE budget SET live_micros = $2, accepted_micros = $2, accepted_at_ms = $3 WHERE key = $1 AND currency = $4";
        self.run_expecting(sql, args![key, amount.micros(), at, &amount.currency()], "budget", key, "stored in that currency").await?;
        self.note_amount(key, at).await
    }

    /// The budget of `key` delivers since our change of status was applied.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn start_budget(&mut self, key: &EntityKey, at: ProductTime) -> Result<(), StoreError> {
        if self.run("UPDATE budget SET delivering = TRUE WHERE key = $1 AND NOT delivering", args![key]).await? == 1 {
            self.note_amount(key, at).await?;
        }
        Ok(())
    }

    async fn note_amount(&mut self, key: &EntityKey, at: ProductTime) -> Result<(), StoreError> {
        let sql = "INSERT INTO budget_amount (key, seq, at_ms, live_micros, delivering) SELECT b.key, \
                   (SELECT COALESCE(MAX(h.seq), 0) + 1 FROM budget_amount h WHERE h.key = b.key), $2, b.live_micros, b.delivering FROM budget b WHERE b.key = $1";
        self.run(sql, args![key, at]).await.map(|_| ())
    }
}

fn state(row: &Row) -> Result<DecisionState, StoreError> {
    let (name, attempt) = (row.text("state")?, u32::try_from(row.int("attempt")?).map_err(|error| row.lies(error))?);
    DecisionState::from_parts(&name, attempt).ok_or_else(|| row.lies(format!("`{name}` is no state")))
}

fn intent(row: &Row) -> Result<IntentRow, StoreError> {
    Ok(IntentRow {
        id: row.parse("decision")?,
        state: state(row)?,
        account: row.parse("account")?,
        pool: row.maybe_parse("pool")?,
        entity: row.maybe_parse("entity")?,
        actor_kind: row.text("actor_kind")?,
        actor: row.text("actor")?,
        action: super::decision::action(row)?,
        moves: row.maybe_money("from_micros")?.zip(row.maybe_money("to_micros")?),
        stake: row.maybe_money("stake_micros")?,
    })
}

fn money(row: &Row) -> Result<MoneyRow, StoreError> {
    Ok(MoneyRow {
        key: row.parse("key")?,
        pool: row.maybe_parse("pool")?,
        members: serde_json::from_str(&row.text("members")?).map_err(|error| row.lies(error))?,
        live: row.money("live_micros")?,
        accepted: row.money("accepted_micros")?,
        accepted_at: row.product("accepted_at_ms")?,
        delivering: row.flag("delivering")?,
        gone: row.flag("gone")?,
        was: row.money("was_micros")?,
        was_delivering: row.flag("was_delivering")?,
    })
}
