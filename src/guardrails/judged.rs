//! What the guard stage gives. Only this room can build it, so nothing reaches the ledger unjudged.

use serde::Serialize;

use crate::domain::proposal::{Conflict, LeftAlone, Settled};
use crate::domain::ticket::{Eyes, Severity, TicketKind};
use crate::domain::verdict::Verdict;

/// The question a ruling puts before a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TicketNeed {
    /// What it is about.
    pub kind: TicketKind,
    /// How bad it is.
    pub severity: Severity,
    /// How many people must agree.
    pub eyes: Eyes,
    /// The soft rules an approval waives, earlier waivers of the same change included; empty where nothing can be waived.
    pub waivable: Vec<String>,
}

/// One change with every rule's verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ruled {
    pub(super) settled: Settled,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) ticket: Option<TicketNeed>,
}

impl Ruled {
    /// The change, clamped where a rule said so.
    #[must_use]
    pub const fn settled(&self) -> &Settled {
        &self.settled
    }

    /// Every rule's verdict, in the order of [`super::RULES`].
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The ticket to open, if any.
    #[must_use]
    pub const fn ticket(&self) -> Option<&TicketNeed> {
        self.ticket.as_ref()
    }

    /// Change, verdicts and ticket.
    #[must_use]
    pub fn into_parts(self) -> (Settled, Vec<Verdict>, Option<TicketNeed>) {
        (self.settled, self.verdicts, self.ticket)
    }
}

/// A settlement after the guardrails.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judged {
    pub(super) cleared: Vec<Ruled>,
    pub(super) escalated: Vec<Ruled>,
    pub(super) denied: Vec<Ruled>,
    pub(super) waiting: Vec<Settled>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) left_alone: Vec<LeftAlone>,
}

/// The parts of a [`Judged`]; the changes in them stay sealed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct JudgedParts {
    /// May be sent.
    pub cleared: Vec<Ruled>,
    /// A person is asked.
    pub escalated: Vec<Ruled>,
    /// Refused; a platform policy's refusal also carries a ticket.
    pub denied: Vec<Ruled>,
    /// Increases that wait for reductions of the same settlement; judged again, in full, before they are recorded.
    pub waiting: Vec<Settled>,
    /// Disagreements, as the arbiter settled them.
    pub conflicts: Vec<Conflict>,
    /// What was looked at and left alone, delays included.
    pub left_alone: Vec<LeftAlone>,
}

impl Judged {
    /// Changes that may be sent, reductions first.
    #[must_use]
    pub fn cleared(&self) -> &[Ruled] {
        &self.cleared
    }

    /// Changes a person is asked about.
    #[must_use]
    pub fn escalated(&self) -> &[Ruled] {
        &self.escalated
    }

    /// Changes refused.
    #[must_use]
    pub fn denied(&self) -> &[Ruled] {
        &self.denied
    }

    /// Increases that wait for their funding.
    #[must_use]
    pub fn waiting(&self) -> &[Settled] {
        &self.waiting
    }

    /// What was left alone, and why.
    #[must_use]
    pub fn left_alone(&self) -> &[LeftAlone] {
        &self.left_alone
    }

    /// Everything.
    #[must_use]
    pub fn into_parts(self) -> JudgedParts {
        let Self { cleared, escalated, denied, waiting, conflicts, left_alone } = self;
        JudgedParts { cleared, escalated, denied, waiting, conflicts, left_alone }
    }
}
