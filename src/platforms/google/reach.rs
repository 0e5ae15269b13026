//! Whom a campaign or an ad group reaches: Google keeps places and languages at campaigns, ages, genders and keywords at ad groups, as criteria that
//! are never edited but removed and made anew. What our vocabulary does not know is left as it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::places::{Place, described, tongues};
use super::{Google, places, wire};
use crate::domain::targeting::{Ages, Gender, Keyword, Match, Targeting};
use crate::platforms::PlatformError;

/// Google's age ranges with their first and last age; the last stands for everybody above.
pub(super) const AGES: [(u8, u8); 6] = [(18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 65)];
const AGE_NAMES: [&str; 6] = ["AGE_RANGE_18_24", "AGE_RANGE_25_34", "AGE_RANGE_35_44", "AGE_RANGE_45_54", "AGE_RANGE_55_64", "AGE_RANGE_65_UP"];
const AGE_UNKNOWN: &str = "AGE_RANGE_UNDETERMINED";
const GENDERS: [(Gender, &str); 3] = [(Gender::Female, "FEMALE"), (Gender::Male, "MALE"), (Gender::Unknown, "UNDETERMINED")];
const MATCHES: [(Match, &str); 3] = [(Match::Exact, "EXACT"), (Match::Phrase, "PHRASE"), (Match::Broad, "BROAD")];

/// The fields of criteria that are read, of a campaign or of an ad group.
pub(super) const CAMPAIGN_FIELDS: &str = "campaign.id, campaign_criterion.resource_name, campaign_criterion.criterion_id, campaign_criterion.type, \
     campaign_criterion.negative, campaign_criterion.status, campaign_criterion.location.geo_target_constant, \
     campaign_criterion.language.language_constant, campaign_criterion.keyword.text, campaign_criterion.keyword.match_type";
/// The same of an ad group.
pub(super) const GROUP_FIELDS: &str = "campaign.id, ad_group.id, ad_group_criterion.resource_name, ad_group_criterion.criterion_id, ad_group_criterion.type, \
     ad_group_criterion.negative, ad_group_criterion.status, ad_group_criterion.age_range.type, ad_group_criterion.gender.type, \
     ad_group_criterion.keyword.text, ad_group_criterion.keyword.match_type";

