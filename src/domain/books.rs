//! What the ledger knows that guardrails and arbiter need: computed from rows by the ledger, never from what an agent says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::{ActionKind, Change};
use super::entity::EntityKey;
use super::ids::{AccountId, AgentId, PoolId};
use super::money::Money;
use super::scope::Scope;
use crate::clock::ProductTime;

/// What is known of one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetBook {
    /// The pool it belongs to; caps are judged there.
    pub pool: PoolId,
    /// The campaigns that spend from it.
    pub members: Vec<EntityKey>,
    /// The last amount the platform accepted, ours or the baseline a hold ended with; steps are measured from it.
    pub accepted: Money,
    /// What it costs now: the live amount while any member may deliver, else zero.
    pub live: Money,
    /// The largest target of an open decision, of an activation the whole amount; counts as committed until confirmed. A cut of what stands still is
    /// not among them: it starts nothing.
    pub open_target: Option<Money>,
    /// Amount 24 h ago.
    pub day_ago: Money,
    /// When our last growth was dispatched.
    pub grown_at: Option<ProductTime>,
    /// When our last cut was dispatched.
    pub cut_at: Option<ProductTime>,
    /// When our last significant edit (over 20 %, or a reactivation) was dispatched: the start of a learning phase where the platform does not tell.
    pub significant_at: Option<ProductTime>,
    /// Our dispatches of it within the last hour.
    pub edits_1h: u32,
}

/// Money raised within rolling 24 h, against what stood before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rise {
    /// What the budgets cost 24 h ago: the sum of their amounts then, of those that delivered.
    pub base: Money,
    /// What they cost now, open targets included, less `base`; negative after cuts. An activation counts as a rise of the whole amount.
    pub net: Money,
}

/// How one agent's actions of one kind turned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackRecord {
    /// Outcomes scored.
    pub scored: u32,
    /// Of them, in the right direction.
    pub right: u32,
    /// Of them, inside the predicted interval.
    pub inside: u32,
    /// Bad ones in a row at the end.
    pub bad_run: u32,
}

impl TrackRecord {
    /// Hit rate shrunk toward one half with `prior` pseudo-outcomes.
    #[must_use]
    pub fn shrunk(&self, prior: f64) -> f64 {
        (f64::from(self.right) + prior / 2.0) / (f64::from(self.scored) + prior)
    }
}

/// Everything the ledger knows at `at` that a ruling may depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// When these were computed.
    pub at: ProductTime,
    /// Budgets by key.
    pub budgets: BTreeMap<EntityKey, BudgetBook>,
    /// Entities with an open hold.
    pub held: BTreeSet<EntityKey>,
    /// Entities with an unresolved outcome: dispatched or unknown.
    pub unresolved: BTreeSet<EntityKey>,
    /// Scopes paused by their own flag.
    pub paused: BTreeSet<Scope>,
    /// Agents terminated for ever.
    pub terminated: BTreeSet<AgentId>,
    /// Scopes whose breaker admits reductions only.
    pub reducing: BTreeSet<Scope>,
    /// When scopes were last resumed.
    pub resumed: Vec<(Scope, ProductTime)>,
    /// Rises of accounts.
    pub account_rise: BTreeMap<AccountId, Rise>,
    /// Rises of the workspace, by currency code.
    pub workspace_rise: BTreeMap<String, Rise>,
    /// Committed money by pool: the sum over its budgets of the larger of live and open targets.
    pub committed: BTreeMap<PoolId, Money>,
    /// Spent this calendar month by pool.
    pub month_spent: BTreeMap<PoolId, Money>,
    /// Cost-if-wrong staked within rolling 7 days by agent and not yet redeemed by a right outcome; zero for an agent that staked nothing, since
    /// an agent without an entry is denied.
    pub staked: BTreeMap<AgentId, Money>,
    /// Track records by agent and kind of action.
    pub track: BTreeMap<AgentId, BTreeMap<ActionKind, TrackRecord>>,
    /// Bad matured outcomes in a row at the end, by account, since its breaker was last armed.
    pub bad_run: BTreeMap<AccountId, u32>,
    /// Entities that an agent's own pause stopped and nobody has started since, with the time it was applied: they may be opened again.
    pub stopped: BTreeMap<EntityKey, ProductTime>,
    /// Changes that open tickets ask about, by entity.
    pub asked: BTreeMap<EntityKey, Vec<Change>>,
    /// Entities in which a decision of an agent is open, by entity: one at a time.
    pub open_entities: BTreeSet<EntityKey>,
}

impl Books {
    /// Books in which nothing has happened yet.
    #[must_use]
    pub fn blank(at: ProductTime) -> Self {
        Self {
            at,
            budgets: BTreeMap::new(),
            held: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            paused: BTreeSet::new(),
            terminated: BTreeSet::new(),
            reducing: BTreeSet::new(),
            resumed: Vec::new(),
            account_rise: BTreeMap::new(),
            workspace_rise: BTreeMap::new(),
            committed: BTreeMap::new(),
            month_spent: BTreeMap::new(),
            staked: BTreeMap::new(),
            track: BTreeMap::new(),
            bad_run: BTreeMap::new(),
            stopped: BTreeMap::new(),
            asked: BTreeMap::new(),
            open_entities: BTreeSet::new(),
        }
    }
}
