//! Budgets and status: what acts at once, what waits for midnight, and TikTok's floors.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Refusal, lists, models};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::{Currency, MICROS, Money};
use crate::sandbox::world::edits::{Moment, Target};
use crate::sandbox::world::{World, days};

/// Least daily budget of a campaign, US dollars.
const CAMPAIGN_FLOOR: i64 = 50;
/// Least daily budget of an ad group, US dollars.
const AD_GROUP_FLOOR: i64 = 20;
/// Most objects of one call.
pub(super) const MOST: usize = 20;

/// `campaign/update/`: the budget acts at once.
pub(super) fn campaign(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    models::known(body, &models::CAMPAIGN_UPDATE)?;
    let thing = find(world, account, body["campaign_id"].as_str(), Level::Campaign)?;
    if let Some(budget) = given(body, "budget") {
        let checked = alive(world, thing, moment).and_then(|()| amount(world, thing, budget, moment));
        set(world, thing, checked, moment.now, moment)?;
    }
    for (field, fact) in [("campaign_name", "name"), ("special_industries", "special_industries")] {
        if let Some(value) = given(body, field) {
            world.set_fact(thing, fact, value.clone(), moment);
        }
    }
    Ok(lists::row(world, thing, moment.now))
}

/// A field that says something.
pub(super) fn given<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

/// `adgroup/budget/update/`: daily budgets from the next midnight of the account on.
pub(super) fn ad_group_budget(world: &mut World, account: usize, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    models::known(body, &["advertiser_id", "budget", "scheduled_budget"])?;
    if body.get("budget").is_some_and(|items| !items.as_array().is_none_or(Vec::is_empty)) {
        return Err(Refusal::invalid("budget: only lifetime budgets are changed here, and this account has none."));
    }
    let items = body["scheduled_budget"].as_array().filter(|items| (1..=MOST).contains(&items.len()));
    let items = items.ok_or_else(|| Refusal::invalid("scheduled_budget: 1 to 20 items."))?;
    let zone = world.accounts[account].zone;
    let midnight = days::start_of(zone, days::next(moment.now.date_in(zone)));
    let mut checked = Vec::new();
    for item in items {
        let thing = find(world, account, item["adgroup_id"].as_str(), Level::AdGroup)?;
        let locked = if midnight - moment.now <= TimeDelta::minutes(5) {
            Err(Refusal::invalid("Budgets are locked from 23:55 to 00:00 of the account's time zone."))
        } else {
            Ok(())
        };
        let amount = locked.and_then(|()| alive(world, thing, moment)).and_then(|()| held(world, thing)).and_then(|purse| {
            let currency = world.accounts[world.purses[purse].account].currency;
            floor(&item["scheduled_budget"], Level::AdGroup, currency)
        });
        checked.push((thing, amount));
    }
    if let Some(refusal) = checked.iter().find_map(|(_, amount)| amount.clone().err()) {
        for (thing, _) in checked {
            world.refuse_fact(thing, "budget", None, &refusal.code.to_string(), moment);
        }
        return Err(refusal);
    }
    for (thing, amount) in checked {
        set(world, thing, amount, midnight, moment)?;
    }
    Ok(json!({}))
}

/// `campaign/status/update/`, `adgroup/status/update/` and `ad/status/update/`: all or none, and of ad groups a part where that is allowed.
pub(super) fn status(world: &mut World, account: usize, level: Level, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let (name, own) = match level {
        Level::Campaign => ("campaign_ids", "postback_window_mode"),
        Level::AdGroup => ("adgroup_ids", "allow_partial_success"),
        Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => ("ad_ids", "aco_ad_ids"),
    };
    models::known(body, &["advertiser_id", name, "operation_status", own])?;
    let (ids, status) = (ids(body, name)?, wanted(body)?);
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &ids {
        match find(world, account, Some(id), level).and_then(|thing| alive(world, thing, moment).map(|()| thing)) {
            Ok(thing) => done.push((id, thing)),
            Err(refusal) => failed.push((id, refusal)),
        }
    }
    if let Some((_, refusal)) = failed.first().filter(|_| level != Level::AdGroup || body["allow_partial_success"] != true) {
        let code = refusal.code.to_string();
        let stand = ids.iter().filter_map(|id| world.thing(Platform::Tiktok, level, id)).filter(|thing| world.things[*thing].account == account);
        for thing in stand.collect::<Vec<_>>() {
            world.refuse_fact(thing, "status", Some(status.name().to_owned()), &code, moment);
        }
        return Err(refusal.clone());
    }
    for (_, thing) in &done {
        world.set_thing_status(*thing, status, moment);
    }
    let mut answer = json!({ name: done.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "status": lists::word(status) });
    if level == Level::Campaign {
        answer["campaign_list"] = ids.iter().map(|id| json!({ "campaign_id": id, "status": lists::word(status), "postback_window_mode": null })).collect();
    }
    if !failed.is_empty() {
        answer["error_list"] = failed.iter().map(|(id, refusal)| json!({ "adgroup_id": id, "error_message": refusal.message })).collect();
    }
    Ok(answer)
}

