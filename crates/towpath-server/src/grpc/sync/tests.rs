//! What providers that evaluate themselves are sent.

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
        "flags": { "a": noted }, "$evaluators": { "s": { "==": [1, 1] } }, "metadata": { "flagSetId": "x", "context.region": "eu" },
    }));
    let sent: Json = serde_json::from_slice(&plain(&served)).unwrap();
    let expected = json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": { "a": flag }, "$evaluators": { "s": { "==": [1, 1] } }, "metadata": { "flagSetId": "x" },
    });
    assert_eq!(sent, expected);
}
