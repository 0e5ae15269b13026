//! A proxy on loopback between our clients and the sandbox that keeps every request with its answer. Values of headers, where secrets are, it
//! does not keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, header};
use serde_json::{Value, json};

/// Largest body either way.
const LIMIT: usize = 64 << 20;

#[derive(Clone)]
struct Behind {
    sandbox: String,
    client: reqwest::Client,
    kept: Arc<Mutex<Vec<Value>>>,
}

/// A running proxy; it ends with its runtime.
pub(super) struct Recorder {
    base_url: String,
    behind: Behind,
}

impl Recorder {
    /// Starts one before the sandbox at `sandbox`.
    pub(super) async fn before(sandbox: String) -> Self {
        adjutant::platforms::install_tls();
        #[expect(clippy::disallowed_methods, reason = "it carries requests on, it makes none")]
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let behind = Behind { sandbox, client, kept: Arc::default() };
        let router = axum::Router::new().fallback(carry).with_state(behind.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, behind }
    }

    /// Where clients go.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The ids of the sandbox's ad groups by their campaigns'.
    pub(super) async fn ad_groups(&self) -> BTreeMap<String, String> {
        let answer = self.behind.client.get(format!("{}/_sandbox/state", self.behind.sandbox)).send().await.expect("the sandbox answers");
        let state: Value = answer.json().await.expect("JSON");
        let text = |campaign: &Value, name: &str| campaign[name].as_str().expect("an id").to_owned();
        let campaigns = state["campaigns"].as_array().expect("campaigns");
        campaigns.iter().map(|campaign| (text(campaign, "id"), text(campaign, "ad_group"))).collect()
    }

    /// What was kept, a JSON object a line, oldest first.
    pub(super) fn lines(&self) -> String {
        self.behind.kept.lock().expect("no panic while it is held").iter().map(|entry| format!("{entry}\n")).collect()
    }
}

async fn carry(State(behind): State<Behind>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LIMIT).await.expect("a body");
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut headers = head.headers.clone();
    headers.remove(header::CONTENT_LENGTH);
    let sent = behind.client.request(head.method.clone(), format!("{}{target}", behind.sandbox)).headers(headers).body(body.clone());
    let reply = sent.send().await.expect("the sandbox answers");
    let (status, headers) = (reply.status(), reply.headers().clone());
    let answer = reply.bytes().await.expect("a whole answer");
    let query: Vec<(String, String)> = head.uri.query().map(|query| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()).unwrap_or_default();
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    behind.kept.lock().expect("no panic while it is held").push(json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": query,
        "headers": head.headers.keys().map(header::HeaderName::as_str).collect::<Vec<_>>(),
        "content_type": content_type,
        "body": String::from_utf8_lossy(&body),
        "status": status.as_u16(),
        "answer": String::from_utf8_lossy(&answer),
    }));
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response
}
