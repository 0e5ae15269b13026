//! Budgets and status: what acts at once, what waits for midnight, and TikTok's floors.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Refusal, lists};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::world::edits::{Moment, Target};
use crate::sandbox::world::{World, days};

/// Least daily budget of a campaign, US dollars.
const CAMPAIGN_FLOOR: i64 = 50;
/// Least daily budget of an ad group, US dollars.
const AD_GROUP_FLOOR: i64 = 20;
/// Most objects of one call.
const MOST: usize = 20;

/// `campaign/update/`: the budget acts at once.
pub(super) fn campaign(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let index = find(world, account, body["campaign_id"].as_str(), Which::Campaign)?;
    if let Some(budget) = body.get("budget").filter(|budget| !budget.is_null()) {
        let checked = alive(world, index, Which::Campaign, moment).and_then(|()| amount(world, index, budget, Level::Campaign, moment));
        set(world, index, Target::Campaign(index), checked, moment.now, moment)?;
    }
    Ok(lists::campaign(world, index, moment.now))
}

/// `adgroup/update/`: replaces the whole ad group; the budget acts at once. What it needs to stay as it was must come along.
pub(super) fn ad_group(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let index = find(world, account, body["adgroup_id"].as_str(), Which::AdGroup)?;
    if let Some(budget) = body.get("budget").filter(|budget| !budget.is_null()) {
        // The real service would fall back to its defaults and target everybody; here that mistake is loud.
        let whole = match ["location_ids", "schedule_type", "schedule_start_time"].iter().find(|field| body.get(**field).is_none()) {
            None => Ok(()),
            Some(missing) => Err(Refusal::invalid(format!("{missing}: an update replaces the whole ad group; send every field, not only the changed one."))),
        };
        let checked = whole.and_then(|()| alive(world, index, Which::AdGroup, moment)).and_then(|()| amount(world, index, budget, Level::AdGroup, moment));
        set(world, index, Target::Group(index), checked, moment.now, moment)?;
    }
    Ok(lists::ad_group(world, index, moment.now))
}

/// `adgroup/budget/update/`: daily budgets from the next midnight of the account on.
pub(super) fn ad_group_budget(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    if body.get("budget").is_some_and(|items| !items.as_array().is_none_or(Vec::is_empty)) {
        return Err(Refusal::invalid("budget: only lifetime budgets are changed here, and this account has none."));
    }
    let items = body["scheduled_budget"].as_array().filter(|items| (1..=MOST).contains(&items.len()));
    let items = items.ok_or_else(|| Refusal::invalid("scheduled_budget: 1 to 20 items."))?;
    let zone = world.accounts[account].zone;
    let midnight = days::start_of(zone, days::next(moment.now.date_in(zone)));
    let mut checked = Vec::new();
    for item in items {
        let index = find(world, account, item["adgroup_id"].as_str(), Which::AdGroup)?;
        let locked = if midnight - moment.now <= TimeDelta::minutes(5) {
            Err(Refusal::invalid("Budgets are locked from 23:55 to 00:00 of the account's time zone."))
        } else {
            Ok(())
        };
        let amount =
            locked.and_then(|()| alive(world, index, Which::AdGroup, moment)).and_then(|()| floor(world, index, &item["scheduled_budget"], Level::AdGroup));
        checked.push((index, amount));
    }
    if let Some(refusal) = checked.iter().find_map(|(_, amount)| amount.clone().err()) {
        for (index, _) in checked {
            world.refuse(Target::Group(index), "budget", None, &refusal.code.to_string(), moment);
        }
        return Err(refusal);
    }
    for (index, amount) in checked {
        set(world, index, Target::Group(index), amount, midnight, moment)?;
    }
    Ok(json!({}))
}

/// `campaign/status/update/`: all or none.
pub(super) fn campaign_status(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let (ids, status) = (ids(body, "campaign_ids")?, status(body)?);
    let mut found = Vec::new();
    for id in &ids {
        found.push(find(world, account, Some(id), Which::Campaign)?);
    }
    if let Some(refusal) = found.iter().find_map(|index| alive(world, *index, Which::Campaign, moment).err()) {
        for index in found {
            world.refuse(Target::Campaign(index), "status", Some(status.name().to_owned()), &refusal.code.to_string(), moment);
        }
        return Err(refusal);
    }
    for index in found {
        world.set_status(Target::Campaign(index), status, moment);
    }
    let list: Vec<Value> = ids.iter().map(|id| json!({ "campaign_id": id, "status": lists::word(status), "postback_window_mode": null })).collect();
    Ok(json!({ "campaign_ids": ids, "status": lists::word(status), "campaign_list": list }))
}

