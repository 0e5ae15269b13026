//! What the actors of one crew share: the store and clocks, who holds which lease, the policy in force, and the ways to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{error, warn};

use super::account::{AccountHealth, AccountMsg};
use super::actor::ActorError;
use super::agents::{AgentFocus, AgentMsg};
use super::control::{AgentState, Event, InForce, Topic};
use super::pool::{PoolHealth, PoolMsg};
use super::shards::Leases;
use crate::clock::Clock;
use crate::domain::alert::AlertKind;
use crate::domain::ids::{AccountId, AgentId, IdGen, NodeId, PoolId};
use crate::domain::ticket::{Severity, TicketKind};
use crate::domain::view::{AccountView, Frozen};
use crate::execution::{Gate, Pausing};
use crate::ledger::LedgerError;
use crate::observe::Depth;
use crate::platforms::ga4::Property;
use crate::platforms::{Gateway, Lane, PlatformError};
use crate::store::Store;
use crate::store::step::Moment;
use crate::tickets;

/// Where an account's actor sits.
pub struct AccountSeat {
    /// Its mailbox.
    pub mailbox: mpsc::Sender<AccountMsg>,
    /// Its newest view.
    pub view: watch::Receiver<Option<Arc<AccountView>>>,
    /// How it is.
    pub health: watch::Receiver<AccountHealth>,
    /// The way to its platform.
    pub gateway: Arc<Gateway>,
    /// What counts its conversions beside its platform.
    pub property: Option<Arc<Property>>,
}

impl AccountSeat {
    /// What is left of the limits of what counts its conversions.
    pub fn left_beside(&self) -> Vec<(String, f64)> {
        self.property.as_ref().map(|property| property.left()).unwrap_or_default()
    }

    /// The account as its platform shows it now.
    ///
    /// # Errors
    /// Why it could not be read, in words.
    pub async fn read(&self, depth: Depth) -> Result<Arc<AccountView>, String> {
        self.read_in(Lane::Ordinary, depth).await
    }

