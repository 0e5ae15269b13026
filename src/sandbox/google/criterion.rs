//! Criteria as they are kept: their ids, and what each must have.

use serde_json::{Value, json};

use super::constants::{is_language, is_place};
use super::fields::whole_number;
use super::mutate::Collection;
use super::plan::required;
use super::{Fault, wire_number};

const AGES: [(&str, u32); 7] = [
    ("AGE_RANGE_18_24", 503_001),
    ("AGE_RANGE_25_34", 503_002),
    ("AGE_RANGE_35_44", 503_003),
    ("AGE_RANGE_45_54", 503_004),
    ("AGE_RANGE_55_64", 503_005),
    ("AGE_RANGE_65_UP", 503_006),
    ("AGE_RANGE_UNDETERMINED", 503_999),
];
const GENDERS: [(&str, u32); 3] = [("MALE", 10), ("FEMALE", 11), ("UNDETERMINED", 20)];
const DEVICES: [(&str, u32); 3] = [("DESKTOP", 30_000), ("MOBILE", 30_001), ("TABLET", 30_002)];

fn wrong(code: &'static str, message: &str) -> Fault {
    Fault::new("criterionError", code, message).at(&[("create", None)])
}

/// The id of a criterion to be made, and what is kept of it.
pub(super) fn read(collection: Collection, object: &Value) -> Result<(String, Value), Fault> {
    let members = ["location", "language", "keyword", "ageRange", "gender", "device", "adSchedule", "userInterest"];
    let there: Vec<&str> = members.into_iter().filter(|member| !object[*member].is_null()).collect();
    let [member] = there.as_slice() else { return Err(required(&[("create", None), ("criterion", None)])) };
    let negative = object["negative"] == true;
    let campaign = collection == Collection::CampaignCriteria;
    let inner = &object[*member];
    let word = |name: &str| inner[name].as_str().unwrap_or_default();
    let numbered = |table: &[(&str, u32)]| table.iter().find(|(name, _)| *name == word("type")).map(|(_, id)| id.to_string());
    let (kind, id) = match (*member, campaign) {
        ("location", true) => {
            let id = word("geoTargetConstant").strip_prefix("geoTargetConstants/").filter(|id| is_place(id));
            ("LOCATION", id.map(str::to_owned).ok_or_else(|| wrong("CANNOT_TARGET_CRITERION", "There is no such place."))?)
        }
        ("language", true) if negative => return Err(wrong("CANNOT_EXCLUDE_CRITERIA_TYPE", "Languages are not excluded.")),
        ("language", true) => {
            let id = word("languageConstant").strip_prefix("languageConstants/").filter(|id| is_language(id));
            ("LANGUAGE", id.map(str::to_owned).ok_or_else(|| wrong("CANNOT_TARGET_LANGUAGE", "There is no such language."))?)
        }
        ("keyword", true) if !negative => return Err(wrong("CANNOT_ADD_CRITERIA_TYPE", "Campaigns take negative keywords only.")),
        ("keyword", _) => ("KEYWORD", keyword(word("text"), word("matchType"))?),
        ("ageRange", false) => ("AGE_RANGE", numbered(&AGES).ok_or_else(|| wrong("INVALID_CRITERION_ID", "There is no such age range."))?),
        ("gender", false) => ("GENDER", numbered(&GENDERS).ok_or_else(|| wrong("INVALID_CRITERION_ID", "There is no such gender."))?),
        ("device", true) => ("DEVICE", numbered(&DEVICES).ok_or_else(|| wrong("INVALID_CRITERION_ID", "There is no such device."))?),
        ("adSchedule", true) => ("AD_SCHEDULE", wire_number(&[word("dayOfWeek"), &inner["startHour"].to_string(), &inner["endHour"].to_string()], 310_000)),
        ("userInterest", _) => return Err(wrong("CANNOT_ADD_USER_INTERESTS_TO_SEARCH_CAMPAIGNS", "Search campaigns take no user interests.")),
        _ => return Err(wrong("CANNOT_ADD_CRITERIA_TYPE", "This criterion does not belong here.")),
    };
    if negative && (object.get("cpcBidMicros").is_some() || object.get("bidModifier").is_some()) {
        return Err(wrong("CANNOT_BID_MODIFY_NEGATIVE_CRITERION", "Negative criteria have no bids."));
    }
    if object.get("cpcBidMicros").is_some_and(|bid| whole_number(Some(bid)).is_none_or(|bid| bid <= 0)) {
        return Err(Fault::new("biddingError", "INVALID_BID", "The bid is invalid."));
    }
    let mut kept = json!({ "type": kind, "status": object["status"].as_str().unwrap_or("ENABLED"), *member: inner });
    if negative {
        kept["negative"] = true.into();
    }
    for name in ["bidModifier", "cpcBidMicros"] {
        if let Some(value) = object.get(name) {
            kept[name] = value.clone();
        }
    }
    Ok((id, kept))
}

fn keyword(text: &str, kind: &str) -> Result<String, Fault> {
    if !["EXACT", "PHRASE", "BROAD"].contains(&kind) {
        return Err(required(&[("create", None), ("keyword", None), ("match_type", None)]));
    }
    if text.trim().is_empty() {
        return Err(wrong("INVALID_KEYWORD_TEXT", "The keyword is empty."));
    }
    if text.chars().count() > 80 {
        return Err(wrong("KEYWORD_TEXT_TOO_LONG", "The keyword is longer than 80 characters."));
    }
    if text.split_whitespace().count() > 10 {
        return Err(wrong("KEYWORD_HAS_TOO_MANY_WORDS", "The keyword has more than 10 words."));
    }
    if text.contains(['!', '@', '%', ',', '*']) {
        return Err(wrong("KEYWORD_HAS_INVALID_CHARS", "The keyword has invalid characters."));
    }
    Ok(wire_number(&[text, kind], 20_000_000))
}
