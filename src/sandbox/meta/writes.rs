//! `POST /{id}`: budget, status, bids, targeting and names of what stands. Unknown parameters are ignored without a word, as Meta does.

use chrono::TimeDelta;
use serde_json::Value;

use super::creates::Given;
use super::{Refusal, least_budget, rules, smallest_unit};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

/// Most budget changes of one ad set within an hour.
const CHANGES_AN_HOUR: usize = 4;

/// One change of one thing, checked.
enum Deed {
    Budget(usize, i64),
    Status(RunStatus),
    Fact(usize, &'static str, Value),
}

/// Applies an update; the index of the account it was about.
pub(super) fn update(world: &mut World, node: &str, asked: &Asked, moment: &Moment) -> Result<usize, Refusal> {
    let thing = super::find(world, node).ok_or_else(|| Refusal::missing(node))?;
    let given = Given::of(asked);
    let level = world.things[thing].level;
    let mut deeds: Vec<(&'static str, Option<String>, Result<Deed, Refusal>)> = Vec::new();
    if let Some(text) = given.text("daily_budget").filter(|_| matches!(level, Level::Campaign | Level::AdGroup)) {
        let asked = text.parse::<i64>().ok().and_then(|units| units.checked_mul(smallest_unit(world.accounts[world.things[thing].account].currency)));
        deeds.push(("budget", asked.map(|micros| micros.to_string()), budget(world, thing, text, moment)));
    }
    if let Some(text) = given.text("status") {
        deeds.push(("status", Some(text.to_lowercase()), status(text, level)));
    }
    match level {
        Level::Campaign => deeds.extend(campaign(world, thing, &given)),
        Level::AdGroup => deeds.extend(ad_set(world, thing, &given, moment)),
        Level::Ad => {
            if let Some(text) = given.text("creative") {
                match given.json("creative").and_then(|creative| rules::shown(world, world.things[thing].account, creative, moment)) {
                    Ok((id, story)) => deeds.extend([("creative", id), ("shows", story)].map(|(name, value)| (name, None, Ok(Deed::Fact(thing, name, value))))),
                    Err(refusal) => deeds.push(("creative", Some(text.to_owned()), Err(refusal))),
                }
            }
        }
        Level::Account | Level::Creative | Level::Media | Level::Shared => {}
    }
    if let Some(name) = given.text("name") {
        deeds.push(("name", Some(name.to_owned()), Ok(Deed::Fact(thing, "name", name.into()))));
    }
    let ended = world.thing_status(thing, moment.now) == RunStatus::Ended && deeds.iter().any(|(name, ..)| *name != "name");
    let refusal = ended.then(|| Refusal::new(100, Some(1_487_566), "(#100) The object is archived or deleted and can only be renamed"));
    let refusal = refusal.or_else(|| deeds.iter().find_map(|(.., deed)| deed.as_ref().err().cloned()));
    if let Some(refusal) = refusal {
        for (field, asked, _) in deeds.into_iter().filter(|_| !given.dry()) {
            world.refuse_fact(thing, field, asked, &refusal.text(), moment);
        }
        return Err(refusal);
    }
    for (.., deed) in deeds.into_iter().filter(|_| !given.dry()) {
        match deed {
            Ok(Deed::Budget(purse, micros)) => world.set_budget(purse, micros, moment.now, moment),
            Ok(Deed::Status(status)) => world.set_thing_status(thing, status, moment),
            Ok(Deed::Fact(of, name, value)) => world.set_fact(of, name, value, moment),
            Err(_) => {}
        }
    }
    Ok(world.things[thing].account)
}

/// What pays at this very node, as an index of purses.
fn purse_here(world: &World, thing: usize) -> Option<usize> {
    match (world.things[thing].level, world.things[thing].campaign) {
        (Level::Campaign, Some(campaign)) => Some(world.campaigns[campaign].purse).filter(|purse| world.purses[*purse].level == Level::Campaign),
        (Level::AdGroup, _) => world.own_purse(thing),
        _ => None,
    }
}

fn budget(world: &mut World, thing: usize, text: &str, moment: &Moment) -> Result<Deed, Refusal> {
    let currency = world.accounts[world.things[thing].account].currency;
    let unit = smallest_unit(currency);
    let Some(purse) = purse_here(world, thing) else {
        return Err(Refusal::new(100, Some(1_885_621), "(#100) The budget of this object is set on another level"));
    };
    let units = text.parse::<u32>().map_err(|_| Refusal::invalid("(#100) Param daily_budget must be an unsigned integer"))?;
    let micros = i64::from(units) * unit;
    if i64::from(units) < least_budget(currency) {
        return Err(Refusal::new(100, Some(1_885_272), "Your budget is too low."));
    }
    if micros > 1_000_000 * MICROS && unit != MICROS {
        return Err(Refusal::invalid("(#100) The budget is above the most that is allowed"));
    }
    if micros < world.spent_today(purse, moment.now) {
        return Err(Refusal::new(100, Some(1_885_650), "Your new budget is below what has been or may be spent today."));
    }
    let recent = world.purses[purse].edited.iter().filter(|at| moment.now - **at < TimeDelta::hours(1)).count();
    if world.purses[purse].level == Level::AdGroup && recent >= CHANGES_AN_HOUR {
        return Err(Refusal::new(613, Some(1_487_632), "You can only change your ad set budget 4 times per hour. Please wait to make another change."));
    }
    Ok(Deed::Budget(purse, micros))
}

fn status(text: &str, level: Level) -> Result<Deed, Refusal> {
    match text {
        "DELETED" => Ok(Deed::Status(RunStatus::Ended)),
        "ACTIVE" => Ok(Deed::Status(RunStatus::Active)),
        "PAUSED" if level != Level::Creative => Ok(Deed::Status(RunStatus::Paused)),
        "ARCHIVED" if level != Level::Creative => Ok(Deed::Status(RunStatus::Ended)),
        _ => Err(Refusal::invalid("(#100) Param status must be one of {ACTIVE, PAUSED, ARCHIVED, DELETED}")),
    }
}

type Asking = (&'static str, Option<String>, Result<Deed, Refusal>);

/// The bid strategy of a campaign that holds the budget, with the caps of its ad sets.
fn campaign(world: &World, thing: usize, given: &Given) -> Vec<Asking> {
    let Some(asked) = given.text("bid_strategy") else { return Vec::new() };
    let group = |id: &str| world.thing(Platform::Meta, Level::AdGroup, id).filter(|group| world.things[*group].parent == world.things[thing].id);
    let strategy = || {
        if purse_here(world, thing).is_none() {
            return Err(Refusal::invalid("(#100) A bid strategy needs a budget on the campaign"));
        }
        let word = given.word("bid_strategy", rules::STRATEGIES)?.unwrap_or_default();
        let caps = given.json("adset_bid_amounts")?.and_then(|caps| caps.as_object().cloned()).unwrap_or_default();
        let needs = matches!(word, "COST_CAP" | "LOWEST_COST_WITH_BID_CAP");
        if needs && world.children(thing).into_iter().any(|group| caps.get(&world.things[group].id).and_then(Value::as_i64).is_none_or(|bid| bid < 1)) {
            return Err(Refusal::new(100, Some(2_490_487), "(#100) Bid amount required for every ad set of the campaign"));
        }
        if let Some(stranger) = caps.keys().find(|id| group(id).is_none()) {
            return Err(Refusal::invalid(format!("(#100) {stranger} is no ad set of this campaign")));
        }
        Ok((Deed::Fact(thing, "strategy", word.into()), caps, needs))
    };
    match strategy() {
        Err(refusal) => vec![("strategy", Some(asked.to_owned()), Err(refusal))],
        Ok((deed, caps, needs)) => {
            let mut deeds: Vec<Asking> = vec![("strategy", None, Ok(deed))];
            if needs {
                deeds.extend(caps.into_iter().filter_map(|(id, cap)| Some(("bid", None, Ok(Deed::Fact(group(&id)?, "bid", cap))))));
            } else {
                deeds.extend(world.children(thing).into_iter().map(|group| ("bid", None, Ok(Deed::Fact(group, "bid", Value::Null)))));
            }
            deeds
        }
    }
}

/// Bids and targeting of an ad set: targeting is replaced whole.
fn ad_set(world: &World, thing: usize, given: &Given, moment: &Moment) -> Vec<Asking> {
    let mut deeds = Vec::new();
    if ["bid_strategy", "bid_amount", "bid_constraints"].iter().any(|name| given.text(name).is_some()) {
        deeds.extend(bids(world, thing, given, moment).unwrap_or_else(|refusal| {
            let asked = given.text("bid_amount").or_else(|| given.text("bid_strategy")).map(str::to_owned);
            vec![(if given.text("bid_strategy").is_some() { "strategy" } else { "bid" }, asked, Err(refusal))]
        }));
    }
    if let Some(text) = given.text("targeting") {
        let targeting = given.json("targeting").and_then(|value| {
            let value = value.unwrap_or_default();
            rules::targeting(&value).map(|()| Deed::Fact(thing, "targeting", value))
        });
        deeds.push(("targeting", Some(text.to_owned()), targeting));
    }
    deeds
}

fn bids(world: &World, thing: usize, given: &Given, moment: &Moment) -> Result<Vec<Asking>, Refusal> {
    let (own, known) = (purse_here(world, thing).is_some(), &world.things[thing]);
    let word = given.word("bid_strategy", rules::STRATEGIES)?;
    if word.is_some() && !own {
        return Err(Refusal::invalid("(#100) The bid strategy is set on the campaign, where the budget is"));
    }
    let above = world.thing(Platform::Meta, Level::Campaign, &known.parent).map_or(Value::Null, |above| world.things[above].fact("strategy", moment.now));
    let standing = if own { known.fact("strategy", moment.now) } else { above };
    let strategy = word.or(standing.as_str()).unwrap_or("LOWEST_COST_WITHOUT_CAP");
    let amount = given.units("bid_amount")?;
    let bid = amount.or_else(|| known.fact("bid", moment.now).as_i64().filter(|_| matches!(strategy, "COST_CAP" | "LOWEST_COST_WITH_BID_CAP")));
    let floor = given.json("bid_constraints")?;
    let kept = Some(known.fact("bid_constraints", moment.now)).filter(|kept| !kept.is_null());
    rules::bidding(strategy, bid, floor.as_ref().or(kept.as_ref()))?;
    let mut deeds: Vec<Asking> = Vec::new();
    if word.is_some() {
        deeds.push(("strategy", None, Ok(Deed::Fact(thing, "strategy", strategy.into()))));
    }
    if word.is_some() || amount.is_some() {
        deeds.push(("bid", None, Ok(Deed::Fact(thing, "bid", bid.map_or(Value::Null, Value::from)))));
    }
    if word.is_some() || floor.is_some() {
        let floor = floor.filter(|_| strategy == "LOWEST_COST_WITH_MIN_ROAS").unwrap_or_default();
        deeds.push(("bid_constraints", None, Ok(Deed::Fact(thing, "bid_constraints", floor))));
    }
    Ok(deeds)
}
