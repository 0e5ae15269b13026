//! Who may manage an account: nobody, a careful person, the popular heuristics, one who knows everything, and Adjutant.

mod adjutant;
mod bandits;
mod heuristic;
mod history;
mod oracle;
mod rules;
mod steps;
mod untouched;
mod weekly;

use std::str::FromStr;

use serde::Serialize;

use super::market::Market;
use super::review::Asked;
use crate::advise::protocol::{Advice, DayResult, Meta};
pub(crate) use history::History;

/// One that watches finished days and decides the coming ones. It knows what the protocol says and no more.
pub trait Manager {
    /// Takes note of a finished day.
    fn observe(&mut self, result: &DayResult);
    /// Decides day `day`.
    fn decide(&mut self, day: usize) -> Advice;
    /// What the last decision put before people.
    fn asked(&self) -> Asked {
        Asked::default()
    }
}

/// A kind of manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nobody touches the budgets.
    Static,
    /// A careful person who looks once a week.
    ManualWeekly,
    /// Budget in proportion to ROAS times conversions, daily.
    NaiveHeuristic,
    /// Pause below the target, raise by 20 % above it.
    RuleEngine,
    /// Thompson sampling on average ROAS.
    ThompsonRoas,
    /// Upper confidence bounds on average ROAS.
    UcbRoas,
    /// The decision core of this program; the platform rotates ads evenly.
    Adjutant,
    /// The same with its weights for ads.
    AdjutantCreative,
    /// Knows the true curves and the coming days; obeys the same limits.
    OracleStep,
    /// The same, and shows the best creative of every set.
    OracleCreative,
}

impl Kind {
    /// All of them, in the order reports show them.
    pub const ALL: [Self; 10] = [
        Self::Static,
        Self::ManualWeekly,
        Self::NaiveHeuristic,
        Self::RuleEngine,
        Self::ThompsonRoas,
        Self::UcbRoas,
        Self::Adjutant,
        Self::AdjutantCreative,
        Self::OracleStep,
        Self::OracleCreative,
    ];

    /// Whether it is what is judged, and no baseline.
    #[must_use]
    pub fn is_subject(self) -> bool {
        matches!(self, Self::Adjutant | Self::AdjutantCreative)
    }

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::ManualWeekly => "manual_weekly",
            Self::NaiveHeuristic => "naive_heuristic",
            Self::RuleEngine => "rule_engine",
            Self::ThompsonRoas => "thompson_roas",
            Self::UcbRoas => "ucb_roas",
            Self::Adjutant => "adjutant",
            Self::AdjutantCreative => "adjutant_creative",
            Self::OracleStep => "oracle_step",
            Self::OracleCreative => "oracle_creative",
        }
    }

    /// What it does, for the legend of a report.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Static => "budgets stay as they were",
            Self::ManualWeekly => "every seventh day moves up to 17 % from the worst to the best by delay-aware 14-day ROAS",
            Self::NaiveHeuristic => "every day splits the pool by ROAS times conversions, however far that is",
            Self::RuleEngine => "every third day pauses below 0.7 of the account's ROAS, raises by 20 % above 1.2 of it",
            Self::ThompsonRoas => "every day raises campaigns with a high drawn average ROAS, cuts the rest",
            Self::UcbRoas => "every day raises campaigns with a high upper bound of average ROAS, cuts the rest",
            Self::Adjutant => "the decision core of this program with its default guardrails; ads rotate evenly",
            Self::AdjutantCreative => "the same with its weights for ads",
            Self::OracleStep => "knows every curve and every coming day, and moves within the same steps, pool and minimums",
            Self::OracleCreative => "the same, and knows the best creative of every set",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| format!("`{text}` is no manager; known: {}", names()))
    }
}

/// A manager at work. The clairvoyant ones are shown the market itself.
pub(crate) enum Desk {
    Blind(Box<dyn Manager>),
    Clairvoyant(oracle::Oracle),
}

impl Desk {
    /// A manager of the kind for an account; `seed` feeds its own draws, if it makes any.
    pub(crate) fn take(kind: Kind, meta: &Meta, seed: i64) -> Self {
        match kind {
            Kind::Static => Self::Blind(Box::new(untouched::Untouched::new(meta))),
            Kind::ManualWeekly => Self::Blind(Box::new(weekly::Weekly::new(meta))),
            Kind::NaiveHeuristic => Self::Blind(Box::new(heuristic::Heuristic::new(meta))),
            Kind::RuleEngine => Self::Blind(Box::new(rules::Rules::new(meta))),
            Kind::ThompsonRoas => Self::Blind(Box::new(bandits::Bandit::new(meta, bandits::Optimism::Draw { seed }))),
            Kind::UcbRoas => Self::Blind(Box::new(bandits::Bandit::new(meta, bandits::Optimism::Bound))),
            Kind::Adjutant => Self::Blind(Box::new(adjutant::Adjutant::new(meta, adjutant::Ads::Even))),
            Kind::AdjutantCreative => Self::Blind(Box::new(adjutant::Adjutant::new(meta, adjutant::Ads::Weighed))),
            Kind::OracleStep => Self::Clairvoyant(oracle::Oracle::default()),
            Kind::OracleCreative => Self::Clairvoyant(oracle::Oracle { ads: oracle::Ads::Best }),
        }
    }

    pub(crate) fn observe(&mut self, result: &DayResult) {
        match self {
            Self::Blind(manager) => manager.observe(result),
            Self::Clairvoyant(_) => {}
        }
    }

    pub(crate) fn asked(&self) -> Asked {
        match self {
            Self::Blind(manager) => manager.asked(),
            Self::Clairvoyant(_) => Asked::default(),
        }
    }

    pub(crate) fn decide(&mut self, market: &Market) -> Advice {
        match self {
            Self::Blind(manager) => manager.decide(market.day),
            Self::Clairvoyant(oracle) => oracle.decide(market),
        }
    }
}
