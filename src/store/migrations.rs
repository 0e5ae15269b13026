//! The schema: common files and engine lines, one numbering, merged into one [`Migrator`].

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::error::StoreError;
use super::tx::Engine;

struct File {
    version: i64,
    name: &'static str,
    common: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! file {
    ($version:literal, $name:literal) => {
        File {
            version: $version,
            name: $name,
            common: include_str!(concat!("../../migrations/", $name)),
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name)),
            postgres: include_str!(concat!("../../migrations/postgres/", $name)),
        }
    };
}

const FILES: &[File] = &[file!(1, "0001_first.sql"), file!(2, "0002_measured.sql")];

/// The number of the newest migration this build has.
pub(super) fn newest() -> i64 {
    FILES.iter().map(|file| file.version).max().unwrap_or(0)
}

/// Every migration for `engine`.
pub(super) fn migrator(engine: Engine) -> Migrator {
    let migrations = FILES.iter().map(|file| {
        let lines = match engine {
            Engine::Sqlite => file.sqlite,
            Engine::Postgres => file.postgres,
        };
        let sql = AssertSqlSafe(format!("{}\n{lines}", file.common)).into_sql_str();
        Migration::new(file.version, file.name.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// What a failed migration means for the person who started the daemon.
pub(super) fn fault(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::Newer { found, known: newest() },
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => StoreError::Schema(version),
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => StoreError::from(source),
        other => StoreError::Driver(sqlx::Error::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_listed_and_has_its_engine_lines() {
        for folder in ["migrations", "migrations/sqlite", "migrations/postgres"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut found: Vec<String> = std::fs::read_dir(path)
                .expect("the folder is part of the repository")
                .map(|entry| entry.expect("a readable entry").file_name().into_string().expect("plain names"))
                .filter(|name| name.ends_with(".sql"))
                .collect();
            found.sort();
            assert_eq!(found, FILES.iter().map(|file| file.name).collect::<Vec<_>>(), "{folder}");
        }
        for file in FILES {
            assert_eq!(file.name.split('_').next().and_then(|number| number.parse().ok()), Some(file.version));
        }
    }
}
