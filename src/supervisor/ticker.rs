//! The tick that makes actors look at their schedules. In real time tokio-cron-scheduler carries one UTC job a second; under time-lapse, where its
//! tick is too coarse, and on a manual clock a plain timer sends the same message. What is due is decided elsewhere, purely.

use std::time::Duration;

use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use super::lifecycle::{Heartbeat, Part};
use crate::clock::{Clock, ClockMode};

/// How often schedules are looked at when product time is not real time.
const FAST_TICK: Duration = Duration::from_millis(20);

/// Ticks until `stop`.
///
/// # Errors
/// When the scheduler cannot run its one job.
pub async fn run(clock: Clock, ticks: watch::Sender<u64>, heart: Heartbeat, stop: CancellationToken) -> Result<(), JobSchedulerError> {
    let beat = move || {
        ticks.send_modify(|count| *count = count.wrapping_add(1));
        heart.beat(Part::Schedule);
    };
    match clock.mode() {
        ClockMode::Real => {
            let mut scheduler = JobScheduler::new().await?;
            scheduler
                .add(Job::new_async("* * * * * *", move |_, _| {
                    beat();
                    Box::pin(async {})
                })?)
                .await?;
            scheduler.start().await?;
            stop.cancelled().await;
            scheduler.shutdown().await
        }
        ClockMode::TimeLapse | ClockMode::Manual => loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(FAST_TICK) => beat(),
            }
        },
    }
}
