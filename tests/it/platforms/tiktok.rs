//! TikTok from the campaign down to the figures of an ad: made, found again, changed part by part, read.

use std::collections::{BTreeMap, BTreeSet};

use adjutant::domain::change::{Bid, BidStrategy, Bidding, Part};
use adjutant::domain::draft::{AdDraft, AdGroupDraft, CallToAction, CampaignDraft, Content, Mark, MediaDraft, Medium, Optimisation, Shows};
use adjutant::domain::entity::{EntityKey, Objective};
use adjutant::domain::ids::IdGen;
use adjutant::domain::structure::{Breakdown, ReportAsk, ReportLevel, Review};
use adjutant::domain::targeting::{Ages, Gender, Targeting};
use adjutant::platforms::Sight;

use super::*;

/// A stand on TikTok with marks to make.
struct Maker {
    stand: Stand,
    marks: IdGen,
}

impl Maker {
    async fn new() -> Self {
        Self { stand: stand(Platform::Tiktok, Currency::USD).await, marks: IdGen::seeded(11) }
    }

    fn mark(&mut self) -> Mark {
        Mark::of(&self.marks.next(START))
    }

    /// Composes, finds nothing of it yet, sends, and finds it.
    async fn enact(&mut self, change: &Change) -> Option<EntityKey> {
        let mark = self.mark();
        let gateway = &self.stand.gateway;
        let request = gateway.compose(change, &mark).await.expect("a request");
        assert_eq!(gateway.look(change, &mark, None).await.expect("a look"), Sight::Before, "{change:?}");
        gateway.rehearse(&request).await.expect("nothing against it");
        let accepted = gateway.send(request, WITHIN, Lane::Ordinary).await.expect("accepted");
        let sight = gateway.look(change, &mark, None).await.expect("a look");
        if sight == Sight::Working {
            self.stand.clock.advance(TimeDelta::minutes(3));
        }
        let Sight::Done { created } = gateway.look(change, &mark, None).await.expect("a look") else { panic!("{change:?} is not found, but {sight:?}") };
        assert_eq!(created.as_ref().map(|key| key.id.clone()), accepted.created, "the answer and the look name the same");
        created
    }

    /// Sends and loses the answer; what a look finds then.
    async fn lose(&mut self, change: &Change, kind: &str) -> Sight {
        let mark = self.mark();
        let request = self.stand.gateway.compose(change, &mark).await.expect("a request");
        self.stand.fault(json!({ "kind": kind, "methods": "write", "count": 1 })).await;
        let outcome = self.stand.gateway.send(request, Duration::from_millis(800), Lane::Ordinary).await;
        if !matches!(kind, "duplicate" | "clip") {
            assert_eq!(code(outcome), "UNKNOWN", "{kind}");
        }
        self.stand.clock.advance(TimeDelta::minutes(3));
        self.stand.gateway.look(change, &mark, None).await.expect("a look")
    }

    async fn refusal(&mut self, change: &Change) -> PlatformError {
        let mark = self.mark();
        self.stand.gateway.compose(change, &mark).await.expect_err("refused")
    }

    /// A tree down to its ad.
    async fn tree(&mut self) -> Tree {
        let campaign = self.enact(&campaign(Objective::Conversions)).await.expect("a campaign");
        let ad_group = self.enact(&ad_group(&campaign)).await.expect("an ad group");
        let image = self.enact(&image("cover")).await.expect("an image");
        let video = self.enact(&video("coats")).await.expect("a video");
        let ad = self.enact(&ad(&campaign, &ad_group, vec![video, image], "Warm coats")).await.expect("an ad");
        Tree { campaign, ad_group, ad }
    }
}

struct Tree {
    campaign: EntityKey,
    ad_group: EntityKey,
    ad: EntityKey,
}

impl Tree {
    fn part(&self, key: &EntityKey) -> Part {
        Part { key: key.clone(), campaign: self.campaign.clone() }
    }
}

fn usd(text: &str) -> Money {
    format!("{text} USD").parse().expect("a literal amount")
}

