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

fn pool() -> PoolId {
    "core".parse().expect("a name")
}

fn agent() -> Actor {
    Actor::Agent { agent: "scale".parse().expect("a name") }
}

fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("small")
}

fn policy() -> Policy {
    let zone = chrono_tz::America::New_York;
    let rules = AccountPolicy { platform: Platform::Meta, currency: Currency::USD, time_zone: zone, accepted: true, sandbox: true };
    let scale = AgentPolicy {
        kind: AgentKind::Scale,
        pool: pool(),
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
    began: Instant,
}

impl Kept {
    fn read(&self) -> Read<'_> {
        Read { poll: &self.poll, inventory: &self.inventory, began: self.began }
    }
}

impl Stage {
    async fn new() -> Self {
        Self::on(Clock::manual(START), 24).await
    }

    async fn on(clock: Clock, campaigns: usize) -> Self {
        adjutant::platforms::install_tls();
        let config = SandboxConfig { edits_by_people: false, campaigns, ..SandboxConfig::new(7) };
        let sandbox = adjutant::sandbox::start(config, clock.clone()).await.expect("the sandbox starts");
        let spec = AccountSpec {
            account: account(),
            platform: Platform::Meta,
            platform_id: "act_1001".into(),
            currency: Currency::USD,
            time_zone: chrono_tz::America::New_York,
            base_url: Some(sandbox.base_url().parse().expect("a url")),
            credentials: Credentials::Sandbox,
            conversions: ConversionRule { actions: vec!["purchase".into()], window: Duration::from_secs(7 * 86_400), value: ConversionValue::Reported },
        };
        let gateway = Arc::new(Gateway::new(spec, clock.clone(), &Limiters::new(clock.clone())).expect("a sound account"));
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("adjutant.db").display());
        let store = Store::open(&url, clock.mode(), Durability::Required).await.expect("a fresh database");
        let (ids, gate, shard) = (IdGen::seeded(1), Gate::new(folder.path()), "core".parse::<ShardId>().expect("a name"));
        let (now, policy) = (clock.now(), policy());
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
        Kept { poll: kept.expect("writable"), inventory, began }
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
        let mut edit = json!({ "account": "act_1001", "level": entity.level.name(), "id": entity.id });
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

