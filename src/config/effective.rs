//! What is in force, in words: every value with where it comes from, so that no default stays unseen. Secrets show as their references.

use std::fmt::{self, Display, Write};
use std::path::Path;

use super::accounts::{ConversionValue, Conversions, Endpoint};
use super::credentials::Credentials;
use super::difference::autonomy;
use super::form::in_words;
use super::guardrails::{FOUR_EYES, NUMBERS, Number, Reach};
use super::{Config, Database, Listen, Pacing, Surroundings};
use crate::domain::policy::{AgentPolicy, CalendarEffect, Guardrails};

/// What `adjutant check` prints and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The effective policy, or every fault.
    pub text: String,
    /// 0, or 1 when there are faults.
    pub exit_code: u8,
}

/// Reads a file and says what it puts in force, or all that is wrong with it.
#[must_use]
pub fn check(path: &Path, surroundings: &dyn Surroundings) -> Checked {
    match Config::load(path, surroundings) {
        Ok(config) => Checked { text: effective(&config), exit_code: 0 },
        Err(faults) => {
            let count = faults.list().len();
            Checked { text: format!("{faults}\n{count} fault{} in {}\n", if count == 1 { "" } else { "s" }, path.display()), exit_code: 1 }
        }
    }
}

/// What the file says and this version understands without acting on it, one line each: a key that does nothing must not pass for one that works.
#[must_use]
pub fn without_effect(config: &Config) -> Vec<String> {
    let free = config.pools.iter().filter(|(_, pool)| pool.pacing == Pacing::Free);
    let free = free.map(|(name, _)| format!("[pools.{name}] pacing = \"free\": the monthly cap is spread evenly all the same"));
    let seasons = config.calendar.iter().filter(|event| matches!(event.effect, CalendarEffect::Season { .. }));
    let seasons = seasons.map(|event| format!("[calendar.{}] season: these days are judged like any others", event.name));
    let digest = (!config.defaulted.contains("schedules.digest")).then(|| "[schedules] digest: no digest is sent".to_owned());
    free.chain(seasons).chain(digest).collect()
}

/// What `config` puts in force, with every default.
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut page = String::new();
    write(config, &mut page).expect("writing to a string does not fail");
    page
}

fn write(config: &Config, page: &mut String) -> fmt::Result {
    daemon(config, page)?;
    accounts(config, page)?;
    pools(config, page)?;
    agents(config, page)?;
    writeln!(page, "\nguardrails: everybody's, where an agent has none of its own")?;
    for number in NUMBERS {
        let section = if number.key == FOUR_EYES { "approvals" } else { "guardrails" };
        let key = format!("{section}.{}", number.key);
        let from = if config.defaulted.contains(&key) { "default".to_owned() } else { format!("[{section}]") };
        number_line(page, number, &config.guardrails, &from)?;
    }
    row(config, page, "allow", "guardrails.allow", config.guardrails.allow.join(", "))?;
    writeln!(page, "\napprovals")?;
    row(
        config,
        page,
        "critical",
        "approvals.critical",
        format_args!("{} business hours until a critical ticket expires, and nothing is done", config.approvals.critical_h),
    )?;
    row(config, page, "other", "approvals.other", format_args!("{} business hours for any other", config.approvals.other_h))?;
    row(config, page, "time_zone", "approvals.time_zone", config.approvals.time_zone)?;
    calendar(config, page)?;
    let idle = without_effect(config);
    if !idle.is_empty() {
        writeln!(page, "\nWITHOUT EFFECT in this version")?;
        for line in &idle {
            writeln!(page, "  {line}")?;
        }
    }
    writeln!(page, "\npolicy {}", config.policy().hash())
}

/// One value and where it comes from.
fn row(config: &Config, page: &mut String, key: &str, path: &str, value: impl Display) -> fmt::Result {
    let from = if config.defaulted.contains(path) { "  (default)" } else { "" };
    writeln!(page, "  {key:<16} {value}{from}")
}

