//! Why did it do that: one decision, from the numbers it rests on to what became of it.

use axum::extract::{Extension, Path, State};
use maud::{Markup, html};

use super::Shown;
use super::layout::{Frame, NOTHING};
use super::words::{estimate, figure, kind, moment, percent, prediction, ruling, spaced, state};
use crate::admin::Admin;
use crate::admin::api::decisions::Dossier;
use crate::admin::api::{Who, id};
use crate::admin::reading::{told, wall};
use crate::domain::decision::DecisionState;
use crate::domain::outcome::{OutcomeState, Prediction, VoidReason};
use crate::domain::ticket::Role;
use crate::domain::verdict::{Ruling, Verdict};
use crate::ledger::DecisionBody;
use crate::store::dispatch::DispatchRow;
use crate::store::outcome::{OutcomeRow, Standing};

/// `GET /decisions/{id}`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Shown {
    let dossier = admin.dossier(id("decision", &text)?).await?;
    let line = admin.line(dossier.row.clone());
    let row = &dossier.row;
    let body = told(row);
    let frame = admin.frame(who, "/decisions", format!("{} {}", row.action.words(), line.name)).await?;
    Ok(frame.page(&html! {
        p.eyebrow { a href="/decisions" { "Decisions" } " / " (row.id) }
        h1 { (row.action.words()) " " (line.name) }
        section #what .control data-live="decisions tickets" aria-label="What" {
            div {
                @if !line.to.is_empty() { p.big-number { (line.from) " \u{2192} " (line.to) } }
                p.meta { (state(row.state)) " " (row.actor) " \u{b7} " (moment(row.at)) " \u{b7} " (row.account) @if let Some(pool) = &row.pool { " \u{b7} pool " (pool) } }
                @if let Some(of) = &row.undoes { p { "Undoes " a href=(format!("/decisions/{of}")) { (of) } "." } }
                @for undo in &dossier.undos { p { "Undone by " a href=(format!("/decisions/{}", undo.id)) { (undo.id) } " (" (undo.state.name()) ")." } }
            }
            (undo(&frame, &dossier))
        }
        @match &body {
            Some(body) => (because(body)),
            None => p.quiet { "The content of this decision was erased; that it was made, and how it ended, stays." },
        }
        (approvals(&dossier))
        (requests(&dossier.dispatches))
        @if let Some(outcome) = &dossier.outcome { (became(outcome)) }
        section #steps data-live="decisions" aria-labelledby="steps-title" {
            h2 #steps-title { "Step by step" }
            ol.steps { @for step in &dossier.steps { li { b { (step.kind) } " " (moment(step.at)) @if let Some(body) = step.body.as_deref().filter(|_| step.kind != "proposed") { details { summary { "Detail" } pre { (body) } } } } } }
        }
        details.fine {
            summary { "For the record" }
            dl.pairs {
                div { dt { "Chain" } dd { (row.shard) " " (row.seq) } }
                div { dt { "Policy" } dd { code { (row.policy_hash) } } }
                @if let Some(round) = &row.round { div { dt { "Round" } dd { (round) } } }
                @if let Some(entity) = &row.entity { div { dt { "Entity" } dd { code { (entity) } } } }
                @if let Some(body) = &body { div { dt { "Engine" } dd { (body.engine) " on " (body.node) } } }
                @if let Some(stake) = row.stake { div { dt { "Cost if wrong" } dd { (estimate(stake)) } } }
                div { dt { "Recorded" } dd { (wall(row.wall)) " on the wall clock" } }
            }
        }
    }))
}

fn undo(frame: &Frame, dossier: &Dossier) -> Markup {
    let can = matches!(dossier.row.state, DecisionState::Applied | DecisionState::Scored | DecisionState::Void) && dossier.undos.is_empty();
    if !can || !frame.may(Role::Operator) {
        return NOTHING;
    }
    html! {
        form method="post" action=(format!("/decisions/{}/undo", dossier.row.id)) {
            (frame.form_fields("/decisions"))
            button type="submit" { "Undo" }
            p.meta { "Through the guardrails, as a decision of its own." }
        }
    }
}

