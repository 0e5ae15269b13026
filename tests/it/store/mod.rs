//! The store on both engines.

mod engine;
mod ledger;
mod rows;

use adjutant::clock::{ProductTime, WallTime};
use adjutant::domain::change::{ActionKind, Direction};
use adjutant::domain::entity::{Budget, BudgetRef, EntityKey};
use adjutant::domain::ids::{AccountId, IdGen, NodeId, PollId, PoolId, ShardId};
use adjutant::domain::money::{Currency, Money};
use adjutant::store::budget::Delivering;
use adjutant::store::decision::NewDecision;
use adjutant::store::poll_fact::{NewPoll, PollRow};
use adjutant::store::step::Moment;
use adjutant::store::{Store, StoreError};

fn shard() -> ShardId {
    "core".parse().expect("a name")
}

fn account() -> AccountId {
    "meta-main".parse().expect("a name")
}

fn pool() -> PoolId {
    "core".parse().expect("a name")
}

fn node(name: &str) -> NodeId {
    name.parse().expect("a name")
}

fn campaign(id: u32) -> EntityKey {
    EntityKey::campaign(account(), id.to_string())
}

fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("a small amount")
}

fn moment(ms: i64) -> Moment {
    Moment { at: ProductTime::from_ms(ms), wall: WallTime::from_ms(ms + 5) }
}

/// A growth decision of an agent on a budget.
fn raise(ids: &IdGen, budget: u32, from: Money, to: Money, at: i64) -> NewDecision {
    NewDecision {
        id: ids.next(ProductTime::from_ms(at)),
        shard: shard(),
        pool: Some(pool()),
        round: None,
        change_set: None,
        account: account(),
        entity: Some(campaign(budget)),
        actor_kind: "agent".into(),
        actor: "scale".into(),
        action: ActionKind::RaiseBudget,
        direction: Direction::Growth,
        undoes: None,
        moves: Some((from, to)),
        stake: Some(usd(7)),
        policy_hash: "p".into(),
        when: moment(at),
        body: format!("{{\"why\":\"because {at}\"}}"),
    }
}

async fn open_core(store: &Store) {
    let opened: Result<bool, StoreError> = store.write(|mut tx| async move { tx.open_shard(&shard(), "{}", ProductTime::from_ms(0)).await }).await;
    assert!(opened.expect("a shard opens"));
}

async fn poll(store: &Store, ids: &IdGen, at: i64) -> PollRow {
    let (id, at): (PollId, _) = (ids.next(ProductTime::from_ms(at)), ProductTime::from_ms(at));
    let wall = WallTime::from_ms(at.ms());
    let new = NewPoll { id, account: account(), kind: "full".into(), at, started_wall: wall, finished_wall: wall, outcome: "ok".into(), error: None };
    let new = &new;
    store.write(|mut tx| async move { tx.insert_poll(new).await }).await.expect("a poll is stored")
}

async fn see(store: &Store, budget: u32, amount: Money, poll: &PollRow) {
    let key = campaign(budget);
    let seen = Budget {
        budget: BudgetRef { members: vec![key.clone()], key },
        resource: budget.to_string(),
        amount,
        unit: Currency::USD.minor_unit(),
        minimum: usd(1),
        read_only: None,
    };
    let (seen, pool) = (&seen, &pool());
    let stored: Result<(), StoreError> = store.write(|mut tx| async move { tx.see_budget(seen, Some(pool), Delivering::Yes, &poll.id, poll.at).await }).await;
    stored.expect("a budget is stored");
}
