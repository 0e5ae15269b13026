//! Google's service accounts: the key file a person stores, and the assertion it signs, which is exchanged for an access token.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::PlatformError;
use crate::clock::WallTime;

/// Whom an assertion is for: the token endpoint's own name, wherever requests to it are sent.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How long an assertion holds, in seconds: the most that is allowed.
const HOLDS: i64 = 3_600;

/// A service account's key.
#[derive(Clone)]
pub struct ServiceKey(Arc<Key>);

struct Key {
    email: String,
    id: String,
    pair: RsaKeyPair,
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    private_key_id: String,
}

impl ServiceKey {
    /// Reads the JSON file that Google hands out with a key.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when it is no such file; the text names what is wrong with it and nothing that stands in it.
    pub fn read(file: &SecretString) -> Result<Self, PlatformError> {
        let wrong = |what: &str| PlatformError::Auth(format!("the service account's key {what}: expected the JSON file that Google hands out with a new key"));
        let file: KeyFile =
            serde_json::from_str(file.expose_secret()).map_err(|_| wrong("is no JSON object with `client_email`, `private_key` and `private_key_id`"))?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes()).map_err(|_| wrong("has a `private_key` that is no PKCS#8 PEM"))?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| wrong("has a `private_key` that is no RSA key of at least 2048 bits"))?;
        Ok(Self(Arc::new(Key { email: file.client_email, id: file.private_key_id, pair })))
    }

    /// Who signs.
    pub(super) fn email(&self) -> &str {
        &self.0.email
    }

    /// What is exchanged for an access token with `scope`, signed at `now`.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when the key cannot sign.
    pub(super) fn assertion(&self, scope: &str, now: WallTime) -> Result<String, PlatformError> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let at = now.ms() / 1_000;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.0.id });
        let claims = json!({ "iss": self.0.email, "scope": scope, "aud": AUDIENCE, "iat": at, "exp": at + HOLDS });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.0.pair.public().modulus_len()];
        self.0
            .pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| PlatformError::Auth("the service account's key cannot sign".to_owned()))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").field("email", &self.0.email).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    /// The file of a key that was made for these tests and opens nothing.
    pub(crate) fn file() -> SecretString {
        let pem = include_str!("service_test_key.pem");
        json!({ "type": "service_account", "client_email": "bot@project.iam.gserviceaccount.com", "private_key": pem, "private_key_id": "k1" })
            .to_string()
            .into()
    }

    #[test]
    fn an_assertion_has_the_documented_parts_and_a_signature_that_holds() {
        let key = ServiceKey::read(&file()).expect("a key file");
        let assertion = key.assertion("https://www.googleapis.com/auth/analytics.readonly", WallTime::from_ms(1_795_161_600_999)).expect("it signs");
        let (signed, signature) = assertion.rsplit_once('.').expect("three parts");
        let (header, claims) = signed.split_once('.').expect("three parts");
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64url without padding")).expect("JSON");
        assert_eq!(json(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        assert_eq!(
            json(claims),
            json!({ "iss": "bot@project.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/analytics.readonly",
                "aud": "https://oauth2.googleapis.com/token", "iat": 1_795_161_600, "exp": 1_795_165_200 })
        );
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0.pair.public().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).expect("base64url")).expect("the signature holds");
    }

    #[test]
    fn i11_a_key_never_shows_itself_and_a_broken_file_is_not_repeated() {
        assert_eq!(format!("{:?}", ServiceKey::read(&file()).expect("a key file")), "ServiceKey { email: \"bot@project.iam.gserviceaccount.com\", .. }");
        let broken = json!({ "client_email": "bot", "private_key": "SECRET", "private_key_id": "k1" }).to_string();
        let error = ServiceKey::read(&broken.into()).expect_err("no PEM").to_string();
        assert!(error.starts_with("AUTH: ") && !error.contains("SECRET"), "{error}");
    }
}
