//! Rows with figures: of campaigns, ad groups, ads and parts of an audience, by day where the date is selected.

use chrono::{Datelike, Days, NaiveDate, Timelike};
use serde_json::{Value, json};

use super::constants::COUNTRIES;
use super::gaql::{Condition, Operator, Query};
use super::rows::{self, Flat};
use super::{Fault, Refusal, below};
use crate::domain::entity::{Level, RunStatus};
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{World, days};

/// Days the real service keeps.
const OLDEST_DAYS: u64 = 1_130;

/// A part of something's figures: the fields that name it, and its weight.
type Share = (Vec<(&'static str, Value)>, u64);

const AGES: [(&str, u64); 7] = [
    ("AGE_RANGE_18_24", 14),
    ("AGE_RANGE_25_34", 26),
    ("AGE_RANGE_35_44", 22),
    ("AGE_RANGE_45_54", 15),
    ("AGE_RANGE_55_64", 9),
    ("AGE_RANGE_65_UP", 6),
    ("AGE_RANGE_UNDETERMINED", 8),
];
const GENDERS: [(&str, u64); 3] = [("FEMALE", 51), ("MALE", 41), ("UNDETERMINED", 8)];
const DEVICES: [(&str, u64); 3] = [("MOBILE", 63), ("DESKTOP", 31), ("TABLET", 6)];

/// Rows of a resource that has figures.
pub(super) fn rows(world: &mut World, account: usize, query: &Query, moment: &Moment) -> Result<Vec<Flat>, Refusal> {
    let wants = |name: &str| query.fields.iter().any(|field| field == name);
    let by_day = wants("segments.date");
    let counts = query.fields.iter().chain(query.conditions.iter().map(|condition| &condition.field)).any(|field| field.starts_with("metrics."));
    let today = moment.seen.date_in(world.accounts[account].zone);
    let (mut from, mut to) = (None, None);
    for condition in query.conditions.iter().filter(|condition| condition.field == "segments.date") {
        let (first, last) = dates(condition, today)?;
        from = first.or(from);
        to = last.or(to);
    }
    if by_day && (from.is_none() || to.is_none()) {
        return Err(Fault::query("EXPECTED_FILTERS_ON_DATE_RANGE", "A date segment in the SELECT clause needs a finite date range in the WHERE clause.").into());
    }
    if wants("segments.hour") && query.from == "ad_group_ad" {
        return Err(Fault::query("PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE", "segments.hour does not go with ad_group_ad.").into());
    }
    let (from, to) = (from.unwrap_or_else(|| world.since.date_in(world.accounts[account].zone)), to.unwrap_or(today).min(today));
    let from = from.max(today.checked_sub_days(Days::new(OLDEST_DAYS)).unwrap_or(from));
    let level = match query.from.as_str() {
        "campaign" => Level::Campaign,
        "ad_group_ad" => Level::Ad,
        _ => Level::AdGroup,
    };
    let segmented = by_day || wants("segments.hour") || wants("segments.device");
    let mut out = Vec::new();
    for thing in world.things_of(account, level) {
        if world.things[thing].created > moment.seen {
            continue;
        }
        let flat = base(world, thing, moment);
        if !by_day {
            let mut sum = Figures::default();
            if counts {
                days::between(from, to).for_each(|date| sum.add(&world.thing_figures(thing, date, moment.seen)));
            }
            let shares = shares(query, world, account, to, moment);
            push(&mut out, &flat, &sum, &shares, segmented, world, account);
            continue;
        }
        for date in days::between(from, to) {
            let figures = world.thing_figures(thing, date, moment.seen);
            if !figures.is_idle() {
                let mut day = flat.clone();
                day.insert("segments.date", date.to_string().into());
                let shares = shares(query, world, account, date, moment);
                push(&mut out, &day, &figures, &shares, true, world, account);
            }
        }
    }
    let removed = rows::word(RunStatus::Ended);
    for (resource, field) in [("campaign", "campaign.status"), ("ad_group", "ad_group.status"), ("ad_group_ad", "ad_group_ad.status")] {
        let asked = query.conditions.iter().any(|condition| condition.field == field);
        out.retain(|row| query.from != resource || row.get(field).is_none_or(|status| *status != removed) || asked || by_day);
    }
    Ok(out)
}

fn base(world: &World, thing: usize, moment: &Moment) -> Flat {
    match (world.things[thing].level, world.things[thing].campaign) {
        (Level::Campaign, Some(campaign)) => rows::campaign(world, campaign, moment),
        (Level::Ad, _) => below::ad(world, thing, moment),
        _ => below::ad_group(world, thing, moment),
    }
}

fn push(out: &mut Vec<Flat>, base: &Flat, figures: &Figures, shares: &[Share], dropped: bool, world: &World, account: usize) {
    let unit = world.accounts[account].currency.minor_unit().micros();
    let weights: Vec<u64> = shares.iter().map(|(_, weight)| *weight).collect();
    for ((fields, _), part) in shares.iter().zip(figures.split(&weights, unit)) {
        if dropped && part.is_idle() {
            continue;
        }
        let mut row = base.clone();
        row.extend(fields.iter().cloned());
        rows::metrics(&mut row, &part);
        out.push(row);
    }
}

/// The parts a query divides figures into: every combination of what it names; one whole where it names nothing.
fn shares(query: &Query, world: &World, account: usize, date: NaiveDate, moment: &Moment) -> Vec<Share> {
    let mut all: Vec<Share> = vec![(Vec::new(), 1)];
    let mut cross = |parts: Vec<Share>| {
        let joined = all.iter().flat_map(|(fields, weight)| {
            parts.iter().map(move |(more, other)| (fields.iter().chain(more).cloned().collect::<Vec<_>>(), weight * other)).collect::<Vec<_>>()
        });
        all = joined.collect();
    };
    let zone = world.accounts[account].zone;
    let named = |field: &'static str, parts: &[(&str, u64)]| parts.iter().map(|(name, weight)| (vec![(field, json!(name))], *weight)).collect::<Vec<Share>>();
    match query.from.as_str() {
        "age_range_view" => cross(named("ad_group_criterion.age_range.type", &AGES)),
        "gender_view" => cross(named("ad_group_criterion.gender.type", &GENDERS)),
        "user_location_view" => {
            let country = |(place, weight): (usize, u64), targeted: bool| {
                let number = COUNTRIES[place].2;
                (
                    vec![("user_location_view.country_criterion_id", json!(number.to_string())), ("user_location_view.targeting_location", json!(targeted))],
                    weight,
                )
            };
            cross(vec![country((0, 88), true), country((0, 4), false), country((1, 6), false), country((4, 2), false)]);
        }
        _ => {}
    }
    if query.fields.iter().any(|field| field == "segments.device") {
        cross(named("segments.device", &DEVICES));
    }
    if query.fields.iter().any(|field| field == "segments.hour") {
        let local = moment.seen.utc().with_timezone(&zone);
        let gone = if local.date_naive() == date { u64::from(local.hour()) + 1 } else { 24 };
        cross((0..gone).map(|hour| (vec![("segments.hour", json!(hour))], 10 + (hour * 7) % 24)).collect());
    }
    all
}

fn dates(condition: &Condition, today: NaiveDate) -> Result<(Option<NaiveDate>, Option<NaiveDate>), Refusal> {
    let bad = |text: &str| Fault::query("BAD_VALUE", format!("'{text}' is not a date here."));
    let date = |position: usize| {
        let text = condition.values.get(position).map_or("", String::as_str);
        text.parse::<NaiveDate>().or_else(|_| NaiveDate::parse_from_str(text, "%Y%m%d")).map_err(|_| bad(text))
    };
    let back = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    Ok(match condition.operator {
        Operator::Equal => (Some(date(0)?), Some(date(0)?)),
        Operator::Between => (Some(date(0)?), Some(date(1)?)),
        Operator::GreaterEqual => (Some(date(0)?), None),
        Operator::Greater => (Some(days::next(date(0)?)), None),
        Operator::LessEqual => (None, Some(date(0)?)),
        Operator::Less => (None, date(0)?.pred_opt()),
        Operator::During => {
            let first_of_month = today.with_day(1).unwrap_or(today);
            match condition.values.first().map(String::as_str) {
                Some("TODAY") => (Some(today), Some(today)),
                Some("YESTERDAY") => (Some(back(1)), Some(back(1))),
                Some("LAST_7_DAYS") => (Some(back(7)), Some(back(1))),
                Some("LAST_14_DAYS") => (Some(back(14)), Some(back(1))),
                Some("LAST_30_DAYS") => (Some(back(30)), Some(back(1))),
                Some("THIS_MONTH") => (Some(first_of_month), Some(today)),
                other => return Err(Fault::query("INVALID_VALUE_WITH_DURING_OPERATOR", format!("DURING does not take {}.", other.unwrap_or_default())).into()),
            }
        }
        Operator::NotEqual | Operator::In | Operator::NotIn | Operator::IsNull | Operator::IsNotNull => {
            return Err(Fault::query("OPERATOR_FIELD_MISMATCH", "segments.date takes =, <, >, BETWEEN and DURING.").into());
        }
    })
}
