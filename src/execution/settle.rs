//! Pure rulings over what a read of the platform shows: may a change go out, has it arrived, did somebody else change the value, and what an
//! answer proves. Nothing here reads a clock, a row or the network.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::ProductTime;
use crate::domain::change::Change;
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::money::Money;
use crate::platforms::{Accepted, Inventory, PlatformError, Sight};

/// Reads beyond the settle window that must all show the old value before an unknown outcome counts as failed.
pub const READS_TO_FAIL: u32 = 2;

/// A value that a change sets and a read shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "field", content = "value")]
pub enum Value {
    /// A daily budget.
    Budget(Money),
    /// What the owner set.
    Status(RunStatus),
}

impl Value {
    /// The value for people: an amount or a status.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Budget(amount) => amount.to_string(),
            Self::Status(status) => status.name().to_owned(),
        }
    }
}

/// One field of one entity that can be set: the unit of order, drift and holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The daily budget.
    Budget,
    /// The status.
    Status,
}

/// What a change wants, where a read can show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim<'a> {
    /// The entity whose value it is.
    pub entity: &'a EntityKey,
    /// Which of its values.
    pub field: Field,
    /// What the change expects to find.
    pub from: Value,
    /// What the change sets.
    pub to: Value,
}

/// What `change` wants; `None` for changes whose effect an inventory does not show.
#[must_use]
pub fn aim(change: &Change) -> Option<Aim<'_>> {
    match change {
        Change::Budget { budget, from, to } => Some(Aim { entity: &budget.key, field: Field::Budget, from: Value::Budget(*from), to: Value::Budget(*to) }),
        Change::Status { entity, from, to } => Some(Aim { entity, field: Field::Status, from: Value::Status(*from), to: Value::Status(*to) }),
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

/// What a read shows of one field; `None` when the entity is not there any more.
#[must_use]
pub fn shown(inventory: &Inventory, entity: &EntityKey, field: Field) -> Option<Value> {
    match field {
        Field::Budget => inventory.budgets.iter().find(|budget| budget.budget.key == *entity).map(|budget| Value::Budget(budget.amount)),
        Field::Status => inventory.campaigns.iter().find(|campaign| campaign.key == *entity).map(|campaign| Value::Status(campaign.status)),
    }
}

/// What the read before a write allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The value the change expects stands there: it may go out.
    AsExpected,
    /// The value it would set stands there already: nothing to send.
    AlreadyThere,
    /// Another value of ours stands there: the change was made for a state that has passed, or the read is behind.
    Outdated(Value),
    /// A value we never set stands there.
    Foreign(Value),
    /// The entity is gone.
    Gone,
}

/// Judges the read before a write. `ours` are the targets of our last 24 h in this field.
#[must_use]
pub fn before(aim: &Aim<'_>, ours: &[Value], shown: Option<Value>) -> Before {
    match shown {
        None => Before::Gone,
        Some(value) if value == aim.from => Before::AsExpected,
        Some(value) if value == aim.to => Before::AlreadyThere,
        Some(value) if ours.contains(&value) => Before::Outdated(value),
        Some(value) => Before::Foreign(value),
    }
}

/// When a read happened, against the write it is to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAt {
    /// When the read began.
    pub at: ProductTime,
    /// From when on a new value must be visible: the end of the settle window.
    pub visible_by: ProductTime,
    /// Earlier reads that began beyond `visible_by` and showed the old value.
    pub old_reads: u32,
}

/// What a read says of a write whose effect is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The new value is there: applied.
    Visible,
    /// The old value within the settle window: not visible yet.
    NotYet,
    /// The old value beyond the window, but not often enough to be sure.
    StillOld,
    /// The old value in [`READS_TO_FAIL`] reads beyond the window: it was not executed.
    NotExecuted,
    /// A third value that is not ours: somebody else has been here.
    Foreign(Value),
    /// The entity is gone.
    Gone,
}

/// Judges a read after a write. `ours` are the targets of our last 24 h in this field; another value of ours is an old one, for of one entity only one
/// write is open at a time.
#[must_use]
pub fn after(aim: &Aim<'_>, ours: &[Value], shown: Option<Value>, read: ReadAt) -> After {
    match shown {
        None if read.at < read.visible_by => After::NotYet,
        None => After::Gone,
        Some(value) if value == aim.to => After::Visible,
        Some(value) if value == aim.from || ours.contains(&value) => {
            if read.at < read.visible_by {
                After::NotYet
            } else if read.old_reads + 1 >= READS_TO_FAIL {
                After::NotExecuted
            } else {
                After::StillOld
            }
        }
        Some(value) => After::Foreign(value),
    }
}

