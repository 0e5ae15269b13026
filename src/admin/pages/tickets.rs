//! Questions to people: what exactly would be done, how much money is at risk, until when, and the two answers.

use axum::extract::{Extension, Path, State};
use maud::{Markup, html};

use super::Shown;
use super::layout::{Frame, NOTHING, heading, more};
use super::words::{due, estimate, figure, kind, moment, percent, prediction, severity, spaced};
use crate::admin::Admin;
use crate::admin::api::{Asked, Who, id};
use crate::admin::reading::{PAGE, asked as content, cursor, cursor_text, ends};
use crate::domain::ticket::{Eyes, Role, TicketState};
use crate::store::decision::Cursor;
use crate::store::ticket::{Answer, ApprovalRow, TicketRow};
use crate::tickets::Content;

/// `GET /tickets`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who, asked: Asked) -> Shown {
    let frame = admin.frame(who, "/tickets", "Tickets").await?;
    let after = cursor(asked.get("cursor"))?;
    let (after, all) = (after.as_ref(), asked.get("state").is_some_and(|state| state == "all"));
    let state = (!all).then_some("open");
    let rows = admin.store().read(|mut tx| async move { tx.tickets(state, after, PAGE).await }).await?;
    let place = |row: &TicketRow| cursor_text(&Cursor { at: row.opened, seq: 0, id: row.id.to_string() });
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(place);
    Ok(frame.page(&html! {
        (heading("Tickets", rows.len(), if all { "ticket" } else { "open ticket" }))
        p.tabs { a href="/tickets" aria-current=[(!all).then_some("true")] { "Open" } a href="/tickets?state=all" aria-current=[all.then_some("true")] { "All" } }
        section #list data-live=[after.is_none().then_some("tickets")] aria-label="Tickets" {
            @if rows.is_empty() { p.quiet { "Nobody is asked anything." } }
            ul.tickets { @for row in &rows { li { (summary(&admin, row, &frame)) } } }
            (more("/tickets", if all { "state=all&" } else { "" }, next))
        }
    }))
}

fn title(admin: &Admin, row: &TicketRow, content: Option<&Content>) -> String {
    content.map_or_else(|| kind(row.kind).to_owned(), |content| admin.in_names(&content.title, &row.subject))
}

fn diff(content: &Content) -> Markup {
    let Some(change) = &content.change else { return NOTHING };
    let (from, to) = ends(change);
    html! { p.diff { span.ends { del { (from) } " \u{2192} " ins { (to) } } } }
}

fn summary(admin: &Admin, row: &TicketRow, frame: &Frame) -> Markup {
    let content = content(row);
    html! {
        a.title href=(format!("/tickets/{}", row.id)) { (title(admin, row, content.as_ref())) }
        @if let Some(content) = &content { (diff(content)) }
        p.meta {
            (severity(row.severity)) " " (kind(row.kind)) " \u{b7} " (row.state)
            @if let Some(risk) = row.risk { " \u{b7} " (estimate(risk)) " at risk" }
            @if row.closed.is_none() { " \u{b7} answer " (due(row.deadline, frame.now)) ", else nothing is done" }
        }
    }
}

/// `GET /tickets/{id}`.
pub(crate) async fn one(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Shown {
    let (row, answers) = admin.ticket(id("ticket", &text)?).await?;
    let content = content(&row);
    let title = title(&admin, &row, content.as_ref());
    let frame = admin.frame(who, "/tickets", title.clone()).await?;
    Ok(frame.page(&html! {
        p.eyebrow { a href="/tickets" { "Tickets" } " / " (kind(row.kind)) }
        h1 { (title) }
        section #question data-live="tickets" aria-label="Question" {
            p.meta { (severity(row.severity)) " " (row.state) " \u{b7} for the " (row.owner.name()) " \u{b7} opened " (moment(row.opened)) }
            @if let Some(content) = &content { (diff(content)) }
            dl.numbers {
                @if let Some(risk) = row.risk { div { dt { "Money at risk" } dd { (estimate(risk)) } } }
                @if row.closed.is_none() { div { dt { "Answer until" } dd { (moment(row.deadline)) } } div { dt { "Without an answer" } dd { "nothing is done" } } }
                @if let Some(content) = &content { @if content.eyes == Eyes::Four { div { dt { "Needs" } dd { "two people" } } } }
            }
            @if let Some(content) = &content { (reasons(content)) }
            @if let Some(decision) = &row.decision { p { a href=(format!("/decisions/{decision}")) { "Why it was decided" } } }
        }
        (answered(content.as_ref(), &answers))
        @if row.closed.is_none() { (answer(&frame, &row)) }
    }))
}

fn reasons(content: &Content) -> Markup {
    html! {
        h2 { "Why it asks" }
        ul { @for why in &content.why { li { (why) } } }
        @if !content.reason.is_empty() { p.reason { (content.reason) } }
        @if let Some(sure) = content.confidence { p.meta { (percent(sure)) " sure" } }
        @if let Some(expected) = &content.prediction { p { "Expects " (prediction(expected)) } }
        @if let Some(evidence) = &content.evidence {
            dl.numbers {
                div { dt { "Matured conversions" } dd { (figure(evidence.matured_conversions)) } }
                div { dt { "Spend" } dd { (figure(evidence.spend)) } }
                @for (name, value) in &evidence.figures { div { dt { (spaced(name)) } dd { (figure(*value)) } } }
            }
        }
        @if !content.waives.is_empty() { p.meta { "An approval waives, for this one change: " (content.waives.join(", ")) ". Every other rule is checked again." } }
        @if let Some(by) = &content.requester { p.meta { "Asked for by " (by) "." } }
    }
}

fn answered(content: Option<&Content>, answers: &[ApprovalRow]) -> Markup {
    html! {
        @if !answers.is_empty() {
            section aria-labelledby="answers-title" {
                h2 #answers-title { "Answers" }
                ul.plain {
                    @for given in answers {
                        li {
                            b { (given.person) } " " @match given.answer { Answer::Approve => "approved", Answer::Reject => "rejected" } ", " (moment(given.when.at))
                            @if !given.reason.is_empty() { p.why { (given.reason) } }
                        }
                    }
                }
            }
        }
        @if let Some(TicketState::Lapsed { why, .. }) = content.map(|content| &content.state) { p { "Lapsed: " (why) } }
    }
}

fn answer(frame: &Frame, row: &TicketRow) -> Markup {
    if !frame.may(row.owner.max(Role::Approver)) {
        return html! { p.quiet { "Your role cannot answer this; the " (row.owner.max(Role::Approver).name()) " can." } };
    }
    let fields = || html! { (frame.form_fields(&format!("/tickets/{}", row.id))) input type="hidden" name="seen" value=(row.bound_hash); };
    html! {
        section.answer aria-labelledby="answer-title" {
            h2 #answer-title { "Your answer" }
            form method="post" action=(format!("/tickets/{}/approve", row.id)) {
                (fields())
                label { "Note" textarea name="note" rows="2" maxlength="1000" {} }
                div.buttons {
                    button.go type="submit" { "Approve" }
                    button type="submit" formaction=(format!("/tickets/{}/reject", row.id)) { "Reject" }
                }
                p.meta { "The approval counts for exactly what is shown here, once; all other rules are checked again before it is sent." }
            }
        }
    }
}
