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
    pub ad_group: Option<AdGroup>,
    pub ad_group_ad: Option<AdGroupAd>,
    pub campaign_criterion: Option<Criterion>,
    pub ad_group_criterion: Option<Criterion>,
    pub asset: Option<Asset>,
    pub ad_group_asset: Option<Link>,
    pub geo_target_constant: Option<Place>,
    pub language_constant: Option<Tongue>,
    pub user_location_view: Option<UserLocation>,
    pub change_event: Option<ChangeEvent>,
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
    /// The strategy shared by several campaigns, where it is one.
    pub bidding_strategy: Option<String>,
    pub campaign_budget: Option<String>,
    pub target_cpa: Option<Target>,
    pub target_roas: Option<Target>,
    pub maximize_conversions: Option<Target>,
    pub maximize_conversion_value: Option<Target>,
    pub target_spend: Option<Target>,
    pub target_impression_share: Option<Target>,
}

/// What a bidding strategy aims at or keeps below.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub target_cpa_micros: Option<Loose>,
    pub target_roas: Option<Loose>,
    pub cpc_bid_ceiling_micros: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdGroup {
    pub id: Option<Loose>,
    pub name: Option<String>,
    pub status: Option<String>,
    pub primary_status: Option<String>,
    pub cpc_bid_micros: Option<Loose>,
    pub target_cpa_micros: Option<Loose>,
    pub target_roas: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdGroupAd {
    pub status: Option<String>,
    pub ad: Option<Ad>,
    pub policy_summary: Option<PolicySummary>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ad {
    pub id: Option<Loose>,
    pub name: Option<String>,
    pub final_urls: Option<Vec<String>>,
    pub final_url_suffix: Option<String>,
    pub url_custom_parameters: Option<Vec<Parameter>>,
    pub responsive_search_ad: Option<SearchAd>,
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    pub key: Option<String>,
    pub value: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SearchAd {
    pub headlines: Option<Vec<Text>>,
}

#[derive(Deserialize)]
pub(super) struct Text {
    pub text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicySummary {
    pub approval_status: Option<String>,
    pub review_status: Option<String>,
    pub policy_topic_entries: Option<Vec<Topic>>,
}

/// A finding of the review.
#[derive(Deserialize)]
pub(super) struct Topic {
    pub topic: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub evidences: Option<Vec<Evidence>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Evidence {
    pub text_list: Option<TextList>,
}

#[derive(Deserialize)]
pub(super) struct TextList {
    pub texts: Option<Vec<String>>,
}

/// A criterion of a campaign or an ad group.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Criterion {
    pub resource_name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub negative: Option<bool>,
    pub status: Option<String>,
    pub location: Option<Location>,
    pub language: Option<Language>,
    pub keyword: Option<KeywordInfo>,
    pub age_range: Option<Kind>,
    pub gender: Option<Kind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub geo_target_constant: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Language {
    pub language_constant: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeywordInfo {
    pub text: Option<String>,
    pub match_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Kind {
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Asset {
    pub id: Option<Loose>,
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A link to an asset.
#[derive(Deserialize)]
pub(super) struct Link {
    pub asset: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    pub id: Option<Loose>,
    pub country_code: Option<String>,
    pub target_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Tongue {
    pub id: Option<Loose>,
    pub code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserLocation {
    pub country_criterion_id: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeEvent {
    pub resource_name: Option<String>,
    pub change_date_time: Option<String>,
    pub change_resource_type: Option<String>,
    pub change_resource_name: Option<String>,
    pub client_type: Option<String>,
    pub user_email: Option<String>,
    pub resource_change_operation: Option<String>,
    pub changed_fields: Option<String>,
    pub old_resource: Option<serde_json::Value>,
    pub new_resource: Option<serde_json::Value>,
    pub campaign: Option<String>,
    pub ad_group: Option<String>,
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
    pub interactions: Option<Loose>,
}

#[derive(Deserialize)]
pub(super) struct Segments {
    pub date: Option<String>,
    pub hour: Option<Loose>,
    pub device: Option<String>,
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
    pub location: Option<ErrorLocation>,
}

/// Where in the request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorLocation {
    pub field_path_elements: Option<Vec<PathElement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PathElement {
    pub field_name: Option<String>,
    pub index: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorDetails {
    pub quota_error_details: Option<QuotaDetails>,
    pub policy_finding_details: Option<PolicyFinding>,
    pub policy_violation_details: Option<PolicyViolation>,
    /// The name of an error newer than this version.
    pub unpublished_error_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicyFinding {
    pub policy_topic_entries: Option<Vec<Topic>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicyViolation {
    pub external_policy_name: Option<String>,
    pub external_policy_description: Option<String>,
    pub key: Option<ViolationKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ViolationKey {
    pub violating_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaDetails {
    pub rate_scope: Option<String>,
    /// Seconds with an `s` behind.
    pub retry_delay: Option<String>,
}
