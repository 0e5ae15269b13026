//! A daemon whose platforms give little: ordinary work stops in time, nothing comes before it may, a person's stop gets through. And credentials that
//! end: people know before.

use adjutant::domain::entity::RunStatus;
use adjutant::domain::ids::AccountId;
use adjutant::domain::scope::Scope;
use adjutant::supervisor::control::{Control, ControlError, Inquiry, Looser};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::running::{LogRow, NO_PEOPLE, NOON, PATIENCE, Running, altered, eventually};

const QUARTER: (&str, &str) = ("[sandbox]\n", "[sandbox]\nquota = \"25%\"\n");
/// What a quarter is, said where the daemon can know it.
const KNOWN: (&str, &str) = ("id = \"100-100-1001\"\n", "id = \"100-100-1001\"\noperations_per_day = 3750\n");

fn google() -> AccountId {
    "google-main".parse().expect("a name")
}

async fn throttle(running: &Running) -> Value {
    running.call("GET", "/_sandbox/throttle", &Value::Null).await
}

/// Asks Google for everything until ordinary work gets nothing any more; in whose words.
async fn used_up(running: &Running) -> String {
    let mut last = String::new();
    for _ in 0..3_000 {
        match running.daemon.inquire(google(), Inquiry::Structure).await {
            Ok(_) => {}
            Err(ControlError::Unavailable(why)) => return why,
            Err(other) => last = other.to_string(),
        }
    }
    panic!("no end of it: {last}");
}

