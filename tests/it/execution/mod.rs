//! Execution against the sandbox over real HTTP: one request a decision, every fault ends right, nobody else's edit is overwritten, a pause is silence.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adjutant::clock::{Clock, ProductTime};
use adjutant::domain::change::Change;
use adjutant::domain::decision::{DecisionState, Event};
use adjutant::domain::entity::{Budget, Campaign, EntityKey, Platform, RunStatus};
use adjutant::domain::ids::{AccountId, DecisionId, IdGen, PoolId, RoundId, ShardId};
use adjutant::domain::money::{Currency, Money, Rounding};
use adjutant::domain::policy::{AccountPolicy, AgentPolicy, ApprovalPolicy, Guardrails, Members, Policy, PoolPolicy};
use adjutant::domain::proposal::{Actor, AgentKind, Autonomy, Evidence, Settled, Wave, Wish};
use adjutant::domain::scope::Scope;
use adjutant::domain::ticket::TicketKind;
use adjutant::domain::view::{AccountView, Frozen, Tracking};
use adjutant::execution::settle::Answer;
use adjutant::execution::undo::{self, UndoError, UndoFailure};
use adjutant::execution::{Gate, Held, Outbox, OutboxReport, Pausing, Read, SEND_DEADLINE, Waits};
use adjutant::ledger::control::By;
use adjutant::ledger::{self, Claim, ClaimRequest, DecisionBody};
use adjutant::platforms::{AccountSpec, ConversionRule, ConversionValue, Credentials, Gateway, Inventory, Lane, Limiters, WireRequest};
use adjutant::sandbox::{Sandbox, SandboxConfig};
use adjutant::store::budget::Delivering;
use adjutant::store::decision::{DecisionRow, NewDecision};
use adjutant::store::dispatch::{DispatchRow, Purpose};
use adjutant::store::lease::Lease;
use adjutant::store::poll_fact::{NewPoll, PollRow};
use adjutant::store::step::Moment;
use adjutant::store::{Durability, Store, StoreError};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

mod pausing;
mod reading;
mod sending;
mod undoing;

/// Monday 5 January 2026, noon in New York.
const START: ProductTime = ProductTime::from_ms(1_767_632_400_000);

/// One account of a sandbox with everything that execution needs around it.
struct Stage {
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
    store: Store,
    clock: Clock,
    ids: IdGen,
    gate: Gate,
    gateway: Arc<Gateway>,
    outbox: Outbox,
    lease: Lease,
    policy: Policy,
}

fn account() -> AccountId {
    "main".parse().expect("a name")
}

/// The sandbox's account on a platform.
fn platform_id(platform: Platform) -> &'static str {
    match platform {
        Platform::Google => "1001001001",
        Platform::Meta => "act_1001",
        Platform::Tiktok => "7000000000000000001",
    }
}

fn pool() -> PoolId {
    "core".parse().expect("a name")
}

fn agent() -> Actor {
    Actor::Agent { agent: "scale".parse().expect("a name") }
}

fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("small")
}

fn policy(platform: Platform) -> Policy {
    let zone = chrono_tz::America::New_York;
    let rules = AccountPolicy { platform, id: "1".to_owned(), currency: Currency::USD, time_zone: zone, accepted: true, sandbox: true };
    let scale = AgentPolicy {
        kind: AgentKind::Scale,
        pool: pool(),
        members: None,
        goal: "roas >= 2.5".parse().expect("a goal"),
        priority: "0.5".parse().expect("a number"),
        autonomy: Autonomy::Autonomous,
        guardrails: Guardrails::default(),
    };
    let members = Members { accounts: vec![account()], name: "*".into() };
    Policy {
        workspace: Guardrails::default(),
        agents: BTreeMap::from([("scale".parse().expect("a name"), scale)]),
        accounts: BTreeMap::from([(account(), rules)]),
        pools: BTreeMap::from([(pool(), PoolPolicy { members, time_zone: zone, daily_cap: usd(1_000_000), monthly_cap: usd(30_000_000) })]),
        tokens: BTreeMap::new(),
        calendar: Vec::new(),
        approvals: ApprovalPolicy { critical_h: 4, other_h: 24, time_zone: zone },
    }
}

