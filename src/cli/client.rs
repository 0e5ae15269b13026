//! The API client of the command line.
#![expect(clippy::disallowed_methods, reason = "this file builds the one client with which the command line talks to its own daemon")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::config::{Listen, Process, Whereabouts};
use crate::domain::ids::IdGen;

/// Why a command did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No daemon answered.
    #[error("no daemon answers at {url}: {why}\nstart it with `adjutant run`, or name its address with --url")]
    NoDaemon {
        /// Where it was looked for.
        url: String,
        /// What happened.
        why: String,
    },
    /// There is no token to sign in with.
    #[error("no token: expected one in {path} (written by the daemon on this machine) or in ADJUTANT_TOKEN")]
    NoToken {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The configuration file cannot be read.
    #[error("{0}")]
    Config(String),
    /// The daemon refused.
    #[error("{code}: {detail}")]
    Refused {
        /// The problem's stable code.
        code: String,
        /// The problem's text.
        detail: String,
    },
    /// The answer is not what this version expects.
    #[error("the daemon's answer cannot be read: {0}")]
    Answer(String),
    /// Work without a daemon failed.
    #[error("{0}")]
    Offline(String),
}

/// A signed-in connection to one daemon.
#[derive(Debug)]
pub struct Client {
    base: String,
    /// The same for people: an address or a socket.
    at: String,
    token: secrecy::SecretString,
    http: reqwest::Client,
    ids: IdGen,
}

impl Client {
    /// Finds daemon and token: `--url` or the configuration's listen address; `ADJUTANT_TOKEN` or the local token in the state directory.
    ///
    /// # Errors
    /// [`ClientError::Config`] or [`ClientError::NoToken`].
    pub fn find(config: &Path, url: Option<&str>) -> Result<Self, ClientError> {
        // A file with faults, or with secrets that only the daemon can read, still says where it is: it must not keep anybody from a pause.
        let found = Whereabouts::of(config, &Process)
            .map_err(|error| ClientError::Config(format!("{}: cannot be read: {error}; name another file with --config", config.display())));
        let environment = std::env::var("ADJUTANT_TOKEN").ok().filter(|token| !token.is_empty());
        let mut socket = None;
        let base = match url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => match &found.as_ref().map_err(|error| ClientError::Config(error.to_string()))?.listen {
                Listen::Tcp(address) => format!("http://{address}"),
                Listen::Unix(path) => {
                    socket = Some(path.clone());
                    "http://localhost".to_owned()
                }
            },
        };
        let token = match environment {
            Some(token) => token,
            None => {
                let path = found?.state_dir.join(crate::admin::LOCAL_TOKEN_FILE);
                let token = std::fs::read_to_string(&path).map_err(|_| ClientError::NoToken { path })?;
                token.trim().to_owned()
            }
        };
        crate::platforms::install_tls();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = match &socket {
            Some(path) => http.unix_socket(path.as_path()),
            None => http,
        };
        let http = http.build().map_err(|error| ClientError::Answer(error.to_string()))?;
        let at = socket.map_or_else(|| base.clone(), |path| format!("unix:{}", path.display()));
        Ok(Self { base, at, token: token.into(), http, ids: IdGen::from_os() })
    }

    /// Reads `path` below `/api/v1`.
    ///
    /// # Errors
    /// [`ClientError::NoDaemon`], [`ClientError::Refused`], [`ClientError::Answer`].
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::GET, path, None).await
    }

    /// Posts to `path` below `/api/v1`, once: a fresh Idempotency-Key goes with it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        use secrecy::ExposeSecret;
        let mut request = self.http.request(method, format!("{}/api/v1/{path}", self.base)).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.header("idempotency-key", self.ids.secret()).json(body);
        }
        let answer = request.send().await.map_err(|error| ClientError::NoDaemon { url: self.at.clone(), why: innermost(&error.without_url()) })?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| ClientError::Answer(error.without_url().to_string()))?;
        let value: Value =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).map_err(|error| ClientError::Answer(format!("{status}: {error}")))? };
        if status.is_success() {
            return Ok(value);
        }
        let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Err(ClientError::Refused {
            code: field("code").unwrap_or_else(|| status.to_string()),
            detail: field("detail").or_else(|| field("title")).unwrap_or(text),
        })
    }
}

/// What is at the bottom of an error: "connection refused", not "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map_or_else(String::new, ToString::to_string)
}

/// `text` as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~') { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        })
        .collect()
}
