//! The question a ruling puts before a person, as a ticket and an alert.

use serde_json::json;

use super::super::advance::{find, step};
use super::super::binding;
use super::scribe::Scribe;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{DecisionId, TicketId};
use crate::domain::proposal::Settled;
use crate::domain::ticket::{Severity, TicketState};
use crate::domain::verdict::{Ruling, Verdict};
use crate::guardrails::TicketNeed;
use crate::ledger::LedgerError;
use crate::tickets::{self, Content, Opened, Question, alerts};

impl Scribe<'_> {
    pub(super) async fn ask(
        &mut self,
        decision: Option<DecisionId>,
        settled: &Settled,
        verdicts: &[Verdict],
        need: &TicketNeed,
    ) -> Result<TicketId, LedgerError> {
        let (wish, header) = (&settled.wish, self.header);
        let subject = wish.change.entity().map_or_else(|| wish.change.account().to_string(), ToString::to_string);
        let against = |verdict: &&Verdict| verdict.ruling != Ruling::Pass;
        let content = Content {
            title: format!("{} {subject}", wish.change.action().name()),
            why: verdicts.iter().filter(against).map(|verdict| verdict.why.clone()).collect(),
            change: decision.map(|_| wish.change.clone()),
            reason: wish.reason.clone(),
            evidence: Some(wish.evidence.clone()),
            prediction: wish.prediction.clone(),
            confidence: Some(wish.confidence),
            waives: need.waivable.clone(),
            eyes: need.eyes,
            requester: settled.actor.is_person().then(|| settled.actor.name()),
            state: TicketState::fresh(),
            details: json!({ "round": header.id, "actor": settled.actor, "money": self.moves(&wish.change), "cost_if_wrong": wish.cost_if_wrong,
                "alternatives": settled.alternatives, "dissent": settled.dissent }),
        };
        let bound_hash = match decision {
            Some(_) => binding(self.tx, &header.policy, &wish.change, settled.actor.agent(), Some(&header.pool)).await?,
            None => String::new(),
        };
        let question = Question {
            kind: need.kind,
            subject: subject.clone(),
            direction: Some(wish.change.direction()),
            account: Some(wish.change.account().clone()),
            pool: Some(header.pool.clone()),
            decision,
            severity: need.severity,
            risk: Some(wish.cost_if_wrong),
            bound_hash,
            content,
        };
        let opened = tickets::open(self.tx, self.ids, self.clock, &header.policy.approvals, &question, self.when).await?;
        if let Opened::Updated { instead_of: Some(earlier), .. } = opened {
            let row = find(self.tx, &earlier).await?;
            if row.state == DecisionState::Escalated {
                step(self.tx, &row, Event::Expire, &json!({ "because": "ASKED_AGAIN", "by": decision }), self.when, None).await?;
            }
        }
        if matches!(opened, Opened::New(_)) {
            let title = format!("{}: {}", tickets::alert_of(need.kind).name(), question.content.title);
            let payload = json!({ "ticket": opened.ticket(), "decision": decision, "why": question.content.why });
            let notice =
                alerts::Notice { kind: tickets::alert_of(need.kind), subject: &subject, severity: need.severity.max(Severity::Warning), title, payload };
            alerts::raise(self.tx, self.ids, notice, self.when).await?;
        }
        Ok(opened.ticket())
    }
}
