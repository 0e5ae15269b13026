//! `adjutant advise`: the decision core over JSON lines, or over a person's own export.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rust_decimal::Decimal;
use serde_json::json;

use super::client::ClientError;
use super::show::Print;
use super::table::table;
use crate::advise::history::{Recommendation, Recommended, Wanted, recommend};
use crate::advise::protocol::Request;
use crate::advise::{AdviseError, Advisor, Meta};
use crate::domain::goal::Goal;
use crate::domain::money::Currency;

/// What to advise on; without an export, lines on standard input.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    /// A person's own export (CSV): date, campaign, spend, conversions; platform, budget, impressions, clicks, revenue where there are.
    #[arg(long)]
    history: Option<PathBuf>,
    /// Most to budget a day; default: what the running campaigns have now.
    #[arg(long, requires = "history")]
    pool: Option<Decimal>,
    /// The goal, such as "roas >= 2.5"; default: the best use of the pool's money.
    #[arg(long, requires = "history")]
    goal: Option<Goal>,
    /// The currency of all amounts of the export.
    #[arg(long, requires = "history", default_value = "USD")]
    currency: Currency,
}

pub(super) fn run(args: &AdviseArgs, print: Print) -> Result<ExitCode, ClientError> {
    match &args.history {
        None => lines(),
        Some(path) => history(path, args, print),
    }
}

fn history(path: &Path, args: &AdviseArgs, print: Print) -> Result<ExitCode, ClientError> {
    if let Some(other) = args.goal.as_ref().and_then(Goal::currency).filter(|other| *other != args.currency) {
        return Err(ClientError::Offline(format!("the goal is in {other} and the export in {}: name the export's currency with --currency", args.currency)));
    }
    let pool = args.pool.filter(|pool| *pool > Decimal::ZERO);
    if args.pool.is_some() && pool.is_none() {
        return Err(ClientError::Offline("--pool is an amount above 0".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| ClientError::Offline(format!("{}: {error}", path.display())))?;
    let text = String::from_utf8(bytes).map_err(|error| ClientError::Offline(format!("{}: it is not UTF-8 text: {error}", path.display())))?;
    let wanted = Wanted { pool, goal: args.goal, currency: args.currency };
    let advice = recommend(&text, &wanted).map_err(|error| ClientError::Offline(format!("{}: {error}", path.display())))?;
    let value = serde_json::to_value(&advice).map_err(|error| ClientError::Offline(error.to_string()))?;
    print.result(&value, || in_words(&advice));
    Ok(ExitCode::SUCCESS)
}

fn in_words(advice: &Recommended) -> String {
    let row = |one: &Recommendation| {
        let budget = match (one.run, one.advised == one.budget) {
            (false, _) => "paused".to_owned(),
            (true, true) => "as it is".to_owned(),
            (true, false) => one.advised.to_string(),
        };
        let asks = if one.asks.is_empty() { String::new() } else { format!(" (would ask: {})", one.asks.join(", ")) };
        let expected = format!("{:.1} ({:.1} to {:.1})", one.conversions, one.low, one.high);
        vec![one.campaign.clone(), one.platform.to_string(), one.budget.to_string(), budget, expected, format!("{}{asks}", one.why)]
    };
    let rows: Vec<Vec<String>> = advice.campaigns.iter().map(row).collect();
    let headings = ["campaign", "platform", "budget", "advised", "conversions in 7 days (80 %)", "why"];
    let head = format!("for {}, from {} days, at most {} a day, `{}`", advice.day, advice.days, advice.pool, advice.goal);
    format!("{head}\n\n{}", table(&headings, &rows))
}

/// Answers lines from standard input until it ends. Only replies are written to standard output, flushed one by one.
///
/// # Errors
/// [`ClientError::Offline`] when input cannot be read or output not written.
fn lines() -> Result<ExitCode, ClientError> {
    answer(std::io::stdin().lock(), std::io::stdout().lock()).map_err(|error| ClientError::Offline(format!("standard input or output: {error}")))
}

fn answer(input: impl BufRead, mut output: impl Write) -> std::io::Result<ExitCode> {
    let mut begun: Option<(Meta, Advisor)> = None;
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match one(&line, &mut begun) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                writeln!(output, "{reply}")?;
                output.flush()?;
            }
            Err(error) => {
                writeln!(output, "{}", json!({ "error": error.to_string() }))?;
                output.flush()?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(line: &str, begun: &mut Option<(Meta, Advisor)>) -> Result<Option<String>, AdviseError> {
    let request = Request::read(line, begun.as_ref().map(|(meta, _)| meta))?;
    match (request, begun.as_mut()) {
        (Request::Start(meta), _) => {
            let advisor = Advisor::new(&meta)?;
            *begun = Some((*meta, advisor));
            Ok(None)
        }
        (Request::Observe(result), Some((_, advisor))) => advisor.observe(&result).map(|()| None),
        (Request::Decide { day }, Some((_, advisor))) => {
            let advice = advisor.decide(day)?;
            Ok(Some(serde_json::to_string(&advice).expect("advice holds finite numbers")))
        }
        // Reading a line tells so already.
        (Request::Observe(_) | Request::Decide { .. }, None) => Ok(None),
    }
}
