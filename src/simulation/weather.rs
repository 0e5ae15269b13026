//! What no manager can change: weekday, season, the mood of the market, drift and shocks. Worked out once for an account, for every day to come.

use chrono::Datelike;

use super::account::{Account, WARMUP_DAYS};
use super::preset::Shocks;
use crate::domain::entity::Platform;
use crate::sandbox::market::noise::Place;

/// Demand of every day and campaign as multiples of an average day's.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// A row a day: what drives conversions, and how many people there are to reach.
    pub(crate) demand: Vec<Vec<f64>>,
    /// A row a day: share of conversions that still happen, by campaign; below 1 on days of outage.
    pub(crate) works: Vec<Vec<f64>>,
}

struct Shock {
    from: usize,
    days: usize,
    factor: f64,
}

impl Weather {
    /// The weather over `account` for its whole run and a week more.
    pub(crate) fn over(account: &Account) -> Self {
        let days = account.horizon + 8;
        let common = common(account, days);
        let outage = outage(account);
        let mut level = vec![0.0; account.meta.n];
        let mut weather = Self { demand: Vec::with_capacity(days), works: Vec::with_capacity(days) };
        for (day, common) in common.into_iter().enumerate() {
            let date = account.date(day);
            let weekend = date.weekday().num_days_from_monday() >= 5;
            let row = |(campaign, level): (usize, &mut f64)| {
                let place = Place::of(&[account.seed, index(campaign), index(day), 401]);
                *level += account.climate.drift * place.normal();
                let own = account.curves[campaign].weekend;
                common * (1.0 + if weekend { own } else { -own * 0.4 }).max(0.2) * level.exp()
            };
            weather.demand.push(level.iter_mut().enumerate().map(row).collect());
            let works = |platform: &Platform| match &outage {
                Some((hit, shock)) if hit == platform && (shock.from..shock.from + shock.days).contains(&day) => shock.factor,
                Some(_) | None => 1.0,
            };
            weather.works.push(account.meta.platform.iter().map(works).collect());
        }
        weather
    }
}

fn common(account: &Account, days: usize) -> Vec<f64> {
    let climate = &account.climate;
    let place = |parts: i64, what: i64| Place::of(&[account.seed, parts, what]);
    let week: Vec<f64> = (0..7).map(|weekday| 1.0 + climate.weekdays * place(weekday, 402).normal().clamp(-2.5, 2.5)).collect();
    let mean = week.iter().sum::<f64>() / 7.0;
    let rush = rush(account);
    let mut mood = 0.0;
    (0..days)
        .map(|day| {
            let date = account.date(day);
            let turn = f64::from(date.ordinal0()) / 365.0 * std::f64::consts::TAU;
            let season = 1.0 + climate.season * turn.cos();
            mood = 0.7 * mood + 0.04 * place(index(day), 403).normal();
            let weekday = week[date.weekday().num_days_from_monday() as usize] / mean;
            let shock = rush.iter().filter(|shock| (shock.from..shock.from + shock.days).contains(&day)).map(|shock| shock.factor).product::<f64>();
            season * weekday * mood.exp() * shock
        })
        .collect()
}

/// A few days of rush and the quiet ones after it, somewhere in the managed days.
fn rush(account: &Account) -> Vec<Shock> {
    if account.climate.shocks == Shocks::None {
        return Vec::new();
    }
    let place = |what: i64| Place::of(&[account.seed, 404, what]);
    let room = account.horizon.saturating_sub(WARMUP_DAYS + 15).max(1);
    let from = WARMUP_DAYS + 4 + place(0).below(room);
    let days = 3 + place(1).below(3);
    let after = Shock { from: from + days, days: 4, factor: 0.78 + 0.12 * place(3).uniform() };
    vec![Shock { from, days, factor: 1.5 + 0.8 * place(2).uniform() }, after]
}

/// A day or two on which one platform's visitors cannot buy.
fn outage(account: &Account) -> Option<(Platform, Shock)> {
    if account.climate.shocks == Shocks::None {
        return None;
    }
    let place = |what: i64| Place::of(&[account.seed, 405, what]);
    let from = WARMUP_DAYS + 2 + place(0).below(account.horizon.saturating_sub(WARMUP_DAYS + 8).max(1));
    let platform = Platform::ALL[place(1).below(Platform::ALL.len())];
    Some((platform, Shock { from, days: 1 + place(2).below(2), factor: 0.1 }))
}

pub(super) fn index(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}
