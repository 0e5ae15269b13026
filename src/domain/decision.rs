//! The state machine of a decision. Each transition consumes the state it leaves; each is one row in the log.
//!
//! ```text
//! proposed   -> withdrawn | denied | escalated | authorised
//! escalated  -> approved | rejected | expired;   approved -> authorised | denied
//! authorised -> dispatched | superseded | expired | cancelled
//! dispatched -> applied | failed | unknown;      proven not executed -> authorised, at most 3 attempts
//! unknown    -> applied | failed | escalated
//! applied    -> scored | void
//! ```

use serde::{Deserialize, Serialize};

/// Most attempts a decision gets when the earlier ones are proven not to have been executed.
pub const MAX_ATTEMPTS: u32 = 3;

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DecisionState {
    /// Asked for; nothing has been judged.
    Proposed,
    /// Lost in arbitration.
    Withdrawn,
    /// A guardrail refused it.
    Denied,
    /// A person is asked.
    Escalated,
    /// A person agreed; the guardrails judge again.
    Approved,
    /// A person refused.
    Rejected,
    /// Its time ran out before it was carried out.
    Expired,
    /// May be sent.
    Authorised {
        /// Attempts already made, all proven not executed; below [`MAX_ATTEMPTS`].
        attempts: u32,
    },
    /// A newer decision took its place before it was sent.
    Superseded,
    /// Withdrawn by a person or by a resume before it was sent.
    Cancelled,
    /// A request left, or may have left.
    Dispatched {
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The platform shows the new value.
    Applied,
    /// The platform did not take it.
    Failed,
    /// Nobody knows yet whether the platform took it: settled by reading, never repeated blindly.
    Unknown,
    /// Its outcome was scored.
    Scored,
    /// Its outcome cannot be scored.
    Void,
}

/// What happens to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It lost in arbitration.
    Withdraw,
    /// A guardrail refuses it.
    Deny,
    /// A person must be asked.
    Escalate,
    /// It may be sent.
    Authorise,
    /// A person agrees.
    Approve,
    /// A person refuses.
    Reject,
    /// Its time ran out.
    Expire,
    /// A newer decision takes its place.
    Supersede,
    /// A person calls it off.
    Cancel,
    /// Its request is about to leave.
    Dispatch,
    /// The last attempt is proven not to have been executed.
    NotExecuted,
    /// The platform shows the new value.
    Apply,
    /// The platform did not take it.
    Fail,
    /// The request left and nothing proves what became of it.
    LoseSight,
    /// Its outcome is scored.
    Score,
    /// Its outcome cannot be scored.
    Void,
}

/// A transition the machine does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a decision that is {from} cannot {event:?}")]
pub struct InvalidTransition {
    /// The state it was in.
    pub from: &'static str,
    /// What was to happen.
    pub event: Event,
}

