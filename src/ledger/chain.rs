//! The hash chain over the append-only log, as pure functions: the store computes it on writing, `audit verify` on reading.
//!
//! `h = SHA-256(shard, seq, prev, at_ms, wall_ms, kind, subject, H(body))`, every field preceded by its length as eight big-endian bytes, so
//! that no two entries share an encoding. Shard and subject stand in it, so that an entry cannot be moved to another decision or chain.

use sha2::{Digest, Sha256};

/// What `prev` is for the first entry of a chain.
pub const GENESIS: &str = "";

/// One entry as the chain sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The chain it belongs to.
    pub shard: &'a str,
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// The hash of the entry before it; [`GENESIS`] for the first.
    pub prev: &'a str,
    /// Product time in milliseconds.
    pub at_ms: i64,
    /// UTC in milliseconds.
    pub wall_ms: i64,
    /// What happened.
    pub kind: &'a str,
    /// What it happened to; none is different from empty.
    pub subject: Option<&'a str>,
    /// [`body_hash`] of its content.
    pub body_hash: &'a str,
}

/// Lower-case hex of SHA-256 over the stored bytes of a body.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// The entry's own hash, as lower-case hex.
#[must_use]
pub fn link_hash(link: &Link<'_>) -> String {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    field(link.shard.as_bytes());
    field(&link.seq.to_be_bytes());
    field(link.prev.as_bytes());
    field(&link.at_ms.to_be_bytes());
    field(&link.wall_ms.to_be_bytes());
    field(link.kind.as_bytes());
    field(&[u8::from(link.subject.is_some())]);
    field(link.subject.unwrap_or_default().as_bytes());
    field(link.body_hash.as_bytes());
    hex(&hasher.finalize())
}

/// Why a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// An entry is missing or stands twice.
    #[error("CHAIN_GAP: chain `{shard}` has entry {found} where {expected} was expected")]
    Gap {
        /// Which chain.
        shard: String,
        /// The number that should follow.
        expected: i64,
        /// The number that stands there.
        found: i64,
    },
    /// An entry does not name the one before it.
    #[error("CHAIN_BROKEN: entry {seq} of chain `{shard}` does not follow the entry before it")]
    Broken {
        /// Which chain.
        shard: String,
        /// Which entry.
        seq: i64,
    },
    /// An entry was edited.
    #[error("CHAIN_EDITED: entry {seq} of chain `{shard}` does not match its hash")]
    Edited {
        /// Which chain.
        shard: String,
        /// Which entry.
        seq: i64,
    },
    /// The content of an entry was edited (erasing it is no fault).
    #[error("BODY_EDITED: the content of entry {seq} of chain `{shard}` does not match its hash")]
    Body {
        /// Which chain.
        shard: String,
        /// Which entry.
        seq: i64,
    },
    /// The chain ends elsewhere than its shard says: entries at its end are gone, or were added past it.
    #[error("CHAIN_END: chain `{shard}` ends at entry {found}, its shard says {expected}")]
    End {
        /// Which chain.
        shard: String,
        /// The head the shard remembers.
        expected: i64,
        /// The last entry found.
        found: i64,
    },
}

/// Walks one chain from its first entry.
#[derive(Clone, Debug)]
pub struct Verifier {
    shard: String,
    seq: i64,
    head: String,
}

impl Verifier {
    /// A walk of `shard`'s chain that has seen nothing yet.
    #[must_use]
    pub fn new(shard: &str) -> Self {
        Self { shard: shard.to_owned(), seq: 0, head: GENESIS.to_owned() }
    }

    /// Checks the next entry: its number, what it follows, its `hash`, and its content unless that was erased.
    ///
    /// # Errors
    /// The first [`ChainFault`] found.
    pub fn next(&mut self, link: &Link<'_>, hash: &str, content: Option<&str>) -> Result<(), ChainFault> {
        let shard = || self.shard.clone();
        if link.seq != self.seq + 1 {
            return Err(ChainFault::Gap { shard: shard(), expected: self.seq + 1, found: link.seq });
        }
        if link.prev != self.head {
            return Err(ChainFault::Broken { shard: shard(), seq: link.seq });
        }
        if link.shard != self.shard || link_hash(link) != hash {
            return Err(ChainFault::Edited { shard: shard(), seq: link.seq });
        }
        if content.is_some_and(|content| body_hash(content.as_bytes()) != link.body_hash) {
            return Err(ChainFault::Body { shard: shard(), seq: link.seq });
        }
        self.seq = link.seq;
        hash.clone_into(&mut self.head);
        Ok(())
    }

    /// Checks that the chain ends where its shard says.
    ///
    /// # Errors
    /// [`ChainFault::End`] or [`ChainFault::Broken`].
    pub fn end(self, seq: i64, head: &str) -> Result<(), ChainFault> {
        if seq != self.seq {
            return Err(ChainFault::End { shard: self.shard, expected: seq, found: self.seq });
        }
        if head == self.head { Ok(()) } else { Err(ChainFault::Broken { shard: self.shard, seq }) }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link<'a>(seq: i64, prev: &'a str, kind: &'a str, subject: Option<&'a str>, body_hash: &'a str) -> Link<'a> {
        Link { shard: "core", seq, prev, at_ms: 1, wall_ms: 2, kind, subject, body_hash }
    }

    #[test]
    fn text_that_moves_between_fields_changes_the_hash() {
        let one = link_hash(&link(1, GENESIS, "ab", Some("c"), "d"));
        assert_ne!(one, link_hash(&link(1, GENESIS, "a", Some("bc"), "d")));
        assert_ne!(link_hash(&link(1, GENESIS, "a", None, "d")), link_hash(&link(1, GENESIS, "a", Some(""), "d")));
    }

    #[test]
    fn a_chain_with_an_edited_entry_or_body_or_a_lost_end_does_not_verify() {
        let body = body_hash(b"why");
        let first = link(1, GENESIS, "proposed", Some("dec_1"), &body);
        let first_hash = link_hash(&first);
        let second = link(2, &first_hash, "denied", Some("dec_1"), &body);
        let second_hash = link_hash(&second);
        let mut whole = Verifier::new("core");
        assert_eq!(whole.next(&first, &first_hash, Some("why")), Ok(()));
        let lost = whole.clone();
        assert_eq!(whole.next(&second, &second_hash, None), Ok(()), "an erased body is no fault");
        assert_eq!(whole.end(2, &second_hash), Ok(()));
        assert_eq!(lost.clone().end(2, &second_hash), Err(ChainFault::End { shard: "core".into(), expected: 2, found: 1 }));
        assert!(matches!(lost.clone().next(&second, &second_hash, Some("because")), Err(ChainFault::Body { .. })));
        assert!(matches!(lost.clone().next(&Link { at_ms: 9, ..second }, &second_hash, None), Err(ChainFault::Edited { .. })));
        assert!(matches!(lost.clone().next(&Link { seq: 3, ..second }, &second_hash, None), Err(ChainFault::Gap { .. })));
        assert!(matches!(lost.clone().next(&Link { prev: GENESIS, ..second }, &second_hash, None), Err(ChainFault::Broken { .. })));
    }
}
