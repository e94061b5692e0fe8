//! The description of the API is whole.

use std::collections::BTreeSet;

use serde_json::Value;

fn api() -> Value {
    serde_json::from_str(&towpath_server::openapi_json()).unwrap()
}

fn operations(api: &Value) -> Vec<(String, &Value)> {
    let paths = api["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn the_description_is_the_one_that_was_agreed_on() {
    insta::assert_snapshot!("openapi", towpath_server::openapi_json());
}

#[test]
fn it_is_openapi_3_1_and_the_same_every_time() {
    assert!(api()["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(towpath_server::openapi_json(), towpath_server::openapi_json());
}

#[test]
fn every_route_is_in_it() {
    let api = api();
    let found: Vec<String> = operations(&api).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found.len(), 90, "{found:#?}");
    for name in ["get /api/health", "get /metrics", "put /api/v1/blobs/{digest}", "post /api/v1/promotions"] {
        assert!(found.iter().any(|known| known == name), "{name}");
    }
}

#[test]
fn every_operation_says_what_it_does_takes_and_answers() {
    let api = api();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&api) {
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{name} has no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{name} has no tag");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name} has no id of its own");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} has no success");
        let shared = responses["default"]["$ref"].as_str().unwrap();
        let problem = api.pointer(shared.trim_start_matches('#')).unwrap();
        let schema = &problem["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem", "{name}");
        let guarded = name.contains("/api/v1");
        let bearer = operation["security"].as_array().unwrap().iter().any(|it| it.get("bearer").is_some());
        assert_eq!((bearer, responses.contains_key("401")), (guarded, guarded), "{name}");
        let declared =
            operation["parameters"].as_array().map_or(0, |all| all.iter().filter(|it| it["in"] == "path").count());
        assert_eq!(declared, name.matches('{').count(), "{name}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {parameter}");
        }
    }
    assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn nothing_is_referred_to_that_is_not_there() {
    fn references(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                all.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, all));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, all)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let api = api();
    let mut all = BTreeSet::new();
    references(&api, &mut all);
    assert!(all.len() > 30);
    for reference in all {
        assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
