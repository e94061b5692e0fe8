//! Following events.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::house::House;

/// Reads frames of an event stream.
struct Frames<S> {
    chunks: S,
    text: String,
}

impl<S: Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin> Frames<S> {
    /// Returns the next frame with an id, or nothing at the end.
    async fn next(&mut self) -> Option<(u64, String, Value)> {
        loop {
            let frame = self.raw().await?;
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let Some(id) = field("id:") {
                let data = serde_json::from_str(field("data:").unwrap()).unwrap();
                return Some((id.parse().unwrap(), field("event:").unwrap().to_owned(), data));
            }
        }
    }

    async fn raw(&mut self) -> Option<String> {
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

    async fn take(&mut self, count: u64) -> Vec<u64> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.next().await.unwrap().0);
        }
        ids
    }
}

async fn follow(
    house: &House,
    query: &str,
    last: Option<u64>,
) -> Frames<impl Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin + use<>> {
    let mut request = house.request(Method::GET, &format!("/api/v1/events/stream{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = Frames { chunks: Box::pin(response.bytes_stream()), text: String::new() };
    assert!(frames.raw().await.unwrap().contains("retry: 1000"));
    frames
}

#[tokio::test]
async fn a_stream_begins_with_what_happens_next() {
    let house = House::new().await;
    house.release("1.0").await;
    let mut frames = follow(&house, "", None).await;
    house.release("1.1").await;
    let (id, kind, data) = frames.next().await.unwrap();
    assert_eq!((id, kind.as_str()), (2, "release_created"));
    assert_eq!((&data["sequence"], &data["principal"]), (&json!(2), &json!("ana")));
    assert_eq!(data["body"]["release"]["content"]["version"], "1.1");
    assert!(data["cause"].as_str().unwrap().starts_with("req-"));
}

#[tokio::test]
async fn a_client_that_comes_again_misses_nothing_and_gets_nothing_twice() {
    let house = House::with_canary().await;
    let size = house.engine.world().size;
    let mut first = follow(&house, "?after=3", None).await;
    assert_eq!(first.take(3).await, [4, 5, 6]);
    drop(first);
    house.post("/api/v1/environments/production/rollout/abort", json!({})).await.ok(200);
    house.settle().await;
    let mut again = follow(&house, "?after=0", Some(6)).await;
    let expected: Vec<u64> = (7..house.engine.world().size).collect();
    assert!(expected.len() as u64 > size - 7);
    assert_eq!(again.take(expected.len() as u64).await, expected);
}

#[tokio::test]
async fn a_client_that_is_too_slow_for_the_broadcast_gets_it_from_the_ledger() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let start = house.engine.world().size;
    let mut frames = follow(&house, &format!("?after={}", start - 1), None).await;
    // More than the broadcast keeps, and far more than the sockets hold.
    let number = {
        let body = json!({ "environment": "staging", "release": release });
        house.post("/api/v1/promotions", body).await.ok(201)["number"].as_u64().unwrap()
    };
    let ben = towpath_core::ids::PrincipalName::new("ben").unwrap();
    for round in 0..5000_u64 {
        let command = towpath_core::command::Command::Promote {
            environment: "staging".parse().unwrap(),
            release: towpath_core::ids::ReleaseNumber(release),
            spec: {
                let world = house.engine.world();
                let waiting = world.promotions.get(&towpath_core::ids::PromotionNumber(number + round)).unwrap();
                let mut spec = waiting.spec.as_ref().clone();
                spec.progress_deadline = towpath_core::units::Millis(round + 1);
                Box::new(spec)
            },
            reason: Some("x".repeat(2000)),
        };
        house.engine.submit(&ben, command, "test").await.unwrap();
    }
    let end = house.engine.world().size;
    assert!(end - start > 10_000);
    assert_eq!(frames.take(end - start).await, (start..end).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_may_be_of_one_environment_or_one_kind() {
    let house = House::with_canary().await;
    let mut frames = follow(&house, "?after=0&environment=production&kind=deployment_started", None).await;
    for version in ["1.0", "1.1"] {
        let (_, kind, data) = frames.next().await.unwrap();
        assert_eq!((kind.as_str(), &data["environment"]), ("deployment_started", &json!("production")));
        let number = data["body"]["release"].as_u64().unwrap();
        assert_eq!(house.get(&format!("/api/v1/releases/{number}")).await.ok(200)["version"], version);
    }
}

#[tokio::test]
async fn a_silent_stream_has_a_heartbeat() {
    let house = House::with(|options| options.heartbeat = Duration::from_millis(20)).await;
    let mut frames = follow(&house, "", None).await;
    for _ in 0..3 {
        assert_eq!(frames.raw().await.unwrap(), ": waiting");
    }
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let house = House::new().await;
    let mut frames = follow(&house, "", None).await;
    timeout(Duration::from_secs(5), house.stop()).await.unwrap();
    assert!(frames.raw().await.is_none());
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let house = House::with(|options| options.max_streams = 1).await;
    let first = follow(&house, "", None).await;
    let answer = house.get("/api/v1/events/stream").await;
    answer.is_problem(503, "too_many_streams");
    assert_eq!(answer.header("retry-after"), "2");
    drop(first);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        let request = house.request(Method::GET, "/api/v1/events/stream");
        if request.send().await.unwrap().status().is_success() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the place never came free");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_last_event_id_that_is_none_is_refused_and_one_from_the_future_is_now() {
    let house = House::new().await;
    house.release("1.0").await;
    let request = house.request(Method::GET, "/api/v1/events/stream").header("last-event-id", "x");
    House::send(request).await.is_problem(422, "query_invalid");
    let mut frames = follow(&house, "", Some(u64::MAX)).await;
    house.release("1.1").await;
    assert_eq!(frames.next().await.unwrap().0, 2);
}

#[tokio::test]
async fn events_are_listed_in_both_directions_page_by_page() {
    let house = House::with_canary().await;
    let size = house.engine.world().size;
    for (order, expected) in [("asc", (0..size).collect::<Vec<_>>()), ("desc", (0..size).rev().collect::<Vec<_>>())] {
        let mut path = format!("/api/v1/events?limit=7&order={order}");
        let mut seen = Vec::new();
        loop {
            let answer = house.get(&path).await;
            let link = answer.header("link").to_owned();
            let body = answer.ok(200);
            seen.extend(body["items"].as_array().unwrap().iter().map(|it| it["sequence"].as_u64().unwrap()));
            let Some(next) = body["next"].as_str() else { break };
            path = format!("/api/v1/events?limit=7&order={order}&after={next}");
            assert_eq!(link, format!("<{path}>; rel=\"next\""));
        }
        assert_eq!(seen, expected, "{order}");
    }
    let body = house.get("/api/v1/events?kind=release_created&principal=ana").await.ok(200);
    assert_eq!(body["items"].as_array().unwrap().len(), 2);
    let body = house.get("/api/v1/events?environment=staging&order=desc&limit=1").await.ok(200);
    assert_eq!(body["items"][0]["environment"], "staging");
    house.get("/api/v1/events?limit=x").await.is_problem(400, "query_invalid");
    house.get("/api/v1/events?colour=red").await.is_problem(400, "query_invalid");
    house.get("/api/v1/events?principal=Not%20Ana").await.is_problem(422, "query_invalid");
}
