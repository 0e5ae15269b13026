//! The whole daemon: the shipped configuration on the embedded sandbox, over real HTTP, under time-lapse.

use std::sync::Arc;
use std::time::Duration;

use adjutant::clock::Clock;
use adjutant::config::{Config, Process};
use adjutant::domain::decision::DecisionState;
use adjutant::domain::ids::IdGen;
use adjutant::ledger::audit;
use adjutant::store::Durability;
use adjutant::store::decision::DecisionFilter;
use adjutant::supervisor::control::{Control, Looser};
use adjutant::supervisor::daemon::{Daemon, Launch};

/// The shipped file with its state in `folder` and another rate.
pub(crate) fn shipped(folder: &std::path::Path, rate: u32) -> Config {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/agents.toml")).expect("the shipped file");
    let text = text.replace("rate = 17280", &format!("rate = {rate}"));
    let path = folder.join("agents.toml");
    std::fs::write(&path, &text).expect("a writable folder");
    Config::load(&path, &Process).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) async fn start(folder: &std::path::Path, rate: u32) -> Arc<Daemon> {
    let config = shipped(folder, rate);
    let launch = Launch {
        config,
        path: folder.join("agents.toml"),
        surroundings: Arc::new(Process),
        clock: None::<Clock>,
        ids: IdGen::from_os(),
        durability: Durability::Required,
        looser: Looser::Refuse,
    };
    Daemon::start(launch).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Asks again and again until `done` answers, at most `within`; a missing answer fails with `what`.
pub(crate) async fn eventually<T>(what: &str, within: Duration, mut done: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = tokio::time::timeout(within, async {
        loop {
            if let Some(answer) = done().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("not within {within:?}: {what}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_configuration_acts_on_all_three_platforms_and_its_log_verifies() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let daemon = start(folder.path(), 172_800).await;
    let store = daemon.store().clone();
    eventually("an applied change on every platform", Duration::from_secs(60), async || {
        let rows = store.read(|mut tx| async move { tx.decisions(&DecisionFilter::default(), None, 5_000).await }).await.expect("readable rows");
        let applied = |account: &str| rows.iter().any(|row| row.account.as_str() == account && matches!(row.state, DecisionState::Applied));
        ["google-main", "meta-main", "tiktok-main"].into_iter().all(applied).then_some(())
    })
    .await;
    assert!(daemon.agents().iter().all(|agent| !agent.focus.is_empty() && !agent.progress.is_empty()));
    let report = audit::verify(&store).await.expect("readable rows");
    assert!(report.is_clean() && report.dispatches > 0, "{:?}", report.faults);
    daemon.stop().await;
}
