//! Google from the campaign down to the figures of an ad: made, found again, changed part by part, read.

use std::collections::BTreeMap;

use adjutant::domain::change::{Bid, BidStrategy, Bidding, Part};
use adjutant::domain::draft::{AdDraft, AdGroupDraft, Branch, CallToAction, CampaignDraft, Content, CreativeDraft, Flight, Mark, MediaDraft, Medium, Shows};
use adjutant::domain::entity::{EntityKey, Objective};
use adjutant::domain::ids::IdGen;
use adjutant::domain::structure::{AdGroup, Breakdown, CampaignTerms, ReportAsk, ReportLevel, Review, Structure};
use adjutant::domain::targeting::{Ages, Gender, Keyword, Match, Targeting};
use adjutant::platforms::Sight;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A stand on Google with marks to make.
struct Maker {
    stand: Stand,
    marks: IdGen,
}

fn set<T: Ord + From<&'static str>, const N: usize>(items: [&'static str; N]) -> std::collections::BTreeSet<T> {
    items.into_iter().map(T::from).collect()
}

fn keyword(text: &str, matching: Match) -> Keyword {
    Keyword { text: text.to_owned(), matching }
}

fn content() -> Content {
    Content {
        name: "Blue shoes".to_owned(),
        headlines: ["Cheap blue shoes", "Free returns", "Ships today"].map(str::to_owned).to_vec(),
        texts: ["Comfortable shoes for every day.", "Order before noon."].map(str::to_owned).to_vec(),
        landing_url: "https://www.example.com/shoes".to_owned(),
        call_to_action: None,
        media: Vec::new(),
        identity: None,
    }
}

fn people() -> Targeting {
    Targeting {
        ages: Ages::new(25, 54).ok(),
        genders: [Gender::Female].into(),
        keywords: [keyword("blue shoes", Match::Exact), keyword("running shoes", Match::Phrase)].into(),
        ..Targeting::default()
    }
}

impl Maker {
    async fn new() -> Self {
        Self { stand: stand(Platform::Google, Currency::USD).await, marks: IdGen::seeded(11) }
    }

    fn draft(&self, name: &str) -> CampaignDraft {
        CampaignDraft {
            account: "main".parse().expect("a literal"),
            name: name.to_owned(),
            objective: Objective::Conversions,
            daily_budget: "50 USD".parse().expect("a literal"),
            bidding: Some(Bidding { strategy: BidStrategy::TargetCpa, bid: Some(Bid::TargetCpa("8 USD".parse().expect("a literal"))) }),
            special_categories: Vec::new(),
            eu_political: false,
            flight: None,
            countries: set(["US", "DE"]),
            languages: set(["en"]),
            ad_groups: vec![Branch { name: "Shoes".to_owned(), targeting: people(), bid: None, ads: vec![content()] }],
        }
    }

    /// Composes, finds nothing of it yet, rehearses, sends, and finds it.
    async fn enact(&mut self, change: &Change) -> Option<EntityKey> {
        let mark = Mark::of(&self.marks.next(START));
        let gateway = &self.stand.gateway;
        let request = gateway.compose(change, &mark).await.unwrap_or_else(|error| panic!("{change:?}: {error}"));
        assert_eq!(gateway.look(change, &mark, None).await.expect("a look"), Sight::Before, "{change:?}");
        let writes = self.stand.log().await.len();
        gateway.rehearse(&request).await.expect("nothing against it");
        assert_eq!(self.stand.log().await.len(), writes, "a rehearsal writes nothing");
        let accepted = gateway.send(request, WITHIN, Lane::Ordinary).await.unwrap_or_else(|error| panic!("{change:?}: {error}"));
        let Sight::Done { created } = gateway.look(change, &mark, None).await.expect("a look") else { panic!("{change:?} is not found") };
        assert_eq!(created.as_ref().map(|key| key.id.clone()), accepted.created, "the answer and the look name the same");
        created
    }

