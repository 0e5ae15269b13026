use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer;
use crate::domain::entity::{Level, Platform};
use crate::sandbox::SandboxConfig;
use crate::sandbox::wire::{Asked, Reply};
use crate::sandbox::world::World;
use crate::sandbox::world::tests::{START, moment, quiet};

const CUSTOMER: &str = "1001001001";

fn reply(world: &mut World, path: &str, token: &'static str, body: &str) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static(token));
    headers.insert("content-type", HeaderValue::from_static(if path == "/token" { "application/x-www-form-urlencoded" } else { "application/json" }));
    let asked = Asked { method: Method::POST, path: path.to_owned(), query: BTreeMap::new(), headers, body: body.as_bytes().to_vec() };
    answer(world, &asked, &moment(START))
}

fn post(world: &mut World, call: &str, body: &Value) -> (u16, Value) {
    let reply = reply(world, &format!("/v26/customers/{CUSTOMER}/{call}"), "Bearer sandbox-google-access", &body.to_string());
    (reply.status, serde_json::from_str(&reply.body).expect("JSON"))
}

fn rows(world: &mut World, query: &str) -> Vec<Value> {
    let (status, answer) = post(world, "googleAds:search", &json!({ "query": query }));
    assert_eq!(status, 200, "{answer}");
    answer["results"].as_array().cloned().unwrap_or_default()
}

fn code(answer: &Value) -> Value {
    answer["error"]["details"][0]["errors"][0]["errorCode"].clone()
}

fn world() -> World {
    World::build(&quiet(), START)
}

fn first(world: &World) -> usize {
    world.campaigns_of(world.account(Platform::Google, CUSTOMER).expect("it stands"))[0]
}

#[test]
fn the_contracts_campaign_query_is_understood_whole() {
    let mut world = world();
    let query = "SELECT campaign.id, campaign.name, campaign.status, campaign.serving_status, campaign.primary_status, campaign.primary_status_reasons, \
        campaign.advertising_channel_type, campaign.start_date_time, campaign.end_date_time, campaign.experiment_type, campaign.base_campaign, \
        campaign.contains_eu_political_advertising, campaign.missing_eu_political_advertising_declaration, campaign.bidding_strategy_type, \
        campaign.bidding_strategy_system_status, campaign.bidding_strategy, campaign.target_cpa.target_cpa_micros, campaign.maximize_conversions.target_cpa_micros, \
        campaign.target_roas.target_roas, campaign.maximize_conversion_value.target_roas, campaign.target_spend.cpc_bid_ceiling_micros, \
        campaign.manual_cpc.enhanced_cpc_enabled, campaign.campaign_budget, campaign_budget.id, campaign_budget.name, campaign_budget.amount_micros, \
        campaign_budget.total_amount_micros, campaign_budget.period, campaign_budget.type, campaign_budget.status, campaign_budget.delivery_method, \
        campaign_budget.explicitly_shared, campaign_budget.reference_count FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED') ORDER BY campaign.id";
    let rows = rows(&mut world, query);
    assert_eq!(rows.len(), 8);
    let shared: Vec<&Value> = rows.iter().filter(|row| row["campaignBudget"]["explicitlyShared"] == true).collect();
    assert_eq!((shared.len(), &shared[0]["campaignBudget"]["referenceCount"]), (2, &json!("2")));
    assert_eq!(shared[0]["campaign"]["campaignBudget"], shared[1]["campaign"]["campaignBudget"]);
    assert!(rows[0]["campaignBudget"]["amountMicros"].is_string() && rows[0]["campaign"]["maximizeConversionValue"]["targetRoas"].is_number());
    assert!(rows[0]["campaign"].get("endDateTime").is_none());
}

