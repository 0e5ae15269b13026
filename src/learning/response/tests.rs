use super::*;

fn seen(spend: f64, conversions: f64) -> Option<Observed> {
    Some(Observed { spend, conversions, revenue: 50.0 * conversions, share: 1.0 })
}

fn at(platform: &PlatformBelief, budget: usize, spend: f64) -> f64 {
    let belief = platform.budgets[budget].as_ref().expect("it spent");
    belief.mean(&Shapes::default().relative(spend / belief.reference))
}

/// Counts that go up and down by what chance would do, without a generator.
fn around(mean: f64, day: usize, budget: usize) -> f64 {
    const UPS: [f64; 7] = [0.3, -1.1, 0.9, -0.4, 1.3, -0.7, -0.3];
    (mean + mean.sqrt() * UPS[(3 * day + 5 * budget) % 7]).max(0.0)
}

#[test]
fn budgets_learn_apart_and_a_new_one_starts_from_its_platform() {
    let shapes = Shapes::default();
    let mut platform = PlatformBelief::default();
    for day in 0..30 {
        platform.learn(&shapes, day % 7, 1.0, &[seen(100.0, around(10.0, day, 0)), seen(100.0, around(2.0, day, 1)), None]);
    }
    platform.learn(&shapes, 0, 1.0, &[seen(100.0, 10.0), seen(100.0, 2.0), seen(50.0, 3.0)]);
    assert!((at(&platform, 0, 100.0) - 10.0).abs() < 0.7 && (at(&platform, 1, 100.0) - 2.0).abs() < 0.5);
    assert!(at(&platform, 2, 50.0) > 2.5 && at(&platform, 2, 50.0) < 3.6, "{}", at(&platform, 2, 50.0));
}

#[test]
fn a_platform_wide_shock_does_not_enter_the_levels() {
    let shapes = Shapes::default();
    let mut platform = PlatformBelief::default();
    for day in 0..40_usize {
        let boom = if (30..34).contains(&day) { 1.35 } else { 1.0 };
        let days: Vec<_> = (0..12).map(|budget| seen(100.0, boom * around(10.0, day, budget))).collect();
        platform.learn(&shapes, day % 7, 1.0, &days);
    }
    let mean: f64 = (0..12).map(|budget| at(&platform, budget, 100.0)).sum::<f64>() / 12.0;
    assert!((mean - 10.0).abs() < 0.6, "{mean}");
}

#[test]
fn young_days_count_as_far_as_they_are_reported() {
    let shapes = Shapes::default();
    let mut platform = PlatformBelief::default();
    for day in 0..30 {
        let share = if day >= 28 { 0.5 } else { 1.0 };
        let one = |_| Some(Observed { spend: 100.0, conversions: 10.0 * share, revenue: 500.0 * share, share });
        platform.learn(&shapes, day % 7, 1.0, &(0..5).map(one).collect::<Vec<_>>());
    }
    assert!((at(&platform, 0, 100.0) - 10.0).abs() < 0.4, "{}", at(&platform, 0, 100.0));
}

#[test]
fn the_same_history_gives_the_same_belief_whether_told_at_once_or_from_what_was_stored() {
    let shapes = Shapes::default();
    let tell = |platform: &mut PlatformBelief, days: std::ops::Range<usize>| {
        for day in days {
            platform.learn(&shapes, day % 7, 1.0, &[seen(100.0 + day as f64, around(8.0, day, 0)), seen(60.0, around(1.0, day, 1))]);
        }
    };
    let mut whole = PlatformBelief::default();
    tell(&mut whole, 0..40);
    let mut first = PlatformBelief::default();
    tell(&mut first, 0..25);
    let stored = serde_json::to_string(&first).expect("plain numbers");
    let mut second: PlatformBelief = serde_json::from_str(&stored).expect("what was written");
    tell(&mut second, 25..40);
    assert_eq!(whole, second);
}
