//! What is asked: one report, its pages in a fixed order.

use serde_json::{Value, json};

use super::{Ask, PropertySpec};

/// Rows of one page.
const ROWS: usize = 100_000;
/// What is said of sessions that no campaign brought.
const NO_CAMPAIGN: [&str; 4] = ["(not set)", "(organic)", "(referral)", "(direct)"];
pub(super) const NAME: &str = "sessionCampaignName";
pub(super) const SOURCE: &str = "sessionSource";
pub(super) const REVENUE: &str = "purchaseRevenue";

/// The name of a key event's metric.
pub(super) fn metric(event: &str) -> String {
    format!("keyEvents:{event}")
}

/// What rows are told apart by.
pub(super) fn dimensions(spec: &PropertySpec) -> Vec<String> {
    ["date", &spec.join, NAME, SOURCE].map(str::to_owned).to_vec()
}

/// What is counted. Sessions are asked for so that a campaign without conversions has a row as well.
pub(super) fn metrics(spec: &PropertySpec) -> Vec<String> {
    ["sessions".to_owned()].into_iter().chain(spec.key_events.iter().map(|event| metric(event))).chain([REVENUE.to_owned()]).collect()
}

/// Names as a request carries them.
pub(super) fn named(names: &[String]) -> Value {
    names.iter().map(|name| json!({ "name": name })).collect()
}

/// The body of a page that starts at row `offset`.
pub(super) fn body(spec: &PropertySpec, ask: Ask, offset: usize) -> Value {
    let dimensions = dimensions(spec);
    json!({
        "dateRanges": [{ "startDate": ask.from.to_string(), "endDate": ask.to.to_string() }],
        "dimensions": named(&dimensions),
        "metrics": named(&metrics(spec)),
        "dimensionFilter": { "orGroup": { "expressions": [
            { "notExpression": { "filter": { "fieldName": spec.join, "stringFilter": { "matchType": "EXACT", "value": NO_CAMPAIGN[0] } } } },
            { "notExpression": { "filter": { "fieldName": NAME, "inListFilter": { "values": NO_CAMPAIGN } } } },
        ] } },
        "orderBys": dimensions.iter().map(|name| json!({ "dimension": { "dimensionName": name } })).collect::<Vec<_>>(),
        "limit": ROWS.to_string(),
        "offset": offset.to_string(),
        "currencyCode": ask.currency.code(),
        "returnPropertyQuota": true,
    })
}
