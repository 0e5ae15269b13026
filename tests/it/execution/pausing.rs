use super::*;

/// After a pause of `scope` has returned, no write of it arrives, whatever was on its way: 50 trials under load.
async fn silent(scope: Scope) {
    let stage = Arc::new(Stage::on(Platform::Meta, Clock::manual(START), 12).await);
    let pausing = Pausing::new(stage.gate.clone(), stage.store.clone(), stage.clock.clone());
    let kept = stage.observe().await;
    let home: BTreeMap<EntityKey, Money> = steerable(&kept).into_iter().map(|budget| (budget.budget.key.clone(), budget.amount)).collect();
    let scope = match scope {
        Scope::Campaign(_) => Scope::Campaign(steerable(&kept)[0].budget.members[0].clone()),
        other => other,
    };
    let mut arrived = 0;
    for trial in 0..50_u64 {
        stage.clock.advance(TimeDelta::hours(2));
        stage.fault(json!({ "kind": "slow", "methods": "write", "delay_ms": trial % 10 })).await;
        let kept = stage.observe().await;
        stage.outbox.reconcile(&kept.read(), stage.held()).await.expect("reconciled");
        for budget in steerable(&kept) {
            let home = home[&budget.budget.key];
            let to = if budget.amount == home { home.scale("0.9".parse().expect("a number"), Rounding::Down).expect("small") } else { home };
            let to = to.round_to(budget.unit, Rounding::Down).expect("one currency");
            stage.authorise(Change::Budget { budget: budget.budget.clone(), from: budget.amount, to }, agent()).await;
        }
        let earlier = stage.inside(&scope).await;
        let load = tokio::spawn({
            let stage = Arc::clone(&stage);
            async move {
                for _ in 0..2 {
                    stage.run().await;
                }
            }
        });
        // Half the pauses meet a batch that has begun, the others one that is about to.
        for _ in 0..if trial % 2 == 0 { 100 } else { trial % 20 } {
            if stage.inside(&scope).await > earlier {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pausing.pause(&scope, &By::Person("ann".into()), "a trial").await.expect("paused");
        let before = stage.inside(&scope).await;
        load.await.expect("no panic");
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert_eq!(stage.inside(&scope).await, before, "{scope}: a write arrived after the pause had returned, in trial {trial}");
        arrived += before - earlier;
        pausing.resume(&scope, &By::Person("ann".into()), "the trial is over").await.expect("resumed");
    }
    assert!(arrived > 10, "{scope}: only {arrived} writes arrived, so little was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_the_workspace_has_returned_no_write_arrives() {
    silent(Scope::Workspace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_an_account_has_returned_no_write_arrives() {
    silent(Scope::Account(account())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_a_pool_has_returned_no_write_arrives() {
    silent(Scope::Pool(pool())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_an_agent_has_returned_no_write_arrives() {
    silent(Scope::Agent("scale".parse().expect("a name"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_a_campaign_has_returned_no_write_of_it_arrives() {
    silent(Scope::Campaign("main:campaign:1".parse().expect("a key"))).await;
}

#[tokio::test]
async fn a_latch_holds_while_the_database_is_gone_and_is_stored_once_it_is_back() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.gate.close(&Scope::Workspace).await.expect("latched");
    let report = stage.run().await;
    assert!(matches!(report.waiting.as_slice(), [(waits, Waits::Paused(_))] if *waits == id), "{report:?}");
    let pausing = Pausing::new(stage.gate.clone(), stage.store.clone(), stage.clock.clone());
    pausing.follow().await.expect("stored");
    let flag: Result<_, StoreError> = stage.store.read(|mut tx| async move { tx.scope(&Scope::Workspace).await }).await;
    assert!(flag.expect("readable").is_some_and(|row| row.paused));
    pausing.resume(&Scope::Workspace, &By::Person("ann".into()), "fixed").await.expect("resumed");
    assert_eq!(stage.state(id).await, DecisionState::Superseded, "what was authorised before a pause is not carried out after it");
    assert_eq!(stage.log().await.len(), 0);
}
