//! Pure comparison of one whole read of an account with what the rows say should stand there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::settle::{self, After, Aim, Drift, Field, READS_TO_FAIL, ReadAt, Seen, Value};
use crate::clock::ProductTime;
use crate::domain::entity::EntityKey;
use crate::domain::ids::DecisionId;
use crate::platforms::{Inventory, Sight};

/// How long a value we expected or set is still ours when a read shows it.
pub const OURS: TimeDelta = TimeDelta::hours(24);

/// One field of one entity.
pub type Place = (EntityKey, Field);

/// A write whose effect is open.
#[derive(Clone, Debug)]
pub struct OpenWrite<'a> {
    /// Its decision.
    pub decision: DecisionId,
    /// What it wants.
    pub aim: Aim<'a>,
    /// From when on its value must be visible.
    pub visible_by: ProductTime,
}

/// A write whose effect is open, and what a look of its own showed.
#[derive(Clone, Debug)]
pub struct Looked<'a> {
    /// Its decision.
    pub decision: DecisionId,
    /// What was seen.
    pub sight: &'a Sight,
    /// When the look began.
    pub at: ProductTime,
    /// From when on its effect must be visible.
    pub visible_by: ProductTime,
}

/// What the rows say of an account.
#[derive(Clone, Debug, Default)]
pub struct Rows<'a> {
    /// Values last accepted.
    pub known: BTreeMap<Place, Value>,
    /// Values that our writes of the last 24 h expected or set.
    pub ours: BTreeMap<Place, Vec<Value>>,
    /// Foreign values whose hold has ended: the next baseline.
    pub conceded: BTreeMap<Place, Value>,
    /// Writes whose effect is open, at most one a place.
    pub open: Vec<OpenWrite<'a>>,
    /// Writes whose effect is open and that only a look of their own shows.
    pub looked: Vec<Looked<'a>>,
    /// Until when values of ours may lag behind in a place we wrote last.
    pub settling: BTreeMap<Place, ProductTime>,
}

/// What earlier reads of this process saw that rows need not hold: how often something looked the same.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    old_reads: BTreeMap<DecisionId, u32>,
    lagging: BTreeMap<Place, (Value, u32)>,
}

/// One thing a read says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A write has arrived.
    Applied(DecisionId),
    /// A creation is there; what it made, where the platform names it.
    Made(DecisionId, Option<EntityKey>),
    /// A write was not executed; why.
    Failed(DecisionId, String),
    /// A write met a value of somebody else, in words; a place that a whole read shows is foreign, too.
    Crossed(DecisionId, String),
    /// A value is the baseline from now on: seen for the first time, conceded after a hold, or ours and here to stay.
    Baseline(Place, Value),
    /// Somebody else set a value.
    Foreign(Place, Foreign),
}

/// A foreign value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What stood there to our knowledge.
    pub known: Value,
    /// What stands there.
    pub shown: Value,
}

const NOT_EXECUTED: &str = "NOT_EXECUTED: the old value stands there after the settle window";
const GONE: &str = "GONE: the entity is not there any more";

/// Compares a read that began at `at` with the rows. `memory` counts what must be seen more than once.
pub fn compare(inventory: &Inventory, rows: &Rows<'_>, at: ProductTime, memory: &mut Memory) -> Vec<Finding> {
    let none: &[Value] = &[];
    let ours = |place: &Place| rows.ours.get(place).map_or(none, Vec::as_slice);
    let (mut findings, mut busy) = (Vec::new(), BTreeSet::new());
    let mut old_reads = BTreeMap::new();
    for looked in &rows.looked {
        let reads = memory.old_reads.get(&looked.decision).copied().unwrap_or(0);
        match settle::seen(looked.sight, ReadAt { at: looked.at, visible_by: looked.visible_by, old_reads: reads }) {
            Seen::Done(created) => findings.push(Finding::Made(looked.decision, created)),
            Seen::NotYet => {}
            Seen::StillOld => {
                old_reads.insert(looked.decision, reads + 1);
            }
            Seen::NotExecuted => findings.push(Finding::Failed(looked.decision, NOT_EXECUTED.to_owned())),
            Seen::Failed(why) => findings.push(Finding::Failed(looked.decision, format!("FAILED: {why}"))),
            Seen::Gone => findings.push(Finding::Failed(looked.decision, GONE.to_owned())),
            Seen::Foreign(what) => findings.push(Finding::Crossed(looked.decision, what)),
        }
    }
    for write in &rows.open {
        let place = (write.aim.entity.clone(), write.aim.field);
        let read = ReadAt { at, visible_by: write.visible_by, old_reads: memory.old_reads.get(&write.decision).copied().unwrap_or(0) };
        match settle::after(&write.aim, ours(&place), settle::shown(inventory, write.aim.entity, write.aim.field), read) {
            After::Visible => findings.push(Finding::Applied(write.decision)),
            After::NotYet => {}
            After::StillOld => {
                old_reads.insert(write.decision, read.old_reads + 1);
            }
            After::NotExecuted => findings.push(Finding::Failed(write.decision, NOT_EXECUTED.to_owned())),
            After::Gone => findings.push(Finding::Failed(write.decision, GONE.to_owned())),
            After::Foreign(value) => {
                findings.push(Finding::Crossed(write.decision, value.words()));
                continue;
            }
        }
        busy.insert(place);
    }
    memory.old_reads = old_reads;
    let mut lagging = BTreeMap::new();
    for (place, shown) in places(inventory) {
        let Some(known) = rows.known.get(&place).copied() else {
            findings.push(Finding::Baseline(place, shown));
            continue;
        };
        if busy.contains(&place) {
            continue;
        }
        match settle::drift(known, ours(&place), shown) {
            Drift::None => {}
            Drift::Ours(_) if rows.settling.get(&place).is_some_and(|until| at < *until) => {}
            Drift::Ours(value) => {
                let seen = memory.lagging.get(&place).filter(|(earlier, _)| *earlier == value).map_or(0, |(_, seen)| *seen) + 1;
                if seen >= READS_TO_FAIL {
                    findings.push(Finding::Baseline(place, value));
                } else {
                    lagging.insert(place, (value, seen));
                }
            }
            Drift::Foreign(value) if rows.conceded.get(&place) == Some(&value) => findings.push(Finding::Baseline(place, value)),
            Drift::Foreign(value) => findings.push(Finding::Foreign(place, Foreign { known, shown: value })),
        }
    }
    memory.lagging = lagging;
    findings
}

