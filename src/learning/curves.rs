//! The first estimate of response: a power law per budget, whose level is learned from closed days and shrunk to its platform.

use std::collections::BTreeMap;

use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::curve::{CampaignCurve, GRID, Response};
use crate::domain::entity::{Budget, EntityKey, Platform};
use crate::domain::view::{AccountView, PoolView};

use super::chance::Uncertain;

/// How response grows with spend: twice the money brings 2^0.7 = 1.62 times the conversions.
const EXPONENT: f64 = 0.7;
/// Hours after which an ended day counts as closed.
pub(crate) const CLOSED_AFTER_H: i64 = 3;
/// What a day counts compared with the day after it.
const MEMORY: f64 = 0.94;
/// Conversions' worth of trust in the platform's mean.
const PSEUDO_CONVERSIONS: f64 = 4.0;
/// Relative spread of single order values.
pub(crate) const ORDER_VALUE_CV: f64 = 0.8;
/// Closed days since our last change that show whether the audience takes the whole budget.
const AUDIENCE_DAYS: usize = 3;
/// Share of a budget below which its spend shows that the audience takes no more.
const AUDIENCE_FULL: f64 = 0.93;
/// How far above what was spent the audience may still go.
const AUDIENCE_SLACK: f64 = 1.02;

/// What one budget's closed days add up to; older days count less.
#[derive(Clone, Copy, Default)]
struct Sums {
    conversions: f64,
    revenue: f64,
    /// Conversions expected of them at one conversion per unit of spend at the reference amount.
    exposure: f64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.conversions += other.conversions;
        self.revenue += other.revenue;
        self.exposure += other.exposure;
    }

    fn rate(self) -> Option<f64> {
        (self.exposure > 0.0).then(|| self.conversions / self.exposure)
    }

    fn value(self) -> Option<f64> {
        (self.conversions > 0.0).then(|| self.revenue / self.conversions)
    }
}

/// One closed day of one budget.
struct Day {
    spend: f64,
    conversions: f64,
    revenue: f64,
    maturity: f64,
    weight: f64,
}

struct History {
    days: Vec<Day>,
    reference: f64,
    sums: Sums,
}

impl History {
    fn read(view: &AccountView, budget: &Budget, members: &[usize], now: ProductTime) -> Self {
        let closed = view.closed_days(now, CLOSED_AFTER_H);
        let members: Vec<_> = members.iter().map(|at| view.series(*at)).collect();
        let mut days: Vec<Day> = Vec::with_capacity(closed);
        let mut weight = 1.0;
        for at in (0..closed).rev() {
            if !view.gaps.contains(&view.days[at]) {
                let sum = |figure: &dyn Fn(&crate::domain::metrics::Metrics) -> f64| members.iter().filter_map(|days| days.get(at)).map(figure).sum::<f64>();
                days.push(Day {
                    spend: sum(&|day| day.spend.estimate()).max(0.0),
                    conversions: sum(&|day| day.conversions()).max(0.0),
                    revenue: sum(&|day| day.revenue.estimate()).max(0.0),
                    maturity: view.maturity.get(at).copied().unwrap_or(1.0).clamp(0.0, 1.0),
                    weight,
                });
            }
            weight *= MEMORY;
        }
        let (spend, weights) =
            days.iter().filter(|day| day.spend > 0.0).fold((0.0, 0.0), |(spend, weights), day| (spend + day.weight * day.spend, weights + day.weight));
        let reference = if weights > 0.0 { spend / weights } else { budget.amount.estimate() };
        let mut history = Self { days, reference: reference.max(1e-6), sums: Sums::default() };
        history.sums = history.days.iter().fold(Sums::default(), |mut sums, day| {
            sums.add(Sums {
                conversions: day.weight * day.conversions,
                revenue: day.weight * day.revenue,
                exposure: day.weight * day.maturity * history.exposure(day.spend),
            });
            sums
        });
        history
    }

    /// Conversions a day at `spend`, per conversion per unit of spend at the reference.
    fn exposure(&self, spend: f64) -> f64 {
        if spend > 0.0 { self.reference * (spend / self.reference).powf(EXPONENT) } else { 0.0 }
    }

