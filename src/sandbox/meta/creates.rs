//! `POST act_X/{campaigns, adsets, adcreatives, ads, adimages, advideos}`. Parameters it does not know are refused here, so that a wrong client is caught.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Refusal, least_budget, rules, smallest_unit};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::wire::{Asked, hex};
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::{New, NewPurse};

/// The parameters of one creation, with those looked at remembered.
pub(super) struct Given {
    fields: BTreeMap<String, String>,
}

impl Given {
    /// The form's fields, but for those every call takes.
    pub(super) fn of(asked: &Asked) -> Self {
        let mut fields = asked.query.clone();
        fields.extend(asked.fields());
        fields.retain(|name, _| !matches!(name.as_str(), "access_token" | "appsecret_proof"));
        Self { fields }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| Refusal::invalid(format!("(#100) The parameter {name} is required")))
    }

    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, Refusal> {
        self.text(name).map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid(format!("(#100) Param {name} must be valid JSON")))).transpose()
    }

    pub(super) fn word(&self, name: &str, known: &str) -> Result<Option<&str>, Refusal> {
        let text = self.text(name);
        match text.filter(|text| !known.split_whitespace().any(|word| word == *text)) {
            Some(_) => Err(Refusal::invalid(format!("(#100) Param {name} must be one of {{{}}}", known.replace(' ', ", ")))),
            None => Ok(text),
        }
    }

    pub(super) fn units(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let wrong = || Refusal::invalid(format!("(#100) Param {name} must be an unsigned integer"));
        self.text(name).map(|text| text.parse::<u32>().map(i64::from).map_err(|_| wrong())).transpose()
    }

    fn only(&self, known: &str) -> Result<(), Refusal> {
        match self.fields.keys().find(|name| !known.split_whitespace().any(|word| word == name.as_str())) {
            Some(unknown) => Err(Refusal::invalid(format!("(#100) {unknown} is no parameter the sandbox takes here"))),
            None => Ok(()),
        }
    }

    pub(super) fn dry(&self) -> bool {
        self.text("execution_options").is_some_and(|options| options.contains("validate_only"))
    }

    fn status(&self) -> Result<RunStatus, Refusal> {
        match self.word("status", "ACTIVE PAUSED")? {
            Some("PAUSED") => Ok(RunStatus::Paused),
            Some(_) | None => Ok(RunStatus::Active),
        }
    }

    fn name(&self) -> Result<String, Refusal> {
        let name = self.required("name")?;
        if name.chars().count() > 400 { Err(Refusal::invalid("(#100) Param name is longer than 400 characters")) } else { Ok(name.to_owned()) }
    }
}

const CAMPAIGN: &str = "name objective status special_ad_categories special_ad_category_country buying_type daily_budget lifetime_budget bid_strategy \
    is_adset_budget_sharing_enabled spend_cap start_time stop_time promoted_object adlabels execution_options";
const AD_SET: &str = "name campaign_id status daily_budget lifetime_budget billing_event optimization_goal bid_strategy bid_amount bid_constraints targeting promoted_object \
    attribution_spec destination_type start_time end_time dsa_beneficiary dsa_payor daily_min_spend_target daily_spend_cap adset_schedule pacing_type adlabels execution_options";
const CREATIVE: &str = "name object_story_spec url_tags degrees_of_freedom_spec adlabels execution_options";
const AD: &str = "name adset_id creative status adlabels tracking_specs conversion_domain execution_options";
const OBJECTIVES: &str = "OUTCOME_APP_PROMOTION OUTCOME_AWARENESS OUTCOME_ENGAGEMENT OUTCOME_LEADS OUTCOME_SALES OUTCOME_TRAFFIC";
const CATEGORIES: [&str; 7] =
    ["CREDIT", "EMPLOYMENT", "FINANCIAL_PRODUCTS_SERVICES", "HOUSING", "ISSUES_ELECTIONS_POLITICS", "NONE", "ONLINE_GAMBLING_AND_GAMING"];

