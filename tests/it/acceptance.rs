//! The acceptance scenarios of the agentic campaign manager, through the whole daemon and the platforms over real HTTP.
//!
//! Most of them are told of one story: three weeks of the shipped configuration, a day at a time. It is lived once and looked at by every test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use adjutant::domain::change::{Change, Direction};
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::RunStatus;
use adjutant::domain::ids::AgentId;
use adjutant::domain::outcome::{OutcomeState, Prediction};
use adjutant::domain::proposal::Conflict;
use adjutant::domain::ticket::TicketKind;
use adjutant::domain::verdict::Ruling;
use adjutant::ledger::{DecisionBody, audit};
use adjutant::store::StoreError;
use adjutant::store::conflict::ConflictRow;
use adjutant::store::decision::DecisionRow;
use adjutant::store::outcome::{OutcomeRow, Standing};
use adjutant::supervisor::control::{AgentStatus, Control, ControlError};
use chrono::TimeDelta;
use serde_json::Value;

use super::running::{LogRow, NO_PEOPLE, NOON, Running, altered, set, status};

/// Days the story lasts: long enough for the first predictions to mature.
const DAYS: u32 = 21;
/// What the efficiency agent of the shipped file holds.
const FLOOR: f64 = 2.5;

/// What happened in three weeks of the shipped configuration.
struct Story {
    log: Vec<LogRow>,
    decisions: Vec<(DecisionRow, DecisionBody)>,
    conflicts: Vec<ConflictRow>,
    outcomes: Vec<OutcomeRow>,
    agents: Vec<AgentStatus>,
    /// True natures by campaign.
    truth: BTreeMap<String, Value>,
    /// Campaigns by the budget that pays for them.
    members: BTreeMap<String, Vec<String>>,
    log_is_clean: bool,
}

fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        let live = || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(tell())
        };
        std::thread::spawn(live).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

async fn tell() -> Story {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for _ in 0..DAYS {
        running.next_day().await;
    }
    let read: Result<_, StoreError> =
        running.daemon.store().read(|mut tx| async move { Ok((tx.conflicts(None, 10_000).await?, tx.settled_outcomes(None, None, 10_000).await?)) }).await;
    let (conflicts, outcomes) = read.expect("readable rows");
    let budgets = running.budgets();
    let members = budgets.iter().map(|budget| (budget.budget.key.to_string(), budget.budget.members.iter().map(ToString::to_string).collect()));
    let told = Story {
        log: running.log().await,
        decisions: running.decisions().await,
        conflicts,
        outcomes,
        agents: running.daemon.agents(),
        truth: running.truth().await,
        members: members.collect(),
        log_is_clean: audit::verify(running.daemon.store()).await.expect("readable rows").is_clean(),
    };
    running.daemon.stop().await;
    told
}

impl Story {
    /// What the campaigns of a budget truly return at the budget they started with; none for several campaigns together.
    fn true_roas(&self, budget: &str) -> Option<f64> {
        let members = self.members.get(budget)?;
        (members.len() == 1).then(|| self.truth[&members[0]]["roas_at_base"].as_f64()).flatten()
    }
}

fn took_effect(state: DecisionState) -> bool {
    matches!(state, DecisionState::Applied | DecisionState::Scored | DecisionState::Void)
}

fn agent(name: &str) -> AgentId {
    name.parse().expect("a name")
}

