//! What the credentials of a property allow: whether it answers, and whether it has what its reports ask for. Reads only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Property, PropertySpec, request};
use crate::platforms::PlatformError;

/// What a property tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PropertyAccess {
    /// Its numeric id.
    pub property: String,
    /// The conversions it is asked for: events that are marked as key events there.
    pub key_events: Vec<String>,
    /// What its reports need and it has not; empty when all is well.
    pub missing: Vec<String>,
}

/// `GET .../metadata`, the part that is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Known {
    dimensions: Vec<Named>,
    metrics: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Named {
    api_name: String,
}

/// `:checkCompatibility`, the part that is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    dimension_compatibilities: Vec<DimensionTold>,
    metric_compatibilities: Vec<MetricTold>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DimensionTold {
    dimension_metadata: Named,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MetricTold {
    metric_metadata: Named,
}

/// Asks the property what it has, then whether what its reports ask for goes together.
pub(super) async fn access(property: &Property) -> Result<PropertyAccess, PlatformError> {
    let spec = &property.spec;
    let known: Known = read(property.get("metadata").await?)?;
    let has: BTreeSet<&str> = known.dimensions.iter().chain(&known.metrics).map(|named| named.api_name.as_str()).collect();
    let (dimensions, metrics) = (request::dimensions(spec), request::metrics(spec));
    let mut missing: Vec<String> = dimensions.iter().chain(&metrics).filter(|name| !has.contains(name.as_str())).map(|name| lacking(spec, name)).collect();
    // A query with what the property has not is refused whole.
    if missing.is_empty() {
        let body = json!({ "dimensions": request::named(&dimensions), "metrics": request::named(&metrics), "compatibilityFilter": "INCOMPATIBLE" });
        match property.post("checkCompatibility", &body).await {
            Ok(answer) => missing.extend(apart(&read(answer)?, &dimensions, &metrics)),
            Err(PlatformError::Validation(why)) => missing.push(format!("what its reports ask for does not go together: {why}")),
            Err(other) => return Err(other),
        }
    }
    Ok(PropertyAccess { property: spec.property.clone(), key_events: spec.key_events.clone(), missing })
}

fn read<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, PlatformError> {
    serde_json::from_value(answer).map_err(|error| PlatformError::Transient(format!("an answer in an unknown form: {error}")))
}

fn lacking(spec: &PropertySpec, name: &str) -> String {
    match spec.key_events.iter().find(|event| request::metric(event) == name) {
        Some(event) => format!("the event `{event}` is not marked as a key event of the property"),
        None => format!("`{name}` is not known to the property"),
    }
}

/// Which of what is asked for is told not to go with the rest.
fn apart(told: &Told, dimensions: &[String], metrics: &[String]) -> Vec<String> {
    let by = told.dimension_compatibilities.iter().map(|told| &told.dimension_metadata.api_name).filter(|name| dimensions.contains(*name));
    let of = told.metric_compatibilities.iter().map(|told| &told.metric_metadata.api_name).filter(|name| metrics.contains(*name));
    by.chain(of).map(|name| format!("`{name}` does not go with the rest of what is asked for")).collect()
}
