//! What a client may send and an instance may answer, byte for byte (RFC 9110, RFC 9112).

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Long enough for an answer on loopback; only cases that leave the connection open wait for it.
const QUIET: Duration = Duration::from_millis(250);

struct Case {
    name: &'static str,
    sent: &'static [u8],
    /// The status of each answer, in order.
    statuses: &'static [u16],
    /// What the instance must have got; none means it got nothing.
    passed: &'static [&'static str],
    /// What the instance must not have got (lower case).
    withheld: &'static [&'static str],
}

const fn refused(name: &'static str, sent: &'static [u8], status: &'static [u16]) -> Case {
    Case { name, sent, statuses: status, passed: &[], withheld: &[] }
}

const fn passed(
    name: &'static str,
    sent: &'static [u8],
    passed: &'static [&'static str],
    withheld: &'static [&'static str],
) -> Case {
    Case { name, sent, statuses: &[200], passed, withheld }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    passed("plain", b"GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /a?b=c HTTP/1.1\r\n", "host: a\r\n", "x-forwarded-for: 127.0.0.1\r\n", "x-forwarded-proto: http\r\n", "x-forwarded-host: a\r\n", "via: 1.1 towpath\r\n"], &["content-length", "transfer-encoding"]),
    refused("no Host", b"GET / HTTP/1.1\r\n\r\n", &[400]),
    refused("two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
    refused("two equal Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[400]),
    refused("Host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400]),
    refused("Host with user", b"GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", &[400]),
    refused("Host list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", &[400]),
    refused("two Hosts and absolute-form", b"GET http://c/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
    passed("absolute-form wins over Host", b"GET http://real/x HTTP/1.1\r\nHost: other\r\n\r\n", &["GET /x HTTP/1.1\r\n", "host: real\r\n"], &["other"]),
    passed("absolute-form without path", b"GET http://real HTTP/1.1\r\nHost: real\r\n\r\n", &["GET / HTTP/1.1\r\n"], &[]),
    refused("absolute-form of another scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("absolute-form with user", b"GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", &[405]),
    passed("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &["OPTIONS * HTTP/1.1\r\n"], &[]),
    refused("GET *", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("target without slash", b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("space in target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("method with a parenthesis", b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    refused("unknown version", b"GET / HTTP/3.7\r\nHost: a\r\n\r\n", &[400]),
    refused("header name with a space", b"GET / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", &[400]),
    refused("space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", &[400]),
    refused("obs-fold", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", &[400]),
    refused("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", &[400]),
    refused("bare CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", &[400]),
    passed("bare LF is made CRLF", b"GET / HTTP/1.1\nHost: a\nX: 1\n\n", &["GET / HTTP/1.1\r\n", "x: 1\r\n"], &[]),
    refused("101 headers", b"", &[431]),
    passed("length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", &["content-length: 3\r\n", "\r\n\r\nabc"], &["transfer-encoding"]),
    passed("the same length twice becomes one", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", &["content-length: 3\r\n", "\r\n\r\nabc"], &["content-length: 3\r\ncontent-length"]),
    refused("two lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", &[400]),
    refused("length list", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", &[400]),
    refused("negative length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", &[400]),
    refused("signed length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", &[400]),
    refused("hexadecimal length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", &[400]),
    refused("length beyond 64 bits", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", &[400]),
    passed("chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", &["transfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"], &["content-length"]),
    passed("chunked GET keeps its body", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", &["transfer-encoding: chunked\r\n", "abc"], &["content-length"]),
    passed("CL then TE: TE, and the connection ends", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", &["transfer-encoding: chunked\r\n", "abc"], &["content-length", "smuggled"]),
    passed("TE then CL: TE, and the connection ends", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", &["transfer-encoding: chunked\r\n", "abc"], &["content-length", "smuggled"]),
    refused("TE identity, chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", &[501]),
    refused("TE chunked twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", &[501]),
    refused("TE gzip", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", &[400]),
    refused("TE chunked, identity", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400]),
    refused("TE xchunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400]),
    refused("TE with a vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", &[400]),
    refused("HTTP/1.0 chunked", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    refused("chunk size that is no number", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", &[400]),
    refused("chunk size that overflows", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", &[400]),
    refused("chunk longer than its size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", &[400]),
    refused("bare LF in a chunk extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\nabc\r\n0\r\n\r\n", &[400]),
    passed("chunk extensions are dropped", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n", &["3\r\nabc\r\n0\r\n\r\n"], &["x=y"]),
    passed("trailers", b"POST / HTTP/1.1\r\nHost: a\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", &["trailer: x-sum\r\n", "x-sum: 1\r\n\r\n"], &[]),
    passed("hop-by-hop headers", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-mine\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic x\r\nX-Mine: secret\r\nTE: gzip\r\nX-Yours: stays\r\n\r\n", &["x-yours: stays\r\n"], &["keep-alive", "proxy-", "x-mine", "secret", "te:", "connection"]),
    passed("Connection cannot remove Host or length", b"POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length\r\nContent-Length: 3\r\n\r\nabc", &["host: a\r\n", "content-length: 3\r\n"], &[]),
    passed("TE trailers stays", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nTE: trailers, gzip\r\n\r\n", &["te: trailers\r\n", "connection: te\r\n"], &["gzip"]),
    passed("X-Forwarded-For is a chain", b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n\r\n", &["x-forwarded-for: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n"], &[]),
    passed("X_Forwarded_For is no X-Forwarded-For", b"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nContent_Length: 7\r\nmy_own: 1\r\n\r\n", &["my_own: 1\r\n"], &["6.6.6.6", "content_length"]),
    passed("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", &["GET / HTTP/1.1\r\n", "host: 127.0.0.1:"], &[]),
    Case { name: "pipelining", sent: b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n", statuses: &[200, 200, 200], passed: &["GET /1 ", "GET /2 ", "GET /3 "], withheld: &[] },
    Case { name: "pipelined after a refusal", sent: b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n", statuses: &[200, 400], passed: &["GET /1 "], withheld: &["/2", "/3"] },
    Case { name: "Expect", sent: b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", statuses: &[100, 200], passed: &["abc"], withheld: &["expect"] },
    refused("unknown expectation", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc", &[417]),
    passed("Upgrade to h2c is not tunnelled", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n", &["GET / "], &["upgrade", "http2-settings"]),
    passed("Upgrade without Connection is dropped", b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", &["GET / "], &["upgrade"]),
    refused("Upgrade with a body", b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc", &[400]),
    refused("a broken HTTP/2 preface is no HTTP/1", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", &[]),
    refused("a broken HTTP/2 preface hides no request", b"PRI / HTTP/1.1\r\nHost: a\r\n\r\n", &[]),
];

/// Returns the statuses of the answers in these bytes.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split("HTTP/1.").skip(1);
    lines.filter_map(|line| line.split(' ').nth(1)?.get(..3)?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_reaches_an_instance_unnormalised() {
    let upstream = RawUpstream::start(OK, false).await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut many = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    many.extend((0..100).flat_map(|number| format!("X-{number}: 1\r\n").into_bytes()));
    many.extend_from_slice(b"\r\n");
    let mut wrong = Vec::new();
    for case in CASES {
        upstream.clear();
        let sent = if case.sent.is_empty() { &many } else { case.sent };
        let answer = talk(address, sent, QUIET).await;
        let (got, lower) = (upstream.received(), upstream.received().to_ascii_lowercase());
        if statuses(&answer) != case.statuses {
            wrong.push(format!("{}: answered {:?}", case.name, String::from_utf8_lossy(&answer)));
        }
        // A body that turns out to be malformed has begun to be passed on; its end must not have been.
        let begun = case.name.contains("chunk") && got.starts_with("POST / ") && !got.contains("\r\n0\r\n\r\n");
        if case.passed.is_empty() && !got.is_empty() && !begun {
            wrong.push(format!("{}: passed on {got:?}", case.name));
        }
        for part in case.passed.iter().filter(|part| !got.contains(**part)) {
            wrong.push(format!("{}: {part:?} missing in {got:?}", case.name));
        }
        for part in case.withheld.iter().filter(|part| lower.contains(**part)) {
            wrong.push(format!("{}: {part:?} passed on in {got:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Answer {
    name: &'static str,
    asked: &'static [u8],
    reply: &'static [u8],
    starts: &'static str,
    contains: &'static [&'static str],
    lacks: &'static [&'static str],
    ends: &'static str,
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[rustfmt::skip]
const ANSWERS: &[Answer] = &[
    Answer { name: "CL and TE", asked: GET, reply: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", starts: "HTTP/1.1 200", contains: &["transfer-encoding: chunked"], lacks: &["content-length"], ends: "2\r\nok\r\n0\r\n\r\n" },
    Answer { name: "two lengths", asked: GET, reply: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", starts: "HTTP/1.1 502", contains: &[], lacks: &["okk"], ends: "}" },
    Answer { name: "the same length twice", asked: GET, reply: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", starts: "HTTP/1.1 200", contains: &["content-length: 2\r\n"], lacks: &["content-length: 2\r\ncontent-length"], ends: "ok" },
    Answer { name: "unknown coding", asked: GET, reply: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", starts: "HTTP/1.1 502", contains: &[], lacks: &[], ends: "}" },
    Answer { name: "hop-by-hop", asked: GET, reply: b"HTTP/1.1 200 OK\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", starts: "HTTP/1.1 200", contains: &[], lacks: &["x-mine", "keep-alive", "upgrade"], ends: "ok" },
    Answer { name: "204 with a length", asked: GET, reply: b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", starts: "HTTP/1.1 204", contains: &[], lacks: &["content-length", "transfer-encoding"], ends: "\r\n\r\n" },
    Answer { name: "304 with a body", asked: GET, reply: b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", starts: "HTTP/1.1 304", contains: &[], lacks: &["ok"], ends: "\r\n\r\n" },
    Answer { name: "HEAD", asked: b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", reply: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", starts: "HTTP/1.1 200", contains: &["content-length: 2\r\n"], lacks: &[], ends: "\r\n\r\n" },
    Answer { name: "early hints", asked: GET, reply: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", starts: "HTTP/1.1 200", contains: &[], lacks: &["link"], ends: "ok" },
    Answer { name: "a protocol nobody asked for", asked: GET, reply: b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", starts: "HTTP/1.1 502", contains: &[], lacks: &["upgrade"], ends: "}" },
    Answer { name: "not HTTP", asked: GET, reply: b"SSH-2.0-OpenSSH\r\n\r\n", starts: "HTTP/1.1 502", contains: &[], lacks: &["ssh"], ends: "}" },
    Answer { name: "no length, to the end", asked: GET, reply: b"HTTP/1.1 200 OK\r\n\r\nuntil the end", starts: "HTTP/1.1 200", contains: &["transfer-encoding: chunked"], lacks: &[], ends: "0\r\n\r\n" },
    Answer { name: "cut in a body", asked: GET, reply: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", starts: "HTTP/1.1 200", contains: &["content-length: 9\r\n"], lacks: &[], ends: "ok" },
    Answer { name: "cut in a chunk", asked: GET, reply: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", starts: "HTTP/1.1 200", contains: &[], lacks: &["\r\n0\r\n\r\n"], ends: "ok\r\n" },
    Answer { name: "cut between chunks", asked: GET, reply: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", starts: "HTTP/1.1 200", contains: &[], lacks: &["\r\n0\r\n\r\n"], ends: "ok\r\n" },
    Answer { name: "no answer", asked: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", reply: b"", starts: "HTTP/1.1 502", contains: &[], lacks: &[], ends: "}" },
    Answer { name: "chunked for HTTP/1.0", asked: b"GET / HTTP/1.0\r\n\r\n", reply: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", starts: "HTTP/1.0 200", contains: &[], lacks: &["transfer-encoding"], ends: "\r\n\r\nok" },
    Answer { name: "trailers", asked: b"GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nTE: trailers\r\n\r\n", reply: b"HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", starts: "HTTP/1.1 200", contains: &["trailer: x-sum"], lacks: &[], ends: "0\r\nx-sum: 1\r\n\r\n" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_passed_on_as_what_it_is_or_not_at_all() {
    let mut wrong = Vec::new();
    for case in ANSWERS {
        let upstream = RawUpstream::start(case.reply, true).await;
        let proxy = proxy();
        let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
        let answer = talk(address, case.asked, QUIET).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let lower = text.to_ascii_lowercase();
        let right = text.starts_with(case.starts)
            && text.ends_with(case.ends)
            && case.contains.iter().all(|part| lower.contains(part))
            && !case.lacks.iter().any(|part| lower.contains(part));
        if !right {
            wrong.push(format!("{}: {text:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_client_meets_the_same_rules() {
    let upstream = RawUpstream::start(OK, false).await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    assert_eq!(get_h2(address, "/x?y").await.unwrap(), (200, "ok".into()));
    let got = upstream.received();
    assert!(got.starts_with("GET /x?y HTTP/1.1\r\nhost: school.example\r\n"), "{got}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preface_in_pieces_is_still_a_preface() {
    let upstream = RawUpstream::start(OK, false).await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let answer = read_all(&mut stream, QUIET).await;
    // A SETTINGS frame.
    assert_eq!(answer.get(3), Some(&4), "{answer:?}");
}
