//! Shards and their leases: what belongs together runs on one node, under one token. The holder fences itself on its own monotonic clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::domain::ids::{AccountId, NodeId, PoolId, ShardId};
use crate::domain::policy::Policy;
use crate::ledger::{self, LedgerError};
use crate::store::lease::Lease;
use crate::store::step::Moment;
use crate::store::{Store, StoreError};

/// How long a lease lasts.
pub const LEASE: Duration = Duration::from_secs(6);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(2);
/// How soon a failed renewal is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Accounts and pools that share money or writes: a connected component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its shard.
    pub shard: ShardId,
    /// Its accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Its pools.
    pub pools: BTreeSet<PoolId>,
}

/// The components of a policy. A shard's name follows from its members, so that other members mean another shard.
#[must_use]
pub fn components(policy: &Policy) -> Vec<Component> {
    let mut groups: Vec<(BTreeSet<AccountId>, BTreeSet<PoolId>)> =
        policy.accounts.keys().map(|account| (BTreeSet::from([account.clone()]), BTreeSet::new())).collect();
    for (pool, settings) in &policy.pools {
        let mut merged = (BTreeSet::new(), BTreeSet::from([pool.clone()]));
        groups.retain(|(accounts, pools)| {
            let touches = settings.members.accounts.iter().any(|account| accounts.contains(account));
            if touches {
                merged.0.extend(accounts.iter().cloned());
                merged.1.extend(pools.iter().cloned());
            }
            !touches
        });
        groups.push(merged);
    }
    let mut components: Vec<Component> = groups
        .into_iter()
        .map(|(accounts, pools)| {
            let digest = Sha256::digest(json!({ "accounts": accounts, "pools": pools }).to_string());
            let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            let shard = format!("shard-{mark}").parse().expect("a plain name");
            Component { shard, accounts, pools }
        })
        .collect();
    components.sort_by(|a, b| a.shard.cmp(&b.shard));
    components
}

/// A lease this node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// The lease.
    pub lease: Lease,
    /// Until when at least; read on the monotonic clock before the lease was asked for.
    pub until: Instant,
}

/// The leases this node holds now, by shard.
pub type Leases = BTreeMap<ShardId, HeldLease>;

/// Opens the shards of `components` and closes those of earlier memberships; each new chain begins with the heads of the closed ones.
///
/// # Errors
/// [`LedgerError`] from the database.
pub async fn open(store: &Store, components: &[Component], when: Moment) -> Result<(), LedgerError> {
    store
        .write(|mut tx| async move {
            ledger::control::open_workspace_chain(&mut tx, when.at).await?;
            let known = tx.shards().await?;
            let mut heads = BTreeMap::new();
            for row in known.iter().filter(|row| row.closed.is_none() && row.id != ledger::workspace_shard()) {
                if !components.iter().any(|component| component.shard == row.id) {
                    tx.close_shard(&row.id, when.at).await?;
                    heads.insert(row.id.to_string(), json!({ "seq": row.seq, "head": row.head }));
                }
            }
            for component in components {
                let members = json!({ "accounts": component.accounts, "pools": component.pools });
                if tx.open_shard(&component.shard, &members.to_string(), when.at).await? {
                    let first = json!({ "members": members, "continues": heads });
                    tx.append_step(&component.shard, "shard.open", None, when, &first.to_string()).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Keeps taking and renewing the leases on `shards` until `stop`, then gives them up. `held` always shows what this node may use.
pub async fn keep(store: Store, clock: Clock, node: NodeId, shards: Vec<ShardId>, held: watch::Sender<Leases>, stop: CancellationToken) {
    loop {
        let mut pause = RENEW;
        for shard in &shards {
            let asked = clock.instant();
            let node = &node;
            match store.write(|mut tx| async move { tx.acquire_lease(shard, node, LEASE).await }).await {
                Ok(Some(lease)) => held.send_if_modified(|held| {
                    let fresh = held.get(shard).is_none_or(|before| before.lease.token != lease.token);
                    if fresh {
                        info!(shard = %shard, token = lease.token, "this node acts for `{shard}`");
                    }
                    held.insert(shard.clone(), HeldLease { lease, until: asked + LEASE });
                    true
                }),
                Ok(None) => held.send_if_modified(|held| held.remove(shard).is_some()),
                Err(error) => {
                    let error: StoreError = error;
                    warn!(shard = %shard, error = %error, "the lease on `{shard}` could not be renewed");
                    pause = RETRY;
                    false
                }
            };
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    for held in held.send_replace(Leases::new()).into_values() {
        let lease = &held.lease;
        if let Err(error) = store.write(|mut tx| async move { tx.resign_lease(lease).await }).await {
            let error: StoreError = error;
            warn!(shard = %lease.shard, error = %error, "the lease on `{}` could not be given up; it runs out by itself", lease.shard);
        }
    }
}
