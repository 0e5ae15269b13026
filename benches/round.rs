//! What a round costs: the pure stages over a synthetic pool of 24 and of 2,000 campaigns under the shipped policy, one deciding transaction, and how
//! fast a chain verifies. `cargo bench --bench round` prints the table; the database lies in the system's temporary folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adjutant::agents::{self, AgentInput};
use adjutant::clock::{Clock, ClockMode, ProductTime};
use adjutant::config::{Config, Process};
use adjutant::cycle::{Circumstances, Question, RoundKind, Stage};
use adjutant::domain::books::{Books, BudgetBook, Rise};
use adjutant::domain::entity::{Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, RunStatus};
use adjutant::domain::ids::{PollId, ShardId};
use adjutant::domain::metrics::Metrics;
use adjutant::domain::money::{Currency, Money};
use adjutant::domain::policy::Policy;
use adjutant::domain::proposal::{Proposal, Round};
use adjutant::domain::view::{AccountView, PoolView, Tracking, VIEW_DAYS};
use adjutant::guardrails::{Judged, Situation, bounds};
use adjutant::learning::{self, Maturity};
use adjutant::ledger::{LedgerError, audit};
use adjutant::store::step::Moment;
use adjutant::store::{Durability, Store, StoreError};
use chrono::{Days, TimeDelta};

/// Most runs of one thing, and how long they may take together before the fewest will do.
const RUNS: usize = 15;
const FEWEST: usize = 3;
const PATIENCE: Duration = Duration::from_secs(3);
const CHAIN: i64 = 20_000;
const WRITES: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let clock = Clock::real();
    println!("{:<44} {:>12} {:>12}", "what", "median", "slowest");
    for campaigns in [24, 2_000] {
        round(&clock, campaigns);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    database(&clock, folder.path()).await;
}

/// Median and slowest run, and what the last one gave. The first run warms up and does not count.
fn timed<T>(clock: &Clock, what: &str, mut work: impl FnMut() -> T) -> T {
    let mut last = work();
    let mut took: Vec<Duration> = Vec::with_capacity(RUNS);
    while took.len() < FEWEST || (took.len() < RUNS && took.iter().sum::<Duration>() < PATIENCE) {
        let began = clock.instant();
        last = work();
        took.push(clock.instant().duration_since(began));
    }
    print(what, &mut took);
    last
}

fn print(what: &str, took: &mut [Duration]) {
    took.sort();
    println!("{what:<44} {:>12} {:>12}", format!("{:.1?}", took[took.len() / 2]), format!("{:.1?}", took[took.len() - 1]));
}

fn round(clock: &Clock, campaigns: usize) {
    let world = World::of(campaigns);
    let stage = world.stage();
    let name = |what: &str| format!("{campaigns} campaigns: {what}");
    timed(clock, &name("curves"), || learning::curves(&stage.view, &stage.books, |day| stage.policy.demand(day), stage.now));
    let situation = Situation {
        policy: &world.policy,
        view: &stage.view,
        books: &stage.books,
        now: stage.now,
        config_age: Duration::from_secs(1),
        age_floor: TimeDelta::zero(),
    };
    timed(clock, &name("bounds"), || bounds(&situation));
    let prepared = stage.prepare();
    let question = stage.question(&prepared, Round::Allocation);
    let proposals = timed(clock, &name("two agents propose"), || propose(&world.policy, &question));
    timed(clock, &name("arbitrate and guard"), || stage.judge(&prepared, proposals.clone()).expect("sums of one currency"));
    let judged: Judged = timed(clock, &name("the whole pure round"), || {
        let prepared = stage.prepare();
        stage.judge(&prepared, propose(&world.policy, &stage.question(&prepared, Round::Allocation))).expect("sums of one currency")
    });
    let (cleared, asked, denied, alone) = (judged.cleared().len(), judged.escalated().len(), judged.denied().len(), judged.left_alone().len());
    println!("{:<44} {cleared} cleared, {asked} asked, {denied} denied, {} waiting, {alone} left alone", "", judged.waiting().len());
}

