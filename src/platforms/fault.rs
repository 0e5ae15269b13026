//! A failure as a platform's own module judges it: what callers see, whom a wait stops, and what may help.

use super::PlatformError;
use super::limits::{PATIENCE, Pot, Wait};

/// A failure, and what only the platform's own module knows of it.
#[derive(Debug)]
pub(super) struct Fault {
    /// What callers see.
    pub error: PlatformError,
    /// Whom a wait stops.
    pub reach: Reach,
    /// What the platform's module may do about it.
    pub remedy: Remedy,
    /// How long a refusal for too many calls is to be waited for.
    pub wait: Option<Wait>,
    /// What such a refusal says of the quota.
    pub spent: Spent,
}

/// Whom a wait stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This object alone.
    Object,
    /// Every call that counts there.
    Pot(Pot),
}

/// What a refusal for too many calls says of the quota of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// Nothing: the calls came too fast, or nobody says.
    Unsaid,
    /// All of it is used.
    All,
}

/// What may help against a failure, beyond repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing here.
    None,
    /// Asking for less at once.
    SmallerPage,
    /// A fresh access token.
    FreshToken,
    /// Starting over from the first page.
    StartOver,
    /// Waiting, which the platform's module sees to itself: the read is not repeated here.
    Later,
}

impl From<PlatformError> for Fault {
    fn from(error: PlatformError) -> Self {
        Self { error, reach: Reach::Pot(Pot::Account), remedy: Remedy::None, wait: None, spent: Spent::Unsaid }
    }
}

impl From<Fault> for PlatformError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl Fault {
    /// A refusal for too many calls: what `reach` names waits.
    pub(super) fn quota(wait: Wait, reach: Reach, what: String) -> Self {
        let error = PlatformError::Quota { wait: wait.after(0), what };
        Self { error, reach, remedy: Remedy::None, wait: Some(wait), spent: Spent::Unsaid }
    }

    /// The same, where the platform says that all of the span's quota is used.
    pub(super) fn all_spent(self) -> Self {
        Self { spent: Spent::All, ..self }
    }

    /// With a remedy.
    pub(super) fn with(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    /// Whether the same read may be sent again now.
    pub(super) fn repeats(&self) -> bool {
        self.remedy == Remedy::None
            && match &self.error {
                PlatformError::Transient(_) => true,
                PlatformError::Quota { wait, .. } => *wait <= PATIENCE,
                PlatformError::Auth(_)
                | PlatformError::Permission(_)
                | PlatformError::Policy(_)
                | PlatformError::Validation(_)
                | PlatformError::NotFound(_)
                | PlatformError::Conflict(_)
                | PlatformError::NotSent(_)
                | PlatformError::Unknown(_)
                | PlatformError::Unsupported(_) => false,
            }
    }
}