/// `adgroup/status/update/`: partly, where that is allowed.
pub(super) fn ad_group_status(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let (ids, status) = (ids(body, "adgroup_ids")?, status(body)?);
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &ids {
        match find(world, account, Some(id), Which::AdGroup).and_then(|index| alive(world, index, Which::AdGroup, moment).map(|()| index)) {
            Ok(index) => done.push((id, index)),
            Err(refusal) => failed.push((id, refusal)),
        }
    }
    if let Some((_, refusal)) = failed.first().filter(|_| body["allow_partial_success"] != true) {
        for (_, index) in done {
            world.refuse(Target::Group(index), "status", Some(status.name().to_owned()), &refusal.code.to_string(), moment);
        }
        return Err(refusal.clone());
    }
    for (_, index) in &done {
        world.set_status(Target::Group(*index), status, moment);
    }
    let errors: Vec<Value> = failed.iter().map(|(id, refusal)| json!({ "adgroup_id": id, "error_message": refusal.message })).collect();
    let mut answer = json!({ "adgroup_ids": done.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "status": lists::word(status) });
    if !errors.is_empty() {
        answer["error_list"] = errors.into();
    }
    Ok(answer)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Campaign,
    AdGroup,
}

fn find(world: &World, account: usize, id: Option<&str>, which: Which) -> Result<usize, Refusal> {
    let id = id.ok_or_else(|| Refusal::invalid("ids are required, and they are texts."))?;
    let found = world.campaigns_of(account).into_iter().find(|index| match which {
        Which::Campaign => world.campaigns[*index].id == id,
        Which::AdGroup => world.campaigns[*index].group == id,
    });
    found.ok_or_else(|| Refusal::new(40_007, format!("{id} does not exist.")))
}

fn alive(world: &World, index: usize, which: Which, moment: &Moment) -> Result<(), Refusal> {
    let campaign = &world.campaigns[index];
    let ended = campaign.status.at(moment.now) == RunStatus::Ended || (which == Which::AdGroup && campaign.group_status.at(moment.now) == RunStatus::Ended);
    if ended { Err(Refusal::invalid("The object has been deleted.")) } else { Ok(()) }
}

fn ids(body: &Value, name: &str) -> Result<Vec<String>, Refusal> {
    let ids: Option<Vec<String>> = body[name].as_array().and_then(|ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect());
    ids.filter(|ids| (1..=MOST).contains(&ids.len())).ok_or_else(|| Refusal::invalid(format!("{name}: 1 to 20 texts.")))
}

fn status(body: &Value) -> Result<RunStatus, Refusal> {
    match body["operation_status"].as_str() {
        Some("ENABLE") => Ok(RunStatus::Active),
        Some("DISABLE") => Ok(RunStatus::Paused),
        Some("DELETE") => Ok(RunStatus::Ended),
        _ => Err(Refusal::invalid("operation_status: must be ENABLE, DISABLE or DELETE.")),
    }
}

fn set(world: &mut World, index: usize, target: Target, checked: Result<i64, Refusal>, effective: ProductTime, moment: &Moment) -> Result<(), Refusal> {
    match checked {
        Ok(micros) => {
            world.set_budget(world.campaigns[index].purse, micros, effective, moment);
            Ok(())
        }
        Err(refusal) => {
            world.refuse(target, "budget", None, &refusal.code.to_string(), moment);
            Err(refusal)
        }
    }
}

/// A budget that acts at once: above the floor, and at least 105 % of what is spent today.
fn amount(world: &mut World, index: usize, budget: &Value, level: Level, moment: &Moment) -> Result<i64, Refusal> {
    let micros = floor(world, index, budget, level)?;
    let spent = world.spent_today(world.campaigns[index].purse, moment.now);
    if micros.saturating_mul(100) < spent.saturating_mul(105) {
        return Err(Refusal::invalid("The budget must be at least 105% of the current spend."));
    }
    Ok(micros)
}

fn floor(world: &World, index: usize, budget: &Value, level: Level) -> Result<i64, Refusal> {
    if world.purse_of(index).level != level {
        return Err(Refusal::invalid("The budget of this object is set on another level (budget_optimize_on)."));
    }
    let currency = world.owner(index).currency;
    let text = if budget.is_number() { budget.to_string() } else { String::new() };
    let micros = rust_decimal::Decimal::from_str_exact(&text).ok().and_then(|units| crate::domain::money::Money::from_decimal(units, currency).ok());
    let micros = micros.map(crate::domain::money::Money::micros).ok_or_else(|| Refusal::invalid("budget: must be a number in units of the currency."))?;
    if micros % currency.minor_unit().micros() != 0 {
        return Err(Refusal::invalid("budget: too many decimal places for the currency."));
    }
    let least = if level == Level::Campaign { CAMPAIGN_FLOOR } else { AD_GROUP_FLOOR };
    let least = least * if currency.decimals() == 0 { 100 } else { 1 };
    if micros < least * MICROS || micros >= 10_000_000 * MICROS {
        return Err(Refusal::invalid(format!("budget: must be at least {least} and below 10000000.")));
    }
    Ok(micros)
}
