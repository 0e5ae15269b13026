//! Predictions from the moment their change is applied until they are scored or void.

use chrono::TimeDelta;
use serde_json::json;

use super::LedgerError;
use super::advance::{find, step, turn};
use super::body::DecisionBody;
use crate::clock::ProductTime;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::EntityKey;
use crate::domain::ids::{DecisionId, IdGen, OutcomeId};
use crate::domain::outcome::{OutcomeState, Prediction, VoidReason};
use crate::domain::scope::Scope;
use crate::learning;
use crate::store::decision::DecisionRow;
use crate::store::outcome::{OutcomeRow, Standing};
use crate::store::step::Moment;
use crate::store::{StoreError, Tx};

/// Full days a prediction must have stood for to be scored.
const LEAST_DAYS: i64 = 3;
/// Outcomes read at a time.
const PAGE: u32 = 200;

/// A prediction that can be scored now.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// Its row.
    pub row: OutcomeRow,
    /// The prediction.
    pub prediction: Prediction,
    /// Whether our own next change ended it before its horizon did, and when.
    pub cut_at: Option<ProductTime>,
}

/// When a horizon that began with a change at `from` ends by itself: the first full day begins at most a day later.
fn horizon_end(from: ProductTime, prediction: &Prediction) -> ProductTime {
    from + TimeDelta::days(i64::from(prediction.horizon_days) + 1)
}

/// A row that cannot be scored because of what it says. It stays pending, so nobody gains trust or frees a stake by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which outcome, as far as its row says.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// What can be scored now, and what would be due if it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ripe {
    /// Predictions to score, oldest first.
    pub due: Vec<Due>,
    /// Rows set aside.
    pub unreadable: Vec<Unreadable>,
}

fn due_of(row: OutcomeRow) -> Result<Due, Unreadable> {
    let prediction: Prediction = serde_json::from_str(&row.prediction).map_err(|error| Unreadable { id: row.id.to_string(), why: error.to_string() })?;
    let cut_at = (row.until < horizon_end(row.from, &prediction)).then_some(row.until);
    Ok(Due { row, prediction, cut_at })
}

pub(super) async fn open(tx: &mut Tx, ids: &IdGen, row: &DecisionRow, body: &DecisionBody, when: Moment) -> Result<(), LedgerError> {
    let (Some(prediction), Some(entity)) = (&body.settled.wish.prediction, &row.entity) else { return Ok(()) };
    let new = OutcomeRow {
        id: ids.next(when.at),
        decision: row.id,
        entity: entity.clone(),
        account: row.account.clone(),
        pool: row.pool.clone(),
        actor: row.actor.clone(),
        action: row.action,
        standing: Standing::Pending,
        from: when.at,
        until: horizon_end(when.at, prediction),
        due: learning::due(when.at, prediction.horizon_days),
        settled: None,
        good: None,
        confidence: body.settled.wish.confidence,
        prediction: serde_json::to_string(prediction)?,
        result: None,
    };
    Ok(tx.insert_outcome(&new).await?)
}

/// Our own change of an entity ends the predictions about it at that day; those that stood for under three full days are void.
pub(super) async fn close_by_our_change(tx: &mut Tx, row: &DecisionRow, when: Moment) -> Result<(), LedgerError> {
    let Some(entity) = &row.entity else { return Ok(()) };
    for outcome in tx.pending_outcomes_of(entity).await? {
        // The day of a change is not a full one, at either end.
        if when.at - outcome.from < TimeDelta::days(LEAST_DAYS + 1) {
            settle(tx, &outcome.id, &outcome.decision, &OutcomeState::Void { reason: VoidReason::TooShort }, when).await?;
        } else if when.at < outcome.until {
            tx.close_outcome_horizon(&outcome.id, when.at, outcome.due.min(learning::due(when.at, 0))).await?;
        }
    }
    Ok(())
}

