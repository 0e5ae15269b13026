//! `report/task/create/`, `check/` and `download/`: a report that is ordered, asked after, and fetched as a table.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::models::{known, required, word};
use super::{Refusal, report};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::{Job, World};

/// The number before the first task's.
const FIRST: u64 = 7_480_000_000_000_000_000;
/// What an order may say.
const FIELDS: [&str; 14] = [
    "advertiser_id",
    "service_type",
    "report_type",
    "data_level",
    "dimensions",
    "metrics",
    "start_date",
    "end_date",
    "query_lifetime",
    "order_field",
    "order_type",
    "filtering",
    "output_format",
    "enable_report_title_translation",
];

/// Takes an order, once it is one that the report would answer.
pub(super) fn create(world: &mut World, account: usize, asked: &Asked, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    known(body, &FIELDS)?;
    required(body, &["report_type", "dimensions"])?;
    if !matches!(word(body, "output_format", &["CSV_STRING", "CSV_DOWNLOAD", "XLSX_DOWNLOAD"])?, None | Some("CSV_STRING")) {
        return Err(Refusal::invalid("output_format: the sandbox gives CSV_STRING."));
    }
    if body["enable_report_title_translation"] != false {
        return Err(Refusal::invalid("enable_report_title_translation: the sandbox gives columns by the names they are asked for."));
    }
    if let Some(list) = ["dimensions", "metrics", "filtering"].iter().find(|name| body.get(**name).is_some_and(|value| !value.is_array())) {
        return Err(Refusal::invalid(format!("{list}: Not a valid list.")));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let order: BTreeMap<String, String> = body.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect();
    report::rows(world, account, &Asked { query: order.clone(), ..asked.same() }, moment)?;
    world.jobs.push(Job { account, asked: order, polls: 0 });
    Ok(json!({ "task_id": (FIRST + world.jobs.len() as u64).to_string() }))
}

/// The task of this account that a request names.
fn place(world: &World, account: usize, asked: &Asked) -> Result<usize, Refusal> {
    let number = asked.param("task_id").and_then(|id| id.parse::<u64>().ok()?.checked_sub(FIRST + 1));
    let place = number.and_then(|number| usize::try_from(number).ok()).filter(|place| world.jobs.get(*place).is_some_and(|job| job.account == account));
    place.ok_or_else(|| Refusal::new(40_007, "The task does not exist."))
}

/// How far a task is: it waits, runs, and is done when it is asked after for the third time.
pub(super) fn check(world: &mut World, account: usize, asked: &Asked) -> Result<Value, Refusal> {
    let place = place(world, account, asked)?;
    let polls = &mut world.jobs[place].polls;
    *polls += 1;
    let status = match polls {
        1 => "QUEUING",
        2 => "PROCESSING",
        _ => "SUCCESS",
    };
    Ok(json!({ "status": status, "message": "" }))
}

/// The table of a task that is done; with `true` where it is cut short.
pub(super) fn download(world: &mut World, account: usize, asked: &Asked, moment: &Moment) -> Result<(String, bool), Refusal> {
    let place = place(world, account, asked)?;
    if world.jobs[place].polls < 3 {
        return Err(Refusal::new(40_201, "The task is not ready."));
    }
    let order = Asked { query: world.jobs[place].asked.clone(), ..asked.same() };
    let names = |name: &str| -> Vec<String> { order.param(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default() };
    let (dimensions, metrics) = (names("dimensions"), names("metrics"));
    let (rows, cut) = report::rows(world, account, &order, moment)?;
    let cell = |row: &Value, part: &str, name: &String| {
        let text = row[part][name.as_str()].as_str().unwrap_or_default();
        if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let head: Vec<String> = dimensions.iter().chain(&metrics).cloned().collect();
    let mut table = head.join(",") + "\n";
    for row in &rows {
        let cells = dimensions.iter().map(|name| cell(row, "dimensions", name)).chain(metrics.iter().map(|name| cell(row, "metrics", name)));
        table += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    Ok((table, cut))
}
