//! The housekeeping of a crew: deadlines of tickets, reminders, flags set by other nodes, sessions that ran out, versions of figures that nothing needs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::actor::ActorError;
use super::control::{Event, Topic};
use super::crew::Ground;
use super::daemon::DaemonError;
use super::seats::Seats;
use crate::clock::ProductTime;
use crate::ledger::LedgerError;
use crate::notify::Sink;
use crate::notify::webhook::Webhook;
use crate::store::StoreError;
use crate::tickets;

/// How often rows are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long every version of a figure is kept. After that the last of each day is, and what some round has seen.
const KEPT: TimeDelta = TimeDelta::days(8);
/// How often old versions are thinned out: on product time, and at least so far apart on the wall.
const THINNED: (TimeDelta, Duration) = (TimeDelta::days(1), Duration::from_secs(60));

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
    let mut thinned = (seats.clock.now(), seats.clock.instant());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let (now, instant) = (seats.clock.now(), seats.clock.instant());
        if now - thinned.0 >= THINNED.0 && instant.saturating_duration_since(thinned.1) >= THINNED.1 {
            thinned = (now, instant);
            match thin(&seats, now - KEPT).await {
                Ok(0) => {}
                Ok(gone) => info!(versions = gone, "{gone} old versions of figures that nothing needs are gone"),
                Err(error) => warn!(error = %ActorError::from_chain(&error), "old versions of figures could not be thinned out; it is tried again in a day"),
            }
        }
        if let Err(error) = once(&seats).await {
            warn!(error = %ActorError::from_chain(&error), "housekeeping could not be done; it is tried again in a second");
        }
    }
}

/// Thins out what was reported and counted before `before`, each account by itself: nobody waits long for the database.
async fn thin(seats: &Seats, before: ProductTime) -> Result<u64, StoreError> {
    let mut gone = 0;
    for account in seats.accounts.keys() {
        gone += seats
            .store
            .write(|mut tx| async move { Ok::<_, StoreError>(tx.thin_facts(account, before).await? + tx.thin_measured(account, before).await?) })
            .await?;
    }
    Ok(gone)
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
