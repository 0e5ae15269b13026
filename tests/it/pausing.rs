//! A pause is silence, judged by the platforms' own log on one clock with the daemon; and what is paused, broken or not configured never acts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use adjutant::agents::{self, AgentInput};
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::{EntityKey, RunStatus};
use adjutant::domain::money::Money;
use adjutant::domain::proposal::Proposal;
use adjutant::domain::scope::Scope;
use adjutant::domain::verdict::Ruling;
use adjutant::store::StoreError;
use adjutant::supervisor::agents::Mind;
use adjutant::supervisor::control::{AgentState, Control, ControlError, Looser};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::running::{self, LogRow, NO_CAP, NO_PEOPLE, NO_QUESTIONS, NOON, PATIENCE, ROOM_TO_GROW, Running, altered, eventually, set, status};

/// Trials of each scope.
const TRIALS: usize = 50;
/// How long nothing may arrive before the next trial begins: many times what a write takes.
const SILENCE: Duration = Duration::from_millis(80);

fn account(name: &str) -> Scope {
    Scope::Account(name.parse().expect("a name"))
}

fn core() -> Scope {
    Scope::Pool("core".parse().expect("a name"))
}

fn named_agent(name: &str) -> Scope {
    Scope::Agent(name.parse().expect("a name"))
}

/// When a scope was silent: from the moment its pause had returned until its resume was asked for.
struct Silent {
    scope: Scope,
    from_ms: i64,
    until_ms: i64,
    /// Writes that waited when the pause returned.
    held_back: usize,
}

async fn pause(running: &Running, scope: &Scope) -> i64 {
    running.daemon.pause(scope.clone(), "ann".into(), "a trial".into()).await.unwrap_or_else(|error| panic!("{scope}: {error}"));
    running.clock.wall().ms()
}

async fn resume(running: &Running, scope: &Scope) {
    running.daemon.resume(scope.clone(), "ann".into(), "the trial is over".into()).await.unwrap_or_else(|error| panic!("{scope}: {error}"));
}

/// How many decisions of a scope may still be sent.
async fn waiting(running: &Running, inside: impl Fn(&EntityKey) -> bool) -> usize {
    let rows = running.decisions_in("authorised").await;
    rows.iter().filter(|row| row.entity.as_ref().is_some_and(&inside)).count()
}

/// Whether a write lies inside a scope. Pool and workspace hold everything here, and an agent what it alone writes.
fn inside(scope: &Scope, row: &LogRow, purses: &BTreeMap<String, Vec<String>>) -> bool {
    match scope {
        Scope::Workspace | Scope::Pool(_) | Scope::Agent(_) => true,
        Scope::Account(account) => row.key().starts_with(&format!("{account}:")),
        Scope::Campaign(key) => row.key() == key.to_string() || purses.get(&row.key()).is_some_and(|members| members.contains(&key.to_string())),
    }
}

fn judge(silences: &[Silent], log: &[LogRow], purses: &BTreeMap<String, Vec<String>>) {
    for silent in silences {
        // Wall times are whole milliseconds: a write within the very millisecond of the return came before it.
        let late = log.iter().find(|row| row.wall_ms > silent.from_ms && row.wall_ms < silent.until_ms && inside(&silent.scope, row, purses));
        assert!(late.is_none(), "{} was paused at {} and until {} the platform took {late:?}", silent.scope, silent.from_ms, silent.until_ms);
    }
    for kind in silences.iter().map(|silent| silent.scope.kind()).collect::<std::collections::BTreeSet<_>>() {
        let (all, under_load) = silences
            .iter()
            .filter(|silent| silent.scope.kind() == kind)
            .fold((0, 0), |(all, busy), silent| (all + 1, busy + usize::from(silent.held_back > 0)));
        assert!(all >= TRIALS, "{kind}: only {all} trials");
        assert!(under_load >= TRIALS / 2, "{kind}: in {under_load} of {all} trials only was anything held back");
    }
}

