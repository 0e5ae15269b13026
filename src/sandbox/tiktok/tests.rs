use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer;
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::tests::{START, moment, quiet};

const ADVERTISER: &str = "7000000000000000001";

fn call(world: &mut World, method: Method, path: &str, query: &[(&str, &str)], body: &Value, now: ProductTime, token: &'static str) -> Value {
    let mut headers = HeaderMap::new();
    headers.insert("access-token", HeaderValue::from_static(token));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let query: BTreeMap<String, String> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let asked = Asked { method, path: format!("/open_api/v1.3/{path}/"), query, headers, body: body.to_string().into_bytes() };
    let reply = answer(world, &asked, &moment(now));
    assert_eq!(reply.status, 200);
    serde_json::from_str(&reply.body).expect("JSON")
}

fn get(world: &mut World, path: &str, query: &[(&str, &str)]) -> Value {
    get_at(world, path, query, START)
}

fn get_at(world: &mut World, path: &str, query: &[(&str, &str)], now: ProductTime) -> Value {
    let mut all = vec![("advertiser_id", ADVERTISER)];
    all.extend_from_slice(query);
    call(world, Method::GET, path, &all, &Value::Null, now, "sandbox")
}

fn post_at(world: &mut World, path: &str, mut body: Value, now: ProductTime) -> Value {
    body["advertiser_id"] = ADVERTISER.into();
    call(world, Method::POST, path, &[], &body, now, "sandbox")
}

fn post(world: &mut World, path: &str, body: Value) -> Value {
    post_at(world, path, body, START)
}

fn world() -> World {
    World::build(&quiet(), START)
}

fn held_at(world: &World, level: Level) -> usize {
    (0..world.campaigns.len())
        .find(|index| world.owner(*index).platform == Platform::Tiktok && world.purse_of(*index).level == level)
        .expect("one such campaign")
}

#[test]
fn the_account_tells_its_currency_and_zone() {
    let mut world = world();
    let fields = r#"["advertiser_id","name","currency","timezone","balance","status","can_use_custom_identity"]"#;
    let info = call(
        &mut world,
        Method::GET,
        "advertiser/info",
        &[("advertiser_ids", &format!("[\"{ADVERTISER}\"]")), ("fields", fields)],
        &Value::Null,
        START,
        "sandbox",
    );
    let row = &info["data"]["list"][0];
    assert_eq!((&row["currency"], &row["timezone"], &row["status"]), (&json!("USD"), &json!("America/New_York"), &json!("STATUS_ENABLE")));
}

#[test]
fn errors_come_with_a_code_in_the_envelope() {
    let mut world = world();
    let code =
        |world: &mut World, token| call(world, Method::GET, "campaign/get", &[("advertiser_id", ADVERTISER)], &Value::Null, START, token)["code"].clone();
    assert_eq!((code(&mut world, ""), code(&mut world, "stolen"), code(&mut world, "sandbox")), (json!(40_104), json!(40_105), json!(0)));
    assert_eq!(get(&mut world, "campaign/update/status", &[])["code"], 40_400);
    assert_eq!(call(&mut world, Method::GET, "campaign/get", &[("advertiser_id", "1")], &Value::Null, START, "sandbox")["code"], 40_001);
}

