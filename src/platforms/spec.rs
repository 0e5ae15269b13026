//! What a gateway must know of its account, checked once before anything is called.

use std::time::Duration;

use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::credentials::Credentials;
use super::http::Route;
use super::{PlatformError, tiktok};
use crate::domain::entity::{EntityKey, Level, Platform};
use crate::domain::ids::AccountId;
use crate::domain::money::{Currency, Money};

/// What a counted conversion is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversionValue {
    /// What the platform reports.
    Reported,
    /// Always this.
    Fixed(Money),
}

/// Which conversions count, and what they are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRule {
    /// The actions that count; Meta and TikTok need at least one. `purchase` and `lead` stand for the platform's own name of these; other names
    /// are the platform's own. Google counts its Conversions column, which the account itself defines, whatever stands here.
    pub actions: Vec<String>,
    /// How long after a click a conversion counts. Meta is asked for it and takes 1, 7 or 28 days; on Google and TikTok it is a setting of the
    /// account and of the ad group, which reports follow.
    pub window: Duration,
    /// What one is worth.
    pub value: ConversionValue,
}

impl ConversionRule {
    /// The window in days, where it is one Meta knows.
    pub(super) fn window_days(&self) -> Option<u8> {
        [1, 7, 28].into_iter().find(|days| self.window == Duration::from_secs(86_400 * u64::from(*days)))
    }
}

/// One account as its gateway needs it.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// Its name here.
    pub account: AccountId,
    /// Its platform.
    pub platform: Platform,
    /// The platform's own id of it: `act_1001`, `123-456-7890`, `7000000000000000001`.
    pub platform_id: String,
    /// The currency it is expected to bill in.
    pub currency: Currency,
    /// The zone its days are expected to run in.
    pub time_zone: Tz,
    /// Replaces every host of the platform, token and report hosts too.
    pub base_url: Option<Url>,
    /// How it signs in.
    pub credentials: Credentials,
    /// Which conversions count.
    pub conversions: ConversionRule,
    /// Operations a day that Google gives to the project this account is reached with; what the lowest access level gets when missing.
    pub operations_per_day: Option<u32>,
}

impl AccountSpec {
    /// The same with the platform's id in the form its paths use, when everything about it can be true.
    pub(super) fn checked(mut self) -> Result<Self, PlatformError> {
        let wrong = |what: String| Err(PlatformError::Validation(format!("account `{}`: {what}", self.account)));
        if let Some(url) = &self.base_url {
            let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
            if !plain || !matches!(url.scheme(), "http" | "https") {
                return wrong("base_url must be http or https without user, query or fragment".to_owned());
            }
            if url.scheme() == "http" && !is_loopback(url) {
                return wrong(format!("base_url goes to `{}` in the clear: use https, or a loopback address", url.host_str().unwrap_or_default()));
            }
        }
        match (&self.credentials, self.platform) {
            (Credentials::Sandbox, _) if !self.base_url.as_ref().is_some_and(is_loopback) => {
                return wrong("sandbox credentials go to a loopback base_url only".to_owned());
            }
            (Credentials::Sandbox, _)
            | (Credentials::Meta { .. }, Platform::Meta)
            | (Credentials::Google { .. } | Credentials::GoogleService { .. }, Platform::Google)
            | (Credentials::Tiktok { .. }, Platform::Tiktok) => {}
            (Credentials::Meta { .. } | Credentials::Google { .. } | Credentials::GoogleService { .. } | Credentials::Tiktok { .. }, platform) => {
                return wrong(format!("these are not the credentials of a {platform} account"));
            }
        }
        if let ConversionValue::Fixed(value) = self.conversions.value
            && value.currency() != self.currency
        {
            return wrong(format!("a conversion is worth {value}, but the account bills in {}", self.currency));
        }
        if self.platform == Platform::Meta && self.conversions.window_days().is_none() {
            return wrong("Meta counts conversions within 1, 7 or 28 days of a click".to_owned());
        }
        if self.platform != Platform::Google && self.conversions.actions.is_empty() {
            return wrong(format!("name the conversion actions that count: on {} several stand for the same conversion", self.platform));
        }
        let (id, expected) = match self.platform {
            Platform::Meta => (self.platform_id.strip_prefix("act_").map(str::to_owned), "`act_` and digits"),
            Platform::Google => (Some(self.platform_id.replace('-', "")), "digits, with or without dashes"),
            Platform::Tiktok => (Some(self.platform_id.clone()), "digits"),
        };
        let Some(id) = id.filter(|id| is_number(id)) else {
            return wrong(format!("`{}` is no {} account id: expected {expected}", self.platform_id, self.platform));
        };
        if self.platform == Platform::Tiktok
            && let Some(unknown) = self.conversions.actions.iter().find(|action| tiktok::action_metrics(action).is_none())
        {
            return wrong(format!("conversion action `{unknown}` has no TikTok metric: expected one of {}", tiktok::actions().join(", ")));
        }
        self.platform_id = id;
        Ok(self)
    }

    /// Scheme and host, and a path if the override has one; without a slash at its end.
    pub(super) fn base(&self, real: &str) -> String {
        self.base_url.as_ref().map_or(real, Url::as_str).trim_end_matches('/').to_owned()
    }

    /// Which clients it uses.
    pub(super) fn route(&self) -> Route {
        if self.base_url.as_ref().is_some_and(is_loopback) { Route::Loopback } else { Route::Internet }
    }

    /// A key of this account.
    pub(super) fn key(&self, level: Level, id: &str) -> EntityKey {
        EntityKey { account: self.account.clone(), level, id: id.to_owned() }
    }
}

/// Whether `url` names this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a platform's id is what all three use: decimal digits, so that it can stand in a path.
pub(super) fn is_number(id: &str) -> bool {
    !id.is_empty() && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case hex of SHA-256.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) mod tests;
