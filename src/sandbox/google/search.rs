//! `googleAds:search` and `googleAds:searchStream`: rows that match, in order, page by page.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::gaql::{self, Condition, Direction, Operator, Query};
use super::rows::{self, Flat};
use super::{Fault, Refusal, below, constants, delivery, events, request_id};
use crate::domain::entity::Level;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

/// Rows a page. The real service's pages hold 10 000; small ones make a client show that it follows them.
const PAGE: usize = 500;

/// `googleAds:search`.
pub(super) fn search(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    only(body, &["query", "pageToken", "pageSize", "validateOnly", "searchSettings", "customerId"])?;
    if body.get("pageSize").is_some() {
        return Err(Fault::new("requestError", "PAGE_SIZE_NOT_SUPPORTED", "Setting the page size is not supported.").into());
    }
    let (query, text) = query(body)?;
    let mark = text.bytes().fold(7_u32, |mark, byte| mark.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let from = match body.get("pageToken").and_then(Value::as_str).filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => {
            let place = token.strip_prefix(&format!("CP{mark:08x}")).and_then(|rest| rest.parse::<usize>().ok());
            place.ok_or_else(|| Fault::new("requestError", "INVALID_PAGE_TOKEN", "The page token is invalid: it belongs to another query."))?
        }
    };
    let all = results(world, account, &query, moment)?;
    let total = all.len();
    // A long list in few pages: each one is worked out anew.
    let page: Vec<Value> = all.into_iter().skip(from).take(PAGE.max(total / 4)).collect();
    let mut answer = Map::new();
    let next = from + page.len();
    if !page.is_empty() {
        answer.insert("results".to_owned(), page.into());
    }
    if next < total {
        answer.insert("nextPageToken".to_owned(), format!("CP{mark:08x}{next}").into());
    }
    if body["searchSettings"]["returnTotalResultsCount"] == true {
        answer.insert("totalResultsCount".to_owned(), total.to_string().into());
    }
    answer.insert("fieldMask".to_owned(), mask(&query).into());
    Ok(Value::Object(answer))
}

/// `googleAds:searchStream`: an array of batches.
pub(super) fn stream(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    only(body, &["query", "summaryRowSetting", "customerId"])?;
    let (query, _) = query(body)?;
    let all = results(world, account, &query, moment)?;
    let (mask, id) = (mask(&query), request_id(moment));
    let mut batches: Vec<Value> = all.chunks(PAGE).map(|rows| json!({ "results": rows, "fieldMask": mask, "requestId": id })).collect();
    batches.push(json!({ "fieldMask": mask, "requestId": id, "queryResourceConsumption": "120" }));
    Ok(batches.into())
}

/// Refuses members the message does not have.
pub(super) fn only(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let members = body.as_object().ok_or_else(|| Refusal::Body("Root element must be a message.".to_owned()))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Refusal::Body(format!("Unknown name \"{name}\": Cannot find field."))),
    }
}

fn query(body: &Value) -> Result<(Query, &str), Refusal> {
    let text = body.get("query").and_then(Value::as_str).ok_or_else(|| Fault::new("requestError", "REQUIRED_FIELD_MISSING", "A query is required."))?;
    Ok((gaql::read(text)?, text))
}

fn results(world: &mut World, account: usize, query: &Query, moment: &Moment) -> Result<Vec<Value>, Refusal> {
    let mut rows = match query.from.as_str() {
        "customer" => vec![rows::customer(world, account)],
        "currency_constant" => vec![rows::currency(world, account)],
        "campaign_budget" => world.purses.iter().filter(|purse| purse.account == account).map(|purse| rows::budget(world, purse, moment)).collect(),
        "campaign" | "ad_group" | "ad_group_ad" | "age_range_view" | "gender_view" | "user_location_view" => delivery::rows(world, account, query, moment)?,
        "campaign_criterion" => below::criterion_rows(world, account, Level::Campaign, moment),
        "ad_group_criterion" => below::criterion_rows(world, account, Level::AdGroup, moment),
        "campaign_asset" => below::links(world, account, Level::Campaign, moment),
        "ad_group_asset" => below::links(world, account, Level::AdGroup, moment),
        "asset" => below::assets(world, account, moment),
        "geo_target_constant" => constants::places(),
        "language_constant" => constants::languages(),
        "change_event" => events::rows(world, account, query, moment)?,
        other => return Err(Fault::query("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", format!("'{other}' is not a valid resource, or not one the sandbox has.")).into()),
    };
    allowed(query)?;
    let asked = query.fields.iter().chain(query.conditions.iter().map(|condition| &condition.field)).chain(query.order.iter().map(|(field, _)| field));
    let sample = rows.first().cloned().unwrap_or_default();
    for field in asked {
        let known = sample.contains_key(field.as_str()) || rows::is_known(field);
        if !known && !rows.is_empty() {
            return Err(Fault::query("UNRECOGNIZED_FIELD", format!("Unrecognized field in the query: '{field}'.")).into());
        }
    }
    rows.retain(|row| query.conditions.iter().filter(|condition| condition.field != "segments.date").all(|condition| holds(row, condition)));
    rows.sort_by(|a, b| {
        query.order.iter().fold(Ordering::Equal, |so_far, (field, direction)| {
            so_far.then_with(|| {
                let rising = compare(&shown(a, field), &shown(b, field));
                if *direction == Direction::Falling { rising.reverse() } else { rising }
            })
        })
    });
    rows.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(rows.iter().map(|row| project(row, query)).collect())
}

