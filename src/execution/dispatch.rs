//! One decision, one request: recorded first, sent once, its answer written down. Whatever proves nothing is left to reading.

use std::time::Duration;

use serde_json::json;

use super::asking::{Matter, no_details};
use super::baseline::{self, Intent};
use super::gate::{Permit, SEND_DEADLINE};
use super::settle::{Answer, classify};
use super::{ExecutionError, Held, Outbox, Read};
use crate::domain::alert::AlertKind;
use crate::domain::change::Change;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::entity::{EntityKey, Level, RunStatus};
use crate::domain::ids::DispatchId;
use crate::domain::policy::Policy;
use crate::domain::proposal::Actor;
use crate::domain::scope::Scope;
use crate::domain::ticket::{Severity, TicketKind};
use crate::guardrails;
use crate::ledger::{self, Claim, ClaimRequest, Claimed, Refusal};
use crate::platforms::{Accepted, Lane, PlatformError, WireRequest};
use crate::store::Tx;
use crate::store::dispatch::{DispatchRow, Purpose};
use crate::store::step::Moment;

/// Less time than this is not enough to send: the request is not even begun.
const LEAST: Duration = Duration::from_millis(250);

/// Guardrails about the platform's advertising policy: what they stop, people hear of.
const ADVERTISING_POLICY: [&str; 2] = ["POLICY_DISAPPROVED", "POLICY_DECLARATION"];

/// What became of one decision in one go at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// A request left; what the answer proves.
    Out(Answer),
    /// Nothing left: the last check in the recording transaction refused it, and says why.
    Refused(Refusal),
}

/// The scopes a write lies in; the workspace is around them all.
pub(super) fn scopes(intent: &Intent) -> Vec<Scope> {
    let mut scopes = vec![Scope::Account(intent.row.account.clone())];
    scopes.extend(intent.row.pool.clone().map(Scope::Pool));
    scopes.extend(intent.body.settled.actor.agent().cloned().map(Scope::Agent));
    let campaign = |key: &EntityKey| (key.level == Level::Campaign).then(|| Scope::Campaign(key.clone()));
    match intent.change() {
        Change::Budget { budget, .. } => scopes.extend(budget.members.iter().filter_map(campaign)),
        other => scopes.extend(other.campaign().and_then(campaign)),
    }
    scopes
}

/// Pauses and undos may use the reserve of the platform's limits.
pub(super) fn lane(intent: &Intent) -> Lane {
    match (&intent.body.settled.actor, intent.change()) {
        (Actor::Undo { .. }, _)
        | (_, Change::Status { to: RunStatus::Paused | RunStatus::Ended, .. } | Change::PartStatus { to: RunStatus::Paused | RunStatus::Ended, .. }) => {
            Lane::Urgent
        }
        (Actor::Agent { .. } | Actor::Person { .. } | Actor::Approval { .. } | Actor::Wave { .. }, _) => Lane::Ordinary,
    }
}

fn purpose(actor: &Actor) -> Purpose {
    match actor {
        Actor::Undo { .. } => Purpose::Undo,
        Actor::Agent { .. } | Actor::Person { .. } | Actor::Approval { .. } | Actor::Wave { .. } => Purpose::Ordinary,
    }
}

impl Outbox {
    /// Records that the request is about to leave, sends it once, and writes down the answer. The permit is held until the answer or the deadline.
    pub(super) async fn dispatch(
        &self,
        intent: &Intent,
        request: WireRequest,
        permit: Permit,
        read: &Read<'_>,
        held: Held<'_>,
    ) -> Result<Went, ExecutionError> {
        // The deadline starts before the transaction does: whoever pauses after our commit need not wait longer than it.
        let (began, when) = (self.clock.instant(), Moment { at: self.clock.now(), wall: self.clock.wall() });
        let row = self.dispatch_row(intent, &request, read, held, when);
        let (id, row) = (row.id, &row);
        let claim = ClaimRequest {
            decision: intent.row.id,
            dispatch: row,
            body: std::str::from_utf8(&request.body).ok(),
            lease: held.lease,
            policy: held.policy,
            view: read.view,
            config_age: began.saturating_duration_since(read.began),
            age_floor: guardrails::age_floor(&self.clock),
            deadline: (began + SEND_DEADLINE).min(held.until),
        };
        let claimed = match ledger::claim(&self.store, &claim, when).await? {
            Claim::Go(claimed) => claimed,
            Claim::No(refusal) => {
                if ADVERTISING_POLICY.contains(&refusal.code.as_str()) {
                    self.tell_of_policy(intent, refusal.why.clone(), held.policy).await?;
                }
                return Ok(Went::Refused(refusal));
            }
        };
        let answer = self.send(&claimed, request, lane(intent)).await;
        drop(permit);
        let created = answer.as_ref().ok().and_then(|accepted| accepted.created.clone());
        let answer = classify(&answer);
        self.record(intent, id, (&answer, created.as_deref()), held.policy).await?;
        Ok(Went::Out(answer))
    }

    /// Tells people that advertising policy stands against a change that nobody has sent.
    pub(super) async fn tell_of_policy(&self, intent: &Intent, why: String, policy: &Policy) -> Result<(), ExecutionError> {
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        let title = format!("A change was decided that {} advertising policy forbids by now", self.gateway.platform());
        let matter = self.policy_matter(intent, title, why);
        let told = |mut tx: Tx| {
            let matter = matter.clone();
            async move { self.tell(&mut tx, policy, matter, when).await }
        };
        self.store.write(told).await.map(|_| ())
    }

