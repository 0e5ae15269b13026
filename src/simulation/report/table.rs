//! The comparison as rows of words.

use super::super::preset::Preset;
use super::super::summary::{Estimate, Summary};

/// Headings of [`rows`].
pub const HEADINGS: [&str; 17] = [
    "manager",
    "% of oracle",
    "rev/pool",
    "ROAS",
    "ROAS vs weekly",
    "beats weekly %",
    "spend %",
    "step/pool/min",
    "goal miss %",
    "edits/100",
    "hit action %",
    "hit 20 % (max)",
    "agent 20 %",
    "cover 80 %",
    "width",
    "CRPS skill %",
    "min/day",
];

fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn with_error(estimate: Estimate) -> String {
    format!("{:.1} ±{:.1}", estimate.mean, estimate.error)
}

/// One row a manager of `preset`, under [`HEADINGS`].
#[must_use]
pub fn rows(summaries: &[Summary], preset: Preset) -> Vec<Vec<String>> {
    let row = |summary: &Summary| {
        vec![
            summary.manager.name().to_owned(),
            with_error(summary.of_oracle),
            format!("{:.3}", summary.revenue_at_equal_spend.mean),
            format!("{:.3}", summary.roas.mean),
            format!("{:+.1} ±{:.1}", summary.roas_vs_weekly.mean, summary.roas_vs_weekly.error),
            with_error(summary.beats_weekly),
            format!("{:.1}", summary.spend.mean),
            format!("{:.1}/{:.1}/{:.1}", summary.oversteps, summary.over_pool, summary.below_minimum),
            format!("{:.0}", summary.goals_missed),
            format!("{:.0}", summary.edits),
            or_dash(summary.hits_of_actions, 0),
            format!("{} ({})", or_dash(summary.within_20, 0), or_dash(summary.ceiling, 0)),
            or_dash(summary.agents_within_20, 0),
            or_dash(summary.coverage, 0),
            or_dash(summary.width, 2),
            or_dash(summary.crps_skill, 1),
            format!("{:.1}", summary.minutes),
        ]
    };
    summaries.iter().filter(|summary| summary.preset == preset).map(row).collect()
}
