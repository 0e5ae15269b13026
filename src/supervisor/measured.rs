//! What people are told of a measurement beside a platform: each state once.

use tracing::warn;

use super::seats::Seats;
use crate::domain::alert::AlertKind;
use crate::domain::ids::AccountId;
use crate::domain::measurement::{Second, Standing};
use crate::domain::ticket::Severity;
use crate::observe::{Measuring, Observation};
use crate::platforms::PlatformError;

/// What has been told of one account and still holds.
#[derive(Default)]
pub(super) struct Told {
    second: Option<Second>,
    gap: bool,
    refused: bool,
}

impl Told {
    /// Tells what is new after a read.
    pub(super) async fn tell(&mut self, seats: &Seats, account: &AccountId, measuring: &Measuring, read: &Observation) {
        let name = measuring.property.name();
        let trouble = read.trouble.as_deref();
        if let Some(error) = trouble {
            warn!(account = %account, error = %error, "GA4 property `{name}` could not be read");
        }
        let refused = trouble.is_some_and(|error| matches!(error, PlatformError::Auth(_) | PlatformError::Permission(_)));
        if refused && !self.refused {
            let title = format!("GA4 refuses the credentials of [measurement.ga4.{name}]: {}", trouble.map(ToString::to_string).unwrap_or_default());
            seats.alert(AlertKind::Credentials, &format!("measurement.ga4.{name}"), Severity::Warning, title).await;
        }
        let Some(measurement) = &read.view.measurement else { return };
        let second = match measurement.standing {
            Standing::First => None,
            Standing::Second(why) => Some(why),
        };
        if let Some(why) = second
            && self.second != second
        {
            let cause = trouble.map(|error| format!(" ({error})")).unwrap_or_default();
            let title = format!("GA4 property {name} does not count for account {account}, whose own conversions do: {}{cause}", why.words());
            seats.alert(AlertKind::Gap, &format!("{account} ga4"), Severity::Warning, title).await;
        }
        if let (Some(pct), false) = (measurement.gap_pct, self.gap) {
            let words = if pct < 0 { "fewer" } else { "more" };
            let title = format!("GA4 property {name} counts {} % {words} conversions than the platform of account {account} over a week", pct.abs());
            seats.alert(AlertKind::Gap, &format!("{account} ga4 gap"), Severity::Warning, title).await;
        }
        self.second = second;
        self.gap = measurement.gap_pct.is_some();
        // A read that was not tried says nothing of the credentials.
        if refused || (trouble.is_none() && second.is_none()) {
            self.refused = refused;
        }
    }
}
