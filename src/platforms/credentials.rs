//! How an account signs in. Secrets stay in [`SecretString`] until the header or form that carries them is built.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

use super::PlatformError;
use super::http::{Http, Outgoing, Reply};
use super::service::ServiceKey;
use crate::clock::{Clock, WallTime};
use crate::domain::ids::AccountId;

/// How long before its end an access token is replaced.
const EARLY: Duration = Duration::from_secs(300);
/// What a service account asks leave for at Google Ads.
const ADWORDS: &str = "https://www.googleapis.com/auth/adwords";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The credentials of one account.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The built-in sandbox: sends `sandbox-<account>`, and to a loopback address only.
    Sandbox,
    /// Meta: a system user's token, and the app secret when the app demands its proof.
    Meta {
        /// Access token.
        access_token: SecretString,
        /// App secret.
        app_secret: Option<SecretString>,
    },
    /// Google Ads: an OAuth client and a refresh token.
    Google {
        /// OAuth client id.
        client_id: String,
        /// OAuth client secret.
        client_secret: SecretString,
        /// Refresh token.
        refresh_token: SecretString,
        /// The manager account the account is reached through.
        login_customer_id: Option<String>,
        /// Developer token; the platform no longer asks for one.
        developer_token: Option<SecretString>,
    },
    /// Google Ads or GA4: a service account that signs for itself.
    GoogleService {
        /// Its key.
        key: ServiceKey,
        /// The manager account the account is reached through.
        login_customer_id: Option<String>,
        /// Developer token; the platform no longer asks for one.
        developer_token: Option<SecretString>,
    },
    /// TikTok: a marketing token, which does not expire.
    Tiktok {
        /// Access token.
        access_token: SecretString,
        /// The app it was issued to; its calls are counted together.
        app_id: String,
        /// App secret.
        secret: Option<SecretString>,
    },
}

impl Credentials {
    /// What names the app or project whose calls are counted together; hashed before it is used as a key.
    pub(super) fn app(&self) -> &str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Meta { access_token, app_secret } => app_secret.as_ref().unwrap_or(access_token).expose_secret(),
            Self::Google { client_id, .. } => client_id,
            Self::GoogleService { key, .. } => key.email(),
            Self::Tiktok { app_id, .. } => app_id,
        }
    }

    /// The token that goes out as it stands; Google's is exchanged first.
    pub(super) fn fixed_token(&self, account: &AccountId) -> Option<SecretString> {
        match self {
            Self::Sandbox => Some(SecretString::from(format!("sandbox-{account}"))),
            Self::Meta { access_token, .. } | Self::Tiktok { access_token, .. } => Some(access_token.clone()),
            Self::Google { .. } | Self::GoogleService { .. } => None,
        }
    }

    /// Meta's proof that the token's user has the app secret: lower-case hex of HMAC-SHA256, key = app secret, message = token.
    pub(super) fn proof(&self) -> Option<String> {
        let Self::Meta { access_token, app_secret: Some(secret) } = self else { return None };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(access_token.expose_secret().as_bytes());
        Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What is exchanged for an access token.
enum Grant {
    /// A form with a refresh token.
    Refresh(SecretString),
    /// A statement signed anew for each exchange, for this scope.
    Assertion(ServiceKey, &'static str),
}

/// Google's access token: fetched with the refresh token or a signed assertion, replaced before its end, fetched once for all who wait for it.
pub(super) struct AccessToken {
    endpoint: Url,
    grant: Grant,
    held: Mutex<Option<(SecretString, WallTime)>>,
    http: Arc<Http>,
    clock: Clock,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<u64>,
    error: Option<String>,
}

impl AccessToken {
    /// For Google Ads; `None` for credentials that need no exchange.
    pub(super) fn new(credentials: &Credentials, endpoint: Url, http: Arc<Http>, clock: Clock) -> Option<Self> {
        Self::scoped(credentials, ADWORDS, endpoint, http, clock)
    }

    /// For `scope`; `None` for credentials that need no exchange. A refresh token has the scope that was consented to.
    pub(super) fn scoped(credentials: &Credentials, scope: &'static str, endpoint: Url, http: Arc<Http>, clock: Clock) -> Option<Self> {
        let grant = match credentials {
            Credentials::Google { client_id, client_secret, refresh_token, .. } => {
                let form = Serializer::new(String::new())
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("client_id", client_id)
                    .append_pair("client_secret", client_secret.expose_secret())
                    .append_pair("refresh_token", refresh_token.expose_secret())
                    .finish();
                Grant::Refresh(SecretString::from(form))
            }
            Credentials::GoogleService { key, .. } => Grant::Assertion(key.clone(), scope),
            Credentials::Sandbox | Credentials::Meta { .. } | Credentials::Tiktok { .. } => return None,
        };
        Some(Self { endpoint, grant, held: Mutex::new(None), http, clock })
    }

    /// A token that lives at least five minutes more.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when the refresh token or the client is refused; [`PlatformError::Transient`].
    pub(super) async fn get(&self) -> Result<SecretString, PlatformError> {
        let mut held = self.held.lock().await;
        if let Some((token, until)) = &*held
            && self.clock.wall() < *until
        {
            return Ok(token.clone());
        }
        let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_secs(1)).with_max_times(2).with_jitter();
        let (token, lives) = (|| self.exchange()).retry(pauses).when(|error| matches!(error, PlatformError::Transient(_))).await?;
        *held = Some((token.clone(), self.clock.wall().after(lives.saturating_sub(EARLY))));
        Ok(token)
    }

    /// Forgets the token, because the platform refused it before its end.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn exchange(&self) -> Result<(SecretString, Duration), PlatformError> {
        let body = match &self.grant {
            Grant::Refresh(form) => form.expose_secret().as_bytes().to_vec(),
            Grant::Assertion(key, scope) => {
                let assertion = key.assertion(scope, self.clock.wall())?;
                let form = Serializer::new(String::new()).append_pair("grant_type", JWT_BEARER).append_pair("assertion", &assertion).finish();
                form.into_bytes()
            }
        };
        let request = Outgoing::post(self.endpoint.clone(), "application/x-www-form-urlencoded", body);
        read_answer(&self.http.read(&request).await?)
    }
}

