//! Tests of each text rule: a text that breaks it, a text that only looks like it.

use super::*;

fn whys(path: &str, text: &str) -> Vec<String> {
    check(path, text).into_iter().map(|finding| format!("{}: {}", finding.line, finding.why)).collect()
}

/// Checks Rust code that has a head, so that only the rule in question can break.
fn in_rust(path: &str, code: &str) -> usize {
    check(path, &format!("//! Head.\n{code}\n")).len()
}

#[test]
fn a_rust_file_without_a_head_is_a_finding_at_its_first_line() {
    assert_eq!(whys("crates/a/src/lib.rs", "use b;\n"), ["1: the file does not say what it is for"]);
    assert!(whys("crates/a/src/lib.rs", "//! Says it.\n").is_empty());
}

#[test]
fn a_file_longer_than_the_limit_is_a_finding_unless_it_holds_tests() {
    let long = format!("//! Long.\n{}", "x;\n".repeat(LONGEST_FILE));
    assert_eq!(whys("crates/a/src/lib.rs", &long), ["601: the file has 601 lines, 600 are the most"]);
    assert!(whys("crates/a/src/lib/tests.rs", &long).is_empty());
}

#[test]
fn unfinished_code_and_ignored_tests_are_findings() {
    for code in
        [concat!("to", "do!()"), concat!("db", "g!(x)"), concat!("unimple", "mented!()"), concat!("#[", "ignore]")]
    {
        assert_eq!(in_rust("crates/a/src/lib.rs", code), 1, "{code}");
    }
}

#[test]
fn a_hashed_collection_is_a_finding_in_core_only() {
    let code = concat!("use std::collections::Hash", "Map;");
    assert_eq!(in_rust("crates/towpath-core/src/a.rs", code), 1);
    assert_eq!(in_rust("crates/towpath-proxy/src/a.rs", code), 0);
}

#[test]
fn a_sleep_is_a_finding_in_tests_unless_excused_with_a_reason() {
    // tidy: allow(sleep) the text under test, not a call
    let sleep = "thread::sleep(a_while);";
    assert_eq!(in_rust("crates/a/src/b/tests.rs", sleep), 1);
    assert_eq!(in_rust("crates/a/src/b.rs", sleep), 0);
    assert_eq!(in_rust("crates/a/tests/it/main.rs", &format!("{sleep} // tidy: allow(sleep) between two polls")), 0);
    assert_eq!(in_rust("crates/a/tests/it/main.rs", &format!("// tidy: allow(sleep) between two polls\n{sleep}")), 0);
    assert_eq!(in_rust("crates/a/tests/it/main.rs", &format!("{sleep} // tidy: allow(sleep)")), 1);
}

#[test]
fn a_type_with_an_empty_word_in_its_name_is_a_finding() {
    for code in ["struct FlagManager;", "pub enum HelperKind {", "pub(crate) trait PathUtils {", "type Util = u8;"] {
        assert_eq!(in_rust("crates/a/src/lib.rs", code), 1, "{code}");
    }
    for code in ["struct Utilisation;", "enum Role { Manager }", "fn manager() {}", "struct Managed;"] {
        assert_eq!(in_rust("crates/a/src/lib.rs", code), 0, "{code}");
    }
}

#[test]
fn a_path_of_one_machine_is_a_finding_in_any_file() {
    for line in [concat!("cd /wo", "rk/repo"), concat!("\"/ro", "ot/.cargo\""), concat!("see /wo", "rk")] {
        assert_eq!(check("README.md", line).len(), 1, "{line}");
    }
    for line in [concat!("home/wo", "rk"), concat!("/wo", "rkers"), concat!("../ro", "ot"), concat!("${X}/wo", "rk")] {
        assert_eq!(check("README.md", line).len(), 0, "{line}");
    }
}

#[test]
fn the_address_of_a_package_mirror_is_a_finding_unless_the_name_is_reserved_for_examples() {
    let address = |host: &str| format!("https:/{}{host}/simple", "/");
    assert_eq!(check("a.toml", &address(concat!("artifact", "ory.corp.net"))).len(), 1);
    assert_eq!(check("a.toml", &address(concat!("user:pw@py", "pi.corp.net:8080"))).len(), 1);
    assert_eq!(check("a.toml", &address(concat!("regis", "try.example.com"))).len(), 0);
    assert_eq!(check("a.toml", &address("github.com/rust-lang/registry")).len(), 0);
}

#[test]
fn a_finding_says_where_why_and_what_to_do() {
    let finding = check("crates/a/src/lib.rs", "//! Head.\nstruct Helper;\n").remove(0).to_string();
    assert!(finding.starts_with("crates/a/src/lib.rs:2: the name says nothing"), "{finding}");
    assert!(finding.lines().count() == 2, "{finding}");
}
