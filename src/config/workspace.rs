//! `[workspace]`, `[clock]`, `[admin]` and `[sandbox]`: the daemon itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::SecretString;
use url::Url;

use super::fault::shown;
use super::form::{self, Form, Misfit};
use super::reader::{Page, Section};
use super::secret::{self, SecretError, SecretRef, Surroundings};
use crate::clock::{ProductTime, WallTime};
use crate::domain::ids::NodeId;
use crate::domain::ticket::{LOCAL, Role};

/// Where the ledger lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file; relative paths are resolved against the state directory.
    Sqlite(PathBuf),
    /// A PostgreSQL URL without a password.
    Postgres(Url),
    /// A URL that may hold a password, kept with the secrets.
    Kept(SecretRef),
}

impl Database {
    /// The URL to connect to: `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// [`SecretError`] when it is kept elsewhere and cannot be read.
    pub fn url(&self, surroundings: &dyn Surroundings) -> Result<SecretString, SecretError> {
        match self {
            Self::Sqlite(path) => Ok(SecretString::from(format!("sqlite:{}", path.display()))),
            Self::Postgres(url) => Ok(SecretString::from(url.as_str())),
            Self::Kept(reference) => reference.resolve(surroundings),
        }
    }
}

/// `[workspace]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its name, as pages and alerts show it.
    pub name: String,
    /// Where the ledger lives.
    pub database: Database,
    /// Where the daemon keeps its own files: absolute, or relative to the working directory like the file's own path.
    pub state_dir: PathBuf,
}

pub(super) fn workspace(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Option<Workspace> {
    let mut section = root.section(page, "workspace");
    if !section.is_written() {
        page.fault("workspace", "this section is missing", "[workspace] with name and database");
    }
    let name = section.required(page, "name", &form::parsed::<NodeId>("a name of up to 64 letters, digits, `-`, `_` or `.`", "such a name"));
    let state_dir = state_dir(page, &mut section);
    let database = section.required(page, "database", &database(page, state_dir.clone()));
    section.end(page);
    Some(Workspace { name: name?.to_string(), database: database?, state_dir })
}

pub(super) fn state_dir(page: &mut Page<'_>, section: &mut Section<'_, '_>) -> PathBuf {
    let fallback = page.surroundings.var("STATE_DIRECTORY").and_then(|list| list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from));
    let folder = page.folder.clone();
    let fallback = fallback.unwrap_or_else(|| folder.join("state"));
    section.or(page, "state_dir", &form::text("a folder").map(move |text| folder.join(text)), fallback)
}

pub(super) fn database<'a>(page: &Page<'a>, state_dir: PathBuf) -> Form<'a, Database> {
    let (folder, surroundings) = (page.folder.clone(), page.surroundings);
    Form::text(
        "\"sqlite:FILE\", \"postgres://host/name\" without a password, or a reference to such a URL: \"env:NAME\", \"file:PATH\", \"credential:NAME\"",
        move |text| {
            if let Some(file) = text.strip_prefix("sqlite:") {
                let file = file.strip_prefix("//").unwrap_or(file);
                return match file {
                    "" | ":memory:" => Err(Misfit::from("a ledger that forgets is no ledger: SQLite needs a file".to_owned())),
                    file if file.contains(['?', '\0']) => Err(Misfit::from("a SQLite file takes no options here".to_owned())),
                    file => Ok(Database::Sqlite(state_dir.join(file))),
                };
            }
            if text.starts_with("postgres:") || text.starts_with("postgresql:") {
                let url = Url::parse(text).map_err(|_| Misfit::from("this is not a URL".to_owned()))?;
                if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
                    return Err(Misfit::from("a secret stands in the file".to_owned()));
                }
                return Ok(Database::Postgres(url));
            }
            match secret::reference(text, &folder) {
                Some(reference) => {
                    let reference = reference?;
                    reference.resolve(surroundings).map_err(|error| Misfit::from(error.to_string()))?;
                    Ok(Database::Kept(reference))
                }
                None => Err(Misfit::from("this names no database".to_owned())),
            }
        },
    )
}