fn campaign(objective: Objective) -> Change {
    Change::CreateCampaign(Box::new(CampaignDraft {
        account: "main".parse().expect("a literal"),
        name: "Autumn sale".to_owned(),
        objective,
        daily_budget: usd("120.50"),
        bidding: None,
        special_categories: Vec::new(),
        eu_political: false,
        flight: None,
        countries: Default::default(),
        languages: Default::default(),
        ad_groups: Vec::new(),
    }))
}

fn americans() -> Targeting {
    Targeting { countries: ["US".to_owned()].into(), ages: Ages::new(25, 44).ok(), ..Targeting::default() }
}

fn ad_group(campaign: &EntityKey) -> Change {
    Change::CreateAdGroup(Box::new(AdGroupDraft {
        campaign: campaign.clone(),
        objective: Objective::Conversions,
        name: "Prospecting".to_owned(),
        targeting: americans(),
        bidding: Some(Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("12.50"))) }),
        daily_budget: None,
        optimisation: Some(Optimisation { source: "7100000000000000009".to_owned(), event: Some("SHOPPING".to_owned()) }),
        flight: None,
        disclosure: None,
    }))
}

fn image(name: &str) -> Change {
    let medium = Medium::Image { url: format!("https://cdn.example/{name}.jpg") };
    Change::UploadMedia(Box::new(MediaDraft { account: "main".parse().expect("a literal"), name: name.to_owned(), medium }))
}

fn video(name: &str) -> Change {
    let medium = Medium::Video { url: format!("https://cdn.example/{name}.mp4") };
    Change::UploadMedia(Box::new(MediaDraft { account: "main".parse().expect("a literal"), name: name.to_owned(), medium }))
}

fn ad(campaign: &EntityKey, ad_group: &EntityKey, media: Vec<EntityKey>, text: &str) -> Change {
    let content = Content {
        name: "coats".to_owned(),
        headlines: Vec::new(),
        texts: vec![text.to_owned()],
        landing_url: "https://shop.example/coats".to_owned(),
        call_to_action: Some(CallToAction::ShopNow),
        media,
        identity: Some("7200000000000000001".to_owned()),
    };
    Change::CreateAd(Box::new(AdDraft {
        ad_group: ad_group.clone(),
        campaign: campaign.clone(),
        name: "coats-v1".to_owned(),
        shows: Shows::Content { content: Box::new(content) },
    }))
}

#[tokio::test]
async fn a_tree_is_made_paused_and_delivers_once_it_is_let_run_and_reviewed() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    let structure = maker.stand.gateway.structure().await.expect("a structure");
    let group = structure.ad_groups.iter().find(|group| group.key == tree.ad_group).expect("the ad group");
    assert_eq!((group.status, group.serving, &group.campaign), (RunStatus::Paused, false, &tree.campaign));
    assert_eq!((group.strategy, group.bid, &group.targeting), (Some(BidStrategy::CostCap), Some(Bid::Cap(usd("12.50"))), &americans()));
    let made = structure.ads.iter().find(|ad| ad.key == tree.ad).expect("the ad");
    assert_eq!((made.status, made.review, &made.ad_group), (RunStatus::Paused, Review::Unknown, &tree.ad_group));
    assert!(made.tracking.as_deref().is_some_and(|tracking| tracking.contains("utm_id=__CAMPAIGN_ID__")) && structure.untracked().is_empty());
    let found = maker.stand.inventory().await;
    let campaign = found.campaigns.iter().find(|campaign| campaign.key == tree.campaign).expect("the campaign");
    assert_eq!((campaign.status, campaign.objective), (RunStatus::Paused, Objective::Conversions));

    let on = |key: &EntityKey| Change::PartStatus { part: tree.part(key), from: RunStatus::Paused, to: RunStatus::Active };
    maker.enact(&on(&tree.ad_group)).await;
    maker.enact(&on(&tree.ad)).await;
    let start = Change::Status { entity: tree.campaign.clone(), from: RunStatus::Paused, to: RunStatus::Active };
    maker.stand.send(&start, None).await.expect("accepted");
    maker.stand.clock.advance(TimeDelta::days(2));
    let today = maker.stand.clock.now().date_in(chrono_tz::America::New_York);
    let structure = maker.stand.gateway.structure().await.expect("a structure");
    let ad = structure.ads.iter().find(|ad| ad.key == tree.ad).expect("the ad");
    assert_eq!((ad.status, ad.review), (RunStatus::Active, Review::Approved));
    let ask = ReportAsk { level: ReportLevel::Ad, breakdown: None, from: today - Days::new(1), to: today - Days::new(1) };
    let rows = maker.stand.gateway.report(&ask).await.expect("a report");
    assert!(rows.iter().any(|row| row.entity == tree.ad && row.metrics.spend.micros() > 0), "it delivers");
    assert_eq!(maker.stand.log().await.iter().filter(|row| row["field"] == "create").count(), 5);
}

