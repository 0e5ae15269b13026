//! The judge: every write the sandbox saw against the one request and the one earlier decision that explain it.

use std::collections::{BTreeMap, BTreeSet};

use adjutant::clock::ProductTime;
use adjutant::domain::change::Change;
use adjutant::domain::decision::DecisionState;
use adjutant::domain::entity::Campaign;
use adjutant::domain::ids::{AccountId, DecisionId, DispatchId};
use adjutant::execution::settle::{Field, Value as Aimed, aim};
use adjutant::ledger::DecisionBody;
use adjutant::store::decision::{DecisionFilter, DecisionRow};
use adjutant::store::dispatch::DispatchRow;
use adjutant::store::{Store, StoreError};
use serde_json::Value;

use super::ACCOUNTS;

/// What the ledger says of everything that was sent and of what stands on the platforms.
pub(crate) struct Ledger {
    pub decisions: BTreeMap<DecisionId, DecisionRow>,
    pub dispatches: Vec<DispatchRow>,
    /// The decisions of each request.
    carried: BTreeMap<DispatchId, Vec<DecisionId>>,
    /// The kinds of steps of each decision that was sent, with their content.
    steps: BTreeMap<DecisionId, Vec<(String, String)>>,
    /// Micros by platform and id of the budget: as read last, as accepted last.
    budgets: BTreeMap<(String, String), (i64, i64)>,
    /// Status by platform and id of the campaign: as read last, as accepted last.
    statuses: BTreeMap<(String, String), [String; 2]>,
}

/// The shipped accounts are named after their platforms.
fn platform(account: &AccountId) -> String {
    account.as_str().split('-').next().unwrap_or_default().to_owned()
}

