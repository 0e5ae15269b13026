//! The housekeeping of a crew: deadlines of tickets, reminders, flags set by other nodes, sessions that ran out.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::actor::ActorError;
use super::control::{Event, Topic};
use super::crew::Ground;
use super::daemon::DaemonError;
use super::seats::Seats;
use crate::ledger::LedgerError;
use crate::notify::Sink;
use crate::notify::webhook::Webhook;
use crate::tickets;

/// How often rows are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Names the sinks, reads the flags into the gate and stores what was latched while the database was away.
///
/// # Errors
/// [`DaemonError`] when the database does not answer: nothing acts before the flags are read.
pub async fn prepare(ground: &Ground, sinks: &[Webhook]) -> Result<(), DaemonError> {
    let names: Vec<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
    let names = &names;
    ground.store.write(|mut tx| async move { tickets::alerts::set_sinks(&mut tx, names).await }).await?;
    ground.pausing.follow().await.map_err(|error| DaemonError::Settings(format!("the stored pauses could not be read: {error}")))
}

/// Keeps house until `stop`.
pub async fn run(seats: Arc<Seats>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = once(&seats).await {
            warn!(error = %ActorError::from_chain(&error), "housekeeping could not be done; it is tried again in a second");
        }
    }
}

async fn once(seats: &Seats) -> Result<(), LedgerError> {
    let when = seats.moment();
    if let Err(error) = seats.pausing.follow().await {
        warn!(error = %ActorError::from_chain(&error), "pauses could not be followed; those of this node hold");
    }
    let in_force = seats.policy();
    let (ids, policy) = (&seats.ids, &in_force.policy);
    let (closed, reminded) = seats
        .store
        .write(|mut tx| async move {
            let mut closed = tickets::expire_due(&mut tx, when).await?;
            closed.extend(tickets::lapse_outdated(&mut tx, policy, when).await?);
            let reminded = tickets::remind(&mut tx, ids, when).await?;
            tx.forget_expired(when.wall).await?;
            Ok::<_, LedgerError>((closed.len(), reminded.len()))
        })
        .await?;
    if closed + reminded > 0 {
        seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
    }
    Ok(())
}
