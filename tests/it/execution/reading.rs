use super::*;

/// One write under one fault: how it ends after reading, whether it took effect, how many effects the platform logged.
async fn ends(kind: &str, state: DecisionState, took_effect: bool) {
    for platform in Platform::ALL {
        ends_on(platform, kind, state, took_effect).await;
    }
}

async fn ends_on(platform: Platform, kind: &str, state: DecisionState, took_effect: bool) {
    let stage = Stage::on(platform, Clock::manual(START), 24).await;
    let kept = stage.observe().await;
    let budget = steerable(&kept)[0].clone();
    let change = Stage::raise(&budget);
    let Change::Budget { to, .. } = &change else { unreachable!("a raise is about a budget") };
    let id = stage.authorise(change.clone(), agent()).await;
    stage.fault(json!({ "kind": kind, "methods": "write", "count": 1 })).await;
    let report = stage.run().await;
    assert_eq!(report.sent.len(), 1, "{report:?}");
    for _ in 0..4 {
        stage.settle();
        assert!(stage.run().await.sent.is_empty(), "{kind}: sent again");
    }
    assert_eq!(stage.state(id).await, state, "{kind}");
    let now = amount(&stage.observe().await, &budget.budget.key);
    assert_eq!(now, if took_effect { *to } else { budget.amount }, "{kind}");
    let expected = match (took_effect, kind) {
        (true, "duplicate") => 2,
        (true, _) => 1,
        (false, _) => 0,
    };
    assert_eq!(stage.effects().await, expected, "{kind}");
    let dispatches: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.dispatches_of(&id).await }).await;
    assert_eq!(dispatches.expect("readable").len(), 1, "{kind}: one request, whatever came back");
}

#[tokio::test]
async fn a_write_without_an_answer_that_took_effect_is_found_by_reading_and_never_repeated() {
    ends("timeout", DecisionState::Applied, true).await;
    ends("reset_after", DecisionState::Applied, true).await;
}

#[tokio::test]
async fn a_write_without_an_answer_that_did_not_take_effect_fails_after_two_reads_and_is_never_repeated() {
    ends("reset_before", DecisionState::Failed, false).await;
    ends("http_500", DecisionState::Failed, false).await;
}

#[tokio::test]
async fn a_slow_answer_and_a_request_doubled_on_the_way_end_as_one_applied_change() {
    ends("slow", DecisionState::Applied, true).await;
    ends("duplicate", DecisionState::Applied, true).await;
}

#[tokio::test]
async fn an_unknown_write_is_not_failed_by_one_read_nor_within_the_window() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.fault(json!({ "kind": "reset_before", "methods": "write", "count": 1 })).await;
    assert!(matches!(stage.run().await.sent[0].1, Answer::Unknown(_)));
    for _ in 0..5 {
        stage.reconcile().await;
        assert_eq!(stage.state(id).await, DecisionState::Unknown, "within the window an old value means not visible yet");
    }
    stage.settle();
    stage.reconcile().await;
    assert_eq!(stage.state(id).await, DecisionState::Unknown, "one read is not enough");
    stage.reconcile().await;
    assert_eq!(stage.state(id).await, DecisionState::Failed);
}

#[tokio::test]
async fn a_read_that_is_behind_neither_fails_a_write_nor_looks_like_somebody_else() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    assert_eq!(stage.run().await.sent[0].1, Answer::Accepted);
    stage.settle();
    stage.fault(json!({ "kind": "stale_read", "methods": "read" })).await;
    let behind = stage.reconcile().await;
    assert_eq!((behind.applied.len(), behind.foreign.len()), (0, 0));
    stage.fault(json!({ "kind": "stale_read", "methods": "read", "count": 0 })).await;
    assert_eq!(stage.reconcile().await.applied, vec![id]);
    stage.fault(json!({ "kind": "stale_read", "methods": "read" })).await;
    stage.settle();
    assert_eq!(stage.reconcile().await, adjutant::execution::Reconciled::default(), "an old value of ours is not somebody else's");
    assert_eq!(stage.holds().await, 0);
}

