//! What can go wrong between the daemon and its database, by what a caller can do about it.

use std::path::PathBuf;

use crate::clock::ClockMode;

/// Why the store did not do what was asked. What a caller may do next follows from the variant, never from the text.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row says what it cannot say: quarantine it and tell a person.
    #[error("CORRUPT: row `{id}` of table `{table}`: {what}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which row.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else kept the database busy through every retry; nothing was written.
    #[error("BUSY: the database stayed busy through every retry; nothing was written, the next activation tries again")]
    Busy(#[source] sqlx::Error),
    /// The disk is full; nothing was written.
    #[error("DISK_FULL: the disk that holds the database is full; nothing was written: make room, the daemon then goes on by itself")]
    Full(#[source] sqlx::Error),
    /// A newer build wrote this database.
    #[error("NEWER_SCHEMA: the database has schema {found}, this build knows {known}: run the newer build, or restore the backup made before the upgrade")]
    Newer {
        /// The newest migration found.
        found: i64,
        /// The newest this build has.
        known: i64,
    },
    /// A migration was applied from another text than this build's, or only half applied.
    #[error("SCHEMA: migration {0} in the database is not the one this build has: use the build that made the database, or restore a backup")]
    Schema(i64),
    /// The database has no schema yet, and this call may not make one.
    #[error("NO_SCHEMA: the database is empty or older than this build: start the daemon on it once")]
    NoSchema,
    /// The database was written under another product clock.
    #[error("CLOCK_MODE: the database was written on the {found:?} clock and is opened on the {asked:?} clock: use another database, or the clock it had")]
    ClockMode {
        /// What the database remembers.
        found: ClockMode,
        /// What was asked for.
        asked: ClockMode,
    },
    /// Another daemon uses the same database.
    #[error("LOCKED: another adjutant{holder} uses this database (lock file {}): stop it, or give this one another database", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// ` (process 123)` where known, else empty.
        holder: String,
    },
    /// Some other program holds the database file.
    #[error("LOCKED: another program holds the database: close it (a database browser, a backup) and start again")]
    Held(#[source] sqlx::Error),
    /// The server may lose commits it has confirmed.
    #[error("DURABILITY: PostgreSQL runs with {setting} = {value}: a commit it confirms can be lost; set {setting} = on")]
    Durability {
        /// Which setting.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// The connection broke while a commit was under way: it may or may not have happened. Never repeated blindly.
    #[error("LOST_COMMIT: the connection broke during a commit; whether it happened is unknown until the rows are read again")]
    LostCommit(#[source] sqlx::Error),
    /// This node no longer holds the lease on a shard: it must not write.
    #[error("LEASE_LOST: this node no longer holds shard `{shard}` under token {token}")]
    LeaseLost {
        /// Which shard.
        shard: String,
        /// The token it held.
        token: i64,
    },
    /// The row is not in the state it was read in: somebody else was faster.
    #[error("STALE: row `{id}` of table `{table}` is no longer {expected}")]
    Stale {
        /// Which table.
        table: &'static str,
        /// Which row.
        id: String,
        /// What it was expected to be.
        expected: String,
    },
    /// A row with this key exists already.
    #[error("DUPLICATE: such a row exists already")]
    Duplicate(#[source] sqlx::Error),
    /// An attempt to change what can only grow.
    #[error("IMMUTABLE: the log can only grow")]
    Immutable(#[source] sqlx::Error),
    /// A transaction in which a statement failed was about to be committed.
    #[error("BROKEN: a statement of this transaction failed before; nothing was written")]
    Broken,
    /// The store was opened for reading alone.
    #[error("READ_ONLY: the database was opened for reading alone")]
    ReadOnly,
    /// Not a database address.
    #[error("DATABASE_URL: `{url}` is no database address: {why}; expected sqlite:<file> or postgres://<user>@<host>/<name>")]
    Url {
        /// What was read, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file beside the database cannot be used.
    #[error("FILE: {}: check that the folder exists and belongs to the daemon's user", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Anything else the driver reports.
    #[error("DATABASE: {0}")]
    Driver(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether a later activation may succeed unchanged, and nothing was written this time. Never inferred from text.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Full(_) | Self::Held(_) => true,
            Self::Driver(source) => matches!(source, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut),
            Self::Corrupt { .. }
            | Self::Newer { .. }
            | Self::Schema(_)
            | Self::NoSchema
            | Self::ClockMode { .. }
            | Self::Locked { .. }
            | Self::Durability { .. }
            | Self::LostCommit(_)
            | Self::LeaseLost { .. }
            | Self::Stale { .. }
            | Self::Duplicate(_)
            | Self::Immutable(_)
            | Self::Broken
            | Self::ReadOnly
            | Self::Url { .. }
            | Self::File { .. } => false,
        }
    }
}

/// SQLSTATE of the triggers that keep the log insert-only; theirs alone.
const PG_IMMUTABLE: &str = "AD001";
/// SQLite's extended code of a `RAISE` in a trigger.
const SQLITE_TRIGGER: i32 = 1811;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy(error);
        }
        let Some(database) = error.as_database_error() else { return Self::Driver(error) };
        if database.is_unique_violation() {
            return Self::Duplicate(error);
        }
        let code = database.code().unwrap_or_default().into_owned();
        // A SQLSTATE has five characters; SQLite's extended codes are numbers below 10 000.
        if code.len() == 5 {
            return match code.as_str() {
                "40001" | "40P01" | "55P03" | "53300" | "57P03" => Self::Busy(error),
                "53100" => Self::Full(error),
                "25006" => Self::ReadOnly,
                PG_IMMUTABLE => Self::Immutable(error),
                _ => Self::Driver(error),
            };
        }
        match code.parse::<i32>() {
            Ok(SQLITE_TRIGGER) => Self::Immutable(error),
            Ok(code) => match code & 0xff {
                5 | 6 => Self::Busy(error),
                8 => Self::ReadOnly,
                11 | 26 => Self::Corrupt { table: "(file)", id: "(database)".into(), what: database.message().to_owned() },
                13 => Self::Full(error),
                _ => Self::Driver(error),
            },
            Err(_) => Self::Driver(error),
        }
    }
}
