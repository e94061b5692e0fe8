//! Tests of the licence expressions and the source rule.

use serde_json::json;

use super::*;

#[test]
fn an_expression_is_allowed_when_one_choice_is_wholly_allowed() {
    for expression in [
        "MIT",
        "MIT/Apache-2.0",
        "Apache-2.0 / MIT",
        "MPL-2.0+",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        "GPL-3.0-only OR (MIT AND ISC)",
    ] {
        assert!(allows(expression), "{expression}");
    }
}

#[test]
fn an_expression_is_refused_when_every_choice_needs_a_licence_that_is_not_allowed() {
    for expression in ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "(MIT OR ISC) AND GPL-2.0-only", "", "MIT OR", "(MIT"] {
        assert!(!allows(expression), "{expression}");
    }
}

#[test]
fn a_crate_without_a_licence_or_from_a_git_branch_is_a_finding() {
    let package = json!({"name": "odd", "version": "1.0.0", "source": "git+https://git.example.com/odd"});
    let whys: Vec<String> = judge(&package).into_iter().map(|finding| finding.why).collect();
    assert_eq!(whys, ["`odd 1.0.0` names no licence", "`odd 1.0.0` comes from `git+https://git.example.com/odd`"]);
}
