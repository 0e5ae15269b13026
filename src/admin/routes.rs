//! The one table of routes: method, path, who may, what it is. The router, the gate and the API's description are made from it.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::api::scopes::{Kind, Verb, scoped};
use super::gate::{Gate, gate};
use super::{Admin, api, events, forms, pages};
use crate::domain::ticket::Role;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Anybody: it tells nothing that must be kept.
    Nobody,
    /// Whoever has this role, or one above it.
    Role(Role),
}

/// What kind of answer a route gives, refusals included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// JSON.
    Api,
    /// HTML.
    Page,
    /// The target of a form: a redirect back, or HTML.
    Form,
}

/// One line of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    pub(crate) face: Face,
    pub(crate) what: &'static str,
    handler: MethodRouter<Admin>,
}

/// What the gate knows of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) needs: Needs,
    pub(crate) face: Face,
}

/// Rules by path and method.
pub(crate) type Rules = BTreeMap<&'static str, BTreeMap<String, Rule>>;

const NOBODY: Needs = Needs::Nobody;
const VIEWER: Needs = Needs::Role(Role::Viewer);
const OPERATOR: Needs = Needs::Role(Role::Operator);
const APPROVER: Needs = Needs::Role(Role::Approver);
const ADMIN: Needs = Needs::Role(Role::Admin);

fn read(path: &'static str, needs: Needs, what: &'static str, handler: MethodRouter<Admin>) -> Route {
    Route { method: Method::GET, path, needs, face: Face::Api, what, handler }
}

fn act(path: &'static str, needs: Needs, what: &'static str, handler: MethodRouter<Admin>) -> Route {
    Route { method: Method::POST, path, needs, face: Face::Api, what, handler }
}

fn page(path: &'static str, needs: Needs, what: &'static str, handler: MethodRouter<Admin>) -> Route {
    Route { method: Method::GET, path, needs, face: Face::Page, what, handler }
}

fn form(path: &'static str, needs: Needs, what: &'static str, handler: MethodRouter<Admin>) -> Route {
    Route { method: Method::POST, path, needs, face: Face::Form, what, handler }
}

