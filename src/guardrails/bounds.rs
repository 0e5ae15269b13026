//! Between what amounts agents may set each budget of the pool now: the rules of the guard stage, asked beforehand.

use super::Situation;
use super::case::Case;
use super::facts::committed;
use super::limits;
use super::rise::{account_room, budget_limit, workspace_room};
use super::rule::Unknown;
use super::ruling::ask_all;
use super::shape::{ramp_limit, spent_floor, step_range};
use super::tally::Tally;
use crate::domain::change::Change;
use crate::domain::entity::Budget;
use crate::domain::ids::AgentId;
use crate::domain::money::{Money, Rounding};
use crate::domain::proposal::{Actor, Evidence, Settled, Wave, Wish};
use crate::domain::verdict::{Bounds, Ruling};

/// Rules that bounds leave to the guard stage: totals of the pool, which the arbiter watches over, and who may act alone.
const NOT_A_BOUND: [&str; 3] = ["POOL_CAP", "MONTH_CAP", "SHADOW"];

/// Bounds of every budget of the pool that the view holds, by key. A budget whose bounds cannot be worked out must not move.
#[must_use]
pub fn bounds(situation: &Situation<'_>) -> Vec<Bounds> {
    let nothing_cleared = Tally::default();
    let agent = limits::active(situation.policy, situation.books, &situation.view.pool).first().map(|(id, _)| (*id).clone());
    situation
        .view
        .budgets()
        .map(|(_, budget)| match &agent {
            None => pinned(budget, situation, "PAUSED"),
            Some(agent) => of_budget(budget, agent, situation, &nothing_cleared).unwrap_or_else(|_| pinned(budget, situation, "UNEVALUABLE")),
        })
        .collect()
}

fn pinned(budget: &Budget, situation: &Situation<'_>, code: &str) -> Bounds {
    let key = &budget.budget.key;
    let now = situation.books.budgets.get(key).map_or(budget.amount, |book| book.accepted);
    Bounds { budget: key.clone(), now, lo: now, hi: now, unit: budget.unit, set_by: vec![code.to_owned()] }
}

fn of_budget(budget: &Budget, agent: &AgentId, situation: &Situation<'_>, tally: &Tally) -> Result<Bounds, Unknown> {
    let (unit, zero) = (budget.unit, Money::zero(budget.unit.currency()));
    // Any change of this budget by an agent: what the limits below depend on is the budget, not the amount.
    let probe = probe(budget, agent, budget.amount);
    let case = Case::open(&probe, situation, tally)?;
    let now = case.book()?.accepted;
    let step = step_range(&case)?;
    let above = |room: Money| -> Result<Money, Unknown> { Ok(committed(case.book()?)?.checked_add(room.larger(zero)?)?.round_to(unit, Rounding::Down)?) };
    let mut highs = vec![
        ("STEP", step.hi),
        ("RISE_24H_BUDGET", budget_limit(case.book()?.day_ago, case.limits.budget_rise_pct)?.round_to(unit, Rounding::Down)?),
        ("RISE_24H_ACCOUNT", above(account_room(&case)?)?),
        ("RISE_24H_WORKSPACE", above(workspace_room(&case)?)?),
    ];
    highs.extend(ramp_limit(&case)?.map(|(hi, _)| ("RAMP", hi)));
    let (hi_by, hi) = highs.into_iter().min_by_key(|(_, amount)| amount.micros()).ok_or_else(|| Unknown::missing("bounds", &budget.budget.key))?;
    let floor = budget.minimum.round_to(unit, Rounding::Up)?.larger(unit)?;
    let mut lows = vec![("STEP", step.lo), ("PLATFORM_MINIMUM", floor)];
    lows.extend(spent_floor(&case)?.map(|floor| ("SPENT_TODAY", floor)));
    lows.sort_by_key(|(_, amount)| std::cmp::Reverse(amount.micros()));
    let (lo_by, lo) = lows[0];
    let (hi, hi_codes) = settle_end(hi.larger(now)?, hi_by, now, budget, agent, (situation, tally))?;
    let (lo, lo_codes) = settle_end(lo.smaller(now)?, lo_by, now, budget, agent, (situation, tally))?;
    let mut set_by = hi_codes;
    for code in lo_codes {
        if !set_by.contains(&code) {
            set_by.push(code);
        }
    }
    Ok(Bounds { budget: budget.budget.key.clone(), now, lo, hi, unit, set_by })
}

/// The end itself when the rules let an agent go there, else where the budget stands, with the codes of what says so.
fn settle_end(
    end: Money,
    by: &str,
    now: Money,
    budget: &Budget,
    agent: &AgentId,
    (situation, tally): (&Situation<'_>, &Tally),
) -> Result<(Money, Vec<String>), Unknown> {
    if end == now {
        return Ok((now, vec![by.to_owned()]));
    }
    let probe = probe(budget, agent, end);
    let case = Case::open(&probe, situation, tally)?;
    let against: Vec<String> = ask_all(&case)
        .into_iter()
        .filter(|verdict| !NOT_A_BOUND.contains(&verdict.rule.as_ref()) && !verdict.why.starts_with("UNEVALUABLE: rule=EARNED"))
        .filter_map(|verdict| match verdict.ruling {
            Ruling::Pass | Ruling::Ask => None,
            Ruling::Clamp { .. } | Ruling::Delay { .. } | Ruling::Deny => Some(verdict.rule.into_owned()),
        })
        .collect();
    Ok(if against.is_empty() { (end, vec![by.to_owned()]) } else { (now, against) })
}

fn probe(budget: &Budget, agent: &AgentId, to: Money) -> Settled {
    Settled {
        actor: Actor::Agent { agent: agent.clone() },
        wish: Wish {
            change: Change::Budget { budget: budget.budget.clone(), from: budget.amount, to },
            reason: String::new(),
            evidence: Evidence::default(),
            prediction: None,
            confidence: 1.0,
            cost_if_wrong: Money::zero(to.currency()),
        },
        alternatives: Vec::new(),
        dissent: Vec::new(),
        wave: Wave::First,
        change_set: None,
    }
}
