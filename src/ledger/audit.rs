//! The audit: does the log verify, does every projection follow from it, did every request have its decision before it? Reads only; needs no daemon.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::chain::Verifier;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{DecisionId, DispatchId};
use crate::store::Store;
use crate::store::Tx;
use crate::store::step::StepRow;

/// Entries read at a time.
const PAGE: u32 = 1_000;

/// What the audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Chains walked.
    pub chains: usize,
    /// Entries checked.
    pub entries: i64,
    /// Entries whose content was erased; their hashes still verify.
    pub erased: i64,
    /// Decisions followed through the log.
    pub decisions: usize,
    /// Requests that have a decision and a step before them.
    pub dispatches: usize,
    /// Everything that is wrong, each opening with a stable code.
    pub faults: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks a database that needs no daemon and is not written.
///
/// # Errors
/// [`LedgerError`] when it cannot be opened or read; what is wrong in it is in the report.
pub async fn verify_at(url: &str) -> Result<Report, LedgerError> {
    let store = Store::open_read_only(url).await?;
    let report = verify(&store).await;
    store.close().await;
    report
}

/// Walks every chain of `store` on one snapshot, rebuilds every projection from it and joins every request to its step.
///
/// # Errors
/// [`LedgerError`] when it cannot be read.
pub async fn verify(store: &Store) -> Result<Report, LedgerError> {
    store.read(|mut tx| async move { walk(&mut tx).await }).await
}

#[derive(Deserialize)]
struct StepBody {
    event: Event,
    detail: serde_json::Value,
}

#[derive(Default)]
struct Walk {
    report: Report,
    states: BTreeMap<DecisionId, DecisionState>,
    /// The decision whose step names each request; a body that was erased names none.
    dispatched: BTreeMap<DispatchId, DecisionId>,
    sends: BTreeMap<DecisionId, usize>,
}

async fn walk(tx: &mut Tx) -> Result<Report, LedgerError> {
    let mut walk = Walk::default();
    for shard in tx.shards().await? {
        walk.report.chains += 1;
        let mut verifier = Verifier::new(shard.id.as_str());
        let (mut after, mut sound) = (0, true);
        loop {
            let page = tx.chain_page(&shard.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for step in &page {
                walk.report.entries += 1;
                walk.report.erased += i64::from(step.body.is_none());
                if sound && let Err(fault) = verifier.next(&step.link(), &step.hash, step.body.as_deref()) {
                    walk.report.faults.push(fault.to_string());
                    sound = false;
                }
                walk.follow(step);
            }
        }
        if sound && let Err(fault) = verifier.end(shard.seq, &shard.head) {
            walk.report.faults.push(fault.to_string());
        }
    }
    walk.compare_states(tx).await?;
    walk.compare_dispatches(tx).await?;
    Ok(walk.report)
}

impl Walk {
    fn fault(&mut self, text: String) {
        self.report.faults.push(text);
    }

    /// Takes one step of the log through the state machine.
    fn follow(&mut self, step: &StepRow) {
        let Some(id) = step.subject.as_deref().and_then(|subject| subject.parse::<DecisionId>().ok()) else { return };
        let at = format!("entry {} of chain `{}`", step.seq, step.shard);
        let Some(state) = self.states.get(&id).copied() else {
            if step.kind == DecisionState::Proposed.name() {
                self.states.insert(id, DecisionState::Proposed);
            } else {
                self.fault(format!("STEP_ORPHAN: {at}: {id} is {} but was never proposed", step.kind));
            }
            return;
        };
        let body: Option<StepBody> = step.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let next = match &body {
            Some(body) => state.on(body.event).ok(),
            None => EVENTS.into_iter().filter_map(|event| state.on(event).ok()).find(|next| next.name() == step.kind),
        };
        let Some(next) = next.filter(|next| next.name() == step.kind) else {
            self.fault(format!("STEP_ILLEGAL: {at}: {id} went from {} to {}", state.name(), step.kind));
            return;
        };
        if matches!(next, DecisionState::Dispatched { .. }) {
            *self.sends.entry(id).or_default() += 1;
            if let Some(dispatch) = body.and_then(|body| serde_json::from_value(body.detail.get("dispatch")?.clone()).ok()) {
                self.dispatched.insert(dispatch, id);
            }
        }
        self.states.insert(id, next);
    }

    async fn compare_states(&mut self, tx: &mut Tx) -> Result<(), LedgerError> {
        let stored = tx.decision_states().await?;
        self.report.decisions = stored.len();
        for (id, state) in &stored {
            match self.states.remove(id) {
                None => self.fault(format!("DECISION_UNLOGGED: {id} has no entry in any chain")),
                Some(logged) if logged != *state => {
                    self.fault(format!(
                        "PROJECTION: {id} stands as {} ({}) but its log ends at {} ({})",
                        state.name(),
                        state.attempt(),
                        logged.name(),
                        logged.attempt()
                    ));
                }
                Some(_) => {}
            }
        }
        let lost: Vec<DecisionId> = self.states.keys().copied().collect();
        for id in lost {
            self.fault(format!("DECISION_LOST: {id} is in the log but not among the decisions"));
        }
        Ok(())
    }

    async fn compare_dispatches(&mut self, tx: &mut Tx) -> Result<(), LedgerError> {
        for (dispatch, decision) in tx.dispatch_links().await? {
            let Some(decision) = decision else {
                self.fault(format!("DISPATCH_UNDECIDED: request {dispatch} belongs to no decision"));
                continue;
            };
            self.report.dispatches += 1;
            match self.dispatched.remove(&dispatch) {
                Some(logged) if logged == decision => {}
                Some(logged) => self.fault(format!("DISPATCH_SWAPPED: request {dispatch} belongs to {decision} but was logged for {logged}")),
                None => {
                    // The step's content may have been erased; a step there must be.
                    let left = self.sends.get(&decision).copied().unwrap_or(0);
                    if left == 0 || self.report.erased == 0 {
                        self.fault(format!("DISPATCH_UNLOGGED: request {dispatch} of {decision} has no step before it"));
                    }
                }
            }
        }
        let lost: Vec<(DispatchId, DecisionId)> = std::mem::take(&mut self.dispatched).into_iter().collect();
        for (dispatch, decision) in lost {
            self.fault(format!("DISPATCH_LOST: request {dispatch} of {decision} is in the log but not among the requests"));
        }
        Ok(())
    }
}

const EVENTS: [Event; 16] = [
    Event::Withdraw,
    Event::Deny,
    Event::Escalate,
    Event::Authorise,
    Event::Approve,
    Event::Reject,
    Event::Expire,
    Event::Supersede,
    Event::Cancel,
    Event::Dispatch,
    Event::NotExecuted,
    Event::Apply,
    Event::Fail,
    Event::LoseSight,
    Event::Score,
    Event::Void,
];
