//! What time does to tickets: reminders, expiry, lapsing. None of it changes anything on a platform.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer::{Standing, standing};
use super::open::Content;
use super::{alerts, deadline, keep};
use crate::clock::ProductTime;
use crate::domain::alert::AlertKind;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{IdGen, TicketId};
use crate::domain::policy::Policy;
use crate::domain::ticket::{Severity, TicketKind, TicketState};
use crate::ledger::{LedgerError, advance, control};
use crate::store::Tx;
use crate::store::step::Moment;
use crate::store::ticket::TicketRow;

/// Closes every ticket whose deadline has passed; the decisions that waited for them expire and nothing is done.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn expire_due(tx: &mut Tx, when: Moment) -> Result<Vec<TicketId>, LedgerError> {
    let mut expired = Vec::new();
    if tx.open_tickets().await?.iter().all(|row| row.deadline > when.at) {
        return Ok(expired);
    }
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    for row in tx.open_tickets().await?.into_iter().filter(|row| row.deadline <= when.at) {
        expired.push(row.id);
        let content = Content::of(&row)?;
        let state = content.state.clone().expire(when.at)?;
        close(tx, row, Content { state, ..content }, "ticket.expire", json!({}), when).await?;
    }
    Ok(expired)
}

/// Closes every ticket that nobody could say yes to any more: what it asks was bound to something that has changed since. Whoever asked may ask again.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn lapse_outdated(tx: &mut Tx, policy: &Policy, when: Moment) -> Result<Vec<TicketId>, LedgerError> {
    let outdated = outdated(tx, policy).await?;
    if outdated.is_empty() {
        return Ok(Vec::new());
    }
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    let mut lapsed = Vec::new();
    for (id, why) in self::outdated(tx, policy).await? {
        lapse(tx, &id, why, when).await?;
        lapsed.push(id);
    }
    Ok(lapsed)
}

async fn outdated(tx: &mut Tx, policy: &Policy) -> Result<Vec<(TicketId, &'static str)>, LedgerError> {
    let mut outdated = Vec::new();
    for row in tx.open_tickets().await? {
        if let Standing::Outdated(why) = standing(tx, policy, &row, &Content::of(&row)?).await? {
            outdated.push((row.id, why));
        }
    }
    Ok(outdated)
}

/// Closes a ticket because what it was about is gone or has changed.
///
/// # Errors
/// [`LedgerError::Missing`] without such a ticket, [`LedgerError::Ticket`] when it is closed.
pub async fn lapse(tx: &mut Tx, id: &TicketId, why: &str, when: Moment) -> Result<(), LedgerError> {
    let row = tx.ticket(id).await?.ok_or_else(|| LedgerError::Missing { what: "ticket", id: id.to_string() })?;
    let content = Content::of(&row)?;
    let state = content.state.clone().lapse(why, when.at)?;
    close(tx, row, Content { state, ..content }, "ticket.lapse", json!({ "why": why }), when).await
}

/// Stores what became of a ticket, with a note on the workspace's chain.
pub(super) async fn save(tx: &mut Tx, row: &mut TicketRow, content: &Content, kind: &str, detail: &Value, when: Moment) -> Result<(), LedgerError> {
    keep(row, content)?;
    tx.update_ticket(row).await?;
    control::note(tx, kind, &row.id.to_string(), detail, when).await?;
    match &content.state {
        TicketState::Open { .. } => {}
        TicketState::Approved { .. } | TicketState::Rejected { .. } => tx.close_alerts_of(&row.id, "the answer to its ticket", when.at).await?,
        TicketState::Lapsed { .. } => tx.close_alerts_of(&row.id, "the end of its question", when.at).await?,
        // Nobody has looked: the alert stays, and says how it ended.
        TicketState::Expired { .. } => tx.retitle_alerts_of(&row.id, &format!("Nobody answered, and nothing was done: {}", content.title)).await?,
    }
    Ok(())
}

/// Closes a ticket without an answer: what waited for it expires.
async fn close(tx: &mut Tx, mut row: TicketRow, content: Content, kind: &str, detail: Value, when: Moment) -> Result<(), LedgerError> {
    save(tx, &mut row, &content, kind, &detail, when).await?;
    let Some(decision) = row.decision else { return Ok(()) };
    let waits = tx.decision(&decision).await?.is_some_and(|row| row.state == DecisionState::Escalated);
    if waits {
        advance(tx, &decision, Event::Expire, &json!({ "ticket": row.id, "because": kind }), when).await?;
    }
    Ok(())
}

/// Reminds the owners of tickets that have waited for most of their time: they become critical and raise an alert, once.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn remind(tx: &mut Tx, ids: &IdGen, when: Moment) -> Result<Vec<TicketId>, LedgerError> {
    let mut reminded = Vec::new();
    let due = |row: &TicketRow| row.reminded.is_none() && when.at >= deadline::reminder(row.opened, row.deadline);
    if !tx.open_tickets().await?.iter().any(due) {
        return Ok(reminded);
    }
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    for mut row in tx.open_tickets().await?.into_iter().filter(due) {
        row.reminded = Some(when.at);
        row.severity = Severity::Critical;
        tx.update_ticket(&row).await?;
        let (title, payload) = (format!("No answer yet: {}", Content::of(&row)?.title), json!({ "ticket": row.id, "deadline": row.deadline }));
        let notice = alerts::Notice { kind: alert_of(row.kind), subject: &row.subject, severity: Severity::Critical, title, payload };
        alerts::raise(tx, ids, notice, when).await?;
        reminded.push(row.id);
    }
    Ok(reminded)
}

/// The kind of alert that goes with a kind of ticket.
pub(crate) const fn alert_of(kind: TicketKind) -> AlertKind {
    match kind {
        TicketKind::LowConfidence => AlertKind::LowConfidence,
        TicketKind::PolicyViolation => AlertKind::PolicyViolation,
        TicketKind::CredentialTrouble => AlertKind::Credentials,
        TicketKind::PolicyLoosening => AlertKind::Config,
        TicketKind::Anomaly => AlertKind::Gap,
        TicketKind::SpendApproval
        | TicketKind::ConflictReview
        | TicketKind::ChangedElsewhere
        | TicketKind::UnknownOutcome
        | TicketKind::PlanReviseRecommended
        | TicketKind::PlanReplanDraft
        | TicketKind::PlanTrackDraft
        | TicketKind::PlanEventDraft
        | TicketKind::PlanApproval
        | TicketKind::ExperimentDecision => AlertKind::HighRiskDecision,
    }
}

/// How long the oldest open ticket has been waiting; `None` while none is.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn queue_age(tx: &mut Tx, at: ProductTime) -> Result<Option<TimeDelta>, LedgerError> {
    Ok(tx.open_tickets().await?.iter().map(|row| at - row.opened).max())
}
