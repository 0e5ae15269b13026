//! Each request body as the contract's examples write it, and each answer as it is read.

use super::ad::{creative, text};
use super::answer::created;
use super::create::request_number;
use super::raw::Raw;
use super::targeting::{self, Countries};
use super::tests::tiktok;
use super::*;
use crate::clock::Clock;
use crate::domain::change::{Bid, BidStrategy, Bidding, Part};
use crate::domain::draft::{AdGroupDraft, CallToAction, CampaignDraft, Content, Flight, MediaDraft, Medium, Optimisation};
use crate::domain::entity::{EntityKey, Objective};
use crate::domain::ids::IdGen;
use crate::domain::structure::Review;
use crate::domain::targeting::{Ages, Gender, Keyword, Match, Targeting};

fn mark() -> Mark {
    Mark::of(&IdGen::seeded(7).next(ProductTime::from_ms(1_000)))
}

fn noon() -> Clock {
    Clock::manual(ProductTime::from("2026-11-20T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a literal")))
}

fn raw(value: Value) -> Raw {
    serde_json::from_value(value).expect("an object")
}

fn countries() -> Countries {
    Countries::new([("US", "6252001"), ("HU", "719819")].map(|(code, id)| (code.to_owned(), id.to_owned())))
}

fn body(request: &WireRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

fn usd(text: &str) -> crate::domain::money::Money {
    format!("{text} USD").parse().expect("a literal amount")
}

fn campaign(objective: Objective) -> CampaignDraft {
    CampaignDraft {
        account: "main".parse().expect("a literal"),
        name: "Autumn sale".to_owned(),
        objective,
        daily_budget: usd("120.50"),
        bidding: None,
        special_categories: vec!["housing".to_owned()],
        eu_political: false,
        flight: None,
        countries: Default::default(),
        languages: Default::default(),
        ad_groups: Vec::new(),
    }
}

#[test]
fn a_campaign_goes_out_disabled_with_its_mark_and_its_number() {
    let request = tiktok(noon()).create_campaign(&campaign(Objective::Conversions), &mark()).expect("a request");
    assert!(request.url.ends_with("/open_api/v1.3/campaign/create/"));
    assert_eq!(
        body(&request),
        json!({
            "advertiser_id": "7001", "campaign_name": format!("Autumn sale {}", mark().as_str()), "objective_type": "WEB_CONVERSIONS",
            "budget_mode": "BUDGET_MODE_DYNAMIC_DAILY_BUDGET", "budget": 120.5, "budget_optimize_on": true, "optimization_goal": "CONVERT",
            "bid_type": "BID_TYPE_NO_BID", "special_industries": ["HOUSING"], "operation_status": "DISABLE", "request_id": request_number(&mark()),
        })
    );
    assert!(request_number(&mark()).parse::<i64>().is_ok_and(|number| number > 0));
    let roas = Some(Bidding { strategy: BidStrategy::TargetRoas, bid: Some(Bid::TargetRoasMilli(2_500)) });
    let request = tiktok(noon()).create_campaign(&CampaignDraft { bidding: roas, ..campaign(Objective::Conversions) }, &mark()).expect("a request");
    let sent = body(&request);
    assert_eq!((&sent["optimization_goal"], &sent["deep_bid_type"], &sent["roas_bid"]), (&json!("VALUE"), &json!("VO_MIN_ROAS"), &json!(2.5)));
}

#[test]
fn what_a_campaign_on_tiktok_cannot_say_is_refused_by_name() {
    let refused = |draft: CampaignDraft| match tiktok(noon()).create_campaign(&draft, &mark()) {
        Err(PlatformError::Unsupported(what)) => what,
        other => panic!("{other:?}"),
    };
    let flight = Some(Flight { from: "2026-12-01".parse().expect("a date"), to: None });
    let what = refused(CampaignDraft { flight, countries: ["US".to_owned()].into(), eu_political: true, ..campaign(Objective::Traffic) });
    for part in ["flight", "countries", "political"] {
        assert!(what.contains(part), "{what}");
    }
    assert!(refused(CampaignDraft { special_categories: vec!["alcohol".to_owned()], ..campaign(Objective::Traffic) }).contains("special categories"));
    let bid = |strategy, bid| Some(Bidding { strategy, bid });
    for (bidding, part) in [
        (bid(BidStrategy::CostCap, Some(Bid::Cap(usd("5")))), "amount"),
        (bid(BidStrategy::BidCap, None), "single bids"),
        (bid(BidStrategy::TargetCpa, None), "target CPA"),
        (bid(BidStrategy::HighestValue, None), "no value"),
    ] {
        assert!(refused(CampaignDraft { bidding, ..campaign(Objective::Traffic) }).contains(part), "{part}");
    }
    for draft in [
        CampaignDraft { name: "Sale \u{1f525}".to_owned(), ..campaign(Objective::Traffic) },
        CampaignDraft { daily_budget: usd("49.99"), ..campaign(Objective::Traffic) },
    ] {
        assert!(matches!(tiktok(noon()).create_campaign(&draft, &mark()), Err(PlatformError::Validation(_))), "{}", draft.name);
    }
}

fn group() -> AdGroupDraft {
    AdGroupDraft {
        campaign: "main:campaign:1790000000000001".parse().expect("a key"),
        objective: Objective::Conversions,
        name: "Prospecting".to_owned(),
        targeting: Targeting { countries: ["US".to_owned()].into(), ages: Ages::new(25, 44).ok(), ..Targeting::default() },
        bidding: Some(Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("12.50"))) }),
        daily_budget: Some(usd("60")),
        optimisation: Some(Optimisation { source: "7100000000000000009".to_owned(), event: Some("SHOPPING".to_owned()) }),
        flight: None,
        disclosure: None,
    }
}

