//! Account days as instants.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::ProductTime;

/// The first instant of `date` in `zone`; the first one that exists where clocks skip midnight, the earlier one where it happens twice.
pub(crate) fn start_of(zone: Tz, date: NaiveDate) -> ProductTime {
    let midnight = date.and_hms_opt(0, 0, 0).unwrap_or_default();
    let start: Option<DateTime<Tz>> = (0..=8).find_map(|quarter| zone.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarter))).earliest());
    ProductTime::from(start.map_or_else(|| midnight.and_utc(), |start| start.to_utc()))
}

/// First instant of `date` and of the day after it.
pub(crate) fn span(zone: Tz, date: NaiveDate) -> (ProductTime, ProductTime) {
    (start_of(zone, date), start_of(zone, next(date)))
}

/// The day after.
pub(crate) fn next(date: NaiveDate) -> NaiveDate {
    date.checked_add_days(Days::new(1)).unwrap_or(date)
}

/// The days from `from` to `to`, both included.
pub(crate) fn between(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to)
}
