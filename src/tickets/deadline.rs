//! When an answer is due: business hours of the workspace, Monday to Friday from nine to six. Pure.

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Weekday};
use chrono_tz::Tz;

use crate::clock::ProductTime;

/// First hour of a business day.
const OPENS: u32 = 9;
/// Hour a business day ends at.
const CLOSES: u32 = 18;
/// Share of the time to the deadline, in percent, after which its owners are reminded.
const REMIND_PCT: i64 = 60;

/// The instant at which `hours` business hours have passed since `from` in `zone`.
#[must_use]
pub fn after_business_hours(from: ProductTime, hours: u32, zone: Tz) -> ProductTime {
    let mut left = TimeDelta::hours(i64::from(hours));
    let mut day = from.date_in(zone);
    loop {
        if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            let (opens, closes) = (at_hour(day, OPENS, zone).max(from), at_hour(day, CLOSES, zone));
            let here = (closes - opens).max(TimeDelta::zero());
            if left <= here {
                return opens + left;
            }
            left -= here;
        }
        let Some(next) = day.checked_add_days(Days::new(1)) else { return from };
        day = next;
    }
}

/// When the owners of something due at `deadline` are reminded.
#[must_use]
pub fn reminder(opened: ProductTime, deadline: ProductTime) -> ProductTime {
    opened + TimeDelta::milliseconds((deadline - opened).num_milliseconds() / 100 * REMIND_PCT)
}

/// The first instant of `day` in `zone` whose clock shows `hour` or later.
fn at_hour(day: NaiveDate, hour: u32, zone: Tz) -> ProductTime {
    let wanted = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day"));
    // A clock that jumps over the hour shows the next full one within two hours.
    let found = (0..=4).find_map(|half| zone.from_local_datetime(&(wanted + TimeDelta::minutes(30 * half))).earliest());
    ProductTime::from_ms(found.map_or_else(|| wanted.and_utc().timestamp_millis(), |at| at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> ProductTime {
        chrono::DateTime::parse_from_rfc3339(text).expect("a literal instant").with_timezone(&chrono::Utc).into()
    }

    #[test]
    fn a_ticket_opened_on_friday_evening_is_due_on_monday() {
        let due = after_business_hours(utc("2026-01-09T17:00:00Z"), 4, Tz::UTC);
        assert_eq!(due, utc("2026-01-12T12:00:00Z"));
    }

    #[test]
    fn nights_and_weekends_do_not_count_and_hours_are_those_of_the_zone() {
        assert_eq!(after_business_hours(utc("2026-01-10T03:00:00Z"), 1, Tz::UTC), utc("2026-01-12T10:00:00Z"));
        assert_eq!(after_business_hours(utc("2026-01-05T09:00:00Z"), 27, Tz::UTC), utc("2026-01-07T18:00:00Z"));
        assert_eq!(after_business_hours(utc("2026-01-05T00:00:00Z"), 1, chrono_tz::America::New_York), utc("2026-01-05T15:00:00Z"));
    }

    #[test]
    fn the_reminder_comes_before_the_deadline() {
        let (opened, due) = (ProductTime::from_ms(0), ProductTime::from_ms(1_000));
        assert_eq!(reminder(opened, due), ProductTime::from_ms(600));
    }
}
