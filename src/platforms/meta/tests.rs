use std::time::Duration;

use super::inventory::{assemble, unit};
use super::*;
use crate::clock::Clock;
use crate::domain::entity::{BudgetRef, Learning, Level, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::{Currency, Money};
use crate::platforms::call::{Asking, Reach, Told, Verb};
use crate::platforms::http::Reply;
use crate::platforms::limits::{Limiters, Pot};
use crate::platforms::spec::tests::spec;
use crate::platforms::spec::{ConversionRule, ConversionValue};

const BASE: &str = "http://127.0.0.1:1";

const ACCOUNT: &str = r#"{"id": "act_1001", "account_id": "1001", "name": "Shop", "account_status": 1, "currency": "USD",
 "timezone_name": "America/Los_Angeles", "timezone_offset_hours_utc": -8, "min_daily_budget": 100, "spend_cap": "0", "a_field_of_tomorrow": {"x": [1]}}"#;

fn meta(currency: Currency) -> Meta {
    let clock = Clock::real();
    let spec = crate::platforms::AccountSpec { currency, ..spec(Platform::Meta, Some(BASE)) }.checked().expect("valid");
    let caller = Caller::new(&spec, Meta::DIALECT, clock.clone(), &Limiters::new(clock)).expect("clients");
    Meta::new(spec, Arc::new(caller))
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("readable")
}

fn inventory(account: &str, campaigns: &str, ad_sets: &str) -> Inventory {
    assemble(&meta(Currency::USD).spec, &read(account), read(campaigns), read(ad_sets)).expect("an inventory")
}

fn usd(text: &str) -> Money {
    format!("{text} USD").parse().expect("a literal")
}

#[test]
fn a_campaign_budget_and_ad_set_budgets_are_told_apart() {
    let found = inventory(
        ACCOUNT,
        r#"[{"id":"12","name":"CBO","status":"ACTIVE","effective_status":"ACTIVE","objective":"OUTCOME_SALES","daily_budget":"20000","lifetime_budget":"0","special_ad_categories":["NONE"],"created_time":"2026-11-20T10:15:30-0800"},
            {"id":"11","name":"Sets","status":"PAUSED","effective_status":"PAUSED","objective":"OUTCOME_OF_TOMORROW","special_ad_categories":["HOUSING"],"created_time":"1969-12-31T16:00:00-0800"},
            {"id":"13","name":"gone","status":"ARCHIVED"},
            {"id":"14","name":"Lifetime","status":"ACTIVE","effective_status":"IN_PROCESS","lifetime_budget":"900000"}]"#,
        r#"[{"id":"22","campaign_id":"11","status":"ACTIVE","effective_status":"CAMPAIGN_PAUSED","daily_budget":"2500","lifetime_budget":"0"},
            {"id":"21","campaign_id":"11","status":"PAUSED","effective_status":"PAUSED","daily_budget":"1000"},
            {"id":"23","campaign_id":"11","status":"DELETED","effective_status":"DELETED","daily_budget":"7700"},
            {"id":"24","campaign_id":"12","status":"ACTIVE","effective_status":"ACTIVE","daily_budget":"0",
             "learning_stage_info":{"status":"LEARNING","conversions":18,"last_sig_edit_ts":1793606400,"attribution_windows":["7d_click"]}},
            {"id":"25","campaign_id":"12","status":"ACTIVE","effective_status":"ACTIVE","learning_stage_info":{"status":"SUCCESS","conversions":0}}]"#,
    );
    let budgets: Vec<_> = found.budgets.iter().map(|budget| (budget.budget.key.to_string(), budget.amount, budget.read_only)).collect();
    assert_eq!(
        budgets,
        [
            ("main:campaign:12".to_owned(), usd("200"), None),
            ("main:campaign:14".to_owned(), usd("9000"), Some(ReadOnly::Lifetime)),
            ("main:ad_group:21".to_owned(), usd("10"), None),
            ("main:ad_group:22".to_owned(), usd("25"), None),
        ]
    );
    assert!(found.budgets.iter().all(|budget| budget.unit == usd("0.01") && budget.minimum == usd("1")));
    let [sets, cbo, lifetime] = found.campaigns.as_slice() else { panic!("three campaigns, not {}", found.campaigns.len()) };
    assert_eq!((sets.status, sets.serving, sets.budget.key.level, sets.objective), (RunStatus::Paused, false, Level::AdGroup, Objective::Other));
    assert_eq!((sets.special_categories.as_deref(), sets.created), (Some(["HOUSING".to_owned()].as_slice()), None));
    assert_eq!((cbo.serving, cbo.special_categories.as_deref(), cbo.objective), (true, Some([].as_slice()), Objective::Conversions));
    assert_eq!(cbo.created.map(|at| at.to_string()).as_deref(), Some("2026-11-20T18:15:30Z"));
    assert_eq!(cbo.learning, Learning::Active { conversions: Some(18.0), since: Some(ProductTime::from_ms(1_793_606_400_000)) });
    assert_eq!((sets.learning.clone(), lifetime.special_categories.clone(), lifetime.serving), (Learning::Unknown, None, false));
}

