//! Changes of an ad group or ad that stands: read first, held against what the change expects, and sent whole where TikTok replaces the object.

use serde_json::{Map, Value, json};

use super::raw::Raw;
use super::{Tiktok, bidding, targeting};
use crate::domain::change::{Bid, BidStrategy, Bidding, Change, Part};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::targeting::Targeting;
use crate::platforms::found::Found;
use crate::platforms::spec::is_number;
use crate::platforms::{PlatformError, WireRequest};

/// What an update of an ad group takes beside its ids and its budget. Money is never part of it: whoever changes a budget meanwhile keeps what they set.
const UPDATED: [&str; 70] = [
    "actions",
    "adgroup_name",
    "age_groups",
    "audience_ids",
    "audience_rule",
    "audience_type",
    "auto_targeting_enabled",
    "automated_keywords_enabled",
    "bid_price",
    "bid_type",
    "blocked_pangle_app_ids",
    "brand_safety_type",
    "carrier_ids",
    "catalog_authorized_bc_id",
    "category_exclusion_ids",
    "comment_disabled",
    "contextual_tag_ids",
    "conversion_bid_price",
    "dayparting",
    "deep_bid_type",
    "deep_cpa_bid",
    "deep_funnel_event_source",
    "deep_funnel_event_source_id",
    "deep_funnel_optimization_event",
    "deep_funnel_optimization_status",
    "device_model_ids",
    "device_price_ranges",
    "exclude_age_under_eighteen",
    "excluded_audience_ids",
    "excluded_custom_actions",
    "excluded_pangle_audience_package_ids",
    "frequency",
    "frequency_schedule",
    "gender",
    "household_income",
    "included_custom_actions",
    "included_pangle_audience_package_ids",
    "interest_category_ids",
    "interest_keyword_ids",
    "ios14_targeting",
    "is_hfss",
    "is_lhf_compliance",
    "isp_ids",
    "languages",
    "location_ids",
    "min_android_version",
    "min_ios_version",
    "network_types",
    "next_day_retention",
    "operating_systems",
    "pacing",
    "purchase_intention_keyword_ids",
    "roas_bid",
    "saved_audience_id",
    "schedule_end_time",
    "schedule_start_time",
    "schedule_type",
    "search_keywords",
    "search_result_enabled",
    "secondary_optimization_event",
    "share_disabled",
    "shopping_ads_retargeting_actions_days",
    "shopping_ads_retargeting_custom_audience_relation",
    "shopping_ads_retargeting_type",
    "smart_audience_enabled",
    "smart_interest_behavior_enabled",
    "spending_power",
    "targeting_expansion",
    "vertical_sensitivity_id",
    "zipcode_ids",
];

/// What stands where a part is looked for.
pub(super) enum Standing {
    /// Nothing, or what has been deleted.
    Gone,
    /// Something of another campaign, in words.
    Elsewhere(String),
    /// The part.
    Here(Box<Raw>),
}

impl Tiktok {
    /// Reads a part and holds it against the campaign it is said to belong to.
    pub(super) async fn standing(&self, part: &Part) -> Result<Standing, PlatformError> {
        let (path, ids) = match part.key.level {
            Level::AdGroup => ("adgroup/get/", "adgroup_ids"),
            Level::Ad => ("ad/get/", "ad_ids"),
            Level::Campaign | Level::Account | Level::Creative | Level::Media | Level::Shared => {
                return Err(PlatformError::Unsupported(format!("on TikTok this stands at ad groups, not at {} `{}`", part.key.level.name(), part.key.id)));
            }
        };
        if !is_number(&part.key.id) {
            return Err(PlatformError::Validation(format!("`{}` is no id of this platform", part.key.id)));
        }
        let Some(row) = self.one(path, ids, &part.key.id).await? else { return Ok(Standing::Gone) };
        if row.run_status() == RunStatus::Ended {
            return Ok(Standing::Gone);
        }
        let campaign = row.text("campaign_id").unwrap_or_default();
        if campaign != part.campaign.id {
            let what = format!("{} `{}` belongs to campaign `{campaign}`, not to `{}`", part.key.level.name(), part.key.id, part.campaign.id);
            return Ok(Standing::Elsewhere(what));
        }
        Ok(Standing::Here(Box::new(row)))
    }

    /// The part as it stands, or why nothing can be written to it.
    async fn reached(&self, part: &Part) -> Result<Raw, PlatformError> {
        match self.standing(part).await? {
            Standing::Here(row) => Ok(*row),
            Standing::Elsewhere(what) => Err(PlatformError::Conflict(what)),
            Standing::Gone => Err(PlatformError::NotFound(format!("{} `{}` does not exist any more", part.key.level.name(), part.key.id))),
        }
    }