/// Every value a read shows, by place.
fn places(inventory: &Inventory) -> BTreeMap<Place, Value> {
    let budgets = inventory.budgets.iter().map(|budget| ((budget.budget.key.clone(), Field::Budget), Value::Budget(budget.amount)));
    let statuses = inventory.campaigns.iter().map(|campaign| ((campaign.key.clone(), Field::Status), Value::Status(campaign.status)));
    budgets.chain(statuses).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entity::RunStatus;
    use crate::execution::fixture::{inventory, key, usd};

    const WINDOW_END: ProductTime = ProductTime::from_ms(60_000);

    fn place() -> Place {
        (key(1), Field::Budget)
    }

    fn known(units: i64) -> Rows<'static> {
        let known = BTreeMap::from([(place(), Value::Budget(usd(units))), ((key(1), Field::Status), Value::Status(RunStatus::Active))]);
        Rows { known, ..Rows::default() }
    }

    fn id() -> DecisionId {
        "dec_01J00000000000000000000000".parse().expect("an id")
    }

    fn write(entity: &EntityKey) -> OpenWrite<'_> {
        let aim = Aim { entity, field: Field::Budget, from: Value::Budget(usd(100)), to: Value::Budget(usd(120)) };
        OpenWrite { decision: id(), aim, visible_by: WINDOW_END }
    }

    fn at(ms: i64) -> ProductTime {
        ProductTime::from_ms(ms)
    }

    #[test]
    fn what_is_seen_for_the_first_time_is_the_baseline() {
        let findings = compare(&inventory(&[(1, 100)]), &Rows::default(), at(0), &mut Memory::default());
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| matches!(finding, Finding::Baseline(..))));
    }

    #[test]
    fn a_value_nobody_here_set_is_foreign_until_its_hold_has_ended() {
        let (read, mut memory) = (inventory(&[(1, 77)]), Memory::default());
        let foreign = Foreign { known: Value::Budget(usd(100)), shown: Value::Budget(usd(77)) };
        assert_eq!(compare(&read, &known(100), at(0), &mut memory), vec![Finding::Foreign(place(), foreign)]);
        let conceded = Rows { conceded: BTreeMap::from([(place(), Value::Budget(usd(77)))]), ..known(100) };
        assert_eq!(compare(&read, &conceded, at(0), &mut memory), vec![Finding::Baseline(place(), Value::Budget(usd(77)))]);
    }

    #[test]
    fn an_old_value_of_ours_is_believed_only_when_it_stays() {
        let rows = Rows { ours: BTreeMap::from([(place(), vec![Value::Budget(usd(100)), Value::Budget(usd(120))])]), ..known(120) };
        let (stale, fresh, mut memory) = (inventory(&[(1, 100)]), inventory(&[(1, 120)]), Memory::default());
        assert!(compare(&stale, &rows, at(0), &mut memory).is_empty());
        assert!(compare(&fresh, &rows, at(1), &mut memory).is_empty());
        assert!(compare(&stale, &rows, at(2), &mut memory).is_empty(), "a fresh read in between starts the count again");
        assert_eq!(compare(&stale, &rows, at(3), &mut memory), vec![Finding::Baseline(place(), Value::Budget(usd(100)))]);
    }

    #[test]
    fn a_write_fails_after_two_old_reads_beyond_the_window_and_not_before() {
        let entity = key(1);
        let rows = Rows { open: vec![write(&entity)], ..known(100) };
        let (old, mut memory) = (inventory(&[(1, 100)]), Memory::default());
        for (ms, found) in [(59_999, 0), (60_000, 0), (60_001, 1)] {
            assert_eq!(compare(&old, &rows, at(ms), &mut memory).len(), found, "at {ms}");
        }
        assert_eq!(compare(&inventory(&[(1, 120)]), &rows, at(1), &mut memory), vec![Finding::Applied(id())]);
    }

    #[test]
    fn a_third_value_crosses_an_open_write_and_is_foreign() {
        let entity = key(1);
        let rows = Rows { open: vec![write(&entity)], ..known(100) };
        let findings = compare(&inventory(&[(1, 55)]), &rows, at(0), &mut Memory::default());
        assert!(matches!(findings.as_slice(), [Finding::Crossed(..), Finding::Foreign(..)]));
    }
}
