//! The daemon as people meet it: every request is checked, written down and carried out by the actors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{broadcast, oneshot};

use super::actor::ActorError;
use super::control::{
    AccountStatus, AgentStatus, Answer, Control, ControlError, Controlled, Event, InForce, Inquiry, Looser, Paused, PoolStatus, Reply, Stopped, Topic,
    Unreached,
};
use super::daemon::Daemon;
use super::pool::PoolMsg;
use super::seats::Seats;
use crate::domain::alert::AlertKind;
use crate::domain::change::Change;
use crate::domain::entity::{Level, RunStatus};
use crate::domain::ids::{AccountId, AgentId, AlertId, ChangeSetId, DecisionId, PoolId, TicketId};
use crate::domain::money::Money;
use crate::domain::policy::{Members, glob};
use crate::domain::proposal::{Actor, Evidence, Pin, Wish};
use crate::domain::scope::Scope;
use crate::domain::ticket::{Severity, TicketState};
use crate::domain::verdict::Verdict;
use crate::domain::view::AccountView;
use crate::execution::PauseError;
use crate::ledger::control::{By, control};
use crate::ledger::{DecisionBody, LedgerError, Receipt};
use crate::observe::Depth;
use crate::platforms::Lane;
use crate::store::StoreError;
use crate::store::scope::Verb;

/// How long a stop waits for a platform before it goes by what was last seen.
const LOOK: Duration = Duration::from_secs(2);

impl From<LedgerError> for ControlError {
    fn from(error: LedgerError) -> Self {
        let refused = |code: &str, text: String| Self::refused(code, &text);
        match &error {
            LedgerError::Missing { what, id } => Self::NotFound(format!("{what} `{id}`")),
            LedgerError::Ticket(ticket) => {
                let text = ticket.to_string();
                Self::refused(text.split(':').next().unwrap_or("TICKET"), &text)
            }
            LedgerError::Changed { .. } => refused("CHANGED", error.to_string()),
            LedgerError::Scope(_) => refused("SCOPE", error.to_string()),
            LedgerError::Transition(_) => refused("TRANSITION", error.to_string()),
            LedgerError::Store(StoreError::Stale { .. }) => refused("STALE", error.to_string()),
            LedgerError::Store(_) | LedgerError::Money(_) | LedgerError::Json(_) => Self::Unavailable(ActorError::from_chain(&error).what),
        }
    }
}

impl From<PauseError> for ControlError {
    fn from(error: PauseError) -> Self {
        match error {
            PauseError::Ledger(error) => error.into(),
            PauseError::Latched { .. } | PauseError::Gate(_) => Self::Unavailable(ActorError::from_chain(&error).what),
        }
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        LedgerError::from(error).into()
    }
}

impl Daemon {
    pub(super) fn seats(&self) -> Arc<Seats> {
        Arc::clone(&self.crew().seats)
    }

    fn known(&self, scope: &Scope) -> Result<(), ControlError> {
        let seats = self.seats();
        let policy = &seats.in_force.policy;
        let known = match scope {
            Scope::Workspace => true,
            Scope::Account(id) => policy.accounts.contains_key(id),
            Scope::Pool(id) => policy.pools.contains_key(id),
            Scope::Agent(id) => policy.agents.contains_key(id),
            Scope::Campaign(key) => policy.accounts.contains_key(&key.account),
        };
        if known { Ok(()) } else { Err(ControlError::NotFound(scope.to_string())) }
    }

    async fn rearm_scope(&self, scope: Scope, by: String, reason: String) -> Result<(), ControlError> {
        self.known(&scope)?;
        let seats = self.seats();
        let (when, by, scope, reason) = (seats.moment(), &By::Person(by), &scope, reason.as_str());
        seats.store.write(|mut tx| async move { control(&mut tx, scope, Verb::Rearm, by, reason, when).await }).await?;
        self.scopes_changed();
        Ok(())
    }

    /// A pause of a campaign that does not exist would leave whoever ordered it in the belief that something stands still.
    fn pausable(&self, scope: &Scope) -> Result<(), ControlError> {
        self.known(scope)?;
        let Scope::Campaign(key) = scope else { return Ok(()) };
        if key.level != Level::Campaign {
            let why = format!("`{key}` is no campaign; pause the campaign it belongs to, as account:campaign:id");
            return Err(ControlError::Invalid { field: "campaign".to_owned(), why });
        }
        // While an account has not been read, nobody knows better.
        match self.view(&key.account) {
            Some(view) if view.campaign(key).is_none() => Err(ControlError::NotFound(format!("campaign `{key}` in what was last read; nothing was paused"))),
            Some(_) | None => Ok(()),
        }
    }

