use super::inventory::assemble;
use super::*;
use crate::clock::Clock;
use crate::domain::entity::{EntityKey, Learning, Level, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::Currency;
use crate::platforms::call::Reach;
use crate::platforms::http::Reply;
use crate::platforms::limits::{Limiters, Pot};
use crate::platforms::spec::tests::spec;

pub(super) fn google() -> Google {
    let clock = Clock::real();
    let spec = spec(Platform::Google, Some("http://127.0.0.1:1")).checked().expect("valid");
    let caller = Caller::new(&spec, Google::DIALECT, clock.clone(), &Limiters::new(clock)).expect("clients");
    Google::new(spec, Arc::new(caller)).expect("a client")
}

/// One row as the contract shows it; `{}` fields replaced by the caller.
const ROW: &str = r#"{"campaign": {"resourceName": "customers/1234567890/campaigns/777", "status": "ENABLED", "servingStatus": "SERVING",
  "primaryStatus": "LIMITED", "primaryStatusReasons": ["BUDGET_CONSTRAINED", "A_REASON_OF_TOMORROW"], "advertisingChannelType": "SEARCH",
  "biddingStrategyType": "MAXIMIZE_CONVERSION_VALUE", "biddingStrategySystemStatus": "ENABLED",
  "containsEuPoliticalAdvertising": "DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING", "maximizeConversionValue": {"targetRoas": 3.5},
  "name": "Spring sale search", "id": "777", "campaignBudget": "customers/1234567890/campaignBudgets/555"},
 "campaignBudget": {"resourceName": "customers/1234567890/campaignBudgets/555", "status": "ENABLED", "deliveryMethod": "STANDARD", "period": "DAILY",
  "type": "STANDARD", "id": "555", "amountMicros": "50000000", "explicitlyShared": false, "referenceCount": "1"}}"#;

fn inventory(rows: &[String]) -> Inventory {
    let rows = rows.iter().map(|row| serde_json::from_str(row).expect("a row")).collect();
    let customer = r#"{"descriptiveName":"Shop","currencyCode":"USD","timeZone":"America/New_York","status":"ENABLED","manager":false}"#;
    let unit = Money::from_micros(10_000, Currency::USD);
    assemble(&google().spec, &serde_json::from_str(customer).expect("a customer"), unit, rows).expect("an inventory")
}

