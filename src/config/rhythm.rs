//! `[schedules]`, `[calendar.NAME]`, `[approvals]` and `[notify.NAME]`: when things are done, what days are special, who is asked and told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use rust_decimal::Decimal;
use url::Url;

use super::accounts::named;
use super::fault::shown;
use super::form::{self, Form, Misfit};
use super::guardrails::{FOUR_EYES, NUMBERS};
use super::reader::{Page, Section};
use super::secret::{self, SecretRef};
use crate::domain::ids::NodeId;
use crate::domain::money::Currency;
use crate::domain::policy::{ApprovalPolicy, CalendarEffect, CalendarEvent, Guardrails};

/// When what is done. Intervals run on UTC, wall times by cron with seconds in the zone of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedules {
    /// Between two reads of spend alone.
    pub spend_pulse: TimeDelta,
    /// Between two full reads.
    pub observation: TimeDelta,
    /// Between two protective rounds: cuts, pauses, restores, pacing.
    pub protective: TimeDelta,
    /// The allocation round.
    pub allocation: String,
    /// The daily digest.
    pub digest: String,
}

impl Default for Schedules {
    fn default() -> Self {
        Self {
            spend_pulse: TimeDelta::minutes(5),
            observation: TimeDelta::hours(1),
            protective: TimeDelta::hours(4),
            allocation: "0 0 3 * * *".to_owned(),
            digest: "0 0 8 * * *".to_owned(),
        }
    }
}

/// A schedule by wall time: seconds, minutes, hours, day of month, month, day of week.
///
/// # Errors
/// What croner says is wrong with it.
pub fn cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    parser.parse(text).map_err(|error| error.to_string())
}

pub(super) fn schedules(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Schedules {
    let (minute, hour, day) = (Duration::from_secs(60), Duration::from_secs(3_600), Duration::from_secs(86_400));
    let defaults = Schedules::default();
    let mut section = root.section(page, "schedules");
    let span = |least, most| form::duration(least, most).map(|span| TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX));
    let wall = || {
        Form::text("a cron line with seconds such as \"0 0 3 * * *\": second, minute, hour, day, month, weekday", |text| {
            if text.split_whitespace().count() != 6 || text.len() > 200 {
                return Err(Misfit::from(format!("`{}` has not six fields", shown(text))));
            }
            let times = cron(text).map_err(|error| Misfit::from(format!("`{}`: {}", shown(text), shown(&error))))?;
            // Any year will do: a line repeats within the leap years that follow.
            let first = DateTime::UNIX_EPOCH + TimeDelta::days(365 * 50);
            let next: Vec<_> = times.iter_after(first).take(50).collect();
            if next.is_empty() {
                return Err(Misfit::from(format!("`{}` never comes", shown(text))));
            }
            if next.windows(2).any(|pair| pair[1] - pair[0] < TimeDelta::hours(1)) {
                return Err(Misfit::from(format!("`{}` comes more than once an hour", shown(text))));
            }
            Ok(text.to_owned())
        })
    };
    let read = Schedules {
        spend_pulse: section.or(page, "spend_pulse", &span(minute, hour), defaults.spend_pulse),
        observation: section.or(page, "observation", &span(5 * minute, 3 * hour), defaults.observation),
        protective: section.or(page, "protective", &span(5 * minute, day), defaults.protective),
        allocation: section.or(page, "allocation", &wall(), defaults.allocation),
        digest: section.or(page, "digest", &wall(), defaults.digest),
    };
    section.end(page);
    if read.spend_pulse > read.observation {
        page.fault("schedules.spend_pulse", "the quick look at spend would come less often than the full one", "a spend_pulse of at most observation");
    }
    read
}

pub(super) fn calendar(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Vec<CalendarEvent> {
    let mut events = Vec::new();
    for (name, mut section) in root.named(page, "calendar") {
        let id: Option<NodeId> = named(page, &section.at, &name);
        let from = section.required(page, "from", &form::date());
        let to = section.required(page, "to", &form::date());
        if let (Some(from), Some(to)) = (from, to) {
            if from > to {
                page.fault(&section.path("to"), format!("{to} is before {from}"), "`to` on or after `from`");
            } else if (to - from).num_days() > 366 {
                page.fault(&section.path("to"), "the event is longer than a year", "an event of at most 366 days");
            }
        }
        let effect = effect(page, &mut section);
        section.end(page);
        if let (Some(_), Some(from), Some(to), Some(effect)) = (id, from, to, effect) {
            events.push(CalendarEvent { name, from, to, effect });
        }
    }
    events
}

fn effect(page: &mut Page<'_>, section: &mut Section<'_, '_>) -> Option<CalendarEffect> {
    const WORDS: [(&str, CalendarEffect); 2] = [("volatile", CalendarEffect::Volatile), ("freeze", CalendarEffect::Freeze)];
    const EXPECTED: &str = "effect = \"volatile\" or \"freeze\", or season = { demand = 1.4 }";
    let both = section.is_key_written("effect") && section.is_key_written("season");
    let neither = !section.is_key_written("effect") && !section.is_key_written("season");
    let word = section.optional(page, "effect", &form::choice(&WORDS));
    let mut season = section.section(page, "season");
    let demand = season.required(page, "demand", &form::decimal(Decimal::new(1, 2), Decimal::TEN));
    season.end(page);
    if both {
        page.fault(&section.path("season"), "the event has an effect already", EXPECTED);
    }
    if neither {
        page.fault(&section.at, "the event has no effect", EXPECTED);
    }
    word.or(demand.map(|demand| CalendarEffect::Season { demand }))
}

pub(super) fn approvals(page: &mut Page<'_>, root: &mut Section<'_, '_>, rails: &mut Guardrails, currencies: &BTreeSet<Currency>, zone: Tz) -> ApprovalPolicy {
    let mut section = root.section(page, "approvals");
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    let hours = || form::duration(hour, 90 * day).map(|span| u32::try_from(span.as_secs() / 3_600).unwrap_or(u32::MAX));
    let critical_h = section.or(page, "critical", &hours(), 4);
    let other_h = section.or(page, "other", &hours(), 24);
    if critical_h > other_h {
        page.fault("approvals.critical", "a critical ticket would wait longer than any other", "critical at most other");
    }
    let time_zone = section.or(page, "time_zone", &form::zone(), zone);
    if !section.is_key_written(FOUR_EYES) {
        page.defaulted.insert(section.path(FOUR_EYES));
    }
    for number in NUMBERS.iter().filter(|number| number.key == FOUR_EYES) {
        number.read(page, &mut section, rails, currencies);
    }
    section.end(page);
    ApprovalPolicy { critical_h, other_h, time_zone }
}

/// `[notify.NAME]`: where alerts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The receiver.
    pub url: Url,
    /// Signs each alert.
    pub secret: SecretRef,
}

pub(super) fn notify(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> BTreeMap<String, Webhook> {
    let mut sinks = BTreeMap::new();
    for (name, mut section) in root.named(page, "notify") {
        let id: Option<NodeId> = named(page, &section.at, &name);
        section.required(page, "kind", &form::choice(&[("webhook", ())]));
        let url = section.required(page, "url", &form::url());
        let secret = section.required(page, "secret", &secret::form(page));
        section.end(page);
        if let (Some(_), Some(url), Some(secret)) = (id, url, secret) {
            sinks.insert(name, Webhook { url, secret });
        }
    }
    sinks
}
