//! How two policies differ, and which of the differences let more happen than before.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde_json::Value;

use super::guardrails::{FOUR_EYES, Looser, NUMBERS, Number, Reach};
use crate::domain::money::Money;
use crate::domain::policy::{CalendarEffect, Guardrails, Members, Policy, PoolPolicy, glob};
use crate::domain::proposal::Autonomy;

/// One thing a new policy allows that the old one did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loosening {
    /// Section and key, such as `pools.core.daily_cap`.
    pub at: String,
    /// What it was, in words.
    pub old: String,
    /// What it would be, in words.
    pub new: String,
}

impl fmt::Display for Loosening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.at, self.old, self.new)
    }
}

struct Found(Vec<Loosening>);

impl Found {
    fn add(&mut self, at: impl Into<String>, old: impl fmt::Display, new: impl fmt::Display) {
        self.0.push(Loosening { at: at.into(), old: old.to_string(), new: new.to_string() });
    }
}

/// Everything `new` allows that `old` did not. Empty when `new` is nowhere looser; a policy compared with itself never is.
#[must_use]
pub fn loosenings(old: &Policy, new: &Policy) -> Vec<Loosening> {
    let mut found = Found(Vec::new());
    rails(&mut found, "guardrails", &old.workspace, &new.workspace, Reach::Workspace);
    agents(&mut found, old, new);
    leavers(&mut found, old, new);
    accounts(&mut found, old, new);
    pools(&mut found, old, new);
    calendar(&mut found, old, new);
    for (name, role) in &new.tokens {
        match old.tokens.get(name) {
            None => found.add(format!("admin.tokens.{name}"), "no token", role.name()),
            Some(before) if role > before => found.add(format!("admin.tokens.{name}"), before.name(), role.name()),
            Some(_) => {}
        }
    }
    found.0
}

fn rails(found: &mut Found, at: &str, old: &Guardrails, new: &Guardrails, reach: Reach) {
    for number in NUMBERS.iter().filter(|number| reach == Reach::Workspace || number.reach == Reach::Agent) {
        if looser(number, old, new) {
            let at = if number.key == FOUR_EYES { "approvals" } else { at };
            found.add(format!("{at}.{}", number.key), number.shown(old), number.shown(new));
        }
    }
    for pattern in new.allow.iter().filter(|pattern| !covered(pattern, old.allow.iter())) {
        found.add(format!("{at}.allow"), old.allow.join(", "), format!("{pattern} as well"));
    }
}

fn looser(number: &Number, old: &Guardrails, new: &Guardrails) -> bool {
    let looser = match number.looser {
        Looser::Larger => Ordering::Greater,
        Looser::Smaller => Ordering::Less,
    };
    (number.get)(new).cmp(&(number.get)(old)) == looser
}

/// Whether everything `pattern` matches is matched by one of `others`: a `*` of theirs takes in a `*` of ours as it takes in any letter.
fn covered<'p>(pattern: &str, mut others: impl Iterator<Item = &'p String>) -> bool {
    others.any(|other| glob(other, pattern))
}

fn agents(found: &mut Found, old: &Policy, new: &Policy) {
    for (name, agent) in &new.agents {
        let at = format!("agents.{name}");
        let Some(before) = old.agents.get(name) else {
            if agent.autonomy == Autonomy::Autonomous {
                found.add(at, "no such agent", format!("acts alone in pool {}", agent.pool));
            }
            continue;
        };
        if agent.autonomy > before.autonomy {
            found.add(format!("{at}.autonomy"), autonomy(before.autonomy), autonomy(agent.autonomy));
        }
        if agent.pool != before.pool && agent.autonomy == Autonomy::Autonomous {
            found.add(format!("{at}.pool"), &before.pool, &agent.pool);
        }
        if agent.autonomy == Autonomy::Autonomous && !within(agent.members.as_ref(), before.members.as_ref()) {
            let words = |members: Option<&Members>| members.map_or("the whole pool".to_owned(), |members| format!("campaigns `{}`", members.name));
            found.add(format!("{at}.members"), words(before.members.as_ref()), format!("{}, more than before", words(agent.members.as_ref())));
        }
        rails(found, &format!("{at}.guardrails"), &before.guardrails, &agent.guardrails, Reach::Agent);
    }
}

/// Whether everything `new` takes in was taken in before; `None` is a whole pool.
fn within(new: Option<&Members>, old: Option<&Members>) -> bool {
    match (new, old) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(new), Some(old)) => new.accounts.iter().all(|account| old.accounts.contains(account)) && covered(&new.name, std::iter::once(&old.name)),
    }
}

/// What holds for an agent is the tightest of all agents of its pool: one that leaves may have held back those that stay.
fn leavers(found: &mut Found, old: &Policy, new: &Policy) {
    for (name, gone) in &old.agents {
        if new.agents.get(name).is_some_and(|agent| agent.pool == gone.pool) {
            continue;
        }
        let stay: Vec<&Guardrails> = new.agents.values().filter(|agent| agent.pool == gone.pool).map(|agent| &agent.guardrails).collect();
        let at = format!("pools.{}.agents", gone.pool);
        for number in NUMBERS.iter().filter(|number| number.reach == Reach::Agent) {
            let tightest = stay.iter().copied().reduce(|a, b| if looser(number, b, a) { b } else { a });
            if let Some(tightest) = tightest.filter(|tightest| looser(number, &gone.guardrails, tightest)) {
                let now = format!("{} for those that stay, as `{name}` leaves", number.shown(tightest));
                found.add(format!("{at}.{}", number.key), number.shown(&gone.guardrails), now);
            }
        }
        let as_narrow = |rails: &&Guardrails| rails.allow.iter().all(|pattern| covered(pattern, gone.guardrails.allow.iter()));
        if !stay.is_empty() && !stay.iter().any(as_narrow) {
            found.add(format!("{at}.allow"), gone.guardrails.allow.join(", "), format!("more for those that stay, as `{name}` leaves"));
        }
    }
}

