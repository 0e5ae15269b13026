//! `adgroup/update/`: replaces the whole ad group; what is left out falls back to its default. The budget acts at once.

use serde_json::{Map, Value, json};

use super::create::{bids, grouped, schedule, targeting};
use super::models::{AD_GROUP_UPDATE, GROUPS, known};
use super::writes::{alive, amount, find, given, set};
use super::{Refusal, lists};
use crate::domain::entity::Level;
use crate::sandbox::faults::Kind;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

/// Fields of an update that are no part of what it replaces.
const APART: [&str; 4] = ["advertiser_id", "adgroup_id", "adgroup_name", "budget"];

/// Answers one update.
pub(super) fn update(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    known(body, &AD_GROUP_UPDATE)?;
    let group = find(world, account, body["adgroup_id"].as_str(), Level::AdGroup)?;
    let checked = alive(world, group, moment).and_then(|()| checked(world, group, body, moment));
    let field = if given(body, "budget").is_some() { "budget" } else { "settings" };
    let budget = match checked.and_then(|()| given(body, "budget").map(|budget| amount(world, group, budget, moment)).transpose()) {
        Ok(budget) => budget,
        Err(refusal) => {
            world.refuse_fact(group, field, None, &refusal.code.to_string(), moment);
            return Err(refusal);
        }
    };
    if let Some(micros) = budget {
        set(world, group, Ok(micros), moment.now, moment)?;
    }
    if let Some(name) = given(body, "adgroup_name").filter(|name| **name != world.things[group].fact("name", moment.now)) {
        world.set_fact(group, "name", name.clone(), moment);
    }
    let (before, mut written) = (lists::row(world, group, moment.now), budget.is_some());
    let (now, after) = (grouped(&replaced(&before, None)), grouped(&replaced(&before, Some(body))));
    for name in GROUPS {
        let kept = world.things[group].fact(name, moment.now);
        let (old, new) = (now.get(name).cloned().unwrap_or_else(|| json!({})), after.get(name).cloned().unwrap_or_else(|| json!({})));
        if old != new {
            let mut whole = kept.as_object().cloned().unwrap_or_default();
            whole.extend(new.as_object().cloned().unwrap_or_default());
            if name == "bid" && moment.fault == Some(Kind::Clip) {
                whole.values_mut().for_each(clip);
            }
            world.set_fact(group, name, Value::Object(whole), moment);
            written = true;
        }
    }
    if !written {
        // Every write leaves a row, also one that sets what stands.
        let same = world.things[group].fact("settings", moment.now);
        world.set_fact(group, "settings", same, moment);
    }
    Ok(lists::row(world, group, moment.now))
}

fn checked(world: &World, group: usize, body: &Value, moment: &Moment) -> Result<(), Refusal> {
    // The real service would fall back to its defaults and target everybody; here that mistake is loud.
    if let Some(missing) = ["location_ids", "schedule_type", "schedule_start_time"].iter().find(|field| given(body, field).is_none() && !zipped(body, field)) {
        return Err(Refusal::invalid(format!("{missing}: an update replaces the whole ad group; send every field, not only the changed one.")));
    }
    targeting(body)?;
    schedule(body)?;
    let before = lists::row(world, group, moment.now);
    let campaign = world.things[group].campaign.unwrap_or_default();
    let holds = world.purse_of(campaign).level != Level::AdGroup;
    if holds && given(body, "bid_type").is_some_and(|kind| *kind != before["bid_type"]) {
        return Err(Refusal::invalid("bid_type: cannot be changed in campaigns with budget_optimize_on."));
    }
    let budget = world.own_purse(group).map_or(0, |purse| world.purses[purse].amount.at(moment.now));
    bids(body, before["billing_event"].as_str().unwrap_or_default(), budget, world.owner(campaign).currency)
}

fn zipped(body: &Value, field: &str) -> bool {
    field == "location_ids" && given(body, "zipcode_ids").is_some()
}

/// Every field that an update replaces: as it stands in `before`, or as `body` leaves it.
fn replaced(before: &Value, body: Option<&Value>) -> Map<String, Value> {
    let defaults = lists::defaults();
    let fields = AD_GROUP_UPDATE.iter().filter(|field| !APART.contains(field));
    let value = |field: &str| match body {
        None => before.get(field).cloned(),
        Some(body) => given(body, field).or_else(|| defaults.get(field)).cloned(),
    };
    fields.map(|field| ((*field).to_owned(), value(field).unwrap_or(Value::Null))).collect()
}

/// A tenth lower, to the cent, as a platform that cuts what it was asked for.
fn clip(bid: &mut Value) {
    if let Some(asked) = bid.as_f64().filter(|asked| *asked > 0.0) {
        *bid = json!((asked * 90.0).floor() / 100.0);
    }
}
