//! One row a rule: how the world is bent, what is wanted, what becomes of it. Unbent, the same wish goes through.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::world::{Bend, World, agent, budget_ref, key, pause, person, set, set_from, settled, start, usd};
use super::{fate, judged};
use crate::domain::change::Change;
use crate::domain::draft::CampaignDraft;
use crate::domain::entity::{Learning, Objective, ReadOnly};
use crate::domain::money::Currency;
use crate::domain::policy::{CalendarEffect, CalendarEvent};
use crate::domain::proposal::{Autonomy, Settled};
use crate::domain::scope::Scope;
use crate::domain::ticket::TicketKind;
use crate::domain::view::{Frozen, Tracking};
use crate::guardrails::RULES;

type Want = fn() -> Settled;

fn raise() -> Settled {
    set(agent("scale"), "meta/1", "115")
}

fn cut() -> Settled {
    set(agent("eff"), "meta/1", "85")
}

fn halt() -> Settled {
    pause(agent("eff"), "meta/1")
}

fn open() -> Settled {
    start(agent("scale"), "meta/3")
}

fn fresh_campaign() -> Settled {
    settled(
        person(),
        Change::CreateCampaign(Box::new(CampaignDraft {
            account: "meta".parse().expect("a name"),
            name: "new".to_owned(),
            objective: Objective::Traffic,
            daily_budget: usd("20"),
            special_categories: Vec::new(),
            bidding: None,
            eu_political: false,
            flight: None,
            countries: std::collections::BTreeSet::new(),
            languages: std::collections::BTreeSet::new(),
            ad_groups: Vec::new(),
        })),
    )
}

fn freeze(world: &mut World) {
    let today = world.now.date_in(chrono_tz::UTC);
    world.policy.calendar.push(CalendarEvent { name: "launch".to_owned(), from: today, to: today, effect: CalendarEffect::Freeze });
}

