//! Level-triggered comparison of every whole read with the rows: what has arrived, what has not, what died on its way, what somebody else changed.
//! Done twice it changes nothing the second time.

use std::collections::BTreeMap;

use serde_json::json;

use super::asking::{Matter, no_details};
use super::baseline::{self, Intent, Loaded};
use super::findings::{self, Finding, Memory};
use super::looks::Sights;
use super::outbox::words;
use super::settle::{Field, Value, aim};
use super::{ExecutionError, Held, Outbox, Read, holds};
use crate::clock::Clock;
use crate::domain::alert::AlertKind;
use crate::domain::change::Direction;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::EntityKey;
use crate::domain::ids::DecisionId;
use crate::domain::policy::Policy;
use crate::domain::structure::Edit;
use crate::domain::ticket::{Severity, TicketKind};
use crate::ledger;
use crate::store::Tx;
use crate::store::hold::HoldRow;
use crate::store::step::Moment;

/// What one read settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Decisions whose value the platform shows now.
    pub applied: Vec<DecisionId>,
    /// Those of them that lower spend: the money they free funds the next wave.
    pub confirmed: Vec<DecisionId>,
    /// Decisions the platform did not take.
    pub failed: Vec<DecisionId>,
    /// Decisions whose request nobody has an answer for: from now on only reading settles them.
    pub unknown: Vec<DecisionId>,
    /// Decisions that met somebody else's value: a person is asked.
    pub escalated: Vec<DecisionId>,
    /// Entities somebody else has edited since the last read; each has an open hold now.
    pub foreign: Vec<EntityKey>,
    /// Entities whose hold ended: automation may go on from the person's value.
    pub released: Vec<EntityKey>,
    /// Decisions this build cannot read: nothing is sent for them until somebody looks.
    pub quarantined: Vec<String>,
}

impl Reconciled {
    fn add(&mut self, other: Self) {
        self.applied.extend(other.applied);
        self.confirmed.extend(other.confirmed);
        self.failed.extend(other.failed);
        self.unknown.extend(other.unknown);
        self.escalated.extend(other.escalated);
        self.foreign.extend(other.foreign);
        self.released.extend(other.released);
    }
}

/// One thing to be written down.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    /// A request whose sender has died.
    Orphan(DecisionId),
    /// A hold that is over, and how it ended.
    Release(HoldRow, &'static str),
    /// What the read says.
    Found(Finding),
    /// Who made the edit behind a hold, which the platform has told only now.
    Named(HoldRow, Edit),
}

/// What one look at rows and read says has to be written.
struct Examined {
    loaded: Loaded,
    work: Vec<Work>,
    memory: Memory,
    /// Holds of edits that nobody is named for yet, while the platform may still tell.
    unnamed: Vec<HoldRow>,
}

impl Examined {
    fn intent(&self, id: &DecisionId) -> Option<&Intent> {
        self.loaded.open.iter().find(|intent| intent.row.id == *id)
    }

    /// The holds whose edit has an author by now, and that edit.
    fn named(&self, sights: &Sights, clock: &Clock) -> Vec<Work> {
        let told = |hold: &HoldRow| {
            let edit = sights.editor(&hold.entity, &self.loaded.ours(&hold.entity, clock)).filter(|edit| edit.who.is_some())?;
            Some(Work::Named(hold.clone(), edit.clone()))
        };
        self.unnamed.iter().filter_map(told).collect()
    }

    fn nothing_done(&self) -> Reconciled {
        Reconciled { quarantined: self.loaded.unreadable.clone(), ..Reconciled::default() }
    }
}

impl Outbox {
    /// Compares one read with the rows and writes what it settles, in one transaction; where one row stands in the way, each thing by itself. `memory`
    /// counts what must be seen more than once.
    pub(super) async fn settle(&self, memory: &mut Memory, read: &Read<'_>, mut sights: Sights, held: Held<'_>) -> Result<Reconciled, ExecutionError> {
        let (seen, asked) = (memory.clone(), &sights);
        let looked = self.store.read(|mut tx| async move { self.examine(&mut tx, read, asked, seen).await }).await?;
        let mut done = looked.nothing_done();
        if !looked.unnamed.is_empty() || looked.work.iter().any(|work| matches!(work, Work::Found(Finding::Foreign(..)))) {
            sights.edits = self.editors().await;
        }
        if looked.work.is_empty() && looked.named(&sights, &self.clock).is_empty() {
            *memory = looked.memory;
            return Ok(done);
        }
        match self.write_down(memory, read, &sights, held, None).await {
            Ok((after, written)) => {
                *memory = after;
                return Ok(written);
            }
            Err(error) if error.is_about_one_row() => {}
            Err(error) => return Err(error),
        }
        for work in looked.work.iter().chain(&looked.named(&sights, &self.clock)) {
            match self.write_down(memory, read, &sights, held, Some(work)).await {
                Ok((_, written)) => done.add(written),
                Err(error) if error.is_about_one_row() => done.quarantined.push(words(&error)),
                Err(error) => return Err(error),
            }
        }
        *memory = looked.memory;
        Ok(done)
    }

