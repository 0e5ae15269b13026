//! What the ledger knows of money, computed from rows: a pure function of what [`load`] read, so that a change can be judged against books
//! in which the changes before it already count.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, TimeDelta};

use super::LedgerError;
use crate::clock::{ProductTime, day_start};
use crate::domain::books::{Books, BudgetBook, Rise, TrackRecord};
use crate::domain::change::{ActionKind, Change};
use crate::domain::decision::DecisionState;
use crate::domain::entity::{EntityKey, Level};
use crate::domain::ids::{AgentId, DecisionId, PoolId};
use crate::domain::money::{Money, MoneyError};
use crate::domain::outcome::OutcomeState;
use crate::domain::policy::Policy;
use crate::domain::scope::Scope;
use crate::learning::is_bad;
use crate::store::Tx;
use crate::store::books::{IntentRow, LastMoves, MoneyRow, ScoreRow};
use crate::store::scope::ScopeRow;
use crate::tickets;

/// How far back the last change of a budget is looked for; no cooldown and no learning phase is longer.
const MOVES_SPAN: TimeDelta = TimeDelta::days(90);
/// How far back outcomes count toward a track record.
const TRACK_SPAN: TimeDelta = TimeDelta::days(180);
/// How long staked money counts.
const STAKE_SPAN: TimeDelta = TimeDelta::days(7);
/// The rolling window of rises, and how long a value we set counts although a read shows an older one.
const DAY: TimeDelta = TimeDelta::hours(24);

/// Everything the books are computed from.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    at: ProductTime,
    pub(crate) intents: Vec<IntentRow>,
    budgets: Vec<MoneyRow>,
    /// What budgets whose changes hold from midnight on may still spend today.
    until_midnight: BTreeMap<EntityKey, Money>,
    moves: Vec<LastMoves>,
    edits: BTreeMap<EntityKey, u32>,
    pauses: Vec<(EntityKey, String, ProductTime)>,
    held: Vec<EntityKey>,
    scopes: Vec<ScopeRow>,
    scores: Vec<ScoreRow>,
    rearmed: BTreeMap<String, ProductTime>,
    stakes: Vec<(AgentId, Money)>,
    month_spent: BTreeMap<PoolId, Vec<Money>>,
    asked: Vec<Change>,
}

/// Everything the ledger knows at `at`, from rows alone. Sums may be relied on for a decision only after [`Tx::bump`].
///
/// # Errors
/// [`LedgerError`] from the database, or when amounts of one pool do not add up.
pub async fn books(tx: &mut Tx, policy: &Policy, at: ProductTime) -> Result<Books, LedgerError> {
    load(tx, policy, at).await?.books(policy)
}

pub(crate) async fn load(tx: &mut Tx, policy: &Policy, at: ProductTime) -> Result<Rows, LedgerError> {
    let intents = tx.intents().await?;
    let budgets = tx.money_rows(at - DAY).await?;
    let mut month_spent = BTreeMap::new();
    for (pool, rules) in &policy.pools {
        let today = at.date_in(rules.time_zone);
        let members: BTreeSet<&EntityKey> = budgets.iter().filter(|row| row.pool.as_ref() == Some(pool)).flat_map(|row| &row.members).collect();
        let spent = tx.spent(today.with_day(1).unwrap_or(today), today).await?;
        month_spent.insert(pool.clone(), spent.into_iter().filter(|(entity, _)| members.contains(entity)).map(|(_, amount)| amount).collect());
    }
    let mut until_midnight = BTreeMap::new();
    for (account, rules) in policy.accounts.iter().filter(|(_, rules)| Level::ALL.into_iter().any(|level| rules.platform.holds_from_midnight(level))) {
        let today = tx.most_since(account, day_start(rules.time_zone, at.date_in(rules.time_zone))).await?;
        until_midnight.extend(today.into_iter().filter(|(key, _)| rules.platform.holds_from_midnight(key.level)));
    }
    let mut asked = Vec::new();
    for ticket in tx.open_tickets().await? {
        asked.extend(tickets::Content::of(&ticket)?.change);
    }
    Ok(Rows {
        at,
        asked,
        intents,
        budgets,
        until_midnight,
        moves: tx.last_moves(at - MOVES_SPAN).await?,
        edits: tx.edits_since(at - TimeDelta::hours(1)).await?,
        pauses: tx.last_pauses().await?,
        held: tx.held_entities().await?,
        scopes: tx.scopes().await?,
        scores: tx.scores_since(at - TRACK_SPAN).await?,
        rearmed: tx.rearmed().await?,
        stakes: tx.stakes(at - STAKE_SPAN).await?,
        month_spent,
    })
}

