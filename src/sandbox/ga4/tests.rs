use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};

use super::*;
use crate::domain::money::Currency;
use crate::sandbox::SandboxConfig;
use crate::sandbox::world::tests::{START, moment, quiet};

fn world(change: impl FnOnce(&mut SandboxProperty)) -> World {
    let mut property = SandboxProperty::new("123456789", &["purchase".to_owned()], Currency::USD, Tz::America__New_York);
    change(&mut property);
    World::build(&SandboxConfig { properties: vec![property], ..quiet() }, START)
}

fn post(world: &mut World, path: &str, body: &Value, now: ProductTime) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer sandbox-shop"));
    let asked = Asked { method: Method::POST, path: path.to_owned(), query: BTreeMap::new(), headers, body: body.to_string().into_bytes() };
    let reply = answer(world, &asked, &moment(now));
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_default())
}

fn report(world: &mut World, body: &Value) -> (u16, Value) {
    post(world, "/v1beta/properties/123456789:runReport", body, START)
}

/// The contract's own example, over days that the market has.
fn example() -> Value {
    json!({
        "dateRanges": [{ "startDate": "9daysAgo", "endDate": "2daysAgo" }],
        "dimensions": [{ "name": "date" }, { "name": "sessionSource" }, { "name": "sessionMedium" }, { "name": "sessionManualCampaignId" }, { "name": "sessionGoogleAdsCampaignId" }],
        "metrics": [{ "name": "sessions" }, { "name": "keyEvents:purchase" }, { "name": "ecommercePurchases" }, { "name": "purchaseRevenue" }],
        "dimensionFilter": { "orGroup": { "expressions": [
            { "filter": { "fieldName": "sessionSource", "inListFilter": { "values": ["tiktok", "facebook", "instagram"] } } },
            { "notExpression": { "filter": { "fieldName": "sessionGoogleAdsCampaignId", "stringFilter": { "matchType": "EXACT", "value": "(not set)" } } } }] } },
        "orderBys": [{ "dimension": { "dimensionName": "date" } }],
        "limit": "100000", "offset": "0", "currencyCode": "USD", "returnPropertyQuota": true
    })
}

#[test]
fn the_contracts_example_is_understood_and_answered_in_its_form() {
    let (status, answer) = report(&mut world(|_| {}), &example());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["metadata"], json!({ "currencyCode": "USD", "timeZone": "America/New_York" }));
    assert_eq!(answer["metricHeaders"][1], json!({ "name": "keyEvents:purchase", "type": "TYPE_FLOAT" }));
    let rows = answer["rows"].as_array().expect("rows");
    assert_eq!(answer["rowCount"], rows.len());
    assert!(rows.len() > 50 && rows.iter().all(|row| row["dimensionValues"].as_array().is_some_and(|cells| cells.len() == 5)));
    assert_eq!(answer["propertyQuota"]["tokensPerDay"]["consumed"], answer["propertyQuota"]["tokensPerHour"]["consumed"]);
}

#[test]
fn pages_add_up_to_the_whole_and_every_page_tells_the_count_of_all_rows() {
    let mut world = world(|_| {});
    let (_, whole) = report(&mut world, &example());
    let all = whole["rows"].as_array().expect("rows").clone();
    let mut paged = Vec::new();
    while paged.len() < all.len() {
        let mut body = example();
        (body["limit"], body["offset"]) = ("7".into(), paged.len().to_string().into());
        let (_, page) = report(&mut world, &body);
        assert_eq!(page["rowCount"], all.len());
        paged.extend(page["rows"].as_array().expect("rows").iter().cloned());
    }
    assert_eq!(paged, all);
}

