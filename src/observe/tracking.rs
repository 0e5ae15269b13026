//! Tracking health: whether reported conversions can be believed. The simple rule: an account that reports fewer conversions over its last
//! closed days than a set share of what its clicks usually bring freezes its money moves.

use crate::domain::metrics::Metrics;
use crate::domain::view::Tracking;

/// Closed days looked at. One day alone is noise on small accounts; a week would let broken tracking steer money for a week.
const RECENT_DAYS: usize = 3;
/// Conversions that must be expected before their absence says anything: at 20, a Poisson count falls under 60 % by chance once in 50.
const LEAST_EXPECTED: f64 = 20.0;
/// Matured conversions the history must hold before it can expect anything.
const LEAST_HISTORY: f64 = 30.0;

/// One account day: its sums over all campaigns and the share of its conversions expected to have arrived.
#[derive(Clone, Debug)]
pub(crate) struct AccountDay {
    /// Clicks of all campaigns.
    pub clicks: i64,
    /// Conversions reported so far.
    pub conversions: f64,
    /// Share expected to have arrived, 0 to 1.
    pub maturity: f64,
}

/// Sums an account's figures day by day: `figures` holds one entry a day of `maturity` for each campaign.
pub(crate) fn account_days(figures: &[Metrics], maturity: &[f64]) -> Vec<AccountDay> {
    let days = maturity.len().max(1);
    maturity
        .iter()
        .enumerate()
        .map(|(at, maturity)| {
            let column = figures.iter().skip(at).step_by(days);
            let (clicks, conversions) =
                column.fold((0_i64, 0.0), |(clicks, conversions), entry| (clicks.saturating_add(entry.clicks), conversions + entry.conversions()));
            AccountDay { clicks, conversions, maturity: *maturity }
        })
        .collect()
}

/// Judges the closed days of an account, oldest first. `minimum` is the share of the expected conversions below which tracking is broken.
pub(crate) fn judge(closed: &[AccountDay], minimum: f64) -> Tracking {
    let split = closed.len().saturating_sub(RECENT_DAYS);
    let (history, recent) = closed.split_at(split);
    let (clicks, conversions) = history
        .iter()
        .filter(|day| day.maturity > 0.0)
        .fold((0.0, 0.0), |(clicks, conversions), day| (clicks + day.clicks as f64 * day.maturity, conversions + day.conversions));
    if clicks <= 0.0 || conversions < LEAST_HISTORY {
        return Tracking::Unknown;
    }
    let rate = conversions / clicks;
    let expected: f64 = recent.iter().map(|day| day.clicks as f64 * rate * day.maturity).sum();
    let reported: f64 = recent.iter().map(|day| day.conversions).sum();
    if expected < LEAST_EXPECTED {
        return Tracking::Unknown;
    }
    if reported < minimum * expected { Tracking::Broken { reported, expected } } else { Tracking::Healthy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(conversions: &[f64], maturity: f64) -> Vec<AccountDay> {
        conversions.iter().map(|conversions| AccountDay { clicks: 1_000, conversions: *conversions, maturity }).collect()
    }

    #[test]
    fn conversions_that_vanish_while_clicks_go_on_break_tracking() {
        let mut account = days(&[20.0; 14], 1.0);
        account.extend(days(&[2.0, 1.0, 0.0], 0.9));
        assert!(matches!(judge(&account, 0.6), Tracking::Broken { reported, expected } if reported < 0.1 * expected));
    }

    #[test]
    fn conversions_that_have_not_arrived_yet_do_not_break_tracking() {
        let mut account = days(&[20.0; 14], 1.0);
        account.extend(days(&[16.0, 13.0, 10.0], 0.65));
        assert_eq!(judge(&account, 0.6), Tracking::Healthy);
    }

    #[test]
    fn an_account_too_small_to_expect_anything_is_unknown_not_broken() {
        assert_eq!(judge(&days(&[0.2; 30], 1.0), 0.6), Tracking::Unknown);
        assert_eq!(judge(&[], 0.6), Tracking::Unknown);
    }
}
