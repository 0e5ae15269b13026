//! Quotas that bite: what is kept back here before a platform has to refuse, what waits when one does, and what a pause may still use.

use adjutant::platforms::in_lane;

use super::*;

async fn stand_on(platform: Platform, quota: f64, operations_per_day: Option<u32>) -> Stand {
    let spec = |spec: &mut AccountSpec| spec.operations_per_day = operations_per_day;
    stand_as(platform, Currency::USD, Credentials::Sandbox, |config| config.quota = Some(quota), spec).await
}

impl Stand {
    async fn throttle(&self) -> Value {
        self.door(reqwest::Method::GET, "throttle", None).await
    }

    /// Calls that have reached the sandbox.
    async fn calls(&self) -> u64 {
        self.throttle().await["calls"].as_object().expect("by platform").values().filter_map(Value::as_u64).sum()
    }

    /// Another tool of the same project uses up so many operations.
    async fn another_tool(&self, operations: usize) {
        let operation = json!({ "create": { "name": "x", "amountMicros": "1000000", "deliveryMethod": "STANDARD", "explicitlyShared": false } });
        let body = json!({ "operations": vec![operation; operations], "validateOnly": true });
        #[expect(clippy::disallowed_methods, reason = "somebody else's client")]
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/v26/customers/{}/campaignBudgets:mutate", self.sandbox.base_url(), self.account);
        let answer = client.post(url).bearer_auth("sandbox-other").json(&body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap_or_default());
    }

    async fn pause(&self, inventory: &Inventory) -> Result<Accepted, PlatformError> {
        let change = status(inventory);
        self.gateway.send(self.gateway.prepare(&change, None).expect("a request"), WITHIN, Lane::Urgent).await
    }

    /// Reads until ordinary work gets nothing any more; what it was told, and how many reads there were.
    async fn read_on(&self) -> (PlatformError, usize) {
        for reads in 0..2_000 {
            if let Err(error) = self.gateway.inventory().await {
                return (error, reads);
            }
        }
        panic!("two thousand reads and no end of it");
    }
}

#[tokio::test]
async fn a_quarter_of_googles_quota_is_never_overrun_and_a_pause_still_gets_through() {
    let stand = stand_on(Platform::Google, 0.25, Some(3_750)).await;
    let before = stand.inventory().await;
    let (error, _) = stand.read_on().await;
    assert!(matches!(&error, PlatformError::Quota { what, .. } if what.contains("3750 operations a day")), "{error}");
    assert_eq!(stand.throttle().await["announced"], json!({}), "the platform never had to refuse");
    let calls = stand.calls().await;
    assert_eq!(code(stand.gateway.inventory().await), "QUOTA");
    assert_eq!(stand.calls().await, calls, "what is kept back here is not sent");
    let read = in_lane(Lane::Urgent, stand.gateway.inventory()).await.expect("what a pause rests on is read from the reserve");
    assert_eq!(read.campaigns.len(), before.campaigns.len());
    stand.pause(&read).await.expect("a pause");
    // An hour later a share of the day has been added, not the whole of it.
    stand.clock.advance(TimeDelta::hours(1));
    let (_, reads) = stand.read_on().await;
    assert!((5..80).contains(&reads), "{reads}: about four hundredths of a day's operations");
    assert_eq!(stand.throttle().await["announced"], json!({}));
}

