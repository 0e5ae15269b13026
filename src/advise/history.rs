//! A person's own export: what it says of each campaign and day, and what the decision core would do the day after.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::protocol::DayResult;
use super::setup::{Campaigner, Line, Setup, money};
use super::sheet::{Sheet, number};
use super::{Action, AdviseError, Advisor};
use crate::domain::entity::Platform;
use crate::domain::goal::{Goal, Limit};
use crate::domain::money::{Currency, Money, MoneyError, Rounding};

/// What is wrong with an export, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {what}", column.as_ref().map(|column| format!(", column `{column}`")).unwrap_or_default())]
pub struct HistoryError {
    /// The line; the first is 1.
    pub line: usize,
    /// The column's heading, where one is to blame.
    pub column: Option<String>,
    /// What is wrong and what was expected.
    pub what: String,
}

/// Why an export cannot be advised on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The export.
    #[error(transparent)]
    Sheet(#[from] HistoryError),
    /// The decision core.
    #[error(transparent)]
    Advise(#[from] AdviseError),
}

/// What is wanted of the campaigns.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Most to budget a day; `None`: what the running campaigns have now.
    pub pool: Option<Decimal>,
    /// The goal; `None`: the best use of the pool's money.
    pub goal: Option<Goal>,
    /// The currency of all amounts.
    pub currency: Currency,
}

/// What to do with one campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommendation {
    /// Its name: text from outside.
    pub campaign: String,
    /// Where it runs.
    pub platform: Platform,
    /// Its daily budget now, or what it spent a day of late where the export names none.
    pub budget: Money,
    /// The daily budget advised.
    pub advised: Money,
    /// Whether it should run.
    pub run: bool,
    /// Conversions expected of the coming seven days at the advised budget.
    pub conversions: f64,
    /// 10 % quantile of the same.
    pub low: f64,
    /// 90 % quantile of the same.
    pub high: f64,
    /// Why, in words.
    pub why: String,
    /// The rules by which the daemon would ask a person first.
    pub asks: Vec<String>,
}

/// What to do the day after an export ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommended {
    /// The day the budgets are for.
    pub day: NaiveDate,
    /// Days of the export that were read.
    pub days: usize,
    /// Most that may be budgeted.
    pub pool: Money,
    /// The goal in its own words.
    pub goal: String,
    /// Campaign by campaign, in the order of the export.
    pub campaigns: Vec<Recommendation>,
}

/// Columns by what they are called, most telling name first.
const COLUMNS: [(&str, &[&str]); 9] = [
    ("date", &["date", "day", "reporting starts", "stat time day", "datum"]),
    ("campaign", &["campaign", "campaign name", "name"]),
    ("platform", &["platform", "network", "channel", "publisher platform", "source"]),
    ("budget", &["budget", "daily budget", "campaign budget", "campaign daily budget"]),
    ("spend", &["spend", "cost", "amount spent", "total cost", "total spend"]),
    ("impressions", &["impressions", "impr"]),
    ("clicks", &["clicks", "link clicks", "all clicks"]),
    ("conversions", &["conversions", "results", "purchases", "conv", "orders", "leads"]),
    ("revenue", &["revenue", "conversion value", "conv value", "total conv value", "purchases conversion value", "purchase value", "value", "sales"]),
];
/// Running days of late whose mean spend stands for a budget the export does not name.
const RECENT_DAYS: usize = 7;
/// Closed days without spend after which a campaign counts as stopped.
const STOPPED_DAYS: u64 = 3;

#[derive(Clone, Debug, Default)]
struct Cell {
    budget: Option<f64>,
    spend: f64,
    impressions: f64,
    clicks: f64,
    conversions: f64,
    revenue: f64,
}

/// One campaign of an export.
struct Exported {
    name: String,
    platform: Platform,
    days: BTreeMap<NaiveDate, Cell>,
}

struct Columns<'h> {
    at: BTreeMap<&'static str, (usize, &'h str)>,
}

