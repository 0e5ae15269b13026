//! What people and breakers do to scopes: pause, resume, terminate, reduce, re-arm. Each is one transaction that takes its turn among claims, so that
//! a claim either was committed before it or sees the flag.

use serde_json::json;

use super::advance::{step, turn};
use super::{LedgerError, outcomes, workspace_shard};
use crate::clock::ProductTime;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::DecisionId;
use crate::domain::scope::Scope;
use crate::store::Tx;
use crate::store::books::IntentRow;
use crate::store::scope::{ScopeRow, Verb};
use crate::store::step::Moment;

/// Who is behind a verb: a person's pause voids predictions, a breaker's does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A person, by the name of the token or session.
    Person(String),
    /// A part of the daemon: a breaker, a signal, a credential that was refused.
    Daemon(&'static str),
}

impl By {
    fn name(&self) -> &str {
        match self {
            Self::Person(name) => name,
            Self::Daemon(part) => part,
        }
    }
}

/// What a verb did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controlled {
    /// The flag as it stands now.
    pub flag: ScopeRow,
    /// Decisions of the scope that have left, or may have, and are not resolved yet.
    pub in_flight: Vec<DecisionId>,
    /// Decisions that were authorised and are not any more.
    pub ended: Vec<DecisionId>,
}

/// Does `verb` to `scope`. A resume supersedes what was authorised before it, a termination cancels what the agent still wanted.
///
/// # Errors
/// [`LedgerError::Scope`] when that kind of scope does not have the verb, or the agent was terminated and is to be resumed.
pub async fn control(tx: &mut Tx, scope: &Scope, verb: Verb, by: &By, reason: &str, when: Moment) -> Result<Controlled, LedgerError> {
    let has_verb = match verb {
        Verb::Pause | Verb::Resume => true,
        Verb::Terminate => matches!(scope, Scope::Agent(_)),
        Verb::Reduce | Verb::Rearm => matches!(scope, Scope::Workspace | Scope::Account(_) | Scope::Pool(_)),
    };
    if !has_verb {
        return Err(LedgerError::Scope(format!("{scope} has no {verb:?}: only agents terminate; workspace, accounts and pools reduce and re-arm")));
    }
    turn(tx).await?;
    let before = tx.scope(scope).await?;
    if before.as_ref().is_some_and(|row| row.terminated) && verb == Verb::Resume {
        return Err(LedgerError::Scope(format!("{scope} was terminated, for ever: make an agent with another name")));
    }
    let flag = tx.change_scope(scope, verb, by.name(), reason, when).await?;
    open_workspace_chain(tx, when.at).await?;
    let kind = match verb {
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Terminate => "terminate",
        Verb::Reduce => "reduce",
        Verb::Rearm => "rearm",
    };
    let note = json!({ "by": by.name(), "reason": reason, "token": flag.token, "was_paused": before.as_ref().is_some_and(|row| row.paused) });
    tx.append_step(&workspace_shard(), kind, Some(&scope.to_string()), when, &note.to_string()).await?;
    if matches!((verb, by), (Verb::Pause, By::Person(_))) {
        outcomes::disturb_scope(tx, scope, when).await?;
    }
    let (mut in_flight, mut ended) = (Vec::new(), Vec::new());
    for intent in tx.intents().await? {
        if !inside(tx, scope, &intent).await? {
            continue;
        }
        let end = match (intent.state, verb) {
            (DecisionState::Authorised { .. }, Verb::Resume) => Event::Supersede,
            (DecisionState::Authorised { .. }, Verb::Terminate) => Event::Cancel,
            (DecisionState::Authorised { .. }, Verb::Pause | Verb::Reduce | Verb::Rearm) => continue,
            (_, Verb::Pause | Verb::Resume | Verb::Terminate | Verb::Reduce | Verb::Rearm) => {
                in_flight.push(intent.id);
                continue;
            }
        };
        let row = super::advance::find(tx, &intent.id).await?;
        step(tx, &row, end, &json!({ "because": kind, "scope": scope.to_string(), "by": by.name() }), when, None).await?;
        ended.push(intent.id);
    }
    Ok(Controlled { flag, in_flight, ended })
}

/// Opens the chain that carries what people do to the workspace, where it is not open yet.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn open_workspace_chain(tx: &mut Tx, at: ProductTime) -> Result<(), LedgerError> {
    tx.open_shard(&workspace_shard(), "{}", at).await?;
    Ok(())
}

/// Writes what a person did, or was refused, to the workspace's chain.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn note(tx: &mut Tx, kind: &str, subject: &str, detail: &serde_json::Value, when: Moment) -> Result<(), LedgerError> {
    turn(tx).await?;
    open_workspace_chain(tx, when.at).await?;
    tx.append_step(&workspace_shard(), kind, Some(subject), when, &detail.to_string()).await?;
    Ok(())
}

async fn inside(tx: &mut Tx, scope: &Scope, intent: &IntentRow) -> Result<bool, LedgerError> {
    Ok(match scope {
        Scope::Workspace => true,
        Scope::Account(account) => intent.account == *account,
        Scope::Pool(pool) => intent.pool.as_ref() == Some(pool),
        Scope::Agent(agent) => intent.actor == agent.as_str() && super::books::is_agent(&intent.actor_kind),
        Scope::Campaign(campaign) => match &intent.entity {
            Some(entity) if entity == campaign => true,
            Some(entity) => tx.budget(entity).await?.is_some_and(|row| row.budget.budget.members.contains(campaign)),
            None => false,
        },
    })
}
