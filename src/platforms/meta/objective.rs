//! What an objective becomes on Meta: the campaign's own word, and goal, billing and promoted object of its ad sets.

use serde_json::{Value, json};

use crate::domain::draft::Optimisation;
use crate::domain::entity::Objective;
use crate::platforms::PlatformError;

/// The events a pixel may count, by Meta's names. Source: `AdPromotedObject.custom_event_type` of the official package.
const EVENTS: &str = "ACHIEVEMENT_UNLOCKED ADD_PAYMENT_INFO ADD_TO_CART ADD_TO_WISHLIST AD_IMPRESSION COMPLETE_REGISTRATION CONTACT CONTENT_VIEW CUSTOMIZE_PRODUCT \
    D2_RETENTION D7_RETENTION DONATE FIND_LOCATION INITIATED_CHECKOUT LEAD LEVEL_ACHIEVED LISTING_INTERACTION MESSAGING_CONVERSATION_STARTED_7D OTHER PURCHASE RATE \
    SCHEDULE SEARCH SERVICE_BOOKING_REQUEST SPENT_CREDITS START_TRIAL SUBMIT_APPLICATION SUBSCRIBE TUTORIAL_COMPLETION";

/// A campaign's objective.
///
/// # Errors
/// [`PlatformError::Unsupported`] for one this version does not know.
pub(super) fn campaign(objective: Objective) -> Result<&'static str, PlatformError> {
    match objective {
        Objective::Awareness => Ok("OUTCOME_AWARENESS"),
        Objective::Traffic => Ok("OUTCOME_TRAFFIC"),
        Objective::Engagement => Ok("OUTCOME_ENGAGEMENT"),
        // A catalogue's sales are sales: its ad sets name the product set.
        Objective::Conversions | Objective::CatalogSales => Ok("OUTCOME_SALES"),
        Objective::Other => Err(PlatformError::Unsupported("objective other: a campaign is only created for an objective this version knows".to_owned())),
    }
}

/// What an ad set of that objective optimises for.
#[derive(Debug, PartialEq)]
pub(super) struct Goal {
    pub goal: &'static str,
    pub destination: Option<&'static str>,
    pub promoted: Option<Value>,
}

/// The goal of an ad set. `by_value`: the strategy looks at value rather than counts.
///
/// # Errors
/// [`PlatformError::Validation`] when the objective wants something named that is missing or unknown, [`PlatformError::Unsupported`] for what has no place.
pub(super) fn ad_set(objective: Objective, optimisation: Option<&Optimisation>, by_value: bool) -> Result<Goal, PlatformError> {
    campaign(objective)?;
    let wanted = |what: &str| PlatformError::Validation(format!("an ad set of a campaign for {objective:?} names {what}"));
    let event = optimisation.and_then(|optimisation| optimisation.event.as_deref());
    if let Some(unknown) = event.filter(|event| !EVENTS.split_whitespace().any(|known| known == *event)) {
        return Err(PlatformError::Validation(format!("`{unknown}` is no event Meta counts")));
    }
    let source = optimisation.map(|optimisation| optimisation.source.as_str());
    let sales = matches!(objective, Objective::Conversions | Objective::CatalogSales);
    if by_value && !sales {
        return Err(PlatformError::Unsupported(format!("bidding by value: a campaign for {objective:?} counts no sales")));
    }
    if !sales && event.is_some() {
        return Err(PlatformError::Unsupported(format!("event: a campaign for {objective:?} counts none on Meta")));
    }
    let goal = if by_value { super::bidding::VALUE } else { "OFFSITE_CONVERSIONS" };
    Ok(match objective {
        Objective::Awareness => {
            let page = source.ok_or_else(|| wanted("the page it is for"))?;
            Goal { goal: "REACH", destination: None, promoted: Some(json!({ "page_id": page })) }
        }
        Objective::Traffic if source.is_some() => {
            return Err(PlatformError::Unsupported("optimisation source: a campaign for traffic counts clicks to a site and names none on Meta".to_owned()));
        }
        Objective::Traffic => Goal { goal: "LINK_CLICKS", destination: None, promoted: None },
        Objective::Engagement => Goal { goal: "POST_ENGAGEMENT", destination: Some("ON_POST"), promoted: source.map(|page| json!({ "page_id": page })) },
        Objective::Conversions => {
            let (pixel, event) = source.zip(event).ok_or_else(|| wanted("its pixel and the event"))?;
            Goal { goal, destination: None, promoted: Some(json!({ "pixel_id": pixel, "custom_event_type": event })) }
        }
        Objective::CatalogSales => {
            let set = source.ok_or_else(|| wanted("its product set"))?;
            let mut promoted = json!({ "product_set_id": set });
            if let Some(event) = event {
                promoted["custom_event_type"] = event.into();
            }
            Goal { goal, destination: None, promoted: Some(promoted) }
        }
        Objective::Other => return Err(wanted("no objective this version knows")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(source: &str, event: Option<&str>) -> Optimisation {
        Optimisation { source: source.to_owned(), event: event.map(str::to_owned) }
    }

    #[test]
    fn every_objective_is_created_or_refused_with_its_reason() {
        let page = counts("500600", None);
        let pixel = counts("900100", Some("PURCHASE"));
        let set = counts("700", None);
        for (objective, optimisation, expected) in [
            (Objective::Awareness, Some(&page), Ok(("OUTCOME_AWARENESS", "REACH"))),
            (Objective::Traffic, None, Ok(("OUTCOME_TRAFFIC", "LINK_CLICKS"))),
            (Objective::Engagement, Some(&page), Ok(("OUTCOME_ENGAGEMENT", "POST_ENGAGEMENT"))),
            (Objective::Conversions, Some(&pixel), Ok(("OUTCOME_SALES", "OFFSITE_CONVERSIONS"))),
            (Objective::CatalogSales, Some(&set), Ok(("OUTCOME_SALES", "OFFSITE_CONVERSIONS"))),
            (Objective::Other, None, Err("UNSUPPORTED")),
        ] {
            let found = campaign(objective).and_then(|word| Ok((word, ad_set(objective, optimisation, false)?.goal)));
            assert_eq!(found.map_err(|error| error.code()), expected, "{objective:?}");
        }
        for (objective, optimisation, by_value, code) in [
            (Objective::Awareness, None, false, "VALIDATION"),
            (Objective::Conversions, Some(&page), false, "VALIDATION"),
            (Objective::Conversions, Some(&counts("900100", Some("BUY"))), false, "VALIDATION"),
            (Objective::CatalogSales, None, false, "VALIDATION"),
            (Objective::Traffic, Some(&page), false, "UNSUPPORTED"),
            (Objective::Engagement, Some(&pixel), false, "UNSUPPORTED"),
            (Objective::Traffic, None, true, "UNSUPPORTED"),
        ] {
            assert_eq!(ad_set(objective, optimisation, by_value).expect_err("refused").code(), code, "{objective:?} {optimisation:?}");
        }
        assert_eq!(ad_set(Objective::Conversions, Some(&pixel), true).expect("by value").goal, "VALUE");
    }
}