impl Ledger {
    pub(crate) async fn read(store: &Store) -> Self {
        let read = store.read(|mut tx| async move {
            let decisions = tx.decisions(&DecisionFilter::default(), None, 100_000).await?;
            let (mut dispatches, mut carried, mut steps) = (Vec::new(), BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
            let (mut budgets, mut statuses) = (BTreeMap::new(), BTreeMap::<_, [String; 2]>::new());
            for account in ACCOUNTS {
                let account: AccountId = account.parse().expect("a plain name");
                let place = |id: &str| (platform(&account), id.to_owned());
                dispatches.extend(tx.account_dispatches_since(&account, ProductTime::from_ms(0)).await?);
                for row in tx.budgets_of_account(&account).await? {
                    budgets.insert(place(&row.budget.budget.key.id), (row.budget.amount.micros(), row.accepted.micros()));
                }
                for row in tx.entities_at(&account, i64::MAX, "campaign").await? {
                    let campaign: Campaign = serde_json::from_str(&row.payload.expect("only what is there")).expect("a stored campaign");
                    statuses.entry(place(&row.entity.id)).or_default()[0] = campaign.status.name().to_owned();
                }
                for row in tx.entities_at(&account, i64::MAX, "accepted_status").await? {
                    statuses.entry(place(&row.entity.id)).or_default()[1] = row.payload.expect("only what is there");
                }
            }
            for (dispatch, decision) in tx.dispatch_links().await? {
                carried.entry(dispatch).or_default().extend(decision);
            }
            for decision in carried.values().flatten().collect::<BTreeSet<_>>() {
                let of = tx.steps_of(&decision.to_string()).await?;
                steps.insert(*decision, of.into_iter().map(|step| (step.kind, step.body.unwrap_or_default())).collect());
            }
            let decisions = decisions.into_iter().map(|row| (row.id, row)).collect();
            Ok::<_, StoreError>(Self { decisions, dispatches, carried, steps, budgets, statuses })
        });
        read.await.expect("readable rows")
    }

    /// How many decisions have a request of which nobody knows the outcome.
    pub(crate) fn in_flight(&self) -> usize {
        self.decisions.values().filter(|row| matches!(row.state, DecisionState::Dispatched { .. } | DecisionState::Unknown)).count()
    }

    /// Budgets and statuses of which the platforms and the ledger say different things.
    pub(crate) fn differing(&self, state: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        for campaign in state["campaigns"].as_array().expect("campaigns") {
            let place = |id: &Value| (campaign["platform"].as_str().unwrap_or("").to_owned(), id.as_str().unwrap_or("").to_owned());
            let (id, budget) = (place(&campaign["id"]), place(&campaign["budget"]["id"]));
            let micros = campaign["budget"]["micros"].as_i64().unwrap_or(-1);
            if self.budgets.get(&budget) != Some(&(micros, micros)) {
                faults.push(format!("budget {budget:?}: the platform has {micros}, the ledger (read, accepted) {:?}", self.budgets.get(&budget)));
            }
            let status = campaign["status"].as_str().unwrap_or("");
            if self.statuses.get(&id).is_none_or(|known| known.iter().any(|known| known != status)) {
                faults.push(format!("campaign {id:?}: the platform has {status}, the ledger (read, accepted) {:?}", self.statuses.get(&id)));
            }
        }
        faults
    }

    /// The decision a request carries out, when it is exactly one and recorded before the request left.
    fn decision_of(&self, dispatch: &DispatchRow, faults: &mut Vec<String>) -> Option<&DecisionRow> {
        let decisions = self.carried.get(&dispatch.id).map_or(&[][..], Vec::as_slice);
        let [decision] = decisions else {
            faults.push(format!("request {} carries out {} decisions", dispatch.id, decisions.len()));
            return None;
        };
        let row = self.decisions.get(decision);
        match row {
            None => faults.push(format!("request {} carries out {decision}, which is lost", dispatch.id)),
            Some(row) if row.wall > dispatch.sent_wall => faults.push(format!("decision {decision} was sent before it was recorded")),
            Some(_) => {}
        }
        row
    }
}

/// What the judge found.
pub(crate) struct Judged {
    /// What must not be.
    pub faults: Vec<String>,
    /// The requests that took effect.
    pub effective: BTreeSet<DispatchId>,
}

/// Holds every write in the sandbox's log against the requests and decisions of the ledger, and these against the log.
pub(crate) fn judge(ledger: &Ledger, log: &[Value]) -> Judged {
    let mut faults = Vec::new();
    let mut explained: BTreeMap<DispatchId, &Value> = BTreeMap::new();
    let mut last: Option<(i64, DispatchId)> = None;
    let (mut repeated, mut arrived) = (0, 0);
    for row in log.iter().filter(|row| row["source"] == "api") {
        let (seq, wall) = (row["seq"].as_i64().expect("a number"), row["wall_ms"].as_i64().expect("a number"));
        if row["fault"] == "duplicate" {
            // Sent twice on the way, not by us: it stands right behind the write it repeats.
            repeated += 1;
            let repeats = last.is_some_and(|(before, dispatch)| before + repeated == seq && same_write(ledger, &dispatch, row));
            if !repeats {
                faults.push(format!("row {seq} repeats nothing: {row}"));
            }
            continue;
        }
        // What one request makes at once leaves a row each, of one instant; another attempt at the same carries the same bytes and comes later.
        let at_once = wall == arrived;
        arrived = wall;
        if let Some((_, sent)) = last
            && at_once
            && is_made(row)
            && same_write(ledger, &sent, row)
        {
            last = Some((seq, sent));
            continue;
        }
        repeated = 0;
        let fits = |sent: &&DispatchRow| matches(sent, row) && sent.sent_wall.ms() <= wall && !explained.contains_key(&sent.id);
        let Some(sent) = ledger.dispatches.iter().filter(fits).max_by_key(|sent| sent.sent_wall) else {
            faults.push(format!("no request explains row {seq}: {row}"));
            continue;
        };
        if let Some(decision) = ledger.decision_of(sent, &mut faults)
            && !wanted(decision, row)
        {
            faults.push(format!("row {seq} is not what decision {} decided: {row}", decision.id));
        }
        explained.insert(sent.id, row);
        last = Some((seq, sent.id));
    }
    let effective: BTreeSet<DispatchId> = explained.iter().filter(|(_, row)| row["outcome"] == "applied").map(|(id, _)| *id).collect();
    for sent in &ledger.dispatches {
        let said = match sent.result.as_deref() {
            Some("accepted" | "applied") => Some(true),
            Some("not_executed" | "refused" | "credentials" | "policy" | "failed") => Some(false),
            Some(_) | None => None,
        };
        if said.is_some_and(|said| said != effective.contains(&sent.id)) {
            faults.push(format!("request {} is recorded as {:?}; it took effect: {}", sent.id, sent.result, effective.contains(&sent.id)));
        }
    }
    for row in ledger.decisions.values() {
        let mut attempts: Vec<&DispatchRow> =
            ledger.dispatches.iter().filter(|sent| ledger.carried.get(&sent.id).is_some_and(|of| of.contains(&row.id))).collect();
        attempts.sort_by_key(|attempt| attempt.attempt);
        let effects = attempts.iter().filter(|attempt| effective.contains(&attempt.id)).count();
        if let Some((_, earlier)) = attempts.split_last()
            && let Some(open) = earlier.iter().find(|attempt| attempt.result.as_deref() != Some("not_executed"))
        {
            faults.push(format!("decision {} was tried again after an attempt that may have taken effect: {:?}", row.id, open.result));
        }
        let expected = match row.state {
            DecisionState::Applied | DecisionState::Scored | DecisionState::Void => 1..=1,
            DecisionState::Dispatched { .. } | DecisionState::Unknown | DecisionState::Escalated => 0..=1,
            // Nobody could tell what became of it, so a person was asked, who did not answer or let it be; the ledger never says that it was not done.
            DecisionState::Expired | DecisionState::Rejected if attempts.last().is_some_and(|last| last.result.as_deref() != Some("not_executed")) => 0..=1,
            _ => 0..=0,
        };
        if !expected.contains(&effects) {
            faults.push(format!("decision {} is {} and took effect {effects} times", row.id, row.state.name()));
        }
    }
    Judged { faults, effective }
}

/// Whether a row tells of something new, or of what is linked to it: its id is not the one that the request was about.
fn is_made(row: &Value) -> bool {
    row["field"] == "create" || row["field"] == "assets"
}

/// Whether a row may be the trace of this request: the same bytes, to the same platform, about the same thing where the row names one.
fn matches(sent: &DispatchRow, row: &Value) -> bool {
    let id = row["id"].as_str().unwrap_or("");
    row["body_sha256"] == sent.body_hash.as_str()
        && row["platform"] == platform(&sent.account).as_str()
        && (id.is_empty() || is_made(row) || sent.entity.as_ref().is_some_and(|entity| entity.id == id))
}

fn same_write(ledger: &Ledger, dispatch: &DispatchId, row: &Value) -> bool {
    ledger.dispatches.iter().any(|sent| sent.id == *dispatch && matches(sent, row))
}

/// Whether what took effect is what was decided, to the micro.
fn wanted(decision: &DecisionRow, row: &Value) -> bool {
    if row["outcome"] != "applied" {
        return true;
    }
    let body = DecisionBody::of(decision).expect("a stored decision");
    let Some(aim) = aim(body.change()) else { return makes(body.change()) };
    let (field, to) = match (aim.field, aim.to) {
        (Field::Budget, Aimed::Budget(amount)) => ("budget", amount.micros().to_string()),
        (Field::Status, Aimed::Status(status)) => ("status", status.name().to_owned()),
        (Field::Budget, Aimed::Status(_)) | (Field::Status, Aimed::Budget(_)) => return false,
    };
    row["id"] == aim.entity.id.as_str() && row["field"] == field && row["new"] == to.as_str()
}

/// Whether a change makes something.
fn makes(change: &Change) -> bool {
    match change {
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => true,
        Change::Budget { .. }
        | Change::Status { .. }
        | Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. } => false,
    }
}