#[test]
fn a_campaigns_own_budget_goes_by_the_campaign_and_a_shared_one_by_itself() {
    let shared = |id: &str| {
        ROW.replace(r#""id": "777""#, &format!(r#""id": "{id}""#))
            .replace("555", "600")
            .replace(r#""explicitlyShared": false, "referenceCount": "1""#, r#""explicitlyShared": true, "referenceCount": "2""#)
    };
    let found = inventory(&[shared("900"), ROW.to_owned(), shared("800")]);
    let [own, two] = found.budgets.as_slice() else { panic!("two budgets") };
    assert_eq!((own.budget.key.to_string().as_str(), own.amount.to_string().as_str(), own.read_only), ("main:campaign:777", "50.00 USD", None));
    assert_eq!(own.resource, "customers/1234567890/campaignBudgets/555");
    assert_eq!((two.budget.key.level, two.budget.key.id.as_str(), two.read_only), (Level::Shared, "600", None));
    assert_eq!(two.budget.members.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["800", "900"]);
    let campaign = &found.campaigns[0];
    assert_eq!((campaign.key.id.as_str(), campaign.serving, campaign.disapproved, campaign.objective), ("777", true, false, Objective::Conversions));
    assert_eq!((campaign.learning.clone(), campaign.special_categories.as_deref()), (Learning::Done, Some([].as_slice())));
    assert_eq!(found.campaigns[1].budget.members.len(), 2);
}

#[test]
fn what_says_nothing_we_know_of_its_status_counts_as_spending_and_is_not_steered() {
    for status in [r#""status": "OF_TOMORROW", "servingStatus""#, r#""servingStatus""#] {
        let found = inventory(&[ROW.replace(r#""status": "ENABLED", "servingStatus""#, status)]);
        assert_eq!((found.campaigns[0].status, found.budgets[0].read_only), (RunStatus::Active, Some(ReadOnly::UnknownType)));
    }
}

#[test]
fn budgets_we_cannot_steer_say_why() {
    for (of, by, why) in [
        (r#""period": "DAILY""#, r#""period": "CUSTOM_PERIOD""#, ReadOnly::Lifetime),
        (r#""amountMicros": "50000000""#, r#""totalAmountMicros": "50000000""#, ReadOnly::Lifetime),
        (r#""type": "STANDARD""#, r#""type": "A_TYPE_OF_TOMORROW""#, ReadOnly::Automated),
        (r#"false, "referenceCount": "1""#, r#"true, "referenceCount": "3""#, ReadOnly::MemberOutsidePool),
    ] {
        assert_eq!(inventory(&[ROW.replace(of, by)]).budgets[0].read_only, Some(why), "{by}");
    }
}

#[test]
fn review_declaration_and_learning_are_read() {
    let campaign = |of: &str, by: &str| inventory(&[ROW.replace(of, by)]).campaigns.remove(0);
    let refused = campaign(r#""LIMITED", "primaryStatusReasons": ["BUDGET_CONSTRAINED""#, r#""NOT_ELIGIBLE", "primaryStatusReasons": ["HAS_ADS_DISAPPROVED""#);
    assert!(refused.disapproved && !refused.serving);
    let undeclared = campaign(r#""name": "#, r#""missingEuPoliticalAdvertisingDeclaration": true, "name": "#);
    assert_eq!(undeclared.special_categories, None);
    let learning = campaign(r#""biddingStrategySystemStatus": "ENABLED""#, r#""biddingStrategySystemStatus": "LEARNING_BUDGET_CHANGE""#);
    assert_eq!(learning.learning, Learning::Active { conversions: None, since: None });
    let paused = campaign(r#""status": "ENABLED", "servingStatus""#, r#""status": "PAUSED", "servingStatus""#);
    assert_eq!((paused.status, paused.serving), (RunStatus::Paused, false));
}

fn set(to: &str, unit: i64, resource: &str) -> Result<WireRequest, PlatformError> {
    let to: Money = to.parse().expect("a literal");
    let unit = Money::from_micros(unit, to.currency());
    let key: EntityKey = "main:shared:555".parse().expect("a literal");
    let budget = crate::domain::entity::BudgetRef { key, members: Vec::new() };
    let read = Budget { budget: budget.clone(), resource: resource.to_owned(), amount: unit, unit, minimum: unit, read_only: None };
    google().prepare(&Change::Budget { budget, from: unit, to }, Some(&read))
}

#[test]
fn a_budget_goes_out_in_micros_with_its_mask() {
    let resource = "customers/1234567890/campaignBudgets/555";
    let request = set("75.00 USD", 10_000, resource).expect("a request");
    assert_eq!(request.url, "http://127.0.0.1:1/v26/customers/1234567890/campaignBudgets:mutate");
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        r#"{"operations":[{"updateMask":"amountMicros","update":{"resourceName":"customers/1234567890/campaignBudgets/555","amountMicros":"75000000"}}]}"#
    );
    for (to, unit) in [("2500 JPY", 1_000_000), ("9000.5 HUF", 10_000)] {
        let body = set(to, unit, resource).expect(to).body;
        let micros = to.parse::<Money>().expect("a literal").micros();
        assert!(String::from_utf8_lossy(&body).contains(&format!(r#""amountMicros":"{micros}""#)));
    }
    for (to, unit) in [("2500.5 JPY", 1_000_000), ("75.001 USD", 10_000)] {
        assert!(matches!(set(to, unit, resource), Err(PlatformError::Validation(_))), "{to}");
    }
    for resource in ["", "customers/999/campaignBudgets/555", "customers/1234567890/campaignBudgets/5/6"] {
        assert!(matches!(set("75.00 USD", 10_000, resource), Err(PlatformError::Validation(_))), "{resource}");
    }
}

#[test]
fn status_is_written_with_its_mask_on_campaigns_and_ad_groups() {
    for (key, to, path, body) in [
        ("main:campaign:777", RunStatus::Paused, "campaigns:mutate", r#"{"resourceName":"customers/1234567890/campaigns/777","status":"PAUSED"}"#),
        ("main:ad_group:88", RunStatus::Active, "adGroups:mutate", r#"{"resourceName":"customers/1234567890/adGroups/88","status":"ENABLED"}"#),
    ] {
        let change = Change::Status { entity: key.parse().expect("a literal"), from: RunStatus::Active, to };
        let request = google().prepare(&change, None).expect("a request");
        assert!(request.url.ends_with(path), "{}", request.url);
        assert_eq!(String::from_utf8_lossy(&request.body), format!(r#"{{"operations":[{{"updateMask":"status","update":{body}}}]}}"#));
    }
}

#[test]
fn a_report_row_is_read_in_its_mixed_units() {
    let row = r#"{"campaign": {"resourceName": "customers/1234567890/campaigns/777", "id": "777"},
      "metrics": {"clicks": "42", "conversionsValue": 310.5, "conversions": 2.345678, "costMicros": "18340000", "impressions": "1290"}, "segments": {"date": "2026-11-20"}}"#;
    let day = report::day(&google().spec, &serde_json::from_str(row).expect("a row")).expect("a day");
    assert_eq!((day.entity.id.as_str(), day.day.to_string().as_str()), ("777", "2026-11-20"));
    assert_eq!((day.metrics.spend.to_string().as_str(), day.metrics.revenue.to_string().as_str()), ("18.34 USD", "310.50 USD"));
    assert_eq!((day.metrics.conversions_milli, day.metrics.impressions, day.metrics.clicks), (2_346, 1_290, 42));
    assert!(report::day(&google().spec, &serde_json::from_str(r#"{"campaign":{"id":"777"}}"#).expect("a row")).is_err());
}

fn failure(status: u16, category: &str, name: &str, details: Value) -> Fault {
    let body = json!({ "error": { "code": status, "message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT", "details": [{
        "@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure",
        "errors": [{ "errorCode": { category: name }, "message": "text", "details": details }], "requestId": "AAAA" }] } });
    errors::judge(&Reply::of(status, &[], &body.to_string())).expect_err("an error")
}

/// Every code the contract names, with what it asks of us.
#[test]
fn every_error_code_of_the_contract_has_its_class() {
    const CODES: &[(&str, &str, &str)] = &[
        (
            "QUOTA",
            "quotaError",
            "RESOURCE_TEMPORARILY_EXHAUSTED RESOURCE_EXHAUSTED EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION",
        ),
        ("PERMISSION", "quotaError", "ACCESS_PROHIBITED"),
        ("TRANSIENT", "internalError", "TRANSIENT_ERROR INTERNAL_ERROR DEADLINE_EXCEEDED ERROR_CODE_NOT_PUBLISHED"),
        ("CONFLICT", "databaseError", "CONCURRENT_MODIFICATION"),
        ("TRANSIENT", "databaseError", "DATA_CONSTRAINT_VIOLATION"),
        (
            "AUTH",
            "authenticationError",
            "OAUTH_TOKEN_EXPIRED OAUTH_TOKEN_INVALID AUTHENTICATION_ERROR OAUTH_TOKEN_REVOKED OAUTH_TOKEN_DISABLED NOT_ADS_USER \
             CUSTOMER_NOT_FOUND CLIENT_CUSTOMER_ID_INVALID TWO_STEP_VERIFICATION_NOT_ENROLLED ADVANCED_PROTECTION_NOT_ENROLLED",
        ),
        (
            "PERMISSION",
            "authorizationError",
            "USER_PERMISSION_DENIED CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION DEVELOPER_TOKEN_NOT_APPROVED PROJECT_DISABLED \
             CUSTOMER_NOT_ENABLED ACTION_NOT_PERMITTED ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT METRIC_ACCESS_DENIED",
        ),
        ("PERMISSION", "headerError", "INVALID_LOGIN_CUSTOMER_ID"),
        ("POLICY", "policyFindingError", "POLICY_FINDING"),
        ("POLICY", "policyViolationError", "POLICY_ERROR"),
        ("POLICY", "mutateError", "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"),
        ("POLICY", "criterionError", "MISSING_EU_POLITICAL_ADVERTISING_SELF_DECLARATION"),
        ("NOT_FOUND", "mutateError", "RESOURCE_NOT_FOUND"),
        ("NOT_FOUND", "requestError", "RESOURCE_NOT_FOUND"),
        ("NOT_FOUND", "campaignBudgetError", "CAMPAIGN_BUDGET_REMOVED"),
        ("NOT_FOUND", "operationAccessDeniedError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"),
        ("NOT_FOUND", "adGroupAdError", "CANNOT_OPERATE_ON_REMOVED_ADGROUPAD"),
        ("CONFLICT", "mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES"),
        ("VALIDATION", "requestError", "EXPIRED_PAGE_TOKEN INVALID_PAGE_TOKEN UNSUPPORTED_VERSION TOO_MANY_MUTATE_OPERATIONS PAGE_SIZE_NOT_SUPPORTED"),
        ("VALIDATION", "mutateError", "RESOURCE_DOES_NOT_SUPPORT_VALIDATE_ONLY"),
        ("VALIDATION", "fieldError", "REQUIRED"),
        ("VALIDATION", "fieldMaskError", "FIELD_MASK_MISSING FIELD_MASK_NOT_ALLOWED FIELD_NOT_FOUND FIELD_HAS_SUBFIELDS"),
        ("VALIDATION", "queryError", "EXPECTED_FILTERS_ON_DATE_RANGE EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE REQUESTED_METRICS_FOR_MANAGER"),
        ("VALIDATION", "dateRangeError", "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED"),
        ("VALIDATION", "changeEventError", "START_DATE_TOO_OLD CHANGE_DATE_RANGE_INFINITE CHANGE_DATE_RANGE_NEGATIVE LIMIT_NOT_SPECIFIED INVALID_LIMIT_CLAUSE"),
        ("VALIDATION", "newResourceCreationError", "CANNOT_SET_ID_FOR_CREATE"),
        (
            "VALIDATION",
            "campaignBudgetError",
            "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC MONEY_AMOUNT_TOO_LARGE \
             NEGATIVE_MONEY_AMOUNT DUPLICATE_NAME CAMPAIGN_BUDGET_IN_USE BUDGET_BELOW_PER_DAY_MINIMUM CANNOT_USE_ACCELERATED_DELIVERY_MODE",
        ),
        (
            "VALIDATION",
            "campaignError",
            "DUPLICATE_CAMPAIGN_NAME END_DATE_TIME_REQUIRED_FOR_TOTAL_BUDGET CANNOT_MODIFY_FOR_TRIAL_CAMPAIGN \
             CANNOT_CHANGE_BUDGET_ON_CAMPAIGN_WITH_TRIALS",
        ),
        ("VALIDATION", "assetError", "DUPLICATE_ASSET"),
        ("VALIDATION", "biddingError", "BIDDING_STRATEGY_TYPE_INCOMPATIBLE_WITH_SHARED_BUDGET"),
        ("VALIDATION", "rangeError", "TOO_LOW"),
        ("VALIDATION", "stringLengthError", "TOO_LONG"),
        ("VALIDATION", "criterionError", "INVALID_KEYWORD_TEXT"),
        ("VALIDATION", "errorOfTomorrow", "SOMETHING"),
    ];
    for (expected, category, names) in CODES {
        for name in names.split_whitespace() {
            assert_eq!(failure(400, category, name, Value::Null).error.code(), *expected, "{category}.{name}");
        }
    }
    for name in ["OAUTH_TOKEN_EXPIRED", "OAUTH_TOKEN_INVALID", "AUTHENTICATION_ERROR"] {
        assert_eq!(failure(401, "authenticationError", name, Value::Null).remedy, Remedy::FreshToken);
    }
    for name in ["EXPIRED_PAGE_TOKEN", "INVALID_PAGE_TOKEN"] {
        assert_eq!(failure(400, "requestError", name, Value::Null).remedy, Remedy::StartOver);
    }
    for (name, seconds) in [("RESOURCE_TEMPORARILY_EXHAUSTED", 10), ("RESOURCE_EXHAUSTED", 3_600), ("EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", 60)] {
        let fault = failure(429, "quotaError", name, Value::Null);
        assert!(matches!(fault.error, PlatformError::Quota { wait, .. } if wait == Duration::from_secs(seconds)), "{name}");
        assert_eq!(fault.reach, Reach::Pot(Pot::App), "without a scope the wider one is meant");
    }
}

#[test]
fn what_the_policy_found_arrives_in_the_platforms_own_words() {
    let topics = json!({ "policyFindingDetails": { "policyTopicEntries": [{ "topic": "PUNCTUATION", "type": "PROHIBITED", "evidences": [{ "textList": { "texts": ["Buy now!!!!!"] } }] }] } });
    let found = failure(400, "policyFindingError", "POLICY_FINDING", topics).error.to_string();
    assert!(found.contains("PUNCTUATION (PROHIBITED): \"Buy now!!!!!\""), "{found}");
    let keyword = json!({ "policyViolationDetails": { "externalPolicyName": "Weapons", "externalPolicyDescription": "None of these.", "key": { "violatingText": "gun" } } });
    let found = failure(400, "policyViolationError", "POLICY_ERROR", keyword).error.to_string();
    assert!(found.contains("Weapons: None of these. \"gun\""), "{found}");
    let newer = failure(400, "internalError", "ERROR_CODE_NOT_PUBLISHED", json!({ "unpublishedErrorCode": "SOMETHING_NEW" })).error.to_string();
    assert!(newer.contains("SOMETHING_NEW"), "{newer}");
}

#[test]
fn an_announced_wait_and_whom_it_stops_are_read() {
    let scope = |scope: &str| json!({ "quotaErrorDetails": { "rateScope": scope, "rateName": "Requests", "retryDelay": "30s" } });
    let fault = failure(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", scope("ACCOUNT"));
    assert!(matches!(fault.error, PlatformError::Quota { wait, .. } if wait == Duration::from_secs(30)));
    assert_eq!(fault.reach, Reach::Pot(Pot::Account));
    assert_eq!(failure(429, "quotaError", "RESOURCE_EXHAUSTED", scope("DEVELOPER")).reach, Reach::Pot(Pot::App));
}

#[test]
fn errors_without_an_ads_failure_go_by_their_status() {
    let code = |status, body: &str| errors::judge(&Reply::of(status, &[], body)).expect_err(body).error.code();
    assert_eq!(code(401, r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#), "AUTH");
    assert_eq!(
        code(
            400,
            r#"{"error":{"code":400,"message":"Unknown name","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest"}]}}"#
        ),
        "VALIDATION"
    );
    assert_eq!(code(429, r#"[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}]"#), "QUOTA", "the streamed form");
    assert_eq!(code(404, "<html>"), "NOT_FOUND");
    assert_eq!(code(502, "<html>"), "TRANSIENT");
    assert_eq!(code(200, "<html>"), "TRANSIENT");
}
