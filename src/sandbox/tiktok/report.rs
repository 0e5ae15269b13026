//! `report/integrated/get/`: every metric a text, days without data absent, deleted objects left out unless asked for.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use serde_json::{Map, Value, json};

use super::{Refusal, lists};
use crate::domain::entity::Level;
use crate::sandbox::wire::{Asked, amount, decimal, ratio};
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{World, days};

/// Most days one call with a day dimension may cover.
const MOST_DAYS: i64 = 30;
/// When people are counted, in hours after the end of the day.
const PEOPLE_H: i64 = 16;
/// Dimensions of an audience: their parts and how much of the whole each is.
const AUDIENCES: [(&str, &[(&str, u64)]); 4] = [
    ("age", &[("AGE_18_24", 31), ("AGE_25_34", 34), ("AGE_35_44", 20), ("AGE_45_54", 10), ("AGE_55_100", 5)]),
    ("gender", &[("FEMALE", 55), ("MALE", 42), ("NONE", 3)]),
    ("country_code", &[("US", 1)]),
    ("platform", &[("ANDROID", 43), ("IPHONE", 51), ("IPAD", 4), ("PC", 2)]),
];

/// What a report is made of: an object, or all campaigns of the account.
type Subject = (Value, Vec<usize>);

/// Answers one report call; with `true` where it is cut short.
pub(super) fn integrated(world: &mut World, account: usize, asked: &Asked, moment: &Moment) -> Result<(Value, bool), Refusal> {
    let (rows, cut) = rows(world, account, asked, moment)?;
    Ok((lists::page(rows, "list", lists::PAGE, asked)?, cut))
}

/// Every row of a report, and whether it covers the newest ids alone.
pub(super) fn rows(world: &mut World, account: usize, asked: &Asked, moment: &Moment) -> Result<(Vec<Value>, bool), Refusal> {
    let (level, id) = match asked.param("data_level") {
        Some("AUCTION_ADVERTISER") => (Level::Account, "advertiser_id"),
        Some("AUCTION_CAMPAIGN") => (Level::Campaign, "campaign_id"),
        Some("AUCTION_ADGROUP") => (Level::AdGroup, "adgroup_id"),
        Some("AUCTION_AD") => (Level::Ad, "ad_id"),
        _ => return Err(Refusal::invalid("data_level: must be AUCTION_ADVERTISER, AUCTION_CAMPAIGN, AUCTION_ADGROUP or AUCTION_AD here.")),
    };
    let dimensions = lists::list(asked, "dimensions")?.ok_or_else(|| Refusal::invalid("dimensions: Missing data for required field."))?;
    let has = |name: &str| dimensions.iter().any(|dimension| dimension == name);
    let (by_day, by_hour) = (has("stat_time_day"), has("stat_time_hour"));
    let audience = AUDIENCES.iter().find(|(name, _)| has(name));
    let allowed = match asked.param("report_type") {
        Some("BASIC") => audience.is_none_or(|(name, _)| *name == "country_code"),
        Some("AUDIENCE") => audience.is_some() && !by_hour,
        _ => return Err(Refusal::invalid("report_type: the sandbox reports BASIC and AUDIENCE.")),
    };
    let counted = 1 + usize::from(by_day) + usize::from(by_hour) + usize::from(audience.is_some());
    if !allowed || !has(id) || (by_day && by_hour) || dimensions.len() != counted {
        return Err(Refusal::invalid("Conflict occurs. The input params including metrics and dimensions have no relation."));
    }
    let metrics = lists::list(asked, "metrics")?.unwrap_or_else(|| vec!["spend".to_owned(), "impressions".to_owned()]);
    let (from, to) = (date(asked, "start_date")?, date(asked, "end_date")?);
    if from > to || (by_hour && from != to) || (by_day && (to - from).num_days() >= MOST_DAYS) || (to - from).num_days() >= 365 {
        return Err(Refusal::invalid("The date range is empty or too long: one day with stat_time_hour, at most 30 with stat_time_day, else 365."));
    }
    let today = moment.seen.date_in(world.accounts[account].zone);
    let spans: Vec<(NaiveDate, NaiveDate)> =
        if by_day || by_hour { days::between(from, to.min(today)).map(|date| (date, date)).collect() } else { vec![(from, to.min(today))] };
    let unit = world.accounts[account].currency.minor_unit().micros();
    let mut rows = Vec::new();
    let mut subjects = subjects(world, account, level, asked, moment)?;
    let beyond = subjects.len().saturating_sub(world.report_ids);
    subjects.drain(..beyond);
    for (key, things) in subjects {
        for (first, last) in &spans {
            let mut sum = Figures::default();
            for (thing, date) in things.iter().flat_map(|thing| days::between(*first, *last).map(move |date| (*thing, date))) {
                sum.add(&world.thing_figures(thing, date, moment.seen));
            }
            let hours = if by_hour { hours(world, account, *first, moment) } else { vec![(String::new(), 1)] };
            let parts = audience.map_or(&[("", 1)][..], |(_, parts)| *parts);
            let weights: Vec<u64> = hours.iter().flat_map(|(_, hour)| parts.iter().map(move |(_, part)| hour * part)).collect();
            let names = hours.iter().flat_map(|(hour, _)| parts.iter().map(move |(part, _)| (hour.clone(), *part)));
            for ((hour, part), figures) in names.zip(sum.split(&weights, unit)) {
                if (by_day || by_hour || audience.is_some()) && figures.is_idle() {
                    continue;
                }
                let mut keys = Map::from_iter([(id.to_owned(), key.clone())]);
                if by_day {
                    keys.insert("stat_time_day".to_owned(), format!("{first} 00:00:00").into());
                }
                if by_hour {
                    keys.insert("stat_time_hour".to_owned(), hour.into());
                }
                if let Some((name, _)) = audience {
                    keys.insert((*name).to_owned(), part.into());
                }
                let metrics = figures_of(world, (account, things.first().copied()), &figures, &metrics, *last, moment)?;
                rows.push(json!({ "dimensions": keys, "metrics": metrics }));
            }
        }
    }
    Ok((rows, beyond > 0))
}

