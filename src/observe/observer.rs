//! One observer an account: reads the platform, stores what changed, publishes the view.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use tokio::sync::watch;

use super::measure::{self, Beside, Judged, Measuring};
use super::view::{Ages, Figures, Observed, Table, assemble};
use super::{ObserveError, membership};
use crate::clock::{Clock, ProductTime};
use crate::domain::entity::{AccountState, Budget, Campaign, EntityKey, Level, RunStatus};
use crate::domain::ids::{AccountId, IdGen, PollId};
use crate::domain::measurement::Measurement;
use crate::domain::policy::Policy;
use crate::domain::view::{AccountView, VIEW_DAYS};
use crate::learning::Maturity;
use crate::platforms::ga4::Report;
use crate::platforms::{DayRow, Gateway, Inventory, PlatformError};
use crate::store::budget::Delivering;
use crate::store::measured::MeasuredFact;
use crate::store::poll_fact::{Fact, NewPoll, PollRow};
use crate::store::{Store, StoreError, Tx};

/// Days read on first contact, as far as the account has history.
const FIRST_CONTACT_DAYS: u64 = 90;
/// A read that brought campaigns, budgets and figures.
pub(crate) const WHOLE: &str = "whole";
/// A read that brought campaigns and budgets alone.
pub(crate) const INVENTORY: &str = "inventory";
const OK: &str = "ok";
/// What is measured beside the platform, among an account's stored entities.
const MEASUREMENT: &str = "measurement";

/// How much one observation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Campaigns and budgets alone: before a write, and after it.
    Inventory,
    /// And the figures of today and yesterday.
    Pulse,
    /// And the figures of every day of the view; 90 days on first contact.
    Full,
}

/// What one observation brought.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The read as stored.
    pub poll: PollRow,
    /// Campaigns and budgets as the platform reported them, with what nobody may steer marked.
    pub inventory: Arc<Inventory>,
    /// The view, published already.
    pub view: Arc<AccountView>,
    /// Why what is measured beside the platform could not be read this time.
    pub trouble: Option<Arc<PlatformError>>,
    /// When the read began, on the monotonic clock: its age counts from here.
    pub began: Instant,
}

/// Reads one account.
pub struct Observer {
    observed: Observed,
    gateway: Arc<Gateway>,
    store: Store,
    clock: Clock,
    ids: IdGen,
    table: Table,
    beside: Beside,
    covered_from: Option<NaiveDate>,
    figures_at: Option<ProductTime>,
    published: watch::Sender<Option<Arc<AccountView>>>,
}

impl Observer {
    /// An observer that knows what the store knows of its account.
    ///
    /// # Errors
    /// [`ObserveError::Store`].
    pub async fn restore(
        observed: Observed,
        gateway: Arc<Gateway>,
        measuring: Option<Measuring>,
        store: Store,
        clock: Clock,
        ids: IdGen,
        published: watch::Sender<Option<Arc<AccountView>>>,
    ) -> Result<Self, ObserveError> {
        let today = clock.now().date_in(observed.time_zone);
        let account = observed.account.clone();
        let since = today - Days::new(VIEW_DAYS as u64 - 1);
        let (facts, covered_from, last, state, counted) = store
            .read(|mut tx| async move {
                let account = &account;
                let facts = tx.facts_now(account, since, today + Days::new(1)).await?;
                let (state, counted) = measurement_at(&mut tx, account, i64::MAX, since, today).await?;
                Ok::<_, StoreError>((facts, tx.first_day(account).await?, tx.newest_poll(account, WHOLE, OK).await?, state, counted))
            })
            .await?;
        let table = by_day(facts);
        let figures_at = last.map(|poll| poll.at);
        let beside = Beside::restored(measuring, state, counted);
        Ok(Self { observed, gateway, store, clock, ids, table, beside, covered_from, figures_at, published })
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.observed.account
    }