#[tokio::test]
async fn a_value_the_platform_clipped_is_asked_about_and_never_fought() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.reconcile().await;
    stage.fault(json!({ "kind": "clip", "methods": "write", "count": 1 })).await;
    stage.run().await;
    let read = stage.reconcile().await;
    assert_eq!(read.escalated, vec![id]);
    assert_eq!(stage.state(id).await, DecisionState::Escalated);
    assert_eq!(stage.holds().await, 1);
    let tickets = stage.tickets().await;
    assert!(tickets.contains(&TicketKind::UnknownOutcome) && tickets.contains(&TicketKind::ChangedElsewhere), "{tickets:?}");
}

#[tokio::test]
async fn a_foreign_edit_opens_one_hold_and_one_ticket_and_is_never_overwritten() {
    never_overwritten(&Stage::new().await).await;
}

#[tokio::test]
async fn a_foreign_edit_is_never_overwritten_on_postgres_either() {
    if let Some(bench) = crate::engines::Bench::postgres().await {
        let folder = tempfile::tempdir().expect("a folder");
        never_overwritten(&Stage::over(Platform::Meta, Clock::manual(START), 24, bench.store.clone(), folder).await).await;
        bench.finish().await;
    }
}

async fn never_overwritten(stage: &Stage) {
    let budget = steerable(&stage.observe().await)[0].clone();
    let key = budget.budget.key.clone();
    stage.reconcile().await;
    let waiting = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.edit(&key, json!({ "budget": usd(77) })).await;
    let report = stage.run().await;
    assert_eq!(report.reconciled.foreign, vec![key.clone()]);
    assert!(report.sent.is_empty());
    assert_eq!(stage.state(waiting).await, DecisionState::Cancelled);
    assert_eq!((stage.holds().await, stage.tickets().await), (1, vec![TicketKind::ChangedElsewhere]));
    assert!(stage.reconcile().await.foreign.is_empty(), "it is told once");
    let meanwhile = Change::Budget { budget: budget.budget.clone(), from: usd(77), to: usd(80) };
    let meanwhile = stage.authorise(meanwhile, agent()).await;
    stage.run().await;
    assert_eq!(stage.state(meanwhile).await, DecisionState::Cancelled, "a hold stops our writes even where the value is as expected");
    assert_eq!(stage.effects().await, 0);
    stage.clock.advance(TimeDelta::hours(73));
    assert_eq!(stage.reconcile().await.released, vec![key.clone()]);
    assert_eq!(stage.holds().await, 0);
    assert!(stage.reconcile().await.foreign.is_empty(), "the person's value is the baseline now");
    let after = stage.authorise(Change::Budget { budget: budget.budget.clone(), from: usd(77), to: usd(80) }, agent()).await;
    assert_eq!(stage.run().await.sent.len(), 1);
    stage.reconcile().await;
    assert_eq!(stage.state(after).await, DecisionState::Applied);
    stage.edit(&key, json!({ "budget": usd(77) })).await;
    stage.clock.advance(TimeDelta::hours(25));
    assert_eq!(stage.reconcile().await.foreign, vec![key], "what was conceded once is not conceded for ever");
}

#[tokio::test]
async fn a_campaign_somebody_paused_is_held_and_not_started_again() {
    let stage = Stage::new().await;
    let campaign = running(&stage.observe().await);
    stage.reconcile().await;
    stage.edit(&campaign.key, json!({ "status": "paused" })).await;
    assert_eq!(stage.reconcile().await.foreign, vec![campaign.key.clone()]);
    let start = Change::Status { entity: campaign.key.clone(), from: RunStatus::Paused, to: RunStatus::Active };
    let start = stage.authorise(start, agent()).await;
    stage.run().await;
    assert_eq!(stage.state(start).await, DecisionState::Cancelled);
    assert_eq!(stage.effects().await, 0);
}

