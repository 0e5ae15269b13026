//! Answers that say no: `application/problem+json` with a stable code, and never more than the asker may know.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::supervisor::control::ControlError;

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// Stable, in capitals.
    pub(crate) code: String,
    /// What is wrong and what was expected, for people.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into() }
    }

    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is no {}", what.into()))
    }

    pub(crate) fn invalid(field: &str, why: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID", format!("{field}: {}", why.into()))
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the daemon could not do this; its log says why")
    }

    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Refused")
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound(what) => Self::missing(what),
            ControlError::Refused { code, why } => Self::new(StatusCode::CONFLICT, &code, why),
            ControlError::Invalid { field, why } => Self::invalid(&field, why),
            ControlError::Unavailable(what) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", what),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The text may name hosts and files; it belongs into the log.
        tracing::error!(error = &error as &dyn std::error::Error, "the admin room could not use the database");
        match error {
            StoreError::Busy(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", "the database is busy; ask again in a moment"),
            _ => Self::internal(),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => error.into(),
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "the admin room could not read the ledger");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "type": "about:blank", "title": self.title(), "status": self.status.as_u16(), "code": self.code, "detail": self.detail });
        let mut response = (self.status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"adjutant\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}
