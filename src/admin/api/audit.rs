//! Whether the log is whole.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::Said;
use crate::admin::Admin;
use crate::ledger::audit;

/// `GET /api/v1/audit/verify`.
pub(crate) async fn verify(State(admin): State<Admin>) -> Said {
    let report = audit::verify(admin.store()).await?;
    let ok = report.is_clean();
    Ok(Json(json!({ "ok": ok, "report": report })))
}
