//! Faults on demand: rules that say which requests go wrong, how, how often.

use serde::{Deserialize, Serialize};

use super::market::noise::Place;
use crate::domain::entity::Platform;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request takes effect, the answer never comes.
    Timeout,
    /// Refused for too many calls, in the platform's own words; nothing takes effect.
    #[serde(rename = "http_429")]
    Http429,
    /// The platform fails; nothing takes effect.
    #[serde(rename = "http_500")]
    Http500,
    /// The connection breaks before the request takes effect.
    ResetBefore,
    /// The connection breaks after the request took effect and before its answer.
    ResetAfter,
    /// The request takes effect twice, as if something on the way had sent it again.
    Duplicate,
    /// Reads show the state of an hour ago.
    StaleRead,
    /// The answer takes longer.
    Slow,
    /// The token is refused; nothing takes effect.
    RevokedToken,
    /// A budget is stored a tenth lower than asked, and the answer says success.
    Clip,
}

impl Kind {
    /// The name in rules and log rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Http429 => "http_429",
            Self::Http500 => "http_500",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Duplicate => "duplicate",
            Self::StaleRead => "stale_read",
            Self::Slow => "slow",
            Self::RevokedToken => "revoked_token",
            Self::Clip => "clip",
        }
    }

    /// Whether a write that meets this fault still takes effect.
    #[must_use]
    pub const fn takes_effect(self) -> bool {
        match self {
            Self::Timeout | Self::ResetAfter | Self::Duplicate | Self::StaleRead | Self::Slow | Self::Clip => true,
            Self::Http429 | Self::Http500 | Self::ResetBefore | Self::RevokedToken => false,
        }
    }
}

/// Which requests a rule meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Methods {
    /// Those that change nothing.
    Read,
    /// Those that ask for a change.
    Write,
    /// All.
    #[default]
    Any,
}

/// One rule. The first rule that meets a request and wins its draw decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only this platform; all when missing.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Only paths that contain this text; all when missing.
    #[serde(default)]
    pub path: Option<String>,
    /// Only reads or only writes.
    #[serde(default)]
    pub methods: Methods,
    /// What goes wrong.
    pub kind: Kind,
    /// Chance per request, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many requests it spoils before it is used up; unlimited when missing.
    #[serde(default)]
    pub count: Option<u32>,
    /// For `slow`: how much longer, in wall milliseconds.
    #[serde(default = "slow_ms")]
    pub delay_ms: u32,
}

fn always() -> f64 {
    1.0
}

fn slow_ms() -> u32 {
    800
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: i64,
    asked: i64,
    pub(crate) rules: Vec<FaultRule>,
}

impl Faults {
    pub(crate) fn new(seed: i64, rules: Vec<FaultRule>) -> Self {
        Self { seed, asked: 0, rules }
    }

    /// The fault this request meets; uses up one of the rule's count.
    pub(crate) fn pick(&mut self, platform: Platform, path: &str, method: Methods) -> Option<FaultRule> {
        self.asked += 1;
        let (seed, asked) = (self.seed, self.asked);
        let (_, rule) = (0_i64..).zip(self.rules.iter_mut()).find(|(number, rule)| {
            rule.platform.is_none_or(|only| only == platform)
                && rule.path.as_deref().is_none_or(|part| path.contains(part))
                && (rule.methods == Methods::Any || rule.methods == method)
                && rule.count != Some(0)
                && Place::of(&[seed, 60, asked, *number]).uniform() < rule.probability
        })?;
        rule.count = rule.count.map(|left| left.saturating_sub(1));
        Some(rule.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn a_rule_and_a_log_row_call_a_fault_the_same() {
        use Kind::{Clip, Duplicate, Http429, Http500, ResetAfter, ResetBefore, RevokedToken, Slow, StaleRead, Timeout};
        for kind in [Timeout, Http429, Http500, ResetBefore, ResetAfter, Duplicate, StaleRead, Slow, RevokedToken, Clip] {
            assert_eq!(serde_json::to_value(kind).expect("a name"), kind.name());
        }
    }
}