    fn policy_matter(&self, intent: &Intent, title: String, why: String) -> Matter<'static> {
        let subject = intent.row.entity.as_ref().map_or_else(|| self.account.to_string(), ToString::to_string);
        Matter {
            kind: TicketKind::PolicyViolation,
            alert: AlertKind::PolicyViolation,
            title: format!("{title}: {subject}"),
            subject,
            severity: Severity::Warning,
            why,
            waiting: None,
            details: json!({ "decision": intent.row.id }),
        }
    }

    /// Sends what was claimed, once.
    async fn send(&self, claimed: &Claimed, request: WireRequest, lane: Lane) -> Result<Accepted, PlatformError> {
        if request.body_sha256 != claimed.body_hash() {
            return Err(PlatformError::NotSent("the bytes are not those that were recorded".to_owned()));
        }
        let left = claimed.deadline().saturating_duration_since(self.clock.instant());
        if left < LEAST {
            return Err(PlatformError::NotSent(format!("recording it took so long that {left:?} of the deadline were left")));
        }
        // The gateway keeps the deadline itself; this is the abort in case it does not.
        let late = |_| Err(PlatformError::Unknown(format!("no answer within {left:?}: the connection was aborted")));
        tokio::time::timeout(left, self.gateway.send(request, left, lane)).await.unwrap_or_else(late)
    }

    fn dispatch_row(&self, intent: &Intent, request: &WireRequest, read: &Read<'_>, held: Held<'_>, when: Moment) -> DispatchRow {
        DispatchRow {
            id: self.ids.next(when.at),
            shard: intent.row.shard.clone(),
            account: self.account.clone(),
            entity: intent.row.entity.clone(),
            purpose: purpose(&intent.body.settled.actor),
            method: request.method.to_owned(),
            url: request.url.clone(),
            body_hash: request.body_sha256.clone(),
            attempt: intent.row.state.attempt() + 1,
            poll: Some(read.poll.id),
            node: held.lease.node.clone(),
            lease_token: held.lease.token,
            at: when.at,
            sent_wall: when.wall,
            deadline_wall: when.wall.after(SEND_DEADLINE),
            answered_wall: None,
            result: None,
            answer: None,
        }
    }

    /// Writes down what the answer proves. If this fails the request counts as unanswered, and reading settles it.
    async fn record(&self, intent: &Intent, id: DispatchId, (answer, created): (&Answer, Option<&str>), policy: &Policy) -> Result<(), ExecutionError> {
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        let result = match answer {
            Answer::Accepted => "accepted",
            Answer::NotExecuted { .. } => "not_executed",
            Answer::Refused(_) => "refused",
            Answer::Credentials(_) => "credentials",
            Answer::Policy(_) => "policy",
            Answer::Unknown(_) => "unknown",
        };
        let said = &match created {
            Some(created) => json!({ "why": answer.why(), "created": created }),
            None => json!({ "why": answer.why() }),
        };
        let decision = &intent.row.id;
        self.store
            .write(|mut tx| async move {
                tx.bump(&[self.account.clone()].into(), &intent.row.pool.iter().cloned().collect()).await?;
                tx.finish_dispatch(&id, when.wall, result, Some(&said.to_string())).await?;
                match answer {
                    Answer::Accepted => {}
                    Answer::NotExecuted { wait, .. } => {
                        let due = when.at + self.clock.product_span(*wait);
                        ledger::not_executed(&mut tx, decision, said, when, Some(due)).await?;
                    }
                    Answer::Unknown(_) => {
                        ledger::unknown(&mut tx, decision, said, when, Some(baseline::visible_by(when.at, &self.clock))).await?;
                    }
                    Answer::Refused(_) => {
                        ledger::failed(&mut tx, decision, said, when).await?;
                    }
                    Answer::Credentials(why) => {
                        ledger::failed(&mut tx, decision, said, when).await?;
                        let matter = Matter {
                            kind: TicketKind::CredentialTrouble,
                            alert: AlertKind::Credentials,
                            subject: self.account.to_string(),
                            severity: Severity::Critical,
                            title: format!("{} refuses the credentials of account {}", self.gateway.platform(), self.account),
                            why: why.clone(),
                            waiting: None,
                            details: no_details(),
                        };
                        self.tell(&mut tx, policy, matter, when).await?;
                    }
                    Answer::Policy(why) => {
                        ledger::failed(&mut tx, decision, said, when).await?;
                        let title = format!("{} refuses a change by its advertising policy", self.gateway.platform());
                        self.tell(&mut tx, policy, self.policy_matter(intent, title, why.clone()), when).await?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// Takes an authorised decision out of the outbox without sending anything.
    pub(super) async fn call_off(&self, intent: &Intent, event: Event, why: &str) -> Result<(), ExecutionError> {
        debug_assert!(matches!(intent.row.state, DecisionState::Authorised { .. }), "only what is authorised stands in the outbox");
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        self.store
            .write(|mut tx| async move {
                tx.bump(&[self.account.clone()].into(), &intent.row.pool.iter().cloned().collect()).await?;
                ledger::advance(&mut tx, &intent.row.id, event, &json!({ "why": why }), when).await?;
                Ok(())
            })
            .await
    }
}
