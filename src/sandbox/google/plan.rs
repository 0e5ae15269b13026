//! What the operations of one request would do together: later ones see what earlier ones make, nothing happens until all of it is judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::{self, whole_number};
use super::mutate::{Collection, Form};
use super::{Fault, below};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::world::World;
use crate::sandbox::world::edits::{Moment, Target};
use crate::sandbox::world::things::{New, NewPurse};

/// What an operation names, for the row that its refusal leaves.
#[derive(Clone, Debug)]
pub(super) struct About {
    target: Option<Subject>,
    field: &'static str,
    asked: Option<String>,
    level: Level,
}

#[derive(Clone, Copy, Debug)]
enum Subject {
    Purse(usize),
    Thing(usize),
    Creation,
}

/// Something that an operation names: of this request, or of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Made(usize),
    Stands(usize),
}

/// A budget that is made in this request.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) micros: i64,
    pub(super) shared: bool,
    pub(super) used: bool,
}

/// The whole of a request.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) form: Form,
    pub(super) made: Vec<New>,
    pub(super) budgets: Vec<Budget>,
    /// Real names by temporary ones.
    pub(super) names: BTreeMap<String, String>,
    pub(super) amounts: Vec<(usize, i64)>,
    pub(super) statuses: Vec<(usize, RunStatus)>,
    pub(super) facts: BTreeMap<(usize, String), Value>,
    pub(super) given: usize,
}

impl About {
    pub(super) fn of(world: &World, account: usize, collection: Collection, operation: &Value) -> Self {
        let level = collection.level();
        if operation.get("create").is_some() && collection.part_of().is_none() {
            return Self { target: Some(Subject::Creation), field: "create", asked: None, level };
        }
        let update = &operation["update"];
        let parent = operation.pointer("/create/campaign").or_else(|| operation.pointer("/create/adGroup"));
        let resource = operation["remove"].as_str().or_else(|| update["resourceName"].as_str()).or_else(|| parent.and_then(Value::as_str)).unwrap_or_default();
        let id = resource.rsplit('/').next().unwrap_or_default();
        let (field, asked) = match (collection, operation["updateMask"].as_str().unwrap_or_default()) {
            (Collection::CampaignCriteria | Collection::AdGroupCriteria, _) => ("targeting", None),
            (Collection::CampaignAssets | Collection::AdGroupAssets, _) => ("assets", None),
            (Collection::Budgets, _) => ("budget", whole_number(update.get("amountMicros")).map(|micros| micros.to_string())),
            (_, "status") => {
                let word = update["status"].as_str().unwrap_or_default();
                ("status", Some(status(word).map_or_else(|| word.to_owned(), |status| status.name().to_owned())))
            }
            (Collection::Ads, _) => ("ad", None),
            (_, "") => ("status", Some("ended".to_owned())),
            _ => ("bid", None),
        };
        let target = if collection == Collection::Budgets {
            world.purses.iter().position(|purse| purse.account == account && purse.resource == id).map(Subject::Purse)
        } else {
            let id = if collection.part_of().is_some() { id.split('~').next().unwrap_or_default() } else { id };
            world.thing(Platform::Google, level, id).filter(|thing| world.things[*thing].account == account).map(Subject::Thing)
        };
        Self { target, field, asked, level }
    }

    pub(super) fn refuse(&self, world: &mut World, account: usize, code: &str, moment: &Moment) {
        match self.target {
            Some(Subject::Purse(purse)) => world.refuse(Target::Purse(purse), self.field, self.asked.clone(), code, moment),
            Some(Subject::Thing(thing)) => world.refuse_fact(thing, self.field, self.asked.clone(), code, moment),
            Some(Subject::Creation) => world.refuse_creation(account, self.level, code, moment),
            None => {}
        }
    }
}

/// What Google's word for a status is in the world.
pub(super) fn status(word: &str) -> Option<RunStatus> {
    match word {
        "ENABLED" => Some(RunStatus::Active),
        "PAUSED" => Some(RunStatus::Paused),
        _ => None,
    }
}

