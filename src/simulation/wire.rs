//! What a manager is told and what it answers: the data of the advise protocol, one value a message. All arrays run over the campaigns in one order.

use crate::domain::entity::Platform;

/// What an agent is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalKind {
    /// Revenue per unit of spend at least the value.
    RoasFloor,
    /// Spend per conversion at most the value.
    CpaCap,
    /// Spend so much a day.
    SpendTarget,
}

/// One agent of the pool.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentMeta {
    /// Its name.
    pub id: String,
    /// Its weight against others; above 0.
    pub priority: f64,
    /// What it is after.
    pub goal: GoalKind,
    /// The floor as a ratio, or the cap or target in money; above 0.
    pub value: f64,
}

/// The campaigns, their agents and their pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// Campaigns.
    pub n: usize,
    /// Where each runs.
    pub platform: Vec<Platform>,
    /// Which of `agents` each belongs to.
    pub agent: Vec<usize>,
    /// The agents.
    pub agents: Vec<AgentMeta>,
    /// Most that may be budgeted a day.
    pub pool: f64,
    /// Least budget of each.
    pub min_budget: Vec<f64>,
    /// Most budget of each.
    pub max_budget: Vec<f64>,
    /// The budgets at the start.
    pub init_budgets: Vec<f64>,
    /// Creatives (arms) a campaign; 0 is none.
    pub creatives: usize,
    /// Weekday of day 0; Monday is 0.
    pub weekday0: u8,
}

/// Newer figures that replace those of earlier days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restated {
    /// The first day they are of; the last is the day of the result they come with.
    pub from_day: usize,
    /// Conversions as reported by now, a row of n for each day.
    pub conversions: Vec<Vec<f64>>,
    /// Revenue as reported by now, a row of n for each day.
    pub revenue: Vec<Vec<f64>>,
}

/// What the creatives of each campaign's current set brought since it was uploaded: n rows of as many values as there are creatives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreativeResult {
    /// Times shown.
    pub impressions: Vec<Vec<f64>>,
    /// Clicks.
    pub clicks: Vec<Vec<f64>>,
    /// Conversions as reported so far.
    pub conversions: Vec<Vec<f64>>,
    /// Rises when a campaign's new set is uploaded.
    pub generation: Vec<u64>,
}

/// One finished day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayResult {
    /// Which day.
    pub day: usize,
    /// The budgets that were in force.
    pub budget: Vec<f64>,
    /// Whether each was active.
    pub status: Vec<bool>,
    /// What was spent.
    pub spend: Vec<f64>,
    /// Times shown.
    pub impressions: Vec<f64>,
    /// Clicks.
    pub clicks: Vec<f64>,
    /// Conversions as reported so far.
    pub conversions: Vec<f64>,
    /// Revenue as reported so far.
    pub revenue: Vec<f64>,
    /// Where the platform refused the budget, so that the previous one held.
    pub rejected: Option<Vec<bool>>,
    /// Which were in their learning phase.
    pub learning: Option<Vec<bool>>,
    /// Newer figures of earlier days.
    pub restated: Option<Restated>,
    /// What the creatives brought.
    pub creative: Option<CreativeResult>,
}

/// What to expect of each campaign: mature conversions over the seven days from the one advised on, if the plan is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// Expected value.
    pub mean: Vec<f64>,
    /// 10 % quantile.
    pub lo: Vec<f64>,
    /// 90 % quantile.
    pub hi: Vec<f64>,
}

/// What to do on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// Budgets.
    pub budgets: Vec<f64>,
    /// 1 to run, 0 to stand still.
    pub statuses: Vec<u8>,
    /// Shares of impressions of each campaign's creatives; absent: as they are.
    pub creative_weights: Option<Vec<Vec<f64>>>,
    /// What to expect of it; empty: nothing is said.
    pub predict: Expected,
}