    /// Looks again inside a transaction and writes down what is found, or of that `only` one thing.
    async fn write_down(
        &self,
        seen: &Memory,
        read: &Read<'_>,
        sights: &Sights,
        held: Held<'_>,
        only: Option<&Work>,
    ) -> Result<(Memory, Reconciled), ExecutionError> {
        self.store
            .write(|mut tx| async move {
                // Its turn first, like every transaction that moves money.
                let pools = tx.open_of_account(&self.account).await?.into_iter().filter_map(|row| row.pool).collect();
                tx.bump(&[self.account.clone()].into(), &pools).await?;
                tx.hold_lease(held.lease).await?;
                let mut examined = self.examine(&mut tx, read, sights, seen.clone()).await?;
                examined.work.retain(|work| only.is_none_or(|only| only == work));
                let written = self.write_all(&mut tx, &examined, (read, sights), held.policy).await?;
                Ok((examined.memory, written))
            })
            .await
    }

    async fn examine(&self, tx: &mut Tx, read: &Read<'_>, sights: &Sights, mut memory: Memory) -> Result<Examined, ExecutionError> {
        let mut loaded = baseline::load(tx, &self.account, read.poll).await?;
        let at = self.clock.now();
        let over = holds::over(tx, &loaded.holds, at).await?;
        for (hold, _) in &over {
            loaded.ended.retain(|ended| ended.entity != hold.entity);
            loaded.ended.push(HoldRow { closed: Some((at, String::new())), ..hold.clone() });
        }
        loaded.holds.retain(|hold| !over.iter().any(|(ended, _)| ended.id == hold.id));
        let mut work = Vec::new();
        for intent in loaded.open.iter().filter(|intent| matches!(intent.row.state, DecisionState::Dispatched { .. })) {
            // This account's sends and reads take turns, so a request without an answer here is one whose sender has died.
            if tx.dispatches_of(&intent.row.id).await?.last().is_none_or(|dispatch| dispatch.result.is_none()) {
                work.push(Work::Orphan(intent.row.id));
            }
        }
        work.extend(over.into_iter().map(|(hold, how)| Work::Release(hold, how)));
        let mut findings = findings::compare(read.inventory, &loaded.rows(&self.clock, sights), read.poll.at, &mut memory);
        findings.retain(|finding| !matches!(finding, Finding::Foreign(place, foreign) if holds::is_told(&loaded.holds, place, *foreign)));
        work.extend(findings.into_iter().map(Work::Found));
        let mut unnamed = Vec::new();
        for hold in loaded.holds.iter().filter(|hold| at - hold.opened < holds::TOLD_LATE) {
            let Some(ticket) = &hold.ticket else { continue };
            if tx.ticket(ticket).await?.is_some_and(|ticket| holds::is_unnamed(&ticket)) {
                unnamed.push(hold.clone());
            }
        }
        let mut examined = Examined { loaded, work, memory, unnamed };
        examined.work.extend(examined.named(sights, &self.clock));
        Ok(examined)
    }

