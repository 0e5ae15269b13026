//! What stands below campaigns: ad groups, ads, creatives, and their figures.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::change::{Bid, BidStrategy, Bidding};
use super::entity::{EntityKey, RunStatus};
use super::metrics::Metrics;
use super::money::{Money, MoneyError};
use super::targeting::Targeting;
use crate::clock::ProductTime;

/// One ad group as the platform reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdGroup {
    /// Its key.
    pub key: EntityKey,
    /// The campaign it belongs to.
    pub campaign: EntityKey,
    /// Its name: text from outside.
    pub name: String,
    /// What its owner set.
    pub status: RunStatus,
    /// Whether the platform delivers it.
    pub serving: bool,
    /// How it bids, where it is one of ours to set.
    pub strategy: Option<BidStrategy>,
    /// Its bid, where it has one of its own.
    pub bid: Option<Bid>,
    /// Its own daily budget, where the campaign holds none.
    pub daily_budget: Option<Money>,
    /// Whom it reaches, as far as our vocabulary says it.
    pub targeting: Targeting,
    /// What else narrows its reach, by the platform's names: kept as it is when targeting is changed.
    pub beyond: Vec<String>,
    /// Whether it delivers at some hours only; kept as it is.
    pub dayparted: bool,
}

/// What the platform's review says of an ad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Not done yet.
    Pending,
    /// May be shown.
    Approved,
    /// May be shown to some or in some places.
    Limited,
    /// May not be shown.
    Disapproved,
    /// A state this version does not know: treated as not approved.
    Unknown,
}

/// One ad as the platform reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ad {
    /// Its key. Google's id is `adGroup~ad`.
    pub key: EntityKey,
    /// The ad group it belongs to.
    pub ad_group: EntityKey,
    /// The campaign that one belongs to.
    pub campaign: EntityKey,
    /// Its name: text from outside.
    pub name: String,
    /// What its owner set.
    pub status: RunStatus,
    /// What the review says.
    pub review: Review,
    /// The review's findings in the platform's own words.
    pub findings: Vec<String>,
    /// The page a click leads to, where it has one of its own.
    pub landing_url: Option<String>,
    /// The tracking parameters added to it, as `key=value&…`.
    pub tracking: Option<String>,
    /// The creative it shows, where creatives stand alone.
    pub creative: Option<EntityKey>,
}

/// One creative as the platform reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creative {
    /// Its key.
    pub key: EntityKey,
    /// Its name: text from outside.
    pub name: String,
    /// The page a click leads to.
    pub landing_url: Option<String>,
    /// The tracking parameters added to it.
    pub tracking: Option<String>,
}

/// How one campaign bids and whom it reaches by itself, where its platform keeps that at campaigns: what a change of it expects to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignTerms {
    /// The campaign.
    pub campaign: EntityKey,
    /// How it bids, where that is ours to set.
    pub bidding: Option<Bidding>,
    /// Whom it reaches, as far as our vocabulary says it.
    pub targeting: Targeting,
    /// What else narrows its reach, by the platform's names: kept as it is when targeting is changed.
    pub beyond: Vec<String>,
    /// Whether it delivers at some hours only; kept as it is.
    pub dayparted: bool,
}

/// Everything below the campaigns of one account, and what campaigns keep of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Terms of campaigns, in the order of their keys; none of a platform that keeps bids and targeting at ad groups alone.
    #[serde(default)]
    pub campaigns: Vec<CampaignTerms>,
    /// Ad groups, in the order of their keys.
    pub ad_groups: Vec<AdGroup>,
    /// Ads, in the order of their keys.
    pub ads: Vec<Ad>,
    /// Creatives, where they stand alone, in the order of their keys.
    pub creatives: Vec<Creative>,
}

impl Structure {
    /// Ads that could be shown and lack one of the tracking parameters by which a visit is joined to its campaign: source, medium and campaign id.
    #[must_use]
    pub fn untracked(&self) -> Vec<&Ad> {
        let wanted = ["utm_source", "utm_medium", "utm_id"];
        let tracked = |ad: &Ad| {
            let page = ad.landing_url.as_deref().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
            let creative = ad.creative.as_ref().and_then(|key| self.creatives.iter().find(|creative| creative.key == *key));
            let added = ad.tracking.as_deref().or_else(|| creative?.tracking.as_deref()).unwrap_or_default();
            wanted.iter().all(|key| page.split('&').chain(added.split('&')).any(|pair| pair.split('=').next() == Some(key)))
        };
        self.ads.iter().filter(|ad| ad.status != RunStatus::Ended && !tracked(ad)).collect()
    }

