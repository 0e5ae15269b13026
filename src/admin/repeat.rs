//! The same POST twice is done once: whoever sends an `Idempotency-Key` gets the first answer again for 48 hours.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Admin;
use super::problem::Problem;
use crate::store::idempotency::Claim;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(48 * 60 * 60);
/// Largest answer that is remembered; all answers to POSTs are far below.
const LARGEST: usize = 4 * 1024 * 1024;

/// A key one caller has claimed.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    principal: String,
    key: String,
}

/// What to do with a request that carries a key.
pub(crate) enum Turn {
    /// Carry it out, then [`Admin::remember`] the answer.
    First(Key),
    /// Give this answer again.
    Again(Response),
}

/// The key of a request, if it has one that can be kept.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let text = value.to_str().ok().filter(fits);
    text.map(|text| Some(text.to_owned())).ok_or_else(|| Problem::invalid("Idempotency-Key", "expected 1 to 255 printable ASCII characters"))
}

impl Admin {
    /// Claims a key for a request, or finds the answer it had.
    pub(crate) async fn turn(&self, principal: &str, key: String, path: &str, body: &[u8]) -> Result<Turn, Problem> {
        let mut content = path.as_bytes().to_vec();
        content.push(0);
        content.extend_from_slice(body);
        let hash = crate::ledger::chain::body_hash(&content);
        let (principal_ref, key_ref, hash, now) = (principal, &key, &hash, self.clock().wall());
        let claim = self.store().write(|mut tx| async move { tx.claim_key(principal_ref, key_ref, hash, now, now.after(KEPT)).await }).await?;
        let refuse = |code, detail: &str| Err(Problem::new(StatusCode::CONFLICT, code, detail));
        match claim {
            Claim::Fresh => Ok(Turn::First(Key { principal: principal.to_owned(), key })),
            Claim::Answered { status, answer } => {
                let status = StatusCode::from_u16(status).map_err(|_| Problem::internal())?;
                let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
                Ok(Turn::Again(
                    (status, [(header::CONTENT_TYPE, kind), (header::HeaderName::from_static("idempotent-replay"), "true")], answer).into_response(),
                ))
            }
            Claim::InProgress => refuse("IDEMPOTENCY_IN_PROGRESS", "a request with this key is being worked on, or its end is not known: look at what it did"),
            Claim::OtherRequest => refuse("IDEMPOTENCY_KEY_REUSED", "this key was used for another request; take a fresh one"),
        }
    }

    /// Keeps the answer of the request that claimed `key`.
    pub(crate) async fn remember(&self, key: &Key, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, LARGEST).await else { return Problem::internal().into_response() };
        let answer = String::from_utf8_lossy(&bytes).into_owned();
        let (answer, status) = (&answer, parts.status.as_u16());
        let kept = self.store().write(|mut tx| async move { tx.answer_key(&key.principal, &key.key, status, answer).await }).await;
        if let Err(error) = kept {
            tracing::error!(error = &error as &dyn std::error::Error, "the answer to an idempotent request could not be kept; its key stays in progress");
        }
        let mut response = Response::from_parts(parts, Body::from(bytes));
        response.headers_mut().insert("idempotent-replay", HeaderValue::from_static("false"));
        response
    }
}

/// Whether a secret is in the answer, which must then not be kept.
pub(crate) fn is_kept(path: &str) -> bool {
    path != "/api/v1/login-link"
}
