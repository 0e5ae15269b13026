//! What holds over a whole settlement, in transactions, at execution, and when the breaker trips.

use rust_decimal::Decimal;

use super::judged;
use super::world::{Bend, World, agent, approval, key, pause, person, set, start, usd};
use crate::domain::change::Change;
use crate::domain::proposal::{Settled, Wave};
use crate::domain::scope::Scope;
use crate::domain::view::Tracking;
use crate::guardrails::{breaker, check_waiting, counters, counters_all, recheck};

fn funded(settled: Settled) -> Settled {
    Settled { wave: Wave::Funded, ..settled }
}

fn cap(world: &mut World, amount: &str) {
    world.policy.pools.values_mut().for_each(|pool| pool.daily_cap = usd(amount));
}

#[test]
fn a_batch_of_increases_stops_at_the_cap_and_a_reduction_beside_them_frees_nothing_yet() {
    let world = World::bent(|w| cap(w, "620"));
    let batch = vec![set(agent("scale"), "meta/1", "115"), set(agent("scale"), "goog/1", "115"), set(agent("eff"), "meta/2", "80")];
    let judged = judged(&world, batch);
    assert_eq!((judged.cleared().len(), judged.denied().len()), (2, 1));
    assert_eq!(judged.cleared()[0].settled().wish.change.entity(), Some(&key("meta/2")), "the reduction comes first");
    assert!(judged.denied()[0].verdicts().iter().any(|verdict| verdict.why.contains("committed=615.00 USD asked=15.00 USD cap=620.00 USD")));
}

#[test]
fn increases_wait_for_their_funding_and_are_denied_when_it_was_lost() {
    let world = World::bent(|w| cap(w, "600"));
    let batch = |cut: Settled| vec![cut, funded(set(agent("scale"), "goog/1", "115"))];
    let kept = judged(&world, batch(set(agent("eff"), "meta/2", "80")));
    assert_eq!((kept.waiting().len(), kept.denied().len()), (1, 0));
    let mut unsure = set(agent("eff"), "meta/2", "80");
    unsure.wish.confidence = 0.1;
    let lost = judged(&world, batch(unsure));
    assert_eq!((lost.waiting().len(), lost.escalated().len()), (0, 1));
    assert_eq!(lost.denied()[0].verdicts()[0].rule, "FUNDS");
}

#[test]
fn a_cut_that_holds_from_midnight_on_funds_nothing_today() {
    let group = |text: &str| -> crate::domain::entity::EntityKey { text.parse().expect("a key") };
    let mut world = World::bent(|w| cap(w, "600"));
    let (old, new) = (key("meta/2"), group("meta:ad_group:2"));
    world.policy.accounts.get_mut(&old.account).expect("an account").platform = crate::domain::entity::Platform::Tiktok;
    world.account("meta").platform = crate::domain::entity::Platform::Tiktok;
    let book = world.books.budgets.remove(&old).expect("a book");
    world.books.budgets.insert(new.clone(), book);
    world.budget("meta/2").budget.key = new.clone();
    world.campaign("meta/2").budget.key = new.clone();
    world.account("meta").budgets.sort_by(|a, b| a.budget.cmp(&b.budget));
    world.view.members.push(new.clone());
    let mut cut = set(agent("eff"), "meta/2", "80");
    if let Change::Budget { budget, .. } = &mut cut.wish.change {
        budget.key = new;
    }
    let judged = judged(&world, vec![cut, funded(set(agent("scale"), "goog/1", "115"))]);
    assert_eq!((judged.cleared().len(), judged.waiting().len()), (1, 0), "{judged:?}");
    assert_eq!(judged.denied()[0].verdicts()[0].rule, "FUNDS");
}

#[test]
fn what_waited_is_judged_in_full_once_its_turn_has_come() {
    let world = World::bent(|w| cap(w, "600"));
    let judged = check_waiting(vec![funded(set(agent("scale"), "goog/1", "115"))], &world.situation());
    assert_eq!((judged.cleared().len(), judged.denied().len()), (0, 1), "nothing has been freed");
}

#[test]
fn the_sums_of_24_hours_are_counted_across_the_batch() {
    let world = World::bent(|w| w.books.account_rise.values_mut().for_each(|rise| rise.net = usd("65")));
    let judged = judged(&world, vec![set(agent("scale"), "meta/1", "115"), set(agent("scale"), "meta/2", "115"), set(agent("scale"), "goog/1", "115")]);
    assert_eq!((judged.cleared().len(), judged.denied().len()), (2, 1));
}

