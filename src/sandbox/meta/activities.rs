//! `GET act_X/activities`: who changed what, newest first, as far as it took effect.

use serde_json::{Value, json};

use super::{Refusal, objects};
use crate::clock::ProductTime;
use crate::domain::entity::Level;
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::{Moment, Row, Source};

const FIELDS: &str = "actor_id actor_name application_id application_name date_time_in_timezone event_time event_type extra_data object_id object_name object_type tool \
    translated_event_type";

/// Meta's name of what a row says was done; `None` for what its history does not show.
fn event(row: &Row) -> Option<&'static str> {
    let level = Level::ALL.into_iter().find(|level| level.name() == row.level)?;
    Some(match (level, row.field.as_str()) {
        (Level::Campaign, "create") => "create_campaign_group",
        (Level::AdGroup, "create") => "create_ad_set",
        (Level::Ad, "create") => "create_ad",
        (Level::Media, "create") => "add_images",
        (Level::Campaign, "budget" | "strategy") => "update_campaign_budget",
        (Level::Campaign, "status") => "update_campaign_run_status",
        (Level::Campaign, "name") => "update_campaign_name",
        (Level::AdGroup, "budget") => "update_ad_set_budget",
        (Level::AdGroup, "status") => "update_ad_set_run_status",
        (Level::AdGroup, "name") => "update_ad_set_name",
        (Level::AdGroup, "targeting") => "update_ad_set_target_spec",
        (Level::AdGroup, "bid" | "bid_constraints") => "update_ad_set_bidding",
        (Level::AdGroup, "strategy") => "update_ad_set_bid_strategy",
        (Level::Ad, "status") => "update_ad_run_status",
        (Level::Ad, "creative") => "update_ad_creative",
        (Level::Ad, "name") => "update_ad_friendly_name",
        _ => return None,
    })
}

fn instant(text: &str) -> Result<ProductTime, Refusal> {
    let seconds = text.parse::<i64>().ok().or_else(|| Some(chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").ok()?.timestamp()));
    seconds.map(|seconds| ProductTime::from_ms(seconds * 1_000)).ok_or_else(|| Refusal::invalid("(#100) Param since must be a time"))
}

/// The list.
pub(super) fn list(world: &World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let owner = &world.accounts[account];
    let since = asked.param("since").map(instant).transpose()?.unwrap_or(moment.seen - chrono::TimeDelta::days(7));
    let until = asked.param("until").map(instant).transpose()?.unwrap_or(moment.seen).min(moment.seen);
    let wanted = |row: &&Row| {
        let at = ProductTime::from_ms(row.at_ms);
        row.platform == owner.platform.name() && row.account == owner.id && at >= since && at <= until && asked.param("oid").is_none_or(|id| id == row.id)
    };
    let mut rows = Vec::new();
    for row in world.told.iter().rev().filter(wanted) {
        let Some(event) = event(row) else { continue };
        let name = super::find(world, &row.id).map(|thing| world.things[thing].fact("name", moment.seen));
        let at = objects::stamp(chrono_tz::UTC, ProductTime::from_ms(row.at_ms));
        let (actor, tool) = match row.source {
            Source::Api => {
                (json!({ "actor_id": "1001", "actor_name": "Sandbox system user", "application_id": "100200300", "application_name": "Adjutant" }), "API")
            }
            Source::People => (json!({ "actor_id": "2002", "actor_name": "Alex Person" }), "Ads Manager"),
        };
        let mut all = actor;
        all["event_type"] = event.into();
        all["translated_event_type"] = event.replace('_', " ").into();
        (all["event_time"], all["tool"], all["object_id"], all["object_name"]) = (at.into(), tool.into(), row.id.clone().into(), name.unwrap_or_default());
        all["object_type"] = match row.level.as_str() {
            "ad_group" => "ADSET",
            "ad" => "AD",
            _ => "CAMPAIGN",
        }
        .into();
        all["extra_data"] = json!({ "old_value": row.old, "new_value": row.new }).to_string().into();
        rows.push(objects::pick(all, asked, FIELDS)?);
    }
    objects::page(rows, asked, moment)
}
