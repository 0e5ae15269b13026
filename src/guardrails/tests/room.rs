//! Bounds say beforehand what the guard stage says afterwards.

use super::judged;
use super::world::{Bend, World, agent, key, set_from, usd};
use crate::domain::entity::{Learning, ReadOnly};
use crate::domain::scope::Scope;
use crate::domain::verdict::Bounds;
use crate::guardrails::bounds;

fn of(world: &World, text: &str) -> Bounds {
    bounds(&world.situation()).into_iter().find(|bounds| bounds.budget == key(text)).expect("every budget has bounds")
}

#[test]
fn a_healthy_budget_may_move_one_step_either_way() {
    let bounds = of(&World::new(), "meta/1");
    assert_eq!((bounds.lo, bounds.now, bounds.hi), (usd("80"), usd("100"), usd("120")));
}

#[test]
fn the_nearest_limit_sets_the_end_and_is_named() {
    let world = World::bent(|w| {
        w.book("meta/1").day_ago = usd("95");
        w.budget("meta/1").minimum = usd("90");
        w.budget("meta/1").unit = usd("5");
    });
    let bounds = of(&world, "meta/1");
    assert_eq!((bounds.lo, bounds.hi), (usd("90"), usd("110")));
    assert_eq!(bounds.set_by, ["RISE_24H_BUDGET", "PLATFORM_MINIMUM"]);
}

#[test]
fn growth_waits_while_cuts_go_on() {
    let world = World::bent(|w| w.book("meta/1").grown_at = Some(w.now - chrono::TimeDelta::hours(30)));
    let bounds = of(&world, "meta/1");
    assert_eq!((bounds.lo, bounds.hi), (usd("80"), usd("100")));
    assert!(bounds.set_by.contains(&"COOLDOWN".to_owned()));
}

#[test]
fn what_must_not_move_is_pinned_with_the_reason() {
    let bends: [(Bend, &str); 8] = [
        (
            |w| {
                w.books.held.insert(key("meta/1"));
            },
            "HOLD",
        ),
        (
            |w| {
                w.books.paused.insert(Scope::Account(key("meta/1").account));
            },
            "PAUSED",
        ),
        (|w| w.budget("meta/1").read_only = Some(ReadOnly::MemberOutsidePool), "READ_ONLY"),
        (|w| w.account("meta").spend_at = None, "STALE_SPEND"),
        (|w| w.campaign("meta/1").learning = Learning::Active { conversions: None, since: None }, "LEARNING"),
        (
            |w| {
                w.books.budgets.remove(&key("meta/1"));
            },
            "UNEVALUABLE",
        ),
        (|w| w.budget("meta/1").amount = usd("130"), "EXPECTATION"),
        (|w| w.books.terminated.extend(["eff", "scale"].map(|agent| agent.parse().expect("a name"))), "PAUSED"),
    ];
    for (bend, code) in bends {
        let bounds = of(&World::bent(bend), "meta/1");
        assert_eq!((bounds.lo, bounds.hi), (bounds.now, bounds.now), "{code}");
        assert!(bounds.set_by.contains(&code.to_owned()), "{code}: {:?}", bounds.set_by);
    }
}

#[test]
fn the_ends_of_the_bounds_pass_unclamped_and_one_unit_beyond_does_not() {
    let world = World::bent(|w| w.books.resumed.push((Scope::Workspace, w.now - chrono::TimeDelta::hours(2))));
    let Bounds { lo, hi, unit, .. } = of(&world, "meta/1");
    for (to, clamped) in [(lo, false), (hi, false), (lo.checked_sub(unit).expect("above 0"), true), (hi.checked_add(unit).expect("small"), true)] {
        let mut change = set_from(agent("scale"), "meta/1", "100", "100");
        let crate::domain::change::Change::Budget { to: wanted, .. } = &mut change.wish.change else { panic!("a budget change") };
        *wanted = to;
        let judged = judged(&world, vec![change.clone()]);
        assert_eq!(judged.cleared()[0].settled().wish.change != change.wish.change, clamped, "{to}");
    }
}

#[test]
fn a_cut_ends_at_what_the_platform_still_takes_today() {
    let spent = |account: &'static str| {
        let text = format!("{account}/1");
        let world = World::bent(|w| w.figures(&text, |_, metrics| metrics.spend = usd("84")));
        of(&world, &text)
    };
    // 84.00 spent, and two half hours of the day's average on the way.
    let meta = spent("meta");
    assert_eq!((meta.lo, meta.hi), (usd("88.17"), usd("120")));
    assert!(meta.set_by.contains(&"SPENT_TODAY".to_owned()), "{:?}", meta.set_by);
    assert_eq!(spent("goog").lo, usd("80"), "Google takes any amount");
}
