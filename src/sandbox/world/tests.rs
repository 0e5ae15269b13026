use chrono::{Days, NaiveDate, TimeDelta};

use super::World;
use super::edits::{Effect, Moment, Source, Target};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::SandboxConfig;

/// Monday 5 January 2026, noon in New York.
pub(crate) const START: ProductTime = ProductTime::from_ms(1_767_632_400_000);

pub(crate) fn quiet() -> SandboxConfig {
    SandboxConfig { edits_by_people: false, ..SandboxConfig::new(7) }
}

pub(crate) fn moment(now: ProductTime) -> Moment {
    Moment {
        now,
        seen: now,
        wall: WallTime::from_ms(0),
        source: Source::Api,
        effect: Effect::Apply,
        fault: None,
        body_sha256: String::new(),
        host: "sandbox".to_owned(),
        wait_s: 1,
    }
}

fn today() -> NaiveDate {
    START.date_in(chrono_tz::America::New_York)
}

fn spend(world: &mut World, campaign: usize, from: u64, days: u64, now: ProductTime) -> i64 {
    let first = today() + Days::new(from);
    world.figures_between(campaign, first, first + Days::new(days - 1), now).spend
}

#[test]
fn the_default_market_is_worth_fighting_over() {
    let mut world = World::build(&quiet(), START);
    let total: i64 = world.purses.iter().map(|purse| purse.amount.at(START)).sum();
    assert!((4_500_000_000..=5_100_000_000).contains(&total), "{total}");
    let (mut sum, mut returns) = (super::figures::Figures::default(), Vec::new());
    for campaign in 0..world.campaigns.len() {
        let month = world.figures_between(campaign, today() - Days::new(34), today() - Days::new(8), START);
        if month.spend > 0 {
            returns.push(month.value as f64 / month.spend as f64);
        }
        sum.add(&month);
    }
    let (roas, cpa) = (sum.value as f64 / sum.spend as f64, sum.spend as f64 / 1e6 / sum.conversions as f64);
    assert!((2.0..2.7).contains(&roas) && (20.0..30.0).contains(&cpa), "roas {roas}, cpa {cpa}");
    assert!(returns.iter().any(|roas| *roas < 1.2) && returns.iter().any(|roas| *roas > 3.0), "{returns:?}");
    let google_shared = world.purses.iter().find(|purse| purse.level == Level::Shared).expect("one shared budget");
    assert_eq!(google_shared.members.len(), 2);
    assert!(world.purses.iter().any(|purse| purse.level == Level::AdGroup));
}

#[test]
fn two_worlds_of_one_seed_report_the_same_history_and_another_seed_another() {
    let history = |seed: u64| {
        let mut world = World::build(&SandboxConfig { seed, ..quiet() }, START);
        let days: Vec<_> = (0..24).map(|campaign| world.figures_between(campaign, today() - Days::new(35), today(), START)).collect();
        format!("{days:?}")
    };
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}

#[test]
fn what_was_asked_before_never_changes_what_is_reported() {
    let later = START + TimeDelta::days(20);
    let mut polled = World::build(&quiet(), START);
    for hour in 0..480 {
        polled.figures(3, (START + TimeDelta::hours(hour)).date_in(chrono_tz::America::New_York), START + TimeDelta::hours(hour));
    }
    let mut fresh = World::build(&quiet(), START);
    assert_eq!(spend(&mut polled, 3, 0, 20, later), spend(&mut fresh, 3, 0, 20, later));
}

#[test]
fn a_budget_edit_changes_the_spend_that_follows_and_nothing_before() {
    let later = START + TimeDelta::days(16);
    let mut edited = World::build(&quiet(), START);
    let mut left = World::build(&quiet(), START);
    let campaign = left.campaigns_of(left.account(Platform::Meta, "act_1001").expect("it stands"))[2];
    let purse = left.campaigns[campaign].purse;
    let before = spend(&mut edited, campaign, 0, 1, START);
    edited.set_budget(purse, left.purses[purse].amount.at(START) * 2, START, &moment(START));
    assert_eq!(spend(&mut edited, campaign, 0, 1, START), before);
    let (after, otherwise) = (spend(&mut edited, campaign, 1, 14, later), spend(&mut left, campaign, 1, 14, later));
    assert!(after > otherwise * 18 / 10 && after <= otherwise * 21 / 10, "{after} against {otherwise}");
}

