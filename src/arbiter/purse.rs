//! The pool's money while a settlement is made: what it may cost in the end, and what is free at once.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::domain::change::Change;
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::money::{Money, MoneyError, Rounding};
use crate::domain::proposal::Wave;

use super::voices::budget_of;
use super::{ArbiterInput, committed};

/// Money in micros of the pool's currency.
pub(super) struct Purse {
    /// Most the pool may cost a day.
    limit: i64,
    /// What budgets will cost that are not up for allocation, once everything promised is done.
    taken: i64,
    /// Free now: what increases may use before any reduction is confirmed.
    free: i64,
    /// What each promised budget will cost, and what it costs now.
    promised: BTreeMap<EntityKey, Promise>,
}

#[derive(Clone, Copy)]
struct Promise {
    amount: i64,
    runs: bool,
    costs: i64,
}

impl Promise {
    const fn will_cost(self) -> i64 {
        if self.runs { self.amount } else { 0 }
    }
}

impl Purse {
    pub(super) fn new(input: &ArbiterInput<'_>) -> Self {
        let cap = input.daily_cap.micros();
        let limit = input.pace.filter(|pace| pace.currency() == input.daily_cap.currency()).map_or(cap, |pace| pace.micros().min(cap));
        let committed = input.committed.micros();
        Self { limit, taken: committed, free: limit.saturating_sub(committed), promised: BTreeMap::new() }
    }

    /// What is left for allocation; negative when more is promised than the pool may cost.
    pub(super) const fn left(&self) -> i64 {
        self.limit.saturating_sub(self.taken)
    }

    /// A budget is up for allocation: what it costs now is to be given anew.
    pub(super) fn release(&mut self, committed: i64) {
        self.taken = self.taken.saturating_sub(committed);
    }

    fn after(&self, input: &ArbiterInput<'_>, change: &Change) -> Option<(EntityKey, Promise)> {
        let budget = budget_of(input, change.entity()?).clone();
        let stands = || {
            let bounds = input.bounds.iter().find(|bounds| bounds.budget == budget);
            let book = input.books.budgets.get(&budget);
            let amount = bounds.map(|bounds| bounds.now).or(book.map(|book| book.accepted)).map_or(0, Money::micros);
            let costs = committed(input, &budget, Money::from_micros(amount, input.daily_cap.currency()));
            Promise { amount, runs: costs > 0, costs }
        };
        let mut promise = self.promised.get(&budget).copied().unwrap_or_else(stands);
        match change {
            Change::Budget { to, .. } => promise.amount = to.micros(),
            Change::Status { to: RunStatus::Active, .. } => promise.runs = true,
            Change::Status { to: RunStatus::Paused | RunStatus::Ended, entity, .. } => {
                // One member less leaves a shared budget to the others.
                let others = input.curves.get(&budget).is_some_and(|curve| curve.budget.members.iter().any(|member| member != entity));
                promise.runs = promise.runs && others;
            }
            Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => return None,
            Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => return None,
        }
        Some((budget, promise))
    }

    /// What a change would add to what the pool costs; never negative.
    pub(super) fn cost(&self, input: &ArbiterInput<'_>, change: &Change) -> i64 {
        let Some((budget, after)) = self.after(input, change) else { return 0 };
        let before = self.promised.get(&budget).map_or(after.costs, |before| before.will_cost());
        after.will_cost().saturating_sub(before).max(0)
    }

    /// A change is settled: what it will cost is gone. Returns what it adds; negative for a reduction.
    pub(super) fn promise(&mut self, input: &ArbiterInput<'_>, change: &Change) -> i64 {
        let Some((budget, after)) = self.after(input, change) else { return 0 };
        let before = self.promised.get(&budget).map_or(after.costs, |before| before.will_cost());
        let rise = after.will_cost().saturating_sub(before);
        self.taken = self.taken.saturating_add(rise);
        self.promised.insert(budget, after);
        rise
    }

    /// A pin's rise goes first, whether it fits or not: the guardrails judge it.
    pub(super) fn pin(&mut self, input: &ArbiterInput<'_>, change: &Change) {
        let rise = self.promise(input, change);
        self.free = self.free.saturating_sub(rise.max(0));
    }

    /// Whether `rise` fits into what is free before any reduction is confirmed; takes it if so.
    pub(super) fn wave(&mut self, rise: i64) -> Wave {
        if rise <= self.free.max(0) {
            self.free -= rise.max(0);
            Wave::First
        } else {
            Wave::Funded
        }
    }
}

/// What a day may cost so that the month's cap holds: what is left of it, spread evenly over the days left, the running one included.
///
/// # Errors
/// [`MoneyError`] for two currencies.
pub fn pace(monthly_cap: Money, spent: Money, days_left: u32) -> Result<Money, MoneyError> {
    let left = monthly_cap.checked_sub(spent)?.larger(Money::zero(monthly_cap.currency()))?;
    left.scale(Decimal::ONE / Decimal::from(days_left.max(1)), Rounding::Down)
}
