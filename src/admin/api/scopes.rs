//! Pause, resume, stop and re-arm, on any scope they exist for.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, RawPathParams, State};
use axum::routing::{MethodRouter, post};
use serde_json::{Value, json};

use super::{Who, Words, body, id, note};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::domain::scope::Scope;

/// The kinds of scopes in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Workspace,
    Account,
    Pool,
    Agent,
    Campaign,
}

/// What is done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Pause,
    Resume,
    Stop,
    Rearm,
}

impl Verb {
    /// What it does, for the description of the API.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Pause => "stop automation; when this returns, no write of the scope leaves any more",
            Self::Resume => "let automation go on; what was authorised before is superseded",
            Self::Stop => "set the running campaigns of the scope to paused on the platforms, as a person's change set",
            Self::Rearm => "re-arm the breaker of the scope: growth is admitted again",
        }
    }
}

fn scope(kind: Kind, text: &str) -> Result<Scope, Problem> {
    Ok(match kind {
        Kind::Workspace => Scope::Workspace,
        Kind::Account => Scope::Account(id("account", text)?),
        Kind::Pool => Scope::Pool(id("pool", text)?),
        Kind::Agent => Scope::Agent(id("agent", text)?),
        Kind::Campaign => Scope::Campaign(id("campaign", text)?),
    })
}

/// The handler of one verb on one kind of scope.
pub(crate) fn scoped(kind: Kind, verb: Verb) -> MethodRouter<Admin> {
    post(move |State(admin): State<Admin>, Extension(who): Who, params: RawPathParams, bytes: Bytes| async move {
        let words: Words = body(&bytes)?;
        let scope = scope(kind, params.iter().next().map_or("", |(_, value)| value))?;
        control(&admin, scope, verb, who.name, note("reason", &words.reason)?).await.map(Json)
    })
}

/// Does it, and says what it did.
pub(crate) async fn control(admin: &Admin, scope: Scope, verb: Verb, by: String, reason: String) -> Result<Value, Problem> {
    let told = json!({ "kind": scope.kind(), "id": scope.id() });
    Ok(match verb {
        Verb::Pause => {
            let paused = admin.control().pause(scope, by, reason).await?;
            json!({ "scope": told, "paused": true, "in_flight": paused.in_flight })
        }
        Verb::Resume => {
            admin.control().resume(scope, by, reason).await?;
            json!({ "scope": told, "paused": false })
        }
        Verb::Stop => {
            let stopped = admin.control().stop_delivery(scope, by, reason).await?;
            json!({ "scope": told, "answers": stopped.answers, "unreached": stopped.unreached })
        }
        Verb::Rearm => {
            admin.control().rearm(scope, by, reason).await?;
            json!({ "scope": told, "reducing": false })
        }
    })
}