#[test]
fn an_ad_group_says_all_that_its_campaign_does_not() {
    let own = raw(json!({ "budget_mode": "BUDGET_MODE_INFINITE", "budget": 0 }));
    let sent = tiktok(noon()).ad_group_body(&group(), &mark(), &own, &countries()).expect("a body");
    assert_eq!(
        sent,
        json!({
            "advertiser_id": "7001", "campaign_id": "1790000000000001", "adgroup_name": format!("Prospecting {}", mark().as_str()), "promotion_type": "WEBSITE",
            "placement_type": "PLACEMENT_TYPE_NORMAL", "placements": ["PLACEMENT_TIKTOK"], "location_ids": ["6252001"],
            "age_groups": ["AGE_25_34", "AGE_35_44"], "gender": "GENDER_UNLIMITED", "budget_mode": "BUDGET_MODE_DAY", "budget": 60,
            "schedule_type": "SCHEDULE_FROM_NOW", "schedule_start_time": "2026-11-20 12:00:00", "optimization_goal": "CONVERT", "billing_event": "OCPM",
            "pixel_id": "7100000000000000009", "optimization_event": "SHOPPING", "bid_type": "BID_TYPE_CUSTOM", "conversion_bid_price": 12.5,
            "pacing": "PACING_MODE_SMOOTH", "click_attribution_window": "SEVEN_DAYS", "operation_status": "DISABLE", "request_id": request_number(&mark()),
        })
    );
    let holds = raw(json!({ "budget_mode": "BUDGET_MODE_DYNAMIC_DAILY_BUDGET", "budget": 120.5, "budget_optimize_on": true }));
    let flight = Some(Flight { from: "2026-12-01".parse().expect("a date"), to: "2026-12-24".parse().ok() });
    let under = AdGroupDraft { daily_budget: None, flight, ..group() };
    let sent = tiktok(noon()).ad_group_body(&under, &mark(), &holds, &countries()).expect("a body");
    assert_eq!((&sent["budget_mode"], &sent["budget"]), (&json!("BUDGET_MODE_DYNAMIC_DAILY_BUDGET"), &json!(120.5)));
    assert_eq!(
        (&sent["schedule_type"], &sent["schedule_start_time"], &sent["schedule_end_time"]),
        (&json!("SCHEDULE_START_END"), &json!("2026-12-01 05:00:00"), &json!("2026-12-25 05:00:00")),
        "days of New York, in UTC"
    );
    for (draft, campaign) in [(group(), &holds), (AdGroupDraft { daily_budget: None, ..group() }, &own), (AdGroupDraft { optimisation: None, ..group() }, &own)]
    {
        assert!(matches!(tiktok(noon()).ad_group_body(&draft, &mark(), campaign, &countries()), Err(PlatformError::Validation(_))));
    }
    let reach = AdGroupDraft { objective: Objective::Awareness, optimisation: None, bidding: None, ..group() };
    let sent = tiktok(noon()).ad_group_body(&reach, &mark(), &own, &countries()).expect("a body");
    assert_eq!(
        (&sent["billing_event"], &sent["frequency"], &sent["frequency_schedule"], sent.get("promotion_type")),
        (&json!("CPM"), &json!(3), &json!(7), None)
    );
}

