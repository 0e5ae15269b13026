//! Meta below campaigns: creations found by their mark, changes that keep what they are not about, figures that add up, edits with who made them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use adjutant::domain::change::{Bid, BidStrategy, Bidding, Part};
use adjutant::domain::draft::{
    AdDraft, AdGroupDraft, CallToAction, CampaignDraft, Content, CreativeDraft, Disclosure, Flight, Mark, MediaDraft, Medium, Optimisation, Shows,
};
use adjutant::domain::entity::{EntityKey, Objective};
use adjutant::domain::ids::IdGen;
use adjutant::domain::structure::{Breakdown, ReportAsk, ReportLevel, Review, Structure};
use adjutant::domain::targeting::{Ages, Gender, Targeting};
use adjutant::platforms::Sight;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

async fn here() -> Stand {
    stand(Platform::Meta, Currency::USD).await
}

/// The mark of the `number`th creation.
fn mark(number: u64) -> Mark {
    Mark::of(&IdGen::seeded(number).next(START))
}

fn usd(text: &str) -> Money {
    format!("{text} USD").parse().expect("a literal")
}

fn key(level: Level, id: &str) -> EntityKey {
    EntityKey { account: "main".parse().expect("a literal"), level, id: id.to_owned() }
}

/// A picture on this machine.
pub(crate) async fn picture() -> String {
    // A platform keeps the same bytes once, under the name they had first: each picture is another one.
    static PICTURES: AtomicU64 = AtomicU64::new(0);
    let bytes = [PNG, &PICTURES.fetch_add(1, Ordering::Relaxed).to_be_bytes()].concat();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1_024]).await;
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).as_bytes()).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    format!("http://{address}/hero.png")
}

impl Stand {
    /// Rehearses, sends and looks: what was made.
    async fn make(&self, change: &Change, mark: &Mark) -> EntityKey {
        assert_eq!(self.gateway.look(change, mark, None).await.expect("a look"), Sight::Before, "{change:?}");
        let request = self.gateway.compose(change, mark).await.unwrap_or_else(|error| panic!("{change:?}: {error}"));
        let rows = self.log().await.len();
        self.gateway.rehearse(&request).await.unwrap_or_else(|error| panic!("{change:?}: {error}"));
        assert_eq!(self.log().await.len(), rows, "a rehearsal makes nothing");
        let created = self.gateway.send(request, WITHIN, Lane::Ordinary).await.unwrap_or_else(|error| panic!("{change:?}: {error}")).created;
        if matches!(change, Change::UploadMedia(draft) if matches!(draft.medium, Medium::Video { .. })) {
            assert_eq!(self.gateway.look(change, mark, None).await.expect("a look"), Sight::Working);
            self.clock.advance(TimeDelta::minutes(15));
        }
        match self.gateway.look(change, mark, None).await.expect("a look") {
            Sight::Done { created: Some(seen) } => {
                assert_eq!(Some(&seen.id), created.as_ref(), "the answer and the look name the same");
                seen
            }
            other => panic!("{change:?}: {other:?}"),
        }
    }

    async fn change(&self, change: &Change) -> Result<(), PlatformError> {
        let request = self.gateway.compose(change, &mark(1)).await?;
        self.gateway.rehearse(&request).await?;
        assert_eq!(self.gateway.look(change, &mark(1), None).await?, Sight::Before, "{change:?}");
        self.gateway.send(request, WITHIN, Lane::Ordinary).await?;
        assert_eq!(self.gateway.look(change, &mark(1), None).await?, Sight::Done { created: None }, "{change:?}");
        Ok(())
    }

    async fn structure(&self) -> Structure {
        self.gateway.structure().await.expect("a structure")
    }
}

fn campaign() -> CampaignDraft {
    CampaignDraft {
        account: "main".parse().expect("a literal"),
        name: "Spring".to_owned(),
        objective: Objective::Conversions,
        daily_budget: usd("120"),
        bidding: None,
        special_categories: Vec::new(),
        eu_political: false,
        flight: Some(Flight { from: START.date_in(chrono_tz::America::New_York), to: None }),
        countries: Default::default(),
        languages: Default::default(),
        ad_groups: Vec::new(),
    }
}

