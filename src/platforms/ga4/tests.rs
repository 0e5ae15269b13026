use serde_json::json;

use super::quota::{refused, spare};
use super::*;
use crate::platforms::call::Reach;
use crate::platforms::http::Reply;

/// 19 November 2026, 14:20 UTC.
const NOW: ProductTime = ProductTime::from_ms(1_795_098_000_000);

fn spec() -> PropertySpec {
    PropertySpec {
        name: "shop".to_owned(),
        property: "123456789".to_owned(),
        key_events: vec!["purchase".to_owned()],
        join: "sessionCampaignId".to_owned(),
        base_url: Some("http://127.0.0.1:9/".parse().expect("a URL")),
        credentials: Credentials::Sandbox,
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a literal")
}

fn ask() -> Ask {
    Ask { from: day("2026-11-13"), to: day("2026-11-19"), currency: Currency::USD }
}

#[test]
fn a_report_is_asked_for_in_the_documented_body() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&request::body(&spec(), ask(), 100_000)).expect("JSON"));
}

fn answer(rows: &Value, more: Value) -> wire::Answer {
    let mut body = json!({
        "dimensionHeaders": [{"name": "date"}, {"name": "sessionCampaignId"}, {"name": "sessionSource"}, {"name": "sessionCampaignName"}],
        "metricHeaders": [{"name": "purchaseRevenue", "type": "TYPE_CURRENCY"}, {"name": "sessions", "type": "TYPE_INTEGER"}, {"name": "keyEvents:purchase", "type": "TYPE_FLOAT"}],
        "rows": rows, "rowCount": 1, "kind": "analyticsData#runReport"
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    serde_json::from_value(body).expect("the documented form")
}

#[test]
fn rows_are_read_by_the_names_of_their_columns_and_key_events_may_be_fractional() {
    let cells = |values: &[&str]| values.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>();
    let row = json!([{ "dimensionValues": cells(&["20261119", "1790000000000001", "tiktok", "(not set)"]), "metricValues": cells(&["312.45", "143", "4.5"]) }]);
    let counted = answer(&row, json!({})).counted(&spec(), ask()).expect("rows");
    let revenue = "312.45 USD".parse().expect("an amount");
    let expected =
        Counted { day: day("2026-11-19"), id: Some("1790000000000001".to_owned()), name: None, source: "tiktok".to_owned(), conversions_milli: 4_500, revenue };
    assert_eq!(counted, [expected]);
    let odd = json!([{ "dimensionValues": cells(&["20261119", "1", "x", "y"]), "metricValues": cells(&["-", "1", "1"]) }]);
    assert!(answer(&odd, json!({})).counted(&spec(), ask()).is_err(), "what is no number is not taken for zero");
}

#[test]
fn an_answer_without_rows_has_none_and_what_is_left_out_is_zero_or_false() {
    let none: wire::Answer = serde_json::from_value(json!({ "metadata": { "currencyCode": "USD", "timeZone": "America/New_York" } })).expect("it fits");
    assert_eq!((none.counted(&spec(), ask()), none.row_count()), (Ok(Vec::new()), 0));
    assert!(!none.metadata.expect("it is there").is_unfit());
}

#[test]
fn too_small_a_sample_and_lumped_rows_are_unfit_and_withheld_metrics_are_named() {
    let unfit = |metadata: Value| serde_json::from_value::<wire::Metadata>(metadata).expect("it fits").is_unfit();
    assert!(unfit(json!({ "dataLossFromOtherRow": true })));
    assert!(unfit(json!({ "samplingMetadatas": [{ "samplesReadCount": "899", "samplingSpaceSize": "1000" }] })));
    assert!(!unfit(json!({ "samplingMetadatas": [{ "samplesReadCount": "900", "samplingSpaceSize": "1000" }] })));
    assert!(!unfit(json!({ "subjectToThresholding": true })), "what is there may be used; what is missing is not zero");
    let withheld = json!({ "schemaRestrictionResponse": { "activeMetricRestrictions": [{ "metricName": "purchaseRevenue", "restrictedMetricTypes": ["REVENUE_DATA"] }] } });
    assert_eq!(serde_json::from_value::<wire::Metadata>(withheld).expect("it fits").withheld(), ["purchaseRevenue"]);
}

#[test]
fn every_documented_error_leads_to_the_documented_behaviour() {
    let google = |code: u16, status: &str, message: &str| json!({ "error": { "code": code, "message": message, "status": status } }).to_string();
    let cases: Vec<(u16, String, &str, Remedy, u64)> = vec![
        (400, google(400, "INVALID_ARGUMENT", "Field revenue is not a valid metric."), "VALIDATION", Remedy::None, 0),
        (401, google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), "AUTH", Remedy::FreshToken, 0),
        (403, google(403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property."), "PERMISSION", Remedy::None, 0),
        (404, "<!DOCTYPE html><title>Error 404</title>".to_owned(), "NOT_FOUND", Remedy::None, 0),
        (429, google(429, "RESOURCE_EXHAUSTED", "Exhausted concurrent requests quota."), "QUOTA", Remedy::None, 5),
        (429, google(429, "RESOURCE_EXHAUSTED", "Exhausted property tokens for a project per hour."), "QUOTA", Remedy::Later, 3_600),
        (429, google(429, "RESOURCE_EXHAUSTED", "Exhausted potentially thresholded requests quota."), "QUOTA", Remedy::Later, 3_600),
        (
            429,
            google(429, "RESOURCE_EXHAUSTED", "Exhausted property tokens per day. These quota tokens will return in under 24 hours."),
            "QUOTA",
            Remedy::Later,
            86_400,
        ),
        (500, google(500, "INTERNAL", "Internal error encountered."), "TRANSIENT", Remedy::None, 0),
        (503, google(503, "UNAVAILABLE", "The service is currently unavailable."), "TRANSIENT", Remedy::None, 0),
        (502, "<html>".to_owned(), "TRANSIENT", Remedy::None, 0),
        (200, "<html>".to_owned(), "TRANSIENT", Remedy::None, 0),
    ];
    for (status, body, code, remedy, seconds) in cases {
        let fault = errors::judge(&Reply::of(status, &[], &body)).expect_err(&body);
        assert_eq!((fault.error.code(), fault.remedy), (code, remedy), "{body}");
        if let PlatformError::Quota { wait, .. } = fault.error {
            assert_eq!((wait.as_secs(), fault.reach), (seconds, Reach::Object), "{body}");
        }
    }
    let off = json!({ "error": { "code": 403, "message": "m", "status": "PERMISSION_DENIED", "details": [{ "reason": "SERVICE_DISABLED" }] } }).to_string();
    assert!(errors::judge(&Reply::of(403, &[], &off)).expect_err("refused").error.to_string().contains("switched off"));
}

#[test]
fn an_empty_bucket_is_waited_for_until_it_is_filled_again() {
    let until = |said: &str| refused(said, NOW).map(|until| until.utc().to_rfc3339());
    assert_eq!(until("Exhausted concurrent requests quota."), None);
    assert_eq!(until("Exhausted property tokens for a project per hour.").as_deref(), Some("2026-11-19T15:00:00+00:00"));
    assert_eq!(until("Exhausted property tokens per day.").as_deref(), Some("2026-11-20T08:00:00+00:00"), "midnight in California");
}

#[test]
fn a_property_is_spared_before_its_buckets_are_empty() {
    let spared = |quota: Value| spare(&serde_json::from_value(quota).expect("it fits"), NOW).map(|until| until.utc().to_rfc3339());
    let full = json!({ "tokensPerDay": { "consumed": 4, "remaining": 199_996 }, "tokensPerHour": { "consumed": 4, "remaining": 39_996 }, "concurrentRequests": { "remaining": 10 } });
    assert_eq!(spared(full), None);
    assert_eq!(spared(json!({})), None, "what is not told is not known");
    assert_eq!(spared(json!({ "tokensPerHour": { "consumed": 4, "remaining": 2_000 } })).as_deref(), Some("2026-11-19T15:00:00+00:00"));
    assert_eq!(spared(json!({ "tokensPerHour": { "consumed": 40_000 } })).as_deref(), Some("2026-11-19T15:00:00+00:00"), "a zero is left out");
    assert_eq!(spared(json!({ "tokensPerDay": { "remaining": 39_000 } })).as_deref(), Some("2026-11-19T18:20:00+00:00"), "slower below a fifth");
    assert_eq!(spared(json!({ "tokensPerDay": { "remaining": 10_000 } })).as_deref(), Some("2026-11-20T08:00:00+00:00"));
}

#[test]
fn a_property_that_cannot_be_right_is_refused_before_anything_is_called() {
    let refused = |change: &dyn Fn(&mut PropertySpec)| {
        let mut spec = spec();
        change(&mut spec);
        let clock = Clock::manual(NOW);
        Property::new(spec, clock.clone(), &Limiters::new(clock)).err().map(|error| error.code())
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|spec| spec.property = "G-ABC".to_owned()), Some("VALIDATION"));
    assert_eq!(refused(&|spec| spec.base_url = None), Some("VALIDATION"), "the sandbox's credentials never leave this machine");
    assert_eq!(refused(&|spec| spec.base_url = Some("http://example.com/".parse().expect("a URL"))), Some("VALIDATION"));
    assert_eq!(refused(&|spec| spec.key_events = vec!["x".to_owned(); 9]), Some("VALIDATION"));
}
