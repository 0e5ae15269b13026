//! Rounds with their run records, the conflicts they settled, and what became of predictions.

use axum::extract::State;
use serde_json::json;

use super::{Asked, Said, page, query, stored};
use crate::admin::Admin;
use crate::admin::reading::{cursor, limit, time, wall};
use crate::domain::ids::PoolId;
use crate::store::decision::Cursor;

/// How much of a round is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// That it was run.
    Head,
    /// With its run record.
    Record,
}

/// Rounds of a pool, or of all.
pub(crate) async fn page_of(admin: &Admin, pool: Option<&PoolId>, asked: &Asked, detail: Detail) -> Said {
    let (after, limit) = (cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let (after, pool) = (after.as_ref(), pool);
    let rows = admin.store().read(|mut tx| async move { tx.rounds(pool, after, limit).await }).await?;
    let place = |row: &crate::store::round::RoundRow| Cursor { at: row.now, seq: 0, id: row.id.to_string() };
    Ok(page(&rows, limit, place, |row| {
        let mut told = json!({
            "id": row.id, "pool": row.pool, "at": time(row.now), "started": wall(row.started_wall), "finished": row.finished_wall.map(wall),
            "reason": row.reason, "policy_hash": row.policy_hash, "view_hash": row.view_hash, "engine": row.engine, "node": row.node,
        });
        if detail == Detail::Record {
            told["record"] = row.record.as_deref().map_or(serde_json::Value::Null, stored);
        }
        told
    }))
}

/// `GET /api/v1/rounds`.
pub(crate) async fn list(State(admin): State<Admin>, asked: Asked) -> Said {
    let pool: Option<PoolId> = query(&asked, "pool")?;
    page_of(&admin, pool.as_ref(), &asked, Detail::Head).await
}

/// `GET /api/v1/rounds/runs`.
pub(crate) async fn runs(State(admin): State<Admin>, asked: Asked) -> Said {
    let pool: Option<PoolId> = query(&asked, "pool")?;
    page_of(&admin, pool.as_ref(), &asked, Detail::Record).await
}

/// `GET /api/v1/conflicts`.
pub(crate) async fn conflicts(State(admin): State<Admin>, asked: Asked) -> Said {
    let (after, limit) = (cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let after = after.as_ref();
    let rows = admin.store().read(|mut tx| async move { tx.conflicts(after, limit).await }).await?;
    let place = |row: &crate::store::conflict::ConflictRow| Cursor { at: row.at, seq: 0, id: row.id.to_string() };
    Ok(page(&rows, limit, place, |row| {
        json!({
            "id": row.id, "at": time(row.at), "round": row.round, "pool": row.pool, "entity": row.entity, "name": admin.name_of(&row.entity),
            "agent": row.agent, "price": row.price, "reviewed": row.reviewed.as_ref().map(|(at, by)| json!({ "at": time(*at), "by": by })),
            "dissent": stored(&row.payload),
        })
    }))
}

/// `GET /api/v1/outcomes`.
pub(crate) async fn outcomes(State(admin): State<Admin>, asked: Asked) -> Said {
    let (after, limit) = (cursor(asked.get("cursor"))?, limit(asked.get("limit"))?);
    let (after, actor) = (after.as_ref(), asked.get("agent").map(String::as_str));
    let rows = admin.store().read(|mut tx| async move { tx.settled_outcomes(actor, after, limit).await }).await?;
    let place = |row: &crate::store::outcome::OutcomeRow| Cursor { at: row.settled.unwrap_or(row.due), seq: 0, id: row.id.to_string() };
    Ok(page(&rows, limit, place, |row| outcome(&admin, row)))
}

/// One outcome as JSON.
pub(crate) fn outcome(admin: &Admin, row: &crate::store::outcome::OutcomeRow) -> serde_json::Value {
    json!({
        "id": row.id, "decision": row.decision, "entity": row.entity, "name": admin.name_of(&row.entity), "actor": row.actor, "action": row.action.name(),
        "state": row.standing.name(), "from": time(row.from), "until": time(row.until), "due": time(row.due), "settled": row.settled.map(time),
        "good": row.good, "confidence": row.confidence, "prediction": stored(&row.prediction), "result": row.result.as_deref().map(stored),
    })
}
