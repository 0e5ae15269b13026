//! The lines of `adjutant advise`: what is told, what is answered, and what is wrong with a line that makes no sense.

use serde::Serialize;
use serde_json::Value;

use super::fields::{Fields, MOST, count};
use crate::domain::entity::Platform;

/// What is wrong with what was told, by the field it is wrong in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {what}")]
pub struct ProtocolError {
    /// The field, as a path such as `result.spend[3]`.
    pub field: String,
    /// What is wrong with it and what was expected.
    pub what: String,
}

impl ProtocolError {
    /// An error in `field`.
    #[must_use]
    pub fn new(field: &str, what: impl Into<String>) -> Self {
        Self { field: field.to_owned(), what: what.into() }
    }
}

/// What an agent is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// Revenue per unit of spend at least the value.
    RoasFloor,
    /// Spend per conversion at most the value.
    CpaCap,
    /// Spend so much a day.
    SpendTarget,
}

/// One agent of the pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// The campaigns, their agents and their pool. All arrays run over the n campaigns in one order.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Restated {
    /// The first day they are of; the last is the day of the result they come with.
    pub from_day: usize,
    /// Conversions as reported by now, a row of n for each day.
    pub conversions: Vec<Vec<f64>>,
    /// Revenue as reported by now, a row of n for each day.
    pub revenue: Vec<Vec<f64>>,
}

/// What the creatives of each campaign's current set brought since it was uploaded: n rows of as many values as there are creatives.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// One finished day. Arrays run over the n campaigns.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DayResult {
    /// Which day.
    pub day: usize,
    /// The budgets that were set.
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
    /// Where the platform refused the budget, so that the previous one held; `None`: nowhere.
    pub rejected: Option<Vec<bool>>,
    /// Which were in their learning phase; `None`: the platforms do not tell.
    pub learning: Option<Vec<bool>>,
    /// Newer figures of earlier days.
    pub restated: Option<Restated>,
    /// What the creatives brought.
    pub creative: Option<CreativeResult>,
}

/// What to expect of each campaign: mature conversions over the seven days from the one advised on, if the plan is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Expected {
    /// Expected value.
    pub mean: Vec<f64>,
    /// 10 % quantile.
    pub lo: Vec<f64>,
    /// 90 % quantile.
    pub hi: Vec<f64>,
}

/// What to do on a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Advice {
    /// Budgets.
    pub budgets: Vec<f64>,
    /// 1 to run, 0 to stand still.
    pub statuses: Vec<u8>,
    /// Shares of impressions of each campaign's creatives; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creative_weights: Option<Vec<Vec<f64>>>,
    /// What to expect of it.
    pub predict: Expected,
}

/// One line of input.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// What there is.
    Start(Box<Meta>),
    /// What a day brought.
    Observe(Box<DayResult>),
    /// What to do on a day?
    Decide {
        /// The day.
        day: usize,
    },
}

impl Request {
    /// Reads a line. `meta` is what was said at the start, whose n the arrays must have.
    ///
    /// # Errors
    /// [`ProtocolError`] with the field that is wrong.
    pub fn read(line: &str, meta: Option<&Meta>) -> Result<Self, ProtocolError> {
        let value: Value = serde_json::from_str(line).map_err(|error| ProtocolError::new("line", format!("it is not JSON: {error}")))?;
        let fields = Fields::of(&value, "")?;
        let started = || meta.ok_or_else(|| fields.wrong("op", "`start` comes first"));
        match fields.text("op")? {
            "start" if meta.is_some() => Err(fields.wrong("op", "`start` comes once")),
            "start" => Ok(Self::Start(Box::new(Meta::read(&fields.object("meta")?)?))),
            "observe" => Ok(Self::Observe(Box::new(DayResult::read(&fields.object("result")?, started()?)?))),
            "decide" => started().and_then(|_| Ok(Self::Decide { day: fields.count("day")? })),
            _ => Err(fields.wrong("op", "`start`, `observe` or `decide` is expected")),
        }
    }
}

impl Meta {
    fn read(fields: &Fields<'_>) -> Result<Self, ProtocolError> {
        let n = fields.count("n")?;
        let agents = fields.list("agents")?.iter().enumerate();
        let agents: Vec<AgentMeta> = agents.map(|(at, agent)| AgentMeta::read(agent, &format!("{}[{at}]", fields.path("agents")))).collect::<Result<_, _>>()?;
        let known = |value: &Value| count(value).filter(|at| *at < agents.len());
        let meta = Self {
            n,
            platform: fields.each("platform", n, "google, meta or tiktok", |value| value.as_str()?.parse().ok())?,
            agent: fields.each("agent", n, "an index into `agents`", known)?,
            pool: fields.number("pool")?,
            min_budget: fields.amounts("min_budget", n)?,
            max_budget: fields.amounts("max_budget", n)?,
            init_budgets: fields.amounts("init_budgets", n)?,
            creatives: fields.maybe("creatives").map_or(Ok(0), |_| fields.count("creatives"))?,
            weekday0: fields.maybe("weekday0").map_or(Ok(0), |_| fields.count("weekday0")).and_then(|day| match u8::try_from(day) {
                Ok(day) if day < 7 => Ok(day),
                Ok(_) | Err(_) => Err(fields.wrong("weekday0", "0 (Monday) to 6 is expected")),
            })?,
            agents,
        };
        if n == 0 || meta.agents.is_empty() {
            return Err(fields.wrong(if n == 0 { "n" } else { "agents" }, "at least one is expected"));
        }
        if !(meta.pool > 0.0 && meta.pool <= MOST) {
            return Err(fields.wrong("pool", "an amount above 0 is expected"));
        }
        if let Some(at) = (0..n).find(|at| meta.min_budget[*at] > meta.max_budget[*at]) {
            return Err(fields.wrong(&format!("max_budget[{at}]"), "it lies below `min_budget`"));
        }
        Ok(meta)
    }
}

