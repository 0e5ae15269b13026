//! The list of decisions with its filters.

use axum::extract::{Extension, State};
use maud::html;

use super::Shown;
use super::layout::{heading, more};
use super::words::action;
use crate::admin::Admin;
use crate::admin::api::decisions::{STATES, filter};
use crate::admin::api::{Asked, Who};
use crate::admin::reading::{Line, PAGE, cursor, cursor_text};
use crate::store::decision::DecisionRow;

/// `GET /decisions`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who, asked: Asked) -> Shown {
    let (filter, after) = (filter(&asked)?, cursor(asked.get("cursor"))?);
    let frame = admin.frame(who, "/decisions", "Decisions").await?;
    let (wanted, after) = (&filter, after.as_ref());
    let rows = admin.store().read(|mut tx| async move { tx.decisions(wanted, after, PAGE).await }).await?;
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(DecisionRow::cursor).map(|cursor| cursor_text(&cursor));
    let lines: Vec<Line> = rows.into_iter().map(|row| admin.line(row)).collect();
    let chosen = |field: &str| asked.get(field).map(String::as_str).unwrap_or_default();
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for field in ["agent", "state", "account", "pool", "entity"] {
        if !chosen(field).is_empty() {
            kept.append_pair(field, chosen(field));
        }
    }
    let kept = kept.finish();
    let kept = if kept.is_empty() { kept } else { kept + "&" };
    let agents = admin.control().agents();
    Ok(frame.page(&html! {
        (heading("Decisions", lines.len(), "decision"))
        form.filters method="get" action="/decisions" {
            label { "By" select name="agent" {
                option value="" { "anybody" }
                @for agent in &agents { option value=(agent.agent) selected[chosen("agent") == agent.agent.as_str()] { (agent.agent) } }
            } }
            label { "State" select name="state" {
                option value="" { "any" }
                @for state in STATES { option value=(state) selected[chosen("state") == state] { (state) } }
            } }
            label { "Account" select name="account" {
                option value="" { "any" }
                @for account in &admin.control().accounts() { option value=(account.account) selected[chosen("account") == account.account.as_str()] { (account.account) } }
            } }
            label { "Entity" input name="entity" value=(chosen("entity")) placeholder="account:campaign:id"; }
            button type="submit" { "Show" }
        }
        section #list data-live=[after.is_none().then_some("decisions rounds")] aria-label="Decisions" {
            @if lines.is_empty() { p.quiet { "Nothing matches." } }
            ol.actions { @for line in &lines { (action(line)) } }
            (more("/decisions", &kept, next))
        }
    }))
}