    /// The same, from that share of the platform's limits.
    ///
    /// # Errors
    /// As [`AccountSeat::read`].
    pub async fn read_in(&self, lane: Lane, depth: Depth) -> Result<Arc<AccountView>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "its actor is being started again".to_owned();
        self.mailbox.send(AccountMsg::Observe { depth, lane, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Where an agent's actor sits.
#[derive(Debug)]
pub struct AgentSeat {
    /// Its mailbox.
    pub mailbox: mpsc::Sender<AgentMsg>,
    /// What it is looking at.
    pub focus: watch::Receiver<AgentFocus>,
    /// Whether it runs, as its supervisor sees it.
    pub state: watch::Receiver<AgentState>,
}

/// Where a pool's actor sits.
#[derive(Debug)]
pub struct PoolSeat {
    /// Its mailbox.
    pub mailbox: mpsc::Sender<PoolMsg>,
    /// How its rounds go.
    pub health: watch::Receiver<PoolHealth>,
    /// Who waits for it to stop delivery.
    pub stops: Stops,
}

/// How many people wait for a pool to stop delivery. While one does, its rounds no longer wait for platforms.
#[derive(Clone, Debug, Default)]
pub struct Stops(watch::Sender<usize>);

impl Stops {
    /// One more waits, until what this returns is dropped.
    #[must_use]
    pub fn wait(&self) -> Waiting {
        self.0.send_modify(|waiting| *waiting += 1);
        Waiting(self.0.clone())
    }

    /// Returns once somebody waits.
    pub async fn asked(&self) {
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(|waiting| *waiting > 0).await;
    }
}

/// Somebody waits for a pool to stop delivery.
#[derive(Debug)]
pub struct Waiting(watch::Sender<usize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// What the actors of one crew share.
pub struct Seats {
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
    /// The tick that makes actors look at their schedules.
    pub ticks: watch::Sender<u64>,
    /// The leases this node holds.
    pub leases: watch::Receiver<Leases>,
    /// The policy in force.
    pub in_force: Arc<InForce>,
    /// What changed, for those who look.
    pub events: broadcast::Sender<Event>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, AccountSeat>,
    /// Pools.
    pub pools: BTreeMap<PoolId, PoolSeat>,
    /// Agents.
    pub agents: BTreeMap<AgentId, AgentSeat>,
}

impl Seats {
    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force)
    }

    /// Now, on the two clocks a ledger row carries.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { at: self.clock.now(), wall: self.clock.wall() }
    }

    /// Tells those who look; nobody may be looking.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Sends to a pool's actor; a full mailbox has the same message in it already.
    pub async fn to_pool(&self, pool: &PoolId, message: PoolMsg) {
        if let Some(seat) = self.pools.get(pool)
            && seat.mailbox.try_send(message).is_err()
        {
            warn!(pool = %pool, "the mailbox of pool `{pool}` is full; what waits there covers this");
        }
    }

    /// Wakes the outbox of an account.
    pub fn wake(&self, account: &AccountId) {
        if let Some(seat) = self.accounts.get(account) {
            // A full mailbox wakes it anyway.
            let _ = seat.mailbox.try_send(AccountMsg::Execute);
        }
    }

    /// Raises an alert; what cannot be stored is at least logged.
    pub async fn alert(&self, kind: AlertKind, subject: &str, severity: Severity, title: String) {
        let (ids, when, told) = (&self.ids, self.moment(), title.clone());
        let raised = self
            .store
            .write(|mut tx| {
                let title = told.clone();
                async move {
                    let notice = tickets::alerts::Notice { kind, subject, severity, title, payload: json!({}) };
                    tickets::alerts::raise(&mut tx, ids, notice, when).await
                }
            })
            .await;
        match raised {
            Ok(_) => self.tell(Event { topic: Topic::Alerts, cursor: 0 }),
            Err(error) => {
                let error: LedgerError = error;
                error!(alert = kind.name(), subject, error = %error, "an alert could not be stored: {title}");
            }
        }
    }

    /// A platform could not be read: credentials that are refused need a person, and are asked about once.
    pub async fn platform_trouble(&self, account: &AccountId, error: &PlatformError) {
        match error {
            PlatformError::Auth(_) | PlatformError::Permission(_) => {}
            PlatformError::Quota { .. }
            | PlatformError::Transient(_)
            | PlatformError::Policy(_)
            | PlatformError::Validation(_)
            | PlatformError::NotFound(_)
            | PlatformError::Conflict(_)
            | PlatformError::NotSent(_)
            | PlatformError::Unknown(_)
            | PlatformError::Unsupported(_) => return,
        }
        let title = format!("The platform refuses the credentials of account {account}");
        self.ask_about(account, TicketKind::CredentialTrouble, &title, error.to_string()).await;
        self.alert(AlertKind::Credentials, account.as_str(), Severity::Critical, title).await;
    }

    /// An account is not what the configuration says, so its money stands still until a person has mended one of the two.
    pub async fn frozen(&self, account: &AccountId, frozen: &Frozen) {
        let why = match frozen {
            Frozen::Currency { configured, reported } => format!("agents.toml says currency {configured}, the platform bills in {reported}"),
            Frozen::TimeZone { configured, reported } => format!("agents.toml says time zone {configured}, the platform's days run in {reported}"),
            Frozen::NotInGoodStanding => "the platform does not let it be changed".to_owned(),
        };
        let title = format!("Account {account} is frozen: {why}");
        self.ask_about(account, TicketKind::Anomaly, &title, why).await;
        self.alert(AlertKind::Gap, account.as_str(), Severity::Critical, title).await;
    }

    /// Asks a person to look at an account as a whole.
    async fn ask_about(&self, account: &AccountId, kind: TicketKind, title: &str, why: String) {
        let (ids, clock, approvals, when) = (&self.ids, &self.clock, &self.in_force.policy.approvals, self.moment());
        let content = tickets::Content::question(title.to_owned(), vec![why], json!({ "account": account }));
        let question = tickets::Question {
            kind,
            subject: format!("account {account}"),
            direction: None,
            account: Some(account.clone()),
            pool: None,
            decision: None,
            severity: Severity::Critical,
            risk: None,
            bound_hash: String::new(),
            content,
        };
        let asked = &question;
        let opened = self.store.write(|mut tx| async move { tickets::open(&mut tx, ids, clock, approvals, asked, when).await }).await;
        if let Err(error) = opened {
            let error: LedgerError = error;
            error!(account = %account, error = %error, "a ticket could not be stored: {title}");
        }
        self.tell(Event { topic: Topic::Tickets, cursor: 0 });
    }

    /// An actor ended by itself and is started again.
    pub async fn crashed(&self, name: &str, error: &ActorError) {
        self.alert(AlertKind::AgentCrash, name, Severity::Critical, format!("`{name}` failed and is started again: {error}")).await;
    }
}
