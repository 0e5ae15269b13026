//! Insights: figures as decimal strings, only the fields asked for, no row where nothing was delivered.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refusal, objects};
use crate::domain::entity::Level;
use crate::sandbox::wire::{Asked, amount, decimal, ratio};
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{Job, World, days};

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Account(usize),
    /// A campaign, ad set or ad.
    Thing(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    Account,
    Campaign,
    AdSet,
    Ad,
}

#[derive(Debug, Deserialize)]
struct Range {
    since: NaiveDate,
    until: NaiveDate,
}

const FIELDS: &str = "account_id account_name account_currency campaign_id campaign_name adset_id adset_name ad_id ad_name inline_post_engagement spend impressions reach frequency clicks inline_link_clicks ctr cpc cpm \
    actions action_values cost_per_action_type purchase_roas website_purchase_roas conversions conversion_values attribution_setting objective optimization_goal date_start \
    date_stop created_time updated_time buying_type unique_clicks outbound_clicks";

/// `GET {act_X | campaign | ad set | ad}/insights`.
pub(super) fn report(world: &mut World, scope: Scope, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let (account, least) = match scope {
        Scope::Account(account) => (account, Depth::Account),
        Scope::Thing(thing) => (world.things[thing].account, depth_of(world.things[thing].level)),
    };
    let depth = match asked.param("level") {
        None => Some(least),
        Some("account") => Some(Depth::Account),
        Some("campaign") => Some(Depth::Campaign),
        Some("adset") => Some(Depth::AdSet),
        Some("ad") => Some(Depth::Ad),
        Some(_) => None,
    };
    let depth = depth
        .filter(|depth| *depth >= least)
        .ok_or_else(|| Refusal::invalid("(#100) Param level must be one of {account, campaign, adset, ad} and not above the object asked"))?;
    let text = asked.param("fields").unwrap_or("spend,impressions");
    let listed: Option<Vec<String>> = text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten();
    let fields: Vec<String> = listed.unwrap_or_else(|| text.split(',').map(|field| field.trim().to_owned()).collect());
    if let Some(unknown) = fields.iter().find(|field| !FIELDS.split_whitespace().any(|known| known == **field)) {
        return Err(Refusal::invalid(format!(
            "(#100) {unknown} is not valid for fields param. please check https://developers.facebook.com/docs/marketing-api/reference/ads-insights/"
        )));
    }
    let parts = breakdown(asked)?;
    let (since, until) = window(asked, moment.seen.date_in(world.accounts[account].zone))?;
    let spans = spans(asked, since, until)?;
    let wanted = objects::wanted_ids(asked)?;
    let windows: Vec<String> = asked.param("action_attribution_windows").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let unit = world.accounts[account].currency.minor_unit().micros();
    let mut rows = Vec::new();
    for group in groups(world, account, scope, depth, wanted.as_ref()) {
        for (from, to) in &spans {
            let mut sum = Figures::default();
            for thing in &group {
                for date in days::between(*from, *to) {
                    sum.add(&world.thing_figures(*thing, date, moment.seen));
                }
            }
            let (false, Some(thing)) = (sum.is_idle(), group.first()) else { continue };
            let mut base = about(world, *thing, depth, moment);
            base.extend([("date_start".to_owned(), from.to_string().into()), ("date_stop".to_owned(), to.to_string().into())]);
            let weights: Vec<u64> = parts.iter().map(|(_, weight)| *weight).collect();
            for (place, part) in sum.split(&weights, unit).iter().enumerate().filter(|(_, part)| !part.is_idle()) {
                let named = &parts[place].0;
                let mut row = figures(world, account, &base, part, &fields, &windows);
                row.extend(named.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())));
                if named.iter().any(|(name, _)| *name == HOURLY) {
                    row.retain(|name, _| name != "reach" && name != "frequency");
                }
                rows.push(Value::Object(row));
            }
        }
    }
    objects::page(rows, asked, moment)
}

fn depth_of(level: Level) -> Depth {
    match level {
        Level::AdGroup => Depth::AdSet,
        Level::Ad => Depth::Ad,
        Level::Account | Level::Campaign | Level::Creative | Level::Media | Level::Shared => Depth::Campaign,
    }
}

