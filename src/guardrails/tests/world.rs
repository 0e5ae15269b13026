//! A small, healthy world that each test bends: one pool, two accounts of three campaigns, two agents that agree with everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;

use crate::clock::ProductTime;
use crate::domain::books::{Books, BudgetBook, Rise};
use crate::domain::change::Change;
use crate::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use crate::domain::ids::{DecisionId, PollId, TicketId};
use crate::domain::metrics::Metrics;
use crate::domain::money::{Currency, Money};
use crate::domain::policy::{AccountPolicy, AgentPolicy, ApprovalPolicy, Guardrails, Members, Policy, PoolPolicy};
use crate::domain::proposal::{Actor, AgentKind, Autonomy, Evidence, Settled, Wave, Wish};
use crate::domain::view::{AccountView, PoolView, Tracking};
use crate::guardrails::Situation;

pub(super) const ACCOUNTS: [(&str, Platform); 2] = [("goog", Platform::Google), ("meta", Platform::Meta)];
pub(super) const IDS: [&str; 3] = ["1", "2", "3"];

pub(super) fn usd(text: &str) -> Money {
    format!("{text} USD").parse().expect("a literal amount")
}

pub(super) fn key(text: &str) -> EntityKey {
    let (account, id) = text.split_once('/').expect("account/id");
    EntityKey::campaign(account.parse().expect("a name"), id)
}

pub(super) fn budget_ref(text: &str) -> BudgetRef {
    BudgetRef { key: key(text), members: vec![key(text)] }
}

/// How a test bends the world.
pub(super) type Bend = fn(&mut World);

#[derive(Clone, Debug)]
pub(super) struct World {
    pub policy: Policy,
    pub view: PoolView,
    pub books: Books,
    pub now: ProductTime,
    pub config_age: Duration,
}

impl World {
    pub fn new() -> Self {
        let now = ProductTime::from("2026-03-10T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time"));
        let view = PoolView {
            pool: "main".parse().expect("a name"),
            currency: Currency::USD,
            time_zone: chrono_tz::UTC,
            daily_cap: usd("10000"),
            accounts: ACCOUNTS.iter().map(|(name, platform)| Arc::new(account(name, *platform, now))).collect(),
            members: ACCOUNTS.iter().flat_map(|(name, _)| IDS.map(|id| key(&format!("{name}/{id}")))).collect(),
        };
        Self { policy: policy(), books: books(now, &view), view, now, config_age: Duration::from_secs(1) }
    }

    pub fn bent(bend: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::new();
        bend(&mut world);
        world
    }

    pub fn situation(&self) -> Situation<'_> {
        Situation { policy: &self.policy, view: &self.view, books: &self.books, now: self.now, config_age: self.config_age, age_floor: TimeDelta::zero() }
    }

    pub fn account(&mut self, name: &str) -> &mut AccountView {
        Arc::make_mut(self.view.accounts.iter_mut().find(|view| view.account.as_str() == name).expect("an account"))
    }

    pub fn campaign(&mut self, text: &str) -> &mut Campaign {
        let key = key(text);
        self.account(key.account.as_str()).campaigns.iter_mut().find(|campaign| campaign.key == key).expect("a campaign")
    }

    pub fn budget(&mut self, text: &str) -> &mut Budget {
        let key = key(text);
        self.account(key.account.as_str()).budgets.iter_mut().find(|budget| budget.budget.key == key).expect("a budget")
    }

    pub fn book(&mut self, text: &str) -> &mut BudgetBook {
        self.books.budgets.get_mut(&key(text)).expect("a book")
    }

    pub fn agents(&mut self, bend: impl Fn(&mut AgentPolicy)) {
        self.policy.agents.values_mut().for_each(bend);
    }

    pub fn limits(&mut self, bend: impl Fn(&mut Guardrails)) {
        bend(&mut self.policy.workspace);
        self.policy.agents.values_mut().for_each(|agent| bend(&mut agent.guardrails));
    }

    /// Every figure of one campaign on one day counted from the last.
    pub fn figures(&mut self, text: &str, bend: impl Fn(usize, &mut Metrics)) {
        let key = key(text);
        let view = self.account(key.account.as_str());
        let (at, width) = (view.position(&key).expect("a campaign"), view.days.len());
        view.figures[at * width..(at + 1) * width].iter_mut().enumerate().for_each(|(day, metrics)| bend(day, metrics));
    }

    /// Stops a campaign on platform and in the books.
    pub fn stop(&mut self, text: &str) {
        self.campaign(text).status = RunStatus::Paused;
        let before = self.book(text).live;
        self.book(text).live = usd("0");
        self.add_cost(text, usd("0").checked_sub(before).expect("small sums"));
    }

    /// Keeps the sums of the books in step with a budget's cost.
    pub fn add_cost(&mut self, text: &str, by: Money) {
        let account = key(text).account;
        let add = |sum: &mut Money| *sum = sum.checked_add(by).expect("small sums");
        self.books.committed.values_mut().for_each(add);
        add(&mut self.books.account_rise.get_mut(&account).expect("a rise").net);
        self.books.workspace_rise.values_mut().for_each(|rise| add(&mut rise.net));
    }
}