    /// Squared deviations and expectations of single days: their ratio is the dispersion.
    fn deviation(&self) -> (f64, f64) {
        let rate = self.sums.rate().unwrap_or(0.0);
        self.days.iter().fold((0.0, 0.0), |(squares, means), day| {
            let mean = rate * day.maturity * self.exposure(day.spend);
            (squares + (day.conversions - mean).powi(2), means + mean)
        })
    }

    /// Most the audience takes, when the days since our last change show that it does not take the whole budget.
    fn audience_cap(&self, view: &AccountView, budget: &Budget, books: &Books, now: ProductTime) -> Option<f64> {
        let book = books.budgets.get(&budget.budget.key);
        let changed = book.and_then(|book| book.grown_at.max(book.significant_at)).map(|at| at.date_in(view.time_zone));
        let closed = view.closed_days(now, CLOSED_AFTER_H);
        let recent = view.days[..closed].iter().rev().take(AUDIENCE_DAYS).filter(|day| changed.is_none_or(|changed| **day > changed)).count();
        if recent < AUDIENCE_DAYS || self.days.len() < AUDIENCE_DAYS {
            return None;
        }
        let most = self.days[..AUDIENCE_DAYS].iter().map(|day| day.spend).fold(0.0, f64::max);
        let all_ran = self.days[..AUDIENCE_DAYS].iter().all(|day| day.spend > 0.0);
        (all_ran && most < AUDIENCE_FULL * budget.amount.estimate()).then_some(AUDIENCE_SLACK * most)
    }
}

/// What a platform's budgets have in common.
#[derive(Clone, Copy, Default)]
struct Mean {
    sums: Sums,
    squares: f64,
    means: f64,
}

impl Mean {
    /// Variance of a day's conversions over their mean, between Poisson and six times as wild.
    fn noise(self) -> f64 {
        if self.means > 0.0 { (self.squares / self.means).clamp(1.0, 6.0) } else { 2.0 }
    }
}

/// The expected response of every budget of the pool for which anything is known, from days closed at least three hours.
///
/// `books` tell since when a budget stands at its amount, without which spend below it says nothing about the audience.
#[must_use]
pub fn curves(view: &PoolView, books: &Books, now: ProductTime) -> BTreeMap<EntityKey, CampaignCurve> {
    let members: BTreeMap<_, _> = view.accounts.iter().map(|account| (&account.account, account.members())).collect();
    let members_of = |account: &AccountView, budget: &Budget| members.get(&account.account).and_then(|members| members.get(&budget.budget.key));
    let known: Vec<_> = view
        .budgets()
        .map(|(account, budget)| (account, budget, History::read(account, budget, members_of(account, budget).map_or(&[], Vec::as_slice), now)))
        .collect();
    let mut platforms: BTreeMap<Platform, Mean> = BTreeMap::new();
    let mut pool = Mean::default();
    for (account, _, history) in &known {
        let (squares, means) = history.deviation();
        for mean in [platforms.entry(account.platform).or_default(), &mut pool] {
            mean.sums.add(history.sums);
            mean.squares += squares;
            mean.means += means;
        }
    }
    known
        .iter()
        .filter_map(|(account, budget, history)| {
            let mean = platforms.get(&account.platform)?;
            let rate = mean.sums.rate().or(pool.sums.rate()).filter(|rate| *rate > 0.0)?;
            let value = mean.sums.value().or(pool.sums.value()).unwrap_or(0.0);
            let cap = history.audience_cap(account, budget, books, now);
            Some((budget.budget.key.clone(), estimate(budget, history, (rate, value, mean.noise()), cap)?))
        })
        .collect()
}

