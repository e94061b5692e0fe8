//! Tests of the dependency table over small made-up workspaces.

use std::path::Path;

use serde_json::json;

use super::*;

/// A crate, and what it depends on with the kind of dependency (`None` is a normal one).
type Edges<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

fn metadata(edges: &[Edges]) -> Value {
    let packages = edges.iter().map(|(name, _)| json!({"id": name, "name": name, "manifest_path": "/w/Cargo.toml"}));
    let nodes = edges.iter().map(|(name, dependencies)| {
        let list = dependencies.iter().map(|(to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}));
        json!({"id": name, "deps": list.collect::<Vec<_>>()})
    });
    let ours = edges.iter().map(|(name, _)| *name).filter(|name| name.starts_with("towpath"));
    json!({
        "packages": packages.collect::<Vec<_>>(),
        "workspace_members": ours.collect::<Vec<_>>(),
        "resolve": {"nodes": nodes.collect::<Vec<_>>()},
    })
}

fn whys(edges: &[Edges]) -> Vec<String> {
    let workspace = Workspace::at(Path::new("/w"));
    check(&workspace, &metadata(edges)).unwrap().into_iter().map(|finding| finding.why).collect()
}

#[test]
fn a_crate_that_sees_what_it_may_is_not_a_finding() {
    assert!(whys(&[("towpath-core", &[]), ("towpath-engine", &[("towpath-core", None)])]).is_empty());
}

#[test]
fn a_store_that_sees_the_proxy_is_a_finding() {
    let found = whys(&[("towpath-proxy", &[]), ("towpath-store", &[("towpath-proxy", None)])]);
    assert_eq!(found, ["`towpath-store` sees `towpath-proxy`, but may see only: towpath-core, towpath-engine"]);
}

#[test]
fn the_testkit_is_welcome_in_tests_and_a_finding_elsewhere() {
    assert!(whys(&[("towpath-testkit", &[]), ("towpath-core", &[("towpath-testkit", Some("dev"))])]).is_empty());
    assert_eq!(whys(&[("towpath-testkit", &[]), ("towpath", &[("towpath-testkit", None)])]).len(), 1);
}

#[test]
fn a_crate_missing_from_the_table_is_a_finding() {
    assert_eq!(whys(&[("towpath-misc", &[])]), ["`towpath-misc` is not in the table of crates"]);
}

#[test]
fn a_runtime_that_core_pulls_in_through_another_crate_is_a_finding_with_the_way_there() {
    let found = whys(&[("towpath-core", &[("maps", None)]), ("maps", &[("tokio", None)]), ("tokio", &[])]);
    assert_eq!(found, ["core must stay pure, but pulls in `tokio`: towpath-core → maps → tokio"]);
}
