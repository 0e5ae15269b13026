//! What Google sends. Absent means null, zero or empty; 64-bit integers come as text; unknown fields and names are ignored.

use serde::Deserialize;

use crate::platforms::loose::Loose;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub results: Option<Vec<Row>>,
    pub next_page_token: Option<String>,
}

/// One row of whichever query was asked.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Row {
    pub customer: Option<Customer>,
    pub currency_constant: Option<CurrencyConstant>,
    pub campaign: Option<Campaign>,
    pub campaign_budget: Option<CampaignBudget>,
    pub metrics: Option<Metrics>,
    pub segments: Option<Segments>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    pub descriptive_name: Option<String>,
    pub currency_code: Option<String>,
    pub time_zone: Option<String>,
    pub status: Option<String>,
    pub manager: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrencyConstant {
    pub billable_unit_micros: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Campaign {
    pub id: Option<Loose>,
    pub name: Option<String>,
    pub status: Option<String>,
    pub serving_status: Option<String>,
    pub primary_status: Option<String>,
    pub primary_status_reasons: Option<Vec<String>>,
    pub advertising_channel_type: Option<String>,
    pub bidding_strategy_type: Option<String>,
    pub bidding_strategy_system_status: Option<String>,
    pub contains_eu_political_advertising: Option<String>,
    pub missing_eu_political_advertising_declaration: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CampaignBudget {
    pub resource_name: Option<String>,
    pub id: Option<Loose>,
    pub amount_micros: Option<Loose>,
    pub total_amount_micros: Option<Loose>,
    pub period: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub status: Option<String>,
    pub explicitly_shared: Option<bool>,
    pub reference_count: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    pub cost_micros: Option<Loose>,
    pub impressions: Option<Loose>,
    pub clicks: Option<Loose>,
    pub conversions: Option<Loose>,
    pub conversions_value: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct Segments {
    pub date: Option<String>,
}

/// `google.rpc.Status` with what the ads failure inside it says.
#[derive(Deserialize)]
pub(super) struct Status {
    pub code: Option<Loose>,
    pub message: Option<String>,
    pub details: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    pub errors: Option<Vec<AdsError>>,
    pub request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdsError {
    /// One key, the category, and a name.
    pub error_code: Option<serde_json::Map<String, serde_json::Value>>,
    pub message: Option<String>,
    pub details: Option<ErrorDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorDetails {
    pub quota_error_details: Option<QuotaDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaDetails {
    pub rate_scope: Option<String>,
    /// Seconds with an `s` behind.
    pub retry_delay: Option<String>,
}
