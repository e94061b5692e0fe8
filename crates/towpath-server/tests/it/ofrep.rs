//! OFREP over real sockets: what is answered, to whom, and what becomes of bad input.

use std::sync::{Arc, atomic::Ordering};

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use towpath_engine::{
    flags::{FlagSets, Served},
    ports::Evaluations,
};
use towpath_testkit::MemoryEvaluations;

use crate::house::{Answer, House};

const ALL: &str = "/ofrep/v1/evaluate/flags";

/// A house that serves flags, with a key of a service and one of clients.
struct Flags {
    house: House,
    sets: Arc<FlagSets>,
    counts: Arc<MemoryEvaluations>,
    server: String,
    client: String,
}

fn document() -> Value {
    json!({
        "flags": {
            "shop/new": { "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "on" },
            "ratio": { "state": "ENABLED", "variants": { "ten": 10.0, "one": 1 }, "defaultVariant": "ten",
                "metadata": { "owner": "ana", "team": "shop" } },
            "text": { "state": "ENABLED", "variants": { "a \"b\"": "ü\n" }, "defaultVariant": "a \"b\"" },
            "gone": { "state": "DISABLED", "variants": { "on": true }, "defaultVariant": "on" },
            "none": { "state": "ENABLED", "variants": { "on": { "a": [1, 2.50] } } },
            "inner": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "on",
                "towpath": { "client": false, "owner": "ben" } },
        },
        "metadata": { "version": "7", "description": "of the shop" },
    })
}

impl Flags {
    async fn new() -> Self {
        let (sets, counts) = (Arc::new(FlagSets::default()), Arc::new(MemoryEvaluations::default()));
        let (given, kept) = (Arc::clone(&sets), Arc::clone(&counts));
        let house = House::with(|options| {
            options.flags = given;
            options.evaluations = Some(kept);
        })
        .await;
        house.release("1.0").await;
        let mut flags = Self { house, sets, counts, server: String::new(), client: String::new() };
        flags.serve("development", document());
        flags.server = flags.key("development", json!({ "name": "service", "kind": "server" })).await;
        flags.client = flags.key("development", json!({ "name": "page", "kind": "client" })).await;
        flags
    }

    fn serve(&self, environment: &str, document: Value) {
        let served = Served::new(serde_json::from_value(document).unwrap());
        self.sets.publish(&environment.parse().unwrap(), Arc::new(served));
    }

    async fn key(&self, environment: &str, body: Value) -> String {
        let made = self.house.post(&format!("/api/v1/environments/{environment}/flag-keys"), body).await;
        assert_eq!(made.header("cache-control"), "no-store");
        made.ok(201)["key"].as_str().unwrap().to_owned()
    }

    fn request(&self, method: Method, key: &str, path: &str) -> reqwest::RequestBuilder {
        self.house.client.request(method, format!("{}{path}", self.house.url)).header("x-api-key", key)
    }

    async fn send(&self, key: &str, path: &str, body: &str) -> Answer {
        House::send(self.request(Method::POST, key, path).body(body.to_owned())).await
    }