fn estimate(budget: &Budget, history: &History, (rate, value, noise): (f64, f64, f64), audience_cap: Option<f64>) -> Option<CampaignCurve> {
    let amount = budget.amount.estimate();
    if amount <= 0.0 {
        return None;
    }
    let sums = history.sums;
    let shape = PSEUDO_CONVERSIONS + sums.conversions / noise;
    let level = Uncertain { mean: shape / (PSEUDO_CONVERSIONS / rate + sums.exposure / noise), cv: shape.sqrt().recip() };
    let value = (sums.revenue + PSEUDO_CONVERSIONS * value) / (sums.conversions + PSEUDO_CONVERSIONS);
    let worth = level.and(ORDER_VALUE_CV / (sums.conversions + PSEUDO_CONVERSIONS).sqrt());
    let amounts: Vec<f64> = (0..GRID).map(|at| amount * 2.0_f64.powf(2.0 * at as f64 / (GRID - 1) as f64 - 1.0)).collect();
    let response = |level: Uncertain, value: f64| {
        let relative: Vec<f64> = amounts.iter().map(|at| history.exposure(audience_cap.map_or(*at, |cap| at.min(cap))) * value).collect();
        let at_level = |level: f64| relative.iter().map(|relative| level * relative).collect();
        Response { mean: at_level(level.mean), q25: at_level(level.q25()) }
    };
    Some(CampaignCurve {
        budget: budget.budget.clone(),
        conversions: response(level, 1.0),
        revenue: response(worth, value),
        amounts,
        evidence: sums.conversions,
        noise,
        audience_cap,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::testing::{Market, day};

    #[test]
    fn a_curve_stands_on_its_days_and_grows_by_the_power_law() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0).campaign("2", "100", 5.0, 50.0);
        let (view, books) = market.build();
        let curve = &curves(&view, &books, market.now())[&market.key("1")];
        assert!((curve.at(&curve.conversions.mean, 100.0) - 5.0).abs() < 0.1, "{}", curve.at(&curve.conversions.mean, 100.0));
        let (half, twice) = (curve.conversions.mean[0], curve.conversions.mean[GRID - 1]);
        assert!((twice / half - 4.0_f64.powf(0.7)).abs() < 1e-6);
        assert!((curve.at(&curve.revenue.mean, 100.0) - 250.0).abs() < 5.0);
        assert!(curve.conversions.q25.iter().zip(&curve.conversions.mean).all(|(q25, mean)| q25 < mean));
    }

    #[test]
    fn a_campaign_without_conversions_is_shrunk_to_its_platform_and_never_reaches_zero() {
        let market = Market::new().campaign("1", "100", 6.0, 50.0).campaign("2", "100", 0.0, 50.0);
        let (view, books) = market.build();
        let curves = curves(&view, &books, market.now());
        let at = |id: &str| curves[&market.key(id)].at(&curves[&market.key(id)].conversions.mean, 100.0);
        assert!(at("2") > 0.0 && at("2") < 0.3 * at("1"), "{} and {}", at("2"), at("1"));
    }

    #[test]
    fn young_days_are_weighed_by_maturity_so_that_delay_is_not_taken_for_decline() {
        let steady = Market::new().campaign("1", "100", 5.0, 50.0);
        let (mut view, books) = steady.build();
        let account = std::sync::Arc::make_mut(&mut view.accounts[0]);
        let maturity = account.maturity.clone();
        for (metrics, share) in account.figures.iter_mut().zip(&maturity) {
            metrics.conversions_milli = (5_000.0 * share) as i64;
        }
        let curve = &curves(&view, &books, steady.now())[&steady.key("1")];
        assert!((curve.at(&curve.conversions.mean, 100.0) - 5.0).abs() < 0.1);
    }

    #[test]
    fn todays_figures_change_nothing() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0);
        let (view, books) = market.build();
        let before = curves(&view, &books, market.now());
        let mut wild = view.clone();
        let account = std::sync::Arc::make_mut(&mut wild.accounts[0]);
        let last = account.figures.len() - 1;
        account.figures[last] = day(900.0, 0.0, 0.0);
        assert_eq!(curves(&wild, &books, market.now()), before);
    }

    #[test]
    fn an_audience_that_takes_less_than_its_budget_caps_the_curve_once_the_days_since_our_change_show_it() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0).spends("1", 80.0);
        let (view, mut books) = market.build();
        let curve = curves(&view, &books, market.now())[&market.key("1")].clone();
        assert!((curve.audience_cap.expect("80 of 100 are spent") - 81.6).abs() < 1e-6);
        assert!((curve.at(&curve.conversions.mean, 100.0) - curve.at(&curve.conversions.mean, 200.0)).abs() < 1e-9);
        books.budgets.get_mut(&market.key("1")).expect("a book").grown_at = Some(market.now() - chrono::TimeDelta::days(2));
        assert_eq!(curves(&view, &books, market.now())[&market.key("1")].audience_cap, None);
    }
}
