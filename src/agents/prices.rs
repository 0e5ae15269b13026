//! What a unit of money has to bring: the pool's price for it, and the prices that an agent's own goal puts on top.
//!
//! An agent wants as much revenue as its money can bring while its goal holds over all its budgets together. The goal's limit and target get prices
//! by which every single budget can be judged: the least prices at which the amounts of highest value meet the goal.

use std::collections::BTreeSet;

use crate::domain::entity::EntityKey;
use crate::domain::goal::Goal;
use crate::domain::proposal::Round;
use crate::learning::Yardstick;

use super::AgentInput;
use super::appraisal::{Appraisal, brings, can_be_judged};

/// Share of its limit by which a goal may be missed before anything is cut for it: published, since no learner holds a limit exactly.
pub(super) const TOLERANCE: f64 = 0.05;
/// Highest price of a limit, in what the limit itself asks: beyond it money for results is thrown after what cannot be repaired by budgets.
const MOST_FOR_LIMIT: f64 = 1.5;
/// Highest price of a target, in what the limit asks of a unit: what an agent gives up to come nearer to it.
const MOST_FOR_TARGET: f64 = 0.5;
/// Rounds of bisection: the prices' error is then below one in ten thousand.
const ROUNDS: usize = 14;
/// How often the pool, the limit and the target are priced in turn.
const TURNS: usize = 3;
/// Standard normal quantile of 75 %: the limit is held with the lower quartile of what is believed of all budgets together.
const Z75: f64 = 0.674_49;

/// What one agent's money has to bring, per unit of spend in revenue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prices {
    /// What the unit would bring elsewhere in the pool; 0 while the pool has enough.
    pub pool: f64,
    /// Money of the pool that no budget holds now.
    pub spare: f64,
    /// Revenue that stands for one unit of spend at exactly the limit.
    pub unit: f64,
    /// Least a unit must bring, in `unit`s: the knee.
    pub knee: f64,
    /// Price of the limit, in `unit`s per unit by which it is missed.
    pub limit: f64,
    /// What counts of the expected results where the limit is held: its tolerance and what is not known.
    pub caution: f64,
    /// Price of the target, in `unit`s: above 0 for more of what it counts, below 0 for less.
    pub target: f64,
    /// Share of a gain's own uncertainty that counts in favour of trying more, so that what is little known is looked into.
    pub curiosity: f64,
}

/// What the goal counts toward a target, and how much of it a day is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Money spent.
    Spend(f64),
    /// Conversions.
    Conversions(f64),
    /// There is none.
    Unlimited,
}

impl Target {
    pub(super) fn of(goal: &Goal) -> Self {
        match goal {
            Goal::Spend { target, .. } => Self::Spend(target.estimate()),
            Goal::Conversions { per_week, .. } => Self::Conversions(f64::from(*per_week) / 7.0),
            Goal::Hold(_) | Goal::Profit { .. } => Self::Unlimited,
        }
    }

    const fn wanted(self) -> Option<f64> {
        match self {
            Self::Spend(wanted) | Self::Conversions(wanted) => Some(wanted),
            Self::Unlimited => None,
        }
    }
}

/// What a budget brings at one amount, per day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub amount: f64,
    /// The part of it that is spent.
    pub spend: f64,
    /// Revenue, or what stands for it where none is reported.
    pub revenue: f64,
    /// Results in money, as the limit prices them.
    pub worth: f64,
    /// What counts toward the target.
    pub reached: f64,
    /// Revenue by which what is expected may be exceeded, where it is more than what stands now.
    pub promise: f64,
}

/// Price of money that is set aside for a budget and not taken by its audience, in what the limit asks: somebody else could use it.
const IDLE: f64 = 0.02;

impl Point {
    /// The value of being here, before the pool's price.
    pub(super) fn value(&self, prices: &Prices, target: Target) -> f64 {
        let for_target = match target {
            Target::Spend(_) => self.spend,
            Target::Conversions(_) => self.worth,
            Target::Unlimited => 0.0,
        };
        let for_goal = prices.limit * (prices.caution * self.worth - self.spend) + prices.target * for_target - prices.knee * self.spend;
        self.revenue + prices.curiosity * self.promise + prices.unit * (for_goal - IDLE * (self.amount - self.spend))
    }
}

