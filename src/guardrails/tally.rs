//! What the changes cleared earlier in the same settlement have used up: a batch never gets more than its changes would one by one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::ask;
use super::case::Case;
use super::evidence::Seen;
use super::facts::Target;
use super::rule::Unknown;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::ids::{AccountId, AgentId, PoolId};
use crate::domain::money::Money;
use crate::domain::proposal::Settled;

/// Running sums over one settlement. They only ever grow: a reduction frees nothing before it is confirmed.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// The highest target cleared so far, by budget.
    pub targets: BTreeMap<EntityKey, Money>,
    /// How much each budget has been lifted above what was committed.
    pub lifts: BTreeMap<EntityKey, Money>,
    /// Cost-if-wrong staked, by agent.
    pub staked: BTreeMap<AgentId, Vec<Money>>,
    /// Campaigns paused.
    pub paused: BTreeSet<EntityKey>,
    /// What has been changed of which entity already.
    pub touched: BTreeSet<(EntityKey, &'static str)>,
    /// Net increases that were cleared or put before a person.
    pub increases: Vec<Money>,
    /// What stays the same however much is cleared.
    pub totals: Totals,
}

/// Sums over whole pools and accounts that every change is judged by, worked out when first asked for: a tally belongs to one view and one book.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    at_most_a_day: RefCell<BTreeMap<PoolId, Result<Money, Unknown>>>,
    seen: RefCell<BTreeMap<AccountId, Result<Seen, Unknown>>>,
}

impl Totals {
    /// What everything committed in a pool may cost a day at the platforms' overshoot.
    pub fn at_most_a_day(&self, pool: &PoolId, sum: impl FnOnce() -> Result<Money, Unknown>) -> Result<Money, Unknown> {
        self.at_most_a_day.borrow_mut().entry(pool.clone()).or_insert_with(sum).clone()
    }

    /// What has been seen of a whole account.
    pub fn seen(&self, account: &AccountId, sum: impl FnOnce() -> Result<Seen, Unknown>) -> Result<Seen, Unknown> {
        self.seen.borrow_mut().entry(account.clone()).or_insert_with(sum).clone()
    }
}

/// What of an entity a change sets: two changes of the same thing in one settlement contradict each other.
pub(super) fn aspect(change: &Change) -> &'static str {
    match change {
        Change::Budget { .. } => "budget",
        Change::Status { .. } => "status",
        Change::PartStatus { .. } => "part_status",
        Change::Bid { .. } => "bid",
        Change::BidStrategy { .. } => "bid_strategy",
        Change::Targeting { .. } => "targeting",
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => "create",
    }
}

/// What one change adds to the running sums.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    targets: Vec<Target>,
    pub increase: Option<Money>,
    stake: Option<(AgentId, Money)>,
}

impl Sums {
    pub fn of(case: &Case<'_>) -> Result<Self, Unknown> {
        if case.change.direction() != Direction::Growth && case.actor.is_person() {
            return Ok(Self { targets: Vec::new(), increase: None, stake: None });
        }
        let growth = case.change.direction() == Direction::Growth;
        Ok(Self {
            targets: if growth { case.targets()? } else { Vec::new() },
            increase: if growth { Some(ask::increase(case)?) } else { None },
            stake: match case.actor.agent() {
                Some(agent) => Some((agent.clone(), ask::stake(case)?)),
                None => None,
            },
        })
    }
}

impl Tally {
    /// Counts a cleared change.
    pub fn count(&mut self, settled: &Settled, sums: Sums) {
        let change = &settled.wish.change;
        self.lift(sums.targets);
        self.increases.extend(sums.increase);
        if let Some((agent, stake)) = sums.stake {
            self.staked.entry(agent).or_default().push(stake);
        }
        if let Change::Status { entity, to: RunStatus::Paused, .. } = change {
            self.paused.insert(entity.clone());
        }
        let creates =
            matches!(change, Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_));
        if let (false, Some(entity)) = (creates, change.entity()) {
            self.touched.insert((entity.clone(), aspect(change)));
        }
    }

    /// Counts what an increase lifts.
    pub fn lift(&mut self, targets: Vec<Target>) {
        for target in targets {
            let so_far = self.lifts.entry(target.key.clone()).or_insert(Money::zero(target.lift.currency()));
            // One budget has one currency; a sum out of range leaves no room for anything else.
            *so_far = so_far.checked_add(target.lift).unwrap_or(Money::from_micros(i64::MAX, target.lift.currency()));
            let highest = self.targets.get(&target.key).and_then(|before| before.larger(target.to).ok()).unwrap_or(target.to);
            self.targets.insert(target.key, highest);
        }
    }
}
