//! The protocol of Connect, which flagd's provider for pages speaks.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use towpath_core::flags::KeyKind;

use super::{Line, flag};

const ALL: &str = "/flagd.evaluation.v1.Service/ResolveAll";
const EVENTS: &str = "/flagd.evaluation.v1.Service/EventStream";

async fn ask(line: &Line, key: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(line.url(ALL)).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn every_flag_that_is_meant_for_pages_is_answered_at_once() {
    let line = Line::new().await;
    let mut document = flag(true);
    document["flags"]["inside"] = document["flags"]["a"].clone();
    document["flags"]["inside"]["towpath"] = json!({ "client": false });
    document["flags"]["n"] = json!({ "variants": { "ten": 10 }, "defaultVariant": "ten" });
    document["flags"]["o"] = json!({ "variants": { "x": { "a": [1] } }, "defaultVariant": "x" });
    document["flags"]["off"] = json!({ "state": "DISABLED", "variants": { "x": "x" }, "defaultVariant": "x" });
    document["flags"]["mine"] = json!({
        "variants": { "yes": "yes", "no": "no" }, "defaultVariant": "no",
        "targeting": { "if": [{ "==": [{ "var": "plan" }, "paid"] }, "yes"] },
    });
    line.publish("production", document);
    line.key("production", "page", KeyKind::Client).await;
    let (status, answer) = ask(&line, Some("page"), r#"{"context": {"plan": "paid"}}"#).await;
    let expected = json!({ "flags": {
        "a": { "reason": "STATIC", "variant": "on", "boolValue": true },
        "n": { "reason": "STATIC", "variant": "ten", "doubleValue": 10 },
        "o": { "reason": "STATIC", "variant": "x", "objectValue": { "a": [1] } },
        "mine": { "reason": "TARGETING_MATCH", "variant": "yes", "stringValue": "yes" },
    }});
    assert_eq!((status, answer), (200, expected));
}

#[tokio::test]
async fn what_cannot_be_answered_is_an_error_of_the_protocol() {
    let line = Line::new().await;
    line.publish("production", flag(true));
    line.key("production", "page", KeyKind::Client).await;
    for (key, body, expected) in [
        (None, "{}", (401, "unauthenticated")),
        (Some("page"), "{", (400, "invalid_argument")),
        (Some("page"), r#"{"context": []}"#, (400, "invalid_argument")),
    ] {
        let (status, answer) = ask(&line, key, body).await;
        assert_eq!((status, answer["code"].as_str().unwrap()), expected, "{body}");
    }
    let long = format!(r#"{{"context": {{"a": "{}"}}}}"#, "x".repeat(2 << 20));
    assert_eq!(ask(&line, Some("page"), &long).await.0, 429);
    assert_eq!(ask(&line, Some("page"), "").await.0, 200);
}

/// Reads the next message in its frame: its first byte, and what it says.
async fn message(
    chunks: &mut (impl futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
    rest: &mut Vec<u8>,
) -> Option<(u8, Value)> {
    loop {
        if let Some((head, body)) = rest.split_at_checked(5) {
            let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
            if body.len() >= length {
                let message = (head[0], serde_json::from_slice(&body[..length]).unwrap());
                rest.drain(..5 + length);
                return Some(message);
            }
        }
        let chunk = timeout(Duration::from_secs(20), chunks.next()).await.expect("something in time")?;
        rest.extend_from_slice(&chunk.unwrap());
    }
}

#[tokio::test]
async fn the_event_stream_names_the_flags_that_changed() {
    let mut line = Line::new().await;
    line.publish("production", flag(true));
    line.key("production", "page", KeyKind::Client).await;
    let request = reqwest::Client::new().post(line.url(EVENTS)).header("content-type", "application/connect+json");
    let request = request.header("x-api-key", "page").body(b"\0\0\0\0\x02{}".to_vec());
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/connect+json".parse().unwrap())
    );
    let (mut chunks, mut rest) = (response.bytes_stream(), Vec::new());
    assert_eq!(message(&mut chunks, &mut rest).await, Some((0, json!({ "type": "provider_ready" }))));
    line.publish("production", flag(false));
    let changed = json!({ "type": "configuration_change", "data": { "flags": { "a": { "type": "update" } } } });
    assert_eq!(message(&mut chunks, &mut rest).await, Some((0, changed)));
    line.down().await;
    let (kind, end) = message(&mut chunks, &mut rest).await.unwrap();
    assert_eq!((kind, &end["error"]["code"]), (2, &json!("unavailable")));
    assert_eq!(message(&mut chunks, &mut rest).await, None);
}
