//! The platform's own lists of places and languages, as far as this sandbox has them.

use serde_json::json;

use super::rows::Flat;

/// Country codes with the numbers of their geo target constants.
pub(super) const COUNTRIES: [(&str, &str, u32); 22] = [
    ("US", "United States", 2840),
    ("CA", "Canada", 2124),
    ("MX", "Mexico", 2484),
    ("BR", "Brazil", 2076),
    ("GB", "United Kingdom", 2826),
    ("IE", "Ireland", 2372),
    ("DE", "Germany", 2276),
    ("AT", "Austria", 2040),
    ("CH", "Switzerland", 2756),
    ("FR", "France", 2250),
    ("ES", "Spain", 2724),
    ("IT", "Italy", 2380),
    ("NL", "Netherlands", 2528),
    ("BE", "Belgium", 2056),
    ("SE", "Sweden", 2752),
    ("DK", "Denmark", 2208),
    ("PL", "Poland", 2616),
    ("HU", "Hungary", 2348),
    ("CZ", "Czechia", 2203),
    ("JP", "Japan", 2392),
    ("IN", "India", 2356),
    ("AU", "Australia", 2036),
];
/// Smaller places: name, kind, country, number.
const PLACES: [(&str, &str, &str, u32); 4] =
    [("New York", "State", "US", 21_167), ("Boston", "City", "US", 1_018_127), ("Los Angeles", "City", "US", 1_013_962), ("Bavaria", "State", "DE", 20_228)];
const LANGUAGES: [(&str, &str, u32); 12] = [
    ("en", "English", 1000),
    ("de", "German", 1001),
    ("fr", "French", 1002),
    ("es", "Spanish", 1003),
    ("it", "Italian", 1004),
    ("ja", "Japanese", 1005),
    ("da", "Danish", 1009),
    ("nl", "Dutch", 1010),
    ("pt", "Portuguese", 1014),
    ("sv", "Swedish", 1015),
    ("hu", "Hungarian", 1024),
    ("pl", "Polish", 1030),
];

/// Whether a geo target constant exists.
pub(super) fn is_place(id: &str) -> bool {
    COUNTRIES.iter().map(|(.., number)| number).chain(PLACES.iter().map(|(.., number)| number)).any(|number| number.to_string() == id)
}

/// Whether a language constant exists.
pub(super) fn is_language(id: &str) -> bool {
    LANGUAGES.iter().any(|(.., number)| number.to_string() == id)
}

/// The rows of `geo_target_constant`.
pub(super) fn places() -> Vec<Flat> {
    let row = |name: &str, kind: &str, country: &str, number: u32| {
        Flat::from([
            ("geo_target_constant.resource_name", json!(format!("geoTargetConstants/{number}"))),
            ("geo_target_constant.id", json!(number.to_string())),
            ("geo_target_constant.name", json!(name)),
            ("geo_target_constant.country_code", json!(country)),
            ("geo_target_constant.target_type", json!(kind)),
            ("geo_target_constant.status", json!("ENABLED")),
        ])
    };
    let countries = COUNTRIES.iter().map(|(code, name, number)| row(name, "Country", code, *number));
    countries.chain(PLACES.iter().map(|(name, kind, country, number)| row(name, kind, country, *number))).collect()
}

/// The rows of `language_constant`.
pub(super) fn languages() -> Vec<Flat> {
    let row = |(code, name, number): &(&str, &str, u32)| {
        Flat::from([
            ("language_constant.resource_name", json!(format!("languageConstants/{number}"))),
            ("language_constant.id", json!(number.to_string())),
            ("language_constant.code", json!(code)),
            ("language_constant.name", json!(name)),
            ("language_constant.targetable", json!(true)),
        ])
    };
    LANGUAGES.iter().map(row).collect()
}
