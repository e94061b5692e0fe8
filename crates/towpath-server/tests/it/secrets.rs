//! The store of secrets over HTTP, and what becomes of it when things go wrong.

use reqwest::Method;
use serde_json::{Value, json};
use towpath_engine::{
    ports::{Blobs as _, SecretSource as _},
    secrets::{Principal, SecretsError, Wish},
};
use towpath_testkit::{KeyFault, LedgerFault};

use crate::house::{Answer, House};

const SECRETS: &str = "/api/v1/environments/development/secrets";

async fn put(house: &House, path: &str, body: Value) -> Answer {
    House::send(house.request(Method::PUT, path).json(&body)).await
}

async fn set(house: &House, name: &str, value: &str) -> Value {
    put(house, &format!("{SECRETS}/{name}"), json!({ "value": value })).await.ok(200)
}

async fn read(house: &House, name: &str, version: Option<u32>) -> Answer {
    house.post(&format!("{SECRETS}/{name}/read"), json!({ "version": version })).await
}

async fn value(house: &House, name: &str, version: Option<u32>) -> String {
    read(house, name, version).await.ok(200)["value"].as_str().unwrap().to_owned()
}

async fn house() -> House {
    let house = House::new().await;
    house.release("1.0").await;
    house.settle().await;
    house
}

fn who() -> Principal {
    Principal { name: "ana".parse().unwrap(), cause: "test".to_owned() }
}

fn development() -> towpath_core::ids::EnvironmentName {
    "development".parse().unwrap()
}

#[tokio::test]
async fn a_value_is_set_read_and_listed_without_being_kept_anywhere() {
    let house = house().await;
    let made = set(&house, "API_KEY", "s3cret-1").await;
    assert_eq!((&made["version"], &made["effect"]), (&json!(1), &json!("unchanged")));
    let answer = read(&house, "API_KEY", None).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.ok(200), json!({ "name": "API_KEY", "version": 1, "value": "s3cret-1" }));
    let listed = house.get(SECRETS).await;
    assert!(!listed.body.to_string().contains("s3cret"), "{listed:?}");
    let listed = listed.ok(200);
    assert_eq!(listed["secrets"][0]["name"], "API_KEY");
    assert_eq!((&listed["dataKeys"][0]["version"], &listed["dataKeys"][0]["values"]), (&json!(1), &json!(1)));
    let events = house.get("/api/v1/events").await.ok(200);
    assert!(!events.to_string().contains("s3cret"), "{events}");
    for blob in house.blobs.list().await.unwrap() {
        let bytes = house.blobs.get(&blob.digest).await.unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"));
    }
    house.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_without_repeating_it() {
    let house = house().await;
    let path = format!("{SECRETS}/API_KEY");
    for body in [
        json!("s3cret"),
        json!({ "value": 5, "reason": "s3cret" }),
        json!({ "value": ["s3cret"] }),
        json!({ "s3cret": true }),
        json!({ "value": "x", "recordOnly": "s3cret" }),
        json!({}),
        json!({ "value": "" }),
        json!({ "value": "s3cret\u{0}" }),
        json!({ "value": "s3cret".repeat(20_000) }),
    ] {
        let answer = put(&house, &path, body).await;
        assert_eq!(answer.status.as_u16(), 422, "{answer:?}");
        assert!(!format!("{answer:?}").contains("s3cret"), "{answer:?}");
    }
    let broken =
        house.request(Method::PUT, &path).header("content-type", "application/json").body("{\"value\": s3cret");
    let answer = House::send(broken).await;
    answer.is_problem(400, "json_invalid");
    assert!(!format!("{answer:?}").contains("s3cret"));
    let answer = put(&house, &format!("{SECRETS}/s3cret-name"), json!({ "value": "x" })).await;
    answer.is_problem(422, "invalid");
    put(&house, "/api/v1/environments/nowhere/secrets/A", json!({ "value": "x" })).await.is_problem(404, "not_found");
    assert!(house.engine.world().secrets(&development()).is_none(), "no key is made for what is refused");
    house.stop().await;
}

