//! Agents: goal, focus, progress, weight; pause, resume, and the end with a question before it.

use axum::extract::{Extension, Path, State};
use maud::{Markup, html};

use super::Shown;
use super::layout::{Frame, heading};
use super::overview::life;
use super::words::{moment, spaced};
use crate::admin::Admin;
use crate::admin::api::agents::state;
use crate::admin::api::{Who, id};
use crate::admin::problem::Problem;
use crate::domain::ids::AgentId;
use crate::domain::scope::Scope;
use crate::domain::ticket::Role;
use crate::supervisor::control::{AgentState, AgentStatus};

/// `GET /agents`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who) -> Shown {
    let frame = admin.frame(who, "/agents", "Agents").await?;
    let agents = admin.control().agents();
    Ok(frame.page(&html! {
        (heading("Agents", agents.len(), "agent"))
        section #list .cards data-live="rounds scopes" aria-label="Agents" { @for agent in &agents { (card(agent, &frame)) } }
    }))
}

fn card(agent: &AgentStatus, frame: &Frame) -> Markup {
    let state = state(agent, &frame.glance.scopes);
    let own = frame.glance.paused().any(|row| row.scope == Scope::Agent(agent.agent.clone()));
    let autonomy = serde_json::to_value(agent.autonomy).ok().and_then(|value| value.as_str().map(spaced)).unwrap_or_default();
    html! {
        article.card {
            h2 { (agent.agent) " " (life(state)) }
            p.goal { (agent.goal) }
            p { @if agent.focus.is_empty() { "Has not looked yet." } @else { (agent.focus) } }
            @if !agent.progress.is_empty() { p.why { (agent.progress) } }
            dl.pairs {
                div { dt { "Kind" } dd { (agent.kind.name()) } }
                div { dt { "Pool" } dd { (agent.pool) } }
                div { dt { "Weight" } dd { (agent.priority) } }
                div { dt { "Autonomy" } dd { (autonomy) } }
                div { dt { "Last asked" } dd { @if let Some(at) = agent.answered_at { (moment(at)) } @else { "not yet" } } }
            }
            p { a href=(format!("/decisions?agent={}", agent.agent)) { "Its decisions" } }
            @if state != AgentState::Terminated && frame.may(Role::Operator) {
                div.buttons {
                    @if own {
                        form method="post" action=(format!("/agents/{}/resume", agent.agent)) { (frame.form_fields("/agents")) button type="submit" { "Resume" } }
                    } @else {
                        form method="post" action=(format!("/agents/{}/pause", agent.agent)) { (frame.form_fields("/agents")) button type="submit" { "Pause" } }
                    }
                    @if frame.may(Role::Admin) { a.danger href=(format!("/agents/{}/terminate", agent.agent)) { "Terminate" } }
                }
            }
        }
    }
}

/// `GET /agents/{id}/terminate`.
pub(crate) async fn confirm(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Shown {
    let wanted: AgentId = id("agent", &text)?;
    let agent = admin.control().agents().into_iter().find(|agent| agent.agent == wanted).ok_or_else(|| Problem::missing(format!("agent `{wanted}`")))?;
    let frame = admin.frame(who, "/agents", format!("Terminate {wanted}")).await?;
    Ok(frame.page(&html! {
        p.eyebrow { a href="/agents" { "Agents" } " / " (agent.agent) }
        h1 { "Terminate " (agent.agent) "?" }
        p { "This is for ever: what it still wanted is called off, its name is never used again, and no file brings it back. To stop it for a while, pause it." }
        section.answer {
            form method="post" action=(format!("/agents/{}/terminate", agent.agent)) {
                (frame.form_fields("/agents"))
                label { "Type " b { (agent.agent) } " to confirm" input name="name" required autocomplete="off"; }
                label { "Why" textarea name="note" rows="2" maxlength="1000" {} }
                div.buttons { button."stop" type="submit" { "Terminate for ever" } a href="/agents" { "Keep it" } }
            }
        }
    }))
}
