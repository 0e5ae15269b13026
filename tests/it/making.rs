//! What is new goes down the one path too: asked for by a person, agreed to by another, recorded, sent once, found by its mark, paused.

use std::collections::BTreeSet;

use adjutant::domain::change::{Bid, BidStrategy, Bidding, Change, Part};
use adjutant::domain::draft::{AdDraft, AdGroupDraft, CallToAction, CampaignDraft, Content, CreativeDraft, MediaDraft, Medium, Optimisation, Shows};
use adjutant::domain::entity::{EntityKey, Level, Objective, RunStatus};
use adjutant::domain::ids::DecisionId;
use adjutant::domain::structure::{AdGroup, Structure};
use adjutant::domain::targeting::{Ages, Targeting};
use adjutant::domain::ticket::{Role, TicketKind};
use adjutant::domain::verdict::Ruling;
use adjutant::store::StoreError;
use adjutant::supervisor::control::{Control, ControlError, Inquiry, Reply};
use adjutant::supervisor::daemon::Daemon;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::platforms::meta::picture;
use super::running::{NO_PEOPLE, PATIENCE, Running, altered, eventually, status};

/// What differs between the platforms in one tree.
pub(crate) struct Land {
    pub(crate) account: &'static str,
    /// What counts conversions, by the platform's id, and its name of the event.
    optimisation: Option<(&'static str, &'static str)>,
    identity: Option<&'static str>,
}

pub(crate) const LANDS: [Land; 3] = [
    Land { account: "tiktok-main", optimisation: Some(("7100000000000000009", "SHOPPING")), identity: Some("7200000000000000001") },
    Land { account: "meta-main", optimisation: Some(("900100", "PURCHASE")), identity: Some("500600") },
    Land { account: "google-main", optimisation: None, identity: None },
];

const BUDGET: &str = "60 USD";

pub(crate) fn reply(by: &str) -> Reply {
    Reply { by: by.to_owned(), role: Role::Approver, seen: None, note: "as planned".to_owned() }
}

/// A campaign as people ask for it.
pub(crate) fn campaign(account: &str, budget: &str) -> Change {
    Change::CreateCampaign(Box::new(CampaignDraft {
        account: account.parse().expect("a name"),
        name: "Winter sale".to_owned(),
        objective: Objective::Conversions,
        daily_budget: budget.parse().expect("an amount"),
        bidding: None,
        special_categories: Vec::new(),
        eu_political: false,
        flight: None,
        // Google alone keeps countries at the campaign.
        countries: if account == "google-main" { BTreeSet::from(["US".to_owned()]) } else { BTreeSet::new() },
        languages: BTreeSet::new(),
        ad_groups: Vec::new(),
    }))
}

impl Land {
    pub(crate) fn ad_group(&self, campaign: &EntityKey) -> Change {
        // Google keeps countries at the campaign.
        let countries = if self.optimisation.is_some() { BTreeSet::from(["US".to_owned()]) } else { BTreeSet::new() };
        let optimisation = self.optimisation.map(|(source, event)| Optimisation { source: source.to_owned(), event: Some(event.to_owned()) });
        Change::CreateAdGroup(Box::new(AdGroupDraft {
            campaign: campaign.clone(),
            objective: Objective::Conversions,
            name: "Prospecting".to_owned(),
            targeting: Targeting { countries, ages: Ages::new(25, 44).ok(), ..Targeting::default() },
            bidding: None,
            daily_budget: None,
            optimisation,
            flight: None,
            disclosure: None,
        }))
    }

    fn content(&self, media: Vec<EntityKey>) -> Content {
        // A search ad is put together of several; the others show one text, and TikTok no headline.
        let (headlines, texts) = match self.account {
            "google-main" => (3, 2),
            "meta-main" => (1, 1),
            _ => (0, 1),
        };
        let words = |texts: &[&str], most| texts.iter().take(most).map(|text| (*text).to_owned()).collect();
        Content {
            name: "coats".to_owned(),
            headlines: words(&["Warm coats", "Free returns", "Ships today"], headlines),
            texts: words(&["Warm coats for every day.", "Order before noon, wear it tomorrow."], texts),
            landing_url: "https://shop.example/coats".to_owned(),
            call_to_action: (self.account != "google-main").then_some(CallToAction::ShopNow),
            media,
            identity: self.identity.map(str::to_owned),
        }
    }