/// Makes something in an account; what Meta answers.
pub(super) fn create(world: &mut World, account: usize, edge: &str, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    if edge == "adimages" {
        return image(world, account, asked, moment);
    }
    let given = Given::of(asked);
    let (level, made) = match edge {
        "campaigns" => (Level::Campaign, campaign(world, account, &given)),
        "adsets" => (Level::AdGroup, ad_set(world, account, &given, moment)),
        "adcreatives" => (Level::Creative, creative(world, account, &given, moment)),
        "ads" => (Level::Ad, ad(world, account, &given, moment).and_then(|ad| whole_creative(world, account, ad, &given, moment))),
        _ => (Level::Media, video(world, &given)),
    };
    match made {
        Ok(_) if given.dry() => Ok(json!({ "success": true })),
        Ok(new) => {
            world.create(account, &new, moment);
            Ok(json!({ "id": new.id }))
        }
        Err(refusal) => {
            if !given.dry() {
                world.refuse_creation(account, level, &refusal.text(), moment);
            }
            Err(refusal)
        }
    }
}

fn new(world: &World, level: Level, name: String, status: RunStatus) -> New {
    New { level, id: world.fresh_id(Platform::Meta, 0), parent: String::new(), name, status, purse: None, facts: Map::new() }
}

/// A daily budget in micros.
fn budget(world: &World, account: usize, given: &Given) -> Result<Option<i64>, Refusal> {
    let currency = world.accounts[account].currency;
    if given.text("lifetime_budget").is_some() {
        return Err(Refusal::invalid("(#100) The sandbox's market knows daily budgets only"));
    }
    let Some(units) = given.units("daily_budget")? else { return Ok(None) };
    match units {
        units if units < least_budget(currency) => Err(Refusal::new(100, Some(1_885_272), "Your budget is too low.")),
        units if units.saturating_mul(smallest_unit(currency)) > 1_000_000 * MICROS && smallest_unit(currency) != MICROS => {
            Err(Refusal::invalid("(#100) The budget is above the most that is allowed"))
        }
        units => Ok(Some(units * smallest_unit(currency))),
    }
}

fn campaign(world: &World, account: usize, given: &Given) -> Result<New, Refusal> {
    given.only(CAMPAIGN)?;
    let (name, status) = (given.name()?, given.status()?);
    given.required("objective")?;
    let objective = given.word("objective", OBJECTIVES)?;
    let categories = given.json("special_ad_categories")?.ok_or_else(|| Refusal::invalid("(#100) The parameter special_ad_categories is required"))?;
    let known = categories.as_array().is_some_and(|list| list.iter().all(|one| one.as_str().is_some_and(|one| CATEGORIES.contains(&one))));
    if !known {
        return Err(Refusal::invalid("(#100) Param special_ad_categories must be a list of known categories"));
    }
    let (micros, sharing) = (budget(world, account, given)?, given.word("is_adset_budget_sharing_enabled", "true false")?);
    let strategy = given.word("bid_strategy", rules::STRATEGIES)?;
    match (micros, sharing) {
        (None, None) => return Err(Refusal::new(100, Some(4_834_011), "Must specify True or False in is_adset_budget_sharing_enabled field")),
        (Some(_), Some("true")) => return Err(Refusal::new(100, Some(4_834_002), "Budget sharing is for campaigns without a budget")),
        (None, Some("true")) if strategy.is_none() => return Err(Refusal::new(100, Some(4_834_005), "Budget sharing needs a bid strategy")),
        (None, _) if strategy.is_some() && sharing != Some("true") => {
            return Err(Refusal::invalid("(#100) A bid strategy needs a budget on the campaign"));
        }
        _ => {}
    }
    let mut made = new(world, Level::Campaign, name, status);
    made.purse = micros.map(|micros| NewPurse { level: Level::Campaign, id: made.id.clone(), resource: String::new(), micros });
    made.facts.extend([
        ("objective".to_owned(), objective.into()),
        ("special_ad_categories".to_owned(), categories),
        ("strategy".to_owned(), strategy.or(micros.map(|_| "LOWEST_COST_WITHOUT_CAP")).into()),
    ]);
    keep(&mut made, given, &["special_ad_category_country"], &["start_time", "stop_time", "buying_type"])?;
    Ok(made)
}

/// Keeps parameters as facts of the same name: JSON ones and plain ones.
fn keep(made: &mut New, given: &Given, json: &[&str], plain: &[&str]) -> Result<(), Refusal> {
    for name in json {
        made.facts.extend(given.json(name)?.map(|value| ((*name).to_owned(), value)));
    }
    made.facts.extend(plain.iter().filter_map(|name| Some(((*name).to_owned(), given.text(name)?.into()))));
    Ok(())
}

