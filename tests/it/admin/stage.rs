//! A stage for the admin room: the real server on a free port, a real database, and a daemon that records what it is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use adjutant::admin::auth::tokens::Tokens;
use adjutant::admin::{Admin, Parts, bind, serve};
use adjutant::clock::{Clock, ProductTime};
use adjutant::config::{Config, Listen, Process};
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use adjutant::domain::ids::{AccountId, AgentId, AlertId, DecisionId, IdGen, PollId, PoolId, TicketId};
use adjutant::domain::metrics::Metrics;
use adjutant::domain::money::Currency;
use adjutant::domain::proposal::{AgentKind, Autonomy, Wish};
use adjutant::domain::scope::Scope;
use adjutant::domain::ticket::{Role, TicketState};
use adjutant::domain::view::{AccountView, Tracking};
use adjutant::store::StoreError;
use adjutant::store::scope::Verb;
use adjutant::store::step::Moment;
use adjutant::supervisor::control::{
    AccountStatus, AgentState, AgentStatus, Answer, Control, ControlError, Controlled, Event, InForce, Inquiry, Looser, Paused, PoolStatus, Reply, Stopped,
    Topic,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::rows::fill;
use crate::engines::Bench;

/// A campaign's name as nobody wants to see it come alive.
pub const NASTY: &str = r#"<script src="https://evil.example/x.js"></script>"onmouseover="alert(1)"#;
/// A secret that must never come out again.
pub const CANARY: &str = "canary-7f3a9d0c55e14b6b8e2f9a1c4d6e8f00canary";

const CONFIG: &str = r#"
[workspace]
name = "acme"
database = "sqlite:adjutant.db"
[accounts.meta-main]
platform = "meta"
id = "act_1001"
currency = "USD"
time_zone = "UTC"
base_url = "sandbox"
credentials = "sandbox"
accepted = true
[pools.core]
members = { accounts = ["meta-main"], name = "*" }
time_zone = "UTC"
daily_cap = "6000 USD"
monthly_cap = "400000 USD"
[agents.scale]
kind = "scale"
pool = "core"
goal = "roas >= 2"
priority = 0.4
autonomy = "autonomous"
[sandbox]
seed = 7
campaigns = 3
"#;

/// A daemon that does what it is told and writes it down.
pub struct Recorder {
    pub asked: Mutex<Vec<String>>,
    view: Arc<AccountView>,
    force: Mutex<Arc<InForce>>,
    bus: broadcast::Sender<Event>,
    bench: adjutant::store::Store,
    clock: Clock,
}

impl Recorder {
    fn wrote(&self, what: String) {
        self.asked.lock().expect("no test panics in here").push(what);
    }

    /// What it was asked so far.
    pub fn all(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics in here").clone()
    }

    /// Tells the pages that something changed.
    pub fn changed(&self, topic: Topic) {
        self.bus.send(Event { topic, cursor: 7 }).expect("somebody listens");
    }

    /// Puts a policy in force in which the token `name` may do what `role` may, or is gone.
    pub fn give(&self, name: &str, role: Option<Role>) {
        let mut force = InForce::clone(&self.policy());
        force.policy.tokens.remove(name);
        force.policy.tokens.extend(role.map(|role| (name.to_owned(), role)));
        *self.force.lock().expect("no test panics in here") = Arc::new(force);
    }

    fn flag(&self, scope: Scope, verb: Verb, by: String) -> Controlled<'_, ()> {
        Box::pin(async move {
            self.wrote(format!("{verb:?} {scope} by {by}").to_lowercase());
            let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
            let (scope, by) = (&scope, &by);
            let done: Result<_, StoreError> = self.bench.write(|mut tx| async move { tx.change_scope(scope, verb, by, "", when).await }).await;
            done.map(|_| ()).map_err(|error| ControlError::Unavailable(error.to_string()))
        })
    }
}

fn never(decision: DecisionId) -> Answer {
    Answer { decision, state: DecisionState::Proposed, verdicts: Vec::new(), ticket: None }
}