/// The hours of a day that have begun, by their local name, each with its weight.
fn hours(world: &World, account: usize, day: NaiveDate, moment: &Moment) -> Vec<(String, u64)> {
    let zone = world.accounts[account].zone;
    let (start, end) = days::span(zone, day);
    let begun = (0..26).map(|hour| start + TimeDelta::hours(hour)).take_while(|at| *at < end && *at < moment.seen);
    begun.zip(0_u64..).map(|(at, hour)| (at.utc().with_timezone(&zone).format("%Y-%m-%d %H:00:00").to_string(), 4 + hour.min(24 - hour.min(24)))).collect()
}

/// What a report is about, in the order of lists.
fn subjects(world: &World, account: usize, level: Level, asked: &Asked, moment: &Moment) -> Result<Vec<Subject>, Refusal> {
    let filters: Vec<Value> =
        asked.param("filtering").map_or(Ok(Vec::new()), serde_json::from_str).map_err(|_| Refusal::invalid("filtering: must be a list of objects."))?;
    let mut kept = world.things_of(account, if level == Level::Account { Level::Campaign } else { level });
    let mut deleted = false;
    for filter in &filters {
        let values: Option<Vec<String>> = filter["filter_value"].as_str().and_then(|text| serde_json::from_str(text).ok());
        let values = values
            .filter(|values| values.len() <= 100)
            .ok_or_else(|| Refusal::invalid("filtering.filter_value: must be the text of a list of at most 100."))?;
        let wanted: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        match (filter["field_name"].as_str(), filter["filter_type"].as_str()) {
            (Some("campaign_ids"), Some("IN")) => {
                kept.retain(|thing| world.things[*thing].campaign.is_some_and(|campaign| wanted.contains(world.campaigns[campaign].id.as_str())));
            }
            (Some("adgroup_ids"), Some("IN")) if matches!(level, Level::AdGroup | Level::Ad) => {
                let group = |thing: usize| if level == Level::AdGroup { &world.things[thing].id } else { &world.things[thing].parent };
                kept.retain(|thing| wanted.contains(group(*thing).as_str()));
            }
            (Some("ad_ids"), Some("IN")) if level == Level::Ad => kept.retain(|thing| wanted.contains(world.things[*thing].id.as_str())),
            (Some("campaign_status" | "adgroup_status" | "ad_status"), Some("IN")) => deleted = wanted.contains("STATUS_ALL"),
            _ => return Err(Refusal::invalid("filtering: the sandbox filters by ids and status.")),
        }
    }
    let alive = |thing: &usize| !lists::row(world, *thing, moment.seen)["secondary_status"].as_str().is_some_and(|status| status.ends_with("_STATUS_DELETE"));
    kept.retain(|thing| deleted || alive(thing));
    if level == Level::Account {
        return Ok(vec![(world.accounts[account].id.clone().into(), kept)]);
    }
    Ok(kept.into_iter().map(|thing| (world.things[thing].id.clone().into(), vec![thing])).collect())
}

