//! Mutates, of one collection or of several at once: read whole, judged whole, applied whole unless partial failure is asked for.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::plan::{About, Plan};
use super::search::only;
use super::{Fault, Refusal, failure, fields};
use crate::domain::entity::Level;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;

/// Most operations of one request.
const MOST: usize = 10_000;

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Budgets,
    Campaigns,
    AdGroups,
    AdGroupAds,
    Ads,
    CampaignCriteria,
    AdGroupCriteria,
    Assets,
    CampaignAssets,
    AdGroupAssets,
}

impl Collection {
    const ALL: [Self; 10] = [
        Self::Budgets,
        Self::Campaigns,
        Self::AdGroups,
        Self::AdGroupAds,
        Self::Ads,
        Self::CampaignCriteria,
        Self::AdGroupCriteria,
        Self::Assets,
        Self::CampaignAssets,
        Self::AdGroupAssets,
    ];

    /// Where its objects are kept: a part of the campaign or ad group they name, not things of their own.
    pub(super) const fn part_of(self) -> Option<Self> {
        match self {
            Self::CampaignCriteria | Self::CampaignAssets => Some(Self::Campaigns),
            Self::AdGroupCriteria | Self::AdGroupAssets => Some(Self::AdGroups),
            Self::Budgets | Self::Campaigns | Self::AdGroups | Self::AdGroupAds | Self::Ads | Self::Assets => None,
        }
    }

    /// Its name in paths and resource names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Budgets => "campaignBudgets",
            Self::Campaigns => "campaigns",
            Self::AdGroups => "adGroups",
            Self::AdGroupAds => "adGroupAds",
            Self::Ads => "ads",
            Self::CampaignCriteria => "campaignCriteria",
            Self::AdGroupCriteria => "adGroupCriteria",
            Self::Assets => "assets",
            Self::CampaignAssets => "campaignAssets",
            Self::AdGroupAssets => "adGroupAssets",
        }
    }

    /// The member for it among those of `googleAds:mutate`, without its ending.
    const fn member(self) -> &'static str {
        match self {
            Self::Budgets => "campaignBudget",
            Self::Campaigns => "campaign",
            Self::AdGroups => "adGroup",
            Self::AdGroupAds => "adGroupAd",
            Self::Ads => "ad",
            Self::CampaignCriteria => "campaignCriterion",
            Self::AdGroupCriteria => "adGroupCriterion",
            Self::Assets => "asset",
            Self::CampaignAssets => "campaignAsset",
            Self::AdGroupAssets => "adGroupAsset",
        }
    }

    /// What its objects are in the log.
    pub(super) const fn level(self) -> Level {
        match self {
            Self::Budgets => Level::Shared,
            Self::Campaigns | Self::CampaignCriteria | Self::CampaignAssets => Level::Campaign,
            Self::AdGroups | Self::AdGroupCriteria | Self::AdGroupAssets => Level::AdGroup,
            Self::AdGroupAds | Self::Ads => Level::Ad,
            Self::Assets => Level::Media,
        }
    }

    /// The collection of a call `…:mutate`.
    pub(super) fn of_call(call: &str) -> Option<Self> {
        let name = call.strip_suffix(":mutate")?;
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }
}

/// Whether a request names temporary ids and several collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One collection.
    One(Collection),
    /// `googleAds:mutate`.
    Many,
}