/// What each row is the sum of, as things.
fn groups(world: &World, account: usize, scope: Scope, depth: Depth, wanted: Option<&BTreeSet<String>>) -> Vec<Vec<usize>> {
    let level = match depth {
        Depth::Account | Depth::Campaign => Level::Campaign,
        Depth::AdSet => Level::AdGroup,
        Depth::Ad => Level::Ad,
    };
    let lineage = |thing: usize| {
        let (known, campaign) = (&world.things[thing], world.things[thing].campaign.map(|campaign| world.campaigns[campaign].id.as_str()));
        [Some(known.id.as_str()), Some(known.parent.as_str()), campaign]
    };
    let inside = |thing: &usize| match scope {
        Scope::Account(_) => true,
        Scope::Thing(top) => lineage(*thing).contains(&Some(world.things[top].id.as_str())),
    };
    let asked = |thing: &usize| wanted.is_none_or(|ids| lineage(*thing).into_iter().flatten().any(|id| ids.contains(id)));
    let things: Vec<usize> = world.things_of(account, level).into_iter().filter(inside).filter(asked).collect();
    if depth == Depth::Account { vec![things] } else { things.into_iter().map(|thing| vec![thing]).collect() }
}

const HOURLY: &str = "hourly_stats_aggregated_by_advertiser_time_zone";
type Slice = (Vec<(&'static str, String)>, u64);

/// The parts of an audience, each with its weight; one without a name where no breakdown is asked for.
fn breakdown(asked: &Asked) -> Result<Vec<Slice>, Refusal> {
    let named: Vec<String> = asked
        .param("breakdowns")
        .map(|text| serde_json::from_str(text).map_err(|_| Refusal::invalid("(#100) Param breakdowns must be an array")))
        .transpose()?
        .unwrap_or_default();
    let one = |name: &str| -> Option<Vec<Slice>> {
        let parts = |name: &'static str, parts: &[(&str, u64)]| parts.iter().map(|(part, weight)| (vec![(name, (*part).to_owned())], *weight)).collect();
        Some(match name {
            "age" => parts("age", &[("18-24", 14), ("25-34", 27), ("35-44", 23), ("45-54", 17), ("55-64", 12), ("65+", 7)]),
            "gender" => parts("gender", &[("female", 52), ("male", 45), ("unknown", 3)]),
            "country" => parts("country", &[("US", 100)]),
            "impression_device" => {
                parts("impression_device", &[("iphone", 46), ("android_smartphone", 38), ("desktop", 9), ("ipad", 5), ("android_tablet", 2)])
            }
            "publisher_platform" => parts("publisher_platform", &[("facebook", 55), ("instagram", 40), ("audience_network", 5)]),
            HOURLY => (0..24).map(|hour: u64| (vec![(HOURLY, format!("{hour:02}:00:00 - {hour:02}:59:59"))], 2 + hour.min(24 - hour))).collect(),
            _ => return None,
        })
    };
    let unknown =
        || Refusal::invalid("(#100) breakdowns: the sandbox knows age, gender, country, impression_device, publisher_platform, the hour, and age with gender");
    match named.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(vec![(Vec::new(), 1)]),
        [name] => one(name).ok_or_else(unknown),
        ["age", "gender"] => {
            let (ages, genders) = (one("age").unwrap_or_default(), one("gender").unwrap_or_default());
            Ok(ages.iter().flat_map(|(age, some)| genders.iter().map(move |(gender, more)| ([age.clone(), gender.clone()].concat(), some * more))).collect())
        }
        _ => Err(unknown()),
    }
}

/// Who a row is about.
fn about(world: &World, thing: usize, depth: Depth, moment: &Moment) -> Map<String, Value> {
    let (known, owner) = (&world.things[thing], &world.accounts[world.things[thing].account]);
    let digits = owner.id.trim_start_matches("act_");
    let mut row = Map::new();
    let mut say = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
    say("account_id", digits.into());
    say("account_name", format!("Sandbox shop {digits}").into());
    if let Some(campaign) = known.campaign.filter(|_| depth >= Depth::Campaign).map(|campaign| &world.campaigns[campaign]) {
        say("campaign_id", campaign.id.clone().into());
        say("campaign_name", campaign.name.clone().into());
    }
    let name = known.fact("name", moment.seen);
    match depth {
        Depth::AdSet => {
            say("adset_id", known.id.clone().into());
            say("adset_name", name);
        }
        Depth::Ad => {
            say("adset_id", known.parent.clone().into());
            say("ad_id", known.id.clone().into());
            say("ad_name", name);
        }
        Depth::Account | Depth::Campaign => {}
    }
    row
}

/// `POST act_X/insights`: a report made in its own time.
pub(super) fn submit(world: &mut World, account: usize, asked: &Asked) -> Value {
    let mut fields = asked.query.clone();
    fields.extend(asked.fields());
    world.jobs.push(Job { account, asked: fields, polls: 0 });
    json!({ "report_run_id": (FIRST_JOB + world.jobs.len()).to_string() })
}

const FIRST_JOB: usize = 6_023_920_149_000;

/// A report's node and its rows; `None` when the id is none of a report. It runs while it is asked after for the first time.
pub(super) fn job(world: &mut World, node: &str, edge: Option<&str>, asked: &Asked, moment: &Moment) -> Option<Result<(Value, Option<usize>), Refusal>> {
    let place = node.parse::<usize>().ok()?.checked_sub(FIRST_JOB + 1).filter(|place| *place < world.jobs.len())?;
    let job = &mut world.jobs[place];
    let account = job.account;
    if edge.is_none() {
        job.polls += 1;
        let (status, percent) = if job.polls > 1 { ("Job Completed", 100) } else { ("Job Running", 40) };
        let digits = world.accounts[account].id.trim_start_matches("act_");
        let run = json!({ "id": node, "account_id": digits, "time_ref": moment.now.ms() / 1_000, "async_status": status, "async_percent_completion": percent });
        return Some(Ok((run, Some(account))));
    }
    if edge != Some("insights") || job.polls < 2 {
        return Some(Err(Refusal::new(2601, None, "(#2601) The report is not complete yet")));
    }
    let mut query = job.asked.clone();
    query.extend(asked.query.clone());
    let whole = Asked { query, method: asked.method.clone(), path: asked.path.clone(), headers: asked.headers.clone(), body: Vec::new() };
    Some(report(world, Scope::Account(account), &whole, moment).map(|body| (body, Some(account))))
}

fn window(asked: &Asked, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Refusal> {
    let back = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let (since, until) = if let Some(text) = asked.param("time_range") {
        let range: Range =
            serde_json::from_str(text).map_err(|_| Refusal::invalid("(#100) Param time_range must be {'since':YYYY-MM-DD,'until':YYYY-MM-DD}"))?;
        (range.since, range.until)
    } else {
        match asked.param("date_preset").unwrap_or("last_30d") {
            "today" => (today, today),
            "yesterday" => (back(1), back(1)),
            "last_3d" => (back(3), back(1)),
            "last_7d" => (back(7), back(1)),
            "last_14d" => (back(14), back(1)),
            "last_28d" => (back(28), back(1)),
            "last_30d" => (back(30), back(1)),
            "last_90d" => (back(90), back(1)),
            "maximum" => (back(1_100), today),
            other => return Err(Refusal::invalid(format!("(#100) date_preset `{other}` is not one the sandbox knows"))),
        }
    };
    if since > until {
        return Err(Refusal::invalid("(#100) The start date of the time range cannot be after its end date"));
    }
    if (today - since).num_days() > 1_130 {
        return Err(Refusal::new(3018, None, "(#3018) The start date of the time range cannot be beyond 37 months from the current date"));
    }
    Ok((since, until.min(today).max(since)))
}

fn spans(asked: &Asked, since: NaiveDate, until: NaiveDate) -> Result<Vec<(NaiveDate, NaiveDate)>, Refusal> {
    let step = match asked.param("time_increment") {
        None | Some("all_days") => return Ok(vec![(since, until)]),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|step| (1..=90).contains(step))
            .ok_or_else(|| Refusal::invalid("(#100) Param time_increment must be 1 to 90 or all_days"))?,
    };
    let all: Vec<NaiveDate> = days::between(since, until).collect();
    Ok(all.chunks(step).filter_map(|chunk| Some((*chunk.first()?, *chunk.last()?))).collect())
}

fn figures(world: &World, account: usize, base: &Map<String, Value>, sum: &Figures, fields: &[String], windows: &[String]) -> Map<String, Value> {
    let owner = &world.accounts[account];
    let reach = sum.impressions * 100 / 114;
    let mut out = Map::new();
    for field in fields {
        let value: Value = match field.as_str() {
            "account_currency" => owner.currency.code().into(),
            "spend" => amount(sum.spend, owner.currency).into(),
            "impressions" => sum.impressions.to_string().into(),
            "reach" => reach.to_string().into(),
            "frequency" => ratio(sum.impressions, reach, 1, 6).into(),
            "clicks" => sum.clicks.to_string().into(),
            "inline_link_clicks" => (sum.clicks * 4 / 5).to_string().into(),
            "ctr" => ratio(sum.clicks, sum.impressions, 100, 6).into(),
            "cpc" if sum.clicks > 0 => decimal(sum.spend / sum.clicks, 6).into(),
            "cpm" if sum.impressions > 0 => decimal(sum.spend.saturating_mul(1_000) / sum.impressions, 6).into(),
            "actions" => actions(sum, windows),
            "action_values" if sum.conversions > 0 => purchases(windows, |of| amount(sum.value * of / sum.conversions.max(1), owner.currency), sum.conversions),
            "cost_per_action_type" if sum.conversions > 0 => json!([{ "action_type": "omni_purchase", "value": decimal(sum.spend / sum.conversions, 2) }]),
            "purchase_roas" if sum.conversions > 0 && sum.spend > 0 => json!([{ "action_type": "omni_purchase", "value": ratio(sum.value, sum.spend, 1, 6) }]),
            "website_purchase_roas" if sum.conversions > 0 && sum.spend > 0 => {
                json!([{ "action_type": "offsite_conversion.fb_pixel_purchase", "value": ratio(sum.value, sum.spend, 1, 6) }])
            }
            "attribution_setting" => "7d_click_1d_view".into(),
            "objective" => "OUTCOME_SALES".into(),
            "optimization_goal" => "OFFSITE_CONVERSIONS".into(),
            "buying_type" => "AUCTION".into(),
            "inline_post_engagement" => (sum.clicks * 5 / 4).to_string().into(),
            other => match base.get(other) {
                Some(value) => value.clone(),
                None => continue,
            },
        };
        out.insert(field.clone(), value);
    }
    for name in ["date_start", "date_stop"] {
        out.insert(name.to_owned(), base.get(name).cloned().unwrap_or_default());
    }
    out
}

fn actions(sum: &Figures, windows: &[String]) -> Value {
    let mut rows = vec![json!({ "action_type": "link_click", "value": (sum.clicks * 4 / 5).to_string() })];
    if let (true, Value::Array(bought)) = (sum.conversions > 0, purchases(windows, |of| of.to_string(), sum.conversions)) {
        rows.extend(bought);
    }
    Value::Array(rows)
}

/// The same purchases under the several action types they go by; a tenth of them came by a view.
fn purchases(windows: &[String], show: impl Fn(i64) -> String, conversions: i64) -> Value {
    let viewed = conversions / 10;
    let mut row = Map::new();
    row.insert("value".to_owned(), show(conversions).into());
    for (window, part) in [("7d_click", conversions - viewed), ("1d_view", viewed)] {
        if part > 0 && windows.iter().any(|asked| asked == window) {
            row.insert(window.to_owned(), show(part).into());
        }
    }
    let kinds = ["omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"];
    kinds
        .into_iter()
        .map(|kind| {
            let mut row = row.clone();
            row.insert("action_type".to_owned(), kind.into());
            Value::Object(row)
        })
        .collect()
}
