//! The audit finds what was changed behind the ledger's back, and nothing where nothing was.

use adjutant::ledger::audit;

use super::*;
use crate::on_both_engines;

on_both_engines! {
    async fn i7_a_whole_log_verifies_also_without_a_daemon(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100, 100]).await;
        desk.enact(set(1, 100, 120)).await;
        desk.decide(set(2, 100, 5_000)).await;
        let report = audit::verify_at(&bench.url).await.expect("readable beside a daemon");
        assert!(report.is_clean(), "{:?}", report.faults);
        assert_eq!((report.decisions, report.dispatches), (2, 1));
        assert_eq!(report.entries, 6);
    }

    async fn i7_a_decision_moved_behind_the_logs_back_is_found(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let id = desk.enact(set(1, 100, 120)).await;
        bench.tamper(&format!("UPDATE decision_state SET state = 'failed' WHERE decision = '{id}'")).await.expect("a projection can be edited");
        let report = audit::verify(&desk.store).await.expect("readable");
        assert!(report.faults.iter().any(|fault| fault.starts_with("PROJECTION")), "{:?}", report.faults);
    }

    async fn i7_an_entry_somebody_edits_past_the_locks_is_found(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        desk.enact(set(1, 100, 120)).await;
        // Whoever owns the database can take its locks off; the hashes stay.
        let off = if bench.is_postgres() { "DROP TRIGGER step_no_update ON step" } else { "DROP TRIGGER step_no_update" };
        bench.tamper(off).await.expect("dropped");
        let edits = [
            ("CHAIN_EDITED", "UPDATE step SET wall_ms = wall_ms + 1 WHERE seq = 2", "UPDATE step SET wall_ms = wall_ms - 1 WHERE seq = 2"),
            ("CHAIN_EDITED", "UPDATE step SET kind = 'denied' WHERE seq = 2", "UPDATE step SET kind = 'authorised' WHERE seq = 2"),
        ];
        for (code, edit, back) in edits {
            bench.tamper(edit).await.expect("edited");
            let report = audit::verify(&desk.store).await.expect("readable");
            assert!(report.faults.iter().any(|fault| fault.starts_with(code)), "{edit}: {:?}", report.faults);
            bench.tamper(back).await.expect("edited back");
        }
        let report = audit::verify(&desk.store).await.expect("readable");
        assert!(report.is_clean(), "{:?}", report.faults);
    }

    async fn i7_a_step_somebody_added_or_a_request_without_one_is_found(bench) {
        let desk = Desk::open(&bench.store, policy(wide(), 1_000), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        let (dispatch, decision) = (&desk.request(id), &id);
        desk.store.write(|mut tx| async move { tx.insert_dispatch(dispatch, std::slice::from_ref(decision), None).await }).await.expect("stored");
        let when = desk.now();
        desk.store.write(|mut tx| async move { tx.append_step(&shard(), "applied", Some(&decision.to_string()), when, "{}").await }).await.expect("appended");
        let report = audit::verify(&desk.store).await.expect("readable");
        for code in ["STEP_ILLEGAL", "DISPATCH_UNLOGGED"] {
            assert!(report.faults.iter().any(|fault| fault.starts_with(code)), "{code}: {:?}", report.faults);
        }
    }

    async fn i7_what_is_cut_off_at_any_point_is_whole_or_absent(bench) {
        let desk = &Desk::open(&bench.store, policy(wide(), 10_000), &[100; 6]).await;
        for (id, millis) in (1..=6).zip([0_u64, 1, 2, 4, 8, 16]) {
            let judged = desk.judge(vec![set(id, 100, 110)]).await;
            // The process goes away in the middle of it: its future is dropped.
            let _ = tokio::time::timeout(Duration::from_millis(millis), desk.record(judged)).await;
            let rows = desk.store.read(|mut tx| async move { tx.decisions_in_state(&account(), "authorised").await }).await.expect("readable");
            for row in rows {
                let _ = tokio::time::timeout(Duration::from_millis(millis), desk.claim(row.id)).await;
            }
        }
        let report = audit::verify(&desk.store).await.expect("readable");
        assert!(report.is_clean(), "{:?}", report.faults);
    }
}