    pub(crate) async fn image(&self) -> Change {
        let medium = Medium::Image { url: picture().await };
        Change::UploadMedia(Box::new(MediaDraft { account: self.account.parse().expect("a name"), name: "coat".to_owned(), medium }))
    }
}

impl Land {
    /// What Meta keeps apart from the ad.
    pub(crate) fn creative(&self, image: &EntityKey) -> Option<Change> {
        let draft = || CreativeDraft { account: self.account.parse().expect("a name"), content: self.content(vec![image.clone()]) };
        (self.account == "meta-main").then(|| Change::CreateCreative(Box::new(draft())))
    }

    /// What an ad shows elsewhere.
    pub(crate) fn shows(&self, image: EntityKey) -> Shows {
        Shows::Content { content: Box::new(self.content(vec![image])) }
    }
}

pub(crate) fn ad(campaign: &EntityKey, ad_group: &EntityKey, shows: Shows) -> Change {
    Change::CreateAd(Box::new(AdDraft { ad_group: ad_group.clone(), campaign: campaign.clone(), name: "coats".to_owned(), shows }))
}

/// Asked for by one person and agreed to by another; what it made, once it is found.
async fn make(running: &Running, change: Change) -> EntityKey {
    let (id, created) = carry_out(running, change).await;
    created.unwrap_or_else(|| panic!("{id} made nothing"))
}

async fn carry_out(running: &Running, change: Change) -> (DecisionId, Option<EntityKey>) {
    let words = format!("{change:?}");
    let answers = running.ask("ann", vec![change]).await.unwrap_or_else(|error| panic!("{error}: {words}"));
    let answer = answers.first().expect("an answer");
    if let Some(ticket) = answer.ticket {
        running.daemon.approve(ticket, reply("bob")).await.unwrap_or_else(|error| panic!("{error}: {words}"));
    } else {
        let against: Vec<_> = answer.verdicts.iter().filter(|verdict| verdict.ruling != Ruling::Pass).collect();
        assert!(answer.state.is_open(), "{against:?}: {words}");
    }
    let id = answer.decision;
    eventually(&format!("the effect of {words}"), PATIENCE, async || {
        let row = running.decision(id).await;
        let off = matches!(row.state.name(), "failed" | "cancelled" | "denied" | "rejected" | "expired" | "superseded");
        assert!(!off, "{}: {words}: {:?}", row.state.name(), running.bodies(id).await.last());
        // Videos are at work for a while, and settle windows pass in product time.
        running.clock.advance(TimeDelta::seconds(20));
        (row.state.name() == "applied").then_some(())
    })
    .await;
    (id, running.created_by(id).await)
}

