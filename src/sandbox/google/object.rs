//! One object of a request: what it must have to be made, and what of it may be changed.

use serde_json::{Map, Value, json};

use super::fields::whole_number;
use super::mutate::Collection;
use super::plan::{Budget, Place, Plan, missing, required, status};
use super::rows::{bidding, billable_unit};
use super::{Fault, criterion, policy};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::New;

/// The members of the bidding oneof: the strategy each stands for, and the member that holds its target.
const SCHEMES: [(&str, &str, &str); 7] = [
    ("maximizeConversions", "MAXIMIZE_CONVERSIONS", "targetCpaMicros"),
    ("maximizeConversionValue", "MAXIMIZE_CONVERSION_VALUE", "targetRoas"),
    ("targetCpa", "TARGET_CPA", "targetCpaMicros"),
    ("targetRoas", "TARGET_ROAS", "targetRoas"),
    ("targetSpend", "TARGET_SPEND", "cpcBidCeilingMicros"),
    ("targetImpressionShare", "TARGET_IMPRESSION_SHARE", "cpcBidCeilingMicros"),
    ("manualCpc", "MANUAL_CPC", "enhancedCpcEnabled"),
];

/// A budget's amount, when it is one the platform takes.
pub(super) fn amount(world: &World, account: usize, value: Option<&Value>) -> Result<i64, Fault> {
    let budget = |code, message: &str| Fault::new("campaignBudgetError", code, message);
    let micros = whole_number(value).ok_or_else(|| required(&[]))?;
    let unit = billable_unit(world.accounts[account].currency.decimals());
    if micros < 0 {
        return Err(budget("NEGATIVE_MONEY_AMOUNT", "A money amount was negative."));
    }
    if micros % unit != 0 {
        return Err(budget("NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT", "A money amount was not a multiple of a minimum unit."));
    }
    if micros < unit {
        return Err(budget("MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC", "A money amount was less than the minimum CPC of its currency."));
    }
    if micros > 10_000_000 * MICROS {
        return Err(budget("MONEY_AMOUNT_TOO_LARGE", "A money amount was greater than the maximum allowed."));
    }
    Ok(micros)
}

/// A bid or target, when it is one the platform takes.
fn bid(world: &World, account: usize, name: &str, value: &Value) -> Result<(), Fault> {
    let wrong = |code, message: &str| Fault::new("biddingError", code, message);
    match name {
        "targetRoas" => match value.as_f64() {
            Some(roas) if (0.01..=1_000.0).contains(&roas) => Ok(()),
            Some(_) => Err(Fault::new("rangeError", "TOO_LOW", "The target ROAS is out of range.")),
            None => Err(wrong("INVALID_BID", "The target ROAS is no number.")),
        },
        "enhancedCpcEnabled" => Err(wrong("INVALID_BIDDING_STRATEGY_TYPE", "Enhanced CPC is not available.")),
        _ => match whole_number(Some(value)) {
            Some(micros) if micros <= 0 => Err(wrong("BID_TOO_SMALL", "The bid is too small.")),
            Some(micros) if micros % billable_unit(world.accounts[account].currency.decimals()) != 0 => {
                Err(wrong("BID_TOO_MANY_FRACTIONAL_DIGITS", "The bid is no multiple of the minimum unit."))
            }
            Some(_) => Ok(()),
            None => Err(wrong("INVALID_BID", "The bid is no number of micros.")),
        },
    }
}

fn text(object: &Value, member: &str, proto: &'static str, longest: usize) -> Result<String, Fault> {
    let text = object[member].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(required(&[("create", None), (proto, None)]));
    }
    if text.chars().count() > longest {
        return Err(Fault::new("stringLengthError", "TOO_LONG", "The text is too long.").at(&[("create", None), (proto, None)]));
    }
    Ok(text.to_owned())
}

fn first_status(object: &Value) -> Result<RunStatus, Fault> {
    match object["status"].as_str() {
        None => Ok(RunStatus::Active),
        Some(word) => status(word).ok_or_else(|| Fault::new("fieldError", "INVALID_VALUE", "The status is invalid.").at(&[("create", None), ("status", None)])),
    }
}

