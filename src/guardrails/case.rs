//! What is known of one change from view, policy and ledger together.

use std::ops::Deref;

use super::Situation;
use super::facts::Facts;
use super::rule::Unknown;
use super::tally::Tally;
use crate::domain::change::Change;
use crate::domain::entity::{Budget, Campaign, EntityKey, Level};
use crate::domain::money::Money;
use crate::domain::policy::AccountPolicy;
use crate::domain::proposal::Settled;
use crate::domain::view::AccountView;

pub(super) struct Case<'a> {
    pub facts: Facts<'a>,
    pub situation: &'a Situation<'a>,
    pub settled: &'a Settled,
    pub account: &'a AccountView,
    pub account_policy: &'a AccountPolicy,
    /// The campaigns the change concerns, as the platform reported them.
    pub campaigns: Vec<&'a Campaign>,
}

impl<'a> Deref for Case<'a> {
    type Target = Facts<'a>;
    fn deref(&self) -> &Facts<'a> {
        &self.facts
    }
}

impl<'a> Case<'a> {
    pub fn open(settled: &'a Settled, situation: &'a Situation<'a>, tally: &'a Tally) -> Result<Self, Unknown> {
        let change = &settled.wish.change;
        let facts = Facts::of((change, &settled.actor), situation.policy, situation.books, Some(&situation.view.pool), situation.now, tally)?;
        let id = change.account();
        let account = situation.view.accounts.iter().find(|view| view.account == *id).ok_or_else(|| Unknown::missing("account_view", id))?;
        let account_policy = situation.policy.accounts.get(id).ok_or_else(|| Unknown::missing("account_policy", id))?;
        let campaigns = match change {
            Change::Budget { budget, .. } => {
                // A budget names the campaigns that spend from it: an account of thousands is not searched for each of its budgets.
                let shown = account.budget(&budget.key).map(|shown| shown.budget.members.as_slice()).unwrap_or_default();
                let mut places: Vec<usize> = shown.iter().chain(&budget.members).filter_map(|member| account.position(member)).collect();
                places.sort_unstable();
                places.dedup();
                places.into_iter().map(|at| &account.campaigns[at]).collect()
            }
            Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateAdGroup(_)
            | Change::CreateAd(_) => change.campaign().and_then(|campaign| account.campaign(campaign)).into_iter().collect(),
            Change::CreateCampaign(_) | Change::CreateCreative(_) | Change::UploadMedia(_) => Vec::new(),
        };
        Ok(Self { facts, situation, settled, account, account_policy, campaigns })
    }

    /// The budget as the platform reported it: the one changed, or the one that pays for the campaign.
    pub fn budget(&self) -> Result<&'a Budget, Unknown> {
        let key = self.budget_key().ok_or_else(|| Unknown::missing("budget", self.name()))?;
        self.account.budget(key).ok_or_else(|| Unknown::missing("budget_view", key))
    }

    fn budget_key(&self) -> Option<&'a EntityKey> {
        match &self.settled.wish.change {
            Change::Budget { budget, .. } => Some(&budget.key),
            Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateAdGroup(_)
            | Change::CreateAd(_) => self.campaigns.first().map(|campaign| &campaign.budget.key),
            Change::CreateCampaign(_) | Change::CreateCreative(_) | Change::UploadMedia(_) => None,
        }
    }

    /// The campaign whose status changes, where it is a campaign's.
    pub fn campaign(&self, entity: &EntityKey) -> Result<Option<&'a Campaign>, Unknown> {
        if entity.level != Level::Campaign {
            return Ok(None);
        }
        self.account.campaign(entity).map(Some).ok_or_else(|| Unknown::missing("campaign_view", entity))
    }

    /// Today in the account's zone.
    pub fn today(&self) -> chrono::NaiveDate {
        self.now.date_in(self.account.time_zone)
    }

    /// Every amount of money the change names.
    pub fn amounts(&self) -> Vec<Money> {
        use crate::domain::change::Bid;
        let of_bid = |bid: &Bid| match bid {
            Bid::Cap(money) | Bid::TargetCpa(money) => Some(*money),
            Bid::TargetRoasMilli(_) => None,
        };
        match &self.settled.wish.change {
            Change::Budget { from, to, .. } => vec![*from, *to],
            Change::Bid { from, to, .. } => from.as_ref().and_then(of_bid).into_iter().chain(of_bid(to)).collect(),
            Change::BidStrategy { from, to, .. } => from.iter().chain([to]).filter_map(|bidding| bidding.bid.as_ref()).filter_map(of_bid).collect(),
            Change::CreateCampaign(draft) => {
                let bids =
                    draft.bidding.iter().filter_map(|bidding| bidding.bid.as_ref()).chain(draft.ad_groups.iter().filter_map(|branch| branch.bid.as_ref()));
                [draft.daily_budget].into_iter().chain(bids.filter_map(of_bid)).collect()
            }
            Change::CreateAdGroup(draft) => {
                let bid = draft.bidding.and_then(|bidding| bidding.bid);
                draft.daily_budget.into_iter().chain(bid.as_ref().and_then(of_bid)).collect()
            }
            Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Targeting { .. }
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => Vec::new(),
        }
    }
}