#[test]
fn an_agent_stakes_what_it_has_earned_over_the_batch() {
    let world = World::bent(|w| w.limits(|g| g.earned_amount = Decimal::from(20)));
    let judged = judged(&world, vec![set(agent("scale"), "meta/1", "115"), set(agent("scale"), "meta/2", "115")]);
    assert_eq!((judged.cleared().len(), judged.escalated().len()), (1, 1));
}

#[test]
fn agents_never_pause_the_last_campaign_between_them() {
    let every = || ["meta/1", "meta/2", "meta/3", "goog/1", "goog/2", "goog/3"].map(|id| pause(agent("eff"), id)).to_vec();
    let judged = judged(&World::new(), every());
    assert_eq!((judged.cleared().len(), judged.escalated().len()), (5, 1));
    let people = super::judged(&World::new(), every().into_iter().map(|settled| Settled { actor: person(), ..settled }).collect());
    assert_eq!(people.cleared().len(), 6);
}

#[test]
fn four_eyes_see_the_whole_batch() {
    let world = World::bent(|w| w.limits(|g| g.four_eyes_above = Decimal::from(20)));
    let judged = judged(&world, vec![set(person(), "meta/1", "115"), set(person(), "meta/2", "115")]);
    assert_eq!((judged.cleared().len(), judged.escalated().len()), (1, 1));
}

#[test]
fn four_eyes_see_what_one_budget_has_risen_in_a_day() {
    use crate::domain::ticket::Eyes;
    for (day_ago, eyes) in [("100", Eyes::Two), ("70", Eyes::Four)] {
        let world = World::bent(|w| {
            w.limits(|g| g.four_eyes_above = Decimal::from(50));
            w.book("meta/1").day_ago = usd(day_ago);
        });
        let judged = judged(&world, vec![set(person(), "meta/1", "131")]);
        assert_eq!(judged.escalated()[0].ticket().map(|need| need.eyes), Some(eyes), "{day_ago} a day ago");
    }
}

#[test]
fn an_activation_commits_its_whole_amount() {
    let world = World::bent(|w| {
        w.stop("meta/3");
        cap(w, "599.99");
    });
    let judged = judged(&world, vec![start(person(), "meta/3")]);
    assert!(judged.denied()[0].verdicts().iter().any(|verdict| verdict.rule == "POOL_CAP" && verdict.why.contains("asked=100.00 USD")));
}

#[test]
fn two_changes_of_one_budget_do_not_pass_together() {
    let judged = judged(&World::new(), vec![set(agent("scale"), "meta/1", "110"), set(agent("scale"), "meta/1", "115")]);
    assert_eq!((judged.cleared().len(), judged.left_alone().len()), (1, 1));
}

#[test]
fn a_transaction_refuses_what_the_books_no_longer_allow() {
    let raise = set(agent("scale"), "meta/1", "115");
    let ask = |world: &World, settled: &Settled| {
        counters(&settled.wish.change, &settled.actor, &world.policy, &world.books).map_err(|verdict| verdict.rule.into_owned())
    };
    assert_eq!(ask(&World::new(), &raise), Ok(()));
    let bends: [(Bend, &str); 10] = [
        (|w| cap(w, "614"), "POOL_CAP"),
        (|w| w.books.month_spent.values_mut().for_each(|spent| *spent = usd("599000")), "MONTH_CAP"),
        (|w| w.book("meta/1").day_ago = usd("90"), "RISE_24H_BUDGET"),
        (|w| w.books.account_rise.values_mut().for_each(|rise| rise.net = usd("80")), "RISE_24H_ACCOUNT"),
        (|w| w.books.workspace_rise.values_mut().for_each(|rise| rise.net = usd("170")), "RISE_24H_WORKSPACE"),
        (
            |w| {
                w.books.paused.insert(Scope::Campaign(key("meta/1")));
            },
            "PAUSED",
        ),
        (
            |w| {
                w.books.terminated.insert("scale".parse().expect("a name"));
            },
            "TERMINATED",
        ),
        (
            |w| {
                w.books.held.insert(key("meta/1"));
            },
            "HOLD",
        ),
        (
            |w| {
                w.books.reducing.insert(Scope::Pool(w.view.pool.clone()));
            },
            "REDUCING",
        ),
        (|w| w.books.budgets.clear(), "UNEVALUABLE"),
    ];
    for (bend, code) in bends {
        assert_eq!(ask(&World::bent(bend), &raise), Err(code.to_owned()));
    }
    let stop = pause(person(), "meta/1");
    assert_eq!(
        ask(
            &World::bent(|w| {
                w.books.paused.insert(Scope::Workspace);
            }),
            &stop
        ),
        Ok(())
    );
    let more = set(approval(&["RISE_24H_BUDGET"]), "meta/1", "140");
    assert_eq!(ask(&World::new(), &more), Ok(()), "an approval waives in the transaction what it waives outside");
}