/// Applies a mutate request.
pub(super) fn mutate(world: &mut World, account: usize, form: Form, body: &Value, moment: &Moment) -> Result<Value, Refusal> {
    let list = if form == Form::Many { "mutateOperations" } else { "operations" };
    only(body, &[list, "partialFailure", "validateOnly", "responseContentType", "customerId"])?;
    let operations = body[list].as_array().filter(|operations| !operations.is_empty());
    let path = if form == Form::Many { "mutate_operations" } else { "operations" };
    let operations = operations.ok_or_else(|| Fault::new("fieldError", "REQUIRED", "The required field was not present.").at(&[(path, None)]))?;
    if operations.len() > MOST {
        return Err(Fault::new("requestError", "TOO_MANY_MUTATE_OPERATIONS", "Too many operations in one request.").into());
    }
    let (partial, dry) = (body["partialFailure"] == true, body["validateOnly"] == true);
    let read = operations.iter().map(|operation| unwrapped(form, operation)).collect::<Result<Vec<_>, _>>()?;
    let (mut plan, mut seen, mut outcomes) = (Plan::new(form), BTreeSet::new(), Vec::new());
    for (number, (collection, operation)) in read.iter().enumerate() {
        let about = About::of(world, account, *collection, operation);
        let before = plan.clone();
        let mut outcome = plan.take(world, account, *collection, operation, moment);
        if let Ok(resource) = &outcome
            && operation.get("create").is_none()
            && !seen.insert(resource.clone())
        {
            outcome = Err(Fault::new("mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES", "The same resource appears twice in one request."));
        }
        if outcome.is_err() {
            plan = before;
        }
        let outcome = outcome.map_err(|fault| {
            let mut whole = vec![(path, Some(number))];
            if form == Form::Many {
                whole.push((operation_name(*collection), None));
            }
            whole.extend(fault.path.iter().copied());
            fault.at(&whole)
        });
        outcomes.push((about, outcome));
    }
    let faults: Vec<Fault> = outcomes.iter().filter_map(|(_, outcome)| outcome.clone().err()).collect();
    let refused = !faults.is_empty() && !partial;
    if dry {
        return if refused { Err(Refusal::Failure { status: 400, faults }) } else { Ok(json!({})) };
    }
    for (about, outcome) in &outcomes {
        if let Some(fault) = outcome.as_ref().err().or(faults.first().filter(|_| refused)) {
            about.refuse(world, account, &fault.text(), moment);
        }
    }
    if refused {
        return Err(Refusal::Failure { status: 400, faults });
    }
    plan.apply(world, account, moment);
    let results: Vec<Value> =
        outcomes.iter().zip(&read).map(|((_, outcome), (collection, operation))| entry(form, *collection, operation, outcome, body)).collect();
    let list = if form == Form::Many { "mutateOperationResponses" } else { "results" };
    let mut answer = Map::from_iter([(list.to_owned(), Value::Array(results))]);
    if let Some(first) = faults.first() {
        answer.insert("partialFailureError".to_owned(), json!({ "code": 3, "message": first.message, "details": [failure(&faults, moment)] }));
    }
    Ok(Value::Object(answer))
}

/// The collection an operation belongs to and the operation itself, when it has only members that exist.
fn unwrapped(form: Form, operation: &Value) -> Result<(Collection, &Value), Refusal> {
    let (collection, operation) = match form {
        Form::One(collection) => (collection, operation),
        Form::Many => {
            let members = operation.as_object().filter(|members| members.len() == 1);
            let (name, inner) = members
                .and_then(|members| members.iter().next())
                .ok_or_else(|| Refusal::Body("Each entry of mutateOperations takes exactly one operation: they are one oneof.".to_owned()))?;
            let found = Collection::ALL.into_iter().find(|collection| name.strip_suffix("Operation") == Some(collection.member()));
            (found.ok_or_else(|| Refusal::Body(format!("Unknown name \"{name}\": Cannot find field.")))?, inner)
        }
    };
    only(operation, &["create", "update", "remove", "updateMask", "policyValidationParameter", "exemptPolicyViolationKeys"])?;
    let kinds = ["create", "update", "remove"].into_iter().filter(|kind| operation.get(*kind).is_some_and(|value| !value.is_null())).count();
    if kinds > 1 {
        return Err(Refusal::Body("create, update and remove are members of one oneof.".to_owned()));
    }
    for object in [&operation["create"], &operation["update"]].into_iter().filter(|object| !object.is_null()) {
        fields::check(collection, object)?;
    }
    Ok((collection, operation))
}

const fn operation_name(collection: Collection) -> &'static str {
    match collection {
        Collection::Budgets => "campaign_budget_operation",
        Collection::Campaigns => "campaign_operation",
        Collection::AdGroups => "ad_group_operation",
        Collection::AdGroupAds => "ad_group_ad_operation",
        Collection::Ads => "ad_operation",
        Collection::CampaignCriteria => "campaign_criterion_operation",
        Collection::AdGroupCriteria => "ad_group_criterion_operation",
        Collection::Assets => "asset_operation",
        Collection::CampaignAssets => "campaign_asset_operation",
        Collection::AdGroupAssets => "ad_group_asset_operation",
    }
}

/// One entry of the results: empty for an operation that failed.
fn entry(form: Form, collection: Collection, operation: &Value, outcome: &Result<String, Fault>, body: &Value) -> Value {
    let Ok(resource) = outcome else { return json!({}) };
    let mut result = json!({ "resourceName": resource });
    let update = &operation["update"];
    if let (true, Collection::Budgets, Some(micros)) =
        (body["responseContentType"] == "MUTABLE_RESOURCE", collection, fields::whole_number(update.get("amountMicros")))
    {
        result["campaignBudget"] = json!({ "resourceName": resource, "deliveryMethod": "STANDARD", "period": "DAILY", "amountMicros": micros.to_string() });
    }
    match form {
        Form::One(_) => result,
        Form::Many => json!({ format!("{}Result", collection.member()): result }),
    }
}