    /// Reads the account to `depth`, stores what changed in one transaction, publishes the view. A failed read is stored as such and changes
    /// nothing else: the view grows old, and what is old is not acted on.
    ///
    /// # Errors
    /// [`ObserveError::Platform`] when the platform cannot be read, [`ObserveError::Store`] when the result cannot be kept.
    pub async fn observe(&mut self, depth: Depth, policy: &Policy) -> Result<Observation, ObserveError> {
        let (began, at, started_wall) = (self.clock.instant(), self.clock.now(), self.clock.wall());
        let poll_id: PollId = self.ids.next(at);
        let kind = if depth == Depth::Inventory { INVENTORY } else { WHOLE };
        let new = |finished_wall, outcome: &str, error| NewPoll {
            id: poll_id,
            account: self.observed.account.clone(),
            kind: kind.to_owned(),
            at,
            started_wall,
            finished_wall,
            outcome: outcome.to_owned(),
            error,
        };
        let (read, told) = tokio::join!(self.read(depth, at), self.told(depth, at));
        let (mut inventory, rows) = match read {
            Ok(read) => read,
            Err(error) => {
                let failed = new(self.clock.wall(), "failed", Some(error.to_string()));
                let failed = &failed;
                self.store.write(|mut tx| async move { tx.insert_poll(failed).await }).await?;
                return Err(error.into());
            }
        };
        let raw_budgets = inventory.budgets.clone();
        let pools = membership::assign(policy, &inventory.campaigns, &mut inventory.budgets);
        let changed: Vec<Fact> = rows
            .into_iter()
            .filter(|row| self.table.get(&row.entity).and_then(|series| series.get(&row.day)) != Some(&row.metrics))
            .map(|DayRow { entity, day, metrics }| Fact { entity, day, metrics })
            .collect();
        let entities = stored_entities(&inventory.account, &inventory.campaigns, &raw_budgets);
        let mut table = Cow::Borrowed(&self.table);
        if told.is_some() {
            for Fact { entity, day, metrics } in &changed {
                table.to_mut().entry(entity.clone()).or_default().insert(*day, metrics.clone());
            }
        }
        let Judged { facts: counted, state, trouble } = self.beside.judge(told, &self.observed, &inventory.campaigns, &table, at);
        let measurement = (state != self.beside.state).then(|| stored_measurement(&inventory.account, state.as_ref()));
        let fresh = new(self.clock.wall(), OK, None);
        let (fresh, facts, entities, pools, seen) = (&fresh, &changed, &entities, &pools, &inventory);
        let (beside, standing, source) = (&counted, &measurement, state.as_ref().map_or("", |state| state.source.as_str()));
        let poll = self
            .store
            .write(|mut tx| async move {
                let poll = tx.insert_poll(fresh).await?;
                tx.record_facts(&poll, facts).await?;
                for (kind, seen) in entities {
                    tx.record_entities(&poll, kind, seen).await?;
                }
                tx.record_measured(&poll, source, beside).await?;
                if let Some(standing) = standing {
                    tx.record_entities(&poll, MEASUREMENT, standing).await?;
                }
                for budget in &seen.budgets {
                    let pool = pools.get(&budget.budget.key);
                    tx.see_budget(budget, pool, delivering(budget, &seen.campaigns), &poll.id, at).await?;
                }
                tx.retire_budgets(&fresh.account, &poll.id).await?;
                Ok::<_, StoreError>(poll)
            })
            .await?;
        for Fact { entity, day, metrics } in changed {
            self.table.entry(entity).or_default().insert(day, metrics);
        }
        self.beside.keep(counted, state);
        if depth != Depth::Inventory {
            self.figures_at = Some(at);
            // As far as there is history: the first day that any campaign reports, or today for a new account.
            let first = self.table.values().filter_map(|series| series.keys().next().copied()).min();
            self.covered_from = self.covered_from.or(first).or(Some(at.date_in(self.observed.time_zone)));
        }
        self.forget_old_days(at);
        let ages = Ages { inventory: at, spend: self.figures_at, conversions: self.figures_at };
        let (covered_from, platform) = (self.covered_from, self.observed.platform);
        let covered = |day: NaiveDate| covered_from.is_some_and(|from| from <= day);
        let figures = Figures { table: self.beside.over(&self.table), measurement: self.beside.state.clone() };
        let view = Arc::new(assemble(&self.observed, poll.id, ages, &inventory, &figures, covered, |age| Maturity::default().share(platform, age)));
        self.published.send_replace(Some(Arc::clone(&view)));
        Ok(Observation { poll, inventory: Arc::new(inventory), view, trouble, began })
    }

