//! A manager in a kind of market: the figures of a report, each with its standard error where accounts make one.

use serde::Serialize;

use super::forecasts::{BINS, Forecasts, Rate};
use super::managers::Kind;
use super::preset::Preset;
use super::study::Study;
use super::tally::Tally;

/// A mean over accounts with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error; 0 for a single account.
    pub error: f64,
}

impl Estimate {
    pub(super) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Self { mean, error: (variance / n).sqrt() }
    }
}

/// How a manager did in a kind of market. Shares are percentages.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The kind of market.
    pub preset: Preset,
    /// Who managed.
    pub manager: Kind,
    /// Accounts.
    pub accounts: usize,
    /// Revenue as a share of what the oracle under the same limits made of the same account.
    pub of_oracle: Estimate,
    /// Revenue for every unit of the pool: money left unspent counts as spent, so that spending less is no way to look good.
    pub revenue_at_equal_spend: Estimate,
    /// Revenue per unit spent.
    pub roas: Estimate,
    /// ROAS against the careful weekly manager's on the same account.
    pub roas_vs_weekly: Estimate,
    /// Revenue against the careful weekly manager's on the same account.
    pub revenue_vs_weekly: Estimate,
    /// Spend against the careful weekly manager's on the same account; ROAS counts as better only where this is near 100.
    pub spend_vs_weekly: Estimate,
    /// ROAS against untouched budgets on the same account, where those were run.
    pub roas_vs_static: Option<Estimate>,
    /// Accounts with more revenue than the careful weekly manager made of them.
    pub beats_weekly: Estimate,
    /// Accounts with at least 15 % more ROAS than the careful weekly manager's.
    pub fifteen_better: Estimate,
    /// Spend as a share of the pool.
    pub spend: Estimate,
    /// Campaign-days with a step beyond 20 % of the last accepted budget.
    pub oversteps: f64,
    /// Days on which budgets exceeded the pool.
    pub over_pool: f64,
    /// Campaign-days on which less than the minimum was asked for.
    pub below_minimum: f64,
    /// Weeks in which an agent missed its goal.
    pub goals_missed: f64,
    /// Changes a hundred campaign-days.
    pub edits: f64,
    /// Changes whose outcome lay within max(20 %, 1.28 standard deviations of the market's own noise) of what was predicted.
    pub hits_of_actions: Option<f64>,
    /// The same for weekly predictions of every campaign.
    pub hits_weekly: Option<f64>,
    /// Weekly predictions within 20 %, of campaigns with at least 5 conversions expected.
    pub within_20: Option<f64>,
    /// What that would be for someone who knows the true mean.
    pub ceiling: Option<f64>,
    /// Weekly predictions of all campaigns of an agent, within 20 %.
    pub agents_within_20: Option<f64>,
    /// Outcomes inside their 80 % interval.
    pub coverage: Option<f64>,
    /// Median half-width of the interval as a multiple of the market's own noise.
    pub width: Option<f64>,
    /// Improvement of the continuous ranked probability score over plain, delay-corrected continuation.
    pub crps_skill: Option<f64>,
    /// Weekly predictions whose plan was kept.
    pub plan_kept: Option<f64>,
    /// Outcomes by tenth of their predicted distribution.
    pub tenths: [f64; BINS],
    /// Adjustments of the first 30 days that no person had to approve.
    pub autonomous: Option<f64>,
    /// Tickets a day and account.
    pub tickets: f64,
    /// Estimated minutes of review a day and account.
    pub minutes: f64,
}

