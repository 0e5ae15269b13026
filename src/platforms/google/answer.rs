//! What a mutate's answer proves: done only when every operation names what it wrote.

use serde_json::Value;

use super::errors;
use crate::platforms::call::Fault;
use crate::platforms::{Accepted, Effect, PlatformError};

/// Reads the answer to the mutate with this body.
///
/// # Errors
/// The refusal of the operations that failed when none was done, [`PlatformError::Unknown`] when that is not certain.
pub(super) fn accepted(body: &[u8], answer: &Value) -> Result<Accepted, PlatformError> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let operations = ["operations", "mutateOperations"].into_iter().find_map(|name| asked[name].as_array()).map(Vec::as_slice).unwrap_or_default();
    let results = ["results", "mutateOperationResponses"].into_iter().find_map(|name| answer[name].as_array()).map(Vec::as_slice).unwrap_or_default();
    let written: Vec<Option<&str>> = results.iter().map(resource).collect();
    if let Some(failure) = answer.get("partialFailureError") {
        return Err(match (written.iter().all(Option::is_none), errors::partial(failure)) {
            // A failed operation leaves an empty entry: with all of them empty nothing was done.
            (true, Some(fault)) => settled(fault),
            (_, fault) => PlatformError::Unknown(format!(
                "{} of {} operations were done, the rest was refused: {}",
                written.iter().flatten().count(),
                operations.len(),
                fault.map_or_else(|| "without a reason".to_owned(), |fault| fault.error.to_string())
            )),
        });
    }
    if operations.is_empty() || written.len() != operations.len() || written.iter().any(Option::is_none) {
        return Err(PlatformError::Unknown("the answer does not name what every operation wrote".to_owned()));
    }
    Ok(Accepted { request_id: None, created: created(operations, &written), effect: Effect::Now })
}

/// An operation that failed by itself was refused: what would help a read proves nothing here.
fn settled(fault: Fault) -> PlatformError {
    match fault.error {
        PlatformError::Transient(what) => PlatformError::Unknown(what),
        error => error,
    }
}

/// The resource a result names, in either form of mutate.
fn resource(result: &Value) -> Option<&str> {
    let direct = result.get("resourceName").and_then(Value::as_str);
    direct.or_else(|| result.as_object()?.values().next()?.get("resourceName")?.as_str()).filter(|name| !name.is_empty())
}

/// The id of what the request was for: the campaign, ad group or ad of several things that were made together, else the one thing made.
fn created(operations: &[Value], written: &[Option<&str>]) -> Option<String> {
    let makes = |operation: &Value, what: &[&str]| {
        let first = operation.as_object().and_then(|members| members.iter().next());
        first.is_some_and(|(name, inner)| what.contains(&name.as_str()) && (name == "create" || inner.get("create").is_some()))
    };
    let place_of = |what: &[&str]| operations.iter().position(|operation| makes(operation, what));
    let place = place_of(&["create", "campaignOperation", "adGroupOperation"]).or_else(|| place_of(&["adGroupAdOperation"]))?;
    let (collection, id) = written.get(place).copied().flatten()?.rsplit_once('/')?;
    // A criterion is part of what it targets, nothing by itself.
    Some(id.to_owned()).filter(|_| !collection.ends_with("Criteria"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(asked: &Value, answer: &Value) -> Result<Accepted, PlatformError> {
        accepted(asked.to_string().as_bytes(), answer)
    }

    #[test]
    fn a_mutate_counts_as_done_only_when_every_operation_names_what_it_wrote() {
        let asked = json!({ "operations": [{ "updateMask": "amountMicros", "update": {} }] });
        let done = json!({ "results": [{ "resourceName": "customers/1/campaignBudgets/555" }] });
        assert_eq!(read(&asked, &done).expect("accepted").created, None);
        let two = json!({ "operations": [{ "remove": "a" }, { "remove": "b" }] });
        for (asked, answer) in [(&asked, json!({})), (&asked, json!({ "results": [{}] })), (&two, done), (&json!({}), json!({ "results": [] }))] {
            assert!(matches!(read(asked, &answer), Err(PlatformError::Unknown(_))), "{answer}");
        }
    }

    #[test]
    fn of_a_tree_the_campaign_is_what_was_made_and_of_criteria_nothing() {
        let asked = json!({ "mutateOperations": [
            { "campaignBudgetOperation": { "create": {} } }, { "campaignOperation": { "create": {} } }, { "adGroupOperation": { "create": {} } } ] });
        let answer = json!({ "mutateOperationResponses": [
            { "campaignBudgetResult": { "resourceName": "customers/1/campaignBudgets/556" } }, { "campaignResult": { "resourceName": "customers/1/campaigns/790" } },
            { "adGroupResult": { "resourceName": "customers/1/adGroups/91" } } ] });
        assert_eq!(read(&asked, &answer).expect("accepted").created.as_deref(), Some("790"));
        let one = json!({ "operations": [{ "create": {} }] });
        let named = |name: &str| json!({ "results": [{ "resourceName": name }] });
        assert_eq!(read(&one, &named("customers/1/adGroupAds/88~99")).expect("accepted").created.as_deref(), Some("88~99"));
        assert_eq!(read(&one, &named("customers/1/adGroupCriteria/88~301")).expect("accepted").created, None);
    }

    #[test]
    fn a_partial_failure_is_no_success_and_a_refusal_only_when_nothing_was_done() {
        let asked = json!({ "operations": [{ "remove": "a" }, { "remove": "b" }] });
        let failure = |category: &str, name: &str| json!({ "code": 3, "details": [{ "errors": [{ "errorCode": { category: name }, "message": "text" }] }] });
        let answer = |first: Value, failure: Value| json!({ "results": [first, {}], "partialFailureError": failure });
        let wrong = failure("campaignBudgetError", "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT");
        assert_eq!(read(&asked, &answer(json!({}), wrong.clone())).expect_err("refused").code(), "VALIDATION");
        let half = read(&asked, &answer(json!({ "resourceName": "customers/1/campaigns/1" }), wrong)).expect_err("not done");
        assert!(half.code() == "UNKNOWN" && half.to_string().contains("1 of 2"), "{half}");
        let quota = failure("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED");
        assert_eq!(read(&asked, &answer(json!({}), quota)).expect_err("refused").code(), "QUOTA");
        assert_eq!(read(&asked, &answer(json!({}), failure("internalError", "INTERNAL_ERROR"))).expect_err("not known").code(), "UNKNOWN");
    }
}