fn ad_set(world: &World, account: usize, given: &Given, moment: &Moment) -> Result<New, Refusal> {
    given.only(AD_SET)?;
    let (name, status) = (given.name()?, given.status()?);
    let parent = given.required("campaign_id")?;
    let campaign = world.campaign(Platform::Meta, parent).filter(|index| world.campaigns[*index].account == account);
    let campaign = campaign.ok_or_else(|| Refusal::new(100, Some(33), format!("(#100) The campaign {parent} does not exist")))?;
    if world.campaigns[campaign].status.at(moment.now) == RunStatus::Ended {
        return Err(Refusal::new(100, Some(1_487_566), "(#100) The campaign is archived or deleted"));
    }
    let above = world.purse_of(campaign).level == Level::Campaign;
    let micros = budget(world, account, given)?;
    match (above, micros) {
        (true, Some(_)) => return Err(Refusal::new(100, Some(1_885_621), "(#100) You can only set a budget on the campaign or on its ad sets")),
        (false, None) => return Err(Refusal::invalid("(#100) The ad set needs a budget: its campaign has none")),
        _ => {}
    }
    let thing = world.thing(Platform::Meta, Level::Campaign, parent);
    let inherited = thing.map_or(Value::Null, |thing| world.things[thing].fact("strategy", moment.now));
    let strategy = match (above, given.word("bid_strategy", rules::STRATEGIES)?) {
        (true, Some(_)) => return Err(Refusal::invalid("(#100) The bid strategy is set on the campaign, where the budget is")),
        (true, None) => inherited.as_str().unwrap_or("LOWEST_COST_WITHOUT_CAP").to_owned(),
        (false, Some(own)) => own.to_owned(),
        (false, None) => return Err(Refusal::new(100, Some(2_490_487), "(#100) Bid amount or bid strategy missing")),
    };
    given.required("billing_event")?;
    given.word("billing_event", "IMPRESSIONS LINK_CLICKS THRUPLAY POST_ENGAGEMENT PAGE_LIKES APP_INSTALLS PURCHASE")?;
    let bid = given.units("bid_amount")?;
    let constraints = given.json("bid_constraints")?;
    rules::bidding(&strategy, bid, constraints.as_ref())?;
    let targeting = given.json("targeting")?.ok_or_else(|| Refusal::invalid("(#100) The parameter targeting is required"))?;
    rules::targeting(&targeting)?;
    rules::disclosed(world, account, &targeting, given.text("dsa_beneficiary").is_some() && given.text("dsa_payor").is_some())?;
    rules::goal(given.required("optimization_goal")?, given.json("promoted_object")?.as_ref())?;
    given.word("destination_type", "WEBSITE APP MESSENGER WHATSAPP ON_AD ON_POST ON_PAGE ON_VIDEO ON_EVENT FACEBOOK UNDEFINED")?;
    let mut made = new(world, Level::AdGroup, name, status);
    parent.clone_into(&mut made.parent);
    made.purse = micros.map(|micros| NewPurse { level: Level::AdGroup, id: made.id.clone(), resource: String::new(), micros });
    made.facts.insert("strategy".to_owned(), if above { Value::Null } else { strategy.into() });
    made.facts.extend(bid.map(|bid| ("bid".to_owned(), bid.into())));
    let plain = ["billing_event", "optimization_goal", "destination_type", "start_time", "end_time", "dsa_beneficiary", "dsa_payor"];
    keep(&mut made, given, &["targeting", "promoted_object", "attribution_spec", "bid_constraints", "adset_schedule", "pacing_type"], &plain)?;
    Ok(made)
}

fn creative(world: &World, account: usize, given: &Given, moment: &Moment) -> Result<New, Refusal> {
    given.only(CREATIVE)?;
    let name = given.name()?;
    let story = given.json("object_story_spec")?.ok_or_else(|| Refusal::invalid("(#100) The parameter object_story_spec is required"))?;
    rules::story(world, account, &story, moment)?;
    let mut made = new(world, Level::Creative, name, RunStatus::Active);
    keep(&mut made, given, &["object_story_spec", "degrees_of_freedom_spec"], &["url_tags"])?;
    Ok(made)
}

