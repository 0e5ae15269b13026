use super::inventory::{assemble, floor, unit};
use super::*;
use crate::clock::Clock;
use crate::domain::entity::{BudgetRef, EntityKey, Learning, Objective, Platform, ReadOnly, RunStatus};
use crate::domain::money::{Currency, Money};
use crate::platforms::call::Reach;
use crate::platforms::http::Reply;
use crate::platforms::limits::{Limiters, Pot};
use crate::platforms::spec::tests::spec;

pub(super) fn tiktok(clock: Clock) -> Tiktok {
    let spec = spec(Platform::Tiktok, Some("http://127.0.0.1:1")).checked().expect("valid");
    let caller = Caller::new(&spec, Tiktok::DIALECT, clock.clone(), &Limiters::new(clock)).expect("clients");
    Tiktok::new(spec, Arc::new(caller))
}

fn inventory(currency: &str, campaigns: &str, ad_groups: &str) -> Inventory {
    let account =
        format!(r#"{{"advertiser_id":"7001","name":"Shop","currency":"{currency}","timezone":"America/New_York","balance":1200.5,"status":"STATUS_ENABLE"}}"#);
    let read = |json: &str| serde_json::from_str(json).expect("readable");
    assemble(
        &tiktok(Clock::real()).spec,
        &read(&account),
        serde_json::from_str(campaigns).expect("campaigns"),
        serde_json::from_str(ad_groups).expect("ad groups"),
    )
    .expect("an inventory")
}

#[test]
fn campaign_budgets_and_ad_group_budgets_are_told_apart() {
    let found = inventory(
        "USD",
        r#"[{"campaign_id":"11","campaign_name":"Autumn","objective_type":"WEB_CONVERSIONS","budget":120.5,"budget_mode":"BUDGET_MODE_DAY","operation_status":"ENABLE","secondary_status":"CAMPAIGN_STATUS_ENABLE","create_time":"2026-11-20 08:00:00","modify_time":"2026-11-20 08:00:00"},
            {"campaign_id":"12","campaign_name":"Groups","objective_type":"OF_TOMORROW","budget":0,"budget_mode":"BUDGET_MODE_INFINITE","operation_status":"ENABLE","secondary_status":null},
            {"campaign_id":"13","campaign_name":"Total","budget":900,"budget_mode":"BUDGET_MODE_TOTAL","operation_status":"DISABLE","secondary_status":"CAMPAIGN_STATUS_DISABLE"},
            {"campaign_id":"14","campaign_name":"Smart","budget":70,"budget_mode":"BUDGET_MODE_DYNAMIC_DAILY_BUDGET","is_smart_performance_campaign":1,"operation_status":"ENABLE"},
            {"campaign_id":"15","campaign_name":"gone","budget":70,"budget_mode":"BUDGET_MODE_DAY","operation_status":"DISABLE","secondary_status":"CAMPAIGN_STATUS_DELETE"}]"#,
        r#"[{"adgroup_id":"21","campaign_id":"12","budget":60,"budget_mode":"BUDGET_MODE_DAY","scheduled_budget":72.0,"operation_status":"ENABLE","secondary_status":"ADGROUP_STATUS_AUDIT_DENY"},
            {"adgroup_id":"22","campaign_id":"12","budget":40,"budget_mode":"BUDGET_MODE_DAY","scheduled_budget":0,"operation_status":"ENABLE","secondary_status":"ADGROUP_STATUS_AUDIT_DENY"},
            {"adgroup_id":"23","campaign_id":"12","budget":99,"budget_mode":"BUDGET_MODE_DAY","operation_status":"DISABLE","secondary_status":"ADGROUP_STATUS_DELETE"}]"#,
    );
    let budgets: Vec<_> = found.budgets.iter().map(|budget| (budget.budget.key.to_string(), budget.amount.to_string(), budget.read_only)).collect();
    let row = |key: &str, amount: &str, why| (key.to_owned(), amount.to_owned(), why);
    assert_eq!(
        budgets,
        [
            row("main:campaign:11", "120.50 USD", None),
            row("main:campaign:13", "900.00 USD", Some(ReadOnly::Lifetime)),
            row("main:campaign:14", "70.00 USD", Some(ReadOnly::Automated)),
            row("main:ad_group:21", "72.00 USD", None),
            row("main:ad_group:22", "40.00 USD", None),
        ]
    );
    assert_eq!((found.budgets[0].minimum.to_string().as_str(), found.budgets[3].minimum.to_string().as_str()), ("50.00 USD", "20.00 USD"));
    let [autumn, groups, ..] = found.campaigns.as_slice() else { panic!("campaigns") };
    assert_eq!((autumn.serving, autumn.disapproved, autumn.objective), (true, false, Objective::Conversions));
    assert_eq!((autumn.created.map(|at| at.to_string()).as_deref(), autumn.learning.clone()), (Some("2026-11-20T08:00:00Z"), Learning::Unknown));
    assert_eq!((groups.disapproved, groups.objective, groups.serving), (true, Objective::Other, true));
    assert_eq!(found.campaigns.len(), 4);
}

