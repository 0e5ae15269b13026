//! Changes that no whole read of an account shows: what hangs below campaigns, bids, targeting, and everything that is made. Each is looked at by itself,
//! before it is sent and until its effect is seen. A creation is found by the mark in its name, whatever became of the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;

use super::ExecutionError;
use super::baseline::{self, Intent};
use super::outbox::Outbox;
use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::draft::Mark;
use crate::domain::entity::EntityKey;
use crate::domain::ids::DecisionId;
use crate::domain::structure::Edit;
use crate::platforms::{PlatformError, Sight, WireRequest};
use crate::store::StoreError;
use crate::store::dispatch::DispatchRow;

/// How long after a read that failed the next is tried.
const AGAIN: Duration = Duration::from_secs(2);

/// How far back the platform is asked who made an edit that a read has just shown.
const EDITED: TimeDelta = TimeDelta::hours(6);

/// What was asked of the platform beside the whole read.
#[derive(Clone, Debug, Default)]
pub(super) struct Sights {
    /// What was seen of each open change of this kind, and when the look began.
    pub changes: BTreeMap<DecisionId, (ProductTime, Sight)>,
    /// What the platform tells of recent edits, oldest first; empty where it does not tell or was not asked.
    pub edits: Vec<Edit>,
}

impl Sights {
    /// The newest edit of `entity` that the platform tells of and that is none of ours: not within a span of `ours`, in which a write of ours arrived.
    pub(super) fn editor(&self, entity: &EntityKey, ours: &[(ProductTime, ProductTime)]) -> Option<&Edit> {
        let foreign = |edit: &&Edit| !ours.iter().any(|(from, to)| (*from..=*to).contains(&edit.at));
        self.edits.iter().rev().filter(|edit| edit.entity.as_ref() == Some(entity)).find(foreign)
    }
}

/// The id of what was made, as the answer to a request named it.
fn named(request: &DispatchRow) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(request.answer.as_deref()?).ok()?;
    answer["created"].as_str().map(str::to_owned)
}

/// What a look before sending says.
pub(super) enum Ready {
    /// The request may go out.
    Send(WireRequest),
    /// Nothing can be said now: it waits so long, in wall time.
    Wait(Duration),
    /// It is taken out, and why.
    Off(Event, String),
    /// The platform's advertising policy would refuse it, in its own words: it is taken out and a person is told.
    Policy(String),
}

impl Outbox {
    /// Looks at every change of this kind whose effect is open. Where a look fails, the next one tells.
    pub(super) async fn look_at_open(&self) -> Result<Sights, ExecutionError> {
        let account = &self.account;
        let read = self.store.read(|mut tx| async move {
            let mut open = tx.open_of_account(account).await?;
            open.retain(|row| matches!(row.state, DecisionState::Dispatched { .. } | DecisionState::Unknown));
            let open = baseline::intents(open, &mut Vec::new());
            let mut answered = BTreeMap::new();
            for intent in open.iter().filter(|intent| !intent.change().is_in_inventory()) {
                answered.insert(intent.row.id, tx.dispatches_of(&intent.row.id).await?.iter().rev().find_map(named));
            }
            Ok::<_, StoreError>((open, answered))
        });
        let (open, answered) = &read.await?;
        let looks = open.iter().filter(|intent| !intent.change().is_in_inventory()).map(async |intent| {
            let (id, at) = (intent.row.id, self.clock.now());
            let answered = answered.get(&id).and_then(Option::as_deref);
            match self.gateway.look(intent.change(), &Mark::of(&id), answered).await {
                Ok(sight) => Some((id, (at, sight))),
                Err(error) => {
                    tracing::warn!(decision.id = %id, error = %error, "what a change has done on the platform could not be looked at; it is tried again");
                    None
                }
            }
        });
        Ok(Sights { changes: join_all(looks).await.into_iter().flatten().collect(), edits: Vec::new() })
    }

    /// Asks who has been here, where the platform tells. It is help for a person, and nothing rests on it.
    pub(super) async fn editors(&self) -> Vec<Edit> {
        match self.gateway.edits(self.clock.now() - EDITED).await {
            Ok(edits) => edits.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(error = %error, "the platform did not tell who has changed what");
                Vec::new()
            }
        }
    }

    /// Looks before sending, and makes the request. The platform judges it first, where it offers that.
    pub(super) async fn ready(&self, intent: &Intent) -> Ready {
        let mark = Mark::of(&intent.row.id);
        let sight = match self.gateway.look(intent.change(), &mark, None).await {
            Ok(sight) => sight,
            Err(error) => return stopped(error),
        };
        if let Some((event, why)) = hindrance(&sight, intent.change()) {
            return Ready::Off(event, why);
        }
        let request = match self.gateway.compose(intent.change(), &mark).await {
            Ok(request) => request,
            Err(error) => return stopped(error),
        };
        match self.gateway.rehearse(&request).await {
            Ok(()) => Ready::Send(request),
            Err(error) => stopped(error),
        }
    }
}

/// What a look says against sending.
fn hindrance(sight: &Sight, change: &Change) -> Option<(Event, String)> {
    match sight {
        Sight::Before => None,
        Sight::Done { .. } | Sight::Working => Some((Event::Supersede, "ALREADY_THERE: what the change wants stands on the platform".to_owned())),
        Sight::Failed(why) => Some((Event::Cancel, format!("FAILED: {why}"))),
        Sight::Gone => Some((Event::Cancel, format!("GONE: {} is not there any more", change.entity().map_or_else(String::new, ToString::to_string)))),
        Sight::Other(what) => Some((Event::Cancel, format!("CHANGED_ELSEWHERE: the change expects something else than what stands there: {what}"))),
    }
}

/// What an error before sending means: nothing has been written.
fn stopped(error: PlatformError) -> Ready {
    match error {
        PlatformError::Quota { wait, .. } => Ready::Wait(wait),
        // Credentials are the account's trouble, which its reads tell of.
        PlatformError::Transient(_) | PlatformError::NotSent(_) | PlatformError::Unknown(_) | PlatformError::Auth(_) => Ready::Wait(AGAIN),
        PlatformError::Policy(words) => Ready::Policy(words),
        PlatformError::Permission(_)
        | PlatformError::Validation(_)
        | PlatformError::NotFound(_)
        | PlatformError::Conflict(_)
        | PlatformError::Unsupported(_) => Ready::Off(Event::Cancel, error.to_string()),
    }
}
