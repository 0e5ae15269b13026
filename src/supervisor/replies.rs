//! What people answer, take back and take note of: tickets, undos, alerts.

use super::control::{Answer, ControlError, Event, Reply, Topic};
use super::daemon::Daemon;
use crate::domain::decision::DecisionState;
use crate::domain::ids::{AlertId, DecisionId, TicketId};
use crate::domain::ticket::TicketState;
use crate::domain::view::AccountView;
use crate::execution::undo;
use crate::ledger::{DecisionBody, LedgerError};
use crate::platforms::{Inventory, Lane};
use crate::tickets::{self, Approved, Person};

impl Daemon {
    pub(super) async fn approve_ticket(&self, ticket: TicketId, reply: Reply) -> Result<TicketState, ControlError> {
        let seats = self.seats();
        let (ids, policy, when) = (&seats.ids, &seats.in_force.policy, seats.moment());
        let person = &Person { name: reply.by.clone(), role: reply.role };
        let (id, reply) = (&ticket, &reply);
        let (approved, pool) = seats
            .store
            .write(|mut tx| async move {
                let row = tx.ticket(id).await?.ok_or_else(|| LedgerError::Missing { what: "ticket", id: id.to_string() })?;
                let seen = reply.seen.clone().unwrap_or_else(|| row.bound_hash.clone());
                Ok::<_, LedgerError>((tickets::approve(&mut tx, ids, policy, id, person, (&seen, &reply.note), when).await?, row.pool))
            })
            .await?;
        seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
        match (approved, pool) {
            (Approved::Pinned(pin), Some(pool)) => {
                // The approval is stored: if this round fails, the next one carries it out.
                self.pinned(&pool, vec![*pin], "approval").await?;
            }
            (Approved::Pinned(_) | Approved::Half | Approved::Noted | Approved::Lapsed(_), _) => {}
        }
        self.ticket_state(ticket).await
    }

    pub(super) async fn reject_ticket(&self, ticket: TicketId, reply: Reply) -> Result<TicketState, ControlError> {
        let seats = self.seats();
        let (ids, when) = (&seats.ids, seats.moment());
        let person = &Person { name: reply.by.clone(), role: reply.role };
        let (id, reply) = (&ticket, &reply);
        seats.store.write(|mut tx| async move { tickets::reject(&mut tx, ids, id, person, &reply.note, when).await }).await?;
        seats.tell(Event { topic: Topic::Tickets, cursor: 0 });
        self.ticket_state(ticket).await
    }

    async fn ticket_state(&self, ticket: TicketId) -> Result<TicketState, ControlError> {
        let row = self.ground.store.read(|mut tx| async move { tx.ticket(&ticket).await }).await?;
        let row = row.ok_or_else(|| ControlError::NotFound(format!("ticket `{ticket}`")))?;
        Ok(tickets::Content::of(&row)?.state)
    }

    pub(super) async fn undo_decision(&self, decision: DecisionId, by: String) -> Result<Answer, ControlError> {
        let seats = self.seats();
        let id = &decision;
        let (row, undos) = seats
            .store
            .read(|mut tx| async move {
                let row = tx.decision(id).await?.ok_or_else(|| LedgerError::Missing { what: "decision", id: id.to_string() })?;
                Ok::<_, LedgerError>((row, tx.undos_of(id).await?))
            })
            .await?;
        let body = DecisionBody::of(&row)?;
        let view = self.fresh(&row.account, Lane::Ordinary).await?;
        let shown = inventory_of(&view);
        let stands = |undo: &&crate::store::decision::DecisionRow| {
            undo.state.is_open() || matches!(undo.state, DecisionState::Applied | DecisionState::Scored | DecisionState::Void | DecisionState::Escalated)
        };
        let undone_by = undos.iter().find(stands).map(|undo| undo.id);
        let done = undo::Done { id: decision, state: row.state, wish: &body.settled.wish, undone_by };
        let pin = undo::pin(done, &by, &shown, None).map_err(|error| {
            let text = error.to_string();
            ControlError::refused(text.split(':').next().unwrap_or("UNDO"), &text)
        })?;
        let pool = self.pool_of(&pin.wish.change).await?;
        let receipt = self.pinned(&pool, vec![pin], "undo").await?;
        let answers = self.answers(&receipt).await?;
        answers.into_iter().next().ok_or_else(|| ControlError::Refused {
            code: "LEFT_ALONE".to_owned(),
            why: receipt.left_alone.iter().map(|left| left.why.clone()).collect::<Vec<_>>().join("; "),
        })
    }

    pub(super) async fn note_alert(&self, alert: AlertId, by: String) -> Result<(), ControlError> {
        let seats = self.seats();
        let (id, by, when) = (&alert, by.as_str(), seats.moment());
        seats.store.write(|mut tx| async move { tickets::alerts::acknowledge(&mut tx, id, by, when).await }).await?;
        seats.tell(Event { topic: Topic::Alerts, cursor: 0 });
        Ok(())
    }
}

/// What a view shows, as a read shows it.
fn inventory_of(view: &AccountView) -> Inventory {
    Inventory {
        account: crate::domain::entity::AccountState {
            account: view.account.clone(),
            platform: view.platform,
            platform_id: String::new(),
            name: String::new(),
            currency: view.currency,
            time_zone: view.time_zone,
            in_good_standing: view.frozen.is_none(),
        },
        campaigns: view.campaigns.clone(),
        budgets: view.budgets.clone(),
    }
}
