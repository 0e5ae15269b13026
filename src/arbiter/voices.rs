//! Who is heard, with what weight: configured priority times a track record that starts at one half and is earned.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;

use crate::domain::books::TrackRecord;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::ids::AgentId;
use crate::domain::proposal::{Objective, Proposal};
use crate::learning::Yardstick;

use super::ArbiterInput;

/// Outcomes' worth of doubt: so many scored outcomes count as much as having none.
const DOUBT: f64 = 20.0;

/// One agent that is heard.
pub(super) struct Voice<'a> {
    pub proposal: &'a Proposal,
    /// Above 0; compared and shared out, never shown alone.
    pub weight: f64,
    /// How its goal measures; `None` when nothing is known yet.
    pub yardstick: Option<Yardstick>,
    objectives: BTreeMap<&'a EntityKey, &'a Objective>,
}

impl<'a> Voice<'a> {
    pub(super) fn agent(&self) -> &AgentId {
        &self.proposal.agent
    }

    /// Its objective for a budget, unless that is malformed.
    pub(super) fn objective(&self, curve: &CampaignCurve) -> Option<&'a Objective> {
        let sound = |objective: &&'a Objective| objective.value.len() == curve.amounts.len() && objective.value.iter().all(|value| value.is_finite());
        self.objectives.get(&curve.budget.key).copied().filter(sound)
    }

    /// Whether it weighs as much as `other`, within the noise of the arithmetic.
    pub(super) fn ties_with(&self, other: &Self) -> bool {
        (self.weight - other.weight).abs() <= 1e-9 * self.weight.max(other.weight)
    }
}

/// All agents that the policy knows and nobody has terminated, by name.
pub(super) fn voices<'a>(input: &'a ArbiterInput<'_>) -> Vec<Voice<'a>> {
    let mut voices: Vec<Voice<'a>> = input
        .proposals
        .iter()
        .filter(|proposal| !input.books.terminated.contains(&proposal.agent))
        .filter_map(|proposal| {
            let policy = input.policy.agents.get(&proposal.agent)?;
            let weight = policy.priority.to_f64()? * record(input, &proposal.agent).shrunk(DOUBT);
            let objectives = proposal.objectives.iter().map(|objective| (&objective.budget.key, objective)).collect();
            (weight > 0.0).then(|| Voice { proposal, weight, yardstick: Yardstick::of(&policy.goal, input.curves.values()), objectives })
        })
        .collect();
    voices.sort_by(|a, b| a.agent().cmp(b.agent()));
    voices.dedup_by(|a, b| a.agent() == b.agent());
    voices
}

fn record(input: &ArbiterInput<'_>, agent: &AgentId) -> TrackRecord {
    let kinds = input.books.track.get(agent).into_iter().flat_map(|kinds| kinds.values());
    kinds.fold(TrackRecord::default(), |sum, one| TrackRecord { scored: sum.scored + one.scored, right: sum.right + one.right, ..sum })
}

/// How weights stand, in words.
pub(super) fn weights_in_words<'v>(voices: impl Iterator<Item = &'v Voice<'v>> + Clone) -> String {
    let sum: f64 = voices.clone().map(|voice| voice.weight).sum();
    let shares: Vec<String> = voices.map(|voice| format!("{} {:.2}", voice.agent(), voice.weight / sum)).collect();
    format!("priority times track record: {}", shares.join(", "))
}

/// The budget that pays for `entity`: itself, or the one that counts it among its members.
pub(super) fn budget_of<'a>(input: &'a ArbiterInput<'_>, entity: &'a EntityKey) -> &'a EntityKey {
    if input.curves.contains_key(entity) {
        return entity;
    }
    input.curves.values().find(|curve| curve.budget.members.contains(entity)).map_or(entity, |curve| &curve.budget.key)
}
