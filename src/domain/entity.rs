//! What stands on the platforms: accounts, campaigns, ad groups, ads, and the budgets that hold their money.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, IdError, text_serde};
use super::money::{Currency, Money};
use crate::clock::ProductTime;

/// An advertising platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Google Ads.
    Google,
    /// Meta: Facebook and Instagram.
    Meta,
    /// TikTok.
    Tiktok,
}

impl Platform {
    /// All platforms, in the order pages show them.
    pub const ALL: [Self; 3] = [Self::Google, Self::Meta, Self::Tiktok];

    /// The name in configuration, API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Meta => "meta",
            Self::Tiktok => "tiktok",
        }
    }

    /// Most a platform may spend on one day, in percent of that day's highest daily budget. Sources: Google Ads Help, spending limits (200);
    /// Meta Business Help, daily budgets (175); TikTok Business Help, budget (125).
    #[must_use]
    pub const fn overshoot_pct(self) -> u32 {
        match self {
            Self::Google => 200,
            Self::Meta => 175,
            Self::Tiktok => 125,
        }
    }

    /// The least daily budget the platform takes today, in percent of what has been spent from it today; `None` where it does not look at that.
    /// Sources: Meta Marketing API, error 1885650 (not below what is spent); TikTok API for Business, campaign update (105); a TikTok ad group's
    /// daily budget acts from the next day, and Google's may be below what is spent.
    #[must_use]
    pub const fn least_of_spent_pct(self, level: Level) -> Option<u32> {
        match (self, level) {
            (Self::Google, _) | (Self::Tiktok, Level::AdGroup) => None,
            (Self::Meta, _) => Some(100),
            (Self::Tiktok, Level::Account | Level::Campaign | Level::Ad | Level::Creative | Level::Media | Level::Shared) => Some(105),
        }
    }

    /// Whether a new amount of a budget at `level` holds only from the account's next midnight on: until then the old one is spent.
    /// Source: TikTok Business API, `adgroup/budget/update/`.
    #[must_use]
    pub const fn holds_from_midnight(self, level: Level) -> bool {
        match (self, level) {
            (Self::Tiktok, Level::AdGroup) => true,
            (Self::Google | Self::Meta, _) | (Self::Tiktok, Level::Account | Level::Campaign | Level::Ad | Level::Creative | Level::Media | Level::Shared) => {
                false
            }
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Platform {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.name() == text)
            .ok_or_else(|| IdError { text: text.to_owned(), expected: "a platform: google, meta or tiktok" })
    }
}

/// The kind of thing an [`EntityKey`] names. Meta's ad set is an ad group here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The account itself.
    Account,
    /// A campaign.
    Campaign,
    /// An ad group (Meta: ad set).
    AdGroup,
    /// An ad.
    Ad,
    /// A creative.
    Creative,
    /// An image or video of the account's library.
    Media,
    /// A budget shared by several campaigns.
    Shared,
}

impl Level {
    /// All levels, outermost first.
    pub const ALL: [Self; 7] = [Self::Account, Self::Campaign, Self::AdGroup, Self::Ad, Self::Creative, Self::Media, Self::Shared];

    /// The name in keys, API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Campaign => "campaign",
            Self::AdGroup => "ad_group",
            Self::Ad => "ad",
            Self::Creative => "creative",
            Self::Media => "media",
            Self::Shared => "shared",
        }
    }
}

/// An entity's key everywhere: `account:level:platform_id`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityKey {
    /// The account it stands in.
    pub account: AccountId,
    /// What it is.
    pub level: Level,
    /// The platform's own id.
    pub id: String,
}

impl EntityKey {
    /// A campaign's key.
    #[must_use]
    pub fn campaign(account: AccountId, id: impl Into<String>) -> Self {
        Self { account, level: Level::Campaign, id: id.into() }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.account, self.level.name(), self.id)
    }
}

impl FromStr for EntityKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { text: text.to_owned(), expected: "an entity key of the form account:level:id" };
        let mut parts = text.splitn(3, ':');
        let account = parts.next().ok_or_else(wrong)?.parse()?;
        let level = parts.next().and_then(|name| Level::ALL.into_iter().find(|level| level.name() == name)).ok_or_else(wrong)?;
        let id = parts.next().filter(|id| !id.is_empty()).ok_or_else(wrong)?.to_owned();
        Ok(Self { account, level, id })
    }
}

