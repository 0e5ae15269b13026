//! Questions to people and things people should know.

use serde::{Deserialize, Serialize};

use crate::clock::ProductTime;

/// What a ticket is about. Later work adds the plan kinds' content; the names stand from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketKind {
    /// A change above what may be moved without a person.
    SpendApproval,
    /// The agent is not sure enough.
    LowConfidence,
    /// A platform policy stands in the way.
    PolicyViolation,
    /// Figures that do not fit.
    Anomaly,
    /// Agents disagree at a high price.
    ConflictReview,
    /// A credential is refused or about to expire.
    CredentialTrouble,
    /// Somebody changed an entity on the platform.
    ChangedElsewhere,
    /// Nobody knows whether a write was executed.
    UnknownOutcome,
    /// A plan should be revised.
    PlanReviseRecommended,
    /// A draft of a replanned plan.
    PlanReplanDraft,
    /// A draft of a plan track.
    PlanTrackDraft,
    /// A draft for an event.
    PlanEventDraft,
    /// A plan version awaits approval.
    PlanApproval,
    /// An experiment awaits a decision.
    ExperimentDecision,
    /// A guardrail would be loosened.
    PolicyLoosening,
}

impl TicketKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::SpendApproval,
        Self::LowConfidence,
        Self::PolicyViolation,
        Self::Anomaly,
        Self::ConflictReview,
        Self::CredentialTrouble,
        Self::ChangedElsewhere,
        Self::UnknownOutcome,
        Self::PlanReviseRecommended,
        Self::PlanReplanDraft,
        Self::PlanTrackDraft,
        Self::PlanEventDraft,
        Self::PlanApproval,
        Self::ExperimentDecision,
        Self::PolicyLoosening,
    ];

    /// The name in API, pages and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpendApproval => "spend_approval",
            Self::LowConfidence => "low_confidence",
            Self::PolicyViolation => "policy_violation",
            Self::Anomaly => "anomaly",
            Self::ConflictReview => "conflict_review",
            Self::CredentialTrouble => "credential_trouble",
            Self::ChangedElsewhere => "changed_elsewhere",
            Self::UnknownOutcome => "unknown_outcome",
            Self::PlanReviseRecommended => "plan.revise.recommended",
            Self::PlanReplanDraft => "plan.replan.draft",
            Self::PlanTrackDraft => "plan.track.draft",
            Self::PlanEventDraft => "plan.event.draft",
            Self::PlanApproval => "plan_approval",
            Self::ExperimentDecision => "experiment_decision",
            Self::PolicyLoosening => "policy_loosening",
        }
    }

    /// Reads back a stored name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The approval role that owns tickets of this kind.
    #[must_use]
    pub const fn owner(self) -> Role {
        match self {
            Self::CredentialTrouble | Self::PolicyLoosening => Role::Admin,
            Self::SpendApproval
            | Self::LowConfidence
            | Self::PolicyViolation
            | Self::Anomaly
            | Self::ConflictReview
            | Self::ChangedElsewhere
            | Self::UnknownOutcome
            | Self::PlanReviseRecommended
            | Self::PlanReplanDraft
            | Self::PlanTrackDraft
            | Self::PlanEventDraft
            | Self::PlanApproval
            | Self::ExperimentDecision => Role::Approver,
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The name in API, pages and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Reads back a stored name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == name)
    }
}

/// What a person or script may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    Viewer,
    /// Pause, resume, propose.
    Operator,
    /// Approve and reject.
    Approver,
    /// Terminate, reload, confirm a looser policy.
    Admin,
}

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// The name in configuration, API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Reads back a stored name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Where a ticket stands. Every closed state but `Approved` means: nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TicketState {
    /// Waiting for a person.
    Open {
        /// Approvals so far: one of two, where four eyes are needed.
        approved_by: Vec<String>,
    },
    /// Agreed to.
    Approved {
        /// By whom.
        by: Vec<String>,
        /// When.
        at: ProductTime,
    },
    /// Refused.
    Rejected {
        /// By whom.
        by: String,
        /// When.
        at: ProductTime,
        /// Why, in their words.
        note: String,
    },
    /// Nobody answered in time.
    Expired {
        /// When.
        at: ProductTime,
    },
    /// What it was about is gone or has changed.
    Lapsed {
        /// When.
        at: ProductTime,
        /// What changed.
        why: String,
    },
}

