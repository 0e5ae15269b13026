//! The three platforms and GA4 as servers on loopback, with one simulated market behind them: stateful, deterministic by seed, honest about every
//! write it took. The daemon talks to it with its production clients; its log is the judge of our tests.
//!
//! May touch: `domain`, `clock`. Never `platforms`: shared wire types would hide shared mistakes.
//!
//! | path | who |
//! |---|---|
//! | `/v26.0/...` | Meta |
//! | `/v26/...`, `/token` | Google Ads and its token endpoint |
//! | `/v1beta/...` | GA4 |
//! | `/open_api/v1.3/...` | TikTok |
//! | `/_sandbox/log`, `state`, `truth`, `faults`, `edit` | the judge's and the tests' own doors |

mod faults;
mod ga4;
mod google;
pub(crate) mod market;
mod meta;
mod server;
mod state;
mod steer;
mod throttle;
mod tiktok;
mod wire;
mod world;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use faults::{FaultRule, Kind as FaultKind, Methods};

use crate::clock::Clock;
use crate::domain::entity::Platform;
use crate::domain::money::Currency;

/// One ad account that stands in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxAccount {
    /// Its platform.
    pub platform: Platform,
    /// The platform's id of it, as configured: Meta `act_1001`, Google ten digits, TikTok nineteen.
    pub id: String,
    /// Billing currency.
    pub currency: Currency,
    /// Zone of its days.
    pub time_zone: Tz,
}

/// A GA4 property that stands in the sandbox: it counts what happens on the site behind every campaign, later and less than the platforms do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxProperty {
    /// Its numeric id.
    pub id: String,
    /// Its key events; the first is what the campaigns bring.
    pub key_events: Vec<String>,
    /// Its currency.
    pub currency: Currency,
    /// Zone of its days.
    pub time_zone: Tz,
    /// Conversions it counts, in per cent of the platforms'.
    pub share_pct: u32,
    /// How many hours later than the platforms it counts them.
    pub delay_h: u32,
    /// Tokens an hour, of which a report takes some.
    pub tokens_per_hour: u32,
}

impl SandboxProperty {
    /// One that counts 88 % of what the platforms do, half a day later, with a standard property's quota.
    #[must_use]
    pub fn new(id: &str, key_events: &[String], currency: Currency, time_zone: Tz) -> Self {
        Self { id: id.to_owned(), key_events: key_events.to_vec(), currency, time_zone, share_pct: 88, delay_h: 12, tokens_per_hour: 40_000 }
    }
}

/// Most ids of one report. Source: TikTok API for Business, integrated report.
pub const REPORT_IDS: usize = 20_000;

/// What a sandbox holds. The same configuration and start give the same market, to the byte.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Seed of everything drawn.
    pub seed: u64,
    /// Campaigns in all, dealt out to the accounts in turn.
    pub campaigns: usize,
    /// Where its state lives across restarts; in memory when missing.
    pub state_file: Option<PathBuf>,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its accounts.
    pub accounts: Vec<SandboxAccount>,
    /// Its GA4 properties.
    pub properties: Vec<SandboxProperty>,
    /// Days of history that precede its start, 1 to 90.
    pub history_days: u32,
    /// Whether "people" edit a few things on days 6, 17, 31 and 44: a budget lowered, a campaign paused, money moved, a budget lowered.
    pub edits_by_people: bool,
    /// Faults in force from the first start; `POST /_sandbox/faults` replaces them.
    pub base_faults: Vec<FaultRule>,
    /// Share of the platforms' documented quotas of hours and days that is given, 0 to 1, on product time; no quota when missing.
    pub quota: Option<f64>,
    /// Most ids that one of TikTok's reports covers before it is cut short; the platform's own count is 20,000.
    pub report_ids: usize,
}

impl SandboxConfig {
    /// The default market: 24 campaigns in one account a platform, 35 days of history, people's edits on, no faults, a free loopback port.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let account = |platform, id: &str| SandboxAccount { platform, id: id.to_owned(), currency: Currency::USD, time_zone: Tz::America__New_York };
        Self {
            seed,
            campaigns: 24,
            state_file: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            accounts: vec![account(Platform::Google, "1001001001"), account(Platform::Meta, "act_1001"), account(Platform::Tiktok, "7000000000000000001")],
            properties: Vec::new(),
            history_days: 35,
            edits_by_people: true,
            base_faults: Vec::new(),
            quota: None,
            report_ids: REPORT_IDS,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not ours.
    #[error("the sandbox cannot listen on {0}: choose another address, or port 0 for a free one")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// It simulates money and must not be reachable from outside.
    #[error("the sandbox listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The state file cannot be read or written.
    #[error("the sandbox cannot use its state file")]
    State(#[from] sqlx::Error),
    /// The state file belongs to another market.
    #[error(
        "the sandbox's state file holds another market (seed, campaigns, accounts or history differ): delete it, or restore the configuration it was made with"
    )]
    OtherWorld,
    /// The state file holds a row this version cannot read.
    #[error("the sandbox's state file is damaged at {0}: delete it to start over")]
    Damaged(String),
}

/// A running sandbox. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sandbox {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for clients, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops listening, drops open connections and closes the state file.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a sandbox: opens or creates its state, rebuilds the world, listens.
///
/// # Errors
/// [`SandboxError`]; nothing is left running.
pub async fn start(config: SandboxConfig, clock: Clock) -> Result<Sandbox, SandboxError> {
    if !config.listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(config.listen));
    }
    let (core, listen) = (server::Core::open(&config, clock.now()).await?, config.listen);
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| SandboxError::Listen(listen, error))?;
    let addr = listener.local_addr().map_err(|error| SandboxError::Listen(listen, error))?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(server::listen(listener, server::Shared::new(core, clock), stop.clone(), tasks.clone()));
    tasks.close();
    Ok(Sandbox { addr, stop, tasks })
}
