//! The life of environments: previews made, extended and destroyed, what nobody needs collected.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;

const HOUR: u64 = 3_600_000;

fn preview(more: &Value) -> Value {
    let mut body = json!({ "name": "pr-1", "extends": "staging", "ttlMs": HOUR });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A house where 1.0 runs in staging and in a preview of it.
async fn house() -> House {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.to_staging(release).await;
    let made = house.post("/api/v1/previews", preview(&json!({ "release": release }))).await;
    assert_eq!(made.header("location"), "/api/v1/environments/pr-1");
    assert!(made.ok(201)["promotion"].is_u64());
    house.settle().await;
    house
}

async fn current(house: &House, environment: &str) -> Value {
    house.get(&format!("/api/v1/environments/{environment}")).await.ok(200)["current"]["release"].clone()
}

#[tokio::test]
async fn a_preview_runs_its_release_without_the_gates_of_what_it_is_built_on() {
    let house = house().await;
    assert_eq!(current(&house, "pr-1").await, 1);
    let life = house.get("/api/v1/environments/pr-1/life").await.ok(200);
    assert_eq!((&life["state"], &life["preview"]["extends"]), (&json!("active"), &json!("staging")));
    assert_eq!(life["preview"]["owner"], "ana");
}

#[tokio::test]
async fn a_dry_run_makes_no_preview() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    let shown = house.post("/api/v1/previews", preview(&json!({ "release": release, "dryRun": true }))).await.ok(200);
    assert_eq!((&shown["name"], &shown["tier"]), (&json!("pr-1"), &json!("staging")));
    house.get("/api/v1/environments/pr-1/life").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_a_preview_is_refused_with_the_field_and_nothing_is_made() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    for (more, pointer) in [
        (json!({ "name": "P r" }), "/name"),
        (json!({ "extends": "stagin" }), "/extends"),
        (json!({ "set": [{ "key": "API_KEY", "value": "SEKRET" }] }), "/set"),
        (json!({ "set": [{ "key": "tier", "value": "production" }] }), "/set"),
    ] {
        let body = preview(&json!({ "release": release }));
        let body = Value::Object(
            body.as_object().unwrap().clone().into_iter().chain(more.as_object().unwrap().clone()).collect(),
        );
        let answer = house.post("/api/v1/previews", body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{answer:?}"
        );
        assert!(!answer.body.to_string().contains("SEKRET"), "{answer:?}");
    }
    for more in [
        json!({ "ttlMs": 0 }),
        json!({ "ttlMs": u64::MAX }),
        json!({ "extends": "production" }),
        json!({ "ttl": "1h" }),
    ] {
        let mut body = preview(&json!({ "release": release }));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = house.post("/api/v1/previews", body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    house.get("/api/v1/environments/pr-1/life").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn only_a_preview_can_live_longer() {
    let house = house().await;
    let before = house.get("/api/v1/environments/pr-1/life").await.ok(200)["preview"]["expiresAt"].clone();
    let after = house.post("/api/v1/environments/pr-1/extend", json!({ "ttlMs": 5 * HOUR })).await.ok(200);
    assert!(after["expiresAt"].as_str() > before.as_str(), "{before} {after}");
    for (path, ttl) in [("staging", HOUR), ("pr-1", 0), ("pr-1", 40 * 24 * HOUR)] {
        let answer = house.post(&format!("/api/v1/environments/{path}/extend"), json!({ "ttlMs": ttl })).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{path} {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn destroying_needs_what_a_dry_run_listed_and_leaves_the_history() {
    let house = house().await;
    let path = "/api/v1/environments/pr-1/destroy";
    let listed = house.post(path, json!({ "dryRun": true })).await.ok(200);
    assert_eq!((&listed["preview"], &listed["destroying"]), (&json!(true), &json!(false)));
    assert!(!listed["instances"].as_array().unwrap().is_empty());
    house.post(path, json!({})).await.is_problem(422, "body_invalid");
    let other = format!("sha256:{}", "0".repeat(64));
    house.post(path, json!({ "listing": other })).await.is_problem(409, "plan_changed");
    assert_eq!(current(&house, "pr-1").await, 1);
    let going = house.post(path, json!({ "listing": listed["listing"] })).await;
    assert_eq!(going.header("location"), "/api/v1/environments/pr-1/life");
    let _ = going.ok(202);
    house.settle().await;
    let life = house.get("/api/v1/environments/pr-1/life").await.ok(200);
    assert_eq!((&life["state"], &life["removed"]["revisions"]), (&json!("destroyed"), &json!(1)));
    assert_eq!(current(&house, "staging").await, 1);
}

#[tokio::test]
async fn a_preview_is_destroyed_when_its_time_is_over() {
    let house = house().await;
    house.wait(3700);
    house.settle().await;
    assert_eq!(house.get("/api/v1/environments/pr-1/life").await.ok(200)["state"], "destroyed");
    house.post("/api/v1/environments/pr-1/extend", json!({ "ttlMs": HOUR })).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn an_environment_of_the_pipeline_is_not_destroyed() {
    let house = house().await;
    for environment in ["development", "staging", "production"] {
        let path = format!("/api/v1/environments/{environment}/destroy");
        house.post(&path, json!({ "dryRun": true })).await.is_problem(409, "in_pipeline");
    }
    house.post("/api/v1/environments/moon/destroy", json!({ "dryRun": true })).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn previews_are_not_counted_in_the_figures_of_delivery() {
    let house = house().await;
    let figures = house.get("/api/v1/metrics/dora").await.ok(200);
    let counted: Vec<&str> =
        figures["environments"].as_array().unwrap().iter().map(|one| one["environment"].as_str().unwrap()).collect();
    assert_eq!(counted, ["development", "staging", "production"]);
}

#[tokio::test]
async fn collecting_removes_only_what_was_listed() {
    let house = house().await;
    let listed = house.post("/api/v1/gc", json!({ "dryRun": true })).await.ok(200);
    assert_eq!(listed["removed"], false);
    let other = format!("sha256:{}", "0".repeat(64));
    house.post("/api/v1/gc", json!({ "listing": other })).await.is_problem(409, "plan_changed");
    house.post("/api/v1/gc", json!({ "listing": "x" })).await.is_problem(422, "body_invalid");
    let done = house.post("/api/v1/gc", json!({ "listing": listed["listing"] })).await.ok(200);
    assert_eq!((&done["removed"], &done["listing"]), (&json!(true), &listed["listing"]));
}

#[tokio::test]
async fn nothing_of_it_is_done_without_a_token() {
    let house = house().await;
    for path in ["previews", "environments/pr-1/extend", "environments/pr-1/destroy", "gc"] {
        let url = format!("{}/api/v1/{path}", house.url);
        let answer = House::send(house.client.request(Method::POST, url).json(&json!({}))).await;
        assert_eq!(answer.status.as_u16(), 401, "{path} {answer:?}");
    }
    assert_eq!(current(&house, "pr-1").await, 1);
}
