//! Agents: what they look at, how their goals stand, and the end of one.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use serde_json::{Value, json};

use super::{Asked, Said, Who, Words, body, id, note};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::reading::time;
use crate::domain::ids::AgentId;
use crate::domain::scope::Scope;
use crate::store::scope::ScopeRow;
use crate::supervisor::control::{AgentState, AgentStatus};

/// What an agent is doing once the flags around it are counted in.
pub(crate) fn state(status: &AgentStatus, scopes: &[ScopeRow]) -> AgentState {
    let around = |row: &&ScopeRow| match &row.scope {
        Scope::Workspace => true,
        Scope::Agent(agent) => *agent == status.agent,
        Scope::Pool(pool) => *pool == status.pool,
        Scope::Account(_) | Scope::Campaign(_) => false,
    };
    let mut flags = scopes.iter().filter(around);
    if flags.clone().any(|row| row.terminated) {
        AgentState::Terminated
    } else if flags.any(|row| row.paused) {
        AgentState::Paused
    } else {
        status.state
    }
}

pub(crate) fn agent(status: &AgentStatus, scopes: &[ScopeRow]) -> Value {
    json!({
        "agent": status.agent, "kind": status.kind, "pool": status.pool, "goal": status.goal.to_string(), "priority": status.priority.to_string(),
        "autonomy": status.autonomy, "state": state(status, scopes), "focus": status.focus, "progress": status.progress,
        "answered_at": status.answered_at.map(time),
    })
}

fn find(admin: &Admin, text: &str) -> Result<AgentStatus, Problem> {
    let wanted: AgentId = id("agent", text)?;
    admin.control().agents().into_iter().find(|status| status.agent == wanted).ok_or_else(|| Problem::missing(format!("agent `{wanted}`")))
}

/// `GET /api/v1/agents`.
pub(crate) async fn list(State(admin): State<Admin>) -> Said {
    let scopes = admin.glance().await?.scopes;
    Ok(Json(json!({ "items": admin.control().agents().iter().map(|status| agent(status, &scopes)).collect::<Vec<_>>(), "next": null })))
}

/// `GET /api/v1/agents/{id}`.
pub(crate) async fn one(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    let (status, scopes) = (find(&admin, &text)?, admin.glance().await?.scopes);
    Ok(Json(agent(&status, &scopes)))
}

/// `GET /api/v1/agents/{id}/runs`.
pub(crate) async fn runs(State(admin): State<Admin>, Path(text): Path<String>, asked: Asked) -> Said {
    let pool = find(&admin, &text)?.pool;
    super::rounds::page_of(&admin, Some(&pool), &asked, super::rounds::Detail::Record).await
}

/// `POST /api/v1/agents/{id}/terminate`.
pub(crate) async fn terminate(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, bytes: Bytes) -> Said {
    let (wanted, words): (AgentId, Words) = (id("agent", &text)?, body(&bytes)?);
    admin.control().terminate(wanted.clone(), who.name, note("reason", &words.reason)?).await?;
    Ok(Json(json!({ "agent": wanted, "state": AgentState::Terminated })))
}

/// `POST /api/v1/agents/{id}/trigger`.
pub(crate) async fn trigger(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Said {
    let pool = find(&admin, &text)?.pool;
    admin.control().trigger(pool.clone(), who.name).await?;
    Ok(Json(json!({ "pool": pool, "triggered": true })))
}
