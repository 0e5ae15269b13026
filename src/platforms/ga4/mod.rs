//! GA4 as a source of conversions: the Data API v1beta over REST. One property counts for several accounts, so what it answered is shared for a
//! while, and what is left of its quota decides when it is asked again.

mod access;
mod errors;
mod quota;
mod request;
mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

pub use access::PropertyAccess;

use super::PlatformError;
use super::call::{Caller, Dialect, Fault, GatewayHealth, Pauses, Remedy, one_each};
use super::credentials::{AccessToken, Credentials};
use super::http::{Outgoing, Route};
use super::limits::{Limiters, Pot, Rate};
use super::spec::{is_loopback, is_number, sha256_hex};
use super::write::parse;
use crate::clock::{Clock, ProductTime};
use crate::domain::money::{Currency, Money};

const HOST: &str = "https://analyticsdata.googleapis.com";
const TOKEN_HOST: &str = "https://oauth2.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/analytics.readonly";
/// A report takes ten metrics; two of them are sessions and revenue.
pub const MOST_EVENTS: usize = 8;
/// Longest a whole report may take, its pages included.
const READ_ALL: Duration = Duration::from_secs(120);
/// An answer serves every account that asks the same within this span: the figures behind it are hours old anyway.
const SHARED: TimeDelta = TimeDelta::minutes(30);
/// Longest that asking for rights may take: two short calls.
const READ_ACCESS: Duration = Duration::from_secs(30);
/// Days of one report when the whole range came sampled or with rows lumped together.
const SHORTER: u64 = 7;
/// More pages than any property has: a guard against a count that never ends.
const PAGES: usize = 100;
/// Server errors are counted against the project, which is locked out after ten in an hour: few tries, far apart.
const PAUSES: Pauses = Pauses { first: Duration::from_secs(5), times: 2 };
/// The sandbox counts none, and a day may pass there within a second.
const SANDBOX_PAUSES: Pauses = Pauses { first: Duration::from_millis(100), times: 2 };

/// One GA4 property as its client needs it.
#[derive(Clone, Debug)]
pub struct PropertySpec {
    /// Its name here.
    pub name: String,
    /// Its numeric id.
    pub property: String,
    /// The key events that are conversions: 1 to [`MOST_EVENTS`].
    pub key_events: Vec<String>,
    /// The dimension that holds campaigns' ids.
    pub join: String,
    /// Replaces its hosts, the token host too.
    pub base_url: Option<Url>,
    /// How it signs in: Google's, or the sandbox's own.
    pub credentials: Credentials,
}

/// What a report is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// First day, in the property's zone.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// The currency revenue is told in.
    pub currency: Currency,
}

/// What was counted for one campaign as GA4 names it, one day and one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The day, in the property's zone.
    pub day: NaiveDate,
    /// The campaign's id, where the click carried one.
    pub id: Option<String>,
    /// The campaign's name, where the click carried one.
    pub name: Option<String>,
    /// Where the session came from.
    pub source: String,
    /// Conversions in thousandths.
    pub conversions_milli: i64,
    /// What they brought.
    pub revenue: Money,
}

/// A whole report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its rows.
    pub rows: Vec<Counted>,
    /// The zone its days run in, where it is told and known.
    pub zone: Option<Tz>,
    /// The currency of its revenue, where it is told and known.
    pub currency: Option<Currency>,
    /// Days whose figures are an estimate from too small a sample, or lumped together: no base for a decision.
    pub unfit: BTreeSet<NaiveDate>,
    /// Whether small rows may have been left out for privacy: what is missing is not zero.
    pub thresholded: bool,
    /// Figures that the signed-in user may not see: withheld, not zero.
    pub withheld: Vec<String>,
}

/// One GA4 property.
pub struct Property {
    spec: PropertySpec,
    /// Where its calls begin.
    root: String,
    tokens: Tokens,
    caller: Caller,
    clock: Clock,
    held: Mutex<Held>,
    /// What the last answer told of the property's quota.
    left: std::sync::Mutex<Vec<(String, f64)>>,
}

enum Tokens {
    Fixed(SecretString),
    Exchanged(AccessToken),
}

#[derive(Default)]
struct Held {
    shared: Option<(ProductTime, Ask, Arc<Report>)>,
    /// Not before this, and why.
    rest: Option<(ProductTime, String)>,
}

impl Held {
    /// An error while the property must not be asked.
    fn admit(&mut self, clock: &Clock) -> Result<(), PlatformError> {
        let now = clock.now();
        match &self.rest {
            Some((until, what)) if now < *until => Err(PlatformError::Quota { wait: clock.wall_span(*until - now), what: what.clone() }),
            Some(_) | None => {
                self.rest = None;
                Ok(())
            }
        }
    }
}

