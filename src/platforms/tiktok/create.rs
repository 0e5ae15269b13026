//! New campaigns and ad groups. Both are made paused, carry the mark in their name, and a number by which TikTok knows a repeated request.

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::inventory::{AD_GROUP_FLOOR, CAMPAIGN_FLOOR, floor, objective, unit};
use super::objective::{Recipe, recipe};
use super::raw::{Raw, amount};
use super::targeting::Countries;
use super::{Tiktok, bidding, targeting};
use crate::clock::ProductTime;
use crate::domain::change::{Bid, BidStrategy, Bidding};
use crate::domain::draft::{AdGroupDraft, CampaignDraft, Flight, Mark, Optimisation};
use crate::domain::entity::RunStatus;
use crate::domain::money::Money;
use crate::domain::targeting::Targeting;
use crate::platforms::spec::is_number;
use crate::platforms::{PlatformError, WireRequest};

/// Longest name of a campaign, ad group or ad, in characters.
pub(super) const NAME: usize = 512;
/// Special ad categories, in our word and TikTok's.
const INDUSTRIES: [(&str, &str); 3] = [("housing", "HOUSING"), ("employment", "EMPLOYMENT"), ("credit", "CREDIT")];
/// Windows after a click that TikTok knows, in days.
const WINDOWS: [(u64, &str); 4] = [(1, "ONE_DAY"), (7, "SEVEN_DAYS"), (14, "FOURTEEN_DAYS"), (28, "TWENTY_EIGHT_DAYS")];

/// A number that stays the same for one creation, so that TikTok refuses to make it twice.
pub(super) fn request_number(mark: &Mark) -> String {
    let digest = Sha256::digest(mark.as_str());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    (number >> 1).to_string()
}

/// The name as it goes out.
///
/// # Errors
/// [`PlatformError::Validation`] for an empty one, or one with emoji, which TikTok refuses.
pub(super) fn named(name: &str, mark: &Mark, most: usize) -> Result<String, PlatformError> {
    let wrong = |what: &str| Err(PlatformError::Validation(format!("the name `{name}` {what}")));
    if name.trim().is_empty() {
        return wrong("is empty");
    }
    if has_emoji(name) {
        return wrong("has an emoji, which TikTok does not take");
    }
    Ok(mark.on(name, most))
}

/// Whether a text has what TikTok counts as emoji.
pub(super) fn has_emoji(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' | '\u{fe0f}' | '\u{200d}'))
}

impl Tiktok {
    pub(super) fn create_campaign(&self, draft: &CampaignDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let made = recipe(draft.objective)?;
        let mut refused = Vec::new();
        for (said, part) in [
            (draft.flight.is_some(), "flight: TikTok schedules ad groups, not campaigns"),
            (!draft.countries.is_empty(), "countries: TikTok keeps them at ad groups"),
            (!draft.languages.is_empty(), "languages: TikTok keeps them at ad groups"),
            (!draft.ad_groups.is_empty(), "ad groups: on TikTok they follow when the campaign exists"),
            (draft.eu_political, "political advertising: TikTok does not take it"),
        ] {
            refused.extend(said.then_some(part));
        }
        let industries: Vec<Option<&str>> = draft
            .special_categories
            .iter()
            .map(|name| INDUSTRIES.iter().find(|(ours, _)| name.eq_ignore_ascii_case(ours)).map(|(_, theirs)| *theirs))
            .collect();
        if industries.contains(&None) {
            refused.push("special categories: TikTok knows housing, employment and credit");
        }
        if !refused.is_empty() {
            return Err(PlatformError::Unsupported(refused.join("; ")));
        }
        let (goal, bids) = campaign_bids(draft.bidding, made)?;
        let mut body = Map::from_iter([
            ("advertiser_id".to_owned(), json!(self.spec.platform_id)),
            ("campaign_name".to_owned(), named(&draft.name, mark, NAME)?.into()),
            ("objective_type".to_owned(), made.objective.into()),
            ("budget_mode".to_owned(), "BUDGET_MODE_DYNAMIC_DAILY_BUDGET".into()),
            ("budget".to_owned(), self.budget(draft.daily_budget, CAMPAIGN_FLOOR)?),
            ("budget_optimize_on".to_owned(), true.into()),
            ("optimization_goal".to_owned(), goal.into()),
        ]);
        body.extend(bids);
        if !industries.is_empty() {
            body.insert("special_industries".to_owned(), json!(industries));
        }
        body.insert("operation_status".to_owned(), "DISABLE".into());
        body.insert("request_id".to_owned(), request_number(mark).into());
        Ok(self.post("campaign/create/", &Value::Object(body)))
    }

