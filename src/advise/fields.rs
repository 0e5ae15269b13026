//! Reads the fields of one JSON object by name, so that what is wrong is said with the field it is wrong in.

use serde_json::{Map, Value};

use super::protocol::ProtocolError;

/// One JSON object and the path that leads to it.
pub(super) struct Fields<'v> {
    map: &'v Map<String, Value>,
    at: String,
}

impl<'v> Fields<'v> {
    pub fn of(value: &'v Value, at: &str) -> Result<Self, ProtocolError> {
        let map = value.as_object().ok_or_else(|| ProtocolError::new(if at.is_empty() { "line" } else { at }, "an object is expected"))?;
        Ok(Self { map, at: at.to_owned() })
    }

    /// The path of a field.
    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// An error in a field.
    pub fn wrong(&self, name: &str, what: impl Into<String>) -> ProtocolError {
        ProtocolError::new(&self.path(name), what)
    }

    /// A field that may be missing; null counts as missing.
    pub fn maybe(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub fn value(&self, name: &str) -> Result<&'v Value, ProtocolError> {
        self.maybe(name).ok_or_else(|| self.wrong(name, "it is missing"))
    }

    /// A sub-object.
    pub fn object(&self, name: &str) -> Result<Fields<'v>, ProtocolError> {
        Fields::of(self.value(name)?, &self.path(name))
    }

    pub fn text(&self, name: &str) -> Result<&'v str, ProtocolError> {
        self.value(name)?.as_str().ok_or_else(|| self.wrong(name, "a text is expected"))
    }

    pub fn number(&self, name: &str) -> Result<f64, ProtocolError> {
        number(self.value(name)?).ok_or_else(|| self.wrong(name, "a finite number is expected"))
    }

    /// A whole number of at least 0.
    pub fn count(&self, name: &str) -> Result<usize, ProtocolError> {
        count(self.value(name)?).ok_or_else(|| self.wrong(name, "a whole number of at least 0 is expected"))
    }

    pub fn list(&self, name: &str) -> Result<&'v [Value], ProtocolError> {
        self.value(name)?.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(name, "an array is expected"))
    }

    /// One value for each of the n campaigns.
    pub fn each<T>(&self, name: &str, n: usize, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, ProtocolError> {
        all(self.list(name)?, &self.path(name), n, expected, read)
    }

    /// One amount of at least 0 for each of the n campaigns.
    pub fn amounts(&self, name: &str, n: usize) -> Result<Vec<f64>, ProtocolError> {
        self.each(name, n, AMOUNT, amount)
    }

    /// One flag for each of the n campaigns; `None` when the field is missing.
    pub fn flags(&self, name: &str, n: usize) -> Result<Option<Vec<bool>>, ProtocolError> {
        self.maybe(name).map(|_| self.each(name, n, "true, false, 1 or 0", flag)).transpose()
    }

    /// Rows of amounts, each of `width`.
    pub fn rows(&self, name: &str, rows: usize, width: usize) -> Result<Vec<Vec<f64>>, ProtocolError> {
        let list = self.list(name)?;
        if list.len() != rows {
            return Err(self.wrong(name, format!("{rows} rows are expected, not {}", list.len())));
        }
        let row = |(at, row): (usize, &Value)| {
            let path = format!("{}[{at}]", self.path(name));
            let row = row.as_array().ok_or_else(|| ProtocolError::new(&path, "an array is expected"))?;
            all(row, &path, width, AMOUNT, amount)
        };
        list.iter().enumerate().map(row).collect()
    }
}

const AMOUNT: &str = "a finite number of at least 0";

fn all<T>(list: &[Value], path: &str, n: usize, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, ProtocolError> {
    if list.len() != n {
        return Err(ProtocolError::new(path, format!("{n} values are expected, not {}", list.len())));
    }
    let one = |(at, value): (usize, &Value)| read(value).ok_or_else(|| ProtocolError::new(&format!("{path}[{at}]"), format!("{expected} is expected")));
    list.iter().enumerate().map(one).collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

/// Largest amount, count or sum of money a line may name: far beyond any account, and far from what overflows.
pub(super) const MOST: f64 = 1e11;

pub(super) fn amount(value: &Value) -> Option<f64> {
    number(value).filter(|number| (0.0..=MOST).contains(number))
}

pub(super) fn count(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|count| usize::try_from(count).ok())
}

pub(super) fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| match value.as_f64() {
        Some(1.0) => Some(true),
        Some(0.0) => Some(false),
        Some(_) | None => None,
    })
}