/// What a look of its own says of a write that no whole read shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has taken effect; what it made, where it made something.
    Done(Option<EntityKey>),
    /// Not visible yet, within the settle window or while the platform is at work.
    NotYet,
    /// As before, beyond the window, but not often enough to be sure.
    StillOld,
    /// As before, in [`READS_TO_FAIL`] looks beyond the window: it was not executed.
    NotExecuted,
    /// The platform failed at it, in its own words.
    Failed(String),
    /// Somebody else has been here; what stands there, in words.
    Foreign(String),
    /// The entity is gone.
    Gone,
}

/// Judges a look after a write. Mirrors [`after`]: no single look ever fails a write.
#[must_use]
pub fn seen(sight: &Sight, read: ReadAt) -> Seen {
    let early = read.at < read.visible_by;
    match sight {
        Sight::Done { created } => Seen::Done(created.clone()),
        Sight::Working => Seen::NotYet,
        Sight::Failed(why) => Seen::Failed(why.clone()),
        Sight::Before | Sight::Gone if early => Seen::NotYet,
        Sight::Gone => Seen::Gone,
        Sight::Before if read.old_reads + 1 >= READS_TO_FAIL => Seen::NotExecuted,
        Sight::Before => Seen::StillOld,
        Sight::Other(what) => Seen::Foreign(what.clone()),
    }
}

/// What a read says of a field in which nothing of ours is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// The value we know.
    None,
    /// A target of ours: a late effect or a read that is behind.
    Ours(Value),
    /// A value that is neither known nor ours.
    Foreign(Value),
}

/// Judges a read where nothing of ours is open. `known` is the value last accepted.
#[must_use]
pub fn drift(known: Value, ours: &[Value], shown: Value) -> Drift {
    if shown == known {
        Drift::None
    } else if ours.contains(&shown) {
        Drift::Ours(shown)
    } else {
        Drift::Foreign(shown)
    }
}

/// What a platform's answer to a write proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took the change; a read will show it.
    Accepted,
    /// It did nothing, for certain: the same decision may be sent again after the wait.
    NotExecuted {
        /// How long to wait, in wall time.
        wait: Duration,
        /// Why, opening with a stable code.
        why: String,
    },
    /// It refused the change for good.
    Refused(String),
    /// It refused our credentials: the account stops and a person is asked.
    Credentials(String),
    /// Its advertising policy refused the change.
    Policy(String),
    /// Nothing is proven: only reading settles it.
    Unknown(String),
}

impl Answer {
    /// The text it is recorded with; opens with a stable code.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::NotExecuted { why, .. } | Self::Refused(why) | Self::Credentials(why) | Self::Policy(why) | Self::Unknown(why) => why,
        }
    }
}

/// Shortest wait before another attempt of a write that was not sent at all.
const NOT_SENT_WAIT: Duration = Duration::from_secs(1);

