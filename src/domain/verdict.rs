//! What a guardrail says of a change. The text of every verdict opens with the rule's stable code.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::entity::EntityKey;
use super::money::Money;
use crate::clock::ProductTime;

/// The ruling of one guardrail on one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ruling")]
pub enum Ruling {
    /// Nothing against it.
    Pass,
    /// The amount is brought back to a bound; the change goes on with it.
    Clamp {
        /// The amount allowed.
        to: Money,
    },
    /// Not yet: asked again in a later round.
    Delay {
        /// The earliest time.
        until: ProductTime,
    },
    /// A person must agree.
    Ask,
    /// Refused, also for an approved ticket.
    Deny,
}

/// One rule's verdict on one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule's stable code, such as `POOL_CAP`.
    pub rule: Cow<'static, str>,
    /// What it rules.
    pub ruling: Ruling,
    /// Why, with its numbers: `POOL_CAP: committed=… asked=… cap=…`.
    pub why: String,
}

/// Between what amounts a budget may be set, by the same rules as the guard stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The budget's key.
    pub budget: EntityKey,
    /// What it is now: the last accepted amount.
    pub now: Money,
    /// Least allowed. `lo == hi == now` when it must not move at all.
    pub lo: Money,
    /// Most allowed.
    pub hi: Money,
    /// The smallest step.
    pub unit: Money,
    /// The codes of the rules that set an end, for the run record.
    pub set_by: Vec<String>,
}
