//! Budgets as last read, what they were before, and the money committed on them.

use std::collections::BTreeMap;

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::entity::{Budget, BudgetRef, EntityKey};
use crate::domain::ids::{AccountId, PollId, PoolId};
use crate::domain::money::Money;

/// A stored budget.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetRow {
    /// The budget as the platform last reported it.
    pub budget: Budget,
    /// The pool it belongs to, if any.
    pub pool: Option<PoolId>,
    /// Whether any member may deliver: only then does it cost anything.
    pub delivering: bool,
    /// The last amount the platform accepted, or the baseline a hold ended with: what a step is measured from.
    pub accepted: Money,
    /// Since when.
    pub accepted_at: ProductTime,
    /// Whether the last full read no longer had it.
    pub gone: bool,
    /// The read that last saw it.
    pub poll: PollId,
    /// When that was.
    pub seen_at: ProductTime,
}

/// What one budget commits: the larger of what it costs now and what an open decision may make it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The budget.
    pub budget: EntityKey,
    /// What it costs now: the live amount while it delivers, else zero.
    pub live: Money,
    /// The largest target of an open decision.
    pub open_target: Option<Money>,
}

macro_rules! budget_sql {
    ($tail:literal) => {
        concat!(
            "SELECT key, account, pool, resource, members, currency, live_micros, unit_micros, minimum_micros, accepted_micros, accepted_at_ms, read_only, \
             delivering, gone, seen_poll, seen_at_ms FROM budget ",
            $tail
        )
    };
}
macro_rules! commitment_sql {
    ($filter:literal) => {
        concat!(
            "SELECT b.key, b.currency, CASE WHEN b.delivering THEN b.live_micros ELSE 0 END AS live, \
             (SELECT MAX(s.to_micros) FROM decision_state s WHERE s.entity = b.key AND s.state IN ('authorised', 'dispatched', 'unknown')) AS target \
             FROM budget b WHERE NOT b.gone AND ",
            $filter,
            " ORDER BY b.key"
        )
    };
}

