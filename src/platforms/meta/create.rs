//! Creations: everything paused, with what Meta wants declared, and the mark in its name.

use chrono::{Days, NaiveDate, TimeDelta, TimeZone};
use serde_json::{Value, json};

use super::form::Form;
use super::inventory::unit;
use super::{Meta, bidding, objective, story, targeting};
use crate::domain::change::Bidding;
use crate::domain::draft::{AdDraft, AdGroupDraft, CampaignDraft, CreativeDraft, Disclosure, Flight, Mark, Shows};
use crate::domain::entity::{EntityKey, Level};
use crate::domain::money::Money;
use crate::platforms::loose::count_of;
use crate::platforms::spec::is_number;
use crate::platforms::{PlatformError, WireRequest};

/// Members of the European Union.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES",
    "SE",
];
/// Longest name of a campaign, ad set or ad, in characters.
const NAME: usize = 400;
/// Longest name of a creative or video.
const SHORT_NAME: usize = 100;
/// Categories a campaign may declare.
const CATEGORIES: [&str; 6] = ["CREDIT", "EMPLOYMENT", "FINANCIAL_PRODUCTS_SERVICES", "HOUSING", "ISSUES_ELECTIONS_POLITICS", "ONLINE_GAMBLING_AND_GAMING"];
const POLITICS: &str = "ISSUES_ELECTIONS_POLITICS";

fn invalid<T>(what: impl Into<String>) -> Result<T, PlatformError> {
    Err(PlatformError::Validation(what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what.into()))
}

impl Meta {
    /// An edge of the account.
    pub(super) fn edge(&self, edge: &str) -> String {
        format!("act_{}/{edge}", self.spec.platform_id)
    }

