//! Reasons and progress in words a person understands, with their numbers.

use crate::domain::goal::Goal;
use crate::domain::money::Currency;
use crate::learning::Yardstick;

use super::prices::Reach;
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

/// Whether the goal can be met by budgets at all, and where not, the best that can: empty where it can.
pub(super) fn reach(yardstick: Yardstick, goal: &Goal, reach: &Reach) -> String {
    let Some(best) = reach.best_within_steps.filter(|best| best.spend > 0.0 && best.worth > 0.0) else { return String::new() };
    let reachable = match yardstick {
        Yardstick::Revenue { floor } => format!("ROAS {:.2}", floor * best.worth / best.spend),
        Yardstick::Conversions { cap } => format!("CPA {:.2}", cap * best.spend / best.worth),
    };
    format!("; no change of budgets allowed today meets `{goal}`: the best of them is expected to reach {reachable}")
}
