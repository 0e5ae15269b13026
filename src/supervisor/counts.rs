//! What was counted of the platforms' quotas is kept in the database, so that a restart neither uses them twice nor comes before a platform asked.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::actor::ActorError;
use crate::platforms::Limiters;
use crate::store::{Store, StoreError};

/// Where it is kept.
const KEY: &str = "call_counts";
/// How often: what a crash forgets at most, on the wall.
const KEPT: Duration = Duration::from_secs(5);

/// `limiters`, going on where the last daemon on this database ended.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub(super) async fn recalled(store: &Store, limiters: Limiters) -> Result<Limiters, StoreError> {
    let kept = store.read(|mut tx| async move { tx.meta(KEY).await }).await?;
    Ok(match kept {
        Some(kept) => limiters.recalling(&kept),
        None => limiters,
    })
}

/// Keeps the counts until `stop`, and once more then.
pub(super) async fn keep(store: Store, limiters: Arc<Limiters>, stop: CancellationToken) {
    let mut last = String::new();
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(KEPT) => false,
        };
        let counts = limiters.keep();
        if counts != last {
            let text = &counts;
            match store.write(|mut tx| async move { tx.set_meta(KEY, text).await }).await {
                Ok(()) => last = counts,
                Err(error) => {
                    warn!(error = %ActorError::from_chain(&error), "what was counted of the platforms' quotas could not be stored; a crash would forget it")
                }
            }
        }
        if stopped {
            return;
        }
    }
}