#[tokio::test]
async fn our_own_pause_of_a_campaign_is_applied_and_is_not_foreign_afterwards() {
    let stage = Stage::new().await;
    let campaign = running(&stage.observe().await);
    let stop = Change::Status { entity: campaign.key.clone(), from: RunStatus::Active, to: RunStatus::Paused };
    let stop = stage.authorise(stop, agent()).await;
    stage.run().await;
    assert_eq!(stage.reconcile().await.confirmed, vec![stop]);
    stage.clock.advance(TimeDelta::days(3));
    assert!(stage.reconcile().await.foreign.is_empty(), "long after, the value is still known to be ours");
}

/// Restarts the outbox: what was in memory is gone, what was committed is not.
fn restarted(stage: &Stage) -> Outbox {
    Outbox::new(Arc::clone(&stage.gateway), stage.store.clone(), stage.clock.clone(), stage.ids.clone(), stage.gate.clone())
}

/// Records that a request is about to leave, as a process does that then dies before it can record an answer.
async fn claimed(stage: &Stage, id: DecisionId, change: &Change) -> WireRequest {
    let kept = stage.observe().await;
    let Change::Budget { budget, .. } = change else { unreachable!("budgets only") };
    let request = stage.gateway.prepare(change, kept.inventory.budgets.iter().find(|row| row.budget == *budget)).expect("a request");
    let when = stage.when();
    let dispatch = DispatchRow {
        id: stage.ids.next(when.at),
        shard: stage.lease.shard.clone(),
        account: account(),
        entity: change.entity().cloned(),
        purpose: Purpose::Ordinary,
        method: request.method.into(),
        url: request.url.clone(),
        body_hash: request.body_sha256.clone(),
        attempt: 1,
        poll: Some(kept.poll.id),
        node: stage.lease.node.clone(),
        lease_token: stage.lease.token,
        at: when.at,
        sent_wall: when.wall,
        deadline_wall: when.wall.after(SEND_DEADLINE),
        answered_wall: None,
        result: None,
        answer: None,
    };
    let deadline = stage.clock.instant() + SEND_DEADLINE;
    let claim = ClaimRequest {
        decision: id,
        dispatch: &dispatch,
        body: None,
        lease: &stage.lease,
        policy: &stage.policy,
        view: &kept.view,
        age_floor: TimeDelta::zero(),
        config_age: Duration::ZERO,
        deadline,
    };
    let claim = ledger::claim(&stage.store, &claim, when).await.expect("recorded");
    assert!(matches!(claim, Claim::Go(_)), "{claim:?}");
    request
}

#[tokio::test]
async fn a_request_whose_sender_died_is_settled_by_reading_whether_it_left_or_not() {
    for left in [true, false] {
        let stage = Stage::new().await;
        let budget = steerable(&stage.observe().await)[0].clone();
        let change = Stage::raise(&budget);
        let id = stage.authorise(change.clone(), agent()).await;
        let request = claimed(&stage, id, &change).await;
        if left {
            stage.gateway.send(request, SEND_DEADLINE, Lane::Ordinary).await.expect("accepted");
        }
        let outbox = restarted(&stage);
        let kept = stage.observe().await;
        let report = outbox.run_once(&kept.read(), stage.held()).await.expect("run");
        assert_eq!(report.reconciled.unknown, vec![id]);
        assert!(report.sent.is_empty(), "what may have left is never sent again");
        for _ in 0..3 {
            stage.settle();
            let kept = stage.observe().await;
            assert!(outbox.run_once(&kept.read(), stage.held()).await.expect("run").sent.is_empty());
        }
        assert_eq!(stage.state(id).await, if left { DecisionState::Applied } else { DecisionState::Failed });
        assert_eq!(stage.effects().await, usize::from(left));
    }
}
