//! Figures of closed days, made comparable: young days count as much of their spend as of their conversions has arrived.

use chrono::NaiveDate;

use crate::clock::ProductTime;
use crate::domain::entity::Campaign;
use crate::domain::view::AccountView;
use crate::learning::CLOSED_AFTER_H;

/// Closed days that an opinion rests on.
pub(super) const WINDOW_DAYS: usize = 7;
/// Least maturity at which a day's conversions count as matured.
const MATURED: f64 = 0.8;

/// Sums over closed days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Days with a report and spend.
    pub days: u32,
    /// Money spent, in units.
    pub spend: f64,
    /// The part of it whose conversions have arrived, in units.
    pub matured_spend: f64,
    /// Conversions reported.
    pub conversions: f64,
    /// Revenue reported, in units.
    pub revenue: f64,
}

impl Reading {
    /// Revenue per unit spent, as far as both have arrived.
    pub(super) fn roas(&self) -> Option<f64> {
        (self.matured_spend > 0.0).then(|| self.revenue / self.matured_spend)
    }

    /// Spend per conversion, as far as both have arrived.
    pub(super) fn cpa(&self) -> Option<f64> {
        (self.conversions > 0.0).then(|| self.matured_spend / self.conversions)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.days = self.days.max(other.days);
        self.spend += other.spend;
        self.matured_spend += other.matured_spend;
        self.conversions += other.conversions;
        self.revenue += other.revenue;
    }
}

fn sum<'a>(view: &AccountView, members: impl Iterator<Item = &'a Campaign>, days: &[usize]) -> Reading {
    let mut all = Reading::default();
    for member in members {
        let Some(at) = view.position(&member.key) else { continue };
        let series = view.series(at);
        let mut one = Reading::default();
        for (share, metrics) in days.iter().filter_map(|day| view.maturity.get(*day).zip(series.get(*day))) {
            let spend = metrics.spend.estimate();
            one.days += u32::from(spend > 0.0);
            one.spend += spend;
            one.matured_spend += spend * share;
            one.conversions += metrics.conversions();
            one.revenue += metrics.revenue.estimate();
        }
        all.add(one);
    }
    all
}

fn closed(view: &AccountView, now: ProductTime) -> impl DoubleEndedIterator<Item = usize> {
    (0..view.closed_days(now, CLOSED_AFTER_H)).filter(|at| !view.gaps.contains(&view.days[*at]))
}

/// The newest closed days, young ones weighed by maturity: what an agent's words are about.
pub(super) fn recent<'a>(view: &AccountView, members: impl Iterator<Item = &'a Campaign>, now: ProductTime) -> Reading {
    let days: Vec<usize> = closed(view, now).rev().take(WINDOW_DAYS).collect();
    sum(view, members, &days)
}

/// All closed days whose conversions have arrived, from `since` on where given: what evidence and irreversible verdicts rest on.
pub(super) fn matured<'a>(view: &AccountView, members: impl Iterator<Item = &'a Campaign>, now: ProductTime, since: Option<NaiveDate>) -> Reading {
    let fits = |at: &usize| view.maturity.get(*at).is_some_and(|share| *share >= MATURED) && since.is_none_or(|since| view.days[*at] > since);
    let days: Vec<usize> = closed(view, now).filter(fits).collect();
    sum(view, members, &days)
}
