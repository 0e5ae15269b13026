//! Answering: who may, what exactly was agreed to, and what the next round carries out.

use std::collections::BTreeSet;

use serde_json::json;

use super::open::Content;
use super::sweep;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{DecisionId, IdGen, PoolId, TicketId};
use crate::domain::policy::Policy;
use crate::domain::proposal::{Actor, Pin};
use crate::domain::ticket::{Role, TicketError, TicketState};
use crate::ledger::{DecisionBody, LedgerError, advance, binding};
use crate::store::Tx;
use crate::store::decision::DecisionFilter;
use crate::store::step::Moment;
use crate::store::ticket::{Answer, ApprovalRow, TicketRow};

/// A person who answers. Models, tools and agents have no such value: the admin room alone makes one, from a token or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name of the token or session.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What an approval did.
#[derive(Clone, Debug, PartialEq)]
pub enum Approved {
    /// Agreed: start a round with this pin at once.
    Pinned(Box<Pin>),
    /// The first of two people agreed.
    Half,
    /// Agreed, and nothing has to be carried out.
    Noted,
    /// What was asked does not stand any more; nothing is done.
    Lapsed(&'static str),
}

async fn find(tx: &mut Tx, id: &TicketId) -> Result<TicketRow, LedgerError> {
    tx.ticket(id).await?.ok_or_else(|| LedgerError::Missing { what: "ticket", id: id.to_string() })
}

fn entitled(row: &TicketRow, who: &Person) -> Result<(), TicketError> {
    let needs = row.owner.max(Role::Approver);
    if who.role >= needs { Ok(()) } else { Err(TicketError::Role(needs)) }
}

/// A person agrees to what `seen` hashes: the `bound_hash` of the ticket as it was shown to them. An approval counts for exactly that, under the policy
/// in force, on the configuration that stands now; otherwise the ticket lapses.
///
/// # Errors
/// [`LedgerError::Ticket`] when this person's answer does not count, [`LedgerError::Changed`] when the ticket says something else by now.
pub async fn approve(
    tx: &mut Tx,
    ids: &IdGen,
    policy: &Policy,
    id: &TicketId,
    who: &Person,
    (seen, reason): (&str, &str),
    when: Moment,
) -> Result<Approved, LedgerError> {
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    let mut row = find(tx, id).await?;
    entitled(&row, who)?;
    let content = Content::of(&row)?;
    let state = content.state.clone().approve(&who.name, content.requester.as_deref(), content.eyes, when.at)?;
    if row.bound_hash != seen {
        return Err(LedgerError::Changed { what: format!("ticket {id}") });
    }
    if row.deadline <= when.at {
        return Err(LedgerError::Ticket(TicketError::Closed("expired")));
    }
    let waiting = match standing(tx, policy, &row, &content).await? {
        Standing::Outdated(why) => {
            sweep::lapse(tx, id, why, when).await?;
            return Ok(Approved::Lapsed(why));
        }
        Standing::Waits(decision) => Some(decision),
        Standing::AsksNothing => None,
    };
    let approval = ApprovalRow {
        id: ids.next(when.at),
        ticket: *id,
        person: who.name.clone(),
        role: who.role,
        answer: Answer::Approve,
        bound_hash: row.bound_hash.clone(),
        waives: serde_json::to_string(&content.waives)?,
        reason: reason.to_owned(),
        when,
        used: None,
    };
    tx.insert_approval(&approval).await?;
    let agreed = matches!(state, TicketState::Approved { .. });
    if let (true, None, Some(decision)) = (agreed, waiting, &row.decision)
        && tx.decision(decision).await?.is_some_and(|decision| decision.state == DecisionState::Escalated)
    {
        // Nothing is carried out: the person has seen what stands there, and leaves it at that.
        advance(tx, decision, Event::Expire, &json!({ "ticket": row.id, "by": who.name, "because": "NOTED" }), when).await?;
    }
    let ticket = row.id;
    if let (true, Some(decision)) = (agreed, waiting) {
        advance(tx, &decision, Event::Approve, &json!({ "ticket": ticket, "by": who.name, "bound": row.bound_hash }), when).await?;
    }
    let note = json!({ "by": who.name, "role": who.role, "bound": row.bound_hash, "state": state.name(), "reason": reason });
    sweep::save(tx, &mut row, &Content { state, ..content }, "ticket.approve", &note, when).await?;
    match (agreed, waiting) {
        (false, _) => Ok(Approved::Half),
        (true, None) => Ok(Approved::Noted),
        (true, Some(decision)) => {
            let pin = pin(tx, &decision, ticket).await?.ok_or_else(|| LedgerError::Missing { what: "approved decision", id: decision.to_string() })?;
            Ok(Approved::Pinned(Box::new(pin)))
        }
    }
}

/// Whether what a ticket asks can still be said yes to.
pub(super) enum Standing {
    /// This decision waits for the answer, and all it was bound to is as it was.
    Waits(DecisionId),
    /// It cannot any more; why.
    Outdated(&'static str),
    /// No change waits for the answer.
    AsksNothing,
}

/// Compares what a ticket was bound to with what stands now.
pub(super) async fn standing(tx: &mut Tx, policy: &Policy, row: &TicketRow, content: &Content) -> Result<Standing, LedgerError> {
    let (Some(decision), Some(change)) = (&row.decision, &content.change) else { return Ok(Standing::AsksNothing) };
    let Some(decision) = tx.decision(decision).await?.filter(|decision| decision.state == DecisionState::Escalated) else {
        return Ok(Standing::Outdated("the decision does not wait any more"));
    };
    let body = DecisionBody::of(&decision)?;
    let bound = binding(tx, policy, change, body.settled.actor.agent(), row.pool.as_ref()).await?;
    Ok(if bound == row.bound_hash {
        Standing::Waits(decision.id)
    } else {
        Standing::Outdated("the policy of its scope or the entity itself has changed since it was asked")
    })
}

/// A person refuses; the decision that waits is rejected for good.
///
/// # Errors
/// As [`approve`].
pub async fn reject(tx: &mut Tx, ids: &IdGen, id: &TicketId, who: &Person, reason: &str, when: Moment) -> Result<(), LedgerError> {
    tx.bump(&BTreeSet::new(), &BTreeSet::new()).await?;
    let mut row = find(tx, id).await?;
    entitled(&row, who)?;
    let content = Content::of(&row)?;
    let state = content.state.clone().reject(&who.name, reason, when.at)?;
    let answered_before = tx.approvals_of(id).await?.iter().any(|answer| answer.person == who.name);
    if !answered_before {
        let (person, role, bound_hash) = (who.name.clone(), who.role, row.bound_hash.clone());
        let (id, ticket, waives, reason) = (ids.next(when.at), *id, "[]".to_owned(), reason.to_owned());
        tx.insert_approval(&ApprovalRow { id, ticket, person, role, answer: Answer::Reject, bound_hash, waives, reason, when, used: None }).await?;
    }
    if let Some(decision) = &row.decision
        && tx.decision(decision).await?.is_some_and(|decision| decision.state == DecisionState::Escalated)
    {
        advance(tx, decision, Event::Reject, &json!({ "ticket": row.id, "by": who.name, "reason": reason }), when).await?;
    }
    let note = json!({ "by": who.name, "role": who.role, "reason": reason });
    sweep::save(tx, &mut row, &Content { state, ..content }, "ticket.reject", &note, when).await
}

/// Everything people have agreed to in a pool that no round has carried out yet: pins of the next one.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn pins(tx: &mut Tx, pool: &PoolId) -> Result<Vec<Pin>, LedgerError> {
    let filter = DecisionFilter { pool: Some(pool.clone()), state: Some(DecisionState::Approved.name().to_owned()), ..DecisionFilter::default() };
    let mut pins = Vec::new();
    for row in tx.decisions(&filter, None, 1_000).await? {
        let answered = tx.tickets_of_decision(&row.id).await?.into_iter().rfind(|ticket| ticket.state == "approved");
        if let Some(ticket) = answered {
            pins.extend(pin(tx, &row.id, ticket.id).await?);
        }
    }
    pins.reverse();
    Ok(pins)
}

async fn pin(tx: &mut Tx, decision: &DecisionId, ticket: TicketId) -> Result<Option<Pin>, LedgerError> {
    let Some(row) = tx.decision(decision).await?.filter(|row| row.state == DecisionState::Approved) else { return Ok(None) };
    let content = Content::of(&find(tx, &ticket).await?)?;
    let TicketState::Approved { by, .. } = &content.state else { return Ok(None) };
    let body = DecisionBody::of(&row)?;
    let actor = Actor::Approval { ticket, by: by.join(" and "), waives: content.waives.clone(), decision: *decision };
    Ok(Some(Pin { actor, wish: body.settled.wish, change_set: body.settled.change_set }))
}