fn policy() -> Policy {
    let agent = |kind, goal: &str| AgentPolicy {
        kind,
        pool: "main".parse().expect("a name"),
        members: None,
        goal: goal.parse().expect("a goal"),
        priority: Decimal::new(5, 1),
        autonomy: Autonomy::Autonomous,
        guardrails: Guardrails::default(),
    };
    let account = |platform| AccountPolicy { platform, id: "1".to_owned(), currency: Currency::USD, time_zone: chrono_tz::UTC, accepted: true, sandbox: true };
    Policy {
        workspace: Guardrails::default(),
        agents: BTreeMap::from([
            ("eff".parse().expect("a name"), agent(AgentKind::Efficiency, "cpa <= 40 USD")),
            ("scale".parse().expect("a name"), agent(AgentKind::Scale, "spend -> 10000 USD/day while cpa <= 50 USD")),
        ]),
        accounts: ACCOUNTS.iter().map(|(name, platform)| (name.parse().expect("a name"), account(*platform))).collect(),
        pools: BTreeMap::from([(
            "main".parse().expect("a name"),
            PoolPolicy {
                members: Members { accounts: ACCOUNTS.iter().map(|(name, _)| name.parse().expect("a name")).collect(), name: "*".to_owned() },
                time_zone: chrono_tz::UTC,
                daily_cap: usd("10000"),
                monthly_cap: usd("600000"),
            },
        )]),
        calendar: Vec::new(),
        approvals: ApprovalPolicy { critical_h: 4, other_h: 24, time_zone: chrono_tz::UTC },
        tokens: BTreeMap::new(),
    }
}

fn account(name: &str, platform: Platform, now: ProductTime) -> AccountView {
    let last = now.date_in(chrono_tz::UTC);
    let days: Vec<NaiveDate> = (0..35).map(|back| last - TimeDelta::days(34 - back)).collect();
    let day = Metrics { spend: usd("100"), impressions: 10_000, clicks: 100, conversions_milli: 4_000, revenue: usd("400") };
    let of = |id: &str| budget_ref(&format!("{name}/{id}"));
    AccountView {
        account: name.parse().expect("a name"),
        platform,
        currency: Currency::USD,
        time_zone: chrono_tz::UTC,
        sandbox: true,
        poll: PollId::from(ulid::Ulid::from_parts(1, 1)),
        at: now,
        spend_at: Some(now),
        conversions_at: Some(now),
        campaigns: IDS
            .iter()
            .map(|id| Campaign {
                key: of(id).key,
                name: format!("campaign {id}"),
                status: RunStatus::Active,
                serving: true,
                disapproved: false,
                objective: Objective::Conversions,
                special_categories: Some(Vec::new()),
                learning: Learning::Done,
                budget: of(id),
                created: None,
            })
            .collect(),
        budgets: IDS
            .iter()
            .map(|id| Budget { budget: of(id), resource: (*id).to_owned(), amount: usd("100"), unit: usd("0.01"), minimum: usd("5"), read_only: None })
            .collect(),
        // Half of the running day is over.
        figures: (0..days.len() * IDS.len())
            .map(|at| if (at + 1) % days.len() == 0 { Metrics { spend: usd("50"), ..day.clone() } } else { day.clone() })
            .collect(),
        maturity: vec![1.0; days.len()],
        days,
        gaps: Vec::new(),
        tracking: Tracking::Healthy,
        frozen: None,
        measurement: None,
    }
}

