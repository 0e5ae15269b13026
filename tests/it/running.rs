//! A running daemon as tests drive it: the shipped configuration altered as a test needs, its sandbox, a clock moved by hand, the judge's log, the rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adjutant::agents;
use adjutant::clock::{Clock, ProductTime};
use adjutant::config::{Config, Process};
use adjutant::domain::change::Change;
use adjutant::domain::entity::{Budget, Campaign, EntityKey, RunStatus};
use adjutant::domain::ids::{DecisionId, IdGen};
use adjutant::domain::money::Money;
use adjutant::domain::proposal::{Evidence, Wish};
use adjutant::learning::WATCH_DAYS;
use adjutant::ledger::DecisionBody;
use adjutant::store::alert::{AlertRow, Which};
use adjutant::store::decision::{DecisionFilter, DecisionRow};
use adjutant::store::ticket::TicketRow;
use adjutant::store::{Durability, StoreError};
use adjutant::supervisor::agents::Mind;
use adjutant::supervisor::control::{Answer, Control, ControlError, Looser};
use adjutant::supervisor::daemon::{Daemon, DaemonError, Launch};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) use super::daemon::eventually;

/// Monday 5 January 2026, noon in New York.
pub(crate) const NOON: ProductTime = ProductTime::from_ms(1_767_632_400_000);
/// Longest anything in these tests may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The platforms' own ids of the shipped accounts, by their names.
const ACCOUNTS: [(&str, &str); 3] = [("google-main", "1001001001"), ("meta-main", "act_1001"), ("tiktok-main", "7000000000000000001")];

/// A row of the judge's log.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LogRow {
    pub(crate) at_ms: i64,
    pub(crate) wall_ms: i64,
    pub(crate) source: String,
    pub(crate) account: String,
    pub(crate) level: String,
    pub(crate) id: String,
    pub(crate) field: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) outcome: String,
}

impl LogRow {
    /// The key the daemon knows this entity by.
    pub(crate) fn key(&self) -> String {
        let (name, _) = ACCOUNTS.iter().find(|(_, id)| *id == self.account).expect("an account of the shipped file");
        format!("{name}:{}:{}", self.level, self.id)
    }

    pub(crate) fn took_effect(&self) -> bool {
        self.outcome == "applied"
    }

    /// Amounts of a budget row in micros: what it was, what it became.
    pub(crate) fn micros(&self) -> Option<(i64, i64)> {
        let micros = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        (self.field == "budget").then(|| Some((micros(&self.old)?, micros(&self.new)?))).flatten()
    }
}

/// The shipped file with some of its text replaced; what is to be replaced must be there.
pub(crate) fn altered(changes: &[(&str, &str)]) -> String {
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/agents.toml")).expect("the shipped file");
    changes.iter().fold(shipped, |text, (old, new)| {
        assert!(text.contains(old), "the shipped file has no {old:?}");
        text.replace(old, new)
    })
}

/// What agents stake is never asked about.
pub(crate) const NO_QUESTIONS: (&str, &str) = ("earned_amount = \"250 USD\"", "earned_amount = \"900000 USD\"");
/// A floor that the market exceeds, and no cap on what a conversion costs.
pub(crate) const NO_CAP: (&str, &str) = ("goal = \"spend -> 6000 USD/day while cpa <= 30 USD\"", "goal = \"spend -> 6000 USD/day\"");
/// The same for the other agent.
pub(crate) const ROOM_TO_GROW: (&str, &str) = ("goal = \"roas >= 2.5\"", "goal = \"roas >= 1.5\"");

/// Nobody but the daemon and the test edits anything.
pub(crate) const NO_PEOPLE: (&str, &str) = ("people = true ", "people = false ");

/// Starts a daemon on `text`, written into `folder`.
pub(crate) async fn launch(folder: &Path, text: &str, clock: Option<Clock>, looser: Looser) -> Result<Arc<Daemon>, DaemonError> {
    launch_with(folder, text, clock, looser, Arc::new(agents::propose)).await
}

