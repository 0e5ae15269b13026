//! What GA4 answers. Zero, empty and false members are left out, 64-bit integers come as text, every cell is text.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::request::{NAME, REVENUE, SOURCE, metric};
use super::{Ask, Counted, PropertySpec};
use crate::domain::money::Money;
use crate::platforms::loose::{Loose, thousandths, units};

/// Share of a sampled report's events that must have been read for its figures to count: below it a day's handful of conversions is mostly the
/// sample's luck.
const LEAST_READ: Decimal = Decimal::from_parts(9, 0, 0, false, 1);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    pub dimension_headers: Vec<Header>,
    pub metric_headers: Vec<Header>,
    pub rows: Vec<Row>,
    pub row_count: Loose,
    pub metadata: Option<Metadata>,
    pub property_quota: Option<Quota>,
}

#[derive(Deserialize)]
pub(super) struct Header {
    pub name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Row {
    pub dimension_values: Vec<Cell>,
    pub metric_values: Vec<Cell>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Cell {
    pub value: Loose,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub currency_code: Option<String>,
    pub time_zone: Option<String>,
    pub data_loss_from_other_row: bool,
    pub subject_to_thresholding: bool,
    pub sampling_metadatas: Vec<Sampling>,
    pub schema_restriction_response: Option<Restrictions>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Sampling {
    pub samples_read_count: Loose,
    pub sampling_space_size: Loose,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Restrictions {
    pub active_metric_restrictions: Vec<Restriction>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Restriction {
    pub metric_name: String,
}

/// What is left of each bucket. A bucket that is there without `remaining` is empty; one that is missing is unknown.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Quota {
    pub tokens_per_day: Option<Left>,
    pub tokens_per_hour: Option<Left>,
    pub tokens_per_project_per_hour: Option<Left>,
    pub server_errors_per_project_per_hour: Option<Left>,
    pub potentially_thresholded_requests_per_hour: Option<Left>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Left {
    pub remaining: i64,
}

impl Metadata {
    /// Whether the figures are no base for a decision.
    pub(super) fn is_unfit(&self) -> bool {
        let too_few = |sampling: &Sampling| match (sampling.samples_read_count.decimal(), sampling.sampling_space_size.decimal()) {
            (read, Some(space)) => read.unwrap_or_default() < space * LEAST_READ,
            // How much of how many is not told.
            (_, None) => true,
        };
        self.data_loss_from_other_row || self.sampling_metadatas.iter().any(too_few)
    }

    /// Metrics that the signed-in user may not see.
    pub(super) fn withheld(&self) -> Vec<String> {
        self.schema_restriction_response.iter().flat_map(|response| &response.active_metric_restrictions).map(|found| found.metric_name.clone()).collect()
    }
}

impl Answer {
    /// Rows there are in all, whatever the page holds.
    pub(super) fn row_count(&self) -> usize {
        self.row_count.integer().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    }

    /// The rows, by the names of their columns.
    pub(super) fn counted(&self, spec: &PropertySpec, ask: Ask) -> Result<Vec<Counted>, String> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let place = |headers: &[Header], name: &str| headers.iter().position(|header| header.name == name).ok_or_else(|| format!("no column `{name}`"));
        let [date, id, name, source] = ["date", &spec.join, NAME, SOURCE].map(|name| place(&self.dimension_headers, name));
        let (date, id, name, source) = (date?, id?, name?, source?);
        let events: Vec<usize> = spec.key_events.iter().map(|event| place(&self.metric_headers, &metric(event))).collect::<Result<_, _>>()?;
        let revenue = place(&self.metric_headers, REVENUE)?;
        let none = Cell::default();
        let mut counted = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let text = |at: usize| row.dimension_values.get(at).unwrap_or(&none).value.0.as_str();
            let cell = |at: usize| &row.metric_values.get(at).unwrap_or(&none).value;
            // Rows that were lumped together have no day of their own.
            let Ok(day) = NaiveDate::parse_from_str(text(date), "%Y%m%d") else { continue };
            let mut conversions_milli = 0_i64;
            for event in &events {
                let some = number(cell(*event), thousandths, 0)?;
                conversions_milli = conversions_milli.checked_add(some).ok_or("conversions beyond any count")?;
            }
            let revenue = number(cell(revenue), |loose| units(loose, ask.currency), Money::zero(ask.currency))?;
            counted.push(Counted { day, id: named(text(id)), name: named(text(name)), source: text(source).to_owned(), conversions_milli, revenue });
        }
        Ok(counted)
    }
}

/// A name that says something: `(not set)` and its like do not.
fn named(text: &str) -> Option<String> {
    (!text.is_empty() && !text.starts_with('(')).then(|| text.to_owned())
}

/// A cell's number; an empty one is none at all.
fn number<T>(cell: &Loose, read: impl Fn(&Loose) -> Option<T>, none: T) -> Result<T, String> {
    if cell.0.is_empty() { Ok(none) } else { read(cell).ok_or_else(|| format!("`{}` is no number", cell.0.chars().take(40).collect::<String>())) }
}
