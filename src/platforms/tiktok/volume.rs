//! Reports of any size: page by page, long ones as a task that is waited for, and split by campaigns where one would be cut short.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Tiktok;
use super::raw::Raw;
use super::wire::{ReportRow, Stands, Started};
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Remedy};
use crate::platforms::http::Outgoing;
use crate::platforms::loose::Loose;
use crate::platforms::spec::is_number;
use crate::platforms::write::with_query;

/// Most ids of one filter.
const MOST_IDS: usize = 100;
/// How long a task is waited for, and the first pause between two looks at it.
const TASK: Duration = Duration::from_secs(170);
const PAUSE: Duration = Duration::from_millis(250);

/// A report as TikTok is asked for it.
pub(super) struct Asked {
    /// `BASIC` or `AUDIENCE`.
    pub kind: &'static str,
    /// What its rows are about.
    pub level: &'static str,
    /// The filter by which deleted objects belong in it: their spend happened.
    pub status: &'static str,
    /// Its dimensions, by which its columns are told apart from metrics.
    pub dimensions: Vec<&'static str>,
    /// Its metrics.
    pub metrics: Vec<&'static str>,
    /// Whether it is long enough for a task.
    pub long: bool,
}

/// Its rows for the days of `span`, both included.
///
/// # Errors
/// [`PlatformError::Validation`] when even one campaign alone is cut short, else as the calls.
pub(super) async fn rows(tiktok: &Tiktok, asked: &Asked, span: &(String, String)) -> Result<Vec<ReportRow>, PlatformError> {
    match some(tiktok, asked, span, None).await {
        Err(fault) if fault.remedy == Remedy::SmallerPage => split(tiktok, asked, span).await,
        found => Ok(found?),
    }
}

/// Campaign by campaign, as many at once as are answered whole.
async fn split(tiktok: &Tiktok, asked: &Asked, span: &(String, String)) -> Result<Vec<ReportRow>, PlatformError> {
    let all = json!({ "primary_status": "STATUS_ALL" }).to_string();
    let campaigns: Vec<Raw> = tiktok.rows("campaign/get/", &[("filtering", &all)]).await?;
    let campaigns: Vec<String> = campaigns.iter().filter_map(|row| row.text("campaign_id")).collect();
    let (mut parts, mut rows): (Vec<&[String]>, _) = (campaigns.chunks(MOST_IDS).collect(), Vec::new());
    while let Some(part) = parts.pop() {
        match some(tiktok, asked, span, Some(part)).await {
            Err(fault) if fault.remedy == Remedy::SmallerPage && part.len() > 1 => parts.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
            found => rows.extend(found?),
        }
    }
    Ok(rows)
}

/// Of `campaigns` alone, where some are given.
async fn some(tiktok: &Tiktok, asked: &Asked, span: &(String, String), campaigns: Option<&[String]>) -> Result<Vec<ReportRow>, Fault> {
    if asked.long {
        match task(tiktok, asked, span, campaigns).await {
            // Pages show the same, only slower.
            Err(fault) if matches!(fault.error, PlatformError::Transient(_)) => {
                tracing::info!(error = %fault.error, "TikTok did not make a report as a task; it is read page by page");
            }
            made => return made,
        }
    }
    let text = |names: &[&str]| json!(names).to_string();
    let (dimensions, metrics, filter) = (text(&asked.dimensions), text(&asked.metrics), filtering(asked, campaigns).to_string());
    let parameters = [
        ("report_type", asked.kind),
        ("data_level", asked.level),
        ("dimensions", dimensions.as_str()),
        ("metrics", metrics.as_str()),
        ("start_date", span.0.as_str()),
        ("end_date", span.1.as_str()),
        ("filtering", filter.as_str()),
    ];
    tiktok.pages("report/integrated/get/", "list", super::PAGE_ROWS, &parameters).await
}

/// The value of a filter is the text of a list.
fn filtering(asked: &Asked, campaigns: Option<&[String]>) -> Value {
    let is_in = |name: &str, values: Value| json!({ "field_name": name, "filter_type": "IN", "filter_value": values.to_string() });
    let mut filters = vec![is_in(asked.status, json!(["STATUS_ALL"]))];
    filters.extend(campaigns.map(|ids| is_in("campaign_ids", json!(ids))));
    Value::Array(filters)
}