/// One criterion that this program knows how to change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    resource: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Place(String),
    Language(String),
    /// A keyword, and whether it is paused.
    Keyword(Keyword, Pace),
    /// An age range or gender that is excluded, by its name.
    Excluded(&'static str),
    /// The same named as included, which changes nothing.
    Included(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pace {
    Runs,
    Paused,
}

/// Whom something reaches, as far as its own criteria say.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// As our vocabulary says it; places and languages of a campaign, ages, genders and keywords of an ad group.
    pub(super) targeting: Targeting,
    /// What it does not say.
    pub(super) beyond: BTreeSet<String>,
    /// Whether hours are narrowed.
    pub(super) dayparted: bool,
    known: Vec<Known>,
}

/// What the platform's lists say of the constants in some criteria.
#[derive(Default)]
pub(super) struct Names {
    places: BTreeMap<String, Place>,
    languages: BTreeMap<String, String>,
}

impl Names {
    /// Looks up every constant that `rows` name.
    ///
    /// # Errors
    /// As a search.
    pub(super) async fn read(google: &Google, rows: &[wire::Criterion]) -> Result<Self, PlatformError> {
        let ids = |of: fn(&wire::Criterion) -> Option<&str>| -> BTreeSet<String> { rows.iter().filter_map(of).map(str::to_owned).collect() };
        Ok(Self { places: described(google, &ids(place_id)).await?, languages: tongues(google, &ids(language_id)).await? })
    }
}

fn place_id(row: &wire::Criterion) -> Option<&str> {
    row.location.as_ref()?.geo_target_constant.as_deref()?.strip_prefix("geoTargetConstants/")
}

fn language_id(row: &wire::Criterion) -> Option<&str> {
    row.language.as_ref()?.language_constant.as_deref()?.strip_prefix("languageConstants/")
}

impl Reach {
    /// Puts the criteria of one campaign or ad group together.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a wire::Criterion>, names: &Names) -> Self {
        let mut reach = Self::default();
        for row in rows.filter(|row| row.status.as_deref() != Some("REMOVED")) {
            reach.add(row, names);
        }
        reach.settle();
        reach
    }

    fn add(&mut self, row: &wire::Criterion, names: &Names) {
        let (kind, negative) = (row.kind.as_deref().unwrap_or("UNKNOWN"), row.negative == Some(true));
        let what = match kind {
            "LOCATION" if !negative => place_id(row).map(|id| What::Place(id.to_owned())),
            "LANGUAGE" if !negative => language_id(row).filter(|id| names.languages.contains_key(*id)).map(|id| What::Language(id.to_owned())),
            "KEYWORD" if !negative => keyword(row),
            "AGE_RANGE" => row.age_range.as_ref().and_then(|age| demographic(age.kind.as_deref()?, negative)),
            "GENDER" => row.gender.as_ref().and_then(|gender| demographic(gender.kind.as_deref()?, negative)),
            "AD_SCHEDULE" => {
                self.dayparted = true;
                return;
            }
            // Devices stand there by default, and narrow nothing.
            "DEVICE" => return,
            _ => None,
        };
        match (what, &row.resource_name) {
            (Some(what), Some(resource)) => {
                match &what {
                    What::Place(id) => match names.places.get(id) {
                        Some(Place::Country(code)) => drop(self.targeting.countries.insert(code.clone())),
                        Some(Place::Smaller) | None => drop(self.targeting.places.insert(id.clone())),
                    },
                    What::Language(id) => self.targeting.languages.extend(names.languages.get(id).cloned()),
                    What::Keyword(keyword, Pace::Runs) => drop(self.targeting.keywords.insert(keyword.clone())),
                    What::Keyword(_, Pace::Paused) | What::Excluded(_) | What::Included(_) => {}
                }
                self.known.push(Known { resource: resource.clone(), what });
            }
            _ => drop(self.beyond.insert(if negative { format!("negative {kind}") } else { kind.to_owned() })),
        }
    }

    /// Ages and genders follow from what is excluded.
    fn settle(&mut self) {
        let excluded = |name: &str| self.known.iter().any(|known| matches!(&known.what, What::Excluded(other) if *other == name));
        let open: Vec<usize> = (0..AGES.len()).filter(|band| !excluded(AGE_NAMES[*band])).collect();
        let whole = open.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        match (open.first(), open.last(), excluded(AGE_UNKNOWN)) {
            (Some(_), Some(_), false) if open.len() == AGES.len() => {}
            (Some(first), Some(last), true) if whole => self.targeting.ages = Ages::new(AGES[*first].0, AGES[*last].1).ok(),
            _ => drop(self.beyond.insert("AGE_RANGE".to_owned())),
        }
        let genders: BTreeSet<Gender> = GENDERS.iter().filter(|(_, name)| !excluded(gender_mark(name))).map(|(gender, _)| *gender).collect();
        if genders.len() < GENDERS.len() {
            self.targeting.genders = genders;
        }
    }

    /// The operations that make a campaign reach `to` in place of what it reaches; `campaign` is its resource name.
    ///
    /// # Errors
    /// As the look-up of places and languages.
    pub(super) async fn campaign_steps(&self, google: &Google, campaign: &str, to: &Targeting) -> Result<Vec<Value>, PlatformError> {
        let wanted = constants(google, &to.countries, &to.places, &to.languages).await?;
        let mut steps: Vec<Value> = self
            .known
            .iter()
            .filter(|known| matches!(known.what, What::Place(_) | What::Language(_)) && !wanted.contains(&known.what))
            .map(|known| json!({ "remove": known.resource }))
            .collect();
        let new = wanted.into_iter().filter(|what| !self.known.iter().any(|known| known.what == *what));
        steps.extend(new.map(|what| json!({ "create": campaign_criterion(campaign, &what) })));
        Ok(steps)
    }

    /// The operations that make an ad group reach `to`; `group` is its resource name.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`] naming what Google cannot say.
    pub(super) fn group_steps(&self, group: &str, to: &Targeting) -> Result<Vec<Value>, PlatformError> {
        let (mut removed, mut made) = (Vec::new(), Vec::new());
        if to.ages != self.targeting.ages && self.beyond.contains("AGE_RANGE") {
            return Err(PlatformError::Unsupported("ages: the ad group leaves out single ages or people of unknown age, which ours cannot say".to_owned()));
        }
        for (ages, names) in [(true, excluded_ages(to)?), (false, excluded_genders(to))] {
            if (ages && to.ages == self.targeting.ages) || (!ages && to.genders == self.targeting.genders) {
                continue;
            }
            for known in &self.known {
                match &known.what {
                    What::Excluded(name) if is_age(name) == ages && !names.contains(name) => removed.push(json!({ "remove": known.resource })),
                    What::Included(name) if names.contains(name) => removed.push(json!({ "remove": known.resource })),
                    What::Excluded(_) | What::Included(_) | What::Place(_) | What::Language(_) | What::Keyword(..) => {}
                }
            }
            let stands = |name: &str| self.known.iter().any(|known| matches!(&known.what, What::Excluded(other) if *other == name));
            made.extend(names.into_iter().filter(|name| !stands(name)).map(|name| json!({ "create": exclusion(group, name) })));
        }
        for known in &self.known {
            let What::Keyword(keyword, pace) = &known.what else { continue };
            match (to.keywords.contains(keyword), pace) {
                (false, Pace::Runs) => removed.push(json!({ "remove": known.resource })),
                (true, Pace::Paused) => made.push(json!({ "updateMask": "status", "update": { "resourceName": known.resource, "status": "ENABLED" } })),
                (false, Pace::Paused) | (true, Pace::Runs) => {}
            }
        }
        let stands = |keyword: &Keyword| self.known.iter().any(|known| matches!(&known.what, What::Keyword(other, _) if other == keyword));
        for keyword in to.keywords.iter().filter(|keyword| !stands(keyword)) {
            made.push(json!({ "create": keyword_criterion(group, keyword)? }));
        }
        removed.extend(made);
        Ok(removed)
    }
}

