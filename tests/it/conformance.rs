//! Conformance with the platforms' own Python packages: every kind of request our clients send is known to them, and they work against the
//! sandbox. What each script proves stands in `tests/conformance/README.md`.

mod changes;
mod drive;
mod recorder;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adjutant::clock::{Clock, ProductTime};
use adjutant::domain::entity::Platform;
use adjutant::domain::money::Currency;
use adjutant::platforms::ga4::{Ask, Property, PropertySpec};
use adjutant::platforms::{AccountSpec, ConversionRule, ConversionValue, Credentials, Gateway, Limiters, ServiceKey};
use adjutant::sandbox::{Sandbox, SandboxConfig, SandboxProperty, start};
use chrono::{Days, NaiveDate};
use recorder::Recorder;
use tokio::process::Command;

/// Afternoon in New York on 2026-01-05, a Monday.
const START: ProductTime = ProductTime::from_ms(1_767_639_600_000);
/// What a whole script may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How the packages are installed.
const INSTALL: &str = "tests/conformance/install";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// The interpreter that has the packages; `None` after saying what does not run.
fn python() -> Option<PathBuf> {
    let given = std::env::var_os("ADJUTANT_CONFORMANCE_VENV").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/conformance"));
    let read = |path: PathBuf| std::fs::read(path).ok();
    if read(folder.join("installed")).is_some_and(|installed| Some(installed) == read(scripts().join("requirements.txt"))) {
        return Some(folder.join("bin/python"));
    }
    assert!(std::env::var_os("CI").is_none(), "the platforms' Python packages are not installed: {INSTALL}");
    eprintln!("skipped: conformance with the platforms' own Python packages, which are not installed: {INSTALL}");
    None
}

/// Runs one script; its whole output when it fails.
async fn run(python: &Path, script: &str, arguments: &[&str]) {
    let mut command = Command::new(python);
    command.arg(scripts().join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*").kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output()).await.unwrap_or_else(|_| panic!("{script} takes more than {LONGEST:?}"));
    let output = output.expect("python starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}:\n{said}");
    println!("{script}: {}", said.trim());
}

async fn sandbox(clock: &Clock) -> (Sandbox, SandboxConfig) {
    let shop = SandboxProperty::new("123456789", &["purchase".to_owned()], Currency::USD, chrono_tz::Tz::America__New_York);
    let config = SandboxConfig { campaigns: 60, edits_by_people: false, properties: vec![shop], ..SandboxConfig::new(7) };
    (start(config.clone(), clock.clone()).await.expect("a sandbox"), config)
}

fn account(config: &SandboxConfig, platform: Platform) -> &str {
    &config.accounts.iter().find(|account| account.platform == platform).expect("one account a platform").id
}

/// Credentials as real accounts have them, in everything the sandbox lets in.
fn credentials(platform: Platform) -> Credentials {
    match platform {
        Platform::Google => Credentials::Google {
            client_id: "111-abc".to_owned(),
            client_secret: "example".into(),
            refresh_token: "sandbox-refresh".into(),
            login_customer_id: Some("123-456-7890".to_owned()),
            developer_token: Some("example".into()),
        },
        Platform::Meta => Credentials::Meta { access_token: "sandbox-meta".into(), app_secret: Some("example".into()) },
        Platform::Tiktok => Credentials::Tiktok { access_token: "sandbox-tiktok".into(), app_id: "1".to_owned(), secret: None },
    }
}

fn days() -> (NaiveDate, NaiveDate) {
    let today = START.date_in(chrono_tz::Tz::America__New_York);
    (today - Days::new(34), today)
}

/// A gateway behind the recorder.
fn gateway(platform: Platform, platform_id: &str, credentials: Credentials, recorder: &Recorder, clock: &Clock) -> Gateway {
    let spec = AccountSpec {
        account: "main".parse().expect("a literal"),
        platform,
        platform_id: platform_id.to_owned(),
        currency: Currency::USD,
        time_zone: chrono_tz::Tz::America__New_York,
        base_url: Some(recorder.base_url().parse().expect("a URL")),
        credentials,
        conversions: ConversionRule {
            actions: ["purchase", "lead"].map(str::to_owned).to_vec(),
            window: Duration::from_secs(7 * 86_400),
            value: ConversionValue::Reported,
        },
        operations_per_day: None,
    };
    Gateway::new(spec, clock.clone(), &Limiters::new(clock.clone())).expect("a valid spec")
}

/// A GA4 report and what the credentials allow, behind the recorder, signed for by a service account.
async fn measure(recorder: &Recorder, clock: &Clock) {
    let pem = include_str!("../../src/platforms/service_test_key.pem");
    let file = serde_json::json!({ "client_email": "bot@project.iam.gserviceaccount.com", "private_key": pem, "private_key_id": "k1" });
    let key = ServiceKey::read(&file.to_string().into()).expect("a key");
    let spec = PropertySpec {
        name: "shop".to_owned(),
        property: "123456789".to_owned(),
        key_events: vec!["purchase".to_owned()],
        join: "sessionCampaignId".to_owned(),
        base_url: Some(recorder.base_url().parse().expect("a URL")),
        credentials: Credentials::GoogleService { key, login_customer_id: None, developer_token: None },
    };
    let property = Property::new(spec, clock.clone(), &Limiters::new(clock.clone())).expect("a property");
    let (from, to) = days();
    let report = property.report(Ask { from, to, currency: Currency::USD }).await.expect("a report");
    assert!(report.rows.len() > 500);
    assert_eq!(property.access().await.expect("it may be read").missing, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_packages_know_all_that_our_clients_send_and_all_that_the_sandbox_answers_them() {
    let Some(python) = python() else { return };
    let clock = Clock::manual(START);
    let (sandbox, config) = sandbox(&clock).await;
    let recorder = Recorder::before(sandbox.base_url()).await;
    for platform in Platform::ALL {
        let (id, ad_groups) = (account(&config, platform), recorder.ad_groups().await);
        drive::signed(&gateway(platform, id, credentials(platform), &recorder, &clock)).await;
        drive::everything(&gateway(platform, id, Credentials::Sandbox, &recorder, &clock), &clock, &ad_groups, days()).await;
    }
    measure(&recorder, &clock).await;
    // It stays, so that the scripts can be run on it by hand.
    let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance.jsonl");
    std::fs::write(&record, recorder.lines()).expect("a writable folder");
    for script in ["replay.py", "misspell.py"] {
        run(&python, script, &[record.to_str().expect("a plain path")]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_own_clients_list_report_and_update_against_the_sandbox() {
    let Some(python) = python() else { return };
    let clock = Clock::manual(START);
    let (sandbox, config) = sandbox(&clock).await;
    let (from, to) = days();
    let (from, to) = (from.to_string(), to.to_string());
    for (platform, script) in [(Platform::Google, "drive_google.py"), (Platform::Meta, "drive_meta.py"), (Platform::Tiktok, "drive_tiktok.py")] {
        run(&python, script, &[&sandbox.base_url(), account(&config, platform), &from, &to]).await;
    }
    run(&python, "drive_ga4.py", &[&sandbox.base_url(), &config.properties[0].id, &from, &to]).await;
}

#[test]
fn whatever_of_a_gateway_reaches_a_platform_is_driven_for_the_record() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/platforms/gateway.rs")).expect("the gateway's source");
    let reaching: Vec<&str> = source.split("pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).collect();
    assert_eq!(
        BTreeSet::from_iter(reaching),
        BTreeSet::from(drive::DRIVEN),
        "drive what is new in `drive::everything`, and name its requests in tests/conformance/kinds.txt"
    );
}