#[tokio::test]
async fn whatever_became_of_an_answer_a_look_settles_it_and_nothing_is_made_twice() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    let image_key = maker.enact(&image("other")).await.expect("an image");
    let changes = [
        campaign(Objective::Traffic),
        ad_group(&tree.campaign),
        image("lost"),
        video("lost"),
        ad(&tree.campaign, &tree.ad_group, vec![image_key], "Lost"),
        Change::PartStatus { part: tree.part(&tree.ad), from: RunStatus::Paused, to: RunStatus::Active },
    ];
    for change in &changes {
        for kind in ["reset_before", "http_500"] {
            assert_eq!(maker.lose(change, kind).await, Sight::Before, "{kind} {change:?}");
        }
        assert!(matches!(maker.lose(change, "reset_after").await, Sight::Done { .. }), "{change:?}");
    }
    for change in &changes[..4] {
        assert!(matches!(maker.lose(change, "duplicate").await, Sight::Done { created: Some(_) }), "one, not two: {change:?}");
    }
    let twice = maker.lose(&changes[4], "duplicate").await;
    assert!(matches!(&twice, Sight::Other(what) if what.contains("2 of ad")), "TikTok knows no repeated ad: {twice:?}");
}

#[tokio::test]
async fn a_bid_a_strategy_and_a_targeting_change_alone_and_keep_what_we_do_not_know() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    let raw = |state: &Value| {
        let things = state["things"].as_array().expect("things").clone();
        things.into_iter().find(|thing| thing["level"] == "ad_group" && thing["id"] == tree.ad_group.id.as_str()).expect("the ad group")["facts"].clone()
    };
    let bid = Change::Bid { part: tree.part(&tree.ad_group), from: Some(Bid::Cap(usd("12.50"))), to: Bid::Cap(usd("13.75")) };
    maker.enact(&bid).await;
    assert!(matches!(
        maker.refusal(&Change::Bid { part: tree.part(&tree.ad_group), from: Some(Bid::Cap(usd("12.50"))), to: Bid::Cap(usd("14")) }).await,
        PlatformError::Conflict(_)
    ));
    let cut = Change::Bid { part: tree.part(&tree.ad_group), from: Some(Bid::Cap(usd("13.75"))), to: Bid::Cap(usd("15")) };
    assert!(matches!(maker.lose(&cut, "clip").await, Sight::Other(what) if what.contains("13.5")), "what was cut is neither before nor done");
    maker.enact(&Change::Bid { part: tree.part(&tree.ad_group), from: Some(Bid::Cap(usd("13.50"))), to: Bid::Cap(usd("13.75")) }).await;
    let to = Targeting { genders: [Gender::Female].into(), languages: ["en".to_owned()].into(), ages: Ages::new(18, 65).ok(), ..americans() };
    let targeting = |to: Targeting| Change::Targeting { part: tree.part(&tree.ad_group), from: Box::new(americans()), to: Box::new(to) };
    maker.enact(&targeting(to.clone())).await;
    let facts = raw(&maker.stand.door(reqwest::Method::GET, "state", None).await);
    assert_eq!(facts["bid"]["conversion_bid_price"], 13.75);
    assert_eq!(facts["targeting"]["age_groups"], json!(["AGE_18_24", "AGE_25_34", "AGE_35_44", "AGE_45_54", "AGE_55_100"]));
    assert_eq!((&facts["targeting"]["gender"], &facts["targeting"]["location_ids"]), (&json!("GENDER_FEMALE"), &json!(["6252001"])));
    for (to, part) in
        [(Targeting { ages: Ages::new(20, 30).ok(), ..americans() }, "ages"), (Targeting { countries: ["ZZ".to_owned()].into(), ..americans() }, "countries")]
    {
        let change = Change::Targeting { part: tree.part(&tree.ad_group), from: Box::new(to.clone()), to: Box::new(to) };
        let error = maker.refusal(&change).await;
        assert!(matches!(error, PlatformError::Conflict(_)), "{part}: what stands is asked first: {error}");
    }
    let now =
        Change::Targeting { part: tree.part(&tree.ad_group), from: Box::new(to), to: Box::new(Targeting { ages: Ages::new(20, 30).ok(), ..americans() }) };
    assert!(matches!(maker.refusal(&now).await, PlatformError::Unsupported(what) if what.starts_with("ages")));
    let strategy = |to| Change::BidStrategy {
        part: tree.part(&tree.ad_group),
        from: Some(Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("13.75"))) }),
        to: Bidding { strategy: to, bid: None },
    };
    assert!(matches!(maker.refusal(&strategy(BidStrategy::LowestCost)).await, PlatformError::Unsupported(what) if what.contains("hold the budget")));
    assert!(matches!(maker.refusal(&strategy(BidStrategy::HighestValue)).await, PlatformError::Unsupported(what) if what.contains("keeps the goal")));
    let rows = maker.stand.log().await;
    let fields: Vec<&str> = rows.iter().rev().take(2).rev().filter_map(|row| row["field"].as_str()).collect();
    assert_eq!(fields, ["bid", "targeting"]);
}

