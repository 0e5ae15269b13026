//! The daemon at a glance, its health, and what belongs to the whole of it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agents::agent;
use super::{Said, Who, body};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::reading::time;
use crate::domain::ticket::{Role, VOUCHED, issuer};
use crate::store::StoreError;
use crate::store::alert::Which;
use crate::store::scope::ScopeRow;
use crate::supervisor::control::{AccountStatus, Looser, PoolStatus};

/// Open alerts that are counted; nobody reads more.
const COUNTED: u32 = 200;

/// What status and pages both show.
pub(crate) struct Glance {
    pub(crate) scopes: Vec<ScopeRow>,
    pub(crate) open_tickets: usize,
    pub(crate) open_alerts: usize,
}

impl Glance {
    /// The scopes whose own flag is set.
    pub(crate) fn paused(&self) -> impl Iterator<Item = &ScopeRow> {
        self.scopes.iter().filter(|row| row.paused)
    }
}

impl Admin {
    /// Flags and counts, on one snapshot.
    pub(crate) async fn glance(&self) -> Result<Glance, StoreError> {
        self.store()
            .read(|mut tx| async move {
                let scopes = tx.scopes().await?;
                let (open_tickets, open_alerts) = (tx.open_tickets().await?.len(), tx.alerts(Which::Open, None, COUNTED).await?.len());
                Ok(Glance { scopes, open_tickets, open_alerts })
            })
            .await
    }

    /// Whether any account is a sandbox: every page says so.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.control().accounts().iter().any(|account| account.sandbox)
    }
}

/// `GET /api/v1/status`.
pub(crate) async fn status(State(admin): State<Admin>) -> Said {
    let (glance, clock, control) = (admin.glance().await?, admin.clock(), admin.control());
    let paused: Vec<Value> = glance.paused().map(|row| json!({ "kind": row.scope.kind(), "id": row.scope.id(), "by": row.by, "reason": row.reason })).collect();
    let reducing: Vec<Value> = glance.scopes.iter().filter(|row| row.reducing).map(|row| json!({ "kind": row.scope.kind(), "id": row.scope.id() })).collect();
    let policy = control.policy();
    Ok(Json(json!({
        "workspace": admin.config().workspace.name,
        "node": admin.0.parts.node,
        "version": env!("CARGO_PKG_VERSION"),
        "product_time": time(clock.now()),
        "clock": { "mode": clock.mode(), "rate": clock.rate() },
        "sandbox": admin.is_sandbox(),
        "ready": control.is_ready(),
        "policy": { "hash": policy.hash, "version": policy.version },
        "paused": paused,
        "reducing": reducing,
        "accounts": control.accounts().iter().map(account).collect::<Vec<_>>(),
        "pools": control.pools().iter().map(pool).collect::<Vec<_>>(),
        "agents": control.agents().iter().map(|status| agent(status, &glance.scopes)).collect::<Vec<_>>(),
        "open_tickets": glance.open_tickets,
        "open_alerts": glance.open_alerts,
    })))
}

pub(crate) fn account(status: &AccountStatus) -> Value {
    json!({
        "account": status.account, "platform": status.platform, "sandbox": status.sandbox, "acting": status.acting, "breaker": status.breaker,
        "last_ok": status.last_ok.map(time), "last_error": status.last_error, "frozen": status.frozen,
        "left": status.left.iter().map(|(limit, share)| json!({ "limit": limit, "share": share })).collect::<Vec<_>>(),
        "least_left": status.least_left(),
    })
}

fn pool(status: &PoolStatus) -> Value {
    json!({
        "pool": status.pool, "spent_today": status.spent_today, "committed": status.budgeted, "daily_cap": status.daily_cap, "last_round": status.last_round,
        "last_round_at": status.last_round_at.map(time), "next_round": status.next_round.map(time), "last_error": status.last_error,
    })
}

/// `GET /api/v1/pools`.
pub(crate) async fn pools(State(admin): State<Admin>) -> Said {
    Ok(Json(json!({ "items": admin.control().pools().iter().map(pool).collect::<Vec<_>>(), "next": null })))
}

/// `GET /healthz`.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`.
pub(crate) async fn readyz(State(admin): State<Admin>) -> Response {
    let (status, word) = if admin.control().is_ready() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "starting") };
    let mut response = (status, Json(json!({ "status": word }))).into_response();
    if !status.is_success() {
        response.extensions_mut().insert(Problem::new(status, "STARTING", "the daemon is not ready yet"));
    }
    response
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.0.parts.metrics.render()).into_response()
}

/// Whether looser limits are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Reload {
    confirm_looser: bool,
}

/// `POST /api/v1/reload`.
pub(crate) async fn reload(State(admin): State<Admin>, Extension(who): Who, bytes: Bytes) -> Said {
    let wish: Reload = body(&bytes)?;
    let looser = if wish.confirm_looser { Looser::Confirmed } else { Looser::Refuse };
    Ok(Json(json!({ "difference": admin.control().reload(who.name, looser).await? })))
}

/// For whom a link is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ForWhom {
    name: Option<String>,
    role: Option<Role>,
}

/// `POST /api/v1/login-link`.
pub(crate) async fn login_link(State(admin): State<Admin>, Extension(who): Who, bytes: Bytes) -> Said {
    let wish: ForWhom = body(&bytes)?;
    let issuer = issuer(&who.name);
    let name = wish.name.unwrap_or_else(|| who.name.split(VOUCHED).next().unwrap_or_default().to_owned());
    // The name becomes part of the ledger: the same form as in the configuration.
    let name: crate::domain::ids::NodeId = name.parse().map_err(|_| Problem::invalid("name", "expected up to 64 letters, digits, `-`, `_` or `.`"))?;
    let role = wish.role.unwrap_or(who.role).min(who.role);
    let url = admin.sign_in_link(name.as_str(), issuer, role).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a sign-in link could not be made");
        Problem::internal()
    })?;
    Ok(Json(json!({ "url": url, "expires_in_s": 900 })))
}
