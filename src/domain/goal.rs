//! Typed goals: a target, the range that is acceptable, and the limit that must hold meanwhile.
//!
//! The forms are fixed: `roas >= 4`, `cpa <= 45 USD`, `spend -> 10000 USD/day while cpa <= 50 USD` (or `while roas >= 2`),
//! `conversions -> 300/week`, `profit max at roas >= 1.5` (the margin as the ROAS that pays for itself).

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::{Currency, Money};

/// Share of a target by which it may be missed and still count as met.
pub const ACCEPTABLE_MISS_PCT: u32 = 5;

/// A floor or a cap that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Revenue per unit of spend at least this.
    RoasFloor(Decimal),
    /// Spend per conversion at most this.
    CpaCap(Money),
}

/// What an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Goal {
    /// Hold a limit: `roas >= 4`, `cpa <= 45 USD`.
    Hold(Limit),
    /// Spend so much a day, as long as the limit holds.
    Spend {
        /// Spend a day to reach.
        target: Money,
        /// What must hold meanwhile.
        while_: Option<Limit>,
    },
    /// So many conversions a week.
    Conversions {
        /// Conversions a week to reach.
        per_week: u32,
        /// What must hold meanwhile.
        while_: Option<Limit>,
    },
    /// As much profit as there is: revenue divided by the break-even ROAS, less spend.
    Profit {
        /// The ROAS at which a sale pays for itself; above 0.
        break_even: Decimal,
    },
}

/// Text that is no goal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a goal: {why}; expected one of `roas >= 4`, `cpa <= 45 USD`, `spend -> 10000 USD/day while cpa <= 50 USD`, `conversions -> 300/week`, `profit max at roas >= 1.5`"
)]
pub struct GoalError {
    /// What was read.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Goal {
    /// The currency the goal speaks of, if any.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::Spend { target, .. } => Some(target.currency()),
            Self::Hold(limit) | Self::Conversions { while_: Some(limit), .. } => limit.currency(),
            Self::Conversions { while_: None, .. } | Self::Profit { .. } => None,
        }
    }

    /// The limit that must hold, if any.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match *self {
            Self::Hold(limit) => Some(limit),
            Self::Spend { while_, .. } | Self::Conversions { while_, .. } => while_,
            Self::Profit { break_even } => Some(Limit::RoasFloor(break_even)),
        }
    }
}

impl Limit {
    fn currency(self) -> Option<Currency> {
        match self {
            Self::RoasFloor(_) => None,
            Self::CpaCap(cap) => Some(cap.currency()),
        }
    }
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["roas", ">=", floor] => {
            let floor = Decimal::from_str_exact(floor).map_err(|_| format!("`{floor}` is not a number"))?;
            if floor > Decimal::ZERO && floor <= Decimal::from(1_000) {
                Ok(Limit::RoasFloor(floor))
            } else {
                Err("a ROAS lies above 0 and at most 1000".to_owned())
            }
        }
        ["cpa", "<=", amount, currency] => {
            let cap: Money = format!("{amount} {currency}").parse().map_err(|error| format!("{error}"))?;
            if cap.micros() > 0 { Ok(Limit::CpaCap(cap)) } else { Err("a CPA cap lies above 0".to_owned()) }
        }
        ["roas", "<=", ..] => Err("a ROAS is held from below: write `roas >= …`".to_owned()),
        ["cpa", ">=", ..] => Err("a CPA is held from above: write `cpa <= …`".to_owned()),
        ["cpa", "<=", _] => Err("the CPA cap lacks its currency".to_owned()),
        _ => Err(format!("`{text}` is neither `roas >= …` nor `cpa <= …`")),
    }
}

impl FromStr for Goal {
    type Err = GoalError;
    fn from_str(text: &str) -> Result<Self, GoalError> {
        let wrong = |why: String| GoalError { text: text.to_owned(), why };
        let (head, while_) = match text.split_once(" while ") {
            Some((head, limit)) => (head.trim(), Some(parse_limit(limit).map_err(wrong)?)),
            None => (text.trim(), None),
        };
        if let Some(target) = head.strip_prefix("spend ->") {
            let target = target.trim().strip_suffix("/day").ok_or_else(|| wrong("a spend target is a day's: end it with `/day`".to_owned()))?;
            let target: Money = target.trim().parse().map_err(|error| wrong(format!("{error}")))?;
            if target.micros() <= 0 {
                return Err(wrong("a spend target lies above 0".to_owned()));
            }
            let goal = Self::Spend { target, while_ };
            if let Some(Limit::CpaCap(cap)) = while_
                && cap.currency() != target.currency()
            {
                return Err(wrong(format!("target in {}, cap in {}", target.currency(), cap.currency())));
            }
            return Ok(goal);
        }
        if let Some(target) = head.strip_prefix("conversions ->") {
            let target = target.trim().strip_suffix("/week").ok_or_else(|| wrong("a conversion target is a week's: end it with `/week`".to_owned()))?;
            let per_week = target.trim().parse().ok().filter(|count| *count > 0).ok_or_else(|| wrong(format!("`{target}` is not a count above 0")))?;
            return Ok(Self::Conversions { per_week, while_ });
        }
        if let Some(rest) = head.strip_prefix("profit max at ") {
            return match parse_limit(rest).map_err(wrong)? {
                Limit::RoasFloor(break_even) if while_.is_none() => Ok(Self::Profit { break_even }),
                Limit::RoasFloor(_) | Limit::CpaCap(_) => Err(wrong("profit takes its break-even as `at roas >= …` and nothing else".to_owned())),
            };
        }
        if while_.is_some() {
            return Err(wrong("only `spend` and `conversions` take a `while`".to_owned()));
        }
        parse_limit(head).map(Self::Hold).map_err(wrong)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoasFloor(floor) => write!(f, "roas >= {floor}"),
            Self::CpaCap(cap) => write!(f, "cpa <= {cap}"),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = |f: &mut fmt::Formatter<'_>, limit: &Option<Limit>| limit.map_or(Ok(()), |limit| write!(f, " while {limit}"));
        match self {
            Self::Hold(limit) => write!(f, "{limit}"),
            Self::Spend { target, while_ } => write!(f, "spend -> {target}/day").and_then(|()| tail(f, while_)),
            Self::Conversions { per_week, while_ } => write!(f, "conversions -> {per_week}/week").and_then(|()| tail(f, while_)),
            Self::Profit { break_even } => write!(f, "profit max at roas >= {break_even}"),
        }
    }
}

impl TryFrom<String> for Goal {
    type Error = GoalError;
    fn try_from(text: String) -> Result<Self, GoalError> {
        text.parse()
    }
}

impl From<Goal> for String {
    fn from(goal: Goal) -> Self {
        goal.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_goal_reads_back() {
        for text in [
            "roas >= 4",
            "cpa <= 45.00 USD",
            "spend -> 10000.00 USD/day while cpa <= 50.00 USD",
            "spend -> 6000.00 USD/day while roas >= 2.5",
            "conversions -> 300/week",
            "profit max at roas >= 1.5",
        ] {
            assert_eq!(text.parse::<Goal>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_goal_says_why() {
        for (text, why) in [
            ("roas <= 4", "from below"),
            ("cpa <= 45", "currency"),
            ("spend -> 10 USD", "/day"),
            ("roas >= 0", "above 0"),
            ("make money", "neither"),
            ("roas >= 2 while cpa <= 3 USD", "only"),
            ("spend -> 10 USD/day while cpa <= 3 EUR", "target in USD"),
            ("conversions -> -3/week", "count above 0"),
        ] {
            let error = text.parse::<Goal>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