    async fn pause_scope(&self, scope: Scope, by: String, reason: String) -> Result<Paused, ControlError> {
        self.pausable(&scope)?;
        let done = self.ground.pausing.pause(&scope, &By::Person(by), &reason).await;
        self.scopes_changed();
        Ok(Paused { in_flight: done?.in_flight })
    }

    async fn resume_scope(&self, scope: Scope, by: String, reason: String) -> Result<(), ControlError> {
        self.known(&scope)?;
        let done = self.ground.pausing.resume(&scope, &By::Person(by), &reason).await;
        self.scopes_changed();
        done?;
        Ok(())
    }

    async fn terminate_agent(&self, agent: AgentId, by: String, reason: String) -> Result<(), ControlError> {
        let scope = Scope::Agent(agent);
        self.known(&scope)?;
        let done = self.ground.pausing.terminate(&scope, &By::Person(by), &reason).await;
        self.scopes_changed();
        done?;
        Ok(())
    }

    fn scopes_changed(&self) {
        self.seats().tell(Event { topic: Topic::Scopes, cursor: 0 });
    }

    /// The pool a change belongs to: that of its budget, or of the budget its campaign spends from.
    pub(super) async fn pool_of(&self, change: &Change) -> Result<PoolId, ControlError> {
        let seats = self.seats();
        let account = change.account().clone();
        let Some(entity) = change.campaign().or_else(|| change.entity()).cloned() else { return self.pool_for(change) };
        let rows = seats.store.read(|mut tx| async move { tx.budgets_of_account(&account).await }).await?;
        let row = rows.iter().find(|row| row.budget.budget.key == entity || row.budget.budget.members.contains(&entity));
        let row = row.ok_or_else(|| ControlError::NotFound(format!("budget or campaign `{entity}`")))?;
        row.pool.clone().ok_or_else(|| ControlError::Refused {
            code: "NO_POOL".to_owned(),
            why: format!("NO_POOL: `{entity}` belongs to no pool, so no cap covers it: add it to a pool's members in agents.toml"),
        })
    }

    /// The pool that something new at an account will belong to: the one whose pattern fits its name; what has no name of its own belongs to the first
    /// pool that draws on the account.
    fn pool_for(&self, change: &Change) -> Result<PoolId, ControlError> {
        let (in_force, account) = (self.seats().policy(), change.account());
        let fits = |members: &Members| match change {
            Change::CreateCampaign(draft) => members.accounts.contains(account) && glob(&members.name, &draft.name),
            _ => members.accounts.contains(account),
        };
        let pool = in_force.policy.pools.iter().find(|(_, pool)| fits(&pool.members)).map(|(id, _)| id.clone());
        pool.ok_or_else(|| ControlError::Refused {
            code: "NO_POOL".to_owned(),
            why: format!("NO_POOL: no pool would have it, so no cap would cover it: give a pool of account `{account}` a name pattern that fits"),
        })
    }

