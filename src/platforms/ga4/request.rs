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

/// The body of a page that starts at row `offset`. Sessions are asked for so that a campaign without conversions has a row as well.
pub(super) fn body(spec: &PropertySpec, ask: Ask, offset: usize) -> Value {
    let named = |name: &str| json!({ "name": name });
    let dimensions = ["date", &spec.join, NAME, SOURCE];
    let metrics = [named("sessions")].into_iter().chain(spec.key_events.iter().map(|event| named(&metric(event)))).chain([named(REVENUE)]);
    json!({
        "dateRanges": [{ "startDate": ask.from.to_string(), "endDate": ask.to.to_string() }],
        "dimensions": dimensions.map(named),
        "metrics": metrics.collect::<Vec<_>>(),
        "dimensionFilter": { "orGroup": { "expressions": [
            { "notExpression": { "filter": { "fieldName": spec.join, "stringFilter": { "matchType": "EXACT", "value": NO_CAMPAIGN[0] } } } },
            { "notExpression": { "filter": { "fieldName": NAME, "inListFilter": { "values": NO_CAMPAIGN } } } },
        ] } },
        "orderBys": dimensions.map(|name| json!({ "dimension": { "dimensionName": name } })),
        "limit": ROWS.to_string(),
        "offset": offset.to_string(),
        "currencyCode": ask.currency.code(),
        "returnPropertyQuota": true,
    })
}
