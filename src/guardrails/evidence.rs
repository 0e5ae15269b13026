//! How much has been seen of a budget: closed days, matured conversions, spend; and what a conversion may cost.

use rust_decimal::Decimal;

use super::case::Case;
use super::rule::Unknown;
use crate::domain::entity::EntityKey;
use crate::domain::goal::Limit;
use crate::domain::money::Money;

/// Hours after its end from which a day counts as closed.
pub(super) const CLOSED_H: i64 = 3;

/// What the closed days of the view show of some campaigns.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Days on which any of them was shown.
    pub days: u32,
    /// Conversions, each day's weighted by its maturity.
    pub matured: f64,
    /// Conversions as reported, in thousandths.
    pub conversions_milli: i64,
    pub spend: Money,
    pub revenue: Money,
}

pub(super) fn seen<'k>(case: &Case<'_>, campaigns: impl Iterator<Item = &'k EntityKey>) -> Result<Seen, Unknown> {
    let view = case.account;
    let closed = view.closed_days(case.now, CLOSED_H);
    let zero = Money::zero(view.currency);
    let mut sum = Seen { days: 0, matured: 0.0, conversions_milli: 0, spend: zero, revenue: zero };
    let mut shown = vec![false; closed];
    for key in campaigns {
        let at = view.position(key).ok_or_else(|| Unknown::missing("campaign_view", key))?;
        for (day, metrics) in view.series(at).iter().enumerate().take(closed) {
            if view.gaps.contains(&view.days[day]) {
                continue;
            }
            let maturity = view.maturity.get(day).copied().filter(|share| share.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
            shown[day] |= metrics.impressions > 0;
            sum.matured += metrics.conversions() * maturity;
            sum.conversions_milli = sum.conversions_milli.saturating_add(metrics.conversions_milli);
            sum.spend = sum.spend.checked_add(metrics.spend)?;
            sum.revenue = sum.revenue.checked_add(metrics.revenue)?;
        }
    }
    sum.days = u32::try_from(shown.into_iter().filter(|shown| *shown).count()).unwrap_or(0);
    Ok(sum)
}

/// What a conversion may cost, in units: the largest any of the pool's agents allows, so that the most evidence is asked for. A ROAS floor allows
/// the account's value per conversion over the floor; a goal without a limit, what a conversion has cost in the account.
pub(super) fn target_cpa(case: &Case<'_>) -> Result<Option<Decimal>, Unknown> {
    let whole = || seen(case, case.account.campaigns.iter().map(|campaign| &campaign.key));
    let account = case.tally.totals.seen(&case.account.account, whole)?;
    let per_conversion = |money: Money| money.units().checked_div(Decimal::new(account.conversions_milli, 3)).filter(|value| *value > Decimal::ZERO);
    let allows = |limit: Option<Limit>| match limit {
        Some(Limit::CpaCap(cap)) => (cap.currency() == case.account.currency).then(|| cap.units()),
        Some(Limit::RoasFloor(floor)) => per_conversion(account.revenue).and_then(|value| value.checked_div(floor)),
        None => per_conversion(account.spend),
    };
    Ok(case.speakers.iter().filter_map(|agent| allows(agent.goal.limit())).max())
}
