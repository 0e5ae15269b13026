//! What a person's approval is good for: once, for exactly what was shown.

use std::time::Duration;

use chrono::TimeDelta;

use super::super::advance::find;
use super::super::binding;
use super::super::body::DecisionBody;
use super::scribe::Scribe;
use crate::domain::decision::DecisionState;
use crate::domain::ids::DecisionId;
use crate::domain::proposal::{Actor, Settled};
use crate::domain::ticket::TicketState;
use crate::domain::verdict::{Ruling, Verdict};
use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::tickets::Content;

/// How long an approval that could not be carried out is good for: who gave it saw figures that pass.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// The same on the wall, where product time runs fast.
const GOOD_FOR_WALL: Duration = Duration::from_secs(120);

impl Scribe<'_> {
    /// The decision a settled change carries out: the approved one, while it is still approved.
    pub(super) async fn approved(&mut self, settled: &Settled) -> Result<Option<DecisionId>, LedgerError> {
        let Actor::Approval { decision, .. } = &settled.actor else { return Ok(None) };
        let row = find(self.tx, decision).await?;
        Ok((row.state == DecisionState::Approved).then_some(*decision))
    }

    /// An approval counts once, for exactly what was shown, under the policy and on the configuration that stand now.
    pub(super) async fn approval_holds(&mut self, settled: &Settled) -> Result<Result<(), Verdict>, LedgerError> {
        let Actor::Approval { ticket, decision, .. } = &settled.actor else { return Ok(Ok(())) };
        let refuse = |why: &str| Ok(Err(Verdict { rule: "APPROVAL".into(), ruling: Ruling::Deny, why: format!("APPROVAL: {why}") }));
        let Some(id) = self.approved(settled).await? else { return refuse("it was used before, or its decision does not wait any more") };
        let row = find(self.tx, &id).await?;
        let shown = DecisionBody::of(&row)?;
        if *shown.change() != settled.wish.change {
            return refuse("the change is not the one that was approved");
        }
        let Some(asked) = self.tx.ticket(ticket).await?.filter(|ticket| ticket.decision == Some(*decision)) else {
            return refuse("its ticket asks about another decision");
        };
        let bound = binding(self.tx, &self.header.policy, &settled.wish.change, shown.settled.actor.agent(), asked.pool.as_ref()).await?;
        let TicketState::Approved { at, .. } = Content::of(&asked)?.state else { return refuse("its ticket is not approved") };
        if self.when.at - at > self.clock.at_least(GOOD_FOR, GOOD_FOR_WALL) {
            return refuse("it was given more than a day ago and not carried out since: ask again");
        }
        if bound != asked.bound_hash {
            return refuse("the policy of its scope or the entity itself has changed since it was approved");
        }
        match self.tx.use_approvals(ticket, &bound, self.when.at).await {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Stale { .. }) => refuse("it was used before"),
            Err(error) => Err(error.into()),
        }
    }
}
