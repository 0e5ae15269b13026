//! Campaigns and figures, out of the newest views.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{Asked, Said, query};
use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::reading::{sum, time};
use crate::domain::ids::PoolId;
use crate::domain::metrics::Metrics;
use crate::domain::policy::glob;
use crate::domain::scope::Scope;
use crate::domain::view::AccountView;

impl Admin {
    /// The newest view of every account that has been read.
    pub(crate) fn views(&self) -> Vec<Arc<AccountView>> {
        self.control().accounts().iter().filter_map(|status| self.control().view(&status.account)).collect()
    }

    /// The pool a campaign belongs to, by the policy in force.
    pub(crate) fn pool_of(&self, view: &AccountView, name: &str) -> Option<PoolId> {
        let force = self.control().policy();
        let fits = |(_, pool): &(&PoolId, &crate::domain::policy::PoolPolicy)| pool.members.accounts.contains(&view.account) && glob(&pool.members.name, name);
        force.policy.pools.iter().find(fits).map(|(id, _)| id.clone())
    }
}

fn figures(metrics: &Metrics) -> Value {
    let decimal = |value: Option<rust_decimal::Decimal>| value.map(|value| value.round_dp(4).normalize().to_string());
    json!({
        "spend": metrics.spend, "impressions": metrics.impressions, "clicks": metrics.clicks, "conversions": metrics.conversions(), "revenue": metrics.revenue,
        "roas": decimal(metrics.roas()), "cpa": decimal(metrics.cpa()), "ctr": decimal(metrics.ctr()), "cvr": decimal(metrics.cvr()),
        "cpc": decimal(metrics.cpc()), "cpm": decimal(metrics.cpm()),
    })
}

/// `GET /api/v1/campaigns`.
pub(crate) async fn list(State(admin): State<Admin>) -> Said {
    let scopes = admin.glance().await?.scopes;
    let paused: BTreeSet<&Scope> = scopes.iter().filter(|row| row.paused).map(|row| &row.scope).collect();
    let mut items = Vec::new();
    for view in admin.views() {
        for (at, campaign) in view.campaigns.iter().enumerate() {
            let days = view.series(at);
            let week = sum(days.iter().rev().skip(1).take(7));
            let budget = view.budget(&campaign.budget.key);
            items.push(json!({
                "id": campaign.key, "name": campaign.name, "account": view.account, "platform": view.platform, "sandbox": view.sandbox,
                "pool": admin.pool_of(&view, &campaign.name), "status": campaign.status, "serving": campaign.serving, "disapproved": campaign.disapproved,
                "objective": campaign.objective, "learning": campaign.learning, "budget": campaign.budget.key, "daily_budget": budget.map(|budget| budget.amount),
                "read_only": budget.and_then(|budget| budget.read_only), "paused": paused.contains(&Scope::Campaign(campaign.key.clone())),
                "as_of": time(view.at), "last_7_days": week.as_ref().map(figures), "today": days.last().map(figures),
            }));
        }
    }
    Ok(Json(json!({ "items": items, "next": null })))
}

/// What figures are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Workspace,
    Account,
    Pool,
    Campaign,
}

/// First and last day wanted, the last included; days are each account's own.
fn range(asked: &Asked, newest: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
    let day = |field: &str| query::<NaiveDate>(asked, field);
    let (from, to) = (day("from")?, day("to")?);
    let days = match asked.get("range").map_or("7d", String::as_str) {
        "today" => 0,
        "7d" => 6,
        "14d" => 13,
        "28d" => 27,
        "35d" => 34,
        _ => return Err(Problem::invalid("range", "expected today, 7d, 14d, 28d or 35d, or from= and to= as 2026-01-31")),
    };
    let to = to.unwrap_or(newest);
    let from = from.unwrap_or(to - chrono::TimeDelta::days(days));
    if from > to { Err(Problem::invalid("from", "lies after `to`")) } else { Ok((from, to)) }
}

/// Figures of each day, with the least maturity of what they were summed from.
type Days = BTreeMap<NaiveDate, (Metrics, f64)>;

/// `GET /api/v1/performance`.
pub(crate) async fn performance(State(admin): State<Admin>, asked: Asked) -> Said {
    let by = match asked.get("level").map_or("workspace", String::as_str) {
        "workspace" => By::Workspace,
        "account" => By::Account,
        "pool" => By::Pool,
        "campaign" => By::Campaign,
        _ => return Err(Problem::invalid("level", "expected workspace, account, pool or campaign")),
    };
    let views = admin.views();
    let Some(newest) = views.iter().filter_map(|view| view.days.last()).max().copied() else { return Ok(Json(json!({ "items": [], "next": null }))) };
    let (from, to) = range(&asked, newest)?;
    if let Some(oldest) = views.iter().filter_map(|view| view.days.first()).min().filter(|oldest| from < **oldest) {
        return Err(Problem::invalid("from", format!("figures are held from {oldest} on")));
    }
    // Totals never add currencies: each has its own row.
    let mut rows: BTreeMap<(String, String, String), Days> = BTreeMap::new();
    for view in &views {
        for (at, campaign) in view.campaigns.iter().enumerate() {
            let (id, name) = match by {
                By::Workspace => ("workspace".to_owned(), admin.config().workspace.name.clone()),
                By::Account => (view.account.to_string(), view.account.to_string()),
                By::Campaign => (campaign.key.to_string(), campaign.name.clone()),
                By::Pool => match admin.pool_of(view, &campaign.name) {
                    Some(pool) => (pool.to_string(), pool.to_string()),
                    None => continue,
                },
            };
            let row = rows.entry((id, name, view.currency.to_string())).or_default();
            for ((day, metrics), maturity) in view.days.iter().zip(view.series(at)).zip(&view.maturity).filter(|((day, _), _)| (from..=to).contains(*day)) {
                let seen = row.entry(*day).or_insert_with(|| (Metrics::zero(view.currency), 1.0));
                seen.0 = seen.0.checked_add(metrics).map_err(|_| Problem::internal())?;
                seen.1 = seen.1.min(*maturity);
            }
        }
    }
    let items = rows.into_iter().map(|((id, name, currency), days)| {
        let total = sum(days.values().map(|(metrics, _)| metrics));
        let days: Vec<Value> = days.iter().map(|(day, (metrics, maturity))| json!({ "day": day, "maturity": maturity, "figures": figures(metrics) })).collect();
        json!({ "id": id, "name": name, "currency": currency, "total": total.as_ref().map(figures), "days": days })
    });
    Ok(Json(json!({ "from": from, "to": to, "items": items.collect::<Vec<_>>(), "next": null })))
}
