use rust_decimal::Decimal;

use super::*;
use crate::clock::ProductTime;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::RunStatus;
use crate::domain::policy::Guardrails;
use crate::domain::policy::Members;
use crate::domain::proposal::Objective;
use crate::domain::verdict::Bounds;
use crate::learning::curves;
use crate::learning::testing::{Market, curve, day, key, usd};

fn policy(kind: AgentKind, goal: &str) -> AgentPolicy {
    AgentPolicy {
        kind,
        pool: "core".parse().expect("a name"),
        members: None,
        goal: goal.parse().expect("a goal"),
        priority: Decimal::new(5, 1),
        autonomy: crate::domain::proposal::Autonomy::Autonomous,
        guardrails: Guardrails::default(),
    }
}

fn step_bounds(view: &PoolView, pct: f64) -> Vec<Bounds> {
    view.budgets()
        .map(|(_, budget)| Bounds {
            budget: budget.budget.key.clone(),
            now: budget.amount,
            lo: usd(budget.amount.estimate() * (1.0 - pct / 100.0)),
            hi: usd(budget.amount.estimate() * (1.0 + pct / 100.0)),
            unit: budget.unit,
            set_by: vec!["STEP".to_owned()],
        })
        .collect()
}

struct Ask {
    round: Round,
    volatile: bool,
}

const ALLOCATION: Ask = Ask { round: Round::Allocation, volatile: false };

fn ask_with(view: &PoolView, books: &Books, now: ProductTime, kind: AgentKind, goal: &str, ask: Ask) -> Proposal {
    let curves = curves(view, books, |_| 1.0, now);
    let (id, policy, bounds) = ("one".parse().expect("a name"), policy(kind, goal), step_bounds(view, 20.0));
    propose(&AgentInput { round: ask.round, id: &id, policy: &policy, view, curves: &curves, books, bounds: &bounds, volatile: ask.volatile, now })
}

fn ask(market: &Market, kind: AgentKind, goal: &str) -> Proposal {
    let (view, books) = market.build();
    ask_with(&view, &books, market.now(), kind, goal, ALLOCATION)
}

fn of<'a>(proposal: &'a Proposal, id: &str) -> &'a Objective {
    proposal.objectives.iter().find(|objective| objective.budget.key == key(id)).expect("an objective for it")
}

/// ROAS as asked at 100 a day, 50 an order.
fn at_roas(roas: f64) -> Market {
    Market::new().campaign("1", "100", roas * 2.0, 50.0)
}

#[test]
fn us1_2_a_roas_below_target_is_cut_with_the_reasoning_in_words_and_numbers() {
    let proposal = ask(&at_roas(1.82), AgentKind::Efficiency, "roas >= 2.5");
    let objective = of(&proposal, "1");
    assert!(objective.ideal.estimate() < 80.0, "{objective:?}");
    assert!(objective.reason.contains("ROAS 1.82 over 7 closed days") && objective.reason.contains("27 % under the floor of 2.50"), "{}", objective.reason);
    assert!(objective.confidence > 0.9 && objective.evidence.matured_conversions > 50.0);
    assert!(proposal.wishes.is_empty(), "it can recover, so it is not paused");
}

#[test]
fn us1_2_what_cannot_recover_is_paused_with_the_reasoning_once_enough_was_spent() {
    let market = Market::new().campaign("good", "100", 8.0, 50.0).campaign("dead", "100", 0.5, 50.0);
    let proposal = ask(&market, AgentKind::Efficiency, "roas >= 2.5");
    let [wish] = proposal.wishes.as_slice() else { panic!("one pause: {:?}", proposal.wishes) };
    assert_eq!(wish.change, Change::Status { entity: key("dead"), from: RunStatus::Active, to: RunStatus::Paused });
    assert!(wish.confidence > 0.95 && wish.reason.contains("pause") && wish.reason.contains("3 target CPAs"), "{}", wish.reason);
    assert!(wish.prediction.as_ref().is_some_and(|prediction| prediction.mean == 0.0));
    let learning = ask(&market.learning("dead"), AgentKind::Efficiency, "roas >= 2.5");
    assert!(learning.wishes.is_empty(), "what is learning is not judged for ever");
}

#[test]
fn a_campaign_that_has_spent_too_little_is_not_paused_however_bad_it_looks() {
    let market = Market::new().campaign("good", "100", 8.0, 50.0).campaign("dead", "100", 0.0, 50.0);
    let (mut view, books) = market.build();
    let account = std::sync::Arc::make_mut(&mut view.accounts[0]);
    let at = account.position(&key("dead")).expect("it is there");
    let width = account.days.len();
    account.figures[at * width..(at + 1) * width].fill(day(1.0, 0.0, 0.0));
    let proposal = ask_with(&view, &books, market.now(), AgentKind::Efficiency, "roas >= 2.5", ALLOCATION);
    assert!(proposal.wishes.is_empty());
}