#[test]
fn an_ad_goes_out_disabled_and_tracked() {
    let content = Content {
        name: "coats".to_owned(),
        headlines: Vec::new(),
        texts: vec!["Warm coats, shipped today".to_owned()],
        landing_url: "https://shop.example/coats".to_owned(),
        call_to_action: Some(CallToAction::ShopNow),
        media: Vec::new(),
        identity: None,
    };
    let shown = || ("SINGLE_VIDEO", json!({ "video_id": "v1", "image_ids": ["ad-site/1"] }).as_object().cloned().expect("an object"));
    assert_eq!(
        creative("coats-v1", &content, text(&content).expect("a text"), "7080000000000000003", shown()).expect("a creative"),
        json!({
            "ad_name": "coats-v1", "ad_format": "SINGLE_VIDEO", "identity_type": "CUSTOMIZED_USER", "identity_id": "7080000000000000003", "video_id": "v1",
            "image_ids": ["ad-site/1"], "ad_text": "Warm coats, shipped today", "call_to_action": "SHOP_NOW", "landing_page_url": "https://shop.example/coats",
            "utm_params": [
                { "key": "utm_source", "value": "tiktok" }, { "key": "utm_medium", "value": "paid_social" }, { "key": "utm_id", "value": "__CAMPAIGN_ID__" },
                { "key": "utm_campaign", "value": "__CAMPAIGN_NAME__" }, { "key": "utm_term", "value": "__AID__" }, { "key": "utm_content", "value": "__CID__" },
            ],
            "operation_status": "DISABLE",
        })
    );
    let with = |texts: &[&str], headlines: &[&str]| Content {
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        headlines: headlines.iter().map(|text| (*text).to_owned()).collect(),
        ..content.clone()
    };
    for (content, expected) in [
        (with(&["a"], &["b"]), "UNSUPPORTED"),
        (with(&["a", "b"], &[]), "UNSUPPORTED"),
        (with(&[], &[]), "VALIDATION"),
        (with(&["a \u{1f525}"], &[]), "VALIDATION"),
        (with(&["\u{8863}".repeat(51).as_str()], &[]), "VALIDATION"),
    ] {
        assert_eq!(text(&content).expect_err("refused").code(), expected, "{content:?}");
    }
    assert!(text(&with(&["\u{8863}".repeat(50).as_str()], &[])).is_ok());
}

#[test]
fn media_are_named_by_their_mark_and_fetched_by_the_platform() {
    let upload = |medium| tiktok(noon()).upload(&MediaDraft { account: "main".parse().expect("a literal"), name: "coats".to_owned(), medium }, &mark());
    let url = "https://cdn.example/coats.mp4".to_owned();
    let request = upload(Medium::Video { url: url.clone() }).expect("a request");
    assert!(request.url.ends_with("/file/video/ad/upload/"));
    let name = format!("coats {}", mark().as_str());
    assert_eq!(body(&request), json!({ "advertiser_id": "7001", "upload_type": "UPLOAD_BY_URL", "video_url": url, "file_name": name }));
    assert!(upload(Medium::Image { url: "https://cdn.example/a.jpg".to_owned() }).expect("a request").url.ends_with("/file/image/ad/upload/"));
    assert_eq!(upload(Medium::Youtube { id: "dQw4w9WgXcQ".to_owned() }).expect_err("refused").code(), "UNSUPPORTED");
}

