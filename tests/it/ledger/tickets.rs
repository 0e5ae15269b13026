//! Tickets: what is asked, who may answer, and what an answer is good for.

use adjutant::domain::alert::AlertKind;
use adjutant::domain::decision::Event;
use adjutant::domain::ids::TicketId;
use adjutant::domain::ticket::{Severity, TicketError, TicketKind};
use adjutant::store::alert::Which;
use adjutant::store::ticket::TicketRow;
use adjutant::tickets::{self, Approved, Content, Question, alerts};
use chrono::TimeDelta;

use super::*;
use crate::on_both_engines;

/// People's changes above 30 % ask; above 500 units a day two people must agree.
fn asking() -> Policy {
    policy(Guardrails { ask_step_pct: Decimal::from(30), four_eyes_above: Decimal::from(500), ..wide() }, 10_000)
}

impl Desk {
    async fn open_tickets(&self) -> Vec<TicketRow> {
        self.store.read(|mut tx| async move { tx.open_tickets().await }).await.expect("readable")
    }

    async fn ticket(&self, id: TicketId) -> TicketRow {
        let id = &id;
        self.store.read(|mut tx| async move { tx.ticket(id).await }).await.expect("readable").expect("stored")
    }

    async fn approve(&self, ticket: &TicketRow, who: &str) -> Result<Approved, LedgerError> {
        let (ids, policy, who, when) = (&self.ids, &self.policy, &person(who), self.now());
        self.store.write(|mut tx| async move { tickets::approve(&mut tx, ids, policy, &ticket.id, who, (&ticket.bound_hash, "fine"), when).await }).await
    }

    /// A change that asks, and its ticket.
    async fn ask(&self, change: Settled) -> (DecisionId, TicketRow) {
        let (id, state) = self.decide(change).await;
        assert_eq!(state.name(), "escalated");
        let ticket = self.open_tickets().await.into_iter().find(|ticket| ticket.decision == Some(id)).expect("a ticket");
        (id, ticket)
    }

    async fn pinned(&self, ticket: &TicketRow, who: &str) -> Pin {
        match self.approve(ticket, who).await.expect("approved") {
            Approved::Pinned(pin) => *pin,
            other => panic!("not carried out: {other:?}"),
        }
    }
}

