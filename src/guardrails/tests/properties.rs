//! What holds for any world and any settlement.

use proptest::prelude::*;

use super::judged;
use super::world::{IDS, World, agent, approval, budget_ref, key, pause, person, settled, start, usd};
use crate::domain::books::BudgetBook;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, Learning, ReadOnly, RunStatus};
use crate::domain::money::{Currency, Money};
use crate::domain::proposal::{Settled, Wave};
use crate::domain::scope::Scope;
use crate::domain::verdict::Ruling;
use crate::guardrails::bounds;

const BUDGETS: usize = 6;

fn name(at: usize) -> String {
    format!("{}/{}", ["goog", "meta"][at / IDS.len()], IDS[at % IDS.len()])
}

fn cents(cents: i64) -> Money {
    Money::from_micros(cents * 10_000, Currency::USD)
}

fn committed(book: &BudgetBook) -> i64 {
    book.live.micros().max(book.open_target.map_or(0, Money::micros))
}

/// Brings the books' sums into line with the budgets.
fn add_up(world: &mut World) {
    let sum = world.books.budgets.values().map(committed).sum();
    world.books.committed.values_mut().for_each(|committed| *committed = Money::from_micros(sum, Currency::USD));
}

type BudgetDice = ((i64, bool, Option<i64>, i64), (Option<i64>, Option<i64>, usize, i64, u8));

fn budget_dice() -> impl Strategy<Value = BudgetDice> {
    let money = (2_000..20_000_i64, prop::bool::weighted(0.85), prop::option::weighted(0.2, 0..25_000_i64), 85..=125_i64);
    let rest = (prop::option::weighted(0.3, 0..150_i64), prop::option::weighted(0.2, 0..60_i64), 0..3_usize, 100..4_000_i64, 0..40_u8);
    (money, rest)
}

fn worlds() -> impl Strategy<Value = World> {
    let rest = (-2_000..9_000_i64, -50_000..400_000_i64, -10_000..10_000_i64, -10_000..20_000_i64, 0..30_000_i64, 0..60_u8);
    (prop::collection::vec(budget_dice(), BUDGETS), rest).prop_map(|(dice, (cap, month, account_net, workspace_net, staked, trouble))| {
        let mut world = World::new();
        world.books.account_rise.values_mut().for_each(|rise| rise.net = cents(account_net));
        world.books.workspace_rise.values_mut().for_each(|rise| rise.net = cents(workspace_net));
        world.books.staked.values_mut().for_each(|sum| *sum = cents(staked));
        match trouble {
            0 => world.account("meta").spend_at = None,
            1 => world.account("goog").conversions_at = None,
            2 => world.config_age = std::time::Duration::from_secs(31),
            3 => drop(world.books.paused.insert(Scope::Account(key("meta/1").account)).then_some(())),
            4 => drop(world.books.reducing.insert(Scope::Workspace).then_some(())),
            5 => drop(world.books.paused.insert(Scope::Agent("eff".parse().expect("a name"))).then_some(())),
            6..15 => world.books.resumed.push((Scope::Workspace, world.now - chrono::TimeDelta::hours(i64::from(trouble) * 4))),
            15.. => {}
        }
        for (at, dice) in dice.into_iter().enumerate() {
            bend_budget(&mut world, &name(at), dice);
        }
        add_up(&mut world);
        // Caps lie near what is committed, so that they bind often.
        let sum = world.books.budgets.values().map(committed).sum::<i64>() / 10_000;
        let ahead = exposure(&world) / 10_000;
        world.policy.pools.values_mut().for_each(|pool| (pool.daily_cap, pool.monthly_cap) = (cents(sum + cap), cents(100_000 + ahead + month)));
        world
    })
}

fn overshoot_pct(key: &EntityKey) -> i64 {
    if key.account.as_str() == "goog" { 200 } else { 175 }
}

/// What the rest of the month may cost as things stand: the world lives on the 10th of a month of 31 days.
fn exposure(world: &World) -> i64 {
    world.books.budgets.iter().map(|(key, book)| committed(book) / 100 * overshoot_pct(key)).sum::<i64>() * 22
}

