//! In which order the authorised decisions of an account go out: urgent ones first, and never out of order within one entity.

use std::collections::BTreeMap;

use crate::domain::change::Direction;
use crate::domain::entity::EntityKey;

/// What the order depends on.
pub trait Queued {
    /// The entity whose order it belongs to; `None` is the account itself.
    fn entity(&self) -> Option<&EntityKey>;
    /// Which way it moves spend.
    fn direction(&self) -> Direction;
}

/// Puts decisions, given in the order in which they were recorded, into the order in which they go out. An entity is as urgent as its most urgent
/// decision: what stands before a pause goes out before it, and neither waits for the growth of others.
#[must_use]
pub fn in_order<T: Queued>(recorded: Vec<T>) -> Vec<T> {
    let mut entities: BTreeMap<Option<EntityKey>, (Direction, usize)> = BTreeMap::new();
    for (place, item) in recorded.iter().enumerate() {
        let entry = entities.entry(item.entity().cloned()).or_insert((item.direction(), place));
        entry.0 = entry.0.min(item.direction());
    }
    let mut ordered: Vec<((Direction, usize), T)> = recorded.into_iter().map(|item| (entities[&item.entity().cloned()], item)).collect();
    ordered.sort_by_key(|(rank, _)| *rank);
    ordered.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::execution::fixture::key;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(Option<EntityKey>, Direction, usize);

    impl Queued for Item {
        fn entity(&self) -> Option<&EntityKey> {
            self.0.as_ref()
        }
        fn direction(&self) -> Direction {
            self.1
        }
    }

    fn items() -> impl Strategy<Value = Vec<Item>> {
        let direction = prop::sample::select(vec![Direction::Protective, Direction::Neutral, Direction::Growth]);
        prop::collection::vec((0_u32..4, direction), 0..12).prop_map(|drawn| {
            drawn.into_iter().enumerate().map(|(place, (entity, direction))| Item((entity > 0).then(|| key(entity)), direction, place)).collect()
        })
    }

    proptest! {
        #[test]
        fn within_an_entity_nothing_overtakes_and_nothing_is_lost(recorded in items()) {
            let ordered = in_order(recorded.clone());
            prop_assert_eq!(ordered.len(), recorded.len());
            for item in &recorded {
                let mine = |all: &[Item]| all.iter().filter(|other| other.0 == item.0).map(|other| other.2).collect::<Vec<_>>();
                prop_assert_eq!(mine(&ordered), mine(&recorded));
            }
        }

        #[test]
        fn an_entity_with_a_reduction_goes_before_one_without(recorded in items()) {
            let ordered = in_order(recorded);
            let urgent = |item: &Item| ordered.iter().any(|other| other.0 == item.0 && other.1 == Direction::Protective);
            let first_calm = ordered.iter().position(|item| !urgent(item)).unwrap_or(ordered.len());
            prop_assert!(ordered[first_calm..].iter().all(|item| !urgent(item)));
        }
    }
}
