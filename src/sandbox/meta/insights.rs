//! Insights: figures as decimal strings, only the fields asked for, no row where nothing was delivered.

use chrono::{Days, NaiveDate};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refusal, objects};
use crate::sandbox::wire::{Asked, amount, decimal, ratio};
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{World, days};

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Account(usize),
    Campaign(usize),
    AdSet(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Account,
    Campaign,
    AdSet,
}

#[derive(Debug, Deserialize)]
struct Range {
    since: NaiveDate,
    until: NaiveDate,
}

const FIELDS: &str = "account_id account_name account_currency campaign_id campaign_name adset_id adset_name spend impressions reach frequency clicks inline_link_clicks ctr cpc cpm \
    actions action_values cost_per_action_type purchase_roas website_purchase_roas conversions conversion_values attribution_setting objective optimization_goal date_start \
    date_stop created_time updated_time buying_type unique_clicks outbound_clicks";

/// `GET {act_X | campaign | ad set}/insights`.
pub(super) fn report(world: &mut World, scope: Scope, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let (campaigns, least) = match scope {
        Scope::Account(account) => (world.campaigns_of(account), Depth::Account),
        Scope::Campaign(campaign) => (vec![campaign], Depth::Campaign),
        Scope::AdSet(campaign) => (vec![campaign], Depth::AdSet),
    };
    let depth = match asked.param("level") {
        None => least,
        Some("account") if least == Depth::Account => Depth::Account,
        Some("campaign") if least != Depth::AdSet => Depth::Campaign,
        Some("adset") => Depth::AdSet,
        Some(other) => return Err(Refusal::invalid(format!("(#100) Param level `{other}` is above the object asked, or is not one the sandbox reports"))),
    };
    let fields: Vec<&str> = asked.param("fields").unwrap_or("spend,impressions").split(',').map(str::trim).collect();
    if let Some(unknown) = fields.iter().find(|field| !FIELDS.split_whitespace().any(|known| known == **field)) {
        return Err(Refusal::invalid(format!(
            "(#100) {unknown} is not valid for fields param. please check https://developers.facebook.com/docs/marketing-api/reference/ads-insights/"
        )));
    }
    let first = campaigns.first().copied();
    let zone = first.map_or(chrono_tz::UTC, |campaign| world.owner(campaign).zone);
    let (since, until) = window(asked, moment.seen.date_in(zone))?;
    let spans = spans(asked, since, until)?;
    let wanted = objects::wanted_ids(asked)?;
    let campaigns: Vec<usize> = campaigns
        .into_iter()
        .filter(|index| wanted.as_ref().is_none_or(|ids| ids.contains(&world.campaigns[*index].id) || ids.contains(&world.campaigns[*index].group)))
        .collect();
    let groups: Vec<Vec<usize>> = if depth == Depth::Account { vec![campaigns] } else { campaigns.into_iter().map(|campaign| vec![campaign]).collect() };
    let windows: Vec<String> = asked.param("action_attribution_windows").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut rows = Vec::new();
    for group in groups {
        for (from, to) in &spans {
            let mut sum = Figures::default();
            for campaign in &group {
                sum.add(&world.figures_between(*campaign, *from, *to, moment.seen));
            }
            if let (false, Some(campaign)) = (sum.is_idle(), group.first()) {
                rows.push(row(world, *campaign, &sum, (*from, *to), &fields, &windows));
            }
        }
    }
    objects::page(rows, asked, moment)
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

fn row(world: &World, index: usize, sum: &Figures, (from, to): (NaiveDate, NaiveDate), fields: &[&str], windows: &[String]) -> Value {
    let (campaign, owner) = (&world.campaigns[index], world.owner(index));
    let reach = sum.impressions * 100 / 114;
    let mut out = Map::new();
    for field in fields {
        let value: Value = match *field {
            "account_id" => owner.id.trim_start_matches("act_").into(),
            "account_name" => format!("Sandbox shop {}", owner.id.trim_start_matches("act_")).into(),
            "account_currency" => owner.currency.code().into(),
            "campaign_id" => campaign.id.clone().into(),
            "campaign_name" => campaign.name.clone().into(),
            "adset_id" => campaign.group.clone().into(),
            "adset_name" => format!("{} | all", campaign.name).into(),
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
            _ => continue,
        };
        out.insert((*field).to_owned(), value);
    }
    out.insert("date_start".to_owned(), from.to_string().into());
    out.insert("date_stop".to_owned(), to.to_string().into());
    Value::Object(out)
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