fn bend_budget(world: &mut World, name: &str, ((accepted, runs, open, day_ago_pct), (grown, cut, unit, minimum, trouble)): BudgetDice) {
    let now = world.now;
    let ago = |hours: Option<i64>| hours.map(|hours| now - chrono::TimeDelta::hours(hours));
    let unit = [1, 100, 500][unit];
    let accepted = cents(accepted / unit * unit);
    let book = world.book(name);
    book.accepted = accepted;
    book.live = if runs { accepted } else { usd("0") };
    book.open_target = open.map(cents);
    book.day_ago = cents(accepted.micros() / 10_000 * day_ago_pct / 100);
    (book.grown_at, book.cut_at) = (ago(grown), ago(cut));
    let budget = world.budget(name);
    (budget.amount, budget.unit, budget.minimum) = (accepted, cents(unit), cents(minimum));
    if !runs {
        world.campaign(name).status = RunStatus::Paused;
    }
    match trouble {
        0 => drop(world.books.held.insert(key(name)).then_some(())),
        1 => drop(world.books.unresolved.insert(key(name)).then_some(())),
        2 => drop(world.books.paused.insert(Scope::Campaign(key(name))).then_some(())),
        3 => world.campaign(name).learning = Learning::Active { conversions: None, since: None },
        4 => world.budget(name).read_only = Some(ReadOnly::Lifetime),
        5 => {
            world.budget(name).amount = cents(12_345);
            world.book(name).live = if runs { cents(12_345) } else { usd("0") };
        }
        6 => world.figures(name, |_, metrics| metrics.spend = usd("0.01")),
        7 => world.book(name).edits_1h = 3,
        8.. => {}
    }
}

type WishDice = (u8, usize, i64, u8, bool);

fn wish(world: &World, (who, at, pct, what, funded): WishDice) -> Settled {
    let name = name(at);
    let actor = match who {
        0..4 => agent("scale"),
        4..8 => agent("eff"),
        8 => person(),
        9.. => approval(&["LARGE_STEP", "RISE_24H_BUDGET", "RISE_24H_ACCOUNT", "RISE_24H_WORKSPACE"]),
    };
    let wish = match what {
        0 => pause(actor, &name),
        1 => start(actor, &name),
        2.. => {
            let from = world.view.budgets().find(|(_, budget)| budget.budget.key == key(&name)).map_or(usd("1"), |(_, budget)| budget.amount);
            let to = cents(from.micros() / 10_000 * pct / 100);
            settled(actor, Change::Budget { budget: budget_ref(&name), from, to })
        }
    };
    Settled { wave: if funded { Wave::Funded } else { Wave::First }, ..wish }
}

fn wishes() -> impl Strategy<Value = Vec<WishDice>> {
    prop::collection::vec((0..10_u8, 0..BUDGETS, 50..200_i64, 0..12_u8, prop::bool::weighted(0.1)), 0..14)
}

fn settle(world: &World, wishes: &[WishDice]) -> Vec<Settled> {
    wishes.iter().map(|dice| wish(world, *dice)).collect()
}

/// What each budget may cost once everything cleared has been recorded, and how much that lifts it.
fn lifts(world: &World, cleared: &[Settled]) -> Vec<(EntityKey, i64)> {
    let target = |key: &EntityKey, book: &BudgetBook| {
        let asked = cleared.iter().filter_map(|settled| match &settled.wish.change {
            Change::Budget { budget, to, .. } if budget.key == *key && settled.wish.change.direction() == Direction::Growth => Some(to.micros()),
            Change::Status { entity, to: RunStatus::Active, .. } if entity == key => Some(book.accepted.micros()),
            _ => None,
        });
        asked.max().unwrap_or(0)
    };
    world.books.budgets.iter().map(|(key, book)| (key.clone(), (target(key, book) - committed(book)).max(0))).collect()
}

fn cleared(world: &World, settlement: Vec<Settled>) -> Vec<Settled> {
    judged(world, settlement).cleared().iter().map(|ruled| ruled.settled().clone()).collect()
}

fn is_agents(settled: &Settled) -> bool {
    settled.actor.agent().is_some()
}

fn grows(settled: &Settled) -> bool {
    settled.wish.change.direction() == Direction::Growth
}

