//! Where sources use flags, and where it only looks like it.

use std::collections::BTreeSet;

use super::*;

fn found(text: &str) -> Vec<String> {
    let keys: BTreeSet<&str> = ["new-checkout", "a", "ünï"].into_iter().collect();
    uses(text, &keys).into_iter().map(|one| format!("{}:{} {}", one.line, one.column, one.key)).collect()
}

#[test]
fn keys_are_found_in_quotes_of_every_kind_and_only_whole() {
    assert_eq!(
        found("x('new-checkout')\n  \"a\", `ünï` \"new-checkout-2\" new-checkout 'x-new-checkout'"),
        ["1:4 new-checkout", "2:4 a", "2:9 ünï",]
    );
    // An apostrophe of a sentence is no opening quote.
    assert_eq!(found("don't 'a' \u{1F600}'a'"), ["1:8 a", "1:13 a"]);
}

#[test]
fn calls_of_every_sdk_name_keys_that_nobody_defined() {
    let python = "from openfeature import api\nclient.get_boolean_value('gone', False)\nd.get('gone')\n";
    assert_eq!(found(python), ["2:27 gone"]);
    let go =
        "import \"github.com/open-feature/go-sdk/openfeature\"\nv, _ := client.BooleanValue(ctx, \"gone\", false, e)\n";
    assert_eq!(found(go), ["2:35 gone"]);
    let web = "import {useFlag} from '@openfeature/react-sdk';\nconst {value} = useFlag('gone', false);\nawait c.getObjectDetails<T>(\n  \"far\", {});";
    assert_eq!(found(web), ["2:26 gone", "4:4 far"]);
    assert_eq!(found("json.getStringValue(\"gone\")"), [""; 0]);
}

#[test]
fn odd_texts_end() {
    for text in ["'", "''", "\"\"\"", "'\n'", "openfeature get_boolean_value(", "openfeature('", "\u{1F600}'\u{1F600}"]
    {
        let _ = found(text);
    }
    let _ = found(&"'".repeat(10_000));
}
