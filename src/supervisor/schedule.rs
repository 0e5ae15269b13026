//! What is due: pure functions of the product clock. Intervals run on UTC; wall times run by cron in a zone, where a skipped hour is made up
//! for at its end and a repeated hour counts once. Whoever holds the timer asks; nothing here waits.

use chrono::{DateTime, NaiveDate, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;
use sha2::{Digest, Sha256};

pub use crate::clock::day_start;
use crate::clock::{Clock, ProductTime, at_or_after};
use crate::config::{Schedules, cron};

/// The `last` of what has never been done: before anything that is scheduled, and a date every calendar has.
pub const NEVER: ProductTime = ProductTime::from_ms(0);

/// Longest stretch of wall time that a zone repeats. Source: the IANA database since 1970 without moves of the date line.
const LONGEST_FOLD: TimeDelta = TimeDelta::hours(3);

/// When something happens again and again.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// At every multiple of a span since the Unix epoch.
    Every(TimeDelta),
    /// At wall times of a zone.
    Wall {
        /// The wall times.
        cron: Box<Cron>,
        /// The zone.
        zone: Tz,
    },
}

impl Schedule {
    /// Wall times of `zone` by a cron line with seconds.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn wall(line: &str, zone: Tz) -> Result<Self, String> {
        Ok(Self::Wall { cron: Box::new(cron(line)?), zone })
    }

    /// The first occurrence after `now`; `None` when there is none any more.
    #[must_use]
    pub fn next_after(&self, now: ProductTime) -> Option<ProductTime> {
        match self {
            Self::Every(span) => {
                let span = span.num_milliseconds().max(1);
                Some(ProductTime::from_ms(now.ms().div_euclid(span).saturating_add(1).saturating_mul(span)))
            }
            Self::Wall { cron, zone } => {
                let mut naive = whole_seconds(*zone, now);
                loop {
                    naive = cron.find_next_occurrence(&naive, false).ok()?;
                    let at = at_or_after(*zone, naive.naive_utc());
                    if at > now {
                        return Some(at);
                    }
                }
            }
        }
    }

    /// The last occurrence at or before `now`; `None` when there is none.
    #[must_use]
    pub fn last_until(&self, now: ProductTime) -> Option<ProductTime> {
        match self {
            Self::Every(span) => {
                let span = span.num_milliseconds().max(1);
                Some(ProductTime::from_ms(now.ms().div_euclid(span).saturating_mul(span)))
            }
            Self::Wall { cron, zone } => {
                let offset = |at: ProductTime| TimeDelta::seconds(i64::from(zone.offset_from_utc_datetime(&at.utc().naive_utc()).fix().local_minus_utc()));
                // After clocks went back, wall times ahead of the one now shown have been passed already.
                let repeated = (offset(now - LONGEST_FOLD) - offset(now)).max(TimeDelta::zero());
                let mut naive = whole_seconds(*zone, now) + repeated;
                let mut inclusive = true;
                loop {
                    naive = cron.find_previous_occurrence(&naive, inclusive).ok()?;
                    let at = at_or_after(*zone, naive.naive_utc());
                    if at <= now {
                        return Some(at);
                    }
                    inclusive = false;
                }
            }
        }
    }
}

/// What a wall clock of `zone` shows, without the fraction of a second, which cron would carry along. Written as UTC, where no hour is special.
fn whole_seconds(zone: Tz, now: ProductTime) -> DateTime<Utc> {
    let naive = now.utc().with_timezone(&zone).naive_local();
    naive.with_nanosecond(0).unwrap_or(naive).and_utc()
}

/// One calendar day of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountDay {
    /// Its date.
    pub date: NaiveDate,
    /// When it begins.
    pub start: ProductTime,
    /// When the next one begins.
    pub end: ProductTime,
}

/// The day of `zone` that `now` falls on.
#[must_use]
pub fn account_day(zone: Tz, now: ProductTime) -> AccountDay {
    let date = now.date_in(zone);
    let next = date.succ_opt().unwrap_or(date);
    AccountDay { date, start: day_start(zone, date), end: day_start(zone, next) }
}

/// Whether the last run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underway {
    /// Nothing runs.
    No,
    /// The last run goes on.
    Yes,
}

/// What has been done of one schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last occurrence that was run or skipped, or the first start of the daemon.
    pub last: ProductTime,
    /// Whether a run goes on.
    pub underway: Underway,
    /// When a person asked for a run by hand that has not begun.
    pub asked: Option<ProductTime>,
}

/// What started a run; kept in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its time had come.
    Schedule,
    /// Its time came while nobody was there to notice.
    CatchUp,
    /// A person asked.
    Manual,
}

/// Why an occurrence is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The run before it goes on.
    Overlap,
    /// It lies further back than the catch-up window.
    TooLate,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Run once, and set `last` to `occurrence`.
    Run {
        /// The occurrence this run stands for; however many were missed, it is the newest.
        occurrence: ProductTime,
        /// What started it.
        trigger: Trigger,
    },
    /// Run nothing, and set `last` to `occurrence`.
    Skip {
        /// The occurrence passed over.
        occurrence: ProductTime,
        /// Why.
        why: Skipped,
    },
    /// Ask again then; never when `None`.
    NotYet(Option<ProductTime>),
}