/// Refuses fields of resources that do not go with the one in FROM.
fn allowed(query: &Query) -> Result<(), Fault> {
    const CAMPAIGN: &str = "campaign campaign_budget customer metrics segments";
    let known = match query.from.as_str() {
        "customer" | "currency_constant" | "geo_target_constant" | "language_constant" => String::new(),
        "campaign_budget" | "asset" => "customer".to_owned(),
        "campaign" => CAMPAIGN.to_owned(),
        "ad_group" => format!("{CAMPAIGN} ad_group"),
        "campaign_criterion" => "campaign customer".to_owned(),
        "campaign_asset" => "campaign customer asset".to_owned(),
        "ad_group_asset" => "campaign customer ad_group asset".to_owned(),
        "ad_group_criterion" | "change_event" => "campaign customer ad_group".to_owned(),
        "age_range_view" | "gender_view" => format!("{CAMPAIGN} ad_group ad_group_criterion"),
        _ => format!("{CAMPAIGN} ad_group"),
    };
    let of = |field: &str| field.split('.').next().unwrap_or_default().to_owned();
    match query.fields.iter().find(|field| of(field) != query.from && !known.split(' ').any(|resource| resource == of(field))) {
        None => Ok(()),
        Some(field) => Err(Fault::query("PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE", format!("'{field}' does not go with FROM {}.", query.from))),
    }
}

fn shown(row: &Flat, field: &str) -> String {
    match row.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn holds(row: &Flat, condition: &Condition) -> bool {
    let value = shown(row, &condition.field);
    let first = condition.values.first().map_or("", String::as_str);
    let order = compare(&value, first);
    match condition.operator {
        Operator::Equal => order == Ordering::Equal || (value == "true" && first == "TRUE") || (value == "false" && first == "FALSE"),
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterEqual => order != Ordering::Less,
        Operator::Less => order == Ordering::Less,
        Operator::LessEqual => order != Ordering::Greater,
        Operator::In => condition.values.iter().any(|wanted| compare(&value, wanted) == Ordering::Equal),
        Operator::NotIn => condition.values.iter().all(|wanted| compare(&value, wanted) != Ordering::Equal),
        Operator::Between => order != Ordering::Less && condition.values.get(1).is_some_and(|last| compare(&value, last) != Ordering::Greater),
        Operator::During => false,
        Operator::IsNull => value.is_empty(),
        Operator::IsNotNull => !value.is_empty(),
    }
}

/// The selected fields of a row as a nested object, with the resource names that come along.
fn project(row: &Flat, query: &Query) -> Value {
    let mut out = Value::Object(Map::new());
    let mut put = |field: &str| {
        let Some(value) = row.get(field) else { return };
        let mut place = &mut out;
        for part in field.split('.') {
            place = &mut place[camel(part)];
        }
        *place = value.clone();
    };
    let mut resources: Vec<&str> = query.fields.iter().filter_map(|field| field.split('.').next()).collect();
    resources.push(&query.from);
    for resource in resources {
        put(&format!("{resource}.resource_name"));
    }
    for field in &query.fields {
        put(field);
    }
    out
}

fn mask(query: &Query) -> String {
    query.fields.iter().map(|field| field.split('.').map(camel).collect::<Vec<_>>().join(".")).collect::<Vec<_>>().join(",")
}

pub(super) fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}
