//! When spend or outcomes leave what was expected, only reductions are admitted until a person re-arms the scope.

use super::rise::share;
use super::rule::Unknown;
use crate::domain::books::Books;
use crate::domain::ids::AccountId;
use crate::domain::money::{Money, Rounding};
use crate::domain::policy::Policy;
use crate::domain::scope::Scope;
use crate::domain::view::{AccountView, PoolView};
use rust_decimal::Decimal;

/// A breaker that trips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// What may only go down from now on.
    pub scope: Scope,
    /// Why, opening with a stable code: `BREAKER_SPEND`, `BREAKER_CAP` or `BREAKER_OUTCOMES`.
    pub why: String,
}

/// Whether a breaker of the pool's scopes has to trip now; `None` also where it has tripped already. Figures that cannot be summed trip it.
#[must_use]
pub fn breaker(view: &PoolView, books: &Books, policy: &Policy) -> Option<Trip> {
    let tripped = |scope: &Scope| books.reducing.contains(scope) || books.reducing.contains(&Scope::Workspace);
    let trips = [overspent(view, books, policy), above_cap(view, books, policy), bad_outcomes(view, books, policy)];
    trips.into_iter().flatten().find(|trip| !tripped(&trip.scope))
}

fn overspent(view: &PoolView, books: &Books, policy: &Policy) -> Option<Trip> {
    let mut total = (Money::zero(view.currency), Money::zero(view.currency));
    let mut over = Vec::new();
    for account in &view.accounts {
        let figures = today(view, account, books, policy).and_then(|(spent, expected)| {
            total = (total.0.checked_add(spent)?, total.1.checked_add(expected)?);
            Ok((spent, spent.compare(expected)?.is_gt()))
        });
        match figures {
            Ok((_, false)) => {}
            Ok((_, true)) => over.push(&account.account),
            Err(Unknown(why)) => return Some(Trip { scope: Scope::Account(account.account.clone()), why: format!("BREAKER_SPEND: {why}") }),
        }
    }
    let (spent, expected) = total;
    if !spent.compare(expected).is_ok_and(std::cmp::Ordering::is_gt) {
        return None;
    }
    // The account that is over takes the blame; where several are, nobody knows yet what is wrong.
    let scope = match over.as_slice() {
        [one] => Scope::Account((*one).clone()),
        [] | [_, _, ..] => Scope::Workspace,
    };
    Some(Trip { scope, why: format!("BREAKER_SPEND: spent_today={spent} at_most={expected} pool={}", view.pool) })
}

/// What the pool spent in an account today, and the most it should have: budgets at their highest today, at the platform's overshoot and tolerance.
fn today(view: &PoolView, account: &AccountView, books: &Books, policy: &Policy) -> Result<(Money, Money), Unknown> {
    let (mut spent, mut budgets) = (Money::zero(account.currency), Money::zero(account.currency));
    for budget in account.budgets.iter().filter(|budget| view.has(&budget.budget.key)) {
        let highest = match books.budgets.get(&budget.budget.key) {
            Some(book) => budget.amount.larger(book.day_ago)?,
            None => budget.amount,
        };
        budgets = budgets.checked_add(highest)?;
    }
    for (at, _) in account.campaigns.iter().enumerate().filter(|(_, campaign)| view.has(&campaign.budget.key)) {
        if let Some(metrics) = account.series(at).last() {
            spent = spent.checked_add(metrics.spend)?;
        }
    }
    let most = budgets.scale(Decimal::new(account.platform.overshoot_pct().into(), 2), Rounding::Down)?;
    Ok((spent, share(most, policy.workspace.breaker_spend_pct)?))
}

fn above_cap(view: &PoolView, books: &Books, policy: &Policy) -> Option<Trip> {
    let (committed, cap) = (books.committed.get(&view.pool)?, policy.pools.get(&view.pool)?.daily_cap);
    let within = committed.compare(cap).is_ok_and(std::cmp::Ordering::is_le);
    (!within).then(|| Trip { scope: Scope::Pool(view.pool.clone()), why: format!("BREAKER_CAP: committed={committed} cap={cap} pool={}", view.pool) })
}

fn bad_outcomes(view: &PoolView, books: &Books, policy: &Policy) -> Option<Trip> {
    let limit = policy.workspace.breaker_bad_outcomes;
    let bad: Vec<(&AccountId, u32)> =
        view.accounts.iter().filter_map(|account| Some((&account.account, *books.bad_run.get(&account.account)?))).filter(|(_, run)| *run >= limit).collect();
    let (account, run) = bad.first()?;
    let scope = if bad.len() > 1 { Scope::Workspace } else { Scope::Account((*account).clone()) };
    Some(Trip { scope, why: format!("BREAKER_OUTCOMES: bad_in_a_row={run} limit={limit} account={account}") })
}