    async fn refusal(&mut self, change: &Change) -> PlatformError {
        let mark = Mark::of(&self.marks.next(START));
        match self.stand.gateway.compose(change, &mark).await {
            Ok(request) => self.stand.gateway.rehearse(&request).await.expect_err("refused"),
            Err(error) => error,
        }
    }

    async fn terms(&self, campaign: &EntityKey) -> CampaignTerms {
        self.structure().await.campaigns.into_iter().find(|terms| terms.campaign == *campaign).expect("listed")
    }

    async fn structure(&self) -> Structure {
        self.stand.gateway.structure().await.expect("a structure")
    }

    /// A campaign made by request, with its one ad group and ad.
    async fn made(&mut self) -> (Part, AdGroup, EntityKey) {
        let campaign = self.enact(&Change::CreateCampaign(Box::new(self.draft("Launch")))).await.expect("a campaign");
        let structure = self.structure().await;
        let group = structure.ad_groups.iter().find(|group| group.campaign == campaign).expect("its ad group").clone();
        let ad = structure.ads.iter().find(|ad| ad.campaign == campaign).expect("its ad").key.clone();
        (Part { key: campaign.clone(), campaign }, group, ad)
    }
}

/// A server of one image.
async fn image() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 2_048]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n\x89PNG\r\n\x1a\nabcd").await;
        }
    });
    format!("http://{address}/hero.png")
}

#[tokio::test]
async fn a_campaign_is_made_whole_in_one_request_and_everything_in_it_is_paused() {
    let mut maker = Maker::new().await;
    let (campaign, group, ad) = maker.made().await;
    let found = maker.stand.inventory().await;
    let read = found.campaigns.iter().find(|read| read.key == campaign.key).expect("listed");
    assert!(read.name.starts_with("Launch [adj-") && !read.serving, "{}", read.name);
    assert_eq!((read.status, read.objective, read.special_categories.as_deref()), (RunStatus::Paused, Objective::Conversions, Some([].as_slice())));
    let budget = found.budgets.iter().find(|budget| budget.budget == read.budget).expect("its budget");
    assert_eq!((budget.amount.to_string().as_str(), budget.budget.key.level), ("50.00 USD", Level::Campaign));
    assert_eq!((group.status, group.strategy, group.bid), (RunStatus::Paused, Some(BidStrategy::TargetCpa), None));
    assert_eq!(group.targeting, Targeting { countries: set(["US", "DE"]), languages: set(["en"]), ..people() });
    let structure = maker.structure().await;
    let shown = structure.ads.iter().find(|shown| shown.key == ad).expect("listed");
    assert_eq!((shown.status, shown.review, shown.ad_group.clone()), (RunStatus::Paused, Review::Pending, group.key));
    assert_eq!(shown.landing_url.as_deref(), Some("https://www.example.com/shoes"));
    assert!(structure.untracked().is_empty(), "every ad carries the tracking parameters");
}

