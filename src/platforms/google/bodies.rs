//! The requests as they go out, byte for byte where the contract shows them.

use serde_json::{Value, json};

use super::tests::google;
use super::{Google, ads, bids, create, reach};
use crate::clock::ProductTime;
use crate::domain::change::{Bid, BidStrategy, Bidding, Change};
use crate::domain::draft::{Branch, CampaignDraft, Content, Flight, Mark};
use crate::domain::entity::Objective;
use crate::domain::ids::IdGen;
use crate::domain::money::{Currency, Money};
use crate::domain::structure::{Breakdown, ReportAsk, ReportLevel};
use crate::domain::targeting::{Ages, Gender, Keyword, Match, Targeting};
use crate::platforms::{AdPlatform, PlatformError, WireRequest};

fn mark() -> Mark {
    Mark::of(&IdGen::seeded(3).next(ProductTime::from_ms(1_000)))
}

fn usd(text: &str) -> Money {
    format!("{text} USD").parse().expect("a literal")
}

/// A client that knows the step of its currency, so that nothing has to be read.
fn ready() -> Google {
    let google = google();
    google.unit.set(Money::from_micros(10_000, Currency::USD)).expect("not read yet");
    google
}

fn content() -> Content {
    Content {
        name: "Shoes".to_owned(),
        headlines: ["Blue shoes", "Free returns", "Ships today"].map(str::to_owned).to_vec(),
        texts: ["Shoes for every day.", "Order before noon."].map(str::to_owned).to_vec(),
        landing_url: "https://www.example.com/shoes".to_owned(),
        call_to_action: None,
        media: Vec::new(),
        identity: None,
    }
}

fn draft() -> CampaignDraft {
    CampaignDraft {
        account: google().spec.account,
        name: "Launch 42".to_owned(),
        objective: Objective::Conversions,
        daily_budget: usd("50"),
        bidding: Some(Bidding { strategy: BidStrategy::TargetCpa, bid: Some(Bid::TargetCpa(usd("8"))) }),
        special_categories: Vec::new(),
        eu_political: false,
        flight: None,
        countries: [].into(),
        languages: [].into(),
        ad_groups: vec![Branch {
            name: "Launch 42 group".to_owned(),
            targeting: Targeting { keywords: [Keyword { text: "blue shoes".to_owned(), matching: Match::Exact }].into(), ..Targeting::default() },
            bid: None,
            ads: vec![content()],
        }],
    }
}

async fn compose(draft: CampaignDraft) -> Result<WireRequest, PlatformError> {
    ready().compose(&Change::CreateCampaign(Box::new(draft)), &mark()).await
}