    pub(super) async fn create_ad_group(&self, draft: &AdGroupDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let made = recipe(draft.objective)?;
        if !is_number(&draft.campaign.id) {
            return Err(PlatformError::Validation(format!("`{}` is no id of this platform", draft.campaign.id)));
        }
        let gone = || PlatformError::NotFound(format!("campaign `{}` does not exist any more", draft.campaign.id));
        let campaign = self.one("campaign/get/", "campaign_ids", &draft.campaign.id).await?.filter(|row| row.run_status() != RunStatus::Ended);
        let campaign = campaign.ok_or_else(gone)?;
        let found = objective(campaign.text("objective_type").as_deref());
        if found != draft.objective {
            return Err(PlatformError::Conflict(format!("campaign `{}` is for {found:?}, not for {:?}", draft.campaign.id, draft.objective)));
        }
        let countries = self.countries(made.objective).await?;
        Ok(self.post("adgroup/create/", &self.ad_group_body(draft, mark, &campaign, &countries)?))
    }

    /// The ad group of `draft` in a campaign as it was read.
    pub(super) fn ad_group_body(&self, draft: &AdGroupDraft, mark: &Mark, campaign: &Raw, countries: &Countries) -> Result<Value, PlatformError> {
        let made = recipe(draft.objective)?;
        if draft.disclosure.is_some() {
            return Err(PlatformError::Unsupported("disclosure: TikTok keeps in whose name an account advertises, not ad groups".to_owned()));
        }
        let strategy = draft.bidding.unwrap_or(Bidding { strategy: BidStrategy::LowestCost, bid: None });
        let goal = goal(strategy.strategy, made)?;
        let mut body = Map::from_iter([
            ("advertiser_id".to_owned(), json!(self.spec.platform_id)),
            ("campaign_id".to_owned(), json!(draft.campaign.id)),
            ("adgroup_name".to_owned(), named(&draft.name, mark, NAME)?.into()),
            ("placement_type".to_owned(), "PLACEMENT_TYPE_NORMAL".into()),
            ("placements".to_owned(), json!(["PLACEMENT_TIKTOK"])),
        ]);
        body.extend(made.promotion.map(|promotion| ("promotion_type".to_owned(), promotion.into())));
        body.extend(reach(&draft.targeting, countries)?);
        body.extend(self.money(campaign, draft.daily_budget)?);
        body.extend(self.schedule(draft.flight)?);
        body.insert("optimization_goal".to_owned(), goal.into());
        body.insert("billing_event".to_owned(), made.billing.into());
        body.extend(self.conversions(made, draft.optimisation.as_ref())?);
        body.extend(bidding::group(strategy, made.billing, self.spec.currency)?);
        body.insert("pacing".to_owned(), "PACING_MODE_SMOOTH".into());
        if let Some((times, days)) = made.frequency {
            body.insert("frequency".to_owned(), times.into());
            body.insert("frequency_schedule".to_owned(), days.into());
        }
        body.insert("operation_status".to_owned(), "DISABLE".into());
        body.insert("request_id".to_owned(), request_number(mark).into());
        Ok(Value::Object(body))
    }

    fn budget(&self, daily: Money, least: i64) -> Result<Value, PlatformError> {
        let value = amount(daily, unit(self.spec.currency))?;
        let least = floor(least, self.spec.currency);
        if daily.micros() < least.micros() {
            return Err(PlatformError::Validation(format!("{daily} is below {least}, the least TikTok takes here")));
        }
        Ok(value)
    }

    /// Mode and amount. Where the campaign holds the money they are ignored and must be sent all the same: the campaign's own, then.
    fn money(&self, campaign: &Raw, daily: Option<Money>) -> Result<Map<String, Value>, PlatformError> {
        let holds = campaign.loose("budget_optimize_on").is_some_and(|on| on.yes());
        let (mode, budget) = match (holds, daily) {
            (true, None) => {
                let both = campaign.text("budget_mode").zip(campaign.0.get("budget").filter(|budget| budget.is_number()).cloned());
                both.ok_or_else(|| PlatformError::Validation("the campaign holds the money of its ad groups and names no budget".to_owned()))?
            }
            (false, Some(daily)) => ("BUDGET_MODE_DAY".to_owned(), self.budget(daily, AD_GROUP_FLOOR)?),
            (true, Some(_)) => return Err(PlatformError::Validation("the campaign holds the money of its ad groups: name no budget of their own".to_owned())),
            (false, None) => return Err(PlatformError::Validation("the campaign holds no money: the ad group needs a daily budget of its own".to_owned())),
        };
        Ok(Map::from_iter([("budget_mode".to_owned(), mode.into()), ("budget".to_owned(), budget)]))
    }

