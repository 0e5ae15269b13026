//! The question a ruling puts before a person, as a ticket and an alert.

use rust_decimal::prelude::ToPrimitive as _;
use serde_json::json;

use super::super::advance::{find, step};
use super::super::binding;
use super::scribe::Scribe;
use crate::clock::ProductTime;
use crate::domain::decision::{DecisionState, Event};
use crate::domain::ids::{AgentId, DecisionId, TicketId};
use crate::domain::money::{Money, Rounding};
use crate::domain::proposal::{Conflict, Dissent, Settled};
use crate::domain::scope::Scope;
use crate::domain::ticket::{Severity, TicketKind, TicketState};
use crate::domain::verdict::{Ruling, Verdict};
use crate::guardrails::TicketNeed;
use crate::learning::HORIZON_DAYS;
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
            title: format!("{} {subject}", wish.change.action().words()),
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
            subject,
            direction: Some(wish.change.direction()),
            account: Some(wish.change.account().clone()),
            pool: Some(header.pool.clone()),
            decision,
            severity: need.severity,
            risk: Some(wish.cost_if_wrong.round_to(wish.cost_if_wrong.currency().minor_unit(), Rounding::Up).unwrap_or(wish.cost_if_wrong)),
            bound_hash,
            content,
        };
        let opened = self.open(&question).await?;
        if let Opened::Updated { instead_of: Some(earlier), .. } = opened {
            let row = find(self.tx, &earlier).await?;
            if row.state == DecisionState::Escalated {
                step(self.tx, &row, Event::Expire, &json!({ "because": "ASKED_AGAIN", "by": decision }), self.when, None).await?;
            }
        }
        Ok(opened.ticket())
    }

    /// Puts an agent's losses before a person when a week of them costs it more than it may stake alone in that time: its goal and the others' do not
    /// go together. Once answered, the question rests until `since` has passed the answer.
    pub(super) async fn ask_about(&mut self, agent: &AgentId, lost: &[(&Conflict, &Dissent)], since: ProductTime) -> Result<(), LedgerError> {
        let header = self.header;
        let most = header.policy.guardrails(Some(agent)).earned_amount.to_f64().unwrap_or(0.0);
        let daily: f64 = lost.iter().map(|(_, dissent)| dissent.price).sum();
        let subject = Scope::Agent(agent.clone()).to_string();
        if f64::from(HORIZON_DAYS) * daily <= most || self.tx.ticket_closed_since(&subject, TicketKind::ConflictReview, since).await? {
            return Ok(());
        }
        let why = format!("DISSENT: {agent} loses {daily:.2} a day on {} budgets by what was settled; limit={most} in {HORIZON_DAYS} days", lost.len());
        let each: Vec<_> =
            lost.iter().map(|(conflict, dissent)| json!({ "entity": conflict.entity, "settled": conflict.settled, "dissent": dissent })).collect();
        let currency = header.policy.pools.get(&header.pool).map(|pool| pool.daily_cap.currency());
        let question = Question {
            kind: TicketKind::ConflictReview,
            subject,
            direction: None,
            account: None,
            pool: Some(header.pool.clone()),
            decision: None,
            severity: Severity::Info,
            risk: currency.and_then(|currency| Money::from_estimate(f64::from(HORIZON_DAYS) * daily, currency).ok()),
            bound_hash: String::new(),
            content: Content::question(format!("{agent} is outweighed"), vec![why], json!({ "round": header.id, "lost": each })),
        };
        self.open(&question).await.map(|_| ())
    }

    /// Opens the ticket of a question, or brings the open one up to date; a new one also raises an alert.
    async fn open(&mut self, question: &Question) -> Result<Opened, LedgerError> {
        let opened = tickets::open(self.tx, self.ids, self.clock, &self.header.policy.approvals, question, self.when).await?;
        if matches!(opened, Opened::New(_)) {
            let kind = tickets::alert_of(question.kind);
            let title = format!("Waits for an answer: {}", question.content.title);
            let payload = json!({ "ticket": opened.ticket(), "decision": question.decision, "why": question.content.why });
            let notice = alerts::Notice { kind, subject: &question.subject, severity: question.severity.max(Severity::Warning), title, payload };
            alerts::raise(self.tx, self.ids, notice, self.when).await?;
        }
        Ok(opened)
    }
}
