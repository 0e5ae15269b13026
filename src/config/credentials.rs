//! What accounts sign in with: each platform's own keys, every secret a reference.

use toml::de::DeValue;

use super::accounts::Endpoint;
use super::fault::nearest;
use super::reader::{Page, Section, article};
use super::secret::{self, SecretRef, Setting};
use crate::domain::entity::Platform;

/// What an account signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The sandbox's own.
    Sandbox,
    /// Google Ads or GA4, as a person's consent.
    Google {
        /// The OAuth client.
        client_id: Setting,
        /// Its secret.
        client_secret: SecretRef,
        /// The consent.
        refresh_token: SecretRef,
        /// The manager account signed in through.
        login_customer_id: Option<Setting>,
        /// The developer token; some access levels need none.
        developer_token: Option<SecretRef>,
    },
    /// Google Ads or GA4, as a service account.
    GoogleService {
        /// The account's JSON key.
        service_account: SecretRef,
        /// The manager account signed in through.
        login_customer_id: Option<Setting>,
        /// The developer token; some access levels need none.
        developer_token: Option<SecretRef>,
    },
    /// Meta.
    Meta {
        /// The system user's token.
        access_token: SecretRef,
        /// Signs each request.
        app_secret: SecretRef,
    },
    /// TikTok.
    Tiktok {
        /// The advertiser's token.
        access_token: SecretRef,
        /// The application.
        app_id: Setting,
        /// Its secret.
        secret: SecretRef,
    },
}

/// Whose keys are read.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Ads(Platform),
    Ga4,
}

impl Owner {
    /// Keys that must be there, and keys that may.
    const fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Ads(Platform::Google) | Self::Ga4 => {
                (&["client_id", "client_secret", "refresh_token"], &["service_account", "login_customer_id", "developer_token"])
            }
            Self::Ads(Platform::Meta) => (&["access_token", "app_secret"], &[]),
            Self::Ads(Platform::Tiktok) => (&["access_token", "app_id", "secret"], &[]),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ads(platform) => platform.name(),
            Self::Ga4 => "ga4",
        }
    }
}

pub(super) fn credentials(page: &mut Page<'_>, section: &mut Section<'_, '_>, owner: Option<Owner>, endpoint: Option<&Endpoint>) -> Option<Credentials> {
    let at = section.path("credentials");
    let forms = owner.map_or_else(
        || "\"sandbox\" or a table of references".to_owned(),
        |owner| format!("{{ {} }}, each kept elsewhere: \"env:NAME\", \"file:PATH\" or \"credential:NAME\"", owner.keys().0.join(", ")),
    );
    match section.peek("credentials") {
        None => {
            section.raw("credentials");
            page.fault(&section.at, "`credentials` is missing", forms);
            None
        }
        Some(DeValue::String(text)) if text == "sandbox" => {
            section.raw("credentials");
            if endpoint.is_some_and(|endpoint| !endpoint.is_local()) {
                page.fault(&at, "a real account cannot sign in as the sandbox", forms);
            }
            Some(Credentials::Sandbox)
        }
        Some(DeValue::Table(_)) => {
            let mut table = section.section(page, "credentials");
            let credentials = owner.and_then(|owner| platform_credentials(page, &mut table, owner));
            // Without its platform nobody can say which keys belong here; the platform's own fault is reported.
            if let Some(owner) = owner {
                foreign_keys(page, &table, owner);
            }
            credentials
        }
        Some(DeValue::String(_)) => {
            section.raw("credentials");
            page.fault(&at, "this is a text; a secret never stands in the file", format!("\"sandbox\" or {forms}"));
            None
        }
        Some(other) => {
            let what = format!("this is {}", article(other));
            section.raw("credentials");
            page.fault(&at, what, format!("\"sandbox\" or {forms}"));
            None
        }
    }
}

fn platform_credentials(page: &mut Page<'_>, table: &mut Section<'_, '_>, owner: Owner) -> Option<Credentials> {
    let (kept, setting) = (secret::form(page), secret::setting(page));
    match owner {
        Owner::Ads(Platform::Google) | Owner::Ga4 => {
            let service = table.is_key_written("service_account");
            let service_account = table.optional(page, "service_account", &kept);
            let login_customer_id = table.optional(page, "login_customer_id", &setting);
            let developer_token = table.optional(page, "developer_token", &kept);
            if service {
                for key in ["client_id", "client_secret", "refresh_token"] {
                    if table.is_key_written(key) {
                        page.fault(
                            &table.path(key),
                            "a service account signs in by itself",
                            "either service_account or client_id, client_secret, refresh_token",
                        );
                    }
                    table.raw(key);
                }
                return Some(Credentials::GoogleService { service_account: service_account?, login_customer_id, developer_token });
            }
            let client_id = table.required(page, "client_id", &setting);
            let client_secret = table.required(page, "client_secret", &kept);
            let refresh_token = table.required(page, "refresh_token", &kept);
            Some(Credentials::Google {
                client_id: client_id?,
                client_secret: client_secret?,
                refresh_token: refresh_token?,
                login_customer_id,
                developer_token,
            })
        }
        Owner::Ads(Platform::Meta) => {
            let access_token = table.required(page, "access_token", &kept);
            let app_secret = table.required(page, "app_secret", &kept);
            Some(Credentials::Meta { access_token: access_token?, app_secret: app_secret? })
        }
        Owner::Ads(Platform::Tiktok) => {
            let access_token = table.required(page, "access_token", &kept);
            let app_id = table.required(page, "app_id", &setting);
            let secret = table.required(page, "secret", &kept);
            Some(Credentials::Tiktok { access_token: access_token?, app_id: app_id?, secret: secret? })
        }
    }
}

/// Unknown keys, and those of another platform by its name.
fn foreign_keys(page: &mut Page<'_>, table: &Section<'_, '_>, owner: Owner) {
    let (needed, also) = owner.keys();
    for key in table.unknown() {
        let others = [Owner::Ads(Platform::Google), Owner::Ads(Platform::Meta), Owner::Ads(Platform::Tiktok)];
        let theirs = others.into_iter().find(|other| other.keys().0.contains(&key.as_str()) || other.keys().1.contains(&key.as_str()));
        let what =
            theirs.map_or_else(|| "unknown key".to_owned(), |theirs| format!("this is a key of {}, and the account is {}'s", theirs.name(), owner.name()));
        let names = || needed.iter().chain(also).copied();
        page.fault_near(&table.path(&key), what, format!("one of {}", names().collect::<Vec<_>>().join(", ")), nearest(&key, names()));
    }
}