fn date(asked: &Asked, name: &str) -> Result<NaiveDate, Refusal> {
    asked.param(name).and_then(|text| text.parse().ok()).ok_or_else(|| Refusal::invalid(format!("{name}: must be YYYY-MM-DD.")))
}

/// One row's metrics; `whose` is the account and, where the row is about an object, that object.
fn figures_of(
    world: &World,
    (account, thing): (usize, Option<usize>),
    sum: &Figures,
    metrics: &[String],
    last: NaiveDate,
    moment: &Moment,
) -> Result<Value, Refusal> {
    let owner = &world.accounts[account];
    let object = thing.map_or(Value::Null, |thing| lists::row(world, thing, moment.seen));
    let said = |name: &str| object[name].as_str().unwrap_or("-").to_owned();
    let per = |micros: i64, of: i64| if of == 0 { amount(0, owner.currency) } else { amount(micros / of, owner.currency) };
    let people = (days::span(owner.zone, last).1 + TimeDelta::hours(PEOPLE_H) <= moment.seen).then_some((sum.impressions + 2) / 3);
    let mut out = Map::new();
    for metric in metrics {
        let value = match metric.as_str() {
            "spend" => amount(sum.spend, owner.currency),
            "impressions" => sum.impressions.to_string(),
            "clicks" => sum.clicks.to_string(),
            "ctr" => ratio(sum.clicks, sum.impressions, 100, 2),
            "cpc" => per(sum.spend, sum.clicks),
            "cpm" => per(sum.spend.saturating_mul(1_000), sum.impressions),
            "conversion" | "real_time_conversion" | "result" | "complete_payment" => sum.conversions.to_string(),
            "cost_per_conversion" | "cost_per_result" | "cost_per_complete_payment" => per(sum.spend, sum.conversions),
            "conversion_rate_v2" | "result_rate" | "complete_payment_rate" => ratio(sum.conversions, sum.clicks, 100, 2),
            "total_complete_payment_rate" => amount(sum.value, owner.currency),
            "value_per_complete_payment" => per(sum.value, sum.conversions),
            "complete_payment_roas" => ratio(sum.value, sum.spend, 1, 2),
            // Real metrics of actions this market does not have.
            "form" | "user_registration" | "web_event_add_to_cart" | "onsite_shopping" | "initiate_checkout" => "0".to_owned(),
            "total_web_event_add_to_cart_value" | "total_onsite_shopping_value" => amount(0, owner.currency),
            // Known late: the platform itself has it after sixteen hours.
            "reach" => people.map_or("-".to_owned(), |people| people.to_string()),
            "frequency" => people.map_or("-".to_owned(), |people| ratio(sum.impressions, people, 1, 2)),
            "engagements" => (sum.clicks + sum.impressions / 50).to_string(),
            "campaign_id" | "adgroup_id" | "campaign_name" | "adgroup_name" | "ad_name" | "ad_text" | "objective_type" => said(metric),
            "advertiser_id" => owner.id.clone(),
            "currency" => owner.currency.code().to_owned(),
            "campaign_budget" | "budget" => {
                let campaign = thing.and_then(|thing| world.things[thing].campaign).map_or(0, |campaign| world.purse_of(campaign).amount.at(moment.seen));
                decimal(campaign, 2)
            }
            other => return Err(Refusal::invalid(format!("metrics: {other} is not a metric of this report."))),
        };
        out.insert(metric.clone(), value.into());
    }
    Ok(Value::Object(out))
}
