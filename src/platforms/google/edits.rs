//! What was changed in the account, by whom and with which tool: `change_event`, which reaches back thirty days and lags up to three minutes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::Value;

use super::{Google, wire};
use crate::clock::ProductTime;
use crate::domain::entity::{EntityKey, Level};
use crate::domain::structure::Edit;
use crate::platforms::PlatformError;
use crate::platforms::spec::is_number;

/// How far back the platform remembers, a little less than its thirty days.
const REMEMBERED: TimeDelta = TimeDelta::hours(30 * 24 - 2);
/// Most rows one query may ask for.
const MOST: usize = 10_000;
/// How much later than an edit its event may appear: whoever asks from where they stopped last would miss those in between.
const LAG: TimeDelta = TimeDelta::minutes(3);
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Edits since `since`, and those of the three minutes before it, which may not have been told when somebody asked up to there.
pub(super) async fn read(google: &Google, since: ProductTime) -> Result<Vec<Edit>, PlatformError> {
    let (zone, now, since) = (google.spec.time_zone, google.caller.clock().now(), since - LAG);
    let mut from = since.max(now - REMEMBERED);
    let (mut seen, mut events) = (BTreeSet::new(), Vec::new());
    loop {
        let rows = google.search(&query(from, now + TimeDelta::minutes(1), zone)).await?;
        let full = rows.len() >= MOST;
        let new: Vec<wire::ChangeEvent> = rows
            .into_iter()
            .filter_map(|row| row.change_event)
            .filter(|event| event.resource_name.as_ref().is_none_or(|name| seen.insert(name.clone())))
            .collect();
        let last = new.iter().filter_map(|event| time(event, zone)).max();
        let stuck = new.is_empty();
        events.extend(new);
        match last {
            Some(last) if full && !stuck => from = last,
            Some(_) | None => break,
        }
    }
    let budgets =
        if events.iter().any(|event| event.change_resource_type.as_deref() == Some("CAMPAIGN_BUDGET")) { budgets(google).await? } else { BTreeMap::new() };
    let mut edits: Vec<Edit> = events.iter().filter_map(|event| edit(google, event, zone, &budgets)).filter(|edit| edit.at >= since).collect();
    edits.sort_by_key(|edit| edit.at);
    Ok(edits)
}

fn query(from: ProductTime, to: ProductTime, zone: Tz) -> String {
    let local = |at: ProductTime| at.utc().with_timezone(&zone).format(FORMAT).to_string();
    format!(
        "SELECT change_event.resource_name, change_event.change_date_time, change_event.user_email, change_event.client_type, \
         change_event.change_resource_type, change_event.change_resource_name, change_event.resource_change_operation, change_event.changed_fields, \
         change_event.old_resource, change_event.new_resource, change_event.campaign, change_event.ad_group FROM change_event \
         WHERE change_event.change_date_time >= '{}' AND change_event.change_date_time <= '{}' ORDER BY change_event.change_date_time ASC LIMIT {MOST}",
        local(from),
        local(to)
    )
}

/// The instant of an event, which is told in the account's own time; the earlier one where clocks show it twice.
fn time(event: &wire::ChangeEvent, zone: Tz) -> Option<ProductTime> {
    let text = event.change_date_time.as_deref()?;
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    zone.from_local_datetime(&local).earliest().map(|time| ProductTime::from(time.to_utc()))
}

/// The key under which each budget resource is known: its campaign's own, or the shared budget's.
async fn budgets(google: &Google) -> Result<BTreeMap<String, EntityKey>, PlatformError> {
    let query = "SELECT campaign.id, campaign.campaign_budget, campaign_budget.id, campaign_budget.explicitly_shared, campaign_budget.reference_count \
         FROM campaign WHERE campaign.status IN ('ENABLED', 'PAUSED', 'REMOVED')";
    let rows = google.search(query).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let (campaign, budget) = (row.campaign?, row.campaign_budget?);
            let key = match super::inventory::shared_id(&budget) {
                Some(id) => google.spec.key(Level::Shared, id),
                None => google.spec.key(Level::Campaign, &campaign.id?.0),
            };
            Some((budget.resource_name.or(campaign.campaign_budget)?, key))
        })
        .collect())
}

fn edit(google: &Google, event: &wire::ChangeEvent, zone: Tz, budgets: &BTreeMap<String, EntityKey>) -> Option<Edit> {
    let kind = event.change_resource_type.as_deref().unwrap_or("UNKNOWN");
    let resource = event.change_resource_name.as_deref().unwrap_or_default();
    let own = |level| numbers(resource).map(|id| google.spec.key(level, id));
    let of_parent = || {
        let group = event.ad_group.as_deref().and_then(numbers).map(|id| google.spec.key(Level::AdGroup, id));
        group.or_else(|| event.campaign.as_deref().and_then(numbers).map(|id| google.spec.key(Level::Campaign, id)))
    };
    let entity = match kind {
        "CAMPAIGN_BUDGET" => budgets.get(resource).cloned(),
        "CAMPAIGN" => own(Level::Campaign),
        "AD_GROUP" => own(Level::AdGroup),
        "AD_GROUP_AD" => own(Level::Ad),
        "ASSET" => own(Level::Media),
        _ => of_parent(),
    };
    Some(Edit {
        at: time(event, zone)?,
        entity,
        who: event.user_email.clone().filter(|who| !who.is_empty()),
        tool: event.client_type.clone().unwrap_or_else(|| "UNKNOWN".to_owned()),
        what: what(event, kind),
    })
}

/// The last part of a resource name, where it is made of numbers.
fn numbers(resource: &str) -> Option<&str> {
    resource.rsplit('/').next().filter(|id| id.split('~').all(is_number))
}

/// `UPDATE CAMPAIGN_BUDGET amountMicros: 50000000 -> 80000000`, as far as the event tells.
fn what(event: &wire::ChangeEvent, kind: &str) -> String {
    let operation = event.resource_change_operation.as_deref().unwrap_or("CHANGE");
    let fields: Vec<String> = event
        .changed_fields
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|field| !field.is_empty())
        .map(|field| match (value(event.old_resource.as_ref(), field), value(event.new_resource.as_ref(), field)) {
            (None, None) => field.to_owned(),
            (old, new) => format!("{field}: {} -> {}", old.unwrap_or_else(|| "nothing".to_owned()), new.unwrap_or_else(|| "nothing".to_owned())),
        })
        .collect();
    format!("{operation} {kind} {}", fields.join(", ")).trim_end().chars().take(500).collect()
}

fn value(resource: Option<&Value>, field: &str) -> Option<String> {
    let member = resource?.as_object()?.values().next()?;
    let found = field.split('.').try_fold(member, |place, name| place.get(name))?;
    Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}
