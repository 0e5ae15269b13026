use super::*;
use crate::clock::ProductTime;
use crate::domain::ids::ShardId;

#[tokio::test]
async fn a_write_can_run_on_any_thread_and_is_seen_by_the_next_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}/a.db", folder.path().display());
    let store = Store::open(&url, ClockMode::Manual, Durability::Required).await.expect("a fresh database opens");
    let writer = store.clone();
    let shard: ShardId = "core".parse().expect("a name");
    let name = shard.clone();
    let written = tokio::spawn(async move {
        let name = &name;
        writer.write(|mut tx| async move { tx.open_shard(name, "{}", ProductTime::from_ms(1)).await }).await
    });
    assert!(matches!(written.await.expect("no panic"), Ok(true)));
    let found = store.read(|mut tx| async move { tx.shard(&shard).await }).await.expect("readable");
    assert_eq!(found.map(|row| row.seq), Some(0));
}
