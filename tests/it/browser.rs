//! The pages in a real browser: signed in by a link that works once, styles, scripts and policy as people get them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::commands::{run, says};
use crate::daemon::eventually;
use crate::killing::{Process, free_port};
use crate::running::{NO_PEOPLE, altered};

/// Names under which the browser is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// What stands in the page at `url` once it has loaded.
fn visit(browser: &Path, profile: &Path, url: &str) -> String {
    let mut command = Command::new("timeout");
    command.arg("60").arg(browser).args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.display())).arg(url).stdin(Stdio::null());
    String::from_utf8_lossy(&command.output().expect("the browser starts").stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signed_in_by_its_link_shows_accounts_agents_actions_and_why() {
    let Some(browser) = browser() else {
        assert!(std::env::var_os("CI").is_none(), "no browser: apt-get install chromium");
        eprintln!("skipped: no browser; apt-get install chromium");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, at, profile) = (folder.path(), free_port(), folder.path().join("profile"));
    let text = altered(&[NO_PEOPLE, ("127.0.0.1:8787", &at.to_string()), ("rate = 17280", "rate = 60")]);
    let file = folder.join("agents.toml");
    std::fs::write(&file, text).expect("a writable folder");
    let _daemon = Process::start(&["--config", file.to_str().expect("a plain path"), "run"], &folder.join("log"));
    eventually("a decision", Duration::from_secs(60), async || {
        let output = run(folder, &["decisions"]);
        String::from_utf8_lossy(&output.stdout).contains("applied").then_some(())
    })
    .await;

    // The link leaves a cookie in the profile; the page it leads to may be anywhere on its way when it is read.
    let overview = eventually("a signed-in browser", Duration::from_secs(120), async || {
        visit(&browser, &profile, says(folder, &["login"]).trim());
        Some(visit(&browser, &profile, &format!("http://{at}/"))).filter(|page| page.contains("<title>Overview"))
    })
    .await;
    for account in ["google-main", "meta-main", "tiktok-main"] {
        let marked = format!("{account} <span class=\"badge\">SANDBOX</span>");
        assert!(overview.contains(&marked), "{account} is marked as a sandbox: {overview}");
    }
    for shown in ["<b>scale</b>", "<b>efficiency</b>", "Recent actions", " the budget of <b>", "Pause everything"] {
        assert!(overview.contains(shown), "the overview has no {shown}: {overview}");
    }

    let decision = overview.split("href=\"/decisions/").nth(1).and_then(|rest| rest.split('"').next()).expect("a link to a decision");
    let why = visit(&browser, &profile, &format!("http://{at}/decisions/{decision}"));
    for shown in ["On what numbers", "What the guardrails said", "Step by step"] {
        assert!(why.contains(shown), "the decision's page has no {shown}: {why}");
    }
    let conflicts = visit(&browser, &profile, &format!("http://{at}/conflicts"));
    assert!(conflicts.contains("It wanted "), "what the losers wanted is told: {conflicts}");
}
