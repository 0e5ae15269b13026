//! Telling people: a ticket for what somebody must decide, an alert for what they should know.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ExecutionError, Held, Outbox};
use crate::domain::alert::AlertKind;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::TicketId;
use crate::domain::policy::Policy;
use crate::domain::ticket::{Severity, TicketKind};
use crate::ledger;
use crate::store::Tx;
use crate::store::decision::DecisionRow;
use crate::store::step::Moment;
use crate::tickets::alerts::{self, Notice};
use crate::tickets::{self, Content, Opened, Question};

/// What people are told of.
#[derive(Clone, Debug)]
pub(super) struct Matter<'a> {
    pub kind: TicketKind,
    pub alert: AlertKind,
    /// The entity's key or the account.
    pub subject: String,
    pub severity: Severity,
    pub title: String,
    /// Why it is asked, opening with a stable code.
    pub why: String,
    /// The decision that waits for the answer.
    pub waiting: Option<&'a DecisionRow>,
    pub details: Value,
}

/// Nothing to add.
pub(super) fn no_details() -> Value {
    Value::Object(Map::new())
}

impl Outbox {
    /// Opens the ticket, or brings the open one about the same thing up to date, and raises the alert.
    pub(super) async fn tell(&self, tx: &mut Tx, policy: &Policy, matter: Matter<'_>, when: Moment) -> Result<TicketId, ExecutionError> {
        let Matter { kind, alert, subject, severity, title, why, waiting, details } = matter;
        let question = Question {
            kind,
            subject,
            direction: None,
            account: Some(self.account.clone()),
            pool: waiting.and_then(|row| row.pool.clone()),
            decision: waiting.map(|row| row.id),
            severity,
            risk: waiting.and_then(|row| row.moves).and_then(|(from, to)| from.larger(to).ok()),
            bound_hash: String::new(),
            content: Content::question(title.clone(), vec![why], details.clone()),
        };
        let opened = tickets::open(tx, &self.ids, &self.clock, &policy.approvals, &question, when).await?;
        if let Opened::Updated { instead_of: Some(earlier), .. } = opened
            && tx.decision(&earlier).await?.is_some_and(|row| row.state == DecisionState::Escalated)
        {
            ledger::advance(tx, &earlier, Event::Expire, &serde_json::json!({ "why": "the ticket asks about a newer decision now" }), when).await?;
        }
        let mut payload = details;
        if let Value::Object(fields) = &mut payload {
            fields.insert("ticket".to_owned(), opened.ticket().to_string().into());
        }
        alerts::raise(tx, &self.ids, Notice { kind: alert, subject: &question.subject, severity, title, payload }, when).await?;
        Ok(opened.ticket())
    }
    /// A row that this build cannot read is left alone and blocks nobody else; a person is asked to look.
    pub(super) async fn quarantine(&self, what: &str, held: Held<'_>) -> Result<(), ExecutionError> {
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        self.store
            .write(|mut tx| async move {
                tx.bump(&BTreeSet::from([self.account.clone()]), &BTreeSet::new()).await?;
                let matter = Matter {
                    kind: TicketKind::Anomaly,
                    alert: AlertKind::Audit,
                    subject: self.account.to_string(),
                    severity: Severity::Critical,
                    title: format!("A decision of account {} cannot be read; nothing is sent for it", self.account),
                    why: format!("UNREADABLE: {what}"),
                    waiting: None,
                    details: no_details(),
                };
                self.tell(&mut tx, held.policy, matter, when).await.map(|_| ())
            })
            .await
    }
}
