//! Pause flags, breakers and terminations. Each scope has its own durable flag; a scope is paused when any flag around it is set.

use std::collections::BTreeSet;

use super::row::{Row, args};
use super::step::Moment;
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::scope::Scope;

/// A stored flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRow {
    /// Which scope.
    pub scope: Scope,
    /// Whether its own flag is set.
    pub paused: bool,
    /// Whether it was terminated, for ever.
    pub terminated: bool,
    /// Whether its breaker admits reductions only.
    pub reducing: bool,
    /// Who changed it last.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, in product time.
    pub at: ProductTime,
    /// When, in UTC.
    pub wall: WallTime,
    /// When it was last resumed.
    pub resumed: Option<ProductTime>,
    /// Rises with every change.
    pub token: i64,
}

/// What is done to a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Automation stops.
    Pause,
    /// This scope's own flag is cleared; those around it stay.
    Resume,
    /// An agent ends for ever.
    Terminate,
    /// The breaker trips: only lower spend is admitted.
    Reduce,
    /// A person re-arms the breaker.
    Rearm,
}

macro_rules! scope_sql {
    ($tail:literal) => {
        concat!("SELECT id, kind, paused, terminated, reducing, changed_by, reason, at_ms, wall_ms, resumed_at_ms, token FROM scope_state ", $tail)
    };
}

impl Tx {
    /// Does `verb` to `scope`, alone among deciding transactions. Stronger wins: what is terminated stays so whatever else is asked; asking for what is so already
    /// is no error.
    ///
    /// # Errors
    /// [`StoreError::Driver`] when the verb does not exist for that kind of scope (only agents terminate, only money scopes reduce).
    pub async fn change_scope(&mut self, scope: &Scope, verb: Verb, by: &str, reason: &str, when: Moment) -> Result<ScopeRow, StoreError> {
        self.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
        let before = self.scope(scope).await?;
        let (mut paused, mut terminated, mut reducing) = before.as_ref().map_or((false, false, false), |row| (row.paused, row.terminated, row.reducing));
        let mut resumed = before.as_ref().and_then(|row| row.resumed);
        match verb {
            Verb::Pause => paused = true,
            Verb::Resume => {
                resumed = if paused { Some(when.at) } else { resumed };
                paused = false;
            }
            Verb::Terminate => terminated = true,
            Verb::Reduce => reducing = true,
            Verb::Rearm => reducing = false,
        }
        let token = before.map_or(0, |row| row.token) + 1;
        let sql = "INSERT INTO scope_state (kind, id, paused, terminated, reducing, changed_by, reason, at_ms, wall_ms, resumed_at_ms, token) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (kind, id) DO UPDATE SET paused = excluded.paused, \
                   terminated = excluded.terminated, reducing = excluded.reducing, changed_by = excluded.changed_by, reason = excluded.reason, \
                   at_ms = excluded.at_ms, wall_ms = excluded.wall_ms, resumed_at_ms = excluded.resumed_at_ms, token = excluded.token";
        let values = args![scope.kind(), scope.id(), paused, terminated, reducing, by, reason, when.at, when.wall, resumed, token];
        self.run(sql, values).await?;
        let (by, reason) = (by.to_owned(), reason.to_owned());
        Ok(ScopeRow { scope: scope.clone(), paused, terminated, reducing, by, reason, at: when.at, wall: when.wall, resumed, token })
    }

    /// One scope's own flag.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn scope(&mut self, scope: &Scope) -> Result<Option<ScopeRow>, StoreError> {
        self.row("scope_state", scope_sql!("WHERE kind = $1 AND id = $2"), args![scope.kind(), scope.id()]).await?.as_ref().map(row_of).transpose()
    }

    /// Every scope that was ever paused, reduced or terminated.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn scopes(&mut self) -> Result<Vec<ScopeRow>, StoreError> {
        self.rows("scope_state", scope_sql!("ORDER BY kind, id"), args![]).await?.iter().map(row_of).collect()
    }

    /// Those of `scopes` that stop a change: paused or terminated. Empty means that none does. The workspace counts whether named or not.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn stopped_by(&mut self, scopes: &BTreeSet<Scope>) -> Result<Vec<ScopeRow>, StoreError> {
        let rows = self.rows("scope_state", scope_sql!("WHERE paused OR terminated ORDER BY kind, id"), args![]).await?;
        let mut stopped = Vec::new();
        for row in &rows {
            let flag = row_of(row)?;
            if flag.scope == Scope::Workspace || scopes.contains(&flag.scope) {
                stopped.push(flag);
            }
        }
        Ok(stopped)
    }
}

fn row_of(row: &Row) -> Result<ScopeRow, StoreError> {
    Ok(ScopeRow {
        scope: Scope::from_parts(&row.text("kind")?, &row.text("id")?).map_err(|error| row.lies(error))?,
        paused: row.flag("paused")?,
        terminated: row.flag("terminated")?,
        reducing: row.flag("reducing")?,
        by: row.text("changed_by")?,
        reason: row.text("reason")?,
        at: row.product("at_ms")?,
        wall: row.wall("wall_ms")?,
        resumed: row.maybe_product("resumed_at_ms")?,
        token: row.int("token")?,
    })
}
