//! Changes that are asked for outright: where two contradict each other on one entity, more weight wins, and protection beats growth on a tie.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::change::{Change, Direction};
use crate::domain::entity::EntityKey;
use crate::domain::proposal::{Actor, Conflict, Dissent, LeftAlone, Round, Settled, Wave, Wish};

use super::ArbiterInput;
use super::voices::{Voice, budget_of, weights_in_words};

/// One side of a question about one entity.
struct Side<'a> {
    voice: &'a Voice<'a>,
    /// What it asks for; `None` for one that wants things to go on as they are.
    wish: Option<&'a Wish>,
}

impl Side<'_> {
    fn protects(&self) -> bool {
        self.wish.is_some_and(|wish| wish.change.direction() == Direction::Protective)
    }

    /// The stronger side first.
    fn stronger(&self, other: &Self) -> Ordering {
        let weight = if self.voice.ties_with(other.voice) { Ordering::Equal } else { other.voice.weight.total_cmp(&self.voice.weight) };
        weight.then(other.protects().cmp(&self.protects())).then_with(|| self.voice.agent().cmp(other.voice.agent()))
    }

    fn wanted(&self) -> String {
        self.wish.map_or_else(|| "to let it run".to_owned(), |wish| in_words(&wish.change))
    }

    fn agrees_with(&self, other: &Self) -> bool {
        self.wish.map(|wish| &wish.change) == other.wish.map(|wish| &wish.change)
    }
}

/// What came of the changes asked for outright.
#[derive(Default)]
pub(super) struct Outright {
    pub settled: Vec<Settled>,
    pub conflicts: Vec<Conflict>,
    pub left_alone: Vec<LeftAlone>,
    /// Entities and budgets on which something is settled: nothing else may be done to them in this settlement.
    pub claimed: BTreeSet<EntityKey>,
}

/// A change in a few words.
pub(super) fn in_words(change: &Change) -> String {
    match change {
        Change::Budget { from, to, .. } => format!("set the budget from {from} to {to}"),
        Change::Status { from, to, .. } | Change::PartStatus { from, to, .. } => format!("set the status from {} to {}", from.name(), to.name()),
        Change::Bid { .. } => "change the bid".to_owned(),
        Change::BidStrategy { .. } => "change the bid strategy".to_owned(),
        Change::Targeting { .. } => "change the targeting".to_owned(),
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => {
            "create something new".to_owned()
        }
    }
}

/// Settles the agents' outright changes beside the pins.
pub(super) fn settle(input: &ArbiterInput<'_>, voices: &[Voice<'_>]) -> Outright {
    let mut outright = Outright::default();
    for pin in &input.pins {
        if let Some(entity) = pin.wish.change.entity() {
            outright.claimed.insert(entity.clone());
        }
    }
    let pinned = outright.claimed.clone();
    let mut questions: BTreeMap<EntityKey, Vec<Side<'_>>> = BTreeMap::new();
    for voice in voices {
        for wish in &voice.proposal.wishes {
            match wish.change.entity() {
                _ if !may_be_asked(input.round, &wish.change) => {
                    let entity = wish.change.entity().cloned();
                    let why = "PROTECTIVE_ROUND: only reductions, pauses and restores are settled now".to_owned();
                    outright.left_alone.extend(entity.map(|entity| LeftAlone { entity, why }));
                }
                Some(entity) => questions.entry(entity.clone()).or_default().push(Side { voice, wish: Some(wish) }),
                None => outright.settled.push(settled(voice, wish, Vec::new())),
            }
        }
    }
    for (entity, mut sides) in questions {
        let objectors = voices.iter().filter(|voice| sides.iter().any(Side::protects) && wants_it_to_run(input, voice, &entity));
        let objectors: Vec<&Voice<'_>> = objectors.filter(|voice| !sides.iter().any(|side| side.voice.agent() == voice.agent())).collect();
        sides.extend(objectors.into_iter().map(|voice| Side { voice, wish: None }));
        sides.sort_by(Side::stronger);
        decide(input, &mut outright, &pinned, entity, &sides);
    }
    outright
}

