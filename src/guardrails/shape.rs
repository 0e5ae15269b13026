//! How far an agent may move a budget in one step, and how gently after a resume.

use chrono::{TimeDelta, Timelike as _};
use rust_decimal::Decimal;

use super::case::Case;
use super::facts::Facts;
use super::rise::{budget_limit, share};
use super::rule::{Finding, Found, Unknown};
use crate::domain::change::{Change, Direction};
use crate::domain::money::{Money, Rounding};
use crate::domain::scope::Scope;

/// How far what a platform reports as spent lies behind what it counts.
const REPORT_LAG: TimeDelta = TimeDelta::minutes(30);

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

/// Least amount the platform takes today: what was spent when figures were last read, and what is spent until the change arrives. Money goes out at
/// up to twice the day's average pace, and reports are behind by so much.
pub(super) fn spent_floor(case: &Case<'_>) -> Result<Option<Money>, Unknown> {
    let budget = case.budget()?;
    let (book, account) = (case.book()?, case.account);
    let (Some(pct), Some(read)) = (account.platform.least_of_spent_pct(budget.budget.key.level), account.spend_at) else { return Ok(None) };
    let local = case.now.utc().with_timezone(&account.time_zone);
    let at = account.days.last().filter(|day| **day == local.date_naive()).map(|_| account.days.len() - 1);
    let today = |key| Some(account.series(account.position(key)?).get(at?)?.spend);
    let spent = Money::sum(account.currency, case.campaigns.iter().filter_map(|campaign| today(&campaign.key)))?;
    let of_today = TimeDelta::seconds(i64::from(local.time().num_seconds_from_midnight()));
    let unseen = (case.now - read).clamp(TimeDelta::zero(), of_today) + REPORT_LAG;
    let on_the_way = book.live.scale(Decimal::from(2 * unseen.num_seconds()) / Decimal::from(TimeDelta::days(1).num_seconds()), Rounding::Up)?;
    let floor = spent.checked_add(on_the_way)?.scale(Decimal::new(pct.into(), 2), Rounding::Up)?;
    Ok(Some(floor.round_to(budget.unit, Rounding::Up)?.smaller(book.accepted)?))
}

pub(super) fn spent(case: &Case<'_>) -> Found {
    let Change::Budget { to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    if case.change.direction() != Direction::Protective {
        return Ok(Finding::Pass("direction=up".to_owned()));
    }
    Ok(match spent_floor(case)? {
        Some(floor) if to.compare(floor)?.is_lt() => Finding::Clamp(floor, format!("to={to} least_today={floor}; the rest follows tomorrow")),
        Some(floor) => Finding::Pass(format!("to={to} least_today={floor}")),
        None => Finding::Pass("platform=takes_any".to_owned()),
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
