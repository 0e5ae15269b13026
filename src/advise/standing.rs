//! What the daemon has in its ledger: what was last accepted, since when, what is committed and staked.

use std::collections::{BTreeMap, VecDeque};

use chrono::TimeDelta;

use super::setup::{Setup, key, pool};
use crate::clock::ProductTime;
use crate::domain::books::{Books, BudgetBook, Rise};
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::ids::AgentId;
use crate::domain::money::{Money, MoneyError};

/// How long what was staked counts.
const STAKE_SPAN: TimeDelta = TimeDelta::days(7);

/// How what was seen compares with what was advised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is what was advised, or stands as it stood.
    AsAdvised,
    /// What was advised was refused or left undone.
    NotFollowed,
    /// Somebody else changed it.
    Changed,
}

/// What one campaign stands at.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    /// Its key, which is its budget's too.
    pub key: EntityKey,
    /// The last amount the platform accepted.
    pub accepted: Money,
    /// Whether it runs.
    pub active: bool,
    /// What it cost on the last day that was told.
    pub was: Money,
    /// The amount on that day.
    pub day_ago: Money,
    moves: Moves,
    /// What it stood at before the advice nobody has answered for yet.
    before: Option<(Money, bool, Moves)>,
}

/// When it was moved last.
#[derive(Clone, Copy, Debug, Default)]
struct Moves {
    grown: Option<ProductTime>,
    cut: Option<ProductTime>,
    significant: Option<ProductTime>,
    /// When an agent's pause stopped it, while it has not been started again.
    stopped: Option<ProductTime>,
}

/// The ledger of all campaigns.
pub(super) struct Standing {
    pub stands: Vec<Stand>,
    staked: VecDeque<(ProductTime, AgentId, Money)>,
    agents: Vec<AgentId>,
}

impl Standing {
    pub fn new(setup: &Setup) -> Self {
        let stand = |(at, line): (usize, &super::Line)| Stand {
            key: key(line.platform, at),
            accepted: line.budget,
            active: true,
            was: line.budget,
            day_ago: line.budget,
            moves: Moves::default(),
            before: None,
        };
        let agents = setup.agents.iter().map(|agent| agent.id.clone()).collect();
        Self { stands: setup.lines.iter().enumerate().map(stand).collect(), staked: VecDeque::new(), agents }
    }

    /// What a campaign is known to have had on a day: a refusal puts back what stood before, what somebody else set becomes what stands.
    pub fn accept(&mut self, at: usize, budget: Money, active: bool, rejected: bool) -> Answer {
        let stand = &mut self.stands[at];
        let half_a_unit = budget.currency().minor_unit().micros() / 2;
        // A paused campaign may be shown without a budget.
        let kept = |amount: Money| rejected || budget.is_zero() || (amount.micros() - budget.micros()).abs() <= half_a_unit;
        let mut answer = Answer::AsAdvised;
        if let Some((accepted, ran, moves)) = stand.before.take()
            && (active != stand.active || !kept(stand.accepted) || (rejected && stand.accepted != accepted))
        {
            (stand.accepted, stand.active, stand.moves) = (accepted, ran, moves);
            answer = Answer::NotFollowed;
        }
        if !kept(stand.accepted) || active != stand.active {
            if !kept(stand.accepted) {
                stand.accepted = budget;
            }
            if active != stand.active {
                (stand.active, stand.moves.stopped) = (active, None);
            }
            answer = if answer == Answer::NotFollowed { answer } else { Answer::Changed };
        }
        stand.was = if stand.active { stand.accepted } else { Money::zero(budget.currency()) };
        stand.day_ago = stand.accepted;
        answer
    }

    /// A change is part of the advice.
    pub fn apply(&mut self, at: usize, change: &Change, now: ProductTime) {
        let stand = &mut self.stands[at];
        if stand.before.is_none() {
            stand.before = Some((stand.accepted, stand.active, stand.moves));
        }
        match change.direction() {
            Direction::Growth => stand.moves.grown = Some(now),
            Direction::Protective => stand.moves.cut = Some(now),
            Direction::Neutral => {}
        }
        match change {
            Change::Budget { from, to, .. } => {
                stand.accepted = *to;
                if (to.micros() - from.micros()).abs().saturating_mul(5) > from.micros() {
                    stand.moves.significant = Some(now);
                }
            }
            Change::Status { to: RunStatus::Active, .. } => {
                stand.active = true;
                (stand.moves.significant, stand.moves.stopped) = (Some(now), None);
            }
            Change::Status { to: RunStatus::Paused | RunStatus::Ended, .. } => {
                stand.active = false;
                stand.moves.stopped = Some(now);
            }
            Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => {}
            Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => {}
        }
    }

    /// What an agent staked alone.
    pub fn stake(&mut self, agent: &AgentId, stake: Money, now: ProductTime) {
        self.staked.push_back((now, agent.clone(), stake));
    }

    /// The books as they stand.
    pub fn books(&mut self, now: ProductTime, currency: crate::domain::money::Currency) -> Result<Books, MoneyError> {
        while self.staked.front().is_some_and(|(at, _, _)| now - *at >= STAKE_SPAN) {
            self.staked.pop_front();
        }
        let (zero, pool) = (Money::zero(currency), pool());
        let mut books = Books::blank(now);
        let nothing = Rise { base: zero, net: zero };
        let (mut committed, mut workspace) = (zero, nothing);
        for stand in &self.stands {
            let live = if stand.active { stand.accepted } else { zero };
            committed = committed.checked_add(live)?;
            for rise in [books.account_rise.entry(stand.key.account.clone()).or_insert(nothing), &mut workspace] {
                rise.base = rise.base.checked_add(stand.was)?;
                rise.net = rise.net.checked_add(live.checked_sub(stand.was)?)?;
            }
            if let Some(stopped) = stand.moves.stopped.filter(|_| !stand.active) {
                books.stopped.insert(stand.key.clone(), stopped);
            }
            let book = BudgetBook {
                pool: pool.clone(),
                members: vec![stand.key.clone()],
                accepted: stand.accepted,
                live,
                open_target: None,
                day_ago: stand.day_ago,
                grown_at: stand.moves.grown,
                cut_at: stand.moves.cut,
                significant_at: stand.moves.significant,
                edits_1h: 0,
            };
            books.budgets.insert(stand.key.clone(), book);
        }
        books.workspace_rise.insert(currency.code().to_owned(), workspace);
        books.committed.insert(pool.clone(), committed);
        books.month_spent.insert(pool, zero);
        let mut staked: BTreeMap<AgentId, Money> = self.agents.iter().map(|agent| (agent.clone(), zero)).collect();
        for (_, agent, stake) in &self.staked {
            if let Some(sum) = staked.get_mut(agent) {
                *sum = sum.checked_add(*stake)?;
            }
        }
        books.staked = staked;
        Ok(books)
    }
}
