//! `report/integrated/get/`: every metric a text, days without data absent, deleted objects left out unless asked for.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::{Refusal, lists};
use crate::domain::entity::RunStatus;
use crate::sandbox::wire::{Asked, amount, decimal, ratio};
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::figures::Figures;
use crate::sandbox::world::{World, days};

/// Most days one call with a day dimension may cover.
const MOST_DAYS: i64 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Advertiser,
    Campaign,
    AdGroup,
}

/// Answers one report call.
pub(super) fn integrated(world: &mut World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    if asked.param("report_type") != Some("BASIC") {
        return Err(Refusal::invalid("report_type: the sandbox reports BASIC."));
    }
    let (depth, id) = match asked.param("data_level") {
        Some("AUCTION_ADVERTISER") => (Depth::Advertiser, "advertiser_id"),
        Some("AUCTION_CAMPAIGN") => (Depth::Campaign, "campaign_id"),
        Some("AUCTION_ADGROUP") => (Depth::AdGroup, "adgroup_id"),
        _ => return Err(Refusal::invalid("data_level: must be AUCTION_ADVERTISER, AUCTION_CAMPAIGN or AUCTION_ADGROUP here.")),
    };
    let dimensions = lists::list(asked, "dimensions")?.ok_or_else(|| Refusal::invalid("dimensions: Missing data for required field."))?;
    if !dimensions.iter().any(|dimension| dimension == id) || dimensions.iter().any(|dimension| dimension != id && dimension != "stat_time_day") {
        return Err(Refusal::invalid("Conflict occurs. The input params including metrics and dimensions have no relation."));
    }
    let metrics = lists::list(asked, "metrics")?.unwrap_or_else(|| vec!["spend".to_owned(), "impressions".to_owned()]);
    let by_day = dimensions.iter().any(|dimension| dimension == "stat_time_day");
    let (from, to) = (date(asked, "start_date")?, date(asked, "end_date")?);
    if from > to || (by_day && (to - from).num_days() >= MOST_DAYS) || (to - from).num_days() >= 365 {
        return Err(Refusal::invalid("The date range is empty or too long: at most 30 days with stat_time_day, else 365."));
    }
    let today = moment.seen.date_in(world.accounts[account].zone);
    let kept = filtered(world, account, asked, moment)?;
    let groups: Vec<Vec<usize>> = if depth == Depth::Advertiser { vec![kept] } else { kept.into_iter().map(|campaign| vec![campaign]).collect() };
    let spans: Vec<(NaiveDate, NaiveDate)> = if by_day { days::between(from, to.min(today)).map(|date| (date, date)).collect() } else { vec![(from, to)] };
    let mut rows = Vec::new();
    for group in groups {
        for (first, last) in &spans {
            let mut sum = Figures::default();
            for campaign in &group {
                sum.add(&world.figures_between(*campaign, *first, (*last).min(today), moment.seen));
            }
            let Some(campaign) = group.first().filter(|_| !(by_day && sum.is_idle())) else { continue };
            let mut keys = Map::new();
            keys.insert(id.to_owned(), key(world, *campaign, depth).into());
            if by_day {
                keys.insert("stat_time_day".to_owned(), format!("{first} 00:00:00").into());
            }
            rows.push(json!({ "dimensions": keys, "metrics": figures(world, *campaign, &sum, &metrics, moment)? }));
        }
    }
    lists::page(rows, asked)
}

fn key(world: &World, campaign: usize, depth: Depth) -> String {
    match depth {
        Depth::Advertiser => world.owner(campaign).id.clone(),
        Depth::Campaign => world.campaigns[campaign].id.clone(),
        Depth::AdGroup => world.campaigns[campaign].group.clone(),
    }
}

fn date(asked: &Asked, name: &str) -> Result<NaiveDate, Refusal> {
    asked.param(name).and_then(|text| text.parse().ok()).ok_or_else(|| Refusal::invalid(format!("{name}: must be YYYY-MM-DD.")))
}

