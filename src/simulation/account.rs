//! Who an account is: its campaigns, agents, goals and pool, drawn from the seed. Every parameter comes from a continuous distribution, so that no
//! learner's grid can fit by luck.

use chrono::{Datelike, Days, NaiveDate};

use super::preset::{Climate, Preset};
use crate::advise::protocol::{AgentMeta, GoalKind, Meta};
use crate::domain::entity::Platform;
use crate::sandbox::market::curve::Curve;
use crate::sandbox::market::noise::Place;

/// Days that every manager watches before it may act.
pub const WARMUP_DAYS: usize = 28;
/// Creatives a campaign shows side by side.
const ARMS: usize = 3;
/// Median daily budget: 24 of these come to about 50,000 a month.
const MEDIAN_BUDGET: f64 = 55.0;

/// What single days of a campaign scatter by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scatter {
    /// Variance of a day's level around its mean, as a share of its square.
    pub(crate) conversions: f64,
    /// The same for clicks.
    pub(crate) clicks: f64,
    /// Standard deviation of the log of one order's value.
    pub(crate) order: f64,
    /// How much faster (above 1) or slower conversions are reported than usual.
    pub(crate) haste: f64,
}

/// An account before its first day.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) seed: i64,
    pub(crate) climate: Climate,
    pub(crate) meta: Meta,
    pub(crate) curves: Vec<Curve>,
    pub(crate) scatter: Vec<Scatter>,
    /// Days in all.
    pub(crate) horizon: usize,
    /// Day 0.
    pub(crate) start: NaiveDate,
}

fn log_normal(place: Place, median: f64, sd: f64) -> f64 {
    median * (sd * place.normal()).exp()
}

impl Account {
    /// Account number `account` of a market of the kind `preset`, watched and run for `days` days after the warm-up.
    pub(crate) fn draw(seed: i64, preset: Preset, account: usize, days: usize) -> Self {
        let climate = preset.climate();
        let number = i64::try_from(account).unwrap_or(i64::MAX);
        let seed = Place::of(&[seed, number, 7_001]).below(usize::MAX >> 1);
        let seed = i64::try_from(seed).unwrap_or(1);
        let offset = Place::of(&[seed, 1]).below(365);
        let start = NaiveDate::from_ymd_opt(2025, 1, 1).expect("a date") + Days::new(u64::try_from(offset).unwrap_or(0));
        let campaigns: Vec<(Platform, Curve, Scatter)> = (0_i64..).take(climate.campaigns).map(|campaign| nature(seed, campaign, &climate)).collect();
        let init: Vec<f64> = campaigns.iter().map(|(_, curve, _)| curve.base).collect();
        let agent: Vec<usize> = (0_i64..).take(campaigns.len()).map(|campaign| Place::of(&[seed, campaign, 2]).below(climate.agents)).collect();
        let curves: Vec<Curve> = campaigns.iter().map(|(_, curve, _)| curve.clone()).collect();
        let platform: Vec<Platform> = campaigns.iter().map(|(platform, ..)| *platform).collect();
        let meta = Meta {
            n: curves.len(),
            agents: (0..climate.agents).map(|at| agent_spec(seed, at, &curves, &agent)).collect(),
            agent,
            pool: (init.iter().sum::<f64>() * 100.0).ceil() / 100.0,
            min_budget: platform.iter().map(|platform| minimum(*platform)).collect(),
            max_budget: init.iter().map(|base| base * 20.0).collect(),
            init_budgets: init,
            creatives: ARMS,
            weekday0: u8::try_from(start.weekday().num_days_from_monday()).unwrap_or(0),
            platform,
        };
        Self { seed, climate, meta, curves, scatter: campaigns.into_iter().map(|(.., scatter)| scatter).collect(), horizon: WARMUP_DAYS + days, start }
    }

