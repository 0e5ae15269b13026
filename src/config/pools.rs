//! `[pools.NAME]`: budgets that share money.

use std::collections::BTreeMap;

use super::accounts::{Seen, named};
use super::fault::nearest;
use super::form;
use super::reader::{Page, Section};
use crate::domain::ids::{AccountId, PoolId};
use crate::domain::money::{Currency, Money};
use crate::domain::policy::{Members, PoolPolicy};

/// How a pool's monthly cap is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// Evenly over the days left of the month.
    Even,
    /// Not at all: the caps alone bind.
    Free,
}

impl Pacing {
    /// The word in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Free => "free",
        }
    }
}

/// `[pools.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is judged by.
    pub policy: PoolPolicy,
    /// How the monthly cap is spread.
    pub pacing: Pacing,
}

/// What agents must know of a pool, as far as it could be read.
#[derive(Default)]
pub(super) struct SeenPool {
    pub(super) currency: Option<Currency>,
    pub(super) daily_cap: Option<Money>,
    pub(super) members: Option<Members>,
}

pub(super) fn pools(
    page: &mut Page<'_>,
    root: &mut Section<'_, '_>,
    accounts: &BTreeMap<String, Seen>,
) -> (BTreeMap<PoolId, Pool>, BTreeMap<String, SeenPool>) {
    let mut read = BTreeMap::new();
    let mut seen: BTreeMap<String, SeenPool> = BTreeMap::new();
    let sections = root.named(page, "pools");
    if sections.is_empty() {
        page.fault("pools", "there is no pool", "at least one [pools.NAME]");
    }
    for (name, mut section) in sections {
        let id: Option<PoolId> = named(page, &section.at, &name);
        let at = section.at.clone();
        let members = members(page, &mut section, accounts);
        let time_zone = section.required(page, "time_zone", &form::zone());
        let daily_cap = section.required(page, "daily_cap", &form::money());
        let monthly_cap = section.required(page, "monthly_cap", &form::money());
        let pacing = section.or(page, "pacing", &form::choice(&[("even", Pacing::Even), ("free", Pacing::Free)]), Pacing::Even);
        section.end(page);
        if let (Some(daily), Some(monthly)) = (daily_cap, monthly_cap) {
            if daily.currency() != monthly.currency() {
                page.fault(
                    &format!("{at}.monthly_cap"),
                    format!("it is in {}, and the daily cap is in {}", monthly.currency(), daily.currency()),
                    "one currency a pool",
                );
            } else if daily.micros() > monthly.micros() {
                page.fault(
                    &format!("{at}.daily_cap"),
                    format!("{daily} a day is above the monthly cap of {monthly}"),
                    "a daily cap of at most the monthly cap",
                );
            }
        }
        let currency = daily_cap.or(monthly_cap).map(Money::currency);
        one_currency(page, &at, currency, members.as_ref(), accounts);
        for (other, theirs) in &seen {
            overlap(page, &at, members.as_ref(), other, theirs.members.as_ref());
        }
        seen.insert(name, SeenPool { currency, daily_cap, members: members.clone() });
        if let (Some(id), Some(members), Some(time_zone), Some(daily_cap), Some(monthly_cap)) = (id, members, time_zone, daily_cap, monthly_cap) {
            read.insert(id, Pool { policy: PoolPolicy { members, time_zone, daily_cap, monthly_cap }, pacing });
        }
    }
    (read, seen)
}