/// Every route there is.
pub(crate) fn table() -> Vec<Route> {
    let mut all = vec![
        read("/healthz", NOBODY, "whether the process answers", get(api::status::healthz)),
        read("/readyz", NOBODY, "whether the daemon is ready to work", get(api::status::readyz)),
        read("/metrics", VIEWER, "Prometheus metrics", get(api::status::metrics)),
        read("/openapi.json", NOBODY, "this description", get(api::openapi::describe)),
        read("/api/v1/status", VIEWER, "the daemon at a glance", get(api::status::status)),
        read("/api/v1/agents", VIEWER, "agents with focus and goal progress", get(api::agents::list)),
        read("/api/v1/agents/{id}", VIEWER, "one agent", get(api::agents::one)),
        read("/api/v1/agents/{id}/runs", VIEWER, "the rounds of an agent's pool", get(api::agents::runs)),
        read("/api/v1/campaigns", VIEWER, "campaigns with budgets and recent figures", get(api::campaigns::list)),
        read("/api/v1/accounts", VIEWER, "accounts with their state", get(api::accounts::list)),
        read("/api/v1/accounts/{id}/structure", VIEWER, "ad groups, ads and creatives as they stand on the platform", get(api::accounts::structure)),
        read("/api/v1/accounts/{id}/report", VIEWER, "figures by level and breakdown, asked of the platform", get(api::accounts::report)),
        read("/api/v1/accounts/{id}/edits", VIEWER, "what was changed on the platform, by whom and with which tool", get(api::accounts::edits)),
        read("/api/v1/accounts/{id}/access", OPERATOR, "what the credentials allow, asked of the platform", get(api::accounts::access)),
        read("/api/v1/pools", VIEWER, "pools with caps and spend", get(api::status::pools)),
        read("/api/v1/rounds", VIEWER, "rounds, newest first", get(api::rounds::list)),
        read("/api/v1/rounds/runs", VIEWER, "rounds with their run records", get(api::rounds::runs)),
        read("/api/v1/conflicts", VIEWER, "disagreements that were settled", get(api::rounds::conflicts)),
        read("/api/v1/outcomes", VIEWER, "predictions that were scored or voided", get(api::rounds::outcomes)),
        read("/api/v1/performance", VIEWER, "figures by level and range", get(api::campaigns::performance)),
        read("/api/v1/alerts", VIEWER, "things to know", get(api::tickets::alerts)),
        read("/api/v1/tickets", VIEWER, "questions to people", get(api::tickets::list)),
        read("/api/v1/tickets/{id}", VIEWER, "one question with its exact change", get(api::tickets::one)),
        read("/api/v1/decisions", VIEWER, "decisions, newest first", get(api::decisions::list)),
        read("/api/v1/decisions/{id}", VIEWER, "everything about one decision", get(api::decisions::one)),
        read("/api/v1/decisions/{id}/replay", VIEWER, "the decision's round run again", get(api::decisions::replay)),
        read("/api/v1/audit/verify", VIEWER, "whether the log is whole", get(api::audit::verify)),
        read("/api/v1/events", VIEWER, "what changed, as server-sent events", get(events::stream)),
        act("/api/v1/decisions/{id}/undo", OPERATOR, "bring back the value a decision changed", post(api::decisions::undo)),
        act("/api/v1/tickets/{id}/approve", APPROVER, "agree to exactly what the ticket shows", post(api::tickets::approve)),
        act("/api/v1/tickets/{id}/reject", APPROVER, "refuse what the ticket asks", post(api::tickets::reject)),
        act("/api/v1/alerts/{id}/acknowledge", OPERATOR, "take note of an alert", post(api::tickets::acknowledge)),
        act("/api/v1/agents/{id}/terminate", ADMIN, "end an agent for ever", post(api::agents::terminate)),
        act("/api/v1/agents/{id}/trigger", OPERATOR, "run a round of the agent's pool now", post(api::agents::trigger)),
        act("/api/v1/changes", OPERATOR, "a person's proposal, on the one path", post(api::changes::propose)),
        act("/api/v1/reload", ADMIN, "read the configuration again", post(api::status::reload)),
        act("/api/v1/login-link", ADMIN, "a sign-in link that works once", post(api::status::login_link)),
        page("/", VIEWER, "overview", get(pages::overview::page)),
        page("/decisions", VIEWER, "decisions", get(pages::decisions::page)),
        page("/decisions/{id}", VIEWER, "why did it do that", get(pages::decision::page)),
        page("/tickets", VIEWER, "tickets", get(pages::tickets::page)),
        page("/tickets/{id}", VIEWER, "one ticket", get(pages::tickets::one)),
        page("/alerts", VIEWER, "alerts", get(pages::alerts::page)),
        page("/agents", VIEWER, "agents", get(pages::agents::page)),
        page("/agents/{id}/terminate", ADMIN, "confirm the end of an agent", get(pages::agents::confirm)),
        page("/conflicts", VIEWER, "conflicts", get(pages::learned::conflicts)),
        page("/outcomes", VIEWER, "outcomes", get(pages::learned::outcomes)),
        page("/policy", VIEWER, "the policy in force", get(pages::policy::page)),
        page("/login", NOBODY, "sign in", get(forms::login)),
        page("/style.css", NOBODY, "the style", get(pages::layout::style)),
        page("/live.js", NOBODY, "what keeps pages up to date", get(pages::layout::script)),
        form("/logout", VIEWER, "sign out", post(forms::logout)),
        form("/pause", OPERATOR, "pause everything", post(forms::pause)),
        form("/resume", OPERATOR, "resume everything", post(forms::resume)),
        form("/agents/{id}/pause", OPERATOR, "pause an agent", post(forms::pause_agent)),
        form("/agents/{id}/resume", OPERATOR, "resume an agent", post(forms::resume_agent)),
        form("/agents/{id}/terminate", ADMIN, "end an agent for ever", post(forms::terminate)),
        form("/tickets/{id}/approve", APPROVER, "approve", post(forms::approve)),
        form("/tickets/{id}/reject", APPROVER, "reject", post(forms::reject)),
        form("/alerts/{id}/acknowledge", OPERATOR, "acknowledge", post(forms::acknowledge)),
        form("/decisions/{id}/undo", OPERATOR, "undo", post(forms::undo)),
    ];
    for (path, kind, verb) in [
        ("/api/v1/pause", Kind::Workspace, Verb::Pause),
        ("/api/v1/resume", Kind::Workspace, Verb::Resume),
        ("/api/v1/stop", Kind::Workspace, Verb::Stop),
        ("/api/v1/rearm", Kind::Workspace, Verb::Rearm),
        ("/api/v1/agents/{id}/pause", Kind::Agent, Verb::Pause),
        ("/api/v1/agents/{id}/resume", Kind::Agent, Verb::Resume),
        ("/api/v1/accounts/{id}/pause", Kind::Account, Verb::Pause),
        ("/api/v1/accounts/{id}/resume", Kind::Account, Verb::Resume),
        ("/api/v1/accounts/{id}/stop", Kind::Account, Verb::Stop),
        ("/api/v1/accounts/{id}/rearm", Kind::Account, Verb::Rearm),
        ("/api/v1/pools/{id}/pause", Kind::Pool, Verb::Pause),
        ("/api/v1/pools/{id}/resume", Kind::Pool, Verb::Resume),
        ("/api/v1/pools/{id}/stop", Kind::Pool, Verb::Stop),
        ("/api/v1/pools/{id}/rearm", Kind::Pool, Verb::Rearm),
        ("/api/v1/campaigns/{id}/pause", Kind::Campaign, Verb::Pause),
        ("/api/v1/campaigns/{id}/resume", Kind::Campaign, Verb::Resume),
        ("/api/v1/campaigns/{id}/stop", Kind::Campaign, Verb::Stop),
    ] {
        let needs = if verb == Verb::Rearm { APPROVER } else { OPERATOR };
        all.push(act(path, needs, verb.what(), scoped(kind, verb)));
    }
    all
}

/// Every route: method, path and who may use it, for those who test or document them.
#[must_use]
pub fn every_route() -> Vec<(Method, &'static str, Needs)> {
    table().into_iter().map(|route| (route.method, route.path, route.needs)).collect()
}

/// The router, every path of it behind the gate.
pub(crate) fn router(admin: &Admin) -> Router {
    let mut rules = Rules::new();
    let mut router = Router::new();
    for route in table() {
        rules.entry(route.path).or_default().insert(route.method.to_string(), Rule { needs: route.needs, face: route.face });
        router = router.route(route.path, route.handler);
    }
    let gate_state = Gate::new(admin.clone(), rules);
    router.fallback(|| async { super::problem::Problem::missing("such page") }).with_state(admin.clone()).layer(from_fn_with_state(gate_state, gate))
}
