//! The ledger and the tickets on both engines, through the guardrails, as the cycle and execution use them.

mod audit;
mod claims;
mod interleaving;
mod rounds;
mod tickets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adjutant::clock::{Clock, ProductTime, WallTime};
use adjutant::domain::books::Books;
use adjutant::domain::change::Change;
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use adjutant::domain::ids::{AccountId, AgentId, DecisionId, IdGen, NodeId, PollId, PoolId, ShardId};
use adjutant::domain::money::{Currency, Money};
use adjutant::domain::outcome::{PredictedMetric, Prediction};
use adjutant::domain::policy::{AccountPolicy, AgentPolicy, ApprovalPolicy, Guardrails, Members, Policy, PoolPolicy};
use adjutant::domain::proposal::{Actor, AgentKind, Autonomy, Evidence, Pin, Settled, Wave, Wish};
use adjutant::domain::ticket::Role;
use adjutant::domain::view::{AccountView, PoolView, Tracking};
use adjutant::guardrails::{Judged, Situation, check_waiting};
use adjutant::ledger::{self, Claim, ClaimRequest, LedgerError, Receipt, RoundHeader, WaitingPolicy};
use adjutant::store::budget::Delivering;
use adjutant::store::decision::DecisionRow;
use adjutant::store::dispatch::{DispatchRow, Purpose};
use adjutant::store::lease::Lease;
use adjutant::store::poll_fact::NewPoll;
use adjutant::store::step::Moment;
use adjutant::store::{Store, StoreError};
use adjutant::tickets::Person;
use rust_decimal::Decimal;
use serde_json::json;

/// Monday, 5 January 2026, nine o'clock UTC.
const MONDAY: ProductTime = ProductTime::from_ms(1_767_603_600_000);

fn account() -> AccountId {
    "meta-main".parse().expect("a name")
}

fn pool() -> PoolId {
    "core".parse().expect("a name")
}

fn shard() -> ShardId {
    "core".parse().expect("a name")
}

fn agent() -> AgentId {
    "scale".parse().expect("a name")
}

fn campaign(id: u32) -> EntityKey {
    EntityKey::campaign(account(), id.to_string())
}

fn budget(id: u32) -> BudgetRef {
    BudgetRef { key: campaign(id), members: vec![campaign(id)] }
}

fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("a small amount")
}

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), role: Role::Approver }
}

/// Guardrails that leave caps and flags as what can stand in the way.
fn wide() -> Guardrails {
    let much = Decimal::from(100_000);
    Guardrails {
        ask_step_pct: much,
        ask_amount: much,
        budget_rise_pct: much,
        account_rise_pct: much,
        workspace_rise_pct: much,
        four_eyes_above: much,
        ..Guardrails::default()
    }
}

fn policy(workspace: Guardrails, cap: i64) -> Policy {
    let speaks = AgentPolicy {
        kind: AgentKind::Scale,
        pool: pool(),
        members: None,
        goal: "cpa <= 50 USD".parse().expect("a goal"),
        priority: Decimal::ONE,
        autonomy: Autonomy::Autonomous,
        guardrails: workspace.clone(),
    };
    let known =
        AccountPolicy { platform: Platform::Meta, id: "1".to_owned(), currency: Currency::USD, time_zone: chrono_tz::Tz::UTC, accepted: true, sandbox: true };
    let members = Members { accounts: vec![account()], name: "*".to_owned() };
    let capped = PoolPolicy { members, time_zone: chrono_tz::Tz::UTC, daily_cap: usd(cap), monthly_cap: usd(cap * 1_000) };
    Policy {
        workspace,
        agents: BTreeMap::from([(agent(), speaks)]),
        accounts: BTreeMap::from([(account(), known)]),
        pools: BTreeMap::from([(pool(), capped)]),
        calendar: Vec::new(),
        approvals: ApprovalPolicy { critical_h: 4, other_h: 27, time_zone: chrono_tz::Tz::UTC },
        tokens: BTreeMap::new(),
    }
}

/// A workspace of one pool on one account.
struct Desk {
    store: Store,
    ids: IdGen,
    clock: Clock,
    policy: Policy,
    lease: Lease,
    poll: PollId,
}

