//! `campaignBudgets:mutate`, `campaigns:mutate` and `adGroups:mutate`: updates of amounts and status, removal; all or nothing unless partial failure is asked for.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::rows::billable_unit;
use super::search::only;
use super::{Fault, Refusal, failure};
use crate::domain::entity::RunStatus;
use crate::domain::money::MICROS;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::{Moment, Target};

/// What a mutate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Budgets,
    Campaigns,
    AdGroups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Budget(usize, i64),
    Status(Target, RunStatus),
    /// A valid edit of something the market does not feel.
    Nothing,
}

/// One operation as read: the resource it names, where it is known, and what it would do.
struct Operation {
    resource: String,
    target: Option<Target>,
    asked: Option<(&'static str, String)>,
    result: Result<Deed, Fault>,
}

/// Applies a mutate request.
pub(super) fn mutate(world: &mut World, account: usize, collection: Collection, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    only(body, &["operations", "partialFailure", "validateOnly", "responseContentType", "customerId"])?;
    let operations = body["operations"].as_array().filter(|operations| !operations.is_empty());
    let operations = operations.ok_or_else(|| Fault::new("fieldError", "REQUIRED", "The required field was not present.").at(&[("operations", None)]))?;
    let (partial, dry) = (body["partialFailure"] == true, body["validateOnly"] == true);
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        only(operation, &["create", "update", "remove", "updateMask"])?;
        let mut one = operation_of(world, account, collection, operation, number, moment);
        if !one.resource.is_empty() && !seen.insert(one.resource.clone()) {
            one.result = Err(Fault::new("mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES", "The same resource appears twice in one request.")
                .at(&[("operations", Some(number))]));
        }
        read.push(one);
    }
    let faults: Vec<Fault> = read.iter().filter_map(|one| one.result.clone().err()).collect();
    let refused = !faults.is_empty() && !partial;
    if dry {
        return if refused { Err(Refusal::Failure { status: 400, faults }) } else { Ok(json!({})) };
    }
    let mut results = Vec::new();
    for one in read {
        results.push(finish(world, one, refused.then(|| faults.first()).flatten(), collection, body, moment));
    }
    if refused {
        return Err(Refusal::Failure { status: 400, faults });
    }
    let mut answer = Map::from_iter([("results".to_owned(), Value::Array(results))]);
    if let Some(first) = faults.first() {
        answer.insert("partialFailureError".to_owned(), json!({ "code": 3, "message": first.message, "details": [failure(&faults, moment)] }));
    }
    Ok(Value::Object(answer))
}

/// Does one operation, or leaves the row of its refusal; the entry of the results it becomes.
fn finish(world: &mut World, one: Operation, whole: Option<&Fault>, collection: Collection, body: &Value, moment: &Moment) -> Value {
    match (one.result, whole) {
        (Ok(deed), None) => {
            match deed {
                Deed::Budget(purse, micros) => world.set_budget(purse, micros, moment.now, moment),
                Deed::Status(target, status) => world.set_status(target, status, moment),
                Deed::Nothing => {}
            }
            let mut entry = json!({ "resourceName": one.resource });
            if let (true, Collection::Budgets, Deed::Budget(purse, micros)) = (body["responseContentType"] == "MUTABLE_RESOURCE", collection, deed) {
                let shared = world.purses[purse].members.len() > 1;
                entry["campaignBudget"] = json!({ "resourceName": one.resource, "deliveryMethod": "STANDARD", "period": "DAILY", "amountMicros": micros.to_string(), "explicitlyShared": shared });
            }
            entry
        }
        (result, whole) => {
            let code = result.err().as_ref().or(whole).map(Fault::text).unwrap_or_default();
            if let Some(target) = one.target {
                let (field, asked) = one.asked.map_or(("", None), |(field, asked)| (field, Some(asked)));
                world.refuse(target, field, asked, &code, moment);
            }
            json!({})
        }
    }
}

