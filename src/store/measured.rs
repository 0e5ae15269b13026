//! Conversions as a source beside the platform counted them: versioned like the platform's own figures, each under its source.

use chrono::NaiveDate;

use super::poll_fact::PollRow;
use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::ProductTime;
use crate::domain::entity::EntityKey;
use crate::domain::ids::AccountId;
use crate::domain::money::Money;

/// What a source counted for one entity and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredFact {
    /// The entity.
    pub entity: EntityKey,
    /// The day, in the account's zone.
    pub day: NaiveDate,
    /// Conversions in thousandths.
    pub conversions_milli: i64,
    /// What they brought.
    pub revenue: Money,
}

impl Tx {
    /// Stores what `source` counted, as of a read: one version for each fact given.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn record_measured(&mut self, poll: &PollRow, source: &str, facts: &[MeasuredFact]) -> Result<(), StoreError> {
        for MeasuredFact { entity, day, conversions_milli, revenue } in facts {
            let sql = "INSERT INTO measured (account, source, entity, day, poll_seq, at_ms, currency, conversions_milli, revenue_micros) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source, entity, day, poll_seq) DO UPDATE SET currency = excluded.currency, \
                       conversions_milli = excluded.conversions_milli, revenue_micros = excluded.revenue_micros";
            let values = args![&poll.account, source, entity, day.to_string(), poll.seq, poll.at, &revenue.currency(), *conversions_milli, revenue.micros()];
            self.run(sql, values).await?;
        }
        Ok(())
    }

    /// Removes versions from before `before`, but the last of each UTC day and those that were valid at a read some stored round saw. Returns how many went.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn thin_measured(&mut self, account: &AccountId, before: ProductTime) -> Result<u64, StoreError> {
        let sql = "DELETE FROM measured WHERE account = $1 AND at_ms < $2 AND EXISTS (SELECT 1 FROM measured w WHERE w.source = measured.source \
                   AND w.entity = measured.entity AND w.day = measured.day AND w.poll_seq > measured.poll_seq AND w.at_ms < $2 \
                   AND w.at_ms / 86400000 = measured.at_ms / 86400000) AND NOT EXISTS (SELECT 1 FROM round_poll r WHERE r.account = measured.account \
                   AND r.poll_seq >= measured.poll_seq AND NOT EXISTS (SELECT 1 FROM measured x WHERE x.source = measured.source \
                   AND x.entity = measured.entity AND x.day = measured.day AND x.poll_seq > measured.poll_seq AND x.poll_seq <= r.poll_seq))";
        self.run(sql, args![account, before]).await
    }

    /// What `source` had counted for an account from day `from` to `to`, both included, as known at its read number `poll_seq`, by entity and day.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn measured_at(
        &mut self,
        account: &AccountId,
        source: &str,
        poll_seq: i64,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<MeasuredFact>, StoreError> {
        let sql = "SELECT f.entity, f.day, f.currency, f.conversions_milli, f.revenue_micros FROM measured f \
                   WHERE f.account = $1 AND f.source = $2 AND f.day >= $3 AND f.day <= $4 AND f.poll_seq <= $5 AND NOT EXISTS \
                   (SELECT 1 FROM measured g WHERE g.source = f.source AND g.entity = f.entity AND g.day = f.day AND g.poll_seq > f.poll_seq \
                   AND g.poll_seq <= $5) ORDER BY f.entity, f.day";
        self.rows("measured", sql, args![account, source, from.to_string(), to.to_string(), poll_seq]).await?.iter().map(measured).collect()
    }
}

fn measured(row: &Row) -> Result<MeasuredFact, StoreError> {
    Ok(MeasuredFact {
        entity: row.parse("entity")?,
        day: row.parse("day")?,
        conversions_milli: row.int("conversions_milli")?,
        revenue: row.money("revenue_micros")?,
    })
}
