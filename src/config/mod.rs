//! `agents.toml` becomes a validated [`Config`], or a list of everything that is wrong with it: file, line, what was expected, the nearest
//! valid name. Nothing is dropped in silence and nothing defaults to "no limit". Secrets stay where they are kept; the file refers to them.
//!
//! May touch: domain and clock types. The daemon and the command line call [`Config::load`]; everything else takes values.

mod accounts;
mod agents;
mod credentials;
mod currencies;
pub mod difference;
mod effective;
mod fault;
mod form;
mod guardrails;
mod pools;
mod reader;
mod rhythm;
mod secret;
mod whereabouts;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use accounts::{Account, ConversionValue, Conversions, Endpoint, Ga4};
pub use credentials::Credentials;
pub use effective::{Checked, check, effective, without_effect};
pub use fault::{Fault, Faults};
pub use guardrails::{Looser, NUMBERS, Number, Reach, Unit};
pub use pools::{Pacing, Pool};
pub use rhythm::{Schedules, Webhook, cron};
pub use secret::{Process, SecretError, SecretRef, Setting, Surroundings};
pub use whereabouts::Whereabouts;
pub use workspace::{Admin, Database, Listen, Sandbox, TimeLapse, Tls, Token, Workspace};

use crate::domain::ids::{AccountId, AgentId, PoolId};
use crate::domain::money::Currency;
use crate::domain::policy::{AccountPolicy, AgentPolicy, ApprovalPolicy, CalendarEvent, Guardrails, Policy};
use reader::{Page, Section};

/// Largest file that is read, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// Everything a configuration file says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The workspace.
    pub workspace: Workspace,
    /// Time-lapse; real time when missing.
    pub clock: Option<TimeLapse>,
    /// The admin interface.
    pub admin: Admin,
    /// Accounts by name.
    pub accounts: BTreeMap<AccountId, Account>,
    /// GA4 properties by name.
    pub ga4: BTreeMap<String, Ga4>,
    /// Pools by name.
    pub pools: BTreeMap<PoolId, Pool>,
    /// Agents by name.
    pub agents: BTreeMap<AgentId, AgentPolicy>,
    /// Guardrails where no agent's own apply.
    pub guardrails: Guardrails,
    /// How tickets are answered.
    pub approvals: ApprovalPolicy,
    /// Days that are not like others.
    pub calendar: Vec<CalendarEvent>,
    /// Where alerts go, by name.
    pub notify: BTreeMap<String, Webhook>,
    /// The platforms as servers of our own.
    pub sandbox: Option<Sandbox>,
    /// When what is done.
    pub schedules: Schedules,
    /// Keys the file leaves to their defaults, as `section.key`.
    pub defaulted: BTreeSet<String>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Faults`]: all that is wrong with it.
    pub fn load(path: &Path, surroundings: &dyn Surroundings) -> Result<Self, Faults> {
        let refuse = |what: String, expected: &str| {
            let fault = Fault { line: None, at: String::new(), what, expected: expected.to_owned(), near: None };
            Faults::new(path.display().to_string(), vec![fault])
        };
        let largest = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        match std::fs::metadata(path) {
            Ok(file) if file.len() > largest => return Err(refuse(format!("the file has {} bytes", file.len()), "at most 1 MiB")),
            Ok(_) | Err(_) => {}
        }
        let text = surroundings.read(path).map_err(|error| refuse(format!("cannot be read: {error}"), "a configuration file; name another with --config"))?;
        Self::parse(&text, path, surroundings)
    }

    /// Checks the text of a file. `path` names it in messages, and its folder is where relative paths start.
    ///
    /// # Errors
    /// [`Faults`]: all that is wrong with it.
    pub fn parse(text: &str, path: &Path, surroundings: &dyn Surroundings) -> Result<Self, Faults> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let mut page = Page::new(text, path.display().to_string(), folder, surroundings);
        if text.len() > LARGEST {
            page.broken(0, format!("the file has {} bytes; at most 1 MiB is read", text.len()));
            return page.finish(None);
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let twice =
                    error.span().filter(|_| error.message() == "duplicate key").and_then(|span| text.get(span)).map(|key| format!(" `{}`", fault::shown(key)));
                let what = format!("this is not TOML: {}{}", fault::shown(error.message()), twice.unwrap_or_default());
                page.broken(error.span().map_or(0, |span| span.start), what);
            }
            return page.finish(None);
        }
        page.index("", document.get_ref());
        let mut root = Section::root(document.get_ref());
        let config = Self::read(&mut page, &mut root);
        root.end(&mut page);
        page.finish(config)
    }

    fn read(page: &mut Page<'_>, root: &mut Section<'_, '_>) -> Option<Self> {
        let workspace = workspace::workspace(page, root);
        let lapse = root.is_key_written("clock");
        let clock = workspace::clock(page, root);
        let admin = workspace::admin(page, root);
        let (accounts, seen) = accounts::accounts(page, root, lapse);
        let ga4 = accounts::ga4(page, root, lapse, &seen);
        let (pools, seen_pools) = pools::pools(page, root, &seen);
        let currencies: BTreeSet<Currency> = seen_pools.values().filter_map(|pool| pool.currency).collect();
        let names: Vec<&str> = seen.keys().map(String::as_str).collect();
        let mut table = root.section(page, "guardrails");
        let mut guardrails = guardrails::read(page, &mut table, &Guardrails::default(), Reach::Workspace, &currencies, &names);
        table.end(page);
        let zone = pools.values().next().map_or(chrono_tz::UTC, |pool| pool.policy.time_zone);
        let approvals = rhythm::approvals(page, root, &mut guardrails, &currencies, zone);
        let agents = agents::agents(page, root, &seen_pools, &guardrails, &names);
        let calendar = rhythm::calendar(page, root);
        let notify = rhythm::notify(page, root);
        let sandbox = workspace::sandbox(page, root);
        let schedules = rhythm::schedules(page, root);
        let sandboxed = accounts.iter().map(|(name, account)| (format!("accounts.{name}"), &account.endpoint));
        let sandboxed = sandboxed.chain(ga4.iter().map(|(name, property)| (format!("measurement.ga4.{name}"), &property.endpoint)));
        if sandbox.is_none() && !root.is_key_written("sandbox") {
            for (at, _) in sandboxed.filter(|(_, endpoint)| **endpoint == Endpoint::Sandbox) {
                page.fault(&format!("{at}.base_url"), "there is no [sandbox] to reach", "a [sandbox] section, or another base_url");
            }
        }
        let clock = if lapse { Some(clock?) } else { None };
        Some(Self {
            workspace: workspace?,
            clock,
            admin: admin?,
            accounts,
            ga4,
            pools,
            agents,
            guardrails,
            approvals,
            calendar,
            notify,
            sandbox,
            schedules,
            defaulted: std::mem::take(&mut page.defaulted),
        })
    }

    /// The policy this configuration puts in force.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let account = |account: &Account| AccountPolicy {
            platform: account.platform,
            id: account.id.clone(),
            currency: account.currency,
            time_zone: account.time_zone,
            accepted: account.accepted,
            sandbox: account.endpoint == Endpoint::Sandbox,
        };
        Policy {
            workspace: self.guardrails.clone(),
            agents: self.agents.clone(),
            accounts: self.accounts.iter().map(|(name, configured)| (name.clone(), account(configured))).collect(),
            pools: self.pools.iter().map(|(name, pool)| (name.clone(), pool.policy.clone())).collect(),
            calendar: self.calendar.clone(),
            approvals: self.approvals,
            tokens: self.admin.tokens.iter().map(|token| (token.name.clone(), token.role)).collect(),
        }
    }
}
