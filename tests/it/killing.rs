//! kill -9 at random moments, with faults on the way: the sandbox's own log is held against the ledger.

pub(crate) mod judge;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use adjutant::clock::Clock;
use adjutant::domain::ids::DispatchId;
use adjutant::ledger::audit;
use adjutant::store::{Store, StoreError};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use self::judge::{Judged, Ledger, badly_settled, judge};
use crate::daemon::eventually;

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
fn ask(at: SocketAddr, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn page(at: SocketAddr, path: &str) -> Value {
    let (status, body) = ask(at, "GET", path, "").unwrap_or_else(|| panic!("the sandbox does not answer {path}"));
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

async fn until_ready(daemon: &mut Process, admin: SocketAddr, log: &Path) {
    eventually("the daemon is ready", Duration::from_secs(20), async || {
        if let Some(status) = daemon.0.try_wait().expect("its status") {
            panic!("the daemon ended with {status}: {}", std::fs::read_to_string(log).unwrap_or_default());
        }
        ask(admin, "GET", "/readyz", "").filter(|(status, _)| *status == 200).map(|_| ())
    })
    .await;
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

fn post_rules(at: SocketAddr, rules: &Value) {
    let (status, said) = ask(at, "POST", "/_sandbox/faults", &rules.to_string()).expect("the sandbox takes rules");
    assert_eq!(status, 200, "{said}");
}

/// When a life ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// At any moment.
    Anytime,
    /// Soon after a write left whose effect comes late.
    BeforeItsEffect,
    /// Soon after a write left that took effect and is never answered.
    BeforeItsAnswer,
}

impl End {
    /// The sandbox's rules of this life: what its end needs, before the faults that are always on.
    fn rules(self, always: &[Value], random: &mut ChaCha8Rng) -> Value {
        let own = match self {
            Self::Anytime => None,
            Self::BeforeItsEffect => Some(json!({ "methods": "write", "kind": "slow", "delay_ms": random.random_range(100..=1_000) })),
            Self::BeforeItsAnswer => Some(json!({ "methods": "write", "kind": "timeout" })),
        };
        json!({ "rules": own.into_iter().chain(always.iter().cloned()).collect::<Vec<_>>() })
    }
}

/// The requests the ledger has no answer for.
async fn unanswered(store: &Store) -> BTreeSet<DispatchId> {
    let read = store.read(|mut tx| async move {
        let mut open = BTreeSet::new();
        for account in ACCOUNTS {
            open.extend(tx.unanswered_dispatches(&account.parse().expect("a plain name")).await?.into_iter().map(|row| row.id));
        }
        Ok::<_, StoreError>(open)
    });
    read.await.expect("readable rows")
}

/// Waits until a request is out that was not before; gives up after a while.
async fn a_write_is_out(store: &Store, before: &BTreeSet<DispatchId>) {
    let seen = tokio::time::timeout(Duration::from_millis(1_700), async {
        while unanswered(store).await.is_subset(before) {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    // A life without a write ends all the same; the test counts those with one.
    let _ = seen.await;
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
        // Many changes at once: more campaigns, that rest for shorter.
        .replace("campaigns = 24", "campaigns = 36")
        .replace("earned_amount = \"250 USD\"", "earned_amount = \"5000 USD\"\ncooldown_growth = \"24h\"\ncooldown_cut = \"12h\"")
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
    eventually("the sandbox answers", Duration::from_secs(20), async || ask(platforms, "GET", "/_sandbox/faults", "")).await;

    let config = path("agents.toml");
    let url = format!("sqlite:{}", folder.path().join("state/adjutant.db").display());
    let always = page(platforms, "/_sandbox/faults")["rules"].as_array().expect("rules").clone();
    let mut ends = [vec![End::Anytime; 14], vec![End::BeforeItsEffect; 8], vec![End::BeforeItsAnswer; 8]].concat();
    ends.shuffle(&mut random);
    let mut store = None;
    let (mut stranded, mut kills_in_flight, mut unsettled_at_a_kill) = (BTreeSet::new(), 0, 0);
    for end in ends {
        post_rules(platforms, &json!({ "rules": &always }));
        let mut daemon = Process::start(&["run", "--config", &config], &log);
        until_ready(&mut daemon, admin, &log).await;
        if store.is_none() {
            store = Some(Store::open_read_only(&url).await.expect("a readable database"));
        }
        let store = store.as_ref().expect("opened above");
        match end {
            End::Anytime => tokio::time::sleep(Duration::from_millis(random.random_range(100..=1_500))).await,
            End::BeforeItsEffect | End::BeforeItsAnswer => {
                // It reads and reconciles before it writes; the rule of this life waits for its first writes.
                a_write_is_out(store, &stranded).await;
                tokio::time::sleep(Duration::from_millis(random.random_range(0..=300))).await;
                post_rules(platforms, &end.rules(&always, &mut random));
                let before = &stranded | &unanswered(store).await;
                a_write_is_out(store, &before).await;
                let so_long = if matches!(end, End::BeforeItsEffect) { 0..=100 } else { 50..=250 };
                tokio::time::sleep(Duration::from_millis(random.random_range(so_long))).await;
            }
        }
        daemon.kill();
        let open = unanswered(store).await;
        kills_in_flight += usize::from(!open.is_subset(&stranded));
        unsettled_at_a_kill += usize::from(Ledger::read(store).await.in_flight() > 0);
        stranded.extend(open);
    }
    let store = store.expect("thirty lives");
    let under_kills = sandbox_log(platforms).last().map_or(0, |row| row["seq"].as_i64().expect("a number"));
    ask(platforms, "DELETE", "/_sandbox/faults", "").expect("the sandbox lets go of its faults");
    let mut daemon = Process::start(&["run", "--config", &config], &log);
    until_ready(&mut daemon, admin, &log).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Paused, it sends nothing new and settles by reading what is open.
    daemon.signal("-USR1");
    let mut left = String::new();
    let settled = tokio::time::timeout(Duration::from_secs(25), async {
        loop {
            let ledger = Ledger::read(&store).await;
            let (open, differing) = (ledger.in_flight(), ledger.differing(&page(platforms, "/_sandbox/state")));
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

    let (ledger, log) = (Ledger::read(&store).await, sandbox_log(platforms));
    store.close().await;
    let Judged { mut faults, effective } = judge(&ledger, &log);
    faults.extend(badly_settled(&ledger, &stranded));
    let effects = log.iter().filter(|row| row["source"] == "api" && row["outcome"] == "applied");
    let (early, late): (Vec<_>, Vec<_>) = effects.partition(|row| row["seq"].as_i64().is_some_and(|seq| seq <= under_kills));
    let arrived = stranded.intersection(&effective).count();
    let proof = format!(
        "{} decisions, {} requests; {} effects under the kills and {} after; {kills_in_flight} kills met {} requests without an answer, {arrived} of which took effect; \
         {unsettled_at_a_kill} kills left a decision whose outcome nobody knew",
        ledger.decisions.len(),
        ledger.dispatches.len(),
        early.len(),
        late.len(),
        stranded.len()
    );
    println!("{proof}");
    if !faults.is_empty() {
        println!("{}", judge::history(&ledger, &log, &faults));
    }
    assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    assert!(settled, "seed {seed}: not settled by reading: {left}");
    let shows = early.len() >= 20 && kills_in_flight >= 3 && arrived >= 1 && arrived < stranded.len();
    assert!(shows, "seed {seed}: too little happened to prove anything: {proof}");
    let report = audit::verify_at(&url).await.expect("a readable database");
    assert!(report.is_clean(), "seed {seed}: {:#?}", report.faults);
}