#[test]
fn what_ga4_would_refuse_is_refused_in_its_words() {
    let mut world = world(|_| {});
    let said = |answer: &Value| {
        (answer["error"]["status"].as_str().unwrap_or_default().to_owned(), answer["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    for (part, value, words) in [
        ("metrics", json!([{ "name": "revenue" }]), "Field revenue is not a valid metric."),
        ("metrics", json!([{ "name": "keyEvents:never_marked" }]), "is not a valid metric"),
        ("dimensions", json!([{ "name": "sessionCampaign" }]), "is not a valid dimension"),
        ("limit", json!("0"), "limit must be positive"),
        ("dateRanges", json!([{ "startDate": "2026-13-01", "endDate": "today" }]), "Invalid startDate"),
        ("datRanges", json!([]), "Unknown name \"datRanges\": Cannot find field."),
        ("orderBys", json!([{ "dimension": { "dimensionName": "sessionCampaignName" } }]), "is not in the request"),
    ] {
        let mut body = example();
        body[part] = value;
        let (status, answer) = report(&mut world, &body);
        let (name, message) = said(&answer);
        assert_eq!((status, name.as_str()), (400, "INVALID_ARGUMENT"), "{part}");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(post(&mut world, "/v1beta/properties/987:runReport", &example(), START).0, 403);
    assert_eq!(post(&mut world, "/v1beta/properties/123456789:runNothing", &example(), START).0, 404);
}

#[test]
fn a_batch_answers_each_report_in_order_and_one_bad_report_fails_it() {
    let mut world = world(|_| {});
    let batch = |world: &mut World, requests: Value| post(world, "/v1beta/properties/123456789:batchRunReports", &json!({ "requests": requests }), START);
    let mut other = example();
    (other["metrics"], other["property"]) = (json!([{ "name": "sessions" }]), "properties/123456789".into());
    let (status, answer) = batch(&mut world, json!([example(), other]));
    assert_eq!(status, 200, "{answer}");
    let alone = report(&mut world, &example()).1;
    assert_eq!(answer["reports"][0]["rows"], alone["rows"]);
    assert_eq!(answer["reports"][1]["metricHeaders"], json!([{ "name": "sessions", "type": "TYPE_INTEGER" }]));
    other["property"] = "properties/9".into();
    for wrong in [json!([]), json!(vec![example(); 6]), json!([example(), other]), json!([example(), { "metrics": [{ "name": "revenue" }] }])] {
        assert_eq!(batch(&mut world, wrong).0, 400);
    }
}

#[test]
fn what_does_not_go_together_is_told_before_and_refused_after() {
    let mut world = world(|_| {});
    let asked = |world: &mut World, body: Value| post(world, "/v1beta/properties/123456789:checkCompatibility", &body, START);
    let (status, told) = asked(&mut world, json!({ "dimensions": [{ "name": "date" }], "compatibilityFilter": "INCOMPATIBLE" }));
    let names: Vec<&str> = told["metricCompatibilities"].as_array().expect("some").iter().filter_map(|one| one["metricMetadata"]["apiName"].as_str()).collect();
    assert_eq!((status, names.as_slice(), &told["dimensionCompatibilities"]), (200, ["advertiserAdClicks", "advertiserAdCost"].as_slice(), &Value::Null));
    let mut body = example();
    body["metrics"] = json!([{ "name": "advertiserAdCost" }]);
    assert_eq!(report(&mut world, &body).0, 200, "a Google Ads dimension is asked for along with it");
    body["dimensions"] = json!([{ "name": "date" }]);
    let (status, answer) = report(&mut world, &body);
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().is_some_and(|said| said.contains("remove advertiserAdCost")), "{answer}");
    assert_eq!(asked(&mut world, json!({ "metrics": body["metrics"] })).0, 400, "what is asked about must itself go together");
}

#[test]
fn an_empty_bucket_is_named_and_filled_with_the_next_hour() {
    let mut world = world(|property| property.tokens_per_hour = 4);
    let asked = |world: &mut World, now| post(world, "/v1beta/properties/123456789:runReport", &example(), now);
    while asked(&mut world, START).0 == 200 {}
    let (status, answer) = asked(&mut world, START);
    assert_eq!((status, answer["error"]["status"].as_str()), (429, Some("RESOURCE_EXHAUSTED")));
    assert_eq!(asked(&mut world, START + TimeDelta::hours(1)).0, 200);
}

#[test]
fn small_rows_are_withheld_and_the_answer_says_so() {
    let mut body = example();
    // Some hours after a day's begin, the smallest campaigns have had a click or two.
    body["dateRanges"] = json!([{ "startDate": "today", "endDate": "today" }]);
    let flagged = |delay| report(&mut world(|property| property.delay_h = delay), &body).1["metadata"]["subjectToThresholding"] == true;
    assert!((0..24).any(flagged) && !flagged(40), "withheld rows are told, and nothing else is");
}

#[test]
fn the_site_counts_its_share_of_what_the_platforms_do() {
    let total = |share| {
        let (_, answer) = report(&mut world(|property| property.share_pct = share), &example());
        let cell = |row: &Value| row["metricValues"][1]["value"].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        answer["rows"].as_array().expect("rows").iter().map(cell).sum::<f64>()
    };
    let (all, half) = (total(100), total(50));
    assert!((half / all - 0.5).abs() < 0.05, "{half} of {all}");
}

#[test]
fn an_assertion_needs_all_its_parts() {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = |lives: i64| json!({ "iss": "bot", "scope": "x", "aud": "https://oauth2.googleapis.com/token", "iat": 1, "exp": 1 + lives });
    let signature = URL_SAFE_NO_PAD.encode([0; 256]);
    let made = |alg: &str, lives| format!("{}.{}.{signature}", part(json!({ "alg": alg, "typ": "JWT" })), part(claims(lives)));
    assert!(assertion_holds(&made("RS256", 3_600)));
    assert!(!assertion_holds(&made("none", 3_600)) && !assertion_holds(&made("RS256", 3_601)) && !assertion_holds("a.b.c") && !assertion_holds(""));
}
