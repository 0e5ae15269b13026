//! The budgets that are up for allocation, and the exact amounts that water-filling gives them.

use chrono::TimeDelta;

use crate::domain::curve::CampaignCurve;
use crate::domain::money::{Money, Rounding};
use crate::domain::proposal::{LeftAlone, Objective, Round};
use crate::domain::verdict::Bounds;
use crate::learning::WATCH_DAYS;

use super::envelope::{Envelope, Filled, Pieces};
use super::voices::Voice;
use super::{ArbiterInput, DEAD_BAND};

/// What a day without growth adds to the value of growing, so that nobody waits for ever …
const AGEING_PER_DAY: f64 = 0.002;
/// … up to so many days.
const AGEING_DAYS: f64 = 20.0;

/// One budget that may move and that somebody speaks for. Amounts are whole units of the platform's, in micros.
pub(super) struct Lot<'a> {
    pub bounds: &'a Bounds,
    pub curve: &'a CampaignCurve,
    pub now: i64,
    pub lo: i64,
    pub hi: i64,
    pub unit: i64,
    /// What it counts as committed now.
    pub committed: i64,
    /// Who speaks for it: index of the voice, its share of the weight, its objective. Shares add up to one.
    pub votes: Vec<(usize, f64, &'a Objective)>,
    ageing: f64,
}

impl<'a> Lot<'a> {
    /// The lot of a budget, or why it has to be left alone.
    pub(super) fn new(input: &'a ArbiterInput<'_>, voices: &[Voice<'a>], bounds: &'a Bounds) -> Result<Self, LeftAlone> {
        let alone = |why: String| LeftAlone { entity: bounds.budget.clone(), why };
        let currency = input.daily_cap.currency();
        if [bounds.now, bounds.lo, bounds.hi, bounds.unit].iter().any(|amount| amount.currency() != currency) {
            return Err(alone(format!("CURRENCY: the pool's money is {currency}, this budget's is {}", bounds.now.currency())));
        }
        let hi = match input.round {
            Round::Protective => bounds.hi.smaller(bounds.now),
            Round::Allocation => Ok(bounds.hi),
        };
        let ends = bounds.lo.round_to(bounds.unit, Rounding::Up).and_then(|lo| Ok((lo.micros(), hi?.round_to(bounds.unit, Rounding::Down)?.micros())));
        let (lo, hi) = ends.map_err(|error| alone(format!("BOUNDS: {error}")))?;
        let now = bounds.now.micros();
        if lo > hi || (lo == hi && hi == now) {
            let by = if bounds.set_by.is_empty() { "this kind of round".to_owned() } else { bounds.set_by.join(", ") };
            return Err(alone(format!("BOUNDS: may not move from {} now: {by}", bounds.now)));
        }
        let curve = input.curves.get(&bounds.budget).ok_or_else(|| alone("NO_CURVE: nothing is known yet of what it brings".to_owned()))?;
        let votes: Vec<_> = voices.iter().enumerate().filter_map(|(at, voice)| Some((at, voice.weight, voice.objective(curve)?))).collect();
        let sum: f64 = votes.iter().map(|(_, weight, _)| weight).sum();
        let book = input.books.budgets.get(&bounds.budget);
        if votes.is_empty() {
            let last = book.and_then(|book| book.grown_at.max(book.cut_at)).filter(|last| input.now - *last < TimeDelta::days(WATCH_DAYS));
            return Err(alone(match last {
                Some(last) => format!("WATCHED: changed at {last}; what that brings is looked at for {WATCH_DAYS} days before the next change"),
                None => "NO_OBJECTIVE: no agent speaks for it".to_owned(),
            }));
        }
        let days = book.and_then(|book| book.grown_at).map_or(AGEING_DAYS, |grown| (input.now - grown).num_days().max(0) as f64);
        Ok(Self {
            bounds,
            curve,
            now,
            lo,
            hi,
            unit: bounds.unit.micros(),
            committed: super::committed(input, &bounds.budget, bounds.now),
            votes: votes.into_iter().map(|(at, weight, objective)| (at, weight / sum, objective)).collect(),
            ageing: AGEING_PER_DAY * days.min(AGEING_DAYS),
        })
    }

    /// An amount in micros as money.
    pub(super) const fn money(&self, micros: i64) -> Money {
        Money::from_micros(micros, self.bounds.now.currency())
    }

    /// An amount in micros in units, for statistics.
    pub(super) fn units(&self, micros: i64) -> f64 {
        self.money(micros).estimate()
    }

    /// Value of an amount for one objective.
    pub(super) fn value(&self, objective: &Objective, amount: f64) -> f64 {
        self.curve.at(&objective.value, amount)
    }

    /// What a voice wants of it, if it speaks for it.
    pub(super) fn objective_of(&self, voice: usize) -> Option<&'a Objective> {
        self.votes.iter().find(|(at, _, _)| *at == voice).map(|(_, _, objective)| *objective)
    }

    fn weighted(&self, amount: f64) -> f64 {
        self.votes.iter().map(|(_, share, objective)| share * self.value(objective, amount)).sum()
    }

    /// Value of an amount for all who speak for it, with the bonus for waiting.
    pub(super) fn settled_value(&self, amount: f64) -> f64 {
        let (here, now) = (self.weighted(amount), self.units(self.now));
        let gain = if amount > now { here - self.weighted(now) } else { 0.0 };
        here + self.ageing * gain.max(0.0)
    }

    fn envelope(&self, value: impl Fn(f64) -> f64) -> Envelope {
        Envelope::new(self.curve, (self.units(self.lo), self.units(self.hi)), self.units(self.now), value)
    }

    /// A change too small to be worth an edit; never one that bounds demand.
    fn is_tiny(&self, to: i64) -> bool {
        self.may_stay() && self.units((to - self.now).abs()) < DEAD_BAND * self.units(self.now)
    }