#[tokio::test]
async fn what_was_not_seen_is_not_changed() {
    let house = house().await;
    set(&house, "API_KEY", "one").await;
    let history = format!("{SECRETS}/API_KEY/history");
    let tag = house.get(&history).await.header("etag").to_owned();
    set(&house, "API_KEY", "two").await;
    let path = format!("{SECRETS}/API_KEY");
    for request in [
        house.request(Method::PUT, &path).json(&json!({ "value": "three" })),
        house.request(Method::DELETE, &path),
        house.request(Method::POST, &format!("{path}/restore")).json(&json!({ "version": 1 })),
        house.request(Method::POST, &format!("{path}/destroy")).json(&json!({ "versions": [1] })),
    ] {
        House::send(request.header("if-match", &tag)).await.is_problem(412, "stale");
    }
    let tag = house.get(&history).await.header("etag").to_owned();
    let request = house.request(Method::PUT, &path).json(&json!({ "value": "three" }));
    House::send(request.header("if-match", &tag)).await.ok(200);
    assert_eq!(value(&house, "API_KEY", None).await, "three");
    house.stop().await;
}

#[tokio::test]
async fn the_answer_with_a_value_is_found_and_written_down_again_under_the_same_key() {
    let house = house().await;
    set(&house, "API_KEY", "one").await;
    for _ in 0..2 {
        let request = house.request(Method::POST, &format!("{SECRETS}/API_KEY/read")).json(&json!({}));
        let answer = House::send(request.header("idempotency-key", "again")).await;
        assert_eq!(answer.header("idempotency-replayed"), "");
        assert_eq!(answer.ok(200)["value"], "one");
    }
    let events = house.get("/api/v1/events?kind=secrets_read").await.ok(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 2);
    house.stop().await;
}

#[tokio::test]
async fn versions_are_restored_unset_and_destroyed() {
    let house = house().await;
    for text in ["one", "two"] {
        set(&house, "API_KEY", text).await;
        house.wait(60);
    }
    let path = |verb: &str| format!("{SECRETS}/API_KEY/{verb}");
    let restored = house.post(&path("restore"), json!({ "version": 1 })).await.ok(200);
    assert_eq!(restored["version"], 3);
    assert_eq!(value(&house, "API_KEY", None).await, "one");
    // The value is in force already, by another number.
    assert_eq!(house.post(&path("restore"), json!({ "version": 1 })).await.ok(200)["version"], 3);
    let before = house.blobs.count();
    house.post(&path("destroy"), json!({ "versions": [1, 2] })).await.ok(200);
    assert_eq!(house.blobs.count(), before - 2);
    read(&house, "API_KEY", Some(2)).await.is_problem(409, "secret_destroyed");
    house.post(&path("destroy"), json!({ "versions": [] })).await.is_problem(422, "invalid");
    House::send(house.request(Method::DELETE, &format!("{SECRETS}/API_KEY"))).await.ok(200);
    read(&house, "API_KEY", None).await.is_problem(404, "not_found");
    assert_eq!(value(&house, "API_KEY", Some(3)).await, "one");
    let history = house.get(&path("history")).await.ok(200);
    assert_eq!(history["versions"][2]["destroyed"]["by"], "ana");
    assert_eq!(history["unsets"].as_array().unwrap().len(), 1);
    let all = house.post(&format!("{SECRETS}/-/read"), json!({})).await.ok(200);
    assert_eq!(all["secrets"], json!([]));
    house.stop().await;
}

#[tokio::test]
async fn a_ledger_that_fails_at_any_point_leaves_every_secret_readable() {
    for fault in [LedgerFault::Full, LedgerFault::FailsBefore, LedgerFault::FailsAfter] {
        for skip in 0..3 {
            let house = house().await;
            set(&house, "API_KEY", "old").await;
            house.ledger.plan_fault(skip, fault);
            let mut wrote = "old".to_owned();
            for number in 0..4 {
                let path = format!("{SECRETS}/API_KEY");
                let answer = put(&house, &path, json!({ "value": format!("new {number}") })).await;
                // Not as a person would: that would be written down, and meet the fault.
                let source = house.secrets.source(&development(), who(), None);
                let current = source.current(None).await.unwrap();
                let now = source.read(&current).await.unwrap()["API_KEY"].expose().to_owned();
                if answer.status.is_success() {
                    wrote = format!("new {number}");
                    assert_eq!(now, wrote);
                } else {
                    // What failed after it was written counts; it is one or the other, and can be read.
                    assert!(now == wrote || now == format!("new {number}"), "{fault:?} {skip}: {now}");
                    wrote = now;
                }
            }
            house.stop().await;
        }
    }
}

