//! Recording: what was judged becomes decisions, commitments, conflicts and tickets in one transaction, re-judged on fresh books in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::advance::{find, step};
use super::body::{DecisionBody, leading_code};
use super::books::{Rows, load};
use super::{LedgerError, binding};
use crate::clock::{Clock, ProductTime, WallTime};
use crate::domain::books::Books;
use crate::domain::change::{ActionKind, Change};
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::RunStatus;
use crate::domain::ids::{AccountId, ConflictId, DecisionId, IdGen, NodeId, PollId, PoolId, RoundId, ShardId, TicketId};
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::proposal::{Actor, Conflict, LeftAlone, Pin, Settled};
use crate::domain::ticket::{Severity, TicketState};
use crate::domain::verdict::{Ruling, Verdict};
use crate::guardrails::{Judged, JudgedParts, Ruled, TicketNeed, counters};
use crate::store::books::IntentRow;
use crate::store::conflict::ConflictRow;
use crate::store::decision::NewDecision;
use crate::store::lease::Lease;
use crate::store::round::{RoundRow, WaitingIncrease};
use crate::store::step::Moment;
use crate::store::{Store, StoreError, Tx};
use crate::tickets::{self, Content, Opened, Question, alerts};

/// What becomes of the increases of earlier settlements that still wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingPolicy {
    /// This round settles the pool anew: what waited is dropped.
    Replace,
    /// This round is about single changes: what waits goes on waiting.
    Keep,
}

/// Everything about a round that its replay needs, and what the run record says of it.
#[derive(Clone, Debug)]
pub struct RoundHeader {
    /// Its id.
    pub id: RoundId,
    /// The pool.
    pub pool: PoolId,
    /// The chain its decisions are written to.
    pub shard: ShardId,
    /// The one `now` of the round.
    pub now: ProductTime,
    /// When it began, in UTC.
    pub started_wall: WallTime,
    /// What set it off, in one word of the cycle.
    pub reason: String,
    /// The policy in force; its hash is what decisions name.
    pub policy: Policy,
    /// The read of each account it saw.
    pub polls: BTreeMap<AccountId, PollId>,
    /// The books the pure stages were given.
    pub books: Books,
    /// The pins they were given.
    pub pins: Vec<Pin>,
    /// What the learner believed, as JSON of the learner.
    pub beliefs: Value,
    /// Hash over the view.
    pub view_hash: String,
    /// The seed of everything random in it.
    pub seed: u64,
    /// The engine build.
    pub engine: String,
    /// The node.
    pub node: NodeId,
    /// What becomes of increases that still wait.
    pub waiting: WaitingPolicy,
    /// What the cycle adds to the run record: trigger, who abstained, durations, errors.
    pub notes: Value,
}

/// One recorded decision. Only the ledger makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    id: DecisionId,
    state: DecisionState,
    code: Option<String>,
    ticket: Option<TicketId>,
}

impl Recorded {
    /// The decision.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// Where it stands after recording.
    #[must_use]
    pub const fn state(&self) -> DecisionState {
        self.state
    }

    /// The code of the rule that refuses or asks; `None` when nothing does.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The ticket that asks about it.
    #[must_use]
    pub const fn ticket(&self) -> Option<TicketId> {
        self.ticket
    }
}

/// What a round left in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The round.
    pub round: RoundId,
    /// Its decisions, in the order in which they were judged.
    pub decisions: Vec<Recorded>,
    /// Older decisions that newer ones took the place of.
    pub superseded: Vec<DecisionId>,
    /// What was looked at and left alone.
    pub left_alone: Vec<LeftAlone>,
    /// How many increases wait for their funding.
    pub waiting: usize,
}

/// Records a round under `lease`: one transaction, alone among those that decide. What was cleared is judged again, in order, on books in which what
/// was admitted before it already counts; what does not pass there becomes a denied decision.
///
/// # Errors
/// [`StoreError::LeaseLost`] when this node no longer holds the shard, [`LedgerError::Changed`] when another policy is in force by now: decide again.
/// Nothing is written then.
pub async fn record(store: &Store, ids: &IdGen, clock: &Clock, lease: &Lease, header: &RoundHeader, judged: Judged) -> Result<Receipt, LedgerError> {
    let parts = judged.into_parts();
    let parts = &parts;
    store
        .write(|mut tx| async move {
            let scribe = Scribe::begin(&mut tx, ids, clock, lease, header).await?;
            scribe.write(parts).await
        })
        .await
}

