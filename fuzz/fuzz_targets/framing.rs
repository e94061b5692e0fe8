//! Bytes as the head of a request or an answer, through the proxy's rules, without sockets.
//!
//! The head is `METHOD TARGET` and header lines; the first byte chooses version and framing.
#![no_main]

use http::{HeaderName, HeaderValue, Request, Response, Version, header};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/towpath-proxy/src/normal.rs"]
#[allow(dead_code, reason = "the proxy uses what this does not")]
mod normal;

use normal::{Framing, From, request, response};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(2, |byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let version = if choice & 1 == 0 { Version::HTTP_11 } else { Version::HTTP_10 };
    let framing = match choice >> 1 & 3 {
        0 => Framing::None,
        1 => Framing::Chunked,
        _ => Framing::Length(u64::from(choice)),
    };
    let Ok(message) = Request::builder().method(method).uri(target).version(version).body(()) else { return };
    let (mut parts, ()) = message.into_parts();
    let (mut answer, ()) = Response::new(()).into_parts();
    for line in lines {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(halves.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(halves.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            parts.headers.append(name.clone(), value.clone());
            answer.headers.append(name, value);
        }
    }
    if choice & 8 != 0 {
        answer.status = http::StatusCode::SWITCHING_PROTOCOLS;
    }
    // hyper has delivered the body by what the head says, so a body that is not there has no length.
    if framing == Framing::None {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let from =
        From { client: HeaderValue::from_static("127.0.0.1"), host: HeaderValue::from_static("127.0.0.1:8080") };
    if request(&mut parts, &from, framing).is_ok() {
        assert_eq!(parts.headers.get_all(header::HOST).iter().count(), 1, "{parts:?}");
        assert!(parts.uri.authority().is_none() || parts.method == http::Method::CONNECT, "{parts:?}");
        let chunked = parts.headers.get_all(header::TRANSFER_ENCODING).iter().count();
        let lengths = parts.headers.get_all(header::CONTENT_LENGTH).iter().count();
        assert!(chunked + lengths <= 1, "two framings: {parts:?}");
        assert!(!parts.headers.contains_key("proxy-connection") && !parts.headers.contains_key("keep-alive"));
    }
    if response(&mut answer).is_ok() {
        assert!(answer.headers.get_all(header::CONTENT_LENGTH).iter().count() <= 1, "{answer:?}");
        assert!(!answer.headers.contains_key(header::TRANSFER_ENCODING) || answer.headers.get(header::CONTENT_LENGTH).is_none());
    }
});