/// What one budget may choose from in this round.
struct Choice(Vec<Point>);

impl Choice {
    fn of(input: &AgentInput<'_>, seen: &Appraisal<'_>, target: Target) -> Self {
        let bounds = input.bounds_of(&seen.budget.budget.key);
        let range = bounds.map(|bounds| (bounds.lo.estimate(), bounds.hi.estimate())).filter(|(lo, hi)| lo < hi && !seen.watched(input));
        let (lo, hi) = range.unwrap_or((seen.now, seen.now));
        let hi = match input.round {
            Round::Protective => hi.min(seen.now).max(lo),
            Round::Allocation => hi,
        };
        let inside = seen.curve.amounts.iter().copied().filter(|amount| *amount > lo && *amount < hi);
        let ends = [lo, hi, seen.now.clamp(lo, hi), seen.taken.clamp(lo, hi)];
        Self(inside.chain(ends).map(|amount| seen.point(amount, target)).collect())
    }

    fn best(&self, value: impl Fn(&Point) -> f64) -> Point {
        let mut best: Option<(f64, Point)> = None;
        for point in &self.0 {
            let value = value(point);
            if best.is_none_or(|(most, _)| value > most) {
                best = Some((value, *point));
            }
        }
        best.map(|(_, point)| point).unwrap_or_default()
    }
}

/// What an agent of a kind is like, whatever its goal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temper {
    /// See [`Prices::knee`].
    pub knee: f64,
    /// See [`Prices::curiosity`].
    pub curiosity: f64,
}

/// The prices of an agent's goal over all its budgets, and what the goal comes to with them.
pub(super) fn prices(input: &AgentInput<'_>, seen: &[Appraisal<'_>], yardstick: Yardstick, temper: Temper) -> (Prices, Reach) {
    let goal = &input.policy.goal;
    let target = Target::of(goal);
    let own: Vec<Choice> = seen.iter().map(|seen| Choice::of(input, seen, target)).collect();
    let pool = Pool::of(input, seen, yardstick);
    let now: Point = total(seen.iter().map(|seen| seen.point(seen.now, target)));
    let knee = match goal {
        Goal::Profit { .. } => 1.0,
        Goal::Hold(_) | Goal::Spend { .. } | Goal::Conversions { .. } => goal.limit().map_or(0.0, |_| temper.knee),
    };
    let variance: f64 = seen.iter().map(|seen| (seen.average.mean * seen.taken * seen.average.cv).powi(2)).sum();
    let doubt = if now.worth > 0.0 { Z75 * variance.sqrt() / now.worth } else { 0.0 };
    let caution = (1.0 + TOLERANCE) * (1.0 - doubt).max(0.5);
    let unit = if now.worth > 0.0 { now.revenue / now.worth } else { 1.0 };
    let mut prices = Prices { pool: 0.0, spare: pool.spare, unit, knee, limit: 0.0, caution, target: 0.0, curiosity: temper.curiosity };
    let chosen = |prices: &Prices| total(own.iter().map(|choice| choice.best(|point| point.value(prices, target) - prices.pool * point.amount)));
    let holds = |prices: &Prices| {
        let at = chosen(prices);
        caution * at.worth >= at.spend
    };
    let limited = goal.limit().is_some() && !matches!(goal, Goal::Profit { .. });
    for _ in 0..TURNS {
        prices.pool = least(pool.dearest, |price| {
            let prices = Prices { pool: price, ..prices };
            chosen(&prices).amount + pool.others(&prices) <= pool.money
        });
        if limited {
            prices.limit = least(MOST_FOR_LIMIT, |limit| holds(&Prices { limit, ..prices }));
        }
        if let Some(wanted) = target.wanted() {
            let reached = |target: f64| chosen(&Prices { target, ..prices }).reached;
            // Over its target an agent does not grow, and nothing is cut for that alone. Below it, it outbids others for the pool's money, never the knee.
            let most = wanted.max(now.reached);
            prices.target = if reached(0.0) > most {
                -least(pool.dearest / unit, |price| reached(-price) <= most)
            } else {
                least(MOST_FOR_TARGET.min(prices.pool / unit), |price| reached(price) >= wanted)
            };
        }
    }
    let cannot = (limited && prices.limit >= MOST_FOR_LIMIT && !holds(&prices)).then(|| chosen(&prices));
    (prices, Reach { now, best_within_steps: cannot })
}

