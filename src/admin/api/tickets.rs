//! Questions to people, with exactly what an approval would do, and things to know.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Said, Who, body, id, note, page, stored};
use crate::admin::Admin;
use crate::admin::auth::Principal;
use crate::admin::problem::Problem;
use crate::admin::reading::{asked as content, cursor, ends, limit, time};
use crate::domain::ids::{AlertId, TicketId};
use crate::store::StoreError;
use crate::store::alert::{AlertRow, Which};
use crate::store::decision::Cursor;
use crate::store::ticket::{ApprovalRow, TicketRow};
use crate::supervisor::control::Reply;

/// A ticket as JSON.
pub(crate) fn ticket(admin: &Admin, row: &TicketRow) -> Value {
    let content = content(row);
    let change = content.as_ref().and_then(|content| content.change.as_ref());
    let (from, to) = change.map(ends).unzip();
    json!({
        "id": row.id, "kind": row.kind.name(), "subject": row.subject,
        "name": row.subject.parse().map_or_else(|_| row.subject.clone(), |key| admin.name_of(&key)),
        "direction": row.direction, "account": row.account, "pool": row.pool, "decision": row.decision, "state": row.state,
        "severity": row.severity, "owner": row.owner, "opened": time(row.opened), "deadline": time(row.deadline), "closed": row.closed.map(time),
        "money_at_risk": row.risk, "bound_hash": row.bound_hash, "version": row.version, "from": from, "to": to,
        "title": content.as_ref().map(|content| &content.title), "content": stored(&row.payload), "on_expiry": "nothing is done",
    })
}

fn approval(row: &ApprovalRow) -> Value {
    let answer = match row.answer {
        crate::store::ticket::Answer::Approve => "approve",
        crate::store::ticket::Answer::Reject => "reject",
    };
    json!({ "person": row.person, "role": row.role, "answer": answer, "waives": stored(&row.waives), "note": row.reason, "at": time(row.when.at), "used": row.used.map(time) })
}

impl Admin {
    /// A ticket with the answers it had.
    pub(crate) async fn ticket(&self, id: TicketId) -> Result<(TicketRow, Vec<ApprovalRow>), Problem> {
        let found = self.store().read(|mut tx| async move {
            let Some(row) = tx.ticket(&id).await? else { return Ok(None) };
            Ok::<_, StoreError>(Some((row, tx.approvals_of(&id).await?)))
        });
        found.await?.ok_or_else(|| Problem::missing(format!("ticket `{id}`")))
    }
}

/// `GET /api/v1/tickets`.
pub(crate) async fn list(State(admin): State<Admin>, asked: Asked) -> Said {
    let (after, limit) = (cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let state = match asked.get("state").map_or("open", String::as_str) {
        "all" => None,
        state @ ("open" | "approved" | "rejected" | "expired" | "lapsed") => Some(state),
        _ => return Err(Problem::invalid("state", "expected open, approved, rejected, expired, lapsed or all")),
    };
    let after = after.as_ref();
    let rows = admin.store().read(|mut tx| async move { tx.tickets(state, after, limit).await }).await?;
    Ok(page(&rows, limit, |row| Cursor { at: row.opened, seq: 0, id: row.id.to_string() }, |row| ticket(&admin, row)))
}

/// `GET /api/v1/tickets/{id}`.
pub(crate) async fn one(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    let (row, answers) = admin.ticket(id("ticket", &text)?).await?;
    let mut told = ticket(&admin, &row);
    told["answers"] = answers.iter().map(approval).collect();
    Ok(Json(told))
}

/// What a person says with an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Note {
    note: String,
    /// The `bound_hash` of the ticket as it was shown.
    seen: Option<String>,
}

/// A person's answer.
pub(crate) fn reply(who: &Principal, seen: Option<String>, text: &str) -> Result<Reply, Problem> {
    Ok(Reply { by: who.name.clone(), role: who.role, seen, note: note("note", text)? })
}

/// `POST /api/v1/tickets/{id}/approve`.
pub(crate) async fn approve(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, bytes: Bytes) -> Said {
    let said: Note = body(&bytes)?;
    let ticket: TicketId = id("ticket", &text)?;
    let state = admin.control().approve(ticket, reply(&who, said.seen, &said.note)?).await?;
    let mut answer = json!({ "ticket": ticket, "state": state.name() });
    if let crate::domain::ticket::TicketState::Lapsed { why, .. } = state {
        answer["why"] = json!(why);
    }
    Ok(Json(answer))
}

/// `POST /api/v1/tickets/{id}/reject`.
pub(crate) async fn reject(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>, bytes: Bytes) -> Said {
    let said: Note = body(&bytes)?;
    let ticket: TicketId = id("ticket", &text)?;
    let state = admin.control().reject(ticket, reply(&who, said.seen, &said.note)?).await?;
    Ok(Json(json!({ "ticket": ticket, "state": state.name() })))
}

fn alert(row: &AlertRow) -> Value {
    json!({
        "id": row.id, "kind": row.kind, "subject": row.subject, "severity": row.severity, "title": row.title, "at": time(row.at), "times": row.times,
        "last": time(row.last), "acknowledged": row.acknowledged.as_ref().map(|(at, by)| json!({ "at": time(*at), "by": by })), "detail": stored(&row.payload),
    })
}

/// `GET /api/v1/alerts`.
pub(crate) async fn alerts(State(admin): State<Admin>, asked: Asked) -> Said {
    let (after, limit) = (cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let which = match asked.get("state").map_or("open", String::as_str) {
        "open" => Which::Open,
        "all" => Which::All,
        _ => return Err(Problem::invalid("state", "expected open or all")),
    };
    let after = after.as_ref();
    let rows = admin.store().read(|mut tx| async move { tx.alerts(which, after, limit).await }).await?;
    Ok(page(&rows, limit, |row| Cursor { at: row.at, seq: 0, id: row.id.to_string() }, alert))
}

/// `POST /api/v1/alerts/{id}/acknowledge`.
pub(crate) async fn acknowledge(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Said {
    let wanted: AlertId = id("alert", &text)?;
    admin.control().acknowledge(wanted, who.name).await?;
    Ok(Json(json!({ "alert": wanted, "acknowledged": true })))
}
