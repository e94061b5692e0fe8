//! Promotions.

use reqwest::Method;
use serde_json::json;

use crate::house::House;

const PROMOTIONS: &str = "/api/v1/promotions";

#[tokio::test]
async fn a_dry_run_shows_everything_and_does_nothing() {
    let house = House::with_canary().await;
    house.post("/api/v1/environments/production/rollout/promote", json!({ "confirm": "production" })).await.ok(200);
    house.settle().await;
    let release = house.release("1.2").await;
    house.to_staging(release).await;
    let before = house.engine.world().size;
    let body = json!({ "environment": "production", "release": release, "dryRun": true });
    let plan = house.post(PROMOTIONS, body).await.ok(200);
    assert_eq!(house.engine.world().size, before);
    assert_eq!(
        (&plan["tier"], &plan["strategy"], &plan["confirm"]),
        (&json!("production"), &json!("canary"), &json!("production"))
    );
    assert_eq!((&plan["diff"]["from"]["version"], &plan["diff"]["to"]["version"]), (&json!("1.1"), &json!("1.2")));
    assert_eq!(plan["diff"]["artifacts"][0]["files"], json!(["~ serve"]));
    assert_eq!(
        plan["diff"]["services"][0]["variables"],
        json!([{ "name": "GREETING", "change": "changed", "secret": false, "before": "hello 1.1", "after": "hello 1.2" }])
    );
    let steps: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| step["text"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        ["send 20% of the traffic", "wait for a person", "send 60% of the traffic", "send 100% of the traffic"]
    );
    let gates: Vec<_> =
        plan["gates"].as_array().unwrap().iter().map(|gate| (gate["gate"].as_str().unwrap(), &gate["open"])).collect();
    assert_eq!(gates, [("upstream", &json!(true)), ("approval", &json!(false))]);
    assert!(plan["gates"][1]["opens"].as_str().unwrap().contains("tech-lead"));
    assert_eq!(plan.get("refusal"), None);
}

#[tokio::test]
async fn a_dry_run_of_what_would_be_refused_says_so_inside() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    let body = json!({ "environment": "production", "release": release, "dryRun": true });
    let plan = house.post(PROMOTIONS, body).await.ok(200);
    assert_eq!((&plan["refusal"]["code"], &plan["refusal"]["kind"]), (&json!("not_upstream"), &json!("refused")));
    assert_eq!(plan["diff"]["services"][0]["change"], "added");
}

#[tokio::test]
async fn production_needs_to_be_confirmed_by_name() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.to_staging(release).await;
    let ask = |confirm: Option<&str>| {
        house.post(PROMOTIONS, json!({ "environment": "production", "release": release, "confirm": confirm }))
    };
    let answer = ask(None).await;
    answer.is_problem(428, "confirmation_required");
    assert!(answer.body["next"].as_str().unwrap().contains("--confirm production"));
    let answer = ask(Some("staging")).await;
    answer.is_problem(422, "body_invalid");
    assert_eq!(answer.body["errors"][0]["pointer"], "/confirm");
    assert_eq!(house.engine.world().promotions.len(), 2);
    ask(Some("production")).await.ok(201);
}

#[tokio::test]
async fn asking_again_for_what_waits_yields_what_is_there() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let body = json!({ "environment": "staging", "release": release, "reason": " because " });
    let first = house.post(PROMOTIONS, body.clone()).await;
    assert_eq!(first.header("location"), "/api/v1/promotions/2");
    let first = first.ok(201);
    assert_eq!(first["reason"], "because");
    let second = house.post(PROMOTIONS, body).await.ok(200);
    assert_eq!((&second["number"], &second["plan"]), (&first["number"], &first["plan"]));
}

#[tokio::test]
async fn refusals_have_their_code_and_say_what_to_do() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    let ask = |environment: &str, release: u64| {
        house.post(PROMOTIONS, json!({ "environment": environment, "release": release, "confirm": environment }))
    };
    let answer = ask("production", release).await;
    answer.is_problem(409, "not_upstream");
    assert_eq!((&answer.body["kind"], &answer.body["next"]), (&json!("refused"), &json!("towpath promote r1 staging")));
    ask("moon", release).await.is_problem(404, "not_found");
    ask("Not A Name", release).await.is_problem(404, "not_found");
    ask("staging", 9).await.is_problem(404, "not_found");
    house.settle().await;
    ask("development", release).await.is_problem(409, "already_there");
}

