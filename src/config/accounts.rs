//! `[accounts.NAME]` and `[measurement.ga4.NAME]`: where the money is spent and where conversions are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono_tz::Tz;
use toml::de::DeValue;
use url::Url;

use super::credentials::{Credentials, Owner, credentials};
use super::fault::{nearest, shown};
use super::form::{self, Form, Misfit};
use super::reader::{Page, Section};
use crate::domain::entity::Platform;
use crate::domain::ids::AccountId;
use crate::domain::money::{Currency, Money};
use crate::platforms::ga4::MOST_EVENTS;

/// Which hosts stand for a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The platform's own.
    Real,
    /// The sandbox of this daemon.
    Sandbox,
    /// This one for every host of the platform.
    At(Url),
}

impl Endpoint {
    /// Whether nothing outside this machine is ever contacted.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Real => false,
            Self::Sandbox => true,
            Self::At(url) => form::is_loopback(url),
        }
    }
}

/// What a conversion is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversionValue {
    /// What the platform reports.
    Reported,
    /// The same for each.
    Fixed(Money),
}

/// Which conversions count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversions {
    /// The conversion actions that count: `purchase` and `lead` for the platform's own name of these, or that name itself. Never empty.
    pub actions: Vec<String>,
    /// How long after the click they count.
    pub window: Duration,
    /// What each is worth.
    pub value: ConversionValue,
}

/// `[accounts.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its platform.
    pub platform: Platform,
    /// The platform's id of it, as the platform writes it in requests.
    pub id: String,
    /// Its currency.
    pub currency: Currency,
    /// Its zone.
    pub time_zone: Tz,
    /// Which hosts stand for its platform.
    pub endpoint: Endpoint,
    /// What it signs in with.
    pub credentials: Credentials,
    /// Whether a person has accepted that changes are made there.
    pub accepted: bool,
    /// Which conversions count.
    pub conversions: Conversions,
    /// Operations a day that Google gives to the project; the lowest access level's when missing.
    pub operations_per_day: Option<u32>,
}

/// `[measurement.ga4.NAME]`: a GA4 property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ga4 {
    /// Its id.
    pub property: String,
    /// The events that are conversions.
    pub key_events: Vec<String>,
    /// The dimension that holds our campaigns' ids.
    pub join: String,
    /// The accounts whose conversions it counts; no account twice.
    pub accounts: BTreeSet<AccountId>,
    /// Which hosts stand for it.
    pub endpoint: Endpoint,
    /// What it signs in with.
    pub credentials: Credentials,
}

/// What later sections must know of an account, as far as it could be read.
pub(super) struct Seen {
    pub(super) currency: Option<Currency>,
}

const PLATFORMS: [(&str, Platform); 3] = [("google", Platform::Google), ("meta", Platform::Meta), ("tiktok", Platform::Tiktok)];

pub(super) fn accounts(page: &mut Page<'_>, root: &mut Section<'_, '_>, lapse: bool) -> (BTreeMap<AccountId, Account>, BTreeMap<String, Seen>) {
    let mut read = BTreeMap::new();
    let mut seen = BTreeMap::new();
    let mut taken: BTreeMap<(Platform, String), String> = BTreeMap::new();
    let sections = root.named(page, "accounts");
    if sections.is_empty() {
        page.fault("accounts", "there is no account", "at least one [accounts.NAME]");
    }
    for (name, mut section) in sections {
        let id: Option<AccountId> = named(page, &section.at, &name);
        let at = section.at.clone();
        let platform = section.required(page, "platform", &form::choice(&PLATFORMS));
        let number = section.required(page, "id", &platform_id(platform));
        let currency = section.required(page, "currency", &form::currency());
        let time_zone = section.required(page, "time_zone", &form::zone());
        let endpoint = endpoint(page, &mut section, lapse);
        let credentials = credentials(page, &mut section, platform.map(Owner::Ads), endpoint.as_ref());
        let accepted = section.or(page, "accepted", &form::boolean(), false);
        let conversions = conversions(page, &mut section, currency);
        let operations_per_day = operations_per_day(page, &mut section, platform);
        section.end(page);
        if let (Some(platform), Some(number)) = (platform, &number)
            && let Some(earlier) = taken.insert((platform, number.clone()), name.clone())
        {
            page.fault(&format!("{at}.id"), format!("[accounts.{earlier}] is the same {platform} account"), "each account once");
        }
        seen.insert(name, Seen { currency });
        if let (Some(id), Some(platform), Some(number), Some(currency), Some(time_zone), Some(endpoint), Some(credentials), Some(conversions)) =
            (id, platform, number, currency, time_zone, endpoint, credentials, conversions)
        {
            read.insert(id, Account { platform, id: number, currency, time_zone, endpoint, credentials, accepted, conversions, operations_per_day });
        }
    }
    (read, seen)
}

/// The name of a named table as an id.
pub(super) fn named<Id: std::str::FromStr>(page: &mut Page<'_>, at: &str, name: &str) -> Option<Id> {
    let id = name.parse().ok();
    if id.is_none() {
        page.fault(at, format!("`{}` is not a name", shown(name)), "up to 64 letters, digits, `-`, `_` or `.`");
    }
    id
}

fn platform_id<'a>(platform: Option<Platform>) -> Form<'a, String> {
    let expected = match platform {
        Some(Platform::Google) => "a customer id of ten digits such as \"123-456-7890\"",
        Some(Platform::Meta) => "an ad account id such as \"act_1001\"",
        Some(Platform::Tiktok) => "an advertiser id in digits such as \"7000000000001\"",
        None => "the platform's id of the account",
    };
    let digits = |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    Form::text(expected, move |text| {
        let plain = match platform {
            Some(Platform::Google) => Some(text.replace('-', "")).filter(|plain| digits(plain) && plain.len() == 10),
            Some(Platform::Meta) => text.strip_prefix("act_").filter(|rest| digits(rest)).map(|_| text.to_owned()),
            Some(Platform::Tiktok) => Some(text.to_owned()).filter(|text| digits(text)),
            None => Some(text.to_owned()),
        };
        plain.ok_or_else(|| Misfit::from(format!("`{}` is not one", shown(text))))
    })
}

