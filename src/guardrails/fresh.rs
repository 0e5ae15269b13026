//! Whether what a change rests on is fresh and true, and whether the calendar lets money grow.

use chrono::TimeDelta;

use super::case::Case;
use super::facts::Facts;
use super::rule::{Finding, Found, Unknown};
use crate::clock::ProductTime;
use crate::domain::policy::CalendarEffect;
use crate::domain::view::Tracking;

pub(super) fn config(case: &Case<'_>) -> Found {
    let (age, limit) = (case.situation.config_age, case.limits.max_config_age_s);
    let text = format!("age_s={} limit_s={limit}", age.as_secs());
    Ok(if age > std::time::Duration::from_secs(limit.into()) { Finding::Deny(text) } else { Finding::Pass(text) })
}

pub(super) fn spend(case: &Case<'_>) -> Found {
    Ok(age(case, case.account.spend_at, case.limits.max_spend_age_h))
}

pub(super) fn conversions(case: &Case<'_>) -> Found {
    Ok(age(case, case.account.conversions_at, case.limits.max_conversions_age_h))
}

fn age(case: &Case<'_>, at: Option<ProductTime>, limit_h: u32) -> Finding {
    let Some(at) = at else { return Finding::Deny(format!("read=never limit_h={limit_h}")) };
    let (age, limit) = (case.now - at, TimeDelta::hours(limit_h.into()).max(case.situation.age_floor));
    let text = format!("age_min={} limit_min={}", age.num_minutes(), limit.num_minutes());
    if age > limit { Finding::Deny(text) } else { Finding::Pass(text) }
}

pub(super) fn tracking(case: &Case<'_>) -> Found {
    Ok(match case.account.tracking {
        Tracking::Healthy => Finding::Pass("tracking=healthy".to_owned()),
        Tracking::Unknown => Finding::Pass("tracking=unknown".to_owned()),
        Tracking::Broken { reported, expected } => Finding::Deny(format!("reported={reported:.1} expected={expected:.1} account={}", case.account.account)),
    })
}

/// Judged from policy and clock alone, so that what was decided before a freeze is not sent within it.
pub(super) fn freeze(facts: &Facts<'_>) -> Found {
    let account = facts.change.account();
    let zone = facts.policy.accounts.get(account).ok_or_else(|| Unknown::missing("account_policy", account))?.time_zone;
    let today = facts.now.date_in(zone);
    let freeze = facts.policy.effects_on(today).find(|(_, effect)| *effect == CalendarEffect::Freeze);
    Ok(match freeze {
        Some((name, _)) => Finding::Deny(format!("event={name} day={today}")),
        None => Finding::Pass(format!("day={today}")),
    })
}
