//! Figures at any level, divided by what Google divides them by: each breakdown has a resource of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::places::{Place, described};
use super::report::figures;
use super::{Google, wire};
use crate::domain::entity::{EntityKey, Level};
use crate::domain::metrics::Metrics;
use crate::domain::structure::{Breakdown, ReportAsk, ReportLevel, ReportRow};
use crate::platforms::PlatformError;
use crate::platforms::loose::integer;
use crate::platforms::spec::is_number;

const METRICS: &str = "metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.conversions, metrics.conversions_value, metrics.interactions";

/// The query for a report.
///
/// # Errors
/// [`PlatformError::Unsupported`] naming a breakdown that Google does not have at the level.
pub(super) fn query(ask: &ReportAsk) -> Result<String, PlatformError> {
    let level = |resource: &'static str| {
        let ids = match ask.level {
            ReportLevel::Campaign => "campaign.id",
            ReportLevel::AdGroup => "campaign.id, ad_group.id",
            ReportLevel::Ad | ReportLevel::Creative => "campaign.id, ad_group.id, ad_group_ad.ad.id",
        };
        (resource, ids)
    };
    let own = match ask.level {
        ReportLevel::Campaign => "campaign",
        ReportLevel::AdGroup => "ad_group",
        ReportLevel::Ad | ReportLevel::Creative => "ad_group_ad",
    };
    let ((resource, ids), part) = match (ask.breakdown, ask.level) {
        (None, _) => (level(own), None),
        (Some(Breakdown::Device), _) => (level(own), Some("segments.device")),
        (Some(Breakdown::Hour), ReportLevel::Campaign | ReportLevel::AdGroup) => (level(own), Some("segments.hour")),
        (Some(Breakdown::Age), ReportLevel::Campaign | ReportLevel::AdGroup) => (level("age_range_view"), Some("ad_group_criterion.age_range.type")),
        (Some(Breakdown::Gender), ReportLevel::Campaign | ReportLevel::AdGroup) => (level("gender_view"), Some("ad_group_criterion.gender.type")),
        (Some(Breakdown::Country), ReportLevel::Campaign | ReportLevel::AdGroup) => {
            (level("user_location_view"), Some("user_location_view.country_criterion_id"))
        }
        (Some(part @ (Breakdown::Hour | Breakdown::Age | Breakdown::Gender | Breakdown::Country)), ReportLevel::Ad | ReportLevel::Creative) => {
            return Err(PlatformError::Unsupported(format!("breakdown {part:?} of ads: Google has it for campaigns and ad groups")));
        }
    };
    let part = part.map(|field| format!(", {field}")).unwrap_or_default();
    Ok(format!("SELECT segments.date, {ids}{part}, {METRICS} FROM {resource} WHERE segments.date BETWEEN '{}' AND '{}'", ask.from, ask.to))
}

/// What a row is about: entity, day and part.
type About = (EntityKey, chrono::NaiveDate, Option<String>);

pub(super) async fn read(google: &Google, ask: &ReportAsk) -> Result<Vec<ReportRow>, PlatformError> {
    let rows = google.search(&query(ask)?).await?;
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| Some(row.user_location_view.as_ref()?.country_criterion_id.as_ref()?.0.clone())).collect();
    let places = if ids.is_empty() { BTreeMap::new() } else { described(google, &ids).await? };
    let mut sums: BTreeMap<About, (Metrics, Option<i64>)> = BTreeMap::new();
    for row in &rows {
        let (day, metrics) = figures(&google.spec, row)?;
        let engagements = integer(row.metrics.as_ref().and_then(|metrics| metrics.interactions.as_ref()), "interactions")?;
        let key = (entity(google, ask.level, row)?, day, ask.breakdown.map(|by| part(by, row, &places)));
        // Ages, genders and countries come by ad group and, for countries, by how the place was meant: what we ask for is their sum.
        let sum = match sums.remove(&key) {
            None => (metrics, engagements),
            Some((so_far, engaged)) => {
                let sum = so_far.checked_add(&metrics).map_err(|error| PlatformError::Validation(error.to_string()))?;
                (sum, engaged.zip(engagements).map(|(a, b)| a.saturating_add(b)))
            }
        };
        sums.insert(key, sum);
    }
    let row = |((entity, day, part), (metrics, engagements))| ReportRow { entity, day, part, metrics, reach: None, frequency: None, engagements };
    Ok(sums.into_iter().map(row).collect())
}

fn entity(google: &Google, level: ReportLevel, row: &wire::Row) -> Result<EntityKey, PlatformError> {
    let campaign = row.campaign.as_ref().and_then(|campaign| campaign.id.as_ref());
    let group = row.ad_group.as_ref().and_then(|group| group.id.as_ref());
    let ad = row.ad_group_ad.as_ref().and_then(|shown| shown.ad.as_ref()?.id.as_ref());
    let key = match (level, campaign, group, ad) {
        (ReportLevel::Campaign, Some(id), ..) if is_number(&id.0) => Some(google.spec.key(Level::Campaign, &id.0)),
        (ReportLevel::AdGroup, _, Some(id), _) if is_number(&id.0) => Some(google.spec.key(Level::AdGroup, &id.0)),
        (ReportLevel::Ad | ReportLevel::Creative, _, Some(group), Some(ad)) if is_number(&group.0) && is_number(&ad.0) => {
            Some(google.spec.key(Level::Ad, &format!("{}~{}", group.0, ad.0)))
        }
        _ => None,
    };
    key.ok_or_else(|| PlatformError::Validation(format!("a report row of customer {} does not say what it is about", google.spec.platform_id)))
}

/// The part of a breakdown: the platform's own word, ages as `25-34`, countries by their code where the platform lists them.
fn part(by: Breakdown, row: &wire::Row, places: &BTreeMap<String, Place>) -> String {
    let criterion = row.ad_group_criterion.as_ref();
    let kind = |kind: Option<&wire::Kind>| kind.and_then(|kind| kind.kind.clone());
    let segments = row.segments.as_ref();
    let word = match by {
        Breakdown::Age => {
            let word = criterion.and_then(|criterion| kind(criterion.age_range.as_ref()));
            word.map(|word| word.trim_start_matches("AGE_RANGE_").replace("_UP", "+").replace('_', "-").to_lowercase())
        }
        Breakdown::Gender => criterion.and_then(|criterion| kind(criterion.gender.as_ref())).map(|word| word.to_lowercase()),
        Breakdown::Device => segments.and_then(|segments| segments.device.clone()).map(|word| word.to_lowercase()),
        Breakdown::Hour => segments.and_then(|segments| segments.hour.as_ref()).map(|hour| hour.0.clone()),
        Breakdown::Country => {
            let id = row.user_location_view.as_ref().and_then(|view| view.country_criterion_id.as_ref());
            id.map(|id| match places.get(&id.0) {
                Some(Place::Country(code)) => code.clone(),
                Some(Place::Smaller) | None => id.0.clone(),
            })
        }
    };
    word.unwrap_or_else(|| "unknown".to_owned())
}
