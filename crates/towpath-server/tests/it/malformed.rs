//! Whatever is sent, the answer is a problem and never a fault.

use std::sync::LazyLock;

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;

/// Everything that takes a body.
const POSTS: [&str; 12] = [
    "/api/v1/releases",
    "/api/v1/blobs/missing",
    "/api/v1/promotions",
    "/api/v1/promotions/1/approve",
    "/api/v1/promotions/1/reject",
    "/api/v1/promotions/1/confirm",
    "/api/v1/environments/production/rollout/pause",
    "/api/v1/environments/production/rollout/resume",
    "/api/v1/environments/production/rollout/promote",
    "/api/v1/environments/production/rollout/abort",
    "/api/v1/environments/production/rollback",
    "/api/v1/environments/nowhere/rollback",
];

async fn raw(house: &House, path: &str, media: &str, body: Vec<u8>) -> crate::house::Answer {
    House::send(house.request(Method::POST, path).header("content-type", media).body(body)).await
}

#[tokio::test]
async fn bodies_that_are_no_json_are_told_apart() {
    let house = House::with_canary().await;
    for path in POSTS {
        raw(&house, path, "application/json", b"{".to_vec()).await.is_problem(400, "json_invalid");
        raw(&house, path, "application/json", b"\xff\xfe".to_vec()).await.is_problem(400, "json_invalid");
        raw(&house, path, "application/json", vec![b'['; 200_000]).await;
        raw(&house, path, "application/json", b"[]".to_vec()).await;
        raw(&house, path, "text/plain", b"{}".to_vec()).await.is_problem(415, "unsupported_media_type");
        raw(&house, path, "application/json", vec![b' '; (1 << 20) + 1]).await.is_problem(413, "too_large");
        raw(&house, path, "application/json", br#"{"surplus": 1}"#.to_vec()).await.is_problem(422, "body_invalid");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let house = House::new().await;
    house.get("/").await.is_problem(404, "not_found");
    house.get("/api/v1/nothing").await.is_problem(404, "not_found");
    house.get("/api/v1/environments/%F0%9F%9A%80").await.is_problem(404, "not_found");
    let answer = house.get("/api/v1/environments/%FF").await;
    assert!(answer.status.is_client_error() && answer.body["code"].is_string(), "{answer:#?}");
    let answer = House::send(house.request(Method::DELETE, "/api/v1/releases")).await;
    answer.is_problem(405, "method_not_allowed");
    assert!(answer.header("allow").contains("POST"));
}

#[tokio::test]
async fn texts_that_are_too_long_or_cannot_be_stored_are_refused() {
    let house = House::with_canary().await;
    for reason in ["x".repeat(5000), "a\0b".to_owned()] {
        let answer = house.post("/api/v1/environments/production/rollout/pause", json!({ "reason": reason })).await;
        answer.is_problem(422, "body_invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/reason");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("production")),
        Just(json!(format!("sha256:{}", "0".repeat(64)))),
        Just(json!("2026-01-01T00:00:00Z")),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "content",
            "version",
            "artifacts",
            "bundle",
            "commit",
            "id",
            "at",
            "dirty",
            "tree",
            "files",
            "size",
            "notes",
            "environment",
            "release",
            "reason",
            "confirm",
            "dryRun",
            "plan",
            "comment",
            "item",
            "digests",
            "revision",
            "to",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What is nearly right gets further than what is random.
fn nearly(house_release: Value) -> impl Strategy<Value = Value> {
    let templates = vec![
        house_release,
        json!({ "environment": "production", "release": 2, "confirm": "production", "reason": "r", "dryRun": true }),
        json!({ "to": 3, "dryRun": true, "reason": "r", "confirm": "production" }),
        json!({ "plan": format!("sha256:{}", "1".repeat(64)), "comment": "c" }),
        json!({ "digests": [format!("sha256:{}", "1".repeat(64))] }),
        json!({ "item": "the press is told" }),
        json!({ "revision": 6, "reason": "r", "confirm": "production" }),
    ];
    (prop::sample::select(templates), any::<prop::sample::Index>(), any_json()).prop_map(|(mut body, place, value)| {
        let mut places = Vec::new();
        pointers(&body, String::new(), &mut places);
        let pointer = place.get(&places).clone();
        if let Some(target) = body.pointer_mut(&pointer) {
            *target = value;
        }
        body
    })
}

fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| pointers(value, format!("{at}/{key}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), all));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all.push(at);
}

fn check(runtime: &tokio::runtime::Runtime, house: &House, path: &str, body: Vec<u8>) -> Result<(), TestCaseError> {
    let answer = runtime.block_on(raw(house, path, "application/json", body));
    prop_assert!(answer.status.as_u16() < 500, "{path}: {answer:#?}");
    if !answer.status.is_success() {
        prop_assert!(answer.body["code"].is_string() && answer.body["requestId"].is_string(), "{path}: {answer:#?}");
    }
    Ok(())
}

#[test]
fn no_body_is_ever_a_fault_of_the_server() {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    let house = RUNTIME.block_on(House::with_canary());
    let release = RUNTIME.block_on(house.release_body("2.0", "hello"));
    let bodies = prop_oneof![
        any_json().prop_map(|body| body.to_string().into_bytes()),
        nearly(release).prop_map(|body| body.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&(prop::sample::select(POSTS.to_vec()), bodies), |(path, body)| check(&RUNTIME, &house, path, body))
        .unwrap();
}

#[test]
fn no_query_is_ever_a_fault_of_the_server() {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    let house = RUNTIME.block_on(House::with_canary());
    let paths = vec![
        "/api/v1/environments/production/history",
        "/api/v1/environments/production/rollout",
        "/api/v1/environments/production/logs",
        "/api/v1/releases",
        "/api/v1/promotions",
        "/api/v1/events",
        "/api/v1/audit/proof/inclusion",
        "/api/v1/audit/proof/consistency",
        "/api/v1/metrics/dora",
    ];
    let names = vec![
        "after",
        "limit",
        "environment",
        "kind",
        "principal",
        "order",
        "service",
        "revision",
        "index",
        "from",
        "tail",
        "to",
        "sequence",
        "days",
        "state",
        "other",
    ];
    let value = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        (0..20_u64).prop_map(|number| number.to_string()),
        Just("production".to_owned()),
        Just("18446744073709551615".to_owned()),
        "[a-z%0-9=+-]{0,8}",
    ];
    let query = prop::collection::vec((prop::sample::select(names), value), 0..4);
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&(prop::sample::select(paths), query), |(path, query)| {
            let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = RUNTIME.block_on(house.get(&format!("{path}?{}", query.join("&"))));
            prop_assert!(answer.status.as_u16() < 500, "{path}?{}: {answer:#?}", query.join("&"));
            Ok(())
        })
        .unwrap();
}