impl Plan {
    /// Judges one creation and adds it.
    pub(super) fn create(
        &mut self,
        world: &World,
        account: usize,
        collection: Collection,
        object: &Value,
        operation: &Value,
        moment: &Moment,
    ) -> Result<String, Fault> {
        let customer = world.accounts[account].id.clone();
        let real = |id: &str| format!("customers/{customer}/{}/{id}", collection.name());
        match collection {
            Collection::Budgets => {
                let micros = amount(world, account, object.get("amountMicros")).map_err(|fault| fault.at(&[("create", None), ("amount_micros", None)]))?;
                let shared = object["explicitlyShared"] != false;
                let name = object["name"].as_str().unwrap_or_default().to_owned();
                if shared && name.is_empty() {
                    return Err(required(&[("create", None), ("name", None)]));
                }
                let id = self.next_id(world);
                self.named(object, &real(&id))?;
                self.budgets.push(Budget { id: id.clone(), name, micros, shared, used: false });
                Ok(real(&id))
            }
            Collection::Campaigns => self.campaign(world, account, object, moment).map(|id| real(&id)),
            Collection::AdGroups => self.ad_group(world, account, object, moment).map(|id| real(&id)),
            Collection::AdGroupAds => self.ad(world, account, object, operation, moment).map(|id| real(&id)),
            Collection::Assets => self.asset(world, account, object, moment).map(|id| real(&id)),
            Collection::CampaignCriteria | Collection::AdGroupCriteria => {
                let (member, proto, above) = if collection == Collection::CampaignCriteria {
                    ("campaign", "campaign", Collection::Campaigns)
                } else {
                    ("adGroup", "ad_group", Collection::AdGroups)
                };
                let parent = object[member].as_str().ok_or_else(|| required(&[("create", None), (proto, None)]))?;
                let place = self.find(world, account, above, parent, moment)?;
                let (id, kept) = criterion::read(collection, object)?;
                let mut all = self.criteria(world, place, moment);
                all.insert(id.clone(), kept);
                self.set(place, "targeting", all.into());
                Ok(real(&format!("{}~{id}", self.id_of(world, account, above, parent)?)))
            }
            Collection::CampaignAssets | Collection::AdGroupAssets => self.link(world, account, collection, object, moment).map(|id| real(&id)),
            Collection::Ads => Err(Fault::new("operatorError", "OPERATOR_NOT_SUPPORTED", "Ads are made within ad groups.")),
        }
    }

    fn campaign(&mut self, world: &World, account: usize, object: &Value, moment: &Moment) -> Result<String, Fault> {
        let name = text(object, "name", "name", 255)?;
        let alive = |thing: &usize| world.thing_status(*thing, moment.now) != RunStatus::Ended;
        let taken =
            world.things_of(account, Level::Campaign).into_iter().filter(alive).any(|thing| world.things[thing].fact("name", moment.now) == name.as_str());
        if taken || self.made.iter().any(|new| new.level == Level::Campaign && new.name == name) {
            return Err(Fault::new("campaignError", "DUPLICATE_CAMPAIGN_NAME", "A campaign with this name exists.").at(&[("create", None), ("name", None)]));
        }
        if object["advertisingChannelType"].as_str() != Some("SEARCH") {
            return Err(required(&[("create", None), ("advertising_channel_type", None)]));
        }
        if !object["containsEuPoliticalAdvertising"]
            .as_str()
            .is_some_and(|word| word.ends_with("CONTAIN_EU_POLITICAL_ADVERTISING") || word.starts_with("CONTAINS_"))
        {
            return Err(required(&[("create", None), ("contains_eu_political_advertising", None)]));
        }
        let chosen: Vec<_> = SCHEMES.iter().filter(|(member, ..)| !object[*member].is_null()).collect();
        let [(member, strategy, target)] = chosen.as_slice() else { return Err(required(&[("create", None), ("campaign_bidding_strategy", None)])) };
        let mut kept = json!({});
        if let Some(value) = object[*member].get(*target) {
            bid(world, account, target, value)?;
            kept[*target] = value.clone();
        }
        if matches!(*strategy, "TARGET_ROAS" | "TARGET_CPA" | "TARGET_IMPRESSION_SHARE") && kept.get(*target).is_none() {
            return Err(required(&[("create", None), ("campaign_bidding_strategy", None)]));
        }
        let network = &object["networkSettings"];
        if network["targetSearchNetwork"] == true && network["targetGoogleSearch"] != true {
            return Err(Fault::new("campaignError", "CANNOT_TARGET_SEARCH_NETWORK_WITHOUT_GOOGLE_SEARCH", "The search network needs Google search."));
        }
        let budget = object["campaignBudget"].as_str().ok_or_else(|| required(&[("create", None), ("campaign_budget", None)]))?;
        let id = self.next_id(world);
        let purse = self.purse(world, account, budget, &id)?;
        let mut facts = Map::from_iter([("strategy".to_owned(), json!(strategy)), ("bid".to_owned(), kept), ("targeting".to_owned(), json!({}))]);
        for member in ["containsEuPoliticalAdvertising", "startDateTime", "endDateTime", "networkSettings", "finalUrlSuffix"] {
            facts.extend(object.get(member).map(|value| (member.to_owned(), value.clone())));
        }
        self.named(object, &format!("customers/{}/campaigns/{id}", world.accounts[account].id))?;
        self.made.push(New { level: Level::Campaign, id: id.clone(), parent: String::new(), name, status: first_status(object)?, purse: Some(purse), facts });
        Ok(id)
    }

