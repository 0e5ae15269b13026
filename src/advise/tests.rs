use super::testing::Market;
use super::*;

fn warm(market: &mut Market, days: usize) -> Advisor {
    let mut advisor = Advisor::new(&market.meta).expect("a sound start");
    for _ in 0..days {
        advisor.observe(&market.day()).expect("a sound day");
    }
    advisor
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

#[test]
fn money_moves_from_what_brings_little_to_what_brings_much_within_step_pool_and_minimum() {
    let mut market = Market::new(&[8.0, 8.0, 8.0, 1.0, 1.0, 1.0]);
    let mut advisor = warm(&mut market, 28);
    for day in 28..60 {
        let before = market.budgets.clone();
        let advice = advisor.decide(day).expect("advice");
        assert!(sum(&advice.budgets) <= market.meta.pool + 1e-9, "day {day}: {:?}", advice.budgets);
        for (before, after) in before.iter().zip(&advice.budgets) {
            assert!((after - before).abs() <= 0.2 * before + 1e-9 && *after >= 10.0, "day {day}: {before} to {after}");
        }
        market.follow(&advice);
        advisor.observe(&market.day()).expect("a sound day");
    }
    let running = |from: usize, to: usize| (from..to).filter(|at| market.statuses[*at]).map(|at| market.budgets[at]).sum::<f64>();
    assert!(running(0, 3) > 1.3 * running(3, 6), "{:?} {:?}", market.budgets, market.statuses);
}

#[test]
fn the_same_days_give_the_same_advice() {
    let mut advice = (0..2).map(|_| {
        let mut market = Market::new(&[5.0, 2.0, 1.0, 3.0]);
        let mut advisor = warm(&mut market, 20);
        let first = advisor.decide(20).expect("advice");
        market.follow(&first);
        advisor.observe(&market.day()).expect("a sound day");
        advisor.decide(21).expect("advice")
    });
    assert_eq!(advice.next(), advice.next());
}

#[test]
fn what_the_daemon_would_ask_a_person_is_advised_and_counted() {
    let mut market = Market::new(&[40.0, 40.0, 1.0, 1.0]);
    market.meta.pool = 800.0;
    let mut advisor = warm(&mut market, 28);
    let advice = advisor.decide(28).expect("advice");
    let round = advisor.last_round();
    assert!(!round.actions.is_empty(), "{round:?}");
    let moved = advice.budgets.iter().zip(&market.budgets).zip(&advice.statuses).filter(|((after, before), status)| after != before || **status == 0).count();
    assert_eq!(moved, round.actions.iter().filter(|action| action.carried_out).count());
    assert_eq!(round.tickets() + round.alone(), round.actions.len());
    for action in &round.actions {
        assert!(!action.verdicts.is_empty() && !action.reason.is_empty());
    }
}

#[test]
fn a_refused_budget_leaves_the_previous_one_standing_and_starts_no_cooldown() {
    let mut market = Market::new(&[9.0, 9.0, 1.0]);
    market.meta.pool = 600.0;
    let mut advisor = warm(&mut market, 28);
    let advice = advisor.decide(28).expect("advice");
    let raised = (0..3).find(|at| advice.budgets[*at] > 100.0).expect("something grows");
    market.rejected[raised] = true;
    market.budgets = advice.budgets.clone();
    market.budgets[raised] = 100.0;
    advisor.observe(&market.day()).expect("a sound day");
    market.rejected[raised] = false;
    let again = advisor.decide(29).expect("advice");
    assert!(again.budgets[raised] > 100.0, "asked again at once, from what stands: {:?}", again.budgets);
    assert!(again.budgets[raised] <= 120.0);
    let untouched = (0..3).filter(|at| *at != raised && advice.budgets[*at] > 100.0).all(|at| again.budgets[at] == advice.budgets[at]);
    assert!(untouched, "what was accepted cools down: {:?}", again.budgets);
}

#[test]
fn what_learns_is_left_alone() {
    let mut market = Market::new(&[9.0, 9.0, 1.0]);
    market.meta.pool = 600.0;
    market.learning = Some(vec![true; 3]);
    let mut advisor = warm(&mut market, 28);
    assert_eq!(advisor.decide(28).expect("advice").budgets, market.budgets);
    market.learning = Some(vec![false; 3]);
    advisor.observe(&market.day()).expect("a sound day");
    assert_ne!(advisor.decide(29).expect("advice").budgets, market.budgets);
}

#[test]
fn no_budget_is_advised_above_what_its_owner_allows() {
    let mut market = Market::new(&[9.0, 9.0, 9.0]);
    (market.meta.pool, market.meta.max_budget) = (900.0, vec![105.0, 1_000.0, 1_000.0]);
    let mut advisor = warm(&mut market, 28);
    for day in 28..40 {
        let advice = advisor.decide(day).expect("advice");
        assert!(advice.budgets[0] <= 105.0, "{:?}", advice.budgets);
        market.follow(&advice);
        advisor.observe(&market.day()).expect("a sound day");
    }
    assert!(market.budgets[1] > 105.0);
}

#[test]
fn conversions_that_arrive_late_are_expected_in_full() {
    let mut market = Market::new(&[20.0, 20.0, 20.0]);
    market.meta.pool = 300.0;
    let mut advisor = warm(&mut market, 30);
    let advice = advisor.decide(30).expect("advice");
    for at in 0..3 {
        let week = 7.0 * 20.0 * (advice.budgets[at] / 100.0_f64).powf(0.7);
        let (mean, lo, hi) = (advice.predict.mean[at], advice.predict.lo[at], advice.predict.hi[at]);
        assert!((mean / week - 1.0).abs() < 0.05, "{mean} of {week}");
        assert!(lo < week && week < hi);
    }
}

#[test]
fn a_campaign_that_stands_still_is_expected_to_bring_nothing() {
    let mut market = Market::new(&[9.0, 9.0, 9.0]);
    market.statuses[1] = false;
    let mut advisor = warm(&mut market, 20);
    let advice = advisor.decide(20).expect("advice");
    assert_eq!((advice.statuses[1], advice.predict.mean[1], advice.predict.hi[1]), (0, 0.0, 0.0));
}

#[test]
fn each_agent_speaks_for_its_own_campaigns() {
    let mut market = Market::new(&[9.0, 9.0, 0.5, 0.5]);
    market.meta.agent = vec![0, 1, 0, 1];
    market.meta.agents.push(protocol::AgentMeta { id: "other".to_owned(), priority: 2.0, goal: protocol::GoalKind::CpaCap, value: 30.0 });
    let mut advisor = warm(&mut market, 28);
    advisor.decide(28).expect("advice");
    let names = ["only", "other"];
    let round = advisor.last_round();
    assert!(round.actions.len() > 1);
    assert!(round.actions.iter().all(|action| action.agent.as_str() == names[market.meta.agent[action.campaign]]), "{round:?}");
}

#[test]
fn a_day_told_twice_or_of_another_width_is_refused_by_its_field() {
    let mut market = Market::new(&[9.0, 9.0]);
    let mut advisor = warm(&mut market, 3);
    let mut again = market.day();
    again.day = 2;
    again.restated = None;
    assert!(advisor.observe(&again).expect_err("told already").to_string().starts_with("`result.day`"));
    (again.day, again.spend) = (3, vec![1.0]);
    assert!(advisor.observe(&again).expect_err("too short").to_string().starts_with("`result.spend`"));
    assert!(advisor.decide(1).expect_err("over").to_string().starts_with("`day`"));
}

#[test]
fn predictions_are_scored_when_they_are_mature_and_make_the_agents_record() {
    let mut market = Market::new(&[8.0, 8.0, 8.0, 1.0, 1.0, 1.0]);
    let mut advisor = warm(&mut market, 28);
    let (mut decided, mut outcomes) = (0, Vec::new());
    for day in 28..70 {
        let advice = advisor.decide(day).expect("advice");
        let round = advisor.last_round();
        if day < 56 {
            decided += round.actions.iter().filter(|action| action.carried_out && action.prediction.is_some()).count();
        }
        assert!(round.outcomes.iter().all(|outcome| outcome.day + 14 == day), "{:?}", round.outcomes);
        outcomes.extend(round.outcomes.clone());
        market.follow(&advice);
        advisor.observe(&market.day()).expect("a sound day");
    }
    assert_eq!(outcomes.len(), decided);
    let scored = outcomes.iter().filter(|outcome| matches!(outcome.state, crate::domain::outcome::OutcomeState::Scored { .. })).count();
    assert!(decided > 3 && scored > 0, "{scored} of {decided}");
}

#[test]
fn what_somebody_else_set_is_what_stands_and_voids_what_was_predicted() {
    let mut market = Market::new(&[9.0, 9.0, 1.0]);
    market.meta.pool = 600.0;
    let mut advisor = warm(&mut market, 28);
    let advice = advisor.decide(28).expect("advice");
    let raised = (0..3).find(|at| advice.budgets[*at] > 100.0).expect("something grows");
    market.follow(&advice);
    advisor.observe(&market.day()).expect("a sound day");
    market.budgets[raised] = 60.0;
    advisor.observe(&market.day()).expect("a sound day");
    let mut last = Vec::new();
    for day in 30..43 {
        let advice = advisor.decide(day).expect("advice");
        assert!(day > 30 || (advice.budgets[raised] - 60.0).abs() <= 12.0 + 1e-9, "{:?}", advice.budgets);
        last.extend(advisor.last_round().outcomes.clone());
        market.follow(&advice);
        advisor.observe(&market.day()).expect("a sound day");
    }
    let void = last.iter().find(|outcome| outcome.campaign == raised).expect("it was settled");
    assert_eq!(void.state, crate::domain::outcome::OutcomeState::Void { reason: crate::domain::outcome::VoidReason::ForeignEdit });
}
