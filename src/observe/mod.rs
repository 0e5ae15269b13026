//! Observing: polls an account, keeps its figures as versioned facts, and publishes one immutable view. May touch: platforms, store, domain, clock,
//! and learning's maturity. Decides nothing about money.

mod measure;
mod membership;
mod observer;
pub(crate) mod tracking;
mod view;

pub use measure::{Measuring, Names};
pub use observer::{Depth, Observation, Observer, figures_now, view_at};
pub use view::Observed;

use crate::platforms::PlatformError;
use crate::store::StoreError;

/// Why an account could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The platform could not be read; what is known grows old.
    #[error("the platform could not be read")]
    Platform(#[from] PlatformError),
    /// What was read could not be kept.
    #[error("what was read could not be stored")]
    Store(#[from] StoreError),
    /// A stored entity that this build cannot read.
    #[error("stored state cannot be read: {0}")]
    Unreadable(String),
}
