//! What Meta sends. Every field may be missing; numbers come as text or number; unknown fields are ignored.

use serde::Deserialize;

use crate::platforms::loose::Loose;

/// One page of an edge.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub data: Option<Vec<T>>,
    pub paging: Option<Paging>,
}

#[derive(Default, Deserialize)]
pub(super) struct Paging {
    pub cursors: Option<Cursors>,
    pub next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Cursors {
    pub after: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    pub name: Option<String>,
    pub account_status: Option<Loose>,
    pub currency: Option<String>,
    pub timezone_name: Option<String>,
    pub min_daily_budget: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct Campaign {
    pub id: Loose,
    pub name: Option<String>,
    pub objective: Option<String>,
    pub status: Option<String>,
    pub effective_status: Option<String>,
    pub daily_budget: Option<Loose>,
    pub lifetime_budget: Option<Loose>,
    pub special_ad_categories: Option<Vec<String>>,
    pub created_time: Option<String>,
    pub issues_info: Option<Vec<Issue>>,
}

#[derive(Deserialize)]
pub(super) struct AdSet {
    pub id: Loose,
    pub campaign_id: Option<Loose>,
    pub status: Option<String>,
    pub effective_status: Option<String>,
    pub daily_budget: Option<Loose>,
    pub lifetime_budget: Option<Loose>,
    pub learning_stage_info: Option<LearningStage>,
    pub issues_info: Option<Vec<Issue>>,
}

#[derive(Deserialize)]
pub(super) struct Issue {
    pub error_code: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct LearningStage {
    pub status: Option<String>,
    pub conversions: Option<Loose>,
    pub last_sig_edit_ts: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct InsightsRow {
    pub campaign_id: Option<Loose>,
    pub date_start: Option<String>,
    pub account_currency: Option<String>,
    pub spend: Option<Loose>,
    pub impressions: Option<Loose>,
    pub clicks: Option<Loose>,
    pub actions: Option<Vec<ActionStat>>,
    pub action_values: Option<Vec<ActionStat>>,
}

/// A count or value of one action type by attribution window; its `value` follows the ad set's own setting and is not read.
#[derive(Deserialize)]
pub(super) struct ActionStat {
    pub action_type: Option<String>,
    #[serde(rename = "1d_click")]
    pub click_1d: Option<Loose>,
    #[serde(rename = "7d_click")]
    pub click_7d: Option<Loose>,
    #[serde(rename = "28d_click")]
    pub click_28d: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub message: Option<String>,
    pub code: Option<Loose>,
    pub error_subcode: Option<Loose>,
    pub is_transient: Option<bool>,
    pub error_user_msg: Option<String>,
    pub fbtrace_id: Option<String>,
}

/// One entry of `x-business-use-case-usage`; the counts alone make up `x-app-usage`.
#[derive(Deserialize)]
pub(super) struct UseCase {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub ads_api_access_tier: Option<String>,
    pub call_count: Option<f64>,
    pub total_cputime: Option<f64>,
    pub total_time: Option<f64>,
    /// Minutes.
    pub estimated_time_to_regain_access: Option<f64>,
}

/// `x-ad-account-usage` and `x-fb-ads-insights-throttle`.
#[derive(Deserialize)]
pub(super) struct AccountUsage {
    pub acc_id_util_pct: Option<f64>,
    /// Of reports: the app's share.
    pub app_id_util_pct: Option<f64>,
    pub ads_api_access_tier: Option<String>,
    /// Seconds.
    pub reset_time_duration: Option<f64>,
}