    /// Two raises a fifth above what stands there, each on a budget of its own.
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

#[tokio::test]
async fn i1_every_write_has_one_earlier_decision_and_the_bytes_it_recorded() {
    let stage = Stage::new().await;
    let kept = stage.observe().await;
    let mut decisions = Vec::new();
    for (place, budget) in steerable(&kept).iter().enumerate() {
        decisions.push(stage.authorise(if place % 2 == 0 { Stage::raise(budget) } else { Stage::cut(budget) }, agent()).await);
    }
    assert!(decisions.len() > 2);
    let report = stage.run().await;
    assert!(report.sent.iter().all(|(_, answer)| *answer == Answer::Accepted), "{report:?}");
    let log = stage.log().await;
    assert_eq!(log.len(), decisions.len(), "{report:?}");
    for row in &log {
        let (hash, wall_ms) = (row["body_sha256"].as_str().expect("a hash"), row["wall_ms"].as_i64().expect("a time"));
        let since: Result<_, StoreError> =
            stage.store.read(|mut tx| async move { tx.account_dispatches_since(&account(), ProductTime::from_ms(0)).await }).await;
        let matching: Vec<_> = since
            .expect("readable")
            .into_iter()
            .filter(|dispatch| dispatch.body_hash == hash && row["id"] == dispatch.entity.as_ref().expect("an entity").id.as_str())
            .collect();
        assert_eq!(matching.len(), 1, "one dispatch for {row}");
        assert!(matching[0].sent_wall.ms() <= wall_ms, "the row was committed before the write arrived");
        assert!(matching[0].poll.is_some());
    }
    let again = stage.run().await;
    assert_eq!(again.reconciled.applied.len(), decisions.len());
    assert!(again.sent.is_empty());
    assert_eq!(stage.log().await.len(), decisions.len(), "nothing is sent twice");
    for id in decisions {
        assert_eq!(stage.state(id).await, DecisionState::Applied);
    }
}

#[tokio::test]
async fn nothing_is_written_before_the_first_reconciliation_and_reductions_go_first() {
    let stage = Stage::new().await;
    let kept = stage.observe().await;
    let budgets = steerable(&kept);
    let up = stage.authorise(Stage::raise(&budgets[0]), agent()).await;
    let down = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    assert!(!stage.outbox.acting());
    let report = stage.run().await;
    assert!(stage.outbox.acting());
    assert_eq!(report.sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![down, up]);
    assert_eq!(stage.run().await.reconciled.confirmed, vec![down], "a confirmed reduction frees money for the next wave");
}

/// One write under one fault: how it ends after reading, whether it took effect, how many effects the platform logged.
async fn ends(kind: &str, state: DecisionState, took_effect: bool) {
    let stage = Stage::new().await;
    let kept = stage.observe().await;
    let budget = steerable(&kept)[0].clone();
    let change = Stage::raise(&budget);
    let Change::Budget { to, .. } = &change else { unreachable!("a raise is about a budget") };
    let id = stage.authorise(change.clone(), agent()).await;
    stage.fault(json!({ "kind": kind, "methods": "write", "count": 1 })).await;
    let report = stage.run().await;
    assert_eq!(report.sent.len(), 1, "{report:?}");
    for _ in 0..4 {
        stage.settle();
        assert!(stage.run().await.sent.is_empty(), "{kind}: sent again");
    }
    assert_eq!(stage.state(id).await, state, "{kind}");
    let now = amount(&stage.observe().await, &budget.budget.key);
    assert_eq!(now, if took_effect { *to } else { budget.amount }, "{kind}");
    let expected = match (took_effect, kind) {
        (true, "duplicate") => 2,
        (true, _) => 1,
        (false, _) => 0,
    };
    assert_eq!(stage.effects().await, expected, "{kind}");
    let dispatches: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.dispatches_of(&id).await }).await;
    assert_eq!(dispatches.expect("readable").len(), 1, "{kind}: one request, whatever came back");
}

#[tokio::test]
async fn a_write_without_an_answer_that_took_effect_is_found_by_reading_and_never_repeated() {
    ends("timeout", DecisionState::Applied, true).await;
    ends("reset_after", DecisionState::Applied, true).await;
}

#[tokio::test]
async fn a_write_without_an_answer_that_did_not_take_effect_fails_after_two_reads_and_is_never_repeated() {
    ends("reset_before", DecisionState::Failed, false).await;
    ends("http_500", DecisionState::Failed, false).await;
}

#[tokio::test]
async fn a_slow_answer_and_a_request_doubled_on_the_way_end_as_one_applied_change() {
    ends("slow", DecisionState::Applied, true).await;
    ends("duplicate", DecisionState::Applied, true).await;
}

#[tokio::test]
async fn an_unknown_write_is_not_failed_by_one_read_nor_within_the_window() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.fault(json!({ "kind": "reset_before", "methods": "write", "count": 1 })).await;
    assert!(matches!(stage.run().await.sent[0].1, Answer::Unknown(_)));
    for _ in 0..5 {
        stage.reconcile().await;
        assert_eq!(stage.state(id).await, DecisionState::Unknown, "within the window an old value means not visible yet");
    }
    stage.settle();
    stage.reconcile().await;
    assert_eq!(stage.state(id).await, DecisionState::Unknown, "one read is not enough");
    stage.reconcile().await;
    assert_eq!(stage.state(id).await, DecisionState::Failed);
}

#[tokio::test]
async fn a_read_that_is_behind_neither_fails_a_write_nor_looks_like_somebody_else() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    assert_eq!(stage.run().await.sent[0].1, Answer::Accepted);
    stage.settle();
    stage.fault(json!({ "kind": "stale_read", "methods": "read" })).await;
    let behind = stage.reconcile().await;
    assert_eq!((behind.applied.len(), behind.foreign.len()), (0, 0));
    stage.fault(json!({ "kind": "stale_read", "methods": "read", "count": 0 })).await;
    assert_eq!(stage.reconcile().await.applied, vec![id]);
    stage.fault(json!({ "kind": "stale_read", "methods": "read" })).await;
    stage.settle();
    assert_eq!(stage.reconcile().await, adjutant::execution::Reconciled::default(), "an old value of ours is not somebody else's");
    assert_eq!(stage.holds().await, 0);
}

