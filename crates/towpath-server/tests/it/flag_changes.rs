//! Live changes of flags over the API: what is answered is served, and many at once are all made.

use std::time::Instant;

use serde_json::{Value, json};
use towpath_core::{flags::FlagKey, ids::EnvironmentName};

use crate::house::{House, signer};

const CHANGES: &str = "/api/v1/environments/staging/flags/changes";
const UNDO: &str = "/api/v1/environments/staging/flags/undo";

fn place(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

/// A house with a flag in staging.
async fn with_flag() -> House {
    let house = House::new().await;
    house.release("1.0").await;
    let flag = json!({ "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off" });
    made(&house, json!({ "kind": "patch", "flag": "checkout", "patch": flag })).await;
    house
}

async fn made(house: &House, edit: Value) -> Value {
    house.post(CHANGES, json!({ "edits": [edit] })).await.ok(200)
}

fn default_of(house: &House, flag: &str) -> Option<String> {
    let served = house.engine.flags().served(&place("staging"))?;
    served.document.flags.get(&FlagKey::new(flag).unwrap())?.default_variant.clone()
}

#[tokio::test]
async fn what_is_answered_is_served_already_and_followers_are_told() {
    let house = with_flag().await;
    let mut follower = house.engine.flags().follow(&place("staging")).unwrap();
    follower.mark_unchanged();
    let began = Instant::now();
    let body = made(&house, json!({ "kind": "default", "flag": "checkout", "variant": "on" })).await;
    let took = began.elapsed();
    assert_eq!(default_of(&house, "checkout").as_deref(), Some("on"));
    assert!(follower.has_changed().unwrap());
    assert_eq!((&body["effect"], &body["number"]), (&json!("changed"), &json!(2)), "{body:#}");
    assert_eq!(body["lines"], json!(["checkout: defaultVariant off → on"]));
    eprintln!("changed, durable, served and answered in {took:?}");
    follower.mark_unchanged();
    let again = made(&house, json!({ "kind": "default", "flag": "checkout", "variant": "on" })).await;
    assert_eq!((&again["effect"], &again["number"]), (&json!("unchanged"), &Value::Null));
    assert!(!follower.has_changed().unwrap(), "the same again wakes nobody");
    let undone = house.post(UNDO, json!({ "number": 2 })).await.ok(200);
    assert_eq!((&undone["undoes"], &undone["number"]), (&json!(2), &json!(3)));
    assert_eq!(default_of(&house, "checkout").as_deref(), Some("off"));
}

#[tokio::test]
async fn many_changes_at_once_are_all_made() {
    let house = with_flag().await;
    let all = (0..40).map(|number| {
        let edit =
            json!({ "kind": "patch", "flag": "checkout", "patch": { "metadata": { format!("m{number}"): number } } });
        made(&house, edit)
    });
    for body in futures_util::future::join_all(all).await {
        assert_eq!(body["effect"], "changed", "{body:#}");
    }
    let served = house.engine.flags().served(&place("staging")).unwrap();
    let flag = served.document.flags.get(&FlagKey::new("checkout").unwrap()).unwrap();
    assert_eq!(flag.metadata.len(), 40);
}

#[tokio::test]
async fn a_server_that_starts_again_serves_the_same() {
    let house = with_flag().await;
    made(&house, json!({ "kind": "percentage", "flag": "checkout", "percent": "12.5" })).await;
    let before = house.engine.flags().served(&place("staging")).unwrap();
    let again = towpath_engine::Engine::open(house.engine.ports().clone(), signer()).await.unwrap();
    let after = again.flags().served(&place("staging")).unwrap();
    assert_eq!((&after.document, after.digest), (&before.document, before.digest));
    assert!(after.digest.is_some());
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_and_changes_nothing() {
    let house = with_flag().await;
    let long = "x".repeat(300);
    for (edits, status, code) in [
        (json!([]), 422, "body_invalid"),
        (json!([{ "kind": "state", "flag": "", "enabled": true }]), 422, "body_invalid"),
        (json!([{ "kind": "state", "flag": long, "enabled": true }]), 422, "body_invalid"),
        (json!([{ "kind": "state", "flag": "nothing", "enabled": true }]), 404, "not_found"),
        (json!([{ "kind": "stat", "flag": "checkout" }]), 422, "body_invalid"),
        (json!([{ "kind": "percentage", "flag": "checkout", "percent": "-1" }]), 422, "body_invalid"),
        (json!([{ "kind": "targeting", "flag": "checkout", "targeting": { "frobnicate": [] } }]), 422, "flags_invalid"),
        (json!([{ "kind": "targeting", "flag": "checkout", "targeting": "purple" }]), 422, "flags_invalid"),
        (json!([{ "kind": "patch", "flag": "checkout", "patch": { "stat": "on" } }]), 422, "flags_invalid"),
        (json!([{ "kind": "patch", "flag": "checkout", "patch": { "state": 7 } }]), 422, "flags_invalid"),
        (json!([{ "kind": "reset_flag", "flag": "other" }]), 404, "not_found"),
    ] {
        let answer = house.post(CHANGES, json!({ "edits": edits })).await;
        answer.is_problem(status, code);
    }
    let nameless = house.post(CHANGES, json!({ "edits": [{ "kind": "segment", "segment": "", "rule": true }] })).await;
    assert_eq!(nameless.status.as_u16(), 422, "{nameless:#?}");
    let deep = (0..100).fold(json!(true), |inner, _| json!({ "!": [inner] }));
    let answer =
        house.post(CHANGES, json!({ "edits": [{ "kind": "targeting", "flag": "checkout", "targeting": deep }] })).await;
    // Too deep for the body already, or for the rule.
    assert!([200, 400, 422].contains(&answer.status.as_u16()), "{answer:#?}");
    house.post(UNDO, json!({ "number": 99 })).await.is_problem(404, "not_found");
    let promote = "/api/v1/environments/staging/flags/promote";
    house.post(promote, json!({ "from": "staging" })).await.is_problem(422, "invalid");
    house.post(promote, json!({ "from": "nowhere" })).await.is_problem(404, "not_found");
    house.get("/api/v1/flags/diff?from=staging&to=nowhere").await.is_problem(404, "not_found");
    house.post("/api/v1/environments/staging/flags/requests/c9/approve", json!({})).await.is_problem(404, "not_found");
}
