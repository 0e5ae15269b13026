//! People in the loop: questions with a deadline, answers that count once, and alerts.
//!
//! Decides who may answer what, and until when. Promises: one open ticket for each (subject, kind, direction), updated in place; an approval counts for
//! exactly what was shown; silence does nothing. May touch: domain, clock, ledger, store. The ledger opens tickets for what it escalates; execution
//! and the supervisor open the others; the admin room answers.

pub mod alerts;
pub mod deadline;

mod answer;
mod open;
mod sweep;

pub use answer::{Approved, Person, approve, pins, reject};
pub use open::{Content, Opened, Question, amend, open};
pub(crate) use sweep::alert_of;
pub use sweep::{expire_due, lapse, lapse_outdated, queue_age, remind};

use crate::domain::ticket::TicketState;
use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::store::ticket::TicketRow;

impl Content {
    /// What a stored ticket says.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub fn of(row: &TicketRow) -> Result<Self, LedgerError> {
        Ok(serde_json::from_str(&row.payload).map_err(|error| StoreError::Corrupt { table: "ticket", id: row.id.to_string(), what: error.to_string() })?)
    }
}

/// Writes the ticket's state and content back into its row.
fn keep(row: &mut TicketRow, content: &Content) -> Result<(), LedgerError> {
    row.state = content.state.name().to_owned();
    row.closed = match &content.state {
        TicketState::Open { .. } => None,
        TicketState::Approved { at, .. } | TicketState::Rejected { at, .. } | TicketState::Expired { at } | TicketState::Lapsed { at, .. } => Some(*at),
    };
    row.payload = serde_json::to_string(content)?;
    Ok(())
}
