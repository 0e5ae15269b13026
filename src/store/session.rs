//! Signed-in people and links that work once. Only hashes of secrets are stored.

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::WallTime;
use crate::domain::ids::SessionId;
use crate::domain::ticket::Role;

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// The hash of the token in the cookie.
    pub token_hash: String,
    /// The hash of the token in forms.
    pub csrf_hash: String,
    /// Who is signed in.
    pub principal: String,
    /// The token that vouches for them.
    pub issuer: String,
    /// In which role.
    pub role: Role,
    /// Since when.
    pub created: WallTime,
    /// Until when.
    pub expires: WallTime,
}

/// A link that works once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The hash of the secret in the link.
    pub nonce_hash: String,
    /// What it is for, in one word of the admin room.
    pub purpose: String,
    /// What it is about: a person's name, a ticket, a plan version.
    pub subject: String,
    /// The token that vouches for whoever uses it.
    pub issuer: String,
    /// The hash of what was shown; empty where nothing is bound.
    pub bound_hash: String,
    /// The role it acts in.
    pub role: Role,
    /// Until when it works.
    pub expires: WallTime,
}

impl Tx {
    /// Stores a session.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the token is taken.
    pub async fn insert_session(&mut self, new: &SessionRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO session (id, token_hash, csrf_hash, principal, issuer, role, created_wall_ms, expires_wall_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = args![&new.id, &new.token_hash, &new.csrf_hash, &new.principal, &new.issuer, new.role.name(), new.created, new.expires];
        self.run(sql, values).await.map(|_| ())
    }

    /// The session with this token, while it lasts.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn session(&mut self, token_hash: &str, now: WallTime) -> Result<Option<SessionRow>, StoreError> {
        let sql = "SELECT id, token_hash, csrf_hash, principal, issuer, role, created_wall_ms, expires_wall_ms FROM session \
                   WHERE token_hash = $1 AND expires_wall_ms > $2 AND revoked_wall_ms IS NULL";
        let row = self.row("session", sql, args![token_hash, now]).await?;
        row.as_ref()
            .map(|row| {
                Ok(SessionRow {
                    id: row.parse("id")?,
                    token_hash: row.text("token_hash")?,
                    csrf_hash: row.text("csrf_hash")?,
                    principal: row.text("principal")?,
                    issuer: row.text("issuer")?,
                    role: role(row)?,
                    created: row.wall("created_wall_ms")?,
                    expires: row.wall("expires_wall_ms")?,
                })
            })
            .transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`] from the database; one that has ended already is no error.
    pub async fn revoke_session(&mut self, id: &SessionId, at: WallTime) -> Result<(), StoreError> {
        self.run("UPDATE session SET revoked_wall_ms = $2 WHERE id = $1 AND revoked_wall_ms IS NULL", args![id, at]).await.map(|_| ())
    }

    /// Removes sessions, links and idempotency keys that ended before `before`. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn forget_expired(&mut self, before: WallTime) -> Result<u64, StoreError> {
        let sessions = self.run("DELETE FROM session WHERE expires_wall_ms < $1", args![before]).await?;
        let links = self.run("DELETE FROM link WHERE expires_wall_ms < $1", args![before]).await?;
        let keys = self.run("DELETE FROM idempotency_key WHERE expires_wall_ms < $1", args![before]).await?;
        Ok(sessions + links + keys)
    }

    /// Stores a link.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the secret is taken.
    pub async fn insert_link(&mut self, new: &LinkRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO link (nonce_hash, purpose, subject, issuer, bound_hash, role, expires_wall_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = args![&new.nonce_hash, &new.purpose, &new.subject, &new.issuer, &new.bound_hash, new.role.name(), new.expires];
        self.run(sql, values).await.map(|_| ())
    }

    /// The link with this secret, while it works; reading does not use it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn link(&mut self, nonce_hash: &str, now: WallTime) -> Result<Option<LinkRow>, StoreError> {
        let sql = "SELECT nonce_hash, purpose, subject, issuer, bound_hash, role, expires_wall_ms FROM link \
                   WHERE nonce_hash = $1 AND expires_wall_ms > $2 AND used_wall_ms IS NULL";
        self.row("link", sql, args![nonce_hash, now]).await?.as_ref().map(link).transpose()
    }

    /// Uses a link, once: of two callers one gets it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn use_link(&mut self, nonce_hash: &str, now: WallTime) -> Result<Option<LinkRow>, StoreError> {
        let sql = "UPDATE link SET used_wall_ms = $2 WHERE nonce_hash = $1 AND expires_wall_ms > $2 AND used_wall_ms IS NULL \
                   RETURNING nonce_hash, purpose, subject, issuer, bound_hash, role, expires_wall_ms";
        self.row("link", sql, args![nonce_hash, now]).await?.as_ref().map(link).transpose()
    }
}

fn role(row: &Row) -> Result<Role, StoreError> {
    Role::from_name(&row.text("role")?).ok_or_else(|| row.lies("column `role` has an unknown name"))
}

fn link(row: &Row) -> Result<LinkRow, StoreError> {
    Ok(LinkRow {
        nonce_hash: row.text("nonce_hash")?,
        purpose: row.text("purpose")?,
        subject: row.text("subject")?,
        issuer: row.text("issuer")?,
        bound_hash: row.text("bound_hash")?,
        role: role(row)?,
        expires: row.wall("expires_wall_ms")?,
    })
}
