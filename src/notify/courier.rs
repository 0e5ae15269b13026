//! Carries alerts to sinks: reads what is owed, tells it once an attempt, and tries again later with growing pauses.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::webhook::Webhook;
use super::{Notice, Sink};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// How often the rows are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// First pause after a failed delivery.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Most deliveries taken up at once.
const BATCH: u32 = 20;

/// Delivers what is owed until `stop`. A sink that is not configured any more is passed over.
pub async fn run(store: Store, clock: Clock, sinks: Vec<Webhook>, sandbox: bool, stop: CancellationToken) {
    loop {
        if let Err(error) = once(&store, &clock, &sinks, sandbox).await {
            warn!(error = %error, "alerts could not be read for delivery");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn once(store: &Store, clock: &Clock, sinks: &[Webhook], sandbox: bool) -> Result<(), StoreError> {
    let now = clock.wall();
    let owed = store.read(|mut tx| async move { tx.due_deliveries(now, BATCH).await }).await?;
    for row in &owed {
        let Some(sink) = sinks.iter().find(|sink| sink.name() == row.sink) else {
            let later = now.after(LONGEST_PAUSE);
            store.write(|mut tx| async move { tx.not_delivered(&row.alert.id, &row.sink, later, "this sink is not configured").await }).await?;
            continue;
        };
        let alert = &row.alert;
        let notice = Notice {
            id: alert.id.to_string(),
            kind: alert.kind.clone(),
            severity: alert.severity,
            title: alert.title.clone(),
            subject: alert.subject.clone(),
            at: alert.at.to_string(),
            sandbox,
        };
        match sink.deliver(&notice).await {
            Ok(()) => {
                info!(alert.id = %alert.id, sink = %row.sink, "alert {} was delivered to `{}`", alert.id, row.sink);
                let at = clock.wall();
                store.write(|mut tx| async move { tx.delivered(&alert.id, &row.sink, at).await }).await?;
            }
            Err(error) => {
                let doublings = u32::try_from(row.attempts.clamp(0, 16)).unwrap_or(16);
                let next = clock.wall().after((FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE));
                let why = error.to_string();
                let why = &why;
                store.write(|mut tx| async move { tx.not_delivered(&alert.id, &row.sink, next, why).await }).await?;
            }
        }
    }
    Ok(())
}
