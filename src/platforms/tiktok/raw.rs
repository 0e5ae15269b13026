//! One object as the platform wrote it, whole: what this version does not know must survive an update that replaces the object.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Tiktok;
use crate::domain::money::Money;
use crate::platforms::PlatformError;
use crate::platforms::loose::{Loose, count_of};

/// A campaign, ad group, ad or medium with every field it came with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Raw(pub Map<String, Value>);

impl Raw {
    /// A field as text; `None` where it is missing, null or empty. Numbers and truth values count as their text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.loose(name).map(|loose| loose.0)
    }

    /// A field that may be text, number or truth value.
    pub(super) fn loose(&self, name: &str) -> Option<Loose> {
        let loose: Loose = serde_json::from_value(self.0.get(name)?.clone()).ok()?;
        Some(loose).filter(|loose| !loose.0.is_empty())
    }

    /// A list of texts; empty where it is missing.
    pub(super) fn texts(&self, name: &str) -> BTreeSet<String> {
        let items = self.0.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| serde_json::from_value::<Loose>(item.clone()).ok()).map(|loose| loose.0).filter(|text| !text.is_empty()).collect()
    }

    /// Whether it says anything under `name`: neither missing nor null, empty, zero or false.
    pub(super) fn says(&self, name: &str) -> bool {
        match self.0.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(members)) => !members.is_empty(),
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        }
    }
}

impl Tiktok {
    /// The one object with this id, deleted ones too; `None` where there is none.
    pub(super) async fn one(&self, path: &str, ids: &str, id: &str) -> Result<Option<Raw>, PlatformError> {
        let filtering = serde_json::json!({ ids: [id], "primary_status": "STATUS_ALL" }).to_string();
        let rows: Vec<Raw> = self.rows(path, &[("filtering", &filtering)]).await?;
        let own = ids.strip_suffix('s').unwrap_or(ids);
        Ok(rows.into_iter().find(|row| row.text(own).as_deref() == Some(id)))
    }
}

/// An exact decimal as a JSON number.
pub(super) fn number(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    text.parse::<i64>().map_or_else(|_| serde_json::from_str(&text).unwrap_or(Value::Null), Value::from)
}

/// An amount as TikTok takes it: a number in whole units of the account's currency.
///
/// # Errors
/// [`PlatformError::Validation`] between two steps of the currency, at nothing or below, or in another currency.
pub(super) fn amount(amount: Money, unit: Money) -> Result<Value, PlatformError> {
    if count_of(unit, amount)? <= 0 {
        return Err(PlatformError::Validation(format!("{amount} is no amount this platform takes")));
    }
    Ok(number(amount.units()))
}