    fn ad_group(&mut self, world: &World, account: usize, object: &Value, moment: &Moment) -> Result<String, Fault> {
        let name = text(object, "name", "name", 255)?;
        let parent = object["campaign"].as_str().ok_or_else(|| required(&[("create", None), ("campaign", None)]))?;
        self.find(world, account, Collection::Campaigns, parent, moment)?;
        let parent = self.id_of(world, account, Collection::Campaigns, parent)?;
        let same = |group: &usize| {
            world.things[*group].parent == parent
                && world.thing_status(*group, moment.now) != RunStatus::Ended
                && world.things[*group].fact("name", moment.now) == name.as_str()
        };
        if world.things_of(account, Level::AdGroup).iter().any(same)
            || self.made.iter().any(|new| new.level == Level::AdGroup && new.parent == parent && new.name == name)
        {
            return Err(Fault::new("adGroupError", "DUPLICATE_ADGROUP_NAME", "An ad group with this name exists in the campaign.")
                .at(&[("create", None), ("name", None)]));
        }
        let mut bids = json!({});
        for member in ["cpcBidMicros", "targetCpaMicros", "targetRoas"] {
            if let Some(value) = object.get(member) {
                bid(world, account, member, value)?;
                bids[member] = value.clone();
            }
        }
        let id = self.next_id(world);
        self.named(object, &format!("customers/{}/adGroups/{id}", world.accounts[account].id))?;
        let facts = Map::from_iter([("bid".to_owned(), bids), ("targeting".to_owned(), json!({}))]);
        self.made.push(New { level: Level::AdGroup, id: id.clone(), parent, name, status: first_status(object)?, purse: None, facts });
        Ok(id)
    }

    fn ad(&mut self, world: &World, account: usize, object: &Value, operation: &Value, moment: &Moment) -> Result<String, Fault> {
        let parent = object["adGroup"].as_str().ok_or_else(|| required(&[("create", None), ("ad_group", None)]))?;
        self.find(world, account, Collection::AdGroups, parent, moment)?;
        let parent = self.id_of(world, account, Collection::AdGroups, parent)?;
        let ad = &object["ad"];
        policy::shape(ad)?;
        policy::review(ad, &operation["policyValidationParameter"]["ignorablePolicyTopics"])?;
        let id = format!("{parent}~{}", self.next_id(world));
        self.named(object, &format!("customers/{}/adGroupAds/{id}", world.accounts[account].id))?;
        let name = ad.pointer("/responsiveSearchAd/headlines/0/text").and_then(Value::as_str).unwrap_or_default().to_owned();
        let facts = Map::from_iter([("ad".to_owned(), ad.clone())]);
        self.made.push(New { level: Level::Ad, id: id.clone(), parent, name, status: first_status(object)?, purse: None, facts });
        Ok(id)
    }

    fn asset(&mut self, world: &World, account: usize, object: &Value, moment: &Moment) -> Result<String, Fault> {
        let (kind, fact, content) = policy::asset(object)?;
        // The same content is the same asset.
        let same = world.things_of(account, Level::Media).into_iter().find(|asset| world.things[*asset].fact(fact, moment.now) == content);
        if let Some(same) = same {
            return Ok(world.things[same].id.clone());
        }
        let name = object["name"].as_str().unwrap_or_default().to_owned();
        if kind == "IMAGE" && name.is_empty() {
            return Err(Fault::new("assetError", "NAME_REQUIRED_FOR_ASSET_TYPE", "An image needs a name.").at(&[("create", None), ("name", None)]));
        }
        let id = self.next_id(world);
        self.named(object, &format!("customers/{}/assets/{id}", world.accounts[account].id))?;
        let facts = Map::from_iter([("type".to_owned(), json!(kind)), (fact.to_owned(), content)]);
        self.made.push(New { level: Level::Media, id: id.clone(), parent: String::new(), name, status: RunStatus::Active, purse: None, facts });
        Ok(id)
    }

