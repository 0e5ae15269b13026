//! One gateway an account: the platform's client behind shared limits, a breaker and a view of its health. Everything that reads or writes a
//! platform goes through here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tokio::sync::Mutex;

use super::call::{Caller, GatewayHealth};
use super::credentials::Credentials;
use super::google::Google;
use super::limits::{Lane, Limiters};
use super::meta::Meta;
use super::spec::AccountSpec;
use super::tiktok::Tiktok;
use super::{Accepted, Access, AdPlatform, DayRow, Effect, Inventory, PlatformError, Sight, WireRequest};
use crate::clock::{Clock, ProductTime};
use crate::domain::change::Change;
use crate::domain::draft::Mark;
use crate::domain::entity::{Budget, Platform};
use crate::domain::ids::AccountId;
use crate::domain::structure::{Edit, ReportAsk, ReportLevel, ReportRow, Structure};

/// Longest a whole inventory or report may take, all its pages included.
const READ_ALL: Duration = Duration::from_secs(180);
/// Longest the reads about one change may take.
const READ_ONE: Duration = Duration::from_secs(30);

/// The client of whichever platform an account stands on.
enum AnyPlatform {
    Meta(Meta),
    Google(Box<Google>),
    Tiktok(Tiktok),
}

/// Runs the same method on whichever platform it is.
macro_rules! on {
    ($any:expr, $client:ident => $run:expr) => {
        match $any {
            AnyPlatform::Meta($client) => $run,
            AnyPlatform::Google($client) => $run,
            AnyPlatform::Tiktok($client) => $run,
        }
    };
}

/// One account's gateway.
pub struct Gateway {
    account: AccountId,
    platform: Platform,
    sandbox: bool,
    client: AnyPlatform,
    caller: Arc<Caller>,
    /// The newest inventory and when its read began.
    shared: Mutex<Option<(Instant, Inventory)>>,
    clock: Clock,
}

