//! People's sessions: opened by a link that works once, carried by a cookie, ended by time or by hand.

use std::time::Duration;

use axum::http::{HeaderMap, header};

use super::{Principal, Proof, csrf_of, digest};
use crate::admin::{Admin, AdminError};
use crate::domain::ids::SessionId;
use crate::domain::ticket::{LOCAL, Role, issuer, vouched};
use crate::store::StoreError;
use crate::store::session::{LinkRow, SessionRow};

/// The cookie. Not `Secure` and without the `__Host-` prefix: browsers refuse both on plain loopback.
const COOKIE: &str = "adjutant_session";
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a sign-in link works.
const LINK: Duration = Duration::from_secs(15 * 60);
const PURPOSE: &str = "sign-in";

impl Admin {
    /// A link that signs `name` in with `role`, once, within 15 minutes. The token called `issuer` vouches for whoever uses it.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn sign_in_link(&self, name: &str, issuer: &str, role: Role) -> Result<String, AdminError> {
        let (secret, now) = (self.0.secrets.secret(), self.clock().wall());
        let row = LinkRow {
            nonce_hash: digest(&secret),
            purpose: PURPOSE.to_owned(),
            subject: name.to_owned(),
            issuer: issuer.to_owned(),
            bound_hash: String::new(),
            role,
            expires: now.after(LINK),
        };
        let row = &row;
        self.store().write(|mut tx| async move { tx.insert_link(row).await }).await?;
        Ok(format!("{}/login?token={secret}", self.0.address))
    }

    /// Uses a sign-in link and opens a session; returns who, in which role, and the cookie to set.
    pub(crate) async fn sign_in(&self, secret: &str) -> Result<Option<(String, Role, String)>, StoreError> {
        let cookie = self.0.secrets.secret();
        let (nonce, now, id) = (digest(secret), self.clock().wall(), self.0.parts.ids.next::<SessionId>(self.clock().now()));
        let (token_hash, csrf_hash) = (digest(&cookie), digest(&csrf_of(&cookie)));
        let (nonce, token_hash, csrf_hash) = (&nonce, &token_hash, &csrf_hash);
        let work = |mut tx: crate::store::Tx| async move {
            let Some(link) = tx.use_link(nonce, now).await?.filter(|link| link.purpose == PURPOSE) else { return Ok(None) };
            let Some(role) = self.standing(&link.issuer).map(|standing| standing.min(link.role)) else { return Ok(None) };
            tx.forget_expired(now).await?;
            let (token_hash, csrf_hash) = (token_hash.clone(), csrf_hash.clone());
            let (principal, issuer, expires) = (link.subject, link.issuer, now.after(SESSION));
            let row = SessionRow { id, token_hash, csrf_hash, principal, issuer, role, created: now, expires };
            tx.insert_session(&row).await?;
            Ok::<_, StoreError>(Some((vouched(&row.principal, &row.issuer), row.role)))
        };
        let signed_in = self.store().write(work).await?;
        let set = format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", SESSION.as_secs());
        Ok(signed_in.map(|(name, role)| (name, role, set)))
    }

    /// Whose session the cookie of a request carries.
    pub(crate) async fn session_of(&self, headers: &HeaderMap) -> Result<Option<Principal>, StoreError> {
        let Some(cookie) = cookie_of(headers) else { return Ok(None) };
        let (hash, now) = (digest(&cookie), self.clock().wall());
        let row = self.store().read(|mut tx| async move { tx.session(&hash, now).await }).await?;
        let by = |id| Proof::Session { id, csrf: csrf_of(&cookie) };
        Ok(row.map(|row| Principal { name: vouched(&row.principal, &row.issuer), role: row.role, by: by(row.id) }).and_then(|who| self.in_standing(who)))
    }

    /// Who somebody is by now: with no more than what the token behind their name may do, and nobody once that has been taken away.
    pub(crate) fn in_standing(&self, who: Principal) -> Option<Principal> {
        let standing = self.standing(issuer(&who.name))?;
        Some(Principal { role: standing.min(who.role), ..who })
    }

    /// What the token of this name may do by the policy in force.
    fn standing(&self, token: &str) -> Option<Role> {
        if token == LOCAL { Some(Role::Admin) } else { self.control().policy().policy.tokens.get(token).copied() }
    }

    /// Ends a session; returns the cookie that removes it.
    pub(crate) async fn sign_out(&self, id: SessionId) -> Result<String, StoreError> {
        let now = self.clock().wall();
        self.store().write(|mut tx| async move { tx.revoke_session(&id, now).await }).await?;
        Ok(format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"))
    }
}

/// The session cookie's value: exactly one, and of the form we give.
fn cookie_of(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut ours = pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let value = ours.next().filter(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    ours.next().is_none().then(|| value.to_owned())
}
