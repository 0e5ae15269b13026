//! Policies in force, one after another; a stored version never changes.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;

/// A stored policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The hash of its payload: what decisions name.
    pub hash: String,
    /// Its number, from 1.
    pub version: i64,
    /// Since when it has been in force for the first time.
    pub at: ProductTime,
    /// Who brought it in.
    pub by: String,
    /// The policy, as JSON.
    pub payload: String,
}

impl Tx {
    /// Stores the policy now in force under the next number and makes it the current one; one stored before only becomes current again.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn enact_policy(&mut self, hash: &str, at: ProductTime, by: &str, payload: &str) -> Result<PolicyRow, StoreError> {
        if self.policy(hash).await?.is_none() {
            let sql = "INSERT INTO policy (hash, version, at_ms, made_by, payload) SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4 FROM policy";
            self.run(sql, args![hash, at, by, payload]).await?;
        }
        self.set_meta("policy", hash).await?;
        self.policy(hash).await?.ok_or_else(|| StoreError::Corrupt { table: "policy", id: hash.to_owned(), what: "not stored".into() })
    }

    /// The policy with this hash.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn policy(&mut self, hash: &str) -> Result<Option<PolicyRow>, StoreError> {
        let sql = "SELECT hash, version, at_ms, made_by, payload FROM policy WHERE hash = $1";
        self.row("policy", sql, args![hash]).await?.as_ref().map(policy).transpose()
    }

    /// The policy in force; none before the first start.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn current_policy(&mut self) -> Result<Option<PolicyRow>, StoreError> {
        match self.meta("policy").await? {
            Some(hash) => self.policy(&hash).await,
            None => Ok(None),
        }
    }

    /// Every policy there was, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn policies(&mut self, limit: u32) -> Result<Vec<PolicyRow>, StoreError> {
        let sql = "SELECT hash, version, at_ms, made_by, payload FROM policy ORDER BY version DESC LIMIT $1";
        self.rows("policy", sql, args![limit]).await?.iter().map(policy).collect()
    }
}

fn policy(row: &Row) -> Result<PolicyRow, StoreError> {
    Ok(PolicyRow { hash: row.text("hash")?, version: row.int("version")?, at: row.product("at_ms")?, by: row.text("made_by")?, payload: row.text("payload")? })
}