fn number_line(page: &mut String, number: &Number, rails: &Guardrails, from: &str) -> fmt::Result {
    let scope = match number.reach {
        Reach::Agent => "each agent",
        Reach::Workspace => "workspace",
    };
    writeln!(page, "  {:<27} {:<11} {from:<14} {scope:<11} {}", number.key, number.shown(rails), number.meaning)
}

fn daemon(config: &Config, page: &mut String) -> fmt::Result {
    writeln!(page, "workspace {}", config.workspace.name)?;
    let database = match &config.workspace.database {
        Database::Sqlite(path) => format!("sqlite:{}", path.display()),
        Database::Postgres(url) => url.to_string(),
        Database::Kept(reference) => reference.to_string(),
    };
    row(config, page, "database", "workspace.database", database)?;
    row(config, page, "state_dir", "workspace.state_dir", config.workspace.state_dir.display())?;
    match config.clock {
        None => row(config, page, "clock", "clock", "real time")?,
        Some(lapse) => {
            let day_ms = 86_400_000 / u64::from(lapse.rate);
            let origin = lapse.origin.map_or("goes on after a restart where it stopped", |_| "from a fixed origin");
            row(config, page, "clock", "clock", format_args!("time-lapse from {}, {} x: a day every {day_ms} ms, {origin}", lapse.start, lapse.rate))?;
        }
    }
    match &config.admin.listen {
        Listen::Tcp(address) => row(config, page, "listen", "admin.listen", address)?,
        Listen::Unix(path) => row(config, page, "listen", "admin.listen", format_args!("unix:{}", path.display()))?,
    }
    row(config, page, "tls", "admin.tls", config.admin.tls.as_ref().map_or("off", |_| "on"))?;
    for token in &config.admin.tokens {
        row(config, page, "token", "", format_args!("{}, {}, {}", token.name, token.role.name(), token.secret))?;
    }
    for (name, sink) in &config.notify {
        row(config, page, "notify", "", format_args!("{name}: webhook at {}", sink.url.host_str().unwrap_or_default()))?;
    }
    if let Some(sandbox) = &config.sandbox {
        let people = if sandbox.people { "people edit by hand" } else { "nobody edits by hand" };
        row(config, page, "sandbox", "", format_args!("seed {}, {} campaigns, {people}", sandbox.seed, sandbox.campaigns))?;
        if let Some(quota) = sandbox.quota {
            row(config, page, "sandbox quota", "", format_args!("{}% of what the platforms give", quota.normalize()))?;
        }
        for (kind, share) in &sandbox.faults {
            row(config, page, "sandbox fault", "", format_args!("{kind} {}% of requests", share.normalize()))?;
        }
    }
    let schedules = &config.schedules;
    let span = |span: chrono::TimeDelta| in_words(span.to_std().unwrap_or_default());
    writeln!(page, "\nschedules")?;
    row(config, page, "spend_pulse", "schedules.spend_pulse", format_args!("every {}", span(schedules.spend_pulse)))?;
    row(config, page, "observation", "schedules.observation", format_args!("every {}", span(schedules.observation)))?;
    row(config, page, "protective", "schedules.protective", format_args!("every {}", span(schedules.protective)))?;
    row(config, page, "allocation", "schedules.allocation", format_args!("{} in the pool's zone", schedules.allocation))
}

fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Real => "the real platform".to_owned(),
        Endpoint::Sandbox => "SANDBOX".to_owned(),
        Endpoint::At(url) => format!("instead of the platform {url}"),
    }
}

const fn signs_in(credentials: &Credentials) -> &'static str {
    match credentials {
        Credentials::Sandbox => "as the sandbox",
        Credentials::Google { .. } => "with a person's consent",
        Credentials::GoogleService { .. } => "as a service account",
        Credentials::Meta { .. } => "with an access token and signed requests",
        Credentials::Tiktok { .. } => "with an access token",
    }
}