#[tokio::test]
async fn a_refused_token_stops_the_account_and_asks_a_person() {
    let stage = Stage::new().await;
    let budgets = steerable(&stage.observe().await);
    let first = stage.authorise(Stage::cut(&budgets[0]), agent()).await;
    let second = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    stage.reconcile().await;
    stage.fault(json!({ "kind": "revoked_token", "methods": "write", "count": 1 })).await;
    let report = stage.run().await;
    assert!(matches!(report.sent[0], (id, Answer::Credentials(_)) if id == first));
    assert_eq!(report.sent.len(), 1, "after a refused token nothing else is tried");
    assert_eq!(stage.tickets().await, vec![TicketKind::CredentialTrouble]);
    assert!(stage.run().await.sent.is_empty());
    assert!(matches!(stage.state(second).await, DecisionState::Authorised { .. }));
    assert_eq!(stage.effects().await, 0);
}

#[tokio::test]
async fn a_value_the_platform_clipped_is_asked_about_and_never_fought() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.reconcile().await;
    stage.fault(json!({ "kind": "clip", "methods": "write", "count": 1 })).await;
    stage.run().await;
    let read = stage.reconcile().await;
    assert_eq!(read.escalated, vec![id]);
    assert_eq!(stage.state(id).await, DecisionState::Escalated);
    assert_eq!(stage.holds().await, 1);
    let tickets = stage.tickets().await;
    assert!(tickets.contains(&TicketKind::UnknownOutcome) && tickets.contains(&TicketKind::ChangedElsewhere), "{tickets:?}");
}

#[tokio::test]
async fn a_foreign_edit_opens_one_hold_and_one_ticket_and_is_never_overwritten() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let key = budget.budget.key.clone();
    stage.reconcile().await;
    let waiting = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.edit(&key, json!({ "budget": usd(77) })).await;
    let report = stage.run().await;
    assert_eq!(report.reconciled.foreign, vec![key.clone()]);
    assert!(report.sent.is_empty());
    assert_eq!(stage.state(waiting).await, DecisionState::Cancelled);
    assert_eq!((stage.holds().await, stage.tickets().await), (1, vec![TicketKind::ChangedElsewhere]));
    assert!(stage.reconcile().await.foreign.is_empty(), "it is told once");
    let meanwhile = Change::Budget { budget: budget.budget.clone(), from: usd(77), to: usd(80) };
    let meanwhile = stage.authorise(meanwhile, agent()).await;
    stage.run().await;
    assert_eq!(stage.state(meanwhile).await, DecisionState::Cancelled, "a hold stops our writes even where the value is as expected");
    assert_eq!(stage.effects().await, 0);
    stage.clock.advance(TimeDelta::hours(73));
    assert_eq!(stage.reconcile().await.released, vec![key.clone()]);
    assert_eq!(stage.holds().await, 0);
    assert!(stage.reconcile().await.foreign.is_empty(), "the person's value is the baseline now");
    let after = stage.authorise(Change::Budget { budget: budget.budget.clone(), from: usd(77), to: usd(80) }, agent()).await;
    assert_eq!(stage.run().await.sent.len(), 1);
    stage.reconcile().await;
    assert_eq!(stage.state(after).await, DecisionState::Applied);
    stage.edit(&key, json!({ "budget": usd(77) })).await;
    stage.clock.advance(TimeDelta::hours(25));
    assert_eq!(stage.reconcile().await.foreign, vec![key], "what was conceded once is not conceded for ever");
}

