//! Which pool a budget belongs to, and which budgets nobody may steer because part of what they pay for is outside: pure.

use std::collections::BTreeMap;

use crate::domain::entity::{Budget, Campaign, EntityKey, ReadOnly};
use crate::domain::ids::PoolId;
use crate::domain::policy::Policy;

/// The pool of each budget that has one. A budget belongs to a pool when every campaign it pays for does.
pub(crate) fn assign(policy: &Policy, campaigns: &[Campaign], budgets: &mut [Budget]) -> BTreeMap<EntityKey, PoolId> {
    let by_key: BTreeMap<&EntityKey, &Campaign> = campaigns.iter().map(|campaign| (&campaign.key, campaign)).collect();
    let mut pools = BTreeMap::new();
    for budget in budgets {
        let claims = |pool: &PoolId, member: &EntityKey| {
            let members = &policy.pools[pool].members;
            by_key.get(member).is_some_and(|campaign| members.take_in(&member.account, &campaign.name))
        };
        for pool in policy.pools.keys() {
            let inside = budget.budget.members.iter().filter(|member| claims(pool, member)).count();
            if inside > 0 && inside < budget.budget.members.len() {
                budget.read_only = Some(budget.read_only.unwrap_or(ReadOnly::MemberOutsidePool));
            }
            if inside > 0 {
                pools.entry(budget.budget.key.clone()).or_insert_with(|| pool.clone());
            }
        }
    }
    pools
}
