//! What is above the station of whoever wants it: a person must agree.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::case::Case;
use super::rule::{Finding, Found, Unknown};
use crate::domain::books::TrackRecord;
use crate::domain::change::{Change, Direction};
use crate::domain::entity::RunStatus;
use crate::domain::money::Money;
use crate::domain::policy::AgentPolicy;
use crate::domain::proposal::Autonomy;

/// An amount of the policy in the pool's currency.
fn amount(case: &Case<'_>, units: Decimal) -> Result<Money, Unknown> {
    Ok(Money::from_decimal(units, case.currency()?)?)
}

pub(super) fn large_step(case: &Case<'_>) -> Found {
    let Change::Budget { from, to, .. } = case.change else { return Ok(Finding::Pass("amount=unchanged".to_owned())) };
    let moved = if to.compare(*from)?.is_ge() { to.checked_sub(*from)? } else { from.checked_sub(*to)? };
    let pct = moved.ratio(*from).and_then(|share| share.checked_mul(Decimal::ONE_HUNDRED));
    let (limit, most) = (case.limits.ask_step_pct, amount(case, case.limits.ask_amount)?);
    let text = format!("moved={moved} pct={} limit_pct={limit} limit={most}", pct.map_or("none".to_owned(), |pct| pct.round_dp(1).to_string()));
    let small = pct.is_some_and(|pct| pct <= limit) && moved.compare(most)?.is_le();
    Ok(if small { Finding::Pass(text) } else { Finding::Ask(text) })
}

pub(super) fn confidence(case: &Case<'_>) -> Found {
    let (volatile, own) = (case.policy.is_volatile(case.today()), case.own());
    let needs = match (case.change.direction(), volatile) {
        (Direction::Growth | Direction::Neutral, false) => own.confidence_growth,
        (Direction::Growth | Direction::Neutral, true) => own.confidence_growth_volatile,
        (Direction::Protective, false) => own.confidence_cut,
        (Direction::Protective, true) => own.confidence_cut_volatile,
    };
    let given = case.settled.wish.confidence;
    if !(0.0..=1.0).contains(&given) {
        return Err(Unknown(format!("confidence={given}")));
    }
    let text = format!("confidence={given:.2} needs={needs}");
    let needs = needs.to_f64().ok_or_else(|| Unknown("confidence_limit=not_a_number".to_owned()))?;
    Ok(if given >= needs { Finding::Pass(text) } else { Finding::Ask(text) })
}

/// What the change stakes: what the agent says, but never less than one day of the money it adds, for a day passes before anybody looks again.
pub(super) fn stake(case: &Case<'_>) -> Result<Money, Unknown> {
    let said = case.settled.wish.cost_if_wrong;
    if said.micros() < 0 {
        return Err(Unknown(format!("cost_if_wrong={said}")));
    }
    Ok(said.larger(case.lift()?)?)
}

/// Outcomes within their predicted interval, net of misses, that double what an agent may stake alone.
const NET_TO_DOUBLE: f64 = 4.0;
/// What a miss takes back of what kept predictions earned: an interval that holds two times in three earns nothing.
const MISS: f64 = 2.0;
/// Share of the amount that growth may use; the rest is kept for cuts and pauses.
const FOR_GROWTH: Decimal = Decimal::from_parts(75, 0, 0, false, 2);
/// Between what share of the configured amount a record moves it.
const EARNED_RANGE: (f64, f64) = (0.25, 20.0);

/// What a record makes of the configured amount, as a factor: who foresees what this kind of action brings may stake more on it, who is surprised
/// less. A week of one campaign is too noisy to tell right from wrong by its direction alone.
fn earned_factor(record: TrackRecord) -> Decimal {
    let missed = record.scored.saturating_sub(record.inside);
    let net = f64::from(record.inside) - MISS * f64::from(missed);
    Decimal::try_from((1.0 + net / NET_TO_DOUBLE).clamp(EARNED_RANGE.0, EARNED_RANGE.1)).unwrap_or(Decimal::ONE).round_dp(2)
}

pub(super) fn earned(case: &Case<'_>) -> Found {
    let agent = case.actor.agent().ok_or_else(|| Unknown::missing("agent", case.name()))?;
    let before = *case.books.staked.get(agent).ok_or_else(|| Unknown::missing("staked", agent))?;
    let mut in_this = case.tally.staked.get(agent).into_iter().flatten();
    let staked = in_this.try_fold(before, |sum, stake| sum.checked_add(*stake))?;
    let record = case.books.track.get(agent).and_then(|kinds| kinds.get(&case.change.action())).copied().unwrap_or_default();
    let factor = earned_factor(record);
    // What protects must not wait because growth has used everything up.
    let share = if case.change.direction() == Direction::Protective { Decimal::ONE } else { FOR_GROWTH };
    let earned = case.own().earned_amount.checked_mul(factor * share).ok_or_else(|| Unknown("earned=too_large".to_owned()))?;
    let (stake, limit) = (stake(case)?, amount(case, earned)?);
    let text = format!("stake={stake} staked_7d={staked} earned={limit} factor={factor} inside={} scored={}", record.inside, record.scored);
    Ok(if staked.checked_add(stake)?.compare(limit)?.is_le() { Finding::Pass(text) } else { Finding::Ask(text) })
}

