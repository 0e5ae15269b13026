use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer;
use crate::domain::entity::{Level, Platform};
use crate::sandbox::wire::Asked;
use crate::sandbox::world::tests::{START, moment, quiet};
use crate::sandbox::world::{Review, World};

fn ask(method: Method, path: &str, query: &[(&str, &str)], body: &str) -> Asked {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer sandbox"));
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let query: BTreeMap<String, String> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Asked { method, path: format!("/v26.0/{path}"), query, headers, body: body.as_bytes().to_vec() }
}

fn get(world: &mut World, path: &str, query: &[(&str, &str)]) -> Value {
    let reply = answer(world, &ask(Method::GET, path, query, ""), &moment(START));
    serde_json::from_str(&reply.body).expect("JSON")
}

fn post_at(world: &mut World, path: &str, body: &str, minutes: i64) -> Value {
    let reply = answer(world, &ask(Method::POST, path, &[], body), &moment(START + TimeDelta::minutes(minutes)));
    serde_json::from_str(&reply.body).expect("JSON")
}

fn post(world: &mut World, path: &str, body: &str) -> Value {
    post_at(world, path, body, 0)
}

fn world() -> World {
    World::build(&quiet(), START)
}

fn held_at(world: &World, level: Level) -> usize {
    (0..world.campaigns.len())
        .find(|index| {
            world.owner(*index).platform == Platform::Meta && world.purse_of(*index).level == level && world.campaigns[*index].review == Review::Passed
        })
        .expect("one such campaign")
}

#[test]
fn paging_by_cursor_visits_every_row_once() {
    let mut world = world();
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    for _ in 0..10 {
        let mut query = vec![("fields", "id"), ("limit", "3")];
        if let Some(cursor) = &after {
            query.push(("after", cursor));
        }
        let page = get(&mut world, "act_1001/campaigns", &query);
        seen.extend(page["data"].as_array().expect("data").iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        assert!(page["paging"]["cursors"]["after"].is_string());
        if page["paging"]["next"].is_null() {
            break;
        }
        after = page["paging"]["cursors"]["after"].as_str().map(str::to_owned);
    }
    let mut unique = seen.clone();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (8, 8));
}

#[test]
fn the_unit_of_budgets_is_the_cent_and_of_insights_the_dollar() {
    let mut world = world();
    let index = held_at(&world, Level::Campaign);
    let (id, micros) = (world.campaigns[index].id.clone(), world.purse_of(index).amount.at(START));
    let node = get(&mut world, &id, &[("fields", "daily_budget,lifetime_budget")]);
    assert_eq!(node, json!({ "id": id, "daily_budget": (micros / 10_000).to_string(), "lifetime_budget": "0" }));
    let rows = get(&mut world, &format!("{id}/insights"), &[("fields", "spend,clicks,actions"), ("date_preset", "yesterday")]);
    let spend: f64 = rows["data"][0]["spend"].as_str().expect("a string").parse().expect("a decimal");
    assert!(spend > 20.0 && spend < micros as f64 / 1e6 * 1.75, "{rows}");
}

