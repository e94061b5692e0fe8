//! Tests of `normal`.

use proptest::prelude::*;

use super::*;

fn from() -> From {
    From { client: HeaderValue::from_static("10.0.0.1"), host: HeaderValue::from_static("127.0.0.1:80") }
}

#[test]
fn hosts_are_told_from_other_texts() {
    for host in ["", "a", "a.example:80", "127.0.0.1", "[::1]", "[::1]:8080", "a_b", "xn--a"] {
        assert!(is_host(host.as_bytes()), "{host}");
    }
    for other in ["a b", "a/b", "a@b", "a,b", "a:b", "[::1", "::1]x", "a:123456", "\u{e9}", "a\\b", "<a>"] {
        assert!(!is_host(other.as_bytes()), "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_goes_on_with_one_host_one_framing_and_no_hop_by_hop_headers(
        headers in prop::collection::vec((
            prop::sample::select(vec!["host", "connection", "te", "transfer-encoding", "content-length", "keep-alive",
                "upgrade", "expect", "x-forwarded-for", "x_forwarded_for", "proxy-connection", "x"]),
            "[ -~]{0,12}",
        ), 0..8),
        http10: bool,
        length in prop::option::of(0..100_u64),
    ) {
        let mut builder = http::Request::builder().uri("/");
        builder = builder.version(if http10 { Version::HTTP_10 } else { Version::HTTP_11 });
        for (name, value) in &headers {
            builder = builder.header(*name, value);
        }
        let (mut parts, ()) = builder.body(()).unwrap().into_parts();
        let body = length.map_or(Framing::Chunked, Framing::Length);
        if let Ok(upgrade) = request(&mut parts, &from(), body) {
            prop_assert!(!upgrade);
            prop_assert_eq!(parts.headers.get_all(HOST).iter().count(), 1);
            let framed = (parts.headers.get_all(CONTENT_LENGTH).iter().count(),
                parts.headers.get_all(TRANSFER_ENCODING).iter().count());
            prop_assert_eq!(framed, if length.is_some() { (1, 0) } else { (0, 1) });
            for name in ["keep-alive", "upgrade", "expect", "proxy-connection", "x_forwarded_for"] {
                prop_assert!(!parts.headers.contains_key(name), "{}", name);
            }
            prop_assert!(parts.headers.get(CONNECTION).is_none_or(|value| value == "te"));
            let chain = parts.headers.get("x-forwarded-for").unwrap().as_bytes();
            prop_assert!(chain.ends_with(b"10.0.0.1"));
        }
    }
}
