//! The log, decisions, dispatches and the money they commit.

use adjutant::domain::decision::{DecisionState, Event};
use adjutant::domain::ids::{DispatchId, IdGen};
use adjutant::ledger::chain::{Verifier, body_hash};
use adjutant::store::decision::{DecisionFilter, NewDecision};
use adjutant::store::dispatch::{DispatchRow, Purpose};

use super::*;
use crate::engines::Bench;
use crate::on_both_engines;

const AUTHORISED: DecisionState = DecisionState::Authorised { attempts: 0 };
const DISPATCHED: DecisionState = DecisionState::Dispatched { attempt: 1 };

/// Records a decision and walks it through `events`.
async fn recorded(store: &Store, new: &NewDecision, events: &[Event]) {
    let done: Result<(), StoreError> = store
        .write(|mut tx| async move {
            tx.insert_decision(new).await?;
            let mut state = DecisionState::Proposed;
            for event in events {
                let next = state.on(*event).expect("the machine has this step");
                tx.move_decision(&new.id, state, next, new.when, None, "{}").await?;
                state = next;
            }
            Ok(())
        })
        .await;
    done.expect("recorded");
}

async fn verify(bench: &Bench) -> Result<i64, String> {
    let walked: Result<_, StoreError> =
        bench.store.read(|mut tx| async move { Ok((tx.shard(&shard()).await?.expect("open"), tx.chain_page(&shard(), 0, 10_000).await?)) }).await;
    let (row, steps) = walked.map_err(|error| error.to_string())?;
    let mut verifier = Verifier::new(shard().as_str());
    for step in &steps {
        verifier.next(&step.link(), &step.hash, step.body.as_deref()).map_err(|fault| fault.to_string())?;
    }
    verifier.end(row.seq, &row.head).map_err(|fault| fault.to_string())?;
    Ok(row.seq)
}

fn request(ids: &IdGen, body: &str) -> DispatchRow {
    DispatchRow {
        id: ids.next(ProductTime::from_ms(9)),
        shard: shard(),
        account: account(),
        entity: Some(campaign(1)),
        purpose: Purpose::Ordinary,
        method: "POST".into(),
        url: "https://example.test/1".into(),
        body_hash: body_hash(body.as_bytes()),
        attempt: 1,
        poll: None,
        node: node("a"),
        lease_token: 1,
        at: ProductTime::from_ms(9),
        sent_wall: WallTime::from_ms(10),
        deadline_wall: WallTime::from_ms(2_010),
        answered_wall: None,
        result: None,
        answer: None,
    }
}