fn decide(input: &ArbiterInput<'_>, outright: &mut Outright, pinned: &BTreeSet<EntityKey>, entity: EntityKey, sides: &[Side<'_>]) {
    let Some(winner) = sides.first() else { return };
    let pin = pinned.contains(&entity);
    let losers = sides.iter().filter(|side| if pin { side.wish.is_some() } else { !side.agrees_with(winner) });
    let dissent: Vec<Dissent> = losers
        .map(|side| Dissent {
            agent: side.voice.agent().clone(),
            wanted: side.wanted(),
            direction: side.wish.map_or(Direction::Growth, |wish| wish.change.direction()),
            price: price(input, side, &entity),
            reason: side.wish.map_or_else(|| objection(input, side.voice, &entity), |wish| wish.reason.clone()),
        })
        .collect();
    if !dissent.is_empty() {
        let tied = sides.iter().any(|side| !side.agrees_with(winner) && side.voice.ties_with(winner.voice));
        let how = if tied { "equal weight, protection before growth" } else { "more weight wins" };
        outright.conflicts.push(Conflict {
            entity: entity.clone(),
            settled: if pin { "as a person or an approval asked".to_owned() } else { winner.wanted() },
            winner: (!pin).then(|| winner.voice.agent().clone()),
            method: if pin { "a pin may not be altered".to_owned() } else { format!("{how}; {}", weights_in_words(sides.iter().map(|side| side.voice))) },
            dissent: dissent.clone(),
        });
    }
    let Some(wish) = winner.wish.filter(|_| !pin) else { return };
    let budget = budget_of(input, &entity);
    if matches!(wish.change, Change::Budget { .. }) || input.curves.get(budget).is_none_or(|curve| curve.budget.members.len() <= 1) {
        outright.claimed.insert(budget.clone());
    }
    outright.claimed.insert(entity);
    outright.settled.push(settled(winner.voice, wish, dissent));
}

fn settled(voice: &Voice<'_>, wish: &Wish, dissent: Vec<Dissent>) -> Settled {
    Settled {
        actor: Actor::Agent { agent: voice.agent().clone() },
        wish: wish.clone(),
        alternatives: vec![match wish.change.direction() {
            Direction::Protective => "leave it as it is: costs more than it brings".to_owned(),
            Direction::Growth | Direction::Neutral => "leave it as it is: nothing is learned and nothing gained".to_owned(),
        }],
        dissent,
        wave: Wave::First,
        change_set: None,
    }
}

fn may_be_asked(round: Round, change: &Change) -> bool {
    match round {
        Round::Allocation => true,
        Round::Protective => change.direction() == Direction::Protective || matches!(change, Change::Status { .. }),
    }
}

/// Whether an agent without a wish of its own would rather have the entity run at about what it is given.
fn wants_it_to_run(input: &ArbiterInput<'_>, voice: &Voice<'_>, entity: &EntityKey) -> bool {
    let Some(curve) = input.curves.get(entity) else { return false };
    let now = curve.amounts.get(curve.amounts.len() / 2).copied().unwrap_or(0.0);
    voice.objective(curve).is_some_and(|objective| objective.ideal.estimate() >= (1.0 - super::DEAD_BAND) * now)
}

fn objection(input: &ArbiterInput<'_>, voice: &Voice<'_>, entity: &EntityKey) -> String {
    input.curves.get(entity).and_then(|curve| voice.objective(curve)).map_or_else(String::new, |objective| objective.reason.clone())
}

/// A loser's value a day where it wanted to be, less its value where it is; never negative.
fn price(input: &ArbiterInput<'_>, side: &Side<'_>, entity: &EntityKey) -> f64 {
    let Some(curve) = input.curves.get(entity) else { return 0.0 };
    let Some(objective) = side.voice.objective(curve) else { return 0.0 };
    let now = curve.amounts.get(curve.amounts.len() / 2).copied().unwrap_or(0.0);
    let running = curve.at(&objective.value, now);
    // No delivery is worth nothing: whoever loses the pause keeps what the budget falls short of its limit by, whoever loses delivery loses its value.
    let short = objective.margin.unit * now - curve.at(&curve.revenue.mean, now);
    if side.protects() { short.max(-running).max(0.0) } else { running.max(0.0) }
}