fn accounts(config: &Config, page: &mut String) -> fmt::Result {
    for (name, account) in &config.accounts {
        writeln!(page, "\naccount {name}: {} {}, {}", account.platform, account.id, endpoint(&account.endpoint))?;
        let key = |key: &str| format!("accounts.{name}.{key}");
        row(config, page, "money and time", "", format_args!("{} in {}", account.currency, account.time_zone))?;
        row(config, page, "signs in", "", signs_in(&account.credentials))?;
        let accepted = if account.accepted { "yes: agents act there" } else { "no: every change asks" };
        row(config, page, "accepted", &key("accepted"), accepted)?;
        if let Some(operations) = account.operations_per_day {
            row(config, page, "operations a day", &key("operations_per_day"), operations)?;
        }
        let Conversions { actions, window, value } = &account.conversions;
        row(config, page, "conversions", &key("conversions.actions"), actions.join(", "))?;
        row(config, page, "  window", &key("conversions.window"), in_words(*window))?;
        let value = match value {
            ConversionValue::Reported => "as reported".to_owned(),
            ConversionValue::Fixed(amount) => format!("{amount} each"),
        };
        row(config, page, "  value", &key("conversions.value"), value)?;
    }
    for (name, property) in &config.ga4 {
        writeln!(page, "\nga4 {name}: property {}, {}", property.property, endpoint(&property.endpoint))?;
        row(config, page, "key_events", "", property.key_events.join(", "))?;
        let served: Vec<&str> = property.accounts.iter().map(crate::domain::ids::AccountId::as_str).collect();
        row(config, page, "first source of", &format!("measurement.ga4.{name}.accounts"), served.join(", "))?;
        row(config, page, "join", &format!("measurement.ga4.{name}.join"), &property.join)?;
        row(config, page, "signs in", "", signs_in(&property.credentials))?;
    }
    Ok(())
}

fn pools(config: &Config, page: &mut String) -> fmt::Result {
    for (name, pool) in &config.pools {
        let members: Vec<&str> = pool.policy.members.accounts.iter().map(|account| account.as_str()).collect();
        writeln!(page, "\npool {name}")?;
        let key = |key: &str| format!("pools.{name}.{key}");
        row(config, page, "accounts", "", members.join(", "))?;
        row(config, page, "campaigns", &key("members.name"), &pool.policy.members.name)?;
        row(config, page, "daily_cap", "", pool.policy.daily_cap)?;
        row(config, page, "monthly_cap", "", pool.policy.monthly_cap)?;
        row(config, page, "time_zone", "", pool.policy.time_zone)?;
        row(config, page, "pacing", &key("pacing"), pool.pacing.name())?;
    }
    Ok(())
}

fn agents(config: &Config, page: &mut String) -> fmt::Result {
    for (name, agent) in &config.agents {
        let AgentPolicy { kind, pool, members, goal, priority, autonomy: own, guardrails } = agent;
        let at = format!("agents.{name}");
        writeln!(page, "\nagent {name}: {} in pool {pool}", kind.name())?;
        if let Some(members) = members {
            let accounts: Vec<&str> = members.accounts.iter().map(|account| account.as_str()).collect();
            row(config, page, "speaks for", "", format_args!("campaigns `{}` of {}", members.name, accounts.join(", ")))?;
        }
        row(config, page, "goal", "", goal)?;
        row(config, page, "priority", &format!("{at}.priority"), priority.normalize())?;
        row(config, page, "autonomy", &format!("{at}.autonomy"), autonomy(*own))?;
        for number in NUMBERS.iter().filter(|number| number.reach == Reach::Agent && !config.defaulted.contains(&format!("{at}.guardrails.{}", number.key))) {
            number_line(page, number, guardrails, &format!("[{at}]"))?;
        }
        if !config.defaulted.contains(&format!("{at}.guardrails.allow")) {
            row(config, page, "allow", "", guardrails.allow.join(", "))?;
        }
    }
    Ok(())
}

fn calendar(config: &Config, page: &mut String) -> fmt::Result {
    if !config.calendar.is_empty() {
        writeln!(page, "\ncalendar")?;
    }
    for event in &config.calendar {
        let effect = match event.effect {
            CalendarEffect::Volatile => "volatile".to_owned(),
            CalendarEffect::Freeze => "frozen: nothing but reductions".to_owned(),
            CalendarEffect::Season { demand } => format!("demand x {}", demand.normalize()),
        };
        row(config, page, &event.name, "", format_args!("{} to {}: {effect}", event.from, event.to))?;
    }
    Ok(())
}
