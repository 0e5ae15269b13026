//! A person's consent at Google for a program on their own machine: the page to open, and the exchange of its code for a refresh token. The code is
//! bound to this one attempt by a state and by PKCE. Source: Google Identity, OAuth 2.0 for desktop apps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use super::PlatformError;
use super::http::{Http, Outgoing, Route};
use super::spec::is_loopback;

const PAGE: &str = "https://accounts.google.com/o/oauth2/v2/auth";
const TOKENS: &str = "https://oauth2.googleapis.com/token";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Google Ads.
    Ads,
    /// Google Ads and reading GA4.
    AdsAndGa4,
}

impl Wanted {
    const fn scopes(self) -> &'static str {
        match self {
            Self::Ads => "https://www.googleapis.com/auth/adwords",
            Self::AdsAndGa4 => "https://www.googleapis.com/auth/adwords https://www.googleapis.com/auth/analytics.readonly",
        }
    }
}

/// Two secrets of one attempt, unguessable and used for nothing else.
pub struct Attempt {
    /// Comes back with the code: whatever else reaches our port is not ours.
    pub state: String,
    /// Proves at the exchange that whoever brings the code is who asked for it; 43 to 128 letters and digits.
    pub verifier: String,
}

/// One attempt at a consent.
pub struct Consent {
    client_id: String,
    client_secret: SecretString,
    redirect: String,
    attempt: Attempt,
    wanted: Wanted,
    page: Url,
    tokens: Url,
    http: Http,
}

impl Consent {
    /// For an OAuth client of type desktop app; `redirect` is where our port listens. `base_url` replaces Google's hosts.
    ///
    /// # Errors
    /// [`PlatformError::Validation`] for an address in the clear that is not on this machine.
    pub fn new(client: (String, SecretString), redirect: String, attempt: Attempt, wanted: Wanted, base_url: Option<&Url>) -> Result<Self, PlatformError> {
        let (client_id, client_secret) = client;
        let under = |real: &str, path: &str| match base_url {
            Some(base) => base.join(path),
            None => Url::parse(real),
        };
        let wrong = |error: url::ParseError| PlatformError::Validation(format!("base_url: {error}"));
        let (page, tokens) = (under(PAGE, "/o/oauth2/v2/auth").map_err(wrong)?, under(TOKENS, "/token").map_err(wrong)?);
        if tokens.scheme() != "https" && !is_loopback(&tokens) {
            return Err(PlatformError::Validation(format!("{tokens} goes out in the clear: use https, or a loopback address")));
        }
        let http = Http::new(if is_loopback(&tokens) { Route::Loopback } else { Route::Internet })?;
        Ok(Self { client_id, client_secret, redirect, attempt, wanted, page, tokens, http })
    }

    /// The page a person opens and consents on.
    #[must_use]
    pub fn page(&self) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.attempt.verifier.as_bytes()));
        let mut page = self.page.clone();
        page.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", self.wanted.scopes())
            .append_pair("state", &self.attempt.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            // Only so does a refresh token come along, and again for who has consented before.
            .append_pair("access_type", "offline")
            .append_pair("prompt", "consent");
        page
    }

    /// The code in what came back to our port, `/?state=…&code=…`.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when the person declined; [`PlatformError::NotFound`] when this is not the answer to our question.
    pub fn code_in(&self, target: &str) -> Result<String, PlatformError> {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if value("state").as_deref() != Some(self.attempt.state.as_str()) {
            return Err(PlatformError::NotFound("this is no answer to the question that was asked".to_owned()));
        }
        if let Some(error) = value("error") {
            let error: String = error.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').take(60).collect();
            return Err(PlatformError::Auth(format!("Google says `{error}`: the consent was not given")));
        }
        value("code").ok_or_else(|| PlatformError::NotFound("the answer holds no code".to_owned()))
    }

    /// The refresh token for a code; a code works once.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when the code or the client is refused, or no refresh token comes along; [`PlatformError::Transient`].
    pub async fn exchange(&self, code: &str) -> Result<SecretString, PlatformError> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose_secret())
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", &self.attempt.verifier)
            .finish();
        let request = Outgoing::post(self.tokens.clone(), "application/x-www-form-urlencoded", form.into_bytes());
        let reply = self.http.read(&request).await?;
        let answer = reply.json().unwrap_or_default();
        let text = |name: &str| answer.get(name).and_then(|value| value.as_str());
        match (reply.status, text("refresh_token"), text("error")) {
            (200, Some(token), _) => Ok(SecretString::from(token.to_owned())),
            (200, None, _) => {
                Err(PlatformError::Auth("Google sent no refresh token: take the program's access away in your Google account and consent again".to_owned()))
            }
            (408 | 429 | 500..=599, _, _) => Err(PlatformError::Transient(format!("token exchange: HTTP {}", reply.status))),
            (_, _, Some(error)) => {
                Err(PlatformError::Auth(format!("token exchange refused: {error}; check client id and secret, and that the client is a desktop app")))
            }
            (status, _, None) => Err(PlatformError::Auth(format!("token exchange: HTTP {status} without a token"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent() -> Consent {
        // The pair of RFC 7636, appendix B.
        let attempt = Attempt { state: "s1".into(), verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into() };
        Consent::new(("111-abc".into(), "x".into()), "http://127.0.0.1:9".into(), attempt, Wanted::AdsAndGa4, None).expect("a consent")
    }

    #[test]
    fn the_page_carries_the_documented_challenge_and_asks_for_a_refresh_token() {
        let page = consent().page();
        let has = |name: &str, value: &str| page.query_pairs().any(|(key, found)| key == name && found == value);
        assert!(page.as_str().starts_with(PAGE));
        assert!(has("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") && has("code_challenge_method", "S256"));
        assert!(has("access_type", "offline") && has("prompt", "consent") && has("redirect_uri", "http://127.0.0.1:9"));
        assert!(page.query_pairs().any(|(key, found)| key == "scope" && found.contains("/adwords") && found.contains("/analytics.readonly")));
    }

    #[test]
    fn only_the_answer_to_our_own_question_brings_a_code() {
        let consent = consent();
        assert_eq!(consent.code_in("/?state=s1&code=4%2F0A").ok().as_deref(), Some("4/0A"));
        for (target, code) in
            [("/?state=other&code=4", "NOT_FOUND"), ("/favicon.ico", "NOT_FOUND"), ("/?state=s1", "NOT_FOUND"), ("/?state=s1&error=access_denied", "AUTH")]
        {
            assert_eq!(consent.code_in(target).map_err(|error| error.code()), Err(code), "{target}");
        }
    }
}
