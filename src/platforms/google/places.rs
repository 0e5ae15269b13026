//! Countries and languages as Google numbers them: looked up in the platform's own lists, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::Google;
use crate::platforms::PlatformError;
use crate::platforms::spec::is_number;

/// Most ids or codes one query names.
const AT_ONCE: usize = 200;

/// What a geo target constant stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A country, by its ISO code.
    Country(String),
    /// Something smaller.
    Smaller,
}

/// The ids of countries by their ISO codes.
///
/// # Errors
/// [`PlatformError::Validation`] for a code that is none, [`PlatformError::Unsupported`] naming a country that Google does not target.
pub(super) async fn countries(google: &Google, codes: &BTreeSet<String>) -> Result<BTreeMap<String, String>, PlatformError> {
    if let Some(code) = codes.iter().find(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return Err(PlatformError::Validation(format!("`{code}` is no country code: expected two capital letters")));
    }
    let mut found = BTreeMap::new();
    for list in quoted(codes) {
        let query = format!(
            "SELECT geo_target_constant.id, geo_target_constant.country_code, geo_target_constant.target_type FROM geo_target_constant \
             WHERE geo_target_constant.country_code IN ({list}) AND geo_target_constant.target_type = 'Country' AND geo_target_constant.status = 'ENABLED'"
        );
        let places = google.search(&query).await?.into_iter().filter_map(|row| row.geo_target_constant);
        found.extend(places.filter_map(|place| Some((place.country_code?, number(place.id?.0)?))));
    }
    missing(codes, &found, "country")?;
    Ok(found)
}

/// What these constants stand for.
///
/// # Errors
/// As a search.
pub(super) async fn described(google: &Google, ids: &BTreeSet<String>) -> Result<BTreeMap<String, Place>, PlatformError> {
    let mut found = BTreeMap::new();
    for list in quoted(ids) {
        let query = format!(
            "SELECT geo_target_constant.id, geo_target_constant.country_code, geo_target_constant.target_type FROM geo_target_constant \
             WHERE geo_target_constant.id IN ({list})"
        );
        for place in google.search(&query).await?.into_iter().filter_map(|row| row.geo_target_constant) {
            let (Some(id), country) = (place.id, place.target_type.as_deref() == Some("Country")) else { continue };
            found.insert(id.0, place.country_code.filter(|_| country).map_or(Place::Smaller, Place::Country));
        }
    }
    Ok(found)
}

/// The ids of languages by their ISO codes.
///
/// # Errors
/// As [`countries`].
pub(super) async fn languages(google: &Google, codes: &BTreeSet<String>) -> Result<BTreeMap<String, String>, PlatformError> {
    if let Some(code) = codes.iter().find(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_lowercase())) {
        return Err(PlatformError::Validation(format!("`{code}` is no language code: expected two small letters")));
    }
    let mut found = BTreeMap::new();
    for list in quoted(codes) {
        let query = format!(
            "SELECT language_constant.id, language_constant.code FROM language_constant WHERE language_constant.code IN ({list}) \
             AND language_constant.targetable = TRUE"
        );
        let tongues = google.search(&query).await?.into_iter().filter_map(|row| row.language_constant);
        found.extend(tongues.filter_map(|tongue| Some((tongue.code?, number(tongue.id?.0)?))));
    }
    missing(codes, &found, "language")?;
    Ok(found)
}

/// The ISO codes of languages by their ids.
///
/// # Errors
/// As a search.
pub(super) async fn tongues(google: &Google, ids: &BTreeSet<String>) -> Result<BTreeMap<String, String>, PlatformError> {
    let mut found = BTreeMap::new();
    for list in quoted(ids) {
        let query = format!("SELECT language_constant.id, language_constant.code FROM language_constant WHERE language_constant.id IN ({list})");
        let tongues = google.search(&query).await?.into_iter().filter_map(|row| row.language_constant);
        found.extend(tongues.filter_map(|tongue| Some((tongue.id?.0, tongue.code?))));
    }
    Ok(found)
}

fn number(id: String) -> Option<String> {
    Some(id).filter(|id| is_number(id))
}

/// Lists for `IN`; what goes in is digits or letters alone.
fn quoted(words: &BTreeSet<String>) -> Vec<String> {
    let words: Vec<&String> = words.iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric())).collect();
    words.chunks(AT_ONCE).map(|chunk| chunk.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")).collect()
}

fn missing(codes: &BTreeSet<String>, found: &BTreeMap<String, String>, what: &str) -> Result<(), PlatformError> {
    match codes.iter().find(|code| !found.contains_key(*code)) {
        None => Ok(()),
        Some(code) => Err(PlatformError::Unsupported(format!("{what} `{code}`: Google does not target it"))),
    }
}