/// The same, its agents thinking with `mind`.
async fn launch_with(folder: &Path, text: &str, clock: Option<Clock>, looser: Looser, mind: Mind) -> Result<Arc<Daemon>, DaemonError> {
    let path = folder.join("agents.toml");
    std::fs::write(&path, text).expect("a writable folder");
    let config = Config::load(&path, &Process)?;
    let launch = Launch { config, path, surroundings: Arc::new(Process), clock, ids: IdGen::from_os(), durability: Durability::Required, looser };
    Daemon::start_with(launch, mind).await
}

/// A daemon with a hand-moved clock that it shares with its sandbox.
pub(crate) struct Running {
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) clock: Clock,
    seen: std::sync::atomic::AtomicI64,
    kept: tempfile::TempDir,
}

impl Running {
    /// Starts and waits until every account may be written and all of the first allocation round is done.
    pub(crate) async fn start(text: &str) -> Self {
        let running = Self::start_unread(text).await;
        running.acting().await;
        running.allocated_since(NOON).await;
        running.quiet().await;
        running
    }

    pub(crate) fn folder(&self) -> &Path {
        self.kept.path()
    }

    /// Starts and waits for nothing.
    pub(crate) async fn start_unread(text: &str) -> Self {
        Self::start_thinking(text, Arc::new(agents::propose)).await
    }

    /// Starts agents that think with `mind`, and waits for nothing.
    pub(crate) async fn start_thinking(text: &str, mind: Mind) -> Self {
        let kept = tempfile::tempdir().expect("a temporary folder");
        let clock = Clock::manual(NOON);
        let daemon = launch_with(kept.path(), text, Some(clock.clone()), Looser::Refuse, mind).await.unwrap_or_else(|error| panic!("{error}"));
        Self { daemon, clock, seen: 0.into(), kept }
    }

    pub(crate) async fn acting(&self) {
        eventually("every account acts", PATIENCE, async || self.daemon.accounts().iter().all(|account| account.acting).then_some(())).await;
    }

    /// Lets so many days pass that what was changed up to now is no longer only watched: agents touch it again.
    pub(crate) async fn watched_days(&self) {
        for _ in 0..=WATCH_DAYS {
            self.next_day().await;
        }
    }

    /// Moves the clock to three minutes past three of the next morning, when the allocation round is due, and waits until all of it is done.
    pub(crate) async fn next_day(&self) {
        let zone = chrono_tz::America::New_York;
        let tomorrow = self.clock.now().date_in(zone).succ_opt().expect("a date");
        let morning = adjutant::supervisor::schedule::day_start(zone, tomorrow) + TimeDelta::minutes(183);
        self.clock.set(morning);
        self.allocated_since(morning).await;
        self.quiet().await;
    }

    /// An allocation round that began at `since` or later is on record.
    pub(crate) async fn allocated_since(&self, since: ProductTime) {
        let store = self.daemon.store();
        eventually("an allocation round", PATIENCE, async || {
            let pool = "core".parse().expect("a name");
            let newest = store
                .read(|mut tx| {
                    let pool = &pool;
                    async move { tx.newest_round(pool, Some("allocation")).await }
                })
                .await;
            newest.expect("readable rows").filter(|round| round.now >= since && round.finished_wall.is_some()).map(drop)
        })
        .await;
    }

    /// Nothing that may be sent, or may have been, is unsettled, and stays so for a moment.
    pub(crate) async fn quiet(&self) {
        let mut looks = 0;
        eventually("every decision to be settled", PATIENCE, async || {
            looks = if self.open().await == 0 { looks + 1 } else { 0 };
            (looks >= 3).then_some(())
        })
        .await;
    }

    pub(crate) async fn open(&self) -> usize {
        let mut open = 0;
        for state in ["authorised", "dispatched", "unknown"] {
            open += self.decisions_in(state).await.len();
        }
        open
    }

    /// Decisions in the state of this name.
    pub(crate) async fn decisions_in(&self, state: &str) -> Vec<DecisionRow> {
        let filter = DecisionFilter { state: Some(state.to_owned()), ..DecisionFilter::default() };
        let filter = &filter;
        let rows: Result<_, StoreError> = self.daemon.store().read(|mut tx| async move { tx.decisions(filter, None, 100_000).await }).await;
        rows.expect("readable rows")
    }