fn body(request: &WireRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

#[tokio::test]
async fn a_campaign_goes_out_with_everything_below_it_in_one_request_with_temporary_ids() {
    let request = compose(draft()).await.expect("a request");
    assert_eq!(request.url, "http://127.0.0.1:1/v26/customers/1234567890/googleAds:mutate");
    let (mark, token) = (mark().as_str().to_owned(), mark().as_str().trim_matches(['[', ']']).to_owned());
    let name = format!("Launch 42 {mark}");
    let expected = json!({ "mutateOperations": [
        { "campaignBudgetOperation": { "create": {
            "resourceName": "customers/1234567890/campaignBudgets/-1", "name": name, "amountMicros": "50000000", "deliveryMethod": "STANDARD", "explicitlyShared": false } } },
        { "campaignOperation": { "create": {
            "resourceName": "customers/1234567890/campaigns/-2", "name": name, "status": "PAUSED", "advertisingChannelType": "SEARCH",
            "campaignBudget": "customers/1234567890/campaignBudgets/-1",
            "networkSettings": { "targetGoogleSearch": true, "targetSearchNetwork": false, "targetContentNetwork": false, "targetPartnerSearchNetwork": false },
            "geoTargetTypeSetting": { "positiveGeoTargetType": "PRESENCE", "negativeGeoTargetType": "PRESENCE" },
            "containsEuPoliticalAdvertising": "DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING", "maximizeConversions": { "targetCpaMicros": "8000000" } } } },
        { "adGroupOperation": { "create": {
            "resourceName": "customers/1234567890/adGroups/-3", "name": format!("Launch 42 group {mark}"), "campaign": "customers/1234567890/campaigns/-2",
            "type": "SEARCH_STANDARD", "status": "PAUSED" } } },
        { "adGroupCriterionOperation": { "create": {
            "adGroup": "customers/1234567890/adGroups/-3", "status": "ENABLED", "keyword": { "text": "blue shoes", "matchType": "EXACT" } } } },
        { "adGroupAdOperation": { "create": {
            "adGroup": "customers/1234567890/adGroups/-3", "status": "PAUSED", "ad": {
                "finalUrls": ["https://www.example.com/shoes"], "finalUrlSuffix": ads::TRACKING, "urlCustomParameters": [{ "key": "adj", "value": token }],
                "responsiveSearchAd": {
                    "headlines": [{ "text": "Blue shoes" }, { "text": "Free returns" }, { "text": "Ships today" }],
                    "descriptions": [{ "text": "Shoes for every day." }, { "text": "Order before noon." }] } } } } },
    ] });
    assert_eq!(body(&request), expected);
}

#[tokio::test]
async fn days_and_the_political_declaration_stand_in_the_campaign() {
    let flight = Flight { from: "2026-12-01".parse().expect("a date"), to: "2026-12-31".parse().ok() };
    let request = compose(CampaignDraft { flight: Some(flight), eu_political: true, ad_groups: Vec::new(), ..draft() }).await.expect("a request");
    let campaign = &body(&request)["mutateOperations"][1]["campaignOperation"]["create"];
    assert_eq!((&campaign["startDateTime"], &campaign["endDateTime"]), (&json!("2026-12-01 00:00:00"), &json!("2026-12-31 23:59:59")));
    assert_eq!(campaign["containsEuPoliticalAdvertising"], "CONTAINS_EU_POLITICAL_ADVERTISING");
}

#[test]
fn every_objective_is_made_or_refused_with_its_reason() {
    let table = [
        (Objective::Awareness, None),
        (Objective::Traffic, None),
        (Objective::Engagement, Some("Demand Gen")),
        (Objective::Conversions, None),
        (Objective::CatalogSales, Some("Merchant Center")),
        (Objective::Other, Some("never made")),
    ];
    for (objective, reason) in table {
        match (create::objective(objective), reason) {
            (Ok(()), None) => {}
            (Err(PlatformError::Unsupported(what)), Some(reason)) if what.contains(reason) => {}
            (outcome, _) => panic!("{objective:?}: {outcome:?}"),
        }
    }
}

#[test]
fn each_objective_bids_by_the_member_that_fits_it() {
    let bidding = |strategy, bid| Some(Bidding { strategy, bid });
    let cap = Some(Bid::Cap(usd("2")));
    for (objective, asked, expected) in [
        (Objective::Conversions, None, json!({ "maximizeConversions": {} })),
        (Objective::Conversions, bidding(BidStrategy::HighestValue, None), json!({ "maximizeConversionValue": {} })),
        (
            Objective::Conversions,
            bidding(BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(3_500))),
            json!({ "maximizeConversionValue": { "targetRoas": 3.5 } }),
        ),
        (Objective::Traffic, None, json!({ "targetSpend": {} })),
        (Objective::Traffic, bidding(BidStrategy::BidCap, cap), json!({ "targetSpend": { "cpcBidCeilingMicros": "2000000" } })),
        (
            Objective::Awareness,
            bidding(BidStrategy::BidCap, cap),
            json!({ "targetImpressionShare": { "cpcBidCeilingMicros": "2000000", "location": "ANYWHERE_ON_PAGE", "locationFractionMicros": "1000000" } }),
        ),
    ] {
        assert_eq!(bids::create(objective, asked, Currency::USD).expect("bidding"), expected, "{objective:?}");
    }
    for (objective, asked) in [
        (Objective::Awareness, None),
        (Objective::Conversions, bidding(BidStrategy::CostCap, cap)),
        (Objective::Conversions, bidding(BidStrategy::BidCap, cap)),
        (Objective::Traffic, bidding(BidStrategy::TargetCpa, Some(Bid::TargetCpa(usd("2"))))),
    ] {
        assert!(matches!(bids::create(objective, asked, Currency::USD), Err(PlatformError::Unsupported(_))), "{objective:?} {asked:?}");
    }
    for wrong in [bidding(BidStrategy::TargetCpa, None), bidding(BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(9))), bidding(BidStrategy::LowestCost, cap)]
    {
        assert!(matches!(bids::create(Objective::Conversions, wrong, Currency::USD), Err(PlatformError::Validation(_))), "{wrong:?}");
    }
}

