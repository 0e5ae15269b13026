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
use crate::domain::scope::Scope;
use crate::ledger::LedgerError;
use crate::ledger::control::{By, control};
use crate::notify::Sink;
use crate::notify::webhook::Webhook;
use crate::store::scope::Verb;
use crate::store::step::Moment;
use crate::tickets;

/// How often rows are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Names the sinks, reads the flags into the gate and stores what was latched while the database was away.
///
/// # Errors
/// [`DaemonError::Ledger`].
pub async fn prepare(ground: &Ground, sinks: &[Webhook]) -> Result<(), DaemonError> {
    let names: Vec<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
    let (names, when) = (&names, Moment { at: ground.clock.now(), wall: ground.clock.wall() });
    for scope in ground.gate.unrecorded() {
        let latched = &scope;
        ground
            .store
            .write(|mut tx| async move { control(&mut tx, latched, Verb::Pause, &By::Daemon("latch"), "it was latched on this node", when).await })
            .await?;
        ground.gate.recorded(&scope).map_err(|error| DaemonError::Settings(error.to_string()))?;
    }
    let flags = ground
        .store
        .write(|mut tx| async move {
            tickets::alerts::set_sinks(&mut tx, names).await?;
            Ok::<_, LedgerError>(tx.scopes().await?)
        })
        .await?;
    let stopped: Vec<&Scope> = flags.iter().filter(|flag| flag.paused || flag.terminated).map(|flag| &flag.scope).collect();
    ground.gate.follow(stopped);
    Ok(())
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
    let flags = seats.store.read(|mut tx| async move { tx.scopes().await }).await?;
    seats.gate.follow(flags.iter().filter(|flag| flag.paused || flag.terminated).map(|flag| &flag.scope));
    let ids = &seats.ids;
    let (expired, reminded) = seats
        .store
        .write(|mut tx| async move {
            let expired = tickets::expire_due(&mut tx, when).await?;
            let reminded = tickets::remind(&mut tx, ids, when).await?;
            tx.forget_expired(when.wall).await?;
            Ok::<_, LedgerError>((expired.len(), reminded.len()))
        })
        .await?;
    if expired + reminded > 0 {
        seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
    }
    Ok(())
}
