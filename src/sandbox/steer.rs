//! The sandbox's own doors: the log that judges, the true state, faults, and edits by people. No platform has these.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SandboxError;
use super::faults::FaultRule;
use super::server::{Core, RulesChanged};
use super::wire::{Asked, Reply};
use super::world::World;
use super::world::edits::{Effect, Moment, Source, Target};
use super::world::things::Thing;
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::Money;

/// `POST /_sandbox/edit`: what a person sets in the platform's own pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonsEdit {
    account: String,
    level: Level,
    id: String,
    #[serde(default)]
    budget: Option<Money>,
    #[serde(default)]
    status: Option<RunStatus>,
}

/// `POST /_sandbox/faults`: the rules from now on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<FaultRule>,
}

/// Answers a request to `/_sandbox/`.
pub(crate) async fn answer(core: &mut Core, asked: &Asked, now: ProductTime, wall: WallTime) -> Result<Reply, SandboxError> {
    let number = |name: &str, otherwise: i64| asked.param(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    Ok(match (asked.method.clone(), asked.path.as_str()) {
        (Method::GET, "/_sandbox/log") => {
            let rows = core.book.log(number("after", 0), number("limit", 1_000).clamp(1, 100_000)).await?;
            let next = rows.last().map_or(number("after", 0), |row| row.seq);
            Reply::json(200, &json!({ "rows": rows, "next": next }))
        }
        (Method::GET, "/_sandbox/state") => Reply::json(200, &state(&core.world, now)),
        (Method::GET, "/_sandbox/truth") => Reply::json(200, &truth(&core.world)),
        (Method::GET, "/_sandbox/throttle") => Reply::json(200, &core.throttle.told()),
        (Method::GET, "/_sandbox/faults") => Reply::json(200, &json!({ "rules": core.faults.rules })),
        (Method::POST, "/_sandbox/faults") => {
            match serde_json::from_slice::<Rules>(&asked.body).or_else(|_| serde_json::from_slice(&asked.body).map(|rule| Rules { rules: vec![rule] })) {
                Ok(rules) => {
                    core.faults.rules = rules.rules;
                    core.commit(RulesChanged::Yes).await?;
                    Reply::json(200, &json!({ "rules": core.faults.rules }))
                }
                Err(error) => refused(&format!("expected {{\"rules\": [...]}} or one rule: {error}")),
            }
        }
        (Method::DELETE, "/_sandbox/faults") => {
            core.faults.rules.clear();
            core.commit(RulesChanged::Yes).await?;
            Reply::json(200, &json!({ "rules": [] }))
        }
        (Method::POST, "/_sandbox/edit") => match edit(core, asked, now, wall) {
            Ok(applied) => {
                core.commit(RulesChanged::No).await?;
                Reply::json(200, &json!({ "applied": applied }))
            }
            Err(why) => refused(&why),
        },
        _ => Reply::json(404, &json!({ "error": "the sandbox has no such page" })),
    })
}

fn refused(why: &str) -> Reply {
    Reply::json(400, &json!({ "error": why }))
}

fn edit(core: &mut Core, asked: &Asked, now: ProductTime, wall: WallTime) -> Result<u32, String> {
    let edit: PersonsEdit = serde_json::from_slice(&asked.body).map_err(|error| error.to_string())?;
    let moment =
        Moment { now, seen: now, wall, source: Source::People, effect: Effect::Apply, fault: None, body_sha256: String::new(), host: String::new(), wait_s: 0 };
    let world = &mut core.world;
    let holder = world.campaigns.iter().position(|campaign| {
        world.accounts[campaign.account].id == edit.account
            && edit.id == if edit.level == Level::AdGroup { campaign.group.clone() } else { campaign.id.clone() }
    });
    let purse = world.purses.iter().position(|purse| world.accounts[purse.account].id == edit.account && purse.level == edit.level && purse.id == edit.id);
    let purse = purse.or_else(|| holder.map(|campaign| world.campaigns[campaign].purse).filter(|purse| world.purses[*purse].level == edit.level));
    let meant = |thing: &Thing| world.accounts[thing.account].id == edit.account && thing.level == edit.level && thing.id == edit.id;
    let thing = world.things.iter().position(meant);
    if let (Some(status), Some(thing), Level::AdGroup | Level::Ad, None) = (edit.status, thing, edit.level, edit.budget) {
        world.set_thing_status(thing, status, &moment);
        return Ok(1);
    }
    let target = match (edit.status, holder, edit.level) {
        (None, ..) => None,
        (Some(status), Some(campaign), Level::Campaign) => Some((Target::Campaign(campaign), status)),
        (Some(status), Some(campaign), Level::AdGroup) => Some((Target::Group(campaign), status)),
        (Some(_), ..) => return Err("no campaign or ad group with this account, level and id".to_owned()),
    };
    let mut applied = 0;
    if let Some(budget) = edit.budget {
        let purse = purse.ok_or("no budget with this account, level and id")?;
        let currency = world.accounts[world.purses[purse].account].currency;
        if budget.currency() != currency || budget.micros() <= 0 {
            return Err(format!("expected a positive amount in {currency}, got {budget}"));
        }
        world.set_budget(purse, budget.micros(), now, &moment);
        applied += 1;
    }
    if let Some((target, status)) = target {
        world.set_status(target, status, &moment);
        applied += 1;
    }
    Ok(applied)
}

fn state(world: &World, now: ProductTime) -> Value {
    let accounts: Vec<Value> = world
        .accounts
        .iter()
        .map(|account| json!({ "platform": account.platform, "id": account.id, "currency": account.currency, "time_zone": account.zone.name() }))
        .collect();
    let campaigns: Vec<Value> = (0..world.campaigns.len())
        .map(|index| {
            let (campaign, purse, owner) = (&world.campaigns[index], world.purse_of(index), world.owner(index));
            json!({
                "platform": owner.platform, "account": owner.id, "id": campaign.id, "ad_group": campaign.group, "name": campaign.name,
                "status": campaign.status.at(now), "ad_group_status": campaign.group_status.at(now), "delivers": world.delivers(index, now),
                "review": format!("{:?}", campaign.review).to_lowercase(),
                "budget": {
                    "level": purse.level, "id": purse.id, "micros": purse.amount.at(now), "pending_micros": purse.amount.pending(now).map(|(_, micros)| micros),
                    "members": purse.members.iter().map(|member| world.campaigns[*member].id.as_str()).collect::<Vec<_>>(),
                },
            })
        })
        .collect();
    let things: Vec<Value> = (0..world.things.len())
        .map(|index| {
            let thing = &world.things[index];
            let facts: serde_json::Map<String, Value> = thing.facts.keys().map(|name| (name.clone(), thing.fact(name, now))).collect();
            json!({
                "platform": world.accounts[thing.account].platform, "account": world.accounts[thing.account].id, "level": thing.level, "id": thing.id,
                "parent": thing.parent, "status": world.thing_status(index, now), "review": format!("{:?}", thing.verdict(now)).to_lowercase(), "facts": facts,
            })
        })
        .collect();
    json!({
        "now_ms": now.ms(), "start_ms": world.start.ms(), "history_from_ms": world.since.ms(), "accounts": accounts, "campaigns": campaigns, "things": things,
    })
}

fn truth(world: &World) -> Value {
    let campaigns: Vec<Value> = (0..world.campaigns.len())
        .map(|index| {
            let (campaign, curve) = (&world.campaigns[index], &world.campaigns[index].curve);
            let per_day = curve.conversions(curve.base);
            json!({
                "account": world.owner(index).id, "id": campaign.id, "name": campaign.name, "base": curve.base, "value": curve.value, "hill": curve.hill, "half": curve.half,
                "top": curve.top, "reach": curve.reach, "roas_at_base": per_day * curve.value / curve.base, "cpa_at_base": curve.base / per_day,
            })
        })
        .collect();
    json!({ "campaigns": campaigns })
}
