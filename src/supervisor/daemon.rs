//! The daemon: opens the ground, puts the policy in force, starts a crew, and replaces it on reload. One per process and workspace.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::ExposeSecret;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use url::Url;

use super::agents::Mind;
use super::control::{ControlError, Event, InForce, Looser, Topic};
use super::crew::{Crew, Ground};
use super::lifecycle::{Heartbeat, Part};
use super::{ticker, wiring};
use crate::agents;
use crate::clock::{Clock, ClockMode};
use crate::config::{Config, Endpoint, Faults, SecretError, Surroundings, difference, without_effect};
use crate::domain::alert::AlertKind;
use crate::domain::ids::{IdGen, NodeId};
use crate::domain::policy::Policy;
use crate::domain::ticket::Severity;
use crate::execution::{Gate, Pausing};
use crate::ledger::{self, LedgerError};
use crate::sandbox::{self, Sandbox, SandboxError};
use crate::store::step::Moment;
use crate::store::{Durability, Store, StoreError};

/// Events a slow listener may fall behind by before it is told to read everything again.
const EVENTS: usize = 256;

/// Why the daemon does not start, or goes on as it was.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration file.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// A secret.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// Settings that cannot work.
    #[error("{0}")]
    Settings(String),
    /// A folder of its own.
    #[error("the state directory {path} cannot be used: {source}", path = .path.display())]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The new policy loosens something and nobody has confirmed it.
    #[error("LOOSER: this configuration allows more than the one in force:\n{}\nNothing has changed. An admin confirms it with `adjutant reload --accept-looser`, or at the start with `adjutant run --accept-looser`.", .0.join("\n"))]
    Looser(Vec<String>),
    /// Part of the configuration only a restart can change.
    #[error("{0}: this needs a restart of the daemon")]
    Restart(&'static str),
}

/// What a daemon is started with.
pub struct Launch {
    /// The checked configuration.
    pub config: Config,
    /// Where it was read from; a reload reads it again.
    pub path: PathBuf,
    /// Where secrets and files are read from.
    pub surroundings: Arc<dyn Surroundings>,
    /// A clock made elsewhere, for tests that move it; else the configuration's.
    pub clock: Option<Clock>,
    /// The generator of ids.
    pub ids: IdGen,
    /// What PostgreSQL must promise.
    pub durability: Durability,
    /// Whether a looser policy than the stored one may be put in force.
    pub looser: Looser,
}

