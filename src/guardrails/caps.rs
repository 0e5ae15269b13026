//! Caps of a pool: what may be committed a day and what a month may cost.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use super::facts::{Facts, committed};
use super::rule::{Finding, Found, Unknown};
use crate::domain::entity::EntityKey;
use crate::domain::money::{Money, Rounding};
use crate::domain::policy::PoolPolicy;

fn pool_policy<'a>(facts: &Facts<'a>) -> Result<&'a PoolPolicy, Unknown> {
    let pool = facts.pool()?;
    facts.policy.pools.get(pool).ok_or_else(|| Unknown::missing("pool_policy", pool))
}

/// Committed money of the pool with everything cleared earlier in this settlement.
pub(super) fn committed_with_tally(facts: &Facts<'_>) -> Result<Money, Unknown> {
    let pool = facts.pool()?;
    let committed = *facts.books.committed.get(pool).ok_or_else(|| Unknown::missing("committed", pool))?;
    Ok(facts.tally.lifts.values().try_fold(committed, |sum, lift| sum.checked_add(*lift))?)
}

pub(super) fn pool_cap(facts: &Facts<'_>) -> Found {
    let cap = pool_policy(facts)?.daily_cap;
    let (committed, lift) = (committed_with_tally(facts)?, facts.lift()?);
    let text = format!("committed={committed} asked={lift} cap={cap}");
    let fits = committed.checked_add(lift)?.compare(cap)?.is_le();
    Ok(if fits { Finding::Pass(text) } else { Finding::Deny(text) })
}

/// Days of the month from `day` on, that day included.
pub(super) fn days_left(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month()) - day.day() + 1
}

fn with_overshoot(facts: &Facts<'_>, key: &EntityKey, amount: Money) -> Result<Money, Unknown> {
    let account = facts.policy.accounts.get(&key.account).ok_or_else(|| Unknown::missing("account_policy", &key.account))?;
    Ok(amount.scale(Decimal::new(account.platform.overshoot_pct().into(), 2), Rounding::Up)?)
}

fn committed_with_overshoot(facts: &Facts<'_>) -> Result<Money, Unknown> {
    let (pool, id) = (pool_policy(facts)?, facts.pool()?);
    let zero = Money::zero(pool.monthly_cap.currency());
    let (mut a_day, mut known) = (zero, zero);
    for (key, book) in facts.books.budgets.iter().filter(|(_, book)| book.pool == *id) {
        let committed = committed(book)?;
        known = known.checked_add(committed)?;
        a_day = a_day.checked_add(with_overshoot(facts, key, committed)?)?;
    }
    // A budget without a book would be money nobody counts.
    let in_all = *facts.books.committed.get(id).ok_or_else(|| Unknown::missing("committed", id))?;
    if known.compare(in_all)?.is_lt() {
        return Err(Unknown(format!("committed={in_all} known={known}")));
    }
    Ok(a_day)
}

pub(super) fn month_cap(facts: &Facts<'_>) -> Found {
    let (pool, id) = (pool_policy(facts)?, facts.pool()?);
    let spent = *facts.books.month_spent.get(id).ok_or_else(|| Unknown::missing("month_spent", id))?;
    let mut a_day = facts.tally.totals.at_most_a_day(id, || committed_with_overshoot(facts))?;
    for (key, lift) in &facts.tally.lifts {
        a_day = a_day.checked_add(with_overshoot(facts, key, *lift)?)?;
    }
    for target in facts.targets()? {
        a_day = a_day.checked_add(with_overshoot(facts, &target.key, target.lift)?)?;
    }
    let days = days_left(facts.now.date_in(pool.time_zone));
    let ahead = a_day.scale(Decimal::from(days), Rounding::Up)?;
    let text = format!("spent={spent} days={days} at_most_a_day={a_day} cap={}", pool.monthly_cap);
    let fits = spent.checked_add(ahead)?.compare(pool.monthly_cap)?.is_le();
    Ok(if fits { Finding::Pass(text) } else { Finding::Deny(text) })
}
