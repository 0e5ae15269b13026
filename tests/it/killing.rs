//! kill -9 at random moments, with faults on the way: the sandbox's own log is held against the ledger.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use adjutant::clock::{Clock, ProductTime};
use adjutant::domain::decision::DecisionState;
use adjutant::domain::ids::AccountId;
use adjutant::ledger::audit;
use adjutant::store::Store;
use adjutant::store::decision::{DecisionFilter, DecisionRow};
use adjutant::store::dispatch::DispatchRow;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::daemon::eventually;

const KILLS: u32 = 30;
const ACCOUNTS: [&str; 3] = ["google-main", "meta-main", "tiktok-main"];
const FAULTS: &str = "\n[sandbox.faults]\ntimeout = \"1%\"\nhttp_429 = \"2%\"\nhttp_500 = \"2%\"\nreset_before = \"2%\"\nreset_after = \"2%\"\nduplicate = \"1%\"\nstale_read = \"2%\"\n";

/// A process that does not outlive its test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(arguments: &[&str], log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a writable log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
        Self(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts"))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill is there");
        assert!(sent.success(), "{name} could not be sent");
    }

    fn kill(&mut self) {
        self.0.kill().expect("SIGKILL");
        self.0.wait().expect("a killed process ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Status and body of a plain request; none while nobody answers.
fn ask(at: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn page(at: SocketAddr, path: &str) -> Value {
    let (status, body) = ask(at, "GET", path).unwrap_or_else(|| panic!("the sandbox does not answer {path}"));
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

async fn until_ready(daemon: &mut Process, admin: SocketAddr, log: &Path) {
    eventually("the daemon is ready", Duration::from_secs(20), async || {
        if let Some(status) = daemon.0.try_wait().expect("its status") {
            panic!("the daemon ended with {status}: {}", std::fs::read_to_string(log).unwrap_or_default());
        }
        ask(admin, "GET", "/readyz").filter(|(status, _)| *status == 200).map(|_| ())
    })
    .await;
}

struct Ledger {
    decisions: Vec<DecisionRow>,
    dispatches: Vec<DispatchRow>,
    attempts: BTreeMap<String, Vec<DispatchRow>>,
    budgets: BTreeMap<String, (i64, i64)>,
}

async fn ledger(store: &Store) -> Ledger {
    let read = store.read(|mut tx| async move {
        let decisions = tx.decisions(&DecisionFilter::default(), None, 100_000).await?;
        let (mut dispatches, mut attempts, mut budgets) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for account in ACCOUNTS {
            let account: AccountId = account.parse().expect("a plain name");
            dispatches.extend(tx.account_dispatches_since(&account, ProductTime::from_ms(0)).await?);
            for row in tx.budgets_of_account(&account).await? {
                budgets.insert(row.budget.budget.key.id.clone(), (row.budget.amount.micros(), row.accepted.micros()));
            }
        }
        for row in &decisions {
            let of = tx.dispatches_of(&row.id).await?;
            if !of.is_empty() {
                attempts.insert(row.id.to_string(), of);
            }
        }
        Ok::<_, adjutant::store::StoreError>(Ledger { decisions, dispatches, attempts, budgets })
    });
    read.await.expect("readable rows")
}

fn in_flight(ledger: &Ledger) -> usize {
    ledger.decisions.iter().filter(|row| matches!(row.state, DecisionState::Dispatched { .. } | DecisionState::Unknown)).count()
}

fn sandbox_log(at: SocketAddr) -> Vec<Value> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let answer = page(at, &format!("/_sandbox/log?after={after}&limit=1000"));
        let more = answer["rows"].as_array().expect("rows").clone();
        if more.is_empty() {
            return rows;
        }
        after = answer["next"].as_i64().expect("a number");
        rows.extend(more);
    }
}

/// Holds every effect the sandbox saw against what the ledger says was sent.
fn judge(ledger: &Ledger, log: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut effects: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for row in log.iter().filter(|row| row["source"] == "api" && row["outcome"] == "applied" && row["fault"] != "duplicate") {
        effects.entry(row["body_sha256"].as_str().unwrap_or("")).or_default().push(row["wall_ms"].as_i64().unwrap_or(0));
    }
    let mut sent: BTreeMap<&str, Vec<&DispatchRow>> = BTreeMap::new();
    for dispatch in &ledger.dispatches {
        sent.entry(&dispatch.body_hash).or_default().push(dispatch);
    }
    for (hash, walls) in &effects {
        let rows = sent.get(hash).map_or(&[][..], Vec::as_slice);
        if walls.len() > rows.len() {
            faults.push(format!("body {hash} took effect {} times and was recorded {} times", walls.len(), rows.len()));
        }
        for wall in walls {
            if !rows.iter().any(|row| row.sent_wall.ms() <= *wall) {
                faults.push(format!("body {hash} took effect at {wall} before any row of it"));
            }
        }
    }
    for (hash, rows) in &sent {
        let accepted = rows.iter().filter(|row| row.result.as_deref() == Some("accepted")).count();
        let seen = effects.get(hash).map_or(0, Vec::len);
        if accepted > seen {
            faults.push(format!("body {hash} is recorded as accepted {accepted} times and took effect {seen} times"));
        }
    }
    for row in &ledger.decisions {
        let Some(attempts) = ledger.attempts.get(&row.id.to_string()) else { continue };
        for (number, attempt) in attempts.iter().enumerate() {
            if attempt.sent_wall < row.wall {
                faults.push(format!("decision {} was sent before it was recorded", row.id));
            }
            if number + 1 < attempts.len() && attempt.result.as_deref() != Some("not_executed") {
                faults.push(format!("decision {} was tried again after an attempt that may have taken effect: {:?}", row.id, attempt.result));
            }
        }
    }
    faults
}

/// Budgets of which the platform and the ledger say different things.
fn differing(ledger: &Ledger, state: &Value) -> Vec<String> {
    let campaigns = state["campaigns"].as_array().expect("campaigns");
    campaigns
        .iter()
        .filter_map(|campaign| {
            let budget = &campaign["budget"];
            let (id, micros) = (budget["id"].as_str().unwrap_or(""), budget["micros"].as_i64().unwrap_or(-1));
            let known = ledger.budgets.get(id);
            (known.map(|(live, _)| *live) != Some(micros) || known.map(|(_, accepted)| *accepted) != Some(micros))
                .then(|| format!("{} budget {id}: the platform has {micros}, the ledger (live, accepted) {known:?}", campaign["platform"]))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_minus_nine_at_random_moments_loses_and_doubles_nothing() {
    let now = Clock::real().wall().ms();
    let seed = std::env::var("ADJUTANT_KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(now.unsigned_abs());
    // Shown when the test fails: the same number gives the same moments.
    println!("ADJUTANT_KILL_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let (admin, platforms) = (free_port(), free_port());
    let origin = chrono::DateTime::from_timestamp_millis(now).expect("an instant").to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/agents.toml")).expect("the shipped file");
    let common = shipped
        .replace("rate = 17280", &format!("rate = 172800\norigin = \"{origin}\""))
        .replace("127.0.0.1:8787", &admin.to_string())
        .replace("earned_amount = \"250 USD\"", "earned_amount = \"5000 USD\"")
        .replace("people = true", "people = false");
    let (ours, theirs) = (folder.path().join("agents.toml"), folder.path().join("platforms.toml"));
    std::fs::write(&theirs, format!("{common}{FAULTS}")).expect("a writable folder");
    std::fs::write(&ours, common.replace("base_url = \"sandbox\"", &format!("base_url = \"http://{platforms}\""))).expect("a writable folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let log = folder.path().join("daemon.log");

    let _sandbox = Process::start(
        &["sandbox", "--config", &path("platforms.toml"), "--listen", &platforms.to_string(), "--state", &path("platforms.db")],
        &folder.path().join("platforms.log"),
    );
    eventually("the sandbox answers", Duration::from_secs(20), async || ask(platforms, "GET", "/_sandbox/faults")).await;

    let config = path("agents.toml");
    for _ in 0..KILLS {
        let mut daemon = Process::start(&["run", "--config", &config], &log);
        until_ready(&mut daemon, admin, &log).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(100..=900))).await;
        daemon.kill();
    }
    ask(platforms, "DELETE", "/_sandbox/faults").expect("the sandbox lets go of its faults");
    let mut daemon = Process::start(&["run", "--config", &config], &log);
    until_ready(&mut daemon, admin, &log).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Paused, it sends nothing new and settles by reading what is open.
    daemon.signal("-USR1");
    let url = format!("sqlite:{}", folder.path().join("state/adjutant.db").display());
    let store = Store::open_read_only(&url).await.expect("a readable database");
    let mut left = String::new();
    let settled = tokio::time::timeout(Duration::from_secs(25), async {
        loop {
            let ledger = ledger(&store).await;
            let (open, differing) = (in_flight(&ledger), differing(&ledger, &page(platforms, "/_sandbox/state")));
            if open == 0 && differing.is_empty() {
                return;
            }
            left = format!("{open} decisions in flight; {differing:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let settled = settled.await.is_ok();
    daemon.signal("-TERM");
    eventually("an orderly stop", Duration::from_secs(20), async || daemon.0.try_wait().expect("its status")).await;

    let (ledger, effects) = (ledger(&store).await, sandbox_log(platforms));
    store.close().await;
    let applied = effects.iter().filter(|row| row["source"] == "api" && row["outcome"] == "applied").count();
    println!("{} decisions, {} dispatches, {applied} effects", ledger.decisions.len(), ledger.dispatches.len());
    let faults = judge(&ledger, &effects);
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(settled, "not settled by reading: {left}");
    assert!(applied >= 10, "only {applied} effects: this proves nothing");
    let report = audit::verify_at(&url).await.expect("a readable database");
    assert!(report.is_clean(), "{:#?}", report.faults);
}