#[tokio::test]
async fn a_project_that_others_have_used_up_is_left_alone_as_long_as_google_asks() {
    let stand = stand_on(Platform::Google, 0.25, None).await;
    let found = stand.inventory().await;
    let used = usize::try_from(stand.throttle().await["used"]["google project"].as_u64().expect("a count")).expect("small");
    stand.another_tool(3_750 - used).await;
    let (error, reads) = stand.read_on().await;
    assert!(reads == 0 && error.code() == "QUOTA", "{reads} {error}");
    assert_eq!(stand.throttle().await["announced"], json!({ "google": 1 }), "one refusal is enough to know that the day is used up");
    assert_eq!(code(stand.pause(&found).await), "QUOTA", "whether a pause still goes is for Google to say");
    let calls = stand.calls().await;
    assert!(stand.gateway.health().urgent_waiting_ms > 0, "{:?}", stand.gateway.health());
    assert_eq!((code(stand.gateway.inventory().await), code(stand.gateway.inventory().await)), ("QUOTA", "QUOTA"));
    let early = stand.gateway.send(stand.gateway.prepare(&status(&found), None).expect("a request"), Duration::from_millis(200), Lane::Urgent).await;
    assert_eq!(code(early), "NOT_SENT", "it is not asked again before the wait is over");
    assert_eq!(stand.calls().await, calls, "nothing goes out before the wait is over");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    stand.clock.advance(TimeDelta::days(1));
    stand.pause(&found).await.expect("a pause");
    assert_eq!(stand.throttle().await["early"], json!([]));
}

#[tokio::test]
async fn a_full_use_case_of_meta_stops_at_its_headers_and_neither_reports_nor_pauses_wait_for_it() {
    // A hundred calls of ads_management an hour.
    let stand = stand_on(Platform::Meta, 0.001, None).await;
    let before = stand.inventory().await;
    let (error, reads) = stand.read_on().await;
    assert!(matches!(&error, PlatformError::Quota { what, .. } if what.contains("ads_management")), "{error}");
    assert!(reads > 3, "{reads}");
    assert_eq!(stand.throttle().await["announced"], json!({}), "the platform never had to refuse");
    let today = stand.clock.now().date_in(chrono_tz::America::New_York);
    stand.gateway.daily_metrics(today, today).await.expect("reports are another use case");
    stand.pause(&before).await.expect("a pause");
    let left = stand.gateway.health().left;
    let management = left.iter().find(|(name, _)| name.contains("ads_management")).expect("it is counted").1;
    assert!((0.0..0.2).contains(&management), "{left:?}");
    assert!(left.iter().any(|(name, share)| name.contains("ads_insights") && *share > 0.9), "{left:?}");
}

#[tokio::test]
async fn a_refused_use_case_of_meta_is_waited_for_and_the_other_one_goes_on() {
    let stand = stand(Platform::Meta, Currency::USD).await;
    let today = stand.clock.now().date_in(chrono_tz::America::New_York);
    stand.fault(json!({ "kind": "http_429", "path": "insights", "count": 1 })).await;
    let report = async { stand.gateway.daily_metrics(today, today).await };
    let inventory = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stand.gateway.inventory().await
    };
    let (report, inventory) = tokio::join!(report, inventory);
    report.expect("repeated after the wait");
    inventory.expect("not held up by it");
    assert_eq!((&stand.throttle().await["early"], &stand.throttle().await["announced"]["meta"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn tiktoks_block_stops_every_account_of_the_app_and_every_lane() {
    let stand = stand(Platform::Tiktok, Currency::USD).await;
    let found = stand.inventory().await;
    stand.fault(json!({ "kind": "http_429", "methods": "write", "count": 1 })).await;
    assert_eq!(code(stand.pause(&found).await), "QUOTA");
    let calls = stand.calls().await;
    let request = stand.gateway.prepare(&status(&found), None).expect("a request");
    assert_eq!(code(stand.gateway.send(request, Duration::from_millis(200), Lane::Urgent).await), "NOT_SENT");
    assert_eq!(stand.calls().await, calls);
    stand.inventory().await;
    stand.pause(&found).await.expect("after the wait");
    assert_eq!(stand.throttle().await["early"], json!([]));
}

#[tokio::test]
async fn what_is_left_is_told_with_what_the_credentials_allow() {
    for (platform, expected) in [(Platform::Google, "15000 operations a day"), (Platform::Meta, "ads_management"), (Platform::Tiktok, "864000 calls a day")] {
        let stand = stand(platform, Currency::USD).await;
        let access = stand.gateway.access().await.expect("an answer");
        let (_, share) = access.left.iter().find(|(name, _)| name.contains(expected)).unwrap_or_else(|| panic!("{:?}", access.left));
        assert!((0.5..1.0).contains(share), "{platform}: {:?}", access.left);
    }
}