impl DecisionState {
    /// The name in log, API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Withdrawn => "withdrawn",
            Self::Denied => "denied",
            Self::Escalated => "escalated",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Authorised { .. } => "authorised",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Dispatched { .. } => "dispatched",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Scored => "scored",
            Self::Void => "void",
        }
    }

    /// Reads back a stored name and its attempt count.
    #[must_use]
    pub fn from_parts(name: &str, attempt: u32) -> Option<Self> {
        Some(match name {
            "proposed" => Self::Proposed,
            "withdrawn" => Self::Withdrawn,
            "denied" => Self::Denied,
            "escalated" => Self::Escalated,
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            "expired" => Self::Expired,
            "authorised" => Self::Authorised { attempts: attempt },
            "superseded" => Self::Superseded,
            "cancelled" => Self::Cancelled,
            "dispatched" => Self::Dispatched { attempt },
            "applied" => Self::Applied,
            "failed" => Self::Failed,
            "unknown" => Self::Unknown,
            "scored" => Self::Scored,
            "void" => Self::Void,
            _ => return None,
        })
    }

    /// Attempts made so far; what the store keeps beside the name.
    #[must_use]
    pub const fn attempt(self) -> u32 {
        match self {
            Self::Authorised { attempts } => attempts,
            Self::Dispatched { attempt } => attempt,
            Self::Proposed
            | Self::Withdrawn
            | Self::Denied
            | Self::Escalated
            | Self::Approved
            | Self::Rejected
            | Self::Expired
            | Self::Superseded
            | Self::Cancelled
            | Self::Applied
            | Self::Failed
            | Self::Unknown
            | Self::Scored
            | Self::Void => 0,
        }
    }

    /// Whether its target still counts as committed money: it may be, or may have been, sent and is not confirmed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Authorised { .. } | Self::Dispatched { .. } | Self::Unknown => true,
            Self::Proposed
            | Self::Withdrawn
            | Self::Denied
            | Self::Escalated
            | Self::Approved
            | Self::Rejected
            | Self::Expired
            | Self::Superseded
            | Self::Cancelled
            | Self::Applied
            | Self::Failed
            | Self::Scored
            | Self::Void => false,
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`InvalidTransition`] when the machine has no such step.
    pub fn on(self, event: Event) -> Result<Self, InvalidTransition> {
        Ok(match (self, event) {
            (Self::Proposed, Event::Withdraw) => Self::Withdrawn,
            (Self::Proposed | Self::Approved, Event::Deny) => Self::Denied,
            (Self::Proposed | Self::Unknown, Event::Escalate) => Self::Escalated,
            (Self::Proposed | Self::Approved, Event::Authorise) => Self::Authorised { attempts: 0 },
            (Self::Escalated, Event::Approve) => Self::Approved,
            (Self::Escalated, Event::Reject) => Self::Rejected,
            (Self::Escalated | Self::Authorised { .. }, Event::Expire) => Self::Expired,
            (Self::Authorised { .. }, Event::Supersede) => Self::Superseded,
            (Self::Authorised { .. }, Event::Cancel) => Self::Cancelled,
            (Self::Authorised { attempts }, Event::Dispatch) if attempts < MAX_ATTEMPTS => Self::Dispatched { attempt: attempts + 1 },
            (Self::Dispatched { attempt }, Event::NotExecuted) if attempt < MAX_ATTEMPTS => Self::Authorised { attempts: attempt },
            (Self::Dispatched { .. }, Event::NotExecuted) => Self::Failed,
            (Self::Dispatched { .. } | Self::Unknown, Event::Apply) => Self::Applied,
            (Self::Dispatched { .. } | Self::Unknown, Event::Fail) => Self::Failed,
            (Self::Dispatched { .. }, Event::LoseSight) => Self::Unknown,
            (Self::Applied, Event::Score) => Self::Scored,
            (Self::Applied, Event::Void) => Self::Void,
            (from, event) => return Err(InvalidTransition { from: from.name(), event }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 16] = [
        Event::Withdraw,
        Event::Deny,
        Event::Escalate,
        Event::Authorise,
        Event::Approve,
        Event::Reject,
        Event::Expire,
        Event::Supersede,
        Event::Cancel,
        Event::Dispatch,
        Event::NotExecuted,
        Event::Apply,
        Event::Fail,
        Event::LoseSight,
        Event::Score,
        Event::Void,
    ];

    #[test]
    fn an_unknown_outcome_is_never_sent_again() {
        for event in [Event::Dispatch, Event::Authorise, Event::NotExecuted] {
            assert!(DecisionState::Unknown.on(event).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_makes_more_than_three_attempts_or_leaves_a_final_state(events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..60)) {
            let (mut state, mut sent) = (DecisionState::Proposed, 0);
            for event in events {
                let Ok(next) = state.on(event) else { continue };
                prop_assert!(!matches!(state, DecisionState::Denied | DecisionState::Rejected | DecisionState::Expired | DecisionState::Superseded
                    | DecisionState::Cancelled | DecisionState::Failed | DecisionState::Scored | DecisionState::Void | DecisionState::Withdrawn));
                sent += u32::from(matches!(next, DecisionState::Dispatched { .. }));
                state = next;
            }
            prop_assert!(sent <= MAX_ATTEMPTS);
        }

        #[test]
        fn a_state_reads_back_from_its_name_and_attempt(events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..20)) {
            let state = events.into_iter().fold(DecisionState::Proposed, |state, event| state.on(event).unwrap_or(state));
            prop_assert_eq!(DecisionState::from_parts(state.name(), state.attempt()), Some(state));
        }
    }
}
