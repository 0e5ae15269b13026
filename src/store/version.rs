//! Version rows: how deciding transactions take turns. A sum that is read and then added to would oversell without them.

use std::collections::BTreeSet;

use super::row::args;
use super::{StoreError, Tx};
use crate::domain::ids::{AccountId, PoolId};

/// The versions a deciding transaction holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of the workspace.
    pub workspace: i64,
    /// Of each account asked for, in the order of their ids.
    pub accounts: Vec<(AccountId, i64)>,
    /// Of each pool asked for, in the order of their ids.
    pub pools: Vec<(PoolId, i64)>,
}

impl Tx {
    /// Takes the version rows of the workspace, then of `accounts`, then of `pools`, each in the order of their ids, and raises them by one. The
    /// first statement of every transaction that decides, claims, pauses or approves: from here on it is alone until it ends.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn bump(&mut self, accounts: &BTreeSet<AccountId>, pools: &BTreeSet<PoolId>) -> Result<Versions, StoreError> {
        let workspace = self.bump_one("workspace", "workspace").await?;
        let mut versions = Versions { workspace, accounts: Vec::new(), pools: Vec::new() };
        for account in accounts {
            versions.accounts.push((account.clone(), self.bump_one("account", account.as_str()).await?));
        }
        for pool in pools {
            versions.pools.push((pool.clone(), self.bump_one("pool", pool.as_str()).await?));
        }
        Ok(versions)
    }

    async fn bump_one(&mut self, kind: &str, id: &str) -> Result<i64, StoreError> {
        let sql = "INSERT INTO version (kind, id, version) VALUES ($1, $2, 1) \
                   ON CONFLICT (kind, id) DO UPDATE SET version = version.version + 1 RETURNING version AS n";
        self.number("version", sql, args![kind, id]).await
    }
}
