//! What TikTok sends, inside its envelope. Every field may be missing or null; metrics are text; unknown fields are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::platforms::loose::Loose;

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub list: Option<Vec<T>>,
}

/// One page of a list, under whatever name it stands.
#[derive(Deserialize)]
pub(super) struct Page {
    pub page_info: Option<PageInfo>,
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct PageInfo {
    pub total_page: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct Advertiser {
    pub name: Option<String>,
    pub currency: Option<String>,
    pub timezone: Option<String>,
    pub status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Campaign {
    pub campaign_id: Loose,
    pub campaign_name: Option<String>,
    pub objective_type: Option<String>,
    pub budget: Option<Loose>,
    pub budget_mode: Option<String>,
    pub operation_status: Option<String>,
    pub secondary_status: Option<String>,
    pub create_time: Option<String>,
    pub special_industries: Option<Vec<String>>,
    pub is_smart_performance_campaign: Option<Loose>,
    pub campaign_automation_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AdGroup {
    pub adgroup_id: Loose,
    pub campaign_id: Option<Loose>,
    pub budget: Option<Loose>,
    pub budget_mode: Option<String>,
    /// A daily budget that holds from the next midnight on.
    pub scheduled_budget: Option<Loose>,
    pub operation_status: Option<String>,
    pub secondary_status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ReportRow {
    pub dimensions: Option<BTreeMap<String, Loose>>,
    pub metrics: Option<BTreeMap<String, Loose>>,
}

/// A report that was ordered.
#[derive(Deserialize)]
pub(super) struct Started {
    pub task_id: Option<Loose>,
}

/// How far an ordered report is.
#[derive(Deserialize)]
pub(super) struct Stands {
    pub status: Option<String>,
    pub message: Option<String>,
}

/// Countries and other places that can be reached.
#[derive(Deserialize)]
pub(super) struct Regions {
    pub region_info: Option<Vec<Region>>,
    pub list: Option<Vec<Region>>,
}

#[derive(Deserialize)]
pub(super) struct Region {
    pub location_id: Option<Loose>,
    pub region_code: Option<String>,
    pub level: Option<String>,
}

/// How many ad groups an account may have.
#[derive(Deserialize)]
pub(super) struct Quota {
    pub total_adgroup_quota: Option<Loose>,
    pub used_adgroup_quota: Option<Loose>,
}