impl Control for Recorder {
    fn policy(&self) -> Arc<InForce> {
        self.force.lock().expect("no test panics in here").clone()
    }
    fn view(&self, account: &AccountId) -> Option<Arc<AccountView>> {
        (*account == self.view.account).then(|| self.view.clone())
    }
    fn accounts(&self) -> Vec<AccountStatus> {
        let account = self.view.account.clone();
        let (breaker, last_ok) = ("closed".to_owned(), Some(self.view.at));
        vec![AccountStatus {
            account,
            platform: Platform::Meta,
            sandbox: true,
            acting: true,
            breaker,
            last_ok,
            last_error: None,
            frozen: None,
            left: vec![("app: 15000 operations a day".to_owned(), 0.5)],
        }]
    }
    fn agents(&self) -> Vec<AgentStatus> {
        let policy = &self.policy().policy;
        let status = |(agent, own): (&AgentId, &adjutant::domain::policy::AgentPolicy)| AgentStatus {
            agent: agent.clone(),
            kind: AgentKind::Scale,
            pool: own.pool.clone(),
            goal: own.goal,
            priority: own.priority,
            autonomy: Autonomy::Autonomous,
            state: AgentState::Active,
            focus: format!("raising {NASTY}"),
            progress: "ROAS 2.4 against 2".into(),
            answered_at: None,
        };
        policy.agents.iter().map(status).collect()
    }
    fn pools(&self) -> Vec<PoolStatus> {
        let (pool, daily_cap, spent) = (pool(), "6000 USD".parse().expect("money"), "1234.5 USD".parse().ok());
        let next_round = Some(self.view.at);
        vec![PoolStatus { pool, last_round: None, last_round_at: None, next_round, last_error: None, daily_cap, budgeted: spent, spent_today: spent }]
    }
    fn events(&self) -> broadcast::Receiver<Event> {
        self.bus.subscribe()
    }
    fn is_ready(&self) -> bool {
        true
    }
    fn pause(&self, scope: Scope, by: String, _: String) -> Controlled<'_, Paused> {
        Box::pin(async move { self.flag(scope, Verb::Pause, by).await.map(|()| Paused { in_flight: Vec::new() }) })
    }
    fn resume(&self, scope: Scope, by: String, _: String) -> Controlled<'_, ()> {
        self.flag(scope, Verb::Resume, by)
    }
    fn rearm(&self, scope: Scope, by: String, _: String) -> Controlled<'_, ()> {
        self.flag(scope, Verb::Rearm, by)
    }
    fn terminate(&self, agent: AgentId, by: String, _: String) -> Controlled<'_, ()> {
        Box::pin(async move {
            self.wrote(format!("terminate {agent} by {by}"));
            Ok(())
        })
    }
    fn propose(&self, by: String, wishes: Vec<Wish>, _: Option<String>) -> Controlled<'_, Vec<Answer>> {
        Box::pin(async move {
            for wish in &wishes {
                self.wrote(format!("propose {} by {by}", serde_json::to_string(&wish.change).expect("a change is JSON")));
            }
            Ok(Vec::new())
        })
    }
    fn inquire(&self, account: AccountId, inquiry: Inquiry) -> Controlled<'_, serde_json::Value> {
        Box::pin(async move { Ok(serde_json::json!({ "account": account, "asked": format!("{inquiry:?}") })) })
    }
    fn stop_delivery(&self, scope: Scope, by: String, _: String) -> Controlled<'_, Stopped> {
        Box::pin(async move {
            self.wrote(format!("stop {scope} by {by}"));
            Ok(Stopped { answers: Vec::new(), unreached: Vec::new() })
        })
    }
    fn approve(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState> {
        Box::pin(async move {
            self.wrote(format!("approve {ticket} by {} seeing {:?}", reply.by, reply.seen));
            Ok(TicketState::Approved { by: vec![reply.by], at: self.clock.now() })
        })
    }
    fn reject(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState> {
        Box::pin(async move {
            self.wrote(format!("reject {ticket} by {}", reply.by));
            Err(ControlError::Refused { code: "TICKET_CLOSED".into(), why: "the ticket is approved".into() })
        })
    }
    fn undo(&self, decision: DecisionId, by: String) -> Controlled<'_, Answer> {
        Box::pin(async move {
            self.wrote(format!("undo {decision} by {by}"));
            Ok(never(decision))
        })
    }
    fn trigger(&self, pool: PoolId, by: String) -> Controlled<'_, ()> {
        Box::pin(async move {
            self.wrote(format!("trigger {pool} by {by}"));
            Ok(())
        })
    }
    fn reload(&self, by: String, _: Looser) -> Controlled<'_, Vec<String>> {
        Box::pin(async move {
            self.wrote(format!("reload by {by}"));
            Ok(vec!["guardrails.step: 20 % -> 15 %".into()])
        })
    }
    fn acknowledge(&self, alert: AlertId, by: String) -> Controlled<'_, ()> {
        Box::pin(async move {
            self.wrote(format!("acknowledge {alert} by {by}"));
            Ok(())
        })
    }
    fn replay(&self, decision: DecisionId) -> Controlled<'_, Value> {
        Box::pin(async move { Ok(json!({ "decision": decision, "same": true })) })
    }
}