#[test]
fn us1_3_a_roas_20_percent_over_target_is_raised_step_by_step_and_stops_at_the_knee() {
    let mut amount = 100.0_f64;
    let mut steps = 0;
    loop {
        // The true response: ROAS 3.0 at 100 a day, with the same power law the market of the sandbox follows around its operating point.
        let conversions = 6.0 * (amount / 100.0).powf(0.7);
        let market = Market::new().campaign("1", &amount.to_string(), conversions, 50.0);
        let (view, _) = market.build();
        let proposal = ask(&market, AgentKind::Scale, "spend -> 10000 USD/day while roas >= 2.5");
        let objective = of(&proposal, "1");
        let next = objective.ideal.estimate().min(step_bounds(&view, 10.0)[0].hi.estimate());
        if next <= amount * 1.005 {
            assert!(objective.reason.contains("past the knee") || objective.reason.contains("cut"), "{}", objective.reason);
            break;
        }
        assert!(objective.reason.contains("raise"), "{}", objective.reason);
        assert!(next <= amount * 1.1 + 0.01, "no step is larger than allowed");
        amount = next;
        steps += 1;
        assert!(steps < 30, "it never stops");
    }
    let average = 3.0 * (amount / 100.0).powf(-0.3);
    assert!(steps >= 2, "it rose gradually: {steps} steps to {amount}");
    assert!(average >= 2.5 * 0.95, "the floor holds within its tolerance: {average} at {amount}");
    assert!(average <= 2.9, "and what it allows is used: {average} at {amount}");
}

#[test]
fn todays_raw_roas_moves_nobody() {
    let market = at_roas(2.6);
    let (view, books) = market.build();
    let mut wild = view.clone();
    let account = std::sync::Arc::make_mut(&mut wild.accounts[0]);
    let last = account.figures.len() - 1;
    account.figures[last] = day(500.0, 0.0, 0.0);
    for kind in AgentKind::ALL {
        let ask = |view| ask_with(view, &books, market.now(), kind, "roas >= 2.5", ALLOCATION);
        assert_eq!(ask(&view), ask(&wild));
    }
}

#[test]
fn a_borderline_case_is_not_sure_and_a_clear_one_is() {
    let at = |roas: f64| of(&ask(&at_roas(roas), AgentKind::Scale, "spend -> 10000 USD/day while roas >= 2.5"), "1").confidence;
    assert!(at(5.0) > 0.9, "{}", at(5.0));
    let borderline = at(2.55);
    assert!((0.35..0.65).contains(&borderline), "{borderline}");
}

#[test]
fn volatile_days_make_the_same_figures_less_sure() {
    let market = at_roas(2.0);
    let (view, books) = market.build();
    let sure = |volatile| {
        let proposal = ask_with(&view, &books, market.now(), AgentKind::Efficiency, "roas >= 2.5", Ask { round: Round::Allocation, volatile });
        of(&proposal, "1").confidence
    };
    assert!(sure(true) < sure(false) && sure(true) > 0.5, "{} against {}", sure(true), sure(false));
}

#[test]
fn a_protective_round_asks_for_no_growth() {
    let market = at_roas(4.0).campaign("2", "100", 2.0, 50.0);
    let (view, books) = market.build();
    for kind in AgentKind::ALL {
        let proposal =
            ask_with(&view, &books, market.now(), kind, "spend -> 10000 USD/day while roas >= 2.5", Ask { round: Round::Protective, volatile: false });
        assert!(proposal.objectives.iter().all(|objective| objective.ideal.estimate() <= 100.0));
        assert!(of(&proposal, "2").ideal.estimate() < 100.0, "cuts go on");
    }
}

#[test]
fn once_the_spend_target_is_reached_the_price_of_money_rises_until_the_sum_fits() {
    let market = Market::new().campaign("1", "100", 12.0, 50.0).campaign("2", "100", 8.0, 50.0);
    let raised = |goal: &str| -> f64 {
        let proposal = ask(&market, AgentKind::Scale, goal);
        proposal.objectives.iter().map(|objective| objective.ideal.estimate().min(120.0)).sum()
    };
    assert!(raised("spend -> 1000 USD/day while roas >= 2") > 239.0);
    assert!(raised("spend -> 220 USD/day while roas >= 2") <= 221.0);
    assert!(raised("spend -> 150 USD/day while roas >= 2") <= 201.0, "over target it does not grow");
}

#[test]
fn a_cpa_cap_is_judged_in_its_own_words() {
    let proposal = ask(&Market::new().campaign("1", "100", 2.0, 50.0), AgentKind::Efficiency, "cpa <= 30 USD");
    let objective = of(&proposal, "1");
    assert!(objective.reason.contains("CPA 50.00 USD") && objective.reason.contains("67 % over the cap of 30.00 USD"), "{}", objective.reason);
    assert!(objective.ideal.estimate() < 100.0);
}

