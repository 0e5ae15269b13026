//! Everything a gateway can send, sent once: every read, and every variant of a change as the daemon takes it (composed, rehearsed, looked for, sent,
//! looked for again).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use adjutant::clock::Clock;
use adjutant::domain::change::{Change, Part};
use adjutant::domain::draft::Mark;
use adjutant::domain::entity::{EntityKey, Level, Objective, RunStatus};
use adjutant::domain::ids::IdGen;
use adjutant::domain::structure::{Breakdown, ReportAsk, ReportLevel, Structure};
use adjutant::platforms::{Gateway, Inventory, Lane, PlatformError, WireRequest};
use chrono::{Days, NaiveDate, TimeDelta};

use super::{START, changes};
use crate::platforms::meta::picture;

/// What of a gateway reaches the platform; each is driven here, so that what it sends is recorded.
pub(super) const DRIVEN: [&str; 11] =
    ["inventory", "daily_metrics", "compose", "rehearse", "look", "structure", "report", "edits", "access", "token_ends", "send"];

/// What stands in an account that changes are tried on.
pub(super) struct Standing {
    pub(super) campaign: EntityKey,
    pub(super) ad_group: Part,
    pub(super) ad: Option<Part>,
}

/// An answer, or `None` of what this version cannot do yet: that has no requests yet, and the day it has, the list of kinds lacks them.
fn possible<T: Debug>(what: &impl Debug, outcome: Result<T, PlatformError>) -> Option<T> {
    match outcome {
        Ok(answer) => Some(answer),
        Err(PlatformError::Unsupported(_)) => None,
        Err(error) => panic!("{what:?}: {error}"),
    }
}

/// A read and a write as credentials of a real account sign them; the sandbox's own, whose pace is its own too, do for the rest.
pub(super) async fn signed(gateway: &Gateway) {
    let found = gateway.inventory().await.expect("an inventory");
    let change = changes::raises(&found).into_iter().next().expect("a budget");
    let request = gateway.prepare(&change, changes::budget_of(&found, &change)).expect("a request");
    gateway.send(request, Duration::from_secs(5), Lane::Ordinary).await.expect("accepted");
}

/// Drives one gateway; `ad_groups` are the ids of the sandbox's ad groups by their campaigns'.
pub(super) async fn everything(gateway: &Gateway, clock: &Clock, ad_groups: &BTreeMap<String, String>, (from, to): (NaiveDate, NaiveDate)) {
    let found = gateway.inventory().await.expect("an inventory");
    let days = gateway.daily_metrics(from, to).await.expect("a report");
    assert!(days.len() > 500, "{}: more than one page", gateway.platform());
    possible(&"access", gateway.access().await);
    possible(&"token_ends", gateway.token_ends().await);
    possible(&"edits", gateway.edits(START - TimeDelta::days(7)).await);
    let levels = [ReportLevel::Campaign, ReportLevel::AdGroup, ReportLevel::Ad];
    let divisions = [None, Some(Breakdown::Age), Some(Breakdown::Gender), Some(Breakdown::Country), Some(Breakdown::Device), Some(Breakdown::Hour)];
    for (level, breakdown) in levels.into_iter().flat_map(|level| divisions.map(|breakdown| (level, breakdown))) {
        let ask = ReportAsk { level, breakdown, from: to - Days::new(2), to };
        possible(&ask, gateway.report(&ask).await);
    }
    // Long enough to be made in the platform's own time, where it offers that.
    let ask = ReportAsk { level: ReportLevel::Ad, breakdown: None, from: to - Days::new(9), to };
    gateway.report(&ask).await.expect("a report");
    let standing = standing(gateway, &found, ad_groups).await;
    let mut trial = Trial { gateway, found: &found, marks: IdGen::seeded(7), tried: BTreeSet::new() };
    for change in changes::updates(&found, &standing) {
        trial.enact(change).await;
    }
    for objective in [Objective::Awareness, Objective::Traffic, Objective::Engagement, Objective::CatalogSales] {
        trial.enact(changes::campaign(&found, objective)).await;
    }
    let campaign = trial.enact(changes::campaign(&found, Objective::Conversions)).await.unwrap_or(standing.campaign);
    let key = trial.enact(changes::ad_group(&found, &campaign)).await;
    let ad_group = key.map_or(standing.ad_group, |key| Part { key, campaign });
    let mut media = Vec::new();
    for change in changes::media(&found, picture().await) {
        media.extend(trial.enact(change).await);
    }
    // Until then a video is not ready for an ad.
    clock.advance(TimeDelta::minutes(5));
    let creative = trial.enact(changes::creative(&found, &media)).await;
    for change in changes::ads(&found, &ad_group, &media, creative) {
        trial.enact(change).await;
    }
    // What was made is read back, while its review lasts.
    possible(&"structure", gateway.structure().await);
    assert_eq!(trial.tried, (0..changes::VARIANTS).collect(), "every variant of a change is tried");
}

