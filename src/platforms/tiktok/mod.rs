//! TikTok: the Business API v1.3. Amounts are JSON numbers in whole units; every answer is an envelope whose code decides.

mod access;
mod ad;
mod answer;
mod bidding;
mod create;
mod errors;
mod inventory;
mod look;
mod objective;
mod part;
mod raw;
mod report;
mod structure;
mod targeting;
mod volume;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::call::{Caller, Dialect, Fault, one_each};
use super::http::Outgoing;
use super::spec::{AccountSpec, is_number};
use super::write::{Owner, Run, Task, address, request, task, with_query};
use super::{Accepted, Access, AdPlatform, DayRow, Effect, Inventory, PlatformError, Sight, WireRequest};
use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::draft::Mark;
use crate::domain::entity::{Budget, Level};
use crate::domain::structure::{Edit, ReportAsk, ReportRow, Structure};
pub(super) use report::{action_metrics, actions};

const HOST: &str = "https://business-api.tiktok.com";
const PATH: &str = "open_api/v1.3";
const JSON: &str = "application/json";
const PAGE_ROWS: usize = 1_000;
/// More pages than any account has: a guard against a total that never ends.
const PAGES: i64 = 1_000;
/// Daily ad group budgets go here; they hold from the next midnight of the account on.
const AD_GROUP_BUDGET: &str = "adgroup/budget/update/";

/// One advertiser.
pub(super) struct Tiktok {
    spec: AccountSpec,
    base: String,
    token: SecretString,
    caller: Arc<Caller>,
}

impl Tiktok {
    /// How TikTok's answers are judged.
    pub(super) const DIALECT: Dialect = Dialect { judge: errors::judge, cost: one_each, told: |_| Vec::new(), warned: |_| None };

    pub(super) fn new(spec: AccountSpec, caller: Arc<Caller>) -> Self {
        let token = spec.credentials.fixed_token(&spec.account).unwrap_or_default();
        let base = format!("{}/{PATH}", spec.base(HOST));
        Self { base, token, caller, spec }
    }

    fn signed(&self, request: Outgoing) -> Result<Outgoing, PlatformError> {
        request.header("access-token", self.token.expose_secret())
    }

    /// One GET; the envelope's data, already judged.
    async fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, PlatformError> {
        Ok(self.read(path, parameters).await?)
    }

    /// The same, with what only this module knows of a failure.
    async fn read<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, Fault> {
        let url = with_query(&format!("{}/{path}", self.base), parameters)?;
        data(path, &self.caller.read(&self.signed(Outgoing::get(url))?).await?)
    }

    /// A POST that changes nothing, and is therefore repeated like a read.
    async fn ask<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Fault> {
        let request = self.post(path, body);
        let request = Outgoing::post(address(&request, &self.base)?, JSON, request.body);
        data(path, &self.caller.read(&self.signed(request)?).await?)
    }

    /// Every row of a list.
    async fn rows<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<T>, PlatformError> {
        self.paged(path, "list", PAGE_ROWS, parameters).await
    }

    /// Every row under `list`, asked for by `size` a page.
    async fn paged<T: DeserializeOwned>(&self, path: &str, list: &str, size: usize, parameters: &[(&str, &str)]) -> Result<Vec<T>, PlatformError> {
        Ok(self.pages(path, list, size, parameters).await?)
    }

    /// The same, with what only this module knows of a failure.
    async fn pages<T: DeserializeOwned>(&self, path: &str, list: &str, size: usize, parameters: &[(&str, &str)]) -> Result<Vec<T>, Fault> {
        let (mut rows, row_count) = (Vec::new(), size.to_string());
        for page in 1..=PAGES {
            let number = page.to_string();
            let mut asked = vec![("advertiser_id", self.spec.platform_id.as_str())];
            asked.extend_from_slice(parameters);
            asked.extend([("page", number.as_str()), ("page_size", row_count.as_str())]);
            let mut answer: wire::Page = self.read(path, &asked).await?;
            let found = answer.rest.remove(list).filter(|found| !found.is_null()).map_or(Ok(Vec::new()), serde_json::from_value::<Vec<T>>);
            rows.extend(found.map_err(|error| PlatformError::Transient(format!("`{path}` answered in an unknown form: {error}")))?);
            // A list that may go on and does not say so must not pass for the whole: what is missing from it would be money nobody counts.
            let full = rows.len() >= size.saturating_mul(usize::try_from(page).unwrap_or(usize::MAX));
            let total = match answer.page_info.and_then(|info| info.total_page?.integer()) {
                Some(total) => total,
                None if full => return Err(PlatformError::Transient(format!("`{path}` does not say how many pages it has")).into()),
                None => page,
            };
            if page >= total {
                return Ok(rows);
            }
        }
        Err(PlatformError::Transient(format!("`{path}` has more than {PAGES} pages")).into())
    }

    /// A request of this account.
    fn post(&self, path: &str, body: &Value) -> WireRequest {
        request(format!("{}/{path}", self.base), JSON, body.to_string())
    }

    /// Daily ad group budgets are locked for the five minutes before the account's midnight: how long that still lasts.
    fn locked_for(&self, now: ProductTime) -> Option<Duration> {
        let local = now.utc().with_timezone(&self.spec.time_zone);
        let locked = NaiveTime::from_hms_opt(23, 55, 0).is_some_and(|from| local.time() >= from);
        let midnight = local.date_naive().checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN);
        let until = self.spec.time_zone.from_local_datetime(&midnight).earliest()?;
        locked.then(|| self.caller.clock().wall_span(until.signed_duration_since(local)))
    }
}

