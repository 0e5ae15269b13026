//! What people ask of an account's platform beyond what views hold. All of it reads.

use std::sync::Arc;

use serde_json::json;

use super::control::{ControlError, Inquiry};
use super::daemon::Daemon;
use crate::domain::ids::AccountId;
use crate::platforms::PlatformError;

impl Daemon {
    /// Asks an account's platform.
    pub(super) async fn inquire_of(&self, account: AccountId, inquiry: Inquiry) -> Result<serde_json::Value, ControlError> {
        let gateway = {
            let seats = self.seats();
            let seat = seats.accounts.get(&account).ok_or_else(|| ControlError::NotFound(format!("account `{account}`")))?;
            Arc::clone(&seat.gateway)
        };
        let told = match inquiry {
            Inquiry::Structure => gateway.structure().await.map(|structure| json!({ "structure": structure, "untracked": structure.untracked() })),
            Inquiry::Report(ask) => gateway.report(&ask).await.map(|rows| json!(rows)),
            Inquiry::Edits(since) => gateway.edits(since).await.map(|edits| json!(edits)),
            Inquiry::Access => gateway.access().await.map(|access| json!(access)),
        };
        told.map_err(|error| match error {
            PlatformError::Quota { .. } | PlatformError::Transient(_) | PlatformError::NotSent(_) | PlatformError::Unknown(_) => {
                ControlError::Unavailable(format!("account `{account}`: {error}"))
            }
            _ => ControlError::refused(error.code(), &error.to_string()),
        })
    }
}