#[test]
fn an_account_in_bad_standing_serves_nothing_and_takes_no_budget() {
    let campaigns = r#"[{"id":"12","status":"ACTIVE","effective_status":"ACTIVE","daily_budget":"20000"}]"#;
    let found = inventory(&ACCOUNT.replace(r#""account_status": 1"#, r#""account_status": 2"#), campaigns, "[]");
    assert!(!found.account.in_good_standing && !found.campaigns[0].serving);
    assert_eq!(found.budgets[0].read_only, Some(ReadOnly::Ended));
}

#[test]
fn what_says_nothing_we_know_of_its_status_counts_as_spending_and_is_not_steered() {
    for (status, kept) in [("", true), (r#""status":"OF_TOMORROW","#, true), (r#""status":"ARCHIVED","#, false)] {
        let found = inventory(ACCOUNT, &format!(r#"[{{"id":"12",{status}"daily_budget":"20000"}}]"#), "[]");
        let told: Vec<_> = found.campaigns.iter().zip(&found.budgets).map(|(campaign, budget)| (campaign.status, budget.read_only)).collect();
        assert_eq!(told, Vec::from_iter(kept.then_some((RunStatus::Active, Some(ReadOnly::UnknownType)))), "{status}");
    }
}

#[test]
fn a_refused_ad_shows_on_its_campaign() {
    let campaigns = r#"[{"id":"12","status":"ACTIVE","effective_status":"WITH_ISSUES","daily_budget":"20000",
        "issues_info":[{"level":"AD","error_code":2490427,"error_summary":"Ad rejected","error_type":"HARD_ERROR"}]}]"#;
    let found = inventory(ACCOUNT, campaigns, "[]");
    assert!(found.campaigns[0].disapproved && !found.campaigns[0].serving);
}

#[test]
fn units_follow_the_platforms_own_list_of_currencies() {
    for (code, micros) in [("USD", 10_000), ("JPY", 1_000_000), ("HUF", 1_000_000), ("TWD", 1_000_000), ("BHD", 10_000), ("EUR", 10_000)] {
        assert_eq!(unit(code.parse().expect("a literal")).micros(), micros, "{code}");
    }
}

fn budget(currency: Currency, resource: &str) -> Budget {
    let key = "main:campaign:12".parse::<crate::domain::entity::EntityKey>().expect("a literal");
    let unit = unit(currency);
    Budget { budget: BudgetRef { members: vec![key.clone()], key }, resource: resource.to_owned(), amount: unit, unit, minimum: unit, read_only: None }
}

fn set(to: &str, resource: &str) -> Result<WireRequest, PlatformError> {
    let to: Money = to.parse().expect("a literal");
    let budget = budget(to.currency(), resource);
    let change = Change::Budget { budget: budget.budget.clone(), from: budget.amount, to };
    meta(to.currency()).prepare(&change, Some(&budget))
}

#[test]
fn a_budget_goes_out_in_smallest_units() {
    for (to, body) in [("30.00 USD", "daily_budget=3000"), ("2500 JPY", "daily_budget=2500"), ("9000 HUF", "daily_budget=9000")] {
        let request = set(to, "12").expect(to);
        assert_eq!(String::from_utf8_lossy(&request.body), body);
        assert_eq!((request.method, request.url.as_str(), request.content_type), ("POST", "http://127.0.0.1:1/v26.0/12", FORM));
    }
    for to in ["30.001 USD", "2500.5 JPY", "9000.50 HUF", "0 USD", "-5 USD"] {
        assert!(matches!(set(to, "12"), Err(PlatformError::Validation(_))), "{to}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_sent() {
    let meta = meta(Currency::USD);
    let (cents, foreign) = (budget(Currency::USD, "12"), budget(Currency::JPY, "12"));
    let change = |to| Change::Budget { budget: cents.budget.clone(), from: cents.amount, to };
    let read_only = Budget { read_only: Some(ReadOnly::Lifetime), ..cents.clone() };
    let minimum = Budget { minimum: usd("5"), ..cents.clone() };
    for (to, read) in [(usd("1"), None), (usd("1"), Some(&foreign)), (usd("1"), Some(&read_only)), (usd("4.99"), Some(&minimum))] {
        assert!(matches!(meta.prepare(&change(to), read), Err(PlatformError::Validation(_))), "{to} {read:?}");
    }
    let status = |key: &str, to| Change::Status { entity: key.parse().expect("a literal"), from: RunStatus::Active, to };
    for (change, code) in [
        (status("main:campaign:12", RunStatus::Ended), "UNSUPPORTED"),
        (status("main:ad:12", RunStatus::Paused), "UNSUPPORTED"),
        (status("main:campaign:12/x?y", RunStatus::Paused), "VALIDATION"),
        (status("other:campaign:12", RunStatus::Paused), "VALIDATION"),
    ] {
        assert_eq!(meta.prepare(&change, None).expect_err("refused").code(), code);
    }
    let request = meta.prepare(&status("main:ad_group:22", RunStatus::Active), None).expect("a request");
    assert_eq!((request.url.ends_with("/v26.0/22"), request.body.as_slice()), (true, b"status=ACTIVE".as_slice()));
}

const ROW: &str = r#"{"campaign_id": "11", "spend": "24.87", "impressions": "3310", "clicks": "61", "ctr": "1.842900",
 "actions": [{"action_type": "link_click", "value": "44", "7d_click": "44"},
   {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "3", "7d_click": "2", "1d_view": "1"},
   {"action_type": "omni_purchase", "value": "3", "7d_click": "2", "1d_view": "1"}],
 "action_values": [{"action_type": "omni_purchase", "value": "149.7", "7d_click": "99.8", "1d_view": "49.9"}],
 "account_currency": "USD", "date_start": "2026-11-18", "date_stop": "2026-11-18"}"#;

#[test]
fn one_purchase_counts_once_and_only_within_its_window() {
    let spec = &meta(Currency::USD).spec;
    let day = report::day(spec, &read(ROW)).expect("a day");
    assert_eq!((day.metrics.spend, day.metrics.impressions, day.metrics.clicks), (usd("24.87"), 3_310, 61));
    assert_eq!((day.metrics.conversions_milli, day.metrics.revenue), (2_000, usd("99.8")));
    let fixed = ConversionRule { value: ConversionValue::Fixed(usd("30")), window: Duration::from_secs(86_400), ..spec.conversions.clone() };
    let none = report::day(&crate::platforms::AccountSpec { conversions: fixed.clone(), ..spec.clone() }, &read(ROW)).expect("a day");
    assert_eq!(none.metrics.conversions_milli, 0, "no click of the last day bought");
    let worth = ConversionRule { window: spec.conversions.window, ..fixed };
    let day = report::day(&crate::platforms::AccountSpec { conversions: worth, ..spec.clone() }, &read(ROW)).expect("a day");
    assert_eq!(day.metrics.revenue, usd("60"));
}

#[test]
fn a_row_that_contradicts_the_account_is_no_figure() {
    let spec = &meta(Currency::USD).spec;
    for (of, by) in [(r#""USD""#, r#""EUR""#), (r#""24.87""#, r#""many""#), (r#""campaign_id": "11""#, r#""campaign_id": "x""#), ("2026-11-18", "18.11.2026")] {
        assert!(report::day(spec, &read(&ROW.replace(of, by))).is_err(), "{by}");
    }
    let quiet = report::day(spec, &read(r#"{"campaign_id":"11","date_start":"2026-11-18"}"#)).expect("a day without delivery");
    assert_eq!(quiet.metrics, crate::domain::metrics::Metrics::zero(Currency::USD));
}

fn failure(code: i64, subcode: i64, message: &str) -> Fault {
    let body = serde_json::json!({ "error": { "message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "Ax" } });
    errors::judge(&Reply::of(400, &[], &body.to_string())).expect_err("an error")
}

/// Every code and subcode of the contract with what becomes of it.
const CODES: [(&str, &[(i64, i64)]); 8] = [
    ("TRANSIENT", &[(1, 0), (2, 0), (2, 1_504_043), (960, 0), (2, 1_504_038), (100, 1_504_018), (100, 1_487_534), (-1, 0), (-3, 1_234)]),
    (
        "QUOTA",
        &[
            (4, 0),
            (4, 1_504_022),
            (4, 1_504_039),
            (17, 0),
            (17, 2_446_079),
            (17, 1_885_172),
            (32, 0),
            (341, 0),
            (613, 1_487_742),
            (613, 1_487_632),
            (613, 5_044_001),
            (613, 1_487_225),
            (80_000, 0),
            (80_001, 0),
            (80_002, 0),
            (80_003, 0),
            (80_004, 0),
            (80_005, 0),
            (80_006, 0),
            (80_008, 0),
            (80_009, 0),
            (80_014, 0),
        ],
    ),
    ("AUTH", &[(102, 0), (104, 0), (190, 0), (190, 458), (190, 459), (190, 460), (190, 463), (190, 464), (190, 467), (190, 492)]),
    (
        "PERMISSION",
        &[
            (613, 0),
            (3, 0),
            (10, 0),
            (200, 0),
            (200, 1_870_034),
            (294, 0),
            (299, 0),
            (368, 0),
            (1_404_078, 0),
            (1_404_163, 0),
            (2_859_015, 0),
            (100, 2_859_015),
        ],
    ),
    ("POLICY", &[(1_885_183, 0), (2_490_427, 0), (2_490_468, 0), (100, 1_885_183), (100, 2_490_427), (100, 2_490_468)]),
    ("NOT_FOUND", &[(100, 33), (100, 1_487_056), (100, 1_487_566), (100, 1_885_088), (1_487_056, 0), (1_487_566, 0), (1_885_088, 0)]),
    ("VALIDATION", &[(1, 99), (2, 1_504_041), (2, 1_504_042), (100, 0), (389, 0), (2_500, 0), (2_635, 0), (3_018, 0), (777_777, 0)]),
    (
        "VALIDATION",
        &[
            (100, 1_885_272),
            (1_885_650, 0),
            (100, 1_885_621),
            (100, 2_238_055),
            (100, 1_885_204),
            (100, 2_490_487),
            (100, 4_834_011),
            (100, 4_834_002),
            (100, 4_834_005),
            (100, 4_834_006),
            (100, 4_834_009),
            (100, 3_858_418),
            (100, 1_487_033),
            (100, 1_487_007),
            (1_870_227, 0),
            (100, 1_870_188),
            (100, 1_870_189),
            (100, 1_870_199),
            (100, 3_858_081),
            (100, 3_858_152),
            (100, 2_446_509),
            (100, 2_446_383),
            (100, 1_815_199),
            (100, 3_858_258),
            (100, 1_487_929),
            (100, 1_885_557),
            (100, 1_815_629),
        ],
    ),
];

#[test]
fn every_code_and_subcode_becomes_what_the_contract_says() {
    for (expected, codes) in CODES {
        for (code, subcode) in codes {
            assert_eq!(failure(*code, *subcode, "text").error.code(), expected, "{code}/{subcode}");
        }
    }
    for (code, subcode, seconds, reach) in [
        (4, 0, 60, Reach::Pot(Pot::App)),
        (4, 1_504_022, 300, Reach::Pot(Pot::Reports)),
        (17, 2_446_079, 60, Reach::Pot(Pot::Account)),
        (17, 1_885_172, 86_400, Reach::Object),
        (32, 0, 60, Reach::Pot(Pot::App)),
        (613, 1_487_632, 3_600, Reach::Object),
        (613, 1_487_225, 3_600, Reach::Object),
        (613, 5_044_001, 1, Reach::Pot(Pot::Management)),
        (613, 1_487_742, 60, Reach::Pot(Pot::Account)),
        (80_000, 0, 300, Reach::Pot(Pot::Reports)),
        (80_003, 0, 300, Reach::Object),
        (80_004, 0, 300, Reach::Pot(Pot::Management)),
    ] {
        let fault = failure(code, subcode, "");
        let PlatformError::Quota { wait, .. } = fault.error else { panic!("{code}/{subcode}") };
        assert_eq!((wait.as_secs(), fault.reach), (seconds, reach), "{code}/{subcode}");
    }
    assert_eq!(failure(100, 0, "Invalid appsecret_proof provided").error.code(), "AUTH");
    assert_eq!(failure(2_500, 0, "An active access token must be used").error.code(), "AUTH");
    for (code, subcode) in [(2, 1_504_038), (100, 1_504_018), (100, 1_487_534)] {
        assert_eq!(failure(code, subcode, "").remedy, Remedy::SmallerPage);
    }
    assert_eq!(failure(1, 0, "Please reduce the amount of data you're asking for").remedy, Remedy::SmallerPage);
}

#[test]
fn an_accounts_score_is_waited_for_as_long_as_the_header_or_the_tier_says() {
    let wait = |usage: &'static str| {
        let reply = Reply::of(400, &[("x-ad-account-usage", usage)], r#"{"error":{"code":17,"error_subcode":2446079,"message":"score"}}"#);
        let PlatformError::Quota { wait, .. } = errors::judge(&reply).expect_err("an error").error else { panic!("a quota") };
        wait.as_secs()
    };
    assert_eq!(wait(r#"{"acc_id_util_pct":100,"reset_time_duration":0,"ads_api_access_tier":"standard_access"}"#), 60);
    assert_eq!(wait(r#"{"acc_id_util_pct":100,"reset_time_duration":100,"ads_api_access_tier":"standard_access"}"#), 100);
    assert_eq!(wait(r#"{"acc_id_util_pct":100,"ads_api_access_tier":"development_access"}"#), 300);
}

#[test]
fn what_is_no_answer_of_the_platform_proves_nothing() {
    for (status, body) in [(502, "<html>"), (200, "Service Unavailable"), (500, r#"{"data":[]}"#), (200, r#"{"error":"odd"}"#)] {
        assert_eq!(errors::judge(&Reply::of(status, &[], body)).expect_err(body).error.code(), "TRANSIENT", "{body}");
    }
}

#[test]
fn waits_and_pressure_are_read_from_the_usage_headers() {
    let usage = |percent: u32, minutes: u32| -> &'static str {
        let text = serde_json::json!({ "1001": [{ "type": "ads_management", "call_count": percent, "total_cputime": 20, "total_time": 20, "estimated_time_to_regain_access": minutes }] });
        Box::leak(text.to_string().into_boxed_str())
    };
    let wait = |minutes| {
        let reply = Reply::of(400, &[("x-business-use-case-usage", usage(101, minutes))], r#"{"error":{"code":80004,"message":"too many calls"}}"#);
        match errors::judge(&reply).expect_err("an error").error {
            PlatformError::Quota { wait, .. } => wait.as_secs(),
            other => panic!("{other}"),
        }
    };
    assert_eq!((wait(7), wait(0)), (420, 1));
}

fn told(header: &'static str, value: &'static str) -> Vec<Told> {
    usage::told(&Reply::of(200, &[(header, value)], "{}").headers)
}

/// The headers as the contract shows them: percent everywhere, minutes in one, seconds in another.
#[test]
fn each_usage_header_tells_of_its_own_count_in_its_own_units() {
    let minutes = |count: u64| Some(Duration::from_secs(count * 60));
    let entry = |pot, share, rest, most| Told { pot, share: Some(share), rest, most };
    assert_eq!(told("x-app-usage", r#"{"call_count":28,"total_cputime":25,"total_time":25}"#), [entry(Pot::App, 0.28, None, None)]);
    let account = told("x-ad-account-usage", r#"{"acc_id_util_pct":9.67,"reset_time_duration":100,"ads_api_access_tier":"standard_access"}"#);
    assert_eq!(account, [entry(Pot::Account, 0.0967, None, Some(9_000))]);
    let cases = told(
        "x-business-use-case-usage",
        r#"{"1234567890":[{"type":"ads_management","call_count":95,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":0,"ads_api_access_tier":"development_access"},{"type":"ads_insights","call_count":3,"total_cputime":86,"total_time":1,"estimated_time_to_regain_access":0},{"type":"pages","call_count":100}]}"#,
    );
    assert_eq!(cases, [entry(Pot::Management, 0.95, minutes(10), Some(300)), entry(Pot::Reports, 0.86, minutes(2), None)]);
    let reports = told("x-fb-ads-insights-throttle", r#"{"app_id_util_pct":96.2,"acc_id_util_pct":10,"ads_api_access_tier":"standard_access"}"#);
    assert_eq!(reports, [entry(Pot::Reports, 96.2 / 100.0, minutes(10), Some(190_000))]);
    let long = told("x-business-use-case-usage", r#"{"1":[{"type":"ads_insights","call_count":101,"estimated_time_to_regain_access":27}]}"#);
    assert_eq!(long.first().and_then(|told| told.rest), minutes(27));
    let seconds = told("x-ad-account-usage", r#"{"acc_id_util_pct":97.5,"reset_time_duration":1000}"#);
    assert_eq!(seconds.first().and_then(|told| told.rest), Some(Duration::from_secs(1_000)));
    assert_eq!(told("x-app-usage", "not json"), []);
}

#[test]
fn a_call_counts_by_its_use_case_and_a_write_as_three_points() {
    let cost = |verb, path| usage::cost(&Asking { verb, path, body: b"" });
    assert_eq!(cost(Verb::Get, "/v26.0/act_1/insights"), [(Pot::App, 1), (Pot::Account, 1), (Pot::Reports, 1)]);
    assert_eq!(cost(Verb::Post, "/v26.0/23850000000000022"), [(Pot::App, 1), (Pot::Account, 3), (Pot::Management, 1)]);
}

#[test]
fn only_the_use_case_that_is_used_up_is_waited_for() {
    let both = r#"{"1":[{"type":"ads_insights","estimated_time_to_regain_access":40},{"type":"ads_management","estimated_time_to_regain_access":3}]}"#;
    let reply = Reply::of(400, &[("x-business-use-case-usage", both)], r#"{"error":{"code":80004,"message":"too many calls"}}"#);
    let fault = errors::judge(&reply).expect_err("an error");
    let PlatformError::Quota { wait, .. } = fault.error else { panic!("a quota") };
    assert_eq!((wait.as_secs(), fault.reach), (180, Reach::Pot(Pot::Management)));
}
