//! Pausing: when it returns, no write of the scope leaves any node any more. It needs no platform and no other node, and blocks this process even while
//! the database is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::gate::{CLOSE_DEADLINE, Gate, GateError};
use crate::clock::Clock;
use crate::domain::decision::DecisionState;
use crate::domain::ids::DecisionId;
use crate::domain::scope::Scope;
use crate::ledger::LedgerError;
use crate::ledger::control::{By, Controlled, control};
use crate::store::scope::Verb;
use crate::store::step::Moment;
use crate::store::{Store, StoreError};

/// How often the rows of other nodes are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Why a scope could not be paused or resumed as asked.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// The scope is closed in this process and stays so, but its flag is not stored: other nodes do not know.
    #[error("LATCHED: {scope} is stopped in this process, but the database did not take the flag; it is stored as soon as it can be")]
    Latched {
        /// The scope.
        scope: Scope,
        /// Why.
        source: LedgerError,
    },
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A write of the scope did not end in time, or the latch file could not be changed.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// The gate, the rows and the clock: what a pause needs.
#[derive(Clone, Debug)]
pub struct Pausing {
    gate: Gate,
    store: Store,
    clock: Clock,
    /// Who changes flag and latch together takes turns here; closing the gate does not wait for it.
    turn: Arc<Mutex<()>>,
}

impl Pausing {
    /// Over the gate that every outbox of this process asks.
    #[must_use]
    pub fn new(gate: Gate, store: Store, clock: Clock) -> Self {
        Self { gate, store, clock, turn: Arc::default() }
    }

    /// Stops automation of `scope` at once and waits until no write of it is out. The answer names what has left and is not resolved: reading settles it.
    ///
    /// # Errors
    /// [`PauseError::Latched`] while the database cannot be written: this process is silent all the same. [`PauseError::Gate`] when a write did not
    /// end within its deadline; the scope is closed then, too.
    pub async fn pause(&self, scope: &Scope, by: &By, reason: &str) -> Result<Controlled, PauseError> {
        self.stop(scope, Verb::Pause, by, reason).await
    }

    /// Ends an agent for ever, with a pause's promise: when this returns nothing of it leaves any more.
    ///
    /// # Errors
    /// As [`Pausing::pause`]; [`PauseError::Ledger`] for a scope that is no agent.
    pub async fn terminate(&self, scope: &Scope, by: &By, reason: &str) -> Result<Controlled, PauseError> {
        if !matches!(scope, Scope::Agent(_)) {
            return Err(LedgerError::Scope(format!("{scope} cannot be terminated: only agents can")).into());
        }
        self.stop(scope, Verb::Terminate, by, reason).await
    }

    async fn stop(&self, scope: &Scope, verb: Verb, by: &By, reason: &str) -> Result<Controlled, PauseError> {
        // Memory first: whatever happens to file and database, nothing new leaves this process from here on.
        let filed = self.gate.latch(scope);
        let turn = self.turn.lock().await;
        let controlled = match self.write(scope, verb, by, reason).await {
            Ok(controlled) => controlled,
            Err(source) => {
                self.gate.drained(scope).await?;
                return Err(PauseError::Latched { scope: scope.clone(), source });
            }
        };
        // A stored flag binds every process, so a latch file that cannot be changed does no harm.
        if let Err(error) = filed.and(self.gate.recorded(scope)) {
            tracing::warn!(scope = %scope, error = %error, "the latch file does not follow the stored pause of {scope}");
        }
        drop(turn);
        self.gate.drained(scope).await?;
        self.answered(&controlled.in_flight).await?;
        Ok(controlled)
    }

    /// Lets automation of `scope` act again, as far as no scope around it is paused. What was authorised before is superseded.
    ///
    /// # Errors
    /// [`PauseError::Ledger`]: the scope stays paused. [`PauseError::Gate`] when the latch file cannot be removed.
    pub async fn resume(&self, scope: &Scope, by: &By, reason: &str) -> Result<Controlled, PauseError> {
        let _turn = self.turn.lock().await;
        let controlled = self.write(scope, Verb::Resume, by, reason).await?;
        self.gate.open(scope)?;
        Ok(controlled)
    }

    /// Brings gate and rows together: stores latches the database does not know yet, and follows the flags that other nodes have set or cleared. Called
    /// at start, before anything acts, and every second.
    ///
    /// # Errors
    /// [`PauseError::Ledger`] while the database cannot be reached; latches hold.
    pub async fn follow(&self) -> Result<(), PauseError> {
        let _turn = self.turn.lock().await;
        for scope in self.gate.unrecorded() {
            self.write(&scope, Verb::Pause, &By::Daemon("latch"), "latched while the database could not be written").await?;
            self.gate.recorded(&scope)?;
        }
        let flags = self.store.read(|mut tx| async move { tx.scopes().await }).await.map_err(|error: StoreError| LedgerError::from(error))?;
        self.gate.follow(flags.iter().filter(|row| row.paused || row.terminated).map(|row| &row.scope));
        Ok(())
    }

    async fn write(&self, scope: &Scope, verb: Verb, by: &By, reason: &str) -> Result<Controlled, LedgerError> {
        let when = Moment { at: self.clock.now(), wall: self.clock.wall() };
        self.store.write(|mut tx| async move { control(&mut tx, scope, verb, by, reason, when).await }).await
    }

    /// Waits until every request in flight has an answer, or its deadline is over: whichever was recorded before the pause began its deadline before it.
    async fn answered(&self, in_flight: &[DecisionId]) -> Result<(), LedgerError> {
        let until = self.clock.instant() + CLOSE_DEADLINE;
        while self.clock.instant() < until {
            let open = self
                .store
                .read(|mut tx| async move {
                    for id in in_flight {
                        let sent = tx.decision(id).await?.is_some_and(|row| matches!(row.state, DecisionState::Dispatched { .. }));
                        if sent && tx.dispatches_of(id).await?.last().is_some_and(|dispatch| dispatch.result.is_none()) {
                            return Ok::<_, StoreError>(true);
                        }
                    }
                    Ok(false)
                })
                .await?;
            if !open {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}