/// A heading without its unit, its case and its punctuation.
fn plain(heading: &str) -> String {
    let outside = heading.split(['(', '[']).next().unwrap_or_default().to_lowercase();
    let words: String = outside.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'h> Columns<'h> {
    fn read(line: usize, headings: &'h [String]) -> Result<Self, HistoryError> {
        let plain: Vec<String> = headings.iter().map(|heading| plain(heading)).collect();
        let find = |names: &[&str]| names.iter().find_map(|name| plain.iter().position(|heading| heading == name));
        let at = COLUMNS.iter().filter_map(|(column, names)| find(names).map(|at| (*column, (at, headings[at].trim())))).collect();
        let columns = Self { at };
        for needed in ["date", "campaign", "spend", "conversions"] {
            if !columns.at.contains_key(needed) {
                let names = COLUMNS.iter().find(|(column, _)| *column == needed).map_or(String::new(), |(_, names)| names.join("`, `"));
                return Err(HistoryError { line, column: None, what: format!("there is no column for {needed}; expected one of `{names}`") });
            }
        }
        Ok(columns)
    }

    fn text<'c>(&self, column: &'static str, cells: &'c [String]) -> Option<&'c str> {
        self.at.get(column).and_then(|(at, _)| cells.get(*at)).map(|cell| cell.trim())
    }

    fn wrong(&self, column: &'static str, line: usize, what: impl Into<String>) -> HistoryError {
        HistoryError { line, column: self.at.get(column).map(|(_, heading)| (*heading).to_owned()), what: what.into() }
    }

    fn amount(&self, column: &'static str, line: usize, cells: &[String], separator: char) -> Result<f64, HistoryError> {
        let Some(cell) = self.text(column, cells) else { return Ok(0.0) };
        let wrong = || self.wrong(column, line, format!("`{cell}` is not a number of at least 0"));
        number(cell, separator).filter(|number| (0.0..=super::fields::MOST).contains(number)).ok_or_else(wrong)
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"].iter().find_map(|form| NaiveDate::parse_from_str(day, form).ok()).filter(|day| {
        use chrono::Datelike as _;
        (2000..2200).contains(&day.year())
    })
}

fn platform(text: &str) -> Option<Platform> {
    let text = text.to_lowercase();
    let named = |names: &[&str]| names.iter().any(|name| text.contains(name));
    if named(&["google", "adwords", "youtube"]) {
        Some(Platform::Google)
    } else if named(&["meta", "facebook", "instagram"]) {
        Some(Platform::Meta)
    } else if named(&["tiktok", "tik tok"]) {
        Some(Platform::Tiktok)
    } else {
        None
    }
}

/// What a sheet says, campaign by campaign; several lines of one campaign and day add up.
fn campaigns(text: &str) -> Result<(Vec<Exported>, BTreeSet<&'static str>), HistoryError> {
    let sheet = Sheet::read(text)?;
    let Some(((line, headings), rows)) = sheet.rows.split_first() else {
        return Err(HistoryError { line: 1, column: None, what: "the file is empty".to_owned() });
    };
    let columns = Columns::read(*line, headings)?;
    let mut found: Vec<Exported> = Vec::new();
    let mut places: BTreeMap<(String, Platform), usize> = BTreeMap::new();
    for (line, cells) in rows {
        let line = *line;
        let (day, name) = (columns.text("date", cells).unwrap_or_default(), columns.text("campaign", cells).unwrap_or_default());
        if [day, name].iter().any(|cell| cell.to_lowercase().starts_with("total")) {
            continue;
        }
        let day = date(day).ok_or_else(|| columns.wrong("date", line, format!("`{day}` is not a day; write it as 2026-01-31")))?;
        if name.is_empty() {
            return Err(columns.wrong("campaign", line, "the campaign has no name"));
        }
        let runs_on = match columns.text("platform", cells).filter(|text| !text.is_empty()) {
            None => Platform::Google,
            Some(text) => platform(text).ok_or_else(|| columns.wrong("platform", line, format!("`{text}` is none of google, meta and tiktok")))?,
        };
        let amount = |column| columns.amount(column, line, cells, sheet.separator);
        let place = *places.entry((name.to_owned(), runs_on)).or_insert_with(|| {
            found.push(Exported { name: name.to_owned(), platform: runs_on, days: BTreeMap::new() });
            found.len() - 1
        });
        let (budget, spend) = (amount("budget")?, amount("spend")?);
        let cell = found[place].days.entry(day).or_default();
        cell.budget = Some(budget).filter(|budget| *budget > 0.0).or(cell.budget);
        cell.spend += spend;
        cell.impressions += amount("impressions")?;
        cell.clicks += amount("clicks")?;
        cell.conversions += amount("conversions")?;
        cell.revenue += amount("revenue")?;
    }
    if found.is_empty() {
        return Err(HistoryError { line: *line, column: None, what: "there is no line of figures below the headings".to_owned() });
    }
    Ok((found, columns.at.keys().copied().collect()))
}

