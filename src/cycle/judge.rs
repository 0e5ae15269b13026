//! Judging: predictions that are mature are scored against the counterfactual of the response model, from the figures as they stand now.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::{CycleError, Desk};
use crate::domain::change::Change;
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::ids::AccountId;
use crate::domain::metrics::Metrics;
use crate::domain::outcome::{OutcomeState, VoidReason};
use crate::domain::policy::Policy;
use crate::learning::{Ending, Maturity, ScoredDay, score};
use crate::ledger::outcomes::{self, Due, Ripe, Unreadable};
use crate::ledger::{DecisionBody, LedgerError};
use crate::observe::figures_now;
use crate::store::step::Moment;
use crate::store::{StoreError, Tx};

/// What one judgement did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgeReport {
    /// Predictions scored.
    pub scored: usize,
    /// Predictions that could not be.
    pub void: usize,
    /// Those whose rows say what cannot be: set aside, so that they hold up nobody else's.
    pub unreadable: Vec<Unreadable>,
}

/// Scores every prediction that is due, each in its own transaction. `curves` are what the learner believes now, for the counterfactual.
///
/// # Errors
/// [`CycleError`] from the database; what was scored before stays scored.
pub async fn judge(desk: &Desk, policy: &Policy, curves: &BTreeMap<EntityKey, CampaignCurve>) -> Result<JudgeReport, CycleError> {
    let when = Moment { at: desk.clock.now(), wall: desk.clock.wall() };
    let Ripe { due, unreadable } = desk.store.read(|mut tx| async move { outcomes::due(&mut tx, when.at).await }).await?;
    let mut report = JudgeReport { unreadable, ..JudgeReport::default() };
    for due in &due {
        let curve = curves.get(&due.row.entity);
        let state = desk
            .store
            .write(|mut tx| async move {
                let state = settle(&mut tx, policy, due, curve, when).await?;
                outcomes::save(&mut tx, &due.row.id, &state, when).await?;
                Ok::<_, LedgerError>(state)
            })
            .await;
        match state {
            Ok(OutcomeState::Scored { .. }) => report.scored += 1,
            Ok(OutcomeState::Void { .. } | OutcomeState::Open { .. }) => report.void += 1,
            Err(LedgerError::Store(StoreError::Stale { .. })) => {} // Somebody settled it meanwhile.
            Err(error) if is_the_rows_own(&error) => report.unreadable.push(Unreadable { id: due.row.id.to_string(), why: error.to_string() }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(report)
}

/// Whether what failed lies in the rows of one prediction, so that the next one may well be scored.
fn is_the_rows_own(error: &LedgerError) -> bool {
    match error {
        LedgerError::Store(error) => matches!(error, StoreError::Corrupt { .. }),
        LedgerError::Money(_)
        | LedgerError::Transition(_)
        | LedgerError::Ticket(_)
        | LedgerError::Missing { .. }
        | LedgerError::Changed { .. }
        | LedgerError::Scope(_)
        | LedgerError::Json(_) => true,
    }
}

async fn settle(tx: &mut Tx, policy: &Policy, due: &Due, curve: Option<&CampaignCurve>, when: Moment) -> Result<OutcomeState, LedgerError> {
    let account = &due.row.account;
    let Some(settings) = policy.accounts.get(account) else { return Ok(OutcomeState::Void { reason: VoidReason::NoData }) };
    let Some(row) = tx.decision(&due.row.decision).await? else { return Ok(OutcomeState::Void { reason: VoidReason::NoData }) };
    let body = DecisionBody::of(&row)?;
    let (members, from) = match body.change() {
        Change::Budget { budget, from, .. } => (budget.members.clone(), from.estimate()),
        Change::Status { entity, .. } => (vec![entity.clone()], due.prediction.planned_daily),
        Change::PartStatus { part, .. } | Change::Bid { part, .. } | Change::BidStrategy { part, .. } | Change::Targeting { part, .. } => {
            (vec![part.campaign.clone()], due.prediction.planned_daily)
        }
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => {
            return Ok(OutcomeState::Void { reason: VoidReason::NoData });
        }
    };
    let first = due.row.from.date_in(settings.time_zone) + Days::new(1);
    let last = first + Days::new(u64::from(due.prediction.horizon_days).saturating_sub(1));
    let days = figures(tx, account, &members, first, last).await?;
    let today = when.at.date_in(settings.time_zone);
    let maturity = Maturity::default();
    let days: Vec<ScoredDay> = days
        .into_iter()
        .map(|(day, figures)| {
            let age = usize::try_from(today.signed_duration_since(day).num_days()).unwrap_or(0);
            ScoredDay { day, figures, maturity: maturity.share(settings.platform, age) }
        })
        .collect();
    let ending = due.cut_at.map_or(Ending::Horizon, |at| Ending::OurChange(at.date_in(settings.time_zone)));
    Ok(score(&due.prediction, &days, ending, curve, from))
}

/// Sums of the members' figures for each day from `first` to `last` that has any.
async fn figures(
    tx: &mut Tx,
    account: &AccountId,
    members: &[EntityKey],
    first: NaiveDate,
    last: NaiveDate,
) -> Result<BTreeMap<NaiveDate, Metrics>, LedgerError> {
    let mut days: BTreeMap<NaiveDate, Metrics> = BTreeMap::new();
    for fact in figures_now(tx, account, first, last).await? {
        if !members.contains(&fact.entity) {
            continue;
        }
        let sum = match days.get(&fact.day) {
            Some(sum) => sum.checked_add(&fact.metrics)?,
            None => fact.metrics,
        };
        days.insert(fact.day, sum);
    }
    Ok(days)
}
