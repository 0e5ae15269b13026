//! The plots, as SVG with their text.

use maud::{Markup, html};

use super::super::forecasts::BINS;
use super::super::managers::Kind;
use super::super::preset::Preset;
use super::super::summary::Summary;

fn colour(at: usize) -> &'static str {
    const COLOURS: [&str; 10] = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#9c755f", "#edc948", "#ff9da7", "#7a7f87"];
    COLOURS[at % COLOURS.len()]
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

/// Revenue shares: a group of bars a kind of market, a bar a manager.
pub(super) fn bars(summaries: &[Summary], presets: &[Preset], managers: &[Kind]) -> Markup {
    const BAR: f64 = 15.0;
    const HEIGHT: f64 = 240.0;
    const TOP: f64 = 110.0;
    let group = BAR * managers.len() as f64 + 24.0;
    let (width, rows) = ((group * presets.len() as f64 + 60.0).max(560.0), managers.len().div_ceil(4) as f64);
    let y = |share: f64| 10.0 + HEIGHT * (1.0 - share.clamp(0.0, TOP) / TOP);
    html! {
        svg viewBox=(format!("0 0 {width:.0} {:.0}", HEIGHT + 50.0 + 18.0 * rows)) width=(number(width)) role="img" aria-label="Revenue as a share of the oracle's, by market and manager" {
            @for line in [0.0, 25.0, 50.0, 75.0, 100.0] {
                line x1="40" x2=(number(width)) y1=(number(y(line))) y2=(number(y(line))) stroke="#dfe3e8" {}
                text x="34" y=(number(y(line) + 4.0)) text-anchor="end" { (line) "%" }
            }
            @for (at, preset) in presets.iter().enumerate() {
                @let left = 50.0 + group * at as f64;
                text x=(number(left)) y=(number(HEIGHT + 28.0)) { (preset.name()) }
                @for (bar, kind) in managers.iter().enumerate() {
                    @if let Some(summary) = summaries.iter().find(|summary| summary.preset == *preset && summary.manager == *kind) {
                        @let (mean, error) = (summary.of_oracle.mean, summary.of_oracle.error);
                        @let x = left + BAR * bar as f64;
                        rect x=(number(x)) y=(number(y(mean))) width=(number(BAR - 3.0)) height=(number(y(0.0) - y(mean))) fill=(colour(bar)) { title { (kind.name()) ": " (number(mean)) " % ± " (number(error)) } }
                        line x1=(number(x + 6.0)) x2=(number(x + 6.0)) y1=(number(y(mean - error))) y2=(number(y(mean + error))) stroke="#1c2430" {}
                    }
                }
            }
            @for (at, kind) in managers.iter().enumerate() {
                @let (x, y) = (50.0 + 140.0 * (at % 4) as f64, HEIGHT + 48.0 + 18.0 * (at / 4) as f64);
                rect x=(number(x)) y=(number(y - 9.0)) width="10" height="10" fill=(colour(at)) {}
                text x=(number(x + 14.0)) y=(number(y)) { (kind.name()) }
            }
        }
    }
}

/// Reliability: predicted quantiles against how often outcomes fell below them.
pub(super) fn reliability(lines: &[(Kind, [f64; BINS])]) -> Markup {
    const SIDE: f64 = 300.0;
    let place = |predicted: f64, seen: f64| (40.0 + SIDE * predicted, 10.0 + SIDE * (1.0 - seen));
    let points = |tenths: &[f64; BINS]| {
        let sum: f64 = tenths.iter().sum();
        let mut seen = 0.0;
        let mut points = vec!["40.0,310.0".to_owned()];
        for (at, tenth) in tenths.iter().enumerate() {
            seen += tenth / sum;
            let (x, y) = place((at + 1) as f64 / BINS as f64, seen);
            points.push(format!("{x:.1},{y:.1}"));
        }
        points.join(" ")
    };
    html! {
        svg viewBox="0 0 560 350" width="560" role="img" aria-label="Share of outcomes below each predicted quantile" {
            rect x="40" y="10" width="300" height="300" fill="none" stroke="#dfe3e8" {}
            line x1="40" y1="310" x2="340" y2="10" stroke="#9aa3ad" stroke-dasharray="4 4" {}
            @for (at, (kind, tenths)) in lines.iter().enumerate() {
                polyline points=(points(tenths)) fill="none" stroke=(colour(at)) stroke-width="2" {}
                rect x="360" y=(number(12.0 + 18.0 * at as f64)) width="10" height="10" fill=(colour(at)) {}
                text x="376" y=(number(21.0 + 18.0 * at as f64)) { (kind.name()) }
            }
            text x="190" y="340" text-anchor="middle" { "predicted quantile" }
            text x="14" y="160" text-anchor="middle" transform="rotate(-90 14 160)" { "outcomes below it" }
        }
    }
}

/// Budgets over time, stacked: rows are days.
pub(super) fn bands(days: &[Vec<f64>]) -> Markup {
    const WIDTH: f64 = 900.0;
    const HEIGHT: f64 = 140.0;
    let top = days.iter().map(|day| day.iter().sum::<f64>()).fold(1.0_f64, f64::max);
    let step = WIDTH / days.len().saturating_sub(1).max(1) as f64;
    let edge = |at: usize, campaigns: usize| (step * at as f64, HEIGHT * (1.0 - days[at][..campaigns].iter().sum::<f64>() / top));
    let band = |campaign: usize| {
        let over = (0..days.len()).map(|at| edge(at, campaign + 1));
        let under = (0..days.len()).rev().map(|at| edge(at, campaign));
        over.chain(under).map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    };
    html! {
        svg viewBox="0 0 900 140" width="900" role="img" aria-label="Budgets of all campaigns over time, stacked" {
            @for campaign in 0..days.first().map_or(0, Vec::len) {
                polygon points=(band(campaign)) fill=(colour(campaign)) stroke="#fff" stroke-width="0.4" { title { "campaign " (campaign) } }
            }
        }
    }
}
