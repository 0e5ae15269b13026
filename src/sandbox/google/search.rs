//! `googleAds:search` and `googleAds:searchStream`: rows that match, in order, page by page.

use std::cmp::Ordering;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Map, Value, json};

use super::gaql::{self, Condition, Direction, Operator, Query};
use super::rows::{self, Flat};
use super::{Fault, Refusal, request_id};
use crate::domain::entity::RunStatus;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{World, days};

/// Rows a page. The real service's pages hold 10 000; small ones make a client show that it follows them.
const PAGE: usize = 500;
/// Days the real service keeps.
const OLDEST_DAYS: u64 = 1_130;

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
    let page: Vec<Value> = all.into_iter().skip(from).take(PAGE).collect();
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
        "campaign" | "ad_group" => delivery(world, account, query, moment)?,
        other => return Err(Fault::query("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", format!("'{other}' is not a valid resource, or not one the sandbox has.")).into()),
    };
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

/// Campaign rows, per day where the date is selected, with metrics where any is.
fn delivery(world: &mut World, account: usize, query: &Query, moment: &Moment) -> Result<Vec<Flat>, Refusal> {
    let by_day = query.fields.iter().any(|field| field == "segments.date");
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
    let (from, to) = (from.unwrap_or_else(|| world.since.date_in(world.accounts[account].zone)), to.unwrap_or(today).min(today));
    let from = from.max(today.checked_sub_days(Days::new(OLDEST_DAYS)).unwrap_or(from));
    let mut out = Vec::new();
    for index in world.campaigns_of(account) {
        let flat = rows::campaign(world, index, moment);
        if !by_day {
            let mut flat = flat;
            if counts {
                rows::metrics(&mut flat, &world.figures_between(index, from, to, moment.seen));
            }
            out.push(flat);
            continue;
        }
        for date in days::between(from, to) {
            let figures: Figures = world.figures(index, date, moment.seen);
            if !figures.is_idle() {
                let mut day = flat.clone();
                day.insert("segments.date", date.to_string().into());
                rows::metrics(&mut day, &figures);
                out.push(day);
            }
        }
    }
    let removed = rows::word(RunStatus::Ended);
    out.retain(|row| row["campaign.status"] != removed || query.conditions.iter().any(|condition| condition.field == "campaign.status") || by_day);
    Ok(out)
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

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}