const DIALECT: Dialect = Dialect { judge: errors::judge, cost: one_each, told: |_| Vec::new(), warned: |_| None };

impl Property {
    /// A client of `spec`; what counts calls is shared through `limiters`. Nothing is called yet.
    ///
    /// # Errors
    /// [`PlatformError::Validation`] when something about the spec cannot be right.
    pub fn new(spec: PropertySpec, clock: Clock, limiters: &Limiters) -> Result<Self, PlatformError> {
        let wrong = |what: &str| Err(PlatformError::Validation(format!("GA4 property `{}`: {what}", spec.name)));
        if !is_number(&spec.property) {
            return wrong("its id must be digits");
        }
        if spec.key_events.is_empty() || spec.key_events.len() > MOST_EVENTS {
            return wrong(&format!("a report takes 1 to {MOST_EVENTS} key events"));
        }
        let local = spec.base_url.as_ref().is_some_and(is_loopback);
        if spec.base_url.as_ref().is_some_and(|url| url.scheme() != "https" && !local) {
            return wrong("base_url must be https, or a loopback address");
        }
        let sandbox = match &spec.credentials {
            Credentials::Sandbox if !local => return wrong("sandbox credentials go to a loopback base_url only"),
            Credentials::Sandbox => true,
            Credentials::Google { .. } | Credentials::GoogleService { .. } => false,
            Credentials::Meta { .. } | Credentials::Tiktok { .. } => return wrong("it signs in with Google's credentials"),
        };
        let base = |real: &str| spec.base_url.as_ref().map_or(real, Url::as_str).trim_end_matches('/').to_owned();
        let root = format!("{}/v1beta/properties/{}", base(HOST), spec.property);
        parse(&root)?;
        let endpoint = parse(&format!("{}/token", base(TOKEN_HOST)))?;
        let app = sha256_hex(spec.credentials.app().as_bytes());
        // No calls per second are documented; tokens are, and what is left of them comes with every answer.
        let rate = Rate::per_second(if sandbox { 100 } else { 5 });
        let counted = vec![(Pot::App, format!("ga4:app:{app}"), rate), (Pot::Account, format!("ga4:app:{app}:property:{}", spec.property), rate)];
        let route = if local { Route::Loopback } else { Route::Internet };
        let pauses = if sandbox { SANDBOX_PAUSES } else { PAUSES };
        let caller = Caller::of(route, counted, pauses, DIALECT, clock.clone(), limiters)?;
        let tokens = match AccessToken::scoped(&spec.credentials, SCOPE, endpoint, caller.http(), clock.clone()) {
            Some(exchanged) => Tokens::Exchanged(exchanged),
            None => Tokens::Fixed(SecretString::from(format!("sandbox-{}", spec.name))),
        };
        Ok(Self { spec, root, tokens, caller, clock, held: Mutex::default(), left: std::sync::Mutex::default() })
    }

