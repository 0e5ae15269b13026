//! Asking: a new ticket, or the open one about the same thing brought up to date.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deadline::after_business_hours;
use super::{keep, sweep};
use crate::clock::{Clock, ProductTime};
use crate::domain::change::{Change, Direction};
use crate::domain::ids::{AccountId, DecisionId, IdGen, PoolId, TicketId};
use crate::domain::money::Money;
use crate::domain::outcome::Prediction;
use crate::domain::policy::ApprovalPolicy;
use crate::domain::proposal::Evidence;
use crate::domain::ticket::{Eyes, Severity, TicketKind, TicketState};
use crate::ledger::LedgerError;
use crate::store::Tx;
use crate::store::decision::direction_name;
use crate::store::step::Moment;
use crate::store::ticket::TicketRow;

/// Shortest life of a ticket on the wall, however fast product time runs.
const LEAST_LIFE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a ticket says; what expires does nothing, whatever it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// One line for people.
    pub title: String,
    /// Why it is asked, one reason a line, each opening with its code.
    pub why: Vec<String>,
    /// Exactly what is done when it is approved; `None` where the answer itself is all.
    pub change: Option<Change>,
    /// The reasoning behind it, in words.
    pub reason: String,
    /// The figures it rests on.
    pub evidence: Option<Evidence>,
    /// What it is expected to bring.
    pub prediction: Option<Prediction>,
    /// How sure whoever asks is, 0 to 1.
    pub confidence: Option<f64>,
    /// The soft rules an approval waives, for this one change.
    pub waives: Vec<String>,
    /// How many people must agree.
    pub eyes: Eyes,
    /// The person who asked, where it was one.
    pub requester: Option<String>,
    /// Where it stands.
    pub state: TicketState,
    /// Anything else that helps to answer.
    pub details: serde_json::Value,
}

impl Content {
    /// A question whose answer is all there is: nothing is done by itself.
    #[must_use]
    pub fn question(title: String, why: Vec<String>, details: serde_json::Value) -> Self {
        Self {
            title,
            why,
            change: None,
            reason: String::new(),
            evidence: None,
            prediction: None,
            confidence: None,
            waives: Vec::new(),
            eyes: Eyes::Two,
            requester: None,
            state: TicketState::fresh(),
            details,
        }
    }
}

/// A question to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What it is about.
    pub kind: TicketKind,
    /// The entity's key, or another scope in words.
    pub subject: String,
    /// Which way the change goes; `None` where that means nothing.
    pub direction: Option<Direction>,
    /// The account.
    pub account: Option<AccountId>,
    /// The pool.
    pub pool: Option<PoolId>,
    /// The decision that waits for the answer.
    pub decision: Option<DecisionId>,
    /// How bad it is.
    pub severity: Severity,
    /// Money at risk.
    pub risk: Option<Money>,
    /// The hash of what an approval binds; empty where nothing is carried out.
    pub bound_hash: String,
    /// What it says.
    pub content: Content,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A new ticket.
    New(TicketId),
    /// The open ticket says something else now; the decision it asked about before waits no more.
    Updated {
        /// The ticket.
        ticket: TicketId,
        /// The decision it asked about before, unless that is the same one.
        instead_of: Option<DecisionId>,
    },
}

impl Opened {
    /// The ticket.
    #[must_use]
    pub const fn ticket(self) -> TicketId {
        match self {
            Self::New(ticket) | Self::Updated { ticket, .. } => ticket,
        }
    }
}

/// When an answer is due: business hours of the workspace, and never sooner than people can read it.
pub(super) fn due(clock: &Clock, approvals: &ApprovalPolicy, severity: Severity, at: ProductTime) -> ProductTime {
    let hours = match severity {
        Severity::Critical => approvals.critical_h,
        Severity::Info | Severity::Warning => approvals.other_h,
    };
    let span: TimeDelta = after_business_hours(at, hours, approvals.time_zone) - at;
    at + clock.at_least(span, LEAST_LIFE)
}

/// Asks. While a ticket about the same subject, kind and direction is open it is brought up to date and keeps its deadline; one that somebody has half
/// approved lapses instead, for what was approved was something else, and so does one whose change is the same but meets further rules.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn open(tx: &mut Tx, ids: &IdGen, clock: &Clock, approvals: &ApprovalPolicy, question: &Question, when: Moment) -> Result<Opened, LedgerError> {
    let direction = question.direction.map_or("", direction_name);
    if let Some(mut row) = tx.open_ticket_for(&question.subject, question.kind, direction).await? {
        let standing = Content::of(&row)?;
        let answered = matches!(&standing.state, TicketState::Open { approved_by } if !approved_by.is_empty());
        let same = row.bound_hash == question.bound_hash;
        // Who has read or half answered the old question must not have agreed to what the new one asks beyond it.
        let asks_more = question.content.eyes != standing.eyes || !question.content.waives.iter().all(|code| standing.waives.contains(code));
        if answered && !same {
            sweep::lapse(tx, &row.id, "what is asked has changed after the first of two approvals", when).await?;
        } else if same && asks_more {
            sweep::lapse(tx, &row.id, "the same change asks for more than was asked here", when).await?;
        } else {
            let instead_of = row.decision.filter(|earlier| Some(*earlier) != question.decision);
            row.decision = question.decision;
            row.severity = question.severity;
            row.risk = question.risk;
            row.bound_hash.clone_from(&question.bound_hash);
            keep(&mut row, &Content { state: standing.state, ..question.content.clone() })?;
            tx.update_ticket(&row).await?;
            return Ok(Opened::Updated { ticket: row.id, instead_of });
        }
    }
    let id: TicketId = ids.next(when.at);
    let row = TicketRow {
        id,
        kind: question.kind,
        subject: question.subject.clone(),
        direction: direction.to_owned(),
        account: question.account.clone(),
        pool: question.pool.clone(),
        decision: question.decision,
        state: question.content.state.name().to_owned(),
        severity: question.severity,
        owner: question.kind.owner(),
        opened: when.at,
        opened_wall: when.wall,
        deadline: due(clock, approvals, question.severity, when.at),
        reminded: None,
        closed: None,
        risk: question.risk,
        bound_hash: question.bound_hash.clone(),
        version: 1,
        payload: serde_json::to_string(&question.content)?,
    };
    tx.insert_ticket(&row).await?;
    let note = json!({ "kind": question.kind, "subject": question.subject, "decision": question.decision });
    crate::ledger::control::note(tx, "ticket.open", &id.to_string(), &note, when).await?;
    Ok(Opened::New(id))
}

/// Adds to an open ticket what has become known since; one that is closed stays as it was answered. What an approval would bind is not changed by it.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn amend(tx: &mut Tx, id: &TicketId, when: Moment, change: impl FnOnce(&mut Content)) -> Result<(), LedgerError> {
    let Some(mut row) = tx.ticket(id).await?.filter(|row| row.closed.is_none()) else { return Ok(()) };
    let mut content = Content::of(&row)?;
    change(&mut content);
    keep(&mut row, &content)?;
    tx.update_ticket(&row).await?;
    let note = json!({ "title": content.title });
    crate::ledger::control::note(tx, "ticket.amend", &id.to_string(), &note, when).await
}