impl Desk {
    /// Budgets 1, 2, … with these amounts, all delivering.
    async fn open(store: &Store, policy: Policy, amounts: &[i64]) -> Self {
        let (ids, clock) = (IdGen::seeded(7), Clock::manual(MONDAY));
        let wall = clock.wall();
        let new = NewPoll {
            id: ids.next(MONDAY),
            account: account(),
            kind: "full".into(),
            at: MONDAY,
            started_wall: wall,
            finished_wall: wall,
            outcome: "ok".into(),
            error: None,
        };
        let (seen, text, hash) = (&new, &serde_json::to_string(&policy).expect("plain"), &policy.hash());
        let lease = store
            .write(|mut tx| async move {
                tx.open_shard(&shard(), "{}", MONDAY).await?;
                tx.enact_policy(hash, MONDAY, "test", text).await?;
                let poll = tx.insert_poll(seen).await?;
                for (id, amount) in (1..).zip(amounts) {
                    let unit = Money::from_micros(10_000, Currency::USD);
                    let read = Budget { budget: budget(id), resource: id.to_string(), amount: usd(*amount), unit, minimum: usd(1), read_only: None };
                    tx.see_budget(&read, Some(&pool()), Delivering::Yes, &poll.id, MONDAY).await?;
                }
                let node: NodeId = "one".parse().expect("a name");
                Ok::<_, StoreError>(tx.acquire_lease(&shard(), &node, Duration::from_secs(600)).await?.expect("nobody holds it"))
            })
            .await
            .expect("a fresh desk");
        Self { store: store.clone(), ids, clock, policy, lease, poll: new.id }
    }

    fn now(&self) -> Moment {
        Moment { at: self.clock.now(), wall: self.clock.wall() }
    }

    async fn books(&self) -> Books {
        let at = self.clock.now();
        self.store.read(|mut tx| async move { ledger::books(&mut tx, &self.policy, at).await }).await.expect("books")
    }

    async fn view(&self) -> PoolView {
        let rows = self.store.read(|mut tx| async move { tx.budgets_of_account(&account()).await }).await.expect("budgets");
        let campaigns: Vec<Campaign> = rows
            .iter()
            .map(|row| Campaign {
                key: row.budget.budget.key.clone(),
                name: "campaign".into(),
                status: if row.delivering { RunStatus::Active } else { RunStatus::Paused },
                serving: row.delivering,
                disapproved: false,
                objective: Objective::Conversions,
                special_categories: Some(Vec::new()),
                learning: Learning::Done,
                budget: row.budget.budget.clone(),
                created: None,
            })
            .collect();
        let account = AccountView {
            account: account(),
            platform: Platform::Meta,
            currency: Currency::USD,
            time_zone: chrono_tz::Tz::UTC,
            sandbox: true,
            poll: self.poll,
            at: self.clock.now(),
            spend_at: Some(self.clock.now()),
            conversions_at: Some(self.clock.now()),
            campaigns,
            budgets: rows.iter().map(|row| row.budget.clone()).collect(),
            days: Vec::new(),
            figures: Vec::new(),
            maturity: Vec::new(),
            gaps: Vec::new(),
            tracking: Tracking::Healthy,
            frozen: None,
            measurement: None,
        };
        PoolView {
            pool: pool(),
            currency: Currency::USD,
            time_zone: chrono_tz::Tz::UTC,
            daily_cap: self.policy.pools[&pool()].daily_cap,
            members: rows.iter().map(|row| row.budget.budget.key.clone()).collect(),
            accounts: vec![Arc::new(account)],
        }
    }

    /// What the guardrails make of these changes on what is known now.
    async fn judge(&self, changes: Vec<Settled>) -> Judged {
        let (books, view) = (self.books().await, self.view().await);
        let now = self.clock.now();
        let situation = Situation { policy: &self.policy, view: &view, books: &books, now, config_age: Duration::ZERO, age_floor: chrono::TimeDelta::zero() };
        check_waiting(changes, &situation)
    }

    async fn header(&self) -> RoundHeader {
        RoundHeader {
            id: self.ids.next(self.clock.now()),
            pool: pool(),
            shard: shard(),
            now: self.clock.now(),
            started_wall: self.clock.wall(),
            reason: "test".into(),
            policy: self.policy.clone(),
            polls: BTreeMap::from([(account(), self.poll)]),
            books: self.books().await,
            pins: Vec::new(),
            beliefs: json!({}),
            view_hash: "view".into(),
            seed: 1,
            engine: "test".into(),
            node: self.lease.node.clone(),
            waiting: WaitingPolicy::Keep,
            notes: json!({}),
        }
    }

