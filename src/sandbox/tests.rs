//! The sandbox over real HTTP: faults do what they say, the log comes before the answer, state survives a restart.

use std::net::SocketAddr;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::tests::{START, quiet};
use super::{Sandbox, SandboxConfig, SandboxError, start};
use crate::clock::Clock;

/// One request on a connection of its own; `None` when the connection broke before an answer.
async fn call(addr: SocketAddr, method: &str, path: &str, token: &str, kind: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(addr).await.expect("the sandbox listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\nauthorization: Bearer {token}\r\naccess-token: {token}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("the request goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()))))
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    call(sandbox.addr(), "GET", path, "sandbox", "", "").await.expect("an answer").1
}

async fn post(sandbox: &Sandbox, path: &str, body: &str) -> Option<(u16, Value)> {
    let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    call(sandbox.addr(), "POST", path, "sandbox", kind, body).await
}

async fn fault(sandbox: &Sandbox, rule: Value) {
    assert_eq!(post(sandbox, "/_sandbox/faults", &json!({ "rules": [rule] }).to_string()).await.expect("an answer").0, 200);
}

async fn log(sandbox: &Sandbox) -> Vec<Value> {
    get(sandbox, "/_sandbox/log").await["rows"].as_array().expect("rows").clone()
}

/// A Meta campaign that holds its own budget: its id and its amount in micros.
async fn campaign(sandbox: &Sandbox) -> (String, i64) {
    let state = get(sandbox, "/_sandbox/state").await;
    let campaigns = state["campaigns"].as_array().expect("campaigns");
    let found = campaigns.iter().find(|campaign| campaign["platform"] == "meta" && campaign["budget"]["level"] == "campaign").expect("one such campaign");
    (found["id"].as_str().expect("an id").to_owned(), found["budget"]["micros"].as_i64().expect("micros"))
}

async fn budget(sandbox: &Sandbox) -> i64 {
    campaign(sandbox).await.1
}

async fn running() -> Sandbox {
    start(quiet(), Clock::manual(START)).await.expect("it starts")
}

