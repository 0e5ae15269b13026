//! The actors of one policy: started together, stopped together. A reload starts a new crew when the old one has drained.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::account::{self, AccountHealth, AccountSetup};
use super::actor::{ActorError, supervise};
use super::agents::{self, AgentFocus, Mind};
use super::control::{AgentState, Event, InForce};
use super::daemon::DaemonError;
use super::keeper;
use super::pool::{self, PoolHealth, PoolSetup};
use super::seats::{AccountSeat, AgentSeat, PoolSeat, Seats, Stops};
use super::shards::{self, Leases};
use super::wiring;
use crate::clock::Clock;
use crate::config::{Config, Surroundings};
use crate::domain::ids::{IdGen, NodeId};
use crate::execution::{Gate, Pausing};
use crate::notify::courier;
use crate::observe::Observed;
use crate::platforms::{Gateway, Limiters};
use crate::store::Store;
use crate::store::step::Moment;

/// Messages a mailbox holds; a full one already says what the next would.
const MAILBOX: usize = 64;

/// What outlives every crew.
#[derive(Clone)]
pub struct Ground {
    /// The database.
    pub store: Store,
    /// The clocks.
    pub clock: Clock,
    /// The generator of ids.
    pub ids: IdGen,
    /// Who may write right now.
    pub gate: Gate,
    /// What stops and admits.
    pub pausing: Pausing,
    /// This node.
    pub node: NodeId,
    /// The tick.
    pub ticks: watch::Sender<u64>,
    /// What changed, for those who look.
    pub events: broadcast::Sender<Event>,
    /// Where the sandbox listens, if one runs.
    pub sandbox: Option<Url>,
    /// Where secrets are read from.
    pub surroundings: Arc<dyn Surroundings>,
    /// What platforms count of our calls: it outlives a reload, as their counts do.
    pub limiters: Arc<Limiters>,
    /// What agents think with.
    pub mind: Mind,
}

/// The running actors of one policy.
pub struct Crew {
    /// What they share.
    pub seats: Arc<Seats>,
    stop: CancellationToken,
    leases_stop: CancellationToken,
    tasks: TaskTracker,
    lease_tasks: TaskTracker,
}

impl Crew {
    /// Starts every actor of `config` under the policy in force.
    ///
    /// # Errors
    /// [`DaemonError`] for settings that cannot work or a database that does not answer; nothing runs then.
    pub async fn start(ground: &Ground, config: &Config, in_force: Arc<InForce>) -> Result<Self, DaemonError> {
        let limiters = &*ground.limiters;
        let components = shards::components(&in_force.policy);
        let sinks = wiring::webhooks(config, &ground.clock, ground.surroundings.as_ref())?;
        let mut gateways = BTreeMap::new();
        for (name, account) in &config.accounts {
            let spec = wiring::account_spec(name, account, ground.sandbox.as_ref(), ground.surroundings.as_ref())?;
            let gateway = Gateway::new(spec, ground.clock.clone(), limiters).map_err(|error| DaemonError::Settings(error.to_string()))?;
            gateways.insert(name.clone(), Arc::new(gateway));
        }
        let mut measuring = wiring::measuring(config, ground.sandbox.as_ref(), ground.surroundings.as_ref(), &ground.clock, limiters)?;
        let when = Moment { at: ground.clock.now(), wall: ground.clock.wall() };
        shards::open(&ground.store, &components, when).await?;
        keeper::prepare(ground, &sinks).await?;

        let (stop, leases_stop) = (CancellationToken::new(), CancellationToken::new());
        let (held, leases) = watch::channel(Leases::new());
        let mut seats = Seats {
            store: ground.store.clone(),
            clock: ground.clock.clone(),
            ids: ground.ids.clone(),
            gate: ground.gate.clone(),
            pausing: ground.pausing.clone(),
            node: ground.node.clone(),
            ticks: ground.ticks.clone(),
            leases,
            in_force: Arc::clone(&in_force),
            events: ground.events.clone(),
            accounts: BTreeMap::new(),
            pools: BTreeMap::new(),
            agents: BTreeMap::new(),
        };
        let shard_of =
            |belongs: &dyn Fn(&shards::Component) -> bool| components.iter().find(|component| belongs(component)).map(|component| component.shard.clone());
        let (mut accounts, mut pools, mut minds) = (Vec::new(), Vec::new(), Vec::new());
        for (name, settings) in &config.accounts {
            let Some(shard) = shard_of(&|component| component.accounts.contains(name)) else { continue };
            let (mailbox, inbox) = mpsc::channel(MAILBOX);
            let (view, seen) = watch::channel(None);
            let (health, shown) = watch::channel(AccountHealth::default());
            let gateway = Arc::clone(&gateways[name]);
            let measuring = measuring.remove(name);
            let property = measuring.as_ref().map(|measuring| Arc::clone(&measuring.property));
            seats.accounts.insert(name.clone(), AccountSeat { mailbox, view: seen, health: shown, gateway: Arc::clone(&gateway), property });
            let tracking = &in_force.policy.workspace.tracking_min_pct;
            let observed = Observed {
                account: name.clone(),
                platform: settings.platform,
                currency: settings.currency,
                time_zone: settings.time_zone,
                sandbox: in_force.policy.accounts.get(name).is_some_and(|account| account.sandbox),
                tracking_minimum: rust_decimal::prelude::ToPrimitive::to_f64(tracking).unwrap_or(100.0) / 100.0,
            };
            let drawn = in_force.policy.pools.iter().filter(|(_, pool)| pool.members.accounts.contains(name)).map(|(id, _)| id.clone()).collect();
            let schedules = config.schedules.clone();
            accounts.push((AccountSetup { account: name.clone(), observed, gateway, measuring, shard, pools: drawn, schedules, view, health }, inbox));
        }
        for (name, settings) in &in_force.policy.pools {
            let Some(shard) = shard_of(&|component| component.pools.contains(name)) else { continue };
            let (mailbox, inbox) = mpsc::channel(MAILBOX);
            let ((health, shown), stops) = (watch::channel(PoolHealth::default()), Stops::default());
            seats.pools.insert(name.clone(), PoolSeat { mailbox, health: shown, stops: stops.clone() });
            let speak = in_force.policy.agents.iter().filter(|(_, agent)| agent.pool == *name).map(|(id, _)| id.clone()).collect();
            let schedules = config.schedules.clone();
            let members = settings.members.accounts.clone();
            pools.push((PoolSetup { pool: name.clone(), shard, accounts: members, agents: speak, schedules, health, stops }, inbox));
        }
        for name in in_force.policy.agents.keys() {
            let (mailbox, inbox) = mpsc::channel(MAILBOX);
            let (focus, shown) = watch::channel(AgentFocus::default());
            let (state, seen) = watch::channel(AgentState::Starting);
            seats.agents.insert(name.clone(), AgentSeat { mailbox, focus: shown, state: seen });
            minds.push((name.clone(), inbox, focus, state));
        }

        let seats = Arc::new(seats);
        let (tasks, lease_tasks) = (TaskTracker::new(), TaskTracker::new());
        let shard_ids = components.into_iter().map(|component| component.shard).collect();
        lease_tasks.spawn(shards::keep(ground.store.clone(), ground.clock.clone(), ground.node.clone(), shard_ids, held, leases_stop.clone()));
        for (setup, inbox) in accounts {
            tasks.spawn(run_account(setup, Arc::clone(&seats), inbox, stop.clone()));
        }
        for (setup, inbox) in pools {
            tasks.spawn(run_pool(setup, Arc::clone(&seats), inbox, stop.clone()));
        }
        for (name, inbox, focus, state) in minds {
            tasks.spawn(run_agent((name, Arc::clone(&ground.mind)), Arc::clone(&seats), inbox, focus, state, stop.clone()));
        }
        tasks.spawn(keeper::run(Arc::clone(&seats), stop.clone()));
        let sandbox = gateways.values().all(|gateway| gateway.is_sandbox());
        tasks.spawn(courier::run(ground.store.clone(), ground.clock.clone(), sinks, sandbox, stop.clone()));
        tasks.close();
        lease_tasks.close();
        Ok(Self { seats, stop, leases_stop, tasks, lease_tasks })
    }