/// The name of the machine's own token. Whoever has the machine has it beside a token of their own, so it tells nobody from anybody else.
pub const LOCAL: &str = "local";
/// Between the name of somebody signed in and the token that vouches for them; no name has it.
pub const VOUCHED: char = '/';

/// The name of somebody signed in as `name` by a link that the token called `issuer` made.
#[must_use]
pub fn vouched(name: &str, issuer: &str) -> String {
    if name == issuer { name.to_owned() } else { format!("{name}{VOUCHED}{issuer}") }
}

/// The token behind a name: who can sign in under many names is one person all the same.
#[must_use]
pub fn issuer(name: &str) -> &str {
    name.rsplit(VOUCHED).next().unwrap_or(name)
}

/// How many different people must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eyes {
    /// One person.
    Two,
    /// Two persons, neither of whom asked for it.
    Four,
}

/// Why an answer to a ticket does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Already closed.
    #[error("TICKET_CLOSED: the ticket is {0}")]
    Closed(&'static str),
    /// The one who asked may not approve above the four-eyes amount.
    #[error("FOUR_EYES: {0} asked for this and cannot approve it")]
    OwnRequest(String),
    /// The same person twice.
    #[error("FOUR_EYES: {0} has approved already; a second person must")]
    SamePerson(String),
    /// Signed in by the machine's own token, which may be anybody's.
    #[error("FOUR_EYES: {0} is signed in by the machine's own token, which may be anybody's; two people with tokens of [[admin.tokens]] must approve")]
    Nobody(String),
    /// The role does not suffice.
    #[error("ROLE: this needs the role {needs}", needs = .0.name())]
    Role(Role),
}

impl TicketState {
    /// A fresh ticket.
    #[must_use]
    pub const fn fresh() -> Self {
        Self::Open { approved_by: Vec::new() }
    }

