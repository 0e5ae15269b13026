//! What the database knows about itself.

use super::row::args;
use super::{StoreError, Tx};
use crate::clock::{ClockMode, ProductTime};

impl Tx {
    /// A remembered value.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row = self.row("meta", "SELECT key, value FROM meta WHERE key = $1", args![key]).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Remembers a value.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.run(sql, args![key, value]).await.map(|_| ())
    }

    /// Remembers the clock this database belongs to, or refuses another.
    pub(super) async fn claim_clock_mode(&mut self, asked: ClockMode) -> Result<(), StoreError> {
        match self.clock_mode().await? {
            None => self.set_meta("clock_mode", mode_name(asked)).await,
            Some(found) if found == asked => Ok(()),
            Some(found) => Err(StoreError::ClockMode { found, asked }),
        }
    }

    /// The clock this database belongs to; none in a database no daemon has opened yet.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row is no clock mode.
    pub async fn clock_mode(&mut self) -> Result<Option<ClockMode>, StoreError> {
        let Some(name) = self.meta("clock_mode").await? else { return Ok(None) };
        let modes = [ClockMode::Real, ClockMode::TimeLapse, ClockMode::Manual];
        let found = modes.into_iter().find(|mode| mode_name(*mode) == name);
        found.map(Some).ok_or_else(|| StoreError::Corrupt { table: "meta", id: "clock_mode".into(), what: format!("`{name}` is no clock mode") })
    }

    /// The newest product time anything was recorded at: where a time-lapse without an origin goes on after a restart.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn newest_instant(&mut self) -> Result<Option<ProductTime>, StoreError> {
        let sql = "SELECT MAX(at_ms) AS n FROM (SELECT MAX(at_ms) AS at_ms FROM step UNION ALL SELECT MAX(at_ms) FROM poll \
                   UNION ALL SELECT MAX(now_ms) FROM round UNION ALL SELECT MAX(at_ms) FROM scope_state UNION ALL SELECT MAX(last_at_ms) FROM alert) AS newest";
        match self.row("meta", sql, args![]).await? {
            Some(row) => row.maybe_product("n"),
            None => Ok(None),
        }
    }

    pub(super) async fn schema_version(&mut self) -> Result<i64, StoreError> {
        self.number("_sqlx_migrations", "SELECT COALESCE(MAX(version), 0) AS n FROM _sqlx_migrations WHERE success", args![]).await
    }
}

const fn mode_name(mode: ClockMode) -> &'static str {
    match mode {
        ClockMode::Real => "real",
        ClockMode::TimeLapse => "time_lapse",
        ClockMode::Manual => "manual",
    }
}