text_serde!(EntityKey);

/// Where money lives. Equal references name the same budget; `members` is what it pays for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BudgetRef {
    /// The budget's own key: level `campaign`, `ad_group` or `shared`.
    pub key: EntityKey,
    /// The campaigns that spend from it; for a campaign's own budget that campaign alone.
    pub members: Vec<EntityKey>,
}

impl PartialEq for BudgetRef {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for BudgetRef {}

impl std::hash::Hash for BudgetRef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl PartialOrd for BudgetRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BudgetRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// Whether the owner lets an entity run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Allowed to deliver.
    Active,
    /// Stopped by its owner; can be started again.
    Paused,
    /// Removed, archived or in a state we do not steer: never written.
    Ended,
}

impl RunStatus {
    /// The name in API and store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// What a campaign is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Be seen.
    Awareness,
    /// Clicks to a site.
    Traffic,
    /// Interaction with the ad.
    Engagement,
    /// Conversions on a site or app, leads included.
    Conversions,
    /// Sales from a product catalogue.
    CatalogSales,
    /// One this version does not know; read, never created.
    Other,
}

/// Whether the platform is still learning how to deliver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Learning {
    /// The platform says that it is learning; an edit may start it over.
    Active {
        /// Conversions since the last significant edit, where given.
        conversions: Option<f64>,
        /// When the last significant edit happened, where given.
        since: Option<ProductTime>,
    },
    /// The platform says that it has learnt, or has given up learning.
    Done,
    /// The platform does not tell: our own last significant edit decides.
    Unknown,
}

/// Why a budget cannot be steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOnly {
    /// A shared budget with a member outside the pool.
    MemberOutsidePool,
    /// A lifetime budget: its pace is the platform's.
    Lifetime,
    /// An automated campaign type whose endpoints differ.
    Automated,
    /// The account or entity has ended or is not in good standing.
    Ended,
    /// A type this version does not know.
    UnknownType,
}

/// One budget as the platform reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Which budget.
    pub budget: BudgetRef,
    /// The platform's name of the resource a write goes to (Google: `customers/…/campaignBudgets/…`; others: the entity's id).
    pub resource: String,
    /// The daily amount now set.
    pub amount: Money,
    /// The smallest step the platform accepts; `amount` is a whole number of it.
    pub unit: Money,
    /// The least the platform accepts.
    pub minimum: Money,
    /// Why it cannot be steered; `None` when it can.
    pub read_only: Option<ReadOnly>,
}

/// One campaign as the platform reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its key.
    pub key: EntityKey,
    /// Its name: text from outside, shown and never interpreted.
    pub name: String,
    /// What its owner set.
    pub status: RunStatus,
    /// Whether the platform delivers it, counting parents, review and problems.
    pub serving: bool,
    /// Whether the platform's review refused it.
    pub disapproved: bool,
    /// What it is for.
    pub objective: Objective,
    /// The special ad categories it declares; `None` when the platform demands a declaration and there is none.
    pub special_categories: Option<Vec<String>>,
    /// Whether the platform is learning.
    pub learning: Learning,
    /// The budget that pays for it.
    pub budget: BudgetRef,
    /// When it was created, where given.
    pub created: Option<ProductTime>,
}

/// Whether an account may be written at all, as the platform reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The account.
    pub account: AccountId,
    /// Its platform.
    pub platform: Platform,
    /// The platform's own id of it.
    pub platform_id: String,
    /// Its name: text from outside.
    pub name: String,
    /// The currency the platform bills in.
    pub currency: Currency,
    /// The zone the platform's days run in.
    pub time_zone: Tz,
    /// Whether the platform lets it be changed.
    pub in_good_standing: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_even_when_the_platforms_id_has_colons() {
        let key: EntityKey = "meta-main:ad_group:a:b".parse().expect("a key");
        assert_eq!((key.level, key.id.as_str()), (Level::AdGroup, "a:b"));
        assert_eq!(key.to_string(), "meta-main:ad_group:a:b");
        assert!("meta-main:budget:1".parse::<EntityKey>().is_err());
    }
}