pub fn pool() -> PoolId {
    "core".parse().expect("a name")
}

pub fn campaign() -> EntityKey {
    "meta-main:campaign:1".parse().expect("a key")
}

fn view(at: ProductTime) -> AccountView {
    let budget = BudgetRef { members: vec![campaign()], key: campaign() };
    let usd = |text: &str| format!("{text} USD").parse().expect("money");
    let day = Metrics { spend: usd("100"), impressions: 10_000, clicks: 200, conversions_milli: 8_000, revenue: usd("240") };
    let today = at.date_in(chrono_tz::UTC);
    let days: Vec<_> = (0..35).rev().map(|back| today - chrono::TimeDelta::days(back)).collect();
    AccountView {
        account: "meta-main".parse().expect("a name"),
        platform: Platform::Meta,
        currency: Currency::USD,
        time_zone: chrono_tz::UTC,
        sandbox: true,
        poll: IdGen::seeded(3).next::<PollId>(at),
        at,
        spend_at: Some(at),
        conversions_at: Some(at),
        campaigns: vec![Campaign {
            key: campaign(),
            name: NASTY.into(),
            status: RunStatus::Active,
            serving: true,
            disapproved: false,
            objective: Objective::Conversions,
            special_categories: None,
            learning: Learning::Done,
            budget: budget.clone(),
            created: None,
        }],
        budgets: vec![Budget { budget, resource: "1".into(), amount: usd("100"), unit: usd("0.01"), minimum: usd("1"), read_only: None }],
        figures: vec![day; days.len()],
        maturity: vec![1.0; days.len()],
        days,
        gaps: Vec::new(),
        tracking: Tracking::Healthy,
        frozen: None,
        measurement: None,
    }
}

/// The server with everything around it.
pub struct Stage {
    pub address: SocketAddr,
    pub daemon: Arc<Recorder>,
    pub admin: Admin,
    pub decision: DecisionId,
    pub ticket: TicketId,
    pub alert: AlertId,
    pub bench: Bench,
    pub stop: CancellationToken,
    pub serving: tokio::task::JoinHandle<()>,
    _folder: TempDir,
}

/// A role's token.
pub fn token(role: Role) -> String {
    format!("{CANARY}-{}", role.name())
}