/// `[clock]`: product time runs faster than real time, from a chosen start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLapse {
    /// Product time at the origin.
    pub start: ProductTime,
    /// Product seconds per wall second.
    pub rate: u32,
    /// When it was `start`; when missing, it goes on after a restart where it stopped.
    pub origin: Option<WallTime>,
}

pub(super) fn clock(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Option<TimeLapse> {
    let mut section = root.section(page, "clock");
    let start = section.required(page, "start", &form::instant());
    let rate = section.required(page, "rate", &form::integer(1, 1_000_000));
    let origin = section.optional(page, "origin", &form::instant());
    section.end(page);
    Some(TimeLapse { start: start?, rate: u32::try_from(rate?).ok()?, origin: origin.map(|at| WallTime::from_ms(at.ms())) })
}

/// Where the admin interface listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: SecretRef,
}

/// A bearer token for scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who uses it; the name in the ledger.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The token itself.
    pub secret: SecretRef,
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub listen: Listen,
    /// TLS, required off loopback.
    pub tls: Option<Tls>,
    /// How people reach it, for links in alerts.
    pub public_url: Option<Url>,
    /// Tokens for scripts.
    pub tokens: Vec<Token>,
}

impl Admin {
    /// Whether this differs from `old` at most in tokens that are gone or may do less: what a reload puts in force at once.
    #[must_use]
    pub fn at_most_takes_tokens_from(&self, old: &Self) -> bool {
        let known = |token: &Token| old.tokens.iter().any(|was| was.name == token.name && was.secret == token.secret && token.role <= was.role);
        let rest = Self { tokens: old.tokens.clone(), ..self.clone() };
        rest == *old && self.tokens.iter().all(known)
    }
}

const ROLES: [(&str, Role); 4] = [("viewer", Role::Viewer), ("operator", Role::Operator), ("approver", Role::Approver), ("admin", Role::Admin)];

pub(super) fn listen(page: &mut Page<'_>, section: &mut Section<'_, '_>) -> Listen {
    let folder = page.folder.clone();
    let listen = Form::text("\"127.0.0.1:8787\" or \"unix:PATH\"", move |text| match text.strip_prefix("unix:") {
        Some(path) if !path.is_empty() => Ok(Listen::Unix(folder.join(path))),
        Some(_) | None => text.parse().map(Listen::Tcp).map_err(|_| Misfit::from(format!("`{}` is not an address with a port", shown(text)))),
    });
    section.or(page, "listen", &listen, Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8787))))
}

