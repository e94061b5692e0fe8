//! Tests of limits and of what is read from headers.

use super::*;

fn entry(per_second: Option<u32>) -> Entry {
    let at = Timestamp::UNIX_EPOCH;
    let key = ApplicationKey {
        kind: KeyKind::Client,
        digest: Digest::of(b"key"),
        origins: vec!["https://shop.example.org".to_owned()],
        per_second,
        expires_at: None,
        at,
        by: "ana".parse().unwrap(),
        reason: None,
        revoked: None,
    };
    let environment = EnvironmentName::new("development").unwrap();
    Entry { environment, key: Arc::new(key), due: AtomicU64::new(0) }
}

fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
    all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

#[test]
fn a_seconds_worth_of_requests_may_come_at_once_and_then_they_wait() {
    let entry = entry(Some(10));
    let began = Instant::now();
    let admitted = (0..30).filter(|_| entry.admit(began).is_ok()).count();
    assert!((10..=12).contains(&admitted), "{admitted}");
    let wait = entry.admit(began).unwrap_err();
    assert!(wait <= Duration::from_millis(101), "{wait:?}");
}

#[test]
fn without_a_limit_nothing_waits_and_one_a_second_is_a_limit() {
    let began = Instant::now();
    let unlimited = entry(None);
    assert!((0..10_000).all(|_| unlimited.admit(began).is_ok()));
    let slow = entry(Some(1));
    assert!(slow.admit(began).is_ok());
    assert!(slow.admit(began).is_err());
}

#[test]
fn a_key_comes_in_one_of_two_headers() {
    assert_eq!(presented(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
    assert_eq!(presented(&headers(&[("authorization", "bearer  abc ")])), Some("abc"));
    assert_eq!(presented(&headers(&[("authorization", "abc")])), Some("abc"));
    assert_eq!(presented(&headers(&[("x-api-key", "abc")])), Some("abc"));
    assert_eq!(presented(&headers(&[("authorization", "Bearer abc"), ("x-api-key", "def")])), Some("abc"));
    for wrong in ["Basic abc", ""] {
        let found = [("authorization", wrong), ("x-api-key", "abc")];
        assert_eq!(presented(&headers(&found)), None, "{wrong}");
    }
    assert_eq!(presented(&headers(&[])), None);
}

#[test]
fn the_environment_is_selected_as_flagds_clients_do() {
    for (text, name) in [("flagSetId=staging", Some("staging")), ("staging", Some("staging")), ("", None)] {
        assert_eq!(selected(&headers(&[("flagd-selector", text)])), name);
    }
    assert_eq!(selected(&headers(&[("flagd-selector", "source=x")])), Some("source=x"), "no environment has that name");
}

#[test]
fn a_key_of_pages_is_for_those_pages_and_for_what_is_no_page() {
    let key = entry(None).key;
    assert!(is_for(&key, &headers(&[])));
    assert!(is_for(&key, &headers(&[("origin", "https://shop.example.org")])));
    assert!(!is_for(&key, &headers(&[("origin", "https://shop.example.org.evil.example")])));
    assert!(!is_for(&key, &headers(&[("origin", "null")])));
}