/// Orders a report, waits until it is made, and fetches its table.
async fn task(tiktok: &Tiktok, asked: &Asked, span: &(String, String), campaigns: Option<&[String]>) -> Result<Vec<ReportRow>, Fault> {
    let advertiser = tiktok.spec.platform_id.as_str();
    let order = json!({
        "advertiser_id": advertiser, "report_type": asked.kind, "data_level": asked.level, "dimensions": asked.dimensions, "metrics": asked.metrics,
        "start_date": span.0, "end_date": span.1, "filtering": filtering(asked, campaigns), "output_format": "CSV_STRING",
        // Columns keep the names they were asked for by.
        "enable_report_title_translation": false,
    });
    let started: Started = tiktok.ask("report/task/create/", &order).await?;
    let id = started.task_id.map(|id| id.0).filter(|id| is_number(id));
    let id = id.ok_or_else(|| PlatformError::Transient("a report was taken on without an id".to_owned()))?;
    let parameters = [("advertiser_id", advertiser), ("task_id", id.as_str())];
    let (began, mut pause) = (tiktok.caller.clock().instant(), PAUSE);
    loop {
        let stands: Stands = tiktok.read("report/task/check/", &parameters).await?;
        match stands.status.as_deref() {
            Some("SUCCESS") => break,
            Some(over @ ("FAILED" | "CANCELED")) => {
                let said: String = stands.message.unwrap_or_default().chars().take(300).collect();
                return Err(PlatformError::Transient(format!("the report is {over}: {said}")).into());
            }
            _ if began.elapsed() > TASK => return Err(PlatformError::Transient(format!("the report is not made within {TASK:?}")).into()),
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    let url = with_query(&format!("{}/report/task/download/", tiktok.base), &parameters)?;
    let table = tiktok.caller.read(&tiktok.signed(Outgoing::get(url))?).await?;
    let unknown = || PlatformError::Transient("a finished report came in an unknown form".to_owned());
    Ok(table.as_str().and_then(|table| read(asked, table)).ok_or_else(unknown)?)
}

/// The rows of a table; `None` where it lacks a column that was asked for, or a row has another number of them.
fn read(asked: &Asked, table: &str) -> Option<Vec<ReportRow>> {
    let mut lines = cells(table.trim_start_matches('\u{feff}')).into_iter();
    let head = lines.next()?;
    if asked.dimensions.iter().chain(&asked.metrics).any(|name| !head.iter().any(|column| column == name)) {
        return None;
    }
    lines
        .map(|line| {
            let (mut dimensions, mut metrics) = (BTreeMap::new(), BTreeMap::new());
            let same = line.len() == head.len();
            for (name, cell) in head.iter().zip(line) {
                let of = if asked.dimensions.contains(&name.as_str()) { &mut dimensions } else { &mut metrics };
                of.insert(name.clone(), Loose(cell));
            }
            same.then_some(ReportRow { dimensions: Some(dimensions), metrics: Some(metrics) })
        })
        .collect()
}

/// The cells of every line; those in quotes may hold commas, line ends and doubled quotes.
fn cells(table: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut signs = table.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => cell.extend(signs.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines.retain(|line| line.len() > 1 || line.iter().any(|cell| !cell.is_empty()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked { kind: "BASIC", level: "AUCTION_AD", status: "ad_status", dimensions: vec!["ad_id", "stat_time_day"], metrics: vec!["spend"], long: true }
    }

    #[test]
    fn a_finished_table_is_read_by_its_columns_whatever_stands_between_quotes() {
        let table =
            "\u{feff}stat_time_day,ad_id,ad_name,spend\r\n2026-11-01 00:00:00,17,\"Coats, \"\"warm\"\"\nand dry\",12.50\r\n2026-11-02 00:00:00,17,x,-\r\n";
        let rows = read(&asked(), table).expect("a table");
        let cell = |row: usize, name: &str| rows[row].metrics.as_ref().and_then(|metrics| metrics.get(name)).map(|cell| cell.0.as_str());
        assert_eq!((rows.len(), cell(0, "spend"), cell(0, "ad_name"), cell(1, "spend")), (2, Some("12.50"), Some("Coats, \"warm\"\nand dry"), Some("-")));
        assert_eq!(rows[0].dimensions.as_ref().and_then(|found| found.get("ad_id")).map(|id| id.0.as_str()), Some("17"));
    }

    #[test]
    fn a_table_without_what_was_asked_for_or_cut_in_the_middle_is_no_report() {
        for table in ["", "ad_id,spend\n17,1\n", "Ad ID,Date,Cost\n17,2026-11-01,1\n", "ad_id,stat_time_day,spend\n17,2026-11-01\n"] {
            assert!(read(&asked(), table).is_none(), "{table}");
        }
        assert_eq!(read(&asked(), "ad_id,stat_time_day,spend\n").map(|rows| rows.len()), Some(0), "nothing was spent");
    }

    #[test]
    fn a_filter_by_campaigns_stands_beside_the_one_by_status() {
        let ids = ["1".to_owned(), "2".to_owned()];
        let expected = json!([
            { "field_name": "ad_status", "filter_type": "IN", "filter_value": "[\"STATUS_ALL\"]" },
            { "field_name": "campaign_ids", "filter_type": "IN", "filter_value": "[\"1\",\"2\"]" },
        ]);
        assert_eq!(filtering(&asked(), Some(&ids)), expected);
    }
}