fn because(body: &DecisionBody) -> Markup {
    let (settled, wish) = (&body.settled, &body.settled.wish);
    html! {
        section aria-labelledby="why-title" {
            h2 #why-title { "Why" }
            p.reason { (wish.reason) }
            p.meta { (percent(wish.confidence)) " sure \u{b7} cost if wrong " (estimate(wish.cost_if_wrong)) }
        }
        section aria-labelledby="evidence-title" {
            h2 #evidence-title { "On what numbers" }
            dl.numbers {
                div { dt { "Closed days" } dd { (wish.evidence.closed_days) } }
                div { dt { "Matured conversions" } dd { (figure(wish.evidence.matured_conversions)) } }
                div { dt { "Spend" } dd { (figure(wish.evidence.spend)) } }
                @for (name, value) in &wish.evidence.figures { div { dt { (spaced(name)) } dd { (figure(*value)) } } }
            }
        }
        @if let Some(expected) = &wish.prediction { section aria-labelledby="expected-title" { h2 #expected-title { "What it expects" } p { (prediction(expected)) } p.meta { (percent(expected.direction)) " that it moves the right way" } } }
        @if !settled.alternatives.is_empty() { section aria-labelledby="else-title" { h2 #else-title { "What else was considered" } ul { @for other in &settled.alternatives { li { (other) } } } } }
        (verdicts(&body.verdicts))
        @if !settled.dissent.is_empty() || !body.conflicts.is_empty() {
            section aria-labelledby="lost-title" {
                h2 #lost-title { "Who wanted otherwise" }
                @for conflict in &body.conflicts { p { (conflict.settled) @if let Some(winner) = &conflict.winner { ", as " b { (winner) } " wanted" } " (" (conflict.method) ")." } }
                ul.plain {
                    @for lost in settled.dissent.iter().chain(body.conflicts.iter().flat_map(|conflict| &conflict.dissent)) {
                        li { b { (lost.agent) } " wanted " (lost.wanted) "; losing costs it " (figure(lost.price)) " a day in its own value." p.why { (lost.reason) } }
                    }
                }
            }
        }
    }
}

fn verdicts(all: &[Verdict]) -> Markup {
    let (passed, spoke): (Vec<&Verdict>, Vec<&Verdict>) = all.iter().partition(|verdict| verdict.ruling == Ruling::Pass);
    let table = |rows: &[&Verdict], caption: &str| {
        html! {
            div.scroll { table {
                caption.hidden { (caption) }
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Ruling" } th scope="col" { "Why" } } }
                tbody { @for verdict in rows { tr { th scope="row" { code { (verdict.rule) } } td { (ruling(&verdict.ruling)) } td { (verdict.why) } } } }
            } }
        }
    };
    html! {
        section aria-labelledby="rules-title" {
            h2 #rules-title { "What the guardrails said" }
            @if spoke.is_empty() { p { "All " (passed.len()) " rules passed." } } @else { (table(&spoke, "Rules that did not simply pass")) }
            @if !passed.is_empty() { details { summary { (passed.len()) " passed" } (table(&passed, "Rules that passed")) } }
        }
    }
}

fn approvals(dossier: &Dossier) -> Markup {
    if dossier.tickets.is_empty() {
        return NOTHING;
    }
    html! {
        section aria-labelledby="asked-title" {
            h2 #asked-title { "Who was asked" }
            ul.plain { @for ticket in &dossier.tickets { li { a href=(format!("/tickets/{}", ticket.id)) { (kind(ticket.kind)) } " \u{b7} " (ticket.state) " \u{b7} opened " (moment(ticket.opened)) } } }
        }
    }
}

fn requests(all: &[DispatchRow]) -> Markup {
    html! {
        section #requests data-live="decisions" aria-labelledby="sent-title" {
            h2 #sent-title { "What was sent" }
            @if all.is_empty() { p.quiet { "Nothing was sent for this." } }
            @for sent in all {
                article.request {
                    p { code { (sent.method) " " (sent.url) } }
                    p.meta { "attempt " (sent.attempt) " \u{b7} sent " (wall(sent.sent_wall)) " \u{b7} " (sent.result.as_deref().unwrap_or("no answer yet")) " \u{b7} body " code { (sent.body_hash.get(..12).unwrap_or_default()) } }
                    @if let Some(answer) = &sent.answer { details { summary { "Answer" } pre { (answer) } } }
                }
            }
        }
    }
}

fn became(row: &OutcomeRow) -> Markup {
    let expected: Option<Prediction> = serde_json::from_str(&row.prediction).ok();
    let result: Option<OutcomeState> = row.result.as_deref().and_then(|text| serde_json::from_str(text).ok());
    html! {
        section #outcome data-live="decisions" aria-labelledby="outcome-title" {
            h2 #outcome-title { "What became of it" }
            @match row.standing {
                Standing::Pending => p { "Not mature yet: it is scored on " (moment(row.due)) ", when its conversions have arrived." },
                Standing::Scored | Standing::Void => (result_of(row, result.as_ref())),
            }
            @if let Some(expected) = &expected { p.meta { "Predicted: " (prediction(expected)) } }
        }
    }
}

/// Why a prediction is not scored, in words.
const fn unscored(reason: VoidReason) -> &'static str {
    match reason {
        VoidReason::ForeignEdit => "somebody else changed it meanwhile",
        VoidReason::Hold => "it was on hold meanwhile",
        VoidReason::PersonPause => "a person paused it meanwhile",
        VoidReason::TooShort => "our next change of it came before three full days had passed",
        VoidReason::PlanNotKept => "it did not spend what was planned, so the prediction was about something else",
        VoidReason::NoData => "figures of its days are missing",
    }
}

/// A result in words.
pub(crate) fn result_of(row: &OutcomeRow, result: Option<&OutcomeState>) -> Markup {
    let days = serde_json::from_str(&row.prediction).map_or(0, |prediction: Prediction| i64::from(prediction.horizon_days));
    let cut = row.until - row.from < chrono::TimeDelta::days(days);
    html! {
        @match result {
            Some(OutcomeState::Scored { actual, counterfactual, effect, effect_low, effect_high, inside, right }) => p {
                span class=(if *right { "mark good" } else { "mark bad" }) { @if *right { "right way" } @else { "wrong way" } } " "
                (figure(*actual)) " measured, " (figure(*counterfactual)) " without the change: an effect of " (figure(*effect)) " (" (figure(*effect_low)) " to " (figure(*effect_high)) "), "
                @if *inside { "inside" } @else { "outside" } " what was predicted"
                @if cut { " for the days until our next change of it" } "."
            },
            Some(OutcomeState::Void { reason }) => p { span."mark quiet" { "not scored" } " " (unscored(*reason)) },
            Some(OutcomeState::Open { due }) => p { "To be scored on " (moment(*due)) "." },
            None => p.quiet { "Settled; the details cannot be read." },
        }
    }
}
