//! Whom ads reach, in one vocabulary. What a platform cannot say in it is refused by name, never dropped.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ids::IdError;

/// Youngest age that platforms let one name, in years.
pub const YOUNGEST: u8 = 13;
/// Oldest bound of an age range, in years: it stands for everybody of that age and above.
pub const OLDEST: u8 = 65;

/// Whom to reach. An empty set is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targeting {
    /// Countries as ISO 3166-1 alpha-2, upper case.
    pub countries: BTreeSet<String>,
    /// Smaller places by the platform's own ids: Google geo target constants, Meta region keys, TikTok location ids.
    pub places: BTreeSet<String>,
    /// Languages as ISO 639-1, lower case.
    pub languages: BTreeSet<String>,
    /// Ages; `None` is everybody.
    pub ages: Option<Ages>,
    /// Genders.
    pub genders: BTreeSet<Gender>,
    /// The platform's own interest ids.
    pub interests: BTreeSet<String>,
    /// Search keywords.
    pub keywords: BTreeSet<Keyword>,
}

/// A range of ages in whole years, both ends included; [`OLDEST`] stands for that age and above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Ages {
    min: u8,
    max: u8,
}

impl Ages {
    /// From `min` to `max` years.
    ///
    /// # Errors
    /// [`IdError`] when the range is empty or outside 13 to 65.
    pub fn new(min: u8, max: u8) -> Result<Self, IdError> {
        if min < YOUNGEST || max > OLDEST || min > max {
            return Err(IdError { text: format!("{min}-{max}"), expected: "ages from 13 to 65, the younger first" });
        }
        Ok(Self { min, max })
    }

    /// Youngest age.
    #[must_use]
    pub const fn min(self) -> u8 {
        self.min
    }

    /// Oldest age; [`OLDEST`] stands for that age and above.
    #[must_use]
    pub const fn max(self) -> u8 {
        self.max
    }

    /// The bands of `bands`, each a first and a last age, that make up the range; `None` when it begins or ends within one.
    #[must_use]
    pub fn bands(self, bands: &[(u8, u8)]) -> Option<Vec<usize>> {
        let inside: Vec<usize> = (0..bands.len()).filter(|place| bands[*place].0 >= self.min && bands[*place].1 <= self.max).collect();
        let (first, last) = (bands[*inside.first()?], bands[*inside.last()?]);
        (first.0 == self.min && last.1 == self.max).then_some(inside)
    }
}

impl TryFrom<(u8, u8)> for Ages {
    type Error = IdError;
    fn try_from((min, max): (u8, u8)) -> Result<Self, IdError> {
        Self::new(min, max)
    }
}

impl From<Ages> for (u8, u8) {
    fn from(ages: Ages) -> Self {
        (ages.min, ages.max)
    }
}

/// A gender as platforms target it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Unknown to the platform.
    Unknown,
}

/// How close a search must be to a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The same meaning.
    Exact,
    /// The meaning is contained.
    Phrase,
    /// Related searches too.
    Broad,
}

/// A search keyword. Google: at most 80 characters and 10 words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keyword {
    /// Its words.
    pub text: String,
    /// How close a search must be.
    pub matching: Match,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_ages_is_made_of_whole_bands_or_of_none() {
        let bands = [(13, 17), (18, 24), (25, 34), (35, 44), (45, 54), (55, 65)];
        assert_eq!(Ages::new(18, 34).expect("a range").bands(&bands), Some(vec![1, 2]));
        assert_eq!(Ages::new(13, 65).expect("a range").bands(&bands), Some(vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(Ages::new(20, 34).expect("a range").bands(&bands), None);
        assert_eq!(Ages::new(30, 32).expect("a range").bands(&bands), None);
        assert!(Ages::new(12, 30).is_err() && Ages::new(30, 66).is_err() && Ages::new(40, 30).is_err());
    }
}
