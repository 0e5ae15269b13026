//! The database: SQLite for one node, PostgreSQL for several, one SQL text for both. Owns connections, schema, transactions and every query.
//! May touch: domain, clock, and the ledger's pure hash chain. Decides nothing: rows in, rows out.
//!
//! `store.write(|mut tx| async move { tx.insert_poll(&poll).await })`, where `poll` is a reference: values used by reference are borrowed before.
//!
//! Rules of the house: [`Store::write`] takes a closure without side effects and may run it more than once; code that holds a [`Tx`] never
//! opens another; a deciding transaction begins with [`Tx::bump`], which makes it wait for the one before it.

mod error;
mod migrations;
mod open;
pub(crate) mod row;
mod tx;

pub mod agent;
pub mod alert;
pub mod books;
pub mod budget;
pub mod conflict;
pub mod decision;
pub mod dispatch;
pub mod hold;
pub mod idempotency;
pub mod lease;
pub mod measured;
pub mod meta;
pub mod outcome;
pub mod policy;
pub mod poll_fact;
pub mod round;
pub mod scope;
pub mod session;
pub mod shard;
pub mod step;
pub mod ticket;
pub mod version;

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;

pub use error::StoreError;
pub use open::Durability;
pub use tx::{Engine, Tx};

use crate::clock::ClockMode;
use open::SqlitePools;
use tx::{Home, Open};

/// How often a contended transaction is run again before its caller hears of it.
const RETRIES: u32 = 6;
/// The first pause before a retry; it doubles each time.
const PAUSE: Duration = Duration::from_millis(5);

tokio::task_local! {
    /// Set while this task holds a transaction.
    static HOLDS_TX: ();
}

/// The database. Cheap to clone; every clone shares the connections.
#[derive(Clone, Debug)]
pub struct Store(Arc<Pools>);

#[derive(Debug)]
enum Pools {
    Sqlite(SqlitePools),
    Postgres(PgPool),
    PostgresReading(PgPool),
}

impl Store {
    /// Opens the database at `url` for a daemon on a clock of `mode`: takes the lock, brings the schema up to date, checks the clock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::Held`] when another daemon or program has it, [`StoreError::Newer`] when a newer build wrote it,
    /// [`StoreError::ClockMode`] when it belongs to another clock, [`StoreError::Durability`] when the server may lose commits.
    pub async fn open(url: &str, mode: ClockMode, durability: Durability) -> Result<Self, StoreError> {
        let pools = match open::engine_of(url)? {
            Engine::Sqlite => Pools::Sqlite(open::sqlite(url).await?),
            Engine::Postgres => Pools::Postgres(open::postgres(url, durability).await?),
        };
        let store = Self(Arc::new(pools));
        match store.write(|mut tx| async move { tx.claim_clock_mode(mode).await }).await {
            Ok(()) => Ok(store),
            Err(StoreError::Busy(source)) => Err(StoreError::Held(source)),
            Err(error) => Err(error),
        }
    }

