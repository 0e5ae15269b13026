//! Tickets, one open for each (subject, kind, direction), and the approvals people gave.

use super::decision::Cursor;
use super::row::{Row, args};
use super::step::Moment;
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::ids::{AccountId, ApprovalId, DecisionId, PoolId, TicketId};
use crate::domain::money::Money;
use crate::domain::ticket::{Role, Severity, TicketKind};

/// A stored ticket. What it says and where it stands in full is the payload, JSON of the tickets room; the columns are what lists ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// Its id.
    pub id: TicketId,
    /// What it is about.
    pub kind: TicketKind,
    /// The entity's key, or another scope in words.
    pub subject: String,
    /// Which way the change goes, by its domain name; empty where that means nothing.
    pub direction: String,
    /// The account.
    pub account: Option<AccountId>,
    /// The pool.
    pub pool: Option<PoolId>,
    /// The decision that was escalated.
    pub decision: Option<DecisionId>,
    /// The state's domain name.
    pub state: String,
    /// How bad it is.
    pub severity: Severity,
    /// Who has to answer.
    pub owner: Role,
    /// When it was opened, in product time.
    pub opened: ProductTime,
    /// When it was opened, in UTC.
    pub opened_wall: WallTime,
    /// When it expires; nothing is done then.
    pub deadline: ProductTime,
    /// When somebody was last reminded.
    pub reminded: Option<ProductTime>,
    /// When it was closed.
    pub closed: Option<ProductTime>,
    /// Money at risk.
    pub risk: Option<Money>,
    /// The hash of what an approval binds: diff, effective policy, the entity's configuration.
    pub bound_hash: String,
    /// Rises with every change; an update names the one it read.
    pub version: i64,
    /// The rest, as JSON.
    pub payload: String,
}

/// A person's answer, kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Its id.
    pub id: ApprovalId,
    /// The ticket.
    pub ticket: TicketId,
    /// Who answered.
    pub person: String,
    /// In which role.
    pub role: Role,
    /// What they answered.
    pub answer: Answer,
    /// The hash of what they saw.
    pub bound_hash: String,
    /// The soft rules it waives, as JSON.
    pub waives: String,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub when: Moment,
    /// When it was used; an approval counts once.
    pub used: Option<ProductTime>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Approve,
    /// Do not.
    Reject,
}

impl Answer {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

macro_rules! ticket_sql {
    ($tail:literal) => {
        concat!(
            "SELECT id, kind, subject, direction, account, pool, decision, state, severity, owner_role, opened_at_ms, opened_wall_ms, deadline_ms, reminded_ms, \
             closed_at_ms, risk_micros, currency, bound_hash, version, payload FROM ticket ",
            $tail
        )
    };
}

impl Tx {
    /// Opens a ticket; its `version` is stored as 1.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when one is open for the same subject, kind and direction: update that one.
    pub async fn insert_ticket(&mut self, new: &TicketRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO ticket (id, kind, subject, direction, account, pool, decision, state, severity, owner_role, opened_at_ms, opened_wall_ms, \
                   deadline_ms, reminded_ms, closed_at_ms, risk_micros, currency, bound_hash, version, payload) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, $19)";
        let currency = new.risk.map(Money::currency);
        let values = args![
            &new.id,
            new.kind.name(),
            &new.subject,
            &new.direction,
            new.account.as_ref(),
            new.pool.as_ref(),
            new.decision.as_ref(),
            &new.state,
            new.severity.name(),
            new.owner.name(),
            new.opened,
            new.opened_wall,
            new.deadline,
            new.reminded,
            new.closed,
            new.risk.map(Money::micros),
            currency.as_ref(),
            &new.bound_hash,
            &new.payload,
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Stores what changed on a ticket and raises its version. What it is about never changes.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody changed it since it was read at `ticket.version`.
    pub async fn update_ticket(&mut self, ticket: &TicketRow) -> Result<(), StoreError> {
        let sql = "UPDATE ticket SET decision = $3, state = $4, severity = $5, deadline_ms = $6, reminded_ms = $7, closed_at_ms = $8, risk_micros = $9, \
                   currency = $10, bound_hash = $11, payload = $12, version = version + 1 WHERE id = $1 AND version = $2";
        let currency = ticket.risk.map(Money::currency);
        let values = args![
            &ticket.id,
            ticket.version,
            ticket.decision.as_ref(),
            &ticket.state,
            ticket.severity.name(),
            ticket.deadline,
            ticket.reminded,
            ticket.closed,
            ticket.risk.map(Money::micros),
            currency.as_ref(),
            &ticket.bound_hash,
            &ticket.payload,
        ];
        self.run_expecting(sql, values, "ticket", ticket.id, format!("version {}", ticket.version)).await
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn ticket(&mut self, id: &TicketId) -> Result<Option<TicketRow>, StoreError> {
        self.row("ticket", ticket_sql!("WHERE id = $1"), args![id]).await?.as_ref().map(ticket).transpose()
    }

    /// The one open ticket for a subject, kind and direction.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn open_ticket_for(&mut self, subject: &str, kind: TicketKind, direction: &str) -> Result<Option<TicketRow>, StoreError> {
        let sql = ticket_sql!("WHERE subject = $1 AND kind = $2 AND direction = $3 AND closed_at_ms IS NULL");
        self.row("ticket", sql, args![subject, kind.name(), direction]).await?.as_ref().map(ticket).transpose()
    }

    /// The tickets of a decision, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn tickets_of_decision(&mut self, decision: &DecisionId) -> Result<Vec<TicketRow>, StoreError> {
        self.rows("ticket", ticket_sql!("WHERE decision = $1 ORDER BY opened_at_ms, id"), args![decision]).await?.iter().map(ticket).collect()
    }