/// The criteria of a campaign to be made.
///
/// # Errors
/// As the look-up of places and languages.
pub(super) async fn of_new_campaign(
    google: &Google,
    campaign: &str,
    countries: &BTreeSet<String>,
    languages: &BTreeSet<String>,
) -> Result<Vec<Value>, PlatformError> {
    let wanted = constants(google, countries, &BTreeSet::new(), languages).await?;
    Ok(wanted.iter().map(|what| json!({ "create": campaign_criterion(campaign, what) })).collect())
}

/// The parts of `targeting` that stand at campaigns.
pub(super) fn campaign_part(targeting: &Targeting) -> Targeting {
    Targeting { countries: targeting.countries.clone(), places: targeting.places.clone(), languages: targeting.languages.clone(), ..Targeting::default() }
}

/// The parts of `targeting` that stand at ad groups; all three genders are no restriction.
pub(super) fn group_part(targeting: &Targeting) -> Targeting {
    let genders = if targeting.genders.len() == GENDERS.len() { BTreeSet::new() } else { targeting.genders.clone() };
    Targeting { ages: targeting.ages, genders, keywords: targeting.keywords.clone(), ..Targeting::default() }
}

/// What of `targeting` cannot stand at an ad group, by name.
pub(super) fn not_at_a_group(targeting: &Targeting) -> Vec<&'static str> {
    let named = [
        ("countries", !targeting.countries.is_empty()),
        ("places", !targeting.places.is_empty()),
        ("languages", !targeting.languages.is_empty()),
        ("interests", !targeting.interests.is_empty()),
    ];
    named.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// What of `targeting` cannot stand at a campaign, by name.
pub(super) fn not_at_a_campaign(targeting: &Targeting) -> Vec<&'static str> {
    let named = [
        ("ages", targeting.ages.is_some()),
        ("genders", !targeting.genders.is_empty()),
        ("keywords", !targeting.keywords.is_empty()),
        ("interests", !targeting.interests.is_empty()),
    ];
    named.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

