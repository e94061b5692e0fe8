//! Tests of the stale check.

use super::*;

#[test]
fn a_file_that_differs_or_is_missing_is_stale_and_one_that_matches_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::at(folder.path());
    fs::write(folder.path().join("same"), "text").unwrap();
    fs::write(folder.path().join("old"), "before").unwrap();
    let entry = |path| Generated { path, from: Source::Function(|| "text".into()) };
    let found = stale(&workspace, &[entry("same"), entry("old"), entry("missing")]).unwrap();
    assert_eq!(found.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["old", "missing"]);
}

#[test]
fn a_stale_file_is_named_with_the_command_that_writes_it() {
    let error = refuse(&[("docs/a.md", String::new())]).unwrap_err().to_string();
    assert!(error.contains("docs/a.md") && error.contains("cargo xtask codegen"), "{error}");
}

#[test]
fn no_file_is_generated_twice() {
    let mut paths: Vec<&str> = GENERATED.iter().map(|entry| entry.path).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), GENERATED.len());
}