#[test]
fn a_transaction_counts_the_changes_it_admits() {
    let world = World::bent(|w| cap(w, "620"));
    let (one, two) = (set(agent("scale"), "meta/1", "115"), set(agent("scale"), "goog/1", "115"));
    let admitted = counters_all([(&one.wish.change, &one.actor), (&two.wish.change, &two.actor)], &world.policy, &world.books);
    assert_eq!(admitted[0], Ok(()));
    assert_eq!(admitted[1].as_ref().map_err(|verdict| verdict.rule.as_ref()), Err("POOL_CAP"));
}

#[test]
fn a_decision_that_is_open_is_not_counted_twice_when_it_is_judged_again() {
    let raise = set(agent("scale"), "meta/1", "115");
    let recorded = World::bent(|w| {
        cap(w, "615");
        w.book("meta/1").open_target = Some(usd("115"));
        w.add_cost("meta/1", usd("15"));
        w.books.open_entities.insert(key("meta/1"));
        w.books.staked.values_mut().for_each(|staked| *staked = usd("250"));
    });
    assert_eq!(recheck(&raise, &recorded.situation()), Ok(()));
    assert_eq!(counters(&raise.wish.change, &raise.actor, &recorded.policy, &recorded.books), Ok(()));
}

#[test]
fn a_decision_is_not_executed_on_a_state_it_was_not_made_for() {
    let raise = set(agent("scale"), "meta/1", "115");
    let edited = World::bent(|w| w.budget("meta/1").amount = usd("104"));
    assert_eq!(recheck(&raise, &edited.situation()).map_err(|verdict| verdict.rule.into_owned()), Err("EXPECTATION".to_owned()));
    let broken = World::bent(|w| w.account("meta").tracking = Tracking::Broken { reported: 1.0, expected: 9.0 });
    assert_eq!(recheck(&raise, &broken.situation()).map_err(|verdict| verdict.rule.into_owned()), Err("TRACKING".to_owned()));
}

#[test]
fn the_breaker_trips_on_spend_beyond_every_overshoot_and_only_once() {
    // 3 budgets of 100 at 175 % and 120 % are 630; Google's, at 200 %, are 720.
    let spend = |amount: &'static str| {
        World::bent(|w| {
            ["goog/1", "goog/2", "goog/3"].iter().for_each(|id| w.figures(id, |_, m| m.spend = usd("240")));
            ["meta/1", "meta/2", "meta/3"].iter().for_each(|id| w.figures(id, |_, m| m.spend = usd(amount)));
        })
    };
    let trip = |w: &World| breaker(&w.view, &w.books, &w.policy);
    assert_eq!(trip(&spend("210")), None);
    let tripped = trip(&spend("210.01")).expect("a trip");
    assert_eq!(tripped.scope, Scope::Account(key("meta/1").account));
    assert!(tripped.why.starts_with("BREAKER_SPEND: spent_today=1350.03 USD"), "{}", tripped.why);
    let mut again = spend("210.01");
    again.books.reducing.insert(tripped.scope);
    assert_eq!(trip(&again), None);
}

#[test]
fn the_breaker_trips_on_edits_above_the_cap_and_on_bad_outcomes_in_a_row() {
    let trip = |w: &World| breaker(&w.view, &w.books, &w.policy).map(|trip| trip.scope);
    assert_eq!(trip(&World::bent(|w| cap(w, "599.99"))), Some(Scope::Pool(World::new().view.pool)));
    let bad = |run| {
        World::bent(|w| {
            w.books.bad_run.insert(key("meta/1").account, run);
        })
    };
    assert_eq!(trip(&bad(4)), None);
    assert_eq!(trip(&bad(5)), Some(Scope::Account(key("meta/1").account)));
}

#[test]
fn what_was_decided_before_a_freeze_is_not_sent_within_it_unless_it_lowers_spend() {
    use crate::domain::policy::{CalendarEffect, CalendarEvent};
    let world = World::bent(|w| {
        let today = w.now.date_in(chrono_tz::UTC);
        w.policy.calendar.push(CalendarEvent { name: "launch".to_owned(), from: today, to: today, effect: CalendarEffect::Freeze });
    });
    let sent = |settled: Settled| counters(&settled.wish.change, &settled.actor, &world.policy, &world.books).map_err(|verdict| verdict.rule.into_owned());
    assert_eq!(sent(set(agent("scale"), "meta/1", "115")), Err("FREEZE".to_owned()));
    assert_eq!(sent(set(agent("eff"), "meta/1", "85")), Ok(()));
}
