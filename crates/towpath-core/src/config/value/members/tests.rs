//! Tests of `members`.

use proptest::prelude::*;

use super::*;
use crate::config::{
    source::{Label, SourceId, Span},
    value::{Data, Value},
};

fn member(start: u32) -> Member {
    let label = Label { source: SourceId(0), span: Span { start, end: start } };
    Member { key: label, value: Value::new(Data::Removed, label) }
}

fn pairs(keys: &[String]) -> Vec<Pair> {
    keys.iter().zip(0_u32..).map(|(key, place)| (key.as_str().into(), member(place))).collect()
}

proptest! {
    #[test]
    fn it_is_what_an_ordered_map_would_be(keys in proptest::collection::vec("[a-c]{0,3}", 0..20), more in "[a-c]{0,3}") {
        let mut map: std::collections::BTreeMap<Arc<str>, Member> = pairs(&keys).into_iter().collect();
        let mut members: Members = pairs(&keys).into_iter().collect();
        let shared = members.clone();
        prop_assert!(map.iter().eq(members.iter()));
        prop_assert_eq!(map.get(more.as_str()), members.get(&more));
        prop_assert_eq!(map.insert(more.as_str().into(), member(99)), members.insert(more.as_str().into(), member(99)));
        prop_assert!(map.iter().eq(members.iter()));
        prop_assert!(shared.iter().all(|(_, member)| member.key.span.start != 99), "a clone keeps what it had");
    }

    #[test]
    fn a_search_from_a_place_finds_what_a_search_from_the_start_finds(
        keys in proptest::collection::btree_set("[a-c]{0,4}", 0..40), from in 0..40_usize, key in "[a-c]{0,4}",
    ) {
        let keys: Vec<String> = keys.into_iter().collect();
        let members: Members = pairs(&keys).into_iter().collect();
        let found = members.find(&key);
        let (Ok(place) | Err(place)) = found;
        if from <= place {
            prop_assert_eq!(members.find_from(from, &key), found);
        }
    }

    #[test]
    fn what_is_added_at_once_lies_in_its_order(keys in proptest::collection::btree_set("[a-c]{0,4}", 0..40), cut in 0..40_usize) {
        let keys: Vec<String> = keys.into_iter().collect();
        let (even, odd): (Vec<_>, Vec<_>) = pairs(&keys).into_iter().enumerate().partition(|(place, _)| place % (cut + 1) == 0);
        let mut members: Members = even.into_iter().map(|(_, pair)| pair).collect();
        members.add(odd.into_iter().map(|(_, pair)| pair).rev().collect());
        prop_assert!(members.keys().map(AsRef::as_ref).eq(keys.iter().map(String::as_str)));
    }
}
