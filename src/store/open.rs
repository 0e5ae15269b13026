//! Opening a database: connections, the lock against a second daemon, the schema, and what the database insists on.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, PgPool, SqlitePool};

use super::error::StoreError;
use super::migrations;
use super::tx::Engine;

/// How long one attempt waits for another program to let go of the database; a write makes several.
const BUSY: Duration = Duration::from_secs(1);
/// How long a task waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// Whether a server that may lose confirmed commits is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A confirmed commit survives a power cut; anything else is refused.
    Required,
    /// For tests alone: speed before durability.
    TestOnly,
}

/// A SQLite database: one connection that writes, some that read, and the lock file that keeps a second daemon away.
#[derive(Debug)]
pub(super) struct SqlitePools {
    pub(super) writer: Option<SqlitePool>,
    pub(super) readers: SqlitePool,
    /// Held until the store is dropped.
    _lock: Option<File>,
}

pub(super) fn engine_of(url: &str) -> Result<Engine, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Engine::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Engine::Postgres),
        Some(_) | None => Err(bad_url(url, "unknown kind of database")),
    }
}

/// The fault, without what may be a password.
fn bad_url(url: &str, why: impl ToString) -> StoreError {
    let shown = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (Some(_), None) | (None, Some(_) | None) => url.to_owned(),
    };
    StoreError::Url { url: shown, why: why.to_string() }
}

fn sqlite_options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| bad_url(url, error))?;
    if options.get_filename() == Path::new("") || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(bad_url(url, "a database in memory would forget everything"));
    }
    let options = options.busy_timeout(BUSY).foreign_keys(true).pragma("recursive_triggers", "ON").disable_statement_logging();
    Ok(options)
}

pub(super) async fn sqlite(url: &str) -> Result<SqlitePools, StoreError> {
    let options = sqlite_options(url)?;
    let lock = lock(options.get_filename())?;
    let writing = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let writer = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE).idle_timeout(None).max_lifetime(None);
    let writer = writer.connect_with(writing).await.map_err(held)?;
    migrations::migrator(Engine::Sqlite).run(&writer).await.map_err(|error| match migrations::fault(error) {
        StoreError::Busy(source) => StoreError::Held(source),
        other => other,
    })?;
    let readers = sqlite_readers(options).await?;
    Ok(SqlitePools { writer: Some(writer), readers, _lock: Some(lock) })
}

pub(super) async fn sqlite_read_only(url: &str) -> Result<SqlitePools, StoreError> {
    Ok(SqlitePools { writer: None, readers: sqlite_readers(sqlite_options(url)?).await?, _lock: None })
}

async fn sqlite_readers(options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(ACQUIRE);
    readers.connect_with(options.read_only(true)).await.map_err(held)
}

fn held(error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Busy(source) => StoreError::Held(source),
        other => other,
    }
}

/// Takes the lock file beside `database`. The system lets go of it when the process ends, however it ends.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = PathBuf::from(database).into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let fault = |source| StoreError::File { path: path.clone(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The number is a courtesy: without it the message still says what to do.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim().parse::<u32>().map(|process| format!(" (process {process})")).unwrap_or_default();
            return Err(StoreError::Locked { path, holder });
        }
        Err(std::fs::TryLockError::Error(source)) => return Err(StoreError::File { path, source }),
    }
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id())).map_err(fault)?;
    Ok(file)
}

pub(super) async fn postgres(url: &str, durability: Durability) -> Result<PgPool, StoreError> {
    let pool = postgres_pool(url).await?;
    if durability == Durability::Required {
        for (setting, sql) in [("synchronous_commit", "SHOW synchronous_commit"), ("fsync", "SHOW fsync"), ("full_page_writes", "SHOW full_page_writes")] {
            let value: String = sqlx::query_scalar(sql).fetch_one(&pool).await?;
            if value == "off" {
                return Err(StoreError::Durability { setting, value });
            }
        }
    }
    migrations::migrator(Engine::Postgres).run(&pool).await.map_err(migrations::fault)?;
    Ok(pool)
}

pub(super) async fn postgres_pool(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| bad_url(url, error))?;
    let options = options.application_name("adjutant").options([("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "60s")]);
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE);
    Ok(pool.connect_with(options.disable_statement_logging()).await?)
}
