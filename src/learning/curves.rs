//! From an account's closed days to the curves that agents and arbiter work with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};

use crate::clock::ProductTime;
use crate::domain::books::Books;
use crate::domain::curve::{CampaignCurve, GRID, Response};
use crate::domain::entity::{Budget, EntityKey, Platform};
use crate::domain::metrics::Metrics;
use crate::domain::view::{AccountView, PoolView};

use super::chance::Uncertain;
use super::response::{Belief, Observed, PlatformBelief, Shapes};

/// Hours after which an ended day counts as closed.
pub(crate) const CLOSED_AFTER_H: i64 = 3;
/// Conversions' worth of trust in what a conversion brings on the platform.
const VALUE_TRUST: f64 = 4.0;
/// Relative spread of single order values.
pub(crate) const ORDER_VALUE_CV: f64 = 0.8;
/// Closed days since our last change that show whether the audience takes the whole budget.
const AUDIENCE_DAYS: usize = 3;
/// Share of a budget below which its spend shows that the audience takes no more.
const AUDIENCE_FULL: f64 = 0.93;
/// How far above what was spent the audience may still go.
const AUDIENCE_SLACK: f64 = 1.02;
/// Days ahead that a curve is about: until the next time a budget may grow.
const AHEAD_DAYS: usize = 3;

/// One budget and its closed days, oldest first.
struct Line<'a> {
    account: &'a AccountView,
    budget: &'a Budget,
    days: Vec<(NaiveDate, Observed)>,
}

impl<'a> Line<'a> {
    fn read(account: &'a AccountView, budget: &'a Budget, members: &[usize], now: ProductTime) -> Self {
        let members: Vec<&[Metrics]> = members.iter().map(|at| account.series(*at)).collect();
        let closed = account.closed_days(now, CLOSED_AFTER_H);
        let days = account.days[..closed].iter().enumerate().filter(|(_, day)| !account.gaps.contains(day)).map(|(at, day)| {
            let mut seen = Observed { share: account.maturity.get(at).copied().unwrap_or(1.0).clamp(0.0, 1.0), ..Observed::default() };
            for figures in members.iter().filter_map(|days| days.get(at)) {
                seen.spend += figures.spend.estimate().max(0.0);
                seen.conversions += figures.conversions().max(0.0);
                seen.revenue += figures.revenue.estimate().max(0.0);
            }
            (*day, seen)
        });
        Self { account, budget, days: days.collect() }
    }

    /// Most the audience takes, when the days since our last change show that it does not take the whole budget.
    fn audience_cap(&self, books: &Books, now: ProductTime) -> Option<f64> {
        let book = books.budgets.get(&self.budget.budget.key);
        let changed = book.and_then(|book| book.grown_at.max(book.significant_at)).map(|at| at.date_in(self.account.time_zone));
        let closed = self.account.closed_days(now, CLOSED_AFTER_H);
        let recent = self.account.days[..closed].iter().rev().take(AUDIENCE_DAYS).filter(|day| changed.is_none_or(|changed| **day > changed)).count();
        if recent < AUDIENCE_DAYS || self.days.len() < AUDIENCE_DAYS {
            return None;
        }
        let newest = &self.days[self.days.len() - AUDIENCE_DAYS..];
        let most = newest.iter().map(|(_, day)| day.spend).fold(0.0, f64::max);
        let all_ran = newest.iter().all(|(_, day)| day.spend > 0.0);
        (all_ran && most < AUDIENCE_FULL * self.budget.amount.estimate()).then_some(AUDIENCE_SLACK * most)
    }

    /// Matured conversions, not discounted.
    fn evidence(&self) -> f64 {
        self.days.iter().map(|(_, day)| day.conversions).sum()
    }
}

/// What is known of a pool where a platform knows nothing yet.
#[derive(Clone, Copy, Default)]
struct Elsewhere {
    conversions: f64,
    spend: f64,
    revenue: f64,
}

impl Elsewhere {
    fn add(&mut self, day: &Observed) {
        if day.share > 0.0 {
            self.conversions += day.conversions / day.share;
            self.spend += day.spend;
            self.revenue += day.revenue / day.share;
        }
    }
}

