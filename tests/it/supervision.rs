//! The daemon around the one path: configurations that come and go, databases it must not touch, platforms that fail, people who edit, answer and
//! take back, and somebody who wants to be told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adjutant::clock::Clock;
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::RunStatus;
use adjutant::domain::scope::Scope;
use adjutant::domain::ticket::{Role, TicketKind, TicketState};
use adjutant::domain::verdict::Ruling;
use adjutant::ledger::audit;
use adjutant::store::hold::HoldRow;
use adjutant::store::{StoreError, ticket::TicketRow};
use adjutant::supervisor::control::{Control, ControlError, Looser, Reply};
use adjutant::supervisor::daemon::DaemonError;
use adjutant::tickets::Content;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::running::{LogRow, NO_CAP, NO_PEOPLE, NO_QUESTIONS, PATIENCE, ROOM_TO_GROW, Running, altered, eventually, launch, set, status};

/// Fewer campaigns, where which they are does not matter.
const FEW: (&str, &str) = ("campaigns = 24", "campaigns = 9");

fn rewrite(running: &Running, text: &str) {
    std::fs::write(running.folder().join("agents.toml"), text).expect("a writable folder");
}

fn is_refused(result: &Result<Vec<String>, ControlError>, with: &str) -> bool {
    matches!(result, Err(ControlError::Refused { code, .. }) if code == with)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valid_file_is_put_in_force_whole_and_says_what_it_changed() {
    let running = Running::start(&altered(&[NO_PEOPLE, ROOM_TO_GROW])).await;
    let before = (running.daemon.policy(), running.log().await.len());
    rewrite(&running, &altered(&[NO_PEOPLE, ROOM_TO_GROW, ("step = \"20%\"", "step = \"10%\""), ("step = \"15%\"", "step = \"8%\"")]));
    let diff = running.daemon.reload("ann".into(), Looser::Refuse).await.expect("a tighter file is taken");
    assert!(diff.iter().any(|line| line.contains("step") && line.contains("10")), "{diff:?}");
    let now = running.daemon.policy();
    assert!(now.version == before.0.version + 1 && now.hash != before.0.hash);
    running.acting().await;
    for _ in 0..6 {
        running.next_day().await;
    }
    let steps: Vec<_> = running.log().await.split_off(before.1).iter().filter_map(LogRow::micros).collect();
    assert!(!steps.is_empty(), "nothing acts under the new policy");
    for (old, new) in steps {
        assert!((new - old).abs() * 100 <= old * 10, "{old} -> {new} is more than the new step");
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_file_changes_nothing_and_raises_an_alert() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let before = running.daemon.policy();
    rewrite(&running, &altered(&[NO_PEOPLE, FEW, ("step = \"20%\"", "stepp = \"5%\""), ("priority = 0.4", "priority = 0.3")]));
    let refused = running.daemon.reload("ann".into(), Looser::Confirmed).await;
    assert!(is_refused(&refused, "CONFIG") && refused.expect_err("refused").to_string().contains("stepp"));
    assert_eq!(running.daemon.policy(), before, "half a file was taken");
    let alert = running.alerts().await.into_iter().find(|alert| alert.kind == "config").expect("an alert");
    assert!(alert.title.contains("stepp") && alert.title.contains("ann"), "{}", alert.title);
    running.next_day().await;
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looser_file_is_refused_with_what_it_loosens_until_somebody_confirms_it() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let before = running.daemon.policy();
    rewrite(&running, &altered(&[NO_PEOPLE, FEW, ("daily_cap = \"6000 USD\"", "daily_cap = \"9000 USD\"")]));
    let refused = running.daemon.reload("ann".into(), Looser::Refuse).await;
    assert!(is_refused(&refused, "LOOSER"), "{refused:?}");
    let why = refused.expect_err("refused").to_string();
    assert!(why.contains("pools.core.daily_cap") && why.contains("6000") && why.contains("9000"), "{why}");
    assert_eq!(running.daemon.policy(), before);
    let diff = running.daemon.reload("ann".into(), Looser::Confirmed).await.expect("confirmed");
    assert!(diff.iter().any(|line| line.contains("daily_cap")), "{diff:?}");
    assert_eq!(running.daemon.policy().policy.pools.values().next().expect("a pool").daily_cap, "9000 USD".parse().expect("money"));
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_tokens_away_and_gives_none() {
    let kept = tempfile::tempdir().expect("a folder");
    for name in ["ann", "bob", "eve"] {
        std::fs::write(kept.path().join(name), name.repeat(20)).expect("writable");
    }
    let at = kept.path().display();
    let token = |name: &str, role: &str| format!("\n[[admin.tokens]]\nname = \"{name}\"\nrole = \"{role}\"\nsecret = \"file:{at}/{name}\"\n");
    let plain = altered(&[NO_PEOPLE, FEW]);
    let running = Running::start(&format!("{plain}{}{}", token("ann", "admin"), token("bob", "approver"))).await;
    let tokens = || running.daemon.policy().policy.tokens.clone();
    rewrite(&running, &format!("{plain}{}{}", token("ann", "admin"), token("bob", "viewer")));
    running.daemon.reload("ann".into(), Looser::Refuse).await.expect("a token that may do less");
    assert_eq!(tokens()["bob"], Role::Viewer);
    rewrite(&running, &format!("{plain}{}", token("ann", "admin")));
    running.daemon.reload("ann".into(), Looser::Refuse).await.expect("a token taken away");
    assert_eq!(tokens().into_keys().collect::<Vec<_>>(), ["ann"]);
    for more in [token("ann", "admin") + &token("bob", "viewer"), token("ann", "admin").replace(&format!("{at}/ann"), &format!("{at}/eve"))] {
        rewrite(&running, &format!("{plain}{more}"));
        assert!(is_refused(&running.daemon.reload("ann".into(), Looser::Confirmed).await, "RESTART"), "{more}");
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_a_looser_file_is_refused_until_somebody_confirms_it() {
    let (tight, loose) = (altered(&[NO_PEOPLE, FEW]), altered(&[NO_PEOPLE, FEW, ("step = \"20%\"", "step = \"30%\"")]));
    let running = Running::start(&tight).await;
    let stopped = running.stop().await;
    let refused = stopped.refused(&loose, Some(stopped.clock.clone())).await;
    assert!(matches!(&refused, DaemonError::Looser(found) if found.iter().any(|line| line.contains("step"))), "{refused}");
    assert!(refused.to_string().contains("--accept-looser"), "{refused}");
    let stopped = stopped.start(&loose, Looser::Confirmed).await.stop().await;
    // What was confirmed is what the next start is compared with.
    stopped.start(&loose, Looser::Refuse).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_agent_stays_terminated_whatever_the_file_says() {
    let text = altered(&[NO_PEOPLE, FEW]);
    let running = Running::start(&text).await;
    running.quiet().await;
    running.daemon.terminate("scale".parse().expect("a name"), "ann".into(), "enough".into()).await.expect("terminated");
    let by_scale = async |running: &Running| running.decisions().await.iter().filter(|(row, _)| row.actor == "scale").count();
    let before = by_scale(&running).await;
    running.daemon.reload("ann".into(), Looser::Refuse).await.expect("the same file");
    let running = running.stop().await.start(&text, Looser::Refuse).await;
    let resumed = running.daemon.resume(Scope::Agent("scale".parse().expect("a name")), "ann".into(), String::new()).await;
    assert!(matches!(&resumed, Err(ControlError::Refused { why, .. }) if why.contains("terminated")), "{resumed:?}");
    running.next_day().await;
    running.next_day().await;
    assert_eq!(by_scale(&running).await, before, "it proposed after its end");
    assert!(!running.log().await.is_empty(), "the other agent goes on");
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_database_is_told_to_go() {
    let text = altered(&[NO_PEOPLE, FEW]);
    let running = Running::start(&text).await;
    let refused = launch(running.folder(), &text, Some(running.clock.clone()), Looser::Refuse).await.err().expect("refused");
    let said = refused.to_string();
    assert!(said.starts_with("LOCKED: another adjutant") && said.contains("stop it"), "{said}");
    running.next_day().await;
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_clock_or_of_a_newer_build_is_left_alone() {
    let text = altered(&[NO_PEOPLE, FEW]);
    let running = Running::start(&text).await;
    let stopped = running.stop().await;
    let lapse = stopped.refused(&text, None).await;
    assert!(lapse.to_string().starts_with("CLOCK_MODE:") && lapse.to_string().contains("Manual"), "{lapse}");
    let file = stopped.folder().join("state").join("adjutant.db");
    let mut db = <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite:{}", file.display())).await.expect("a database");
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9001, 'later', TRUE, x'00', 1)";
    sqlx::query(newer).execute(&mut db).await.expect("tampered");
    sqlx::Connection::close(db).await.expect("closed");
    let refused = stopped.refused(&text, Some(stopped.clock.clone())).await.to_string();
    assert!(refused.starts_with("NEWER_SCHEMA:") && refused.contains("9001"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_platform_is_out_of_reach_stands_still_and_the_others_go_on() {
    let running = Running::start(&altered(&[NO_PEOPLE, ROOM_TO_GROW, NO_CAP, NO_QUESTIONS])).await;
    let before = running.log().await.len();
    running.faults(json!([{ "platform": "tiktok", "kind": "reset_before" }])).await;
    running.watched_days().await;
    let log = running.log().await.split_off(before);
    assert!(log.iter().all(|row| row.account != "7000000000000000001"), "an account nobody can read was written");
    assert!(log.iter().any(|row| row.account == "act_1001") && log.iter().any(|row| row.account == "1001001001"), "the others stood still, too");
    let alert = running.alerts().await.into_iter().find(|alert| alert.kind == "gap" && alert.subject == "tiktok-main").expect("an alert");
    assert!(alert.title.contains("cannot be read"), "{}", alert.title);
    let status = running.daemon.accounts().into_iter().find(|account| account.account.as_str() == "tiktok-main").expect("it is listed");
    assert!(status.last_error.is_some(), "{status:?}");
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_delivery_reaches_the_platforms_that_answer_although_one_does_not() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let before = running.log().await.len();
    running.faults(json!([{ "platform": "google", "kind": "reset_before" }])).await;
    let stopped = running.daemon.stop_delivery(Scope::Workspace, "ann".into(), "all of it".into()).await.expect("an answer");
    assert!(!stopped.answers.is_empty());
    assert_eq!(stopped.unreached.iter().map(|one| one.account.as_str()).collect::<Vec<_>>(), ["google-main"]);
    let running_on = |account: &str| running.campaigns().iter().filter(|one| one.key.account.as_str() == account && one.status == RunStatus::Active).count();
    eventually("Meta and TikTok deliver nothing", PATIENCE, async || (running_on("meta-main") + running_on("tiktok-main") == 0).then_some(())).await;
    assert!(running.log().await.split_off(before).iter().all(|row| row.account != "1001001001"));
    running.faults(json!([])).await;
    eventually("Google delivers nothing either, once it answers", PATIENCE, async || (running_on("google-main") == 0).then_some(())).await;
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_stop_waits_neither_for_a_platform_that_hangs_nor_for_a_round_that_waits_for_it() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    running.faults(json!([{ "platform": "google", "kind": "slow", "delay_ms": 25_000 }])).await;
    running.daemon.trigger("core".parse().expect("a name"), "ann".into()).await.expect("a round that waits for Google");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (clock, google) = (Clock::real(), Scope::Account("google-main".parse().expect("a name")));
    let began = clock.instant();
    running.daemon.pause(google.clone(), "ann".into(), String::new()).await.expect("paused");
    let paused = clock.instant().duration_since(began);
    assert!(paused < Duration::from_secs(2), "a pause took {paused:?}");
    running.daemon.resume(google, "ann".into(), String::new()).await.expect("resumed");
    let began = clock.instant();
    let stopped = running.daemon.stop_delivery(Scope::Workspace, "ann".into(), "all of it".into()).await.expect("an answer");
    let took = clock.instant().duration_since(began);
    assert!(took < Duration::from_secs(6), "a stop took {took:?}");
    let [google] = stopped.unreached.as_slice() else { panic!("{:?}", stopped.unreached) };
    assert!(google.account.as_str() == "google-main" && google.why.contains("within 2s"), "{google:?}");
    let running_on = |account: &str| running.campaigns().iter().filter(|one| one.key.account.as_str() == account && one.status == RunStatus::Active).count();
    eventually("Meta and TikTok deliver nothing", Duration::from_secs(10), async || (running_on("meta-main") + running_on("tiktok-main") == 0).then_some(()))
        .await;
    assert!(running_on("google-main") > 0, "Google answers nothing yet");
    running.faults(json!([])).await;
    eventually("Google delivers nothing either, once it answers", PATIENCE, async || (running_on("google-main") == 0).then_some(())).await;
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_not_what_the_file_says_is_frozen_with_a_ticket() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let shipped = altered(&[NO_PEOPLE, FEW]);
    let at = shipped.find("[accounts.tiktok-main]").expect("the account");
    let moved = format!("{}{}", &shipped[..at], shipped[at..].replacen("time_zone = \"America/New_York\"", "time_zone = \"Europe/Berlin\"", 1));
    rewrite(&running, &moved);
    running.daemon.reload("ann".into(), Looser::Confirmed).await.expect("confirmed");
    let ticket = eventually("a ticket about the account", PATIENCE, async || {
        running.tickets().await.into_iter().find(|ticket| ticket.kind == TicketKind::Anomaly && ticket.subject == "account tiktok-main")
    })
    .await;
    assert!(ticket.payload.contains("Europe/Berlin") && ticket.payload.contains("America/New_York"), "{}", ticket.payload);
    running.acting().await;
    let before = running.log().await.len();
    running.next_day().await;
    let budget = running.steerable("tiktok-main").remove(0);
    let answers = running.ask("ann", vec![set(&budget, 95)]).await.expect("an answer");
    assert!(answers[0].verdicts.iter().any(|verdict| verdict.rule == "FROZEN_ACCOUNT" && verdict.ruling == Ruling::Deny), "{answers:?}");
    assert!(running.log().await.split_off(before).iter().all(|row| row.account != "7000000000000000001"));
    running.daemon.stop().await;
}

async fn of_kind(running: &Running, kind: TicketKind) -> Option<TicketRow> {
    running.tickets().await.into_iter().find(|ticket| ticket.kind == kind)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_credentials_are_asked_about_once_and_not_tried_again_and_again() {
    let text = altered(&[NO_PEOPLE, FEW]) + "\n[sandbox.faults]\nrevoked_token = \"100%\"\n";
    let running = Running::start_unread(&text).await;
    eventually("a ticket", PATIENCE, async || of_kind(&running, TicketKind::CredentialTrouble).await).await;
    // Product time stands still: whatever is tried meanwhile is tried without a schedule's asking.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tickets: Vec<_> = running.tickets().await.into_iter().filter(|ticket| ticket.kind == TicketKind::CredentialTrouble).collect();
    assert_eq!(tickets.len(), 3, "one for each account: {tickets:?}");
    assert!(tickets.iter().all(|ticket| ticket.state == "open" && ticket.owner == Role::Admin));
    for alert in running.alerts().await.into_iter().filter(|alert| alert.kind == "credentials") {
        assert!(alert.times <= 12, "{} was tried {} times within seconds", alert.subject, alert.times);
    }
    assert_eq!(running.alerts().await.iter().filter(|alert| alert.kind == "credentials").count(), 3);
    assert!(running.daemon.accounts().iter().all(|account| !account.acting) && running.log().await.is_empty());
    running.faults(json!([])).await;
    running.clock.advance(chrono::TimeDelta::hours(1));
    running.acting().await;
    running.daemon.stop().await;
}

async fn holds(running: &Running) -> Vec<HoldRow> {
    let rows: Result<_, StoreError> = running.daemon.store().read(|mut tx| async move { tx.open_holds(None).await }).await;
    rows.expect("readable rows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_change_on_the_platform_is_asked_about_and_never_overwritten() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    // One that the agents would cut every day.
    let name = |budget: &adjutant::domain::entity::Budget| running.campaign(&budget.budget.members[0]).name;
    let budget = running.steerable("google-main").into_iter().find(|budget| name(budget).starts_with("Clearance")).expect("it runs");
    let key = budget.budget.key.clone();
    let before = running.log().await.len();
    running.edit(&key, json!({ "budget": "222.00 USD" })).await;
    running.clock.advance(chrono::TimeDelta::hours(1));
    let ticket = eventually("a ticket about the edit", PATIENCE, async || of_kind(&running, TicketKind::ChangedElsewhere).await).await;
    assert_eq!(ticket.subject, key.to_string());
    assert!(running.alerts().await.iter().any(|alert| alert.kind == "changed_elsewhere"));
    assert!(holds(&running).await.iter().any(|hold| hold.entity == key));
    running.next_day().await;
    running.next_day().await;
    let ours: Vec<_> = running.log().await.split_off(before).into_iter().filter(|row| row.key() == key.to_string()).collect();
    assert!(ours.is_empty(), "a person's value was written over: {ours:?}");
    assert_eq!(running.budget(&key).amount, "222 USD".parse().expect("money"));
    // After three days without an answer the person's value is the new starting point.
    running.watched_days().await;
    assert!(holds(&running).await.iter().all(|hold| hold.entity != key));
    let next = running.log().await.split_off(before).into_iter().find(|row| row.key() == key.to_string()).expect("it is looked after again");
    assert_eq!(next.micros().map(|(old, _)| old), Some(222_000_000));
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_author_of_an_edit_stands_on_its_ticket_as_soon_as_google_tells() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    let budgets = running.steerable("google-main");
    let (key, other) = (budgets[0].budget.key.clone(), running.campaign(&budgets[1].budget.members[0]));
    running.edit(&key, json!({ "budget": "222.00 USD" })).await;
    // Somebody's change elsewhere has the account read at once, before Google's history knows of the edit.
    running.ask("ann", vec![status(&other, RunStatus::Paused)]).await.expect("taken on");
    let title = async || {
        let ticket = of_kind(&running, TicketKind::ChangedElsewhere).await?;
        Some(Content::of(&ticket).expect("a readable ticket").title)
    };
    let first = eventually("a ticket about the edit", PATIENCE, title).await;
    assert!(first.starts_with("Somebody set the budget"), "{first}");
    running.clock.advance(chrono::TimeDelta::minutes(6));
    eventually("its author", PATIENCE, async || title().await.filter(|title| title.starts_with("person@shop.example set the budget"))).await;
    let held: Vec<HoldRow> = holds(&running).await.into_iter().filter(|hold| hold.entity == key).collect();
    assert!(matches!(held.as_slice(), [hold] if hold.reason.starts_with("person@shop.example")), "{held:?}");
    running.daemon.stop().await;
}

fn reply(by: &str) -> Reply {
    Reply { by: by.into(), role: Role::Approver, seen: None, note: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_an_approved_change_is_carried_out_once_and_exactly_as_approved() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    for (budget, patience) in running.steerable("meta-main").into_iter().zip([1, 2]) {
        let (key, before) = (budget.budget.key.to_string(), running.log().await.len());
        let answers = running.ask("ann", vec![set(&budget, 145)]).await.expect("an answer");
        assert_eq!(answers[0].state, DecisionState::Escalated, "{answers:?}");
        let ticket = answers[0].ticket.expect("a question");
        running.quiet().await;
        assert!(running.log().await.split_off(before).iter().all(|row| row.key() != key), "it was carried out before anybody agreed");
        // Two people agree at the same moment, or one twice: it counts once.
        let (first, second) = if patience == 1 {
            tokio::join!(running.daemon.approve(ticket, reply("bob")), running.daemon.approve(ticket, reply("cid")))
        } else {
            (running.daemon.approve(ticket, reply("bob")).await, running.daemon.approve(ticket, reply("bob")).await)
        };
        assert_eq!([&first, &second].iter().filter(|answer| answer.is_ok()).count(), 1, "{first:?} {second:?}");
        assert!([first, second].into_iter().flatten().all(|state| matches!(state, TicketState::Approved { .. })));
        running.quiet().await;
        running.daemon.trigger("core".parse().expect("a name"), "ann".into()).await.expect("asked for");
        tokio::time::sleep(Duration::from_millis(500)).await;
        running.quiet().await;
        let writes: Vec<_> = running.log().await.split_off(before).into_iter().filter(|row| row.key() == key).filter_map(|row| row.micros()).collect();
        let to = budget.amount.micros() / 100 * 145 / budget.unit.micros() * budget.unit.micros();
        assert_eq!(writes, [(budget.amount.micros(), to)], "{key}");
        let later = running.daemon.approve(ticket, reply("dan")).await;
        assert!(matches!(&later, Err(ControlError::Refused { code, .. }) if code == "TICKET_CLOSED"), "{later:?}");
    }
    assert!(audit::verify(running.daemon.store()).await.expect("readable rows").is_clean());
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_a_refused_change_and_one_whose_ground_has_moved_are_never_carried_out() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let before = running.log().await.len();
    let [one, other] = running.steerable("google-main").into_iter().take(2).collect::<Vec<_>>().try_into().expect("two");
    let ask = async |budget| running.ask("ann", vec![set(budget, 145)]).await.expect("an answer")[0].ticket.expect("a question");
    let (refused, moved) = (ask(&one).await, ask(&other).await);
    assert!(matches!(running.daemon.reject(refused, reply("bob")).await, Ok(TicketState::Rejected { .. })));
    assert!(running.daemon.approve(refused, reply("cid")).await.is_err());
    running.edit(&other.budget.key, json!({ "budget": "91.00 USD" })).await;
    running.clock.advance(chrono::TimeDelta::hours(1));
    eventually("the edit to be seen", PATIENCE, async || of_kind(&running, TicketKind::ChangedElsewhere).await).await;
    let answer = running.daemon.approve(moved, reply("bob")).await;
    assert!(!matches!(answer, Ok(TicketState::Approved { .. })) || running.log().await.len() == before, "{answer:?}");
    running.quiet().await;
    let keys = [one.budget.key.to_string(), other.budget.key.to_string()];
    assert!(running.log().await.split_off(before).iter().all(|row| !keys.contains(&row.key())), "what nobody agreed to was carried out");
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_brings_the_old_value_back_once_and_is_itself_a_decision() {
    let running = Running::start(&altered(&[NO_PEOPLE, FEW])).await;
    let budget = running.steerable("tiktok-main").remove(0);
    let done = running.ask("ann", vec![set(&budget, 90)]).await.expect("an answer").remove(0);
    running.quiet().await;
    assert!(running.budget(&budget.budget.key).amount.micros() < budget.amount.micros());
    let undone = running.daemon.undo(done.decision, "bob".into()).await.expect("undone");
    running.quiet().await;
    assert_eq!(running.budget(&budget.budget.key).amount, budget.amount);
    let row = running.decision(undone.decision).await;
    assert_eq!((row.undoes, row.actor.as_str(), row.state), (Some(done.decision), "bob", DecisionState::Applied));
    let again = running.daemon.undo(done.decision, "bob".into()).await;
    assert!(matches!(&again, Err(ControlError::Refused { code, .. }) if code == "UNDO_DONE"), "{again:?}");
    running.daemon.stop().await;
}

/// What a webhook was told: headers by name, and the body.
type Told = Arc<Mutex<Vec<(BTreeMap<String, String>, Vec<u8>)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_told_of_an_alert_with_a_signature_it_can_check_until_it_has_taken_it() {
    let told = Told::default();
    let kept = Arc::clone(&told);
    let hear = move |headers: HeaderMap, body: Bytes| async move {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let mut told = kept.lock().expect("nobody panicked");
        told.push((headers.collect(), body.to_vec()));
        // The first time it is busy.
        if told.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/hook", axum::routing::post(hear))).await });
    let secret = "a secret that only we two know";
    let kept = tempfile::tempdir().expect("a folder");
    let file = kept.path().join("hook_secret");
    std::fs::write(&file, secret).expect("writable");
    let text = altered(&[NO_PEOPLE, FEW, NO_QUESTIONS])
        + &format!("\n[notify.ops]\nkind = \"webhook\"\nurl = \"http://{at}/hook\"\nsecret = \"file:{}\"\n", file.display());
    let running = Running::start(&text).await;
    rewrite(&running, "this is no configuration");
    assert!(running.daemon.reload("ann".into(), Looser::Refuse).await.is_err());
    // Agents may have something to tell of meanwhile.
    let about_config = || {
        let told = told.lock().expect("nobody panicked");
        told.iter().filter(|(_, body)| String::from_utf8_lossy(body).contains("\"config\"")).cloned().collect::<Vec<_>>()
    };
    eventually("the alert, twice", PATIENCE, async || (about_config().len() >= 2).then_some(())).await;
    let told = about_config();
    for (headers, body) in &told {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(headers["x-adjutant-timestamp"].as_bytes());
        mac.update(b".");
        mac.update(body);
        let expected = mac.finalize().into_bytes().iter().fold(String::from("v1="), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(headers["x-adjutant-signature"], expected);
        let sent: i64 = headers["x-adjutant-timestamp"].parse().expect("seconds");
        assert!((Clock::real().wall().ms() / 1_000 - sent).abs() < 300);
        let notice: Value = serde_json::from_slice(body).expect("json");
        assert_eq!((&notice["kind"], &notice["sandbox"]), (&json!("config"), &json!(true)));
        assert!(!String::from_utf8_lossy(body).contains(secret));
    }
    assert_eq!(told[0].0["x-adjutant-id"], told[1].0["x-adjutant-id"], "a receiver must be able to drop what it has");
    running.daemon.stop().await;
}