/// The hard rules, spelt out once more without the guard's own code.
fn assert_nothing_forbidden(world: &World, cleared: &[Settled]) -> Result<(), TestCaseError> {
    let (books, pool) = (&world.books, world.policy.pools.values().next().expect("one pool"));
    let lifts = lifts(world, cleared);
    if cleared.iter().any(grows) {
        let total = books.budgets.values().map(committed).sum::<i64>() + lifts.iter().map(|(_, lift)| lift).sum::<i64>();
        prop_assert!(total <= pool.daily_cap.micros(), "I3: {total} above the cap");
        let ahead = exposure(world) + lifts.iter().map(|(key, lift)| lift / 100 * overshoot_pct(key)).sum::<i64>() * 22;
        prop_assert!(usd("1000").micros() + ahead <= pool.monthly_cap.micros(), "the month's cap");
    }
    for account in ["goog", "meta"] {
        if cleared.iter().any(|settled| is_agents(settled) && grows(settled) && settled.wish.change.account().as_str() == account) {
            let rise = books.account_rise[&account.parse().expect("a name")];
            let lifted: i64 = lifts.iter().filter(|(key, _)| key.account.as_str() == account).map(|(_, lift)| lift).sum();
            prop_assert!(rise.net.micros() + lifted <= rise.base.micros() / 100 * 30, "the account's 24 h");
        }
    }
    for settled in cleared {
        let change = &settled.wish.change;
        let entity = change.entity().expect("every change here has one");
        let stops = matches!(change, Change::Status { to: RunStatus::Paused, .. });
        let book = &books.budgets[entity];
        if !stops {
            prop_assert!(!books.held.contains(entity) && !books.unresolved.contains(entity));
            prop_assert!(!books.paused.contains(&Scope::Campaign(entity.clone())) && !books.paused.contains(&Scope::Account(entity.account.clone())));
            prop_assert!(!grows(settled) || books.reducing.is_empty());
        }
        if let Change::Budget { to, from, .. } = change {
            let (_, budget) = world.view.budgets().find(|(_, budget)| budget.budget.key == *entity).expect("a budget");
            prop_assert_eq!(budget.amount, *from);
            prop_assert!(to.micros() >= budget.minimum.micros() && to.micros() % budget.unit.micros() == 0);
            prop_assert_eq!(budget.read_only, None);
            if is_agents(settled) {
                let step = book.accepted.micros() / 5;
                prop_assert!((to.micros() - book.accepted.micros()).abs() <= step, "the 20 % step");
                prop_assert!(!grows(settled) || to.micros() <= book.day_ago.micros() / 100 * 120, "the budget's 24 h");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn i4_nothing_cleared_breaks_a_hard_rule_of_the_state_it_was_judged_on(world in worlds(), wishes in wishes()) {
        assert_nothing_forbidden(&world, &cleared(&world, settle(&world, &wishes)))?;
    }

    #[test]
    fn i3_committed_money_never_exceeds_the_cap_over_any_sequence_of_settlements(
        world in worlds(), rounds in prop::collection::vec((wishes(), any::<bool>()), 1..6)
    ) {
        let mut world = world;
        let cap = world.policy.pools.values().next().expect("one pool").daily_cap.micros();
        for (wishes, confirmed) in rounds {
            let before: i64 = world.books.budgets.values().map(committed).sum();
            for settled in cleared(&world, settle(&world, &wishes)) {
                let entity = settled.wish.change.entity().expect("an entity").to_string();
                let (account, id) = entity.split_once(":campaign:").expect("a campaign");
                let name = format!("{account}/{id}");
                let raises = grows(&settled);
                match settled.wish.change {
                    Change::Budget { to, .. } if confirmed => {
                        world.budget(&name).amount = to;
                        let book = world.book(&name);
                        book.accepted = to;
                        book.live = if book.live.is_zero() { book.live } else { to };
                    }
                    Change::Budget { .. } if !raises => {}
                    Change::Budget { to, .. } => {
                        let book = world.book(&name);
                        book.open_target = Some(book.open_target.map_or(to, |open| open.larger(to).expect("one currency")));
                    }
                    Change::Status { to, .. } => {
                        world.campaign(&name).status = to;
                        let book = world.book(&name);
                        book.live = if to == RunStatus::Active { book.accepted } else { usd("0") };
                    }
                    other => prop_assert!(false, "not asked for: {other:?}"),
                }
            }
            add_up(&mut world);
            let after: i64 = world.books.budgets.values().map(committed).sum();
            prop_assert!(after <= cap.max(before), "{before} -> {after} above {cap}");
        }
    }

    #[test]
    fn a_batch_never_gets_more_than_its_changes_would_one_by_one(world in worlds(), wishes in wishes()) {
        for settled in cleared(&world, settle(&world, &wishes)) {
            prop_assert_eq!(cleared(&world, vec![settled.clone()]), vec![settled]);
        }
    }

    #[test]
    fn the_guard_never_clears_an_agents_amount_outside_the_bounds(world in worlds(), wishes in wishes()) {
        let bounds = bounds(&world.situation());
        for settled in cleared(&world, settle(&world, &wishes)).into_iter().filter(is_agents) {
            let Change::Budget { budget, to, .. } = settled.wish.change else { continue };
            let bound = bounds.iter().find(|bound| bound.budget == budget.key).expect("every budget has bounds");
            prop_assert!(bound.lo.micros() <= to.micros() && to.micros() <= bound.hi.micros(), "{to} outside {bound:?}");
        }
    }

    #[test]
    fn inside_the_bounds_nothing_is_clamped_and_only_totals_and_people_say_no(world in worlds(), share in 0..=100_i64) {
        for bound in bounds(&world.situation()) {
            prop_assert!(bound.lo.micros() <= bound.now.micros() && bound.now.micros() <= bound.hi.micros());
            let to = bound.lo.micros() + (bound.hi.micros() - bound.lo.micros()) / 100 * share;
            let to = Money::from_micros(to - to.rem_euclid(bound.unit.micros()), Currency::USD);
            if to.micros() < bound.lo.micros() || to == bound.now {
                continue;
            }
            let budget = world.view.budgets().find(|(_, budget)| budget.budget.key == bound.budget).expect("a budget").1;
            let speaks = if world.books.paused.contains(&Scope::Agent("eff".parse().expect("a name"))) { "scale" } else { "eff" };
            let settled = settled(agent(speaks), Change::Budget { budget: budget.budget.clone(), from: budget.amount, to });
            let judged = judged(&world, vec![settled.clone()]);
            prop_assert!(judged.left_alone().is_empty(), "{:?}", judged.left_alone());
            for ruled in judged.cleared() {
                prop_assert_eq!(ruled.settled(), &settled);
            }
            for ruled in judged.denied() {
                let totals = ["POOL_CAP", "MONTH_CAP"];
                prop_assert!(ruled.verdicts().iter().all(|verdict| verdict.ruling != Ruling::Deny || totals.contains(&verdict.rule.as_ref())));
            }
        }
    }

    #[test]
    fn i10_what_is_missing_never_loosens_anything(world in worlds(), wishes in wishes(), missing in 0..11_u8, at in 0..BUDGETS) {
        let mut poorer = world.clone();
        match missing {
            0 => drop(poorer.books.budgets.remove(&key(&name(at)))),
            1 => poorer.books.committed.clear(),
            2 => poorer.books.month_spent.clear(),
            3 => poorer.books.account_rise.clear(),
            4 => poorer.books.workspace_rise.clear(),
            5 => poorer.books.staked.clear(),
            6 => poorer.view.accounts.truncate(1),
            7 => poorer.account("meta").conversions_at = None,
            8 => poorer.account("meta").maturity.clear(),
            9 => poorer.policy.accounts.clear(),
            10.. => poorer.policy.pools.clear(),
        }
        for settled in settle(&world, &wishes) {
            let then = cleared(&poorer, vec![settled.clone()]);
            let before = cleared(&world, vec![settled]);
            prop_assert!(then.is_empty() || then == before, "{then:?} although {before:?}");
            let whole_pool = matches!(missing, 1..=4 | 9 | 10);
            prop_assert!(!whole_pool || !then.iter().any(grows), "growth without {missing}");
        }
    }
}
