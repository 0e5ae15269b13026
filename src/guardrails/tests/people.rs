//! What holds for people, approvals and undo.

use rust_decimal::Decimal;

use super::fate;
use super::world::{Bend, World, agent, approval, key, pause, person, set, start, undo, usd};
use crate::domain::change::{Change, Part};
use crate::domain::entity::{EntityKey, Learning, Level, ReadOnly, RunStatus};
use crate::domain::policy::{CalendarEffect, CalendarEvent};
use crate::domain::scope::Scope;
use crate::domain::ticket::{Eyes, Severity, TicketKind};
use crate::domain::view::{Frozen, Tracking};

/// Everything that can be wrong at once, but what makes a pause impossible.
fn storm(world: &mut World) {
    let today = world.now.date_in(chrono_tz::UTC);
    world.policy.calendar.push(CalendarEvent { name: "freeze".to_owned(), from: today, to: today, effect: CalendarEffect::Freeze });
    world.books.paused.insert(Scope::Workspace);
    world.books.reducing.insert(Scope::Workspace);
    world.books.held.insert(key("meta/1"));
    world.books.unresolved.insert(key("meta/1"));
    world.books.open_entities.insert(key("meta/1"));
    world.books.budgets.clear();
    world.books.committed.clear();
    world.config_age = std::time::Duration::from_secs(9_999);
    let view = world.account("meta");
    (view.spend_at, view.conversions_at) = (None, None);
    view.tracking = Tracking::Broken { reported: 0.0, expected: 9.0 };
    view.frozen = Some(Frozen::NotInGoodStanding);
    world.campaign("meta/1").learning = Learning::Active { conversions: None, since: None };
    world.policy.accounts.values_mut().for_each(|account| account.accepted = false);
    world.limits(|g| (g.allow, g.min_active_campaigns) = (Vec::new(), 99));
}

#[test]
fn a_persons_stop_of_delivery_goes_through_whatever_else_is_wrong() {
    assert_eq!(fate(&World::bent(storm), pause(person(), "meta/1")), ("cleared", vec![]));
    let ad_group = EntityKey { level: Level::AdGroup, ..key("meta/77") };
    let change = Change::Status { entity: ad_group, from: RunStatus::Active, to: RunStatus::Paused };
    assert_eq!(fate(&World::bent(storm), super::world::settled(person(), change)), ("cleared", vec![]));
}

#[test]
fn what_has_ended_cannot_even_be_stopped() {
    let world = World::bent(|w| w.campaign("meta/1").status = RunStatus::Ended);
    assert_eq!(fate(&world, pause(person(), "meta/1")), ("denied", vec!["READ_ONLY".to_owned()]));
    assert_eq!(fate(&World::new(), pause(person(), "meta/99")), ("denied", vec!["READ_ONLY".to_owned()]));
}

#[test]
fn a_person_stops_what_nobody_can_steer_and_an_agent_does_not() {
    for why in [ReadOnly::UnknownType, ReadOnly::Automated, ReadOnly::Ended, ReadOnly::Lifetime, ReadOnly::MemberOutsidePool] {
        let world = World::bent(|w| {
            w.budget("meta/1").read_only = Some(why);
            w.budget("meta/3").read_only = Some(why);
            w.stop("meta/3");
        });
        assert_eq!(fate(&world, pause(person(), "meta/1")), ("cleared", vec![]), "{why:?}");
        assert_eq!(fate(&world, set(person(), "meta/1", "75")), ("denied", vec!["READ_ONLY".to_owned()]), "{why:?}");
        assert_eq!(fate(&world, start(person(), "meta/3")).0, "denied", "{why:?}");
    }
    let unknown = World::bent(|w| w.budget("meta/1").read_only = Some(ReadOnly::UnknownType));
    assert_eq!(fate(&unknown, pause(agent("eff"), "meta/1")), ("denied", vec!["READ_ONLY".to_owned()]));
    // The platform showed the campaign and no budget of it.
    let bare = World::bent(|w| w.account("meta").budgets.retain(|budget| budget.budget.key != key("meta/1")));
    assert_eq!(fate(&bare, pause(person(), "meta/1")), ("cleared", vec![]));
}

#[test]
fn a_lifetime_budgets_campaign_can_be_stopped_but_not_started() {
    let world = World::bent(|w| {
        w.budget("meta/1").read_only = Some(ReadOnly::Lifetime);
        w.budget("meta/3").read_only = Some(ReadOnly::Lifetime);
        w.stop("meta/3");
    });
    assert_eq!(fate(&world, pause(person(), "meta/1")).0, "cleared");
    assert_eq!(fate(&world, start(person(), "meta/3")).0, "denied");
}

#[test]
fn an_agents_pause_is_not_held_up_by_holds_freezes_and_breakers() {
    let world = World::bent(|w| {
        let today = w.now.date_in(chrono_tz::UTC);
        w.policy.calendar.push(CalendarEvent { name: "freeze".to_owned(), from: today, to: today, effect: CalendarEffect::Freeze });
        w.books.reducing.insert(Scope::Workspace);
        w.books.held.insert(key("meta/1"));
        w.books.unresolved.insert(key("meta/1"));
        w.config_age = std::time::Duration::from_secs(99);
        w.account("meta").spend_at = None;
    });
    assert_eq!(fate(&world, pause(agent("eff"), "meta/1")), ("cleared", vec![]));
}