#[test]
fn account_facts_and_the_smallest_money_step_are_told() {
    let mut world = world();
    let customer = rows(&mut world, "SELECT customer.id, customer.currency_code, customer.time_zone, customer.manager, customer.status FROM customer LIMIT 1");
    assert_eq!(customer[0]["customer"]["timeZone"], "America/New_York");
    let unit =
        rows(&mut world, "SELECT currency_constant.code, currency_constant.billable_unit_micros FROM currency_constant WHERE currency_constant.code = 'USD'");
    assert_eq!(unit[0]["currencyConstant"]["billableUnitMicros"], "10000");
}

#[test]
fn daily_metrics_come_by_page_and_by_stream_with_the_same_rows() {
    let mut world = World::build(&SandboxConfig { history_days: 90, ..quiet() }, START);
    let query =
        "SELECT segments.date, campaign.id, metrics.cost_micros, metrics.conversions FROM campaign WHERE segments.date BETWEEN '2025-10-01' AND '2026-01-05'";
    let (mut seen, mut token, mut pages) = (BTreeSet::new(), Value::Null, 0);
    loop {
        let (_, page) = post(&mut world, "googleAds:search", &json!({ "query": query, "pageToken": token }));
        pages += 1;
        for row in page["results"].as_array().expect("rows") {
            assert!(seen.insert((row["segments"]["date"].to_string(), row["campaign"]["id"].to_string())), "twice: {row}");
        }
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(pages, 2);
    assert_eq!(seen.len(), 8 * 91);
    let (_, batches) = post(&mut world, "googleAds:searchStream", &json!({ "query": query }));
    let streamed: usize = batches.as_array().expect("an array").iter().filter_map(|batch| batch["results"].as_array()).map(Vec::len).sum();
    assert_eq!(streamed, seen.len());
}

#[test]
fn a_page_token_of_another_query_and_a_page_size_are_refused() {
    let mut world = world();
    let (_, wrong) = post(&mut world, "googleAds:search", &json!({ "query": "SELECT campaign.id FROM campaign", "pageToken": "CP0000000050" }));
    assert_eq!(code(&wrong), json!({ "requestError": "INVALID_PAGE_TOKEN" }));
    let (_, size) = post(&mut world, "googleAds:search", &json!({ "query": "SELECT campaign.id FROM campaign", "pageSize": 10 }));
    assert_eq!(code(&size), json!({ "requestError": "PAGE_SIZE_NOT_SUPPORTED" }));
}

#[test]
fn wrong_queries_get_query_errors_and_streams_answer_them_in_an_array() {
    let mut world = world();
    for (query, expected) in [
        ("SELECT campaign.colour FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT segments.date, campaign.id FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT campaign.id FROM campaign WHERE segments.date DURING LAST_90_DAYS", "INVALID_VALUE_WITH_DURING_OPERATOR"),
        ("SELECT campaign.id FROM nowhere", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT campaign.id", "UNEXPECTED_INPUT"),
    ] {
        assert_eq!(code(&post(&mut world, "googleAds:search", &json!({ "query": query })).1), json!({ "queryError": expected }), "{query}");
    }
    let (_, stream) = post(&mut world, "googleAds:searchStream", &json!({ "query": "SELECT x FROM campaign" }));
    assert_eq!(stream[0]["error"]["code"], 400);
}

#[test]
fn a_budget_is_set_in_micros_and_read_back() {
    let mut world = world();
    let purse = world.purse_of(first(&world)).clone();
    let name = format!("customers/{CUSTOMER}/campaignBudgets/{}", purse.resource);
    let body = json!({ "operations": [{ "updateMask": "amountMicros", "update": { "resourceName": name, "amountMicros": "175000000" } }] });
    assert_eq!(post(&mut world, "campaignBudgets:mutate", &body), (200, json!({ "results": [{ "resourceName": name }] })));
    assert_eq!(world.purse_of(first(&world)).amount.at(START), 175_000_000);
    let row = &world.pending[0];
    assert_eq!((row.level.as_str(), row.id.as_str(), row.new.as_deref()), ("campaign", world.campaigns[first(&world)].id.as_str(), Some("175000000")));
    let mut dry = body;
    dry["validateOnly"] = true.into();
    dry["operations"][0]["update"]["amountMicros"] = json!("1000000");
    assert_eq!(post(&mut world, "campaignBudgets:mutate", &dry), (200, json!({})));
    assert_eq!(world.pending.len(), 1);
}

#[test]
fn without_partial_failure_one_bad_operation_stops_all_and_with_it_only_itself() {
    let mut world = world();
    let resources: Vec<String> =
        world.purses.iter().filter(|purse| purse.level == Level::Campaign && !purse.resource.is_empty()).map(|purse| purse.resource.clone()).collect();
    let update = |resource: &str, micros: &str| json!({ "updateMask": "amountMicros", "update": { "resourceName": format!("customers/{CUSTOMER}/campaignBudgets/{resource}"), "amountMicros": micros } });
    let mut body = json!({ "operations": [update(&resources[0], "150000000"), update(&resources[1], "150000001")] });
    let (status, answer) = post(&mut world, "campaignBudgets:mutate", &body);
    assert_eq!((status, code(&answer)), (400, json!({ "campaignBudgetError": "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT" })));
    assert!(world.pending.iter().all(|row| row.code.is_some()), "{:?}", world.pending);
    body["partialFailure"] = true.into();
    let (status, answer) = post(&mut world, "campaignBudgets:mutate", &body);
    assert_eq!((status, answer["results"][1].clone()), (200, json!({})));
    let failure = &answer["partialFailureError"]["details"][0]["errors"][0];
    assert_eq!(failure["location"]["fieldPathElements"][0], json!({ "fieldName": "operations", "index": 1 }));
    assert_eq!(world.purses.iter().find(|purse| purse.resource == resources[0]).map(|purse| purse.amount.at(START)), Some(150_000_000));
}

#[test]
fn a_campaign_is_paused_enabled_and_removed_for_good() {
    let mut world = world();
    let name = format!("customers/{CUSTOMER}/campaigns/{}", world.campaigns[first(&world)].id);
    for status in ["PAUSED", "ENABLED"] {
        let body = json!({ "operations": [{ "updateMask": "status", "update": { "resourceName": name, "status": status } }] });
        assert_eq!(post(&mut world, "campaigns:mutate", &body).0, 200);
    }
    assert!(world.delivers(first(&world), START + TimeDelta::hours(1)));
    assert_eq!(post(&mut world, "campaigns:mutate", &json!({ "operations": [{ "remove": name }] })).0, 200);
    let again = json!({ "operations": [{ "updateMask": "status", "update": { "resourceName": name, "status": "ENABLED" } }] });
    assert_eq!(code(&post(&mut world, "campaigns:mutate", &again).1), json!({ "operationAccessDeniedError": "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE" }));
}

#[test]
fn masks_are_demanded_and_unknown_names_are_not_a_google_ads_failure() {
    let mut world = world();
    let name = format!("customers/{CUSTOMER}/campaigns/{}", world.campaigns[first(&world)].id);
    let unmasked = json!({ "operations": [{ "update": { "resourceName": name, "status": "PAUSED" } }] });
    assert_eq!(code(&post(&mut world, "campaigns:mutate", &unmasked).1), json!({ "fieldMaskError": "FIELD_MASK_MISSING" }));
    let (_, unknown) = post(&mut world, "campaigns:mutate", &json!({ "operation": [] }));
    assert_eq!(unknown["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest");
}

#[test]
fn tokens_are_exchanged_and_strangers_refused() {
    let mut world = world();
    let token = reply(&mut world, "/token", "", "grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=sandbox");
    assert!(token.status == 200 && token.body.contains("sandbox-google-access"), "{}", token.body);
    assert_eq!(reply(&mut world, "/token", "", "grant_type=refresh_token&refresh_token=stolen").status, 400);
    assert_eq!(reply(&mut world, &format!("/v26/customers/{CUSTOMER}/googleAds:search"), "Bearer stolen", "{}").status, 401);
    assert_eq!(reply(&mut world, "/v21/customers/1/googleAds:search", "Bearer sandbox", "{}").status, 404);
}
