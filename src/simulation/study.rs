//! Many accounts under many managers, on as many threads as there are: the result is the same for any number of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::account::Account;
use super::managers::Kind;
use super::preset::Preset;
use super::tally::{Detail, Tally};

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kinds of market.
    pub presets: Vec<Preset>,
    /// Accounts of each kind; at least 1.
    pub accounts: usize,
    /// The seed; the same seed gives the same figures.
    pub seed: i64,
    /// Managed days after the warm-up; at least 7.
    pub days: usize,
    /// Who manages. The two baselines, the careful manager and the oracle, are added where they lack.
    pub managers: Vec<Kind>,
    /// Threads; at least 1.
    pub threads: usize,
}

impl Settings {
    /// Accounts of `preset`: a market of 2,000 campaigns stands for many small ones.
    #[must_use]
    pub fn accounts_of(&self, preset: Preset) -> usize {
        if preset == Preset::Many { self.accounts.div_ceil(10) } else { self.accounts }
    }
}

type Job = (Preset, Kind, usize);

/// What came of it.
#[derive(Debug)]
pub struct Study {
    /// What was run, with the baselines.
    pub settings: Settings,
    pub(super) tallies: BTreeMap<Job, Tally>,
}

impl Study {
    /// Runs `settings`; `tell` hears after each run how many of how many are done, from any thread.
    ///
    /// # Panics
    /// When a manager panics.
    #[must_use]
    pub fn run(mut settings: Settings, tell: &(dyn Fn(usize, usize) + Sync)) -> Self {
        settings.managers.extend([Kind::ManualWeekly, Kind::OracleStep]);
        settings.managers.sort_unstable();
        settings.managers.dedup();
        let jobs: Vec<Job> = settings
            .presets
            .iter()
            .flat_map(|preset| settings.managers.iter().map(move |kind| (*preset, *kind)))
            .flat_map(|(preset, kind)| (0..settings.accounts_of(preset)).map(move |account| (preset, kind, account)))
            .collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let tallies = Mutex::new(BTreeMap::new());
        thread::scope(|scope| {
            for _ in 0..settings.threads.clamp(1, jobs.len().max(1)) {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (preset, kind, number) = *job;
                        let detail = if number == 0 && preset != Preset::Many { Detail::Budgets } else { Detail::Sums };
                        let tally = Tally::of(Account::draw(settings.seed, preset, number, settings.days), kind, detail);
                        tallies.lock().expect("no thread panics while it holds the lock").insert(*job, tally);
                        tell(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
                    }
                });
            }
        });
        Self { settings, tallies: tallies.into_inner().expect("no thread panicked") }
    }

    pub(super) fn of(&self, preset: Preset, kind: Kind) -> impl Iterator<Item = &Tally> {
        (0..self.settings.accounts_of(preset)).filter_map(move |account| self.tallies.get(&(preset, kind, account)))
    }
}