impl Rows {
    /// The same rows with one more decision that may be sent.
    pub(crate) fn admit(&mut self, intent: IntentRow) {
        if let (Some(stake), Some(agent)) = (intent.stake, agent_of(&intent)) {
            self.stakes.push((agent, stake));
        }
        self.intents.push(intent);
    }

    /// The same rows without one decision: as if it had never been admitted.
    pub(crate) fn forget(&mut self, id: &DecisionId) {
        let Some(at) = self.intents.iter().position(|intent| intent.id == *id) else { return };
        let intent = self.intents.remove(at);
        let Some((stake, agent)) = intent.stake.zip(agent_of(&intent)) else { return };
        let staked = self.stakes.iter_mut().find(|(who, amount)| *who == agent && amount.currency() == stake.currency());
        if let Some((_, amount)) = staked {
            *amount = Money::from_micros(amount.micros().saturating_sub(stake.micros()).max(0), stake.currency());
        }
    }

    /// The budgets a change of `entity` is about: the budget itself, or those that pay for the campaign.
    pub(crate) fn budgets_of<'a>(&'a self, entity: &'a EntityKey) -> impl Iterator<Item = &'a MoneyRow> {
        self.budgets.iter().filter(move |row| !row.gone && (row.key == *entity || row.members.contains(entity)))
    }

    /// What a budget costs a day now.
    pub(crate) fn live(&self, row: &MoneyRow) -> Money {
        let recent = |at: Option<ProductTime>| at.is_some_and(|at| self.at - at < DAY);
        let started = row.members.iter().any(|member| {
            let moved = self.moves.iter().find(|moves| moves.entity == *member);
            recent(moved.and_then(|moves| moves.started)) && !self.pauses.iter().any(|(entity, _, _)| entity == member)
        });
        if !row.delivering && !started {
            return Money::zero(row.live.currency());
        }
        // A read that is behind must not free money that we know was spent: for a day the larger of what we set and what is shown counts.
        let live = if recent(Some(row.accepted_at)) { row.live.larger(row.accepted).unwrap_or(row.live) } else { row.live };
        self.until_midnight.get(&row.key).and_then(|today| live.larger(*today).ok()).unwrap_or(live)
    }

    fn target(&self, row: &MoneyRow) -> Result<Option<Money>, MoneyError> {
        let mut target: Option<Money> = None;
        for intent in &self.intents {
            let Some(entity) = &intent.entity else { continue };
            let aims = match intent.action {
                ActionKind::RaiseBudget if *entity == row.key => intent.moves.map(|(_, to)| to),
                // A cut of what stands still commits nothing: it starts nothing.
                ActionKind::CutBudget if *entity == row.key && !self.live(row).is_zero() => intent.moves.map(|(_, to)| to),
                ActionKind::Activate if *entity == row.key || row.members.contains(entity) => Some(row.live.larger(row.accepted)?),
                ActionKind::RaiseBudget
                | ActionKind::CutBudget
                | ActionKind::Activate
                | ActionKind::Pause
                | ActionKind::Bid
                | ActionKind::Targeting
                | ActionKind::Create => None,
            };
            if let Some(aims) = aims {
                target = Some(target.map_or(Ok(aims), |target| target.larger(aims))?);
            }
        }
        Ok(target)
    }

    /// The books these rows make.
    pub(crate) fn books(&self, policy: &Policy) -> Result<Books, LedgerError> {
        let mut books = Books::blank(self.at);
        for (pool, rules) in &policy.pools {
            let currency = rules.daily_cap.currency();
            books.committed.insert(pool.clone(), Money::zero(currency));
            books.month_spent.insert(pool.clone(), Money::sum(currency, self.month_spent.get(pool).into_iter().flatten().copied())?);
        }
        for row in self.budgets.iter().filter(|row| !row.gone) {
            self.enter(row, &mut books)?;
        }
        self.enter_people(&mut books);
        self.enter_outcomes(policy, &mut books)?;
        Ok(books)
    }