/// A running daemon.
pub struct Daemon {
    pub(super) ground: Ground,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) crew: watch::Sender<Arc<Crew>>,
    path: PathBuf,
    reloading: tokio::sync::Mutex<()>,
    ready: AtomicBool,
    sandbox: tokio::sync::Mutex<Option<Sandbox>>,
    /// Progress of the parts systemd's watchdog watches.
    pub heart: Heartbeat,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Daemon {
    /// Opens everything and starts the actors. Nothing is written to a platform before its account has been reconciled.
    ///
    /// # Errors
    /// [`DaemonError`]; whatever was opened is closed again.
    pub async fn start(launch: Launch) -> Result<Arc<Self>, DaemonError> {
        Self::start_with(launch, Arc::new(agents::propose)).await
    }

    /// As [`Daemon::start`], with agents that think with `mind`.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub async fn start_with(launch: Launch, mind: Mind) -> Result<Arc<Self>, DaemonError> {
        crate::platforms::install_tls();
        let Launch { config, path, surroundings, clock, ids, durability, looser } = launch;
        let state_dir = config.workspace.state_dir.clone();
        std::fs::create_dir_all(&state_dir).map_err(|source| DaemonError::StateDir { path: state_dir.clone(), source })?;
        let mode = match (&clock, &config.clock) {
            (Some(clock), _) => clock.mode(),
            (None, Some(_)) => ClockMode::TimeLapse,
            (None, None) => ClockMode::Real,
        };
        warn_of_idle(&config);
        let url = config.workspace.database.url(surroundings.as_ref())?;
        let store = Store::open(url.expose_secret(), mode, durability).await?;
        // Before any actor: whoever held a lease in this file is gone, or its lock would have refused us.
        store.write(|mut tx| async move { tx.end_stale_leases().await }).await?;
        let clock = match clock {
            Some(clock) => clock,
            None => product_clock(&store, &config).await?,
        };
        let sandbox = match &config.sandbox {
            Some(settings) if config.accounts.values().any(|account| account.endpoint == Endpoint::Sandbox) => {
                Some(sandbox::start(wiring::sandbox_config(&config, settings, &state_dir), clock.clone()).await?)
            }
            Some(_) | None => None,
        };
        let base = sandbox.as_ref().map(|sandbox| Url::parse(&sandbox.base_url()).expect("a sandbox has a plain address"));
        let heart = Heartbeat::default();
        let gate = Gate::new(&state_dir);
        let ground = Ground {
            pausing: Pausing::new(gate.clone(), store.clone(), clock.clone()),
            gate,
            node: node(&ids, &clock),
            limiters: Arc::new(super::counts::recalled(&store, crate::platforms::Limiters::new(clock.clone())).await?),
            ticks: watch::Sender::new(0),
            events: broadcast::Sender::new(EVENTS),
            sandbox: base,
            store,
            clock,
            ids,
            surroundings,
            mind,
        };
        let in_force = enact(&ground, &config.policy(), looser, "start").await?;
        let crew = Crew::start(&ground, &config, in_force).await?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (clock, ticks, beat, stopped) = (ground.clock.clone(), ground.ticks.clone(), heart.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = ticker::run(clock, ticks, beat, stopped).await {
                error!(error = %error, "the schedule stopped: nothing is due any more until a restart");
            }
        });
        tasks.spawn(super::counts::keep(ground.store.clone(), Arc::clone(&ground.limiters), stop.clone()));
        tasks.spawn(probe(ground.store.clone(), heart.clone(), stop.clone()));
        tasks.close();
        Ok(Arc::new(Self {
            ground,
            config: watch::Sender::new(Arc::new(config)),
            crew: watch::Sender::new(Arc::new(crew)),
            path,
            reloading: tokio::sync::Mutex::new(()),
            ready: AtomicBool::new(false),
            sandbox: tokio::sync::Mutex::new(sandbox),
            heart,
            stop,
            tasks,
        }))
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.ground.store
    }

    /// The clocks.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.ground.clock
    }

    /// The generator of ids.
    #[must_use]
    pub fn ids(&self) -> &IdGen {
        &self.ground.ids
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.ground.node
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    /// Where the embedded sandbox listens, if one runs.
    #[must_use]
    pub fn sandbox_url(&self) -> Option<&Url> {
        self.ground.sandbox.as_ref()
    }

    /// The listener is up as well: from now on the daemon is ready.
    pub fn now_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub(super) fn is_up(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(super) fn crew(&self) -> Arc<Crew> {
        Arc::clone(&self.crew.borrow())
    }

    /// Reads the configuration file again and puts it in force whole, or changes nothing.
    ///
    /// # Errors
    /// [`DaemonError::Faults`] for a faulty file, [`DaemonError::Looser`] for one that loosens what nobody has confirmed, [`DaemonError::Restart`]
    /// for what only a restart can change.
    pub async fn reload_file(&self, by: &str, looser: Looser) -> Result<Vec<String>, DaemonError> {
        let _one_at_a_time = self.reloading.lock().await;
        let config = Config::load(&self.path, self.ground.surroundings.as_ref())?;
        let old = self.config();
        if config.workspace != old.workspace {
            return Err(DaemonError::Restart("[workspace] has changed"));
        }
        if config.clock != old.clock || config.sandbox != old.sandbox {
            return Err(DaemonError::Restart("[clock] or [sandbox] has changed"));
        }
        if !config.admin.at_most_takes_tokens_from(&old.admin) {
            return Err(DaemonError::Restart("[admin] has changed, and not only in tokens taken away"));
        }
        let before = self.crew().seats.policy();
        let policy = config.policy();
        let diff = difference::diff(&before.policy, &policy);
        refuse_looser(&before.policy, &policy, looser)?;
        // What cannot be started must not stop what runs: secrets and settings are tried before anything is touched.
        for (name, account) in &config.accounts {
            wiring::account_spec(name, account, self.ground.sandbox.as_ref(), self.ground.surroundings.as_ref())?;
        }
        for (name, ga4) in &config.ga4 {
            wiring::property_spec(name, ga4, self.ground.sandbox.as_ref(), self.ground.surroundings.as_ref())?;
        }
        wiring::webhooks(&config, &self.ground.clock, self.ground.surroundings.as_ref())?;
        let in_force = enact(&self.ground, &policy, looser, by).await?;
        self.crew().stop().await;
        let crew = match Crew::start(&self.ground, &config, in_force).await {
            Ok(crew) => crew,
            Err(failed) => {
                error!(error = %failed, "the new configuration does not start; the one before is put back in force");
                let back = enact(&self.ground, &before.policy, Looser::Confirmed, "reload failed").await?;
                self.crew.send_replace(Arc::new(Crew::start(&self.ground, &old, back).await?));
                return Err(failed);
            }
        };
        self.crew.send_replace(Arc::new(crew));
        self.config.send_replace(Arc::new(config));
        info!(by, changes = diff.len(), "the configuration was read again");
        warn_of_idle(&self.config());
        // Nobody may be looking.
        let _ = self.ground.events.send(Event { topic: Topic::Scopes, cursor: 0 });
        Ok(diff)
    }

    /// Raises an alert about an order that came by signal and was not carried out: nobody waits for its answer.
    pub async fn refused_order(&self, order: super::lifecycle::Order, error: &ControlError) {
        let title = format!("{order:?} by signal was not carried out: {error}");
        self.crew().seats.alert(AlertKind::Config, "signal", Severity::Critical, title).await;
    }

    /// Stops in order: no new activation, drained actors, leases given up, the database closed.
    pub async fn stop(&self) {
        self.ready.store(false, Ordering::Release);
        self.crew().stop().await;
        self.stop.cancel();
        self.tasks.wait().await;
        if let Some(sandbox) = self.sandbox.lock().await.take() {
            sandbox.stop().await;
        }
        self.ground.store.close().await;
    }
}

impl From<DaemonError> for ControlError {
    fn from(error: DaemonError) -> Self {
        match &error {
            DaemonError::Looser(_) => Self::refused("LOOSER", &error.to_string()),
            DaemonError::Faults(_) => Self::refused("CONFIG", &error.to_string()),
            DaemonError::Restart(_) => Self::refused("RESTART", &error.to_string()),
            DaemonError::Secret(_) | DaemonError::Settings(_) => Self::refused("SETTINGS", &error.to_string()),
            DaemonError::StateDir { .. } | DaemonError::Store(_) | DaemonError::Ledger(_) | DaemonError::Sandbox(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Real time, or the configured time-lapse: without an origin it goes on at the newest instant the database knows.
async fn product_clock(store: &Store, config: &Config) -> Result<Clock, DaemonError> {
    let Some(lapse) = &config.clock else { return Ok(Clock::real()) };
    Ok(match lapse.origin {
        Some(origin) => Clock::time_lapse(lapse.start, lapse.rate, origin),
        None => {
            let newest = store.read(|mut tx| async move { tx.newest_instant().await }).await?;
            Clock::time_lapse(newest.map_or(lapse.start, |newest| newest.max(lapse.start)), lapse.rate, Clock::real().wall())
        }
    })
}

fn node(ids: &IdGen, clock: &Clock) -> NodeId {
    let tail: String = ids.secret().chars().take(8).collect();
    format!("node-{}-{tail}", clock.wall().ms()).parse().expect("a plain name")
}

fn refuse_looser(old: &Policy, new: &Policy, looser: Looser) -> Result<(), DaemonError> {
    let found: Vec<String> = difference::loosenings(old, new).iter().map(ToString::to_string).collect();
    match looser {
        Looser::Refuse if !found.is_empty() => Err(DaemonError::Looser(found)),
        Looser::Refuse | Looser::Confirmed => Ok(()),
    }
}

/// What the file says without effect is said where people look when they wonder why nothing happens.
fn warn_of_idle(config: &Config) {
    for line in without_effect(config) {
        warn!("without effect in this version: {line}");
    }
}

/// Puts a policy in force under the next number, unless it loosens the stored one and nobody has confirmed that.
async fn enact(ground: &Ground, policy: &Policy, looser: Looser, by: &str) -> Result<Arc<InForce>, DaemonError> {
    let when = Moment { at: ground.clock.now(), wall: ground.clock.wall() };
    let stored = ground.store.read(|mut tx| async move { tx.current_policy().await }).await?;
    if let Some(stored) = &stored {
        match serde_json::from_str::<Policy>(&stored.payload) {
            Ok(old) => refuse_looser(&old, policy, looser)?,
            Err(error) if looser == Looser::Refuse => {
                return Err(DaemonError::Looser(vec![format!(
                    "the stored policy {} cannot be read by this build ({error}), so nothing can be compared",
                    stored.hash
                )]));
            }
            Err(error) => warn!(error = %error, "the stored policy cannot be read; an admin has confirmed the new one"),
        }
    }
    let payload = serde_json::to_string(policy).map_err(LedgerError::from)?;
    let (hash, payload) = (&policy.hash(), &payload);
    let row = ground
        .store
        .write(|mut tx| async move {
            let fresh = tx.current_policy().await?.is_none_or(|row| row.hash != *hash);
            let row = tx.enact_policy(hash, when.at, by, payload).await?;
            if fresh {
                let detail = serde_json::json!({ "version": row.version, "hash": row.hash, "by": by });
                ledger::control::note(&mut tx, "policy", &row.hash, &detail, when).await?;
            }
            Ok::<_, LedgerError>(row)
        })
        .await?;
    Ok(Arc::new(InForce { policy: policy.clone(), hash: row.hash, version: row.version }))
}

/// Reads the database again and again, so that the watchdog knows that it answers.
async fn probe(store: Store, heart: Heartbeat, stop: CancellationToken) {
    loop {
        let read = store.read(|mut tx| async move { tx.clock_mode().await }).await;
        match read {
            Ok(_) => heart.beat(Part::Store),
            Err(error) => warn!(error = %error, "the database does not answer; nothing is sent meanwhile"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(std::time::Duration::from_secs(2)) => {}
        }
    }
}