impl AgentMeta {
    fn read(value: &Value, at: &str) -> Result<Self, ProtocolError> {
        let fields = Fields::of(value, at)?;
        let id = match fields.value("id")? {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(fields.wrong("id", "a name is expected")),
        };
        let goal = match fields.text("goal")? {
            "roas_floor" => GoalKind::RoasFloor,
            "cpa_cap" => GoalKind::CpaCap,
            "spend_target" => GoalKind::SpendTarget,
            _ => return Err(fields.wrong("goal", "roas_floor, cpa_cap or spend_target is expected")),
        };
        let above_zero = |name: &str| {
            fields.number(name).and_then(|value| if value > 0.0 && value <= MOST { Ok(value) } else { Err(fields.wrong(name, "a number above 0 is expected")) })
        };
        let priority = if fields.maybe("priority").is_some() { above_zero("priority")? } else { 1.0 };
        Ok(Self { id, priority, goal, value: above_zero("value")? })
    }
}

impl DayResult {
    fn read(fields: &Fields<'_>, meta: &Meta) -> Result<Self, ProtocolError> {
        let n = meta.n;
        let day = fields.count("day")?;
        let restated = fields.maybe("restated").map(|_| Restated::read(&fields.object("restated")?, day, n)).transpose()?;
        let creative = fields.maybe("creative").filter(|_| meta.creatives > 0);
        Ok(Self {
            day,
            budget: fields.amounts("budget", n)?,
            status: fields.flags("status", n)?.unwrap_or_else(|| vec![true; n]),
            spend: fields.amounts("spend", n)?,
            impressions: fields.amounts("impressions", n)?,
            clicks: fields.amounts("clicks", n)?,
            conversions: fields.amounts("conversions", n)?,
            revenue: fields.amounts("revenue", n)?,
            rejected: fields.flags("rejected", n)?,
            learning: fields.flags("learning", n)?,
            restated,
            creative: creative.map(|_| CreativeResult::read(&fields.object("creative")?, n, meta.creatives)).transpose()?,
        })
    }
}

impl DayResult {
    /// Whether every array has one entry for each of `n` campaigns; numbers read from lines are checked while reading.
    pub(super) fn check(&self, n: usize, creatives: usize) -> Result<(), ProtocolError> {
        let wrong = |name: &str| Err(ProtocolError::new(&format!("result.{name}"), format!("{n} values are expected")));
        let numbers = [
            ("budget", &self.budget),
            ("spend", &self.spend),
            ("impressions", &self.impressions),
            ("clicks", &self.clicks),
            ("conversions", &self.conversions),
            ("revenue", &self.revenue),
        ];
        let sound = |values: &[f64]| values.len() == n && values.iter().all(|value| (0.0..=MOST).contains(value));
        if let Some((name, _)) = numbers.iter().find(|(_, values)| !sound(values)) {
            return wrong(name);
        }
        let flags = [("status", Some(&self.status)), ("rejected", self.rejected.as_ref()), ("learning", self.learning.as_ref())];
        if let Some((name, _)) = flags.iter().find(|(_, flags)| flags.is_some_and(|flags| flags.len() != n)) {
            return wrong(name);
        }
        if let Some(restated) = &self.restated {
            let rows = (self.day + 1).saturating_sub(restated.from_day);
            let fits = |table: &[Vec<f64>]| rows > 0 && table.len() == rows && table.iter().all(|row| sound(row));
            if !fits(&restated.conversions) || !fits(&restated.revenue) {
                return wrong("restated");
            }
        }
        if let Some(creative) = &self.creative {
            let row = |row: &Vec<f64>| row.len() == creatives && row.iter().all(|value| (0.0..=MOST).contains(value));
            let fits = |table: &[Vec<f64>]| table.len() == n && table.iter().all(row);
            if !(fits(&creative.impressions) && fits(&creative.clicks) && fits(&creative.conversions) && creative.generation.len() == n) {
                return wrong("creative");
            }
        }
        Ok(())
    }
}

impl Restated {
    fn read(fields: &Fields<'_>, day: usize, n: usize) -> Result<Self, ProtocolError> {
        let from_day = fields.count("from_day")?;
        if from_day > day {
            return Err(fields.wrong("from_day", format!("it lies after day {day}")));
        }
        let rows = day - from_day + 1;
        Ok(Self { from_day, conversions: fields.rows("conversions", rows, n)?, revenue: fields.rows("revenue", rows, n)? })
    }
}

impl CreativeResult {
    fn read(fields: &Fields<'_>, n: usize, creatives: usize) -> Result<Self, ProtocolError> {
        Ok(Self {
            impressions: fields.rows("impressions", n, creatives)?,
            clicks: fields.rows("clicks", n, creatives)?,
            conversions: fields.rows("conversions", n, creatives)?,
            generation: match fields.maybe("generation") {
                None => vec![0; n],
                Some(_) => fields.each("generation", n, "a whole number of at least 0", Value::as_u64)?,
            },
        })
    }
}
