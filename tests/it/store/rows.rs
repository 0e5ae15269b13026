//! What is observed, flagged, asked and remembered.

use std::collections::{BTreeMap, BTreeSet};

use adjutant::domain::ids::{IdGen, TicketId};
use adjutant::domain::metrics::Metrics;
use adjutant::domain::scope::Scope;
use adjutant::domain::ticket::{Role, Severity, TicketKind};
use adjutant::store::alert::{NewAlert, Raised, Which};
use adjutant::store::idempotency::Claim;
use adjutant::store::measured::MeasuredFact;
use adjutant::store::poll_fact::Fact;
use adjutant::store::round::RoundRow;
use adjutant::store::scope::Verb;
use adjutant::store::session::LinkRow;
use adjutant::store::ticket::{Answer, ApprovalRow, TicketRow};
use chrono::NaiveDate;

use super::*;
use crate::on_both_engines;

const HOUR: i64 = 3_600_000;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).expect("a day")
}

fn fact(entity: u32, on: u32, spend: i64) -> Fact {
    Fact { entity: campaign(entity), day: day(on), metrics: Metrics { spend: usd(spend), ..Metrics::zero(Currency::USD) } }
}

async fn record(store: &Store, poll: &PollRow, facts: &[Fact]) -> usize {
    store.write(|mut tx| async move { tx.record_facts(poll, facts).await }).await.expect("stored")
}

async fn spend_at(store: &Store, seq: i64) -> Vec<Money> {
    let known = store.read(|mut tx| async move { tx.facts_at(&account(), seq, day(1), day(2)).await }).await.expect("readable");
    known.into_iter().map(|fact| fact.metrics.spend).collect()
}

fn round(ids: &IdGen) -> RoundRow {
    RoundRow {
        id: ids.next(ProductTime::from_ms(1)),
        pool: pool(),
        shard: shard(),
        now: ProductTime::from_ms(1),
        started_wall: WallTime::from_ms(1),
        finished_wall: None,
        reason: "schedule".into(),
        policy_hash: "p".into(),
        goals: "[]".into(),
        open_intents: "[]".into(),
        beliefs: "{}".into(),
        view_hash: "v".into(),
        seed: "7".into(),
        engine: "test".into(),
        node: node("a"),
        record: None,
    }
}

fn ticket(ids: &IdGen) -> TicketRow {
    TicketRow {
        id: ids.next(ProductTime::from_ms(1)),
        kind: TicketKind::SpendApproval,
        subject: campaign(1).to_string(),
        direction: "growth".into(),
        account: Some(account()),
        pool: Some(pool()),
        decision: None,
        state: "open".into(),
        severity: Severity::Warning,
        owner: Role::Approver,
        opened: ProductTime::from_ms(1),
        opened_wall: WallTime::from_ms(1),
        deadline: ProductTime::from_ms(100),
        reminded: None,
        closed: None,
        risk: Some(usd(5)),
        bound_hash: "h".into(),
        version: 1,
        payload: "{}".into(),
    }
}

