//! What a platform warns of beside its answers, such as a version of its interface that has ended: people are told once a day while it lasts.

use chrono::TimeDelta;
use tracing::warn;

use super::seats::Seats;
use crate::clock::ProductTime;
use crate::domain::alert::AlertKind;
use crate::domain::ids::AccountId;
use crate::domain::ticket::Severity;
use crate::platforms::Gateway;

/// How often people are told.
const TELL: TimeDelta = TimeDelta::days(1);

/// When people are told of one account's warnings next.
#[derive(Default)]
pub(super) struct Warnings {
    next: Option<ProductTime>,
}

impl Warnings {
    /// Tells people of what the account's platform has warned of, where it is time to.
    pub(super) async fn look(&mut self, seats: &Seats, account: &AccountId, gateway: &Gateway) {
        let now = seats.clock.now();
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let Some(words) = gateway.warning() else { return };
        self.next = Some(now + TELL);
        warn!(account = %account, warning = %words, "{} warns", gateway.platform());
        let title = format!(
            "{} warns about the version this program speaks, as account {account} meets it: {words}; a newer Adjutant is needed soon",
            gateway.platform()
        );
        seats.alert(AlertKind::Config, &format!("{account}: interface version"), Severity::Warning, title).await;
    }
}
