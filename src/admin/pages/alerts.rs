//! Things to know, and the button that says that somebody knows.

use axum::extract::{Extension, State};
use maud::html;

use super::Shown;
use super::layout::{heading, more};
use super::words::{moment, severity, spaced};
use crate::admin::Admin;
use crate::admin::api::{Asked, Who};
use crate::admin::reading::{PAGE, cursor, cursor_text};
use crate::domain::ticket::Role;
use crate::store::alert::{AlertRow, Which};
use crate::store::decision::Cursor;

/// `GET /alerts`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who, asked: Asked) -> Shown {
    let frame = admin.frame(who, "/alerts", "Alerts").await?;
    let after = cursor(asked.get("cursor"))?;
    let (after, all) = (after.as_ref(), asked.get("state").is_some_and(|state| state == "all"));
    let which = if all { Which::All } else { Which::Open };
    let rows = admin.store().read(|mut tx| async move { tx.alerts(which, after, PAGE).await }).await?;
    let place = |row: &AlertRow| cursor_text(&Cursor { at: row.at, seq: 0, id: row.id.to_string() });
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(place);
    Ok(frame.page(&html! {
        (heading("Alerts", rows.len(), if all { "alert" } else { "open alert" }))
        p.tabs { a href="/alerts" aria-current=[(!all).then_some("true")] { "Open" } a href="/alerts?state=all" aria-current=[all.then_some("true")] { "All" } }
        section #list data-live=[after.is_none().then_some("alerts")] aria-label="Alerts" {
            @if rows.is_empty() { p.quiet { "Nothing to know." } }
            ul.tickets {
                @for row in &rows {
                    li.with-button {
                        div {
                            b { (admin.in_names(&row.title, &row.subject)) }
                            p.meta { (severity(row.severity)) " " (spaced(&row.kind)) " \u{b7} " (row.subject) " \u{b7} " (moment(row.last)) @if row.times > 1 { " \u{b7} " (row.times) " times since " (moment(row.at)) } }
                            @if let Some((at, by)) = &row.acknowledged { p.meta { "Closed by " (by) ", " (moment(*at)) } }
                        }
                        @if row.acknowledged.is_none() && frame.may(Role::Operator) {
                            form method="post" action=(format!("/alerts/{}/acknowledge", row.id)) { (frame.form_fields("/alerts")) button type="submit" { "Acknowledge" } }
                        }
                    }
                }
            }
            (more("/alerts", if all { "state=all&" } else { "" }, next))
        }
    }))
}
