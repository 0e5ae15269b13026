//! What people ask of an account's platform beyond what views hold. All of it reads.

use std::sync::Arc;

use serde_json::{Value, json};

use super::control::{ControlError, Inquiry};
use super::daemon::Daemon;
use crate::domain::ids::AccountId;
use crate::platforms::PlatformError;
use crate::platforms::ga4::{Property, PropertyAccess};

impl Daemon {
    /// Asks an account's platform.
    pub(super) async fn inquire_of(&self, account: AccountId, inquiry: Inquiry) -> Result<Value, ControlError> {
        let (gateway, property) = {
            let seats = self.seats();
            let seat = seats.accounts.get(&account).ok_or_else(|| ControlError::NotFound(format!("account `{account}`")))?;
            (Arc::clone(&seat.gateway), seat.property.clone())
        };
        let told = match inquiry {
            Inquiry::Structure => gateway.structure().await.map(|structure| json!({ "structure": structure, "untracked": structure.untracked() })),
            Inquiry::Report(ask) => gateway.report(&ask).await.map(|rows| json!(rows)),
            Inquiry::Edits(since) => gateway.edits(since).await.map(|edits| json!(edits)),
            Inquiry::Access => match property {
                None => gateway.access().await.map(|access| json!(access)),
                Some(property) => {
                    let (access, beside) = tokio::join!(gateway.access(), property.access());
                    access.map(|mut access| {
                        access.left.extend(property.left());
                        let mut told = json!(access);
                        told["measurement"] = measured(&property, beside);
                        told
                    })
                }
            },
        };
        told.map_err(|error| match error {
            PlatformError::Quota { .. } | PlatformError::Transient(_) | PlatformError::NotSent(_) | PlatformError::Unknown(_) => {
                ControlError::Unavailable(format!("account `{account}`: {error}"))
            }
            _ => ControlError::refused(error.code(), &error.to_string()),
        })
    }
}

/// What a property's credentials allow: a refusal there is no reason to keep back what the platform told.
fn measured(property: &Property, told: Result<PropertyAccess, PlatformError>) -> Value {
    match told {
        Ok(access) => {
            json!({ "name": property.name(), "works": true, "property": access.property, "key_events": access.key_events, "missing": access.missing })
        }
        Err(error) => {
            json!({ "name": property.name(), "works": false, "property": property.id(), "refused": { "code": error.code(), "why": error.to_string() } })
        }
    }
}