#[tokio::test]
async fn an_ad_group_that_holds_its_money_changes_its_strategy_and_keeps_its_hours() {
    let mut maker = Maker::new().await;
    let found = maker.stand.inventory().await;
    let budget = steerable(&found, Level::AdGroup).expect("an ad group's budget");
    let part = Part { key: budget.budget.key.clone(), campaign: budget.budget.members[0].clone() };
    let hours = format!("{}{}", "1".repeat(168), "0".repeat(168));
    let body = json!({
        "advertiser_id": maker.stand.account, "adgroup_id": part.key.id, "location_ids": ["6252001", "719819"], "schedule_type": "SCHEDULE_FROM_NOW",
        "schedule_start_time": "2025-12-01 00:00:00", "dayparting": hours, "operating_systems": ["IOS"], "comment_disabled": true,
    });
    let url = format!("{}/open_api/v1.3/adgroup/update/", maker.stand.sandbox.base_url());
    #[expect(clippy::disallowed_methods, reason = "a person's own tool")]
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    client.post(url).header("access-token", "sandbox-person").json(&body).send().await.expect("the sandbox answers");
    let capped = Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("9.99"))) };
    maker.enact(&Change::BidStrategy { part: part.clone(), from: None, to: capped }).await;
    let group = maker.stand.gateway.structure().await.expect("a structure").ad_groups.into_iter().find(|group| group.key == part.key).expect("it stands");
    assert_eq!((group.strategy, group.bid), (Some(capped.strategy), capped.bid));
    assert_eq!(group.targeting.countries, ["HU".to_owned(), "US".to_owned()].into());
    assert_eq!((group.beyond.as_slice(), group.dayparted), (&["operating_systems".to_owned()][..], true));
    assert_eq!(group.daily_budget, Some(budget.amount), "money is never part of it");
    maker.enact(&Change::BidStrategy { part, from: Some(capped), to: Bidding { strategy: BidStrategy::LowestCost, bid: None } }).await;
    let state = maker.stand.door(reqwest::Method::GET, "state", None).await;
    let facts = &state["things"].as_array().expect("things").iter().find(|thing| thing["id"] == group.key.id.as_str()).expect("it stands")["facts"];
    assert_eq!((&facts["settings"]["dayparting"], &facts["settings"]["comment_disabled"]), (&json!(hours), &json!(true)));
}