const ROWS: &[(&str, Bend, Want, &str)] = &[
    (
        "PAUSED",
        |w| {
            w.books.paused.insert(Scope::Workspace);
        },
        raise,
        "denied",
    ),
    (
        "PAUSED",
        |w| {
            w.books.paused.insert(Scope::Account(key("meta/1").account));
        },
        cut,
        "denied",
    ),
    (
        "PAUSED",
        |w| {
            w.books.paused.insert(Scope::Pool(w.view.pool.clone()));
        },
        halt,
        "denied",
    ),
    (
        "PAUSED",
        |w| {
            w.books.paused.insert(Scope::Agent("scale".parse().expect("a name")));
        },
        raise,
        "denied",
    ),
    (
        "PAUSED",
        |w| {
            w.books.paused.insert(Scope::Campaign(key("meta/1")));
        },
        raise,
        "denied",
    ),
    (
        "TERMINATED",
        |w| {
            w.books.terminated.insert("scale".parse().expect("a name"));
        },
        raise,
        "denied",
    ),
    (
        "REDUCING",
        |w| {
            w.books.reducing.insert(Scope::Workspace);
        },
        raise,
        "denied",
    ),
    (
        "HOLD",
        |w| {
            w.books.held.insert(key("meta/1"));
        },
        cut,
        "denied",
    ),
    (
        "UNRESOLVED",
        |w| {
            w.books.unresolved.insert(key("meta/1"));
        },
        cut,
        "denied",
    ),
    ("READ_ONLY", |w| w.budget("meta/1").read_only = Some(ReadOnly::Lifetime), raise, "denied"),
    ("READ_ONLY", |w| w.budget("meta/1").read_only = Some(ReadOnly::Automated), halt, "denied"),
    ("FROZEN_ACCOUNT", |w| w.account("meta").frozen = Some(Frozen::NotInGoodStanding), cut, "denied"),
    ("CURRENCY", |w| w.policy.accounts.get_mut("meta".parse().as_ref().expect("a name")).expect("meta").currency = Currency::EUR, cut, "denied"),
    ("ALLOW_LIST", |w| w.limits(|g| g.allow = vec!["goog:*".to_owned()]), cut, "denied"),
    ("ALLOW_LIST", |w| w.limits(|g| g.allow = Vec::new()), cut, "denied"),
    ("ALLOW_LIST", |w| w.view.members.retain(|member| *member != key("meta/1")), cut, "denied"),
    ("EXPECTATION", |w| w.budget("meta/1").amount = usd("90"), raise, "denied"),
    ("EXPECTATION", |w| w.book("meta/1").accepted = usd("110"), raise, "denied"),
    ("UNIT", |w| w.budget("meta/1").unit = usd("10"), || set(person(), "meta/1", "115"), "denied"),
    ("SPENT_TODAY", |w| w.figures("meta/1", |_, metrics| metrics.spend = usd("97")), cut, "later"),
    ("PLATFORM_MINIMUM", |w| w.budget("meta/1").minimum = usd("90"), cut, "denied"),
    ("POLICY_DISAPPROVED", |w| w.campaign("meta/3").disapproved = true, open, "denied"),
    ("POLICY_DECLARATION", |w| w.campaign("meta/3").special_categories = None, open, "denied"),
    ("FREEZE", freeze, raise, "denied"),
    ("STALE_CONFIG", |w| w.config_age = std::time::Duration::from_millis(30_001), cut, "denied"),
    ("STALE_SPEND", |w| w.account("meta").spend_at = None, cut, "denied"),
    ("STALE_SPEND", |w| w.account("meta").spend_at = Some(w_ago(3, 1)), cut, "denied"),
    ("STALE_CONVERSIONS", |w| w.account("meta").conversions_at = Some(w_ago(6, 1)), halt, "denied"),
    ("TRACKING", |w| w.account("meta").tracking = Tracking::Broken { reported: 1.0, expected: 9.0 }, halt, "denied"),
    (
        "OPEN_DECISION",
        |w| {
            w.books.open_entities.insert(key("meta/1"));
        },
        raise,
        "later",
    ),
    ("COOLDOWN", |w| w.book("meta/1").grown_at = Some(w_ago(71, 0)), raise, "later"),
    ("COOLDOWN", |w| w.book("meta/1").cut_at = Some(w_ago(23, 0)), cut, "later"),
    ("LEARNING", |w| w.campaign("meta/1").learning = Learning::Active { conversions: None, since: None }, raise, "later"),
    (
        "LEARNING",
        |w| {
            w.campaign("meta/1").learning = Learning::Unknown;
            w.book("meta/1").significant_at = Some(w_ago(6 * 24, 0))
        },
        raise,
        "later",
    ),
    ("EVIDENCE", |w| w.figures("meta/1", |_, m| m.spend = usd("1")), cut, "later"),
    (
        "EVIDENCE",
        |w| {
            w.figures("meta/1", |_, m| {
                m.spend = usd("1");
                m.conversions_milli = 100
            })
        },
        raise,
        "later",
    ),
    ("EDIT_LIMIT", |w| w.book("meta/1").edits_1h = 3, raise, "later"),
    ("SHADOW", |w| w.agents(|a| a.autonomy = Autonomy::Observe), cut, "denied"),
    ("AUTONOMY", |w| w.agents(|a| a.autonomy = Autonomy::Suggest), cut, "escalated"),
    ("NOT_ACCEPTED", |w| w.policy.accounts.values_mut().for_each(|account| account.accepted = false), cut, "escalated"),
    ("LAST_ACTIVE", |w| w.limits(|g| g.min_active_campaigns = 6), halt, "escalated"),
    ("LARGE_STEP", |w| w.limits(|g| g.ask_amount = Decimal::from(10)), || set(person(), "meta/1", "115"), "escalated"),
    ("LARGE_STEP", |w| w.limits(|g| g.ask_step_pct = Decimal::from(10)), || set(person(), "meta/1", "115"), "escalated"),
    ("CONFIDENCE", |w| w.limits(|g| g.confidence_growth = Decimal::new(95, 2)), raise, "escalated"),
    ("CONFIDENCE", |w| w.limits(|g| g.confidence_cut = Decimal::new(95, 2)), cut, "escalated"),
    ("EARNED", |w| w.books.staked.values_mut().for_each(|staked| *staked = usd("240")), raise, "escalated"),
    ("FOUR_EYES", |w| w.limits(|g| g.four_eyes_above = Decimal::from(14)), raise, "escalated"),
    ("RISE_24H_BUDGET", |w| w.book("meta/1").day_ago = usd("95"), raise, "denied"),
    ("RISE_24H_BUDGET", |w| w.book("meta/1").day_ago = usd("95"), || set(person(), "meta/1", "115"), "escalated"),
    ("RISE_24H_ACCOUNT", |w| w.books.account_rise.values_mut().for_each(|rise| rise.net = usd("76")), raise, "denied"),
    ("RISE_24H_WORKSPACE", |w| w.books.workspace_rise.values_mut().for_each(|rise| rise.net = usd("166")), raise, "denied"),
    ("MONTH_CAP", |w| w.books.month_spent.values_mut().for_each(|spent| *spent = usd("590000")), raise, "denied"),
    ("POOL_CAP", |w| w.policy.pools.values_mut().for_each(|pool| pool.daily_cap = usd("614.99")), raise, "denied"),
];