/// What stands in an envelope.
fn data<T: DeserializeOwned>(path: &str, envelope: &Value) -> Result<T, Fault> {
    let data = envelope.get("data").cloned().unwrap_or(Value::Null);
    serde_json::from_value(data).map_err(|error| PlatformError::Transient(format!("`{path}` answered in an unknown form: {error}")).into())
}

impl AdPlatform for Tiktok {
    async fn inventory(&self) -> Result<Inventory, PlatformError> {
        inventory::read(self).await
    }

    async fn daily_metrics(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayRow>, PlatformError> {
        report::read(self, from, to).await
    }

    fn prepare(&self, change: &Change, budget: Option<&Budget>) -> Result<WireRequest, PlatformError> {
        let advertiser = &self.spec.platform_id;
        let (path, body) = match task(&self.spec, change, budget)? {
            Task::Budget { budget, to, .. } => {
                let (id, amount) = (&budget.resource, to.units().normalize());
                if !is_number(id) {
                    return Err(PlatformError::Validation(format!("`{id}` is no id of this platform")));
                }
                // The amount is written as the exact decimal it is; everything else in the text is digits.
                match budget.budget.key.level {
                    Level::AdGroup => (
                        AD_GROUP_BUDGET,
                        format!(r#"{{"advertiser_id":"{advertiser}","scheduled_budget":[{{"adgroup_id":"{id}","scheduled_budget":{amount}}}]}}"#),
                    ),
                    Level::Campaign => ("campaign/update/", format!(r#"{{"advertiser_id":"{advertiser}","campaign_id":"{id}","budget":{amount}}}"#)),
                    Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => {
                        return Err(PlatformError::Unsupported("TikTok has budgets at campaigns and ad groups only".to_owned()));
                    }
                }
            }
            Task::Status { entity, level, run } => {
                let (path, ids) = match level {
                    Owner::Campaign => ("campaign/status/update/", "campaign_ids"),
                    Owner::AdGroup => ("adgroup/status/update/", "adgroup_ids"),
                };
                let status = match run {
                    Run::Start => "ENABLE",
                    Run::Stop => "DISABLE",
                };
                (path, json!({ "advertiser_id": advertiser, ids: [entity.id], "operation_status": status }).to_string())
            }
        };
        Ok(request(format!("{}/{path}", self.base), JSON, body))
    }

    async fn send(&self, request: WireRequest, within: Duration) -> Result<Accepted, PlatformError> {
        let url = address(&request, &self.base)?;
        let tomorrow = url.path().ends_with(AD_GROUP_BUDGET);
        if let Some(wait) = tomorrow.then(|| self.locked_for(self.caller.clock().now())).flatten() {
            return Err(PlatformError::Quota { wait, what: "daily ad group budgets are locked from 23:55 until the account's midnight".to_owned() });
        }
        let (path, body) = (url.path().to_owned(), request.body.clone());
        let answer = self.caller.write(self.signed(Outgoing::post(url, JSON, request.body))?, within).await?;
        let created = answer::created(&path, &body, &answer)?;
        let request_id = answer.get("request_id").and_then(Value::as_str).map(str::to_owned);
        Ok(Accepted { request_id, created, effect: if tomorrow { Effect::NextLocalDay } else { Effect::Now } })
    }

    fn effect_of(&self, change: &Change, _now: ProductTime) -> Effect {
        match change {
            Change::Budget { budget, .. } if budget.key.level == Level::AdGroup => Effect::NextLocalDay,
            Change::Budget { .. }
            | Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => Effect::Now,
        }
    }

    async fn compose(&self, change: &Change, mark: &Mark) -> Result<WireRequest, PlatformError> {
        if *change.account() != self.spec.account {
            return Err(PlatformError::Validation(format!("the change is about account `{}`, this is `{}`", change.account(), self.spec.account)));
        }
        match change {
            Change::Budget { .. } | Change::Status { .. } => self.prepare(change, None),
            Change::PartStatus { part, to, .. } => self.part_status(change, part, *to).await,
            Change::Bid { part, to, .. } => self.bid(change, part, *to).await,
            Change::BidStrategy { part, to, .. } => self.bid_strategy(change, part, *to).await,
            Change::Targeting { part, to, .. } => self.targeting(change, part, to).await,
            Change::CreateCampaign(draft) => self.create_campaign(draft, mark),
            Change::CreateAdGroup(draft) => self.create_ad_group(draft, mark).await,
            Change::CreateCreative(_) => Err(look::no_creatives()),
            Change::CreateAd(draft) => self.create_ad(draft, mark).await,
            Change::UploadMedia(draft) => self.upload(draft, mark),
        }
    }

    /// TikTok judges nothing beforehand.
    async fn rehearse(&self, _request: &WireRequest) -> Result<(), PlatformError> {
        Ok(())
    }

    async fn look(&self, change: &Change, mark: &Mark, answered: Option<&str>) -> Result<Sight, PlatformError> {
        self.sight(change, mark, answered).await
    }

    async fn structure(&self) -> Result<Structure, PlatformError> {
        structure::read(self).await
    }

    async fn report(&self, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
        report::divided(self, ask).await
    }

    /// TikTok does not tell who changed what: comparing what stands is all there is.
    async fn edits(&self, _since: ProductTime) -> Result<Option<Vec<Edit>>, PlatformError> {
        Ok(None)
    }

    async fn access(&self) -> Result<Access, PlatformError> {
        access::read(self).await
    }
}

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod tests;
