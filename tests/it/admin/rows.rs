//! What stands in the stage's database: one decision that was applied, one question about it, one alert.

use std::collections::BTreeMap;

use adjutant::domain::change::{ActionKind, Change, Direction};
use adjutant::domain::decision::{DecisionState, Event as Happens};
use adjutant::domain::entity::BudgetRef;
use adjutant::domain::ids::{AlertId, DecisionId, IdGen, TicketId};
use adjutant::domain::outcome::{PredictedMetric, Prediction};
use adjutant::domain::proposal::{Actor, Dissent, Evidence, Settled, Wave, Wish};
use adjutant::domain::ticket::{Eyes, Role, Severity, TicketKind, TicketState};
use adjutant::domain::verdict::{Ruling, Verdict};
use adjutant::ledger::DecisionBody;
use adjutant::store::StoreError;
use adjutant::store::alert::NewAlert;
use adjutant::store::decision::NewDecision;
use adjutant::store::step::Moment;
use adjutant::store::ticket::TicketRow;
use adjutant::tickets::Content;
use serde_json::Value;

use super::stage::{NASTY, campaign, pool};
use crate::engines::Bench;

fn change() -> Change {
    let budget = BudgetRef { members: vec![campaign()], key: campaign() };
    Change::Budget { budget, from: "100 USD".parse().expect("money"), to: "115 USD".parse().expect("money") }
}

fn body(hash: &str, when: Moment) -> DecisionBody {
    let prediction = Prediction {
        metric: PredictedMetric::Revenue,
        horizon_days: 7,
        mean: 300.0,
        low: 200.0,
        high: 400.0,
        without: 240.0,
        direction: 0.8,
        planned_daily: 115.0,
    };
    let evidence = Evidence { closed_days: 14, matured_conversions: 80.0, spend: 1_400.0, figures: BTreeMap::from([("roas".to_owned(), 2.4)]) };
    let reason = format!("ROAS of {NASTY} is 20 % over its floor");
    let cost_if_wrong = "30 USD".parse().expect("money");
    let wish = Wish { change: change(), reason, evidence, prediction: Some(prediction), confidence: 0.72, cost_if_wrong };
    let dissent = Dissent {
        agent: "efficiency".parse().expect("a name"),
        wanted: "100.00 USD".into(),
        direction: adjutant::domain::change::Direction::Growth,
        price: 1.5,
        reason: "it is good where it is".into(),
    };
    let actor = Actor::Agent { agent: "scale".parse().expect("a name") };
    let settled = Settled { actor, wish, alternatives: vec!["wait a day".into()], dissent: vec![dissent], wave: Wave::First, change_set: None };
    let verdict = |rule: &'static str, ruling, why: &str| Verdict { rule: rule.into(), ruling, why: why.into() };
    let verdicts = vec![
        verdict("POOL_CAP", Ruling::Pass, "POOL_CAP: fits"),
        verdict("STEP", Ruling::Clamp { to: "115 USD".parse().expect("money") }, "STEP: 20 % is 15 %"),
    ];
    DecisionBody {
        settled,
        verdicts,
        conflicts: Vec::new(),
        round: IdGen::seeded(2).next(when.at),
        policy_hash: hash.to_owned(),
        engine: "test".into(),
        node: "node-1".parse().expect("a name"),
    }
}

/// Fills it.
pub async fn fill(bench: &Bench, decision: DecisionId, ticket: TicketId, alert: AlertId, hash: &str, when: Moment) {
    let shard = "core".parse().expect("a name");
    let usd = |text: &str| format!("{text} USD").parse().expect("money");
    let new = NewDecision {
        id: decision,
        shard,
        pool: Some(pool()),
        round: None,
        change_set: None,
        account: "meta-main".parse().expect("a name"),
        entity: Some(campaign()),
        actor_kind: "agent".into(),
        actor: "scale".into(),
        action: ActionKind::RaiseBudget,
        direction: Direction::Growth,
        undoes: None,
        moves: Some((usd("100"), usd("115"))),
        stake: Some(usd("30")),
        policy_hash: hash.to_owned(),
        when,
        body: serde_json::to_string(&body(hash, when)).expect("JSON"),
    };
    let content = Content {
        title: format!("Raise {NASTY}"),
        why: vec!["EARNED: 300 USD at stake, 250 USD earned".into()],
        change: Some(change()),
        reason: "it pays".into(),
        evidence: None,
        prediction: None,
        confidence: Some(0.72),
        waives: vec!["EARNED".into()],
        eyes: Eyes::Two,
        requester: None,
        state: TicketState::fresh(),
        details: Value::Null,
    };
    let question = TicketRow {
        id: ticket,
        kind: TicketKind::SpendApproval,
        subject: campaign().to_string(),
        direction: "growth".into(),
        account: None,
        pool: Some(pool()),
        decision: Some(decision),
        state: "open".into(),
        severity: Severity::Warning,
        owner: Role::Approver,
        opened: when.at,
        opened_wall: when.wall,
        deadline: when.at + chrono::TimeDelta::hours(8),
        reminded: None,
        closed: None,
        risk: Some(usd("30")),
        bound_hash: "b".repeat(64),
        version: 1,
        payload: serde_json::to_string(&content).expect("JSON"),
    };
    let (kind, subject, title) = ("breaker".into(), "meta-main".into(), format!("Breaker near {NASTY}"));
    let news = NewAlert { id: alert, kind, subject, severity: Severity::Critical, title, payload: "{}".into(), when };
    let (new, question, news) = (&new, &question, &news);
    let filled: Result<(), StoreError> = bench
        .store
        .write(|mut tx| async move {
            tx.open_shard(&new.shard, "{}", when.at).await?;
            tx.insert_decision(new).await?;
            let mut state = DecisionState::Proposed;
            for event in [Happens::Authorise, Happens::Dispatch, Happens::Apply] {
                let next = state.on(event).expect("the machine has this step");
                tx.move_decision(&new.id, state, next, when, None, "{}").await?;
                state = next;
            }
            tx.insert_ticket(question).await?;
            tx.raise_alert(news, &[]).await.map(|_| ())
        })
        .await;
    filled.expect("the rows fit");
}
