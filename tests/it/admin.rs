//! The admin room through its real server: who may do what, what is refused and how, what pages show, what is written down.

mod rows;
mod stage;

use std::time::Duration;

use adjutant::admin::{AdminError, Needs, bind, every_route};
use adjutant::config::Listen;
use adjutant::domain::ticket::Role;
use adjutant::supervisor::control::Topic;
use serde_json::json;
use stage::{CANARY, NASTY, Stage, campaign, filled_in, token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_open_to_its_role_and_those_above_and_to_nobody_else() {
    let stage = Stage::new().await;
    let routes = every_route();
    assert!(routes.len() > 60, "the table lists every route");
    for (method, path, needs) in routes {
        // A stream has no end; its own test reads it.
        let streams = path == "/api/v1/events";
        let place = filled_in(&stage, path);
        for role in [None, Some(Role::Viewer), Some(Role::Operator), Some(Role::Approver), Some(Role::Admin)] {
            let may = match needs {
                Needs::Nobody => true,
                Needs::Role(least) => role.is_some_and(|role| role >= least),
            };
            if streams && may {
                continue;
            }
            let bearer = role.map(|role| format!("Bearer {}", token(role))).unwrap_or_default();
            let headers: Vec<(&str, &str)> = if role.is_some() { vec![("Authorization", &bearer)] } else { Vec::new() };
            let got = stage.ask(method.as_str(), &place, &headers, "").await;
            let api = place.starts_with("/api/") || place == "/metrics";
            let refused = match role {
                None if api || method == "POST" => got.status == 401,
                None => got.status == 303 && got.headers["location"] == "/login",
                Some(_) => got.status == 403,
            };
            assert_eq!(refused, !may, "{method} {place} as {role:?} must {} be refused: {got:?}", if may { "not" } else { "" });
        }
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i10_what_is_refused_never_reaches_the_daemon_and_is_written_down() {
    let stage = Stage::new().await;
    assert_eq!(stage.post("/api/v1/pause", Role::Viewer, "{}").await.code(), "ROLE");
    assert_eq!(stage.ask("POST", "/api/v1/pause", &[JSON], "{}").await.code(), "UNAUTHENTICATED");
    assert_eq!(stage.post("/api/v1/pause", Role::Operator, r#"{"resaon":"typo"}"#).await.code(), "INVALID");
    assert!(stage.daemon.all().is_empty(), "nothing was done: {:?}", stage.daemon.all());
    assert_eq!(stage.post("/api/v1/pause", Role::Operator, r#"{"reason":"lunch"}"#).await.status, 200);
    assert_eq!(stage.daemon.all(), ["pause workspace by operator"]);
    let notes = stage.notes().await;
    let told: Vec<_> = notes.iter().map(|note| (note["by"].as_str().unwrap_or("-"), note["status"].as_u64(), note["code"].as_str())).collect();
    let expected = [
        ("viewer", Some(403), Some("ROLE")),
        ("nobody", Some(401), Some("UNAUTHENTICATED")),
        ("operator", Some(422), Some("INVALID")),
        ("operator", Some(200), None),
    ];
    assert_eq!(told, expected);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_needs_its_token_and_a_page_of_ours() {
    let stage = Stage::new().await;
    let (cookie, csrf) = stage.signed_in(Role::Operator).await;
    let cookie = ("Cookie", cookie.as_str());
    let form = format!("csrf={csrf}&back=/agents&note=x");
    for (headers, body) in [
        (vec![cookie, FORM], "note=x".to_owned()),
        (vec![cookie, FORM], format!("csrf={}", "0".repeat(64))),
        (vec![cookie, FORM, ("Origin", "http://evil.example")], form.clone()),
        (vec![cookie, FORM, ("Origin", "http://127.0.0.1:1")], form.clone()),
        (vec![cookie, FORM, ("Origin", "null")], form.clone()),
        (vec![cookie, FORM, ("Sec-Fetch-Site", "cross-site")], form.clone()),
        (vec![cookie, FORM, ("Sec-Fetch-Site", "same-site")], form.clone()),
    ] {
        let got = stage.ask("POST", "/pause", &headers, &body).await;
        assert_eq!(got.status, 403, "{headers:?} {body}");
    }
    assert_eq!(stage.ask("POST", "/api/v1/pause", &[cookie, JSON], "{}").await.code(), "CSRF");
    assert!(stage.daemon.all().is_empty());
    let own = format!("http://{}", stage.address);
    let got = stage.ask("POST", "/pause", &[cookie, FORM, ("Origin", &own), ("Sec-Fetch-Site", "same-origin")], &form).await;
    assert_eq!((got.status, got.headers["location"].as_str()), (303, "/agents"));
    let away = stage.ask("POST", "/resume", &[cookie, FORM], &format!("csrf={csrf}&back=//evil.example")).await;
    assert_eq!((away.status, away.headers["location"].as_str()), (303, "/"));
    assert_eq!(stage.ask("POST", "/api/v1/pause", &[cookie, JSON, ("X-CSRF-Token", &csrf)], "{}").await.status, 200);
    assert_eq!(stage.daemon.all(), ["pause workspace by ann", "resume workspace by ann", "pause workspace by ann"]);
    let got = stage.ask("POST", "/logout", &[cookie, FORM], &form).await;
    assert_eq!(got.status, 303);
    assert_eq!(stage.ask("GET", "/api/v1/status", &[cookie], "").await.code(), "UNAUTHENTICATED", "a session that was ended is ended at once");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_token_vouched_for_may_do_what_it_may_and_nothing_once_it_is_taken_away() {
    let stage = Stage::new().await;
    let link = async || {
        let made = stage.admin.sign_in_link("bob", "approver", Role::Approver).await.expect("a link");
        made.strip_prefix(&format!("http://{}", stage.address)).expect("our address").to_owned()
    };
    let (used, unused, late) = (link().await, link().await, link().await);
    let cookie_of = async |path: &str| Some(stage.ask("GET", path, &[], "").await.headers.get("set-cookie")?.split(';').next()?.to_owned());
    let cookie = cookie_of(&used).await.expect("signed in");
    let session = async |path: &str| stage.ask("GET", path, &[("Cookie", &cookie)], "").await;
    // A role that suffices is asked for its form token next.
    let pause = async |cookie: &str| stage.ask("POST", "/api/v1/pause", &[("Cookie", cookie), JSON], "{}").await.code();
    assert_eq!((session("/api/v1/status").await.status, pause(&cookie).await.as_str()), (200, "CSRF"));
    stage.daemon.give("approver", Some(Role::Viewer));
    assert_eq!((session("/api/v1/status").await.status, pause(&cookie).await.as_str()), (200, "ROLE"));
    assert_eq!(stage.post("/api/v1/pause", Role::Approver, "{}").await.code(), "ROLE", "the token itself may do less now");
    let lowered = cookie_of(&late).await.expect("signed in");
    stage.daemon.give("approver", Some(Role::Approver));
    assert_eq!(pause(&lowered).await, "ROLE", "a session has what its token could do when it began");
    stage.daemon.give("approver", None);
    assert_eq!(session("/api/v1/status").await.code(), "UNAUTHENTICATED", "the session outlived its token");
    assert_eq!(cookie_of(&unused).await, None, "the link outlived its token");
    assert_eq!(stage.get("/api/v1/status", Role::Approver).await.code(), "UNAUTHENTICATED");
    assert_eq!(stage.get("/api/v1/status", Role::Admin).await.status, 200);
    assert!(stage.daemon.all().is_empty(), "{:?}", stage.daemon.all());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_host_names_are_answered() {
    let stage = Stage::new().await;
    let port = stage.address.port();
    for host in ["localhost", &format!("127.0.0.1:{port}"), &format!("[::1]:{port}"), "LOCALHOST:99"] {
        assert_eq!(stage.ask("GET", "/healthz", &[("Host", host)], "").await.status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8787", "", "localhost@evil.example"] {
        assert_eq!(stage.ask("GET", "/healthz", &[("Host", host)], "").await.code(), "HOST", "{host}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_link_works_once_and_wrong_ones_are_told_to_wait() {
    let stage = Stage::new().await;
    let link = stage.post("/api/v1/login-link", Role::Admin, r#"{"name":"ann","role":"viewer"}"#).await.json()["url"].as_str().expect("a link").to_owned();
    let path = link.strip_prefix(&format!("http://{}", stage.address)).expect("our address");
    let first = stage.ask("GET", path, &[], "").await;
    let cookie = first.headers["set-cookie"].clone();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    let again = stage.ask("GET", path, &[], "").await;
    assert_eq!((again.status, again.headers.contains_key("set-cookie")), (401, false));
    let cookie = cookie.split(';').next().expect("a value");
    assert_eq!(stage.ask("GET", "/api/v1/status", &[("Cookie", cookie)], "").await.status, 200);
    assert_eq!(stage.ask("GET", "/agents/scale/terminate", &[("Cookie", cookie)], "").await.status, 403, "the link's role counts");
    let page = stage.ask("GET", "/", &[("Cookie", cookie)], "").await.body;
    assert!(page.contains("ann/admin"), "whoever made the link stands beside the name: {page}");
    for _ in 0..9 {
        assert_eq!(stage.ask("GET", "/api/v1/status", &[("Authorization", "Bearer guess")], "").await.status, 401);
    }
    assert_eq!(stage.ask("GET", "/api/v1/status", &[("Authorization", "Bearer guess")], "").await.code(), "THROTTLED");
    assert_eq!(stage.get("/api/v1/status", Role::Viewer).await.status, 200, "who has the right token is not locked out");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_large_bodies_end_at_their_limit() {
    let stage = Stage::new().await;
    let mut slow = TcpStream::connect(stage.address).await.expect("the server listens");
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.expect("written");
    let large = "x".repeat(256 * 1024 + 1);
    assert_eq!(stage.post("/api/v1/pause", Role::Operator, &large).await.status, 413);
    let head = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(matches!(stage.raw(head.as_bytes()).await.status, 0 | 431), "a head has a limit too");
    let head = format!("POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n{{", token(Role::Operator));
    let (body, ended) = tokio::join!(stage.raw(head.as_bytes()), async {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(8), slow.read_to_end(&mut rest)).await.is_ok()
    });
    assert!(ended, "a head that never ends is closed");
    assert_eq!(body.code(), "TIMEOUT", "a body that never comes is not waited for");
    assert!(stage.daemon.all().is_empty());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_post_under_one_key_is_done_once() {
    let stage = Stage::new().await;
    let bearer = format!("Bearer {}", token(Role::Operator));
    let headers = [("Authorization", bearer.as_str()), JSON, ("Idempotency-Key", "k-1")];
    let first = stage.ask("POST", "/api/v1/pause", &headers, r#"{"reason":"a"}"#).await;
    let second = stage.ask("POST", "/api/v1/pause", &headers, r#"{"reason":"a"}"#).await;
    assert_eq!((first.status, &first.body), (200, &second.body));
    assert_eq!(second.headers["idempotent-replay"], "true");
    assert_eq!(stage.ask("POST", "/api/v1/pause", &headers, r#"{"reason":"b"}"#).await.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(stage.ask("POST", "/api/v1/resume", &headers, r#"{"reason":"a"}"#).await.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(stage.daemon.all().len(), 1);
    let link = [("Authorization", &*format!("Bearer {}", token(Role::Admin))), JSON, ("Idempotency-Key", "k-2")];
    let (one, two) = (stage.ask("POST", "/api/v1/login-link", &link, "").await, stage.ask("POST", "/api/v1/login-link", &link, "").await);
    assert_ne!(one.body, two.body, "a link is a secret and never kept");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_stable_codes() {
    let stage = Stage::new().await;
    for (method, path, body, status, code) in [
        ("GET", "/api/v1/nothing", "", 404, "NOT_FOUND"),
        ("GET", "/api/v1/decisions/dec_nonsense", "", 404, "NOT_FOUND"),
        ("GET", "/api/v1/agents/nobody", "", 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/status", "", 405, "METHOD"),
        ("GET", "/api/v1/decisions?limit=0", "", 422, "INVALID"),
        ("GET", "/api/v1/decisions?state=odd", "", 422, "INVALID"),
        ("GET", "/api/v1/decisions?cursor=1", "", 422, "INVALID"),
        ("GET", "/api/v1/decisions?entity=odd", "", 422, "INVALID"),
        ("GET", "/api/v1/performance?range=ever", "", 422, "INVALID"),
        ("POST", "/api/v1/pause", "no json", 422, "INVALID"),
        ("POST", "/api/v1/changes", r#"{"wishes":[]}"#, 422, "INVALID"),
        ("POST", "/api/v1/accounts/a%2Fb/pause", "", 404, "NOT_FOUND"),
    ] {
        let bearer = format!("Bearer {}", token(Role::Admin));
        let got = stage.ask(method, path, &[("Authorization", &bearer), JSON], body).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{method} {path}");
        assert!(got.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    let rejected = stage.post(&format!("/api/v1/tickets/{}/reject", stage.ticket), Role::Approver, "{}").await;
    assert_eq!((rejected.status, rejected.code().as_str()), (409, "TICKET_CLOSED"));
    let plain = stage.ask("POST", "/api/v1/pause", &[("Authorization", &format!("Bearer {}", token(Role::Admin))), ("Content-Type", "text/plain")], "{}").await;
    assert_eq!(plain.code(), "CONTENT_TYPE");
    stage.end().await;
}

const PAGES: [&str; 10] =
    ["/", "/decisions", "/decisions/{id}", "/tickets", "/tickets/{id}", "/alerts", "/agents", "/agents/{id}/terminate", "/policy", "/outcomes"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i12_a_campaign_name_is_text_on_every_page() {
    let stage = Stage::new().await;
    let (cookie, _) = stage.signed_in(Role::Admin).await;
    let mut shown = 0;
    for page in PAGES {
        let got = stage.ask("GET", &filled_in(&stage, page), &[("Cookie", &cookie)], "").await;
        assert_eq!(got.status, 200, "{page}: {got:?}");
        assert!(!got.body.contains("<script src=\"https") && !got.body.contains("\"onmouseover"), "{page} lets a name come alive");
        shown += got.body.matches("&lt;script src=").count();
        for (name, value) in [("content-security-policy", "default-src 'none'"), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
            assert!(got.headers[name].contains(value), "{page}: {name}");
        }
        assert!(got.body.contains("SANDBOX") || got.body.contains("Sandbox"), "{page} says that an account is a sandbox");
        assert!(!got.body.contains("style=") && !got.body.contains("<script>"), "{page} needs nothing that its policy forbids");
    }
    assert!(shown > 5, "the name was shown as text");
    let wish = json!({ "wishes": [{ "kind": "status", "entity": campaign(), "to": "paused", "reason": NASTY }] }).to_string();
    assert_eq!(stage.post("/api/v1/changes", Role::Operator, &wish).await.status, 200);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i11_no_secret_comes_out_again() {
    let stage = Stage::new().await;
    let (cookie, _) = stage.signed_in(Role::Admin).await;
    let secret = cookie.split('=').nth(1).expect("a value").to_owned();
    let mut texts = Vec::new();
    for page in
        PAGES.into_iter().chain(["/api/v1/status", "/api/v1/decisions", "/api/v1/audit/verify", "/metrics", "/openapi.json", "/api/v1/nothing", "/nothing"])
    {
        let got = stage.ask("GET", &filled_in(&stage, page), &[("Authorization", &format!("Bearer {}", token(Role::Admin)))], "").await;
        texts.push(format!("{got:?}"));
    }
    let wrong = format!("Bearer {CANARY}-wrong");
    texts.push(format!("{:?}", stage.ask("POST", "/api/v1/pause", &[("Authorization", &wrong)], "").await));
    texts.push(format!("{:?}", stage.ask("GET", &format!("/login?token={CANARY}"), &[], "").await));
    texts.push(format!("{:?}", stage.ask("POST", &format!("/login?token={CANARY}"), &[], "").await));
    texts.push(serde_json::to_string(&stage.notes().await).expect("JSON"));
    for text in texts {
        assert!(!text.contains(CANARY) && !text.contains(&secret), "a secret came out: {text}");
    }
    let url = stage.bench.url.trim_start_matches("sqlite:").to_owned();
    stage.stop.cancel();
    stage.serving.await.expect("the server ends");
    stage.bench.store.close().await;
    let bytes = std::fs::read(&url).expect("the database file");
    for secret in [CANARY, &secret] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a secret is in the database");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_events_carry_topics_and_end_with_the_daemon() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.address).await.expect("the server listens");
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", token(Role::Viewer));
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("event: hello") {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.expect("in time").expect("read");
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    stage.daemon.changed(Topic::Decisions);
    while !seen.contains(r#"{"topic":"decisions","cursor":7}"#) {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.expect("in time").expect("read");
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(seen.contains("text/event-stream"));
    tokio::time::timeout(Duration::from_secs(5), stage.end()).await.expect("an open stream does not hold the daemon back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_answers_why_with_everything_known() {
    let stage = Stage::new().await;
    let told = stage.get(&format!("/api/v1/decisions/{}", stage.decision), Role::Viewer).await.json();
    assert_eq!((told["from"].as_str(), told["to"].as_str(), told["state"].as_str()), (Some("100.00 USD"), Some("115.00 USD"), Some("applied")));
    for part in ["reason", "evidence", "alternatives", "prediction", "verdicts", "dissent", "tickets", "dispatches", "steps", "undone_by"] {
        assert!(!told[part].is_null(), "{part} is missing");
    }
    let page = stage.get(&format!("/decisions/{}", stage.decision), Role::Operator).await.body;
    for words in ["Why", "14", "2.40", "wait a day", "clamp to 115.00 USD", "losing costs it", "300.0 revenue over 7 days", "Undo", "Step by step"] {
        assert!(page.contains(words), "the page does not say `{words}`");
    }
    let list = stage.get("/api/v1/decisions?agent=scale&limit=1", Role::Viewer).await.json();
    assert_eq!(list["items"][0]["id"], told["id"]);
    let next = list["next"].as_str().expect("a full page goes on").to_owned();
    assert_eq!(stage.get(&format!("/api/v1/decisions?limit=1&cursor={next}"), Role::Viewer).await.json()["items"], json!([]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_change_expects_what_stands_there_now() {
    let stage = Stage::new().await;
    let wish = json!({ "wishes": [{ "kind": "budget", "entity": campaign(), "to": "130 USD", "reason": "sale" }] }).to_string();
    assert_eq!(stage.post("/api/v1/changes", Role::Operator, &wish).await.status, 200);
    let asked = stage.daemon.all().remove(0);
    assert!(asked.contains(r#""from":"100.00 USD","to":"130.00 USD""#), "{asked}");
    for (wish, status) in [
        (json!({ "kind": "budget", "entity": campaign(), "to": "130 EUR", "reason": "" }), 422),
        (json!({ "kind": "budget", "entity": campaign(), "to": "0 USD", "reason": "" }), 422),
        (json!({ "kind": "budget", "entity": "meta-main:campaign:9", "to": "1 USD", "reason": "" }), 404),
        (json!({ "kind": "status", "entity": campaign(), "to": "ended", "reason": "" }), 422),
        (json!({ "kind": "budget", "entity": campaign(), "to": "1 USD", "reason": "", "from": "1 USD" }), 422),
    ] {
        let got = stage.post("/api/v1/changes", Role::Operator, &json!({ "wishes": [wish] }).to_string()).await;
        assert_eq!(got.status, status, "{wish}");
    }
    assert_eq!(stage.daemon.all().len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_asks_for_what_is_new_and_for_what_hangs_below_campaigns_in_full() {
    let stage = Stage::new().await;
    let account = campaign().account.to_string();
    let draft = json!({
        "kind": "create_campaign", "account": account, "name": "Winter sale", "objective": "traffic", "daily_budget": "60 USD", "special_categories": []
    });
    let part = json!({ "key": format!("{account}:ad_group:7"), "campaign": campaign() });
    let stop = json!({ "kind": "part_status", "part": part, "from": "active", "to": "paused" });
    let bid = json!({ "kind": "bid", "part": part, "from": null, "to": { "kind": "cap", "value": "2 USD" } });
    for change in [&draft, &stop, &bid] {
        let body = json!({ "wishes": [{ "kind": "change", "change": change, "reason": "sale" }] }).to_string();
        let got = stage.post("/api/v1/changes", Role::Operator, &body).await;
        assert_eq!(got.status, 200, "{change}: {}", got.body);
        assert_eq!(stage.post("/api/v1/changes", Role::Viewer, &body).await.status, 403);
    }
    let forwarded = stage.daemon.all();
    assert!(forwarded[0].contains(r#""kind":"create_campaign""#) && forwarded[0].contains(r#""daily_budget":"60.00 USD""#), "{forwarded:?}");
    assert_eq!(forwarded.len(), 3);
    let mut misspelt = draft.clone();
    misspelt["dayly_budget"] = json!("60 USD");
    let budget = json!({ "kind": "status", "entity": campaign(), "from": "active", "to": "paused" });
    for (change, why) in [(&misspelt, "dayly_budget"), (&budget, "newest view")] {
        let got = stage.post("/api/v1/changes", Role::Operator, &json!({ "wishes": [{ "kind": "change", "change": change, "reason": "" }] }).to_string()).await;
        assert!(got.status == 422 && got.body.contains(why), "{change}: {} {}", got.status, got.body);
    }
    let told = stage.get(&format!("/api/v1/accounts/{account}/report?level=ad&breakdown=age&from=2026-01-01&to=2026-01-03"), Role::Viewer).await.json();
    assert!(told["told"]["asked"].as_str().is_some_and(|asked| asked.contains("level: Ad") && asked.contains("Age")), "{told}");
    for bad in ["report?level=shop", "report?from=2026-01-03&to=2026-01-01", "edits?since=yesterday"] {
        assert_eq!(stage.get(&format!("/api/v1/accounts/{account}/{bad}"), Role::Viewer).await.status, 422, "{bad}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_says_what_to_do() {
    let stage = Stage::new().await;
    let Err(AdminError::Listen { advice, .. }) = bind(&Listen::Tcp(stage.address)).await else { panic!("the port is taken") };
    assert!(advice.contains("listen"), "{advice}");
    stage.end().await;
}
