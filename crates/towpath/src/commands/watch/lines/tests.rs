//! One line for each change.

use serde_json::{Value, json};

use super::*;

fn rollout(changes: &Value) -> RolloutView {
    let mut value = json!({
        "environment": "production", "revision": 4, "release": 2, "version": "1.1", "status": "running", "current": false,
        "strategy": "canary", "startedAt": "2026-01-01T00:00:00Z", "startedBy": "ana", "active": true, "step": 0,
        "steps": [
            { "kind": "weight", "text": "send 10% of the traffic", "state": "active", "weightPercent": 10 },
            { "kind": "analysis", "text": "analyse 2 times every 2s", "state": "pending" },
            { "kind": "verify", "text": "verify", "state": "pending" },
        ],
        "weightPercent": 10, "traffic": [], "measurements": [], "verification": [], "sets": [],
    });
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
    serde_json::from_value(value).unwrap()
}

#[test]
fn nothing_is_said_twice() {
    let mut lines = Lines::default();
    let first = lines.of(&rollout(&json!({})));
    assert_eq!(first, ["d4 r2 1.1 in production: canary, 3 steps", "[1/3] send 10% of the traffic"]);
    assert_eq!(lines.of(&rollout(&json!({}))), [""; 0]);
}

#[test]
fn a_measurement_is_said_before_the_step_that_it_led_to() {
    let mut lines = Lines::default();
    lines.of(&rollout(&json!({ "step": 1 })));
    let measured = json!([{
        "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:02Z", "requests": 9, "errors": 0, "verdict": "pass",
        "reason": "0 of 9 requests failed",
    }]);
    let said = lines.of(&rollout(&json!({ "step": 2, "measurements": measured })));
    assert_eq!(said, ["[2/3] analysis pass: 0 of 9 requests failed", "[3/3] verify"]);
}

#[test]
fn steps_that_nobody_saw_are_said_once_it_completed() {
    let said = Lines::default().of(&rollout(&json!({ "step": null, "status": "completed", "active": false })));
    assert_eq!(said.len(), 4, "{said:?}");
}

#[test]
fn a_failure_is_said_with_its_evidence() {
    let mut lines = Lines::default();
    lines.of(&rollout(&json!({})));
    let failure = json!({ "kind": "analysis", "message": "too many errors", "evidence": ["9 of 10"] });
    let said = lines.of(&rollout(&json!({ "step": null, "status": "rolling_back", "failure": failure })));
    assert_eq!(said, ["failed: too many errors", "  9 of 10", "going back to the good revision"]);
}
