//! The whole vocabulary of changes. Writes are absolute and carry the value they expect to find.

use serde::{Deserialize, Serialize};

use super::entity::{BudgetRef, EntityKey, Objective, RunStatus};
use super::ids::AccountId;
use super::money::Money;

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
    /// Keep the average cost of a result.
    CostCap,
    /// Never bid above the cap.
    BidCap,
    /// Keep a cost per conversion.
    TargetCpa,
    /// Keep a return on spend.
    TargetRoas,
}

/// Whom to reach. Empty lists mean no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targeting {
    /// Countries as ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// Languages as ISO 639-1.
    pub languages: Vec<String>,
    /// Youngest age in years.
    pub age_min: Option<u8>,
    /// Oldest age in years.
    pub age_max: Option<u8>,
    /// Genders.
    pub genders: Vec<Gender>,
    /// The platform's own interest ids.
    pub interests: Vec<String>,
    /// Keywords, where the platform has them.
    pub keywords: Vec<String>,
}

/// A gender as platforms target it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Unknown to the platform.
    Unknown,
}

/// A campaign to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignDraft {
    /// The account to create it in.
    pub account: AccountId,
    /// Its name; the natural key is appended at dispatch, so that it can be looked up.
    pub name: String,
    /// What it is for.
    pub objective: Objective,
    /// Its daily budget.
    pub daily_budget: Money,
    /// Special ad categories declared; an empty list declares that there are none.
    pub special_categories: Vec<String>,
}

/// An ad group to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdGroupDraft {
    /// The campaign it belongs to.
    pub campaign: EntityKey,
    /// Its name.
    pub name: String,
    /// Whom it reaches.
    pub targeting: Targeting,
    /// Its bid, where it has one of its own.
    pub bid: Option<Bid>,
}

/// A creative to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreativeDraft {
    /// The account to create it in.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Headlines.
    pub headlines: Vec<String>,
    /// Body texts.
    pub texts: Vec<String>,
    /// The page a click leads to.
    pub landing_url: String,
    /// Images or videos by URL.
    pub media_urls: Vec<String>,
}

/// An ad to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdDraft {
    /// The ad group it belongs to.
    pub ad_group: EntityKey,
    /// Its name.
    pub name: String,
    /// The creative it shows.
    pub creative: EntityKey,
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
    /// Set a bid.
    Bid {
        /// Which campaign or ad group.
        entity: EntityKey,
        /// The bid expected to be found.
        from: Option<Bid>,
        /// The bid to set.
        to: Bid,
    },
    /// Change how the platform bids.
    BidStrategy {
        /// Which campaign or ad group.
        entity: EntityKey,
        /// The strategy expected to be found.
        from: Option<BidStrategy>,
        /// The strategy to set.
        to: BidStrategy,
    },
    /// Replace whom an ad group reaches.
    Targeting {
        /// Which ad group.
        entity: EntityKey,
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
            Self::Status { entity, .. } | Self::Bid { entity, .. } | Self::BidStrategy { entity, .. } | Self::Targeting { entity, .. } => &entity.account,
            Self::CreateCampaign(draft) => &draft.account,
            Self::CreateAdGroup(draft) => &draft.campaign.account,
            Self::CreateCreative(draft) => &draft.account,
            Self::CreateAd(draft) => &draft.ad_group.account,
        }
    }

    /// The entity whose order of changes it belongs to: the budget, the entity, or the parent of what is created (`None`: the account).
    #[must_use]
    pub fn entity(&self) -> Option<&EntityKey> {
        match self {
            Self::Budget { budget, .. } => Some(&budget.key),
            Self::Status { entity, .. } | Self::Bid { entity, .. } | Self::BidStrategy { entity, .. } | Self::Targeting { entity, .. } => Some(entity),
            Self::CreateAdGroup(draft) => Some(&draft.campaign),
            Self::CreateAd(draft) => Some(&draft.ad_group),
            Self::CreateCampaign(_) | Self::CreateCreative(_) => None,
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
            Self::Status { to: RunStatus::Active, .. } => Direction::Growth,
            Self::Status { to: RunStatus::Paused | RunStatus::Ended, .. } => Direction::Protective,
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
            Self::CreateCampaign(_) | Self::CreateAdGroup(_) | Self::CreateCreative(_) | Self::CreateAd(_) => Direction::Neutral,
        }
    }

    /// What kind of action it is.
    #[must_use]
    pub fn action(&self) -> ActionKind {
        match self {
            Self::Budget { .. } if self.direction() == Direction::Protective => ActionKind::CutBudget,
            Self::Budget { .. } => ActionKind::RaiseBudget,
            Self::Status { to: RunStatus::Active, .. } => ActionKind::Activate,
            Self::Status { to: RunStatus::Paused | RunStatus::Ended, .. } => ActionKind::Pause,
            Self::Bid { .. } | Self::BidStrategy { .. } => ActionKind::Bid,
            Self::Targeting { .. } => ActionKind::Targeting,
            Self::CreateCampaign(_) | Self::CreateAdGroup(_) | Self::CreateCreative(_) | Self::CreateAd(_) => ActionKind::Create,
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
