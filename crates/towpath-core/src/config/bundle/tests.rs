//! Bundles read back and are named by their content.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_bundle_reads_back_and_its_order_does_not_matter(
        files in proptest::collection::btree_map("environments/[a-z]{1,8}\\.yaml", "\\PC*", 0..6)
    ) {
        let forth = Bundle::of(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect());
        let back = Bundle::of(&files.iter().rev().map(|(path, text)| (path.as_str(), text.as_str())).collect());
        prop_assert_eq!(forth.digest(), back.digest());
        let read = Bundle::from_bytes(&forth.to_bytes()).unwrap();
        prop_assert_eq!(read.files(), &files);
        prop_assert_eq!(Bundle::of(&read.to_sources()).to_bytes(), forth.to_bytes());
    }

    #[test]
    fn arbitrary_bytes_are_no_bundle_and_no_panic(bytes: Vec<u8>) {
        prop_assert!(Bundle::from_bytes(&bytes).is_err());
    }
}

#[test]
fn only_what_the_configuration_is_read_from_is_in_it() {
    let sources: SourceSet =
        [("towpath.yaml", ""), ("README.md", ""), ("environments/a.json", ""), ("environments/b/c.yaml", "")]
            .into_iter()
            .collect();
    let paths: Vec<String> = Bundle::of(&sources).files().keys().cloned().collect();
    assert_eq!(paths, ["environments/a.json", "towpath.yaml"]);
}

#[test]
fn another_spelling_of_a_bundle_is_refused() {
    let error = Bundle::from_bytes(br#"{"format":"towpath-bundle/1","files":{}}"#).unwrap_err();
    assert_eq!(error.to_string(), "the bundle is not in canonical form");
    let error = Bundle::from_bytes(br#"{"files":{},"format":"towpath-bundle/9"}"#).unwrap_err();
    assert!(error.to_string().contains("towpath-bundle/9"));
}
