//! What runs where.

use reqwest::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn an_empty_server_has_no_project_and_no_environments() {
    let house = House::new().await;
    let status = house.get("/api/v1/status").await.ok(200);
    assert_eq!((status.get("project"), &status["environments"], &status["size"]), (None, &json!([]), &json!(0)));
    let answer = house.get("/api/v1/environments/production").await;
    answer.is_problem(404, "not_found");
    assert!(answer.body["next"].as_str().unwrap().contains("towpath.yaml"));
}

#[tokio::test]
async fn the_status_goes_from_the_least_to_the_most_production_like() {
    let house = House::with_canary().await;
    let status = house.get("/api/v1/status").await.ok(200);
    assert_eq!(status["project"], "shop");
    let of = |index: usize| &status["environments"][index];
    let names: Vec<_> = (0..3).map(|index| (of(index)["name"].as_str().unwrap(), of(index)["tier"].clone())).collect();
    assert_eq!(
        names,
        [("development", json!("development")), ("staging", json!("staging")), ("production", json!("production"))]
    );
    let production = of(2);
    assert_eq!(production["current"]["version"], "1.0");
    assert_eq!(production["rollout"]["version"], "1.1");
    assert_eq!(production["rollout"]["status"], "paused");
    assert_eq!(production["rollout"]["weightPercent"], 20);
    assert_eq!(production["instances"], json!({ "ready": 3, "wanted": 3, "existing": 3 }));
    assert_eq!(production["addresses"][0]["url"], "http://127.0.0.1:8080");
    assert_eq!(of(1)["current"]["version"], "1.1");
}

#[tokio::test]
async fn waiting_promotions_are_shown_with_why_they_wait() {
    let house = House::new().await;
    let release = house.release("1.0").await;
    house.settle().await;
    let body = json!({ "environment": "staging", "release": release });
    house.post("/api/v1/promotions", body).await.ok(201);
    let status = house.get("/api/v1/environments").await.ok(200);
    let waiting = &status["items"][1]["waiting"][0];
    assert_eq!((&waiting["version"], &waiting["requestedBy"]), (&json!("1.0"), &json!("ana")));
    assert!(waiting["closed"][0].as_str().unwrap().starts_with("checklist: 2 of 2"));
}

#[tokio::test]
async fn an_environment_is_shown_in_full_and_only_once() {
    let house = House::with_canary().await;
    let answer = house.get("/api/v1/environments/production").await;
    let tag = answer.header("etag").to_owned();
    let body = answer.ok(200);
    assert_eq!(body["services"][0]["command"], json!(["./serve", "--port", "${PORT}"]));
    assert_eq!(body["gates"], json!(["approval by 1 of tech-lead, valid for 7d"]));
    let sets: Vec<_> = body["sets"].as_array().unwrap().iter().map(|set| set["ready"].clone()).collect();
    assert_eq!(sets, [json!(2), json!(1)]);

    let again = || house.request(Method::GET, "/api/v1/environments/production");
    let answer = House::send(again().header("if-none-match", &tag)).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (304, tag.as_str()));
    house.post("/api/v1/environments/production/rollout/abort", json!({})).await.ok(200);
    House::send(again().header("if-none-match", &tag)).await.ok(200);
}

#[tokio::test]
async fn instances_are_listed() {
    let house = House::with_canary().await;
    let body = house.get("/api/v1/environments/production/instances").await.ok(200);
    let all: Vec<_> = body["items"].as_array().unwrap().iter().collect();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|it| it["phase"] == "ready" && it["address"].is_string() && it["inFlight"] == 0));
}

#[tokio::test]
async fn history_is_paged_newest_first() {
    let house = House::with_canary().await;
    let first = house.get("/api/v1/environments/production/history?limit=1").await;
    assert_eq!(first.header("link"), r#"</api/v1/environments/production/history?limit=1&after=6>; rel="next""#);
    let first = first.ok(200);
    assert_eq!((&first["items"][0]["version"], &first["items"][0]["status"]), (&json!("1.1"), &json!("paused")));
    assert_eq!(first["items"][0]["startedBy"], "ana");
    let path = format!("/api/v1/environments/production/history?after={}", first["next"].as_str().unwrap());
    let second = house.get(&path).await.ok(200);
    assert_eq!((&second["items"][0]["version"], second.get("next")), (&json!("1.0"), None));
    assert_eq!(second["items"][0]["current"], true);
}

#[tokio::test]
async fn logs_are_of_the_newest_revision_and_can_be_followed() {
    let house = House::with_canary().await;
    let body = house.get("/api/v1/environments/production/logs").await.ok(200);
    let chunk = &body["chunks"][0];
    assert_eq!((body["chunks"].as_array().unwrap().len(), &chunk["revision"]), (1, &json!(6)));
    assert!(chunk["text"].as_str().unwrap().contains("first line of production/web/d6/0"));
    let path = "/api/v1/environments/production/logs?service=web&revision=3&index=1&from=";
    let rest = house.get(&format!("{path}0")).await.ok(200)["chunks"][0].clone();
    let next = rest["next"].as_u64().unwrap();
    assert_eq!(house.get(&format!("{path}{next}")).await.ok(200)["chunks"][0]["text"], "");

    house.get("/api/v1/environments/production/logs?from=3").await.is_problem(422, "query_invalid");
    house.get("/api/v1/environments/production/logs?service=web&index=9").await.is_problem(404, "not_found");
    house.get("/api/v1/environments/production/logs?revision=99").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn dora_states_its_definitions_beside_its_numbers() {
    let house = House::with_canary().await;
    house.post("/api/v1/environments/production/rollout/abort", json!({})).await.ok(200);
    house.settle().await;
    let body = house.get("/api/v1/metrics/dora?environment=production&days=7").await.ok(200);
    let production = &body["environments"][0];
    assert_eq!(production["deploymentFrequency"]["deployments"], 1);
    assert_eq!(production["changeFailureRate"]["failed"], 1);
    assert_eq!(production["changeFailureRate"]["started"], 2);
    assert_eq!(production["changeFailureRate"]["percent"], 50.0);
    assert_eq!(production["timeToRestore"]["count"], 1);
    assert!(production["leadTime"]["medianMs"].as_u64().is_some());
    for metric in ["deploymentFrequency", "leadTime", "changeFailureRate", "timeToRestore"] {
        assert!(production[metric]["definition"].as_str().unwrap().len() > 40, "{metric}");
    }
    assert_eq!(house.get("/api/v1/metrics/dora").await.ok(200)["environments"].as_array().unwrap().len(), 3);
    house.get("/api/v1/metrics/dora?days=0").await.is_problem(422, "query_invalid");
    house.get("/api/v1/metrics/dora?environment=moon").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn metrics_are_those_of_the_proxy_and_our_own() {
    let house = House::with_canary().await;
    let answer = house.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.ok(200).as_str().unwrap().to_owned();
    for line in [
        "towpath_requests_total 3",
        "towpath_deployments{environment=\"production\",status=\"paused\"} 1",
        "towpath_instances{environment=\"production\",service=\"web\",phase=\"ready\"} 3",
        "towpath_instances_wanted{environment=\"production\",service=\"web\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("hello"), "no value of a variable is in the metrics");
}
