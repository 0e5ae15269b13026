use std::time::Duration;

use proptest::prelude::*;

use super::*;

const NEW_YORK: Tz = chrono_tz::America::New_York;

fn at(text: &str) -> ProductTime {
    ProductTime::from(DateTime::parse_from_rfc3339(text).expect("a literal instant").to_utc())
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a literal date")
}

fn wall(line: &str, zone: Tz) -> Schedule {
    Schedule::wall(line, zone).expect("a literal cron line")
}

fn beat(schedule: Schedule, catch_up: TimeDelta) -> Beat {
    Beat { schedule, jitter: TimeDelta::zero(), catch_up }
}

fn idle(last: &str) -> Progress {
    Progress { last: at(last), underway: Underway::No, asked: None }
}

#[test]
fn a_day_without_midnight_begins_at_the_first_instant_it_has() {
    for (zone, date, start) in [
        (chrono_tz::America::Sao_Paulo, "2018-11-04", "2018-11-04T03:00:00Z"),
        (chrono_tz::Africa::Cairo, "2023-04-28", "2023-04-27T22:00:00Z"),
        (chrono_tz::Asia::Beirut, "2022-03-27", "2022-03-26T22:00:00Z"),
        (chrono_tz::America::Havana, "2026-03-08", "2026-03-08T05:00:00Z"),
        (NEW_YORK, "2026-03-08", "2026-03-08T05:00:00Z"),
        (chrono_tz::UTC, "2026-03-08", "2026-03-08T00:00:00Z"),
    ] {
        assert_eq!(day_start(zone, day(date)), at(start), "{zone} {date}");
        let local = day_start(zone, day(date)).utc().with_timezone(&zone);
        assert_eq!(local.date_naive(), day(date), "{zone} {date}");
    }
}

#[test]
fn a_repeated_midnight_begins_the_day_once() {
    // Havana's clocks go from 01:00 back to 00:00.
    let today = account_day(chrono_tz::America::Havana, at("2026-11-01T06:30:00Z"));
    assert_eq!((today.date, today.start, today.end), (day("2026-11-01"), at("2026-11-01T04:00:00Z"), at("2026-11-02T05:00:00Z")));
}

#[test]
fn a_date_the_zone_never_had_begins_with_the_next_one() {
    let apia = chrono_tz::Pacific::Apia;
    assert_eq!(day_start(apia, day("2011-12-30")), day_start(apia, day("2011-12-31")));
    assert_eq!(day_start(apia, day("2011-12-31")), at("2011-12-30T10:00:00Z"));
}

#[test]
fn days_have_23_and_25_hours_where_clocks_change() {
    let hours = |now: &str| {
        let day = account_day(NEW_YORK, at(now));
        (day.end - day.start).num_hours()
    };
    assert_eq!([hours("2026-03-08T12:00:00Z"), hours("2026-03-09T12:00:00Z"), hours("2026-11-01T12:00:00Z")], [23, 24, 25]);
}

#[test]
fn a_wall_time_in_a_skipped_hour_comes_at_its_end_and_only_once() {
    let nightly = wall("0 30 2 * * *", NEW_YORK);
    let first = nightly.next_after(at("2026-03-08T00:00:00-05:00"));
    assert_eq!(first, Some(at("2026-03-08T03:00:00-04:00")));
    assert_eq!(nightly.next_after(at("2026-03-08T03:00:00-04:00")), Some(at("2026-03-09T02:30:00-04:00")));
    let often = wall("0 */15 2 * * *", NEW_YORK);
    assert_eq!(often.next_after(at("2026-03-08T03:00:00-04:00")), Some(at("2026-03-09T02:00:00-04:00")));
}

