//! `adjutant simulate`: seeded accounts under several managers, compared.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use clap::Args;
use serde_json::json;

use super::client::ClientError;
use super::show::Print;
use super::table::table;
use crate::simulation::report::{self, HEADINGS};
use crate::simulation::{Kind, Preset, Settings, Study, Summary};

/// What to simulate.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Kinds of market, separated by commas: all, or some of stationary, seasonal, drift, shock, many, lowvolume.
    #[arg(long, default_value = "all")]
    preset: String,
    /// Accounts of each kind; a tenth as many of the kind with 2,000 campaigns.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    accounts: u32,
    /// The same seed gives the same figures, on any machine and any number of threads.
    #[arg(long, default_value_t = 1)]
    seed: i64,
    /// Managed days after 28 watched ones.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(14..=365))]
    days: u32,
    /// Managers, separated by commas; default: all. The careful weekly manager and the oracle always run.
    #[arg(long, default_value = "all")]
    managers: String,
    /// Write the report with its plots to this file.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Threads; default: as many as the machine has.
    #[arg(long)]
    threads: Option<u32>,
}

fn list<T: std::str::FromStr<Err = String> + Copy + PartialEq>(text: &str, all: &[T]) -> Result<Vec<T>, ClientError> {
    if text == "all" {
        return Ok(all.to_vec());
    }
    let mut chosen: Vec<T> = Vec::new();
    for name in text.split(',').map(str::trim) {
        let one = name.parse::<T>().map_err(ClientError::Offline)?;
        if !chosen.contains(&one) {
            chosen.push(one);
        }
    }
    Ok(chosen)
}

pub(super) fn run(args: &SimulateArgs, print: Print) -> Result<ExitCode, ClientError> {
    let threads = match args.threads {
        Some(threads) => threads.max(1) as usize,
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    let settings = Settings {
        presets: list(&args.preset, &Preset::ALL)?,
        accounts: args.accounts as usize,
        seed: args.seed,
        days: args.days as usize,
        managers: list(&args.managers, &Kind::ALL)?,
        threads,
    };
    let shown = Mutex::new(0);
    let study = Study::run(settings, &|done, of| progress(&shown, done, of));
    let summaries = study.summaries();
    if let Some(path) = &args.html {
        std::fs::write(path, report::page(&study, &summaries)).map_err(|error| ClientError::Offline(format!("{}: {error}", path.display())))?;
    }
    print.result(&document(&study, &summaries), || tables(&study, &summaries));
    if let Some(path) = &args.html {
        eprintln!("report: {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A bar on a terminal; a line every tenth elsewhere.
fn progress(shown: &Mutex<usize>, done: usize, of: usize) {
    const WIDTH: usize = 40;
    let mut last = shown.lock().expect("nothing panics while it writes");
    let mut err = std::io::stderr().lock();
    // A bar that cannot be written is no reason to stop.
    let written = if err.is_terminal() && done > *last {
        *last = done;
        let full = WIDTH * done / of.max(1);
        let end = if done == of { "\n" } else { "" };
        write!(err, "\r[{}{}] {done}/{of} runs{end}", "#".repeat(full), "-".repeat(WIDTH - full)).and_then(|()| err.flush())
    } else if 10 * done / of.max(1) > *last {
        *last = 10 * done / of.max(1);
        writeln!(err, "{done} of {of} runs")
    } else {
        Ok(())
    };
    drop(written);
}

fn document(study: &Study, summaries: &[Summary]) -> serde_json::Value {
    let settings = &study.settings;
    let criteria = settings.managers.iter().filter(|kind| kind.is_subject()).map(|kind| (kind.name().to_owned(), json!(report::criteria(summaries, *kind))));
    json!({
        "seed": settings.seed,
        "accounts": settings.accounts,
        "days": settings.days,
        "summaries": summaries,
        "criteria": criteria.collect::<serde_json::Map<_, _>>(),
    })
}

fn tables(study: &Study, summaries: &[Summary]) -> String {
    let settings = &study.settings;
    let of_preset = |preset: &Preset| {
        let head = format!("{}: {} accounts, {} days, seed {}", preset.name(), settings.accounts_of(*preset), settings.days, settings.seed);
        format!("{head}\n{}", table(&HEADINGS, &report::rows(summaries, *preset)))
    };
    let row = |criterion: report::Criterion| {
        let met = if criterion.met { "yes" } else { "no" };
        vec![criterion.id.to_owned(), met.to_owned(), criterion.asks.to_owned(), criterion.measured]
    };
    let of_kind = |kind: &Kind| {
        let rows: Vec<Vec<String>> = report::criteria(summaries, *kind).into_iter().map(row).collect();
        format!("{}\n{}", kind.name(), table(&["criterion", "met", "asked", "measured"], &rows))
    };
    let subjects = settings.managers.iter().filter(|kind| kind.is_subject()).map(of_kind);
    settings.presets.iter().map(of_preset).chain(subjects).collect::<Vec<_>>().join("\n")
}
