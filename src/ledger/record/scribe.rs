//! Decisions, one after another: each is judged again on books in which those before it already count.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::advance::{find, step};
use super::super::body::{DecisionBody, leading_code};
use super::super::books::{Rows, load};
use super::{Receipt, Recorded, RoundHeader};
use crate::clock::Clock;
use crate::domain::change::{ActionKind, Change};
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::RunStatus;
use crate::domain::ids::{DecisionId, IdGen};
use crate::domain::money::Money;
use crate::domain::proposal::{Actor, Conflict, Settled};
use crate::domain::verdict::{Ruling, Verdict};
use crate::guardrails::{JudgedParts, Ruled, TicketNeed, counters};
use crate::ledger::LedgerError;
use crate::store::Tx;
use crate::store::books::IntentRow;
use crate::store::decision::NewDecision;
use crate::store::lease::Lease;
use crate::store::step::Moment;

/// One transaction that records one round.
pub(super) struct Scribe<'a> {
    pub(super) tx: &'a mut Tx,
    pub(super) ids: &'a IdGen,
    pub(super) clock: &'a Clock,
    pub(super) header: &'a RoundHeader,
    pub(super) policy_hash: String,
    pub(super) when: Moment,
    pub(super) rows: Rows,
    pub(super) receipt: Receipt,
    pub(super) conflicts: &'a [Conflict],
}

impl<'a> Scribe<'a> {
    pub(super) async fn begin(tx: &'a mut Tx, ids: &'a IdGen, clock: &'a Clock, lease: &Lease, header: &'a RoundHeader) -> Result<Self, LedgerError> {
        let accounts = header.policy.pools.get(&header.pool).map(|pool| pool.members.accounts.iter().cloned().collect()).unwrap_or_default();
        tx.bump(&accounts, &BTreeSet::from([header.pool.clone()])).await?;
        tx.hold_lease(lease).await?;
        let policy_hash = header.policy.hash();
        if tx.current_policy().await?.is_none_or(|current| current.hash != policy_hash) {
            return Err(LedgerError::Changed { what: "the policy in force".into() });
        }
        let rows = load(tx, &header.policy, header.now).await?;
        let receipt = Receipt { round: header.id, decisions: Vec::new(), superseded: Vec::new(), left_alone: Vec::new(), waiting: 0 };
        let when = Moment { at: header.now, wall: clock.wall() };
        Ok(Self { tx, ids, clock, header, policy_hash, when, rows, receipt, conflicts: &[] })
    }

    pub(super) async fn write(mut self, parts: &'a JudgedParts) -> Result<Receipt, LedgerError> {
        self.conflicts = &parts.conflicts;
        self.write_round(parts).await?;
        self.write_conflicts(&parts.conflicts).await?;
        for ruled in &parts.cleared {
            self.clear(ruled).await?;
        }
        for ruled in &parts.escalated {
            self.escalate(ruled).await?;
        }
        for ruled in &parts.denied {
            self.deny(ruled.settled(), ruled.verdicts().to_vec(), ruled.ticket()).await?;
        }
        self.write_waiting(&parts.waiting).await?;
        self.receipt.left_alone.clone_from(&parts.left_alone);
        self.receipt.waiting = parts.waiting.len();
        self.finish_round().await?;
        Ok(self.receipt)
    }

    pub(super) fn intent(&self, id: DecisionId, settled: &Settled) -> IntentRow {
        let change = &settled.wish.change;
        IntentRow {
            id,
            state: DecisionState::Authorised { attempts: 0 },
            account: change.account().clone(),
            pool: Some(self.header.pool.clone()),
            entity: change.entity().cloned(),
            actor_kind: settled.actor.kind().to_owned(),
            actor: settled.actor.name(),
            action: change.action(),
            moves: self.moves(change),
            stake: self.stake(settled),
        }
    }

    /// What an agent's change uses up of what it may stake alone: never less than one day of the money it adds, whatever the agent says.
    fn stake(&self, settled: &Settled) -> Option<Money> {
        settled.actor.agent()?;
        let said = settled.wish.cost_if_wrong;
        let added = self.moves(&settled.wish.change).and_then(|(live, to)| to.checked_sub(live).ok());
        Some(added.and_then(|added| said.larger(added).ok()).unwrap_or(said))
    }

    /// What a change does to committed money: from what its budget costs now to what it will cost.
    pub(super) fn moves(&self, change: &Change) -> Option<(Money, Money)> {
        let entity = change.entity()?;
        let row = self.rows.budgets_of(entity).find(|row| row.key == *entity)?;
        let live = self.rows.live(row);
        match change {
            Change::Budget { to, .. } => Some((live, *to)),
            Change::Status { to: RunStatus::Active, .. } => Some((live, row.accepted)),
            Change::Status { to: RunStatus::Paused | RunStatus::Ended, .. } => Some((live, Money::zero(live.currency()))),
            Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => None,
        }
    }

    /// Older decisions of the same kind on the same entity that have not been sent.
    pub(super) fn in_the_way(&self, settled: &Settled) -> Vec<DecisionId> {
        let change = &settled.wish.change;
        let same = |intent: &&IntentRow| {
            intent.entity.as_ref().is_some_and(|entity| Some(entity) == change.entity())
                && aspect(intent.action) == aspect(change.action())
                && matches!(intent.state, DecisionState::Authorised { .. })
                && !self.receipt.decisions.iter().any(|recorded| recorded.id == intent.id)
        };
        self.rows.intents.iter().filter(same).map(|intent| intent.id).collect()
    }