#[test]
fn a_purchase_goes_by_several_names_and_a_window_only_when_asked() {
    let mut world = world();
    let query = [("level", "campaign"), ("fields", "campaign_id,actions,action_values"), ("time_range", r#"{"since":"2025-12-20","until":"2025-12-24"}"#)];
    let rows = get(&mut world, "act_1001/insights", &query);
    let actions = rows["data"][0]["actions"].as_array().expect("actions");
    let purchases: Vec<&Value> = actions.iter().filter(|action| action["action_type"].as_str().is_some_and(|kind| kind.contains("purchase"))).collect();
    assert_eq!(purchases.len(), 3);
    assert!(purchases.iter().all(|row| row["value"] == purchases[0]["value"] && row["7d_click"].is_null()));
}

#[test]
fn four_budget_changes_of_an_ad_set_an_hour_and_not_a_fifth() {
    let mut world = world();
    let index = held_at(&world, Level::AdGroup);
    let id = world.campaigns[index].group.clone();
    for minute in 0..4 {
        assert_eq!(post_at(&mut world, &id, &format!("daily_budget={}", 90_000 + minute), minute), json!({ "success": true }));
    }
    let fifth = post_at(&mut world, &id, "daily_budget=95000", 30);
    assert_eq!((fifth["error"]["code"].as_i64(), fifth["error"]["error_subcode"].as_i64()), (Some(613), Some(1_487_632)));
    assert_eq!(post_at(&mut world, &id, "daily_budget=95000", 61), json!({ "success": true }));
}

#[test]
fn wrong_budgets_are_refused_with_metas_codes_and_leave_a_refused_row() {
    let mut world = world();
    let (campaign, ad_set) = (held_at(&world, Level::Campaign), held_at(&world, Level::AdGroup));
    let (id, group, parent) = (world.campaigns[campaign].id.clone(), world.campaigns[ad_set].group.clone(), world.campaigns[ad_set].id.clone());
    let cases = [
        (id.as_str(), "daily_budget=99", Some(1_885_272)),
        (id.as_str(), "daily_budget=500", Some(1_885_650)),
        (id.as_str(), "daily_budget=25.00", None),
        (parent.as_str(), "daily_budget=20000", Some(1_885_621)),
        (group.as_str(), "status=RUNNING", None),
    ];
    for (node, body, subcode) in cases {
        let answer = post(&mut world, node, body);
        assert_eq!((answer["error"]["code"].as_i64(), answer["error"]["error_subcode"].as_i64()), (Some(100), subcode), "{node} {body}");
    }
    assert_eq!(world.pending.len(), 5);
    assert!(world.pending.iter().all(|row| row.code.is_some()));
}

#[test]
fn an_unknown_parameter_is_ignored_silently_and_an_unknown_field_is_not() {
    let mut world = world();
    let id = world.campaigns[held_at(&world, Level::Campaign)].id.clone();
    assert_eq!(post(&mut world, &id, "dialy_budget=30000"), json!({ "success": true }));
    assert_eq!(post(&mut world, &id, "daily_budget=30000&execution_options=%5B%22validate_only%22%5D"), json!({ "success": true }));
    assert!(world.pending.is_empty());
    assert_eq!(get(&mut world, &id, &[("fields", "dialy_budget")])["error"]["code"], json!(100));
}

#[test]
fn what_review_stopped_shows_its_issue_and_a_missing_declaration_has_no_key() {
    let mut world = world();
    let rows = get(&mut world, "act_1001/campaigns", &[("fields", "id,status,effective_status,special_ad_categories,issues_info"), ("limit", "100")]);
    let rows = rows["data"].as_array().expect("data");
    let undeclared: Vec<&Value> = rows.iter().filter(|row| row["special_ad_categories"].is_null()).collect();
    assert_eq!(undeclared.len(), 1);
    assert_eq!(undeclared[0]["status"], "PAUSED");
    assert_eq!(rows.iter().filter(|row| row["issues_info"][0]["level"] == "AD").count(), 1);
    let id = undeclared[0]["id"].as_str().expect("an id").to_owned();
    post(&mut world, &id, "status=ACTIVE");
    assert_eq!(get(&mut world, &id, &[("fields", "effective_status")])["effective_status"], "WITH_ISSUES");
}

#[test]
fn a_large_step_starts_learning_over_and_a_small_one_does_not() {
    let mut world = world();
    let index = held_at(&world, Level::Campaign);
    let (id, group, cents) = (world.campaigns[index].id.clone(), world.campaigns[index].group.clone(), world.purse_of(index).amount.at(START) / 10_000);
    let stage = |world: &mut World| get(world, &group, &[("fields", "learning_stage_info")])["learning_stage_info"]["status"].clone();
    assert_eq!(stage(&mut world), "SUCCESS");
    post(&mut world, &id, &format!("daily_budget={}", cents * 12 / 10));
    assert_eq!(stage(&mut world), "SUCCESS");
    post(&mut world, &id, &format!("daily_budget={}", cents * 16 / 10));
    assert_eq!(stage(&mut world), "LEARNING");
}

const GOOD_SET: &str = "name=S&status=PAUSED&billing_event=IMPRESSIONS&optimization_goal=LINK_CLICKS&targeting=%7B%22geo_locations%22%3A%7B%22countries%22%3A%5B%22US%22%5D%7D%2C\
    %22targeting_automation%22%3A%7B%22advantage_audience%22%3A0%7D%7D";

#[test]
fn creations_are_refused_with_metas_codes_where_they_lack_what_meta_wants() {
    let mut world = world();
    let (above, below) = (held_at(&world, Level::Campaign), held_at(&world, Level::AdGroup));
    let (cbo, abo) = (world.campaigns[above].id.clone(), world.campaigns[below].id.clone());
    let campaign = "name=C&objective=OUTCOME_SALES&status=PAUSED&special_ad_categories=%5B%5D";
    let cases = [
        ("campaigns", campaign.to_owned(), Some(4_834_011)),
        ("campaigns", format!("{campaign}&daily_budget=5000&is_adset_budget_sharing_enabled=true"), Some(4_834_002)),
        ("campaigns", format!("{campaign}&is_adset_budget_sharing_enabled=true"), Some(4_834_005)),
        ("campaigns", format!("{campaign}&daily_budget=50"), Some(1_885_272)),
        ("campaigns", format!("{campaign}&daily_budget=5000&colour=red"), None),
        ("campaigns", "name=C&objective=OUTCOME_SALES&daily_budget=5000".to_owned(), None),
        ("campaigns", "name=C&objective=CONVERSIONS&special_ad_categories=%5B%5D&daily_budget=5000".to_owned(), None),
        ("adsets", format!("{GOOD_SET}&campaign_id={cbo}&daily_budget=5000"), Some(1_885_621)),
        ("adsets", format!("{GOOD_SET}&campaign_id={abo}&daily_budget=5000"), Some(2_490_487)),
        ("adsets", format!("{GOOD_SET}&campaign_id={abo}&daily_budget=5000&bid_strategy=COST_CAP"), Some(2_490_487)),
        ("adsets", format!("{GOOD_SET}&campaign_id={abo}&daily_budget=5000&bid_strategy=LOWEST_COST_WITHOUT_CAP&bid_amount=5"), Some(1_885_204)),
        ("adsets", format!("{}&campaign_id={cbo}", GOOD_SET.replace("advantage_audience", "other")), Some(1_870_227)),
        ("adsets", format!("{GOOD_SET}&campaign_id=9"), Some(33)),
        ("ads", "name=A&adset_id=9&creative=%7B%22creative_id%22%3A%221%22%7D".to_owned(), Some(33)),
        ("adcreatives", "name=A&object_story_spec=%7B%22page_id%22%3A%221%22%7D".to_owned(), None),
        ("adimages", "bytes=bm8gcGljdHVyZQ==".to_owned(), Some(1_487_411)),
    ];
    let count = cases.len();
    for (edge, body, subcode) in cases {
        let answer = post(&mut world, &format!("act_1001/{edge}"), &body);
        assert_eq!((answer["error"]["code"].as_i64(), answer["error"]["error_subcode"].as_i64()), (Some(100), subcode), "{edge} {body}: {answer}");
    }
    assert!(world.pending.len() == count && world.pending.iter().all(|row| row.field == "create" && row.code.is_some()), "each leaves its row");
    assert!(post(&mut world, "act_1001/adsets", &format!("{GOOD_SET}&campaign_id={cbo}"))["id"].is_string());
    assert_eq!(
        post(&mut world, "act_1001/adsets", &format!("{GOOD_SET}&campaign_id={cbo}&execution_options=%5B%22validate_only%22%5D")),
        json!({ "success": true })
    );
}

#[test]
fn a_campaign_without_a_budget_spends_what_its_ad_sets_bring() {
    let spent = |sets: usize| {
        let mut world = world();
        let made = "name=C&objective=OUTCOME_TRAFFIC&status=ACTIVE&special_ad_categories=%5B%5D&is_adset_budget_sharing_enabled=false";
        let campaign = post(&mut world, "act_1001/campaigns", made)["id"].as_str().expect("an id").to_owned();
        let creative = world.things.iter().find(|thing| thing.level == Level::Creative).expect("a creative").id.clone();
        for _ in 0..sets {
            let body = format!("{}&campaign_id={campaign}&daily_budget=5000&bid_strategy=LOWEST_COST_WITHOUT_CAP", GOOD_SET.replace("PAUSED", "ACTIVE"));
            let set = post(&mut world, "act_1001/adsets", &body)["id"].as_str().expect("an id").to_owned();
            let ad = format!("name=A&status=ACTIVE&adset_id={set}&creative=%7B%22creative_id%22%3A%22{creative}%22%7D");
            assert!(post(&mut world, "act_1001/ads", &ad)["id"].is_string());
        }
        let (index, day) = (world.campaign(Platform::Meta, &campaign).expect("it stands"), START.date_in(chrono_tz::America::New_York) + chrono::Days::new(3));
        world.figures(index, day, START + TimeDelta::days(8)).spend
    };
    let (none, one, two) = (spent(0), spent(1), spent(2));
    assert!(none == 0 && one > 25_000_000 && two > one * 15 / 10, "{none} {one} {two}");
}

#[test]
fn the_restarted_market_holds_what_was_made_and_changed_before() {
    let mut first = world();
    let campaign = held_at(&first, Level::Campaign);
    let id = first.campaigns[campaign].id.clone();
    let set = post(&mut first, "act_1001/adsets", &format!("{GOOD_SET}&campaign_id={id}"))["id"].as_str().expect("an id").to_owned();
    post(&mut first, &set, "name=Renamed&status=ACTIVE");
    let mut again = world();
    first.pending.iter().for_each(|row| again.replay(row));
    let fields = [("fields", "name,status,effective_status,targeting,campaign_id,campaign{id,bid_strategy}")];
    assert_eq!(get(&mut again, &set, &fields), get(&mut first, &set, &fields));
    assert_eq!(get(&mut again, &set, &fields)["name"], "Renamed");
}