fn propose(policy: &Policy, question: &Question) -> Vec<Proposal> {
    let ask = |(id, policy)| {
        agents::propose(&AgentInput {
            id,
            policy,
            view: &question.view,
            curves: &question.curves,
            books: &question.books,
            bounds: &question.bounds,
            volatile: question.volatile,
            round: question.round,
            now: question.now,
        })
    };
    policy.agents.iter().map(ask).collect()
}

/// A pool whose campaigns bring different things for their money, every one of them old enough to be judged.
struct World {
    policy: Policy,
    view: PoolView,
    books: Books,
    now: ProductTime,
}

fn usd(units: usize) -> Money {
    format!("{units} USD").parse().expect("a literal amount")
}

impl World {
    fn of(campaigns: usize) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("agents.toml");
        let mut policy = Config::load(&file, &Process).expect("the shipped configuration is valid").policy();
        let (pool, cap) = (policy.pools.keys().next().expect("it has a pool").clone(), usd(campaigns * 250));
        for settings in policy.pools.values_mut() {
            (settings.daily_cap, settings.monthly_cap) = (cap, usd(campaigns * 250 * 70));
        }
        if let Some(scale) = policy.agents.get_mut(&"scale".parse().expect("a name")) {
            scale.goal = format!("spend -> {} USD/day while cpa <= 30 USD", campaigns * 250).parse().expect("a goal");
        }
        let now = ProductTime::from("2026-03-10T08:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time"));
        let accounts: Vec<Arc<AccountView>> =
            policy.accounts.keys().enumerate().map(|(at, name)| Arc::new(account(&policy, name.as_str(), campaigns, at, now))).collect();
        let mut books = Books::blank(now);
        let mut committed = usd(0);
        for view in &accounts {
            let sum = view.budgets.iter().try_fold(usd(0), |sum, budget| sum.checked_add(budget.amount)).expect("small sums");
            committed = committed.checked_add(sum).expect("small sums");
            books.account_rise.insert(view.account.clone(), Rise { base: sum, net: usd(0) });
            books.budgets.extend(view.budgets.iter().map(|budget| {
                let amount = budget.amount;
                let members = budget.budget.members.clone();
                let (grown_at, cut_at, significant_at) = (None, None, None);
                let book = BudgetBook {
                    pool: pool.clone(),
                    members,
                    accepted: amount,
                    live: amount,
                    open_target: None,
                    day_ago: amount,
                    grown_at,
                    cut_at,
                    significant_at,
                    edits_1h: 0,
                };
                (budget.budget.key.clone(), book)
            }));
        }
        books.workspace_rise.insert("USD".to_owned(), Rise { base: committed, net: usd(0) });
        books.committed.insert(pool.clone(), committed);
        books.month_spent.insert(pool.clone(), usd(0));
        books.staked = policy.agents.keys().map(|agent| (agent.clone(), usd(0))).collect();
        let members: Vec<EntityKey> = books.budgets.keys().cloned().collect();
        let view = PoolView { pool, currency: Currency::USD, time_zone: chrono_tz::UTC, daily_cap: cap, accounts, members };
        Self { policy, view, books, now }
    }

    fn stage(&self) -> Stage<'_> {
        let circumstances = Circumstances {
            kind: RoundKind::Agents(Round::Allocation),
            config_age_ms: 1_000,
            age_floor_ms: 0,
            abstained: BTreeMap::new(),
            members: self.view.members.clone(),
            figures_at: BTreeMap::new(),
            waiting: Vec::new(),
        };
        Stage { policy: &self.policy, view: self.view.clone(), books: self.books.clone(), pins: Vec::new(), now: self.now, circumstances }
    }
}