#[tokio::test]
async fn a_part_of_another_campaign_or_status_is_a_conflict() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    let other = maker.stand.inventory().await.campaigns[0].key.clone();
    let change = |part, from| Change::PartStatus { part, from, to: RunStatus::Active };
    let strange = change(Part { key: tree.ad.clone(), campaign: other.clone() }, RunStatus::Paused);
    assert!(matches!(maker.refusal(&strange).await, PlatformError::Conflict(what) if what.contains("belongs to campaign")));
    let mark = maker.mark();
    assert!(matches!(maker.stand.gateway.look(&strange, &mark, None).await, Ok(Sight::Other(_))));
    assert!(matches!(maker.refusal(&change(tree.part(&tree.ad_group), RunStatus::Ended)).await, PlatformError::Conflict(_)));
    let nobody = change(tree.part(&EntityKey { id: "9".to_owned(), ..tree.ad.clone() }), RunStatus::Paused);
    assert!(matches!(maker.refusal(&nobody).await, PlatformError::NotFound(_)));
    assert_eq!(maker.stand.gateway.look(&nobody, &mark, None).await.expect("a look"), Sight::Gone);
    assert!(matches!(maker.refusal(&ad(&other, &tree.ad_group, Vec::new(), "x")).await, PlatformError::Conflict(_)));
}

#[tokio::test]
async fn what_tiktok_cannot_say_is_refused_by_name_and_a_video_is_waited_for() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    for objective in [Objective::CatalogSales, Objective::Other] {
        assert!(matches!(maker.refusal(&campaign(objective)).await, PlatformError::Unsupported(_)));
    }
    for objective in [Objective::Awareness, Objective::Traffic, Objective::Engagement] {
        maker.enact(&campaign(objective)).await.expect("a campaign");
    }
    let mark = maker.mark();
    let fresh = video("fresh");
    let request = maker.stand.gateway.compose(&fresh, &mark).await.expect("a request");
    let video_id = maker.stand.gateway.send(request, WITHIN, Lane::Ordinary).await.expect("accepted").created.expect("an id");
    assert_eq!(maker.stand.gateway.look(&fresh, &mark, None).await.expect("a look"), Sight::Working);
    let cover = maker.enact(&image("cover 2")).await.expect("an image");
    let video_key = EntityKey { level: Level::Media, id: video_id, ..tree.ad.clone() };
    let early = ad(&tree.campaign, &tree.ad_group, vec![video_key.clone(), cover], "x");
    assert!(matches!(maker.refusal(&early).await, PlatformError::Transient(what) if what.contains("transcoded")));
    maker.stand.clock.advance(TimeDelta::minutes(3));
    maker.enact(&early).await.expect("an ad");
    let bare = ad(&tree.campaign, &tree.ad_group, vec![video_key], "x");
    assert!(matches!(maker.refusal(&bare).await, PlatformError::Validation(what) if what.contains("cover")));
    for url in ["ftp://cdn.example/a.jpg", "http://cdn.example/a.jpg"] {
        let medium = Medium::Image { url: url.to_owned() };
        let change = Change::UploadMedia(Box::new(MediaDraft { account: "main".parse().expect("a literal"), name: "x".to_owned(), medium }));
        assert!(matches!(maker.refusal(&change).await, PlatformError::Validation(_)), "{url}");
    }
}

#[tokio::test]
async fn an_ad_that_review_refuses_says_why() {
    let mut maker = Maker::new().await;
    let tree = maker.tree().await;
    let cover = maker.enact(&image("claim")).await.expect("an image");
    let ad = maker.enact(&ad(&tree.campaign, &tree.ad_group, vec![cover], "A forbidden-claim")).await.expect("an ad");
    maker.stand.clock.advance(TimeDelta::hours(3));
    let structure = maker.stand.gateway.structure().await.expect("a structure");
    let ad = structure.ads.iter().find(|read| read.key == ad).expect("it stands");
    assert_eq!(ad.review, Review::Disapproved);
    assert!(ad.findings.iter().any(|finding| finding.contains("Misleading")), "{:?}", ad.findings);
}