/// What an answer proves. Whatever is not an explicit word of the platform proves nothing.
#[must_use]
pub fn classify(answer: &Result<Accepted, PlatformError>) -> Answer {
    let error = match answer {
        Ok(_) => return Answer::Accepted,
        Err(error) => error,
    };
    let why = error.to_string();
    match error {
        PlatformError::Quota { wait, .. } => Answer::NotExecuted { wait: *wait, why },
        PlatformError::NotSent(_) => Answer::NotExecuted { wait: NOT_SENT_WAIT, why },
        PlatformError::Auth(_) | PlatformError::Permission(_) => Answer::Credentials(why),
        PlatformError::Policy(_) => Answer::Policy(why),
        PlatformError::Validation(_) | PlatformError::NotFound(_) | PlatformError::Conflict(_) | PlatformError::Unsupported(_) => Answer::Refused(why),
        PlatformError::Transient(_) | PlatformError::Unknown(_) => Answer::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::Currency;

    fn usd(units: i64) -> Value {
        Value::Budget(Money::from_units(units, Currency::USD).expect("small"))
    }

    fn key() -> EntityKey {
        "a:campaign:1".parse().expect("a key")
    }

    fn at(ms: i64, old_reads: u32) -> ReadAt {
        ReadAt { at: ProductTime::from_ms(ms), visible_by: ProductTime::from_ms(1_000), old_reads }
    }

    #[test]
    fn only_the_expected_value_lets_a_write_out() {
        let key = key();
        let aim = Aim { entity: &key, field: Field::Budget, from: usd(100), to: usd(120) };
        assert_eq!(before(&aim, &[], Some(usd(100))), Before::AsExpected);
        assert_eq!(before(&aim, &[], Some(usd(120))), Before::AlreadyThere);
        assert_eq!(before(&aim, &[usd(90)], Some(usd(90))), Before::Outdated(usd(90)));
        assert_eq!(before(&aim, &[usd(90)], Some(usd(77))), Before::Foreign(usd(77)));
        assert_eq!(before(&aim, &[], None), Before::Gone);
    }

    #[test]
    fn an_old_value_fails_a_write_only_in_two_reads_beyond_the_window() {
        let key = key();
        let aim = Aim { entity: &key, field: Field::Budget, from: usd(100), to: usd(120) };
        assert_eq!(after(&aim, &[], Some(usd(100)), at(999, 7)), After::NotYet);
        assert_eq!(after(&aim, &[], Some(usd(100)), at(1_000, 0)), After::StillOld);
        assert_eq!(after(&aim, &[], Some(usd(100)), at(1_001, 1)), After::NotExecuted);
        assert_eq!(after(&aim, &[], Some(usd(120)), at(1, 0)), After::Visible);
        assert_eq!(after(&aim, &[], Some(usd(55)), at(1, 0)), After::Foreign(usd(55)));
        assert_eq!(after(&aim, &[], None, at(1, 0)), After::NotYet);
        assert_eq!(after(&aim, &[], None, at(1_000, 0)), After::Gone);
    }

    #[test]
    fn only_an_explicit_word_of_the_platform_allows_another_attempt() {
        let quota = PlatformError::Quota { wait: Duration::from_secs(3), what: "app".into() };
        assert!(matches!(classify(&Err(quota)), Answer::NotExecuted { wait, .. } if wait == Duration::from_secs(3)));
        assert!(matches!(classify(&Err(PlatformError::NotSent("refused".into()))), Answer::NotExecuted { .. }));
        for open in [PlatformError::Unknown("cut".into()), PlatformError::Transient("500".into())] {
            assert!(matches!(classify(&Err(open)), Answer::Unknown(_)));
        }
        for final_word in [PlatformError::Validation("no".into()), PlatformError::NotFound("no".into()), PlatformError::Conflict("no".into())] {
            assert!(matches!(classify(&Err(final_word)), Answer::Refused(_)));
        }
        assert!(matches!(classify(&Err(PlatformError::Auth("no".into()))), Answer::Credentials(_)));
        assert!(matches!(classify(&Err(PlatformError::Policy("no".into()))), Answer::Policy(_)));
    }

    #[test]
    fn a_creation_fails_only_in_two_looks_beyond_the_window_and_never_while_the_platform_is_at_work() {
        assert_eq!(seen(&Sight::Before, at(999, 7)), Seen::NotYet);
        assert_eq!(seen(&Sight::Before, at(1_000, 0)), Seen::StillOld);
        assert_eq!(seen(&Sight::Before, at(1_001, 1)), Seen::NotExecuted);
        assert_eq!(seen(&Sight::Working, at(9_000, 9)), Seen::NotYet);
        assert_eq!(seen(&Sight::Gone, at(999, 9)), Seen::NotYet);
        assert_eq!(seen(&Sight::Gone, at(1_000, 0)), Seen::Gone);
        assert_eq!(seen(&Sight::Done { created: Some(key()) }, at(1, 0)), Seen::Done(Some(key())));
        assert_eq!(seen(&Sight::Other("paused".into()), at(1, 0)), Seen::Foreign("paused".into()));
    }

    proptest! {
        #[test]
        fn a_value_is_foreign_only_when_it_is_neither_known_nor_ours(known in 1_i64..9, shown in 1_i64..9, ours in prop::collection::vec(1_i64..9, 0..4)) {
            let ours: Vec<Value> = ours.into_iter().map(usd).collect();
            let foreign = matches!(drift(usd(known), &ours, usd(shown)), Drift::Foreign(_));
            prop_assert_eq!(foreign, shown != known && !ours.contains(&usd(shown)));
        }

        #[test]
        fn no_single_read_ever_fails_a_write(from in 1_i64..9, to in 1_i64..9, shown in 1_i64..9, ms in 0_i64..5_000) {
            let key = key();
            let aim = Aim { entity: &key, field: Field::Budget, from: usd(from), to: usd(to) };
            prop_assert_ne!(after(&aim, &[], Some(usd(shown)), at(ms, 0)), After::NotExecuted);
        }
    }
}
