//! The command line: one file a subcommand or a family of them. Talks to a running daemon through its API, except `run`, `check`, `advise`,
//! `sandbox`, `audit verify`, `replay` and `simulate`, which need none. Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 78 a faulty configuration.

mod advise;
mod check;
mod client;
mod connect;
mod control;
mod offline;
mod run;
mod sandbox;
mod show;
mod simulate;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use client::{Client, ClientError};

use crate::supervisor::control::Looser;

/// The configuration is wrong; systemd does not start us again for it.
pub const EXIT_CONFIG: u8 = 78;

/// Runs paid advertising on Google Ads, Meta and TikTok around the clock, inside guardrails, with a record of why.
#[derive(Debug, Parser)]
#[command(name = "adjutant", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, default_value = "agents.toml", env = "ADJUTANT_CONFIG")]
    config: PathBuf,
    /// The daemon's address; default: what the configuration file says.
    #[arg(long, global = true, env = "ADJUTANT_URL")]
    url: Option<String>,
    /// Print JSON for scripts instead of tables for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run {
        /// An admin has seen that the configuration allows more than the policy in force, and wants it.
        #[arg(long)]
        accept_looser: bool,
    },
    /// Check the configuration and print the policy in force, every default included.
    Check,
    /// Show what the daemon is doing.
    Status,
    /// List the agents with goal, focus and state.
    Agents,
    /// Stop automation of a scope at once: everything, or one account, pool, agent or campaign.
    Pause(control::ScopeArgs),
    /// Let a scope act again, with a ramp.
    Resume(control::ScopeArgs),
    /// End an agent for ever.
    Terminate {
        /// The agent.
        agent: String,
        /// Why; kept in the log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Set the platform status of a campaign, account or pool to paused: ads stop being shown.
    StopDelivery(control::ScopeArgs),
    /// List what waits for a person, or show one ticket.
    Tickets {
        /// Show this one.
        id: Option<String>,
        /// Closed ones too.
        #[arg(long)]
        all: bool,
    },
    /// Agree to what a ticket asks.
    Approve(control::AnswerArgs),
    /// Refuse what a ticket asks.
    Reject(control::AnswerArgs),
    /// List decisions, newest first, or answer "why did it do that" for one.
    Decisions(show::DecisionArgs),
    /// List accounts; with a name, test its credentials read-only and show rights, zone, currency and what is left of its limits.
    Accounts {
        /// Test this one.
        account: Option<String>,
    },
    /// Let a person consent to Google Ads in their browser, and keep the refresh token in a file.
    Connect(connect::ConnectArgs),
    /// List alerts.
    Alerts,
    /// Bring back the value a decision changed; itself a decision.
    Undo {
        /// The decision.
        decision: String,
    },
    /// Check the log: every chain, every decision, offline.
    Audit(offline::AuditArgs),
    /// Run the pure stages of a stored round again and compare.
    Replay(offline::ReplayArgs),
    /// Ask the decision core about campaigns it does not run: JSON lines on standard input, or a person's own export.
    Advise(advise::AdviseArgs),
    /// Read the configuration again: a valid file takes effect whole, an invalid one changes nothing.
    Reload {
        /// An admin has seen that the file allows more than the policy in force, and wants it.
        #[arg(long)]
        accept_looser: bool,
    },
    /// Let a scope grow again after its breaker tripped.
    Rearm(control::ScopeArgs),
    /// Print a fresh sign-in link for the dashboard.
    Login,
    /// Run seeded accounts under several managers, this one and the usual ones, and compare what they make of the same money.
    Simulate(simulate::SimulateArgs),
    /// Run the sandbox of the three platforms alone.
    Sandbox(SandboxArgs),
}

/// How the sandbox runs alone.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8790")]
    listen: std::net::SocketAddr,
    /// Where to keep its state; default: in memory, gone when it stops.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Runs the command line that the process was started with.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Run { accept_looser } => run::run(&cli.config, looser(accept_looser)).await,
        Command::Check => return check::check(&cli.config),
        Command::Advise(ref args) => advise::run(args, show::Print::of(cli.json)),
        Command::Sandbox(ref args) => sandbox::run(&cli.config, args).await,
        Command::Connect(ref args) => connect::run(args).await,
        Command::Audit(ref args) => offline::audit(&cli.config, args, show::Print::of(cli.json)).await,
        Command::Replay(ref args) => offline::replay(&cli.config, args, show::Print::of(cli.json)).await,
        Command::Simulate(ref args) => simulate::run(args, show::Print::of(cli.json)),
        _ => with_daemon(&cli).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("adjutant: {error}");
            ExitCode::FAILURE
        }
    }
}

fn looser(accepted: bool) -> Looser {
    if accepted { Looser::Confirmed } else { Looser::Refuse }
}

async fn with_daemon(cli: &Cli) -> Result<ExitCode, ClientError> {
    let client = Client::find(&cli.config, cli.url.as_deref())?;
    let print = show::Print::of(cli.json);
    match &cli.command {
        Command::Status => show::status(&client, print).await?,
        Command::Agents => show::agents(&client, print).await?,
        Command::Accounts { account } => show::accounts(&client, account.as_deref(), print).await?,
        Command::Alerts => show::alerts(&client, print).await?,
        Command::Tickets { id, all } => show::tickets(&client, id.as_deref(), *all, print).await?,
        Command::Decisions(args) => show::decisions(&client, args, print).await?,
        Command::Pause(args) => control::pause(&client, args, print).await?,
        Command::Resume(args) => control::resume(&client, args, print).await?,
        Command::StopDelivery(args) => control::stop_delivery(&client, args, print).await?,
        Command::Terminate { agent, reason } => control::terminate(&client, agent, reason, print).await?,
        Command::Approve(args) => control::answer(&client, args, "approve", print).await?,
        Command::Reject(args) => control::answer(&client, args, "reject", print).await?,
        Command::Undo { decision } => control::undo(&client, decision, print).await?,
        Command::Reload { accept_looser } => control::reload(&client, *accept_looser, print).await?,
        Command::Rearm(args) => control::rearm(&client, args, print).await?,
        Command::Login => control::login(&client, print).await?,
        Command::Run { .. }
        | Command::Check
        | Command::Advise(_)
        | Command::Sandbox(_)
        | Command::Connect(_)
        | Command::Audit(_)
        | Command::Replay(_)
        | Command::Simulate(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
