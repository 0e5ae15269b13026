//! `adjutant simulate`: seeded accounts, each run day by day by several managers under the same luck, and what each of them is worth. The market knows
//! nothing of any manager; managers know what the advise protocol tells and no more, except the clairvoyant ones, which mark what is possible.
//!
//! Pure: seed in, figures out, whatever the number of threads. The curve and the noise are the sandbox's own.

mod account;
mod creatives;
mod forecasts;
mod managers;
mod market;
mod preset;
pub mod report;
mod reports;
mod review;
mod run;
mod study;
mod summary;
mod tally;
mod weather;

#[cfg(test)]
mod tests;

pub use account::WARMUP_DAYS;
pub use managers::{Kind, Manager};
pub use preset::Preset;
pub use review::Asked;
pub use study::{Settings, Study};
pub use summary::{Estimate, Summary};
