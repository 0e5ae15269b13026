//! What people may ask of a running daemon, and what they may look at: the boundary between the admin room and the actors.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::clock::ProductTime;
use crate::domain::decision::DecisionState;
use crate::domain::entity::Platform;
use crate::domain::goal::Goal;
use crate::domain::ids::{AccountId, AgentId, AlertId, DecisionId, PoolId, RoundId, TicketId};
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::proposal::{AgentKind, Autonomy, Wish};
use crate::domain::scope::Scope;
use crate::domain::structure::ReportAsk;
use crate::domain::ticket::{Role, TicketState};
use crate::domain::verdict::Verdict;
use crate::domain::view::AccountView;

/// The policy in force, with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// The policy.
    pub policy: Policy,
    /// Its hash.
    pub hash: String,
    /// Its number, from 1.
    pub version: i64,
}

/// What a live page may want to read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Decisions were made or moved.
    Decisions,
    /// Tickets were opened or answered.
    Tickets,
    /// Alerts were raised or acknowledged.
    Alerts,
    /// An account was read.
    Views,
    /// Something was paused, resumed or terminated.
    Scopes,
    /// A round was run.
    Rounds,
}

/// Something changed. Carries no content: whoever cares reads the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What.
    pub topic: Topic,
    /// A number that rises, where there is one.
    pub cursor: i64,
}

/// How an account is.
#[derive(Clone, Debug, Serialize)]
pub struct AccountStatus {
    /// The account.
    pub account: AccountId,
    /// Its platform.
    pub platform: Platform,
    /// Whether it is a sandbox.
    pub sandbox: bool,
    /// Whether its first reconciliation is done, so that it may be written.
    pub acting: bool,
    /// Its circuit breaker, in one word.
    pub breaker: String,
    /// When it was last read.
    pub last_ok: Option<ProductTime>,
    /// Why the last read failed; none after a good one.
    pub last_error: Option<String>,
    /// Why its money must not move.
    pub frozen: Option<String>,
    /// What is left of each limit that the platform counts: its name and a share from 0 to 1.
    pub left: Vec<(String, f64)>,
}

impl AccountStatus {
    /// The limit of which least is left, in words; none where none is counted.
    #[must_use]
    pub fn least_left(&self) -> Option<String> {
        let least = self.left.iter().min_by(|(_, one), (_, other)| one.total_cmp(other));
        least.map(|(limit, share)| format!("{:.0} % ({limit})", share * 100.0))
    }
}

/// What an agent's actor is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not asked yet.
    Starting,
    /// At work.
    Active,
    /// Paused by its own flag or one around it.
    Paused,
    /// It failed and waits to be started again.
    BackingOff,
    /// Ended for ever.
    Terminated,
}

/// How an agent is.
#[derive(Clone, Debug, Serialize)]
pub struct AgentStatus {
    /// The agent.
    pub agent: AgentId,
    /// Its kind.
    pub kind: AgentKind,
    /// Its pool.
    pub pool: PoolId,
    /// Its goal.
    pub goal: Goal,
    /// Its weight.
    pub priority: rust_decimal::Decimal,
    /// What it may do alone.
    pub autonomy: Autonomy,
    /// What its actor is doing.
    pub state: AgentState,
    /// What it is looking at.
    pub focus: String,
    /// How its goal stands.
    pub progress: String,
    /// When it last answered.
    pub answered_at: Option<ProductTime>,
}

/// How a pool is.
#[derive(Clone, Debug, Serialize)]
pub struct PoolStatus {
    /// The pool.
    pub pool: PoolId,
    /// Its last round.
    pub last_round: Option<RoundId>,
    /// When that was.
    pub last_round_at: Option<ProductTime>,
    /// When the next one is due.
    pub next_round: Option<ProductTime>,
    /// Why the last one failed; none after a good one.
    pub last_error: Option<String>,
    /// Most that may be committed a day.
    pub daily_cap: Money,
    /// What its delivering budgets stand at, as last read.
    pub budgeted: Option<Money>,
    /// What it has spent today, each account in its own zone.
    pub spent_today: Option<Money>,
}

/// What a pause did.
#[derive(Clone, Debug, Serialize)]
pub struct Paused {
    /// Requests that had left before; they are settled by reading.
    pub in_flight: Vec<DecisionId>,
}

/// What an order to stop delivery did.
#[derive(Clone, Debug, Serialize)]
pub struct Stopped {
    /// What became of each running campaign.
    pub answers: Vec<Answer>,
    /// The accounts that were judged by what was last seen of them.
    pub unreached: Vec<Unreached>,
}

/// An account whose platform did not answer in time: its campaigns, as last seen, stop once it does.
#[derive(Clone, Debug, Serialize)]
pub struct Unreached {
    /// The account.
    pub account: AccountId,
    /// What it did not do.
    pub why: String,
}