fn women() -> Targeting {
    Targeting {
        countries: ["US".to_owned()].into(),
        languages: ["en".to_owned()].into(),
        ages: Ages::new(25, 44).ok(),
        genders: [Gender::Female].into(),
        ..Targeting::default()
    }
}

fn ad_group(campaign: EntityKey) -> AdGroupDraft {
    AdGroupDraft {
        campaign,
        objective: Objective::Conversions,
        name: "Women".to_owned(),
        targeting: women(),
        bidding: None,
        daily_budget: None,
        optimisation: Some(Optimisation { source: "900100".to_owned(), event: Some("PURCHASE".to_owned()) }),
        flight: None,
        disclosure: None,
    }
}

fn content(media: Vec<EntityKey>, text: &str) -> Content {
    Content {
        name: "Hero".to_owned(),
        headlines: vec!["New in".to_owned()],
        texts: vec![text.to_owned()],
        landing_url: "https://shop.example.com/p1".to_owned(),
        call_to_action: Some(CallToAction::ShopNow),
        media,
        identity: Some("500600".to_owned()),
    }
}

fn upload(medium: Medium) -> Change {
    Change::UploadMedia(Box::new(MediaDraft { account: "main".parse().expect("a literal"), name: "Hero / 1".to_owned(), medium }))
}

