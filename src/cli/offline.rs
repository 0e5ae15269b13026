//! `adjutant audit verify` and `adjutant replay`: they read the database themselves and need no daemon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use super::client::ClientError;
use super::show::Print;
use crate::config::{Config, Process, Whereabouts};
use crate::cycle;
use crate::domain::ids::{DecisionId, RoundId};
use crate::ledger::audit;
use crate::store::Store;

/// What to do with the log.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Recompute every chain, compare every decision's state with its steps, join every request to its decision.
    Verify,
}

/// Which round to run again.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The round, or a decision of it.
    id: String,
    /// Run it under the policy of this file instead, and show what it would have decided otherwise.
    #[arg(long)]
    under: Option<PathBuf>,
}

fn offline(error: &dyn std::error::Error) -> ClientError {
    ClientError::Offline(crate::supervisor::actor::ActorError::from_chain(error).what)
}

fn database(config: &Path) -> Result<secrecy::SecretString, ClientError> {
    // Reading the log needs no more of the file than the database's name: not the platforms' secrets, and not the absence of faults.
    match Whereabouts::of(config, &Process).ok().and_then(|found| found.database) {
        Some(database) => database.url(&Process).map_err(|error| ClientError::Config(error.to_string())),
        None => Err(ClientError::Config(Config::load(config, &Process).map_or_else(|faults| faults.to_string(), |_| "the file names no database".to_owned()))),
    }
}

pub(super) async fn audit(config: &Path, args: &AuditArgs, print: Print) -> Result<ExitCode, ClientError> {
    let AuditVerb::Verify = args.verb;
    let url = database(config)?;
    let report = audit::verify_at(url.expose_secret()).await.map_err(|error| offline(&error))?;
    let value = serde_json::to_value(&report).map_err(|error| offline(&error))?;
    print.result(&value, || {
        let head = format!(
            "{} chain(s), {} entries, {} decisions, {} requests: {}",
            report.chains,
            report.entries,
            report.decisions,
            report.dispatches,
            if report.is_clean() { "the log verifies" } else { "THE LOG DOES NOT VERIFY" }
        );
        report.faults.iter().fold(head, |text, fault| format!("{text}\n{fault}"))
    });
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) async fn replay(config: &Path, args: &ReplayArgs, print: Print) -> Result<ExitCode, ClientError> {
    let other = match &args.under {
        Some(path) => Some(Config::load(path, &Process).map_err(|faults| ClientError::Config(faults.to_string()))?.policy()),
        None => None,
    };
    let url = database(config)?;
    let store = Store::open_read_only(url.expose_secret()).await.map_err(|error| offline(&error))?;
    let round = round_of(&store, &args.id).await?;
    let report = cycle::replay_under(&store, &round, other.as_ref()).await.map_err(|error| offline(&error));
    store.close().await;
    let report = report?;
    print.result(&report.to_json(), || {
        let head = format!(
            "{}: {} decision(s), {}",
            report.round,
            report.decisions,
            if report.is_same() { "the same settlement and verdicts" } else { "a different answer" }
        );
        let view = if report.same_view { Vec::new() } else { vec!["the view is not the one the round saw".to_owned()] };
        let engine = report.other_engine.iter().map(|engine| format!("it was decided by another build: {engine}"));
        view.into_iter().chain(engine).chain(report.differences.clone()).fold(head, |text, line| format!("{text}\n{line}"))
    });
    Ok(if report.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn round_of(store: &Store, id: &str) -> Result<RoundId, ClientError> {
    if let Ok(round) = id.parse::<RoundId>() {
        return Ok(round);
    }
    let decision: DecisionId = id.parse().map_err(|_| ClientError::Offline(format!("`{id}` is neither a round (rnd_…) nor a decision (dec_…)")))?;
    let row = store.read(|mut tx| async move { tx.decision(&decision).await }).await.map_err(|error: crate::store::StoreError| offline(&error))?;
    let row = row.ok_or_else(|| ClientError::Offline(format!("there is no decision `{id}`")))?;
    row.round.ok_or_else(|| ClientError::Offline(format!("`{id}` belongs to no round")))
}