#[test]
fn a_target_is_changed_in_the_member_that_matches_and_masks_name_its_field() {
    use bids::Scheme;
    let to = |strategy, bid| Bidding { strategy, bid };
    for (now, to, mask, members) in [
        (
            Scheme::TargetCpa,
            to(BidStrategy::TargetCpa, Some(Bid::TargetCpa(usd("6.50")))),
            "targetCpa.targetCpaMicros",
            json!({ "targetCpa": { "targetCpaMicros": "6500000" } }),
        ),
        (
            Scheme::MaximizeConversionValue,
            to(BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(4_200))),
            "maximizeConversionValue.targetRoas",
            json!({ "maximizeConversionValue": { "targetRoas": 4.2 } }),
        ),
        (Scheme::TargetRoas, to(BidStrategy::LowestCost, None), "maximizeConversions.targetCpaMicros", json!({ "maximizeConversions": {} })),
        (Scheme::ManualCpc, to(BidStrategy::LowestCost, None), "targetSpend.cpcBidCeilingMicros", json!({ "targetSpend": {} })),
    ] {
        assert_eq!(bids::change(now, to, Currency::USD).expect("a change"), (mask.to_owned(), members), "{now:?}");
    }
    assert_eq!(
        bids::set_group(Scheme::ManualCpc, Bid::Cap(usd("1.23")), Currency::USD).expect("a bid"),
        ("cpcBidMicros", json!({ "cpcBidMicros": "1230000" }))
    );
    assert!(bids::set_group(Scheme::TargetSpend, Bid::Cap(usd("1")), Currency::USD).is_err());
    assert!(bids::set(Scheme::ManualCpc, Some(Bid::Cap(usd("1"))), Currency::USD).is_err());
    assert!(bids::set(Scheme::TargetCpa, Some(Bid::TargetCpa("1.5 JPY".parse().expect("a literal"))), Currency::JPY).is_err());
}

#[test]
fn ages_and_genders_are_said_by_leaving_the_others_out() {
    let to = Targeting { ages: Ages::new(18, 44).ok(), genders: [Gender::Female].into(), ..Targeting::default() };
    let group = "customers/1234567890/adGroups/88";
    let age = |name: &str| json!({ "create": { "adGroup": group, "negative": true, "ageRange": { "type": name } } });
    let gender = |name: &str| json!({ "create": { "adGroup": group, "negative": true, "gender": { "type": name } } });
    let steps = reach::Reach::default().group_steps(group, &to).expect("criteria");
    assert_eq!(
        steps,
        [age("AGE_RANGE_45_54"), age("AGE_RANGE_55_64"), age("AGE_RANGE_65_UP"), age("AGE_RANGE_UNDETERMINED"), gender("MALE"), gender("UNDETERMINED")]
    );
    let long = Targeting { keywords: [Keyword { text: "a ".repeat(11), matching: Match::Broad }].into(), ..Targeting::default() };
    assert!(matches!(reach::Reach::default().group_steps(group, &long), Err(PlatformError::Validation(_))));
    let odd = Targeting { ages: Ages::new(13, 24).ok(), ..Targeting::default() };
    assert!(matches!(reach::Reach::default().group_steps(group, &odd), Err(PlatformError::Unsupported(_))));
}

#[test]
fn an_ad_whose_texts_google_does_not_take_is_refused_before_anything_is_sent() {
    let refused = |edit: fn(&mut Content)| {
        let mut content = content();
        edit(&mut content);
        ads::create("customers/1/adGroups/88", &content, &mark()).expect_err("refused").to_string()
    };
    assert!(refused(|content| content.headlines = vec!["a".to_owned(); 3]).contains("the same"));
    assert!(refused(|content| content.headlines[0] = "靴".repeat(16)).contains("wide ones"));
    assert!(refused(|content| content.texts.truncate(1)).contains("2 to 4"));
    assert!(refused(|content| content.landing_url = "javascript:alert(1)".to_owned()).contains("http"));
    assert!(refused(|content| content.identity = Some("1".to_owned())).contains("identity"));
}

#[test]
fn each_breakdown_asks_the_resource_that_has_it() {
    let ask = |level, breakdown| {
        let day = |text: &str| text.parse().expect("a date");
        super::breakdown::query(&ReportAsk { level, breakdown, from: day("2026-11-14"), to: day("2026-11-20") })
    };
    for (breakdown, field, resource) in [
        (Breakdown::Age, "ad_group_criterion.age_range.type", "age_range_view"),
        (Breakdown::Gender, "ad_group_criterion.gender.type", "gender_view"),
        (Breakdown::Country, "user_location_view.country_criterion_id", "user_location_view"),
        (Breakdown::Device, "segments.device", "ad_group"),
        (Breakdown::Hour, "segments.hour", "ad_group"),
    ] {
        let query = ask(ReportLevel::AdGroup, Some(breakdown)).expect("a query");
        assert!(
            query.contains(&format!(", {field}, ")) && query.contains(&format!(" FROM {resource} WHERE segments.date BETWEEN '2026-11-14' AND '2026-11-20'")),
            "{query}"
        );
    }
    assert!(ask(ReportLevel::Ad, Some(Breakdown::Hour)).expect_err("not of ads").to_string().contains("Hour"));
}
