//! The live overlay.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Answer, House};

const OVERLAY: &str = "/api/v1/environments/production/overlay";

async fn put(house: &House, path: &str, body: Value) -> Answer {
    House::send(house.request(Method::PUT, path).json(&body)).await
}

fn values(pairs: &[(&str, Option<&str>)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn ask(pairs: &[(&str, Option<&str>)]) -> Value {
    json!({ "values": values(pairs), "reason": "the queue grows", "confirm": "production" })
}

/// A house where 1.0 runs in production.
async fn house() -> House {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.to_production(release).await;
    house
}

fn replicas(house: &House, place: &str) -> u32 {
    let place = place.parse().unwrap();
    house.engine.world().current(&place).unwrap().spec.services.values().next().unwrap().replicas
}

async fn approve_and_settle(house: &House, number: &Value) {
    let path = format!("/api/v1/promotions/{number}/approve");
    house.post_as("ben", &path, json!({})).await.ok(200);
    house.settle().await;
    while house.engine.world().rollout(&"production".parse().unwrap()).is_some() {
        let body = json!({ "confirm": "production" });
        house.post("/api/v1/environments/production/rollout/promote", body).await.ok(200);
        house.settle().await;
    }
}

#[tokio::test]
async fn a_live_change_goes_the_way_of_a_release() {
    let house = house().await;
    let changed =
        put(&house, OVERLAY, ask(&[("services.web.replicas", Some("3")), ("REGION", Some("us"))])).await.ok(200);
    assert_eq!((&changed["effect"], &changed["release"]), (&json!("promotion"), &json!(1)));
    assert_eq!(changed["changed"], json!(["services.web.replicas", "variables.REGION"]));
    let promotion = &changed["promotion"];
    assert_eq!((&promotion["state"], &promotion["reason"]), (&json!("waiting"), &json!("the queue grows")));
    assert_eq!((&promotion["diff"]["configurationOnly"], &promotion["diff"]["artifacts"]), (&json!(true), &json!([])));
    assert_eq!(
        promotion["diff"]["overlay"],
        json!([{ "field": "services.web.replicas", "after": "3" }, { "field": "variables.REGION", "after": "us" }])
    );
    house.settle().await;
    assert_eq!(replicas(&house, "production"), 2, "recording alone changes nothing that runs");
    let environment = house.get("/api/v1/environments/production").await.ok(200);
    assert_eq!(environment["overlay"], json!({ "keys": 2, "pending": ["services.web.replicas", "variables.REGION"] }));
    approve_and_settle(&house, &promotion["number"]).await;
    assert_eq!(replicas(&house, "production"), 3);
    let overlay = house.get(OVERLAY).await.ok(200);
    assert_eq!(overlay["pending"], json!([]));
    assert_eq!(
        (&overlay["entries"][0]["by"], &overlay["entries"][0]["reason"]),
        (&json!("ana"), &json!("the queue grows"))
    );
    let history = house.get("/api/v1/environments/production/history").await.ok(200);
    assert_eq!(history["items"][0]["configurationOnly"], true);
    assert_eq!(history["items"][0]["overlay"], json!(["services.web.replicas", "variables.REGION"]));
    assert_eq!(history["items"][1]["configurationOnly"], false);
}

#[tokio::test]
async fn a_dry_run_shows_the_diff_and_the_gates_and_does_nothing() {
    let house = house().await;
    let before = house.engine.world().size;
    let mut body = ask(&[("services.web.replicas", Some("3"))]);
    body["dryRun"] = json!(true);
    let planned = put(&house, OVERLAY, body).await.ok(200);
    assert_eq!(house.engine.world().size, before);
    let plan = &planned["plan"];
    assert_eq!(plan["diff"]["services"][0]["fields"], json!([{ "field": "replicas", "before": "2", "after": "3" }]));
    assert!(plan["gates"].as_array().unwrap().iter().any(|gate| gate["gate"] == "approval" && gate["open"] == false));
    assert_eq!(planned.get("promotion"), None);
    let mut other = ask(&[("services.web.replicas", Some("4"))]);
    other["plan"] = plan["plan"].clone();
    put(&house, OVERLAY, other).await.is_problem(409, "plan_changed");
    let mut same = ask(&[("services.web.replicas", Some("3"))]);
    same["plan"] = plan["plan"].clone();
    put(&house, OVERLAY, same).await.ok(200);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_every_mistake_and_nothing_is_recorded() {
    let house = house().await;
    let before = house.engine.world().size;
    let wrong =
        [("services.web.replicas", Some("many")), ("services.web.replica", Some("3")), ("LEVEL", Some("debug"))];
    let answer = put(&house, OVERLAY, ask(&wrong)).await;
    answer.is_problem(422, "configuration_invalid");
    let details: Vec<&str> = answer.body["details"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(details.len(), 3, "{details:#?}");
    assert!(answer.body["detail"].as_str().unwrap().contains("nothing was changed"));
    for (key, code) in [("tier", "invalid"), ("gates.approvals", "invalid"), ("", "invalid")] {
        put(&house, OVERLAY, ask(&[(key, Some("x"))])).await.is_problem(422, code);
    }
    put(&house, OVERLAY, json!({ "values": [], "reason": "x", "confirm": "production" }))
        .await
        .is_problem(422, "invalid");
    put(&house, OVERLAY, json!({ "values": values(&[("REGION", Some("us"))]) }))
        .await
        .is_problem(422, "reason_required");
    let unconfirmed = json!({ "values": values(&[("REGION", Some("us"))]), "reason": "x" });
    put(&house, OVERLAY, unconfirmed).await.is_problem(428, "confirmation_required");
    put(&house, OVERLAY, json!({ "valeus": [] })).await.is_problem(422, "body_invalid");
    put(&house, "/api/v1/environments/moon/overlay", ask(&[("a", None)])).await.is_problem(404, "not_found");
    assert_eq!(house.engine.world().size, before);
}

#[tokio::test]
async fn the_value_of_a_secret_is_refused_and_never_repeated() {
    let house = house().await;
    let before = house.engine.world().size;
    for (key, value) in [
        ("API_KEY", "hunter2"),
        ("variables.API_KEY", "hunter2"),
        ("services.web.env.API_KEY", "hunter2"),
        ("services.web.env", "{API_KEY: hunter2}"),
        ("services.web.env.DB", "postgres://u:hunter2@db/x"),
    ] {
        let answer = put(&house, OVERLAY, ask(&[(key, Some(value))])).await;
        answer.is_problem(422, "secret_in_overlay");
        assert!(!answer.body.to_string().contains("hunter2"), "{:#}", answer.body);
    }
    assert_eq!(house.engine.world().size, before);
}

#[tokio::test]
async fn unsetting_lets_the_files_decide_again_by_a_promotion_too() {
    let house = house().await;
    let changed = put(&house, OVERLAY, ask(&[("services.web.replicas", Some("3"))])).await.ok(200);
    approve_and_settle(&house, &changed["promotion"]["number"]).await;
    let unset = |query: &str| House::send(house.request(Method::DELETE, &format!("{OVERLAY}?{query}")));
    unset("key=services.web.nothing&reason=x").await.is_problem(404, "not_found");
    unset("key=services.web.replicas").await.is_problem(422, "reason_required");
    unset("keys=a").await.is_problem(422, "query_invalid");
    let changed = unset("key=services.web.replicas&reason=enough&confirm=production").await.ok(200);
    assert_eq!((&changed["effect"], &changed["overlay"]["entries"]), (&json!("promotion"), &json!([])));
    assert_eq!(changed["promotion"]["diff"]["overlay"], json!([{ "field": "services.web.replicas", "before": "3" }]));
    approve_and_settle(&house, &changed["promotion"]["number"]).await;
    assert_eq!(replicas(&house, "production"), 2);
}

#[tokio::test]
async fn what_is_only_recorded_is_pending_until_it_is_promoted() {
    let house = house().await;
    let mut body = ask(&[("services.web.replicas", Some("3"))]);
    body["recordOnly"] = json!(true);
    let changed = put(&house, OVERLAY, body.clone()).await.ok(200);
    assert_eq!(
        (&changed["effect"], &changed["overlay"]["pending"]),
        (&json!("recorded_only"), &json!(["services.web.replicas"]))
    );
    assert_eq!(changed.get("promotion"), None);
    let size = house.engine.world().size;
    put(&house, OVERLAY, body).await.ok(200);
    assert_eq!(house.engine.world().size, size, "what is said already is not recorded again");
    let promote = json!({ "environment": "production", "release": 1, "confirm": "production" });
    let promotion = house.post("/api/v1/promotions", promote.clone()).await.ok(201);
    assert_eq!(promotion["diff"]["configurationOnly"], true);
    approve_and_settle(&house, &promotion["number"]).await;
    assert_eq!(replicas(&house, "production"), 3);
    house.post("/api/v1/promotions", promote).await.is_problem(409, "already_there");
}

#[tokio::test]
async fn an_approved_plan_whose_overlay_changed_since_is_closed() {
    let house = house().await;
    let newer = house.release("1.1").await;
    house.to_staging(newer).await;
    let body = json!({ "environment": "production", "release": newer, "confirm": "production" });
    let waiting = house.post("/api/v1/promotions", body).await.ok(201)["number"].clone();
    let changed = put(&house, OVERLAY, ask(&[("services.web.replicas", Some("3"))])).await.ok(200);
    assert_eq!(changed["closed"], json!([waiting]));
    let closed = house.get(&format!("/api/v1/promotions/{waiting}")).await.ok(200);
    assert_eq!(closed["state"], "failed");
    assert!(closed["outcome"].as_str().unwrap().contains("live overlay"), "{closed:#}");
    house
        .post_as("ben", &format!("/api/v1/promotions/{waiting}/approve"), json!({}))
        .await
        .is_problem(409, "promotion_closed");
}

#[tokio::test]
async fn who_has_not_seen_the_newest_overlay_changes_nothing() {
    let house = house().await;
    let tag = house.get(OVERLAY).await.header("etag").to_owned();
    let send = |tag: String, value: &'static str| {
        House::send(house.request(Method::PUT, OVERLAY).header("if-match", tag).json(&ask(&[("REGION", Some(value))])))
    };
    send(tag.clone(), "us").await.ok(200);
    send(tag, "asia").await.is_problem(412, "stale");
    let overlay = house.get(OVERLAY).await;
    assert_eq!(overlay.body["entries"][0]["value"], "us");
    let unchanged = house.request(Method::GET, OVERLAY).header("if-none-match", overlay.header("etag"));
    assert_eq!(House::send(unchanged).await.status, 304);
}

#[tokio::test]
async fn many_who_set_at_once_all_get_through_or_are_told() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let path = "/api/v1/environments/development/overlay";
    let one = |n: usize| {
        let house = &house;
        async move {
            let key = format!("services.web.env.K{n}");
            let body = json!({ "values": values(&[(&key, Some("1"))]), "recordOnly": true });
            put(house, path, body).await.status.as_u16()
        }
    };
    let all = futures_util::future::join_all((0..8).map(one)).await;
    let through = all.iter().filter(|status| **status == 200).count();
    assert!(all.iter().all(|status| [200, 409].contains(status)), "{all:?}");
    assert_eq!(house.get(path).await.ok(200)["entries"].as_array().unwrap().len(), through);
    assert_eq!(release, 1);
}

#[tokio::test]
async fn going_back_restores_the_environment_and_leaves_the_overlay_to_say_so() {
    let house = house().await;
    let changed = put(&house, OVERLAY, ask(&[("services.web.replicas", Some("3"))])).await.ok(200);
    approve_and_settle(&house, &changed["promotion"]["number"]).await;
    house.post("/api/v1/environments/production/rollback", json!({})).await.ok(202);
    house.settle().await;
    assert_eq!(replicas(&house, "production"), 2);
    let status = house.get("/api/v1/status").await.ok(200);
    let production = status["environments"].as_array().unwrap().iter().find(|it| it["name"] == "production").unwrap();
    assert_eq!(production["overlay"], json!({ "keys": 1, "pending": ["services.web.replicas"] }));
}

#[tokio::test]
async fn where_nothing_runs_a_value_waits_for_the_first_release() {
    let house = House::new().await;
    house.release("1.0").await;
    let body = json!({ "values": values(&[("services.web.replicas", Some("4"))]) });
    let changed = put(&house, "/api/v1/environments/staging/overlay", body).await.ok(200);
    assert_eq!(changed["effect"], "nothing_runs");
    house.to_staging(1).await;
    assert_eq!(replicas(&house, "staging"), 4);
}
