//! Alerts, one open for each (kind, subject), and what the sinks still have to be told.

use super::decision::Cursor;
use super::row::{Row, args};
use super::step::Moment;
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::ids::{AlertId, TicketId};
use crate::domain::ticket::Severity;

/// A stored alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// Its id.
    pub id: AlertId,
    /// What kind, in one word of the room that raises it.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub title: String,
    /// The rest, as JSON.
    pub payload: String,
    /// When it was first raised, in product time.
    pub at: ProductTime,
    /// When it was first raised, in UTC.
    pub wall: WallTime,
    /// How often it was raised since.
    pub times: i64,
    /// When it was last raised.
    pub last: ProductTime,
    /// When and by whom it was acknowledged.
    pub acknowledged: Option<(ProductTime, String)>,
}

/// An alert about to be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// Its id, if none is open for the same kind and subject.
    pub id: AlertId,
    /// What kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub title: String,
    /// The rest, as JSON.
    pub payload: String,
    /// When.
    pub when: Moment,
}

/// One alert that one sink has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The alert.
    pub alert: AlertRow,
    /// The sink.
    pub sink: String,
    /// Attempts so far.
    pub attempts: i64,
}

macro_rules! alert_sql {
    ($tail:literal) => {
        concat!(
            "SELECT a.id, a.kind, a.subject, a.severity, a.title, a.payload, a.at_ms, a.wall_ms, a.times, a.last_at_ms, a.acknowledged_at_ms, a.acknowledged_by ",
            $tail
        )
    };
}

impl Tx {
    /// Raises an alert, or counts it on the open one of the same kind and subject, taking over its text. A new one is to be told to every one of `sinks`.
    /// Returns the alert's id and whether it is new.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn raise_alert(&mut self, new: &NewAlert, sinks: &[String]) -> Result<(AlertId, Raised), StoreError> {
        let sql = "INSERT INTO alert (id, kind, subject, severity, title, payload, at_ms, wall_ms, last_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7) \
                   ON CONFLICT (kind, subject) WHERE acknowledged_at_ms IS NULL DO UPDATE SET times = alert.times + 1, last_at_ms = excluded.last_at_ms, \
                   severity = excluded.severity, title = excluded.title, payload = excluded.payload RETURNING id, times";
        let values = args![&new.id, &new.kind, &new.subject, new.severity.name(), &new.title, &new.payload, new.when.at, new.when.wall];
        let rows = self.rows("alert", sql, values).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt { table: "alert", id: new.id.to_string(), what: "not stored".into() })?;
        let id: AlertId = row.parse("id")?;
        if id != new.id {
            return Ok((id, Raised::Again));
        }
        for sink in sinks {
            self.run("INSERT INTO delivery (alert, sink, next_wall_ms) VALUES ($1, $2, $3)", args![&id, sink, new.when.wall]).await?;
        }
        Ok((id, Raised::New))
    }

    /// Somebody has seen an alert.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it was acknowledged before, or does not exist.
    pub async fn acknowledge_alert(&mut self, id: &AlertId, by: &str, at: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE alert SET acknowledged_at_ms = $2, acknowledged_by = $3 WHERE id = $1 AND acknowledged_at_ms IS NULL";
        self.run_expecting(sql, args![id, at, by], "alert", id, "open").await
    }

    /// The open alerts about a ticket need nobody any more.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn close_alerts_of(&mut self, ticket: &TicketId, by: &str, at: ProductTime) -> Result<(), StoreError> {
        let sql = "UPDATE alert SET acknowledged_at_ms = $2, acknowledged_by = $3 WHERE acknowledged_at_ms IS NULL AND payload LIKE $1";
        self.run(sql, args![&about(ticket), at, by]).await.map(|_| ())
    }

    /// The open alerts about a ticket say something else now.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn retitle_alerts_of(&mut self, ticket: &TicketId, title: &str) -> Result<(), StoreError> {
        let sql = "UPDATE alert SET title = $2 WHERE acknowledged_at_ms IS NULL AND payload LIKE $1";
        self.run(sql, args![&about(ticket), title]).await.map(|_| ())
    }

    /// One alert.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn alert(&mut self, id: &AlertId) -> Result<Option<AlertRow>, StoreError> {
        self.row("alert", alert_sql!("FROM alert a WHERE a.id = $1"), args![id]).await?.as_ref().map(alert).transpose()
    }

    /// Alerts, newest first, after `after` (whose `seq` does not count).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn alerts(&mut self, which: Which, after: Option<&Cursor>, limit: u32) -> Result<Vec<AlertRow>, StoreError> {
        let sql = alert_sql!(
            "FROM alert a WHERE ($1 = 0 OR a.acknowledged_at_ms IS NULL) AND ($2 IS NULL OR (a.at_ms, a.id) < ($2, $3)) ORDER BY a.at_ms DESC, a.id DESC LIMIT $4"
        );
        let open = match which {
            Which::Open => 1_i64,
            Which::All => 0,
        };
        let values = args![open, after.map(|cursor| cursor.at), after.map(|cursor| cursor.id.as_str()), limit];
        self.rows("alert", sql, values).await?.iter().map(alert).collect()
    }

    /// What the sinks have to be told by `now`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn due_deliveries(&mut self, now: WallTime, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = alert_sql!(
            ", d.sink, d.attempts FROM delivery d JOIN alert a ON a.id = d.alert WHERE d.delivered_wall_ms IS NULL AND d.next_wall_ms <= $1 \
             ORDER BY d.next_wall_ms, d.alert, d.sink LIMIT $2"
        );
        let rows = self.rows("delivery", sql, args![now, limit]).await?;
        rows.iter().map(|row| Ok(DeliveryRow { alert: alert(row)?, sink: row.text("sink")?, attempts: row.int("attempts")? })).collect()
    }

    /// A sink has confirmed an alert.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn delivered(&mut self, alert: &AlertId, sink: &str, at: WallTime) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET delivered_wall_ms = $3, attempts = attempts + 1, error = NULL WHERE alert = $1 AND sink = $2";
        self.run(sql, args![alert, sink, at]).await.map(|_| ())
    }

    /// A sink could not be told; it is tried again at `next`.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn not_delivered(&mut self, alert: &AlertId, sink: &str, next: WallTime, error: &str) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET next_wall_ms = $3, attempts = attempts + 1, error = $4 WHERE alert = $1 AND sink = $2 AND delivered_wall_ms IS NULL";
        self.run(sql, args![alert, sink, next, error]).await.map(|_| ())
    }
}

/// Whether an alert stood already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It is new.
    New,
    /// One of the same kind and subject was open.
    Again,
}

/// Which alerts a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those nobody has acknowledged.
    Open,
    /// All.
    All,
}

/// The pattern of payloads that name a ticket.
fn about(ticket: &TicketId) -> String {
    format!("%\"ticket\":\"{ticket}\"%")
}

fn alert(row: &Row) -> Result<AlertRow, StoreError> {
    let acknowledged = match (row.maybe_product("acknowledged_at_ms")?, row.maybe_text("acknowledged_by")?) {
        (Some(at), Some(by)) => Some((at, by)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(row.lies("only half acknowledged")),
    };
    Ok(AlertRow {
        id: row.parse("id")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        severity: Severity::from_name(&row.text("severity")?).ok_or_else(|| row.lies("column `severity` has an unknown name"))?,
        title: row.text("title")?,
        payload: row.text("payload")?,
        at: row.product("at_ms")?,
        wall: row.wall("wall_ms")?,
        times: row.int("times")?,
        last: row.product("last_at_ms")?,
        acknowledged,
    })
}
