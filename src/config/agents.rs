//! `[agents.NAME]`: who speaks for a pool's money, for what goal, and how far alone.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::accounts::named;
use super::form;
use super::guardrails::{self, Reach};
use super::pools::{SeenPool, dangling};
use super::reader::{Page, Section};
use crate::domain::goal::Goal;
use crate::domain::ids::{AgentId, PoolId};
use crate::domain::money::Currency;
use crate::domain::policy::{AgentPolicy, Guardrails, Members};
use crate::domain::proposal::{AgentKind, Autonomy};

const KINDS: [(&str, AgentKind); 2] = [("scale", AgentKind::Scale), ("efficiency", AgentKind::Efficiency)];
const AUTONOMY: [(&str, Autonomy); 3] = [("observe", Autonomy::Observe), ("suggest", Autonomy::Suggest), ("autonomous", Autonomy::Autonomous)];

pub(super) fn agents(
    page: &mut Page<'_>,
    root: &mut Section<'_, '_>,
    pools: &BTreeMap<String, SeenPool>,
    workspace: &Guardrails,
    accounts: &[&str],
) -> BTreeMap<AgentId, AgentPolicy> {
    let mut read = BTreeMap::new();
    for (name, mut section) in root.named(page, "agents") {
        let id: Option<AgentId> = named(page, &section.at, &name);
        let kind = section.required(page, "kind", &form::choice(&KINDS));
        let pool = section.required(page, "pool", &form::text("the name of a pool"));
        let goal = section.required(page, "goal", &form::goal());
        let priority = section.or(page, "priority", &form::decimal(Decimal::new(1, 2), Decimal::ONE), Decimal::new(5, 1));
        let autonomy = section.or(page, "autonomy", &form::choice(&AUTONOMY), Autonomy::Suggest);
        let theirs = pool.as_ref().and_then(|pool| pools.get(pool));
        if let (Some(pool), None) = (&pool, theirs) {
            dangling(page, &section.path("pool"), "pool", pool, pools.keys());
        }
        if let (Some(goal), Some(pool)) = (&goal, theirs) {
            fits(page, &section.path("goal"), goal, pool);
        }
        let members = theirs.and_then(|pool| selector(page, &mut section, pool));
        let currencies: BTreeSet<Currency> = theirs.and_then(|pool| pool.currency).into_iter().collect();
        let mut table = section.section(page, "guardrails");
        let rails = guardrails::read(page, &mut table, workspace, Reach::Agent, &currencies, accounts);
        table.end(page);
        section.end(page);
        let pool = pool.and_then(|pool| pool.parse::<PoolId>().ok());
        if let (Some(id), Some(kind), Some(pool), Some(goal)) = (id, kind, pool, goal) {
            read.insert(id, AgentPolicy { kind, pool, members, goal, priority, autonomy, guardrails: rails });
        }
    }
    read
}

/// The part of the pool an agent speaks for; accounts that are not written are all of the pool's.
fn selector(page: &mut Page<'_>, section: &mut Section<'_, '_>, pool: &SeenPool) -> Option<Members> {
    let mut table = section.section(page, "members");
    if !table.is_written() {
        return None;
    }
    let drawn = pool.members.as_ref().map(|members| members.accounts.clone()).unwrap_or_default();
    let names = table.optional(page, "accounts", &form::texts("a list of the pool's accounts such as [\"meta-main\"]"));
    let name = table.or(page, "name", &form::text("a pattern over campaign names such as \"brand*\""), "*".to_owned());
    let at = table.path("accounts");
    table.end(page);
    let Some(names) = names else { return Some(Members { accounts: drawn, name }) };
    if names.is_empty() {
        page.fault(&at, "the agent speaks for no account", "at least one account of its pool, or no `accounts` at all");
    }
    let known: Vec<String> = drawn.iter().map(ToString::to_string).collect();
    for (number, account) in names.iter().enumerate().filter(|(_, account)| !known.contains(account)) {
        dangling(page, &format!("{at}[{number}]"), "account", account, known.iter());
    }
    let accounts = drawn.into_iter().filter(|account| names.iter().any(|name| name == account.as_str())).collect();
    Some(Members { accounts, name })
}

fn fits(page: &mut Page<'_>, at: &str, goal: &Goal, pool: &SeenPool) {
    if let (Some(goals), Some(pools)) = (goal.currency(), pool.currency)
        && goals != pools
    {
        page.fault(at, format!("the goal is in {goals}, and the pool is in {pools}"), format!("amounts in {pools}"));
        return;
    }
    match (goal, pool.daily_cap) {
        (Goal::Spend { target, .. }, Some(cap)) if target.currency() == cap.currency() && target.micros() > cap.micros() => {
            page.fault(at, format!("{target} a day can never be reached under the pool's daily cap of {cap}"), "a target within the cap");
        }
        (Goal::Spend { .. } | Goal::Hold(_) | Goal::Conversions { .. } | Goal::Profit { .. }, _) => {}
    }
}
