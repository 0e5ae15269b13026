use chrono::{Days, NaiveDate};

use super::curve::Curve;
use super::day::{Delivery, Offer, hours, pace, reported_share};
use crate::domain::entity::Platform;

fn curve(campaign: i64, slot: usize, platform: Platform) -> Curve {
    Curve::draw(7, campaign, slot, platform, 1.0)
}

fn date(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).expect("a date") + Days::new(day)
}

fn total(curve: &Curve, day: u64, budget: f64, settled_days: f64) -> Delivery {
    let mut sum = Delivery::default();
    for hour in hours(curve, date(day), &[Offer { budget, settled_days }; 24]) {
        sum.add(&hour, 1.0);
    }
    sum
}

fn over(days: u64, of: impl Fn(u64) -> f64) -> f64 {
    (0..days).map(of).sum()
}

#[test]
fn the_same_place_always_draws_the_same_day_and_another_seed_another() {
    let one = curve(3, 2, Platform::Meta);
    assert_eq!(total(&one, 4, 200.0, 30.0), total(&one, 4, 200.0, 30.0));
    assert_ne!(total(&one, 4, 200.0, 30.0), total(&Curve::draw(8, 3, 2, Platform::Meta, 1.0), 4, 200.0, 30.0));
}

#[test]
fn single_days_swing_but_a_week_never_spends_more_than_seven_budgets() {
    for platform in Platform::ALL {
        let curve = curve(1, 2, platform);
        let most = f64::from(platform.overshoot_pct()) / 100.0;
        for week in 0..52 {
            let paces: Vec<f64> = (0..7).map(|day| pace(&curve, date(week * 7 + day))).collect();
            assert!(paces.iter().all(|pace| *pace > 0.0 && *pace <= most), "{platform}: {paces:?}");
            let sum: f64 = paces.iter().sum();
            assert!(sum <= 7.0 && sum > 6.9, "{platform}: {sum}");
        }
        let spends: Vec<f64> = (0..14).map(|day| total(&curve, day, 100.0, 30.0).spend).collect();
        assert!(spends.iter().any(|spend| *spend > 103.0), "{platform} never over-delivered: {spends:?}");
    }
}

#[test]
fn a_small_audience_stops_spend_below_the_budget() {
    let curve = curve(7, 7, Platform::Google);
    let spent = over(28, |day| total(&curve, day, curve.base * 2.0, 30.0).spend) / 28.0;
    assert!(spent < curve.base, "{spent} of {}", curve.base);
}

#[test]
fn returns_diminish_on_concave_curves_and_grow_first_on_s_shaped_ones() {
    let concave = curve(2, 2, Platform::Meta);
    let s_shaped = curve(4, 4, Platform::Meta);
    let per_unit = |curve: &Curve, spend: f64| curve.conversions(spend) / spend;
    assert!(concave.hill < 1.0 && per_unit(&concave, concave.base) > per_unit(&concave, 2.0 * concave.base));
    assert!(s_shaped.hill > 1.0 && per_unit(&s_shaped, 2.0 * s_shaped.base) > per_unit(&s_shaped, s_shaped.base));
}

#[test]
fn a_significant_edit_costs_conversions_until_the_week_is_over() {
    let curve = curve(2, 2, Platform::Meta);
    let fresh = over(200, |day| total(&curve, day, 240.0, 0.5).conversions);
    let settled = over(200, |day| total(&curve, day, 240.0, 8.0).conversions);
    assert!(fresh < settled * 0.85 && fresh > settled * 0.65, "{fresh} of {settled}");
}

#[test]
fn conversions_scatter_more_than_a_poisson_count_around_the_expected_level() {
    let curve = curve(2, 2, Platform::Meta);
    let counts: Vec<f64> = (0..400).map(|day| total(&curve, day, curve.base, 30.0).conversions).collect();
    let mean = counts.iter().sum::<f64>() / 400.0;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 399.0;
    assert!(variance > 1.2 * mean, "variance {variance}, mean {mean}");
    let expected = curve.conversions(curve.base);
    assert!((mean / expected - 1.0).abs() < 0.15, "mean {mean}, expected {expected}");
}

#[test]
fn half_of_the_conversions_are_reported_on_the_same_day_and_all_after_a_week() {
    assert!((0.4..0.6).contains(&reported_share(0.3)), "{}", reported_share(0.3));
    assert!((reported_share(7.0) - 1.0).abs() < f64::EPSILON);
    let shares: Vec<f64> = (0..90).map(|tenth| reported_share(f64::from(tenth) / 10.0)).collect();
    assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]));
}
