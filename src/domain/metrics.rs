//! Daily figures and the KPIs made of them, by their field names.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::{Currency, Money, MoneyError};

/// One entity's figures for one account day, as reported at one moment. Conversions may be fractional (data-driven attribution).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// What was spent.
    pub spend: Money,
    /// Times shown.
    pub impressions: i64,
    /// Clicks.
    pub clicks: i64,
    /// Conversions that count, in thousandths, so that sums are exact.
    pub conversions_milli: i64,
    /// Value of those conversions.
    pub revenue: Money,
}

impl Metrics {
    /// Nothing happened.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { spend: Money::zero(currency), impressions: 0, clicks: 0, conversions_milli: 0, revenue: Money::zero(currency) }
    }

    /// Conversions as a number for statistics.
    #[must_use]
    pub fn conversions(&self) -> f64 {
        self.conversions_milli as f64 / 1_000.0
    }

    /// Sum of two sets of figures of one currency.
    ///
    /// # Errors
    /// [`MoneyError`] for mixed currencies or overflow.
    pub fn checked_add(&self, other: &Self) -> Result<Self, MoneyError> {
        let sum = |a: i64, b: i64| a.checked_add(b).ok_or(MoneyError::Overflow);
        Ok(Self {
            spend: self.spend.checked_add(other.spend)?,
            impressions: sum(self.impressions, other.impressions)?,
            clicks: sum(self.clicks, other.clicks)?,
            conversions_milli: sum(self.conversions_milli, other.conversions_milli)?,
            revenue: self.revenue.checked_add(other.revenue)?,
        })
    }

    /// Revenue per unit of spend; `None` without spend.
    #[must_use]
    pub fn roas(&self) -> Option<Decimal> {
        self.revenue.ratio(self.spend)
    }

    /// Spend per conversion in units of the currency; `None` without conversions.
    #[must_use]
    pub fn cpa(&self) -> Option<Decimal> {
        self.spend.units().checked_div(Decimal::new(self.conversions_milli, 3))
    }

    /// Clicks per impression; `None` without impressions.
    #[must_use]
    pub fn ctr(&self) -> Option<Decimal> {
        Decimal::from(self.clicks).checked_div(Decimal::from(self.impressions))
    }

    /// Conversions per click; `None` without clicks.
    #[must_use]
    pub fn cvr(&self) -> Option<Decimal> {
        Decimal::new(self.conversions_milli, 3).checked_div(Decimal::from(self.clicks))
    }

    /// Spend per click in units of the currency; `None` without clicks.
    #[must_use]
    pub fn cpc(&self) -> Option<Decimal> {
        self.spend.units().checked_div(Decimal::from(self.clicks))
    }

    /// Spend per thousand impressions in units of the currency; `None` without impressions.
    #[must_use]
    pub fn cpm(&self) -> Option<Decimal> {
        (self.spend.units() * Decimal::ONE_THOUSAND).checked_div(Decimal::from(self.impressions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kpi_without_its_denominator_has_no_value() {
        let none = Metrics::zero(Currency::USD);
        assert_eq!((none.roas(), none.cpa(), none.ctr(), none.cvr(), none.cpc(), none.cpm()), (None, None, None, None, None, None));
    }

    #[test]
    fn kpis_come_from_the_sums() {
        let usd = |text: &str| format!("{text} USD").parse().expect("a literal amount");
        let day = Metrics { spend: usd("50"), impressions: 10_000, clicks: 100, conversions_milli: 2_500, revenue: usd("200") };
        assert_eq!(day.roas(), Some(Decimal::from(4)));
        assert_eq!(day.cpa(), Some(Decimal::from(20)));
        assert_eq!(day.cpm(), Some(Decimal::from(5)));
    }
}
