use super::*;

#[test]
fn i12_nul_characters_never_get_past_this_boundary() {
    let reply = Reply::of(200, &[], r#"{"name":"a\u0000b","path":"c:\\u0000","list":["\u0000"]}"#);
    let json = reply.json().expect("JSON");
    assert_eq!(json["name"], "ab");
    assert_eq!(json["path"], r"c:\u0000", "an escaped backslash is no NUL");
    assert_eq!(json["list"][0], "");
    assert!(!Reply::of(502, &[], "<html>\0\r\n").excerpt().contains(['\0', '\r', '\n']));
}

#[test]
fn a_damaged_token_is_refused_instead_of_becoming_a_second_header() {
    let request = Outgoing::get("http://127.0.0.1:1/".parse().expect("a literal"));
    assert!(matches!(request.header("authorization", "Bearer a\r\nHost: elsewhere"), Err(PlatformError::Auth(_))));
}

#[tokio::test]
async fn clients_for_the_internet_refuse_to_speak_in_the_clear() {
    let http = Http::new(Route::Internet).expect("clients");
    let outcome = http.read(&Outgoing::get("http://127.0.0.1:1/".parse().expect("a literal"))).await;
    assert!(matches!(outcome, Err(PlatformError::Transient(_))));
}
