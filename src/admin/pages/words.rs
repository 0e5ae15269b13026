//! How pages say things: actions, states, verdicts, times, numbers.

use maud::{Markup, html};

use crate::admin::reading::{Line, grouped, time};
use crate::clock::ProductTime;
use crate::domain::decision::DecisionState;
use crate::domain::money::{Money, Rounding};
use crate::domain::outcome::{PredictedMetric, Prediction};
use crate::domain::ticket::{Severity, TicketKind};
use crate::domain::verdict::Ruling;

/// An instant, short for people and exact for machines.
pub(crate) fn moment(at: ProductTime) -> Markup {
    html! { time datetime=(time(at)) { (at.utc().format("%-d %b %Y, %H:%M")) } }
}

/// How long until an instant, or since.
pub(crate) fn away(at: ProductTime, now: ProductTime) -> String {
    let minutes = (at - now).num_minutes();
    let words = match minutes.unsigned_abs() {
        0 => return "now".to_owned(),
        some @ 1..=119 => format!("{some} min"),
        some @ 120..=2_879 => format!("{} h", some / 60),
        some => format!("{} days", some / 1_440),
    };
    if minutes > 0 { format!("in {words}") } else { format!("{words} ago") }
}

/// How long until what has to happen by an instant; once that has passed, it is due.
pub(crate) fn due(at: ProductTime, now: ProductTime) -> String {
    if at > now { away(at, now) } else { "due now".to_owned() }
}

/// `1 ticket`, `2 tickets`, `No tickets`.
pub(crate) fn plural(found: usize, thing: &str) -> String {
    match found {
        0 => format!("No {thing}s"),
        1 => format!("1 {thing}"),
        _ => format!("{found} {thing}s"),
    }
}

/// Money as pages show it.
pub(crate) fn amount(money: Money) -> Markup {
    html! { span.money { (grouped(money)) } }
}

/// An estimate in money, to the minor unit: the micros of a guess say nothing.
pub(crate) fn estimate(money: Money) -> Markup {
    amount(money.round_to(money.currency().minor_unit(), Rounding::Up).unwrap_or(money))
}

/// A share of one as percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A figure of statistics, short.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A field's name as words.
pub(crate) fn spaced(name: &str) -> String {
    match name {
        "roas" | "cpa" | "ctr" | "cvr" | "cpc" | "cpm" | "cpl" => name.to_uppercase(),
        "marginal_roas" => "marginal ROAS".to_owned(),
        _ => name.replace(['_', '.'], " "),
    }
}

/// The colour a state has: it means something everywhere.
const fn tone(state: DecisionState) -> &'static str {
    match state {
        DecisionState::Applied | DecisionState::Scored => "good",
        DecisionState::Failed | DecisionState::Denied | DecisionState::Rejected => "bad",
        DecisionState::Unknown | DecisionState::Escalated => "warn",
        DecisionState::Proposed
        | DecisionState::Approved
        | DecisionState::Authorised { .. }
        | DecisionState::Dispatched { .. }
        | DecisionState::Withdrawn
        | DecisionState::Expired
        | DecisionState::Superseded
        | DecisionState::Cancelled
        | DecisionState::Void => "quiet",
    }
}

/// A state in plain words.
const fn plain(state: DecisionState) -> &'static str {
    match state {
        DecisionState::Proposed => "proposed",
        DecisionState::Withdrawn => "lost in arbitration",
        DecisionState::Denied => "denied by a guardrail",
        DecisionState::Escalated => "waits for a person",
        DecisionState::Approved => "approved",
        DecisionState::Rejected => "rejected by a person",
        DecisionState::Expired => "expired",
        DecisionState::Authorised { .. } => "about to be sent",
        DecisionState::Superseded => "superseded",
        DecisionState::Cancelled => "called off",
        DecisionState::Dispatched { .. } => "sent",
        DecisionState::Applied => "applied",
        DecisionState::Failed => "failed",
        DecisionState::Unknown => "outcome unknown",
        DecisionState::Scored => "applied and scored",
        DecisionState::Void => "applied, not scored",
    }
}

/// A state as a mark.
pub(crate) fn state(state: DecisionState) -> Markup {
    html! { span class=(format!("mark {}", tone(state))) { (plain(state)) } }
}

/// How bad something is, as a mark.
pub(crate) fn severity(severity: Severity) -> Markup {
    let tone = match severity {
        Severity::Info => "quiet",
        Severity::Warning => "warn",
        Severity::Critical => "bad",
    };
    html! { span class=(format!("mark {tone}")) { (severity.name()) } }
}

/// What a ticket is about.
pub(crate) const fn kind(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::SpendApproval => "Spend approval",
        TicketKind::LowConfidence => "Low confidence",
        TicketKind::PolicyViolation => "Platform policy",
        TicketKind::Anomaly => "Anomaly",
        TicketKind::ConflictReview => "Conflict review",
        TicketKind::CredentialTrouble => "Credentials",
        TicketKind::ChangedElsewhere => "Changed elsewhere",
        TicketKind::UnknownOutcome => "Outcome unknown",
        TicketKind::PlanReviseRecommended => "Revise the plan",
        TicketKind::PlanReplanDraft => "Replanned draft",
        TicketKind::PlanTrackDraft => "Track draft",
        TicketKind::PlanEventDraft => "Event draft",
        TicketKind::PlanApproval => "Plan approval",
        TicketKind::ExperimentDecision => "Experiment",
        TicketKind::PolicyLoosening => "Looser policy",
    }
}

/// A ruling as a mark.
pub(crate) fn ruling(ruling: &Ruling) -> Markup {
    html! {
        @match ruling {
            Ruling::Pass => span."mark good" { "pass" },
            Ruling::Clamp { to } => span."mark warn" { "clamp to " (grouped(*to)) },
            Ruling::Delay { until } => span."mark warn" { "wait until " (moment(*until)) },
            Ruling::Ask => span."mark warn" { "ask a person" },
            Ruling::Deny => span."mark bad" { "deny" },
        }
    }
}

/// A prediction in one sentence.
pub(crate) fn prediction(prediction: &Prediction) -> String {
    let metric = match prediction.metric {
        PredictedMetric::Conversions => "conversions",
        PredictedMetric::Revenue => "revenue",
        PredictedMetric::Spend => "spend",
    };
    format!(
        "{} {metric} over {} days, between {} and {} in four cases of five; {} without the change.",
        figure(prediction.mean),
        prediction.horizon_days,
        figure(prediction.low),
        figure(prediction.high),
        figure(prediction.without)
    )
}

/// A decision as one line of a list.
pub(crate) fn action(line: &Line) -> Markup {
    let row = &line.row;
    html! {
        li.action {
            div.what {
                a href=(format!("/decisions/{}", row.id)) { (row.action.words()) " " b { (line.name) } }
                @if !line.to.is_empty() { span.ends { (line.from) " \u{2192} " (line.to) } }
            }
            p.why { (line.reason) }
            p.meta { (state(row.state)) " " (row.actor) " \u{b7} " (moment(row.at)) @if let Some(sure) = line.confidence { " \u{b7} " (percent(sure)) " sure" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_is_due_now_and_never_ago() {
        let at = |minutes: i64| ProductTime::from_ms(1_000_000_000 + minutes * 60_000);
        assert_eq!(due(at(-13), at(0)), "due now");
        assert_eq!(due(at(0), at(0)), "due now");
        assert_eq!(due(at(13), at(0)), "in 13 min");
        assert_eq!(away(at(-13), at(0)), "13 min ago");
    }
}
