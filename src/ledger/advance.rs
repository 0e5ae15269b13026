//! The one place where a decision moves, and what its money does when it has.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::body::DecisionBody;
use super::{LedgerError, outcomes};
use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::RunStatus;
use crate::domain::ids::{DecisionId, IdGen};
use crate::store::Tx;
use crate::store::decision::DecisionRow;
use crate::store::step::Moment;

/// Moves a decision by `event`: the state machine, one chained step with `detail`, and the projection, which must still show the state read here.
///
/// # Errors
/// [`LedgerError::Missing`] without such a decision, [`LedgerError::Transition`] when the machine has no such step, and
/// [`crate::store::StoreError::Stale`] when somebody else moved it meanwhile.
pub async fn advance(tx: &mut Tx, id: &DecisionId, event: Event, detail: &Value, when: Moment) -> Result<DecisionState, LedgerError> {
    turn(tx).await?;
    let row = find(tx, id).await?;
    step(tx, &row, event, detail, when, None).await
}

/// Takes a turn among the transactions that decide: whatever else they lock, they lock this first, and so never wait for each other in a circle.
pub(super) async fn turn(tx: &mut Tx) -> Result<(), LedgerError> {
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, id: &DecisionId) -> Result<DecisionRow, LedgerError> {
    tx.decision(id).await?.ok_or_else(|| LedgerError::Missing { what: "decision", id: id.to_string() })
}

pub(super) async fn step(
    tx: &mut Tx,
    row: &DecisionRow,
    event: Event,
    detail: &Value,
    when: Moment,
    due: Option<ProductTime>,
) -> Result<DecisionState, LedgerError> {
    let next = row.state.on(event)?;
    tx.move_decision(&row.id, row.state, next, when, due, &json!({ "event": event, "detail": detail }).to_string()).await?;
    Ok(next)
}

async fn alone(tx: &mut Tx, row: &DecisionRow) -> Result<(), LedgerError> {
    tx.bump(&BTreeSet::from([row.account.clone()]), &row.pool.iter().cloned().collect()).await?;
    Ok(())
}

/// The platform shows the new value: money follows, the prediction opens, and those our change ends are closed. Takes its turn among deciding
/// transactions, for money that is neither live nor open would be committed twice.
///
/// # Errors
/// As [`advance`].
pub async fn applied(tx: &mut Tx, ids: &IdGen, id: &DecisionId, detail: &Value, when: Moment) -> Result<DecisionState, LedgerError> {
    let row = find(tx, id).await?;
    alone(tx, &row).await?;
    let next = step(tx, &row, Event::Apply, detail, when, None).await?;
    let body = DecisionBody::of(&row)?;
    match body.change() {
        Change::Budget { budget, to, .. } => tx.apply_budget(&budget.key, *to, when.at).await?,
        Change::Status { entity, to: RunStatus::Active, .. } => {
            for budget in tx.budgets_of_account(&entity.account).await? {
                if budget.budget.budget.key == *entity || budget.budget.budget.members.contains(entity) {
                    tx.start_budget(&budget.budget.budget.key, when.at).await?;
                }
            }
        }
        // A pause frees its money once a read of the whole account shows that no member of the budget delivers.
        Change::Status { to: RunStatus::Paused | RunStatus::Ended, .. }
        | Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. }
        | Change::CreateCampaign(_)
        | Change::CreateAdGroup(_)
        | Change::CreateCreative(_)
        | Change::CreateAd(_)
        | Change::UploadMedia(_) => {}
    }
    outcomes::close_by_our_change(tx, &row, when).await?;
    outcomes::open(tx, ids, &row, &body, when).await?;
    Ok(next)
}

/// The platform did not take it.
///
/// # Errors
/// As [`advance`].
pub async fn failed(tx: &mut Tx, id: &DecisionId, detail: &Value, when: Moment) -> Result<DecisionState, LedgerError> {
    let row = find(tx, id).await?;
    alone(tx, &row).await?;
    step(tx, &row, Event::Fail, detail, when, None).await
}

/// The request left and nothing proves what became of it; somebody looks again at `due`.
///
/// # Errors
/// As [`advance`].
pub async fn unknown(tx: &mut Tx, id: &DecisionId, detail: &Value, when: Moment, due: Option<ProductTime>) -> Result<DecisionState, LedgerError> {
    turn(tx).await?;
    let row = find(tx, id).await?;
    step(tx, &row, Event::LoseSight, detail, when, due).await
}

/// The last attempt is proven not to have been executed: authorised again and tried at `due`, or failed after the last attempt.
///
/// # Errors
/// As [`advance`].
pub async fn not_executed(tx: &mut Tx, id: &DecisionId, detail: &Value, when: Moment, due: Option<ProductTime>) -> Result<DecisionState, LedgerError> {
    let row = find(tx, id).await?;
    alone(tx, &row).await?;
    step(tx, &row, Event::NotExecuted, detail, when, due).await
}
