//! The whole vocabulary of changes. Writes are absolute and carry the value they expect to find.

use serde::{Deserialize, Serialize};

use super::draft::{AdDraft, AdGroupDraft, CampaignDraft, CreativeDraft, MediaDraft};
use super::entity::{BudgetRef, EntityKey, Level, RunStatus};
use super::ids::AccountId;
use super::money::Money;
use super::targeting::Targeting;

/// A bid, in the currency of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Bid {
    /// Pay at most this per result.
    Cap(Money),
    /// Aim at this cost per conversion.
    TargetCpa(Money),
    /// Aim at this ROAS, in thousandths.
    TargetRoasMilli(u32),
}

/// How the platform bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BidStrategy {
    /// Most results for the budget.
    LowestCost,
    /// Most value for the budget.
    HighestValue,
    /// Keep the average cost of a result.
    CostCap,
    /// Never bid above the cap.
    BidCap,
    /// Keep a cost per conversion.
    TargetCpa,
    /// Keep a return on spend.
    TargetRoas,
}

/// How an entity bids: strategy and, where it has one, its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bidding {
    /// The strategy.
    pub strategy: BidStrategy,
    /// Its amount.
    #[serde(default)]
    pub bid: Option<Bid>,
}

/// A campaign or something below it, with the campaign whose pauses and limits hold for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What is changed. The platform is asked whether it belongs to the campaign before anything is sent.
    pub key: EntityKey,
    /// Its campaign; for a campaign that campaign itself.
    pub campaign: EntityKey,
}

/// One change of one thing on one platform. `from` is what the write expects to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// Set a daily budget.
    Budget {
        /// Which budget.
        budget: BudgetRef,
        /// The amount expected to be found.
        from: Money,
        /// The amount to set.
        to: Money,
    },
    /// Let an entity run, or stop it.
    Status {
        /// Which entity.
        entity: EntityKey,
        /// The status expected to be found.
        from: RunStatus,
        /// The status to set: active or paused.
        to: RunStatus,
    },
    /// Let an ad group or ad run, or stop it.
    PartStatus {
        /// Which.
        part: Part,
        /// The status expected to be found.
        from: RunStatus,
        /// The status to set: active or paused.
        to: RunStatus,
    },
    /// Set a bid.
    Bid {
        /// Which campaign or ad group.
        part: Part,
        /// The bid expected to be found.
        from: Option<Bid>,
        /// The bid to set.
        to: Bid,
    },
    /// Change how the platform bids.
    BidStrategy {
        /// Which campaign or ad group.
        part: Part,
        /// The strategy expected to be found.
        from: Option<Bidding>,
        /// The strategy to set.
        to: Bidding,
    },
    /// Replace whom a campaign or ad group reaches.
    Targeting {
        /// Which campaign or ad group.
        part: Part,
        /// What is expected to be found.
        from: Box<Targeting>,
        /// What to set.
        to: Box<Targeting>,
    },
    /// Create a campaign, paused.
    CreateCampaign(Box<CampaignDraft>),
    /// Create an ad group, paused.
    CreateAdGroup(Box<AdGroupDraft>),
    /// Create a creative.
    CreateCreative(Box<CreativeDraft>),
    /// Create an ad, paused.
    CreateAd(Box<AdDraft>),
    /// Bring an image or a video into the account's library.
    UploadMedia(Box<MediaDraft>),
}

/// Which way a change moves spend. Rules that protect money look at this, never at who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Can only lower spend: a smaller budget, a pause.
    Protective,
    /// Neither raises nor lowers by itself: targeting, creatives, creation while paused.
    Neutral,
    /// Can raise spend: a larger budget, an activation, a higher bid.
    Growth,
}

/// What kind of action a change is, for track records and autonomy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// A larger budget.
    RaiseBudget,
    /// A smaller budget.
    CutBudget,
    /// Start delivery.
    Activate,
    /// Stop delivery.
    Pause,
    /// A bid or bid strategy.
    Bid,
    /// Targeting.
    Targeting,
    /// A new campaign, ad group, creative or ad.
    Create,
}

impl ActionKind {
    /// The name in API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RaiseBudget => "raise_budget",
            Self::CutBudget => "cut_budget",
            Self::Activate => "activate",
            Self::Pause => "pause",
            Self::Bid => "bid",
            Self::Targeting => "targeting",
            Self::Create => "create",
        }
    }

    /// The same for people, before the name of what it is done to.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::RaiseBudget => "Raise the budget of",
            Self::CutBudget => "Cut the budget of",
            Self::Activate => "Activate",
            Self::Pause => "Pause",
            Self::Bid => "Change the bid of",
            Self::Targeting => "Change the targeting of",
            Self::Create => "Create in",
        }
    }
}