/// Requests that a kill left without an answer and that were settled otherwise than as orphans: declared unknown first, then decided by reading.
pub(crate) fn badly_settled(ledger: &Ledger, stranded: &BTreeSet<DispatchId>) -> Vec<String> {
    let mut faults = Vec::new();
    for id in stranded {
        let Some(sent) = ledger.dispatches.iter().find(|sent| sent.id == *id) else {
            faults.push(format!("request {id} was open at a kill and is lost"));
            continue;
        };
        if !matches!(sent.result.as_deref(), Some("applied" | "failed")) {
            faults.push(format!("request {id} was open at a kill and ended as {:?}", sent.result));
        }
        for decision in &ledger.carried[id] {
            if !ledger.steps[decision].iter().any(|(kind, body)| kind == "unknown" && body.contains("ORPHAN")) {
                faults.push(format!("decision {decision} was open at a kill and never declared an orphan: {:?}", ledger.steps[decision]));
            }
        }
    }
    faults
}

/// What log and ledger say of every entity that the faults name a decision or request of.
pub(crate) fn history(ledger: &Ledger, log: &[Value], faults: &[String]) -> String {
    let named = |id: &str| faults.iter().any(|fault| fault.contains(id));
    let of = |sent: &DispatchRow| ledger.carried.get(&sent.id).into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
    let of_named = |sent: &&DispatchRow| named(&sent.id.to_string()) || of(sent).iter().any(|decision| named(decision));
    let entities: BTreeSet<_> = ledger.dispatches.iter().filter(of_named).filter_map(|sent| sent.entity.clone()).collect();
    let mut lines = Vec::new();
    for sent in ledger.dispatches.iter().filter(|sent| of_named(sent) || sent.entity.as_ref().is_some_and(|entity| entities.contains(entity))) {
        let steps = of(sent).iter().filter_map(|decision| ledger.steps.get(&decision.parse().ok()?)).collect::<Vec<_>>();
        lines.push((sent.sent_wall.ms(), format!("{sent:?} {steps:#?}")));
    }
    for row in log.iter().filter(|row| entities.iter().any(|entity| row["id"] == entity.id.as_str() || row["id"] == "")) {
        lines.push((row["wall_ms"].as_i64().unwrap_or(0), row.to_string()));
    }
    lines.sort();
    lines.into_iter().map(|(wall, line)| format!("{wall} {line}\n")).collect()
}
