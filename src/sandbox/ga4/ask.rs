//! A report request as GA4 reads it: strictly. What this sandbox does not do it refuses, too.

use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};

use crate::clock::ProductTime;
use crate::domain::money::Currency;
use crate::sandbox::SandboxProperty;

const DIMENSIONS: [&str; 12] = [
    "date",
    "sessionCampaignId",
    "sessionCampaignName",
    "sessionManualCampaignId",
    "sessionManualCampaignName",
    "sessionGoogleAdsCampaignId",
    "sessionGoogleAdsCampaignName",
    "sessionSource",
    "sessionMedium",
    "sessionManualSource",
    "sessionManualMedium",
    "sessionSourceMedium",
];
const METRICS: [&str; 5] = ["sessions", "keyEvents", "ecommercePurchases", "purchaseRevenue", "totalRevenue"];

/// One report as asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) dimensions: Vec<String>,
    pub(super) metrics: Vec<String>,
    pub(super) filter: Option<Filter>,
    /// Names, and whether descending.
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) currency: Currency,
    pub(super) quota: bool,
}

/// Which rows are wanted.
#[derive(Debug)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// The dimension, how it matches, the values, whether case counts.
    Text(String, Match, Vec<String>, bool),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Match {
    Exact,
    Begins,
    Ends,
    Contains,
}

impl Filter {
    /// Whether a row with these dimensions is wanted.
    pub(super) fn admits(&self, value: &dyn Fn(&str) -> String) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.admits(value)),
            Self::Or(any) => any.iter().any(|one| one.admits(value)),
            Self::Not(one) => !one.admits(value),
            Self::Text(name, how, wanted, case) => {
                let fold = |text: &str| if *case { text.to_owned() } else { text.to_lowercase() };
                let found = fold(&value(name));
                wanted.iter().map(|text| fold(text)).any(|text| match how {
                    Match::Exact => found == text,
                    Match::Begins => found.starts_with(&text),
                    Match::Ends => found.ends_with(&text),
                    Match::Contains => found.contains(&text),
                })
            }
        }
    }
}

type Read<T> = Result<T, String>;

/// The members of an object, all of which must be among `known`.
fn object<'a>(value: &'a Value, known: &[&str]) -> Read<&'a Map<String, Value>> {
    let members = value.as_object().ok_or("Invalid JSON payload received. Unknown value; expected an object.")?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")),
        None => Ok(members),
    }
}

