//! What a run came to, in figures people can read.

use std::collections::BTreeMap;
use std::fmt;

use adjutant::domain::outcome::OutcomeState;
use adjutant::store::StoreError;
use adjutant::store::alert::Which;
use adjutant::store::decision::DecisionFilter;
use adjutant::store::outcome::OutcomeRow;
use adjutant::supervisor::daemon::Daemon;

use super::judge::Judge;

const DAY: i64 = 86_400_000;

/// The figures of a run.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub applied: usize,
    pub conflicts: usize,
    /// What losing cost, a day, the most first.
    prices: Vec<f64>,
    pub tickets: BTreeMap<&'static str, usize>,
    rows: usize,
    refused: BTreeMap<String, usize>,
    states: BTreeMap<String, usize>,
    outcomes: BTreeMap<String, usize>,
    inside: usize,
    right: usize,
    alone: usize,
    asked: usize,
    alerts: BTreeMap<String, usize>,
    weeks: [(f64, f64); 2],
    pub rounds: usize,
    slowest_ms: i64,
    mean_ms: i64,
}

impl Figures {
    pub async fn of(daemon: &Daemon, judge: &Judge, outcomes: &[OutcomeRow]) -> Self {
        let (decisions, conflicts, tickets, alerts, rounds) = daemon
            .store()
            .read(|mut tx| async move {
                let decisions = tx.decisions(&DecisionFilter::default(), None, 100_000).await?;
                let conflicts = tx.conflicts(None, 100_000).await?;
                let tickets = tx.tickets(None, None, 100_000).await?;
                let alerts = tx.alerts(Which::All, None, 100_000).await?;
                let rounds = tx.rounds(None, None, 100_000).await?;
                Ok::<_, StoreError>((decisions, conflicts, tickets, alerts, rounds))
            })
            .await
            .expect("readable rows");
        let mut prices: Vec<f64> = conflicts.iter().map(|conflict| conflict.price).collect();
        prices.sort_by(|a, b| b.total_cmp(a));
        let mut figures = Self { prices, conflicts: conflicts.len(), rows: judge.rows.len(), rounds: rounds.len(), ..Self::default() };
        for row in &decisions {
            *figures.states.entry(format!("{} {}", row.state.name(), row.action.name())).or_default() += 1;
            let by_agent = matches!(row.actor_kind.as_str(), "agent" | "wave");
            let sent = row.changed.is_some();
            figures.applied += usize::from(matches!(row.state.name(), "applied" | "scored" | "void"));
            // A record has to be earned first: what counts is how much goes alone once the agents have been at work for a month.
            let settled_in = row.at.ms() - judge.start >= 30 * DAY;
            figures.alone += usize::from(settled_in && by_agent && sent);
            figures.asked += usize::from(settled_in && by_agent && matches!(row.state.name(), "escalated" | "expired" | "approved" | "rejected") && !sent);
        }
        for ticket in &tickets {
            *figures.tickets.entry(ticket.kind.name()).or_default() += 1;
        }
        for alert in &alerts {
            *figures.alerts.entry(alert.kind.clone()).or_default() += 1;
        }
        for outcome in outcomes {
            match outcome.result.as_deref().map(serde_json::from_str::<OutcomeState>).expect("a result").expect("an outcome") {
                OutcomeState::Scored { inside, right, .. } => {
                    *figures.outcomes.entry("scored".to_owned()).or_default() += 1;
                    figures.inside += usize::from(inside);
                    figures.right += usize::from(right);
                }
                OutcomeState::Void { reason } => *figures.outcomes.entry(format!("void: {reason:?}")).or_default() += 1,
                OutcomeState::Open { .. } => panic!("{} is settled and open", outcome.id),
            }
        }
        for row in judge.rows.iter().filter(|row| !row.applied) {
            *figures.refused.entry(format!("{} {}", row.platform.name(), row.code)).or_default() += 1;
        }
        let took: Vec<i64> = rounds.iter().filter_map(|round| Some(round.finished_wall?.ms() - round.started_wall.ms())).collect();
        figures.slowest_ms = took.iter().copied().max().unwrap_or(0);
        figures.mean_ms = took.iter().sum::<i64>() / i64::try_from(took.len().max(1)).expect("a small number");
        let end = daemon.clock().now().ms();
        figures.weeks = [judge.start, end - 7 * DAY].map(|from| expected(judge, from));
        figures
    }

    pub fn scored(&self) -> usize {
        self.outcomes.get("scored").copied().unwrap_or(0)
    }

    /// Adjustments that went without a person, as a share of those an agent sent or asked about.
    pub fn alone_pct(&self) -> f64 {
        100.0 * self.alone as f64 / (self.alone + self.asked).max(1) as f64
    }
}

/// Spend and ROAS a day that the market's true curves expect of a week's budgets, without its weather.
fn expected(judge: &Judge, from: i64) -> (f64, f64) {
    let curves: BTreeMap<&str, &serde_json::Value> =
        judge.truth["campaigns"].as_array().expect("campaigns").iter().map(|one| (one["id"].as_str().expect("an id"), one)).collect();
    let (mut spend, mut revenue) = (0.0, 0.0);
    for day in 0..7 {
        let at = from + day * DAY + DAY / 2;
        for (micros, members) in judge.world_at(at).spending(at) {
            let number = |id: &str, name: &str| curves[id][name].as_f64().expect("a number");
            let bases: f64 = members.iter().map(|id| number(id, "base")).sum();
            for id in &members {
                let paid = (micros as f64 / 1e6 * number(id, "base") / bases).min(number(id, "reach"));
                let bought = paid.powf(number(id, "hill"));
                spend += paid / 7.0;
                revenue += number(id, "value") * number(id, "top") * bought / (number(id, "half").powf(number(id, "hill")) + bought) / 7.0;
            }
        }
    }
    (spend, revenue / spend.max(1e-9))
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(spend, roas), (last_spend, last_roas)] = self.weeks;
        let scored = self.scored().max(1);
        let settled: usize = self.outcomes.values().sum();
        writeln!(f, "first week: {spend:.0} USD a day at ROAS {roas:.2}; last week: {last_spend:.0} USD at {last_roas:.2} (the market's truth)")?;
        writeln!(f, "decisions: {:?}", self.states)?;
        writeln!(f, "without a person after thirty days: {} of {} ({:.0} %)", self.alone, self.alone + self.asked, self.alone_pct())?;
        writeln!(
            f,
            "outcomes: {:?}; void {:.0} %, inside {:.0} %, right {:.0} %",
            self.outcomes,
            100.0 * (settled - self.scored()) as f64 / settled.max(1) as f64,
            100.0 * self.inside as f64 / scored as f64,
            100.0 * self.right as f64 / scored as f64
        )?;
        let price = |share: usize| self.prices.get(self.prices.len() * share / 10).copied().unwrap_or(0.0);
        writeln!(f, "losing cost a day and budget: {:.2} at most, {:.2} in one of ten, {:.2} in half of them", price(0), price(1), price(5))?;
        writeln!(f, "conflicts: {}; tickets: {:?}; alerts: {:?}", self.conflicts, self.tickets, self.alerts)?;
        write!(
            f,
            "log rows: {}, refused: {:?}; rounds: {}, {} ms on average, {} ms at most",
            self.rows, self.refused, self.rounds, self.mean_ms, self.slowest_ms
        )
    }
}