#[test]
fn spend_averages_to_the_budget_and_no_day_passes_the_platforms_overshoot() {
    let later = START + TimeDelta::days(60);
    let mut world = World::build(&quiet(), START);
    for purse in 0..world.purses.len() {
        let (members, budget) = (world.purses[purse].members.clone(), world.purses[purse].amount.at(later));
        let most = i64::from(world.accounts[world.purses[purse].account].platform.overshoot_pct()) * budget / 100;
        let by_day: Vec<i64> = (0..56).map(|day| members.iter().map(|member| spend(&mut world, *member, day + 1, 1, later)).sum()).collect();
        assert!(by_day.iter().all(|day| *day <= most), "purse {purse}: {by_day:?} over {most}");
        let whole_weeks: i64 = by_day.iter().skip(6).take(49).sum();
        assert!(whole_weeks <= 49 * budget, "purse {purse}: {whole_weeks} of {}", 49 * budget);
    }
}

#[test]
fn a_paused_campaign_spends_nothing_and_its_partner_takes_the_shared_budget() {
    let later = START + TimeDelta::days(10);
    let mut world = World::build(&quiet(), START);
    let purse = world.purses.iter().position(|purse| purse.level == Level::Shared).expect("one shared budget");
    let (first, second) = (world.purses[purse].members[0], world.purses[purse].members[1]);
    let together = spend(&mut World::build(&quiet(), START), first, 1, 7, later);
    world.set_status(Target::Campaign(second), RunStatus::Paused, &moment(START));
    assert_eq!(spend(&mut world, second, 1, 7, later), 0);
    assert!(spend(&mut world, first, 1, 7, later) > together * 12 / 10);
}

#[test]
fn recent_days_are_restated_upwards_until_a_week_has_gone() {
    let mut world = World::build(&quiet(), START);
    let yesterday = today() - Days::new(1);
    let (mut first, mut last) = (None, 0);
    for day in 0..9 {
        let now: i64 = (0..24).map(|campaign| world.figures(campaign, yesterday, START + TimeDelta::days(day)).conversions).sum();
        assert!(now >= last, "day {day}: {now} after {last}");
        last = now;
        first.get_or_insert(now);
    }
    let first = first.expect("nine days were read");
    assert!((40..90).contains(&(first * 100 / last)), "{first} of {last}");
}

#[test]
fn today_grows_with_its_hours() {
    let mut world = World::build(&quiet(), START);
    let spends: Vec<i64> = (0..12).map(|hour| world.figures(2, today(), START + TimeDelta::hours(hour)).spend).collect();
    assert!(spends.windows(2).all(|pair| pair[0] < pair[1]), "{spends:?}");
}

#[test]
fn people_edit_a_few_things_on_fixed_days_and_say_so() {
    let mut world = World::build(&SandboxConfig::new(7), START);
    world.catch_up(START + TimeDelta::days(5), WallTime::from_ms(0));
    assert!(world.pending.is_empty());
    world.catch_up(START + TimeDelta::days(60), WallTime::from_ms(0));
    assert_eq!(world.pending.len(), 5);
    assert!(world.pending.iter().all(|row| row.source == Source::People && row.old != row.new));
    let days: Vec<i64> = world.pending.iter().map(|row| (ProductTime::from_ms(row.at_ms) - START).num_days()).collect();
    assert_eq!(days, [6, 17, 31, 31, 44]);
    world.catch_up(START + TimeDelta::days(90), WallTime::from_ms(0));
    assert_eq!(world.pending.len(), 5);
}

#[test]
fn days_without_midnight_and_repeated_hours_still_have_one_start() {
    let cairo = NaiveDate::from_ymd_opt(2026, 4, 24).expect("a date");
    let (start, end) = super::days::span(chrono_tz::Africa::Cairo, cairo);
    assert_eq!((end - start).num_hours(), 23);
    let autumn = NaiveDate::from_ymd_opt(2026, 11, 1).expect("a date");
    let (start, end) = super::days::span(chrono_tz::America::New_York, autumn);
    assert_eq!((end - start).num_hours(), 25);
}
