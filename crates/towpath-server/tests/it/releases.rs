//! Releases and blobs.

use reqwest::Method;
use serde_json::{Value, json};
use towpath_core::ids::Digest;
use towpath_engine::ports::Blobs as _;

use crate::house::House;

#[tokio::test]
async fn making_the_same_release_twice_yields_the_one_that_is_there() {
    let house = House::new().await;
    let body = house.release_body("1.0", "hello").await;
    let first = house.post("/api/v1/releases", body.clone()).await;
    assert_eq!(first.header("location"), "/api/v1/releases/1");
    let first = first.ok(201);
    assert_eq!(
        (&first["number"], &first["createdBy"], &first["notes"]),
        (&json!(1), &json!("ana"), &json!("what changed"))
    );
    let events = house.engine.world().size;
    let second = house.post_as("ben", "/api/v1/releases", body).await.ok(200);
    assert_eq!((&second["digest"], house.engine.world().size), (&first["digest"], events));
}

#[tokio::test]
async fn a_release_declares_the_project_when_it_says_something_new() {
    let house = House::new().await;
    house.release("1.0").await;
    let world = house.engine.world();
    assert_eq!((world.project.as_ref().unwrap().name.as_str(), world.size), ("shop", 2));
    house.release("1.1").await;
    assert_eq!(house.engine.world().size, 3, "the same project is not declared again");
}

