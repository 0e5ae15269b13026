//! Undo: a new decision that sets the old value, expecting ours to be there now. It walks the one path like any other change: this module only
//! says what to ask for, or why it cannot be asked for.

use crate::domain::change::Change;
use crate::domain::decision::DecisionState;
use crate::domain::entity::RunStatus;
use crate::domain::ids::{ChangeSetId, DecisionId};
use crate::domain::proposal::{Actor, Evidence, Pin, Wish};
use crate::ledger::{DecisionBody, LedgerError};
use crate::platforms::Inventory;
use crate::store::decision::DecisionRow;
use crate::store::{StoreError, Tx};

use super::settle::{aim, shown};

/// Why a decision cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UndoError {
    /// There is no such decision or change set.
    #[error("UNDO_NOT_FOUND: there is no {0}")]
    NotFound(String),
    /// It never changed anything, or it is not known yet whether it did.
    #[error("UNDO_NOT_APPLIED: {decision} is {state}: only what was applied can be undone")]
    NotApplied {
        /// The decision.
        decision: DecisionId,
        /// Where it stands.
        state: &'static str,
    },
    /// It has been undone, or is being undone.
    #[error("UNDO_DONE: {decision} was undone by {by}")]
    AlreadyUndone {
        /// The decision.
        decision: DecisionId,
        /// The undo.
        by: DecisionId,
    },
    /// Another value stands there now.
    #[error("UNDO_CHANGED: {decision} set {entity} to {ours}, but it now shows {found}: something else changed it since, so the old value is not put back")]
    ChangedSince {
        /// The decision.
        decision: DecisionId,
        /// The entity.
        entity: String,
        /// What the decision set.
        ours: String,
        /// What stands there now.
        found: String,
    },
    /// The kind of change has no way back here.
    #[error("UNDO_IMPOSSIBLE: {decision} cannot be undone: {why}")]
    Impossible {
        /// The decision.
        decision: DecisionId,
        /// Why.
        why: &'static str,
    },
}

/// Why there is nothing to ask for.
#[derive(Debug, thiserror::Error)]
pub enum UndoFailure {
    /// It cannot be undone; why.
    #[error(transparent)]
    Refused(#[from] UndoError),
    /// The rows cannot be read.
    #[error("the decision to be undone cannot be read")]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for UndoFailure {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// A decision that may be undone.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// The decision.
    pub id: DecisionId,
    /// Where it stands.
    pub state: DecisionState,
    /// What it asked for.
    pub wish: &'a Wish,
    /// An undo of it that stands: open or applied.
    pub undone_by: Option<DecisionId>,
}

/// The change that puts the old value back, expecting the new one to be there; `None` where there is no old value to put back.
#[must_use]
pub fn inverse(change: &Change) -> Option<Change> {
    match change {
        Change::Budget { budget, from, to } => Some(Change::Budget { budget: budget.clone(), from: *to, to: *from }),
        Change::Status { from: RunStatus::Ended, .. } | Change::Status { to: RunStatus::Ended, .. } => None,
        Change::Status { entity, from, to } => Some(Change::Status { entity: entity.clone(), from: *to, to: *from }),
        Change::PartStatus { from: RunStatus::Ended, .. } | Change::PartStatus { to: RunStatus::Ended, .. } => None,
        Change::PartStatus { part, from, to } => Some(Change::PartStatus { part: part.clone(), from: *to, to: *from }),
        Change::Bid { part, from, to } => from.map(|from| Change::Bid { part: part.clone(), from: Some(*to), to: from }),
        Change::BidStrategy { part, from, to } => from.map(|from| Change::BidStrategy { part: part.clone(), from: Some(*to), to: from }),
        Change::Targeting { part, from, to } => Some(Change::Targeting { part: part.clone(), from: to.clone(), to: from.clone() }),
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => None,
    }
}

/// What to ask for so that `done` is undone, judged against what the platform shows now.
///
/// # Errors
/// [`UndoError`] when it was never applied, is undone already, has no way back, or something else has changed the value since.
pub fn pin(done: Done<'_>, by: &str, now: &Inventory, change_set: Option<ChangeSetId>) -> Result<Pin, UndoError> {
    let decision = done.id;
    if !done.state.has_taken_effect() {
        return Err(UndoError::NotApplied { decision, state: done.state.name() });
    }
    if let Some(by) = done.undone_by {
        return Err(UndoError::AlreadyUndone { decision, by });
    }
    let change = inverse(&done.wish.change).ok_or(UndoError::Impossible { decision, why: "what it made or ended has no earlier value to put back" })?;
    let reason = match aim(&change) {
        Some(back) => {
            let found = shown(now, back.entity, back.field);
            if found != Some(back.from) {
                let found = found.map_or_else(|| "nothing".to_owned(), |value| value.words());
                return Err(UndoError::ChangedSince { decision, entity: back.entity.to_string(), ours: back.from.words(), found });
            }
            format!("{by} undoes {decision}: {} goes back from {} to {}", back.entity, back.from.words(), back.to.words())
        }
        // No whole read shows it: the look before sending tells whether it is still ours.
        None => format!("{by} undoes {decision}: {} goes back", change.entity().map_or_else(String::new, ToString::to_string)),
    };
    let wish = Wish { change, reason, evidence: Evidence::default(), prediction: None, confidence: 1.0, cost_if_wrong: done.wish.cost_if_wrong };
    Ok(Pin { actor: Actor::Undo { of: decision, by: by.to_owned() }, wish, change_set })
}

/// What to ask for so that one decision is undone. `now` shows the accounts as last read.
///
/// # Errors
/// [`UndoFailure::Refused`] with the reason, or the database.
pub async fn of_decision(tx: &mut Tx, id: &DecisionId, by: &str, now: &[&Inventory]) -> Result<Pin, UndoFailure> {
    let row = tx.decision(id).await?.ok_or_else(|| UndoError::NotFound(format!("decision `{id}`")))?;
    of_row(tx, &row, by, now, None).await
}

/// What to ask for so that a whole change set is undone, last change first, and what of it cannot be undone and why. What never reached the platform
/// needs no undo and is left out. The undos form the change set `undo`.
///
/// # Errors
/// [`UndoFailure::Refused`] when there is no such change set, or the database.
pub async fn of_change_set(tx: &mut Tx, set: &ChangeSetId, undo: ChangeSetId, by: &str, now: &[&Inventory]) -> Result<(Vec<Pin>, Vec<UndoError>), UndoFailure> {
    let rows = tx.decisions_of_change_set(set).await?;
    if rows.is_empty() {
        return Err(UndoError::NotFound(format!("change set `{set}`")).into());
    }
    let (mut pins, mut refused) = (Vec::new(), Vec::new());
    for row in rows.iter().rev().filter(|row| row.changed.is_some() && row.state != DecisionState::Failed) {
        match of_row(tx, row, by, now, Some(undo)).await {
            Ok(pin) => pins.push(pin),
            Err(UndoFailure::Refused(why)) => refused.push(why),
            Err(error @ UndoFailure::Ledger(_)) => return Err(error),
        }
    }
    Ok((pins, refused))
}

async fn of_row(tx: &mut Tx, row: &DecisionRow, by: &str, now: &[&Inventory], change_set: Option<ChangeSetId>) -> Result<Pin, UndoFailure> {
    let body = DecisionBody::of(row)?;
    let mut undone_by = None;
    for undo in tx.undos_of(&row.id).await? {
        let again = tx.undos_of(&undo.id).await?.into_iter().any(|again| again.state.has_taken_effect());
        if undo.state.is_pending() || undo.state.has_taken_effect() && !again {
            undone_by = Some(undo.id);
        }
    }
    let done = Done { id: row.id, state: row.state, wish: &body.settled.wish, undone_by };
    let unread = UndoError::Impossible { decision: row.id, why: "its account has not been read yet" };
    let account = now.iter().find(|inventory| inventory.account.account == row.account).ok_or(unread)?;
    Ok(pin(done, by, account, change_set)?)
}

trait Standing {
    /// Whether it may still be carried out.
    fn is_pending(&self) -> bool;
    /// Whether the platform took it.
    fn has_taken_effect(&self) -> bool;
}

impl Standing for DecisionState {
    fn is_pending(&self) -> bool {
        match self {
            Self::Proposed | Self::Escalated | Self::Approved | Self::Authorised { .. } | Self::Dispatched { .. } | Self::Unknown => true,
            Self::Withdrawn
            | Self::Denied
            | Self::Rejected
            | Self::Expired
            | Self::Superseded
            | Self::Cancelled
            | Self::Applied
            | Self::Failed
            | Self::Scored
            | Self::Void => false,
        }
    }