#[test]
fn us1_1_an_activated_agent_watches_and_adjusts_campaigns_within_its_guardrails() {
    let story = story();
    for agent in &story.agents {
        assert!(agent.answered_at.is_some() && !agent.focus.is_empty() && !agent.progress.is_empty(), "{agent:?}");
    }
    let accounts: BTreeSet<&str> = story.log.iter().map(|row| row.account.as_str()).collect();
    assert_eq!(accounts.len(), 3, "all three platforms are managed: {accounts:?}");
    let steps: Vec<_> = story.log.iter().filter_map(|row| row.micros().map(|(old, new)| (row, old, new))).collect();
    assert!(steps.len() > 20, "only {} budgets were adjusted", steps.len());
    for (row, old, new) in steps {
        assert!(row.took_effect(), "{row:?}");
        assert!((new - old).abs() * 100 <= old * 20, "a step of more than a fifth: {row:?}");
    }
    for row in &story.log {
        let decided = |(decision, body): &&(DecisionRow, DecisionBody)| {
            let same = decision.entity.as_ref().is_some_and(|entity| entity.to_string() == row.key())
                || body.change().entity().is_some_and(|entity| entity.to_string() == row.key());
            same && decision.at.ms() <= row.at_ms && decision.wall.ms() <= row.wall_ms && decision.actor_kind != "person"
        };
        assert!(story.decisions.iter().any(|decision| decided(&decision)), "a write no agent decided: {row:?}");
    }
    assert!(story.log_is_clean);
}

#[test]
fn us1_2_what_stays_under_its_target_return_is_cut_or_paused_and_the_reason_is_on_record() {
    let story = story();
    let mut hopeless = 0;
    for (budget, members) in &story.members {
        let Some(roas) = story.true_roas(budget).filter(|roas| *roas < 0.5 * FLOOR) else { continue };
        hopeless += 1;
        if story.log.iter().any(|row| members.contains(&row.key()) && row.field == "status" && row.new.as_deref() == Some("paused")) {
            continue;
        }
        let mut amounts = story.log.iter().filter(|row| row.key() == *budget).filter_map(LogRow::micros);
        let Some((first, last)) = amounts.next() else { panic!("{budget} returns {roas:.2} and nobody touched it") };
        let last = amounts.next_back().map_or(last, |(_, last)| last);
        assert!(last * 3 < first * 2, "{budget} returns {roas:.2} and still spends {last} of {first}");
    }
    assert!(hopeless >= 3, "the market has clearance campaigns on every platform");
    let cuts = story.decisions.iter().filter(|(row, _)| row.actor == "efficiency" && row.direction == Direction::Protective && took_effect(row.state));
    let mut seen = 0;
    for (row, body) in cuts {
        let reason = &body.settled.wish.reason;
        assert!(reason.contains("roas >= 2.5") && reason.contains("ROAS"), "{}: {reason}", row.id);
        assert!(body.settled.wish.evidence.figures.contains_key("roas"), "{}: without its figures", row.id);
        seen += 1;
    }
    assert!(seen > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn us1_3_what_returns_a_fifth_over_target_is_raised_step_by_step_and_no_further_than_its_knee() {
    let shipped = altered(&[
        NO_PEOPLE,
        ("campaigns = 24", "campaigns = 9"),
        ("goal = \"spend -> 6000 USD/day while cpa <= 30 USD\"", "goal = \"roas >= 2.5\""),
        ("earned_amount = \"250 USD\"", "earned_amount = \"5000 USD\""),
    ]);
    let (before, after) = (shipped.find("[agents.efficiency]").expect("the agent"), shipped.find("# All guardrails").expect("the section after it"));
    let running = Running::start(&format!("{}{}", &shipped[..before], &shipped[after..])).await;
    let truth = running.truth().await;
    for _ in 0..24 {
        running.next_day().await;
    }
    let (log, decisions) = (running.log().await, running.decisions().await);
    let stands: i64 = running.budgets().iter().map(|budget| budget.amount.micros()).sum();
    assert!(stands < 4_000_000_000, "the cap of 6000 USD did not stop anybody: {stands}");
    let mut raised = 0;
    for budget in running.budgets() {
        let campaign = &truth[&budget.budget.members[0].to_string()];
        let (base, of) = (campaign["base"].as_f64().expect("a number"), |name: &str| campaign[name].as_f64().expect("a number"));
        // One of a kind whose audience takes much more than it gets: there the margin ends the growth, and nothing else.
        if of("roas_at_base") < 1.2 * FLOOR || of("reach") < 4.0 * base {
            continue;
        }
        let key = budget.budget.key.to_string();
        let rises: Vec<(i64, i64, i64)> = log
            .iter()
            .filter(|row| row.key() == key)
            .filter_map(|row| row.micros().map(|(old, new)| (row.at_ms, old, new)))
            .filter(|(_, old, new)| new > old)
            .collect();
        assert!(rises.len() >= 2, "{key} returns {:.2} and was raised {} times", of("roas_at_base"), rises.len());
        for (_, old, new) in &rises {
            assert!((new - old) * 100 <= old * 15, "{key}: the scale agent's own step is 15 %, not {old} -> {new}");
        }
        for pair in rises.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= TimeDelta::hours(71).num_milliseconds(), "{key}: no time to look at what the last raise brought: {pair:?}");
        }
        let quiet_days = (running.clock.now().ms() - rises.last().expect("two at least").0) / 86_400_000;
        // Where it stopped the whole budget still returns what is asked for, and the next unit does not.
        let (spend, hill, half) = (budget.amount.estimate(), of("hill"), of("half"));
        let conversions = |spend: f64| of("top") * spend.powf(hill) / (half.powf(hill) + spend.powf(hill));
        let (average, next) = (conversions(spend) * of("value") / spend, (conversions(spend * 1.01) - conversions(spend)) * of("value") / (0.01 * spend));
        assert!(average > 0.8 * FLOOR, "{key} was raised far beyond its worth: {average:.2}");
        assert!(quiet_days >= 6 || average > FLOOR, "{key} is still raised after three weeks and returns {average:.2}: {rises:?}");
        assert!(quiet_days < 6 || next < FLOOR, "{key} stopped while the next unit still returned {next:.2}");
        raised += 1;
    }
    assert!(raised >= 2, "only {raised} budgets stood well over target");
    for (row, body) in decisions.iter().filter(|(row, _)| row.direction == Direction::Growth && took_effect(row.state)) {
        let figures = &body.settled.wish.evidence.figures;
        assert!(figures["marginal_roas"] >= figures["needed_roas"] * 0.8, "{} grew where the next unit was not worth it: {figures:?}", row.id);
    }
    running.daemon.stop().await;
}