#[tokio::test]
async fn a_whole_campaign_is_made_paused_found_by_its_marks_and_delivers_once_started_and_reviewed() {
    let stand = here().await;
    let campaign = stand.make(&Change::CreateCampaign(Box::new(campaign())), &mark(11)).await;
    let group = stand.make(&Change::CreateAdGroup(Box::new(ad_group(campaign.clone()))), &mark(12)).await;
    let image = stand.make(&upload(Medium::Image { url: picture().await }), &mark(13)).await;
    let video = stand.make(&upload(Medium::Video { url: "https://cdn.example.com/v1.mp4".to_owned() }), &mark(14)).await;
    let account = campaign.account.clone();
    let creative = CreativeDraft { account, content: content(vec![image.clone(), video], "Soft and warm") };
    let creative = stand.make(&Change::CreateCreative(Box::new(creative)), &mark(15)).await;
    let ad = |shows| AdDraft { ad_group: group.clone(), campaign: campaign.clone(), name: "Hero".to_owned(), shows };
    let ad_key = stand.make(&Change::CreateAd(Box::new(ad(Shows::Creative { key: creative.clone() }))), &mark(16)).await;
    let bad = Shows::Content { content: Box::new(content(vec![image], "A forbidden-claim")) };
    let refused = stand.make(&Change::CreateAd(Box::new(ad(bad))), &mark(17)).await;
    let structure = stand.structure().await;
    let found = structure.ads.iter().find(|known| known.key == ad_key).expect("the ad");
    assert_eq!((found.status, found.review, found.creative.as_ref()), (RunStatus::Paused, Review::Pending, Some(&creative)));
    assert!(structure.untracked().iter().all(|ad| ad.campaign != campaign), "what is created is tracked");
    let set = structure.ad_groups.iter().find(|known| known.key == group).expect("the ad set");
    assert_eq!((set.status, &set.targeting, set.strategy, set.daily_budget), (RunStatus::Paused, &women(), None, None));
    for part in [&group, &ad_key, &refused] {
        let part = Part { key: part.clone(), campaign: campaign.clone() };
        stand.change(&Change::PartStatus { part, from: RunStatus::Paused, to: RunStatus::Active }).await.expect("started");
    }
    stand.send(&Change::Status { entity: campaign.clone(), from: RunStatus::Paused, to: RunStatus::Active }, None).await.expect("started");
    stand.clock.advance(TimeDelta::days(2));
    let structure = stand.structure().await;
    let review = |key: &EntityKey| structure.ads.iter().find(|ad| ad.key == *key).map(|ad| (ad.review, ad.findings.len()));
    assert_eq!((review(&ad_key), review(&refused)), (Some((Review::Approved, 0)), Some((Review::Disapproved, 2))));
    let day = START.date_in(chrono_tz::America::New_York) + Days::new(1);
    let rows = stand.gateway.report(&ReportAsk { level: ReportLevel::Ad, breakdown: None, from: day, to: day }).await.expect("a report");
    let spent: Vec<_> = rows.iter().filter(|row| row.metrics.spend.micros() > 0).map(|row| &row.entity).collect();
    assert!(spent.contains(&&ad_key) && !spent.contains(&&refused), "{spent:?}");
    let inventory = stand.inventory().await;
    let known = inventory.campaigns.iter().find(|known| known.key == campaign).expect("in the inventory");
    assert_eq!((known.objective, known.special_categories.as_deref(), known.serving), (Objective::Conversions, Some([].as_slice()), true));
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_settled_by_its_mark() {
    for (kind, made) in [("reset_before", false), ("http_500", false), ("reset_after", true), ("timeout", true)] {
        let stand = here().await;
        let change = Change::CreateCampaign(Box::new(campaign()));
        let request = stand.gateway.compose(&change, &mark(21)).await.expect("a request");
        stand.fault(json!({ "kind": kind, "methods": "write", "count": 1 })).await;
        assert_eq!(code(stand.gateway.send(request, Duration::from_millis(800), Lane::Ordinary).await), "UNKNOWN", "{kind}");
        let seen = stand.gateway.look(&change, &mark(21), None).await.expect("a look");
        assert_eq!(matches!(seen, Sight::Done { created: Some(_) }), made, "{kind}: {seen:?}");
        assert_eq!(seen == Sight::Before, !made, "{kind}");
        assert_eq!(stand.gateway.look(&change, &mark(22), None).await.expect("a look"), Sight::Before, "another mark is another creation");
    }
    let stand = here().await;
    let change = Change::CreateCampaign(Box::new(campaign()));
    let request = stand.gateway.compose(&change, &mark(21)).await.expect("a request");
    stand.fault(json!({ "kind": "duplicate", "methods": "write", "count": 1 })).await;
    stand.gateway.send(request, WITHIN, Lane::Ordinary).await.expect("accepted");
    assert!(matches!(stand.gateway.look(&change, &mark(21), None).await.expect("a look"), Sight::Other(_)), "two of one mark are nobody's success");
}

#[tokio::test]
async fn what_reaches_the_eu_names_who_pays_or_leaves_it_to_an_account_that_does() {
    for (currency, disclosure, expected) in [(Currency::USD, false, Some("VALIDATION")), (Currency::USD, true, None), (Currency::EUR, false, None)] {
        let stand = stand(Platform::Meta, currency).await;
        let structure = stand.structure().await;
        let below = structure.ad_groups.iter().find(|group| group.daily_budget.is_none()).expect("an ad set below a campaign's budget");
        let targeting = Targeting { countries: ["US", "HU"].map(str::to_owned).into(), ..women() };
        let disclosure = disclosure.then(|| Disclosure { beneficiary: "Shoes Ltd".to_owned(), payor: "Boots Kft & Co".to_owned() });
        let named = disclosure.is_some();
        let draft = AdGroupDraft { targeting, disclosure, ..ad_group(below.campaign.clone()) };
        let change = Change::CreateAdGroup(Box::new(draft));
        let request = match (stand.gateway.compose(&change, &mark(31)).await, expected) {
            (Ok(request), None) => request,
            (refused, expected) => {
                assert_eq!(Some(code(refused)), expected, "{currency}");
                continue;
            }
        };
        let body = String::from_utf8(request.body.clone()).expect("a form");
        assert_eq!(body.contains("dsa_beneficiary=Shoes+Ltd&dsa_payor=Boots+Kft+%26+Co"), named, "{body}");
        stand.gateway.send(request, WITHIN, Lane::Ordinary).await.expect("the platform finds nothing missing");
    }
}

#[tokio::test]
async fn bids_strategies_and_targeting_come_back_as_set_and_a_stranger_stops_them() {
    let stand = here().await;
    let structure = stand.structure().await;
    let own = structure.ad_groups.iter().find(|group| group.daily_budget.is_some()).expect("an ad set with its own budget");
    let part = Part { key: own.key.clone(), campaign: own.campaign.clone() };
    let (free, capped) = (Bidding { strategy: BidStrategy::LowestCost, bid: None }, Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("20"))) });
    stand.change(&Change::BidStrategy { part: part.clone(), from: Some(free), to: capped }).await.expect("set");
    stand.change(&Change::Bid { part: part.clone(), from: capped.bid, to: Bid::Cap(usd("25.50")) }).await.expect("set");
    let stale = Change::Bid { part: part.clone(), from: capped.bid, to: Bid::Cap(usd("30")) };
    assert_eq!(code(stand.gateway.compose(&stale, &mark(1)).await), "CONFLICT");
    assert!(matches!(stand.gateway.look(&stale, &mark(1), None).await, Ok(Sight::Other(_))));
    let elsewhere = Part { campaign: key(Level::Campaign, "23850000000000001"), ..part.clone() };
    let wrong = Change::PartStatus { part: elsewhere, from: RunStatus::Active, to: RunStatus::Paused };
    assert_eq!(code(stand.gateway.compose(&wrong, &mark(1)).await), "CONFLICT");
    let read = stand.structure().await;
    let now = read.ad_groups.iter().find(|group| group.key == own.key).expect("still there");
    assert_eq!((now.strategy, now.bid), (Some(BidStrategy::CostCap), Some(Bid::Cap(usd("25.50")))));
    let to = Targeting { interests: ["6003".to_owned()].into(), ..women() };
    stand.change(&Change::Targeting { part: part.clone(), from: Box::new(now.targeting.clone()), to: Box::new(to.clone()) }).await.expect("set");
    let read = stand.structure().await;
    assert_eq!(read.ad_groups.iter().find(|group| group.key == own.key).map(|group| &group.targeting), Some(&to));
    let above = structure.ad_groups.iter().find(|group| group.daily_budget.is_none()).expect("an ad set below a campaign's budget");
    let top = Part { key: above.campaign.clone(), campaign: above.campaign.clone() };
    stand.change(&Change::BidStrategy { part: top.clone(), from: Some(free), to: capped }).await.expect("set");
    let read = stand.structure().await;
    assert_eq!(read.ad_groups.iter().find(|group| group.key == above.key).and_then(|group| group.bid), capped.bid, "every ad set got its cap with it");
    // What a change of the campaign expects to find is what the structure shows of it.
    let terms = |campaign: &EntityKey| read.campaigns.iter().find(|terms| terms.campaign == *campaign).expect("listed").bidding;
    assert_eq!((terms(&top.key), terms(&own.campaign)), (Some(capped), None), "where ad sets have the money, they have the bids");
    stand.change(&Change::BidStrategy { part: top.clone(), from: terms(&top.key), to: free }).await.expect("set back");
    let low = Part { key: above.key.clone(), campaign: above.campaign.clone() };
    assert_eq!(code(stand.gateway.compose(&Change::BidStrategy { part: low, from: None, to: free }, &mark(1)).await), "UNSUPPORTED");
}