    fn has_taken_effect(&self) -> bool {
        matches!(self, Self::Applied | Self::Scored | Self::Void)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::fixture::{campaign, inventory, usd};

    fn wish(from: i64, to: i64) -> Wish {
        let change = Change::Budget { budget: campaign(1).budget, from: usd(from), to: usd(to) };
        Wish { change, reason: "more".into(), evidence: Evidence::default(), prediction: None, confidence: 0.7, cost_if_wrong: usd(5) }
    }

    fn id(text: &str) -> DecisionId {
        text.parse().expect("an id")
    }

    fn done(wish: &Wish, state: DecisionState) -> Done<'_> {
        Done { id: id("dec_01J00000000000000000000000"), state, wish, undone_by: None }
    }

    #[test]
    fn an_undo_puts_the_old_value_back_and_expects_ours() {
        let wish = wish(100, 120);
        let pin = pin(done(&wish, DecisionState::Applied), "ann", &inventory(&[(1, 120)]), None).expect("nothing changed since");
        assert!(matches!(pin.actor, Actor::Undo { ref by, .. } if by == "ann"));
        assert!(matches!(pin.wish.change, Change::Budget { from, to, .. } if (from, to) == (usd(120), usd(100))));
    }

    #[test]
    fn an_undo_is_refused_when_something_else_changed_the_value_since() {
        let wish = wish(100, 120);
        let refused = pin(done(&wish, DecisionState::Scored), "ann", &inventory(&[(1, 90)]), None);
        assert!(matches!(refused, Err(UndoError::ChangedSince { .. })));
        assert!(matches!(pin(done(&wish, DecisionState::Applied), "ann", &inventory(&[]), None), Err(UndoError::ChangedSince { .. })));
    }

    #[test]
    fn only_what_was_applied_is_undone_and_only_once() {
        let wish = wish(100, 120);
        for state in [DecisionState::Denied, DecisionState::Unknown, DecisionState::Authorised { attempts: 0 }, DecisionState::Failed] {
            assert!(matches!(pin(done(&wish, state), "ann", &inventory(&[(1, 120)]), None), Err(UndoError::NotApplied { .. })));
        }
        let twice = Done { undone_by: Some(id("dec_01J00000000000000000000001")), ..done(&wish, DecisionState::Applied) };
        assert!(matches!(pin(twice, "ann", &inventory(&[(1, 120)]), None), Err(UndoError::AlreadyUndone { .. })));
    }

    #[test]
    fn undoing_an_undo_gives_the_change_again() {
        let change = wish(100, 120).change;
        assert_eq!(inverse(&change).and_then(|back| inverse(&back)), Some(change));
    }
}
