//! Holds: a foreign edit is never fought. It stops automation of its entity until somebody answers or three days have passed; the person's value
//! is then the new baseline.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::asking::Matter;
use super::findings::{Foreign, Place};
use super::settle::Field;
use super::{ExecutionError, Outbox};
use crate::clock::ProductTime;
use crate::domain::alert::AlertKind;
use crate::domain::outcome::VoidReason;
use crate::domain::policy::Policy;
use crate::domain::structure::Edit;
use crate::domain::ticket::{Severity, TicketKind};
use crate::ledger;
use crate::store::hold::HoldRow;
use crate::store::step::Moment;
use crate::store::ticket::TicketRow;
use crate::store::{StoreError, Tx};
use crate::tickets;

/// How long a hold lasts without an answer.
pub const HOLD: TimeDelta = TimeDelta::hours(72);

/// Shortest life of a ticket on the wall, however fast product time runs.
const READ_IT: Duration = Duration::from_secs(60);

/// How long after a hold has begun the platform is still asked who made the edit. Source: Google tells of a change up to three minutes late; reads come
/// every few minutes.
pub(super) const TOLD_LATE: TimeDelta = TimeDelta::minutes(30);

/// Whom a title names while the platform has not told.
const NOBODY: &str = "Somebody";

/// An author's name as the platform gives it: text from outside, in a title that people read.
fn author(edit: &Edit) -> Option<String> {
    let who = edit.who.as_deref()?;
    Some(who.chars().filter(|letter| !letter.is_control()).take(80).collect())
}

/// Whether an open ticket about an edit names nobody.
pub(super) fn is_unnamed(ticket: &TicketRow) -> bool {
    ticket.closed.is_none() && tickets::Content::of(ticket).is_ok_and(|content| content.details.get("by").is_some_and(Value::is_null))
}

/// What was found, by field. A payload that cannot be read concedes nothing.
pub(super) fn found(hold: &HoldRow) -> BTreeMap<Field, Foreign> {
    serde_json::from_str(&hold.payload).unwrap_or_default()
}

/// Holds of `holds` that are over at `at`: their time has run out, or their ticket is answered.
pub(super) async fn over(tx: &mut Tx, holds: &[HoldRow], at: ProductTime) -> Result<Vec<(HoldRow, &'static str)>, StoreError> {
    let mut over = Vec::new();
    for hold in holds {
        let answered = match &hold.ticket {
            Some(ticket) => tx.ticket(ticket).await?.is_some_and(|ticket| ticket.closed.is_some()),
            None => false,
        };
        if answered {
            over.push((hold.clone(), "answer"));
        } else if hold.expires <= at {
            over.push((hold.clone(), "time"));
        }
    }
    Ok(over)
}

/// Whether `foreign` is told already: an open hold names this value.
pub(super) fn is_told(holds: &[HoldRow], place: &Place, foreign: Foreign) -> bool {
    holds.iter().any(|hold| hold.entity == place.0 && found(hold).get(&place.1).is_some_and(|told| told.shown == foreign.shown))
}

impl Outbox {
    /// Opens a hold on the entity of a foreign edit, or extends the one that is open; asks a person, voids running predictions, raises an alert.
    pub(super) async fn hold(
        &self,
        tx: &mut Tx,
        policy: &Policy,
        (place, edit): (&Place, Option<&Edit>),
        foreign: Foreign,
        when: Moment,
    ) -> Result<(), ExecutionError> {
        let (entity, field) = place;
        let what = match field {
            Field::Budget => "budget",
            Field::Status => "status",
        };
        let who = edit.and_then(author);
        let title = format!(
            "{} set the {what} of {entity} from {} to {} on the platform",
            who.as_deref().unwrap_or(NOBODY),
            foreign.known.words(),
            foreign.shown.words()
        );
        let expires = when.at + HOLD;
        let before = tx.open_hold(entity).await?;
        let mut all = before.as_ref().map(found).unwrap_or_default();
        // The first value that was ours stays the one to compare with, however often the other side changes its mind.
        let known = all.get(field).map_or(foreign.known, |earlier| earlier.known);
        all.insert(*field, Foreign { known, ..foreign });
        let payload = serde_json::to_string(&all).expect("plain names and amounts");
        let matter = Matter {
            kind: TicketKind::ChangedElsewhere,
            alert: AlertKind::ChangedElsewhere,
            subject: entity.to_string(),
            severity: Severity::Warning,
            why: format!("CHANGED_ELSEWHERE: {title}; automation of it stops until this is answered, at most three days, and then goes on from that value"),
            title: title.clone(),
            waiting: None,
            details: json!({ "by": who, "with": edit.map(|edit| &edit.tool), "edited_at": edit.map(|edit| edit.at), "field": field, "ours": known.words(), "theirs": foreign.shown.words() }),
        };
        let ticket = self.tell(tx, policy, matter, when).await?;
        match before {
            Some(hold) => tx.extend_hold(&hold.id, expires, &payload).await?,
            None => {
                let (entity, account) = (entity.clone(), self.account.clone());
                let (id, ticket, closed) = (self.ids.next(when.at), Some(ticket), None);
                tx.insert_hold(&HoldRow { id, entity, account, reason: title, ticket, opened: when.at, expires, closed, payload }).await?;
            }
        }
        ledger::outcomes::disturb(tx, entity, VoidReason::ForeignEdit, when).await?;
        Ok(())
    }

    /// Writes the author of an edit, whom the platform has told only now, into its hold and its open ticket.
    pub(super) async fn name(&self, tx: &mut Tx, hold: &HoldRow, edit: &Edit, when: Moment) -> Result<(), ExecutionError> {
        let (Some(ticket), Some(who)) = (&hold.ticket, author(edit)) else { return Ok(()) };
        let named = |text: &str| text.replacen(NOBODY, &who, 1);
        tickets::amend(tx, ticket, when, |content| {
            content.title = named(&content.title);
            content.why = content.why.iter().map(|line| named(line)).collect();
            content.details["by"] = json!(who);
            content.details["with"] = json!(edit.tool);
            content.details["edited_at"] = json!(edit.at);
        })
        .await?;
        tx.reword_hold(&hold.id, &named(&hold.reason)).await?;
        Ok(())
    }

    /// Ends a hold; a question that nobody has answered by then asks nothing any more, once people have had the time to read it.
    pub(super) async fn release(&self, tx: &mut Tx, hold: &HoldRow, how: &str, when: Moment) -> Result<(), ExecutionError> {
        tx.close_hold(&hold.id, when.at, how).await?;
        if let Some(ticket) = &hold.ticket
            && tx.ticket(ticket).await?.is_some_and(|ticket| ticket.closed.is_none() && ticket.opened_wall.after(READ_IT) <= when.wall)
        {
            tickets::lapse(tx, ticket, "the hold has ended; the value found is the new baseline", when).await?;
        }
        Ok(())
    }
}