fn conflict_of(row: &ConflictRow) -> Conflict {
    let payload: Value = serde_json::from_str(&row.payload).expect("json");
    serde_json::from_value(payload["conflict"].clone()).expect("a conflict")
}

#[test]
fn us2_1_agents_that_compete_for_one_pool_are_weighed_by_priority_and_track_record() {
    let story = story();
    let mut weights = BTreeSet::new();
    for row in &story.conflicts {
        let method = conflict_of(row).method;
        if let Some(at) = method.find("priority times track record: ") {
            weights.insert(method[at..].to_owned());
        }
    }
    assert!(
        weights.iter().any(|text| text.contains("efficiency 0.60, scale 0.40")),
        "before anything has been scored the configured priorities alone count: {weights:?}"
    );
    assert!(weights.len() > 1, "what was scored has changed no weight: {weights:?}");
    // Committed money stays within the pool's cap all the while.
    let mut standing: BTreeMap<String, i64> = BTreeMap::new();
    for row in &story.log {
        if let Some((old, new)) = row.micros() {
            standing.entry(row.key()).or_insert(old);
            standing.insert(row.key(), new);
        }
    }
    assert!(standing.values().sum::<i64>() <= 6_000_000_000);
    let both: BTreeSet<&str> = story.decisions.iter().filter(|(row, _)| took_effect(row.state)).map(|(row, _)| row.actor.as_str()).collect();
    assert!(both.contains("scale") && both.contains("efficiency"), "one of two agents got all of it: {both:?}");
}

