//! Who may write right now, inside this process: a permit is held from before the dispatch row until the last byte of the answer, and a pause
//! returns only when no permit of its scope is out. A latch, in memory and as a file, blocks admission even while the database is gone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::scope::Scope;

/// Within this wall time after the permit was taken the answer is there, or the connection has been aborted.
pub const SEND_DEADLINE: Duration = Duration::from_secs(2);

/// Longest a pause waits for permits: the deadline of a send and time to write down what became of it.
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(4);

/// Name of the latch file in the state directory. While it is there nothing it names is written; an empty or unreadable one stops everything.
pub const LATCH_FILE: &str = "PAUSED";

/// Why no permit was given, or why a pause cannot promise silence yet.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The scope is paused in this process.
    #[error("PAUSED: {0} admits no write")]
    Closed(Scope),
    /// The latch file stops everything, because nothing else is readable in it.
    #[error("PAUSED: {path} stops every write: {why}; resume the workspace or remove the file", path = .path.display())]
    Latched {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A write of the scope is still out although its deadline has passed.
    #[error("STILL_OUT: {out} write(s) of {scope} have not ended within {CLOSE_DEADLINE:?}; nothing new is admitted")]
    StillOut {
        /// The scope that was closed; it stays closed.
        scope: Scope,
        /// How many permits are out.
        out: usize,
    },
    /// The latch file could not be written or removed; the latch in memory holds.
    #[error("LATCH: {path} cannot be changed: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whether the database knows of a closed scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Latch {
    /// Not yet: only an explicit [`Gate::open`] ends it.
    Local,
    /// Its flag is stored: it ends when the flag does.
    Recorded,
}

#[derive(Debug, Default)]
struct State {
    closed: BTreeMap<Scope, Latch>,
    out: BTreeMap<Scope, usize>,
}

/// The gate of one process. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    returned: watch::Sender<u64>,
    file: PathBuf,
}

/// The right to send one write; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once protects nothing"]
pub struct Permit {
    gate: Gate,
    scopes: Vec<Scope>,
}

impl Gate {
    /// A gate whose latch file lies in `state_dir`. What the file names is closed from the start.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), returned: watch::Sender::new(0), file: state_dir.join(LATCH_FILE) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for a write that lies in all of `scopes`; the workspace is always one of them. Never waits.
    ///
    /// # Errors
    /// [`GateError::Closed`] or [`GateError::Latched`] when any of them is closed.
    pub fn permit(&self, scopes: &[Scope]) -> Result<Permit, GateError> {
        let mut scopes = scopes.to_vec();
        scopes.push(Scope::Workspace);
        scopes.sort();
        scopes.dedup();
        let mut state = self.state();
        let latched = self.latched()?;
        if let Some(scope) = scopes.iter().find(|scope| state.closed.contains_key(scope) || latched.contains(scope)) {
            return Err(GateError::Closed(scope.clone()));
        }
        for scope in &scopes {
            *state.out.entry(scope.clone()).or_default() += 1;
        }
        drop(state);
        Ok(Permit { gate: self.clone(), scopes })
    }

    /// Blocks admission to `scope` at once, in memory and in the latch file. Permits that are out go on; [`Gate::drained`] waits for them.
    ///
    /// # Errors
    /// [`GateError::File`] when the file cannot be written: the latch then holds for this process alone.
    pub fn latch(&self, scope: &Scope) -> Result<(), GateError> {
        let mut state = self.state();
        state.closed.entry(scope.clone()).or_insert(Latch::Local);
        self.refile(&mut state, |_| true)
    }

    /// The flag of `scope` is stored: the latch file need not hold it any more, and [`Gate::follow`] may end it.
    ///
    /// # Errors
    /// [`GateError::File`].
    pub fn recorded(&self, scope: &Scope) -> Result<(), GateError> {
        let mut state = self.state();
        state.closed.insert(scope.clone(), Latch::Recorded);
        self.refile(&mut state, |_| true)
    }

    /// Waits until no permit of `scope` is out.
    ///
    /// # Errors
    /// [`GateError::StillOut`] after [`CLOSE_DEADLINE`]; the scope stays closed.
    pub async fn drained(&self, scope: &Scope) -> Result<(), GateError> {
        self.drained_within(scope, CLOSE_DEADLINE).await
    }

