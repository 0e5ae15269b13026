//! What is known of one change from policy and ledger alone: enough for the rules that are judged again inside a transaction.

use std::collections::BTreeSet;

use super::limits;
use super::rule::Unknown;
use super::tally::Tally;
use crate::clock::ProductTime;
use crate::domain::books::{Books, BudgetBook};
use crate::domain::change::Change;
use crate::domain::entity::{EntityKey, Level, RunStatus};
use crate::domain::ids::PoolId;
use crate::domain::money::{Currency, Money};
use crate::domain::policy::{AgentPolicy, Guardrails, Policy};
use crate::domain::proposal::Actor;
use crate::domain::scope::Scope;

/// What a change would have one budget cost.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub key: EntityKey,
    /// The amount it would cost.
    pub to: Money,
    /// How much that is above what is committed on it already, this settlement's earlier changes included; never negative.
    pub lift: Money,
}

pub(super) struct Facts<'a> {
    pub policy: &'a Policy,
    pub books: &'a Books,
    pub now: ProductTime,
    pub actor: &'a Actor,
    pub change: &'a Change,
    pub tally: &'a Tally,
    /// The pool, where it is known.
    pub pool: Option<&'a PoolId>,
    /// The agents whose guardrails bind this change; empty for a person's.
    pub speakers: Vec<&'a AgentPolicy>,
    /// The guardrails that bind it.
    pub limits: Guardrails,
    /// The budgets that pay for what is changed.
    pub budgets: Vec<(&'a EntityKey, &'a BudgetBook)>,
    /// The entity, its budgets and their campaigns.
    pub related: BTreeSet<EntityKey>,
}

/// The larger of what a budget costs and of what an open decision may make it cost.
pub(super) fn committed(book: &BudgetBook) -> Result<Money, Unknown> {
    Ok(match book.open_target {
        Some(target) => book.live.larger(target)?,
        None => book.live,
    })
}

impl<'a> Facts<'a> {
    pub fn of(
        (change, actor): (&'a Change, &'a Actor),
        policy: &'a Policy,
        books: &'a Books,
        pool: Option<&'a PoolId>,
        now: ProductTime,
        tally: &'a Tally,
    ) -> Result<Self, Unknown> {
        let budgets: Vec<_> = match (change, change.entity()) {
            (Change::Budget { budget, .. }, _) => books.budgets.get_key_value(&budget.key).into_iter().collect(),
            (_, Some(entity)) => {
                let pays_for = |of: &EntityKey| -> Vec<_> { books.budgets.iter().filter(|(key, book)| *key == of || book.members.contains(of)).collect() };
                let own = pays_for(entity);
                // What hangs below a campaign and has no money of its own spends its campaign's.
                if own.is_empty() { change.campaign().map(pays_for).unwrap_or_default() } else { own }
            }
            (_, None) => Vec::new(),
        };
        let pool = pool.or_else(|| budgets.first().map(|(_, book)| &book.pool));
        if let Some((key, book)) = budgets.iter().find(|(_, book)| Some(&book.pool) != pool) {
            return Err(Unknown(format!("budget={key} in_pool={} expected_pool={pool:?}", book.pool)));
        }
        let mut related: BTreeSet<EntityKey> = change.entity().into_iter().chain(change.campaign()).cloned().collect();
        if let Change::Budget { budget, .. } = change {
            related.extend(budget.members.iter().cloned());
        }
        for (key, book) in &budgets {
            related.insert((*key).clone());
            // A campaign's own status concerns its budget, not the other campaigns that share it.
            if matches!(change, Change::Budget { .. }) {
                related.extend(book.members.iter().cloned());
            }
        }
        let speakers = limits::speakers(policy, books, pool, actor)?;
        let limits = match speakers.split_first() {
            Some((own, others)) => limits::strictest(&own.guardrails, &others.iter().map(|agent| &agent.guardrails).collect::<Vec<_>>()),
            None => policy.workspace.clone(),
        };
        Ok(Self { policy, books, now, actor, change, tally, pool, speakers, limits, budgets, related })
    }

