//! Signals, the watchdog and the order in which the daemon stops.
//!
//! SIGUSR1 pauses the workspace, SIGUSR2 clears only that flag, SIGHUP reloads the configuration, SIGTERM and SIGINT drain and stop; a second
//! one stops at once. systemd hears READY, WATCHDOG and STOPPING.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Pause the workspace.
    Pause,
    /// Clear the workspace's own pause.
    Resume,
    /// Read the configuration again.
    Reload,
    /// Drain and stop.
    Stop,
}

/// Turns signals into orders until the receiver is gone.
///
/// # Errors
/// When the process may not install a signal handler.
pub fn orders() -> std::io::Result<mpsc::Receiver<Order>> {
    let (sender, receiver) = mpsc::channel(16);
    let wanted = [
        (SignalKind::user_defined1(), Order::Pause),
        (SignalKind::user_defined2(), Order::Resume),
        (SignalKind::hangup(), Order::Reload),
        (SignalKind::terminate(), Order::Stop),
        (SignalKind::interrupt(), Order::Stop),
    ];
    for (kind, order) in wanted {
        let (mut stream, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                // A storm of one signal is one order: what does not fit is already on its way.
                if let Err(mpsc::error::TrySendError::Closed(_)) = sender.try_send(order) {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

/// Tells systemd; elsewhere it does nothing.
pub fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(error = %error, "systemd could not be told about our state");
    }
}

/// Counts the progress of the parts the watchdog watches; each must move between two pings.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<[AtomicU64; 2]>);

/// A part the watchdog watches.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// The schedule's tick.
    Schedule,
    /// The store: a probe read came back.
    Store,
}

impl Heartbeat {
    /// `part` has advanced.
    pub fn beat(&self, part: Part) {
        self.0[part as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn seen(&self) -> [u64; 2] {
        [self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)]
    }
}

/// Pings systemd's watchdog as long as every part advanced since the last ping; without a watchdog it returns at once.
pub async fn watchdog(heart: Heartbeat) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let pause = (limit / 3).max(Duration::from_millis(500));
    info!(watchdog_ms = limit.as_millis(), "systemd's watchdog is on");
    let mut last = heart.seen();
    loop {
        tokio::time::sleep(pause).await;
        let seen = heart.seen();
        if seen.iter().zip(&last).all(|(now, before)| now > before) {
            tell(NotifyState::Watchdog);
        } else {
            warn!(schedule = seen[0] - last[0], store = seen[1] - last[1], "a watched part did not advance: no watchdog ping");
        }
        last = seen;
    }
}