    async fn drained_within(&self, scope: &Scope, limit: Duration) -> Result<(), GateError> {
        let mut returned = self.0.returned.subscribe();
        let empty = returned.wait_for(|_| self.out(scope) == 0);
        match tokio::time::timeout(limit, empty).await {
            Ok(_) => Ok(()),
            Err(_elapsed) => Err(GateError::StillOut { scope: scope.clone(), out: self.out(scope) }),
        }
    }

    /// Blocks admission to `scope` at once and waits until no permit of it is out: when this returns, no write of it leaves this process.
    ///
    /// # Errors
    /// [`GateError::StillOut`] or [`GateError::File`]; the scope is closed in any case.
    pub async fn close(&self, scope: &Scope) -> Result<(), GateError> {
        let filed = self.latch(scope);
        self.drained(scope).await?;
        filed
    }

    /// Admits writes of `scope` again, as far as no scope around it is closed. Call it after the stored flag has been cleared.
    ///
    /// # Errors
    /// [`GateError::File`] when the latch file cannot be changed: it then goes on blocking.
    pub fn open(&self, scope: &Scope) -> Result<(), GateError> {
        let mut state = self.state();
        state.closed.remove(scope);
        self.refile(&mut state, |latched| latched != scope)
    }

    /// Follows the stored flags: closes what other nodes have paused and opens what they have resumed. Latches the database does not know yet stay.
    pub fn follow<'a>(&self, paused: impl IntoIterator<Item = &'a Scope>) {
        let paused: Vec<&Scope> = paused.into_iter().collect();
        let mut state = self.state();
        state.closed.retain(|scope, latch| *latch == Latch::Local || paused.contains(&scope));
        for scope in paused {
            state.closed.entry(scope.clone()).or_insert(Latch::Recorded);
        }
    }

    /// Scopes that are latched here and that the database may not know: to be stored as flags as soon as it can be reached.
    #[must_use]
    pub fn unrecorded(&self) -> Vec<Scope> {
        let mut scopes = self.latched().unwrap_or_else(|_| vec![Scope::Workspace]);
        scopes.extend(self.state().closed.iter().filter(|(_, latch)| **latch == Latch::Local).map(|(scope, _)| scope.clone()));
        scopes.sort();
        scopes.dedup();
        scopes
    }

    /// How many permits of `scope` are out.
    #[must_use]
    pub fn out(&self, scope: &Scope) -> usize {
        self.state().out.get(scope).copied().unwrap_or(0)
    }

    /// The scopes the latch file names; an error where it must be read as "everything".
    fn latched(&self) -> Result<Vec<Scope>, GateError> {
        let stop = |why: String| GateError::Latched { path: self.0.file.clone(), why };
        let text = match std::fs::read_to_string(&self.0.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(stop(format!("it cannot be read: {error}"))),
        };
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            return Err(stop("it names no scope".to_owned()));
        }
        let scope = |line: &&str| {
            let (kind, id) = line.split_once(' ').unwrap_or((line, ""));
            Scope::from_parts(kind, id).map_err(|error| stop(error.to_string()))
        };
        lines.iter().map(scope).collect()
    }

    /// Brings the latch file in line with memory, after taking over those of its lines that `keep`. A file that stops everything is left as it is,
    /// unless it is the workspace's own latch that ends.
    fn refile(&self, state: &mut State, keep: impl Fn(&Scope) -> bool) -> Result<(), GateError> {
        match self.latched() {
            Ok(lines) => {
                for scope in lines.into_iter().filter(|scope| keep(scope)) {
                    state.closed.entry(scope).or_insert(Latch::Local);
                }
            }
            Err(_everything) if keep(&Scope::Workspace) => return Ok(()),
            Err(_everything) => {}
        }
        let text = state.closed.iter().filter(|(_, latch)| **latch == Latch::Local).fold(String::new(), |mut text, (scope, _)| {
            let _ = writeln!(text, "{} {}", scope.kind(), scope.id());
            text
        });
        let done = if text.is_empty() {
            std::fs::remove_file(&self.0.file).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        } else {
            durably(&self.0.file, &text)
        };
        done.map_err(|source| GateError::File { path: self.0.file.clone(), source })
    }
}