#[test]
fn evidence_and_timing_never_hold_back_a_persons_reduction() {
    let world = World::bent(|w| {
        let now = w.now;
        let book = w.book("meta/1");
        (book.grown_at, book.cut_at, book.significant_at, book.edits_1h) = (Some(now), Some(now), Some(now), 99);
        w.books.open_entities.insert(key("meta/1"));
        w.campaign("meta/1").learning = Learning::Active { conversions: None, since: None };
        w.figures("meta/1", |_, m| *m = crate::domain::metrics::Metrics::zero(crate::domain::money::Currency::USD));
    });
    assert_eq!(fate(&world, set(person(), "meta/1", "75")), ("cleared", vec![]));
    assert_eq!(fate(&world, set(person(), "meta/1", "115")), ("denied", vec!["EDIT_LIMIT".to_owned()]));
}

#[test]
fn the_fourth_edit_of_an_hour_is_kept_for_an_undo() {
    let edits = |edits| World::bent(|w| w.book("meta/1").edits_1h = edits);
    assert_eq!(fate(&edits(3), set(undo(), "meta/1", "115")).0, "cleared");
    assert_eq!(fate(&edits(4), set(undo(), "meta/1", "115")), ("denied", vec!["EDIT_LIMIT".to_owned()]));
}

#[test]
fn a_persons_large_step_asks_and_its_approval_waives_exactly_what_was_named() {
    let world = World::new();
    let judged = super::judged(&world, vec![set(person(), "meta/1", "140")]);
    let ticket = judged.escalated()[0].ticket().expect("a ticket").clone();
    assert_eq!(ticket.kind, TicketKind::SpendApproval);
    assert_eq!(ticket.waivable, ["LARGE_STEP", "RISE_24H_BUDGET"]);
    assert_eq!(fate(&world, set(approval(&["LARGE_STEP", "RISE_24H_BUDGET"]), "meta/1", "140")), ("cleared", vec![]));
    let again = super::judged(&world, vec![set(approval(&["LARGE_STEP"]), "meta/1", "140")]);
    assert_eq!(again.escalated()[0].ticket().expect("a new ticket").waivable, ["LARGE_STEP", "RISE_24H_BUDGET"]);
}

#[test]
fn no_approval_waives_a_hard_rule() {
    let every: Vec<&str> = crate::guardrails::RULES.iter().map(|rule| rule.id).collect();
    let bends: [(Bend, &str); 7] = [
        (|w| w.policy.pools.values_mut().for_each(|pool| pool.daily_cap = usd("610")), "POOL_CAP"),
        (|w| w.books.month_spent.values_mut().for_each(|spent| *spent = usd("599000")), "MONTH_CAP"),
        (
            |w| {
                w.books.held.insert(key("meta/1"));
            },
            "HOLD",
        ),
        (
            |w| {
                w.books.paused.insert(Scope::Workspace);
            },
            "PAUSED",
        ),
        (|w| w.account("meta").spend_at = None, "STALE_SPEND"),
        (|w| w.account("meta").tracking = Tracking::Broken { reported: 0.0, expected: 9.0 }, "TRACKING"),
        (|w| w.limits(|g| g.allow = Vec::new()), "ALLOW_LIST"),
    ];
    for (bend, code) in bends {
        let (became, codes) = fate(&World::bent(bend), set(approval(&every), "meta/1", "115"));
        assert_eq!((became, codes.iter().any(|fired| fired == code)), ("denied", true), "{code}: {codes:?}");
    }
}

#[test]
fn a_large_increase_needs_two_people() {
    let world = World::bent(|w| w.limits(|g| g.four_eyes_above = Decimal::from(10)));
    let judged = super::judged(&world, vec![set(person(), "meta/1", "115")]);
    let ticket = judged.escalated()[0].ticket().expect("a ticket");
    assert_eq!((ticket.eyes, ticket.severity), (Eyes::Four, Severity::Critical));
}

#[test]
fn an_agent_that_is_only_unsure_asks_as_such() {
    let mut unsure = set(agent("scale"), "meta/1", "115");
    unsure.wish.confidence = 0.5;
    let judged = super::judged(&World::new(), vec![unsure]);
    assert_eq!(judged.escalated()[0].ticket().map(|ticket| ticket.kind), Some(TicketKind::LowConfidence));
}

#[test]
fn what_hangs_below_a_campaign_is_touched_only_where_the_campaign_is_one_that_stands() {
    use crate::domain::change::Bid;
    let bid = |campaign: &str| {
        let part = Part { key: "meta:ad_group:71".parse().expect("a key"), campaign: key(campaign) };
        fate(&World::new(), super::world::settled(person(), Change::Bid { part, from: None, to: Bid::Cap(usd("1")) }))
    };
    assert_eq!(bid("meta/1").0, "cleared");
    let (became, codes) = bid("meta/404");
    assert_eq!(became, "denied", "{codes:?}");
}

#[test]
fn what_somebody_else_changed_while_it_stood_still_is_not_started() {
    let world = World::bent(|w| {
        w.stop("meta/3");
        w.budget("meta/3").amount = usd("900");
    });
    assert_eq!(fate(&world, start(person(), "meta/3")).0, "denied");
}

#[test]
fn what_an_open_ticket_asks_about_is_not_asked_again_until_it_is_another_question() {
    let unsure = |to| {
        let mut settled = set(agent("scale"), "meta/1", to);
        settled.wish.confidence = 0.1;
        settled
    };
    let world = World::bent(|w| {
        w.books.asked.insert(key("meta/1"), vec![unsure("115").wish.change]);
    });
    assert_eq!(fate(&world, unsure("113")), ("later", vec!["ASKED".to_owned()]));
    assert_eq!(fate(&world, unsure("110")).0, "escalated");
    assert_eq!(fate(&world, set(agent("scale"), "meta/1", "115")).0, "cleared", "who is sure by now need not wait for the answer");
}