impl Summary {
    pub(super) fn of(study: &Study, preset: Preset, manager: Kind) -> Self {
        let own: Vec<&Tally> = study.of(preset, manager).collect();
        let weekly: Vec<&Tally> = study.of(preset, Kind::ManualWeekly).collect();
        let oracle: Vec<&Tally> = study.of(preset, Kind::OracleStep).collect();
        let untouched: Vec<&Tally> = study.of(preset, Kind::Static).collect();
        let against = |others: &[&Tally], of: &dyn Fn(&Tally, &Tally) -> f64| -> Estimate {
            Estimate::of(&own.iter().zip(others).map(|(own, other)| of(own, other)).collect::<Vec<f64>>())
        };
        let mean = |of: &dyn Fn(&Tally) -> f64| Estimate::of(&own.iter().map(|tally| of(tally)).collect::<Vec<f64>>());
        let gain = |own: &Tally, other: &Tally| 100.0 * (own.roas() / other.roas().max(1e-9) - 1.0);
        let percent = |hit: bool| if hit { 100.0 } else { 0.0 };
        let campaign_days = own.iter().map(|tally| tally.campaigns * tally.days).sum::<usize>().max(1) as f64;
        let days = own.iter().map(|tally| tally.days).sum::<usize>().max(1) as f64;
        let sum = |of: &dyn Fn(&Tally) -> usize| own.iter().map(|tally| of(tally)).sum::<usize>() as f64;
        let (mut forecasts, mut goals, mut autonomous) = (Forecasts::default(), Rate::default(), Rate::default());
        for tally in &own {
            forecasts.add(&tally.forecasts);
            goals.add(tally.goals_missed);
            autonomous.add(tally.autonomous);
        }
        let share = |rate: Rate| rate.share().map(|share| 100.0 * share);
        Self {
            preset,
            manager,
            accounts: own.len(),
            of_oracle: against(&oracle, &|own, oracle| 100.0 * own.revenue / oracle.revenue.max(1e-9)),
            revenue_at_equal_spend: mean(&|tally| tally.revenue / tally.pool),
            roas: mean(&Tally::roas),
            roas_vs_weekly: against(&weekly, &gain),
            revenue_vs_weekly: against(&weekly, &|own, other| 100.0 * (own.revenue / other.revenue.max(1e-9) - 1.0)),
            spend_vs_weekly: against(&weekly, &|own, other| 100.0 * own.spend / other.spend.max(1e-9)),
            roas_vs_static: (!untouched.is_empty()).then(|| against(&untouched, &gain)),
            beats_weekly: against(&weekly, &|own, other| percent(own.revenue > other.revenue)),
            fifteen_better: against(&weekly, &|own, other| percent(gain(own, other) >= 15.0)),
            spend: mean(&|tally| 100.0 * tally.spend / tally.pool),
            oversteps: 100.0 * sum(&|tally| tally.oversteps) / campaign_days,
            over_pool: 100.0 * sum(&|tally| tally.over_pool_days) / days,
            below_minimum: 100.0 * sum(&|tally| tally.below_minimum) / campaign_days,
            goals_missed: share(goals).unwrap_or(0.0),
            edits: 100.0 * sum(&|tally| tally.edits) / campaign_days,
            hits_of_actions: share(forecasts.actions),
            hits_weekly: share(forecasts.weekly),
            within_20: share(forecasts.within_20),
            ceiling: share(forecasts.ceiling),
            agents_within_20: share(forecasts.agents),
            coverage: share(forecasts.inside),
            width: median(&mut forecasts.widths),
            crps_skill: (forecasts.crps_persistence > 0.0).then(|| 100.0 * (1.0 - forecasts.crps / forecasts.crps_persistence)),
            plan_kept: share(forecasts.kept),
            tenths: forecasts.tenths,
            autonomous: share(autonomous),
            tickets: own.iter().map(|tally| f64::from(tally.tickets)).sum::<f64>() / days,
            minutes: own.iter().map(|tally| tally.minutes).sum::<f64>() / days,
        }
    }
}

impl Study {
    /// Every manager in every kind of market.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        let pairs = self.settings.presets.iter().flat_map(|preset| self.settings.managers.iter().map(move |kind| (*preset, *kind)));
        pairs.map(|(preset, kind)| Summary::of(self, preset, kind)).collect()
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
