//! Tests of `artifact`.

use proptest::prelude::*;

use super::*;

fn file(bytes: &[u8]) -> TreeEntry {
    TreeEntry::File { digest: Digest::of(bytes), executable: false, size: bytes.len() as u64 }
}

fn link(target: &str) -> TreeEntry {
    TreeEntry::Symlink { target: target.to_owned() }
}

fn tree(entries: &[(&str, TreeEntry)]) -> Result<Tree, TreeError> {
    let entries: Result<_, _> = entries.iter().map(|(path, entry)| Ok((TreePath::new(path)?, entry.clone()))).collect();
    Tree::new(entries?)
}

#[test]
fn the_canonical_form_is_sorted_json_without_white_space() {
    let tree = tree(&[("b", link("a")), ("a", file(b"hello"))]).unwrap();
    insta::assert_snapshot!(String::from_utf8(tree.canonical()).unwrap(), @r#"{"entries":{"a":{"file":{"digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","executable":false,"size":5}},"b":{"symlink":{"target":"a"}}}}"#);
    assert_eq!(Tree::parse(&tree.canonical()).unwrap(), tree);
    assert_eq!(tree.size(), 5);
}

#[test]
fn paths_that_are_not_plain_and_relative_are_refused() {
    for path in ["", "/etc/passwd", "..", "a/../b", "./a", "a//b", "a/", "a\0b", "a\nb"] {
        assert!(TreePath::new(path).is_err(), "{path:?}");
    }
    assert!(TreePath::new(&"a".repeat(256)).is_err());
    assert!(TreePath::new("a/..b/.c").is_ok());
}

#[test]
fn nothing_lies_under_a_file_or_a_link() {
    assert!(matches!(tree(&[("a", file(b"")), ("a/b", file(b""))]), Err(TreeError::UnderFile { .. })));
    assert!(matches!(tree(&[("a", link("c")), ("a/b/c", file(b""))]), Err(TreeError::UnderFile { .. })));
    assert!(tree(&[("a", file(b"")), ("a-b", file(b"")), ("ab/c", file(b""))]).is_ok());
}

#[test]
fn links_stay_in_the_tree() {
    for (path, target) in [("l", "a"), ("d/l", "../a"), ("d/e/l", "../../a/b"), ("d/l", ".."), ("l", "./a")] {
        assert!(tree(&[(path, link(target))]).is_ok(), "{path} -> {target}");
    }
    for (path, target) in [("l", "/etc"), ("l", ".."), ("d/l", "../../a"), ("l", "a/../.."), ("l", "d/l/.."), ("l", "")]
    {
        assert!(matches!(tree(&[(path, link(target))]), Err(TreeError::Leaves { .. })), "{path} -> {target}");
    }
}

#[test]
fn only_the_canonical_form_is_read() {
    let spaced = br#"{"entries": {}}"#;
    assert!(matches!(Tree::parse(spaced), Err(TreeError::NotCanonical)));
    assert!(matches!(Tree::parse(b"{"), Err(TreeError::Syntax(_))));
    assert!(matches!(Tree::parse(br#"{"entries":{},"more":1}"#), Err(TreeError::Syntax(_))));
    assert!(Tree::parse(br#"{"entries":{"../x":{"symlink":{"target":"a"}}}}"#).is_err());
    assert!(Tree::parse(br#"{"entries":{}}"#).is_ok());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(names in prop::collection::btree_set("[a-z. \u{e9}-]{1,8}", 0..6)) {
        let entries: BTreeMap<_, _> = names
            .iter()
            .filter_map(|name| Some((TreePath::new(name).ok()?, file(name.as_bytes()))))
            .collect();
        let tree = Tree::new(entries).unwrap();
        prop_assert_eq!(Tree::parse(&tree.canonical()).unwrap(), tree);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Tree::parse(&bytes);
    }
}
