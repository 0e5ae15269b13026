//! The success criteria of the product, measured on the simulated accounts, each with what it was measured against.

use serde::Serialize;

use super::super::managers::Kind;
use super::super::preset::Preset;
use super::super::summary::Summary;

/// One criterion in one kind of market.
#[derive(Clone, Debug, Serialize)]
pub struct Criterion {
    /// Its name, such as `SC-002`.
    pub id: &'static str,
    /// What is asked.
    pub asks: &'static str,
    /// What was measured, against which baseline.
    pub measured: String,
    /// Whether it is met.
    pub met: bool,
}

/// The criteria for `manager` over all kinds of market of `summaries`; one is met where every kind meets it. An account of 2,000 campaigns is none of 50,000 a month.
#[must_use]
pub fn criteria(summaries: &[Summary], manager: Kind) -> Vec<Criterion> {
    let own: Vec<&Summary> = summaries.iter().filter(|summary| summary.manager == manager).collect();
    let each = |of: &dyn Fn(&Summary) -> String| own.iter().map(|summary| format!("{} {}", summary.preset.name(), of(summary))).collect::<Vec<_>>().join(", ");
    let all = |of: &dyn Fn(&Summary) -> bool| !own.is_empty() && own.iter().all(|summary| of(summary));
    let whole = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} %"));
    let gain = |summary: &Summary| {
        let vs_static = summary.roas_vs_static.map_or_else(String::new, |gain| format!(", {:+.1} % against untouched budgets", gain.mean));
        format!(
            "{:+.1} ±{:.1} % against a careful weekly manager at {:.0} % of its spend{vs_static}",
            summary.roas_vs_weekly.mean, summary.roas_vs_weekly.error, summary.spend_vs_weekly.mean
        )
    };
    let broken = |summary: &Summary| summary.oversteps + summary.over_pool + summary.below_minimum;
    vec![
        Criterion {
            id: "SC-001",
            asks: "80 % of adjustments without a person within 30 days",
            measured: each(&|summary| whole(summary.autonomous)),
            met: all(&|summary| summary.autonomous.is_some_and(|share| share >= 80.0)),
        },
        Criterion {
            id: "SC-002",
            asks: "15 % better ROAS than manual management over 60 days, at no less than 98 % of its spend",
            measured: each(&gain),
            met: all(&|summary| summary.roas_vs_weekly.mean >= 15.0 && summary.spend_vs_weekly.mean >= 98.0),
        },
        Criterion {
            id: "SC-003",
            asks: "70 % of decisions turn out as predicted (within max(20 %, 1.28 sd of the market's noise))",
            measured: each(&|summary| format!("{} of changes, {} of agents' sums", whole(summary.hits_of_actions), whole(summary.agents_within_20))),
            met: all(&|summary| summary.hits_of_actions.is_some_and(|share| share >= 70.0)),
        },
        Criterion {
            id: "SC-004",
            asks: "no unauthorised action: no step beyond 20 %, no day over the pool, no budget below its minimum",
            measured: each(&|summary| format!("{:.1}/{:.1}/{:.1} %", summary.oversteps, summary.over_pool, summary.below_minimum)),
            met: all(&|summary| broken(summary) == 0.0),
        },
        Criterion {
            id: "SC-005",
            asks: "less than 30 minutes of review a day for an account of about 50,000 a month",
            measured: each(&|summary| format!("{:.1} min with {:.1} tickets", summary.minutes, summary.tickets)),
            met: all(&|summary| summary.preset == Preset::Many || summary.minutes < 30.0),
        },
    ]
}
