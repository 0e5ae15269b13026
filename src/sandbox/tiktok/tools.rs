//! What surrounds the ads: identities, pixels, countries, quota and the words of the review.

use serde_json::{Map, Value, json};

use super::{Refusal, lists, writes};
use crate::domain::entity::Level;
use crate::sandbox::wire::Asked;
use crate::sandbox::world::World;
use crate::sandbox::world::edits::Moment;
use crate::sandbox::world::things::{FORBIDDEN, Verdict};

/// The one identity of every account.
pub(super) const IDENTITY: &str = "7200000000000000001";
/// The one pixel of every account.
pub(super) const PIXEL: &str = "7100000000000000009";
/// Most ad groups of an account.
const QUOTA: usize = 5_000;
/// Countries, with their ids.
const COUNTRIES: [(&str, &str, &str); 10] = [
    ("US", "6252001", "United States"),
    ("CA", "6251999", "Canada"),
    ("MX", "3996063", "Mexico"),
    ("GB", "2635167", "United Kingdom"),
    ("DE", "2921044", "Germany"),
    ("FR", "3017382", "France"),
    ("HU", "719819", "Hungary"),
    ("JP", "1861060", "Japan"),
    ("AU", "2077456", "Australia"),
    ("BR", "3469034", "Brazil"),
];

/// `identity/get/`.
pub(super) fn identities(asked: &Asked) -> Result<Value, Refusal> {
    let rows = match asked.param("identity_type") {
        None | Some("CUSTOMIZED_USER") => vec![json!({
            "identity_id": IDENTITY, "identity_type": "CUSTOMIZED_USER", "display_name": "Sandbox shop", "profile_image": "https://p16.example/face.jpg",
            "available_status": "AVAILABLE",
        })],
        Some("AUTH_CODE" | "TT_USER" | "BC_AUTH_TT") => Vec::new(),
        Some(_) => return Err(Refusal::invalid("identity_type: must be CUSTOMIZED_USER, AUTH_CODE, TT_USER or BC_AUTH_TT.")),
    };
    lists::page(rows, "identity_list", 100, asked)
}

/// `pixel/list/`.
pub(super) fn pixels(asked: &Asked) -> Result<Value, Refusal> {
    lists::page(vec![json!({ "pixel_id": PIXEL, "pixel_code": "SANDBOX", "pixel_name": "Sandbox pixel", "activity_status": "ACTIVE" })], "pixels", 20, asked)
}

/// `tool/region/`.
pub(super) fn regions(asked: &Asked) -> Result<Value, Refusal> {
    let placements = lists::list(asked, "placements")?.ok_or_else(|| Refusal::invalid("placements: Missing data for required field."))?;
    if placements.is_empty() || asked.param("objective_type").is_none() {
        return Err(Refusal::invalid("objective_type: Missing data for required field."));
    }
    let row = |(code, id, name): &(&str, &str, &str)| json!({ "location_id": id, "region_code": code, "name": name, "level": "COUNTRY", "parent_id": "0", "area_type": "ADMIN", "support_below_18": true });
    Ok(json!({ "region_info": COUNTRIES.iter().map(row).collect::<Vec<_>>() }))
}

/// `adgroup/quota/`.
pub(super) fn quota(world: &World, account: usize) -> Value {
    json!({ "total_adgroup_quota": QUOTA, "used_adgroup_quota": world.things_of(account, Level::AdGroup).len() })
}

/// `ad/review_info/`.
pub(super) fn reviews(world: &World, account: usize, asked: &Asked, moment: &Moment) -> Result<Value, Refusal> {
    let ids = lists::list(asked, "ad_ids")?.filter(|ids| (1..=writes::MOST).contains(&ids.len())).ok_or_else(|| Refusal::invalid("ad_ids: 1 to 20 ids."))?;
    let mut found = Map::new();
    for id in ids {
        let ad = writes::find(world, account, Some(&id), Level::Ad)?;
        let said = match world.things[ad].verdict(moment.seen) {
            Verdict::Pending => json!({ "review_status": "IN_REVIEW" }),
            Verdict::Approved => json!({ "is_approved": true, "review_status": "ALL_AVAILABLE", "reject_info": [] }),
            Verdict::Refused => json!({
                "is_approved": false, "review_status": "UNAVAILABLE",
                "reject_info": [{ "reasons": [format!("Misleading claims: the text \"{FORBIDDEN}\" is not allowed.")], "suggestion": "Remove the claim and submit the ad again." }],
            }),
        };
        found.insert(id, said);
    }
    Ok(json!({ "ad_review_map": found }))
}
