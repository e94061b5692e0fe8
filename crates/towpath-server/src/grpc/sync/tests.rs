use serde_json::json;

use super::*;

fn served(document: Json) -> Served {
    Served::new(serde_json::from_value(document).unwrap())
}

#[test]
fn what_goes_out_is_a_plain_file_of_flagd() {
    let flag = json!({ "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "on" });
    let mut noted = flag.clone();
    noted["towpath"] = json!({ "owner": "ana" });
    let served = served(json!({
        "flags": { "a": noted }, "$evaluators": { "s": { "==": [1, 1] } }, "metadata": { "flagSetId": "x" },
    }));
    let sent: Json = serde_json::from_slice(&plain(&served)).unwrap();
    let expected = json!({
        "flags": { "a": flag }, "$evaluators": { "s": { "==": [1, 1] } }, "metadata": { "flagSetId": "x" },
    });
    assert_eq!(sent, expected);
}

#[test]
fn static_context_lies_over_the_context_of_every_evaluation() {
    let served = served(json!({ "metadata": { "context.region": "eu", "owner": "ana" } }));
    let context: Json = serde_json::from_slice(&enriched(&served, br#"{"region": "us", "plan": "free"}"#)).unwrap();
    assert_eq!(context, json!({ "region": "eu", "plan": "free" }));
    assert_eq!(enriched(&served, b"[1]"), b"[1]");
}