fn account(policy: &Policy, name: &str, campaigns: usize, at: usize, now: ProductTime) -> AccountView {
    let settings = &policy.accounts[&name.parse().expect("a name")];
    let (accounts, last) = (policy.accounts.len(), now.date_in(settings.time_zone));
    let mine: Vec<usize> = (0..campaigns).filter(|number| number % accounts == at).collect();
    let key = |number: &usize| EntityKey::campaign(name.parse().expect("a name"), format!("{number:06}"));
    let own = |number: &usize| BudgetRef { key: key(number), members: vec![key(number)] };
    let amount = |number: &usize| 100 + number % 7 * 20;
    let shares = Maturity::default();
    let maturity: Vec<f64> = (0..VIEW_DAYS).map(|day| shares.share(settings.platform, VIEW_DAYS - 1 - day)).collect();
    let figures = mine.iter().flat_map(|number| {
        let spend = amount(number);
        let conversions = 3 + i64::try_from(number % 11).expect("a small number");
        maturity.iter().enumerate().map(move |(day, share)| {
            let conversions_milli = ((conversions * 1_000 + i64::try_from(day % 5).expect("a small number") * 150) as f64 * share) as i64;
            let clicks = i64::try_from(spend).expect("a small number");
            let revenue = Money::from_micros(conversions_milli * 60_000, Currency::USD);
            Metrics { spend: usd(spend), impressions: clicks * 100, clicks, conversions_milli, revenue }
        })
    });
    AccountView {
        account: name.parse().expect("a name"),
        platform: settings.platform,
        currency: Currency::USD,
        time_zone: settings.time_zone,
        sandbox: true,
        poll: PollId::from(ulid::Ulid::from_parts(1, 1)),
        at: now,
        spend_at: Some(now),
        conversions_at: Some(now),
        campaigns: mine
            .iter()
            .map(|number| Campaign {
                key: key(number),
                name: format!("campaign {number}"),
                status: RunStatus::Active,
                serving: true,
                disapproved: false,
                objective: Objective::Conversions,
                special_categories: Some(Vec::new()),
                learning: Learning::Done,
                budget: own(number),
                created: None,
            })
            .collect(),
        budgets: mine
            .iter()
            .map(|number| Budget {
                budget: own(number),
                resource: number.to_string(),
                amount: usd(amount(number)),
                unit: Currency::USD.minor_unit(),
                minimum: usd(5),
                read_only: None,
            })
            .collect(),
        days: (0..VIEW_DAYS).map(|day| last - Days::new(u64::try_from(VIEW_DAYS - 1 - day).expect("a small number"))).collect(),
        figures: figures.collect(),
        maturity,
        gaps: Vec::new(),
        tracking: Tracking::Healthy,
        frozen: None,
        measurement: None,
    }
}

async fn database(clock: &Clock, folder: &Path) {
    let url = format!("sqlite:{}", folder.join("bench.db").display());
    let store = Store::open(&url, ClockMode::Real, Durability::Required).await.expect("a fresh database opens");
    let shard: &ShardId = &"shard-bench".parse().expect("a name");
    let when = Moment { at: clock.now(), wall: clock.wall() };
    store.write(|mut tx| async move { tx.open_shard(shard, "{}", when.at).await }).await.map_err(|error: StoreError| error).expect("a shard opens");
    let none = (&BTreeSet::new(), &BTreeSet::new());
    let mut took = Vec::with_capacity(WRITES);
    for number in 0..WRITES {
        let began = clock.instant();
        let body = &format!("{{\"write\":{number}}}");
        let wrote = store.write(|mut tx| async move {
            tx.bump(none.0, none.1).await?;
            tx.append_step(shard, "bench", None, when, body).await?;
            Ok::<_, StoreError>(())
        });
        wrote.await.expect("a step is kept");
        took.push(clock.instant().duration_since(began));
    }
    print("one deciding transaction (SQLite, FULL)", &mut took);
    let filled = store.write(|mut tx| async move {
        for number in 0..CHAIN {
            tx.append_step(
                shard,
                "bench",
                None,
                when,
                &format!("{{\"number\":{number},\"text\":\"as long as the step of a decision usually is, with its detail\"}}"),
            )
            .await?;
        }
        Ok::<_, StoreError>(())
    });
    filled.await.expect("the chain grows");
    let began = clock.instant();
    let report = audit::verify(&store).await.map_err(|error: LedgerError| error).expect("the chain reads");
    let took = clock.instant().duration_since(began);
    assert!(report.is_clean(), "{:?}", report.faults);
    let rate = report.entries as f64 / took.as_secs_f64();
    println!("{:<44} {:>12} {:>12}", "verify a chain", format!("{took:.1?}"), format!("{rate:.0} rows/s"));
    store.close().await;
}