#[test]
fn an_account_whose_conversions_cannot_be_believed_gets_no_opinion() {
    let proposal = ask(&at_roas(1.0).broken_tracking(), AgentKind::Efficiency, "roas >= 2.5");
    assert!(proposal.objectives.is_empty() && proposal.wishes.is_empty());
}

#[test]
fn money_the_audience_does_not_take_is_freed() {
    let proposal = ask(&at_roas(6.0).spends("1", 60.0), AgentKind::Scale, "spend -> 10000 USD/day while roas >= 2.5");
    let objective = of(&proposal, "1");
    assert!((60.0..63.0).contains(&objective.ideal.estimate()), "{}", objective.ideal);
    assert!(objective.reason.contains("the audience took at most"), "{}", objective.reason);
}

#[test]
fn what_an_agent_paused_is_reopened_after_some_days_first_smaller_then_as_a_probe() {
    let market = at_roas(3.0).campaign("2", "100", 4.0, 50.0).paused("2");
    let (view, mut books) = market.build();
    let wishes = |books: &Books| ask_with(&view, books, market.now(), AgentKind::Efficiency, "roas >= 2.5", ALLOCATION).wishes;
    assert!(wishes(&books).is_empty(), "a person's pause is theirs");
    books.stopped.insert(key("2"), market.days_ago(5));
    assert!(wishes(&books).is_empty(), "too early");
    books.stopped.insert(key("2"), market.days_ago(11));
    let first = wishes(&books);
    assert!(matches!(&first[..], [wish] if matches!(wish.change, Change::Budget { .. }) && wish.change.direction() == Direction::Protective));
    books.budgets.get_mut(&key("2")).expect("a book").cut_at = Some(market.days_ago(1));
    let second = wishes(&books);
    let [wish] = second.as_slice() else { panic!("one wish") };
    assert_eq!(wish.change, Change::Status { entity: key("2"), from: RunStatus::Paused, to: RunStatus::Active });
    assert!(wish.confidence < 0.99 && wish.cost_if_wrong.micros() > 0 && wish.reason.contains("probe"));
}

#[test]
fn without_history_nobody_asks_for_anything() {
    let (mut view, books) = at_roas(3.0).build();
    let account = std::sync::Arc::make_mut(&mut view.accounts[0]);
    account.figures.fill(day(0.0, 0.0, 0.0));
    for kind in AgentKind::ALL {
        let proposal = ask_with(&view, &books, at_roas(3.0).now(), kind, "spend -> 500 USD/day", ALLOCATION);
        assert!(proposal.objectives.is_empty() && !proposal.progress.is_empty());
    }
}

#[test]
fn a_budget_changed_of_late_is_left_alone_until_that_shows_unless_it_is_beyond_repair() {
    let market = at_roas(1.82).campaign("dead", "100", 0.5, 50.0);
    let (view, mut books) = market.build();
    let speaks = |books: &Books| {
        let proposal = ask_with(&view, books, market.now(), AgentKind::Efficiency, "roas >= 2.5", ALLOCATION);
        ["1", "dead"].map(|id| proposal.objectives.iter().any(|objective| objective.budget.key == key(id)))
    };
    for book in books.budgets.values_mut() {
        book.cut_at = Some(market.days_ago(3));
    }
    assert_eq!(speaks(&books), [false, true]);
    for book in books.budgets.values_mut() {
        book.cut_at = Some(market.days_ago(4));
    }
    assert_eq!(speaks(&books), [true, true]);
}

#[test]
fn an_agent_with_members_of_its_own_speaks_for_these_and_for_nothing_else() {
    let market = at_roas(1.0).campaign("2", "100", 2.0, 50.0);
    let (view, books) = market.build();
    let curves = BTreeMap::from(["1", "2"].map(|id| (key(id), curve(id, 100.0, 2.0, 50.0, 60.0))));
    let (id, bounds) = ("one".parse().expect("a name"), step_bounds(&view, 20.0));
    let speaks = |account: &str, name: &str| {
        let members = Members { accounts: vec![account.parse().expect("a name")], name: name.to_owned() };
        let policy = AgentPolicy { members: Some(members), ..policy(AgentKind::Efficiency, "roas >= 2.5") };
        let proposal = propose(&AgentInput {
            round: Round::Allocation,
            id: &id,
            policy: &policy,
            view: &view,
            curves: &curves,
            books: &books,
            bounds: &bounds,
            volatile: false,
            now: market.now(),
        });
        proposal.objectives.iter().map(|objective| objective.budget.key.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(speaks("meta-main", "*"), ["1", "2"]);
    assert_eq!(speaks("meta-main", "Campaign 2"), ["2"]);
    assert_eq!(speaks("meta-main", "brand*"), Vec::<String>::new());
    assert_eq!(speaks("google-main", "*"), Vec::<String>::new());
}
