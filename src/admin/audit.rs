//! Every call that changes state, refused ones too, becomes a row in the workspace's chain: who, in which role, what, and what became of it.
//! Never its content: notes and tokens do not belong there.

use axum::http::StatusCode;
use serde_json::json;

use super::Admin;
use super::auth::Principal;
use crate::ledger::control;

impl Admin {
    /// Writes the row. A call that was carried out is answered even if the row cannot be written; the log then says so.
    pub(crate) async fn note(&self, who: Option<&Principal>, path: &str, status: StatusCode, code: Option<&str>) {
        let by = who.map_or("nobody", |who| who.name.as_str());
        let body = json!({ "by": by, "role": who.map(|who| who.role.name()), "path": path, "status": status.as_u16(), "code": code });
        let when = self.moment();
        let body = &body;
        let written = self.store().write(|mut tx| async move { control::note(&mut tx, "admin", path, body, when).await });
        if let Err(error) = written.await {
            tracing::error!(error = &error as &dyn std::error::Error, by, path, status = status.as_u16(), "an admin call could not be written to the chain");
        }
    }
}
