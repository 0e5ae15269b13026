//! Tokens that end: people are told a week ahead and again a day ahead, once each, so that a new one is there in time.

use chrono::TimeDelta;
use serde_json::json;
use tracing::{debug, error};

use super::control::{Event, Topic};
use super::seats::Seats;
use crate::clock::ProductTime;
use crate::domain::alert::AlertKind;
use crate::domain::ids::AccountId;
use crate::domain::ticket::Severity;
use crate::ledger::LedgerError;
use crate::platforms::Gateway;
use crate::tickets::alerts::{Notice, raise};

/// How often a token is asked about.
const LOOK: TimeDelta = TimeDelta::hours(6);

/// How soon a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ahead {
    Week,
    Day,
}

impl Ahead {
    fn of(left: TimeDelta) -> Option<Self> {
        match left {
            left if left <= TimeDelta::days(1) => Some(Self::Day),
            left if left <= TimeDelta::days(7) => Some(Self::Week),
            _ => None,
        }
    }

    const fn words(self) -> (&'static str, Severity) {
        match self {
            Self::Week => ("within a week", Severity::Warning),
            Self::Day => ("within a day", Severity::Critical),
        }
    }
}

/// When the token of one account is asked about next.
#[derive(Default)]
pub(super) struct Expiry {
    next: Option<ProductTime>,
}

impl Expiry {
    /// Asks when the token ends, where it is time to, and tells people of an end that is near. A token that is refused already is told of by whoever
    /// meets the refusal.
    pub(super) async fn look(&mut self, seats: &Seats, account: &AccountId, gateway: &Gateway) {
        let now = seats.clock.now();
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        self.next = Some(now + LOOK);
        let ends = match gateway.token_ends().await {
            Ok(Some(ends)) => ends,
            Ok(None) => return,
            Err(error) => {
                debug!(account = %account, error = %error, "the end of the token of `{account}` is not known");
                return;
            }
        };
        let Some(ahead) = Ahead::of(ends - now) else { return };
        if let Err(error) = tell(seats, account, ends, ahead).await {
            error!(account = %account, error = %error, "an alert could not be stored: the token of `{account}` ends at {ends}");
        }
    }
}

/// Raises the alert unless it was raised for this token before: what people took note of is not said again, also not after a restart.
async fn tell(seats: &Seats, account: &AccountId, ends: ProductTime, ahead: Ahead) -> Result<(), LedgerError> {
    let (words, severity) = ahead.words();
    let (key, told) = (format!("token_end_told.{account}"), format!("{} {words}", ends.ms()));
    let (ids, when, key, told) = (&seats.ids, seats.moment(), &key, &told);
    let raised = seats.store.write(|mut tx| async move {
        if tx.meta(key).await?.as_ref() == Some(told) {
            return Ok(false);
        }
        let subject = format!("{account}: token ends {words}");
        let title = format!("The access token of account {account} ends {words}, at {ends}: store a new one before, or nothing of it can be read or changed");
        let notice =
            Notice { kind: AlertKind::Credentials, subject: &subject, severity, title, payload: json!({ "account": account, "ends": ends.to_string() }) };
        raise(&mut tx, ids, notice, when).await?;
        tx.set_meta(key, told).await?;
        Ok::<_, LedgerError>(true)
    });
    if raised.await? {
        seats.tell(Event { topic: Topic::Alerts, cursor: 0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_a_week_and_a_day_ahead_and_not_before() {
        let at = |hours| Ahead::of(TimeDelta::hours(hours));
        assert_eq!((at(24 * 7 + 1), at(24 * 7), at(25)), (None, Some(Ahead::Week), Some(Ahead::Week)));
        assert_eq!((at(24), at(1), at(-5)), (Some(Ahead::Day), Some(Ahead::Day), Some(Ahead::Day)));
    }
}
