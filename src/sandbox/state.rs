//! The state file: one SQLite database that holds the market's identity, the log and the fault rules.

use std::path::Path;
use std::str::FromStr;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _};

use super::faults::FaultRule;
use super::world::edits::{Outcome, Row, Source};
use super::{SandboxConfig, SandboxError};
use crate::clock::ProductTime;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms BIGINT NOT NULL, wall_ms BIGINT NOT NULL, effective_at_ms BIGINT NOT NULL, source TEXT NOT NULL,
  fault TEXT, platform TEXT NOT NULL, account TEXT NOT NULL, level TEXT NOT NULL, id TEXT NOT NULL, field TEXT NOT NULL, old TEXT, new TEXT,
  body_sha256 TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT);
";

/// The open state file.
#[derive(Debug)]
pub(crate) struct Book {
    db: SqliteConnection,
}

impl Book {
    /// Opens or creates the state at `path`; in memory without one.
    pub(crate) async fn open(path: Option<&Path>) -> Result<Self, SandboxError> {
        let options = match path {
            Some(path) => SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal),
            None => SqliteConnectOptions::from_str("sqlite::memory:")?,
        };
        // A killed process loses nothing; only the host's power could, and no test pulls that plug.
        let mut db = options.synchronous(SqliteSynchronous::Normal).disable_statement_logging().connect().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut db).await?;
        Ok(Self { db })
    }

    /// The start of the market in this file: `now` for a new file, the stored one for a known file.
    pub(crate) async fn settle(&mut self, config: &SandboxConfig, now: ProductTime) -> Result<ProductTime, SandboxError> {
        let accounts: Vec<_> =
            config.accounts.iter().map(|account| json!([account.platform, account.id, account.currency, account.time_zone.name()])).collect();
        let identity =
            json!({ "seed": config.seed, "campaigns": config.campaigns, "history_days": config.history_days, "edits_by_people": config.edits_by_people, "accounts": accounts })
                .to_string();
        match (self.meta("identity").await?, self.meta("start_ms").await?) {
            (Some(known), Some(start)) if known == identity => {
                start.parse().map(ProductTime::from_ms).map_err(|_| SandboxError::Damaged("meta.start_ms".to_owned()))
            }
            (None, None) => {
                self.set_meta("start_ms", &now.ms().to_string()).await?;
                self.set_meta("identity", &identity).await?;
                Ok(now)
            }
            (Some(_), _) | (None, Some(_)) => Err(SandboxError::OtherWorld),
        }
    }

    /// The fault rules as they were left; `None` in a new file.
    pub(crate) async fn faults(&mut self) -> Result<Option<Vec<FaultRule>>, SandboxError> {
        let stored = self.meta("faults").await?;
        stored.map(|text| serde_json::from_str(&text).map_err(|_| SandboxError::Damaged("meta.faults".to_owned()))).transpose()
    }

    /// Appends rows and, when they changed, the fault rules: one transaction, committed when this returns.
    pub(crate) async fn commit(&mut self, rows: &[Row], rules: Option<&[FaultRule]>) -> Result<(), sqlx::Error> {
        let mut tx = self.db.begin().await?;
        for row in rows {
            sqlx::query(
                "INSERT INTO log (at_ms, wall_ms, effective_at_ms, source, fault, platform, account, level, id, field, old, new, body_sha256, outcome, code)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            )
            .bind(row.at_ms)
            .bind(row.wall_ms)
            .bind(row.effective_at_ms)
            .bind(source_name(row.source))
            .bind(&row.fault)
            .bind(&row.platform)
            .bind(&row.account)
            .bind(&row.level)
            .bind(&row.id)
            .bind(&row.field)
            .bind(&row.old)
            .bind(&row.new)
            .bind(&row.body_sha256)
            .bind(outcome_name(row.outcome))
            .bind(&row.code)
            .execute(&mut *tx)
            .await?;
        }
        if let Some(rules) = rules {
            let text = serde_json::to_string(rules).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
            sqlx::query("INSERT INTO meta (key, value) VALUES ('faults', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
                .bind(text)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    /// Log rows after `seq`, oldest first, at most `limit`.
    pub(crate) async fn log(&mut self, after: i64, limit: i64) -> Result<Vec<Row>, SandboxError> {
        let rows = sqlx::query("SELECT * FROM log WHERE seq > $1 ORDER BY seq LIMIT $2").bind(after).bind(limit).fetch_all(&mut self.db).await?;
        rows.iter().map(read).collect()
    }

    /// Closes the file.
    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        self.db.close().await
    }

    async fn meta(&mut self, key: &str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(&mut self.db).await
    }

    async fn set_meta(&mut self, key: &str, value: &str) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2)").bind(key).bind(value).execute(&mut self.db).await.map(|_| ())
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Api => "api",
        Source::People => "people",
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Refused => "refused",
    }
}

fn read(row: &SqliteRow) -> Result<Row, SandboxError> {
    let seq: i64 = row.try_get("seq")?;
    let (source, outcome): (String, String) = (row.try_get("source")?, row.try_get("outcome")?);
    let damaged = || SandboxError::Damaged(format!("log row {seq}"));
    Ok(Row {
        seq,
        at_ms: row.try_get("at_ms")?,
        wall_ms: row.try_get("wall_ms")?,
        effective_at_ms: row.try_get("effective_at_ms")?,
        source: [Source::Api, Source::People].into_iter().find(|known| source_name(*known) == source).ok_or_else(damaged)?,
        fault: row.try_get("fault")?,
        platform: row.try_get("platform")?,
        account: row.try_get("account")?,
        level: row.try_get("level")?,
        id: row.try_get("id")?,
        field: row.try_get("field")?,
        old: row.try_get("old")?,
        new: row.try_get("new")?,
        body_sha256: row.try_get("body_sha256")?,
        outcome: [Outcome::Applied, Outcome::Refused].into_iter().find(|known| outcome_name(*known) == outcome).ok_or_else(damaged)?,
        code: row.try_get("code")?,
    })
}
