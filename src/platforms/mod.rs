//! The platforms: one trait in our vocabulary, one gateway an account, one module a platform that speaks its wire contract.
//! Unit conversion happens in those modules and nowhere else. May touch: domain, clock. Knows nothing of decisions or the store.

mod breaker;
mod call;
pub mod consent;
mod counted;
mod credentials;
mod fault;
mod fetch;
mod found;
pub mod ga4;
mod gateway;
mod google;
mod http;
mod limits;
mod loose;
mod meta;
mod service;
mod spec;
mod tiktok;
mod write;

pub use breaker::BreakerState;
pub use call::{GatewayHealth, in_lane};
pub use credentials::Credentials;
pub use gateway::Gateway;
pub use http::install_tls;
pub use limits::{Lane, Limiters};
pub use service::ServiceKey;
pub use spec::{AccountSpec, ConversionRule, ConversionValue};

use std::time::Duration;

use chrono::NaiveDate;

use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::draft::Mark;
use crate::domain::entity::{AccountState, Budget, Campaign, EntityKey};
use crate::domain::metrics::Metrics;
use crate::domain::structure::{Edit, ReportAsk, ReportRow, Structure};

/// Everything one account read brings: what stands there now.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// The account's own state.
    pub account: AccountState,
    /// Every campaign that has not ended, in the order of their keys.
    pub campaigns: Vec<Campaign>,
    /// Every budget of those campaigns, in the order of their keys.
    pub budgets: Vec<Budget>,
}

/// One campaign's figures for one account day.
#[derive(Clone, Debug, PartialEq)]
pub struct DayRow {
    /// The campaign.
    pub entity: EntityKey,
    /// The day, in the account's zone.
    pub day: NaiveDate,
    /// The figures as reported now.
    pub metrics: Metrics,
}

/// When a change of an entity takes effect on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    Now,
    /// With the next day in the account's zone.
    NextLocalDay,
}

/// A platform's answer to a change it accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The platform's own request id, for support.
    pub request_id: Option<String>,
    /// The platform's id of what was created, if something was.
    pub created: Option<String>,
    /// When it takes effect.
    pub effect: Effect,
}

/// A request about to leave: built before the dispatch row is written, so that the row holds the hash of exactly these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    /// HTTP method.
    pub method: &'static str,
    /// Absolute URL, without secrets.
    pub url: String,
    /// Body as it goes out, without secrets.
    pub body: Vec<u8>,
    /// Content type of the body.
    pub content_type: &'static str,
    /// Lower-case hex of SHA-256 over the body; the sandbox logs the same.
    pub body_sha256: String,
}

/// Why a platform did not do what was asked. What a caller may do next follows from the variant, never from the text.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The token is missing, expired or revoked: stop the account, ask a person.
    #[error("AUTH: {0}")]
    Auth(String),
    /// The token lacks a right for this account or call.
    #[error("PERMISSION: {0}")]
    Permission(String),
    /// An explicit refusal for too many calls; nothing was done.
    #[error("QUOTA: wait {wait:?}: {what}")]
    Quota {
        /// How long to wait, in wall time.
        wait: Duration,
        /// Which limit.
        what: String,
    },
    /// A fault of the platform or the way to it; for a read it may be repeated. A write never ends here.
    #[error("TRANSIENT: {0}")]
    Transient(String),
    /// The platform's advertising policy refused it, in the platform's own words.
    #[error("POLICY: {0}")]
    Policy(String),
    /// The request is wrong and will stay wrong.
    #[error("VALIDATION: {0}")]
    Validation(String),
    /// The object does not exist.
    #[error("NOT_FOUND: {0}")]
    NotFound(String),
    /// Somebody else edits the object, or it is not as expected.
    #[error("CONFLICT: {0}")]
    Conflict(String),
    /// Proven not executed: nothing of the request was sent, or it was turned away at the door.
    #[error("NOT_SENT: {0}")]
    NotSent(String),
    /// The request left and no answer came that proves anything: never repeated blindly, settled by reading.
    #[error("UNKNOWN: {0}")]
    Unknown(String),
    /// This version cannot do that on this platform.
    #[error("UNSUPPORTED: {0}")]
    Unsupported(String),
}