    pub(super) async fn clear(&mut self, ruled: &Ruled) -> Result<(), LedgerError> {
        let settled = ruled.settled();
        let older = self.in_the_way(settled);
        let mut rows = self.rows.clone();
        for id in &older {
            rows.forget(id);
        }
        let mut verdicts = ruled.verdicts().to_vec();
        let admitted = match self.approval_holds(settled).await? {
            Ok(()) => counters(&settled.wish.change, &settled.actor, &self.header.policy, &rows.books(&self.header.policy)?),
            Err(verdict) => Err(verdict),
        };
        if let Err(verdict) = admitted {
            verdicts.push(Verdict { ruling: Ruling::Deny, ..verdict });
            return self.deny(settled, verdicts, None).await;
        }
        let id = self.put(settled, &verdicts, Event::Authorise, json!({ "round": self.header.id })).await?;
        for old in older {
            let row = find(self.tx, &old).await?;
            step(self.tx, &row, Event::Supersede, &json!({ "by": id }), self.when, None).await?;
            self.receipt.superseded.push(old);
        }
        rows.admit(self.intent(id, settled));
        self.rows = rows;
        self.fulfil(settled).await?;
        self.receipt.decisions.push(Recorded { id, state: DecisionState::Authorised { attempts: 0 }, code: leading_code(&verdicts), ticket: None });
        Ok(())
    }

    /// Writes a decision up to the state `event` leads to: a new one, or the approved one that is carried out.
    pub(super) async fn put(&mut self, settled: &Settled, verdicts: &[Verdict], event: Event, detail: Value) -> Result<DecisionId, LedgerError> {
        let carried = match event {
            Event::Authorise | Event::Deny => self.approved(settled).await?,
            // What another rule asks about anew is another question, and so another decision.
            _ => None,
        };
        let detail = json!({ "detail": detail, "verdicts": verdicts });
        if let Some(id) = carried {
            let row = find(self.tx, &id).await?;
            step(self.tx, &row, event, &detail, self.when, None).await?;
            return Ok(id);
        }
        let id = self.insert(settled, verdicts).await?;
        let row = find(self.tx, &id).await?;
        step(self.tx, &row, event, &detail, self.when, None).await?;
        Ok(id)
    }

    pub(super) async fn insert(&mut self, settled: &Settled, verdicts: &[Verdict]) -> Result<DecisionId, LedgerError> {
        let (header, change) = (self.header, &settled.wish.change);
        let id: DecisionId = self.ids.next(self.when.at);
        let body = DecisionBody {
            settled: settled.clone(),
            verdicts: verdicts.to_vec(),
            conflicts: self.conflicts.iter().filter(|conflict| Some(&conflict.entity) == change.entity()).cloned().collect(),
            round: header.id,
            policy_hash: self.policy_hash.clone(),
            engine: header.engine.clone(),
            node: header.node.clone(),
        };
        let order = i64::try_from(self.receipt.decisions.len()).unwrap_or(i64::MAX);
        let new = NewDecision {
            id,
            shard: header.shard.clone(),
            pool: Some(header.pool.clone()),
            round: Some(header.id),
            change_set: settled.change_set.map(|set| (set, order)),
            account: change.account().clone(),
            entity: change.entity().cloned(),
            actor_kind: settled.actor.kind().to_owned(),
            actor: settled.actor.name(),
            action: change.action(),
            direction: change.direction(),
            undoes: match &settled.actor {
                Actor::Undo { of, .. } => Some(*of),
                Actor::Agent { .. } | Actor::Person { .. } | Actor::Approval { .. } | Actor::Wave { .. } => None,
            },
            moves: self.moves(change),
            stake: self.stake(settled),
            policy_hash: self.policy_hash.clone(),
            when: self.when,
            body: serde_json::to_string(&body)?,
        };
        self.tx.insert_decision(&new).await?;
        Ok(id)
    }

    pub(super) async fn deny(&mut self, settled: &Settled, verdicts: Vec<Verdict>, need: Option<&TicketNeed>) -> Result<(), LedgerError> {
        let id = self.put(settled, &verdicts, Event::Deny, json!({ "round": self.header.id })).await?;
        let ticket = match need {
            Some(need) => Some(self.ask(None, settled, &verdicts, need).await?),
            None => None,
        };
        self.fulfil(settled).await?;
        self.receipt.decisions.push(Recorded { id, state: DecisionState::Denied, code: leading_code(&verdicts), ticket });
        Ok(())
    }

    pub(super) async fn escalate(&mut self, ruled: &Ruled) -> Result<(), LedgerError> {
        let (settled, verdicts) = (ruled.settled(), ruled.verdicts());
        let Some(need) = ruled.ticket() else {
            // The guard always says what to ask; a question nobody is asked is a refusal.
            return self.deny(settled, verdicts.to_vec(), None).await;
        };
        if let Some(earlier) = self.approved(settled).await? {
            let row = find(self.tx, &earlier).await?;
            step(self.tx, &row, Event::Deny, &json!({ "because": "ASKED_ANEW", "verdicts": verdicts }), self.when, None).await?;
        }
        let id = self.put(settled, verdicts, Event::Escalate, json!({ "round": self.header.id })).await?;
        let ticket = self.ask(Some(id), settled, verdicts, need).await?;
        self.fulfil(settled).await?;
        self.receipt.decisions.push(Recorded { id, state: DecisionState::Escalated, code: leading_code(verdicts), ticket: Some(ticket) });
        Ok(())
    }
}

/// What of an entity an action sets: a newer decision takes the place of older ones that set the same.
const fn aspect(action: ActionKind) -> &'static str {
    match action {
        ActionKind::RaiseBudget | ActionKind::CutBudget => "budget",
        ActionKind::Activate | ActionKind::Pause => "status",
        ActionKind::Bid => "bid",
        ActionKind::Targeting => "targeting",
        ActionKind::Create => "create",
    }
}
