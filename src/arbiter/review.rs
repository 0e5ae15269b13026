//! What a settlement means for each budget: the change in words and numbers, who wanted otherwise, and what losing costs them.

use rust_decimal::prelude::ToPrimitive;

use crate::domain::change::{Change, Direction};
use crate::domain::money::Money;
use crate::domain::proposal::{Actor, Conflict, Dissent, LeftAlone, Objective, Settled, Wave, Wish};
use crate::learning::{HORIZON_DAYS, Uncertain, VOLATILE_WIDENING, predict, stake};

use super::envelope::Filled;
use super::lots::{Amounts, Lot};
use super::voices::{Voice, weights_in_words};
use super::{ArbiterInput, DEAD_BAND};

/// Value a day, in units, below which a difference of opinion is not worth a person's time.
const NEGLIGIBLE: f64 = 0.005;

/// The settlement seen budget by budget.
pub(super) struct Review<'a> {
    pub input: &'a ArbiterInput<'a>,
    pub voices: &'a [Voice<'a>],
    pub lots: &'a [Lot<'a>],
    pub amounts: &'a Amounts,
    /// What each voice alone would have done.
    pub own: &'a [Filled],
}

/// A budget that changes.
pub(super) struct Changed {
    pub settled: Settled,
    /// What it adds to what is committed, in micros; 0 or less for what frees money.
    pub rise: i64,
    /// Value a day of each unit it adds.
    pub gain: f64,
}