    async fn read(&self, depth: Depth, at: ProductTime) -> Result<(Inventory, Vec<DayRow>), crate::platforms::PlatformError> {
        let today = at.date_in(self.observed.time_zone);
        let back = match (depth, self.covered_from) {
            (Depth::Inventory, _) => return Ok((self.gateway.inventory().await?, Vec::new())),
            (Depth::Pulse | Depth::Full, None) => FIRST_CONTACT_DAYS,
            (Depth::Full, Some(_)) => VIEW_DAYS as u64 - 1,
            // A pulse after a gap reads from where the last read ended.
            (Depth::Pulse, Some(_)) => {
                let last = self.figures_at.map_or(today, |last| last.date_in(self.observed.time_zone));
                u64::try_from(today.signed_duration_since(last).num_days()).unwrap_or(0).saturating_add(1).min(VIEW_DAYS as u64 - 1)
            }
        };
        let from = today - Days::new(back);
        tokio::try_join!(self.gateway.inventory(), self.gateway.daily_metrics(from, today))
    }

    /// Figures of whole days are asked for with the platform's own; a pulse is about spend.
    async fn told(&self, depth: Depth, at: ProductTime) -> Option<Result<Arc<Report>, PlatformError>> {
        match depth {
            Depth::Inventory | Depth::Pulse => None,
            Depth::Full => self.beside.told(&self.observed, at).await,
        }
    }

    fn forget_old_days(&mut self, at: ProductTime) {
        let oldest = at.date_in(self.observed.time_zone) - Days::new(VIEW_DAYS as u64 - 1);
        for series in self.table.values_mut() {
            *series = series.split_off(&oldest);
        }
        self.table.retain(|_, series| !series.is_empty());
        self.beside.forget(oldest);
    }
}

/// A budget costs something as long as one of its campaigns may deliver.
fn delivering(budget: &Budget, campaigns: &[Campaign]) -> Delivering {
    let active = |key: &EntityKey| campaigns.iter().any(|campaign| campaign.key == *key && campaign.status == RunStatus::Active);
    if budget.budget.members.iter().any(active) { Delivering::Yes } else { Delivering::No }
}

/// Account, campaigns and budgets as they are stored: the same bytes for the same state.
fn stored_entities(account: &AccountState, campaigns: &[Campaign], budgets: &[Budget]) -> [(&'static str, Vec<(EntityKey, String)>); 3] {
    fn json(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).expect("entities have only string keys")
    }
    let key = EntityKey { account: account.account.clone(), level: Level::Account, id: account.platform_id.clone() };
    [
        ("account", vec![(key, json(account))]),
        ("campaign", campaigns.iter().map(|campaign| (campaign.key.clone(), json(campaign))).collect()),
        ("budget", budgets.iter().map(|budget| (budget.budget.key.clone(), json(budget))).collect()),
    ]
}

/// A measurement as it is stored.
fn stored_measurement(account: &AccountState, state: Option<&Measurement>) -> Vec<(EntityKey, String)> {
    let key = EntityKey { account: account.account.clone(), level: Level::Account, id: account.platform_id.clone() };
    state.iter().map(|state| (key.clone(), serde_json::to_string(state).expect("it has only plain members"))).collect()
}