/// One whole read, as the observer keeps it.
struct Kept {
    poll: PollRow,
    inventory: Inventory,
    view: Arc<AccountView>,
    began: Instant,
}

impl Kept {
    fn read(&self) -> Read<'_> {
        Read { poll: &self.poll, inventory: &self.inventory, view: &self.view, began: self.began }
    }
}

impl Stage {
    async fn new() -> Self {
        Self::on(Platform::Meta, Clock::manual(START), 24).await
    }

    async fn on(platform: Platform, clock: Clock, campaigns: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("adjutant.db").display());
        let store = Store::open(&url, clock.mode(), Durability::Required).await.expect("a fresh database");
        Self::over(platform, clock, campaigns, store, folder).await
    }

    async fn over(platform: Platform, clock: Clock, campaigns: usize, store: Store, folder: tempfile::TempDir) -> Self {
        adjutant::platforms::install_tls();
        let config = SandboxConfig { edits_by_people: false, campaigns, ..SandboxConfig::new(7) };
        let sandbox = adjutant::sandbox::start(config, clock.clone()).await.expect("the sandbox starts");
        let spec = AccountSpec {
            account: account(),
            platform,
            platform_id: platform_id(platform).into(),
            currency: Currency::USD,
            time_zone: chrono_tz::America::New_York,
            base_url: Some(sandbox.base_url().parse().expect("a url")),
            credentials: Credentials::Sandbox,
            conversions: ConversionRule { actions: vec!["purchase".into()], window: Duration::from_secs(7 * 86_400), value: ConversionValue::Reported },
            operations_per_day: None,
        };
        let gateway = Arc::new(Gateway::new(spec, clock.clone(), &Limiters::new(clock.clone())).expect("a sound account"));
        let (ids, gate, shard) = (IdGen::seeded(1), Gate::new(folder.path()), "core".parse::<ShardId>().expect("a name"));
        let (now, policy) = (clock.now(), policy(platform));
        let (hash, text) = (policy.hash(), serde_json::to_string(&policy).expect("plain"));
        let lease = store
            .write(|mut tx| {
                let (shard, hash, text) = (&shard, &hash, &text);
                async move {
                    tx.enact_policy(hash, now, "test", text).await?;
                    tx.open_shard(shard, "{}", now).await?;
                    tx.acquire_lease(shard, &"node".parse().expect("a name"), Duration::from_secs(3_600)).await
                }
            })
            .await
            .map_err(|error: StoreError| error)
            .expect("writable")
            .expect("nobody else holds it");
        let outbox = Outbox::new(Arc::clone(&gateway), store.clone(), clock.clone(), ids.clone(), gate.clone());
        Self { sandbox, _folder: folder, store, clock, ids, gate, gateway, outbox, lease, policy }
    }

    fn when(&self) -> Moment {
        Moment { at: self.clock.now(), wall: self.clock.wall() }
    }

    fn held(&self) -> Held<'_> {
        Held { policy: &self.policy, lease: &self.lease, until: self.clock.instant() + Duration::from_secs(60) }
    }

    /// Reads the account and keeps what was read.
    async fn observe(&self) -> Kept {
        let (began, when) = (self.clock.instant(), self.when());
        let inventory = self.gateway.inventory().await.expect("readable");
        let new = NewPoll {
            id: self.ids.next(when.at),
            account: account(),
            kind: "inventory".into(),
            at: when.at,
            started_wall: when.wall,
            finished_wall: self.clock.wall(),
            outcome: "ok".into(),
            error: None,
        };
        let (new, seen, pool) = (&new, &inventory, &pool());
        let kept: Result<PollRow, StoreError> = self
            .store
            .write(|mut tx| async move {
                let poll = tx.insert_poll(new).await?;
                for budget in &seen.budgets {
                    let runs = seen.campaigns.iter().any(|campaign| campaign.status == RunStatus::Active && budget.budget.members.contains(&campaign.key));
                    tx.see_budget(budget, Some(pool), if runs { Delivering::Yes } else { Delivering::No }, &poll.id, poll.at).await?;
                }
                tx.retire_budgets(&poll.account, &poll.id).await?;
                Ok(poll)
            })
            .await;
        let poll = kept.expect("writable");
        let view = Arc::new(self.view(&poll, &inventory));
        Kept { poll, inventory, view, began }
    }

    /// The account with healthy figures as fresh as its inventory.
    fn view(&self, poll: &PollRow, inventory: &Inventory) -> AccountView {
        AccountView {
            account: account(),
            platform: self.gateway.platform(),
            currency: Currency::USD,
            time_zone: chrono_tz::America::New_York,
            sandbox: true,
            poll: poll.id,
            at: poll.at,
            spend_at: Some(poll.at),
            conversions_at: Some(poll.at),
            campaigns: inventory.campaigns.clone(),
            budgets: inventory.budgets.clone(),
            days: Vec::new(),
            figures: Vec::new(),
            maturity: Vec::new(),
            gaps: Vec::new(),
            tracking: Tracking::Healthy,
            frozen: None,
            measurement: None,
        }
    }

    async fn reconcile(&self) -> adjutant::execution::Reconciled {
        let kept = self.observe().await;
        self.outbox.reconcile(&kept.read(), self.held()).await.expect("reconciled")
    }

    async fn run(&self) -> OutboxReport {
        let kept = self.observe().await;
        self.outbox.run_once(&kept.read(), self.held()).await.expect("run")
    }

    /// Writes within a scope that the sandbox has logged.
    async fn inside(&self, scope: &Scope) -> usize {
        let of_scope = |row: &&Value| match scope {
            Scope::Campaign(key) => row["id"] == key.id.as_str(),
            Scope::Workspace | Scope::Account(_) | Scope::Pool(_) | Scope::Agent(_) => true,
        };
        self.log().await.iter().filter(of_scope).count()
    }

    /// Past the settle window.
    fn settle(&self) {
        self.clock.advance(TimeDelta::seconds(61));
    }

    /// A decision that may be sent, as if a round had recorded it.
    async fn authorise(&self, change: Change, actor: Actor) -> DecisionId {
        let when = self.when();
        let id: DecisionId = self.ids.next(when.at);
        let wish = Wish { change, reason: "a test".into(), evidence: Evidence::default(), prediction: None, confidence: 0.9, cost_if_wrong: usd(1) };
        let new = NewDecision {
            id,
            shard: self.lease.shard.clone(),
            pool: Some(pool()),
            round: None,
            change_set: None,
            account: account(),
            entity: wish.change.entity().cloned(),
            actor_kind: actor.kind().into(),
            actor: actor.name(),
            action: wish.change.action(),
            direction: wish.change.direction(),
            undoes: match &actor {
                Actor::Undo { of, .. } => Some(*of),
                Actor::Agent { .. } | Actor::Person { .. } | Actor::Approval { .. } | Actor::Wave { .. } => None,
            },
            moves: match &wish.change {
                Change::Budget { from, to, .. } => Some((*from, *to)),
                _ => None,
            },
            stake: None,
            policy_hash: self.policy.hash(),
            when,
            body: body(actor, wish, &self.policy.hash(), self.ids.next(when.at)),
        };
        let new = &new;
        let recorded: Result<(), StoreError> = self
            .store
            .write(|mut tx| async move {
                tx.insert_decision(new).await?;
                let next = DecisionState::Proposed.on(Event::Authorise).expect("a step of the machine");
                tx.move_decision(&new.id, DecisionState::Proposed, next, when, None, "{}").await.map(|_| ())
            })
            .await;
        recorded.expect("recorded");
        id
    }

    async fn decision(&self, id: DecisionId) -> DecisionRow {
        let row: Result<_, StoreError> = self.store.read(|mut tx| async move { tx.decision(&id).await }).await;
        row.expect("readable").expect("recorded")
    }

    async fn state(&self, id: DecisionId) -> DecisionState {
        self.decision(id).await.state
    }

    async fn tickets(&self) -> Vec<TicketKind> {
        let rows: Result<_, StoreError> = self.store.read(|mut tx| async move { tx.open_tickets().await }).await;
        rows.expect("readable").into_iter().map(|row| row.kind).collect()
    }

    async fn holds(&self) -> usize {
        let rows: Result<_, StoreError> = self.store.read(|mut tx| async move { tx.open_holds(None).await }).await;
        rows.expect("readable").len()
    }

    async fn fault(&self, rule: Value) {
        let answer = call(self.sandbox.addr(), "POST", "/_sandbox/faults", &json!({ "rules": [rule] }).to_string()).await;
        assert!(answer.get("rules").is_some(), "{answer}");
    }

    async fn edit(&self, entity: &EntityKey, what: Value) {
        let mut edit = json!({ "account": platform_id(self.gateway.platform()), "level": entity.level.name(), "id": entity.id });
        edit.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
        assert_eq!(call(self.sandbox.addr(), "POST", "/_sandbox/edit", &edit.to_string()).await["applied"], json!(1));
    }

    /// Rows of the judge's log that came over the API.
    async fn log(&self) -> Vec<Value> {
        let log = call(self.sandbox.addr(), "GET", "/_sandbox/log?limit=100000", "").await;
        log["rows"].as_array().expect("rows").iter().filter(|row| row["source"] == "api").cloned().collect()
    }

    async fn effects(&self) -> usize {
        self.log().await.iter().filter(|row| row["outcome"] == "applied").count()
    }

    /// A tenth more than what stands there.
    fn raise(budget: &Budget) -> Change {
        let to = Money::from_micros(budget.amount.micros() / 10 * 11, budget.amount.currency());
        let to = to.round_to(budget.unit, Rounding::Down).expect("one currency");
        Change::Budget { budget: budget.budget.clone(), from: budget.amount, to }
    }

    fn cut(budget: &Budget) -> Change {
        let to = Money::from_micros(budget.amount.micros() / 10 * 9, budget.amount.currency());
        let to = to.round_to(budget.unit, Rounding::Down).expect("one currency");
        Change::Budget { budget: budget.budget.clone(), from: budget.amount, to }
    }
}

