//! Event streams of OFREP: who may listen, what is told, when it ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::timeout;
use towpath_core::flags::KeyKind;

use super::{Line, flag};

const EVENTS: &str = "/ofrep/v1/events";
const BULK: &str = "/ofrep/v1/evaluate/flags";

/// What comes over a stream.
struct Listening {
    chunks: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Listening {
    async fn to(url: &str, last: Option<&str>) -> Self {
        let client = reqwest::Client::new();
        let request = client.get(url);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        Self::of(request.send().await.unwrap())
    }

    fn of(response: Response) -> Self {
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { chunks: response.bytes_stream().boxed(), text: String::new() }
    }

    /// Returns the next frame, or nothing at the end.
    async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(frame);
            }
            let chunk = timeout(Duration::from_secs(20), self.chunks.next()).await.expect("something in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.ok()?).unwrap());
        }
    }

    /// Returns the id and the data of the next message.
    async fn message(&mut self) -> (String, Value) {
        loop {
            let frame = self.frame().await.expect("a message");
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(data) = field("data: ") {
                assert_eq!(field("event: ").as_deref(), Some("message"));
                return (field("id: ").unwrap(), serde_json::from_str(&data).unwrap());
            }
        }
    }
}

/// Evaluates every flag with a key; returns where to listen, and the whole answer.
async fn bulk(line: &Line, key: &str) -> (String, Value) {
    let request = reqwest::Client::new().post(line.url(BULK)).header("x-api-key", key);
    let response = request.json(&json!({ "context": { "targetingKey": "u" } })).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let body: Value = response.json().await.unwrap();
    let streams = body["eventStreams"].as_array().unwrap();
    let [stream] = streams.as_slice() else { panic!("{body:#}") };
    assert_eq!((&stream["type"], &stream["inactivityDelaySec"]), (&json!("sse"), &json!(120)));
    assert!(stream.get("url").is_none() && stream["endpoint"].get("origin").is_none(), "{stream:#}");
    (line.url(stream["endpoint"]["requestUri"].as_str().unwrap()), body)
}

