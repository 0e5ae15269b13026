//! Claiming: the transaction after which one request may leave. It judges once more, on fresh books, and commits `dispatched` with the exact request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;

use super::advance::{find, step};
use super::body::DecisionBody;
use super::{LedgerError, binding, books};
use crate::domain::books::Books;
use crate::domain::change::Change;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{DecisionId, DispatchId};
use crate::domain::policy::Policy;
use crate::domain::proposal::{Actor, Settled};
use crate::domain::scope::Scope;
use crate::domain::ticket::TicketState;
use crate::domain::verdict::{Ruling, Verdict};
use crate::domain::view::{AccountView, PoolView};
use crate::guardrails::{Situation, recheck};
use crate::store::decision::DecisionRow;
use crate::store::dispatch::DispatchRow;
use crate::store::lease::Lease;
use crate::store::step::Moment;
use crate::store::{Store, StoreError, Tx};
use crate::tickets::Content;

/// Rules that stand in the way only for now: the decision stays authorised, and is superseded by the resume or tried again.
const WAITS: [&str; 6] = ["PAUSED", "UNRESOLVED", "REDUCING", "STALE_CONFIG", "STALE_SPEND", "STALE_CONVERSIONS"];

/// What is about to leave.
#[derive(Debug)]
pub struct ClaimRequest<'a> {
    /// The decision that is carried out.
    pub decision: DecisionId,
    /// The request as it will go out; its result columns are not written.
    pub dispatch: &'a DispatchRow,
    /// The body of the request, kept with its hash where it is text.
    pub body: Option<&'a str>,
    /// The lease it goes out under.
    pub lease: &'a Lease,
    /// The policy it was judged under just now.
    pub policy: &'a Policy,
    /// Its account as just read: what every hard guardrail is judged on once more.
    pub view: &'a Arc<AccountView>,
    /// Wall time since campaigns and budgets were read.
    pub config_age: Duration,
    /// Least limit on the age of figures, as [`age_floor`](crate::guardrails::age_floor) says.
    pub age_floor: TimeDelta,
    /// When the request must have been answered or aborted, taken before this transaction began.
    pub deadline: Instant,
}

/// One request that may leave, once. Only [`claim`] makes one, after its decision was committed as dispatched.
#[derive(Debug)]
#[must_use = "a claimed request that is not sent leaves an orphan"]
pub struct Claimed {
    decision: DecisionId,
    dispatch: DispatchId,
    attempt: u32,
    change: Change,
    body_hash: String,
    deadline: Instant,
}

impl Claimed {
    /// The decision.
    #[must_use]
    pub const fn decision(&self) -> DecisionId {
        self.decision
    }

    /// The request's row.
    #[must_use]
    pub const fn dispatch(&self) -> DispatchId {
        self.dispatch
    }

    /// Which attempt it is, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What is changed.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// The hash the bytes that leave must have.
    #[must_use]
    pub fn body_hash(&self) -> &str {
        &self.body_hash
    }

    /// When it must have been answered or aborted.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Why nothing leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code of what stands in the way.
    pub code: String,
    /// In words, with its numbers.
    pub why: String,
    /// Where the decision stands now: still authorised when it may be tried again.
    pub state: DecisionState,
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The request may leave.
    Go(Box<Claimed>),
    /// It may not.
    No(Refusal),
}

/// What stands in the way, and whether it ends the decision.
enum Obstacle {
    Waits(String, String),
    Ends(Event, String, String),
}

/// Commits a decision as dispatched, together with its request, unless something has come in the way since it was recorded: the lease, a pause, a hold, an
/// open write on the entity, any hard guardrail on the account as just read, the policy, the approval's binding. What cannot pass any more ends.
///
/// # Errors
/// [`StoreError::LeaseLost`] when this node no longer holds the shard; [`LedgerError`] otherwise; nothing may leave then.
pub async fn claim(store: &Store, request: &ClaimRequest<'_>, when: Moment) -> Result<Claim, LedgerError> {
    store.write(|mut tx| async move { claim_in(&mut tx, request, when).await }).await
}

async fn claim_in(tx: &mut Tx, request: &ClaimRequest<'_>, when: Moment) -> Result<Claim, LedgerError> {
    let row = find(tx, &request.decision).await?;
    tx.bump(&[row.account.clone()].into(), &row.pool.iter().cloned().collect()).await?;
    tx.hold_lease(request.lease).await?;
    // Read again: whoever had the turn before may have moved it.
    let row = find(tx, &request.decision).await?;
    let DecisionState::Authorised { attempts } = row.state else {
        let why = format!("STATE: the decision is {}", row.state.name());
        return Ok(Claim::No(Refusal { code: "STATE".into(), why, state: row.state }));
    };
    let body = DecisionBody::of(&row)?;
    match obstacle(tx, request, &row, &body, when).await? {
        None => {}
        Some(Obstacle::Waits(code, why)) => return Ok(Claim::No(Refusal { code, why, state: row.state })),
        Some(Obstacle::Ends(event, code, why)) => {
            let state = step(tx, &row, event, &json!({ "code": code, "why": why }), when, None).await?;
            return Ok(Claim::No(Refusal { code, why, state }));
        }
    }
    let (dispatch, attempt) = (request.dispatch, attempts + 1);
    let new = DispatchRow { attempt, lease_token: request.lease.token, node: request.lease.node.clone(), shard: row.shard.clone(), ..dispatch.clone() };
    let detail = json!({ "dispatch": dispatch.id, "attempt": attempt, "body_hash": dispatch.body_hash, "poll": dispatch.poll, "lease_token": request.lease.token,
        "deadline_wall": dispatch.deadline_wall });
    step(tx, &row, Event::Dispatch, &detail, when, None).await?;
    tx.insert_dispatch(&new, &[row.id], request.body).await?;
    let (change, body_hash) = (body.settled.wish.change, dispatch.body_hash.clone());
    Ok(Claim::Go(Box::new(Claimed { decision: row.id, dispatch: dispatch.id, attempt, change, body_hash, deadline: request.deadline })))
}