/// Who prevailed in the disputes of the first rounds, with these priorities.
async fn winners(scale: &str, efficiency: &str) -> Vec<Conflict> {
    let text = altered(&[NO_PEOPLE, ("priority = 0.4", &format!("priority = {scale}")), ("priority = 0.6", &format!("priority = {efficiency}"))]);
    let running = Running::start(&text).await;
    for _ in 0..2 {
        running.next_day().await;
    }
    let rows: Result<_, StoreError> = running.daemon.store().read(|mut tx| async move { tx.conflicts(None, 10_000).await }).await;
    let rows = rows.expect("readable rows");
    let conflicts = rows.iter().map(conflict_of).collect();
    assert!(rows.iter().all(|row| row.reviewed.is_none()), "dissent waits for a person");
    running.daemon.stop().await;
    conflicts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn us2_2_where_agents_disagree_the_higher_priority_prevails_and_the_dissent_is_kept_for_review() {
    for (scale, efficiency, favourite) in [("1.0", "0.05", "scale"), ("0.05", "1.0", "efficiency")] {
        let conflicts = winners(scale, efficiency).await;
        assert!(conflicts.len() > 1, "with {favourite} ahead there were only {} disputes", conflicts.len());
        // Below a dollar a day nothing was settled at all: the budget stayed, for an edit costs more.
        let dear = |conflict: &&Conflict| conflict.dissent.iter().any(|dissent| dissent.price >= 1.0);
        for conflict in conflicts.iter().filter(dear) {
            assert_ne!(
                conflict.winner.as_ref().map(AgentId::as_str).unwrap_or(favourite),
                if favourite == "scale" { "efficiency" } else { "scale" },
                "{conflict:?}"
            );
            for dissent in conflict.dissent.iter().filter(|dissent| dissent.price >= 1.0) {
                assert!(dissent.agent != agent(favourite) && dissent.price >= 0.0 && !dissent.wanted.is_empty() && !dissent.reason.is_empty(), "{dissent:?}");
            }
        }
        assert!(conflicts.iter().any(|conflict| conflict.winner == Some(agent(favourite)) && !conflict.dissent.is_empty()), "nobody prevailed: {conflicts:?}");
    }
}

#[test]
fn us3_1_the_trail_shows_every_decision_in_order_with_time_reason_prediction_confidence_and_context() {
    let story = story();
    assert!(story.decisions.len() > 50);
    for pair in story.decisions.windows(2) {
        assert!(pair[0].0.at <= pair[1].0.at && pair[0].0.wall <= pair[1].0.wall, "{} comes after {}", pair[0].0.id, pair[1].0.id);
    }
    for (row, body) in &story.decisions {
        let wish = &body.settled.wish;
        assert!(row.at >= NOON && row.wall.ms() > 1_700_000_000_000, "{}: when?", row.id);
        assert!(wish.reason.len() > 20, "{}: why? {:?}", row.id, wish.reason);
        assert!((0.0..=1.0).contains(&wish.confidence) && wish.confidence > 0.0, "{}: how sure?", row.id);
        let prediction = wish.prediction.as_ref().unwrap_or_else(|| panic!("{}: what is it to bring?", row.id));
        assert!(prediction.low <= prediction.mean && prediction.mean <= prediction.high && prediction.horizon_days > 0, "{}: {prediction:?}", row.id);
        assert!(!wish.evidence.figures.is_empty() && wish.evidence.closed_days > 0, "{}: on what numbers?", row.id);
        assert!(!body.settled.alternatives.is_empty(), "{}: what else was considered?", row.id);
        assert!(body.verdicts.len() > 10, "{}: which rules were asked?", row.id);
        assert!(row.round.is_some() && !row.policy_hash.is_empty() && !body.engine.is_empty(), "{}: in what context?", row.id);
    }
}

#[test]
fn us3_2_predicted_stands_beside_actual_for_every_scored_decision() {
    let story = story();
    let (mut scored, mut whole) = (0, 0);
    for row in story.outcomes.iter().filter(|row| row.standing == Standing::Scored) {
        let predicted: Prediction = serde_json::from_str(&row.prediction).expect("a prediction");
        let result: OutcomeState = serde_json::from_str(row.result.as_deref().expect("a result")).expect("a result");
        let OutcomeState::Scored { actual, counterfactual, effect, effect_low, effect_high, inside, right } = result else { panic!("{result:?}") };
        assert!(actual >= 0.0 && (effect - (actual - counterfactual)).abs() < 1e-6 && effect_low <= effect && effect <= effect_high, "{}: {result:?}", row.id);
        assert_eq!(row.good, Some(right));
        let horizon = row.from..=row.from + TimeDelta::days(i64::from(predicted.horizon_days) + 1);
        let cut_short = |(later, _): &(DecisionRow, DecisionBody)| {
            later.id != row.decision && later.entity.as_ref() == Some(&row.entity) && later.changed.is_some_and(|at| horizon.contains(&at))
        };
        // A prediction that our own next change cut short is judged on the days it had.
        if !story.decisions.iter().any(cut_short) {
            assert_eq!(inside, (predicted.low..=predicted.high).contains(&actual), "{}: {predicted:?} {result:?}", row.id);
            whole += 1;
        }
        let decision = story.decisions.iter().find(|(decision, _)| decision.id == row.decision).expect("its decision");
        assert_eq!(decision.0.state, DecisionState::Scored);
        scored += 1;
    }
    assert!(scored >= 5 && whole > 0, "only {scored} of {} predictions were scored, {whole} on their whole horizon", story.outcomes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edge_a_change_against_platform_policy_is_denied_before_it_is_sent_and_opens_a_ticket() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    let stopped: Vec<_> = running
        .campaigns()
        .into_iter()
        .filter(|campaign| campaign.status == RunStatus::Paused && (campaign.disapproved || campaign.special_categories.is_none()))
        .collect();
    assert_eq!(stopped.len(), 2, "the sandbox has one refused and one undeclared campaign");
    for campaign in stopped {
        let answers = running.ask("ann", vec![status(&campaign, RunStatus::Active)]).await.expect("an answer");
        let rule = if campaign.disapproved { "POLICY_DISAPPROVED" } else { "POLICY_DECLARATION" };
        assert_eq!(answers[0].state, DecisionState::Denied);
        assert!(answers[0].verdicts.iter().any(|verdict| verdict.rule == rule && verdict.ruling == Ruling::Deny), "{:?}", answers[0].verdicts);
        let ticket = answers[0].ticket.expect("a denial by policy asks a person");
        let row = running.tickets().await.into_iter().find(|row| row.id == ticket).expect("it is stored");
        assert_eq!((row.kind, row.state.as_str()), (TicketKind::PolicyViolation, "open"));
        assert!(running.alerts().await.iter().any(|alert| alert.kind == "policy_violation"));
        assert_eq!(running.log().await.iter().filter(|row| row.key() == campaign.key.to_string()).count(), 0, "it was sent all the same");
    }
    running.daemon.stop().await;
}

/// Whether spend is read again two and a half minutes after a whole five.
async fn looks_twice_as_often(running: &Running) -> bool {
    running.quiet().await;
    let account = "meta-main".parse().expect("a name");
    let (half, now) = (150_000, running.clock.now().ms());
    let odd = now - now.rem_euclid(2 * half) + 5 * half + 20_000;
    running.clock.set(adjutant::clock::ProductTime::from_ms(odd - half));
    let read_at = |at: i64| running.daemon.view(&account).is_some_and(|view| view.spend_at.is_some_and(|read| read.ms() >= at));
    super::running::eventually("the read of the whole five minutes", super::running::PATIENCE, async || read_at(odd - half).then_some(())).await;
    running.clock.set(adjutant::clock::ProductTime::from_ms(odd));
    for _ in 0..20 {
        if read_at(odd) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edge_on_volatile_days_less_confidence_is_asked_and_accounts_are_read_more_often() {
    let text = altered(&[
        NO_PEOPLE,
        ("campaigns = 24", "campaigns = 12"),
        ("from = \"2026-02-10\"", "from = \"2026-01-07\""),
        ("to = \"2026-02-14\"", "to = \"2026-01-18\""),
    ]);
    let running = Running::start(&text).await;
    assert!(!looks_twice_as_often(&running).await, "an ordinary day is read as often as a volatile one");
    running.next_day().await;
    running.next_day().await;
    assert!(looks_twice_as_often(&running).await, "on a volatile day nobody looks more often");
    running.watched_days().await;
    let mut needs: BTreeMap<(bool, Direction), BTreeSet<String>> = BTreeMap::new();
    for (row, body) in running.decisions().await.iter().filter(|(row, _)| row.actor_kind == "agent") {
        let volatile = row.at.ms() - NOON.ms() > 86_400_000;
        let verdict = body.verdicts.iter().find(|verdict| verdict.rule == "CONFIDENCE").expect("agents' confidence is judged");
        let asked = verdict.why.rsplit("needs=").next().expect("a number").to_owned();
        needs.entry((volatile, row.direction)).or_default().insert(asked);
    }
    for (direction, ordinary, volatile) in [(Direction::Growth, "0.60", "0.50"), (Direction::Protective, "0.50", "0.40")] {
        for (day, expected) in [(false, ordinary), (true, volatile)] {
            if let Some(found) = needs.get(&(day, direction)) {
                assert_eq!(found, &BTreeSet::from([expected.to_owned()]), "volatile={day} {direction:?}");
            }
        }
    }
    assert!(needs.keys().any(|(volatile, _)| *volatile) && needs.keys().any(|(volatile, _)| !*volatile), "{needs:?}");
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edge_two_people_and_an_agent_at_once_on_one_budget_end_in_one_coherent_result() {
    let running = Running::start_unread(&altered(&[NO_PEOPLE])).await;
    running.acting().await;
    // Nobody has looked at the pool yet today: its agents want to cut and raise at the very moment two people do.
    let contested: Vec<_> = running.steerable("meta-main").into_iter().take(4).collect();
    let of_people = contested.iter().flat_map(|budget| [("ann", set(budget, 110)), ("bob", set(budget, 90))]);
    let asking = futures::future::join_all(of_people.map(|(by, change)| running.ask(by, vec![change])));
    let (answers, round) = tokio::join!(asking, running.daemon.trigger("core".parse().expect("a name"), "cid".into()));
    round.expect("the round is asked for");
    running.quiet().await;
    let all = running.decisions().await;
    let log = running.log().await;
    for (budget, answers) in contested.iter().zip(answers.chunks(2)) {
        let key = budget.budget.key.to_string();
        for answer in answers {
            match answer {
                Ok(answers) => assert!(answers.len() == 1 && !answers[0].verdicts.is_empty(), "{answers:?}"),
                Err(ControlError::Refused { why, .. }) => assert!(!why.is_empty()),
                Err(other) => panic!("{other}"),
            }
        }
        let writes: Vec<&LogRow> = log.iter().filter(|row| row.key() == key).collect();
        assert!(!writes.is_empty() && writes.iter().all(|row| row.took_effect()), "{key}: nobody got anything: {answers:?}");
        assert_eq!(writes[0].micros().expect("a budget").0, budget.amount.micros());
        for pair in writes.windows(2) {
            assert_eq!(pair[0].new, pair[1].old, "{key}: one write went over another that it had not seen");
        }
        let decided: Vec<_> = all.iter().filter(|(row, _)| row.entity.as_ref().is_some_and(|entity| entity.to_string() == key)).collect();
        let mut took: Vec<_> = decided.iter().filter(|(row, _)| took_effect(row.state)).collect();
        took.sort_by_key(|(row, _)| row.seq);
        assert_eq!(took.len(), writes.len(), "{key}: {took:?}");
        // The two people wanted what cannot both be: whoever came second was told what had changed meanwhile.
        assert!(took.iter().filter(|(row, _)| row.actor_kind == "person").count() <= 1, "{key}: {answers:?}");
        for ((_, body), write) in took.iter().zip(&writes) {
            let Change::Budget { from, to, .. } = body.change() else { panic!("a budget was changed") };
            assert_eq!(Some((from.micros(), to.micros())), write.micros(), "{key}");
        }
        assert_eq!(running.budget(&budget.budget.key).amount.micros(), writes.last().and_then(|row| row.micros()).expect("a budget").1);
    }
    assert_eq!(all.iter().filter(|(row, _)| row.state.is_open()).count(), 0);
    assert!(running.budgets().iter().map(|budget| budget.amount.micros()).sum::<i64>() <= 6_000_000_000);
    assert!(audit::verify(running.daemon.store()).await.expect("readable rows").is_clean());
    running.daemon.stop().await;
}
