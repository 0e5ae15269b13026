//! What a pause, a breaker or a role applies to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::entity::EntityKey;
use super::ids::{AccountId, AgentId, IdError, PoolId};

/// One scope of control. A scope is paused when its own flag is set or that of any scope around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Scope {
    /// Everything.
    Workspace,
    /// One ad account.
    Account(AccountId),
    /// One pool.
    Pool(PoolId),
    /// One agent.
    Agent(AgentId),
    /// One campaign, with its budget, ad groups and ads.
    Campaign(EntityKey),
}

impl Scope {
    /// The kind's name in API and store.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Account(_) => "account",
            Self::Pool(_) => "pool",
            Self::Agent(_) => "agent",
            Self::Campaign(_) => "campaign",
        }
    }

    /// The id within the kind; empty for the workspace.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Workspace => String::new(),
            Self::Account(id) => id.to_string(),
            Self::Pool(id) => id.to_string(),
            Self::Agent(id) => id.to_string(),
            Self::Campaign(key) => key.to_string(),
        }
    }

    /// Reads back what [`Scope::kind`] and [`Scope::id`] gave.
    ///
    /// # Errors
    /// [`IdError`] for an unknown kind or an id that is not one of that kind.
    pub fn from_parts(kind: &str, id: &str) -> Result<Self, IdError> {
        match kind {
            "workspace" => Ok(Self::Workspace),
            "account" => id.parse().map(Self::Account),
            "pool" => id.parse().map(Self::Pool),
            "agent" => id.parse().map(Self::Agent),
            "campaign" => id.parse().map(Self::Campaign),
            _ => Err(IdError { text: kind.to_owned(), expected: "a scope: workspace, account, pool, agent or campaign" }),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace => f.write_str("workspace"),
            Self::Account(_) | Self::Pool(_) | Self::Agent(_) | Self::Campaign(_) => write!(f, "{} {}", self.kind(), self.id()),
        }
    }
}
