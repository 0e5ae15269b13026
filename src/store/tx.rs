//! The unit of work: every query of the store is a method of [`Tx`], one file a concern. Commit is explicit, drop rolls back.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{Postgres, Sqlite, Transaction};

use super::error::StoreError;
use super::row::{EngineRow, Row, Value};

/// One transaction on either engine. Given to the closure of [`super::Store::write`] or [`super::Store::read`] by value; it goes back to the store when
/// the closure lets go of it, and the store alone commits.
pub struct Tx {
    /// Present until drop.
    open: Option<Open>,
    home: Home,
}

/// A transaction that is under way.
pub(super) struct Open {
    inner: Inner,
    trouble: Trouble,
}

/// Where a [`Tx`] leaves its transaction when the closure lets go of it.
#[derive(Clone, Default)]
pub(super) struct Home(Arc<Mutex<Option<Open>>>);

impl Home {
    /// The transaction that was lent out; none while somebody still holds it.
    pub(super) fn take(&self) -> Option<Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = self.open.take();
    }
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What went wrong in a transaction so far; PostgreSQL aborts it on any failed statement, so it counts as broken on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Contended,
    Failed,
}

/// Which of the two engines a store runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, for one node.
    Sqlite,
    /// PostgreSQL, for several.
    Postgres,
}

/// Runs one statement on whichever engine the transaction is on.
macro_rules! on {
    ($tx:expr, $db:ident => $run:expr) => {
        match $tx {
            Inner::Sqlite(tx) => {
                let $db = &mut **tx;
                $run
            }
            Inner::Postgres(tx) => {
                let $db = &mut **tx;
                $run
            }
        }
    };
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query($sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Flag(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        })
    };
}

impl Tx {
    pub(super) fn lend(open: Open, home: &Home) -> Self {
        Self { open: Some(open), home: home.clone() }
    }

    fn open(&mut self) -> &mut Open {
        self.open.as_mut().expect("a transaction leaves its Tx only when that is dropped")
    }

    /// Which engine this transaction runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.open.as_ref().expect("a transaction leaves its Tx only when that is dropped").inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement and says how many rows it touched.
    pub(crate) async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let done = on!(&mut self.open().inner, db => bound!(sql, values).execute(db).await.map(|done| done.rows_affected()));
        done.map_err(|error| self.failed(error))
    }

    /// Every row of a query, in its order; `table` names it in faults.
    pub(crate) async fn rows(&mut self, table: &'static str, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let found = match &mut self.open().inner {
            Inner::Sqlite(tx) => {
                let rows = bound!(sql, values).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(|row| Row { engine: EngineRow::Sqlite(row), table }).collect())
            }
            Inner::Postgres(tx) => {
                let rows = bound!(sql, values).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(|row| Row { engine: EngineRow::Postgres(row), table }).collect())
            }
        };
        found.map_err(|error| self.failed(error))
    }

    /// The first row of a query, if there is one.
    pub(crate) async fn row(&mut self, table: &'static str, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(table, sql, values).await?.into_iter().next())
    }

    /// The one number in column `n` of a query that always has a row.
    pub(crate) async fn number(&mut self, table: &'static str, sql: &'static str, values: Vec<Value>) -> Result<i64, StoreError> {
        let row = self.row(table, sql, values).await?;
        row.ok_or_else(|| StoreError::Corrupt { table, id: "-".into(), what: "a count without a row".into() })?.int("n")
    }

    /// Runs an update that names the state it read: exactly one row must match, or the transaction can no longer be committed.
    pub(crate) async fn run_expecting(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
        table: &'static str,
        id: impl ToString,
        expected: impl ToString,
    ) -> Result<(), StoreError> {
        if self.run(sql, values).await? == 1 {
            return Ok(());
        }
        // Whatever else this transaction did rested on that row.
        self.open().fail(Trouble::Failed);
        Err(StoreError::Stale { table, id: id.to_string(), expected: expected.to_string() })
    }

    fn failed(&mut self, error: sqlx::Error) -> StoreError {
        let error = StoreError::from(error);
        self.open().fail(if matches!(error, StoreError::Busy(_)) { Trouble::Contended } else { Trouble::Failed });
        error
    }
}

impl Open {
    pub(super) fn sqlite(tx: Transaction<'static, Sqlite>) -> Self {
        Self { inner: Inner::Sqlite(tx), trouble: Trouble::None }
    }

    pub(super) fn postgres(tx: Transaction<'static, Postgres>) -> Self {
        Self { inner: Inner::Postgres(tx), trouble: Trouble::None }
    }

    fn fail(&mut self, trouble: Trouble) {
        if self.trouble != Trouble::Contended {
            self.trouble = trouble;
        }
    }

    /// Whether it failed only because others were busy with the same rows.
    pub(super) fn is_contended(&self) -> bool {
        self.trouble == Trouble::Contended
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        if self.trouble != Trouble::None {
            return Err(StoreError::Broken);
        }
        let done = match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        };
        done.map_err(|error| match &error {
            // A server that answers with an error has not committed, unless it was being shut down meanwhile.
            sqlx::Error::Database(database) if !database.code().is_some_and(|code| code.starts_with("57P")) => StoreError::from(error),
            _ => StoreError::LostCommit(error),
        })
    }

    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await,
            Inner::Postgres(tx) => tx.rollback().await,
        }
        .map_err(StoreError::from)
    }
}