async fn status(line: &Line, path: &str, headers: &[(&'static str, &str)]) -> (u16, HeaderMap) {
    let mut request = reqwest::Client::new().get(line.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.headers().clone())
}

#[tokio::test]
async fn a_client_is_told_where_to_listen_and_hears_of_a_change() {
    let line = Line::new().await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    assert!(!url.contains("page"), "{url}");
    let mut listening = Listening::to(&url, None).await;
    let first = listening.frame().await.unwrap();
    assert!(first.starts_with("retry: ") && first.contains("\nid: ") && !first.contains("data"), "{first}");
    line.publish("production", flag(true));
    let (id, data) = listening.message().await;
    let now = line.house.engine.now().as_second();
    assert_eq!(data, json!({ "type": "refetchEvaluation", "etag": id, "lastModified": now }));
    // What a client adds to the request that follows is no condition.
    let query = format!("{BULK}?flagConfigEtag={id}&flagConfigLastModified={now}");
    let request = reqwest::Client::new().post(line.url(&query)).header("x-api-key", "page");
    let answer: Value = request.json(&json!({ "context": {} })).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["flags"][0]["value"], true);
    assert_eq!(bulk(&line, "page").await.0, url, "a client that evaluates again keeps its connection");
}

#[tokio::test]
async fn a_client_that_comes_again_is_told_only_what_it_does_not_know() {
    let line = Line::with(|options| options.heartbeat = Duration::from_millis(50)).await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    let first = Listening::to(&url, None).await.frame().await.unwrap();
    let known = first.split("id: ").nth(1).unwrap().to_owned();
    let mut same = Listening::to(&url, Some(&known)).await;
    same.frame().await.unwrap();
    assert_eq!(same.frame().await.unwrap(), ":", "nothing but that the line is alive");
    line.publish("production", flag(true));
    let (now, _) = Listening::to(&url, Some(&known)).await.message().await;
    assert_ne!(now, known);
    assert_eq!(Listening::to(&url, Some("of long ago")).await.message().await.0, now);
}

#[tokio::test]
async fn a_change_between_the_answer_and_the_connection_is_not_missed() {
    let line = Line::new().await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    line.publish("production", flag(true));
    let (_, data) = Listening::to(&url, None).await.message().await;
    assert_eq!(data["type"], "refetchEvaluation");
}

#[tokio::test]
async fn a_stream_needs_a_key_or_its_own_ticket_and_no_other() {
    let line = Line::new().await;
    for environment in ["production", "staging"] {
        line.publish(environment, flag(false));
    }
    line.key("production", "service", KeyKind::Server).await;
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    let ticket = url.split("ticket=").nth(1).unwrap();
    for (path, headers, expected) in [
        (EVENTS.to_owned(), vec![], 401),
        (format!("{EVENTS}?environment=production&ticket=0000"), vec![], 401),
        (format!("{EVENTS}?environment=staging&ticket={ticket}"), vec![], 401),
        (format!("{EVENTS}?environment=production&ticket=page"), vec![], 401),
        (EVENTS.to_owned(), vec![("x-api-key", "page")], 200),
        (EVENTS.to_owned(), vec![("authorization", "Bearer service")], 200),
        (format!("{EVENTS}?environment=staging"), vec![("authorization", "Bearer service")], 403),
        (EVENTS.to_owned(), vec![("authorization", "Bearer ana-token")], 400),
        (format!("{EVENTS}?environment=staging"), vec![("authorization", "Bearer ana-token")], 200),
        (format!("{EVENTS}?environment=nowhere"), vec![("authorization", "Bearer ana-token")], 404),
        (EVENTS.to_owned(), vec![("x-api-key", ticket)], 401),
    ] {
        assert_eq!(status(&line, &path, &headers).await.0, expected, "{path} {headers:?}");
    }
    // The ticket opens a stream and nothing else.
    let asked = reqwest::Client::new().post(line.url(BULK)).header("x-api-key", ticket).send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 401);
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams_and_no_others() {
    let line = Line::new().await;
    line.publish("production", flag(false));
    for name in ["kept", "leaked"] {
        line.key("production", name, KeyKind::Client).await;
    }
    let mut streams = Vec::new();
    for name in ["kept", "leaked"] {
        let mut listening = Listening::to(&bulk(&line, name).await.0, None).await;
        listening.frame().await.unwrap();
        streams.push(listening);
    }
    line.revoke("production", "leaked").await;
    while let Some(frame) = streams[1].frame().await {
        assert_eq!(frame, ":");
    }
    line.publish("production", flag(true));
    assert_eq!(streams[0].message().await.1["type"], "refetchEvaluation");
}

#[tokio::test]
async fn streams_end_when_the_server_stops_and_go_on_where_they_were() {
    let mut line = Line::new().await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    let mut listening = Listening::to(&url, None).await;
    let first = listening.frame().await.unwrap();
    let known = first.split("id: ").nth(1).unwrap().to_owned();
    line.down().await;
    assert_eq!(listening.frame().await, None);
    line.publish("production", flag(true));
    line.up().await;
    let (now, _) = Listening::to(&url, Some(&known)).await.message().await;
    assert_ne!(now, known, "the address is as good as before");
}

#[tokio::test]
async fn more_streams_than_there_is_room_for_are_asked_to_come_later() {
    let line = Line::with(|options| options.max_followers = 2).await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    let path = url.strip_prefix(&line.url("")).unwrap();
    let mut first = Listening::to(&url, None).await;
    first.frame().await.unwrap();
    let mut second = Listening::to(&url, None).await;
    second.frame().await.unwrap();
    let (refused, headers) = status(&line, path, &[]).await;
    assert_eq!((refused, headers["retry-after"].to_str().unwrap()), (503, "30"));
    drop(first);
    // The place is free when the server has seen that the client is gone.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while status(&line, path, &[]).await.0 != 200 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn pages_of_other_sites_may_listen() {
    let line = Line::new().await;
    line.publish("production", flag(false));
    line.key("production", "page", KeyKind::Client).await;
    let (url, _) = bulk(&line, "page").await;
    let path = url.strip_prefix(&line.url("")).unwrap();
    let (answered, headers) = status(&line, path, &[("origin", "https://shop.example.org")]).await;
    assert_eq!((answered, headers["access-control-allow-origin"].to_str().unwrap()), (200, "*"));
    let preflight = reqwest::Client::new().request(reqwest::Method::OPTIONS, line.url(EVENTS)).send().await.unwrap();
    assert_eq!(preflight.status().as_u16(), 204);
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("last-event-id"));
    let wrong = reqwest::Client::new().post(line.url(EVENTS)).send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.headers()["allow"].to_str().unwrap()), (405, "GET, OPTIONS"));
}