/// The measurement beside an account's platform as it was known at a stored read, and what it had counted.
async fn measurement_at(
    tx: &mut Tx,
    account: &AccountId,
    poll_seq: i64,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<(Option<Measurement>, Vec<MeasuredFact>), StoreError> {
    let Some(payload) = tx.entities_at(account, poll_seq, MEASUREMENT).await?.pop().and_then(|row| row.payload) else { return Ok((None, Vec::new())) };
    let corrupt = |error: serde_json::Error| StoreError::Corrupt { table: "entity_state", id: format!("{account} {MEASUREMENT}"), what: error.to_string() };
    let state: Measurement = serde_json::from_str(&payload).map_err(corrupt)?;
    let counted = tx.measured_at(account, &state.source, poll_seq, from, to).await?;
    Ok((Some(state), counted))
}

/// The figures of an account from day `from` to `to` as they are known now, by entity and day: those of the source that comes first.
///
/// # Errors
/// [`StoreError::Corrupt`] when a row lies.
pub async fn figures_now(tx: &mut Tx, account: &AccountId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Fact>, StoreError> {
    let facts = tx.facts_now(account, from, to).await?;
    let (state, counted) = measurement_at(tx, account, i64::MAX, from, to).await?;
    let table = measure::first(&by_day(facts), state.as_ref(), &measure::measured(counted)).into_owned();
    let facts = table.into_iter().flat_map(|(entity, series)| series.into_iter().map(move |(day, metrics)| Fact { entity: entity.clone(), day, metrics }));
    Ok(facts.collect())
}

fn by_day(facts: Vec<Fact>) -> Table {
    let mut table = Table::new();
    for Fact { entity, day, metrics } in facts {
        table.entry(entity).or_default().insert(day, metrics);
    }
    table
}

/// The view as it was at a stored read, from stored rows alone: what replay compares with.
///
/// # Errors
/// [`ObserveError::Store`] for the database, [`ObserveError::Unreadable`] for a stored entity this build cannot read.
pub async fn view_at(tx: &mut Tx, observed: &Observed, policy: &Policy, poll: &PollRow, figures_at: Option<ProductTime>) -> Result<AccountView, ObserveError> {
    let account = &observed.account;
    let read = |text: Option<String>| text.ok_or_else(|| ObserveError::Unreadable("a stored entity without content".to_owned()));
    let unreadable = |error: serde_json::Error| ObserveError::Unreadable(error.to_string());
    let state =
        tx.entities_at(account, poll.seq, "account").await?.pop().ok_or_else(|| ObserveError::Unreadable(format!("no account state at {}", poll.id)))?;
    let mut inventory = Inventory { account: serde_json::from_str(&read(state.payload)?).map_err(unreadable)?, campaigns: Vec::new(), budgets: Vec::new() };
    for row in tx.entities_at(account, poll.seq, "campaign").await? {
        inventory.campaigns.push(serde_json::from_str(&read(row.payload)?).map_err(unreadable)?);
    }
    for row in tx.entities_at(account, poll.seq, "budget").await? {
        inventory.budgets.push(serde_json::from_str(&read(row.payload)?).map_err(unreadable)?);
    }
    membership::assign(policy, &inventory.campaigns, &mut inventory.budgets);
    let today = poll.at.date_in(observed.time_zone);
    let since = today - Days::new(VIEW_DAYS as u64 - 1);
    let table = by_day(tx.facts_at(account, poll.seq, since, today).await?);
    let (state, counted) = measurement_at(tx, account, poll.seq, since, today).await?;
    let figures = Figures { table: measure::first(&table, state.as_ref(), &measure::measured(counted)), measurement: state };
    let covered_from = tx.first_day(account).await?;
    let ages = Ages { inventory: poll.at, spend: figures_at, conversions: figures_at };
    let covered = |day: NaiveDate| covered_from.is_some_and(|from| from <= day);
    let maturity = |age| Maturity::default().share(observed.platform, age);
    Ok(assemble(observed, poll.id, ages, &inventory, &figures, covered, maturity))
}