/// The increases of a pool that wait for their funding, first those that were settled first; to be judged with `guardrails::check_waiting`.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn waves(tx: &mut Tx, pool: &PoolId) -> Result<Vec<Settled>, LedgerError> {
    let rows = tx.waiting(pool).await?;
    let read = |row: &WaitingIncrease| serde_json::from_str(&row.payload);
    Ok(rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| StoreError::Corrupt {
        table: "waiting_increase",
        id: pool.to_string(),
        what: error.to_string(),
    })?)
}

struct Scribe<'a> {
    tx: &'a mut Tx,
    ids: &'a IdGen,
    clock: &'a Clock,
    header: &'a RoundHeader,
    policy_hash: String,
    when: Moment,
    rows: Rows,
    receipt: Receipt,
    conflicts: &'a [Conflict],
}

impl<'a> Scribe<'a> {
    async fn begin(tx: &'a mut Tx, ids: &'a IdGen, clock: &'a Clock, lease: &Lease, header: &'a RoundHeader) -> Result<Self, LedgerError> {
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

    async fn write(mut self, parts: &'a JudgedParts) -> Result<Receipt, LedgerError> {
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

    async fn write_round(&mut self, parts: &JudgedParts) -> Result<(), LedgerError> {
        let header = self.header;
        let goals: BTreeMap<_, _> = header.policy.agents.iter().filter(|(_, agent)| agent.pool == header.pool).map(|(id, agent)| (id, &agent.goal)).collect();
        let mut polls = BTreeMap::new();
        for (account, poll) in &header.polls {
            let row = self.tx.poll(poll).await?.ok_or_else(|| LedgerError::Missing { what: "read", id: poll.to_string() })?;
            polls.insert(account.clone(), row.seq);
        }
        let judged = json!({ "left_alone": parts.left_alone, "waiting": parts.waiting.len(), "conflicts": parts.conflicts });
        let row = RoundRow {
            id: header.id,
            pool: header.pool.clone(),
            shard: header.shard.clone(),
            now: header.now,
            started_wall: header.started_wall,
            finished_wall: None,
            reason: header.reason.clone(),
            policy_hash: self.policy_hash.clone(),
            goals: serde_json::to_string(&goals)?,
            open_intents: serde_json::to_string(&json!({ "books": header.books, "pins": header.pins, "judged": judged }))?,
            beliefs: header.beliefs.to_string(),
            view_hash: header.view_hash.clone(),
            seed: header.seed.to_string(),
            engine: header.engine.clone(),
            node: header.node.clone(),
            record: None,
        };
        Ok(self.tx.insert_round(&row, &polls).await?)
    }

    async fn finish_round(&mut self) -> Result<(), LedgerError> {
        let listed = |recorded: &Recorded| json!({ "id": recorded.id, "state": recorded.state.name(), "code": recorded.code, "ticket": recorded.ticket });
        let record = json!({
            "reason": self.header.reason,
            "decisions": self.receipt.decisions.iter().map(listed).collect::<Vec<_>>(),
            "superseded": self.receipt.superseded,
            "left_alone": self.receipt.left_alone,
            "waiting": self.receipt.waiting,
            "notes": self.header.notes,
        });
        Ok(self.tx.finish_round(&self.header.id, self.clock.wall(), &record.to_string()).await?)
    }

    async fn write_conflicts(&mut self, conflicts: &[Conflict]) -> Result<(), LedgerError> {
        for conflict in conflicts {
            for dissent in &conflict.dissent {
                let id: ConflictId = self.ids.next(self.when.at);
                let payload = json!({ "conflict": conflict, "dissent": dissent }).to_string();
                let (round, pool) = (self.header.id, self.header.pool.clone());
                let (entity, agent, price) = (conflict.entity.clone(), dissent.agent.clone(), dissent.price);
                self.tx.insert_conflict(&ConflictRow { id, round, pool, entity, agent, price, at: self.when.at, reviewed: None, payload }).await?;
            }
        }
        Ok(())
    }

    async fn write_waiting(&mut self, waiting: &[Settled]) -> Result<(), LedgerError> {
        let mut rows = Vec::new();
        for (rank, settled) in (1..).zip(waiting) {
            if let Change::Budget { budget, to, .. } = &settled.wish.change {
                let (round, pool, entity) = (self.header.id, self.header.pool.clone(), budget.key.clone());
                rows.push(WaitingIncrease { round, rank, pool, entity, to: *to, payload: serde_json::to_string(settled)? });
            }
        }
        match self.header.waiting {
            WaitingPolicy::Replace => self.tx.replace_waiting(&self.header.pool, &rows).await?,
            WaitingPolicy::Keep if rows.is_empty() => {}
            WaitingPolicy::Keep => {
                // A round about single changes leaves what waits, and adds nothing to it that was there before.
                let mut all = self.tx.waiting(&self.header.pool).await?;
                all.retain(|old| !rows.iter().any(|new| new.entity == old.entity));
                all.extend(rows);
                for (rank, row) in (1..).zip(&mut all) {
                    (row.round, row.rank) = (self.header.id, rank);
                }
                self.tx.replace_waiting(&self.header.pool, &all).await?;
            }
        }
        Ok(())
    }

    /// The decision a settled change carries out: the approved one, while it is still approved.
    async fn approved(&mut self, settled: &Settled) -> Result<Option<DecisionId>, LedgerError> {
        let Actor::Approval { decision, .. } = &settled.actor else { return Ok(None) };
        let row = find(self.tx, decision).await?;
        Ok((row.state == DecisionState::Approved).then_some(*decision))
    }

    fn intent(&self, id: DecisionId, settled: &Settled) -> IntentRow {
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
            stake: settled.actor.agent().map(|_| settled.wish.cost_if_wrong),
        }
    }

    /// What a change does to committed money: from what its budget costs now to what it will cost.
    fn moves(&self, change: &Change) -> Option<(Money, Money)> {
        let entity = change.entity()?;
        let row = self.rows.budgets_of(entity).find(|row| row.key == *entity)?;
        let live = self.rows.live(row);
        match change {
            Change::Budget { to, .. } => Some((live, *to)),
            Change::Status { to: RunStatus::Active, .. } => Some((live, row.accepted)),
            Change::Status { to: RunStatus::Paused | RunStatus::Ended, .. } => Some((live, Money::zero(live.currency()))),
            Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_) => None,
        }
    }

