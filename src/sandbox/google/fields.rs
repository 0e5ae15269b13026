//! The members that the objects of each collection have, as far as this sandbox keeps them, and the masks that name them.

use serde_json::Value;

use super::mutate::Collection;
use super::{Fault, Refusal};

const BUDGET: &str = "resourceName name amountMicros deliveryMethod explicitlyShared period type";
const CAMPAIGN: &str = "resourceName name status advertisingChannelType campaignBudget containsEuPoliticalAdvertising startDateTime endDateTime \
     networkSettings.targetGoogleSearch networkSettings.targetSearchNetwork networkSettings.targetContentNetwork networkSettings.targetPartnerSearchNetwork \
     geoTargetTypeSetting.positiveGeoTargetType geoTargetTypeSetting.negativeGeoTargetType \
     manualCpc.enhancedCpcEnabled targetSpend.cpcBidCeilingMicros maximizeConversions.targetCpaMicros maximizeConversionValue.targetRoas \
     targetCpa.targetCpaMicros targetRoas.targetRoas targetImpressionShare.location targetImpressionShare.locationFractionMicros \
     targetImpressionShare.cpcBidCeilingMicros finalUrlSuffix";
const AD_GROUP: &str = "resourceName name campaign type status cpcBidMicros targetCpaMicros targetRoas adRotationMode";
const AD: &str = "resourceName finalUrls finalUrlSuffix name urlCustomParameters.key urlCustomParameters.value \
     responsiveSearchAd.headlines.text responsiveSearchAd.headlines.pinnedField responsiveSearchAd.descriptions.text \
     responsiveSearchAd.descriptions.pinnedField responsiveSearchAd.path1 responsiveSearchAd.path2";
const CRITERION: &str = "resourceName status negative bidModifier cpcBidMicros location.geoTargetConstant language.languageConstant keyword.text \
     keyword.matchType ageRange.type gender.type device.type userInterest.userInterestCategory adSchedule.dayOfWeek adSchedule.startHour \
     adSchedule.startMinute adSchedule.endHour adSchedule.endMinute";
const LINK: &str = "resourceName asset fieldType status";
const ASSET: &str = "resourceName name finalUrls textAsset.text imageAsset.data youtubeVideoAsset.youtubeVideoId";

/// Paths of every member an object of the collection may have.
fn members(collection: Collection) -> Vec<String> {
    let own = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match collection {
        Collection::Budgets => own(BUDGET),
        Collection::Campaigns => own(CAMPAIGN),
        Collection::AdGroups => own(AD_GROUP),
        Collection::AdGroupAds => own("resourceName adGroup status").into_iter().chain(own(AD).iter().map(|name| format!("ad.{name}"))).collect(),
        Collection::Ads => own(AD),
        Collection::CampaignCriteria => own(CRITERION).into_iter().chain(own("campaign")).filter(|name| name != "cpcBidMicros").collect(),
        Collection::AdGroupCriteria => own(CRITERION).into_iter().chain(own("adGroup")).collect(),
        Collection::Assets => own(ASSET),
        Collection::CampaignAssets => own(LINK).into_iter().chain(own("campaign")).collect(),
        Collection::AdGroupAssets => own(LINK).into_iter().chain(own("adGroup")).collect(),
    }
}

/// Refuses members that the collection's objects do not have.
pub(super) fn check(collection: Collection, object: &Value) -> Result<(), Refusal> {
    walk(object, "", &members(collection))
}

fn walk(value: &Value, path: &str, known: &[String]) -> Result<(), Refusal> {
    match value {
        Value::Object(inner) => {
            for (name, value) in inner {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if !known.iter().any(|member| *member == path || member.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.'))) {
                    return Err(Refusal::Body(format!("Unknown name \"{name}\": Cannot find field.")));
                }
                walk(value, &path, known)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, path, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The fields a mask names, in the form JSON has them.
pub(super) fn mask(collection: Collection, operation: &Value) -> Result<Vec<String>, Fault> {
    let known = members(collection);
    let named: Vec<String> =
        operation["updateMask"].as_str().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).map(camel).collect();
    if named.is_empty() {
        return Err(Fault::new("fieldMaskError", "FIELD_MASK_MISSING", "The field mask is required for update operations."));
    }
    for name in &named {
        let has_members = known.iter().any(|member| member.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.')));
        let list = ["responsiveSearchAd.headlines", "responsiveSearchAd.descriptions", "urlCustomParameters"].contains(&name.as_str());
        if has_members && !list {
            return Err(Fault::new("fieldMaskError", "FIELD_HAS_SUBFIELDS", format!("'{name}' has subfields: name them.")));
        }
        if !known.contains(name) && !list {
            return Err(Fault::new("fieldMaskError", "FIELD_NOT_FOUND", format!("The field '{name}' is not found.")));
        }
    }
    // The resource's own name may stand in a mask: it says which, not what.
    Ok(named.into_iter().filter(|name| name != "resourceName").collect())
}

fn camel(name: &str) -> String {
    name.split('.').map(super::search::camel).collect::<Vec<_>>().join(".")
}

/// A whole number, as text or as a number.
pub(super) fn whole_number(value: Option<&Value>) -> Option<i64> {
    value.and_then(|value| value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok())))
}