fn operation_of(world: &World, account: usize, collection: Collection, operation: &Value, number: usize, moment: &Moment) -> Operation {
    let at = |fault: Fault, rest: &[(&'static str, Option<usize>)]| {
        let mut path = vec![("operations", Some(number))];
        path.extend_from_slice(rest);
        fault.at(&path)
    };
    let bare = |fault: Fault| Operation { resource: String::new(), target: None, asked: None, result: Err(at(fault, &[])) };
    if operation.get("create").is_some() {
        return bare(Fault::new("operationAccessDeniedError", "CREATE_OPERATION_NOT_PERMITTED", "The sandbox creates nothing here."));
    }
    let removed = operation.get("remove").and_then(Value::as_str);
    let update = &operation["update"];
    let Some(resource) = removed.or_else(|| update["resourceName"].as_str()) else {
        return bare(Fault::new("fieldError", "REQUIRED", "The required field was not present."));
    };
    let customer = &world.accounts[account].id;
    let kind = match collection {
        Collection::Budgets => "campaignBudgets",
        Collection::Campaigns => "campaigns",
        Collection::AdGroups => "adGroups",
    };
    let id = resource.strip_prefix(&format!("customers/{customer}/{kind}/")).unwrap_or_default();
    let target = match collection {
        Collection::Budgets => world.purses.iter().position(|purse| purse.account == account && purse.resource == id).map(Target::Purse),
        Collection::Campaigns => world.campaigns.iter().position(|campaign| campaign.account == account && campaign.id == id).map(Target::Campaign),
        Collection::AdGroups => world.campaigns.iter().position(|campaign| campaign.account == account && campaign.group == id).map(Target::Group),
    };
    let named = |asked: Option<(&'static str, String)>, result: Result<Deed, Fault>| Operation { resource: resource.to_owned(), target, asked, result };
    let Some(target) = target else {
        return named(None, Err(at(Fault::new("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found."), &[("update", None), ("resource_name", None)])));
    };
    let gone = match target {
        Target::Campaign(campaign) => world.campaigns[campaign].status.at(moment.now) == RunStatus::Ended,
        Target::Group(campaign) => {
            [&world.campaigns[campaign].status, &world.campaigns[campaign].group_status].iter().any(|status| status.at(moment.now) == RunStatus::Ended)
        }
        Target::Purse(purse) => world.purses[purse].members.iter().all(|member| world.campaigns[*member].status.at(moment.now) == RunStatus::Ended),
    };
    if gone {
        return named(
            None,
            Err(at(Fault::new("operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "The resource has been removed."), &[])),
        );
    }
    if removed.is_some() {
        return match target {
            Target::Campaign(_) | Target::Group(_) => named(Some(("status", "ended".to_owned())), Ok(Deed::Status(target, RunStatus::Ended))),
            Target::Purse(_) => named(None, Err(at(Fault::new("campaignBudgetError", "CAMPAIGN_BUDGET_IN_USE", "The budget is in use."), &[]))),
        };
    }
    let mask: Vec<&str> = operation["updateMask"].as_str().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if mask.is_empty() {
        return named(
            None,
            Err(at(Fault::new("fieldMaskError", "FIELD_MASK_MISSING", "The field mask is required for update operations."), &[("update_mask", None)])),
        );
    }
    let mut asked = None;
    let mut result = Ok(Deed::Nothing);
    for field in mask {
        let step = match (collection, field) {
            (Collection::Budgets, "amountMicros" | "amount_micros") => {
                let purse = if let Target::Purse(purse) = target { purse } else { continue };
                let micros = whole_number(update.get("amountMicros").or_else(|| update.get("amount_micros")));
                asked = micros.map(|micros| ("budget", micros.to_string()));
                amount(world, purse, micros).map_err(|fault| at(fault, &[("update", None), ("amount_micros", None)]))
            }
            (Collection::Campaigns | Collection::AdGroups, "status") => {
                let wanted = status(update, target);
                let word = if let Ok(Deed::Status(_, status)) = &wanted { status.name() } else { update["status"].as_str().unwrap_or_default() };
                asked = Some(("status", word.to_owned()));
                wanted.map_err(|fault| at(fault, &[("update", None), ("status", None)]))
            }
            // Masks made by the official clients name whatever is set, the resource's name too.
            (_, "resourceName" | "resource_name") => continue,
            (Collection::Campaigns, "name" | "containsEuPoliticalAdvertising") | (Collection::Budgets | Collection::AdGroups, "name") => continue,
            (_, other) => {
                Err(at(Fault::new("fieldMaskError", "FIELD_NOT_FOUND", format!("The sandbox knows no field '{other}' to update.")), &[("update_mask", None)]))
            }
        };
        result = result.and(step);
    }
    named(asked, result)
}

fn whole_number(value: Option<&Value>) -> Option<i64> {
    value.and_then(|value| value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok())))
}

fn amount(world: &World, purse: usize, micros: Option<i64>) -> Result<Deed, Fault> {
    let budget = |code, message: &str| Fault::new("campaignBudgetError", code, message);
    let micros = micros.ok_or_else(|| Fault::new("fieldError", "REQUIRED", "The required field was not present."))?;
    let unit = billable_unit(world.accounts[world.purses[purse].account].currency.decimals());
    if micros < 0 {
        return Err(budget("NEGATIVE_MONEY_AMOUNT", "A money amount was negative."));
    }
    if micros % unit != 0 {
        return Err(budget("NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT", "A money amount was not a multiple of a minimum unit."));
    }
    if micros < unit {
        return Err(budget("MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC", "A money amount was less than the minimum CPC of its currency."));
    }
    if micros > 10_000_000 * MICROS {
        return Err(budget("MONEY_AMOUNT_TOO_LARGE", "A money amount was greater than the maximum allowed."));
    }
    Ok(Deed::Budget(purse, micros))
}

fn status(update: &Value, target: Target) -> Result<Deed, Fault> {
    match update["status"].as_str() {
        Some("ENABLED") => Ok(Deed::Status(target, RunStatus::Active)),
        Some("PAUSED") => Ok(Deed::Status(target, RunStatus::Paused)),
        _ => Err(Fault::new("fieldError", "INVALID_VALUE", "The field's value is invalid: expected ENABLED or PAUSED.")),
    }
}