fn read_answer(reply: &Reply) -> Result<(SecretString, Duration), PlatformError> {
    let answer: Option<Answer> = reply.json().and_then(|json| serde_json::from_value(json).ok());
    match (answer, reply.status) {
        (Some(Answer { access_token: Some(token), expires_in, .. }), 200) => Ok((token.into(), Duration::from_secs(expires_in.unwrap_or(3_600)))),
        (Some(Answer { error: Some(error), .. }), _) if matches!(error.as_str(), "internal_failure" | "server_error" | "temporarily_unavailable") => {
            Err(PlatformError::Transient(format!("token exchange: {error}")))
        }
        (_, status @ (408 | 429 | 500..=599)) => Err(PlatformError::Transient(format!("token exchange: HTTP {status}"))),
        (Some(Answer { error: Some(error), .. }), _) if error == "invalid_grant" => Err(PlatformError::Auth(
            "the refresh token has expired or was revoked, or the service account's key is not valid any more: sign in again, or make a new key, and store it"
                .to_owned(),
        )),
        (Some(Answer { error: Some(error), .. }), _) => Err(PlatformError::Auth(format!("token exchange refused: {error}; check client id and secret"))),
        (_, status) => Err(PlatformError::Auth(format!("token exchange: HTTP {status} without a token"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_the_documented_one() {
        let credentials = Credentials::Meta { access_token: "TOKEN".into(), app_secret: Some("secret".into()) };
        assert_eq!(credentials.proof().as_deref(), Some("2356b17ae2860016a34575ada27f94b543ed2cbe59a85ba2e0c62dc4aba7a5c6"));
    }

    #[test]
    fn i11_credentials_never_show_their_secrets() {
        let credentials = Credentials::Meta { access_token: "TOKEN-VALUE".into(), app_secret: Some("SECRET-VALUE".into()) };
        assert!(!format!("{credentials:?}").contains("VALUE"));
    }

    #[test]
    fn a_refused_refresh_token_asks_for_a_person_and_a_busy_server_for_patience() {
        let code = |status, body: &str| read_answer(&Reply::of(status, &[], body)).map(|(_, lives)| lives.as_secs()).map_err(|error| error.code());
        assert_eq!(code(200, r#"{"access_token":"ya29.a0","expires_in":3599,"scope":"x","token_type":"Bearer"}"#), Ok(3_599));
        assert_eq!(code(400, r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#), Err("AUTH"));
        assert_eq!(code(401, r#"{"error":"invalid_client"}"#), Err("AUTH"));
        assert_eq!(code(400, r#"{"error":"temporarily_unavailable"}"#), Err("TRANSIENT"));
        assert_eq!(code(503, "<html>"), Err("TRANSIENT"));
    }
}
