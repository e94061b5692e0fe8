//! Providers as people set them up: what they evaluate, and how soon they hear of a change.

use serde_json::{Value, json};

use super::{Asking, Served, node, python, script};
use crate::project::Project;

/// A server whose environment development has flags of every type.
fn served() -> Served {
    let project = Project::small();
    let rule = json!({ "if": [{ "==": [{ "var": "plan" }, "paid"] }, "grand"] });
    let flags = json!({ "flags": {
        "greeting": {
            "state": "ENABLED", "variants": { "plain": "hello", "grand": "good day", "other": "servus" },
            "defaultVariant": "plain", "targeting": rule,
        },
        "limit": { "state": "ENABLED", "variants": { "ten": 10 }, "defaultVariant": "ten" },
        "look": { "state": "ENABLED", "variants": { "dark": { "colour": "black" } }, "defaultVariant": "dark" },
    }});
    project.write("flags/shop.json", &flags.to_string());
    Served::start(project)
}

/// Gives a program what it asks for and returns what it says at the end, the word for the way that it was let in being `how`.
fn heard(served: &mut Served, command: std::process::Command, key: &str, how: &str) -> Value {
    let settings = json!({ "port": served.port, "key": key, "environment": "development", "how": how });
    let last = Asking::start(command, &settings).serve(|request| match request {
        "change" => drop(served.project.ok("flags default development greeting other --reason test")),
        "restart" => {
            served.down();
            served.up();
        }
        other => panic!("nobody knows how to do: {other}"),
    });
    served.project.ok("flags reset development greeting --reason test");
    let said: Value = serde_json::from_str(&last).unwrap();
    let ms = said["heardMs"].as_f64().unwrap();
    println!("{how}: heard of the change {ms:.1} ms after it was made");
    assert!(ms < 1000.0, "{said:#}");
    said
}

#[test]
fn services_in_python_hear_of_changes_and_go_on_when_the_server_comes_back() {
    let mut served = served();
    let key = served.key("development", "python", "server");
    for (mode, how) in [
        ("in-process", "metadata"),
        ("in-process", "selector"),
        ("rpc", "metadata"),
        ("rpc", "selector"),
        ("rpc", "authority"),
    ] {
        let Some(mut python) = python() else { return };
        python.arg(script("provider.py")).arg(mode);
        let said = heard(&mut served, python, &key, how);
        let first =
            json!([["hello", "plain", "DEFAULT"], ["good day", "grand", "TARGETING_MATCH"], 10, { "colour": "black" }]);
        assert_eq!(said["first"], first, "{mode} {how}");
        assert_eq!((&said["then"][0], &said["again"][0]), (&json!("servus"), &json!("servus")), "{mode} {how}");
    }
}

#[test]
fn services_and_pages_in_javascript_hear_of_changes() {
    let mut served = served();
    let (service, page) = (served.key("development", "service", "server"), served.key("development", "page", "client"));
    for (kind, key) in [("in-process", &service), ("rpc", &service), ("web", &page), ("ofrep", &page)] {
        let Some(mut node) = node() else { return };
        node.arg(script("provider.js")).arg(kind);
        let said = heard(&mut served, node, key, kind);
        let first =
            json!([["hello", "plain", "DEFAULT"], ["good day", "grand", "TARGETING_MATCH"], 10, { "colour": "black" }]);
        assert_eq!((&said["first"], &said["then"]), (&first, &json!("servus")), "{kind}");
    }
}