impl PlatformError {
    /// The stable code its text opens with.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Auth(_) => "AUTH",
            Self::Permission(_) => "PERMISSION",
            Self::Quota { .. } => "QUOTA",
            Self::Transient(_) => "TRANSIENT",
            Self::Policy(_) => "POLICY",
            Self::Validation(_) => "VALIDATION",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Conflict(_) => "CONFLICT",
            Self::NotSent(_) => "NOT_SENT",
            Self::Unknown(_) => "UNKNOWN",
            Self::Unsupported(_) => "UNSUPPORTED",
        }
    }

    /// Whether it is proven that the platform did nothing, so that the same write may be tried again.
    #[must_use]
    pub const fn proves_not_executed(&self) -> bool {
        matches!(self, Self::Quota { .. } | Self::NotSent(_))
    }
}

/// What a look at the one thing a change is about shows, where the whole read of an account does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// What the change expects to find: nothing has happened yet. For a creation: nothing that carries its mark.
    Before,
    /// What the change wants stands there; for a creation, what was made.
    Done {
        /// The key of what was made.
        created: Option<EntityKey>,
    },
    /// The platform has taken it and is still at work: a video being transcoded.
    Working,
    /// The platform took it and then failed at it, in its own words.
    Failed(String),
    /// Neither what is expected nor what is wanted, in words: somebody else has been here, or it belongs to another campaign.
    Other(String),
    /// What was to be changed is not there any more.
    Gone,
}

/// What the credentials of an account allow.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Access {
    /// The account as the platform describes it.
    pub account: AccountState,
    /// What the token may do, in the platform's words.
    pub rights: Vec<String>,
    /// What it may not do although this program needs it; empty when all is well.
    pub missing: Vec<String>,
    /// When the token ends, where the platform tells.
    pub token_ends: Option<ProductTime>,
    /// What is left of each limit the platform tells of: its name and a share from 0 to 1.
    pub left: Vec<(String, f64)>,
}

/// One account on one platform, in our vocabulary.
pub trait AdPlatform: Send + Sync + 'static {
    /// Account, campaigns and budgets with their status, as they stand now.
    fn inventory(&self) -> impl Future<Output = Result<Inventory, PlatformError>> + Send;

    /// Daily figures of every campaign from `from` to `to`, both included, in the account's zone; days without figures may be missing.
    fn daily_metrics(&self, from: NaiveDate, to: NaiveDate) -> impl Future<Output = Result<Vec<DayRow>, PlatformError>> + Send;

    /// The request that makes `change`, or why this platform cannot. `budget` is the budget as last read, where the change is about one.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`] or [`PlatformError::Validation`]; nothing is sent.
    fn prepare(&self, change: &Change, budget: Option<&Budget>) -> Result<WireRequest, PlatformError>;

    /// Sends one prepared request, once, without any retry; everything up to the last byte of the answer happens before `within` is over.
    fn send(&self, request: WireRequest, within: Duration) -> impl Future<Output = Result<Accepted, PlatformError>> + Send;

    /// When `change`, made at `now`, takes effect.
    fn effect_of(&self, change: &Change, now: ProductTime) -> Effect;

    /// The request that makes a `change` which is not [`Change::is_in_inventory`]. May read: ids of places and languages, an object that the platform
    /// replaces whole, bytes of an image. What it creates is created paused and carries `mark` in its name.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`] where the platform cannot express it, in words; [`PlatformError::Validation`]; or why a read failed. Nothing is
    /// written.
    fn compose(&self, change: &Change, mark: &Mark) -> impl Future<Output = Result<WireRequest, PlatformError>> + Send;

    /// Asks the platform to judge a composed request without doing it, where it offers that; nothing is written.
    ///
    /// # Errors
    /// The refusal the request would meet, as far as the platform tells beforehand.
    fn rehearse(&self, request: &WireRequest) -> impl Future<Output = Result<(), PlatformError>> + Send;

    /// What stands where a change that is not [`Change::is_in_inventory`] acts. `answered` is the id that the platform's answer named, where there was
    /// one: a picture that the account has already stays under the name it first came by, and no mark finds it.
    fn look(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> impl Future<Output = Result<Sight, PlatformError>> + Send;

    /// Ad groups, ads and creatives of every campaign that has not ended.
    fn structure(&self) -> impl Future<Output = Result<Structure, PlatformError>> + Send;

    /// Figures at any level and breakdown.
    fn report(&self, ask: &ReportAsk) -> impl Future<Output = Result<Vec<ReportRow>, PlatformError>> + Send;

    /// What was changed on the platform since `since`, oldest first, by whomever; `None` where the platform does not tell.
    fn edits(&self, since: ProductTime) -> impl Future<Output = Result<Option<Vec<Edit>>, PlatformError>> + Send;

    /// What the credentials allow; reads only.
    fn access(&self) -> impl Future<Output = Result<Access, PlatformError>> + Send;
}
