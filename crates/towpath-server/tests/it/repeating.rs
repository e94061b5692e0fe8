//! Asking again with the same key.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Answer, House};

async fn post(house: &House, who: &str, key: &str, body: &Value) -> Answer {
    let request = house.client.post(format!("{}/api/v1/promotions", house.url)).bearer_auth(format!("{who}-token"));
    House::send(request.header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn the_same_key_and_body_is_answered_as_before() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let body = json!({ "environment": "staging", "release": release });
    let first = post(&house, "ana", "k1", &body).await;
    house.post("/api/v1/promotions/2/reject", json!({})).await.ok(200);
    let again = post(&house, "ana", "k1", &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(house.engine.world().promotions.len(), 2, "nothing was asked for twice");

    let other = json!({ "environment": "staging", "release": release, "reason": "other" });
    post(&house, "ana", "k1", &other).await.is_problem(422, "idempotency_key_reused");
    // The keys of others are others.
    assert_eq!(post(&house, "ben", "k1", &other).await.status.as_u16(), 201);
    post(&house, "ana", &"k".repeat(256), &body).await.is_problem(400, "idempotency_key_invalid");
}

#[tokio::test]
async fn what_was_refused_may_be_asked_anew() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    let body = json!({ "environment": "staging", "release": release });
    post(&house, "ana", "k1", &body).await.is_problem(409, "not_upstream");
    house.settle().await;
    post(&house, "ana", "k1", &body).await.ok(201);
}

#[tokio::test]
async fn many_at_once_are_carried_out_once() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let body = json!({ "environment": "staging", "release": release });
    let answers = futures_util::future::join_all((0..20).map(|_| post(&house, "ana", "k1", &body))).await;
    for answer in &answers {
        if answer.status.as_u16() != 201 {
            answer.is_problem(409, "idempotency_key_in_flight");
        }
    }
    assert!(answers.iter().any(|answer| answer.status.as_u16() == 201));
    assert_eq!(house.engine.world().promotions.len(), 2);
}

#[tokio::test]
async fn a_key_on_a_body_that_is_too_large_is_refused_like_any() {
    let house = House::new().await;
    let request = house.request(Method::POST, "/api/v1/releases").header("idempotency-key", "k");
    let answer = House::send(request.header("content-type", "application/json").body(vec![b' '; (1 << 20) + 1])).await;
    answer.is_problem(413, "too_large");
}