#[tokio::test]
async fn reports_add_up_over_levels_and_breakdowns_at_once_and_as_a_job() {
    let stand = here().await;
    let last = START.date_in(chrono_tz::America::New_York) - Days::new(1);
    for first in [last, last - Days::new(12)] {
        let sums = async |level, breakdown| {
            let rows = stand.gateway.report(&ReportAsk { level, breakdown, from: first, to: last }).await.expect("a report");
            assert!(rows.iter().all(|row| row.part.is_some() == breakdown.is_some() && row.engagements.is_some()), "{breakdown:?}");
            let mut days: BTreeMap<_, (i64, i64, i64)> = BTreeMap::new();
            for row in rows {
                let sum = days.entry(row.day).or_default();
                *sum = (sum.0 + row.metrics.spend.micros(), sum.1 + row.metrics.impressions, sum.2 + row.metrics.clicks);
            }
            days
        };
        let whole = sums(ReportLevel::Campaign, None).await;
        assert!(whole.values().all(|sum| sum.0 > 0));
        for level in [ReportLevel::AdGroup, ReportLevel::Ad, ReportLevel::Creative] {
            assert_eq!(sums(level, None).await, whole, "{level:?}");
        }
        for breakdown in [Breakdown::Age, Breakdown::Gender, Breakdown::Country, Breakdown::Device, Breakdown::Hour] {
            assert_eq!(sums(ReportLevel::AdGroup, Some(breakdown)).await, whole, "{breakdown:?}");
        }
        let shown = stand.gateway.report(&ReportAsk { level: ReportLevel::Creative, breakdown: None, from: first, to: last }).await.expect("a report");
        assert!(shown.iter().all(|row| row.entity.level == Level::Creative), "every ad shows a creative that stands alone");
    }
}

