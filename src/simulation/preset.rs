//! The kinds of market an account may live in.

use std::str::FromStr;

use serde::Serialize;

/// A kind of market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Weekdays and a little common drift, nothing else.
    Stationary,
    /// A strong year and strong weekdays.
    Seasonal,
    /// Each campaign's level wanders.
    Drift,
    /// Days of rush and a day on which nothing converts.
    Shock,
    /// 2,000 campaigns.
    Many,
    /// Fewer than one conversion a campaign and day.
    Lowvolume,
}

/// How strongly a kind of market moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climate {
    pub(crate) campaigns: usize,
    pub(crate) agents: usize,
    /// Half the swing of the year, as a share of the mean.
    pub(crate) season: f64,
    /// Standard deviation of a weekday's factor.
    pub(crate) weekdays: f64,
    /// Standard deviation of a campaign's daily step, in logs.
    pub(crate) drift: f64,
    pub(crate) shocks: Shocks,
    /// Median value of a conversion; the dearer, the fewer there are.
    pub(crate) value: f64,
}

/// Whether days out of the ordinary happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shocks {
    None,
    RushAndOutage,
}

impl Preset {
    /// All of them, in the order reports show them.
    pub const ALL: [Self; 6] = [Self::Stationary, Self::Seasonal, Self::Drift, Self::Shock, Self::Many, Self::Lowvolume];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stationary => "stationary",
            Self::Seasonal => "seasonal",
            Self::Drift => "drift",
            Self::Shock => "shock",
            Self::Many => "many",
            Self::Lowvolume => "lowvolume",
        }
    }

    pub(crate) fn climate(self) -> Climate {
        let calm = Climate { campaigns: 24, agents: 3, season: 0.04, weekdays: 0.06, drift: 0.004, shocks: Shocks::None, value: 25.0 };
        match self {
            Self::Stationary => calm,
            Self::Seasonal => Climate { season: 0.28, weekdays: 0.14, ..calm },
            Self::Drift => Climate { drift: 0.03, ..calm },
            Self::Shock => Climate { shocks: Shocks::RushAndOutage, ..calm },
            Self::Many => Climate { campaigns: 2_000, agents: 20, ..calm },
            Self::Lowvolume => Climate { value: 200.0, ..calm },
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|preset| preset.name() == text).ok_or_else(|| format!("`{text}` is no preset; known: all, {}", names()))
    }
}