fn members(page: &mut Page<'_>, section: &mut Section<'_, '_>, accounts: &BTreeMap<String, Seen>) -> Option<Members> {
    let mut table = section.section(page, "members");
    if !table.is_written() && !section.is_key_written("members") {
        page.fault(&section.at, "`members` is missing", "for example { accounts = [\"meta-main\"], name = \"*\" }");
    }
    let names = table.required(page, "accounts", &form::texts("a list of account names such as [\"meta-main\"]"));
    let name = table.or(page, "name", &form::text("a pattern over campaign names such as \"brand*\""), "*".to_owned());
    let at = table.path("accounts");
    table.end(page);
    let names = names?;
    if names.is_empty() {
        page.fault(&at, "the pool has no member", "at least one account");
    }
    let mut known: Vec<AccountId> = Vec::new();
    for (number, account) in names.iter().enumerate() {
        let at = format!("{at}[{number}]");
        match account.parse() {
            Ok(id) if known.contains(&id) => page.fault(&at, format!("`{id}` is named twice"), "each account once"),
            Ok(id) if accounts.contains_key(account) => known.push(id),
            Ok(_) | Err(_) => dangling(page, &at, "account", account, accounts.keys()),
        }
    }
    (known.len() == names.len()).then_some(Members { accounts: known, name })
}

pub(super) fn dangling<'n>(page: &mut Page<'_>, at: &str, kind: &str, name: &str, names: impl Iterator<Item = &'n String> + Clone) {
    let list: Vec<&str> = names.clone().map(String::as_str).collect();
    let expected = if list.is_empty() { format!("the name of an [{kind}s.NAME]") } else { format!("one of {}", list.join(", ")) };
    page.fault_near(at, format!("there is no {kind} `{}`", super::fault::shown(name)), expected, nearest(name, names.map(String::as_str)));
}

fn one_currency(page: &mut Page<'_>, at: &str, currency: Option<Currency>, members: Option<&Members>, accounts: &BTreeMap<String, Seen>) {
    let (Some(currency), Some(members)) = (currency, members) else { return };
    for account in &members.accounts {
        let theirs = accounts.get(account.as_str()).and_then(|seen| seen.currency);
        if let Some(theirs) = theirs.filter(|theirs| *theirs != currency) {
            page.fault(&format!("{at}.members.accounts"), format!("`{account}` spends {theirs}, and the pool's caps are in {currency}"), "one currency a pool");
        }
    }
}

fn overlap(page: &mut Page<'_>, at: &str, ours: Option<&Members>, other: &str, theirs: Option<&Members>) {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return };
    let Some(shared) = ours.accounts.iter().find(|account| theirs.accounts.contains(account)) else { return };
    if patterns_meet(&ours.name, &theirs.name) {
        let what = format!("campaigns of `{shared}` that match both \"{}\" and \"{}\" would belong to [pools.{other}] as well", ours.name, theirs.name);
        page.fault(&format!("{at}.members"), what, "each budget in one pool: other accounts, or name patterns that cannot both match");
    }
}

/// Whether some text matches both patterns.
fn patterns_meet(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_ascii_lowercase().chars().collect(), b.to_ascii_lowercase().chars().collect());
    // meets[j]: whether the rest of `a` from the row's place and the rest of `b` from j can match the same text.
    let mut below = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            row[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), None) => below[j],
                (None, Some('*')) => row[j + 1],
                (Some('*'), Some(_)) | (Some(_), Some('*')) => below[j] || row[j + 1],
                (Some(x), Some(y)) => x == y && below[j + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_meet_when_one_name_could_match_both() {
        for (a, b, meet) in [
            ("*", "*", true),
            ("brand*", "*", true),
            ("brand*", "generic*", false),
            ("*search", "brand*", true),
            ("a*b", "b*a", false),
            ("Brand", "brand", true),
            ("", "*", true),
            ("a", "", false),
            ("*a", "*b", false),
        ] {
            assert_eq!(patterns_meet(a, b), meet, "{a} and {b}");
            assert_eq!(patterns_meet(b, a), meet, "{b} and {a}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_both_match_a_name_are_seen_to_meet(name in "[ab]{0,8}", a in prop::collection::vec(any::<bool>(), 8), b in prop::collection::vec(any::<bool>(), 8)) {
            let starred = |stars: &[bool]| name.chars().zip(stars).map(|(letter, star)| if *star { '*' } else { letter }).collect::<String>();
            let (a, b) = (starred(&a), starred(&b));
            prop_assert!(crate::domain::policy::glob(&a, &name) && crate::domain::policy::glob(&b, &name));
            prop_assert!(patterns_meet(&a, &b));
        }
    }
}
