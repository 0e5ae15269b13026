//! What an approval binds: exactly this change, under exactly the policy of its scope, on an entity configured exactly as it was shown.

use serde_json::json;

use super::LedgerError;
use super::chain::body_hash;
use crate::domain::change::Change;
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AgentId, PoolId};
use crate::domain::policy::Policy;
use crate::store::Tx;
use crate::store::budget::BudgetRow;

/// The hash of `change`, of what the policy says about it, and of the configuration of what it touches; never of metrics, which move by themselves.
pub(crate) async fn binding(tx: &mut Tx, policy: &Policy, change: &Change, agent: Option<&AgentId>, pool: Option<&PoolId>) -> Result<String, LedgerError> {
    let account = change.account();
    let mut configured = Vec::new();
    if let Some(entity) = change.entity() {
        let pays_for = |row: &BudgetRow, key: &EntityKey| row.budget.budget.key == *key || row.budget.budget.members.contains(key);
        let touches = |row: &BudgetRow| pays_for(row, entity) || change.campaign().is_some_and(|campaign| pays_for(row, campaign));
        for row in tx.budgets_of_account(account).await?.into_iter().filter(touches) {
            let budget = &row.budget;
            configured.push(json!([budget.budget, budget.resource, budget.amount, budget.unit, budget.minimum, budget.read_only, row.pool, row.delivering]));
        }
    }
    let bound = json!({
        "change": change,
        "agent": agent,
        "guardrails": policy.guardrails(agent),
        "account": policy.accounts.get(account),
        "pool": pool.and_then(|pool| policy.pools.get(pool)),
        "calendar": policy.calendar,
        "configured": configured,
    });
    Ok(body_hash(bound.to_string().as_bytes()))
}