#[tokio::test]
async fn the_row_of_a_write_is_in_the_log_before_its_answer_and_carries_the_hash_of_its_body() {
    let sandbox = running().await;
    let (id, old) = campaign(&sandbox).await;
    let (status, answer) = post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=33300").await.expect("an answer");
    assert_eq!((status, answer), (200, json!({ "success": true })));
    let rows = log(&sandbox).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row["old"].as_str(), row["new"].as_str()), (Some(old.to_string().as_str()), Some("333000000")));
    assert_eq!((row["source"].as_str(), row["outcome"].as_str(), row["level"].as_str()), (Some("api"), Some("applied"), Some("campaign")));
    assert_eq!(row["at_ms"], json!(START.ms()));
    // printf 'daily_budget=33300' | sha256sum
    assert_eq!(row["body_sha256"], "ce0143728d0e71f2dc70fd1755ad9d86b18d28430d70d83ab97a2e5434b64714");
    assert_eq!(budget(&sandbox).await, 333_000_000);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_reset_before_the_effect_leaves_the_old_budget_and_one_after_it_the_new() {
    let sandbox = running().await;
    let (id, old) = campaign(&sandbox).await;
    fault(&sandbox, json!({ "kind": "reset_before", "methods": "write", "count": 1 })).await;
    assert_eq!(post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=40000").await, None);
    assert_eq!(budget(&sandbox).await, old);
    fault(&sandbox, json!({ "kind": "reset_after", "methods": "write", "count": 1 })).await;
    assert_eq!(post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=40000").await, None);
    assert_eq!(budget(&sandbox).await, 400_000_000);
    let outcomes: Vec<_> = log(&sandbox).await.iter().map(|row| (row["outcome"].clone(), row["fault"].clone())).collect();
    assert_eq!(outcomes, [(json!("refused"), json!("reset_before")), (json!("applied"), json!("reset_after"))]);
    assert_eq!(post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=41000").await.expect("the rules are used up").0, 200);
    sandbox.stop().await;
}

#[tokio::test]
async fn refusing_faults_change_nothing_and_answer_in_the_platforms_words() {
    let sandbox = running().await;
    let (id, old) = campaign(&sandbox).await;
    for (kind, status, code) in [("http_429", 400, 80_004), ("http_500", 500, 2), ("revoked_token", 401, 190)] {
        fault(&sandbox, json!({ "kind": kind, "count": 1, "platform": "meta" })).await;
        let (got, answer) = post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=40000").await.expect("an answer");
        assert_eq!((got, answer["error"]["code"].as_i64()), (status, Some(code)), "{kind}");
    }
    assert_eq!(budget(&sandbox).await, old);
    let rows = log(&sandbox).await;
    assert!(rows.len() == 3 && rows.iter().all(|row| row["outcome"] == "refused" && row["new"] == "400000000"), "{rows:?}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_duplicate_takes_effect_twice_a_clip_stores_less_and_a_stale_read_shows_the_past() {
    let sandbox = running().await;
    let (id, old) = campaign(&sandbox).await;
    fault(&sandbox, json!({ "kind": "duplicate", "methods": "write", "count": 1 })).await;
    post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=40000").await.expect("an answer");
    let rows = log(&sandbox).await;
    assert_eq!((rows.len(), &rows[0]["fault"], &rows[1]["fault"]), (2, &Value::Null, &json!("duplicate")));
    assert_eq!(rows[1]["old"], rows[1]["new"]);
    fault(&sandbox, json!({ "kind": "stale_read", "methods": "read", "count": 1 })).await;
    let path = format!("/v26.0/{id}?fields=daily_budget");
    assert_eq!(get(&sandbox, &path).await["daily_budget"], json!((old / 10_000).to_string()));
    assert_eq!(get(&sandbox, &path).await["daily_budget"], json!("40000"));
    fault(&sandbox, json!({ "kind": "clip", "methods": "write", "count": 1 })).await;
    assert_eq!(post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=50000").await.expect("an answer").0, 200);
    assert_eq!(budget(&sandbox).await, 450_000_000);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_timeout_takes_effect_and_never_answers_and_a_slow_answer_comes() {
    let sandbox = running().await;
    let (id, _) = campaign(&sandbox).await;
    fault(&sandbox, json!({ "kind": "timeout", "methods": "write", "count": 1 })).await;
    let path = format!("/v26.0/{id}");
    {
        let mut waiting = std::pin::pin!(post(&sandbox, &path, "daily_budget=40000"));
        let waited = tokio::time::timeout(std::time::Duration::from_millis(300), &mut waiting).await;
        assert!(waited.is_err(), "an answer came: {waited:?}");
        let meanwhile = tokio::time::timeout(std::time::Duration::from_secs(3), budget(&sandbox)).await;
        assert_eq!(meanwhile, Ok(400_000_000), "nobody else waits for it");
    }
    fault(&sandbox, json!({ "kind": "slow", "delay_ms": 150, "count": 1 })).await;
    let (clock, before) = (Clock::real(), Clock::real().instant());
    get(&sandbox, "/v26.0/act_1001?fields=currency").await;
    assert!(clock.instant() - before >= std::time::Duration::from_millis(150));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_sender_dies_at_any_moment_takes_effect_with_its_row_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = start(SandboxConfig { state_file: Some(dir.path().join("sandbox.db")), ..quiet() }, Clock::manual(START)).await.expect("it starts");
    let (id, _) = campaign(&sandbox).await;
    let path = format!("/v26.0/{id}");
    let mut unanswered = 0;
    for trial in 0..100 {
        let body = format!("daily_budget={}", 40_000 + trial);
        // The first dies with its first step, each later one after a few more turns of the scheduler.
        let death = async {
            for _ in 0..trial {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = post(&sandbox, &path, &body) => (),
            () = death => unanswered += 1,
        }
        // It may arrive while we look.
        let (shown, row) = loop {
            let (before, shown, after) = (log(&sandbox).await.pop(), budget(&sandbox).await, log(&sandbox).await.pop());
            if before == after {
                break (shown, after);
            }
        };
        let logged = row.as_ref().and_then(|row| row["new"].as_str()?.parse().ok());
        assert!(logged.is_none_or(|logged: i64| logged == shown), "trial {trial}: {shown} is in force, the log ends with {row:?}");
    }
    assert!(unanswered > 0, "every sender lived");
    sandbox.stop().await;
}

#[tokio::test]
async fn people_edit_through_their_own_door_and_the_log_says_people() {
    let sandbox = running().await;
    let (id, _) = campaign(&sandbox).await;
    let edit = json!({ "account": "act_1001", "level": "campaign", "id": id, "budget": "77.00 USD", "status": "paused" });
    assert_eq!(post(&sandbox, "/_sandbox/edit", &edit.to_string()).await, Some((200, json!({ "applied": 2 }))));
    let rows = log(&sandbox).await;
    assert!(rows.iter().all(|row| row["source"] == "people"));
    assert_eq!(get(&sandbox, &format!("/v26.0/{id}?fields=daily_budget,status")).await, json!({ "id": id, "daily_budget": "7700", "status": "PAUSED" }));
    let wrong = json!({ "account": "act_1001", "level": "campaign", "id": "1", "status": "paused" });
    assert_eq!(post(&sandbox, "/_sandbox/edit", &wrong.to_string()).await.expect("an answer").0, 400);
    assert_eq!(log(&sandbox).await.len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn state_survives_a_restart_and_another_markets_file_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = SandboxConfig { state_file: Some(dir.path().join("sandbox.db")), ..SandboxConfig::new(7) };
    let clock = Clock::manual(START);
    let sandbox = start(config.clone(), clock.clone()).await.expect("it starts");
    let (id, _) = campaign(&sandbox).await;
    post(&sandbox, &format!("/v26.0/{id}"), "daily_budget=40000").await.expect("an answer");
    clock.advance(TimeDelta::days(20));
    let (rows, history) = (log(&sandbox).await, get(&sandbox, &insights("act_1001")).await);
    assert_eq!(rows.len(), 3, "an edit of ours and two of people");
    sandbox.stop().await;
    let again = start(config.clone(), clock.clone()).await.expect("it starts again");
    assert_eq!((log(&again).await, get(&again, &insights("act_1001")).await), (rows, history));
    again.stop().await;
    let other = start(SandboxConfig { seed: 8, ..config }, clock).await;
    assert!(matches!(other, Err(SandboxError::OtherWorld)), "{other:?}");
}

fn insights(account: &str) -> String {
    format!(
        "/v26.0/{account}/insights?level=campaign&fields=campaign_id,spend,impressions,clicks,actions,action_values&date_preset=last_30d&time_increment=1&limit=500"
    )
}

#[tokio::test]
async fn same_seed_and_start_give_the_same_history_to_the_byte() {
    let (one, two) = (running().await, running().await);
    let (first, second) = (get(&one, &insights("act_1001")).await, get(&two, &insights("act_1001")).await);
    assert_eq!(first["data"].to_string(), second["data"].to_string());
    assert!(first["data"].as_array().is_some_and(|rows| rows.len() > 150));
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_strangers_token_is_refused_and_only_loopback_is_listened_on() {
    let sandbox = running().await;
    let (status, answer) = call(sandbox.addr(), "GET", "/v26.0/act_1001?fields=currency", "stolen", "", "").await.expect("an answer");
    assert_eq!((status, answer["error"]["code"].as_i64()), (401, Some(190)));
    sandbox.stop().await;
    let outside = SandboxConfig { listen: "0.0.0.0:0".parse().expect("an address"), ..quiet() };
    assert!(matches!(start(outside, Clock::manual(START)).await, Err(SandboxError::NotLoopback(_))));
}

#[tokio::test]
async fn every_platform_says_too_many_calls_in_its_own_words_and_a_time_lapse_waits_one_second_at_most() {
    let wall = Clock::real().wall();
    let sandbox = start(quiet(), Clock::time_lapse(START, 17_280, wall)).await.expect("it starts");
    fault(&sandbox, json!({ "kind": "http_429" })).await;
    let (status, google) =
        post(&sandbox, "/v26/customers/1001001001/googleAds:search", r#"{"query":"SELECT campaign.id FROM campaign"}"#).await.expect("an answer");
    let error = &google["error"]["details"][0]["errors"][0];
    assert_eq!((status, &error["errorCode"]["quotaError"]), (429, &json!("RESOURCE_TEMPORARILY_EXHAUSTED")));
    assert_eq!(error["details"]["quotaErrorDetails"]["retryDelay"], "1s");
    let (status, meta) = call(sandbox.addr(), "GET", "/v26.0/act_1001/campaigns", "sandbox", "", "").await.expect("an answer");
    assert_eq!((status, &meta["error"]["code"]), (400, &json!(80_004)));
    let (status, tiktok) =
        call(sandbox.addr(), "GET", "/open_api/v1.3/campaign/get/?advertiser_id=7000000000000000001", "sandbox", "", "").await.expect("an answer");
    assert_eq!((status, &tiktok["code"]), (200, &json!(40_100)));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_rule_meets_only_the_platform_the_path_and_the_chance_it_names() {
    let sandbox = running().await;
    fault(&sandbox, json!({ "kind": "http_500", "platform": "meta", "path": "insights", "methods": "read", "probability": 0.5 })).await;
    let mut failed = 0;
    for _ in 0..60 {
        let (status, _) = call(sandbox.addr(), "GET", &insights("act_1001"), "sandbox", "", "").await.expect("an answer");
        failed += u32::from(status == 500);
        assert_eq!(call(sandbox.addr(), "GET", "/v26.0/act_1001/campaigns", "sandbox", "", "").await.expect("an answer").0, 200);
    }
    assert!((15..=45).contains(&failed), "{failed} of 60");
    sandbox.stop().await;
}

#[tokio::test]
async fn fault_rules_and_their_counts_survive_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = SandboxConfig { state_file: Some(dir.path().join("sandbox.db")), ..quiet() };
    let sandbox = start(config.clone(), Clock::manual(START)).await.expect("it starts");
    fault(&sandbox, json!({ "kind": "reset_before", "count": 2 })).await;
    assert_eq!(post(&sandbox, "/v26.0/1", "status=PAUSED").await, None);
    sandbox.stop().await;
    let again = start(config, Clock::manual(START)).await.expect("it starts again");
    assert_eq!(get(&again, "/_sandbox/faults").await["rules"][0]["count"], 1);
    again.stop().await;
}

#[tokio::test]
async fn a_lost_write_to_something_unknown_still_leaves_a_row_with_the_hash_of_its_body() {
    let sandbox = running().await;
    fault(&sandbox, json!({ "kind": "reset_before", "methods": "write" })).await;
    assert_eq!(post(&sandbox, "/v26.0/1", "status=PAUSED").await, None);
    let rows = log(&sandbox).await;
    assert_eq!((rows.len(), &rows[0]["outcome"], &rows[0]["fault"]), (1, &json!("refused"), &json!("reset_before")));
    // printf 'status=PAUSED' | sha256sum
    assert_eq!(rows[0]["body_sha256"], "2129c9fed76129591e007c860b5925e22b4c8fe627b744c5660a8a73e5a1f493");
    sandbox.stop().await;
}
