//! Google Ads: the REST form of API v26. Amounts are micros as text; one query language reads, `:mutate` with a field mask writes.

mod access;
mod ads;
mod answer;
mod bids;
mod breakdown;
mod compose;
mod cost;
mod create;
mod edits;
mod errors;
mod images;
mod inventory;
mod look;
mod media;
mod parts;
mod places;
mod reach;
mod report;
mod structure;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::call::{Caller, Dialect, Fault, Remedy};
use super::credentials::{AccessToken, Credentials};
use super::http::Outgoing;
use super::spec::{AccountSpec, is_number};
use super::write::{Owner, Run, Task, address, parse, request, task};
use super::{Accepted, Access, AdPlatform, DayRow, Effect, Inventory, PlatformError, Sight, WireRequest};
use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::draft::Mark;
use crate::domain::entity::Budget;
use crate::domain::money::{Currency, Money};
use crate::domain::structure::{Edit, ReportAsk, ReportRow, Structure};

const HOST: &str = "https://googleads.googleapis.com";
const TOKEN_HOST: &str = "https://oauth2.googleapis.com";
/// The API's version; minor releases keep this path.
const VERSION: &str = "v26";
const JSON: &str = "application/json";
/// More pages than any account has: a guard against a token that never ends.
const PAGES: usize = 1_000;

/// One customer.
pub(super) struct Google {
    spec: AccountSpec,
    /// `…/v26/customers/<id>`.
    base: String,
    tokens: Tokens,
    caller: Arc<Caller>,
    /// The smallest billable step of the currency, which never changes: read once.
    unit: OnceCell<Money>,
}

enum Tokens {
    Fixed(SecretString),
    Exchanged(AccessToken),
}

impl Google {
    /// How Google's answers are judged.
    pub(super) const DIALECT: Dialect = Dialect { judge: errors::judge, cost: cost::of, told: |_| Vec::new(), warned: |_| None };

    pub(super) fn new(spec: AccountSpec, caller: Arc<Caller>) -> Result<Self, PlatformError> {
        let endpoint = parse(&format!("{}/token", spec.base(TOKEN_HOST)))?;
        let tokens = match AccessToken::new(&spec.credentials, endpoint, caller.http(), caller.clock().clone()) {
            Some(exchanged) => Tokens::Exchanged(exchanged),
            None => Tokens::Fixed(spec.credentials.fixed_token(&spec.account).unwrap_or_default()),
        };
        let base = format!("{}/{VERSION}/customers/{}", spec.base(HOST), spec.platform_id);
        Ok(Self { spec, base, tokens, caller, unit: OnceCell::new() })
    }

    async fn signed(&self, request: Outgoing) -> Result<Outgoing, PlatformError> {
        let token = match &self.tokens {
            Tokens::Fixed(token) => token.clone(),
            Tokens::Exchanged(token) => token.get().await?,
        };
        let mut request = request.header("authorization", &format!("Bearer {}", token.expose_secret()))?;
        if let Credentials::Google { login_customer_id, developer_token, .. } | Credentials::GoogleService { login_customer_id, developer_token, .. } =
            &self.spec.credentials
        {
            if let Some(manager) = login_customer_id {
                request = request.header("login-customer-id", &manager.replace('-', ""))?;
            }
            if let Some(token) = developer_token {
                request = request.header("developer-token", token.expose_secret())?;
            }
        }
        Ok(request)
    }

    /// Forgets a token the platform refused; `false` when there is none to be had anew.
    async fn renew(&self) -> bool {
        match &self.tokens {
            Tokens::Fixed(_) => false,
            Tokens::Exchanged(token) => {
                token.forget().await;
                true
            }
        }
    }

    /// `customers/<id>`.
    fn customer(&self) -> String {
        format!("customers/{}", self.spec.platform_id)
    }

    /// `…/v26`.
    fn root(&self) -> String {
        format!("{}/{VERSION}", self.spec.base(HOST))
    }

    /// The name of one of this customer's resources.
    fn resource(&self, collection: &str, id: &str) -> String {
        format!("{}/{collection}/{id}", self.customer())
    }

    /// The smallest billable step of the currency.
    async fn unit(&self, currency: Currency) -> Result<Money, PlatformError> {
        let read = async || {
            let query = format!(
                "SELECT currency_constant.code, currency_constant.billable_unit_micros FROM currency_constant WHERE currency_constant.code = '{currency}'"
            );
            let step = self.search(&query).await?.into_iter().find_map(|row| row.currency_constant?.billable_unit_micros?.integer());
            let step = step.filter(|micros| *micros > 0).map(|micros| Money::from_micros(micros, currency));
            step.ok_or_else(|| PlatformError::Validation(format!("customer {} names no billable unit", self.spec.platform_id)))
        };
        let unit = *self.unit.get_or_try_init(read).await?;
        if unit.currency() == currency {
            return Ok(unit);
        }
        Err(PlatformError::Validation(format!("customer {} bills in {currency} and billed in {} before", self.spec.platform_id, unit.currency())))
    }

    /// One call that changes nothing; a token refused before its end is replaced once.
    async fn call(&self, request: impl Fn() -> Outgoing) -> Result<Value, Fault> {
        match self.caller.read(&self.signed(request()).await?).await {
            Err(fault) if fault.remedy == Remedy::FreshToken && self.renew().await => self.caller.read(&self.signed(request()).await?).await,
            outcome => outcome,
        }
    }

    async fn get(&self, url: Url) -> Result<Value, PlatformError> {
        Ok(self.call(|| Outgoing::get(url.clone())).await?)
    }