    /// All decisions, oldest first, with what they say of themselves.
    pub(crate) async fn decisions(&self) -> Vec<(DecisionRow, DecisionBody)> {
        let rows: Result<_, StoreError> = self.daemon.store().read(|mut tx| async move { tx.decisions(&DecisionFilter::default(), None, 100_000).await }).await;
        let mut rows: Vec<_> =
            rows.expect("readable rows").into_iter().map(|row| (DecisionBody::of(&row).expect("a body"), row)).map(|(body, row)| (row, body)).collect();
        rows.reverse();
        rows
    }

    pub(crate) async fn decision(&self, id: DecisionId) -> DecisionRow {
        let row: Result<_, StoreError> = self.daemon.store().read(|mut tx| async move { tx.decision(&id).await }).await;
        row.expect("readable rows").expect("it was recorded")
    }

    pub(crate) async fn tickets(&self) -> Vec<TicketRow> {
        let rows: Result<_, StoreError> = self.daemon.store().read(|mut tx| async move { tx.tickets(None, None, 10_000).await }).await;
        rows.expect("readable rows")
    }

    pub(crate) async fn alerts(&self) -> Vec<AlertRow> {
        alerts(&self.daemon).await
    }

    /// Campaigns with their accounts' views, as last read.
    pub(crate) fn campaigns(&self) -> Vec<Campaign> {
        self.views().flat_map(|view| view.campaigns.clone()).collect()
    }

    pub(crate) fn campaign(&self, key: &EntityKey) -> Campaign {
        self.campaigns().into_iter().find(|campaign| campaign.key == *key).expect("it is there")
    }

    fn views(&self) -> impl Iterator<Item = Arc<adjutant::domain::view::AccountView>> {
        ACCOUNTS.iter().filter_map(|(name, _)| self.daemon.view(&name.parse().expect("a name")))
    }

    pub(crate) fn budgets(&self) -> Vec<Budget> {
        self.views().flat_map(|view| view.budgets.clone()).collect()
    }

    pub(crate) fn budget(&self, key: &EntityKey) -> Budget {
        self.budgets().into_iter().find(|budget| budget.budget.key == *key).expect("it is there")
    }

    /// Steerable budgets of one campaign that runs, of one account.
    pub(crate) fn steerable(&self, account: &str) -> Vec<Budget> {
        let campaigns = self.campaigns();
        let runs = |budget: &Budget| {
            budget.budget.members.len() == 1
                && campaigns.iter().any(|campaign| campaign.key == budget.budget.members[0] && campaign.status == RunStatus::Active)
        };
        self.budgets().into_iter().filter(|budget| budget.read_only.is_none() && budget.budget.key.account.as_str() == account && runs(budget)).collect()
    }

    /// A person asks for changes.
    pub(crate) async fn ask(&self, by: &str, changes: Vec<Change>) -> Result<Vec<Answer>, ControlError> {
        self.daemon.propose(by.to_owned(), changes.into_iter().map(wish).collect(), None).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        call(&self.daemon, method, path, body).await
    }

    /// Replaces the sandbox's faults.
    pub(crate) async fn faults(&self, rules: Value) {
        faults(&self.daemon, rules).await;
    }

    /// Somebody edits an entity in the platform's own pages.
    pub(crate) async fn edit(&self, key: &EntityKey, what: Value) {
        let (_, account) = ACCOUNTS.iter().find(|(name, _)| *name == key.account.as_str()).expect("a shipped account");
        let mut edit = json!({ "account": account, "level": key.level.name(), "id": key.id });
        edit.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
        assert_eq!(self.call("POST", "/_sandbox/edit", &edit).await["applied"], json!(1));
    }

    /// The judge's log: what came over the API, oldest first.
    pub(crate) async fn log(&self) -> Vec<LogRow> {
        log(&self.daemon).await
    }