    /// The name in API, pages and store.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Lapsed { .. } => "lapsed",
        }
    }

    /// One person agrees. With four eyes the ticket stays open until a second one does.
    ///
    /// # Errors
    /// [`TicketError`] when closed, or when four eyes are needed and this person, by whatever name, asked for it, has approved already, or cannot
    /// be told from others.
    pub fn approve(self, person: &str, requester: Option<&str>, eyes: Eyes, at: ProductTime) -> Result<Self, TicketError> {
        let Self::Open { mut approved_by } = self else { return Err(TicketError::Closed(self.name())) };
        if eyes == Eyes::Four && requester.is_some_and(|requester| issuer(requester) == issuer(person)) {
            return Err(TicketError::OwnRequest(person.to_owned()));
        }
        if eyes == Eyes::Four && issuer(person) == LOCAL {
            return Err(TicketError::Nobody(person.to_owned()));
        }
        if approved_by.iter().any(|earlier| issuer(earlier) == issuer(person)) {
            return Err(TicketError::SamePerson(person.to_owned()));
        }
        approved_by.push(person.to_owned());
        let enough = match eyes {
            Eyes::Two => 1,
            Eyes::Four => 2,
        };
        Ok(if approved_by.len() >= enough { Self::Approved { by: approved_by, at } } else { Self::Open { approved_by } })
    }

    /// One person refuses.
    ///
    /// # Errors
    /// [`TicketError::Closed`].
    pub fn reject(self, person: &str, note: &str, at: ProductTime) -> Result<Self, TicketError> {
        match self {
            Self::Open { .. } => Ok(Self::Rejected { by: person.to_owned(), at, note: note.to_owned() }),
            Self::Approved { .. } | Self::Rejected { .. } | Self::Expired { .. } | Self::Lapsed { .. } => Err(TicketError::Closed(self.name())),
        }
    }

    /// Its deadline has passed.
    ///
    /// # Errors
    /// [`TicketError::Closed`].
    pub fn expire(self, at: ProductTime) -> Result<Self, TicketError> {
        match self {
            Self::Open { .. } => Ok(Self::Expired { at }),
            Self::Approved { .. } | Self::Rejected { .. } | Self::Expired { .. } | Self::Lapsed { .. } => Err(TicketError::Closed(self.name())),
        }
    }

    /// What it was about is gone.
    ///
    /// # Errors
    /// [`TicketError::Closed`].
    pub fn lapse(self, why: &str, at: ProductTime) -> Result<Self, TicketError> {
        match self {
            Self::Open { .. } => Ok(Self::Lapsed { at, why: why.to_owned() }),
            Self::Approved { .. } | Self::Rejected { .. } | Self::Expired { .. } | Self::Lapsed { .. } => Err(TicketError::Closed(self.name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: ProductTime = ProductTime::from_ms(1);

    #[test]
    fn one_person_runs_a_workspace_below_the_four_eyes_amount() {
        let state = TicketState::fresh().approve("ann", Some("ann"), Eyes::Two, AT);
        assert_eq!(state, Ok(TicketState::Approved { by: vec!["ann".into()], at: AT }));
    }

    #[test]
    fn four_eyes_are_those_of_two_people_who_did_not_ask() {
        assert_eq!(TicketState::fresh().approve("ann", Some("ann"), Eyes::Four, AT), Err(TicketError::OwnRequest("ann".into())));
        let half = TicketState::fresh().approve("bob", Some("ann"), Eyes::Four, AT).expect("the first approval counts");
        assert_eq!(half.clone().approve("bob", Some("ann"), Eyes::Four, AT), Err(TicketError::SamePerson("bob".into())));
        assert_eq!(half.approve("cid", Some("ann"), Eyes::Four, AT).map(|state| state.name()), Ok("approved"));
    }

    #[test]
    fn who_can_sign_in_under_many_names_is_one_person_all_the_same() {
        let (ann, bob) = (vouched("ann", "ann"), vouched("bob", "ann"));
        assert_eq!((ann.as_str(), bob.as_str()), ("ann", "bob/ann"));
        assert_eq!(TicketState::fresh().approve(&bob, Some(&ann), Eyes::Four, AT), Err(TicketError::OwnRequest(bob.clone())));
        assert_eq!(TicketState::fresh().approve(&ann, Some(&bob), Eyes::Four, AT), Err(TicketError::OwnRequest(ann.clone())));
        let half = TicketState::fresh().approve(&ann, None, Eyes::Four, AT).expect("the first approval counts");
        assert_eq!(half.clone().approve(&bob, None, Eyes::Four, AT), Err(TicketError::SamePerson(bob)));
        for owner in [LOCAL.to_owned(), vouched("owner", LOCAL)] {
            assert_eq!(half.clone().approve(&owner, None, Eyes::Four, AT), Err(TicketError::Nobody(owner.clone())));
            assert!(TicketState::fresh().approve(&owner, None, Eyes::Two, AT).is_ok());
        }
        assert_eq!(half.approve("cid", None, Eyes::Four, AT).map(|state| state.name()), Ok("approved"));
    }

    #[test]
    fn a_closed_ticket_is_never_answered_again() {
        let closed = TicketState::fresh().reject("ann", "no", AT).expect("an open ticket");
        assert!(closed.clone().approve("bob", None, Eyes::Two, AT).is_err());
        assert!(closed.clone().reject("bob", "", AT).is_err());
        assert!(closed.expire(AT).is_err());
    }
}
