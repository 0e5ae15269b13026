//! The round itself: what its replay needs, its conflicts, and what waits for its funding.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;

use super::scribe::Scribe;
use super::{Recorded, WaitingPolicy};
use crate::domain::change::Change;
use crate::domain::ids::{AgentId, ConflictId};
use crate::domain::proposal::{Conflict, Dissent, Settled};
use crate::guardrails::JudgedParts;
use crate::ledger::LedgerError;
use crate::store::conflict::ConflictRow;
use crate::store::round::{RoundRow, WaitingIncrease};

/// How long a dissent stands before the same one is put before people again.
const REVIEW_SPAN: TimeDelta = TimeDelta::days(7);

/// What a stored conflict says of the one who lost.
#[derive(Deserialize)]
struct Told {
    dissent: Dissent,
}

impl Scribe<'_> {
    pub(super) async fn write_round(&mut self, parts: &JudgedParts) -> Result<(), LedgerError> {
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

    pub(super) async fn finish_round(&mut self) -> Result<(), LedgerError> {
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

    /// Writes down who lost. While nobody has looked at an agent's dissent about an entity, the same wish is not told again every round.
    pub(super) async fn write_conflicts(&mut self, conflicts: &[Conflict]) -> Result<(), LedgerError> {
        let since = self.when.at - REVIEW_SPAN;
        let mut losses: BTreeMap<&AgentId, Vec<(&Conflict, &Dissent)>> = BTreeMap::new();
        for conflict in conflicts {
            conflict.dissent.iter().for_each(|dissent| losses.entry(&dissent.agent).or_default().push((conflict, dissent)));
        }
        for (agent, lost) in losses {
            self.ask_about(agent, &lost, since).await?;
        }
        let mut known = BTreeSet::new();
        for row in self.tx.unreviewed_conflicts(&self.header.pool, since).await? {
            // One that cannot be read hides no other.
            if let Ok(told) = serde_json::from_str::<Told>(&row.payload) {
                known.insert((row.entity, row.agent, told.dissent.direction));
            }
        }
        for conflict in conflicts {
            for dissent in &conflict.dissent {
                if !known.insert((conflict.entity.clone(), dissent.agent.clone(), dissent.direction)) {
                    continue;
                }
                let id: ConflictId = self.ids.next(self.when.at);
                let payload = json!({ "conflict": conflict, "dissent": dissent }).to_string();
                let (round, pool) = (self.header.id, self.header.pool.clone());
                let (entity, agent, price) = (conflict.entity.clone(), dissent.agent.clone(), dissent.price);
                self.tx.insert_conflict(&ConflictRow { id, round, pool, entity, agent, price, at: self.when.at, reviewed: None, payload }).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn write_waiting(&mut self, waiting: &[Settled]) -> Result<(), LedgerError> {
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

    /// An increase that waited is recorded now, whatever became of it.
    pub(super) async fn fulfil(&mut self, settled: &Settled) -> Result<(), LedgerError> {
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
