//! `POST /{id}`: daily budget and status of campaigns and ad sets. Unknown parameters are ignored without a word, as Meta does.

use chrono::TimeDelta;

use super::{Refusal, least_budget, smallest_unit};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::domain::money::MICROS;
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::{Moment, Target};

/// Most budget changes of one ad set within an hour.
const CHANGES_AN_HOUR: usize = 4;

/// Applies an update; the index of the account it was about.
pub(super) fn update(world: &mut World, node: &str, asked: &Asked, moment: &Moment) -> Result<usize, Refusal> {
    let campaign = world.campaign(Platform::Meta, node);
    let index = campaign.or_else(|| world.group(Platform::Meta, node)).ok_or_else(|| Refusal::missing(node))?;
    let target = if campaign.is_some() { Target::Campaign(index) } else { Target::Group(index) };
    let fields = {
        let mut fields = asked.query.clone();
        fields.extend(asked.fields());
        fields
    };
    let dry = fields.get("execution_options").is_some_and(|options| options.contains("validate_only"));
    let budget = fields.get("daily_budget").map(|text| (text.as_str(), budget(world, index, target, text, moment)));
    let status = fields.get("status").map(|text| (text.as_str(), status(text)));
    let ended = match target {
        Target::Campaign(_) => world.campaigns[index].status.at(moment.now),
        Target::Group(_) | Target::Purse(_) => world.campaigns[index].group_status.at(moment.now),
    } == RunStatus::Ended;
    let asks = budget.is_some() || status.is_some();
    let refusal =
        if ended && asks { Some(Refusal::new(100, Some(1_487_566), "(#100) The object is archived or deleted and can only be renamed")) } else { None };
    let refusal = refusal
        .or_else(|| budget.as_ref().and_then(|(_, result)| result.clone().err()))
        .or_else(|| status.as_ref().and_then(|(_, result)| result.clone().err()));
    if let Some(refusal) = refusal {
        if !dry {
            if let Some((text, _)) = &budget {
                let asked = text.parse::<i64>().ok().and_then(|units| units.checked_mul(smallest_unit(world.owner(index).currency)));
                world.refuse(target, "budget", asked.map(|micros| micros.to_string()), &refusal.text(), moment);
            }
            if let Some((text, _)) = &status {
                world.refuse(target, "status", Some(text.to_lowercase()), &refusal.text(), moment);
            }
        }
        return Err(refusal);
    }
    if !dry {
        if let Some((_, Ok(micros))) = budget {
            world.set_budget(world.campaigns[index].purse, micros, moment.now, moment);
        }
        if let Some((_, Ok(status))) = status {
            world.set_status(target, status, moment);
        }
    }
    Ok(world.campaigns[index].account)
}

fn budget(world: &mut World, index: usize, target: Target, text: &str, moment: &Moment) -> Result<i64, Refusal> {
    let currency = world.owner(index).currency;
    let unit = smallest_unit(currency);
    let purse = world.campaigns[index].purse;
    let here = matches!((target, world.purses[purse].level), (Target::Campaign(_), Level::Campaign) | (Target::Group(_), Level::AdGroup));
    if !here {
        return Err(Refusal::new(100, Some(1_885_621), "(#100) The budget of this object is set on another level"));
    }
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
    Ok(micros)
}

fn status(text: &str) -> Result<RunStatus, Refusal> {
    match text {
        "ACTIVE" => Ok(RunStatus::Active),
        "PAUSED" => Ok(RunStatus::Paused),
        "ARCHIVED" | "DELETED" => Ok(RunStatus::Ended),
        _ => Err(Refusal::invalid("(#100) Param status must be one of {ACTIVE, PAUSED, ARCHIVED, DELETED}")),
    }
}