/// So many hours and minutes before the world's now.
fn w_ago(hours: i64, minutes: i64) -> crate::clock::ProductTime {
    World::new().now - TimeDelta::hours(hours) - TimeDelta::minutes(minutes)
}

fn world_for(want: &Settled) -> World {
    World::bent(|world| {
        if matches!(want.wish.change, Change::Status { to: crate::domain::entity::RunStatus::Active, .. }) {
            // What is to be started stands still and is small enough for the agent's station.
            world.stop("meta/3");
            world.figures("meta/3", |_, _| {});
        }
    })
}

#[test]
fn every_rule_fires_and_the_same_wish_passes_where_nothing_is_wrong() {
    for (id, bend, want, outcome) in ROWS {
        let mut world = world_for(&want());
        assert_eq!(fate(&world, want()), ("cleared", vec![]), "{id}: the unbent world");
        bend(&mut world);
        let (became, codes) = fate(&world, want());
        assert_eq!(became, *outcome, "{id}: {codes:?}");
        assert!(codes.iter().any(|code| code == id), "{id} did not fire, but {codes:?}");
    }
}

#[test]
fn no_rule_of_the_registry_is_untested() {
    let elsewhere = ["UNEVALUABLE", "NO_CHANGE", "FUNDS", "STEP", "RAMP", "STRUCTURAL", "SUPERSEDED_PLAN", "FLIGHT"];
    for rule in RULES {
        let tested = ROWS.iter().any(|(id, ..)| *id == rule.id) || elsewhere.contains(&rule.id);
        assert!(tested, "{} has no row", rule.id);
        assert!(rule.says.ends_with('.') && !rule.default_value().is_empty(), "{} is not described", rule.id);
    }
    let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len(), "two rules share a code");
}

#[test]
fn every_reason_opens_with_its_code() {
    let judged = judged(&World::new(), vec![raise()]);
    assert!(judged.cleared()[0].verdicts().len() > 25);
    for verdict in judged.cleared()[0].verdicts() {
        assert!(verdict.why.starts_with(&format!("{}: ", verdict.rule)), "{}", verdict.why);
        assert!(verdict.why.contains('='), "{} has no numbers", verdict.why);
    }
}

#[test]
fn a_step_over_20_percent_is_brought_back_to_it_both_ways() {
    for (want, allowed) in [("150", "120"), ("10", "80")] {
        let judged = judged(&World::new(), vec![set(agent("eff"), "meta/1", want)]);
        let Change::Budget { to, .. } = judged.cleared()[0].settled().wish.change else { panic!("a budget change") };
        assert_eq!(to, usd(allowed));
        assert!(judged.cleared()[0].verdicts().iter().any(|verdict| verdict.rule == "STEP" && verdict.why.contains(want)));
    }
}

#[test]
fn growth_returns_in_two_days_after_a_resume() {
    for (hours, allowed) in [(1, "114"), (25, "117"), (49, "120")] {
        let world = World::bent(|w| w.books.resumed.push((Scope::Pool(w.view.pool.clone()), w_ago(hours, 0))));
        let judged = judged(&world, vec![set(agent("scale"), "meta/1", "130")]);
        let Change::Budget { to, .. } = judged.cleared()[0].settled().wish.change else { panic!("a budget change") };
        assert_eq!(to, usd(allowed), "{hours} h after the resume");
    }
}

