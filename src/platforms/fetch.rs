//! Fetching an image that somebody named by its address: https alone, public addresses alone, bounded in time and size, and nothing but an image.
//! The account of a sandbox may also name a plain address of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use super::PlatformError;
use super::http::install_tls;
use super::spec::is_loopback;

/// Longest the whole fetch may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// From where an account's images may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sources {
    /// https and public addresses.
    Public,
    /// The same, and this machine: the account is a sandbox's.
    PublicAndThisMachine,
}

/// The bytes of the image at `url`, at most `most` of them.
///
/// # Errors
/// [`PlatformError::Validation`] when it may not be fetched or is no image, [`PlatformError::Transient`] when it could not be.
pub(super) async fn image(url: &str, sources: Sources, most: usize) -> Result<Vec<u8>, PlatformError> {
    let wrong = |what: &str| PlatformError::Validation(format!("the image `{}`: {what}", shown(url)));
    let url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("an address with a user or password in it is not fetched"));
    }
    let here = sources == Sources::PublicAndThisMachine && is_loopback(&url);
    if url.scheme() != "https" && !(here && url.scheme() == "http") {
        return Err(wrong("expected an https address"));
    }
    let fetch = async {
        let host = url.host().ok_or_else(|| wrong("it names no host"))?;
        let addresses = resolve(&host, url.port_or_known_default().unwrap_or(443)).await?;
        if !here && let Some(inner) = addresses.iter().find(|address| !is_public(address.ip())) {
            return Err(wrong(&format!("`{host}` stands for {}, which is no public address", inner.ip())));
        }
        let bytes = get(&url, &addresses, most).await?;
        if is_image(&bytes) { Ok(bytes) } else { Err(wrong("what stands there is no PNG, JPEG or GIF")) }
    };
    tokio::time::timeout(DEADLINE, fetch)
        .await
        .unwrap_or_else(|_| Err(PlatformError::Transient(format!("the image `{}` did not come within {DEADLINE:?}", shown(url.as_str())))))
}

/// The start of an address without its query, for messages.
fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().chars().take(120).collect()
}

async fn resolve(host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, PlatformError> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Ipv4(ip) => vec![SocketAddr::from((*ip, port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((*ip, port))],
        Host::Domain(name) => {
            let found = tokio::net::lookup_host((*name, port)).await;
            found.map_err(|error| PlatformError::Transient(format!("`{name}` is not found: {error}")))?.collect()
        }
    };
    if addresses.is_empty() { Err(PlatformError::Transient(format!("`{host}` has no address"))) } else { Ok(addresses) }
}

/// Reads from exactly the addresses that were judged: another answer of the name server changes nothing, and no redirect is followed.
async fn get(url: &Url, addresses: &[SocketAddr], most: usize) -> Result<Vec<u8>, PlatformError> {
    let failed = |what: String| PlatformError::Transient(format!("the image `{}` could not be read: {what}", shown(url.as_str())));
    install_tls();
    #[expect(clippy::disallowed_methods, reason = "a client of its own, pinned to the addresses that were judged")]
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().connect_timeout(Duration::from_secs(5));
    let builder = match url.host() {
        Some(Host::Domain(name)) => builder.resolve_to_addrs(name, addresses),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => builder,
    };
    let client = builder.build().map_err(|error| failed(error.to_string()))?;
    let mut response = client.get(url.clone()).send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if !response.status().is_success() {
        let what = format!("the image `{}` is answered with HTTP {}", shown(url.as_str()), response.status().as_u16());
        return Err(if response.status().is_server_error() { PlatformError::Transient(what) } else { PlatformError::Validation(what) });
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
        if bytes.len() + part.len() > most {
            return Err(PlatformError::Validation(format!("the image `{}` is larger than {most} bytes", shown(url.as_str()))));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

fn is_image(bytes: &[u8]) -> bool {
    [b"\x89PNG\r\n\x1a\n".as_slice(), b"\xff\xd8\xff", b"GIF87a", b"GIF89a"].iter().any(|magic| bytes.starts_with(magic))
}

/// Whether an address is one of the open internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// Global unicast without documentation and the ranges that carry an IPv4 address inside.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    (0x2000..0x4000).contains(&a) && !(a == 0x2001 && (b == 0xdb8 || b < 0x200)) && a != 0x2002 && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    /// A server that answers every request with `head` and `body`.
    async fn server(head: &'static str, body: &'static [u8]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes()).await;
                let _ = stream.write_all(body).await;
            }
        });
        format!("http://{address}/hero.png?key=secret")
    }

    #[tokio::test]
    async fn a_sandbox_fetches_from_this_machine_and_nobody_else_does() {
        let url = server("200 OK", PNG).await;
        assert_eq!(image(&url, Sources::PublicAndThisMachine, 100).await.expect("an image"), PNG);
        let refused = image(&url, Sources::Public, 100).await.expect_err("in the clear");
        assert!(matches!(refused, PlatformError::Validation(_)) && !refused.to_string().contains("secret"), "{refused}");
    }

    #[tokio::test]
    async fn what_is_too_large_or_no_image_or_elsewhere_is_refused() {
        for (url, most) in [(server("200 OK", PNG).await, 5), (server("200 OK", b"<html>").await, 100), (server("302 Found\r\nlocation: /", b"").await, 100)] {
            assert_eq!(image(&url, Sources::PublicAndThisMachine, most).await.expect_err("refused").code(), "VALIDATION", "{url}");
        }
    }

    #[tokio::test]
    async fn names_and_numbers_of_inner_networks_are_refused_before_anything_is_asked() {
        for host in
            ["10.0.0.8", "169.254.169.254", "127.0.0.1", "localhost", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]", "100.64.0.1", "0.0.0.0", "[64:ff9b::a00:1]"]
        {
            let refused = image(&format!("https://{host}/x.png"), Sources::Public, 100).await.expect_err("refused");
            assert!(refused.to_string().contains("no public address"), "{host}: {refused}");
        }
        for url in ["ftp://example.com/x", "https://me:pw@example.com/x", "no address"] {
            assert_eq!(image(url, Sources::PublicAndThisMachine, 100).await.expect_err("refused").code(), "VALIDATION", "{url}");
        }
        assert!(is_public("8.8.8.8".parse().expect("an address")) && is_public("2606:4700::1111".parse().expect("an address")));
    }
}