    pub(super) async fn pinned(&self, pool: &PoolId, pins: Vec<Pin>, reason: &'static str) -> Result<Receipt, ControlError> {
        let seats = self.seats();
        let seat = seats.pools.get(pool).ok_or_else(|| ControlError::NotFound(format!("pool `{pool}`")))?;
        let _hurry = pins.iter().all(Pin::stops_delivery).then(|| seat.stops.wait());
        let (reply, answer) = oneshot::channel();
        let gone = || ControlError::Unavailable(format!("pool `{pool}` is being started again: try once more"));
        seat.mailbox.send(PoolMsg::Pins { pins, reason, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?.map_err(ControlError::Unavailable)
    }

    pub(super) async fn answers(&self, receipt: &Receipt) -> Result<Vec<Answer>, ControlError> {
        let seats = self.seats();
        let mut answers = Vec::new();
        for recorded in &receipt.decisions {
            let id = recorded.id();
            let row = seats.store.read(|mut tx| async move { tx.decision(&id).await }).await?;
            let verdicts: Vec<Verdict> = row.as_ref().map(DecisionBody::of).transpose()?.map(|body| body.verdicts).unwrap_or_default();
            answers.push(Answer { decision: id, state: recorded.state(), verdicts, ticket: recorded.ticket() });
        }
        Ok(answers)
    }

    async fn propose_all(&self, by: String, wishes: Vec<Wish>, title: Option<String>) -> Result<Vec<Answer>, ControlError> {
        if wishes.is_empty() {
            return Err(ControlError::Invalid { field: "wishes".to_owned(), why: "expected at least one".to_owned() });
        }
        let mut by_pool: BTreeMap<PoolId, Vec<Wish>> = BTreeMap::new();
        for wish in wishes {
            by_pool.entry(self.pool_of(&wish.change).await?).or_default().push(wish);
        }
        let set = match title {
            Some(title) => Some(self.change_set(&by, &title).await?),
            None => None,
        };
        // A pool that cannot answer keeps no other pool waiting, and what the others did stands.
        let (by, set) = (&by, &set);
        let pools = by_pool.into_iter().map(|(pool, wishes)| async move {
            let pins = wishes.into_iter().map(|wish| Pin { actor: Actor::Person { name: by.clone() }, wish, change_set: *set }).collect();
            let receipt = self.pinned(&pool, pins, "person").await?;
            if receipt.decisions.is_empty() {
                let why = receipt.left_alone.iter().map(|left| left.why.clone()).collect::<Vec<_>>().join("; ");
                return Err(ControlError::Refused {
                    code: "LEFT_ALONE".to_owned(),
                    why: if why.is_empty() { "nothing had to change".to_owned() } else { why },
                });
            }
            self.answers(&receipt).await
        });
        let answered: Result<Vec<_>, ControlError> = futures::future::join_all(pools).await.into_iter().collect();
        Ok(answered?.into_iter().flatten().collect())
    }

    async fn change_set(&self, by: &str, title: &str) -> Result<ChangeSetId, ControlError> {
        let seats = self.seats();
        let when = seats.moment();
        let id: ChangeSetId = seats.ids.next(when.at);
        let set = &id;
        seats.store.write(|mut tx| async move { tx.insert_change_set(set, "person", title, by, when, "{}").await }).await?;
        Ok(id)
    }

    /// Newest inventory of an account, read now.
    pub(super) async fn fresh(&self, account: &AccountId, lane: Lane) -> Result<Arc<AccountView>, ControlError> {
        let seats = self.seats();
        let seat = seats.accounts.get(account).ok_or_else(|| ControlError::NotFound(format!("account `{account}`")))?;
        seat.read_in(lane, Depth::Pulse).await.map_err(|why| ControlError::Unavailable(format!("account `{account}` could not be read: {why}")))
    }

    /// An account as it stands, or, where its platform does not answer in time, as it was last seen, if ever. Says why where it is not as it stands.
    async fn seen(&self, account: &AccountId) -> (Option<Arc<AccountView>>, Option<Unreached>) {
        let why = match tokio::time::timeout(LOOK, self.fresh(account, Lane::Urgent)).await {
            Ok(Ok(view)) => return (Some(view), None),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("account `{account}` was not read within {LOOK:?}"),
        };
        let last = self.seats().accounts.get(account).and_then(|seat| seat.view.borrow().clone());
        (last, Some(Unreached { account: account.clone(), why }))
    }

    async fn stop_all(&self, scope: Scope, by: String, reason: String) -> Result<Stopped, ControlError> {
        self.known(&scope)?;
        let seats = self.seats();
        let accounts: BTreeSet<AccountId> = match &scope {
            Scope::Workspace => seats.accounts.keys().cloned().collect(),
            Scope::Account(id) => BTreeSet::from([id.clone()]),
            Scope::Pool(id) => seats.in_force.policy.pools.get(id).map(|pool| pool.members.accounts.iter().cloned().collect()).unwrap_or_default(),
            Scope::Campaign(key) => BTreeSet::from([key.account.clone()]),
            Scope::Agent(_) => {
                return Err(ControlError::Invalid {
                    field: "scope".to_owned(),
                    why: "an agent delivers nothing: name a campaign, an account, a pool or the workspace".to_owned(),
                });
            }
        };
        let (mut wishes, mut unreached, mut blind) = (Vec::new(), Vec::new(), Vec::new());
        let looks = futures::future::join_all(accounts.iter().map(|account| self.seen(account))).await;
        for (account, (view, stale)) in accounts.iter().zip(looks) {
            if let Some(stale) = stale {
                let title = format!("Delivery of {scope} is to stop, and {}: its campaigns stop once it can be read; look there yourself", stale.why);
                seats.alert(AlertKind::Gap, account.as_str(), Severity::Critical, title).await;
                unreached.push(stale);
            }
            // What one platform keeps to itself must not go on spending on the others.
            let Some(view) = view else {
                blind.push(account.as_str());
                continue;
            };
            let rows = seats.store.read(|mut tx| async move { tx.budgets_of_account(account).await }).await?;
            for campaign in view.campaigns.iter().filter(|campaign| campaign.status == RunStatus::Active) {
                let pool = rows.iter().find(|row| row.budget.budget.members.contains(&campaign.key)).and_then(|row| row.pool.clone());
                let inside = match &scope {
                    Scope::Pool(id) => pool.as_ref() == Some(id),
                    Scope::Campaign(key) => campaign.key == *key,
                    Scope::Workspace | Scope::Account(_) | Scope::Agent(_) => pool.is_some(),
                };
                if inside {
                    let change = Change::Status { entity: campaign.key.clone(), from: RunStatus::Active, to: RunStatus::Paused };
                    let reason = if reason.is_empty() { format!("{by} stops delivery of {scope}") } else { reason.clone() };
                    let cost_if_wrong = Money::zero(view.currency);
                    wishes.push(Wish { change, reason, evidence: Evidence::default(), prediction: None, confidence: 1.0, cost_if_wrong });
                }
            }
        }
        let answers = if wishes.is_empty() { Vec::new() } else { self.propose_all(by, wishes, Some(format!("stop delivery of {scope}"))).await? };
        if blind.is_empty() {
            return Ok(Stopped { answers, unreached });
        }
        let (why, blind): (Vec<String>, String) = (unreached.into_iter().map(|account| account.why).collect(), blind.join(", "));
        let others = format!("{} campaign(s) are being stopped on the accounts of which something is known", answers.len());
        Err(ControlError::Unavailable(format!("{}; nothing was ever seen of {blind}, so nothing stops there; {others}", why.join("; "))))
    }

    async fn trigger_pool(&self, pool: PoolId) -> Result<(), ControlError> {
        let seats = self.seats();
        let seat = seats.pools.get(&pool).ok_or_else(|| ControlError::NotFound(format!("pool `{pool}`")))?;
        seat.mailbox.send(PoolMsg::Trigger).await.map_err(|_| ControlError::Unavailable(format!("pool `{pool}` is being started again")))
    }
}

impl Control for Daemon {
    fn policy(&self) -> Arc<InForce> {
        self.seats().policy()
    }

    fn view(&self, account: &AccountId) -> Option<Arc<AccountView>> {
        self.seats().accounts.get(account).and_then(|seat| seat.view.borrow().clone())
    }

    fn accounts(&self) -> Vec<AccountStatus> {
        let seats = self.seats();
        let status = |(account, seat): (&AccountId, &super::seats::AccountSeat)| {
            let (health, gateway) = (seat.health.borrow().clone(), seat.gateway.health());
            let view = seat.view.borrow().clone();
            AccountStatus {
                account: account.clone(),
                platform: seat.gateway.platform(),
                sandbox: seat.gateway.is_sandbox(),
                acting: health.acting,
                breaker: format!("{:?}", gateway.breaker).to_lowercase(),
                last_ok: health.last_ok,
                last_error: health.last_error,
                frozen: view.and_then(|view| view.frozen.as_ref().map(|frozen| format!("{frozen:?}"))),
                left: gateway.left.into_iter().chain(seat.left_beside()).collect(),
            }
        };
        seats.accounts.iter().map(status).collect()
    }

    fn agents(&self) -> Vec<AgentStatus> {
        let seats = self.seats();
        let status = |(agent, seat): (&AgentId, &super::seats::AgentSeat)| {
            let settings = seats.in_force.policy.agents.get(agent)?;
            let focus = seat.focus.borrow().clone();
            Some(AgentStatus {
                agent: agent.clone(),
                kind: settings.kind,
                pool: settings.pool.clone(),
                goal: settings.goal,
                priority: settings.priority,
                autonomy: settings.autonomy,
                state: *seat.state.borrow(),
                focus: focus.focus,
                progress: focus.progress,
                answered_at: focus.answered_at,
            })
        };
        seats.agents.iter().filter_map(status).collect()
    }

    fn pools(&self) -> Vec<PoolStatus> {
        let seats = self.seats();
        let status = |(pool, seat): (&PoolId, &super::seats::PoolSeat)| {
            let settings = seats.in_force.policy.pools.get(pool)?;
            let health = seat.health.borrow().clone();
            let views: Vec<Arc<AccountView>> =
                settings.members.accounts.iter().filter_map(|account| seats.accounts.get(account)).filter_map(|seat| seat.view.borrow().clone()).collect();
            Some(PoolStatus {
                pool: pool.clone(),
                last_round: health.last_round,
                last_round_at: health.last_round_at,
                next_round: health.next_round,
                last_error: health.last_error,
                daily_cap: settings.daily_cap,
                budgeted: budgeted(&views, settings.daily_cap),
                spent_today: spent_today(&views, settings.daily_cap),
            })
        };
        seats.pools.iter().filter_map(status).collect()
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.ground.events.subscribe()
    }

    fn is_ready(&self) -> bool {
        self.is_up()
    }

    fn pause(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, Paused> {
        self.pause_scope(scope, by, reason).boxed()
    }

    fn resume(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, ()> {
        self.resume_scope(scope, by, reason).boxed()
    }

    fn rearm(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, ()> {
        self.rearm_scope(scope, by, reason).boxed()
    }

    fn terminate(&self, agent: AgentId, by: String, reason: String) -> Controlled<'_, ()> {
        self.terminate_agent(agent, by, reason).boxed()
    }

    fn propose(&self, by: String, wishes: Vec<Wish>, title: Option<String>) -> Controlled<'_, Vec<Answer>> {
        self.propose_all(by, wishes, title).boxed()
    }

    fn inquire(&self, account: AccountId, inquiry: Inquiry) -> Controlled<'_, serde_json::Value> {
        self.inquire_of(account, inquiry).boxed()
    }

    fn stop_delivery(&self, scope: Scope, by: String, reason: String) -> Controlled<'_, Stopped> {
        self.stop_all(scope, by, reason).boxed()
    }

    fn approve(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState> {
        self.approve_ticket(ticket, reply).boxed()
    }

    fn reject(&self, ticket: TicketId, reply: Reply) -> Controlled<'_, TicketState> {
        self.reject_ticket(ticket, reply).boxed()
    }

    fn undo(&self, decision: DecisionId, by: String) -> Controlled<'_, Answer> {
        self.undo_decision(decision, by).boxed()
    }

