//! A person's proposal. They say what and why; what stands there now is filled in from the view, so that a stale page cannot overwrite anything.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::json;

use super::{Said, Who, body, note};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::domain::change::Change;
use crate::domain::entity::{EntityKey, RunStatus};
use crate::domain::money::Money;
use crate::domain::proposal::{Evidence, Wish};
use crate::domain::view::AccountView;

/// Most wishes at once.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposed {
    wishes: Vec<Wished>,
    title: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
enum Wished {
    Budget {
        entity: EntityKey,
        to: Money,
        reason: String,
    },
    Status {
        entity: EntityKey,
        to: RunStatus,
        reason: String,
    },
    /// A change in full, with what it expects to find: everything below campaigns, and everything that is made.
    Change {
        change: Box<Change>,
        reason: String,
    },
}

impl Wished {
    fn on(self, admin: &Admin) -> Result<Wish, Problem> {
        let (account, reason) = match &self {
            Self::Budget { entity, reason, .. } | Self::Status { entity, reason, .. } => (&entity.account, note("reason", reason)?),
            Self::Change { change, reason } => (change.account(), note("reason", reason)?),
        };
        let view = admin.control().view(account).ok_or_else(|| Problem::missing(format!("account `{account}` that has been read")))?;
        let zero = Money::zero(view.currency);
        let change = match self {
            Self::Budget { entity, to, .. } => budget(&view, &entity, to)?,
            Self::Status { entity, to, .. } => status(&view, entity, to)?,
            Self::Change { change, .. } if change.is_in_inventory() => {
                return Err(Problem::invalid("kind", "expected `budget` or `status` for these: what stands there is filled in from the newest view"));
            }
            Self::Change { change, .. } => *change,
        };
        // A person's wish rests on the person: the guardrails judge it, nothing predicts it.
        Ok(Wish { change, reason, evidence: Evidence::default(), prediction: None, confidence: 1.0, cost_if_wrong: zero })
    }
}

/// The budget may be named itself, or by a campaign that spends from it.
fn budget(view: &AccountView, entity: &EntityKey, to: Money) -> Result<Change, Problem> {
    let named = view.budget(entity).or_else(|| view.campaign(entity).and_then(|campaign| view.budget(&campaign.budget.key)));
    let found = named.ok_or_else(|| Problem::missing(format!("budget `{entity}` in view")))?;
    if to.currency() != found.amount.currency() {
        return Err(Problem::invalid("to", format!("the budget is in {}", found.amount.currency())));
    }
    if to.micros() <= 0 {
        return Err(Problem::invalid("to", "expected an amount above 0; to stop a campaign, set its status"));
    }
    Ok(Change::Budget { budget: found.budget.clone(), from: found.amount, to })
}

fn status(view: &AccountView, entity: EntityKey, to: RunStatus) -> Result<Change, Problem> {
    let found = view.campaign(&entity).ok_or_else(|| Problem::missing(format!("campaign `{entity}` in view")))?;
    match to {
        RunStatus::Active | RunStatus::Paused => Ok(Change::Status { from: found.status, entity, to }),
        RunStatus::Ended => Err(Problem::invalid("to", "expected active or paused; nothing is ended from here")),
    }
}

/// `POST /api/v1/changes`.
pub(crate) async fn propose(State(admin): State<Admin>, Extension(who): Who, bytes: Bytes) -> Said {
    let proposed: Proposed = body(&bytes)?;
    if proposed.wishes.is_empty() || proposed.wishes.len() > MOST {
        return Err(Problem::invalid("wishes", format!("expected 1 to {MOST} wishes")));
    }
    let title = proposed.title.map(|title| note("title", &title)).transpose()?;
    let wishes = proposed.wishes.into_iter().map(|wished| wished.on(&admin)).collect::<Result<Vec<_>, _>>()?;
    let answers = admin.control().propose(who.name, wishes, title).await?;
    Ok(Json(json!({ "answers": answers })))
}
