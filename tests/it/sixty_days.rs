//! An unattended time-lapse of the shipped configuration, judged by the sandbox's own log: `cargo test --locked sixty`.
//!
//! CI runs sixty days at half a second a day on SQLite, and twelve at a second a day, with a freeze, on PostgreSQL. The same at the default rate, a day
//! in five seconds and so five minutes in all: `ADJUTANT_SIXTY_RATE=17280 cargo test --locked sixty -- --nocapture`. Each run prints its figures.

mod figures;
mod judge;
mod people;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adjutant::clock::{Clock, ProductTime};
use adjutant::config::{Config, Process};
use adjutant::cycle;
use adjutant::domain::entity::EntityKey;
use adjutant::domain::ids::IdGen;
use adjutant::domain::scope::Scope;
use adjutant::ledger::audit;
use adjutant::store::Durability;
use adjutant::store::outcome::OutcomeRow;
use adjutant::supervisor::control::{Control, Looser};
use adjutant::supervisor::daemon::{Daemon, Launch};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::daemon::eventually;
use crate::engines::Bench;
use crate::killing::judge::{Ledger, history, judge as judge_kept};
use crate::running::call;
use figures::Figures;
use judge::Judge;
use people::Builder;

/// Half a second a day.
const RATE: u32 = 172_800;

fn rate() -> u32 {
    std::env::var("ADJUTANT_SIXTY_RATE").ok().and_then(|text| text.parse().ok()).unwrap_or(RATE)
}

/// The shipped file, on another database where one is given, with what `more` adds.
async fn started(folder: &std::path::Path, rate: u32, url: Option<&str>, more: &str) -> Arc<Daemon> {
    started_with(folder, rate, url, |text| text, more).await
}

async fn started_with(folder: &std::path::Path, rate: u32, url: Option<&str>, altered: impl Fn(String) -> String, more: &str) -> Arc<Daemon> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/agents.toml")).expect("the shipped file");
    let mut text = text.replace("rate = 17280", &format!("rate = {rate}"));
    if let Some(url) = url {
        text = text.replace("sqlite:adjutant.db", url);
    }
    let path = folder.join("agents.toml");
    std::fs::write(&path, altered(text) + more).expect("a writable folder");
    let config = Config::load(&path, &Process).unwrap_or_else(|faults| panic!("{faults}"));
    let (surroundings, durability) = (Arc::new(Process), if url.is_some() { Durability::TestOnly } else { Durability::Required });
    let launch = Launch { config, path, surroundings, clock: None::<Clock>, ids: IdGen::from_os(), durability, looser: Looser::Refuse };
    Daemon::start(launch).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Lets `days` pass and gives the outcomes of those days. Nobody touches anything; the pause at the end only makes log and ledger stand still for
/// the judge, and voids what it interrupts.
async fn unattended(daemon: &Daemon, days: i64) -> Vec<OutcomeRow> {
    let end = daemon.clock().now() + TimeDelta::days(days);
    while daemon.clock().now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let outcomes = daemon.store().read(|mut tx| async move { tx.settled_outcomes(None, None, 100_000).await }).await.expect("readable rows");
    let paused = daemon.pause(Scope::Workspace, "judge".to_owned(), "the time is over".to_owned()).await;
    paused.unwrap_or_else(|error| panic!("{error}"));
    outcomes
}

/// Replays stored rounds, those that decided something first; how many came out the same, and what differed.
async fn replayed(daemon: &Daemon, most: usize) -> (usize, Vec<String>) {
    let store = daemon.store();
    let mut rounds = store.read(|mut tx| async move { tx.rounds(None, None, 100_000).await }).await.expect("readable rows");
    rounds.sort_by_key(|round| round.record.as_deref().is_none_or(|record| record.contains("\"decisions\":[]")));
    let (mut same, mut differences) = (0, Vec::new());
    for round in rounds.iter().take(most) {
        let report = cycle::replay(store, &round.id).await.unwrap_or_else(|error| panic!("{}: {error}", round.id));
        same += usize::from(report.is_same());
        if !report.is_same() {
            differences.push(format!("{}: same view {}, {:?}", round.id, report.same_view, report.differences));
        }
    }
    (same, differences)
}