#[tokio::test]
async fn what_was_shown_must_be_what_is_asked_for() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let body = json!({ "environment": "staging", "release": release, "dryRun": true });
    let plan = house.post(PROMOTIONS, body).await.ok(200)["plan"].clone();
    let other = towpath_core::ids::Digest::of(b"other").to_string();
    let ask = |plan: &serde_json::Value| {
        house.post(PROMOTIONS, json!({ "environment": "staging", "release": release, "plan": plan }))
    };
    ask(&json!(other)).await.is_problem(409, "plan_changed");
    ask(&json!("sha256:0")).await.is_problem(422, "body_invalid");
    ask(&plan).await.ok(201);
}

#[tokio::test]
async fn nobody_approves_their_own_and_somebody_with_the_role_does() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.to_staging(release).await;
    let body = json!({ "environment": "production", "release": release, "confirm": "production" });
    let number = house.post(PROMOTIONS, body).await.ok(201)["number"].clone();
    let path = format!("{PROMOTIONS}/p{number}");
    house.post(&format!("{path}/approve"), json!({})).await.is_problem(403, "self_approval");
    let other = towpath_core::ids::Digest::of(b"other").to_string();
    house.post_as("ben", &format!("{path}/approve"), json!({ "plan": other })).await.is_problem(409, "plan_changed");
    let shown = house.get(&path).await.ok(200);
    let approve = json!({ "plan": shown["plan"], "comment": "fine" });
    let approved = house.post_as("ben", &format!("{path}/approve"), approve).await.ok(200);
    assert_eq!(
        (&approved["approvals"][0]["by"], &approved["approvals"][0]["comment"]),
        (&json!("ben"), &json!("fine"))
    );
    assert!(approved["gates"].as_array().unwrap().iter().all(|gate| gate["open"] == true));
    house.settle().await;
    let deployed = house.get(&path).await.ok(200);
    assert_eq!((&deployed["state"], &deployed["revision"]), (&json!("deployed"), &json!(3)));
    house.post_as("ben", &format!("{path}/reject"), json!({})).await.is_problem(409, "promotion_closed");
}

#[tokio::test]
async fn a_promotion_that_changed_since_it_was_read_is_not_changed_blindly() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let path = "/api/v1/promotions/2";
    house.post(PROMOTIONS, json!({ "environment": "staging", "release": release })).await.ok(201);
    let seen = house.get(path).await.header("etag").to_owned();
    house.wait(3600);
    let confirm = |tag: &str, item: &str| {
        let request = house.request(Method::POST, &format!("{path}/confirm")).header("if-match", tag);
        House::send(request.json(&json!({ "item": item })))
    };
    confirm(&seen, "the press is told").await.ok(200);
    confirm(&seen, "the shop is open").await.is_problem(412, "stale");
    confirm("*", "the moon is full").await.is_problem(404, "not_found");
    confirm("*", "the shop is open").await.ok(200);
}

#[tokio::test]
async fn promotions_are_listed_by_state_and_environment() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    house.post(PROMOTIONS, json!({ "environment": "staging", "release": release })).await.ok(201);
    let rejected = house.post("/api/v1/promotions/2/reject", json!({ "comment": "too late" })).await.ok(200);
    assert_eq!(rejected["outcome"], "rejected by ana: too late");
    house.post(PROMOTIONS, json!({ "environment": "staging", "release": release })).await.ok(201);
    let numbers = async |query: &str| {
        let body = house.get(&format!("{PROMOTIONS}?{query}")).await.ok(200);
        body["items"].as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [3, 2, 1]);
    assert_eq!(numbers("state=waiting").await, [3]);
    assert_eq!(numbers("environment=staging&limit=1").await, [3]);
    assert_eq!(numbers("environment=staging&limit=1&after=3").await, [2]);
    house.get(&format!("{PROMOTIONS}?state=lost")).await.is_problem(400, "query_invalid");
    house.get(&format!("{PROMOTIONS}?environment=moon")).await.is_problem(404, "not_found");
    house.get(&format!("{PROMOTIONS}/9")).await.is_problem(404, "not_found");
}