#[tokio::test]
async fn data_keys_change_under_values_that_stay() {
    let house = house().await;
    for (name, text) in [("A", "1"), ("B", "2"), ("C", "3"), ("A", "4")] {
        set(&house, name, text).await;
    }
    let (secrets, place) = (&house.secrets, development());
    assert_eq!(secrets.make_data_key(&who(), &place).await.unwrap(), 2);
    set(&house, "D", "5").await;
    let mut left = Vec::new();
    loop {
        let step = secrets.reseal(&who(), &place, 2).await.unwrap();
        // Between any two steps everything can be read.
        assert_eq!(value(&house, "A", Some(1)).await, "1");
        assert_eq!(value(&house, "C", None).await, "3");
        assert!(secrets.retire_data_keys(&who(), &place).await.unwrap().is_empty() || step.left == 0);
        if step.done == 0 {
            break;
        }
        left.push(step.left);
    }
    assert_eq!(left, [2, 0]);
    let world = house.engine.world();
    let store = world.secrets(&place).unwrap();
    assert!(store.data_keys[&1].retired_at.is_some());
    // Five values and one key; everything else of the old key is erased.
    for digest in store.erased() {
        assert!(!house.blobs.contains(&digest).await.unwrap());
    }
    assert_eq!(secrets.rewrap(&who(), &place).await.unwrap(), 1);
    for (name, text) in [("A", "4"), ("B", "2"), ("D", "5")] {
        assert_eq!(value(&house, name, None).await, text);
    }
    house.stop().await;
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_said_and_nothing_is_lost() {
    let house = house().await;
    house.keys.set_fault(Some(KeyFault::Away));
    let refused = put(&house, &format!("{SECRETS}/API_KEY"), json!({ "value": "s3cret" })).await;
    refused.is_problem(503, "key_unusable");
    assert!(house.engine.world().secrets(&development()).is_none());
    house.keys.set_fault(None);
    set(&house, "API_KEY", "one").await;
    // What was unwrapped lately is still known.
    house.keys.set_fault(Some(KeyFault::Refused));
    assert_eq!(value(&house, "API_KEY", None).await, "one");
    house.keys.set_fault(None);
    house.stop().await;
}

#[tokio::test]
async fn what_is_damaged_is_said_and_other_versions_can_be_restored() {
    let house = house().await;
    set(&house, "API_KEY", "one").await;
    set(&house, "API_KEY", "two").await;
    let world = house.engine.world();
    let stored = world.secrets(&development()).unwrap().secrets["API_KEY"].versions[&2].ciphertext;
    house.blobs.damage(&stored);
    read(&house, "API_KEY", None).await.is_problem(503, "secret_damaged");
    house.post(&format!("{SECRETS}/API_KEY/restore"), json!({ "version": 1 })).await.ok(200);
    assert_eq!(value(&house, "API_KEY", None).await, "one");
    house.stop().await;
}

#[tokio::test]
async fn ten_who_set_at_once_all_get_a_version() {
    let house = house().await;
    let secrets = &house.secrets;
    let place = development();
    let texts: Vec<String> = (0..10).map(|number| format!("value {number}")).collect();
    let sets = texts.iter().map(|text| {
        let value = towpath_core::secrets::SecretText::new(text.clone());
        let (secrets, place) = (secrets.clone(), place.clone());
        tokio::spawn(async move {
            let origin = towpath_core::secrets::store::SecretOrigin::Given;
            secrets.set(&who(), &place, "API_KEY", &value, origin, &Wish::default()).await
        })
    });
    let mut versions = Vec::new();
    for task in sets.collect::<Vec<_>>() {
        versions.push(task.await.unwrap().unwrap().version.unwrap().0.parse::<u32>().unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=10).collect::<Vec<_>>());
    let source = secrets.source(&place, who(), None);
    let current = source.current(None).await.unwrap();
    assert_eq!(current["API_KEY"].0, "10");
    assert!(source.read(&current).await.unwrap()["API_KEY"].expose().starts_with("value "));
    let stale = Wish { expected: Some(None), ..Wish::default() };
    let value = towpath_core::secrets::SecretText::new("x");
    let origin = towpath_core::secrets::store::SecretOrigin::Given;
    let changed = secrets.set(&who(), &place, "API_KEY", &value, origin, &stale).await;
    assert!(matches!(changed, Err(SecretsError::Changed { .. })));
    house.stop().await;
}
