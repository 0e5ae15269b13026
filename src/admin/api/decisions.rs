//! Decisions: the list, everything about one, its undo and its replay.

use axum::Json;
use axum::extract::{Extension, Path, State};
use serde_json::{Value, json};

use super::{Asked, Said, Who, id, page, query, stored};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::reading::{Line, cursor, limit, time, wall};
use crate::domain::ids::DecisionId;
use crate::store::StoreError;
use crate::store::decision::{DecisionFilter, DecisionRow};
use crate::store::dispatch::DispatchRow;
use crate::store::outcome::OutcomeRow;
use crate::store::step::StepRow;
use crate::store::ticket::TicketRow;

/// The names a filter by state may have.
pub(crate) const STATES: [&str; 16] = [
    "proposed",
    "withdrawn",
    "denied",
    "escalated",
    "approved",
    "rejected",
    "expired",
    "authorised",
    "superseded",
    "cancelled",
    "dispatched",
    "applied",
    "failed",
    "unknown",
    "scored",
    "void",
];

/// Everything the rows know of one decision.
pub(crate) struct Dossier {
    pub(crate) row: DecisionRow,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) dispatches: Vec<DispatchRow>,
    pub(crate) tickets: Vec<TicketRow>,
    pub(crate) outcome: Option<OutcomeRow>,
    pub(crate) undos: Vec<DecisionRow>,
}

impl Admin {
    /// Everything about one decision, on one snapshot.
    pub(crate) async fn dossier(&self, id: DecisionId) -> Result<Dossier, Problem> {
        let found = self.store().read(|mut tx| async move {
            let Some(row) = tx.decision(&id).await? else { return Ok(None) };
            let (steps, dispatches) = (tx.steps_of(&id.to_string()).await?, tx.dispatches_of(&id).await?);
            let (tickets, outcome, undos) = (tx.tickets_of_decision(&id).await?, tx.outcome_of(&id).await?, tx.undos_of(&id).await?);
            Ok::<_, StoreError>(Some(Dossier { row, steps, dispatches, tickets, outcome, undos }))
        });
        found.await?.ok_or_else(|| Problem::missing(format!("decision `{id}`")))
    }
}

/// Reads a filter from a query.
pub(crate) fn filter(asked: &Asked) -> Result<DecisionFilter, Problem> {
    let state = asked.get("state").filter(|state| !state.is_empty());
    if let Some(state) = state.filter(|state| !STATES.contains(&state.as_str())) {
        return Err(Problem::invalid("state", format!("`{state}` is no state; expected one of {}", STATES.join(", "))));
    }
    Ok(DecisionFilter {
        account: query(asked, "account")?,
        pool: query(asked, "pool")?,
        entity: query(asked, "entity")?,
        actor: asked.get("agent").filter(|agent| !agent.is_empty()).cloned(),
        state: state.cloned(),
        round: query(asked, "round")?,
    })
}

fn item(line: &Line) -> Value {
    let row = &line.row;
    json!({
        "id": row.id, "at": time(row.at), "actor": row.actor, "actor_kind": row.actor_kind, "action": row.action.name(), "direction": row.direction,
        "account": row.account, "pool": row.pool, "entity": row.entity, "name": line.name, "from": line.from, "to": line.to, "state": row.state.name(),
        "since": time(row.since), "reason": line.reason, "confidence": line.confidence,
    })
}

/// `GET /api/v1/decisions`.
pub(crate) async fn list(State(admin): State<Admin>, asked: Asked) -> Said {
    let (filter, after, limit) = (filter(&asked)?, cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let (filter, after) = (&filter, after.as_ref());
    let rows = admin.store().read(|mut tx| async move { tx.decisions(filter, after, limit).await }).await?;
    Ok(page(&rows, limit, DecisionRow::cursor, |row| item(&admin.line(row.clone()))))
}

/// `GET /api/v1/decisions/{id}`.
pub(crate) async fn one(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    let dossier = admin.dossier(id("decision", &text)?).await?;
    let row = &dossier.row;
    let mut told = item(&admin.line(row.clone()));
    let content = row.body.as_deref().map(stored);
    let part = |pointer: &str| content.as_ref().and_then(|content| content.pointer(pointer)).cloned();
    let extra = json!({
        "round": row.round, "change_set": row.change_set, "undoes": row.undoes, "policy_hash": row.policy_hash, "chain": row.shard, "seq": row.seq,
        "stake": row.stake, "evidence": part("/settled/wish/evidence"), "alternatives": part("/settled/alternatives"),
        "prediction": part("/settled/wish/prediction"), "change": part("/settled/wish/change"), "verdicts": part("/verdicts"), "conflicts": part("/conflicts"),
        "dissent": part("/settled/dissent"), "engine": part("/engine"), "node": part("/node"),
        "tickets": dossier.tickets.iter().map(|ticket| super::tickets::ticket(&admin, ticket)).collect::<Vec<_>>(),
        "dispatches": dossier.dispatches.iter().map(dispatch).collect::<Vec<_>>(),
        "steps": dossier.steps.iter().map(step).collect::<Vec<_>>(),
        "outcome": dossier.outcome.as_ref().map(|outcome| super::rounds::outcome(&admin, outcome)),
        "undone_by": dossier.undos.iter().map(|undo| undo.id).collect::<Vec<_>>(),
    });
    if let (Value::Object(told), Value::Object(extra)) = (&mut told, extra) {
        told.extend(extra);
    }
    Ok(Json(told))
}

fn dispatch(row: &DispatchRow) -> Value {
    json!({
        "id": row.id, "attempt": row.attempt, "method": row.method, "url": row.url, "body_sha256": row.body_hash, "at": time(row.at), "sent": wall(row.sent_wall),
        "answered": row.answered_wall.map(wall), "result": row.result, "answer": row.answer.as_deref().map(stored), "node": row.node, "lease_token": row.lease_token,
    })
}

fn step(row: &StepRow) -> Value {
    json!({ "seq": row.seq, "kind": row.kind, "at": time(row.at), "wall": wall(row.wall), "hash": row.hash, "detail": row.body.as_deref().map(stored) })
}

/// `POST /api/v1/decisions/{id}/undo`.
pub(crate) async fn undo(State(admin): State<Admin>, Extension(who): Who, Path(text): Path<String>) -> Said {
    let answer = admin.control().undo(id("decision", &text)?, who.name).await?;
    Ok(Json(json!(answer)))
}

/// `GET /api/v1/decisions/{id}/replay`.
pub(crate) async fn replay(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    Ok(Json(admin.control().replay(id("decision", &text)?).await?))
}
