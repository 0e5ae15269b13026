//! Meta: the Graph API's Marketing part, v26.0. Budgets are whole minor units, reports decimal text in units.

mod bidding;
mod create;
mod errors;
mod form;
mod history;
mod inventory;
mod look;
mod media;
mod objective;
mod part;
mod report;
mod story;
mod structure;
mod targeting;
mod usage;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::call::{Caller, Dialect, Fault, Remedy};
use super::credentials::Credentials;
use super::fetch::{self, Sources};
use super::http::Outgoing;
use super::spec::AccountSpec;
use super::write::{self, Run, Task, address, request, task, with_query};
use super::{Accepted, Access, AdPlatform, DayRow, Effect, Inventory, PlatformError, Sight, WireRequest};
use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::draft::Mark;
use crate::domain::entity::Budget;
use crate::domain::structure::{Edit, ReportAsk, ReportRow, Structure};

const HOST: &str = "https://graph.facebook.com";
/// The Graph and Marketing API's version, released 2026-07-29.
const VERSION: &str = "v26.0";
const FORM: &str = "application/x-www-form-urlencoded";
/// Rows a page of objects asks for at first; halved when the platform finds it too much.
const PAGE: u32 = 200;
const SMALLEST_PAGE: u32 = 10;
/// Largest image that is brought to the library, in bytes.
const LARGEST_IMAGE: usize = 30 << 20;
/// More pages than any account has: a guard against a cursor that never ends.
const PAGES: usize = 2_000;

/// One ad account.
pub(super) struct Meta {
    spec: AccountSpec,
    base: String,
    token: SecretString,
    proof: Option<String>,
    caller: Arc<Caller>,
    /// Numbers of languages, as far as they were asked for.
    locales: Mutex<targeting::Locales>,
}

impl Meta {
    /// How Meta's answers are judged.
    pub(super) const DIALECT: Dialect = Dialect { judge: errors::judge, cost: usage::cost, told: usage::told, warned: usage::warned };

    pub(super) fn new(spec: AccountSpec, caller: Arc<Caller>) -> Self {
        let token = spec.credentials.fixed_token(&spec.account).unwrap_or_default();
        let base = format!("{}/{VERSION}", spec.base(HOST));
        Self { base, token, proof: spec.credentials.proof(), caller, locales: Mutex::default(), spec }
    }

    /// The bytes of an image somewhere else, for the library.
    async fn image_at(&self, url: &str) -> Result<Vec<u8>, PlatformError> {
        let sources = if matches!(self.spec.credentials, Credentials::Sandbox) { Sources::PublicAndThisMachine } else { Sources::Public };
        fetch::image(url, sources, LARGEST_IMAGE).await
    }

    fn signed(&self, request: Outgoing) -> Result<Outgoing, PlatformError> {
        request.header("authorization", &format!("Bearer {}", self.token.expose_secret()))
    }

    /// A POST that changes nothing, and is therefore repeated like a read.
    async fn ask(&self, request: WireRequest) -> Result<Value, Fault> {
        let mut url = address(&request, &self.base)?;
        if let Some(proof) = &self.proof {
            url.query_pairs_mut().append_pair("appsecret_proof", proof);
        }
        self.caller.read(&self.signed(Outgoing::post(url, FORM, request.body))?).await
    }

    /// One GET.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, Fault> {
        let proof = self.proof.as_deref().map(|proof| ("appsecret_proof", proof));
        let parameters: Vec<_> = parameters.iter().copied().chain(proof).collect();
        let url = with_query(&format!("{}/{path}", self.base), &parameters)?;
        self.caller.read(&self.signed(Outgoing::get(url))?).await
    }

    /// Every row of an edge, following its cursor; asks for smaller pages when the platform finds one too large.
    async fn rows<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<T>, PlatformError> {
        let (mut rows, mut after, mut limit) = (Vec::new(), None::<String>, PAGE);
        for _ in 0..PAGES {
            let size = limit.to_string();
            let mut asked = parameters.to_vec();
            asked.push(("limit", &size));
            asked.extend(after.as_deref().map(|after| ("after", after)));
            let page: wire::Page<T> = match self.get(path, &asked).await {
                Ok(value) => decode(value, path)?,
                Err(fault) if fault.remedy == Remedy::SmallerPage && limit > SMALLEST_PAGE => {
                    limit = (limit / 2).max(SMALLEST_PAGE);
                    continue;
                }
                Err(fault) => return Err(fault.error),
            };
            rows.extend(page.data.unwrap_or_default());
            let paging = page.paging.unwrap_or_default();
            // The cursor stands on the last page too: only `next` says that there is more.
            match (paging.next, paging.cursors.and_then(|cursors| cursors.after)) {
                (Some(_), Some(cursor)) if after.as_deref() != Some(cursor.as_str()) => after = Some(cursor),
                (Some(_), _) => return Err(PlatformError::Transient(format!("`{path}` has a next page but no cursor that leads to it"))),
                (None, _) => return Ok(rows),
            }
        }
        Err(PlatformError::Transient(format!("`{path}` has more than {PAGES} pages")))
    }
}