#[test]
fn an_agents_amount_is_rounded_to_the_platforms_unit_away_from_the_limit() {
    let world = World::bent(|w| w.budget("meta/1").unit = usd("10"));
    for (want, rounded) in [("118", "110"), ("82", "90")] {
        let judged = judged(&world, vec![set(agent("eff"), "meta/1", want)]);
        let Change::Budget { to, .. } = judged.cleared()[0].settled().wish.change else { panic!("a budget change") };
        assert_eq!(to, usd(rounded));
    }
}

#[test]
fn what_is_built_or_deleted_asks() {
    assert_eq!(fate(&World::new(), fresh_campaign()), ("escalated", vec!["STRUCTURAL".to_owned()]));
}

#[test]
fn no_plan_exists_yet_so_its_rules_are_listed_and_pass() {
    let judged = judged(&World::new(), vec![raise()]);
    for code in ["SUPERSEDED_PLAN", "FLIGHT"] {
        assert!(judged.cleared()[0].verdicts().iter().any(|verdict| verdict.rule == code));
    }
}

#[test]
fn a_platform_policy_denial_also_opens_a_ticket_that_nothing_can_waive() {
    let mut world = world_for(&open());
    world.campaign("meta/3").disapproved = true;
    let judged = judged(&world, vec![open()]);
    let ticket = judged.denied()[0].ticket().expect("a ticket");
    assert_eq!((ticket.kind, ticket.waivable.len()), (TicketKind::PolicyViolation, 0));
}

#[test]
fn spend_of_three_target_cpas_is_evidence_enough_and_a_roas_floor_has_a_target_cpa() {
    let world = |spend: &'static str| {
        World::bent(|w| {
            w.agents(|agent| agent.goal = "roas >= 2".parse().expect("a goal"));
            // A conversion is worth 100 USD in the account, so that a floor of 2 allows a CPA of 50 USD.
            w.figures("meta/1", |day, m| {
                m.conversions_milli = 0;
                m.revenue = usd("0");
                m.spend = if day == 20 { usd(spend) } else { usd("0") };
            });
        })
    };
    assert_eq!(fate(&world("150"), cut()).0, "cleared");
    assert_eq!(fate(&world("149.99"), cut()), ("later", vec!["EVIDENCE".to_owned()]));
}

#[test]
fn two_days_are_not_three_however_many_conversions_they_brought() {
    let world = |days: usize| {
        World::bent(|w| {
            w.figures("meta/1", |day, m| {
                *m = crate::domain::metrics::Metrics::zero(Currency::USD);
                if (34 - days..34).contains(&day) {
                    (m.impressions, m.conversions_milli, m.spend) = (100, 9_000, usd("1"));
                }
            });
        })
    };
    assert_eq!(fate(&world(2), raise()), ("later", vec!["EVIDENCE".to_owned()]));
    assert_eq!(fate(&world(3), raise()).0, "cleared");
}

#[test]
fn immature_conversions_are_counted_only_as_far_as_they_are_mature() {
    let world = World::bent(|w| {
        w.figures("meta/1", |_, m| (m.spend, m.conversions_milli) = (usd("1"), 1_000));
        w.account("meta").maturity = vec![0.2; 35];
    });
    assert_eq!(fate(&world, raise()), ("later", vec!["EVIDENCE".to_owned()]));
}

#[test]
fn a_learning_phase_that_the_platform_does_not_tell_ends_with_fifty_conversions() {
    let world = |conversions: i64| {
        World::bent(|w| {
            w.campaign("meta/1").learning = Learning::Unknown;
            w.book("meta/1").significant_at = Some(w_ago(6 * 24, 0));
            w.figures("meta/1", |_, m| m.conversions_milli = conversions);
        })
    };
    // Six days lie after the day of the edit.
    assert_eq!(fate(&world(8_333), raise()), ("later", vec!["LEARNING".to_owned()]));
    assert_eq!(fate(&world(8_334), raise()).0, "cleared");
}

