use rust_decimal::Decimal;

use super::*;
use crate::config::{Config, Process};
use crate::domain::ids::AgentId;
use crate::domain::ticket::Role;

const SHIPPED: &str = include_str!("../../agents.toml");

fn policy(replace: &[(&str, &str)]) -> Policy {
    let mut text = SHIPPED.to_owned();
    for (old, new) in replace {
        assert!(text.contains(old), "the shipped file has `{old}`");
        text = text.replacen(old, new, 1);
    }
    match Config::parse(&text, std::path::Path::new("agents.toml"), &Process) {
        Ok(config) => config.policy(),
        Err(faults) => panic!("{faults}"),
    }
}

fn looser(replace: &[(&str, &str)]) -> Vec<String> {
    loosenings(&policy(&[]), &policy(replace)).iter().map(ToString::to_string).collect()
}

#[test]
fn every_way_to_loosen_a_policy_is_named_with_its_old_and_new_value() {
    for (old, new, said) in [
        ("daily_cap = \"6000 USD\"", "daily_cap = \"6000.01 USD\"", "pools.core.daily_cap: 6000.00 USD → 6000.01 USD"),
        ("monthly_cap = \"320000 USD\"", "monthly_cap = \"330000 USD\"", "pools.core.monthly_cap: 320000.00 USD → 330000.00 USD"),
        ("step = \"15%\"", "step = \"16%\"", "agents.scale.guardrails.step: 15% → 16%"),
        ("earned_amount = \"250 USD\"", "cooldown_cut = \"23h\"", "guardrails.cooldown_cut: 24h → 23h"),
        ("four_eyes_above = \"5000 USD\"", "four_eyes_above = \"5001 USD\"", "approvals.four_eyes_above: 5000 units → 5001 units"),
        ("from = \"2026-02-10\"", "from = \"2026-02-09\"", "calendar: not volatile → volatile from 2026-02-09 to 2026-02-09, when less confidence is asked"),
    ] {
        let found = looser(&[(old, new)]);
        assert!(found.contains(&said.to_owned()), "{new}: {found:?}");
    }
}

#[test]
fn an_agent_that_acts_alone_and_comes_to_speak_for_more_is_a_loosening() {
    let (narrow, wide) = ("[agents.scale]\nmembers = { name = \"brand*\" }", "[agents.scale]\nmembers = { name = \"b*\" }");
    let [all, narrow, wide] = [policy(&[]), policy(&[("[agents.scale]", narrow)]), policy(&[("[agents.scale]", wide)])];
    for (before, after, looser) in [(&all, &narrow, false), (&narrow, &all, true), (&narrow, &wide, true), (&wide, &narrow, false)] {
        assert_eq!(loosenings(before, after).iter().any(|found| found.at == "agents.scale.members"), looser);
    }
}

#[test]
fn what_is_tightened_or_merely_different_is_no_loosening() {
    for (old, new) in [
        ("daily_cap = \"6000 USD\"", "daily_cap = \"6000 USD\"\npacing = \"even\""),
        ("step = \"15%\"", "step = \"1%\""),
        ("earned_amount = \"250 USD\"", "earned_amount = \"0 USD\"\ncooldown_cut = \"48h\"\nconfidence_growth = 0.9"),
        ("priority = 0.4", "priority = 0.9"),
        ("autonomy = \"autonomous\"", "autonomy = \"suggest\""),
        ("accepted = true", "accepted = false"),
        ("effect = \"volatile\"", "effect = \"freeze\""),
        ("name = \"*\"", "name = \"brand*\""),
    ] {
        assert_eq!(looser(&[(old, new)]), Vec::<String>::new(), "{new}");
    }
}

#[test]
fn undoing_a_tightening_is_a_loosening() {
    for (old, new, at) in [
        ("accepted = true", "accepted = false", "accounts.google-main.accepted: false → true"),
        ("autonomy = \"autonomous\"", "autonomy = \"observe\"", "agents.scale.autonomy: observe → autonomous"),
        ("effect = \"volatile\"", "effect = \"freeze\"", "calendar: frozen from 2026-02-10 to 2026-02-14 → not frozen"),
        ("name = \"*\"", "name = \"brand*\"", "pools.core.members.name: brand* → *"),
        ("step = \"20%\"", "allow = [\"meta-main:*\"]", "guardrails.allow: meta-main:* → * as well"),
    ] {
        let found: Vec<String> = loosenings(&policy(&[(old, new)]), &policy(&[])).iter().map(ToString::to_string).collect();
        assert!(found.contains(&at.to_owned()), "{new}: {found:?}");
    }
}

