//! What a round leaves behind, and the books that follow from it.

use adjutant::domain::change::ActionKind;
use adjutant::domain::entity::RunStatus;
use adjutant::domain::outcome::{OutcomeState, VoidReason};
use adjutant::domain::scope::Scope;
use adjutant::ledger::control::{By, control};
use adjutant::ledger::{self, DecisionBody, outcomes};
use adjutant::store::scope::Verb;
use chrono::TimeDelta;

use super::*;
use crate::on_both_engines;

on_both_engines! {
    async fn a_decision_says_who_why_on_what_numbers_with_what_expectation_and_by_whose_verdicts(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, state) = desk.decide(set(1, 100, 120)).await;
        assert_eq!(state.name(), "authorised");
        let row = desk.decision(id).await;
        let body = DecisionBody::of(&row).expect("readable");
        assert_eq!((body.settled.wish.reason.as_str(), body.settled.alternatives.len()), ("it pays", 1));
        assert!(body.settled.wish.prediction.is_some() && body.verdicts.iter().any(|verdict| verdict.rule == "POOL_CAP"));
        assert_eq!((row.policy_hash.as_str(), row.moves), (desk.policy.hash().as_str(), Some((usd(100), usd(120)))));
    }

    async fn committed_money_is_the_larger_of_live_and_open_and_an_effect_frees_nothing_twice(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100]).await;
        let (raise, _) = desk.decide(set(1, 100, 150)).await;
        let (cut, _) = desk.decide(set(2, 100, 60)).await;
        assert_eq!(desk.books().await.committed[&pool()], usd(250), "a cut frees nothing before it is confirmed");
        for id in [raise, cut] {
            assert!(matches!(desk.claim(id).await.expect("a claim"), Claim::Go(_)));
        }
        assert_eq!(desk.books().await.unresolved.len(), 2);
        desk.applied(cut).await;
        assert_eq!(desk.books().await.committed[&pool()], usd(210));
        desk.applied(raise).await;
        let books = desk.books().await;
        assert_eq!(books.committed[&pool()], usd(210));
        assert_eq!(books.account_rise[&account()].net, usd(10));
        assert_eq!((books.budgets[&campaign(1)].day_ago, books.budgets[&campaign(1)].grown_at), (usd(100), Some(MONDAY)));
        assert_eq!(books.budgets[&campaign(2)].cut_at, Some(MONDAY));
    }

    async fn a_cut_that_holds_from_midnight_on_frees_nothing_before(bench) {
        let mut rules = policy(wide(), 1_000);
        let here = rules.accounts.get_mut(&account()).expect("the account");
        (here.platform, here.time_zone) = (Platform::Tiktok, chrono_tz::America::New_York);
        let desk = Desk::open(&bench.store, rules, &[100]).await;
        let group: EntityKey = "meta-main:ad_group:9".parse().expect("a key");
        let (unit, budget) = (Money::from_micros(10_000, Currency::USD), BudgetRef { key: group.clone(), members: vec![campaign(1)] });
        let read = &Budget { budget, resource: "9".into(), amount: usd(100), unit, minimum: usd(20), read_only: None };
        let (group, poll, hour) = (&group, &desk.poll, |hours| MONDAY + TimeDelta::hours(hours));
        desk.store
            .write(|mut tx| async move {
                tx.see_budget(read, Some(&pool()), Delivering::Yes, poll, MONDAY).await?;
                tx.apply_budget(group, usd(60), hour(1)).await?;
                tx.apply_budget(&campaign(1), usd(60), hour(1)).await
            })
            .await
            .expect("written");
        // New York's midnight is at five in the morning, UTC.
        for (hours, expected) in [(2, 160), (19, 160), (20, 120)] {
            let policy = &desk.policy;
            let books = desk.store.read(|mut tx| async move { ledger::books(&mut tx, policy, hour(hours)).await }).await.expect("books");
            assert_eq!(books.committed[&pool()], usd(expected), "{hours} h later");
        }
    }

    async fn what_does_not_fit_beside_what_others_committed_meanwhile_becomes_a_denied_decision(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 230), &[100, 100]).await;
        let (one, two) = (desk.judge(vec![set(1, 100, 125)]).await, desk.judge(vec![set(2, 100, 125)]).await);
        let first = desk.record(one).await.expect("recorded");
        let second = desk.record(two).await.expect("recorded");
        assert_eq!(first.decisions[0].state().name(), "authorised");
        assert_eq!((second.decisions[0].state().name(), second.decisions[0].code()), ("denied", Some("POOL_CAP")));
    }

    async fn a_newer_decision_takes_the_place_of_an_older_one_of_the_same_kind_only(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (stop, _) = desk.decide(status(1, RunStatus::Active, RunStatus::Paused)).await;
        let first = desk.judge(vec![set(1, 100, 130)]).await;
        let second = desk.judge(vec![set(1, 100, 90)]).await;
        let first = desk.record(first).await.expect("recorded").decisions[0].id();
        let receipt = desk.record(second).await.expect("recorded");
        assert_eq!(receipt.superseded, vec![first]);
        assert_eq!(desk.decision(stop).await.state.name(), "authorised");
        assert_eq!(desk.books().await.committed[&pool()], usd(100));
    }

    async fn starting_a_paused_campaign_commits_its_whole_budget(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 150), &[100, 100]).await;
        desk.enact(status(2, RunStatus::Active, RunStatus::Paused)).await;
        desk.see_paused(2).await;
        assert_eq!(desk.books().await.committed[&pool()], usd(100));
        let (_, state) = desk.decide(status(2, RunStatus::Paused, RunStatus::Active)).await;
        assert_eq!(state.name(), "denied", "100 + 100 is above the cap of 150");
    }

    async fn a_round_reads_back_whole_for_its_replay(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100]).await;
        let judged = desk.judge(vec![set(1, 100, 110), set(2, 100, 5_000)]).await;
        let (header, seen) = (desk.header().await, desk.books().await);
        let receipt = ledger::record(&desk.store, &desk.ids, &desk.clock, &desk.lease, &header, judged).await.expect("recorded");
        let id = &header.id;
        let stored = desk.store.read(|mut tx| async move { ledger::load_round(&mut tx, id).await }).await.expect("readable");
        assert_eq!((stored.books, stored.policy, stored.seed), (seen, desk.policy.clone(), 1));
        let ids: Vec<_> = stored.decisions.iter().map(|row| row.id).collect();
        assert_eq!(ids, receipt.decisions.iter().map(|recorded| recorded.id()).collect::<Vec<_>>());
    }

    async fn an_increase_is_funded_by_a_confirmed_reduction_only(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 200), &[100, 100]).await;
        let raise = set(1, 100, 120);
        let (cut, _) = desk.decide(set(2, 100, 70)).await;
        assert_eq!(desk.decide(raise.clone()).await.1.name(), "denied", "the cut is not confirmed");
        assert!(matches!(desk.claim(cut).await.expect("a claim"), Claim::Go(_)));
        desk.applied(cut).await;
        desk.clock.advance(TimeDelta::hours(25));
        desk.see(2, 70, Delivering::Yes).await;
        assert_eq!(desk.decide(raise).await.1.name(), "authorised");
    }

    async fn what_an_agent_staked_counts_until_it_turned_out_right_and_what_it_stopped_is_remembered(bench) {
        let easy = Guardrails { evidence_days: 0, evidence_conversions: Decimal::ZERO, evidence_cpa_multiple: Decimal::ZERO, min_active_campaigns: 0, ..wide() };
        let desk = Desk::open(&bench.store, policy(easy, 1_000), &[100, 100]).await;
        let by_agent = |change| settled(Actor::Agent { agent: agent() }, change);
        assert_eq!(desk.books().await.staked[&agent()], usd(0));
        let stop = by_agent(Change::Status { entity: campaign(1), from: RunStatus::Active, to: RunStatus::Paused });
        let (id, state) = desk.decide(stop).await;
        assert_eq!(state.name(), "authorised");
        let books = desk.books().await;
        assert_eq!((books.staked[&agent()], books.open_entities.len()), (usd(5), 1));
        assert!(matches!(desk.claim(id).await.expect("a claim"), Claim::Go(_)));
        desk.applied(id).await;
        desk.see_paused(1).await;
        let books = desk.books().await;
        assert_eq!((books.staked[&agent()], books.open_entities.len(), books.stopped.get(&campaign(1))), (usd(5), 0, Some(&MONDAY)));
        let at = MONDAY + TimeDelta::days(20);
        let due = desk.store.read(|mut tx| async move { outcomes::due(&mut tx, at).await }).await.expect("due").due;
        let right = &OutcomeState::Scored { actual: 9.0, counterfactual: 8.0, effect: 1.0, effect_low: 0.5, effect_high: 1.5, inside: true, right: true };
        let (outcome, when) = (&due[0].row.id, desk.now());
        desk.store.write(|mut tx| async move { outcomes::save(&mut tx, outcome, right, when).await }).await.expect("scored");
        let books = desk.books().await;
        assert_eq!(books.staked[&agent()], usd(0));
        let record = books.track[&agent()][&ActionKind::Pause];
        assert_eq!((record.scored, record.right, record.inside, record.bad_run), (1, 1, 1, 0));
    }

    async fn an_agent_stakes_at_least_a_day_of_the_money_it_adds_whatever_it_says(bench) {
        let easy = Guardrails { evidence_days: 0, evidence_conversions: Decimal::ZERO, evidence_cpa_multiple: Decimal::ZERO, ..wide() };
        let desk = Desk::open(&bench.store, policy(easy, 1_000), &[100]).await;
        let raise = settled(Actor::Agent { agent: agent() }, Change::Budget { budget: budget(1), from: usd(100), to: usd(115) });
        assert_eq!(raise.wish.cost_if_wrong, usd(5));
        let (_, state) = desk.decide(raise).await;
        assert_eq!((state.name(), desk.books().await.staked[&agent()]), ("authorised", usd(15)));
    }

    async fn our_next_change_ends_a_prediction_and_only_people_and_holds_disturb_it(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100, 100]).await;
        let (early, late, disturbed) = (desk.enact(set(1, 100, 110)).await, desk.enact(set(2, 100, 110)).await, desk.enact(set(3, 100, 110)).await);
        desk.clock.advance(TimeDelta::days(2));
        desk.enact(set(1, 110, 115)).await;
        assert_eq!(desk.decision(early).await.state.name(), "void", "two days are too few to judge by");
        desk.clock.advance(TimeDelta::days(3));
        desk.enact(set(2, 110, 115)).await;
        let when = desk.now();
        let entity = &campaign(3);
        let voided = desk.store.write(|mut tx| async move { outcomes::disturb(&mut tx, entity, VoidReason::ForeignEdit, when).await }).await;
        assert_eq!(voided.expect("voided"), 1);
        assert_eq!(desk.decision(disturbed).await.state.name(), "void");
        desk.clock.advance(TimeDelta::days(20));
        let (late_id, at) = (&late, desk.clock.now());
        let due = desk.store.read(|mut tx| async move { outcomes::due(&mut tx, at).await }).await.expect("due").due;
        let mine = due.iter().find(|due| due.row.decision == *late_id).expect("it was cut short, not voided");
        assert_eq!(mine.cut_at, Some(MONDAY + TimeDelta::days(5)));
        let state = OutcomeState::Scored { actual: 9.0, counterfactual: 8.0, effect: 1.0, effect_low: 0.5, effect_high: 1.5, inside: true, right: true };
        let (state, id, when) = (&state, &mine.row.id, desk.now());
        desk.store.write(|mut tx| async move { outcomes::save(&mut tx, id, state, when).await }).await.expect("scored");
        assert_eq!(desk.decision(late).await.state.name(), "scored");
    }

    async fn rows_that_lie_hold_up_no_other_prediction_and_no_pause(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100, 100, 100]).await;
        let mut made = Vec::new();
        for id in 1..=4 {
            made.push(desk.enact(set(id, 100, 110)).await);
        }
        bench.tamper(&format!("UPDATE outcome SET prediction = '{{' WHERE decision = '{}'", made[0])).await.expect("a projection can be edited");
        bench.tamper(&format!("UPDATE outcome SET entity = 'nothing' WHERE decision = '{}'", made[1])).await.expect("a projection can be edited");
        bench.tamper(&format!("UPDATE decision_state SET state = 'failed' WHERE decision = '{}'", made[2])).await.expect("a projection can be edited");
        desk.clock.advance(TimeDelta::days(20));
        let place = adjutant::cycle::Desk { store: desk.store.clone(), clock: desk.clock.clone(), ids: desk.ids.clone(), node: desk.lease.node.clone() };
        let report = adjutant::cycle::judge(&place, &desk.policy, &BTreeMap::new()).await.expect("judged");
        assert_eq!((report.scored + report.void, report.unreadable.len()), (1, 3), "{report:?}");
        assert_eq!(desk.decision(made[3]).await.state.name(), "void", "there are no figures to score it by");
        assert_eq!(desk.decision(made[0]).await.state.name(), "applied", "what cannot be read is not settled");
        let (everywhere, by, when) = (&Scope::Workspace, &By::Person("ann".into()), desk.now());
        let paused = desk.store.write(|mut tx| async move { control(&mut tx, everywhere, Verb::Pause, by, "stop", when).await }).await;
        assert!(paused.is_ok(), "{paused:?}");
    }
}

impl Desk {
    async fn see_paused(&self, id: u32) {
        let row = self.store.read(|mut tx| async move { tx.budget(&campaign(id)).await }).await.expect("readable").expect("stored");
        self.see(id, row.budget.amount.micros() / 1_000_000, Delivering::No).await;
    }

    /// A read shows this.
    pub(super) async fn see(&self, id: u32, amount: i64, delivering: Delivering) {
        let (at, poll) = (self.clock.now(), self.poll);
        let unit = Money::from_micros(10_000, Currency::USD);
        let read = &Budget { budget: budget(id), resource: id.to_string(), amount: usd(amount), unit, minimum: usd(1), read_only: None };
        self.store.write(|mut tx| async move { tx.see_budget(read, Some(&pool()), delivering, &poll, at).await }).await.expect("seen");
    }
}
