//! Exact money: integer micros and a currency. Floating point never holds money.

use std::fmt;
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Micros in one unit of any currency: Google Ads' own unit; cents and whole yen convert exactly.
pub const MICROS: i64 = 1_000_000;

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollar.
    pub const USD: Self = Self(*b"USD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// Japanese yen, which has no minor unit.
    pub const JPY: Self = Self(*b"JPY");

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is built from ASCII letters only")
    }

    /// Decimal places of the currency's minor unit. Source: ISO 4217, list one.
    #[must_use]
    pub fn decimals(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF"
            | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// One minor unit of this currency (a cent, a whole yen).
    #[must_use]
    pub fn minor_unit(self) -> Money {
        Money { micros: MICROS / 10_i64.pow(self.decimals()), currency: self }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            &[a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Self([a, b, c])),
            _ => Err(MoneyError::Currency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

/// Why an operation on money has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met; no rate is ever assumed.
    #[error("cannot mix {0} and {1}: convert nothing, keep one currency a pool")]
    Mixed(Currency, Currency),
    /// Beyond 9.2 trillion units.
    #[error("amount is out of range")]
    Overflow,
    /// Not three capital letters.
    #[error("`{0}` is not a currency: expected three capital letters such as USD")]
    Currency(String),
    /// Not `<amount> <currency>`.
    #[error("`{0}` is not an amount of money: expected for example \"120.00 USD\"")]
    Amount(String),
    /// A unit of zero or less, or nothing to share among.
    #[error("cannot divide money by nothing")]
    Zero,
}

/// Which way an amount that is not a whole number of units is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Toward the smaller amount: caps and increases.
    Down,
    /// Toward the larger amount: minimums.
    Up,
    /// To the nearest, ties to the even unit: everything else.
    HalfEven,
}

/// An exact amount of one currency. 1 unit = 1 000 000 micros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    micros: i64,
    currency: Currency,
}

impl Money {
    /// An amount in micros.
    #[must_use]
    pub const fn from_micros(micros: i64, currency: Currency) -> Self {
        Self { micros, currency }
    }

