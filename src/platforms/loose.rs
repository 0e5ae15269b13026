//! Reading numbers as platforms write them: as text or as a number, with or without a fraction, sometimes `-` for "not available".

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::money::{Currency, Money, Rounding};

use super::PlatformError;

/// A value that may stand as text, number or truth value; kept as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loose(pub String);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        }))
    }
}

impl Loose {
    /// The exact number; `None` for what is no number.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let text = self.0.trim();
        Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
    }

    /// The whole number; `None` for what is none.
    pub(super) fn integer(&self) -> Option<i64> {
        self.decimal().filter(|number| number.fract().is_zero()).and_then(|number| number.to_i64())
    }

    /// Whether it says yes: `true` or `1`.
    pub(super) fn yes(&self) -> bool {
        matches!(self.0.as_str(), "true" | "1")
    }
}

/// A field that may be missing, as a whole number.
///
/// # Errors
/// [`PlatformError::Validation`] when it stands there and is no whole number.
pub(super) fn integer(field: Option<&Loose>, name: &str) -> Result<Option<i64>, PlatformError> {
    field
        .filter(|loose| !loose.0.is_empty())
        .map(|loose| loose.integer().ok_or_else(|| PlatformError::Validation(format!("`{name}` is `{}`: expected a whole number", loose.0))))
        .transpose()
}

/// Amounts in whole units of the currency (`"12.34"`) as money.
pub(super) fn units(loose: &Loose, currency: Currency) -> Option<Money> {
    Money::from_decimal(loose.decimal()?, currency).ok()
}

/// A count in thousandths, half-even; `None` for what is no number.
pub(super) fn thousandths(loose: &Loose) -> Option<i64> {
    loose.decimal()?.checked_mul(Decimal::ONE_THOUSAND)?.round_dp(0).to_i64()
}

/// `count` times `unit`.
///
/// # Errors
/// [`PlatformError::Validation`] beyond the range of money.
pub(super) fn times(unit: Money, count: i64) -> Result<Money, PlatformError> {
    unit.micros()
        .checked_mul(count)
        .map(|micros| Money::from_micros(micros, unit.currency()))
        .ok_or_else(|| PlatformError::Validation(format!("an amount of {count} x {unit} is out of range")))
}

/// How many whole `unit`s `amount` is.
///
/// # Errors
/// [`PlatformError::Validation`] when it is not a whole number of them, or of another currency.
pub(super) fn count_of(unit: Money, amount: Money) -> Result<i64, PlatformError> {
    match amount.round_to(unit, Rounding::Down) {
        Ok(rounded) if rounded == amount => Ok(amount.micros() / unit.micros()),
        Ok(_) => Err(PlatformError::Validation(format!("{amount} is not a whole number of {unit}, the smallest step this platform accepts"))),
        Err(error) => Err(PlatformError::Validation(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose {
        serde_json::from_str(json).expect("a literal")
    }

    #[test]
    fn numbers_read_the_same_as_text_and_as_numbers() {
        for json in ["\"50000000\"", "50000000", "50000000.0", "5e7"] {
            assert_eq!(loose(json).integer(), Some(50_000_000), "{json}");
        }
        assert_eq!(loose("120.5").decimal(), Some(Decimal::new(1205, 1)));
        assert_eq!((loose("\"-\"").decimal(), loose("null").decimal(), loose("[1]").integer()), (None, None, None));
        assert!(loose("1").yes() && loose("true").yes() && !loose("0").yes());
    }

    #[test]
    fn an_amount_between_two_steps_is_refused() {
        let unit = Money::from_micros(1_000_000, Currency::JPY);
        assert_eq!(count_of(unit, Money::from_micros(2_500_000_000, Currency::JPY)).expect("whole yen"), 2_500);
        assert!(count_of(unit, Money::from_micros(500_000, Currency::JPY)).is_err());
        assert!(count_of(unit, Money::zero(Currency::USD)).is_err());
    }
}