/// The predictions that can be scored at `at`, oldest first, at least one page of them where there are so many: rows that cannot be read are set aside,
/// however many stand before the others.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn due(tx: &mut Tx, at: ProductTime) -> Result<Ripe, LedgerError> {
    let (mut found, mut seen) = (Ripe::default(), 0);
    loop {
        let page = tx.due_outcomes(at, seen, PAGE).await?;
        let last = page.len() < PAGE as usize;
        for row in page {
            match row {
                Ok(row) => match due_of(row) {
                    Ok(due) => found.due.push(due),
                    Err(unreadable) => found.unreadable.push(unreadable),
                },
                Err(StoreError::Corrupt { id, what, .. }) => found.unreadable.push(Unreadable { id, why: what }),
                Err(error) => return Err(error.into()),
            }
        }
        if last || found.due.len() >= PAGE as usize {
            return Ok(found);
        }
        seen += PAGE;
    }
}

/// Writes what became of a prediction and moves its decision: applied to scored or void.
///
/// # Errors
/// [`LedgerError::Transition`] for a prediction that is still open, [`StoreError::Stale`] when it was settled before.
pub async fn save(tx: &mut Tx, id: &OutcomeId, state: &OutcomeState, when: Moment) -> Result<DecisionState, LedgerError> {
    turn(tx).await?;
    let row = tx.outcome(id).await?.ok_or_else(|| LedgerError::Missing { what: "outcome", id: id.to_string() })?;
    settle(tx, id, &row.decision, state, when).await
}

async fn settle(tx: &mut Tx, id: &OutcomeId, decision: &DecisionId, state: &OutcomeState, when: Moment) -> Result<DecisionState, LedgerError> {
    let (standing, event, good) = match state {
        OutcomeState::Scored { right, .. } => (Standing::Scored, Event::Score, Some(*right)),
        OutcomeState::Void { .. } => (Standing::Void, Event::Void, None),
        OutcomeState::Open { .. } => {
            return Err(LedgerError::Changed { what: format!("outcome {id}, which is not settled,") });
        }
    };
    tx.settle_outcome(id, standing, when.at, good, &serde_json::to_string(state)?).await?;
    let row = find(tx, decision).await?;
    step(tx, &row, event, &json!({ "outcome": id, "result": state }), when, None).await
}

/// Makes every open prediction about `entity` void. Called when somebody else has edited it, or a hold was opened on it.
///
/// # Errors
/// As [`save`].
pub async fn disturb(tx: &mut Tx, entity: &EntityKey, reason: VoidReason, when: Moment) -> Result<usize, LedgerError> {
    turn(tx).await?;
    let open = tx.pending_outcomes_of(entity).await?;
    for outcome in &open {
        settle(tx, &outcome.id, &outcome.decision, &OutcomeState::Void { reason }, when).await?;
    }
    Ok(open.len())
}

/// Makes the open predictions within a scope void: a person has paused it. One that cannot be is left to whoever scores it; it stops no stop.
pub(super) async fn disturb_scope(tx: &mut Tx, scope: &Scope, when: Moment) -> Result<usize, LedgerError> {
    let mut voided = 0;
    for outcome in tx.readable_pending_outcomes().await? {
        let inside = match scope {
            Scope::Workspace => true,
            Scope::Account(account) => outcome.account == *account,
            Scope::Pool(pool) => outcome.pool.as_ref() == Some(pool),
            Scope::Agent(agent) => outcome.actor == agent.as_str(),
            Scope::Campaign(campaign) => outcome.entity == *campaign,
        };
        let can_end = match find(tx, &outcome.decision).await {
            Ok(row) => row.state.on(Event::Void).is_ok(),
            Err(LedgerError::Store(StoreError::Corrupt { .. }) | LedgerError::Missing { .. }) => false,
            Err(error) => return Err(error),
        };
        if inside && can_end {
            settle(tx, &outcome.id, &outcome.decision, &OutcomeState::Void { reason: VoidReason::PersonPause }, when).await?;
            voided += 1;
        }
    }
    Ok(voided)
}
