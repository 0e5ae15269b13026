//! Telling people outside the dashboard: one trait, one file a sink. May touch: domain, clock, config's sink settings, store's delivery rows.
//! A notice is told at least once and may be told twice; its id lets a receiver drop the second.

pub mod courier;
pub mod webhook;

use serde::Serialize;

use crate::domain::ticket::Severity;

/// What a sink is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The alert's id: the same in every attempt.
    pub id: String,
    /// What kind of alert it is.
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people. May quote text from outside, as data.
    pub title: String,
    /// What it is about.
    pub subject: String,
    /// When it was raised, product time as RFC 3339.
    pub at: String,
    /// Whether the daemon runs on sandbox accounts alone.
    pub sandbox: bool,
}

/// Why a notice was not delivered; it is tried again later.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The receiver could not be reached or did not answer in time.
    #[error("the receiver could not be reached: {0}")]
    Unreachable(String),
    /// The receiver answered, but not with success.
    #[error("the receiver answered {0}")]
    Refused(u16),
    /// The sink's settings cannot work.
    #[error("{0}")]
    Settings(String),
}

/// A way to tell people.
pub trait Sink: Send + Sync + 'static {
    /// The sink's name in `agents.toml`.
    fn name(&self) -> &str;

    /// Delivers one notice, once.
    fn deliver(&self, notice: &Notice) -> impl Future<Output = Result<(), SinkError>> + Send;
}