    /// The pool, or why it is not known.
    pub fn pool(&self) -> Result<&'a PoolId, Unknown> {
        self.pool.ok_or_else(|| Unknown::missing("pool", self.name()))
    }

    /// The pool's currency.
    pub fn currency(&self) -> Result<Currency, Unknown> {
        let pool = self.pool()?;
        Ok(self.policy.pools.get(pool).ok_or_else(|| Unknown::missing("pool_policy", pool))?.daily_cap.currency())
    }

    /// The entity changed, for reasons and errors.
    pub fn name(&self) -> String {
        self.change.entity().map_or_else(|| self.change.account().to_string(), ToString::to_string)
    }

    /// The book of the one budget that pays for what is changed.
    pub fn book(&self) -> Result<&'a BudgetBook, Unknown> {
        match self.budgets.as_slice() {
            [(_, book)] => Ok(book),
            [] => Err(Unknown::missing("budget_book", self.name())),
            [_, _, ..] => Err(Unknown(format!("budgets={} of={}", self.budgets.len(), self.name()))),
        }
    }

    /// What each budget would cost after the change; empty where the change sets no amount and starts nothing.
    pub fn targets(&self) -> Result<Vec<Target>, Unknown> {
        let starts = match self.change {
            Change::Budget { to, .. } => {
                let (key, _) = *self.budgets.first().ok_or_else(|| Unknown::missing("budget_book", self.name()))?;
                return Ok(vec![self.target(key, self.book()?, *to)?]);
            }
            Change::Status { to, .. } => match to {
                RunStatus::Active => true,
                RunStatus::Paused | RunStatus::Ended => false,
            },
            // A budget counts whole as soon as its campaign may deliver, whatever of what hangs below it does.
            Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => false,
            Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => false,
        };
        if !starts {
            return Ok(Vec::new());
        }
        if self.budgets.is_empty() {
            return Err(Unknown::missing("budget_book", self.name()));
        }
        self.budgets.iter().map(|(key, book)| self.target(key, book, book.accepted)).collect()
    }

    fn target(&self, key: &EntityKey, book: &BudgetBook, to: Money) -> Result<Target, Unknown> {
        let mut before = committed(book)?;
        if let Some(earlier) = self.tally.targets.get(key) {
            before = before.larger(*earlier)?;
        }
        let above = to.checked_sub(before)?;
        Ok(Target { key: key.clone(), to, lift: above.larger(Money::zero(above.currency()))? })
    }

    /// How much the change lifts what is committed.
    pub fn lift(&self) -> Result<Money, Unknown> {
        Ok(Money::sum(self.currency()?, self.targets()?.into_iter().map(|target| target.lift))?)
    }

    /// Every scope of control around the change.
    pub fn scopes(&self) -> Result<Vec<Scope>, Unknown> {
        let account = self.change.account();
        let mut scopes = vec![Scope::Workspace, Scope::Account(account.clone())];
        match self.pool {
            Some(pool) => scopes.push(Scope::Pool(pool.clone())),
            // A create has no budget yet that would name its pool: every pool that draws on the account has a say.
            None => scopes.extend(self.policy.pools.iter().filter(|(_, pool)| pool.members.accounts.contains(account)).map(|(id, _)| Scope::Pool(id.clone()))),
        }
        scopes.extend(self.actor.agent().map(|agent| Scope::Agent(agent.clone())));
        if let Some(entity) = self.change.entity()
            && entity.level != Level::Campaign
            && !self.related.iter().any(|key| key.level == Level::Campaign)
            && self.budgets.iter().all(|(_, book)| book.members.is_empty())
        {
            return Err(Unknown::missing("campaign", entity));
        }
        let campaigns = self.related.iter().chain(self.budgets.iter().flat_map(|(_, book)| match self.change {
            Change::Status { entity, .. } if entity.level == Level::Campaign => [].iter(),
            Change::Budget { .. }
            | Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. }
            | Change::CreateCampaign(_)
            | Change::CreateAdGroup(_)
            | Change::CreateCreative(_)
            | Change::CreateAd(_)
            | Change::UploadMedia(_) => book.members.iter(),
        }));
        scopes.extend(campaigns.filter(|key| key.level == Level::Campaign).map(|key| Scope::Campaign(key.clone())));
        Ok(scopes)
    }

    /// Guardrails of the actor alone, for what an agent has to earn itself.
    pub fn own(&self) -> &Guardrails {
        self.speakers.first().map_or(&self.policy.workspace, |agent| &agent.guardrails)
    }
}