fn endpoint(page: &mut Page<'_>, section: &mut Section<'_, '_>, lapse: bool) -> Option<Endpoint> {
    let url = Form::text("\"sandbox\", an https URL, or an http URL on loopback", |text| match text {
        "sandbox" => Ok(Endpoint::Sandbox),
        text => {
            let url = form::url().read(&DeValue::String(text.into()))?;
            if url.query().is_some() { Err(Misfit::from("the URL has a query".to_owned())) } else { Ok(Endpoint::At(url)) }
        }
    });
    let written = section.is_key_written("base_url");
    let endpoint = section.optional(page, "base_url", &url);
    let endpoint = if written { endpoint? } else { Endpoint::Real };
    if lapse && !endpoint.is_local() {
        page.fault(
            &section.path("base_url"),
            "[clock] makes days pass in seconds, and this would reach a real platform",
            "base_url = \"sandbox\" or a loopback URL, or no [clock]",
        );
    }
    Some(endpoint)
}

fn operations_per_day(page: &mut Page<'_>, section: &mut Section<'_, '_>, platform: Option<Platform>) -> Option<u32> {
    let operations = section.optional(page, "operations_per_day", &form::integer(100, 100_000_000))?;
    if platform.is_some_and(|platform| platform != Platform::Google) {
        page.fault(&section.path("operations_per_day"), "only Google counts operations", "this key with Google accounts alone");
    }
    u32::try_from(operations).ok()
}

fn conversions(page: &mut Page<'_>, section: &mut Section<'_, '_>, currency: Option<Currency>) -> Option<Conversions> {
    let day = Duration::from_secs(86_400);
    let mut table = section.section(page, "conversions");
    let actions = table.or(page, "actions", &form::texts("a list of conversion actions such as [\"purchase\"]"), vec!["purchase".to_owned()]);
    if actions.is_empty() {
        page.fault(&table.path("actions"), "no conversion action counts", "at least one, such as [\"purchase\"]");
    }
    let window = table.or(page, "window", &form::duration(day, 90 * day), 7 * day);
    let value = Form::text("\"reported\", or an amount such as \"30 USD\"", |text| match text {
        "reported" => Ok(ConversionValue::Reported),
        text => form::money().read(&DeValue::String(text.into())).map(ConversionValue::Fixed),
    });
    let value = table.or(page, "value", &value, ConversionValue::Reported);
    if let (ConversionValue::Fixed(amount), Some(currency)) = (value, currency)
        && amount.currency() != currency
    {
        page.fault(&table.path("value"), format!("{amount} is not in the account's currency"), format!("an amount in {currency}"));
    }
    table.end(page);
    Some(Conversions { actions, window, value })
}

pub(super) fn ga4(page: &mut Page<'_>, root: &mut Section<'_, '_>, lapse: bool, known: &BTreeMap<String, Seen>) -> BTreeMap<String, Ga4> {
    let mut read = BTreeMap::new();
    let mut served: BTreeMap<String, String> = BTreeMap::new();
    let mut measurement = root.section(page, "measurement");
    for (name, mut section) in measurement.named(page, "ga4") {
        let id: Option<AccountId> = named(page, &section.at, &name);
        let property = Form::text("a property id in digits such as \"123456789\"", |text| {
            let fits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
            if fits { Ok(text.to_owned()) } else { Err(Misfit::from(format!("`{}` is not one", shown(text)))) }
        });
        let property = section.required(page, "property", &property);
        let key_events = section.required(page, "key_events", &form::texts("a list of events such as [\"purchase\"]"));
        if key_events.as_ref().is_some_and(Vec::is_empty) {
            page.fault(&section.path("key_events"), "no event would ever count", "at least one event");
        }
        if key_events.as_ref().is_some_and(|events| events.len() > MOST_EVENTS) {
            page.fault(&section.path("key_events"), "these are more than one report can hold", format!("at most {MOST_EVENTS} events"));
        }
        let join = section.or(page, "join", &form::text("the dimension that holds campaigns' ids"), "sessionCampaignId".to_owned());
        let all = || known.keys().cloned().collect();
        let names = section.or(page, "accounts", &form::texts("a list of accounts such as [\"meta-main\"]"), all());
        let at = section.path("accounts");
        for account in &names {
            if !known.contains_key(account) {
                page.fault_near(
                    &at,
                    format!("there is no account `{}`", shown(account)),
                    "names of [accounts.NAME]",
                    nearest(account, known.keys().map(String::as_str)),
                );
            }
            if let Some(earlier) = served.insert(account.clone(), name.clone()) {
                page.fault(&at, format!("[measurement.ga4.{earlier}] counts for `{}` already", shown(account)), "each account with one property");
            }
        }
        let endpoint = endpoint(page, &mut section, lapse);
        let credentials = credentials(page, &mut section, Some(Owner::Ga4), endpoint.as_ref());
        section.end(page);
        if let (Some(id), Some(property), Some(key_events), Some(endpoint), Some(credentials)) = (id, property, key_events, endpoint, credentials) {
            let accounts = names.iter().filter_map(|account| account.parse().ok()).collect();
            read.insert(id.to_string(), Ga4 { property, key_events, join, accounts, endpoint, credentials });
        }
    }
    measurement.end(page);
    read
}