    /// The tickets that wait for somebody, by deadline.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn open_tickets(&mut self) -> Result<Vec<TicketRow>, StoreError> {
        self.rows("ticket", ticket_sql!("WHERE closed_at_ms IS NULL ORDER BY deadline_ms, id"), args![]).await?.iter().map(ticket).collect()
    }

    /// Whether a ticket of this kind about `subject` was closed at `since` or later.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn ticket_closed_since(&mut self, subject: &str, kind: TicketKind, since: ProductTime) -> Result<bool, StoreError> {
        let sql = ticket_sql!("WHERE subject = $1 AND kind = $2 AND closed_at_ms >= $3 LIMIT 1");
        Ok(self.row("ticket", sql, args![subject, kind.name(), since]).await?.is_some())
    }

    /// The tickets in the state of this name, or all, newest first, after `after` (whose `seq` does not count).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn tickets(&mut self, state: Option<&str>, after: Option<&Cursor>, limit: u32) -> Result<Vec<TicketRow>, StoreError> {
        let sql =
            ticket_sql!("WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR (opened_at_ms, id) < ($2, $3)) ORDER BY opened_at_ms DESC, id DESC LIMIT $4");
        let values = args![state, after.map(|cursor| cursor.at), after.map(|cursor| cursor.id.as_str()), limit];
        self.rows("ticket", sql, values).await?.iter().map(ticket).collect()
    }

    /// Keeps a person's answer.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when that person has answered that ticket.
    pub async fn insert_approval(&mut self, new: &ApprovalRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO approval (id, ticket, person, role, verdict, bound_hash, waives, reason, at_ms, wall_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let values = args![
            &new.id,
            &new.ticket,
            &new.person,
            new.role.name(),
            new.answer.name(),
            &new.bound_hash,
            &new.waives,
            &new.reason,
            new.when.at,
            new.when.wall,
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Uses the approvals of a ticket that bind `bound_hash`, all at once and for good. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none left to use.
    pub async fn use_approvals(&mut self, ticket: &TicketId, bound_hash: &str, at: ProductTime) -> Result<u64, StoreError> {
        let sql = "UPDATE approval SET used_at_ms = $3 WHERE ticket = $1 AND bound_hash = $2 AND verdict = 'approve' AND used_at_ms IS NULL";
        match self.run(sql, args![ticket, bound_hash, at]).await? {
            0 => Err(StoreError::Stale { table: "approval", id: ticket.to_string(), expected: "approved for exactly this and unused".into() }),
            used => Ok(used),
        }
    }

    /// The answers to a ticket, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn approvals_of(&mut self, ticket: &TicketId) -> Result<Vec<ApprovalRow>, StoreError> {
        let sql = "SELECT id, ticket, person, role, verdict, bound_hash, waives, reason, at_ms, wall_ms, used_at_ms FROM approval WHERE ticket = $1 ORDER BY at_ms, id";
        self.rows("approval", sql, args![ticket]).await?.iter().map(approval).collect()
    }
}

fn ticket(row: &Row) -> Result<TicketRow, StoreError> {
    let unknown = |column: &str| row.lies(format!("column `{column}` has an unknown name"));
    Ok(TicketRow {
        id: row.parse("id")?,
        kind: TicketKind::from_name(&row.text("kind")?).ok_or_else(|| unknown("kind"))?,
        subject: row.text("subject")?,
        direction: row.text("direction")?,
        account: row.maybe_parse("account")?,
        pool: row.maybe_parse("pool")?,
        decision: row.maybe_parse("decision")?,
        state: row.text("state")?,
        severity: Severity::from_name(&row.text("severity")?).ok_or_else(|| unknown("severity"))?,
        owner: Role::from_name(&row.text("owner_role")?).ok_or_else(|| unknown("owner_role"))?,
        opened: row.product("opened_at_ms")?,
        opened_wall: row.wall("opened_wall_ms")?,
        deadline: row.product("deadline_ms")?,
        reminded: row.maybe_product("reminded_ms")?,
        closed: row.maybe_product("closed_at_ms")?,
        risk: row.maybe_money("risk_micros")?,
        bound_hash: row.text("bound_hash")?,
        version: row.int("version")?,
        payload: row.text("payload")?,
    })
}

fn approval(row: &Row) -> Result<ApprovalRow, StoreError> {
    let answer = match row.text("verdict")?.as_str() {
        "approve" => Answer::Approve,
        "reject" => Answer::Reject,
        other => return Err(row.lies(format!("`{other}` is no answer"))),
    };
    Ok(ApprovalRow {
        id: row.parse("id")?,
        ticket: row.parse("ticket")?,
        person: row.text("person")?,
        role: Role::from_name(&row.text("role")?).ok_or_else(|| row.lies("column `role` has an unknown name"))?,
        answer,
        bound_hash: row.text("bound_hash")?,
        waives: row.text("waives")?,
        reason: row.text("reason")?,
        when: Moment { at: row.product("at_ms")?, wall: row.wall("wall_ms")? },
        used: row.maybe_product("used_at_ms")?,
    })
}