/// A schedule that is later than its wall time by a fixed jitter, so that a thousand daemons do not call at once.
#[derive(Clone, Debug)]
pub struct Beat {
    /// When, before jitter.
    pub schedule: Schedule,
    /// How much later.
    pub jitter: TimeDelta,
    /// How late an occurrence may still be run.
    pub catch_up: TimeDelta,
}

impl Beat {
    /// What to do at `now`.
    #[must_use]
    pub fn due(&self, progress: Progress, now: ProductTime) -> Due {
        if let (Some(asked), Underway::No) = (progress.asked, progress.underway) {
            return Due::Run { occurrence: asked.max(progress.last), trigger: Trigger::Manual };
        }
        let newest = self.schedule.last_until(now - self.jitter).map(|at| at + self.jitter).filter(|at| *at > progress.last);
        let Some(occurrence) = newest else {
            return Due::NotYet(self.schedule.next_after((now - self.jitter).max(progress.last - self.jitter)).map(|at| at + self.jitter));
        };
        if progress.underway == Underway::Yes {
            return Due::Skip { occurrence, why: Skipped::Overlap };
        }
        let late = now - occurrence;
        if late > self.catch_up {
            return Due::Skip { occurrence, why: Skipped::TooLate };
        }
        let missed_others = self.schedule.next_after(progress.last - self.jitter).is_some_and(|first| first + self.jitter < occurrence);
        Due::Run { occurrence, trigger: if missed_others { Trigger::CatchUp } else { Trigger::Schedule } }
    }
}

/// A share of `most` that depends on the name and the seed alone.
#[must_use]
pub fn jitter(name: &str, seed: u64, most: TimeDelta) -> TimeDelta {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name.as_bytes()).finalize();
    let head = digest.iter().take(4).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    TimeDelta::milliseconds(i64::try_from((i128::from(most.num_milliseconds().max(0)) * i128::from(head)) >> 32).unwrap_or(0))
}

/// What is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// An account's spend is read.
    SpendPulse,
    /// All of an account is read.
    Observation,
    /// A pool's protective round: cuts, pauses, restores, pacing.
    Protective,
    /// A pool's allocation round.
    Allocation,
    /// The workspace's digest.
    Digest,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 5] = [Self::SpendPulse, Self::Observation, Self::Protective, Self::Allocation, Self::Digest];

    /// The name in run records and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpendPulse => "spend_pulse",
            Self::Observation => "observation",
            Self::Protective => "protective",
            Self::Allocation => "allocation",
            Self::Digest => "digest",
        }
    }

    /// When this job is done for `owner` (an account, a pool, the workspace) in `zone`. `None` under a time-lapse so fast that a full
    /// observation comes as often as a pulse could: then the pulse has nothing to add.
    ///
    /// # Errors
    /// What is wrong with a cron line; a checked configuration has none.
    pub fn beat(self, schedules: &Schedules, zone: Tz, owner: &str, seed: u64, clock: &Clock) -> Result<Option<Beat>, String> {
        let polls = Polls::of(schedules, clock);
        let every = |span: TimeDelta| {
            let most = (span / 20).min(TimeDelta::minutes(2));
            Some(Beat { schedule: Schedule::Every(span), jitter: jitter(owner, seed, most), catch_up: span })
        };
        let wall = |line: &str| -> Result<Option<Beat>, String> {
            let jitter = jitter(owner, seed, TimeDelta::minutes(2));
            Ok(Some(Beat { schedule: Schedule::wall(line, zone)?, jitter, catch_up: TimeDelta::hours(12) }))
        };
        match self {
            Self::SpendPulse => Ok(polls.pulse.and_then(every)),
            Self::Observation => Ok(every(polls.full)),
            Self::Protective => Ok(every(schedules.protective)),
            Self::Allocation => wall(&schedules.allocation),
            Self::Digest => wall(&schedules.digest),
        }
    }
}

/// The schedules of days that are unlike others: accounts are read twice as often, and looked after twice as often.
#[must_use]
pub fn watchful(schedules: &Schedules) -> Schedules {
    Schedules {
        spend_pulse: schedules.spend_pulse / 2,
        observation: schedules.observation / 2,
        protective: schedules.protective / 2,
        allocation: schedules.allocation.clone(),
        digest: schedules.digest.clone(),
    }
}

/// How often an account is read: at most four times a second of the host, however fast product time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Between two reads of spend alone; `None` when full reads come as often.
    pub pulse: Option<TimeDelta>,
    /// Between two full reads.
    pub full: TimeDelta,
}

impl Polls {
    /// The spacing under `clock`. With both kinds at work each gets half of the four.
    #[must_use]
    pub fn of(schedules: &Schedules, clock: &Clock) -> Self {
        let spaced = |span, wall_ms| clock.at_least(span, std::time::Duration::from_millis(wall_ms));
        let (pulse, full) = (spaced(schedules.spend_pulse, 500), spaced(schedules.observation, 500));
        if pulse < full { Self { pulse: Some(pulse), full } } else { Self { pulse: None, full: spaced(schedules.observation, 250) } }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