async fn standing(gateway: &Gateway, found: &Inventory, ad_groups: &BTreeMap<String, String>) -> Standing {
    let structure = possible(&"structure", gateway.structure().await).unwrap_or_default();
    let campaign = found.campaigns.iter().find(|campaign| campaign.status == RunStatus::Active).expect("an active campaign").key.clone();
    let key = EntityKey { level: Level::AdGroup, id: ad_groups[&campaign.id].clone(), ..campaign.clone() };
    Standing {
        ad: structure.ads.iter().find(|ad| ad.ad_group == key).map(|ad| Part { key: ad.key.clone(), campaign: campaign.clone() }),
        ad_group: Part { key, campaign: campaign.clone() },
        campaign,
    }
}

struct Trial<'a> {
    gateway: &'a Gateway,
    found: &'a Inventory,
    marks: IdGen,
    /// Places of the variants that were tried.
    tried: BTreeSet<usize>,
}

impl Trial<'_> {
    /// One change on the way the daemon takes; what it created.
    async fn enact(&mut self, change: Change) -> Option<EntityKey> {
        self.tried.insert(changes::place(&change));
        let mark = Mark::of(&self.marks.next(START));
        let at_once = change.is_in_inventory() || matches!(change, Change::Status { .. });
        let (change, request) = if at_once {
            let request = possible(&change, self.gateway.prepare(&change, changes::budget_of(self.found, &change)))?;
            (change, request)
        } else {
            let (change, request) = self.compose(change, &mark).await?;
            possible(&change, self.gateway.rehearse(&request).await);
            possible(&change, self.gateway.look(&change, &mark, None).await);
            (change, request)
        };
        let sent = self.gateway.send(request, Duration::from_secs(5), Lane::Ordinary).await;
        let accepted = sent.unwrap_or_else(|error| panic!("{}: {change:?}: {error}", self.gateway.platform()));
        if !at_once {
            possible(&change, self.gateway.look(&change, &mark, None).await);
        }
        let level = match change {
            Change::CreateCampaign(_) => Level::Campaign,
            Change::CreateAdGroup(_) => Level::AdGroup,
            Change::CreateCreative(_) => Level::Creative,
            Change::CreateAd(_) => Level::Ad,
            Change::UploadMedia(_) => Level::Media,
            Change::Budget { .. }
            | Change::Status { .. }
            | Change::PartStatus { .. }
            | Change::Bid { .. }
            | Change::BidStrategy { .. }
            | Change::Targeting { .. } => return None,
        };
        accepted.created.map(|id| EntityKey { account: self.gateway.account().clone(), level, id })
    }

    /// The request of a change that expects what stands there, whatever that is by now.
    async fn compose(&self, change: Change, mark: &Mark) -> Option<(Change, WireRequest)> {
        let bids = matches!(change, Change::Bid { .. } | Change::BidStrategy { .. });
        let expects = bids || matches!(change, Change::Targeting { .. });
        let key = change.entity().filter(|key| expects && key.level == Level::AdGroup);
        let structure = if key.is_some() { possible(&"structure", self.gateway.structure().await).unwrap_or_default() } else { Structure::default() };
        let read = structure.ad_groups.iter().find(|group| Some(&group.key) == key);
        for change in changes::expecting(self.found, &change, read) {
            match self.gateway.compose(&change, mark).await {
                Ok(request) => return Some((change, request)),
                Err(PlatformError::Conflict(_)) => {}
                Err(PlatformError::Unsupported(_)) => return None,
                // Which bids go with what an account has is the client's to say before anything is sent.
                Err(PlatformError::Validation(_)) if bids => return None,
                Err(error) => panic!("{}: {change:?}: {error}", self.gateway.platform()),
            }
        }
        panic!("{}: {change:?} finds nothing it could expect", self.gateway.platform())
    }
}