#[tokio::test]
async fn a_campaign_somebody_paused_is_held_and_not_started_again() {
    let stage = Stage::new().await;
    let campaign = running(&stage.observe().await);
    stage.reconcile().await;
    stage.edit(&campaign.key, json!({ "status": "paused" })).await;
    assert_eq!(stage.reconcile().await.foreign, vec![campaign.key.clone()]);
    let start = Change::Status { entity: campaign.key.clone(), from: RunStatus::Paused, to: RunStatus::Active };
    let start = stage.authorise(start, agent()).await;
    stage.run().await;
    assert_eq!(stage.state(start).await, DecisionState::Cancelled);
    assert_eq!(stage.effects().await, 0);
}

#[tokio::test]
async fn our_own_pause_of_a_campaign_is_applied_and_is_not_foreign_afterwards() {
    let stage = Stage::new().await;
    let campaign = running(&stage.observe().await);
    let stop = Change::Status { entity: campaign.key.clone(), from: RunStatus::Active, to: RunStatus::Paused };
    let stop = stage.authorise(stop, agent()).await;
    stage.run().await;
    assert_eq!(stage.reconcile().await.confirmed, vec![stop]);
    stage.clock.advance(TimeDelta::days(3));
    assert!(stage.reconcile().await.foreign.is_empty(), "long after, the value is still known to be ours");
}

#[tokio::test]
async fn a_decision_made_for_a_state_that_has_passed_is_not_sent() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let first = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.run().await;
    assert_eq!(stage.reconcile().await.applied, vec![first]);
    let outdated = stage.authorise(Stage::cut(&budget), agent()).await;
    stage.settle();
    let report = stage.run().await;
    assert!(report.sent.is_empty() && report.called_off.len() == 1, "{report:?}");
    assert_eq!(stage.state(outdated).await, DecisionState::Superseded);
}

#[tokio::test]
async fn only_one_write_of_an_entity_is_open_at_a_time() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let Change::Budget { to: first_to, .. } = Stage::raise(&budget) else { unreachable!("a raise is about a budget") };
    stage.authorise(Stage::raise(&budget), agent()).await;
    let next = Change::Budget { budget: budget.budget.clone(), from: first_to, to: usd(60) };
    let second = stage.authorise(next, Actor::Person { name: "ann".into() }).await;
    let report = stage.run().await;
    assert_eq!((report.sent.len(), report.waiting.len()), (1, 1));
    let report = stage.run().await;
    assert_eq!(report.sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![second], "its turn comes once the first is settled");
}

/// Restarts the outbox: what was in memory is gone, what was committed is not.
fn restarted(stage: &Stage) -> Outbox {
    Outbox::new(Arc::clone(&stage.gateway), stage.store.clone(), stage.clock.clone(), stage.ids.clone(), stage.gate.clone())
}

/// Records that a request is about to leave, as a process does that then dies before it can record an answer.
async fn claimed(stage: &Stage, id: DecisionId, change: &Change) -> WireRequest {
    let kept = stage.observe().await;
    let Change::Budget { budget, .. } = change else { unreachable!("budgets only") };
    let request = stage.gateway.prepare(change, kept.inventory.budgets.iter().find(|row| row.budget == *budget)).expect("a request");
    let when = stage.when();
    let dispatch = DispatchRow {
        id: stage.ids.next(when.at),
        shard: stage.lease.shard.clone(),
        account: account(),
        entity: change.entity().cloned(),
        purpose: Purpose::Ordinary,
        method: request.method.into(),
        url: request.url.clone(),
        body_hash: request.body_sha256.clone(),
        attempt: 1,
        poll: Some(kept.poll.id),
        node: stage.lease.node.clone(),
        lease_token: stage.lease.token,
        at: when.at,
        sent_wall: when.wall,
        deadline_wall: when.wall.after(SEND_DEADLINE),
        answered_wall: None,
        result: None,
        answer: None,
    };
    let deadline = stage.clock.instant() + SEND_DEADLINE;
    let claim =
        ClaimRequest { decision: id, dispatch: &dispatch, body: None, lease: &stage.lease, policy: &stage.policy, config_age: Duration::ZERO, deadline };
    let claim = ledger::claim(&stage.store, &claim, when).await.expect("recorded");
    assert!(matches!(claim, Claim::Go(_)), "{claim:?}");
    request
}

