//! Reads of the platforms and what they brought: figures and entities, a new version only where something changed, so that what was known at
//! any poll can be read again.

use chrono::NaiveDate;

use super::row::{Row, args};
use super::{StoreError, Tx};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::EntityKey;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::metrics::Metrics;

/// A stored read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollRow {
    /// Its id.
    pub id: PollId,
    /// The account.
    pub account: AccountId,
    /// Its number within the account, from 1: the order of what was known.
    pub seq: i64,
    /// What was read, in one word of the observing room.
    pub kind: String,
    /// When, in product time.
    pub at: ProductTime,
    /// When it began, in UTC.
    pub started_wall: WallTime,
    /// When it ended, in UTC.
    pub finished_wall: WallTime,
    /// How it went, in one word of the observing room (`ok` for a whole read).
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// A read about to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPoll {
    /// Its id.
    pub id: PollId,
    /// The account.
    pub account: AccountId,
    /// What was read.
    pub kind: String,
    /// When, in product time.
    pub at: ProductTime,
    /// When it began, in UTC.
    pub started_wall: WallTime,
    /// When it ended, in UTC.
    pub finished_wall: WallTime,
    /// How it went.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// One entity's figures for one account day.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The entity.
    pub entity: EntityKey,
    /// The day, in the account's zone.
    pub day: NaiveDate,
    /// The figures.
    pub metrics: Metrics,
}

/// A stored version of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRow {
    /// The entity.
    pub entity: EntityKey,
    /// What the payload is, in one word of the observing room.
    pub kind: String,
    /// The read that brought it.
    pub poll_seq: i64,
    /// When that was.
    pub at: ProductTime,
    /// JSON of the observing room; none from the read on that no longer had the entity.
    pub payload: Option<String>,
}

macro_rules! poll_sql {
    ($tail:literal) => {
        concat!("SELECT id, account, seq, kind, at_ms, started_wall_ms, finished_wall_ms, outcome, error FROM poll ", $tail)
    };
}

impl Tx {
    /// Stores a read under the next number of its account.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken, or another node reads the same account.
    pub async fn insert_poll(&mut self, new: &NewPoll) -> Result<PollRow, StoreError> {
        let sql = "INSERT INTO poll (id, account, seq, kind, at_ms, started_wall_ms, finished_wall_ms, outcome, error) \
                   SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5, $6, $7, $8 FROM poll WHERE account = $2 RETURNING seq AS n";
        let values = args![&new.id, &new.account, &new.kind, new.at, new.started_wall, new.finished_wall, &new.outcome, new.error.as_deref()];
        let seq = self.number("poll", sql, values).await?;
        let NewPoll { id, account, kind, at, started_wall, finished_wall, outcome, error } = new.clone();
        Ok(PollRow { id, account, seq, kind, at, started_wall, finished_wall, outcome, error })
    }

