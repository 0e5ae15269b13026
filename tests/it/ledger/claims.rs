//! Claims: what may leave, and what stands in the way at the last moment.

use adjutant::domain::scope::Scope;
use adjutant::ledger::control::{By, control};
use adjutant::store::scope::Verb;
use chrono::TimeDelta;

use super::*;
use crate::on_both_engines;

impl Desk {
    pub(super) async fn control(&self, scope: Scope, verb: Verb) -> ledger::control::Controlled {
        let (scope, by, when) = (&scope, &By::Person("ann".into()), self.now());
        self.store.write(|mut tx| async move { control(&mut tx, scope, verb, by, "test", when).await }).await.expect("controlled")
    }
}

async fn refused(desk: &Desk, id: DecisionId) -> (String, &'static str) {
    match desk.claim(id).await.expect("an answer") {
        Claim::No(refusal) => (refusal.code, refusal.state.name()),
        Claim::Go(_) => panic!("{id} may leave"),
    }
}

on_both_engines! {
    async fn i1_a_request_leaves_only_after_its_decision_and_its_exact_body_are_committed(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let Claim::Go(claimed) = desk.claim(id).await.expect("a claim") else { panic!("it may leave") };
        let (of, dispatch) = (&id, &claimed.dispatch());
        let (stored, links, steps) = desk
            .store
            .read(|mut tx| async move {
                Ok::<_, StoreError>((tx.dispatch(dispatch).await?.expect("stored"), tx.decisions_of_dispatch(dispatch).await?, tx.steps_of(&of.to_string()).await?))
            })
            .await
            .expect("readable");
        assert_eq!((stored.body_hash.as_str(), stored.lease_token, links), (claimed.body_hash(), desk.lease.token, vec![id]));
        assert_eq!(steps.iter().map(|step| step.kind.as_str()).collect::<Vec<_>>(), ["proposed", "authorised", "dispatched"]);
        assert_eq!(refused(&desk, id).await, ("STATE".into(), "dispatched"), "one request is out at a time");
    }

    async fn i1_of_eight_claimers_of_one_decision_one_may_send(bench) {
        let desk = &Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let claims = futures::future::join_all((0..8).map(|_| desk.claim(id))).await;
        let sent = claims.into_iter().filter(|claim| matches!(claim.as_ref().expect("an answer"), Claim::Go(_))).count();
        assert_eq!(sent, 1);
    }

    async fn i1_three_attempts_proven_not_executed_are_the_last(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        for expected in ["authorised", "authorised", "failed"] {
            assert!(matches!(desk.claim(id).await.expect("a claim"), Claim::Go(_)));
            let (of, when) = (&id, desk.now());
            let state = desk.store.write(|mut tx| async move { ledger::not_executed(&mut tx, of, &json!({}), when, None).await }).await.expect("moved");
            assert_eq!(state.name(), expected);
        }
        assert_eq!(refused(&desk, id).await, ("STATE".into(), "failed"));
    }

    async fn i2_after_a_pause_of_any_scope_around_it_nothing_leaves_until_a_resume_which_ends_what_was_waiting(bench) {
        let scopes = [Scope::Workspace, Scope::Account(account()), Scope::Pool(pool()), Scope::Campaign(campaign(1))];
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        for scope in scopes {
            let (id, state) = desk.decide(set(1, 100, 120)).await;
            assert_eq!(state.name(), "authorised", "{scope}");
            desk.control(scope.clone(), Verb::Pause).await;
            assert_eq!(refused(&desk, id).await, ("PAUSED".into(), "authorised"), "{scope}");
            let resumed = desk.control(scope.clone(), Verb::Resume).await;
            assert_eq!(resumed.ended, vec![id], "{scope}");
            assert_eq!(refused(&desk, id).await, ("STATE".into(), "superseded"), "{scope}");
        }
    }

    async fn i2_eight_claimers_against_a_pause_no_claim_is_committed_after_it(bench) {
        let desk = &Desk::open(&bench.store, policy(wide(), 10_000), &[100; 8]).await;
        for _ in 0..12 {
            desk.set_back(&[100; 8]).await;
            let mut ids = Vec::new();
            for id in 1..=8 {
                ids.push(desk.decide(set(id, 100, 101)).await.0);
            }
            let claims = futures::future::join_all(ids.iter().map(|id| desk.claim(*id)));
            let (claims, paused) = tokio::join!(claims, desk.control(Scope::Workspace, Verb::Pause));
            let sent = claims.iter().filter(|claim| matches!(claim.as_ref().expect("an answer"), Claim::Go(_))).count();
            assert_eq!(sent, paused.in_flight.len(), "what left is what the pause was told is out");
            let steps = desk.store.read(|mut tx| async move { tx.decisions_in_state(&account(), "dispatched").await }).await.expect("readable");
            assert_eq!(steps.len(), sent, "nothing left after the pause");
            for row in steps {
                desk.applied(row.id).await;
            }
            desk.control(Scope::Workspace, Verb::Resume).await;
        }
    }

    async fn i5_a_node_whose_lease_was_taken_over_neither_records_nor_claims(bench) {
        let mut desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let (old, other) = (desk.lease.clone(), &"two".parse::<NodeId>().expect("a name"));
        let lease = &old;
        let taken = desk.store.write(|mut tx| async move {
            tx.resign_lease(lease).await?;
            tx.acquire_lease(&shard(), other, Duration::from_secs(60)).await
        });
        let taken = taken.await.expect("free").expect("free");
        assert!(taken.token > old.token);
        let lost = |error: &LedgerError| matches!(error, LedgerError::Store(StoreError::LeaseLost { .. }));
        assert!(lost(&desk.claim_under(&old, &desk.policy, id).await.expect_err("no lease")));
        let judged = desk.judge(vec![set(1, 100, 90)]).await;
        assert!(lost(&desk.record(judged).await.expect_err("no lease")));
        desk.lease = taken;
        assert!(matches!(desk.claim(id).await.expect("the new holder goes on"), Claim::Go(_)));
    }

    async fn what_a_person_changed_elsewhere_is_not_overwritten_by_what_was_authorised_before(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let hold = &adjutant::store::hold::HoldRow {
            id: desk.ids.next(MONDAY),
            entity: campaign(1),
            account: account(),
            reason: "changed elsewhere".into(),
            ticket: None,
            opened: MONDAY,
            expires: MONDAY + TimeDelta::hours(72),
            closed: None,
            payload: "{}".into(),
        };
        desk.store.write(|mut tx| async move { tx.insert_hold(hold).await }).await.expect("held");
        assert_eq!(refused(&desk, id).await, ("HOLD".into(), "expired"));
    }

    async fn a_write_waits_while_another_on_its_entity_is_not_resolved(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (first, _) = desk.decide(set(1, 100, 120)).await;
        let second = desk.judge(vec![set(1, 100, 110)]).await;
        assert!(matches!(desk.claim(first).await.expect("a claim"), Claim::Go(_)));
        let second = desk.record(second).await.expect("recorded");
        assert_eq!(second.decisions[0].code(), Some("UNRESOLVED"));
    }

    async fn a_decision_of_another_policy_is_not_carried_out_and_an_old_read_is_repeated(bench) {
        let mut desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let dispatch = &desk.request(id);
        let (policy_now, deadline) = (&desk.policy, desk.clock.instant());
        let (view, lease, config_age) = (&desk.view().await.accounts[0], &desk.lease, Duration::from_secs(31));
        let age_floor = chrono::TimeDelta::zero();
        let stale = ClaimRequest { decision: id, dispatch, body: None, lease, policy: policy_now, view, config_age, age_floor, deadline };
        let Claim::No(refusal) = ledger::claim(&desk.store, &stale, desk.now()).await.expect("an answer") else { panic!("31 s is too old") };
        assert_eq!((refusal.code.as_str(), refusal.state.name()), ("STALE_CONFIG", "authorised"));
        desk.policy = policy(wide(), 900);
        assert_eq!(refused(&desk, id).await.0, "POLICY", "this node has not been told by the database");
        desk.enact_policy().await;
        assert_eq!(refused(&desk, id).await, ("POLICY_CHANGED".into(), "expired"));
    }

    async fn i2_a_paused_agent_sends_nothing_and_a_terminated_one_loses_what_it_still_wanted(bench) {
        let easy = Guardrails { evidence_days: 0, evidence_conversions: Decimal::ZERO, evidence_cpa_multiple: Decimal::ZERO, min_active_campaigns: 0, ..wide() };
        let desk = Desk::open(&bench.store, policy(easy, 1_000), &[100]).await;
        let stop = settled(Actor::Agent { agent: agent() }, Change::Status { entity: campaign(1), from: RunStatus::Active, to: RunStatus::Paused });
        let (id, _) = desk.decide(stop).await;
        desk.control(Scope::Agent(agent()), Verb::Pause).await;
        assert_eq!(refused(&desk, id).await, ("PAUSED".into(), "authorised"));
        assert_eq!(desk.control(Scope::Agent(agent()), Verb::Terminate).await.ended, vec![id]);
        assert_eq!(refused(&desk, id).await, ("STATE".into(), "cancelled"));
    }

    async fn a_terminated_agent_is_never_resumed(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        desk.control(Scope::Agent(agent()), Verb::Terminate).await;
        let (scope, by, when) = (&Scope::Agent(agent()), &By::Person("ann".into()), desk.now());
        let again = desk.store.write(|mut tx| async move { control(&mut tx, scope, Verb::Resume, by, "test", when).await }).await;
        assert!(matches!(again, Err(LedgerError::Scope(_))));
        assert!(desk.books().await.terminated.contains(&agent()));
    }
}

impl Desk {
    /// The budgets stand at `amounts` again.
    async fn set_back(&self, amounts: &[i64]) {
        let at = self.clock.now();
        for (id, amount) in (1..).zip(amounts) {
            let key = &campaign(id);
            self.store.write(|mut tx| async move { tx.apply_budget(key, usd(*amount), at).await }).await.expect("set back");
        }
    }

    pub(super) async fn enact_policy(&self) {
        let (text, hash, at) = (&serde_json::to_string(&self.policy).expect("plain"), &self.policy.hash(), self.clock.now());
        self.store.write(|mut tx| async move { tx.enact_policy(hash, at, "test", text).await }).await.expect("enacted");
    }
}
