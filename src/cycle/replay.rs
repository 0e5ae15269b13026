//! Replay: a stored round's pure stages are run again on what it saw, and the answer is compared with what was recorded.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::stage::{Circumstances, RoundKind, Stage};
use super::{CycleError, ENGINE, pool_view, view_hash};
use crate::agents::{self, AgentInput};
use crate::domain::ids::RoundId;
use crate::domain::policy::Policy;
use crate::domain::proposal::{Actor, Settled};
use crate::domain::verdict::Verdict;
use crate::guardrails::Ruled;
use crate::ledger::{DecisionBody, LedgerError, StoredRound, load_round};
use crate::observe::{Observed, view_at};
use crate::store::{Store, StoreError, Tx};

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The round.
    pub round: RoundId,
    /// Whether the views are the same to the byte; nothing else can be when they are not.
    pub same_view: bool,
    /// The build that decided, when it is not this one.
    pub other_engine: Option<String>,
    /// Decisions compared.
    pub decisions: usize,
    /// What differs, a line each; empty: the same settlement and verdicts.
    pub differences: Vec<String>,
}

impl ReplayReport {
    /// Whether settlement and verdicts came out the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.same_view && self.differences.is_empty()
    }

    /// As the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "same": self.is_same(), "report": self })
    }
}

/// Runs the round again under its own policy.
///
/// # Errors
/// [`CycleError`] when the round, its policy or what it saw cannot be read.
pub async fn replay(store: &Store, round: &RoundId) -> Result<ReplayReport, CycleError> {
    under(store, round, None).await
}

/// Runs the round again, under another policy when one is given: the differences are then what it would have decided otherwise.
///
/// # Errors
/// As [`replay`].
pub async fn under(store: &Store, round: &RoundId, other: Option<&Policy>) -> Result<ReplayReport, CycleError> {
    let (stored, circumstances, views) = store
        .read(|mut tx| async move {
            let stored = load_round(&mut tx, round).await?;
            let circumstances: Circumstances = serde_json::from_value(stored.beliefs.get("circumstances").cloned().unwrap_or_default())
                .map_err(|error| StoreError::Corrupt { table: "round", id: round.to_string(), what: format!("circumstances: {error}") })?;
            let views = views(&mut tx, &stored, &circumstances).await?;
            Ok::<_, CycleError>((stored, circumstances, views))
        })
        .await?;
    let same_view = view_hash(&views) == stored.view_hash;
    let policy = other.unwrap_or(&stored.policy);
    let kind = circumstances.kind;
    let view = pool_view(policy, &stored.pool, views, circumstances.members.clone())?;
    let stage = Stage { policy, view, books: stored.books.clone(), pins: stored.pins.clone(), now: stored.now, circumstances };
    let prepared = stage.prepare();
    let mut proposals = Vec::new();
    if let RoundKind::Agents(round) = kind {
        let question = stage.question(&prepared, round);
        for (id, agent) in policy.agents.iter().filter(|(id, agent)| agent.pool == stored.pool && !stage.circumstances.abstained.contains_key(*id)) {
            proposals.push(agents::propose(&AgentInput {
                id,
                policy: agent,
                view: &question.view,
                curves: &question.curves,
                books: &question.books,
                bounds: &question.bounds,
                volatile: question.volatile,
                round,
                now: question.now,
            }));
        }
    }
    let judged = stage.judge(&prepared, proposals)?;
    let again: Vec<&Ruled> = judged.cleared().iter().chain(judged.escalated()).chain(judged.denied()).collect();
    let mut differences = compare(&stored, &again)?;
    if judged.left_alone() != stored.left_alone.as_slice() {
        differences.push(format!("left alone: {} then, {} now, with other reasons", stored.left_alone.len(), judged.left_alone().len()));
    }
    if judged.waiting().len() != stored.waiting {
        differences.push(format!("waiting for funding: {} then, {} now", stored.waiting, judged.waiting().len()));
    }
    let other_engine = (stored.engine != ENGINE).then(|| stored.engine.clone());
    Ok(ReplayReport { round: *round, same_view, other_engine, decisions: stored.decisions.len(), differences })
}

async fn views(tx: &mut Tx, stored: &StoredRound, circumstances: &Circumstances) -> Result<Vec<Arc<crate::domain::view::AccountView>>, CycleError> {
    let accounts = stored.policy.pools.get(&stored.pool).map(|pool| pool.members.accounts.clone()).unwrap_or_default();
    let mut views = Vec::new();
    for account in accounts {
        let (Some(seq), Some(settings)) = (stored.polls.get(&account), stored.policy.accounts.get(&account)) else { continue };
        let poll = tx.poll_at(&account, *seq).await?.ok_or_else(|| LedgerError::Missing { what: "read", id: format!("{account} number {seq}") })?;
        let observed = Observed {
            account: account.clone(),
            platform: settings.platform,
            currency: settings.currency,
            time_zone: settings.time_zone,
            sandbox: settings.sandbox,
            tracking_minimum: tracking_minimum(&stored.policy),
        };
        let figures_at = circumstances.figures_at.get(&account).copied().flatten();
        views.push(Arc::new(view_at(tx, &observed, &stored.policy, &poll, figures_at).await?));
    }
    Ok(views)
}

/// Share of the expected conversions below which tracking is broken, as observers take it.
#[must_use]
pub fn tracking_minimum(policy: &Policy) -> f64 {
    rust_decimal::prelude::ToPrimitive::to_f64(&policy.workspace.tracking_min_pct).unwrap_or(100.0) / 100.0
}

/// Compares what was recorded with what comes out now. An approved ticket moves its own, older decision, so those are left out on both sides; a
/// verdict that fresh rows added inside the recording transaction is no difference of the pure stages.
fn compare(stored: &StoredRound, again: &[&Ruled]) -> Result<Vec<String>, CycleError> {
    let mut then: Vec<(Settled, Vec<Verdict>)> = Vec::new();
    for row in &stored.decisions {
        let body = DecisionBody::of(row)?;
        then.push((body.settled, body.verdicts));
    }
    let mut now: Vec<&&Ruled> = again.iter().filter(|ruled| !matches!(ruled.settled().actor, Actor::Approval { .. })).collect();
    let mut differences = Vec::new();
    for (settled, verdicts) in &then {
        if matches!(settled.actor, Actor::Approval { .. }) {
            continue;
        }
        let at = now.iter().position(|ruled| ruled.settled().wish.change == settled.wish.change && ruled.settled().actor == settled.actor);
        let Some(at) = at else {
            differences.push(format!("then only: {} by {}", describe(settled), settled.actor.name()));
            continue;
        };
        let ruled = now.remove(at);
        if ruled.settled() != settled {
            differences.push(format!("other reasons for {}: `{}` then, `{}` now", describe(settled), settled.wish.reason, ruled.settled().wish.reason));
        }
        if !verdicts.starts_with(ruled.verdicts()) {
            differences.push(format!("other verdicts on {}", describe(settled)));
        }
    }
    differences.extend(now.iter().map(|ruled| format!("now only: {} by {}", describe(ruled.settled()), ruled.settled().actor.name())));
    Ok(differences)
}

fn describe(settled: &Settled) -> String {
    let entity = settled.wish.change.entity().map_or_else(|| settled.wish.change.account().to_string(), ToString::to_string);
    format!("{} {entity}", settled.wish.change.action().name())
}
