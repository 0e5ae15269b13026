//! The HTTP clients of the platforms, and the only place that builds them. Reads are pooled; a write gets a connection of its own, follows
//! no redirect, is never repeated, and is `NotSent` only when the connection itself failed.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;
use url::Url;

use super::PlatformError;
use super::call::{Asking, Verb};

/// Longest a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest a write's connection may take to stand: below any send deadline, so that a host that does not answer is proven unsent.
const WRITE_CONNECT: Duration = Duration::from_millis(1_200);
/// Longest one read may take, its last byte included.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(30);
/// Largest answer to a read: a page of Google's 10 000 rows stays well below.
const READ_LIMIT: usize = 64 << 20;
/// Largest answer to a write: they name what was written, or an error.
const WRITE_LIMIT: usize = 1 << 20;

/// Installs the process's TLS provider; calling it again does nothing.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only when a provider stands already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Where a set of clients may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// The real hosts, through the host's proxy where one is configured.
    Internet,
    /// This machine alone: no proxy.
    Loopback,
}

/// A request as it goes out, secrets included: never logged, never shown.
#[derive(Clone)]
pub(super) struct Outgoing {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Outgoing {
    /// A GET of `url`.
    pub(super) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// A POST of `body` to `url`.
    pub(super) fn post(url: Url, content_type: &'static str, body: Vec<u8>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { method: Method::POST, url, headers, body: Some(body) }
    }

    /// It, as far as a platform counts it.
    pub(super) fn asking(&self) -> Asking<'_> {
        let verb = if self.method == Method::GET { Verb::Get } else { Verb::Post };
        Asking { verb, path: self.url.path(), body: self.body.as_deref().unwrap_or_default() }
    }

    /// With one more header, hidden from every debug output.
    ///
    /// # Errors
    /// [`PlatformError::Auth`] when the value cannot stand in a header: such a credential is damaged.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Result<Self, PlatformError> {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| PlatformError::Auth(format!("the value for the header `{name}` has characters no header may have")))?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }
}

/// A whole answer.
pub(super) struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    text: String,
}

impl Reply {
    /// One header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON without NUL characters; `None` when it is not JSON.
    pub(super) fn json(&self) -> Option<Value> {
        let mut value = serde_json::from_str(&self.text).ok()?;
        strip_nul(&mut value);
        Some(value)
    }

    /// The body as text without NUL characters.
    pub(super) fn text(&self) -> String {
        self.text.replace('\0', "")
    }

    /// The start of the body, for an error text.
    pub(super) fn excerpt(&self) -> String {
        self.text.chars().filter(|c| !c.is_control()).take(160).collect()
    }
}

fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(strip_nul),
        Value::Object(map) => map.values_mut().for_each(strip_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The two clients.
pub(super) struct Http {
    reads: reqwest::Client,
    writes: reqwest::Client,
}

impl Http {
    /// Builds both clients.
    ///
    /// # Errors
    /// [`PlatformError::Transient`] when this machine has no usable root certificates.
    pub(super) fn new(route: Route) -> Result<Self, PlatformError> {
        install_tls();
        let reads = builder(route).connect_timeout(CONNECT).pool_max_idle_per_host(4).build();
        let writes = builder(route).connect_timeout(WRITE_CONNECT).pool_max_idle_per_host(0).http1_only().build();
        let wrong = |error| PlatformError::Transient(format!("no HTTP client: {}; check the root certificates of this machine", chain(&error)));
        Ok(Self { reads: reads.map_err(wrong)?, writes: writes.map_err(wrong)? })
    }

    /// One read, with a deadline over the whole exchange.
    ///
    /// # Errors
    /// [`PlatformError::Transient`].
    pub(super) async fn read(&self, request: &Outgoing) -> Result<Reply, PlatformError> {
        let exchange = async {
            let response = start(&self.reads, request.clone()).send().await.map_err(|error| chain(&error.without_url()))?;
            collect(response, READ_LIMIT).await
        };
        match tokio::time::timeout(READ_DEADLINE, exchange).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(what)) => Err(PlatformError::Transient(what)),
            Err(_) => Err(PlatformError::Transient(format!("no whole answer within {READ_DEADLINE:?}"))),
        }
    }

    /// One write, sent once; everything ends before `within` is over.
    ///
    /// # Errors
    /// [`PlatformError::NotSent`] when no connection came about, else [`PlatformError::Unknown`].
    pub(super) async fn write(&self, request: Outgoing, within: Duration) -> Result<Reply, PlatformError> {
        let exchange = async {
            let response = start(&self.writes, request).send().await.map_err(|error| {
                let (connecting, text) = (error.is_connect(), chain(&error.without_url()));
                if connecting { PlatformError::NotSent(text) } else { PlatformError::Unknown(text) }
            })?;
            collect(response, WRITE_LIMIT).await.map_err(PlatformError::Unknown)
        };
        tokio::time::timeout(within, exchange).await.unwrap_or_else(|_| Err(PlatformError::Unknown(format!("no whole answer within {within:?}"))))
    }
}

#[expect(clippy::disallowed_methods, reason = "this file owns the platforms' HTTP clients")]
fn builder(route: Route) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("adjutant/", env!("CARGO_PKG_VERSION")));
    match route {
        Route::Internet => builder.https_only(true),
        Route::Loopback => builder.no_proxy(),
    }
}

fn start(client: &reqwest::Client, request: Outgoing) -> reqwest::RequestBuilder {
    let builder = client.request(request.method, request.url).headers(request.headers);
    match request.body {
        Some(body) => builder.body(body),
        None => builder,
    }
}

async fn collect(mut response: Response, limit: usize) -> Result<Reply, String> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len() + part.len() > limit {
            return Err(format!("the answer is larger than {limit} bytes"));
        }
        body.extend_from_slice(&part);
    }
    Ok(Reply { status, headers, text: String::from_utf8_lossy(&body).into_owned() })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
impl Reply {
    /// An answer as a test dictates it.
    pub(super) fn of(status: u16, headers: &[(&'static str, &'static str)], text: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        Self { status, headers, text: text.to_owned() }
    }
}

#[cfg(test)]
mod tests;