#[test]
fn volatile_days_ask_for_less_confidence() {
    let mut unsure = cut();
    unsure.wish.confidence = 0.45;
    assert_eq!(fate(&World::new(), unsure.clone()), ("escalated", vec!["CONFIDENCE".to_owned()]));
    let volatile = World::bent(|w| {
        let today = w.now.date_in(chrono_tz::UTC);
        w.policy.calendar.push(CalendarEvent { name: "sale".to_owned(), from: today, to: today, effect: CalendarEffect::Volatile });
    });
    assert_eq!(fate(&volatile, unsure).0, "cleared");
}

#[test]
fn a_stake_is_never_less_than_a_day_of_the_money_added() {
    let mut cheap = set(agent("scale"), "goog/1", "115");
    cheap.wish.cost_if_wrong = usd("0");
    let world = World::bent(|w| w.books.staked.values_mut().for_each(|staked| *staked = usd("235.01")));
    assert_eq!(fate(&world, cheap), ("escalated", vec!["EARNED".to_owned()]));
}

#[test]
fn time_lapse_stretches_age_limits_to_two_seconds_of_wall_time() {
    let world = World::bent(|w| w.account("goog").spend_at = Some(w_ago(9, 0)));
    let mut situation = world.situation();
    situation.age_floor = TimeDelta::hours(10);
    assert_eq!(super::judge(vec![cut()], Vec::new(), Vec::new(), &situation).cleared().len(), 1);
}

#[test]
fn a_budget_that_is_what_it_should_be_is_not_written() {
    assert_eq!(fate(&World::new(), set(agent("eff"), "meta/1", "100")), ("later", vec!["NO_CHANGE".to_owned()]));
    assert_eq!(fate(&World::new(), set(person(), "meta/1", "100")), ("denied", vec!["NO_CHANGE".to_owned()]));
}

#[test]
fn what_cannot_be_evaluated_is_denied() {
    let bends: [Bend; 10] = [
        |w| {
            w.books.budgets.remove(&key("meta/1"));
        },
        // A budget without a book is money nobody counts, even where another budget grows.
        |w| {
            w.books.budgets.remove(&key("goog/2"));
        },
        |w| w.books.committed.clear(),
        |w| w.books.month_spent.clear(),
        |w| w.books.account_rise.clear(),
        |w| w.books.workspace_rise.clear(),
        |w| w.books.staked.clear(),
        |w| w.view.accounts.retain(|view| view.account.as_str() != "meta"),
        |w| w.policy.accounts.clear(),
        |w| w.policy.pools.clear(),
    ];
    for (at, bend) in bends.into_iter().enumerate() {
        let (became, codes) = fate(&World::bent(bend), raise());
        assert_eq!(became, "denied", "bend {at}");
        assert!(codes.iter().any(|code| code == "UNEVALUABLE"), "bend {at}: {codes:?}");
    }
    let mut nonsense = raise();
    nonsense.wish.confidence = f64::NAN;
    assert_eq!(fate(&World::new(), nonsense), ("denied", vec!["UNEVALUABLE".to_owned()]));
    let unknown_agent = set(agent("nobody"), "meta/1", "110");
    assert_eq!(fate(&World::new(), unknown_agent), ("denied", vec!["UNEVALUABLE".to_owned()]));
    let mixed = settled(agent("scale"), Change::Budget { budget: budget_ref("meta/1"), from: usd("100"), to: "110 EUR".parse().expect("money") });
    assert_eq!(fate(&World::new(), mixed).0, "denied");
    assert_eq!(fate(&World::new(), set_from(agent("scale"), "meta/9", "100", "110")).0, "denied");
}

#[test]
fn the_strictest_agent_of_the_pool_sets_the_step_whoever_speaks() {
    let world = World::bent(|w| w.policy.agents.get_mut("eff".parse().as_ref().expect("a name")).expect("eff").guardrails.step_pct = Decimal::from(5));
    let judged = judged(&world, vec![set(agent("scale"), "meta/1", "120")]);
    let Change::Budget { to, .. } = judged.cleared()[0].settled().wish.change else { panic!("a budget change") };
    assert_eq!(to, usd("105"));
}