impl Tx {
    /// Stores a budget as just read, and its amount in the history when that or its delivery changed. What was accepted stays; for a budget
    /// never seen before, what stands there counts as accepted.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn see_budget(&mut self, seen: &Budget, pool: Option<&PoolId>, delivering: Delivering, poll: &PollId, at: ProductTime) -> Result<(), StoreError> {
        let key = &seen.budget.key;
        let delivering = delivering == Delivering::Yes;
        let before = self.row("budget", "SELECT key, live_micros, delivering FROM budget WHERE key = $1", args![key]).await?;
        let changed = match before {
            Some(row) => row.int("live_micros")? != seen.amount.micros() || row.flag("delivering")? != delivering,
            None => true,
        };
        let sql = "INSERT INTO budget (key, account, pool, resource, members, currency, live_micros, unit_micros, minimum_micros, accepted_micros, \
                   accepted_at_ms, read_only, delivering, gone, seen_poll, seen_at_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $10, $11, $12, FALSE, $13, $10) \
                   ON CONFLICT (key) DO UPDATE SET pool = excluded.pool, resource = excluded.resource, members = excluded.members, \
                   currency = excluded.currency, live_micros = excluded.live_micros, unit_micros = excluded.unit_micros, \
                   minimum_micros = excluded.minimum_micros, read_only = excluded.read_only, delivering = excluded.delivering, gone = FALSE, \
                   seen_poll = excluded.seen_poll, seen_at_ms = excluded.seen_at_ms";
        let members = serde_json::to_string(&seen.budget.members).expect("keys are plain text");
        let read_only = seen.read_only.map(|why| serde_json::to_string(&why).expect("a plain name"));
        let currency = seen.amount.currency();
        let values = args![
            key,
            &key.account,
            pool,
            &seen.resource,
            members,
            &currency,
            seen.amount.micros(),
            seen.unit.micros(),
            seen.minimum.micros(),
            at,
            read_only,
            delivering,
            poll,
        ];
        self.run(sql, values).await?;
        if changed {
            let sql = "INSERT INTO budget_amount (key, seq, at_ms, live_micros, delivering) \
                       SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4 FROM budget_amount WHERE key = $1";
            self.run(sql, args![key, at, seen.amount.micros(), delivering]).await?;
        }
        Ok(())
    }

    /// Marks the budgets of `account` that the full read `poll` did not bring as gone: they commit nothing any more.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn retire_budgets(&mut self, account: &AccountId, poll: &PollId) -> Result<u64, StoreError> {
        self.run("UPDATE budget SET gone = TRUE WHERE account = $1 AND seen_poll <> $2 AND NOT gone", args![account, poll]).await
    }

    /// Records what the platform accepted for a budget, or the baseline a hold ended with.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is no such budget in that currency.
    pub async fn accept_budget(&mut self, key: &EntityKey, amount: Money, at: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE budget SET accepted_micros = $2, accepted_at_ms = $3 WHERE key = $1 AND currency = $4";
        self.run_expecting(sql, args![key, amount.micros(), at, &amount.currency()], "budget", key, "stored in that currency").await
    }

    /// One budget.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn budget(&mut self, key: &EntityKey) -> Result<Option<BudgetRow>, StoreError> {
        self.row("budget", budget_sql!("WHERE key = $1"), args![key]).await?.as_ref().map(budget).transpose()
    }

    /// The budgets of one account that are not gone, by key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn budgets_of_account(&mut self, account: &AccountId) -> Result<Vec<BudgetRow>, StoreError> {
        self.rows("budget", budget_sql!("WHERE account = $1 AND NOT gone ORDER BY key"), args![account]).await?.iter().map(budget).collect()
    }

    /// The budgets of one pool that are not gone, by key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn budgets_of_pool(&mut self, pool: &PoolId) -> Result<Vec<BudgetRow>, StoreError> {
        self.rows("budget", budget_sql!("WHERE pool = $1 AND NOT gone ORDER BY key"), args![pool]).await?.iter().map(budget).collect()
    }

    /// What every budget of a pool commits, by key. Their sum may only be trusted after [`Tx::bump`] of the pool.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn commitments(&mut self, pool: &PoolId) -> Result<Vec<Commitment>, StoreError> {
        self.rows("budget", commitment_sql!("b.pool = $1"), args![pool]).await?.iter().map(commitment).collect()
    }

    /// What every budget of an account commits, by key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn account_commitments(&mut self, account: &AccountId) -> Result<Vec<Commitment>, StoreError> {
        self.rows("budget", commitment_sql!("b.account = $1"), args![account]).await?.iter().map(commitment).collect()
    }

    /// What every budget of an account cost at `at`, by key: its amount while it delivered, else zero. Budgets first seen later stand with
    /// what they were when first seen.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn amounts_at(&mut self, account: &AccountId, at: ProductTime) -> Result<BTreeMap<EntityKey, Money>, StoreError> {
        let sql = "SELECT b.key, b.currency, a.live_micros, a.delivering FROM budget b JOIN budget_amount a ON a.key = b.key \
                   WHERE b.account = $1 AND a.seq = COALESCE((SELECT MAX(h.seq) FROM budget_amount h WHERE h.key = b.key AND h.at_ms <= $2), 1) ORDER BY b.key";
        let rows = self.rows("budget_amount", sql, args![account, at]).await?;
        rows.iter()
            .map(|row| {
                let amount = row.money("live_micros")?;
                Ok((row.parse("key")?, if row.flag("delivering")? { amount } else { Money::zero(amount.currency()) }))
            })
            .collect()
    }
}

/// Whether any member of a budget may deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivering {
    /// At least one is set to run.
    Yes,
    /// None is: the budget costs nothing.
    No,
}

fn budget(row: &Row) -> Result<BudgetRow, StoreError> {
    let key: EntityKey = row.parse("key")?;
    let members = serde_json::from_str(&row.text("members")?).map_err(|error| row.lies(error))?;
    let read_only = row.maybe_text("read_only")?.map(|why| serde_json::from_str(&why)).transpose().map_err(|error| row.lies(error))?;
    Ok(BudgetRow {
        budget: Budget {
            budget: BudgetRef { key, members },
            resource: row.text("resource")?,
            amount: row.money("live_micros")?,
            unit: row.money("unit_micros")?,
            minimum: row.money("minimum_micros")?,
            read_only,
        },
        pool: row.maybe_parse("pool")?,
        delivering: row.flag("delivering")?,
        accepted: row.money("accepted_micros")?,
        accepted_at: row.product("accepted_at_ms")?,
        gone: row.flag("gone")?,
        poll: row.parse("seen_poll")?,
        seen_at: row.product("seen_at_ms")?,
    })
}

fn commitment(row: &Row) -> Result<Commitment, StoreError> {
    Ok(Commitment { budget: row.parse("key")?, live: row.money("live")?, open_target: row.maybe_money("target")? })
}