impl Stage {
    pub async fn new() -> Self {
        let (bench, folder) = (Bench::sqlite().await, tempfile::tempdir().expect("a folder"));
        let config = Arc::new(Config::parse(CONFIG, &folder.path().join("agents.toml"), &Process).expect("the configuration holds"));
        let clock = Clock::manual(ProductTime::from_ms(1_767_600_000_000));
        let (ids, bus) = (IdGen::seeded(1), broadcast::Sender::new(64));
        let mut policy = config.policy();
        policy.tokens = Role::ALL.iter().map(|role| (role.name().to_owned(), *role)).chain([("ann".to_owned(), Role::Admin)]).collect();
        let force = Arc::new(InForce { hash: policy.hash(), policy, version: 1 });
        let view = Arc::new(view(clock.now()));
        let (store, decision, ticket, alert) = (bench.store.clone(), ids.next(clock.now()), ids.next(clock.now()), ids.next(clock.now()));
        fill(&bench, decision, ticket, alert, &force.hash, Moment { at: clock.now(), wall: clock.wall() }).await;
        let daemon = Arc::new(Recorder { asked: Mutex::default(), view, force: Mutex::new(force), bus, bench: store.clone(), clock: clock.clone() });
        let mut tokens = Tokens::default();
        for role in Role::ALL {
            tokens.add(role.name(), role, &SecretString::from(token(role))).expect("long enough");
        }
        let bound = bind(&Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))).await.expect("a free port");
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let node = "node-1".parse().expect("a name");
        let parts = Parts { control: daemon.clone(), store, clock, ids, config, node, tokens, metrics };
        let admin = Admin::new(parts, &bound).expect("no TLS is asked for");
        let (address, stop) = (bound.address().expect("TCP"), CancellationToken::new());
        let serving = tokio::spawn(serve(bound, admin.clone(), stop.clone()));
        Self { address, daemon, admin, decision, ticket, alert, bench, stop, serving, _folder: folder }
    }

    /// Sends a request as it stands and reads until the server closes.
    pub async fn raw(&self, request: &[u8]) -> Got {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        // A server that refuses early may close before all is written.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Got::parse(&answer)
    }

    /// A request with `headers` (beside Host), a line each.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let host = if headers.iter().any(|(name, _)| *name == "Host") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{lines}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        self.raw(request.as_bytes()).await
    }

    pub async fn get(&self, path: &str, role: Role) -> Got {
        self.ask("GET", path, &[("Authorization", &format!("Bearer {}", token(role)))], "").await
    }

    pub async fn post(&self, path: &str, role: Role, body: &str) -> Got {
        self.ask("POST", path, &[("Authorization", &format!("Bearer {}", token(role))), ("Content-Type", "application/json")], body).await
    }

    /// Signs in by a link; returns the cookie and the form token.
    pub async fn signed_in(&self, role: Role) -> (String, String) {
        let link = self.admin.sign_in_link("ann", "ann", role).await.expect("a link");
        let path = link.strip_prefix(&format!("http://{}", self.address)).expect("our address").to_owned();
        let got = self.ask("GET", &path, &[], "").await;
        let cookie = got.headers["set-cookie"].split(';').next().expect("a value").to_owned();
        let page = self.ask("GET", "/", &[("Cookie", &cookie)], "").await.body;
        let at = page.find("name=\"csrf\" value=\"").expect("the page has forms") + 19;
        let csrf = page[at - 1..].trim_start_matches('"').split('"').next().expect("a value").to_owned();
        (cookie, csrf)
    }

    /// The admin rows of the workspace's chain: (path, by, status, code).
    pub async fn notes(&self) -> Vec<Value> {
        let shard = &"workspace".parse().expect("a name");
        let steps: Result<_, StoreError> = self.bench.store.read(|mut tx| async move { tx.chain_page(shard, 0, 10_000).await }).await;
        let steps = steps.expect("the chain reads").into_iter().filter(|step| step.kind == "admin");
        steps.filter_map(|step| serde_json::from_str(&step.body?).ok()).collect()
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.serving.await.expect("the server ends");
        self.bench.finish().await;
    }
}

/// An answer.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Got {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn code(&self) -> String {
        assert_eq!(self.headers.get("content-type").map(String::as_str), Some("application/problem+json"), "{self:?}");
        self.json()["code"].as_str().expect("a code").to_owned()
    }
}

/// Where a path's `{id}` leads for a route of the table.
pub fn filled_in(stage: &Stage, path: &str) -> String {
    let id = match path {
        path if path.contains("/decisions/") => stage.decision.to_string(),
        path if path.contains("/tickets/") => stage.ticket.to_string(),
        path if path.contains("/alerts/") => stage.alert.to_string(),
        path if path.contains("/agents/") => "scale".to_owned(),
        path if path.contains("/accounts/") => "meta-main".to_owned(),
        path if path.contains("/pools/") => "core".to_owned(),
        _ => campaign().to_string(),
    };
    path.replace("{id}", &id)
}
