//! Many tasks at once, in any order: the pool's cap holds on the platform itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use adjutant::domain::money::MICROS;
use adjutant::tickets::{self, Approved};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::on_both_engines;

const BUDGETS: u32 = 5;
const CAP: i64 = 560;

/// What really stands on the platform, whatever the ledger knows.
struct Platform(Mutex<BTreeMap<EntityKey, i64>>);

impl Platform {
    fn set(&self, key: &EntityKey, to: Money) {
        let mut budgets = self.0.lock().expect("no panic inside");
        budgets.insert(key.clone(), to.micros());
        let sum: i64 = budgets.values().sum();
        assert!(sum <= CAP * MICROS, "the platform may spend {} of {CAP}", sum / MICROS);
    }
}

struct Tally {
    sent: AtomicUsize,
    approved: AtomicUsize,
    denied: AtomicUsize,
}

async fn propose(desk: &Desk, dice: &mut StdRng, tally: &Tally) {
    let id = dice.random_range(1..=BUDGETS);
    let row = desk.store.read(|mut tx| async move { tx.budget(&campaign(id)).await }).await.expect("readable").expect("stored");
    let from = row.budget.amount.micros() / MICROS;
    let to = (from * dice.random_range(60..=170) / 100).max(1);
    if to == from {
        return;
    }
    let judged = desk.judge(vec![set(id, from, to)]).await;
    let receipt = desk.record(judged).await.expect("a round is recorded");
    tally.denied.fetch_add(receipt.decisions.iter().filter(|decision| decision.state().name() == "denied").count(), Ordering::Relaxed);
}

async fn answer(desk: &Desk, who: &Person, tally: &Tally) {
    let open = desk.store.read(|mut tx| async move { tx.open_tickets().await }).await.expect("readable");
    let Some(ticket) = open.first() else { return };
    let (ids, policy, when) = (&desk.ids, &desk.policy, desk.now());
    let approved =
        desk.store.write(|mut tx| async move { tickets::approve(&mut tx, ids, policy, &ticket.id, who, (&ticket.bound_hash, "fine"), when).await }).await;
    // Somebody else may have been faster, or the ticket may say something else by now.
    if let Ok(Approved::Pinned(pin)) = approved {
        tally.approved.fetch_add(1, Ordering::Relaxed);
        desk.carry_out(*pin).await;
    }
}

async fn in_state(desk: &Desk, state: &'static str, dice: &mut StdRng) -> Option<DecisionRow> {
    let mut rows = desk.store.read(|mut tx| async move { tx.decisions_in_state(&account(), state).await }).await.expect("readable");
    let at = (!rows.is_empty()).then(|| dice.random_range(0..rows.len()))?;
    Some(rows.swap_remove(at))
}

async fn send(desk: &Desk, dice: &mut StdRng, platform: &Platform, tally: &Tally) {
    let Some(row) = in_state(desk, "authorised", dice).await else { return };
    let Claim::Go(claimed) = desk.claim(row.id).await.expect("an answer") else { return };
    tally.sent.fetch_add(1, Ordering::Relaxed);
    let Change::Budget { budget, to, .. } = claimed.change() else { panic!("only budgets are set here") };
    let (id, when, fate) = (&claimed.decision(), desk.now(), dice.random_range(0..10));
    let moved = match fate {
        // Executed and confirmed.
        0..=4 => {
            platform.set(&budget.key, *to);
            let ids = &desk.ids;
            desk.store.write(|mut tx| async move { ledger::applied(&mut tx, ids, id, &json!({}), when).await }).await
        }
        // Not sent at all.
        5 => desk.store.write(|mut tx| async move { ledger::not_executed(&mut tx, id, &json!({}), when, None).await }).await,
        // Executed, and nobody knows.
        6 | 7 => {
            platform.set(&budget.key, *to);
            desk.store.write(|mut tx| async move { ledger::unknown(&mut tx, id, &json!({}), when, None).await }).await
        }
        // Executed, and the process died before it could write that down.
        _ => {
            platform.set(&budget.key, *to);
            return;
        }
    };
    if let Err(error) = moved {
        let state = desk.decision(*id).await.state;
        assert_eq!(state.name(), "applied", "only a reader that saw the effect may be faster: {error}");
    }
}

/// Settles an open write by what stands there.
async fn read_back(desk: &Desk, dice: &mut StdRng, platform: &Platform) {
    let state = if dice.random_bool(0.5) { "unknown" } else { "dispatched" };
    let Some(row) = in_state(desk, state, dice).await else { return };
    let body = ledger::DecisionBody::of(&row).expect("readable");
    let Change::Budget { budget, to, .. } = body.change() else { panic!("only budgets are set here") };
    if platform.0.lock().expect("no panic inside").get(&budget.key) != Some(&to.micros()) {
        return;
    }
    let (ids, id, when) = (&desk.ids, &row.id, desk.now());
    // Another reader may have settled it in between.
    let _ = desk.store.write(|mut tx| async move { ledger::applied(&mut tx, ids, id, &json!({}), when).await }).await;
}

on_both_engines! {
    async fn i3_no_interleaving_of_rounds_approvals_claims_and_lost_answers_commits_more_than_the_cap(bench) {
        let asks = Guardrails { ask_step_pct: Decimal::from(40), ..wide() };
        let desk = &Desk::open(&bench.store, policy(asks, CAP), &[100; BUDGETS as usize]).await;
        let platform = &Platform(Mutex::new((1..=BUDGETS).map(|id| (campaign(id), 100 * MICROS)).collect()));
        let tally = &Tally { sent: AtomicUsize::new(0), approved: AtomicUsize::new(0), denied: AtomicUsize::new(0) };
        let people = &["ann", "bob"].map(person);
        let tasks = (0..6_u64).map(|task| async move {
            let mut dice = StdRng::seed_from_u64(task);
            for _ in 0..35 {
                match dice.random_range(0..10) {
                    0..=3 => propose(desk, &mut dice, tally).await,
                    4 => answer(desk, &people[dice.random_range(0..2)], tally).await,
                    5..=7 => send(desk, &mut dice, platform, tally).await,
                    _ => read_back(desk, &mut dice, platform).await,
                }
                let committed = desk.books().await.committed[&pool()];
                assert!(committed.micros() <= CAP * MICROS, "committed {committed} of {CAP}");
            }
        });
        futures::future::join_all(tasks).await;
        let counts = (tally.sent.load(Ordering::Relaxed), tally.approved.load(Ordering::Relaxed), tally.denied.load(Ordering::Relaxed));
        assert!(counts.0 > 10 && counts.1 > 0 && counts.2 > 0, "too little happened to prove anything: {counts:?}");
        let report = ledger::audit::verify(&desk.store).await.expect("readable");
        assert!(report.is_clean(), "{:?}", report.faults);
    }
}
