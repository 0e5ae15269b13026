//! Who is asking: bearer tokens for scripts, sessions for people. Secrets have 256 bits and are kept as hashes.

pub mod throttle;
pub mod tokens;

pub(crate) mod sessions;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::ids::SessionId;
use crate::domain::ticket::Role;

/// Somebody who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The name in the ledger: of the token, or of the session and the token that vouches for it.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
    /// By what they have shown it.
    pub(crate) by: Proof,
}

/// By what somebody has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A bearer token, which no other site can send.
    Token,
    /// A session, whose forms must carry `csrf`.
    Session { id: SessionId, csrf: String },
}

/// Lower-case hex of the SHA-256 of a secret: what is kept of it.
pub(crate) fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether two digests are equal, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// The token that the forms of a session carry: known to whoever has the cookie, and to nobody else.
pub(crate) fn csrf_of(cookie: &str) -> String {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(cookie.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"adjutant form token");
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
