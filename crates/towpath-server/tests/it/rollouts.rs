//! Rollouts and going back.

use reqwest::Method;
use serde_json::json;

use crate::house::House;

const ROLLOUT: &str = "/api/v1/environments/production/rollout";
const ROLLBACK: &str = "/api/v1/environments/production/rollback";

#[tokio::test]
async fn a_rollout_shows_its_steps_weights_and_why_it_waits() {
    let house = House::with_canary().await;
    let body = house.get(ROLLOUT).await.ok(200);
    assert_eq!((&body["revision"], &body["status"], &body["active"]), (&json!(6), &json!("paused"), &json!(true)));
    assert_eq!((&body["step"], &body["weightPercent"]), (&json!(1), &json!(20)));
    let states: Vec<_> = body["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "active", "pending", "pending"]);
    assert_eq!(body["pause"]["kind"], "step");
    assert_eq!(body["stable"]["version"], "1.0");
    let traffic: Vec<_> =
        body["traffic"].as_array().unwrap().iter().map(|it| (&it["revision"], &it["weightPercent"])).collect();
    assert_eq!(traffic, [(&json!(6), &json!(20)), (&json!(3), &json!(80))]);
    assert_eq!(house.get(&format!("{ROLLOUT}?revision=3")).await.ok(200)["status"], "completed");
    house.get(&format!("{ROLLOUT}?revision=1")).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn the_weight_that_a_revision_really_got_is_what_it_answered() {
    let house = House::with_canary().await;
    let route =
        towpath_core::traffic::RouteId { environment: "production".parse().unwrap(), service: "web".parse().unwrap() };
    for round in 0..2_u64 {
        for (revision, requests) in [(6, 30), (3, 70)] {
            let status = [0, 0, 0, 0, round];
            let requests = requests * round;
            let counts = towpath_core::traffic::Counts { requests, status, ..Default::default() };
            let key = (route.clone(), towpath_core::ids::Revision(revision));
            house.traffic.counts.lock().unwrap().insert(key, counts);
        }
        house.wait(5);
        house.engine.turn().await.unwrap();
    }
    house.wait(5);
    house.engine.turn().await.unwrap();
    let body = house.get(ROLLOUT).await.ok(200);
    assert_eq!(body["actualWeightPercent"], 30.0, "{body:#}");
    assert_eq!(body["traffic"][0]["errors"], 1);
}

#[tokio::test]
async fn a_rollout_is_paused_resumed_and_promoted() {
    let house = House::with_canary().await;
    house.post(&format!("{ROLLOUT}/resume"), json!({})).await.ok(200);
    let paused = house.post(&format!("{ROLLOUT}/pause"), json!({ "reason": "lunch" })).await.ok(200);
    assert_eq!(paused["pause"]["message"], "paused by hand: lunch");
    house.post(&format!("{ROLLOUT}/promote"), json!({})).await.is_problem(428, "confirmation_required");
    house.post(&format!("{ROLLOUT}/promote"), json!({ "confirm": "production" })).await.ok(200);
    house.settle().await;
    let body = house.get(ROLLOUT).await.ok(200);
    assert_eq!(
        (&body["status"], &body["current"], &body["weightPercent"]),
        (&json!("completed"), &json!(true), &json!(100))
    );
    house.post(&format!("{ROLLOUT}/pause"), json!({})).await.is_problem(409, "no_rollout");
}

#[tokio::test]
async fn aborting_needs_nothing_not_even_a_body() {
    let house = House::with_canary().await;
    let body = House::send(house.request(Method::POST, &format!("{ROLLOUT}/abort"))).await.ok(200);
    assert_eq!((&body["status"], &body["failure"]["message"]), (&json!("rolling_back"), &json!("aborted by ana")));
    house.post(&format!("{ROLLOUT}/abort"), json!({})).await.is_problem(409, "wrong_phase");
    house.settle().await;
    assert_eq!(house.get(ROLLOUT).await.ok(200)["status"], "aborted");
    assert_eq!(house.get("/api/v1/releases/2").await.ok(200)["places"][2]["state"], "failed");
}

#[tokio::test]
async fn a_request_that_means_another_rollout_is_refused() {
    let house = House::with_canary().await;
    house.post(&format!("{ROLLOUT}/abort"), json!({ "revision": 5 })).await.is_problem(409, "other_rollout");
    house.post(&format!("{ROLLOUT}/abort"), json!({ "confirm": "staging" })).await.is_problem(422, "body_invalid");
    let seen = house.get(ROLLOUT).await.header("etag").to_owned();
    let act = |verb: &str| {
        let request = house.request(Method::POST, &format!("{ROLLOUT}/{verb}")).header("if-match", &seen);
        House::send(request.json(&json!({ "revision": 6 })))
    };
    act("resume").await.ok(200);
    act("abort").await.is_problem(412, "stale");
    house.post("/api/v1/environments/moon/rollout/abort", json!({})).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn going_back_is_shown_first_and_then_done() {
    let house = House::with_canary().await;
    let dry = house.post(ROLLBACK, json!({ "dryRun": true })).await.ok(200);
    assert_eq!((&dry["aborts"], &dry["to"]["version"]), (&json!(true), &json!("1.0")));
    house.post(&format!("{ROLLOUT}/promote"), json!({ "confirm": "production" })).await.ok(200);
    house.settle().await;

    let before = house.engine.world().size;
    let dry = house.post(ROLLBACK, json!({ "dryRun": true })).await.ok(200);
    assert_eq!(house.engine.world().size, before);
    assert_eq!(
        (&dry["aborts"], &dry["from"]["revision"], &dry["to"]["revision"]),
        (&json!(false), &json!(6), &json!(3))
    );
    assert_eq!(dry["diff"]["services"][0]["variables"][0]["after"], "hello 1.0");

    let done = house.post(ROLLBACK, json!({ "reason": "prices are wrong" })).await;
    assert_eq!(done.header("location"), "/api/v1/environments/production/rollout?revision=7");
    let done = done.ok(202);
    assert_eq!((&done["rollback"], &done["reason"]), (&json!({ "to": 3, "from": 6 }), &json!("prices are wrong")));
    house.settle().await;
    let current = house.get("/api/v1/environments/production").await.ok(200)["current"].clone();
    assert_eq!((&current["version"], &current["revision"]), (&json!("1.0"), &json!(7)));
    house.post(ROLLBACK, json!({ "to": 3 })).await.is_problem(409, "already_there");
    house.post(ROLLBACK, json!({ "to": 99, "dryRun": true })).await.is_problem(404, "not_found");
    house.post(ROLLBACK, json!({})).await.is_problem(409, "nothing_to_roll_back_to");
}

#[tokio::test]
async fn there_is_no_rollout_where_nothing_was_deployed() {
    let house = House::new().await;
    house.release("1.0").await;
    house.get(ROLLOUT).await.is_problem(404, "not_found");
    house.post(ROLLBACK, json!({ "dryRun": true })).await.is_problem(409, "nothing_to_roll_back_to");
}
