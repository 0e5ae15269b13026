//! The advisor: what it was told, and one allocation round of the daemon's own stages for each day it is asked about.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::AdviseError;
use super::approving::approving;
use super::creative::Creatives;
use super::figures::{Figures, instant};
use super::forecast::forecast;
use super::outcomes::Outcomes;
use super::protocol::{Advice, DayResult, Meta, ProtocolError};
use super::round::{Action, RoundReport};
use super::setup::{Setup, money, pool};
use super::standing::Standing;
use crate::clock::ProductTime;
use crate::cycle::{CycleError, Prepared, RoundKind, Stage, tracking_minimum};
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::ids::AgentId;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::proposal::{Round, Settled};
use crate::domain::view::PoolView;
use crate::guardrails::{Judged, Ruled};

/// Days a protocol may count to.
const LAST_DAY: usize = 1_000_000;

/// The decision core over one pool of campaigns, fed by hand.
pub struct Advisor {
    setup: Setup,
    policy: Arc<Policy>,
    agreed: Arc<Policy>,
    figures: Figures,
    standing: Standing,
    outcomes: Outcomes,
    creatives: Option<Creatives>,
    by_key: BTreeMap<EntityKey, usize>,
    last: RoundReport,
}

impl std::fmt::Debug for Advisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Advisor").field("campaigns", &self.setup.lines.len()).field("today", &self.figures.today()).finish_non_exhaustive()
    }
}

impl Advisor {
    /// An advisor for what a protocol's start tells.
    ///
    /// # Errors
    /// [`AdviseError::Told`] when it makes no sense.
    pub fn new(meta: &Meta) -> Result<Self, AdviseError> {
        Ok(Self::of(Setup::try_from(meta)?))
    }

    /// An advisor for campaigns, agents and a pool.
    #[must_use]
    pub fn of(setup: Setup) -> Self {
        let policy = setup.policy();
        let standing = Standing::new(&setup);
        Self {
            agreed: Arc::new(approving(&policy)),
            figures: Figures::new(&setup, tracking_minimum(&policy)),
            by_key: standing.stands.iter().enumerate().map(|(at, stand)| (stand.key.clone(), at)).collect(),
            creatives: (setup.creatives > 0).then(|| Creatives::new(&setup)),
            outcomes: Outcomes::default(),
            standing,
            policy: Arc::new(policy),
            setup,
            last: RoundReport::default(),
        }
    }

    /// Takes in a finished day. Days come in order; one that is left out is a gap.
    ///
    /// # Errors
    /// [`AdviseError::Told`] when the day makes no sense.
    pub fn observe(&mut self, result: &DayResult) -> Result<(), AdviseError> {
        result.check(self.setup.lines.len(), self.setup.creatives)?;
        if result.day < self.figures.today() || result.day > LAST_DAY {
            let text = format!("day {} is expected, or a later one; days are told once and in order", self.figures.today());
            return Err(ProtocolError::new("result.day", text).into());
        }
        self.figures.observe(result)?;
        for at in 0..self.setup.lines.len() {
            let budget = money(result.budget[at], self.setup.currency, "result.budget")?;
            let rejected = result.rejected.as_ref().is_some_and(|rejected| rejected[at]);
            let answer = self.standing.accept(at, budget, result.status[at], rejected);
            self.outcomes.answered(at, result.day, answer);
            self.show(at);
        }
        if let (Some(creatives), Some(result)) = (&mut self.creatives, &result.creative) {
            creatives.observe(result);
        }
        Ok(())
    }

    /// What to do on `day`, from all that was told of the days before it.
    ///
    /// # Errors
    /// [`AdviseError`] when the day lies behind what was told, or amounts do not add up.
    pub fn decide(&mut self, day: usize) -> Result<Advice, AdviseError> {
        if day < self.figures.today() || day > LAST_DAY {
            return Err(ProtocolError::new("day", format!("{} is the first day that is still open", self.figures.today())).into());
        }
        if day > self.figures.today() {
            self.figures.advance(day);
        }
        let now = instant(self.figures.date(day));
        let mut report = RoundReport { day, ..RoundReport::default() };
        let (policy, agreed_policy) = (Arc::clone(&self.policy), Arc::clone(&self.agreed));
        let mut stage = self.stage(&policy, now, RoundKind::Agents(Round::Allocation))?;
        let mut prepared = stage.prepare();
        report.outcomes = self.outcomes.settle(&self.figures, |at| self.standing.stands[at].key.clone(), prepared.curves());
        self.outcomes.enter(&mut stage.books);
        prepared.at_most(|key| self.setup.lines[*self.by_key.get(key)?].maximum);
        let proposals = stage.proposals(&prepared, Round::Allocation);
        let settlement = stage.settle(&prepared, Round::Allocation, proposals)?;
        let (own, agreed) = (stage.rule(&policy, settlement.clone()), stage.rule(&agreed_policy, settlement));
        drop(stage);
        let waiting = self.carry_out(own, agreed, now, &mut report);
        if !waiting.is_empty() {
            // In the daemon these follow within minutes, as soon as the platforms show the cuts that pay for them.
            let stage = self.stage(&policy, now, RoundKind::Wave)?;
            let (own, agreed) = (stage.rule_waiting(&policy, waiting.clone()), stage.rule_waiting(&agreed_policy, waiting));
            drop(stage);
            self.carry_out(own, agreed, now, &mut report);
        }
        self.last = report;
        Ok(self.advice(&prepared))
    }