on_both_engines! {
    async fn figures_are_read_as_they_were_known_at_any_poll(bench) {
        let ids = IdGen::seeded(2);
        // Three reads within one millisecond: their number tells their order, not their time.
        let (first, second, third) = (poll(&bench.store, &ids, 5).await, poll(&bench.store, &ids, 5).await, poll(&bench.store, &ids, 5).await);
        assert_eq!(record(&bench.store, &first, &[fact(1, 1, 10), fact(1, 2, 3)]).await, 2);
        assert_eq!(record(&bench.store, &second, &[fact(1, 1, 10), fact(1, 2, 4)]).await, 1, "only what changed");
        assert_eq!(record(&bench.store, &third, &[fact(1, 1, 11), fact(1, 2, 4), fact(2, 2, 1)]).await, 2);
        assert_eq!(spend_at(&bench.store, 0).await, []);
        assert_eq!(spend_at(&bench.store, first.seq).await, [usd(10), usd(3)]);
        assert_eq!(spend_at(&bench.store, second.seq).await, [usd(10), usd(4)]);
        assert_eq!(spend_at(&bench.store, i64::MAX).await, [usd(11), usd(4), usd(1)]);
        assert_eq!(bench.store.read(|mut tx| async move { tx.first_day(&account()).await }).await.expect("readable"), Some(day(1)));
    }

    async fn thinning_keeps_the_last_of_a_day_and_what_a_round_saw(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(2);
        let mut polls = Vec::new();
        for hour in 0..4 {
            let read = poll(&bench.store, &ids, hour * HOUR).await;
            record(&bench.store, &read, &[fact(1, 1, hour)]).await;
            polls.push(read.seq);
        }
        let (row, saw) = (&round(&ids), &BTreeMap::from([(account(), polls[1])]));
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_round(row, saw).await }).await;
        done.expect("stored");
        let thinned = bench.store.write(|mut tx| async move { tx.thin_facts(&account(), ProductTime::from_ms(100 * HOUR)).await }).await;
        assert_eq!(thinned.expect("thinned"), 2, "hours 0 and 2");
        assert_eq!(spend_at(&bench.store, polls[1]).await, [usd(1)]);
        assert_eq!(spend_at(&bench.store, polls[3]).await, [usd(3)]);
    }

    async fn what_was_counted_beside_the_platform_is_thinned_alike_and_each_source_by_itself(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(2);
        let mut polls = Vec::new();
        for hour in 0..4 {
            let read = poll(&bench.store, &ids, hour * HOUR).await;
            let (at, counted) = (&read, &[MeasuredFact { entity: campaign(1), day: day(1), conversions_milli: hour, revenue: usd(hour) }]);
            // The other source told something once.
            let sources: &[&str] = if hour == 0 { &["ga4:1", "ga4:2"] } else { &["ga4:1"] };
            let done: Result<(), StoreError> = bench.store.write(|mut tx| async move {
                for source in sources {
                    tx.record_measured(at, source, counted).await?;
                }
                Ok(())
            }).await;
            done.expect("stored");
            polls.push(read.seq);
        }
        let (row, saw) = (&round(&ids), &BTreeMap::from([(account(), polls[1])]));
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_round(row, saw).await }).await;
        done.expect("stored");
        let thinned = |before: i64| bench.store.write(move |mut tx| async move { tx.thin_measured(&account(), ProductTime::from_ms(before)).await });
        assert_eq!(thinned(HOUR).await.expect("thinned"), 0, "what is young stays");
        assert_eq!(thinned(100 * HOUR).await.expect("thinned"), 2, "hours 0 and 2");
        let counted = async |source: &str, seq| {
            let rows = bench.store.read(|mut tx| async move { tx.measured_at(&account(), source, seq, day(1), day(1)).await }).await.expect("readable");
            rows.iter().map(|fact| fact.conversions_milli).collect::<Vec<_>>()
        };
        assert_eq!(counted("ga4:1", polls[1]).await, [1]);
        assert_eq!(counted("ga4:1", i64::MAX).await, [3]);
        assert_eq!(counted("ga4:2", i64::MAX).await, [0]);
    }

    async fn an_entity_that_vanished_is_gone_from_that_read_on(bench) {
        let ids = IdGen::seeded(2);
        let (first, second) = (poll(&bench.store, &ids, 1).await, poll(&bench.store, &ids, 2).await);
        let (both, one) = (&[(campaign(1), "a".to_owned()), (campaign(2), "b".to_owned())], &[(campaign(1), "a".to_owned())]);
        let (earlier, later) = (&first, &second);
        let made = bench.store.write(|mut tx| async move { Ok::<_, StoreError>((tx.record_entities(earlier, "campaign", both).await?, tx.record_entities(later, "campaign", one).await?)) }).await;
        assert_eq!(made.expect("stored"), (2, 1));
        let count = async |seq| bench.store.read(|mut tx| async move { tx.entities_at(&account(), seq, "campaign").await }).await.expect("readable").len();
        assert_eq!((count(first.seq).await, count(second.seq).await), (2, 1));
    }

    async fn what_a_budget_cost_a_day_ago_is_known(bench) {
        let ids = IdGen::seeded(2);
        for (at, amount) in [(10, 100), (20, 100), (30, 130)] {
            let read = poll(&bench.store, &ids, at).await;
            see(&bench.store, 1, usd(amount), &read).await;
        }
        let at = async |ms| bench.store.read(|mut tx| async move { tx.amounts_at(&account(), ProductTime::from_ms(ms)).await }).await.expect("readable")[&campaign(1)];
        assert_eq!((at(5).await, at(29).await, at(30).await), (usd(100), usd(100), usd(130)));
        let row = bench.store.read(|mut tx| async move { tx.budget(&campaign(1)).await }).await.expect("readable").expect("stored");
        assert_eq!((row.budget.amount, row.accepted), (usd(130), usd(100)), "seeing an amount does not accept it");
        let accepted: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.accept_budget(&campaign(1), Money::zero(Currency::EUR), ProductTime::from_ms(9)).await }).await;
        assert!(matches!(accepted, Err(StoreError::Stale { .. })), "another currency is never taken over");
    }

    async fn a_scope_is_stopped_by_any_flag_around_it(bench) {
        let change = async |scope: Scope, verb| {
            let scope = &scope;
            bench.store.write(|mut tx| async move { tx.change_scope(scope, verb, "ann", "why", moment(7)).await }).await.expect("changed")
        };
        let around = BTreeSet::from([Scope::Account(account()), Scope::Pool(pool()), Scope::Agent("scale".parse().expect("a name")), Scope::Campaign(campaign(1))]);
        let around = &around;
        let stopped = async || bench.store.read(|mut tx| async move { tx.stopped_by(around).await }).await.expect("readable").len();
        assert_eq!(stopped().await, 0);
        change(Scope::Workspace, Verb::Pause).await;
        change(Scope::Campaign(campaign(1)), Verb::Pause).await;
        change(Scope::Campaign(campaign(2)), Verb::Pause).await;
        assert_eq!(stopped().await, 2, "the workspace and its own, not its neighbour's");
        change(Scope::Workspace, Verb::Resume).await;
        assert_eq!(stopped().await, 1, "resuming one scope leaves the flag of another");
        let resumed = change(Scope::Campaign(campaign(1)), Verb::Resume).await;
        assert_eq!((stopped().await, resumed.resumed, resumed.token), (0, Some(moment(7).at), 2));
        let agent = Scope::Agent("scale".parse().expect("a name"));
        change(agent.clone(), Verb::Terminate).await;
        assert!(change(agent, Verb::Resume).await.terminated, "terminated is for ever");
        assert_eq!(stopped().await, 1);
        let refused = bench.tamper("UPDATE scope_state SET terminated = FALSE").await.expect_err("refused").to_string();
        assert!(refused.contains("stays terminated"), "{refused}");
    }

    async fn one_ticket_is_open_for_a_subject_kind_and_direction_and_updates_name_the_version_they_read(bench) {
        let ids = IdGen::seeded(2);
        let (first, second) = (&ticket(&ids), &ticket(&ids));
        let open = async |row| bench.store.write(|mut tx| async move { tx.insert_ticket(row).await }).await;
        assert!(open(first).await.is_ok());
        assert!(matches!(open(second).await, Err(StoreError::Duplicate(_))));
        let closed = &TicketRow { state: "rejected".into(), closed: Some(ProductTime::from_ms(2)), ..first.clone() };
        let update = async || bench.store.write(|mut tx| async move { tx.update_ticket(closed).await }).await;
        assert!(update().await.is_ok());
        assert!(matches!(update().await, Err(StoreError::Stale { .. })), "version 1 is gone");
        assert!(open(second).await.is_ok(), "a closed one no longer counts");
        let waiting = bench.store.read(|mut tx| async move { tx.open_tickets().await }).await.expect("readable");
        assert_eq!(waiting, std::slice::from_ref(second));
    }

    async fn i6_an_approval_is_used_once_and_only_for_exactly_what_was_approved(bench) {
        let ids = IdGen::seeded(2);
        let row = &ticket(&ids);
        let answer = &ApprovalRow {
            id: ids.next(ProductTime::from_ms(2)),
            ticket: row.id,
            person: "ann".into(),
            role: Role::Approver,
            answer: Answer::Approve,
            bound_hash: "h".into(),
            waives: "[]".into(),
            reason: String::new(),
            when: moment(2),
            used: None,
        };
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move {
            tx.insert_ticket(row).await?;
            tx.insert_approval(answer).await
        }).await;
        done.expect("approved");
        let spend = async |ticket: TicketId, hash: &'static str| bench.store.write(|mut tx| async move { tx.use_approvals(&ticket, hash, ProductTime::from_ms(3)).await }).await;
        assert!(matches!(spend(row.id, "other").await, Err(StoreError::Stale { .. })));
        assert!(matches!(spend(row.id, "h").await, Ok(1)));
        assert!(matches!(spend(row.id, "h").await, Err(StoreError::Stale { .. })));
        assert!(bench.tamper("UPDATE approval SET used_at_ms = NULL").await.is_err(), "a used approval cannot be made fresh");
    }

    async fn an_alert_raised_again_is_counted_until_somebody_acknowledges_it(bench) {
        let ids = IdGen::seeded(2);
        let raise = async |at: i64| {
            let new = NewAlert { id: ids.next(ProductTime::from_ms(at)), kind: "breaker".into(), subject: "core".into(), severity: Severity::Critical, title: format!("at {at}"), payload: "{}".into(), when: moment(at) };
            let (new, sinks) = (&new, &["hook".to_owned()]);
            bench.store.write(|mut tx| async move { tx.raise_alert(new, sinks).await }).await.expect("raised")
        };
        let (first, fresh) = raise(1).await;
        assert_eq!(fresh, Raised::New);
        assert_eq!(raise(2).await, (first, Raised::Again));
        let open = bench.store.read(|mut tx| async move { tx.alerts(Which::Open, None, 10).await }).await.expect("readable");
        assert_eq!((open.len(), open[0].times, open[0].title.as_str()), (1, 2, "at 2"));
        let due = bench.store.read(|mut tx| async move { tx.due_deliveries(WallTime::from_ms(1_000), 10).await }).await.expect("readable");
        assert_eq!(due.len(), 1, "told once, not once a count");
        let seen: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.acknowledge_alert(&first, "ann", ProductTime::from_ms(3)).await }).await;
        seen.expect("acknowledged");
        assert_eq!(raise(4).await.1, Raised::New);
    }

    async fn a_repeated_request_gets_its_first_answer_and_a_link_works_once(bench) {
        let claim = async |hash: &'static str, now: i64| {
            bench.store.write(|mut tx| async move { tx.claim_key("ann", "k", hash, WallTime::from_ms(now), WallTime::from_ms(now + 100)).await }).await.expect("claimed")
        };
        assert_eq!(claim("h", 0).await, Claim::Fresh);
        assert_eq!(claim("h", 1).await, Claim::InProgress);
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.answer_key("ann", "k", 201, "{}").await }).await;
        done.expect("answered");
        assert_eq!(claim("h", 2).await, Claim::Answered { status: 201, answer: "{}".into() });
        assert_eq!(claim("other", 3).await, Claim::OtherRequest);
        assert_eq!(claim("other", 100).await, Claim::Fresh, "an expired key is free");
        let link = &LinkRow { nonce_hash: "n".into(), purpose: "sign_in".into(), subject: "ann".into(), issuer: "ann".into(), bound_hash: String::new(), role: Role::Admin, expires: WallTime::from_ms(50) };
        let stored: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_link(link).await }).await;
        stored.expect("stored");
        let follow = async |now: i64| bench.store.write(|mut tx| async move { tx.use_link("n", WallTime::from_ms(now)).await }).await.expect("asked");
        assert_eq!(follow(60).await, None, "too late");
        assert_eq!(follow(1).await.as_ref(), Some(link));
        assert_eq!(follow(2).await, None, "used");
    }
}