fn books(now: ProductTime, view: &PoolView) -> Books {
    let mut books = Books::blank(now);
    let book = |key: &EntityKey| BudgetBook {
        pool: view.pool.clone(),
        members: vec![key.clone()],
        accepted: usd("100"),
        live: usd("100"),
        open_target: None,
        day_ago: usd("100"),
        grown_at: None,
        cut_at: None,
        significant_at: None,
        edits_1h: 0,
    };
    books.budgets = view.members.iter().map(|key| (key.clone(), book(key))).collect();
    let rise = |base: &str| Rise { base: usd(base), net: usd("0") };
    books.account_rise = view.accounts.iter().map(|account| (account.account.clone(), rise("300"))).collect();
    books.workspace_rise = BTreeMap::from([("USD".to_owned(), rise("600"))]);
    books.committed = BTreeMap::from([(view.pool.clone(), usd("600"))]);
    books.month_spent = BTreeMap::from([(view.pool.clone(), usd("1000"))]);
    books.staked = ["eff", "scale"].map(|agent| (agent.parse().expect("a name"), usd("0"))).into();
    books
}

pub(super) fn agent(name: &str) -> Actor {
    Actor::Agent { agent: name.parse().expect("a name") }
}

pub(super) fn person() -> Actor {
    Actor::Person { name: "ann".to_owned() }
}

pub(super) fn approval(waives: &[&str]) -> Actor {
    Actor::Approval {
        ticket: TicketId::from(ulid::Ulid::from_parts(1, 2)),
        by: "bob".to_owned(),
        waives: waives.iter().map(|code| (*code).to_owned()).collect(),
        decision: DecisionId::from(ulid::Ulid::from_parts(1, 3)),
    }
}

pub(super) fn undo() -> Actor {
    Actor::Undo { of: DecisionId::from(ulid::Ulid::from_parts(1, 3)), by: "ann".to_owned() }
}

pub(super) fn settled(actor: Actor, change: Change) -> Settled {
    Settled {
        actor,
        wish: Wish { change, reason: "because".to_owned(), evidence: Evidence::default(), prediction: None, confidence: 0.9, cost_if_wrong: usd("1") },
        alternatives: Vec::new(),
        dissent: Vec::new(),
        wave: Wave::First,
        change_set: None,
    }
}

/// A budget change from the 100.00 USD every budget of the world has.
pub(super) fn set(actor: Actor, text: &str, to: &str) -> Settled {
    set_from(actor, text, "100", to)
}

pub(super) fn set_from(actor: Actor, text: &str, from: &str, to: &str) -> Settled {
    settled(actor, Change::Budget { budget: budget_ref(text), from: usd(from), to: usd(to) })
}

pub(super) fn pause(actor: Actor, text: &str) -> Settled {
    settled(actor, Change::Status { entity: key(text), from: RunStatus::Active, to: RunStatus::Paused })
}

pub(super) fn start(actor: Actor, text: &str) -> Settled {
    settled(actor, Change::Status { entity: key(text), from: RunStatus::Paused, to: RunStatus::Active })
}