#[test]
fn a_wall_time_in_a_repeated_hour_counts_once() {
    let nightly = wall("0 30 1 * * *", NEW_YORK);
    assert_eq!(nightly.next_after(at("2026-11-01T00:00:00-04:00")), Some(at("2026-11-01T01:30:00-04:00")));
    assert_eq!(nightly.next_after(at("2026-11-01T01:10:00-05:00")), Some(at("2026-11-02T01:30:00-05:00")), "the second 01:30 is not another one");
    assert_eq!(nightly.last_until(at("2026-11-01T01:10:00-05:00")), Some(at("2026-11-01T01:30:00-04:00")));
    assert_eq!(nightly.last_until(at("2026-11-01T01:20:00-04:00")), Some(at("2026-10-31T01:30:00-04:00")));
}

#[test]
fn intervals_run_on_utc_through_every_change_of_the_clocks() {
    let hourly = Schedule::Every(TimeDelta::hours(1));
    let mut now = at("2026-11-01T04:30:00Z");
    for hour in 5..10 {
        now = hourly.next_after(now).expect("an interval never ends");
        assert_eq!(now, at(&format!("2026-11-01T{hour:02}:00:00Z")));
    }
}

#[test]
fn after_downtime_the_missed_occurrences_are_run_once() {
    let protective = beat(Schedule::Every(TimeDelta::hours(4)), TimeDelta::hours(4));
    let now = at("2026-05-09T09:10:00Z");
    let due = protective.due(idle("2026-05-06T00:00:00Z"), now);
    assert_eq!(due, Due::Run { occurrence: at("2026-05-09T08:00:00Z"), trigger: Trigger::CatchUp });
    assert_eq!(protective.due(idle("2026-05-09T08:00:00Z"), now), Due::NotYet(Some(at("2026-05-09T12:00:00Z"))));
}

#[test]
fn what_is_later_than_the_catch_up_window_is_skipped_and_not_run() {
    let allocation = beat(wall("0 0 3 * * *", NEW_YORK), TimeDelta::hours(12));
    let progress = idle("2026-05-05T07:00:00Z");
    assert_eq!(allocation.due(progress, at("2026-05-06T19:00:00Z")), Due::Run { occurrence: at("2026-05-06T07:00:00Z"), trigger: Trigger::Schedule });
    assert_eq!(allocation.due(progress, at("2026-05-06T19:00:01Z")), Due::Skip { occurrence: at("2026-05-06T07:00:00Z"), why: Skipped::TooLate });
    assert_eq!(allocation.due(progress, at("2026-05-06T06:59:59Z")), Due::NotYet(Some(at("2026-05-06T07:00:00Z"))));
}

#[test]
fn an_occurrence_that_meets_a_running_round_is_skipped() {
    let hourly = beat(Schedule::Every(TimeDelta::hours(1)), TimeDelta::hours(1));
    let busy = Progress { underway: Underway::Yes, ..idle("2026-05-06T07:00:00Z") };
    assert_eq!(hourly.due(busy, at("2026-05-06T08:00:00Z")), Due::Skip { occurrence: at("2026-05-06T08:00:00Z"), why: Skipped::Overlap });
}

#[test]
fn a_person_can_ask_for_a_run_but_not_for_two_at_once() {
    let hourly = beat(Schedule::Every(TimeDelta::hours(1)), TimeDelta::hours(1));
    let now = at("2026-05-06T07:20:00Z");
    let asked = Progress { asked: Some(now), ..idle("2026-05-06T07:00:00Z") };
    assert_eq!(hourly.due(asked, now), Due::Run { occurrence: now, trigger: Trigger::Manual });
    assert_eq!(hourly.due(Progress { underway: Underway::Yes, ..asked }, now), Due::NotYet(Some(at("2026-05-06T08:00:00Z"))));
}

#[test]
fn jitter_depends_on_name_and_seed_and_stays_below_its_limit() {
    let most = TimeDelta::minutes(2);
    assert_eq!(jitter("core", 7, most), jitter("core", 7, most));
    assert_ne!(jitter("core", 7, most), jitter("core", 8, most));
    assert_ne!(jitter("core", 7, most), jitter("other", 7, most));
    for seed in 0..200 {
        let jitter = jitter("core", seed, most);
        assert!(jitter >= TimeDelta::zero() && jitter < most);
    }
}