    /// Its name here.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its numeric id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.spec.property
    }

    /// What stands now: breaker, last answer, last failure, how many calls.
    #[must_use]
    pub fn health(&self) -> GatewayHealth {
        self.caller.health()
    }

    /// What is left of the property's quota, as its last answer told: the name of each bucket and a share from 0 to 1.
    #[must_use]
    pub fn left(&self) -> Vec<(String, f64)> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Key events and revenue by campaign and day. Callers take turns; one that asks what was answered within the last half hour gets that answer.
    ///
    /// # Errors
    /// [`PlatformError::Quota`] while the property must not be asked, without asking it; else as its answers are judged;
    /// [`PlatformError::Transient`] after two minutes.
    pub async fn report(&self, ask: Ask) -> Result<Arc<Report>, PlatformError> {
        if ask.from > ask.to {
            return Err(PlatformError::Validation(format!("{} lies after {}", ask.from, ask.to)));
        }
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some((at, asked, report)) = &held.shared
            && *asked == ask
            && now - *at < SHARED
        {
            return Ok(Arc::clone(report));
        }
        held.admit(&self.clock)?;
        let late = |_| Err(PlatformError::Transient(format!("no whole report within {READ_ALL:?}")));
        let read = tokio::time::timeout(READ_ALL, self.whole(ask, &mut held.rest)).await.unwrap_or_else(late);
        if let Err(PlatformError::Quota { what, .. }) = &read {
            held.rest = quota::refused(what, self.clock.now()).map(|until| (until, what.clone()));
        }
        let report = Arc::new(read?);
        held.shared = Some((now, ask, Arc::clone(&report)));
        Ok(report)
    }

    /// What its credentials allow, and what its reports need and it has not.
    ///
    /// # Errors
    /// As [`Self::report`]; [`PlatformError::Transient`] after half a minute.
    pub async fn access(&self) -> Result<PropertyAccess, PlatformError> {
        let mut held = self.held.lock().await;
        held.admit(&self.clock)?;
        let late = |_| Err(PlatformError::Transient(format!("no answer within {READ_ACCESS:?}")));
        let read = tokio::time::timeout(READ_ACCESS, access::access(self)).await.unwrap_or_else(late);
        if let Err(PlatformError::Quota { what, .. }) = &read {
            held.rest = quota::refused(what, self.clock.now()).map(|until| (until, what.clone()));
        }
        read
    }

    /// The whole range at once; when that is sampled or lumped together, in shorter pieces, of which each is fit or not.
    async fn whole(&self, ask: Ask, rest: &mut Option<(ProductTime, String)>) -> Result<Report, PlatformError> {
        let whole = self.pages(ask, rest).await?;
        if whole.unfit.is_empty() || ask.from + Days::new(SHORTER) > ask.to {
            return Ok(whole);
        }
        let (mut from, mut sum) = (ask.from, Report { rows: Vec::new(), unfit: BTreeSet::new(), ..whole });
        while from <= ask.to {
            let to = ask.to.min(from + Days::new(SHORTER - 1));
            let part = self.pages(Ask { from, to, ..ask }, rest).await?;
            sum.rows.extend(part.rows);
            sum.unfit.extend(part.unfit);
            sum.thresholded |= part.thresholded;
            from = to + Days::new(1);
        }
        Ok(sum)
    }

    async fn pages(&self, ask: Ask, rest: &mut Option<(ProductTime, String)>) -> Result<Report, PlatformError> {
        let mut report = Report { rows: Vec::new(), zone: None, currency: None, unfit: BTreeSet::new(), thresholded: false, withheld: Vec::new() };
        let mut offset = 0;
        for _ in 0..PAGES {
            let answer = self.post("runReport", &request::body(&self.spec, ask, offset)).await?;
            let unknown = |what: String| PlatformError::Transient(format!("a report answered in an unknown form: {what}"));
            let page: wire::Answer = serde_json::from_value(answer).map_err(|error| unknown(error.to_string()))?;
            if let Some(told) = &page.property_quota {
                *self.left.lock().unwrap_or_else(PoisonError::into_inner) = quota::left(told, &self.spec.name);
            }
            if let Some(until) = page.property_quota.as_ref().and_then(|left| quota::spare(left, self.clock.now())) {
                *rest = Some((until, "little is left of the property's quota".to_owned()));
            }
            let metadata = page.metadata.clone().unwrap_or_default();
            report.zone = metadata.time_zone.as_deref().and_then(|zone| zone.parse().ok());
            report.currency = metadata.currency_code.as_deref().and_then(|code| code.parse().ok());
            report.thresholded |= metadata.subject_to_thresholding;
            report.withheld = metadata.withheld();
            if metadata.is_unfit() {
                report.unfit.extend(ask.from.iter_days().take_while(|day| *day <= ask.to));
            }
            let rows = page.rows.len();
            report.rows.extend(page.counted(&self.spec, ask).map_err(unknown)?);
            offset += rows;
            if rows == 0 || offset >= page.row_count() {
                return Ok(report);
            }
        }
        Err(PlatformError::Transient(format!("a report has more than {PAGES} pages")))
    }

    /// A call of the property with a body.
    async fn post(&self, call: &str, body: &Value) -> Result<Value, PlatformError> {
        let url = parse(&format!("{}:{call}", self.root))?;
        self.read(|| Outgoing::post(url.clone(), "application/json", body.to_string().into_bytes())).await
    }

    /// What stands below the property.
    async fn get(&self, below: &str) -> Result<Value, PlatformError> {
        let url = parse(&format!("{}/{below}", self.root))?;
        self.read(|| Outgoing::get(url.clone())).await
    }

    /// One answer; a token refused before its end is replaced once.
    async fn read(&self, request: impl Fn() -> Outgoing) -> Result<Value, PlatformError> {
        let answer: Result<Value, Fault> = match (self.caller.read(&self.signed(request()).await?).await, &self.tokens) {
            (Err(fault), Tokens::Exchanged(token)) if fault.remedy == Remedy::FreshToken => {
                token.forget().await;
                self.caller.read(&self.signed(request()).await?).await
            }
            (outcome, _) => outcome,
        };
        Ok(answer?)
    }

    async fn signed(&self, request: Outgoing) -> Result<Outgoing, PlatformError> {
        let token = match &self.tokens {
            Tokens::Fixed(token) => token.clone(),
            Tokens::Exchanged(token) => token.get().await?,
        };
        request.header("authorization", &format!("Bearer {}", token.expose_secret()))
    }
}

#[cfg(test)]
mod tests;