pub(super) fn admin(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Option<Admin> {
    let mut section = root.section(page, "admin");
    let listen = listen(page, &mut section);
    let public_url = section.optional(page, "public_url", &form::url());
    let tls = tls(page, &mut section);
    if let Listen::Tcp(address) = listen
        && !address.ip().is_loopback()
        && !tls.is_written
    {
        page.fault("admin.listen", format!("{address} is reachable from outside and has no TLS"), "a loopback address, a unix socket, or [admin.tls]");
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut complete = true;
    for mut token in section.tables(page, "tokens") {
        let name = token.required(page, "name", &form::parsed::<NodeId>("a name of up to 64 letters, digits, `-`, `_` or `.`", "such a name"));
        let role = token.required(page, "role", &form::choice(&ROLES));
        let secret = token.required(page, "secret", &secret::form(page));
        let at = token.at.clone();
        token.end(page);
        let (Some(name), Some(role), Some(secret)) = (name, role, secret) else {
            complete = false;
            continue;
        };
        if name.as_str() == LOCAL {
            page.fault(&format!("{at}.name"), format!("`{LOCAL}` is the machine's own token"), "another name");
        }
        if tokens.iter().any(|earlier| earlier.name == name.as_str()) {
            page.fault(&format!("{at}.name"), format!("there is a token `{name}` already"), "a name for each token");
        }
        if let Some(earlier) = tokens.iter().find(|earlier| earlier.secret == secret) {
            page.fault(&format!("{at}.secret"), format!("the token `{}` has the same secret", earlier.name), "a secret for each token");
        }
        tokens.push(Token { name: name.to_string(), role, secret });
    }
    section.end(page);
    complete.then_some(Admin { listen, tls: tls.value, public_url, tokens })
}

struct ReadTls {
    is_written: bool,
    value: Option<Tls>,
}

fn tls(page: &mut Page<'_>, admin: &mut Section<'_, '_>) -> ReadTls {
    let mut section = admin.section(page, "tls");
    let is_written = section.is_written();
    let folder = page.folder.clone();
    let certificate = section.required(page, "certificate", &form::text("the path of a PEM file").map(move |text| folder.join(text)));
    let key = section.required(page, "key", &secret::form(page));
    section.end(page);
    ReadTls { is_written, value: certificate.zip(key).map(|(certificate, key)| Tls { certificate, key }) }
}

/// `[sandbox]`: the platforms as servers of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// What its market is a function of.
    pub seed: u64,
    /// Campaigns over all its accounts.
    pub campaigns: u32,
    /// Whether its "people" edit campaigns now and then.
    pub people: bool,
    /// Where it listens; a free loopback port when missing.
    pub listen: Option<SocketAddr>,
    /// Share of the platforms' conversions that its GA4 properties count, in percent.
    pub ga4_share: Decimal,
    /// How much later than the platforms they count them.
    pub ga4_delay: Duration,
    /// Share of requests, in percent, that meet each kind of fault.
    pub faults: BTreeMap<&'static str, Decimal>,
    /// Share of the platforms' documented quotas that is given, in percent; no quota when missing.
    pub quota: Option<Decimal>,
}

/// The faults the sandbox can be told to show from the start.
const FAULTS: [&str; 10] = ["timeout", "http_429", "http_500", "reset_before", "reset_after", "duplicate", "stale_read", "slow", "revoked_token", "clip"];

pub(super) fn sandbox(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Option<Sandbox> {
    let mut section = root.section(page, "sandbox");
    let is_written = section.is_written();
    let seed = section.or(page, "seed", &form::integer(0, i64::MAX.unsigned_abs()), 7);
    let campaigns = section.or(page, "campaigns", &form::integer(3, 600), 24);
    let people = section.or(page, "people", &form::boolean(), false);
    let address = Form::text("a loopback address with a port such as \"127.0.0.1:8901\"", |text| {
        let address: SocketAddr = text.parse().map_err(|_| Misfit::from(format!("`{}` is not an address with a port", shown(text))))?;
        if address.ip().is_loopback() { Ok(address) } else { Err(Misfit::from(format!("{address} is reachable from outside"))) }
    });
    let listen = section.optional(page, "listen", &address);
    let ga4_share = section.or(page, "ga4_share", &form::percent(Decimal::ZERO, Decimal::from(200)), Decimal::from(88));
    let ga4_delay = section.or(page, "ga4_delay", &form::duration(Duration::ZERO, Duration::from_secs(3 * 86_400)), Duration::from_secs(12 * 3_600));
    let mut inner = section.section(page, "faults");
    let share = form::percent(Decimal::ZERO, Decimal::ONE_HUNDRED);
    let faults = FAULTS.into_iter().filter_map(|name| inner.optional(page, name, &share).map(|share| (name, share))).collect();
    inner.end(page);
    let quota = section.optional(page, "quota", &share);
    section.end(page);
    is_written.then_some(Sandbox { seed, campaigns: u32::try_from(campaigns).unwrap_or(24), people, listen, ga4_share, ga4_delay, faults, quota })
}