on_both_engines! {
    async fn i6_an_approval_is_carried_out_once_by_the_decision_it_was_asked_for(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        let content = Content::of(&ticket).expect("readable");
        assert_eq!((content.change, content.requester.as_deref()), (Some(Change::Budget { budget: budget(1), from: usd(100), to: usd(150) }), Some("ann")));
        assert_eq!((content.waives.as_slice(), ticket.risk), (["LARGE_STEP".to_owned()].as_slice(), Some(usd(5))));
        let pin = desk.pinned(&ticket, "bob").await;
        assert_eq!(desk.decision(id).await.state.name(), "approved");
        let carried = desk.carry_out(pin.clone()).await;
        assert_eq!((carried.decisions[0].id(), carried.decisions[0].state().name()), (id, "authorised"));
        assert!(matches!(desk.claim(id).await.expect("a claim"), Claim::Go(_)));
        desk.applied(id).await;
        let again = desk.carry_out(pin).await;
        assert!(again.decisions.iter().all(|decision| decision.state().name() == "denied"), "{again:?}");
        assert!(matches!(desk.approve(&ticket, "cid").await, Err(LedgerError::Ticket(TicketError::Closed("approved")))));
    }

    async fn i6_an_approval_nobody_carried_out_within_a_day_is_good_for_nothing(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        let pin = desk.pinned(&ticket, "bob").await;
        desk.clock.advance(TimeDelta::hours(25));
        let late = desk.carry_out(pin).await;
        assert!(late.decisions.iter().all(|decision| decision.state().name() == "denied"), "{late:?}");
        assert_eq!(desk.decision(id).await.state.name(), "denied");
    }

    async fn i6_an_approval_never_waives_a_rule_that_was_not_on_the_ticket_when_it_was_read(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100, 100]).await;
        let (id, read) = desk.ask(set(1, 100, 150)).await;
        assert_eq!(Content::of(&read).expect("readable").waives, ["LARGE_STEP"]);
        // Beside another increase the same change, on the same ground, needs two people.
        desk.round(vec![set(2, 100, 560), set(1, 100, 150)]).await;
        assert!(matches!(desk.approve(&read, "bob").await, Err(LedgerError::Ticket(TicketError::Closed("lapsed")))));
        assert_eq!(desk.decision(id).await.state.name(), "expired");
        let now = desk.open_tickets().await.into_iter().find(|ticket| ticket.subject == read.subject).expect("another question");
        assert_eq!((now.bound_hash, Content::of(&desk.ticket(now.id).await).expect("readable").waives.len()), (read.bound_hash, 2));
    }

    async fn i6_eight_rounds_that_carry_out_one_approval_authorise_it_once(bench) {
        let desk = &Desk::open(&bench.store, asking(), &[100]).await;
        let (_, ticket) = desk.ask(set(1, 100, 150)).await;
        let pin = desk.pinned(&ticket, "bob").await;
        let receipts = futures::future::join_all((0..8).map(|_| desk.carry_out(pin.clone()))).await;
        let authorised = receipts.iter().flat_map(|receipt| &receipt.decisions).filter(|decision| decision.state().name() == "authorised").count();
        assert_eq!(authorised, 1);
    }

    async fn i6_an_approval_is_good_for_exactly_what_was_shown(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        let mut pin = desk.pinned(&ticket, "bob").await;
        pin.wish.change = Change::Budget { budget: budget(1), from: usd(100), to: usd(160) };
        let carried = desk.carry_out(pin).await;
        assert_eq!((carried.decisions[0].state().name(), carried.decisions[0].code()), ("denied", Some("APPROVAL")));
        assert_eq!(desk.decision(id).await.state.name(), "denied");
    }

    async fn i6_a_policy_or_an_entity_that_changed_meanwhile_voids_an_approval(bench) {
        let mut desk = Desk::open(&bench.store, asking(), &[100, 100]).await;
        let (first, ticket) = desk.ask(set(1, 100, 150)).await;
        desk.see(1, 110, Delivering::Yes).await;
        assert!(matches!(desk.approve(&ticket, "bob").await.expect("an answer"), Approved::Lapsed(_)));
        assert_eq!((desk.ticket(ticket.id).await.state.as_str(), desk.decision(first).await.state.name()), ("lapsed", "expired"));
        let (second, ticket) = desk.ask(set(2, 100, 150)).await;
        let pin = desk.pinned(&ticket, "bob").await;
        let carried = desk.carry_out(pin).await;
        assert_eq!(carried.decisions[0].state().name(), "authorised");
        desk.policy.workspace.ask_step_pct = Decimal::from(25);
        desk.enact_policy().await;
        let Claim::No(refusal) = desk.claim(second).await.expect("an answer") else { panic!("it was approved under another policy") };
        assert_eq!((refusal.code.as_str(), refusal.state.name()), ("APPROVAL", "expired"));
    }

    async fn a_question_nobody_could_say_yes_to_any_more_closes_by_itself(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100, 100]).await;
        let (outdated, ticket) = desk.ask(set(1, 100, 150)).await;
        let (_, other) = desk.ask(set(2, 100, 150)).await;
        let (policy, when) = (&desk.policy, desk.now());
        let sweep = async || desk.store.write(|mut tx| async move { tickets::lapse_outdated(&mut tx, policy, when).await }).await.expect("swept");
        assert!(sweep().await.is_empty(), "nothing has changed");
        desk.see(1, 110, Delivering::Yes).await;
        assert_eq!(sweep().await, [ticket.id]);
        assert_eq!((desk.ticket(ticket.id).await.state.as_str(), desk.decision(outdated).await.state.name()), ("lapsed", "expired"));
        assert_eq!(desk.ticket(other.id).await.state, "open");
        assert!(sweep().await.is_empty());
    }

    async fn one_ticket_is_open_for_a_subject_kind_and_direction_and_says_what_is_asked_now(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (first, before) = desk.ask(set(1, 100, 150)).await;
        let (second, after) = desk.ask(set(1, 100, 160)).await;
        assert_eq!((after.id, after.deadline, desk.open_tickets().await.len()), (before.id, before.deadline, 1));
        assert_ne!(after.bound_hash, before.bound_hash);
        assert_eq!((desk.decision(first).await.state.name(), desk.decision(second).await.state.name()), ("expired", "escalated"));
        assert!(matches!(desk.approve(&before, "bob").await, Err(LedgerError::Changed { .. })), "what was shown is not what is asked now");
        assert!(matches!(desk.approve(&after, "bob").await, Ok(Approved::Pinned(_))));
    }

    async fn above_the_four_eyes_amount_two_people_who_did_not_ask_must_agree(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 700)).await;
        assert_eq!(ticket.severity, Severity::Critical);
        assert!(matches!(desk.approve(&ticket, "ann").await, Err(LedgerError::Ticket(TicketError::OwnRequest(_)))));
        assert!(matches!(desk.approve(&ticket, "bob").await, Ok(Approved::Half)));
        assert_eq!(desk.decision(id).await.state.name(), "escalated");
        let half = desk.ticket(ticket.id).await;
        assert!(matches!(desk.approve(&half, "bob").await, Err(LedgerError::Ticket(TicketError::SamePerson(_)))));
        let pin = desk.pinned(&half, "cid").await;
        assert_eq!(desk.carry_out(pin).await.decisions[0].state().name(), "authorised");
    }

    async fn what_was_half_approved_lapses_when_something_else_is_asked(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (first, ticket) = desk.ask(set(1, 100, 700)).await;
        assert!(matches!(desk.approve(&ticket, "bob").await, Ok(Approved::Half)));
        let (_, anew) = desk.ask(set(1, 100, 800)).await;
        assert_ne!(anew.id, ticket.id);
        assert_eq!((desk.ticket(ticket.id).await.state.as_str(), desk.decision(first).await.state.name()), ("lapsed", "expired"));
        assert!(matches!(desk.approve(&anew, "bob").await, Ok(Approved::Half)));
    }

    async fn silence_does_nothing_and_comes_after_a_reminder(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        assert_eq!(ticket.deadline, MONDAY + TimeDelta::days(2) + TimeDelta::hours(9), "27 business hours from Monday at nine");
        desk.clock.set(ticket.deadline - TimeDelta::hours(1));
        let (ids, when) = (&desk.ids, desk.now());
        let swept = desk.store.write(|mut tx| async move { Ok::<_, LedgerError>((tickets::remind(&mut tx, ids, when).await?, tickets::expire_due(&mut tx, when).await?)) });
        assert_eq!(swept.await.expect("swept"), (vec![ticket.id], vec![]));
        desk.clock.set(ticket.deadline);
        assert!(desk.approve(&desk.ticket(ticket.id).await, "bob").await.is_err(), "too late");
        let when = desk.now();
        let expired = desk.store.write(|mut tx| async move { tickets::expire_due(&mut tx, when).await }).await.expect("swept");
        assert_eq!((expired, desk.decision(id).await.state.name()), (vec![ticket.id], "expired"));
        assert_eq!(desk.books().await.committed[&pool()], usd(100));
    }

    async fn an_alert_ends_with_the_answer_to_its_ticket_and_says_so_when_nobody_answered(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let open = async || desk.store.read(|mut tx| async move { tx.alerts(Which::Open, None, 10).await }).await.expect("readable");
        let (_, ticket) = desk.ask(set(1, 100, 150)).await;
        assert_eq!(open().await.len(), 1);
        let bob = &person("bob");
        let (ids, ticket_id, when) = (&desk.ids, &ticket.id, desk.now());
        desk.store.write(|mut tx| async move { tickets::reject(&mut tx, ids, ticket_id, bob, "no", when).await }).await.expect("rejected");
        assert_eq!(open().await, []);
        let (_, ticket) = desk.ask(set(1, 100, 160)).await;
        desk.clock.set(ticket.deadline);
        let when = desk.now();
        desk.store.write(|mut tx| async move { tickets::expire_due(&mut tx, when).await }).await.expect("swept");
        let told = open().await;
        assert!(told.len() == 1 && told[0].title.starts_with("Nobody answered, and nothing was done: Raise the budget of "), "{told:?}");
    }

    async fn only_people_with_the_role_answer_and_a_refusal_is_final(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        let (ids, ticket_id, when) = (&desk.ids, &ticket.id, desk.now());
        let operator = &Person { name: "olga".into(), role: Role::Operator };
        let refused = desk.store.write(|mut tx| async move { tickets::reject(&mut tx, ids, ticket_id, operator, "no", when).await }).await;
        assert!(matches!(refused, Err(LedgerError::Ticket(TicketError::Role(Role::Approver)))));
        let bob = &person("bob");
        desk.store.write(|mut tx| async move { tickets::reject(&mut tx, ids, ticket_id, bob, "no", when).await }).await.expect("rejected");
        assert_eq!(desk.decision(id).await.state.name(), "rejected");
        assert!(desk.approve(&ticket, "cid").await.is_err());
    }

    async fn what_was_agreed_to_before_a_crash_is_pinned_in_the_next_round(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, ticket) = desk.ask(set(1, 100, 150)).await;
        desk.pinned(&ticket, "bob").await;
        let pins = desk.store.read(|mut tx| async move { tickets::pins(&mut tx, &pool()).await }).await.expect("readable");
        let [pin] = pins.as_slice() else { panic!("one pin: {pins:?}") };
        assert!(matches!(&pin.actor, Actor::Approval { decision, by, .. } if *decision == id && by == "bob"));
    }

    async fn a_write_nobody_can_account_for_blocks_its_entity_until_a_person_has_answered(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let (id, _) = desk.decide(set(1, 100, 120)).await;
        assert!(matches!(desk.claim(id).await.expect("a claim"), Claim::Go(_)));
        let content = Content::question("what happened?".into(), vec!["CROSSED: the platform shows 110".into()], json!({}));
        let question = &Question {
            kind: TicketKind::UnknownOutcome,
            subject: campaign(1).to_string(),
            direction: None,
            account: Some(account()),
            pool: Some(pool()),
            decision: Some(id),
            severity: Severity::Warning,
            risk: None,
            bound_hash: String::new(),
            content,
        };
        let (ids, clock, approvals, id, when) = (&desk.ids, &desk.clock, &desk.policy.approvals, &id, desk.now());
        let asked = desk.store.write(|mut tx| async move {
            ledger::unknown(&mut tx, id, &json!({}), when, None).await?;
            ledger::advance(&mut tx, id, Event::Escalate, &json!({}), when).await?;
            tickets::open(&mut tx, ids, clock, approvals, question, when).await
        });
        let ticket = desk.ticket(asked.await.expect("asked").ticket()).await;
        let books = desk.books().await;
        assert_eq!((books.committed[&pool()], books.unresolved.len()), (usd(120), 1));
        assert!(matches!(desk.approve(&ticket, "bob").await, Ok(Approved::Noted)));
        let books = desk.books().await;
        assert_eq!((books.committed[&pool()], books.unresolved.len(), desk.decision(*id).await.state.name()), (usd(100), 0, "expired"));
    }

    async fn an_escalation_raises_one_alert_which_is_owed_to_every_sink(bench) {
        let desk = Desk::open(&bench.store, asking(), &[100]).await;
        let sinks = &["webhook".to_owned()];
        desk.store.write(|mut tx| async move { alerts::set_sinks(&mut tx, sinks).await }).await.expect("set");
        desk.ask(set(1, 100, 150)).await;
        desk.ask(set(1, 100, 160)).await;
        let wall = desk.clock.wall();
        let (open, due) = desk
            .store
            .read(|mut tx| async move { Ok::<_, StoreError>((tx.alerts(Which::Open, None, 10).await?, tx.due_deliveries(wall, 10).await?)) })
            .await
            .expect("readable");
        assert_eq!(open.iter().map(|alert| alert.kind.as_str()).collect::<Vec<_>>(), [AlertKind::HighRiskDecision.name()]);
        assert_eq!(due.iter().map(|due| due.sink.as_str()).collect::<Vec<_>>(), ["webhook"]);
        let (id, when) = (&open[0].id, desk.now());
        desk.store.write(|mut tx| async move { alerts::acknowledge(&mut tx, id, "ann", when).await }).await.expect("noted");
    }
}
