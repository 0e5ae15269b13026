//! Idempotency keys: the same request twice gets the first answer, another request under the same key is refused.

use super::row::args;
use super::{StoreError, Tx};
use crate::clock::WallTime;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// New: do the work, then store the answer with [`Tx::answer_key`].
    Fresh,
    /// The same request was answered before.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        answer: String,
    },
    /// The same request is being worked on, or its worker died: not repeated blindly.
    InProgress,
    /// The key was used for another request.
    OtherRequest,
}

impl Tx {
    /// Claims a key of one principal for a request.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn claim_key(&mut self, principal: &str, key: &str, request_hash: &str, now: WallTime, expires: WallTime) -> Result<Claim, StoreError> {
        let sql = "DELETE FROM idempotency_key WHERE principal = $1 AND key = $2 AND expires_wall_ms <= $3";
        self.run(sql, args![principal, key, now]).await?;
        let sql = "INSERT INTO idempotency_key (principal, key, request_hash, expires_wall_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (principal, key) DO NOTHING";
        if self.run(sql, args![principal, key, request_hash, expires]).await? == 1 {
            return Ok(Claim::Fresh);
        }
        let sql = "SELECT key, request_hash, status, answer FROM idempotency_key WHERE principal = $1 AND key = $2";
        let Some(row) = self.row("idempotency_key", sql, args![principal, key]).await? else { return Ok(Claim::InProgress) };
        if row.text("request_hash")? != request_hash {
            return Ok(Claim::OtherRequest);
        }
        match (row.maybe_int("status")?, row.maybe_text("answer")?) {
            (Some(status), Some(answer)) => Ok(Claim::Answered { status: u16::try_from(status).map_err(|error| row.lies(error))?, answer }),
            (None, None) => Ok(Claim::InProgress),
            (Some(_), None) | (None, Some(_)) => Err(row.lies("only half an answer")),
        }
    }

    /// Stores the answer to the request that claimed a key.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has an answer already.
    pub async fn answer_key(&mut self, principal: &str, key: &str, status: u16, answer: &str) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency_key SET status = $3, answer = $4 WHERE principal = $1 AND key = $2 AND status IS NULL";
        self.run_expecting(sql, args![principal, key, i64::from(status), answer], "idempotency_key", key, "unanswered").await
    }

    /// Gives a key back when the work was refused before it did anything, so that a corrected request may use it.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn release_key(&mut self, principal: &str, key: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency_key WHERE principal = $1 AND key = $2 AND status IS NULL";
        self.run(sql, args![principal, key]).await.map(|_| ())
    }
}
