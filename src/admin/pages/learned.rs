//! What agents disagreed about, and what became of what they predicted.

use axum::extract::{Extension, State};
use maud::html;
use serde::Deserialize;

use super::Shown;
use super::decision::result_of;
use super::layout::{heading, more};
use super::words::{figure, moment, percent, prediction};
use crate::admin::Admin;
use crate::admin::api::{Asked, Who};
use crate::admin::reading::{PAGE, cursor, cursor_text};
use crate::clock::ProductTime;
use crate::domain::outcome::{OutcomeState, Prediction};
use crate::domain::proposal::{Conflict, Dissent};
use crate::store::StoreError;
use crate::store::conflict::ConflictRow;
use crate::store::decision::Cursor;
use crate::store::outcome::OutcomeRow;

/// What is kept of a conflict: how it was settled, and whose loss the row is.
#[derive(Debug, Deserialize)]
struct Told {
    conflict: Conflict,
    dissent: Dissent,
}

/// `GET /conflicts`.
pub(crate) async fn conflicts(State(admin): State<Admin>, Extension(who): Who, asked: Asked) -> Shown {
    let frame = admin.frame(who, "/conflicts", "Conflicts").await?;
    let after = cursor(asked.get("cursor"))?;
    let after = after.as_ref();
    let rows = admin.store().read(|mut tx| async move { tx.conflicts(after, PAGE).await }).await?;
    let place = |row: &ConflictRow| cursor_text(&Cursor { at: row.at, seq: 0, id: row.id.to_string() });
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(place);
    Ok(frame.page(&html! {
        (heading("Conflicts", rows.len(), "conflict"))
        p.quiet { "Agents that wanted something else than was settled, and what losing cost them a day in their own value." }
        section #list data-live=[after.is_none().then_some("rounds")] aria-label="Conflicts" {
            ul.tickets {
                @for row in &rows {
                    @let told: Option<Told> = serde_json::from_str(&row.payload).ok();
                    li {
                        p { b { (row.agent) } " lost on " b { (admin.name_of(&row.entity)) } " \u{b7} " (figure(row.price)) " a day" }
                        @if let Some(told) = &told {
                            p { "It wanted " (told.dissent.wanted) "; " (told.conflict.settled) @if let Some(winner) = &told.conflict.winner { ", as " b { (winner) } " wanted" } " (" (told.conflict.method) ")." }
                            p.why { (told.dissent.reason) }
                        }
                        p.meta { (moment(row.at)) " \u{b7} pool " (row.pool) @if let Some((at, by)) = &row.reviewed { " \u{b7} reviewed by " (by) ", " (moment(*at)) } }
                    }
                }
            }
            (more("/conflicts", "", next))
        }
    }))
}

/// How well an agent's shown confidence fits what came of it.
struct Record {
    actor: String,
    scored: usize,
    right: usize,
    inside: usize,
    said: f64,
}

fn records(rows: &[OutcomeRow]) -> Vec<Record> {
    let mut all: Vec<Record> = Vec::new();
    for row in rows {
        let Some(good) = row.good else { continue };
        let inside = matches!(row.result.as_deref().and_then(|text| serde_json::from_str(text).ok()), Some(OutcomeState::Scored { inside: true, .. }));
        let at = all.iter().position(|record| record.actor == row.actor).unwrap_or_else(|| {
            all.push(Record { actor: row.actor.clone(), scored: 0, right: 0, inside: 0, said: 0.0 });
            all.len() - 1
        });
        let record = &mut all[at];
        record.scored += 1;
        record.right += usize::from(good);
        record.inside += usize::from(inside);
        record.said += row.confidence;
    }
    all.sort_by(|a, b| a.actor.cmp(&b.actor));
    all
}

/// `GET /outcomes`.
pub(crate) async fn outcomes(State(admin): State<Admin>, Extension(who): Who, asked: Asked) -> Shown {
    let frame = admin.frame(who, "/outcomes", "Outcomes").await?;
    let after = cursor(asked.get("cursor"))?;
    let after = after.as_ref();
    let read = admin
        .store()
        .read(|mut tx| async move { Ok::<_, StoreError>((tx.settled_outcomes(None, after, PAGE).await?, tx.scored_outcomes(ProductTime::from_ms(0)).await?)) });
    let (rows, scored) = read.await?;
    let place = |row: &OutcomeRow| cursor_text(&Cursor { at: row.settled.unwrap_or(row.due), seq: 0, id: row.id.to_string() });
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(place);
    let share = |part: usize, whole: usize| percent(part as f64 / whole.max(1) as f64);
    Ok(frame.page(&html! {
        (heading("Outcomes", scored.len(), "scored outcome"))
        section #records data-live="decisions" aria-labelledby="records-title" {
            h2 #records-title { "How right they were" }
            div.scroll { table {
                caption.hidden { "Track record of each agent" }
                thead { tr { th scope="col" { "Agent" } th.num scope="col" { "Scored" } th.num scope="col" { "Right way" } th.num scope="col" { "Expected" } th.num scope="col" { "Inside the 80 % interval" } } }
                tbody { @for record in records(&scored) { tr {
                    th scope="row" { (record.actor) } td.num { (record.scored) } td.num { (share(record.right, record.scored)) }
                    td.num { (percent(record.said / record.scored.max(1) as f64)) } td.num { (share(record.inside, record.scored)) }
                } } }
            } }
        }
        section #list data-live=[after.is_none().then_some("decisions")] aria-label="Outcomes" {
            @if rows.is_empty() { p.quiet { "None yet: outcomes are scored when their conversions have arrived." } }
            ul.tickets {
                @for row in &rows {
                    @let expected: Option<Prediction> = serde_json::from_str(&row.prediction).ok();
                    li {
                        a href=(format!("/decisions/{}", row.decision)) { (row.action.words()) " " b { (admin.name_of(&row.entity)) } }
                        (result_of(row, row.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).as_ref()))
                        @if let Some(expected) = &expected { p.why { "Predicted: " (prediction(expected)) } }
                        p.meta { (row.actor) @if let Some(at) = row.settled { " \u{b7} settled " (moment(at)) } " \u{b7} " (percent(row.confidence)) " sure" }
                    }
                }
            }
            (more("/outcomes", "", next))
        }
    }))
}
