//! Targeting in Meta's words. It is replaced whole on update, so an update starts from what stands there, and what our words do not say stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::domain::targeting::{Ages, Gender, OLDEST, Targeting};
use crate::platforms::PlatformError;

/// Languages by ISO code and by the name Meta's search knows them by; it gives them numbers, which are asked for and never assumed.
pub(super) const LANGUAGES: [(&str, &str); 24] = [
    ("ar", "Arabic"),
    ("cs", "Czech"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("es", "Spanish"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("he", "Hebrew"),
    ("hu", "Hungarian"),
    ("id", "Indonesian"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ko", "Korean"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sv", "Swedish"),
    ("th", "Thai"),
    ("tr", "Turkish"),
    ("vi", "Vietnamese"),
];

/// Numbers of languages by ISO code.
pub(super) type Locales = BTreeMap<String, i64>;

/// The youngest age Meta reaches where none is named.
const ADULT: u8 = 18;
/// Members that say nothing about whom.
const SILENT: [&str; 3] = ["targeting_automation", "age_range", "targeting_relaxation_types"];

/// The same in the one form that reads back: everybody of age is no restriction, and all genders are none.
pub(super) fn plain(targeting: &Targeting) -> Targeting {
    let mut plain = targeting.clone();
    plain.ages = plain.ages.filter(|ages| (ages.min(), ages.max()) != (ADULT, OLDEST));
    if [Gender::Female, Gender::Male, Gender::Unknown].iter().all(|gender| plain.genders.contains(gender)) {
        plain.genders.clear();
    }
    plain
}

/// What stands there in our words, and the names of what else narrows it. Languages are told as far as `locales` knows their numbers.
pub(super) fn read(standing: &Value, locales: &Locales) -> (Targeting, Vec<String>) {
    let (mut targeting, mut beyond) = (Targeting::default(), Vec::new());
    let texts = |value: &Value| value.as_array().into_iter().flatten().filter_map(id_of).collect::<BTreeSet<String>>();
    for (name, value) in standing.as_object().into_iter().flatten() {
        match name.as_str() {
            "geo_locations" => {
                for (kind, list) in value.as_object().into_iter().flatten() {
                    match kind.as_str() {
                        "countries" => targeting.countries = texts(list),
                        "regions" => targeting.places = texts(list),
                        "location_types" => {}
                        other => beyond.push(format!("geo_locations.{other}")),
                    }
                }
            }
            "locales" => {
                let numbers: BTreeSet<i64> = value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
                targeting.languages = locales.iter().filter(|(_, number)| numbers.contains(number)).map(|(iso, _)| iso.clone()).collect();
                if targeting.languages.len() != numbers.len() {
                    beyond.push("locales".to_owned());
                }
            }
            "genders" => targeting.genders = value.as_array().into_iter().flatten().filter_map(gender).collect(),
            "interests" => targeting.interests = texts(value),
            "age_min" | "age_max" => {}
            silent if SILENT.contains(&silent) => {}
            other => beyond.push(other.to_owned()),
        }
    }
    let age = |name: &str, otherwise| standing[name].as_u64().and_then(|age| u8::try_from(age).ok()).unwrap_or(otherwise);
    targeting.ages = Ages::new(age("age_min", ADULT), age("age_max", OLDEST)).ok();
    beyond.sort();
    (plain(&targeting), beyond)
}

/// An id given as text, as number or as an object that has one.
fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(members) => members.get("id").or_else(|| members.get("key")).and_then(id_of),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn gender(value: &Value) -> Option<Gender> {
    match value.as_i64()? {
        1 => Some(Gender::Male),
        2 => Some(Gender::Female),
        _ => None,
    }
}

/// `standing` with what `to` says in place of what it said; everything else stays.
///
/// # Errors
/// [`PlatformError::Unsupported`] that names every part Meta cannot say.
pub(super) fn merged(standing: &Value, to: &Targeting, locales: &Locales) -> Result<Value, PlatformError> {
    let (now, beyond) = read(standing, locales);
    let to = plain(to);
    let mut cannot = Vec::new();
    let mut whole: Map<String, Value> = standing.as_object().cloned().unwrap_or_default();
    let mut places = whole.remove("geo_locations").and_then(|places| places.as_object().cloned()).unwrap_or_default();
    // Refused on the way in, though it may still be shown on the way out.
    places.remove("location_types");
    if !to.keywords.is_empty() {
        cannot.push("keywords: Meta shows ads to people, not to searches".to_owned());
    }
    if to.genders.contains(&Gender::Unknown) {
        cannot.push("gender unknown: Meta names women and men, or everybody".to_owned());
    }
    let set = |list: &mut Map<String, Value>, name: &str, values: Vec<Value>| {
        if values.is_empty() { drop(list.remove(name)) } else { drop(list.insert(name.to_owned(), Value::Array(values))) }
    };
    set(&mut places, "countries", to.countries.iter().map(|country| country.as_str().into()).collect());
    if to.places != now.places {
        set(&mut places, "regions", to.places.iter().map(|key| json!({ "key": key })).collect());
    }
    if places.values().all(|list| list.as_array().is_none_or(Vec::is_empty)) {
        cannot.push("countries: Meta wants at least one place".to_owned());
    }
    if to.languages != now.languages {
        let unknown: Vec<&str> = to.languages.iter().filter(|iso| !locales.contains_key(*iso)).map(String::as_str).collect();
        if !unknown.is_empty() {
            cannot.push(format!("languages {}: Meta's search knows no number of them", unknown.join(", ")));
        }
        if beyond.iter().any(|name| name == "locales") {
            cannot.push("languages: the ad set names others that this version does not know, and they would be lost".to_owned());
        }
        set(&mut whole, "locales", to.languages.iter().filter_map(|iso| Some((*locales.get(iso)?).into())).collect());
    }
    match to.ages {
        Some(ages) => whole.extend([("age_min".to_owned(), ages.min().into()), ("age_max".to_owned(), ages.max().into())]),
        None => {
            whole.remove("age_min");
            whole.remove("age_max");
        }
    }
    // A range that only suggests would widen what is said here.
    whole.remove("age_range");
    set(
        &mut whole,
        "genders",
        to.genders.iter().filter(|gender| **gender != Gender::Unknown).map(|gender| i64::from(*gender == Gender::Female) + 1).map(Value::from).collect(),
    );
    if to.interests != now.interests {
        if beyond.iter().any(|name| name == "flexible_spec") {
            cannot.push("interests: they stand within combinations (flexible_spec) that our words do not say".to_owned());
        }
        let kept = whole.get("interests").and_then(Value::as_array).cloned().unwrap_or_default();
        let one = |id: &String| kept.iter().find(|known| id_of(known).as_ref() == Some(id)).cloned().unwrap_or_else(|| json!({ "id": id }));
        set(&mut whole, "interests", to.interests.iter().map(one).collect());
    }
    if !cannot.is_empty() {
        return Err(PlatformError::Unsupported(cannot.join("; ")));
    }
    whole.insert("geo_locations".to_owned(), Value::Object(places));
    // Asked of every ad set: without the flag a narrowed audience is refused, and with it Meta goes beyond what is said here.
    let mut automation = whole.get("targeting_automation").and_then(Value::as_object).cloned().unwrap_or_default();
    automation.insert("advantage_audience".to_owned(), 0.into());
    whole.insert("targeting_automation".to_owned(), Value::Object(automation));
    Ok(Value::Object(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(countries: &[&str]) -> Targeting {
        Targeting { countries: countries.iter().map(|code| (*code).to_owned()).collect(), ..Targeting::default() }
    }

    fn locales() -> Locales {
        Locales::from([("en".to_owned(), 1_001), ("de".to_owned(), 5)])
    }

    #[test]
    fn what_our_words_do_not_say_survives_an_update_whole() {
        let standing = json!({ "geo_locations": { "countries": ["US"], "cities": [{ "key": "1", "radius": 20 }], "location_types": ["home"] }, "age_min": 25, "age_max": 45,
            "custom_audiences": [{ "id": "77" }], "publisher_platforms": ["facebook"], "interests": [{ "id": "6003", "name": "Tea" }],
            "targeting_automation": { "advantage_audience": 1, "individual_setting": { "age": 1 } } });
        let (now, beyond) = read(&standing, &locales());
        assert_eq!((now.countries.len(), now.ages, now.interests.len()), (1, Ages::new(25, 45).ok(), 1));
        assert_eq!(beyond, ["custom_audiences", "geo_locations.cities", "publisher_platforms"]);
        let to = Targeting {
            languages: ["de".to_owned()].into(),
            genders: [Gender::Female].into(),
            interests: ["6003".to_owned(), "6004".to_owned()].into(),
            ..of(&["DE"])
        };
        let whole = merged(&standing, &to, &locales()).expect("all of it can be said");
        assert_eq!(
            whole,
            json!({ "geo_locations": { "countries": ["DE"], "cities": [{ "key": "1", "radius": 20 }] }, "custom_audiences": [{ "id": "77" }], "publisher_platforms": ["facebook"],
                "locales": [5], "genders": [2], "interests": [{ "id": "6003", "name": "Tea" }, { "id": "6004" }],
                "targeting_automation": { "advantage_audience": 0, "individual_setting": { "age": 1 } } })
        );
        assert_eq!(read(&whole, &locales()).0, plain(&to));
    }

    #[test]
    fn what_meta_cannot_say_is_refused_by_name_and_never_dropped() {
        let keyword = crate::domain::targeting::Keyword { text: "tea".to_owned(), matching: crate::domain::targeting::Match::Exact };
        let to = Targeting { keywords: [keyword].into(), genders: [Gender::Unknown].into(), languages: ["xx".to_owned()].into(), ..Targeting::default() };
        let refused = merged(&json!({}), &to, &locales()).expect_err("refused").to_string();
        for part in ["keywords", "gender unknown", "languages xx", "countries"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        let combined = json!({ "geo_locations": { "countries": ["US"] }, "flexible_spec": [{ "interests": [{ "id": "1" }] }] });
        assert!(merged(&combined, &Targeting { interests: ["2".to_owned()].into(), ..of(&["US"]) }, &locales()).is_err());
        assert_eq!(merged(&combined, &of(&["CA"]), &locales()).expect("kept")["flexible_spec"], combined["flexible_spec"]);
        let foreign = json!({ "geo_locations": { "countries": ["US"] }, "locales": [5, 4_711] });
        assert!(merged(&foreign, &Targeting { languages: ["en".to_owned()].into(), ..of(&["US"]) }, &locales()).is_err());
    }

    #[test]
    fn everybody_of_age_and_all_genders_are_no_restriction() {
        let everybody = Targeting { ages: Ages::new(18, 65).ok(), genders: [Gender::Female, Gender::Male, Gender::Unknown].into(), ..of(&["US"]) };
        let whole = merged(&json!({ "age_min": 30, "genders": [1] }), &everybody, &locales()).expect("said");
        assert_eq!(whole, json!({ "geo_locations": { "countries": ["US"] }, "targeting_automation": { "advantage_audience": 0 } }));
        assert_eq!(read(&whole, &locales()).0, plain(&everybody));
    }
}