/// A person stops the delivery of a running campaign of an account; the row of the platform's log that shows it.
async fn stop(running: &Running, account: &str) -> LogRow {
    let runs = |campaign: &&adjutant::domain::entity::Campaign| campaign.key.account.as_str() == account && campaign.status == RunStatus::Active;
    let key = running.campaigns().iter().find(runs).expect("a campaign that runs").key.clone();
    running.daemon.stop_delivery(Scope::Campaign(key.clone()), "ann".to_owned(), "enough".to_owned()).await.expect("taken on");
    eventually("the platform to have stopped it", PATIENCE, async || {
        let stopped = |row: &LogRow| row.key() == key.to_string() && row.field == "status" && row.took_effect();
        running.log().await.into_iter().find(stopped)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_stops_delivery_from_the_reserve_when_ordinary_work_has_used_its_share_of_a_quarter_of_the_quota() {
    let running = Running::start(&altered(&[NO_PEOPLE, QUARTER, KNOWN])).await;
    let why = used_up(&running).await;
    assert!(why.contains("3750 operations a day"), "{why}");
    let row = stop(&running, "google-main").await;
    assert_eq!(row.new.as_deref(), Some("paused"));
    let told = throttle(&running).await;
    assert_eq!((&told["early"], &told["announced"]["google"]), (&json!([]), &Value::Null), "Google never had to refuse");
    let accounts = running.daemon.accounts();
    let status = accounts.iter().find(|status| status.account == google()).expect("an account");
    assert!(status.least_left().expect("it is counted").contains("3750 operations a day"), "{:?}", status.left);
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_meets_googles_refusal_comes_back_no_sooner_than_asked_and_the_other_platforms_go_on() {
    let running = Running::start(&altered(&[NO_PEOPLE, QUARTER])).await;
    let used = throttle(&running).await["used"]["google project"].as_u64().expect("a count");
    let operation = json!({ "create": { "name": "x", "amountMicros": "1000000", "deliveryMethod": "STANDARD", "explicitlyShared": false } });
    let operations = vec![operation; usize::try_from(3_750 - used).expect("few")];
    // Another tool of the same project: what it leaves is nothing.
    let other = json!({ "operations": operations, "validateOnly": true });
    running.call("POST", "/v26/customers/1001001001/campaignBudgets:mutate", &other).await;
    let before = throttle(&running).await;
    assert_eq!(before["used"]["google project"], json!(3_750), "{before}");
    used_up(&running).await;
    stop(&running, "meta-main").await;
    stop(&running, "tiktok-main").await;
    let told = throttle(&running).await;
    assert!(told["announced"]["google"].as_u64().is_some_and(|refusals| refusals >= 1), "{told}");
    assert_eq!(told["early"], json!([]));
    // The stop waits while Google refuses, and goes with the next day's first operations.
    running.clock.advance(TimeDelta::hours(25));
    stop(&running, "google-main").await;
    assert_eq!(throttle(&running).await["early"], json!([]));
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_goes_on_with_what_was_counted_before() {
    let text = altered(&[NO_PEOPLE, QUARTER, KNOWN]);
    let running = Running::start(&text).await;
    let left = |running: &Running| {
        let accounts = running.daemon.accounts();
        let status = accounts.iter().find(|status| status.account == google()).expect("an account");
        status.left.iter().find(|(what, _)| what.contains("operations a day")).expect("it is counted").1
    };
    for _ in 0..60 {
        running.daemon.inquire(google(), Inquiry::Structure).await.expect("a structure");
    }
    let before = left(&running);
    assert!(before < 0.97, "{before}");
    let running = running.stop().await.start(&text, Looser::Refuse).await;
    assert!(left(&running) <= before, "{} of {before}", left(&running));
    running.clock.advance(TimeDelta::hours(26));
    eventually("a new day's operations", PATIENCE, async || (left(&running) > before).then_some(())).await;
    running.daemon.stop().await;
}

/// `[accounts.NAME]` signing in with what stands in files of `folder`.
fn signing_in(folder: &tempfile::TempDir, account: &str, secrets: &[(&str, &str)]) -> String {
    let at = folder.path().display();
    let refer = |(name, secret): &(&str, &str)| {
        std::fs::write(folder.path().join(name), secret).expect("writable");
        format!("{name} = \"file:{at}/{name}\"")
    };
    let table = secrets.iter().map(refer).collect::<Vec<_>>().join(", ");
    let text = altered(&[NO_PEOPLE, ("campaigns = 24", "campaigns = 9")]);
    let (before, after) = text.split_once(&format!("[accounts.{account}]")).expect("the account");
    format!("{before}[accounts.{account}]{}", after.replacen("credentials = \"sandbox\"", &format!("credentials = {{ {table} }}"), 1))
}

async fn about(running: &Running, subject: &str) -> Vec<adjutant::store::alert::AlertRow> {
    running.alerts().await.into_iter().filter(|alert| alert.kind == "credentials" && alert.subject.starts_with(subject)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_a_week_and_a_day_before_metas_token_ends_and_once_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let ends = NOON + TimeDelta::hours(6 * 24 + 12);
    let token = format!("sandbox-ends-{}", ends.ms() / 1_000);
    let text = signing_in(&folder, "meta-main", &[("access_token", &token), ("app_secret", "sandbox-secret")]);
    let running = Running::start(&text).await;
    let week = eventually("the first alert", PATIENCE, async || about(&running, "meta-main").await.into_iter().next()).await;
    assert!(week.title.contains("within a week") && week.title.contains(&ends.to_string()), "{}", week.title);
    running.daemon.acknowledge(week.id, "ann".to_owned()).await.expect("noted");
    running.next_day().await;
    assert_eq!(about(&running, "meta-main").await.len(), 1, "said once");
    let running = running.stop().await.start(&text, Looser::Refuse).await;
    running.next_day().await;
    assert_eq!(about(&running, "meta-main").await.len(), 1, "also after a restart");
    running.clock.set(ends - TimeDelta::hours(10));
    let told = eventually("the second alert", PATIENCE, async || Some(about(&running, "meta-main").await).filter(|told| told.len() == 2)).await;
    assert!(told.iter().any(|alert| alert.title.contains("within a day")), "{told:?}");
    running.clock.set(ends + TimeDelta::hours(1));
    eventually("the refusal to be told", PATIENCE, async || about(&running, "meta-main").await.into_iter().find(|alert| alert.title.contains("refuses"))).await;
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_google_takes_no_more_is_told_of_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = signing_in(&folder, "google-main", &[("client_id", "111-abc"), ("client_secret", "GOCSPX-x"), ("refresh_token", "revoked")]);
    let text = text.replacen(&format!("client_id = \"file:{}/client_id\"", folder.path().display()), "client_id = \"111-abc\"", 1);
    let running = Running::start_unread(&text).await;
    let told = eventually("an alert", PATIENCE, async || about(&running, "google-main").await.into_iter().next()).await;
    assert!(told.title.contains("refuses the credentials"), "{}", told.title);
    running.clock.advance(TimeDelta::hours(3));
    eventually("it to be counted", PATIENCE, async || about(&running, "google-main").await.into_iter().find(|alert| alert.times > 1)).await;
    assert_eq!(about(&running, "google-main").await.len(), 1);
    running.daemon.stop().await;
}
