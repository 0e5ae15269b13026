use super::account::{Account, WARMUP_DAYS, minimum};
use super::market::Market;
use super::reports::REPORT_DAYS;
use super::tally::{Detail, Tally};
use super::{Kind, Preset, Settings, Study, report};
use crate::advise::protocol::{Advice, DayResult};
use crate::domain::entity::Platform;

fn account(number: usize) -> Account {
    Account::draw(5, Preset::Stationary, number, 28)
}

fn plan(market: &Market, change: impl Fn(usize, f64) -> f64) -> Advice {
    let budgets = market.accepted.iter().enumerate().map(|(campaign, budget)| change(campaign, *budget)).collect();
    Advice { budgets, statuses: vec![1; market.account.meta.n], ..Advice::default() }
}

fn quiet(market: &mut Market, days: usize) -> Vec<DayResult> {
    (0..days).map(|_| market.run(&plan(market, |_, budget| budget)).0).collect()
}

fn study(threads: usize, managers: &[Kind]) -> Study {
    let presets = vec![Preset::Shock, Preset::Lowvolume];
    Study::run(Settings { presets, accounts: 2, seed: 11, days: 28, managers: managers.to_vec(), threads }, &|_, _| {})
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let figures = |threads| serde_json::to_string(&study(threads, &[Kind::Static, Kind::ThompsonRoas, Kind::AdjutantCreative]).summaries()).expect("figures");
    assert_eq!(figures(1), figures(3));
}

#[test]
fn managers_of_one_account_meet_the_same_luck() {
    let (mut one, mut other) = (Market::open(account(0)), Market::open(account(0)));
    quiet(&mut one, 3);
    other.run(&plan(&other, |campaign, budget| if campaign == 0 { budget * 1.1 } else { budget }));
    quiet(&mut other, 2);
    let (one, other) = (one.run(&plan(&one, |_, budget| budget)).1, other.run(&plan(&other, |_, budget| budget)).1);
    assert_eq!(one.conversions[1..], other.conversions[1..]);
    assert_ne!(one.spend[0], other.spend[0]);
}

#[test]
fn reports_grow_until_they_say_what_happened_and_ads_share_it_out() {
    let mut market = Market::open(account(1));
    let mut truths = Vec::new();
    let mut reported: Vec<Vec<f64>> = Vec::new();
    for day in 0..REPORT_DAYS + 6 {
        let (seen, truth) = market.run(&plan(&market, |_, budget| budget));
        truths.push(truth);
        let restated = seen.restated.expect("every day restates");
        assert_eq!((restated.from_day, restated.conversions.len()), (day.saturating_sub(REPORT_DAYS), day.min(REPORT_DAYS) + 1));
        assert_eq!(restated.conversions.last(), Some(&seen.conversions));
        reported.resize(day + 1, vec![0.0; market.account.meta.n]);
        for (row, conversions) in restated.conversions.into_iter().enumerate() {
            let before = std::mem::replace(&mut reported[restated.from_day + row], conversions);
            assert!(before.iter().zip(&reported[restated.from_day + row]).all(|(before, now)| before <= now));
        }
        let creative = seen.creative.expect("campaigns have ads");
        for campaign in (0..market.account.meta.n).filter(|campaign| creative.generation[*campaign] == 0) {
            let (ads, all): (f64, f64) = (creative.conversions[campaign].iter().sum(), reported.iter().map(|row| row[campaign]).sum());
            assert!((ads - all).abs() < 1e-6, "campaign {campaign} on day {day}: {ads} of {all}");
        }
    }
    for (truth, reported) in truths.iter().zip(&reported).take(6) {
        assert_eq!(&truth.conversions, reported);
    }
    let newest: f64 = reported.last().expect("days").iter().sum::<f64>() / truths.last().expect("days").conversions.iter().sum::<f64>();
    assert!((0.35..0.75).contains(&newest), "{newest} of the newest day is reported");
}

#[test]
fn a_large_edit_restarts_learning_and_two_within_three_days_count_as_one() {
    let learns = |steps: [f64; 3]| {
        let mut market = Market::open(account(2));
        quiet(&mut market, 4);
        let mut last = DayResult::default();
        for step in steps {
            last = market.run(&plan(&market, |campaign, budget| if campaign == 0 { budget * step } else { budget })).0;
        }
        last.learning.expect("platforms tell")[0]
    };
    assert!(learns([1.3, 1.0, 1.0]) && learns([1.15, 1.0, 1.15]));
    assert!(!learns([1.15, 1.0, 1.0]) && !learns([1.09, 1.0, 1.09]));
}

#[test]
fn a_budget_below_the_minimum_is_refused_and_the_one_before_holds() {
    let mut market = Market::open(account(3));
    let held = market.accepted[0];
    let (seen, truth) = market.run(&plan(&market, |campaign, budget| if campaign == 0 { 0.5 } else { budget }));
    assert!(seen.rejected.expect("platforms tell")[0]);
    assert_eq!((seen.budget[0], truth.below_minimum), (held, 1));
    assert!(Platform::ALL.into_iter().all(|platform| minimum(platform) > 0.5));
}