    /// Nothing of `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { micros: 0, currency }
    }

    /// An amount in whole units.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond the range of micros.
    pub fn from_units(units: i64, currency: Currency) -> Result<Self, MoneyError> {
        Ok(Self { micros: units.checked_mul(MICROS).ok_or(MoneyError::Overflow)?, currency })
    }

    /// A decimal amount in units, rounded half-even to micros.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond the range of micros.
    pub fn from_decimal(units: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let micros = units.checked_mul(Decimal::from(MICROS)).ok_or(MoneyError::Overflow)?;
        let micros = micros.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64().ok_or(MoneyError::Overflow)?;
        Ok(Self { micros, currency })
    }

    /// A statistical estimate as money, rounded half-even to micros. Statistics alone hold money in floating point.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the estimate is not finite or out of range.
    pub fn from_estimate(units: f64, currency: Currency) -> Result<Self, MoneyError> {
        let micros = (units * MICROS as f64).round_ties_even();
        if !micros.is_finite() || micros.abs() >= i64::MAX as f64 {
            return Err(MoneyError::Overflow);
        }
        Ok(Self { micros: micros as i64, currency })
    }

    /// Micros of the currency's unit.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The exact amount in units.
    #[must_use]
    pub fn units(self) -> Decimal {
        Decimal::from(self.micros) / Decimal::from(MICROS)
    }

    /// The amount in units for statistics, never to be turned into a decision's amount without rounding to a unit.
    #[must_use]
    pub fn estimate(self) -> f64 {
        self.micros as f64 / MICROS as f64
    }

    /// Whether this is exactly nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.micros == 0
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed(self.currency, other.currency)) }
    }

    /// Sum of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        Ok(Self { micros: self.micros.checked_add(other.micros).ok_or(MoneyError::Overflow)?, ..self })
    }

    /// Difference of two amounts of one currency; may be negative.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] or [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        Ok(Self { micros: self.micros.checked_sub(other.micros).ok_or(MoneyError::Overflow)?, ..self })
    }

    /// Which of two amounts of one currency is larger.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`].
    pub fn compare(self, other: Self) -> Result<std::cmp::Ordering, MoneyError> {
        self.same(other)?;
        Ok(self.micros.cmp(&other.micros))
    }

    /// The larger of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`].
    pub fn larger(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        Ok(if self.micros >= other.micros { self } else { other })
    }

    /// The smaller of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`].
    pub fn smaller(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        Ok(if self.micros <= other.micros { self } else { other })
    }

    /// Sum of many amounts of `currency`.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] or [`MoneyError::Overflow`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// This amount times a factor, rounded to micros.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn scale(self, factor: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        let exact = Decimal::from(self.micros).checked_mul(factor).ok_or(MoneyError::Overflow)?;
        let strategy = match rounding {
            Rounding::Down => RoundingStrategy::ToNegativeInfinity,
            Rounding::Up => RoundingStrategy::ToPositiveInfinity,
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
        };
        Ok(Self { micros: exact.round_dp_with_strategy(0, strategy).to_i64().ok_or(MoneyError::Overflow)?, ..self })
    }

    /// `self / of`, exact; `None` when `of` is zero or of another currency. Ratios are decimals; money itself never is.
    #[must_use]
    pub fn ratio(self, of: Self) -> Option<Decimal> {
        if self.currency != of.currency {
            return None;
        }
        Decimal::from(self.micros).checked_div(Decimal::from(of.micros))
    }

    /// Rounded to a whole number of `unit`, the smallest step a platform accepts.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`], [`MoneyError::Zero`] for a unit of zero or less, [`MoneyError::Overflow`].
    pub fn round_to(self, unit: Self, rounding: Rounding) -> Result<Self, MoneyError> {
        self.same(unit)?;
        if unit.micros <= 0 {
            return Err(MoneyError::Zero);
        }
        let (whole, rest) = (self.micros.div_euclid(unit.micros), self.micros.rem_euclid(unit.micros));
        let up = match rounding {
            Rounding::Down => false,
            Rounding::Up => rest > 0,
            Rounding::HalfEven => match (rest.saturating_mul(2)).cmp(&unit.micros) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => whole % 2 != 0,
            },
        };
        let whole = if up { whole.checked_add(1).ok_or(MoneyError::Overflow)? } else { whole };
        Ok(Self { micros: whole.checked_mul(unit.micros).ok_or(MoneyError::Overflow)?, ..self })
    }

    /// Shares this amount out in proportion to `weights`, in whole `unit`s, so that the parts add up to it exactly. What is left after
    /// rounding down goes one unit at a time to the largest remainders (ties: the earlier part); what is no whole unit goes to the first part
    /// that has a weight. All weights zero: equal parts.
    ///
    /// # Errors
    /// [`MoneyError::Zero`] when there is no weight or the unit is not positive; [`MoneyError::Mixed`]; [`MoneyError::Overflow`] for a
    /// negative amount or weights whose sum exceeds `u64`.
    pub fn share_out(self, weights: &[u64], unit: Self) -> Result<Vec<Self>, MoneyError> {
        self.same(unit)?;
        if weights.is_empty() || unit.micros <= 0 {
            return Err(MoneyError::Zero);
        }
        if self.micros < 0 {
            return Err(MoneyError::Overflow);
        }
        let even = vec![1; weights.len()];
        let weights = if weights.iter().all(|weight| *weight == 0) { even.as_slice() } else { weights };
        let sum: u64 = weights.iter().try_fold(0_u64, |sum, weight| sum.checked_add(*weight)).ok_or(MoneyError::Overflow)?;
        let units = i128::from(self.micros / unit.micros);
        let dust = self.micros % unit.micros;
        let mut parts: Vec<i128> = weights.iter().map(|weight| units * i128::from(*weight) / i128::from(sum)).collect();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&part| std::cmp::Reverse(units * i128::from(weights[part]) % i128::from(sum)));
        let left = usize::try_from(units - parts.iter().sum::<i128>()).map_err(|_| MoneyError::Overflow)?;
        for &part in order.iter().take(left) {
            parts[part] += 1;
        }
        let first = weights.iter().position(|weight| *weight > 0).unwrap_or(0);
        parts
            .into_iter()
            .enumerate()
            .map(|(part, units)| {
                let micros = i64::try_from(units * i128::from(unit.micros)).map_err(|_| MoneyError::Overflow)?;
                Ok(Self { micros: micros + if part == first { dust } else { 0 }, ..self })
            })
            .collect()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units().normalize();
        let places = units.scale().max(self.currency.decimals());
        write!(f, "{units:.*} {}", places as usize, self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::Amount(text.to_owned());
        let (amount, currency) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let units = Decimal::from_str_exact(amount).map_err(|_| wrong())?;
        let money = Self::from_decimal(units, currency.trim().parse()?)?;
        if money.units() == units { Ok(money) } else { Err(wrong()) }
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Money {
        format!("{text} USD").parse().expect("a literal amount")
    }

    #[test]
    fn money_is_written_with_its_currency_and_its_own_places() {
        assert_eq!(usd("120").to_string(), "120.00 USD");
        assert_eq!("120.5 JPY".parse::<Money>().expect("micros hold it").to_string(), "120.5 JPY");
        assert_eq!("2500 JPY".parse::<Money>().expect("a literal amount").to_string(), "2500 JPY");
        assert_eq!(usd("-0.000001").to_string(), "-0.000001 USD");
    }

    #[test]
    fn what_is_not_an_exact_amount_is_refused() {
        for text in ["", "120", "USD", "1e3 USD", "120 usd", "12.3456789 USD", "NaN USD", "99999999999999 USD"] {
            assert!(text.parse::<Money>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn currencies_never_mix() {
        let yen = Money::zero(Currency::JPY);
        assert_eq!(usd("1").checked_add(yen), Err(MoneyError::Mixed(Currency::USD, Currency::JPY)));
        assert_eq!(usd("1").ratio(yen), None);
    }

    #[test]
    fn rounding_goes_to_the_platforms_unit_in_the_direction_asked() {
        let cent = Currency::USD.minor_unit();
        assert_eq!(usd("1.009").round_to(cent, Rounding::Down), Ok(usd("1.00")));
        assert_eq!(usd("1.001").round_to(cent, Rounding::Up), Ok(usd("1.01")));
        assert_eq!(usd("1.005").round_to(cent, Rounding::HalfEven), Ok(usd("1.00")));
        assert_eq!(usd("1.015").round_to(cent, Rounding::HalfEven), Ok(usd("1.02")));
    }

    proptest! {
        #[test]
        fn i9_parts_add_up_to_the_whole_to_the_minor_unit(micros in 0..i64::MAX / 4, weights in prop::collection::vec(0..1_000_000_u64, 1..40), decimals in 0..3_u32) {
            let whole = Money::from_micros(micros, Currency::USD);
            let unit = Money::from_micros(MICROS / 10_i64.pow(decimals), Currency::USD);
            let parts = whole.share_out(&weights, unit).expect("weights and unit are valid");
            prop_assert_eq!(Money::sum(Currency::USD, parts.iter().copied()), Ok(whole));
            let all_zero = weights.iter().all(|weight| *weight == 0);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(part.micros() >= 0);
                prop_assert!(*weight > 0 || all_zero || part.is_zero());
            }
        }

        #[test]
        fn what_is_written_is_read_back_exactly(micros in any::<i64>()) {
            let money = Money::from_micros(micros, Currency::EUR);
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        }
    }
}
