//! Alerts: what people should know, once for each kind and subject until somebody takes note.

use serde_json::Value;

use crate::domain::alert::AlertKind;
use crate::domain::ids::{AlertId, IdGen};
use crate::domain::ticket::Severity;
use crate::ledger::{LedgerError, control};
use crate::store::alert::{NewAlert, Raised};
use crate::store::step::Moment;
use crate::store::{StoreError, Tx};

/// Where the names of the sinks that are told of alerts are remembered.
const SINKS: &str = "alert_sinks";

/// What is raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice<'a> {
    /// What it is about.
    pub kind: AlertKind,
    /// Whom or what it concerns: an entity's key, an account, an agent, a scope.
    pub subject: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub title: String,
    /// Figures and links.
    pub payload: Value,
}

/// Names the sinks that are told of every new alert from now on.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn set_sinks(tx: &mut Tx, sinks: &[String]) -> Result<(), LedgerError> {
    Ok(tx.set_meta(SINKS, &serde_json::to_string(sinks)?).await?)
}

/// Raises an alert, or counts it on the open one of the same kind and subject; a new one is owed to every sink.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn raise(tx: &mut Tx, ids: &IdGen, notice: Notice<'_>, when: Moment) -> Result<(AlertId, Raised), LedgerError> {
    let sinks: Vec<String> = match tx.meta(SINKS).await? {
        Some(text) => serde_json::from_str(&text).map_err(|error| StoreError::Corrupt { table: "meta", id: SINKS.into(), what: error.to_string() })?,
        None => Vec::new(),
    };
    let Notice { kind, subject, severity, title, payload } = notice;
    let new =
        NewAlert { id: ids.next(when.at), kind: kind.name().to_owned(), subject: subject.to_owned(), severity, title, payload: payload.to_string(), when };
    Ok(tx.raise_alert(&new, &sinks).await?)
}

/// A person takes note of an alert.
///
/// # Errors
/// [`StoreError::Stale`] when somebody has, or there is none.
pub async fn acknowledge(tx: &mut Tx, id: &AlertId, by: &str, when: Moment) -> Result<(), LedgerError> {
    // The chain first, as everybody who raises alerts beside it takes it: two orders could wait for each other.
    control::note(tx, "alert.acknowledge", &id.to_string(), &serde_json::json!({ "by": by }), when).await?;
    Ok(tx.acknowledge_alert(id, by, when.at).await?)
}