    fn trigger(&self, pool: PoolId, _by: String) -> Controlled<'_, ()> {
        self.trigger_pool(pool).boxed()
    }

    fn reload(&self, by: String, looser: Looser) -> Controlled<'_, Vec<String>> {
        async move {
            let done = self.reload_file(&by, looser).await;
            if let Err(error) = &done {
                let title = format!("The configuration was read again for {by} and not put in force; nothing has changed. {error}");
                self.seats().alert(AlertKind::Config, "agents.toml", Severity::Warning, title).await;
            }
            Ok(done?)
        }
        .boxed()
    }

    fn acknowledge(&self, alert: AlertId, by: String) -> Controlled<'_, ()> {
        self.note_alert(alert, by).boxed()
    }

    fn replay(&self, decision: DecisionId) -> Controlled<'_, serde_json::Value> {
        async move {
            let row = self.ground.store.read(|mut tx| async move { tx.decision(&decision).await }).await?;
            let row = row.ok_or_else(|| ControlError::NotFound(format!("decision `{decision}`")))?;
            let round = row.round.ok_or_else(|| ControlError::Refused { code: "NO_ROUND".to_owned(), why: "this decision belongs to no round".to_owned() })?;
            let report = crate::cycle::replay(&self.ground.store, &round).await;
            report.map(|report| report.to_json()).map_err(|error| ControlError::Unavailable(ActorError::from_chain(&error).what))
        }
        .boxed()
    }
}

/// Sum of what delivering budgets stand at; `None` when it cannot be summed.
fn budgeted(views: &[Arc<AccountView>], cap: Money) -> Option<Money> {
    let active = |view: &AccountView, budget: &crate::domain::entity::Budget| {
        budget.budget.members.iter().any(|member| view.campaign(member).is_some_and(|campaign| campaign.status == RunStatus::Active))
    };
    let amounts = views.iter().flat_map(|view| view.budgets.iter().filter(|budget| active(view, budget)).map(|budget| budget.amount));
    Money::sum(cap.currency(), amounts).ok()
}

/// What the accounts have spent on their running day; `None` before the first report or when it cannot be summed.
fn spent_today(views: &[Arc<AccountView>], cap: Money) -> Option<Money> {
    let last = |view: &AccountView| (0..view.campaigns.len()).filter_map(|at| view.series(at).last().map(|day| day.spend)).collect::<Vec<_>>();
    Money::sum(cap.currency(), views.iter().flat_map(|view| last(view))).ok()
}
