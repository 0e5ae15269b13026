//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::forecasts::BINS;
use super::super::managers::Kind;
use super::super::preset::Preset;
use super::super::review;
use super::super::study::Study;
use super::super::summary::Summary;
use super::plots;
use super::table::{HEADINGS, rows};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}\
table{border-collapse:collapse;font-size:12.5px;font-variant-numeric:tabular-nums;width:100%}th,td{padding:.25rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid #dfe3e8}\
th:first-child,td:first-child{text-align:left}.words td,.words th{text-align:left;vertical-align:top;white-space:normal}.wide{overflow-x:auto}svg{max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#1c2430}\
.yes{color:#176c37}.no{color:#a3261b}figure{margin:1rem 0}figcaption{color:#55606e}dt{font-weight:600}";

/// The page for `study`, whose figures are `summaries`.
#[must_use]
pub fn page(study: &Study, summaries: &[Summary]) -> String {
    let settings = &study.settings;
    let managers = &settings.managers;
    let title = format!("{} accounts, {} days, seed {}", settings.accounts, settings.days, settings.seed);
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta name="viewport" content="width=device-width"; title { "Simulated accounts: " (title) } style { (PreEscaped(STYLE)) } }
            body {
                h1 { "Simulated accounts" }
                p { (title) ", after " (super::super::WARMUP_DAYS) " watched days. Every manager of an account meets the same luck. Revenue counts once all conversions are reported. ± is one standard error over accounts." }
                @for manager in criteria_of(managers) { (criteria(summaries, manager)) }
                h2 { "Revenue as a share of the oracle's" }
                (plots::bars(summaries, &settings.presets, managers))
                @for preset in &settings.presets { (comparison(summaries, *preset)) }
                h2 { "Are the intervals honest?" }
                p { "How many outcomes fell below each quantile of their prediction. An honest forecaster lies on the diagonal." }
                (plots::reliability(&calibrations(summaries, managers)))
                (allocations(study))
                (legend(managers))
            }
        }
    }
    .into_string()
}

/// Whom the criteria are for: the managers that are no baseline.
fn criteria_of(managers: &[Kind]) -> impl Iterator<Item = Kind> {
    managers.iter().copied().filter(|kind| kind.is_subject())
}

fn criteria(summaries: &[Summary], manager: Kind) -> Markup {
    html! {
        h2 { "What the product promises: " (manager.name()) }
        div.wide { table.words {
            tr { th { "criterion" } th { "asked" } th { "measured" } th { "met" } }
            @for criterion in super::criteria(summaries, manager) {
                tr { td { (criterion.id) } td { (criterion.asks) } td { (criterion.measured) } td { @if criterion.met { span.yes { "yes" } } @else { span.no { "no" } } } }
            }
        } }
    }
}

fn comparison(summaries: &[Summary], preset: Preset) -> Markup {
    html! {
        h3 { (preset.name()) }
        div.wide { table {
            tr { @for heading in HEADINGS { th { (heading) } } }
            @for row in rows(summaries, preset) { tr { @for cell in row { td { (cell) } } } }
        } }
    }
}

fn calibrations(summaries: &[Summary], managers: &[Kind]) -> Vec<(Kind, [f64; BINS])> {
    let sum = |kind: Kind| {
        let own = summaries.iter().filter(|summary| summary.manager == kind);
        own.fold([0.0; BINS], |sum, summary| std::array::from_fn(|at| sum[at] + summary.tenths[at]))
    };
    managers.iter().map(|kind| (*kind, sum(*kind))).filter(|(_, tenths)| tenths.iter().sum::<f64>() > 0.0).collect()
}

fn allocations(study: &Study) -> Markup {
    let Some(preset) = study.settings.presets.iter().copied().find(|preset| *preset != Preset::Many) else { return html! {} };
    html! {
        h2 { "Who got the money: account 0, " (preset.name()) }
        @for kind in &study.settings.managers {
            @if let Some(tally) = study.of(preset, *kind).next() { figure { (plots::bands(&tally.budgets)) figcaption { (kind.name()) ": a band a campaign, from the first managed day to the last" } } }
        }
    }
}

fn legend(managers: &[Kind]) -> Markup {
    html! {
        h2 { "How to read this" }
        dl {
            @for kind in managers { dt { (kind.name()) } dd { (kind.says()) } }
            dt { "rev/pool" } dd { "revenue for every unit of the pool: money left unspent counts as spent" }
            dt { "step/pool/min" } dd { "% of campaign-days with a step beyond 20 % of the last accepted budget; % of days over the pool; % of campaign-days below a minimum" }
            dt { "hit action" } dd { "outcomes of changes within max(20 %, 1.28 standard deviations of the market's own noise) of their prediction, where the plan was kept for 7 days" }
            dt { "hit 20 % (max)" } dd { "weekly predictions within 20 %, and what someone who knows the true mean would reach" }
            dt { "width" } dd { "median half-width of the 80 % interval over the market's own noise" }
            dt { "CRPS skill" } dd { "improvement over 14-day continuation corrected for conversions not reported yet" }
            dt { "min/day" } dd {
                "estimated review: " (review::OVERVIEW_SECONDS) " s for the day's list, " (review::DECISION_SECONDS) " s a decision, " (review::TICKET_SECONDS) " s an approval, "
                (review::CONFLICT_SECONDS) " s a conflict, " (review::ANOMALY_SECONDS) " s an anomaly"
            }
        }
    }
}
