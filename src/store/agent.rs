//! What agents are doing, and the versions of agents made or changed through API and pages.

use super::row::{Row, args};
use super::step::Moment;
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::ids::{AgentId, RoundId};

/// An agent's life, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Not yet ready.
    Starting,
    /// At work.
    Active,
    /// Stopped by a flag.
    Paused,
    /// Waiting after a crash.
    BackingOff,
    /// Ended for ever.
    Terminated,
}

impl Life {
    const ALL: [Self; 5] = [Self::Starting, Self::Active, Self::Paused, Self::BackingOff, Self::Terminated];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::BackingOff => "backing_off",
            Self::Terminated => "terminated",
        }
    }
}

/// What one agent is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRow {
    /// The agent.
    pub agent: AgentId,
    /// Its life.
    pub life: Life,
    /// What it looks at, in words.
    pub focus: String,
    /// The round it last took part in.
    pub last_round: Option<RoundId>,
    /// Why it last crashed.
    pub last_error: Option<String>,
    /// How often it crashed.
    pub crashes: i64,
    /// When this changed.
    pub changed: ProductTime,
    /// The rest, as JSON: progress toward its goal.
    pub payload: String,
}

/// One version of an agent made or changed through API or pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayRow {
    /// The agent.
    pub agent: AgentId,
    /// Its number, from 1.
    pub version: i64,
    /// Who made it.
    pub by: String,
    /// When, in product time.
    pub at: ProductTime,
    /// When, in UTC.
    pub wall: WallTime,
    /// The agent, as JSON; none when the overlay was removed.
    pub payload: Option<String>,
}

impl Tx {
    /// Stores what an agent is doing.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn put_agent(&mut self, row: &AgentRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO agent_state (agent, state, focus, last_round, last_error, crashes, changed_at_ms, payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (agent) DO UPDATE SET state = excluded.state, focus = excluded.focus, last_round = excluded.last_round, \
                   last_error = excluded.last_error, crashes = excluded.crashes, changed_at_ms = excluded.changed_at_ms, payload = excluded.payload";
        let values = args![&row.agent, row.life.name(), &row.focus, row.last_round.as_ref(), row.last_error.as_deref(), row.crashes, row.changed, &row.payload];
        self.run(sql, values).await.map(|_| ())
    }

    /// What one agent is doing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn agent(&mut self, id: &AgentId) -> Result<Option<AgentRow>, StoreError> {
        let sql = "SELECT agent, state, focus, last_round, last_error, crashes, changed_at_ms, payload FROM agent_state WHERE agent = $1";
        self.row("agent_state", sql, args![id]).await?.as_ref().map(agent).transpose()
    }

    /// What every agent is doing, by id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn agents(&mut self) -> Result<Vec<AgentRow>, StoreError> {
        let sql = "SELECT agent, state, focus, last_round, last_error, crashes, changed_at_ms, payload FROM agent_state ORDER BY agent";
        self.rows("agent_state", sql, args![]).await?.iter().map(agent).collect()
    }

    /// Adds a version of an agent on top of the file; `None` removes the overlay.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when `expected` is not the version it has now (0 before the first).
    pub async fn put_overlay(&mut self, agent: &AgentId, expected: i64, by: &str, when: Moment, payload: Option<&str>) -> Result<i64, StoreError> {
        let found = self.number("agent_overlay", "SELECT COALESCE(MAX(version), 0) AS n FROM agent_overlay WHERE agent = $1", args![agent]).await?;
        if found != expected {
            return Err(StoreError::Stale { table: "agent_overlay", id: agent.to_string(), expected: format!("version {expected}") });
        }
        let sql = "INSERT INTO agent_overlay (agent, version, made_by, at_ms, wall_ms, payload) VALUES ($1, $2, $3, $4, $5, $6)";
        self.run(sql, args![agent, expected + 1, by, when.at, when.wall, payload]).await?;
        Ok(expected + 1)
    }

    /// The newest version of every overlaid agent, by id; removed ones too.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn overlays(&mut self) -> Result<Vec<OverlayRow>, StoreError> {
        let sql = "SELECT o.agent, o.version, o.made_by, o.at_ms, o.wall_ms, o.payload FROM agent_overlay o \
                   WHERE o.version = (SELECT MAX(n.version) FROM agent_overlay n WHERE n.agent = o.agent) ORDER BY o.agent";
        let rows = self.rows("agent_overlay", sql, args![]).await?;
        rows.iter()
            .map(|row| {
                Ok(OverlayRow {
                    agent: row.parse("agent")?,
                    version: row.int("version")?,
                    by: row.text("made_by")?,
                    at: row.product("at_ms")?,
                    wall: row.wall("wall_ms")?,
                    payload: row.maybe_text("payload")?,
                })
            })
            .collect()
    }
}

fn agent(row: &Row) -> Result<AgentRow, StoreError> {
    let name = row.text("state")?;
    Ok(AgentRow {
        agent: row.parse("agent")?,
        life: Life::ALL.into_iter().find(|life| life.name() == name).ok_or_else(|| row.lies(format!("`{name}` is no state of an agent")))?,
        focus: row.text("focus")?,
        last_round: row.maybe_parse("last_round")?,
        last_error: row.maybe_text("last_error")?,
        crashes: row.int("crashes")?,
        changed: row.product("changed_at_ms")?,
        payload: row.text("payload")?,
    })
}