/// The word for an autonomy in the file.
pub(super) const fn autonomy(autonomy: Autonomy) -> &'static str {
    match autonomy {
        Autonomy::Observe => "observe",
        Autonomy::Suggest => "suggest",
        Autonomy::Autonomous => "autonomous",
    }
}

fn accounts(found: &mut Found, old: &Policy, new: &Policy) {
    for (name, account) in &new.accounts {
        let before = old.accounts.get(name);
        if account.accepted && !before.is_some_and(|before| before.accepted) {
            found.add(format!("accounts.{name}.accepted"), before.map_or("no such account", |_| "false"), "true");
        }
        if before.is_some_and(|before| before.sandbox) && !account.sandbox {
            found.add(format!("accounts.{name}.base_url"), "sandbox", "a real platform");
        }
        if let Some(before) = before.filter(|before| before.accepted && account.accepted && before.id != account.id) {
            let was = if before.id.is_empty() { "not recorded" } else { &before.id };
            found.add(format!("accounts.{name}.id"), was, format!("{}, which nobody has accepted yet", account.id));
        }
        if let Some(before) = before.filter(|before| before.platform != account.platform) {
            found.add(format!("accounts.{name}.platform"), before.platform, account.platform);
        }
    }
}

fn pools(found: &mut Found, old: &Policy, new: &Policy) {
    for (name, pool) in &new.pools {
        let at = format!("pools.{name}");
        match old.pools.get(name) {
            None => found.add(at, "no such pool", format!("may commit {} a day and spend {} a month", pool.daily_cap, pool.monthly_cap)),
            Some(before) => {
                cap(found, format!("{at}.daily_cap"), before.daily_cap, pool.daily_cap);
                cap(found, format!("{at}.monthly_cap"), before.monthly_cap, pool.monthly_cap);
                members(found, &format!("{at}.members"), before, pool);
            }
        }
    }
}

/// A cap in another currency cannot be compared, so it counts as looser.
fn cap(found: &mut Found, at: String, old: Money, new: Money) {
    if new.compare(old) != Ok(Ordering::Less) && new != old {
        found.add(at, old, new);
    }
}

fn members(found: &mut Found, at: &str, old: &PoolPolicy, new: &PoolPolicy) {
    let (old, new): (&Members, &Members) = (&old.members, &new.members);
    for account in new.accounts.iter().filter(|account| !old.accounts.contains(account)) {
        let list: Vec<&str> = old.accounts.iter().map(|account| account.as_str()).collect();
        found.add(format!("{at}.accounts"), list.join(", "), format!("{account} as well"));
    }
    if !covered(&new.name, std::iter::once(&old.name)) {
        found.add(format!("{at}.name"), &old.name, &new.name);
    }
}

fn calendar(found: &mut Found, old: &Policy, new: &Policy) {
    let days = |policy: &Policy, wanted: CalendarEffect| -> BTreeSet<NaiveDate> {
        policy.calendar.iter().filter(|event| event.effect == wanted).flat_map(|event| event.from.iter_days().take_while(|day| *day <= event.to)).collect()
    };
    let (frozen, still) = (days(old, CalendarEffect::Freeze), days(new, CalendarEffect::Freeze));
    for (from, to) in spans(frozen.difference(&still)) {
        found.add("calendar", format!("frozen from {from} to {to}"), "not frozen");
    }
    let (calm, volatile) = (days(old, CalendarEffect::Volatile), days(new, CalendarEffect::Volatile));
    for (from, to) in spans(volatile.difference(&calm)) {
        found.add("calendar", "not volatile", format!("volatile from {from} to {to}, when less confidence is asked"));
    }
}

/// Days in order as spans without gaps.
fn spans<'d>(days: impl Iterator<Item = &'d NaiveDate>) -> Vec<(NaiveDate, NaiveDate)> {
    let mut spans: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for day in days {
        match spans.last_mut() {
            Some((_, to)) if to.succ_opt() == Some(*day) => *to = *day,
            Some(_) | None => spans.push((*day, *day)),
        }
    }
    spans
}

/// Every difference between two policies, one line each, in the order of their keys: what reload prints and the ledger keeps.
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Vec<String> {
    let json = |policy: &Policy| serde_json::to_value(policy).expect("a policy has only string keys and finite numbers");
    let mut lines = Vec::new();
    compare("", Some(&json(old)), Some(&json(new)), &mut lines);
    lines
}

fn compare(at: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<String>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(&at, old.get(key), new.get(key), lines);
            }
        }
        (old, new) => lines.push(format!("{at}: {} → {}", plain(old), plain(new))),
    }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
