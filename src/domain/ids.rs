//! Ids: configured names, ULIDs with a prefix, and the generator that makes them from product time.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::ProductTime;

/// Text that is not an id of the kind it was read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    /// What was read.
    pub text: String,
    /// What it should have been, with its article.
    pub expected: &'static str,
}

macro_rules! text_serde {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}
pub(crate) use text_serde;

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);
        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = !text.is_empty() && text.len() <= 64
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
                if fits { Ok(Self(text.into())) } else { Err(IdError { text: text.to_owned(), expected: $expected }) }
            }
        }
        text_serde!($name);
    )*};
}

named! {
    /// One ad account on one platform, by its name in `agents.toml`.
    AccountId, "an account name: up to 64 letters, digits, `-`, `_` or `.`";
    /// Budgets that share money, by its name in `agents.toml`.
    PoolId, "a pool name: up to 64 letters, digits, `-`, `_` or `.`";
    /// An agent, by its name in `agents.toml` or the overlay. A terminated id is never used again.
    AgentId, "an agent name: up to 64 letters, digits, `-`, `_` or `.`";
    /// What runs on one node under one lease and one chain: a connected component of pools and accounts, or `workspace`.
    ShardId, "a shard name: up to 64 letters, digits, `-`, `_` or `.`";
    /// One running daemon process.
    NodeId, "a node name: up to 64 letters, digits, `-`, `_` or `.`";
}

macro_rules! prefixed {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);
        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;
        }
        impl From<Ulid> for $name {
            fn from(ulid: Ulid) -> Self {
                Self(ulid)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError { text: text.to_owned(), expected: concat!("an id of the form ", $prefix, "01J...") };
                let ulid = text.strip_prefix($prefix).ok_or_else(wrong)?;
                Ulid::from_string(ulid).map(Self).map_err(|_| wrong())
            }
        }
        text_serde!($name);
    )*};
}

prefixed! {
    /// A decision: one change somebody wanted, and everything that became of it.
    DecisionId, "dec_";
    /// A round of a pool.
    RoundId, "rnd_";
    /// One read of an account.
    PollId, "pol_";
    /// One request that left for a platform.
    DispatchId, "dsp_";
    /// A question to a person.
    TicketId, "tkt_";
    /// A person's answer to a ticket.
    ApprovalId, "apr_";
    /// A stop of automation on one entity after a foreign edit.
    HoldId, "hld_";
    /// A disagreement between an agent and a settlement.
    ConflictId, "cfl_";
    /// Something a person should know.
    AlertId, "alr_";
    /// A prediction and what became of it.
    OutcomeId, "out_";
    /// Changes that belong together.
    ChangeSetId, "chs_";
    /// A person's signed-in session.
    SessionId, "ses_";
}

/// Makes ids that sort by product time. Seeded, so that a simulation repeats; clones share one sequence.
#[derive(Clone, Debug)]
pub struct IdGen(Arc<Mutex<ChaCha12Rng>>);

impl IdGen {
    /// A generator whose sequence is a function of `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed))))
    }

    /// A generator seeded by the operating system, for a real daemon.
    #[must_use]
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(ChaCha12Rng::from_os_rng())))
    }

    /// The next id at product time `at`.
    pub fn next<Id: From<Ulid>>(&self, at: ProductTime) -> Id {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = u64::try_from(at.ms()).unwrap_or(0);
        Id::from(Ulid::from_parts(ms, rand::Rng::random(&mut *rng)))
    }

    /// 256 unpredictable bits as lower-case hex, for tokens and links; unpredictable only from [`IdGen::from_os`].
    pub fn secret(&self) -> String {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: [u8; 32] = rand::Rng::random(&mut *rng);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_product_time_and_read_back() {
        let ids = IdGen::seeded(1);
        let early: DecisionId = ids.next(ProductTime::from_ms(1_000));
        let late: DecisionId = ids.next(ProductTime::from_ms(2_000));
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string().parse::<TicketId>().is_err());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let at = ProductTime::from_ms(5);
        assert_eq!(IdGen::seeded(9).next::<RoundId>(at), IdGen::seeded(9).next::<RoundId>(at));
    }

    #[test]
    fn a_name_with_anything_but_plain_characters_is_refused() {
        for text in ["", "a b", "a:b", "a/b", "ä", "<b>"] {
            assert!(text.parse::<AgentId>().is_err(), "{text} was accepted");
        }
    }
}