/// Replaces a file whole and on disk: a crash leaves the old text or the new one.
fn durably(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = std::fs::File::create(&next)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        for scope in &self.scopes {
            if let Some(out) = state.out.get_mut(scope) {
                *out -= 1;
                if *out == 0 {
                    state.out.remove(scope);
                }
            }
        }
        drop(state);
        self.gate.0.returned.send_modify(|returned| *returned += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> Scope {
        Scope::Account(name.parse().expect("an account name"))
    }

    fn gate() -> (tempfile::TempDir, Gate) {
        let dir = tempfile::tempdir().expect("a directory");
        let gate = Gate::new(dir.path());
        (dir, gate)
    }

    #[tokio::test]
    async fn a_pause_returns_only_when_the_last_permit_of_its_scope_is_back() {
        let (_dir, gate) = gate();
        let (mine, other) = (gate.permit(&[account("a")]).expect("open"), gate.permit(&[account("b")]).expect("open"));
        let closing = tokio::spawn({
            let gate = gate.clone();
            async move { gate.close(&account("a")).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!closing.is_finished(), "the pause returned while a write was out");
        assert!(matches!(gate.permit(&[account("a")]), Err(GateError::Closed(_))), "admission is blocked before the pause returns");
        drop(mine);
        closing.await.expect("no panic").expect("drained");
        assert_eq!(gate.out(&Scope::Workspace), 1);
        drop(other);
    }

    #[tokio::test]
    async fn a_paused_workspace_admits_nothing_whatever_the_scope() {
        let (_dir, gate) = gate();
        gate.close(&Scope::Workspace).await.expect("nothing is out");
        for scopes in [vec![], vec![account("a")], vec![Scope::Agent("scale".parse().expect("a name"))]] {
            assert!(gate.permit(&scopes).is_err());
        }
        gate.open(&Scope::Workspace).expect("the file can be removed");
        assert!(gate.permit(&[]).is_ok());
    }

    #[tokio::test]
    async fn a_permit_that_never_comes_back_is_reported_and_the_scope_stays_closed() {
        let (_dir, gate) = gate();
        let _held = gate.permit(&[account("a")]).expect("open");
        gate.latch(&account("a")).expect("writable");
        let waited = gate.drained_within(&account("a"), Duration::from_millis(10)).await;
        assert!(matches!(waited, Err(GateError::StillOut { out: 1, .. })));
        assert!(gate.permit(&[account("a")]).is_err());
    }

    #[tokio::test]
    async fn a_latch_the_database_never_saw_survives_a_restart() {
        let (dir, gate) = gate();
        gate.close(&account("a")).await.expect("nothing is out");
        let restarted = Gate::new(dir.path());
        assert!(restarted.permit(&[account("a")]).is_err());
        assert!(restarted.permit(&[account("b")]).is_ok());
        assert_eq!(restarted.unrecorded(), vec![account("a")]);
        restarted.recorded(&account("a")).expect("the file can be removed");
        assert!(!dir.path().join(LATCH_FILE).exists(), "once stored, the flag is the truth");
        assert!(restarted.permit(&[account("a")]).is_err());
    }

    #[test]
    fn a_latch_file_somebody_touched_stops_everything_until_the_workspace_is_resumed() {
        let (dir, gate) = gate();
        for text in ["", "account\n", "nonsense x\n"] {
            std::fs::write(dir.path().join(LATCH_FILE), text).expect("a writable directory");
            assert!(matches!(gate.permit(&[]), Err(GateError::Latched { .. })), "{text:?} let a write through");
            gate.open(&account("a")).expect("nothing to remove");
            assert!(gate.permit(&[]).is_err(), "resuming one account lifted a stop of everything");
        }
        gate.open(&Scope::Workspace).expect("removable");
        assert!(gate.permit(&[]).is_ok());
    }

    #[test]
    fn flags_of_other_nodes_are_followed_and_local_latches_outlive_them() {
        let (_dir, gate) = gate();
        gate.latch(&account("local")).expect("writable");
        gate.follow(&[account("far")]);
        assert!(gate.permit(&[account("far")]).is_err());
        gate.follow(&[]);
        assert!(gate.permit(&[account("far")]).is_ok());
        assert!(gate.permit(&[account("local")]).is_err());
    }
}