    /// Figures of ads as those of what they show. An ad without a creative of its own, or that is not listed any more, stands for itself. Of a creative
    /// in several ads nobody knows how many people it reached.
    ///
    /// # Errors
    /// [`MoneyError`] when a sum does not fit.
    pub fn by_creative(&self, rows: Vec<ReportRow>) -> Result<Vec<ReportRow>, MoneyError> {
        let shown: BTreeMap<&EntityKey, &EntityKey> = self.ads.iter().filter_map(|ad| Some((&ad.key, ad.creative.as_ref()?))).collect();
        let mut sums: BTreeMap<(EntityKey, NaiveDate, Option<String>), ReportRow> = BTreeMap::new();
        for mut row in rows {
            if let Some(creative) = shown.get(&row.entity) {
                row.entity = (*creative).clone();
            }
            match sums.entry((row.entity.clone(), row.day, row.part.clone())) {
                Entry::Vacant(place) => drop(place.insert(row)),
                Entry::Occupied(mut sum) => {
                    let sum = sum.get_mut();
                    sum.metrics = sum.metrics.checked_add(&row.metrics)?;
                    (sum.reach, sum.frequency) = (None, None);
                    sum.engagements = sum.engagements.zip(row.engagements).and_then(|(a, b)| a.checked_add(b));
                }
            }
        }
        Ok(sums.into_values().collect())
    }
}

/// The level a report is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportLevel {
    /// Campaigns.
    Campaign,
    /// Ad groups.
    AdGroup,
    /// Ads.
    Ad,
    /// What ads show: the creative where creatives stand alone, else the ad itself.
    Creative,
}

/// By what a report is divided beyond entity and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breakdown {
    /// By age.
    Age,
    /// By gender.
    Gender,
    /// By country.
    Country,
    /// By device.
    Device,
    /// By hour of the account's day.
    Hour,
}

/// What a report is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportAsk {
    /// At which level.
    pub level: ReportLevel,
    /// Divided by what; `None`: entity and day alone.
    pub breakdown: Option<Breakdown>,
    /// First day, in the account's zone.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The entity.
    pub entity: EntityKey,
    /// The day, in the account's zone.
    pub day: NaiveDate,
    /// The part of the breakdown in the platform's own words: `25-34`, `female`, `US`, `mobile_app`, `13`.
    pub part: Option<String>,
    /// The figures.
    pub metrics: Metrics,
    /// Different people reached that day, where given.
    pub reach: Option<i64>,
    /// How often each saw it in the mean, where given.
    pub frequency: Option<f64>,
    /// Interactions, where given.
    pub engagements: Option<i64>,
}

/// One change that somebody made on the platform, as it tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// When.
    pub at: ProductTime,
    /// What was changed, where that is an entity of ours.
    pub entity: Option<EntityKey>,
    /// Who, where given: text from outside.
    pub who: Option<String>,
    /// With which tool: text from outside.
    pub tool: String,
    /// What was done, in the platform's words.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ad(id: u32, landing: &str, tracking: Option<&str>) -> Ad {
        let key = |level: &str, id: u32| format!("a:{level}:{id}").parse().expect("a key");
        Ad {
            key: key("ad", id),
            ad_group: key("ad_group", 1),
            campaign: key("campaign", 1),
            name: String::new(),
            status: RunStatus::Active,
            review: Review::Approved,
            findings: Vec::new(),
            landing_url: Some(landing.to_owned()),
            tracking: tracking.map(str::to_owned),
            creative: None,
        }
    }

    #[test]
    fn figures_of_a_creative_are_those_of_its_ads_and_people_are_not_added_up() {
        let creative: EntityKey = "a:creative:9".parse().expect("a key");
        let shows = |id| Ad { creative: Some(creative.clone()), ..ad(id, "", None) };
        let structure = Structure { ads: vec![shows(1), shows(2), ad(3, "", None)], ..Structure::default() };
        let row = |id: u32| ReportRow {
            entity: format!("a:ad:{id}").parse().expect("a key"),
            day: NaiveDate::from_ymd_opt(2026, 1, 5).expect("a day"),
            part: None,
            metrics: Metrics { clicks: i64::from(id), ..Metrics::zero(crate::domain::money::Currency::USD) },
            reach: Some(10),
            frequency: Some(1.5),
            engagements: Some(2),
        };
        let found = structure.by_creative([1, 2, 3, 4].map(row).to_vec()).expect("small numbers");
        let of = |key: &str| found.iter().find(|row| row.entity.to_string() == key).expect("a row");
        assert_eq!((found.len(), of("a:creative:9").metrics.clicks, of("a:creative:9").reach, of("a:creative:9").engagements), (3, 3, None, Some(4)));
        assert_eq!((of("a:ad:3").reach, of("a:ad:4").frequency), (Some(10), Some(1.5)), "what shows nothing that stands alone, or is gone, stands for itself");
    }

    #[test]
    fn an_ad_is_tracked_by_what_its_page_and_its_parameters_say_together() {
        let whole = "utm_source=meta&utm_medium=paid_social&utm_id={{campaign.id}}";
        let ads = vec![
            ad(1, "https://a.example/", Some(whole)),
            ad(2, "https://a.example/?utm_source=meta", Some("utm_medium=x&utm_id=1")),
            ad(3, "https://a.example/", None),
            ad(4, "https://a.example/?utm_source=meta&utm_medium=x", Some("")),
        ];
        let structure = Structure { ads, ..Structure::default() };
        assert_eq!(structure.untracked().iter().map(|ad| ad.key.id.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    }
}