    async fn record(&self, judged: Judged) -> Result<Receipt, LedgerError> {
        ledger::record(&self.store, &self.ids, &self.clock, &self.lease, &self.header().await, judged).await
    }

    /// One round about these changes.
    async fn round(&self, changes: Vec<Settled>) -> Receipt {
        self.record(self.judge(changes).await).await.expect("a round is recorded")
    }

    /// One round about one change; the decision's id and where it stands.
    async fn decide(&self, change: Settled) -> (DecisionId, DecisionState) {
        let receipt = self.round(vec![change]).await;
        let only = receipt.decisions.first().unwrap_or_else(|| panic!("nothing was decided: {:?}", receipt.left_alone));
        (only.id(), only.state())
    }

    async fn carry_out(&self, pin: Pin) -> Receipt {
        self.round(vec![Settled {
            actor: pin.actor,
            wish: pin.wish,
            alternatives: Vec::new(),
            dissent: Vec::new(),
            wave: Wave::First,
            change_set: pin.change_set,
        }])
        .await
    }

    fn request(&self, decision: DecisionId) -> DispatchRow {
        let now = self.now();
        DispatchRow {
            id: self.ids.next(now.at),
            shard: shard(),
            account: account(),
            entity: None,
            purpose: Purpose::Ordinary,
            method: "POST".into(),
            url: "https://platform.example/1".into(),
            body_hash: ledger::chain::body_hash(decision.to_string().as_bytes()),
            attempt: 1,
            poll: Some(self.poll),
            node: self.lease.node.clone(),
            lease_token: self.lease.token,
            at: now.at,
            sent_wall: now.wall,
            deadline_wall: WallTime::from_ms(now.wall.ms() + 2_000),
            answered_wall: None,
            result: None,
            answer: None,
        }
    }

    async fn claim(&self, decision: DecisionId) -> Result<Claim, LedgerError> {
        self.claim_under(&self.lease, &self.policy, decision).await
    }

    async fn claim_under(&self, lease: &Lease, policy: &Policy, decision: DecisionId) -> Result<Claim, LedgerError> {
        let dispatch = self.request(decision);
        let deadline = self.clock.instant() + Duration::from_secs(2);
        let view = &self.view().await.accounts[0];
        let (config_age, age_floor) = (Duration::ZERO, chrono::TimeDelta::zero());
        let request = ClaimRequest { decision, dispatch: &dispatch, body: None, lease, policy, view, config_age, age_floor, deadline };
        ledger::claim(&self.store, &request, self.now()).await
    }

    async fn applied(&self, decision: DecisionId) -> DecisionState {
        let when = self.now();
        let (ids, decision) = (&self.ids, &decision);
        self.store.write(|mut tx| async move { ledger::applied(&mut tx, ids, decision, &json!({}), when).await }).await.expect("applied")
    }

    /// From wish to effect.
    async fn enact(&self, change: Settled) -> DecisionId {
        let (id, state) = self.decide(change).await;
        assert_eq!(state.name(), "authorised");
        assert!(matches!(self.claim(id).await.expect("a claim"), Claim::Go(_)));
        self.applied(id).await;
        id
    }

    async fn decision(&self, id: DecisionId) -> DecisionRow {
        let id = &id;
        self.store.read(|mut tx| async move { tx.decision(id).await }).await.expect("readable").expect("stored")
    }
}

fn wish(change: Change, stake: i64) -> Wish {
    let prediction = Prediction {
        metric: PredictedMetric::Conversions,
        horizon_days: 7,
        mean: 10.0,
        low: 5.0,
        high: 15.0,
        without: 8.0,
        direction: 0.8,
        planned_daily: 120.0,
    };
    let (reason, evidence) = ("it pays".to_owned(), Evidence::default());
    Wish { change, reason, evidence, prediction: Some(prediction), confidence: 0.8, cost_if_wrong: usd(stake) }
}

fn settled(actor: Actor, change: Change) -> Settled {
    Settled { actor, wish: wish(change, 5), alternatives: vec!["nothing".into()], dissent: Vec::new(), wave: Wave::First, change_set: None }
}

/// Ann sets a budget.
fn set(id: u32, from: i64, to: i64) -> Settled {
    settled(Actor::Person { name: "ann".into() }, Change::Budget { budget: budget(id), from: usd(from), to: usd(to) })
}

/// Ann sets a status.
fn status(id: u32, from: RunStatus, to: RunStatus) -> Settled {
    settled(Actor::Person { name: "ann".into() }, Change::Status { entity: campaign(id), from, to })
}
