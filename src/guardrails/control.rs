//! Who may act at all: pauses, terminated agents, tripped breakers, holds and writes whose outcome is not known.

use super::facts::Facts;
use super::rule::{Finding, Found};
use crate::domain::entity::EntityKey;

pub(super) fn paused(facts: &Facts<'_>) -> Found {
    let scopes = facts.scopes()?;
    Ok(match scopes.iter().find(|scope| facts.books.paused.contains(scope)) {
        Some(scope) => Finding::Deny(format!("paused={scope}")),
        None => Finding::Pass(format!("scopes={}", scopes.len())),
    })
}

pub(super) fn terminated(facts: &Facts<'_>) -> Found {
    Ok(match facts.actor.agent().filter(|agent| facts.books.terminated.contains(*agent)) {
        Some(agent) => Finding::Deny(format!("agent={agent}")),
        None => Finding::Pass("agent=running".to_owned()),
    })
}

pub(super) fn reducing(facts: &Facts<'_>) -> Found {
    Ok(match facts.scopes()?.iter().find(|scope| facts.books.reducing.contains(scope)) {
        Some(scope) => Finding::Deny(format!("tripped={scope}; only reductions until a person re-arms it")),
        None => Finding::Pass("tripped=none".to_owned()),
    })
}

pub(super) fn hold(facts: &Facts<'_>) -> Found {
    let hit = facts.related.iter().find(|key| facts.books.held.contains(*key));
    Ok(on_entity(hit, "held"))
}

pub(super) fn unresolved(facts: &Facts<'_>) -> Found {
    let hit = facts.related.iter().find(|key| facts.books.unresolved.contains(*key));
    Ok(on_entity(hit, "unresolved"))
}

fn on_entity(hit: Option<&EntityKey>, what: &str) -> Finding {
    match hit {
        Some(key) => Finding::Deny(format!("{what}={key}")),
        None => Finding::Pass(format!("{what}=none")),
    }
}
