//! Values into statements and out of rows, the same for both engines. A row that lies becomes [`StoreError::Corrupt`].

use std::fmt::Display;
use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Decode, Row as _, Type};

use super::error::StoreError;
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::EntityKey;
use crate::domain::ids::{
    AccountId, AgentId, AlertId, ApprovalId, ChangeSetId, ConflictId, DecisionId, DispatchId, HoldId, NodeId, OutcomeId, PollId, PoolId, RoundId, SessionId,
    ShardId, TicketId,
};
use crate::domain::money::{Currency, Money};

/// One bound value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Real(f64),
    Flag(Option<bool>),
    Text(Option<String>),
}

macro_rules! values {
    ($($from:ty, $name:ident => $value:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        }
    )*};
}
values! {
    i64, value => Self::Int(Some(value));
    u32, value => Self::Int(Some(i64::from(value)));
    Option<i64>, value => Self::Int(value);
    f64, value => Self::Real(value);
    bool, value => Self::Flag(Some(value));
    Option<bool>, value => Self::Flag(value);
    &str, value => Self::Text(Some(value.to_owned()));
    String, value => Self::Text(Some(value));
    &String, value => Self::Text(Some(value.clone()));
    Option<&str>, value => Self::Text(value.map(str::to_owned));
    Option<String>, value => Self::Text(value);
    ProductTime, value => Self::Int(Some(value.ms()));
    Option<ProductTime>, value => Self::Int(value.map(ProductTime::ms));
    WallTime, value => Self::Int(Some(value.ms()));
    Option<WallTime>, value => Self::Int(value.map(WallTime::ms));
}
macro_rules! named_values {
    ($($name:ty),* $(,)?) => {$(
        impl From<&$name> for Value {
            fn from(value: &$name) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }
        impl From<Option<&$name>> for Value {
            fn from(value: Option<&$name>) -> Self {
                Self::Text(value.map(ToString::to_string))
            }
        }
    )*};
}
named_values! {
    AccountId, PoolId, AgentId, ShardId, NodeId, DecisionId, RoundId, PollId, DispatchId, TicketId, ApprovalId, HoldId, ConflictId, AlertId, OutcomeId,
    ChangeSetId, SessionId, EntityKey, Currency,
}

/// The bound values of a statement, in the order of `$1`, `$2`, ...
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(crate::store::row::Value::from($value)),*] };
}
pub(crate) use args;

/// One row of either engine. The first column of every SELECT names the row in faults.
pub(crate) struct Row {
    pub(super) engine: EngineRow,
    pub(super) table: &'static str,
}

pub(super) enum EngineRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

trait Cell: for<'r> Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite> + for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres> {}
impl<T> Cell for T where T: for<'r> Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite> + for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres> {}

impl Row {
    fn get<T: Cell>(&self, column: &str) -> Result<T, StoreError> {
        match &self.engine {
            EngineRow::Sqlite(row) => row.try_get(column),
            EngineRow::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| self.lies(format!("column `{column}`: {error}")))
    }

    /// The fault that this row says what it cannot say.
    pub(crate) fn lies(&self, what: impl Display) -> StoreError {
        fn first<R>(row: &R) -> String
        where
            R: sqlx::Row,
            usize: sqlx::ColumnIndex<R>,
            String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
            i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
            R::Database: Database,
        {
            row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|id| id.to_string())).unwrap_or_else(|_| "?".into())
        }
        let id = match &self.engine {
            EngineRow::Sqlite(row) => first(row),
            EngineRow::Postgres(row) => first(row),
        };
        StoreError::Corrupt { table: self.table, id, what: what.to_string() }
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        self.get(column)
    }

    pub(crate) fn real(&self, column: &str) -> Result<f64, StoreError> {
        self.get(column)
    }

    pub(crate) fn maybe_flag(&self, column: &str) -> Result<Option<bool>, StoreError> {
        self.get(column)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|error| self.lies(format!("column `{column}`: {error}")))
    }

    pub(crate) fn maybe_parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?.map(|text| text.parse().map_err(|error| self.lies(format!("column `{column}`: {error}")))).transpose()
    }

    pub(crate) fn product(&self, column: &str) -> Result<ProductTime, StoreError> {
        self.int(column).map(ProductTime::from_ms)
    }

    pub(crate) fn maybe_product(&self, column: &str) -> Result<Option<ProductTime>, StoreError> {
        Ok(self.maybe_int(column)?.map(ProductTime::from_ms))
    }

    pub(crate) fn wall(&self, column: &str) -> Result<WallTime, StoreError> {
        self.int(column).map(WallTime::from_ms)
    }

    pub(crate) fn maybe_wall(&self, column: &str) -> Result<Option<WallTime>, StoreError> {
        Ok(self.maybe_int(column)?.map(WallTime::from_ms))
    }

    /// An amount in `column` of the currency in column `currency`.
    pub(crate) fn money(&self, column: &str) -> Result<Money, StoreError> {
        Ok(Money::from_micros(self.int(column)?, self.parse("currency")?))
    }

    pub(crate) fn maybe_money(&self, column: &str) -> Result<Option<Money>, StoreError> {
        match self.maybe_int(column)? {
            Some(micros) => Ok(Some(Money::from_micros(micros, self.parse("currency")?))),
            None => Ok(None),
        }
    }
}