#[tokio::test]
async fn a_request_whose_sender_died_is_settled_by_reading_whether_it_left_or_not() {
    for left in [true, false] {
        let stage = Stage::new().await;
        let budget = steerable(&stage.observe().await)[0].clone();
        let change = Stage::raise(&budget);
        let id = stage.authorise(change.clone(), agent()).await;
        let request = claimed(&stage, id, &change).await;
        if left {
            stage.gateway.send(request, SEND_DEADLINE, Lane::Ordinary).await.expect("accepted");
        }
        let outbox = restarted(&stage);
        let kept = stage.observe().await;
        let report = outbox.run_once(&kept.read(), stage.held()).await.expect("run");
        assert_eq!(report.reconciled.unknown, vec![id]);
        assert!(report.sent.is_empty(), "what may have left is never sent again");
        for _ in 0..3 {
            stage.settle();
            let kept = stage.observe().await;
            assert!(outbox.run_once(&kept.read(), stage.held()).await.expect("run").sent.is_empty());
        }
        assert_eq!(stage.state(id).await, if left { DecisionState::Applied } else { DecisionState::Failed });
        assert_eq!(stage.effects().await, usize::from(left));
    }
}

#[tokio::test]
async fn a_refusal_for_too_many_calls_is_tried_again_after_the_wait_and_at_most_three_times() {
    let stage = Stage::on(Clock::time_lapse(START, 60, Clock::real().wall()), 24).await;
    let budgets = steerable(&stage.observe().await);
    let once = stage.authorise(Stage::cut(&budgets[0]), agent()).await;
    stage.fault(json!({ "kind": "http_429", "methods": "write", "count": 1 })).await;
    let mut waited = false;
    for _ in 0..200 {
        let report = stage.run().await;
        waited |= report.waiting.iter().any(|(_, waits)| *waits == Waits::Rest);
        if stage.state(once).await == DecisionState::Applied {
            break;
        }
        tokio::time::sleep(report.again_in.unwrap_or(Duration::from_millis(50)).min(Duration::from_millis(200))).await;
    }
    assert_eq!(stage.state(once).await, DecisionState::Applied, "waited: {waited}");
    assert_eq!(stage.effects().await, 1);
    stage.fault(json!({ "kind": "http_429", "methods": "write" })).await;
    let never = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    for _ in 0..400 {
        let report = stage.run().await;
        if stage.state(never).await == DecisionState::Failed {
            break;
        }
        tokio::time::sleep(report.again_in.unwrap_or(Duration::from_millis(50)).min(Duration::from_millis(200))).await;
    }
    assert_eq!(stage.state(never).await, DecisionState::Failed);
    let dispatches: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.dispatches_of(&never).await }).await;
    assert_eq!(dispatches.expect("readable").iter().map(|dispatch| dispatch.attempt).collect::<Vec<_>>(), vec![1, 2, 3]);
    assert_eq!(stage.effects().await, 1);
}

#[tokio::test]
async fn an_undo_restores_the_old_value_is_itself_a_decision_and_happens_once() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.run().await;
    stage.reconcile().await;
    let ask = async |id: DecisionId| {
        let kept = stage.observe().await;
        stage.store.read(|mut tx| async move { undo::of_decision(&mut tx, &id, "ann", &[&kept.inventory]).await }).await
    };
    let pin = ask(id).await.expect("nothing has changed since");
    let back = stage.authorise(pin.wish.change, pin.actor).await;
    assert!(matches!(ask(id).await, Err(UndoFailure::Refused(UndoError::AlreadyUndone { by, .. })) if by == back), "an undo is under way");
    stage.settle();
    stage.run().await;
    assert_eq!(stage.reconcile().await.applied, vec![back]);
    assert_eq!(amount(&stage.observe().await, &budget.budget.key), budget.amount);
    assert_eq!(stage.decision(back).await.undoes, Some(id));
    assert!(matches!(ask(id).await, Err(UndoFailure::Refused(UndoError::AlreadyUndone { .. }))));
    stage.edit(&budget.budget.key, json!({ "budget": usd(77) })).await;
    assert!(matches!(ask(back).await, Err(UndoFailure::Refused(UndoError::ChangedSince { .. }))), "what a person set since is not overwritten");
}