fn filtered(world: &World, account: usize, asked: &Asked, moment: &Moment) -> Result<Vec<usize>, Refusal> {
    let filters: Vec<Value> =
        asked.param("filtering").map_or(Ok(Vec::new()), serde_json::from_str).map_err(|_| Refusal::invalid("filtering: must be a list of objects."))?;
    let (mut ids, mut deleted) = (None::<BTreeSet<String>>, false);
    for filter in &filters {
        let values: Option<Vec<String>> = filter["filter_value"].as_str().and_then(|text| serde_json::from_str(text).ok());
        let values = values
            .filter(|values| values.len() <= 100)
            .ok_or_else(|| Refusal::invalid("filtering.filter_value: must be the text of a list of at most 100."))?;
        match (filter["field_name"].as_str(), filter["filter_type"].as_str()) {
            (Some("campaign_ids" | "adgroup_ids"), Some("IN")) => ids = Some(values.into_iter().collect()),
            (Some("campaign_status" | "adgroup_status"), Some("IN")) => deleted = values.iter().any(|value| value == "STATUS_ALL"),
            _ => return Err(Refusal::invalid("filtering: the sandbox filters by ids and status.")),
        }
    }
    let shown = |index: &usize| {
        let campaign = &world.campaigns[*index];
        let alive = campaign.status.at(moment.seen) != RunStatus::Ended;
        (deleted || alive) && ids.as_ref().is_none_or(|ids| ids.contains(&campaign.id) || ids.contains(&campaign.group))
    };
    Ok(world.campaigns_of(account).into_iter().filter(shown).collect())
}

fn figures(world: &World, index: usize, sum: &Figures, metrics: &[String], moment: &Moment) -> Result<Value, Refusal> {
    let (campaign, owner) = (&world.campaigns[index], world.owner(index));
    let per = |micros: i64, of: i64| if of == 0 { amount(0, owner.currency) } else { amount(micros / of, owner.currency) };
    let mut out = Map::new();
    for metric in metrics {
        let value = match metric.as_str() {
            "spend" => amount(sum.spend, owner.currency),
            "impressions" => sum.impressions.to_string(),
            "clicks" => sum.clicks.to_string(),
            "ctr" => ratio(sum.clicks, sum.impressions, 100, 2),
            "cpc" => per(sum.spend, sum.clicks),
            "cpm" => per(sum.spend.saturating_mul(1_000), sum.impressions),
            "conversion" | "real_time_conversion" | "result" | "complete_payment" => sum.conversions.to_string(),
            "cost_per_conversion" | "cost_per_result" | "cost_per_complete_payment" => per(sum.spend, sum.conversions),
            "conversion_rate_v2" | "result_rate" | "complete_payment_rate" => ratio(sum.conversions, sum.clicks, 100, 2),
            "total_complete_payment_rate" => amount(sum.value, owner.currency),
            "value_per_complete_payment" => per(sum.value, sum.conversions),
            "complete_payment_roas" => ratio(sum.value, sum.spend, 1, 2),
            // Real metrics of actions this market does not have.
            "form" | "user_registration" | "web_event_add_to_cart" | "onsite_shopping" | "initiate_checkout" => "0".to_owned(),
            "total_web_event_add_to_cart_value" | "total_onsite_shopping_value" => amount(0, owner.currency),
            // Known late: the platform itself has it after sixteen hours.
            "reach" | "frequency" => "-".to_owned(),
            "campaign_id" => campaign.id.clone(),
            "campaign_name" => campaign.name.clone(),
            "adgroup_name" => format!("{} | all", campaign.name),
            "advertiser_id" => owner.id.clone(),
            "currency" => owner.currency.code().to_owned(),
            "objective_type" => "WEB_CONVERSIONS".to_owned(),
            "campaign_budget" | "budget" => decimal(world.purse_of(index).amount.at(moment.seen), 2),
            other => return Err(Refusal::invalid(format!("metrics: {other} is not a metric of this report."))),
        };
        out.insert(metric.clone(), value.into());
    }
    Ok(Value::Object(out))
}
