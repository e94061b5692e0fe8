//! What the ledger lays over the files.

use super::*;
use crate::config::OverlayOrigin;

fn entry(sequence: u64, key: &str, value: Option<&str>) -> OverlayEntry {
    let origin = OverlayOrigin {
        sequence,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: "ana".parse().unwrap(),
        reason: Some("because".to_owned()),
    };
    OverlayEntry { key: key.to_owned(), value: value.map(str::to_owned), origin }
}

#[test]
fn a_key_set_again_counts_as_set_last() {
    let mut live = Live::default();
    live.set(entry(1, "a", Some("1")));
    live.set(entry(2, "b", Some("1")));
    live.set(entry(3, "a", None));
    let order: Vec<(&str, u64)> = live.overlay.iter().map(|it| (it.key.as_str(), it.origin.sequence)).collect();
    assert_eq!(order, [("b", 2), ("a", 3)]);
    live.unset("b");
    assert!(live.get("b").is_none() && live.get("a").is_some());
}

#[test]
fn the_digest_names_values_and_their_order_and_not_who_set_them() {
    let of = |entries: &[OverlayEntry]| Live { overlay: entries.to_vec(), file: None }.digest();
    let (a, b) = (entry(1, "a", Some("1")), entry(2, "b", Some("1")));
    assert_eq!(of(&[a.clone(), b.clone()]), of(&[entry(7, "a", Some("1")), b.clone()]));
    assert_ne!(of(&[a.clone(), b.clone()]), of(&[b.clone(), a.clone()]));
    assert_ne!(of(std::slice::from_ref(&a)), of(&[entry(1, "a", None)]));
    assert_ne!(Live { file: Some(String::new()), ..Live::default() }.digest(), Live::NONE.digest());
}

#[test]
fn changed_keys_are_those_of_which_different_things_are_said() {
    let one = Live { overlay: vec![entry(1, "a", Some("1")), entry(2, "b", Some("1"))], file: None };
    let two = Live { overlay: vec![entry(3, "b", None), entry(4, "c", None), entry(5, "a", Some("1"))], file: None };
    assert_eq!(one.changed(&two), ["b", "c"]);
    assert!(one.changed(&one).is_empty());
}

#[test]
fn a_file_in_the_ledger_takes_the_place_of_the_one_in_the_release() {
    let files: SourceSet = [("towpath.yaml", "x"), ("environments/p.yml", "old")].into_iter().collect();
    let live = Live { overlay: Vec::new(), file: Some("new".to_owned()) };
    let sources = live.sources(&files, &"p".parse().unwrap());
    let found: Vec<(&str, &str)> = sources.files().collect();
    assert_eq!(found, [("towpath.yaml", "x"), ("environments/p.yaml", "new")]);
}
