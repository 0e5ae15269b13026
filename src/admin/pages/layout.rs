//! What every page shares: head, navigation, banner, and the static files.

use axum::http::header;
use axum::response::IntoResponse;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::{moment, plural};
use crate::admin::Admin;
use crate::admin::api::status::Glance;
use crate::admin::auth::{Principal, Proof};
use crate::admin::problem::Problem;
use crate::clock::{ClockMode, ProductTime};
use crate::domain::scope::Scope;
use crate::domain::ticket::Role;
use crate::store::StoreError;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/live.js");

/// Places of the navigation: path and name.
const PLACES: [(&str, &str); 8] = [
    ("/", "Overview"),
    ("/decisions", "Decisions"),
    ("/tickets", "Tickets"),
    ("/alerts", "Alerts"),
    ("/agents", "Agents"),
    ("/conflicts", "Conflicts"),
    ("/outcomes", "Outcomes"),
    ("/policy", "Policy"),
];

/// What a page needs to know of where it stands.
pub(crate) struct Frame {
    title: String,
    at: &'static str,
    workspace: String,
    who: Principal,
    pub(crate) glance: Glance,
    sandbox: bool,
    pub(crate) now: ProductTime,
    lapse: Option<u32>,
    acting: bool,
}

impl Admin {
    /// The frame of the page `at` a place of the navigation.
    pub(crate) async fn frame(&self, who: Principal, at: &'static str, title: impl Into<String>) -> Result<Frame, StoreError> {
        let clock = self.clock();
        Ok(Frame {
            title: title.into(),
            at,
            workspace: self.config().workspace.name.clone(),
            who,
            glance: self.glance().await?,
            sandbox: self.is_sandbox(),
            now: clock.now(),
            lapse: (clock.mode() == ClockMode::TimeLapse).then(|| clock.rate()),
            acting: self.control().accounts().iter().any(|account| account.acting),
        })
    }
}

impl Frame {
    /// Whether whoever looks may do what needs `role`.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.who.role >= role
    }

    /// What a form carries: the session's token, and where to go back to.
    pub(crate) fn form_fields(&self, back: &str) -> Markup {
        html! {
            @if let Proof::Session { csrf, .. } = &self.who.by { input type="hidden" name="csrf" value=(csrf); }
            input type="hidden" name="back" value=(back);
        }
    }

    /// Whether everything is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.glance.paused().any(|row| row.scope == Scope::Workspace)
    }

    /// The whole page around `content`.
    pub(crate) fn page(&self, content: &Markup) -> Markup {
        let count = |place: &str| match place {
            "/tickets" => self.glance.open_tickets,
            "/alerts" => self.glance.open_alerts,
            _ => 0,
        };
        document(
            &format!("{} \u{b7} {}", self.title, self.workspace),
            &html! {
                header.top {
                    a.brand href="/" { (mark()) span { (self.workspace) } }
                    nav aria-label="Main" data-live="tickets alerts" id="nav" {
                        @for (path, name) in PLACES {
                            a href=(path) aria-current=[(path == self.at).then_some("page")] {
                                (name)
                                @if count(path) > 0 { span.count { (count(path)) span.hidden { " open" } } }
                            }
                        }
                    }
                    div.who {
                        span title=(self.who.role.name()) { (self.who.name) }
                        @if let Proof::Session { .. } = self.who.by {
                            form method="post" action="/logout" { (self.form_fields("/")) button.plain type="submit" { "Sign out" } }
                        }
                    }
                }
                (self.banner())
                main id="main" tabindex="-1" { (content) }
                footer {
                    span { "Times are UTC" @if self.lapse.is_some() { " on the time-lapse clock" } "." }
                    span { "Adjutant " (env!("CARGO_PKG_VERSION")) }
                    span #live-state aria-live="polite" {}
                }
            },
        )
    }

    fn banner(&self) -> Markup {
        let paused: Vec<String> = self.glance.paused().map(|row| row.scope.to_string()).collect();
        let reducing: Vec<String> = self.glance.scopes.iter().filter(|row| row.reducing).map(|row| row.scope.to_string()).collect();
        html! {
            div #banner .banner data-live="scopes rounds views" {
                @if self.sandbox { p.sandbox { b { "Sandbox" } " Accounts marked so are simulated: no real money is spent there." } }
                @if let Some(rate) = self.lapse { p.lapse { b { "Time-lapse \u{d7}" (rate) } " It is " (moment(self.now)) "." } }
                @if !paused.is_empty() { p.stopped { b { "Paused" } " " (paused.join(", ")) ". Nothing of it is written to a platform until a person resumes it: " code { "adjutant resume" } "." } }
                @if !reducing.is_empty() { p.stopped { b { "Breaker" } " " (reducing.join(", ")) ": only lower spend is admitted until a person re-arms it: " code { "adjutant rearm" } "." } }
                @if !self.acting { p.lapse { b { "Starting" } " No account has been reconciled yet; nothing is changed until then." } }
            }
        }
    }
}

fn mark() -> Markup {
    html! { svg viewBox="0 0 16 16" aria-hidden="true" { path d="M2 12 6 7l3 3 5-7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {} } }
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
                script src="/live.js" defer {}
            }
            body { a.skip href="#main" { "Skip to content" } (body) }
        }
    }
}

/// A page that says no.
pub(crate) fn refused(problem: &Problem) -> Markup {
    let again = if problem.code == "CSRF" { "The page was open for long. Go back, load it again, and repeat." } else { "Nothing was done." };
    let say = problem.status.as_u16();
    document(
        problem.title(),
        &html! { main.alone id="main" { p.eyebrow { (say) " " (problem.code) } h1 { (problem.title()) } p { (problem.detail) } @if say != 404 { p.quiet { (again) } } p { a href="/" { "Back to the overview" } } } },
    )
}

/// How one signs in; with `problem` after a link that did not work.
pub(crate) fn sign_in(problem: Option<&Problem>) -> Markup {
    document(
        "Sign in",
        &html! {
            main.alone id="main" {
                p.eyebrow { (mark()) " Adjutant" }
                h1 { "Sign in" }
                @if let Some(problem) = problem { p.bad role="alert" { (problem.detail) "." } }
                p { "Run this where the daemon runs. It prints a link that works once." }
                pre { "adjutant login" }
            }
        },
    )
}

/// After a link has worked.
pub(crate) fn signed_in() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="0;url=/";
                title { "Signed in" }
                link rel="stylesheet" href="/style.css";
            }
            body { main.alone { h1 { "Signed in" } p { a href="/" { "Go to the overview" } } } }
        }
    }
}

/// A heading with the number of what follows.
pub(crate) fn heading(title: &str, found: usize, thing: &str) -> Markup {
    html! { h1 { (title) } p.lead { (plural(found, thing)) } }
}

/// A link to the rest of a list.
pub(crate) fn more(path: &str, query: &str, next: Option<String>) -> Markup {
    html! { @if let Some(next) = next { p.more { a href=(format!("{path}?{query}cursor={next}")) { "Older" } } } }
}

/// `GET /style.css`.
pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// `GET /live.js`.
pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

/// Nothing at all, where a part of a page may be missing.
pub(crate) const NOTHING: Markup = PreEscaped(String::new());
