//! A request as the platform modules read it, and the answer they give. What is common to HTTP, and nothing of any contract.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::{HeaderMap, Method};
use serde_json::Value;

use super::faults::Methods;
use crate::domain::entity::Platform;
use crate::domain::money::{Currency, MICROS};

/// One request, read whole.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The platform that owns this path.
    pub(crate) fn platform(&self) -> Option<Platform> {
        let first = self.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match first {
            "open_api" => Some(Platform::Tiktok),
            "token" | "o" => Some(Platform::Google),
            version if version.starts_with('v') && version.contains('.') => Some(Platform::Meta),
            version if version.starts_with('v') => Some(Platform::Google),
            _ => None,
        }
    }

    /// Whether this is a request to GA4, which answers faults of Google's in its own form.
    pub(crate) fn is_ga4(&self) -> bool {
        self.path.starts_with("/v1beta/")
    }

    /// Whether this request asks for a change.
    pub(crate) fn method(&self) -> Methods {
        let ordered = self.path.contains("/report/task/") || self.path.ends_with("/insights");
        let reads =
            self.is_ga4() || ordered || self.method == Method::GET || self.path.contains(":search") || self.path == "/token" || self.path.contains("/oauth");
        // A rehearsal is judged and changes nothing.
        let body = String::from_utf8_lossy(&self.body);
        let rehearses = body.contains("validate_only") || body.contains("\"validateOnly\":true");
        if reads || rehearses { Methods::Read } else { Methods::Write }
    }

    /// A query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The same request without query and body, to be asked for something else.
    pub(crate) fn same(&self) -> Self {
        let (method, path, headers) = (self.method.clone(), self.path.clone(), self.headers.clone());
        Self { method, path, query: BTreeMap::new(), headers, body: Vec::new() }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body's fields: form-encoded, or the members of a JSON object as text.
    pub(crate) fn fields(&self) -> BTreeMap<String, String> {
        if self.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            let Some(Value::Object(members)) = self.json() else { return BTreeMap::new() };
            return members.into_iter().map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect();
        }
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json; charset=UTF-8".to_owned())], body: body.to_string() }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Whether a token is one the sandbox gives out or accepts.
pub(crate) fn token_is_ours(token: &str) -> bool {
    token.starts_with("sandbox")
}

/// Micros as a decimal in units with `places` decimal places, rounded half up.
pub(crate) fn decimal(micros: i64, places: u32) -> String {
    let step = MICROS / 10_i64.pow(places.min(6));
    let whole = (micros + step / 2).div_euclid(step);
    if places == 0 {
        return whole.to_string();
    }
    let base = 10_i64.pow(places.min(6));
    let sign = if whole < 0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", whole.abs() / base, whole.abs() % base, width = places as usize)
}

/// Micros in the currency's own decimal places.
pub(crate) fn amount(micros: i64, currency: Currency) -> String {
    decimal(micros, currency.decimals())
}

/// `part / of` with `places` decimals; 0 of nothing is 0.
pub(crate) fn ratio(part: i64, of: i64, times: i64, places: usize) -> String {
    if of == 0 {
        return format!("{:.places$}", 0.0);
    }
    format!("{:.places$}", part as f64 * times as f64 / of as f64)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