    /// Opens the database at `url` for reading alone, beside a running daemon or without one: no lock, no migration.
    ///
    /// # Errors
    /// [`StoreError::NoSchema`] or [`StoreError::Newer`] when this build cannot read it.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        let pools = match open::engine_of(url)? {
            Engine::Sqlite => Pools::Sqlite(open::sqlite_read_only(url).await?),
            Engine::Postgres => Pools::PostgresReading(open::postgres_pool(url).await?),
        };
        let store = Self(Arc::new(pools));
        // Without a schema the very table that says so is missing.
        let found = store.read(|mut tx| async move { tx.schema_version().await }).await.map_err(|_: StoreError| StoreError::NoSchema)?;
        match found.cmp(&migrations::newest()) {
            std::cmp::Ordering::Equal => Ok(store),
            std::cmp::Ordering::Less => Err(StoreError::NoSchema),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known: migrations::newest() }),
        }
    }

    /// Which engine this store runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match *self.0 {
            Pools::Sqlite(_) => Engine::Sqlite,
            Pools::Postgres(_) | Pools::PostgresReading(_) => Engine::Postgres,
        }
    }

    /// Runs `work` in one transaction and commits it when it returns `Ok`; any error rolls back. `work` must have no effect outside its
    /// transaction: while others contend for the same rows it is run again, a bounded number of times.
    ///
    /// # Errors
    /// What `work` returns; [`StoreError::Busy`] after the last retry; [`StoreError::LostCommit`] when it is unknown whether it was committed.
    pub async fn write<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        assert_alone();
        let mut pause = PAUSE;
        for _ in 0..RETRIES {
            match self.attempt(&work).await {
                Attempt::Done(done) => return done,
                Attempt::Contended(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        match self.attempt(&work).await {
            Attempt::Done(done) => done,
            Attempt::Contended(error) => Err(error),
        }
    }

    async fn attempt<T, E, F, Fut>(&self, work: &F) -> Attempt<T, E>
    where
        E: From<StoreError>,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let fate = |error: StoreError| match error {
            StoreError::Busy(_) => Attempt::Contended(E::from(error)),
            error => Attempt::Done(Err(E::from(error))),
        };
        let open = match self.begin().await {
            Ok(open) => open,
            Err(error) => return fate(error),
        };
        let home = Home::default();
        let worked = HOLDS_TX.scope((), work(Tx::lend(open, &home))).await;
        let Some(open) = home.take() else { return fate(StoreError::Broken) };
        match worked {
            Ok(value) => match open.commit().await {
                Ok(()) => Attempt::Done(Ok(value)),
                Err(error) => fate(error),
            },
            Err(error) => {
                let contended = open.is_contended();
                // The error that led here says more than a failed rollback would; the connection is dropped either way.
                let _ = open.rollback().await;
                if contended { Attempt::Contended(error) } else { Attempt::Done(Err(error)) }
            }
        }
    }

    /// Runs `work` on one consistent snapshot, without the right to write.
    ///
    /// # Errors
    /// What `work` returns, or why the snapshot cannot be had.
    pub async fn read<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        assert_alone();
        let open = self.begin_reading().await?;
        let home = Home::default();
        let read = HOLDS_TX.scope((), work(Tx::lend(open, &home))).await;
        if let Some(open) = home.take() {
            // Nothing was written, so nothing can be lost by a rollback that fails.
            let _ = open.rollback().await;
        }
        read
    }

    async fn begin(&self) -> Result<Open, StoreError> {
        match &*self.0 {
            Pools::Sqlite(SqlitePools { writer: Some(writer), .. }) => Ok(Open::sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)),
            // Every deciding transaction takes its version rows first and then reads what was committed before it: read committed sees that.
            Pools::Postgres(pool) => Ok(Open::postgres(pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?)),
            Pools::Sqlite(SqlitePools { writer: None, .. }) | Pools::PostgresReading(_) => Err(StoreError::ReadOnly),
        }
    }

    async fn begin_reading(&self) -> Result<Open, StoreError> {
        match &*self.0 {
            Pools::Sqlite(pools) => Ok(Open::sqlite(pools.readers.begin().await?)),
            Pools::Postgres(pool) | Pools::PostgresReading(pool) => {
                Ok(Open::postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
            }
        }
    }

    /// Closes every connection; SQLite folds its log into the database file.
    pub async fn close(&self) {
        match &*self.0 {
            Pools::Sqlite(pools) => {
                pools.readers.close().await;
                if let Some(writer) = &pools.writer {
                    writer.close().await;
                }
            }
            Pools::Postgres(pool) | Pools::PostgresReading(pool) => pool.close().await,
        }
    }
}

fn assert_alone() {
    debug_assert!(HOLDS_TX.try_with(|()| ()).is_err(), "this task already holds a transaction: pass its Tx on instead of opening another");
}

enum Attempt<T, E> {
    Done(Result<T, E>),
    Contended(E),
}

#[cfg(test)]
mod tests;