    /// Stops every actor between two activations, and then gives the leases up.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.leases_stop.cancel();
        self.lease_tasks.wait().await;
    }
}

async fn run_account(setup: AccountSetup, seats: Arc<Seats>, inbox: mpsc::Receiver<account::AccountMsg>, stop: CancellationToken) {
    let (setup, inbox, shared) = (&setup, &tokio::sync::Mutex::new(inbox), &seats);
    let name = format!("account {}", setup.account);
    let run = |stop: CancellationToken| async move { account::run(setup, shared, &mut *inbox.lock().await, &stop).await };
    let crashed = |error: ActorError| {
        let name = name.clone();
        async move { shared.crashed(&name, &error).await }
    };
    supervise(name.clone(), seats.clock.clone(), stop, run, crashed).await;
}

async fn run_pool(setup: PoolSetup, seats: Arc<Seats>, inbox: mpsc::Receiver<pool::PoolMsg>, stop: CancellationToken) {
    let (setup, inbox, shared) = (&setup, &tokio::sync::Mutex::new(inbox), &seats);
    let name = format!("pool {}", setup.pool);
    let run = |stop: CancellationToken| async move { pool::run(setup, shared, &mut *inbox.lock().await, &stop).await };
    let crashed = |error: ActorError| {
        let name = name.clone();
        async move { shared.crashed(&name, &error).await }
    };
    supervise(name.clone(), seats.clock.clone(), stop, run, crashed).await;
}

async fn run_agent(
    (id, mind): (crate::domain::ids::AgentId, Mind),
    seats: Arc<Seats>,
    inbox: mpsc::Receiver<agents::AgentMsg>,
    focus: watch::Sender<AgentFocus>,
    state: watch::Sender<AgentState>,
    stop: CancellationToken,
) {
    let (id, mind, inbox, shared, focus, state) = (&id, &mind, &tokio::sync::Mutex::new(inbox), &seats, &focus, &state);
    let run = |stop: CancellationToken| async move {
        state.send_replace(AgentState::Active);
        agents::run(id, mind, &mut *inbox.lock().await, focus, &stop).await
    };
    let crashed = |error: ActorError| async move {
        state.send_replace(AgentState::BackingOff);
        shared.crashed(&format!("agent {id}"), &error).await;
    };
    supervise(format!("agent {id}"), seats.clock.clone(), stop, run, crashed).await;
}