on_both_engines! {
    async fn i7_eight_writers_of_one_chain_leave_no_gap_and_it_verifies(bench) {
        open_core(&bench.store).await;
        let writers = (0..8).map(|writer| {
            let store = bench.store.clone();
            tokio::spawn(async move {
                for entry in 0..10 {
                    let body = format!("{writer}/{entry}");
                    let body = body.as_str();
                    let done: Result<_, StoreError> = store.write(|mut tx| async move { tx.append_step(&shard(), "note", Some("test"), moment(entry), body).await }).await;
                    done.expect("appended");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        assert_eq!(verify(bench).await, Ok(80));
    }

    async fn i7_what_was_written_to_the_log_can_be_neither_edited_nor_deleted(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(1);
        let new = raise(&ids, 1, usd(10), usd(12), 1);
        recorded(&bench.store, &new, &[Event::Authorise, Event::Dispatch]).await;
        let sent = request(&ids, "{}");
        let (id, dispatch) = (&new.id, &sent);
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_dispatch(dispatch, &[*id], Some("{}")).await }).await;
        done.expect("dispatched");
        for sql in [
            "UPDATE step SET kind = 'denied'",
            "DELETE FROM step",
            "UPDATE decision SET actor = 'ann'",
            "DELETE FROM decision",
            "UPDATE body SET content = 'other'",
            "DELETE FROM body",
            "UPDATE dispatch SET url = 'https://example.test/2'",
            "UPDATE dispatch SET body_hash = 'x'",
            "DELETE FROM dispatch",
            "UPDATE dispatch_decision SET decision = decision",
            "DELETE FROM decision_state",
            "UPDATE shard SET seq = 0",
            "DELETE FROM shard",
        ] {
            let refused = bench.tamper(sql).await.err().unwrap_or_else(|| panic!("{sql} was let through"));
            assert!(refused.to_string().contains("insert-only") , "{sql}: {refused}");
        }
        assert!(verify(bench).await.is_ok());
    }

    async fn an_erased_body_leaves_its_chain_whole(bench) {
        open_core(&bench.store).await;
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move {
            let step = tx.append_step(&shard(), "note", None, moment(1), "a name").await?;
            tx.erase_body(&step.body_hash).await?;
            tx.append_step(&shard(), "note", None, moment(2), "a name").await?;
            assert_eq!(tx.body(&step.body_hash).await?, None, "erased stays erased");
            Ok(())
        }).await;
        done.expect("erased");
        assert_eq!(verify(bench).await, Ok(2));
    }

    async fn nothing_is_appended_to_a_closed_chain(bench) {
        open_core(&bench.store).await;
        let closed: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.close_shard(&shard(), ProductTime::from_ms(1)).await }).await;
        closed.expect("closed");
        let refused: Result<_, StoreError> = bench.store.write(|mut tx| async move { tx.append_step(&shard(), "note", None, moment(1), "").await }).await;
        assert!(matches!(refused, Err(StoreError::Stale { table: "shard", .. })), "{refused:?}");
    }

    async fn a_decision_moves_only_from_the_state_it_was_read_in(bench) {
        open_core(&bench.store).await;
        let new = raise(&IdGen::seeded(1), 1, usd(10), usd(12), 1);
        recorded(&bench.store, &new, &[Event::Authorise, Event::Dispatch]).await;
        let id = &new.id;
        let again: Result<_, StoreError> = bench.store.write(|mut tx| async move { tx.move_decision(id, AUTHORISED, DISPATCHED, moment(3), None, "{}").await }).await;
        assert!(matches!(again, Err(StoreError::Stale { .. })), "{again:?}");
        let row = bench.store.read(|mut tx| async move { tx.decision(id).await }).await.expect("readable").expect("stored");
        assert_eq!((row.state, row.changed, row.moves, row.stake), (DISPATCHED, Some(new.when.at), Some((usd(10), usd(12))), Some(usd(7))));
        assert_eq!(row.body.as_deref(), Some(new.body.as_str()));
        let kinds: Vec<_> = bench.store.read(|mut tx| async move { tx.steps_of(&id.to_string()).await }).await.expect("readable").into_iter().map(|step| step.kind).collect();
        assert_eq!(kinds, ["proposed", "authorised", "dispatched"], "the refused move left no step");
    }

    async fn decisions_page_newest_first_without_loss_even_within_one_millisecond(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(5);
        for budget in 0..7 {
            recorded(&bench.store, &raise(&ids, budget, usd(1), usd(2), i64::from(budget / 3)), &[]).await;
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let cursor = after.as_ref();
            let page = bench.store.read(|mut tx| async move { tx.decisions(&DecisionFilter::default(), cursor, 2).await }).await.expect("readable");
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            seen.extend(page.into_iter().map(|row| row.seq));
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
        let filter = DecisionFilter { entity: Some(campaign(3)), state: Some("proposed".into()), actor: Some("scale".into()), ..DecisionFilter::default() };
        let filter = &filter;
        assert_eq!(bench.store.read(|mut tx| async move { tx.decisions(filter, None, 10).await }).await.expect("readable").len(), 1);
    }

    async fn committed_money_is_the_larger_of_live_and_open_target(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(5);
        let seen = poll(&bench.store, &ids, 1).await;
        for budget in 1..=3 {
            see(&bench.store, budget, usd(100), &seen).await;
        }
        recorded(&bench.store, &raise(&ids, 1, usd(100), usd(120), 2), &[Event::Authorise, Event::Dispatch, Event::LoseSight]).await;
        recorded(&bench.store, &raise(&ids, 2, usd(100), usd(80), 3), &[Event::Authorise]).await;
        recorded(&bench.store, &raise(&ids, 3, usd(100), usd(150), 4), &[Event::Deny]).await;
        let all = bench.store.read(|mut tx| async move { tx.commitments(&pool()).await }).await.expect("readable");
        let larger: Vec<_> = all.iter().map(|entry| entry.live.larger(entry.open_target.unwrap_or(entry.live)).expect("USD")).collect();
        assert_eq!(larger, [usd(120), usd(100), usd(100)]);
        let open = bench.store.read(|mut tx| async move { tx.open_of_pool(&pool()).await }).await.expect("readable");
        assert_eq!(open.len(), 2);
    }

    async fn a_request_gets_one_final_result(bench) {
        open_core(&bench.store).await;
        let ids = IdGen::seeded(1);
        let new = raise(&ids, 1, usd(10), usd(12), 1);
        recorded(&bench.store, &new, &[Event::Authorise, Event::Dispatch]).await;
        let (id, sent) = (&new.id, &request(&ids, "{\"budget\":12}"));
        let wrong: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_dispatch(sent, &[*id], Some("{}")).await }).await;
        assert!(matches!(wrong, Err(StoreError::Corrupt { .. })), "another body than the one hashed: {wrong:?}");
        let done: Result<(), StoreError> = bench.store.write(|mut tx| async move { tx.insert_dispatch(sent, &[*id], Some("{\"budget\":12}")).await }).await;
        done.expect("dispatched");
        let orphans = bench.store.read(|mut tx| async move { tx.unanswered_dispatches(&account()).await }).await.expect("readable");
        assert_eq!(orphans, std::slice::from_ref(sent));
        let finish = async |id: DispatchId, result: &'static str| {
            bench.store.write(|mut tx| async move { tx.finish_dispatch(&id, WallTime::from_ms(50), result, None).await }).await
        };
        assert!(finish(sent.id, "unknown").await.is_ok(), "unknown is not final");
        assert!(finish(sent.id, "applied").await.is_ok());
        assert!(matches!(finish(sent.id, "failed").await, Err(StoreError::Stale { .. })));
        let rows = bench.store.read(|mut tx| async move { tx.dispatches_of(id).await }).await.expect("readable");
        assert_eq!(rows.iter().map(|row| row.result.as_deref()).collect::<Vec<_>>(), [Some("applied")]);
    }
}
