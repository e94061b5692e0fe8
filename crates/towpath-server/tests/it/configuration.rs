//! Resolved configuration.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;

const AT: &str = "/api/v1/environments/staging";

async fn house() -> House {
    let house = House::new().await;
    house.release("1.0").await;
    house.to_staging(1).await;
    let body = json!({ "values": [{ "key": "REGION", "value": "us" }], "reason": "trial", "recordOnly": true });
    House::send(house.request(Method::PUT, &format!("{AT}/overlay")).json(&body)).await.ok(200);
    house
}

fn value<'a>(config: &'a Value, key: &str) -> &'a Value {
    config["values"].as_array().unwrap().iter().find(|value| value["key"] == key).unwrap()
}

#[tokio::test]
async fn every_value_is_shown_with_who_decided_it() {
    let house = house().await;
    let config = house.get(&format!("{AT}/config")).await.ok(200);
    assert_eq!((&config["environment"], &config["tier"]), (&json!("staging"), &json!("staging")));
    let replicas = value(&config, "services.web.replicas");
    assert_eq!((&replicas["value"], &replicas["layer"]), (&json!("2"), &json!("base")));
    assert!(replicas["place"].as_str().unwrap().starts_with("environments/base.yaml:2:"), "{replicas:#}");
    let region = value(&config, "variables.REGION");
    assert_eq!((&region["value"], &region["layer"]), (&json!("us"), &json!("live overlay")));
    let of_release = house.get(&format!("{AT}/config?release=r1")).await.ok(200);
    assert_eq!((&of_release["release"], &of_release["values"]), (&json!(1), &config["values"]));
    house.get(&format!("{AT}/config?release=9")).await.is_problem(404, "not_found");
    house.get("/api/v1/environments/moon/config").await.is_problem(404, "not_found");
    house.get(&format!("{AT}/config?what=1")).await.is_problem(400, "query_invalid");
}

#[tokio::test]
async fn other_names_of_an_environment_work() {
    let house = house().await;
    let config = house.get("/api/v1/environments/stage/config").await.ok(200);
    assert_eq!(config["environment"], "staging");
}

#[tokio::test]
async fn explaining_says_who_when_why_and_by_which_event() {
    let house = house().await;
    let explained = house.get(&format!("{AT}/explain?key=REGION")).await.ok(200);
    let winner = &explained["items"][0]["contributions"][0];
    assert_eq!(
        (&winner["layer"], &winner["by"], &winner["reason"], &winner["value"]),
        (&json!("live overlay"), &json!("ana"), &json!("trial"), &json!("us"))
    );
    let event = house.engine.world().size - 1;
    assert_eq!(winner["place"], format!("live overlay, event {event}"));
    assert!(winner["at"].is_string());
    assert_eq!(explained["items"][0]["contributions"][1]["value"], "eu");
    let missing = house.get(&format!("{AT}/explain?key=REGIO")).await;
    missing.is_problem(404, "not_found");
    assert!(missing.body["detail"].as_str().unwrap().contains("REGION"));
}

#[tokio::test]
async fn variables_are_written_for_other_tools_without_secrets() {
    let house = house().await;
    let text = |query: &'static str| {
        let house = &house;
        async move { house.get(&format!("{AT}/render{query}")).await }
    };
    let answer = text("").await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.ok(200), "REGION=us\n");
    let service = text("?format=json&service=web").await.ok(200);
    assert_eq!(service, json!({ "GREETING": "hello 1.0", "REGION": "us" }));
    text("?format=ini").await.is_problem(422, "query_invalid");
    text("?service=db").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn environments_are_compared() {
    let house = house().await;
    let path = "/api/v1/environments/compare?environments=staging,production";
    let compared = house.get(path).await.ok(200);
    assert_eq!(compared["environments"], json!(["staging", "production"]));
    assert!(compared["parityPercent"].as_u64().unwrap() < 100);
    let rows = compared["rows"].as_array().unwrap();
    let region = rows.iter().find(|row| row["key"] == "variables.REGION").unwrap();
    assert_eq!((&region["same"], &region["values"]), (&json!(false), &json!(["us", "eu"])));
    assert_eq!(house.get("/api/v1/environments/compare").await.ok(200)["environments"].as_array().unwrap().len(), 3);
    house.get("/api/v1/environments/compare?environments=staging,stage").await.is_problem(422, "query_invalid");
    house.get("/api/v1/environments/compare?environments=staging").await.is_problem(422, "query_invalid");
    house.get("/api/v1/environments/compare?environments=staging,moon").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn files_are_checked_with_all_mistakes_at_once() {
    let house = House::new().await;
    let files = json!({
        "towpath.yaml": "project: shop\nservices: {web: {comand: [./serve]}}\npipeline: [staging]\n",
        "environments/staging.yaml": "tier: stagin\n",
        "README.md": "# shop",
    });
    let checked = house.post("/api/v1/config/validate", json!({ "files": files })).await.ok(200);
    assert_eq!((&checked["valid"], &checked["ignored"]), (&json!(false), &json!(["README.md"])));
    let found = checked["diagnostics"].as_array().unwrap();
    let place = |part: &str| {
        let one = found.iter().find(|one| one["message"].as_str().unwrap().contains(part)).unwrap();
        (one["path"].as_str().unwrap().to_owned(), one["line"].as_u64().unwrap())
    };
    assert_eq!(place("comand"), ("towpath.yaml".to_owned(), 2));
    assert_eq!(place("stagin"), ("environments/staging.yaml".to_owned(), 1));
    let sound = json!({
        "towpath.yaml": "project: shop\nservices: {web: {command: [./serve]}}\npipeline: [staging]\n",
        "environments/staging.yaml": "",
    });
    let checked =
        house.post("/api/v1/config/validate", json!({ "files": sound, "environment": "stage" })).await.ok(200);
    assert_eq!((&checked["valid"], &checked["environments"]), (&json!(true), &json!(["staging"])));
    let empty = house.post("/api/v1/config/validate", json!({ "files": {} })).await.ok(200);
    assert_eq!(empty["valid"], false);
    let body = json!({ "files": {}, "environment": "moon" });
    house.post("/api/v1/config/validate", body).await.is_problem(404, "not_found");
}
