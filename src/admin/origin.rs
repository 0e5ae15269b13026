//! Whether a request may come from where it comes from: our own names in `Host`, our own pages in `Origin`.

use axum::http::{HeaderMap, StatusCode, header};
use url::Url;

use super::problem::Problem;

/// Names under which a listener on this machine may be asked for.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host name of `Host`, when it is one of ours: another name that points here is somebody else's page.
pub(crate) fn host(headers: &HeaderMap, public: Option<&Url>) -> Result<String, Problem> {
    let refuse =
        |what: &str| Problem::new(StatusCode::MISDIRECTED_REQUEST, "HOST", format!("{what}; ask for localhost, 127.0.0.1 or the host of [admin] public_url"));
    let mut values = headers.get_all(header::HOST).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(|| refuse("the request names no host"))?.to_ascii_lowercase();
    if values.next().is_some() {
        return Err(refuse("the request names two hosts"));
    }
    let name = match value.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        Some(_) | None => &value,
    };
    let ours = LOOPBACK.contains(&name) || public.and_then(Url::host_str).is_some_and(|host| host == name);
    if ours { Ok(value) } else { Err(refuse("this is not the host it was asked for")) }
}

/// Whether a call that changes state comes from a page of ours, or from no page at all.
pub(crate) fn own_page(headers: &HeaderMap, host: &str, public: Option<&Url>) -> Result<(), Problem> {
    let refuse = |what: &str| Problem::new(StatusCode::FORBIDDEN, "ORIGIN", format!("{what}; nothing was done"));
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(refuse("another site asked for this"));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| refuse("the origin cannot be read"))?.to_ascii_lowercase();
    let plain = origin.strip_prefix("http://").is_some_and(|authority| authority == host);
    let proxied = public.is_some_and(|url| url.origin().ascii_serialization() == origin);
    if plain || proxied { Ok(()) } else { Err(refuse("a page of another origin asked for this")) }
}