/// Everything a person can toggle at once: every running or stopped campaign of the three accounts the other way round.
async fn flip(running: &Running) -> usize {
    let state = running.call("GET", "/_sandbox/state", &Value::Null).await;
    let statuses: BTreeMap<&str, bool> = state["campaigns"]
        .as_array()
        .expect("campaigns")
        .iter()
        .map(|campaign| (campaign["id"].as_str().expect("an id"), campaign["status"] == "active"))
        .collect();
    let changes = running.campaigns().into_iter().filter(|campaign| !campaign.disapproved && campaign.special_categories.is_some()).map(|mut campaign| {
        let runs = statuses[campaign.key.id.as_str()];
        campaign.status = if runs { RunStatus::Active } else { RunStatus::Paused };
        status(&campaign, if runs { RunStatus::Paused } else { RunStatus::Active })
    });
    let answers = running.ask("bob", changes.collect()).await.expect("an answer");
    answers.iter().filter(|answer| answer.state.is_open()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_has_returned_nothing_of_that_workspace_account_pool_or_campaign_arrives() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for agent in ["scale", "efficiency"] {
        pause(&running, &named_agent(agent)).await;
    }
    running.faults(json!([{ "kind": "slow", "methods": "write", "delay_ms": 15 }])).await;
    let budgets = running.budgets();
    let purses: BTreeMap<String, Vec<String>> =
        budgets.iter().map(|budget| (budget.budget.key.to_string(), budget.budget.members.iter().map(ToString::to_string).collect())).collect();
    let mut silences = Vec::new();
    let accounts = ["google-main", "meta-main", "tiktok-main"];
    for trial in 0..2 * TRIALS {
        let sent_before = running.last_seq().await;
        let authorised = flip(&running).await;
        assert!(authorised > 3, "trial {trial} brings no load");
        eventually("the first write", PATIENCE, async || (running.last_seq().await > sent_before).then_some(())).await;
        // A campaign of the account that has yet to be written, if there is one.
        let name = accounts[trial % 3];
        let of_account = |key: &EntityKey| key.account.as_str() == name;
        let unsent = running.decisions_in("authorised").await.into_iter().filter_map(|row| row.entity).filter(of_account).max();
        let serving = || running.campaigns().into_iter().filter(|campaign| campaign.serving).map(|campaign| campaign.key).filter(of_account).max();
        let campaign = unsent.or_else(serving);
        let mut scopes = vec![account(name), if trial % 2 == 0 { core() } else { Scope::Workspace }];
        if let Some(campaign) = campaign {
            scopes.insert(0, Scope::Campaign(campaign));
        }
        let mut paused = Vec::new();
        for scope in scopes {
            let from_ms = pause(&running, &scope).await;
            let held_back = waiting(&running, |entity| match &scope {
                Scope::Account(account) => entity.account == *account,
                Scope::Campaign(key) => entity == key || purses.get(&entity.to_string()).is_some_and(|members| members.contains(&key.to_string())),
                Scope::Workspace | Scope::Pool(_) | Scope::Agent(_) => true,
            });
            paused.push((scope.clone(), from_ms, held_back.await));
        }
        tokio::time::sleep(SILENCE).await;
        let until_ms = running.clock.wall().ms();
        for (scope, from_ms, held_back) in paused {
            resume(&running, &scope).await;
            silences.push(Silent { scope, from_ms, until_ms, held_back });
        }
        running.quiet().await;
    }
    judge(&silences, &running.log().await, &purses);
    running.daemon.stop().await;
}

/// Judgement that would rather spend nothing, on every budget it may speak of and without waiting for what its last change brought: the most a round can send.
fn thrifty(input: &AgentInput<'_>) -> Proposal {
    let mut books = input.books.clone();
    for book in books.budgets.values_mut() {
        (book.grown_at, book.cut_at) = (None, None);
    }
    let mut proposal = agents::propose(&AgentInput { books: &books, ..*input });
    proposal.wishes.clear();
    for objective in &mut proposal.objectives {
        objective.ideal = Money::zero(objective.ideal.currency());
        objective.value = (0..objective.value.len()).map(|step| -100.0 * step as f64).collect();
        objective.confidence = 0.99;
    }
    proposal
}

/// One agent alone, that has something to cut at every hour of every day.
fn busy_agent() -> String {
    let text = altered(&[
        NO_PEOPLE,
        ("step = \"20%\" ", "step = \"5%\"\ncooldown_growth = \"1h\"\ncooldown_cut = \"1h\"\nlearning_conversions = 1\nlearning_days = 1\n#"),
        ("earned_amount = \"250 USD\"", "earned_amount = \"900000 USD\""),
    ]);
    let (before, after) = (text.find("[agents.scale]").expect("the agent"), text.find("[agents.efficiency]").expect("the next one"));
    format!("{}{}", &text[..before], &text[after..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_after_a_pause_of_an_agent_has_returned_nothing_of_it_arrives() {
    let running = Running::start_thinking(&busy_agent(), Arc::new(thrifty)).await;
    running.acting().await;
    running.allocated_since(NOON).await;
    running.quiet().await;
    running.faults(json!([{ "kind": "slow", "methods": "write", "delay_ms": 15 }])).await;
    let agent = named_agent("efficiency");
    let mut silences = Vec::new();
    for trial in 0..TRIALS {
        running.clock.advance(TimeDelta::minutes(61));
        let sent_before = running.last_seq().await;
        running.daemon.trigger("core".parse().expect("a name"), "bob".into()).await.expect("asked for");
        eventually(&format!("the first write of trial {trial}"), PATIENCE, async || (running.last_seq().await > sent_before).then_some(())).await;
        let from_ms = pause(&running, &agent).await;
        let held_back = waiting(&running, |_| true).await;
        tokio::time::sleep(SILENCE).await;
        let until_ms = running.clock.wall().ms();
        resume(&running, &agent).await;
        silences.push(Silent { scope: agent.clone(), from_ms, until_ms, held_back });
        assert_eq!(waiting(&running, |_| true).await, 0, "a resume supersedes what was authorised before it");
        running.quiet().await;
    }
    judge(&silences, &running.log().await, &BTreeMap::new());
    let superseded = running.decisions_in("superseded").await;
    assert!(superseded.len() >= TRIALS / 2 && superseded.iter().all(|row| row.actor == "efficiency"));
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_paused_daemon_that_is_restarted_stays_paused_and_a_resume_brings_growth_back_gently() {
    let text = altered(&[NO_PEOPLE, ROOM_TO_GROW, NO_CAP, NO_QUESTIONS]);
    let running = Running::start(&text).await;
    pause(&running, &Scope::Workspace).await;
    let running = running.stop().await.start(&text, Looser::Refuse).await;
    let before = running.log().await.len();
    for _ in 0..4 {
        running.next_day().await;
    }
    let budget = running.steerable("meta-main").remove(0);
    let answers = running.ask("ann", vec![set(&budget, 95)]).await.expect("an answer");
    assert!(answers[0].verdicts.iter().any(|verdict| verdict.rule == "PAUSED" && verdict.ruling == Ruling::Deny), "{answers:?}");
    assert_eq!(running.log().await.len(), before, "something was written while the workspace was paused");
    running.clock.advance(TimeDelta::hours(9));
    resume(&running, &Scope::Workspace).await;
    running.next_day().await;
    let log = running.log().await.split_off(before);
    assert!(!log.is_empty(), "nothing acts after the resume");
    let rises: Vec<_> = log.iter().filter_map(LogRow::micros).filter(|(old, new)| new > old).collect();
    assert!(!rises.is_empty(), "nothing grows after the resume");
    for (old, new) in rises {
        assert!((new - old) * 1_000 <= old * 105, "seven tenths of a step of 15 % is what the first day after a resume allows, not {old} -> {new}");
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_of_the_workspace_clears_that_flag_alone() {
    let running = Running::start(&altered(&[NO_PEOPLE, ("campaigns = 24", "campaigns = 9")])).await;
    pause(&running, &account("meta-main")).await;
    pause(&running, &Scope::Workspace).await;
    resume(&running, &Scope::Workspace).await;
    let before = running.log().await.len();
    for (name, allowed) in [("meta-main", false), ("google-main", true)] {
        let answers = running.ask("ann", vec![set(&running.steerable(name)[0], 95)]).await.expect("an answer");
        assert_eq!(answers[0].state.is_open(), allowed, "{name}: {answers:?}");
    }
    running.quiet().await;
    assert!(running.log().await.split_off(before).iter().all(|row| row.account != "act_1001"));
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i10_a_paused_agent_is_not_asked_and_the_others_go_on() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    let scale_before = by(&running, "scale").await;
    pause(&running, &named_agent("scale")).await;
    running.next_day().await;
    running.next_day().await;
    assert_eq!(by(&running, "scale").await, scale_before, "a paused agent proposed");
    assert!(by(&running, "efficiency").await > 0);
    running.daemon.stop().await;
}

async fn by(running: &Running, agent: &str) -> usize {
    running.decisions().await.iter().filter(|(row, _)| row.actor == agent).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i10_an_agent_that_panics_backs_off_and_alerts_and_never_acts_while_the_others_go_on() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mind: Mind = Arc::new(move |input| {
        if input.id.as_str() == "scale" {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("a figure nobody expected");
        }
        agents::propose(input)
    });
    let running = Running::start_thinking(&altered(&[NO_PEOPLE]), mind).await;
    running.acting().await;
    eventually("the alert", PATIENCE, async || running.alerts().await.into_iter().find(|alert| alert.kind == "agent_crash")).await;
    let state = |name: &str| running.daemon.agents().into_iter().find(|agent| agent.agent.as_str() == name).map(|agent| agent.state);
    for _ in 0..3 {
        running.next_day().await;
    }
    assert!(asked.load(Ordering::Relaxed) >= 2, "an agent that failed once is asked again");
    let alert = running.alerts().await.into_iter().find(|alert| alert.kind == "agent_crash").expect("it stays");
    assert!(alert.subject == "agent scale" && alert.title.contains("a figure nobody expected") && alert.times > 1, "{alert:?}");
    assert!(matches!(state("scale"), Some(AgentState::BackingOff | AgentState::Active)) && state("efficiency") == Some(AgentState::Active));
    assert_eq!(by(&running, "scale").await, 0, "an agent that fails decides nothing");
    assert!(!running.log().await.is_empty() && by(&running, "efficiency").await > 0, "the others stopped with it");
    let newest: Result<_, StoreError> = running.daemon.store().read(|mut tx| async move { tx.rounds(None, None, 1).await }).await;
    let record = newest.expect("readable rows").remove(0).record.expect("it is finished");
    assert!(record.contains("scale"), "the round does not say who abstained: {record}");
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i10_what_no_pool_holds_is_never_written_by_anybody() {
    let text = altered(&[
        NO_PEOPLE,
        (
            "members = { accounts = [\"google-main\", \"meta-main\", \"tiktok-main\"], name = \"*\" }",
            "members = { accounts = [\"google-main\"], name = \"*s*\" }",
        ),
    ]);
    let running = Running::start_unread(&text).await;
    eventually("the first account to act", PATIENCE, async || running.daemon.accounts().iter().any(|account| account.acting).then_some(())).await;
    for _ in 0..3 {
        running.next_day().await;
    }
    let log = running.log().await;
    assert!(!log.is_empty() && log.iter().all(|row| row.account == "1001001001"), "{log:?}");
    let outside: EntityKey = "tiktok-main:campaign:1790000000020001".parse().expect("a key");
    let change = adjutant::domain::change::Change::Status { entity: outside, from: RunStatus::Active, to: RunStatus::Paused };
    let refused = running.ask("ann", vec![change]).await;
    assert!(
        matches!(&refused, Err(ControlError::Refused { code, .. }) if code == "NO_POOL") || matches!(&refused, Err(ControlError::NotFound(_))),
        "{refused:?}"
    );
    assert_eq!(running::log(&running.daemon).await.iter().filter(|row| row.account != "1001001001").count(), 0);
    assert!(running.decisions().await.iter().all(|(row, _)| row.account.as_str() == "google-main" && !matches!(row.state, DecisionState::Unknown)));
    running.daemon.stop().await;
}
