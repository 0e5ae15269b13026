//! Opening, locking, contention: what differs between engines and must not be seen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use adjutant::clock::ClockMode;
use adjutant::domain::decision::{DecisionState, Event};
use adjutant::domain::ids::IdGen;
use adjutant::domain::money::{Currency, Money};
use adjutant::store::{Durability, Store, StoreError};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::Barrier;

use super::*;
use crate::on_both_engines;

on_both_engines! {
    async fn a_lease_has_one_holder_and_its_token_rises_with_every_change_of_holder(bench) {
        let (store, long, short) = (&bench.store, Duration::from_secs(600), Duration::from_millis(1));
        let take = async |name: &'static str, ttl| store.write(|mut tx| async move { tx.acquire_lease(&shard(), &node(name), ttl).await }).await.expect("asked");
        let first = take("a", long).await.expect("free");
        assert_eq!(take("b", long).await, None, "held by a");
        assert_eq!(take("a", long).await.map(|lease| lease.token), Some(first.token), "renewed");
        let lease = &first;
        let gone: Result<(), StoreError> = store.write(|mut tx| async move { tx.resign_lease(lease).await }).await;
        gone.expect("resigned");
        let second = take("b", short).await.expect("free again");
        assert!(second.token > first.token);
        let held: Result<(), StoreError> = store.write(|mut tx| async move { tx.hold_lease(lease).await }).await;
        assert!(matches!(held, Err(StoreError::LeaseLost { token, .. }) if token == first.token), "{held:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let lease = &second;
        let held: Result<(), StoreError> = store.write(|mut tx| async move { tx.hold_lease(lease).await }).await;
        assert!(held.is_err(), "an expired lease is lost even if nobody took it");
        assert!(take("b", long).await.expect("expired").token > second.token, "a holder that let it expire starts anew");
    }

    async fn a_lease_left_by_a_killed_daemon_is_ended_only_where_the_lock_proves_that_nobody_else_lives(bench) {
        let (store, long) = (&bench.store, Duration::from_secs(600));
        let take = async |name: &'static str| store.write(|mut tx| async move { tx.acquire_lease(&shard(), &node(name), long).await }).await.expect("asked");
        let end = async || -> u64 { store.write(|mut tx| async move { tx.end_stale_leases().await }).await.expect("ended") };
        let killed = take("killed").await.expect("free");
        let lease = &killed;
        let ended = end().await;
        let held: Result<(), StoreError> = store.write(|mut tx| async move { tx.hold_lease(lease).await }).await;
        let next = take("next").await;
        if bench.is_postgres() {
            assert_eq!((ended, next), (0, None), "another node may live: its lease runs out by itself");
            held.expect("still its own");
        } else {
            assert_eq!(ended, 1);
            assert!(matches!(held, Err(StoreError::LeaseLost { .. })), "{held:?}");
            assert!(next.expect("free at once").token > killed.token);
        }
        assert_eq!(end().await, u64::from(!bench.is_postgres()), "once for every lease");
        assert_eq!(end().await, 0);
    }

    async fn i3_of_concurrent_deciding_transactions_only_one_takes_the_last_of_a_cap(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(3);
        let seen = poll(&bench.store, &ids, 1).await;
        for budget in 0..8 {
            see(&bench.store, budget, usd(100), &seen).await;
        }
        let cap = usd(830);
        let deciding = (0..8).map(|budget| {
            let (store, new) = (bench.store.clone(), raise(&ids, budget, usd(100), usd(120), 10));
            tokio::spawn(async move {
                let new = &new;
                let taken: Result<bool, StoreError> = store
                    .write(|mut tx| async move {
                        tx.bump(&BTreeSet::new(), &BTreeSet::from([pool()])).await?;
                        let committed = tx.commitments(&pool()).await?.into_iter().map(|entry| entry.live.larger(entry.open_target.unwrap_or(entry.live)).expect("USD"));
                        let committed = Money::sum(Currency::USD, committed).expect("USD");
                        if committed.checked_add(usd(20)).expect("USD").compare(cap).expect("USD").is_gt() {
                            return Ok(false);
                        }
                        tx.insert_decision(new).await?;
                        let authorised = DecisionState::Proposed.on(Event::Authorise).expect("allowed");
                        tx.move_decision(&new.id, DecisionState::Proposed, authorised, new.when, None, "{}").await?;
                        Ok(true)
                    })
                    .await;
                taken.expect("decided")
            })
        });
        let mut taken = 0;
        for decided in deciding.collect::<Vec<_>>() {
            taken += u32::from(decided.await.expect("no panic"));
        }
        assert_eq!(taken, 1, "the cap has room for one");
    }

    async fn an_error_of_the_closure_writes_nothing(bench) {
        let failed: Result<(), StoreError> = bench.store.write(|mut tx| async move {
            tx.set_meta("key", "value").await?;
            Err(StoreError::Broken)
        }).await;
        assert!(matches!(failed, Err(StoreError::Broken)));
        assert_eq!(bench.store.read(|mut tx| async move { tx.meta("key").await }).await.expect("readable"), None);
    }

    async fn a_transaction_in_which_a_statement_failed_is_not_committed_on_either_engine(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(1);
        let new = raise(&ids, 1, usd(1), usd(2), 1);
        let new = &new;
        let swallowed: Result<(), StoreError> = bench.store.write(|mut tx| async move {
            tx.insert_decision(new).await?;
            let again = tx.insert_change_set(&IdGen::seeded(1).next(new.when.at), "undo", "t", "ann", new.when, "{}").await;
            again?;
            let twice = tx.insert_change_set(&IdGen::seeded(1).next(new.when.at), "undo", "t", "ann", new.when, "{}").await;
            assert!(matches!(twice, Err(StoreError::Duplicate(_))), "{twice:?}");
            Ok(())
        }).await;
        assert!(matches!(swallowed, Err(StoreError::Broken)), "{swallowed:?}");
        assert_eq!(bench.store.read(|mut tx| async move { tx.decision(&new.id).await }).await.expect("readable"), None);
    }

    async fn a_read_cannot_write(bench) {
        let refused: Result<(), StoreError> = bench.store.read(|mut tx| async move { tx.set_meta("key", "value").await }).await;
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    }

    #[should_panic(expected = "already holds a transaction")]
    async fn code_that_holds_a_transaction_never_opens_another(bench) {
        let store = &bench.store;
        let _: Result<(), StoreError> = store.write(|_tx| async move { store.read(|_tx| async move { Ok(()) }).await }).await;
    }

    async fn a_reader_beside_a_running_daemon_sees_what_is_committed_and_writes_nothing(bench) {
        open_core(&bench.store).await;
        let reader = Store::open_read_only(&bench.url).await.expect("opens beside a daemon");
        let shards: Result<Vec<_>, StoreError> = reader.read(|mut tx| async move { tx.shards().await }).await;
        assert_eq!(shards.expect("readable").len(), 1);
        let refused: Result<(), StoreError> = reader.write(|mut tx| async move { tx.set_meta("key", "value").await }).await;
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
        reader.close().await;
    }

    async fn a_database_of_a_newer_build_is_refused_with_both_numbers(bench) {
        bench.tamper("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 9001, 'later', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1").await.expect("tampered");
        let reading = Store::open_read_only(&bench.url).await.expect_err("refused");
        let StoreError::Newer { found: 9001, known } = reading else { panic!("{reading:?}") };
        if bench.is_postgres() {
            let refused = bench.open_again(ClockMode::Manual).await.expect_err("refused");
            assert!(refused.to_string().starts_with(&format!("NEWER_SCHEMA: the database has schema 9001, this build knows {known}")), "{refused}");
        }
    }
}

/// Lets go of the store and its lock, then opens its database again.
async fn reopened(bench: crate::engines::Bench, mode: ClockMode) -> (Result<Store, StoreError>, tempfile::TempDir) {
    let (url, folder) = bench.into_sqlite_folder().await;
    (Store::open(&url, mode, Durability::Required).await, folder)
}

#[tokio::test]
async fn a_postgres_database_remembers_its_clock_and_refuses_another() {
    let Some(bench) = crate::engines::Bench::postgres().await else { return };
    let refused = bench.open_again(ClockMode::Real).await;
    assert!(matches!(refused, Err(StoreError::ClockMode { found: ClockMode::Manual, asked: ClockMode::Real })), "{refused:?}");
    bench.finish().await;
}

#[tokio::test]
async fn a_sqlite_database_of_another_clock_or_a_newer_build_is_refused_after_a_restart() {
    let (refused, _folder) = reopened(crate::engines::Bench::sqlite().await, ClockMode::Real).await;
    assert!(matches!(refused, Err(StoreError::ClockMode { .. })), "{refused:?}");
    let bench = crate::engines::Bench::sqlite().await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9001, 'later', TRUE, x'00', 1)";
    bench.tamper(sql).await.expect("tampered");
    let (refused, _folder) = reopened(bench, ClockMode::Manual).await;
    assert!(matches!(refused, Err(StoreError::Newer { found: 9001, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_sqlite_database_opens_again_after_a_restart_and_without_a_daemon_for_reading() {
    let (opened, folder) = reopened(crate::engines::Bench::sqlite().await, ClockMode::Manual).await;
    opened.expect("the same clock and schema").close().await;
    let url = format!("sqlite:{}", folder.path().join("adjutant.db").display());
    let reader = Store::open_read_only(&url).await.expect("no daemon runs");
    assert_eq!(reader.read(|mut tx| async move { tx.clock_mode().await }).await.expect("readable"), Some(ClockMode::Manual));
    let missing = Store::open_read_only(&format!("sqlite:{}", folder.path().join("missing.db").display())).await;
    assert!(missing.is_err(), "reading never makes a database");
}

#[tokio::test]
async fn after_a_kill_the_next_holder_of_a_sqlite_lease_need_not_wait_and_its_token_is_higher() {
    let bench = crate::engines::Bench::sqlite().await;
    let take = async |store: &Store, name: &'static str| {
        let taken = store.write(|mut tx| async move { tx.acquire_lease(&shard(), &node(name), Duration::from_secs(600)).await });
        taken.await.expect("asked")
    };
    let killed = take(&bench.store, "killed").await.expect("free");
    // Nothing was resigned: the file looks as a kill leaves it.
    let (opened, _folder) = reopened(bench, ClockMode::Manual).await;
    let store = opened.expect("the lock is free");
    assert_eq!(take(&store, "next").await, None, "the row alone proves nothing");
    let ended: u64 = store.write(|mut tx| async move { tx.end_stale_leases().await }).await.expect("ended");
    assert_eq!(ended, 1);
    let next = take(&store, "next").await.expect("free at once");
    assert!(next.token > killed.token, "{} after {}", next.token, killed.token);
    store.close().await;
}

#[tokio::test]
async fn a_second_daemon_on_the_same_sqlite_database_is_told_who_has_it() {
    let bench = crate::engines::Bench::sqlite().await;
    let refused = bench.open_again(ClockMode::Manual).await.expect_err("refused").to_string();
    let process = format!("LOCKED: another adjutant (process {})", std::process::id());
    assert!(refused.starts_with(&process) && refused.contains("adjutant.db.lock"), "{refused}");
}

#[tokio::test]
async fn a_database_held_by_another_program_is_refused_with_what_to_do() {
    let (url, _folder) = crate::engines::Bench::sqlite().await.into_sqlite_folder().await;
    let mut browser = SqliteConnection::connect(&url).await.expect("opens");
    browser.execute("BEGIN EXCLUSIVE").await.expect("held");
    let refused = Store::open(&url, ClockMode::Manual, Durability::Required).await.expect_err("refused");
    assert!(matches!(refused, StoreError::Held(_)) && refused.is_transient(), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_is_told_apart() {
    let (url, _folder) = crate::engines::Bench::sqlite().await.into_sqlite_folder().await;
    let mut small = SqliteConnection::connect(&url).await.expect("opens");
    // The least SQLite accepts is the size the file has: the next page does not fit any more.
    small.execute("PRAGMA max_page_count = 1").await.expect("limited");
    let full = small.execute("INSERT INTO meta (key, value) VALUES ('big', hex(randomblob(1000000)))").await.expect_err("no room");
    let full = StoreError::from(full);
    assert!(matches!(full, StoreError::Full(_)) && full.is_transient(), "{full:?}");
}

#[tokio::test]
async fn what_is_no_database_address_is_refused_without_showing_a_password() {
    for url in ["mysql://ann:secret@host/db", "sqlite::memory:", "adjutant.db", "postgres://ann:secret@host:notaport/db"] {
        let refused = Store::open(url, ClockMode::Manual, Durability::Required).await.expect_err("refused").to_string();
        assert!(refused.starts_with("DATABASE_URL:") && !refused.contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_refused_outside_tests() {
    let Some(bench) = crate::engines::Bench::postgres().await else { return };
    let refused = Store::open(&bench.url, ClockMode::Manual, Durability::Required).await.err();
    // A server given by address may well be a safe one.
    let given = std::env::var_os("ADJUTANT_TEST_POSTGRES").is_some();
    assert!(given || matches!(refused, Some(StoreError::Durability { setting: "synchronous_commit", .. })), "{refused:?}");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_that_block_each_other_are_run_again_until_both_are_committed() {
    let Some(bench) = crate::engines::Bench::postgres().await else { return };
    let (met, attempts) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let crossing = [["a", "b"], ["b", "a"]].map(|[first, second]| {
        let (store, met, attempts) = (bench.store.clone(), Arc::clone(&met), Arc::clone(&attempts));
        tokio::spawn(async move {
            let (met, attempts) = (&met, &attempts);
            let done: Result<(), StoreError> = store
                .write(|mut tx| async move {
                    tx.set_meta(first, first).await?;
                    if attempts.fetch_add(1, Ordering::SeqCst) < 2 {
                        met.wait().await;
                    }
                    tx.set_meta(second, first).await
                })
                .await;
            done
        })
    });
    for done in crossing {
        done.await.expect("no panic").expect("committed in the end");
    }
    assert_eq!(attempts.load(Ordering::SeqCst), 3, "one of the two was run again");
    bench.finish().await;
}

#[tokio::test]
async fn a_commit_whose_connection_breaks_is_never_repeated_blindly() {
    let Some(bench) = crate::engines::Bench::postgres().await else { return };
    let (runs, tampering) = (&AtomicU32::new(0), &bench);
    let lost: Result<(), StoreError> = bench
        .store
        .write(|mut tx| async move {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.set_meta("key", "value").await?;
            let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
            tampering.tamper(cut).await.expect("the test user may end connections");
            Ok(())
        })
        .await;
    assert!(matches!(lost, Err(StoreError::LostCommit(_))), "{lost:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    bench.finish().await;
}
