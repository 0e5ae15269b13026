//! `adjutant run`: the daemon in the foreground, until a signal ends it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::EXIT_CONFIG;
use super::client::ClientError;
use crate::admin::auth::tokens::Tokens;
use crate::admin::{self, Admin, Parts};
use crate::config::{Config, Process};
use crate::domain::ids::IdGen;
use crate::domain::scope::Scope;
use crate::domain::ticket::Role;
use crate::store::Durability;
use crate::supervisor::control::{Control, Looser};
use crate::supervisor::daemon::{Daemon, DaemonError, Launch};
use crate::supervisor::lifecycle::{self, Order};

/// Longest an orderly stop takes before the process ends anyway; below systemd's TimeoutStopSec.
const DRAIN: Duration = Duration::from_secs(15);

/// Runs the daemon. Exit code 78 says that the configuration is wrong.
pub(super) async fn run(config: &Path, looser: Looser) -> Result<ExitCode, ClientError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,tokio_cron_scheduler=warn"));
    // Escape sequences belong on a terminal only: in a file or the journal they are noise.
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(coloured).init();
    let path = config.to_path_buf();
    let config = match Config::load(&path, &Process) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::from(EXIT_CONFIG));
        }
    };
    match serve(config, path, looser).await {
        Ok(code) => Ok(code),
        Err(error) => {
            eprintln!("adjutant: {}", chain(error.as_ref()));
            let faulty = error.downcast_ref::<DaemonError>().is_some_and(|error| {
                matches!(error, DaemonError::Faults(_) | DaemonError::Settings(_) | DaemonError::Secret(_) | DaemonError::Looser(_) | DaemonError::Restart(_))
            });
            Ok(if faulty { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE })
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

async fn serve(config: Config, path: std::path::PathBuf, looser: Looser) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let mut orders = lifecycle::orders()?;
    let bound = admin::bind(&config.admin.listen).await?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let tokens = Tokens::load(&config, &Process)?;
    let shared = Arc::new(config.clone());
    let launch = Launch { config, path, surroundings: Arc::new(Process), clock: None, ids: IdGen::from_os(), durability: Durability::Required, looser };
    let daemon = Daemon::start(launch).await?;
    let parts = Parts {
        control: Arc::clone(&daemon) as Arc<dyn Control>,
        store: daemon.store().clone(),
        clock: daemon.clock().clone(),
        ids: daemon.ids().clone(),
        config: shared,
        node: daemon.node().clone(),
        tokens,
        metrics,
    };
    let admin = Admin::new(parts, &bound)?;
    let link = admin.sign_in_link("owner", admin::auth::tokens::LOCAL_NAME, Role::Admin).await?;
    let (stop, url) = (CancellationToken::new(), bound.url());
    let server = tokio::spawn(admin::serve(bound, admin, stop.clone()));
    let watchdog = tokio::spawn(lifecycle::watchdog(daemon.heart.clone()));
    daemon.now_ready();
    lifecycle::tell(NotifyState::Ready);
    announce(&daemon, &url, &link);
    while let Some(order) = orders.recv().await {
        if obey(&daemon, order).await == Next::Stop {
            break;
        }
    }
    info!("draining: no new activation begins");
    lifecycle::tell(NotifyState::Stopping);
    watchdog.abort();
    stop.cancel();
    let drained = async {
        daemon.stop().await;
        // The listener ends with its last request.
        let _ = server.await;
    };
    tokio::select! {
        () = drained => info!("stopped"),
        () = tokio::time::sleep(DRAIN) => warn!("not everything drained within {DRAIN:?}; what was sent is settled by reading at the next start"),
        () = second_stop(&mut orders) => warn!("stopped at once; what was sent is settled by reading at the next start"),
    }
    Ok(ExitCode::SUCCESS)
}

fn announce(daemon: &Daemon, url: &str, link: &str) {
    let config = daemon.config();
    let accounts: Vec<String> =
        daemon.accounts().iter().map(|account| format!("{}{}", account.account, if account.sandbox { " (sandbox)" } else { "" })).collect();
    println!("adjutant {} runs workspace `{}`: {}", env!("CARGO_PKG_VERSION"), config.workspace.name, accounts.join(", "));
    if let Some(lapse) = &config.clock {
        println!("time-lapse: a day passes in {:.1} s; product time is {}", 86_400.0 / f64::from(lapse.rate), daemon.clock().now());
    }
    println!("dashboard: {url}");
    println!("sign in, once, with this link: {link}");
    println!("stop automation at once: `adjutant pause`, or kill -USR1 {}", std::process::id());
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

async fn obey(daemon: &Daemon, order: Order) -> Next {
    let by = || "signal".to_owned();
    let done = match order {
        Order::Stop => return Next::Stop,
        Order::Pause => daemon.pause(Scope::Workspace, by(), "SIGUSR1".to_owned()).await.map(|_| "the workspace is paused"),
        Order::Resume => daemon.resume(Scope::Workspace, by(), "SIGUSR2".to_owned()).await.map(|()| "the workspace's own pause is cleared"),
        Order::Reload => daemon.reload(by(), Looser::Refuse).await.map(|diff| {
            for line in &diff {
                info!("{line}");
            }
            "the configuration was read again"
        }),
    };
    match done {
        Ok(what) => info!("{what}"),
        Err(error) => {
            error!(order = ?order, error = %error, "an order could not be carried out");
            daemon.refused_order(order, &error).await;
        }
    }
    Next::GoOn
}

async fn second_stop(orders: &mut tokio::sync::mpsc::Receiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(Order::Pause | Order::Resume | Order::Reload) => {}
            None => std::future::pending().await,
        }
    }
}