    /// Posts what changes nothing: a search, or a mutate that is only to be judged.
    async fn ask(&self, url: Url, body: &Value) -> Result<Value, PlatformError> {
        Ok(self.call(|| Outgoing::post(url.clone(), JSON, body.to_string().into_bytes())).await?)
    }

    /// One page of a search.
    async fn page(&self, body: &Value) -> Result<wire::Page, Fault> {
        let url = parse(&format!("{}/googleAds:search", self.base))?;
        let answer = self.call(|| Outgoing::post(url.clone(), JSON, body.to_string().into_bytes())).await?;
        serde_json::from_value(answer).map_err(|error| PlatformError::Transient(format!("a search answered in an unknown form: {error}")).into())
    }

    /// Every row of a query. When the page token has run out, it starts over, once.
    async fn search(&self, query: &str) -> Result<Vec<wire::Row>, PlatformError> {
        match self.pages(query).await {
            Err(fault) if fault.remedy == Remedy::StartOver => Ok(self.pages(query).await?),
            outcome => Ok(outcome?),
        }
    }

    async fn pages(&self, query: &str) -> Result<Vec<wire::Row>, Fault> {
        let (mut rows, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let body = match &token {
                Some(token) => json!({ "query": query, "pageToken": token }),
                None => json!({ "query": query }),
            };
            let page = self.page(&body).await?;
            rows.extend(page.results.unwrap_or_default());
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(rows);
            }
        }
        Err(PlatformError::Transient(format!("a search has more than {PAGES} pages")).into())
    }
}

impl AdPlatform for Google {
    async fn inventory(&self) -> Result<Inventory, PlatformError> {
        inventory::read(self).await
    }

    async fn daily_metrics(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
        report::read(self, from, to).await
    }

    fn prepare(&self, change: &Change, budget: Option<&Budget>) -> Result<WireRequest, PlatformError> {
        let customer = format!("customers/{}", self.spec.platform_id);
        let (collection, mask, update) = match task(&self.spec, change, budget)? {
            Task::Budget { budget, to, .. } => {
                let id = budget.resource.strip_prefix(&format!("{customer}/campaignBudgets/")).filter(|id| is_number(id));
                if id.is_none() {
                    return Err(PlatformError::Validation(format!("`{}` is no budget of {customer}", budget.resource)));
                }
                ("campaignBudgets", "amountMicros", json!({ "resourceName": budget.resource, "amountMicros": to.micros().to_string() }))
            }
            Task::Status { entity, level, run } => {
                let collection = match level {
                    Owner::Campaign => "campaigns",
                    Owner::AdGroup => "adGroups",
                };
                let status = match run {
                    Run::Start => "ENABLED",
                    Run::Stop => "PAUSED",
                };
                (collection, "status", json!({ "resourceName": format!("{customer}/{collection}/{}", entity.id), "status": status }))
            }
        };
        let body = json!({ "operations": [{ "updateMask": mask, "update": update }] });
        Ok(request(format!("{}/{collection}:mutate", self.base), JSON, body.to_string()))
    }

    async fn send(&self, request: WireRequest, within: Duration) -> Result<Accepted, PlatformError> {
        let began = self.caller.clock().instant();
        let url = address(&request, &self.base)?;
        let unsent = |error| match error {
            PlatformError::Transient(what) => PlatformError::NotSent(what),
            other => other,
        };
        let late = |_| PlatformError::NotSent("no access token in time".to_owned());
        let post = Outgoing::post(url, JSON, request.body.clone());
        let post = tokio::time::timeout(within / 2, self.signed(post)).await.map_err(late)?.map_err(unsent)?;
        match self.caller.write(post, within.saturating_sub(began.elapsed())).await {
            Ok(answer) => answer::accepted(&request.body, &answer),
            // Turned away at the door by an expired token: with a fresh one the same write may be tried again, by whoever sent it.
            Err(fault) if fault.remedy == Remedy::FreshToken && self.renew().await => {
                Err(PlatformError::NotSent(format!("refused before it was looked at, the access token has been dropped: {}", fault.error)))
            }
            Err(fault) => Err(fault.error),
        }
    }

    fn effect_of(&self, _change: &Change, _now: ProductTime) -> Effect {
        Effect::Now
    }

    async fn compose(&self, change: &Change, mark: &Mark) -> Result<WireRequest, PlatformError> {
        compose::compose(self, change, mark).await
    }

    async fn rehearse(&self, request: &WireRequest) -> Result<(), PlatformError> {
        let url = address(request, &self.base)?;
        let mut body: Value = serde_json::from_slice(&request.body).map_err(|error| PlatformError::Validation(format!("the request is no JSON: {error}")))?;
        body["validateOnly"] = true.into();
        match self.ask(url, &body).await {
            Ok(_) => Ok(()),
            // Some resources are not judged beforehand: the request itself will tell.
            Err(PlatformError::Validation(what)) if what.contains("RESOURCE_DOES_NOT_SUPPORT_VALIDATE_ONLY") => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn look(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
        look::look(self, change, mark, answered).await
    }

    async fn structure(&self) -> Result<Structure, PlatformError> {
        structure::read(self).await
    }

    async fn report(&self, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
        breakdown::read(self, ask).await
    }

    async fn edits(&self, since: ProductTime) -> Result<Option<Vec<Edit>>, PlatformError> {
        edits::read(self, since).await.map(Some)
    }

    async fn access(&self) -> Result<Access, PlatformError> {
        access::read(self).await
    }
}

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod tests;
