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
const METRICS: [&str; 7] = ["sessions", "keyEvents", "ecommercePurchases", "purchaseRevenue", "totalRevenue", "advertiserAdClicks", "advertiserAdCost"];
/// What goes together with one of `AD_DIMENSIONS` only.
const AD_METRICS: [&str; 2] = ["advertiserAdClicks", "advertiserAdCost"];
const AD_DIMENSIONS: [&str; 2] = ["sessionGoogleAdsCampaignId", "sessionGoogleAdsCampaignName"];

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

/// The value of an enum, by its name or by its number, as protobuf's JSON takes both; `known` in the order of their numbers.
fn enumerated(members: &Map<String, Value>, name: &str, known: &[&'static str]) -> Read<&'static str> {
    let found = match members.get(name) {
        None => Some(known[0]),
        Some(Value::String(text)) => known.iter().find(|known| *known == text).copied(),
        Some(other) => other.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| known.get(at).copied()),
    };
    found.ok_or_else(|| format!("Invalid value at '{name}' (TYPE_ENUM), {}", members[name]))
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
    let (dimensions, metrics) = fields(members, property)?;
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

/// The dimensions and metrics asked for, which must go together.
fn fields(members: &Map<String, Value>, property: &SandboxProperty) -> Read<(Vec<String>, Vec<String>)> {
    let dimensions = names(members, "dimensions", 9, &|name| DIMENSIONS.contains(&name))?;
    let metrics = names(members, "metrics", 10, &|name| all_metrics(property).iter().any(|known| known == name))?;
    match metrics.iter().find(|metric| !compatible(&dimensions, metric)) {
        None => Ok((dimensions, metrics)),
        Some(metric) => Err(format!("Please remove {metric} to make the request compatible, or add one of the dimensions {}.", AD_DIMENSIONS.join(", "))),
    }
}

fn all_metrics(property: &SandboxProperty) -> Vec<String> {
    let events = property.key_events.iter().map(|event| format!("keyEvents:{event}"));
    METRICS.iter().map(|name| (*name).to_owned()).chain(events).collect()
}

/// Whether a metric goes together with the dimensions.
fn compatible(dimensions: &[String], metric: &str) -> bool {
    !AD_METRICS.contains(&metric) || dimensions.iter().any(|name| AD_DIMENSIONS.contains(&name.as_str()))
}

/// `:checkCompatibility`: what else could be asked for along with what is asked for, which itself must go together.
pub(super) fn compatibility(body: &Value, property: &SandboxProperty) -> Read<Value> {
    let members = object(body, &["dimensions", "metrics", "dimensionFilter", "metricFilter", "compatibilityFilter"])?;
    let (dimensions, _) = fields(members, property)?;
    members.get("dimensionFilter").map(filter).transpose()?;
    let wanted = match enumerated(members, "compatibilityFilter", &["COMPATIBILITY_UNSPECIFIED", "COMPATIBLE", "INCOMPATIBLE"])? {
        "COMPATIBLE" => Some(true),
        "INCOMPATIBLE" => Some(false),
        _ => None,
    };
    let told = |part: &str, described: Value, fits: bool| {
        wanted.is_none_or(|wanted| wanted == fits).then(|| json!({ part: described, "compatibility": if fits { "COMPATIBLE" } else { "INCOMPATIBLE" } }))
    };
    let by: Vec<Value> = DIMENSIONS.iter().filter_map(|name| told("dimensionMetadata", dimension(name), true)).collect();
    let of: Vec<Value> = all_metrics(property).iter().filter_map(|name| told("metricMetadata", metric(name), compatible(&dimensions, name))).collect();
    let parts = [("dimensionCompatibilities", by), ("metricCompatibilities", of)];
    Ok(parts.into_iter().filter(|(_, told)| !told.is_empty()).map(|(name, told)| (name.to_owned(), Value::from(told))).collect::<Map<_, _>>().into())
}

/// The reports of a batch, each of which must be of `property` when it names one.
pub(super) fn batch(body: &Value, property: &SandboxProperty) -> Read<Vec<Value>> {
    let own = format!("properties/{}", property.id);
    let requests = list(object(body, &["requests"])?, "requests");
    if requests.is_empty() || requests.len() > 5 {
        return Err(format!("A batch holds 1 to 5 reports, not {}.", requests.len()));
    }
    let mut reports = Vec::new();
    for mut one in requests {
        let named = one.as_object_mut().and_then(|members| members.remove("property"));
        if named.is_some_and(|named| named != "" && named != own.as_str()) {
            return Err(format!("Each report of a batch must be of {own}, or name no property."));
        }
        reports.push(one);
    }
    Ok(reports)
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
                let kinds = ["MATCH_TYPE_UNSPECIFIED", "EXACT", "BEGINS_WITH", "ENDS_WITH", "CONTAINS", "FULL_REGEXP", "PARTIAL_REGEXP"];
                let how = match enumerated(found, "matchType", &kinds)? {
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

/// A name as people read it: words of its own.
fn words(name: &str) -> String {
    let (name, event) = name.split_once(':').map_or((name, None), |(name, event)| (name, Some(event)));
    let mut spaced = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if spaced.is_empty() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() });
    }
    event.map_or_else(|| spaced.clone(), |event| format!("{spaced} for {event}"))
}

fn dimension(name: &str) -> Value {
    let category = if name == "date" { "Time" } else { "Traffic source" };
    json!({ "apiName": name, "uiName": words(name), "description": format!("{} of the session.", words(name)), "category": category })
}

fn metric(name: &str) -> Value {
    let category = match name {
        "sessions" => "Session",
        "ecommercePurchases" => "Ecommerce",
        "purchaseRevenue" | "totalRevenue" => "Revenue",
        name if AD_METRICS.contains(&name) => "Advertising",
        _ => "Event",
    };
    json!({ "apiName": name, "uiName": words(name), "description": format!("{}, counted.", words(name)), "type": super::rows::kind(name), "category": category })
}

/// `GET .../metadata`: what the property has.
pub(super) fn metadata(property: &SandboxProperty) -> Value {
    json!({
        "name": format!("properties/{}/metadata", property.id),
        "dimensions": DIMENSIONS.iter().map(|name| dimension(name)).collect::<Vec<_>>(),
        "metrics": all_metrics(property).iter().map(|name| metric(name)).collect::<Vec<_>>(),
    })
}
