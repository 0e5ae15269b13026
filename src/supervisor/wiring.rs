//! From configuration to the values the rooms take: account specs, sandbox settings, webhooks.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rust_decimal::prelude::ToPrimitive;
use secrecy::ExposeSecret;
use url::Url;

use super::daemon::DaemonError;
use crate::clock::Clock;
use crate::config::{self, Account, Config, Endpoint, Ga4, SecretError, Surroundings};
use crate::domain::ids::AccountId;
use crate::notify::webhook::Webhook;
use crate::observe::{Measuring, Names};
use crate::platforms::ga4::{Property, PropertySpec};
use crate::platforms::{AccountSpec, ConversionRule, ConversionValue, Credentials, Limiters, ServiceKey};
use crate::sandbox::{FaultKind, FaultRule, SandboxAccount, SandboxConfig, SandboxProperty};

/// What an account's gateway is made of. Secrets are read here, so that a reload brings in new ones.
///
/// # Errors
/// [`DaemonError::Secret`] when one cannot be read, [`DaemonError::Settings`] for what this version cannot sign in with.
pub fn account_spec(name: &AccountId, account: &Account, sandbox: Option<&Url>, surroundings: &dyn Surroundings) -> Result<AccountSpec, DaemonError> {
    let settings = |what: String| DaemonError::Settings(format!("[accounts.{name}] {what}"));
    let base_url = match &account.endpoint {
        Endpoint::Real => None,
        Endpoint::At(url) => Some(url.clone()),
        Endpoint::Sandbox => Some(sandbox.ok_or_else(|| settings("base_url = \"sandbox\", but no sandbox runs".to_owned()))?.clone()),
    };
    Ok(AccountSpec {
        account: name.clone(),
        platform: account.platform,
        platform_id: account.id.clone(),
        currency: account.currency,
        time_zone: account.time_zone,
        base_url,
        credentials: credentials(&format!("accounts.{name}"), &account.credentials, surroundings)?,
        conversions: ConversionRule {
            actions: account.conversions.actions.clone(),
            window: account.conversions.window,
            value: match account.conversions.value {
                config::ConversionValue::Reported => ConversionValue::Reported,
                config::ConversionValue::Fixed(value) => ConversionValue::Fixed(value),
            },
        },
        operations_per_day: account.operations_per_day,
    })
}

/// What a GA4 property's client is made of.
///
/// # Errors
/// As [`account_spec`].
pub fn property_spec(name: &str, ga4: &Ga4, sandbox: Option<&Url>, surroundings: &dyn Surroundings) -> Result<PropertySpec, DaemonError> {
    let at = format!("measurement.ga4.{name}");
    let base_url = match &ga4.endpoint {
        Endpoint::Real => None,
        Endpoint::At(url) => Some(url.clone()),
        Endpoint::Sandbox => {
            let missing = || DaemonError::Settings(format!("[{at}] base_url = \"sandbox\", but no sandbox runs: it needs an account there as well"));
            Some(sandbox.ok_or_else(missing)?.clone())
        }
    };
    Ok(PropertySpec {
        name: name.to_owned(),
        property: ga4.property.clone(),
        key_events: ga4.key_events.clone(),
        join: ga4.join.clone(),
        base_url,
        credentials: credentials(&at, &ga4.credentials, surroundings)?,
    })
}

/// Every GA4 property with the accounts it counts for, each as its observer needs it.
///
/// # Errors
/// As [`property_spec`]; [`DaemonError::Settings`] for a property that cannot be one.
pub fn measuring(
    config: &Config,
    sandbox: Option<&Url>,
    surroundings: &dyn Surroundings,
    clock: &Clock,
    limiters: &Limiters,
) -> Result<BTreeMap<AccountId, Measuring>, DaemonError> {
    let mut found = BTreeMap::new();
    for (name, ga4) in &config.ga4 {
        let spec = property_spec(name, ga4, sandbox, surroundings)?;
        let property = Property::new(spec, clock.clone(), limiters).map_err(|error| DaemonError::Settings(format!("[measurement.ga4.{name}] {error}")))?;
        let property = Arc::new(property);
        for (id, account) in ga4.accounts.iter().filter_map(|id| Some((id, config.accounts.get(id)?))) {
            // Two accounts of one platform may call different campaigns the same.
            let alone = ga4.accounts.iter().filter_map(|id| config.accounts.get(id)).filter(|other| other.platform == account.platform).count() == 1;
            let value = match account.conversions.value {
                config::ConversionValue::Reported => None,
                config::ConversionValue::Fixed(value) => Some(value),
            };
            let names = if alone { Names::Join } else { Names::Ignore };
            found.insert(id.clone(), Measuring { property: Arc::clone(&property), names, value });
        }
    }
    Ok(found)
}