/// After a pause of `scope` has returned, no write of it arrives, whatever was on its way: 50 trials under load.
async fn silent(scope: Scope) {
    let stage = Arc::new(Stage::on(Clock::manual(START), 12).await);
    let pausing = Pausing::new(stage.gate.clone(), stage.store.clone(), stage.clock.clone());
    let kept = stage.observe().await;
    let home: BTreeMap<EntityKey, Money> = steerable(&kept).into_iter().map(|budget| (budget.budget.key.clone(), budget.amount)).collect();
    let scope = match scope {
        Scope::Campaign(_) => Scope::Campaign(steerable(&kept)[0].budget.members[0].clone()),
        other => other,
    };
    let mut arrived = 0;
    for trial in 0..50_u64 {
        stage.clock.advance(TimeDelta::hours(2));
        stage.fault(json!({ "kind": "slow", "methods": "write", "delay_ms": trial % 10 })).await;
        let kept = stage.observe().await;
        stage.outbox.reconcile(&kept.read(), stage.held()).await.expect("reconciled");
        for budget in steerable(&kept) {
            let home = home[&budget.budget.key];
            let to = if budget.amount == home { home.scale("0.9".parse().expect("a number"), Rounding::Down).expect("small") } else { home };
            let to = to.round_to(budget.unit, Rounding::Down).expect("one currency");
            stage.authorise(Change::Budget { budget: budget.budget.clone(), from: budget.amount, to }, agent()).await;
        }
        let earlier = stage.inside(&scope).await;
        let load = tokio::spawn({
            let stage = Arc::clone(&stage);
            async move {
                for _ in 0..2 {
                    stage.run().await;
                }
            }
        });
        // Half the pauses meet a batch that has begun, the others one that is about to.
        for _ in 0..if trial % 2 == 0 { 100 } else { trial % 20 } {
            if stage.inside(&scope).await > earlier {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pausing.pause(&scope, &By::Person("ann".into()), "a trial").await.expect("paused");
        let before = stage.inside(&scope).await;
        load.await.expect("no panic");
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert_eq!(stage.inside(&scope).await, before, "{scope}: a write arrived after the pause had returned, in trial {trial}");
        arrived += before - earlier;
        pausing.resume(&scope, &By::Person("ann".into()), "the trial is over").await.expect("resumed");
    }
    assert!(arrived > 10, "{scope}: only {arrived} writes arrived, so little was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_the_workspace_has_returned_no_write_arrives() {
    silent(Scope::Workspace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_an_account_has_returned_no_write_arrives() {
    silent(Scope::Account(account())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_a_pool_has_returned_no_write_arrives() {
    silent(Scope::Pool(pool())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_an_agent_has_returned_no_write_arrives() {
    silent(Scope::Agent("scale".parse().expect("a name"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_a_campaign_has_returned_no_write_of_it_arrives() {
    silent(Scope::Campaign("main:campaign:1".parse().expect("a key"))).await;
}

#[tokio::test]
async fn a_latch_holds_while_the_database_is_gone_and_is_stored_once_it_is_back() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.gate.close(&Scope::Workspace).await.expect("latched");
    let report = stage.run().await;
    assert!(matches!(report.waiting.as_slice(), [(waits, Waits::Paused(_))] if *waits == id), "{report:?}");
    let pausing = Pausing::new(stage.gate.clone(), stage.store.clone(), stage.clock.clone());
    pausing.follow().await.expect("stored");
    let flag: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.scope(&Scope::Workspace).await }).await;
    assert!(flag.expect("readable").is_some_and(|row| row.paused));
    pausing.resume(&Scope::Workspace, &By::Person("ann".into()), "fixed").await.expect("resumed");
    assert_eq!(stage.state(id).await, DecisionState::Superseded, "what was authorised before a pause is not carried out after it");
    assert_eq!(stage.log().await.len(), 0);
}