    async fn write_all(&self, tx: &mut Tx, examined: &Examined, (read, sights): (&Read<'_>, &Sights), policy: &Policy) -> Result<Reconciled, ExecutionError> {
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        let (mut done, mut statuses) = (examined.nothing_done(), BTreeMap::new());
        for work in &examined.work {
            match work {
                Work::Orphan(id) => {
                    self.finish(tx, id, "unknown", when).await?;
                    let why = json!({ "why": "ORPHAN: the request was recorded and its sender ended before it recorded an answer" });
                    ledger::unknown(tx, id, &why, when, None).await?;
                    done.unknown.push(*id);
                }
                Work::Release(hold, how) => {
                    self.release(tx, hold, how, when).await?;
                    done.released.push(hold.entity.clone());
                }
                Work::Found(Finding::Applied(id)) => {
                    self.finish(tx, id, "applied", when).await?;
                    let why = json!({ "why": "READ_BACK: the platform shows the new value", "poll": read.poll.id });
                    ledger::applied(tx, &self.ids, id, &why, when).await?;
                    let Some(change) = examined.intent(id).map(Intent::change) else { continue };
                    if let Some(aim) = aim(change)
                        && let Value::Status(status) = aim.to
                    {
                        statuses.insert(aim.entity.clone(), status);
                    }
                    done.applied.push(*id);
                    if change.direction() == Direction::Protective {
                        done.confirmed.push(*id);
                    }
                }
                Work::Found(Finding::Made(id, created)) => {
                    self.finish(tx, id, "applied", when).await?;
                    let why = json!({ "why": "LOOKED: what the change wants stands on the platform", "poll": read.poll.id, "created": created });
                    ledger::applied(tx, &self.ids, id, &why, when).await?;
                    done.applied.push(*id);
                    if examined.intent(id).is_some_and(|intent| intent.change().direction() == Direction::Protective) {
                        done.confirmed.push(*id);
                    }
                }
                Work::Found(Finding::Failed(id, why)) => {
                    self.finish(tx, id, "failed", when).await?;
                    ledger::failed(tx, id, &json!({ "why": why, "poll": read.poll.id }), when).await?;
                    done.failed.push(*id);
                }
                Work::Found(Finding::Crossed(id, value)) => {
                    self.escalate(tx, examined, id, value, policy, when).await?;
                    done.escalated.push(*id);
                }
                Work::Found(Finding::Baseline((entity, Field::Budget), Value::Budget(amount))) => tx.accept_budget(entity, *amount, when.at).await?,
                Work::Found(Finding::Baseline((entity, _), Value::Status(status))) => {
                    statuses.insert(entity.clone(), *status);
                }
                // A status never stands in the place of a budget.
                Work::Found(Finding::Baseline((_, Field::Status), Value::Budget(_))) => {}
                Work::Found(Finding::Foreign(place, foreign)) => {
                    let edit = sights.editor(&place.0, &examined.loaded.ours(&place.0, &self.clock));
                    self.hold(tx, policy, (place, edit), *foreign, when).await?;
                    done.foreign.push(place.0.clone());
                }
                Work::Named(hold, edit) => self.name(tx, hold, edit, when).await?,
            }
        }
        baseline::accept_statuses(tx, read.poll, &statuses).await?;
        Ok(done)
    }

    /// A write whose effect is open met a third value: nobody can tell what became of it, so a person is asked.
    async fn escalate(&self, tx: &mut Tx, examined: &Examined, id: &DecisionId, value: &str, policy: &Policy, when: Moment) -> Result<(), ExecutionError> {
        let Some(intent) = examined.intent(id) else { return Ok(()) };
        let why = format!("CROSSED: the platform shows {}, which is neither the old value nor the new one", value);
        // As an orphan it is unknown by now.
        if tx.decision(id).await?.is_some_and(|row| matches!(row.state, DecisionState::Dispatched { .. })) {
            self.finish(tx, id, "unknown", when).await?;
            ledger::unknown(tx, id, &json!({ "why": why }), when, None).await?;
        }
        ledger::advance(tx, id, Event::Escalate, &json!({ "why": why }), when).await?;
        let subject = intent.row.entity.as_ref().map_or_else(|| id.to_string(), ToString::to_string);
        let matter = Matter {
            kind: TicketKind::UnknownOutcome,
            alert: AlertKind::UnknownOutcome,
            title: format!("Nobody can tell what became of a change of {subject}"),
            subject,
            severity: Severity::Warning,
            why,
            waiting: Some(&intent.row),
            details: no_details(),
        };
        self.tell(tx, policy, matter, when).await.map(|_| ())
    }

    /// Writes the result of a decision's last request, as far as it has none that is final.
    async fn finish(&self, tx: &mut Tx, id: &DecisionId, result: &str, when: Moment) -> Result<(), ExecutionError> {
        let Some(last) = tx.dispatches_of(id).await?.pop() else { return Ok(()) };
        if last.result.is_none() || last.result.as_deref() == Some("unknown") {
            tx.finish_dispatch(&last.id, when.wall, result, last.answer.as_deref()).await?;
        }
        Ok(())
    }
}
