//! Changes of what stands: read first, held against what the change expects, and written with nothing but what it is about.

use serde_json::{Value, json};

use super::create::text;
use super::form::Form;
use super::inventory::run_status;
use super::{Meta, bidding, targeting};
use crate::domain::change::{Bid, BidStrategy, Bidding, Change, Part};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::targeting::Targeting;
use crate::platforms::found::Found;
use crate::platforms::loose::Loose;
use crate::platforms::{PlatformError, WireRequest};

const AD_SET: &str = "id,campaign_id,status,bid_strategy,bid_amount,bid_constraints,optimization_goal,targeting,daily_budget,lifetime_budget,\
    campaign{id,bid_strategy,daily_budget,lifetime_budget}";
const CAMPAIGN: &str = "id,status,bid_strategy,daily_budget,lifetime_budget";
const AD: &str = "id,campaign_id,status";
const AD_SETS: &str = "id,status,bid_amount,bid_constraints";

/// What stands where a part is looked for.
pub(super) enum Standing {
    /// Nothing, or what has been archived or deleted.
    Gone,
    /// Something of another campaign, in words.
    Elsewhere(String),
    /// The part, and of a campaign its ad sets.
    Here(Value, Vec<Value>),
}

fn unsupported<T>(what: &str) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what.to_owned()))
}

/// Whether a campaign holds the budget of its ad sets.
pub(super) fn holds_budget(campaign: &Value) -> bool {
    let set = |name: &str| text(&campaign[name]).is_some_and(|amount| amount != "0");
    set("daily_budget") || set("lifetime_budget")
}

fn loose(value: &Value) -> Option<Loose> {
    text(value).map(Loose)
}

impl Meta {
    /// Reads a part and holds it against the campaign it is said to belong to.
    pub(super) async fn standing(&self, part: &Part) -> Result<Standing, PlatformError> {
        let fields = match part.key.level {
            Level::Campaign => CAMPAIGN,
            Level::AdGroup => AD_SET,
            Level::Ad => AD,
            Level::Account | Level::Creative | Level::Media | Level::Shared => {
                return Err(PlatformError::Unsupported(format!("{} `{}` has nothing of this to set", part.key.level.name(), part.key.id)));
            }
        };
        let id = self.id(&part.key, part.key.level)?;
        let node = match self.get(id, &[("fields", fields)]).await.map_err(PlatformError::from) {
            Ok(node) => node,
            Err(PlatformError::NotFound(_)) => return Ok(Standing::Gone),
            Err(error) => return Err(error),
        };
        if run_status(node["status"].as_str()) == RunStatus::Ended {
            return Ok(Standing::Gone);
        }
        let campaign = if part.key.level == Level::Campaign { id.to_owned() } else { text(&node["campaign_id"]).unwrap_or_default() };
        if campaign != part.campaign.id {
            let what = format!("{} `{id}` belongs to campaign `{campaign}`, not to `{}`", part.key.level.name(), part.campaign.id);
            return Ok(Standing::Elsewhere(what));
        }
        let below = if part.key.level == Level::Campaign { self.rows(&format!("{id}/adsets"), &[("fields", AD_SETS)]).await? } else { Vec::new() };
        Ok(Standing::Here(node, below))
    }

    /// How a campaign or ad set bids: at a campaign the amount that all its ad sets share, where they do.
    pub(super) fn bidding(&self, level: Level, node: &Value, below: &[Value]) -> Result<Option<Bidding>, PlatformError> {
        let of = |set: &Value| bidding::bid(loose(&set["bid_amount"]).as_ref(), Some(&set["bid_constraints"]), self.spec.currency);
        let strategy = bidding::strategy(node["bid_strategy"].as_str(), node["optimization_goal"].as_str());
        let bid = if level == Level::Campaign {
            let bids = below.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            bids.first().copied().flatten().filter(|first| bids.iter().all(|bid| bid.as_ref() == Some(first)))
        } else {
            of(node)?
        };
        Ok(strategy.map(|strategy| Bidding { strategy, bid }))
    }

