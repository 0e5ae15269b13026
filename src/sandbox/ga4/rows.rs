//! What the site saw of each campaign and day: fewer conversions than the platforms claim, and later; sessions nobody paid for beside them.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, TimeDelta};

use super::ask::Ask;
use crate::clock::ProductTime;
use crate::domain::entity::Platform;
use crate::sandbox::SandboxProperty;
use crate::sandbox::market::noise::Place;
use crate::sandbox::wire::amount;
use crate::sandbox::world::{World, days};

/// Rows with fewer sessions are withheld for privacy.
const THRESHOLD: i64 = 3;
const NOT_SET: &str = "(not set)";

/// One row of an answer, cells as text.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) dimensions: Vec<String>,
    pub(super) metrics: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    /// Whether small rows were withheld.
    pub(super) thresholded: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    sessions: i64,
    conversions: i64,
    revenue: i64,
    /// As the linked Google Ads account tells of itself.
    ad_clicks: i64,
    ad_cost: i64,
}

impl Seen {
    fn and(self, more: Self) -> Self {
        Self {
            sessions: self.sessions + more.sessions,
            conversions: self.conversions + more.conversions,
            revenue: self.revenue + more.revenue,
            ad_clicks: self.ad_clicks + more.ad_clicks,
            ad_cost: self.ad_cost + more.ad_cost,
        }
    }
}

/// Where sessions came from, as GA4 calls it.
struct Origin {
    platform: Option<Platform>,
    id: String,
    name: String,
    source: &'static str,
    medium: &'static str,
}

impl Origin {
    /// The campaign with this index. The last campaign's clicks carry neither its id nor its name, those of the one before it carry the name alone.
    fn of(world: &World, campaign: usize) -> Self {
        let (known, platform) = (&world.campaigns[campaign], world.owner(campaign).platform);
        let (source, medium) = match platform {
            Platform::Google => ("google", "cpc"),
            Platform::Meta => ("facebook", "paid_social"),
            Platform::Tiktok => ("tiktok", "paid_social"),
        };
        let (id, name) = match world.campaigns.len() - campaign {
            1 => (NOT_SET.to_owned(), "launch_2024_final".to_owned()),
            2 => (NOT_SET.to_owned(), known.name.clone()),
            _ => (known.id.clone(), known.name.clone()),
        };
        Self { platform: Some(platform), id, name, source, medium }
    }

    fn dimension(&self, name: &str, day: NaiveDate) -> String {
        let only = |yes: bool, text: &str| if yes { text.to_owned() } else { NOT_SET.to_owned() };
        let google = self.platform == Some(Platform::Google);
        let manual = self.platform.is_some() && !google;
        match name {
            "date" => day.format("%Y%m%d").to_string(),
            "sessionCampaignId" => self.id.clone(),
            "sessionCampaignName" => self.name.clone(),
            "sessionManualCampaignId" => only(manual, &self.id),
            "sessionManualCampaignName" => only(manual, &self.name),
            "sessionGoogleAdsCampaignId" => only(google, &self.id),
            "sessionGoogleAdsCampaignName" => only(google, &self.name),
            "sessionManualSource" => only(manual, self.source),
            "sessionManualMedium" => only(manual, self.medium),
            "sessionSource" => self.source.to_owned(),
            "sessionMedium" => self.medium.to_owned(),
            _ => format!("{} / {}", self.source, self.medium),
        }
    }
}

/// The type of a metric.
pub(super) fn kind(metric: &str) -> &'static str {
    match metric {
        "sessions" | "ecommercePurchases" | "advertiserAdClicks" => "TYPE_INTEGER",
        "purchaseRevenue" | "totalRevenue" | "advertiserAdCost" => "TYPE_CURRENCY",
        _ => "TYPE_FLOAT",
    }
}