    /// A key of this account and level, as a number of the path.
    pub(super) fn id<'a>(&self, key: &'a EntityKey, level: Level) -> Result<&'a str, PlatformError> {
        if key.account != self.spec.account || key.level != level || !is_number(&key.id) {
            return invalid(format!("`{key}` is no {} of account `{}`", level.name(), self.spec.account));
        }
        Ok(&key.id)
    }

    fn budget(&self, amount: Money) -> Result<String, PlatformError> {
        match count_of(unit(self.spec.currency), amount)? {
            steps if steps > 0 => Ok(steps.to_string()),
            _ => invalid(format!("a daily budget of {amount} buys nothing")),
        }
    }

    pub(super) fn campaign(&self, draft: &CampaignDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        if !draft.ad_groups.is_empty() {
            return unsupported("ad groups within a campaign: on Meta they are created when the campaign exists");
        }
        if !draft.languages.is_empty() {
            return unsupported("languages of a campaign: Meta keeps them at ad sets");
        }
        let categories: Vec<&str> = draft.special_categories.iter().map(String::as_str).filter(|category| *category != "NONE").collect();
        if let Some(unknown) = categories.iter().find(|category| !CATEGORIES.contains(category)) {
            return invalid(format!("`{unknown}` is no special ad category: expected one of {}", CATEGORIES.join(", ")));
        }
        if draft.eu_political && !categories.contains(&POLITICS) {
            return invalid(format!("political advertising declares {POLITICS} on Meta"));
        }
        match (categories.is_empty(), draft.countries.is_empty()) {
            (true, false) => return unsupported("countries of a campaign without a special category: Meta keeps them at ad sets"),
            (false, true) => return invalid("a special ad category names the countries it is declared for"),
            (true, true) | (false, false) => {}
        }
        let strategy = match draft.bidding {
            None => "LOWEST_COST_WITHOUT_CAP",
            Some(Bidding { strategy, bid: None }) => bidding::word(strategy)?,
            Some(Bidding { strategy, bid: Some(_) }) => {
                bidding::word(strategy)?;
                return unsupported("bid of a campaign: on Meta the strategy stands here and its amount at each ad set");
            }
        };
        let countries = (!draft.countries.is_empty()).then(|| json!(draft.countries).to_string());
        let (start, stop) = self.hours(draft.flight)?;
        Ok(Form::default()
            .with("name", mark.on(&draft.name, NAME))
            .with("objective", objective::campaign(draft.objective)?)
            .with("status", "PAUSED")
            .json("special_ad_categories", &json!(categories))
            .maybe("special_ad_category_country", countries)
            .with("daily_budget", self.budget(draft.daily_budget)?)
            .with("bid_strategy", strategy)
            .maybe("start_time", start)
            .maybe("stop_time", stop)
            .to(self, &self.edge("campaigns")))
    }

    pub(super) async fn ad_set(&self, draft: &AdGroupDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let id = self.id(&draft.campaign, Level::Campaign)?;
        let above = self.get(id, &[("fields", "id,objective,status,bid_strategy,daily_budget,lifetime_budget")]).await?;
        if matches!(above["status"].as_str(), Some("ARCHIVED" | "DELETED")) {
            return Err(PlatformError::NotFound(format!("campaign `{id}` is archived or deleted")));
        }
        let wanted = objective::campaign(draft.objective)?;
        if above["objective"].as_str() != Some(wanted) {
            return Err(PlatformError::Conflict(format!("campaign `{id}` is for {}, not for {wanted}", above["objective"])));
        }
        let mut form =
            Form::default().with("name", mark.on(&draft.name, NAME)).with("campaign_id", id).with("status", "PAUSED").with("billing_event", "IMPRESSIONS");
        let standing = bidding::strategy(above["bid_strategy"].as_str(), None);
        form = match (super::part::holds_budget(&above), draft.daily_budget, draft.bidding) {
            (true, Some(_), _) => return invalid(format!("campaign `{id}` holds the budget: its ad sets have none of their own")),
            (false, None, _) => return invalid(format!("campaign `{id}` holds no budget: the ad set names its own")),
            (true, None, Some(own)) if above["bid_strategy"].as_str() != Some(bidding::word(own.strategy)?) => {
                return Err(PlatformError::Conflict(format!("campaign `{id}` bids by {}: its ad sets cannot bid otherwise", above["bid_strategy"])));
            }
            (true, None, None) if !matches!(standing, Some(crate::domain::change::BidStrategy::LowestCost)) => {
                return invalid(format!("campaign `{id}` bids by {}: its ad sets name the amount", above["bid_strategy"]));
            }
            (true, None, Some(own)) => bidding::amount(own, self.spec.currency, form)?,
            (true, None, None) => form,
            (false, Some(budget), own) => {
                let own = own.unwrap_or(Bidding { strategy: crate::domain::change::BidStrategy::LowestCost, bid: None });
                let form = form.with("daily_budget", self.budget(budget)?).with("bid_strategy", bidding::word(own.strategy)?);
                bidding::amount(own, self.spec.currency, form)?
            }
        };
        let by_value = draft.bidding.is_some_and(|own| bidding::by_value(own.strategy));
        let goal = objective::ad_set(draft.objective, draft.optimisation.as_ref(), by_value)?;
        let locales = self.locales(draft.targeting.languages.iter()).await?;
        let (start, end) = self.hours(draft.flight)?;
        if let Some(Disclosure { beneficiary, payor }) = self.disclosed(draft).await? {
            form = form.with("dsa_beneficiary", beneficiary).with("dsa_payor", payor);
        }
        form = form.with("optimization_goal", goal.goal).maybe("destination_type", goal.destination);
        Ok(form
            .maybe("promoted_object", goal.promoted.map(|promoted| promoted.to_string()))
            .json("targeting", &targeting::merged(&json!({}), &draft.targeting, &locales)?)
            .maybe("start_time", start)
            .maybe("end_time", end)
            .to(self, &self.edge("adsets")))
    }

    /// The names an ad set must carry: its own, or none where the EU is not reached or the account has its own for all.
    async fn disclosed(&self, draft: &AdGroupDraft) -> Result<Option<Disclosure>, PlatformError> {
        if let Some(own) = &draft.disclosure {
            return match [&own.beneficiary, &own.payor].into_iter().all(|name| !name.trim().is_empty() && !name.chars().any(char::is_control)) {
                true => Ok(Some(own.clone())),
                false => invalid("disclosure: beneficiary and payor are legal names, neither may be empty".to_owned()),
            };
        }
        if !draft.targeting.countries.iter().any(|country| EU.contains(&country.as_str())) {
            return Ok(None);
        }
        let account = self.get(&format!("act_{}", self.spec.platform_id), &[("fields", "default_dsa_beneficiary,default_dsa_payor")]).await?;
        if ["default_dsa_beneficiary", "default_dsa_payor"].into_iter().all(|name| account[name].as_str().is_some_and(|text| !text.is_empty())) {
            return Ok(None);
        }
        invalid("it reaches the EU, and neither the draft (`disclosure`) nor the account's settings name beneficiary and payor".to_owned())
    }

    pub(super) async fn creative(&self, draft: &CreativeDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let story = story::spec(self, &draft.content).await?;
        Ok(Form::default()
            .with("name", mark.on(&draft.content.name, SHORT_NAME))
            .json("object_story_spec", &story)
            .with("url_tags", story::TAGS)
            .json("degrees_of_freedom_spec", &story::as_made())
            .to(self, &self.edge("adcreatives")))
    }

    pub(super) async fn ad(&self, draft: &AdDraft, mark: &Mark) -> Result<WireRequest, PlatformError> {
        let set = self.id(&draft.ad_group, Level::AdGroup)?;
        let found = self.get(set, &[("fields", "id,campaign_id,status")]).await?;
        let campaign = found["campaign_id"].as_str().unwrap_or_default();
        if campaign != draft.campaign.id {
            return Err(PlatformError::Conflict(format!("ad set `{set}` belongs to campaign `{campaign}`, not to `{}`", draft.campaign.id)));
        }
        if matches!(found["status"].as_str(), Some("ARCHIVED" | "DELETED")) {
            return Err(PlatformError::NotFound(format!("ad set `{set}` is archived or deleted")));
        }
        let creative = match &draft.shows {
            Shows::Creative { key } => json!({ "creative_id": self.id(key, Level::Creative)? }),
            Shows::Content { content } => {
                let name: String = content.name.chars().take(SHORT_NAME).collect();
                let story = story::spec(self, content).await?;
                json!({ "name": name, "object_story_spec": story, "url_tags": story::TAGS, "degrees_of_freedom_spec": story::as_made() })
            }
        };
        Ok(Form::default()
            .with("name", mark.on(&draft.name, NAME))
            .with("adset_id", set)
            .json("creative", &creative)
            .with("status", "PAUSED")
            .to(self, &self.edge("ads")))
    }

    /// The first instant of a flight's first day and the one after its last, in the account's zone.
    fn hours(&self, flight: Option<Flight>) -> Result<(Option<String>, Option<String>), PlatformError> {
        let Some(flight) = flight else { return Ok((None, None)) };
        if flight.to.is_some_and(|to| to < flight.from) {
            return invalid("a flight ends before it begins");
        }
        let until = flight.to.and_then(|to| to.checked_add_days(Days::new(1)));
        Ok((Some(self.midnight(flight.from)), until.map(|until| self.midnight(until))))
    }

    /// The start of a day in the account's zone, as Meta writes instants; the first that exists where clocks skip midnight.
    fn midnight(&self, day: NaiveDate) -> String {
        let zone = self.spec.time_zone;
        let start = (0..=8).find_map(|quarter| zone.from_local_datetime(&(day.and_hms_opt(0, 0, 0)? + TimeDelta::minutes(15 * quarter))).earliest());
        start.map_or_else(|| format!("{day}T00:00:00+0000"), |start| start.format("%Y-%m-%dT%H:%M:%S%z").to_string())
    }

    /// The name a marked creation goes by at an edge of the library.
    pub(super) fn library_name(name: &str, mark: &Mark) -> String {
        mark.on(name, SHORT_NAME)
    }
}

