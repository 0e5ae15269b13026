//! `adjutant connect google`: a person consents in their browser, the code comes back on loopback, and the refresh token goes into a file that only its
//! owner can read. It is never shown.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::client::ClientError;
use crate::domain::ids::IdGen;
use crate::platforms::PlatformError;
use crate::platforms::consent::{Attempt, Consent, Wanted};

/// How long a person has for it.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long one request to our port may take to arrive.
const REQUEST: Duration = Duration::from_secs(5);

/// What `connect` needs.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    /// The platform; Meta and TikTok give their tokens on their own pages.
    #[arg(value_parser = ["google"])]
    platform: String,
    /// The id of an OAuth client of type desktop app.
    #[arg(long)]
    client_id: String,
    /// A file with that client's secret.
    #[arg(long)]
    client_secret: PathBuf,
    /// Where the refresh token goes; a file that does not exist yet.
    #[arg(long)]
    out: PathBuf,
    /// Ask for reading GA4, too.
    #[arg(long)]
    ga4: bool,
    /// Replaces Google's hosts: the sandbox's address.
    #[arg(long)]
    base_url: Option<Url>,
}

fn failed(what: impl std::fmt::Display) -> ClientError {
    ClientError::Offline(what.to_string())
}

pub(super) async fn run(args: &ConnectArgs) -> Result<ExitCode, ClientError> {
    let read = std::fs::read_to_string(&args.client_secret).map_err(|error| failed(format!("{}: {error}", args.client_secret.display())))?;
    if args.out.exists() {
        return Err(failed(format!("{} exists already: name another file, or remove it", args.out.display())));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let redirect = format!("http://{}", listener.local_addr().map_err(failed)?);
    let secrets = IdGen::from_os();
    let attempt = Attempt { state: secrets.secret(), verifier: secrets.secret() };
    let wanted = if args.ga4 { Wanted::AdsAndGa4 } else { Wanted::Ads };
    let client = (args.client_id.clone(), SecretString::from(read.trim().to_owned()));
    let consent = Consent::new(client, redirect, attempt, wanted, args.base_url.as_ref()).map_err(failed)?;
    println!("open this page in a browser on this machine and consent:\n\n{}\n", consent.page());
    let code = tokio::time::timeout(PATIENCE, code(&listener, &consent)).await.map_err(|_| failed("nobody consented within a quarter of an hour"))??;
    let token = consent.exchange(&code).await.map_err(failed)?;
    store(&args.out, &token)?;
    println!("the refresh token is in {} (readable by you alone); in agents.toml:\n", args.out.display());
    let (id, secret, out) = (&args.client_id, args.client_secret.display(), args.out.display());
    println!("credentials = {{ client_id = \"{id}\", client_secret = \"file:{secret}\", refresh_token = \"file:{out}\" }}");
    Ok(ExitCode::SUCCESS)
}

fn store(path: &PathBuf, token: &SecretString) -> Result<(), ClientError> {
    let wrong = |error: std::io::Error| failed(format!("{}: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(wrong)?;
    file.write_all(token.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
}

/// Answers whoever comes to our port until the answer to our question does.
async fn code(listener: &TcpListener, consent: &Consent) -> Result<String, ClientError> {
    loop {
        let (mut stream, _) = listener.accept().await.map_err(failed)?;
        let Some(target) = target(&mut stream).await else { continue };
        match consent.code_in(&target) {
            Ok(code) => {
                answer(&mut stream, "200 OK", "Done. You can close this page and go back to the terminal.").await;
                return Ok(code);
            }
            Err(error @ PlatformError::Auth(_)) => {
                answer(&mut stream, "200 OK", "The consent was not given.").await;
                return Err(failed(error));
            }
            // Browsers ask for icons, and anybody on this machine may knock.
            Err(_) => answer(&mut stream, "404 Not Found", "Nothing is here.").await,
        }
    }
}

/// The target of one request; none when it is no request, or takes too long.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let whole = async {
        let mut part = [0; 1_024];
        while !read.windows(4).any(|end| end == b"\r\n\r\n") && read.len() < 16_384 {
            match stream.read(&mut part).await.ok()? {
                0 => return None,
                length => read.extend_from_slice(&part[..length]),
            }
        }
        let line = String::from_utf8_lossy(&read);
        let mut words = line.lines().next()?.split(' ');
        (words.next() == Some("GET")).then(|| words.next().map(str::to_owned)).flatten()
    };
    tokio::time::timeout(REQUEST, whole).await.ok().flatten()
}

async fn answer(stream: &mut TcpStream, status: &str, text: &str) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
    // Whether the browser is still there to read it changes nothing.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.shutdown().await;
}
