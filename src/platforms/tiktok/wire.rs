//! What TikTok sends, inside its envelope. Every field may be missing or null; metrics are text; unknown fields are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::platforms::loose::Loose;

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub list: Option<Vec<T>>,
    pub page_info: Option<PageInfo>,
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