    /// What of `row` a change of a part is about.
    pub(super) async fn found(&self, change: &Change, row: &Raw) -> Result<Found, PlatformError> {
        let currency = self.spec.currency;
        Ok(match change {
            Change::PartStatus { from, to, .. } | Change::Status { from, to, .. } => Found::of(&row.run_status(), from, to),
            Change::Bid { from, to, .. } => Found::of(&bidding::read(row, currency).1, from, &Some(*to)),
            Change::BidStrategy { from, to, .. } => {
                let (strategy, bid) = bidding::read(row, currency);
                // Where nothing is said, it is the most results for the budget.
                let lowest = Bidding { strategy: BidStrategy::LowestCost, bid: None };
                Found::of(&strategy.map(|strategy| Bidding { strategy, bid }), &Some(from.unwrap_or(lowest)), &Some(*to))
            }
            Change::Targeting { from, to, .. } => {
                let countries = self.countries(&self.objective_of(row).await?).await?;
                Found::of(&targeting::read(row, &countries).0, &targeting::plain(from), &targeting::plain(to))
            }
            Change::Budget { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => return Err(PlatformError::Unsupported("this change is not about a part that stands".to_owned())),
        })
    }

    async fn expected(&self, change: &Change, part: &Part) -> Result<Raw, PlatformError> {
        let row = self.reached(part).await?;
        match self.found(change, &row).await? {
            Found::Expected | Found::Wanted => Ok(row),
            Found::Neither(what) => Err(PlatformError::Conflict(what)),
        }
    }

    pub(super) async fn part_status(&self, change: &Change, part: &Part, to: RunStatus) -> Result<WireRequest, PlatformError> {
        let status = match to {
            RunStatus::Active => "ENABLE",
            RunStatus::Paused => "DISABLE",
            RunStatus::Ended => return Err(PlatformError::Unsupported("ending an entity cannot be undone and is never done".to_owned())),
        };
        self.expected(change, part).await?;
        let (path, ids) = if part.key.level == Level::Ad { ("ad/status/update/", "ad_ids") } else { ("adgroup/status/update/", "adgroup_ids") };
        Ok(self.post(path, &json!({ "advertiser_id": self.spec.platform_id, ids: [part.key.id], "operation_status": status })))
    }

    pub(super) async fn bid(&self, change: &Change, part: &Part, to: Bid) -> Result<WireRequest, PlatformError> {
        let strategy = bidding::strategy_of(to)?;
        let group = self.expected(change, part).await?;
        if bidding::read(&group, self.spec.currency).0 != Some(strategy) {
            let what = format!("ad group `{}` does not bid by {strategy:?}: change its strategy first", part.key.id);
            return Err(PlatformError::Validation(what));
        }
        let billing = group.text("billing_event").unwrap_or_default();
        Ok(self.replace(&group, part, &bidding::FIELDS, bidding::group(Bidding { strategy, bid: Some(to) }, &billing, self.spec.currency)?))
    }

    pub(super) async fn bid_strategy(&self, change: &Change, part: &Part, to: Bidding) -> Result<WireRequest, PlatformError> {
        bidding::strategy(to.strategy)?;
        let group = self.expected(change, part).await?;
        let billing = group.text("billing_event").unwrap_or_default();
        let fields = bidding::group(to, &billing, self.spec.currency)?;
        let goal = group.text("optimization_goal").unwrap_or_default();
        if bidding::by_value(to.strategy) != (goal == bidding::VALUE) {
            let what = format!("bid strategy: an ad group on TikTok keeps the goal it was made with, here {goal}; make another ad group for {:?}", to.strategy);
            return Err(PlatformError::Unsupported(what));
        }
        let kept = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default() == group.text(name).unwrap_or_default();
        if !(kept("bid_type") && kept("deep_bid_type")) && self.holds_budget(&part.campaign.id).await? {
            return Err(PlatformError::Unsupported("bid strategy: TikTok fixes it in campaigns that hold the budget of their ad groups".to_owned()));
        }
        Ok(self.replace(&group, part, &bidding::FIELDS, fields))
    }

    pub(super) async fn targeting(&self, change: &Change, part: &Part, to: &Targeting) -> Result<WireRequest, PlatformError> {
        let group = self.expected(change, part).await?;
        let countries = self.countries(&self.objective_of(&group).await?).await?;
        let fields = targeting::fields(&targeting::read(&group, &countries).0, to, &countries)?;
        Ok(self.replace(&group, part, &[], fields))
    }

    /// Whether a campaign holds the budget of its ad groups.
    async fn holds_budget(&self, campaign: &str) -> Result<bool, PlatformError> {
        let row = self.one("campaign/get/", "campaign_ids", campaign).await?;
        Ok(row.is_some_and(|row| row.loose("budget_optimize_on").is_some_and(|on| on.yes())))
    }

    /// The objective of an ad group's campaign, in TikTok's word.
    pub(super) async fn objective_of(&self, group: &Raw) -> Result<String, PlatformError> {
        if let Some(objective) = group.text("objective_type") {
            return Ok(objective);
        }
        let campaign = group.text("campaign_id").unwrap_or_default();
        let row = self.one("campaign/get/", "campaign_ids", &campaign).await?;
        row.and_then(|row| row.text("objective_type")).ok_or_else(|| PlatformError::NotFound(format!("campaign `{campaign}` says no objective")))
    }

    /// The update that replaces an ad group by itself with `fields` set and `anew` forgotten.
    pub(super) fn replace(&self, group: &Raw, part: &Part, anew: &[&str], fields: Map<String, Value>) -> WireRequest {
        let mut body = Map::from_iter([("advertiser_id".to_owned(), json!(self.spec.platform_id)), ("adgroup_id".to_owned(), json!(part.key.id))]);
        let open = group.text("schedule_type").as_deref() == Some("SCHEDULE_FROM_NOW");
        for (name, value) in &group.0 {
            // What says nothing is what an update falls back to anyway; a switch that is off may be on by default.
            let known = UPDATED.contains(&name.as_str()) && (group.says(name) || value.is_boolean());
            // An open schedule is shown with an end ten years ahead that nobody set.
            if known && !anew.contains(&name.as_str()) && !(open && name == "schedule_end_time") {
                body.insert(name.clone(), value.clone());
            }
        }
        body.extend(fields);
        self.post("adgroup/update/", &Value::Object(body))
    }
}

impl Raw {
    /// What its owner set.
    pub(super) fn run_status(&self) -> RunStatus {
        super::inventory::run_status(self.text("operation_status").as_deref(), self.text("secondary_status").as_deref())
    }
}