pub(super) fn not_accepted(case: &Case<'_>) -> Found {
    let account = &case.account.account;
    Ok(if case.account_policy.accepted { Finding::Pass(format!("account={account}")) } else { Finding::Ask(format!("account={account} accepted=no")) })
}

pub(super) fn last_active(case: &Case<'_>) -> Found {
    let Change::Status { entity, to: RunStatus::Paused | RunStatus::Ended, .. } = case.change else {
        return Ok(Finding::Pass("stops=nothing".to_owned()));
    };
    let view = case.situation.view;
    let members = view.accounts.iter().flat_map(|account| account.campaigns.iter()).filter(|campaign| view.has(&campaign.budget.key));
    let left = members.filter(|campaign| campaign.status == RunStatus::Active && campaign.key != *entity && !case.tally.paused.contains(&campaign.key)).count();
    let text = format!("left_active={left} least={}", case.limits.min_active_campaigns);
    let enough = u32::try_from(left).is_ok_and(|left| left >= case.limits.min_active_campaigns);
    Ok(if enough { Finding::Pass(text) } else { Finding::Ask(text) })
}

pub(super) fn structural(case: &Case<'_>) -> Found {
    let what = match case.change {
        Change::Budget { .. }
        | Change::Bid { .. }
        | Change::Status { to: RunStatus::Active | RunStatus::Paused, .. }
        | Change::PartStatus { to: RunStatus::Active | RunStatus::Paused, .. } => None,
        Change::Status { to: RunStatus::Ended, .. } | Change::PartStatus { to: RunStatus::Ended, .. } => Some("delete"),
        Change::BidStrategy { .. } => Some("bid_strategy"),
        Change::Targeting { .. } => Some("targeting"),
        Change::CreateCampaign(_) => Some("new_campaign"),
        Change::CreateAdGroup(_) => Some("new_ad_group"),
        Change::CreateCreative(_) => Some("new_creative"),
        Change::CreateAd(_) => Some("new_ad"),
        Change::UploadMedia(_) => Some("new_media"),
    };
    Ok(match what {
        Some(what) => Finding::Ask(format!("what={what}")),
        None => Finding::Pass("what=running".to_owned()),
    })
}

/// How much more the change would have committed a day: what an increase adds, whatever else stands open, and at least what its budget has risen
/// since 24 h ago, so that several changes of one budget are not each too small for a second person.
pub(super) fn increase(case: &Case<'_>) -> Result<Money, Unknown> {
    let lift = case.lift()?;
    Ok(match case.change {
        Change::Budget { from, to, .. } => to.checked_sub(*from)?.larger(to.checked_sub(case.book()?.day_ago)?)?.larger(lift)?,
        Change::Status { .. }
        | Change::PartStatus { .. }
        | Change::Bid { .. }
        | Change::BidStrategy { .. }
        | Change::Targeting { .. }
        | Change::CreateCampaign(_)
        | Change::CreateAdGroup(_)
        | Change::CreateCreative(_)
        | Change::CreateAd(_)
        | Change::UploadMedia(_) => lift,
    })
}

pub(super) fn four_eyes(case: &Case<'_>) -> Found {
    let own = increase(case)?;
    let all = case.tally.increases.iter().try_fold(own, |sum, other| sum.checked_add(*other))?;
    let limit = amount(case, case.limits.four_eyes_above)?;
    let text = format!("increase={own} with_others={all} above={limit}");
    Ok(if all.compare(limit)?.is_gt() { Finding::Ask(text) } else { Finding::Pass(text) })
}

fn own_policy<'a>(case: &Case<'a>) -> Result<&'a AgentPolicy, Unknown> {
    case.speakers.first().copied().ok_or_else(|| Unknown::missing("agent_policy", case.name()))
}

pub(super) fn shadow(case: &Case<'_>) -> Found {
    Ok(match own_policy(case)?.autonomy {
        Autonomy::Observe => Finding::Deny("autonomy=observe; nothing is sent".to_owned()),
        Autonomy::Suggest | Autonomy::Autonomous => Finding::Pass("autonomy=acting".to_owned()),
    })
}

pub(super) fn autonomy(case: &Case<'_>) -> Found {
    Ok(match own_policy(case)?.autonomy {
        Autonomy::Suggest => Finding::Ask("autonomy=suggest".to_owned()),
        Autonomy::Observe => Finding::Pass("autonomy=observe".to_owned()),
        Autonomy::Autonomous => Finding::Pass("autonomy=autonomous".to_owned()),
    })
}

pub(super) fn superseded_plan(_: &Case<'_>) -> Found {
    Ok(Finding::Pass("plan=none".to_owned()))
}

pub(super) fn flight(_: &Case<'_>) -> Found {
    Ok(Finding::Pass("flight=none".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_predictions_raise_what_an_agent_may_stake_alone_and_misses_lower_it() {
        let factor = |inside, scored| earned_factor(TrackRecord { inside, scored, ..TrackRecord::default() });
        assert_eq!(factor(0, 0), Decimal::ONE, "at the start the configured amount stands");
        assert_eq!(factor(6, 9), Decimal::ONE, "two of three earn nothing");
        assert_eq!(factor(8, 10), Decimal::TWO);
        assert_eq!(factor(0, 10), Decimal::new(25, 2), "never to nothing");
        assert_eq!(factor(500, 500), Decimal::from(20), "never without end");
    }
}
