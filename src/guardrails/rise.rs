//! Net increase within rolling 24 h: many small steps cannot add up to a forbidden one. Agents are denied, people are asked.

use rust_decimal::Decimal;

use super::facts::Facts;
use super::rule::{Finding, Found, Unknown};
use crate::domain::books::Rise;
use crate::domain::change::Change;
use crate::domain::entity::EntityKey;
use crate::domain::money::{Money, MoneyError, Rounding};

/// `pct` percent of an amount, rounded down.
pub(super) fn share(of: Money, pct: Decimal) -> Result<Money, MoneyError> {
    of.scale(pct.checked_div(Decimal::ONE_HUNDRED).ok_or(MoneyError::Overflow)?, Rounding::Down)
}

fn over(facts: &Facts<'_>, text: String) -> Finding {
    if facts.actor.is_person() { Finding::Ask(text) } else { Finding::Deny(text) }
}

/// Most one budget may be set to within the 24 h.
pub(super) fn budget_limit(day_ago: Money, pct: Decimal) -> Result<Money, MoneyError> {
    day_ago.checked_add(share(day_ago, pct)?)
}

pub(super) fn budget(facts: &Facts<'_>) -> Found {
    let Change::Budget { to, .. } = facts.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    let (book, pct) = (facts.book()?, facts.limits.budget_rise_pct);
    let limit = budget_limit(book.day_ago, pct)?;
    let text = format!("day_ago={} to={to} limit={limit} pct={pct}", book.day_ago);
    Ok(if to.compare(limit)?.is_gt() { over(facts, text) } else { Finding::Pass(text) })
}

/// What may still be added under `rise`, after what this settlement has lifted on the budgets that `counts`; may be negative.
pub(super) fn room(facts: &Facts<'_>, rise: &Rise, pct: Decimal, counts: impl Fn(&EntityKey) -> bool) -> Result<Money, Unknown> {
    let used = facts.tally.lifts.iter().filter(|(key, _)| counts(key)).try_fold(rise.net, |sum, (_, lift)| sum.checked_add(*lift))?;
    Ok(share(rise.base, pct)?.checked_sub(used)?)
}

pub(super) fn account_room(facts: &Facts<'_>) -> Result<Money, Unknown> {
    let account = facts.change.account();
    let rise = facts.books.account_rise.get(account).ok_or_else(|| Unknown::missing("account_rise", account))?;
    room(facts, rise, facts.limits.account_rise_pct, |key| key.account == *account)
}

pub(super) fn workspace_room(facts: &Facts<'_>) -> Result<Money, Unknown> {
    let currency = facts.currency()?;
    let rise = facts.books.workspace_rise.get(currency.code()).ok_or_else(|| Unknown::missing("workspace_rise", currency))?;
    room(facts, rise, facts.limits.workspace_rise_pct, |_| true)
}

pub(super) fn account(facts: &Facts<'_>) -> Found {
    within(facts, account_room(facts)?, facts.limits.account_rise_pct)
}

pub(super) fn workspace(facts: &Facts<'_>) -> Found {
    within(facts, workspace_room(facts)?, facts.limits.workspace_rise_pct)
}

fn within(facts: &Facts<'_>, room: Money, pct: Decimal) -> Found {
    let lift = facts.lift()?;
    let text = format!("asked={lift} room={room} pct={pct}");
    Ok(if lift.compare(room)?.is_gt() { over(facts, text) } else { Finding::Pass(text) })
}
