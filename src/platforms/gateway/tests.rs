use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::domain::entity::{EntityKey, RunStatus};
use crate::platforms::spec::tests::spec;

const SOON: Duration = Duration::from_secs(5);

fn gateway(base: &str) -> Gateway {
    let spec = AccountSpec { account: "meta-main".parse().expect("a literal"), ..spec(Platform::Meta, Some(base)) };
    Gateway::new(spec, Clock::real(), &Limiters::new(Clock::real())).expect("a valid spec")
}

fn pause_campaign() -> Change {
    let entity: EntityKey = "meta-main:campaign:11".parse().expect("a literal");
    Change::Status { entity, from: RunStatus::Active, to: RunStatus::Paused }
}

async fn send(gateway: &Gateway, within: Duration) -> Result<Accepted, PlatformError> {
    let request = gateway.prepare(&pause_campaign(), None).expect("a request");
    gateway.send(request, within, Lane::Ordinary).await
}

/// A platform that counts its requests and gives `answer`.
async fn platform<F, R>(answer: F) -> (String, Arc<AtomicU32>)
where
    F: Fn(Uri, HeaderMap) -> R + Clone + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
        counted.fetch_add(1, Ordering::SeqCst);
        let response: Response = answer(uri, headers).into_response();
        async move { response }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, requests)
}

/// A host that reads a request and then does `then` with the connection.
async fn host<F: Future<Output = ()> + Send>(then: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            then(stream).await;
        }
    });
    (base, requests)
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let error = send(&gateway(&base), SOON).await.expect_err("nobody listens");
    assert!(matches!(error, PlatformError::NotSent(_)), "{error}");
    assert!(error.proves_not_executed());
}

#[tokio::test]
async fn a_connection_lost_after_the_request_leaves_the_outcome_unknown() {
    let (base, requests) = host(|stream| async move { drop(stream) }).await;
    let error = send(&gateway(&base), SOON).await.expect_err("no answer");
    assert!(matches!(error, PlatformError::Unknown(_)), "{error}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn half_an_answer_leaves_the_outcome_unknown() {
    let (base, _) = host(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"success\":").await;
    })
    .await;
    assert!(matches!(send(&gateway(&base), SOON).await, Err(PlatformError::Unknown(_))));
}

#[tokio::test]
async fn a_deadline_that_passes_leaves_the_outcome_unknown_and_is_kept() {
    let (base, requests) = host(|stream| async move {
        tokio::time::sleep(SOON).await;
        drop(stream);
    })
    .await;
    let clock = Clock::real();
    let began = clock.instant();
    let error = send(&gateway(&base), Duration::from_millis(200)).await.expect_err("too slow");
    assert!(matches!(error, PlatformError::Unknown(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_429_that_names_no_time_holds_back_what_is_not_urgent_and_a_pause_for_a_moment() {
    let (base, requests) = platform(|_, _| (StatusCode::TOO_MANY_REQUESTS, "slow down")).await;
    let gateway = gateway(&base);
    let error = send(&gateway, SOON).await.expect_err("refused");
    assert!(matches!(error, PlatformError::Quota { .. }) && error.proves_not_executed(), "{error}");
    assert!(gateway.health().waiting_ms > 10_000);
    assert!((1..=10_000).contains(&gateway.health().urgent_waiting_ms), "{:?}", gateway.health());
    assert!(matches!(send(&gateway, SOON).await, Err(PlatformError::NotSent(_))), "an ordinary write waits");
    assert_eq!(requests.load(Ordering::SeqCst), 1, "and is not sent");
    let request = gateway.prepare(&pause_campaign(), None).expect("a request");
    assert!(matches!(gateway.send(request, Duration::from_millis(200), Lane::Urgent).await, Err(PlatformError::NotSent(_))));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_write_follows_a_redirect_and_none_is_repeated() {
    let (elsewhere, reached) = platform(|_, _| r#"{"success":true}"#).await;
    let (base, requests) = platform(move |_, _| Redirect::temporary(&elsewhere)).await;
    assert!(matches!(send(&gateway(&base), SOON).await, Err(PlatformError::Unknown(_))));
    assert_eq!((requests.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (1, 0));
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE] {
        let (base, requests) = platform(move |_, _| (status, "<html>")).await;
        assert!(matches!(send(&gateway(&base), SOON).await, Err(PlatformError::Unknown(_))), "{status}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn a_write_that_says_yes_is_accepted_and_carries_its_token_in_a_header() {
    let (base, requests) = platform(|uri, headers: HeaderMap| {
        let signed = headers.get("authorization").is_some_and(|token| token == "Bearer sandbox-meta-main");
        let here = uri.path() == "/v26.0/11" && uri.query().is_none();
        if signed && here { (StatusCode::OK, r#"{"success":true}"#) } else { (StatusCode::BAD_REQUEST, "{}") }
    })
    .await;
    let accepted = send(&gateway(&base), SOON).await.expect("accepted");
    assert_eq!((accepted.effect, requests.load(Ordering::SeqCst)), (Effect::Now, 1));
}

#[tokio::test]
async fn a_prepared_request_goes_to_no_other_host_and_in_no_other_form() {
    let (base, requests) = platform(|_, _| r#"{"success":true}"#).await;
    let gateway = gateway(&base);
    let request = gateway.prepare(&pause_campaign(), None).expect("a request");
    let elsewhere = WireRequest { url: "https://example.com/v26.0/11".to_owned(), ..request.clone() };
    let other_body = WireRequest { body: b"status=ACTIVE".to_vec(), ..request };
    for request in [elsewhere, other_body] {
        assert!(matches!(gateway.send(request, SOON, Lane::Ordinary).await, Err(PlatformError::Validation(_))));
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn reads_are_repeated_within_their_budget_and_then_the_breaker_opens() {
    let (base, requests) = platform(|_, _| (StatusCode::INTERNAL_SERVER_ERROR, "oops")).await;
    let gateway = gateway(&base);
    for _ in 0..10 {
        assert!(matches!(gateway.inventory().await, Err(PlatformError::Transient(_))));
    }
    let health = gateway.health();
    assert_eq!((health.breaker, health.failing, health.last_ok), (crate::platforms::BreakerState::Open, true, None));
    assert_eq!(requests.load(Ordering::SeqCst), 5, "the fifth failure in a row opens it");
    assert!(matches!(send(&gateway, SOON).await, Err(PlatformError::NotSent(_))), "no ordinary write while it is open");
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn callers_that_wait_for_a_read_share_the_next_one() {
    let (base, requests) = platform(|uri, _| {
        if uri.path().ends_with("act_1001") { r#"{"currency":"USD","timezone_name":"America/New_York","account_status":1}"# } else { r#"{"data":[]}"# }
    })
    .await;
    let gateway = gateway(&base);
    let all = futures::future::join_all((0..10).map(|_| gateway.inventory())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(requests.load(Ordering::SeqCst), 2 * 3, "one read, and one that began after the others had asked");
}

#[tokio::test]
async fn what_meta_warns_of_is_kept_until_somebody_has_asked() {
    let (base, _) = platform(|_, _| ([("x-ad-api-version-warning", "v26.0 ends soon")], r#"{"success":true}"#)).await;
    let gateway = gateway(&base);
    assert_eq!(gateway.warning(), None);
    send(&gateway, SOON).await.expect("accepted");
    assert_eq!((gateway.warning().as_deref(), gateway.warning()), (Some("v26.0 ends soon"), None));
}
