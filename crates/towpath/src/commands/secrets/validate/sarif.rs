//! Findings in SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), as code hosts take them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use towpath_core::secrets::findings::{Finding, FindingSeverity};

/// Returns the log of one run.
pub(super) fn log(findings: &[Finding]) -> Value {
    let kinds: BTreeMap<&str, &Finding> = findings.iter().map(|one| (one.code.as_str(), one)).collect();
    let rules: Vec<Value> = kinds
        .values()
        .map(|one| json!({ "id": one.code, "defaultConfiguration": { "level": level(one.severity) }, "help": { "text": one.help } }))
        .collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "towpath", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
            "columnKind": "unicodeCodePoints",
        }],
    })
}

fn result(one: &Finding) -> Value {
    let mut result = json!({
        "ruleId": one.code,
        "level": level(one.severity),
        "message": { "text": format!("{}. {}", one.message, one.help) },
        "partialFingerprints": { "towpath/v1": one.fingerprint },
        "properties": { "severity": one.severity, "environments": one.environments, "secrets": one.secrets },
    });
    // What is no longer in the files has no place there.
    let place = one.place.as_ref().map(|place| {
        let mut location = json!({ "artifactLocation": { "uri": escaped(&place.path) } });
        if place.line > 0 && place.commit.is_none() {
            let region = json!({ "startLine": place.line, "startColumn": place.column.max(1) });
            location.as_object_mut().map(|location| location.insert("region".to_owned(), region));
        }
        json!([{ "physicalLocation": location }])
    });
    if let (Some(object), Some(place)) = (result.as_object_mut(), place) {
        object.insert("locations".to_owned(), place);
    }
    result
}

fn level(severity: FindingSeverity) -> &'static str {
    match severity {
        FindingSeverity::Low => "note",
        FindingSeverity::Medium => "warning",
        FindingSeverity::High | FindingSeverity::Critical => "error",
    }
}

/// Escapes a path for a URI.
fn escaped(path: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.bytes().map(one).collect()
}
