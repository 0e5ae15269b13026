//! What people and scripts see of a running daemon: the API under `/api/v1`, the pages, live events, health and metrics.
//!
//! Decides nothing: it checks who asks and whether they may (`routes` is the one table of both), hands the wish to [`Control`] or reads rows, and shows the
//! answer. Promises: no answer but health and sign-in without a role; nothing changes by GET; text from outside is a text node; every call that changes
//! state, refused ones too, is a row in the workspace's chain. May touch: every room below it. Serves plain HTTP on loopback or a Unix socket; TLS is left
//! to a proxy in front.

pub mod auth;
pub mod server;

mod api;
mod audit;
mod events;
mod forms;
mod gate;
mod origin;
mod pages;
mod problem;
mod reading;
mod repeat;
mod routes;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{IdGen, NodeId};
use crate::store::step::Moment;
use crate::store::{Store, StoreError};
use crate::supervisor::control::Control;
use auth::throttle::Throttle;
use auth::tokens::Tokens;

pub use auth::tokens::LOCAL_TOKEN_FILE;
pub use routes::{Needs, every_route};
pub use server::{Bound, bind, serve};

/// Most event streams at a time; a page without one reads itself anew when it is asked to.
const STREAMS: usize = 64;

/// Why the admin room cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken or not ours.
    #[error("ADMIN_LISTEN: cannot listen on {at}: {what}; {advice}")]
    Listen {
        /// Where.
        at: String,
        /// What the system said.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// A token cannot be read or written.
    #[error("ADMIN_TOKEN: {what}; {advice}")]
    Token {
        /// What is wrong with it; never the token.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// The file asks for TLS.
    #[error(
        "ADMIN_TLS: [admin.tls] is set and this build serves plain HTTP; listen on loopback or a unix socket and put a TLS proxy in front, with public_url"
    )]
    Tls,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the admin room stands on.
pub struct Parts {
    /// The running daemon.
    pub control: Arc<dyn Control>,
    /// The rows.
    pub store: Store,
    /// The clocks.
    pub clock: Clock,
    /// Ids of rows.
    pub ids: IdGen,
    /// The configuration the daemon was started with.
    pub config: Arc<Config>,
    /// This node.
    pub node: NodeId,
    /// Who may do what, by token.
    pub tokens: Tokens,
    /// What the process measures.
    pub metrics: PrometheusHandle,
}

/// The admin room; clones share everything.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// Randomness for tokens: never seeded, whatever ids are.
    secrets: IdGen,
    throttle: Throttle,
    streams: Arc<Semaphore>,
    /// How people reach it, without a slash at its end.
    address: String,
}

impl Admin {
    /// Sets the room up; `bound` is where it will be served.
    ///
    /// # Errors
    /// [`AdminError::Tls`] when the configuration wants TLS.
    pub fn new(parts: Parts, bound: &Bound) -> Result<Self, AdminError> {
        if parts.config.admin.tls.is_some() {
            return Err(AdminError::Tls);
        }
        let address = parts.config.admin.public_url.as_ref().map_or_else(|| bound.url(), |url| url.as_str().trim_end_matches('/').to_owned());
        let inner = Inner { parts, secrets: IdGen::from_os(), throttle: Throttle::default(), streams: Arc::new(Semaphore::new(STREAMS)), address };
        Ok(Self(Arc::new(inner)))
    }

    fn control(&self) -> &dyn Control {
        self.0.parts.control.as_ref()
    }

    fn store(&self) -> &Store {
        &self.0.parts.store
    }

    fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    fn config(&self) -> &Config {
        &self.0.parts.config
    }

    fn moment(&self) -> Moment {
        Moment { at: self.clock().now(), wall: self.clock().wall() }
    }
}