/// The budget a campaign has now: as the export names it last, else what it spent a day when it last ran.
fn budget(days: &BTreeMap<NaiveDate, Cell>) -> f64 {
    let named = days.values().rev().find_map(|cell| cell.budget);
    let recent: Vec<f64> = days.values().rev().map(|cell| cell.spend).filter(|spend| *spend > 0.0).take(RECENT_DAYS).collect();
    named.unwrap_or(recent.iter().sum::<f64>() / recent.len().max(1) as f64)
}

/// What the decision core would do the day after `text` ends.
///
/// # Errors
/// [`ExportError`] with line and column of what cannot be read.
pub fn recommend(text: &str, wanted: &Wanted) -> Result<Recommended, ExportError> {
    let (found, columns) = campaigns(text)?;
    let limit = wanted.goal.as_ref().and_then(Goal::limit);
    if matches!(limit, Some(Limit::RoasFloor(_))) && !columns.contains("revenue") {
        let what = "there is no column for revenue, which the goal is about; expected one of `revenue`, `conversion value`".to_owned();
        return Err(HistoryError { line: 1, column: None, what }.into());
    }
    let currency = wanted.currency;
    let days: BTreeSet<NaiveDate> = found.iter().flat_map(|campaign| campaign.days.keys().copied()).collect();
    let (first, last) = days.first().copied().zip(days.last().copied()).expect("what was found has days");
    let sum = |error: MoneyError| AdviseError::Stage(error.into());
    let mut lines = Vec::with_capacity(found.len());
    for Exported { name, platform, days } in &found {
        let unit = currency.minor_unit();
        let budget = money(budget(days), currency, "budget").map_err(AdviseError::Told)?.round_to(unit, Rounding::HalfEven).map_err(sum)?;
        lines.push(Line { name: name.clone(), platform: *platform, minimum: unit, maximum: None, budget });
    }
    let runs: Vec<bool> =
        found.iter().map(|campaign| campaign.days.range(last - chrono::Days::new(STOPPED_DAYS - 1)..).any(|(_, cell)| cell.spend > 0.0)).collect();
    let now = lines.iter().zip(&runs).filter(|(_, runs)| **runs).map(|(line, _)| line.budget);
    let pool = match wanted.pool {
        Some(pool) => Money::from_decimal(pool, currency).map_err(sum)?,
        None => Money::sum(currency, now).map_err(sum)?,
    };
    let goal = wanted.goal.unwrap_or(Goal::Spend { target: pool, while_: None });
    let agent =
        Campaigner { id: "export".parse().expect("a plain name"), kind: Campaigner::kind_for(&goal), goal, priority: Decimal::ONE, names: "*".to_owned() };
    let budgets: Vec<Money> = lines.iter().map(|line| line.budget).collect();
    let mut advisor = Advisor::of(Setup { currency, pool, agents: vec![agent], lines, first, creatives: 0 });
    for day in &days {
        let now = (*day == last).then_some(runs.as_slice());
        advisor.observe(&told(&found, &budgets, *day, index(*day, first), now))?;
    }
    let advice = advisor.decide(index(last, first) + 1)?;
    let round = advisor.last_round();
    let actions: BTreeMap<usize, &Action> = round.actions.iter().filter(|action| action.carried_out).map(|action| (action.campaign, action)).collect();
    let alone: BTreeMap<usize, &str> = round.left_alone.iter().filter_map(|left| Some((left.entity.id.parse().ok()?, left.why.as_str()))).collect();
    let recommended = |(at, (campaign, advised)): (usize, (&Exported, Money))| {
        let action = actions.get(&at);
        let why = action.map(|action| action.reason.as_str()).or(alone.get(&at).copied());
        Recommendation {
            campaign: campaign.name.clone(),
            platform: campaign.platform,
            budget: budgets[at],
            advised,
            run: advice.statuses[at] == 1,
            conversions: advice.predict.mean[at],
            low: advice.predict.lo[at],
            high: advice.predict.hi[at],
            why: why.unwrap_or(if runs[at] { "nothing would be gained by a change" } else { "it does not run" }).to_owned(),
            asks: action.map(|action| action.asked.clone()).unwrap_or_default(),
        }
    };
    let campaigns = found.iter().zip(advisor.amounts()).enumerate().map(recommended).collect();
    Ok(Recommended { day: last + chrono::Days::new(1), days: days.len(), pool, goal: goal.to_string(), campaigns })
}