/// Where a goal stands, and how far it can be reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// All budgets at their present amounts.
    pub now: Point,
    /// When no step allowed today meets the limit: what the best of them comes to.
    pub best_within_steps: Option<Point>,
}

/// The least price up to `most` at which `enough` holds; `most` if it never does.
fn least(most: f64, enough: impl Fn(f64) -> bool) -> f64 {
    if enough(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, most);
    for _ in 0..ROUNDS {
        let middle = 0.5 * (low + high);
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

fn total(points: impl Iterator<Item = Point>) -> Point {
    points.fold(Point::default(), |sum, point| Point {
        amount: sum.amount + point.amount,
        spend: sum.spend + point.spend,
        revenue: sum.revenue + point.revenue,
        worth: sum.worth + point.worth,
        reached: sum.reached + point.reached,
        promise: 0.0,
    })
}

/// The pool's money, and what the budgets that this agent does not speak for could do with it.
struct Pool {
    money: f64,
    /// Money that no running budget holds.
    spare: f64,
    /// Beyond any price that money may have here.
    dearest: f64,
    others: Vec<Vec<(f64, f64)>>,
}

impl Pool {
    fn of(input: &AgentInput<'_>, seen: &[Appraisal<'_>], yardstick: Yardstick) -> Self {
        let mut pool = Self { money: input.view.daily_cap.estimate(), spare: 0.0, dearest: 0.0, others: Vec::new() };
        let mut held = 0.0;
        for seen in seen {
            held += seen.now;
            pool.dearest = pool.dearest.max(brings(seen.curve, yardstick, seen.now) / seen.now);
        }
        let own: BTreeSet<&EntityKey> = seen.iter().map(|seen| &seen.budget.budget.key).collect();
        for (account, budget) in input.view.budgets() {
            if own.contains(&budget.budget.key) || !input.runs(account, budget) {
                continue;
            }
            let now = budget.amount.estimate();
            held += now;
            let steers = can_be_judged(account) && budget.read_only.is_none();
            let Some(curve) = input.curves.get(&budget.budget.key).filter(|_| steers && now > 0.0) else {
                pool.others.push(vec![(now, 0.0)]);
                continue;
            };
            let range = input.bounds_of(&budget.budget.key).map(|bounds| (bounds.lo.estimate(), bounds.hi.estimate())).filter(|(lo, hi)| lo < hi);
            let (lo, hi) = range.unwrap_or((now, now));
            let inside = curve.amounts.iter().copied().filter(|amount| *amount > lo && *amount < hi);
            pool.others.push(inside.chain([lo, hi]).map(|amount| (amount, brings(curve, yardstick, amount))).collect());
            pool.dearest = pool.dearest.max(brings(curve, yardstick, now) / now);
        }
        pool.spare = (pool.money - held).max(0.0);
        // A price on top of what the limit and the knee ask already, for the best budget's first units.
        pool.dearest *= 4.0 + MOST_FOR_LIMIT;
        pool
    }

    /// What the others take at these prices, judged like one's own by the knee alone.
    fn others(&self, prices: &Prices) -> f64 {
        let price = prices.pool + prices.knee * prices.unit;
        let best = |points: &Vec<(f64, f64)>| {
            points.iter().fold((f64::MIN, 0.0), |(most, best), (amount, revenue)| {
                let value = revenue - price * amount;
                if value > most { (value, *amount) } else { (most, best) }
            })
        };
        self.others.iter().map(|points| best(points).1).sum()
    }
}
