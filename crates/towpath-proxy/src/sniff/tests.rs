//! Tests of `sniff`.

use super::*;

#[test]
fn a_request_is_http1_from_its_first_byte() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"G", b"POST", b"PUT", b"PRO", b"\r\n"] {
        assert_eq!(judge(bytes), Verdict::Is(Protocol::Http1), "{bytes:?}");
    }
}

#[test]
fn every_beginning_of_the_preface_waits_for_the_rest() {
    for end in 0..PREFACE.len() {
        assert_eq!(judge(&PREFACE[..end]), Verdict::NeedMore);
    }
    assert_eq!(judge(PREFACE), Verdict::Is(Protocol::Http2));
}

#[test]
fn what_begins_like_the_preface_and_goes_on_otherwise_is_neither() {
    for bytes in [&b"PRI * HTTP/1.1\r\n"[..], b"PRI /", b"PRI * HTTP/2.0\r\n\r\nSX"] {
        assert_eq!(judge(bytes), Verdict::Neither, "{bytes:?}");
    }
}