fn ad(world: &World, account: usize, given: &Given, moment: &Moment) -> Result<New, Refusal> {
    given.only(AD)?;
    let (name, status) = (given.name()?, given.status()?);
    let parent = given.required("adset_id")?;
    let group = world.thing(Platform::Meta, Level::AdGroup, parent).filter(|group| world.things[*group].account == account);
    let group = group.ok_or_else(|| Refusal::new(100, Some(33), format!("(#100) The ad set {parent} does not exist")))?;
    if world.thing_status(group, moment.now) == RunStatus::Ended {
        return Err(Refusal::new(100, Some(1_487_566), "(#100) The ad set is archived or deleted"));
    }
    let (id, story) = rules::shown(world, account, given.json("creative")?, moment)?;
    let mut made = new(world, Level::Ad, name, status);
    parent.clone_into(&mut made.parent);
    made.facts.extend([("creative".to_owned(), id), ("shows".to_owned(), story)]);
    Ok(made)
}

/// Makes the creative that comes whole with an ad.
fn whole_creative(world: &mut World, account: usize, mut ad: New, given: &Given, moment: &Moment) -> Result<New, Refusal> {
    let whole = given.json("creative")?.unwrap_or_default();
    if whole["object_story_spec"].is_object() && !given.dry() {
        let name = whole["name"].as_str().unwrap_or(&ad.name).to_owned();
        let mut made = new(world, Level::Creative, name, RunStatus::Active);
        made.facts.extend(whole.as_object().into_iter().flatten().filter(|(name, _)| *name != "name").map(|(name, value)| (name.clone(), value.clone())));
        world.create(account, &made, moment);
        ad.id = world.fresh_id(Platform::Meta, 1);
        ad.facts.insert("creative".to_owned(), made.id.into());
    }
    Ok(ad)
}

fn video(world: &World, given: &Given) -> Result<New, Refusal> {
    given.only("file_url name title description")?;
    let url = given.required("file_url")?;
    if !url.starts_with("https://") || url.contains("unreachable") {
        return Err(Refusal::new(389, None, "(#389) Unable to fetch video file from URL."));
    }
    let name = given.text("title").or_else(|| given.text("name")).unwrap_or_default().to_owned();
    let mut made = new(world, Level::Media, name, RunStatus::Active);
    made.facts.extend([("kind".to_owned(), "video".into()), ("file_url".to_owned(), url.into())]);
    Ok(made)
}

fn image(world: &mut World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let (name, bytes) = match part(asked) {
        Some(part) => part,
        None => {
            let given = Given::of(asked);
            given.only("bytes")?;
            ("bytes".to_owned(), base64(given.required("bytes")?).ok_or_else(|| Refusal::invalid("(#100) Param bytes must be base64"))?)
        }
    };
    let picture = bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xFF\xD8\xFF") || bytes.starts_with(b"GIF8");
    if !picture || bytes.len() > 30 << 20 {
        world.refuse_creation(account, Level::Media, "100/1487411", moment);
        return Err(Refusal::new(100, Some(1_487_411), "(#100) Invalid image format: it should be an image file of at most 30 MB"));
    }
    // The same picture always gives the same hash, under the name it first came by.
    let hash = hex(&Sha256::digest(&bytes)[..16]);
    if world.thing(Platform::Meta, Level::Media, &hash).is_none() {
        let facts = Map::from_iter([("kind".to_owned(), "image".into())]);
        let made = New { level: Level::Media, id: hash.clone(), parent: String::new(), name: name.clone(), status: RunStatus::Active, purse: None, facts };
        world.create(account, &made, moment);
    }
    let url = format!("https://scontent.example/{hash}.png");
    Ok(json!({ "images": { name.clone(): { "hash": hash, "url": url, "url_128": url, "width": 1_080, "height": 1_080, "name": name } } }))
}

/// The one file of a multipart body: its name and bytes.
fn part(asked: &Asked) -> Option<(String, Vec<u8>)> {
    let boundary = asked.header("content-type")?.strip_prefix("multipart/form-data; boundary=")?;
    let find = |from: usize, what: &[u8]| asked.body[from..].windows(what.len()).position(|window| window == what).map(|at| at + from);
    let file = find(0, b"filename=\"")? + 10;
    let name = String::from_utf8_lossy(&asked.body[file..find(file, b"\"")?]).into_owned();
    let start = find(file, b"\r\n\r\n")? + 4;
    let end = find(start, format!("\r\n--{boundary}").as_bytes())?;
    Some((name, asked.body[start..end].to_vec()))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for sign in text.trim_end_matches('=').bytes() {
        held = held << 6 | u32::try_from(LETTERS.iter().position(|letter| *letter == sign)?).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xFF).ok()?);
        }
    }
    Some(out)
}