#[test]
fn lists_are_complete_over_their_pages_and_ten_rows_long_by_default() {
    let mut world = world();
    let mut seen = BTreeSet::new();
    for page in ["1", "2", "3"] {
        let answer = get(&mut world, "campaign/get", &[("page", page), ("page_size", "3"), ("fields", r#"["campaign_id","budget"]"#)]);
        assert_eq!(answer["data"]["page_info"]["total_page"], 3);
        seen.extend(answer["data"]["list"].as_array().expect("a list").iter().map(|row| row["campaign_id"].to_string()));
    }
    assert_eq!(seen.len(), 8);
    let report = get(&mut world, "report/integrated/get", &daily(r#"["spend"]"#, "2025-12-20", "2025-12-30"));
    assert_eq!(report["data"]["list"].as_array().map(Vec::len), Some(10));
    assert_eq!(report["data"]["page_info"]["total_number"], 88);
    assert_eq!(get(&mut world, "campaign/get", &[("fields", r#"["opt_status"]"#)])["code"], 40_002);
}

fn daily<'a>(metrics: &'a str, from: &'a str, to: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("report_type", "BASIC"),
        ("data_level", "AUCTION_CAMPAIGN"),
        ("dimensions", r#"["campaign_id","stat_time_day"]"#),
        ("metrics", metrics),
        ("start_date", from),
        ("end_date", to),
    ]
}

#[test]
fn report_numbers_are_texts_and_value_hides_under_its_old_name() {
    let mut world = world();
    let metrics = r#"["spend","impressions","clicks","conversion","complete_payment","total_complete_payment_rate","complete_payment_roas","reach"]"#;
    let report = get(&mut world, "report/integrated/get", &daily(metrics, "2025-12-20", "2025-12-20"));
    let row = &report["data"]["list"][0];
    assert_eq!(row["dimensions"]["stat_time_day"], "2025-12-20 00:00:00");
    assert!(row["metrics"].as_object().expect("metrics").values().all(Value::is_string), "{row}");
    assert!(row["metrics"]["reach"].as_str().is_some_and(|reach| reach != "-"));
    let today = get(&mut world, "report/integrated/get", &daily(metrics, "2026-01-05", "2026-01-05"));
    assert_eq!(today["data"]["list"][0]["metrics"]["reach"], "-", "people are counted late");
    for (metrics, from, to) in
        [(r#"["roas"]"#, "2025-12-20", "2025-12-20"), (r#"["spend"]"#, "2025-12-01", "2025-12-31"), (r#"["spend"]"#, "2025-12-02", "2025-12-01")]
    {
        assert_eq!(get(&mut world, "report/integrated/get", &daily(metrics, from, to))["code"], 40_002, "{metrics} {from} {to}");
    }
}

#[test]
fn a_campaign_budget_acts_at_once_and_keeps_to_floor_and_spend() {
    let mut world = world();
    let index = held_at(&world, Level::Campaign);
    let id = world.campaigns[index].id.clone();
    let set = |world: &mut World, budget: Value| post(world, "campaign/update", json!({ "campaign_id": id, "budget": budget }));
    assert_eq!(set(&mut world, json!(240.5))["data"]["budget"], 240.5);
    assert_eq!(world.purse_of(index).amount.at(START), 240_500_000);
    for wrong in [json!(49.99), json!("240.5"), json!(240.505), json!(10_000_000)] {
        assert_eq!(set(&mut world, wrong.clone())["code"], 40_002, "{wrong}");
    }
    let evening = START + TimeDelta::hours(11);
    let spent = world.spent_today(world.campaigns[index].purse, evening);
    let below = post_at(&mut world, "campaign/update", json!({ "campaign_id": id, "budget": (spent / 10_000) as f64 / 100.0 }), evening);
    assert_eq!(below["code"], 40_002, "{below}");
    let group = held_at(&world, Level::AdGroup);
    let elsewhere = json!({ "campaign_id": world.campaigns[group].id, "budget": 300 });
    assert_eq!(post(&mut world, "campaign/update", elsewhere)["code"], 40_002);
}

#[test]
fn a_scheduled_ad_group_budget_waits_for_the_accounts_midnight() {
    let mut world = world();
    let index = held_at(&world, Level::AdGroup);
    let (id, before) = (world.campaigns[index].group.clone(), world.purse_of(index).amount.at(START));
    let body = json!({ "scheduled_budget": [{ "adgroup_id": id, "scheduled_budget": 272.0 }] });
    assert_eq!(
        post(&mut world, "adgroup/budget/update", body.clone()),
        json!({ "code": 0, "message": "OK", "request_id": "2026010517000000000000000000000000", "data": {} })
    );
    let shown = |world: &mut World, at| {
        let filter = format!(r#"{{"adgroup_ids":["{id}"]}}"#);
        get_at(world, "adgroup/get", &[("filtering", &filter)], at)["data"]["list"][0].clone()
    };
    let today = shown(&mut world, START);
    assert_eq!((today["budget"].as_f64().map(|units| units * 1e6), &today["scheduled_budget"]), (Some(before as f64), &json!(272.0)));
    let tomorrow = shown(&mut world, START + TimeDelta::hours(12));
    assert_eq!((&tomorrow["budget"], tomorrow.get("scheduled_budget")), (&json!(272.0), None));
    assert_eq!(world.pending[0].effective_at_ms, (START + TimeDelta::hours(12)).ms());
    assert_eq!(post_at(&mut world, "adgroup/budget/update", body, START + TimeDelta::minutes(11 * 60 + 56))["code"], 40_002);
}

#[test]
fn an_ad_group_update_replaces_it_and_therefore_needs_all_of_it() {
    let mut world = world();
    let index = held_at(&world, Level::AdGroup);
    let mut body = json!({ "adgroup_id": world.campaigns[index].group, "budget": 300.0 });
    assert_eq!(post(&mut world, "adgroup/update", body.clone())["code"], 40_002);
    body["location_ids"] = json!(["6252001"]);
    body["schedule_type"] = json!("SCHEDULE_FROM_NOW");
    body["schedule_start_time"] = json!("2025-12-01 00:00:00");
    assert_eq!(post(&mut world, "adgroup/update", body)["data"]["budget"], 300.0);
    assert_eq!(world.purse_of(index).amount.at(START), 300_000_000);
}

#[test]
fn a_partly_failed_status_list_says_which_and_without_leave_nothing_happens() {
    let mut world = world();
    let indices = world.campaigns_of(world.account(Platform::Tiktok, ADVERTISER).expect("it stands"));
    let group = |world: &World, place: usize| world.campaigns[indices[place]].group.clone();
    let (one, two) = (group(&world, 0), group(&world, 1));
    post(&mut world, "adgroup/status/update", json!({ "adgroup_ids": [two], "operation_status": "DELETE" }));
    let mut body = json!({ "adgroup_ids": [one, two], "operation_status": "DISABLE" });
    assert_eq!(post(&mut world, "adgroup/status/update", body.clone())["code"], 40_002);
    assert!(world.delivers(indices[0], START));
    body["allow_partial_success"] = true.into();
    let answer = post(&mut world, "adgroup/status/update", body);
    assert_eq!((&answer["code"], &answer["data"]["adgroup_ids"]), (&json!(0), &json!([one])));
    assert_eq!(answer["data"]["error_list"][0]["adgroup_id"], json!(two));
    assert!(!world.delivers(indices[0], START));
}

#[test]
fn a_deleted_campaign_vanishes_from_lists_and_reports_unless_asked_for() {
    let mut world = world();
    let index = held_at(&world, Level::Campaign);
    let id = world.campaigns[index].id.clone();
    let gone = post(&mut world, "campaign/status/update", json!({ "campaign_ids": [id], "operation_status": "DELETE" }));
    assert_eq!(gone["data"]["campaign_list"][0]["status"], "DELETE");
    assert_eq!(get(&mut world, "campaign/get", &[])["data"]["page_info"]["total_number"], 7);
    assert_eq!(get(&mut world, "campaign/get", &[("filtering", r#"{"primary_status":"STATUS_ALL"}"#)])["data"]["page_info"]["total_number"], 8);
    let mut query = daily(r#"["spend"]"#, "2025-12-20", "2025-12-20").to_vec();
    assert_eq!(get(&mut world, "report/integrated/get", &query)["data"]["page_info"]["total_number"], 7);
    query.push(("filtering", r#"[{"field_name":"campaign_status","filter_type":"IN","filter_value":"[\"STATUS_ALL\"]"}]"#));
    assert_eq!(get(&mut world, "report/integrated/get", &query)["data"]["page_info"]["total_number"], 8);
}

fn group_body(campaign: &str) -> Value {
    json!({
        "campaign_id": campaign, "adgroup_name": "Prospecting", "promotion_type": "WEBSITE", "placement_type": "PLACEMENT_TYPE_NORMAL",
        "placements": ["PLACEMENT_TIKTOK"], "location_ids": ["6252001"], "budget_mode": "BUDGET_MODE_DAY", "budget": 60.0, "schedule_type": "SCHEDULE_FROM_NOW",
        "schedule_start_time": "2026-01-05 18:00:00", "optimization_goal": "CONVERT", "billing_event": "OCPM", "pixel_id": "7100000000000000009",
        "optimization_event": "SHOPPING", "bid_type": "BID_TYPE_CUSTOM", "conversion_bid_price": 12.5, "pacing": "PACING_MODE_SMOOTH", "request_id": "2",
    })
}

/// A campaign without money of its own, an ad group with sixty dollars, and an ad of one image; their ids.
fn tree(world: &mut World) -> [String; 3] {
    let id = |answer: &Value, name: &str| answer["data"][name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let body = json!({ "campaign_name": "Autumn", "objective_type": "WEB_CONVERSIONS", "budget_mode": "BUDGET_MODE_INFINITE", "request_id": "1" });
    let campaign = id(&post(world, "campaign/create", body), "campaign_id");
    let group = id(&post(world, "adgroup/create", group_body(&campaign)), "adgroup_id");
    let body = json!({ "upload_type": "UPLOAD_BY_URL", "image_url": "https://cdn.example/a.jpg", "file_name": "a" });
    let image = id(&post(world, "file/image/ad/upload", body), "image_id");
    let creative = json!({
        "ad_name": "coats", "ad_format": "SINGLE_IMAGE", "identity_type": "CUSTOMIZED_USER", "identity_id": super::tools::IDENTITY, "image_ids": [image],
        "ad_text": "Warm coats", "call_to_action": "SHOP_NOW", "landing_page_url": "https://shop.example/",
    });
    let ads = post(world, "ad/create", json!({ "adgroup_id": group, "creatives": [creative] }));
    [campaign, group, ads["data"]["ad_ids"][0].as_str().unwrap_or_else(|| panic!("{ads}")).to_owned()]
}

#[test]
fn what_was_made_stands_again_when_the_world_is_rebuilt_from_its_log() {
    let mut world = world();
    let [campaign, group, ad] = tree(&mut world);
    let body = json!({
        "adgroup_id": group, "location_ids": ["719819"], "gender": "GENDER_FEMALE", "schedule_type": "SCHEDULE_FROM_NOW", "schedule_start_time": "2026-01-05 18:00:00",
        "bid_type": "BID_TYPE_CUSTOM", "conversion_bid_price": 13.5, "budget": 72.0,
    });
    assert_eq!(post(&mut world, "adgroup/update", body)["data"]["conversion_bid_price"], 13.5);
    post(&mut world, "ad/status/update", json!({ "ad_ids": [ad], "operation_status": "DISABLE" }));
    let mut again = self::world();
    for row in std::mem::take(&mut world.pending) {
        assert_eq!(row.outcome, crate::sandbox::world::edits::Outcome::Applied, "{row:?}");
        again.replay(&row);
    }
    let filter = format!(r#"{{"campaign_ids":["{campaign}"]}}"#);
    for path in ["campaign/get", "adgroup/get", "ad/get"] {
        let read = |world: &mut World| get(world, path, &[("filtering", &filter)])["data"]["list"].clone();
        let now = read(&mut world);
        assert_eq!(now.as_array().map(Vec::len), Some(1), "{path}");
        assert_eq!(read(&mut again), now, "{path}");
    }
    let row = get(&mut again, "adgroup/get", &[("filtering", &filter)])["data"]["list"][0].clone();
    assert_eq!((&row["budget"], &row["gender"], &row["location_ids"]), (&json!(72.0), &json!("GENDER_FEMALE"), &json!(["719819"])));
}

#[test]
fn an_update_that_leaves_something_out_lets_it_fall_back() {
    let mut world = world();
    let [_, group, _] = tree(&mut world);
    let whole = json!({ "adgroup_id": group, "location_ids": ["6252001"], "schedule_type": "SCHEDULE_FROM_NOW", "schedule_start_time": "2026-01-05 18:00:00" });
    let mut narrowed = whole.clone();
    narrowed["age_groups"] = json!(["AGE_25_34"]);
    assert_eq!(post(&mut world, "adgroup/update", narrowed)["data"]["age_groups"], json!(["AGE_25_34"]));
    let answer = post(&mut world, "adgroup/update", whole)["data"].clone();
    assert_eq!((&answer["age_groups"], &answer["bid_type"], &answer["budget"]), (&Value::Null, &json!("BID_TYPE_NO_BID"), &json!(60.0)));
}

#[test]
fn a_body_that_tiktok_would_not_take_makes_nothing() {
    let mut world = world();
    let [campaign, group, _] = tree(&mut world);
    let stood = world.things.len();
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let new = json!({ "campaign_name": "New", "objective_type": "TRAFFIC", "budget_mode": "BUDGET_MODE_DAY", "budget": 120.0 });
    for (field, value) in [
        ("opt_status", json!("disable")),
        ("objective_type", json!("CONVERSIONS")),
        ("campaign_name", json!("Sale \u{1f525}")),
        ("budget", json!(49.0)),
        ("budget", json!("120")),
        ("budget_optimize_on", json!(true)),
        ("special_industries", json!(["ALCOHOL"])),
        ("request_id", json!(7)),
    ] {
        assert_eq!(post(&mut world, "campaign/create", with(new.clone(), field, value.clone()))["code"], 40_002, "{field} {value}");
    }
    assert_eq!(post(&mut world, "campaign/create", with(new, "request_id", json!("1")))["code"], 40_050, "a number that was used");
    let body = with(group_body(&campaign), "request_id", json!("3"));
    for (field, value) in [
        ("bid", json!(5)),
        ("billing_event", json!("CPC")),
        ("location_ids", json!([])),
        ("age_groups", json!(["AGE_20_30"])),
        ("pixel_id", json!("1")),
        ("promotion_type", Value::Null),
        ("conversion_bid_price", Value::Null),
        ("conversion_bid_price", json!(61)),
        ("budget", json!(19.99)),
        ("schedule_start_time", json!("2026-01-05T18:00:00Z")),
        ("dayparting", json!("01")),
    ] {
        assert_eq!(post(&mut world, "adgroup/create", with(body.clone(), field, value.clone()))["code"], 40_002, "{field} {value}");
    }
    let creative = json!({
        "ad_name": "x", "ad_format": "SINGLE_VIDEO", "identity_type": "CUSTOMIZED_USER", "identity_id": super::tools::IDENTITY, "ad_text": "x", "image_ids": [],
    });
    assert_eq!(post(&mut world, "ad/create", json!({ "adgroup_id": group, "creatives": [creative] }))["code"], 40_002);
    for (url, code) in [("https://cdn.example/unreachable.mp4", 40_902), ("https://cdn.example/too-large.mp4", 40_907), ("ftp://cdn.example/a", 40_002)] {
        let body = json!({ "upload_type": "UPLOAD_BY_URL", "video_url": url, "file_name": url });
        assert_eq!(post(&mut world, "file/video/ad/upload", body)["code"], code, "{url}");
    }
    assert_eq!(world.things.len(), stood);
    assert_eq!(get(&mut world, "campaign/get", &[("filters", "{}")])["code"], 40_002, "an unknown parameter");
    assert!(world.pending.iter().filter(|row| row.code.is_some()).count() >= 20, "every refusal leaves its row");
}