    /// What the last decision consisted of.
    #[must_use]
    pub const fn last_round(&self) -> &RoundReport {
        &self.last
    }

    /// The exact budgets that stand, in the order of the campaigns.
    pub(super) fn amounts(&self) -> impl Iterator<Item = Money> {
        self.standing.stands.iter().map(|stand| stand.accepted)
    }

    /// The policy in force: every guardrail at its default.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn stage<'p>(&mut self, policy: &'p Policy, now: ProductTime, kind: RoundKind) -> Result<Stage<'p>, CycleError> {
        let mut books = self.standing.books(now, self.setup.currency)?;
        self.outcomes.enter(&mut books);
        let members = self.standing.stands.iter().map(|stand| stand.key.clone()).collect();
        let id = pool();
        let view = PoolView::of(policy, &id, self.figures.views.iter().map(Arc::clone).collect(), members).ok_or(CycleError::NoPool(id))?;
        Ok(Stage::at_once(policy, view, books, now, kind))
    }

    /// Makes what was agreed to part of the advice; returns what waits for money that it frees. What the policy in force would have asked is said.
    fn carry_out(&mut self, own: Judged, agreed: Judged, now: ProductTime, report: &mut RoundReport) -> Vec<Settled> {
        let (own, agreed) = (own.into_parts(), agreed.into_parts());
        let judged = |ruled: Ruled| -> Option<(EntityKey, Ruled)> { Some((ruled.settled().wish.change.entity()?.clone(), ruled)) };
        let mut asked: BTreeMap<EntityKey, Ruled> = own.escalated.into_iter().filter_map(judged).collect();
        let mut alone: BTreeMap<EntityKey, Ruled> = own.cleared.into_iter().filter_map(judged).collect();
        for (entity, ruled) in agreed.cleared.into_iter().filter_map(judged) {
            let Some(at) = self.by_key.get(&entity).copied() else { continue };
            let settled = ruled.settled();
            if !carries(&settled.wish.change) {
                continue;
            }
            self.standing.apply(at, &settled.wish.change, now);
            self.show(at);
            let said = match (asked.remove(&entity), alone.remove(&entity)) {
                (Some(ticket), _) => ticket,
                (None, Some(alone)) => {
                    if let Some((agent, stake)) = stake(alone.settled()) {
                        self.standing.stake(agent, stake, now);
                    }
                    alone
                }
                // What the money of an approved cut pays for: the daemon would have come to it in a later round.
                (None, None) => ruled,
            };
            if let Some(action) = action(at, said, true) {
                self.outcomes.begin(at, &action.agent, &action.change, action.prediction.as_ref(), report.day);
                report.actions.push(action);
            }
        }
        for (entity, ruled) in asked {
            report.actions.extend(self.by_key.get(&entity).and_then(|at| action(*at, ruled, false)));
        }
        report.denied += agreed.denied.len();
        report.conflicts.extend(own.conflicts);
        report.left_alone.extend(agreed.left_alone);
        agreed.waiting
    }

    /// The platform shows what stands.
    fn show(&mut self, at: usize) {
        let stand = &self.standing.stands[at];
        let (amount, active) = (stand.accepted, stand.active);
        self.figures.set(at, |campaign, budget| {
            campaign.status = if active { RunStatus::Active } else { RunStatus::Paused };
            campaign.serving = active;
            budget.amount = amount;
        });
    }

    fn advice(&self, prepared: &Prepared) -> Advice {
        let stands = &self.standing.stands;
        Advice {
            budgets: stands.iter().map(|stand| stand.accepted.estimate()).collect(),
            statuses: stands.iter().map(|stand| u8::from(stand.active)).collect(),
            creative_weights: self.creatives.as_ref().map(Creatives::weights),
            predict: forecast(stands, prepared.curves()),
        }
    }
}

/// Whether the protocol can say it: budgets and statuses.
fn carries(change: &Change) -> bool {
    match change {
        Change::Budget { .. } | Change::Status { .. } => true,
        Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => false,
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => false,
    }
}

fn action(campaign: usize, ruled: Ruled, carried_out: bool) -> Option<Action> {
    let (settled, verdicts, ticket) = ruled.into_parts();
    let agent = settled.actor.agent()?.clone();
    let wish = settled.wish;
    Some(Action {
        campaign,
        agent,
        change: wish.change,
        reason: wish.reason,
        confidence: wish.confidence,
        prediction: wish.prediction,
        verdicts,
        asked: ticket.map(|ticket| ticket.waivable).unwrap_or_default(),
        carried_out,
    })
}

/// What an agent stakes alone: what it says, and never less than a day of the money it adds.
fn stake(settled: &Settled) -> Option<(&AgentId, Money)> {
    let said = settled.wish.cost_if_wrong;
    let lift = match &settled.wish.change {
        Change::Budget { from, to, .. } if settled.wish.change.direction() == Direction::Growth => to.checked_sub(*from).ok()?,
        Change::Budget { .. } | Change::Status { .. } | Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } => said,
        Change::Targeting { .. } | Change::CreateCampaign(_) | Change::CreateAdGroup(_) => said,
        Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => said,
    };
    Some((settled.actor.agent()?, said.larger(lift).ok()?))
}