impl Gateway {
    /// A gateway for `spec`; gateways of one app share its limits through `limiters`. Nothing is called yet.
    ///
    /// # Errors
    /// [`PlatformError::Validation`] when something about the spec cannot be right: an address in the clear that is not loopback, sandbox
    /// credentials for a real host, credentials of another platform, an id of another form, a conversion action the platform does not have.
    pub fn new(spec: AccountSpec, clock: Clock, limiters: &Limiters) -> Result<Self, PlatformError> {
        let spec = spec.checked()?;
        let (account, platform) = (spec.account.clone(), spec.platform);
        let sandbox = matches!(spec.credentials, Credentials::Sandbox);
        let dialect = match platform {
            Platform::Meta => Meta::DIALECT,
            Platform::Google => Google::DIALECT,
            Platform::Tiktok => Tiktok::DIALECT,
        };
        let caller = Arc::new(Caller::new(&spec, dialect, clock.clone(), limiters)?);
        let client = match platform {
            Platform::Meta => AnyPlatform::Meta(Meta::new(spec, Arc::clone(&caller))),
            Platform::Google => AnyPlatform::Google(Box::new(Google::new(spec, Arc::clone(&caller))?)),
            Platform::Tiktok => AnyPlatform::Tiktok(Tiktok::new(spec, Arc::clone(&caller))),
        };
        Ok(Self { account, platform, sandbox, client, caller, shared: Mutex::new(None), clock })
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// Its platform.
    #[must_use]
    pub const fn platform(&self) -> Platform {
        self.platform
    }

    /// Whether the account is one of the built-in sandbox; every page and answer says so.
    #[must_use]
    pub const fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Account, campaigns and budgets as they stand now. Callers that ask while a read is on its way share the next one: what is returned was
    /// never read before it was asked for.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after three minutes.
    pub async fn inventory(&self) -> Result<Inventory, PlatformError> {
        let asked = self.clock.instant();
        let mut shared = self.shared.lock().await;
        if let Some((began, inventory)) = &*shared
            && *began >= asked
        {
            return Ok(inventory.clone());
        }
        let began = self.clock.instant();
        let inventory = on!(&self.client, client => within(READ_ALL, client.inventory()).await)?;
        *shared = Some((began, inventory.clone()));
        Ok(inventory)
    }

    /// Daily figures of every campaign from `from` to `to`, both included, in the account's zone; days without figures may be missing.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after three minutes.
    pub async fn daily_metrics(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
        if from > to {
            return Err(PlatformError::Validation(format!("{from} lies after {to}")));
        }
        on!(&self.client, client => within(READ_ALL, client.daily_metrics(from, to)).await)
    }

    /// The request that makes a change which is not in the inventory; see [`AdPlatform::compose`]. Nothing is written.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] when its reads take longer than half a minute.
    pub async fn compose(&self, change: &Change, mark: &Mark) -> Result<WireRequest, PlatformError> {
        on!(&self.client, client => within(READ_ONE, client.compose(change, mark)).await)
    }

    /// Lets the platform judge a composed request without doing it, where it offers that.
    ///
    /// # Errors
    /// The refusal the request would meet; [`PlatformError::Transient`] after half a minute.
    pub async fn rehearse(&self, request: &WireRequest) -> Result<(), PlatformError> {
        on!(&self.client, client => within(READ_ONE, client.rehearse(request)).await)
    }

    /// What stands where a change that is not in the inventory acts; `answered` is the id that the platform's answer named, where there was one.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after half a minute.
    pub async fn look(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
        on!(&self.client, client => within(READ_ONE, client.look(change, mark, answered)).await)
    }

    /// Ad groups, ads and creatives of every campaign that has not ended.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after three minutes.
    pub async fn structure(&self) -> Result<Structure, PlatformError> {
        on!(&self.client, client => within(READ_ALL, client.structure()).await)
    }

    /// Figures at any level and breakdown.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after three minutes.
    pub async fn report(&self, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
        if ask.from > ask.to {
            return Err(PlatformError::Validation(format!("{} lies after {}", ask.from, ask.to)));
        }
        if ask.level == ReportLevel::Creative {
            let ads = ReportAsk { level: ReportLevel::Ad, ..*ask };
            let rows = on!(&self.client, client => within(READ_ALL, client.report(&ads)).await)?;
            return self.structure().await?.by_creative(rows).map_err(|error| PlatformError::Validation(error.to_string()));
        }
        on!(&self.client, client => within(READ_ALL, client.report(ask)).await)
    }

    /// What was changed on the platform since `since`; `None` where it does not tell.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after half a minute.
    pub async fn edits(&self, since: ProductTime) -> Result<Option<Vec<Edit>>, PlatformError> {
        on!(&self.client, client => within(READ_ONE, client.edits(since)).await)
    }

    /// What the credentials allow; reads only.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after half a minute.
    pub async fn access(&self) -> Result<Access, PlatformError> {
        let mut access = on!(&self.client, client => within(READ_ONE, client.access()).await)?;
        access.left.extend(self.caller.left());
        Ok(access)
    }

    /// When the token ends, where the platform tells; reads only, and nothing where none does.
    ///
    /// # Errors
    /// As the platform's client; [`PlatformError::Transient`] after half a minute.
    pub async fn token_ends(&self) -> Result<Option<ProductTime>, PlatformError> {
        match &self.client {
            AnyPlatform::Meta(meta) => within(READ_ONE, meta.token_ends()).await,
            // A refresh token and a marketing token live until they are revoked, which the next call tells.
            AnyPlatform::Google(_) | AnyPlatform::Tiktok(_) => Ok(None),
        }
    }

    /// The request that makes `change`. `budget` is the budget as last read, where the change is about one. Nothing is sent.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`] or [`PlatformError::Validation`].
    pub fn prepare(&self, change: &Change, budget: Option<&Budget>) -> Result<WireRequest, PlatformError> {
        on!(&self.client, client => client.prepare(change, budget))
    }

    /// Sends one prepared request, once; waiting for leave and the last byte of the answer both happen before `within` is over.
    ///
    /// # Errors
    /// [`PlatformError::NotSent`] when leave did not come in time, else as the platform's client.
    pub async fn send(&self, request: WireRequest, within: Duration, lane: Lane) -> Result<Accepted, PlatformError> {
        let began = self.clock.instant();
        self.caller.admit_write(&request, lane, within / 2).await?;
        let left = within.saturating_sub(began.elapsed());
        on!(&self.client, client => client.send(request, left).await)
    }

    /// When `change`, made at `now`, takes effect.
    #[must_use]
    pub fn effect_of(&self, change: &Change, now: ProductTime) -> Effect {
        on!(&self.client, client => client.effect_of(change, now))
    }

    /// What the platform's answers have warned of, beside their content, since this was asked last.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.caller.warning()
    }

    /// What stands now: breaker, last answer, last failure, announced waits.
    #[must_use]
    pub fn health(&self) -> GatewayHealth {
        self.caller.health()
    }
}

async fn within<T>(long: Duration, read: impl Future<Output = Result<T, PlatformError>>) -> Result<T, PlatformError> {
    tokio::time::timeout(long, read).await.unwrap_or_else(|_| Err(PlatformError::Transient(format!("not read to its end within {long:?}"))))
}

#[cfg(test)]
mod tests;