#[tokio::test]
async fn ad_groups_ads_and_media_are_made_one_by_one_and_an_activated_campaign_delivers_once_its_ad_is_approved() {
    let mut maker = Maker::new().await;
    let draft = CampaignDraft { ad_groups: Vec::new(), ..maker.draft("Alone") };
    let campaign = maker.enact(&Change::CreateCampaign(Box::new(draft))).await.expect("a campaign");
    let group = AdGroupDraft {
        campaign: campaign.clone(),
        objective: Objective::Conversions,
        name: "Shoes".to_owned(),
        targeting: people(),
        bidding: Some(Bidding { strategy: BidStrategy::TargetCpa, bid: Some(Bid::TargetCpa("7.50 USD".parse().expect("a literal"))) }),
        daily_budget: None,
        optimisation: None,
        flight: None,
        disclosure: None,
    };
    let group = maker.enact(&Change::CreateAdGroup(Box::new(group))).await.expect("an ad group");
    let mut library = Vec::new();
    for medium in [Medium::Image { url: image().await }, Medium::Youtube { id: "dQw4w9WgXcQ".to_owned() }] {
        let media = MediaDraft { account: "main".parse().expect("a literal"), name: "Hero".to_owned(), medium };
        library.push(maker.enact(&Change::UploadMedia(Box::new(media))).await.expect("an asset"));
    }
    assert!(library.iter().all(|asset| asset.level == Level::Media));
    let with = |media: &[EntityKey]| {
        let shows = Shows::Content { content: Box::new(Content { media: media.to_vec(), ..content() }) };
        Change::CreateAd(Box::new(AdDraft { ad_group: group.clone(), campaign: campaign.clone(), name: "Ad".to_owned(), shows }))
    };
    let ad = maker.enact(&with(&library[..1])).await.expect("an ad");
    assert_eq!(ad.level, Level::Ad);
    let again = maker.enact(&with(&library[..1])).await.expect("a second ad beside the same image");
    assert_ne!(again, ad);
    let links = maker.stand.log().await.into_iter().filter(|row| row["field"] == "assets" && row["outcome"] == "applied");
    let links: Vec<_> = links.map(|row| (row["level"].clone(), row["new"].as_str().map(str::to_owned))).collect();
    let kept = format!(r#"{{"{}~AD_IMAGE":{{"status":"ENABLED"}}}}"#, library[0].id);
    assert_eq!(links, [(json!("ad_group"), Some(kept))], "an image that is there is not linked again");
    let strange = EntityKey { id: "987".to_owned(), ..library[0].clone() };
    for (media, expected) in [(&library[1], "UNSUPPORTED"), (&strange, "NOT_FOUND")] {
        let mark = Mark::of(&maker.marks.next(START));
        assert_eq!(code(maker.stand.gateway.compose(&with(std::slice::from_ref(media)), &mark).await), expected);
    }
    for key in [&group, &ad] {
        let part = Part { key: key.clone(), campaign: campaign.clone() };
        maker.enact(&Change::PartStatus { part, from: RunStatus::Paused, to: RunStatus::Active }).await;
    }
    let on = Change::Status { entity: campaign.clone(), from: RunStatus::Paused, to: RunStatus::Active };
    maker.stand.send(&on, None).await.expect("accepted");
    let serving = |found: Inventory| found.campaigns.iter().any(|read| read.key == campaign && read.serving);
    assert!(!serving(maker.stand.inventory().await), "its ad is still in review");
    maker.stand.clock.advance(TimeDelta::days(2));
    assert!(serving(maker.stand.inventory().await));
    let today = maker.stand.clock.now().date_in(chrono_tz::America::New_York);
    let days = maker.stand.gateway.daily_metrics(today - Days::new(3), today).await.expect("figures");
    assert!(days.iter().any(|day| day.entity == campaign && day.metrics.spend.micros() > 0), "it spends");
    let read = maker.structure().await;
    let read = read.ad_groups.iter().find(|read| read.key == group).expect("listed");
    assert_eq!((read.serving, read.bid), (true, Some(Bid::TargetCpa("7.50 USD".parse().expect("a literal")))));
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_settled_by_a_look() {
    let maker = Maker::new().await;
    for (kind, done) in [("reset_before", false), ("http_500", false), ("reset_after", true), ("timeout", true)] {
        let change = Change::CreateCampaign(Box::new(maker.draft(kind)));
        let mark = Mark::of(&maker.marks.next(START));
        let request = maker.stand.gateway.compose(&change, &mark).await.expect("a request");
        maker.stand.fault(json!({ "kind": kind, "methods": "write", "count": 1 })).await;
        assert_eq!(code(maker.stand.gateway.send(request, Duration::from_millis(800), Lane::Ordinary).await), "UNKNOWN", "{kind}");
        let sight = maker.stand.gateway.look(&change, &mark, None).await.expect("a look");
        assert_eq!(matches!(sight, Sight::Done { created: Some(_) }), done, "{kind}: {sight:?}");
        assert!(done || sight == Sight::Before, "{kind}: {sight:?}");
    }
}

#[tokio::test]
async fn bids_and_strategies_are_set_where_they_stand_and_read_back() {
    let mut maker = Maker::new().await;
    let (campaign, group, _) = maker.made().await;
    let usd = |text: &str| Bid::TargetCpa(text.parse().expect("a literal"));
    maker.enact(&Change::Bid { part: campaign.clone(), from: Some(usd("8 USD")), to: usd("6.50 USD") }).await;
    let part = Part { key: group.key, campaign: campaign.key.clone() };
    maker.enact(&Change::Bid { part: part.clone(), from: None, to: usd("9 USD") }).await;
    let bidding = |strategy, bid| Bidding { strategy, bid };
    let mut from = bidding(BidStrategy::TargetCpa, Some(usd("6.50 USD")));
    for to in [
        bidding(BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(3_500))),
        bidding(BidStrategy::HighestValue, None),
        bidding(BidStrategy::BidCap, Some(Bid::Cap("2 USD".parse().expect("a literal")))),
        bidding(BidStrategy::LowestCost, None),
        bidding(BidStrategy::TargetCpa, Some(usd("5 USD"))),
    ] {
        let shown = maker.terms(&campaign.key).await.bidding;
        assert_eq!(shown, Some(from), "what a change expects to find is what the structure shows");
        maker.enact(&Change::BidStrategy { part: campaign.clone(), from: shown, to }).await;
        from = to;
    }
    let stale = Change::Bid { part: campaign.clone(), from: Some(usd("8 USD")), to: usd("7 USD") };
    assert_eq!(maker.refusal(&stale).await.code(), "CONFLICT");
    let wrong = Change::Bid { part: campaign.clone(), from: Some(usd("5 USD")), to: Bid::TargetRoasMilli(2_000) };
    assert_eq!(maker.refusal(&wrong).await.code(), "UNSUPPORTED");
    let below = Change::BidStrategy { part, from: None, to: bidding(BidStrategy::LowestCost, None) };
    assert_eq!(maker.refusal(&below).await.code(), "UNSUPPORTED");
    let other = maker.stand.inventory().await.campaigns[0].key.clone();
    let strange = Change::PartStatus {
        part: Part { key: maker.structure().await.ad_groups[1].key.clone(), campaign: other },
        from: RunStatus::Active,
        to: RunStatus::Paused,
    };
    assert_eq!(maker.refusal(&strange).await.code(), "CONFLICT");
}

#[tokio::test]
async fn targeting_is_changed_without_touching_hours_excluded_words_and_paused_keywords() {
    let mut maker = Maker::new().await;
    let structure = maker.structure().await;
    let group = structure.ad_groups.iter().find(|group| group.dayparted).expect("some keep office hours").clone();
    assert!(group.beyond.contains(&"negative KEYWORD".to_owned()), "{:?}", group.beyond);
    let campaign = Part { key: group.campaign.clone(), campaign: group.campaign.clone() };
    let places =
        |countries: [&'static str; 2], languages: [&'static str; 1]| Targeting { countries: set(countries), languages: set(languages), ..Targeting::default() };
    let from = maker.terms(&campaign.key).await.targeting;
    assert_eq!(from, Targeting { countries: set(["US"]), languages: set(["en"]), ..Targeting::default() });
    let to = Targeting { places: set(["20228"]), ..places(["CA", "US"], ["fr"]) };
    maker.enact(&Change::Targeting { part: campaign.clone(), from: Box::new(from), to: Box::new(to.clone()) }).await;
    let part = Part { key: group.key.clone(), campaign: group.campaign.clone() };
    let before = maker.structure().await.ad_groups.into_iter().find(|read| read.key == group.key).expect("listed").targeting;
    let wanted = Targeting {
        ages: Ages::new(18, 44).ok(),
        genders: [Gender::Female, Gender::Male].into(),
        keywords: [keyword("shop sale", Match::Phrase), keyword("gift ideas", Match::Broad)].into(),
        ..before.clone()
    };
    maker.enact(&Change::Targeting { part: part.clone(), from: Box::new(before), to: Box::new(wanted.clone()) }).await;
    let second = Targeting { ages: None, genders: [Gender::Unknown].into(), keywords: [keyword("shop offers", Match::Broad)].into(), ..wanted.clone() };
    maker.enact(&Change::Targeting { part: part.clone(), from: Box::new(wanted), to: Box::new(second.clone()) }).await;
    let read = maker.structure().await.ad_groups.into_iter().find(|read| read.key == group.key).expect("listed");
    assert_eq!(read.targeting, Targeting { countries: to.countries, places: to.places, languages: to.languages, ..second.clone() });
    assert_eq!((read.dayparted, read.beyond), (true, group.beyond));
    for (change, named) in [
        (Targeting { interests: set(["80432"]), ..second.clone() }, "interests"),
        (Targeting { countries: set(["FR"]), ..second.clone() }, "countries"),
        (Targeting { ages: Ages::new(20, 30).ok(), ..second.clone() }, "ages 20-30"),
    ] {
        let error = maker.refusal(&Change::Targeting { part: part.clone(), from: Box::new(second.clone()), to: Box::new(change) }).await;
        assert!(error.code() == "UNSUPPORTED" && error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn what_google_cannot_make_is_refused_by_name_and_its_policy_in_its_own_words() {
    let mut maker = Maker::new().await;
    let draft = maker.draft("Refused");
    let campaign = |edit: fn(&mut CampaignDraft)| {
        let mut draft = draft.clone();
        edit(&mut draft);
        Change::CreateCampaign(Box::new(draft))
    };
    for (change, code, named) in [
        (campaign(|draft| draft.objective = Objective::Engagement), "UNSUPPORTED", "Engagement"),
        (campaign(|draft| draft.objective = Objective::CatalogSales), "UNSUPPORTED", "Merchant Center"),
        (campaign(|draft| draft.special_categories = vec!["HOUSING".to_owned()]), "UNSUPPORTED", "HOUSING"),
        (campaign(|draft| draft.countries = set(["ZZ"])), "UNSUPPORTED", "`ZZ`"),
        (campaign(|draft| draft.ad_groups[0].ads[0].call_to_action = Some(CallToAction::ShopNow)), "UNSUPPORTED", "call to action"),
        (campaign(|draft| draft.ad_groups[0].ads[0].headlines.truncate(2)), "VALIDATION", "3 to 15"),
        (campaign(|draft| draft.ad_groups[0].ads[0].headlines[0] = "x".repeat(31)), "VALIDATION", "30 characters"),
        (campaign(|draft| draft.daily_budget = "0.005 USD".parse().expect("a literal")), "VALIDATION", "0.01"),
        (campaign(|draft| draft.flight = Some(Flight { from: "2026-03-02".parse().expect("a date"), to: "2026-03-01".parse().ok() })), "VALIDATION", "flight"),
        (
            campaign(|draft| draft.ad_groups[0].ads[0].texts[0] = "A forbidden-claim".to_owned()),
            "POLICY",
            "MISLEADING_CONTENT (PROHIBITED): \"A forbidden-claim\"",
        ),
        (Change::CreateCreative(Box::new(CreativeDraft { account: draft.account.clone(), content: content() })), "UNSUPPORTED", "to the ad"),
    ] {
        let error = maker.refusal(&change).await;
        assert!(error.code() == code && error.to_string().contains(named), "{error}");
    }
    assert!(maker.stand.log().await.iter().all(|row| row["outcome"] != "applied"));
}

#[tokio::test]
async fn reports_add_up_at_every_level_and_by_every_part() {
    let maker = Maker::new().await;
    let today = START.date_in(chrono_tz::America::New_York);
    let (from, to) = (today - Days::new(6), today - Days::new(1));
    let sums = async |level, breakdown| {
        let rows = maker.stand.gateway.report(&ReportAsk { level, breakdown, from, to }).await.expect("a report");
        assert!(rows.len() > 100 && rows.iter().all(|row| row.part.is_some() == breakdown.is_some()), "{level:?} {breakdown:?}: {}", rows.len());
        rows.iter().fold(BTreeMap::new(), |mut sums: BTreeMap<_, (i64, i64, i64, i64)>, row| {
            let sum = sums.entry(row.day).or_default();
            let m = &row.metrics;
            *sum = (sum.0 + m.spend.micros(), sum.1 + m.impressions, sum.2 + m.clicks, sum.3 + row.engagements.unwrap_or(0));
            sums
        })
    };
    let whole = sums(ReportLevel::Campaign, None).await;
    for level in [ReportLevel::Campaign, ReportLevel::AdGroup, ReportLevel::Ad] {
        for breakdown in [None, Some(Breakdown::Age), Some(Breakdown::Gender), Some(Breakdown::Country), Some(Breakdown::Device), Some(Breakdown::Hour)] {
            if level == ReportLevel::Ad && !matches!(breakdown, None | Some(Breakdown::Device)) {
                let refused = maker.stand.gateway.report(&ReportAsk { level, breakdown, from, to }).await.expect_err("not of ads");
                assert!(refused.code() == "UNSUPPORTED", "{refused}");
                continue;
            }
            assert_eq!(sums(level, breakdown).await, whole, "{level:?} {breakdown:?}");
        }
    }
}

#[tokio::test]
async fn edits_are_told_with_who_made_them_and_with_what() {
    let mut maker = Maker::new().await;
    let found = maker.stand.inventory().await;
    let budget = steerable(&found, Level::Campaign).expect("a budget");
    let body = json!({ "account": maker.stand.account, "level": "campaign", "id": budget.budget.key.id, "budget": "77 USD" });
    maker.stand.door(reqwest::Method::POST, "edit", Some(body)).await;
    maker.stand.clock.advance(TimeDelta::minutes(10));
    let (_, _, ad) = maker.made().await;
    maker.stand.clock.advance(TimeDelta::minutes(3));
    let edits = maker.stand.gateway.edits(START - TimeDelta::days(1)).await.expect("edits").expect("Google tells");
    let first = &edits[0];
    assert_eq!(
        (first.entity.as_ref(), first.who.as_deref(), first.tool.as_str()),
        (Some(&budget.budget.key), Some("person@shop.example"), "GOOGLE_ADS_WEB_CLIENT")
    );
    assert!(first.what.contains(&format!("amountMicros: {} -> 77000000", budget.amount.micros())) && first.at == START, "{first:?}");
    let own = edits.iter().find(|edit| edit.entity.as_ref() == Some(&ad)).expect("what we made is told, too");
    assert_eq!((own.tool.as_str(), own.what.as_str()), ("GOOGLE_ADS_API", "CREATE AD_GROUP_AD"));
    assert!(
        maker.stand.gateway.edits(START + TimeDelta::minutes(5)).await.expect("edits").expect("Google tells").iter().all(|edit| edit.tool == "GOOGLE_ADS_API")
    );
}

#[tokio::test]
async fn access_is_found_out_without_writing_anything() {
    let maker = Maker::new().await;
    let access = maker.stand.gateway.access().await.expect("access");
    assert!(access.missing.is_empty() && access.rights.iter().any(|right| right == "change campaigns"), "{access:?}");
    assert!(maker.stand.log().await.is_empty());
}