impl Review<'_> {
    fn settled(&self, at: usize) -> f64 {
        self.lots[at].units(self.amounts.exact[at])
    }

    fn differs(&self, at: usize, voice: usize) -> bool {
        let lot = &self.lots[at];
        (self.own[voice].amounts[at] - self.settled(at)).abs() > DEAD_BAND * lot.units(lot.now)
    }

    /// Who wanted otherwise by more than the dead-band, and what it costs them.
    pub(super) fn dissent(&self, at: usize) -> Vec<Dissent> {
        let lot = &self.lots[at];
        if self.amounts.unsure[at].is_some() {
            // Nobody lost: what would have been settled is not sure enough for anybody.
            return Vec::new();
        }
        lot.votes
            .iter()
            .filter(|(voice, _, _)| self.differs(at, *voice))
            .filter_map(|(voice, _, objective)| {
                let wanted = self.own[*voice].amounts[at];
                let price = (lot.value(objective, wanted) - lot.value(objective, self.settled(at))).max(0.0);
                let wanted = Money::from_estimate(wanted, lot.bounds.now.currency())
                    .and_then(|wanted| wanted.round_to(lot.bounds.unit, crate::domain::money::Rounding::HalfEven))
                    .ok()?;
                (price > NEGLIGIBLE).then(|| Dissent {
                    agent: self.voices[*voice].agent().clone(),
                    wanted: format!("{wanted} a day"),
                    direction: if self.own[*voice].amounts[at] > self.settled(at) { Direction::Growth } else { Direction::Protective },
                    price,
                    reason: objective.reason.clone(),
                })
            })
            .collect()
    }

    /// The disagreement about a budget, if there is one.
    pub(super) fn conflict(&self, at: usize, dissent: &[Dissent]) -> Option<Conflict> {
        let lot = &self.lots[at];
        let content = lot.votes.iter().map(|(voice, _, _)| *voice).filter(|voice| !self.differs(at, *voice));
        let winner = self.strongest(content).map(|voice| self.voices[voice].agent().clone());
        let (now, to) = (lot.now, self.amounts.exact[at]);
        let settled = if now == to { format!("kept at {}", lot.money(now)) } else { format!("set from {} to {}", lot.money(now), lot.money(to)) };
        let method = format!("allocation by weight ({})", weights_in_words(lot.votes.iter().map(|(voice, _, _)| &self.voices[*voice])));
        (!dissent.is_empty()).then(|| Conflict { entity: lot.bounds.budget.clone(), settled, winner, method, dissent: dissent.to_vec() })
    }

    /// The one with the most weight; the first by name among equals.
    fn strongest(&self, voices: impl Iterator<Item = usize>) -> Option<usize> {
        voices.reduce(
            |best, next| if self.voices[next].weight > self.voices[best].weight && !self.voices[next].ties_with(&self.voices[best]) { next } else { best },
        )
    }

    /// How sure the changes are that nobody would make alone: an edit that may as well be wrong costs learning and a person's time. Changes that
    /// bounds demand are never among them.
    pub(super) fn unsure(&self) -> Vec<Option<f64>> {
        let of = |at: usize| {
            let lot = &self.lots[at];
            if self.amounts.exact[at] == lot.now || !lot.may_stay() {
                return None;
            }
            let (voice, objective) = self.speaker(at)?;
            let (confidence, _) = self.confidence(at, voice, objective);
            let limits = self.input.policy.guardrails(Some(self.voices[voice].agent()));
            let least = match (self.amounts.exact[at] > lot.now, self.input.volatile) {
                (true, false) => limits.confidence_growth,
                (true, true) => limits.confidence_growth_volatile,
                (false, false) => limits.confidence_cut,
                (false, true) => limits.confidence_cut_volatile,
            };
            least.to_f64().filter(|least| confidence < *least).map(|_| confidence)
        };
        (0..self.lots.len()).map(of).collect()
    }

    /// Who speaks for a change: the one with the most weight among those that want its direction.
    fn speaker(&self, at: usize) -> Option<(usize, &Objective)> {
        let lot = &self.lots[at];
        let up = self.amounts.exact[at] > lot.now;
        let same_way = |voice: &usize| (self.own[*voice].amounts[at] - lot.units(lot.now)) * if up { 1.0 } else { -1.0 } > 1e-6;
        let speakers = || lot.votes.iter().map(|(voice, _, _)| *voice);
        let voice = self.strongest(speakers().filter(same_way)).or_else(|| self.strongest(speakers()))?;
        Some((voice, lot.objective_of(voice)?))
    }

    /// How sure a change is, and whether its speaker wants it for itself.
    fn confidence(&self, at: usize, voice: usize, objective: &Objective) -> (f64, bool) {
        let lot = &self.lots[at];
        let (from, amount) = (lot.units(lot.now), self.settled(at));
        if (objective.ideal.estimate() - from) * (amount - from) > 0.0 {
            (objective.confidence, true)
        } else {
            (self.confidence_in_making_room(voice, objective), false)
        }
    }

    const fn widen(&self) -> f64 {
        if self.input.volatile { VOLATILE_WIDENING } else { 1.0 }
    }

    /// The change of a budget, or why it is left alone.
    pub(super) fn change(&self, at: usize, dissent: Vec<Dissent>) -> Result<Changed, LeftAlone> {
        let lot = &self.lots[at];
        let to = self.amounts.exact[at];
        if to == lot.now {
            return Err(LeftAlone { entity: lot.bounds.budget.clone(), why: self.why_alone(at) });
        }
        let Some((voice, objective)) = self.speaker(at) else {
            return Err(LeftAlone { entity: lot.bounds.budget.clone(), why: "NO_OBJECTIVE: no agent speaks for it".to_owned() });
        };
        let (from, amount) = (lot.units(lot.now), self.settled(at));
        let gain = (lot.settled_value(amount) - lot.settled_value(from)) / (amount - from).abs().max(1e-9);
        let settled = Settled {
            actor: Actor::Agent { agent: self.voices[voice].agent().clone() },
            wish: self.wish(at, voice, objective),
            alternatives: self.alternatives(at, gain * (amount - from).abs()),
            dissent,
            wave: Wave::First,
            change_set: None,
        };
        Ok(Changed { settled, rise: to.saturating_sub(lot.committed), gain })
    }

    fn wish(&self, at: usize, voice: usize, objective: &Objective) -> Wish {
        let lot = &self.lots[at];
        let (from, amount) = (lot.units(lot.now), self.settled(at));
        let to = lot.money(self.amounts.exact[at]);
        let widen = self.widen();
        let mut reason = objective.reason.clone();
        let (confidence, wanted) = self.confidence(at, voice, objective);
        if !wanted {
            reason = format!("{reason}; lowered all the same to make room: the pool's next unit is worth {:.2} a day elsewhere", self.amounts.price);
        }
        reason = format!("{reason}; settled from {} to {to}", lot.bounds.now);
        let yardstick = self.voices[voice].yardstick;
        let margin = &objective.margin;
        // What the pool has to spare costs nobody anything.
        let elsewhere = if amount > from && self.amounts.price <= 0.0 { 0.0 } else { margin.elsewhere.max(self.amounts.price) };
        let needed = (margin.needed + elsewhere) / margin.unit.max(1e-9);
        let currency = to.currency();
        let stake = yardstick.map_or(f64::from(HORIZON_DAYS) * (amount - from).abs(), |yardstick| stake(lot.curve, yardstick, (from, amount), needed, widen));
        Wish {
            change: Change::Budget { budget: lot.curve.budget.clone(), from: lot.bounds.now, to },
            reason,
            evidence: objective.evidence.clone(),
            prediction: yardstick.map(|yardstick| predict(lot.curve, yardstick.metric(), from, amount, widen)),
            confidence,
            // What cannot be written as money is more than anybody may stake.
            cost_if_wrong: Money::from_estimate(stake, currency).unwrap_or(Money::from_micros(i64::MAX, currency)),
        }
    }

    /// Probability that the units taken from a budget bring less than its agent's goal asks and the same units bring elsewhere.
    fn confidence_in_making_room(&self, voice: usize, objective: &Objective) -> f64 {
        let margin = &objective.margin;
        let elsewhere = self.own[voice].price.max(self.amounts.price).max(margin.elsewhere);
        Uncertain { mean: margin.brings, cv: margin.cv }.below(margin.needed + elsewhere).clamp(0.0, 1.0)
    }

    fn alternatives(&self, at: usize, gain: f64) -> Vec<String> {
        let lot = &self.lots[at];
        let hold = format!("hold at {}: worth {:.2} {} a day less to the agents together", lot.bounds.now, gain, lot.bounds.now.currency());
        let own = lot.votes.iter().map(|(voice, share, _)| {
            let own = self.own[*voice].amounts[at];
            let why = if self.differs(at, *voice) { "outweighed, or its money is worth more elsewhere" } else { "what was settled, or near it" };
            format!("{} alone, with weight {share:.2}: {own:.2} {}: {why}", self.voices[*voice].agent(), lot.bounds.now.currency())
        });
        std::iter::once(hold).chain(own).collect()
    }

    fn why_alone(&self, at: usize) -> String {
        let lot = &self.lots[at];
        let (now, ideal) = (lot.units(lot.now), self.amounts.ideal[at]);
        if let Some(confidence) = self.amounts.unsure[at] {
            return format!("UNSURE: {ideal:.2} would be best with {:.0} % probability: too little to act on", 100.0 * confidence);
        }
        if (ideal - now).abs() > 1e-6 {
            return format!(
                "DEAD_BAND: {ideal:.2} would be best, {:.1} % from {}: too little to be worth an edit",
                100.0 * (ideal - now).abs() / now.max(1e-9),
                lot.bounds.now
            );
        }
        let wants_more = lot.votes.iter().any(|(voice, _, _)| self.own[*voice].amounts[at] > now * (1.0 + DEAD_BAND));
        if wants_more && self.amounts.price > 0.0 {
            return format!("FUNDS: growth is wanted, the pool's money is worth more elsewhere ({:.2} a unit)", self.amounts.price);
        }
        format!("OPTIMUM: {} is where the agents together want it", lot.bounds.now)
    }
}
