//! How far an agent may move a budget in one step, and how gently after a resume.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::case::Case;
use super::facts::Facts;
use super::rise::{budget_limit, share};
use super::rule::{Finding, Found, Unknown};
use crate::domain::change::{Change, Direction};
use crate::domain::money::{Money, Rounding};
use crate::domain::scope::Scope;

/// The ends of one step, in whole units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub lo: Money,
    pub hi: Money,
}

/// What an agent may set in one step from the last accepted amount.
pub(super) fn step_range(case: &Case<'_>) -> Result<Step, Unknown> {
    let (now, unit) = (case.book()?.accepted, case.budget()?.unit);
    let part = share(now, case.limits.step_pct)?;
    Ok(Step { lo: now.checked_sub(part)?.round_to(unit, Rounding::Up)?.smaller(now)?, hi: now.checked_add(part)?.round_to(unit, Rounding::Down)?.larger(now)? })
}

/// How long ago the latest resume around the change was, and the percentage of growth that allows; `None` when the ramp is over.
fn ramp_pct(facts: &Facts<'_>) -> Result<Option<(TimeDelta, Decimal)>, Unknown> {
    let scopes = facts.scopes()?;
    let latest = facts.books.resumed.iter().filter(|(scope, _)| scopes.contains(scope) || *scope == Scope::Workspace).map(|(_, at)| *at).max();
    let Some(since) = latest.map(|at| facts.now - at) else { return Ok(None) };
    Ok(if since < TimeDelta::days(1) {
        Some((since, facts.limits.ramp_first_pct))
    } else if since < TimeDelta::days(2) {
        Some((since, facts.limits.ramp_second_pct))
    } else {
        None
    })
}

/// Most an agent may set while the ramp after a resume lasts.
pub(super) fn ramp_limit(case: &Case<'_>) -> Result<Option<(Money, String)>, Unknown> {
    let Some((since, pct)) = ramp_pct(case)? else { return Ok(None) };
    let (book, unit) = (case.book()?, case.budget()?.unit);
    let full = step_range(case)?.hi.smaller(budget_limit(book.day_ago, case.limits.budget_rise_pct)?)?;
    let growth = full.checked_sub(book.accepted)?.larger(Money::zero(full.currency()))?;
    let hi = book.accepted.checked_add(share(growth, pct)?)?.round_to(unit, Rounding::Down)?.larger(book.accepted)?;
    Ok(Some((hi, format!("resumed_h={} pct={pct}", since.num_hours()))))
}

pub(super) fn step(case: &Case<'_>) -> Found {
    let Change::Budget { to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    let Step { lo, hi } = step_range(case)?;
    let text = format!("to={to} accepted={} pct={}", case.book()?.accepted, case.limits.step_pct);
    Ok(if to.compare(hi)?.is_gt() {
        Finding::Clamp(hi, text)
    } else if to.compare(lo)?.is_lt() {
        Finding::Clamp(lo, text)
    } else {
        Finding::Pass(text)
    })
}

pub(super) fn ramp(case: &Case<'_>) -> Found {
    let Change::Budget { to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    if case.change.direction() != Direction::Growth {
        return Ok(Finding::Pass("direction=down".to_owned()));
    }
    Ok(match ramp_limit(case)? {
        Some((hi, text)) if to.compare(hi)?.is_gt() => Finding::Clamp(hi, format!("to={to} {text}")),
        Some((_, text)) => Finding::Pass(text),
        None => Finding::Pass("resumed=long_ago".to_owned()),
    })
}