/// The expected response of every budget of the pool for which anything is known, from days closed at least three hours.
///
/// `books` tell since when a budget stands at its amount, without which spend below it says nothing about the audience. `demand` is what the
/// calendar says of a day: 1 on days like others.
#[must_use]
pub fn curves(view: &PoolView, books: &Books, demand: impl Fn(NaiveDate) -> f64, now: ProductTime) -> BTreeMap<EntityKey, CampaignCurve> {
    let members: BTreeMap<_, _> = view.accounts.iter().map(|account| (&account.account, account.members())).collect();
    let mut platforms: BTreeMap<Platform, Vec<Line<'_>>> = BTreeMap::new();
    let mut pool = Elsewhere::default();
    for (account, budget) in view.budgets() {
        let members = members.get(&account.account).and_then(|members| members.get(&budget.budget.key)).map_or(&[][..], Vec::as_slice);
        let line = Line::read(account, budget, members, now);
        line.days.iter().for_each(|(_, day)| pool.add(day));
        platforms.entry(account.platform).or_default().push(line);
    }
    let shapes = Shapes::default();
    let mut curves = BTreeMap::new();
    for lines in platforms.values() {
        let belief = believe(&shapes, lines, &demand);
        let rate = Some(belief.market.rate()).filter(|rate| *rate > 0.0).or((pool.conversions > 0.0).then(|| pool.conversions / pool.spend.max(1e-9)));
        let Some(rate) = rate else { continue };
        let value = belief.market.value().or((pool.conversions > 0.0).then(|| pool.revenue / pool.conversions)).unwrap_or(0.0);
        for (line, own) in lines.iter().zip(belief.budgets.iter().map(Option::as_ref).chain(std::iter::repeat(None))) {
            let amount = line.budget.amount.estimate();
            if amount <= 0.0 {
                continue;
            }
            let today = now.date_in(line.account.time_zone);
            let season = (0..AHEAD_DAYS).map(|day| demand(today + Days::new(day as u64))).sum::<f64>() / AHEAD_DAYS as f64;
            let fresh;
            let own = match own {
                Some(own) => own,
                None => {
                    fresh = Belief::new(amount, rate * amount, belief.market.shapes);
                    &fresh
                }
            };
            let outlook = Outlook { factor: season * belief.market.ahead(AHEAD_DAYS), value, dispersion: belief.market.dispersion() };
            curves.insert(line.budget.budget.key.clone(), estimate(&shapes, line, own, &outlook, line.audience_cap(books, now)));
        }
    }
    curves
}

