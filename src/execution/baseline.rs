//! What the rows say should stand on an account: values last accepted, values of ours, holds that ended, writes whose effect is open.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::findings::{Looked, OURS, OpenWrite, Place, Rows};
use super::holds;
use super::looks::Sights;
use super::settle::{Field, Value, aim};
use crate::clock::{Clock, ProductTime};
use crate::domain::change::Change;
use crate::domain::decision::DecisionState;
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::ids::AccountId;
use crate::execution::gate::SEND_DEADLINE;
use crate::ledger::DecisionBody;
use crate::store::decision::DecisionRow;
use crate::store::hold::HoldRow;
use crate::store::poll_fact::PollRow;
use crate::store::{StoreError, Tx};

/// How long after a write a read may still show the old value.
const SETTLE: TimeDelta = TimeDelta::seconds(60);

/// The kind of stored entity versions that hold the status last accepted.
const ACCEPTED_STATUS: &str = "accepted_status";

/// From when on a value dispatched at `at` must be visible. Never shorter than the deadline of the send itself.
pub(super) fn visible_by(at: ProductTime, clock: &Clock) -> ProductTime {
    at + clock.at_least(SETTLE, SEND_DEADLINE)
}

/// A decision with the change it is about.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub row: DecisionRow,
    pub body: DecisionBody,
}

impl Intent {
    pub(super) fn change(&self) -> &Change {
        self.body.change()
    }
}

/// Everything reconciliation needs of the rows of one account.
#[derive(Debug)]
pub(super) struct Loaded {
    pub known: BTreeMap<Place, (Value, ProductTime)>,
    /// Dispatched or unknown.
    pub open: Vec<Intent>,
    /// Dispatched within the last 24 h, whatever became of them.
    pub recent: Vec<Intent>,
    pub holds: Vec<HoldRow>,
    pub ended: Vec<HoldRow>,
    /// Decisions that cannot be read: quarantined.
    pub unreadable: Vec<String>,
}

/// Reads `rows` as intents; what cannot be read is set aside and blocks nobody else.
pub(super) fn intents(rows: Vec<DecisionRow>, unreadable: &mut Vec<String>) -> Vec<Intent> {
    let mut intents = Vec::new();
    for row in rows {
        match DecisionBody::of(&row) {
            Ok(body) => intents.push(Intent { row, body }),
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    intents
}

pub(super) async fn load(tx: &mut Tx, account: &AccountId, poll: &PollRow) -> Result<Loaded, StoreError> {
    let mut known = BTreeMap::new();
    for row in tx.budgets_of_account(account).await? {
        known.insert((row.budget.budget.key.clone(), Field::Budget), (Value::Budget(row.accepted), row.accepted_at));
    }
    for (entity, (status, at)) in statuses(tx, account, poll.seq).await? {
        known.insert((entity, Field::Status), (Value::Status(status), at));
    }
    let mut unreadable = Vec::new();
    let mut open = tx.open_of_account(account).await?;
    open.retain(|row| matches!(row.state, DecisionState::Dispatched { .. } | DecisionState::Unknown));
    let open = intents(open, &mut unreadable);
    let recent = intents(tx.dispatched_since(account, poll.at - OURS).await?, &mut Vec::new());
    Ok(Loaded { known, open, recent, holds: tx.open_holds(Some(account)).await?, ended: tx.newest_ended_holds(account).await?, unreadable })
}

async fn statuses(tx: &mut Tx, account: &AccountId, seq: i64) -> Result<BTreeMap<EntityKey, (RunStatus, ProductTime)>, StoreError> {
    let rows = tx.entities_at(account, seq, ACCEPTED_STATUS).await?;
    let status = |text: &str| [RunStatus::Active, RunStatus::Paused, RunStatus::Ended].into_iter().find(|status| status.name() == text);
    rows.into_iter()
        .map(|row| {
            let found = row.payload.as_deref().and_then(status);
            let lies = || StoreError::Corrupt { table: "entity_state", id: row.entity.to_string(), what: "no accepted status".into() };
            Ok((row.entity.clone(), (found.ok_or_else(lies)?, row.at)))
        })
        .collect()
}

/// Keeps `changed` as the statuses last accepted, beside those that stand.
pub(super) async fn accept_statuses(tx: &mut Tx, poll: &PollRow, changed: &BTreeMap<EntityKey, RunStatus>) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut all: BTreeMap<EntityKey, RunStatus> =
        statuses(tx, &poll.account, poll.seq).await?.into_iter().map(|(entity, (status, _))| (entity, status)).collect();
    all.extend(changed.iter().map(|(entity, status)| (entity.clone(), *status)));
    let rows: Vec<(EntityKey, String)> = all.into_iter().map(|(entity, status)| (entity, status.name().to_owned())).collect();
    tx.record_entities(poll, ACCEPTED_STATUS, &rows).await.map(|_| ())
}

impl Loaded {
    /// When our writes of the last 24 h to an entity arrived, each with the time it may have taken.
    pub(super) fn ours(&self, entity: &EntityKey, clock: &Clock) -> Vec<(ProductTime, ProductTime)> {
        let of_it = self.recent.iter().filter(|intent| aim(intent.change()).is_some_and(|aim| aim.entity == entity));
        of_it.filter_map(|intent| intent.row.changed.map(|at| (at, visible_by(at, clock)))).collect()
    }

    /// The rows in the form the pure comparison takes.
    pub(super) fn rows<'a>(&'a self, clock: &Clock, sights: &'a Sights) -> Rows<'a> {
        let mut rows = Rows { known: self.known.iter().map(|(place, (value, _))| (place.clone(), *value)).collect(), ..Rows::default() };
        for intent in &self.recent {
            let (Some(aim), Some(at)) = (aim(intent.change()), intent.row.changed) else { continue };
            let place = (aim.entity.clone(), aim.field);
            rows.ours.entry(place.clone()).or_default().extend([aim.from, aim.to]);
            let until = rows.settling.entry(place).or_insert(at);
            *until = (*until).max(visible_by(at, clock));
        }
        for intent in &self.open {
            let (decision, visible_by) = (intent.row.id, visible_by(intent.row.changed.unwrap_or(intent.row.since), clock));
            if let Some((at, sight)) = sights.changes.get(&decision) {
                rows.looked.push(Looked { decision, sight, at: *at, visible_by });
            } else if let Some(aim) = aim(intent.change()).filter(|_| intent.change().is_in_inventory()) {
                rows.open.push(OpenWrite { decision, aim, visible_by });
            }
        }
        for hold in &self.ended {
            let Some((closed, _)) = hold.closed.as_ref() else { continue };
            for (field, found) in holds::found(hold) {
                let place = (hold.entity.clone(), field);
                if self.known.get(&place).is_none_or(|(_, accepted_at)| closed > accepted_at) {
                    rows.conceded.insert(place, found.shown);
                }
            }
        }
        rows
    }
}