#[test]
fn what_says_nothing_we_know_of_its_status_counts_as_spending_and_is_not_steered() {
    let campaign = |status: &str| format!(r#"[{{"campaign_id":"11","budget":120.5,"budget_mode":"BUDGET_MODE_DAY"{status}}}]"#);
    for status in ["", r#","operation_status":"OF_TOMORROW""#] {
        let found = inventory("USD", &campaign(status), "[]");
        assert_eq!((found.campaigns[0].status, found.budgets[0].read_only), (RunStatus::Active, Some(ReadOnly::UnknownType)));
    }
    assert!(inventory("USD", &campaign(r#","operation_status":"DELETE""#), "[]").budgets.is_empty());
}

#[test]
fn units_and_floors_follow_the_currency() {
    let currency = |code: &str| code.parse::<Currency>().expect("a literal");
    for (code, micros) in [("USD", 10_000), ("JPY", 1_000_000), ("HUF", 10_000), ("KWD", 10_000)] {
        assert_eq!(unit(currency(code)).micros(), micros, "{code}");
    }
    assert_eq!(floor(20, Currency::JPY).to_string(), "2000 JPY");
}

fn set(key: &str, to: &str) -> Result<WireRequest, PlatformError> {
    let to: Money = to.parse().expect("a literal");
    let key: EntityKey = key.parse().expect("a literal");
    let (unit, resource) = (unit(to.currency()), key.id.clone());
    let budget = BudgetRef { key, members: Vec::new() };
    let read = Budget { budget: budget.clone(), resource, amount: unit, unit, minimum: unit, read_only: None };
    tiktok(Clock::real()).prepare(&Change::Budget { budget, from: unit, to }, Some(&read))
}

#[test]
fn a_budget_goes_out_as_a_number_in_whole_units() {
    for (key, to, path, body) in [
        ("main:campaign:11", "140.00 USD", "campaign/update/", r#"{"advertiser_id":"7001","campaign_id":"11","budget":140}"#),
        ("main:campaign:11", "140.57 USD", "campaign/update/", r#"{"advertiser_id":"7001","campaign_id":"11","budget":140.57}"#),
        ("main:campaign:11", "14000 JPY", "campaign/update/", r#"{"advertiser_id":"7001","campaign_id":"11","budget":14000}"#),
        ("main:campaign:11", "9000.50 HUF", "campaign/update/", r#"{"advertiser_id":"7001","campaign_id":"11","budget":9000.5}"#),
        (
            "main:ad_group:21",
            "72.00 USD",
            "adgroup/budget/update/",
            r#"{"advertiser_id":"7001","scheduled_budget":[{"adgroup_id":"21","scheduled_budget":72}]}"#,
        ),
    ] {
        let request = set(key, to).expect(to);
        assert_eq!(request.url, format!("http://127.0.0.1:1/open_api/v1.3/{path}"));
        assert_eq!(String::from_utf8_lossy(&request.body), body);
    }
    for (key, to) in [("main:campaign:11", "140.001 USD"), ("main:campaign:11", "140.5 JPY"), ("main:campaign:1-1", "140 USD")] {
        assert!(matches!(set(key, to), Err(PlatformError::Validation(_))), "{to}");
    }
    assert!(matches!(set("main:shared:11", "140 USD"), Err(PlatformError::Unsupported(_))));
}

#[test]
fn status_goes_out_as_a_list_of_one() {
    for (key, to, path, body) in [
        ("main:campaign:11", RunStatus::Active, "campaign/status/update/", r#"{"advertiser_id":"7001","campaign_ids":["11"],"operation_status":"ENABLE"}"#),
        ("main:ad_group:21", RunStatus::Paused, "adgroup/status/update/", r#"{"advertiser_id":"7001","adgroup_ids":["21"],"operation_status":"DISABLE"}"#),
    ] {
        let change = Change::Status { entity: key.parse().expect("a literal"), from: RunStatus::Active, to };
        let request = tiktok(Clock::real()).prepare(&change, None).expect("a request");
        assert!(request.url.ends_with(path), "{}", request.url);
        assert_eq!(String::from_utf8_lossy(&request.body), body);
    }
}

#[tokio::test]
async fn an_ad_group_budget_holds_from_midnight_and_is_locked_before_it() {
    let key: EntityKey = "main:ad_group:21".parse().expect("a literal");
    let budget = BudgetRef { key, members: Vec::new() };
    let change = Change::Budget { budget, from: Money::zero(Currency::USD), to: Money::zero(Currency::USD) };
    let at = |text: &str| ProductTime::from(text.parse::<chrono::DateTime<chrono::Utc>>().expect("a literal"));
    let clock = Clock::manual(at("2026-11-21T04:57:00Z"));
    let tiktok = tiktok(clock.clone());
    assert_eq!(tiktok.effect_of(&change, clock.now()), Effect::NextLocalDay);
    let request = set("main:ad_group:21", "72.00 USD").expect("a request");
    let error = tiktok.send(request, Duration::from_secs(1)).await.expect_err("locked");
    assert!(matches!(&error, PlatformError::Quota { wait, .. } if *wait == Duration::from_secs(180)), "{error}");
    assert_eq!(tiktok.locked_for(at("2026-11-21T04:54:59Z")), None);
    assert_eq!(tiktok.locked_for(at("2026-11-21T05:00:00Z")), None);
}

#[test]
fn a_report_row_is_read_from_text_and_a_dash_is_no_number() {
    let spec = &tiktok(Clock::real()).spec;
    let row = |spend: &str, bought: &str| {
        let text = format!(
            r#"{{"dimensions":{{"campaign_id":"11","stat_time_day":"2026-11-19 00:00:00"}},
                "metrics":{{"spend":"{spend}","impressions":"9120","clicks":"143","complete_payment":"{bought}","total_complete_payment_rate":"312.45"}}}}"#
        );
        report::day(spec, &serde_json::from_str(&text).expect("a row"))
    };
    let day = row("58.20", "5").expect("readable").expect("a day");
    assert_eq!((day.day.to_string().as_str(), day.metrics.spend.to_string().as_str()), ("2026-11-19", "58.20 USD"));
    assert_eq!((day.metrics.conversions_milli, day.metrics.revenue.to_string().as_str(), day.metrics.clicks), (5_000, "312.45 USD", 143));
    assert_eq!(row("58.20", "-").expect("readable").expect("a day").metrics.conversions_milli, 0);
    assert!(row("-", "5").expect("readable").is_none(), "without a spend there is no day");
}

#[test]
fn errors_are_told_apart_by_code_whatever_the_status() {
    for (codes, expected) in [
        (&[40_000, 40_002, 40_006, 40_051, 40_061, 40_400, 40_502, 40_903, 40_907, 41_001, 49_999][..], "VALIDATION"),
        (&[40_001, 40_101, 40_113, 40_117, 40_118, 40_300, 40_301, 41_000], "PERMISSION"),
        (&[40_007], "NOT_FOUND"),
        (&[40_016, 40_100, 40_132, 40_133, 61_000], "QUOTA"),
        (&[40_050, 40_911], "UNKNOWN"),
        (&[40_102, 40_103, 40_104, 40_105, 40_110], "AUTH"),
        (&[40_202], "CONFLICT"),
        (&[20_001, 40_200, 40_201, 40_700, 40_901, 40_902, 50_000, 50_002, 51_010, 51_999, 52_000, 60_001], "TRANSIENT"),
    ] {
        for code in codes {
            for status in [200, 400] {
                let body = format!(r#"{{"code":{code},"message":"text","request_id":"2026","data":{{}}}}"#);
                assert_eq!(errors::judge(&Reply::of(status, &[], &body)).expect_err("an error").error.code(), expected, "{code}");
            }
        }
    }
    let fault = errors::judge(&Reply::of(200, &[], r#"{"code":40100,"message":"Too many requests"}"#)).expect_err("an error");
    assert!(matches!(fault.error, PlatformError::Quota { wait, .. } if wait == Duration::from_secs(300)), "the block of a minute's limit lasts five");
    assert_eq!(fault.reach, Reach::Pot(Pot::App), "limits are the app's");
    for (status, body, expected) in
        [(502, "<html>", "TRANSIENT"), (429, "<html>", "QUOTA"), (200, "[]", "TRANSIENT"), (200, r#"{"message":"no code"}"#, "TRANSIENT")]
    {
        assert_eq!(errors::judge(&Reply::of(status, &[], body)).expect_err(body).error.code(), expected, "{body}");
    }
    assert!(errors::judge(&Reply::of(200, &[], r#"{"code":0,"message":"OK","data":{}}"#)).is_ok());
    assert!(errors::judge(&Reply::of(200, &[("x-tt-ads-throttle", "1")], r#"{"code":0,"data":{}}"#)).is_err(), "a report cut short is no report");
    let table = |headers: &[(&'static str, &'static str)], body| errors::judge(&Reply::of(200, headers, body));
    assert_eq!(table(&[("content-type", "text/csv")], "ad_id,spend").expect("a table"), "ad_id,spend");
    for (headers, body) in
        [(&[("content-type", "text/csv"), ("x-tt-ads-throttle", "1")][..], "ad_id,spend"), (&[("content-type", "text/html")], "<html>"), (&[], "ad_id,spend")]
    {
        assert!(table(headers, body).is_err(), "{body}");
    }
}
