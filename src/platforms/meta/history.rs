//! Who changed what on the platform, and what the token may do.

use chrono::DateTime;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::create::text;
use super::{Meta, inventory};
use crate::clock::ProductTime;
use crate::domain::entity::Level;
use crate::domain::structure::Edit;
use crate::platforms::spec::is_number;
use crate::platforms::{Access, PlatformError};

const ACTIVITY: &str = "event_time,event_type,translated_event_type,actor_name,application_name,object_id,extra_data,tool";
/// Longest words of one change that are kept.
const WORDS: usize = 300;

/// What was changed since `since`, oldest first.
pub(super) async fn edits(meta: &Meta, since: ProductTime) -> Result<Vec<Edit>, PlatformError> {
    let since = (since.ms() / 1_000).to_string();
    let rows: Vec<Value> = meta.rows(&meta.edge("activities"), &[("fields", ACTIVITY), ("since", &since)]).await?;
    let mut edits: Vec<Edit> = rows.iter().filter_map(|row| edit(meta, row)).collect();
    edits.sort_by_key(|edit| edit.at);
    Ok(edits)
}

fn edit(meta: &Meta, row: &Value) -> Option<Edit> {
    let at = text(&row["event_time"])?;
    let at = DateTime::parse_from_str(&at, "%Y-%m-%dT%H:%M:%S%z").or_else(|_| DateTime::parse_from_rfc3339(&at)).ok()?;
    let event = text(&row["event_type"]).unwrap_or_default();
    let said = text(&row["translated_event_type"]).unwrap_or_else(|| event.clone());
    let what = match text(&row["extra_data"]) {
        Some(more) => format!("{said}: {more}"),
        None => said,
    };
    Some(Edit {
        at: ProductTime::from_ms(at.timestamp_millis()),
        entity: text(&row["object_id"]).filter(|id| is_number(id)).and_then(|id| Some(meta.spec.key(level(&event)?, &id))),
        who: text(&row["actor_name"]),
        tool: text(&row["application_name"]).or_else(|| text(&row["tool"])).unwrap_or_else(|| "unknown".to_owned()),
        what: what.chars().take(WORDS).collect(),
    })
}

/// At which level an event happened, by its name; `None` for one of the account.
fn level(event: &str) -> Option<Level> {
    let is = |part: &str| event.contains(part);
    match event {
        _ if is("campaign") => Some(Level::Campaign),
        _ if is("ad_set") => Some(Level::AdGroup),
        _ if is("images") || is("account") || is("adaccount") || is("audience") => None,
        _ if event.starts_with("create_ad") || event.starts_with("update_ad_") || event.starts_with("ad_review") => Some(Level::Ad),
        _ => None,
    }
}

/// What a token tells of itself; where that is not answered, what the account tells is what is known.
async fn token(meta: &Meta) -> Result<Value, PlatformError> {
    match meta.get("debug_token", &[("input_token", meta.token.expose_secret())]).await.map_err(PlatformError::from) {
        Ok(answer) => Ok(answer["data"].clone()),
        Err(error @ PlatformError::Auth(_)) => Err(error),
        Err(_) => Ok(Value::Null),
    }
}

/// When a token ends: itself or its leave to read data, whichever is sooner. Zero is never.
fn ends(told: &Value) -> Option<ProductTime> {
    let seconds = ["expires_at", "data_access_expires_at"].into_iter().filter_map(|name| told[name].as_i64()).filter(|seconds| *seconds > 0);
    seconds.min()?.checked_mul(1_000).map(ProductTime::from_ms)
}

impl Meta {
    /// When the token ends.
    pub(in crate::platforms) async fn token_ends(&self) -> Result<Option<ProductTime>, PlatformError> {
        Ok(ends(&token(self).await?))
    }
}

/// What the token may do in this account.
pub(super) async fn access(meta: &Meta) -> Result<Access, PlatformError> {
    let node = format!("act_{}", meta.spec.platform_id);
    let found = meta.get(&node, &[("fields", inventory::ACCOUNT_WITH_RIGHTS)]).await?;
    let tasks: Vec<String> = found["user_tasks"].as_array().into_iter().flatten().filter_map(text).collect();
    let account = inventory::assemble(&meta.spec, &super::decode(found, &node)?, Vec::new(), Vec::new())?.account;
    let told = token(meta).await?;
    let scopes: Vec<String> = told["scopes"].as_array().into_iter().flatten().filter_map(text).collect();
    let has = |list: &[String], name: &str| list.iter().any(|known| known == name);
    let tasks_missing = ["ADVERTISE", "ANALYZE"].into_iter().filter(|task| !tasks.is_empty() && !has(&tasks, task) && !has(&tasks, "MANAGE"));
    let scopes_missing = ["ads_read", "ads_management"].into_iter().filter(|scope| !scopes.is_empty() && !has(&scopes, scope));
    let missing = tasks_missing.chain(scopes_missing).map(str::to_owned).collect();
    Ok(Access { account, rights: tasks.into_iter().chain(scopes).collect(), missing, token_ends: ends(&told), left: Vec::new() })
}
