//! Reasons and progress in words a person understands, with their numbers.

use crate::domain::money::Currency;
use crate::learning::Yardstick;

use super::reading::Reading;

/// Where figures stand against the limit: `ROAS 1.82 over 7 closed days (weighed by maturity) is 27 % under the floor of 2.50`.
pub(super) fn standing(yardstick: Yardstick, reading: &Reading, currency: Currency) -> String {
    let days = format!("over {} closed days (weighed by maturity)", reading.days);
    let against = |value: f64, limit: f64| {
        let share = 100.0 * (value / limit - 1.0);
        if share.abs() < 0.5 { "at".to_owned() } else { format!("{:.0} % {}", share.abs(), if share < 0.0 { "under" } else { "over" }) }
    };
    match (yardstick, reading.roas(), reading.cpa()) {
        _ if reading.days == 0 => "no closed day with spend yet".to_owned(),
        (Yardstick::Revenue { floor }, Some(roas), _) => format!("ROAS {roas:.2} {days} is {} the floor of {floor:.2}", against(roas, floor)),
        (Yardstick::Conversions { cap }, _, Some(cpa)) => format!("CPA {cpa:.2} {currency} {days} is {} the cap of {cap:.2} {currency}", against(cpa, cap)),
        (Yardstick::Revenue { .. } | Yardstick::Conversions { .. }, _, _) => format!("no conversions {days} for {:.2} {currency}", reading.spend),
    }
}