    /// Whether it may stay where it is.
    pub(super) fn may_stay(&self) -> bool {
        (self.lo..=self.hi).contains(&self.now)
    }

    /// Whole units, toward the smaller amount, within bounds.
    fn rounded(&self, amount: f64) -> i64 {
        for exact in [self.now, self.lo, self.hi] {
            if (amount - self.units(exact)).abs() < 1e-6 && (self.lo..=self.hi).contains(&exact) {
                return exact;
            }
        }
        let micros = Money::from_estimate(amount, self.bounds.now.currency()).map_or(self.now, Money::micros);
        micros.div_euclid(self.unit).saturating_mul(self.unit).clamp(self.lo, self.hi)
    }
}

/// The settlement's amounts: exact, within bounds, at most `money` in all unless the lower bounds alone exceed it.
pub(super) struct Amounts {
    /// In micros, in the order of the lots.
    pub exact: Vec<i64>,
    /// Before dead-band and rounding, in units.
    pub ideal: Vec<f64>,
    /// The price of money.
    pub price: f64,
    /// Where a change was left out because it was not sure enough: how sure it was.
    pub unsure: Vec<Option<f64>>,
}

/// Settles all lots; those with a confidence in `unsure` stay where they are.
pub(super) fn settle(lots: &[Lot<'_>], money: i64, unsure: Vec<Option<f64>>) -> Amounts {
    let Some(first) = lots.first() else { return Amounts { exact: Vec::new(), ideal: Vec::new(), price: 0.0, unsure } };
    let envelopes: Vec<Envelope> = lots.iter().map(|lot| lot.envelope(|amount| lot.settled_value(amount))).collect();
    let pieces = Pieces::of(&envelopes);
    let Filled { amounts: ideal, .. } = pieces.pour(first.units(money), &vec![None; lots.len()]);
    let mut fixed: Vec<Option<f64>> = lots.iter().zip(&unsure).map(|(lot, unsure)| unsure.map(|_| lot.units(lot.now))).collect();
    let Filled { amounts: poured, mut price } = pieces.pour(first.units(money), &fixed);
    let mut exact: Vec<i64> = lots.iter().zip(&poured).map(|(lot, amount)| lot.rounded(*amount)).collect();
    // Each pass leaves more budgets alone and spreads their money over the rest.
    for _ in 0..4 {
        let tiny: Vec<usize> = (0..lots.len()).filter(|at| fixed[*at].is_none() && lots[*at].is_tiny(exact[*at])).collect();
        if tiny.is_empty() {
            break;
        }
        tiny.into_iter().for_each(|at| fixed[at] = Some(lots[at].units(lots[at].now)));
        let poured = pieces.pour(first.units(money), &fixed);
        exact = lots.iter().zip(&poured.amounts).map(|(lot, amount)| lot.rounded(*amount)).collect();
        price = poured.price;
    }
    for (lot, exact) in lots.iter().zip(&mut exact) {
        if lot.is_tiny(*exact) {
            *exact = lot.now;
        }
    }
    trim(lots, &mut exact, money);
    Amounts { exact, ideal, price, unsure }
}

/// Takes back what dead-band and rounding gave beyond `money`: growth first, then what stands, the least valuable first, by more than the dead-band.
fn trim(lots: &[Lot<'_>], exact: &mut [i64], money: i64) {
    let mut over: i64 = exact.iter().fold(0_i64, |sum, amount| sum.saturating_add(*amount)).saturating_sub(money);
    if over <= 0 {
        return;
    }
    let slope = |at: usize, amount: i64| {
        let (lot, amount) = (&lots[at], lots[at].units(amount));
        (lot.weighted(amount) - lot.weighted(0.98 * amount)) / (0.02 * amount).max(1e-9)
    };
    let mut order: Vec<(bool, f64, usize)> = exact.iter().enumerate().map(|(at, amount)| (*amount <= lots[at].now, slope(at, *amount), at)).collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    // Growth back to where it stands, then everything down to its lower bound.
    let passes = [false, true];
    for stands in passes {
        for at in order.iter().filter(|(standing, _, _)| stands || !standing).map(|(_, _, at)| *at) {
            let lot = &lots[at];
            let floor = if stands { lot.lo } else { lot.now.clamp(lot.lo, lot.hi) };
            if over <= 0 || exact[at] <= floor {
                continue;
            }
            let before = exact[at];
            let units = over.div_euclid(lot.unit) + i64::from(over.rem_euclid(lot.unit) > 0);
            let mut to = before.saturating_sub(units.saturating_mul(lot.unit)).max(floor);
            if lot.is_tiny(to) {
                let clear = lot.rounded((1.0 - DEAD_BAND) * lot.units(lot.now) - lot.units(lot.unit));
                to = if to >= lot.now || lot.is_tiny(clear) { lot.now } else { clear };
            }
            exact[at] = to;
            over -= before - to;
        }
    }
}

/// What one voice alone would do with the same bounds and the same money, in units; budgets it does not speak for stay as settled.
pub(super) fn alone(lots: &[Lot<'_>], voice: usize, money: i64) -> Filled {
    let fixed: Vec<Option<f64>> = lots.iter().map(|lot| lot.objective_of(voice).is_none().then(|| lot.units(lot.now.clamp(lot.lo, lot.hi)))).collect();
    let envelopes: Vec<Envelope> =
        lots.iter().map(|lot| lot.envelope(|amount| lot.objective_of(voice).map_or(0.0, |objective| lot.value(objective, amount)))).collect();
    let total = lots.first().map_or(0.0, |lot| lot.units(money));
    Pieces::of(&envelopes).pour(total, &fixed)
}
