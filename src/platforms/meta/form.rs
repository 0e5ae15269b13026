//! Building a form body: plain values, and JSON as text where a value is a list or an object.

use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{FORM, Meta};
use crate::platforms::WireRequest;
use crate::platforms::write::request;

/// A form in the order it was filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(&'static str, String)>);

impl Form {
    /// With one more plain value.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// With one more value as JSON text.
    pub(super) fn json(self, name: &'static str, value: &Value) -> Self {
        self.with(name, value.to_string())
    }

    /// With one more value where there is one.
    pub(super) fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The POST that sends it to `path`.
    pub(super) fn to(self, meta: &Meta, path: &str) -> WireRequest {
        let body = Serializer::new(String::new()).extend_pairs(self.0).finish();
        request(format!("{}/{path}", meta.base), FORM, body)
    }
}