    async fn one(&self, key: &str, flag: &str) -> Answer {
        self.send(key, &format!("{ALL}/{flag}"), r#"{"context":{"targetingKey":"u"}}"#).await
    }

    async fn all(&self, key: &str) -> Answer {
        self.send(key, ALL, r#"{"context":{"targetingKey":"u"}}"#).await
    }
}

fn is_empty(answer: &Answer, status: u16) {
    assert_eq!((answer.status.as_u16(), &answer.body), (status, &json!("")), "{answer:#?}");
    assert!(answer.header("x-request-id").starts_with("req-"), "{answer:#?}");
}

fn is_failure(answer: &Answer, status: u16, code: &str, key: Option<&str>) {
    assert_eq!((answer.status.as_u16(), answer.body["errorCode"].as_str()), (status, Some(code)), "{answer:#?}");
    assert!(answer.body["errorDetails"].as_str().is_some_and(|details| !details.is_empty()), "{answer:#?}");
    assert_eq!(answer.body["key"].as_str(), key, "{answer:#?}");
}

#[tokio::test]
async fn a_flag_is_evaluated_by_its_key_raw_and_escaped_with_body_and_without() {
    let flags = Flags::new().await;
    let expected = json!({ "key": "shop/new", "reason": "STATIC", "variant": "on", "value": true,
        "metadata": { "description": "of the shop", "version": "7" } });
    for path in ["shop/new", "shop%2Fnew", "shop%2fnew"] {
        let mut found = flags.one(&flags.server, path).await.ok(200);
        // Whatever metadata the evaluation itself carries is not this test's.
        found["metadata"] = expected["metadata"].clone();
        assert_eq!(found, expected);
    }
    for body in ["", "{}", r#"{"context":null}"#, r#"{"context":{}}"#] {
        let found = flags.send(&flags.server, &format!("{ALL}/shop/new"), body).await.ok(200);
        assert_eq!(found["value"], true, "{body}");
    }
    is_failure(&flags.one(&flags.server, "nope").await, 404, "FLAG_NOT_FOUND", Some("nope"));
    is_failure(&flags.one(&flags.server, "a%22%0Ab").await, 404, "FLAG_NOT_FOUND", Some("a\"\nb"));
}

#[tokio::test]
async fn numbers_are_as_written_and_a_variant_is_always_there() {
    let flags = Flags::new().await;
    let request = flags.request(Method::POST, &flags.server, ALL).send().await.unwrap();
    let text = request.text().await.unwrap();
    assert!(text.contains(r#""variant":"ten","value":10.0"#), "{text}");
    let all: Value = serde_json::from_str(&text).unwrap();
    let found = |key: &str| all["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == key).unwrap().clone();
    for (key, reason) in [("gone", "DISABLED"), ("none", "")] {
        let flag = found(key);
        assert_eq!((&flag["variant"], flag.get("value")), (&json!(""), None), "{flag}");
        assert!(reason.is_empty() || flag["reason"] == reason, "{flag}");
    }
    assert_eq!((&found("text")["variant"], &found("text")["value"]), (&json!("a \"b\""), &json!("ü\n")));
    assert_eq!(all["metadata"], json!({ "version": "7", "description": "of the shop", "flagSetId": "development" }));
}

#[tokio::test]
async fn clients_see_what_is_meant_for_them_and_no_internal_metadata() {
    let flags = Flags::new().await;
    let all = flags.all(&flags.client).await.ok(200);
    let text = all.to_string();
    assert!(!text.contains("inner") && !text.contains("owner") && !text.contains("of the shop"), "{text}");
    assert_eq!(all["flags"].as_array().unwrap().len(), 5);
    assert_eq!(all["metadata"], json!({ "version": "7", "flagSetId": "development" }));
    let ratio = flags.one(&flags.client, "ratio").await.ok(200);
    assert_eq!(ratio["metadata"], json!({ "version": "7", "team": "shop" }));
    is_failure(&flags.one(&flags.client, "inner").await, 404, "FLAG_NOT_FOUND", Some("inner"));
    assert_eq!(flags.one(&flags.server, "inner").await.ok(200)["value"], true);
}

#[tokio::test]
async fn the_same_answer_is_not_sent_twice() {
    let flags = Flags::new().await;
    let first = flags.all(&flags.server).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{tag}");
    let again = |known: String, context: &'static str| {
        let request = flags.request(Method::POST, &flags.server, ALL).header("if-none-match", known);
        House::send(request.body(format!(r#"{{"context":{context}}}"#)))
    };
    let same = r#"{"targetingKey":"u"}"#;
    for known in
        [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned(), tag.trim_matches('"').to_owned()]
    {
        let answer = again(known.clone(), same).await;
        is_empty(&answer, 304);
        assert_eq!(answer.header("etag"), tag, "{known}");
    }
    assert_eq!(again("\"x\"".to_owned(), same).await.status, 200);
    assert_eq!(again(tag.clone(), r#"{"targetingKey":"other"}"#).await.status, 200, "another context");
    let client = flags.request(Method::POST, &flags.client, ALL).header("if-none-match", tag.clone());
    assert_eq!(House::send(client.body(format!(r#"{{"context":{same}}}"#))).await.status, 200, "another key");
    let mut changed = document();
    changed["flags"]["ratio"]["defaultVariant"] = json!("one");
    flags.serve("development", changed);
    let answer = again(tag.clone(), same).await;
    assert_ne!(answer.header("etag"), tag);
    let answer = answer.ok(200).to_string();
    assert!(answer.contains(r#""value":1,"variant":"one""#), "{answer}");
}

#[tokio::test]
async fn contexts_that_make_no_sense_are_the_errors_of_the_protocol() {
    let flags = Flags::new().await;
    let deep = |levels: usize| format!(r#"{{"context":{{"a":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels));
    let cases = [
        ("{", "PARSE_ERROR"),
        ("{\"context\":{\"a\":\u{1}}}", "PARSE_ERROR"),
        (r#"{"context":{},"context":{}}"#, "PARSE_ERROR"),
        ("[]", "INVALID_CONTEXT"),
        (r#"{"context":[]}"#, "INVALID_CONTEXT"),
        (r#"{"context":"u"}"#, "INVALID_CONTEXT"),
        (r#"{"context":1e999}"#, "INVALID_CONTEXT"),
    ];
    for (body, code) in cases {
        is_failure(&flags.send(&flags.server, ALL, body).await, 400, code, None);
        is_failure(&flags.send(&flags.server, &format!("{ALL}/ratio"), body).await, 400, code, Some("ratio"));
    }
    for levels in [10, 100, 100_000] {
        let answer = flags.send(&flags.server, ALL, &deep(levels)).await;
        assert!(matches!(answer.status.as_u16(), 200 | 400), "{answer:#?}");
    }
    let large = format!(r#"{{"context":{{"a":"{}"}}}}"#, "x".repeat((1 << 20) + 5000));
    // The connection may be closed before all was sent; then nothing can be read.
    if let Ok(response) = flags.request(Method::POST, &flags.server, ALL).body(large).send().await {
        assert_eq!(response.status(), 413);
    }
    assert_eq!(flags.all(&flags.server).await.status, 200, "and it still serves");
}

#[tokio::test]
async fn who_has_no_key_of_the_environment_gets_an_empty_answer() {
    let flags = Flags::new().await;
    let strange = House::send(flags.house.client.post(format!("{}{ALL}", flags.house.url))).await;
    is_empty(&strange, 401);
    assert!(strange.header("www-authenticate").starts_with("Bearer"));
    is_empty(&flags.all("tow_server_nope").await, 401);
    let elsewhere = flags.request(Method::POST, &flags.server, ALL).header("flagd-selector", "flagSetId=staging");
    is_empty(&House::send(elsewhere).await, 403);
    is_empty(&flags.send(&flags.server, &format!("/environments/staging{ALL}"), "").await, 403);
    let here = flags.request(Method::POST, &flags.server, ALL).header("flagd-selector", "development");
    assert_eq!(House::send(here).await.status, 200);
    assert_eq!(flags.send(&flags.server, &format!("/environments/development{ALL}/"), "").await.status, 200);
    // A key is for evaluating and nothing else.
    let api =
        House::send(flags.house.client.get(format!("{}/api/v1/status", flags.house.url)).bearer_auth(&flags.server));
    assert_eq!(api.await.status, 401);
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_refused_at_once() {
    let flags = Flags::new().await;
    let end = flags.house.engine.now() + jiff::SignedDuration::from_secs(60);
    let short = flags.key("development", json!({ "name": "short", "kind": "server", "expiresAt": end })).await;
    assert_eq!(flags.all(&short).await.status, 200);
    flags.house.wait(60);
    is_empty(&flags.all(&short).await, 401);
    let path = "/api/v1/environments/development/flag-keys/service/revoke";
    let revoked = flags.house.post(path, json!({ "reason": "it leaked" })).await.ok(200);
    assert_eq!((&revoked["valid"], &revoked["revokedReason"]), (&json!(false), &json!("it leaked")));
    is_empty(&flags.all(&flags.server).await, 401);
    assert_eq!(flags.all(&flags.client).await.status, 200, "others are let in");
    let listed = flags.house.get("/api/v1/environments/development/flag-keys").await.ok(200).to_string();
    assert!(!listed.contains("tow_"), "{listed}");
    let events = flags.house.get("/api/v1/events").await.ok(200).to_string();
    assert!(events.contains("flag_key_made") && !events.contains("tow_"), "{events}");
}

#[tokio::test]
async fn people_evaluate_with_their_tokens_where_they_say() {
    let flags = Flags::new().await;
    let as_ana = |path: &str| flags.house.request(Method::POST, path);
    is_failure(&House::send(as_ana(ALL)).await, 400, "GENERAL", None);
    assert_eq!(House::send(as_ana(&format!("/environments/development{ALL}"))).await.status, 200);
    assert_eq!(House::send(as_ana(ALL).header("flagd-selector", "flagSetId=development")).await.status, 200);
    is_failure(&House::send(as_ana(&format!("/environments/nowhere{ALL}"))).await, 404, "GENERAL", None);
    // Nothing is served in staging: that is no failure.
    let none = House::send(as_ana(&format!("/environments/staging{ALL}"))).await.ok(200);
    assert_eq!(none, json!({ "flags": [], "metadata": { "flagSetId": "staging" } }));
    let page = as_ana(&format!("/environments/development{ALL}")).header("origin", "https://evil.example");
    is_empty(&House::send(page).await, 403);
}

#[tokio::test]
async fn a_key_makes_no_more_requests_than_it_may() {
    let flags = Flags::new().await;
    let key = flags.key("development", json!({ "name": "slow", "kind": "client", "perSecond": 2 })).await;
    let mut last = flags.all(&key).await;
    assert_eq!(last.status, 200);
    for _ in 0..50 {
        last = flags.all(&key).await;
        if last.status == 429 {
            break;
        }
    }
    is_empty(&last, 429);
    assert_eq!(last.header("retry-after"), "1");
    assert_eq!(flags.all(&flags.client).await.status, 200, "others are not held up");
}

fn cors(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let all = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    all.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

#[tokio::test]
async fn pages_of_other_sites_may_ask_if_the_key_is_for_them() {
    let flags = Flags::new().await;
    let asked = flags.house.client.request(Method::OPTIONS, format!("{}{ALL}", flags.house.url));
    let asked = asked.header("origin", "https://shop.example.org").header("access-control-request-method", "POST");
    let preflight = House::send(asked.header("access-control-request-headers", "if-none-match,x-api-key")).await;
    is_empty(&preflight, 204);
    let allowed = preflight.header("access-control-allow-headers").to_ascii_lowercase();
    for name in ["authorization", "content-type", "flagd-selector", "if-none-match", "x-api-key"] {
        assert!(allowed.split(", ").any(|allowed| allowed == name), "{name}: {allowed}");
    }
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    let limited = json!({ "name": "shop", "kind": "client", "origins": ["https://shop.example.org"] });
    let key = flags.key("development", limited).await;
    let from = |origin: &'static str| House::send(flags.request(Method::POST, &key, ALL).header("origin", origin));
    let ours = from("https://shop.example.org").await;
    assert_eq!(ours.status, 200);
    assert!(ours.header("access-control-expose-headers").contains("ETag"), "{:?}", cors(&ours.headers));
    assert_eq!(ours.header("access-control-allow-origin"), "*");
    let theirs = from("https://evil.example").await;
    is_empty(&theirs, 403);
    assert_eq!(flags.all(&key).await.status, 200, "what is no page sends no origin");
    let unknown = flags.request(Method::POST, "nope", ALL).header("origin", "https://shop.example.org");
    let unknown = House::send(unknown).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.header("access-control-allow-origin")),
        (401, "*"),
        "pages can tell why"
    );
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let flags = Flags::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = House::send(flags.request(method, &flags.server, ALL)).await;
        is_failure(&answer, 405, "GENERAL", None);
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
    for path in ["/ofrep/", "/ofrep/v1/configuration", "/ofrep/v2/evaluate/flags", "/environments/development/ofrep/v1"]
    {
        is_failure(&flags.send(&flags.server, path, "").await, 404, "GENERAL", None);
    }
}

#[tokio::test]
async fn a_panic_is_one_failed_request_with_the_key_and_no_context() {
    let flags = Flags::new().await;
    // A clock out of range: reading it panics.
    let before = flags.house.clock.0.swap(i64::MAX, Ordering::Relaxed);
    let one = flags.one(&flags.server, "ratio").await;
    let all = flags.all(&flags.server).await;
    flags.house.clock.0.store(before, Ordering::Relaxed);
    is_failure(&one, 500, "GENERAL", Some("ratio"));
    is_failure(&all, 500, "GENERAL", None);
    assert_eq!(flags.all(&flags.server).await.status, 200);
}

#[tokio::test]
async fn evaluations_are_counted_by_flag_variant_and_reason_and_survive_a_change() {
    let flags = Flags::new().await;
    for _ in 0..3 {
        flags.one(&flags.server, "ratio").await.ok(200);
    }
    flags.all(&flags.client).await.ok(200);
    let mut changed = document();
    changed["flags"]["ratio"]["defaultVariant"] = json!("one");
    changed["flags"].as_object_mut().unwrap().remove("text");
    flags.serve("development", changed);
    flags.house.wait(10);
    flags.one(&flags.server, "ratio").await.ok(200);
    flags.one(&flags.server, "unheard-of").await;
    let counted = flags.house.get("/api/v1/environments/development/flag-evaluations").await.ok(200);
    let of = |key: &str| counted["flags"].as_array().unwrap().iter().find(|flag| flag["flag"] == key).cloned();
    let ratio = of("ratio").unwrap();
    assert_eq!(
        (&ratio["asked"], &ratio["amongAll"], &ratio["served"]),
        (&json!(4), &json!(1), &json!(true)),
        "{ratio}"
    );
    let ten =
        ratio["results"].as_array().unwrap().iter().filter(|it| it["variant"] == "ten" && it["amongAll"] == false);
    assert_eq!(ten.map(|it| it["count"].as_u64().unwrap()).sum::<u64>(), 3, "{ratio}");
    assert_eq!(of("inner").unwrap()["results"], json!([]), "a client asked for all: not for this one");
    assert_eq!(of("text").unwrap()["served"], false, "it was evaluated before it went");
    assert!(of("unheard-of").is_none(), "what nobody defined is not counted");
    assert!(ratio["first"].as_str() < ratio["last"].as_str() || ratio["first"] == ratio["last"], "{ratio}");
    let Flags { house, counts, .. } = flags;
    house.client.post(format!("{}{ALL}/ratio", house.url)).header("x-api-key", &flags.server).send().await.unwrap();
    house.stop().await;
    let kept = counts.list(&"development".parse().unwrap()).await.unwrap();
    let asked = kept.iter().filter(|count| count.flag.as_str() == "ratio" && !count.bulk);
    assert_eq!(asked.map(|count| count.count).sum::<u64>(), 5, "the last ones are written down when it stops");
}
