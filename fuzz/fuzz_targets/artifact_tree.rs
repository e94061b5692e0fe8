//! Bytes as the tree of an artifact: what is accepted names no path outside its folder and reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_core::artifact::Tree;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = Tree::parse(bytes) else { return };
    for path in tree.entries().keys() {
        let path = path.as_str();
        assert!(!path.starts_with('/') && !path.contains('\0'), "{path:?}");
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
    }
    let _ = (tree.size(), tree.blobs().count());
    let again = Tree::parse(&tree.canonical()).expect("a tree reads what it wrote");
    assert_eq!(again.digest(), tree.digest());
});
