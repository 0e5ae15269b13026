//! What TikTok makes of our objectives: created, or refused with the reason, in one table.

use crate::domain::entity::Objective;
use crate::platforms::PlatformError;

/// How campaigns and ad groups of one objective are made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    /// `objective_type` of the campaign.
    pub objective: &'static str,
    /// `optimization_goal` of its ad groups.
    pub goal: &'static str,
    /// `billing_event` that goes with the goal.
    pub billing: &'static str,
    /// `promotion_type`, where the objective wants one.
    pub promotion: Option<&'static str>,
    /// Whether an ad group must name a pixel and an event.
    pub pixel: bool,
    /// How often at most, within how many days, one person sees it, where the objective wants that said.
    pub frequency: Option<(u16, u8)>,
}

const AWARENESS: Recipe = Recipe { objective: "REACH", goal: "REACH", billing: "CPM", promotion: None, pixel: false, frequency: Some((3, 7)) };
const TRAFFIC: Recipe = Recipe { objective: "TRAFFIC", goal: "CLICK", billing: "CPC", promotion: Some("WEBSITE"), pixel: false, frequency: None };
const ENGAGEMENT: Recipe = Recipe { objective: "VIDEO_VIEWS", goal: "ENGAGED_VIEW", billing: "CPV", promotion: None, pixel: false, frequency: None };
const CONVERSIONS: Recipe = Recipe { objective: "WEB_CONVERSIONS", goal: "CONVERT", billing: "OCPM", promotion: Some("WEBSITE"), pixel: true, frequency: None };

/// How `objective` is made here.
///
/// # Errors
/// [`PlatformError::Unsupported`] with the reason.
pub(super) fn recipe(objective: Objective) -> Result<&'static Recipe, PlatformError> {
    let refused = |why: &str| Err(PlatformError::Unsupported(why.to_owned()));
    match objective {
        Objective::Awareness => Ok(&AWARENESS),
        Objective::Traffic => Ok(&TRAFFIC),
        // Followers and visits of a profile need a TikTok account; a watched video is the interaction that any advertiser can buy.
        Objective::Engagement => Ok(&ENGAGEMENT),
        Objective::Conversions => Ok(&CONVERSIONS),
        Objective::CatalogSales => {
            refused("catalogue sales are not created on TikTok: they need a catalogue or shop and a product set at campaign, ad group and ad")
        }
        Objective::Other => refused("an objective this version does not know is never created"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objective_is_created_or_refused_with_its_reason() {
        for (objective, expected) in [
            (Objective::Awareness, Some(("REACH", "REACH", "CPM"))),
            (Objective::Traffic, Some(("TRAFFIC", "CLICK", "CPC"))),
            (Objective::Engagement, Some(("VIDEO_VIEWS", "ENGAGED_VIEW", "CPV"))),
            (Objective::Conversions, Some(("WEB_CONVERSIONS", "CONVERT", "OCPM"))),
            (Objective::CatalogSales, None),
            (Objective::Other, None),
        ] {
            let made = recipe(objective);
            assert_eq!(made.as_ref().ok().map(|recipe| (recipe.objective, recipe.goal, recipe.billing)), expected, "{objective:?}");
            match made {
                Ok(recipe) => assert_eq!(super::super::inventory::objective(Some(recipe.objective)), objective, "it is read back as what it was"),
                Err(error) => assert!(matches!(&error, PlatformError::Unsupported(why) if why.len() > 30), "{error}"),
            }
        }
    }
}
