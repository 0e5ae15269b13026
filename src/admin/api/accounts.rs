//! Accounts, and what their platforms tell when asked. All of it reads.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{NaiveDate, TimeDelta};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Asked, Said, id, query, status};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::clock::ProductTime;
use crate::domain::ids::AccountId;
use crate::domain::structure::{ReportAsk, ReportLevel};
use crate::supervisor::control::{AccountStatus, Inquiry};

/// Most days of one report.
const MOST_DAYS: i64 = 92;
/// How far back edits are asked for where nobody says.
const EDITS: TimeDelta = TimeDelta::days(7);
/// Furthest that a platform tells of edits.
const OLDEST_EDITS: TimeDelta = TimeDelta::days(30);

/// `GET /api/v1/accounts`.
pub(crate) async fn list(State(admin): State<Admin>) -> Said {
    let item = |known: &AccountStatus| {
        let mut item = status::account(known);
        item["measurement"] = json!(admin.control().view(&known.account).and_then(|view| view.measurement.clone()));
        item
    };
    Ok(Json(json!({ "items": admin.control().accounts().iter().map(item).collect::<Vec<_>>(), "next": null })))
}

async fn ask(admin: &Admin, account: AccountId, inquiry: Inquiry) -> Said {
    let sandbox = admin.control().accounts().iter().any(|status| status.account == account && status.sandbox);
    let told = admin.control().inquire(account.clone(), inquiry).await?;
    Ok(Json(json!({ "account": account, "sandbox": sandbox, "told": told })))
}

/// `GET /api/v1/accounts/{id}/structure`.
pub(crate) async fn structure(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    ask(&admin, id("account", &text)?, Inquiry::Structure).await
}

/// `GET /api/v1/accounts/{id}/access`.
pub(crate) async fn access(State(admin): State<Admin>, Path(text): Path<String>) -> Said {
    ask(&admin, id("account", &text)?, Inquiry::Access).await
}

/// `GET /api/v1/accounts/{id}/edits`.
pub(crate) async fn edits(State(admin): State<Admin>, Path(text): Path<String>, asked: Asked) -> Said {
    let now = admin.clock().now();
    let since = match asked.get("since").filter(|text| !text.is_empty()) {
        None => now - EDITS,
        Some(text) => chrono::DateTime::parse_from_rfc3339(text)
            .map(|time| ProductTime::from_ms(time.timestamp_millis()))
            .map_err(|_| Problem::invalid("since", "expected a time such as 2026-01-31T08:00:00Z"))?,
    };
    if since < now - OLDEST_EDITS || since > now {
        return Err(Problem::invalid("since", "expected a time within the last 30 days"));
    }
    ask(&admin, id("account", &text)?, Inquiry::Edits(since)).await
}

fn word<T: DeserializeOwned>(asked: &Asked, field: &str, expected: &str) -> Result<Option<T>, Problem> {
    let word = asked.get(field).filter(|text| !text.is_empty());
    word.map(|word| serde_json::from_value(Value::from(word.as_str())).map_err(|_| Problem::invalid(field, format!("expected {expected}")))).transpose()
}

/// `GET /api/v1/accounts/{id}/report`.
pub(crate) async fn report(State(admin): State<Admin>, Path(text): Path<String>, asked: Asked) -> Said {
    let account: AccountId = id("account", &text)?;
    let view = admin.control().view(&account).ok_or_else(|| Problem::missing(format!("account `{account}` that has been read")))?;
    let to = query::<NaiveDate>(&asked, "to")?.unwrap_or_else(|| admin.clock().now().date_in(view.time_zone));
    let from = query::<NaiveDate>(&asked, "from")?.unwrap_or(to - TimeDelta::days(6));
    if from > to || (to - from).num_days() >= MOST_DAYS {
        return Err(Problem::invalid("from", format!("expected a day up to {MOST_DAYS} days before `to`")));
    }
    let level = word(&asked, "level", "campaign, ad_group, ad or creative")?.unwrap_or(ReportLevel::Campaign);
    let breakdown = word(&asked, "breakdown", "age, gender, country, device or hour")?;
    ask(&admin, account, Inquiry::Report(ReportAsk { level, breakdown, from, to })).await
}