/// Numbers of the languages named, from Meta's own search; a language it does not know is missing.
impl Meta {
    pub(super) async fn locales(&self, isos: impl Iterator<Item = &String> + Send) -> Result<targeting::Locales, PlatformError> {
        let mut known = self.locales.lock().await;
        for iso in isos {
            let Some((_, name)) = targeting::LANGUAGES.iter().find(|(code, _)| code == iso) else { continue };
            if known.contains_key(iso) {
                continue;
            }
            let answer = self.get("search", &[("type", "adlocale"), ("q", name)]).await?;
            let rows = answer["data"].as_array().cloned().unwrap_or_default();
            let called = |wanted: &str| rows.iter().find(|row| row["name"].as_str() == Some(wanted)).and_then(|row| row["key"].as_i64());
            // A language with several dialects has a number for all of them.
            if let Some(number) = called(&format!("{name} (All)")).or_else(|| called(name)) {
                known.insert(iso.clone(), number);
            }
        }
        Ok(known.clone())
    }

    /// Numbers of every language this version knows.
    pub(super) async fn all_locales(&self) -> Result<targeting::Locales, PlatformError> {
        let isos: Vec<String> = targeting::LANGUAGES.iter().map(|(iso, _)| (*iso).to_owned()).collect();
        self.locales(isos.iter()).await
    }
}

/// A value as text, where it is one or a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
