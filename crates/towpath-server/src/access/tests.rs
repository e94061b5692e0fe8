//! Tests of `access`.

use http::HeaderValue;

use super::*;

fn hosts() -> Hosts {
    Hosts::new(7000, &["Towpath.Example".to_owned(), "proxy:8443".to_owned()])
}

fn with(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn only_loopback_names_with_the_port_and_declared_names_are_ours() {
    for (host, ours) in [
        ("localhost:7000", true),
        ("LOCALHOST:7000", true),
        ("127.0.0.1:7000", true),
        ("127.1.2.3:7000", true),
        ("[::1]:7000", true),
        ("towpath.example", true),
        ("towpath.example:443", true),
        ("proxy:8443", true),
        ("proxy:8444", false),
        ("localhost", false),
        ("localhost:7001", false),
        ("localhost.evil.example:7000", false),
        ("127.0.0.1.evil.example:7000", false),
        ("evil.example:7000", false),
        ("10.0.0.1:7000", false),
        ("[::2]:7000", false),
        ("::1:7000", false),
        ("localhost:70000", false),
        ("localhost:", false),
        ("", false),
        ("user@localhost:7000", false),
    ] {
        assert_eq!(hosts().is_ours(&Uri::from_static("/"), &with(&header::HOST, &[host])), ours, "{host}");
    }
}

#[test]
fn a_request_without_a_host_or_with_two_is_not_ours() {
    assert!(!hosts().is_ours(&Uri::from_static("/"), &HeaderMap::new()));
    assert!(!hosts().is_ours(&Uri::from_static("/"), &with(&header::HOST, &["localhost:7000", "localhost:7000"])));
}

#[test]
fn an_absolute_address_must_be_ours_too() {
    let headers = with(&header::HOST, &["localhost:7000"]);
    assert!(hosts().is_ours(&Uri::from_static("http://localhost:7000/"), &headers));
    assert!(!hosts().is_ours(&Uri::from_static("http://evil.example/"), &headers));
}

#[test]
fn only_our_own_pages_may_send_requests() {
    assert!(hosts().is_same_origin(&HeaderMap::new()));
    for (origin, ours) in [
        ("http://localhost:7000", true),
        ("http://127.0.0.1:7000", true),
        ("https://towpath.example", true),
        ("http://localhost:3000", false),
        ("https://evil.example", false),
        ("null", false),
        ("file://", false),
    ] {
        assert_eq!(hosts().is_same_origin(&with(&header::ORIGIN, &[origin])), ours, "{origin}");
    }
}

#[test]
fn a_token_stands_for_its_principal_and_nothing_else_does() {
    let access = Access::of_token("s3cret", PrincipalName::new("ana").unwrap());
    let of = |values: &[&str]| access.principal(&with(&header::AUTHORIZATION, values)).map(|name| name.to_string());
    assert_eq!(of(&["Bearer s3cret"]).as_deref(), Some("ana"));
    assert_eq!(of(&["bearer s3cret"]).as_deref(), Some("ana"));
    for wrong in ["Bearer s3cre", "Bearer s3crett", "Bearer ", "Basic s3cret", "s3cret", ""] {
        assert_eq!(of(&[wrong]), None, "{wrong}");
    }
    assert_eq!(of(&["Bearer s3cret", "Bearer s3cret"]), None);
}

#[test]
fn nobody_may_ask_without_tokens() {
    assert_eq!(Access::default().principal(&with(&header::AUTHORIZATION, &["Bearer "])), None);
}

#[test]
fn printing_the_access_shows_who_but_no_hash() {
    let access = Access::of_token("s3cret", PrincipalName::new("ana").unwrap());
    let shown = format!("{access:?}");
    assert!(shown.contains("ana") && !shown.contains(&Digest::of(b"s3cret").short()), "{shown}");
}