/// An answer as what was expected there.
fn decode<T: DeserializeOwned>(value: Value, path: &str) -> Result<T, PlatformError> {
    serde_json::from_value(value).map_err(|error| PlatformError::Transient(format!("`{path}` answered in an unknown form: {error}")))
}

impl AdPlatform for Meta {
    async fn inventory(&self) -> Result<Inventory, PlatformError> {
        inventory::read(self).await
    }

    async fn daily_metrics(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
        report::read(self, from, to).await
    }

    fn prepare(&self, change: &Change, budget: Option<&Budget>) -> Result<WireRequest, PlatformError> {
        let (id, body) = match task(&self.spec, change, budget)? {
            Task::Budget { budget, steps, .. } => (budget.resource.as_str(), format!("daily_budget={steps}")),
            Task::Status { entity, run: Run::Start, .. } => (entity.id.as_str(), "status=ACTIVE".to_owned()),
            Task::Status { entity, run: Run::Stop, .. } => (entity.id.as_str(), "status=PAUSED".to_owned()),
        };
        Ok(request(format!("{}/{id}", self.base), FORM, body))
    }

    async fn send(&self, request: WireRequest, within: Duration) -> Result<Accepted, PlatformError> {
        let mut url = address(&request, &self.base)?;
        // The proof is derived from a secret, so it joins only now, in the query, and the body stays the one whose hash was recorded.
        if let Some(proof) = &self.proof {
            url.query_pairs_mut().append_pair("appsecret_proof", proof);
        }
        let kind = if request.content_type == media::MULTIPART { media::MULTIPART } else { FORM };
        let answer = self.caller.write(self.signed(Outgoing::post(url, kind, request.body))?, within).await?;
        accepted(&answer)
    }

    fn effect_of(&self, _change: &Change, _now: ProductTime) -> Effect {
        Effect::Now
    }

    async fn compose(&self, change: &Change, mark: &Mark) -> Result<WireRequest, PlatformError> {
        if *change.account() != self.spec.account {
            return Err(PlatformError::Validation(format!("the change is about account `{}`, this is `{}`", change.account(), self.spec.account)));
        }
        match change {
            Change::PartStatus { part, to, .. } => self.part_status(change, part, *to).await,
            Change::Bid { part, to, .. } => self.bid(change, part, *to).await,
            Change::BidStrategy { part, to, .. } => self.bid_strategy(change, part, *to).await,
            Change::Targeting { part, from, to } => self.retarget(change, part, from, to).await,
            Change::CreateCampaign(draft) => self.campaign(draft, mark),
            Change::CreateAdGroup(draft) => self.ad_set(draft, mark).await,
            Change::CreateCreative(draft) => self.creative(draft, mark).await,
            Change::CreateAd(draft) => self.ad(draft, mark).await,
            Change::UploadMedia(draft) => media::compose(self, draft, mark).await,
            Change::Budget { .. } | Change::Status { .. } => {
                Err(PlatformError::Unsupported("budgets and the status of campaigns and ad sets are prepared from what was last read".to_owned()))
            }
        }
    }

    async fn rehearse(&self, request: &WireRequest) -> Result<(), PlatformError> {
        // Files and videos have no dry run.
        if request.content_type != FORM || request.url.ends_with("/advideos") {
            return Ok(());
        }
        address(request, &self.base)?;
        let body = format!("{}&execution_options=%5B%22validate_only%22%5D", String::from_utf8_lossy(&request.body));
        let answer = self.ask(write::request(request.url.clone(), FORM, body)).await?;
        match answer.get("id") {
            None => Ok(()),
            Some(id) => Err(PlatformError::Unknown(format!("a dry run made {id}: a person must look"))),
        }
    }

    async fn look(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
        look::look(self, change, mark, answered).await
    }

    async fn structure(&self) -> Result<Structure, PlatformError> {
        structure::read(self).await
    }

    async fn report(&self, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
        report::rows(self, ask).await
    }

    async fn edits(&self, since: ProductTime) -> Result<Option<Vec<Edit>>, PlatformError> {
        history::edits(self, since).await.map(Some)
    }

    async fn access(&self) -> Result<Access, PlatformError> {
        history::access(self).await
    }
}

/// What an answer to a write says: success, the id of what was made, or the hash of an image.
fn accepted(answer: &Value) -> Result<Accepted, PlatformError> {
    let image = answer["images"].as_object().and_then(|images| images.values().next()).map_or(Value::Null, |image| image["hash"].clone());
    let created = create::text(&answer["id"]).or_else(|| create::text(&image));
    match (created, answer.get("success").and_then(Value::as_bool)) {
        (Some(id), Some(true) | None) => Ok(Accepted { request_id: None, created: Some(id), effect: Effect::Now }),
        (None, Some(true)) => Ok(Accepted { request_id: None, created: None, effect: Effect::Now }),
        (_, Some(false)) | (None, None) => Err(PlatformError::Unknown("the answer names neither success nor an error".to_owned())),
    }
}

#[cfg(test)]
mod tests;