async fn structure(running: &Running, account: &str) -> Structure {
    let told = running.daemon.inquire(account.parse().expect("a name"), Inquiry::Structure).await.expect("a structure");
    serde_json::from_value(told["structure"].clone()).expect("a structure")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_that_people_agree_to_is_made_once_paused_and_runs_when_they_say_so_on_every_platform() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for land in &LANDS {
        let before = running.log().await.len();
        let asked = running.ask("ann", vec![campaign(land.account, BUDGET)]).await.expect("an answer");
        assert_eq!(asked[0].state.name(), "escalated", "{asked:?}");
        let ticket = running.tickets().await.into_iter().find(|ticket| Some(ticket.id) == asked[0].ticket).expect("a ticket");
        assert_eq!((ticket.kind, running.log().await.len()), (TicketKind::SpendApproval, before), "nothing is made before somebody has agreed");
        running.daemon.reject(ticket.id, reply("bob")).await.expect("refused");

        let made = make(&running, campaign(land.account, BUDGET)).await;
        running.clock.advance(TimeDelta::minutes(16));
        let found = eventually("the campaign in a whole read", PATIENCE, async || running.campaigns().into_iter().find(|found| found.key == made)).await;
        assert_eq!((found.status, found.objective), (RunStatus::Paused, Objective::Conversions), "{}", land.account);
        assert!(found.name.starts_with("Winter sale [adj-"), "{}", found.name);
        let group = make(&running, land.ad_group(&made)).await;
        let image = make(&running, land.image().await).await;
        assert_eq!(image.level, Level::Media);
        let shows = match land.creative(&image) {
            Some(creative) => Shows::Creative { key: make(&running, creative).await },
            None => land.shows(image),
        };
        let ad = make(&running, ad(&made, &group, shows)).await;
        let stands = structure(&running, land.account).await;
        let shown = stands.ads.iter().find(|shown| shown.key == ad).expect("the ad");
        assert_eq!((shown.status, &shown.ad_group, &shown.campaign), (RunStatus::Paused, &group, &made));
        assert!(stands.untracked().iter().all(|untracked| untracked.key != ad), "{shown:?}");

        for key in [&group, &ad] {
            let part = Part { key: key.clone(), campaign: made.clone() };
            carry_out(&running, Change::PartStatus { part, from: RunStatus::Paused, to: RunStatus::Active }).await;
        }
        let paused = running.campaign(&made);
        carry_out(&running, status(&paused, RunStatus::Active)).await;
        let log = running.log().await;
        let creations = log[before..].iter().filter(|row| row.field == "create" && row.took_effect()).count();
        assert_eq!(creations, if land.account == "meta-main" { 5 } else { 4 }, "{}: each once", land.account);
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_the_account_has_already_is_found_by_what_the_platform_answered() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for land in &LANDS {
        let upload = land.image().await;
        let first = make(&running, upload.clone()).await;
        let again = make(&running, upload).await;
        // Google and Meta keep the same bytes once, under the name they first came by; TikTok keeps both.
        assert_eq!(first == again, land.account != "tiktok-main", "{first} and {again}");
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_answer_is_lost_is_found_by_its_mark_and_never_made_twice() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for land in &LANDS {
        for (kind, applied) in [("reset_after", true), ("duplicate", true), ("reset_before", false)] {
            let before = running.log().await.len();
            running.faults(json!([{ "kind": kind, "methods": "write", "count": 1 }])).await;
            let answers = running.ask("ann", vec![campaign(land.account, BUDGET)]).await.expect("an answer");
            let (id, ticket) = (answers[0].decision, answers[0].ticket.expect("a ticket"));
            running.daemon.approve(ticket, reply("bob")).await.expect("agreed");
            let state = eventually("an outcome", PATIENCE, async || {
                running.clock.advance(TimeDelta::seconds(20));
                let row = running.decision(id).await;
                // Before it is sent it waits for an answer, too.
                let state = if row.changed.is_some() { row.state.name() } else { "waiting" };
                assert!(!matches!(row.state.name(), "cancelled" | "denied"), "{:?}", running.bodies(id).await.last());
                matches!(state, "applied" | "failed" | "escalated").then_some(state)
            })
            .await;
            running.faults(json!([])).await;
            let made = running.log().await[before..].iter().filter(|row| row.field == "create" && row.took_effect()).count();
            // Meta knows no key by which it could tell a request that something on the way has sent twice: two stand there, and a person is asked.
            let twice = kind == "duplicate" && land.account == "meta-main";
            let expected = match (applied, twice) {
                (true, true) => ("escalated", 2),
                (true, false) => ("applied", 1),
                (false, _) => ("failed", 0),
            };
            assert_eq!((state, made), expected, "{} {kind}", land.account);
        }
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bids_strategies_and_targeting_change_on_the_one_path_on_every_platform() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    for land in &LANDS {
        let (stands, google) = (structure(&running, land.account).await, land.account == "google-main");
        let holds = |group: &&AdGroup| group.status == RunStatus::Active && (google || group.daily_budget.is_some());
        let group = stands.ad_groups.iter().find(holds).expect("an ad group that runs");
        let of_campaign = || stands.campaigns.iter().find(|terms| terms.campaign == group.campaign).and_then(|terms| terms.bidding);
        let of_group = || group.strategy.map(|strategy| Bidding { strategy, bid: group.bid });
        // Google bids at the campaign; elsewhere the ad group does that holds the money.
        let (key, from) = if google { (&group.campaign, of_campaign()) } else { (&group.key, of_group()) };
        let amount = |text: &str| if google { Bid::TargetCpa(text.parse().expect("money")) } else { Bid::Cap(text.parse().expect("money")) };
        let strategy = if google { BidStrategy::TargetCpa } else { BidStrategy::CostCap };
        let (part, first) = (Part { key: key.clone(), campaign: group.campaign.clone() }, Bidding { strategy, bid: Some(amount("19 USD")) });
        carry_out(&running, Change::BidStrategy { part: part.clone(), from, to: first }).await;
        carry_out(&running, Change::Bid { part, from: first.bid, to: amount("21 USD") }).await;
        let (part, to) =
            (Part { key: group.key.clone(), campaign: group.campaign.clone() }, Targeting { ages: Ages::new(25, 44).ok(), ..group.targeting.clone() });
        carry_out(&running, Change::Targeting { part, from: Box::new(group.targeting.clone()), to: Box::new(to) }).await;
        let now = structure(&running, land.account).await;
        let read = now.ad_groups.iter().find(|read| read.key == group.key).expect("listed");
        assert_eq!((read.targeting.ages, &read.targeting.countries), (Ages::new(25, 44).ok(), &group.targeting.countries), "{}", land.account);
        let terms = now.campaigns.iter().find(|terms| terms.campaign == group.campaign).and_then(|terms| terms.bidding);
        let bid = if google { terms.and_then(|terms| terms.bid) } else { read.bid };
        assert_eq!(bid, Some(amount("21 USD")), "{}", land.account);
    }
    running.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_otherwise_than_the_change_expects_is_left_alone() {
    let running = Running::start(&altered(&[NO_PEOPLE])).await;
    let stands = structure(&running, "tiktok-main").await;
    let group = stands.ad_groups.iter().find(|group| group.status == RunStatus::Active).expect("an ad group that runs");
    let other = stands.ad_groups.iter().find(|other| other.campaign != group.campaign).expect("another campaign");
    let stop = |key: &EntityKey, campaign: &EntityKey, from| Change::PartStatus {
        part: Part { key: key.clone(), campaign: campaign.clone() },
        from,
        to: RunStatus::Paused,
    };
    let before = running.log().await.len();
    for change in
        [stop(&group.key, &other.campaign, RunStatus::Active), stop(&"tiktok-main:ad_group:99".parse().expect("a key"), &group.campaign, RunStatus::Active)]
    {
        let words = format!("{change:?}");
        let id = running.ask("ann", vec![change]).await.expect("an answer")[0].decision;
        eventually(&words, PATIENCE, async || (running.decision(id).await.state.name() == "cancelled").then_some(())).await;
    }
    assert_eq!(running.log().await.len(), before, "nothing was written");
    carry_out(&running, stop(&group.key, &group.campaign, RunStatus::Active)).await;
    let refused = running.ask("ann", vec![stop(&group.key, &"tiktok-main:campaign:404".parse().expect("a key"), RunStatus::Active)]).await;
    assert!(matches!(refused, Err(ControlError::NotFound(_))), "{refused:?}");
    running.daemon.stop().await;
}

impl Running {
    async fn created_by(&self, id: DecisionId) -> Option<EntityKey> {
        created_by(&self.daemon, id).await
    }

    async fn bodies(&self, id: DecisionId) -> Vec<String> {
        bodies(&self.daemon, id).await
    }
}

/// What a decision's last step says it made.
pub(crate) async fn created_by(daemon: &Daemon, id: DecisionId) -> Option<EntityKey> {
    bodies(daemon, id).await.iter().rev().find_map(|body| found_in(&serde_json::from_str::<Value>(body).ok()?))
}

/// What is written of a decision, oldest first.
pub(crate) async fn bodies(daemon: &Daemon, id: DecisionId) -> Vec<String> {
    let bodies = daemon.store().read(|mut tx| async move {
        let mut bodies = Vec::new();
        for step in tx.steps_of(&id.to_string()).await? {
            bodies.extend(tx.body(&step.body_hash).await?);
        }
        Ok::<_, StoreError>(bodies)
    });
    bodies.await.expect("readable rows")
}

/// The key that stands under `created`, however deep.
fn found_in(value: &Value) -> Option<EntityKey> {
    match value {
        Value::Object(fields) => fields.get("created").and_then(Value::as_str).and_then(|key| key.parse().ok()).or_else(|| fields.values().find_map(found_in)),
        Value::Array(items) => items.iter().find_map(found_in),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
