//! The API under `/api/v1`: reads rows and views, hands wishes to the daemon, answers in JSON with RFC 3339 times and money as `"120.00 USD"`.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod campaigns;
pub(crate) mod changes;
pub(crate) mod decisions;
pub(crate) mod openapi;
pub(crate) mod rounds;
pub(crate) mod scopes;
pub(crate) mod status;
pub(crate) mod tickets;

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::auth::Principal;
use super::problem::Problem;
use super::reading::cursor_text;
use crate::store::decision::Cursor;

/// What follows `?` in a path.
pub(crate) type Asked = axum::extract::Query<BTreeMap<String, String>>;
/// An answer.
pub(crate) type Said = Result<Json<Value>, Problem>;
/// Whoever passed the gate.
pub(crate) type Who = axum::extract::Extension<Principal>;

/// The words that come with a verb.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Words {
    /// Why.
    pub(crate) reason: String,
}

/// Longest note or reason, in characters.
const LONGEST_NOTE: usize = 1_000;

/// Reads a JSON body; an empty one counts as `{}`.
pub(crate) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(text).map_err(|error| Problem::invalid("body", error.to_string()))
}

/// Text of a person as it is kept: no control characters, not longer than a note may be.
pub(crate) fn note(field: &str, text: &str) -> Result<String, Problem> {
    if text.chars().count() > LONGEST_NOTE {
        return Err(Problem::invalid(field, format!("longer than {LONGEST_NOTE} characters")));
    }
    Ok(text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect::<String>().trim().to_owned())
}

/// Reads an id from a path; what is none cannot exist.
pub(crate) fn id<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::missing(format!("{what} `{}`", text.chars().filter(|letter| !letter.is_control()).take(80).collect::<String>())))
}

/// Reads an optional value of the query.
pub(crate) fn query<T: FromStr>(asked: &Asked, field: &str) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    asked.get(field).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(|error: T::Err| Problem::invalid(field, error.to_string()))).transpose()
}

/// A list with where it goes on: `next` is there while the page is full.
pub(crate) fn page<T>(rows: &[T], limit: u32, cursor: impl Fn(&T) -> Cursor, item: impl FnMut(&T) -> Value) -> Json<Value> {
    let full = u32::try_from(rows.len()).is_ok_and(|found| found >= limit);
    let next = rows.last().filter(|_| full).map(|last| cursor_text(&cursor(last)));
    Json(json!({ "items": rows.iter().map(item).collect::<Vec<_>>(), "next": next }))
}

/// Stored JSON as JSON; text that is none stays text.
pub(crate) fn stored(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