/// A required member that is not there.
pub(super) fn required(path: &[(&'static str, Option<usize>)]) -> Fault {
    Fault::new("fieldError", "REQUIRED", "The required field was not present.").at(path)
}

impl Plan {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            made: Vec::new(),
            budgets: Vec::new(),
            names: BTreeMap::new(),
            amounts: Vec::new(),
            statuses: Vec::new(),
            facts: BTreeMap::new(),
            given: 0,
        }
    }

    /// Judges one operation and adds what it does; the resource name it answers with.
    pub(super) fn take(&mut self, world: &World, account: usize, collection: Collection, operation: &Value, moment: &Moment) -> Result<String, Fault> {
        if let Some(create) = operation.get("create").filter(|create| !create.is_null()) {
            if operation["updateMask"].as_str().is_some_and(|mask| !mask.is_empty()) {
                return Err(Fault::new("fieldMaskError", "FIELD_MASK_NOT_ALLOWED", "The field mask is not allowed for create operations."));
            }
            return self.create(world, account, collection, create, operation, moment);
        }
        if let Some(resource) = operation.get("remove").and_then(Value::as_str) {
            return self.remove(world, account, collection, resource, moment);
        }
        let update = operation.get("update").ok_or_else(|| required(&[]))?;
        let resource = update["resourceName"].as_str().ok_or_else(|| required(&[("update", None), ("resource_name", None)]))?;
        self.update(world, account, collection, resource, operation, moment)
    }

    /// The next id that nothing has.
    pub(super) fn next_id(&mut self, world: &World) -> String {
        self.given += 1;
        world.fresh_id(Platform::Google, self.given)
    }

    /// Books the name of what is made: its temporary one stands for the real one from here on.
    pub(super) fn named(&mut self, create: &Value, real: &str) -> Result<(), Fault> {
        let Some(name) = create["resourceName"].as_str().filter(|name| !name.is_empty()) else { return Ok(()) };
        let temporary = self.form == Form::Many && name.rsplit('/').next().is_some_and(|id| id.starts_with('-'));
        if !temporary {
            return Err(Fault::new("newResourceCreationError", "CANNOT_SET_ID_FOR_CREATE", "Do not set the id field while creating new resources.")
                .at(&[("create", None), ("resource_name", None)]));
        }
        let number = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        if self.names.keys().any(|known| number(known) == number(name)) {
            return Err(Fault::new("newResourceCreationError", "DUPLICATE_TEMP_IDS", "Two resources of the request have the same temporary id."));
        }
        self.names.insert(name.to_owned(), real.to_owned());
        Ok(())
    }

    /// The id that a resource name of a collection stands for.
    pub(super) fn id_of(&self, world: &World, account: usize, collection: Collection, name: &str) -> Result<String, Fault> {
        let name = self.names.get(name).map_or(name, String::as_str);
        let start = format!("customers/{}/{}/", world.accounts[account].id, collection.name());
        let id = name.strip_prefix(&start).unwrap_or_default();
        if id.is_empty() || id.starts_with('-') {
            return Err(missing());
        }
        Ok(id.to_owned())
    }

    /// What a resource name stands for, when it is there and not removed.
    pub(super) fn find(&self, world: &World, account: usize, collection: Collection, name: &str, moment: &Moment) -> Result<Place, Fault> {
        let (id, level) = (self.id_of(world, account, collection, name)?, collection.level());
        if let Some(place) = self.made.iter().position(|new| new.level == level && new.id == id) {
            return Ok(Place::Made(place));
        }
        let thing = world.thing(Platform::Google, level, &id).filter(|thing| world.things[*thing].account == account).ok_or_else(missing)?;
        if world.thing_status(thing, moment.now) == RunStatus::Ended {
            return Err(Fault::new("operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "The resource has been removed."));
        }
        Ok(Place::Stands(thing))
    }

    /// A fact of something, with what this request has changed of it.
    pub(super) fn fact(&self, world: &World, place: Place, name: &str, moment: &Moment) -> Value {
        match place {
            Place::Made(made) => self.made[made].facts.get(name).cloned().unwrap_or_default(),
            Place::Stands(thing) => self.facts.get(&(thing, name.to_owned())).cloned().unwrap_or_else(|| world.things[thing].fact(name, moment.now)),
        }
    }

    /// Changes a fact.
    pub(super) fn set(&mut self, place: Place, name: &str, value: Value) {
        match place {
            Place::Made(made) => drop(self.made[made].facts.insert(name.to_owned(), value)),
            Place::Stands(thing) => drop(self.facts.insert((thing, name.to_owned()), value)),
        }
    }

    /// The criteria of something, with what this request has changed of them.
    pub(super) fn criteria(&self, world: &World, place: Place, moment: &Moment) -> Map<String, Value> {
        match (self.fact(world, place, "targeting", moment), place) {
            (Value::Object(all), _) => all,
            (_, Place::Stands(thing)) => below::criteria(world, thing, moment),
            (_, Place::Made(_)) => Map::new(),
        }
    }

    /// Takes something away.
    fn remove(&mut self, world: &World, account: usize, collection: Collection, resource: &str, moment: &Moment) -> Result<String, Fault> {
        match collection {
            Collection::Budgets => {
                let id = self.id_of(world, account, collection, resource)?;
                let known = world.purses.iter().any(|purse| purse.account == account && purse.resource == id);
                return Err(if known { Fault::new("campaignBudgetError", "CAMPAIGN_BUDGET_IN_USE", "The budget is in use.") } else { missing() });
            }
            Collection::Ads | Collection::Assets => {
                return Err(Fault::new("operatorError", "OPERATOR_NOT_SUPPORTED", "This cannot be removed."));
            }
            Collection::CampaignCriteria | Collection::AdGroupCriteria => {
                let (place, id) = self.criterion(world, account, collection, resource, moment)?;
                let mut all = self.criteria(world, place, moment);
                all.shift_remove(&id).ok_or_else(missing)?;
                self.set(place, "targeting", all.into());
            }
            Collection::CampaignAssets | Collection::AdGroupAssets => {
                let (place, id) = self.criterion(world, account, collection, resource, moment)?;
                let mut all = self.links(world, place, moment);
                all.shift_remove(&id).ok_or_else(missing)?;
                self.set(place, "assets", all.into());
            }
            Collection::Campaigns | Collection::AdGroups | Collection::AdGroupAds => match self.find(world, account, collection, resource, moment)? {
                Place::Stands(thing) => self.statuses.push((thing, RunStatus::Ended)),
                Place::Made(_) => return Err(missing()),
            },
        }
        Ok(resource.to_owned())
    }

    /// The links of something to assets, with what this request has changed of them: `asset~FIELD_TYPE`.
    pub(super) fn links(&self, world: &World, place: Place, moment: &Moment) -> Map<String, Value> {
        self.fact(world, place, "assets", moment).as_object().cloned().unwrap_or_default()
    }

    /// The campaign or ad group that a criterion or a link belongs to, and its own id.
    pub(super) fn criterion(&self, world: &World, account: usize, collection: Collection, resource: &str, moment: &Moment) -> Result<(Place, String), Fault> {
        let id = self.id_of(world, account, collection, resource)?;
        let (parent, id) = id.split_once('~').ok_or_else(|| Fault::new("requestError", "RESOURCE_NAME_MALFORMED", "The resource name is malformed."))?;
        let above = collection.part_of().ok_or_else(missing)?;
        let name = format!("customers/{}/{}/{parent}", world.accounts[account].id, above.name());
        Ok((self.find(world, account, above, &name, moment)?, id.to_owned()))
    }

    fn update(&mut self, world: &World, account: usize, collection: Collection, resource: &str, operation: &Value, moment: &Moment) -> Result<String, Fault> {
        let update = &operation["update"];
        if collection == Collection::Budgets {
            self.update_budget(world, account, resource, operation, moment)?;
            return Ok(resource.to_owned());
        }
        if matches!(collection, Collection::CampaignAssets | Collection::AdGroupAssets) {
            return Err(Fault::new("fieldError", "IMMUTABLE_FIELD", "A link is made and removed, not changed."));
        }
        if matches!(collection, Collection::CampaignCriteria | Collection::AdGroupCriteria) {
            let (place, id) = self.criterion(world, account, collection, resource, moment)?;
            let mut all = self.criteria(world, place, moment);
            let one = all.get_mut(&id).ok_or_else(missing)?;
            for field in fields::mask(collection, operation)? {
                match field.as_str() {
                    "status" | "bidModifier" | "cpcBidMicros" => one[&field] = update[&field].clone(),
                    _ => return Err(Fault::new("fieldError", "IMMUTABLE_FIELD", format!("'{field}' cannot be changed."))),
                }
            }
            self.set(place, "targeting", all.into());
            return Ok(resource.to_owned());
        }
        let place = match collection {
            // An ad goes by its own id here, whatever ad group it is in.
            Collection::Ads => {
                let id = self.id_of(world, account, collection, resource)?;
                let of = |thing: &usize| world.things[*thing].id.split('~').next_back() == Some(id.as_str());
                Place::Stands(world.things_of(account, Level::Ad).into_iter().find(of).ok_or_else(missing)?)
            }
            _ => self.find(world, account, collection, resource, moment)?,
        };
        for field in fields::mask(collection, operation)? {
            self.update_field(world, place, collection, &field, update, moment).map_err(|fault| {
                let at: Vec<_> = std::iter::once(("update", None)).chain(fault.path.iter().copied()).collect();
                fault.at(&at)
            })?;
        }
        Ok(resource.to_owned())
    }

    fn update_budget(&mut self, world: &World, account: usize, resource: &str, operation: &Value, moment: &Moment) -> Result<(), Fault> {
        let id = self.id_of(world, account, Collection::Budgets, resource)?;
        let purse = world.purses.iter().position(|purse| purse.account == account && purse.resource == id).ok_or_else(missing)?;
        if world.purses[purse].members.iter().all(|member| world.campaigns[*member].status.at(moment.now) == RunStatus::Ended) {
            return Err(Fault::new("operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "The resource has been removed."));
        }
        for field in fields::mask(Collection::Budgets, operation)? {
            match field.as_str() {
                "amountMicros" => {
                    let micros = super::object::amount(world, account, operation["update"].get("amountMicros"));
                    let micros = micros.map_err(|fault| fault.at(&[("update", None), ("amount_micros", None)]))?;
                    self.amounts.push((purse, micros));
                }
                "name" => {}
                _ => return Err(Fault::new("fieldError", "IMMUTABLE_FIELD", format!("'{field}' cannot be changed."))),
            }
        }
        Ok(())
    }

    /// Does it, with a row for everything.
    pub(super) fn apply(self, world: &mut World, account: usize, moment: &Moment) {
        for (purse, micros) in self.amounts {
            world.set_budget(purse, micros, moment.now, moment);
        }
        for (thing, status) in self.statuses {
            world.set_thing_status(thing, status, moment);
        }
        for ((thing, name), value) in self.facts {
            world.set_fact(thing, &name, value, moment);
        }
        for budget in self.budgets.into_iter().filter(|budget| !budget.used) {
            let facts = Map::from_iter([("amountMicros".to_owned(), json!(budget.micros)), ("explicitlyShared".to_owned(), json!(budget.shared))]);
            let new = New { level: Level::Shared, id: budget.id, parent: String::new(), name: budget.name, status: RunStatus::Active, purse: None, facts };
            world.create(account, &new, moment);
        }
        for new in &self.made {
            world.create(account, new, moment);
        }
    }

    /// What pays for a campaign that is to be made.
    pub(super) fn purse(&mut self, world: &World, account: usize, name: &str, campaign: &str) -> Result<NewPurse, Fault> {
        let id = self.id_of(world, account, Collection::Budgets, name)?;
        if let Some(budget) = self.budgets.iter_mut().find(|budget| budget.id == id) {
            if budget.used && !budget.shared {
                return Err(Fault::new(
                    "campaignBudgetError",
                    "CANNOT_USE_IMPLICITLY_SHARED_CAMPAIGN_BUDGET_WITH_MULTIPLE_CAMPAIGNS",
                    "The budget is another campaign's own.",
                ));
            }
            budget.used = true;
            let (level, holder) = if budget.shared { (Level::Shared, id.clone()) } else { (Level::Campaign, campaign.to_owned()) };
            return Ok(NewPurse { level, id: holder, resource: id, micros: budget.micros });
        }
        if let Some(purse) = world.purses.iter().find(|purse| purse.account == account && purse.resource == id) {
            if purse.level != Level::Shared {
                return Err(Fault::new(
                    "campaignBudgetError",
                    "CANNOT_USE_IMPLICITLY_SHARED_CAMPAIGN_BUDGET_WITH_MULTIPLE_CAMPAIGNS",
                    "The budget is another campaign's own.",
                ));
            }
            return Ok(NewPurse { level: Level::Shared, id: id.clone(), resource: id, micros: 0 });
        }
        let thing = world.thing(Platform::Google, Level::Shared, &id).filter(|thing| world.things[*thing].account == account).ok_or_else(missing)?;
        let (micros, shared) = (
            world.things[thing].facts["amountMicros"].at(world.things[thing].created),
            world.things[thing].facts["explicitlyShared"].at(world.things[thing].created),
        );
        let (level, holder) = if shared == true { (Level::Shared, id.clone()) } else { (Level::Campaign, campaign.to_owned()) };
        Ok(NewPurse { level, id: holder, resource: id, micros: micros.as_i64().unwrap_or(0) })
    }
}

/// What is named is not there.
pub(super) fn missing() -> Fault {
    Fault::new("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.")
}