    /// What of a part a change is about.
    pub(super) async fn found(&self, change: &Change, node: &Value, below: &[Value]) -> Result<Found, PlatformError> {
        Ok(match change {
            Change::PartStatus { from, to, .. } | Change::Status { from, to, .. } => Found::of(&run_status(node["status"].as_str()), from, to),
            Change::Bid { part, from, to } => {
                if part.key.level == Level::Campaign {
                    return unsupported("bid of a campaign: Meta keeps bids at ad sets");
                }
                let now = bidding::bid(loose(&node["bid_amount"]).as_ref(), Some(&node["bid_constraints"]), self.spec.currency)?;
                Found::of(&now, from, &Some(*to))
            }
            Change::BidStrategy { part, from, to } => Found::of(&self.bidding(part.key.level, node, below)?, from, &Some(*to)),
            Change::Targeting { part, from, to } => {
                if part.key.level != Level::AdGroup {
                    return unsupported("targeting of a campaign: Meta keeps it at ad sets");
                }
                let locales = self.locales(from.languages.iter().chain(&to.languages)).await?;
                Found::of(&targeting::read(&node["targeting"], &locales).0, &targeting::plain(from), &targeting::plain(to))
            }
            Change::Budget { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => return unsupported("this change is not about a part that stands"),
        })
    }

    /// The part as it stands, where it is what the change expects or wants already.
    async fn expected(&self, change: &Change, part: &Part) -> Result<(Value, Vec<Value>), PlatformError> {
        match self.standing(part).await? {
            Standing::Elsewhere(what) => Err(PlatformError::Conflict(what)),
            Standing::Gone => Err(PlatformError::NotFound(format!("{} `{}` is archived or deleted", part.key.level.name(), part.key.id))),
            Standing::Here(node, below) => match self.found(change, &node, &below).await? {
                Found::Expected | Found::Wanted => Ok((node, below)),
                Found::Neither(what) => Err(PlatformError::Conflict(what)),
            },
        }
    }

    pub(super) async fn part_status(&self, change: &Change, part: &Part, to: RunStatus) -> Result<WireRequest, PlatformError> {
        let word = match to {
            RunStatus::Active => "ACTIVE",
            RunStatus::Paused => "PAUSED",
            RunStatus::Ended => return unsupported("ending an entity cannot be undone and is never done"),
        };
        self.expected(change, part).await?;
        Ok(Form::default().with("status", word).to(self, &part.key.id))
    }

    pub(super) async fn bid(&self, change: &Change, part: &Part, to: Bid) -> Result<WireRequest, PlatformError> {
        let (node, _) = self.expected(change, part).await?;
        let above = &node["campaign"];
        let word = if holds_budget(above) { &above["bid_strategy"] } else { &node["bid_strategy"] };
        let strategy = bidding::strategy_for(to, bidding::strategy(word.as_str(), node["optimization_goal"].as_str()))?;
        Ok(bidding::amount(Bidding { strategy, bid: Some(to) }, self.spec.currency, Form::default())?.to(self, &part.key.id))
    }

    pub(super) async fn bid_strategy(&self, change: &Change, part: &Part, to: Bidding) -> Result<WireRequest, PlatformError> {
        let form = Form::default().with("bid_strategy", bidding::word(to.strategy)?);
        // Strategy and amount must go together before anything is read.
        let amounts = bidding::amount(to, self.spec.currency, Form::default())?;
        let (node, below) = self.expected(change, part).await?;
        if part.key.level == Level::AdGroup {
            if holds_budget(&node["campaign"]) {
                return unsupported("bid strategy of an ad set whose campaign holds the budget: it stands at the campaign");
            }
            let goal = node["optimization_goal"].as_str().unwrap_or_default();
            if bidding::by_value(to.strategy) != (goal == bidding::VALUE) {
                return Err(PlatformError::Unsupported(format!("bid strategy: an ad set keeps the goal it was made with, here {goal}")));
            }
            return Ok(bidding::amount(to, self.spec.currency, form)?.to(self, &part.key.id));
        }
        if !holds_budget(&node) {
            return unsupported("bid strategy of a campaign without a budget: it stands at its ad sets");
        }
        match (to.strategy, to.bid) {
            (BidStrategy::LowestCost, None) => Ok(form.to(self, &part.key.id)),
            (BidStrategy::CostCap | BidStrategy::BidCap, Some(Bid::Cap(cap))) => {
                // Every ad set needs its cap in the very request that sets the strategy.
                let cap = bidding::cap(cap, self.spec.currency)?;
                let caps: serde_json::Map<String, Value> = below.iter().filter_map(|set| Some((text(&set["id"])?, json!(cap)))).collect();
                Ok(form.json("adset_bid_amounts", &Value::Object(caps)).to(self, &part.key.id))
            }
            _ => {
                drop(amounts);
                unsupported("bidding by value at a campaign: on Meta it follows from the goals of its ad sets")
            }
        }
    }

    pub(super) async fn retarget(&self, change: &Change, part: &Part, from: &Targeting, to: &Targeting) -> Result<WireRequest, PlatformError> {
        let (node, _) = self.expected(change, part).await?;
        let locales = self.locales(from.languages.iter().chain(&to.languages)).await?;
        let whole = targeting::merged(&node["targeting"], to, &locales)?;
        Ok(Form::default().json("targeting", &whole).to(self, &part.key.id))
    }
}
