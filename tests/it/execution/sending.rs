use super::*;

#[tokio::test]
async fn i1_every_write_has_one_earlier_decision_and_the_bytes_it_recorded() {
    for platform in Platform::ALL {
        written_once(&Stage::on(platform, Clock::manual(START), 24).await).await;
    }
}

#[tokio::test]
async fn i1_holds_on_postgres_too() {
    if let Some(bench) = crate::engines::Bench::postgres().await {
        let folder = tempfile::tempdir().expect("a folder");
        written_once(&Stage::over(Platform::Meta, Clock::manual(START), 24, bench.store.clone(), folder).await).await;
        bench.finish().await;
    }
}

async fn written_once(stage: &Stage) {
    let kept = stage.observe().await;
    let mut decisions = Vec::new();
    for (place, budget) in steerable(&kept).iter().enumerate() {
        decisions.push(stage.authorise(if place % 2 == 0 { Stage::raise(budget) } else { Stage::cut(budget) }, agent()).await);
    }
    assert!(decisions.len() > 2);
    let report = stage.run().await;
    assert!(report.sent.iter().all(|(_, answer)| *answer == Answer::Accepted), "{report:?}");
    let log = stage.log().await;
    assert_eq!(log.len(), decisions.len(), "{report:?}");
    for row in &log {
        let hash = row["body_sha256"].as_str().expect("a hash");
        let kept: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.body(hash).await }).await;
        assert_eq!(kept.expect("readable").map(|body| ledger::chain::body_hash(body.as_bytes())).as_deref(), Some(hash), "the very bytes that left are kept");
        let (hash, wall_ms) = (row["body_sha256"].as_str().expect("a hash"), row["wall_ms"].as_i64().expect("a time"));
        let since: Result<_, StoreError> =
            stage.store.read(|mut tx| async move { tx.account_dispatches_since(&account(), ProductTime::from_ms(0)).await }).await;
        let matching: Vec<_> = since
            .expect("readable")
            .into_iter()
            .filter(|dispatch| dispatch.body_hash == hash && row["id"] == dispatch.entity.as_ref().expect("an entity").id.as_str())
            .collect();
        assert_eq!(matching.len(), 1, "one dispatch for {row}");
        assert!(matching[0].sent_wall.ms() <= wall_ms, "the row was committed before the write arrived");
        assert!(matching[0].poll.is_some());
    }
    stage.settle();
    let again = stage.run().await;
    assert_eq!(again.reconciled.applied.len(), decisions.len());
    assert!(again.sent.is_empty());
    assert_eq!(stage.log().await.len(), decisions.len(), "nothing is sent twice");
    for id in decisions {
        assert_eq!(stage.state(id).await, DecisionState::Applied);
    }
}

#[tokio::test]
async fn nothing_is_written_before_the_first_reconciliation_and_reductions_go_first() {
    let stage = Stage::new().await;
    let kept = stage.observe().await;
    let budgets = steerable(&kept);
    let up = stage.authorise(Stage::raise(&budgets[0]), agent()).await;
    let down = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    assert!(!stage.outbox.acting());
    let report = stage.run().await;
    assert!(stage.outbox.acting());
    assert_eq!(report.sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![down, up]);
    assert_eq!(stage.run().await.reconciled.confirmed, vec![down], "a confirmed reduction frees money for the next wave");
}

#[tokio::test]
async fn a_refused_token_stops_the_account_and_asks_a_person() {
    let stage = Stage::new().await;
    let budgets = steerable(&stage.observe().await);
    let first = stage.authorise(Stage::cut(&budgets[0]), agent()).await;
    let second = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    stage.reconcile().await;
    stage.fault(json!({ "kind": "revoked_token", "methods": "write", "count": 1 })).await;
    let report = stage.run().await;
    assert!(matches!(report.sent[0], (id, Answer::Credentials(_)) if id == first));
    assert_eq!(report.sent.len(), 1, "after a refused token nothing else is tried");
    assert_eq!(stage.tickets().await, vec![TicketKind::CredentialTrouble]);
    assert!(stage.run().await.sent.is_empty());
    assert!(matches!(stage.state(second).await, DecisionState::Authorised { .. }));
    assert_eq!(stage.effects().await, 0);
}

#[tokio::test]
async fn a_decision_made_for_a_state_that_has_passed_is_not_sent() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let first = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.run().await;
    assert_eq!(stage.reconcile().await.applied, vec![first]);
    let outdated = stage.authorise(Stage::cut(&budget), agent()).await;
    stage.settle();
    let report = stage.run().await;
    assert!(report.sent.is_empty() && report.called_off.len() == 1, "{report:?}");
    assert_eq!(stage.state(outdated).await, DecisionState::Superseded);
}

#[tokio::test]
async fn only_one_write_of_an_entity_is_open_at_a_time() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let Change::Budget { to: first_to, .. } = Stage::raise(&budget) else { unreachable!("a raise is about a budget") };
    stage.authorise(Stage::raise(&budget), agent()).await;
    let next = Change::Budget { budget: budget.budget.clone(), from: first_to, to: usd(60) };
    let second = stage.authorise(next, Actor::Person { name: "ann".into() }).await;
    let report = stage.run().await;
    assert_eq!((report.sent.len(), report.waiting.len()), (1, 1));
    let report = stage.run().await;
    assert_eq!(report.sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![second], "its turn comes once the first is settled");
}

