//! What every request passes before a handler sees it: host, route, origin, who, role, form token, and the key that makes a repeat harmless; and what
//! every answer gets on its way out.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::auth::throttle::{Guess, Throttle};
use super::auth::{Principal, Proof, same};
use super::problem::Problem;
use super::repeat::{self, Turn};
use super::routes::{Face, Needs, Rule, Rules};
use super::server::BODY_LIMIT;
use super::{Admin, origin, pages};

/// What pages may load and do: our own files, and nothing written into them.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";

/// The gate with its table.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Keeper>);

struct Keeper {
    admin: Admin,
    rules: Rules,
    /// Refused calls of nobody known that are still written down; a flood of them must not fill the log.
    strangers: Throttle,
}

impl Gate {
    pub(crate) fn new(admin: Admin, rules: Rules) -> Self {
        Self(Arc::new(Keeper { admin, rules, strangers: Throttle::default() }))
    }
}

/// One request through the gate.
pub(crate) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let keeper = &gate.0;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let rule = keeper.rule(&request);
    let face = rule.as_ref().map_or_else(|_| if path.starts_with("/api/") { Face::Api } else { Face::Page }, |rule| rule.face);
    let mut who = None;
    let response = match keeper.pass(rule, request, next, &mut who).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    let response = settle(response);
    let problem = response.extensions().get::<Problem>().cloned();
    if method == Method::POST && (who.is_some() || keeper.strangers.wrong(keeper.admin.clock().instant()) == Guess::Wrong) {
        keeper.admin.note(who.as_ref(), &path, response.status(), problem.as_ref().map(|problem| problem.code.as_str())).await;
    }
    let response = match (problem, face) {
        (Some(problem), Face::Page) if problem.status == StatusCode::UNAUTHORIZED && method == Method::GET => Redirect::to("/login").into_response(),
        (Some(problem), Face::Page | Face::Form) => (problem.status, pages::layout::refused(&problem)).into_response(),
        (Some(_), Face::Api) | (None, Face::Api | Face::Page | Face::Form) => response,
    };
    dress(response)
}

impl Keeper {
    fn rule(&self, request: &Request) -> Result<Rule, Problem> {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let methods = path.and_then(|path| self.rules.get(path)).ok_or_else(|| Problem::missing("such page"))?;
        let method = if request.method() == Method::HEAD { Method::GET.as_str() } else { request.method().as_str() };
        methods.get(method).copied().ok_or_else(|| {
            let allowed = methods.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD", format!("{method} is not answered here; allowed: {allowed}"))
        })
    }

    async fn pass(&self, rule: Result<Rule, Problem>, request: Request, next: Next, who: &mut Option<Principal>) -> Result<Response, Problem> {
        let public = self.admin.config().admin.public_url.as_ref();
        let host = origin::host(request.headers(), public)?;
        let rule = rule?;
        let changes = request.method() == Method::POST;
        if changes {
            origin::own_page(request.headers(), &host, public)?;
        }
        *who = self.who(request.headers(), rule.needs).await?;
        if let (Needs::Role(role), Some(known)) = (rule.needs, who.as_ref())
            && known.role < role
        {
            let detail = format!("this needs the role {}, and `{}` has the role {}", role.name(), known.name, known.role.name());
            return Err(Problem::new(StatusCode::FORBIDDEN, "ROLE", detail));
        }
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.map_err(|_| too_large())?;
        if let Some(known) = who.as_ref() {
            if changes {
                genuine(rule.face, known, &parts.headers, &body)?;
            }
            parts.extensions.insert(known.clone());
        }
        let (path, key) = (parts.uri.path().to_owned(), repeat::key_of(&parts.headers)?);
        let request = Request::from_parts(parts, Body::from(body.clone()));
        match (key, who.as_ref()) {
            (Some(key), Some(known)) if changes && rule.face == Face::Api && repeat::is_kept(&path) => {
                match self.admin.turn(&known.name, key, &path, &body).await? {
                    Turn::First(key) => Ok(self.admin.remember(&key, settle(next.run(request).await)).await),
                    Turn::Again(response) => Ok(response),
                }
            }
            (None | Some(_), None | Some(_)) => Ok(next.run(request).await),
        }
    }

    /// Who asks. Whoever shows a wrong secret is refused even where nobody need be known.
    async fn who(&self, headers: &HeaderMap, needs: Needs) -> Result<Option<Principal>, Problem> {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let who = match (shown.next(), shown.next()) {
            (Some(value), None) => {
                let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
                let found = token.and_then(|token| self.admin.0.parts.tokens.find(token.trim())).and_then(|who| self.admin.in_standing(who));
                Some(found.ok_or_else(|| self.admin.wrong_guess())?)
            }
            (Some(_), Some(_)) => return Err(Problem::new(StatusCode::BAD_REQUEST, "AUTHORIZATION", "two Authorization headers; send one")),
            (None, _) if needs == Needs::Nobody => None,
            (None, _) => self.admin.session_of(headers).await?,
        };
        match (who, needs) {
            (None, Needs::Role(_)) => {
                Err(Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "send `Authorization: Bearer …`, or sign in with `adjutant login`"))
            }
            (who, Needs::Role(_) | Needs::Nobody) => Ok(who),
        }
    }
}

impl Admin {
    /// The answer to a wrong secret.
    pub(crate) fn wrong_guess(&self) -> Problem {
        match self.0.throttle.wrong(self.clock().instant()) {
            Guess::Wrong => Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "this token or link is not known, or no longer works"),
            Guess::TooMany => Problem::new(StatusCode::TOO_MANY_REQUESTS, "THROTTLED", "too many wrong tokens or links; wait five minutes"),
        }
    }
}

/// Whether a call that changes state has the form of its kind, and comes from a page of the session's own.
fn genuine(face: Face, who: &Principal, headers: &HeaderMap, body: &Bytes) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = match face {
        Face::Api => "application/json",
        Face::Page | Face::Form => "application/x-www-form-urlencoded",
    };
    if !body.is_empty() && kind.split(';').next().map(str::trim) != Some(expected) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "CONTENT_TYPE", format!("expected {expected}")));
    }
    let Proof::Session { csrf, .. } = &who.by else { return Ok(()) };
    let in_form = || url::form_urlencoded::parse(body).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned());
    let in_header = || headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let shown = match face {
        Face::Api => in_header(),
        Face::Page | Face::Form => in_form(),
    };
    if shown.is_some_and(|shown| same(&shown, csrf)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "CSRF", "the form's token is missing or old; load the page again"))
}

/// A body above the limit, or one that broke off.
pub(crate) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY", format!("the body did not arrive, or has more than {BODY_LIMIT} bytes"))
}

/// A refusal that a library has put into plain text becomes one of ours.
fn settle(response: Response) -> Response {
    let status = response.status();
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let ours = is_page || response.extensions().get::<Problem>().is_some() || response.headers().contains_key("idempotent-replay");
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    Problem::new(status, "REQUEST", "the request could not be read: look at its path and query").into_response()
}

/// What every answer carries.
pub(crate) fn dress(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