#[test]
fn under_jitter_an_occurrence_is_still_run_once() {
    let late = Beat { jitter: TimeDelta::seconds(90), ..beat(Schedule::Every(TimeDelta::hours(1)), TimeDelta::hours(1)) };
    let progress = idle("2026-05-06T07:01:30Z");
    assert_eq!(late.due(progress, at("2026-05-06T08:01:29Z")), Due::NotYet(Some(at("2026-05-06T08:01:30Z"))));
    let run = Due::Run { occurrence: at("2026-05-06T08:01:30Z"), trigger: Trigger::Schedule };
    assert_eq!(late.due(progress, at("2026-05-06T08:01:30Z")), run);
}

#[test]
fn no_time_lapse_polls_an_account_more_than_four_times_a_second() {
    let schedules = Schedules::default();
    for rate in [1, 100, 1_000, 7_000, 17_280, 172_800, 1_000_000] {
        let clock = Clock::time_lapse(at("2026-01-05T00:00:00Z"), rate, Clock::real().wall());
        let polls = Polls::of(&schedules, &clock);
        let per_second = |span: TimeDelta| Duration::from_secs(1).as_secs_f64() / clock.wall_span(span).as_secs_f64();
        let sum = polls.pulse.map_or(0.0, per_second) + per_second(polls.full);
        assert!(sum <= 4.0 + 1e-9, "rate {rate}: {sum} polls a second");
    }
    let real = Polls::of(&schedules, &Clock::real());
    assert_eq!(real, Polls { pulse: Some(TimeDelta::minutes(5)), full: TimeDelta::hours(1) });
}

#[test]
fn a_wall_time_that_never_comes_is_never_due() {
    let never = wall("0 0 0 30 2 *", NEW_YORK);
    assert_eq!(never.next_after(at("2026-01-05T00:00:00Z")), None);
    assert_eq!(beat(never, TimeDelta::hours(1)).due(idle("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z")), Due::NotYet(None));
}

#[test]
fn every_default_job_has_its_time() {
    let schedules = Schedules::default();
    for job in Job::ALL {
        let beat = job.beat(&schedules, NEW_YORK, "core", 7, &Clock::real()).expect("defaults are valid").expect("real time has room for all");
        assert!(beat.schedule.next_after(at("2026-01-05T00:00:00Z")).is_some(), "{}", job.name());
    }
    let allocation = Job::Allocation.beat(&schedules, NEW_YORK, "core", 7, &Clock::real()).expect("valid").expect("present");
    assert_eq!(allocation.schedule.next_after(at("2026-01-05T00:00:00Z")), Some(at("2026-01-05T08:00:00Z")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_any_zone_a_nightly_job_runs_once_a_day_and_days_follow_each_other(zone in 0..chrono_tz::TZ_VARIANTS.len(), hour in 0..24_u32, offset in 0..1_500_i64) {
        let zone = chrono_tz::TZ_VARIANTS[zone];
        let nightly = wall(&format!("0 30 {hour} * * *"), zone);
        let mut now = at("2023-01-01T12:00:00Z") + TimeDelta::days(offset);
        let mut date = None;
        for _ in 0..20 {
            let next = nightly.next_after(now).expect("every day has one");
            prop_assert!(next > now && next - now <= TimeDelta::hours(27), "{zone} {now} {next}");
            prop_assert_eq!(nightly.last_until(next), Some(next));
            prop_assert_eq!(nightly.last_until(next - TimeDelta::milliseconds(1)).filter(|last| *last > now), None);
            let today = account_day(zone, next);
            prop_assert!(today.start <= next && next < today.end);
            prop_assert_ne!(date, Some(today.date));
            (date, now) = (Some(today.date), next);
        }
    }
}