/// What the property counted, as asked for.
pub(super) fn of(world: &mut World, property: &SandboxProperty, ask: &Ask, now: ProductTime) -> Found {
    let mut groups: BTreeMap<Vec<String>, Seen> = BTreeMap::new();
    let mut add = |origin: &Origin, day: NaiveDate, seen: Seen| {
        if ask.filter.as_ref().is_none_or(|filter| filter.admits(&|name| origin.dimension(name, day))) {
            let sum = groups.entry(ask.dimensions.iter().map(|name| origin.dimension(name, day)).collect()).or_default();
            *sum = sum.and(seen);
        }
    };
    let other = |name: &str, source, medium| Origin { platform: None, id: NOT_SET.to_owned(), name: name.to_owned(), source, medium };
    let unpaid = [other("(organic)", "google", "organic"), other("(direct)", "(direct)", "(none)"), other(NOT_SET, NOT_SET, NOT_SET)];
    let known = now - TimeDelta::hours(i64::from(property.delay_h));
    for day in days::between(ask.from, ask.to).filter(|day| days::span(property.time_zone, *day).0 < known) {
        for campaign in 0..world.campaigns.len() {
            let seen = seen(world, property, campaign, day, known);
            if seen.sessions > 0 {
                add(&Origin::of(world, campaign), day, seen);
            }
        }
        for origin in &unpaid {
            add(origin, day, Seen { sessions: 200, conversions: 2, revenue: 60_000_000, ..Seen::default() });
        }
    }
    let before = groups.len();
    groups.retain(|_, seen| seen.sessions >= THRESHOLD);
    let thresholded = groups.len() < before;
    let cell = |metric: &str, seen: &Seen| match metric {
        "sessions" => seen.sessions.to_string(),
        "purchaseRevenue" | "totalRevenue" => amount(seen.revenue, ask.currency),
        "advertiserAdClicks" => seen.ad_clicks.to_string(),
        "advertiserAdCost" => amount(seen.ad_cost, ask.currency),
        "keyEvents" | "ecommercePurchases" => seen.conversions.to_string(),
        event => if event.strip_prefix("keyEvents:") == property.key_events.first().map(String::as_str) { seen.conversions } else { 0 }.to_string(),
    };
    let rows =
        groups.iter().map(|(dimensions, seen)| Row { dimensions: dimensions.clone(), metrics: ask.metrics.iter().map(|name| cell(name, seen)).collect() });
    let mut rows: Vec<Row> = rows.collect();
    for (name, descending) in ask.order.iter().rev() {
        let by_dimension = ask.dimensions.iter().position(|known| known == name);
        let by_metric = ask.metrics.iter().position(|known| known == name);
        rows.sort_by(|a, b| {
            let order = match (by_dimension, by_metric) {
                (Some(at), _) => a.dimensions[at].cmp(&b.dimensions[at]),
                (None, Some(at)) => {
                    let number = |row: &Row| row.metrics[at].parse::<f64>().unwrap_or(0.0);
                    number(a).total_cmp(&number(b))
                }
                (None, None) => std::cmp::Ordering::Equal,
            };
            if *descending { order.reverse() } else { order }
        });
    }
    Found { rows, thresholded }
}

/// What the site saw of a campaign on a day of its account; a fraction of a conversion is drawn, so that the share holds in the mean.
fn seen(world: &mut World, property: &SandboxProperty, campaign: usize, day: NaiveDate, known: ProductTime) -> Seen {
    let figures = world.figures(campaign, day, known);
    let place = Place::of(&[world.seed, i64::try_from(campaign).unwrap_or(0), i64::from(day.num_days_from_ce()), 71]);
    let exact = figures.conversions as f64 * f64::from(property.share_pct) / 100.0;
    let conversions = (exact + place.uniform()).floor() as i64;
    let revenue = if figures.conversions == 0 { 0 } else { figures.value / figures.conversions * conversions };
    let (ad_clicks, ad_cost) = if world.owner(campaign).platform == Platform::Google { (figures.clicks, figures.spend) } else { (0, 0) };
    Seen { sessions: figures.clicks * 9 / 10, conversions, revenue, ad_clicks, ad_cost }
}