    fn enter(&self, row: &MoneyRow, books: &mut Books) -> Result<(), LedgerError> {
        let (live, open_target) = (self.live(row), self.target(row)?);
        let costs = open_target.map_or(Ok(live), |target| target.larger(live))?;
        let zero = Money::zero(live.currency());
        let was = if row.was_delivering { row.was } else { zero };
        if let Some(pool) = &row.pool {
            let committed = books.committed.entry(pool.clone()).or_insert(zero);
            *committed = committed.checked_add(costs)?;
        }
        let nothing = Rise { base: zero, net: zero };
        let rises = [
            books.account_rise.entry(row.key.account.clone()).or_insert(nothing),
            books.workspace_rise.entry(live.currency().code().to_owned()).or_insert(nothing),
        ];
        for rise in rises {
            rise.base = rise.base.checked_add(was)?;
            rise.net = rise.net.checked_add(costs.checked_sub(was)?)?;
        }
        let of_this = |moves: &&LastMoves| moves.entity == row.key || row.members.contains(&moves.entity);
        let last = |pick: fn(&LastMoves) -> Option<ProductTime>| self.moves.iter().filter(of_this).filter_map(pick).max();
        if let Some(pool) = &row.pool {
            let book = BudgetBook {
                pool: pool.clone(),
                members: row.members.clone(),
                accepted: row.accepted,
                live,
                open_target,
                day_ago: row.was,
                grown_at: last(|moves| moves.grown),
                cut_at: last(|moves| moves.cut),
                significant_at: last(|moves| moves.significant),
                edits_1h: self.edits.get(&row.key).copied().unwrap_or(0),
            };
            books.budgets.insert(row.key.clone(), book);
        }
        Ok(())
    }

    fn enter_people(&self, books: &mut Books) {
        books.held.extend(self.held.iter().cloned());
        for row in &self.scopes {
            if row.paused {
                books.paused.insert(row.scope.clone());
            }
            if row.reducing {
                books.reducing.insert(row.scope.clone());
            }
            if row.terminated
                && let Scope::Agent(agent) = &row.scope
            {
                books.terminated.insert(agent.clone());
            }
            if let Some(at) = row.resumed {
                books.resumed.push((row.scope.clone(), at));
            }
        }
        for change in &self.asked {
            if let Some(entity) = change.entity() {
                books.asked.entry(entity.clone()).or_default().push(change.clone());
            }
        }
        for intent in &self.intents {
            let Some(entity) = &intent.entity else { continue };
            // Whatever is read here and is not merely authorised has left, or may have.
            if !matches!(intent.state, DecisionState::Authorised { .. }) {
                books.unresolved.insert(entity.clone());
            }
            if is_agent(&intent.actor_kind) {
                books.open_entities.insert(entity.clone());
            }
        }
        for (entity, actor_kind, at) in &self.pauses {
            let runs = self.budgets.iter().any(|row| row.delivering && row.members.len() == 1 && row.members.contains(entity));
            if is_agent(actor_kind) && !runs {
                books.stopped.insert(entity.clone(), *at);
            }
        }
    }

    fn enter_outcomes(&self, policy: &Policy, books: &mut Books) -> Result<(), LedgerError> {
        for (agent, rules) in &policy.agents {
            if let Some(pool) = policy.pools.get(&rules.pool) {
                books.staked.insert(agent.clone(), Money::zero(pool.daily_cap.currency()));
            }
        }
        for (agent, stake) in &self.stakes {
            add_stake(books, agent, *stake)?;
        }
        for score in &self.scores {
            let OutcomeState::Scored { right, inside, .. } = score.state else { continue };
            let armed = |scope: &Scope| self.rearmed.get(&scope.to_string()).is_some_and(|at| score.settled <= *at);
            if !armed(&Scope::Workspace) && !armed(&Scope::Account(score.account.clone())) {
                let run = books.bad_run.entry(score.account.clone()).or_default();
                *run = if is_bad(&score.prediction, &score.state) { *run + 1 } else { 0 };
            }
            let Ok(agent) = score.actor.parse::<AgentId>() else { continue };
            let record: &mut TrackRecord = books.track.entry(agent).or_default().entry(score.action).or_default();
            record.scored += 1;
            record.right += u32::from(right);
            record.inside += u32::from(inside);
            record.bad_run = if right { 0 } else { record.bad_run + 1 };
        }
        Ok(())
    }
}

fn agent_of(intent: &IntentRow) -> Option<AgentId> {
    if is_agent(&intent.actor_kind) { intent.actor.parse().ok() } else { None }
}

/// Whether an actor of this kind speaks for an agent.
pub(crate) fn is_agent(actor_kind: &str) -> bool {
    matches!(actor_kind, "agent" | "wave")
}

/// An agent acts in one pool, so its stakes are of that pool's currency; those from a pool it has left count no more.
fn add_stake(books: &mut Books, agent: &AgentId, stake: Money) -> Result<(), MoneyError> {
    let staked = books.staked.entry(agent.clone()).or_insert(Money::zero(stake.currency()));
    *staked = if staked.currency() == stake.currency() { staked.checked_add(stake)? } else { *staked };
    Ok(())
}
