use super::*;

/// A sandbox account of `platform` behind `base_url`.
pub(in crate::platforms) fn spec(platform: Platform, base_url: Option<&str>) -> AccountSpec {
    AccountSpec {
        account: "main".parse().expect("a literal"),
        platform,
        platform_id: match platform {
            Platform::Meta => "act_1001",
            Platform::Google => "123-456-7890",
            Platform::Tiktok => "7001",
        }
        .to_owned(),
        currency: Currency::USD,
        time_zone: chrono_tz::America::New_York,
        base_url: base_url.map(|url| url.parse().expect("a literal")),
        credentials: Credentials::Sandbox,
        conversions: ConversionRule { actions: vec!["purchase".to_owned()], window: Duration::from_secs(7 * 86_400), value: ConversionValue::Reported },
        operations_per_day: None,
    }
}

fn refusal(spec: AccountSpec) -> String {
    spec.checked().expect_err("refused").to_string()
}

#[test]
fn an_address_in_the_clear_is_this_machine_or_refused() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:1/", "http://localhost:3000", "https://127.0.0.1"] {
        assert!(spec(Platform::Meta, Some(url)).checked().is_ok(), "{url}");
    }
    let real = Credentials::Meta { access_token: "T".into(), app_secret: None };
    for url in
        ["http://10.0.0.1", "http://localhost.example.com", "http://example.com", "ftp://127.0.0.1", "https://a:b@example.com", "https://example.com/?a=1"]
    {
        let mut spec = spec(Platform::Meta, Some(url));
        spec.credentials = real.clone();
        assert!(spec.checked().is_err(), "{url}");
    }
}

#[test]
fn sandbox_credentials_never_go_to_a_real_host() {
    assert!(refusal(spec(Platform::Meta, None)).contains("loopback"));
    assert!(refusal(spec(Platform::Tiktok, Some("https://example.com"))).contains("loopback"));
}

#[test]
fn an_id_that_is_not_the_platforms_never_reaches_a_path() {
    for (platform, id) in [(Platform::Meta, "1001"), (Platform::Meta, "act_1/../2"), (Platform::Google, "12 3"), (Platform::Tiktok, "7001?x=1")] {
        let mut spec = spec(platform, Some("http://127.0.0.1:1"));
        spec.platform_id = id.to_owned();
        assert!(refusal(spec).contains("account id"), "{id}");
    }
    assert_eq!(spec(Platform::Google, Some("http://127.0.0.1:1")).checked().expect("valid").platform_id, "1234567890");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let base = Some("http://127.0.0.1:1");
    let mut other = spec(Platform::Google, base);
    other.credentials = Credentials::Meta { access_token: "T".into(), app_secret: None };
    assert!(refusal(other).contains("not the credentials of a google account"));
    let mut value = spec(Platform::Meta, base);
    value.conversions.value = ConversionValue::Fixed(Money::from_micros(1, Currency::EUR));
    assert!(refusal(value).contains("bills in USD"));
    let mut action = spec(Platform::Tiktok, base);
    action.conversions.actions = vec!["revenue".to_owned()];
    assert!(refusal(action).contains("complete_payment"));
    let mut window = spec(Platform::Meta, base);
    window.conversions.window = Duration::from_secs(14 * 86_400);
    assert!(refusal(window).contains("1, 7 or 28 days"));
    let mut none = spec(Platform::Meta, base);
    none.conversions.actions.clear();
    assert!(refusal(none).contains("name the conversion actions"));
}

#[test]
fn i11_the_key_calls_are_counted_by_holds_no_secret() {
    let mut spec = spec(Platform::Meta, None);
    spec.credentials = Credentials::Meta { access_token: "TOKEN-VALUE".into(), app_secret: None };
    assert!(spec.counted_by().iter().all(|(_, key, _)| !key.contains("VALUE")));
}
