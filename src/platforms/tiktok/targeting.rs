//! Whom an ad group reaches: our vocabulary on one side, TikTok's fields on the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Tiktok;
use super::raw::Raw;
use super::wire::Regions;
use crate::domain::targeting::{Ages, Gender, OLDEST, Targeting, YOUNGEST};
use crate::platforms::PlatformError;

const BANDS: [(u8, u8); 6] = [(13, 17), (18, 24), (25, 34), (35, 44), (45, 54), (55, OLDEST)];
const AGES: [&str; 6] = ["AGE_13_17", "AGE_18_24", "AGE_25_34", "AGE_35_44", "AGE_45_54", "AGE_55_100"];
/// What else narrows the reach of an ad group and is kept as it is.
const BEYOND: [&str; 30] = [
    "actions",
    "audience_ids",
    "audience_rule",
    "blocked_pangle_app_ids",
    "carrier_ids",
    "category_exclusion_ids",
    "contextual_tag_ids",
    "device_model_ids",
    "device_price_ranges",
    "exclude_age_under_eighteen",
    "excluded_audience_ids",
    "excluded_custom_actions",
    "excluded_pangle_audience_package_ids",
    "household_income",
    "included_custom_actions",
    "included_pangle_audience_package_ids",
    "interest_keyword_ids",
    "ios14_targeting",
    "isp_ids",
    "min_android_version",
    "min_ios_version",
    "network_types",
    "operating_systems",
    "purchase_intention_keyword_ids",
    "saved_audience_id",
    "search_keywords",
    "shopping_ads_retargeting_type",
    "spending_power",
    "vertical_sensitivity_id",
    "zipcode_ids",
];
/// Words among those that stand for no restriction.
const NO_RESTRICTION: [&str; 3] = ["UNSET", "ALL", "OFF"];

/// TikTok's ids of countries.
#[derive(Debug, Default)]
pub(super) struct Countries {
    ids: BTreeMap<String, String>,
    codes: BTreeMap<String, String>,
}

impl Countries {
    pub(super) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let ids: BTreeMap<String, String> = pairs.into_iter().collect();
        Self { codes: ids.iter().map(|(code, id)| (id.clone(), code.clone())).collect(), ids }
    }
}