#[test]
fn a_new_agent_that_acts_alone_a_new_pool_and_a_new_token_are_loosenings() {
    let (now, mut before) = (policy(&[]), policy(&[]));
    before.agents.clear();
    before.pools.clear();
    let found = loosenings(&before, &now);
    assert_eq!(found.iter().filter(|found| found.old.starts_with("no such")).count(), 3, "{found:?}");
    let mut with_tokens = policy(&[]);
    with_tokens.tokens.insert("ci".to_owned(), Role::Viewer);
    let mut raised = with_tokens.clone();
    raised.tokens.insert("ci".to_owned(), Role::Admin);
    assert_eq!(loosenings(&now, &with_tokens)[0].to_string(), "admin.tokens.ci: no token → viewer");
    assert_eq!(loosenings(&with_tokens, &raised)[0].to_string(), "admin.tokens.ci: viewer → admin");
    assert!(loosenings(&raised, &now).is_empty(), "taking a token away loosens nothing");
}

#[test]
fn another_account_behind_an_accepted_name_is_a_loosening() {
    let other = ("id = \"100-100-1001\"", "id = \"100-100-1002\"");
    assert_eq!(looser(&[other]), ["accounts.google-main.id: 1001001001 → 1001001002, which nobody has accepted yet"]);
    assert_eq!(looser(&[other, ("accepted = true", "accepted = false")]), Vec::<String>::new(), "changes there ask first");
}

#[test]
fn an_agent_that_leaves_and_held_the_others_back_is_a_loosening() {
    let id = |name: &str| name.parse::<AgentId>().expect("a name");
    let (now, left) = (policy(&[]), |name: &str| {
        let mut policy = policy(&[]);
        policy.agents.remove(&id(name)).expect("a shipped agent");
        policy
    });
    let said = |old: &Policy, new: &Policy| loosenings(old, new).iter().map(ToString::to_string).collect::<Vec<_>>();
    // The shipped agent `scale` has a tighter step than the workspace's, which held for everybody in its pool.
    assert_eq!(said(&now, &left("scale")), ["pools.core.agents.step: 15% → 20% for those that stay, as `scale` leaves"]);
    assert_eq!(said(&now, &left("efficiency")), Vec::<String>::new(), "who held nobody back may leave");
    let mut moved = now.clone();
    moved.agents.get_mut(&id("scale")).expect("a shipped agent").pool = "elsewhere".parse().expect("a name");
    assert!(said(&now, &moved).contains(&"pools.core.agents.step: 15% → 20% for those that stay, as `scale` leaves".to_owned()));
    let mut narrow = now.clone();
    narrow.agents.get_mut(&id("efficiency")).expect("a shipped agent").guardrails.allow = vec!["meta-main:*".to_owned()];
    let mut gone = narrow.clone();
    gone.agents.remove(&id("efficiency"));
    assert_eq!(said(&narrow, &gone), ["pools.core.agents.allow: meta-main:* → more for those that stay, as `efficiency` leaves"]);
    let mut empty = now.clone();
    empty.agents.clear();
    assert_eq!(said(&now, &empty), Vec::<String>::new(), "nobody stays who could do more");
}

#[test]
fn each_number_of_the_guardrails_is_looser_in_one_direction_only() {
    for number in NUMBERS {
        let mut raised = policy(&[]);
        let base = raised.clone();
        let (low, high) = ((number.get)(&base.workspace), (number.get)(&base.workspace) + Decimal::ONE);
        (number.set)(&mut raised.workspace, high);
        assert_ne!((number.get)(&raised.workspace), low);
        let (up, down) = (loosenings(&base, &raised), loosenings(&raised, &base));
        assert_eq!(up.len() + down.len(), 1, "{}", number.key);
    }
}

#[test]
fn the_diff_names_every_changed_value_and_nothing_else() {
    assert_eq!(diff(&policy(&[]), &policy(&[])), Vec::<String>::new());
    let lines = diff(&policy(&[]), &policy(&[("daily_cap = \"6000 USD\"", "daily_cap = \"7000 USD\""), ("priority = 0.4", "priority = 0.3")]));
    assert_eq!(lines, ["agents.scale.priority: 0.4 → 0.3", "pools.core.daily_cap: 6000.00 USD → 7000.00 USD"]);
}