fn list(members: &Map<String, Value>, name: &str) -> Vec<Value> {
    members.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn text(members: &Map<String, Value>, name: &str) -> String {
    members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(members: &Map<String, Value>, name: &str, otherwise: usize) -> Read<usize> {
    match members.get(name) {
        None => Ok(otherwise),
        Some(Value::String(text)) => text.parse().map_err(|_| format!("Invalid value at '{name}' (TYPE_INT64), \"{text}\"")),
        Some(other) => other.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| format!("Invalid value at '{name}' (TYPE_INT64), {other}")),
    }
}

fn names(members: &Map<String, Value>, part: &str, most: usize, known: &dyn Fn(&str) -> bool) -> Read<Vec<String>> {
    let mut found = Vec::new();
    for one in list(members, part) {
        let name = text(object(&one, &["name"])?, "name");
        if !known(&name) {
            let kind = part.trim_end_matches('s');
            return Err(format!(
                "Field {name} is not a valid {kind}.  For a list of valid dimensions and metrics, see https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema "
            ));
        }
        found.push(name);
    }
    if found.len() > most { Err(format!("Requests are limited to {most} {part}.")) } else { Ok(found) }
}

fn day(text: &str, today: NaiveDate) -> Read<NaiveDate> {
    let back = match text {
        "today" => Some(0),
        "yesterday" => Some(1),
        text => text.strip_suffix("daysAgo").and_then(|days| days.parse().ok()),
    };
    let day = back.map_or_else(|| text.parse().ok(), |days| today.checked_sub_days(Days::new(days)));
    day.ok_or_else(|| format!("Invalid startDate or endDate: {text}. It must be YYYY-MM-DD, NdaysAgo, yesterday, or today."))
}

/// Reads a request to `property` made at `now`; what is wrong with it in GA4's words.
pub(super) fn read(body: &Value, property: &SandboxProperty, now: ProductTime) -> Read<Ask> {
    let known =
        ["dateRanges", "dimensions", "metrics", "dimensionFilter", "orderBys", "limit", "offset", "currencyCode", "returnPropertyQuota", "keepEmptyRows"];
    let members = object(body, &known)?;
    let ranges = list(members, "dateRanges");
    let [range] = ranges.as_slice() else { return Err("One date range is required.".to_owned()) };
    let (range, today) = (object(range, &["startDate", "endDate", "name"])?, now.date_in(property.time_zone));
    let (from, to) = (day(&text(range, "startDate"), today)?, day(&text(range, "endDate"), today)?);
    if from > to {
        return Err(format!("startDate {from} must not be after endDate {to}."));
    }
    let event = |name: &str| name.strip_prefix("keyEvents:").is_some_and(|event| property.key_events.iter().any(|known| known == event));
    let dimensions = names(members, "dimensions", 9, &|name| DIMENSIONS.contains(&name))?;
    let metrics = names(members, "metrics", 10, &|name| METRICS.contains(&name) || event(name))?;
    if metrics.is_empty() {
        return Err("At least one metric is required.".to_owned());
    }
    let mut order = Vec::new();
    for one in list(members, "orderBys") {
        let one = object(&one, &["dimension", "metric", "desc"])?;
        let name = match (one.get("dimension"), one.get("metric")) {
            (Some(by), None) => text(object(by, &["dimensionName", "orderType"])?, "dimensionName"),
            (None, Some(by)) => text(object(by, &["metricName"])?, "metricName"),
            (Some(_), Some(_)) | (None, None) => return Err("orderBys: exactly one of dimension and metric is required.".to_owned()),
        };
        if !dimensions.contains(&name) && !metrics.contains(&name) {
            return Err(format!("Ordering {name} is not in the request's dimensions or metrics."));
        }
        order.push((name, one.get("desc") == Some(&Value::Bool(true))));
    }
    let limit = number(members, "limit", 10_000)?.min(250_000);
    if limit == 0 {
        return Err("The limit must be positive.".to_owned());
    }
    let currency = match members.get("currencyCode").and_then(Value::as_str) {
        None => property.currency,
        Some(code) => code.parse().map_err(|_| format!("{code} is not a valid currency code."))?,
    };
    let filter = members.get("dimensionFilter").map(filter).transpose()?;
    let offset = number(members, "offset", 0)?;
    Ok(Ask { from, to, dimensions, metrics, filter, order, limit, offset, currency, quota: members.get("returnPropertyQuota") == Some(&Value::Bool(true)) })
}

fn filter(value: &Value) -> Read<Filter> {
    let members = object(value, &["andGroup", "orGroup", "notExpression", "filter"])?;
    let all = |group: &Value| -> Read<Vec<Filter>> { list(object(group, &["expressions"])?, "expressions").iter().map(filter).collect() };
    match members.iter().next() {
        Some((name, group)) if name == "andGroup" => all(group).map(Filter::And),
        Some((name, group)) if name == "orGroup" => all(group).map(Filter::Or),
        Some((name, one)) if name == "notExpression" => Ok(Filter::Not(Box::new(filter(one)?))),
        Some((_, one)) => {
            let one = object(one, &["fieldName", "stringFilter", "inListFilter", "numericFilter", "betweenFilter", "emptyFilter"])?;
            let name = text(one, "fieldName");
            if !DIMENSIONS.contains(&name.as_str()) {
                return Err(format!("Field {name} is not a valid dimension."));
            }
            let case = |members: &Map<String, Value>| members.get("caseSensitive") == Some(&Value::Bool(true));
            if let Some(found) = one.get("stringFilter") {
                let found = object(found, &["matchType", "value", "caseSensitive"])?;
                let how = match text(found, "matchType").as_str() {
                    "EXACT" => Match::Exact,
                    "BEGINS_WITH" => Match::Begins,
                    "ENDS_WITH" => Match::Ends,
                    "CONTAINS" => Match::Contains,
                    other => return Err(format!("Invalid value at 'match_type': \"{other}\" (this sandbox has no regular expressions).")),
                };
                return Ok(Filter::Text(name, how, vec![text(found, "value")], case(found)));
            }
            let found = one.get("inListFilter").ok_or("A dimension filter needs a stringFilter or an inListFilter.")?;
            let found = object(found, &["values", "caseSensitive"])?;
            let values = list(found, "values").iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
            Ok(Filter::Text(name, Match::Exact, values, case(found)))
        }
        None => Err("A filter expression is empty.".to_owned()),
    }
}

/// `GET .../metadata`: what the property has.
pub(super) fn metadata(property: &SandboxProperty) -> Value {
    let events = property.key_events.iter().map(|event| format!("keyEvents:{event}"));
    let metrics: Vec<Value> = METRICS.iter().map(|name| (*name).to_owned()).chain(events).map(|name| json!({ "apiName": name })).collect();
    json!({
        "name": format!("properties/{}/metadata", property.id),
        "dimensions": DIMENSIONS.iter().map(|name| json!({ "apiName": name })).collect::<Vec<_>>(),
        "metrics": metrics,
    })
}