async fn constants(
    google: &Google,
    countries: &BTreeSet<String>,
    smaller: &BTreeSet<String>,
    languages: &BTreeSet<String>,
) -> Result<BTreeSet<What>, PlatformError> {
    if let Some(id) = smaller.iter().find(|id| !crate::platforms::spec::is_number(id)) {
        return Err(PlatformError::Validation(format!("place `{id}`: expected the number of a geo target constant")));
    }
    let mut wanted: BTreeSet<What> = places::countries(google, countries).await?.into_values().map(What::Place).collect();
    wanted.extend(smaller.iter().cloned().map(What::Place));
    wanted.extend(places::languages(google, languages).await?.into_values().map(What::Language));
    Ok(wanted)
}

fn campaign_criterion(campaign: &str, what: &What) -> Value {
    match what {
        What::Language(id) => json!({ "campaign": campaign, "language": { "languageConstant": format!("languageConstants/{id}") } }),
        What::Place(id) => json!({ "campaign": campaign, "location": { "geoTargetConstant": format!("geoTargetConstants/{id}") } }),
        What::Keyword(..) | What::Excluded(_) | What::Included(_) => Value::Null,
    }
}

fn keyword_criterion(group: &str, keyword: &Keyword) -> Result<Value, PlatformError> {
    let text = keyword.text.trim();
    if text.is_empty() || text.chars().count() > 80 || text.split_whitespace().count() > 10 {
        return Err(PlatformError::Validation(format!("keyword `{text}`: Google takes 1 to 80 characters in at most 10 words")));
    }
    let kind = MATCHES.iter().find(|(matching, _)| *matching == keyword.matching).map_or("", |(_, name)| name);
    Ok(json!({ "adGroup": group, "status": "ENABLED", "keyword": { "text": text, "matchType": kind } }))
}

fn exclusion(group: &str, name: &'static str) -> Value {
    let member = if is_age(name) { "ageRange" } else { "gender" };
    json!({ "adGroup": group, "negative": true, member: { "type": name.trim_start_matches("GENDER_") } })
}

fn keyword(row: &wire::Criterion) -> Option<What> {
    let info = row.keyword.as_ref()?;
    let (matching, _) = MATCHES.iter().find(|(_, name)| Some(*name) == info.match_type.as_deref())?;
    let pace = if row.status.as_deref() == Some("PAUSED") { Pace::Paused } else { Pace::Runs };
    Some(What::Keyword(Keyword { text: info.text.clone()?, matching: *matching }, pace))
}

/// Genders carry a prefix of our own here, so that their unknown is not that of ages.
fn gender_mark(name: &str) -> &'static str {
    match name {
        "FEMALE" => "GENDER_FEMALE",
        "MALE" => "GENDER_MALE",
        _ => "GENDER_UNDETERMINED",
    }
}

fn demographic(name: &str, negative: bool) -> Option<What> {
    let known = AGE_NAMES.into_iter().chain([AGE_UNKNOWN]).find(|known| *known == name);
    let name = known.or_else(|| GENDERS.iter().find(|(_, known)| *known == name).map(|(_, known)| gender_mark(known)))?;
    Some(if negative { What::Excluded(name) } else { What::Included(name) })
}

fn is_age(name: &str) -> bool {
    name.starts_with("AGE_RANGE_")
}

fn excluded_ages(to: &Targeting) -> Result<BTreeSet<&'static str>, PlatformError> {
    let Some(ages) = to.ages else { return Ok(BTreeSet::new()) };
    let open = ages.bands(&AGES).ok_or_else(|| {
        PlatformError::Unsupported(format!("ages {}-{}: Google's ranges are 18-24, 25-34, 35-44, 45-54, 55-64 and 65 up", ages.min(), ages.max()))
    })?;
    let closed = (0..AGES.len()).filter(|band| !open.contains(band)).map(|band| AGE_NAMES[band]);
    Ok(closed.chain([AGE_UNKNOWN]).collect())
}

fn excluded_genders(to: &Targeting) -> BTreeSet<&'static str> {
    if to.genders.is_empty() {
        return BTreeSet::new();
    }
    GENDERS.iter().filter(|(gender, _)| !to.genders.contains(gender)).map(|(_, name)| gender_mark(name)).collect()
}
