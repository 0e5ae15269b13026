//! A person's consent at Google, from the printed page to the file with the refresh token.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use adjutant::clock::{Clock, ProductTime};
use adjutant::sandbox::{SandboxConfig, start};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use url::Url;

/// What a browser does with one address; the whole answer.
async fn open(page: &Url) -> String {
    let authority = format!("{}:{}", page.host_str().expect("a host"), page.port().expect("a port"));
    let mut stream = tokio::net::TcpStream::connect(&authority).await.expect("somebody listens");
    let target = page.query().map_or_else(|| page.path().to_owned(), |query| format!("{}?{query}", page.path()));
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n").as_bytes()).await.expect("it goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn a_consent_in_the_browser_ends_as_a_file_that_its_owner_alone_can_read() {
    let sandbox = start(SandboxConfig::new(7), Clock::manual(ProductTime::from_ms(1_767_639_600_000))).await.expect("a sandbox");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (secret, out) = (folder.path().join("secret"), folder.path().join("refresh_token"));
    std::fs::write(&secret, "GOCSPX-example\n").expect("a writable folder");
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
        command.args(["connect", "google", "--client-id", "111-abc", "--base-url", &sandbox.base_url(), "--ga4"]);
        command.arg("--client-secret").arg(&secret).arg("--out").arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    };
    let mut running = command().spawn().expect("the binary starts");
    let mut lines = BufReader::new(running.stdout.take().expect("a pipe")).lines();
    let mut said = String::new();
    let page = loop {
        let line = lines.next_line().await.expect("readable").unwrap_or_else(|| panic!("no page was printed: {said}"));
        if let Ok(page) = line.parse::<Url>() {
            break page;
        }
        said += &line;
    };
    let answer = open(&page).await;
    let back = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_else(|| panic!("sent nowhere: {answer}"));
    let back: Url = back.parse().expect("an address");
    let mut stranger = back.clone();
    stranger.set_query(Some("state=guessed&code=4%2Fstolen"));
    assert!(open(&stranger).await.starts_with("HTTP/1.1 404"), "whoever does not know the state brings nothing");
    assert!(open(&back).await.starts_with("HTTP/1.1 200"));
    let ended = tokio::time::timeout(Duration::from_secs(10), running.wait()).await.expect("it ends").expect("its status");
    while let Some(line) = lines.next_line().await.expect("readable") {
        said += &line;
    }
    assert!(ended.success(), "{said}");
    assert_eq!(std::fs::read_to_string(&out).expect("the file"), "sandbox-refresh");
    assert_eq!(std::fs::metadata(&out).expect("the file").permissions().mode() & 0o777, 0o600);
    assert!(said.contains("refresh_token = \"file:") && !said.contains("sandbox-refresh"), "{said}");

    let again = command().output().await.expect("the binary starts");
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"));
    sandbox.stop().await;
}
