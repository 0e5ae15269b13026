//! Whether the thing may be changed, and whether the value makes sense for it.

use super::case::Case;
use super::rule::{Finding, Found, Unknown};
use crate::domain::change::{Change, Direction};
use crate::domain::entity::{EntityKey, Level, ReadOnly, RunStatus};
use crate::domain::money::Rounding;
use crate::domain::policy::{Guardrails, glob};

pub(super) fn currency(case: &Case<'_>) -> Found {
    let (account, configured, pool) = (case.account.currency, case.account_policy.currency, case.situation.view.currency);
    let text = format!("account={account} configured={configured} pool={pool}");
    let strange = case.amounts().into_iter().map(|money| money.currency()).find(|currency| *currency != account);
    Ok(match strange {
        Some(currency) => Finding::Deny(format!("{text} asked={currency}")),
        None if account != configured || account != pool => Finding::Deny(text),
        None => Finding::Pass(text),
    })
}

pub(super) fn unit(case: &Case<'_>) -> Found {
    let Change::Budget { to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    let unit = case.budget()?.unit;
    let rounding = if case.change.direction() == Direction::Protective { Rounding::Up } else { Rounding::Down };
    let whole = to.round_to(unit, rounding)?;
    let text = format!("to={to} unit={unit}");
    Ok(match whole == *to {
        true => Finding::Pass(text),
        false if case.actor.is_person() => Finding::Deny(text),
        false => Finding::Clamp(whole, text),
    })
}

pub(super) fn minimum(case: &Case<'_>) -> Found {
    let Change::Budget { from, to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    let minimum = case.budget()?.minimum;
    let text = format!("from={from} to={to} minimum={minimum}");
    // A budget that stands below the minimum is one we misread: a person has to look first.
    let makes_sense = case.actor.is_person() || from.compare(minimum)?.is_ge();
    let enough = makes_sense && to.micros() > 0 && to.compare(minimum)?.is_ge();
    Ok(if enough { Finding::Pass(text) } else { Finding::Deny(text) })
}

pub(super) fn read_only(case: &Case<'_>) -> Found {
    let status = match case.change {
        Change::Budget { .. } => return Ok(steerable(case.budget()?.read_only, None)),
        Change::Status { entity, to, .. } if entity.level == Level::Campaign => match case.account.campaign(entity) {
            Some(campaign) if campaign.status == RunStatus::Ended => None,
            // Every type of campaign can be paused, whatever is true of its money: what a platform will not have from us it refuses itself.
            Some(_) if *to == RunStatus::Paused && case.actor.is_person() => Some((None, None)),
            Some(campaign) => case.account.budget(&campaign.budget.key).map(|budget| (budget.read_only, Some(*to))),
            None => None,
        },
        // A person may stop what hangs below a campaign unseen: the platform refuses what has ended.
        Change::Status { to: RunStatus::Paused, .. } if case.actor.is_person() => Some((None, None)),
        Change::Status { entity, .. } => return Err(Unknown::missing("entity_view", entity)),
        // What hangs below a campaign is read when it is about to be written; here its campaign must be one that still stands.
        Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. }
        | Change::CreateAdGroup(_)
        | Change::CreateAd(_) => case.campaigns.first().filter(|campaign| campaign.status != RunStatus::Ended).map(|_| (None, None)),
        Change::CreateCampaign(_) | Change::CreateCreative(_) | Change::UploadMedia(_) => Some((None, None)),
    };
    Ok(match status {
        Some((read_only, to)) => steerable(read_only, to),
        None => Finding::Deny(format!("entity={} has ended or is not among those read", case.name())),
    })
}

/// A status may be set where only the amount is beyond our reach, but nothing is started whose money we cannot steer.
fn steerable(read_only: Option<ReadOnly>, status: Option<RunStatus>) -> Finding {
    let Some(why) = read_only else { return Finding::Pass("read_only=no".to_owned()) };
    match (why, status) {
        (ReadOnly::MemberOutsidePool | ReadOnly::Lifetime, Some(RunStatus::Paused | RunStatus::Ended)) => Finding::Pass(format!("read_only={why:?}")),
        (ReadOnly::MemberOutsidePool | ReadOnly::Lifetime, Some(RunStatus::Active) | None)
        | (ReadOnly::Automated | ReadOnly::Ended | ReadOnly::UnknownType, Some(_) | None) => Finding::Deny(format!("read_only={why:?}")),
    }
}

pub(super) fn expectation(case: &Case<'_>) -> Found {
    let (same, text) = match case.change {
        Change::Budget { budget, from, .. } => {
            let shown = case.budget()?;
            let accepted = case.book()?.accepted;
            // A step is measured from what the platform last accepted: where that differs, somebody else has been here.
            let ours = case.actor.is_person() || shown.amount == accepted;
            let members = shown.budget.members.iter().all(|key| budget.members.contains(key));
            (shown.amount == *from && ours && members, format!("expected={from} shown={} accepted={accepted}", shown.amount))
        }
        Change::Status { entity, from, to } => {
            let Some(campaign) = case.campaign(entity)? else { return Err(Unknown::missing("entity_view", entity)) };
            let starts_at_known_amount = match to {
                RunStatus::Active => case.budget()?.amount == case.book()?.accepted,
                RunStatus::Paused | RunStatus::Ended => true,
            };
            (campaign.status == *from && starts_at_known_amount, format!("expected={} shown={}", from.name(), campaign.status.name()))
        }
        // No whole read shows these: the platform is asked for the one thing before it is written, and what differs is not.
        Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => {
            (true, "expected=asked_before_sending".to_owned())
        }
        Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => {
            (true, "expected=nothing".to_owned())
        }
    };
    Ok(if same { Finding::Pass(text) } else { Finding::Deny(text) })
}

pub(super) fn allow_list(case: &Case<'_>) -> Found {
    let view = case.situation.view;
    let allowed = |key: &EntityKey| {
        let name = key.to_string();
        let by = |guardrails: &Guardrails| guardrails.allow.iter().any(|pattern| glob(pattern, &name));
        if case.speakers.is_empty() { by(&case.policy.workspace) } else { case.speakers.iter().all(|agent| by(&agent.guardrails)) }
    };
    let Some(entity) = case.change.entity() else {
        let drawn = case.policy.pools.get(&view.pool).is_some_and(|pool| pool.members.accounts.contains(case.change.account()));
        let text = format!("account={} pool={}", case.change.account(), view.pool);
        return Ok(if drawn { Finding::Pass(text) } else { Finding::Deny(text) });
    };
    let member = view.has(entity) || case.campaigns.iter().any(|campaign| view.has(&campaign.budget.key));
    let text = format!("entity={entity} member={} of={}", if member { "yes" } else { "no" }, view.pool);
    Ok(if member && allowed(entity) { Finding::Pass(text) } else { Finding::Deny(text) })
}

pub(super) fn frozen_account(case: &Case<'_>) -> Found {
    Ok(match &case.account.frozen {
        Some(why) => Finding::Deny(format!("account={} why={why:?}", case.account.account)),
        None => Finding::Pass(format!("account={}", case.account.account)),
    })
}

pub(super) fn disapproved(case: &Case<'_>) -> Found {
    let refused = case.campaigns.iter().find(|campaign| campaign.disapproved);
    Ok(match refused {
        Some(campaign) if starts(case) => Finding::Deny(format!("campaign={} review=disapproved; mend what the review names first", campaign.key)),
        Some(_) | None => Finding::Pass("review=ok".to_owned()),
    })
}

pub(super) fn declaration(case: &Case<'_>) -> Found {
    let silent = case.campaigns.iter().find(|campaign| campaign.special_categories.is_none());
    Ok(match silent {
        Some(campaign) if starts(case) => Finding::Deny(format!("campaign={} special_ad_category=undeclared; declare it on the platform first", campaign.key)),
        Some(_) | None => Finding::Pass("special_ad_category=declared".to_owned()),
    })
}

fn starts(case: &Case<'_>) -> bool {
    matches!(case.change, Change::Status { to: RunStatus::Active, .. } | Change::PartStatus { to: RunStatus::Active, .. })
}
