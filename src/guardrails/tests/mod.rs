//! Every rule fires where it must and passes where it must not; then what holds over whole settlements.

mod each_rule;
mod people;
mod properties;
mod room;
mod sums;
mod world;

use super::check::judge;
use super::judged::Judged;
use crate::domain::proposal::Settled;
use crate::domain::verdict::Ruling;
use world::World;

fn judged(world: &World, settled: Vec<Settled>) -> Judged {
    judge(settled, Vec::new(), Vec::new(), &world.situation())
}

/// What became of one change, and the codes of the rules that did not pass.
fn fate(world: &World, settled: Settled) -> (&'static str, Vec<String>) {
    let judged = judged(world, vec![settled]);
    let (name, ruled) = match (judged.cleared(), judged.escalated(), judged.denied(), judged.left_alone()) {
        ([one], [], [], []) => ("cleared", one),
        ([], [one], [], []) => ("escalated", one),
        ([], [], [one], []) => ("denied", one),
        ([], [], [], [left]) => return ("later", vec![left.why.split(':').next().unwrap_or_default().to_owned()]),
        other => panic!("one change became {other:?}"),
    };
    let codes = ruled.verdicts().iter().filter(|verdict| verdict.ruling != Ruling::Pass).map(|verdict| verdict.rule.to_string()).collect();
    (name, codes)
}

#[test]
fn the_healthy_world_lets_an_agent_move_a_budget_by_a_step() {
    assert_eq!(fate(&World::new(), world::set(world::agent("scale"), "meta/1", "115")), ("cleared", vec![]));
    assert_eq!(fate(&World::new(), world::set(world::agent("eff"), "meta/1", "85")), ("cleared", vec![]));
    assert_eq!(fate(&World::new(), world::pause(world::agent("eff"), "meta/1")), ("cleared", vec![]));
}
