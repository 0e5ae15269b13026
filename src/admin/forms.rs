//! The targets of the pages' forms: each does what its sister in the API does and goes back to the page.

use std::collections::BTreeMap;

use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::api::scopes::{Verb, control};
use super::api::tickets::reply;
use super::api::{Who, id, note};
use super::auth::{Principal, Proof};
use super::problem::Problem;
use super::{Admin, pages};
use crate::domain::scope::Scope;

/// What a form carries beside its token.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    back: String,
    note: String,
    seen: Option<String>,
    name: String,
}

type Done = Result<Redirect, Problem>;

fn back(sent: &Sent) -> Redirect {
    // Only a path of ours: never an address a page was talked into.
    let ours = sent.back.starts_with('/') && !sent.back.starts_with("//") && sent.back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    Redirect::to(if ours { &sent.back } else { "/" })
}

async fn scope(admin: &Admin, scope: Scope, verb: Verb, by: String, sent: &Sent) -> Done {
    control(admin, scope, verb, by, note("reason", &sent.note)?).await?;
    Ok(back(sent))
}

pub(crate) async fn pause(State(admin): State<Admin>, Extension(who): Who, Form(sent): Form<Sent>) -> Done {
    scope(&admin, Scope::Workspace, Verb::Pause, who.name, &sent).await
}

pub(crate) async fn resume(State(admin): State<Admin>, Extension(who): Who, Form(sent): Form<Sent>) -> Done {
    scope(&admin, Scope::Workspace, Verb::Resume, who.name, &sent).await
}

pub(crate) async fn pause_agent(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    scope(&admin, Scope::Agent(id("agent", &text)?), Verb::Pause, who.name, &sent).await
}

pub(crate) async fn resume_agent(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    scope(&admin, Scope::Agent(id("agent", &text)?), Verb::Resume, who.name, &sent).await
}

pub(crate) async fn terminate(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    let agent: crate::domain::ids::AgentId = id("agent", &text)?;
    if sent.name.trim() != agent.as_str() {
        return Err(Problem::invalid("name", format!("type `{agent}` to end it for ever; nothing was done")));
    }
    admin.control().terminate(agent, who.name, note("reason", &sent.note)?).await?;
    Ok(Redirect::to("/agents"))
}

pub(crate) async fn approve(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    admin.control().approve(id("ticket", &text)?, reply(&who, sent.seen.clone(), &sent.note)?).await?;
    Ok(back(&sent))
}

pub(crate) async fn reject(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    admin.control().reject(id("ticket", &text)?, reply(&who, sent.seen.clone(), &sent.note)?).await?;
    Ok(back(&sent))
}

pub(crate) async fn acknowledge(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, Form(sent): Form<Sent>) -> Done {
    admin.control().acknowledge(id("alert", &text)?, who.name).await?;
    Ok(back(&sent))
}

pub(crate) async fn undo(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Done {
    let answer = admin.control().undo(id("decision", &text)?, who.name).await?;
    Ok(Redirect::to(&format!("/decisions/{}", answer.decision)))
}

/// Sign-in: with a link's token a session begins; without one the page says how to get a link.
pub(crate) async fn login(State(admin): State<Admin>, Query(asked): Query<BTreeMap<String, String>>) -> Result<Response, Problem> {
    let Some(token) = asked.get("token") else { return Ok(pages::layout::sign_in(None).into_response()) };
    match admin.sign_in(token).await? {
        Some((name, role, cookie)) => {
            tracing::info!(by = %name, "`{name}` signed in");
            admin.note(Some(&Principal { name, role, by: Proof::Token }), "/login", StatusCode::OK, None).await;
            // A page instead of a redirect: a cookie that is SameSite=Strict would not follow a link from elsewhere.
            Ok(([(header::SET_COOKIE, cookie)], pages::layout::signed_in()).into_response())
        }
        None => {
            let problem = admin.wrong_guess();
            if problem.status != StatusCode::TOO_MANY_REQUESTS {
                admin.note(None, "/login", problem.status, Some("LINK")).await;
            }
            Ok((problem.status, pages::layout::sign_in(Some(&problem))).into_response())
        }
    }
}

/// Ends the session.
pub(crate) async fn logout(State(admin): State<Admin>, Extension(who): Who) -> Result<Response, Problem> {
    match who.by {
        Proof::Session { id, .. } => Ok(([(header::SET_COOKIE, admin.sign_out(id).await?)], Redirect::to("/login")).into_response()),
        Proof::Token => Ok(Redirect::to("/login").into_response()),
    }
}
