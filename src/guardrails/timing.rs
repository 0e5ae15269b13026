//! Not yet: cooldown, learning phase, minimum evidence, the platform's edit limit, one open decision at a time. Never against a person's reduction.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::case::Case;
use super::evidence::{seen, target_cpa};
use super::rule::{Finding, Found, Unknown};
use super::tally::aspect;
use crate::clock::ProductTime;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::Learning;
use crate::domain::proposal::Actor;

/// Dispatches of one budget an hour that are kept for an undo.
const UNDO_RESERVE: u32 = 1;

pub(super) fn cooldown(case: &Case<'_>) -> Found {
    let book = case.book()?;
    let hours = match case.change.direction() {
        Direction::Growth | Direction::Neutral => case.limits.cooldown_growth_h,
        Direction::Protective => case.limits.cooldown_cut_h,
    };
    let last = book.grown_at.max(book.cut_at);
    let Some(last) = last else { return Ok(Finding::Pass(format!("last=never hours={hours}"))) };
    let until = last + TimeDelta::hours(hours.into());
    let text = format!("last={last} hours={hours}");
    Ok(if case.now < until { Finding::Delay(until, text) } else { Finding::Pass(text) })
}

pub(super) fn learning(case: &Case<'_>) -> Found {
    if case.campaigns.is_empty() {
        return Err(Unknown::missing("campaign_view", case.name()));
    }
    let days = TimeDelta::days(case.limits.learning_days.into());
    for campaign in &case.campaigns {
        match &campaign.learning {
            Learning::Done => {}
            Learning::Active { conversions, since } => {
                let until = since.map_or(case.now, |since| since + days).max(case.now + TimeDelta::days(1));
                let conversions = conversions.map_or("unknown".to_owned(), |count| format!("{count:.0}"));
                return Ok(Finding::Delay(until, format!("campaign={} platform=learning conversions={conversions}", campaign.key)));
            }
            Learning::Unknown => {
                let Some(since) = case.book()?.significant_at else { continue };
                let (until, needs) = (since + days, f64::from(case.limits.learning_conversions));
                let conversions = conversions_since(case, since);
                if case.now < until && conversions < needs {
                    let text = format!("campaign={} significant_edit={since} conversions={conversions:.0} needs={needs:.0}", campaign.key);
                    return Ok(Finding::Delay(until, text));
                }
            }
        }
    }
    Ok(Finding::Pass("learning=no".to_owned()))
}

/// Conversions of all campaigns concerned on the days after the one of `since`.
fn conversions_since(case: &Case<'_>, since: ProductTime) -> f64 {
    let first = since.date_in(case.account.time_zone);
    let after = |(day, _): &(usize, _)| case.account.days.get(*day).is_some_and(|day| *day > first);
    case.campaigns
        .iter()
        .filter_map(|campaign| case.account.position(&campaign.key))
        .flat_map(|at| case.account.series(at).iter().enumerate().filter(after).map(|(_, metrics)| metrics.conversions()))
        .sum()
}

pub(super) fn evidence(case: &Case<'_>) -> Found {
    if case.campaigns.is_empty() {
        return Err(Unknown::missing("campaign_view", case.name()));
    }
    let shown = seen(case, case.campaigns.iter().map(|campaign| &campaign.key))?;
    let needs_spend = target_cpa(case)?.and_then(|cpa| cpa.checked_mul(case.limits.evidence_cpa_multiple));
    let spent_enough = needs_spend.is_some_and(|needs| shown.spend.units() >= needs);
    let needs_conversions = case.limits.evidence_conversions.to_f64().ok_or_else(|| Unknown("evidence_conversions=not_a_number".to_owned()))?;
    let seen_enough = shown.days >= case.limits.evidence_days && shown.matured >= needs_conversions;
    let enough = match case.change.direction() {
        Direction::Growth | Direction::Neutral => seen_enough || spent_enough,
        Direction::Protective => spent_enough,
    };
    let text = format!(
        "closed_days={} matured_conversions={:.1} spend={} needs_spend={}",
        shown.days,
        shown.matured,
        shown.spend,
        needs_spend.map_or("unknown".to_owned(), |needs: Decimal| needs.round_dp(2).to_string())
    );
    Ok(if enough { Finding::Pass(text) } else { Finding::Delay(case.now + TimeDelta::days(1), text) })
}

pub(super) fn edit_limit(case: &Case<'_>) -> Found {
    if !matches!(case.change, Change::Budget { .. }) || spared(case) {
        return Ok(Finding::Pass("not_limited".to_owned()));
    }
    let limit = match case.actor {
        Actor::Undo { .. } => case.limits.edits_per_hour.saturating_add(UNDO_RESERVE),
        Actor::Agent { .. } | Actor::Wave { .. } | Actor::Person { .. } | Actor::Approval { .. } => case.limits.edits_per_hour,
    };
    let edits = case.book()?.edits_1h;
    let text = format!("edits_1h={edits} limit={limit}");
    Ok(if edits >= limit { Finding::Delay(case.now + TimeDelta::hours(1), text) } else { Finding::Pass(text) })
}

pub(super) fn open_decision(case: &Case<'_>) -> Found {
    let Some(entity) = case.change.entity() else { return Ok(Finding::Pass("open=none".to_owned())) };
    let twice = case.tally.touched.contains(&(entity.clone(), aspect(case.change)));
    let open = !case.actor.is_person() && case.books.open_entities.contains(entity);
    if (twice || open) && !spared(case) {
        return Ok(Finding::Delay(case.now, format!("entity={entity} open={}", if twice { "in_this_settlement" } else { "earlier_decision" })));
    }
    Ok(Finding::Pass("open=none".to_owned()))
}

/// A person's reduction waits for nothing.
fn spared(case: &Case<'_>) -> bool {
    case.actor.is_person() && case.change.direction() == Direction::Protective
}
