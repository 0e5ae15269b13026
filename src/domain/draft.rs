//! What is to be created, in one vocabulary. Everything is created paused.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::change::{Bid, Bidding};
use super::entity::{EntityKey, Objective};
use super::ids::{AccountId, DecisionId};
use super::money::Money;
use super::targeting::Targeting;

/// The token that a creation carries in its name, so that it is found again whatever became of the answer: `[adj-…]` with the last twelve
/// characters of the decision's id, which are random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark of what `decision` creates.
    #[must_use]
    pub fn of(decision: &DecisionId) -> Self {
        let text = decision.to_string().to_ascii_lowercase();
        Self(format!("[adj-{}]", &text[text.len().saturating_sub(12)..]))
    }

    /// `name` with the mark behind it, cut so that both fit into `most` characters.
    #[must_use]
    pub fn on(&self, name: &str, most: usize) -> String {
        let room = most.saturating_sub(self.0.len() + 1);
        let name: String = name.chars().take(room).collect();
        format!("{} {}", name.trim_end(), self.0)
    }

    /// Whether a name carries it.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        name.ends_with(&self.0)
    }

    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The account days on which a campaign may deliver, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flight {
    /// First day.
    pub from: NaiveDate,
    /// Last day; `None` is open.
    #[serde(default)]
    pub to: Option<NaiveDate>,
}

/// A campaign to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignDraft {
    /// The account to create it in.
    pub account: AccountId,
    /// Its name; the mark is appended at dispatch, so that it can be looked up.
    pub name: String,
    /// What it is for.
    pub objective: Objective,
    /// Its daily budget.
    pub daily_budget: Money,
    /// How it bids; `None` is the most results for the budget.
    #[serde(default)]
    pub bidding: Option<Bidding>,
    /// Special ad categories declared; an empty list declares that there are none.
    pub special_categories: Vec<String>,
    /// Whether it contains political advertising as the EU defines it; Google wants a declaration of every campaign.
    #[serde(default)]
    pub eu_political: bool,
    /// When it may deliver; `None` is from now on.
    #[serde(default)]
    pub flight: Option<Flight>,
    /// Countries it is shown in, where the platform keeps them at campaigns (Google), or wants them with a special category (Meta).
    #[serde(default)]
    pub countries: std::collections::BTreeSet<String>,
    /// Languages it is shown in, where the platform keeps them at campaigns (Google).
    #[serde(default)]
    pub languages: std::collections::BTreeSet<String>,
    /// Ad groups made in the same request, where the platform makes a tree at once (Google); elsewhere they follow when the campaign exists.
    #[serde(default)]
    pub ad_groups: Vec<Branch>,
}

/// An ad group with its ads, within a campaign to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Whom it reaches.
    #[serde(default)]
    pub targeting: Targeting,
    /// Its bid, where it has one of its own.
    #[serde(default)]
    pub bid: Option<Bid>,
    /// Its ads.
    #[serde(default)]
    pub ads: Vec<Content>,
}

/// What an ad group optimises for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimisation {
    /// The platform's id of what counts the events: pixel, app, product set or page.
    pub source: String,
    /// The platform's name of the event, where there is one: `PURCHASE`, `SHOPPING`, …
    #[serde(default)]
    pub event: Option<String>,
}

/// An ad group to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdGroupDraft {
    /// The campaign it belongs to.
    pub campaign: EntityKey,
    /// What that campaign is for: platforms derive goal and billing from it.
    pub objective: Objective,
    /// Its name.
    pub name: String,
    /// Whom it reaches.
    pub targeting: Targeting,
    /// Its bid, where it has one of its own.
    #[serde(default)]
    pub bidding: Option<Bidding>,
    /// Its own daily budget, where the campaign holds none.
    #[serde(default)]
    pub daily_budget: Option<Money>,
    /// What it optimises for, where the objective wants it named.
    #[serde(default)]
    pub optimisation: Option<Optimisation>,
    /// When it may deliver; `None` is from now on.
    #[serde(default)]
    pub flight: Option<Flight>,
    /// In whose name it advertises and who pays, which a platform may have to show where the EU is reached; `None` is as the account says.
    #[serde(default)]
    pub disclosure: Option<Disclosure>,
}

/// Legal names that the EU's Digital Services Act wants shown with an ad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// In whose name it advertises.
    pub beneficiary: String,
    /// Who pays for it.
    pub payor: String,
}

/// What a medium is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Medium {
    /// An image at a public https address.
    Image {
        /// Where.
        url: String,
    },
    /// A video at a public https address.
    Video {
        /// Where.
        url: String,
    },
    /// A video that stands on YouTube already (Google only).
    Youtube {
        /// Its eleven characters.
        id: String,
    },
}

/// An image or video to be brought into an account's library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaDraft {
    /// The account to bring it to.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub medium: Medium,
}

/// The button under an ad. These names are common to Meta and TikTok; Google's responsive search ads have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallToAction {
    /// Shop now.
    ShopNow,
    /// Learn more.
    LearnMore,
    /// Sign up.
    SignUp,
    /// Subscribe.
    Subscribe,
    /// Contact us.
    ContactUs,
    /// Apply now.
    ApplyNow,
    /// Get a quote.
    GetQuote,
    /// Order now.
    OrderNow,
}

/// What an ad shows and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its name.
    pub name: String,
    /// Headlines.
    #[serde(default)]
    pub headlines: Vec<String>,
    /// Body texts.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The page a click leads to; the platform's tracking parameters are added.
    pub landing_url: String,
    /// The button.
    #[serde(default)]
    pub call_to_action: Option<CallToAction>,
    /// Images and videos of the account's library; of a video, an image beside it is its cover.
    #[serde(default)]
    pub media: Vec<EntityKey>,
    /// In whose name: a Meta page, a TikTok identity. Google has none.
    #[serde(default)]
    pub identity: Option<String>,
}

/// A creative to be created, where the platform has creatives that stand alone (Meta).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreativeDraft {
    /// The account to create it in.
    pub account: AccountId,
    /// What it shows.
    pub content: Content,
}

/// What an ad to be created shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Shows {
    /// A creative that stands (Meta).
    Creative {
        /// Which.
        key: EntityKey,
    },
    /// Content that goes out with the ad (all platforms).
    Content {
        /// What.
        content: Box<Content>,
    },
}

/// An ad to be created; always created paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdDraft {
    /// The ad group it belongs to.
    pub ad_group: EntityKey,
    /// The campaign that one belongs to: its pauses hold for the ad.
    pub campaign: EntityKey,
    /// Its name.
    pub name: String,
    /// What it shows.
    pub shows: Shows,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_on_the_name_it_was_put_on_however_long_that_is() {
        let id: DecisionId = crate::domain::ids::IdGen::seeded(7).next(crate::clock::ProductTime::from_ms(1_000));
        let mark = Mark::of(&id);
        let name = mark.on(&"ü".repeat(500), 40);
        assert!(mark.is_on(&name) && name.chars().count() == 40, "{name}");
        assert_eq!(mark.on("Sale", 100), format!("Sale {}", mark.as_str()));
    }
}