    /// One read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn poll(&mut self, id: &PollId) -> Result<Option<PollRow>, StoreError> {
        self.row("poll", poll_sql!("WHERE id = $1"), args![id]).await?.as_ref().map(poll).transpose()
    }

    /// Read number `seq` of an account.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn poll_at(&mut self, account: &AccountId, seq: i64) -> Result<Option<PollRow>, StoreError> {
        self.row("poll", poll_sql!("WHERE account = $1 AND seq = $2"), args![account, seq]).await?.as_ref().map(poll).transpose()
    }

    /// The newest read of an account of this kind and outcome.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn newest_poll(&mut self, account: &AccountId, kind: &str, outcome: &str) -> Result<Option<PollRow>, StoreError> {
        let sql = poll_sql!("WHERE account = $1 AND kind = $2 AND outcome = $3 ORDER BY seq DESC LIMIT 1");
        self.row("poll", sql, args![account, kind, outcome]).await?.as_ref().map(poll).transpose()
    }

    /// The newest reads of an account, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn polls(&mut self, account: &AccountId, limit: u32) -> Result<Vec<PollRow>, StoreError> {
        let sql = poll_sql!("WHERE account = $1 ORDER BY seq DESC LIMIT $2");
        self.rows("poll", sql, args![account, limit]).await?.iter().map(poll).collect()
    }

    /// Stores what a read reported; figures that say what is known already make no new version. Returns how many versions were made.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn record_facts(&mut self, poll: &PollRow, facts: &[Fact]) -> Result<usize, StoreError> {
        let (Some(from), Some(to)) = (facts.iter().map(|fact| fact.day).min(), facts.iter().map(|fact| fact.day).max()) else { return Ok(0) };
        let known = self.facts_at(&poll.account, poll.seq, from, to).await?;
        let known: std::collections::BTreeMap<_, _> = known.into_iter().map(|fact| ((fact.entity, fact.day), fact.metrics)).collect();
        let mut made = 0;
        for fact in facts {
            if known.get(&(fact.entity.clone(), fact.day)) == Some(&fact.metrics) {
                continue;
            }
            let sql = "INSERT INTO fact (account, entity, day, poll_seq, at_ms, currency, spend_micros, impressions, clicks, conversions_milli, revenue_micros) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (entity, day, poll_seq) DO UPDATE SET currency = excluded.currency, \
                       spend_micros = excluded.spend_micros, impressions = excluded.impressions, clicks = excluded.clicks, \
                       conversions_milli = excluded.conversions_milli, revenue_micros = excluded.revenue_micros";
            let Metrics { spend, impressions, clicks, conversions_milli, revenue } = &fact.metrics;
            let values = args![
                &poll.account,
                &fact.entity,
                fact.day.to_string(),
                poll.seq,
                poll.at,
                &spend.currency(),
                spend.micros(),
                *impressions,
                *clicks,
                *conversions_milli,
                revenue.micros(),
            ];
            self.run(sql, values).await?;
            made += 1;
        }
        Ok(made)
    }

    /// The figures of an account from day `from` to `to`, both included, as they were known at its read number `poll_seq`, by entity and day.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn facts_at(&mut self, account: &AccountId, poll_seq: i64, from: NaiveDate, to: NaiveDate) -> Result<Vec<Fact>, StoreError> {
        let sql = "SELECT f.entity, f.day, f.currency, f.spend_micros, f.impressions, f.clicks, f.conversions_milli, f.revenue_micros FROM fact f \
                   WHERE f.account = $1 AND f.day >= $2 AND f.day <= $3 AND f.poll_seq <= $4 AND NOT EXISTS \
                   (SELECT 1 FROM fact g WHERE g.entity = f.entity AND g.day = f.day AND g.poll_seq > f.poll_seq AND g.poll_seq <= $4) \
                   ORDER BY f.entity, f.day";
        self.rows("fact", sql, args![account, from.to_string(), to.to_string(), poll_seq]).await?.iter().map(fact).collect()
    }

    /// The figures of an account from day `from` to `to` as they are known now, by entity and day.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn facts_now(&mut self, account: &AccountId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Fact>, StoreError> {
        self.facts_at(account, i64::MAX, from, to).await
    }

    /// The first day of an account that has any figures.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row lies.
    pub async fn first_day(&mut self, account: &AccountId) -> Result<Option<NaiveDate>, StoreError> {
        let row = self.row("fact", "SELECT MIN(day) AS day FROM fact WHERE account = $1", args![account]).await?;
        Ok(row.map(|row| row.maybe_parse("day")).transpose()?.flatten())
    }

    /// Removes versions of figures from before `before`, but the last of each UTC day and those that were valid at a read some stored round saw. Returns how
    /// many went.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn thin_facts(&mut self, account: &AccountId, before: ProductTime) -> Result<u64, StoreError> {
        let sql = "DELETE FROM fact WHERE account = $1 AND at_ms < $2 AND EXISTS (SELECT 1 FROM fact w WHERE w.entity = fact.entity AND w.day = fact.day \
                   AND w.poll_seq > fact.poll_seq AND w.at_ms < $2 AND w.at_ms / 86400000 = fact.at_ms / 86400000) \
                   AND NOT EXISTS (SELECT 1 FROM round_poll r WHERE r.account = fact.account AND r.poll_seq >= fact.poll_seq AND NOT EXISTS \
                   (SELECT 1 FROM fact x WHERE x.entity = fact.entity AND x.day = fact.day AND x.poll_seq > fact.poll_seq AND x.poll_seq <= r.poll_seq))";
        self.run(sql, args![account, before]).await
    }

    /// Stores the entities of one kind that a full read brought; those that changed get a new version, those it no longer has one without a payload.
    ///
    /// # Errors
    /// [`StoreError`] from the database.
    pub async fn record_entities(&mut self, poll: &PollRow, kind: &str, seen: &[(EntityKey, String)]) -> Result<usize, StoreError> {
        let known = self.entities_at(&poll.account, poll.seq, kind).await?;
        let known: std::collections::BTreeMap<_, _> = known.into_iter().map(|row| (row.entity, row.payload)).collect();
        let mut versions: Vec<(&EntityKey, Option<&str>)> = Vec::new();
        for (entity, payload) in seen {
            if known.get(entity).is_none_or(|known| known.as_deref() != Some(payload)) {
                versions.push((entity, Some(payload)));
            }
        }
        versions.extend(known.keys().filter(|key| !seen.iter().any(|(entity, _)| entity == *key)).map(|key| (key, None)));
        for (entity, payload) in &versions {
            let sql = "INSERT INTO entity_state (account, entity, poll_seq, at_ms, kind, payload) VALUES ($1, $2, $3, $4, $5, $6) \
                       ON CONFLICT (entity, kind, poll_seq) DO UPDATE SET payload = excluded.payload";
            self.run(sql, args![&poll.account, *entity, poll.seq, poll.at, kind, *payload]).await?;
        }
        Ok(versions.len())
    }

    /// The entities of one kind of an account as they were known at its read number `poll_seq`, by key; those gone by then are left out.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row lies.
    pub async fn entities_at(&mut self, account: &AccountId, poll_seq: i64, kind: &str) -> Result<Vec<EntityRow>, StoreError> {
        let sql = "SELECT e.entity, e.kind, e.poll_seq, e.at_ms, e.payload FROM entity_state e WHERE e.account = $1 AND e.kind = $2 AND e.poll_seq <= $3 \
                   AND e.payload IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entity_state g WHERE g.entity = e.entity AND g.kind = e.kind \
                   AND g.poll_seq > e.poll_seq AND g.poll_seq <= $3) ORDER BY e.entity";
        let rows = self.rows("entity_state", sql, args![account, kind, poll_seq]).await?;
        rows.iter()
            .map(|row| {
                Ok(EntityRow {
                    entity: row.parse("entity")?,
                    kind: row.text("kind")?,
                    poll_seq: row.int("poll_seq")?,
                    at: row.product("at_ms")?,
                    payload: row.maybe_text("payload")?,
                })
            })
            .collect()
    }
}

fn poll(row: &Row) -> Result<PollRow, StoreError> {
    Ok(PollRow {
        id: row.parse("id")?,
        account: row.parse("account")?,
        seq: row.int("seq")?,
        kind: row.text("kind")?,
        at: row.product("at_ms")?,
        started_wall: row.wall("started_wall_ms")?,
        finished_wall: row.wall("finished_wall_ms")?,
        outcome: row.text("outcome")?,
        error: row.maybe_text("error")?,
    })
}

fn fact(row: &Row) -> Result<Fact, StoreError> {
    Ok(Fact {
        entity: row.parse("entity")?,
        day: row.parse("day")?,
        metrics: Metrics {
            spend: row.money("spend_micros")?,
            impressions: row.int("impressions")?,
            clicks: row.int("clicks")?,
            conversions_milli: row.int("conversions_milli")?,
            revenue: row.money("revenue_micros")?,
        },
    })
}
