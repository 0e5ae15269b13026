//! The policy in force: every limit, whose it is, and the agents' own.

use axum::extract::{Extension, State};
use maud::{Markup, html};
use serde_json::Value;

use super::Shown;
use super::words::{amount, spaced};
use crate::admin::Admin;
use crate::admin::api::Who;
use crate::domain::policy::Guardrails;

/// `GET /policy`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who) -> Shown {
    let frame = admin.frame(who, "/policy", "Policy").await?;
    let force = admin.control().policy();
    let policy = &force.policy;
    let workspace = fields(&policy.workspace);
    Ok(frame.page(&html! {
        h1 { "Policy" }
        p.lead { "Version " (force.version) " \u{b7} " code { (force.hash.get(..12).unwrap_or_default()) } }
        section aria-labelledby="pools-title" {
            h2 #pools-title { "Pools" }
            div.scroll { table {
                caption.hidden { "Pools and their caps" }
                thead { tr { th scope="col" { "Pool" } th scope="col" { "Members" } th.num scope="col" { "Daily cap" } th.num scope="col" { "Monthly cap" } th scope="col" { "Zone" } } }
                tbody { @for (id, pool) in &policy.pools { tr {
                    th scope="row" { (id) }
                    td { @for (at, account) in pool.members.accounts.iter().enumerate() { @if at > 0 { ", " } (account) } " \u{b7} named " code { (pool.members.name) } }
                    td.num { (amount(pool.daily_cap)) } td.num { (amount(pool.monthly_cap)) } td { (pool.time_zone) }
                } } }
            } }
        }
        section aria-labelledby="rails-title" {
            h2 #rails-title { "Guardrails of the workspace" }
            (table(&workspace))
        }
        section aria-labelledby="own-title" {
            h2 #own-title { "Where agents differ" }
            @for (id, agent) in &policy.agents {
                @let own: Vec<(String, String)> = fields(&agent.guardrails).into_iter().filter(|field| !workspace.contains(field)).collect();
                h3 { (id) }
                @if own.is_empty() { p.quiet { "As the workspace." } } @else { (table(&own)) }
            }
        }
        @if !policy.calendar.is_empty() {
            section aria-labelledby="days-title" {
                h2 #days-title { "Calendar" }
                ul { @for event in &policy.calendar { li { b { (event.name) } " " (event.from) " to " (event.to) ": " (said(&serde_json::to_value(event.effect).unwrap_or_default())) } } }
            }
        }
    }))
}

/// Every number of the guardrails with its unit.
fn fields(rails: &Guardrails) -> Vec<(String, String)> {
    let Ok(Value::Object(all)) = serde_json::to_value(rails) else { return Vec::new() };
    let unit = |name: &str| match name.rsplit('_').next() {
        Some("pct") => " %",
        Some("h") => " hours",
        Some("s") => " seconds",
        _ => "",
    };
    let name = |name: &str| spaced(name.trim_end_matches("_pct").trim_end_matches("_h").trim_end_matches("_s"));
    all.iter().map(|(field, value)| (name(field), said(value) + unit(field))).collect()
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(all) => all.iter().map(|(name, value)| format!("{} {}", spaced(name), said(value))).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn table(fields: &[(String, String)]) -> Markup {
    html! {
        div.scroll { table.narrow {
            caption.hidden { "Limits" }
            thead.hidden { tr { th scope="col" { "Limit" } th scope="col" { "Value" } } }
            tbody { @for (name, value) in fields { tr { th scope="row" { (name) } td.num { (value) } } } }
        } }
    }
}