    /// The date of day `day`.
    pub(crate) fn date(&self, day: usize) -> NaiveDate {
        self.start + Days::new(u64::try_from(day).unwrap_or(0))
    }
}

/// The least daily budget a platform takes.
pub(crate) fn minimum(platform: Platform) -> f64 {
    match platform {
        Platform::Google => 1.0,
        Platform::Meta => 5.0,
        Platform::Tiktok => 20.0,
    }
}

fn nature(seed: i64, campaign: i64, climate: &Climate) -> (Platform, Curve, Scatter) {
    let place = |what: i64| Place::of(&[seed, campaign, 200 + what]);
    let platform = match place(0).uniform() {
        u if u < 0.45 => Platform::Google,
        u if u < 0.8 => Platform::Meta,
        _ => Platform::Tiktok,
    };
    let (cpm, ctr, haste) = match platform {
        Platform::Google => (14.0, 0.020, 1.3),
        Platform::Meta => (9.0, 0.014, 1.0),
        Platform::Tiktok => (6.0, 0.011, 0.8),
    };
    let base = (log_normal(place(1), MEDIAN_BUDGET, 0.75).max(minimum(platform) * 1.3) * 100.0).round() / 100.0;
    let value = log_normal(place(2), climate.value, 0.35);
    let hill = if place(3).uniform() < 0.7 { 0.65 + 0.4 * place(4).uniform() } else { 1.15 + 0.9 * place(4).uniform() };
    let half = base * log_normal(place(5), 1.3, 1.2);
    let roas = log_normal(place(6), 2.2, 0.6);
    let (bought, middle) = (base.powf(hill), half.powf(hill));
    let curve = Curve {
        seed,
        campaign,
        base,
        value,
        hill,
        half,
        top: base * roas / value * (middle + bought) / bought,
        reach: base * log_normal(place(7), 2.4, 0.6),
        weekend: 0.08 * place(8).normal(),
        cpm: log_normal(place(9), cpm, 0.25),
        ctr: log_normal(place(10), ctr, 0.3),
        swing: 0.02 + 0.08 * place(11).uniform(),
    };
    let clicks = base / curve.cpm * 1_000.0 * curve.ctr;
    let scatter = Scatter {
        conversions: log_normal(place(12), 0.03, 0.6),
        // Counts of clicks vary about 4.3 times as much as a Poisson count does.
        clicks: log_normal(place(13), 3.3, 0.4) / clicks.max(4.0),
        order: 0.5 + 0.5 * place(14).uniform(),
        haste: haste * log_normal(place(15), 1.0, 0.1),
    };
    (platform, curve, scatter)
}

/// A goal within reach of a careful person, drawn around what the starting budgets bring.
fn agent_spec(seed: i64, at: usize, curves: &[Curve], agent: &[usize]) -> AgentMeta {
    let place = |what: i64| Place::of(&[seed, i64::try_from(at).unwrap_or(0), 300 + what]);
    let own = || curves.iter().zip(agent).filter(|(_, agent)| **agent == at).map(|(curve, _)| curve);
    let spend: f64 = own().map(|curve| curve.base.min(curve.reach)).sum();
    let conversions: f64 = own().map(|curve| curve.conversions(curve.base.min(curve.reach))).sum();
    let revenue: f64 = own().map(|curve| curve.conversions(curve.base.min(curve.reach)) * curve.value).sum();
    let between = |low: f64, high: f64| low + (high - low) * place(1).uniform();
    let (goal, value) = match place(0).uniform() {
        u if u < 0.4 => (GoalKind::RoasFloor, revenue / spend.max(1.0) * between(0.8, 1.05)),
        u if u < 0.7 => (GoalKind::CpaCap, spend / conversions.max(0.01) * between(0.95, 1.25)),
        _ => (GoalKind::SpendTarget, spend * between(0.6, 0.95)),
    };
    AgentMeta { id: format!("agent-{at}"), priority: 0.75 + 0.5 * place(2).uniform(), goal, value }
}