#[tokio::test]
async fn an_edit_is_told_with_who_made_it_and_how() {
    let stand = here().await;
    let found = stand.inventory().await;
    let budget = steerable(&found, Level::AdGroup).expect("a budget");
    let edit = json!({ "account": stand.account, "level": "ad_group", "id": budget.budget.key.id, "budget": usd("77") });
    stand.door(reqwest::Method::POST, "edit", Some(edit)).await;
    stand.clock.advance(TimeDelta::minutes(5));
    stand.send(&status(&found), None).await.expect("accepted");
    stand.clock.advance(TimeDelta::minutes(5));
    let edits = stand.gateway.edits(START).await.expect("a list").expect("Meta tells");
    let [person, api] = edits.as_slice() else { panic!("two edits, not {edits:?}") };
    assert_eq!((person.entity.as_ref(), person.who.as_deref(), person.tool.as_str()), (Some(&budget.budget.key), Some("Alex Person"), "Ads Manager"));
    assert_eq!((api.entity.as_ref().map(|key| key.level), api.tool.as_str()), (Some(Level::Campaign), "Adjutant"));
    assert!(person.what.contains("budget") && person.at < api.at);
    let access = stand.gateway.access().await.expect("rights");
    assert_eq!((access.missing.as_slice(), access.token_ends), ([].as_slice(), None));
    assert!(access.rights.iter().any(|right| right == "ads_management"));
}