#[test]
fn targeting_reads_back_as_it_was_set_and_every_part_that_cannot_be_said_is_named() {
    let to = Targeting {
        countries: ["HU".to_owned()].into(),
        places: ["5128581".to_owned()].into(),
        languages: ["hu".to_owned()].into(),
        ages: Ages::new(18, 65).ok(),
        genders: [Gender::Male].into(),
        interests: ["15".to_owned()].into(),
        ..Targeting::default()
    };
    let fields = targeting::fields(&Targeting::default(), &to, &countries()).expect("fields");
    assert_eq!(targeting::read(&Raw(fields.clone()), &countries()), (to.clone(), Vec::new()));
    let one = Targeting { languages: ["en".to_owned()].into(), ..to.clone() };
    assert_eq!(Value::Object(targeting::fields(&to, &one, &countries()).expect("fields")), json!({ "languages": ["en"] }), "only what differs");
    let wrong = Targeting {
        countries: ["ZZ".to_owned()].into(),
        ages: Ages::new(20, 30).ok(),
        genders: [Gender::Unknown].into(),
        keywords: [Keyword { text: "coat".to_owned(), matching: Match::Exact }].into(),
        ..Targeting::default()
    };
    let Err(PlatformError::Unsupported(what)) = targeting::fields(&Targeting::default(), &wrong, &countries()) else { panic!("refused") };
    for part in ["countries", "ages", "genders", "keywords"] {
        assert!(what.contains(part), "{what}");
    }
    let odd = raw(
        json!({ "age_groups": ["AGE_18_24", "AGE_45_54"], "gender": "GENDER_UNLIMITED", "operating_systems": ["IOS"], "spending_power": "ALL", "audience_ids": [] }),
    );
    assert_eq!(targeting::read(&odd, &countries()), (Targeting::default(), vec!["age_groups".to_owned(), "operating_systems".to_owned()]));
    let all = Targeting { ages: Ages::new(13, 65).ok(), genders: [Gender::Female, Gender::Male, Gender::Unknown].into(), ..Targeting::default() };
    assert_eq!(targeting::plain(&all), Targeting::default());
}

#[test]
fn a_replaced_ad_group_keeps_what_it_had_but_neither_its_money_nor_what_an_update_does_not_take() {
    let key: EntityKey = "main:ad_group:21".parse().expect("a key");
    let part = Part { campaign: key.clone(), key };
    let group = raw(json!({
        "adgroup_id": "21", "campaign_id": "11", "adgroup_name": "Prospecting", "budget": 60.0, "budget_mode": "BUDGET_MODE_DAY", "operation_status": "ENABLE",
        "schedule_type": "SCHEDULE_FROM_NOW", "schedule_start_time": "2026-11-20 12:00:00", "schedule_end_time": "2036-11-20 12:00:00",
        "dayparting": "10".repeat(168), "location_ids": ["6252001"], "languages": [], "bid_type": "BID_TYPE_CUSTOM", "conversion_bid_price": 12.5, "bid_price": 0.0,
        "share_disabled": false, "carrier_ids": ["7"], "optimization_goal": "CONVERT", "billing_event": "OCPM", "secondary_status": "ADGROUP_STATUS_DELIVERY_OK",
    }));
    let bid = Bidding { strategy: BidStrategy::CostCap, bid: Some(Bid::Cap(usd("13.75"))) };
    let fields = bidding::group(bid, "OCPM", crate::domain::money::Currency::USD).expect("fields");
    assert_eq!(
        body(&tiktok(noon()).replace(&group, &part, &bidding::FIELDS, fields)),
        json!({
            "advertiser_id": "7001", "adgroup_id": "21", "adgroup_name": "Prospecting", "schedule_type": "SCHEDULE_FROM_NOW",
            "schedule_start_time": "2026-11-20 12:00:00", "dayparting": "10".repeat(168), "location_ids": ["6252001"], "share_disabled": false,
            "carrier_ids": ["7"], "bid_type": "BID_TYPE_CUSTOM", "conversion_bid_price": 13.75,
        })
    );
}