/// What one platform's closed days teach, oldest first.
fn believe(shapes: &Shapes, lines: &[Line<'_>], demand: &impl Fn(NaiveDate) -> f64) -> PlatformBelief {
    let dates: BTreeSet<NaiveDate> = lines.iter().flat_map(|line| line.days.iter().map(|(date, _)| *date)).collect();
    let mut next = vec![0_usize; lines.len()];
    let mut belief = PlatformBelief::default();
    for date in dates {
        let seen: Vec<Option<Observed>> = lines
            .iter()
            .zip(&mut next)
            .map(|(line, next)| {
                let (_, day) = line.days.get(*next).filter(|(day, _)| *day == date)?;
                *next += 1;
                Some(*day)
            })
            .collect();
        belief.learn(shapes, date.weekday().num_days_from_monday() as usize, demand(date).max(0.05), &seen);
    }
    belief.budgets.resize(lines.len(), None);
    belief
}

/// What a platform expects of the coming days.
struct Outlook {
    factor: f64,
    value: f64,
    dispersion: f64,
}

fn estimate(shapes: &Shapes, line: &Line<'_>, belief: &Belief, outlook: &Outlook, audience_cap: Option<f64>) -> CampaignCurve {
    let amount = line.budget.amount.estimate();
    let value = belief.value(outlook.value, VALUE_TRUST);
    let order_cv = ORDER_VALUE_CV / (belief.valued() + VALUE_TRUST).sqrt();
    let amounts: Vec<f64> = (0..GRID).map(|at| amount * 2.0_f64.powf(2.0 * at as f64 / (GRID - 1) as f64 - 1.0)).collect();
    let levels: Vec<Uncertain> = amounts
        .iter()
        .map(|at| {
            let taken = audience_cap.map_or(*at, |cap| at.min(cap));
            let level = belief.level(&shapes.relative(taken / belief.reference));
            Uncertain { mean: outlook.factor * level.mean, ..level }
        })
        .collect();
    let response = |value: f64, cv: f64| Response {
        mean: levels.iter().map(|level| value * level.mean).collect(),
        q25: levels.iter().map(|level| value * level.and(cv).q25()).collect(),
    };
    let here = levels[GRID / 2].mean;
    let (mut more, less) = (shapes.relative(1.2 * amount / belief.reference), shapes.relative(amount / belief.reference));
    more.iter_mut().flatten().zip(less.iter().flatten()).for_each(|(more, less)| *more -= less);
    CampaignCurve {
        budget: line.budget.budget.clone(),
        conversions: response(1.0, 0.0),
        revenue: response(value, order_cv),
        amounts,
        evidence: line.evidence(),
        gain_cv: belief.level(&more).cv,
        noise: 1.0 + belief.dispersion(outlook.dispersion) * here,
        audience_cap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::testing::{Market, day};

    #[test]
    fn a_curve_stands_on_its_days_and_bends() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0).campaign("2", "100", 5.0, 50.0);
        let (view, books) = market.build();
        let curve = &curves(&view, &books, |_| 1.0, market.now())[&market.key("1")];
        assert!((curve.at(&curve.conversions.mean, 100.0) - 5.0).abs() < 0.1, "{}", curve.at(&curve.conversions.mean, 100.0));
        let (half, twice) = (curve.conversions.mean[0], curve.conversions.mean[GRID - 1]);
        assert!(twice / half > 1.5 && twice / half < 4.0, "four times the money brings {} times as much", twice / half);
        assert!((curve.at(&curve.revenue.mean, 100.0) - 250.0).abs() < 5.0);
        assert!(curve.conversions.q25.iter().zip(&curve.conversions.mean).all(|(q25, mean)| q25 < mean));
    }

    #[test]
    fn a_campaign_without_conversions_is_shrunk_to_its_platform_and_never_reaches_zero() {
        let market = Market::new().campaign("1", "100", 6.0, 50.0).campaign("2", "100", 0.0, 50.0);
        let (view, books) = market.build();
        let curves = curves(&view, &books, |_| 1.0, market.now());
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
        let curve = &curves(&view, &books, |_| 1.0, steady.now())[&steady.key("1")];
        assert!((curve.at(&curve.conversions.mean, 100.0) - 5.0).abs() < 0.1);
    }

    #[test]
    fn todays_figures_change_nothing() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0);
        let (view, books) = market.build();
        let before = curves(&view, &books, |_| 1.0, market.now());
        let mut wild = view.clone();
        let account = std::sync::Arc::make_mut(&mut wild.accounts[0]);
        let last = account.figures.len() - 1;
        account.figures[last] = day(900.0, 0.0, 0.0);
        assert_eq!(curves(&wild, &books, |_| 1.0, market.now()), before);
    }

    #[test]
    fn an_audience_that_takes_less_than_its_budget_caps_the_curve_once_the_days_since_our_change_show_it() {
        let market = Market::new().campaign("1", "100", 5.0, 50.0).spends("1", 80.0);
        let (view, mut books) = market.build();
        let curve = curves(&view, &books, |_| 1.0, market.now())[&market.key("1")].clone();
        assert!((curve.audience_cap.expect("80 of 100 are spent") - 81.6).abs() < 1e-6);
        assert!((curve.at(&curve.conversions.mean, 100.0) - curve.at(&curve.conversions.mean, 200.0)).abs() < 1e-9);
        books.budgets.get_mut(&market.key("1")).expect("a book").grown_at = Some(market.now() - chrono::TimeDelta::days(2));
        assert_eq!(curves(&view, &books, |_| 1.0, market.now())[&market.key("1")].audience_cap, None);
    }
}