impl Change {
    /// The account it happens in.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Budget { budget, .. } => &budget.key.account,
            Self::Status { entity, .. } => &entity.account,
            Self::PartStatus { part, .. } | Self::Bid { part, .. } | Self::BidStrategy { part, .. } | Self::Targeting { part, .. } => &part.key.account,
            Self::CreateCampaign(draft) => &draft.account,
            Self::CreateAdGroup(draft) => &draft.campaign.account,
            Self::CreateCreative(draft) => &draft.account,
            Self::CreateAd(draft) => &draft.ad_group.account,
            Self::UploadMedia(draft) => &draft.account,
        }
    }

    /// The entity whose order of changes it belongs to: the budget, the entity, or the parent of what is created (`None`: the account).
    #[must_use]
    pub fn entity(&self) -> Option<&EntityKey> {
        match self {
            Self::Budget { budget, .. } => Some(&budget.key),
            Self::Status { entity, .. } => Some(entity),
            Self::PartStatus { part, .. } | Self::Bid { part, .. } | Self::BidStrategy { part, .. } | Self::Targeting { part, .. } => Some(&part.key),
            Self::CreateAdGroup(draft) => Some(&draft.campaign),
            Self::CreateAd(draft) => Some(&draft.ad_group),
            Self::CreateCampaign(_) | Self::CreateCreative(_) | Self::UploadMedia(_) => None,
        }
    }

    /// Whether the whole read of an account shows what it sets: a budget, or the status of a campaign. Whatever else it is, a look at the one thing it is
    /// about shows it.
    #[must_use]
    pub fn is_in_inventory(&self) -> bool {
        match self {
            Self::Budget { .. } => true,
            Self::Status { entity, .. } => entity.level == Level::Campaign,
            Self::PartStatus { .. }
            | Self::Bid { .. }
            | Self::BidStrategy { .. }
            | Self::Targeting { .. }
            | Self::CreateCampaign(_)
            | Self::CreateAdGroup(_)
            | Self::CreateCreative(_)
            | Self::CreateAd(_)
            | Self::UploadMedia(_) => false,
        }
    }

    /// Whether it makes something that was not there.
    #[must_use]
    pub const fn creates(&self) -> bool {
        match self {
            Self::CreateCampaign(_) | Self::CreateAdGroup(_) | Self::CreateCreative(_) | Self::CreateAd(_) | Self::UploadMedia(_) => true,
            Self::Budget { .. } | Self::Status { .. } | Self::PartStatus { .. } | Self::Bid { .. } | Self::BidStrategy { .. } | Self::Targeting { .. } => false,
        }
    }

    /// The campaign below or at which it happens, where it names one; a shared budget names none.
    #[must_use]
    pub fn campaign(&self) -> Option<&EntityKey> {
        match self {
            Self::Budget { budget, .. } => Some(&budget.key).filter(|key| key.level == Level::Campaign),
            Self::Status { entity, .. } => Some(entity).filter(|key| key.level == Level::Campaign),
            Self::PartStatus { part, .. } | Self::Bid { part, .. } | Self::BidStrategy { part, .. } | Self::Targeting { part, .. } => Some(&part.campaign),
            Self::CreateAdGroup(draft) => Some(&draft.campaign),
            Self::CreateAd(draft) => Some(&draft.campaign),
            Self::CreateCampaign(_) | Self::CreateCreative(_) | Self::UploadMedia(_) => None,
        }
    }

    /// Which way it moves spend. Amounts of two currencies count as growth: the stricter rules then apply.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self {
            Self::Budget { from, to, .. } => match to.compare(*from) {
                Ok(std::cmp::Ordering::Less) => Direction::Protective,
                Ok(std::cmp::Ordering::Equal) => Direction::Neutral,
                Ok(std::cmp::Ordering::Greater) | Err(_) => Direction::Growth,
            },
            Self::Status { to: RunStatus::Active, .. } | Self::PartStatus { to: RunStatus::Active, .. } => Direction::Growth,
            Self::Status { to: RunStatus::Paused | RunStatus::Ended, .. } | Self::PartStatus { to: RunStatus::Paused | RunStatus::Ended, .. } => {
                Direction::Protective
            }
            Self::Bid { from, to, .. } => match (from, to) {
                (Some(Bid::Cap(from)), Bid::Cap(to)) | (Some(Bid::TargetCpa(from)), Bid::TargetCpa(to))
                    if to.compare(*from).is_ok_and(std::cmp::Ordering::is_le) =>
                {
                    Direction::Protective
                }
                (Some(Bid::TargetRoasMilli(from)), Bid::TargetRoasMilli(to)) if to >= from => Direction::Protective,
                _ => Direction::Growth,
            },
            Self::BidStrategy { .. } | Self::Targeting { .. } => Direction::Growth,
            Self::CreateCampaign(_) | Self::CreateAdGroup(_) | Self::CreateCreative(_) | Self::CreateAd(_) | Self::UploadMedia(_) => Direction::Neutral,
        }
    }

    /// What kind of action it is.
    #[must_use]
    pub fn action(&self) -> ActionKind {
        match self {
            Self::Budget { .. } if self.direction() == Direction::Protective => ActionKind::CutBudget,
            Self::Budget { .. } => ActionKind::RaiseBudget,
            Self::Status { to: RunStatus::Active, .. } | Self::PartStatus { to: RunStatus::Active, .. } => ActionKind::Activate,
            Self::Status { to: RunStatus::Paused | RunStatus::Ended, .. } | Self::PartStatus { to: RunStatus::Paused | RunStatus::Ended, .. } => {
                ActionKind::Pause
            }
            Self::Bid { .. } | Self::BidStrategy { .. } => ActionKind::Bid,
            Self::Targeting { .. } => ActionKind::Targeting,
            Self::CreateCampaign(_) | Self::CreateAdGroup(_) | Self::CreateCreative(_) | Self::CreateAd(_) | Self::UploadMedia(_) => ActionKind::Create,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn amounts_that_cannot_be_compared_count_as_growth() {
        let key: EntityKey = "a:campaign:1".parse().expect("a key");
        let budget = BudgetRef { members: vec![key.clone()], key };
        let change = Change::Budget { budget, from: Money::zero(Currency::USD), to: Money::zero(Currency::JPY) };
        assert_eq!(change.direction(), Direction::Growth);
    }
}