#[test]
fn what_was_made_is_named_by_the_answer_or_settled_by_a_look() {
    let sent = json!({ "creatives": [{ "ad_name": "coats-v1" }], "adgroup_ids": ["21"] }).to_string();
    let read = |path: &str, data: Value| created(&format!("/open_api/v1.3/{path}"), sent.as_bytes(), &json!({ "code": 0, "data": data }));
    for (path, data, id) in [
        ("campaign/create/", json!({ "campaign_id": "1790000000000001" }), "1790000000000001"),
        ("adgroup/create/", json!({ "adgroup_id": 21 }), "21"),
        ("ad/create/", json!({ "ad_ids": ["22", "21"], "creatives": [{ "ad_id": "22", "ad_name": "other" }, { "ad_id": "21", "ad_name": "coats-v1" }] }), "21"),
        ("file/video/ad/upload/", json!([{ "video_id": "v10033g50000c000001" }]), "v10033g50000c000001"),
        ("file/image/ad/upload/", json!({ "image_id": "ad-site-i18n-sg/1" }), "ad-site-i18n-sg/1"),
    ] {
        assert_eq!(read(path, data).expect(path).as_deref(), Some(id));
        assert!(matches!(read(path, json!({})), Err(PlatformError::Unknown(_))), "{path}");
    }
    assert!(matches!(read("campaign/update/", json!({})), Ok(None)));
    assert!(matches!(read("adgroup/status/update/", json!({ "adgroup_ids": ["21"] })), Ok(None)));
    assert!(matches!(read("adgroup/status/update/", json!({ "adgroup_ids": [] })), Err(PlatformError::Unknown(_))));
    let partly = json!({ "adgroup_ids": [], "error_list": [{ "adgroup_id": "21", "error_message": "The ad group has been deleted." }] });
    assert!(matches!(read("adgroup/status/update/", partly), Err(PlatformError::Validation(what)) if what.contains("deleted")));
}

#[test]
fn the_review_of_an_ad_is_read_from_its_status_and_its_findings() {
    let spec = &tiktok(noon()).spec;
    let row = |id: &str, secondary: &str| {
        raw(json!({ "ad_id": id, "adgroup_id": "21", "campaign_id": "11", "operation_status": "ENABLE", "secondary_status": secondary }))
    };
    let rows = ["DELIVERY_OK", "AUDIT", "REAUDIT", "AUDIT_DENY", "DISABLE", "OF_TOMORROW"]
        .iter()
        .zip(31..)
        .map(|(status, id)| row(&id.to_string(), &format!("AD_STATUS_{status}")));
    let rows: Vec<Raw> = rows.chain([row("99", "AD_STATUS_DELETE")]).collect();
    let said = json!({ "is_approved": false, "reject_info": [{ "reasons": ["Misleading claims"], "suggestion": "Remove them" }] });
    let findings = [("34".to_owned(), structure::finding(&said)), ("35".to_owned(), structure::finding(&json!({ "is_approved": true })))].into();
    let found = structure::assemble(spec, &["11".to_owned()].into(), &[], &rows, &countries(), &findings);
    let reviews: Vec<Review> = found.ads.iter().map(|ad| ad.review).collect();
    assert_eq!(reviews, [Review::Approved, Review::Pending, Review::Pending, Review::Disapproved, Review::Approved, Review::Unknown]);
    assert_eq!(found.ads[3].findings, ["Misleading claims", "Remove them"]);
}