    /// Links an asset to a campaign or ad group.
    fn link(&mut self, world: &World, account: usize, collection: Collection, object: &Value, moment: &Moment) -> Result<String, Fault> {
        let (member, proto, above) = match collection.part_of() {
            Some(Collection::Campaigns) => ("campaign", "campaign", Collection::Campaigns),
            _ => ("adGroup", "ad_group", Collection::AdGroups),
        };
        let parent = object[member].as_str().ok_or_else(|| required(&[("create", None), (proto, None)]))?;
        let asset = object["asset"].as_str().ok_or_else(|| required(&[("create", None), ("asset", None)]))?;
        let field = object["fieldType"].as_str().ok_or_else(|| required(&[("create", None), ("field_type", None)]))?;
        let place = self.find(world, account, above, parent, moment)?;
        let kind = match self.find(world, account, Collection::Assets, asset, moment)? {
            Place::Made(made) => self.made[made].facts["type"].clone(),
            Place::Stands(thing) => world.things[thing].fact("type", moment.now),
        };
        let wanted = match field {
            "AD_IMAGE" => "IMAGE",
            "SITELINK" | "CALLOUT" | "STRUCTURED_SNIPPET" | "PROMOTION" | "PRICE" => field,
            _ => {
                return Err(Fault::new("assetLinkError", "UNSUPPORTED_FIELD_TYPE", "The field type is not supported here.")
                    .at(&[("create", None), ("field_type", None)]));
            }
        };
        if kind != wanted {
            let words = "The asset's type does not go with the field type.";
            return Err(Fault::new("assetLinkError", "FIELD_TYPE_INCOMPATIBLE_WITH_ASSET_TYPE", words).at(&[("create", None), ("asset", None)]));
        }
        let id = format!("{}~{field}", self.id_of(world, account, Collection::Assets, asset)?);
        let mut all = self.links(world, place, moment);
        if all.contains_key(&id) {
            return Err(Fault::new("mutateError", "RESOURCE_ALREADY_EXISTS", "The resource exists already.").at(&[("create", None)]));
        }
        all.insert(id.clone(), json!({ "status": object["status"].as_str().unwrap_or("ENABLED") }));
        self.set(place, "assets", all.into());
        Ok(format!("{}~{id}", self.id_of(world, account, above, parent)?))
    }

    /// Changes one masked field; absent members are cleared.
    pub(super) fn update_field(
        &mut self,
        world: &World,
        place: Place,
        collection: Collection,
        field: &str,
        update: &Value,
        moment: &Moment,
    ) -> Result<(), Fault> {
        let Place::Stands(thing) = place else { return Err(missing()) };
        let account = world.things[thing].account;
        match (collection, field) {
            (Collection::Campaigns | Collection::AdGroups | Collection::AdGroupAds, "status") => {
                let word = update["status"].as_str().unwrap_or_default();
                let status = status(word).ok_or_else(|| {
                    Fault::new("fieldError", "INVALID_VALUE", "The field's value is invalid: expected ENABLED or PAUSED.").at(&[("status", None)])
                })?;
                self.statuses.push((thing, status));
            }
            (Collection::AdGroups, "cpcBidMicros" | "targetCpaMicros" | "targetRoas") => {
                let mut bids = Some(self.fact(world, place, "bid", moment)).filter(Value::is_object).unwrap_or_else(|| json!({}));
                match update.get(field) {
                    Some(value) => {
                        bid(world, account, field, value)?;
                        bids[field] = value.clone();
                    }
                    None => drop(bids.as_object_mut().and_then(|bids| bids.shift_remove(field))),
                }
                self.set(place, "bid", bids);
            }
            (Collection::Campaigns, field) if field.contains('.') && SCHEMES.iter().any(|(member, ..)| field.starts_with(&format!("{member}."))) => {
                let (member, target) = field.split_once('.').unwrap_or_default();
                let Some((_, strategy, _)) = SCHEMES.iter().find(|(known, ..)| *known == member) else { return Err(missing()) };
                let mut kept = json!({});
                match update[member].get(target) {
                    Some(value) => {
                        bid(world, account, target, value)?;
                        kept[target] = value.clone();
                    }
                    None if matches!(*strategy, "TARGET_ROAS" | "TARGET_CPA") => return Err(required(&[("campaign_bidding_strategy", None)])),
                    None => {}
                }
                let (now, _) = bidding(&self.fact(world, place, "strategy", moment), &self.fact(world, place, "bid", moment));
                if now != *strategy {
                    self.set(place, "strategy", json!(strategy));
                }
                self.set(place, "bid", kept);
            }
            (Collection::Ads, _) => {
                let mut ad = super::below::content(world, thing, moment);
                if let Value::Object(stored) = self.fact(world, place, "ad", moment) {
                    ad = stored.into();
                }
                let (outer, inner) = field.split_once('.').unwrap_or((field, ""));
                if inner.is_empty() {
                    ad[outer] = update[outer].clone();
                } else {
                    ad[outer][inner] = update[outer][inner].clone();
                }
                policy::shape(&ad)?;
                policy::review(&ad, &Value::Null)?;
                self.set(place, "ad", ad);
            }
            (Collection::Campaigns, "name" | "containsEuPoliticalAdvertising" | "startDateTime" | "endDateTime" | "finalUrlSuffix")
            | (Collection::AdGroups | Collection::Assets, "name") => self.set(place, field, update.get(field).cloned().unwrap_or_default()),
            (_, field) => return Err(Fault::new("fieldError", "IMMUTABLE_FIELD", format!("'{field}' cannot be changed."))),
        }
        Ok(())
    }
}