async fn obstacle(tx: &mut Tx, request: &ClaimRequest<'_>, row: &DecisionRow, body: &DecisionBody, when: Moment) -> Result<Option<Obstacle>, LedgerError> {
    let policy = request.policy;
    let waits = |code: &str, why: String| Ok(Some(Obstacle::Waits(code.to_owned(), format!("{code}: {why}"))));
    let limit = Duration::from_secs(u64::from(policy.guardrails(body.settled.actor.agent()).max_config_age_s));
    if request.config_age > limit {
        return waits("STALE_CONFIG", format!("read {:?} ago, limit {limit:?}; read again", request.config_age));
    }
    let hash = policy.hash();
    if tx.current_policy().await?.is_none_or(|current| current.hash != hash) {
        return waits("POLICY", "another policy is in force: reload it".to_owned());
    }
    let (actor, approval) = match carried(tx, row, body).await? {
        Some((actor, bound)) => (actor, Some(bound)),
        None => (body.settled.actor.clone(), None),
    };
    let ended = match approval {
        Some((bound, pool)) => (binding(tx, policy, body.change(), body.settled.actor.agent(), pool.as_ref()).await? != bound)
            .then_some(("APPROVAL", "APPROVAL: the policy of its scope or the entity itself has changed since it was approved")),
        None => (row.policy_hash != hash).then_some(("POLICY_CHANGED", "POLICY_CHANGED: it was decided under another policy; the next round decides anew")),
    };
    if let Some((code, why)) = ended {
        return Ok(Some(Obstacle::Ends(Event::Expire, code.to_owned(), why.to_owned())));
    }
    let mut rows = books::load(tx, policy, when.at).await?;
    rows.forget(&row.id);
    let books = rows.books(policy)?;
    // An approval speaks for the agent whose change it was: that agent's own flags stop it too.
    if let Some(agent) = body.settled.actor.agent() {
        if books.terminated.contains(agent) {
            return Ok(Some(Obstacle::Ends(Event::Cancel, "TERMINATED".into(), format!("TERMINATED: agent={agent}"))));
        }
        if books.paused.contains(&Scope::Agent(agent.clone())) {
            return waits("PAUSED", format!("paused=agent {agent}"));
        }
    }
    Ok(match judged_again(request, row, Settled { actor, ..body.settled.clone() }, &books, when) {
        Ok(()) => None,
        Err(Verdict { rule, why, .. }) if WAITS.contains(&rule.as_ref()) => Some(Obstacle::Waits(rule.into_owned(), why)),
        Err(Verdict { rule, why, .. }) => Some(Obstacle::Ends(Event::Expire, rule.into_owned(), why)),
    })
}

fn judged_again(request: &ClaimRequest<'_>, row: &DecisionRow, settled: Settled, books: &Books, when: Moment) -> Result<(), Verdict> {
    let policy = request.policy;
    let view = row.pool.as_ref().and_then(|pool| {
        let members = books.budgets.iter().filter(|(_, book)| book.pool == *pool).map(|(key, _)| key.clone()).collect();
        PoolView::of(policy, pool, vec![Arc::clone(request.view)], members)
    });
    let Some(view) = view else {
        let why = format!("UNEVALUABLE: the policy has no pool for it: pool={}", row.pool.as_ref().map_or("none", |pool| pool.as_str()));
        return Err(Verdict { rule: "NO_POOL".into(), ruling: Ruling::Deny, why });
    };
    recheck(&settled, &Situation { policy, view: &view, books, now: when.at, config_age: request.config_age, age_floor: request.age_floor })
}

type Bound = (String, Option<crate::domain::ids::PoolId>);

/// For a decision that a person approved: whom it is carried out for, and what the approval binds.
async fn carried(tx: &mut Tx, row: &DecisionRow, body: &DecisionBody) -> Result<Option<(Actor, Bound)>, LedgerError> {
    for ticket in tx.tickets_of_decision(&row.id).await?.into_iter().rev() {
        let content = Content::of(&ticket)?;
        let TicketState::Approved { by, .. } = &content.state else { continue };
        if content.change.as_ref() != Some(body.change()) {
            return Err(
                StoreError::Corrupt { table: "ticket", id: ticket.id.to_string(), what: "it asks about another change than its decision".into() }.into()
            );
        }
        let actor = Actor::Approval { ticket: ticket.id, by: by.join(" and "), waives: content.waives, decision: row.id };
        return Ok(Some((actor, (ticket.bound_hash, ticket.pool))));
    }
    Ok(None)
}