/// What became of one wish of a person.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The decision.
    pub decision: DecisionId,
    /// Where it stands.
    #[serde(flatten)]
    pub state: DecisionState,
    /// Every rule's verdict.
    pub verdicts: Vec<Verdict>,
    /// The ticket that asks about it, if one does.
    pub ticket: Option<TicketId>,
}

/// A person's answer to a ticket.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Who.
    pub by: String,
    /// What they may do.
    pub role: Role,
    /// The hash of what was shown to them; none: what stands there now.
    pub seen: Option<String>,
    /// Their note.
    pub note: String,
}

/// Whether an admin has seen that a new policy loosens something and wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looser {
    /// Refuse a policy that loosens anything.
    Refuse,
    /// An admin has confirmed it.
    Confirmed,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It is against a rule.
    #[error("{code}: {why}")]
    Refused {
        /// The stable code.
        code: String,
        /// Why, in words.
        why: String,
    },
    /// The request itself is wrong.
    #[error("{field}: {why}")]
    Invalid {
        /// Which part of it.
        field: String,
        /// What is wrong with it, and what was expected.
        why: String,
    },
    /// Not now: a part that is needed does not answer.
    #[error("{0}")]
    Unavailable(String),
}

impl ControlError {
    /// A refusal whose text may open with its code already: the code is said once.
    #[must_use]
    pub fn refused(code: &str, text: &str) -> Self {
        let why = text.strip_prefix(code).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
        Self::Refused { code: code.to_owned(), why: why.to_owned() }
    }
}

/// What an account's platform is asked for on behalf of a person; reads only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// What stands below its campaigns, and which ads lack tracking.
    Structure,
    /// Figures at some level and breakdown.
    Report(ReportAsk),
    /// What was changed since, by whomever.
    Edits(ProductTime),
    /// What the credentials allow.
    Access,
}

/// What a request gives back.
pub type Controlled<'a, T> = BoxFuture<'a, Result<T, ControlError>>;

/// A running daemon as people meet it.
pub trait Control: Send + Sync + 'static {
    /// The policy in force.
    fn policy(&self) -> Arc<InForce>;
    /// The newest view of an account.
    fn view(&self, account: &AccountId) -> Option<Arc<AccountView>>;
    /// Accounts, by name.
    fn accounts(&self) -> Vec<AccountStatus>;
    /// Agents, by name. Their state knows only of crashes; flags are in the rows.
    fn agents(&self) -> Vec<AgentStatus>;
    /// Pools, by name.
    fn pools(&self) -> Vec<PoolStatus>;
    /// What changes from now on.
    fn events(&self) -> broadcast::Receiver<Event>;
    /// Whether migrations ran, the flags are read, and actors and listener are up.
    fn is_ready(&self) -> bool;
    /// Pauses a scope. When this returns, no write of it leaves any node until a resume.
    fn pause(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, Paused>;
    /// Clears a scope's own pause; what was authorised before is superseded, growth ramps.
    fn resume(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, ()>;
    /// Re-arms the breaker of a scope: growth is admitted again.
    fn rearm(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, ()>;
    /// Ends an agent for ever.
    fn terminate(&self, agent: AgentId, by: String, reason: String) -> Controlled<'_, ()>;
    /// Sends a person's wishes down the one path, at once.
    fn propose(&self, by: String, wishes: Vec<Wish>, title: Option<String>) -> Controlled<'_, Vec<Answer>>;
    /// Asks an account's platform for what no view holds.
    fn inquire(&self, account: AccountId, inquiry: Inquiry) -> Controlled<'_, serde_json::Value>;
    /// Sets the platform status of every running campaign of a scope to paused, as a person's change set. Waits two seconds for a platform, no longer.
    fn stop_delivery(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, Stopped>;
    /// Agrees to a ticket.
    fn approve(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState>;
    /// Refuses a ticket.
    fn reject(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState>;
    /// Brings back the value a decision changed.
    fn undo(&self, decision: DecisionId, by: String) -> Controlled<'_, Answer>;
    /// Runs an allocation round of a pool now.
    fn trigger(&self, pool: PoolId, by: String) -> Controlled<'_, ()>;
    /// Reads the configuration again; returns the difference, a line each.
    fn reload(&self, by: String, looser: Looser) -> Controlled<'_, Vec<String>>;
    /// Takes note of an alert.
    fn acknowledge(&self, alert: AlertId, by: String) -> Controlled<'_, ()>;
    /// Runs the pure stages of a decision's round again and compares.
    fn replay(&self, decision: DecisionId) -> Controlled<'_, serde_json::Value>;
}