    /// When it may deliver: account days here, UTC there.
    fn schedule(&self, flight: Option<Flight>) -> Result<Map<String, Value>, PlatformError> {
        let now = self.caller.clock().now();
        let begins = flight.map(|flight| self.midnight(flight.from)).transpose()?.map_or(now, |begins| begins.max(now));
        let mut fields = Map::from_iter([("schedule_type".to_owned(), "SCHEDULE_FROM_NOW".into()), ("schedule_start_time".to_owned(), stamp(begins).into())]);
        if let Some(last) = flight.and_then(|flight| flight.to) {
            let ends = last.checked_add_days(Days::new(1)).map_or_else(|| Ok(begins), |after| self.midnight(after))?;
            if ends <= begins {
                return Err(PlatformError::Validation(format!("the flight is over on {last}")));
            }
            fields.insert("schedule_type".to_owned(), "SCHEDULE_START_END".into());
            fields.insert("schedule_end_time".to_owned(), stamp(ends).into());
        }
        Ok(fields)
    }

    fn midnight(&self, day: NaiveDate) -> Result<ProductTime, PlatformError> {
        let local = self.spec.time_zone.from_local_datetime(&day.and_time(NaiveTime::MIN)).earliest();
        let local = local.or_else(|| self.spec.time_zone.from_local_datetime(&(day.and_time(NaiveTime::MIN) + chrono::TimeDelta::hours(1))).earliest());
        local.map(|at| ProductTime::from(at.to_utc())).ok_or_else(|| PlatformError::Validation(format!("{day} has no beginning in the account's zone")))
    }

    fn conversions(&self, made: &Recipe, named: Option<&Optimisation>) -> Result<Map<String, Value>, PlatformError> {
        let mut fields = Map::new();
        match (made.pixel, named) {
            (false, None) => {}
            (false, Some(_)) => return Err(PlatformError::Unsupported(format!("optimisation: ad groups of {} have no event on TikTok", made.objective))),
            (true, Some(Optimisation { source, event: Some(event) })) if is_number(source) => {
                fields.insert("pixel_id".to_owned(), json!(source));
                fields.insert("optimization_event".to_owned(), json!(event));
                let days = self.spec.conversions.window.as_secs() / 86_400;
                fields.extend(WINDOWS.iter().find(|(known, _)| *known == days).map(|(_, name)| ("click_attribution_window".to_owned(), (*name).into())));
            }
            (true, _) => {
                let what = "optimisation: conversions on TikTok want a pixel's id, in digits, and an event such as SHOPPING";
                return Err(PlatformError::Validation(what.to_owned()));
            }
        }
        Ok(fields)
    }
}

fn reach(to: &Targeting, countries: &Countries) -> Result<Map<String, Value>, PlatformError> {
    if to.countries.is_empty() && to.places.is_empty() {
        return Err(PlatformError::Validation("targeting: TikTok wants at least one country or place".to_owned()));
    }
    let mut fields = targeting::fields(&Targeting::default(), to, countries)?;
    fields.entry("gender").or_insert_with(|| "GENDER_UNLIMITED".into());
    Ok(fields)
}

/// What an ad group of this strategy optimises for.
fn goal(strategy: BidStrategy, made: &Recipe) -> Result<&'static str, PlatformError> {
    match (bidding::by_value(strategy), made.pixel) {
        (false, _) => Ok(made.goal),
        (true, true) => Ok(bidding::VALUE),
        (true, false) => Err(PlatformError::Unsupported(format!("bid strategy: {} has no value to bid for on TikTok", made.objective))),
    }
}

/// Goal and bidding of a campaign that holds the money. A cost cap's amount stands at ad groups; a least return at the campaign too.
fn campaign_bids(bidding: Option<Bidding>, made: &Recipe) -> Result<(&'static str, Map<String, Value>), PlatformError> {
    let bidding = bidding.unwrap_or(Bidding { strategy: BidStrategy::LowestCost, bid: None });
    let mut fields = bidding::strategy(bidding.strategy)?;
    match (bidding.strategy, bidding.bid) {
        (BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(milli))) => {
            fields.insert("roas_bid".to_owned(), bidding::roas(milli)?);
        }
        (BidStrategy::TargetRoas, _) => return Err(PlatformError::Validation("bid: a target ROAS needs its amount".to_owned())),
        (_, Some(_)) => return Err(PlatformError::Unsupported("bid: TikTok keeps the amount of a bid at the ad group; name the strategy alone".to_owned())),
        (_, None) => {}
    }
    Ok((goal(bidding.strategy, made)?, fields))
}

/// An instant as TikTok writes it, in UTC.
fn stamp(at: ProductTime) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}