#[tokio::test]
async fn reports_add_up_over_levels_and_parts() {
    let stand = stand(Platform::Tiktok, Currency::USD).await;
    let today = START.date_in(chrono_tz::America::New_York);
    let (from, to) = (today - Days::new(40), today - Days::new(2));
    let mut sums = BTreeMap::new();
    for day in stand.gateway.daily_metrics(from, to).await.expect("figures") {
        *sums.entry(day.day).or_insert(0) += day.metrics.spend.micros();
    }
    for level in [ReportLevel::Campaign, ReportLevel::AdGroup, ReportLevel::Ad, ReportLevel::Creative] {
        for breakdown in [None, Some(Breakdown::Age), Some(Breakdown::Gender), Some(Breakdown::Country), Some(Breakdown::Device)] {
            let rows = stand.gateway.report(&ReportAsk { level, breakdown, from, to }).await.expect("a report");
            let mut found = BTreeMap::new();
            for row in &rows {
                *found.entry(row.day).or_insert(0) += row.metrics.spend.micros();
                assert_eq!(row.part.is_some(), breakdown.is_some());
                assert_eq!((row.reach.is_some(), row.engagements.is_some()), (breakdown.is_none(), breakdown.is_none()));
            }
            assert_eq!(found, sums, "{level:?} {breakdown:?}");
        }
    }
    let hours = ReportAsk { level: ReportLevel::Campaign, breakdown: Some(Breakdown::Hour), from: to, to };
    let rows = stand.gateway.report(&hours).await.expect("a report");
    assert_eq!(rows.iter().map(|row| row.metrics.spend.micros()).sum::<i64>(), sums[&to]);
    assert!(rows.iter().any(|row| row.part.as_deref() == Some("13")));
}

#[tokio::test]
async fn a_report_that_would_be_cut_short_is_read_in_parts_that_are_not() {
    let (whole, small) = (stand(Platform::Tiktok, Currency::USD).await, |config: &mut SandboxConfig| config.report_ids = 3);
    let parts = stand_as(Platform::Tiktok, Currency::USD, Credentials::Sandbox, small, |_| ()).await;
    let today = START.date_in(chrono_tz::America::New_York);
    let (from, to) = (today - Days::new(12), today - Days::new(2));
    let expected = whole.gateway.daily_metrics(from, to).await.expect("figures");
    assert!(expected.iter().map(|day| &day.entity).collect::<BTreeSet<_>>().len() > 3, "more campaigns than one report covers");
    assert_eq!(parts.gateway.daily_metrics(from, to).await.expect("figures"), expected);
    for (level, breakdown) in [(ReportLevel::Ad, None), (ReportLevel::Campaign, Some(Breakdown::Age))] {
        let ask = ReportAsk { level, breakdown, from, to };
        assert_eq!(parts.gateway.report(&ask).await.expect("a report"), whole.gateway.report(&ask).await.expect("a report"), "{level:?}");
    }
    let none = |config: &mut SandboxConfig| config.report_ids = 0;
    let nothing = stand_as(Platform::Tiktok, Currency::USD, Credentials::Sandbox, none, |_| ()).await;
    assert_eq!(nothing.gateway.daily_metrics(from, to).await.expect_err("one campaign alone is cut short").code(), "VALIDATION");
}

#[tokio::test]
async fn access_tells_what_the_token_may_do_and_edits_are_not_told() {
    let stand = stand(Platform::Tiktok, Currency::USD).await;
    let access = stand.gateway.access().await.expect("an answer");
    assert_eq!((access.rights.len(), access.missing.as_slice(), access.token_ends), (5, &[][..], None));
    assert!(access.left.iter().any(|(what, left)| what == "ad groups" && (0.9..1.0).contains(left)));
    assert_eq!(stand.gateway.edits(START).await.expect("an answer"), None);
}