#[tokio::test]
async fn a_refusal_for_too_many_calls_is_tried_again_after_the_wait_and_at_most_three_times() {
    let stage = Stage::on(Platform::Meta, Clock::time_lapse(START, 60, Clock::real().wall()), 24).await;
    let budgets = steerable(&stage.observe().await);
    let once = stage.authorise(Stage::cut(&budgets[0]), agent()).await;
    stage.fault(json!({ "kind": "http_429", "methods": "write", "count": 1 })).await;
    let mut waited = false;
    for _ in 0..200 {
        let report = stage.run().await;
        waited |= report.waiting.iter().any(|(_, waits)| *waits == Waits::Rest);
        if stage.state(once).await == DecisionState::Applied {
            break;
        }
        tokio::time::sleep(report.again_in.unwrap_or(Duration::from_millis(50)).min(Duration::from_millis(200))).await;
    }
    assert_eq!(stage.state(once).await, DecisionState::Applied, "waited: {waited}");
    assert_eq!(stage.effects().await, 1);
    stage.fault(json!({ "kind": "http_429", "methods": "write" })).await;
    let never = stage.authorise(Stage::cut(&budgets[1]), agent()).await;
    for _ in 0..400 {
        let report = stage.run().await;
        if stage.state(never).await == DecisionState::Failed {
            break;
        }
        tokio::time::sleep(report.again_in.unwrap_or(Duration::from_millis(50)).min(Duration::from_millis(200))).await;
    }
    assert_eq!(stage.state(never).await, DecisionState::Failed);
    let dispatches: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.dispatches_of(&never).await }).await;
    assert_eq!(dispatches.expect("readable").iter().map(|dispatch| dispatch.attempt).collect::<Vec<_>>(), vec![1, 2, 3]);
    assert_eq!(stage.effects().await, 1);
}

/// An authorised change meets `broken`, an account that is not any more what it was decided on.
async fn meeting(change: impl Fn(&Kept) -> Change, broken: impl Fn(&mut AccountView)) -> (Stage, DecisionId, OutboxReport) {
    let stage = Stage::new().await;
    stage.reconcile().await;
    let mut kept = stage.observe().await;
    let id = stage.authorise(change(&kept), agent()).await;
    broken(Arc::make_mut(&mut kept.view));
    let report = stage.outbox.run_once(&kept.read(), stage.held()).await.expect("run");
    assert!(report.sent.is_empty() && stage.log().await.is_empty(), "{report:?}");
    (stage, id, report)
}

#[tokio::test]
async fn i4_what_a_hard_guardrail_forbids_by_now_is_called_off_unsent() {
    let raise = |kept: &Kept| Stage::raise(&steerable(kept)[0]);
    for rule in ["TRACKING", "FROZEN_ACCOUNT", "PLATFORM_MINIMUM"] {
        let broken = |view: &mut AccountView| match rule {
            "TRACKING" => view.tracking = Tracking::Broken { reported: 1.0, expected: 9.0 },
            "FROZEN_ACCOUNT" => view.frozen = Some(Frozen::NotInGoodStanding),
            _ => view.budgets.iter_mut().for_each(|budget| budget.minimum = usd(1_000_000)),
        };
        let (stage, id, report) = meeting(raise, broken).await;
        assert!(report.called_off.iter().any(|(called_off, why)| *called_off == id && why.starts_with(rule)), "{rule}: {report:?}");
        assert_eq!(stage.state(id).await, DecisionState::Expired, "{rule}");
    }
}

#[tokio::test]
async fn i4_what_rests_on_figures_that_grew_old_waits_for_fresh_ones() {
    let old = |view: &mut AccountView| view.conversions_at = view.conversions_at.map(|at| at - TimeDelta::days(3));
    let (stage, id, report) = meeting(|kept| Stage::raise(&steerable(kept)[0]), old).await;
    assert!(matches!(&report.waiting[..], [(waiting, Waits::Refused(why))] if *waiting == id && why.starts_with("STALE_CONVERSIONS")), "{report:?}");
    let report = stage.run().await;
    assert!(matches!(&report.sent[..], [(sent, Answer::Accepted)] if *sent == id), "{report:?}");
}

#[tokio::test]
async fn i4_a_start_that_the_platforms_review_forbids_by_now_is_called_off_with_a_ticket() {
    let start = |kept: &Kept| {
        let stopped = kept.inventory.campaigns.iter().find(|campaign| campaign.status == RunStatus::Paused).expect("one stands still");
        Change::Status { entity: stopped.key.clone(), from: RunStatus::Paused, to: RunStatus::Active }
    };
    let refused = |view: &mut AccountView| view.campaigns.iter_mut().for_each(|campaign| campaign.disapproved = true);
    let (stage, id, report) = meeting(start, refused).await;
    assert!(report.called_off[0].1.starts_with("POLICY_DISAPPROVED"), "{report:?}");
    assert_eq!((stage.state(id).await, stage.tickets().await), (DecisionState::Expired, vec![TicketKind::PolicyViolation]));
}