#[tokio::test]
async fn releases_are_listed_newest_first_and_say_where_they_are() {
    let house = House::with_canary().await;
    let body = house.get("/api/v1/releases?limit=1").await.ok(200);
    assert_eq!((&body["items"][0]["version"], &body["next"]), (&json!("1.1"), &json!("2")));
    let places = body["items"][0]["places"].as_array().unwrap();
    let states: Vec<_> = places.iter().map(|place| (place["environment"].as_str().unwrap(), &place["state"])).collect();
    assert_eq!(
        states,
        [("development", &json!("current")), ("staging", &json!("current")), ("production", &json!("rolling_out")),]
    );
    let answer = house.get("/api/v1/releases/r1").await;
    let tag = answer.header("etag").to_owned();
    assert_eq!(answer.ok(200)["content"]["commit"]["id"], "c0ffee");
    let request = house.request(Method::GET, "/api/v1/releases/1").header("if-none-match", tag);
    House::send(request).await.ok(304);
    house.get("/api/v1/releases/7").await.is_problem(404, "not_found");
    house.get("/api/v1/releases/seven").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn what_is_missing_is_listed() {
    let house = House::new().await;
    let mut body = house.release_body("1.0", "hello").await;
    let absent = Digest::of(b"nowhere").to_string();
    body["content"]["bundle"] = json!(absent);
    let answer = house.post("/api/v1/releases", body).await;
    answer.is_problem(422, "blobs_missing");
    assert_eq!(answer.body["details"], json!([absent]));
    assert_eq!(house.engine.world().size, 0);
}

#[tokio::test]
async fn files_of_an_artifact_that_are_missing_are_listed_too() {
    let house = House::new().await;
    let body = house.release_body("1.0", "hello").await;
    let program = Digest::of(b"program 1.0");
    house.blobs.erase(&program).await.unwrap();
    let answer = house.post("/api/v1/releases", body).await;
    answer.is_problem(422, "blobs_missing");
    assert_eq!(answer.body["details"], json!([program.to_string()]));
}

#[tokio::test]
async fn every_mistake_of_the_bundle_is_told_and_nothing_changed() {
    let house = House::new().await;
    let mut body = house.release_body("1.0", "hello").await;
    let files = json!({
        "environments/production.yaml": "tier: productoin\n",
        "towpath.yaml": "project: Shop!\npipeline:\n  production: {after: moon}\n",
    });
    let bundle = json!({ "files": files, "format": "towpath-bundle/1" }).to_string();
    body["content"]["bundle"] = json!(house.blobs.put(bundle.as_bytes()).await.unwrap().to_string());
    let answer = house.post("/api/v1/releases", body).await;
    answer.is_problem(422, "bundle_invalid");
    let lines: Vec<&str> = answer.body["details"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    for place in ["environments/production.yaml:1:7: ", "towpath.yaml:1:10: ", "towpath.yaml:3:"] {
        assert!(lines.iter().any(|line| line.starts_with(place)), "{place} in {lines:#?}");
    }
    assert_eq!(house.engine.world().size, 0);
}

#[tokio::test]
async fn what_is_no_bundle_or_no_manifest_is_refused() {
    let house = House::new().await;
    let body = house.release_body("1.0", "hello").await;
    let junk = house.blobs.put(b"junk").await.unwrap().to_string();
    let with = |pointer: &str, value: Value| {
        let mut body = body.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let answer = house.post("/api/v1/releases", with("/content/bundle", json!(junk))).await;
    answer.is_problem(422, "bundle_invalid");
    for (pointer, value) in [
        ("/content/artifacts/web/tree", json!(junk)),
        ("/content/artifacts/web/size", json!(1)),
        ("/content/artifacts/web/files", json!(7)),
        ("/content/version", json!(" ")),
        ("/content/version", json!("x".repeat(65))),
        ("/content/bundle", json!("sha256:1")),
        ("/content/commit/at", json!("yesterday")),
    ] {
        let answer = house.post("/api/v1/releases", with(pointer, value)).await;
        answer.is_problem(422, "body_invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    let mut misnamed = body.clone();
    misnamed["content"]["artifacts"]["A/b"] = body["content"]["artifacts"]["web"].clone();
    let answer = house.post("/api/v1/releases", misnamed).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/content/artifacts/A~1b");
    assert_eq!(house.engine.world().size, 0);
}

#[tokio::test]
async fn another_project_is_refused() {
    let house = House::new().await;
    house.release("1.0").await;
    let files = json!({
        "environments/production.yaml": "",
        "towpath.yaml": "project: other\npipeline:\n  production: {}\n",
    });
    let bundle = json!({ "files": files, "format": "towpath-bundle/1" }).to_string();
    let mut body = house.release_body("2.0", "hello").await;
    body["content"]["bundle"] = json!(house.blobs.put(bundle.as_bytes()).await.unwrap().to_string());
    house.post("/api/v1/releases", body).await.is_problem(422, "invalid");
}

#[tokio::test]
async fn blobs_are_sent_once_and_verified() {
    let house = House::new().await;
    let bytes = vec![7_u8; 3 << 20];
    let digest = Digest::of(&bytes).to_string();
    let ask = json!({ "digests": [digest, digest] });
    let missing = house.post("/api/v1/blobs/missing", ask.clone()).await.ok(200);
    assert_eq!(missing["missing"], json!([digest]));
    let put = |digest: &str, bytes: &[u8]| {
        House::send(house.request(Method::PUT, &format!("/api/v1/blobs/{digest}")).body(bytes.to_vec()))
    };
    assert_eq!(put(&digest, &bytes).await.ok(200), json!({ "digest": digest, "size": bytes.len() }));
    assert_eq!(house.post("/api/v1/blobs/missing", ask).await.ok(200)["missing"], json!([]));
    put(&Digest::of(b"other").to_string(), &bytes).await.is_problem(422, "digest_mismatch");
    put("sha256:12", &bytes).await.is_problem(422, "digest_invalid");
    house.post("/api/v1/blobs/missing", json!({ "digests": ["x"] })).await.is_problem(422, "body_invalid");
}

#[tokio::test]
async fn a_blob_that_is_too_long_is_refused_whether_it_says_so_or_not() {
    let house = House::with(|options| options.max_blob = 1000).await;
    let path = format!("/api/v1/blobs/{}", Digest::of(b""));
    House::send(house.request(Method::PUT, &path).body(vec![0; 1001])).await.is_problem(413, "too_large");
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 100]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    House::send(house.request(Method::PUT, &path).body(body)).await.is_problem(413, "too_large");
    assert_eq!(house.blobs.count(), 0);
}