/// The thing of this account with this id.
pub(super) fn find(world: &World, account: usize, id: Option<&str>, level: Level) -> Result<usize, Refusal> {
    let id = id.ok_or_else(|| Refusal::invalid("ids are required, and they are texts."))?;
    let found = world.thing(Platform::Tiktok, level, id).filter(|thing| world.things[*thing].account == account);
    found.ok_or_else(|| Refusal::new(40_007, format!("{id} does not exist.")))
}

/// Neither deleted nor below something deleted.
pub(super) fn alive(world: &World, thing: usize, moment: &Moment) -> Result<(), Refusal> {
    let deleted = lists::row(world, thing, moment.now)["secondary_status"].as_str().is_some_and(|status| status.ends_with("_STATUS_DELETE"));
    if deleted { Err(Refusal::invalid("The object has been deleted.")) } else { Ok(()) }
}

fn ids(body: &Value, name: &str) -> Result<Vec<String>, Refusal> {
    let ids: Option<Vec<String>> = body[name].as_array().and_then(|ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect());
    ids.filter(|ids| (1..=MOST).contains(&ids.len())).ok_or_else(|| Refusal::invalid(format!("{name}: 1 to 20 texts.")))
}

fn wanted(body: &Value) -> Result<RunStatus, Refusal> {
    match body["operation_status"].as_str() {
        Some("ENABLE") => Ok(RunStatus::Active),
        Some("DISABLE") => Ok(RunStatus::Paused),
        Some("DELETE") => Ok(RunStatus::Ended),
        _ => Err(Refusal::invalid("operation_status: must be ENABLE, DISABLE or DELETE.")),
    }
}

/// Sets the budget that a campaign or ad group holds, or leaves the row of its refusal.
pub(super) fn set(world: &mut World, thing: usize, checked: Result<i64, Refusal>, effective: ProductTime, moment: &Moment) -> Result<(), Refusal> {
    match checked.and_then(|micros| Ok((held(world, thing)?, micros))) {
        Ok((purse, micros)) => {
            world.set_budget(purse, micros, effective, moment);
            Ok(())
        }
        Err(refusal) => {
            let target = world.things[thing].campaign.filter(|_| world.things[thing].level == Level::Campaign).map(Target::Campaign);
            match target {
                Some(target) => world.refuse(target, "budget", None, &refusal.code.to_string(), moment),
                None => world.refuse_fact(thing, "budget", None, &refusal.code.to_string(), moment),
            }
            Err(refusal)
        }
    }
}

/// The purse that hangs at this very thing.
fn held(world: &World, thing: usize) -> Result<usize, Refusal> {
    let own = match world.things[thing].level {
        Level::Campaign => {
            world.things[thing].campaign.map(|campaign| world.campaigns[campaign].purse).filter(|purse| world.purses[*purse].level == Level::Campaign)
        }
        Level::AdGroup => world.own_purse(thing),
        Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => None,
    };
    own.ok_or_else(|| Refusal::invalid("The budget of this object is set on another level (budget_optimize_on)."))
}

/// A budget that acts at once: above the floor, and at least 105 % of what is spent today.
pub(super) fn amount(world: &mut World, thing: usize, budget: &Value, moment: &Moment) -> Result<i64, Refusal> {
    let purse = held(world, thing)?;
    let currency = world.accounts[world.purses[purse].account].currency;
    let micros = floor(budget, world.things[thing].level, currency)?;
    let spent = world.spent_today(purse, moment.now);
    if micros.saturating_mul(100) < spent.saturating_mul(105) {
        return Err(Refusal::invalid("The budget must be at least 105% of the current spend."));
    }
    Ok(micros)
}

/// An amount in micros, at least the floor of its level.
pub(super) fn floor(budget: &Value, level: Level, currency: Currency) -> Result<i64, Refusal> {
    let micros = money(budget, "budget", currency)?;
    let least = if level == Level::Campaign { CAMPAIGN_FLOOR } else { AD_GROUP_FLOOR };
    let least = least * if currency.decimals() == 0 { 100 } else { 1 };
    if micros < least * MICROS || micros >= 10_000_000 * MICROS {
        return Err(Refusal::invalid(format!("budget: must be at least {least} and below 10000000.")));
    }
    Ok(micros)
}

/// A JSON number in major units as micros.
pub(super) fn money(value: &Value, name: &str, currency: Currency) -> Result<i64, Refusal> {
    let text = if value.is_number() { value.to_string() } else { String::new() };
    let micros = rust_decimal::Decimal::from_str_exact(&text).ok().and_then(|units| Money::from_decimal(units, currency).ok()).map(Money::micros);
    let micros = micros.ok_or_else(|| Refusal::invalid(format!("{name}: must be a number in units of the currency.")))?;
    if micros % currency.minor_unit().micros() != 0 {
        return Err(Refusal::invalid(format!("{name}: too many decimal places for the currency.")));
    }
    Ok(micros)
}