impl Tiktok {
    /// The countries that campaigns of this objective can reach.
    pub(super) async fn countries(&self, objective: &str) -> Result<Countries, PlatformError> {
        let asked = [
            ("advertiser_id", self.spec.platform_id.as_str()),
            ("placements", r#"["PLACEMENT_TIKTOK"]"#),
            ("objective_type", objective),
            ("level_range", "TO_COUNTRY"),
        ];
        let regions: Regions = self.get("tool/region/", &asked).await?;
        let rows = regions.region_info.or(regions.list).unwrap_or_default();
        let countries = rows.into_iter().filter(|row| row.level.as_deref().is_none_or(|level| level == "COUNTRY"));
        Ok(Countries::new(countries.filter_map(|row| Some((row.region_code?, row.location_id?.0)))))
    }
}

/// The same in the one form that equal targetings share: all ages and all genders are no restriction.
pub(super) fn plain(targeting: &Targeting) -> Targeting {
    let mut plain = targeting.clone();
    plain.ages = plain.ages.filter(|ages| (ages.min(), ages.max()) != (YOUNGEST, OLDEST));
    if plain.genders.len() == 3 {
        plain.genders.clear();
    }
    plain
}

/// Whom an ad group reaches, and by which fields beyond our vocabulary it is narrowed.
pub(super) fn read(group: &Raw, countries: &Countries) -> (Targeting, Vec<String>) {
    let mut beyond: Vec<String> = BEYOND.iter().filter(|field| group.says(field)).map(|field| (*field).to_owned()).collect();
    beyond.retain(|field| !group.text(field).is_some_and(|text| NO_RESTRICTION.contains(&text.as_str())));
    let said = group.texts("age_groups");
    let places: Vec<usize> = (0..AGES.len()).filter(|place| said.contains(AGES[*place])).collect();
    let unbroken = places.len() == said.len() && places.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let ages = match (places.first(), places.last()) {
        (Some(first), Some(last)) if unbroken => Ages::new(BANDS[*first].0, BANDS[*last].1).ok(),
        _ => None,
    };
    if !said.is_empty() && !unbroken {
        beyond.push("age_groups".to_owned());
    }
    let genders = match group.text("gender").as_deref() {
        Some("GENDER_FEMALE") => BTreeSet::from([Gender::Female]),
        Some("GENDER_MALE") => BTreeSet::from([Gender::Male]),
        None | Some("GENDER_UNLIMITED") => BTreeSet::new(),
        Some(_) => {
            beyond.push("gender".to_owned());
            BTreeSet::new()
        }
    };
    let (known, places): (BTreeSet<String>, BTreeSet<String>) = group.texts("location_ids").into_iter().partition(|id| countries.codes.contains_key(id));
    let targeting = Targeting {
        countries: known.iter().filter_map(|id| countries.codes.get(id).cloned()).collect(),
        places,
        languages: group.texts("languages"),
        ages,
        genders,
        interests: group.texts("interest_category_ids"),
        keywords: BTreeSet::new(),
    };
    beyond.sort();
    (plain(&targeting), beyond)
}

/// The fields that make what differs between `from` and `to`; `from` without restriction is what a new ad group starts from.
///
/// # Errors
/// [`PlatformError::Unsupported`] naming each part that TikTok cannot say.
pub(super) fn fields(from: &Targeting, to: &Targeting, countries: &Countries) -> Result<Map<String, Value>, PlatformError> {
    let (from, to) = (plain(from), plain(to));
    let (mut fields, mut refused) = (Map::new(), Vec::new());
    if (&from.countries, &from.places) != (&to.countries, &to.places) {
        let mut ids = to.places.clone();
        for code in &to.countries {
            match countries.ids.get(code) {
                Some(id) => drop(ids.insert(id.clone())),
                None => refused.push(format!("countries: TikTok does not offer `{code}` to this account")),
            }
        }
        if ids.is_empty() {
            refused.push("countries and places: TikTok wants at least one".to_owned());
        }
        fields.insert("location_ids".to_owned(), json!(ids));
    }
    if from.languages != to.languages {
        fields.insert("languages".to_owned(), json!(to.languages));
    }
    if from.interests != to.interests {
        fields.insert("interest_category_ids".to_owned(), json!(to.interests));
    }
    if from.ages != to.ages {
        match to.ages.map(|ages| ages.bands(&BANDS)) {
            None => drop(fields.insert("age_groups".to_owned(), json!([]))),
            Some(Some(bands)) => drop(fields.insert("age_groups".to_owned(), bands.into_iter().map(|band| AGES[band]).collect())),
            Some(None) => refused.push("ages: TikTok has the bands 13-17, 18-24, 25-34, 35-44, 45-54 and 55 and above only".to_owned()),
        }
    }
    if from.genders != to.genders {
        let genders: Vec<Gender> = to.genders.iter().copied().collect();
        match genders.as_slice() {
            [] => drop(fields.insert("gender".to_owned(), "GENDER_UNLIMITED".into())),
            [Gender::Female] => drop(fields.insert("gender".to_owned(), "GENDER_FEMALE".into())),
            [Gender::Male] => drop(fields.insert("gender".to_owned(), "GENDER_MALE".into())),
            _ => refused.push("genders: TikTok has women, men or everybody".to_owned()),
        }
    }
    if !to.keywords.is_empty() {
        refused.push("keywords: TikTok has them in search campaigns only".to_owned());
    }
    if refused.is_empty() { Ok(fields) } else { Err(PlatformError::Unsupported(refused.join("; "))) }
}