#[test]
fn no_campaign_spends_beyond_its_audience_and_none_beyond_a_little_over_its_budget() {
    for number in 0..3 {
        let mut market = Market::open(account(number));
        let mut capped = 0;
        for _ in 0..40 {
            let day = market.day;
            let (_, truth) = market.run(&plan(&market, |campaign, budget| (budget * 1.1).min(market.account.meta.max_budget[campaign])));
            for (campaign, spend) in truth.spend.iter().enumerate() {
                let reach = market.account.curves[campaign].reach * market.weather.demand[day][campaign];
                assert!(*spend <= reach + 0.01 && *spend <= truth.budget[campaign] * 1.25, "campaign {campaign} spent {spend}");
                capped += usize::from(*spend < truth.budget[campaign] * 0.8);
            }
        }
        assert!(capped > 100, "budgets of account {number} never met an audience's end");
    }
}

#[test]
fn counts_scatter_more_than_poisson_and_clicks_far_more() {
    let mut market = Market::open(account(4));
    let (mut conversions, mut clicks, mut n) = (0.0, 0.0, 0.0);
    let mut means: Vec<f64> = Vec::new();
    let days: Vec<_> = (0..60).map(|_| market.run(&plan(&market, |_, budget| budget))).collect();
    for campaign in 0..market.account.meta.n {
        let of = |at: usize| days[at].0.clicks[campaign] / market.weather.demand[at][campaign].max(0.1);
        let mean = (0..60).map(of).sum::<f64>() / 60.0;
        clicks += (0..60).map(|at| (of(at) - mean).powi(2)).sum::<f64>() / 59.0 / mean;
        for (_, truth) in &days {
            let expected = truth.expected[campaign];
            if expected > 3.0 {
                conversions += (truth.conversions[campaign] - expected).powi(2) / expected;
                means.push(truth.conversions[campaign] / expected);
                n += 1.0;
            }
        }
    }
    let (conversions, clicks, level) = (conversions / n, clicks / market.account.meta.n as f64, means.iter().sum::<f64>() / n);
    assert!((1.05..2.5).contains(&conversions), "conversions {conversions}");
    assert!((3.0..12.0).contains(&clicks), "clicks {clicks}");
    assert!((level - 1.0).abs() < 0.05, "what happens is what is to be expected, on average: {level}");
}

#[test]
fn untouched_budgets_see_no_edit_and_break_no_limit() {
    let tally = Tally::of(account(5), Kind::Static, Detail::Budgets);
    assert_eq!((tally.edits, tally.oversteps, tally.over_pool_days, tally.below_minimum), (0, 0, 0, 0));
    assert!(tally.budgets.iter().all(|day| day == &tally.budgets[0]));
}

#[test]
fn the_careful_manager_adjutant_and_the_oracle_break_no_limit() {
    for kind in [Kind::ManualWeekly, Kind::Adjutant, Kind::OracleStep, Kind::OracleCreative] {
        for number in 0..3 {
            let tally = Tally::of(account(number), kind, Detail::Sums);
            assert_eq!((tally.oversteps, tally.over_pool_days, tally.below_minimum), (0, 0, 0), "{} on account {number}", kind.name());
            assert!(tally.edits > 0);
        }
    }
}

#[test]
fn the_oracle_beats_everybody_who_shows_ads_as_they_come() {
    let settings = Settings { presets: vec![Preset::Stationary], accounts: 3, seed: 3, days: 42, managers: Kind::ALL.to_vec(), threads: 2 };
    let summaries = Study::run(settings, &|_, _| {}).summaries();
    for summary in &summaries {
        match summary.manager {
            Kind::OracleStep => assert!((summary.of_oracle.mean - 100.0).abs() < 1e-9),
            Kind::OracleCreative => assert!(summary.of_oracle.mean > 100.0),
            other => assert!(summary.of_oracle.mean < 99.0, "{} made {}", other.name(), summary.of_oracle.mean),
        }
    }
    let of = |kind| summaries.iter().find(|summary| summary.manager == kind).map_or(0.0, |summary| summary.of_oracle.mean);
    assert!(of(Kind::ManualWeekly) > of(Kind::Static), "a careful person is better than nobody");
}

#[test]
fn plain_continuation_has_no_skill_over_itself_and_covers_about_what_it_says() {
    let settings = Settings { presets: vec![Preset::Stationary], accounts: 3, seed: 4, days: 42, managers: vec![Kind::Static], threads: 2 };
    let summary = Study::run(settings, &|_, _| {}).summaries().swap_remove(0);
    assert_eq!((summary.manager, summary.crps_skill), (Kind::Static, Some(0.0)));
    assert!(summary.coverage.is_some_and(|share| (70.0..90.0).contains(&share)), "{:?}", summary.coverage);
    assert!(summary.ceiling > summary.within_20, "nobody beats the truth");
}

#[test]
fn the_page_holds_every_plot_and_asks_for_nothing_from_elsewhere() {
    let study = study(2, &[Kind::Static]);
    let page = report::page(&study, &study.summaries());
    assert!(page.matches("<svg").count() >= 5, "{}", page.matches("<svg").count());
    assert!(["NaN", "inf,", "http", "<script", "src="].iter().all(|bad| !page.contains(bad)));
}

#[test]
fn markets_of_one_kind_differ_and_their_parameters_are_their_own() {
    let (one, other) = (account(0), account(1));
    assert_ne!(one.meta.init_budgets, other.meta.init_budgets);
    assert!(one.curves.iter().any(|curve| curve.hill > 1.0) && one.curves.iter().any(|curve| curve.hill < 1.0));
    let mut hills: Vec<f64> = one.curves.iter().map(|curve| curve.hill).collect();
    hills.sort_by(f64::total_cmp);
    hills.dedup();
    assert_eq!(hills.len(), one.meta.n);
    assert_eq!(one.horizon, WARMUP_DAYS + 28);
}
