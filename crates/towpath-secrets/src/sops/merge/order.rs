//! In which order the keys of both sides stand.

use std::collections::{BTreeMap, BTreeSet};

/// Returns every key of both sides once. The order of the side that changed it holds, ours if both did; what only the other
/// has comes after what it follows there.
pub(super) fn merged<'k>(base: Option<&[&'k str]>, ours: &[&'k str], theirs: &[&'k str]) -> Vec<&'k str> {
    let has_moved = |side: &[&'k str]| base.is_some_and(|base| common(base, side) != common(side, base));
    let (first, second) = if !has_moved(ours) && has_moved(theirs) { (theirs, ours) } else { (ours, theirs) };
    let in_first: BTreeSet<&str> = first.iter().copied().collect();
    let in_second: BTreeSet<&str> = second.iter().copied().collect();
    // What only the second has, by the key of both that it follows there.
    let mut following: BTreeMap<Option<&str>, Vec<&'k str>> = BTreeMap::new();
    let mut before = None;
    for key in second {
        if in_first.contains(key) {
            before = Some(*key);
        } else {
            following.entry(before).or_default().push(key);
        }
    }
    let mut order = following.remove(&None).unwrap_or_default();
    let mut waiting = Vec::new();
    for key in first {
        // Behind what only the first side has there.
        if in_second.contains(key) {
            order.append(&mut waiting);
            waiting = following.remove(&Some(*key)).unwrap_or_default();
        }
        order.push(key);
    }
    order.append(&mut waiting);
    order
}

fn common<'k>(keys: &[&'k str], others: &[&str]) -> Vec<&'k str> {
    let others: BTreeSet<&str> = others.iter().copied().collect();
    keys.iter().copied().filter(|key| others.contains(key)).collect()
}