/// A change, the path its request goes to, and the parameters that go with it.
type Case = (Change, String, Vec<(&'static str, String)>);

/// The parameters of a request's form, decoded, in the order they go out.
fn form(request: &WireRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

#[tokio::test]
async fn every_body_is_the_documented_one() {
    let stand = here().await;
    let tagged = |name: &str| format!("{name} {}", mark(1).as_str());
    let found = stand.structure().await;
    let below = found.ad_groups.iter().find(|group| group.daily_budget.is_none()).expect("an ad set below a campaign's budget").clone();
    let own = found.ad_groups.iter().find(|group| group.daily_budget.is_some()).expect("an ad set with its own budget").clone();
    let targeting =
        r#"{"genders":[2],"age_max":44,"age_min":25,"locales":[1001],"geo_locations":{"countries":["US"]},"targeting_automation":{"advantage_audience":0}}"#;
    let special = CampaignDraft {
        special_categories: vec!["HOUSING".to_owned()],
        countries: ["US".to_owned()].into(),
        bidding: Some(Bidding { strategy: BidStrategy::CostCap, bid: None }),
        flight: Some(Flight { from: "2026-03-01".parse().expect("a day"), to: "2026-03-31".parse().ok() }),
        ..campaign()
    };
    let capped = AdGroupDraft {
        daily_budget: Some(usd("25")),
        bidding: Some(Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("15"))) }),
        ..ad_group(own.campaign.clone())
    };
    let account = below.campaign.account.clone();
    let part = |key: &EntityKey, campaign: &EntityKey| Part { key: key.clone(), campaign: campaign.clone() };
    let link = r#"{"link":"https://shop.example.com/p1","message":"Soft","name":"New in","call_to_action":{"type":"SHOP_NOW","value":{"link":"https://shop.example.com/p1"}}}"#;
    let tags = "utm_source=meta&utm_medium=paid_social&utm_campaign={{campaign.name}}&utm_id={{campaign.id}}&utm_content={{ad.id}}&utm_term={{adset.id}}";
    let as_made = r#"{"creative_features_spec":{"image_animation":{"enroll_status":"OPT_OUT"},"text_optimizations":{"enroll_status":"OPT_OUT"}}}"#;
    let ad = found.ads.iter().find(|ad| ad.ad_group == below.key).expect("an ad").clone();
    let creative = ad.creative.clone().expect("a creative");
    let cases: Vec<Case> = vec![
        (
            Change::CreateCampaign(Box::new(special)),
            "act_1001/campaigns".to_owned(),
            vec![
                ("name", tagged("Spring")),
                ("objective", "OUTCOME_SALES".to_owned()),
                ("status", "PAUSED".to_owned()),
                ("special_ad_categories", r#"["HOUSING"]"#.to_owned()),
                ("special_ad_category_country", r#"["US"]"#.to_owned()),
                ("daily_budget", "12000".to_owned()),
                ("bid_strategy", "COST_CAP".to_owned()),
                ("start_time", "2026-03-01T00:00:00-0500".to_owned()),
                ("stop_time", "2026-04-01T00:00:00-0400".to_owned()),
            ],
        ),
        (
            Change::CreateAdGroup(Box::new(capped)),
            "act_1001/adsets".to_owned(),
            vec![
                ("name", tagged("Women")),
                ("campaign_id", own.campaign.id.clone()),
                ("status", "PAUSED".to_owned()),
                ("billing_event", "IMPRESSIONS".to_owned()),
                ("daily_budget", "2500".to_owned()),
                ("bid_strategy", "COST_CAP".to_owned()),
                ("bid_amount", "1500".to_owned()),
                ("optimization_goal", "OFFSITE_CONVERSIONS".to_owned()),
                ("promoted_object", r#"{"pixel_id":"900100","custom_event_type":"PURCHASE"}"#.to_owned()),
                ("targeting", targeting.to_owned()),
            ],
        ),
        (
            upload(Medium::Video { url: "https://cdn.example.com/v1.mp4".to_owned() }),
            "act_1001/advideos".to_owned(),
            vec![("file_url", "https://cdn.example.com/v1.mp4".to_owned()), ("title", tagged("Hero / 1")), ("name", tagged("Hero / 1"))],
        ),
        (
            Change::CreateCreative(Box::new(CreativeDraft { account, content: content(Vec::new(), "Soft") })),
            "act_1001/adcreatives".to_owned(),
            vec![
                ("name", tagged("Hero")),
                ("object_story_spec", format!(r#"{{"page_id":"500600","link_data":{link}}}"#)),
                ("url_tags", tags.to_owned()),
                ("degrees_of_freedom_spec", as_made.to_owned()),
            ],
        ),
        (
            Change::CreateAd(Box::new(AdDraft {
                ad_group: below.key.clone(),
                campaign: below.campaign.clone(),
                name: "Hero".to_owned(),
                shows: Shows::Creative { key: creative.clone() },
            })),
            "act_1001/ads".to_owned(),
            vec![
                ("name", tagged("Hero")),
                ("adset_id", below.key.id.clone()),
                ("creative", format!(r#"{{"creative_id":"{}"}}"#, creative.id)),
                ("status", "PAUSED".to_owned()),
            ],
        ),
        (
            Change::PartStatus { part: part(&ad.key, &ad.campaign), from: RunStatus::Active, to: RunStatus::Paused },
            ad.key.id.clone(),
            vec![("status", "PAUSED".to_owned())],
        ),
        (
            Change::BidStrategy {
                part: part(&below.campaign, &below.campaign),
                from: Some(Bidding { strategy: BidStrategy::LowestCost, bid: None }),
                to: Bidding { strategy: BidStrategy::BidCap, bid: Some(Bid::Cap(usd("4"))) },
            },
            below.campaign.id.clone(),
            vec![("bid_strategy", "LOWEST_COST_WITH_BID_CAP".to_owned()), ("adset_bid_amounts", format!(r#"{{"{}":400}}"#, below.key.id))],
        ),
        (
            Change::Targeting { part: part(&below.key, &below.campaign), from: Box::new(below.targeting.clone()), to: Box::new(women()) },
            below.key.id.clone(),
            vec![("targeting", targeting.to_owned())],
        ),
    ];
    for (change, path, expected) in cases {
        let request = stand.gateway.compose(&change, &mark(1)).await.unwrap_or_else(|error| panic!("{change:?}: {error}"));
        assert_eq!(request.url, format!("{}/v26.0/{path}", stand.sandbox.base_url()));
        let sent = form(&request);
        assert_eq!(sent.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{path}");
        for ((name, sent), (_, expected)) in sent.iter().zip(&expected) {
            // Members of an object have no order.
            let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            assert_eq!(read(sent), read(expected), "{path} {name}");
        }
        stand.gateway.rehearse(&request).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[tokio::test]
async fn what_meta_has_no_place_for_is_refused_by_name_before_anything_is_sent() {
    let stand = here().await;
    let found = stand.structure().await;
    let below = found.ad_groups.iter().find(|group| group.daily_budget.is_none()).expect("an ad set below a campaign's budget");
    let (part, top) =
        (Part { key: below.key.clone(), campaign: below.campaign.clone() }, Part { key: below.campaign.clone(), campaign: below.campaign.clone() });
    let own = AdGroupDraft { daily_budget: Some(usd("20")), ..ad_group(below.campaign.clone()) };
    let traffic = AdGroupDraft { objective: Objective::Traffic, optimisation: None, ..ad_group(below.campaign.clone()) };
    let two = Content { texts: vec!["one".to_owned(), "two".to_owned()], ..content(Vec::new(), "") };
    let nobody = Content { identity: None, ..content(Vec::new(), "Soft") };
    let creative = |content| Change::CreateCreative(Box::new(CreativeDraft { account: "main".parse().expect("a literal"), content }));
    for (change, code_of, word) in [
        (Change::CreateCampaign(Box::new(CampaignDraft { objective: Objective::Other, ..campaign() })), "UNSUPPORTED", "objective"),
        (Change::CreateCampaign(Box::new(CampaignDraft { languages: ["en".to_owned()].into(), ..campaign() })), "UNSUPPORTED", "languages"),
        (Change::CreateCampaign(Box::new(CampaignDraft { special_categories: vec!["TOBACCO".to_owned()], ..campaign() })), "VALIDATION", "TOBACCO"),
        (Change::CreateCampaign(Box::new(CampaignDraft { eu_political: true, ..campaign() })), "VALIDATION", "POLITICS"),
        (Change::CreateCampaign(Box::new(CampaignDraft { daily_budget: usd("10.001"), ..campaign() })), "VALIDATION", "10.001"),
        (Change::CreateAdGroup(Box::new(own)), "VALIDATION", "holds the budget"),
        (Change::CreateAdGroup(Box::new(traffic)), "CONFLICT", "OUTCOME_TRAFFIC"),
        (Change::CreateAdGroup(Box::new(ad_group(key(Level::Campaign, "9")))), "NOT_FOUND", "9"),
        (upload(Medium::Youtube { id: "dQw4w9WgXcQ".to_owned() }), "UNSUPPORTED", "YouTube"),
        (upload(Medium::Image { url: "http://10.0.0.1/x.png".to_owned() }), "VALIDATION", "https"),
        (creative(two), "UNSUPPORTED", "texts"),
        (creative(nobody), "VALIDATION", "page"),
        (Change::Bid { part: top, from: None, to: Bid::Cap(usd("5")) }, "UNSUPPORTED", "ad sets"),
        (Change::Bid { part: part.clone(), from: None, to: Bid::TargetCpa(usd("5")) }, "UNSUPPORTED", "target_cpa"),
        (Change::Bid { part: part.clone(), from: None, to: Bid::Cap(usd("5")) }, "VALIDATION", "strategy"),
        (
            Change::BidStrategy { part, from: None, to: Bidding { strategy: BidStrategy::TargetCpa, bid: Some(Bid::TargetCpa(usd("5"))) } },
            "UNSUPPORTED",
            "cost_cap",
        ),
    ] {
        let refused = stand.gateway.compose(&change, &mark(1)).await.expect_err("refused");
        assert!(refused.code() == code_of && refused.to_string().contains(word), "{change:?}: {refused}");
    }
    assert!(stand.log().await.is_empty(), "nothing was sent");
}
