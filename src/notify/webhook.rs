//! A signed webhook: JSON over HTTPS (HTTP to loopback alone), with a timestamp and an HMAC that a receiver can check.
//!
//! The receiver computes `HMAC-SHA256(secret, timestamp + "." + body)` and compares it with `X-Adjutant-Signature: v1=<hex>`; a timestamp older
//! than five minutes is a replay.
#![expect(clippy::disallowed_methods, reason = "this file builds the one client that webhooks go through")]

use std::net::IpAddr;
use std::time::Duration;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::{Host, Url};

use super::{Notice, Sink, SinkError};
use crate::clock::Clock;

/// A receiver that has not answered by then is tried again later.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One signed webhook.
pub struct Webhook {
    name: String,
    url: Url,
    secret: SecretString,
    client: reqwest::Client,
    clock: Clock,
}

impl Webhook {
    /// A webhook to `url`, signed with `secret`.
    ///
    /// # Errors
    /// [`SinkError::Settings`] for plain HTTP to anything but loopback, a link-local address, or an empty secret.
    pub fn new(name: String, url: Url, secret: SecretString, clock: Clock) -> Result<Self, SinkError> {
        if let Err(why) = acceptable(&url) {
            return Err(SinkError::Settings(format!("[notify.{name}] url: {why}")));
        }
        if secret.expose_secret().len() < 16 {
            return Err(SinkError::Settings(format!("[notify.{name}] secret: expected at least 16 characters")));
        }
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let client = client.map_err(|error| SinkError::Settings(format!("[notify.{name}]: {error}")))?;
        Ok(Self { name, url, secret, client, clock })
    }
}

fn acceptable(url: &Url) -> Result<(), String> {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err("it names no host".to_owned()),
    };
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address.to_ipv4_mapped().map_or(address, |mapped| mapped.to_ipv6_mapped()))),
        Some(Host::Domain(_)) | None => None,
    };
    let link_local = match address {
        Some(IpAddr::V4(address)) => address.is_link_local(),
        Some(IpAddr::V6(address)) => address.is_unicast_link_local() || address.to_ipv4_mapped().is_some_and(|mapped| mapped.is_link_local()),
        None => false,
    };
    if link_local {
        return Err("a link-local address is never a receiver".to_owned());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        other => Err(format!("expected https (http only to loopback), found {other}")),
    }
}

/// The signature of a body sent at `timestamp` (seconds since the epoch), lower-case hex.
#[must_use]
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Sink for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    async fn deliver(&self, notice: &Notice) -> Result<(), SinkError> {
        let body = serde_json::to_vec(notice).expect("a notice is plain text");
        let timestamp = self.clock.wall().ms() / 1_000;
        let sent = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("x-adjutant-id", &notice.id)
            .header("x-adjutant-timestamp", timestamp)
            .header("x-adjutant-signature", format!("v1={}", signature(self.secret.expose_secret(), timestamp, &body)))
            .body(body)
            .send();
        // The URL may hold a token of the receiver's: it stays out of errors.
        let answer = sent.await.map_err(|error| SinkError::Unreachable(error.without_url().to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(SinkError::Refused(answer.status().as_u16())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_time_and_body() {
        let signed = signature("a secret of some length", 1_700_000_000, b"{}");
        assert_eq!(signed.len(), 64);
        assert_ne!(signed, signature("a secret of some length", 1_700_000_001, b"{}"));
        assert_ne!(signed, signature("a secret of some length", 1_700_000_000, b"{ }"));
        assert_ne!(signed, signature("another secret altogether", 1_700_000_000, b"{}"));
    }

    #[test]
    fn receivers_are_https_or_loopback_and_never_link_local() {
        for (url, fits) in [
            ("https://hooks.example.com/x", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://localhost:9000/", true),
            ("http://example.com/", false),
            ("ftp://example.com/", false),
            ("https://169.254.169.254/latest", false),
            ("https://[fe80::1]/", false),
            ("https://[::ffff:169.254.169.254]/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(acceptable(&Url::parse(url).expect("a URL")).is_ok(), fits, "{url}");
        }
    }
}
