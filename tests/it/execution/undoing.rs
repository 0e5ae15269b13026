use super::*;

#[tokio::test]
async fn an_undo_restores_the_old_value_is_itself_a_decision_and_happens_once() {
    let stage = Stage::new().await;
    let budget = steerable(&stage.observe().await)[0].clone();
    let id = stage.authorise(Stage::raise(&budget), agent()).await;
    stage.run().await;
    stage.reconcile().await;
    let ask = async |id: DecisionId| {
        let kept = stage.observe().await;
        stage.store.read(|mut tx| async move { undo::of_decision(&mut tx, &id, "ann", &[&kept.inventory]).await }).await
    };
    let pin = ask(id).await.expect("nothing has changed since");
    let back = stage.authorise(pin.wish.change, pin.actor).await;
    assert!(matches!(ask(id).await, Err(UndoFailure::Refused(UndoError::AlreadyUndone { by, .. })) if by == back), "an undo is under way");
    stage.settle();
    stage.run().await;
    assert_eq!(stage.reconcile().await.applied, vec![back]);
    assert_eq!(amount(&stage.observe().await, &budget.budget.key), budget.amount);
    assert_eq!(stage.decision(back).await.undoes, Some(id));
    assert!(matches!(ask(id).await, Err(UndoFailure::Refused(UndoError::AlreadyUndone { .. }))));
    stage.edit(&budget.budget.key, json!({ "budget": usd(77) })).await;
    assert!(matches!(ask(back).await, Err(UndoFailure::Refused(UndoError::ChangedSince { .. }))), "what a person set since is not overwritten");
}