fn credentials(at: &str, credentials: &config::Credentials, surroundings: &dyn Surroundings) -> Result<Credentials, DaemonError> {
    let plain = |setting: &config::Setting| -> Result<String, SecretError> { Ok(setting.resolve(surroundings)?.expose_secret().to_owned()) };
    Ok(match credentials {
        config::Credentials::Sandbox => Credentials::Sandbox,
        config::Credentials::Google { client_id, client_secret, refresh_token, login_customer_id, developer_token } => Credentials::Google {
            client_id: plain(client_id)?,
            client_secret: client_secret.resolve(surroundings)?,
            refresh_token: refresh_token.resolve(surroundings)?,
            login_customer_id: login_customer_id.as_ref().map(plain).transpose()?,
            developer_token: developer_token.as_ref().map(|token| token.resolve(surroundings)).transpose()?,
        },
        config::Credentials::GoogleService { service_account, login_customer_id, developer_token } => Credentials::GoogleService {
            key: ServiceKey::read(&service_account.resolve(surroundings)?).map_err(|error| DaemonError::Settings(format!("[{at}] credentials: {error}")))?,
            login_customer_id: login_customer_id.as_ref().map(plain).transpose()?,
            developer_token: developer_token.as_ref().map(|token| token.resolve(surroundings)).transpose()?,
        },
        config::Credentials::Meta { access_token, app_secret } => {
            Credentials::Meta { access_token: access_token.resolve(surroundings)?, app_secret: Some(app_secret.resolve(surroundings)?) }
        }
        config::Credentials::Tiktok { access_token, app_id, secret } => {
            Credentials::Tiktok { access_token: access_token.resolve(surroundings)?, app_id: plain(app_id)?, secret: Some(secret.resolve(surroundings)?) }
        }
    })
}

/// The sandbox the configuration asks for: its accounts are those that name it.
#[must_use]
pub fn sandbox_config(config: &Config, sandbox: &config::Sandbox, state_dir: &Path) -> SandboxConfig {
    let accounts = config.accounts.values().filter(|account| account.endpoint == Endpoint::Sandbox);
    SandboxConfig {
        campaigns: sandbox.campaigns as usize,
        state_file: Some(state_dir.join("sandbox.db")),
        listen: sandbox.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        accounts: accounts
            .map(|account| SandboxAccount { platform: account.platform, id: account.id.clone(), currency: account.currency, time_zone: account.time_zone })
            .collect(),
        properties: config.ga4.values().filter(|ga4| ga4.endpoint == Endpoint::Sandbox).filter_map(|ga4| sandbox_property(config, sandbox, ga4)).collect(),
        edits_by_people: sandbox.people,
        base_faults: sandbox.faults.iter().filter_map(|(kind, percent)| fault(kind, percent.to_f64().unwrap_or(0.0) / 100.0)).collect(),
        report_ids: crate::sandbox::REPORT_IDS,
        quota: sandbox.quota.and_then(|percent| percent.to_f64()).map(|percent| percent / 100.0),
        ..SandboxConfig::new(sandbox.seed)
    }
}

/// A property runs in the currency and zone of the first account it counts for.
fn sandbox_property(config: &Config, sandbox: &config::Sandbox, ga4: &Ga4) -> Option<SandboxProperty> {
    let account = ga4.accounts.iter().find_map(|id| config.accounts.get(id))?;
    Some(SandboxProperty {
        share_pct: sandbox.ga4_share.to_u32()?,
        delay_h: u32::try_from(sandbox.ga4_delay.as_secs() / 3_600).ok()?,
        ..SandboxProperty::new(&ga4.property, &ga4.key_events, account.currency, account.time_zone)
    })
}

fn fault(kind: &str, probability: f64) -> Option<FaultRule> {
    let kind: FaultKind = serde_json::from_value(serde_json::Value::from(kind)).ok()?;
    serde_json::from_value(serde_json::json!({ "kind": kind, "probability": probability })).ok()
}

/// The sinks alerts are carried to.
///
/// # Errors
/// [`DaemonError`] when a secret cannot be read or a receiver cannot be one.
pub fn webhooks(config: &Config, clock: &Clock, surroundings: &dyn Surroundings) -> Result<Vec<Webhook>, DaemonError> {
    let made = config.notify.iter().map(|(name, hook)| {
        Webhook::new(name.clone(), hook.url.clone(), hook.secret.resolve(surroundings)?, clock.clone())
            .map_err(|error| DaemonError::Settings(error.to_string()))
    });
    made.collect()
}