async fn proven(daemon: &Daemon, outcomes: &[OutcomeRow]) -> Figures {
    let judge = Judge::of(daemon).await;
    let breaches = judge.breaches();
    let figures = Figures::of(daemon, &judge, outcomes).await;
    println!("{figures}");
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
    let report = audit::verify(daemon.store()).await.expect("readable rows");
    assert!(report.is_clean(), "{:?}", report.faults);
    figures
}

/// Rounds of a run that kept its schedules most of the time; a machine that was busy with other things made fewer.
const KEPT_SCHEDULES: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i4_sixty_unattended_days_of_the_shipped_configuration_end_without_a_breach() {
    for rate in [rate(), rate() / 2] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let daemon = started(folder.path(), rate, None, "").await;
        let outcomes = unattended(&daemon, 60).await;
        let figures = proven(&daemon, &outcomes).await;
        let (same, differences) = replayed(&daemon, 20).await;
        daemon.stop().await;
        assert!(differences.is_empty(), "{same} the same; {}", differences.join("\n"));
        // No breach is excused by a slow machine; how much is done in sixty days depends on how many rounds it had time for.
        if figures.rounds < KEPT_SCHEDULES && rate == self::rate() {
            println!("only {} rounds: this machine cannot keep the schedules at this rate, so once more at half of it", figures.rounds);
            continue;
        }
        assert!(same >= 20, "{same} rounds replayed");
        assert!(figures.conflicts >= 5, "{} conflicts", figures.conflicts);
        assert!(figures.tickets.len() >= 2, "kinds of tickets: {:?}", figures.tickets);
        assert!(figures.scored() >= 50, "{} outcomes scored", figures.scored());
        assert!(figures.alone_pct() >= 80.0, "{:.0} % of the adjustments went without a person", figures.alone_pct());
        return;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_replay_of_stored_rounds_on_postgres_gives_the_same_answers_after_twelve_days_with_a_freeze() {
    let Some(bench) = Bench::postgres().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    bench.store.close().await;
    bench.tamper("DELETE FROM meta WHERE key = 'clock_mode'").await.expect("nothing has happened in it yet");
    let freeze = "\n[calendar.stocktaking]\nfrom = \"2026-01-12\"\nto = \"2026-01-13\"\neffect = \"freeze\"\n";
    let daemon = started(folder.path(), rate() / 2, Some(&bench.url), freeze).await;
    let outcomes = unattended(&daemon, 12).await;
    let figures = proven(&daemon, &outcomes).await;
    let (same, differences) = replayed(&daemon, 20).await;
    daemon.stop().await;
    bench.finish().await;
    assert!(figures.applied > 0 && figures.conflicts > 0);
    // How many rounds twelve days hold depends on how busy the machine is; that none of them comes out differently does not.
    assert!(differences.is_empty() && same >= 10, "{same} the same; {}", differences.join("\n"));
}

/// Shares of all requests that go wrong, as a platform on a bad day and more.
const FAULTS: &str = "
[sandbox.faults]
timeout = \"0.5%\"
http_429 = \"3%\"
http_500 = \"2%\"
reset_before = \"1%\"
reset_after = \"2%\"
duplicate = \"2%\"
stale_read = \"2%\"
";

/// The shipped file with a quarter of the quotas, and with two of its accounts in other currencies and zones; each currency is a pool with agents of its own.
fn of_three_currencies(text: String) -> String {
    let (head, tail) = text.split_once("[accounts.meta-main]").expect("the shipped accounts");
    let (meta, tail) = tail.split_once("[accounts.tiktok-main]").expect("the shipped accounts");
    let (tiktok, tail) = tail.split_once("[pools.core]").expect("the shipped pool");
    let in_ = |section: &str, currency: &str, zone: &str| section.replace("\"USD\"", &format!("\"{currency}\"")).replace("America/New_York", zone);
    let tail = tail
        .replace("\"google-main\", \"meta-main\", \"tiktok-main\"", "\"google-main\"")
        .replace("earned_amount = \"250 USD\"", "earned_amount = \"250 units\"")
        .replace("four_eyes_above = \"5000 USD\"", "four_eyes_above = \"5000 units\"")
        .replace("[sandbox]\n", "[sandbox]\nquota = \"25%\"\n");
    let pool = |name: &str, account: &str, zone: &str, currency: &str, daily: i64| {
        let agent = |kind: &str, goal: &str, priority: &str| {
            format!("[agents.{kind}-{name}]\nkind = \"{kind}\"\npool = \"{name}\"\ngoal = \"{goal}\"\npriority = {priority}\nautonomy = \"autonomous\"\n\n")
        };
        let (spend, monthly) = (format!("spend -> {daily} {currency}/day while cpa <= {} {currency}", daily / 60), daily * 54);
        format!(
            "[pools.{name}]\nmembers = {{ accounts = [\"{account}\"], name = \"*\" }}\ntime_zone = \"{zone}\"\ndaily_cap = \"{daily} {currency}\"\nmonthly_cap = \"{monthly} {currency}\"\n\n"
        ) + &agent("scale", &spend, "0.4")
            + &agent("efficiency", "roas >= 2.5", "0.6")
    };
    let (budapest, tokyo) = ("Europe/Budapest", "Asia/Tokyo");
    format!("{head}[accounts.meta-main]{}[accounts.tiktok-main]{}", in_(meta, "HUF", budapest), in_(tiktok, "JPY", tokyo))
        + &pool("hungary", "meta-main", budapest, "HUF", 700_000)
        + &pool("japan", "tiktok-main", tokyo, "JPY", 300_000)
        + "[pools.core]"
        + &tail
}

/// Everything the sandbox wrote down, oldest first.
async fn whole_log(daemon: &Daemon) -> Vec<Value> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let page = call(daemon, "GET", &format!("/_sandbox/log?after={after}&limit=10000"), &Value::Null).await;
        let new = page["rows"].as_array().expect("rows");
        if new.is_empty() {
            return rows;
        }
        rows.extend(new.iter().cloned());
        after = page["next"].as_i64().expect("a number");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_sixty_days_of_faults_short_quotas_and_peoples_edits_lose_nothing_double_nothing_and_fight_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let daemon = started_with(folder.path(), rate() / 2, None, of_three_currencies, FAULTS).await;
    let builders =
        [("google-main", "60 USD"), ("meta-main", "20000 HUF"), ("tiktok-main", "9000 JPY")].map(|(account, budget)| Builder::new(&daemon, account, budget));
    let (_, trees) = tokio::join!(unattended(&daemon, 60), people::trees(&builders));
    // Paused, it sends nothing new and settles by reading what is open.
    call(&daemon, "DELETE", "/_sandbox/faults", &Value::Null).await;
    let settled = eventually("what is open to be settled by reading", Duration::from_secs(30), async || {
        let ledger = Ledger::read(daemon.store()).await;
        let state = call(&daemon, "GET", "/_sandbox/state", &Value::Null).await;
        (ledger.in_flight() == 0 && ledger.differing(&state).is_empty()).then_some(ledger)
    });
    let ledger = settled.await;
    let log = whole_log(&daemon).await;
    let judged = judge_kept(&ledger, &log);
    let throttle = call(&daemon, "GET", "/_sandbox/throttle", &Value::Null).await;
    let mut spoilt: BTreeMap<&str, u32> = BTreeMap::new();
    for row in log.iter().filter(|row| row["source"] == "api") {
        *spoilt.entry(row["fault"].as_str().unwrap_or("none")).or_default() += 1;
    }
    println!("{} requests, {} effects; by fault {spoilt:?}; throttles {}", ledger.dispatches.len(), judged.effective.len(), throttle["announced"]);
    assert!(judged.faults.is_empty(), "{:#?}\n{}", judged.faults, history(&ledger, &log, &judged.faults));
    assert_eq!(throttle["early"], json!([]), "came before the platform had asked");
    assert!(throttle["announced"].as_object().is_some_and(|by| by.len() == 3), "every platform asked for a wait: {throttle}");

    people::proven(&log, &trees);
    let mut edits = 0;
    for row in log.iter().filter(|row| row["source"] == "people" && row["outcome"] == "applied") {
        let account = format!("{}-main", row["platform"].as_str().expect("a platform"));
        let key: EntityKey = format!("{account}:{}:{}", row["level"].as_str().expect("a level"), row["id"].as_str().expect("an id")).parse().expect("a key");
        let holds = daemon.store().read(|mut tx| async move { tx.holds_since(&key, ProductTime::from_ms(0)).await }).await.expect("readable rows");
        assert!(holds.iter().any(|hold| hold.ticket.is_some()), "nobody was asked about {row}");
        edits += 1;
    }
    assert!(edits >= 3, "{edits} edits by people");
    let report = audit::verify(daemon.store()).await.expect("readable rows");
    assert!(report.is_clean(), "{:?}", report.faults);
    daemon.stop().await;
}