fn body(actor: Actor, wish: Wish, policy_hash: &str, round: RoundId) -> String {
    let settled = Settled { actor, wish, alternatives: Vec::new(), dissent: Vec::new(), wave: Wave::First, change_set: None };
    let (policy_hash, node) = (policy_hash.to_owned(), "node".parse().expect("a name"));
    let body = DecisionBody { settled, verdicts: Vec::new(), conflicts: Vec::new(), round, policy_hash, engine: "test".into(), node };
    serde_json::to_string(&body).expect("plain")
}

fn amount(kept: &Kept, key: &EntityKey) -> Money {
    kept.inventory.budgets.iter().find(|budget| budget.budget.key == *key).expect("it is there").amount
}

fn steerable(kept: &Kept) -> Vec<Budget> {
    kept.inventory.budgets.iter().filter(|budget| budget.read_only.is_none()).cloned().collect()
}

fn running(kept: &Kept) -> Campaign {
    kept.inventory.campaigns.iter().find(|campaign| campaign.status == RunStatus::Active).expect("one runs").clone()
}

/// One request to the sandbox's own doors.
async fn call(addr: SocketAddr, method: &str, path: &str, body: &str) -> Value {
    let mut stream = tokio::net::TcpStream::connect(addr).await.expect("the sandbox listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("json")
}