    /// The number of the newest row of the judge's log; 0 of none.
    pub(crate) async fn last_seq(&self) -> i64 {
        let mut after = self.seen.load(std::sync::atomic::Ordering::Relaxed);
        loop {
            let page = self.call("GET", &format!("/_sandbox/log?limit=1000&after={after}"), &Value::Null).await;
            let next = page["next"].as_i64().expect("a number");
            if next == after {
                self.seen.store(after, std::sync::atomic::Ordering::Relaxed);
                return after;
            }
            after = next;
        }
    }

    /// The true nature of every campaign, by its key.
    pub(crate) async fn truth(&self) -> BTreeMap<String, Value> {
        let truth = self.call("GET", "/_sandbox/truth", &Value::Null).await;
        let of = |campaign: &Value| {
            let (name, _) = ACCOUNTS.iter().find(|(_, id)| campaign["account"] == *id).expect("a shipped account");
            (format!("{name}:campaign:{}", campaign["id"].as_str().expect("an id")), campaign.clone())
        };
        truth["campaigns"].as_array().expect("campaigns").iter().map(of).collect()
    }

    /// Stops the daemon; clock and folder stay.
    pub(crate) async fn stop(self) -> Stopped {
        self.daemon.stop().await;
        Stopped { clock: self.clock, kept: self.kept }
    }
}

/// What a daemon leaves behind: its folder, and the time.
pub(crate) struct Stopped {
    pub(crate) clock: Clock,
    kept: tempfile::TempDir,
}

impl Stopped {
    pub(crate) fn folder(&self) -> &Path {
        self.kept.path()
    }

    /// Starts a daemon on `text` in the same folder and waits until every account may be written.
    pub(crate) async fn start(self, text: &str, looser: Looser) -> Running {
        let daemon = launch(self.folder(), text, Some(self.clock.clone()), looser).await.unwrap_or_else(|error| panic!("{error}"));
        let running = Running { daemon, clock: self.clock, seen: 0.into(), kept: self.kept };
        running.acting().await;
        running
    }

    /// Why a daemon on `text` does not start in the same folder.
    pub(crate) async fn refused(&self, text: &str, clock: Option<Clock>) -> DaemonError {
        launch(self.folder(), text, clock, Looser::Refuse).await.err().expect("refused")
    }
}

pub(crate) async fn alerts(daemon: &Daemon) -> Vec<AlertRow> {
    let rows: Result<_, StoreError> = daemon.store().read(|mut tx| async move { tx.alerts(Which::All, None, 10_000).await }).await;
    rows.expect("readable rows")
}

pub(crate) async fn log(daemon: &Daemon) -> Vec<LogRow> {
    let log = call(daemon, "GET", "/_sandbox/log?limit=100000", &Value::Null).await;
    let rows: Vec<LogRow> = serde_json::from_value(log["rows"].clone()).expect("rows");
    rows.into_iter().filter(|row| row.source == "api").collect()
}

pub(crate) async fn faults(daemon: &Daemon, rules: Value) {
    let answer = call(daemon, "POST", "/_sandbox/faults", &json!({ "rules": rules })).await;
    assert!(answer.get("rules").is_some(), "{answer}");
}

/// One request to the sandbox's own doors.
pub(crate) async fn call(daemon: &Daemon, method: &str, path: &str, body: &Value) -> Value {
    let url = daemon.sandbox_url().expect("a sandbox runs");
    let addr = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = tokio::net::TcpStream::connect(&addr).await.expect("the sandbox listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("json")
}

/// A person's wish for a change.
pub(crate) fn wish(change: Change) -> Wish {
    let currency = adjutant::domain::money::Currency::USD;
    Wish { change, reason: "a person wants it".into(), evidence: Evidence::default(), prediction: None, confidence: 1.0, cost_if_wrong: Money::zero(currency) }
}

/// A budget set to so many hundredths of what it is, in whole units of the platform.
pub(crate) fn set(budget: &Budget, percent: i64) -> Change {
    let unit = budget.unit.micros();
    let to = Money::from_micros(budget.amount.micros() / 100 * percent / unit * unit, budget.amount.currency());
    Change::Budget { budget: budget.budget.clone(), from: budget.amount, to }
}

pub(crate) fn status(campaign: &Campaign, to: RunStatus) -> Change {
    Change::Status { entity: campaign.key.clone(), from: campaign.status, to }
}