/// Days from the first to `day`.
fn index(day: NaiveDate, first: NaiveDate) -> usize {
    usize::try_from(day.signed_duration_since(first).num_days()).unwrap_or(0)
}

/// One day of all campaigns. `runs` is which run now; before that, what spent ran.
fn told(found: &[Exported], budgets: &[Money], day: NaiveDate, index: usize, runs: Option<&[bool]>) -> DayResult {
    let nothing = Cell::default();
    let cells: Vec<&Cell> = found.iter().map(|campaign| campaign.days.get(&day).unwrap_or(&nothing)).collect();
    let each = |of: &dyn Fn(&Cell) -> f64| cells.iter().map(|cell| of(cell)).collect::<Vec<f64>>();
    DayResult {
        day: index,
        budget: cells.iter().zip(budgets).map(|(cell, budget)| cell.budget.filter(|_| runs.is_none()).unwrap_or(budget.estimate())).collect(),
        status: runs.map_or_else(|| cells.iter().map(|cell| cell.spend > 0.0).collect(), <[bool]>::to_vec),
        spend: each(&|cell| cell.spend),
        // Where an export has no impressions, spend shows that there were some.
        impressions: each(&|cell| if cell.impressions > 0.0 { cell.impressions } else { f64::from(u8::from(cell.spend > 0.0)) }),
        clicks: each(&|cell| cell.clicks),
        conversions: each(&|cell| cell.conversions),
        revenue: each(&|cell| cell.revenue),
        rejected: None,
        learning: None,
        restated: None,
        creative: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Wanted = Wanted { pool: None, goal: None, currency: Currency::EUR };

    /// Thirty days of two campaigns, the first of which brings ten times as much.
    fn export(headings: &str) -> String {
        let mut text = format!("{headings}\n");
        for day in 1..=30 {
            text += &format!("2026-04-{day:02},\"Brand, search\",Google Ads,100,99.5,10000,200,20,1000.00\n");
            text += &format!("2026-04-{day:02},Prospecting,facebook,100,100,9000,150,2,100\n");
        }
        text + "Total,,,,5985,570000,10500,660,33000\n"
    }

    const HEADINGS: &str = "Day,Campaign name,Network,Daily budget,Amount spent (EUR),Impr.,Clicks (all),Purchases,Conv. value";

    #[test]
    fn an_export_becomes_budgets_with_reasons_and_intervals() {
        let advice = recommend(&export(HEADINGS), &ANY).expect("advice");
        assert_eq!((advice.day, advice.days), (NaiveDate::from_ymd_opt(2026, 5, 1).expect("a date"), 30));
        assert_eq!(advice.pool.to_string(), "200.00 EUR");
        let [brand, prospecting] = advice.campaigns.as_slice() else { panic!("two campaigns") };
        assert_eq!((brand.campaign.as_str(), brand.platform, prospecting.platform), ("Brand, search", Platform::Google, Platform::Meta));
        assert!(brand.advised.micros() <= 120_000_000 && prospecting.advised.micros() >= 80_000_000);
        assert!(brand.low < brand.conversions && brand.conversions < brand.high && brand.conversions > 100.0, "{brand:?}");
        assert!(advice.campaigns.iter().all(|one| !one.why.is_empty()));
        let total = Money::sum(Currency::EUR, advice.campaigns.iter().filter(|one| one.run).map(|one| one.advised)).expect("a sum");
        assert!(total.micros() <= advice.pool.micros());
    }

    #[test]
    fn a_goal_and_a_larger_pool_are_heeded() {
        let wanted = Wanted { pool: Some(Decimal::from(300)), goal: Some("roas >= 4".parse().expect("a goal")), ..ANY };
        let advice = recommend(&export(HEADINGS), &wanted).expect("advice");
        assert_eq!((advice.pool.to_string().as_str(), advice.goal.as_str()), ("300.00 EUR", "roas >= 4"));
        assert!(advice.campaigns[0].advised.micros() > advice.campaigns[0].budget.micros(), "{advice:?}");
        assert!(advice.campaigns[1].advised.micros() < advice.campaigns[1].budget.micros() || !advice.campaigns[1].run, "{advice:?}");
    }

    #[test]
    fn what_cannot_be_read_is_said_with_line_and_column() {
        let text = export(HEADINGS);
        for (old, new, said) in [
            ("Day,", "When,", "line 1: there is no column for date"),
            ("Amount spent (EUR)", "Money", "line 1: there is no column for spend"),
            ("2026-04-02,P", "04/02/26,P", "line 5, column `Day`: `04/02/26` is not a day"),
            ("2026-04-03,P", "2026-04-31,P", "line 7, column `Day`"),
            ("2026-04-01,Prospecting,facebook", "2026-04-01,Prospecting,bing", "line 3, column `Network`: `bing`"),
            ("9000,150,2,100\n2026-04-02", "9000,150,two,100\n2026-04-02", "line 3, column `Purchases`: `two`"),
            ("100,100,9000", "100,-5,9000", "line 3, column `Amount spent (EUR)`: `-5`"),
            ("2026-04-01,Prospecting", "2026-04-01,", "line 3, column `Campaign name`"),
        ] {
            assert!(text.contains(old), "{old}");
            let error = recommend(&text.replacen(old, new, 1), &ANY).expect_err(new).to_string();
            assert!(error.starts_with(said), "{new}: {error}");
        }
        for (text, said) in [("", "line 1: the file is empty"), (HEADINGS, "line 1: there is no line of figures")] {
            assert!(recommend(text, &ANY).expect_err("empty").to_string().starts_with(said));
        }
        let wanted = Wanted { goal: Some("roas >= 4".parse().expect("a goal")), ..ANY };
        let error = recommend(&export(&HEADINGS.replace("Conv. value", "Else")), &wanted).expect_err("no revenue").to_string();
        assert!(error.contains("no column for revenue"), "{error}");
    }

    #[test]
    fn a_budget_that_is_not_named_is_what_was_spent_of_late_and_what_stopped_stands_still() {
        let text = export(&HEADINGS.replace("Daily budget", "Else")).replace(",100,99.5,", ",x,99.5,");
        let text = text.lines().filter(|line| !(line.contains("Prospecting") && line.as_bytes()[8] >= b'2')).collect::<Vec<_>>().join("\n");
        let advice = recommend(&text, &ANY).expect("advice");
        assert_eq!(advice.campaigns[0].budget.to_string(), "99.50 EUR");
        assert_eq!((advice.campaigns[1].run, advice.campaigns[1].conversions), (false, 0.0));
        assert_eq!(advice.pool.to_string(), "99.50 EUR");
    }
}