    /// Older decisions of the same kind on the same entity that have not been sent.
    fn in_the_way(&self, settled: &Settled) -> Vec<DecisionId> {
        let change = &settled.wish.change;
        let same = |intent: &&IntentRow| {
            intent.entity.as_ref().is_some_and(|entity| Some(entity) == change.entity())
                && aspect(intent.action) == aspect(change.action())
                && matches!(intent.state, DecisionState::Authorised { .. })
                && !self.receipt.decisions.iter().any(|recorded| recorded.id == intent.id)
        };
        self.rows.intents.iter().filter(same).map(|intent| intent.id).collect()
    }

    async fn clear(&mut self, ruled: &Ruled) -> Result<(), LedgerError> {
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

    /// An approval counts once, for exactly what was shown, under the policy and on the configuration that stand now.
    async fn approval_holds(&mut self, settled: &Settled) -> Result<Result<(), Verdict>, LedgerError> {
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
        if bound != asked.bound_hash || !matches!(Content::of(&asked)?.state, TicketState::Approved { .. }) {
            return refuse("the policy of its scope or the entity itself has changed since it was approved");
        }
        match self.tx.use_approvals(ticket, &bound, self.when.at).await {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Stale { .. }) => refuse("it was used before"),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a decision up to the state `event` leads to: a new one, or the approved one that is carried out.
    async fn put(&mut self, settled: &Settled, verdicts: &[Verdict], event: Event, detail: Value) -> Result<DecisionId, LedgerError> {
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

    async fn insert(&mut self, settled: &Settled, verdicts: &[Verdict]) -> Result<DecisionId, LedgerError> {
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
            stake: settled.actor.agent().map(|_| settled.wish.cost_if_wrong),
            policy_hash: self.policy_hash.clone(),
            when: self.when,
            body: serde_json::to_string(&body)?,
        };
        self.tx.insert_decision(&new).await?;
        Ok(id)
    }

    async fn deny(&mut self, settled: &Settled, verdicts: Vec<Verdict>, need: Option<&TicketNeed>) -> Result<(), LedgerError> {
        let id = self.put(settled, &verdicts, Event::Deny, json!({ "round": self.header.id })).await?;
        let ticket = match need {
            Some(need) => Some(self.ask(None, settled, &verdicts, need).await?),
            None => None,
        };
        self.fulfil(settled).await?;
        self.receipt.decisions.push(Recorded { id, state: DecisionState::Denied, code: leading_code(&verdicts), ticket });
        Ok(())
    }

    async fn escalate(&mut self, ruled: &Ruled) -> Result<(), LedgerError> {
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

    async fn ask(&mut self, decision: Option<DecisionId>, settled: &Settled, verdicts: &[Verdict], need: &TicketNeed) -> Result<TicketId, LedgerError> {
        let (wish, header) = (&settled.wish, self.header);
        let subject = wish.change.entity().map_or_else(|| wish.change.account().to_string(), ToString::to_string);
        let against = |verdict: &&Verdict| verdict.ruling != Ruling::Pass;
        let content = Content {
            title: format!("{} {subject}", wish.change.action().name()),
            why: verdicts.iter().filter(against).map(|verdict| verdict.why.clone()).collect(),
            change: decision.map(|_| wish.change.clone()),
            reason: wish.reason.clone(),
            evidence: Some(wish.evidence.clone()),
            prediction: wish.prediction.clone(),
            confidence: Some(wish.confidence),
            waives: need.waivable.clone(),
            eyes: need.eyes,
            requester: settled.actor.is_person().then(|| settled.actor.name()),
            state: TicketState::fresh(),
            details: json!({ "round": header.id, "actor": settled.actor, "money": self.moves(&wish.change), "cost_if_wrong": wish.cost_if_wrong,
                "alternatives": settled.alternatives, "dissent": settled.dissent }),
        };
        let bound_hash = match decision {
            Some(_) => binding(self.tx, &header.policy, &wish.change, settled.actor.agent(), Some(&header.pool)).await?,
            None => String::new(),
        };
        let question = Question {
            kind: need.kind,
            subject: subject.clone(),
            direction: Some(wish.change.direction()),
            account: Some(wish.change.account().clone()),
            pool: Some(header.pool.clone()),
            decision,
            severity: need.severity,
            risk: Some(wish.cost_if_wrong),
            bound_hash,
            content,
        };
        let opened = tickets::open(self.tx, self.ids, self.clock, &header.policy.approvals, &question, self.when).await?;
        if let Opened::Updated { instead_of: Some(earlier), .. } = opened {
            let row = find(self.tx, &earlier).await?;
            if row.state == DecisionState::Escalated {
                step(self.tx, &row, Event::Expire, &json!({ "because": "ASKED_AGAIN", "by": decision }), self.when, None).await?;
            }
        }
        if matches!(opened, Opened::New(_)) {
            let title = format!("{}: {}", tickets::alert_of(need.kind).name(), question.content.title);
            let payload = json!({ "ticket": opened.ticket(), "decision": decision, "why": question.content.why });
            let notice =
                alerts::Notice { kind: tickets::alert_of(need.kind), subject: &subject, severity: need.severity.max(Severity::Warning), title, payload };
            alerts::raise(self.tx, self.ids, notice, self.when).await?;
        }
        Ok(opened.ticket())
    }

    /// An increase that waited is recorded now, whatever became of it.
    async fn fulfil(&mut self, settled: &Settled) -> Result<(), LedgerError> {
        let Change::Budget { budget, .. } = &settled.wish.change else { return Ok(()) };
        let Some(_agent) = settled.actor.agent() else { return Ok(()) };
        for row in self.tx.waiting(&self.header.pool).await? {
            if row.entity == budget.key && row.round != self.header.id {
                self.tx.waiting_recorded(&row.round, row.rank).await?;
            }
        }
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
